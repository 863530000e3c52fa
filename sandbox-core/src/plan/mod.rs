//! From what was asked for, and what the host can do, to the steps: everything is decided here, and nothing done. The order of
//! the steps is `order.rs`, and nowhere else.

mod contradictions;
mod decided;
mod order;
mod show;
mod supervision;
#[cfg(test)]
mod tests;
mod wanted;

use crate::error::{Failure, PolicyError, SetupError};
use crate::host::Host;
use crate::policy::Policy;
use crate::policy::types::Namespace;
use crate::step::entry::Entry;
use crate::step::landlock::{Held, Rules};
use crate::step::program::Image;
use crate::step::{Side, Step};
use decided::Decided;
use order::Case;
pub use supervision::Supervision;
pub use wanted::Wanted;

/// One step, and who takes it.
pub struct Planned {
    pub side: Side,
    pub step: Box<dyn Step>,
}

/// The steps, in order.
pub struct Plan {
    pub steps: Vec<Planned>,
    pub supervision: Supervision,
    wanted: Wanted,
    needs_tool: bool,
    landlock: Option<Held>,
    /// What is executed when all is done; absent where the process that was planned for is the program.
    image: Option<Image>,
}

/// Decides everything. Makes no system call.
///
/// # Errors
/// Settings that contradict each other.
pub fn plan(policy: &Policy, host: &Host) -> Result<Plan, PolicyError> {
    plan_for(policy, host, None, None)
}

/// The same for a process that is to execute a program when it is inside.
///
/// # Errors
/// As `plan`; and settings under which nothing can be executed.
pub fn plan_around(policy: &Policy, host: &Host, image: Image) -> Result<Plan, PolicyError> {
    plan_for(policy, host, Some(image), None)
}

/// The same for a program in which the library goes on: it begins when `entry` is proved.
///
/// # Errors
/// As `plan_around`.
pub fn plan_layered(policy: &Policy, host: &Host, image: Image, entry: &Entry) -> Result<Plan, PolicyError> {
    plan_for(policy, host, Some(image), Some(entry))
}

/// What the library does in a program that is in a jail already: what would have kept it from being loaded. Everything else of
/// the policy is in force.
///
/// # Errors
/// As `plan`.
pub fn plan_within(policy: &Policy, host: &Host) -> Result<Vec<Box<dyn Step>>, PolicyError> {
    let steps = order::within(policy, host, &Wanted::new(policy)?)?;
    Ok(steps.into_iter().map(|planned| planned.step).collect())
}

fn plan_for(policy: &Policy, host: &Host, image: Option<Image>, entry: Option<&Entry>) -> Result<Plan, PolicyError> {
    let wanted = Wanted::new(policy)?;
    let decided = Decided::new(policy, host, &wanted)?;
    let supervision = Supervision::new(policy, &wanted, &decided);
    let needs_tool = decided.maps.as_ref().is_some_and(|maps| maps.need_tool());
    let landlock = decided.landlock.as_ref().map(Rules::held).cloned();
    let case = Case { policy, host, wanted: &wanted, image: image.as_ref(), entry };
    let steps = order::all(case, decided)?;
    Ok(Plan { steps, supervision, wanted, needs_tool, landlock, image })
}

impl Plan {
    /// Whether this namespace is made new.
    pub fn is_new(&self, kind: Namespace) -> bool {
        self.wanted.is_new(kind)
    }

    /// Whether a set-user-ID program has to run before the sandbox is there: no_new_privs must not be set until then.
    pub fn needs_tool(&self) -> bool {
        self.needs_tool
    }

    /// What Landlock is to hold.
    pub fn landlock(&self) -> Option<&Held> {
        self.landlock.as_ref()
    }

    /// What is executed inside.
    pub fn image(&self) -> Option<&Image> {
        self.image.as_ref()
    }

    /// The number of the first step of this name; `u32::MAX`, which is no step's, where none is planned.
    pub fn number_of(&self, name: &str) -> u32 {
        let at = self.steps.iter().position(|planned| planned.step.name() == name);
        at.and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX)
    }

    /// The failure of step number `number`, with the names that its step knows.
    pub fn error_of(&self, number: u32, failure: Failure) -> SetupError {
        match self.steps.get(number as usize) {
            Some(Planned { step, .. }) => SetupError::new(step.name(), failure, step.object(failure.object)),
            None => SetupError::new("start", failure, "inner"),
        }
    }

    /// Whether a step of this name is planned.
    pub fn has_step(&self, name: &str) -> bool {
        self.steps.iter().any(|planned| planned.step.name() == name)
    }
}
