//! What outer keeps once inner is at work: next to nothing.

use std::os::fd::{AsRawFd, OwnedFd};

use super::Outer;
use crate::seccomp;
use crate::step::cgroup::Keeper;
use crate::step::entry;
use crate::supervise::observer::Observer;
use crate::sys::socket::Channel;
use crate::sys::{Result, file, mount, privilege, process, signal};

impl Outer<'_> {
    /// Gives up what a supervisor does not need: descriptors, directory, capabilities, most system calls.
    pub(super) fn confine(&mut self) -> Result<()> {
        // Without a /proc every signal without a better answer has its default effect.
        let open = |name: &str| {
            let path = std::ffi::CString::new(format!("/proc/{}/{name}", self.inner)).ok()?;
            file::open(None, &path, libc::O_RDONLY, 0).ok()
        };
        if self.how.target_is_pid_1 {
            (self.status, self.syscall) = (open("status"), open("syscall"));
        }
        if self.how.init {
            signal::announce(self.channel.number())?;
        }
        if let Some(keeper) = self.keeper.as_ref().filter(|keeper| keeper.tells) {
            signal::announce(keeper.number())?;
        }
        let number = |fd: &Option<OwnedFd>| fd.as_ref().map(AsRawFd::as_raw_fd);
        let observer = self.observer.as_ref().map(Observer::number);
        let (status, syscall, log) = (number(&self.status), number(&self.syscall), number(&self.log));
        let uplink = self.uplink.as_ref().map(|keeper| keeper.channel.number());
        let last_word = self.last_word.as_ref().map(Channel::number);
        let keep = [Some(2), Some(self.channel.number()), status, syscall, log, observer, uplink, last_word];
        let groups = self.keeper.iter().flat_map(Keeper::descriptors);
        let entry = self.entry.iter().flat_map(entry::Keeper::descriptors);
        file::close_all_but(keep.into_iter().flatten().chain(self.outputs.descriptors()).chain(groups).chain(entry))?;
        mount::chdir(c"/")?;
        process::no_core();
        privilege::not_dumpable()?;
        privilege::set_capability_sets(if self.how.signals_others { privilege::KILL } else { 0 }, 0)?;
        privilege::no_new_privs()?;
        privilege::load_filter(seccomp::supervisor())
    }
}
