//! What one file is to the kernel and to ld.so, and whether the library is the first to run in it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, fstatvfs};
use nix::unistd::{getegid, geteuid};
use rustix::fs::{Mode, OFlags};
use sandbox_core::setting::text;

use super::{Interpreter, Surroundings, Trouble};
use crate::early;
use crate::elf::{Image, Object, Unreadable};
use crate::script::{self, Line};

/// glibc's loader, by the name that every program of this system's C library asks for.
pub const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// What one image of the chain is.
pub enum Seen {
    /// A script, with its interpreter.
    Script(Interpreter),
    /// An ELF program, and why the library cannot hold it.
    Program { loader: Option<PathBuf>, unheld: Option<Trouble> },
}

/// Looks into it; open it is kept, as what may be executed.
pub fn inspect(path: &Path, surroundings: &Surroundings<'_>) -> Result<(OwnedFd, Seen), Trouble> {
    let image = match File::open(path).and_then(Image::of) {
        Ok(image) => image,
        // Executable and not readable: nothing can be shown of it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let file = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
            let file = file.map_err(|errno| Trouble::Unreadable(errno.into()))?;
            return Ok((file, Seen::Program { loader: None, unheld: Some(Trouble::Unreadable(error)) }));
        }
        Err(error) => return Err(Trouble::Unreadable(error)),
    };
    let mut start = [0; script::LINE_MAX];
    let length = image.file().read_at(&mut start, 0).map_err(Trouble::Unreadable)?;
    let seen = match script::parse(start.get(..length).unwrap_or_default()) {
        Line::Interpreter(path, argument) => {
            Seen::Script(Interpreter { path: OsStr::from_bytes(path).into(), argument: argument.map(<[u8]>::to_vec) })
        }
        Line::Unusable => return Err(Trouble::NoFormat),
        // Privileges of a script's file are not looked at: the kernel grants those of the last image only.
        Line::Not => program(&image, path, surroundings)?,
    };
    Ok((image.into_file().into(), seen))
}

fn program(image: &Image, path: &Path, surroundings: &Surroundings<'_>) -> Result<Seen, Trouble> {
    let object = Object::read(image).map_err(|why| match why {
        Unreadable::NotElf => Trouble::NoFormat,
        Unreadable::Foreign => Trouble::Foreign,
        why => Trouble::Damaged(why),
    })?;
    let loader = object.interpreter().map_err(Trouble::Damaged)?;
    let unheld = match check(&object, loader.as_deref(), image, path, surroundings) {
        Err(why) if !why.is_about_holding() => return Err(why),
        checked => checked.err(),
    };
    Ok(Seen::Program { loader: loader.map(|loader| OsStr::from_bytes(&loader).into()), unheld })
}

fn check(
    object: &Object<'_>,
    loader: Option<&[u8]>,
    image: &Image,
    path: &Path,
    surroundings: &Surroundings<'_>,
) -> Result<(), Trouble> {
    // First, as it is what matters most to whoever is asked next.
    check_privileges(image.file())?;
    match loader {
        Some(loader) if is_system_loader(loader) => {}
        Some(loader) => return Err(Trouble::OtherLoader(text::show(loader))),
        None => return Err(Trouble::Static),
    }
    if !object.is_dynamic() {
        return Err(Trouble::Static);
    }
    early::check(object, surroundings.imports).map_err(|why| Trouble::Early(None, why))?;
    let brought = early::brought(object, path, surroundings.libraries, surroundings.imports);
    brought.map_err(|(library, why)| match library == path {
        true => Trouble::Early(None, why),
        false => Trouble::Early(Some(text::show(library.as_os_str().as_bytes())), why),
    })
}

fn is_system_loader(loader: &[u8]) -> bool {
    // The name itself first: it saves resolving two paths.
    let real = |path: &Path| fs::canonicalize(path).ok();
    loader == LOADER.as_bytes()
        || loader.starts_with(b"/")
            && real(Path::new(OsStr::from_bytes(loader))).is_some_and(|l| real(Path::new(LOADER)) == Some(l))
}

/// Privileges that execve would add: ld.so then ignores LD_PRELOAD (AT_SECURE), or the caller's limits do not hold.
fn check_privileges(file: &File) -> Result<(), Trouble> {
    let meta = file.metadata().map_err(Trouble::Unreadable)?;
    let mount = fstatvfs(file.as_fd()).map_err(|errno| Trouble::Unreadable(errno.into()))?;
    if mount.flags().contains(FsFlags::ST_NOSUID) {
        return Ok(());
    }
    let set_user = meta.mode() & libc::S_ISUID != 0 && meta.uid() != geteuid().as_raw();
    // Without the group's x bit, set-group-id means mandatory locking, and execve passes it by.
    let both = libc::S_ISGID | libc::S_IXGRP;
    let set_group = meta.mode() & both == both && meta.gid() != getegid().as_raw();
    if set_user || set_group {
        return Err(Trouble::SetId);
    }
    // capabilities(7): twenty or twenty-four bytes; how many does not matter.
    match rustix::fs::fgetxattr(file, "security.capability", &mut [0; 64]) {
        Ok(_) => Err(Trouble::FileCapabilities),
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => Ok(()),
        Err(errno) => Err(Trouble::Unreadable(errno.into())),
    }
}
