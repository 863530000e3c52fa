//! What is looked at from inside while something outside changes or ends.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crate::{number, say, sys};

fn name(error: &std::io::Error) -> String {
    sys::errno_name(error.raw_os_error().unwrap_or(0))
}

/// Seccomp and NoNewPrivs of /proc/self/status.
fn held() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("?").trim().to_owned();
    format!("{}{}", of("Seccomp:"), of("NoNewPrivs:"))
}

/// `seen PATH`: in a line each: the file `which` in a directory, or what a file says; what comes of making the file `made`
/// in it, or of opening the file to write; what holds this process; the mounts, each with `ro` or `rw`.
pub fn seen(args: &[OsString]) {
    let path = Path::new(&args[0]);
    let is_directory = path.is_dir();
    let file = if is_directory { path.join("which") } else { path.to_owned() };
    say(fs::read_to_string(file).unwrap_or_else(|error| name(&error)).trim());
    let written = match is_directory {
        true => OpenOptions::new().create(true).append(true).open(path.join("made")),
        false => OpenOptions::new().append(true).open(path),
    };
    say(&written.map_or_else(|error| name(&error), |_| "ok".into()));
    say(&held());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut mounts: Vec<_> = mounts
        .lines()
        .map(|line| {
            let mut words = line.split(' ').skip(4);
            format!("{}={}", words.next().unwrap_or_default(), &words.next().unwrap_or_default()[..2])
        })
        .collect();
    mounts.sort();
    say(&mounts.join(" "));
}

/// `held-tick FILE MICROS`: a line of what holds this process, in one piece, every so often, for as long as it lives.
pub fn held_tick(args: &[OsString]) {
    let mut file = OpenOptions::new().create(true).append(true).open(&args[0]).unwrap();
    loop {
        file.write_all(format!("{}\n", held()).as_bytes()).unwrap();
        std::thread::sleep(Duration::from_micros(u64::try_from(number(args.get(1))).unwrap()));
    }
}

/// `pelt PID TIMES MICROS SIGNAL…`: sends the signals in turn, all of them so often (0: until the process is gone), and says
/// how many it has sent. By a descriptor, so that nobody else is ever meant.
pub fn pelt(args: &[OsString]) {
    let of = |at: usize| usize::try_from(number(args.get(at))).unwrap();
    let signals: Vec<usize> = (3..args.len()).map(of).collect();
    let process = sys::call(libc::SYS_pidfd_open, [of(0), 0, 0, 0, 0, 0]).unwrap() as usize;
    let (mut sent, times) = (0, of(1));
    say("ready");
    while times == 0 || sent < times * signals.len() {
        let signal = signals[sent % signals.len()];
        if sys::call(libc::SYS_pidfd_send_signal, [process, signal, 0, 0, 0, 0]).is_err() {
            break;
        }
        sent += 1;
        std::thread::sleep(Duration::from_micros(of(2) as u64));
    }
    say(&sent.to_string());
}
