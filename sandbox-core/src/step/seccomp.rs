//! The filter: last, as it may forbid every call above it.

use std::borrow::Cow;

use super::{Context, Step};
use crate::error::{Failure, PolicyError, Refusal, SetupError};
use crate::exit;
use crate::policy::Policy;
use crate::policy::types::{FilterChoice, FilterName, LogLevel, NetMode, Observe, SeccompAction, Syscall};
use crate::seccomp::eval::{self, Call};
use crate::seccomp::{self, Denial, Notify, Request, Restrict, Shipped};
use crate::setting::value::Text;
use crate::sys::socket::{Message, peer_gone};
use crate::sys::{file, notify, privilege, process};

pub struct Filter {
    programs: Programs,
    /// These as the one that asks, where an observer answers.
    observed: Option<Vec<libc::sock_filter>>,
    /// Setup cannot end under it, and ends before it is loaded.
    silent: bool,
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

/// Whether calls of our own architecture can end in SIGSYS: what else does, does so in every filter. Of shipped filters that
/// is known, as it is asked at every start.
pub fn ends_in_sigsys(policy: &Policy) -> bool {
    // Where it stands in every program of ours that a foreign architecture kills.
    const GUARD: usize = 3;
    let ends = |i: &libc::sock_filter| {
        let action = i.k & libc::SECCOMP_RET_ACTION_FULL;
        let kinds = [libc::SECCOMP_RET_KILL_PROCESS, libc::SECCOMP_RET_KILL_THREAD, libc::SECCOMP_RET_TRAP];
        i.code == 0x06 && kinds.contains(&action)
    };
    match (policy.seccomp_action.map(|action| action.0), policy.seccomp.as_ref()) {
        (Some(Denial::Kill | Denial::KillThread | Denial::Trap), _) => true,
        (_, Some(FilterChoice::Program(program))) => program.instructions().iter().skip(GUARD).any(ends),
        (None | Some(Denial::Errno), Some(FilterChoice::Named(FilterName::Toaster))) => true,
        _ => false,
    }
}

/// What inner does under the filter: it says that it is ready, waits for outer's word, and closes the channel.
const LAST_WORDS: [i64; 3] = [libc::SYS_write, libc::SYS_read, libc::SYS_close];

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
    room_for_the_rest(policy, silent, lets)?;
    let observed = policy.observe.map(|what| observed(policy, &programs, what)).transpose()?;
    if observed.is_some() && silent {
        return Err(PolicyError::conflict(
            "observe",
            "the observer begins under the filter, which refuses read, write or close",
        ));
    }
    Ok(Filter { says: says(policy, &name, silent), programs, observed, silent })
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

fn numbers(list: &[Syscall]) -> Vec<u32> {
    list.iter().map(|call| call.0).collect()
}

fn restrict(policy: &Policy) -> Restrict {
    Restrict {
        no_exec: policy.no_exec.on(),
        no_new_code: policy.no_new_code.on(),
        no_sockets: policy.net == Some(NetMode::Filter),
    }
}

fn shipped(policy: &Policy, name: FilterName) -> Result<Vec<Cow<'static, [libc::sock_filter]>>, PolicyError> {
    let (allow, deny) = (numbers(policy.seccomp_allow.items()), numbers(policy.seccomp_deny.items()));
    let request = request(policy, name, &allow, &deny);
    seccomp::compose(&request).map_err(|error| PolicyError::conflict("seccomp", error.to_string()))
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

/// Around a program that says itself what it allows and what meets the rest.
fn own(policy: &Policy, program: &[libc::sock_filter]) -> Result<Vec<Cow<'static, [libc::sock_filter]>>, PolicyError> {
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

/// What else is done under the filter must be let through by it.
fn room_for_the_rest(policy: &Policy, silent: bool, lets: impl Fn(i64) -> bool) -> Result<(), PolicyError> {
    let conflict = |name, why: &str| Err(PolicyError::conflict(name, why));
    if policy.status_fd.is_some() && silent {
        return conflict(
            "status-fd",
            "what is in force is read back under the filter, which refuses read, write or close",
        );
    }
    if policy.log_level == Some(LogLevel::Debug) && silent {
        return conflict(
            "log-level",
            "the last step's cost is told under the filter, which refuses read, write or close",
        );
    }
    if policy.allow_new_privs.on() && (silent || ![libc::SYS_capset, libc::SYS_prctl].into_iter().all(lets)) {
        let why = "capabilities are given up under the filter, which refuses read, write, close, capset or prctl";
        return conflict("allow-new-privs", why);
    }
    Ok(())
}

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

/// What is made SIGSEGV with one prctl(2) is made harmless with another. A program of its own, as nothing that loosens the
/// filter may loosen it.
fn tsc_stays_off() -> seccomp::Filter {
    use seccomp::{Action, Clause, Cond, EPERM, Op, Rule};
    let set_tsc = Clause { when: vec![Cond::int(0, Op::Eq, libc::PR_SET_TSC.cast_unsigned())], action: EPERM };
    let prctl = Rule::ByArgs { clauses: vec![set_tsc], otherwise: Action::Allow };
    let rules = seccomp::number("prctl").map(|number| (number, prctl));
    seccomp::Filter { rules: rules.into_iter().collect(), ..seccomp::Filter::new(Action::Allow) }
}

impl Filter {
    /// The programs, whether anybody is asked about what they answer or not.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The same for a process that has nobody to tell that it is ready: the programs are loaded, and that is all.
    #[must_use]
    pub fn within(self) -> Self {
        Self { silent: false, ..self }
    }

    /// Whether a program can be executed under it, and a failure of that told. Asked of the programs themselves.
    pub fn lets_execute(&self) -> bool {
        let lets = |nr: i64| {
            let nr = u32::try_from(nr).unwrap_or(u32::MAX);
            self.programs.iter().all(|program| seccomp::allows(program, nr))
        };
        lets(libc::SYS_execve) && lets(libc::SYS_write)
    }
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
        let load = || self.programs.iter().try_for_each(|program| privilege::load_filter(program));
        if !self.silent {
            return load();
        }
        let channel = context.channel.as_ref().ok_or_else(peer_gone)?;
        channel.tell(&Message::Ready { listener: None })?;
        if !matches!(channel.hear()?, Some(Message::Go)) {
            return Err(peer_gone());
        }
        // From here on nothing can be told but by ending; and nothing of setup's can be closed any more.
        drop(context.channel.take());
        file::complain_to(2);
        drop(context.log.take());
        load().or_else(|failure| {
            file::complain(&Refusal::from(SetupError::new(self.name(), failure, "")).message());
            process::exit(exit::REFUSED)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::{Assignment, Origin, named};

    #[test]
    fn what_ends_in_sigsys_is_known_without_reading_the_programs() {
        let names = Shipped::ALL.map(Shipped::name);
        for (filter, action) in names.into_iter().flat_map(|name| {
            ["", "errno", "errno:5", "log", "kill", "kill-thread", "trap"].map(|action| (name, action))
        }) {
            let say = |(name, text): (&str, &str)| Assignment {
                setting: named(name).unwrap(),
                text: text.into(),
                origin: Origin::Flag,
            };
            let settings = [("seccomp", filter), ("seccomp-action", action)];
            let given = settings.into_iter().filter(|(_, text)| !text.is_empty()).map(say).collect::<Vec<_>>();
            let policy = Policy::new(&given).unwrap();
            let Ok(programs) = programs(&policy) else { continue };
            let by_sigsys = |i: &libc::sock_filter| {
                let action = (i.k & libc::SECCOMP_RET_ACTION_FULL).cast_signed();
                i.code == 0x06 && action <= libc::SECCOMP_RET_TRAP.cast_signed()
            };
            let found = programs.iter().any(|program| program.iter().skip(3).any(by_sigsys));
            // What is never refused needs nobody to be asked, and nothing is lost by asking.
            assert!(ends_in_sigsys(&policy) || !found, "{filter} {action}");
            assert!(found || !ends_in_sigsys(&policy) || filter == "none", "{filter} {action}");
            // As a program of somebody else's.
            let own = Policy {
                seccomp: Some(FilterChoice::compiled(programs.last().unwrap())),
                seccomp_action: None,
                ..policy.clone()
            };
            assert_eq!(
                ends_in_sigsys(&own),
                programs.last().unwrap().iter().skip(3).any(by_sigsys),
                "{filter} {action}"
            );
        }
    }
}
