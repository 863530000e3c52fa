//! Mounts that the host makes while a sandbox runs, on a host whose mounts are shared, as systemd leaves them.

use std::process::Command;

use crate::need;
use crate::support::ended::TIMEOUT;
use crate::support::sandbox::clean_env;
use crate::support::{TempDir, bins, finish};

/// What `inside` (words of a shell) sees of a mount that is made below its source after it has begun.
fn late_mount_seen_by(inside: &str) -> String {
    let dir = TempDir::new();
    // A namespace of the test's own stands for the host.
    let script = format!(
        "cd {dir}; mkdir src; mount -t tmpfs host src; mount --make-rshared /; mkdir src/late; mkfifo go; : >out
        {inside} sh -c 'echo up; read x; grep /late /proc/self/mountinfo' <go >out &
        exec 3>go; n=0; until grep -q up out || [ $n = 100 ]; do sleep 0.05; n=$((n + 1)); done
        mount -t tmpfs late src/late; echo >&3; wait; cat out",
        dir = dir.display(),
    );
    let mut command = Command::new("unshare");
    clean_env(&mut command).args(["--mount", "sh", "-c", &script]);
    finish(command, b"", TIMEOUT).ok().to_owned()
}

#[test]
fn they_do_not_appear_below_a_bind() {
    need!("root");
    // The control: a namespace that is only a slave of the host's.
    let slave = late_mount_seen_by("unshare --mount --propagation slave");
    assert!(slave.contains("/late"), "{slave}");
    let (launcher, library) = (bins::launcher().display(), bins::library().display());
    for setting in ["bind", "bind-ro"] {
        let variable = setting.replace('-', "_").to_uppercase();
        for inside in [
            format!("{launcher} --{setting} $PWD/src:/mnt"),
            format!("{launcher} --root empty --bind-ro /usr --bind-ro /lib --bind-ro /lib64 --{setting} $PWD/src:/mnt"),
            format!("env LD_PRELOAD={library} SBX_{variable}=$PWD/src:/mnt"),
        ] {
            assert_eq!(late_mount_seen_by(&inside).trim(), "up", "{inside}");
        }
    }
}
