//! Route preload: the launcher hands over to the library, which builds the sandbox inside the program.

use std::convert::Infallible;
use std::os::fd::AsFd;

use nix::fcntl::AtFlags;
use sandbox_core::enter;
use sandbox_core::error::{Refusal, SetupError};
use sandbox_core::plan::Plan;
use sandbox_core::policy::Policy;
use sandbox_core::step::{self, Step};
use sandbox_core::sys::privilege;

use crate::environment::{c_strings, with_home, with_sandbox};
use crate::error::Error;
use crate::library::Library;
use crate::print::{self, Merged};
use crate::target::{Target, Trouble};

/// What LD_PRELOAD is to say.
///
/// # Errors
/// A descriptor that is needed for it cannot be had.
pub fn word(library: &Library, target: &Target) -> Result<Vec<u8>, Error> {
    library.inherited_word().map_err(|errno| Error::Target { path: target.name(), why: Trouble::Exec(errno) })
}

/// Executes the program that the library makes the target. Returns only when that cannot be.
///
/// # Errors
/// What cannot be handed on, or is not executed.
pub fn hand_over(
    (policy, plan): (&Policy, &Plan),
    (word, target, watcher): (&[u8], &Target, i32),
    settings: &[Merged],
    arguments: Vec<Vec<u8>>,
    (environment, caller): (Vec<Vec<u8>>, &[Vec<u8>]),
) -> Result<Infallible, Error> {
    let failed = |errno| Error::Target { path: target.name(), why: Trouble::Exec(errno) };
    let mut environment = with_sandbox(with_home(environment, caller)?, settings, word);
    environment.extend([enter::named(target.path.to_bytes()), enter::watched_by(watcher)]);
    print::can_be_handed_on(&environment)?;
    let (arguments, environment) = (c_strings(target.arguments(arguments)), c_strings(environment));
    if !policy.allow_new_privs.on() && !plan.needs_tool() {
        // Before execve, so that no image on the way gains privileges and with them the right to ignore LD_PRELOAD.
        privilege::no_new_privs().map_err(|failure| Refusal::from(SetupError::new("privileges", failure, "")))?;
    }
    if let Some(personality) = step::personality::plan(policy)? {
        // Before execve, which most of its flags are about.
        let failed = |failure| Refusal::from(SetupError::new("personality", failure, personality.describe()));
        personality.set().map_err(failed)?;
    }
    // What was looked at, and not whatever its name leads to by now.
    let file = target.last_file().as_fd();
    nix::unistd::execveat(file, c"", &arguments, &environment, AtFlags::AT_EMPTY_PATH).map_err(failed)
}
