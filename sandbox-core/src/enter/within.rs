//! The second stage of route layered: the jail is there, and the library adds what would have kept it from being loaded.

use std::ffi::CString;

use crate::error::{Refusal, SetupError};
use crate::host::Host;
use crate::plan::plan_within;
use crate::policy::Policy;
use crate::step::Context;
use crate::sys::file;

/// The launcher's word that there is a first stage. That there is one is for the kernel to say; what is planned here only adds
/// to it, so a word that is a lie loosens nothing.
const STAGE: &[u8] = b"SBX_STAGE=";

/// The entry that says so.
pub fn entry() -> Vec<u8> {
    [STAGE, b"2"].concat()
}

/// Whether an entry is this module's.
pub fn is_stage(entry: &[u8]) -> bool {
    entry.starts_with(STAGE)
}

/// Tightens what is around this process.
///
/// # Errors
/// What cannot be meant, or the step that failed.
pub fn tighten(policy: &Policy) -> Result<(), Refusal> {
    let mut context = Context::default();
    for step in plan_within(policy, &host(policy))? {
        let failed =
            |failure: crate::error::Failure| SetupError::new(step.name(), failure, step.object(failure.object));
        step.apply(&mut context).map_err(failed)?;
    }
    Ok(())
}

/// What the steps of this stage look at, and nothing else: the filter that is in force may refuse the rest.
fn host(policy: &Policy) -> Host {
    let asks = crate::step::landlock::is_asked_for(policy);
    let cwd = if asks { file::getcwd().unwrap_or_default() } else { CString::default() };
    Host::inside(if cwd.is_empty() { c"/".into() } else { cwd }).for_landlock(policy)
}
