//! What is private in the new tree.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use super::overlay::Opened;
use super::target::Place;
use super::tree::{MEMORY, Mounter};
use crate::sys::call::Call;
use crate::sys::{Result, file, refused};

/// One file system in memory for all that is private and has no size of its own, a directory of it for each: making and
/// unmaking a file system costs three times what a bind does. Its root lies below the first of them, out of reach.
#[derive(Default)]
pub struct Store {
    root: Option<OwnedFd>,
    made: usize,
}

impl Store {
    /// Its root, where something private was needed.
    pub fn root(&self) -> Option<&OwnedFd> {
        self.root.as_ref()
    }

    /// Puts a new directory of it over a place, and returns it.
    pub fn directory<M: Mounter>(
        &mut self,
        mounter: &M,
        mode: &CStr,
        attributes: u64,
        place: &Place<'_>,
    ) -> Result<OwnedFd> {
        let name = self.new_name()?;
        let root = self.at(mounter, place)?;
        let bits = mode.to_str().ok().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        file::mkdir(root.as_fd(), &name, 0o700)?;
        // mkdir(2) takes the umask off, and the sticky bit only here.
        file::chmod(root.as_fd(), &name, bits.ok_or(refused(Call::Chmod, libc::EINVAL))?)?;
        let part = mounter.part(&Place::below(root, &name))?;
        mounter.bind(part, attributes, place)
    }

    /// Puts a new file of it with this text over a place.
    pub fn file<M: Mounter>(
        &mut self,
        mounter: &M,
        (text, mode): (&CStr, u32),
        attributes: u64,
        place: &Place<'_>,
    ) -> Result<()> {
        let name = self.new_name()?;
        let root = self.at(mounter, place)?;
        let made = file::open(Some(root.as_fd()), &name, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL, 0o600)?;
        if !text.is_empty() {
            file::write(made.as_fd(), text.to_bytes())?;
        }
        drop(made);
        file::chmod(root.as_fd(), &name, mode)?;
        let part = mounter.part(&Place::below(root, &name))?;
        mounter.bind(part, attributes, place).map(drop)
    }

    /// Makes the upper and work directories of an overlay that will lie at a place.
    pub fn layers<M: Mounter>(&mut self, mounter: &M, layers: &mut Opened, place: &Place<'_>) -> Result<()> {
        let (upper, work) = (self.new_name()?, self.new_name()?);
        layers.keep_in(self.at(mounter, place)?.as_fd(), [&upper, &work])
    }

    fn new_name(&mut self) -> Result<CString> {
        self.made += 1;
        CString::new(self.made.to_string()).map_err(|_| refused(Call::Mkdir, libc::EINVAL))
    }

    /// Its root, made below what is about to be put over `place`.
    fn at<M: Mounter>(&mut self, mounter: &M, place: &Place<'_>) -> Result<&OwnedFd> {
        let root = match self.root.take() {
            Some(root) => root,
            None => mounter.filesystem(&MEMORY, place)?,
        };
        Ok(self.root.insert(root))
    }
}
