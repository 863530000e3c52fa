//! What is loaded, and when, for a policy.

use std::borrow::Cow;

use super::compose::{own, restrict, shipped, tsc_stays_off};
use super::room::{LAST_WORDS, check_rest, nothing_is_asked_too_early};
use super::{Filter, Programs};
use crate::error::PolicyError;
use crate::policy::Policy;
use crate::policy::types::{FilterChoice, FilterName, Observe, SeccompAction, Syscall};
use crate::seccomp::{self, Denial, Notify, Restrict};
use crate::setting::value::Text;

/// Always planned: even the filter `none` refuses foreign architectures, x32 and unknown numbers, and carries the
/// marker by which a process inside is known.
pub fn plan(policy: &Policy) -> Result<Filter, PolicyError> {
    const HINT: &str = "sbx-launch compiles it; its --print-env prints the compiled form, for use without it";
    let uncompiled = |name| Err(PolicyError::conflict(name, "the library knows no policy language").with_hint(HINT));
    if policy.seccomp_string.is_some() {
        return uncompiled("seccomp-string");
    }
    let (mut programs, name) = match policy.seccomp.as_ref().unwrap_or(&FilterChoice::Named(FilterName::Default)) {
        FilterChoice::Named(name) => (shipped(policy, *name)?, name.name().to_owned()),
        FilterChoice::Program(program) => {
            let program = program.instructions();
            (own(policy, &program)?, format!("of {} instructions", program.len()))
        }
        FilterChoice::File(_) => return uncompiled("seccomp"),
    };
    if policy.no_tsc.on() {
        let stays_off = seccomp::compile(&tsc_stays_off());
        programs.insert(0, Cow::Owned(stays_off.map_err(|error| PolicyError::conflict("seccomp", error.to_string()))?));
    }
    let lets = |nr: i64| lets(policy, &programs, nr);
    let silent = !LAST_WORDS.into_iter().all(lets);
    check_rest(policy, silent, lets)?;
    let observed = policy.observe.map(|what| observed(policy, &programs, what)).transpose()?;
    if observed.is_some() && silent {
        return Err(PolicyError::conflict(
            "observe",
            "the observer begins under the filter, which refuses read, write or close",
        ));
    }
    Ok(Filter { says: says(policy, &name, silent), programs, observed, silent })
}

/// The programs of a policy, whether anybody is asked about what they answer or not.
///
/// # Errors
/// As `plan`.
pub fn programs(policy: &Policy) -> Result<Programs, PolicyError> {
    plan(&Policy { observe: None, ..policy.clone() }).map(|filter| filter.programs)
}

/// Whether what setup does with this call is let through. Of shipped filters that is known, unless a call is refused by
/// name: to ask the programs would be paid for at every start.
fn lets(policy: &Policy, programs: &[Cow<'static, [libc::sock_filter]>], nr: i64) -> bool {
    let Ok(nr) = u32::try_from(nr) else { return false };
    match policy.seccomp {
        Some(FilterChoice::Program(_)) => programs.iter().all(|program| seccomp::allows(program, nr)),
        _ => !policy.seccomp_deny.items().contains(&Syscall(nr)),
    }
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

/// As the plan says it.
fn says(policy: &Policy, name: &str, silent: bool) -> String {
    let mut says = format!("filter {name}");
    let Restrict { no_exec, no_new_code, no_sockets } = restrict(policy);
    for (on, what) in
        [(no_exec, "no-exec"), (no_new_code, "no-new-code"), (no_sockets, "no sockets"), (policy.no_tsc.on(), "no-tsc")]
    {
        if on {
            says.push_str(", ");
            says.push_str(what);
        }
    }
    let (allow, deny) = (policy.seccomp_allow.items().len(), policy.seccomp_deny.items().len());
    if allow != 0 || deny != 0 {
        says.push_str(&format!(", {allow} allowed and {deny} denied besides"));
    }
    match policy.seccomp_action.map(|action| action.0) {
        None | Some(Denial::Errno) => {}
        Some(action) => {
            says.push_str(", refusals ");
            says.push_str(&String::from_utf8_lossy(&SeccompAction(action).show()));
        }
    }
    if silent {
        says.push_str(", after the last word");
    }
    says
}
