//! The program the tests run inside: one subcommand is one act, its outcome is on standard output.
//!
//! An outcome is `ok`, or the name of the errno; the exit code says nothing but that the act was tried. No shell tools,
//! whose behaviour differs by distribution, and nothing but libc and std, so that it is what any program is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a probe has nobody to report to")]

#[path = "probe/attacks.rs"]
mod attacks;
#[path = "probe/calls.rs"]
mod calls;
#[path = "probe/fates.rs"]
mod fates;
#[path = "probe/files.rs"]
mod files;
#[path = "probe/limits.rs"]
mod limits;
#[path = "probe/net.rs"]
mod net;
#[path = "probe/process.rs"]
mod process;
#[path = "probe/report.rs"]
mod report;
#[path = "probe/sys.rs"]
mod sys;
#[path = "probe/syscalls.rs"]
mod syscalls;
#[path = "probe/trace.rs"]
mod trace;

use std::ffi::OsString;
use std::io::{self, Write};

fn main() {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let Some((act, rest)) = args.split_first() else {
        panic!("which act?");
    };
    run(act, rest);
}

fn run(act: &OsString, rest: &[OsString]) {
    match act.to_str().unwrap_or_default() {
        // Several acts of one process, with a word `+` between them.
        "all" => rest.split(|word| word == "+").for_each(|words| run(&words[0], &words[1..])),
        "attack" => attacks::run(rest),
        "report" => report::print(),
        "calls" => calls::run(rest),
        "file" => files::run(rest),
        "limit" => limits::run(rest),
        "net" => net::run(rest),
        "trace" => trace::run(rest),
        "fates" => fates::run(rest),
        "trapped" => fates::trapped(rest),
        "storm" => fates::storm(rest),
        "blocked" => fates::blocked(rest),
        "thread-call" => fates::thread_call(rest),
        act => process::run(act, rest),
    }
}

/// Prints what came of an act.
fn outcome<T>(result: io::Result<T>) {
    say(&match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => sys::errno_name(error.raw_os_error().unwrap_or(0)),
    });
}

/// Prints a line at once: what follows may be the end of the process.
fn say(line: &str) {
    let mut out = io::stdout();
    // Ignored: with standard output closed there is nobody to tell, and the act itself still counts.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn text(arg: Option<&OsString>) -> &str {
    arg.and_then(|a| a.to_str()).unwrap_or_default()
}

fn number(arg: Option<&OsString>) -> i64 {
    let text = text(arg);
    let parsed = text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| i64::from_str_radix(hex, 16));
    parsed.unwrap_or_else(|_| panic!("'{text}' is not a number"))
}
