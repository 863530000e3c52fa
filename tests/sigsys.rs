//! What ends in SIGSYS is named, by whoever is asked, and ends as the kernel ends it.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::need;
use crate::support::traced::traced;
use crate::support::{Ended, Entry, Sandbox, TempDir, bins, outside};

const SYSSIG: Option<i32> = Some(libc::SIGSYS);
const ENTRIES: [Entry; 2] = [Entry::Preload, Entry::Launch];
const ACTIONS: [&str; 3] = ["kill", "kill-thread", "trap"];

fn with_action(entry: Entry, action: &str) -> Sandbox {
    Sandbox::new(entry).set("seccomp-action", action)
}

/// Nobody is asked: under a tracer the kernel's own answers are left alone.
fn unasked(action: &str) -> Sandbox {
    traced(&with_action(Entry::Preload, action), &[])
}

/// The only line, as each entry says it.
#[track_caller]
fn named(entry: Entry, ended: &Ended, met: &str) {
    let lines: Vec<_> = ended.err.lines().filter(|line| line.starts_with("sbx: ")).collect();
    let [line] = lines[..] else { panic!("not one line: {ended:#?}") };
    match entry {
        Entry::Preload => assert_eq!(line, format!("sbx: refused: ptrace [101]: {met}; by probe")),
        Entry::Launch | Entry::Exec | Entry::Layered => {
            let start = format!("sbx: refused: ptrace(PTRACE_ATTACH, 1, 0, 0) [101]: {met}; by libc.so.6 (syscall+");
            assert!(line.starts_with(&start), "{line}");
        }
    }
}

#[test]
fn a_target_that_sigsys_kills_is_named_however_it_was_started() {
    for entry in ENTRIES {
        for action in ACTIONS {
            for settings in [&[][..], &["init"], &["share=ipc"], &["profile=strict"]] {
                let sandbox = with_action(entry, action).with(settings);
                let ended = sandbox.probe(&["calls", "getpid", "ptrace:16:1", "getpid"]);
                assert_eq!((ended.signal(), ended.out.as_str()), (SYSSIG, "ok\n"), "{action} {settings:?}: {ended:#?}");
                named(entry, &ended, "killed by SIGSYS");
                // The control.
                let allowed = Sandbox::new(entry).with(settings).probe(&["calls", "getpid", "ptrace:16:1", "getpid"]);
                assert_eq!((allowed.code(), allowed.err.as_str()), (Some(0), ""), "{allowed:#?}");
            }
        }
    }
}

#[test]
fn a_target_that_is_another_users_is_named_too() {
    need!("root");
    for entry in ENTRIES {
        for action in ACTIONS {
            let sandbox = with_action(entry, action).with(&["share=user", "uid=65534", "gid=65534"]);
            let ended = sandbox.probe(&["calls", "getpid", "ptrace:16:1", "getpid"]);
            assert_eq!((ended.signal(), ended.out.as_str()), (SYSSIG, "ok\n"), "{action}: {ended:#?}");
            named(entry, &ended, "killed by SIGSYS");
        }
    }
}

#[test]
fn what_is_killed_often_is_counted_and_no_more_than_fifty_are_told() {
    for (entry, count) in [(Entry::Preload, "; 2 times"), (Entry::Launch, ", 2 times; by ")] {
        let twice = with_action(entry, "kill").probe(&[
            "all",
            "spawn",
            "calls",
            "ptrace:16:1",
            "+",
            "spawn",
            "calls",
            "ptrace:16:1",
        ]);
        assert_eq!(twice.err.lines().count(), 1, "{twice:#?}");
        assert!(twice.err.contains(count), "{twice:#?}");
        // 57 calls, a child each.
        let many = Sandbox::new(entry).set("seccomp", "toaster").probe(&["fates"]);
        let lines: Vec<_> = many.err.lines().collect();
        assert_eq!((lines.len(), lines.last()), (51, Some(&"sbx: refused: 7 more, not told one by one")), "{many:#?}");
    }
}

#[test]
fn only_the_thread_dies_where_only_the_thread_is_to_die() {
    for entry in ENTRIES {
        let ended = with_action(entry, "kill-thread").probe(&["thread-call", "ptrace:16:1"]);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(0), "1 left\n"), "{ended:#?}");
        named(entry, &ended, "thread killed by SIGSYS");
        for action in ["kill", "trap"] {
            let ended = with_action(entry, action).probe(&["thread-call", "ptrace:16:1"]);
            assert_eq!((ended.signal(), ended.out.as_str()), (SYSSIG, ""), "{ended:#?}");
            named(entry, &ended, "killed by SIGSYS");
        }
    }
    assert_eq!(unasked("kill-thread").probe(&["thread-call", "ptrace:16:1"]).out, "1 left\n");
}

#[test]
fn a_parent_sees_the_signal_however_many_threads_its_child_had() {
    for entry in ENTRIES {
        for action in ["kill", "trap"] {
            for act in [&["spawn", "threaded", "ptrace:16:1"][..], &["spawn", "calls", "ptrace:16:1"]] {
                let ended = with_action(entry, action).probe(act);
                assert_eq!(ended.out, "signal: 31 (SIGSYS)\n", "{action} {act:?}: {ended:#?}");
            }
        }
    }
}

#[test]
fn a_handler_is_told_what_the_kernel_tells_and_finds_every_register() {
    for asked in [with_action(Entry::Preload, "trap"), with_action(Entry::Launch, "trap"), unasked("trap")] {
        let ended = asked.clone().probe(&["storm", "50", "0"]);
        assert_eq!(ended.out, "ready\n50 right, 0 wrong, no alarm\n", "{ended:#?}");
        // Who handles it is not killed by it.
        assert_eq!((ended.code(), ended.err.as_str()), (Some(0), ""), "{ended:#?}");
        assert_eq!(asked.probe(&["trapped", "ptrace:16:1"]).ok(), "Some(0)");
    }
    let ended = Sandbox::new(Entry::Launch).with(&["seccomp-action=trap", "explain"]).probe(&["storm", "50", "0"]);
    assert_eq!(ended.out, "ready\n50 right, 0 wrong, no alarm\n", "{ended:#?}");
    assert!(ended.err.contains("[101]: SIGSYS, which it handles, 50 times; by "), "{ended:#?}");
}

#[test]
fn neither_other_signals_nor_other_threads_come_between() {
    for entry in ENTRIES {
        let storms = with_action(entry, "trap").timeout(Duration::from_secs(60));
        // The last leaves no time for a call to be made undisturbed.
        for (act, total) in [
            (["storm", "1000", "150", "1"], 1000),
            (["storm", "200", "150", "4"], 800),
            (["storm", "100", "20", "1"], 100),
        ] {
            let ended = storms.clone().probe(&act);
            assert_eq!(ended.out, format!("ready\n{total} right, 0 wrong, alarms\n"), "{ended:#?}");
        }
    }
}

#[test]
fn stops_and_continuations_come_between_and_nothing_is_lost() {
    for entry in ENTRIES {
        let running = with_action(entry, "trap").with(&["init"]).spawn(bins::probe(), &["storm", "4000", "0"]);
        assert_eq!(running.line(), "ready");
        let target = outside::children(helper(running.pid(), "sbx-init"))[0];
        for _ in 0..200 {
            // Ignored: it may have ended.
            let _ = kill(Pid::from_raw(target), Signal::SIGSTOP);
            std::thread::sleep(Duration::from_micros(300));
            let _ = kill(Pid::from_raw(target), Signal::SIGCONT);
            std::thread::sleep(Duration::from_micros(300));
        }
        // Whoever supervises it stops with it, as often.
        let mut running = running;
        assert!(outside::within(Duration::from_secs(20), || {
            running.signal(Signal::SIGCONT);
            !running.is_running()
        }));
        let ended = running.wait();
        assert_eq!(ended.out, "4000 right, 0 wrong, no alarm\n", "{ended:#?}");
    }
}

#[test]
fn a_signal_that_the_kernel_insists_on_is_no_handlers() {
    for entry in ENTRIES {
        for settings in [&[][..], &["init"]] {
            let ended = with_action(entry, "trap").with(settings).probe(&["blocked", "ptrace:16:1"]);
            assert_eq!((ended.signal(), ended.out.as_str()), (SYSSIG, ""), "{ended:#?}");
            named(entry, &ended, "killed by SIGSYS");
        }
    }
    // To pid 1 the kernel does not insist while it is traced.
    let ended = traced(&with_action(Entry::Preload, "trap").with(&["init"]), &[]).probe(&["blocked", "ptrace:16:1"]);
    assert_eq!(ended.code(), Some(128 + libc::SIGSYS));
}

/// A process of that name, started by `parent`.
#[track_caller]
fn helper(parent: i32, name: &str) -> i32 {
    let mut found = None;
    assert!(outside::within(Duration::from_secs(5), || {
        let is_it = |&pid: &i32| outside::status(pid, "Name").as_deref() == Some(name);
        found = outside::children(parent).into_iter().find(is_it);
        found.is_some()
    }));
    found.unwrap()
}

#[test]
fn who_looks_can_die_and_no_more_is_let_through() {
    for entry in ENTRIES {
        for action in ACTIONS {
            let act = ["when-told", "ptrace:16:1", "getpid"];
            let mut running = with_action(entry, action).spawn(bins::probe(), &act);
            assert_eq!(running.line(), "ready");
            kill(Pid::from_raw(helper(running.pid(), "sbx-observer")), Signal::SIGKILL).unwrap();
            std::thread::sleep(Duration::from_millis(100));
            drop(running.stdin.take());
            let ended = running.wait();
            assert_eq!((ended.code(), ended.out.as_str()), (Some(0), "ENOSYS\nok\n"), "{action}: {ended:#?}");
        }
    }
}

#[test]
fn without_its_tracer_the_observer_kills_as_it_can() {
    for (action, act) in [("kill", "calls"), ("kill-thread", "calls"), ("trap", "calls"), ("trap", "handled")] {
        let sandbox = with_action(Entry::Launch, action);
        let act: &[&str] = if act == "calls" { &["when-told", "ptrace:16:1"] } else { &["storm-when-told"] };
        let mut running = sandbox.spawn(bins::probe(), act);
        assert_eq!(running.line(), "ready");
        let observer = helper(running.pid(), "sbx-observer");
        kill(Pid::from_raw(helper(observer, "sbx-tracer")), Signal::SIGKILL).unwrap();
        drop(running.stdin.take());
        let ended = running.wait();
        if act.len() == 1 {
            // It cannot be told, and the call is not made.
            assert_eq!(ended.out, "ENOSYS\n", "{ended:#?}");
        } else {
            assert_eq!((ended.signal(), ended.out.as_str()), (SYSSIG, ""), "{action}: {ended:#?}");
            named(Entry::Launch, &ended, "killed by SIGSYS");
        }
    }
}

#[test]
fn killed_in_the_middle_nobody_is_let_through() {
    // Whoever holds the thread dies at some moment of the hundreds: the program either dies too, or is refused.
    for entry in ENTRIES {
        for delay in [0, 50, 100, 200, 400, 800] {
            let mut running =
                with_action(entry, "kill-thread").spawn(bins::probe(), &["when-told", "ptrace:16:1", "getpid"]);
            assert_eq!(running.line(), "ready");
            let observer = helper(running.pid(), "sbx-observer");
            let holder = if entry == Entry::Launch { helper(observer, "sbx-tracer") } else { observer };
            drop(running.stdin.take());
            std::thread::sleep(Duration::from_micros(delay));
            let _ = kill(Pid::from_raw(holder), Signal::SIGKILL);
            let ended = running.wait();
            let met = (ended.signal(), ended.code(), ended.out.as_str());
            assert!(
                matches!(met, (Some(libc::SIGSYS | libc::SIGKILL), _, "") | (None, Some(0), "ENOSYS\nok\n")),
                "{delay}: {ended:#?}"
            );
        }
    }
}

#[test]
fn who_holds_threads_has_nothing_else() {
    for entry in ENTRIES {
        let running = with_action(entry, "kill").spawn(bins::probe(), &["sleep", "20000"]);
        assert_eq!(running.line(), "ready");
        let observer = helper(running.pid(), "sbx-observer");
        let holder = if entry == Entry::Launch { helper(observer, "sbx-tracer") } else { observer };
        for pid in [observer, holder] {
            let of = |key| outside::status(pid, key).unwrap();
            assert_eq!((of("NoNewPrivs").as_str(), of("Seccomp").as_str()), ("1", "2"));
            assert_eq!((of("CapPrm").as_str(), of("CapEff").as_str()), ("0000000000000000", "0000000000000000"));
        }
        if nix::unistd::geteuid().is_root() {
            let count = |pid: i32| std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
            // Standard error, the way to outer, what it is asked on; and, of two, the way to each other.
            let counts = if entry == Entry::Launch { (4, 1) } else { (3, 3) };
            assert_eq!((count(observer), count(holder)), counts);
            for pid in [observer, holder] {
                assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap().to_str(), Some("/"));
            }
        } else {
            // Whose memory is whose own: another process of the same user may not look at it.
            for (pid, may) in [(observer, false), (holder, false), (std::process::id().cast_signed(), true)] {
                assert_eq!(std::fs::read_dir(format!("/proc/{pid}/fd")).is_ok(), may);
            }
        }
    }
}

#[test]
fn who_holds_threads_ends_with_whom_it_holds_them_for() {
    let running = with_action(Entry::Launch, "kill").spawn(bins::probe(), &["sleep", "60000"]);
    assert_eq!(running.line(), "ready");
    let observer = helper(running.pid(), "sbx-observer");
    let tracer = Pid::from_raw(helper(observer, "sbx-tracer"));
    // Stopped, it does not hear that nobody is left to ask for anything. Nor is it continued as one of an orphaned group
    // before the program ends, setpgid(2).
    kill(tracer, Signal::SIGSTOP).unwrap();
    kill(Pid::from_raw(observer), Signal::SIGKILL).unwrap();
    let lives = || outside::status(tracer.as_raw(), "State").is_some_and(|state| !state.starts_with('Z'));
    assert!(outside::within(Duration::from_secs(20), || !lives()));
}

#[test]
fn nobody_is_there_for_policies_that_do_not_end_in_sigsys() {
    for settings in [&[][..], &["profile=strict"], &["seccomp-action=errno"], &["seccomp=none"]] {
        let running = Sandbox::new(Entry::Preload).with(settings).spawn(bins::probe(), &["sleep", "20000"]);
        assert_eq!(running.line(), "ready");
        assert_eq!(outside::children(running.pid()).len(), 1, "{settings:?}");
    }
    let running = Sandbox::new(Entry::Preload).with(&["seccomp=toaster"]).spawn(bins::probe(), &["sleep", "20000"]);
    assert_eq!(running.line(), "ready");
    assert_eq!(outside::children(running.pid()).len(), 2);
}

#[test]
fn what_is_not_left_behind_is_waited_for() {
    for entry in ENTRIES {
        for settings in [&[][..], &["init"]] {
            let ended = with_action(entry, "kill").with(settings).after_shell("exec 3>&2").probe(&["exit", "3"]);
            assert_eq!((ended.code(), ended.err.as_str()), (Some(3), ""));
        }
    }
}

#[test]
fn what_is_said_goes_where_all_else_goes() {
    let dir = crate::support::TempDir::new();
    let log = dir.join("log");
    let sandbox = with_action(Entry::Preload, "kill").set("log-file", &log);
    let ended = sandbox.probe(&["calls", "ptrace:16:1"]);
    assert_eq!((ended.signal(), ended.err.as_str()), (SYSSIG, ""));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "sbx: refused: ptrace [101]: killed by SIGSYS; by probe\n");
}

#[test]
fn what_is_traced_already_is_left_to_the_kernel_and_cannot_be_explained() {
    need!("userns");
    for action in ACTIONS {
        for entry in ENTRIES {
            // A signal without a handler is none to pid 1 while it is traced.
            let ended =
                traced(&with_action(entry, action).with(&["init"]), &[]).probe(&["calls", "getpid", "ptrace:16:1"]);
            assert_eq!((ended.code(), ended.out.as_str()), (Some(128 + libc::SIGSYS), "ok\n"), "{action}");
            assert!(ended.err.starts_with("sbx: killed by SIGSYS: its own signal, or "), "{ended:#?}");
        }
        let explained = traced(&with_action(Entry::Launch, action).with(&["explain"]), &[]);
        explained.probe(&["exit", "0"]).refused_saying(&["sbx: observer: ptrace", "(EPERM)", "hint: "]);
    }
    // A policy without these calls can be explained all the same.
    let explained = traced(&Sandbox::new(Entry::Launch).with(&["explain"]), &[]).probe(&["calls", "ptrace:16:1"]);
    assert!(explained.err.contains("ptrace(PTRACE_ATTACH, 1, 0, 0) [101]: EPERM"), "{explained:#?}");
}

#[test]
fn a_call_that_is_killed_for_its_last_argument_is() {
    // The observer's words would stand in just this register when the call is made once more.
    let dir = TempDir::new();
    let policy = "POLICY p { KILL { getpid(a, b, c, d, e, f) { f == 7 } } } USE p DEFAULT ALLOW";
    let sandbox = Sandbox::new(Entry::Launch).set("seccomp", dir.file("last.kafel", policy));
    let ended = sandbox.clone().probe(&["calls", "getpid:0:0:0:0:0:7", "getpid"]);
    assert_eq!((ended.signal(), ended.out.as_str()), (SYSSIG, ""), "{ended:#?}");
    assert!(ended.err.starts_with("sbx: refused: getpid() [39]: killed by SIGSYS; "), "{ended:#?}");
    assert_eq!(sandbox.probe(&["calls", "getpid:0:0:0:0:0:8"]).ok(), "ok", "the control");
}

#[test]
fn a_call_by_the_vsyscall_page_ends_as_any_other() {
    need!("vsyscall");
    for entry in ENTRIES {
        for action in ACTIONS {
            let ended = with_action(entry, action).with(&["seccomp-deny=time"]).probe(&["attack", "vsyscall"]);
            assert_eq!((ended.signal(), ended.out.as_str()), (SYSSIG, ""), "{action}: {ended:#?}");
            assert!(ended.err.contains("[201]: killed by SIGSYS"), "{ended:#?}");
        }
        assert_eq!(with_action(entry, "kill").probe(&["attack", "vsyscall"]).ok(), "the time", "the control");
    }
}

#[test]
fn a_program_can_sentence_itself_and_nothing_else() {
    for entry in ENTRIES {
        // What the filter would have asked about, with the words of the observer in its last register.
        let last = |said: u64| format!("ptrace:16:1:0:0:0:{:#x}", 0x7362_7821_u64 << 32 | said);
        for allow in [0x7fff_0000_u64, 0x0005_0000, 0x7ffc_0000, 0x7fc0_0000] {
            let ended = with_action(entry, "kill").probe(&["calls", &last(allow), "getpid"]);
            assert_eq!((ended.signal(), ended.out.as_str()), (SYSSIG, ""), "{allow:x}");
        }
        let ended = with_action(entry, "kill").probe(&["calls", &last(0x8000_0000)]);
        assert_eq!((ended.signal(), ended.err.as_str()), (SYSSIG, ""), "the kernel kills in silence");
        assert_eq!(
            with_action(entry, "kill").probe(&["calls", &last(0x8000_0000).replace("ptrace", "getpid")]).ok(),
            "ok"
        );
    }
}
