//! The process the caller started: it waits, passes signals on, and ends as the target ended.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use super::clock::Clock;
use super::decide::{self, Action, Disposition, Target};
use super::init;
use super::observer::Observer;
use crate::error::{Failure, Refusal, SetupError};
use crate::exit;
use crate::hint::Cause;
use crate::plan::{Plan, Supervision};
use crate::policy::types::Namespace;
use crate::report::{self, By, Ended, Outputs};
use crate::seccomp;
use crate::step::cgroup::{self, Keeper};
use crate::step::{self, Context, entry, observer, program, time_limit, uplink};
use crate::sys::call::Call;
use crate::sys::signal::{Change, Reaped, Taken, Usage};
use crate::sys::socket::{Channel, Message};
use crate::sys::{Result, file, mount, privilege, process, refused, signal};

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

    /// Waits for inner's word, then keeps nothing that is not needed.
    ///
    /// # Errors
    /// The number of inner's step, its failure, and the cause that inner has found.
    pub fn wait_until_ready(&mut self) -> std::result::Result<(), (u32, Failure, Cause)> {
        let own = |failure| (u32::MAX, failure, Cause::Unknown);
        let reports = self.how.status_fd.is_some();
        if !reports {
            // While inner is still at work, as it costs time and needs nothing of inner.
            self.confine().map_err(own)?;
        }
        // Inner need not wait for it then. Where it cannot be told, it may have failed, and says so first.
        let ahead = !self.how.begins_on_word();
        let told = if ahead { self.channel.send(&Message::Go) } else { Ok(()) };
        let said = match self.channel.receive() {
            // It may have begun, with all that was asked for: to end it now would be to end a program that runs.
            Err(failure) if ahead && told.is_ok() && self.entry.is_none() => {
                self.unheard = Some(failure);
                self.fall_silent();
                return Ok(());
            }
            said => said.map_err(own)?,
        };
        let said = match (said, &mut self.entry) {
            (Some(Message::Listener(listener)), Some(entry)) => {
                let failed = |failure| (self.plan.number_of(entry::NAME), failure, Cause::Unknown);
                entry.begin(listener).map_err(failed)?;
                self.channel.receive().map_err(own)?
            }
            (said, _) => said,
        };
        match said {
            Some(Message::Ready { listener }) => {
                told.map_err(own)?;
                self.observe(listener)?;
                self.ours.extend(listener);
            }
            Some(Message::Failed { step, failure, cause }) => return Err((self.number(step), failure, cause)),
            Some(_) | None if self.is_starved() => {
                let starved = refused(Call::Recv, libc::ENOMEM).on(cgroup::STARVED);
                return Err((self.plan.number_of(cgroup::NAME), starved, Cause::Unknown));
            }
            // Killed from outside, or by a failure of the very call that would have said so.
            Some(_) | None => return Err(own(refused(Call::Recv, libc::ECONNRESET))),
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

    /// From here on standard error is the program's.
    fn fall_silent(&mut self) {
        if !self.how.log_file {
            file::complain_to(2);
            self.log = None;
        }
    }

    /// Lets the observer have what the filter asks on.
    fn observe(&self, listener: Option<i32>) -> std::result::Result<(), (u32, Failure, Cause)> {
        let Some(observer) = &self.observer else { return Ok(()) };
        observer
            .begin(self.inner, self.how.init, listener)
            .map_err(|failure| (self.plan.number_of(observer::NAME), failure, Cause::Unknown))
    }

    /// Gives up what a supervisor does not need: descriptors, directory, capabilities, most system calls.
    fn confine(&mut self) -> Result<()> {
        // Without a /proc every signal without a better answer has its default effect.
        let open = |name: &str| {
            let path = std::ffi::CString::new(format!("/proc/{}/{name}", self.inner)).ok()?;
            file::open(None, &path, libc::O_RDONLY, 0).ok()
        };
        if self.how.target_is_pid_1 {
            (self.status, self.syscall) = (open("status"), open("syscall"));
        }
        if self.how.init {
            signal::announce(self.channel.number())?;
        }
        if let Some(keeper) = self.keeper.as_ref().filter(|keeper| keeper.tells) {
            signal::announce(keeper.number())?;
        }
        let number = |fd: &Option<OwnedFd>| fd.as_ref().map(AsRawFd::as_raw_fd);
        let observer = self.observer.as_ref().map(Observer::number);
        let (status, syscall, log) = (number(&self.status), number(&self.syscall), number(&self.log));
        let uplink = self.uplink.as_ref().map(|keeper| keeper.channel.number());
        let last_word = self.last_word.as_ref().map(Channel::number);
        let keep = [Some(2), Some(self.channel.number()), status, syscall, log, observer, uplink, last_word];
        let groups = self.keeper.iter().flat_map(Keeper::descriptors);
        let entry = self.entry.iter().flat_map(entry::Keeper::descriptors);
        file::close_all_but(keep.into_iter().flatten().chain(self.outputs.descriptors()).chain(groups).chain(entry))?;
        mount::chdir(c"/")?;
        process::no_core();
        privilege::not_dumpable()?;
        privilege::set_capability_sets(if self.how.signals_others { privilege::KILL } else { 0 }, 0)?;
        privilege::no_new_privs()?;
        privilege::load_filter(seccomp::supervisor())
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

    /// Nothing of the network is left when this process ends: its ports can be taken at once.
    fn disconnect(&mut self) {
        if let Some(keeper) = self.uplink.take() {
            keeper.end();
        }
    }

    /// A step's number in the plan: the reaper does not know its own.
    fn number(&self, step: u32) -> u32 {
        if step == init::STEP { self.plan.number_of(step::init::NAME) } else { step }
    }

    /// Says what has failed when it was over, and ends. What is inside is about to end, or has.
    fn tell(&mut self, error: &SetupError) -> ! {
        file::complain(&Refusal::from(error.clone()).message());
        // ignored: the line above has been written, and the exit code stands
        let _ = self.outputs.last(&report::failed(error));
        process::exit(exit::REFUSED)
    }

    /// Nobody would know how it ends.
    fn lost(&mut self, failure: Failure) -> ! {
        self.end_all();
        self.tell(&unsupervised(failure))
    }

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

    fn time_is_over(&mut self) {
        if self.killed_for.is_none() {
            self.kill_all(KilledFor::Time);
        }
    }

    /// Version 1 of control groups kills one process when memory is out: the rest is ended here, as version 2 does it.
    fn memory(&mut self) {
        if self.killed_for.is_none() && self.keeper.as_ref().is_some_and(Keeper::says_out_of_memory) {
            self.kill_all(KilledFor::Memory);
        }
    }

    /// Everything inside is ended by its control group, where there is one, too. The end of it is awaited as any other.
    fn kill_all(&mut self, why: KilledFor) {
        self.killed_for = Some(why);
        if let Some(keeper) = &self.keeper {
            keeper.kill_all();
        }
        self.end_all();
    }

    /// Whether somebody inside was killed for want of memory.
    fn is_starved(&self) -> bool {
        self.keeper.as_ref().is_some_and(|keeper| keeper.used().oom_kills.is_some_and(|kills| kills > 0))
    }

    fn remove_groups(&mut self, killed: bool) {
        if let Some(keeper) = self.keeper.take() {
            keeper.finish(killed);
        }
    }

    /// Ends inner, and whatever is in the sandbox with it.
    fn end_all(&self) {
        let signal = if self.how.adopts { init::END } else { libc::SIGKILL };
        // ignored: an inner that has just ended is reported by the SIGCHLD that follows
        let _ = signal::send(self.inner, signal);
    }

    /// Who sees to the program's beginning has ended: it goes on, or nothing of it runs.
    fn beginning(&mut self) {
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

    fn dismiss_keeper_of_entry(&mut self) {
        if let Some(keeper) = self.entry.take() {
            keeper.end();
        }
    }

    /// Waits for it, if it has ended.
    fn watcher(&mut self) {
        self.watcher = self.watcher.filter(|&pid| matches!(signal::reap(pid), Ok(None)));
    }

    fn children(&mut self) {
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

    fn messages(&mut self) {
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

    fn pass_on(&mut self, taken: Taken) {
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

    /// Ends as the target did, or says that it was its time.
    fn end(&mut self, change: Change, usage: Usage) -> ! {
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
        let (change, by) = match (change, self.killed_for) {
            (Change::Killed(libc::SIGKILL), None) if by_filter => (Change::Killed(libc::SIGSYS), By::Itself),
            (Change::Killed(libc::SIGKILL), Some(KilledFor::Signal(signal))) => (Change::Killed(signal), By::Itself),
            (Change::Killed(libc::SIGKILL), Some(KilledFor::Time)) => (change, By::Time),
            (Change::Killed(libc::SIGKILL), Some(KilledFor::Memory)) => (change, By::Memory),
            (Change::Killed(libc::SIGKILL), None) if self.is_starved() => (change, By::Memory),
            (change, _) => (change, By::Itself),
        };
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
        if self.outputs.any() {
            let told = self.outputs.last(&report::ended(&Ended { change, by, wall, usage, group }));
            // The exit code stands. Standard error is the program's; an empty file tells whoever reads it.
            if let Err(failure) = told
                && self.log.is_some()
            {
                file::complain(&Refusal::from(SetupError::new("report", failure, "the last line")).message());
            }
        }
        if by == By::Memory && self.log.is_some() {
            file::complain("sbx: cgroup: out of memory: everything inside was killed\n");
        }
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
}

impl Outer<'_> {
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
}

fn unsupervised(failure: Failure) -> SetupError {
    SetupError::new("supervise", failure, "the program")
}

/// The text of a file of `/proc`, now; empty where there is none.
fn read<'a>(fd: &Option<OwnedFd>, buffer: &'a mut [u8]) -> &'a [u8] {
    let length = fd.as_ref().and_then(|fd| file::read_start(fd.as_fd(), buffer).ok()).unwrap_or(0);
    buffer.get(..length).unwrap_or_default()
}
