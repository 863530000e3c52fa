//! Every call of the set-up fails once, and every process of it is killed at each of its calls: the program runs in a
//! sandbox that is exactly the one asked for, or it does not run.

use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::support::traced::{Call, calls, image_of, traced};
use crate::support::{ENTRIES, Entry, Report, Sandbox, TempDir};

/// Calls that the kernel never answers with an error, or has done all the same when it does.
const INFALLIBLE: [&str; 15] = [
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
/// Calls that may be interrupted by a signal.
const INTERRUPTIBLE: [&str; 14] = [
    "read",
    "write",
    "recvmsg",
    "recvfrom",
    "sendmsg",
    "sendto",
    "wait4",
    "waitid",
    "poll",
    "ppoll",
    "rt_sigtimedwait",
    "futex",
    "openat",
    "connect",
];

const LIMIT: Duration = Duration::from_secs(20);

/// Does `check` for each call, on both cores; gives what it found wrong.
fn for_each(calls: &[Call], check: impl Fn(&Call) -> Option<String> + Sync) -> Vec<String> {
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

/// What is wrong with a run in which a call failed, if anything is.
fn wrong(sandbox: &Sandbox, call: &Call, errno: &str, clean: &Report) -> Option<String> {
    let options = ["--fail", &format!("{}:{errno}", call.point)];
    let ended = match traced(&sandbox.clone().timeout(LIMIT), &options).try_probe(&["report"]) {
        Ok(ended) => ended,
        Err(hangs) => return Some(format!("{errno}: {}", hangs.lines().next().unwrap_or_default())),
    };
    if ended.out.is_empty() {
        let refused = ended.code() == Some(125);
        return (!refused).then(|| format!("{errno}: it did not run, but {:?} {}", ended.code(), ended.err));
    }
    let inside = Report::parse(&ended.out).without_what_varies();
    // A current directory that cannot be named is none: the program begins at the root.
    let unnamed = call.name == "getcwd" && inside.one("cwd") == "/";
    if inside != *clean && !unnamed {
        return Some(format!("{errno}: it ran in another sandbox:\n{}", difference(&inside, clean)));
    }
    // It ran as it should; what failed was perhaps the waiting for it.
    let told = matches!(ended.code(), Some(0 | 125));
    (!told).then(|| format!("{errno}: it ran, and then {:?} {}", ended.code(), ended.err))
}

fn difference(one: &Report, other: &Report) -> String {
    let (one, other) = (format!("{one:#?}"), format!("{other:#?}"));
    one.lines()
        .filter(|line| !other.contains(line))
        .chain(other.lines().filter(|line| !one.contains(line)))
        .collect::<Vec<_>>()
        .join("\n")
}

fn sandbox(entry: Entry) -> Sandbox {
    // Every kind of step takes part.
    Sandbox::new(entry).with(&[
        "hostname=box",
        "bind-ro=/usr:/srv",
        "tmpfs=/mnt",
        "hide=/media",
        "hide=/etc/passwd",
        "new-session",
        "env=A=b",
    ])
}

/// All calls that fit, each failing in each of the ways that fit it.
fn fail_each(sandbox: &Sandbox, fits: impl Fn(&Call) -> bool) {
    let (calls, clean) = calls(sandbox, &["report"]);
    // Its standard error may be the status.
    assert!(clean.status.success(), "{clean:?}");
    let clean = Report::parse(&clean.out).without_what_varies();
    let calls: Vec<Call> = calls.into_iter().filter(|call| fits(call) && !INFALLIBLE.contains(&&*call.name)).collect();
    assert!(calls.len() > 10, "the trace has only {calls:?}");
    let wrong = for_each(&calls, |call| {
        let mut errnos = vec!["EPERM"];
        errnos.extend((call.name == "mmap" || call.name == "clone").then_some("ENOMEM"));
        errnos.extend(INTERRUPTIBLE.contains(&&*call.name).then_some("EINTR"));
        errnos.into_iter().find_map(|errno| wrong(sandbox, call, errno, &clean))
    });
    assert!(wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
}

#[test]
fn no_failing_call_of_the_outer_process_lets_the_program_run_with_less() {
    fail_each(&sandbox(Entry::Preload), |call| call.process == 0);
}

#[test]
fn no_failing_call_of_the_inner_processes_lets_the_program_run_with_less() {
    fail_each(&sandbox(Entry::Preload), |call| call.process > 0);
}

#[test]
fn no_failing_call_with_init_lets_the_program_run_with_less() {
    fail_each(&sandbox(Entry::Preload).with(&["init", "cap-keep=chown", "status-fd=2"]), |call| call.process > 0);
}

/// What outer and inner do beyond the usual for reports, limits and an environment that is larger than the caller's.
fn accounted(dir: &TempDir, entry: Entry) -> Sandbox {
    let sandbox = sandbox(entry).with(&["stderr-null", "time-limit=1h"]);
    // More than are taken out, so that the program is executed once more.
    let sandbox = (0..30).fold(sandbox, |sandbox, n| sandbox.set("env", format!("V{n}={n}")));
    sandbox.set("stats", dir.join("stats")).set("log-file", dir.join("log"))
}

#[test]
fn no_failing_call_for_reports_limits_and_room_lets_the_program_run_with_less() {
    let dir = TempDir::new();
    fail_each(&accounted(&dir, Entry::Preload), |call| call.process == 0);
}

#[test]
fn no_failing_call_inside_lets_a_program_that_is_to_be_silent_speak() {
    let dir = TempDir::new();
    fail_each(&accounted(&dir, Entry::Preload), |call| call.process > 0);
}

#[test]
fn no_failing_call_of_the_launchers_own_lets_the_program_run_with_less() {
    let sandbox = sandbox(Entry::Launch);
    let (calls, clean) = calls(&sandbox, &["report"]);
    let clean = Report::parse(clean.ok()).without_what_varies();
    let own = |call: &Call| call.process == 0 && call.image + 1 == image_of(Entry::Launch);
    let calls: Vec<Call> = calls.into_iter().filter(|call| own(call) && !INFALLIBLE.contains(&&*call.name)).collect();
    let wrong = for_each(&calls, |call| {
        let options = ["--fail", &format!("{}:EPERM", call.point)];
        let ended = traced(&sandbox.clone().timeout(LIMIT), &options).probe(&["report"]);
        if ended.out.is_empty() {
            // Signals and aborts included: all that matters is that nobody takes it for a run.
            return (ended.code() == Some(0)).then(|| "it did not run, and says it did".into());
        }
        (Report::parse(&ended.out).without_what_varies() != clean)
            .then(|| format!("it ran in another sandbox: {}", ended.out))
    });
    assert!(calls.len() > 10 && wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
}

#[test]
fn no_failing_call_with_an_observer_lets_the_program_run_with_less() {
    let observed = |call: &Call| call.process > 0 || call.image == image_of(Entry::Launch);
    fail_each(&Sandbox::new(Entry::Launch).with(&["explain"]), observed);
}

#[test]
fn an_observer_that_is_killed_at_any_call_is_no_hole_and_no_hang() {
    let sandbox = Sandbox::new(Entry::Launch).with(&["explain"]).timeout(LIMIT);
    let (calls, clean) = calls(&sandbox, &["report"]);
    let clean = Report::parse(&clean.out).without_what_varies();
    let calls: Vec<Call> = calls.into_iter().filter(|call| call.process == 1).collect();
    let wrong = for_each(&calls, |call| {
        let ended = match traced(&sandbox, &["--kill", &call.point]).try_probe(&["report"]) {
            Ok(ended) => ended,
            Err(hangs) => return Some(hangs.lines().next().unwrap_or_default().into()),
        };
        let failed = ended.out.is_empty() && ended.code() == Some(125);
        let ran = || ended.code() == Some(0) && Report::parse(&ended.out).without_what_varies() == clean;
        (!failed && !ran()).then(|| format!("{:?} {}{}", ended.code(), ended.out, ended.err))
    });
    assert!(calls.len() > 10 && wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
}

#[test]
fn no_failing_call_while_learning_lets_the_program_run_with_less() {
    let dir = TempDir::new();
    let sandbox = Sandbox::new(Entry::Launch).set("learn", dir.join("learned"));
    // What the observer does is the same as above; what inner does under the filter is asked about.
    fail_each(&sandbox, |call| call.process == 2);
}

#[test]
fn nothing_outlives_an_outer_process_that_is_killed_at_any_call() {
    let all = calls(&Sandbox::new(Entry::Preload), &["sleep", "0"]).0;
    let calls: Vec<Call> = all.into_iter().filter(|call| call.process == 0).collect();
    let wrong = for_each(&calls, |call| {
        let dir = TempDir::new();
        let file = dir.join("lived");
        let sandbox = Sandbox::new(Entry::Preload).set("bind", &*dir).timeout(LIMIT);
        let ended = traced(&sandbox, &["--kill", &call.point]).probe(&["touch-later", file.to_str().unwrap(), "150"]);
        // Once it waits for what has ended, or ends itself, there is nothing left to be killed.
        let waited_for = ["wait4", "waitid", "exit_group"].contains(&&*call.name);
        (file.exists() && !waited_for).then(|| format!("{ended:?}"))
    });
    assert!(calls.len() > 10 && wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
}

#[test]
fn an_inner_process_that_is_killed_at_any_call_is_a_failure_and_no_hang() {
    for settings in [&[][..], &["init"]] {
        let sandbox = Sandbox::new(Entry::Preload).with(settings).timeout(LIMIT);
        let all = calls(&sandbox, &["report"]).0;
        let calls: Vec<Call> = all.into_iter().filter(|call| call.process > 0).collect();
        let wrong = for_each(&calls, |call| {
            let ended = traced(&sandbox, &["--kill", &call.point]).probe(&["report"]);
            let failed = ended.out.is_empty() && matches!(ended.code(), Some(125 | 137));
            // With init, the program may have begun, or even ended, before pid 1 was killed.
            let begun =
                !ended.out.is_empty() && matches!(ended.code(), Some(0 | 137)) && ended.out.contains("\nseccomp=2\n");
            (!failed && !begun).then(|| format!("{:?} {}{}", ended.code(), ended.out, ended.err))
        });
        assert!(
            calls.len() > 10 && wrong.is_empty(),
            "{} of {} calls:\n{}",
            wrong.len(),
            calls.len(),
            wrong.join("\n")
        );
    }
}

#[test]
fn a_failure_leaves_nothing_behind() {
    let dir = TempDir::new();
    let before = fs::read_to_string("/proc/self/mountinfo").unwrap();
    for entry in ENTRIES {
        let sandbox =
            Sandbox::new(entry).set("bind", format!("{}:/mnt", dir.display())).with(&["bind=/nowhere/at/all:/srv"]);
        sandbox.probe(&["file", "write", "/mnt/ran"]).refused_saying(&["sbx: mounts: ", "/nowhere/at/all"]);
        assert!(!dir.join("ran").exists(), "the program ran");
    }
    assert_eq!(fs::read_to_string("/proc/self/mountinfo").unwrap(), before);
}

#[test]
fn the_message_names_step_call_object_and_error() {
    for entry in ENTRIES {
        let (calls, _) = calls(&Sandbox::new(entry), &["report"]);
        for (name, step) in
            [("sethostname", "hostname"), ("pivot_root", "mounts"), ("capset", "capabilities"), ("chdir", "cwd")]
        {
            let Some(call) = calls.iter().rfind(|call| call.name == name && call.process > 0) else { continue };
            let ended = traced(&Sandbox::new(entry), &["--fail", &format!("{}:EPERM", call.point)]).probe(&["report"]);
            let message = ended.refused(125);
            assert!(message.starts_with(&format!("sbx: {step}: {name}")) && message.contains("(EPERM)"), "{message}");
        }
    }
}
