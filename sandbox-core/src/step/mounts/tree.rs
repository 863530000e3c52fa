//! Applies the ops: the same order and the same checks for both ways of mounting.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use super::op::{Access, Base, Op, What};
use super::overlay::{Lowers, Opened};
use super::store::Store;
use super::target::{Kind, Place, Places, is_absent};
use crate::error::Failure;
use crate::sys::call::Call;
use crate::sys::mount::{ATTR_NODEV, ATTR_NOEXEC, ATTR_NOSUID, ATTR_RDONLY};
use crate::sys::{Result, file, mount, process, refused};

/// Objects are numbered in hundreds of this: the base, then the ops, each with its parts. An overlay has at most 500
/// lowers.
pub const PARTS: usize = 1024;

/// The part number of the base.
pub const BASE: usize = 1;

/// A file system in memory for what is private.
pub const MEMORY: New<'static> =
    New { kind: c"tmpfs", options: &[(c"mode", Some(c"700"))], attributes: ATTR_NOSUID | ATTR_NODEV };

/// A way of making mounts.
pub trait Mounter: Sized {
    /// How the lowers of an overlay are told.
    const LOWERS: Lowers;
    /// A handle on a part of the host's tree, links followed. Taken before the base is made, which may cover it.
    fn source(path: &CStr) -> Result<OwnedFd>;
    /// An overlay of these layers, where it must and can be made before the base.
    fn overlay(layers: &Opened) -> Result<Option<OwnedFd>>;
    /// Makes the base, with everything below it. `Empty` is writable until it is sealed.
    fn new(base: &Base, layers: Option<&mut Opened>, attributes: u64) -> Result<Self>;
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
    let numbered = |number: usize| move |failure: Failure| failure.on(PARTS * (number + 1) + failure.object as usize);
    let mut sources = Vec::with_capacity(ops.len());
    for (number, op) in ops.iter().enumerate() {
        sources.push(Source::of::<M>(op).map_err(numbered(number))?);
    }
    let null = M::source(c"/dev/null").ok();
    let base = match base {
        Base::Host if !writable && lacks_a_top(ops)? => &Base::HostBelow,
        base => base,
    };
    let mut layers = match base {
        Base::Overlay(layers) => Some(Opened::open(layers)?),
        _ => None,
    };

    let restrict = ATTR_NOSUID | ATTR_NODEV;
    let is_new = matches!(base, Base::Empty | Base::HostBelow);
    let attributes = if writable || is_new { restrict } else { restrict | ATTR_RDONLY };
    // What is kept in memory is the sandbox's own, what is kept in a directory is the host's.
    let root_is_ours = layers.as_ref().map_or(is_new, Opened::needs_memory);
    let of_base = |failure: Failure| if failure.object == 0 { failure.on(BASE) } else { failure };
    let mounter = M::new(base, layers.as_mut(), attributes).map_err(of_base)?;
    let mut tree = Tree {
        places: Places::new(mounter.root(), root_is_ours)?,
        mounter: &mounter,
        null,
        nulled: None,
        hidden: None,
        store: Store::default(),
        empty: None,
    };
    if *base == Base::HostBelow {
        show_the_hosts_root(&mounter, &tree.places).map_err(of_base)?;
    }
    for (number, (op, source)) in ops.iter().zip(sources).enumerate() {
        tree.apply(op, source).map_err(numbered(number))?;
    }
    tree.places.sealed().try_for_each(|root| mounter.seal(root))?;
    tree.places.unsealed().try_for_each(|root| mounter.unseal(root))?;
    if let Some(root) = tree.store.root() {
        mounter.seal_covered(root)?;
    }
    if is_new && !writable {
        mounter.seal(mounter.root())?;
    }
    mounter.enter()?;
    mount::chdir(c"/")?;
    limit.restore()
}

/// Whether a place is asked for at or below a name that the host's root does not have.
fn lacks_a_top(ops: &[Op]) -> Result<bool> {
    let slash = file::open(None, c"/", libc::O_PATH | libc::O_DIRECTORY, 0)?;
    let mut known: &[u8] = b"";
    for op in ops.iter().filter(|op| !op.skip_missing_target && !matches!(op.what, What::Hide)) {
        let top = op.top();
        // Most have the same as the one before.
        if top != known {
            match file::kind_at(slash.as_fd(), &name(top)?) {
                Err(failure) if failure.errno == libc::ENOENT => return Ok(true),
                result => result?,
            };
            known = top;
        }
    }
    Ok(false)
}

/// Shows everything of the host's root in a new one, read-only: what has no place in the host's can be made there, and leaves
/// nothing behind.
fn show_the_hosts_root<M: Mounter>(mounter: &M, places: &Places<'_>) -> Result<()> {
    let slash = file::open(None, c"/", libc::O_PATH | libc::O_DIRECTORY, 0)?;
    file::chmod(mounter.root().as_fd(), c".", file::mode(slash.as_fd())?)?;
    for found in file::list(c"/")? {
        let (at, path) = (name(&found)?, name(&[b"/", found.as_slice()].concat())?);
        match file::kind_at(slash.as_fd(), &at)? {
            libc::S_IFLNK => {
                let text = file::link_text(slash.as_fd(), &at)?;
                file::symlink(&text, mounter.root().as_fd(), &at)?;
            }
            kind => {
                let kind = if kind == libc::S_IFDIR { Kind::Directory } else { Kind::File };
                let place = places.find_or_make(&path, kind)?;
                mounter.bind(M::source(&path)?, Access::READ_ONLY.attributes(), &place)?;
            }
        }
    }
    Ok(())
}

fn name(bytes: &[u8]) -> Result<CString> {
    CString::new(bytes).map_err(|_| refused(Call::Open, libc::EINVAL))
}

/// What of the host's an op takes, opened before anything is covered.
enum Source {
    Nothing,
    Tree(OwnedFd),
    Layers(Opened),
    /// An overlay that is complete, with what it is made of.
    Overlay(OwnedFd),
}

impl Source {
    /// The source of an op; `Nothing` for one that needs none, or that is missing and need not be there.
    fn of<M: Mounter>(op: &Op) -> Result<Self> {
        let (path, may_be_missing) = match &op.what {
            What::Bind { source, skip_missing_source, .. } => (source, *skip_missing_source),
            What::Node => (&op.target, true),
            What::Overlay(layers) => {
                let opened = Opened::open(layers)?;
                return Ok(match M::overlay(&opened)? {
                    Some(made) => Source::Overlay(made),
                    None => Source::Layers(opened),
                });
            }
            _ => return Ok(Source::Nothing),
        };
        match M::source(path) {
            Err(failure) if may_be_missing && failure.errno == libc::ENOENT => Ok(Source::Nothing),
            result => result.map(Source::Tree).map_err(|failure| failure.on(1)),
        }
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
    fn apply(&mut self, op: &Op, source: Source) -> Result<()> {
        match &op.what {
            What::Bind { access, .. } => {
                let Source::Tree(source) = source else { return Ok(()) };
                let kind = match file::kind(source.as_fd()).map_err(|failure| failure.on(1))? {
                    libc::S_IFDIR => Kind::Directory,
                    _ => Kind::File,
                };
                let Some(place) = place_of(&self.places, op, kind)? else { return Ok(()) };
                // move_mount(2) answers EINVAL where mount(2) says what is wrong.
                let bound = self.mounter.bind(source, access.attributes(), &place);
                bound.map(drop).map_err(|failure| match place.kind() {
                    Ok(there) if (there == libc::S_IFDIR) != (kind == Kind::Directory) => {
                        Failure { errno: libc::ENOTDIR, ..failure }
                    }
                    _ => failure,
                })
            }
            What::Node => {
                let Source::Tree(source) = source else { return Ok(()) };
                let Some(place) = place_of(&self.places, op, Kind::File)? else { return Ok(()) };
                self.mounter.bind(source, Access::DEVICES.attributes(), &place).map(drop)
            }
            What::Tmpfs { size, mode, sealed, noexec } => {
                let attributes = ATTR_NOSUID | ATTR_NODEV | if *noexec { ATTR_NOEXEC } else { 0 };
                let Some(place) = place_of(&self.places, op, Kind::Directory)? else { return Ok(()) };
                let root = match size {
                    Some(size) => {
                        let options = [(c"mode", Some(mode.as_c_str())), (c"size", Some(size.as_c_str()))];
                        self.mounter.filesystem(&New { kind: c"tmpfs", options: &options, attributes }, &place)?
                    }
                    None => self.store.directory(self.mounter, mode, attributes, &place)?,
                };
                drop(place);
                self.places.made(&op.target, root, *sealed)
            }
            What::Overlay(layers) => {
                let Some(place) = place_of(&self.places, op, Kind::Directory)? else { return Ok(()) };
                match source {
                    Source::Overlay(made) => self.mounter.bind(made, layers.attributes(), &place).map(drop),
                    Source::Layers(mut opened) => {
                        let ours = opened.needs_memory();
                        if ours {
                            self.store.layers(self.mounter, &mut opened, &place)?;
                        }
                        let root = opened.with(M::LOWERS, |new| self.mounter.filesystem(new, &place))?;
                        opened.is_writable(root.as_fd())?;
                        drop(place);
                        // Links of the layers lie in it: places below are looked up.
                        if ours { self.places.allow(&root) } else { Ok(()) }
                    }
                    _ => Ok(()),
                }
            }
            What::File { text, mode } => {
                let Some(place) = place_of(&self.places, op, Kind::File)? else { return Ok(()) };
                let attributes = Access::READ_ONLY.attributes();
                self.store.file(self.mounter, (text, *mode), attributes, &place)
            }
            What::Directory { mode } => self.directory(op, *mode),
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
            What::Hide => match to_hide(&self.places, op) {
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

    /// An empty directory, or, where no mode was asked for, the one that is there.
    fn directory(&self, op: &Op, mode: Option<u32>) -> Result<()> {
        match self.places.look_up(&op.target) {
            Err(failure) if failure.errno == libc::ENOENT => {
                let place = self.places.room_for(&op.target)?;
                file::mkdir(place.dir(), &place.name, 0o755)?;
                file::chmod(place.dir(), &place.name, mode.unwrap_or(0o755))
            }
            Err(failure) => Err(failure),
            Ok(place) => match (place.kind()?, mode) {
                (libc::S_IFDIR, None) => Ok(()),
                (libc::S_IFDIR, Some(mode)) if self.places.is_ours(place.dir())? => {
                    file::chmod(place.dir(), c".", mode)
                }
                (libc::S_IFDIR, Some(_)) => Err(refused(Call::Chmod, libc::EROFS)),
                _ => Err(refused(Call::Mkdir, libc::EEXIST)),
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

/// What is to be hidden: where a link leads, as whoever names the link is led there.
fn to_hide<'p>(places: &'p Places<'_>, op: &'p Op) -> Result<(u32, Place<'p>)> {
    let place = places.find(&op.target)?;
    match place.kind()? {
        libc::S_IFLNK => places.look_up(&op.target).and_then(|place| Ok((place.kind()?, place))),
        kind => Ok((kind, place)),
    }
}

/// The place of an op, made where it may be; `None` when it is not there and need not be.
fn place_of<'p>(places: &'p Places<'_>, op: &'p Op, kind: Kind) -> Result<Option<Place<'p>>> {
    // Below what was mounted for it, such as /dev, its places are made; elsewhere what is not there is not wanted.
    let found = match op.skip_missing_target && !places.is_directly_below_ours(&op.target) {
        true => places.look_up(&op.target),
        false => places.find_or_make(&op.target, kind),
    };
    match found {
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
