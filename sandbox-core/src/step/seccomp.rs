//! The filter: last, as it may forbid every call above it.

use std::borrow::Cow;

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::policy::Policy;
use crate::policy::types::{FilterName, NetMode, Observe, SeccompAction};
use crate::seccomp::{self, Denial, Notify, Request, Shipped};
use crate::sys::{notify, privilege};

pub struct Filter {
    programs: Programs,
    /// These as the one that asks, where an observer answers.
    observed: Option<Vec<libc::sock_filter>>,
    says: String,
}

/// Programs in their order of loading.
pub type Programs = Vec<Cow<'static, [libc::sock_filter]>>;

/// The programs of a policy, whether anybody is asked about what they answer or not.
///
/// # Errors
/// As `plan`.
pub fn programs(policy: &Policy) -> Result<Programs, PolicyError> {
    plan(&Policy { observe: None, ..policy.clone() }).map(|filter| filter.programs)
}

/// Always planned: even the filter `none` refuses foreign architectures, x32 and unknown numbers, and carries the
/// marker by which a process inside is known.
pub fn plan(policy: &Policy) -> Result<Filter, PolicyError> {
    let name = policy.seccomp.unwrap_or(FilterName::Default);
    let action = policy.seccomp_action.unwrap_or(SeccompAction::Errno);
    let numbers = |list: &[crate::policy::types::Syscall]| list.iter().map(|call| call.0).collect::<Vec<_>>();
    let (allow, deny) = (numbers(policy.seccomp_allow.items()), numbers(policy.seccomp_deny.items()));
    let request = Request {
        base: match name {
            FilterName::Default => Shipped::Default,
            FilterName::Strict => Shipped::Strict,
            FilterName::None => Shipped::None,
        },
        allow: &allow,
        deny: &deny,
        action: match action {
            SeccompAction::Errno => Denial::Errno,
            SeccompAction::Kill => Denial::Kill,
            SeccompAction::KillThread => Denial::KillThread,
            SeccompAction::Trap => Denial::Trap,
            SeccompAction::Log => Denial::Log,
        },
        no_exec: policy.no_exec.on(),
        no_new_code: policy.no_new_code.on(),
        no_sockets: policy.net == Some(NetMode::Filter),
    };
    let programs = seccomp::compose(&request).map_err(|error| PolicyError::conflict("seccomp", error.to_string()))?;
    let mut says = format!("filter {}", name.name());
    for (on, what) in
        [(request.no_exec, "no-exec"), (request.no_new_code, "no-new-code"), (request.no_sockets, "no sockets")]
    {
        if on {
            says.push_str(", ");
            says.push_str(what);
        }
    }
    if !allow.is_empty() || !deny.is_empty() {
        says.push_str(&format!(", {} allowed and {} denied besides", allow.len(), deny.len()));
    }
    if action != SeccompAction::Errno {
        says.push_str(", refusals ");
        says.push_str(action.name());
    }
    let observed = policy.observe.map(|what| observed(&programs, what)).transpose()?;
    Ok(Filter { programs, observed, says })
}

fn observed(programs: &Programs, what: Observe) -> Result<Vec<libc::sock_filter>, PolicyError> {
    let notify = match what {
        Observe::Kills => Notify::Kills,
        Observe::Refusals => Notify::Refusals,
        Observe::All => Notify::All,
    };
    seccomp::observed(programs, notify).map_err(|error| PolicyError::conflict("observe", error.to_string()))
}

impl Step for Filter {
    fn name(&self) -> &'static str {
        "seccomp"
    }
    fn describe(&self) -> String {
        self.says.clone()
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        if let Some(observed) = &self.observed {
            context.listener = Some(notify::load_filter(observed)?);
            return Ok(());
        }
        self.programs.iter().try_for_each(|program| privilege::load_filter(program))
    }
}
