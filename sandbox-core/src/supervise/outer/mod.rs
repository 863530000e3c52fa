//! The process the caller started: it waits, passes signals on, and ends as the target ended.

mod children;
mod confine;
mod end;
mod kill;
mod signals;
mod start;

use std::os::fd::{OwnedFd, RawFd};

use super::clock::Clock;
use super::observer::Observer;
use crate::error::{Failure, SetupError};
use crate::plan::{Plan, Supervision};
use crate::policy::types::Namespace;
use crate::report::Outputs;
use crate::step::cgroup::Keeper;
use crate::step::{Context, entry, uplink};
use crate::sys::process;
use crate::sys::signal::{self, Change, Taken};
use crate::sys::socket::Channel;

pub struct Outer<'a> {
    plan: &'a Plan,
    how: Supervision,
    inner: i32,
    channel: Channel,
    /// The numbers of inner's descriptors that the program does not get.
    ours: Vec<RawFd>,
    /// On which inner tells that the program could not be executed.
    last_word: Option<Channel>,
    /// `/proc/PID/status` of inner.
    status: Option<OwnedFd>,
    /// `/proc/PID/syscall` of inner.
    syscall: Option<OwnedFd>,
    group: i32,
    outputs: Outputs,
    observer: Option<Observer>,
    /// Who keeps the network connected.
    uplink: Option<uplink::Keeper>,
    /// Who sees the library in the program, until it has.
    entry: Option<entry::Keeper>,
    /// Who removes the control groups.
    keeper: Option<Keeper>,
    clock: Clock,
    /// Where messages go, if not to standard error.
    log: Option<OwnedFd>,
    /// A child that has nothing to do with the sandbox, and is to be waited for.
    watcher: Option<i32>,
    /// Why outer itself has killed the target.
    killed_for: Option<KilledFor>,
    /// The target's own end, when a reaper is pid 1.
    ended: Option<Change>,
    /// What those inside have told of a failure after inner's word.
    failed: Option<SetupError>,
    /// Why inner's word was not heard, where the program may run all the same.
    unheard: Option<Failure>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KilledFor {
    /// The default effect of this signal, which the kernel does not give to pid 1.
    Signal(i32),
    Time,
    Memory,
    /// It could not be seen to have begun as it must.
    Entry(Failure),
}

impl<'a> Outer<'a> {
    pub fn new(plan: &'a Plan, context: Context, inner: i32, channel: Channel, ours: Vec<RawFd>) -> Self {
        let group = process::group_of(0);
        let limit = context.alarm.zip(plan.supervision.time_limit);
        Self {
            plan,
            how: plan.supervision,
            inner,
            channel,
            ours,
            last_word: context.last_word,
            status: None,
            syscall: None,
            group,
            outputs: context.outputs,
            observer: context.observer.map(|channel| Observer::new(channel, !plan.is_new(Namespace::Pid))),
            uplink: context.uplink,
            entry: context.entry,
            keeper: context.keeper,
            clock: Clock::new(limit),
            log: context.log,
            watcher: context.watcher.filter(|&pid| pid != inner),
            killed_for: None,
            ended: None,
            failed: None,
            unheard: None,
        }
    }
}

impl Outer<'_> {
    /// Waits for the target's end.
    pub fn supervise(&mut self) -> ! {
        self.watcher();
        self.beginning();
        loop {
            match signal::take() {
                Ok(Taken { signal: libc::SIGCHLD, .. }) => self.children(),
                Ok(Taken { signal: libc::SIGIO, .. })
                    if self.how.init || self.keeper.as_ref().is_some_and(|k| k.tells) =>
                {
                    self.messages();
                    self.memory();
                }
                // The timer's, or whatever comes at the same time: to a target that is about to be killed.
                Ok(_) if self.clock.is_over() => {}
                Ok(taken) => self.pass_on(taken),
                // Cannot be: the call has no other error. Not waiting would spin, so the sandbox ends.
                Err(failure) => self.lost(failure),
            }
            if self.clock.is_over() {
                self.time_is_over();
            }
        }
    }
}
