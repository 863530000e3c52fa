//! Two hundred sandboxes at once: each has what is its own, and ends as its own program does.

use std::path::Path;
use std::time::Duration;

use super::{mounts, no_mount_is_new, nobody_has};
use crate::support::running::Running;
use crate::support::{EXECUTING, Sandbox, TempDir};

const HOW_MANY: usize = 200;

/// What the machine needs for each, with room to spare, in KiB: three processes and their page tables.
const MEMORY: u64 = 8 * 1024;

/// Writes what only it can know, waits until all others are there, and then tells what it finds.
const SCRIPT: &str = "echo $1 >/tmp/own; echo $1 >/dev/shm/own; echo ready; read -r go; \
    echo $(cat /tmp/own /dev/shm/own) $(cat /proc/sys/kernel/hostname) $(ls /tmp | sort | tr '\\n' ' ') $go $$; exit $2";

/// Exit codes that are all different, and none of sbx's own or of a shell's.
fn code_of(number: usize) -> usize {
    if number < 123 { number + 1 } else { number + 5 }
}

fn free_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn two_hundred_at_once_keep_to_themselves() {
    let (before, free) = (mounts(), free_memory());
    assert!(free > HOW_MANY as u64 * MEMORY, "{free} KiB of memory are too few for {HOW_MANY} sandboxes");
    let dir = TempDir::new();
    let mark = format!("crowd-of-{}", dir.display());
    let start = |number: usize| {
        let own = format!("own-{number}");
        let host = format!("hostname=box-{number}");
        // A current directory below /tmp would be shown there.
        let sandbox = Sandbox::new(EXECUTING[number % EXECUTING.len()]).with(&[&host]).cwd(Path::new("/"));
        let sandbox = if number.is_multiple_of(2) { sandbox.with(&["init"]) } else { sandbox };
        let running = sandbox.spawn("/bin/sh", &["-c", SCRIPT, &mark, &own, &code_of(number).to_string()]);
        (number, running)
    };
    let mut all: Vec<(usize, Running)> = (0..HOW_MANY).map(start).collect();
    for (number, running) in &all {
        assert_eq!(running.line(), "ready", "{number}");
    }
    let taken = free.saturating_sub(free_memory());
    assert!(taken < HOW_MANY as u64 * MEMORY, "{taken} KiB");
    // All are there. The last that was started is told first, so that none ends in the order of the starts.
    all.reverse();
    for (number, running) in &mut all {
        use std::io::Write;
        writeln!(running.stdin.as_mut().unwrap(), "go-{number}").unwrap();
    }
    for (number, running) in all {
        let ended = running.wait();
        // The program's own process is the first, or the second beside a reaper.
        let pid = if number.is_multiple_of(2) { 2 } else { 1 };
        let told = format!("own-{number} own-{number} box-{number} own go-{number} {pid}\n");
        assert_eq!((ended.code(), &*ended.out, &*ended.err), (i32::try_from(code_of(number)).ok(), &*told, ""));
    }
    println!("{HOW_MANY} at once took {} MiB", taken / 1024);
    nobody_has(&mark);
    no_mount_is_new(&before);
    // A sandbox is as quick after them as any: nothing is left that others wait for.
    Sandbox::new(EXECUTING[0]).timeout(Duration::from_secs(10)).probe(&["exit", "0"]).ok();
}
