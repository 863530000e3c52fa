//! N: namespaces, other processes, and limits that are taken back.

use super::probe::Act::{Does, Words};
use super::probe::{Control, Probe, hidden, probe, refused};
use super::run::{Start, said};

pub fn probes() -> Vec<Probe> {
    [made(), entered(), processes(), limits()].concat()
}

fn made() -> Vec<Probe> {
    let unshare = |id, tries, act| refused(id, tries, "unshare", act);
    let clone = |id, tries, act| refused(id, tries, "clone", act);
    vec![
        unshare("N1", "unshare(2) CLONE_NEWUSER gives back every capability", &["calls", "unshare:0x10000000"]),
        unshare("N1a", "unshare(2) CLONE_NEWNS", &["calls", "unshare:0x20000"]),
        unshare("N1b", "unshare(2) CLONE_NEWNET", &["calls", "unshare:0x40000000"]),
        unshare("N1c", "unshare(2) CLONE_NEWPID", &["calls", "unshare:0x20000000"]),
        unshare("N1d", "unshare(2) CLONE_NEWTIME, which clone(2) has no bit for", &["calls", "unshare:0x80"]),
        unshare("N1e", "unshare(2) of IPC, UTS and cgroup", &["calls", "unshare:0x8000000", "unshare:0x4000000", "unshare:0x2000000"])
            .both("EPERM × 3", Control::Allow("unshare")),
        clone("N1f", "clone(2) CLONE_NEWUSER", &["calls", "clone:0x10000000:0:0:0:0"])
            .both("EPERM", Control::Nothing("as N1g, which makes no process")),
        clone("N1g", "clone(2) CLONE_NEWUSER and CLONE_FS, which exclude each other", &["calls", "clone:0x10000200:0:0:0:0"]),
        clone("N1h", "clone(2) with bit 32 of the register set", &["calls", "clone:0x110000200:0:0:0:0"]),
        hidden("N1i", "clone3(2), whose flags lie behind a pointer", "clone3", &["calls", "clone3:far:0"], "ENOSYS"),
        probe("N3", "capabilities of a nested namespace reach no further: filter `dev`, a new namespace, and the host's name is set")
            .with(&["seccomp=dev"])
            .act(&["calls", "unshare:0x10000000", "sethostname:s=x:1", "chroot:s=/"])
            .both("ok, EPERM, ok", Control::With(&["cap-keep=sys_admin"], "ok, EPERM, ok")),
        probe("N3a", "capset(2) raises what is gone")
            .act(&["calls", "capset:u64=0x20080522:u64=0xffffffff00000001,0x1,0"])
            .both("EPERM", Control::Nothing("the bounding and the permitted set are empty")),
        probe("N4", "/proc/self/uid_map is written again")
            .act(&["attack", "put", "/proc/self/uid_map", "0 0 1"])
            .default("EPERM", Control::Other("in a namespace that is new, filter dev", &["seccomp=dev", "cap-keep=setfcap"], Words(&["all", "calls", "unshare:0x10000000", "+", "attack", "put", "/proc/self/uid_map", "0 {uid} 1"]), "ok × 2"))
            .strict("ENOENT", Control::Nothing("there is no /proc")),
        probe("N4a", "setgroups(2) is allowed again")
            .act(&["attack", "put", "/proc/self/setgroups", "allow"])
            .default("EACCES", Control::Nothing("no capability, and denied for good once a gid_map is there: the kernel's rule")).strict("ENOENT", Control::Nothing("there is no /proc")),
        probe("N4b", "groups are dropped, of which one might deny a file: setgroups(2)")
            .act(&["calls", "setgroups:0:0"])
            .both("EPERM", Control::Nothing("no capability, and the namespace is denied it")),
    ]
}

fn entered() -> Vec<Probe> {
    vec![
        refused(
            "N2",
            "setns(2) of the caller's network namespace, by a descriptor that is kept",
            "setns",
            &["calls", "setns:9:0"],
        )
        .before("exec 9</proc/self/ns/net")
        .with(&["keep-fd=9"]),
        refused("N2a", "setns(2) of a process outside, by pidfd", "setns", &["calls", "setns:9:0x20000"])
            .before("exec 9</proc/self/ns/mnt")
            .with(&["keep-fd=9"]),
        probe("N2b", "without a filter, setns(2) of the caller's namespaces by descriptors that are kept")
            .before("exec 8</proc/self/ns/net 9</proc/self/ns/mnt")
            .with(&["keep-fd=8", "keep-fd=9", "seccomp=none"])
            .act(&["calls", "setns:8:0", "setns:9:0"])
            .both("EPERM × 2", Control::Nothing("no capability in the namespaces' owner: the kernel's rule")),
        probe("N2c", "the same with CAP_SYS_ADMIN")
            .before("exec 8</proc/self/ns/net 9</proc/self/ns/mnt")
            .with(&["keep-fd=8", "keep-fd=9", "seccomp=none", "cap-keep=sys_admin,sys_chroot"])
            .act(&["calls", "setns:8:0", "setns:9:0"])
            .both(
                "EPERM × 2",
                Control::Nothing("the capability is the sandbox's user namespace's, and theirs is another"),
            ),
    ]
}

fn processes() -> Vec<Probe> {
    let sibling = |id, tries, call, act| refused(id, tries, call, act).with(&["no-new-code=false"]);
    vec![
        probe("N5", "kill(2) of a process outside")
            .act(&["calls", "kill:{outer}:0"])
            .both("ESRCH", Control::With(&["share=pid"], "ok")),
        probe("N5a", "pidfd_open(2) of a process outside")
            .act(&["calls", "pidfd_open:{outer}:0"])
            .default("ESRCH", Control::With(&["share=pid"], "ok"))
            .strict("EPERM", Control::Allow("pidfd_open")),
        probe("N5b", "ptrace(2) of a process outside, in a shared pid namespace and without a filter")
            .with(&["share=pid", "seccomp=none", "no-new-code=false"])
            .act(&["calls", "ptrace:0x4206:{outer}:0:0"])
            .both("EPERM", Control::Nothing("its user namespace is another: the kernel's rule")),
        probe("N5c", "kill(2) with pid 0: every process of the caller's group, outside too")
            .act(&["calls", "kill:0:0"])
            .both("EPERM", Control::Outside("ok")),
        probe("N5d", "the same without a filter, and let through by name, with bit 32 set")
            .with(&["seccomp=none", "seccomp-allow=kill"])
            .act(&["calls", "kill:0x100000000:0"])
            .both("EPERM", Control::Outside("ok")),
        probe("N5e", "a bystander in the caller's process group is ended by kill(2) with pid 0")
            .does(bystander)
            .both("EPERM, the bystander lives", Control::Outside("signal 15")),
        probe("N5f", "the caller's process group is slowed down: setpriority(2)")
            .act(&["calls", "setpriority:1:0:1"])
            .both("EPERM", Control::Outside("ok")),
        probe("N5g", "the same by ioprio_set(2)")
            .act(&["calls", "ioprio_set:2:0:0x6000"])
            .both("EPERM", Control::Outside("ok")),
        probe("N5h", "kill(2) of everybody who can be signalled, pid -1")
            .act(&["calls", "kill:-1:9"])
            .both("ESRCH", Control::Nothing("nobody but pid 1 is there")),
        probe("N5i", "tgkill(2) and rt_sigqueueinfo(2) of a process outside")
            .act(&["calls", "tgkill:{outer}:{outer}:0", "rt_sigqueueinfo:{outer}:0:u64=0,0xffffffff,0,0"])
            .both("ESRCH × 2", Control::Nothing("as N5")),
        sibling("K11", "ptrace(2) of a child", "ptrace", &["calls", "ptrace:0x4206:child:0:0"]),
        sibling(
            "K11a",
            "process_vm_readv(2) of a child",
            "process_vm_readv",
            &["calls", "process_vm_readv:child:0:0:0:0:0"],
        ),
        sibling(
            "K11b",
            "process_vm_writev(2) of a child",
            "process_vm_writev",
            &["calls", "process_vm_writev:child:0:0:0:0:0"],
        ),
        sibling("K11c", "pidfd_getfd(2)", "pidfd_getfd", &["calls", "pidfd_getfd:-1:0:0"]),
        sibling("K11d", "process_madvise(2)", "process_madvise", &["calls", "process_madvise:-1:0:0:0:0"]),
        sibling("K11e", "kcmp(2) of a child", "kcmp", &["calls", "kcmp:1:child:99:0:0"]),
        probe("N6", "a process that was forked twice, in a session of its own, outlives the program and writes a file")
            .with(&["bind={dir}/inner", "seccomp-allow=setsid"])
            .does(orphan)
            .both("ok, nothing", Control::Outside("ok, lived")),
        probe("N6a", "prctl(2) PR_SET_PDEATHSIG lets the program outlive its supervisor")
            .act(&["calls", "prctl:1:0"])
            .both("EPERM", Control::Allow("prctl")),
        probe("N6b", "what ends the supervisor ends the program, which is stopped")
            .does(stopped)
            .both("gone", Control::Nothing("the kernel's rule for the parent's death")),
        probe("N7", "orphans that end are a flood of zombies: with `init`")
            .with(&["proc=rw", "no-new-code=false"])
            .by(&["init"])
            .act(&["zombies", "50"])
            .both("0", Control::With(&[], "50")),
    ]
}

/// A shell starts a bystander and the sandbox in one process group.
fn bystander(start: &Start) -> String {
    let script = "sleep 20 & other=$!; \"$@\"; kill -0 $other && echo 'the bystander lives'; kill $other";
    let shell = ["-c", script, "sh"];
    let act = ["calls", "kill:0:15"];
    said(&match &start.sandbox {
        Some(sandbox) => sandbox.clone().wrapped(&[&["sh"], &shell[..]].concat()).probe(&act),
        None => {
            crate::support::bare("sh", &[&shell[..], &[crate::support::bins::probe().to_str().unwrap()], &act].concat())
        }
    })
}

fn orphan(start: &Start) -> String {
    let file = start.scene.new_path();
    let ended = start.probe(&["attack".as_ref(), "orphan".as_ref(), file.as_os_str(), "200".as_ref()]);
    std::thread::sleep(std::time::Duration::from_millis(500));
    format!("{}, {}", said(&ended), std::fs::read_to_string(&file).unwrap_or_else(|_| "nothing".into()))
}

/// The supervisor is killed while the program stands still.
fn stopped(start: &Start) -> String {
    let running = start.sandbox.as_ref().unwrap().spawn(crate::support::bins::probe(), &["sleep", "60000"]);
    assert_eq!(running.line(), "ready");
    let inner = crate::support::outside::inner(running.pid());
    let kill = |pid, signal| nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
    // The supervisor stops with it, and is killed all the same.
    kill(inner, nix::sys::signal::Signal::SIGSTOP);
    kill(running.pid(), nix::sys::signal::Signal::SIGKILL);
    let gone = || crate::support::outside::status(inner, "State").is_none_or(|state| state.starts_with('Z'));
    match crate::support::outside::within(std::time::Duration::from_secs(5), gone) {
        true => "gone".into(),
        false => "it lives".into(),
    }
}

fn limits() -> Vec<Probe> {
    vec![
        probe("N8", "prlimit(2) raises a limit above its hard one")
            .by(&["rlimit=nofile=64:64"])
            .act(&["calls", "prlimit64:0:7:u64=65,65:0"])
            .both("EPERM", Control::With(&["rlimit=nofile=64:128"], "ok")),
        probe("N8a", "setrlimit(2) does")
            .by(&["rlimit=nofile=64:64"])
            .act(&["calls", "setrlimit:7:u64=65,65"])
            .both("EPERM", Control::With(&["rlimit=nofile=64:128"], "ok")),
        probe("N8b", "prlimit(2) with CAP_SYS_RESOURCE")
            .by(&["rlimit=nofile=64:64"])
            .with(&["cap-keep=sys_resource"])
            .act(&["calls", "prlimit64:0:7:u64=65,65:0"])
            .both("EPERM", Control::With(&["rlimit=nofile=64:128"], "ok")),
        probe("N8c", "a limit of a process outside")
            .act(&["calls", "prlimit64:{outer}:7:0:buf"])
            .both("ESRCH", Control::Outside("ok")),
        probe("N8d", "a process is moved to another control group: cgroup.procs")
            .does(moved)
            .default("refused", Control::Nothing("/sys is the host's, and read-only"))
            .strict("ENOENT", Control::Nothing("there is no /sys")),
        refused("N8e", "the control groups are mounted", "mount", &["calls", "mount:s=none:s=/:s=cgroup2:0:0"]),
        probe("N8f", "the same without a filter")
            .with(&["seccomp=none"])
            .act(&["calls", "mount:s=none:s=/:s=cgroup2:0:0"])
            .both("EPERM", Control::With(&["cap-keep=sys_admin"], "ok")),
        probe("N8g", "the scheduler: a nice value below the caller's")
            .act(&["calls", "setpriority:0:0:-20"])
            .default("EACCES", Control::Nothing("no CAP_SYS_NICE outside"))
            .strict("EPERM", Control::Allow("setpriority")),
        probe("N8h", "another program's processors: sched_setaffinity(2) of a process outside")
            .act(&["calls", "sched_setaffinity:{outer}:8:u64=1"])
            .default(
                "ESRCH",
                Control::Other(
                    "of itself",
                    &[],
                    Does(|start| said(&start.probe(&["calls", "sched_setaffinity:0:8:u64=-1"]))),
                    "ok",
                ),
            )
            .strict("EPERM", Control::Allow("sched_setaffinity")),
    ]
}

/// Into the first group of the host's that is shown.
fn moved(start: &Start) -> String {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let group = mounts.lines().find(|line| line.contains(" - cgroup"));
    let point = group.and_then(|line| line.split(' ').nth(4)).unwrap_or("/sys/fs/cgroup");
    match &*said(&start.probe(&["attack", "put", &format!("{point}/cgroup.procs"), "0"])) {
        // Read-only, or not the caller's; a host may mount them elsewhere than below /sys, or not at all.
        "EROFS" | "EACCES" => "refused".into(),
        "ENOENT" if start.profile == super::probe::Profile::Default => "refused".into(),
        other => other.into(),
    }
}
