//! By which route a program is started, and the start.

use std::convert::Infallible;

use sandbox_core::error::PolicyError;
use sandbox_core::host::Host;
use sandbox_core::plan::Plan;
use sandbox_core::policy::Policy;
use sandbox_core::setting::{self, Assignment};

use crate::cli::Invocation;
use crate::error::Error;
use crate::launch::{arguments, examine, library, target_environment};
use crate::library::Library;
use crate::observe;
use crate::route::exec::Around;
use crate::route::layered::{Given, Layered};
use crate::route::{Route, preload, visible, watch};
use crate::target::{Target, Trouble};

/// What is known before it is decided who builds the sandbox.
pub struct Start<'a> {
    pub invocation: &'a Invocation,
    pub policy: &'a Policy,
    pub host: &'a Host,
    pub library: &'a Library,
    /// The program's.
    pub environment: &'a [Vec<u8>],
    pub assignments: &'a [Assignment],
    /// Somebody is to be asked about calls of the program's.
    pub observed: bool,
}

/// A program that is executed inside, and who has built what it is in.
#[expect(clippy::large_enum_variant, reason = "there is one, and it is not moved about")]
pub enum Inside {
    /// The launcher.
    Exec(Around, Plan),
    /// The launcher, and then the library.
    Layered(Layered),
}

impl Start<'_> {
    /// How `target` is executed inside. By route auto it is both where the launcher alone cannot do what is asked for.
    ///
    /// # Errors
    /// It cannot be; where neither can, what hinders the launcher.
    pub fn inside(&self, target: Target) -> Result<Inside, Error> {
        let &Self { invocation, policy, host, environment, .. } = self;
        if invocation.route == Route::Layered {
            return self.layered(target).map(Inside::Layered);
        }
        let around = Around::new(target, policy, host, arguments(invocation), environment.to_vec())?;
        let refused = match around.plan(policy.clone(), host) {
            Ok(plan) => return Ok(Inside::Exec(around, plan)),
            Err(refused) => refused,
        };
        if invocation.route == Route::Auto
            && let Ok(layered) =
                examine(invocation, policy, self.library, environment).and_then(|target| self.layered(target))
            && layered.plan(host).is_ok()
        {
            return Ok(Inside::Layered(layered));
        }
        Err(refused.into())
    }

    fn layered(&self, target: Target) -> Result<Layered, Error> {
        let &Self { invocation, policy, host, library, environment, .. } = self;
        if self.observed {
            let why = "route layered asks about the program's beginning, and a process has one who is asked";
            return Err(PolicyError::conflict("observe", why).into());
        }
        let settings = setting::merged(self.assignments)?;
        let (arguments, environment) = (arguments(invocation), environment.to_vec());
        Layered::new(target, library, Given { policy, host, settings: &settings, arguments, environment })
    }

    /// Becomes what supervises the program.
    fn run(
        &self,
        target: Target,
        observer: impl FnOnce() -> Result<Option<observe::Started>, Error>,
    ) -> Result<Infallible, Error> {
        match self.inside(target)? {
            Inside::Exec(around, plan) => around.run(plan, self.policy, self.host, observer),
            Inside::Layered(layered) => layered.run(self.host),
        }
    }
}

/// Becomes the target, or what supervises it. Every check comes before the first change.
///
/// # Errors
/// It cannot be held, or is not executed.
pub fn execute(
    invocation: &Invocation,
    (policy, host, plan): (&Policy, &Host, &Plan),
    caller: &[Vec<u8>],
    assignments: &[Assignment],
    task: Option<observe::Task>,
) -> Result<Infallible, Error> {
    let library = library(invocation)?;
    let environment = target_environment(policy, caller);
    let mut target = examine(invocation, policy, &library, &environment)?;
    let observed = task.is_some();
    let start = Start { invocation, policy, host, library: &library, environment: &environment, assignments, observed };
    let begin = |task: Option<observe::Task>| task.map(observe::Task::start).transpose().map(Option::flatten);
    if invocation.route.is_inside(&mut target)? {
        return start.run(target, || begin(task));
    }
    let word = preload::word(&library, &target)?;
    let settings = [assignments, &visible::settings(&target, false, policy, host)?].concat();
    let mut settings = setting::merged(&settings)?;
    // Before this process is watched: whoever is traced cannot be observed.
    let observer = begin(task)?;
    if let Some(observer) = &observer {
        settings.extend(observer.settings()?);
    }
    match watch::start(&word, &target) {
        Ok(watcher) => {
            let who = (&*word, &target, watcher);
            preload::hand_over((policy, plan), who, &settings, arguments(invocation), (environment, caller))
        }
        Err(failure) => {
            target.unheld = Some((target.name(), Trouble::Unwatched(failure)));
            // Route preload ends here.
            invocation.route.is_inside(&mut target)?;
            start.run(target, || Ok(observer))
        }
    }
}
