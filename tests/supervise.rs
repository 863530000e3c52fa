//! The process that stays outside: it passes on signals and ends as the program does, and nothing outlives it.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::outside::{inner, status, within};
use crate::support::{EVERY, EXECUTING, Ended, Sandbox, TempDir, bins};
use crate::{cc, need};

const SHORTLY: Duration = Duration::from_secs(5);

/// Starts `signals ACT…`, sends a signal to the process outside, and gives how that ended.
fn signalled(sandbox: &Sandbox, program: &PathBuf, act: &[&str], signal: Signal) -> Ended {
    let running = sandbox.spawn(program, act);
    assert_eq!(running.line(), "ready");
    running.signal(signal);
    running.wait()
}

#[test]
fn a_signal_with_a_handler_runs_it_and_the_exit_code_is_the_programs() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "signals");
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            let sandbox = Sandbox::new(entry).with(settings);
            for signal in
                [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGWINCH]
            {
                let number = (signal as i32).to_string();
                let ended = signalled(&sandbox, &program, &["leave", &number, "42"], signal);
                assert_eq!((ended.code(), &*ended.err), (Some(42), ""), "{signal}, {settings:?}");
            }
            let told = signalled(&sandbox, &program, &["tell", "10"], Signal::SIGUSR1);
            assert_eq!(told.ok(), "got 10");
            let taken = signalled(&sandbox, &program, &["block", "15"], Signal::SIGTERM);
            assert_eq!(taken.ok(), "took 15");
        }
    }
}

#[test]
fn a_signal_without_a_handler_ends_both_by_it() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "signals");
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR2, Signal::SIGALRM] {
                let ended = signalled(&Sandbox::new(entry).with(settings), &program, &["default"], signal);
                assert_eq!(ended.signal(), Some(signal as i32), "{settings:?}: {ended:?}");
                assert_eq!(ended.err, "");
            }
        }
    }
}

#[test]
fn an_ignored_signal_is_ignored() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "signals");
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            let running = Sandbox::new(entry).with(settings).spawn(&program, &["ignore", "15"]);
            assert_eq!(running.line(), "ready");
            running.signal(Signal::SIGTERM);
            // Ignored by default, too.
            running.signal(Signal::SIGWINCH);
            running.signal(Signal::SIGURG);
            thread::sleep(Duration::from_millis(100));
            running.signal(Signal::SIGINT);
            let ended = running.wait();
            assert_eq!(ended.signal(), Some(libc::SIGINT), "it had outlived the others: {ended:?}");
        }
    }
}

#[test]
fn a_fault_is_the_outers_end_too() {
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            let sandbox = Sandbox::new(entry).with(settings).after_shell("ulimit -c 0");
            let ended = sandbox.probe(&["fault"]);
            assert_eq!(ended.signal(), Some(libc::SIGSEGV), "{settings:?}: {ended:?}");
        }
    }
}

#[test]
fn with_init_the_program_can_end_itself_as_anywhere() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "signals");
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("init", "true").after_shell("ulimit -c 0");
        assert_eq!(sandbox.probe(&["abort"]).signal(), Some(libc::SIGABRT));
        for signal in [libc::SIGTERM, libc::SIGKILL, libc::SIGPIPE, libc::SIGFPE] {
            let ended = sandbox.run(&program, &["raise", &signal.to_string()]);
            assert_eq!(ended.signal(), Some(signal), "{ended:?}");
        }
        assert_eq!(sandbox.probe(&["exit", "7"]).code(), Some(7));
        // Pid 1 is out of its reach.
        assert_eq!(sandbox.probe(&["kill", "1", "9"]).code(), Some(0));
    }
}

#[test]
fn children_die_as_anywhere() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "signals");
    for entry in EVERY {
        let ended = Sandbox::new(entry).run(&program, &["child", "15"]);
        assert_eq!(ended.ok(), format!("child {} 15", libc::CLD_KILLED));
    }
}

#[test]
fn killing_the_inner_ends_the_outer_by_the_same() {
    for entry in EVERY {
        let running = Sandbox::new(entry).spawn(bins::probe(), &["sleep", "20000"]);
        assert_eq!(running.line(), "ready");
        kill(Pid::from_raw(inner(running.pid())), Signal::SIGKILL).unwrap();
        assert_eq!(running.wait().signal(), Some(libc::SIGKILL));
    }
}

#[test]
fn killing_the_outer_kills_everything_inside() {
    for entry in EVERY {
        for settings in [&[][..], &["init"], &["new-session"]] {
            let running = Sandbox::new(entry).with(settings).spawn(bins::probe(), &["deaf-orphan", "20000"]);
            assert_eq!(running.line(), "orphan");
            running.signal(Signal::SIGKILL);
            // The grandchild has a session of its own and holds standard output.
            assert!(running.output_ends_within(SHORTLY), "{settings:?}");
        }
    }
}

#[test]
fn the_end_of_the_program_ends_what_it_left_running() {
    let dir = TempDir::new();
    for entry in EXECUTING {
        for settings in [&[][..], &["init"]] {
            let sandbox = Sandbox::new(entry).with(settings);
            let script = "(sleep 20; echo outlived) & echo started";
            let ended = sandbox.cwd(&dir).run("/bin/sh", &["-c", script]);
            // The run is only over when nobody holds its output.
            assert_eq!(ended.ok(), "started", "{settings:?}");
        }
    }
}

#[test]
fn no_die_with_parent_lets_it_live_on() {
    for entry in EVERY {
        let dir = TempDir::new();
        let file = dir.join("lived");
        for (settings, lives) in [(&[][..], false), (&["no-die-with-parent"], true)] {
            let sandbox = Sandbox::new(entry).with(settings).set("bind", &*dir);
            let running = sandbox.spawn(bins::probe(), &["touch-later".as_ref(), file.as_os_str(), "300".as_ref()]);
            assert_eq!(running.line(), "ready");
            running.signal(Signal::SIGKILL);
            assert!(running.output_ends_within(SHORTLY));
            assert_eq!(file.exists(), lives, "{settings:?}");
        }
    }
}

#[test]
fn stopping_the_outer_stops_the_program_and_continuing_continues_it() {
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            let dir = TempDir::new();
            let file = dir.file("ticks", "");
            let sandbox = Sandbox::new(entry).with(settings).set("bind", &*dir);
            let running = sandbox.spawn(bins::probe(), &["tick".as_ref(), file.as_os_str(), "5".as_ref()]);
            assert_eq!(running.line(), "ready");
            let ticks = || fs::metadata(&file).unwrap().len();
            let stopped = || {
                let before = ticks();
                thread::sleep(Duration::from_millis(80));
                ticks() == before
            };
            assert!(within(SHORTLY, || ticks() > 3));
            for _ in 0..2 {
                running.signal(Signal::SIGTSTP);
                assert!(within(SHORTLY, stopped), "{settings:?}");
                assert!(
                    within(SHORTLY, || status(running.pid(), "State").is_some_and(|s| s.starts_with('T'))),
                    "the shell would wait"
                );
                running.signal(Signal::SIGCONT);
                assert!(within(SHORTLY, || !stopped()), "{settings:?}");
            }
            running.signal(Signal::SIGTERM);
            assert_eq!(running.wait().signal(), Some(libc::SIGTERM));
        }
    }
}

#[test]
fn a_stop_that_cannot_be_caught_does_no_harm() {
    for entry in EVERY {
        let running = Sandbox::new(entry).spawn(bins::probe(), &["sleep", "400", "9"]);
        assert_eq!(running.line(), "ready");
        running.signal(Signal::SIGSTOP);
        thread::sleep(Duration::from_millis(50));
        running.signal(Signal::SIGCONT);
        assert_eq!(running.wait().code(), Some(9));
    }
}

#[test]
fn the_outer_holds_nothing_of_the_programs_but_standard_error() {
    for entry in EXECUTING {
        for settings in [&[][..], &["init"]] {
            let mut running = Sandbox::new(entry).with(settings).spawn("/bin/sh", &["-c", "exec >&- 2>&-; sleep 20"]);
            assert!(running.output_ends_within(SHORTLY), "closed inside, it is open outside: {settings:?}");
            // What is to be said of a death by SIGSYS is said there.
            assert!(!running.errors_end_within(Duration::from_millis(100)), "it is kept: {settings:?}");
            assert!(running.is_running());
            let reader = Sandbox::new(entry).with(settings).spawn("/bin/sh", &["-c", "exec <&-; echo ready; sleep 20"]);
            assert_eq!(reader.line(), "ready");
            let held = || {
                let fds = fs::read_dir(format!("/proc/{}/fd", reader.pid()));
                fds.is_ok_and(|fds| fds.flatten().any(|fd| fd.file_name() == "0"))
            };
            assert!(within(SHORTLY, || !held()), "standard input is open outside");
        }
    }
}

#[test]
fn the_outer_has_no_privileges() {
    for entry in EVERY {
        let running = Sandbox::new(entry).spawn(bins::probe(), &["sleep", "20000"]);
        assert_eq!(running.line(), "ready");
        let of_outer = |key| status(running.pid(), key).unwrap();
        assert!(within(SHORTLY, || of_outer("Seccomp") == "2"), "{}", of_outer("Seccomp"));
        assert_eq!(of_outer("NoNewPrivs"), "1");
        for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
            assert_eq!(of_outer(set), "0000000000000000", "{set}");
        }
        if !crate::support::need::is_root() {
            // What is not dumpable belongs to root in /proc, and can neither be traced nor read.
            let denied = fs::read(format!("/proc/{}/environ", running.pid()));
            assert!(denied.is_err(), "the outer process is dumpable");
        }
    }
}

#[test]
fn with_init_orphans_are_waited_for() {
    for entry in EVERY {
        let reaped = Sandbox::new(entry).set("init", "true").probe(&["zombies", "20"]);
        assert_eq!(reaped.ok(), "0");
        let left = Sandbox::new(entry).probe(&["zombies", "20"]);
        assert_eq!(left.ok(), "20", "the control: without it the program itself would have to");
    }
}

#[test]
fn the_callers_ignored_and_blocked_signals_do_not_deafen_the_outer() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "signals");
    for entry in EVERY {
        // As nohup(1) and shells without job control start programs.
        let sandbox = Sandbox::new(entry).after_shell("trap '' INT QUIT HUP");
        let ended = signalled(&sandbox, &program, &["default"], Signal::SIGTERM);
        assert_eq!(ended.signal(), Some(libc::SIGTERM));
        // A caller that ignores SIGCHLD would have the kernel reap what the outer waits for.
        let deaf = Sandbox::new(entry).wrapped(&["env", "--ignore-signal=CHLD"]);
        assert_eq!(deaf.probe(&["exit", "7"]).code(), Some(7));
    }
}

#[test]
fn a_program_that_is_another_user_gets_signals_and_dies_with_its_supervisor() {
    need!("root");
    let other = ["share=user", "uid=65534", "gid=65534"];
    let mapped = ["uid-map=0:0:10", "gid-map=0:0:10", "uid=5", "gid=7"];
    let changing = ["uid-map=0:0:10", "gid-map=0:0:10", "cap-keep=setuid", "init"];
    for entry in EVERY {
        for settings in [&other[..], &mapped[..], &changing[..]] {
            for signal in [Signal::SIGTERM, Signal::SIGKILL] {
                let running = Sandbox::new(entry).with(settings).spawn(bins::probe(), &["tick", "/tmp/ticks", "50"]);
                running.line();
                let inner = inner(running.pid());
                running.signal(signal);
                assert_eq!(running.wait().signal(), Some(signal as i32), "{settings:?}");
                let gone = || status(inner, "State").is_none_or(|state| state.starts_with('Z'));
                assert!(within(SHORTLY, gone), "{settings:?} outlives {signal}");
            }
        }
    }
}

#[test]
fn a_reaper_passes_signals_on_to_a_program_that_has_become_another_user() {
    need!("root", "python3");
    let settings = ["uid-map=0:0:10", "gid-map=0:0:10", "cap-keep=setuid", "init"];
    let become_another = "import os, time; os.setresuid(5, 5, 5); print('ready', flush=True); time.sleep(50)";
    for entry in EVERY {
        let running = Sandbox::new(entry).with(&settings).spawn("python3", &["-c", become_another]);
        assert_eq!(running.line(), "ready");
        running.signal(Signal::SIGTERM);
        assert_eq!(running.wait().signal(), Some(Signal::SIGTERM as i32));
    }
}
