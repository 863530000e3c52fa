//! The id maps of the user namespace: until they are written no id is valid in it, user_namespaces(7).

use std::ffi::CStr;

use super::{Context, Step};
use crate::error::Failure;
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::Namespace;
use crate::sys::file;

pub struct IdMap {
    uid: String,
    gid: String,
}

/// The caller's own ids, as the ids asked for: the only map an unprivileged process may write itself.
pub fn plan(policy: &Policy, host: &Host, wanted: &Wanted) -> Option<IdMap> {
    let map = |inside: Option<u32>, outside: u32| format!("{} {outside} 1", inside.unwrap_or(outside));
    wanted
        .is_new(Namespace::User)
        .then(|| IdMap { uid: map(policy.uid.map(|id| id.0), host.uid), gid: map(policy.gid.map(|id| id.0), host.gid) })
}

const FILES: [&CStr; 3] = [c"/proc/self/setgroups", c"/proc/self/uid_map", c"/proc/self/gid_map"];

impl Step for IdMap {
    fn name(&self) -> &'static str {
        "id maps"
    }
    fn describe(&self) -> String {
        format!("setgroups deny, uid_map \"{}\", gid_map \"{}\"", self.uid, self.gid)
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        // setgroups first: without its denial the kernel refuses an unprivileged gid map (CVE-2014-8989).
        let texts = ["deny", &self.uid, &self.gid];
        for (number, (path, text)) in FILES.iter().zip(texts).enumerate() {
            file::write_file(path, text.as_bytes()).map_err(|failure| failure.on(number))?;
        }
        Ok(())
    }
    fn object(&self, number: u32) -> String {
        FILES.get(number as usize).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
    }
}
