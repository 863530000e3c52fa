//! The filter: last, as it may forbid every call above it.

use std::borrow::Cow;

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::policy::Policy;
use crate::policy::types::{FilterName, NetMode, SeccompAction};
use crate::seccomp::{self, Denial, Request, Shipped};
use crate::sys::privilege;

pub struct Filter {
    programs: Vec<Cow<'static, [libc::sock_filter]>>,
    says: String,
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
    let refuse = |error: seccomp::Error| PolicyError::conflict("seccomp", error.to_string());
    let mut programs = seccomp::compose(&request).map_err(refuse)?;
    if policy.no_tsc.on() {
        programs.insert(0, Cow::Owned(seccomp::compile(&tsc_stays_off()).map_err(refuse)?));
    }
    let mut says = format!("filter {}", name.name());
    for (on, what) in [
        (request.no_exec, "no-exec"),
        (request.no_new_code, "no-new-code"),
        (request.no_sockets, "no sockets"),
        (policy.no_tsc.on(), "no-tsc"),
    ] {
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
    Ok(Filter { programs, says })
}

/// What is made SIGSEGV with one prctl(2) is made harmless with another. A program of its own, as nothing that loosens the
/// filter may loosen it.
fn tsc_stays_off() -> seccomp::Filter {
    use seccomp::{Action, Clause, Cond, EPERM, Op, Rule};
    let set_tsc = Clause { when: vec![Cond::int(0, Op::Eq, libc::PR_SET_TSC.cast_unsigned())], action: EPERM };
    let prctl = Rule::ByArgs { clauses: vec![set_tsc], otherwise: Action::Allow };
    let rules = seccomp::number("prctl").map(|number| (number, prctl));
    seccomp::Filter { default: Action::Allow, rules: rules.into_iter().collect() }
}

impl Step for Filter {
    fn name(&self) -> &'static str {
        "seccomp"
    }
    fn describe(&self) -> String {
        self.says.clone()
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        self.programs.iter().try_for_each(|program| privilege::load_filter(program))
    }
}
