//! L: what the program learns of the host and of its caller.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::probe::{Control, Probe, probe, refused, untried};
use super::run::{Start, said};

pub fn probes() -> Vec<Probe> {
    let without_proc = Control::Nothing("there is no /proc");
    let other = Control::Other(
        "what is the caller's, LANG",
        &[],
        super::probe::Act::Words(&["attack", "has", "/proc/self/environ", "LA", "NG="]),
        "yes",
    );
    let environment = |id, tries, act| probe(id, tries).act(act).default("no", other).strict("ENOENT", without_proc);
    vec![
        environment("L1", "settings in /proc/self/environ", &["attack", "has", "/proc/self/environ", "SBX_"]),
        environment("L1a", "LD_PRELOAD in /proc/self/environ", &["attack", "has", "/proc/self/environ", "LD_PRELOAD"]),
        environment(
            "L1b",
            "settings in the arguments, /proc/self/cmdline",
            &["attack", "has", "/proc/self/cmdline", "need", "le"],
        )
        .with(&["hostname=needle"])
        .default(
            "no",
            Control::Other(
                "an argument",
                &[],
                super::probe::Act::Words(&["attack", "has", "/proc/self/cmdline", "attack"]),
                "yes",
            ),
        ),
        probe("L1c", "LD_PRELOAD and SBX_PROFILE in the program's environment")
            .act(&["all", "env", "LD_PRELOAD", "+", "env", "SBX_PROFILE"])
            .both(
                "absent × 2",
                Control::Other(
                    "another variable of the caller's",
                    &[],
                    super::probe::Act::Words(&["env", "LANG"]),
                    "C",
                ),
            ),
        probe("L1d", "the auxiliary vector")
            .act(&["attack", "aux"])
            .default("AT_SECURE 0, AT_EXECFN the program's", Control::Outside("AT_SECURE 0, AT_EXECFN the program's"))
            .strict("ENOENT", without_proc)
            .but_default(
                crate::support::Entry::Launch,
                "AT_SECURE 0, AT_EXECFN a descriptor",
                Control::Nothing(
                    "the kernel's copy: it was opened before it was executed; getauxval(3) gives its name",
                ),
            ),
        probe("L2", "the descriptors that are open: /proc/self/fd, and the one it is read by")
            .before("exec 7</etc/passwd 8>/dev/null")
            .act(&["attack", "count", "/proc/self/fd"])
            .default("4", Control::With(&["keep-fd=7", "keep-fd=8"], "6"))
            .strict("ENOENT", without_proc),
        probe("L2a", "the descriptors 3 to 9, one by one")
            .before("exec 7</etc/passwd 8>/dev/null")
            .act(&["calls", "fcntl:3:1", "fcntl:4:1", "fcntl:5:1", "fcntl:6:1", "fcntl:7:1", "fcntl:8:1", "fcntl:9:1"])
            .both("EBADF × 7", Control::With(&["keep-fd=7", "keep-fd=8"], "EBADF × 4, ok × 2, EBADF")),
        probe("L3", "the host's name")
            .does(|start| of_report(start, "hostname"))
            .both("sandbox", Control::With(&["share=uts"], "the host's")),
        probe("L3a", "the boot's identity, /proc/sys/kernel/random/boot_id")
            .does(boot_id)
            .default("the host's", Control::Nothing("not hidden: it is the kernel's, like its version"))
            .strict("ENOENT", without_proc),
        probe("L3b", "the identity of the machine, /etc/machine-id")
            .act(&["file", "read", "/etc/machine-id"])
            .needs(&["/etc/machine-id"])
            .default("ok", Control::With(&["hide=/etc"], "ENOENT"))
            .strict("ENOENT", Control::With(&["root=host"], "ok")),
        probe("L3c", "the ids outside, /proc/self/uid_map")
            .does(|start| of_report(start, "uid_map"))
            .default("its own id alone", Control::Nothing("as the kernel shows it"))
            .strict("", without_proc),
        probe("L3d", "the control group, /proc/self/cgroup")
            .does(|start| of_report(start, "cgroup"))
            .default("/", Control::With(&["share=cgroup"], "/; of the host's"))
            .strict("", without_proc),
        probe("L3e", "what the launcher was told, /proc/1/cmdline")
            .act(&["attack", "has", "/proc/1/cmdline", "sbx-", "launch"])
            .default("no", Control::Nothing("pid 1 is the program; the launcher is not there"))
            .strict("ENOENT", without_proc),
        probe("L3f", "the host's mount points, /proc/self/mountinfo")
            .act(&["attack", "has", "/proc/self/mountinfo", "sysfs"])
            .default("yes", Control::With(&["root=empty", "bind-ro=/usr", "bind-ro=/lib", "bind-ro=/lib64"], "no"))
            .strict("ENOENT", without_proc),
        probe("L3g", "the processes of the host")
            .does(|start| of_report(start, "process"))
            .default("1", Control::With(&["share=pid"], "the host's"))
            .strict("", without_proc),
        probe("L3h", "who its parent, its group and its session are")
            .act(&["attack", "ids"])
            .both("1 0 0 0", Control::With(&["new-session"], "1 0 1 1")),
        probe("L3i", "the kernel's addresses, /proc/kallsyms")
            .act(&["file", "cat", "/proc/kallsyms"])
            .default("", Control::Nothing("covered by an empty file"))
            .strict("ENOENT", without_proc),
        probe("L3j", "the kernel's messages: /proc/kmsg")
            .act(&["file", "cat", "/proc/kmsg"])
            .default("", Control::Nothing("covered by an empty file"))
            .strict("ENOENT", without_proc),
        probe("L3k", "the kernel's messages: /dev/kmsg")
            .act(&["file", "read", "/dev/kmsg"])
            .both("ENOENT", Control::Nothing("/dev is the sandbox's own")),
        probe("L3l", "the host's disks: /dev")
            .act(&["attack", "has", "/proc/self/mountinfo", " /dev/mqueue "])
            .default("no", Control::Nothing("/dev is the sandbox's own"))
            .strict("ENOENT", without_proc),
        probe("L3m", "the interfaces of the host, /proc/net/dev")
            .does(|start| of_report(start, "net"))
            .default("lo", Control::Nothing("the namespace's own"))
            .strict("", without_proc),
        probe("L3n", "System V memory of the host's: shmget(2) of its key")
            .does(shared_memory)
            .both("ENOENT", Control::With(&["share=ipc"], "found")),
        refused("L4", "the caller's session keyring is searched", "keyctl", &["calls", "keyctl:10:-3:far:far:0"]),
        refused("L4a", "the user's keyring is joined", "keyctl", &["calls", "keyctl:1:0"]),
        untried("L5", "timing, caches and load", "not stopped: threat-model.md, side channels"),
    ]
}

/// A key of the report, made comparable between hosts.
fn of_report(start: &Start, key: &str) -> String {
    let ended = start.probe(&["report"]);
    if !ended.out.contains("pid=") {
        return said(&ended);
    }
    let inside = crate::support::Report::parse(&ended.out);
    let uid = nix::unistd::getuid();
    match (key, inside.all(key)) {
        (_, []) => String::new(),
        ("hostname", [name]) if *name == crate::support::Report::of_the_host().one("hostname") => "the host's".into(),
        ("uid_map", [map]) if *map == format!("{uid} {uid} 1") => "its own id alone".into(),
        ("cgroup", groups) if groups.iter().all(|group| group.ends_with(":/")) && start.is_own_cgroup() => "/".into(),
        ("cgroup", _) => "/; of the host's".into(),
        ("process", [one]) => one.clone(),
        ("process", _) => "the host's".into(),
        ("net", lines) => {
            let names = lines.iter().filter_map(|line| line.split_once(':')).map(|(name, _)| name);
            names.filter(|name| !name.contains(' ')).collect::<Vec<_>>().join(" ")
        }
        (_, values) => values.join(", "),
    }
}

impl Start<'_> {
    /// A host may have its processes in root groups, which tells nothing.
    fn is_own_cgroup(&self) -> bool {
        let namespace = crate::support::Report::of_the_host().one("ns.cgroup").to_owned();
        let ended = self.probe(&["report"]);
        !ended.out.contains(&format!("ns.cgroup={namespace}\n"))
    }
}

fn boot_id(start: &Start) -> String {
    const FILE: &str = "/proc/sys/kernel/random/boot_id";
    let inside = said(&start.probe(&["file", "cat", FILE]));
    let outside = std::fs::read_to_string(FILE).unwrap();
    if inside.starts_with(outside.trim()) { "the host's".into() } else { inside }
}

/// A segment of the host's, made for this.
fn shared_memory(start: &Start) -> String {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    // Below what a key_t holds, and each of its own.
    let key = std::process::id() as usize % 1_000_000 * 1000 + MADE.fetch_add(1, Ordering::Relaxed) + 1;
    // IPC_CREAT and mode 600; IPC_RMID.
    let make = |act: &str| crate::support::bare(crate::support::bins::probe(), &["calls", act]);
    assert_eq!(make(&format!("shmget:{key}:4096:0x380")).ok(), "ok");
    let seen = said(&start.probe(&["calls", &format!("shmget:{key}:0:0")]));
    assert_eq!(make(&format!("shm-remove:{key}")).ok(), "ok");
    if seen == "ok" { "found".into() } else { seen }
}
