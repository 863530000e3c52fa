//! Saying what was refused, and finding out what a program needs: a process beside the sandbox whom the filter asks.
//!
//! It is forked before the target is executed, and only where something is to be said. The library loads a filter that
//! asks where it would have refused; outer tells the observer on which descriptor; the observer fetches it from inner,
//! runs the same programs on each call that waits, and gives the answer that the kernel would have given, or has the
//! kernel give it. If it dies, the kernel answers ENOSYS to whatever would have been asked.

mod confine;
mod decide;
mod decode;
mod explain;
pub mod learn;
mod names;
pub mod policy;
mod process;
mod serve;
pub mod symbols;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use sandbox_core::error::{Failure, PolicyError, Refusal, SetupError};
use sandbox_core::plan::Plan;
use sandbox_core::policy::Policy;
use sandbox_core::policy::types::{Fd, Namespace, Observe, SeccompAction};
use sandbox_core::seccomp::Denial;
use sandbox_core::setting::{self, Assignment, Origin, text};
use sandbox_core::step::{observer, seccomp};
use sandbox_core::sys::process::{self as processes, Forked};
use sandbox_core::sys::socket::{Channel, Message, peer_gone};
use sandbox_core::sys::{file, notify, signal, trace};

use decide::Rules;

use crate::error::{Error, system_text};
use crate::print::{self, Merged};

/// What is to be observed, and for what.
pub struct Task {
    what: Observe,
    /// Asked for by name: without it there is no run. Otherwise what is refused is refused without being told.
    asked_for: bool,
    /// Why the policy is none that can be observed.
    unfit: Option<String>,
    rules: Rules,
    /// Threads are to be held, as their calls are the kernel's to meet.
    ends_in_sigsys: bool,
    /// Without a new user namespace the target may be another user's.
    shares_user: bool,
    /// With a new pid namespace nobody is left to answer when the target has ended.
    all_end: bool,
    /// What is refused is told; otherwise only what kills is.
    tells: bool,
    lesson: Option<Lesson>,
}

/// A policy that is being learned.
pub struct Lesson {
    file: File,
    name: String,
    form: policy::Form,
    /// Those of the run, for the file.
    settings: String,
    action: Option<SeccompAction>,
    learned: learn::Learned,
}

impl Lesson {
    /// Opens the file, which may hold what earlier runs have taught.
    ///
    /// # Errors
    /// It cannot be opened or written, or is somebody else's.
    fn open(path: &OsStr, settings: &[Merged], action: Option<SeccompAction>) -> Result<Lesson, Error> {
        let name = text::show(path.as_bytes());
        let failed = |why: String| Error::Learn { file: name.clone(), why };
        let open = || {
            let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
            let mut options = File::options();
            let file = options.read(true).write(true).create(true).truncate(false).custom_flags(flags).open(path)?;
            let mut old = String::new();
            if file.metadata()?.is_file() {
                (&file).take(16 << 20).read_to_string(&mut old)?;
                Ok((file, old))
            } else {
                Err(std::io::Error::from_raw_os_error(libc::EINVAL))
            }
        };
        let (file, old) = open().map_err(|error| failed(system_text(&error)))?;
        let learned = learn::Learned::read(&old).map_err(&failed)?;
        if learned == learn::Learned::default() && !old.trim().is_empty() {
            return Err(failed("is there already, and nothing that --learn has written".into()));
        }
        let ours = |(setting, _): &&Merged| !setting.name.starts_with("seccomp");
        let settings =
            String::from_utf8_lossy(&print::policy(&settings.iter().filter(ours).cloned().collect::<Vec<_>>())?)
                .into_owned();
        Ok(Lesson { file, form: policy::Form::of(Path::new(path)), name, settings, action, learned })
    }

    /// Writes the policy: whole, or not at all.
    fn write(&self) {
        let text = policy::text(&self.learned, self.form, &self.settings, self.action);
        let written = self.file.set_len(0).and_then(|()| self.file.write_all_at(text.as_bytes(), 0));
        if let Err(error) = written {
            // ignored: a part of a policy may be none; the line says that there is nothing
            let _ = self.file.set_len(0);
            file::complain(&format!("sbx: learn: {}: {}\n", self.name, system_text(&error)));
        }
    }
}

/// What was asked for by name.
pub struct Wish {
    pub explain: bool,
    /// Where to write the policy that is learned.
    pub learn: Option<OsString>,
    /// It is not only to be printed what would be done.
    pub runs: bool,
}

/// What an observer is needed for; `None`: nothing, and nothing is started.
///
/// # Errors
/// The programs do not fit into one, when it was asked for by name.
pub fn task(wish: &Wish, policy: &Policy, plan: &Plan, settings: &[Merged]) -> Result<Option<Task>, Error> {
    // Given by hand, as the library's settings: then there is an observer already.
    if policy.observe.is_some() || policy.observer_fd.is_some() {
        return Err(PolicyError::conflict("observe", "sbx-launch sets it itself; ask by --explain or --learn").into());
    }
    let rules = Rules::of(policy)?;
    let (what, asked_for) = match wish {
        Wish { learn: Some(_), .. } => (Observe::All, true),
        Wish { explain: true, .. } => (Observe::Refusals, true),
        _ if policy.seccomp_action.is_some_and(|action| action.0 == Denial::Log) => (Observe::Refusals, false),
        _ if seccomp::ends_in_sigsys(policy) => (Observe::Kills, false),
        _ => return Ok(None),
    };
    let ends_in_sigsys = seccomp::ends_in_sigsys(policy);
    let unfit = match seccomp::plan(&Policy { observe: Some(what), ..policy.clone() }) {
        Err(error) if asked_for => return Err(error.into()),
        planned => planned.err().map(|error| error.to_string()),
    };
    let (shares_user, all_end) = (!plan.is_new(Namespace::User), plan.is_new(Namespace::Pid));
    let tells = wish.explain || what == Observe::Refusals;
    let lesson = match &wish.learn {
        Some(file) if wish.runs => Some(Lesson::open(file, settings, policy.seccomp_action)?),
        _ => None,
    };
    Ok(Some(Task { what, asked_for, unfit, rules, ends_in_sigsys, shares_user, all_end, tells, lesson }))
}

impl Task {
    /// The policy as the library will get it.
    pub fn policy(&self, policy: &Policy) -> Policy {
        // The number is not known before there is one, and says nothing.
        Policy { observe: Some(self.what), observer_fd: Some(Fd(3)), ..policy.clone() }
    }

    /// Why it cannot be done here, for the plan, where there is a run without it.
    pub fn obstacle(&self) -> Option<String> {
        let refused = || {
            let failure = self.is_possible().err().filter(|_| !self.asked_for)?;
            Some(SetupError::new(observer::NAME, failure, "").to_string())
        };
        let why = self.unfit.clone().or_else(refused)?;
        Some(format!("none: {why}; what is refused is not told by sbx"))
    }

    fn is_possible(&self) -> Result<(), Failure> {
        notify::is_possible()?;
        if self.ends_in_sigsys { trace::is_possible() } else { Ok(()) }
    }

    /// Starts the observer, and gives the settings by which the library finds it: none where it cannot be and was not
    /// asked for by name.
    ///
    /// # Errors
    /// What the kernel refuses, when it was asked for by name.
    pub fn start(self) -> Result<Option<Started>, Error> {
        let (what, asked_for) = (self.what, self.asked_for);
        if self.unfit.is_some() {
            return Ok(None);
        }
        match fork(self) {
            Ok(number) => Ok(Some(Started { what, number })),
            Err(_) if !asked_for => Ok(None),
            Err(failure) => Err(Refusal::from(SetupError::new(observer::NAME, failure, "")).into()),
        }
    }
}

/// An observer that is there, and the number of the descriptor that leads to it.
pub struct Started {
    what: Observe,
    number: i32,
}

impl Started {
    /// The policy that names it.
    pub fn told(&self, policy: &Policy) -> Policy {
        Policy { observe: Some(self.what), observer_fd: Some(Fd(self.number)), ..policy.clone() }
    }

    /// The settings by which the library finds it.
    ///
    /// # Errors
    /// None that is known: the settings are there.
    pub fn settings(&self) -> Result<Vec<Merged>, PolicyError> {
        settings(self.what, self.number)
    }
}

/// The number of the launcher's end, which the target's process inherits; the other is the observer's.
fn fork(task: Task) -> Result<i32, Failure> {
    task.is_possible()?;
    // Where 0, 1 or 2 is closed, a number of these would be taken for the target's.
    let above = |end: Channel| file::above_standard(end.as_fd()).map(Channel::inherited);
    let (own, theirs) = Channel::pair()?;
    let (own, theirs) = (above(own)?, above(theirs)?);
    match processes::fork()? {
        Forked::Child => {
            drop(own);
            serve::run(task, theirs)
        }
        Forked::Parent(pid) => {
            drop(theirs);
            let begun = match own.receive() {
                Ok(Some(Message::Observing)) => file::let_through_exec(own.as_fd()),
                Ok(Some(Message::Failed { failure, .. })) => Err(failure),
                Ok(_) => Err(peer_gone()),
                Err(failure) => Err(failure),
            };
            if let Err(failure) = begun {
                // ignored: it ends when its channel does, and no exit status of it is of interest
                let _ = signal::send(pid, libc::SIGKILL);
                let _ = signal::wait_end(pid);
                return Err(failure);
            }
            // Left open: the number is the library's from here on.
            Ok(own.leak())
        }
    }
}

fn settings(what: Observe, number: i32) -> Result<Vec<Merged>, PolicyError> {
    let say = |name: &str, text: String| {
        let setting = setting::named(name).ok_or_else(|| PolicyError::unknown(name, Origin::Flag))?;
        Ok(Assignment { setting, text: text.into_bytes(), origin: Origin::Flag })
    };
    setting::merged(&[say("observe", what.name().into())?, say("observer-fd", number.to_string())?])
}
