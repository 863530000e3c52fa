//! What the constructor does: guard, scrub, plan, and into the jail.

mod again;
mod environment;
mod guard;
mod name;
mod run;
mod watcher;
mod within;

pub use environment::environment;
pub use guard::is_inside;
pub use name::named;
pub use watcher::watched_by;
pub use within::entry as second_stage;

use std::ffi::CStr;

use crate::error::Refusal;
use crate::exit;
use crate::host::Host;
use crate::plan::{Plan, plan};
use crate::policy::Policy;
use crate::setting::{Assignment, from_environment, is_ours};
use crate::sys::{file, process, stack};

/// Builds the jail the environment asks for, and returns inside it. Where that cannot be, the process ends with 125.
///
/// In between it has forked: the process that returns is the new one, the old one supervises it and never returns.
///
/// # Safety
/// To be called once, by the first constructor to run, while nothing refers to the initial environment.
#[allow(unsafe_code)]
pub unsafe fn from_constructor() {
    // SAFETY: the caller's promise is this function's.
    if let Err(refusal) = unsafe { enter() } {
        file::complain(&refusal.message());
        process::exit(exit::REFUSED);
    }
}

/// Builds the jail around this process, which has one thread, and executes in it what was planned; outer is this process,
/// and ends as the program ends. Returns only why there is no jail.
pub fn around(plan: &Plan) -> Refusal {
    if guard::is_inside() {
        return Refusal::guard(
            "this process is inside a sandbox already, around which there can be no other by route exec",
            "what is started inside has the sandbox around it: start the program itself",
        );
    }
    match guard::is_alone().and_then(|()| run::run(plan, None)) {
        Err(refusal) => refusal,
        // Inner becomes the program or ends.
        Ok(()) => process::exit(exit::REFUSED),
    }
}

#[allow(unsafe_code)]
unsafe fn enter() -> Result<(), Refusal> {
    guard::environment_can_be_trusted()?;
    // SAFETY: the caller's promise.
    let found = unsafe { stack::Initial::find() };
    let Some(mut initial) = found else {
        return Err(Refusal::guard("the initial stack was not found", "this needs glibc's loader"));
    };
    let own = stack::own_object();
    name::restore(&mut initial)?;
    let is_setting = |entry: &&[u8]| {
        !again::is_padding(entry) && !name::is_name(entry) && !watcher::is_watcher(entry) && !within::is_stage(entry)
    };
    let watcher = watcher::of(&initial.entries());
    let is_second = initial.entries().into_iter().any(within::is_stage);
    if guard::is_inside() {
        let assignments = from_environment(initial.entries().into_iter().filter(is_setting))?;
        // What is inside stays as it is: an inherited jail is what the policy around it asked for. Anything else that is
        // asked for here cannot be given, and is not pretended.
        if is_second {
            return second(&mut initial, own, &assignments);
        }
        if !assignments.is_empty() {
            return Err(Refusal::guard(
                "this process is inside a sandbox already, and SBX_ settings ask for another",
                "remove them; what is started inside has the sandbox around it",
            ));
        }
        let mut wanted = environment::without_library(environment::owned(&initial.entries()), own);
        wanted.retain(|entry| is_setting(&entry.as_slice()));
        return initial.replace(&wanted).map_err(|_| environment::no_room());
    }
    if is_second {
        return Err(Refusal::guard(
            "a second stage is asked for, and there is no first: none of our filters is in force",
            "SBX_STAGE is for sbx-launch to set: remove it",
        ));
    }
    let assignments = from_environment(initial.entries().into_iter().filter(is_setting))?;
    guard::is_first_and_alone()?;

    let policy = Policy::new(&assignments)?;
    let caller = initial.entries();
    let host = Host::probe(environment::value_of(&caller, b"HOME"))
        .for_policy(&policy, environment::value_of(&caller, b"PATH"));
    let plan = plan(&policy, &host)?;
    let wanted = environment(&policy, &initial.entries());
    let first_name = again::name(&initial.entries());
    if let Err(overflow) = initial.replace(&environment::without_library(wanted, own)) {
        return Err(match first_name {
            None => again::execute(&initial, &overflow, policy.allow_new_privs.on()),
            Some(_) => environment::no_room(),
        });
    }
    first_name.map_or(Ok(()), again::rename)?;
    run::run(&plan, watcher)
}

/// In the jail that the launcher has built around this program: what is still to be added to it.
fn second(initial: &mut stack::Initial, own: Option<&CStr>, assignments: &[Assignment]) -> Result<(), Refusal> {
    guard::is_first()?;
    let policy = Policy::new(assignments)?;
    // Changed before the program was executed; what is ours is taken out of it here.
    let caller = environment::owned(&initial.entries());
    let mut wanted = environment::without_library(caller, own);
    wanted.retain(|entry| !is_ours(entry));
    initial.replace(&wanted).map_err(|_| environment::no_room())?;
    within::tighten(&policy)
}
