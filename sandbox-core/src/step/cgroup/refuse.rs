//! Why a group cannot be made, and the command that would let it. Pure.

use super::decide::Group;
use crate::cgroups::{Cgroups, Controller, Dir, NoPlace, Place, Version};
use crate::error::PolicyError;
use crate::host::Host;
use crate::setting::text::show;

/// What is said of a controller's group.
pub struct Refusal<'a> {
    pub setting: &'static str,
    pub controller: Controller,
    pub host: &'a Host,
    pub has: &'a Cgroups,
}

/// Whether a group without controllers can be made there.
pub fn is_usable(has: &Cgroups, place: &Place) -> bool {
    !place.read_only && has.dir(&place.dir).is_some_and(|dir| dir.there && dir.writable)
}

impl Refusal<'_> {
    fn because(&self, why: String, hint: String) -> PolicyError {
        PolicyError::conflict(self.setting, why).with_hint(hint)
    }

    /// There is no place for it; `by_name`: cgroup-parent has said where.
    pub fn no_place(&self, why: &NoPlace, by_name: bool) -> PolicyError {
        let name = self.controller.name();
        match why {
            NoPlace::NoHierarchy if self.controller.is_in_v2() => self.because(
                format!("no control group hierarchy with the controller {name} is mounted on this machine"),
                "as root: mount -t cgroup2 none /sys/fs/cgroup".into(),
            ),
            NoPlace::NoHierarchy => self.because(
                format!("the controller {name}, which cgroup v1 alone has, is mounted nowhere on this machine"),
                format!(
                    "as root: mkdir -p /sys/fs/cgroup/{name} && mount -t cgroup -o {name} none /sys/fs/cgroup/{name}"
                ),
            ),
            NoPlace::NotMounted(version) => {
                let mount = match version {
                    Version::V1 => format!("mount -t cgroup -o {name} none DIR"),
                    Version::V2 => "mount -t cgroup2 none DIR".into(),
                };
                let hint = format!("as root: {mount}; a container may be kept from it on purpose");
                self.because(format!("the hierarchy of the controller {name} is mounted nowhere here"), hint)
            }
            NoPlace::OutOfSight { group, mounted } => {
                let hint = if by_name {
                    "cgroup-parent is named as in /proc/self/cgroup, and not by its directory"
                } else {
                    "the part of the hierarchy that is mounted is not the one that this process is in: a container needs a cgroup \
                     namespace of its own (docker, podman: --cgroupns=private), or cgroup-parent a group that is seen"
                };
                let why = format!(
                    "the control group {} is not within {}, which is what is mounted",
                    show(group),
                    show(mounted)
                );
                self.because(why, hint.into())
            }
        }
    }

    /// Refuses a place in which no group can be made.
    pub fn unless_usable(&self, place: &Place, by_name: bool) -> Result<(), PolicyError> {
        let path = show(place.dir.to_bytes());
        let is_path = by_name && self.has.mount_points().any(|point| place.group.starts_with(point));
        let dir = self.has.dir(&place.dir).filter(|dir| dir.there);
        let Some(dir) = dir else {
            let hint = match is_path {
                true => "cgroup-parent is named as in /proc/self/cgroup, and not by its directory".into(),
                false => format!("mkdir {path}"),
            };
            return Err(self.because(format!("{path} does not exist"), hint));
        };
        if place.read_only {
            let hint = "a container's control groups are writable where it was started so (docker: --privileged)";
            return Err(self.because(format!("{path} is mounted read-only"), hint.into()));
        }
        if !dir.writable {
            let why = format!("the control group {path} is not delegated to uid {}", self.host.uid);
            return Err(self.because(why, self.delegation(place)));
        }
        Ok(())
    }

    /// How the caller comes by a group of its own.
    fn delegation(&self, place: &Place) -> String {
        let (uid, gid, dir) = (self.host.uid, self.host.gid, show(place.dir.to_bytes()));
        if self.has.systemd && place.version == Version::V2 {
            return self.by_systemd().into();
        }
        match place.version {
            Version::V1 => {
                let group = show(&join(&place.group, b"sbx"));
                format!(
                    "as root, in each hierarchy that is used: mkdir {dir}/sbx && chown {uid} {dir}/sbx; then give --cgroup-parent={group}"
                )
            }
            Version::V2 => format!(
                "as root: cd {dir} && mkdir sbx && chown {uid} sbx sbx/cgroup.procs sbx/cgroup.subtree_control && echo '+memory +pids \
                 +cpu' >cgroup.subtree_control && sh -c 'echo $$ >sbx/cgroup.procs; exec setpriv --reuid {uid} --regid {gid} \
                 --clear-groups sbx-launch …'"
            ),
        }
    }

    fn by_systemd(&self) -> &'static str {
        match self.host.uid {
            0 => "systemd-run --scope -p Delegate=yes sbx-launch …",
            _ => "systemd-run --user --scope -p Delegate=yes sbx-launch …",
        }
    }

    /// Version 2: what the parent needs so that a group with this controller can be made below it. Processes sit in groups that
    /// have none such below them, cgroups(7).
    pub fn make_room(&self, place: &Place, group: &mut Group) -> Result<(), PolicyError> {
        let nothing = Dir::default();
        let dir = self.has.dir(&place.dir).unwrap_or(&nothing);
        let (name, path) = (self.controller.name(), show(place.dir.to_bytes()));
        let has = |names: &[String]| names.iter().any(|one| one == name);
        if !has(&dir.controllers) {
            let hint = match (self.has.systemd, dir.is_root) {
                (_, true) => format!("this kernel is without it, or version 1 holds it: see {name} in /proc/cgroups"),
                (true, _) if self.host.uid == 0 => self.by_systemd().into(),
                (true, _) => format!(
                    "{}; where that is not enough, as root: mkdir -p /etc/systemd/system/user@.service.d && printf \
                     '[Service]\\nDelegate=cpu cpuset io memory pids\\n' >/etc/systemd/system/user@.service.d/delegate.conf && \
                     systemctl daemon-reload, and log in again",
                    self.by_systemd()
                ),
                (false, _) => format!("as root: echo +{name} >{path}/../cgroup.subtree_control"),
            };
            return Err(self.because(format!("the control group {path} was not given the controller {name}"), hint));
        }
        group.is_shared = !dir.is_root;
        if has(&dir.enabled) {
            return Ok(());
        }
        group.enable.push(self.controller);
        if dir.is_root || dir.processes.is_empty() {
            return Ok(());
        }
        let is_own = |pid: &i32| *pid == self.has.pid || self.has.children.contains(pid);
        if let Some(other) = dir.processes.iter().find(|pid| !is_own(pid)) {
            let who =
                if *other == 0 { "a process of another pid namespace".into() } else { format!("process {other}") };
            let own = show(&place.group);
            let elsewhere = format!(
                "mkdir {path}/sbx-shell && echo {other} >{path}/sbx-shell/cgroup.procs, then --cgroup-parent={own}"
            );
            let hint = match self.has.systemd {
                true => format!("{}; or: {elsewhere}", self.by_systemd()),
                false => elsewhere,
            };
            let why =
                format!("{who} sits in the control group {path}, which can then have no groups with limits below it");
            return Err(self.because(why, hint));
        }
        // Itself last: whoever is moved is found in the parent until then.
        group.moved = dir.processes.clone();
        Ok(())
    }
}

fn join(group: &[u8], name: &[u8]) -> Vec<u8> {
    [group.strip_suffix(b"/").unwrap_or(group), b"/", name].concat()
}
