//! The way to the observer, which the launcher has started: who makes a call that is refused, it finds out.

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::policy::Policy;
use crate::policy::types::Observe;
use crate::sys::call::Call;
use crate::sys::{file, refused};

/// The step's name, by which outer says that the observer could not begin.
pub const NAME: &str = "observer";

pub struct Observer {
    fd: i32,
    what: Observe,
}

/// Planned when the filter is to ask.
pub fn plan(policy: &Policy) -> Result<Option<Observer>, PolicyError> {
    match (policy.observe, policy.observer_fd) {
        (Some(what), Some(fd)) if fd.0 > 2 => Ok(Some(Observer { fd: fd.0, what })),
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(PolicyError::conflict("observer-fd", "0, 1 and 2 are the program's")),
        (Some(_), None) => Err(PolicyError::conflict("observe", "observer-fd does not say where the observer is")),
        (None, Some(_)) => Err(PolicyError::conflict("observer-fd", "observe does not say what it is asked about")),
    }
}

impl Step for Observer {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        let what = match self.what {
            Observe::Kills => "calls that kill",
            Observe::Refusals => "calls that are refused",
            Observe::All => "all calls",
        };
        format!("asked about {what}")
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        if file::kind_of_raw(self.fd)? != libc::S_IFSOCK {
            return Err(refused(Call::Fstat, libc::ENOTSOCK));
        }
        context.observer = Some(crate::sys::socket::Channel::inherited(file::take(self.fd)?));
        Ok(())
    }
    fn object(&self, _: u32) -> String {
        format!("fd {}", self.fd)
    }
}
