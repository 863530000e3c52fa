//! The clocks of the time namespace.

use std::collections::HashMap;

use crate::support::{EVERY, Ended, Sandbox, bare, bins};

/// Seconds by name: by libc, by the kernel, and of /proc/uptime.
fn clocks(ended: &Ended) -> HashMap<String, Vec<i64>> {
    let line = |line: &str| {
        let (name, values) = line.split_once('=').unwrap();
        (name.to_owned(), values.split(' ').map(|value| value.parse().unwrap()).collect())
    };
    ended.ok().lines().map(line).collect()
}

/// How far each is ahead of the host's, in whole seconds; a test does not take ten.
#[track_caller]
fn ahead(sandbox: &Sandbox, expected: &[(&str, i64)]) {
    let act = ["limit", "clocks"];
    let (host, inside) = (clocks(&bare(bins::probe(), &act)), clocks(&sandbox.probe(&act)));
    for (name, ahead) in expected {
        for (inside, host) in inside[*name].iter().zip(&host[*name]) {
            assert!((0..10).contains(&(inside - host - ahead)), "{name}: {inside}, and {host} outside");
        }
    }
}

#[test]
fn clocks_are_ahead_by_what_was_asked_for_and_uptime_with_them() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry);
        let shifted = [("monotonic", 3600), ("coarse", 3600), ("raw", 3600), ("boottime", 9000), ("uptime", 9000)];
        // The vDSO answers libc from pages of the time namespace, which every fork into it must exchange.
        for both in [sandbox.clone(), sandbox.clone().set("init", "true")] {
            ahead(&both.with(&["monotonic-offset=1h", "boottime-offset=2.5h"]), &shifted);
        }
        ahead(&sandbox, &shifted.map(|(name, _)| (name, 0)));
        ahead(&sandbox.clone().set("monotonic-offset", "500000ms"), &[("monotonic", 500), ("boottime", 0)]);
        ahead(&sandbox.set("boottime-offset", "500"), &[("monotonic", 0), ("uptime", 500)]);
    }
}

#[test]
fn clocks_can_be_behind_by_less_than_they_show() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).with(&["monotonic-offset=-10.5s", "boottime-offset=-20"]);
        ahead(&sandbox, &[("monotonic", -11), ("boottime", -20), ("uptime", -20)]);
        assert_eq!(sandbox.report().all("timens"), ["monotonic -11 500000000", "boottime -20 0"]);
    }
}

#[test]
fn a_clock_below_zero_is_refused() {
    for entry in EVERY {
        for (name, offset) in [("monotonic", "-100000h"), ("boottime", "-100000h"), ("monotonic", "3000000h")] {
            let refused = Sandbox::new(entry).set(&format!("{name}-offset"), offset).probe(&["report"]);
            refused.refused_saying(&["sbx: time offsets: write /proc/self/timens_offsets", name, "(ERANGE)", "hint: "]);
        }
    }
}

#[test]
fn offsets_need_a_time_namespace() {
    for entry in EVERY {
        for name in ["monotonic-offset", "boottime-offset"] {
            let refused = Sandbox::new(entry).set("share", "time").set(name, "1").probe(&["report"]);
            refused.refused_saying(&[name, "time namespace"]);
        }
    }
}
