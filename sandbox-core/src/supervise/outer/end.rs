//! The end: what is taken away, what is said of it, and the exit code.

use super::{KilledFor, Outer};
use crate::error::{Failure, Refusal, SetupError};
use crate::exit;
use crate::report::{self, By, Ended};
use crate::step::cgroup::Keeper;
use crate::step::{entry, program};
use crate::supervise::observer::Observer;
use crate::sys::signal::{self, Change, Usage};
use crate::sys::socket::Message;
use crate::sys::{file, process};

impl Outer<'_> {
    /// Ends as the target did, or says that it was its time.
    pub(super) fn end(&mut self, change: Change, usage: Usage) -> ! {
        // Before all is told: what the observer has to say comes before the end, and it knows a part of it.
        self.disconnect();
        let why = self.entry.take().and_then(entry::Keeper::last_word);
        self.killed_for = self.killed_for.or(why.map(KilledFor::Entry));
        let by_filter = self.observer.as_ref().is_some_and(Observer::end);
        if let Some(KilledFor::Entry(failure)) = self.killed_for {
            self.never_begun(failure)
        }
        if change == Change::Killed(libc::SIGSYS) && self.observer.is_none() && self.killed_for.is_none() {
            file::complain(&self.unexplained());
        }
        let (change, by) = self.judge(change, by_filter);
        let (wall, group) = (self.clock.elapsed(), self.keeper.as_ref().map(Keeper::used).unwrap_or_default());
        // Whoever is told that it is over finds nothing of it.
        self.remove_groups(by != By::Itself);
        let unheard = self.unheard.filter(|_| change == Change::Exited(exit::REFUSED));
        if let Some(error) = self.failed.take().or(unheard.map(unsupervised)) {
            self.tell(&error);
        }
        if let (Change::Exited(code), Some(error)) = (change, self.not_executed()) {
            // ignored: the line that inner has written stands, and so does the exit code
            let _ = self.outputs.last(&report::failed(&error));
            process::exit(code)
        }
        self.tell_of(&Ended { change, by, wall, usage, group });
        exit_as(change, by)
    }

    /// How the program has ended, and by whom: SIGKILL can be outer's own, the filter's, or for want of memory.
    fn judge(&self, change: Change, by_filter: bool) -> (Change, By) {
        match (change, self.killed_for) {
            (Change::Killed(libc::SIGKILL), None) if by_filter => (Change::Killed(libc::SIGSYS), By::Itself),
            (Change::Killed(libc::SIGKILL), Some(KilledFor::Signal(signal))) => (Change::Killed(signal), By::Itself),
            (Change::Killed(libc::SIGKILL), Some(KilledFor::Time)) => (change, By::Time),
            (Change::Killed(libc::SIGKILL), Some(KilledFor::Memory)) => (change, By::Memory),
            (Change::Killed(libc::SIGKILL), None) if self.is_starved() => (change, By::Memory),
            (change, _) => (change, By::Itself),
        }
    }

    /// The last lines of all.
    fn tell_of(&mut self, ended: &Ended) {
        if self.outputs.any() {
            let told = self.outputs.last(&report::ended(ended));
            // The exit code stands. Standard error is the program's; an empty file tells whoever reads it.
            if let Err(failure) = told
                && self.log.is_some()
            {
                file::complain(&Refusal::from(SetupError::new("report", failure, "the last line")).message());
            }
        }
        if ended.by == By::Memory && self.log.is_some() {
            file::complain("sbx: cgroup: out of memory: everything inside was killed\n");
        }
    }

    /// Why inner could not execute the program, if that is how it ended.
    fn not_executed(&self) -> Option<SetupError> {
        match self.last_word.as_ref()?.poll()? {
            Message::Failed { step, failure, .. } => {
                let object = self.plan.steps.get(step as usize).map(|planned| planned.step.object(failure.object));
                Some(SetupError::new(program::NAME, failure, object.unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// The program was killed where the kernel held it.
    fn never_begun(&mut self, failure: Failure) -> ! {
        self.remove_groups(true);
        let object = self.plan.steps.iter().find(|planned| planned.step.name() == entry::NAME);
        let object = object.map(|planned| planned.step.object(failure.object)).unwrap_or_default();
        let error = SetupError::new(entry::NAME, failure, object);
        let line = match entry::is_not_loaded(failure) {
            true => {
                format!("sbx: entry: {}: the library was not loaded into it, and nothing of it has run\n", error.object)
            }
            false => Refusal::from(error.clone()).message(),
        };
        file::complain(&line);
        // ignored: the line above has been written, and the exit code stands
        let _ = self.outputs.last(&report::failed(&error));
        process::exit(exit::REFUSED)
    }

    /// What is known of a death by SIGSYS that nobody was asked about. Standard error is open for it: to have an observer
    /// for calls of other architectures, which next to nobody makes, would cost every start.
    fn unexplained(&self) -> String {
        let call = if self.how.kills_own {
            "a system call that the filter kills"
        } else {
            "a system call of another architecture (int $0x80), which every filter kills"
        };
        format!("sbx: killed by SIGSYS: its own signal, or {call}; sbx-launch --explain tells which\n")
    }

    /// Says what has failed when it was over, and ends. What is inside is about to end, or has.
    pub(super) fn tell(&mut self, error: &SetupError) -> ! {
        file::complain(&Refusal::from(error.clone()).message());
        // ignored: the line above has been written, and the exit code stands
        let _ = self.outputs.last(&report::failed(error));
        process::exit(exit::REFUSED)
    }

    /// Nobody would know how it ends.
    pub(super) fn lost(&mut self, failure: Failure) -> ! {
        self.end_all();
        self.tell(&unsupervised(failure))
    }

    /// Nothing of the network is left when this process ends: its ports can be taken at once.
    pub(super) fn disconnect(&mut self) {
        if let Some(keeper) = self.uplink.take() {
            keeper.end();
        }
    }

    pub(super) fn remove_groups(&mut self, killed: bool) {
        if let Some(keeper) = self.keeper.take() {
            keeper.finish(killed);
        }
    }
}

fn unsupervised(failure: Failure) -> SetupError {
    SetupError::new("supervise", failure, "the program")
}

/// Ends as the program did; the time limit has an exit code of its own.
fn exit_as(change: Change, by: By) -> ! {
    if by == By::Time {
        process::exit(exit::TIME_LIMIT)
    }
    match change {
        Change::Exited(code) => process::exit(code),
        Change::Killed(number) => {
            signal::die_of(number);
            process::exit(exit::SIGNAL_BASE + number)
        }
        Change::Stopped(_) | Change::Continued => process::exit(exit::REFUSED),
    }
}
