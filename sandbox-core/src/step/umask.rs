//! The permissions that new files do not get. After the mounts, whose directories have the modes that were asked for.

use super::{Context, Step};
use crate::error::Failure;
use crate::policy::Policy;
use crate::sys::limits;

pub struct Umask(u32);

/// Planned when asked for.
pub fn plan(policy: &Policy) -> Option<Umask> {
    policy.umask.map(|mask| Umask(mask.0))
}

impl Step for Umask {
    fn name(&self) -> &'static str {
        "umask"
    }
    fn describe(&self) -> String {
        format!("{:04o}", self.0)
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        limits::set_umask(self.0);
        Ok(())
    }
}
