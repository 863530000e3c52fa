//! Where a step has its place.

use super::{lines, policy, steps};
use crate::host::Host;
use crate::plan::plan_within;

#[test]
fn the_default_plan_is_in_the_order_of_the_design() {
    let plan = lines(&[]);
    let names: Vec<_> = plan.lines().map(|l| l[8..23].trim_end()).collect();
    assert_eq!(
        names,
        [
            "guard",
            "fds",
            "user namespace",
            "id maps",
            "namespaces",
            "fork",
            "network",
            "namespaces",
            "hostname",
            "mounts",
            "fds",
            "cwd",
            "bounding set",
            "network",
            "die with parent",
            "loopback",
            "capabilities",
            "no_new_privs",
            "seccomp",
        ]
    );
    assert!(plan.contains("uid_map \"1000 1000 1\""));
    assert!(plan.contains("unshare pid, time") && plan.contains("unshare mount, ipc, uts, cgroup"));
}

#[test]
fn what_is_outers_is_there_before_anything_is_changed() {
    let plan = lines(&[
        ("log-file", "log"),
        ("stats", "told"),
        ("silent", "true"),
        ("time-limit", "1.5m"),
        ("bind", "/srv"),
        ("bind-ro", "."),
    ]);
    let steps: Vec<_> = plan.lines().skip(1).take(5).collect();
    assert_eq!(
        steps,
        [
            "outer   log             append to log",
            "outer   fds             no directory at 0-2",
            "outer   stats           open told",
            "outer   silence         open /dev/null",
            "outer   time limit      SIGKILL for all inside 90s after main may begin",
        ],
        "{plan}"
    );
    assert!(plan.contains("inner   silence         /dev/null at 0, 1, 2\n"), "{plan}");
    assert!(lines(&[("stderr-null", "true")]).contains("/dev/null at 2\n"));
}

#[test]
fn what_needs_the_callers_privileges_comes_before_its_user_namespace_is_left() {
    let steps = steps(&[("rlimit", "as=5000"), ("nice", "-1"), ("oom-score-adj", "-1"), ("boottime-offset", "1")]);
    let at = |step: &str| steps.iter().position(|s| s == step).unwrap_or_else(|| panic!("{step} in {steps:?}"));
    for early in ["outer rlimits", "outer nice", "outer oom_score_adj"] {
        assert!(at(early) < at("outer user namespace"), "{early}");
    }
    assert!(!steps.contains(&"inner nice".into()));
    assert_eq!(at("outer namespaces") + 1, at("outer time offsets"));
    assert!(at("outer time offsets") < at("both fork"));
}

#[test]
fn landlock_rules_are_made_while_files_can_be_opened_and_hold_before_the_filter() {
    let settings = [("landlock-rw", "/tmp"), ("rlimit", "nofile=3"), ("init", "true")];
    let place = |steps: &[String], name: &str| steps.iter().rposition(|step| step == name).unwrap();
    for (more, after, before) in [
        (None, "inner no_new_privs", "inner seccomp"),
        // Without no_new_privs it takes CAP_SYS_ADMIN.
        (Some(("allow-new-privs", "true")), "inner rlimits", "inner seccomp"),
    ] {
        let settings: Vec<_> = settings.iter().copied().chain(more).collect();
        let steps = steps(&settings);
        let made = steps.iter().position(|step| step == "inner landlock").unwrap();
        assert!(place(&steps, "inner mounts") < made && place(&steps, "inner init") < made);
        assert!(made < place(&steps, "inner rlimits"));
        let held = place(&steps, "inner landlock");
        assert!(place(&steps, after) < held && held < place(&steps, before), "{steps:?}");
    }
    let without_privileges = steps(&[settings[0], ("allow-new-privs", "true")]);
    assert!(place(&without_privileges, "inner landlock") < place(&without_privileges, "inner capabilities"));
}

#[test]
fn limits_come_when_nothing_is_left_that_they_could_starve() {
    let settings = [("rlimit", "nofile=3"), ("nice", "5"), ("oom-score-adj", "5"), ("init", "true"), ("cpus", "0")];
    let more = [("umask", "022"), ("personality", "addr-no-randomize"), ("no-tsc", "true"), ("core-sched", "true")];
    let steps = steps(&[&settings[..], &more].concat());
    let from = steps.iter().position(|step| step == "inner init").unwrap();
    assert_eq!(
        steps[from..],
        [
            "inner init",
            "inner nice",
            "inner affinity",
            "inner core scheduling",
            "inner umask",
            "inner personality",
            "inner rlimits",
            "inner tsc",
            "inner capabilities",
            "inner no_new_privs",
            "inner seccomp",
        ]
    );
    assert!(!steps.contains(&"outer rlimits".into()) && !steps.contains(&"outer nice".into()));
    // /proc is the host's until the mounts.
    let of = |step: &str| steps.iter().position(|s| s == step);
    assert!(of("both fork") < of("inner oom_score_adj") && of("inner oom_score_adj") < of("inner mounts"));
}

#[test]
fn the_library_adds_its_part_after_it_has_asked_whether_it_was_let_begin() {
    let all = [
        ("no-exec", "true"),
        ("no-new-code", "true"),
        ("no-tsc", "true"),
        ("landlock-ro", "/usr"),
        ("hostname", "box"),
        ("rlimit", "nofile=5"),
    ];
    let policy = policy(&all).unwrap();
    let steps = plan_within(&policy, &Host { landlock: Ok(5), ..Host::inside(c"/".into()) }).unwrap();
    let names: Vec<_> = steps.iter().map(|step| step.name()).collect();
    assert_eq!(names, ["entry", "landlock", "tsc", "landlock", "seccomp"]);
    assert!(steps[4].describe().contains("no-exec, no-new-code"), "{}", steps[4].describe());
}
