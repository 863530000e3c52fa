//! What outer is to do once the program runs.

use std::time::Duration;

use super::{Decided, Wanted};
use crate::policy::Policy;
use crate::policy::types::{LogLevel, Namespace, Observe};
use crate::step::observer::Observer;
use crate::step::seccomp;

/// How outer supervises: everything about it that is policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supervision {
    /// The target is pid 1 of a namespace, to whom the kernel delivers no signal without a handler.
    pub target_is_pid_1: bool,
    /// A reaper is, and passes signals on.
    pub init: bool,
    /// It is not pid 1, and ends the sandbox by itself.
    pub adopts: bool,
    /// The target may be another user than outer, whom only CAP_KILL lets signal it, and take it along in death.
    pub signals_others: bool,
    pub status_fd: Option<i32>,
    /// How it ended is written to a file.
    pub stats: bool,
    pub time_limit: Option<Duration>,
    /// Messages go to a file, after main too.
    pub log_file: bool,
    pub log: LogLevel,
    /// Its filter asks an observer, who is told when there is something to ask and when all is over.
    pub observed: Option<Observe>,
    /// Calls of our own architecture can end in SIGSYS, not only those of others.
    pub kills_own: bool,
}

impl Supervision {
    pub(super) fn new(policy: &Policy, wanted: &Wanted, decided: &Decided) -> Self {
        let (init, own_pids) = (policy.init.on(), wanted.is_new(Namespace::Pid));
        Self {
            target_is_pid_1: own_pids && !init,
            init,
            adopts: init && !own_pids,
            signals_others: decided.signals_others,
            status_fd: policy.status_fd.map(|fd| fd.0),
            stats: policy.stats.is_some(),
            time_limit: policy.time_limit.map(|limit| limit.0),
            log_file: policy.log_file.is_some(),
            log: policy.log_level.unwrap_or(LogLevel::Error),
            observed: decided.observer.as_ref().map(Observer::what),
            kills_own: seccomp::ends_in_sigsys(policy),
        }
    }

    /// Whether outer has something to say or to begin between inner's word and its own, without which nothing of the
    /// program's runs.
    pub fn begins_on_word(&self) -> bool {
        self.status_fd.is_some() || self.stats || self.time_limit.is_some() || self.observed.is_some()
    }
}
