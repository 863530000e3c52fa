//! Who has a call made again, with the sentence on it: the kernel's own answer follows, and all that comes with it.
//!
//! The thread is held for that moment only, and nothing of it is changed for longer: before, it runs untraced; after, it
//! has met what the policy says. Whatever else comes between has the call made again as it was, to be asked about again.

use crate::seccomp::{self, sentence};
use crate::sys::notify::Listener;
use crate::sys::socket::{Channel, Message};
use crate::sys::trace::{self, Registers, Stop};
use crate::sys::{Result, privilege, process, signal};

use super::confine;

/// Who holds threads.
pub enum Tracer {
    /// This process.
    Own,
    /// One beside it that does nothing else: to hold a thread is to be able to make it do anything.
    Beside(Channel, i32),
    /// Nobody: the policy needs none.
    None,
}

/// A call that waits, and what it is to be met by.
#[derive(Clone, Copy)]
pub struct Verdict {
    pub id: u64,
    pub thread: i32,
    pub nr: u32,
    pub ret: u32,
}

impl Tracer {
    /// Forks the one beside. `capabilities` are kept where the caller has them.
    ///
    /// # Errors
    /// fork(2), socketpair(2), or that of a step of its confinement.
    pub fn beside(capabilities: u64) -> Result<Self> {
        let (own, theirs) = Channel::pair()?;
        match process::fork()? {
            process::Forked::Child => {
                drop(own);
                serve(&theirs, capabilities)
            }
            process::Forked::Parent(pid) => {
                drop(theirs);
                match own.receive() {
                    Ok(Some(Message::Observing)) => Ok(Self::Beside(own, pid)),
                    Ok(Some(Message::Failed { failure, .. })) | Err(failure) => Err(failure),
                    Ok(_) => Err(crate::sys::socket::peer_gone()),
                }
            }
        }
    }

    /// The descriptor of the way to the one beside.
    pub fn descriptor(&self) -> Option<i32> {
        match self {
            Self::Beside(channel, _) => Some(channel.number()),
            Self::Own | Self::None => None,
        }
    }

    /// Has the kernel meet the call. Whether it does, or the call is going to be asked about again; if not, the call has not
    /// been made, and may wait still.
    pub fn carry_out(&self, listener: &Listener, verdict: Verdict) -> bool {
        let Verdict { id, thread, nr, ret } = verdict;
        // Once it is held, and only then: it comes out of the wait into the hand.
        let not_made = || listener.refuse(id, libc::ENOSYS as u16).is_ok();
        match self {
            Self::None => false,
            Self::Own => hold(thread, ret).is_ok() && not_made() && repeat(thread, nr, ret),
            Self::Beside(channel, _) => {
                let done = || matches!(channel.receive(), Ok(Some(Message::Held(true))));
                channel.send(&Message::Hold { thread, nr, ret }).is_ok() && done() && not_made() && done()
            }
        }
    }

    /// Ends the one beside, and waits for that.
    pub fn end(self) {
        if let Self::Beside(channel, pid) = self {
            drop(channel);
            // ignored: it has ended before
            let _ = signal::wait_end(pid);
        }
    }
}

/// The life of the one beside.
fn serve(channel: &Channel, capabilities: u64) -> ! {
    let begun = signal::block_all().and_then(|_| {
        privilege::die_with_parent()?;
        confine(c"sbx-tracer", &[channel.number()], capabilities, seccomp::witness())
    });
    let said = match begun {
        Ok(()) => channel.send(&Message::Observing),
        Err(failure) => channel.send(&Message::Failed { step: 0, failure, cause: crate::hint::Cause::Unknown }),
    };
    let mut goes_on = begun.and(said).is_ok();
    while goes_on {
        let Ok(Some(Message::Hold { thread, nr, ret })) = channel.receive() else { break };
        let held = hold(thread, ret).is_ok();
        goes_on = channel.send(&Message::Held(held)).is_ok();
        if held {
            goes_on &= channel.send(&Message::Held(repeat(thread, nr, ret))).is_ok();
        }
    }
    process::exit(0)
}

/// From here on the thread stops on its way back from the call that waits.
fn hold(thread: i32, ret: u32) -> Result<()> {
    // Were this process to end now, a program that is to die would be told ENOSYS instead; one that is to be told, is.
    let kills = ret & libc::SECCOMP_RET_ACTION_FULL != libc::SECCOMP_RET_TRAP;
    trace::seize(thread, kills)?;
    trace::interrupt(thread)
}

/// Whether the kernel has met the call, or it is going to be asked about again.
fn repeat(thread: i32, nr: u32, ret: u32) -> bool {
    match try_repeat(thread, nr, ret) {
        Ok(met) => met,
        Err(_) => {
            // ignored: a thread that is no more needs no release
            let _ = trace::release(thread, 0);
            false
        }
    }
}

fn try_repeat(thread: i32, nr: u32, ret: u32) -> Result<bool> {
    let stopped = trace::wait(thread);
    if let Some(met) = ending(thread, stopped) {
        return met;
    }
    let after = Registers::of(thread)?;
    // Another thread by the same number, whose call it is not.
    if !after.is_after(nr) {
        return trace::release(thread, 0).map(|()| true);
    }
    let before = after.before();
    if stopped != Stop::Asked {
        before.set(thread)?;
        return trace::release(thread, 0).map(|()| true);
    }
    let mask = trace::mask(thread)?;
    let sigsys = 1 << (libc::SIGSYS - 1);
    // No handler of another signal comes between, which would see the register.
    trace::set_mask(thread, mask | !sigsys)?;
    before.with_last(sentence(ret)).set(thread)?;
    trace::resume(thread)?;
    let stopped = trace::wait(thread);
    if let Some(met) = ending(thread, stopped) {
        return met;
    }
    let now = Registers::of(thread)?;
    let made = now.ip() == after.ip();
    if made {
        now.with_last(after.last()).set(thread)?
    } else {
        before.set(thread)?
    }
    // The kernel unblocks a signal that it insists on.
    trace::set_mask(thread, if made { mask & !sigsys } else { mask })?;
    let signal = match stopped {
        Stop::Signal(signal) => signal,
        _ => 0,
    };
    trace::release(thread, signal).map(|()| true)
}

/// What follows when the thread is at its end.
fn ending(thread: i32, stopped: Stop) -> Option<Result<bool>> {
    match stopped {
        Stop::Gone => Some(Ok(true)),
        // ignored: SIGKILL may have come before
        Stop::Exit => Some(trace::release(thread, 0).or(Ok(())).map(|()| true)),
        Stop::Asked | Stop::Group | Stop::Exec | Stop::Signal(_) => None,
    }
}
