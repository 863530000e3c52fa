//! Where the program is, by its name.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::{Surroundings, Trouble};
use crate::tree;

/// As execvp: a name with a slash is a path; others are looked for in PATH, where what may not be executed is passed by.
/// With it, whether it is of the tree that is to be `/`.
pub fn find(name: &OsStr, surroundings: &Surroundings<'_>) -> Result<(PathBuf, bool), Trouble> {
    if name.as_bytes().first() == Some(&b'/') && !surroundings.layers.is_empty() {
        // One that is not there is the caller's own: it is loaded before that tree is, and needs nothing of it.
        match tree::find(name, surroundings.layers).map_err(absent) {
            Err(Trouble::NotFound) => {}
            found => return found.and_then(|path| executable(&path).map(|()| (path, true))),
        }
    }
    if name.as_bytes().contains(&b'/') {
        return executable(Path::new(name)).map(|()| (name.into(), false));
    }
    if name.is_empty() {
        return Err(Trouble::NotFound);
    }
    let mut found = Trouble::NotFound;
    // confstr(_CS_PATH), as glibc has it.
    for directory in surroundings.programs.map_or(&b"/bin:/usr/bin"[..], OsStr::as_bytes).split(|&b| b == b':') {
        // An empty element is the current directory; the path then needs its slash to be one.
        let directory = if directory.is_empty() { b"." } else { directory };
        let path = Path::new(OsStr::from_bytes(directory)).join(name);
        match executable(&path) {
            Ok(()) => return Ok((path, false)),
            Err(Trouble::NotFound) => {}
            Err(why) => found = why,
        }
    }
    Err(found)
}

/// A regular file that may be executed. On a noexec mount none may.
pub fn executable(path: &Path) -> Result<(), Trouble> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return Err(Trouble::Directory),
        Ok(meta) if !meta.is_file() => return Err(Trouble::NotRegular),
        Ok(_) => {}
        Err(error) => return Err(absent(error)),
    }
    access(path, AccessFlags::X_OK).map_err(|errno| Trouble::Unusable(errno.into()))
}

fn absent(error: io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Trouble::NotFound,
        _ => Trouble::Unusable(error),
    }
}
