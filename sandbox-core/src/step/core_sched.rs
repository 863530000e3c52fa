//! Core scheduling: while the target runs on one of a core's hardware threads, nothing that is not in the sandbox runs on
//! the others.

use super::{Context, Step};
use crate::error::Failure;
use crate::policy::Policy;
use crate::sys::limits;

pub struct CoreSched;

/// Planned when asked for.
pub fn plan(policy: &Policy) -> Option<CoreSched> {
    policy.core_sched.on().then_some(CoreSched)
}

impl Step for CoreSched {
    fn name(&self) -> &'static str {
        "core scheduling"
    }
    fn describe(&self) -> String {
        "a cookie of the target's own".into()
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        limits::core_sched()
    }
}
