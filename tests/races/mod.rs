//! What happens at the same time: names that mean another thing a moment later, many sandboxes, supervisors that are killed.

mod crowd;
mod killed;
mod swapped;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::outside::within;

/// Who is to end, ends within.
const SHORTLY: Duration = Duration::from_secs(10);

/// The processes with this among their arguments, as the host sees them.
pub fn who_has(mark: &str) -> Vec<i32> {
    let has = |pid: &i32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.windows(mark.len()).any(|window| window == mark.as_bytes())
    };
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        std::str::from_utf8(entry.file_name().as_bytes()).ok().and_then(|name| name.parse::<i32>().ok())
    });
    pids.filter(has).collect()
}

/// None of them lives on.
#[track_caller]
pub fn nobody_has(mark: &str) {
    within(SHORTLY, || who_has(mark).is_empty());
    let left = who_has(mark);
    // Ignored: a failure is told below, and leaves nobody either.
    for &pid in &left {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    assert!(left.is_empty(), "outlived: {left:?}");
}

/// The host's mounts, as this process sees them.
fn mounts() -> Vec<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap();
    text.lines().map(String::from).collect()
}

/// No mount is there that was not there before.
#[track_caller]
fn no_mount_is_new(before: &[String]) {
    let new = || mounts().into_iter().filter(|mount| !before.contains(mount)).collect::<Vec<_>>();
    assert!(within(SHORTLY, || new().is_empty()), "{:?}", new());
}
