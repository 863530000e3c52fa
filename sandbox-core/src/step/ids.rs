//! Becoming other ids: one of those that a map has besides the caller's own, or, without a user namespace, any, which only
//! root can. What is permitted stays, as the steps that follow need it.

use super::id_map::Maps;
use super::{Context, Step};
use crate::error::Failure;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::Namespace;
use crate::sys::privilege;

pub struct Ids {
    uid: Option<u32>,
    gid: Option<u32>,
    leave_groups: bool,
}

/// Planned when an id is asked for and no user namespace gives it.
pub fn plan(policy: &Policy, wanted: &Wanted) -> Option<Ids> {
    let (uid, gid) = (policy.uid.map(|id| id.0), policy.gid.map(|id| id.0));
    (!wanted.is_new(Namespace::User) && (uid.is_some() || gid.is_some())).then_some(Ids {
        uid,
        gid,
        leave_groups: true,
    })
}

/// Planned when the maps leave something to become: by outer, so that both processes are the same user's. One of another
/// could neither signal inner nor take it along when it dies, as the kernel asks for permission there too.
pub fn plan_mapped(maps: Option<&Maps>) -> Option<Ids> {
    let maps = maps?;
    let ids = Ids { uid: maps.uid.becomes, gid: maps.gid.becomes, leave_groups: maps.leave_groups };
    (ids.uid.is_some() || ids.gid.is_some() || ids.leave_groups).then_some(ids)
}

impl Step for Ids {
    fn name(&self) -> &'static str {
        "ids"
    }
    fn describe(&self) -> String {
        let show = |id: Option<u32>| id.map_or_else(|| "as it is".into(), |id| id.to_string());
        let groups = if self.leave_groups { ", no supplementary groups" } else { "" };
        format!("uid {}, gid {}{groups}", show(self.uid), show(self.gid))
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        let dumpable = privilege::is_dumpable()?;
        privilege::keep_permitted()?;
        if self.leave_groups {
            privilege::leave_groups()?;
        }
        if let Some(gid) = self.gid {
            privilege::become_group(gid)?;
        }
        if let Some(uid) = self.uid {
            privilege::become_user(uid)?;
        }
        privilege::raise_permitted()?;
        // A change of ids gives /proc/PID to root, proc(5), and the process would not find its own descriptors there.
        if dumpable { privilege::dumpable() } else { Ok(()) }
    }
    fn object(&self, _: u32) -> String {
        self.describe()
    }
}
