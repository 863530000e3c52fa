//! A reaper at pid 1. The target is then an ordinary process, pid 2, for which signals have their usual effects. Where the
//! pid namespace is shared, the reaper is the process to which orphans of the sandbox come back.

use super::{Context, Step};
use crate::error::Failure;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::Namespace;
use crate::supervise::init::{self, Adopter};
use crate::sys::call::Call;
use crate::sys::process::{self, Forked};
use crate::sys::{privilege, refused, signal};

pub struct Init {
    /// What the reaper keeps: to pass signals on to a target that has become another user.
    keep: u64,
    /// It is not pid 1.
    adopts: bool,
    dies_with_outer: bool,
}

/// Planned when asked for.
pub fn plan(policy: &Policy, wanted: &Wanted, signals_others: bool) -> Option<Init> {
    policy.init.on().then_some(Init {
        keep: if signals_others { privilege::KILL } else { 0 },
        adopts: !wanted.is_new(Namespace::Pid),
        dies_with_outer: !policy.no_die_with_parent.on(),
    })
}

impl Step for Init {
    fn name(&self) -> &'static str {
        "init"
    }
    fn describe(&self) -> String {
        let place = if self.adopts { "beside, and adopts orphans" } else { "as pid 1" };
        format!("fork: a reaper stays {place}")
    }
    /// Returns in the target only.
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        let adopter = if self.adopts { Some(Adopter::new()?) } else { None };
        let reaper = std::process::id();
        match process::fork()? {
            // Pid 1 takes its namespace along.
            Forked::Child if self.adopts => {
                privilege::die_with_parent()?;
                match std::os::unix::process::parent_id() == reaper {
                    true => Ok(()),
                    // It has died before that call.
                    false => Err(refused(Call::PrSetPdeathsig, libc::ESRCH)),
                }
            }
            Forked::Child => Ok(()),
            Forked::Parent(target) => {
                // Nothing more privileged than the target may stay: the reaper keeps no capability either, or one.
                let confined = privilege::set_capability_sets(self.keep, 0).and_then(|()| privilege::no_new_privs());
                let told = || match self.adopts && self.dies_with_outer {
                    // In the place of SIGKILL, which would leave what the target has started.
                    true => privilege::told_of_parents_death(init::END),
                    false => Ok(()),
                };
                match (confined.and_then(|()| told()), context.channel.take()) {
                    (Ok(()), Some(channel)) => init::run(target, channel, adopter.as_ref()),
                    _ => {
                        // ignored: this process ends, and as pid 1 takes the target with it
                        let _ = signal::send(target, libc::SIGKILL);
                        process::exit(crate::exit::REFUSED)
                    }
                }
            }
        }
    }
}
