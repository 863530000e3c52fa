//! The last line: how it ended and what it used, or why it never began. The members and their units are in
//! docs/reports.md; where isolate(1) has a name for one in its meta-file, it is that name.

use std::time::Duration;

use super::json::Json;
use crate::error::SetupError;
use crate::step::cgroup::Used;
use crate::sys::signal::{self, Change, Usage};

/// An end, as outer has seen it.
pub struct Ended {
    pub change: Change,
    pub by: By,
    /// Since main could begin; absent when nothing of this is to be told.
    pub wall: Option<Duration>,
    pub usage: Usage,
    /// The control group's account; empty without one.
    pub group: Used,
}

/// Whose doing an end by SIGKILL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The program's, or that of whoever sends it signals.
    Itself,
    /// Outer's, because the time was over.
    Time,
    /// The kernel's, or outer's, because the control group had no memory left.
    Memory,
}

/// The line of a run.
pub fn ended(end: &Ended) -> String {
    let mut json = Json::event("ended");
    match end.change {
        Change::Exited(code) => {
            json.plain("exit_code", code);
            if code != 0 {
                json.string("status", "RE");
                json.string("message", &format!("Exited with error status {code}"));
            }
            json.plain("exitcode", code);
        }
        Change::Killed(number) => {
            json.plain("signal", number);
            json.string("signal_name", &signal::name(number));
            killed(&mut json, number, end.by);
            json.plain("exitsig", number);
        }
        Change::Stopped(_) | Change::Continued => {}
    }
    used(&mut json, end);
    json.line()
}

fn killed(json: &mut Json, number: i32, by: By) {
    let (status, message, by) = match (by, number) {
        (By::Time, _) => ("TO", "Time limit exceeded (wall clock)".into(), "time"),
        (By::Memory, _) => ("SG", "Out of memory (control group)".into(), "memory"),
        (By::Itself, libc::SIGSYS) => ("SG", format!("Caught fatal signal {number}"), "filter"),
        (By::Itself, number) => ("SG", format!("Caught fatal signal {number}"), "signal"),
    };
    json.string("status", status);
    json.string("message", &message);
    if by != "signal" {
        json.plain("killed", true);
    }
    json.string("killed-by", by);
}

fn used(json: &mut Json, end: &Ended) {
    let Some(wall) = end.wall else { return };
    let usage = &end.usage;
    json.plain("time", seconds(usage.user() + usage.system()));
    json.plain("time-user", seconds(usage.user()));
    json.plain("time-system", seconds(usage.system()));
    json.plain("time-wall", seconds(wall));
    json.plain("max-rss", usage.max_rss());
    json.plain("faults-minor", usage.minor_faults());
    json.plain("faults-major", usage.major_faults());
    json.plain("csw-voluntary", usage.voluntary_switches());
    json.plain("csw-forced", usage.forced_switches());
    let mut told = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            json.plain(key, value);
        }
    };
    let Used { memory_peak, oom_kills, pids_peak, cpu, throttled, throttled_time } = end.group;
    told("cg-mem", memory_peak.map(|bytes| (bytes >> 10).to_string()));
    told("cg-oom-kills", oom_kills.map(|kills| kills.to_string()));
    told("cg-pids-peak", pids_peak.map(|tasks| tasks.to_string()));
    told("cg-time", cpu.map(seconds));
    told("cg-throttled", throttled.map(|times| times.to_string()));
    told("cg-throttled-time", throttled_time.map(seconds));
}

/// To the microsecond, which is what the kernel tells.
fn seconds(span: Duration) -> String {
    format!("{}.{:06}", span.as_secs(), span.subsec_micros())
}

/// The only line, when main never ran.
pub fn failed(error: &SetupError) -> String {
    let mut json = Json::event("failed");
    json.string("step", error.step);
    json.string("call", error.call.name());
    json.string("object", &error.object);
    json.plain("errno", error.errno);
    json.string("error", &format!("{:?}", nix::errno::Errno::from_raw(error.errno)));
    json.string("status", "XX");
    json.string("message", &error.to_string());
    json.line()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(change: Change, out_of_time: bool) -> String {
        let by = if out_of_time { By::Time } else { By::Itself };
        ended(&Ended { change, by, wall: None, usage: Usage::default(), group: Used::default() })
    }

    #[test]
    fn a_groups_account_is_told_as_far_as_there_is_one() {
        let end = |by, group| {
            ended(&Ended { change: Change::Killed(9), by, wall: Some(Duration::ZERO), usage: Usage::default(), group })
        };
        let group = Used { memory_peak: Some(64 << 20), oom_kills: Some(1), pids_peak: Some(3), ..Used::default() };
        let told = end(By::Memory, Used { cpu: Some(Duration::from_millis(1500)), ..group });
        let words =
            "\"status\":\"SG\",\"message\":\"Out of memory (control group)\",\"killed\":true,\"killed-by\":\"memory\"";
        assert!(told.contains(words) && told.contains("\"signal\":9"), "{told}");
        assert!(
            told.ends_with("\"cg-mem\":65536,\"cg-oom-kills\":1,\"cg-pids-peak\":3,\"cg-time\":1.500000}\n"),
            "{told}"
        );
        let told =
            end(By::Itself, Used { throttled: Some(0), throttled_time: Some(Duration::ZERO), ..Used::default() });
        assert!(told.ends_with(",\"cg-throttled\":0,\"cg-throttled-time\":0.000000}\n"), "{told}");
        assert!(!end(By::Itself, Used::default()).contains("cg-"));
    }

    #[test]
    fn ends_are_told_apart() {
        assert_eq!(line(Change::Exited(0), false), "{\"event\":\"ended\",\"exit_code\":0,\"exitcode\":0}\n");
        assert!(line(Change::Exited(3), false).contains("\"exit_code\":3,\"status\":\"RE\""));
        for (change, out_of_time, expected) in [
            (
                Change::Killed(libc::SIGSEGV),
                false,
                "\"status\":\"SG\",\"message\":\"Caught fatal signal 11\",\"killed-by\":\"signal\",\"exitsig\":11}",
            ),
            (Change::Killed(libc::SIGSYS), false, "\"killed\":true,\"killed-by\":\"filter\",\"exitsig\":31}"),
            (Change::Killed(libc::SIGKILL), true, "\"killed\":true,\"killed-by\":\"time\",\"exitsig\":9}"),
        ] {
            let told = line(change, out_of_time);
            assert!(told.contains(expected), "{told}");
        }
        assert!(line(Change::Killed(9), true).contains("\"signal\":9,\"signal_name\":\"SIGKILL\",\"status\":\"TO\""));
    }

    #[test]
    fn spans_are_seconds_with_six_decimals() {
        assert_eq!(seconds(Duration::new(3, 1_999)), "3.000001");
        assert_eq!(seconds(Duration::ZERO), "0.000000");
    }
}
