//! From the fork to the program's beginning: inner's word is awaited, and outer's given.

use super::Outer;
use crate::error::{Failure, SetupError};
use crate::hint::Cause;
use crate::report;
use crate::step::{self, cgroup, entry, observer, time_limit};
use crate::supervise::init;
use crate::sys::call::Call;
use crate::sys::socket::Message;
use crate::sys::{file, refused, signal};

/// The number of the step that failed, its failure, and the cause that was found where it failed.
pub type Failed = (u32, Failure, Cause);

/// A failure of no step.
fn own(failure: Failure) -> Failed {
    (u32::MAX, failure, Cause::Unknown)
}

impl Outer<'_> {
    /// Waits for inner's word, then keeps nothing that is not needed.
    ///
    /// # Errors
    /// A step of inner's has failed, or one that outer takes meanwhile; or inner is gone.
    pub fn wait_until_ready(&mut self) -> Result<(), Failed> {
        let reports = self.how.status_fd.is_some();
        if !reports {
            // While inner is still at work, as it costs time and needs nothing of inner.
            self.confine().map_err(own)?;
        }
        // Inner need not wait for it then. Where it cannot be told, it may have failed, and says so first.
        let ahead = !self.how.begins_on_word();
        let told = if ahead { self.channel.send(&Message::Go) } else { Ok(()) };
        let first = match self.channel.receive() {
            // It may have begun, with all that was asked for: to end it now would be to end a program that runs.
            Err(failure) if ahead && told.is_ok() && self.entry.is_none() => {
                self.unheard = Some(failure);
                self.fall_silent();
                return Ok(());
            }
            first => first.map_err(own)?,
        };
        match self.word(first)? {
            Some(Message::Ready { listener }) => {
                told.map_err(own)?;
                self.observe(listener)?;
                self.ours.extend(listener);
            }
            Some(Message::Failed { step, failure, cause }) => return Err((self.number(step), failure, cause)),
            Some(_) | None => return Err(self.why_inner_is_gone()),
        }
        if reports {
            let line = report::entered(self.inner, &self.ours, self.plan).map_err(own)?;
            self.outputs.status(&line).map_err(own)?;
            self.confine().map_err(own)?;
        }
        if self.how.begins_on_word() {
            let of_limit = |failure| (self.plan.number_of(time_limit::NAME), failure, Cause::Unknown);
            self.clock.start().map_err(of_limit)?;
            self.channel.send(&Message::Go).map_err(own)?;
        }
        if self.entry.is_none() {
            self.fall_silent();
        }
        Ok(())
    }

    /// Lets the observer have what the filter asks on.
    fn observe(&self, listener: Option<i32>) -> Result<(), Failed> {
        let Some(observer) = &self.observer else { return Ok(()) };
        observer
            .begin(self.inner, self.how.init, listener)
            .map_err(|failure| (self.plan.number_of(observer::NAME), failure, Cause::Unknown))
    }

    /// Inner's word; where entry is to be proved, what its keeper is asked on comes first.
    fn word(&mut self, first: Option<Message>) -> Result<Option<Message>, Failed> {
        match (first, &mut self.entry) {
            (Some(Message::Listener(listener)), Some(entry)) => {
                let failed = |failure| (self.plan.number_of(entry::NAME), failure, Cause::Unknown);
                entry.begin(listener).map_err(failed)?;
                self.channel.receive().map_err(own)
            }
            (word, _) => Ok(word),
        }
    }

    /// Inner has ended without a word.
    fn why_inner_is_gone(&self) -> Failed {
        if self.is_starved() {
            let starved = refused(Call::Recv, libc::ENOMEM).on(cgroup::STARVED);
            return (self.plan.number_of(cgroup::NAME), starved, Cause::Unknown);
        }
        // Killed from outside, or by a failure of the very call that would have said so.
        own(refused(Call::Recv, libc::ECONNRESET))
    }

    /// From here on standard error is the program's.
    pub(super) fn fall_silent(&mut self) {
        if !self.how.log_file {
            file::complain_to(2);
            self.log = None;
        }
    }

    /// A step's number in the plan: the reaper does not know its own.
    pub(super) fn number(&self, step: u32) -> u32 {
        if step == init::STEP { self.plan.number_of(step::init::NAME) } else { step }
    }

    /// Setup has failed: says so, ends inner, and ends.
    pub fn give_up(&mut self, error: &SetupError) -> ! {
        // ignored: inner may have ended already, as after a failure of its own
        let _ = signal::send(self.inner, libc::SIGKILL);
        let _ = signal::wait_end(self.inner);
        self.dismiss_keeper_of_entry();
        self.disconnect();
        self.remove_groups(true);
        self.tell(error)
    }
}
