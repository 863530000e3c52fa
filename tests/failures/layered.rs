//! Route layered, and its keeper of entry.

use super::instrument::{LIMIT, fail_each, kill_each};
use crate::support::traced::{Call, calls, traced};
use crate::support::{Entry, Report, Sandbox};

#[test]
fn no_failing_call_by_route_layered_lets_the_program_run_with_less() {
    fail_each(&Sandbox::new(Entry::Layered).with(&["no-exec", "no-new-code", "root=empty"]), |_| true);
}

#[test]
fn a_keeper_of_entry_that_is_killed_at_any_call_is_a_failure_and_no_hang() {
    let sandbox = Sandbox::new(Entry::Layered).with(&["no-exec", "no-new-code", "root=empty"]).timeout(LIMIT);
    let (all, clean) = calls(&sandbox, &["report"]);
    let clean = Report::parse(&clean.out).without_what_varies();
    let asks = |call: &&Call| call.name == "process_vm_readv";
    let keeper = all.iter().find(asks).expect("somebody looks at the program").process;
    let calls: Vec<Call> = all.into_iter().filter(|call| call.process == keeper).collect();
    assert!(calls.len() > 30, "the trace has only {calls:?}");
    kill_each(traced, &sandbox, &calls, |ended| {
        let failed = ended.out.is_empty() && ended.code() == Some(125) && ended.err.starts_with("sbx: entry: ");
        // When its last word was said already.
        let ran = || ended.code() == Some(0) && Report::parse(&ended.out).without_what_varies() == clean;
        failed || ran()
    });
}
