//! Who is asked about refused calls.

use super::instrument::{LIMIT, fail_each, kill_each};
use crate::support::traced::{Call, calls, image_of, traced};
use crate::support::{Entry, Report, Sandbox, TempDir};

#[test]
fn no_failing_call_with_an_observer_lets_the_program_run_with_less() {
    let observed = |call: &Call| call.process > 0 && call.image == 0 || call.image == image_of(Entry::Launch);
    fail_each(&Sandbox::new(Entry::Launch).with(&["explain"]), observed);
}

#[test]
fn an_observer_that_is_killed_at_any_call_is_no_hole_and_no_hang() {
    let sandbox = Sandbox::new(Entry::Launch).with(&["explain"]).timeout(LIMIT);
    let (calls, clean) = calls(&sandbox, &["report"]);
    let clean = Report::parse(&clean.out).without_what_varies();
    let calls: Vec<Call> = calls.into_iter().filter(|call| call.process == 1).collect();
    kill_each(traced, &sandbox, &calls, |ended| {
        let failed = ended.out.is_empty() && ended.code() == Some(125);
        let ran = || ended.code() == Some(0) && Report::parse(&ended.out).without_what_varies() == clean;
        failed || ran()
    });
}

#[test]
fn no_failing_call_while_learning_lets_the_program_run_with_less() {
    let dir = TempDir::new();
    let sandbox = Sandbox::new(Entry::Launch).set("learn", dir.join("learned"));
    // What the observer does is the same as above; what inner does under the filter is asked about.
    let inner = inner_of(&calls(&sandbox, &["report"]).0);
    fail_each(&sandbox, |call| call.process == inner && call.image == 0);
}

/// The process that makes the file tree.
fn inner_of(calls: &[Call]) -> usize {
    calls.iter().find(|call| call.name == "mount_setattr" && call.process > 0).expect("a file tree").process
}
