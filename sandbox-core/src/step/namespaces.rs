//! The other namespaces. Pid and time take effect at the fork; the rest belong to inner alone, which makes them while
//! outer makes the network: outer keeps the host's mounts, which it never looks at again.

use super::{Context, Step};
use crate::error::Failure;
use crate::plan::Wanted;
use crate::policy::types::Namespace;
use crate::sys::process;

pub struct Namespaces {
    kinds: Vec<Namespace>,
}

/// Those that outer makes before the fork.
pub fn plan_for_children(wanted: &Wanted) -> Option<Namespaces> {
    plan(wanted, &[Namespace::Pid, Namespace::Time])
}

/// Those that inner makes.
pub fn plan_own(wanted: &Wanted) -> Option<Namespaces> {
    plan(wanted, &[Namespace::Mount, Namespace::Ipc, Namespace::Uts, Namespace::Cgroup])
}

fn plan(wanted: &Wanted, of: &[Namespace]) -> Option<Namespaces> {
    let kinds: Vec<_> = of.iter().copied().filter(|&kind| wanted.is_new(kind)).collect();
    (!kinds.is_empty()).then_some(Namespaces { kinds })
}

impl Namespaces {
    fn names(&self) -> String {
        self.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
    }
}

impl Step for Namespaces {
    fn name(&self) -> &'static str {
        "namespaces"
    }
    fn describe(&self) -> String {
        format!("unshare {}", self.names())
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        process::unshare(self.kinds.iter().fold(0, |flags, kind| flags | kind.flag()))
    }
    fn object(&self, _: u32) -> String {
        self.names()
    }
}
