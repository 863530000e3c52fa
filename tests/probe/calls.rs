//! `calls CALL[:ARG…]…`: raw system calls in order, a line for each.
//!
//! CALL is a name, a number, or either with `x32.` before it. ARG is a number, `s=TEXT`, `buf`, `far` (an address that
//! faults), `u64=N,N…` (the address of these), or `child` (a process of its own). `N*CALL` makes it N times
//! and tells what came of the last. Words that are no system calls: `int80[:NR]`, `mmap-exec`, `mprotect-exec`, `file-exec`
//! (maps a file),
//! `shm-remove:KEY`.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsRawFd;

use crate::{outcome, say, sys, syscalls};

pub fn run(calls: &[OsString]) {
    for call in calls {
        let call = call.to_str().unwrap();
        if let Some((count, call)) = call.split_once('*') {
            repeat(count.parse().unwrap(), call);
            continue;
        }
        let mut fields = call.split(':');
        let name = fields.next().unwrap_or_default();
        let args: Vec<usize> = fields.map(argument).collect();
        match name {
            "int80" => say(&format!("{}", sys::int80(args.first().map_or(20, |&nr| nr as i32)))),
            "mmap-exec" => outcome(mmap(libc::PROT_READ | libc::PROT_EXEC, None)),
            "mmap-rwx" => outcome(mmap(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC, None)),
            "mprotect-exec" => outcome(mprotect(libc::SYS_mprotect)),
            "pkey-mprotect-exec" => outcome(mprotect(libc::SYS_pkey_mprotect)),
            "file-exec" => outcome(file_exec()),
            "shm-remove" => outcome(raw("shmget", &args).and_then(|id| raw("shmctl", &[id as usize, 0]))),
            name => outcome(raw(name, &args)),
        }
    }
    CHILDREN.take().into_iter().for_each(sys::kill);
}

thread_local! {
    static CHILDREN: std::cell::RefCell<Vec<i32>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// A child that waits to be killed.
fn child() -> usize {
    let child = sys::in_child(|| {
        std::thread::sleep(std::time::Duration::from_secs(60));
        0
    });
    let child = child.unwrap();
    CHILDREN.with_borrow_mut(|all| all.push(child));
    child as usize
}

fn repeat(count: u32, call: &str) {
    let mut fields = call.split(':');
    let name = fields.next().unwrap_or_default();
    let args: Vec<usize> = fields.map(argument).collect();
    for _ in 1..count {
        // Ignored: the last one tells.
        let _ = raw(name, &args);
    }
    outcome(raw(name, &args));
}

pub fn argument(text: &str) -> usize {
    match text {
        "buf" => sys::buffer(4096),
        "far" => 8,
        "child" => child(),
        _ => match (text.strip_prefix("s="), text.strip_prefix("0x")) {
            (Some(string), _) => sys::leak(string.as_bytes()),
            (_, Some(hex)) => usize::from_str_radix(hex, 16).unwrap(),
            _ if text.starts_with("u64=") => {
                sys::words(text[4..].split(',').map(|word| argument(word) as u64).collect())
            }
            _ => text.parse::<i64>().unwrap_or_else(|_| panic!("argument '{text}'")) as usize,
        },
    }
}

pub fn raw(name: &str, given: &[usize]) -> io::Result<i64> {
    let mut args = [0; 6];
    for (to, from) in args.iter_mut().zip(given) {
        *to = *from;
    }
    let (name, bit) = name.strip_prefix("x32.").map_or((name, 0), |name| (name, 0x4000_0000));
    let nr = syscalls::number(name).or_else(|| name.parse().ok()).unwrap_or_else(|| panic!("no system call '{name}'"));
    sys::call(nr | bit, args)
}

fn mmap(prot: i32, fd: Option<i32>) -> io::Result<i64> {
    let flags = libc::MAP_PRIVATE | if fd.is_some() { 0 } else { libc::MAP_ANONYMOUS };
    sys::call(libc::SYS_mmap, [0, 4096, prot as usize, flags as usize, fd.unwrap_or(-1) as usize, 0])
}

fn mprotect(nr: i64) -> io::Result<i64> {
    let page = mmap(libc::PROT_READ | libc::PROT_WRITE, None)? as usize;
    let prot = (libc::PROT_READ | libc::PROT_EXEC) as usize;
    sys::call(nr, [page, 4096, prot, usize::MAX, 0, 0])
}

fn file_exec() -> io::Result<i64> {
    let file = std::fs::File::open("/proc/self/exe")?;
    mmap(libc::PROT_READ | libc::PROT_EXEC, Some(file.as_raw_fd()))
}
