//! What the tests share: where the binaries are, how a sandbox is started, what it needs, how it is looked at.

pub mod bins;
pub mod denied;
#[allow(dead_code)] // the launcher's tests have it too, and use the rest
pub mod dice;
pub mod ended;
pub mod groups;
pub mod need;
pub mod nets;
pub mod outside;
pub mod report;
pub mod running;
pub mod sandbox;
pub mod subids;
#[allow(dead_code)] // the probe has it too, and uses the rest
#[path = "../probe/syscalls.rs"]
pub mod syscalls;
pub mod temp;
pub mod traced;
pub mod world;

pub use denied::{Denial, denied};
pub use ended::{Ended, bare, finish};
pub use report::Report;
pub use sandbox::{ENTRIES, EVERY, EXECUTING, Entry, Sandbox};
pub use temp::TempDir;
pub use world::World;
