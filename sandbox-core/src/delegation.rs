//! Which ids of the host others than root may map: what the subordinate id files give them, and the set-user-ID tools that
//! act on it. Read only for a policy that maps more than the caller's own ids.

use std::ffi::CString;
use std::path::Path;

use crate::policy::types::IdRange;

/// What the host says of one caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delegation {
    /// The caller's name; absent where /etc/passwd has none, as with accounts of a directory service.
    pub name: Option<String>,
    /// Ranges of /etc/subuid that are the caller's.
    pub uids: Vec<SubRange>,
    /// Ranges of /etc/subgid.
    pub gids: Vec<SubRange>,
    /// nsswitch.conf(5) names another source of ranges, of which only the tools know.
    pub elsewhere: bool,
    /// newuidmap(1), where it was found.
    pub newuidmap: Option<CString>,
    /// newgidmap(1).
    pub newgidmap: Option<CString>,
    /// setgroups(2) is not denied in the caller's own user namespace, whose denial a new one inherits.
    pub setgroups: bool,
}

/// A line of subuid(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubRange {
    pub first: u32,
    pub count: u32,
}

impl Delegation {
    /// Reads the host's files. `path` is the caller's `$PATH`.
    pub fn probe(uid: u32, path: Option<&[u8]>) -> Self {
        // What cannot be read gives nothing; the tools have the last word.
        let read = |file: &str| std::fs::read(file).unwrap_or_default();
        let names = names_of(&read("/etc/passwd"), uid);
        Self {
            uids: ranges_of(&read("/etc/subuid"), &names, uid),
            gids: ranges_of(&read("/etc/subgid"), &names, uid),
            name: names.first().map(|name| String::from_utf8_lossy(name).into_owned()),
            elsewhere: is_elsewhere(&read("/etc/nsswitch.conf")),
            newuidmap: find("newuidmap", path),
            newgidmap: find("newgidmap", path),
            setgroups: setgroups_is_allowed(),
        }
    }
}

/// Whether setgroups(2) is allowed to who has the capability, user_namespaces(7). Where that cannot be read it is tried.
pub fn setgroups_is_allowed() -> bool {
    std::fs::read("/proc/self/setgroups").map_or(true, |text| text.trim_ascii() != b"deny")
}

/// Whether the ids outside of `range` are all in `given`, if need be in several of them, as newuidmap(1) sees it.
pub fn covers(given: &[SubRange], range: &IdRange) -> bool {
    let (mut first, last) = (range.outside, range.last_outside());
    while let Some(sub) = given.iter().find(|sub| first >= sub.first && first - sub.first < sub.count) {
        let end = sub.first + (sub.count - 1);
        if last <= end {
            return true;
        }
        first = end + 1;
    }
    false
}

fn fields(line: &[u8]) -> Vec<&[u8]> {
    line.split(|&b| b == b':').collect()
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The names of a user id, passwd(5).
fn names_of(passwd: &[u8], uid: u32) -> Vec<Vec<u8>> {
    let name = |line: &[u8]| match fields(line)[..] {
        [name, _, id, ..] if number(id) == Some(uid) => Some(name.to_vec()),
        _ => None,
    };
    passwd.split(|&b| b == b'\n').filter_map(name).collect()
}

/// The ranges of a user, who is named or numbered, subuid(5).
fn ranges_of(file: &[u8], names: &[Vec<u8>], uid: u32) -> Vec<SubRange> {
    let range = |line: &[u8]| {
        let [owner, first, count] = fields(line.trim_ascii())[..] else { return None };
        let is_own = number(owner) == Some(uid) || names.iter().any(|name| name == owner);
        let (first, count) = (number(first)?, number(count)?);
        (is_own && count > 0 && first.checked_add(count).is_some()).then_some(SubRange { first, count })
    };
    file.split(|&b| b == b'\n').filter_map(range).collect()
}

fn is_elsewhere(nsswitch: &[u8]) -> bool {
    let mut lines = nsswitch.split(|&b| b == b'\n').filter_map(|line| line.trim_ascii().strip_prefix(b"subid:"));
    lines.any(|source| source.trim_ascii() != b"files")
}

/// The program on the caller's path, or where set-user-ID programs of the system are.
pub(crate) fn find(name: &str, path: Option<&[u8]>) -> Option<CString> {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;
    let usual: &[u8] = b"/usr/bin:/usr/sbin:/bin:/sbin:/usr/local/bin";
    let dirs = path.unwrap_or_default().split(|&b| b == b':').chain(usual.split(|&b| b == b':'));
    // A relative directory would make it depend on where the caller is.
    dirs.filter(|dir| dir.first() == Some(&b'/')).find_map(|dir| {
        let file = Path::new(std::ffi::OsStr::from_bytes(dir)).join(name);
        let can = std::fs::metadata(&file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
        can.then(|| CString::new(file.as_os_str().as_bytes()).ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let names = names_of(b"root:x:0:0::/:/bin/sh\nu:x:1000:100:,:/home/u:\nalso:x:1000:1::/:\n", 1000);
        assert_eq!(names, [b"u".to_vec(), b"also".to_vec()]);
        let file = b"u:100000:65536\nother:5:5\n1000:200000:10\nalso:300000:1\nu:9\nu:4294967295:2\nu:7:0\n";
        let found: Vec<_> = ranges_of(file, &names, 1000).iter().map(|r| (r.first, r.count)).collect();
        assert_eq!(found, [(100_000, 65536), (200_000, 10), (300_000, 1)]);
        assert!(ranges_of(file, &[], 1).is_empty());
    }

    #[test]
    fn a_range_may_lie_in_several_given_ones() {
        let given = [SubRange { first: 110, count: 10 }, SubRange { first: 100, count: 10 }];
        let covers = |outside, count| covers(&given, &IdRange { inside: 0, outside, count });
        assert!(covers(100, 20) && covers(119, 1) && covers(105, 10));
        assert!(!covers(99, 2) && !covers(119, 2) && !covers(120, 1) && !covers(0, 4_294_967_295));
    }

    #[test]
    fn another_source_of_ranges_is_known_to_the_tools_only() {
        assert!(is_elsewhere(b"passwd: files\nsubid: sss\n"));
        assert!(!is_elsewhere(b"passwd: files sss\nsubid:  files\n") && !is_elsewhere(b""));
    }
}
