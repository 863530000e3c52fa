//! Control groups for tests, in every hierarchy that has a controller that tests limit: made by root, gone with the value.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::need::is_root;

const CONTROLLERS: [&str; 5] = ["memory", "pids", "cpu", "cpuacct", "freezer"];

/// A group of the same name in each hierarchy.
pub struct Groups {
    /// As cgroup-parent has it.
    pub name: String,
    dirs: Vec<PathBuf>,
}

/// Where a hierarchy is mounted, and this process's group in it.
struct Hierarchy {
    point: PathBuf,
    group: String,
    unified: bool,
}

fn hierarchies() -> Vec<Hierarchy> {
    let (own, mounts) = (read("/proc/self/cgroup"), read("/proc/self/mountinfo"));
    let mut found = Vec::new();
    for line in own.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (names, group) = (fields.next().unwrap(), fields.next().unwrap());
        let is_it = |mount: &&str| {
            let (place, kind) = mount.split_once(" - ").unwrap();
            let words: Vec<_> = kind.split(' ').collect();
            let whole = place.split(' ').nth(3) == Some("/");
            let has = |name: &str| words[2].split(',').any(|option| option == name);
            let first = names.split(',').next().unwrap();
            whole && if names.is_empty() { words[0] == "cgroup2" } else { words[0] == "cgroup" && has(first) }
        };
        let wanted = names.is_empty() || names.split(',').any(|name| CONTROLLERS.contains(&name));
        if let Some(mount) = mounts.lines().find(is_it).filter(|_| wanted) {
            let point = mount.split(' ').nth(4).unwrap().into();
            found.push(Hierarchy { point, group: group.into(), unified: names.is_empty() });
        }
    }
    found
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Whether root can have groups here with memory, pids and cpu.
pub fn are_possible() -> bool {
    let all = hierarchies();
    let has = |name: &str| {
        let v1 = all
            .iter()
            .any(|one| one.point.join(one.group.trim_start_matches('/')).join(format!("{name}.stat")).exists());
        let v1 = v1 || (name == "pids" && all.iter().any(|one| !one.unified && one.point.ends_with("pids")));
        let given =
            |one: &Hierarchy| read(one.point.join("cgroup.subtree_control")).split_whitespace().any(|n| n == name);
        v1 || all.iter().any(|one| one.unified && given(one))
    };
    is_root() && ["memory", "pids", "cpu"].into_iter().all(has)
}

impl Groups {
    /// Empty ones.
    pub fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let name = format!("sbx-test-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let all = hierarchies();
        // Below this process's own where that may be: beside processes there are no groups of version 2 with controllers.
        let in_v2 =
            all.iter().any(|one| one.unified && read(one.point.join("cgroup.subtree_control")).contains("memory"));
        let above =
            |one: &Hierarchy| if in_v2 { one.point.clone() } else { one.point.join(one.group.trim_start_matches('/')) };
        let dirs: Vec<PathBuf> = all.iter().map(|one| above(one).join(&name)).collect();
        dirs.iter().for_each(|dir| fs::create_dir(dir).unwrap());
        Self { name: if in_v2 { format!("/{name}") } else { name }, dirs }
    }

    /// As an administrator gives them to a user.
    pub fn give_to(&self, uid: u32) {
        for dir in &self.dirs {
            chown(dir, Some(uid), None).unwrap();
            for file in ["cgroup.procs", "cgroup.subtree_control"] {
                if dir.join("cgroup.subtree_control").exists() {
                    chown(dir.join(file), Some(uid), None).unwrap();
                }
            }
        }
    }

    /// All groups that are there below them.
    pub fn left(&self) -> Vec<PathBuf> {
        self.dirs.iter().flat_map(|dir| below(dir)).collect()
    }

    /// The files of this name, of the groups that sandboxes have.
    pub fn files(&self, name: &str) -> Vec<PathBuf> {
        let all = self.left().into_iter().filter(|dir| !dir.ends_with("inside"));
        all.map(|dir| dir.join(name)).filter(|file| file.exists()).collect()
    }

    /// What the one file of this name says.
    #[track_caller]
    pub fn says(&self, name: &str) -> String {
        match &self.files(name)[..] {
            [file] => read(file).trim().to_owned(),
            files => panic!("not one {name}: {files:?}; {:?}", self.left()),
        }
    }

    /// A directory in each.
    pub fn make(&self, name: &str) -> Vec<PathBuf> {
        let all: Vec<_> = self.dirs.iter().map(|dir| dir.join(name)).collect();
        all.iter().for_each(|dir| fs::create_dir(dir).unwrap());
        all
    }
}

fn below(dir: &Path) -> Vec<PathBuf> {
    let dirs = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    dirs.flat_map(|dir| [below(&dir), vec![dir]].concat()).collect()
}

impl Drop for Groups {
    fn drop(&mut self) {
        // Ignored: what lives in them keeps them, and the test has failed.
        for dir in self.left().iter().chain(&self.dirs) {
            let _ = Command::new("rmdir").arg(dir).output();
        }
    }
}
