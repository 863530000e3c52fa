//! The lines of mountinfo, proc_pid_mountinfo(5).

use sandbox_core::setting::text::show;

/// One mount.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    id: u32,
    parent: u32,
    /// `major:minor`.
    pub device: String,
    /// What of the file system is mounted.
    pub root: Vec<u8>,
    /// Where.
    pub target: Vec<u8>,
    pub options: String,
    pub kind: String,
    pub source: Vec<u8>,
    /// Those of the file system itself.
    pub super_options: String,
}

impl Mount {
    /// Whether it is mounted so, or the file system itself is.
    pub fn has(&self, option: &str) -> bool {
        self.options.split(',').chain(self.super_options.split(',')).any(|own| own == option)
    }
}

/// Whether something else is in its place, and nothing of it can be named: a mount on top of it, or on a directory above
/// its place, or on top of the one that it is mounted in.
pub fn is_covered(mount: &Mount, all: &[Mount]) -> bool {
    let on_top = |below: &Mount| all.iter().any(|other| other.parent == below.id && other.target == below.target);
    on_top(mount) || is_unreachable(mount, all, all.len())
}

/// No chain of mounts is longer than there are mounts, but a table that is read while it changes can have a circle.
fn is_unreachable(mount: &Mount, all: &[Mount], longest: usize) -> bool {
    let Some(parent) = all.iter().find(|other| other.id == mount.parent && other.id != mount.id) else { return false };
    let beside = |other: &Mount| other.parent == mount.parent && other.id != mount.id;
    let covers =
        |other: &Mount| beside(other) && mount.target != other.target && is_below(&mount.target, &other.target);
    let on_parent = |other: &Mount| beside(other) && other.target == parent.target && mount.target != parent.target;
    longest == 0
        || all.iter().any(|other| covers(other) || on_parent(other))
        || is_unreachable(parent, all, longest - 1)
}

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/') || directory == b"/")
}

/// All of them, in their order.
pub fn mounts(table: &[u8]) -> Vec<Mount> {
    table.split(|&b| b == b'\n').filter_map(mount).collect()
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&b| b == b' ');
    let mut id = || std::str::from_utf8(fields.next()?).ok()?.parse().ok();
    let (id, parent) = (id()?, id()?);
    let (device, root, target, options) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let mut fields = fields.skip_while(|field| field != b"-").skip(1);
    let (kind, source, super_options) = (fields.next()?, fields.next()?, fields.next().unwrap_or_default());
    Some(Mount {
        id,
        parent,
        device: show(device),
        root: unescape(root),
        target: unescape(target),
        options: show(options),
        kind: show(kind),
        source: unescape(source),
        super_options: show(super_options),
    })
}

/// Space, tab, newline and backslash are three octal digits after a backslash.
fn unescape(field: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(field.len()), 0);
    while let Some(&byte) = field.get(at) {
        let digits = field.get(at + 1..at + 4).filter(|digits| byte == b'\\' && digits.iter().all(u8::is_ascii_digit));
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        out.push(code.unwrap_or(byte));
        at += if code.is_some() { 4 } else { 1 };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_places_and_the_dash() {
        let all = mounts(b"36 35 98:0 /a /mnt/x\\040y rw,nosuid shared:1 master:2 - ext4 /dev/root ro\n\nshort line\n");
        let [mount] = &all[..] else { panic!("{all:?}") };
        assert_eq!((mount.device.as_str(), &mount.root[..], &mount.target[..]), ("98:0", &b"/a"[..], &b"/mnt/x y"[..]));
        assert_eq!((mount.kind.as_str(), &mount.source[..]), ("ext4", &b"/dev/root"[..]));
        assert!(mount.has("ro") && mount.has("nosuid") && !mount.has("noexec"));
    }

    #[test]
    fn what_lies_under_another_mount_is_covered() {
        let table = b"1 0 0:1 / / ro - ext4 a ro\n\
            2 1 0:2 / /dev rw - devtmpfs b rw\n\
            3 2 0:3 / /dev/shm rw - tmpfs c rw\n\
            4 2 0:4 / /dev rw - tmpfs d rw\n\
            5 4 0:5 / /dev/pts rw - devpts e rw\n\
            6 1 0:6 / /home/a rw - tmpfs f rw\n\
            7 1 0:7 / /home rw - tmpfs g rw\n\
            8 1 0:8 / /homes rw - tmpfs h rw\n";
        let all = mounts(table);
        let covered: Vec<_> = all.iter().filter(|mount| is_covered(mount, &all)).map(|mount| mount.id).collect();
        assert_eq!(covered, [2, 3, 6]);
    }

    #[test]
    fn what_is_no_escape_stays() {
        for (field, meant) in
            [(&b"a\\134b"[..], &b"a\\b"[..]), (b"a\\", b"a\\"), (b"\\9", b"\\9"), (b"\\999", b"\\999")]
        {
            assert_eq!(unescape(field), meant);
        }
    }
}
