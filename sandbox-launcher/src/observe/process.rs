//! What can be learned of a process that waits. It may be hostile: nothing here believes it, or waits for it.

use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

pub use sandbox_core::observe::process::read;
use sandbox_core::sys::{Result, file as files, notify};

/// The longest string that is read of a process.
const STRING_MAX: usize = 4096;
const PAGE: u64 = 4096;

/// The C string at an address; `None` where there is none of a sensible length.
pub fn string(thread: i32, address: u64) -> Option<Vec<u8>> {
    let mut string: Vec<u8> = Vec::new();
    let mut buffer = [0_u8; PAGE as usize];
    let mut at = address;
    // No further than the page at a time: the next one may not be there, and then nothing of both would come.
    while string.len() < STRING_MAX && at != 0 {
        let left = usize::try_from(PAGE - at % PAGE).ok()?.min(STRING_MAX - string.len());
        let got = notify::read_memory(thread, at, buffer.get_mut(..left)?);
        let piece = buffer.get(..got).filter(|piece| !piece.is_empty())?;
        if let Some(end) = memchr::memchr(0, piece) {
            string.extend_from_slice(piece.get(..end)?);
            return Some(string);
        }
        string.extend_from_slice(piece);
        at = at.checked_add(u64::try_from(got).ok()?)?;
    }
    None
}

/// What is by that name below the root of a thread, not opened: links lead nowhere else, and a device or a pipe is not
/// set going.
fn below_root(thread: i32, path: &[u8]) -> Option<Result<OwnedFd>> {
    let root = CString::new(format!("/proc/{thread}/root")).ok()?;
    let root = files::open(None, &root, libc::O_PATH | libc::O_DIRECTORY, 0).ok()?;
    Some(files::open_inside(root.as_fd(), &CString::new(path).ok()?))
}

/// Whether there is something by that name, seen from the root of a thread.
pub fn is_there(thread: i32, path: &[u8]) -> bool {
    below_root(thread, path).is_some_and(|found| match found {
        // Links and `..` are not followed: something is there.
        Err(failure) => matches!(failure.errno, libc::ELOOP | libc::EXDEV),
        Ok(_) => true,
    })
}

/// Where a link of `/proc/THREAD` leads: `cwd`, `exe`, `fd/7`.
pub fn link(thread: i32, name: &str) -> Option<Vec<u8>> {
    Some(fs::read_link(format!("/proc/{thread}/{name}")).ok()?.into_os_string().into_vec())
}

/// A line of `/proc/THREAD/maps`.
#[derive(Debug, PartialEq, Eq)]
pub struct Mapping {
    pub start: u64,
    /// Where in its file it begins.
    pub offset: u64,
    pub inode: u64,
    pub path: Vec<u8>,
}

/// The mapping an address is in.
pub fn mapping(maps: &[u8], address: u64) -> Option<Mapping> {
    maps.split(|&b| b == b'\n').find_map(|line| {
        let (start, mut rest) = hex(line)?;
        rest = rest.strip_prefix(b"-")?;
        let (end, rest) = hex(rest)?;
        if !(start..end).contains(&address) {
            return None;
        }
        let mut fields = rest.trim_ascii_start().splitn(5, |&b| b == b' ');
        let offset = u64::from_str_radix(std::str::from_utf8(fields.nth(1)?).ok()?, 16).ok()?;
        let inode = std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
        Some(Mapping { start, offset, inode, path: fields.next().unwrap_or_default().trim_ascii_start().to_vec() })
    })
}

fn hex(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().position(|b| !b.is_ascii_hexdigit())?;
    let (digits, rest) = text.split_at(end);
    Some((u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?, rest))
}

/// The file of a mapping: as the process would find it by name, or as this one does, if it is still the same.
pub fn file_of(thread: i32, mapping: &Mapping) -> Option<File> {
    if mapping.path.first() != Some(&b'/') {
        return None;
    }
    let own = || files::open(None, &CString::new(&*mapping.path).ok()?, libc::O_PATH, 0).ok();
    let is_it = |found: &OwnedFd| {
        let is_file = files::kind(found.as_fd()).is_ok_and(|kind| kind == libc::S_IFREG);
        is_file && files::inode(found.as_fd()).is_ok_and(|inode| inode == mapping.inode)
    };
    // Opened only when it is known to be a plain file: to open a device may do something.
    let found = below_root(thread, &mapping.path)?.ok().filter(is_it).or_else(|| own().filter(is_it))?;
    File::open(format!("/proc/self/fd/{}", found.as_raw_fd())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_found_by_address_and_hostile_lines_are_passed_over() {
        let maps = b"garbage\n-\n12\n00400000-00401000 r-xp\n\
            7f0000001000-7f0000002000 r-xp 00026000 fe:00 4711                       /usr/lib/a b.so\n\
            7fff00000000-7fff00001000 rw-p 00000000 00:00 0                          [stack]\n";
        let found = mapping(maps, 0x7f00_0000_1fff).unwrap();
        assert_eq!((found.start, found.offset, found.inode), (0x7f00_0000_1000, 0x26000, 4711));
        assert_eq!(found.path, b"/usr/lib/a b.so");
        assert_eq!(mapping(maps, 0x7f00_0000_2000), None);
        assert_eq!(mapping(maps, 0x40_0000), None);
        assert_eq!(mapping(maps, 0x7fff_0000_0000).unwrap().path, b"[stack]");
    }

    #[test]
    fn only_the_file_that_is_mapped_is_opened() {
        let own = std::process::id().cast_signed();
        let maps = fs::read("/proc/self/maps").unwrap();
        let right = mapping(&maps, string as *const () as u64).unwrap();
        assert!(file_of(own, &right).is_some());
        let moved = Mapping { inode: right.inode + 1, path: right.path.clone(), ..right };
        assert!(file_of(own, &moved).is_none());
        let null = fs::metadata("/dev/null").unwrap();
        let device =
            Mapping { path: b"/dev/null".to_vec(), inode: std::os::unix::fs::MetadataExt::ino(&null), ..right };
        assert!(file_of(own, &device).is_none());
        assert!(is_there(own, b"/proc/version") && !is_there(own, b"/nowhere/at/all"));
    }

    #[test]
    fn strings_end_at_their_end_and_are_not_endless() {
        let own = std::process::id().cast_signed();
        let text = std::ffi::CString::new("a/b").unwrap();
        assert_eq!(string(own, text.as_ptr() as u64), Some(b"a/b".to_vec()));
        let endless = vec![b'x'; 3 * STRING_MAX];
        assert_eq!(string(own, endless.as_ptr() as u64), None);
        assert_eq!((string(own, 0), string(own, 8)), (None, None));
    }
}
