//! The observer's life: it waits for something to observe, answers what it is asked, and says at the end what was refused.

use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use sandbox_core::error::Failure;
use sandbox_core::hint;
use sandbox_core::seccomp::eval;
use sandbox_core::sys::call::Call;
use sandbox_core::sys::notify::{self, Listener, Notification};
use sandbox_core::sys::process::exit;
use sandbox_core::sys::signal;
use sandbox_core::sys::socket::{Channel, Message};
use sandbox_core::sys::{Result, file};

use super::decide::Answer;
use super::explain::Refusals;
use super::{Task, confine, process};

/// CAP_KILL and CAP_SYS_PTRACE: over a target in a user namespace of its own its maker has them anyway, user_namespaces(7).
const OVER_OTHERS: u64 = 1 << 5 | 1 << 19;

/// How long a process may take to die of SIGSYS before it gets SIGKILL.
const DYING: Duration = Duration::from_millis(200);

/// The whole life, from the fork to the end.
pub fn run(task: Task, channel: Channel) -> ! {
    if let Err(failure) = begin(&task, &channel) {
        failed(&channel, failure);
    }
    if channel.send(&Message::Observing).is_err() {
        exit(1);
    }
    // Until outer says so there may be no target at all, and then nothing is said.
    let Ok(Some(Message::Observe { pid, init, listener })) = channel.receive() else { exit(0) };
    match fetch(pid, init, listener).and_then(|found| confine::complete().map(|()| found)) {
        Err(failure) => failed(&channel, failure),
        Ok((target, listener)) => {
            if channel.send(&Message::Observing).is_err() {
                exit(1);
            }
            Observer { task, channel, target, refusals: Refusals::default(), killed: false }.serve(&listener)
        }
    }
}

fn begin(task: &Task, channel: &Channel) -> Result<()> {
    // What the terminal sends to the whole group is not for this process: it ends when it has said all.
    signal::block_all()?;
    let capabilities = if task.shares_user { OVER_OTHERS } else { 0 };
    let file = task.lesson.as_ref().map(|lesson| lesson.file.as_raw_fd());
    confine::begin(&[Some(2), Some(channel.number()), file].into_iter().flatten().collect::<Vec<_>>(), capabilities)
}

fn failed(channel: &Channel, failure: Failure) -> ! {
    // ignored: it is told, or there is nobody to tell
    let _ = channel.send(&Message::Failed { step: 0, failure, cause: hint::Cause::Unknown });
    exit(1)
}

/// The target's pid, and what its filter asks on. It waits for outer, who waits for this process: it cannot have ended and
/// its number be another's.
fn fetch(pid: i32, init: bool, number: i32) -> Result<(i32, Listener)> {
    let gone = Failure { call: Call::Read, object: 0, errno: libc::ESRCH };
    let target = if init { process::only_child(pid).ok_or(gone)? } else { pid };
    let descriptor = notify::open_process(target)?;
    Ok((target, Listener::new(notify::fetch_fd(descriptor.as_fd(), number)?)))
}

struct Observer {
    task: Task,
    channel: Channel,
    target: i32,
    refusals: Refusals,
    /// The target has been killed in the filter's name.
    killed: bool,
}

impl Observer {
    fn serve(mut self, listener: &Listener) -> ! {
        let (mut asked, mut told) = (true, false);
        loop {
            let fds = [asked.then(|| listener.as_fd()), (!told).then(|| self.channel.as_fd())];
            let Ok([question, outer]) = notify::wait_for(fds, None) else { exit(1) };
            if question.to_read {
                match listener.receive() {
                    Ok(Some(notification)) => self.answer(listener, &notification),
                    Ok(None) => {}
                    // Not to answer is ENOSYS for all, once this process is gone.
                    Err(_) => exit(1),
                }
            }
            if outer.to_read || outer.over {
                // Or outer has been killed, or has given up before main.
                let over = matches!(self.channel.receive(), Ok(Some(Message::Over)));
                self.say(over);
                told = true;
            }
            if question.over {
                asked = false;
            }
            // What the target left running has nobody else to ask.
            if told && (self.task.all_end || !asked) {
                exit(0);
            }
        }
    }

    fn answer(&mut self, listener: &Listener, notification: &Notification) {
        let Notification { id, thread, nr, arch, ip, args } = *notification;
        let call = eval::Call { nr, arch, ip, args };
        let answer = self.task.rules.answer(&call);
        if answer == Answer::Killed || (answer != Answer::Allowed && self.task.tells) {
            self.refusals.add(notification, &call, answer);
        }
        if let Some(lesson) = &mut self.task.lesson {
            lesson.learned.add(&call, answer, thread);
        }
        let answered = match answer {
            Answer::Errno(errno) => listener.refuse(id, errno),
            // Safe only because the programs have looked at nothing but these registers, and the kernel makes the call
            // with the same: the process cannot change them while it waits.
            Answer::Allowed | Answer::Logged => listener.let_through(id),
            Answer::Killed => self.kill(listener, id, thread),
        };
        if answered.is_err() {
            exit(1);
        }
    }

    /// The process dies as the kernel would have made it die, or as near to that as can be. Whether or not it does, the
    /// call is not made.
    fn kill(&mut self, listener: &Listener, id: u64, thread: i32) -> Result<()> {
        let not_made = || listener.refuse(id, libc::ENOSYS as u16);
        let pid = process::of_thread(thread).unwrap_or(thread);
        let descriptor = notify::open_process(pid);
        // Only now is it known that the number was not another's meanwhile.
        if !listener.is_waiting(id) {
            return Ok(());
        }
        let Ok(descriptor) = descriptor else {
            // ignored: what cannot be killed is refused
            let _ = signal::send(thread, libc::SIGKILL);
            return not_made();
        };
        self.killed |= pid == self.target;
        // A signal with a handler is no end, and pid 1 of a namespace gets none but SIGKILL from outside.
        if process::dies_of_sigsys(thread) && notify::signal_thread(pid, thread, libc::SIGSYS).is_ok() {
            // While it waits it takes no signal but SIGKILL; on its way back this very thread takes this one first.
            not_made()?;
            let ended = notify::wait_for([Some(descriptor.as_fd())], Some(DYING));
            if ended.is_ok_and(|[ended]| ended.to_read) {
                return Ok(());
            }
        }
        // ignored: it has ended, or the call is refused
        let _ = notify::signal_process(descriptor.as_fd(), libc::SIGKILL);
        not_made()
    }

    fn say(&mut self, over: bool) {
        file::complain(&self.refusals.text(&self.task.rules));
        if let Some(lesson) = self.task.lesson.as_ref().filter(|_| over) {
            lesson.write();
        }
        // ignored: outer may be gone
        let _ = self.channel.send(&Message::Said { pid: std::process::id().cast_signed(), killed: self.killed });
        let _ = file::close(2);
    }
}
