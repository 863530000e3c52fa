//! `calls CALL[:ARG…]…`: raw system calls in order, a line for each.
//!
//! CALL is a name, a number, or either with `x32.` before it. ARG is a number, `s=TEXT`, `buf`, or `far` (an address that
//! faults). `N*CALL` makes it N times and tells what came of the last. Words that are no system calls: `int80`, `mmap-exec`, `mprotect-exec`, `file-exec` (maps a file).

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
            "int80" => say(&format!("{}", sys::int80_getpid())),
            "mmap-exec" => outcome(mmap(libc::PROT_READ | libc::PROT_EXEC, None)),
            "mmap-rwx" => outcome(mmap(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC, None)),
            "mprotect-exec" => outcome(mprotect(libc::SYS_mprotect)),
            "pkey-mprotect-exec" => outcome(mprotect(libc::SYS_pkey_mprotect)),
            "file-exec" => outcome(file_exec()),
            name => outcome(raw(name, &args)),
        }
    }
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
        _ => match (text.strip_prefix("s="), text.strip_prefix("0x")) {
            (Some(string), _) => sys::leak(string.as_bytes()),
            (_, Some(hex)) => usize::from_str_radix(hex, 16).unwrap(),
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
