//! Mount points: found as the program inside will find them, made only in file systems of the sandbox's own, so that
//! nothing is left behind on the host.

use std::borrow::Cow;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::error::Failure;
use crate::sys::call::Call;
use crate::sys::{Result, file, refused};

/// What a mount point must be: a directory takes a directory, a file anything else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Directory,
    File,
}

/// Whether a place is simply not there, and cannot be made.
pub fn is_absent(failure: Failure) -> bool {
    matches!(failure.errno, libc::ENOENT | libc::ENOTDIR | libc::EROFS)
}

enum Dir<'a> {
    Owned(OwnedFd),
    Known(&'a OwnedFd),
}

/// A place in the new tree: what is open, or a name in it that is never followed as a link.
pub struct Place<'a> {
    dir: Dir<'a>,
    pub name: Cow<'a, CStr>,
    /// Absolute, for those who must look it up again.
    pub path: Cow<'a, CStr>,
}

impl<'a> Place<'a> {
    /// What is open, itself.
    pub fn open(fd: &'a OwnedFd) -> Self {
        Self { dir: Dir::Known(fd), name: c"".into(), path: c"".into() }
    }

    /// A name in what is open.
    pub fn below(fd: &'a OwnedFd, name: &'a CStr) -> Self {
        Self { dir: Dir::Known(fd), name: name.into(), path: c"".into() }
    }

    pub fn dir(&self) -> BorrowedFd<'_> {
        match &self.dir {
            Dir::Owned(fd) => fd.as_fd(),
            Dir::Known(fd) => fd.as_fd(),
        }
    }

    /// The type bits of what is there.
    pub fn kind(&self) -> Result<u32> {
        file::kind_at(self.dir(), &self.name)
    }

    /// The last name of `path`, where it lies in the same directory as this name.
    pub fn sibling(&self, path: &CStr) -> Option<CString> {
        let (above, name) = divide(path)?;
        let same = !self.name.is_empty() && divide(&self.path).is_some_and(|(own, _)| own == above);
        same.then(|| CString::new(name).ok()).flatten()
    }

    pub fn symlink(&self, text: &CStr) -> Result<()> {
        file::symlink(text, self.dir(), &self.name)
    }
}

/// A file system that this sandbox mounted.
struct Made {
    path: CString,
    root: OwnedFd,
    /// Mount points may be made in it.
    ours: bool,
    /// To be made read-only when everything is in place.
    sealed: bool,
    /// To be made writable then.
    unsealed: bool,
}

/// The new tree as far as it is there.
pub struct Places<'a> {
    root: &'a OwnedFd,
    made: Vec<Made>,
    /// Devices of file systems in which mount points may be made.
    devices: Vec<u64>,
}

impl<'a> Places<'a> {
    pub fn new(root: &'a OwnedFd, root_is_ours: bool) -> Result<Self> {
        let devices = if root_is_ours { vec![file::device(root.as_fd())?] } else { Vec::new() };
        Ok(Self { root, made: Vec::new(), devices })
    }

    /// A private file system is now at `path`.
    pub fn made(&mut self, path: &CStr, root: OwnedFd, sealed: bool) -> Result<()> {
        self.allow(&root)?;
        self.made.push(Made { path: path.into(), root, ours: true, sealed, unsealed: false });
        Ok(())
    }

    /// In the file system this lies on, mount points may be made.
    pub fn allow(&mut self, root: &OwnedFd) -> Result<()> {
        let device = file::device(root.as_fd())?;
        // Most are directories of one and the same.
        if !self.devices.contains(&device) {
            self.devices.push(device);
        }
        Ok(())
    }

    /// Whether mount points may be made where this lies.
    pub fn is_ours(&self, place: BorrowedFd<'_>) -> Result<bool> {
        Ok(self.devices.contains(&file::device(place)?))
    }

    /// A file system in which nothing can be made is now at `path`.
    pub fn know(&mut self, path: &CStr, root: OwnedFd, unsealed: bool) {
        self.made.push(Made { path: path.into(), root, ours: false, sealed: false, unsealed });
    }

    pub fn unsealed(&self) -> impl Iterator<Item = &OwnedFd> {
        self.made.iter().filter(|made| made.unsealed).map(|made| &made.root)
    }

    pub fn sealed(&self) -> impl Iterator<Item = &OwnedFd> {
        self.made.iter().filter(|made| made.sealed).map(|made| &made.root)
    }

    /// The file system mounted just above `path`, and the name in it: most mount points are such, and need no look-up.
    fn directly_below(&self, path: &CStr) -> Option<(&Made, CString)> {
        let (above, name) = divide(path)?;
        let made = self.made.iter().rev().find(|made| made.path.to_bytes() == above)?;
        Some((made, CString::new(name).ok()?))
    }

    /// Whether `path` is a name in the root of a private file system.
    pub fn is_directly_below_ours(&self, path: &CStr) -> bool {
        self.directly_below(path).is_some_and(|(made, _)| made.ours)
    }

    /// The place `path` (absolute, normal), which is there.
    pub fn find<'p>(&'p self, path: &'p CStr) -> Result<Place<'p>> {
        if let Some((made, name)) = self.directly_below(path) {
            return Ok(Place { dir: Dir::Known(&made.root), name: name.into(), path: path.into() });
        }
        self.look_up(path)
    }

    /// The place `path`, links followed as the program will follow them.
    pub fn look_up<'p>(&self, path: &'p CStr) -> Result<Place<'p>> {
        let found = file::open_inside(self.root.as_fd(), path)?;
        Ok(Place { dir: Dir::Owned(found), name: c"".into(), path: path.into() })
    }

    /// The place `path`, made where it is missing, with the directories above it.
    ///
    /// # Errors
    /// EROFS when it is missing in a file system that is not the sandbox's own.
    pub fn find_or_make<'p>(&'p self, path: &'p CStr, kind: Kind) -> Result<Place<'p>> {
        if !self.is_directly_below_ours(path) {
            match file::open_inside(self.root.as_fd(), path) {
                Err(failure) if failure.errno == libc::ENOENT => {
                    // A link to nothing yet, as /etc/resolv.conf often is where /run is private: what it leads to is made.
                    if let Some(target) = self.link_target(path) {
                        self.find_or_make(&target, kind)?;
                        return self.look_up(path);
                    }
                }
                Err(failure) => return Err(failure),
                Ok(found) => return Ok(Place { dir: Dir::Owned(found), name: c"".into(), path: path.into() }),
            }
        }
        let place = self.room_for(path)?;
        let made = match kind {
            Kind::Directory => file::mkdir(place.dir(), &place.name, 0o755),
            Kind::File => file::make_file(place.dir(), &place.name),
        };
        match made {
            Err(failure) if failure.errno == libc::EEXIST => Ok(place),
            result => result.map(|()| place),
        }
    }

    /// Where the link at `path` leads to, if it is one: a path that may have `..` in it, which ends in what is not there.
    fn link_target(&self, path: &CStr) -> Option<CString> {
        let (above, name) = divide(path)?;
        let (above, name) = (CString::new(above).ok()?, CString::new(name).ok()?);
        let dir = file::open_inside(self.root.as_fd(), &above).ok()?;
        let text = file::link_text(dir.as_fd(), &name).ok()?;
        match text.to_bytes().first() {
            Some(b'/') => Some(text),
            _ => CString::new([above.to_bytes(), b"/", text.to_bytes()].concat()).ok(),
        }
    }

    /// The place `path` as a name in a directory of the sandbox's own, that directory made if need be.
    pub fn room_for<'p>(&'p self, path: &'p CStr) -> Result<Place<'p>> {
        if let Some((made, name)) = self.directly_below(path)
            && made.ours
        {
            return Ok(Place { dir: Dir::Known(&made.root), name: name.into(), path: path.into() });
        }
        let (above, name) = divide(path).ok_or(refused(Call::Open, libc::EINVAL))?;
        let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| refused(Call::Open, libc::EINVAL));
        let (above, name) = (text(above)?, text(name)?);
        match file::open_inside(self.root.as_fd(), &above) {
            Err(failure) if failure.errno == libc::ENOENT && above.to_bytes() != b"/" => {
                let above = self.room_for(&above)?;
                file::mkdir(above.dir(), &above.name, 0o755)?;
            }
            Err(failure) => return Err(failure),
            Ok(_) => {}
        }
        let dir = file::open_inside(self.root.as_fd(), &above)?;
        if !self.is_ours(dir.as_fd())? {
            return Err(refused(Call::Mkdir, libc::EROFS));
        }
        Ok(Place { dir: Dir::Owned(dir), name: name.into(), path: path.into() })
    }
}

/// The path above the last name, `/` at the least, and that name.
fn divide(path: &CStr) -> Option<(&[u8], &[u8])> {
    let (above, name) = path.to_bytes().split_at_checked(path.to_bytes().iter().rposition(|&b| b == b'/')?)?;
    Some((if above.is_empty() { b"/" } else { above }, name.get(1..)?))
}
