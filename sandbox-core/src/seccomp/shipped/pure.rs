//! For programs that compute: what is open can be read and written, and nothing else is opened, started or reached.
//!
//! No file is named but to be asked of, no thread or child is made. What a program tries beyond the list is EPERM.

use super::super::ir::Action::Allow;
use super::super::ir::{Cond, EPERM, Op};
use super::Answer::{Always, ByArgs};
use super::args::{ASKING, NOT_EXECUTABLE};
use super::{Group, Table, group, table};

pub(super) static TABLE: Table = table!(EPERM, GROUPS);

/// include/uapi/linux/fcntl.h: what the C library makes of fstat.
const OF_ITSELF: Cond = Cond::int(3, Op::Eq, libc::AT_EMPTY_PATH as u32);

#[rustfmt::skip]
pub(super) const GROUPS: &[Group] = &[
    group("input and output on what is open", Always(Allow),
        &["read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2",
          "lseek", "fsync", "fdatasync", "ftruncate", "sendfile", "splice", "tee", "copy_file_range", "fadvise64"]),
    group("descriptors", Always(Allow),
        &["close", "close_range", "dup", "dup2", "dup3", "fcntl", "fstat"]),
    group("asking of a descriptor by way of an empty name; other names can be asked of so, and not opened",
        ByArgs(&[(&[OF_ITSELF], Allow)], EPERM),
        &["newfstatat"]),
    group("asking what a descriptor is, and close-on-exec and non-blocking; nothing that changes a terminal or device",
        ASKING,
        &["ioctl"]),
    group("waiting for descriptors", Always(Allow),
        &["poll", "ppoll", "select", "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
          "epoll_pwait2"]),
    group("memory", Always(Allow),
        &["brk", "munmap", "mremap", "madvise", "mincore", "membarrier"]),
    group("memory, but no new code", NOT_EXECUTABLE,
        &["mmap", "mprotect"]),
    group("locks, and what the C library tells the kernel of its thread", Always(Allow),
        &["futex", "set_robust_list", "set_tid_address", "rseq", "sched_yield", "sched_getaffinity", "getcpu"]),
    group("its own signals; abort sends one", Always(Allow),
        &["rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "sigaltstack", "tgkill",
          "restart_syscall"]),
    group("who am I", Always(Allow),
        &["getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid"]),
    group("time and chance", Always(Allow),
        &["clock_gettime", "clock_getres", "gettimeofday", "time", "times", "nanosleep", "clock_nanosleep", "getrusage",
          "getrandom"]),
    group("ending", Always(Allow),
        &["exit", "exit_group"]),
];
