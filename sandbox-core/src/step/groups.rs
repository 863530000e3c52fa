//! The caller's supplementary groups. They give access to files whatever the user namespace is; and once its map of groups
//! is there, with setgroups denied, nobody inside can leave them.

use super::{Context, Step};
use crate::error::Failure;
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::types::Namespace;
use crate::sys::privilege;

pub struct Groups;

/// Planned before a user namespace of a caller that has groups and may leave them.
pub fn plan(host: &Host, wanted: &Wanted) -> Option<Groups> {
    (wanted.is_new(Namespace::User) && host.leaves_groups).then_some(Groups)
}

impl Step for Groups {
    fn name(&self) -> &'static str {
        "groups"
    }
    fn describe(&self) -> String {
        "no supplementary groups".into()
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        privilege::leave_groups()
    }
}
