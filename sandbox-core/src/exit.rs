//! How a run can end, as the exit codes that docs promise (those of timeout(1), env(1) and docker run).

/// The time limit has passed, and everything in the sandbox was killed.
pub const TIME_LIMIT: i32 = 124;
/// The sandbox refused or failed, or the command line was wrong; the target's main never ran.
pub const REFUSED: i32 = 125;
/// The target was found, but cannot be executed, or cannot be held.
pub const CANNOT_EXECUTE: i32 = 126;
/// The target was not found.
pub const NOT_FOUND: i32 = 127;
/// Added to the number of the signal that killed the target.
pub const SIGNAL_BASE: i32 = 128;
