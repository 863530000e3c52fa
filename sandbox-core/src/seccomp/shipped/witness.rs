//! For a process that is asked about calls, and has those made again that the kernel is to meet by SIGSYS. It lives outside
//! the jail, and what it may do to others is much; so it opens nothing but to read, and starts nothing.

use super::super::ir::Action::Allow;
use super::super::ir::{Action, Cond, EPERM, Op};
use super::Answer::{Always, ByArgs};
use super::args::NOT_EXECUTABLE;
use super::{Answer, Group, Table, group, table};

/// Everything else is EPERM and not a kill: a C library may try a call it can do without.
pub(super) static TABLE: Table = table!(EPERM, GROUPS);

const WRITES: u32 = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) as u32;
const READING: Answer = ByArgs(&[(&[Cond::without(2, WRITES)], Allow)], EPERM);

const fn request(request: u32) -> [Cond; 1] {
    [Cond::int(0, Op::Eq, request)]
}
const TRACE: &[(&[Cond], Action)] = &[
    (&request(libc::PTRACE_CONT), Allow),
    (&request(libc::PTRACE_GETREGS), Allow),
    (&request(libc::PTRACE_SETREGS), Allow),
    (&request(libc::PTRACE_DETACH), Allow),
    (&request(libc::PTRACE_SEIZE), Allow),
    (&request(libc::PTRACE_INTERRUPT), Allow),
    (&request(libc::PTRACE_GETSIGMASK), Allow),
    (&request(libc::PTRACE_SETSIGMASK), Allow),
];

#[rustfmt::skip]
const GROUPS: &[Group] = &[
    group("being asked, answering, and saying so", Always(Allow),
        &["ioctl", "poll", "recvmsg", "sendmsg", "write", "close", "pidfd_getfd"]),
    group("who it is that asks", READING, &["openat"]),
    group("and what can be read of it", Always(Allow), &["read", "statx", "process_vm_readv", "pidfd_open"]),
    group("the call made again", ByArgs(TRACE, EPERM), &["ptrace"]),
    group("waiting for that", Always(Allow), &["wait4"]),
    group("killing where it cannot be", Always(Allow), &["kill", "tgkill", "pidfd_send_signal"]),
    group("the C library's memory and locks", Always(Allow),
        &["brk", "munmap", "mremap", "madvise", "futex", "sched_yield", "restart_syscall", "getpid", "gettid"]),
    group("memory, but no new code", NOT_EXECUTABLE, &["mmap"]),
    group("ending", Always(Allow), &["exit", "exit_group", "rt_sigreturn"]),
];
