//! What the kernel says of a process that waits. It may be hostile: what it can say itself is not among this.

use std::fs::File;
use std::io::Read;

/// The largest file of /proc that is read.
const PROC_MAX: u64 = 8 << 20;

/// A file of `/proc/THREAD`, cut at a size that none has by itself.
pub fn read(thread: i32, name: &str) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let file = File::open(format!("/proc/{thread}/{name}")).ok()?;
    file.take(PROC_MAX).read_to_end(&mut text).ok()?;
    Some(text)
}

/// The text of a field of `/proc/THREAD/status`.
pub fn status(thread: i32, field: &str) -> Option<String> {
    let text = read(thread, "status")?;
    let line = text.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(field.as_bytes())?.strip_prefix(b":"))?;
    Some(String::from_utf8_lossy(line.trim_ascii()).into_owned())
}

/// The process a thread is of.
pub fn of_thread(thread: i32) -> Option<i32> {
    status(thread, "Tgid")?.parse().ok()
}

/// The only child of a process.
pub fn only_child(pid: i32) -> Option<i32> {
    let children = read(pid, &format!("task/{pid}/children"))?;
    std::str::from_utf8(&children).ok()?.split_whitespace().next()?.parse().ok()
}

/// Whether SIGSYS is in a set of signals of `/proc/THREAD/status`; `None` where that cannot be told.
fn has_sigsys(thread: i32, field: &str) -> Option<bool> {
    let set = u64::from_str_radix(&status(thread, field)?, 16).ok()?;
    Some(set & 1 << (libc::SIGSYS - 1) != 0)
}

/// Whether a SIGSYS from the kernel runs a handler in this thread. Blocked or ignored, it kills.
pub fn handles_sigsys(thread: i32) -> bool {
    has_sigsys(thread, "SigCgt") == Some(true) && has_sigsys(thread, "SigBlk") == Some(false)
}

/// Whether its process has no other thread.
pub fn is_alone(thread: i32) -> bool {
    status(thread, "Threads").as_deref() == Some("1")
}

/// Whether SIGSYS from somebody else ends the process of this thread: not where it is handled, blocked or ignored, nor where
/// another thread could make it so meanwhile, and not pid 1.
pub fn dies_of_sigsys(thread: i32) -> bool {
    let free = |field| has_sigsys(thread, field) == Some(false);
    let inside = status(thread, "NStgid").and_then(|pids| pids.split_whitespace().last().map(|pid| pid != "1"));
    is_alone(thread) && free("SigBlk") && free("SigIgn") && free("SigCgt") && inside.unwrap_or(false)
}
