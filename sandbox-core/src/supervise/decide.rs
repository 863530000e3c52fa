//! What a signal to the supervisor means for the target. Pure.

/// What the target has done about a signal, as `/proc/PID/status` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Handled, or blocked and so perhaps waited for.
    Taken,
    Ignored,
    Default,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Nothing,
    Forward,
    /// The default effect is death, which the kernel does not give to pid 1.
    Kill,
    /// The default effect is a stop, which the kernel does not give to pid 1.
    Stop,
}

/// What the target is to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// pid 1 of its namespace: signals without a handler are ignored, pid_namespaces(7).
    Pid1,
    /// An ordinary process: every signal has its effect.
    Ordinary,
}

/// `seen`: the terminal sent it to the whole foreground process group, so the target has had it.
pub fn on_signal(signal: i32, seen: bool, target: Target, disposition: Disposition) -> Action {
    let forward = if seen { Action::Nothing } else { Action::Forward };
    match (target, disposition) {
        (Target::Ordinary, _) | (Target::Pid1, Disposition::Taken) => forward,
        (Target::Pid1, Disposition::Ignored) => Action::Nothing,
        (Target::Pid1, Disposition::Default) => match signal {
            libc::SIGCONT => forward,
            libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH => Action::Nothing,
            libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => Action::Stop,
            _ => Action::Kill,
        },
    }
}

/// Reads a signal's disposition out of the text of `/proc/PID/status`, proc(5). `None`: the process has ended.
pub fn disposition(status: &[u8], signal: i32) -> Option<Disposition> {
    let bit = u32::try_from(signal).ok().and_then(|signal| signal.checked_sub(1))?;
    let has = |name: &[u8]| {
        let line = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(name))?;
        let mask = u64::from_str_radix(std::str::from_utf8(line).ok()?.trim(), 16).ok()?;
        Some(mask.checked_shr(bit).unwrap_or(0) & 1 == 1)
    };
    Some(match (has(b"SigCgt:")?, has(b"SigBlk:")?, has(b"SigIgn:")?) {
        (true, ..) | (_, true, _) => Disposition::Taken,
        (.., true) => Disposition::Ignored,
        _ => Disposition::Default,
    })
}

/// The address of the set of signals that the target is waiting for, out of the text of `/proc/PID/syscall`, proc(5).
/// While it waits, the kernel shows these as not blocked, though sigwait(3) takes what comes.
pub fn waited_for(syscall: &[u8]) -> Option<usize> {
    let mut words = std::str::from_utf8(syscall).ok()?.split_ascii_whitespace();
    if words.next()?.parse() != Ok(libc::SYS_rt_sigtimedwait) {
        return None;
    }
    usize::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pid_1_gets_the_effects_that_the_kernel_withholds() {
        let default = |signal| on_signal(signal, false, Target::Pid1, Disposition::Default);
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGRTMIN() + 1] {
            assert_eq!(default(signal), Action::Kill);
        }
        assert_eq!(default(libc::SIGTSTP), Action::Stop);
        assert_eq!(default(libc::SIGWINCH), Action::Nothing);
        assert_eq!(default(libc::SIGCONT), Action::Forward);
    }

    #[test]
    fn handlers_get_each_signal_once() {
        for target in [Target::Pid1, Target::Ordinary] {
            assert_eq!(on_signal(libc::SIGINT, false, target, Disposition::Taken), Action::Forward);
            assert_eq!(on_signal(libc::SIGINT, true, target, Disposition::Taken), Action::Nothing);
        }
    }

    #[test]
    fn a_terminal_interrupt_ends_pid_1_without_a_handler() {
        assert_eq!(on_signal(libc::SIGINT, true, Target::Pid1, Disposition::Default), Action::Kill);
        assert_eq!(on_signal(libc::SIGINT, true, Target::Pid1, Disposition::Ignored), Action::Nothing);
    }

    #[test]
    fn only_a_wait_for_signals_has_a_set_of_them() {
        assert_eq!(waited_for(b"128 0x7ffe10 0x0 0x0 0x8 0x0 0x0 0x7ff 0x7f1\n"), Some(0x7ffe10));
        assert_eq!(waited_for(b"0 0x0 0x7ffe10 0x400 0x0 0x0 0x0 0x7ff 0x7f1\n"), None);
        assert_eq!(waited_for(b"running\n"), None);
    }

    #[test]
    fn dispositions_are_read_from_the_status_file() {
        let status = b"Name:\tx\nSigBlk:\t0000000000000200\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000004002\n";
        let of = |signal| disposition(status, signal);
        assert_eq!(of(libc::SIGINT), Some(Disposition::Taken));
        assert_eq!(of(libc::SIGTERM), Some(Disposition::Taken));
        assert_eq!(of(libc::SIGPIPE), Some(Disposition::Ignored));
        assert_eq!(of(libc::SIGUSR1), Some(Disposition::Taken), "blocked");
        assert_eq!(of(libc::SIGHUP), Some(Disposition::Default));
        assert_eq!(disposition(b"", 1), None);
    }
}
