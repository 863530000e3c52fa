//! System call filters: those that come with sbx, and what a policy makes of them. What a filter is, and how it becomes a
//! program, is `sandbox-filter`.

mod compose;
mod shipped;
#[cfg(test)]
mod tests;

pub use compose::{Denial, Request, around, compose, filters, filters_around};
pub use sandbox_filter::{
    Action, Clause, Cond, EAFNOSUPPORT, ENOSYS, EPERM, Error, Expr, Filter, MARKER_ERRNO, MARKER_NR, MAX_LEN, NEWEST,
    Notify, Op, Rel, Rule, UNASKED, Value, Width, allows, check, compile, compile_well, eval, is_known, keeps_marker,
    name, number, observed, sentence,
};
pub use shipped::{Restrict, Shipped, keeper, keeper_filter, supervisor, supervisor_filter, witness, witness_filter};
