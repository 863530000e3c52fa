//! The time limit: when it has passed there is nothing left, whatever the program does about it.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::outside::{inner, status, within};
use crate::support::{EVERY, EXECUTING, Ended, Sandbox, TempDir, bins};
use crate::{cc, need};

/// Long before a program that is not stopped would end, and long after one that is should have.
const SOON: Duration = Duration::from_secs(8);

fn limited(sandbox: Sandbox) -> Sandbox {
    sandbox.set("time-limit", "300ms")
}

#[track_caller]
fn ended_in_time(run: impl FnOnce() -> Ended) -> Ended {
    let begun = Instant::now();
    let ended = run();
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(300) && took < SOON, "{took:?}: {ended:?}");
    assert_eq!((ended.code(), &*ended.err), (Some(124), ""), "{ended:?}");
    ended
}

#[test]
fn when_it_has_passed_the_exit_code_is_124() {
    for entry in EVERY {
        for settings in [&[][..], &["init"], &["new-session"], &["status-fd=2"]] {
            let sandbox = limited(Sandbox::new(entry).with(settings));
            let ended = sandbox.probe(&["sleep", "20000"]);
            assert_eq!((ended.code(), &*ended.out), (Some(124), "ready\n"), "{settings:?}: {ended:?}");
        }
    }
}

#[test]
fn a_program_that_ends_before_ends_as_without() {
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            let sandbox = Sandbox::new(entry).with(settings).set("time-limit", "1h").after_shell("ulimit -c 0");
            assert_eq!(sandbox.probe(&["exit", "7"]).code(), Some(7));
            assert_eq!(sandbox.probe(&["fault"]).signal(), Some(libc::SIGSEGV));
            assert_eq!(Sandbox::new(entry).with(settings).probe(&["sleep", "400", "9"]).code(), Some(9), "no limit");
        }
    }
}

#[test]
fn nothing_that_the_program_left_behind_outlives_it() {
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            // The grandchild has a session of its own and holds standard output: the run is over when that is closed.
            let sandbox = limited(Sandbox::new(entry).with(settings));
            let ended = ended_in_time(|| sandbox.probe(&["deaf-orphan", "20000"]));
            assert_eq!(ended.out, "orphan\n");
        }
    }
}

#[test]
fn a_program_that_ignores_signals_or_forks_without_end_is_gone() {
    for entry in EXECUTING {
        for settings in [&[][..], &["init"]] {
            let sandbox = limited(Sandbox::new(entry).with(settings));
            let deaf = "trap '' TERM INT HUP QUIT; while :; do sleep 1; done";
            ended_in_time(|| sandbox.run("/bin/sh", &["-c", deaf]));
            let bred =
                "b() { b2 & b2 & sleep 9; }; b2() { setsid sleep 20 & sleep 20; }; b & while :; do sleep 0.01 & done";
            ended_in_time(|| sandbox.run("/bin/sh", &["-c", bred]));
        }
    }
}

#[test]
fn a_program_that_is_stopped_is_gone_although_its_supervisor_stops_with_it() {
    for entry in EVERY {
        // Pid 1 cannot stop itself; pid 2 can.
        let sandbox = limited(Sandbox::new(entry).set("init", "true"));
        ended_in_time(|| sandbox.run("/bin/sh", &["-c", "kill -STOP $$; sleep 20"]));
        for signal in [Signal::SIGTSTP, Signal::SIGSTOP] {
            for settings in [&[][..], &["init"]] {
                let sandbox = Sandbox::new(entry).with(settings).set("time-limit", "1s");
                let running = sandbox.spawn(bins::probe(), &["sleep", "20000"]);
                assert_eq!(running.line(), "ready");
                running.signal(signal);
                let stopped = || status(running.pid(), "State").is_some_and(|state| state.starts_with('T'));
                assert!(within(Duration::from_secs(1), stopped), "{signal}, {settings:?}: the control");
                assert_eq!(running.wait().code(), Some(124), "{signal}, {settings:?}");
            }
        }
    }
}

#[test]
fn a_supervisor_that_is_stopped_again_and_again_comes_to_it() {
    for entry in EVERY {
        let mut running = Sandbox::new(entry).set("time-limit", "500ms").spawn(bins::probe(), &["sleep", "20000"]);
        assert_eq!(running.line(), "ready");
        let begun = Instant::now();
        // A stop signal takes a SIGCONT away that has come and is not taken yet.
        while begun.elapsed() < Duration::from_millis(700) && running.is_running() {
            running.signal(Signal::SIGSTOP);
        }
        assert_eq!(running.wait().code(), Some(124));
    }
}

#[test]
fn a_handler_of_the_programs_is_not_asked() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "signals");
    for entry in EVERY {
        for signal in ["15", "18", "14"] {
            let ended = limited(Sandbox::new(entry)).run(&program, &["tell", signal]);
            assert_eq!((ended.code(), &*ended.out), (Some(124), "ready\n"), "{signal}: {ended:?}");
        }
    }
}

#[test]
fn it_leaves_no_process_and_the_programs_timers_are_its_own() {
    for entry in EVERY {
        let running = Sandbox::new(entry).set("time-limit", "1s").spawn(bins::probe(), &["sleep", "20000"]);
        assert_eq!(running.line(), "ready");
        let inside = inner(running.pid());
        let timers = fs::read_to_string(format!("/proc/{inside}/timers"));
        assert!(timers.is_ok_and(|timers| timers.is_empty()), "a timer of ours is the program's");
        assert_eq!(running.wait().code(), Some(124));
        assert!(!std::path::Path::new(&format!("/proc/{inside}")).exists(), "{inside} is there");
    }
}

#[test]
fn a_limit_that_cannot_be_meant_or_kept_is_refused() {
    for entry in EVERY {
        for (limit, settings, word) in [
            ("0", &[][..], "time-limit"),
            ("0s", &["init"], "time-limit"),
            ("10000000000000000000", &[], "time-limit"),
            ("5", &["share=pid"], "pid namespace"),
            ("5", &["no-die-with-parent"], "supervisor"),
        ] {
            Sandbox::new(entry).set("time-limit", limit).with(settings).probe(&["report"]).refused_saying(&[word]);
        }
        for bad in ["", "x", "-1", "1d", "1.2.3"] {
            Sandbox::new(entry).set("time-limit", bad).probe(&["report"]).refused(125);
        }
    }
}
