//! Resource limits. What raises a hard limit is done while outer is still in the caller's user namespace; the limits
//! themselves are inner's alone, and set when nothing is left to do that a small one could starve: after the mounts, which
//! open files, and after the reaper's fork.

use std::ffi::CStr;
use std::os::fd::AsFd;

use super::id_map::Maps;
use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::{ABOVE, Amount, Limit, Namespace, Rlimit};
use crate::sys::call::Call;
use crate::sys::{file, limits, refused};

/// A limit's new values, in the kernel's unit.
struct New {
    limit: Limit,
    soft: u64,
    hard: u64,
}

/// What outer does before it leaves the user namespace.
pub struct Raise {
    /// With the caller's soft limits.
    raised: Vec<New>,
    /// Processes are to be limited, and the target keeps the caller's id: it may not be the machine's root.
    not_root: bool,
}

/// The limits, all of them.
pub struct Rlimits(Vec<New>);

const UID_MAP: &CStr = c"/proc/self/uid_map";
/// The objects in failures that are not about the value of a limit.
const MAP: usize = 16;
const ROOT: usize = 17;
/// What cannot be done, as the message has it.
pub const NPROC_OF_ROOT: &str = "nproc of root";

/// Planned for what `rlimit` names: nothing is limited that was not asked for.
pub fn plan(policy: &Policy, host: &Host) -> Result<Option<Rlimits>, PolicyError> {
    let mut all: Vec<New> = Vec::new();
    for &Rlimit { limit, soft, hard } in policy.rlimit.items() {
        let callers = host.limits.get(limit.number() as usize).copied().flatten();
        let amount = |amount| match amount {
            Amount::Exactly(amount) => Ok(amount),
            Amount::Infinite => Ok(libc::RLIM_INFINITY),
            Amount::Soft => callers.map(|(soft, _)| soft).ok_or("the caller's cannot be read"),
            Amount::Hard => callers.map(|(_, hard)| hard).ok_or("the caller's cannot be read"),
        };
        let refuse = |why: &str| PolicyError::conflict("rlimit", format!("{}: {why}", limit.name()));
        let (soft, hard) = (amount(soft).map_err(refuse)?, amount(hard).map_err(refuse)?);
        if soft > hard {
            return Err(refuse(&format!("{ABOVE}: {} and {}", limit.show(soft), limit.show(hard))));
        }
        all.retain(|earlier| earlier.limit != limit);
        all.push(New { limit, soft, hard });
    }
    Ok((!all.is_empty()).then_some(Rlimits(all)))
}

/// Planned for hard limits above the caller's, and for a limit of processes.
pub fn plan_raise(
    limits: Option<&Rlimits>,
    policy: &Policy,
    host: &Host,
    wanted: &Wanted,
    maps: Option<&Maps>,
) -> Option<Raise> {
    let all = limits.map_or(&[][..], |limits| &limits.0);
    let callers = |new: &New| host.limits.get(new.limit.number() as usize).copied().flatten();
    let raised: Vec<_> = all
        .iter()
        .filter_map(|new| {
            // Where the caller's are not known, inner's own attempt shows whether it would have been more.
            let (soft, hard) = callers(new)?;
            (new.hard > hard).then_some(New { soft, ..*new })
        })
        .collect();
    let becomes_another = match maps {
        Some(maps) => maps.uid.outside().is_some_and(|id| id != 0),
        None => !wanted.is_new(Namespace::User) && policy.uid.is_some_and(|id| id.0 != 0),
    };
    let not_root =
        !becomes_another && all.iter().any(|new| new.limit == Limit::Nproc && new.soft != libc::RLIM_INFINITY);
    (not_root || !raised.is_empty()).then_some(Raise { raised, not_root })
}

fn set(all: &[New]) -> Result<(), Failure> {
    all.iter().try_for_each(|new| {
        limits::set_limit(new.limit.number(), new.soft, new.hard).map_err(|failure| failure.on(number(new)))
    })
}

fn number(new: &New) -> usize {
    new.limit.number() as usize
}

fn named(all: &[New], number: u32) -> String {
    let one = all.iter().find(|new| new.limit.number() == number);
    one.map(|new| format!("{}={}:{}", new.limit.name(), new.limit.show(new.soft), new.limit.show(new.hard)))
        .unwrap_or_else(|| UID_MAP.to_string_lossy().into_owned())
}

/// Whether the caller is uid 0 of the first user namespace, as far as can be told from here: its id one namespace up.
fn is_root(map: &[u8], own: u32) -> bool {
    let map = String::from_utf8_lossy(map);
    let outside = map.lines().find_map(|line| {
        let mut numbers = line.split_ascii_whitespace().map_while(|word| word.parse::<u32>().ok());
        let (inside, outside, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
        own.checked_sub(inside).filter(|&at| at < count).map(|at| outside.saturating_add(at))
    });
    // Without a line of its own it is nobody's, and what is not understood is no leave.
    outside.is_none_or(|outside| outside == 0)
}

impl Step for Raise {
    fn name(&self) -> &'static str {
        "rlimits"
    }
    fn describe(&self) -> String {
        let raised =
            self.raised.iter().map(|new| format!("raise {} to {}", new.limit.name(), new.limit.show(new.hard)));
        let root = self.not_root.then(|| "be sure that nproc can hold".into());
        raised.chain(root).collect::<Vec<_>>().join(", ")
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        if self.not_root {
            let mut text = [0; 4096];
            let map = file::open(None, UID_MAP, libc::O_RDONLY, 0).map_err(|failure| failure.on(MAP))?;
            let length = file::read_start(map.as_fd(), &mut text).map_err(|failure| failure.on(MAP))?;
            // The kernel counts this user's processes, and refuses none (kernel/fork.c, INIT_USER).
            if is_root(text.get(..length).unwrap_or_default(), nix::unistd::geteuid().as_raw()) {
                return Err(refused(Call::Setrlimit, libc::EPERM).on(ROOT));
            }
        }
        set(&self.raised)
    }
    fn object(&self, number: u32) -> String {
        if number as usize == ROOT {
            return NPROC_OF_ROOT.into();
        }
        named(&self.raised, number)
    }
}

impl Step for Rlimits {
    fn name(&self) -> &'static str {
        "rlimits"
    }
    fn describe(&self) -> String {
        let one = |new: &New| match (new.limit.show(new.soft), new.limit.show(new.hard)) {
            (soft, hard) if soft == hard => format!("{} {soft}", new.limit.name()),
            (soft, hard) => format!("{} {soft}, hard {hard}", new.limit.name()),
        };
        self.0.iter().map(one).collect::<Vec<_>>().join("; ")
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        set(&self.0)
    }
    fn object(&self, number: u32) -> String {
        named(&self.0, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_whom_the_map_leads_to_0() {
        assert!(is_root(b"         0          0 4294967295\n", 0));
        assert!(!is_root(b"         0          0 4294967295\n", 1000));
        assert!(!is_root(b"         0     100000      65536\n", 0));
        assert!(is_root(b"      1000          0          1\n", 1000));
        assert!(is_root(b"0 1000 1\n1 0 1\n", 1));
        for unclear in [&b""[..], b"0 0\n", b"x 0 1\n", b"5 5 1\n"] {
            assert!(is_root(unclear, 1000));
        }
    }
}
