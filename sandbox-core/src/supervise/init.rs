//! The reaper: adopts and reaps orphans, passes signals on to the target, and tells outer how it ended. At pid 1 its own end
//! is that of everything in the namespace; where the pid namespace is shared, it ends everything itself.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use crate::error::Failure;
use crate::exit;
use crate::hint::Cause;
use crate::seccomp;
use crate::sys::signal::{Change, Reaped, Taken};
use crate::sys::socket::{Channel, Message};
use crate::sys::{Result, file, privilege, process, signal};

/// Asks a reaper that is not pid 1 to end everything: outer's order, and what its death sends.
pub const END: i32 = libc::SIGIO;

/// The number of the reaper's own step, as it says it: it has no plan to look it up in.
pub const STEP: u32 = u32::MAX - 1;

/// A process that is not pid 1 and gets the orphans all the same.
pub struct Adopter {
    /// `/proc/PID/task/PID/children`, its own.
    children: OwnedFd,
}

impl Adopter {
    /// This process, before it forks the target: what is forked from then on comes back to it.
    pub fn new() -> Result<Self> {
        let pid = std::process::id();
        let path = CString::new(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let children = file::open(None, &path, libc::O_RDONLY, 0)?;
        privilege::adopt_orphans()?;
        Ok(Self { children })
    }

    /// Kills until nobody is left. Who is killed while it forks has forked nobody, and whom it had forked comes back here.
    fn end_all(&self, mut ended: impl FnMut(&Reaped)) {
        // On the stack: there may be thousands, and a part of the list is as good as all of it.
        let mut list = [0; 4096];
        loop {
            let length = file::read_start(self.children.as_fd(), &mut list).unwrap_or(0);
            let list = list.get(..length).unwrap_or_default();
            // Each number ends with a space; one that is cut off does not, and is left for the next time.
            for word in list.split_inclusive(|&b| b == b' ') {
                let digits = word.strip_suffix(b" ").and_then(|digits| std::str::from_utf8(digits).ok());
                if let Some(pid) = digits.and_then(|digits| digits.parse().ok()) {
                    // ignored: a child that has ended, and is not waited for yet, takes it
                    let _ = signal::send(pid, libc::SIGKILL);
                }
            }
            match signal::wait_any() {
                Ok(Some(reaped)) => ended(&reaped),
                Ok(None) | Err(_) => return,
            }
        }
    }
}

/// Runs until the target has ended, and everything else with it. `confined`: where the target waits for that.
pub fn run(target: i32, channel: Channel, confined: Channel, adopter: Option<&Adopter>) -> ! {
    // ignored: a target that does not wait any more has ended
    let _ = confined.send(&Message::Ready { listener: None });
    drop(confined);
    loop {
        match signal::take() {
            Ok(Taken { signal: libc::SIGCHLD, .. }) => reap(target, &channel, adopter),
            Ok(Taken { signal: END, .. }) if adopter.is_some() => {
                end_all(target, &channel, adopter);
                process::exit(exit::SIGNAL_BASE + libc::SIGKILL)
            }
            // What the terminal sends goes to the whole group, the target among it.
            Ok(Taken { from_kernel: true, .. }) => {}
            // ignored: a target that has just ended is found by the SIGCHLD that follows
            Ok(Taken { signal, .. }) => {
                let _ = signal::send(target, signal);
            }
            Err(failure) => lost(failure, target, &channel, adopter),
        }
    }
}

/// Cannot be. Not to know when the target ends is to wait for ever, so it ends now, with all that is inside.
fn lost(failure: Failure, target: i32, channel: &Channel, adopter: Option<&Adopter>) -> ! {
    // ignored: without outer there is nobody to tell
    let _ = channel.send(&Message::Failed { step: STEP, failure, cause: Cause::Unknown });
    end_all(target, channel, adopter);
    process::exit(exit::REFUSED)
}

/// Gives up what a reaper does not need. The target goes on when that is done, not before.
pub fn confine(channel: &Channel, confined: &Channel, adopter: Option<&Adopter>) -> Result<()> {
    let children = adopter.map(|adopter| adopter.children.as_raw_fd());
    file::close_all_but([Some(channel.number()), Some(confined.number()), children].into_iter().flatten())?;
    // ignored: a name is a courtesy
    let _ = process::set_name(c"sbx-init");
    privilege::not_dumpable()?;
    privilege::load_filter(seccomp::supervisor())
}

/// Ends whatever is left: at pid 1 the kernel does that.
fn end_all(target: i32, channel: &Channel, adopter: Option<&Adopter>) {
    let Some(adopter) = adopter else { return };
    adopter.end_all(|reaped| {
        if reaped.pid == target {
            tell(channel, reaped.status);
        }
    });
}

fn tell(channel: &Channel, status: i32) {
    // ignored: without outer this process is about to be killed, or to end
    let _ = channel.send(&Message::Ended(status));
}

fn reap(target: i32, channel: &Channel, adopter: Option<&Adopter>) {
    loop {
        let Reaped { pid, status, .. } = match signal::reap(-1) {
            Ok(Some(reaped)) => reaped,
            Ok(None) => return,
            Err(failure) => lost(failure, target, channel, adopter),
        };
        if pid != target {
            continue;
        }
        let code = match Change::from_status(status) {
            Change::Continued => continue,
            Change::Stopped(_) => {
                tell(channel, status);
                continue;
            }
            Change::Exited(code) => code,
            Change::Killed(number) => exit::SIGNAL_BASE + number,
        };
        tell(channel, status);
        end_all(target, channel, adopter);
        process::exit(code)
    }
}
