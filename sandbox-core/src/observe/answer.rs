//! What the programs answer to a call that waits.

use libc::sock_filter;

use crate::seccomp::eval;

/// What meets a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    /// The programs let it through.
    Allowed,
    /// They let it through, and would have it logged: with another action it would be refused.
    Logged,
    Errno(u16),
    /// SIGSYS, for which the program has a handler. Where it has none, this is `Killed`.
    Trapped(u16),
    /// The thread ends; where it is the only one, the process, by SIGSYS.
    ThreadKilled,
    Killed,
}

/// What the kernel would have answered with the programs loaded one by one.
pub fn answer<P: AsRef<[sock_filter]>>(programs: &[P], call: &eval::Call) -> Answer {
    let (ret, _) = eval::stacked(programs, call);
    let data = u16::try_from(ret & libc::SECCOMP_RET_DATA).unwrap_or(u16::MAX);
    match ret & libc::SECCOMP_RET_ACTION_FULL {
        libc::SECCOMP_RET_ALLOW => Answer::Allowed,
        libc::SECCOMP_RET_LOG => Answer::Logged,
        // MAX_ERRNO: the kernel cuts what is larger.
        libc::SECCOMP_RET_ERRNO => Answer::Errno(data.min(4095)),
        // Without a tracer or a listener of its own: kernel/seccomp.c.
        libc::SECCOMP_RET_TRACE | libc::SECCOMP_RET_USER_NOTIF => Answer::Errno(libc::ENOSYS as u16),
        libc::SECCOMP_RET_TRAP => Answer::Trapped(data),
        libc::SECCOMP_RET_KILL_THREAD => Answer::ThreadKilled,
        _ => Answer::Killed,
    }
}

impl Answer {
    /// The kernel's own, where only the kernel can give it.
    pub(super) fn sentence(self) -> Option<u32> {
        match self {
            Answer::Killed => Some(libc::SECCOMP_RET_KILL_PROCESS),
            Answer::ThreadKilled => Some(libc::SECCOMP_RET_KILL_THREAD),
            Answer::Trapped(data) => Some(libc::SECCOMP_RET_TRAP | u32::from(data)),
            Answer::Allowed | Answer::Logged | Answer::Errno(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::{self, Denial, Request, Shipped};

    #[test]
    fn answers_are_those_of_the_programs() {
        let ptrace = eval::Call::new(seccomp::number("ptrace").unwrap(), [0; 6]);
        for (action, met) in [
            (Denial::Errno, Answer::Errno(libc::EPERM as u16)),
            (Denial::Kill, Answer::Killed),
            (Denial::KillThread, Answer::ThreadKilled),
            (Denial::Trap, Answer::Trapped(0)),
            (Denial::Log, Answer::Logged),
        ] {
            let programs = seccomp::compose(&Request { action, ..Request::new(Shipped::Default) }).unwrap();
            assert_eq!(answer(&programs, &ptrace), met);
            assert_eq!(met.sentence().is_some(), !matches!(met, Answer::Errno(_) | Answer::Logged));
            assert_eq!(answer(&programs, &eval::Call::new(39, [0; 6])), Answer::Allowed);
        }
    }

    #[test]
    fn what_the_kernel_cuts_or_has_nobody_for_is_answered_so() {
        let all_get = |ret: u32| {
            let all = sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: ret };
            answer(&[[all]], &eval::Call::new(39, [0; 6]))
        };
        assert_eq!(all_get(libc::SECCOMP_RET_ERRNO | 5000), Answer::Errno(4095));
        assert_eq!(all_get(libc::SECCOMP_RET_ERRNO), Answer::Errno(0));
        for nobody in [libc::SECCOMP_RET_TRACE | 7, libc::SECCOMP_RET_USER_NOTIF] {
            assert_eq!(all_get(nobody), Answer::Errno(libc::ENOSYS as u16));
        }
        assert_eq!(all_get(libc::SECCOMP_RET_TRAP | 7), Answer::Trapped(7));
        assert_eq!(all_get(0x1234_0000), Answer::Killed, "an action that the kernel does not know");
    }
}
