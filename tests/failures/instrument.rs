//! Each call of a trace, failing or the death of its process; and what may come of it.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::support::traced::{Call, Tracer, calls_by, traced};
use crate::support::{Ended, Report, Sandbox};

pub const LIMIT: Duration = Duration::from_secs(60);

/// Calls that the kernel never answers with an error, or has done all the same when it does.
pub const INFALLIBLE: [&str; 15] = [
    "brk",
    "close",
    "getpid",
    "getppid",
    "gettid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getpgrp",
    "exit",
    "exit_group",
    "rt_sigreturn",
    "sched_yield",
    "umask",
];

/// Calls that may be interrupted by a signal, signal(7), or say so in their manual pages.
const INTERRUPTIBLE: [&str; 45] = [
    "open",
    "openat",
    "openat2",
    "read",
    "readv",
    "pread64",
    "write",
    "writev",
    "pwrite64",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "accept",
    "accept4",
    "connect",
    "wait4",
    "waitid",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "rt_sigtimedwait",
    "futex",
    "flock",
    "fcntl",
    "ioctl",
    "dup2",
    "dup3",
    "ftruncate",
    "fallocate",
    "fsync",
    "statfs",
    "fstatfs",
    "getrandom",
    "nanosleep",
    "clock_nanosleep",
    "pause",
    "clone",
    "seccomp",
];

/// All the ways in which a call can fail that are tried.
pub fn errnos(call: &Call) -> impl Iterator<Item = &'static str> {
    let interrupted = INTERRUPTIBLE.contains(&&*call.name).then_some("EINTR");
    ["EPERM", "ENOMEM"].into_iter().chain(interrupted)
}

/// All calls that fit, each failing in each of the ways that fit it.
#[track_caller]
pub fn fail_each(sandbox: &Sandbox, fits: impl Fn(&Call) -> bool) {
    fail_each_by(traced, sandbox, fits);
}

/// As `fail_each`, under another tracer.
#[track_caller]
pub fn fail_each_by(tracer: Tracer, sandbox: &Sandbox, fits: impl Fn(&Call) -> bool) {
    let (calls, clean) = calls_by(tracer, sandbox, &["report"]);
    // Its standard error may be the status.
    assert!(clean.status.success(), "{clean:?}");
    let clean = Report::parse(&clean.out).without_what_varies();
    let calls: Vec<Call> = calls.into_iter().filter(|call| fits(call) && !INFALLIBLE.contains(&&*call.name)).collect();
    let wrong = for_each(&calls, |call| errnos(call).find_map(|errno| wrong(tracer, sandbox, call, errno, &clean)));
    none_is_wrong(&calls, &wrong);
}

/// What outer and a reaper do when the program has begun.
pub const SUPERVISION: [&str; 2] = ["rt_sigtimedwait", "wait4"];

/// What is wrong with a run in which a call failed, if anything is.
fn wrong(tracer: Tracer, sandbox: &Sandbox, call: &Call, errno: &str, clean: &Report) -> Option<String> {
    let options = ["--fail", &format!("{}:{errno}:{}", call.point, call.name)];
    let ended = match tracer(&sandbox.clone().timeout(LIMIT), &options).try_probe(&["report"]) {
        Ok(ended) => ended,
        Err(hangs) => return Some(format!("{errno}: {}", hangs.lines().next().unwrap_or_default())),
    };
    // The step, and what was wrong with what; where messages go to a file, they are there.
    let is_whole = |line: &str| line.starts_with("sbx: ") && line.matches(": ").count() >= 2;
    let told = ended.err.lines().any(is_whole) || sandbox.has("log-file");
    if ended.out.is_empty() {
        let said = ["sbx: program: execve ", "sbx: target: "].iter().any(|start| ended.err.starts_with(start));
        let not_executed = ended.code() == Some(126) && said;
        let refused = ended.code() == Some(125) && told || not_executed;
        return (!refused).then(|| format!("{errno}: it did not run, but {:?} {}", ended.code(), ended.err));
    }
    let inside = Report::parse(&ended.out).without_what_varies();
    // Not of the setup: they could not wait, and ended what had begun.
    let waits = SUPERVISION.contains(&&*call.name);
    if waits && ended.code() == Some(125) && told && inside.is_part_of(clean) {
        return None;
    }
    // A current directory that cannot be named is none: the program begins at the root.
    let unnamed = call.name == "getcwd" && inside.one("cwd") == "/";
    // A file that cannot be found by its name inside is executed by its descriptor, and has the name that it has outside.
    let by_descriptor = call.process > 0
        && matches!(&*call.name, "openat" | "newfstatat")
        && inside.clone().without("exe") == clean.clone().without("exe");
    if inside != *clean && !unnamed && !by_descriptor {
        return Some(format!("{errno}: it ran in another sandbox:\n{}", difference(&inside, clean)));
    }
    // It ran as it should; what failed was perhaps the waiting for it.
    let right = matches!(ended.code(), Some(0 | 125));
    (!right).then(|| format!("{errno}: it ran, and then {:?} {}", ended.code(), ended.err))
}

/// What each has that the other has not, or has more often.
fn difference(one: &Report, other: &Report) -> String {
    let more = |one: &Report, other: &Report, sign: char| {
        let mut lines = String::new();
        for (key, values) in &one.0 {
            let mut rest = other.all(key).to_vec();
            for value in values {
                match rest.iter().position(|one| one == value) {
                    Some(at) => drop(rest.swap_remove(at)),
                    None => lines.push_str(&format!("{sign} {key}={value}\n")),
                }
            }
        }
        lines
    };
    more(one, other, '+') + &more(other, one, '-')
}

/// The process of each call is killed at it: what comes of that is right, and no hang. There are more calls than a few.
#[track_caller]
pub fn kill_each(tracer: Tracer, sandbox: &Sandbox, calls: &[Call], is_right: impl Fn(&Ended) -> bool + Sync) {
    let wrong = for_each(calls, |call| {
        let ended = match tracer(sandbox, &["--kill", &call.point]).try_probe(&["report"]) {
            Ok(ended) => ended,
            Err(hangs) => return Some(hangs.lines().next().unwrap_or_default().into()),
        };
        (!is_right(&ended)).then(|| format!("{:?} {}{}", ended.code(), ended.out, ended.err))
    });
    none_is_wrong(calls, &wrong);
}

/// Does `check` for each call, on both cores; gives what it found wrong.
pub fn for_each(calls: &[Call], check: impl Fn(&Call) -> Option<String> + Sync) -> Vec<String> {
    let found = Mutex::new(Vec::new());
    let next = Mutex::new(calls.iter());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(call) = next.lock().unwrap().next() else { break };
                    if let Some(wrong) = check(call) {
                        found.lock().unwrap().push(format!("{} {}: {wrong}", call.point, call.name));
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// Nothing was found wrong, in more than a few calls.
#[track_caller]
pub fn none_is_wrong(calls: &[Call], wrong: &[String]) {
    assert!(calls.len() > 10, "the trace has only {calls:?}");
    assert!(wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
}
