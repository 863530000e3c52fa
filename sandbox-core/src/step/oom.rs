//! The OOM killer's favour. A lower value than the caller's may need a privilege in the caller's user namespace, so outer
//! takes it before it leaves that, and is spared with its target; a higher one is inner's alone. Both are written while
//! `/proc` is the host's.

use std::ffi::CStr;
use std::os::fd::AsFd;

use super::{Context, Step};
use crate::error::Failure;
use crate::policy::Policy;
use crate::sys::file;

/// Outer's half.
pub struct Lower(i32);
/// Inner's half.
pub struct OomScoreAdj(i32);

const FILE: &CStr = c"/proc/self/oom_score_adj";

/// Planned when asked for.
pub fn plan_lower(policy: &Policy) -> Option<Lower> {
    policy.oom_score_adj.map(|adj| Lower(adj.0))
}

/// Planned when asked for.
pub fn plan(policy: &Policy) -> Option<OomScoreAdj> {
    policy.oom_score_adj.map(|adj| OomScoreAdj(adj.0))
}

fn write(adj: i32) -> Result<(), Failure> {
    file::write_file(FILE, adj.to_string().as_bytes())
}

impl Step for Lower {
    fn name(&self) -> &'static str {
        "oom_score_adj"
    }
    fn describe(&self) -> String {
        format!("{}, if that is less than the caller's", self.0)
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        let mut text = [0; 16];
        let length = file::read_start(file::open(None, FILE, libc::O_RDONLY, 0)?.as_fd(), &mut text)?;
        let own =
            std::str::from_utf8(text.get(..length).unwrap_or_default()).ok().and_then(|own| own.trim().parse().ok());
        // Not read is not known to be lower.
        if own.is_none_or(|own: i32| self.0 < own) { write(self.0) } else { Ok(()) }
    }
    fn object(&self, _: u32) -> String {
        FILE.to_string_lossy().into_owned()
    }
}

impl Step for OomScoreAdj {
    fn name(&self) -> &'static str {
        "oom_score_adj"
    }
    fn describe(&self) -> String {
        self.0.to_string()
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        write(self.0)
    }
    fn object(&self, _: u32) -> String {
        FILE.to_string_lossy().into_owned()
    }
}
