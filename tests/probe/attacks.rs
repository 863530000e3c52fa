//! `attack ACT …`: what takes several calls, or something built in memory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::{number, outcome, say, sys, text};

pub fn run(args: &[OsString]) {
    let rest = args.get(1..).unwrap_or_default();
    match text(args.first()) {
        "numbers" => numbers(rest),
        "families" => families(number(rest.first())),
        "vsyscall" => say(if sys::vsyscall_time() > 1_000_000_000 { "the time" } else { "refused" }),
        "listener" => listener(),
        "filters" => filters(),
        "pass-fd" => pass_fd(),
        "take-fd" => take_fd(number(rest.first())),
        "connect-by" => connect_by(text(rest.first()), text(rest.get(1))),
        "put" => outcome(fs::write(&rest[0], text(rest.get(1)))),
        "orphan" => orphan(rest),
        "exe" => exe(rest),
        "has" => has(&rest[0], &rest[1..].iter().map(|part| text(Some(part))).collect::<String>()),
        "count" => say(&fs::read_dir(&rest[0]).map_or_else(|why| name(&why), |all| all.count().to_string())),
        "pipes" => pipes(number(rest.first())),
        "memfd" => outcome(memfd(number(rest.first()))),
        "memfd-exec" => outcome(memfd_exec()),
        "threads" => threads(number(rest.first())),
        "ids" => ids(),
        "aux" => aux(),
        act => panic!("no attack '{act}'"),
    }
}

fn name(error: &io::Error) -> String {
    sys::errno_name(error.raw_os_error().unwrap_or(0))
}

/// What came of each of many, and how often.
fn tally(results: impl Iterator<Item = io::Result<i64>>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for result in results {
        *counts.entry(result.map_or_else(|why| name(&why), |_| "ok".into())).or_default() += 1;
    }
    counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

/// `numbers FROM TO OR`: calls of all these numbers with bits set, with arguments that nothing can be done with.
fn numbers(rest: &[OsString]) {
    let bits = number(rest.get(2));
    let all = number(rest.first())..=number(rest.get(1));
    say(&tally(all.map(|nr| sys::call(nr | bits, [usize::MAX; 6]))));
}

/// `families OR`: a socket of each family, with bits set in the register, of the first kind that it has.
fn families(bits: i64) {
    let make = |family: i64| {
        let of = |kind: i32| sys::call(libc::SYS_socket, [(family | bits) as usize, kind as usize, 0, 0, 0, 0]);
        let all = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET].map(of);
        let first = all.iter().position(Result::is_ok).unwrap_or(0);
        all.into_iter().nth(first).unwrap()
    };
    let made: Vec<_> = (0..=46).map(|family| (family, make(family))).collect();
    let open: Vec<_> = made.iter().filter(|(_, made)| made.is_ok()).map(|(family, _)| family.to_string()).collect();
    let refused = tally(made.into_iter().map(|(_, made)| made).filter(Result::is_err));
    say(&format!("families {}: ok; {refused}", if open.is_empty() { "none".into() } else { open.join(" ") }));
}

/// An instruction of a filter, as struct sock_filter lies in memory.
const fn insn(code: u64, jf: u64, k: u64) -> u64 {
    code | jf << 24 | k << 32
}

/// Loads a filter; the flags are seccomp(2)'s.
fn load(flags: usize, program: Vec<u64>) -> io::Result<i64> {
    let length = program.len() as u64;
    let program = sys::words(vec![length, sys::words(program) as u64]);
    sys::call(libc::SYS_seccomp, [1, flags, program, 0, 0, 0])
}

fn ptrace() -> io::Result<i64> {
    sys::call(libc::SYS_ptrace, [99, 1, 0, 0, 0, 0])
}

/// A filter of its own that asks a listener about ptrace(2); then the listener is gone, and ptrace(2) is called.
fn listener() {
    let nr = libc::SYS_ptrace as u64;
    let program = vec![insn(0x20, 0, 0), insn(0x15, 1, nr), insn(6, 0, 0x7fc0_0000), insn(6, 0, 0x7fff_0000)];
    // SECCOMP_FILTER_FLAG_NEW_LISTENER
    let listener = load(8, program);
    let fd = listener.as_ref().map_or(usize::MAX, |fd| *fd as usize);
    outcome(listener);
    // Ignored: where there is none there is none to close.
    let _ = sys::call(libc::SYS_close, [fd, 0, 0, 0, 0, 0]);
    outcome(ptrace());
}

/// Filters that allow everything, until the kernel takes no more; then ptrace(2).
fn filters() {
    let mut program = vec![insn(0x20, 0, 0); 4000];
    program.push(insn(6, 0, 0x7fff_0000));
    let last = (0..100).map(|_| load(0, program.clone())).find(Result::is_err).unwrap_or(Ok(0));
    outcome(last);
    outcome(ptrace());
}

/// struct msghdr for one byte and one descriptor.
fn message(fd: i32) -> (usize, usize) {
    let control = sys::words(vec![20, 1 | 1 << 32, u64::from(fd.cast_unsigned())]);
    let part = sys::words(vec![sys::buffer(1) as u64, 1]);
    (sys::words(vec![0, 0, part as u64, 1, control as u64, 24, 0]), control)
}

fn send(socket: usize, fd: i32) -> io::Result<i64> {
    sys::call(libc::SYS_sendmsg, [socket, message(fd).0, 0, 0, 0, 0])
}

fn receive(socket: usize) -> io::Result<i64> {
    let (header, control) = message(-1);
    sys::call(libc::SYS_recvmsg, [socket, header, libc::MSG_DONTWAIT as usize, 0, 0, 0])?;
    Ok(i64::from(sys::peek(control + 16)))
}

/// A descriptor sent from one end of a pair to the other, and read through.
fn pass_fd() {
    let ends = sys::buffer(8);
    let made = sys::call(libc::SYS_socketpair, [1, 1, 0, ends, 0, 0]);
    let result = made.and_then(|_| {
        send(sys::peek(ends) as usize, 0)?;
        receive(sys::peek(ends + 4) as usize)
    });
    outcome(result);
}

/// A descriptor from a socket that the caller has left open: a directory, perhaps.
fn take_fd(socket: i64) {
    match receive(socket as usize) {
        Ok(fd) => outcome(sys::call(libc::SYS_fchdir, [fd as usize, 0, 0, 0, 0, 0])),
        failed => outcome(failed),
    }
}

/// Connects to an IPv4 address by other means than connect(2) of TCP.
fn connect_by(means: &str, place: &str) {
    let address: std::net::SocketAddrV4 = place.parse().unwrap();
    let [a, b, c, d] = address.ip().octets();
    let port = address.port().to_be_bytes();
    // struct sockaddr_in
    let first = u64::from_le_bytes([2, 0, port[0], port[1], a, b, c, d]);
    let name = sys::words(vec![first, 0]);
    let socket = |protocol| sys::call(libc::SYS_socket, [2, 1, protocol, 0, 0, 0]);
    outcome(match means {
        "fastopen" => socket(0).and_then(|fd| {
            let flags = libc::MSG_FASTOPEN as usize;
            sys::call(libc::SYS_sendto, [fd as usize, sys::leak(b"x"), 1, flags, name, 16])
        }),
        "mptcp" => socket(262).and_then(|fd| sys::call(libc::SYS_connect, [fd as usize, name, 16, 0, 0, 0])),
        other => panic!("no means '{other}'"),
    });
}

/// `orphan FILE MS`: a grandchild in a session of its own writes the file later; this process ends at once.
fn orphan(rest: &[OsString]) {
    let later = Duration::from_millis(u64::try_from(number(rest.get(1))).unwrap());
    let made = sys::in_child(|| {
        sys::in_child(|| {
            // Ignored: with no session of its own it is an orphan all the same.
            let _ = sys::call(libc::SYS_setsid, [0; 6]);
            for fd in 0..3 {
                let _ = sys::call(libc::SYS_close, [fd, 0, 0, 0, 0, 0]);
            }
            std::thread::sleep(later);
            fs::write(&rest[0], "lived").map_or(1, |()| 0)
        })
        .map_or(1, |_| 0)
    });
    outcome(made.and_then(|child| sys::wait(child, 0)));
}

/// `exe PROGRAM…`: becomes a program with its own file open as descriptor 3.
fn exe(rest: &[OsString]) {
    let file = match File::open("/proc/self/exe") {
        Ok(file) => file,
        failed => return outcome(failed),
    };
    let copied = sys::call(libc::SYS_dup2, [file.as_raw_fd() as usize, 9, 0, 0, 0, 0]);
    outcome::<()>(copied.and_then(|_| Err(Command::new(&rest[0]).args(&rest[1..]).exec())));
}

/// `has FILE TEXT…`: whether a file has it anywhere. In pieces, so that the arguments have it not.
fn has(file: &OsString, what: &str) {
    let mut bytes = Vec::new();
    match File::open(Path::new(file)).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_) => say(if String::from_utf8_lossy(&bytes).contains(what) { "yes" } else { "no" }),
        failed => outcome(failed),
    }
}

/// `pipes BYTES`: a pipe that holds so much.
fn pipes(bytes: i64) {
    let ends = sys::buffer(8);
    let made = sys::call(libc::SYS_pipe, [ends, 0, 0, 0, 0, 0]);
    let fd = sys::peek(ends) as usize;
    let size = [fd, libc::F_SETPIPE_SZ as usize, bytes as usize, 0, 0, 0];
    outcome(made.and_then(|_| sys::call(libc::SYS_fcntl, size)));
}

/// `memfd MIB`: a file in memory of that size, all of it written.
fn memfd(mib: i64) -> io::Result<()> {
    let fd = sys::call(libc::SYS_memfd_create, [sys::leak(b"x"), 0, 0, 0, 0, 0])?;
    let part = sys::buffer(1 << 20);
    (0..mib).try_for_each(|at| {
        sys::call(libc::SYS_pwrite64, [fd as usize, part, 1 << 20, (at << 20) as usize, 0, 0]).map(|_| ())
    })
}

/// Code in a file without a name, mapped.
fn memfd_exec() -> io::Result<i64> {
    let fd = sys::call(libc::SYS_memfd_create, [sys::leak(b"x"), 0, 0, 0, 0, 0])? as usize;
    sys::call(libc::SYS_ftruncate, [fd, 4096, 0, 0, 0, 0])?;
    let prot = (libc::PROT_READ | libc::PROT_EXEC) as usize;
    sys::call(libc::SYS_mmap, [0, 4096, prot, libc::MAP_PRIVATE as usize, fd, 0])
}

/// `threads N`: threads that wait; what stopped it.
fn threads(most: i64) {
    for _ in 0..most {
        let made =
            std::thread::Builder::new().stack_size(1 << 16).spawn(|| std::thread::sleep(Duration::from_secs(60)));
        if let Err(why) = made {
            return say(&name(&why));
        }
    }
    say("ok");
}

/// What it is to itself: process, parent, group, session.
fn ids() {
    let of = |nr| sys::call(nr, [0; 6]).unwrap_or(-1);
    let all = [libc::SYS_getpid, libc::SYS_getppid, libc::SYS_getpgid, libc::SYS_getsid].map(of);
    say(&all.map(|id| id.to_string()).join(" "));
}

/// The auxiliary vector: the file that was executed, and whether it was trusted less than its caller.
fn aux() {
    let mut entries = Vec::new();
    if let Err(why) = File::open("/proc/self/auxv").and_then(|mut file| file.read_to_end(&mut entries)) {
        return say(&name(&why));
    }
    let number = |at: usize| entries[at..at + 8].iter().rev().fold(0_u64, |all, &byte| all << 8 | u64::from(byte));
    let of = |kind: u64| (0..entries.len()).step_by(16).find(|&at| number(at) == kind).map(|at| number(at + 8));
    let file = of(libc::AT_EXECFN).map_or_else(String::new, |at| sys::string(at as usize));
    let file = match &*file {
        file if Path::new(file).ends_with("probe") => "the program's",
        file if file.starts_with("/dev/fd/") => "a descriptor",
        other => other,
    };
    say(&format!("AT_SECURE {}, AT_EXECFN {file}", of(libc::AT_SECURE).unwrap_or(0)));
}
