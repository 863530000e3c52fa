//! A reaper at pid 1. The target is then an ordinary process, pid 2, for which signals have their usual effects. Where the
//! pid namespace is shared, the reaper is the process to which orphans of the sandbox come back.

use super::{Context, Step};
use crate::error::Failure;
use crate::hint::Cause;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::Namespace;
use crate::supervise::init::{self, Adopter};
use crate::sys::call::Call;
use crate::sys::process::{self, Forked};
use crate::sys::socket::{Channel, Message};
use crate::sys::{privilege, refused, signal};

/// The step's name, by which the reaper's failures are told.
pub const NAME: &str = "init";

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
        NAME
    }
    fn describe(&self) -> String {
        let place = if self.adopts { "beside, and adopts orphans" } else { "as pid 1" };
        format!("fork: a reaper stays {place}")
    }
    /// Returns in the target only.
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        let adopter = if self.adopts { Some(Adopter::new()?) } else { None };
        let (hears, tells) = Channel::pair()?;
        let reaper = std::process::id();
        match process::fork()? {
            Forked::Child => {
                context.reaper = Some(hears);
                drop(tells);
                // Pid 1 takes its namespace along.
                if self.adopts {
                    privilege::die_with_parent()?;
                    // It has died before that call.
                    if std::os::unix::process::parent_id() != reaper {
                        return Err(refused(Call::PrSetPdeathsig, libc::ESRCH));
                    }
                }
                Ok(())
            }
            Forked::Parent(target) => {
                drop(hears);
                let Some(channel) = context.channel.take() else { process::exit(crate::exit::REFUSED) };
                // Nothing more privileged than the target may stay: the reaper keeps no capability either, or one.
                let confined = privilege::set_capability_sets(self.keep, 0).and_then(|()| privilege::no_new_privs());
                let told = || match self.adopts && self.dies_with_outer {
                    // In the place of SIGKILL, which would leave what the target has started.
                    true => privilege::told_of_parents_death(init::END),
                    false => Ok(()),
                };
                let confined = confined.and_then(|()| told());
                let confined = confined.and_then(|()| init::confine(&channel, &tells, adopter.as_ref()));
                if let Err(failure) = confined {
                    // ignored: this process ends, and as pid 1 takes the target with it
                    let _ = channel.send(&Message::Failed { step: init::STEP, failure, cause: Cause::Unknown });
                    let _ = signal::send(target, libc::SIGKILL);
                    process::exit(crate::exit::REFUSED)
                }
                init::run(target, channel, tells, adopter.as_ref())
            }
        }
    }
}
