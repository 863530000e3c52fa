//! Programs of another tree: where `/` is a directory or an overlay, an absolute path is one inside, if it is there.
//!
//! The program is loaded before that tree is there, so the file is found in the layers it is made of. What loads it, and
//! the libraries it asks for, are still the caller's.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use sandbox_core::policy::Policy;
use sandbox_core::policy::types::Root;

/// The directories that make up `/`, the top one first; none where it is the caller's tree, or empty.
pub fn layers(policy: &Policy) -> Vec<PathBuf> {
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let overlay = policy.overlay.items().iter().rfind(|overlay| overlay.is_root());
    match (overlay, &policy.root) {
        (Some(overlay), _) => {
            let upper = overlay.upper.iter().map(|upper| upper.dir.to_bytes());
            upper.chain(overlay.lower.iter().map(|dir| dir.to_bytes())).map(path).collect()
        }
        (None, Some(Root::Dir(dir))) => vec![path(dir.to_bytes())],
        (None, _) => Vec::new(),
    }
}

/// Where the file that is `name` inside lies outside. Links are followed as inside, within one layer.
///
/// # Errors
/// NotFound where no layer has it, or one above those that do has taken it away.
pub fn find(name: &OsStr, layers: &[PathBuf]) -> io::Result<PathBuf> {
    for layer in layers {
        let root = openat(CWD, layer, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        match openat2(&root, Path::new(name), OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), inside) {
            Ok(file) => {
                let link = format!("/proc/self/fd/{}", file.as_raw_fd());
                let meta = fs::metadata(&link)?;
                // A whiteout, as overlayfs marks what was deleted.
                if meta.file_type().is_char_device() && meta.rdev() == 0 {
                    break;
                }
                return fs::read_link(link);
            }
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_path_is_looked_up_in_the_layers_from_the_top_and_never_leaves_them() {
        let dir = std::env::temp_dir().join(format!("sbx-tree-{}", std::process::id()));
        let (upper, lower) = (dir.join("upper"), dir.join("lower"));
        fs::create_dir_all(upper.join("bin")).unwrap();
        fs::create_dir_all(lower.join("bin")).unwrap();
        fs::write(upper.join("bin/both"), "").unwrap();
        fs::write(lower.join("bin/both"), "").unwrap();
        fs::write(lower.join("bin/low"), "").unwrap();
        symlink("/bin/low", lower.join("link")).unwrap();
        symlink("../../../../../../../../bin/sh", lower.join("out")).unwrap();
        let layers = [upper.clone(), lower.clone()];
        let at = |name: &str| find(OsStr::new(name), &layers).ok();
        let found = [at("/bin/both"), at("/bin/low"), at("/link"), at("/out"), at("/bin/none")];
        let real = |path: PathBuf| Some(fs::canonicalize(path).unwrap());
        let expected =
            [real(upper.join("bin/both")), real(lower.join("bin/low")), real(lower.join("bin/low")), None, None];
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(found, expected);
    }
}
