//! The life of a sandbox after setup: outer, which the caller knows, and the optional reaper at pid 1.

mod clock;
mod decide;
pub mod init;
mod observer;
pub mod outer;
