//! What the kernel says of a process that waits: read in the caller's /proc, whatever the process itself can see.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sandbox_core::policy::types::{Limit, Namespace};
use sandbox_core::report::ProcStatus;
use sandbox_core::setting::text::show;
use serde_json::{Value, json};

use super::mountinfo::{self, Mount};
use super::words::{self, CAPABILITY_SETS};
use super::{Facts, cgroup, unseen};

/// The process that has no child of those which descend from `pid`: behind the supervisor, and a reaper if there is one.
pub fn innermost(pid: i32) -> Option<i32> {
    let parents: Vec<(i32, i32)> = fs::read_dir("/proc").ok()?.filter_map(|entry| parent(&entry.ok()?)).collect();
    // The last one: whoever else is a child of the supervisor's was forked before, or has ended.
    let child_of = |pid| parents.iter().filter(|(_, parent)| *parent == pid).map(|(child, _)| *child).max();
    std::iter::successors(child_of(pid), |&pid| child_of(pid)).last()
}

fn parent(entry: &fs::DirEntry) -> Option<(i32, i32)> {
    let pid = entry.file_name().to_str()?.parse().ok()?;
    let status = ProcStatus(fs::read(entry.path().join("status")).ok()?);
    if status.text("State").starts_with('Z') {
        return None;
    }
    Some((pid, i32::try_from(status.number("PPid", 0)?).ok()?))
}

/// A question, and who answers it.
type Question = (&'static str, fn(&Proc) -> io::Result<Value>);

const QUESTIONS: &[Question] = &[
    ("host_ids", host_ids),
    ("uid_map", |proc| proc.id_map("uid_map")),
    ("gid_map", |proc| proc.id_map("gid_map")),
    ("setgroups", |proc| Ok(proc.text("setgroups")?.trim().into())),
    ("capabilities", capabilities),
    ("no_new_privs", |proc| Ok((proc.status()?.number("NoNewPrivs", 0) == Some(1)).into())),
    ("seccomp", seccomp),
    ("session", |proc| {
        Ok(json!(proc.status()?.text("NSsid").split_whitespace().last().and_then(|id| id.parse::<u32>().ok())))
    }),
    ("umask", |proc| Ok(proc.status()?.text("Umask").into())),
    ("cpus", |proc| Ok(proc.status()?.text("Cpus_allowed_list").into())),
    ("nice", nice),
    ("oom_score_adj", |proc| Ok(json!(proc.text("oom_score_adj")?.trim().parse::<i32>().ok()))),
    ("clocks", clocks),
    ("root", root),
    ("cwd", |proc| Ok(show(fs::read_link(proc.path("cwd"))?.as_os_str().as_bytes()).into())),
    ("mounts", mounts),
    ("rlimits", rlimits),
    ("fds", fds),
];

/// Answers every question about process `pid`; `ours` is the descriptor on which it speaks, which is not the program's.
pub fn look(pid: i32, ours: i32, facts: &mut Facts) {
    let proc = Proc { pid, ours };
    for (name, answer) in QUESTIONS {
        facts.insert((*name).into(), answer(&proc).unwrap_or_else(|error| unseen(&words::io_error(&error))));
    }
    facts.insert("namespaces".into(), namespaces(&proc));
    facts.insert("cgroups".into(), cgroup::limits(pid));
}

/// Where the process itself was not found.
pub fn unseen_all(facts: &mut Facts) {
    for name in QUESTIONS.iter().map(|(name, _)| *name).chain(["namespaces", "cgroups", "names", "interfaces"]) {
        facts.insert(name.into(), unseen("ESRCH"));
    }
}

struct Proc {
    pid: i32,
    ours: i32,
}

impl Proc {
    fn path(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.pid)
    }

    fn text(&self, name: &str) -> io::Result<String> {
        fs::read(self.path(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn status(&self) -> io::Result<ProcStatus> {
        fs::read(self.path("status")).map(ProcStatus)
    }

    /// Lines as IN:OUT:COUNT, in the words of the settings.
    fn id_map(&self, name: &str) -> io::Result<Value> {
        let map = self.text(name)?;
        let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(":");
        Ok(map.lines().map(line).collect::<Vec<_>>().into())
    }

    fn mounts(&self) -> io::Result<Vec<Mount>> {
        fs::read(self.path("mountinfo")).map(|table| mountinfo::mounts(&table))
    }
}

fn host_ids(proc: &Proc) -> io::Result<Value> {
    let status = proc.status()?;
    let groups = status.text("Groups");
    let groups: Vec<u32> = groups.split_whitespace().filter_map(|id| id.parse().ok()).collect();
    Ok(json!({ "uid": status.number("Uid", 1), "gid": status.number("Gid", 1), "groups": groups }))
}

fn capabilities(proc: &Proc) -> io::Result<Value> {
    let status = proc.status()?;
    let fields = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
    let sets = CAPABILITY_SETS.iter().zip(fields).map(|(set, field)| {
        let bits = u64::from_str_radix(&status.text(field), 16).unwrap_or_default();
        ((*set).into(), words::capabilities(bits).into())
    });
    Ok(sets.collect::<Facts>().into())
}

fn seccomp(proc: &Proc) -> io::Result<Value> {
    let status = proc.status()?;
    let mode = match status.number("Seccomp", 0) {
        Some(0) => "disabled".into(),
        Some(1) => "strict".into(),
        Some(2) => "filter".into(),
        other => json!(other),
    };
    Ok(json!({ "mode": mode, "filters": status.number("Seccomp_filters", 0) }))
}

/// The nineteenth field, proc_pid_stat(5); the second one, in parentheses, may hold anything.
fn nice(proc: &Proc) -> io::Result<Value> {
    let stat = proc.text("stat")?;
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    Ok(json!(rest.split_whitespace().nth(16).and_then(|nice| nice.parse::<i32>().ok())))
}

/// How far they are ahead, in seconds and nanoseconds, time_namespaces(7).
fn clocks(proc: &Proc) -> io::Result<Value> {
    let text = proc.text("timens_offsets")?;
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let (clock, seconds, nanoseconds) = (words.next()?, words.next()?, words.next()?);
        let parsed: (i64, i64) = (seconds.parse().ok()?, nanoseconds.parse().ok()?);
        Some((clock.to_owned(), json!([parsed.0, parsed.1])))
    };
    Ok(text.lines().filter_map(line).collect::<Facts>().into())
}

/// What `/` is: the mount whose device it lies on, the last of those at that place.
fn root(proc: &Proc) -> io::Result<Value> {
    let path = proc.path("root/.");
    let (meta, mounts) = (fs::metadata(&path)?, proc.mounts()?);
    let device = format!("{}:{}", libc::major(meta.dev()), libc::minor(meta.dev()));
    let at_root = || mounts.iter().filter(|mount| mount.target == b"/");
    // Some file systems, btrfs among them, show files another device than the mount's.
    let mount = at_root().rfind(|mount| mount.device == device).or_else(|| at_root().next_back());
    let entries = match fs::read_dir(Path::new(&path)) {
        Ok(entries) => {
            let mut names: Vec<_> = entries.flatten().map(|entry| show(entry.file_name().as_bytes())).collect();
            names.sort();
            names.into()
        }
        Err(error) => unseen(&words::io_error(&error)),
    };
    let mount = mount.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))?;
    Ok(json!({
        "type": mount.kind, "source": show(&mount.source), "options": mount.options, "read_only": mount.has("ro"),
        "device": device, "inode": meta.ino(), "entries": entries,
    }))
}

fn mounts(proc: &Proc) -> io::Result<Value> {
    let all = proc.mounts()?;
    let one = |mount: &Mount| {
        json!({
            "target": show(&mount.target), "type": mount.kind, "source": show(&mount.source), "options": mount.options,
            "covered": mountinfo::is_covered(mount, &all),
        })
    };
    Ok(all.iter().map(one).collect::<Vec<_>>().into())
}

/// The lines of /proc/PID/limits are in the order of the kernel's numbers, in columns of a fixed width.
fn rlimits(proc: &Proc) -> io::Result<Value> {
    let text = proc.text("limits")?;
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let amount = |line: &str, from: usize| line.get(from..)?.split_whitespace().next()?.parse::<u64>().ok();
    let limits = Limit::ALL.iter().filter_map(|limit| {
        let line = lines.get(usize::try_from(limit.number()).ok()?)?;
        // What is no number is "unlimited".
        Some((limit.name().to_owned(), json!({ "soft": amount(line, 26), "hard": amount(line, 47) })))
    });
    Ok(limits.collect::<Facts>().into())
}

fn fds(proc: &Proc) -> io::Result<Value> {
    let dir = proc.path("fd");
    let names = fs::read_dir(&dir)?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut numbers: Vec<i32> = names.filter(|&number| number != proc.ours).collect();
    numbers.sort_unstable();
    let one = |number: &i32| {
        let what = fs::read_link(format!("{dir}/{number}"));
        json!({ "fd": number, "what": what.map(|what| show(what.as_os_str().as_bytes())).unwrap_or_default() })
    };
    Ok(numbers.iter().map(one).collect::<Vec<_>>().into())
}

fn namespaces(proc: &Proc) -> Value {
    let one = |kind: &Namespace| {
        let number = namespace(proc.pid, *kind).map_or_else(|error| unseen(&words::io_error(&error)), Value::from);
        (kind.name().to_owned(), number)
    };
    Namespace::ALL.iter().map(one).collect::<Facts>().into()
}

/// The number of a process's namespace.
///
/// # Errors
/// This kernel has none of the kind, or the caller may not look.
pub fn namespace(pid: i32, kind: Namespace) -> io::Result<u64> {
    fs::metadata(format!("/proc/{pid}/ns/{}", kind.file())).map(|meta| meta.ino())
}
