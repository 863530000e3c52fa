//! The capability sets, the securebits that keep them so, and no_new_privs.

use super::{Context, Step};
use crate::error::Failure;
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::Capability;
use crate::sys::privilege;

/// CAP_SETPCAP, include/uapi/linux/capability.h
const SETPCAP: u64 = 1 << 8;

pub struct Capabilities {
    keep: u64,
    securebits: bool,
}

pub struct NoNewPrivs;

/// The sets are emptied whether there is anything in them or not.
pub fn plan(policy: &Policy, host: &Host, wanted: &Wanted) -> Capabilities {
    Capabilities { keep: wanted.kept(policy), securebits: wanted.has_capabilities(host) }
}

/// Planned unless it was asked not to be.
pub fn plan_no_new_privs(policy: &Policy) -> Option<NoNewPrivs> {
    (!policy.allow_new_privs.on()).then_some(NoNewPrivs)
}

/// The names of a set of capabilities.
pub(super) fn names_of(set: u64) -> String {
    let names: Vec<_> = (0..).zip(Capability::NAMES).filter(|(number, _)| set & (1 << number) != 0).collect();
    if names.is_empty() { "none".into() } else { names.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ") }
}

impl Step for Capabilities {
    fn name(&self) -> &'static str {
        "capabilities"
    }
    fn describe(&self) -> String {
        format!("keep {}{}", names_of(self.keep), if self.securebits { ", lock securebits" } else { "" })
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        if self.securebits {
            // Ambient takes what is inheritable, and must be raised before the securebits forbid raising; those in turn
            // need CAP_SETPCAP.
            if self.keep != 0 {
                privilege::set_capability_sets(self.keep | SETPCAP, self.keep)?;
                for number in (0..64).filter(|number| self.keep & (1 << number) != 0) {
                    privilege::raise_ambient(number)?;
                }
            }
            privilege::lock_securebits()?;
        }
        // Ambient loses with permitted and inheritable what they lose, capabilities(7).
        privilege::set_capabilities(self.keep)
    }
}

impl Step for NoNewPrivs {
    fn name(&self) -> &'static str {
        "no_new_privs"
    }
    fn describe(&self) -> String {
        "execve grants nothing".into()
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        privilege::no_new_privs()
    }
}
