//! What a program needs to start, and is hidden inside.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sandbox_core::error::PolicyError;
use sandbox_core::host::Host;
use sandbox_core::policy::Policy;
use sandbox_core::setting::{self, Assignment, Origin};
use sandbox_core::step::mounts;

use crate::error::Error;
use crate::target::{Target, Trouble};

/// The settings by which what the program needs to start is seen inside, where the policy hides it: its file and its
/// interpreters, and nothing beside them. What the library is loaded into is in memory, but for the scripts.
///
/// # Errors
/// As `mounts::shows`; or a name that cannot be followed.
pub fn settings(target: &Target, is_exec: bool, policy: &Policy, host: &Host) -> Result<Vec<Assignment>, Error> {
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
    let needed: Vec<PathBuf> = needed.iter().map(|path| path.to_path_buf()).collect();
    Ok(assignments(&binds(&needed, &target.name(), policy, host)?)?)
}

/// The files among these, which `program` needs, that are hidden: each with the name that it must have inside.
///
/// # Errors
/// As `mounts::shows`; or a name that cannot be followed.
pub fn binds(
    needed: &[PathBuf],
    program: &str,
    policy: &Policy,
    host: &Host,
) -> Result<Vec<(PathBuf, PathBuf)>, Error> {
    let mut binds: Vec<(PathBuf, PathBuf)> = Vec::new();
    for path in needed {
        let unusable = |error| Error::Target { path: program.into(), why: Trouble::Unusable(error) };
        let real = match path.canonicalize() {
            // What has no name, as a file in memory, is executed by descriptor.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            real => real.map_err(unusable)?,
        };
        let literal = std::path::absolute(path).map_err(unusable)?;
        let of_proc = [Path::new("/proc"), Path::new("/dev")].iter().any(|dir| literal.starts_with(dir));
        for name in [&literal, &real].into_iter().skip(usize::from(of_proc)) {
            if !mounts::shows(policy, host, name.as_os_str().as_bytes())? {
                binds.push((real.clone(), name.clone()));
                break;
            }
        }
    }
    Ok(binds)
}

/// The settings by which they are seen.
///
/// # Errors
/// None that is known: the setting is there.
pub fn assignments(binds: &[(PathBuf, PathBuf)]) -> Result<Vec<Assignment>, PolicyError> {
    binds.iter().filter_map(|(source, target)| bind(source, target).transpose()).collect()
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
