//! Settings that contradict each other, where no single step can see it.

use super::Wanted;
use super::decided::CHANGES_IDS;
use crate::error::PolicyError;
use crate::host::Host;
use crate::policy::Policy;
use crate::policy::types::{Id, Namespace};

pub fn check(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<(), PolicyError> {
    let conflict = |name: &str, why: &str| Err(PolicyError::conflict(name, why));
    let new = |kind| wanted.is_new(kind);
    if policy.allow_new_privs.on() && policy.no_exec.on() {
        return conflict("allow-new-privs", "has no meaning with no-exec: only execve grants privileges");
    }
    if !new(Namespace::User) && !host.privileged {
        let other = Namespace::ALL.iter().find(|&&kind| kind != Namespace::User && new(kind));
        if let Some(kind) = other {
            let why = format!("user, so the {} namespace needs root", kind.name());
            return Err(PolicyError::conflict("share", why)
                .with_hint("share all of them, user,mount,pid,net,ipc,uts,cgroup,time, or not user"));
        }
        if wanted.kept(policy) != 0 {
            return conflict("cap-keep", "there is nothing to keep without a user namespace or root");
        }
        if policy.allow_new_privs.on() {
            return conflict("allow-new-privs", "a filter needs no_new_privs without a user namespace or root");
        }
    }
    let status = policy.status_fd.filter(|fd| policy.keep_fd.items().contains(fd));
    if let Some(fd) = status {
        let why = format!("{} is the status-fd, to which the program could write lines of its own", fd.0);
        return conflict("keep-fd", &why);
    }
    let other = |id: Option<Id>, own: u32| id.is_some_and(|id| id.0 != own);
    let becomes_another = other(policy.uid, host.uid) || other(policy.gid, host.gid);
    if becomes_another && !new(Namespace::User) && !host.privileged {
        return conflict("uid", "only root can become another without a user namespace");
    }
    Ok(())
}

/// That inner ends with outer, or need not. `signals_others`: as in `Decided`.
pub fn check_parent(policy: &Policy, wanted: &Wanted, signals_others: bool) -> Result<(), PolicyError> {
    let changes_ids = wanted.kept(policy) & CHANGES_IDS != 0 && signals_others;
    if changes_ids && !policy.init.on() && !policy.no_die_with_parent.on() {
        // prctl(2): a change of ids makes the kernel forget PR_SET_PDEATHSIG.
        return Err(PolicyError::conflict("cap-keep", "with setuid or setgid the program can outlive its supervisor")
            .with_hint("--init puts a process at pid 1 that keeps its ids; or accept it with --no-die-with-parent"));
    }
    Ok(())
}
