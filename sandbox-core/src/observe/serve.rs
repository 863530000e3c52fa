//! An observer's life: it waits for something to observe, answers what it is asked, and says at the end what it has seen.

use std::os::fd::{AsFd, RawFd};
use std::time::Duration;

use libc::sock_filter;

use super::process::{self, Status};
use super::tracer::{Tracer, Verdict};
use super::{Answer, answer, confine};
use crate::error::Failure;
use crate::hint;
use crate::seccomp::{self, eval, sentence};
use crate::sys::call::Call;
use crate::sys::notify::{self, Listener, Notification};
use crate::sys::process::exit;
use crate::sys::socket::{Channel, Message};
use crate::sys::trace::SYSCALL;
use crate::sys::{Result, file, refused, signal};

/// How long a process may take to die of SIGSYS before it gets SIGKILL.
const DYING: Duration = Duration::from_millis(200);

/// Whoever looks at the calls, and says what there is to say.
pub trait Witness {
    /// The programs of the policy, in their order of loading.
    fn programs(&self) -> &[impl AsRef<[sock_filter]>];
    /// A call waits, and is about to be answered so.
    fn see(&mut self, notification: &Notification, call: &eval::Call, answer: Answer);
    /// All is over, or (`over` is false) there is nobody left to say so.
    fn say(&mut self, over: bool);
}

/// One that is asked.
pub struct Observer<W> {
    pub witness: W,
    pub channel: Channel,
    pub tracer: Tracer,
    /// Nobody is left to answer when the target has ended.
    pub all_end: bool,
}

/// Ends with a failure, which whoever waits is told.
fn failed(channel: &Channel, failure: Failure) -> ! {
    // ignored: it is told, or there is nobody to tell
    let _ = channel.send(&Message::Failed { step: 0, failure, cause: hint::Cause::Unknown });
    exit(1)
}

/// Gives up all that is not needed, or ends: signals, and what `confine` gives up.
pub fn begin(channel: &Channel, confine: impl FnOnce() -> Result<()>) {
    // What the terminal sends to the whole group is not for this process: it ends when it has said all.
    if let Err(failure) = signal::block_all().and_then(|_| confine()) {
        failed(channel, failure);
    }
}

/// The target's pid, and what its filter asks on. It waits for outer, who waits for this process: it cannot have ended and
/// its number be another's.
pub fn fetch(pid: i32, init: bool, number: RawFd) -> Result<(i32, Listener)> {
    let gone = refused(Call::Read, libc::ESRCH);
    let target = if init { process::only_child(pid).ok_or(gone)? } else { pid };
    let descriptor = notify::open_process(target)?;
    Ok((target, Listener::new(notify::fetch_fd(descriptor.as_fd(), number)?)))
}

/// Confines a process that holds threads itself.
pub fn confine_own(channel: &Channel, log: RawFd, capabilities: u64) -> Result<()> {
    confine(c"sbx-observer", &[log, channel.number()], capabilities, seccomp::witness())
}

impl<W: Witness> Observer<W> {
    /// Waits for something to observe, and observes it. `complete` gives up what was needed until then.
    pub fn run(self, complete: impl FnOnce() -> Result<()>) -> ! {
        // Until outer says so there may be no target at all, and then nothing is said.
        let Ok(Some(Message::Observe { pid, init, listener })) = self.channel.receive() else { exit(0) };
        match fetch(pid, init, listener).and_then(|found| complete().map(|()| found)) {
            Err(failure) => failed(&self.channel, failure),
            Ok((target, listener)) => {
                if self.channel.send(&Message::Observing).is_err() {
                    exit(1);
                }
                self.serve(target, &listener)
            }
        }
    }

    fn serve(mut self, target: i32, listener: &Listener) -> ! {
        let (mut asked, mut told, mut killed) = (true, false, false);
        loop {
            let fds = [asked.then(|| listener.as_fd()), (!told).then(|| self.channel.as_fd())];
            let Ok([question, outer]) = notify::wait_for(fds, None) else { exit(1) };
            if question.to_read {
                match listener.receive() {
                    Ok(Some(notification)) => killed |= self.answer(target, listener, &notification),
                    Ok(None) => {}
                    // Not to answer is ENOSYS for all, once this process is gone.
                    Err(_) => exit(1),
                }
            }
            if outer.to_read || outer.over {
                // Or outer has been killed, or has given up before main.
                let over = matches!(self.channel.receive(), Ok(Some(Message::Over)));
                self.witness.say(over);
                let pid = std::process::id().cast_signed();
                // ignored: outer may be gone
                let _ = self.channel.send(&Message::Said { pid, killed });
                let _ = file::close(2);
                told = true;
            }
            if question.over {
                asked = false;
            }
            // What the target left running has nobody else to ask.
            if told && (self.all_end || !asked) {
                self.tracer.end();
                exit(0);
            }
        }
    }

    /// Whether the target itself was killed by this process, for want of a better way.
    fn answer(&mut self, target: i32, listener: &Listener, notification: &Notification) -> bool {
        let Notification { id, thread, nr, arch, ip, args } = *notification;
        let call = eval::Call { nr, arch, ip, args };
        let answer = match answer(self.witness.programs(), &call) {
            // Nobody runs for this signal; and to pid 1 it would not even be sent while it is held.
            Answer::Trapped(_) if !Status::of(thread).handles_sigsys() => Answer::Killed,
            // The same to the kernel.
            Answer::ThreadKilled if Status::of(thread).is_alone() => Answer::Killed,
            answer => answer,
        };
        self.witness.see(notification, &call, answer);
        let mut killed = false;
        let answered = match answer {
            Answer::Errno(errno) => listener.refuse(id, errno),
            // Safe only because the programs have looked at nothing but these registers, and the kernel makes the call
            // with the same: the process cannot change them while it waits.
            Answer::Allowed | Answer::Logged => listener.let_through(id),
            _ if self.is_met(listener, notification, &call, answer) => Ok(()),
            // Not made either, and nobody is told.
            Answer::Trapped(_) => listener.refuse(id, libc::ENOSYS as u16),
            Answer::Killed | Answer::ThreadKilled => kill(listener, id, thread, target).map(|it_was| killed = it_was),
        };
        if answered.is_err() {
            exit(1);
        }
        killed
    }

    /// Whether the kernel meets the call as the programs say, made once more.
    fn is_met(&self, listener: &Listener, notification: &Notification, call: &eval::Call, answer_: Answer) -> bool {
        let Some(ret) = answer_.sentence() else { return false };
        let &Notification { id, thread, nr, ip, args: [a, b, c, d, e, _], .. } = notification;
        // With the sentence in its last register it must be one that is asked about still.
        let again = eval::Call { args: [a, b, c, d, e, sentence(ret)], ..*call };
        let is_asked = answer(self.witness.programs(), &again).sentence().is_some();
        // Not by the vsyscall page, whose calls the kernel makes itself.
        let mut instruction = [0; SYSCALL.len()];
        let start = ip.wrapping_sub(SYSCALL.len() as u64);
        let is_made_by_it =
            notify::read_memory(thread, start, &mut instruction) == SYSCALL.len() && instruction == SYSCALL;
        call.arch == eval::Call::new(0, [0; 6]).arch
            && is_asked
            && is_made_by_it
            && self.tracer.carry_out(listener, Verdict { id, thread, nr, ret })
    }
}

/// The process dies as nearly as can be as the kernel would have made it die: where it cannot be held, or comes from a foreign
/// architecture. Whether or not it does, the call is not made. Whether it was the target.
fn kill(listener: &Listener, id: u64, thread: i32, target: i32) -> Result<bool> {
    let not_made = || listener.refuse(id, libc::ENOSYS as u16);
    let status = Status::of(thread);
    let pid = status.process().unwrap_or(thread);
    let descriptor = notify::open_process(pid);
    // Only now is it known that the number was not another's meanwhile.
    if !listener.is_waiting(id) {
        return Ok(false);
    }
    let Ok(descriptor) = descriptor else {
        // ignored: what cannot be killed is refused
        let _ = signal::send(thread, libc::SIGKILL);
        return not_made().map(|()| false);
    };
    // A signal with a handler is no end, and pid 1 of a namespace gets none but SIGKILL from outside.
    if status.dies_of_sigsys() && notify::signal_thread(pid, thread, libc::SIGSYS).is_ok() {
        // While it waits it takes no signal but SIGKILL; on its way back this very thread takes this one first.
        not_made()?;
        let ended = notify::wait_for([Some(descriptor.as_fd())], Some(DYING));
        if ended.is_ok_and(|[ended]| ended.to_read) {
            return Ok(pid == target);
        }
    }
    // ignored: it has ended, or the call is refused
    let _ = notify::signal_process(descriptor.as_fd(), libc::SIGKILL);
    not_made().map(|()| pid == target)
}
