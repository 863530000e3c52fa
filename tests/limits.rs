//! Resource limits: each is shown by a program that runs into it, and by one that does not when it is not set.

use std::fs;

use nix::sys::signal::Signal;

use crate::need;
use crate::support::{ENTRIES, EVERY, Ended, Entry, Sandbox, TempDir, bare, bins};

/// Name in /proc/PID/limits, and its name here.
const NAMES: [(&str, &str); 16] = [
    ("Max address space", "as"),
    ("Max core file size", "core"),
    ("Max cpu time", "cpu"),
    ("Max data size", "data"),
    ("Max file size", "fsize"),
    ("Max file locks", "locks"),
    ("Max locked memory", "memlock"),
    ("Max msgqueue size", "msgqueue"),
    ("Max nice priority", "nice"),
    ("Max open files", "nofile"),
    ("Max processes", "nproc"),
    ("Max resident set", "rss"),
    ("Max realtime priority", "rtprio"),
    ("Max realtime timeout", "rttime"),
    ("Max pending signals", "sigpending"),
    ("Max stack size", "stack"),
];

/// Soft and hard, as the kernel shows them.
fn of(limits: &str, name: &str) -> (String, String) {
    let (shown, _) = NAMES.iter().find(|(_, own)| *own == name).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix(shown)).unwrap_or_else(|| panic!("{name} in {limits}"));
    let mut values = line.split_whitespace().map(str::to_owned);
    (values.next().unwrap(), values.next().unwrap())
}

fn inside(sandbox: &Sandbox) -> String {
    sandbox.probe(&["file", "cat", "/proc/self/limits"]).ok().to_owned()
}

fn callers() -> String {
    bare(bins::probe(), &["file", "cat", "/proc/self/limits"]).ok().to_owned()
}

fn limit(sandbox: &Sandbox, act: &[&str]) -> Ended {
    sandbox.probe(&[&["limit"], act].concat())
}

/// What an act comes to with the limit, and without.
#[track_caller]
fn held(setting: &str, act: &[&str], with: &str, without: &str) {
    for entry in EVERY {
        assert_eq!(limit(&Sandbox::new(entry).set("rlimit", setting), act).ok(), with, "{setting}, {entry:?}");
        assert_eq!(limit(&Sandbox::new(entry), act).ok(), without, "without {setting}, {entry:?}");
    }
}

#[test]
fn without_a_setting_every_limit_is_the_callers() {
    let callers = callers();
    for entry in EVERY {
        assert_eq!(inside(&Sandbox::new(entry)), callers);
    }
}

#[test]
fn each_of_the_sixteen_is_what_was_asked_for() {
    // No more than anybody's hard limits allow.
    let asked = [
        ("as", "1g:2g", "1073741824", "2147483648"),
        ("core", "0", "0", "0"),
        ("cpu", "1m:1h", "60", "3600"),
        ("data", "1g", "1073741824", "1073741824"),
        ("fsize", "4k:8k", "4096", "8192"),
        ("locks", "5:6", "5", "6"),
        ("memlock", "4k:8k", "4096", "8192"),
        ("msgqueue", "4k", "4096", "4096"),
        ("nice", "0", "0", "0"),
        ("nofile", "32:64", "32", "64"),
        ("rss", "1g", "1073741824", "1073741824"),
        ("rtprio", "0", "0", "0"),
        ("rttime", "2ms:1s", "2000", "1000000"),
        ("sigpending", "7", "7", "7"),
        ("stack", "1m:2m", "1048576", "2097152"),
    ];
    let callers = callers();
    for entry in EVERY {
        let mut sandbox = Sandbox::new(entry);
        for (name, value, ..) in asked {
            sandbox = sandbox.set("rlimit", format!("{name}={value}"));
        }
        let limits = inside(&sandbox);
        for (name, _, soft, hard) in asked {
            assert_eq!(of(&limits, name), (soft.into(), hard.into()), "{name}, {entry:?}");
        }
        assert_eq!(of(&limits, "nproc"), of(&callers, "nproc"), "one that was not named");
    }
}

#[test]
fn soft_hard_and_inf_are_the_callers_limits_and_none() {
    let caller = "ulimit -Sn 50; ulimit -Hn 100; ulimit -St 500; ulimit -Ht 600; ulimit -Sc 0";
    for entry in EVERY {
        let of_two = |nofile: &str| {
            let sandbox = Sandbox::new(entry).set("rlimit", format!("nofile={nofile}")).after_shell(caller);
            let (soft, hard) = of(&inside(&sandbox), "nofile");
            format!("{soft} {hard}")
        };
        assert_eq!(of_two("soft"), "50 50");
        assert_eq!(of_two("hard"), "100 100");
        assert_eq!(of_two("soft:hard"), "50 100");
        assert_eq!(of_two("70:hard"), "70 100");
        let sandbox = Sandbox::new(entry).set("rlimit", "cpu=hard").after_shell(caller);
        assert_eq!(of(&inside(&sandbox), "cpu"), ("600".into(), "600".into()));
        let (_, hard) = of(&inside(&Sandbox::new(entry)), "as");
        if hard == "unlimited" {
            let sandbox = Sandbox::new(entry).set("rlimit", "as=4g:inf");
            assert_eq!(of(&inside(&sandbox), "as"), ("4294967296".into(), "unlimited".into()));
        }
    }
}

#[test]
fn the_last_of_a_name_holds() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).with(&["rlimit=nofile=20", "rlimit=core=0", "rlimit=nofile=30:40"]);
        assert_eq!(of(&inside(&sandbox), "nofile"), ("30".into(), "40".into()));
    }
}

#[test]
fn a_soft_limit_above_the_hard_one_is_refused() {
    for entry in EVERY {
        for (asked, words) in
            [("nofile=3:2", "above"), ("nofile=200:hard", "nofile: "), ("nofile=inf:hard", "inf and 100")]
        {
            let sandbox = Sandbox::new(entry).set("rlimit", asked).after_shell("ulimit -n 100");
            sandbox.probe(&["report"]).refused_saying(&[words, "soft limit would be above the hard"]);
        }
    }
}

#[test]
fn a_hard_limit_is_raised_only_with_the_privilege() {
    for entry in EVERY {
        let sandbox = |asked: &str| Sandbox::new(entry).set("rlimit", asked).after_shell("ulimit -n 100");
        let more = sandbox("nofile=101:102");
        let had = bare("sh", &["-c", "ulimit -n 100; ulimit -n 102"]).status.success();
        if had {
            assert_eq!(of(&inside(&more), "nofile"), ("101".into(), "102".into()), "{entry:?}");
        } else {
            let message = more.probe(&["report"]);
            message.refused_saying(&["sbx: rlimits: setrlimit nofile", "(EPERM)", "CAP_SYS_RESOURCE"]);
        }
        assert_eq!(of(&inside(&sandbox("nofile=99:100")), "nofile"), ("99".into(), "100".into()));
    }
}

#[test]
fn the_process_outside_keeps_its_own_limits() {
    for entry in EVERY {
        let outside = Sandbox::new(entry).with(&["rlimit=nofile=32", "rlimit=core=1k", "rlimit=stack=1m"]);
        let running = outside.spawn(bins::probe(), &["sleep", "5000"]);
        assert_eq!(running.line(), "ready");
        let limits = fs::read_to_string(format!("/proc/{}/limits", running.pid())).unwrap();
        let callers = callers();
        for name in ["nofile", "stack", "as"] {
            assert_eq!(of(&limits, name), of(&callers, name), "{entry:?}");
        }
    }
}

#[test]
fn set_up_does_not_starve_under_limits_the_program_can_live_with() {
    let least = ["rlimit=nofile=3", "rlimit=fsize=0", "rlimit=core=0", "rlimit=memlock=0", "rlimit=sigpending=0"];
    for entry in ENTRIES {
        for more in [&[][..], &["init"], &["log-level=error", "new-session"], &["status-fd=2"]] {
            let ended = Sandbox::new(entry).with(&least).with(more).probe(&["exit", "7"]);
            assert_eq!(ended.code(), Some(7), "{more:?}, {entry:?}: {ended:?}");
        }
    }
}

#[test]
fn nofile_ends_descriptors() {
    held("nofile=16", &["files", "40"], "13 EMFILE", "40 ok");
}

#[test]
fn memory_ends_at_as_and_at_data() {
    for name in ["as", "data"] {
        for entry in EVERY {
            let ended = limit(&Sandbox::new(entry).set("rlimit", format!("{name}=64m")), &["map", "100"]);
            let (far, stopped) = ended.ok().split_once(' ').unwrap();
            assert!(stopped == "ENOMEM" && (30..64).contains(&far.parse::<i32>().unwrap()), "{ended:?}");
            assert_eq!(limit(&Sandbox::new(entry), &["map", "100"]).ok(), "100 ok");
        }
    }
}

#[test]
fn a_program_already_above_as_runs_and_gets_no_more() {
    need!("cc");
    let dir = TempDir::new();
    // No memory of its own: neither a heap nor more stack can be had.
    let text = "#include <stdlib.h>\n#include <unistd.h>\nint main(void) { _exit(malloc(1 << 20) ? 4 : 3); }\n";
    let program = dir.compile("cc", "modest", text, &[]);
    for entry in ENTRIES {
        // Mapping the C library alone takes more than that.
        let sandbox = Sandbox::new(entry).set("bind-ro", &*dir);
        assert_eq!(sandbox.clone().set("rlimit", "as=1m").run(&program, &[""; 0]).code(), Some(3), "{entry:?}");
        assert_eq!(sandbox.run(&program, &[""; 0]).code(), Some(4), "the control");
    }
}

#[test]
fn nproc_ends_processes_and_counts_those_of_the_sandbox_alone() {
    need!("user");
    // Outer, and the program itself; and the reaper.
    held("nproc=6", &["fork", "10"], "4 EAGAIN", "10 ok");
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).with(&["init", "rlimit=nproc=6"]);
        assert_eq!(limit(&sandbox, &["fork", "10"]).ok(), "3 EAGAIN");
    }
}

#[test]
fn nproc_is_refused_where_the_kernel_would_not_hold_it() {
    need!("root");
    for entry in EVERY {
        let refused = Sandbox::new(entry).set("rlimit", "nproc=6").probe(&["report"]);
        refused.refused_saying(&["sbx: rlimits: setrlimit nproc of root", "(EPERM)", "another user"]);
        Sandbox::new(entry).set("rlimit", "nproc=inf").probe(&["exit", "0"]);
        // Somebody else's processes it holds.
        let other = Sandbox::new(entry).with(&["share=user", "uid=4243", "gid=4243", "rlimit=nproc=4"]);
        let (far, stopped) =
            limit(&other, &["fork", "10"]).ok().split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert!(stopped == "EAGAIN" && far.parse::<i32>().unwrap() <= 3, "{far} {stopped}");
    }
}

#[test]
fn fsize_ends_files_by_an_error_for_pid_1_and_by_a_signal_else() {
    held("fsize=64k", &["write", "/tmp/file", "102400"], "65536 EFBIG", "102400 ok");
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).with(&["init", "rlimit=fsize=64k"]);
        assert_eq!(limit(&sandbox, &["write", "/tmp/file", "102400"]).signal(), Some(Signal::SIGXFSZ as i32));
        assert_eq!(limit(&Sandbox::new(entry).with(&["init"]), &["write", "/tmp/file", "102400"]).ok(), "102400 ok");
    }
}

#[test]
fn cpu_ends_the_program_at_the_hard_limit_and_signals_at_the_soft_one() {
    let spin = |settings: &[&str]| limit(&Sandbox::new(Entry::Preload).with(settings), &["spin", "3500"]);
    // Nothing withholds a SIGKILL of the kernel's from pid 1.
    assert_eq!(spin(&["rlimit=cpu=1"]).signal(), Some(Signal::SIGKILL as i32));
    // Its SIGXCPU it does, where there is no handler.
    assert_eq!(spin(&["rlimit=cpu=1:2"]).signal(), Some(Signal::SIGKILL as i32));
    assert_eq!(spin(&["init", "rlimit=cpu=1:2"]).signal(), Some(Signal::SIGXCPU as i32));
    assert_eq!(spin(&["rlimit=cpu=1h"]).ok(), "ok");
}

#[test]
fn rttime_ends_a_real_time_program() {
    need!("root");
    // The capability to become one is the host's, and so only root's.
    let settings = ["share=user", "cap-keep=sys_nice"];
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).with(&settings);
        let with = limit(&sandbox.clone().set("rlimit", "rttime=200ms"), &["fifo-spin", "1000"]);
        assert_eq!(with.signal(), Some(Signal::SIGKILL as i32), "{with:?}");
        assert_eq!(limit(&sandbox, &["fifo-spin", "1000"]).ok(), "ok");
    }
}

#[test]
fn rtprio_and_nice_are_what_a_program_may_take_for_itself() {
    // Nearly everybody's hard limits are 0.
    need!("sys_resource");
    for entry in EVERY {
        assert_eq!(limit(&Sandbox::new(entry).set("rlimit", "rtprio=5"), &["fifo", "5"]).ok(), "ok");
        assert_eq!(limit(&Sandbox::new(entry).set("rlimit", "rtprio=5"), &["fifo", "6"]).ok(), "EPERM");
        let sandbox = Sandbox::new(entry).set("rlimit", "nice=25");
        assert_eq!(sandbox.probe(&["calls", "setpriority:0:0:-5", "setpriority:0:0:-6"]).ok(), "ok\nEACCES");
    }
}

#[test]
fn stack_ends_deep_recursion_in_the_program_and_its_children() {
    for entry in EVERY {
        let (with, without) = (Sandbox::new(entry).set("rlimit", "stack=512k"), Sandbox::new(entry));
        // 2.5 MiB of frames; Rust's handler turns the fault into an abort, which pid 1 ends as SIGSEGV.
        assert_eq!(limit(&with, &["descend", "600"]).signal(), Some(Signal::SIGSEGV as i32));
        assert_eq!(limit(&with, &["child-descends", "600"]).out, "signal 6\n");
        assert_eq!(limit(&without, &["descend", "600"]).ok(), "ok");
        assert_eq!(limit(&without, &["child-descends", "600"]).ok(), "ok");
    }
}

#[test]
fn memlock_msgqueue_and_sigpending_end_what_they_count() {
    held("memlock=16k", &["lock", "32"], "ENOMEM", "ok");
    held("msgqueue=1k", &["queue", "2000"], "EMFILE", "ok");
    held("sigpending=5", &["signals", "10"], "5 EAGAIN", "10 ok");
}

#[test]
fn the_program_cannot_raise_a_hard_limit_again() {
    for entry in EVERY {
        let raise = ["-c", "ulimit -n 20 2>/dev/null && echo raised; ulimit -n 10 && echo lowered"];
        let sandbox = Sandbox::new(entry).set("rlimit", "nofile=16");
        assert_eq!(sandbox.run("sh", &raise).out, "lowered\n");
        assert_eq!(Sandbox::new(entry).run("sh", &raise).out, "raised\nlowered\n");
    }
}
