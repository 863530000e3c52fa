//! Route exec: the launcher builds the sandbox and executes the program inside.

use std::convert::Infallible;
use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, IntoRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use sandbox_core::enter;
use sandbox_core::error::{PolicyError, Refusal, SetupError};
use sandbox_core::host::Host;
use sandbox_core::plan::{self, Plan};
use sandbox_core::policy::Policy;
use sandbox_core::policy::types::Namespace;
use sandbox_core::setting::Assignment;
use sandbox_core::step::program::{self, Image};
use sandbox_core::sys::file;

use super::visible;
use crate::environment::c_strings;
use crate::error::Error;
use crate::observe;
use crate::target::{self, Target, Trouble};

/// The program, and the settings that make visible what it needs to start.
pub struct Around {
    image: Image,
    visible: Vec<Assignment>,
}

impl Around {
    /// # Errors
    /// The program's privileges would be real; or what is said of its files' names is no policy.
    pub fn new(
        target: Target,
        policy: &Policy,
        host: &Host,
        arguments: Vec<Vec<u8>>,
        environment: Vec<Vec<u8>>,
    ) -> Result<Self, Error> {
        let visible = visible::settings(&target, true, policy, host)?;
        Ok(Self { image: image(target, policy, c_strings(arguments), c_strings(environment))?, visible })
    }

    /// # Errors
    /// As `plan::plan_around`.
    pub fn plan(&self, mut policy: Policy, host: &Host) -> Result<Plan, PolicyError> {
        policy.add(&self.visible)?;
        plan::plan_around(&policy, host, self.image.clone())
    }

    /// Becomes what supervises the program, by this plan.
    ///
    /// # Errors
    /// There is no sandbox.
    pub fn run(
        &self,
        mut plan: Plan,
        policy: &Policy,
        host: &Host,
        observer: impl FnOnce() -> Result<Option<observe::Started>, Error>,
    ) -> Result<Infallible, Error> {
        // Not started for what cannot be done.
        if let Some(observer) = observer()? {
            plan = self.plan(observer.told(policy), host)?;
        }
        Err(enter::around(&plan).into())
    }
}

/// The program as the engine executes it.
///
/// # Errors
/// Its privileges would be real; or its descriptor cannot be moved.
pub fn image(
    target: Target,
    policy: &Policy,
    arguments: Vec<CString>,
    environment: Vec<CString>,
) -> Result<Image, Error> {
    // Mounts of the sandbox's own are nosuid; the host's are not.
    if policy.allow_new_privs.on() && policy.share.items().contains(&Namespace::Mount) {
        use Trouble::{FileCapabilities, SetId, Unreadable};
        if let Some((path, why @ (SetId | FileCapabilities | Unreadable(_)))) = target.unheld {
            return Err(Error::Target { path, why });
        }
    }
    let failed = |failure| Refusal::from(SetupError::new(program::NAME, failure, target.name()));
    let file: OwnedFd = file::above_standard(target.file.as_fd()).map_err(failed)?;
    let is_script = !target.interpreters.is_empty();
    let names = match target.of_tree {
        // As it is called in that tree.
        true => arguments.first().cloned().into_iter().collect(),
        false => {
            let path = Path::new(OsStr::from_bytes(target.path.to_bytes()));
            let others = [std::path::absolute(path).ok(), path.canonicalize().ok()].into_iter().flatten();
            let others = others.filter_map(|path| CString::new(path.into_os_string().into_vec()).ok());
            let mut names: Vec<CString> = [target.path.clone()].into_iter().chain(others).collect();
            names.dedup();
            names
        }
    };
    let glibc_loads = match &target.loader {
        Some(loader) => loader == Path::new(target::LOADER),
        // Unless it was seen to have none.
        None => !matches!(&target.unheld, Some((_, Trouble::Static))),
    };
    // From here on the engine's.
    let fd = file.into_raw_fd();
    Ok(Image { fd, names, of_tree: target.of_tree, is_script, glibc_loads, arguments, environment })
}
