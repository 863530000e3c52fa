//! Applies the ops: the same order and the same checks for both ways of mounting.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use super::op::{Access, Base, Op, What};
use super::target::{Kind, Place, Places, is_absent};
use crate::sys::call::Call;
use crate::sys::mount::{ATTR_NODEV, ATTR_NOEXEC, ATTR_NOSUID, ATTR_RDONLY};
use crate::sys::{Result, file, mount, process, refused};

/// The object number of the base.
pub const BASE: u32 = 1;

/// A way of making mounts.
pub trait Mounter: Sized {
    /// A handle on a part of the host's tree, links followed. Taken before the base is made, which may cover it.
    fn source(path: &CStr) -> Result<OwnedFd>;
    /// Makes the base, with everything below it. `Empty` is writable until it is sealed.
    fn new(base: &Base, attributes: u64) -> Result<Self>;
    /// The root of the new tree.
    fn root(&self) -> &OwnedFd;
    /// Makes the new tree the process's own.
    fn enter(&self) -> Result<()>;
    /// A handle on a place of the new tree, with what is mounted there.
    fn part(&self, place: &Place<'_>) -> Result<OwnedFd>;
    /// Puts a handle, with all below it, over a place, and returns it.
    fn bind(&self, source: OwnedFd, attributes: u64, place: &Place<'_>) -> Result<OwnedFd>;
    /// Puts a new file system over a place, and returns its root.
    fn filesystem(&self, new: &New<'_>, place: &Place<'_>) -> Result<OwnedFd>;
    /// Makes one mount read-only, not those below it.
    fn seal(&self, root: &OwnedFd) -> Result<()>;
    /// The same for one that lies below another at the same place, where it can be named at all.
    fn seal_covered(&self, root: &OwnedFd) -> Result<()>;
    /// Makes one mount writable, not those below it.
    fn unseal(&self, root: &OwnedFd) -> Result<()>;
}

/// A file system to be made.
pub struct New<'a> {
    pub kind: &'static CStr,
    pub options: &'a [(&'static CStr, Option<&'a CStr>)],
    pub attributes: u64,
}

/// Builds the whole tree and moves into it. Failures carry the number of an op's target or source.
pub fn build<M: Mounter>(base: &Base, writable: bool, ops: &[Op]) -> Result<()> {
    let limit = process::Headroom::for_fds(ops.len())?;
    // First of all: a copy of a mount that is still in a peer group stays in it, and what the host mounts there later would
    // appear inside, as writable as it is there.
    mount::mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None)?;
    let numbered =
        |number: usize| move |failure: crate::error::Failure| failure.on(2 + 2 * number + failure.object as usize);
    let mut sources = Vec::with_capacity(ops.len());
    for (number, op) in ops.iter().enumerate() {
        sources.push(source::<M>(op).map_err(|failure| failure.on(1)).map_err(numbered(number))?);
    }
    let null = M::source(c"/dev/null").ok();

    let restrict = ATTR_NOSUID | ATTR_NODEV;
    let attributes = if writable || *base == Base::Empty { restrict } else { restrict | ATTR_RDONLY };
    let mounter = M::new(base, attributes).map_err(|failure| failure.on(BASE as usize))?;
    let mut tree = Tree {
        places: Places::new(mounter.root(), *base == Base::Empty)?,
        mounter: &mounter,
        null,
        nulled: None,
        hidden: None,
        store: Store::default(),
        empty: None,
    };
    for (number, (op, source)) in ops.iter().zip(sources).enumerate() {
        tree.apply(op, source).map_err(numbered(number))?;
    }
    tree.places.sealed().try_for_each(|root| mounter.seal(root))?;
    tree.places.unsealed().try_for_each(|root| mounter.unseal(root))?;
    if let Some(root) = &tree.store.root {
        mounter.seal_covered(root)?;
    }
    if *base == Base::Empty && !writable {
        mounter.seal(mounter.root())?;
    }
    mounter.enter()?;
    mount::chdir(c"/")?;
    limit.restore()
}

/// The source of a bind; `None` for other ops, and for one that need not be there.
fn source<M: Mounter>(op: &Op) -> Result<Option<OwnedFd>> {
    let What::Bind { source, skip_missing_source, .. } = &op.what else { return Ok(None) };
    match M::source(source) {
        Err(failure) if *skip_missing_source && failure.errno == libc::ENOENT => Ok(None),
        result => result.map(Some),
    }
}

struct Tree<'a, M> {
    mounter: &'a M,
    places: Places<'a>,
    /// The host's /dev/null, to be put over the first file that is hidden.
    null: Option<OwnedFd>,
    /// Where it then lies, to be shown over others.
    nulled: Option<OwnedFd>,
    store: Store,
    /// The path of a file hidden by it.
    hidden: Option<CString>,
    /// An empty read-only directory, likewise.
    empty: Option<OwnedFd>,
}

impl<M: Mounter> Tree<'_, M> {
    fn apply(&mut self, op: &Op, source: Option<OwnedFd>) -> Result<()> {
        match &op.what {
            What::Bind { access, .. } => {
                let Some(source) = source else { return Ok(()) };
                let kind = match access {
                    Access::Devices if op.depth() > 1 => Kind::File,
                    _ => match file::kind(source.as_fd()).map_err(|failure| failure.on(1))? {
                        libc::S_IFDIR => Kind::Directory,
                        _ => Kind::File,
                    },
                };
                let Some(place) = place_of(&self.places, op, kind)? else { return Ok(()) };
                let attributes = match access {
                    Access::ReadOnly => ATTR_NOSUID | ATTR_NODEV | ATTR_RDONLY,
                    Access::Writable => ATTR_NOSUID | ATTR_NODEV,
                    Access::Devices => ATTR_NOSUID | ATTR_NOEXEC | ATTR_RDONLY,
                };
                self.mounter.bind(source, attributes, &place).map(drop)
            }
            What::Tmpfs { size: Some(size), mode, sealed } => {
                let options = [(c"mode", Some(mode.as_c_str())), (c"size", Some(size.as_c_str()))];
                let new = New { kind: c"tmpfs", options: &options, attributes: ATTR_NOSUID | ATTR_NODEV };
                let Some(root) = self.filesystem(op, &new)? else { return Ok(()) };
                self.places.made(&op.target, root, *sealed)
            }
            What::Tmpfs { size: None, mode, sealed } => {
                let Some(place) = place_of(&self.places, op, Kind::Directory)? else { return Ok(()) };
                let root = self.store.directory(self.mounter, mode, ATTR_NOSUID | ATTR_NODEV, &place)?;
                self.places.made(&op.target, root, *sealed)
            }
            What::Proc { writable } => {
                // Read-only until its parts that stay so have been taken from it.
                let attributes = ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC | ATTR_RDONLY;
                if let Some(root) = self.filesystem(op, &New { kind: c"proc", options: &[], attributes })? {
                    self.places.know(&op.target, root, *writable);
                }
                Ok(())
            }
            What::Devpts => {
                let options = [(c"newinstance", None), (c"ptmxmode", Some(c"0666")), (c"mode", Some(c"620"))];
                let new = New { kind: c"devpts", options: &options, attributes: ATTR_NOSUID | ATTR_NOEXEC };
                self.filesystem(op, &new).map(drop)
            }
            What::ReadOnly => match self.places.find(&op.target).and_then(|place| read_only(self.mounter, &place)) {
                Err(failure) if op.skip_missing_target && is_absent(failure) => Ok(()),
                result => result,
            },
            What::Hide => match self.places.find(&op.target).and_then(|place| Ok((place.kind()?, place))) {
                Err(failure) if op.skip_missing_target && is_absent(failure) => Ok(()),
                Err(failure) => Err(failure),
                Ok((libc::S_IFDIR, place)) => hide_directory(self.mounter, &place, &mut self.store, &mut self.empty),
                Ok((_, place)) => match self.hidden.as_ref().and_then(|hidden| place.sibling(hidden)) {
                    Some(hidden) => mount::show_again(place.dir(), &hidden, &place.name),
                    None => {
                        hide_file(self.mounter, &place, &mut self.null, &mut self.nulled)?;
                        self.hidden = Some(op.target.clone());
                        Ok(())
                    }
                },
            },
            What::Link(text) => match self.places.room_for(&op.target) {
                Err(failure) if op.skip_missing_target && is_absent(failure) => Ok(()),
                result => result.and_then(|place| place.symlink(text)),
            },
        }
    }

    fn filesystem(&self, op: &Op, new: &New<'_>) -> Result<Option<OwnedFd>> {
        match place_of(&self.places, op, Kind::Directory)? {
            Some(place) => self.mounter.filesystem(new, &place).map(Some),
            None => Ok(None),
        }
    }
}

/// The place of an op, made where it may be; `None` when it is not there and need not be.
fn place_of<'p>(places: &'p Places<'_>, op: &'p Op, kind: Kind) -> Result<Option<Place<'p>>> {
    match places.find_or_make(&op.target, kind) {
        Err(failure) if op.skip_missing_target && is_absent(failure) => Ok(None),
        result => result.map(Some),
    }
}

/// Makes a part of the tree read-only. Directly below a file system of ours, which is read-only itself until the end, a
/// mount that shows the part again has its flags.
fn read_only<M: Mounter>(mounter: &M, place: &Place<'_>) -> Result<()> {
    if place.name.is_empty() {
        let part = mounter.part(place)?;
        mounter.bind(part, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC, place).map(drop)
    } else {
        mount::show_again(place.dir(), &place.name, &place.name)
    }
}

/// One file system in memory for all that is private and has no size of its own, a directory of it for each: making and
/// unmaking a file system costs three times what a bind does. Its root lies below the first of them, out of reach.
#[derive(Default)]
struct Store {
    root: Option<OwnedFd>,
    directories: usize,
}

impl Store {
    /// Puts a new directory of it over a place, and returns it.
    fn directory<M: Mounter>(
        &mut self,
        mounter: &M,
        mode: &CStr,
        attributes: u64,
        place: &Place<'_>,
    ) -> Result<OwnedFd> {
        let root = match self.root.take() {
            Some(root) => root,
            None => {
                let options = [(c"mode", Some(c"700"))];
                mounter.filesystem(
                    &New { kind: c"tmpfs", options: &options, attributes: ATTR_NOSUID | ATTR_NODEV },
                    place,
                )?
            }
        };
        let root = self.root.insert(root);
        let name = CString::new(self.directories.to_string()).map_err(|_| refused(Call::Mkdir, libc::EINVAL))?;
        self.directories += 1;
        let bits = mode.to_str().ok().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        file::mkdir(root.as_fd(), &name, 0o700)?;
        // mkdir(2) takes the umask off, and the sticky bit only here.
        file::chmod(root.as_fd(), &name, bits.ok_or(refused(Call::Chmod, libc::EINVAL))?)?;
        let part = mounter.part(&Place::below(root, &name))?;
        mounter.bind(part, attributes, place)
    }
}

/// The first hidden directory is a new one, the others show it.
fn hide_directory<M: Mounter>(
    mounter: &M,
    place: &Place<'_>,
    store: &mut Store,
    empty: &mut Option<OwnedFd>,
) -> Result<()> {
    let attributes = ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC;
    match empty {
        Some(empty) => {
            let part = mounter.part(&Place::open(empty))?;
            mounter.bind(part, attributes, place).map(drop)
        }
        None => {
            *empty = Some(store.directory(mounter, c"755", attributes, place)?);
            Ok(())
        }
    }
}

/// The first hidden file gets the host's /dev/null, the others show the same.
fn hide_file<M: Mounter>(
    mounter: &M,
    place: &Place<'_>,
    null: &mut Option<OwnedFd>,
    nulled: &mut Option<OwnedFd>,
) -> Result<()> {
    let source = match (&nulled, null.take()) {
        (Some(nulled), _) => mounter.part(&Place::open(nulled))?,
        (None, Some(null)) => null,
        (None, None) => M::source(c"/dev/null").map_err(|failure| failure.on(1))?,
    };
    let bound = mounter.bind(source, ATTR_RDONLY | ATTR_NOSUID | ATTR_NOEXEC, place)?;
    nulled.get_or_insert(bound);
    Ok(())
}
