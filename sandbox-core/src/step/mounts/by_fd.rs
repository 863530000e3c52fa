//! Mounts by descriptor (Linux 5.12): what is mounted, and where, is never looked up twice.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::op::Base;
use super::tree::{Mounter, New};
use crate::sys::mount::ATTR_RDONLY;
use crate::sys::{Result, file, mount};

pub struct ByFd {
    root: OwnedFd,
}

impl Mounter for ByFd {
    fn new(base: &Base, attributes: u64) -> Result<Self> {
        let root = match base {
            Base::Host => mount::copy_tree(None, c"/")?,
            Base::Dir(dir) => mount::copy_tree(None, dir)?,
            Base::Empty => mount::new_filesystem(c"tmpfs", &[(c"mode", Some(c"755"))], attributes)?,
        };
        if *base != Base::Empty {
            mount::set_attributes(root.as_fd(), attributes, true)?;
        }
        // Over "/", the one directory every host has. Lookups that begin at the process's root stay below it.
        let slash = file::open(None, c"/", libc::O_PATH, 0)?;
        mount::attach(root.as_fd(), slash.as_fd())?;
        Ok(Self { root })
    }
    fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
    fn source(&self, path: &CStr) -> Result<OwnedFd> {
        mount::copy_tree(None, path)
    }
    fn part(&self, of: BorrowedFd<'_>) -> Result<OwnedFd> {
        mount::copy_tree(Some(of), c"")
    }
    fn bind(&self, source: OwnedFd, attributes: u64, target: OwnedFd, _: &CStr) -> Result<()> {
        mount::set_attributes(source.as_fd(), attributes, true)?;
        mount::attach(source.as_fd(), target.as_fd())
    }
    fn filesystem(&self, new: &New<'_>, target: OwnedFd, _: &CStr) -> Result<OwnedFd> {
        let made = mount::new_filesystem(new.kind, new.options, new.attributes)?;
        mount::attach(made.as_fd(), target.as_fd())?;
        Ok(made)
    }
    fn seal(&self, root: BorrowedFd<'_>) -> Result<()> {
        mount::set_attributes(root, ATTR_RDONLY, false)
    }
}
