//! Inner, which becomes the program, and the reaper beside it.

use super::instrument::{LIMIT, fail_each, kill_each};
use super::{BARE, accounted, sandbox};
use crate::need;
use crate::support::need;
use crate::support::traced::{Call, calls, traced};
use crate::support::{Entry, Sandbox, TempDir};

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
fn no_failing_call_without_namespaces_lets_the_program_run_with_less() {
    need!("landlock-scopes");
    let sandbox = Sandbox::new(Entry::Preload).with(&BARE).set("time-limit", "1h");
    fail_each(&sandbox, |call| call.process > 0);
}

#[test]
fn no_failing_call_inside_lets_a_program_that_is_to_be_silent_speak() {
    let dir = TempDir::new();
    fail_each(&accounted(&dir, Entry::Preload), |call| call.process > 0);
}

/// Where setup ends before the filter is loaded, nobody is left to hear that it could not be.
#[test]
fn no_failing_call_lets_the_program_run_with_less_where_the_filter_comes_after_the_last_word() {
    let policy = "ERRNO(9) { close { fd == 12345 } } DEFAULT ALLOW";
    fail_each(&sandbox(Entry::Launch).set("seccomp-string", policy), |call| call.process > 0);
}

#[test]
fn nothing_runs_beside_a_reaper_that_is_not_confined() {
    for settings in [&["init"][..], &BARE] {
        if settings == BARE && need::skip("failures::inner::a_reaper_without_namespaces", &["landlock-scopes"]) {
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

#[test]
fn an_inner_process_that_is_killed_at_any_call_is_a_failure_and_no_hang() {
    for settings in [&[][..], &["init"], &BARE] {
        if settings == BARE && need::skip("failures::inner::an_inner_process_without_namespaces", &["landlock-scopes"])
        {
            continue;
        }
        let sandbox = Sandbox::new(Entry::Preload).with(settings).timeout(LIMIT);
        let all = calls(&sandbox, &["report"]).0;
        let calls: Vec<Call> = all.into_iter().filter(|call| call.process > 0).collect();
        kill_each(traced, &sandbox, &calls, |ended| {
            let failed = ended.out.is_empty() && matches!(ended.code(), Some(125 | 137));
            // With init, the program may have begun, or even ended, before pid 1 was killed.
            let begun =
                !ended.out.is_empty() && matches!(ended.code(), Some(0 | 137)) && ended.out.contains("\nseccomp=2\n");
            failed || begun
        });
    }
}
