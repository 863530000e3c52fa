//! Who stays outside to make interfaces.

use std::ffi::OsString;

use super::instrument::{LIMIT, fail_each_by, kill_each};
use crate::need;
use crate::support::bins;
use crate::support::nets;
use crate::support::traced::{Call, calls_by};
use crate::support::{Entry, Report, Sandbox};

/// As `traced`, in a namespace with a wire, where no interface may be left behind.
fn traced_on_a_wire(sandbox: &Sandbox, options: &[&str]) -> Sandbox {
    let words = [&["trace"], options, &["--"]].concat();
    let tracer = [bins::probe().into()].into_iter().chain(words.into_iter().map(OsString::from));
    sandbox.clone().wrapped(&nets::leaving_nothing(nets::WIRE).into_iter().chain(tracer).collect::<Vec<_>>())
}

fn with_interfaces() -> Sandbox {
    Sandbox::new(Entry::Preload).with(&[
        "macvlan=tveth1:ip=10.166.1.2/16:ip=fd00:166::2/64:gateway=10.166.0.1:gateway=fd00:166::1:mac=02:00:00:00:00:07",
        "veth=sbx0:ip=10.9.0.2/30:host-ip=10.9.0.1/30:name=eth0",
    ])
}

/// The process that makes the interfaces is the first that is forked.
const MAKER: usize = 1;

#[test]
fn no_failing_call_for_interfaces_lets_the_program_run_with_less_or_leaves_one_behind() {
    need!("userns", "ip");
    fail_each_by(traced_on_a_wire, &with_interfaces(), |call| call.process <= MAKER);
}

#[test]
fn a_process_that_is_killed_while_interfaces_are_made_is_a_failure_and_leaves_none_behind() {
    need!("userns", "ip");
    let sandbox = with_interfaces().timeout(LIMIT);
    let (all, clean) = calls_by(traced_on_a_wire, &sandbox, &["report"]);
    let clean = Report::parse(clean.ok()).without_what_varies();
    let calls: Vec<Call> = all.into_iter().filter(|call| call.process == MAKER).collect();
    kill_each(traced_on_a_wire, &sandbox, &calls, |ended| {
        let failed = ended.out.is_empty() && ended.code() == Some(125);
        // When its last word was said already.
        let ran = || ended.code() == Some(0) && Report::parse(&ended.out).without_what_varies() == clean;
        failed || ran()
    });
}
