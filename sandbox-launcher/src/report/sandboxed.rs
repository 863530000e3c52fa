//! The witness inside: the launcher itself, in the place of the program.

use std::convert::Infallible;
use std::ffi::OsStr;

use sandbox_core::error::PolicyError;
use sandbox_core::setting::{self, Assignment, Origin};

use super::Report;
use crate::asked::{Asked, examine};
use crate::error::Error;
use crate::route::{Route, preload, watch};
use crate::target::Trouble;

/// The launcher itself, where a program of its own is to be looked at inside.
const OWN_FILE: &str = "/proc/self/exe";
/// Settings of a run, and not of the sandbox that a program finds itself in.
const OF_THE_RUN: &[&str] = &["time-limit", "status-fd", "stats", "log-file", "log-level"];

/// What the sandbox that was asked for changes.
///
/// # Errors
/// As `Report::make`; and what hinders the program that was named, or the witness, from being run.
pub fn of(asked: &Asked) -> Result<Report, Error> {
    let environment = asked.environment();
    let own = OsStr::new(OWN_FILE);
    {
        // Closed again before descriptors are counted.
        let library = asked.library()?;
        if !asked.invocation.program.is_empty() {
            asked.examine(&library, &environment)?;
        }
        let mut witness = examine(own, &[], &library, &environment)?;
        Route::Preload.is_inside(&mut witness)?;
    }
    let kept = setting::named("keep-fd").ok_or_else(|| PolicyError::unknown("keep-fd", Origin::Flag))?;
    let become_witness = |number: i32, arguments: Vec<String>| -> Result<Infallible, Error> {
        let of_sandbox = |said: &&Assignment| !OF_THE_RUN.contains(&said.setting.name);
        let mut said: Vec<Assignment> = asked.assignments.iter().filter(of_sandbox).cloned().collect();
        said.push(Assignment { setting: kept, text: number.to_string().into_bytes(), origin: Origin::Flag });
        let library = asked.library()?;
        let target = examine(own, &[], &library, &environment)?;
        let word = preload::word(&library, &target)?;
        let watcher = watch::start(&word, &target)
            .map_err(|failure| Error::Target { path: target.name(), why: Trouble::Unwatched(failure) })?;
        let arguments = arguments.into_iter().map(String::into_bytes).collect();
        let settings = setting::merged(&said)?;
        let who = (&*word, &target, watcher);
        let environments = (environment.clone(), &*asked.caller);
        preload::hand_over((&asked.policy, &asked.plan), who, &settings, arguments, environments)
    };
    let become_witness = |number, arguments| match become_witness(number, arguments) {
        Err(error) => error,
        Ok(never) => match never {},
    };
    Report::make(asked.policy.time_limit.map(|limit| limit.0), become_witness)
}
