//! Inherited descriptors: a directory left open would lead out of the new root, an open socket out of the network.

use std::os::fd::{AsRawFd, RawFd};

use super::{Context, Step};
use crate::error::Failure;
use crate::policy::Policy;
use crate::sys::call::Call;
use crate::sys::socket::Channel;
use crate::sys::{file, refused};

/// The check comes first of all steps: later the numbers may be descriptors of our own.
pub struct CheckFds {
    keep: Vec<RawFd>,
    status: Option<RawFd>,
}

pub struct CloseFds {
    keep: Vec<RawFd>,
}

/// What stays open must be open, and not be a directory.
pub fn plan_check(policy: &Policy) -> CheckFds {
    CheckFds { keep: kept(policy), status: policy.status_fd.map(|fd| fd.0) }
}

/// Everything but 0, 1, 2 and keep-fd is closed.
pub fn plan_close(policy: &Policy) -> CloseFds {
    CloseFds { keep: kept(policy) }
}

/// Ascending, without 0, 1 and 2.
fn kept(policy: &Policy) -> Vec<RawFd> {
    let mut keep: Vec<_> = policy.keep_fd.items().iter().map(|fd| fd.0).filter(|&fd| fd > 2).collect();
    keep.sort_unstable();
    keep.dedup();
    keep
}

fn numbers(fds: &[RawFd]) -> String {
    fds.iter().map(|fd| format!(", {fd}")).collect()
}

impl Step for CheckFds {
    fn name(&self) -> &'static str {
        "fds"
    }
    fn describe(&self) -> String {
        format!("no directory at 0-2{}", numbers(&self.keep))
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        let standard = (0..).zip(context.plugged).filter(|&(_, plugged)| !plugged).map(|(fd, _)| fd);
        // The log is open already, and was not the caller's.
        let ours = context.log.as_ref().map(AsRawFd::as_raw_fd);
        if let Some(fd) = self.keep.iter().chain(&self.status).copied().find(|&fd| Some(fd) == ours) {
            return Err(refused(Call::Fstat, libc::EBADF).on(fd.cast_unsigned() as usize));
        }
        for fd in standard.chain(self.keep.iter().copied()) {
            let kind = file::kind_of_raw(fd).map_err(|failure| failure.on(fd.cast_unsigned() as usize))?;
            if kind == libc::S_IFDIR {
                return Err(refused(Call::Fstat, libc::EISDIR).on(fd.cast_unsigned() as usize));
            }
        }
        match self.status {
            Some(fd) if !file::is_open(fd) => Err(refused(Call::Fstat, libc::EBADF).on(fd.cast_unsigned() as usize)),
            _ => Ok(()),
        }
    }
    fn object(&self, number: u32) -> String {
        format!("fd {number}")
    }
}

impl Step for CloseFds {
    fn name(&self) -> &'static str {
        "fds"
    }
    fn describe(&self) -> String {
        format!("close all but 0-2{}", numbers(&self.keep))
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        let channel = context.channel.as_ref().map(Channel::number);
        // To be closed when they have been used.
        let ours = context.log.iter().chain(&context.null).map(AsRawFd::as_raw_fd);
        let program = context.image.into_iter().chain(context.last_word.as_ref().map(Channel::number));
        file::close_all_but(self.keep.iter().copied().chain([0, 1, 2]).chain(channel).chain(ours).chain(program))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::{Assignment, Origin, named};

    #[test]
    fn kept_fds_are_sorted_and_standard_ones_left_out() {
        let say =
            |text: &str| Assignment { setting: named("keep-fd").unwrap(), text: text.into(), origin: Origin::Flag };
        let policy = Policy::merge(&[say("9"), say("1"), say("4"), say("9")]).unwrap();
        assert_eq!(kept(&policy), [4, 9]);
    }
}
