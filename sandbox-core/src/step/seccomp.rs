//! The filter: last, as it may forbid every call above it.

use std::borrow::Cow;

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::policy::Policy;
use crate::policy::types::{FilterName, LogLevel, NetMode, Observe, SeccompAction};
use crate::seccomp::eval::{self, Call};
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
    let observed = policy.observe.map(|what| observed(policy, &programs, what)).transpose()?;
    Ok(Filter { programs, observed, says })
}

fn observed(policy: &Policy, programs: &Programs, what: Observe) -> Result<Vec<libc::sock_filter>, PolicyError> {
    let notify = match what {
        Observe::Kills => Notify::Kills,
        Observe::Refusals => Notify::Refusals,
        Observe::All => Notify::All,
    };
    let one =
        seccomp::observed(programs, notify).map_err(|error| PolicyError::conflict("observe", error.to_string()))?;
    nothing_is_asked_too_early(policy, programs, &one)?;
    Ok(one)
}

/// Until the observer has the listener nobody answers, and what is asked about waits for ever.
fn nothing_is_asked_too_early(
    policy: &Policy,
    programs: &Programs,
    one: &[libc::sock_filter],
) -> Result<(), PolicyError> {
    let call = |nr: i64, first: i32| {
        let nr = u32::try_from(nr).unwrap_or(u32::MAX);
        Call::new(nr, [u64::from(first.cast_unsigned()), 0, 0, 0, 0, seccomp::UNASKED])
    };
    let is_asked = |call: Call| eval::run(one, &call).is_none_or(|outcome| outcome.ret != libc::SECCOMP_RET_ALLOW);
    let conflict = |name: &str, why: &str| Err(PolicyError::conflict(name, why));
    if [libc::SYS_write, libc::SYS_read, libc::SYS_exit_group].iter().any(|&nr| is_asked(call(nr, 0))) {
        return conflict("observe", "the observer begins under the filter, which refuses read, write or exit_group");
    }
    // Whoever has the listener answers for the filter: the program must not.
    if seccomp::eval::stacked(programs, &call(libc::SYS_close, 1000)).0 != libc::SECCOMP_RET_ALLOW {
        return conflict("observe", "what the filter asks on is closed under it, and it refuses close");
    }
    if policy.allow_new_privs.on() {
        let options = [libc::PR_SET_SECUREBITS, libc::PR_CAP_AMBIENT];
        let given_up =
            options.map(|option| call(libc::SYS_prctl, option)).into_iter().chain([call(libc::SYS_capset, 0)]);
        if given_up.into_iter().any(is_asked) {
            let why =
                "capabilities are given up under the filter, when there is nobody yet to ask about capset and prctl";
            return conflict("allow-new-privs", why);
        }
    }
    if policy.log_level == Some(LogLevel::Debug) && is_asked(Call { args: [0; 6], ..call(libc::SYS_write, 0) }) {
        return conflict("log-level", "the last step's cost is told under the filter, which asks about all calls");
    }
    Ok(())
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
