//! The observer: what it holds, and what it does with what it sees.

use std::os::fd::AsRawFd;

use libc::sock_filter;
use sandbox_core::observe::{self, Answer, OVER_OTHERS, Tracer, Witness};
use sandbox_core::seccomp::eval;
use sandbox_core::sys::notify::Notification;
use sandbox_core::sys::process::exit;
use sandbox_core::sys::socket::{Channel, Message};
use sandbox_core::sys::{Result, file};

use super::explain::Refusals;
use super::{Task, confine};

/// The whole life, from the fork to the end.
pub fn run(task: Task, channel: Channel) -> ! {
    let capabilities = if task.shares_user { OVER_OTHERS } else { 0 };
    let mut tracer = Tracer::None;
    observe::begin(&channel, || {
        if task.ends_in_sigsys {
            tracer = Tracer::beside(capabilities)?;
        }
        confine_to(&task, &channel, &tracer, capabilities)
    });
    if channel.send(&Message::Observing).is_err() {
        exit(1);
    }
    let all_end = task.all_end;
    let witness = Explainer { task, refusals: Refusals::default() };
    observe::Observer { witness, channel, tracer, all_end }.run(confine::complete)
}

fn confine_to(task: &Task, channel: &Channel, tracer: &Tracer, capabilities: u64) -> Result<()> {
    let file = task.lesson.as_ref().map(|lesson| lesson.file.as_raw_fd());
    let keep = [Some(2), Some(channel.number()), tracer.descriptor(), file];
    confine::begin(&keep.into_iter().flatten().collect::<Vec<_>>(), capabilities)
}

struct Explainer {
    task: Task,
    refusals: Refusals,
}

impl Witness for Explainer {
    fn programs(&self) -> &[impl AsRef<[sock_filter]>] {
        self.task.rules.programs()
    }

    fn see(&mut self, notification: &Notification, call: &eval::Call, answer: Answer) {
        if answer.met().is_some() || (answer != Answer::Allowed && self.task.tells) {
            self.refusals.add(notification, call, answer);
        }
        if let Some(lesson) = &mut self.task.lesson {
            lesson.learned.add(call, answer, notification.thread);
        }
    }

    fn say(&mut self, over: bool) {
        file::complain(&self.refusals.text(&self.task.rules));
        if let Some(lesson) = self.task.lesson.as_ref().filter(|_| over) {
            lesson.write();
        }
    }
}
