//! The file for what is said before main: opened by the caller's rights, so that what follows can be said there.

use std::ffi::CString;
use std::os::fd::AsRawFd;

use super::{Context, Step};
use crate::error::Failure;
use crate::policy::Policy;
use crate::setting::text::show;
use crate::sys::file;

/// The step's name: its own line is the first in the log.
pub const NAME: &str = "log";

pub struct OpenLog {
    path: CString,
}

/// Planned when asked for.
pub fn plan(policy: &Policy) -> Option<OpenLog> {
    policy.log_file.as_ref().map(|file| OpenLog { path: file.0.clone() })
}

impl Step for OpenLog {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        format!("append to {}", show(self.path.to_bytes()))
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        // As for stats; several runs may share a log.
        let flags =
            libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
        let opened = file::open(None, &self.path, flags, 0o666)?;
        file::complain_to(opened.as_raw_fd());
        context.log = Some(opened);
        Ok(())
    }
    fn object(&self, _: u32) -> String {
        show(self.path.to_bytes())
    }
}
