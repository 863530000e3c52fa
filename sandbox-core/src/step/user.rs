//! A user namespace: it grants the capabilities that the other namespaces need.

use super::{Context, Step};
use crate::error::Failure;
use crate::plan::Wanted;
use crate::policy::types::Namespace;
use crate::sys::process;

pub struct UserNamespace;

/// Planned unless the user namespace is shared.
pub fn plan(wanted: &Wanted) -> Option<UserNamespace> {
    wanted.is_new(Namespace::User).then_some(UserNamespace)
}

impl Step for UserNamespace {
    fn name(&self) -> &'static str {
        "user namespace"
    }
    fn describe(&self) -> String {
        "unshare(CLONE_NEWUSER)".into()
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        process::unshare(libc::CLONE_NEWUSER)
    }
    fn object(&self, _: u32) -> String {
        "CLONE_NEWUSER".into()
    }
}
