//! Other ids without a user namespace: really becoming them, which only root can. What is permitted stays, as the steps
//! that follow need it.

use super::{Context, Step};
use crate::error::Failure;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::Namespace;
use crate::sys::privilege;

pub struct Ids {
    uid: Option<u32>,
    gid: Option<u32>,
}

/// Planned when an id is asked for and no map gives it.
pub fn plan(policy: &Policy, wanted: &Wanted) -> Option<Ids> {
    let (uid, gid) = (policy.uid.map(|id| id.0), policy.gid.map(|id| id.0));
    (!wanted.is_new(Namespace::User) && (uid.is_some() || gid.is_some())).then_some(Ids { uid, gid })
}

impl Step for Ids {
    fn name(&self) -> &'static str {
        "ids"
    }
    fn describe(&self) -> String {
        let show = |id: Option<u32>| id.map_or_else(|| "as it is".into(), |id| id.to_string());
        format!("uid {}, gid {}, no supplementary groups", show(self.uid), show(self.gid))
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        privilege::keep_permitted()?;
        privilege::become_ids(self.uid, self.gid)?;
        privilege::raise_permitted()
    }
    fn object(&self, _: u32) -> String {
        self.describe()
    }
}
