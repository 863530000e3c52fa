//! What many steps need to know of the policy.

use crate::error::PolicyError;
use crate::host::Host;
use crate::policy::Policy;
use crate::policy::types::{Capability, Namespace, NetMode, Overlay, Root};

/// What several steps need to know of the policy, decided once.
pub struct Wanted {
    shared: Vec<Namespace>,
}

impl Wanted {
    pub(crate) fn new(policy: &Policy) -> Result<Self, PolicyError> {
        let mut shared = policy.share.items().to_vec();
        let net_is_shared = shared.contains(&Namespace::Net);
        match policy.net {
            Some(NetMode::Host | NetMode::Filter) => shared.push(Namespace::Net),
            Some(mode) if net_is_shared => {
                let why = format!("{} makes the namespace that share keeps", mode.name());
                return Err(PolicyError::conflict("net", why));
            }
            Some(_) | None => {}
        }
        Ok(Self { shared })
    }

    /// Whether this namespace is made new.
    pub fn is_new(&self, kind: Namespace) -> bool {
        !self.shared.contains(&kind)
    }

    /// What `/` is to be.
    pub fn root<'a>(&self, policy: &'a Policy) -> &'a Root {
        policy.root.as_ref().unwrap_or(&Root::Host)
    }

    /// Whether `/` is the host's tree.
    pub fn root_is_the_hosts(&self, policy: &Policy) -> bool {
        *self.root(policy) == Root::Host && !policy.overlay.items().iter().any(Overlay::is_root)
    }

    /// The capabilities to keep, as bits.
    pub fn kept(&self, policy: &Policy) -> u64 {
        policy.cap_keep.items().iter().fold(0, |set, Capability(number)| set | 1 << number)
    }

    /// Whether setup has capabilities: a new user namespace gives all, without one there are the caller's.
    pub fn has_capabilities(&self, host: &Host) -> bool {
        self.is_new(Namespace::User) || host.privileged
    }
}
