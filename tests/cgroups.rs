//! Control groups: limits that hold for everything inside together, and nothing left of them afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::need;
use crate::support::groups::Groups;
use crate::support::outside::{children, status, within};
use crate::support::{ENTRIES, Ended, Entry, Sandbox, TempDir};

const SHORTLY: Duration = Duration::from_secs(8);
/// A user without a home or a group: nobody's.
const NOBODY: u32 = 65534;

/// A sandbox with its groups below these.
fn below(groups: &Groups, entry: Entry, settings: &[&str]) -> Sandbox {
    Sandbox::new(entry).set("cgroup-parent", &groups.name).with(settings)
}

/// As an ordinary user.
fn as_nobody(sandbox: Sandbox) -> Sandbox {
    let id = NOBODY.to_string();
    sandbox.wrapped(&["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"])
}

/// A run, and what it says of itself.
fn told(sandbox: &Sandbox, act: &[&str]) -> (Value, Ended) {
    let dir = TempDir::new();
    let file = dir.join("stats");
    let ended = sandbox.clone().set("stats", &file).probe(act);
    let text = fs::read_to_string(&file).unwrap();
    (serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}; {ended:?}")), ended)
}

fn number(told: &Value, key: &str) -> f64 {
    told[key].as_f64().unwrap_or_else(|| panic!("no number {key} in {told}"))
}

/// The process inside and the keeper, who are both children of the one outside.
#[track_caller]
fn inner_and_keeper(outer: i32) -> (i32, i32) {
    let named = |is_keeper: bool| {
        let is_it = |pid: &i32| (status(*pid, "Name").as_deref() == Some("sbx-keeper")) == is_keeper;
        children(outer).into_iter().find(is_it)
    };
    assert!(within(SHORTLY, || named(true).is_some() && named(false).is_some()), "{:?}", children(outer));
    (named(false).unwrap(), named(true).unwrap())
}

#[track_caller]
fn nothing_is_left(groups: &Groups) {
    assert_eq!(groups.left(), Vec::<PathBuf>::new());
}

#[test]
fn more_memory_than_there_may_be_is_the_end_and_is_told_as_such() {
    need!("root", "cgroups");
    let groups = Groups::new();
    for entry in ENTRIES {
        for settings in [&[][..], &["init"]] {
            let dir = TempDir::new();
            let log = dir.join("log");
            let sandbox = below(&groups, entry, &["memory-max=64m"]).with(settings).set("log-file", &log);
            let (said, ended) = told(&sandbox, &["limit", "touch", "1024"]);
            assert_eq!(fs::read_to_string(log).unwrap(), "sbx: cgroup: out of memory: everything inside was killed\n");
            assert_eq!((ended.signal(), &*ended.out, &*ended.err), (Some(libc::SIGKILL), "", ""), "{said}");
            assert_eq!(
                (&said["killed-by"], &said["killed"], &said["status"]),
                (&"memory".into(), &true.into(), &"SG".into())
            );
            assert!(number(&said, "cg-oom-kills") >= 1.0, "{said}");
            assert!((60_000.0..=65_536.0).contains(&number(&said, "cg-mem")), "{said}");
            nothing_is_left(&groups);
            // Its control, with another limit.
            let control = below(&groups, entry, &["pids-max=50"]).with(settings);
            let (said, ended) = told(&control, &["limit", "touch", "1024"]);
            assert_eq!(ended.ok(), "1024 ok");
            assert!(
                said.get("killed-by").is_none() && said.get("cg-mem").is_none() && said.get("cg-oom-kills").is_none()
            );
            let enough = below(&groups, entry, &["memory-max=64m"]).with(settings);
            let (said, ended) = told(&enough, &["limit", "touch", "40"]);
            assert_eq!((ended.ok(), number(&said, "cg-oom-kills")), ("40 ok", 0.0));
            nothing_is_left(&groups);
        }
    }
}

#[test]
fn when_a_child_is_killed_for_want_of_memory_all_are() {
    need!("root", "cgroups");
    let groups = Groups::new();
    for entry in ENTRIES {
        for settings in [&[][..], &["init"], &["share=pid"]] {
            let sandbox = below(&groups, entry, &["memory-max=32m"]).with(settings);
            // The child says nothing and the parent would: of its signal.
            let script = "\"$0\" limit touch 300; sleep 9; echo lived";
            let dir = TempDir::new();
            let probe = dir.install(crate::support::bins::probe(), "probe");
            let begun = Instant::now();
            let sandbox = sandbox.set("bind-ro", &*dir).set("stats", dir.join("stats"));
            let ended = sandbox.run("/bin/sh", &["-c", script, probe.to_str().unwrap()]);
            assert_eq!((ended.signal(), &*ended.out), (Some(libc::SIGKILL), ""), "{settings:?} {ended:?}");
            assert!(begun.elapsed() < SHORTLY, "{settings:?}");
            let said: Value = serde_json::from_str(&fs::read_to_string(dir.join("stats")).unwrap()).unwrap();
            assert_eq!(said["killed-by"], "memory", "{said}");
            nothing_is_left(&groups);
        }
    }
}

#[test]
fn files_in_memory_are_memory() {
    need!("root", "cgroups");
    let groups = Groups::new();
    for entry in ENTRIES {
        let write = ["limit", "write", "/tmp/file", "104857600"];
        let (said, ended) = told(&below(&groups, entry, &["memory-max=32m"]), &write);
        assert_eq!((ended.signal(), &said["killed-by"]), (Some(libc::SIGKILL), &"memory".into()), "{ended:?}");
        assert_eq!(below(&groups, entry, &["memory-max=256m"]).probe(&write).ok(), "104857600 ok");
        nothing_is_left(&groups);
    }
}

#[test]
fn no_more_processes_than_there_may_be() {
    need!("root", "cgroups");
    let groups = Groups::new();
    for entry in ENTRIES {
        let forks = |settings: &[&str], count: &str| {
            below(&groups, entry, settings).probe(&["limit", "fork", count]).ok().to_owned()
        };
        assert_eq!(forks(&["pids-max=32"], "100"), "31 EAGAIN");
        assert_eq!(forks(&["pids-max=32", "init"], "100"), "30 EAGAIN", "the reaper is one");
        assert_eq!(forks(&["pids-max=200"], "100"), "100 ok");
        assert_eq!(forks(&["pids-max=1"], "1"), "0 EAGAIN");
        let (said, ended) = told(&below(&groups, entry, &["pids-max=9"]), &["limit", "fork", "5"]);
        assert_eq!((ended.ok(), said.get("cg-pids-peak").is_none_or(|peak| *peak == 6)), ("5 ok", true), "{said}");
        nothing_is_left(&groups);
    }
}

#[test]
fn a_fork_bomb_stays_in_its_group_and_the_host_goes_on() {
    need!("root", "cgroups");
    let groups = Groups::new();
    for entry in ENTRIES {
        let sandbox = below(&groups, entry, &["pids-max=32", "cpu-max=50", "time-limit=3s"]);
        let running = sandbox.spawn(crate::support::bins::probe(), &["limit", "bomb"]);
        assert_eq!(running.line(), "ready");
        assert!(within(SHORTLY, || groups.says("pids.current") == "32"), "{}", groups.says("pids.current"));
        // The host has processes to spare.
        let begun = Instant::now();
        assert!(std::process::Command::new("true").status().unwrap().success() && begun.elapsed() < SHORTLY);
        let ended = running.wait();
        assert_eq!(ended.code(), Some(124), "{ended:?}");
        nothing_is_left(&groups);
    }
}

#[test]
fn no_more_processor_time_than_there_may_be() {
    need!("root", "cgroups");
    let groups = Groups::new();
    let got = |ended: &Ended| ended.ok().parse::<f64>().unwrap();
    let (said, ended) = told(&below(&groups, Entry::Preload, &["cpu-max=20"]), &["limit", "spin-wall", "5000"]);
    let limited = got(&ended);
    // A fifth, and what a period may go over.
    assert!(limited <= 1250.0, "{limited} ms of 5000");
    assert!(number(&said, "cg-throttled") >= 0.0 && number(&said, "cg-throttled-time") >= 0.0, "{said}");
    assert!(number(&said, "cg-time") <= 1.3, "{said}");
    // On a machine with a processor to spare it is no less either, and without the limit all of it.
    let free = got(&below(&groups, Entry::Preload, &["pids-max=9"]).probe(&["limit", "spin-wall", "1000"]));
    if free > 950.0 {
        assert!(number(&said, "cg-throttled") >= 1.0, "{said}");
        assert!(limited >= 750.0, "{limited} ms of 5000");
    }
    nothing_is_left(&groups);
}

#[test]
fn the_limits_are_what_was_asked_for_and_the_processes_are_in_their_group() {
    need!("root", "cgroups");
    let groups = Groups::new();
    for entry in ENTRIES {
        let limits = ["memory-max=64m", "swap-max=16m", "pids-max=9", "cpu-max=150"];
        let running = below(&groups, entry, &limits).spawn(crate::support::bins::probe(), &["sleep", "20000"]);
        assert_eq!(running.line(), "ready");
        let (inner, keeper) = inner_and_keeper(running.pid());
        assert_eq!(groups.says("pids.max"), "9");
        let v1 = groups.files("memory.limit_in_bytes").len() == 1;
        if v1 {
            assert_eq!(groups.says("memory.limit_in_bytes"), "67108864");
            assert_eq!(groups.says("memory.memsw.limit_in_bytes"), "83886080");
            assert_eq!(groups.says("cpu.cfs_quota_us"), "150000");
        } else {
            assert_eq!(groups.says("memory.max"), "67108864");
            assert_eq!(
                (groups.says("memory.swap.max"), groups.says("memory.oom.group")),
                ("16777216".into(), "1".into())
            );
            assert_eq!(groups.says("cpu.max"), "150000 100000");
        }
        let of = |pid: i32| fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        let inside = of(inner);
        let joined = inside.lines().filter(|line| line.ends_with("/inside") && line.contains("/sbx-run-")).count();
        assert_eq!(joined, groups.left().iter().filter(|dir| dir.ends_with("inside")).count(), "{inside}");
        // Who stays outside is where the caller is.
        for pid in [running.pid(), keeper] {
            assert_eq!(of(pid), fs::read_to_string("/proc/self/cgroup").unwrap(), "{pid}");
        }
        drop(running);
        assert!(within(SHORTLY, || groups.left().is_empty()), "{:?}", groups.left());
    }
}

#[test]
fn the_program_sees_itself_at_the_root_and_cannot_change_its_limits() {
    need!("root", "cgroups");
    let groups = Groups::new();
    for entry in ENTRIES {
        // Whatever else may be written to.
        for settings in [&[][..], &["root-rw"], &["root-rw", "seccomp=none"]] {
            let limits = ["pids-max=9", "memory-max=64m"];
            let sandbox = below(&groups, entry, &limits).with(settings);
            let running = sandbox
                .spawn("/bin/sh", &["-c", "echo ready; read path; cat /proc/self/cgroup; (echo 99 >$path) 2>&1; true"]);
            let mut running = running;
            assert_eq!(running.line(), "ready");
            let file = groups.files("pids.max").pop().unwrap();
            assert_eq!(groups.says("pids.max"), "9");
            use std::io::Write;
            writeln!(running.stdin.take().unwrap(), "{}", file.display()).unwrap();
            let ended = running.wait();
            let pids = ended.out.lines().find(|line| line.contains(":pids:") || line.starts_with("0::")).unwrap();
            assert!(pids.ends_with(":/"), "{ended:?}");
            assert!(ended.out.contains("Read-only file system"), "{settings:?} {ended:?}");
            nothing_is_left(&groups);
        }
        // The control: outside it is root's to write to. And what would be writable inside is refused.
        let made = groups.make("sbx-control");
        for dir in made {
            if dir.join("pids.max").exists() {
                fs::write(dir.join("pids.max"), "99").unwrap();
            }
            fs::remove_dir(dir).unwrap();
        }
        let sandbox = below(&groups, entry, &["pids-max=9"]);
        let refused = sandbox.clone().with(&["bind=/sys/fs/cgroup:/mnt"]).probe(&["report"]);
        refused.refused_saying(&["sbx: cgroup: read /proc/self/mountinfo: ", "(EBADE)", "--bind-ro"]);
        sandbox.clone().with(&["bind-ro=/sys/fs/cgroup:/mnt"]).probe(&["exit", "0"]).ok();
        sandbox.with(&["share=mount"]).probe(&["exit", "0"]).refused_saying(&["pids-max", "mount namespace"]);
        nothing_is_left(&groups);
    }
}

#[test]
fn a_run_that_fails_leaves_no_group() {
    need!("root", "cgroups");
    let groups = Groups::new();
    for entry in ENTRIES {
        let sandbox = below(&groups, entry, &["pids-max=9", "memory-max=64m", "cpu-max=50"]);
        sandbox.probe(&["exit", "7"]);
        nothing_is_left(&groups);
        sandbox.clone().with(&["bind=/nowhere:/mnt"]).probe(&["report"]).refused_saying(&["sbx: mounts: "]);
        nothing_is_left(&groups);
        sandbox.clone().with(&["rlimit=as=1k:1k", "uid-map=9:9:9"]).probe(&["report"]);
        nothing_is_left(&groups);
        let starved = below(&groups, entry, &["memory-max=64k"]).probe(&["report"]);
        assert_eq!((starved.code(), &*starved.out), (Some(125), ""), "{starved:?}");
        assert!(starved.err.contains("memory"), "{starved:?}");
        nothing_is_left(&groups);
    }
}

#[test]
fn as_root_becoming_another_user_the_groups_are_removed_too() {
    need!("root", "cgroups");
    let groups = Groups::new();
    for entry in ENTRIES {
        let maps = ["uid-map=0:100000:1000", "gid-map=0:100000:1000", "uid=5", "gid=7", "pids-max=9", "memory-max=64m"];
        assert_eq!(below(&groups, entry, &maps).probe(&["limit", "fork", "20"]).ok(), "8 EAGAIN");
        nothing_is_left(&groups);
    }
}

#[test]
fn a_supervisor_that_is_killed_leaves_no_group() {
    need!("root", "cgroups");
    let groups = Groups::new();
    for entry in ENTRIES {
        let running = below(&groups, entry, &["pids-max=9"]).spawn(crate::support::bins::probe(), &["sleep", "20000"]);
        assert_eq!(running.line(), "ready");
        assert!(!groups.left().is_empty());
        running.signal(Signal::SIGKILL);
        running.wait();
        assert!(within(SHORTLY, || groups.left().is_empty()), "{:?}", groups.left());
    }
}

/// A sandbox whose supervisor and keeper are killed: its groups stay behind.
fn abandoned(groups: &Groups, entry: Entry) {
    let running = below(groups, entry, &["pids-max=9"]).spawn(crate::support::bins::probe(), &["sleep", "20000"]);
    assert_eq!(running.line(), "ready");
    let (inner, keeper) = inner_and_keeper(running.pid());
    kill(Pid::from_raw(keeper), Signal::SIGKILL).unwrap();
    running.signal(Signal::SIGKILL);
    running.wait();
    assert!(within(SHORTLY, || status(inner, "State").is_none_or(|state| state.starts_with('Z'))));
    assert!(!groups.left().is_empty());
}

#[test]
fn what_is_stale_is_removed_by_the_next_run_and_what_is_alive_is_not() {
    need!("root", "cgroups", "flock");
    for entry in ENTRIES {
        let groups = Groups::new();
        let alive = below(&groups, entry, &["pids-max=7"]).spawn(crate::support::bins::probe(), &["sleep", "20000"]);
        assert_eq!(alive.line(), "ready");
        let there = groups.left();
        abandoned(&groups, entry);
        assert!(groups.left().len() > there.len());
        // One that nobody is in yet, but somebody holds; and what is none of ours.
        let held = groups.make("sbx-run-1-0");
        let mut holders: Vec<_> = held
            .iter()
            .map(|dir| std::process::Command::new("flock").arg(dir).args(["sleep", "30"]).spawn().unwrap())
            .collect();
        let has = |dir: &&PathBuf| {
            ["pids.max", "memory.stat", "cpu.max", "cpu.cfs_quota_us"].iter().any(|file| dir.join(file).exists())
        };
        let used: Vec<_> = held.iter().filter(has).collect();
        assert!(!used.is_empty());
        let others = groups.make("sbx-shell");
        let is_held = |dir: &Path| {
            !std::process::Command::new("flock").arg("-n").arg(dir).arg("true").status().unwrap().success()
        };
        assert!(held.iter().all(|dir| within(SHORTLY, || is_held(dir))));
        below(&groups, entry, &["pids-max=9", "memory-max=64m"]).probe(&["exit", "0"]).ok();
        let left = groups.left();
        assert!(there.iter().all(|dir| left.contains(dir)), "{there:?} {left:?}");
        assert!(held.iter().chain(&others).all(|dir| left.contains(dir)), "{left:?}");
        assert_eq!(left.len(), there.len() + held.len() + others.len(), "{left:?}");
        for holder in &mut holders {
            // sleep(1) has the lock too, and is in no group of its own: it is killed as the child of flock(1).
            for child in children(i32::try_from(holder.id()).unwrap()) {
                kill(Pid::from_raw(child), Signal::SIGKILL).unwrap();
            }
            holder.wait().unwrap();
        }
        below(&groups, entry, &["pids-max=9", "memory-max=64m", "cpu-max=90"]).probe(&["exit", "0"]).ok();
        let left = groups.left();
        assert!(!used.iter().any(|dir| left.contains(*dir)), "{left:?}");
        assert!(there.iter().all(|dir| left.contains(dir)));
        drop(alive);
    }
}

#[test]
fn what_outlives_the_run_keeps_its_group_and_its_limit() {
    need!("root", "cgroups");
    let groups = Groups::new();
    for entry in ENTRIES {
        let sandbox = below(&groups, entry, &["pids-max=9", "share=pid"]);
        let begun = Instant::now();
        let script = "sleep 4 >/dev/null 2>&1 & exit 3";
        assert_eq!(sandbox.run("/bin/sh", &["-c", script]).code(), Some(3));
        assert!(begun.elapsed() < Duration::from_secs(3), "it was not waited for");
        assert_eq!((groups.says("pids.max"), groups.says("pids.current")), ("9".into(), "1".into()));
        // Nobody takes it away meanwhile.
        below(&groups, entry, &["pids-max=8"]).probe(&["exit", "0"]).ok();
        assert_eq!(groups.says("pids.max"), "9");
        assert!(within(SHORTLY, || groups.says("pids.current") == "0"));
        sandbox.probe(&["exit", "0"]).ok();
        nothing_is_left(&groups);
    }
}

#[test]
fn without_a_pid_namespace_time_ends_for_everything_in_the_group() {
    need!("root", "cgroups");
    let groups = Groups::new();
    for entry in ENTRIES {
        let dir = TempDir::new();
        let sandbox = below(&groups, entry, &["pids-max=20", "share=pid", "time-limit=500ms"]).set("bind", &*dir);
        let script = format!("setsid sh -c 'while :; do echo >>{}/ticks; sleep 0.05; done' & sleep 20", dir.display());
        let ended = sandbox.run("/bin/sh", &["-c", &script]);
        assert_eq!(ended.code(), Some(124), "{ended:?}");
        let ticks = || fs::read(dir.join("ticks")).unwrap().len();
        let then = ticks();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!((then > 0, ticks()), (true, then), "it ticks on");
        nothing_is_left(&groups);
    }
}

#[test]
fn a_user_to_whom_groups_were_given_can_be_limited_and_another_is_told_how() {
    need!("root", "cgroups", "setpriv");
    let groups = Groups::new();
    groups.give_to(NOBODY);
    for entry in ENTRIES {
        let sandbox = as_nobody(below(&groups, entry, &["pids-max=9", "memory-max=64m", "cpu-max=90"]));
        assert_eq!(sandbox.probe(&["limit", "fork", "20"]).ok(), "8 EAGAIN");
        assert_eq!(sandbox.probe(&["limit", "touch", "300"]).signal(), Some(libc::SIGKILL));
        nothing_is_left(&groups);
        for settings in [&["pids-max=9"][..], &["memory-max=1g"], &["cpu-max=5"]] {
            let refused = as_nobody(Sandbox::new(entry).with(settings)).probe(&["exit", "0"]);
            refused.refused_saying(&["is not delegated to uid 65534", "sbx: hint: "]);
            let hint = refused.err.lines().nth(1).unwrap();
            assert!(
                hint.contains("chown 65534") || hint.contains("systemd-run --user --scope -p Delegate=yes"),
                "{hint}"
            );
        }
    }
}

#[test]
fn a_user_without_groups_is_told_how_to_come_by_them() {
    need!("user");
    for entry in ENTRIES {
        let ended = Sandbox::new(entry).set("pids-max", "9").probe(&["exit", "0"]);
        if ended.code() == Some(0) {
            continue;
        }
        let message = ended.refused(125);
        assert!(message.starts_with("sbx: policy: pids-max: ") && message.contains("\nsbx: hint: "), "{message}");
    }
}

#[test]
fn a_group_that_is_not_there_is_refused_by_name() {
    need!("root", "cgroups");
    for entry in ENTRIES {
        let parent =
            |name: &str| Sandbox::new(entry).set("cgroup-parent", name).set("pids-max", "9").probe(&["exit", "0"]);
        parent("sbx-no-such").refused_saying(&["sbx-no-such does not exist", "sbx: hint: mkdir /sys/fs/cgroup"]);
        parent("../x").refused_saying(&["'../x'", "leads upwards"]);
        let alone = Sandbox::new(entry).set("cgroup-parent", ".").probe(&["exit", "0"]);
        alone.refused_saying(&["cgroup-parent", "nothing is limited"]);
    }
    if !fs::read_to_string("/proc/self/cgroup").unwrap().contains("net_cls") {
        let refused = Sandbox::new(Entry::Launch).set("net-class", "0x100001").probe(&["exit", "0"]);
        refused.refused_saying(&[
            "net_cls",
            "sbx: hint: as root: mkdir -p /sys/fs/cgroup/net_cls && mount -t cgroup -o net_cls",
        ]);
    }
}
