//! The programs that a policy is made of: shipped ones with what is asked for besides, or those around one compiled elsewhere.

use super::Programs;
use crate::error::PolicyError;
use crate::policy::Policy;
use crate::policy::types::{FilterChoice, FilterName, NetMode, SeccompAction, Syscall};
use crate::seccomp::{self, Request, Restrict, Shipped};

pub fn shipped(policy: &Policy, name: FilterName) -> Result<Programs, PolicyError> {
    let (allow, deny) = (numbers(policy.seccomp_allow.items()), numbers(policy.seccomp_deny.items()));
    let request = request(policy, name, &allow, &deny);
    seccomp::compose(&request).map_err(|error| PolicyError::conflict("seccomp", error.to_string()))
}

/// Around a program that says itself what it allows and what meets the rest.
pub fn own(policy: &Policy, program: &[libc::sock_filter]) -> Result<Programs, PolicyError> {
    let conflict = |name, why: &str| Err(PolicyError::conflict(name, why));
    if !policy.seccomp_allow.items().is_empty() {
        return conflict("seccomp-allow", "the policy given as seccomp says itself what it allows");
    }
    if policy.seccomp_action.is_some_and(|action| action != SeccompAction::ERRNO) {
        return conflict("seccomp-action", "the policy given as seccomp says itself what meets a call");
    }
    if !seccomp::keeps_marker(program) {
        let number = seccomp::MARKER_NR;
        return conflict("seccomp", &format!("the program refuses {number:#x}, by which a process inside is known"));
    }
    let deny = numbers(policy.seccomp_deny.items());
    seccomp::around(program, &deny, restrict(policy)).map_err(|error| match error {
        seccomp::Error::Contradiction(_) => {
            PolicyError::conflict("seccomp-deny", "the policy given as seccomp decides on the call seccomp already")
        }
        error => PolicyError::conflict("seccomp-deny", error.to_string()),
    })
}

/// The filters of which the programs are made, in the same order: `own` in the place of a program compiled elsewhere,
/// nothing where that is not given.
pub fn filters(policy: &Policy, own: Option<&seccomp::Filter>) -> Result<Option<Vec<seccomp::Filter>>, PolicyError> {
    let conflict = |error: seccomp::Error| PolicyError::conflict("seccomp", error.to_string());
    let (allow, deny) = (numbers(policy.seccomp_allow.items()), numbers(policy.seccomp_deny.items()));
    let name = match policy.seccomp.as_ref().unwrap_or(&FilterChoice::Named(FilterName::Default)) {
        FilterChoice::Named(name) => *name,
        _ => {
            let around = own.map(|own| seccomp::filters_around(own, &deny, restrict(policy))).transpose();
            return around.map_err(conflict);
        }
    };
    seccomp::filters(&request(policy, name, &allow, &deny)).map(Some).map_err(conflict)
}

fn request<'a>(policy: &Policy, name: FilterName, allow: &'a [u32], deny: &'a [u32]) -> Request<'a> {
    let Restrict { no_exec, no_new_code, no_sockets } = restrict(policy);
    Request {
        base: match name {
            FilterName::Default => Shipped::Default,
            FilterName::Strict => Shipped::Strict,
            FilterName::Pure => Shipped::Pure,
            FilterName::NetClient => Shipped::NetClient,
            FilterName::NetServer => Shipped::NetServer,
            FilterName::Dev => Shipped::Dev,
            FilterName::Toaster => Shipped::Toaster,
            FilterName::None => Shipped::None,
        },
        allow,
        deny,
        action: policy.seccomp_action.unwrap_or(SeccompAction::ERRNO).0,
        no_exec,
        no_new_code,
        no_sockets,
    }
}

fn numbers(list: &[Syscall]) -> Vec<u32> {
    list.iter().map(|call| call.0).collect()
}

pub fn restrict(policy: &Policy) -> Restrict {
    Restrict {
        no_exec: policy.no_exec.on(),
        no_new_code: policy.no_new_code.on(),
        no_sockets: policy.net == Some(NetMode::Filter),
    }
}

/// What is made SIGSEGV with one prctl(2) is made harmless with another. A program of its own, as nothing that loosens the
/// filter may loosen it.
pub fn tsc_stays_off() -> seccomp::Filter {
    use seccomp::{Action, Clause, Cond, EPERM, Op, Rule};
    let set_tsc = Clause { when: vec![Cond::int(0, Op::Eq, libc::PR_SET_TSC.cast_unsigned())], action: EPERM };
    let prctl = Rule::ByArgs { clauses: vec![set_tsc], otherwise: Action::Allow };
    let rules = seccomp::number("prctl").map(|number| (number, prctl));
    seccomp::Filter { rules: rules.into_iter().collect(), ..seccomp::Filter::new(Action::Allow) }
}
