//! Plans for hosts that are only pretended, by what they say of themselves.

mod contradictions;
mod files;
mod filter;
mod identity;
mod limits;
mod network;
mod order;

use super::plan;
use crate::error::PolicyError;
use crate::host::Host;
use crate::host::tests::host;
use crate::policy::Policy;
use crate::setting::{Assignment, Origin, named};

fn policy(settings: &[(&str, &str)]) -> Result<Policy, PolicyError> {
    let say = |&(name, text): &(&str, &str)| Assignment {
        setting: named(name).unwrap(),
        text: text.into(),
        origin: Origin::Flag,
    };
    Policy::new(&settings.iter().map(say).collect::<Vec<_>>())
}

fn try_for(host: &Host, settings: &[(&str, &str)]) -> Result<String, PolicyError> {
    plan(&policy(settings)?, host).map(|plan| plan.to_string())
}

fn lines(settings: &[(&str, &str)]) -> String {
    try_for(&host(), settings).unwrap()
}

/// The steps of a plan by side and name.
fn steps(settings: &[(&str, &str)]) -> Vec<String> {
    lines(settings).lines().map(|l| l[..23].split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}
