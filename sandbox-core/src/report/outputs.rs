//! Where the lines go: the status descriptor, and the file of the last one.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::sys::{Result, file};

/// Open since before there was a sandbox; nothing of it is inside.
#[derive(Default)]
pub struct Outputs {
    /// The caller's descriptor.
    pub status: Option<i32>,
    /// Ours, at the start of an empty file.
    pub stats: Option<OwnedFd>,
}

impl Outputs {
    /// What must stay open for it.
    pub fn descriptors(&self) -> impl Iterator<Item = i32> {
        self.status.into_iter().chain(self.stats.as_ref().map(AsRawFd::as_raw_fd))
    }

    /// Whether how it ended is to be told, and so what it used.
    pub fn any(&self) -> bool {
        self.status.is_some() || self.stats.is_some()
    }

    /// A line for the status descriptor only.
    pub fn status(&self, line: &str) -> Result<()> {
        let Some(fd) = self.status else { return Ok(()) };
        crate::sys::with_raw_fd(fd, |fd: BorrowedFd<'_>| file::write(fd, line.as_bytes()))
    }

    /// The last line, for both. What cannot be written whole leaves an empty file.
    ///
    /// # Errors
    /// That of either, when both have been tried.
    pub fn last(&self, line: &str) -> Result<()> {
        let told = self.status(line);
        let kept = self.stats.as_ref().map_or(Ok(()), |file| {
            file::write(file.as_fd(), line.as_bytes()).inspect_err(|_| {
                // ignored: there is nothing else to be done about a file that can neither be written nor emptied
                let _ = file::empty(file.as_fd());
            })
        });
        told.and(kept)
    }
}
