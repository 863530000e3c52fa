//! When outer itself ends what is inside: its time is over, memory is out, or it has not begun as it must.

use super::{KilledFor, Outer};
use crate::step::cgroup::Keeper;
use crate::supervise::init;
use crate::sys::signal;

impl Outer<'_> {
    pub(super) fn time_is_over(&mut self) {
        if self.killed_for.is_none() {
            self.kill_all(KilledFor::Time);
        }
    }

    /// Version 1 of control groups kills one process when memory is out: the rest is ended here, as version 2 does it.
    pub(super) fn memory(&mut self) {
        if self.killed_for.is_none() && self.keeper.as_ref().is_some_and(Keeper::says_out_of_memory) {
            self.kill_all(KilledFor::Memory);
        }
    }

    /// Whether somebody inside was killed for want of memory.
    pub(super) fn is_starved(&self) -> bool {
        self.keeper.as_ref().is_some_and(|keeper| keeper.used().oom_kills.is_some_and(|kills| kills > 0))
    }

    /// Everything inside is ended by its control group, where there is one, too. The end of it is awaited as any other.
    pub(super) fn kill_all(&mut self, why: KilledFor) {
        self.killed_for = Some(why);
        if let Some(keeper) = &self.keeper {
            keeper.kill_all();
        }
        self.end_all();
    }

    /// Ends inner, and whatever is in the sandbox with it.
    pub(super) fn end_all(&self) {
        let signal = if self.how.adopts { init::END } else { libc::SIGKILL };
        // ignored: an inner that has just ended is reported by the SIGCHLD that follows
        let _ = signal::send(self.inner, signal);
    }
}
