//! Outer, which supervises.

use super::instrument::{LIMIT, fail_each, for_each, none_is_wrong};
use super::{BARE, accounted, sandbox};
use crate::need;
use crate::support::traced::{Call, calls, traced};
use crate::support::{Entry, Sandbox, TempDir};

#[test]
fn no_failing_call_of_the_outer_process_lets_the_program_run_with_less() {
    fail_each(&sandbox(Entry::Preload), |call| call.process == 0);
}

#[test]
fn no_failing_call_for_reports_limits_and_room_lets_the_program_run_with_less() {
    let dir = TempDir::new();
    fail_each(&accounted(&dir, Entry::Preload), |call| call.process == 0);
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
    none_is_wrong(&calls, &wrong);
}
