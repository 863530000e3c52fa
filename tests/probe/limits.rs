//! `limit ACT …`: uses something up, and says how far it came and what stopped it.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::time::Duration;

use crate::{number, outcome, say, sys, text};

pub fn run(args: &[OsString]) {
    let count = |at: usize| usize::try_from(number(args.get(at))).unwrap();
    match text(args.first()) {
        "files" => files(count(1)),
        "write" => write(text(args.get(1)), count(2)),
        "map" => map(count(1)),
        "touch" => touch(count(1)),
        "child-touches" => child(|| touch(count(1))),
        "spin-wall" => spin_wall(count(1)),
        "bomb" => bomb(),
        "fork" => fork(count(1)),
        "spin" => spin(count(1)),
        "descend" => descend(count(1) as u64),
        "child-descends" => child(|| descend(count(1) as u64)),
        "lock" => lock(count(1)),
        "queue" => queue(count(1)),
        "signals" => signals(count(1)),
        "fifo" => outcome(fifo(count(1))),
        "fifo-spin" => {
            fifo(1).unwrap();
            spin(count(1));
        }
        "clocks" => clocks(),
        "time" => say(&format!("{}", sys::clock(libc::CLOCK_MONOTONIC).0 > 0)),
        "rdtsc" => say(&format!("{}", sys::rdtsc() > 0)),
        act => panic!("no act '{act}'"),
    }
}

fn came(far: usize, result: io::Result<i64>) {
    let stopped = result.map_or_else(|error| sys::errno_name(error.raw_os_error().unwrap_or(0)), |_| "ok".into());
    say(&format!("{far} {stopped}"));
}

/// Does it so often, or until it fails.
fn repeat(most: usize, mut act: impl FnMut(usize) -> io::Result<i64>) -> (usize, io::Result<i64>) {
    for at in 0..most {
        if let error @ Err(_) = act(at) {
            return (at, error);
        }
    }
    (most, Ok(0))
}

/// `files N`: descriptors besides the standard three.
fn files(most: usize) {
    let (far, result) = repeat(most, |_| sys::call(libc::SYS_dup, [0; 6]));
    came(far, result);
}

/// `write FILE BYTES`: bytes of a new file, a KiB at a time.
fn write(path: &str, most: usize) {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path).unwrap();
    let (far, result) = repeat(most >> 10, |_| file.write_all(&[0; 1024]).map(|()| 0));
    drop::<File>(file);
    came(far << 10, result);
}

/// `map MIB`: memory of its own, a MiB at a time, none of it touched.
fn map(most: usize) {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let (far, result) =
        repeat(most, |_| sys::call(libc::SYS_mmap, [0, 1 << 20, access as usize, kind as usize, usize::MAX, 0]));
    came(far, result);
}

/// `touch MIB`: memory of its own, all of it used.
fn touch(most: usize) {
    let mut held = Vec::new();
    for _ in 0..most {
        held.push(vec![1_u8; 1 << 20]);
    }
    say(&format!("{} ok", held.iter().filter(|part| part.iter().step_by(4096).all(|&byte| byte == 1)).count()));
}

/// `spin-wall MS`: uses all of the processor that it gets for so long; then the milliseconds that it got.
fn spin_wall(millis: usize) {
    let now = |id| {
        let (seconds, nanos) = sys::clock(id);
        seconds * 1000 + nanos / 1_000_000
    };
    let begun = now(libc::CLOCK_MONOTONIC);
    while now(libc::CLOCK_MONOTONIC) - begun < millis as i64 {}
    say(&format!("{}", now(libc::CLOCK_PROCESS_CPUTIME_ID)));
}

/// `bomb`: everybody forks, for ever.
fn bomb() {
    say("ready");
    loop {
        // Ignored: when there can be no more, this one goes on trying.
        let _ = sys::call(libc::SYS_fork, [0; 6]);
    }
}

/// `fork N`: children that wait to be killed.
fn fork(most: usize) {
    let mut children = Vec::new();
    let (far, result) = repeat(most, |_| {
        let child = sys::in_child(|| {
            std::thread::sleep(Duration::from_secs(60));
            0
        })?;
        children.push(child);
        Ok(0)
    });
    children.iter().for_each(|&child| sys::kill(child));
    came(far, result);
}

/// `spin MS`: uses the processor for so long.
fn spin(millis: usize) {
    loop {
        let (seconds, nanos) = sys::clock(libc::CLOCK_PROCESS_CPUTIME_ID);
        if seconds * 1000 + nanos / 1_000_000 >= millis as i64 {
            break;
        }
    }
    say("ok");
}

fn descend(pages: u64) {
    sys::descend(pages);
    say("ok");
}

/// What came of it, when a child does it.
fn child(act: impl FnOnce()) {
    let child = sys::in_child(|| {
        act();
        0
    })
    .unwrap();
    let (_, status) = sys::wait(child, 0).unwrap();
    if libc::WIFSIGNALED(status) {
        say(&format!("signal {}", libc::WTERMSIG(status)));
    }
}

/// `lock KIB`: memory that is never paged out.
fn lock(kib: usize) {
    outcome(sys::call(libc::SYS_mlock, [sys::buffer(kib << 10), kib << 10, 0, 0, 0, 0]));
}

/// `queue BYTES`: a message queue of one message of so many bytes.
fn queue(bytes: usize) {
    // struct mq_attr: flags, messages, bytes of each, messages there, and room.
    let attributes: &'static [i64] = Vec::leak(vec![0, 1, i64::try_from(bytes).unwrap(), 0, 0, 0, 0, 0]);
    let flags = (libc::O_CREAT | libc::O_EXCL | libc::O_RDWR) as usize;
    let name = sys::leak(format!("sbx-{}", std::process::id()).as_bytes());
    let made = sys::call(libc::SYS_mq_open, [name, flags, 0o600, attributes.as_ptr() as usize, 0, 0]);
    if made.is_ok() {
        sys::call(libc::SYS_mq_unlink, [name, 0, 0, 0, 0, 0]).unwrap();
    }
    outcome(made);
}

/// `signals N`: signals that wait because they are blocked; when those that supervise, who are the same user, have taken theirs.
fn signals(most: usize) {
    let waits = || std::fs::read_to_string("/proc/self/status").is_ok_and(|text| !text.contains("\nSigQ:\t0/"));
    for _ in 0..500 {
        if !waits() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let set: &'static [u64] = Vec::leak(vec![u64::MAX]);
    sys::call(libc::SYS_rt_sigprocmask, [libc::SIG_BLOCK as usize, set.as_ptr() as usize, 0, 8, 0, 0]).unwrap();
    let own = std::process::id() as usize;
    // siginfo: SI_QUEUE, as a process may send to itself.
    let info: &'static [i32] = Vec::leak({
        let mut info = vec![0; 32];
        info[2] = -1;
        info
    });
    let (far, result) = repeat(most, |_| {
        sys::call(libc::SYS_rt_sigqueueinfo, [own, libc::SIGRTMIN() as usize, info.as_ptr() as usize, 0, 0, 0])
    });
    came(far, result);
}

/// `fifo PRIORITY`: real-time scheduling.
fn fifo(priority: usize) -> io::Result<i64> {
    let priority: &'static [i32] = Vec::leak(vec![i32::try_from(priority).unwrap()]);
    sys::call(libc::SYS_sched_setscheduler, [0, libc::SCHED_FIFO as usize, priority.as_ptr() as usize, 0, 0, 0])
}

/// The clocks by libc, by the kernel, and as a file, in whole seconds.
fn clocks() {
    for (name, id) in [
        ("monotonic", libc::CLOCK_MONOTONIC),
        ("coarse", libc::CLOCK_MONOTONIC_COARSE),
        ("raw", libc::CLOCK_MONOTONIC_RAW),
        ("boottime", libc::CLOCK_BOOTTIME),
    ] {
        let kernels: &'static [i64] = Vec::leak(vec![0, 0]);
        sys::call(libc::SYS_clock_gettime, [id as usize, kernels.as_ptr() as usize, 0, 0, 0, 0]).unwrap();
        let kernel = sys::peek(kernels.as_ptr() as usize);
        say(&format!("{name}={} {kernel}", sys::clock(id).0));
    }
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    say(&format!("uptime={}", uptime.split('.').next().unwrap()));
}
