//! What a failure says, and leaves behind.

use std::fs;

use crate::support::traced::{calls, traced};
use crate::support::{ENTRIES, Entry, Sandbox, TempDir};

#[test]
fn a_failure_leaves_nothing_behind() {
    let dir = TempDir::new();
    let before = fs::read_to_string("/proc/self/mountinfo").unwrap();
    for entry in ENTRIES {
        let sandbox =
            Sandbox::new(entry).set("bind", format!("{}:/mnt", dir.display())).with(&["bind=/nowhere/at/all:/srv"]);
        sandbox.probe(&["file", "write", "/mnt/ran"]).refused_saying(&["sbx: mounts: ", "/nowhere/at/all"]);
        assert!(!dir.join("ran").exists(), "the program ran");
    }
    assert_eq!(fs::read_to_string("/proc/self/mountinfo").unwrap(), before);
}

#[test]
fn the_message_names_step_call_object_and_error() {
    for entry in ENTRIES {
        let (calls, _) = calls(&Sandbox::new(entry), &["report"]);
        for (name, step) in
            [("sethostname", "hostname"), ("pivot_root", "mounts"), ("capset", "capabilities"), ("chdir", "cwd")]
        {
            let Some(call) = calls.iter().rfind(|call| call.name == name && call.process > 0) else { continue };
            let ended = traced(&Sandbox::new(entry), &["--fail", &format!("{}:EPERM", call.point)]).probe(&["report"]);
            let message = ended.refused(125);
            assert!(message.starts_with(&format!("sbx: {step}: {name}")) && message.contains("(EPERM)"), "{message}");
        }
    }
}

#[test]
fn a_limit_that_cannot_be_set_is_named_and_the_program_does_not_run() {
    let settings = ["rlimit=nofile=64", "nice=19", "max-cpus=1", "umask=0027", "personality=addr-no-randomize"];
    for entry in ENTRIES {
        let dir = TempDir::new();
        let sandbox = Sandbox::new(entry).with(&settings).set("bind", &*dir);
        let ran = dir.join("ran");
        let act = ["file", "create", ran.to_str().unwrap()];
        let (calls, _) = calls(&sandbox, &act);
        fs::remove_file(&ran).unwrap();
        for (name, step) in [
            ("setpriority", "nice: setpriority 19"),
            ("sched_setaffinity", "affinity: sched_setaffinity the first 1"),
            ("sched_getaffinity", "affinity: sched_getaffinity"),
            ("prlimit64", "rlimits: setrlimit nofile=64:64"),
            ("personality", "personality: personality addr-no-randomize"),
        ] {
            let call = calls.iter().rfind(|call| call.name == name && call.process > 0);
            let point = &call.unwrap_or_else(|| panic!("no {name} in {calls:?}")).point;
            let ended = traced(&sandbox, &["--fail", &format!("{point}:EPERM")]).probe(&act);
            assert!(ended.refused(125).starts_with(&format!("sbx: {step}")), "{ended:?}");
            assert!(!ran.exists(), "{name}");
        }
    }
    for (setting, name, step) in [
        ("monotonic-offset=5", "write", "time offsets: write /proc/self/timens_offsets"),
        ("oom-score-adj=500", "write", "oom_score_adj: write /proc/self/oom_score_adj"),
        ("no-tsc", "prctl", "tsc: prctl(PR_SET_TSC)"),
    ] {
        let sandbox = Sandbox::new(Entry::Preload).with(&[setting]);
        let (calls, _) = calls(&sandbox, &["report"]);
        let named = calls.iter().filter(|call| call.name == name).any(|call| {
            let ended = traced(&sandbox, &["--fail", &format!("{}:EIO", call.point)]).probe(&["report"]);
            ended.code() == Some(125) && ended.out.is_empty() && ended.err.starts_with(&format!("sbx: {step}"))
        });
        assert!(named, "{setting}: no failing {name} is told as {step}");
    }
}
