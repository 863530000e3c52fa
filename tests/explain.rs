//! What was refused is said, and nothing else changes: not what is refused, not how it ends.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::need;
use crate::support::sandbox::clean_env;
use crate::support::traced::calls;
use crate::support::{EVERY, Ended, Entry, Sandbox, TempDir, bins, outside};

const SYSSIG: i32 = libc::SIGSYS;

fn plain() -> Sandbox {
    Sandbox::new(Entry::Launch)
}

fn explained() -> Sandbox {
    plain().with(&["explain"])
}

/// The lines that say what was refused; there are no others.
#[track_caller]
fn refusals(ended: &Ended) -> Vec<&str> {
    let lines: Vec<_> = ended.err.lines().collect();
    assert!(lines.iter().all(|line| line.starts_with("sbx: refused: ")), "{ended:#?}");
    lines
}

/// The only one.
#[track_caller]
fn refusal(ended: &Ended) -> &str {
    match refusals(ended)[..] {
        [line] => line,
        _ => panic!("not one line: {ended:#?}"),
    }
}

#[test]
fn nothing_but_standard_error_differs_from_a_run_that_is_not_explained() {
    let acts: [&[&str]; 5] = [
        &["calls", "ptrace:99:1", "unshare:0", "socket:17:3:0", "clone3:far:0", "x32.getpid", "getpid", "9999"],
        &["spawn", "calls", "mount:0:far:0:0:0"],
        &["exit", "3"],
        &["fault"],
        &["copy"],
    ];
    for settings in
        [&[][..], &["init"], &["no-exec", "no-new-code", "net=filter"], &["allow-new-privs"], &["profile=strict"]]
    {
        for act in acts {
            if act[0] == "spawn" && !settings.is_empty() && settings != ["init"] {
                continue;
            }
            let silent = plain().with(settings).input("x").probe(act);
            let told = explained().with(settings).input("x").probe(act);
            assert_eq!((told.status, &told.out), (silent.status, &silent.out), "{settings:?} {act:?}: {told:#?}");
            assert!(!silent.err.contains("refused"), "{silent:#?}");
            refusals(&told);
        }
    }
}

#[test]
fn a_refused_call_is_told_with_its_arguments_its_function_its_rule_and_its_remedy() {
    let ended = explained().probe(&["calls", "socket:17:3:0", "socket:17:3:0"]);
    let line = refusal(&ended);
    for part in [
        "socket(AF_PACKET, SOCK_RAW, 0) [41]: EAFNOSUPPORT, 2 times; ",
        "libc.so.6 (syscall+0x",
        " in probe; ",
        "filter default: of the families few",
        "to allow it: seccomp-allow = [\"socket\"]",
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    // The remedy is one: what then refuses is the kernel.
    let allowed = explained().with(&["seccomp-allow=socket"]).probe(&["calls", "socket:17:3:0"]);
    assert_eq!(allowed.ok(), "EPERM");
}

#[test]
fn paths_are_told_as_the_program_gave_them() {
    let ended = explained().probe(&["calls", "mount:s=/a\nb:s=/mnt:s=tmpfs:0:0", "chroot:far"]);
    let lines = refusals(&ended);
    assert!(lines[0].contains("mount(\"/a\\nb\", \"/mnt\", \"tmpfs\", 0, NULL)"), "{lines:?}");
    assert!(lines[1].contains("chroot(0x8)"), "{lines:?}");
}

#[test]
fn the_setting_that_refuses_is_named() {
    for (settings, call, by) in [
        (&["no-exec"][..], "execve:far:0:0", "; no-exec; to allow it: no-exec = false"),
        (&["no-new-code"], "mprotect:0:4096:5", "; no-new-code; to allow it: no-new-code = false"),
        (&["net=filter"], "socket:1:1:0", "; net = \"filter\"; to allow it: net = \"none\""),
        (&["seccomp-deny=getppid"], "getppid", "; seccomp-deny; to allow it: getppid not in seccomp-deny"),
        (
            &["seccomp=strict"],
            "sync",
            "; filter strict, which does not name it; to allow it: seccomp-allow = [\"sync\"]",
        ),
        (&[], "9999", "; every filter: numbers unknown to this build"),
        (&[], "x32.getpid", "; every filter: x32 calls"),
    ] {
        let ended = explained().with(settings).probe(&["calls", call]);
        let line = refusal(&ended);
        assert!(line.ends_with(by), "{settings:?}: {line}");
        assert_eq!(plain().with(settings).probe(&["calls", call]).err, "", "{settings:?}");
    }
}

#[test]
fn what_children_and_threads_are_refused_is_told() {
    for act in [&["spawn", "spawn", "calls", "ptrace:99:1"][..], &["threaded", "ptrace:99:1"]] {
        for settings in [&[][..], &["init"]] {
            let ended = explained().with(settings).probe(act);
            let lines = refusals(&ended);
            assert!(
                lines.iter().any(|line| line.contains("ptrace(0x63, 1, 0, 0) [101]: EPERM")),
                "{act:?}: {ended:#?}"
            );
        }
    }
}

#[test]
fn a_call_that_kills_is_told_without_being_asked() {
    for settings in [&[][..], &["init"], &["share=ipc"]] {
        let kills = |entry| Sandbox::new(entry).with(settings).with(&["seccomp-action=kill"]);
        let told = kills(Entry::Launch).probe(&["calls", "getpid", "ptrace:16:1", "getpid"]);
        assert_eq!((told.signal(), told.out.as_str()), (Some(SYSSIG), "ok\n"), "{told:#?}");
        assert!(
            refusal(&told).contains("ptrace(PTRACE_ATTACH, 1, 0, 0) [101]: killed by SIGSYS; by libc.so.6 (syscall+")
        );
        // The library alone names it.
        let bare = kills(Entry::Preload).probe(&["calls", "getpid", "ptrace:16:1", "getpid"]);
        assert_eq!((bare.signal(), bare.out.as_str()), (Some(SYSSIG), "ok\n"), "{bare:#?}");
        assert_eq!(bare.err, "sbx: refused: ptrace [101]: killed by SIGSYS; by probe\n");
    }
    // What does not exist is not fatal, and not told.
    assert_eq!(plain().with(&["seccomp-action=kill"]).probe(&["calls", "clone3:far:0"]).ok(), "ENOSYS");
}

#[test]
fn a_child_that_is_killed_dies_of_the_signal_that_the_kernel_would_have_sent() {
    let kills = |entry| Sandbox::new(entry).with(&["seccomp-action=kill"]);
    let told = kills(Entry::Launch).probe(&["spawn", "calls", "ptrace:16:1"]);
    let silent = kills(Entry::Preload).probe(&["spawn", "calls", "ptrace:16:1"]);
    assert_eq!((told.status, &told.out), (silent.status, &silent.out), "{told:#?}");
    assert!(told.out.contains("signal: 31"), "{told:#?}");
    assert!(refusal(&told).contains("killed by SIGSYS"));
}

#[test]
fn a_foreign_architecture_is_told_where_nobody_is_asked_about_calls() {
    for entry in EVERY {
        for settings in [&[][..], &["init"], &["seccomp=none"]] {
            let told = Sandbox::new(entry).with(settings).probe(&["calls", "int80"]);
            assert_eq!((told.signal(), &*told.out), (Some(SYSSIG), ""), "{told:#?}");
            assert_eq!(told.err.lines().count(), 1, "{told:#?}");
            assert!(told.err.starts_with("sbx: killed by SIGSYS: ") && told.err.contains("another architecture"));
        }
        // The controls: another signal, and an end of its own.
        let kill = Sandbox::new(entry).with(&["init"]).run("/bin/sh", &["-c", "kill -SEGV $$"]);
        assert_eq!((kill.signal(), &*kill.err), (Some(libc::SIGSEGV), ""), "{kill:#?}");
        assert_eq!(Sandbox::new(entry).probe(&["calls", "getpid"]).err, "");
    }
    let asked = plain().with(&["explain"]).probe(&["calls", "int80"]);
    assert!(refusal(&asked).contains("architecture 0x40000003") && !asked.err.contains("its own signal"), "{asked:#?}");
}

#[test]
fn a_foreign_architecture_is_told_where_the_policy_kills() {
    let told = plain().with(&["seccomp-action=kill"]).probe(&["calls", "int80"]);
    assert_eq!(told.signal(), Some(SYSSIG), "{told:#?}");
    assert!(refusal(&told).contains("call 20 of architecture 0x40000003: killed by SIGSYS"), "{told:#?}");
}

#[test]
fn the_status_says_that_the_filter_has_killed() {
    let told = plain().with(&["seccomp-action=kill", "status-fd=2"]).probe(&["calls", "ptrace:16:1"]);
    let last = told.err.lines().last().unwrap_or_default();
    assert!(last.contains("\"killed-by\":\"filter\"") && last.contains("\"exitsig\":31"), "{told:#?}");
    assert!(!told.err.contains("\"fds\":[0,1,2,"), "a descriptor of ours is told as the program's: {told:#?}");
}

#[test]
fn trap_and_kill_thread_end_as_the_kernel_ends_them() {
    for action in ["trap", "kill-thread"] {
        let setting = format!("seccomp-action={action}");
        for act in [&["calls", "ptrace:16:1", "getpid"][..], &["threaded", "ptrace:16:1"], &["calls", "clone3:far:0"]] {
            let told =
                explained().with(&[&setting]).timeout(Duration::from_secs(10)).probe(&["spawn", "calls", "getpid"]);
            assert_eq!(told.out, "ok\n");
            if act[0] == "threaded" && action == "kill-thread" {
                // Whoever waits for a thread that was killed waits for ever.
                continue;
            }
            let (told, silent) = (explained().with(&[&setting]).probe(act), plain().with(&[&setting]).probe(act));
            assert_eq!((told.status, &told.out), (silent.status, &silent.out), "{setting} {act:?}: {told:#?}");
        }
    }
}

#[test]
fn what_is_only_logged_is_let_through_and_told() {
    let logs = plain().with(&["seccomp-action=log"]);
    // EFAULT is the kernel's own, behind the filter.
    let ended = logs.probe(&["calls", "mount:0:far:0:0:0", "getpid"]);
    assert_eq!(ended.out, "EFAULT\nok\n", "{ended:#?}");
    let line = refusal(&ended);
    assert!(
        line.contains("mount(NULL, 0x8, NULL, 0, NULL) [165]: let through") && line.contains("filter default: changes")
    );
    // Asked for by name, a restriction refuses all the same, and is told.
    let ended = logs.with(&["no-exec"]).probe(&["calls", "execve:far:0:0"]);
    assert_eq!(ended.out, "EPERM\n");
    assert!(refusal(&ended).contains(": EPERM; "), "{ended:#?}");
    assert_eq!(plain().probe(&["calls", "mount:0:far:0:0:0"]).ok(), "EPERM");
}

#[test]
fn a_hundred_thousand_refused_calls_cost_a_line() {
    let ended = explained().timeout(Duration::from_secs(120)).probe(&["calls", "100000*ptrace:99:1"]);
    assert_eq!(ended.out, "EPERM\n");
    assert!(refusal(&ended).contains("EPERM, 100000 times; "), "{ended:#?}");
}

#[test]
fn refused_calls_that_all_differ_are_counted_from_some_point_on() {
    let many: Vec<_> = (0..300).map(|n| format!("ptrace:99:{n}")).collect();
    let act: Vec<&str> = ["calls"].into_iter().chain(many.iter().map(String::as_str)).collect();
    let ended = explained().probe(&act);
    let lines = refusals(&ended);
    assert_eq!(lines.len(), 51, "{ended:#?}");
    assert_eq!(lines[50], "sbx: refused: 250 more, not told one by one");
}

#[track_caller]
fn observer_of(outer: i32) -> i32 {
    let mut found = None;
    assert!(outside::within(Duration::from_secs(5), || {
        found = outside::children(outer)
            .into_iter()
            .find(|&pid| outside::status(pid, "Name").as_deref() == Some("sbx-observer"));
        found.is_some()
    }));
    found.unwrap()
}

#[test]
fn without_its_observer_the_filter_lets_no_more_through() {
    let mut running = explained().spawn(bins::probe(), &["when-told", "ptrace:99:1", "getpid", "unshare:0"]);
    assert_eq!(running.line(), "ready");
    kill(Pid::from_raw(observer_of(running.pid())), Signal::SIGKILL).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    drop(running.stdin.take());
    let ended = running.wait();
    assert_eq!((ended.code(), ended.out.as_str(), ended.err.as_str()), (Some(0), "ENOSYS\nok\nENOSYS\n", ""));
}

#[test]
fn what_is_left_running_is_still_answered() {
    let dir = TempDir::new();
    let (go, said) = (dir.join("go"), dir.join("said"));
    let script = r#"exec </dev/null >/dev/null 2>&1
        (for n in $(seq 1500); do test -e "$1" && break; sleep 0.02; done; "$0" calls ptrace:99:1 >"$2".new; mv "$2".new "$2") &"#;
    let ended = explained()
        .with(&["share=pid"])
        .set("bind", &*dir)
        .set("bind-ro", bins::probe())
        .run("/bin/sh", &["-c".as_ref(), script.as_ref(), bins::probe().as_os_str(), go.as_os_str(), said.as_os_str()]);
    assert_eq!(ended.ok(), "");
    fs::write(go, "").unwrap();
    assert!(outside::within(Duration::from_secs(20), || said.exists()));
    // Not what the kernel answers where nobody is left to ask.
    assert_eq!(fs::read_to_string(said).unwrap(), "EPERM\n");
}

#[test]
fn a_signal_to_the_whole_group_leaves_time_to_tell() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let running = explained().spawn(bins::probe(), &["calls", "ptrace:99:1", "pause"]);
        assert_eq!(running.line(), "EPERM");
        nix::sys::signal::killpg(Pid::from_raw(running.pid()), signal).unwrap();
        let ended = running.wait();
        assert_eq!(ended.signal(), Some(signal as i32), "{ended:#?}");
        assert!(ended.err.contains("ptrace(0x63, 1, 0, 0)"), "{ended:#?}");
    }
}

#[test]
fn the_observer_has_nothing_and_may_nothing() {
    let running = explained().spawn(bins::probe(), &["sleep", "20000"]);
    assert_eq!(running.line(), "ready");
    let observer = observer_of(running.pid());
    let of = |key| outside::status(observer, key).unwrap();
    assert_eq!((of("NoNewPrivs").as_str(), of("Seccomp").as_str()), ("1", "2"));
    // One for its beginning and, as the program runs, one without what was needed only then.
    let filters = |pid: i32| outside::status(pid, "Seccomp_filters").unwrap().parse::<u32>().unwrap();
    assert_eq!(filters(observer), filters(std::process::id().cast_signed()) + 2);
    assert_eq!((of("CapPrm").as_str(), of("CapEff").as_str()), ("0000000000000000", "0000000000000000"));
    if nix::unistd::geteuid().is_root() {
        // Standard error, the way to outer, and what it is asked on.
        assert_eq!(fs::read_dir(format!("/proc/{observer}/fd")).unwrap().count(), 3);
        assert_eq!(fs::read_link(format!("/proc/{observer}/cwd")).unwrap().to_str(), Some("/"));
    }
}

#[test]
fn nothing_of_the_observer_is_left_or_held_inside() {
    let inside = |sandbox: Sandbox| sandbox.report();
    let (silent, told) = (inside(plain()), inside(explained()));
    for key in ["fd", "env", "arg"] {
        assert_eq!(told.all(key), silent.all(key), "{key}");
    }
}

#[test]
fn the_observer_takes_no_descriptor_that_the_program_would_have() {
    for closed in ["exec <&-", "exec <&- 2>&-"] {
        let fds = |sandbox: Sandbox| sandbox.after_shell(closed).report().all("fd").join(" ");
        assert_eq!(fds(explained()), fds(plain()), "{closed}");
    }
    // Only with all three free is one left when the way to it is made: the library and the program are open before.
    for sandbox in [explained(), plain()] {
        assert_eq!(sandbox.after_shell("exec <&- >&- 2>&-").probe(&["exit", "3"]).code(), Some(3));
    }
}

#[test]
fn without_something_to_observe_nobody_does() {
    let (_, clean) = calls(&plain(), &["exit", "0"]);
    assert!(clean.status.success());
    let running = plain().spawn(bins::probe(), &["sleep", "20000"]);
    assert_eq!(running.line(), "ready");
    // Once who watched the start has been waited for.
    outside::inner(running.pid());
}

#[test]
fn the_plan_says_who_is_asked() {
    let plan = |words: &[&str]| {
        let mut command = std::process::Command::new(bins::launcher());
        String::from_utf8(clean_env(&mut command).args(words).arg("--print-plan").output().unwrap().stdout).unwrap()
    };
    assert!(plan(&["--explain"]).contains("observer        asked about calls that are refused\n"));
    assert!(plan(&["--seccomp-action=kill"]).contains("observer        asked about calls that kill\n"));
    assert!(!plan(&[]).contains("observer"));
    let unfit = plan(&["--seccomp-action=kill", "--seccomp-deny=read"]);
    assert!(unfit.contains("observer        none: policy: "), "{unfit}");
}

#[test]
fn what_cannot_be_explained_is_refused_before_main() {
    need!("userns");
    for settings in [&["observe=all"][..], &["observer-fd=9"]] {
        plain().with(settings).probe(&["exit", "0"]).refused_saying(&["sbx: policy: "]);
    }
    for settings in [&["observe=refusals"][..], &["observer-fd=9"], &["observe=kills", "observer-fd=1"]] {
        Sandbox::new(Entry::Preload).with(settings).probe(&["exit", "0"]).refused_saying(&["sbx: policy: observe"]);
    }
    let sandbox = Sandbox::new(Entry::Preload).with(&["observe=refusals", "observer-fd=9"]);
    sandbox.probe(&["exit", "0"]).refused_saying(&["sbx: observer: fstat fd 9: ", "(EBADF)"]);
    sandbox
        .after_shell("exec 9</dev/null")
        .probe(&["exit", "0"])
        .refused_saying(&["sbx: observer: fstat fd 9: ", "(ENOTSOCK)"]);
}

#[test]
fn a_kernel_that_cannot_ask_refuses_what_was_asked_for_by_name_and_no_more() {
    for call in ["pidfd_getfd", "pidfd_open"] {
        let fails = format!("{call}:ENOSYS");
        let old = |sandbox: Sandbox| crate::support::traced::traced(&sandbox, &["--fail-all", &fails]);
        old(explained()).probe(&["exit", "0"]).refused_saying(&["sbx: observer: ", call, "(ENOSYS)", "hint: "]);
        // The kernel kills by itself, and nobody knows for what.
        let ended = old(plain().with(&["seccomp-action=kill"])).probe(&["calls", "getpid", "ptrace:16:1"]);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(128 + SYSSIG), "ok\n"), "{call}");
        assert!(ended.err.starts_with("sbx: killed by SIGSYS: ") && ended.err.contains("that the filter kills"));
    }
}
