//! System calls as safe functions. The only module of the engine with `unsafe` code.
//!
//! # Safety
//! Every block hands the kernel pointers that come from live references, and lengths that come from the same
//! references; the kernel keeps none of them after the call returns. What a call does to the process (a fork, another
//! root) is in its documentation. Failures are returned with the call's name, so that no caller can forget it.

#![allow(unsafe_code)]

pub mod ask;
pub mod call;
pub mod file;
pub mod group;
pub mod landlock;
pub mod limits;
pub mod loader;
pub mod mount;
pub mod net;
pub mod netlink;
pub mod notify;
pub mod privilege;
pub mod process;
pub mod signal;
pub mod socket;
pub mod stack;
pub mod timer;
pub mod tool;
pub mod trace;
pub mod watcher;

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use crate::error::Failure;
use call::Call;

/// The result of one call.
pub type Result<T> = std::result::Result<T, Failure>;

/// The failure of `call` with the current errno.
fn last(call: Call) -> Failure {
    refused(call, nix::errno::Errno::last_raw())
}

/// The failure of `call` with a given error number.
pub(crate) fn refused(call: Call, errno: i32) -> Failure {
    Failure { call, object: 0, errno }
}

/// The kernel's answer as a result: negative is failure.
fn check(call: Call, answer: i64) -> Result<i64> {
    if answer < 0 { Err(last(call)) } else { Ok(answer) }
}

/// A raw system call's answer as an owned descriptor.
fn check_fd(call: Call, answer: i64) -> Result<OwnedFd> {
    let fd = RawFd::try_from(check(call, answer)?).map_err(|_| refused(call, libc::EOVERFLOW))?;
    // SAFETY: the kernel has just made this descriptor for this call, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A result of nix as one of ours.
pub(crate) fn named<T>(call: Call, result: nix::Result<T>) -> Result<T> {
    result.map_err(|errno| refused(call, errno as i32))
}

/// Lends out descriptor number `fd`, which the caller of this process opened and nothing here owns.
pub(crate) fn with_raw_fd<T>(fd: RawFd, use_it: impl FnOnce(std::os::fd::BorrowedFd<'_>) -> T) -> T {
    // SAFETY: the borrow lasts for this call only; a number that is not open is EBADF to the kernel.
    use_it(unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) })
}
