//! A session of its own.

use super::{Context, Step};
use crate::error::Failure;
use crate::policy::Policy;
use crate::sys::process;

pub struct NewSession;

/// Planned when asked for.
pub fn plan(policy: &Policy) -> Option<NewSession> {
    policy.new_session.on().then_some(NewSession)
}

impl Step for NewSession {
    fn name(&self) -> &'static str {
        "session"
    }
    fn describe(&self) -> String {
        "setsid".into()
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        process::new_session()
    }
}
