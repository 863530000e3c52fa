//! `report`: everything a process can find out about itself, as `key=value` lines; a key may stand on several.

use std::fmt::Display;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;

use crate::sys;

/// Namespaces by their file in /proc/self/ns.
const NAMESPACES: [&str; 8] = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"];
/// Lines of /proc/self/status that say what is in force.
const STATUS: [&str; 15] = [
    "Uid",
    "Gid",
    "Groups",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
    "Seccomp_filters",
    "SigBlk",
    "SigIgn",
    "SigCgt",
    "Cpus_allowed_list",
];

pub fn print() {
    let mut lines = String::new();
    let mut say = |key: &str, value: &dyn Display| lines.push_str(&format!("{key}={value}\n"));
    ids(&mut say);
    privileges(&mut say);
    place(&mut say);
    for fd in 0..1024 {
        if sys::call(libc::SYS_fcntl, [fd, libc::F_GETFD as usize, 0, 0, 0, 0]).is_ok() {
            say("fd", &fd);
        }
    }
    for (name, value) in std::env::vars_os() {
        say("env", &format!("{}={}", name.as_bytes().escape_ascii(), value.as_bytes().escape_ascii()));
    }
    proc(&mut say);
    crate::say(lines.trim_end());
}

fn ids(say: &mut dyn FnMut(&str, &dyn Display)) {
    let ids = [
        ("pid", libc::SYS_getpid),
        ("ppid", libc::SYS_getppid),
        ("uid", libc::SYS_getuid),
        ("euid", libc::SYS_geteuid),
        ("gid", libc::SYS_getgid),
        ("egid", libc::SYS_getegid),
        ("sid", libc::SYS_getsid),
        ("pgid", libc::SYS_getpgid),
    ];
    for (key, nr) in ids {
        say(key, &shown(sys::call(nr, [0; 6])));
    }
    let umask = sys::call(libc::SYS_umask, [0o22, 0, 0, 0, 0, 0]);
    say("umask", &umask.map_or_else(|e| e.to_string(), |m| format!("{m:03o}")));
}

fn shown(result: io::Result<i64>) -> String {
    result.map_or_else(|e| sys::errno_name(e.raw_os_error().unwrap_or(0)), |value| value.to_string())
}

fn privileges(say: &mut dyn FnMut(&str, &dyn Display)) {
    let prctl = |option: i32| shown(sys::call(libc::SYS_prctl, [option as usize, 0, 0, 0, 0, 0]));
    say("no_new_privs", &prctl(libc::PR_GET_NO_NEW_PRIVS));
    say("seccomp", &prctl(libc::PR_GET_SECCOMP));
    say("securebits", &prctl(libc::PR_GET_SECUREBITS));
    say("dumpable", &prctl(libc::PR_GET_DUMPABLE));
    say("personality", &shown(sys::call(libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0, 0])));
    let signal = sys::buffer(4);
    if sys::call(libc::SYS_prctl, [libc::PR_GET_PDEATHSIG as usize, signal, 0, 0, 0, 0]).is_ok() {
        say("pdeathsig", &sys::peek(signal));
    }
    // The kernel's own answer is 20 minus the nice value.
    say("nice", &shown(sys::call(libc::SYS_getpriority, [0; 6]).map(|answer| 20 - answer)));
    let tsc = sys::buffer(4);
    if sys::call(libc::SYS_prctl, [libc::PR_GET_TSC as usize, tsc, 0, 0, 0, 0]).is_ok() {
        say("tsc", &sys::peek(tsc));
    }
    let bounding = (0..41usize).filter(|&cap| {
        sys::call(libc::SYS_prctl, [libc::PR_CAPBSET_READ as usize, cap, 0, 0, 0, 0]).is_ok_and(|set| set == 1)
    });
    say("bounding", &format!("{:x}", bounding.fold(0u64, |set, cap| set | 1 << cap)));
    for limit in 0..16usize {
        let pair = sys::buffer(16);
        if sys::call(libc::SYS_prlimit64, [0, limit, 0, pair, 0, 0]).is_ok() {
            say("rlimit", &format!("{limit}:{}:{}", sys::peek(pair), sys::peek(pair + 8)));
        }
    }
}

fn place(say: &mut dyn FnMut(&str, &dyn Display)) {
    let cwd = std::env::current_dir();
    say("cwd", &cwd.map_or_else(|e| e.to_string(), |dir| dir.as_os_str().as_bytes().escape_ascii().to_string()));
    // struct utsname: six arrays of 65 bytes; the second is the host's name, the sixth the domain's.
    let name = sys::buffer(6 * 65);
    if sys::call(libc::SYS_uname, [name, 0, 0, 0, 0, 0]).is_ok() {
        say("hostname", &sys::string(name + 65));
        say("domainname", &sys::string(name + 5 * 65));
    }
    let root: Vec<_> = fs::read_dir("/").into_iter().flatten().flatten().map(|e| e.file_name()).collect();
    let mut root: Vec<_> = root.iter().map(|name| name.to_string_lossy()).collect();
    root.sort();
    say("root", &root.join(","));
}

fn proc(say: &mut dyn FnMut(&str, &dyn Display)) {
    for name in NAMESPACES {
        if let Ok(link) = fs::read_link(format!("/proc/self/ns/{name}")) {
            say(&format!("ns.{name}"), &link.display());
        }
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines() {
        if let Some((key, value)) = line.split_once(':').filter(|(key, _)| STATUS.contains(key)) {
            say(&format!("status.{key}"), &value.trim().replace('\t', " "));
        }
    }
    for (key, file) in [
        ("mount", "/proc/self/mountinfo"),
        ("net", "/proc/net/dev"),
        ("route", "/proc/net/route"),
        ("uid_map", "/proc/self/uid_map"),
        ("gid_map", "/proc/self/gid_map"),
        ("setgroups", "/proc/self/setgroups"),
        ("comm", "/proc/self/comm"),
        ("cgroup", "/proc/self/cgroup"),
        ("timens", "/proc/self/timens_offsets"),
        ("oom_score_adj", "/proc/self/oom_score_adj"),
    ] {
        for line in fs::read(file).unwrap_or_default().split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            say(key, &String::from_utf8_lossy(line).split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    if let Ok(exe) = fs::read_link("/proc/self/exe") {
        say("exe", &exe.display());
    }
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = process.file_name();
        if name.as_bytes().iter().all(u8::is_ascii_digit) {
            say("process", &name.to_string_lossy());
        }
    }
    for (key, file) in [("environ", "/proc/self/environ"), ("environ.1", "/proc/1/environ")] {
        for entry in fs::read(file).unwrap_or_default().split(|&b| b == 0).filter(|entry| !entry.is_empty()) {
            say(key, &entry.escape_ascii());
        }
    }
}
