//! Signals by the thousand, at any moment: what is forwarded is forwarded, what is not is borne, and nothing hangs.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::floods;
use crate::need;
use crate::races::{nobody_has, who_has};
use crate::support::dice::Dice;
use crate::support::outside::{inner, status, within};
use crate::support::running::Running;
use crate::support::{EVERY, Report, Sandbox, TempDir, bins};

/// Two of real time, by number: they are counted.
const REAL: i32 = 40;
const LAST: i32 = 64;

/// What a process that has not said otherwise ignores, or goes on after.
const HARMLESS: [i32; 4] = [libc::SIGCHLD, libc::SIGWINCH, libc::SIGURG, libc::SIGCONT];

/// Somebody who sends a process these signals in turn, so often (0: until it is gone).
fn pelted(running: &Running, times: usize, micros: u32, signals: &[i32]) -> Running {
    let mut command = Command::new(bins::probe());
    command.arg("pelt").args([running.pid().to_string(), times.to_string(), micros.to_string()]);
    command.args(signals.iter().map(i32::to_string));
    let pelter = Running::start(command);
    assert_eq!(pelter.line(), "ready");
    pelter
}

/// How many it has sent, when it has ended.
#[track_caller]
fn sent(pelter: Running) -> usize {
    pelter.wait().ok().parse().unwrap()
}

const SETTINGS: [&[&str]; 3] =
    [&[], &["init"], &["init", "time-limit=1h", "overlay=/srv:lower=/usr/share", "status-fd=9"]];

#[test]
fn a_start_under_signals_is_complete() {
    for entry in EVERY {
        for settings in SETTINGS {
            let sandbox = Sandbox::new(entry).with(settings).after_shell("exec 9>/dev/null");
            let clean = sandbox.report().without_what_varies();
            for signals in [&HARMLESS[..], &[libc::SIGSTOP, libc::SIGCONT, libc::SIGTSTP, libc::SIGCONT]] {
                let mut all = 0;
                for _ in 0..5 {
                    // Before the shell becomes the sandbox, so that no moment is missed.
                    let late = Sandbox::new(entry).with(settings);
                    let running = late.after_shell("exec 9>/dev/null; read -r go").spawn(bins::probe(), &["report"]);
                    let pelter = pelted(&running, 0, 10, signals);
                    use std::io::Write;
                    writeln!(running.stdin.as_ref().unwrap(), "go").unwrap();
                    let ended = running.wait();
                    all += sent(pelter);
                    let report = Report::parse(ended.ok()).without_what_varies();
                    assert!(report == clean, "{settings:?}: {ended:?}");
                }
                assert!(all > 100, "{all} signals are no storm");
            }
        }
    }
}

#[test]
fn thousands_of_signals_are_forwarded_and_those_of_real_time_are_each_counted() {
    need!("cc");
    let dir = TempDir::new();
    let program = floods(&dir);
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            let running = Sandbox::new(entry).with(settings).spawn(&program, &["count"]);
            assert_eq!(running.line(), "ready");
            let usual = [HARMLESS[1], libc::SIGCHLD, libc::SIGUSR1, libc::SIGTERM, libc::SIGINT, libc::SIGCONT];
            let usual = pelted(&running, 700, 0, &usual);
            let real = pelted(&running, 300, 50, &[REAL]);
            assert_eq!((sent(usual), sent(real)), (4200, 300), "it has ended before");
            // Those of real time come in their order, and this is the last of them.
            assert_eq!(sent(pelted(&running, 1, 0, &[LAST])), 1);
            let ended = running.wait();
            let told: Vec<_> = ended.out.split_whitespace().collect();
            let count = |at: usize| told[at].parse::<u32>().unwrap();
            assert_eq!((ended.code(), &told[2..], &*ended.err), (Some(42), &["300", "pending", "11"][..], ""));
            // Of the others a second is lost while the first is not taken.
            assert!((1..=700).contains(&count(0)) && (1..=700).contains(&count(1)), "{ended:?}");
        }
    }
}

#[test]
fn a_signal_that_kills_may_come_at_any_moment_of_the_start() {
    let seed = u64::from(std::process::id());
    let mut dice = Dice(seed);
    let dir = TempDir::new();
    let (mut ran, mut died) = (0, 0);
    for number in 0..150 {
        let (entry, settings) = (dice.pick(&EVERY), dice.pick(&[&[][..], &["init"]]));
        let file = dir.join(format!("ticks-{number}"));
        let sandbox = Sandbox::new(entry).with(settings).set("bind", &*dir);
        let running = sandbox.spawn(bins::probe(), &["held-tick".as_ref(), file.as_os_str(), "300".as_ref()]);
        // SIGIO is outer's own where there is a reaper.
        let signal = dice.pick(&[libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGALRM, REAL]);
        let (begun, moment) = (Instant::now(), Duration::from_micros(dice.roll(12_000)));
        while begun.elapsed() < moment {
            std::hint::spin_loop();
        }
        let pelter = pelted(&running, 3, 100, &[signal]);
        println!("{number} {entry:?} {settings:?} {signal} {moment:?}");
        let ended = running.wait();
        drop(pelter);
        // Its own end, or that of a start which the signal has interrupted.
        let by_it = ended.signal() == Some(signal);
        assert!(by_it || ended.code() == Some(125), "seed {seed}, {settings:?}, {signal} after {moment:?}: {ended:?}");
        nobody_has(file.to_str().unwrap());
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(text.lines().all(|line| line == "21"), "{text}");
        ran += usize::from(!text.is_empty());
        died += usize::from(by_it);
    }
    println!("seed {seed}: {ran} programs had begun, {died} died of the signal");
    assert!(ran > 0 && died > 100);
}

#[test]
fn a_program_that_is_stopped_and_continued_all_the_time_ends_as_it_does() {
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            let running = Sandbox::new(entry).with(settings).spawn(bins::probe(), &["sleep", "300", "9"]);
            assert_eq!(running.line(), "ready");
            let pelter = pelted(&running, 150, 200, &[libc::SIGSTOP, libc::SIGCONT, libc::SIGTSTP, libc::SIGCONT]);
            sent(pelter);
            // A last one that comes as outer is about to stop is gone with the stop: the kernel has no way to do both.
            let pelter = pelted(&running, 0, 100_000, &[libc::SIGCONT]);
            let ended = running.wait();
            assert_eq!((ended.code(), &*ended.err), (Some(9), ""), "{settings:?}");
            println!("{entry:?}, {settings:?}: ended before {} more", sent(pelter));
        }
    }
}

#[test]
fn who_is_continued_as_soon_as_it_has_stopped_goes_on() {
    let stopped = |pid: i32| status(pid, "State").is_some_and(|state| state.starts_with('T'));
    for entry in EVERY {
        let mut lost = 0;
        for _ in 0..10 {
            let mut running = Sandbox::new(entry).spawn(bins::probe(), &["sleep", "60000"]);
            assert_eq!(running.line(), "ready");
            let (outer, inner) = (running.pid(), inner(running.pid()));
            thread::scope(|scope| {
                scope.spawn(|| {
                    leave_no_time_to(outer);
                    kill(Pid::from_raw(inner), Signal::SIGSTOP).unwrap();
                    while !stopped(inner) {
                        std::hint::spin_loop();
                    }
                    // It hears of the stop and of this at once, of the stop first.
                    kill(Pid::from_raw(outer), Signal::SIGCONT).unwrap();
                });
            });
            lost += usize::from(!within(Duration::from_secs(5), || !stopped(inner) && !stopped(outer)));
            assert!(running.is_running());
        }
        println!("{entry:?}: {lost} of 10 were lost");
        assert!(lost < 3, "{lost}");
    }
}

/// Has a process run only when this thread, which is on the same processor from now on, does not.
#[track_caller]
fn leave_no_time_to(pid: i32) {
    let own = sched_getaffinity(Pid::from_raw(0)).unwrap();
    let cpu = (0..CpuSet::count()).find(|&cpu| own.is_set(cpu) == Ok(true)).unwrap();
    let mut one = CpuSet::new();
    one.set(cpu).unwrap();
    sched_setaffinity(Pid::from_raw(0), &one).unwrap();
    sched_setaffinity(Pid::from_raw(pid), &one).unwrap();
    let idle = Command::new("chrt").args(["--idle", "--pid", "0", &pid.to_string()]).status();
    assert!(idle.unwrap().success());
}

#[test]
fn the_time_is_over_while_it_is_stopped_and_continued_and_when_it_stays_stopped() {
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            // For longer than the limit; and to end with a stop, before it.
            for (times, signals) in [
                (0, &[libc::SIGTSTP, libc::SIGCONT][..]),
                (0, &[libc::SIGSTOP, libc::SIGCONT]),
                (50, &[libc::SIGCONT, libc::SIGTSTP]),
                (50, &[libc::SIGCONT, libc::SIGSTOP]),
            ] {
                let sandbox = Sandbox::new(entry).with(settings).set("time-limit", "300ms");
                let running = sandbox.spawn(bins::probe(), &["sleep", "60000"]);
                assert_eq!(running.line(), "ready");
                let (begun, pelter) = (Instant::now(), pelted(&running, times, 300, signals));
                let ended = running.wait();
                assert_eq!(ended.code(), Some(124), "{settings:?}, {signals:?}: {ended:?}");
                assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
                drop(pelter);
            }
        }
    }
}

/// The program sends to everybody it can.
#[track_caller]
fn showers(program: &Path, settings: &[&str]) {
    for entry in EVERY {
        let ended = Sandbox::new(entry).with(settings).run(program, &["shower", "100"]);
        assert_eq!((ended.code(), &*ended.out, &*ended.err), (Some(9), "8 killed\n", ""), "{settings:?}");
    }
}

#[test]
fn signals_to_everybody_from_inside_reach_nobody_outside_and_not_the_reaper() {
    need!("cc");
    let dir = TempDir::new();
    let program = floods(&dir);
    // Somebody of the same user's, whom every one of them would end.
    let bystander = Running::start({
        let mut command = Command::new(bins::probe());
        command.args(["sleep", "600000", "0", &format!("beside-{}", dir.display())]);
        command
    });
    assert_eq!(bystander.line(), "ready");
    // Never where the pid namespace is the host's.
    showers(&program, &[]);
    showers(&program, &["init"]);
    showers(&program, &["init", "seccomp=none"]);
    assert_eq!(who_has(&format!("beside-{}", dir.display())).len(), 1);
}
