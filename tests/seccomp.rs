//! The filter, asked call by call.
//!
//! A call is refused by the filter, and not by the kernel behind it, when `seccomp-action=kill` makes it fatal; it is
//! let through when `seccomp-allow` makes it survive that.

use std::fs;

use crate::support::{Denial, ENTRIES, Entry, Sandbox, TempDir, denied};

/// Calls answered EPERM by the default filter, with arguments that do no harm.
const REFUSED: &[&str] = &[
    "ptrace:99:1",
    "process_vm_readv:1:0:0:0:0:0",
    "process_vm_writev:1:0:0:0:0:0",
    "pidfd_getfd:-1:0:0",
    "process_madvise:-1:0:0:0:0",
    "kcmp:1:1:99:0:0",
    "unshare:0",
    "setns:-1:0",
    "mount:0:far:0:0:0",
    "umount2:far:0",
    "pivot_root:far:far",
    "chroot:far",
    "name_to_handle_at:-1:far:far:far:0",
    "open_by_handle_at:-1:far:0",
    "add_key:far:far:0:0:0",
    "request_key:far:0:0:0",
    "keyctl:999",
    "bpf:999:0:0",
    "perf_event_open:far:0:0:0:0",
    "userfaultfd:-1",
    "vmsplice:-1:0:0:0",
    "mbind:0:0:0:0:0:0",
    "set_mempolicy:99:0:0",
    "migrate_pages:1:0:0:0",
    "move_pages:1:0:0:0:0:0",
    "settimeofday:far:0",
    "clock_settime:99:far",
    "adjtimex:far",
    "clock_adjtime:99:far",
    "reboot:0:0:0:0",
    "swapon:far:0",
    "swapoff:far",
    "init_module:far:0:far",
    "finit_module:-1:far:0",
    "delete_module:far:0",
    "kexec_load:0:0:0:0",
    "kexec_file_load:-1:-1:0:0:0",
    "acct:far",
    "quotactl:0:0:0:0",
    "syslog:99:0:0",
    "iopl:0",
    "ioperm:0:0:0",
    "sethostname:far:-1",
    "setdomainname:far:-1",
];

/// Calls answered ENOSYS by the default filter although this kernel has them, so that programs fall back on others.
const ABSENT: &[&str] = &[
    "clone3:far:0",
    "fsopen:far:0",
    "fsconfig:-1:0:0:0:0",
    "fsmount:-1:0:0",
    "fspick:-1:far:0",
    "open_tree:-1:far:0",
    "move_mount:-1:far:-1:far:0",
    "mount_setattr:-1:far:0:far:0",
    "io_uring_setup:0:far",
    "io_uring_enter:-1:0:0:0:0:0",
    "io_uring_register:-1:0:0:0",
    "fanotify_init:-1:0",
    "fanotify_mark:-1:0:0:0:0",
    "modify_ldt:99:0:0",
];

fn name(call: &str) -> &str {
    call.split(':').next().unwrap()
}

#[test]
fn dangerous_calls_are_eperm() {
    let calls: Vec<&str> = ["calls"].into_iter().chain(REFUSED.iter().copied()).collect();
    for entry in ENTRIES {
        let answers = Sandbox::new(entry).probe(&calls);
        for (call, answer) in REFUSED.iter().zip(answers.ok().lines()) {
            assert_eq!(answer, "EPERM", "{call}");
        }
    }
}

#[test]
fn it_is_the_filter_that_refuses_them_and_allowing_lifts_it() {
    let killing = Sandbox::new(Entry::Launch).set("seccomp-action", "kill");
    for call in REFUSED {
        let refused = killing.probe(&["calls", call]);
        assert_eq!(refused.signal(), Some(libc::SIGSYS), "{call}: {refused:?}");
        let allowed = killing.clone().set("seccomp-allow", name(call)).probe(&["calls", call]);
        assert_eq!(allowed.code(), Some(0), "{call}: {allowed:?}");
    }
}

#[test]
fn calls_with_fallbacks_are_enosys() {
    let calls: Vec<&str> = ["calls"].into_iter().chain(ABSENT.iter().copied()).collect();
    for entry in ENTRIES {
        let answers = Sandbox::new(entry).probe(&calls);
        for (call, answer) in ABSENT.iter().zip(answers.ok().lines()) {
            assert_eq!(answer, "ENOSYS", "{call}");
        }
    }
    let here = crate::support::bare(crate::support::bins::probe(), &calls);
    for (call, without) in ABSENT.iter().zip(here.ok().lines()).filter(|(_, without)| *without != "ENOSYS") {
        let allowed = Sandbox::new(Entry::Launch).set("seccomp-allow", name(call)).probe(&["calls", call]);
        assert_ne!(allowed.ok(), "ENOSYS", "{call} is {without} outside");
    }
}

#[test]
fn namespaces_cannot_be_made() {
    for flag in ["0x10000000", "0x20000", "0x20000000", "0x40000000", "0x8000000", "0x4000000", "0x2000000"] {
        let clone = format!("clone:{flag}:0:0:0:0");
        let high = format!("clone:0x1{:0>8}:0:0:0:0", &flag[2..]);
        for entry in ENTRIES {
            let answers = Sandbox::new(entry).probe(&["calls", &clone, &high, &format!("unshare:{flag}")]);
            assert_eq!(answers.ok(), "EPERM\nEPERM\nEPERM", "{flag}");
        }
        let killed = Sandbox::new(Entry::Launch).set("seccomp-action", "kill").probe(&["calls", &clone]);
        assert_eq!(killed.signal(), Some(libc::SIGSYS));
    }
    // CLONE_NEWUSER is free to all on this kernel, or the tests themselves would not run.
    denied(&Denial {
        act: &["calls", "unshare:0x10000000"],
        with: &[],
        without: &["seccomp-allow=unshare"],
        errno: "EPERM",
    });
}

#[test]
fn processes_and_threads_can_be_made() {
    let shown = crate::support::bins::probe().parent().unwrap();
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).set("bind-ro", shown);
        assert_eq!(sandbox.probe(&["thread"]).ok(), "ok");
        assert_eq!(sandbox.probe(&["spawn", "thread"]).ok(), "ok");
    }
}

#[test]
fn x32_numbers_are_refused_in_every_filter() {
    let calls = [
        "calls",
        "x32.getpid",
        "x32.mount:0:far:0:0:0",
        "x32.unshare:0",
        "x32.execve:far:0:0",
        "x32.ioctl:0:0x5412:buf",
        "x32.600",
    ];
    for entry in ENTRIES {
        for filter in ["default", "none"] {
            let answers = Sandbox::new(entry).set("seccomp", filter).probe(&calls);
            assert_eq!(answers.ok(), ["ENOSYS"; 6].join("\n"), "{filter}");
        }
        let numbers: Vec<String> = (512..548).map(|number| format!("{number}:-1:-1:-1:-1:-1:-1")).collect();
        let calls: Vec<&str> = ["calls"].into_iter().chain(numbers.iter().map(String::as_str)).collect();
        for filter in ["default", "none"] {
            let answers = Sandbox::new(entry).set("seccomp", filter).probe(&calls);
            assert_eq!(answers.ok(), ["ENOSYS"; 36].join("\n"), "{filter}");
        }
    }
}

#[test]
fn numbers_nobody_knows_are_enosys() {
    for entry in ENTRIES {
        for filter in ["default", "none"] {
            // The last three: just below x32's, and beyond what is signed.
            let calls = ["calls", "511:0", "548:0", "999:0", "1073741823:0", "2147483649:0", "4294967294:0"];
            let answers = Sandbox::new(entry).set("seccomp", filter).probe(&calls);
            for answer in answers.ok().lines() {
                assert_eq!(answer, "ENOSYS", "{filter}");
            }
        }
    }
}

#[test]
fn calls_of_another_architecture_kill() {
    let here = crate::support::bare(crate::support::bins::probe(), &["calls", "int80"]);
    for entry in ENTRIES {
        for filter in ["default", "none"] {
            let ended = Sandbox::new(entry).set("seccomp", filter).probe(&["calls", "int80"]);
            if here.signal().is_none() {
                assert_eq!(ended.signal(), Some(libc::SIGSYS), "{filter}: {ended:?}");
            }
            assert_eq!(ended.out, "", "{filter}");
        }
    }
}

#[test]
fn personality_is_only_the_native_one() {
    for entry in ENTRIES {
        let answers = Sandbox::new(entry).probe(&[
            "calls",
            "personality:0xffffffff",
            "personality:0",
            "personality:0x400000",
            "personality:0x40000",
        ]);
        assert_eq!(answers.ok(), "ok\nok\nEPERM\nEPERM");
        let lifted = Sandbox::new(entry).set("seccomp-allow", "personality").probe(&["calls", "personality:0x400000"]);
        assert_eq!(lifted.ok(), "ok");
    }
}

#[test]
fn calls_can_be_refused_by_name() {
    let dir = TempDir::new();
    let bind = format!("bind={}", dir.display());
    for entry in ENTRIES {
        let link = dir.join(format!("{entry:?}"));
        let act = ["file", "symlink", "x", link.to_str().unwrap()];
        let refused = Sandbox::new(entry).with(&[&bind, "seccomp-deny=symlink,symlinkat"]).probe(&act);
        assert_eq!(refused.ok(), "EPERM");
        assert_eq!(Sandbox::new(entry).with(&[&bind]).probe(&act).ok(), "ok");
        assert!(fs::symlink_metadata(&link).is_ok());
        Sandbox::new(entry).with(&["seccomp-deny=no_such_call"]).probe(&["report"]).refused_saying(&["no_such_call"]);
        Sandbox::new(entry).with(&["seccomp-deny=mount", "seccomp-allow=mount"]).probe(&["report"]).refused(125);
    }
}

#[test]
fn the_answer_to_a_refused_call_can_be_chosen() {
    for entry in ENTRIES {
        let with = |action: &str| Sandbox::new(entry).with(&["seccomp-deny=symlink"]).set("seccomp-action", action);
        let act = ["calls", "symlink:far:far"];
        assert_eq!(with("errno").probe(&act).ok(), "EPERM");
        assert_eq!(with("errno:EACCES").probe(&act).ok(), "EACCES");
        assert_eq!(with("errno:17").probe(&["calls", "symlink:far:far", "unshare:0"]).ok(), "EEXIST\nEEXIST");
        assert_eq!(with("errno:17").probe(&["calls", "clone3:far:0"]).ok(), "ENOSYS", "a call that does not exist");
        for action in ["kill", "kill-thread", "trap"] {
            let ended = with(action).probe(&act);
            assert_eq!((ended.signal(), &*ended.out), (Some(libc::SIGSYS), ""), "{action}: {ended:?}");
        }
        // The launcher says so, too.
        assert_eq!(with("log").probe(&act).out, "EFAULT\n", "the kernel's own answer");
        // Answers that say that a call does not exist stay answers.
        assert_eq!(with("kill").probe(&["calls", "clone3:far:0", "x32.getpid"]).ok(), "ENOSYS\nENOSYS");
    }
}

#[test]
fn the_filter_can_be_left_out_but_for_its_core() {
    for entry in ENTRIES {
        let none = Sandbox::new(entry).set("seccomp", "none");
        assert_eq!(none.report().one("seccomp"), "2");
        assert_eq!(
            none.probe(&["calls", "ptrace:99:1", "keyctl:999", "personality:0x400000"]).ok().lines().nth(2),
            Some("ok")
        );
    }
}
