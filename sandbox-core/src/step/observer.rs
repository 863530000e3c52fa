//! The way to the observer: the one that sbx-launch has started, which finds out all it can; or one of our own, which names
//! the calls that end in SIGSYS.

use super::{Context, Step, seccomp};
use crate::error::{Failure, PolicyError};
use crate::host::Host;
use crate::observe::{self, Task};
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::{Namespace, Observe};
use crate::sys::call::Call;
use crate::sys::process::{self, Forked};
use crate::sys::socket::Channel;
use crate::sys::{file, refused};

/// The step's name, by which outer says that the observer could not begin.
pub const NAME: &str = "observer";

pub struct Observer {
    what: Observe,
    who: Who,
}

enum Who {
    /// At the other end of this descriptor.
    Given(i32),
    /// To be forked.
    Own(Task),
}

/// Planned when the filter is to ask; and the filter. Our own is planned where it is needed and can be: without it, the
/// kernel does the same in silence.
pub fn plan(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<(Option<Observer>, seccomp::Filter), PolicyError> {
    let given = match (policy.observe, policy.observer_fd) {
        (Some(what), Some(fd)) if fd.0 > 2 => Some(Observer { what, who: Who::Given(fd.0) }),
        (None, None) => None,
        (Some(_), Some(_)) => return Err(PolicyError::conflict("observer-fd", "0, 1 and 2 are the program's")),
        (Some(_), None) => {
            return Err(PolicyError::conflict("observe", "observer-fd does not say where the observer is"));
        }
        (None, Some(_)) => {
            return Err(PolicyError::conflict("observer-fd", "observe does not say what it is asked about"));
        }
    };
    if given.is_none() && host.can_tell {
        let what = Observe::Kills;
        if let Ok(filter) = seccomp::plan(&Policy { observe: Some(what), ..policy.clone() }) {
            let task = Task {
                programs: filter.programs().clone(),
                shares_user: !wanted.is_new(Namespace::User),
                all_end: wanted.is_new(Namespace::Pid),
            };
            return Ok((Some(Observer { what, who: Who::Own(task) }), filter));
        }
    }
    Ok((given, seccomp::plan(policy)?))
}

impl Observer {
    /// What it is asked about.
    pub fn what(&self) -> Observe {
        self.what
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
        match self.who {
            Who::Given(_) => format!("asked about {what}"),
            Who::Own(_) => format!("fork: a process stays outside, asked about {what}"),
        }
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        context.observer = Some(match &self.who {
            Who::Given(fd) => {
                if file::kind_of_raw(*fd)? != libc::S_IFSOCK {
                    return Err(refused(Call::Fstat, libc::ENOTSOCK));
                }
                Channel::inherited(file::take(*fd)?)
            }
            Who::Own(task) => {
                let (own, theirs) = Channel::pair()?;
                match process::fork()? {
                    Forked::Child => {
                        drop(own);
                        observe::tell(task, theirs)
                    }
                    Forked::Parent(_) => own,
                }
            }
        });
        Ok(())
    }
    fn object(&self, _: u32) -> String {
        match self.who {
            Who::Given(fd) => format!("fd {fd}"),
            Who::Own(_) => String::new(),
        }
    }
}
