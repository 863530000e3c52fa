//! What a run has used, as the last line of the status and in a file of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::need;
use crate::support::{EVERY, EXECUTING, Ended, Report, Sandbox, TempDir};

fn line(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.ends_with('\n') && text.lines().count() == 1, "not one line: {text:?}");
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

/// A run of a shell's script; what its file says, and the run.
fn stats(sandbox: &Sandbox, script: &str) -> (Value, Ended) {
    let dir = TempDir::new();
    let file = dir.join("stats");
    let ended = sandbox.clone().set("stats", &file).run("/bin/sh", &["-c", script]);
    (line(&file), ended)
}

fn number(stats: &Value, key: &str) -> f64 {
    stats[key].as_f64().unwrap_or_else(|| panic!("no number {key} in {stats}"))
}

#[test]
fn ends_are_told_with_isolates_names() {
    for entry in EXECUTING {
        let sandbox = Sandbox::new(entry).set("init", "true").after_shell("ulimit -c 0");
        let (told, ended) = stats(&sandbox, "exit 0");
        assert_eq!((ended.code(), &told["exitcode"]), (Some(0), &Value::from(0)));
        assert!(
            told.get("status").is_none() && told.get("killed").is_none() && told.get("message").is_none(),
            "{told}"
        );
        let (told, ended) = stats(&sandbox, "exit 3");
        assert_eq!((ended.code(), &told["exitcode"], &told["status"]), (Some(3), &3.into(), &"RE".into()));
        let (told, ended) = stats(&sandbox, "kill -SEGV $$");
        assert_eq!((ended.signal(), &told["exitsig"], &told["status"]), (Some(11), &11.into(), &"SG".into()));
        assert_eq!((&told["killed-by"], told.get("killed")), (&"signal".into(), None));
        let (told, ended) = stats(&sandbox.clone().set("time-limit", "200ms"), "sleep 20");
        assert_eq!((ended.code(), &told["status"], &told["killed-by"]), (Some(124), &"TO".into(), &"time".into()));
        assert_eq!(told["killed"], true);
        assert!((0.2..5.0).contains(&number(&told, "time-wall")), "{told}");
    }
}

#[test]
fn a_call_that_the_filter_kills_for_is_told() {
    for entry in EXECUTING {
        for settings in [&[][..], &["init"]] {
            let dir = TempDir::new();
            let file = dir.join("stats");
            let sandbox = Sandbox::new(entry).with(settings).with(&["seccomp-action=kill"]).set("stats", &file);
            let ended = sandbox.after_shell("ulimit -c 0").probe(&["calls", "mount"]);
            let told = line(&file);
            assert_eq!((ended.signal(), &told["killed-by"]), (Some(libc::SIGSYS), &"filter".into()), "{told}");
            assert_eq!((&told["exitsig"], &told["killed"]), (&libc::SIGSYS.into(), &true.into()));
        }
    }
}

#[test]
fn time_memory_and_faults_are_the_programs_and_its_childrens() {
    need!("python3");
    const MEMORY: &str = "python3 -c 'x = b\"x\" * (60 << 20)'";
    const BUSY: &str = "python3 -c 'import time\nwhile time.process_time() < 0.4: pass'";
    for entry in EXECUTING {
        for settings in [&[][..], &["init"]] {
            let sandbox = Sandbox::new(entry).with(settings);
            let (idle, _) = stats(&sandbox, "sleep 0.3");
            assert!(number(&idle, "time") < 0.2 && number(&idle, "time-wall") >= 0.3, "{idle}");
            assert!(number(&idle, "max-rss") < 30_000.0, "{idle}");
            let (fat, ended) = stats(&sandbox, &format!("{MEMORY}; true"));
            assert_eq!(ended.code(), Some(0), "{ended:?}");
            assert!(number(&fat, "max-rss") > 60.0 * 1024.0, "KiB: {fat}");
            assert!(number(&fat, "faults-minor") > number(&idle, "faults-minor") + 1000.0, "{fat} {idle}");
            let (busy, ended) = stats(&sandbox, &format!("{BUSY}; true"));
            assert_eq!(ended.code(), Some(0), "{ended:?}");
            assert!(number(&busy, "time") >= 0.4 && number(&busy, "time-user") > 0.0, "{busy}");
            let sum = number(&busy, "time-user") + number(&busy, "time-system");
            assert!((number(&busy, "time") - sum).abs() < 1e-5, "{busy}");
            assert!(number(&busy, "csw-voluntary") >= 1.0 && number(&busy, "faults-major") >= 0.0);
        }
    }
}

#[test]
fn with_init_what_was_left_to_it_is_counted_too() {
    need!("python3");
    // A grandchild whose parent is gone when it ends: without a reaper nobody has waited for it.
    let script = "(python3 -c 'import time\nwhile time.process_time() < 0.4: pass' &) | cat; sleep 0.5";
    for entry in EXECUTING {
        let (told, _) = stats(&Sandbox::new(entry).set("init", "true"), script);
        assert!(number(&told, "time") >= 0.4, "{told}");
    }
}

#[test]
fn the_file_and_the_last_line_of_the_status_are_the_same() {
    for entry in EVERY {
        let dir = TempDir::new();
        let (file, status) = (dir.join("stats"), dir.join("status"));
        let sandbox = Sandbox::new(entry).set("stats", &file).set("status-fd", "9");
        let sandbox = sandbox.after_shell(&format!("exec 9>'{}'", status.display()));
        sandbox.probe(&["exit", "4"]);
        let lines = fs::read_to_string(&status).unwrap();
        assert_eq!(lines.lines().last().unwrap(), fs::read_to_string(&file).unwrap().trim_end());
        assert_eq!(line(&file)["exit_code"], 4);
    }
}

#[test]
fn a_failure_before_main_is_told_wherever_it_happens() {
    for entry in EVERY {
        let dir = TempDir::new();
        let file = dir.join("stats");
        let failing = Sandbox::new(entry).set("stats", &file).set("bind", "/nowhere:/mnt");
        failing.probe(&["report"]).refused(125);
        let told = line(&file);
        assert_eq!(
            (&told["event"], &told["step"], &told["status"]),
            (&"failed".into(), &"mounts".into(), &"XX".into())
        );
        assert!(told["message"].as_str().unwrap().contains("/nowhere"), "{told}");
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_a_refusal_before_main() {
    let dir = TempDir::new();
    let ran = dir.join("ran");
    let link = dir.join("link");
    std::os::unix::fs::symlink(dir.join("elsewhere"), &link).unwrap();
    let fifo = dir.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    for entry in EVERY {
        for (path, word) in [
            (dir.join("no/such"), "ENOENT"),
            (link.clone(), "ELOOP"),
            (fifo.clone(), "ENXIO"),
            ("/dev/full".into(), "EINVAL"),
            (dir.to_path_buf(), "EISDIR"),
        ] {
            let sandbox = Sandbox::new(entry).set("stats", &path);
            let ended = sandbox.probe(&["file", "create", ran.to_str().unwrap()]);
            ended.refused_saying(&["sbx: stats: ", word]);
        }
        assert!(!dir.join("elsewhere").exists(), "a link was followed");
    }
}

#[test]
fn a_relative_file_lies_where_the_caller_is() {
    for entry in EVERY {
        let dir = TempDir::new();
        let sandbox = Sandbox::new(entry).with(&["stats=told.json", "cwd=/usr"]).cwd(&dir);
        sandbox.probe(&["exit", "0"]).ok();
        assert_eq!(line(&dir.join("told.json"))["exitcode"], 0);
        let mode = fs::metadata(dir.join("told.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o133, 0, "{mode:o}");
    }
}

#[test]
fn what_was_in_the_file_is_gone() {
    for entry in EVERY {
        let dir = TempDir::new();
        let file = dir.file("stats", "x".repeat(100_000));
        Sandbox::new(entry).set("stats", &file).probe(&["exit", "0"]).ok();
        assert_eq!(line(&file)["exitcode"], 0);
    }
}

#[test]
fn the_program_has_no_descriptor_of_it_and_no_way_to_it() {
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            let dir = TempDir::new();
            let sandbox = Sandbox::new(entry).with(settings).set("stats", dir.join("stats"));
            assert_eq!(Report::parse(sandbox.probe(&["report"]).ok()).all("fd"), ["0", "1", "2"]);
        }
        let dir = TempDir::new();
        let below = dir.dir("below");
        let refused = |settings: &[&str]| {
            let sandbox = Sandbox::new(entry).with(settings).set("stats", below.join("stats"));
            sandbox.cwd(&dir).probe(&["exit", "0"]).refused_saying(&["stats", "write"]);
        };
        refused(&[&format!("bind={}:/mnt", dir.display())]);
        refused(&["bind-try=."]);
        refused(&["profile=build"]);
        refused(&["root-rw"]);
        refused(&["share=mount"]);
        let seen = Sandbox::new(entry).set("bind-ro", &*dir).set("stats", below.join("stats"));
        seen.probe(&["exit", "0"]).ok();
    }
}

#[test]
fn what_cannot_be_written_whole_leaves_an_empty_file_and_the_exit_code() {
    for entry in EVERY {
        let dir = TempDir::new();
        let file = dir.join("stats");
        // No file may grow beyond no bytes; the program writes to a pipe.
        let sandbox = Sandbox::new(entry).set("stats", &file).after_shell("ulimit -f 0");
        assert_eq!(sandbox.probe(&["exit", "5"]).code(), Some(5));
        assert_eq!(fs::read(&file).unwrap(), b"");
    }
}
