//! Answers that depend on arguments and stand in more than one table, and the constants libc lacks.

use super::super::ir::Action::{self, Allow};
use super::super::ir::{Cond, EAFNOSUPPORT, EPERM, Op};
use super::Answer;
use super::Answer::ByArgs;

/// include/uapi/asm-generic/ioctls.h; libc has only the first.
const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541c;

/// Why ioctl(2) is answered so in every filter.
pub(super) const TYPES: &str = "pushes characters into the terminal, for the caller's shell to read";
/// Requests of the terminal's that type for whoever reads from it. The kernel takes the request's low 32 bits.
pub(super) const TYPING: &[(&[Cond], Action)] =
    &[(&[Cond::int(1, Op::Eq, TIOCSTI)], EPERM), (&[Cond::int(1, Op::Eq, TIOCLINUX)], EPERM)];
pub(super) const TERMINAL: Answer = ByArgs(TYPING, Allow);

/// S_ISUID and S_ISGID.
pub(super) const SUID: u32 = 0o6000;
/// Every CLONE_NEW* that clone(2) takes. CLONE_NEWTIME lies in its signal byte: clone3 and unshare alone reach it.
const CLONE_NAMESPACES: u32 = 0x7e02_0000;
/// O_CREAT, and the bit that makes O_TMPFILE more than O_DIRECTORY (include/uapi/asm-generic/fcntl.h).
const CREATES: u32 = libc::O_CREAT as u32 | 0x40_0000;
pub(super) const PROT_EXEC: u32 = libc::PROT_EXEC as u32;
/// include/uapi/linux/shm.h
const SHM_EXEC: u32 = 0o10_0000;
/// What personality(2) takes to change nothing.
pub(super) const PER_QUERY: u32 = 0xffff_ffff;

/// clone's flags are an `unsigned long` of which the kernel takes the low 32 bits.
pub(super) const CLONE: Answer = ByArgs(&[(&[Cond::without(0, CLONE_NAMESPACES)], Allow)], EPERM);

/// chmod, fchmod, creat.
pub(super) const MODE_IS_SECOND: Answer = ByArgs(&[(&[Cond::without(1, SUID)], Allow)], EPERM);
/// fchmodat, fchmodat2.
pub(super) const MODE_IS_THIRD: Answer = ByArgs(&[(&[Cond::without(2, SUID)], Allow)], EPERM);
/// The bit that devices (and links) have of S_IFMT, and plain files, pipes and sockets have not. A directory has not either,
/// and the kernel makes none by mknod(2).
const DEVICE: u32 = 0o02_0000;
/// mknod.
pub(super) const NODE_IS_SECOND: Answer = ByArgs(&[(&[Cond::without(1, SUID | DEVICE)], Allow)], EPERM);
/// mknodat.
pub(super) const NODE_IS_THIRD: Answer = ByArgs(&[(&[Cond::without(2, SUID | DEVICE)], Allow)], EPERM);
/// The mode is there only when a file may be created; otherwise the register holds whatever it held.
pub(super) const OPEN: Answer =
    ByArgs(&[(&[Cond::without(1, CREATES)], Allow), (&[Cond::without(2, SUID)], Allow)], EPERM);
pub(super) const OPENAT: Answer =
    ByArgs(&[(&[Cond::without(2, CREATES)], Allow), (&[Cond::without(3, SUID)], Allow)], EPERM);

/// unlinkat: as rmdir.
pub(super) const DIRECTORY_ONLY: Answer = ByArgs(&[(&[Cond::int(2, Op::Eq, libc::AT_REMOVEDIR as u32)], Allow)], EPERM);

/// mmap, mprotect, pkey_mprotect.
pub(super) const NOT_EXECUTABLE: Answer = ByArgs(&[(&[Cond::without(2, PROT_EXEC)], Allow)], EPERM);
pub(super) const SHM_NOT_EXECUTABLE: Answer = ByArgs(&[(&[Cond::without(2, SHM_EXEC)], Allow)], EPERM);

/// A pair reaches nobody but those who inherit it; of the other families none is known to be harmless.
pub(super) const UNIX_PAIR: Answer = ByArgs(&[(&[Cond::int(0, Op::Eq, libc::AF_UNIX as u32)], Allow)], EAFNOSUPPORT);

/// Requests of ioctl(2) that ask what a descriptor is, or change what is the process's own of it.
pub(super) const ASKING: Answer = ByArgs(
    &[
        (&[request(libc::TCGETS)], Allow),
        (&[request(libc::TCGETS2)], Allow),
        (&[request(libc::TIOCGWINSZ)], Allow),
        (&[request(libc::TIOCGPGRP)], Allow),
        (&[request(libc::FIONREAD)], Allow),
        (&[request(libc::FIONBIO)], Allow),
        (&[request(libc::FIOCLEX)], Allow),
        (&[request(libc::FIONCLEX)], Allow),
    ],
    EPERM,
);

const fn request(request: u64) -> Cond {
    Cond::int(1, Op::Eq, request as u32)
}
