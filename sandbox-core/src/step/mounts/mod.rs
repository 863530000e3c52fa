//! The file tree: a new root is put together beside the old one, takes its place, and the old one is detached.
//!
//! `layout` decides what lies where, `op` is one such decision, `tree` applies them, through `by_fd` or, before
//! Linux 5.12, through `by_path`; `target` finds and makes mount points.

mod by_fd;
mod by_path;
mod layout;
mod op;
mod target;
mod tree;

use crate::error::{Failure, PolicyError};
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::Namespace;
use crate::step::{Context, Step};
use op::{Base, Op};

pub struct Mounts {
    base: Base,
    writable: bool,
    ops: Vec<Op>,
    by_fd: bool,
}

/// Planned with a new mount namespace.
///
/// # Errors
/// File settings without one: nothing could hold what they ask for.
pub fn plan(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<Option<Mounts>, PolicyError> {
    if !wanted.is_new(Namespace::Mount) {
        return layout::refuse_file_settings(policy).map(|()| None);
    }
    let (base, ops) = layout::decide(policy, host, wanted)?;
    Ok(Some(Mounts { base, writable: policy.root_rw.on(), ops, by_fd: host.mount_fds }))
}

impl Step for Mounts {
    fn name(&self) -> &'static str {
        "mounts"
    }
    fn describe(&self) -> String {
        let mut says = format!("/ is {}{}", self.base.describe(), if self.writable { "" } else { ", read-only" });
        for op in &self.ops {
            says.push_str("; ");
            says.push_str(&op.describe());
        }
        says
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        if self.by_fd {
            tree::build::<by_fd::ByFd>(&self.base, self.writable, &self.ops)
        } else {
            tree::build::<by_path::ByPath>(&self.base, self.writable, &self.ops)
        }
    }
    fn object(&self, number: u32) -> String {
        let at = (number as usize).checked_sub(2);
        match at.and_then(|at| Some((self.ops.get(at / 2)?, at % 2 == 1))) {
            Some((op, true)) => op.source_name(),
            Some((op, false)) => op.target_name(),
            None if number == tree::BASE => self.base.describe(),
            None => "/".into(),
        }
    }
}
