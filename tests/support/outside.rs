//! Processes as the host sees them.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// A line of /proc/PID/status.
pub fn status(pid: i32, key: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.map(|value| value.trim().replace('\t', " "))
}

pub fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

/// The process inside: the only child of the one that was started.
#[track_caller]
pub fn inner(outer: i32) -> i32 {
    let mut inner = 0;
    let found = within(Duration::from_secs(5), || match children(outer)[..] {
        [child] => {
            inner = child;
            true
        }
        _ => false,
    });
    assert!(found, "{outer} has the children {:?}", children(outer));
    inner
}

/// Whether it comes true in time.
pub fn within(time: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + time;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
}
