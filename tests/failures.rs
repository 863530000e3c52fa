//! Every call of the set-up fails once, and every process of it is killed at each of its calls: the program runs in a
//! sandbox that is exactly the one asked for, or it does not run.

use std::ffi::OsString;
use std::fs;
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use crate::need;
use crate::support::bins;
use crate::support::groups::Groups;
use crate::support::nets;
use crate::support::traced::{Call, Tracer, calls, calls_by, image_of, traced, traced_as_other};
use crate::support::{ENTRIES, Entry, Report, Sandbox, TempDir, World};
use crate::support::{need, subids};

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
fn errnos(call: &Call) -> impl Iterator<Item = &'static str> {
    let interrupted = INTERRUPTIBLE.contains(&&*call.name).then_some("EINTR");
    ["EPERM", "ENOMEM"].into_iter().chain(interrupted)
}

const LIMIT: Duration = Duration::from_secs(60);

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

/// What outer and a reaper do when the program has begun.
const SUPERVISION: [&str; 2] = ["rt_sigtimedwait", "wait4"];

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

fn sandbox(entry: Entry) -> Sandbox {
    // Every kind of step takes part, but for what only the library can do.
    let sandbox = Sandbox::new(entry).with(if entry == Entry::Preload { &["no-tsc"] } else { &[] });
    sandbox.with(&[
        "hostname=box",
        "bind-ro=/usr:/srv",
        "tmpfs=/mnt",
        "hide=/media",
        "hide=/etc/nsswitch.conf",
        "overlay=/var/mail:lower=/usr/share",
        "symlink=x:/tmp/link",
        "dir=/tmp/dir:mode=700",
        "file=/tmp/file:text",
        "bind-ro=/etc/hosts:/tmp/hosts:noexec",
        "new-session",
        "env=A=b",
        "rlimit=nofile=64",
        "rlimit=core=0",
        "nice=19",
        "oom-score-adj=500",
        "max-cpus=1",
        "personality=addr-no-randomize",
        "umask=0027",
        "monotonic-offset=100",
    ])
}

/// All calls that fit, each failing in each of the ways that fit it.
fn fail_each(sandbox: &Sandbox, fits: impl Fn(&Call) -> bool) {
    fail_each_by(traced, sandbox, fits);
}

fn fail_each_by(tracer: Tracer, sandbox: &Sandbox, fits: impl Fn(&Call) -> bool) {
    let (calls, clean) = calls_by(tracer, sandbox, &["report"]);
    // Its standard error may be the status.
    assert!(clean.status.success(), "{clean:?}");
    let clean = Report::parse(&clean.out).without_what_varies();
    let calls: Vec<Call> = calls.into_iter().filter(|call| fits(call) && !INFALLIBLE.contains(&&*call.name)).collect();
    assert!(calls.len() > 10, "the trace has only {calls:?}");
    let wrong = for_each(&calls, |call| errnos(call).find_map(|errno| wrong(tracer, sandbox, call, errno, &clean)));
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
    // And a place that the host's root has not.
    let sandbox = sandbox(Entry::Preload).with(&["init", "cap-keep=chown", "status-fd=2", "dir=/sbx-new-place"]);
    fail_each(&sandbox, |call| call.process > 0);
}

#[test]
fn nothing_runs_beside_a_reaper_that_is_not_confined() {
    for settings in [&["init"][..], &BARE] {
        if settings == BARE && need::skip("tests::failures::a_reaper_without_namespaces", &["landlock-scopes"]) {
            continue;
        }
        let sandbox = Sandbox::new(Entry::Preload).with(settings).timeout(LIMIT);
        let all = calls(&sandbox, &["report"]).0;
        // The reaper is the process that has forked the program.
        let own: Vec<&Call> = all.iter().filter(|call| call.process == 1).collect();
        let forked = own.iter().rposition(|call| call.name == "clone").expect("a fork");
        let confining = |call: &&&Call| ["capset", "close_range", "seccomp"].contains(&&*call.name);
        let calls: Vec<&&Call> = own[forked..].iter().filter(confining).collect();
        assert!(calls.len() > 3, "{own:?}");
        for call in calls {
            let ended = traced(&sandbox, &["--fail", &format!("{}:EPERM", call.point)]).probe(&["report"]);
            assert_eq!((ended.code(), &*ended.out), (Some(125), ""), "{call:?}: {}", ended.err);
            assert!(ended.err.starts_with("sbx: init: "), "{call:?}: {}", ended.err);
        }
    }
}

/// No namespace is new; what is left is asked for.
const BARE: [&str; 6] = [
    "share=user,mount,pid,net,ipc,uts,cgroup,time",
    "net=filter",
    "landlock-rx=/usr",
    "landlock-rw=/tmp",
    "landlock-scope=signal",
    "init",
];

#[test]
fn no_failing_call_by_route_layered_lets_the_program_run_with_less() {
    fail_each(&Sandbox::new(Entry::Layered).with(&["no-exec", "no-new-code", "root=empty"]), |_| true);
}

#[test]
fn a_keeper_of_entry_that_is_killed_at_any_call_is_a_failure_and_no_hang() {
    let sandbox = Sandbox::new(Entry::Layered).with(&["no-exec", "no-new-code", "root=empty"]).timeout(LIMIT);
    let (all, clean) = calls(&sandbox, &["report"]);
    let clean = Report::parse(&clean.out).without_what_varies();
    let asks = |call: &&Call| call.name == "process_vm_readv";
    let keeper = all.iter().find(asks).expect("somebody looks at the program").process;
    let calls: Vec<Call> = all.into_iter().filter(|call| call.process == keeper).collect();
    let wrong = for_each(&calls, |call| {
        let ended = match traced(&sandbox, &["--kill", &call.point]).try_probe(&["report"]) {
            Ok(ended) => ended,
            Err(hangs) => return Some(hangs.lines().next().unwrap_or_default().into()),
        };
        let failed = ended.out.is_empty() && ended.code() == Some(125) && ended.err.starts_with("sbx: entry: ");
        // When its last word was said already.
        let ran = || ended.code() == Some(0) && Report::parse(&ended.out).without_what_varies() == clean;
        (!failed && !ran()).then(|| format!("{:?} {}{}", ended.code(), ended.out, ended.err))
    });
    assert!(calls.len() > 30 && wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
}

#[test]
fn no_failing_call_without_namespaces_lets_the_program_run_with_less() {
    need!("landlock-scopes");
    let sandbox = Sandbox::new(Entry::Preload).with(&BARE).set("time-limit", "1h");
    fail_each(&sandbox, |call| call.process > 0);
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
fn no_failing_call_of_a_process_that_writes_maps_lets_the_program_run_with_less() {
    need!("root");
    let maps = ["uid-map=0:0", "uid-map=1:100000:1000", "gid-map=0:100000:1000", "uid=5", "gid=7"];
    // Who stays outside is the first that is forked.
    fail_each(&Sandbox::new(Entry::Preload).with(&maps), |call| call.process < 2);
}

/// With groups below these, which were made for it.
fn grouped(groups: &Groups) -> Sandbox {
    Sandbox::new(Entry::Preload)
        .set("cgroup-parent", &groups.name)
        .with(&["memory-max=64m", "pids-max=9"])
        .timeout(LIMIT)
}

/// The calls by which groups are made, joined and removed, and those beside them.
fn is_about_groups(call: &Call) -> bool {
    const NAMES: [&str; 14] = [
        "openat",
        "mkdirat",
        "flock",
        "write",
        "unlinkat",
        "eventfd2",
        "clone",
        "fstat",
        "newfstatat",
        "getdents64",
        "faccessat2",
        "socketpair",
        "recvmsg",
        "read",
    ];
    call.process == 1 || NAMES.contains(&&*call.name)
}

/// A run in which nothing fails takes away what others have left.
#[track_caller]
fn nothing_stays(groups: &Groups) {
    grouped(groups).probe(&["exit", "0"]).ok();
    assert!(groups.left().is_empty(), "{:?}", groups.left());
}

#[test]
fn no_failing_call_for_control_groups_lets_the_program_run_with_less() {
    need!("root", "cgroups");
    let groups = Groups::new();
    // Who removes them is the first that is forked.
    fail_each(&grouped(&groups), is_about_groups);
    nothing_stays(&groups);
}

#[test]
fn whoever_is_killed_while_there_are_control_groups_leaves_none_for_long() {
    need!("root", "cgroups");
    let groups = Groups::new();
    let sandbox = grouped(&groups);
    let calls: Vec<Call> = calls(&sandbox, &["report"]).0.into_iter().filter(is_about_groups).collect();
    let wrong = for_each(&calls, |call| {
        let ended = match traced(&sandbox, &["--kill", &call.point]).try_probe(&["report"]) {
            Ok(ended) => ended,
            Err(hangs) => return Some(hangs.lines().next().unwrap_or_default().into()),
        };
        let failed = ended.out.is_empty() && matches!(ended.code(), Some(125 | 137));
        // The keeper may be missed only when all is over; outer may have been about to end.
        let ran = ended.out.contains("\nseccomp=2\n") && matches!(ended.code(), Some(0 | 137));
        (!failed && !ran).then(|| format!("{:?} {}{}", ended.code(), ended.out, ended.err))
    });
    assert!(calls.len() > 10 && wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
    nothing_stays(&groups);
}

/// The maps of the user sbx-test, by the host's own tools.
fn mapped_by_tools() -> Sandbox {
    let others = subids::of("sbx-test").unwrap();
    let map = |name: &str, first: u32| format!("{name}-map=0:{first}:{}", subids::COUNT);
    let maps = [&map("uid", others.uid), &map("gid", others.gid), "uid=5", "gid=7"];
    Sandbox::new(Entry::Preload).with(&maps)
}

/// setpriv(1), env(1), and the program.
const IMAGE_AS_OTHER: usize = 3;

#[test]
fn no_failing_call_of_the_tools_or_of_who_runs_them_lets_the_program_run_with_less() {
    need!("root", "sbx-test");
    fail_each_by(traced_as_other, &mapped_by_tools(), |call| match call.process {
        // To the end of the maps, where who stays outside has ended; what follows is as it is without them.
        0 => call.image == IMAGE_AS_OTHER,
        process => process <= TOOLS,
    });
}

/// Who stays outside, and each tool once or, before shadow 4.14, twice.
const TOOLS: usize = 5;

#[test]
fn a_process_that_is_killed_while_maps_are_made_is_a_failure_and_no_hang() {
    need!("root", "sbx-test");
    let sandbox = mapped_by_tools().timeout(LIMIT);
    let all = calls_by(traced_as_other, &sandbox, &["report"]).0;
    let calls: Vec<Call> = all.into_iter().filter(|call| (1..=TOOLS).contains(&call.process)).collect();
    let wrong = for_each(&calls, |call| {
        let ended = traced_as_other(&sandbox, &["--kill", &call.point]).probe(&["report"]);
        let failed = ended.out.is_empty() && matches!(ended.code(), Some(125 | 137));
        // A tool that is asked again by number, or has written the map and only ends.
        let complete = ended.code() == Some(0) && Report::parse(&ended.out).one("status.Uid") == "5 5 5 5";
        (!failed && !complete).then(|| format!("{:?} {}{}", ended.code(), ended.out, ended.err))
    });
    assert!(calls.len() > 10 && wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
}

/// Where setup ends before the filter is loaded, nobody is left to hear that it could not be.
#[test]
fn no_failing_call_lets_the_program_run_with_less_where_the_filter_comes_after_the_last_word() {
    let policy = "ERRNO(9) { close { fd == 12345 } } DEFAULT ALLOW";
    fail_each(&sandbox(Entry::Launch).set("seccomp-string", policy), |call| call.process > 0);
}

#[test]
fn no_failing_call_of_the_launchers_own_lets_the_program_run_with_less() {
    let sandbox = sandbox(Entry::Launch);
    let (calls, clean) = calls(&sandbox, &["report"]);
    let clean = Report::parse(clean.ok()).without_what_varies();
    let own = |call: &Call| call.process == 0 && call.image == image_of(Entry::Launch);
    let calls: Vec<Call> = calls.into_iter().filter(|call| own(call) && !INFALLIBLE.contains(&&*call.name)).collect();
    let wrong = for_each(&calls, |call| {
        errnos(call).find_map(|errno| {
            let options = ["--fail", &format!("{}:{errno}:{}", call.point, call.name)];
            let ended = traced(&sandbox.clone().timeout(LIMIT), &options).probe(&["report"]);
            if ended.out.is_empty() {
                // Signals and aborts included: all that matters is that nobody takes it for a run.
                return (ended.code() == Some(0)).then(|| format!("{errno}: it did not run, and says it did"));
            }
            let inside = Report::parse(&ended.out).without_what_varies();
            if SUPERVISION.contains(&&*call.name) && ended.code() == Some(125) && inside.is_part_of(&clean) {
                return None;
            }
            let unnamed = call.name == "getcwd" && inside.one("cwd") == "/";
            (inside != clean && !unnamed).then(|| format!("{errno}: it ran in another sandbox: {}", ended.out))
        })
    });
    assert!(calls.len() > 10 && wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
}

#[test]
fn no_failing_call_with_an_observer_lets_the_program_run_with_less() {
    let observed = |call: &Call| call.process > 0 && call.image == 0 || call.image == image_of(Entry::Launch);
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
    let inner = inner_of(&calls(&sandbox, &["report"]).0);
    fail_each(&sandbox, |call| call.process == inner && call.image == 0);
}

/// The process that makes the file tree.
fn inner_of(calls: &[Call]) -> usize {
    calls.iter().find(|call| call.name == "mount_setattr" && call.process > 0).expect("a file tree").process
}

#[test]
fn no_failing_call_of_the_launcher_as_supervisor_lets_the_program_run_with_less() {
    let sandbox = sandbox(Entry::Exec).with(&["init"]);
    fail_each(&sandbox, |call| {
        call.process == 0 && call.image == image_of(Entry::Exec) || call.process > 0 && call.image == 0
    });
}

/// As `traced`, in a namespace with a wire, where no interface may be left behind.
fn traced_on_a_wire(sandbox: &Sandbox, options: &[&str]) -> Sandbox {
    let words = [&["trace"], options, &["--"]].concat();
    let tracer = [bins::probe().into()].into_iter().chain(words.into_iter().map(OsString::from));
    sandbox.clone().wrapped(&nets::leaving_nothing(nets::WIRE).into_iter().chain(tracer).collect::<Vec<_>>())
}

fn with_interfaces() -> Sandbox {
    Sandbox::new(Entry::Preload).with(&[
        "macvlan=tveth1:ip=10.166.1.2/16:ip=fd00:166::2/64:gateway=10.166.0.1:gateway=fd00:166::1:mac=02:00:00:00:00:07",
        "veth=sbx0:ip=10.9.0.2/30:host-ip=10.9.0.1/30:name=eth0",
    ])
}

/// The process that makes the interfaces is the first that is forked.
const MAKER: usize = 1;

#[test]
fn no_failing_call_for_interfaces_lets_the_program_run_with_less_or_leaves_one_behind() {
    need!("userns", "ip");
    fail_each_by(traced_on_a_wire, &with_interfaces(), |call| call.process <= MAKER);
}

#[test]
fn a_process_that_is_killed_while_interfaces_are_made_is_a_failure_and_leaves_none_behind() {
    need!("userns", "ip");
    let sandbox = with_interfaces().timeout(LIMIT);
    let (all, clean) = calls_by(traced_on_a_wire, &sandbox, &["report"]);
    let clean = Report::parse(clean.ok()).without_what_varies();
    let calls: Vec<Call> = all.into_iter().filter(|call| call.process == MAKER).collect();
    let wrong = for_each(&calls, |call| {
        let ended = match traced_on_a_wire(&sandbox, &["--kill", &call.point]).try_probe(&["report"]) {
            Ok(ended) => ended,
            Err(hangs) => return Some(hangs.lines().next().unwrap_or_default().into()),
        };
        let failed = ended.out.is_empty() && ended.code() == Some(125);
        // When its last word was said already.
        let ran = || ended.code() == Some(0) && Report::parse(&ended.out).without_what_varies() == clean;
        (!failed && !ran()).then(|| format!("{:?} {}{}", ended.code(), ended.out, ended.err))
    });
    assert!(calls.len() > 10 && wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
}

#[test]
fn nothing_outlives_an_outer_process_that_is_killed_at_any_call() {
    nothing_outlives_outer(|dir| Sandbox::new(Entry::Preload).set("bind", &**dir));
}

#[test]
fn nothing_outlives_an_outer_process_without_namespaces_that_is_killed_at_any_call() {
    need!("landlock-scopes");
    nothing_outlives_outer(|_| Sandbox::new(Entry::Preload).with(&BARE));
}

fn nothing_outlives_outer(sandbox: impl Fn(&TempDir) -> Sandbox + Sync) {
    let all = calls(&sandbox(&TempDir::new()), &["sleep", "0"]).0;
    let mut calls: Vec<Call> = all.into_iter().filter(|call| call.process == 0).collect();
    // What comes after its first wait is for a program that has ended: there is nothing left to be killed.
    let first_wait = calls.iter().position(|call| call.name == "rt_sigtimedwait").unwrap();
    calls.truncate(first_wait + 1);
    let wrong = for_each(&calls, |call| {
        let dir = TempDir::new();
        let file = dir.join("lived");
        let sandbox = sandbox(&dir).timeout(LIMIT);
        let ended = traced(&sandbox, &["--kill", &call.point]).probe(&["touch-later", file.to_str().unwrap(), "150"]);
        file.exists().then(|| format!("{ended:?}"))
    });
    assert!(calls.len() > 10 && wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
}

#[test]
fn an_inner_process_that_is_killed_at_any_call_is_a_failure_and_no_hang() {
    for settings in [&[][..], &["init"], &BARE] {
        if settings == BARE && need::skip("failures::an_inner_process_without_namespaces", &["landlock-scopes"]) {
            continue;
        }
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

#[test]
fn a_limit_that_cannot_be_set_is_named_and_the_program_does_not_run() {
    let settings = ["rlimit=nofile=64", "nice=19", "max-cpus=1", "umask=0027", "personality=addr-no-randomize"];
    for entry in ENTRIES {
        let dir = TempDir::new();
        let sandbox = Sandbox::new(entry).with(&settings).set("bind", &*dir);
        let ran = dir.join("ran");
        let act = ["file", "create", ran.to_str().unwrap()];
        let (calls, _) = calls(&sandbox, &act);
        fs::remove_file(&ran).unwrap();
        for (name, step) in [
            ("setpriority", "nice: setpriority 19"),
            ("sched_setaffinity", "affinity: sched_setaffinity the first 1"),
            ("sched_getaffinity", "affinity: sched_getaffinity"),
            ("prlimit64", "rlimits: setrlimit nofile=64:64"),
            ("personality", "personality: personality addr-no-randomize"),
        ] {
            let call = calls.iter().rfind(|call| call.name == name && call.process > 0);
            let point = &call.unwrap_or_else(|| panic!("no {name} in {calls:?}")).point;
            let ended = traced(&sandbox, &["--fail", &format!("{point}:EPERM")]).probe(&act);
            assert!(ended.refused(125).starts_with(&format!("sbx: {step}")), "{ended:?}");
            assert!(!ran.exists(), "{name}");
        }
    }
    for (setting, name, step) in [
        ("monotonic-offset=5", "write", "time offsets: write /proc/self/timens_offsets"),
        ("oom-score-adj=500", "write", "oom_score_adj: write /proc/self/oom_score_adj"),
        ("no-tsc", "prctl", "tsc: prctl(PR_SET_TSC)"),
    ] {
        let sandbox = Sandbox::new(Entry::Preload).with(&[setting]);
        let (calls, _) = calls(&sandbox, &["report"]);
        let named = calls.iter().filter(|call| call.name == name).any(|call| {
            let ended = traced(&sandbox, &["--fail", &format!("{}:EIO", call.point)]).probe(&["report"]);
            ended.code() == Some(125) && ended.out.is_empty() && ended.err.starts_with(&format!("sbx: {step}"))
        });
        assert!(named, "{setting}: no failing {name} is told as {step}");
    }
}

/// As `traced`, in a world that has a network to be connected to.
fn traced_in_world(sandbox: &Sandbox, options: &[&str]) -> Sandbox {
    static WORLD: OnceLock<World> = OnceLock::new();
    let world = WORLD.get_or_init(|| World::new(&["--name-server", "203.0.113.7"]));
    let tracer = [bins::probe().to_str().unwrap(), "trace"];
    let words = [&tracer, options, &["--"]].concat();
    let words: Vec<String> = world.words().into_iter().chain(words.into_iter().map(String::from)).collect();
    sandbox.clone().wrapped(&words)
}

#[test]
fn no_failing_call_of_who_connects_the_network_lets_the_program_run_without_it() {
    need!("root", "tun", "pasta", "slirp4netns", "python3", "ip");
    const OF_OTHERS: [&str; 7] = ["socketpair", "clone", "sendmsg", "recvmsg", "poll", "socket", "ioctl"];
    for settings in [&["net=pasta"][..], &["net=slirp4netns", "publish=8080:80"]] {
        let sandbox = Sandbox::new(Entry::Preload).with(settings);
        // Outer, who waits outside, inner, who keeps the program: and then the program's own. Who keeps it ends by the
        // last of these, and with it the network of a program that runs by then: that is less, and nothing more.
        let keeps = |call: &Call| ["seccomp", "poll", "read", "recvmsg"].contains(&&*call.name);
        fail_each_by(traced_in_world, &sandbox, |call| match call.process {
            0 | 2 => OF_OTHERS.contains(&&*call.name),
            3 => !keeps(call),
            process => process < 3,
        });
    }
}
