//! Where no namespace can be made: Landlock, the filter, limits and the rest hold without.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::need;
use crate::support::outside::within;
use crate::support::{ENTRIES, Ended, Entry, Sandbox, TempDir, bins};

const ALL: &str = "share=user,mount,pid,net,ipc,uts,cgroup,time";

/// The whole mode: a directory to write to, and what programs need to be executed.
fn sandbox(entry: Entry, dir: &TempDir) -> Sandbox {
    let settings = [ALL, "net=filter", "landlock-rx=/", "landlock-rw=/dev/null", "landlock-scope=signal", "init"];
    Sandbox::new(entry).with(&settings).set("landlock-rw", dir.to_str().unwrap()).cwd(dir)
}

/// Grows in a file for as long as a process of the sandbox lives.
fn still_ticks(file: &Path) -> bool {
    let size = || file.metadata().map_or(0, |found| found.len());
    let before = size();
    within(Duration::from_millis(500), || size() != before)
}

/// The program starts two ticking processes, one an orphan in a session of its own, and then does this.
fn ticking(then: &str) -> [String; 2] {
    let tick = |name: &str| format!("setsid {} tick {name} 10 >/dev/null 2>&1 </dev/null &", bins::probe().display());
    let script =
        format!("( {} ) ; {} while ! [ -s a ] || ! [ -s b ]; do sleep 0.01; done; {then}", tick("a"), tick("b"));
    ["-c".into(), script]
}

#[track_caller]
fn nobody_is_left(dir: &TempDir) {
    for name in ["a", "b"] {
        assert!(dir.join(name).metadata().is_ok_and(|found| found.len() > 0), "{name} never ran");
        assert!(!still_ticks(&dir.join(name)), "{name} is left");
    }
}

#[test]
fn what_holds_without_namespaces_holds() {
    need!("landlock-scopes");
    for entry in ENTRIES {
        let dir = TempDir::new();
        let elsewhere = TempDir::new();
        let inside = sandbox(entry, &dir).report();
        assert_eq!((inside.one("no_new_privs"), inside.one("seccomp")), ("1", "2"));
        assert_eq!(inside.one("status.CapEff"), "0000000000000000");
        assert_eq!(inside.all("fd"), ["0", "1", "2"]);
        let ask = |act: &[&str]| sandbox(entry, &dir).probe(act).ok().to_owned();
        assert_eq!(ask(&["file", "create", "made"]), "ok");
        std::fs::remove_file(dir.join("made")).unwrap();
        assert_eq!(ask(&["file", "create", elsewhere.join("new").to_str().unwrap()]), "EACCES");
        let connect = ["net", "connect", "127.0.0.1:9"];
        assert_eq!(ask(&connect), "EAFNOSUPPORT");
        assert_eq!(Sandbox::new(entry).with(&[ALL]).probe(&connect).ok(), "ECONNREFUSED", "the control");
        assert_eq!(ask(&["kill", &std::process::id().to_string(), "0"]), "EPERM");
        // Nothing of /proc but what is listed.
        let narrow = Sandbox::new(entry).with(&[ALL, "landlock-rx=/usr"]);
        assert_eq!(narrow.probe(&["file", "list", "/proc"]).ok(), "EACCES");
        assert_eq!(narrow.probe(&["file", "cat", "/proc/self/status"]).ok(), "EACCES");
    }
}

#[test]
fn other_processes_of_the_user_cannot_be_looked_into() {
    // Root's tests have capabilities, and so keep the program out by themselves.
    need!("landlock", "user");
    for entry in ENTRIES {
        let memory = format!("/proc/{}/mem", std::process::id());
        let ask = |settings: &[&str]| Sandbox::new(entry).with(settings).probe(&["file", "open-write", &memory]);
        assert_eq!(ask(&[ALL, "landlock-rw=/"]).ok(), "EACCES");
        // Yama may hold it too.
        let yama = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").is_ok_and(|scope| scope.trim() != "0");
        if !yama {
            assert_eq!(ask(&[ALL]).ok(), "ok", "the control");
        }
    }
}

#[test]
fn what_the_program_leaves_running_ends_with_it() {
    need!("landlock-scopes", "setsid");
    for entry in ENTRIES {
        let dir = TempDir::new();
        let ended = sandbox(entry, &dir).run("/bin/sh", &ticking("exit 5"));
        assert_eq!(ended.code(), Some(5), "{ended:?}");
        nobody_is_left(&dir);
        // Without the reaper they are left: the control.
        let dir = TempDir::new();
        let alone = Sandbox::new(entry).with(&[ALL]).cwd(&dir);
        assert_eq!(alone.run("/bin/sh", &ticking("exit 5")).code(), Some(5));
        let left = still_ticks(&dir.join("a")) && still_ticks(&dir.join("b"));
        kill_those_in(&dir);
        assert!(left, "the control");
    }
}

/// Ends the control's processes: by the directory that they are in.
fn kill_those_in(dir: &TempDir) {
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let is_there = std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == **dir);
        if let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()).filter(|_| is_there) {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        }
    }
}

#[test]
fn the_time_limit_ends_all_of_them() {
    need!("landlock-scopes", "setsid");
    for entry in ENTRIES {
        for then in ["sleep 60", "trap '' TERM HUP IO; kill -9 $PPID 2>/dev/null; sleep 60", "kill -STOP $$"] {
            let dir = TempDir::new();
            let begun = Instant::now();
            let ended: Ended = sandbox(entry, &dir).set("time-limit", "1s").run("/bin/sh", &ticking(then));
            assert_eq!(ended.code(), Some(124), "{then}: {ended:?}");
            assert!(begun.elapsed() < Duration::from_secs(15));
            nobody_is_left(&dir);
        }
        let dir = TempDir::new();
        let forks = "b() { setsid sleep 20 & sleep 20; }; b & while :; do sleep 0.01 & done";
        assert_eq!(sandbox(entry, &dir).set("time-limit", "500ms").run("/bin/sh", &["-c", forks]).code(), Some(124));
    }
}

#[test]
fn all_of_them_die_with_the_supervisor() {
    need!("landlock-scopes", "setsid");
    for entry in ENTRIES {
        let dir = TempDir::new();
        let running = sandbox(entry, &dir).spawn("/bin/sh", &ticking("trap '' IO TERM HUP; echo ready; sleep 60"));
        assert_eq!(running.line(), "ready");
        assert!(still_ticks(&dir.join("a")));
        running.signal(Signal::SIGKILL);
        running.wait();
        nobody_is_left(&dir);
    }
}

#[test]
fn a_killed_reaper_takes_the_program_along() {
    need!("landlock-scopes");
    for entry in ENTRIES {
        let dir = TempDir::new();
        let running = sandbox(entry, &dir).spawn(bins::probe(), &["tick", "a", "10"]);
        assert_eq!(running.line(), "ready");
        let reaper = crate::support::outside::inner(running.pid());
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(reaper), Signal::SIGKILL).unwrap();
        assert_eq!(running.wait().signal(), Some(libc::SIGKILL));
        assert!(!still_ticks(&dir.join("a")));
    }
}

#[test]
fn exit_codes_signals_and_stops_are_those_of_the_program() {
    need!("landlock-scopes");
    for entry in ENTRIES {
        let dir = TempDir::new();
        assert_eq!(sandbox(entry, &dir).probe(&["exit", "42"]).code(), Some(42));
        let fault = sandbox(entry, &dir).after_shell("ulimit -c 0").probe(&["fault"]);
        assert_eq!(fault.signal(), Some(libc::SIGSEGV), "{fault:?}");
        let running = sandbox(entry, &dir).spawn(bins::probe(), &["sleep", "20000"]);
        assert_eq!(running.line(), "ready");
        running.signal(Signal::SIGTERM);
        assert_eq!(running.wait().signal(), Some(libc::SIGTERM));
    }
}

#[test]
fn a_time_limit_needs_a_reaper_that_is_out_of_reach() {
    for entry in ENTRIES {
        for settings in [&[][..], &["init"], &["landlock-scope=signal"]] {
            let sandbox = Sandbox::new(entry).with(&[ALL, "time-limit=1s"]).with(settings);
            sandbox.probe(&["report"]).refused_saying(&["time-limit", "pid namespace", "--landlock-scope signal"]);
        }
    }
}
