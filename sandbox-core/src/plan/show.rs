//! The plan as `--print-plan` shows it: a line a step.

use std::fmt;

use super::{Plan, Planned};
use crate::step::Side;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |side: &str, name: &str, says: &str| writeln!(f, "{side:<7} {name:<15} {says}");
        line(
            "both",
            "guard",
            match self.image {
                None => "first constructor, one thread, not inside already; SBX_* and our preload scrubbed",
                Some(_) => "one thread, not inside already",
            },
        )?;
        let mut forked = false;
        for Planned { side, step } in &self.steps {
            if *side != Side::Outer && !forked {
                forked = true;
                line("both", "fork", if self.supervision.target_is_pid_1 { "inner is pid 1" } else { "inner" })?;
            }
            line(side.name(), step.name(), &step.describe())?;
        }
        Ok(())
    }
}
