//! Standard descriptors of the program's that lead nowhere. Ours go on: a failure before main is still said.

use std::os::fd::{AsFd, AsRawFd, RawFd};

use super::{Context, Step};
use crate::error::Failure;
use crate::policy::Policy;
use crate::sys::call::Call;
use crate::sys::{file, refused};

const NAME: &str = "silence";

/// The host's /dev/null: inside there may be none.
pub struct OpenNull {
    ours: bool,
}

pub struct Silence {
    fds: &'static [RawFd],
}

fn silenced(policy: &Policy) -> &'static [RawFd] {
    match (policy.silent.on(), policy.stderr_null.on()) {
        (true, _) => &[0, 1, 2],
        (false, true) => &[2],
        (false, false) => &[],
    }
}

/// Outer's half, planned when anything is to be silent.
pub fn plan_open(policy: &Policy) -> Option<OpenNull> {
    (!silenced(policy).is_empty()).then_some(OpenNull { ours: policy.log_file.is_none() })
}

/// Inner's half.
pub fn plan_replace(policy: &Policy) -> Option<Silence> {
    let fds = silenced(policy);
    (!fds.is_empty()).then_some(Silence { fds })
}

impl Step for OpenNull {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        "open /dev/null".into()
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        let null = file::open(None, c"/dev/null", libc::O_RDWR | libc::O_NOCTTY, 0)?;
        // What else has that name could be read again.
        if file::character_device(null.as_fd())? != Some(libc::makedev(1, 3)) {
            return Err(refused(Call::Fstat, libc::ENODEV));
        }
        context.null = Some(null);
        if self.ours {
            let stderr = crate::sys::with_raw_fd(2, file::duplicate)?;
            file::complain_to(stderr.as_raw_fd());
            context.log = Some(stderr);
        }
        Ok(())
    }
    fn object(&self, _: u32) -> String {
        "/dev/null".into()
    }
}

impl Step for Silence {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        let numbers: Vec<_> = self.fds.iter().map(RawFd::to_string).collect();
        format!("/dev/null at {}", numbers.join(", "))
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        let null = context.null.take().ok_or(refused(Call::Dup, libc::EBADF))?;
        for &fd in self.fds {
            file::put_at(null.as_fd(), fd)?;
            // It is the program's now, whether there was one before or not.
            if let Some(plugged) = context.plugged.get_mut(fd.cast_unsigned() as usize) {
                *plugged = false;
            }
        }
        Ok(())
    }
    fn object(&self, _: u32) -> String {
        "/dev/null".into()
    }
}
