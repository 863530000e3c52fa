//! The bounding set: what no later execve(2) can give. Emptied while the network is still being made, as it needs
//! CAP_SETPCAP and forty calls.

use super::capabilities::names_of;
use super::{Context, Step};
use crate::error::Failure;
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::Capability;
use crate::sys::privilege;

pub struct Bounding {
    keep: u64,
}

/// Planned wherever it can be done: everywhere but for a caller without capabilities in the host's user namespace,
/// whom an empty permitted set and no_new_privs hold as well.
pub fn plan(policy: &Policy, host: &Host, wanted: &Wanted) -> Option<Bounding> {
    wanted.has_capabilities(host).then(|| Bounding { keep: wanted.kept(policy) })
}

impl Step for Bounding {
    fn name(&self) -> &'static str {
        "bounding set"
    }
    fn describe(&self) -> String {
        format!("drop all but {}", names_of(self.keep))
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        for number in (0..64).filter(|number| self.keep & (1 << number) == 0) {
            match privilege::drop_bounding(number) {
                // The numbers end where the kernel's do, which may be above those with a name here.
                Err(failure) if failure.errno == libc::EINVAL => break,
                result => result.map_err(|failure| failure.on(number.into()))?,
            }
        }
        Ok(())
    }
    fn object(&self, number: u32) -> String {
        match Capability::NAMES.get(number as usize) {
            Some(name) => format!("CAP_{}", name.to_uppercase()),
            None => format!("capability {number}"),
        }
    }
}
