//! What is printed in the place of a run: the settings in another spelling, or the plan. (The filter: `filter/show/`.)

mod plan;
mod shell;
mod spelling;
#[cfg(test)]
mod tests;

pub use plan::plan;
pub use shell::env;
pub use spelling::{Merged, can_be_handed_on, policy, variables};
