//! Programs that close every descriptor there is, or take every number; and callers that leave next to none.

use std::fs;

use serde_json::Value;

use super::floods;
use crate::need;
use crate::support::{EVERY, Ended, Entry, Report, Sandbox, TempDir};

/// A run with everything that is told of one, and what was told: of the status, and of the statistics.
fn told(sandbox: &Sandbox, program: &std::path::Path, act: &[&str]) -> (Ended, Vec<Value>, Value) {
    let dir = TempDir::new();
    let (status, stats) = (dir.join("status"), dir.join("stats"));
    let sandbox = sandbox.clone().set("status-fd", "9").set("stats", &stats);
    let ended = sandbox.after_shell(&format!("exec 9>'{}'", status.display())).run(program, act);
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}; {ended:?}"));
    let lines = fs::read_to_string(&status).unwrap().lines().map(parse).collect();
    let stats = parse(&fs::read_to_string(&stats).unwrap());
    (ended, lines, stats)
}

#[test]
fn a_program_without_descriptors_or_with_all_of_them_is_told_of_as_any() {
    need!("cc");
    let dir = TempDir::new();
    let program = floods(&dir);
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            let sandbox = Sandbox::new(entry).with(settings).set("time-limit", "1h").set("rlimit", "nofile=512");
            // What is seen of the observer is told by sbx-launch alone, and by route layered there is none.
            let watched = matches!(entry, Entry::Launch | Entry::Exec);
            let sandbox = if watched { sandbox.with(&["explain"]) } else { sandbox };
            for (act, out) in [("close", ""), ("fill", "509 EMFILE\n")] {
                let (ended, lines, stats) = told(&sandbox, &program, &[act, "7"]);
                assert_eq!((ended.code(), &*ended.out), (Some(7), out), "{act}, {settings:?}: {ended:?}");
                assert_eq!(ended.err.contains("mount"), watched, "{act}, {settings:?}: {}", ended.err);
                let last = lines.last().unwrap();
                assert_eq!((lines.len(), &last["event"], &last["exit_code"]), (2, &"ended".into(), &7.into()));
                assert_eq!(stats["exitcode"], 7, "{stats}");
            }
        }
    }
}

#[test]
fn the_time_of_a_program_without_descriptors_or_with_all_of_them_is_over_as_anyones() {
    need!("cc");
    let dir = TempDir::new();
    let program = floods(&dir);
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            for act in ["close-and-stay", "fill-and-stay"] {
                let sandbox = Sandbox::new(entry).with(settings).set("time-limit", "100ms");
                let (ended, lines, stats) = told(&sandbox, &program, &[act]);
                assert_eq!(ended.code(), Some(124), "{act}, {settings:?}: {ended:?}");
                assert_eq!(lines.last().unwrap()["event"], "ended");
                assert_eq!(stats["killed-by"], "time", "{stats}");
            }
        }
    }
}

#[test]
fn a_start_with_few_descriptors_is_complete_or_none() {
    // By the bare variable ld.so goes on without a library that it has no descriptor for, as the documents say.
    for entry in [Entry::Launch, Entry::Exec] {
        for settings in [&[][..], &["init", "hide=/media", "bind-ro=/usr:/srv", "status-fd=2", "max-cpus=1"]] {
            // The limits themselves are told, and are not the sandbox's.
            let run = |most: usize| {
                let sandbox = Sandbox::new(entry).with(settings);
                sandbox.after_shell(&format!("ulimit -S -n {most}")).probe(&["report"])
            };
            let seen = |ended: &Ended| {
                let mut report = Report::parse(&ended.out).without_what_varies();
                report.0.retain(|key, _| !key.contains("limit"));
                report
            };
            let clean = seen(&run(64));
            let (mut complete, mut none) = (0, 0);
            for most in 3..24 {
                let ended = run(most);
                if ended.out.is_empty() {
                    // Of ld.so, where even the launcher or the program has too few.
                    let told =
                        ended.err.lines().any(|line| line.starts_with("sbx: ") || line.contains("shared librar"));
                    let known = matches!(ended.code(), Some(125..=127));
                    assert!(known && told, "{most}, {settings:?}: {ended:?}");
                    none += 1;
                } else {
                    assert_eq!(seen(&ended), clean, "{most}, {settings:?}");
                    assert_eq!(ended.code(), Some(0));
                    complete += 1;
                }
            }
            println!("{entry:?}, {settings:?}: {none} were refused, {complete} complete");
            assert!(complete > 0 && none > 0);
        }
    }
}
