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

#[cfg(test)]
mod tests {
    use super::*;
    use sandbox_core::seccomp::eval;

    #[test]
    fn files_are_only_read_nothing_becomes_code_and_the_beginning_ends() {
        let (first, then) = (program(&[CALLS, BEGINNING].concat()).unwrap(), program(CALLS).unwrap());
        let met = |program: &[libc::sock_filter], name: &str, args: [u64; 6]| {
            eval::run(program, &eval::Call::new(seccomp::number(name).unwrap(), args)).unwrap().ret
        };
        let eperm = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
        for program in [&first, &then] {
            for (flags, ret) in [
                (libc::O_RDONLY | libc::O_PATH | libc::O_CLOEXEC, libc::SECCOMP_RET_ALLOW),
                (libc::O_WRONLY, eperm),
                (libc::O_RDWR, eperm),
                (libc::O_CREAT, eperm),
                (libc::O_TRUNC, eperm),
            ] {
                assert_eq!(met(program, "openat", [0, 0, flags as u64, 0, 0, 0]), ret, "{flags:#o}");
            }
            for (prot, ret) in [
                (libc::PROT_READ | libc::PROT_WRITE, libc::SECCOMP_RET_ALLOW),
                (libc::PROT_EXEC, eperm),
                (libc::PROT_READ | libc::PROT_EXEC, eperm),
            ] {
                assert_eq!(met(program, "mmap", [0, 4096, prot as u64, 0, 0, 0]), ret, "{prot}");
            }
            for refused in
                ["execve", "execveat", "fork", "clone", "socket", "connect", "ptrace", "mprotect", "open", "unlink"]
            {
                assert_eq!(met(program, refused, [0; 6]), eperm, "{refused}");
            }
            assert_eq!(met(program, "openat2", [0; 6]), libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32);
            assert_eq!(met(program, "read", [0; 6]), libc::SECCOMP_RET_ALLOW);
        }
        for name in BEGINNING {
            assert_eq!(
                (met(&first, name, [0; 6]), met(&then, name, [0; 6])),
                (libc::SECCOMP_RET_ALLOW, eperm),
                "{name}"
            );
        }
    }
}
