//! A reaper at pid 1. The target is then an ordinary process, pid 2, for which signals have their usual effects.

use super::{Context, Step};
use crate::error::Failure;
use crate::policy::Policy;
use crate::supervise::init;
use crate::sys::process::{self, Forked};
use crate::sys::{privilege, signal};

pub struct Init;

/// Planned when asked for.
pub fn plan(policy: &Policy) -> Option<Init> {
    policy.init.on().then_some(Init)
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
                // Nothing more privileged than the target may stay: the reaper keeps no capability either.
                let confined = privilege::set_capabilities(0).and_then(|()| privilege::no_new_privs());
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
