//! Who makes, joins and removes control groups.

use super::instrument::{LIMIT, fail_each, kill_each};
use crate::need;
use crate::support::groups::Groups;
use crate::support::traced::{Call, calls, traced};
use crate::support::{Entry, Sandbox};

/// With groups below these, which were made for it.
fn grouped(groups: &Groups) -> Sandbox {
    Sandbox::new(Entry::Preload)
        .set("cgroup-parent", &groups.name)
        .with(&["memory-max=64m", "pids-max=9"])
        .timeout(LIMIT)
}

/// The calls by which groups are made, joined and removed, and those beside them.
fn is_about_groups(call: &Call) -> bool {
    const NAMES: [&str; 14] = [
        "openat",
        "mkdirat",
        "flock",
        "write",
        "unlinkat",
        "eventfd2",
        "clone",
        "fstat",
        "newfstatat",
        "getdents64",
        "faccessat2",
        "socketpair",
        "recvmsg",
        "read",
    ];
    call.process == 1 || NAMES.contains(&&*call.name)
}

/// A run in which nothing fails takes away what others have left.
#[track_caller]
fn nothing_stays(groups: &Groups) {
    grouped(groups).probe(&["exit", "0"]).ok();
    assert!(groups.left().is_empty(), "{:?}", groups.left());
}

#[test]
fn no_failing_call_for_control_groups_lets_the_program_run_with_less() {
    need!("root", "cgroups");
    let groups = Groups::new();
    // Who removes them is the first that is forked.
    fail_each(&grouped(&groups), is_about_groups);
    nothing_stays(&groups);
}

#[test]
fn whoever_is_killed_while_there_are_control_groups_leaves_none_for_long() {
    need!("root", "cgroups");
    let groups = Groups::new();
    let sandbox = grouped(&groups);
    let calls: Vec<Call> = calls(&sandbox, &["report"]).0.into_iter().filter(is_about_groups).collect();
    kill_each(traced, &sandbox, &calls, |ended| {
        let failed = ended.out.is_empty() && matches!(ended.code(), Some(125 | 137));
        // The keeper may be missed only when all is over; outer may have been about to end.
        let ran = ended.out.contains("\nseccomp=2\n") && matches!(ended.code(), Some(0 | 137));
        failed || ran
    });
    nothing_stays(&groups);
}
