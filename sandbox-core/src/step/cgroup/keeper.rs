//! The process that takes the groups away when all is over. Outer cannot: it gives up what it would take, becomes another user
//! where the program does, and can be killed. This one stays what the caller is, has nothing of the program's, and can do
//! little but remove directories that are empty.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use super::gauge::{Gauge, Used};
use super::make::{Made, Patience};
use crate::sys::privilege;
use crate::sys::process::{self, Forked};
use crate::sys::signal;
use crate::sys::socket::{Channel, Message, peer_gone};
use crate::sys::{Result, file, mount, notify};
use crate::{exit, seccomp};

/// The groups, as outer has them.
pub struct Keeper {
    pid: i32,
    channel: Channel,
    /// Their locks, which last as long as outer even without a keeper.
    locks: Vec<OwnedFd>,
    gauges: Vec<(Gauge, OwnedFd)>,
    kill: Option<Kill>,
    /// It says when memory is out.
    pub tells: bool,
}

/// A way to kill everything inside.
pub enum Kill {
    /// `cgroup.kill`, Linux 5.14.
    AtOnce(OwnedFd),
    /// Nothing starts while it is frozen: `freezer.state`, and who is there.
    Frozen { state: OwnedFd, processes: OwnedFd },
}

/// What the keeper is given.
pub struct Given {
    pub made: Vec<Made>,
    pub gauges: Vec<(Gauge, OwnedFd)>,
    pub watch: Option<(OwnedFd, OwnedFd)>,
    pub shared: Vec<OwnedFd>,
    pub kill: Option<Kill>,
}

impl Given {
    /// Takes back what was made, when nobody has been in it.
    pub fn undo(self) {
        drop(self.shared);
        self.made.into_iter().rev().for_each(|made| made.remove(Patience::None));
    }

    /// Leaves it all to a process of its own.
    ///
    /// # Errors
    /// That process cannot be had; then nothing is left of the groups.
    pub fn keep(self) -> Result<Keeper> {
        let forked = Channel::pair().and_then(|channels| Ok((process::fork()?, channels)));
        let (pid, channel) = match forked {
            Ok((Forked::Child, (own, others))) => {
                drop(own);
                self.serve(&others)
            }
            Ok((Forked::Parent(pid), (own, others))) => {
                drop(others);
                (pid, own)
            }
            Err(failure) => {
                self.undo();
                return Err(failure);
            }
        };
        let failure = match channel.receive() {
            Ok(Some(Message::Ready { .. })) => {
                return Ok(Keeper {
                    pid,
                    channel,
                    tells: self.watch.is_some(),
                    locks: self.made.into_iter().map(|made| made.top).chain(self.shared).collect(),
                    gauges: self.gauges,
                    kill: self.kill,
                });
            }
            Ok(Some(Message::Failed { failure, .. })) | Err(failure) => failure,
            Ok(_) => peer_gone(),
        };
        // ignored: it has ended, or a caller that ignores SIGCHLD has no children to wait for
        let _ = signal::send(pid, libc::SIGKILL);
        let _ = signal::wait_end(pid);
        self.undo();
        Err(failure)
    }

    /// The keeper.
    fn serve(mut self, channel: &Channel) -> ! {
        // Closed here, and not with all others, so that nothing closes a number twice.
        self.gauges = Vec::new();
        self.kill = None;
        if let Err(failure) = self.confine(channel) {
            // ignored: the end of the channel says as much
            let _ = channel.send(&Message::Failed { step: 0, failure, cause: crate::hint::Cause::Unknown });
            process::exit(exit::REFUSED);
        }
        let patience = match channel.send(&Message::Ready { listener: None }) {
            Ok(()) => self.wait(channel),
            Err(_) => Patience::Long,
        };
        drop(self.shared);
        self.made.into_iter().rev().for_each(|made| made.remove(patience));
        process::exit(0)
    }

    fn confine(&self, channel: &Channel) -> Result<()> {
        signal::block_all()?;
        // What the caller sends to its process group is not meant for this one.
        process::new_session()?;
        let own = self.made.iter().flat_map(Made::descriptors).chain(&self.shared);
        let watched = self.watch.iter().flat_map(|(event, counts)| [event, counts]);
        let keep = own.chain(watched).map(AsRawFd::as_raw_fd).chain([channel.number()]);
        file::close_all_but(keep)?;
        mount::chdir(c"/")?;
        // ignored: a name is a courtesy
        let _ = process::set_name(c"sbx-keeper");
        process::no_core();
        privilege::not_dumpable()?;
        // The directory above may be somebody else's, in which root may make and remove.
        privilege::set_capability_sets(privilege::permitted()? & privilege::DAC_OVERRIDE, 0)?;
        privilege::no_new_privs()?;
        privilege::load_filter(seccomp::keeper())
    }

    /// Until outer says that all is over, or is gone.
    fn wait(&self, channel: &Channel) -> Patience {
        loop {
            let event = self.watch.as_ref().map(|(event, _)| event.as_fd());
            let Ok([word, memory]) = notify::wait_for([Some(channel.as_fd()), event], None) else {
                return Patience::Long;
            };
            if memory.to_read && self.somebody_was_killed() {
                // ignored: without outer the word of its end comes next
                let _ = channel.send(&Message::OutOfMemory);
            }
            if word.to_read || word.over {
                return match channel.receive() {
                    Ok(Some(_)) => Patience::Little,
                    Ok(None) | Err(_) => Patience::Long,
                };
            }
        }
    }

    /// Whether memory was out for one of those inside: the kernel tells before it kills, and also when it is a group further
    /// up that has none left, and somebody elsewhere who dies of it.
    fn somebody_was_killed(&self) -> bool {
        let Some((event, counts)) = &self.watch else { return false };
        let (mut number, mut text) = ([0; 8], [0; 256]);
        // ignored: what is not taken is told again
        let _ = file::read(event.as_fd(), &mut number);
        (0..100).any(|_| {
            let length = file::read_start(counts.as_fd(), &mut text).unwrap_or(0);
            let said = String::from_utf8_lossy(text.get(..length).unwrap_or_default());
            let killed = said.lines().any(|line| line.strip_prefix("oom_kill ").is_some_and(|number| number != "0"));
            if !killed {
                std::thread::sleep(Duration::from_millis(1));
            }
            killed
        })
    }
}

impl Keeper {
    /// Lets it remove the groups, and waits until it has. Who is still there stays; or, `killed`, is about to be gone.
    pub fn finish(mut self, killed: bool) {
        self.locks.clear();
        // ignored throughout: where it was killed the groups are left to a later run
        if !killed {
            let _ = self.channel.send(&Message::Over);
        }
        drop(self.channel);
        let _ = signal::wait_end(self.pid);
    }

    /// Kills everything inside, whatever namespace it is in.
    pub fn kill_all(&self) {
        // ignored throughout: those that have ended are what was wanted
        match &self.kill {
            None => {}
            Some(Kill::AtOnce(kill)) => {
                let _ = file::write(kill.as_fd(), b"1");
            }
            Some(Kill::Frozen { state, processes }) => {
                for _ in 0..1000 {
                    let _ = file::write(state.as_fd(), b"FROZEN");
                    let left = kill_listed(processes);
                    let _ = file::write(state.as_fd(), b"THAWED");
                    if !left {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }

    /// What the groups have used so far.
    pub fn used(&self) -> Used {
        Used::read(&self.gauges)
    }

    /// Whether the keeper has said that memory was out.
    pub fn says_out_of_memory(&self) -> bool {
        matches!(self.channel.poll(), Some(Message::OutOfMemory))
    }

    /// The number of the descriptor on which it says so.
    pub fn number(&self) -> i32 {
        self.channel.number()
    }

    /// What must stay open.
    pub fn descriptors(&self) -> impl Iterator<Item = i32> {
        let kill = match &self.kill {
            None => [None, None],
            Some(Kill::AtOnce(kill)) => [Some(kill), None],
            Some(Kill::Frozen { state, processes }) => [Some(state), Some(processes)],
        };
        let gauges = self.gauges.iter().map(|(_, fd)| fd);
        let owned = self.locks.iter().chain(gauges).chain(kill.into_iter().flatten());
        owned.map(AsRawFd::as_raw_fd).chain([self.number()])
    }
}

/// Kills who is in a group that is frozen, so that no number can have become somebody else's; whether anybody was.
fn kill_listed(processes: &OwnedFd) -> bool {
    let mut text = [0; 4096];
    let length = file::read_start(processes.as_fd(), &mut text).unwrap_or(0);
    // The last line may be cut: the next round has it.
    let whole = text.get(..length).unwrap_or_default().rsplitn(2, |&b| b == b'\n').nth(1).unwrap_or_default();
    let pids = whole.split(|&b| b == b'\n').filter_map(|pid| std::str::from_utf8(pid).ok()?.parse::<i32>().ok());
    let mut any = false;
    // 0 would be this process's own group.
    for pid in pids.filter(|&pid| pid > 1) {
        any = true;
        let _ = signal::send(pid, libc::SIGKILL);
    }
    any
}
