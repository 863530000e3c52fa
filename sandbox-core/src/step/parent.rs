//! Death together with the supervisor. After the ids: changing them makes the kernel forget the request, prctl(2).

use super::{Context, Step};
use crate::error::Failure;
use crate::policy::Policy;
use crate::sys::privilege;

pub struct DieWithParent;

/// Planned unless it was asked not to be.
pub fn plan(policy: &Policy) -> Option<DieWithParent> {
    (!policy.no_die_with_parent.on()).then_some(DieWithParent)
}

impl Step for DieWithParent {
    fn name(&self) -> &'static str {
        "die with parent"
    }
    fn describe(&self) -> String {
        "SIGKILL when outer ends".into()
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        // A parent that has died before this call is seen as the end of the channel: inner always hears from outer, or
        // says that it is ready, before it goes on to main.
        privilege::die_with_parent()
    }
}
