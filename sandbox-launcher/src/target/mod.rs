//! The program: found as execvp(3) finds it, and looked at until it is certain what the kernel and ld.so will run first.

mod find;
mod inspect;
#[cfg(test)]
mod tests;
mod trouble;

use std::ffi::{CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sandbox_core::setting::text;

use crate::early::Imports;
use crate::error::Error;
use crate::script;
use find::{executable, find};
pub use inspect::LOADER;
use inspect::{Seen, inspect};
pub use trouble::Trouble;

/// A program that was found and looked at.
#[derive(Debug)]
pub struct Target {
    /// What execve is given.
    pub path: CString,
    /// What was looked at, open: the program, and the last interpreter, where there is one.
    pub file: OwnedFd,
    pub last: Option<OwnedFd>,
    /// It was found in the tree that is to be `/`.
    pub of_tree: bool,
    /// The interpreters that the kernel starts for it, the last one an ELF program.
    pub interpreters: Vec<Interpreter>,
    /// The program interpreter that the last image names.
    pub loader: Option<PathBuf>,
    /// Why the library cannot be the first to run in it, and in which file that was found.
    pub unheld: Option<(String, Trouble)>,
}

/// One of a script's.
#[derive(Debug, PartialEq, Eq)]
pub struct Interpreter {
    pub path: PathBuf,
    pub argument: Option<Vec<u8>>,
}

impl Target {
    /// What it is called in messages.
    pub fn name(&self) -> String {
        text::show(self.path.to_bytes())
    }

    /// What is the program in the end, open: what an execve by descriptor is given.
    pub fn last_file(&self) -> &OwnedFd {
        self.last.as_ref().unwrap_or(&self.file)
    }

    /// The arguments that the kernel would make for the last interpreter (fs/binfmt_script.c).
    pub fn arguments(&self, given: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let mut script = self.path.to_bytes().to_vec();
        let mut arguments = given;
        for Interpreter { path, argument } in &self.interpreters {
            let path = path.as_os_str().as_bytes().to_vec();
            let before = [path.clone()].into_iter().chain(argument.clone()).chain([script]);
            arguments = before.chain(arguments.into_iter().skip(1)).collect();
            script = path;
        }
        arguments
    }
}

/// What decides, besides the file, what runs first.
pub struct Surroundings<'a> {
    /// PATH, where the launcher looks for the program.
    pub programs: Option<&'a OsStr>,
    /// What `/` is made of inside, where it is not the caller's.
    pub layers: &'a [PathBuf],
    /// LD_LIBRARY_PATH, as the target will have it.
    pub libraries: &'a [u8],
    /// What the library takes from other objects.
    pub imports: &'a Imports,
    /// LD_AUDIT names something.
    pub audited: bool,
}

/// Finds `name` and looks at all that runs before the library could.
///
/// # Errors
/// It is not found, or is nothing that can be executed.
pub fn examine(name: &OsStr, surroundings: &Surroundings<'_>) -> Result<Target, Error> {
    let shown = |path: &Path| text::show(path.as_os_str().as_bytes());
    let trouble = |path: &Path, why| Error::Target { path: shown(path), why };
    let (path, of_tree) = find(name, surroundings).map_err(|why| trouble(Path::new(name), why))?;
    let mut interpreters: Vec<Interpreter> = Vec::new();
    let (mut first, mut last) = (None, None);
    let (loader, unheld) = loop {
        let current = interpreters.last().map_or(&path, |interpreter| &interpreter.path);
        // The program itself was found to be executable; opening what is no regular file could wait.
        let usable = if interpreters.is_empty() { Ok(()) } else { executable(current) };
        let (file, seen) = usable.and_then(|()| inspect(current, surroundings)).map_err(|why| match why {
            Trouble::NotFound if current != &path => trouble(&path, Trouble::InterpreterNotFound(shown(current))),
            why => trouble(current, why),
        })?;
        match first {
            None => first = Some(file),
            Some(_) => last = Some(file),
        }
        match seen {
            Seen::Script(interpreter) => interpreters.push(interpreter),
            Seen::Program { loader, unheld } => break (loader, unheld.map(|why| (shown(current), why))),
        }
        if interpreters.len() > script::DEPTH_MAX {
            return Err(trouble(&path, Trouble::TooDeep));
        }
    };
    let unheld = unheld.or_else(|| surroundings.audited.then(|| (shown(&path), Trouble::Audit)));
    // Whatever came from argv or a file name has no NUL in it.
    let c_path = CString::new(path.as_os_str().as_bytes()).map_err(|_| trouble(&path, Trouble::NotFound))?;
    let file = first.ok_or_else(|| trouble(&path, Trouble::NotFound))?;
    Ok(Target { path: c_path, file, last, of_tree, interpreters, loader, unheld })
}
