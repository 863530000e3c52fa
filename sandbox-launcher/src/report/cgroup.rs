//! The limits of a process's control groups, cgroups(7): version 2 where it has the controller, version 1 where that has.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::mountinfo::{self, Mount};
use super::{Facts, unseen};

/// A limit: its name here, the controller, its file in either version, and how the file is read.
const LIMITS: &[Limit] = &[
    Limit { name: "memory", controller: "memory", v2: "memory.max", v1: "memory.limit_in_bytes", read: number },
    Limit { name: "swap", controller: "memory", v2: "memory.swap.max", v1: "", read: number },
    Limit { name: "pids", controller: "pids", v2: "pids.max", v1: "pids.max", read: number },
    Limit { name: "cpu", controller: "cpu", v2: "cpu.max", v1: "cpu.cfs_quota_us", read: percent },
];

struct Limit {
    name: &'static str,
    controller: &'static str,
    v2: &'static str,
    v1: &'static str,
    read: fn(&Path, &str) -> Option<u64>,
}

/// What version 1 says for no limit is about this, by the size of a page.
const NO_LIMIT: u64 = 1 << 62;

fn number(_: &Path, text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|&number| number < NO_LIMIT)
}

/// Of one processor; a hundred is all of it.
fn percent(group: &Path, text: &str) -> Option<u64> {
    let mut words = text.split_whitespace();
    let quota: u64 = words.next()?.parse().ok()?;
    let period = match words.next() {
        Some(period) => period.parse().ok()?,
        None => fs::read_to_string(group.join("cpu.cfs_period_us")).ok()?.trim().parse().ok()?,
    };
    (quota * 100).checked_div(period)
}

/// The group of each hierarchy, and the strictest of its limits and those of the groups around it; `null` is none.
pub fn limits(pid: i32) -> Value {
    let groups = match fs::read_to_string(format!("/proc/{pid}/cgroup")) {
        Ok(groups) => groups,
        Err(error) => return unseen(&super::words::io_error(&error)),
    };
    let groups: Vec<Group> = groups.lines().filter_map(Group::parse).collect();
    let mounts = own_mounts();
    let mut out = Facts::new();
    let paths = groups.iter().map(|group| (group.name().into(), group.path.clone().into()));
    out.insert("groups".into(), paths.collect::<Facts>().into());
    for limit in LIMITS {
        out.insert(limit.name.into(), strictest(limit, &groups, &mounts));
    }
    out.into()
}

/// Bytes that this process's group, and those around it, may still take; `None` where nothing limits them.
pub fn memory_left() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let groups: Vec<Group> = groups.lines().filter_map(Group::parse).collect();
    let mounts = own_mounts();
    let (limit, group) = (LIMITS.first()?, groups.iter().find(|group| group.has("memory"))?);
    let (file, used) = match group.is_v2() {
        true => (limit.v2, "memory.current"),
        false => (limit.v1, "memory.usage_in_bytes"),
    };
    let left = group.directories(&mounts)?.into_iter().filter_map(|dir| {
        let limit = number(&dir, &fs::read_to_string(dir.join(file)).ok()?)?;
        let used = fs::read_to_string(dir.join(used)).ok()?.trim().parse().ok()?;
        Some(limit.saturating_sub(used))
    });
    left.min()
}

fn own_mounts() -> Vec<Mount> {
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    mountinfo::mounts(&table).into_iter().filter(|mount| mount.kind.starts_with("cgroup")).collect()
}

fn strictest(limit: &Limit, groups: &[Group], mounts: &[Mount]) -> Value {
    let of_v1 = groups.iter().find(|group| !group.is_v2() && group.has(limit.controller));
    let Some(group) = of_v1.or_else(|| groups.iter().find(|group| group.is_v2())) else { return unseen("ENOENT") };
    let file = if group.is_v2() { limit.v2 } else { limit.v1 };
    let Some(directories) = group.directories(mounts) else { return unseen("ENOENT") };
    let read = |dir: &PathBuf| (limit.read)(dir, &fs::read_to_string(dir.join(file)).ok()?);
    json!(directories.iter().filter_map(read).min())
}

/// A line of `/proc/PID/cgroup`.
struct Group {
    controllers: String,
    path: String,
}

impl Group {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.splitn(3, ':').skip(1);
        Some(Self { controllers: fields.next()?.into(), path: fields.next()?.into() })
    }

    fn is_v2(&self) -> bool {
        self.controllers.is_empty()
    }

    /// Version 2's says nothing: which of its controllers are there is a question of its files.
    fn has(&self, controller: &str) -> bool {
        self.is_v2() || self.controllers.split(',').any(|own| own == controller)
    }

    fn name(&self) -> &str {
        if self.is_v2() { "v2" } else { &self.controllers }
    }

    /// Its directory and those around it, as far as they are mounted here.
    fn directories(&self, mounts: &[Mount]) -> Option<Vec<PathBuf>> {
        let is_it = |mount: &&Mount| match self.is_v2() {
            true => mount.kind == "cgroup2",
            false => mount.kind == "cgroup" && self.controllers.split(',').all(|own| mount.has(own)),
        };
        let mount = mounts.iter().find(is_it)?;
        let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
        let top = path(&mount.target);
        let below = Path::new(&self.path).strip_prefix(path(&mount.root)).ok()?.to_owned();
        Some(below.ancestors().map(|part| top.join(part)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_lies_below_its_mount_and_so_do_those_around_it() {
        let mounts = mountinfo::mounts(
            b"1 2 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n1 2 0:2 /here /mnt rw - cgroup2 none rw\n",
        );
        let directories = |line: &str| Group::parse(line).unwrap().directories(&mounts);
        let paths = |paths: &[&str]| Some(paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        let found = directories("4:memory:/a/b");
        assert_eq!(found, paths(&["/sys/fs/cgroup/memory/a/b", "/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/memory/"]));
        assert_eq!(directories("0::/here/c"), paths(&["/mnt/c", "/mnt/"]));
        assert_eq!(directories("0::/../elsewhere"), None);
        assert_eq!(directories("4:pids:/a"), None);
    }

    #[test]
    fn files_of_either_version_are_read() {
        let at = Path::new("/nowhere");
        assert_eq!(number(at, "max\n"), None);
        assert_eq!(number(at, "9223372036854771712\n"), None);
        assert_eq!(number(at, "65536\n"), Some(65536));
        assert_eq!(percent(at, "max 100000\n"), None);
        assert_eq!(percent(at, "50000 100000\n"), Some(50));
        assert_eq!(percent(at, "-1\n"), None);
    }
}
