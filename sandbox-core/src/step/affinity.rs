//! The processors the target may run on. After the network, until which inner is kept off outer's own.

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::policy::Policy;
use crate::policy::types::Cpus;
use crate::sys::call::Call;
use crate::sys::process::Processors;
use crate::sys::refused;

pub enum Affinity {
    /// Exactly these.
    These(Vec<Cpus>),
    /// The first so many of the caller's.
    First(u16),
}

/// Planned when asked for, by either setting.
pub fn plan(policy: &Policy) -> Result<Option<Affinity>, PolicyError> {
    match (&policy.cpus.0, policy.max_cpus) {
        (None, None) => Ok(None),
        (None, Some(count)) => Ok(Some(Affinity::First(count.0))),
        (Some(_), Some(_)) => Err(PolicyError::conflict("max-cpus", "cpus says already which and how many")),
        (Some(cpus), None) if cpus.is_empty() => Err(PolicyError::conflict("cpus", "no processor is left to run on")),
        (Some(cpus), None) => Ok(Some(Affinity::These(cpus.clone()))),
    }
}

impl Step for Affinity {
    fn name(&self) -> &'static str {
        "affinity"
    }
    fn describe(&self) -> String {
        match self {
            Affinity::These(cpus) => {
                let one = |cpus: &Cpus| match cpus {
                    Cpus { first, last } if first == last => first.to_string(),
                    Cpus { first, last } => format!("{first}-{last}"),
                };
                format!("processors {}", cpus.iter().map(one).collect::<Vec<_>>().join(","))
            }
            Affinity::First(count) => format!("the first {count} of the caller's processors"),
        }
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        let wanted = match self {
            Affinity::These(cpus) => Processors::of(cpus.iter().flat_map(|cpus| cpus.first..=cpus.last)),
            Affinity::First(count) => Processors::allowed()?.first(*count),
        };
        wanted.give_to(0)?;
        // Those that are offline or outside the cgroup's cpuset the kernel leaves out without a word.
        if Processors::allowed()?.are(&wanted) { Ok(()) } else { Err(refused(Call::Setaffinity, libc::EINVAL)) }
    }
    fn object(&self, _: u32) -> String {
        self.describe()
    }
}
