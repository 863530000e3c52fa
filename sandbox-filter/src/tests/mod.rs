//! The programs against an independent reading of the policy, by an independent evaluator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod compile;
// What of them is not used here, other tests use.
#[allow(dead_code)]
mod eval;
#[allow(dead_code)]
mod samples;
mod syscalls;

use samples::{numbers, registers, word};
