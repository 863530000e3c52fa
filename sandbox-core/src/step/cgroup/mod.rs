//! Control groups: outer makes them, with their limits, while it is still what the caller is; inner joins before all else that
//! it does, and so before the cgroup namespace whose root the group becomes. Outer itself is never in them: it can neither be
//! starved nor counted, and a limit of one process is one. `make` makes and removes, `keeper` is who removes in the end,
//! `gauge` what is read before that; `decide` and `refuse` are pure.

mod decide;
mod gauge;
mod keeper;
mod make;
mod refuse;

use std::cell::RefCell;
use std::ffi::CString;
use std::os::fd::AsFd;

pub use decide::{Group, decide};
pub use gauge::Used;
pub use keeper::Keeper;

use super::{Context, Step};
use crate::cgroups::{self, Controller, Version};
use crate::error::Failure;
use crate::setting::text::show;
use crate::sys::call::Call;
use crate::sys::{file, refused};
use keeper::{Given, Kill};
use make::{ENABLE, INSIDE, KILL, LIMITS, MOVED, Opened, PARENT, TOP, WITHIN};

/// The step's name, by which outer says that memory was out before main.
pub const NAME: &str = "cgroup";

/// Outer's.
pub struct Make {
    groups: Vec<Group>,
    /// The names that were given.
    names: RefCell<Vec<CString>>,
}
/// Inner's, first of all.
pub struct Join(Vec<CString>);
/// Inner's, when its file tree is complete.
pub struct Check;

/// Objects are numbered in hundreds of this, a group each.
const PARTS: usize = 64;
/// What is not a group's.
const KEEPER: usize = PARTS * 63;
/// The program's death for want of memory, before it was there.
pub const STARVED: usize = KEEPER + 1;
const PROC: usize = KEEPER + 2;
const MOUNTINFO: usize = KEEPER + 3;

/// Planned where a group is asked for.
pub fn plan(groups: &[Group]) -> Option<Make> {
    (!groups.is_empty()).then(|| Make { groups: groups.to_vec(), names: RefCell::default() })
}

/// Planned with it.
pub fn plan_join(groups: &[Group]) -> Option<Join> {
    (!groups.is_empty()).then(|| Join(groups.iter().map(|group| group.parent.clone()).collect()))
}

/// Planned with it.
pub fn plan_check(groups: &[Group]) -> Option<Check> {
    (!groups.is_empty()).then_some(Check)
}

/// Whether everything inside can be killed by its group.
pub fn can_kill(groups: &[Group]) -> bool {
    groups.iter().any(|group| group.kills)
}

impl Group {
    fn describe(&self) -> String {
        let version = match self.version {
            Version::V1 => "v1",
            Version::V2 => "v2",
        };
        let mut says = format!("below {} ({version})", show(self.parent.to_bytes()));
        let names = |all: &[Controller]| all.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
        if !self.moved.is_empty() {
            says.push_str(", the caller beside it");
        }
        if !self.enable.is_empty() {
            says.push_str(&format!(", given {}", names(&self.enable)));
        }
        for limit in &self.limits {
            says.push_str(&format!(", {} {}", limit.file.to_string_lossy(), limit.value));
        }
        says
    }

    fn kill(&self, made: &make::Made) -> Result<Option<Kill>, Failure> {
        if !self.kills {
            return Ok(None);
        }
        let open = |name, flags| file::open(Some(made.top.as_fd()), name, flags, 0);
        Ok(Some(match self.version {
            Version::V2 => Kill::AtOnce(match open(c"cgroup.kill", libc::O_WRONLY) {
                // Before Linux 5.14. With a pid namespace the end of its first process is that of all.
                Err(failure) if failure.errno == libc::ENOENT && !self.must_kill => return Ok(None),
                result => result.map_err(|failure| failure.on(KILL))?,
            }),
            Version::V1 => Kill::Frozen {
                state: open(c"freezer.state", libc::O_WRONLY).map_err(|failure| failure.on(KILL))?,
                processes: open(c"inside/cgroup.procs", libc::O_RDONLY).map_err(|failure| failure.on(WITHIN))?,
            },
        }))
    }
}

impl Step for Make {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        self.groups.iter().map(Group::describe).collect::<Vec<_>>().join("; ")
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        let mut given = Given { made: Vec::new(), gauges: Vec::new(), watch: None, shared: Vec::new(), kill: None };
        let mut joins = Vec::new();
        for (number, group) in self.groups.iter().enumerate() {
            let made = make::make(group, |name| self.names.borrow_mut().push(name.into())).and_then(|opened| {
                let Opened { made, join, gauges, watch, shared } = opened;
                let kill = group.kill(&made);
                given.made.push(made);
                given.gauges.extend(gauges);
                given.watch = given.watch.take().or(watch);
                given.shared.extend(shared);
                given.kill = kill?.or(given.kill.take());
                Ok(join)
            });
            match made {
                Ok(join) => joins.push(join),
                Err(failure) => {
                    given.undo();
                    return Err(failure.on(number * PARTS + failure.object as usize));
                }
            }
        }
        context.keeper = Some(given.keep().map_err(|failure| failure.on(KEEPER))?);
        context.join = joins;
        Ok(())
    }
    fn object(&self, number: u32) -> String {
        let number = number as usize;
        match number {
            KEEPER => return "a process to remove the control groups".into(),
            STARVED => return "memory-max".into(),
            _ => {}
        }
        let (at, part) = (number / PARTS, number % PARTS);
        let Some(group) = self.groups.get(at) else { return String::new() };
        let parent = show(group.parent.to_bytes());
        let names = self.names.borrow();
        let own = names.get(at).map_or_else(|| "sbx-run-PID-N".into(), |name| show(name.to_bytes()));
        match part {
            PARENT => parent,
            TOP => format!("{parent}/{own}"),
            ENABLE => format!("{parent}/cgroup.subtree_control"),
            WITHIN => format!("{parent}/{own}/{}", INSIDE.to_string_lossy()),
            KILL if group.version == Version::V1 => format!("{parent}/{own}/freezer.state"),
            KILL => format!("{parent}/{own}/cgroup.kill"),
            MOVED => format!("{parent}/sbx-caller-PID-N"),
            limit => match limit.checked_sub(LIMITS).and_then(|number| group.limits.get(number)) {
                Some(limit) => format!("{parent}/{own}/{}", limit.file.to_string_lossy()),
                None => parent,
            },
        }
    }
}

impl Step for Join {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        "join".into()
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        // While /proc is the host's.
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        context.own_proc = Some(file::open(None, c"/proc/self", flags, 0).map_err(|failure| failure.on(PROC))?);
        for (number, group) in context.join.drain(..).enumerate() {
            // Whoever writes, whatever its number is.
            file::write(group.as_fd(), b"0").map_err(|failure| failure.on(number))?;
        }
        Ok(())
    }
    fn object(&self, number: u32) -> String {
        match self.0.get(number as usize) {
            Some(parent) => format!("{}/sbx-run-PID-N/inside/cgroup.procs", show(parent.to_bytes())),
            None => "/proc/self".into(),
        }
    }
}

impl Step for Check {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        "be sure that no control group can be written to".into()
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        let read = |proc: std::os::fd::OwnedFd| {
            let table = file::open(Some(proc.as_fd()), c"mountinfo", libc::O_RDONLY, 0)?;
            let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
            loop {
                match file::read(table.as_fd(), &mut buffer)? {
                    0 => return Ok(text),
                    length => text.extend_from_slice(buffer.get(..length).unwrap_or_default()),
                }
            }
        };
        let proc = context.own_proc.take().ok_or(refused(Call::Open, libc::EBADF))?;
        let table = read(proc).map_err(|failure: Failure| failure.on(MOUNTINFO))?;
        // Less than was planned.
        if cgroups::writable(&table) { Err(refused(Call::Read, libc::EBADE).on(MOUNTINFO)) } else { Ok(()) }
    }
    fn object(&self, _: u32) -> String {
        "/proc/self/mountinfo".into()
    }
}

#[cfg(test)]
mod tests;
