//! The time limit: its timer is made before anything else can be short, and started when main may begin.

use std::time::Duration;

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::{Namespace, Scope};
use crate::setting::text::show;
use crate::setting::value::Text;
use crate::sys::timer::Alarm;

/// The step's name, by which outer says that the timer could not be started.
pub const NAME: &str = "time limit";

pub struct TimeLimit(crate::policy::types::Duration);

/// Planned when asked for; `by_group`: everything inside can be killed by its control group.
pub fn plan(policy: &Policy, wanted: &Wanted, by_group: bool) -> Result<Option<TimeLimit>, PolicyError> {
    let Some(limit) = policy.time_limit else { return Ok(None) };
    let conflict = |why: &str| Err(PolicyError::conflict("time-limit", why));
    if limit.0 == Duration::ZERO {
        return conflict("0 would end the program before it begins; without the setting there is no limit");
    }
    if limit.0.as_secs() >= i64::MAX.cast_unsigned() {
        return conflict("more seconds than the kernel can count");
    }
    if !wanted.is_new(Namespace::Pid) && !by_group {
        let (reaped, kept_apart) = (policy.init.on(), policy.landlock_scope.items().contains(&Scope::Signal));
        if !(reaped && kept_apart) {
            let why = "without a new pid namespace, which share keeps, only a control group (as pids-max makes one), or a \
                       reaper that the program cannot reach, gets at all that the program starts";
            return Err(PolicyError::conflict("time-limit", why).with_hint("add --init and --landlock-scope signal"));
        }
    }
    if policy.no_die_with_parent.on() {
        return conflict("the supervisor keeps the time, which no-die-with-parent lets the program outlive");
    }
    Ok(Some(TimeLimit(limit)))
}

impl Step for TimeLimit {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        format!("SIGKILL for all inside {} after main may begin", show(&self.0.show()))
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        context.alarm = Some(Alarm::new()?);
        Ok(())
    }
}
