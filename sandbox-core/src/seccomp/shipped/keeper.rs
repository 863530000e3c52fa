//! For the process that removes control groups when a run is over. It stays what the caller is: it should have nothing to
//! call but what that takes.

use super::super::ir::Action::Allow;
use super::super::ir::EPERM;
use super::Answer::Always;
use super::args::{DIRECTORY_ONLY, NOT_EXECUTABLE};
use super::{Group, Table, group, table};

/// Everything else is EPERM and not a kill: a C library may try a call it can do without.
pub(super) static TABLE: Table = table!(EPERM, GROUPS);

#[rustfmt::skip]
const GROUPS: &[Group] = &[
    group("the word of the supervisor, and control group files already open", Always(Allow),
        &["read", "write", "pread64", "close", "poll", "recvmsg", "sendmsg", "flock"]),
    group("directories that are empty", DIRECTORY_ONLY,
        &["unlinkat"]),
    group("keeping time", Always(Allow),
        &["clock_gettime", "clock_nanosleep", "nanosleep"]),
    group("the C library's memory and locks", Always(Allow),
        &["brk", "munmap", "mremap", "madvise", "futex", "rt_sigreturn", "restart_syscall"]),
    group("memory, but no new code", NOT_EXECUTABLE,
        &["mmap"]),
    group("ending", Always(Allow),
        &["exit", "exit_group"]),
];
