//! System call filters: what each of the kernel's calls is answered, as programs for seccomp(2).
//!
//! ```text
//! shipped filters ─┐
//!                  ├─► Filter ─► ranges of numbers ─► tree of jumps ─► program
//! languages ───────┘            argument rules ─► seccompiler ─► leaves ┘
//! ```
//!
//! Nothing here makes a system call. The filters are for x86_64, and every one of them, whatever it allows, kills on a
//! foreign architecture and answers ENOSYS to x32 numbers and to numbers it does not know.

mod answers;
mod compile;
pub mod eval;
mod expr;
mod graph;
mod ir;
mod jit;
mod layout;
mod leaf;
mod observed;
mod shape;
mod syscalls;
#[cfg(test)]
mod tests;

pub use answers::{allows, check, keeps_marker};
pub use compile::{MARKER_ERRNO, MARKER_NR, MAX_LEN, compile, compile_well, insn};
pub use ir::{Action, Clause, Cond, EAFNOSUPPORT, ENOSYS, EPERM, Error, Expr, Filter, Op, Rel, Rule, Value, Width};
pub use observed::{Notify, UNASKED, observed, sentence};
pub use syscalls::{NEWEST, is_known, name, number};
