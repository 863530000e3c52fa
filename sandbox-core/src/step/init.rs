//! A reaper at pid 1. The target is then an ordinary process, pid 2, for which signals have their usual effects.

use super::{Context, Step};
use crate::error::Failure;
use crate::policy::Policy;
use crate::supervise::init;
use crate::sys::process::{self, Forked};
use crate::sys::{privilege, signal};

pub struct Init {
    /// What the reaper keeps: to pass signals on to a target that has become another user.
    keep: u64,
}

/// Planned when asked for.
pub fn plan(policy: &Policy, signals_others: bool) -> Option<Init> {
    policy.init.on().then_some(Init { keep: if signals_others { privilege::KILL } else { 0 } })
}

impl Step for Init {
    fn name(&self) -> &'static str {
        "init"
    }
    fn describe(&self) -> String {
        "fork: a reaper stays as pid 1".into()
    }
    /// Returns in pid 2 only.
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        match process::fork()? {
            Forked::Child => Ok(()),
            Forked::Parent(target) => {
                // Nothing more privileged than the target may stay: the reaper keeps no capability either, or one.
                let confined = privilege::set_capability_sets(self.keep, 0).and_then(|()| privilege::no_new_privs());
                match (confined, context.channel.take()) {
                    (Ok(()), Some(channel)) => init::run(target, channel),
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
