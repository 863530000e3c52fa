//! Which groups are made where, and what is written to them. Pure.

use std::ffi::{CStr, CString};

use super::gauge::{self, Gauge};
use super::refuse;
use crate::cgroups::{self, Cgroups, Controller, Place, Version};
use crate::error::PolicyError;
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::Namespace;

/// A group in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub version: Version,
    /// The directory below which it is made, and the device of its file system.
    pub parent: CString,
    pub device: u64,
    pub controllers: Vec<Controller>,
    pub limits: Vec<Limit>,
    pub gauges: Vec<gauge::Place>,
    /// Of version 2: the controllers that the parent does not give to the groups below it yet.
    pub enable: Vec<Controller>,
    /// Who sits in the parent, which may have both processes and such groups only at the root, and is moved to a group of its
    /// own: this process and its children. Whoever else sits there is none of ours.
    pub moved: Vec<i32>,
    /// Other sandboxes may have moved out of the parent, and take the controllers away when they move back.
    pub is_shared: bool,
    /// By it everything inside can be killed at once.
    pub kills: bool,
    /// Nothing else could.
    pub must_kill: bool,
    /// Version 1 ends one process when memory is out: the others are ended when it tells.
    pub watched: bool,
}

/// A file of the group's and what is written to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub file: &'static CStr,
    pub value: String,
    /// Kernels that do not have the file are as if it were written.
    pub optional: bool,
}

impl Limit {
    fn new(file: &'static CStr, value: impl ToString) -> Self {
        Self { file, value: value.to_string(), optional: false }
    }
}

/// The groups of a policy; none where none is asked for.
///
/// # Errors
/// The host has no place for one, or the settings contradict each other.
pub fn decide(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<Vec<Group>, PolicyError> {
    if !cgroups::is_asked_for(policy) {
        return match policy.cgroup_parent {
            Some(_) => {
                Err(PolicyError::conflict("cgroup-parent", "nothing is limited that would take a control group"))
            }
            None => Ok(Vec::new()),
        };
    }
    let nothing = Cgroups::default();
    let host_has = host.cgroups.as_ref().unwrap_or(&nothing);
    let asked = asked(policy);
    if !wanted.is_new(Namespace::Mount) {
        let setting = asked.first().map_or("cgroup-parent", |(_, setting)| setting);
        let why = "without a mount namespace the program could write to its own limits";
        return Err(PolicyError::conflict(setting, why));
    }
    let mut groups = Groups { policy, host, has: host_has, all: Vec::new() };
    for (controller, setting) in asked {
        groups.add(controller, setting)?;
    }
    groups.add_for_statistics();
    if !wanted.is_new(Namespace::Pid) {
        groups.add_to_kill()?;
    }
    Ok(groups.all)
}

/// The controllers that are asked for, each with the setting that does.
fn asked(policy: &Policy) -> Vec<(Controller, &'static str)> {
    [
        (policy.memory_max.is_some(), Controller::Memory, "memory-max"),
        (policy.memory_max.is_none() && policy.swap_max.is_some(), Controller::Memory, "swap-max"),
        (policy.pids_max.is_some(), Controller::Pids, "pids-max"),
        (policy.cpu_max.is_some(), Controller::Cpu, "cpu-max"),
        (policy.net_class.is_some(), Controller::NetCls, "net-class"),
    ]
    .into_iter()
    .filter_map(|(asked, controller, setting)| asked.then_some((controller, setting)))
    .collect()
}

struct Groups<'a> {
    policy: &'a Policy,
    host: &'a Host,
    has: &'a Cgroups,
    all: Vec<Group>,
}

impl Groups<'_> {
    fn add(&mut self, controller: Controller, setting: &'static str) -> Result<(), PolicyError> {
        let refusal = refuse::Refusal { setting, controller, host: self.host, has: self.has };
        let parent = self.policy.cgroup_parent.as_ref();
        let place = self.has.place(controller, parent).map_err(|why| refusal.no_place(&why, parent.is_some()))?;
        refusal.unless_usable(&place, parent.is_some())?;
        let limits = limits(controller, place.version, self.policy)?;
        let group = self.group(&place);
        group.controllers.push(controller);
        group.limits.extend(limits);
        group.gauges.extend(gauges(controller, place.version));
        group.watched |= controller == Controller::Memory && place.version == Version::V1;
        if place.version == Version::V2 {
            refusal.make_room(&place, group)?;
        }
        Ok(())
    }

    /// The group at a place, which several controllers can have in common.
    fn group(&mut self, place: &Place) -> &mut Group {
        let known = self.all.iter().position(|group| group.parent == place.dir);
        let at = known.unwrap_or_else(|| {
            let v2 = place.version == Version::V2;
            self.all.push(Group {
                version: place.version,
                parent: place.dir.clone(),
                device: place.device,
                controllers: Vec::new(),
                // Nothing can be made below the group in which the program is, whatever it may mount.
                limits: if v2 {
                    vec![Limit::new(c"cgroup.max.depth", 1), Limit::new(c"cgroup.max.descendants", 1)]
                } else {
                    Vec::new()
                },
                gauges: if v2 { vec![(Gauge::CpuStat, c"cpu.stat")] } else { Vec::new() },
                enable: Vec::new(),
                moved: Vec::new(),
                is_shared: false,
                kills: v2,
                must_kill: false,
                watched: false,
            });
            self.all.len() - 1
        });
        #[allow(clippy::indexing_slicing, reason = "found or pushed above")]
        &mut self.all[at]
    }

    /// Version 1 counts processor time in a hierarchy of its own: a group there is made where somebody wants to know.
    fn add_for_statistics(&mut self) {
        let told = self.policy.stats.is_some() || self.policy.status_fd.is_some();
        if !told || self.policy.cpu_max.is_none() || self.all.iter().any(|group| group.version == Version::V2) {
            return;
        }
        if let Some(place) = self.usable(Controller::Cpuacct) {
            let group = self.group(&place);
            group.controllers.push(Controller::Cpuacct);
            group.gauges.extend(gauges(Controller::Cpuacct, place.version));
        }
    }

    /// Without a pid namespace the kernel has no other name for everything inside.
    fn add_to_kill(&mut self) -> Result<(), PolicyError> {
        let must_kill = self.policy.time_limit.is_some();
        if let Some(group) = self.all.iter_mut().find(|group| group.kills) {
            group.must_kill = must_kill;
            return Ok(());
        }
        let parent = self.policy.cgroup_parent.as_ref();
        let unified = self.has.unified(parent).ok().filter(|place| refuse::is_usable(self.has, place));
        match unified.or_else(|| self.usable(Controller::Freezer)) {
            Some(place) => {
                let group = self.group(&place);
                (group.kills, group.must_kill) = (true, must_kill);
                Ok(())
            }
            None if must_kill => Err(PolicyError::conflict(
                "time-limit",
                "without a new pid namespace it takes a control group of version 2, or the controller freezer, to end all that the \
                 program has started; neither can be had here",
            )),
            None => Ok(()),
        }
    }

    fn usable(&self, controller: Controller) -> Option<Place> {
        let place = self.has.place(controller, self.policy.cgroup_parent.as_ref()).ok()?;
        refuse::is_usable(self.has, &place).then_some(place)
    }
}

/// What is written for a controller, in this order.
fn limits(controller: Controller, version: Version, policy: &Policy) -> Result<Vec<Limit>, PolicyError> {
    let mut limits = Vec::new();
    let mut put = |file, value: u64| limits.push(Limit::new(file, value));
    let (memory, swap) = (policy.memory_max.map(|max| max.0), policy.swap_max.map(|max| max.0));
    match (controller, version) {
        (Controller::Memory, Version::V2) => {
            if let Some(memory) = memory {
                put(c"memory.max", memory);
                // When one is killed for want of memory, all are.
                put(c"memory.oom.group", 1);
            }
            if let Some(swap) = swap {
                put(c"memory.swap.max", swap);
            }
        }
        (Controller::Memory, Version::V1) => {
            let Some(memory) = memory else {
                let why = "cgroup v1 limits memory and swap together: give memory-max too";
                return Err(PolicyError::conflict("swap-max", why));
            };
            put(c"memory.use_hierarchy", 1);
            put(c"memory.limit_in_bytes", memory);
            if let Some(swap) = swap {
                // The kernel's sum; and where no swap is meant, not the one for the other either.
                put(c"memory.memsw.limit_in_bytes", memory.saturating_add(swap));
                if swap == 0 {
                    put(c"memory.swappiness", 0);
                }
            }
            // Before Linux 5.11 a group may leave those below it alone.
            limits
                .iter_mut()
                .filter(|limit| limit.file == c"memory.use_hierarchy")
                .for_each(|limit| limit.optional = true);
        }
        (Controller::Pids, _) => limits.extend(policy.pids_max.map(|max| Limit::new(c"pids.max", max.0))),
        (Controller::Cpu, version) => {
            let Some(percent) = policy.cpu_max else { return Ok(limits) };
            let quota = u64::from(percent.0) * PERIOD / 100;
            match version {
                Version::V2 => limits.push(Limit::new(c"cpu.max", format!("{quota} {PERIOD}"))),
                Version::V1 => {
                    put(c"cpu.cfs_period_us", PERIOD);
                    put(c"cpu.cfs_quota_us", quota);
                }
            }
        }
        (Controller::NetCls, _) => limits.extend(policy.net_class.map(|class| Limit::new(c"net_cls.classid", class.0))),
        (Controller::Cpuacct | Controller::Freezer, _) => {}
    }
    Ok(limits)
}

/// In which a share of processor time is given out, in microseconds: the kernel's own default.
const PERIOD: u64 = 100_000;

fn gauges(controller: Controller, version: Version) -> Vec<gauge::Place> {
    match (controller, version) {
        (Controller::Memory, Version::V2) => {
            vec![(Gauge::MemoryPeak, c"memory.peak"), (Gauge::OomKills, c"memory.events")]
        }
        // Kills are counted where the process was.
        (Controller::Memory, Version::V1) => {
            vec![(Gauge::MemoryPeak, c"memory.max_usage_in_bytes"), (Gauge::OomKills, c"inside/memory.oom_control")]
        }
        (Controller::Pids, _) => vec![(Gauge::PidsPeak, c"pids.peak")],
        (Controller::Cpu, Version::V1) => vec![(Gauge::CpuStatV1, c"cpu.stat")],
        (Controller::Cpuacct, _) => vec![(Gauge::CpuUsage, c"cpuacct.usage")],
        (Controller::Cpu, Version::V2) | (Controller::NetCls | Controller::Freezer, _) => Vec::new(),
    }
}
