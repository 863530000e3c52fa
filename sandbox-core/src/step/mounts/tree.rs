//! Applies the ops: the same order and the same checks for both ways of mounting.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::op::{Access, Base, Op, What};
use super::target::{self, Kind};
use crate::sys::mount::{ATTR_NODEV, ATTR_NOEXEC, ATTR_NOSUID, ATTR_RDONLY};
use crate::sys::{Result, file, mount};

/// The object number of the base.
pub const BASE: u32 = 1;

/// A way of making mounts.
pub trait Mounter: Sized {
    /// Puts the base over `/`, where only `root` leads to it. `Empty` is writable until it is sealed.
    fn new(base: &Base, attributes: u64) -> Result<Self>;
    /// The new root.
    fn root(&self) -> BorrowedFd<'_>;
    /// A handle on a part of the host's tree, links followed.
    fn source(&self, path: &CStr) -> Result<OwnedFd>;
    /// A handle on what is open already, a mount of the new tree among it.
    fn part(&self, of: BorrowedFd<'_>) -> Result<OwnedFd>;
    /// Puts a handle, with all below it, over `target`.
    fn bind(&self, source: OwnedFd, attributes: u64, target: OwnedFd, path: &CStr) -> Result<()>;
    /// Puts a new file system over `target`, and returns its root.
    fn filesystem(&self, new: &New<'_>, target: OwnedFd, path: &CStr) -> Result<OwnedFd>;
    /// Makes one mount read-only, not those below it.
    fn seal(&self, root: BorrowedFd<'_>) -> Result<()>;
}

/// A file system to be made.
pub struct New<'a> {
    pub kind: &'static CStr,
    pub options: &'a [(&'static CStr, Option<&'a CStr>)],
    pub attributes: u64,
}

/// Builds the whole tree and moves into it.
pub fn build<M: Mounter>(base: &Base, writable: bool, ops: &[Op]) -> Result<()> {
    // Without this, what the host mounts later would appear inside, and be as writable as it is there.
    mount::mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None)?;
    let restrict = ATTR_NOSUID | ATTR_NODEV;
    let attributes = if writable || *base == Base::Empty {
        restrict
    } else {
        restrict | ATTR_RDONLY
    };
    let mut tree = Tree::<M> {
        mounter: M::new(base, attributes).map_err(|f| f.on(1))?,
        ours: Vec::new(),
        sealed: Vec::new(),
        empty: None,
    };
    if *base == Base::Empty {
        tree.ours.push(file::device(tree.mounter.root())?);
    }
    for (number, op) in ops.iter().enumerate() {
        tree.apply(op)
            .map_err(|failure| failure.on(2 + 2 * number + failure.object as usize))?;
    }
    for root in &tree.sealed {
        tree.mounter.seal(root.as_fd())?;
    }
    if *base == Base::Empty && !writable {
        tree.mounter.seal(tree.mounter.root())?;
    }
    enter(tree.mounter.root())
}

/// Makes the new root the root, and lets go of the old one.
fn enter(root: BorrowedFd<'_>) -> Result<()> {
    mount::fchdir(root)?;
    match mount::pivot_here() {
        Ok(()) => mount::detach_here()?,
        // The initial root file system (an initramfs) cannot be pivoted, nor can a root that is no mount (a chroot).
        // The new root lies over it already; what it covers can only be uncovered by unmounting, which takes a
        // capability in the namespace's owner, which nothing inside has.
        Err(failure) if failure.errno == libc::EINVAL => mount::chroot_here()?,
        Err(failure) => return Err(failure),
    }
    mount::chdir(c"/")
}

struct Tree<M> {
    mounter: M,
    /// Devices of file systems that this sandbox made: mount points may be made there, and nowhere else.
    ours: Vec<u64>,
    /// To be made read-only when everything is in place.
    sealed: Vec<OwnedFd>,
    /// An empty read-only directory, to be shown wherever one is needed.
    empty: Option<OwnedFd>,
}

/// Failures carry 0 for the target and 1 for the source.
impl<M: Mounter> Tree<M> {
    fn apply(&mut self, op: &Op) -> Result<()> {
        let path = op.target.as_c_str();
        match &op.what {
            What::Bind {
                source,
                access,
                skip_missing_source,
            } => {
                let from = match self.mounter.source(source) {
                    Err(failure) if *skip_missing_source && failure.errno == libc::ENOENT => {
                        return Ok(());
                    }
                    result => result.map_err(|failure| failure.on(1))?,
                };
                let kind = match file::kind(from.as_fd()).map_err(|failure| failure.on(1))? {
                    libc::S_IFDIR => Kind::Directory,
                    _ => Kind::File,
                };
                let Some(target) = self.place(op, kind)? else {
                    return Ok(());
                };
                let attributes = match access {
                    Access::ReadOnly => ATTR_NOSUID | ATTR_NODEV | ATTR_RDONLY,
                    Access::Writable => ATTR_NOSUID | ATTR_NODEV,
                    Access::Devices => ATTR_NOSUID | ATTR_NOEXEC | ATTR_RDONLY,
                };
                self.mounter.bind(from, attributes, target, path)
            }
            What::Tmpfs { size, mode, sealed } => {
                let Some(target) = self.place(op, Kind::Directory)? else {
                    return Ok(());
                };
                let size = size.as_ref().map(|size| (c"size", Some(size.as_c_str())));
                let options: Vec<_> = [(c"mode", Some(mode.as_c_str()))]
                    .into_iter()
                    .chain(size)
                    .collect();
                let root = self.tmpfs(&options, target, path)?;
                if *sealed {
                    self.sealed.push(root);
                }
                Ok(())
            }
            What::Hide => self.hide(op),
            What::ReadOnly => {
                let Some(target) = self.place(op, Kind::Directory)? else {
                    return Ok(());
                };
                let part = self.mounter.part(target.as_fd())?;
                let attributes = ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC;
                self.mounter.bind(part, attributes, target, path)
            }
            What::Proc { writable } => {
                let attributes = ATTR_NOSUID
                    | ATTR_NODEV
                    | ATTR_NOEXEC
                    | if *writable { 0 } else { ATTR_RDONLY };
                self.plain(
                    op,
                    New {
                        kind: c"proc",
                        options: &[],
                        attributes,
                    },
                )
            }
            What::Devpts => {
                let options = [
                    (c"newinstance", None),
                    (c"ptmxmode", Some(c"0666")),
                    (c"mode", Some(c"620")),
                ];
                self.plain(
                    op,
                    New {
                        kind: c"devpts",
                        options: &options,
                        attributes: ATTR_NOSUID | ATTR_NOEXEC,
                    },
                )
            }
            What::Link(text) => match target::parent(self.mounter.root(), path, &self.ours) {
                Ok((dir, name)) => file::symlink(text, dir.as_fd(), &name),
                Err(failure) if op.skip_missing_target && target::is_absent(failure) => Ok(()),
                Err(failure) => Err(failure),
            },
        }
    }

    /// The place of an op, made where it may be; `None` when it is not there and need not be.
    fn place(&self, op: &Op, kind: Kind) -> Result<Option<OwnedFd>> {
        match target::find_or_make(self.mounter.root(), &op.target, kind, &self.ours) {
            Err(failure) if op.skip_missing_target && target::is_absent(failure) => Ok(None),
            result => result.map(Some),
        }
    }

    fn plain(&mut self, op: &Op, new: New<'_>) -> Result<()> {
        match self.place(op, Kind::Directory)? {
            Some(target) => self.mounter.filesystem(&new, target, &op.target).map(drop),
            None => Ok(()),
        }
    }

    fn tmpfs(
        &mut self,
        options: &[(&'static CStr, Option<&CStr>)],
        target: OwnedFd,
        path: &CStr,
    ) -> Result<OwnedFd> {
        let new = New {
            kind: c"tmpfs",
            options,
            attributes: ATTR_NOSUID | ATTR_NODEV,
        };
        let root = self.mounter.filesystem(&new, target, path)?;
        self.ours.push(file::device(root.as_fd())?);
        Ok(root)
    }

    fn hide(&mut self, op: &Op) -> Result<()> {
        let target = match file::open_inside(self.mounter.root(), &op.target) {
            Err(failure) if op.skip_missing_target && target::is_absent(failure) => return Ok(()),
            result => result?,
        };
        let path = op.target.as_c_str();
        if file::kind(target.as_fd())? != libc::S_IFDIR {
            let null = self
                .mounter
                .source(c"/dev/null")
                .map_err(|failure| failure.on(1))?;
            return self
                .mounter
                .bind(null, ATTR_RDONLY | ATTR_NOSUID | ATTR_NOEXEC, target, path);
        }
        match &self.empty {
            Some(empty) => {
                let part = self.mounter.part(empty.as_fd())?;
                self.mounter.bind(part, ATTR_RDONLY, target, path)
            }
            None => {
                let attributes = ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC;
                let new = New {
                    kind: c"tmpfs",
                    options: &[(c"mode", Some(c"755"))],
                    attributes,
                };
                self.empty = Some(self.mounter.filesystem(&new, target, path)?);
                Ok(())
            }
        }
    }
}
