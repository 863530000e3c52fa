//! Which ids there are, which of them the program gets, and who has to write the maps. Pure.

use std::ffi::CString;

use super::ranges;
use crate::delegation::{Delegation, SubRange, covers};
use crate::error::PolicyError;
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::{IdRange, Namespace};

/// CAP_SETGID, include/uapi/linux/capability.h
const SETGID: u64 = 1 << 6;

/// Who may write a map, user_namespaces(7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The process in the namespace: its own one id, and nothing else.
    Own,
    /// A process outside, with CAP_SETUID or CAP_SETGID there.
    Outside,
    /// A set-user-ID tool, run by a process outside.
    Tool(CString),
}

/// One map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    pub ranges: Vec<IdRange>,
    pub writer: Writer,
    /// The id to become, where it is not the one that the caller's own is called.
    pub becomes: Option<u32>,
}

impl Map {
    /// What the id to become is outside; absent where the caller's own stays.
    pub fn outside(&self) -> Option<u32> {
        let id = self.becomes?;
        let range = self.ranges.iter().find(|range| range.has_inside(id))?;
        Some(range.outside + (id - range.inside))
    }
}

/// Both maps, and what becomes of supplementary groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maps {
    pub uid: Map,
    pub gid: Map,
    /// setgroups(2) is denied for good before the map of groups is there; afterwards the kernel does not.
    pub deny_setgroups: bool,
    /// It is allowed, and used to leave the caller's groups.
    pub leave_groups: bool,
}

/// One of the two: its settings, and what the host says of them.
struct Kind<'a> {
    setting: &'static str,
    ranges: &'a [IdRange],
    chooses: &'static str,
    chosen: Option<u32>,
    own: u32,
    given: &'a [SubRange],
    file: &'static str,
    option: &'static str,
    tool: Option<&'a CString>,
    usual: &'static std::ffi::CStr,
}

/// Absent without a new user namespace.
///
/// # Errors
/// Maps that the kernel would refuse or the caller may not have, and ids that they do not have.
pub fn decide(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<Option<Maps>, PolicyError> {
    let none = Delegation::default();
    let delegation = host.delegation.as_ref().unwrap_or(&none);
    let uid = Kind {
        setting: "uid-map",
        ranges: policy.uid_map.items(),
        chooses: "uid",
        chosen: policy.uid.map(|id| id.0),
        own: host.uid,
        given: &delegation.uids,
        file: "/etc/subuid",
        option: "--add-subuids",
        tool: delegation.newuidmap.as_ref(),
        usual: c"/usr/bin/newuidmap",
    };
    let gid = Kind {
        setting: "gid-map",
        ranges: policy.gid_map.items(),
        chooses: "gid",
        chosen: policy.gid.map(|id| id.0),
        own: host.gid,
        given: &delegation.gids,
        file: "/etc/subgid",
        option: "--add-subgids",
        tool: delegation.newgidmap.as_ref(),
        usual: c"/usr/bin/newgidmap",
    };
    if !wanted.is_new(Namespace::User) {
        return match [&uid, &gid].into_iter().find(|kind| !kind.ranges.is_empty()) {
            Some(kind) => Err(PolicyError::conflict(kind.setting, "needs the user namespace that share does not make")),
            None => Ok(None),
        };
    }
    let (uid, gid) = (uid.map(host, delegation)?, gid.map(host, delegation)?);
    // CVE-2014-8989: who leaves a group may gain what it is kept from. So the kernel lets nobody write a map of groups who
    // may not set them anyway, unless it has been made sure that they are never set; and newgidmap (since CVE-2018-7169)
    // leaves setgroups allowed only with ranges that the host gave away. Then it is better to leave the caller's groups, and
    // CAP_SETGID with the other capabilities, than to keep both.
    let (deny_setgroups, leave_groups) = match gid.writer {
        Writer::Own => (true, false),
        Writer::Outside => (wanted.kept(policy) & SETGID == 0, false),
        Writer::Tool(_) => (false, delegation.setgroups),
    };
    Ok(Some(Maps { uid, gid, deny_setgroups, leave_groups }))
}

impl Kind<'_> {
    fn map(&self, host: &Host, delegation: &Delegation) -> Result<Map, PolicyError> {
        if self.ranges.is_empty() {
            // The caller's own id, under the name asked for: there is nothing else to become.
            let only = IdRange { inside: self.chosen.unwrap_or(self.own), outside: self.own, count: 1 };
            return Ok(Map { ranges: vec![only], writer: Writer::Own, becomes: None });
        }
        ranges::check(self.setting, self.ranges)?;
        let own = self.ranges.iter().find_map(|range| range.into_inside(self.own));
        let becomes = match (self.chosen, own) {
            (Some(id), _) if !self.ranges.iter().any(|range| range.has_inside(id)) => {
                return Err(PolicyError::conflict(self.chooses, format!("{} maps no id to {id}", self.setting)));
            }
            (None, None) => {
                let why = format!("the caller's own id {} is not mapped", self.own);
                let hint = format!("choose with --{} whom the program runs as", self.chooses);
                return Err(PolicyError::conflict(self.setting, why).with_hint(hint));
            }
            (chosen, own) => chosen.filter(|&id| own != Some(id)),
        };
        Ok(Map { ranges: self.ranges.to_vec(), writer: self.writer(host, delegation)?, becomes })
    }

    fn is_own(&self, range: &IdRange) -> bool {
        (range.outside, range.count) == (self.own, 1)
    }

    fn writer(&self, host: &Host, delegation: &Delegation) -> Result<Writer, PolicyError> {
        if let [only] = self.ranges
            && self.is_own(only)
        {
            return Ok(Writer::Own);
        }
        if host.maps_any {
            return Ok(Writer::Outside);
        }
        // Without a name that is known here the tool may still know one, and ranges of other sources it knows alone.
        if let (Some(name), false) = (&delegation.name, delegation.elsewhere)
            && let Some(range) = self.ranges.iter().find(|range| !self.is_own(range) && !covers(self.given, range))
        {
            let (first, last) = (range.outside, range.last_outside());
            let why =
                format!("{}: {} does not give {name} all of the ids {first} to {last}", range.spelled(), self.file);
            let hint = format!("as root: usermod {} {first}-{last} {name}", self.option);
            return Err(PolicyError::conflict(self.setting, why).with_hint(hint));
        }
        Ok(Writer::Tool(self.tool.cloned().unwrap_or_else(|| self.usual.into())))
    }
}
