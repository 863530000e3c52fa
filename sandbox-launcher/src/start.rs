//! By which route a program is started, and the start.

use std::convert::Infallible;

use sandbox_core::error::PolicyError;
use sandbox_core::plan::Plan;
use sandbox_core::policy::Policy;
use sandbox_core::setting;
use sandbox_core::sys::call::Call;

use crate::asked::Asked;
use crate::error::Error;
use crate::library::Library;
use crate::observe;
use crate::route::exec::Around;
use crate::route::layered::{Given, Layered};
use crate::route::{Route, preload, visible, watch};
use crate::target::{Target, Trouble};

/// What is known before it is decided who builds the sandbox.
pub struct Start<'a> {
    pub asked: &'a Asked,
    /// As it was asked for, and the observer.
    pub policy: &'a Policy,
    pub library: &'a Library,
    /// The program's.
    pub environment: &'a [Vec<u8>],
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
        let &Self { asked, policy, library, environment, .. } = self;
        let (route, host) = (asked.invocation.route, &asked.host);
        if route == Route::Layered {
            return self.layered(target).map(Inside::Layered);
        }
        let around = Around::new(target, policy, host, asked.arguments(), environment.to_vec())?;
        let refused = match around.plan(policy.clone(), host) {
            Ok(plan) => return Ok(Inside::Exec(around, plan)),
            Err(refused) => refused,
        };
        if route == Route::Auto
            && let Ok(layered) = asked.examine(library, environment).and_then(|target| self.layered(target))
            && layered.plan(host).is_ok()
        {
            return Ok(Inside::Layered(layered));
        }
        Err(refused.into())
    }

    fn layered(&self, target: Target) -> Result<Layered, Error> {
        let &Self { asked, policy, library, environment, .. } = self;
        if self.observed {
            let why = "route layered asks about the program's beginning, and a process has one who is asked";
            return Err(PolicyError::conflict("observe", why).into());
        }
        let (arguments, environment) = (asked.arguments(), environment.to_vec());
        let given = Given { policy, host: &asked.host, settings: &asked.settings()?, arguments, environment };
        Layered::new(target, library, given)
    }

    /// Becomes what supervises the program.
    fn run(
        &self,
        target: Target,
        observer: impl FnOnce() -> Result<Option<observe::Started>, Error>,
    ) -> Result<Infallible, Error> {
        match self.inside(target)? {
            Inside::Exec(around, plan) => around.run(plan, self.policy, &self.asked.host, observer),
            Inside::Layered(layered) => layered.run(&self.asked.host),
        }
    }
}

/// Becomes the target, or what supervises it. Every check comes before the first change.
///
/// # Errors
/// It cannot be held, or is not executed.
pub fn execute(asked: &Asked, task: Option<observe::Task>) -> Result<Infallible, Error> {
    let Asked { invocation, policy, host, .. } = asked;
    let library = asked.library()?;
    let environment = asked.environment();
    let mut target = asked.examine(&library, &environment)?;
    let start = Start { asked, policy, library: &library, environment: &environment, observed: task.is_some() };
    let begin = |task: Option<observe::Task>| task.map(observe::Task::start).transpose().map(Option::flatten);
    if invocation.route.is_inside(&mut target)? {
        return start.run(target, || begin(task));
    }
    let word = preload::word(&library, &target)?;
    let settings = [&*asked.assignments, &visible::settings(&target, false, policy, host)?].concat();
    let mut settings = setting::merged(&settings)?;
    // Before this process is watched: whoever is traced cannot be observed.
    let observer = begin(task)?;
    if let Some(observer) = &observer {
        settings.extend(observer.settings()?);
    }
    match watch::start(&word, &target) {
        Ok(watcher) => {
            let who = (&*word, &target, watcher);
            let environments = (environment, &*asked.caller);
            preload::hand_over((policy, &asked.plan), who, &settings, asked.arguments(), environments)
        }
        // Nothing is known of who was to watch: perhaps this process is watched, and that one ends with it.
        Err(failure) if failure.call == Call::Recv => {
            Err(Error::Target { path: target.name(), why: Trouble::Unwatched(failure) })
        }
        Err(failure) => {
            target.unheld = Some((target.name(), Trouble::Unwatched(failure)));
            // Route preload ends here.
            invocation.route.is_inside(&mut target)?;
            start.run(target, || Ok(observer))
        }
    }
}
