//! The programs against an independent reading of the policy, by an independent evaluator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answers;
mod compose;
mod observed;
mod oracle;
mod shipped;

// What the tests of the compiler use too.
#[path = "../../../../sandbox-filter/src/tests/eval.rs"]
mod eval;
#[path = "../../../../sandbox-filter/src/tests/samples.rs"]
mod samples;

use samples::{call, numbers, registers};
