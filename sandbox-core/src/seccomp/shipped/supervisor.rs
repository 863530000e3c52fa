//! For the process that only waits, forwards signals and keeps time. It lives outside the jail, so a fault in it would be
//! the way out: it should have nothing to call.

use super::super::ir::Action::Allow;
use super::super::ir::EPERM;
use super::Answer::Always;
use super::args::NOT_EXECUTABLE;
use super::{Group, Table, group, table};

/// Everything else is EPERM and not a kill: a C library may try a call it can do without.
pub(super) static TABLE: Table = table!(EPERM, GROUPS);

#[rustfmt::skip]
const GROUPS: &[Group] = &[
    group("the status pipe, reports, cgroup files already open", Always(Allow),
        &["read", "write", "pread64", "ftruncate", "close", "poll", "ppoll", "recvfrom", "recvmsg", "sendto", "sendmsg"]),
    group("waiting for the inner process", Always(Allow),
        &["wait4", "waitid"]),
    group("forwarding signals, and dying of the same one", Always(Allow),
        &["kill", "tgkill", "pidfd_send_signal", "getpid", "gettid", "getpgid", "getpgrp", "getsid",
          "rt_sigtimedwait", "rt_sigprocmask", "rt_sigreturn", "rt_sigaction", "restart_syscall",
          // Whether the target waits for a signal that it does not handle.
          "process_vm_readv",
          // No core of ours when the target's signal is one that dumps.
          "prlimit64", "prctl"]),
    group("keeping time", Always(Allow),
        &["clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "timer_settime"]),
    group("the C library's memory and locks", Always(Allow),
        &["brk", "munmap", "mremap", "madvise", "futex", "sched_yield"]),
    group("memory, but no new code", NOT_EXECUTABLE,
        &["mmap"]),
    group("ending", Always(Allow),
        &["exit", "exit_group"]),
];
