//! No policy: what remains are the guards of every filter, and that of the caller's terminal.

use super::super::ir::Action;
use super::args::{TERMINAL, TYPES};
use super::{Group, Table, group, table};

pub(super) const GROUPS: &[Group] = &[group(TYPES, TERMINAL, &["ioctl"])];
pub(super) static TABLE: Table = table!(Action::Allow, GROUPS);
