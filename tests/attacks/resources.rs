//! R: what the machine has to give.

use super::probe::Act::Words;
use super::probe::{Control, Probe, probe, untried};
use super::run::{Start, said};
use crate::support::groups::Groups;

pub fn probes() -> Vec<Probe> {
    [of_a_process(), together()].concat()
}

/// Why it stopped: how far it came is the machine's.
fn why(said: &str) -> String {
    said.rsplit(' ').next().unwrap_or_default().to_owned()
}

fn of_a_process() -> Vec<Probe> {
    vec![
        probe("R1", "memory of its own: `rlimit as`")
            .by(&["rlimit=as=256m"])
            .does(|start| why(&said(&start.probe(&["limit", "map", "512"]))))
            .both("ENOMEM", Control::With(&[], "ok")),
        probe("R1a", "memory in a private file system: `tmpfs size`")
            .by(&["tmpfs=/scratch:size=64k"])
            .act(&["file", "fill", "/scratch/x"])
            .both("ENOSPC", Control::With(&["tmpfs=/scratch:size=4m"], "ok")),
        probe("R1b", "memory in a file without a name, memfd_create(2): `rlimit fsize`")
            .by(&["rlimit=fsize=1m"])
            .act(&["attack", "memfd", "4"])
            .both("EFBIG", Control::With(&[], "ok")),
        probe("R1c", "memory in pipes that are made larger than the host allows")
            .act(&["attack", "pipes", "1073741824"])
            .both("EPERM", Control::Other("within fs.pipe-max-size", &[], Words(&["attack", "pipes", "65536"]), "ok")),
        probe("R1d", "memory that is locked: `rlimit memlock`")
            .with(&["rlimit=memlock=64k"])
            .act(&["limit", "lock", "1024"])
            .both("ENOMEM", Control::Other("within it", &[], Words(&["limit", "lock", "16"]), "ok")),
        probe("R3", "descriptors: `rlimit nofile`")
            .by(&["rlimit=nofile=32"])
            .act(&["limit", "files", "100"])
            .both("29 EMFILE", Control::With(&[], "100 ok")),
        probe("R3a", "descriptors beyond the soft limit, which the program raises to the hard one")
            .with(&["rlimit=nofile=32:40"])
            .act(&["all", "calls", "prlimit64:0:7:u64=40,40:0", "+", "limit", "files", "100"])
            .both("ok, 37 EMFILE", Control::Nothing("as far as the hard one: N8")),
        probe("R4", "disk: `rlimit fsize`")
            .by(&["rlimit=fsize=64k"])
            .with(&["bind={dir}/inner"])
            .act(&["file", "fill", "{new}"])
            .both("EFBIG", Control::With(&[], "ok")),
        probe("R5", "the processor, spinning: `rlimit cpu`")
            .with(&["rlimit=cpu=1:1"])
            .act(&["limit", "spin", "4000"])
            .both("SIGKILL", Control::Other("within it", &[], Words(&["limit", "spin", "20"]), "ok")),
        probe("R5a", "time, asleep: `time-limit`")
            .with(&["time-limit=300ms"])
            .does(|start| {
                start.probe(&["sleep", "20000"]).code().map_or_else(String::new, |code| format!("exit {code}"))
            })
            .both("exit 124", Control::Other("within it", &[], Words(&["sleep", "1"]), "ready")),
        probe("R5b", "real-time scheduling, which nobody can interrupt")
            .act(&["limit", "fifo", "1"])
            .default("EPERM", Control::Nothing("RLIMIT_RTPRIO is 0, and the capability is gone"))
            .strict("EPERM", Control::Allow("sched_setscheduler")),
        probe("R2", "processes: `seccomp-deny=fork,vfork,clone`")
            .by(&["seccomp-deny=fork,vfork,clone"])
            .act(&["limit", "fork", "3"])
            .both("0 EPERM", Control::With(&[], "3 ok")),
        probe("R2a", "threads, likewise")
            .by(&["seccomp-deny=fork,vfork,clone"])
            .act(&["attack", "threads", "3"])
            .both("EPERM", Control::With(&[], "ok")),
        probe("R7", "a core file: `rlimit core`")
            .with(&["rlimit=core=0"])
            .act(&["calls", "prlimit64:0:4:u64=1,1:0"])
            .both(
                "EPERM",
                Control::Other("lowered is what it is", &[], Words(&["calls", "prlimit64:0:4:u64=0,0:0"]), "ok"),
            ),
        untried(
            "R7a",
            "a core that the host's core_pattern pipes to a program",
            "core_pattern is the whole host's, and not the tests' to set; it cannot be written from inside: F15a",
        ),
    ]
}

/// What only control groups hold. As root, where the host has them.
fn together() -> Vec<Probe> {
    let needs = &["cgroups"];
    vec![
        probe("R2b", "a bomb of forks: `pids-max`")
            .needs(needs)
            .does(|start| why(&said(&limited(start, "pids-max=12").probe(&["limit", "fork", "100"]))))
            .both(
                "EAGAIN",
                Control::Other(
                    "within it",
                    &[],
                    super::probe::Act::Does(|start| {
                        said(&limited(start, "pids-max=12").probe(&["limit", "fork", "3"]))
                    }),
                    "3 ok",
                ),
            ),
        probe("R1e", "memory of several processes together: `memory-max`")
            .needs(needs)
            .does(|start| said(&limited(start, "memory-max=32m").probe(&["limit", "touch", "100"])))
            .both(
                "SIGKILL",
                Control::Other(
                    "within it",
                    &[],
                    super::probe::Act::Does(|start| {
                        said(&limited(start, "memory-max=32m").probe(&["limit", "touch", "4"]))
                    }),
                    "4 ok",
                ),
            ),
        probe("R1f", "memory in a file without a name counts to it")
            .needs(needs)
            .does(|start| said(&limited(start, "memory-max=32m").probe(&["attack", "memfd", "100"])))
            .both(
                "SIGKILL",
                Control::Other(
                    "within it",
                    &[],
                    super::probe::Act::Does(|start| {
                        said(&limited(start, "memory-max=32m").probe(&["attack", "memfd", "4"]))
                    }),
                    "ok",
                ),
            ),
        untried(
            "R1g",
            "memory in System V segments and in sockets' buffers",
            "counted by control groups as R1f's is, and by nothing else: threat-model.md, resources",
        ),
        probe("R6", "memory runs out: it is told, `stats`")
            .needs(needs)
            .does(told)
            .both("oom", Control::Nothing("as R1e: within it nothing is told")),
    ]
}

thread_local! {
    static GROUPS: Groups = Groups::new();
}

fn limited<'a>(start: &'a Start, limit: &str) -> Start<'a> {
    GROUPS.with(|groups| start.with(&[&format!("cgroup-parent={}", groups.name), limit]))
}

fn told(start: &Start) -> String {
    let stats = start.scene.new_path();
    let limited = limited(start, "memory-max=32m");
    limited.with(&[&format!("stats={}", stats.display())]).probe(&["limit", "touch", "100"]);
    let text = std::fs::read_to_string(stats).unwrap_or_default();
    if text.contains("oom") { "oom".into() } else { text }
}
