//! The library's witness, where nobody else is asked: which calls were met by SIGSYS.

use std::fmt::Write;

use libc::sock_filter;

use super::serve::{Observer, Witness, begin, confine_own};
use super::tracer::Tracer;
use super::{Answer, OVER_OTHERS, process};
use crate::seccomp::{self, eval};
use crate::setting::text::show;
use crate::step::seccomp::Programs;
use crate::sys::file;
use crate::sys::notify::Notification;
use crate::sys::socket::Channel;

/// As many lines at most; what comes besides is counted.
const LINES_MAX: usize = 50;

/// How a teller is to live.
#[derive(Clone)]
pub struct Task {
    pub programs: Programs,
    /// Without a new user namespace the target may be another user's.
    pub shares_user: bool,
    /// Nobody is left to answer when the target has ended.
    pub all_end: bool,
}

/// The whole life, from the fork to the end.
pub fn run(task: &Task, channel: Channel) -> ! {
    let capabilities = if task.shares_user { OVER_OTHERS } else { 0 };
    begin(&channel, || confine_own(&channel, file::complaints(), capabilities));
    let witness = Teller { programs: &task.programs, lines: Vec::new(), beyond: 0 };
    Observer { witness, channel, tracer: Tracer::Own, all_end: task.all_end }.run(|| Ok(()))
}

struct Teller<'a> {
    programs: &'a Programs,
    lines: Vec<(String, u64)>,
    beyond: u64,
}

impl Witness for Teller<'_> {
    fn programs(&self) -> &[impl AsRef<[sock_filter]>] {
        self.programs
    }

    fn see(&mut self, notification: &Notification, call: &eval::Call, answer: Answer) {
        let Some(met) = answer.met() else { return };
        let mut line = format!("sbx: refused: {}: {met}", name(call));
        if let Some(comm) = process::read(notification.thread, "comm") {
            // ignored: writing to a string does not fail
            let _ = write!(line, "; by {}", show(comm.trim_ascii_end()));
        }
        if let Some(known) = self.lines.iter_mut().find(|known| known.0 == line) {
            known.1 += 1;
        } else if self.lines.len() < LINES_MAX {
            self.lines.push((line, 1));
        } else {
            self.beyond += 1;
        }
    }

    fn say(&mut self, _: bool) {
        let mut text = String::new();
        for (line, count) in &self.lines {
            text.push_str(line);
            if *count != 1 {
                // ignored: as above
                let _ = write!(text, "; {count} times");
            }
            text.push('\n');
        }
        if self.beyond != 0 {
            let _ = writeln!(text, "sbx: refused: {} more, not told one by one", self.beyond);
        }
        file::complain(&text);
    }
}

impl Answer {
    /// How a call that ends in SIGSYS was met; `None` where it does not, or the program has been told itself.
    pub fn met(self) -> Option<&'static str> {
        match self {
            Answer::Killed => Some("killed by SIGSYS"),
            Answer::ThreadKilled => Some("thread killed by SIGSYS"),
            Answer::Trapped(_) | Answer::Allowed | Answer::Logged | Answer::Errno(_) => None,
        }
    }
}

/// `ptrace [101]`, `call 20 of architecture 0x40000003`.
fn name(call: &eval::Call) -> String {
    match seccomp::name(call.nr) {
        _ if call.arch != eval::Call::new(0, [0; 6]).arch => {
            format!("call {} of architecture {:#x}", call.nr, call.arch)
        }
        Some(name) => format!("{name} [{}]", call.nr),
        None => format!("call {}", call.nr),
    }
}
