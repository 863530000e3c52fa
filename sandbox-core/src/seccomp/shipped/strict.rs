//! For programs that read what they are given and write an answer (cat, sort, gzip, jq, openssl), loaded already: an
//! allow-list without execve, sockets, new code or anything that reaches another process than its own children.
//!
//! Files may be opened, because the root this is made for is empty; what a program tries beyond the list is EPERM, and
//! such programs take no for an answer.

use super::super::ir::Action::Allow;
use super::super::ir::{Cond, ENOSYS, EPERM, Op};
use super::Answer::{Always, ByArgs};
use super::args::{
    ASKING, CLONE, MODE_IS_SECOND, MODE_IS_THIRD, NOT_EXECUTABLE, OPEN, OPENAT, PER_QUERY, SHM_NOT_EXECUTABLE,
};
use super::{Group, Table, group, table};

pub(super) static TABLE: Table = table!(EPERM, GROUPS);

/// include/uapi/linux/prctl.h: `VMA\0`, and a number libc lacks.
const PR_SET_VMA: u32 = 0x5356_4d41;

const fn option(option: i32) -> Cond {
    Cond::int(0, Op::Eq, option as u32)
}

#[rustfmt::skip]
pub(super) const GROUPS: &[Group] = &[
    // Files.
    group("input and output", Always(Allow),
        &["read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2",
          "lseek", "sendfile", "copy_file_range", "splice", "tee", "fadvise64", "readahead", "fsync", "fdatasync",
          "sync_file_range", "truncate", "ftruncate", "fallocate"]),
    group("descriptors", Always(Allow),
        &["close", "close_range", "dup", "dup2", "dup3", "fcntl", "flock", "pipe", "pipe2", "eventfd", "eventfd2",
          "memfd_create"]),
    group("waiting for descriptors", Always(Allow),
        &["poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
          "epoll_pwait", "epoll_pwait2", "signalfd", "signalfd4", "timerfd_create", "timerfd_settime",
          "timerfd_gettime"]),
    group("files: the root is empty, or the policy put them there", Always(Allow),
        &["stat", "fstat", "lstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2",
          "readlink", "readlinkat", "getdents", "getdents64", "getcwd", "chdir", "fchdir", "umask", "mkdir", "mkdirat",
          "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat",
          "chown", "fchown", "lchown", "fchownat", "utime", "utimes", "futimesat", "utimensat", "getxattr",
          "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr", "getxattrat", "listxattrat"]),
    group("opening, without making a file set-user-id", OPEN,
        &["open"]),
    group("opening from a directory, without making a file set-user-id", OPENAT,
        &["openat"]),
    group("its mode lies behind a pointer; its users fall back to openat", Always(ENOSYS),
        &["openat2"]),
    group("modes, but not set-user-id", MODE_IS_SECOND,
        &["chmod", "fchmod", "creat"]),
    group("modes, but not set-user-id, from a directory", MODE_IS_THIRD,
        &["fchmodat", "fchmodat2"]),
    group("asking what a descriptor is, and close-on-exec and non-blocking; nothing that changes a terminal or device",
        ASKING,
        &["ioctl"]),

    // Memory.
    group("memory", Always(Allow),
        &["brk", "munmap", "mremap", "madvise", "msync", "mlock", "mlock2", "mlockall", "munlock", "munlockall",
          "mseal", "membarrier", "pkey_alloc", "pkey_free", "map_shadow_stack", "shmget", "shmctl", "shmdt"]),
    group("memory, but no new code", NOT_EXECUTABLE,
        &["mmap", "mprotect", "pkey_mprotect"]),
    group("memory, but no new code in a System V segment", SHM_NOT_EXECUTABLE,
        &["shmat"]),
    group("the query alone: READ_IMPLIES_EXEC would make new code",
        ByArgs(&[(&[Cond::int(0, Op::Eq, PER_QUERY)], Allow)], EPERM),
        &["personality"]),

    // Threads and children of its own.
    group("threads and plain children, in no new namespace", CLONE,
        &["clone"]),
    group("its flags lie behind a pointer; with EPERM the C library would fail instead of using clone", Always(ENOSYS),
        &["clone3"]),
    group("children, waiting and ending", Always(Allow),
        &["fork", "vfork", "wait4", "waitid", "exit", "exit_group"]),
    group("threads' own business", Always(Allow),
        &["futex", "futex_waitv", "futex_wake", "futex_wait", "futex_requeue", "set_tid_address", "set_robust_list",
          "get_robust_list", "rseq"]),
    // Not setting them: an affinity given by the policy would be undone.
    group("scheduling, read only", Always(Allow),
        &["sched_yield", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_getattr",
          "sched_get_priority_max", "sched_get_priority_min", "sched_rr_get_interval", "getpriority", "ioprio_get"]),
    group("who am I", Always(Allow),
        &["getpid", "getppid", "gettid", "getpgid", "getpgrp", "getsid", "getuid", "geteuid", "getgid", "getegid",
          "getresuid", "getresgid", "getgroups", "capget"]),
    group("signals, to whomever the namespace and ids let it", Always(Allow),
        &["rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend",
          "rt_sigqueueinfo", "rt_tgsigqueueinfo", "sigaltstack", "kill", "tkill", "tgkill", "pause",
          "restart_syscall"]),
    group("names, reads and promises to oneself; never PR_SET_MM, PR_SET_PDEATHSIG, PR_SET_SECCOMP or capabilities",
        ByArgs(&[
            (&[option(libc::PR_SET_NAME)], Allow),
            (&[option(libc::PR_GET_NAME)], Allow),
            (&[Cond::int(0, Op::Eq, PR_SET_VMA)], Allow),
            (&[option(libc::PR_GET_DUMPABLE)], Allow),
            (&[option(libc::PR_GET_PDEATHSIG)], Allow),
            (&[option(libc::PR_GET_SECCOMP)], Allow),
            (&[option(libc::PR_CAPBSET_READ)], Allow),
            (&[option(libc::PR_GET_SECUREBITS)], Allow),
            (&[option(libc::PR_GET_TIMERSLACK)], Allow),
            (&[option(libc::PR_GET_NO_NEW_PRIVS)], Allow),
            // On already in most policies; xz sets it before its own Landlock ruleset and gives up when it cannot.
            (&[option(libc::PR_SET_NO_NEW_PRIVS)], Allow),
        ], EPERM),
        &["prctl"]),
    group("can only take rights away", Always(Allow),
        &["landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"]),

    // Time and facts.
    group("time", Always(Allow),
        &["time", "gettimeofday", "clock_gettime", "clock_getres", "nanosleep", "clock_nanosleep", "alarm",
          "getitimer", "setitimer", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun",
          "timer_delete", "times"]),
    group("limits and facts", Always(Allow),
        &["getrlimit", "setrlimit", "prlimit64", "getrusage", "sysinfo", "uname", "getcpu", "getrandom"]),
];
