//! Who builds the sandbox: the library inside the program, or the launcher around it.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, IntoRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use sandbox_core::error::PolicyError;
use sandbox_core::host::Host;
use sandbox_core::policy::Policy;
use sandbox_core::policy::types::Namespace;
use sandbox_core::setting::{self, Assignment, Origin};
use sandbox_core::step::mounts;
use sandbox_core::step::program::Image;
use sandbox_core::sys::file;

use crate::error::Error;
use crate::target::{Target, Trouble};

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The library where it can be shown to be the first to run, otherwise the launcher.
    Auto,
    /// The library, or nobody.
    Preload,
    /// The launcher.
    Exec,
}

impl Route {
    pub fn named(name: &OsStr) -> Option<Self> {
        match name.as_bytes() {
            b"auto" => Some(Route::Auto),
            b"preload" => Some(Route::Preload),
            b"exec" => Some(Route::Exec),
            _ => None,
        }
    }

    /// Whether the launcher builds it.
    ///
    /// # Errors
    /// The library is asked for, and cannot be the first to run.
    pub fn is_exec(self, target: &mut Target) -> Result<bool, Error> {
        match (self, target.unheld.take()) {
            (Route::Exec, _) => Ok(true),
            (_, None) => Ok(false),
            (Route::Preload, Some((path, why))) => Err(Error::Target { path, why }),
            (Route::Auto, unheld) => {
                target.unheld = unheld;
                Ok(true)
            }
        }
    }
}

/// The settings by which what the program needs to start is seen inside, where the policy hides it: its file and its
/// interpreters, and nothing beside them. What the library is loaded into is in memory, but for the scripts.
///
/// # Errors
/// As `mounts::shows`.
pub fn made_visible(
    target: &Target,
    is_exec: bool,
    policy: &Policy,
    host: &Host,
) -> Result<Vec<Assignment>, PolicyError> {
    // In another tree its own are meant.
    if target.of_tree {
        return Ok(Vec::new());
    }
    let program = PathBuf::from(OsStr::from_bytes(target.path.to_bytes()));
    let in_memory = if is_exec { 0 } else { 1 + usize::from(target.loader.is_some()) };
    let needed: Vec<_> = [&program]
        .into_iter()
        .chain(target.interpreters.iter().map(|interpreter| &interpreter.path))
        .chain(&target.loader)
        .collect();
    let needed = needed.get(..needed.len().saturating_sub(in_memory)).unwrap_or_default();
    let mut binds: Vec<Assignment> = Vec::new();
    for path in needed {
        // What has no name, as a file in memory, is executed by descriptor.
        let (Ok(literal), Ok(real)) = (std::path::absolute(path), path.canonicalize()) else { continue };
        let of_proc = [Path::new("/proc"), Path::new("/dev")].iter().any(|dir| literal.starts_with(dir));
        for name in [&literal, &real].into_iter().skip(usize::from(of_proc)) {
            if !mounts::shows(policy, host, name.as_os_str().as_bytes())? {
                binds.extend(bind(&real, name)?);
                break;
            }
        }
    }
    Ok(binds)
}

fn bind(source: &Path, target: &Path) -> Result<Option<Assignment>, PolicyError> {
    let escaped = |path: &Path| -> Vec<u8> {
        let special = |&byte: &u8| matches!(byte, b':' | b'\\');
        path.as_os_str()
            .as_bytes()
            .iter()
            .flat_map(|byte| special(byte).then_some(b'\\').into_iter().chain([*byte]))
            .collect()
    };
    let setting = setting::named("bind-ro").ok_or_else(|| PolicyError::unknown("bind-ro", Origin::Flag))?;
    let text = [&escaped(source)[..], b":", &escaped(target)].concat();
    Ok(Some(Assignment { setting, text, origin: Origin::Flag }))
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
    let path = || sandbox_core::setting::text::show(target.path.to_bytes());
    // Mounts of the sandbox's own are nosuid; the host's are not.
    let shares_mounts = policy.share.items().contains(&Namespace::Mount);
    match &target.unheld {
        Some((_, why @ (Trouble::SetId | Trouble::FileCapabilities)))
            if policy.allow_new_privs.on() && shares_mounts =>
        {
            let why = if matches!(why, Trouble::SetId) { Trouble::SetId } else { Trouble::FileCapabilities };
            return Err(Error::Target { path: path(), why });
        }
        _ => {}
    }
    let file: OwnedFd = file::above_standard(target.file.as_fd()).map_err(|failure| Error::Target {
        path: path(),
        why: Trouble::Exec(nix::errno::Errno::from_raw(failure.errno)),
    })?;
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
    // From here on the engine's.
    let fd = file.into_raw_fd();
    Ok(Image { fd, names, of_tree: target.of_tree, is_script, arguments, environment })
}
