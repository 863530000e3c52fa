//! Who stays outside to write id maps, and the tools it runs.

use super::instrument::{LIMIT, fail_each, fail_each_by, kill_each};
use crate::need;
use crate::support::subids;
use crate::support::traced::{Call, calls_by, traced_as_other};
use crate::support::{Entry, Report, Sandbox};

#[test]
fn no_failing_call_of_a_process_that_writes_maps_lets_the_program_run_with_less() {
    need!("root");
    let maps = ["uid-map=0:0", "uid-map=1:100000:1000", "gid-map=0:100000:1000", "uid=5", "gid=7"];
    // Who stays outside is the first that is forked.
    fail_each(&Sandbox::new(Entry::Preload).with(&maps), |call| call.process < 2);
}

/// The maps of the user sbx-test, by the host's own tools.
fn mapped_by_tools() -> Sandbox {
    let others = subids::of("sbx-test").unwrap();
    let map = |name: &str, first: u32| format!("{name}-map=0:{first}:{}", subids::COUNT);
    let maps = [&map("uid", others.uid), &map("gid", others.gid), "uid=5", "gid=7"];
    Sandbox::new(Entry::Preload).with(&maps)
}

/// setpriv(1), env(1), and the program.
const IMAGE_AS_OTHER: usize = 3;

/// Who stays outside, and each tool once or, before shadow 4.14, twice.
const TOOLS: usize = 5;

#[test]
fn no_failing_call_of_the_tools_or_of_who_runs_them_lets_the_program_run_with_less() {
    need!("root", "sbx-test");
    fail_each_by(traced_as_other, &mapped_by_tools(), |call| match call.process {
        // To the end of the maps, where who stays outside has ended; what follows is as it is without them.
        0 => call.image == IMAGE_AS_OTHER,
        process => process <= TOOLS,
    });
}

#[test]
fn a_process_that_is_killed_while_maps_are_made_is_a_failure_and_no_hang() {
    need!("root", "sbx-test");
    let sandbox = mapped_by_tools().timeout(LIMIT);
    let all = calls_by(traced_as_other, &sandbox, &["report"]).0;
    let calls: Vec<Call> = all.into_iter().filter(|call| (1..=TOOLS).contains(&call.process)).collect();
    kill_each(traced_as_other, &sandbox, &calls, |ended| {
        let failed = ended.out.is_empty() && matches!(ended.code(), Some(125 | 137));
        // A tool that is asked again by number, or has written the map and only ends.
        let complete = ended.code() == Some(0) && Report::parse(&ended.out).one("status.Uid") == "5 5 5 5";
        failed || complete
    });
}
