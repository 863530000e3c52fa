//! What SIGCHLD and SIGIO stand for: what has become of inner, and what those inside tell.

use super::{KilledFor, Outer};
use crate::error::SetupError;
use crate::step::entry;
use crate::sys::signal::{self, Change, Reaped};
use crate::sys::socket::Message;

impl Outer<'_> {
    pub(super) fn children(&mut self) {
        self.watcher();
        self.beginning();
        loop {
            let Reaped { status, usage, .. } = match signal::reap(self.inner) {
                Ok(Some(reaped)) => reaped,
                Ok(None) => return,
                // Cannot be for a child of ours. Not to know how it ends is to wait for ever, so it ends now.
                Err(failure) => self.lost(failure),
            };
            match Change::from_status(status) {
                ended @ (Change::Exited(_) | Change::Killed(_)) => {
                    self.messages();
                    self.end(self.ended.unwrap_or(ended), usage);
                }
                // The shell that waits for us must see what the target did, and it is us whom it continues.
                Change::Stopped(_) => self.stop_too(),
                Change::Continued => {}
            }
        }
    }

    pub(super) fn messages(&mut self) {
        while let Some(message) = self.channel.poll() {
            match message {
                Message::Ended(status) => match Change::from_status(status) {
                    Change::Stopped(_) => self.stop_too(),
                    ended => self.ended = Some(ended),
                },
                Message::Failed { step, failure, cause } => {
                    self.failed = Some(SetupError { cause, ..self.plan.error_of(self.number(step), failure) });
                }
                // Of the beginning, where that was not heard.
                _ => {}
            }
        }
    }

    /// Who sees to the program's beginning has ended: it goes on, or nothing of it runs.
    pub(super) fn beginning(&mut self) {
        let Some(keeper) = &mut self.entry else { return };
        let begun = match keeper.state() {
            // What it is held by is let go when it is dead.
            entry::State::Awaited | entry::State::Over => return,
            _ if self.killed_for.is_some() => return,
            entry::State::Entered(id) => keeper.let_begin(id),
            entry::State::Failed(failure) => Err(failure),
        };
        match begun {
            Ok(()) => {
                self.dismiss_keeper_of_entry();
                self.fall_silent();
            }
            Err(failure) => self.kill_all(KilledFor::Entry(failure)),
        }
    }

    pub(super) fn dismiss_keeper_of_entry(&mut self) {
        if let Some(keeper) = self.entry.take() {
            keeper.end();
        }
    }

    /// Waits for it, if it has ended.
    pub(super) fn watcher(&mut self) {
        self.watcher = self.watcher.filter(|&pid| matches!(signal::reap(pid), Ok(None)));
    }

    fn stop_too(&mut self) {
        // What is about to be killed is not to be continued first.
        if self.killed_for.is_some() || self.clock.is_over() {
            return;
        }
        // Who has continued it meanwhile would wait for ever: the stop below takes the signal away.
        if let Some(taken) = signal::take_one(libc::SIGCONT) {
            return self.pass_on(taken);
        }
        // ignored: SIGSTOP to oneself cannot fail
        let _ = signal::send(std::process::id().cast_signed(), libc::SIGSTOP);
    }
}
