//! What a process can find out about itself, and only by trying: for reports. Errors are the bare error numbers, since
//! they are what is reported.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

/// A call without arguments that answers a number (getuid, getpid …), which a filter may refuse where a kernel cannot.
pub fn number(call: i64) -> Result<u32, i32> {
    // SAFETY: the callers' calls take no argument and touch no memory.
    answer(unsafe { libc::syscall(call) }).map(|number| number as u32)
}

/// The securebits, prctl(2) PR_GET_SECUREBITS.
pub fn securebits() -> Result<u32, i32> {
    // SAFETY: the option takes no pointer.
    answer(unsafe { libc::prctl(libc::PR_GET_SECUREBITS, 0, 0, 0, 0) }.into()).map(|bits| bits as u32)
}

/// Whether a stream socket of this family (netlink, packet: a raw one) can be made, socket(2). It is closed at once.
pub fn socket(family: i32) -> Result<(), i32> {
    let kind = if matches!(family, libc::AF_NETLINK | libc::AF_PACKET) { libc::SOCK_RAW } else { libc::SOCK_STREAM };
    // SAFETY: the call takes numbers only.
    let fd = answer(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, 0) }.into())?;
    // SAFETY: the kernel has just made this descriptor for this call, so nothing else owns it.
    drop(unsafe { OwnedFd::from_raw_fd(fd as i32) });
    Ok(())
}

/// The version of Landlock's interface, landlock_create_ruleset(2). ENOSYS: not in this kernel; EOPNOTSUPP: not switched on.
pub fn landlock_abi() -> Result<u32, i32> {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the kernel takes no pointer and no size.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u64>(), 0_usize, VERSION) };
    answer(abi).map(|abi| abi as u32)
}

/// Puts one more Landlock domain around this process, in which it can make no character device, landlock_restrict_self(2).
/// E2BIG: there are as many as the kernel allows.
pub fn landlock_layer() -> Result<(), i32> {
    // struct landlock_ruleset_attr of the first version; LANDLOCK_ACCESS_FS_MAKE_CHAR, include/uapi/linux/landlock.h
    let handled: u64 = 1 << 6;
    // SAFETY: the kernel reads eight bytes of a live integer.
    let made = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const handled, size_of::<u64>(), 0_u32) };
    let fd = answer(made)?;
    // SAFETY: the kernel has just made this descriptor for this call, so nothing else owns it.
    let ruleset = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    // SAFETY: the call takes numbers only.
    answer(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32) }).map(drop)
}

/// Maps `length` bytes of memory and writes to every page of `portion` bytes at a time; says so after each portion.
/// Nothing is given back, and nothing is allocated. `length` is a multiple of `portion`, and that of a page's size.
///
/// # Errors
/// That of mmap(2): nothing was mapped.
pub fn take_memory(length: usize, portion: usize, mut taken: impl FnMut(usize)) -> Result<(), i32> {
    const PAGE: usize = 4096;
    let Some(start) = super::process::map_memory(length) else { return Err(Errno::last_raw()) };
    for part in (0..length).step_by(portion) {
        for page in (part..(part + portion).min(length)).step_by(PAGE) {
            // SAFETY: the address lies within the mapping, which is this function's alone and never unmapped.
            unsafe { ((start + page) as *mut u8).write_volatile(1) };
        }
        taken(portion.min(length - part));
    }
    Ok(())
}

fn answer(answer: i64) -> Result<i64, i32> {
    if answer < 0 { Err(Errno::last_raw()) } else { Ok(answer) }
}
