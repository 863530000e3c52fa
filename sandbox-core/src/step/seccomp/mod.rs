//! The filter: last, as it may forbid every call above it.

mod compose;
mod decide;
mod room;
mod sigsys;

use std::borrow::Cow;

use super::{Context, Step};
use crate::error::{Failure, Refusal, SetupError};
use crate::exit;
use crate::seccomp;
use crate::sys::socket::{Message, peer_gone};
use crate::sys::{file, notify, privilege, process};
pub use compose::filters;
pub use decide::{plan, programs};
pub use sigsys::ends_in_sigsys;

pub struct Filter {
    programs: Programs,
    /// These as the one that asks, where an observer answers.
    observed: Option<Vec<libc::sock_filter>>,
    /// Setup cannot end under it, and ends before it is loaded.
    silent: bool,
    says: String,
}

/// Programs in their order of loading.
pub type Programs = Vec<Cow<'static, [libc::sock_filter]>>;

impl Filter {
    /// The programs, whether anybody is asked about what they answer or not.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The same for a process that has nobody to tell that it is ready: the programs are loaded, and that is all.
    #[must_use]
    pub fn within(self) -> Self {
        Self { silent: false, ..self }
    }

    /// Whether a program can be executed under it, and a failure of that told. Asked of the programs themselves.
    pub fn lets_execute(&self) -> bool {
        let lets = |nr: i64| {
            let nr = u32::try_from(nr).unwrap_or(u32::MAX);
            self.programs.iter().all(|program| seccomp::allows(program, nr))
        };
        lets(libc::SYS_execve) && lets(libc::SYS_write)
    }
}

impl Step for Filter {
    fn name(&self) -> &'static str {
        "seccomp"
    }
    fn describe(&self) -> String {
        self.says.clone()
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        if let Some(observed) = &self.observed {
            context.listener = Some(notify::load_filter(observed)?);
            return Ok(());
        }
        let load = || self.programs.iter().try_for_each(|program| privilege::load_filter(program));
        if !self.silent {
            return load();
        }
        let channel = context.channel.as_ref().ok_or_else(peer_gone)?;
        channel.tell(&Message::Ready { listener: None })?;
        if !matches!(channel.hear()?, Some(Message::Go)) {
            return Err(peer_gone());
        }
        // From here on nothing can be told but by ending; and nothing of setup's can be closed any more.
        drop(context.channel.take());
        file::complain_to(2);
        drop(context.log.take());
        load().or_else(|failure| {
            file::complain(&Refusal::from(SetupError::new(self.name(), failure, "")).message());
            process::exit(exit::REFUSED)
        })
    }
}
