//! The execution domain's flags. Most of them mean something to execve(2) only: of those the target itself has only what
//! sbx-launch set before it executed the target, and here they are set for what the target executes.

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::policy::Policy;
use crate::policy::types::Persona;
use crate::sys::limits;

pub struct Personality(Vec<Persona>);

/// Planned when asked for; no flag at all can be asked for too.
pub fn plan(policy: &Policy) -> Result<Option<Personality>, PolicyError> {
    let Some(flags) = &policy.personality.0 else { return Ok(None) };
    if policy.no_new_code.on() && flags.contains(&Persona::ReadImpliesExec) {
        return Err(PolicyError::conflict(
            "personality",
            "read-implies-exec makes the new code that no-new-code refuses",
        ));
    }
    Ok(Some(Personality(flags.clone())))
}

impl Personality {
    /// Sets them for this process and what it executes.
    ///
    /// # Errors
    /// As personality(2).
    pub fn set(&self) -> Result<(), Failure> {
        limits::set_personality(self.0.iter().fold(0, |set, flag| set | flag.flag()))
    }
}

impl Step for Personality {
    fn name(&self) -> &'static str {
        "personality"
    }
    fn describe(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|flag| flag.name()).collect();
        if names.is_empty() { "no flags".into() } else { names.join(", ") }
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        self.set()
    }
    fn object(&self, _: u32) -> String {
        self.describe()
    }
}
