//! No policy: what remains are the guards of every filter.

use super::super::ir::Action;
use super::{Group, Table, table};

pub(super) const GROUPS: &[Group] = &[];
pub(super) static TABLE: Table = table!(Action::Allow, GROUPS);
