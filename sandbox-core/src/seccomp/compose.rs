//! From what a policy asks of the filter to the programs to load.

use std::borrow::Cow;

use libc::sock_filter;
use sandbox_filter::{Action, ENOSYS, EPERM, Error, Filter, Rule, allows, compile, is_known};

use super::shipped::{Restrict, Shipped, keep_guards};

/// What a refused call gets: the setting `seccomp-action`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Denial {
    /// The errno the filter names.
    #[default]
    Errno,
    /// This one, for all.
    Always(u16),
    /// The process dies of SIGSYS. Calls answered ENOSYS are not refusals: programs try them to see if they exist.
    Kill,
    /// The same for the calling thread alone.
    KillThread,
    /// SIGSYS, which the program may handle.
    Trap,
    /// Nothing is refused by name: each such call, ENOSYS included, is done and logged.
    Log,
}

impl Denial {
    pub const NAMES: [&'static str; 5] = ["errno", "kill", "kill-thread", "trap", "log"];

    pub fn from_name(name: &str) -> Option<Denial> {
        match name {
            "errno" => Some(Denial::Errno),
            "kill" => Some(Denial::Kill),
            "kill-thread" => Some(Denial::KillThread),
            "trap" => Some(Denial::Trap),
            "log" => Some(Denial::Log),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Denial::Errno | Denial::Always(_) => "errno",
            Denial::Kill => "kill",
            Denial::KillThread => "kill-thread",
            Denial::Trap => "trap",
            Denial::Log => "log",
        }
    }

    fn action(self, shipped: Action) -> Action {
        match (self, shipped) {
            (_, Action::Allow) | (Denial::Errno, _) => shipped,
            (Denial::Log, _) => Action::Log,
            (_, ENOSYS) => ENOSYS,
            (Denial::Always(errno), _) => Action::Errno(errno),
            (Denial::Kill, _) => Action::KillProcess,
            (Denial::KillThread, _) => Action::KillThread,
            (Denial::Trap, _) => Action::Trap(0),
        }
    }
}

/// What a policy asks of the filter.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub base: Shipped,
    /// Numbers the base refuses, wholly or for some arguments, and shall not.
    pub allow: &'a [u32],
    /// Numbers to refuse whatever the base says.
    pub deny: &'a [u32],
    pub action: Denial,
    pub no_exec: bool,
    pub no_new_code: bool,
    /// No socket reaches anything: for a sandbox that keeps the host's network namespace.
    pub no_sockets: bool,
}

impl Request<'_> {
    /// A filter as shipped.
    pub const fn new(base: Shipped) -> Self {
        let action = Denial::Errno;
        Request { base, allow: &[], deny: &[], action, no_exec: false, no_new_code: false, no_sockets: false }
    }

    fn restrict(&self) -> Restrict {
        let asked = Restrict { no_exec: self.no_exec, no_new_code: self.no_new_code, no_sockets: self.no_sockets };
        // Strict has all three in it, unless it has been loosened: a second program would only cost.
        let loosened = !self.allow.is_empty() || self.action == Denial::Log;
        if self.base == Shipped::Strict && !loosened { Restrict::default() } else { asked }
    }
}

/// The programs to load, in this order.
///
/// The base is last: it may refuse the calls that load a filter, and of two filters with equally strict answers the
/// kernel takes the one loaded last. A request that changes nothing is answered with programs compiled beforehand.
pub fn compose(request: &Request) -> Result<Vec<Cow<'static, [sock_filter]>>, Error> {
    let mut programs = Vec::with_capacity(2);
    let restrict = request.restrict();
    if restrict != Restrict::default() {
        programs.push(match request.action {
            // Asked for by name, a restriction is not loosened to a log line.
            Denial::Errno | Denial::Log => Cow::Borrowed(restrict.program()),
            denial => Cow::Owned(compile(&restrict.filter().map(|action| denial.action(action)))?),
        });
    }
    programs.push(if request.allow.is_empty() && request.deny.is_empty() && request.action == Denial::Errno {
        Cow::Borrowed(request.base.program())
    } else {
        Cow::Owned(compile(&adjust(request.base.filter(), request)?)?)
    });
    Ok(programs)
}

/// The filters of which `compose` makes its programs.
pub fn filters(request: &Request) -> Result<Vec<Filter>, Error> {
    let mut filters = Vec::with_capacity(2);
    let restrict = request.restrict();
    if restrict != Restrict::default() {
        filters.push(match request.action {
            Denial::Errno | Denial::Log => restrict.filter(),
            denial => restrict.filter().map(|action| denial.action(action)),
        });
    }
    filters.push(adjust(request.base.filter(), request)?);
    Ok(filters)
}

/// The filters of which `around` makes its programs from that of `own`.
pub fn filters_around(own: &Filter, deny: &[u32], restrict: Restrict) -> Result<Vec<Filter>, Error> {
    let mut filters = vec![restrict.filter(), own.clone()];
    if !deny.is_empty() {
        filters.insert(if allows(&compile(own)?, SECCOMP) { 2 } else { 1 }, denied(deny));
    }
    Ok(filters)
}

/// The call that loads a filter.
const SECCOMP: u32 = libc::SYS_seccomp as u32;

fn denied(deny: &[u32]) -> Filter {
    let rules = deny.iter().map(|&nr| (nr, Rule::Always(EPERM))).collect();
    Filter { rules, ..Filter::new(Action::Allow) }
}

/// The programs to load for one that was compiled elsewhere, which is trusted with nothing that every filter of ours has:
/// one of ours comes before it. Calls can be refused besides.
pub fn around(
    program: &[sock_filter],
    deny: &[u32],
    restrict: Restrict,
) -> Result<Vec<Cow<'static, [sock_filter]>>, Error> {
    let guard = if restrict == Restrict::default() { Shipped::None.program() } else { restrict.program() };
    let mut programs = vec![Cow::Borrowed(guard), Cow::Owned(program.to_vec())];
    if !deny.is_empty() {
        let denied = Cow::Owned(compile(&denied(deny))?);
        match (allows(program, SECCOMP), deny.contains(&SECCOMP)) {
            (true, _) => programs.push(denied),
            (false, false) => programs.insert(1, denied),
            // Whichever is first would not let the other be loaded.
            (false, true) => return Err(Error::Contradiction(SECCOMP)),
        }
    }
    Ok(programs)
}

fn adjust(mut filter: Filter, request: &Request) -> Result<Filter, Error> {
    for &nr in request.allow {
        if request.deny.contains(&nr) {
            return Err(Error::Contradiction(nr));
        }
    }
    if let Some(&nr) = request.allow.iter().chain(request.deny).find(|&&nr| !is_known(nr)) {
        return Err(Error::Unknown(nr));
    }
    filter = filter.map(|action| request.action.action(action));
    filter.rules.extend(request.allow.iter().map(|&nr| (nr, Rule::Always(Action::Allow))));
    for &nr in request.deny {
        // A call that is ENOSYS already stays so: EPERM would break the fallback it was given for (clone3).
        if request.action != Denial::Errno || filter.rule(nr) != Rule::Always(ENOSYS) {
            filter.rules.insert(nr, Rule::Always(request.action.action(EPERM)));
        }
    }
    keep_guards(
        &mut filter,
        match request.action {
            Denial::Log => EPERM,
            action => action.action(EPERM),
        },
    );
    Ok(filter)
}
