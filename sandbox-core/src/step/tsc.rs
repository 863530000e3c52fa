//! No time stamp counter: rdtsc and rdtscp are SIGSEGV. The kernel's own clock_gettime(2) in the vDSO reads it too, so
//! from here on this process must not ask what time it is. The filter keeps the target from taking it back.

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::policy::Policy;
use crate::policy::types::LogLevel;
use crate::sys::limits;

pub struct NoTsc;

/// Planned when asked for.
pub fn plan(policy: &Policy) -> Result<Option<NoTsc>, PolicyError> {
    if policy.no_tsc.on() && policy.log_level == Some(LogLevel::Debug) {
        return Err(PolicyError::conflict("log-level", "debug tells time by the counter that no-tsc takes away"));
    }
    Ok(policy.no_tsc.on().then_some(NoTsc))
}

impl Step for NoTsc {
    fn name(&self) -> &'static str {
        "tsc"
    }
    fn describe(&self) -> String {
        "rdtsc is SIGSEGV".into()
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        limits::no_tsc()
    }
}
