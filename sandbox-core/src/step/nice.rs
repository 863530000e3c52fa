//! The nice value. A lower one than the caller's needs a privilege in the caller's user namespace, so outer takes it
//! before it leaves that; a higher one is inner's alone, as outer must be there in time whatever the target may wait for.

use super::{Context, Side, Step};
use crate::error::Failure;
use crate::host::Host;
use crate::policy::Policy;
use crate::sys::limits;

pub struct Niceness(i32);

/// Planned on one side when asked for.
pub fn plan(policy: &Policy, host: &Host, side: Side) -> Option<Niceness> {
    let wanted = policy.nice?.0;
    let early = host.nice.is_none_or(|own| wanted < own);
    (early == (side == Side::Outer)).then_some(Niceness(wanted))
}

impl Step for Niceness {
    fn name(&self) -> &'static str {
        "nice"
    }
    fn describe(&self) -> String {
        self.0.to_string()
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        limits::set_nice(self.0)
    }
    fn object(&self, _: u32) -> String {
        self.describe()
    }
}
