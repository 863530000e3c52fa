//! Signals that are for the program.

use std::os::fd::{AsFd, OwnedFd};

use super::{KilledFor, Outer};
use crate::supervise::decide::{self, Action, Disposition, Target};
use crate::sys::signal::Taken;
use crate::sys::{file, process, signal};

impl Outer<'_> {
    pub(super) fn pass_on(&mut self, taken: Taken) {
        let target = if self.how.target_is_pid_1 { Target::Pid1 } else { Target::Ordinary };
        let seen = taken.from_kernel && process::group_of(self.inner) == self.group;
        let action = decide::on_signal(taken.signal, seen, target, self.disposition(taken.signal));
        // ignored throughout: a target that has just ended is reported by the SIGCHLD that follows
        match action {
            Action::Nothing => {}
            Action::Forward => {
                let _ = signal::send(self.inner, taken.signal);
            }
            Action::Stop => {
                let _ = signal::send(self.inner, libc::SIGSTOP);
            }
            Action::Kill => {
                self.killed_for = Some(KilledFor::Signal(taken.signal));
                let _ = signal::send(self.inner, libc::SIGKILL);
            }
        }
    }

    fn disposition(&self, number: i32) -> Disposition {
        // On the stack, as is all that is done for a signal: the library's memory is never given back.
        let (mut status, mut syscall) = ([0; 4096], [0; 256]);
        let status = read(&self.status, &mut status);
        match decide::disposition(status, number).unwrap_or(Disposition::Default) {
            Disposition::Default if self.is_waiting_for(number, read(&self.syscall, &mut syscall)) => {
                Disposition::Taken
            }
            known => known,
        }
    }

    fn is_waiting_for(&self, number: i32, syscall: &[u8]) -> bool {
        let set = decide::waited_for(syscall).and_then(|address| process::read_word(self.inner, address));
        set.is_some_and(|set| set >> (number - 1) & 1 == 1)
    }
}

/// The text of a file of `/proc`, now; empty where there is none.
fn read<'a>(fd: &Option<OwnedFd>, buffer: &'a mut [u8]) -> &'a [u8] {
    let length = fd.as_ref().and_then(|fd| file::read_start(fd.as_fd(), buffer).ok()).unwrap_or(0);
    buffer.get(..length).unwrap_or_default()
}
