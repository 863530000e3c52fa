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

/// `/proc/THREAD/status`, as it was when it was read.
pub struct Status(Vec<u8>);

impl Status {
    /// That of a thread; without fields when it has ended.
    pub fn of(thread: i32) -> Self {
        Self(read(thread, "status").unwrap_or_default())
    }

    /// The text of a field.
    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.split(|&b| b == b'\n');
        let value = lines.find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b":"))?;
        Some(std::str::from_utf8(value).ok()?.trim())
    }

    /// The process the thread is of.
    pub fn process(&self) -> Option<i32> {
        self.field("Tgid")?.parse().ok()
    }

    /// Whether SIGSYS is in a set of signals; `None` where that cannot be told.
    fn has_sigsys(&self, name: &str) -> Option<bool> {
        let set = u64::from_str_radix(self.field(name)?, 16).ok()?;
        Some(set & 1 << (libc::SIGSYS - 1) != 0)
    }

    /// Whether a SIGSYS from the kernel runs a handler in this thread. Blocked or ignored, it kills.
    pub fn handles_sigsys(&self) -> bool {
        self.has_sigsys("SigCgt") == Some(true) && self.has_sigsys("SigBlk") == Some(false)
    }

    /// Whether the process has no other thread.
    pub fn is_alone(&self) -> bool {
        self.field("Threads") == Some("1")
    }

    /// Whether SIGSYS from somebody else ends the process of this thread: not where it is handled, blocked or ignored, nor
    /// where another thread could make it so meanwhile, and not pid 1.
    pub fn dies_of_sigsys(&self) -> bool {
        let free = |name| self.has_sigsys(name) == Some(false);
        let inside = self.field("NStgid").and_then(|pids| pids.split_ascii_whitespace().next_back());
        self.is_alone() && free("SigBlk") && free("SigIgn") && free("SigCgt") && inside.is_some_and(|pid| pid != "1")
    }
}

/// The only child of a process.
pub fn only_child(pid: i32) -> Option<i32> {
    let children = read(pid, &format!("task/{pid}/children"))?;
    std::str::from_utf8(&children).ok()?.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(threads: &str, pids: &str, sets: [&str; 3]) -> Status {
        let [blocked, ignored, caught] = sets;
        let text = format!(
            "Name:\tx\nTgid:\t70\nNStgid:\t{pids}\nThreads:\t{threads}\nSigBlk:\t{blocked}\nSigIgn:\t{ignored}\nSigCgt:\t{caught}\n"
        );
        Status(text.into_bytes())
    }

    #[test]
    fn what_sigsys_does_is_told_by_the_status() {
        const NONE: &str = "0000000000000000";
        const SIGSYS: &str = "0000000040000000";
        let free = of("1", "70\t5", [NONE; 3]);
        assert!(free.dies_of_sigsys() && free.is_alone() && !free.handles_sigsys());
        assert_eq!(free.process(), Some(70));
        for other in [
            of("2", "70\t5", [NONE; 3]),
            of("1", "70\t1", [NONE; 3]),
            of("1", "70\t5", [SIGSYS, NONE, NONE]),
            of("1", "70\t5", [NONE, SIGSYS, NONE]),
            of("1", "70\t5", [NONE, NONE, SIGSYS]),
            Status(Vec::new()),
        ] {
            assert!(!other.dies_of_sigsys());
        }
        assert!(of("1", "70", [NONE, NONE, SIGSYS]).handles_sigsys());
        assert!(!of("1", "70", [SIGSYS, NONE, SIGSYS]).handles_sigsys(), "the kernel takes the handler away");
        assert!(!of("1", "70", [NONE, SIGSYS, NONE]).handles_sigsys() && !Status(Vec::new()).handles_sigsys());
        assert!(!of("2", "70", [NONE; 3]).is_alone());
    }
}
