//! File descriptors: the standard three, what is kept by name, and none that leads out.

use std::fs;

use crate::support::{ENTRIES, EVERY, Sandbox, TempDir};
use crate::{cc, need};

#[test]
fn inherited_descriptors_are_closed() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).after_shell("exec 3</dev/null 7</etc/passwd 9>/dev/null");
        assert_eq!(sandbox.report().all("fd"), ["0", "1", "2"]);
    }
    let control = crate::support::bare(
        "sh",
        &["-c", "exec 7</etc/passwd; exec \"$@\"", "sh", crate::support::bins::probe().to_str().unwrap(), "report"],
    );
    assert!(control.out.lines().any(|line| line == "fd=7"), "without the sandbox it is inherited");
}

#[test]
fn named_descriptors_stay_open() {
    let dir = TempDir::new();
    for entry in EVERY {
        let file = dir.join(format!("{entry:?}"));
        let script = format!("exec 5>'{}' 6</dev/null 8</dev/null", file.display());
        let sandbox = Sandbox::new(entry).after_shell(&script).set("keep-fd", "5").set("keep-fd", "8");
        assert_eq!(sandbox.report().all("fd"), ["0", "1", "2", "5", "8"]);
        assert_eq!(sandbox.probe(&["calls", "write:5:s=kept:4"]).ok(), "ok");
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
    }
}

#[test]
fn a_descriptor_to_be_kept_must_be_open() {
    for entry in EVERY {
        Sandbox::new(entry).set("keep-fd", "77").probe(&["report"]).refused_saying(&["77"]);
    }
}

#[test]
fn a_directory_is_refused_as_any_descriptor() {
    for entry in EVERY {
        for number in [0, 1, 2] {
            let sandbox = Sandbox::new(entry).after_shell(&format!("exec {number}</etc"));
            let ended = sandbox.probe(&["file", "list", "/proc/self/fd/0/"]);
            assert_eq!(ended.code(), Some(125), "{number}: {ended:?}");
        }
        let kept = Sandbox::new(entry).set("keep-fd", "5").after_shell("exec 5</etc");
        kept.probe(&["report"]).refused_saying(&["fds", "EISDIR"]);
        assert_eq!(
            Sandbox::new(entry).set("keep-fd", "5").after_shell("exec 5</etc/passwd").report().all("fd").len(),
            4
        );
    }
}

#[test]
fn standard_descriptors_that_are_closed_stay_so_and_nothing_takes_their_place() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "open_fds");
    for entry in EVERY {
        for (closed, left) in
            [("exec 0<&-", 6), ("exec 1>&-", 5), ("exec 2>&-", 3), ("exec 0<&- 1>&- 2>&-", 0), ("true", 7)]
        {
            let ended = Sandbox::new(entry).after_shell(closed).run(&program, &[""; 0]);
            assert_eq!(ended.code(), Some(left), "{closed}, {entry:?}: {ended:?}");
        }
    }
}

#[test]
fn a_failure_with_standard_error_closed_is_still_one() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("bind", "/nowhere:/mnt").after_shell("exec 0<&- 2>&-");
        let ended = sandbox.probe(&["report"]);
        assert_eq!((ended.code(), &*ended.out, &*ended.err), (Some(125), "", ""));
    }
}

#[test]
fn with_too_few_descriptors_nothing_runs_unsandboxed() {
    for entry in EVERY {
        for limit in [3, 4, 5, 6, 8] {
            let sandbox = Sandbox::new(entry).after_shell(&format!("ulimit -n {limit}"));
            let ended = sandbox.probe(&["report"]);
            match ended.code() {
                Some(0) => {
                    assert!(ended.out.contains("pid=1\n") && ended.out.contains("seccomp=2\n"), "{limit}: {ended:?}")
                }
                // Below what ld.so needs to load anything, the program itself does not start: 127 is its own.
                Some(125..=127) => assert!(ended.out.is_empty(), "{limit}: {ended:?}"),
                code => panic!("{limit}: {code:?} {ended:?}"),
            }
        }
    }
}

#[test]
fn the_limit_itself_is_the_programs() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).after_shell("ulimit -n 64; ulimit -c 0");
        let limits = sandbox.report();
        assert!(limits.all("rlimit").iter().any(|limit| limit == "7:64:64"), "{:?}", limits.all("rlimit"));
    }
}

#[test]
fn many_descriptors_and_high_ones_are_kept_as_they_are() {
    need!("bash");
    for entry in EVERY {
        let numbers: Vec<i32> = (10..110).chain([1500, 4000]).collect();
        let open: String = numbers.iter().map(|fd| format!("exec {fd}</etc/passwd; ")).collect();
        let script = format!("ulimit -n 4096; {open} exec 200</etc/passwd; exec \"$@\"");
        let sandbox = Sandbox::new(entry).wrapped(&["bash", "-c", &script, "bash"]);
        let sandbox = numbers.iter().fold(sandbox, |sandbox, fd| sandbox.set("keep-fd", fd.to_string()));
        let inside = sandbox.report();
        let expected: Vec<String> = [0, 1, 2].into_iter().chain(10..110).map(|fd| fd.to_string()).collect();
        assert_eq!(inside.all("fd"), expected, "{entry:?}");
        let high = sandbox.probe(&["calls", "fcntl:1500:1", "fcntl:4000:1", "fcntl:200:1", "fcntl:3:1"]);
        assert_eq!(high.ok(), "ok\nok\nEBADF\nEBADF", "{entry:?}");
    }
}

#[test]
fn a_descriptor_above_a_limit_that_was_lowered_is_kept_too() {
    need!("bash");
    for entry in EVERY {
        let script = "exec 700</etc/passwd; ulimit -n 100; exec \"$@\"";
        let sandbox = Sandbox::new(entry).set("keep-fd", "700").wrapped(&["bash", "-c", script, "bash"]);
        assert_eq!(sandbox.probe(&["calls", "fcntl:700:1"]).ok(), "ok", "{entry:?}");
        let beyond = Sandbox::new(entry).set("keep-fd", "2147483647");
        beyond.probe(&["report"]).refused_saying(&["2147483647"]);
    }
}

#[test]
fn the_status_descriptor_is_not_handed_over() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).with(&["keep-fd=9", "status-fd=9"]).after_shell("exec 9>/dev/null");
        sandbox.probe(&["report"]).refused_saying(&["keep-fd", "status-fd"]);
    }
}

#[test]
fn silenced_descriptors_are_the_null_device_and_others_are_not() {
    for entry in ENTRIES {
        for settings in [&[][..], &["init"], &["root=empty", "dev=none", "proc=none"], &["new-session"]] {
            let dir = TempDir::new();
            let said = dir.join("said");
            let sandbox = Sandbox::new(entry).with(settings).input("input\n");
            // Three writes; which of them arrive is told by the test's pipes.
            let speak = &["calls", "write:1:s=one:3", "write:2:s=two:3", "read:0:buf:64"];
            let plain = sandbox.probe(speak);
            assert_eq!((&*plain.out, &*plain.err), ("oneok\nok\nok\n", "two"), "the control: {plain:?}");
            let deaf = sandbox.clone().set("stderr-null", "true").probe(speak);
            assert_eq!((&*deaf.out, &*deaf.err, deaf.code()), ("oneok\nok\nok\n", "", Some(0)), "{settings:?}");
            let silent = sandbox.clone().set("silent", "true").set("keep-fd", "9");
            let silent = silent.after_shell(&format!("exec 9>'{}'", said.display()));
            // A device of its own (1:3, so struct stat says), and nothing to be read from it.
            let ended = silent.probe(&["calls", "write:1:s=one:3", "write:2:s=two:3", "write:9:s=kept:4"]);
            assert_eq!((&*ended.out, &*ended.err, ended.code()), ("", "", Some(0)), "{settings:?}");
            assert_eq!(fs::read_to_string(&said).unwrap(), "kept");
        }
        let shown = Sandbox::new(entry).with(&["stderr-null"]).probe(&["file", "stat", "/proc/self/fd/2/"]);
        assert_eq!(shown.ok(), "ENOTDIR");
    }
}

#[test]
fn nothing_of_ours_is_left_open_where_descriptors_are_silenced() {
    let dir = TempDir::new();
    for entry in EVERY {
        for settings in [&["stderr-null"][..], &["stderr-null", "log-level=debug", "status-fd=9"]] {
            let sandbox = Sandbox::new(entry).with(settings).set("log-file", dir.join("log"));
            for sandbox in [sandbox, Sandbox::new(entry).with(settings)] {
                let ended = sandbox.after_shell("exec 9>/dev/null").probe(&["report"]);
                let inside = crate::support::Report::parse(&ended.out);
                assert_eq!(inside.all("fd"), ["0", "1", "2"], "{settings:?}, {entry:?}");
            }
        }
    }
}

#[test]
fn a_closed_standard_descriptor_that_is_silenced_is_there() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).with(&["silent", "keep-fd=9"]);
        let sandbox = sandbox.after_shell("exec 9>&1 0<&- 1>&- 2>&-");
        let ended =
            sandbox.probe(&["calls", "fcntl:0:1", "fcntl:1:1", "fcntl:2:1", "write:2:s=x:1", "write:9:s=kept:4"]);
        assert_eq!((ended.code(), &*ended.out), (Some(0), "kept"), "{entry:?}");
    }
}

#[test]
fn why_a_silent_program_did_not_start_is_said() {
    for entry in EVERY {
        for settings in [&["silent"][..], &["stderr-null"], &["silent", "init"]] {
            let sandbox = Sandbox::new(entry).with(settings);
            let failing = sandbox.clone().with(&["bind=/nowhere:/mnt"]);
            failing.probe(&["report"]).refused_saying(&["sbx: mounts: ", "/nowhere"]);
            let told = sandbox.set("log-level", "info").probe(&["exit", "0"]).err;
            for step in ["outer: silence: ", "inner: silence: ", "inner: seccomp: "] {
                assert!(told.contains(step), "{step} is not in {told}");
            }
        }
    }
}

#[test]
fn a_log_has_what_standard_error_would_have() {
    need!("bash");
    for entry in EVERY {
        let dir = TempDir::new();
        let log = dir.join("log");
        let sandbox = Sandbox::new(entry).set("log-file", &log);
        let ended = sandbox.clone().set("log-level", "info").probe(&["calls", "write:2:s=own:3"]);
        assert_eq!((&*ended.err, ended.code()), ("own", Some(0)));
        let text = fs::read_to_string(&log).unwrap();
        assert!(text.contains("sbx: info: outer: ") && text.contains("sbx: info: inner: seccomp: "), "{text}");
        let failing = sandbox.clone().with(&["bind=/nowhere:/mnt"]).probe(&["report"]);
        assert_eq!((failing.code(), &*failing.out, &*failing.err), (Some(125), "", ""));
        let more = fs::read_to_string(&log).unwrap();
        assert!(more.starts_with(&text) && more.contains("sbx: mounts: open"), "appended: {more}");
        // What cannot be told at the end is told there.
        let gone =
            sandbox.set("status-fd", "9").wrapped(&["bash", "-c", "exec 9> >(head -n 1 >&2); exec \"$@\"", "bash"]);
        let ended = gone.probe(&["sleep", "300", "6"]);
        assert_eq!(ended.code(), Some(6));
        let last = fs::read_to_string(&log).unwrap();
        assert!(last.contains("sbx: report: write the last line: Broken pipe (EPIPE)\n"), "{last}");
        // The log's own descriptor is not the caller's.
        let own = Sandbox::new(entry).set("log-file", &log).with(&["keep-fd=3"]);
        assert_eq!(own.probe(&["report"]).code(), Some(125));
        for (file, word) in [(dir.join("no/log"), "ENOENT"), (dir.to_path_buf(), "EISDIR")] {
            let refused = Sandbox::new(entry).set("log-file", file).probe(&["report"]);
            refused.refused_saying(&["sbx: log: openat", word]);
        }
    }
}
