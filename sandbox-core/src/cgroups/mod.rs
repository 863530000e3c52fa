//! The caller's place among the host's control groups, cgroups(7): facts that planning takes as values. Read only for a
//! policy that asks for a control group.

mod text;

use std::ffi::{CStr, CString};

use crate::policy::Policy;
use crate::policy::types::{GroupName, c_string};
use crate::sys::file;
pub use text::writable;
use text::{Membership, Mount, is_within};

/// What counts or limits. Each lies in one hierarchy: in one of version 1, or, if it is in none of these, in that of version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    Memory,
    Pids,
    Cpu,
    Cpuacct,
    NetCls,
    Freezer,
}

impl Controller {
    const ALL: [Controller; 6] = [
        Controller::Memory,
        Controller::Pids,
        Controller::Cpu,
        Controller::Cpuacct,
        Controller::NetCls,
        Controller::Freezer,
    ];

    /// The kernel's name.
    pub const fn name(self) -> &'static str {
        match self {
            Controller::Memory => "memory",
            Controller::Pids => "pids",
            Controller::Cpu => "cpu",
            Controller::Cpuacct => "cpuacct",
            Controller::NetCls => "net_cls",
            Controller::Freezer => "freezer",
        }
    }

    /// Whether version 2 has it: what it lacks is there part of every group, or nothing at all.
    pub const fn is_in_v2(self) -> bool {
        matches!(self, Controller::Memory | Controller::Pids | Controller::Cpu)
    }
}

/// Which of the two kinds of hierarchies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// The facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cgroups {
    own: Vec<Membership>,
    mounts: Vec<Mount>,
    /// What is known of the directories below which groups can come to be made.
    pub dirs: Vec<Dir>,
    /// This process, and its children: who may be moved out of the way.
    pub pid: i32,
    pub children: Vec<i32>,
    /// systemd(1) runs the machine, and delegates.
    pub systemd: bool,
}

/// A control group's directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dir {
    pub path: CString,
    pub there: bool,
    /// The caller may make groups in it, and move processes there.
    pub writable: bool,
    /// Of version 2: the controllers that it has, and those that it gives to the groups below.
    pub controllers: Vec<String>,
    pub enabled: Vec<String>,
    /// Of version 2: who sits in it; 0 is a process of another pid namespace.
    pub processes: Vec<i32>,
    /// Of version 2: the root of the hierarchy, which may have both processes and groups with controllers.
    pub is_root: bool,
}

/// Where a group can be made: below a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub version: Version,
    pub dir: CString,
    /// The file system's, by which the directory is known to be what was meant.
    pub device: u64,
    pub read_only: bool,
    /// The directory's name as a control group.
    pub group: Vec<u8>,
}

/// Why there is no place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// The kernel has the controller in no hierarchy, or not at all.
    NoHierarchy,
    /// Its hierarchy is mounted nowhere.
    NotMounted(Version),
    /// The group lies outside of what is mounted.
    OutOfSight { group: Vec<u8>, mounted: Vec<u8> },
}

/// Whether a control group is asked for.
pub fn is_asked_for(policy: &Policy) -> bool {
    policy.memory_max.is_some()
        || policy.swap_max.is_some()
        || policy.pids_max.is_some()
        || policy.cpu_max.is_some()
        || policy.net_class.is_some()
}

impl Cgroups {
    /// Asks the kernel.
    pub fn probe(policy: &Policy) -> Self {
        // What cannot be read is not there, and then the setting is refused.
        let read = |path: &str| std::fs::read(path).unwrap_or_default();
        let pid = std::process::id().cast_signed();
        let children = read(&format!("/proc/self/task/{pid}/children"));
        let mut found = Self {
            pid,
            children: numbers(&children),
            systemd: std::path::Path::new("/run/systemd/system").is_dir(),
            ..Self::read(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
        };
        let parent = policy.cgroup_parent.as_ref();
        let places = Controller::ALL.into_iter().map(|controller| found.place(controller, parent));
        let places: Vec<_> = places.chain([found.unified(parent)]).flatten().collect();
        for place in places {
            if found.dir(&place.dir).is_none() {
                found.dirs.push(Dir::probe(&place));
            }
        }
        found
    }

    /// From the texts of /proc/self/cgroup and /proc/self/mountinfo.
    pub fn read(own: &[u8], mountinfo: &[u8]) -> Self {
        Self { own: text::memberships(own), mounts: text::mounts(mountinfo), ..Self::default() }
    }

    /// What is known of a directory.
    pub fn dir(&self, path: &CStr) -> Option<&Dir> {
        self.dirs.iter().find(|dir| *dir.path == *path)
    }

    /// Where control groups can be seen: every mount of every hierarchy.
    pub fn mount_points(&self) -> impl Iterator<Item = &[u8]> {
        self.mounts.iter().map(|mount| &*mount.point)
    }

    /// Where a group of this controller's is made: below the caller's own, or below `parent`.
    ///
    /// # Errors
    /// There is none, or it is not seen here.
    pub fn place(&self, controller: Controller, parent: Option<&GroupName>) -> Result<Place, NoPlace> {
        let in_v1 = self.own.iter().find(|own| own.controllers.iter().any(|name| name == controller.name().as_bytes()));
        match in_v1 {
            Some(own) => self.below(own, parent, |mount| mount.has(controller.name())),
            None if controller.is_in_v2() => self.unified(parent),
            None => Err(NoPlace::NoHierarchy),
        }
    }

    /// Where a group of version 2 is made, whatever its controllers.
    ///
    /// # Errors
    /// As `place`.
    pub fn unified(&self, parent: Option<&GroupName>) -> Result<Place, NoPlace> {
        let own = self.own.iter().find(|own| own.is_unified).ok_or(NoPlace::NoHierarchy)?;
        self.below(own, parent, |mount| mount.version == Version::V2)
    }

    fn below(
        &self,
        own: &Membership,
        parent: Option<&GroupName>,
        is_it: impl Fn(&Mount) -> bool,
    ) -> Result<Place, NoPlace> {
        let group = match parent.map(|parent| parent.0.to_bytes()) {
            None | Some(b".") => own.group.clone(),
            Some(name) if name.starts_with(b"/") => name.to_vec(),
            Some(name) => [own.group.strip_suffix(b"/").unwrap_or(&own.group), b"/", name].concat(),
        };
        let mounts: Vec<&Mount> = self.mounts.iter().filter(|mount| is_it(mount)).collect();
        let version = if own.is_unified { Version::V2 } else { Version::V1 };
        let first = mounts.first().ok_or(NoPlace::NotMounted(version))?;
        // A mount shows a part of the hierarchy: that below its own root. What leads out of that is not gone after.
        let fits = |mount: &&&Mount| is_within(&group, &mount.root) && !is_outside(&group) && !is_outside(&mount.root);
        let seen = mounts.iter().filter(fits);
        let best = seen.clone().find(|mount| !mount.read_only).or_else(|| seen.clone().next());
        let Some(mount) = best else { return Err(NoPlace::OutOfSight { group, mounted: first.root.clone() }) };
        let rest = if *mount.root == *b"/" { &group[..] } else { group.get(mount.root.len()..).unwrap_or_default() };
        let dir = [&mount.point, rest.strip_suffix(b"/").unwrap_or(rest)].concat();
        let dir = c_string(dir).map_err(|_| NoPlace::NotMounted(version))?;
        Ok(Place { version: mount.version, dir, device: mount.device, read_only: mount.read_only, group })
    }
}

/// A name that begins above the root of this process's cgroup namespace, cgroup_namespaces(7).
fn is_outside(group: &[u8]) -> bool {
    group == b"/.." || group.starts_with(b"/../")
}

impl Dir {
    fn probe(place: &Place) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let dir = std::path::Path::new(std::ffi::OsStr::from_bytes(place.dir.to_bytes()));
        let words = |name: &str| -> Vec<String> {
            let text = std::fs::read_to_string(dir.join(name)).unwrap_or_default();
            text.split_whitespace().map(String::from).collect()
        };
        let can = |name: &str| {
            c_string(dir.join(name).as_os_str().as_bytes().to_vec()).is_ok_and(|path| file::may_write(&path))
        };
        let mut found = Self { path: place.dir.clone(), there: dir.is_dir(), writable: can(""), ..Self::default() };
        if place.version == Version::V2 {
            // Who moves a process needs the right to do so where its old and its new group have their common parent.
            found.writable &= can("cgroup.procs");
            found.controllers = words("cgroup.controllers");
            found.enabled = words("cgroup.subtree_control");
            found.processes = numbers(&std::fs::read(dir.join("cgroup.procs")).unwrap_or_default());
            found.is_root = !dir.join("cgroup.type").exists();
        }
        found
    }
}

/// Numbers, one a line or a word.
fn numbers(text: &[u8]) -> Vec<i32> {
    String::from_utf8_lossy(text).split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
pub(crate) mod tests;
