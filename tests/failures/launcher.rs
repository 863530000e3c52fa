//! The launcher, before it executes the program and where it supervises it.

use super::instrument::{INFALLIBLE, LIMIT, SUPERVISION, errnos, fail_each, for_each, none_is_wrong};
use super::sandbox;
use crate::support::traced::{Call, calls, image_of, traced};
use crate::support::{Entry, Report};

#[test]
fn no_failing_call_of_the_launchers_own_lets_the_program_run_with_less() {
    let sandbox = sandbox(Entry::Launch);
    let (calls, clean) = calls(&sandbox, &["report"]);
    let clean = Report::parse(clean.ok()).without_what_varies();
    let own = |call: &Call| call.process == 0 && call.image == image_of(Entry::Launch);
    let calls: Vec<Call> = calls.into_iter().filter(|call| own(call) && !INFALLIBLE.contains(&&*call.name)).collect();
    let wrong = for_each(&calls, |call| {
        errnos(call).find_map(|errno| {
            let options = ["--fail", &format!("{}:{errno}:{}", call.point, call.name)];
            let ended = traced(&sandbox.clone().timeout(LIMIT), &options).probe(&["report"]);
            if ended.out.is_empty() {
                // Signals and aborts included: all that matters is that nobody takes it for a run.
                return (ended.code() == Some(0)).then(|| format!("{errno}: it did not run, and says it did"));
            }
            let inside = Report::parse(&ended.out).without_what_varies();
            if SUPERVISION.contains(&&*call.name) && ended.code() == Some(125) && inside.is_part_of(&clean) {
                return None;
            }
            let unnamed = call.name == "getcwd" && inside.one("cwd") == "/";
            (inside != clean && !unnamed).then(|| format!("{errno}: it ran in another sandbox: {}", ended.out))
        })
    });
    none_is_wrong(&calls, &wrong);
}

#[test]
fn no_failing_call_of_the_launcher_as_supervisor_lets_the_program_run_with_less() {
    let sandbox = sandbox(Entry::Exec).with(&["init"]);
    fail_each(&sandbox, |call| {
        call.process == 0 && call.image == image_of(Entry::Exec) || call.process > 0 && call.image == 0
    });
}
