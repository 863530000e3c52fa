//! What this kernel and this caller can do: facts that planning takes as values, so that it can be tested for any host.

use std::ffi::CString;

use crate::cgroups::{self, Cgroups};
use crate::delegation::{self, Delegation};
use crate::policy::Policy;
use crate::policy::types::NetMode;
use crate::step;
use crate::sys;
use crate::uplink::Uplink;

// include/uapi/linux/capability.h
const SETGID: u64 = 1 << 6;
const SETUID: u64 = 1 << 7;
const SETPCAP: u64 = 1 << 8;
const SYS_ADMIN: u64 = 1 << 21;

/// The facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The caller's effective user and group id.
    pub uid: u32,
    pub gid: u32,
    /// The caller's current directory; `/` when it cannot be named.
    pub cwd: CString,
    /// The caller's home, as `$HOME` names it.
    pub home: Option<CString>,
    /// open_tree, move_mount, fsopen and mount_setattr are there (Linux 5.12).
    pub mount_fds: bool,
    /// The caller has CAP_SYS_ADMIN and CAP_SETPCAP: setup can do without a user namespace.
    pub privileged: bool,
    /// The caller's limits, soft and hard, by the kernel's numbers; absent where they cannot be read.
    pub limits: [Option<(u64, u64)>; 16],
    /// The caller's nice value, where it can be read.
    pub nice: Option<i32>,
    /// The caller has CAP_SETUID and CAP_SETGID: any id of its user namespace can be mapped.
    pub maps_any: bool,
    /// The caller has supplementary groups, and may leave them.
    pub leaves_groups: bool,
    /// Which other ids it may map; absent where the policy maps none.
    pub delegation: Option<Delegation>,
    /// The version of the kernel's Landlock, or the error number in its place; ENOSYS also where the policy asks for none.
    pub landlock: Result<u32, i32>,
    /// What a network without root needs; absent where the policy asks for none.
    pub uplink: Option<Uplink>,
    /// A process beside the sandbox can be asked about its calls, and have those made again that end in SIGSYS; absent
    /// where the policy has none of these.
    pub can_tell: bool,
    /// Where control groups can be made; absent where the policy asks for none.
    pub cgroups: Option<Cgroups>,
}

impl Host {
    /// Asks the kernel. `home` is the caller's `$HOME`.
    pub fn probe(home: Option<&[u8]>) -> Self {
        let cwd = sys::file::getcwd().unwrap_or_default();
        // Outside the root directory getcwd(2) answers "(unreachable)/…": no name to go by.
        let named = cwd.to_bytes().first() == Some(&b'/');
        let capabilities = sys::privilege::effective();
        let has = |needed: u64| capabilities & needed == needed;
        Self {
            uid: nix::unistd::geteuid().as_raw(),
            gid: nix::unistd::getegid().as_raw(),
            cwd: if named { cwd } else { c"/".into() },
            home: home.filter(|h| h.first() == Some(&b'/')).and_then(|h| CString::new(h).ok()),
            mount_fds: sys::mount::has_fd_api(),
            limits: std::array::from_fn(|number| sys::limits::limit(u32::try_from(number).ok()?).ok()),
            nice: sys::limits::nice().ok(),
            privileged: has(SYS_ADMIN | SETPCAP),
            maps_any: has(SETUID | SETGID),
            leaves_groups: has(SETGID) && sys::privilege::has_groups() && delegation::setgroups_is_allowed(),
            delegation: None,
            landlock: Err(libc::ENOSYS),
            uplink: None,
            can_tell: false,
            cgroups: None,
        }
    }

    /// What there is to know for a process that is in its jail already and begins in `cwd`: it has no privileges, and asks for
    /// nothing.
    pub(crate) fn inside(cwd: CString) -> Self {
        Self {
            uid: 0,
            gid: 0,
            cwd,
            home: None,
            mount_fds: false,
            limits: [None; 16],
            nice: None,
            privileged: false,
            maps_any: false,
            leaves_groups: false,
            delegation: None,
            landlock: Err(libc::ENOSYS),
            uplink: None,
            can_tell: false,
            cgroups: None,
        }
    }

    /// Looks also for what only some policies need. `path` is the caller's `$PATH`.
    #[must_use]
    pub fn for_policy(self, policy: &Policy, path: Option<&[u8]>) -> Self {
        let uplink = match policy.net {
            Some(mode @ (NetMode::Pasta | NetMode::Slirp4netns)) => Some(Uplink::probe(mode, path)),
            _ => None,
        };
        Self { uplink, ..self }.for_maps(policy, path).for_landlock(policy).for_filter(policy).for_cgroups(policy)
    }

    fn for_cgroups(self, policy: &Policy) -> Self {
        let cgroups = cgroups::is_asked_for(policy).then(|| Cgroups::probe(policy));
        Self { cgroups, ..self }
    }

    fn for_filter(self, policy: &Policy) -> Self {
        let possible = || sys::notify::is_possible().and_then(|()| sys::trace::is_possible()).is_ok();
        Self { can_tell: step::seccomp::ends_in_sigsys(policy) && possible(), ..self }
    }

    fn for_maps(self, policy: &Policy, path: Option<&[u8]>) -> Self {
        if policy.uid_map.items().is_empty() && policy.gid_map.items().is_empty() {
            return self;
        }
        Self { delegation: Some(Delegation::probe(self.uid, path)), ..self }
    }

    pub(crate) fn for_landlock(self, policy: &Policy) -> Self {
        if !step::landlock::is_asked_for(policy) {
            return self;
        }
        Self { landlock: sys::landlock::abi().map_err(|failure| failure.errno), ..self }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A host that is only pretended: an ordinary user at work.
    pub(crate) fn host() -> Host {
        Host {
            uid: 1000,
            gid: 100,
            cwd: c"/home/u/work".into(),
            home: Some(c"/home/u".into()),
            mount_fds: true,
            privileged: false,
            limits: [Some((100, 1000)); 16],
            nice: Some(0),
            maps_any: false,
            leaves_groups: false,
            delegation: None,
            landlock: Ok(7),
            uplink: None,
            can_tell: false,
            cgroups: None,
        }
    }
}
