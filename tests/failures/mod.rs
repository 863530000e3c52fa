//! Every call of the set-up fails once, and every process of it is killed at each of its calls: the program runs in a
//! sandbox that is exactly the one asked for, or it does not run.
//!
//! A file is a process or a route, and `instrument` what fails its calls.

mod groups;
mod inner;
mod instrument;
mod interfaces;
mod launcher;
mod layered;
mod maps;
mod messages;
mod observer;
mod outer;
mod uplink;

use crate::support::{Entry, Sandbox, TempDir};

/// Every kind of step takes part; `no-tsc`, which only the library can do, where it does.
fn sandbox(entry: Entry) -> Sandbox {
    let sandbox = Sandbox::new(entry).with(if entry == Entry::Preload { &["no-tsc"] } else { &[] });
    sandbox.with(&[
        "hostname=box",
        "bind-ro=/usr:/srv",
        "tmpfs=/mnt",
        "hide=/media",
        "hide=/etc/nsswitch.conf",
        "overlay=/var/mail:lower=/usr/share",
        "symlink=x:/tmp/link",
        "dir=/tmp/dir:mode=700",
        "file=/tmp/file:text",
        "bind-ro=/etc/hosts:/tmp/hosts:noexec",
        "new-session",
        "env=A=b",
        "rlimit=nofile=64",
        "rlimit=core=0",
        "nice=19",
        "oom-score-adj=500",
        "max-cpus=1",
        "personality=addr-no-randomize",
        "umask=0027",
        "monotonic-offset=100",
    ])
}

/// What outer and inner do beyond the usual for reports, limits and an environment that is larger than the caller's.
fn accounted(dir: &TempDir, entry: Entry) -> Sandbox {
    let sandbox = sandbox(entry).with(&["stderr-null", "time-limit=1h"]);
    // More than are taken out, so that the program is executed once more.
    let sandbox = (0..30).fold(sandbox, |sandbox, n| sandbox.set("env", format!("V{n}={n}")));
    sandbox.set("stats", dir.join("stats")).set("log-file", dir.join("log"))
}

/// No namespace is new; what is left is asked for.
const BARE: [&str; 6] = [
    "share=user,mount,pid,net,ipc,uts,cgroup,time",
    "net=filter",
    "landlock-rx=/usr",
    "landlock-rw=/tmp",
    "landlock-scope=signal",
    "init",
];
