//! The calls that only control groups need.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::call::Call;
use super::{Result, check, check_fd};

/// Takes the lock of an open directory without waiting, flock(2); EWOULDBLOCK: somebody has it. It lasts as long as the open
/// file, whoever holds it.
pub fn lock(fd: BorrowedFd<'_>, how: Lock) -> Result<()> {
    let how = match how {
        Lock::Shared => libc::LOCK_SH,
        Lock::Exclusive => libc::LOCK_EX,
    };
    // SAFETY: the call takes numbers only.
    check(Call::Flock, unsafe { libc::flock(fd.as_raw_fd(), how | libc::LOCK_NB) }.into()).map(drop)
}

/// With whom a lock is had.
#[derive(Clone, Copy)]
pub enum Lock {
    Shared,
    Exclusive,
}

/// Removes an empty directory, unlinkat(2).
pub fn remove(dir: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    // SAFETY: `name` is a live C string.
    check(Call::Unlink, unsafe { libc::unlinkat(dir.as_raw_fd(), name.as_ptr(), libc::AT_REMOVEDIR) }.into()).map(drop)
}

/// A descriptor that becomes readable when the kernel is told of it, eventfd(2).
pub fn event() -> Result<OwnedFd> {
    // SAFETY: the call takes numbers only.
    check_fd(Call::Eventfd, unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }.into())
}
