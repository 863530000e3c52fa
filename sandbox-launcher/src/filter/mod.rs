//! Policies of the system call filter that are texts: compiled here, so that the library gets a program and no language
//! rides in every target.

pub mod oci;
pub mod show;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sandbox_core::error::PolicyError;
use sandbox_core::policy::Policy;
use sandbox_core::policy::types::{Capability, FilterChoice};
#[cfg(test)]
use sandbox_core::seccomp::eval; // for the evaluator's tests, which are the engine's too
use sandbox_core::seccomp::{self, Filter};
use sandbox_core::setting::value::Text;
use sandbox_core::setting::{self, Assignment, Origin};
use sandbox_kafel::source::{Mistake, Source};

use crate::error::{Error, system_text};
use oci::Surroundings;

/// No policy that somebody wrote is larger; what is was not meant as one.
const MAX_SIZE: usize = 1 << 20;

/// The same assignments with a compiled filter in the place of a policy's text or file, and that filter. Files named in
/// a policy file are relative to its directory.
///
/// # Errors
/// A policy that cannot be read or meant, and two where there can be one.
pub fn resolve(all: Vec<Assignment>, policy_file: Option<&Path>) -> Result<(Vec<Assignment>, Option<Filter>), Error> {
    let chooses = |assignment: &&Assignment| matches!(assignment.setting.name, "seccomp" | "seccomp-string");
    let Some(strongest) = all.iter().filter(chooses).max_by_key(|assignment| assignment.origin).cloned() else {
        return Ok((all, None));
    };
    let rival = |a: &Assignment| a.origin == strongest.origin && a.setting.name != strongest.setting.name;
    if all.iter().filter(chooses).any(rival) {
        let what = strongest.origin.spell("seccomp-string");
        return Err(PolicyError::conflict(
            &what,
            format!("{} chooses a filter too", strongest.origin.spell("seccomp")),
        )
        .into());
    }
    // The rest of the policy decides about a profile's conditions; a mistake in it is found before this one's.
    let policy = Policy::new(&all)?;
    let source = match (strongest.setting.name, FilterChoice::parse(&strongest.text)) {
        ("seccomp", Ok(FilterChoice::File(path))) => {
            let path = Path::new(OsStr::from_bytes(path.to_bytes()));
            let base = policy_file.filter(|_| strongest.origin == Origin::File).and_then(Path::parent);
            Some(Written::File(base.unwrap_or(Path::new("")).join(path)))
        }
        // A name, or a program already.
        ("seccomp", _) => None,
        _ => Some(Written::Given(strongest.text.clone())),
    };
    let (text, filter) = match source {
        None => (None, None),
        Some(source) => {
            let filter = compile(source, strongest.origin, &policy)?;
            let program = seccomp::compile(&filter).map_err(|error| {
                PolicyError::conflict(&strongest.origin.spell(strongest.setting.name), error.to_string())
            })?;
            (Some(FilterChoice::compiled(&program).show()), Some(filter))
        }
    };
    let setting = setting::named("seccomp").ok_or_else(|| PolicyError::unknown("seccomp", strongest.origin))?;
    let text = text.unwrap_or(strongest.text);
    let mut rest: Vec<Assignment> = all.into_iter().filter(|assignment| !chooses(&assignment)).collect();
    rest.push(Assignment { setting, text, origin: strongest.origin });
    // Precedence is their order; that of one origin's different settings means nothing.
    rest.sort_by_key(|assignment| assignment.origin);
    Ok((rest, filter))
}

/// Where a policy is.
enum Written {
    File(PathBuf),
    Given(Vec<u8>),
}

fn compile(text: Written, origin: Origin, policy: &Policy) -> Result<Filter, Error> {
    let wrong = |mistake: Mistake| Error::Filter(mistake.to_string());
    match text {
        Written::Given(bytes) => {
            let name = origin.spell("seccomp-string");
            let text = String::from_utf8(bytes).map_err(|_| Error::Filter(format!("{name}: not UTF-8")))?;
            sandbox_kafel::compile(Source { name, text }, &read).map_err(wrong)
        }
        Written::File(path) => {
            let name = path.display().to_string();
            let text = read(&path).map_err(|why| Error::Filter(format!("{name}: {why}")))?;
            let source = Source { name, text };
            let is_json = path.extension().is_some_and(|extension| extension == "json");
            if is_json || source.text.trim_start().starts_with('{') {
                oci::compile(&source, &surroundings(policy)?).map_err(wrong)
            } else {
                sandbox_kafel::compile_file(source, &path, &read).map_err(wrong)
            }
        }
    }
}

fn surroundings(policy: &Policy) -> Result<Surroundings, Error> {
    let kept = policy.cap_keep.items().iter().fold(0, |set, Capability(number)| set | 1 << number);
    let release = nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned());
    let kernel = release.ok().as_deref().and_then(oci::kernel);
    let kernel = kernel.ok_or_else(|| Error::Filter("uname: the kernel's version cannot be read".into()))?;
    Ok(Surroundings { kept, kernel })
}

/// The text of a file, of a size that can be meant.
fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| system_text(&error))?;
    // Neither a pipe without an end nor a device.
    if !file.metadata().map_err(|error| system_text(&error))?.is_file() {
        return Err("not a file".into());
    }
    file.take(MAX_SIZE as u64 + 1).read_to_end(&mut bytes).map_err(|error| system_text(&error))?;
    if bytes.len() > MAX_SIZE {
        return Err("larger than 1 MiB".into());
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8".into())
}
