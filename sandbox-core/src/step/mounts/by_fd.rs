//! Mounts by descriptor (Linux 5.12): what is mounted, and where, is never looked up twice.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use super::op::Base;
use super::overlay::{Lowers, Opened};
use super::target::Place;
use super::tree::{MEMORY, Mounter, New};
use crate::sys::mount::{self, ATTR_RDONLY};
use crate::sys::{Result, file};

pub struct ByFd {
    root: OwnedFd,
    /// The new tree lies over `/`, and is not this process's own yet.
    beside: bool,
}

fn new_filesystem(new: &New<'_>) -> Result<OwnedFd> {
    mount::new_filesystem(new.kind, new.options, new.attributes)
}

impl Mounter for ByFd {
    const LOWERS: Lowers = Lowers::JoinedWhereShort;
    fn source(path: &CStr) -> Result<OwnedFd> {
        mount::copy_tree(None, path)
    }
    fn overlay(layers: &Opened) -> Result<Option<OwnedFd>> {
        // Before the base is made: the host's tree may become read-only in place, and an upper layer with it.
        if layers.needs_memory() {
            return Ok(None);
        }
        let made = layers.with(Self::LOWERS, new_filesystem)?;
        layers.is_writable(made.as_fd())?;
        Ok(Some(made))
    }
    fn new(base: &Base, layers: Option<&mut Opened>, attributes: u64) -> Result<Self> {
        if *base == Base::Host {
            // The namespace's own copy of the host's mounts is made what is wanted, in place. A second copy to pivot into
            // would look the same, and cost 150 us.
            let root = file::open(None, c"/", libc::O_PATH | libc::O_DIRECTORY, 0)?;
            mount::set_attributes(root.as_fd(), attributes, true)?;
            return Ok(Self { root, beside: false });
        }
        // Over "/", the one directory every host has. Lookups that begin at the process's root stay below it.
        let slash = file::open(None, c"/", libc::O_PATH, 0)?;
        let root = match (base, layers) {
            (Base::Overlay(_), Some(layers)) => {
                if layers.needs_memory() {
                    // An upper layer must lie in a mounted file system.
                    let memory = new_filesystem(&MEMORY)?;
                    mount::attach(memory.as_fd(), slash.as_fd(), c"")?;
                    layers.keep_in(memory.as_fd(), [c"upper", c"work"])?;
                }
                let made = layers.with(Self::LOWERS, new_filesystem)?;
                layers.is_writable(made.as_fd())?;
                made
            }
            (Base::Dir(dir), _) => mount::copy_tree(None, dir)?,
            _ => mount::new_filesystem(c"tmpfs", &[(c"mode", Some(c"755"))], attributes)?,
        };
        if let Base::Dir(_) = base {
            mount::set_attributes(root.as_fd(), attributes, true)?;
        }
        mount::attach(root.as_fd(), slash.as_fd(), c"")?;
        Ok(Self { root, beside: true })
    }
    fn root(&self) -> &OwnedFd {
        &self.root
    }
    fn enter(&self) -> Result<()> {
        if self.beside { mount::replace_root(self.root.as_fd()) } else { Ok(()) }
    }
    fn part(&self, place: &Place<'_>) -> Result<OwnedFd> {
        mount::copy_tree(Some(place.dir()), &place.name)
    }
    fn bind(&self, source: OwnedFd, attributes: u64, place: &Place<'_>) -> Result<OwnedFd> {
        mount::set_attributes(source.as_fd(), attributes, true)?;
        mount::attach(source.as_fd(), place.dir(), &place.name)?;
        Ok(source)
    }
    fn filesystem(&self, new: &New<'_>, place: &Place<'_>) -> Result<OwnedFd> {
        let made = new_filesystem(new)?;
        mount::attach(made.as_fd(), place.dir(), &place.name)?;
        Ok(made)
    }
    fn seal(&self, root: &OwnedFd) -> Result<()> {
        mount::set_attributes(root.as_fd(), ATTR_RDONLY, false)
    }
    fn seal_covered(&self, root: &OwnedFd) -> Result<()> {
        self.seal(root)
    }
    fn unseal(&self, root: &OwnedFd) -> Result<()> {
        mount::make_writable(root.as_fd())
    }
}
