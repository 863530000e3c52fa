//! How far the clocks of the time namespace are from the host's: for as long as nobody is in it, so between unshare(2) and
//! the fork that enters it, time_namespaces(7).

use std::ffi::CStr;

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::{Namespace, Offset};
use crate::setting::text::show;
use crate::setting::value::Text;
use crate::sys::file;

pub struct TimeOffsets {
    monotonic: Option<Offset>,
    boottime: Option<Offset>,
}

const FILE: &CStr = c"/proc/self/timens_offsets";

/// Planned when asked for.
pub fn plan(policy: &Policy, wanted: &Wanted) -> Result<Option<TimeOffsets>, PolicyError> {
    let (monotonic, boottime) = (policy.monotonic_offset, policy.boottime_offset);
    for (name, offset) in [("monotonic-offset", monotonic), ("boottime-offset", boottime)] {
        if offset.is_some() && !wanted.is_new(Namespace::Time) {
            return Err(PolicyError::conflict(name, "needs a new time namespace"));
        }
    }
    let any = monotonic.is_some() || boottime.is_some();
    Ok(any.then_some(TimeOffsets { monotonic, boottime }))
}

impl TimeOffsets {
    fn all(&self) -> impl Iterator<Item = (&'static str, i32, Offset)> {
        let all =
            [("monotonic", libc::CLOCK_MONOTONIC, self.monotonic), ("boottime", libc::CLOCK_BOOTTIME, self.boottime)];
        all.into_iter().filter_map(|(name, clock, offset)| Some((name, clock, offset?)))
    }
}

impl Step for TimeOffsets {
    fn name(&self) -> &'static str {
        "time offsets"
    }
    fn describe(&self) -> String {
        self.all().map(|(name, _, offset)| format!("{name} {}", show(&offset.show()))).collect::<Vec<_>>().join(", ")
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        // By number: their names are taken since Linux 5.7 only, a release after the file came.
        let line =
            |(_, clock, offset): (_, i32, Offset)| format!("{clock} {} {}\n", offset.seconds, offset.nanoseconds);
        file::write_file(FILE, self.all().map(line).collect::<String>().as_bytes())
    }
    fn object(&self, _: u32) -> String {
        format!("{}: {}", FILE.to_string_lossy(), self.describe())
    }
}
