//! The current directory, by its name in the new tree.

use std::ffi::CString;

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::Namespace;
use crate::setting::text::show;
use crate::sys::call::Call;
use crate::sys::{file, mount, refused};

pub struct Cwd {
    dir: CString,
    /// Not asked for by name: `/` serves as well.
    or_root: bool,
}

/// A directory asked for must exist inside; the caller's own may not be visible there.
pub fn plan(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<Option<Cwd>, PolicyError> {
    Ok(match (&policy.cwd, wanted.is_new(Namespace::Mount), wanted.root_is_the_hosts(policy)) {
        (Some(dir), ..) => Some(Cwd { dir: dir.0.clone(), or_root: false }),
        (None, false, _) => None,
        (None, true, true) => Some(Cwd { dir: host.cwd.clone(), or_root: true }),
        (None, true, false) => Some(Cwd { dir: c"/".into(), or_root: false }),
    })
}

impl Step for Cwd {
    fn name(&self) -> &'static str {
        "cwd"
    }
    fn describe(&self) -> String {
        show(self.dir.to_bytes()) + if self.or_root { ", else /" } else { "" }
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        match mount::chdir(&self.dir) {
            Err(failure) if self.or_root && matches!(failure.errno, libc::ENOENT | libc::EACCES | libc::ENOTDIR) => {
                mount::chdir(c"/")?;
            }
            result => result?,
        }
        // CVE-2024-21626: a current directory outside the root directory leads to the host's whole tree.
        match file::getcwd()?.to_bytes().first() {
            Some(b'/') => Ok(()),
            _ => Err(refused(Call::Getcwd, libc::EXDEV)),
        }
    }
    fn object(&self, _: u32) -> String {
        show(self.dir.to_bytes())
    }
}
