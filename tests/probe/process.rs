//! Acts of a process: ending, waiting, starting others.

use std::ffi::{CString, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::{number, outcome, say, sys, text};

pub fn run(act: &str, rest: &[OsString]) {
    match act {
        "args" => rest.iter().for_each(|arg| say(&arg.as_bytes().escape_ascii().to_string())),
        "env" => {
            say(&std::env::var_os(text(rest.first()))
                .map_or("absent".into(), |v| v.as_bytes().escape_ascii().to_string()))
        }
        "exit" => std::process::exit(i32::try_from(number(rest.first())).unwrap()),
        "fault" => sys::fault(),
        "abort" => std::process::abort(),
        "kill" => kill(number(rest.first()), number(rest.get(1))),
        "copy" => outcome(io::copy(&mut io::stdin(), &mut io::stdout())),
        "sleep" => sleep(rest),
        "tick" => tick(rest),
        "touch-later" => touch_later(rest),
        "deaf-orphan" => deaf_orphan(rest),
        "zombies" => zombies(number(rest.first())),
        "thread" => outcome(thread::Builder::new().spawn(|| ()).map(|t| t.join().unwrap())),
        "threaded" => threaded(rest),
        "when-told" => when_told(rest),
        "storm-when-told" => storm_when_told(),
        "spawn" => spawn(rest),
        "exec" => outcome(exec(rest)),
        "fexec" => outcome(fexec()),
        "pty" => outcome(pty()),
        "landlocked" => outcome(landlocked(rest)),
        act => panic!("no act '{act}'"),
    }
}

/// `landlocked N PROGRAM [ARGUMENT...]`: becomes a program with N Landlock domains around it, in which nothing is missed.
fn landlocked(rest: &[OsString]) -> io::Result<i64> {
    use std::os::unix::process::CommandExt;
    sys::call(libc::SYS_prctl, [libc::PR_SET_NO_NEW_PRIVS as usize, 1, 0, 0, 0, 0])?;
    // struct landlock_ruleset_attr, with LANDLOCK_ACCESS_FS_MAKE_CHAR alone.
    let attributes = sys::word(1 << 6);
    for _ in 0..number(rest.first()) {
        let ruleset = sys::call(libc::SYS_landlock_create_ruleset, [attributes, 8, 0, 0, 0, 0])?;
        sys::call(libc::SYS_landlock_restrict_self, [ruleset as usize, 0, 0, 0, 0, 0])?;
        sys::call(libc::SYS_close, [ruleset as usize, 0, 0, 0, 0, 0])?;
    }
    Err(Command::new(&rest[1]).args(&rest[2..]).exec())
}

fn millis(arg: Option<&OsString>) -> Duration {
    Duration::from_millis(u64::try_from(number(arg)).unwrap())
}

fn kill(pid: i64, signal: i64) {
    outcome(sys::call(libc::SYS_kill, [pid as usize, signal as usize, 0, 0, 0, 0]));
}

/// `sleep MS [CODE]`: says that it is there, and ends by itself after a while.
fn sleep(rest: &[OsString]) {
    say("ready");
    thread::sleep(millis(rest.first()));
    if let code @ Some(_) = rest.get(1) {
        std::process::exit(i32::try_from(number(code)).unwrap());
    }
}

/// `tick FILE MS`: a byte every so often, for as long as it lives.
fn tick(rest: &[OsString]) {
    let mut file = OpenOptions::new().create(true).append(true).open(&rest[0]).unwrap();
    say("ready");
    loop {
        file.write_all(b".").unwrap();
        thread::sleep(millis(rest.get(1)));
    }
}

/// `touch-later FILE MS`: what must not appear when the sandbox has been killed meanwhile.
fn touch_later(rest: &[OsString]) {
    say("ready");
    thread::sleep(millis(rest.get(1)));
    outcome(fs::write(&rest[0], b"lived\n"));
}

/// `deaf-orphan MS`: a grandchild in a session of its own, holding standard output open, and this process beside it.
fn deaf_orphan(rest: &[OsString]) {
    let rest = rest.to_vec();
    sys::in_child(|| {
        sys::in_child(|| {
            sys::call(libc::SYS_setsid, [0; 6]).unwrap();
            say("orphan");
            thread::sleep(millis(rest.first()));
            0
        })
        .map_or(1, |_| 0)
    })
    .unwrap();
    thread::sleep(millis(rest.first()));
}

/// `zombies N`: orphans that end at once; then how many of them nobody has waited for.
fn zombies(count: i64) {
    for _ in 0..count {
        let child = sys::in_child(|| sys::in_child(|| 0).map_or(1, |_| 0)).unwrap();
        sys::wait(child, 0).unwrap();
    }
    thread::sleep(Duration::from_millis(300));
    let states = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|process| fs::read_to_string(process.path().join("stat")).ok());
    say(&states.filter(|stat| stat.contains(") Z ")).count().to_string());
}

/// `spawn ACT…`: another probe as a child, by the file this one came from.
fn spawn(rest: &[OsString]) {
    match Command::new("/proc/self/exe").args(rest).status() {
        Ok(status) if status.success() => {}
        Ok(status) => say(&status.to_string()),
        Err(error) => outcome::<()>(Err(error)),
    }
}

/// `threaded CALL…`: the calls, made by a second thread.
fn threaded(calls: &[OsString]) {
    let calls = calls.to_vec();
    thread::spawn(move || crate::calls::run(&calls)).join().unwrap();
}

/// `when-told CALL…`: the calls, when a line of input has come.
fn when_told(calls: &[OsString]) {
    say("ready");
    io::stdin().read_line(&mut String::new()).unwrap();
    crate::calls::run(calls);
}

/// `storm-when-told`: with a handler for SIGSYS, a trapped call when a line of input has come.
fn storm_when_told() {
    sys::catch_sigsys();
    when_told(&["ptrace:16:1".into()]);
}

fn exec(rest: &[OsString]) -> io::Result<i64> {
    let words: Vec<usize> = rest.iter().map(|word| sys::leak(word.as_bytes())).collect();
    let file = *words.first().unwrap();
    let argv: &'static [usize] = Vec::leak([words.as_slice(), &[0]].concat());
    let envp: &'static [usize] = &[0];
    sys::call(libc::SYS_execve, [file, argv.as_ptr() as usize, envp.as_ptr() as usize, 0, 0, 0])
}

/// execveat(2) of a file that has no name.
fn fexec() -> io::Result<i64> {
    let name = CString::new("unnamed").unwrap();
    let fd = sys::call(libc::SYS_memfd_create, [name.as_ptr() as usize, 0, 0, 0, 0, 0])?;
    sys::call(libc::SYS_write, [fd as usize, sys::leak(b"#!/bin/true\n"), 12, 0, 0, 0])?;
    let argv: &'static [usize] = Vec::leak(vec![sys::leak(b"x"), 0]);
    let empty = sys::leak(b"");
    let envp: &'static [usize] = &[0];
    sys::call(
        libc::SYS_execveat,
        [fd as usize, empty, argv.as_ptr() as usize, envp.as_ptr() as usize, libc::AT_EMPTY_PATH as usize, 0],
    )
}

/// A pseudo-terminal, from its master to its slave.
fn pty() -> io::Result<fs::File> {
    let master = OpenOptions::new().read(true).write(true).open("/dev/ptmx")?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&master) as usize;
    let zero = sys::buffer(4);
    sys::call(libc::SYS_ioctl, [fd, libc::TIOCSPTLCK as usize, zero, 0, 0, 0])?;
    let number = sys::buffer(4);
    sys::call(libc::SYS_ioctl, [fd, libc::TIOCGPTN as usize, number, 0, 0, 0])?;
    OpenOptions::new().read(true).write(true).open(format!("/dev/pts/{}", sys::peek(number)))
}
