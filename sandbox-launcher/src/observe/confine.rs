//! What the observer gives up. It reads what hostile processes hand it: taken over, it should have nothing to call.

use std::os::fd::RawFd;

use sandbox_core::observe;
use sandbox_core::seccomp::{self, Action, Clause, Cond, Filter, Op, Rule};
use sandbox_core::sys::call::Call;
use sandbox_core::sys::{Result, privilege};

/// Reading files and processes, answering, ending, and the C library's memory.
const CALLS: &[&str] = &[
    "brk",
    "clock_gettime",
    "clock_nanosleep",
    "close",
    "exit",
    "exit_group",
    "fstat",
    "futex",
    "getrandom",
    "ioctl",
    "kill",
    "lseek",
    "madvise",
    "munmap",
    "mremap",
    "nanosleep",
    "newfstatat",
    "pidfd_open",
    "pidfd_send_signal",
    "poll",
    "pread64",
    "process_vm_readv",
    "pwrite64",
    "ftruncate",
    "read",
    "readlink",
    "readlinkat",
    "recvmsg",
    "restart_syscall",
    "rt_sigreturn",
    "sched_yield",
    "sendmsg",
    "sigaltstack",
    "statx",
    "tgkill",
    "write",
    "getpid",
    "gettid",
    "rt_sigprocmask",
    "wait4",
];
/// What it needs until it has the descriptor on which it is asked.
const BEGINNING: &[&str] = &["pidfd_getfd", "seccomp"];

/// Before anything is known of the target.
pub fn begin(keep: &[RawFd], capabilities: u64) -> Result<()> {
    observe::confine(c"sbx-observer", keep, capabilities, &program(&[CALLS, BEGINNING].concat())?)
}

/// When there is nothing more to fetch.
pub fn complete() -> Result<()> {
    privilege::load_filter(&program(CALLS)?)
}

fn program(names: &[&str]) -> Result<Vec<libc::sock_filter>> {
    let number = |name: &&str| seccomp::number(name);
    let mut rules: std::collections::BTreeMap<u32, Rule> =
        names.iter().filter_map(number).map(|nr| (nr, Rule::Always(Action::Allow))).collect();
    let mut only_without = |name: &str, arg: u8, bits: i32| {
        let when = vec![Cond::int(arg, Op::MaskedEq(u64::from(bits.cast_unsigned())), 0)];
        let clauses = vec![Clause { when, action: Action::Allow }];
        rules.extend(seccomp::number(name).map(|nr| (nr, Rule::ByArgs { clauses, otherwise: seccomp::EPERM })));
    };
    only_without("mmap", 2, libc::PROT_EXEC);
    only_without("openat", 2, libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC);
    // Its flags lie behind a pointer. Without it paths are walked name by name, and links are not followed.
    rules.extend(seccomp::number("openat2").map(|nr| (nr, Rule::Always(seccomp::ENOSYS))));
    let filter = Filter { rules, ..Filter::new(seccomp::EPERM) };
    seccomp::compile(&filter).map_err(|_| sandbox_core::error::Failure {
        call: Call::Seccomp,
        object: 0,
        errno: libc::E2BIG,
    })
}
