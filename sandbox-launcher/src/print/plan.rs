//! `--print-plan`: by which route, and what would be done step by step.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sandbox_core::plan;
use sandbox_core::policy::Policy;
use sandbox_core::setting::text;

use crate::asked::Asked;
use crate::error::Error;
use crate::observe::Task;
use crate::route::{visible, watch};
use crate::start::{Inside, Start};
use crate::target::Trouble;

/// The plan, with `task` done beside it.
///
/// # Errors
/// As of the run that it is about.
pub fn plan(asked: &Asked, task: Option<Task>) -> Result<Vec<u8>, Error> {
    let obstacle = task.as_ref().and_then(Task::obstacle);
    let observed = task.is_some();
    let policy = match task.filter(|_| obstacle.is_none()) {
        Some(task) => task.policy(&asked.policy),
        None => asked.policy.clone(),
    };
    let mut out = match asked.invocation.program.is_empty() {
        true => plan::plan(&policy, &asked.host)?.to_string(),
        false => of_program(asked, policy, observed)?,
    };
    if let Some(obstacle) = obstacle {
        out.push_str(&format!("{:<7} {:<15} {obstacle}\n", "outer", "observer"));
    }
    Ok(out.into_bytes())
}

/// With a first line that says how the program is entered, in the columns of the plan's own lines.
fn of_program(asked: &Asked, mut policy: Policy, observed: bool) -> Result<String, Error> {
    let Asked { invocation, host, .. } = asked;
    let library = asked.library()?;
    let environment = asked.environment();
    let mut target = asked.examine(&library, &environment)?;
    let path = |path: &Path| text::show(path.as_os_str().as_bytes());
    let program = target.name();
    if let (None, Err(failure)) = (&target.unheld, watch::is_possible()) {
        target.unheld = Some((program.clone(), Trouble::Unwatched(failure)));
    }
    let by: String =
        target.interpreters.iter().map(|interpreter| format!(", run by {}", path(&interpreter.path))).collect();
    if !invocation.route.is_inside(&mut target)? {
        policy.add(&visible::settings(&target, false, &policy, host)?)?;
        let plan = plan::plan(&policy, host)?;
        return Ok(format!("route   preload         {} into {program}{by}\n{plan}", path(library.path())));
    }
    let why = match &target.unheld {
        None => String::new(),
        Some((file, why)) => format!(": {file}: {why}"),
    };
    let start = Start { asked, policy: &policy, library: &library, environment: &environment, observed };
    Ok(match start.inside(target)? {
        Inside::Exec(_, plan) => format!("route   exec            {program}{by}{why}\n{plan}"),
        Inside::Layered(layered) => {
            let steps = layered.describe(host)?;
            format!("route   layered         {} into {program}{by}{why}\n{steps}", path(library.path()))
        }
    })
}
