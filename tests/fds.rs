//! File descriptors: the standard three, what is kept by name, and none that leads out.

use std::fs;

use crate::support::{ENTRIES, Sandbox, TempDir};
use crate::{cc, need};

#[test]
fn inherited_descriptors_are_closed() {
    for entry in ENTRIES {
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
    for entry in ENTRIES {
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
    for entry in ENTRIES {
        Sandbox::new(entry).set("keep-fd", "77").probe(&["report"]).refused_saying(&["77"]);
    }
}

#[test]
fn a_directory_is_refused_as_any_descriptor() {
    for entry in ENTRIES {
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
    for entry in ENTRIES {
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
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).set("bind", "/nowhere:/mnt").after_shell("exec 0<&- 2>&-");
        let ended = sandbox.probe(&["report"]);
        assert_eq!((ended.code(), &*ended.out, &*ended.err), (Some(125), "", ""));
    }
}

#[test]
fn with_too_few_descriptors_nothing_runs_unsandboxed() {
    for entry in ENTRIES {
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
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).after_shell("ulimit -n 64; ulimit -c 0");
        let limits = sandbox.report();
        assert!(limits.all("rlimit").iter().any(|limit| limit == "7:64:64"), "{:?}", limits.all("rlimit"));
    }
}
