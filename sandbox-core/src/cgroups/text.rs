//! What /proc/self/cgroup and /proc/self/mountinfo say of control groups. Pure.

use super::Version;

/// The caller's group in one hierarchy, cgroups(7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Of version 1.
    pub controllers: Vec<Vec<u8>>,
    pub is_unified: bool,
    pub group: Vec<u8>,
}

/// A hierarchy that is mounted, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub version: Version,
    /// The group that is seen at `point`.
    pub root: Vec<u8>,
    pub point: Vec<u8>,
    pub device: u64,
    pub read_only: bool,
    /// Of version 1: its options, the controllers among them.
    options: Vec<Vec<u8>>,
}

impl Mount {
    /// Whether it is the hierarchy of version 1 that has this controller.
    pub fn has(&self, controller: &str) -> bool {
        self.version == Version::V1 && self.options.iter().any(|option| option == controller.as_bytes())
    }
}

/// The lines of /proc/self/cgroup: `ID:CONTROLLERS:GROUP`.
pub fn memberships(text: &[u8]) -> Vec<Membership> {
    let line = |line: &[u8]| {
        let mut fields = line.splitn(3, |&b| b == b':');
        let (id, controllers, group) = (fields.next()?, fields.next()?, fields.next()?);
        let names = controllers.split(|&b| b == b',').filter(|name| !name.is_empty());
        Some(Membership {
            controllers: names.map(<[u8]>::to_vec).collect(),
            is_unified: id == b"0" && controllers.is_empty(),
            group: group.to_vec(),
        })
    };
    text.split(|&b| b == b'\n').filter_map(line).collect()
}

/// The lines of mountinfo that are about control groups, proc(5).
pub fn mounts(text: &[u8]) -> Vec<Mount> {
    text.split(|&b| b == b'\n').filter_map(mount).collect()
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&b| b == b' ');
    let device = device(fields.nth(2)?)?;
    let (root, point, options) = (unescaped(fields.next()?), unescaped(fields.next()?), fields.next()?);
    let mut rest = fields.skip_while(|field| *field != b"-").skip(1);
    let version = match rest.next()? {
        b"cgroup" => Version::V1,
        b"cgroup2" => Version::V2,
        _ => return None,
    };
    let of_all = rest.nth(1)?;
    let list = |options: &[u8]| options.split(|&b| b == b',').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (own, options) = (list(options), list(of_all));
    let is_read_only = |options: &[Vec<u8>]| options.iter().any(|option| option == b"ro");
    Some(Mount { version, root, point, device, read_only: is_read_only(&own) || is_read_only(&options), options })
}

/// Whether a file system of control groups is mounted anywhere so that it can be seen and written to.
pub fn writable(mountinfo: &[u8]) -> bool {
    let lines = || mountinfo.split(|&b| b == b'\n');
    let all: Vec<Place> = lines().filter_map(place).collect();
    let is_it = |line: &[u8]| mount(line).is_some_and(|mount| !mount.read_only);
    lines().filter(|line| is_it(line)).any(|line| place(line).is_none_or(|place| place.is_seen(&all)))
}

/// Where something is mounted: on which other mount, and at which path.
struct Place {
    id: u32,
    parent: u32,
    point: Vec<u8>,
}

fn place(line: &[u8]) -> Option<Place> {
    let mut fields = line.split(|&b| b == b' ');
    let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse().ok();
    Some(Place { id: number()?, parent: number()?, point: unescaped(fields.nth(2)?) })
}

impl Place {
    /// Whether its path leads to it: nothing is mounted over it, nor over a directory on the way.
    fn is_seen(&self, all: &[Place]) -> bool {
        let (mut at, mut came_from) = (self, self.id);
        // No chain of mounts is longer than the table; one that leads in a circle is no excuse.
        for _ in 0..all.len() {
            let others = || all.iter().filter(|other| ![at.id, came_from].contains(&other.id));
            let is_covered = others().any(|other| other.parent == at.id && other.point == at.point);
            let on_the_way = |other: &Place| other.point != at.point && is_within(&at.point, &other.point);
            // The root of all is its own parent.
            let beside = |other: &&Place| other.parent == at.parent && other.id != at.parent;
            if is_covered || others().filter(beside).any(on_the_way) {
                return false;
            }
            match all.iter().find(|parent| parent.id == at.parent && parent.id != at.id) {
                Some(parent) => (at, came_from) = (parent, at.id),
                None => return true,
            }
        }
        true
    }
}

/// `MAJOR:MINOR` as fstat(2) has it.
fn device(text: &[u8]) -> Option<u64> {
    let (major, minor) = std::str::from_utf8(text).ok()?.split_once(':')?;
    Some(libc::makedev(major.parse().ok()?, minor.parse().ok()?))
}

/// Spaces and the like are `\040`.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|digits| byte == b'\\' && digits.iter().all(|d| (b'0'..=b'7').contains(d)));
        let code = digits.map(|digits| digits.iter().fold(0_u32, |code, digit| code * 8 + u32::from(digit - b'0')));
        match code.and_then(|code| u8::try_from(code).ok()) {
            Some(code) => {
                out.push(code);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    out
}

/// Whether a group is `of` or lies below it.
pub fn is_within(group: &[u8], of: &[u8]) -> bool {
    of == b"/" || group.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
