//! `trace [OPTION…] -- PROGRAM ARG…`: strace(1)'s error injection, at one chosen call of one chosen process.
//!
//! strace counts a system call's occurrences in every process on its own, so the n-th call of the process that stays
//! outside cannot be made to fail without that of the process inside. Here a point is PROCESS.IMAGE.INDEX: processes in
//! the order they appear, how often that one has executed a file, and which of its calls since then.
//!
//! --record FILE        a line for each call: its point, `loader` or `setup`, and its name
//! --fail POINT:ERRNO[:NAME]  that call is not made, and returns this; with a name, the first of that name from there on: how
//!                      often somebody waits is not the same in every run
//! --fail-all NAME:ERRNO
//! --kill POINT         that process gets SIGKILL as it makes that call
//!
//! Counting ends for a process when it reaches `sys::MARK`. The exit code is that of the first process, or 128 + n.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::sys::{self, Stop};
use crate::syscalls;

/// A call of one process.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Point {
    process: usize,
    image: usize,
    index: usize,
}

impl Point {
    fn parse(text: &str) -> Point {
        let parts: Vec<usize> = text.split('.').map(|part| part.parse().unwrap()).collect();
        Point { process: parts[0], image: parts[1], index: parts[2] }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.process, self.image, self.index)
    }
}

/// The call that is to fail, until it has.
#[derive(Clone, Copy)]
struct Failing {
    from: Point,
    nr: Option<i64>,
    errno: i32,
}

impl Failing {
    fn is(&self, at: Point, nr: i64) -> bool {
        let there = (self.from.process, self.from.image) == (at.process, at.image);
        match self.nr {
            Some(wanted) => there && self.from.index <= at.index && wanted == nr,
            None => self.from == at,
        }
    }
}

#[derive(Default)]
struct Tracer {
    record: Option<OsString>,
    fail: Option<Failing>,
    fail_all: Vec<(i64, i32)>,
    kill: Option<Point>,
    log: String,
    processes: HashMap<i32, Process>,
    seen: usize,
}

/// What is known of one traced process.
#[derive(Clone, Default)]
struct Process {
    at: Point,
    /// Where ld.so is mapped: calls from there are the loader's own.
    loader: std::ops::Range<u64>,
    marked: bool,
    /// It has stopped for the first time, as whoever is traced from birth does.
    begun: bool,
    /// The result to put in the place of the one call that was taken out.
    pending: Option<i32>,
}

pub fn run(args: &[OsString]) {
    let mut tracer = Tracer::default();
    let mut command = None;
    let mut args = args.iter();
    while let Some(option) = args.next() {
        let mut value = || args.next().unwrap();
        match option.to_str().unwrap() {
            "--record" => tracer.record = Some(value().clone()),
            "--fail" => {
                let fields: Vec<_> = value().to_str().unwrap().split(':').collect();
                let nr = fields.get(2).map(|name| syscalls::number(name).or_else(|| name.parse().ok()).unwrap());
                let errno = sys::errno_number(fields[1]).unwrap();
                tracer.fail = Some(Failing { from: Point::parse(fields[0]), nr, errno });
            }
            "--fail-all" => {
                let (name, errno) = value().to_str().unwrap().split_once(':').unwrap();
                tracer.fail_all.push((syscalls::number(name).unwrap(), sys::errno_number(errno).unwrap()));
            }
            "--kill" => tracer.kill = Some(Point::parse(value().to_str().unwrap())),
            "--" => {
                command = Some(Command::new(args.next().unwrap()));
                break;
            }
            other => panic!("no option '{other}'"),
        }
    }
    let mut command = command.unwrap();
    command.args(args);
    let first = sys::in_child(|| {
        sys::trace_me();
        eprintln!("exec: {}", command.exec());
        127
    });
    std::process::exit(tracer.follow(first.unwrap()));
}

impl Tracer {
    fn follow(&mut self, first: i32) -> i32 {
        let mut code = 0;
        // Ends when no traced process is left: who outlives the first is waited for.
        while let Ok((pid, status)) = sys::wait(-1, libc::__WALL) {
            if libc::WIFSTOPPED(status) {
                self.stopped(pid, status);
            } else if pid == first {
                code = if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) };
            }
        }
        if let Some(file) = &self.record {
            fs::write(file, &self.log).unwrap();
        }
        code
    }

    fn stopped(&mut self, pid: i32, status: i32) {
        if !self.processes.contains_key(&pid) {
            self.appear(pid, &Process::default());
        }
        let begun = self.processes.get_mut(&pid).is_none_or(|process| std::mem::replace(&mut process.begun, true));
        let signal = match sys::stop(pid, status) {
            Stop::Signal(libc::SIGSTOP) if !begun => 0,
            Stop::Signal(signal) => signal,
            Stop::Entry { nr, ip, first } => {
                self.entry(pid, nr, ip, first);
                0
            }
            Stop::Exit => {
                if let Some(errno) = self.processes.get_mut(&pid).and_then(|p| p.pending.take()) {
                    sys::set_result(pid, errno);
                }
                0
            }
            Stop::Child(child) => {
                let parent = self.processes.get(&pid).cloned().unwrap_or_default();
                self.appear(child, &parent);
                0
            }
            Stop::Exec => {
                if let Some(process) = self.processes.get_mut(&pid) {
                    process.at = Point { process: process.at.process, image: process.at.image + 1, index: 0 };
                    process.loader = loader(pid);
                }
                0
            }
            Stop::Other => 0,
        };
        sys::resume(pid, signal, self.looks_at(pid));
    }

    /// Whether this process's next call matters: to stop at each of every process takes most of the time of a run.
    fn looks_at(&self, pid: i32) -> bool {
        let Some(process) = self.processes.get(&pid) else { return true };
        let point = self.fail.map(|failing| failing.from).or(self.kill);
        let comes = point.is_some_and(|point| (point.process, point.image) == (process.at.process, process.at.image));
        let all = self.record.is_some() || !self.fail_all.is_empty();
        all || process.pending.is_some() || (comes && !process.marked)
    }

    /// A child is known from its parent's stop or from its own, whichever comes first.
    fn appear(&mut self, pid: i32, parent: &Process) {
        let known = self.processes.entry(pid).or_insert_with(|| {
            self.seen += 1;
            Process { at: Point { process: self.seen - 1, image: 0, index: 0 }, ..Process::default() }
        });
        if known.loader.is_empty() {
            known.loader = parent.loader.clone();
            known.marked |= parent.marked;
        }
    }

    fn entry(&mut self, pid: i32, nr: i64, ip: u64, first: u64) {
        let Some(process) = self.processes.get_mut(&pid) else {
            return;
        };
        process.marked |= (nr, first) == (sys::MARK.0, sys::MARK.1 as u64);
        let all = self.fail_all.iter().find(|(failing, _)| *failing == nr).map(|&(_, errno)| errno);
        let marked = process.marked;
        let one = self.fail.take_if(|failing| !marked && failing.is(process.at, nr)).map(|failing| failing.errno);
        if let Some(errno) = one.or(all) {
            process.pending = Some(errno);
            sys::skip_call(pid);
        }
        if process.marked {
            return;
        }
        if self.record.is_some() {
            let zone = if process.loader.contains(&ip) { "loader" } else { "setup" };
            // Ignored: writing to a String cannot fail.
            let _ = writeln!(self.log, "{} {zone} {}", process.at, syscalls::name(nr));
        }
        if self.kill == Some(process.at) {
            sys::kill(pid);
        }
        process.at.index += 1;
    }
}

/// Where the program's interpreter is mapped.
fn loader(pid: i32) -> std::ops::Range<u64> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let parts = maps.lines().filter(|line| line.contains("/ld-linux")).filter_map(|line| {
        let (start, end) = line.split_once(' ')?.0.split_once('-')?;
        Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
    });
    let (starts, ends): (Vec<_>, Vec<_>) = parts.unzip();
    starts.into_iter().min().unwrap_or(0)..ends.into_iter().max().unwrap_or(0)
}
