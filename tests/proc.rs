//! /proc: the sandbox's own, and nothing in it that reaches the machine.

use std::fs;
use std::process::Command;

use crate::need;
use crate::support::ended::TIMEOUT;
use crate::support::sandbox::clean_env;
use crate::support::{Denial, EVERY, Entry, Sandbox, bins, denied, finish};

/// Files whose writing changes the machine. They are only opened.
const SWITCHES: [&str; 5] = [
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/vm/panic_on_oom",
    "/proc/sys/kernel/hostname",
    "/proc/sysrq-trigger",
    "/proc/sys/fs/file-max",
];
/// Files that tell of the machine, or of all its processes.
const COVERED: [&str; 10] = [
    "/proc/interrupts",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/modules",
    "/proc/sched_debug",
    "/proc/slabinfo",
    "/proc/timer_list",
    "/proc/vmallocinfo",
];

#[test]
fn what_changes_the_machine_is_read_only_in_every_mode() {
    for entry in EVERY {
        for settings in [&[][..], &["proc=rw"], &["proc=ro"], &["share=pid"], &["share=pid,net"], &["uid=0"]] {
            for file in SWITCHES.into_iter().filter(|file| fs::exists(file).unwrap()) {
                let answer = Sandbox::new(entry).with(settings).probe(&["file", "open-write", file]);
                assert!(["EROFS", "EACCES"].contains(&answer.ok()), "{file}, {settings:?}: {answer:?}");
            }
        }
    }
}

#[test]
fn root_on_the_host_could_have_opened_it() {
    need!("root");
    let opened = crate::support::bare(bins::probe(), &["file", "open-write", SWITCHES[0]]);
    assert_eq!(opened.ok(), "ok", "the control of the test above");
    // With all capabilities and no filter it is the mount that says no.
    for entry in EVERY {
        let strong =
            Sandbox::new(entry).with(&["share=user", "seccomp=none", "cap-keep=sys_admin,dac_override,sys_ptrace"]);
        for file in SWITCHES.into_iter().filter(|file| fs::exists(file).unwrap()) {
            assert_eq!(strong.probe(&["file", "open-write", file]).ok(), "EROFS", "{file}");
        }
    }
}

#[test]
fn a_proc_of_the_hosts_is_covered_too() {
    for entry in EVERY {
        let inside = Sandbox::new(entry).set("bind", "/proc:/proc").report();
        for at in ["/proc/sys", "/proc/irq", "/proc/bus"].into_iter().filter(|at| fs::exists(at).unwrap()) {
            let mount = inside.mount(at).unwrap_or_else(|| panic!("{at} is no mount: {:#?}", inside.all("mount")));
            assert!(mount.has("ro"), "{mount:?}");
        }
    }
}

#[test]
fn directories_of_the_machine_are_read_only_mounts() {
    for entry in EVERY {
        let inside = Sandbox::new(entry).report();
        for at in ["/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs"].into_iter().filter(|at| fs::exists(at).unwrap()) {
            let mount = inside.mount(at).unwrap_or_else(|| panic!("{at} is no mount: {:#?}", inside.all("mount")));
            assert!(mount.has("ro"), "{mount:?}");
        }
    }
}

#[test]
fn what_tells_of_the_machine_is_covered() {
    for entry in EVERY {
        for settings in [&[][..], &["proc=ro"], &["share=pid"]] {
            for file in COVERED.into_iter().filter(|file| fs::exists(file).unwrap()) {
                let cover = Sandbox::new(entry).with(settings).probe(&["file", "cat", file]);
                assert!(["", "EACCES", "EPERM"].contains(&cover.ok().trim()), "{file}, {settings:?}: {cover:?}");
            }
        }
    }
    if crate::support::need::is_root() {
        let control = crate::support::bare(bins::probe(), &["file", "cat", "/proc/timer_list"]);
        assert!(control.out.len() > 100, "on the host there is something to be covered");
    }
}

#[test]
fn a_process_can_look_at_and_change_itself() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry);
        assert_eq!(sandbox.probe(&["file", "open-write", "/proc/self/comm"]).ok(), "ok");
        assert_eq!(sandbox.probe(&["file", "read", "/proc/self/maps"]).ok(), "ok");
        assert_eq!(sandbox.probe(&["file", "read", "/proc/self/environ"]).ok(), "ok");
        assert!(sandbox.probe(&["file", "list", "/proc/self/fd"]).ok().starts_with("0,1,2"));
        assert_eq!(sandbox.report().one("dumpable"), "1", "or its files in /proc would be root's");
    }
}

#[test]
fn ro_refuses_even_that() {
    denied(&Denial {
        act: &["file", "open-write", "/proc/self/comm"],
        with: &["proc=ro"],
        without: &["proc=rw"],
        errno: "EROFS",
    });
    denied(&Denial {
        act: &["file", "open-write", "/proc/self/mem"],
        with: &["proc=ro"],
        without: &["proc=rw"],
        errno: "EROFS",
    });
}

#[test]
fn none_is_empty() {
    for entry in EVERY {
        assert_eq!(Sandbox::new(entry).set("proc", "none").probe(&["file", "list", "/proc"]).ok(), "");
    }
}

#[test]
fn a_process_outside_cannot_be_named() {
    let own = std::process::id().to_string();
    for entry in EVERY {
        assert_eq!(Sandbox::new(entry).probe(&["kill", &own, "0"]).ok(), "ESRCH");
        assert_eq!(
            Sandbox::new(entry).probe(&["file", "list", "/proc/1/root/"]).ok(),
            Sandbox::new(entry).probe(&["file", "list", "/"]).ok()
        );
    }
    denied(&Denial { act: &["kill", &own, "0"], with: &[], without: &["share=pid"], errno: "ESRCH" });
}

/// A sandbox in a mount namespace where a part of /proc is masked, as container engines do.
fn masked(entry: Entry, user: &[&str], settings: &[&str]) -> crate::support::Ended {
    let script = "mount --bind /dev/null /proc/cpuinfo && exec \"$@\"";
    let wrapper = [&["unshare", "--mount", "sh", "-c", script, "sh"], user].concat();
    Sandbox::new(entry).with(settings).wrapped(&wrapper).probe(&["report"])
}

#[test]
fn behind_a_masked_proc_a_fresh_one_is_refused_with_the_remedy() {
    need!("root", "setpriv");
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    for entry in EVERY {
        for user in [&[][..], &nobody] {
            let ended = masked(entry, user, &[]);
            ended.refused_saying(&["/proc", "EPERM", "sbx: hint: ", "--proc none"]);
            let without = masked(entry, user, &["proc=none"]);
            assert!(without.ok().contains("seccomp=2"), "{without:?}");
        }
    }
    // The control: the same namespace, nothing masked.
    let mut command = Command::new("unshare");
    clean_env(&mut command).arg("--mount").args([bins::launcher(), bins::probe()]).arg("report");
    finish(command, b"", TIMEOUT).ok();
}
