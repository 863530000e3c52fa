//! Being asked about calls: a process beside the sandbox that runs the programs of the policy on each call that waits, and
//! answers what the kernel would have answered. What comes of it is a [`Witness`]'s to say: the library's names the calls
//! that were met by SIGSYS, sbx-launch's says all that it can find out.

mod answer;
mod confine;
pub mod process;
mod serve;
mod teller;
mod tracer;

pub use answer::{Answer, answer};
pub use confine::confine;
pub use serve::{Observer, Witness, begin, fetch};
pub use teller::{Task, run as tell};
pub use tracer::Tracer;

/// CAP_KILL and CAP_SYS_PTRACE: over a target in a user namespace of its own its maker has them anyway, user_namespaces(7).
pub const OVER_OTHERS: u64 = 1 << 5 | 1 << 19;
