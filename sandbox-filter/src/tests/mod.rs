//! The programs against an independent reading of the policy, by an independent evaluator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod compile;
mod eval;
mod samples;
mod syscalls;

use samples::{numbers, registers, word};
