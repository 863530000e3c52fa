//! What is said of the calls that were refused: a line for each that differs, with a count.

use std::collections::HashMap;
use std::fmt::Write;

use sandbox_core::seccomp::{self, eval};
use sandbox_core::setting::text::show;
use sandbox_core::sys::notify::Notification;

use super::decide::{Answer, Rules};
use super::{decode, process, symbols};

/// As many lines at most; what is refused besides is counted.
const LINES_MAX: usize = 50;
/// As many callers are remembered.
const CALLERS_MAX: usize = 1024;

/// What one line is about.
#[derive(PartialEq, Eq)]
struct Refused {
    call: eval::Call,
    shown: String,
    answer: Answer,
    by: String,
}

/// Everything that was refused.
#[derive(Default)]
pub struct Refusals {
    /// In the order in which they came first, with their counts.
    lines: Vec<(Refused, u64)>,
    known: HashMap<(u32, u32, String, Answer, String), usize>,
    beyond: u64,
    /// By thread and address. A thread that executes another program may be told by the name of the first: to look it
    /// up each time would make refused calls a hundred times dearer.
    callers: HashMap<(i32, u64), String>,
}

impl Refusals {
    /// Counts a call that is about to be refused. The process still waits.
    pub fn add(&mut self, notification: &Notification, call: &eval::Call, answer: Answer) {
        // When all lines are taken nothing new is looked up: it is the time of whoever started this that would be spent.
        let place = (notification.thread, notification.ip);
        if self.lines.len() >= LINES_MAX && !self.callers.contains_key(&place) {
            self.beyond += 1;
            return;
        }
        let shown = decode::call(call, notification.thread);
        let by = self.caller(notification).to_owned();
        let key = (call.nr, call.arch, shown, answer, by);
        if let Some(line) = self.known.get(&key).and_then(|&at| self.lines.get_mut(at)) {
            line.1 += 1;
        } else if self.lines.len() < LINES_MAX {
            let (shown, by) = (key.2.clone(), key.4.clone());
            self.known.insert(key, self.lines.len());
            self.lines.push((Refused { call: *call, shown, answer, by }, 1));
        } else {
            self.beyond += 1;
        }
    }

    /// `libc.so.6 (socket+0xb) in curl`, as far as it can be told.
    fn caller(&mut self, notification: &Notification) -> &str {
        if self.callers.len() >= CALLERS_MAX {
            self.callers.clear();
        }
        self.callers.entry((notification.thread, notification.ip)).or_insert_with(|| caller(notification))
    }

    /// The lines.
    pub fn text(&self, rules: &Rules) -> String {
        let mut text = String::new();
        for (refused, count) in &self.lines {
            let times = if *count == 1 { String::new() } else { format!(", {count} times") };
            let met = match refused.answer {
                answer if let Some(met) = answer.met() => met.into(),
                Answer::Errno(errno) => format!("{:?}", nix::errno::Errno::from_raw(errno.into())),
                Answer::Trapped(_) => "SIGSYS, which it handles".into(),
                _ => "let through, and refused but for seccomp-action = \"log\"".into(),
            };
            let number = match seccomp::name(refused.call.nr) {
                Some(_) if refused.call.arch == eval::Call::new(0, [0; 6]).arch => format!(" [{}]", refused.call.nr),
                _ => String::new(),
            };
            let _ = write!(text, "sbx: refused: {}{number}: {met}{times}", refused.shown);
            if !refused.by.is_empty() {
                let _ = write!(text, "; by {}", refused.by);
            }
            let reason = rules.reason(&refused.call);
            let _ = write!(text, "; {}", reason.by.join("; "));
            match reason.remedy {
                Some(remedy) => {
                    let _ = writeln!(text, "; to allow it: {remedy}");
                }
                None => text.push('\n'),
            }
        }
        if self.beyond != 0 {
            let _ = writeln!(text, "sbx: refused: {} more, not told one by one", self.beyond);
        }
        text
    }
}

/// `libc.so.6 (socket+0xb) in curl`, as far as it can be told.
fn caller(notification: &Notification) -> String {
    let thread = notification.thread;
    let mut by = place(thread, notification.ip).unwrap_or_default();
    if let Some(name) = process::read(thread, "comm") {
        let _ = write!(by, "{}in {}", if by.is_empty() { "" } else { " " }, show(name.trim_ascii_end()));
    }
    by
}

fn place(thread: i32, ip: u64) -> Option<String> {
    let maps = process::read(thread, "maps")?;
    let mapping = process::mapping(&maps, ip)?;
    let offset = ip.checked_sub(mapping.start)?.checked_add(mapping.offset)?;
    let file = mapping.path.rsplit(|&b| b == b'/').next().map(show).filter(|name| !name.is_empty())?;
    let file: String = file.chars().take(80).collect();
    // The call is the instruction before: a function may end with it.
    let symbol = process::file_of(thread, &mapping).and_then(|file| symbols::at(&file, offset.checked_sub(1)?));
    Some(match symbol {
        Some((name, within)) => format!("{file} ({}+{:#x})", show(&name), within + 1),
        None => format!("{file} (+{offset:#x})"),
    })
}
