//! What was asked for, read from wherever it was said, and what follows from it before the program is looked at.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use sandbox_core::enter;
use sandbox_core::error::PolicyError;
use sandbox_core::host::Host;
use sandbox_core::plan::{self, Plan};
use sandbox_core::policy::Policy;
use sandbox_core::seccomp::Filter;
use sandbox_core::setting::{self, Assignment};
use sandbox_core::sys::stack;

use crate::cli::Invocation;
use crate::environment::loader_words;
use crate::error::Error;
use crate::filter;
use crate::library::Library;
use crate::policy_file;
use crate::print::Merged;
use crate::target::{self, Surroundings, Target};
use crate::tree;

pub struct Asked {
    pub invocation: Invocation,
    /// The caller's environment.
    pub caller: Vec<Vec<u8>>,
    /// From the weakest origin to the strongest; a filter that was given in a language is compiled.
    pub assignments: Vec<Assignment>,
    /// What that filter says.
    pub filter: Option<Filter>,
    pub policy: Policy,
    pub host: Host,
    /// As the library carries it out.
    pub plan: Plan,
}

impl Asked {
    /// Reads and merges what was said, asks the kernel, and plans.
    ///
    /// # Errors
    /// Settings that cannot be read, or contradict each other.
    pub fn read(invocation: Invocation) -> Result<Self, Error> {
        let caller = stack::environment();
        let file = invocation.policy.as_deref().map(Path::new);
        let (assignments, filter) = filter::resolve(assignments(&invocation, file, &caller)?, file)?;
        let policy = Policy::new(&assignments)?;
        let (home, path) = (std::env::var_os("HOME"), std::env::var_os("PATH"));
        let host =
            Host::probe(home.as_deref().map(OsStr::as_bytes)).for_policy(&policy, path.as_deref().map(OsStr::as_bytes));
        let plan = plan::plan(&policy, &host)?;
        Ok(Self { invocation, caller, assignments, filter, policy, host, plan })
    }

    /// One value for each setting.
    pub fn settings(&self) -> Result<Vec<Merged>, PolicyError> {
        setting::merged(&self.assignments)
    }

    /// The program's arguments, its name first; none where no program was named.
    pub fn arguments(&self) -> Vec<Vec<u8>> {
        self.invocation.program.iter().map(|argument| argument.clone().into_vec()).collect()
    }

    /// The environment that the program gets.
    pub fn environment(&self) -> Vec<Vec<u8>> {
        let entries: Vec<&[u8]> = self.caller.iter().map(Vec::as_slice).collect();
        enter::environment(&self.policy, &entries)
    }

    /// The library to use.
    ///
    /// # Errors
    /// There is none, or none that can be used.
    pub fn library(&self) -> Result<Library, Error> {
        Library::find(self.invocation.library.as_deref().map(Path::new))
    }

    /// Finds the program and looks at it, as it is with that library and environment.
    ///
    /// # Errors
    /// As `target::examine`.
    pub fn examine(&self, library: &Library, environment: &[Vec<u8>]) -> Result<Target, Error> {
        let name = self.invocation.program.first().map(OsString::as_os_str).unwrap_or_default();
        examine(name, &tree::layers(&self.policy), library, environment)
    }
}

/// Every assignment, from the weakest origin to the strongest.
fn assignments(
    invocation: &Invocation,
    file: Option<&Path>,
    environment: &[Vec<u8>],
) -> Result<Vec<Assignment>, Error> {
    let mut all = file.map(policy_file::read).transpose()?.unwrap_or_default();
    all.extend(setting::from_environment(environment.iter().map(Vec::as_slice))?);
    all.extend_from_slice(&invocation.flags);
    Ok(all)
}

/// The program of that name, looked at. `layers`: what `/` is made of inside, where it is not the caller's.
///
/// # Errors
/// As `target::examine`.
pub fn examine(name: &OsStr, layers: &[PathBuf], library: &Library, environment: &[Vec<u8>]) -> Result<Target, Error> {
    let programs = std::env::var_os("PATH");
    let libraries = loader_words(environment, b"LD_LIBRARY_PATH=").join(&b':');
    let surroundings = Surroundings {
        programs: programs.as_deref(),
        layers,
        libraries: &libraries,
        imports: library.imports(),
        audited: !loader_words(environment, b"LD_AUDIT=").is_empty(),
    };
    target::examine(name, &surroundings)
}
