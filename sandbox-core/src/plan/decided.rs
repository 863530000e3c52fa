//! What the steps of both sides, or several of one, are made from: decided before the first of them, and once.

use super::{Wanted, contradictions};
use crate::error::PolicyError;
use crate::host::Host;
use crate::policy::Policy;
use crate::step;
use crate::step::cgroup::Group;
use crate::step::id_map::Maps;
use crate::step::landlock::Rules;
use crate::step::network::Links;
use crate::step::observer::Observer;
use crate::step::rlimits::Rlimits;
use crate::step::seccomp::Filter;
use crate::step::uplink::Uplink;

pub struct Decided {
    /// Absent where no user namespace is made.
    pub maps: Option<Maps>,
    /// Outer and the target are, or can come to be, two users.
    pub signals_others: bool,
    pub links: Links,
    pub uplink: Option<Uplink>,
    /// Whom the filter asks.
    pub observer: Option<Observer>,
    /// It asks only where there is an observer.
    pub filter: Filter,
    pub groups: Vec<Group>,
    pub rlimits: Option<Rlimits>,
    pub landlock: Option<Rules>,
}

impl Decided {
    pub fn new(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<Self, PolicyError> {
        let maps = step::id_map::decide(policy, host, wanted)?;
        contradictions::check(policy, host, wanted)?;
        let links = step::network::decide(policy, wanted)?;
        let uplink = step::uplink::decide(policy, host, wanted)?;
        let signals_others = signals_others(policy, host, wanted, maps.as_ref());
        contradictions::check_parent(policy, wanted, signals_others)?;
        let (observer, filter) = step::observer::plan(policy, host, wanted)?;
        let groups = step::cgroup::decide(policy, host, wanted)?;
        let rlimits = step::rlimits::plan(policy, host)?;
        let landlock = step::landlock::plan(policy, host, wanted)?;
        Ok(Self { maps, signals_others, links, uplink, observer, filter, groups, rlimits, landlock })
    }
}

/// CAP_SETGID and CAP_SETUID, include/uapi/linux/capability.h
pub const CHANGES_IDS: u64 = 1 << 6 | 1 << 7;

fn signals_others(policy: &Policy, host: &Host, wanted: &Wanted, maps: Option<&Maps>) -> bool {
    let can_change = wanted.kept(policy) & CHANGES_IDS != 0;
    match maps {
        Some(maps) => maps.have_others() && can_change,
        None => host.privileged && (policy.uid.is_some() || can_change),
    }
}
