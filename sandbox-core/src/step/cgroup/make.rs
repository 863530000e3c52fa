//! Makes groups, and takes them away: its own in the end, and those that a run left which was killed.
//!
//! A group is two directories: `sbx-run-PID-N`, which has the limits, and in it `inside`, which has the processes and becomes
//! the root of their cgroup namespace. So the files of the limits are above everything that can be mounted or named there.
//! Whoever makes a group holds the lock of its directory: what nobody holds is what nobody uses, and may be removed, which
//! the kernel refuses as long as somebody lives in it.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use super::decide::Group;
use super::gauge::Gauge;
use crate::sys::call::Call;
use crate::sys::group::{Lock, lock, remove};
use crate::sys::{Result, file, refused};

/// Where the processes are.
pub const INSIDE: &CStr = c"inside";
const RUN: &str = "sbx-run";
const CALLER: &str = "sbx-caller";

/// The objects of failures, in a group: then come the limits.
pub const PARENT: usize = 0;
pub const TOP: usize = 1;
pub const ENABLE: usize = 2;
pub const WITHIN: usize = 3;
pub const MOVED: usize = 4;
pub const KILL: usize = 5;
pub const LIMITS: usize = 8;

/// A group that is there.
pub struct Made {
    parent: OwnedFd,
    name: CString,
    /// Its directory, whose lock lasts as long as this is open anywhere.
    pub top: OwnedFd,
    /// `inside/cgroup.procs`, to be read.
    pub processes: Option<OwnedFd>,
    caller: Option<Caller>,
}

/// Where the caller sits meanwhile, and what it takes to bring it back.
struct Caller {
    name: CString,
    top: OwnedFd,
    /// The parent, open for its lock.
    lock: OwnedFd,
    /// The files `cgroup.procs` here and there, and of the parent `cgroup.stat` and `cgroup.subtree_control`.
    here: OwnedFd,
    back: OwnedFd,
    stat: OwnedFd,
    control: OwnedFd,
    disable: String,
}

/// What making a group has given.
pub struct Opened {
    pub made: Made,
    /// `inside/cgroup.procs`, to be written to by whoever joins.
    pub join: OwnedFd,
    pub gauges: Vec<(Gauge, OwnedFd)>,
    /// A descriptor that tells of memory being out, and what it counts.
    pub watch: Option<(OwnedFd, OwnedFd)>,
    /// The parent's lock, held as long as the controllers must stay.
    pub shared: Option<OwnedFd>,
}

/// Makes a group with its limits. Nothing is left of it when that fails.
pub fn make(group: &Group, tell_name: impl FnOnce(&CStr)) -> Result<Opened> {
    let parent = file::open(None, &group.parent, libc::O_PATH | libc::O_DIRECTORY, 0)?;
    if file::device(parent.as_fd())? != group.device {
        return Err(refused(Call::Open, libc::EXDEV));
    }
    let shared = if group.is_shared { Some(share(parent.as_fd())?) } else { None };
    sweep(parent.as_fd())?;
    let caller = match group.moved.is_empty() {
        true => None,
        false => Some(Caller::move_away(&parent, group).map_err(|failure| failure.on(MOVED))?),
    };
    let made = enable(parent.as_fd(), group).and_then(|()| new_group(parent.as_fd(), RUN).map_err(|f| f.on(TOP)));
    let (name, top) = match made {
        Ok(made) => made,
        Err(failure) => {
            if let Some(caller) = caller {
                drop(shared);
                caller.bring_back(parent.as_fd());
            }
            return Err(failure);
        }
    };
    tell_name(&name);
    let mut made = Made { parent, name, top, processes: None, caller };
    match fill(&mut made, group) {
        Ok((join, gauges, watch)) => Ok(Opened { made, join, gauges, watch, shared }),
        Err(failure) => {
            drop(shared);
            made.remove(Patience::None);
            Err(failure)
        }
    }
}

type Filled = (OwnedFd, Vec<(Gauge, OwnedFd)>, Option<(OwnedFd, OwnedFd)>);

/// Writes the limits, makes the directory of the processes, and opens what will be needed.
fn fill(made: &mut Made, group: &Group) -> Result<Filled> {
    let top = made.top.as_fd();
    for (number, limit) in group.limits.iter().enumerate() {
        match write(top, limit.file, limit.value.as_bytes()) {
            Err(failure) if limit.optional && failure.errno == libc::ENOENT => {}
            result => result.map_err(|failure| failure.on(LIMITS + number))?,
        }
    }
    let within = |failure: crate::error::Failure| failure.on(WITHIN);
    file::mkdir(top, INSIDE, 0o755).map_err(within)?;
    let join = file::open(Some(top), c"inside/cgroup.procs", libc::O_WRONLY, 0).map_err(within)?;
    made.processes = Some(file::open(Some(top), c"inside/cgroup.procs", libc::O_RDONLY, 0).map_err(within)?);
    let top = made.top.as_fd();
    let mut gauges = Vec::with_capacity(group.gauges.len());
    for &(gauge, path) in &group.gauges {
        match file::open(Some(top), path, libc::O_RDONLY, 0) {
            Ok(fd) => gauges.push((gauge, fd)),
            // This kernel does not tell.
            Err(failure) if failure.errno == libc::ENOENT => {}
            Err(failure) => return Err(within(failure)),
        }
    }
    let watch = if group.watched { Some(watch(top).map_err(within)?) } else { None };
    Ok((join, gauges, watch))
}

/// Asks version 1 to tell when memory is out, Documentation/admin-guide/cgroup-v1/memory.rst.
fn watch(top: BorrowedFd<'_>) -> Result<(OwnedFd, OwnedFd)> {
    use std::os::fd::AsRawFd;
    let event = crate::sys::group::event()?;
    let counts = file::open(Some(top), c"inside/memory.oom_control", libc::O_RDONLY, 0)?;
    let words = format!("{} {}", event.as_raw_fd(), counts.as_raw_fd());
    write(top, c"inside/cgroup.event_control", words.as_bytes())?;
    Ok((event, counts))
}

fn write(dir: BorrowedFd<'_>, name: &CStr, text: &[u8]) -> Result<()> {
    file::write(file::open(Some(dir), name, libc::O_WRONLY, 0)?.as_fd(), text)
}

/// Gives controllers to the groups below the parent.
fn enable(parent: BorrowedFd<'_>, group: &Group) -> Result<()> {
    if group.enable.is_empty() {
        return Ok(());
    }
    write(parent, c"cgroup.subtree_control", switch(group, '+').as_bytes()).map_err(|failure| failure.on(ENABLE))
}

fn switch(group: &Group, sign: char) -> String {
    group.enable.iter().map(|controller| format!("{sign}{}", controller.name())).collect::<Vec<_>>().join(" ")
}

/// The parent's lock, in common with every other sandbox there: who moves back into the parent takes it alone. That is done
/// at once, so it is waited for a little.
fn share(parent: BorrowedFd<'_>) -> Result<OwnedFd> {
    let fd = file::open(Some(parent), c".", libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    let until = Instant::now() + Duration::from_secs(1);
    loop {
        match lock(fd.as_fd(), Lock::Shared) {
            Err(failure) if failure.errno == libc::EWOULDBLOCK && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(1));
            }
            result => return result.map(|()| fd),
        }
    }
}

/// A new directory of a name that is recognised again, with its lock.
fn new_group(parent: BorrowedFd<'_>, kind: &str) -> Result<(CString, OwnedFd)> {
    let pid = std::process::id();
    let mut last = refused(Call::Mkdir, libc::EEXIST);
    for number in 0..1000 {
        let name = CString::new(format!("{kind}-{pid}-{number}")).map_err(|_| refused(Call::Mkdir, libc::EINVAL))?;
        match file::mkdir(parent, &name, 0o755) {
            // That of a process of another pid namespace.
            Err(failure) if failure.errno == libc::EEXIST => continue,
            result => result?,
        }
        // Until the lock is ours it is stale to everybody else, who may remove it.
        match hold(parent, &name) {
            Ok(top) => return Ok((name, top)),
            Err(failure) if matches!(failure.errno, libc::ENOENT | libc::EWOULDBLOCK) => last = failure,
            Err(failure) => {
                // ignored: the failure that is told is the first one
                let _ = remove(parent, &name);
                return Err(failure);
            }
        }
    }
    Err(last)
}

fn hold(parent: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let top = file::open(Some(parent), name, flags, 0)?;
    lock(top.as_fd(), Lock::Exclusive)?;
    let there = file::open(Some(parent), name, flags, 0)?;
    if file::inode(there.as_fd())? == file::inode(top.as_fd())? {
        Ok(top)
    } else {
        Err(refused(Call::Open, libc::ENOENT))
    }
}

/// Whether a name is one that `new_group` gives.
fn is_ours(name: &[u8]) -> bool {
    let numbers = [RUN, CALLER].iter().find_map(|kind| name.strip_prefix(kind.as_bytes())?.strip_prefix(b"-"));
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    numbers.is_some_and(|numbers| {
        let mut parts = numbers.split(|&b| b == b'-');
        parts.next().is_some_and(is_number) && parts.next().is_some_and(is_number) && parts.next().is_none()
    })
}

/// Removes what other runs have left below the parent: groups of ours that nobody holds and nobody lives in.
fn sweep(parent: BorrowedFd<'_>) -> Result<()> {
    let dir = file::open(Some(parent), c".", libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    for name in file::names(dir.as_fd())?.into_iter().filter(|name| is_ours(name)) {
        let Ok(name) = CString::new(name) else { continue };
        // ignored throughout: it is in use, somebody else's, or gone
        if let Ok(top) = hold(parent, &name) {
            let _ = remove(top.as_fd(), INSIDE);
            let _ = remove(parent, &name);
        }
    }
    Ok(())
}

/// How long to wait for those inside to be gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Nobody was ever there.
    None,
    /// All that is to end has ended, and the kernel may need a moment for it. Who is still there stays.
    Little,
    /// What is there is being killed.
    Long,
}

impl Made {
    /// Removes it. What somebody lives in stays, for a later run to remove.
    pub fn remove(self, patience: Patience) {
        let until = Instant::now()
            + match patience {
                Patience::None => Duration::ZERO,
                Patience::Little => Duration::from_secs(1),
                Patience::Long => Duration::from_secs(5),
            };
        let mut pause = Duration::from_micros(100);
        while let Err(failure) = remove(self.top.as_fd(), INSIDE) {
            let stays = patience == Patience::Little && self.is_populated();
            if failure.errno != libc::EBUSY || stays || Instant::now() >= until {
                break;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
        // ignored: what cannot be removed is left for a later run, which finds it by its name
        let removed = remove(self.parent.as_fd(), &self.name);
        if let (Some(caller), Ok(())) = (self.caller, removed) {
            caller.bring_back(self.parent.as_fd());
        }
    }

    fn is_populated(&self) -> bool {
        let mut byte = [0];
        let read = |fd: &OwnedFd| file::read_start(fd.as_fd(), &mut byte).unwrap_or(0);
        self.processes.as_ref().map_or(0, read) > 0
    }

    /// Every descriptor of it.
    pub fn descriptors(&self) -> impl Iterator<Item = &OwnedFd> {
        let caller = self.caller.iter();
        let callers = caller.flat_map(|c| [&c.top, &c.lock, &c.here, &c.back, &c.stat, &c.control]);
        [&self.parent, &self.top].into_iter().chain(&self.processes).chain(callers)
    }
}

impl Caller {
    /// Moves this process and its children out of the parent, into a group that has no controllers below it.
    fn move_away(parent: &OwnedFd, group: &Group) -> Result<Self> {
        let parent = parent.as_fd();
        let read_write = |name: &CStr, flags| file::open(Some(parent), name, flags, 0);
        let back = read_write(c"cgroup.procs", libc::O_WRONLY)?;
        let stat = read_write(c"cgroup.stat", libc::O_RDONLY)?;
        let control = read_write(c"cgroup.subtree_control", libc::O_WRONLY)?;
        let lock = read_write(c".", libc::O_RDONLY | libc::O_DIRECTORY)?;
        let (name, top) = new_group(parent, CALLER)?;
        let moved = (|| {
            let there = file::open(Some(top.as_fd()), c"cgroup.procs", libc::O_WRONLY, 0)?;
            for pid in &group.moved {
                match file::write(there.as_fd(), pid.to_string().as_bytes()) {
                    // A child that has ended meanwhile.
                    Err(failure) if failure.errno == libc::ESRCH => {}
                    result => result?,
                }
            }
            file::open(Some(top.as_fd()), c"cgroup.procs", libc::O_RDONLY, 0)
        })();
        match moved {
            Ok(here) => Ok(Self { name, top, lock, here, back, stat, control, disable: switch(group, '-') }),
            Err(failure) => {
                // ignored throughout: the failure that is told is the first one
                for pid in &group.moved {
                    let _ = file::write(back.as_fd(), pid.to_string().as_bytes());
                }
                let _ = remove(parent, &name);
                Err(failure)
            }
        }
    }

    /// Makes the parent what it was: without controllers for groups below it, with the caller in it. Where somebody else has
    /// made groups there it stays as it is.
    fn bring_back(self, parent: BorrowedFd<'_>) {
        let mut text = [0; 512];
        let alone =
            lock(self.lock.as_fd(), Lock::Exclusive).and_then(|()| file::read_start(self.stat.as_fd(), &mut text));
        let text = String::from_utf8_lossy(text.get(..alone.unwrap_or(0)).unwrap_or_default());
        // The one that is left is the caller's.
        if !text.lines().any(|line| line == "nr_descendants 1") {
            return;
        }
        // ignored throughout: what cannot be put back stays for a later run, and no limit depends on it any more
        if file::write(self.control.as_fd(), self.disable.as_bytes()).is_ok() {
            let mut pids = [0; 4096];
            let length = file::read_start(self.here.as_fd(), &mut pids).unwrap_or(0);
            let pids = pids.get(..length).unwrap_or_default().split(|&b| b == b'\n');
            for pid in pids.filter(|pid| !pid.is_empty()) {
                let _ = file::write(self.back.as_fd(), pid);
            }
            let _ = remove(parent, &self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn only_names_that_are_given_here_are_recognised() {
        assert!(is_ours(b"sbx-run-12-0") && is_ours(b"sbx-caller-4194304-17"));
        for other in [
            "sbx-run",
            "sbx-run-",
            "sbx-run-1",
            "sbx-run-1-",
            "sbx-run-1-2-3",
            "sbx-run--1",
            "sbx-run-a-1",
            "sbx",
            "xsbx-run-1-2",
            "sbx-shell",
        ] {
            assert!(!is_ours(other.as_bytes()), "{other}");
        }
    }
}
