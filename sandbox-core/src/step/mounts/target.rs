//! Mount points: found as the program inside will find them, made only in file systems of the sandbox's own, so that
//! nothing is left behind on the host.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::error::Failure;
use crate::sys::call::Call;
use crate::sys::{Result, file, refused};

/// What a mount point must be: a directory takes a directory, a file anything else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Directory,
    File,
}

/// Whether a place is simply not there, and cannot be made.
pub fn is_absent(failure: Failure) -> bool {
    matches!(failure.errno, libc::ENOENT | libc::ENOTDIR | libc::EROFS)
}

/// Opens the place `path` (absolute, normal) below `root`, or makes it, with the directories above it.
///
/// # Errors
/// EROFS when it is missing in a file system that is not one of `ours`.
pub fn find_or_make(
    root: BorrowedFd<'_>,
    path: &CStr,
    kind: Kind,
    ours: &[u64],
) -> Result<OwnedFd> {
    match file::open_inside(root, path) {
        Err(failure) if failure.errno == libc::ENOENT => {}
        result => return result,
    }
    let (dir, name) = parent(root, path, ours)?;
    match kind {
        Kind::Directory => file::mkdir(dir.as_fd(), &name, 0o755)?,
        Kind::File => file::make_file(dir.as_fd(), &name)?,
    }
    file::open_inside(root, path)
}

/// The directory in which the last name of `path` can be made, itself made where it must be, and that name.
pub fn parent(root: BorrowedFd<'_>, path: &CStr, ours: &[u64]) -> Result<(OwnedFd, CString)> {
    let bytes = path.to_bytes();
    let at = bytes.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    let (above, name) = bytes.split_at(at);
    let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| refused(Call::Open, libc::EINVAL));
    let (above, name) = (
        text(if above.is_empty() { b"/" } else { above })?,
        text(name.get(1..).unwrap_or_default())?,
    );
    let dir = match above.to_bytes() {
        b"/" => file::open_inside(root, &above)?,
        _ => find_or_make(root, &above, Kind::Directory, ours)?,
    };
    if ours.contains(&file::device(dir.as_fd())?) {
        Ok((dir, name))
    } else {
        Err(refused(Call::Mkdir, libc::EROFS))
    }
}
