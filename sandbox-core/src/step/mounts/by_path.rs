//! Mounts by path, for kernels before 5.12: places are still opened first and named through `/proc/self/fd`, and flags
//! are set mount by mount, as a remount is never recursive, from what mountinfo lists.

use std::cell::RefCell;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::op::Base;
use super::overlay::{Lowers, Opened};
use super::target::Place;
use super::tree::{MEMORY, Mounter, New};
use crate::sys::call::Call;
use crate::sys::mount::{ATTR_NODEV, ATTR_NOEXEC, ATTR_NOSUID, ATTR_RDONLY};
use crate::sys::{Result, file, mount, refused};

pub struct ByPath {
    root: OwnedFd,
    table: RefCell<Table>,
}

impl Mounter for ByPath {
    const LOWERS: Lowers = Lowers::Joined;
    fn source(path: &CStr) -> Result<OwnedFd> {
        file::open(None, path, libc::O_PATH, 0)
    }
    fn overlay(_: &Opened) -> Result<Option<OwnedFd>> {
        // There are no mounts without a place. The old tree, in which the layers are open, stays as it is until it is left.
        Ok(None)
    }
    fn new(base: &Base, layers: Option<&mut Opened>, attributes: u64) -> Result<Self> {
        match (base, layers) {
            (Base::Overlay(_), Some(layers)) => {
                if layers.needs_memory() {
                    mount_new(&MEMORY, c"/")?;
                    layers.keep_in(top()?.as_fd(), [c"upper", c"work"])?;
                }
                layers.with(Self::LOWERS, |new| mount_new(new, c"/"))?;
                layers.is_writable(top()?.as_fd())?;
            }
            (Base::Host, _) => mount::mount(Some(c"/"), c"/", None, libc::MS_BIND | libc::MS_REC, None)?,
            (Base::Dir(dir), _) => mount::mount(Some(dir), c"/", None, libc::MS_BIND | libc::MS_REC, None)?,
            _ => mount::mount(Some(c"tmpfs"), c"/", Some(c"tmpfs"), flags(attributes), Some(c"mode=755"))?,
        }
        let root = top()?;
        let mut table = Table::default();
        if let Base::Host | Base::Dir(_) = base {
            table.restrict(root.as_fd(), root.as_fd(), attributes)?;
        }
        Ok(Self { root, table: RefCell::new(table) })
    }
    fn root(&self) -> &OwnedFd {
        &self.root
    }
    fn enter(&self) -> Result<()> {
        mount::replace_root(self.root.as_fd())
    }
    fn part(&self, place: &Place<'_>) -> Result<OwnedFd> {
        match place.name.is_empty() {
            true => file::duplicate(place.dir()),
            false => file::open(Some(place.dir()), &place.name, libc::O_PATH | libc::O_NOFOLLOW, 0),
        }
    }
    fn bind(&self, source: OwnedFd, attributes: u64, place: &Place<'_>) -> Result<OwnedFd> {
        let (from, to) = (name(source.as_fd(), c"")?, name(place.dir(), &place.name)?);
        mount::mount(Some(&from), &to, None, libc::MS_BIND | libc::MS_REC, None)?;
        let top = self.again(place)?;
        self.table.borrow_mut().restrict(self.root.as_fd(), top.as_fd(), attributes)?;
        Ok(top)
    }
    fn filesystem(&self, new: &New<'_>, place: &Place<'_>) -> Result<OwnedFd> {
        mount_new(new, &name(place.dir(), &place.name)?)?;
        self.again(place)
    }
    fn seal(&self, root: &OwnedFd) -> Result<()> {
        self.change(root, |was| was | libc::MS_RDONLY)
    }
    fn seal_covered(&self, _: &OwnedFd) -> Result<()> {
        // A path leads to what lies on top; what lies below it is out of reach for the program as well.
        Ok(())
    }
    fn unseal(&self, root: &OwnedFd) -> Result<()> {
        self.change(root, |was| was & !libc::MS_RDONLY)
    }
}

impl ByPath {
    /// Changes the flags of one mount.
    fn change(&self, mount: &OwnedFd, change: impl Fn(u64) -> u64) -> Result<()> {
        self.table.borrow_mut().change_flags(self.root.as_fd(), mount.as_fd(), change, false)
    }

    /// What is mounted at a place: a descriptor opened before is still on what the mount covers.
    fn again(&self, place: &Place<'_>) -> Result<OwnedFd> {
        file::open_inside(self.root.as_fd(), &place.path)
    }
}

/// What is mounted over "/". "/" alone is the old root; ".." steps onto what lies over it.
fn top() -> Result<OwnedFd> {
    file::open(None, c"/..", libc::O_PATH | libc::O_DIRECTORY, 0)
}

/// Mounts a new file system over a path.
fn mount_new(new: &New<'_>, at: &CStr) -> Result<()> {
    let option = |(key, value): &(&CStr, Option<&CStr>)| match value {
        Some(value) => [key.to_bytes(), b"=", value.to_bytes()].concat(),
        None => key.to_bytes().to_vec(),
    };
    let data = text(new.options.iter().map(option).collect::<Vec<_>>().join(&b','))?;
    mount::mount(Some(new.kind), at, Some(new.kind), flags(new.attributes), Some(&data))
}

fn text(bytes: Vec<u8>) -> Result<CString> {
    CString::new(bytes).map_err(|_| refused(Call::Mount, libc::EINVAL))
}

/// A path that leads to exactly what `fd` is open on, or to a name in it.
fn name(fd: BorrowedFd<'_>, below: &CStr) -> Result<CString> {
    let mut path = format!("/proc/self/fd/{}", fd.as_raw_fd()).into_bytes();
    if !below.is_empty() {
        path.push(b'/');
        path.extend_from_slice(below.to_bytes());
    }
    text(path)
}

fn flags(attributes: u64) -> u64 {
    [
        (ATTR_RDONLY, libc::MS_RDONLY),
        (ATTR_NOSUID, libc::MS_NOSUID),
        (ATTR_NODEV, libc::MS_NODEV),
        (ATTR_NOEXEC, libc::MS_NOEXEC),
    ]
    .iter()
    .filter(|(attribute, _)| attributes & attribute != 0)
    .fold(0, |flags, (_, flag)| flags | flag)
}

/// The mounts there are, proc_pid_mountinfo(5): read anew for each change of flags, into the same memory, as this library's is
/// never given back.
#[derive(Default)]
struct Table {
    text: Vec<u8>,
    /// Ids, each with its parent's, sorted.
    parents: Vec<(u32, u32)>,
}

impl Table {
    /// Adds attributes to the mount `top` lies on, and to all below it.
    fn restrict(&mut self, root: BorrowedFd<'_>, top: BorrowedFd<'_>, attributes: u64) -> Result<()> {
        self.change_flags(root, top, |was| was | flags(attributes), true)
    }

    /// Changes the flags of the mount `top` lies on, and of all below it when `recursive`.
    fn change_flags(
        &mut self,
        root: BorrowedFd<'_>,
        top: BorrowedFd<'_>,
        change: impl Fn(u64) -> u64,
        recursive: bool,
    ) -> Result<()> {
        let (base, top) = (mount_id(root)?, mount_id(top)?);
        self.read()?;
        // Relative to the new root: an absolute path would begin at the old one.
        mount::fchdir(root)?;
        let mut found = false;
        let mounts = self.text.split(|&b| b == b'\n').filter_map(parse);
        for mount in mounts.filter(|mount| mount.id == top || (recursive && self.is_below(mount.id, top))) {
            found = true;
            let path = if mount.id == base { b".".to_vec() } else { [b".", unescape(mount.point).as_slice()].concat() };
            let flags = change(mount.flags) | libc::MS_REMOUNT | libc::MS_BIND;
            match mount::mount(None, &text(path)?, None, flags, None) {
                // Mounted over, or in a directory that this user cannot enter: out of reach inside as well.
                Err(failure) if mount.id != top && matches!(failure.errno, libc::EACCES | libc::ENOENT) => {}
                result => result?,
            }
        }
        if found { Ok(()) } else { Err(refused(Call::Mount, libc::ENOENT)) }
    }

    fn read(&mut self) -> Result<()> {
        self.text.clear();
        read(c"/proc/self/mountinfo", &mut self.text)?;
        self.parents.clear();
        let mounts = self.text.split(|&b| b == b'\n').filter_map(parse);
        self.parents.extend(mounts.map(|mount| (mount.id, mount.parent)));
        self.parents.sort_unstable();
        Ok(())
    }

    fn is_below(&self, mut id: u32, of: u32) -> bool {
        // A mount is the child of another, never of itself; the bound is for a table that changed while it was read.
        for _ in 0..self.parents.len() {
            let found = self.parents.binary_search_by_key(&id, |&(id, _)| id);
            match found.ok().and_then(|at| self.parents.get(at)) {
                Some(&(_, parent)) if parent == of => return true,
                Some(&(_, parent)) if parent != id => id = parent,
                _ => return false,
            }
        }
        false
    }
}

fn read(path: &CStr, bytes: &mut Vec<u8>) -> Result<()> {
    use std::io::Read;
    let mut file = std::fs::File::from(file::open(None, path, libc::O_RDONLY, 0)?);
    let read = file.read_to_end(bytes);
    read.map(drop).map_err(|e| refused(Call::Read, e.raw_os_error().unwrap_or(libc::EIO)))
}

/// The id of the mount a descriptor lies on, proc(5) fdinfo.
fn mount_id(fd: BorrowedFd<'_>) -> Result<u32> {
    let mut info = Vec::new();
    read(&text(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()).into_bytes())?, &mut info)?;
    let id = info.split(|&b| b == b'\n').find_map(|line| number(line.strip_prefix(b"mnt_id:")?.trim_ascii()));
    id.ok_or_else(|| refused(Call::Read, libc::EBADMSG))
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// One line of mountinfo, proc(5).
struct Mount<'a> {
    id: u32,
    parent: u32,
    point: &'a [u8],
    /// What a remount must repeat: flags left out are cleared, and locked ones then refused (EPERM).
    flags: u64,
}

fn parse(line: &[u8]) -> Option<Mount<'_>> {
    let mut fields = line.split(|&b| b == b' ');
    let (id, parent) = (number(fields.next()?)?, number(fields.next()?)?);
    let (point, options) = (fields.nth(2)?, fields.next()?);
    let flags = options.split(|&b| b == b',').fold(0, |flags, option| {
        flags
            | match option {
                b"ro" => libc::MS_RDONLY,
                b"nosuid" => libc::MS_NOSUID,
                b"nodev" => libc::MS_NODEV,
                b"noexec" => libc::MS_NOEXEC,
                b"noatime" => libc::MS_NOATIME,
                b"nodiratime" => libc::MS_NODIRATIME,
                b"relatime" => libc::MS_RELATIME,
                _ => 0,
            }
    });
    Some(Mount { id, parent, point, flags })
}

/// Takes out mountinfo's octal escapes of space, tab, newline and backslash.
fn unescape(point: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(point.len());
    let mut rest = point;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| byte == b'\\').and_then(|o| std::str::from_utf8(o).ok());
        match octal.and_then(|octal| u8::from_str_radix(octal, 8).ok()) {
            Some(escaped) => {
                plain.push(escaped);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                plain.push(byte);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo_gives_ids_place_and_flags() {
        let line = b"36 35 98:0 /mnt1 /mnt\\0402 ro,nosuid,relatime master:1 - ext3 /dev/root rw,errors=continue";
        let mount = parse(line).unwrap();
        assert_eq!((mount.id, mount.parent, unescape(mount.point)), (36, 35, b"/mnt 2".to_vec()));
        assert_eq!(mount.flags, libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_RELATIME);
        assert!(parse(b"").is_none());
    }

    #[test]
    fn escapes_that_are_none_stay() {
        assert_eq!(unescape(b"/a\\x\\134"), b"/a\\x\\");
    }
}
