//! The process by which the launcher had ld.so watched: a child of this process that nobody waits for, unless it is told of it.
//! To give it another parent would leave it to pid 1, which in many a container waits for nothing.

const START: &[u8] = b"SBX_WATCHER=";

/// The entry that names it.
pub fn watched_by(pid: i32) -> Vec<u8> {
    [START, pid.to_string().as_bytes()].concat()
}

/// Whether it is that entry, which is no setting.
pub fn is_watcher(entry: &[u8]) -> bool {
    entry.starts_with(START)
}

/// Its pid.
pub fn of(entries: &[&[u8]]) -> Option<i32> {
    let text = entries.iter().find_map(|entry| entry.strip_prefix(START))?;
    std::str::from_utf8(text).ok()?.parse().ok().filter(|&pid| pid > 0)
}
