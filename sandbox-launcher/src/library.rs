//! libsandbox.so: where it is, and whether it is what ld.so will load and run first.
//!
//! ld.so only warns about a library that it cannot preload, and runs the program without it: so all that could go wrong
//! there is looked for here.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use goblin::elf::header::ET_DYN;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::statvfs::{FsFlags, fstatvfs};
use sandbox_core::setting::text;

use crate::early::Imports;
use crate::elf::{Image, Object, Unreadable};
use crate::error::{Error, system_text};

const NAME: &str = "libsandbox.so";
/// What the library carries in its read-only data; the launcher and it are of one version or of none.
const MARK: &[u8] = b"libsandbox.so of sbx ";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why a library cannot be used.
#[derive(Debug)]
pub enum Unfit {
    NotFound,
    Unopened(io::Error),
    Unreadable(Unreadable),
    NoExec,
    /// Not marked as ours.
    Foreign,
    /// Ours, of another version.
    Version,
    NotInitFirst,
}

impl Unfit {
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Unfit::NotFound => Some("put it beside sbx-launch, or name it with --library FILE"),
            Unfit::NoExec => {
                Some("put it on a file system that is not mounted noexec, and name it with --library FILE")
            }
            Unfit::Foreign | Unfit::Version => Some("sbx-launch and libsandbox.so are built together"),
            Unfit::Unopened(_) | Unfit::Unreadable(_) | Unfit::NotInitFirst => None,
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::NotFound => f.write_str("not found"),
            Unfit::Unopened(error) => f.write_str(&system_text(error)),
            Unfit::Unreadable(why) => write!(f, "{why}"),
            Unfit::NoExec => f.write_str("on a file system mounted noexec"),
            Unfit::Foreign => write!(f, "not the libsandbox.so of sbx {VERSION}"),
            Unfit::Version => write!(f, "of another version than sbx-launch, which is {VERSION}"),
            Unfit::NotInitFirst => f.write_str("not linked with -z initfirst: the program's libraries would run first"),
        }
    }
}

/// A library that was looked at and is fit, held open: what is loaded is what was checked.
#[derive(Debug)]
pub struct Library {
    path: PathBuf,
    image: Image,
    imports: Imports,
}

impl Library {
    /// The library named, or the first that is found where installations and builds put it.
    pub fn find(named: Option<&Path>) -> Result<Self, Error> {
        let unfit = |path: &Path, why| Error::Library { path: text::show(path.as_os_str().as_bytes()), why };
        let path = match named {
            Some(path) => path.to_owned(),
            None => candidates(std::env::current_exe().ok().as_deref())
                .into_iter()
                .find(|path| path.exists())
                .ok_or_else(|| unfit(Path::new(NAME), Unfit::NotFound))?,
        };
        let path = std::path::absolute(&path).map_err(|error| unfit(&path, Unfit::Unopened(error)))?;
        let image = File::open(&path).and_then(Image::of).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => unfit(&path, Unfit::NotFound),
            _ => unfit(&path, Unfit::Unopened(error)),
        })?;
        let imports = check(&image).map_err(|why| unfit(&path, why))?;
        Ok(Self { path, image, imports })
    }

    /// Its path as a word of LD_PRELOAD, `None` when ld.so would split or expand it.
    pub fn word(&self) -> Option<&[u8]> {
        let path = self.path.as_os_str().as_bytes();
        path.iter().all(|b| !b" :$".contains(b)).then_some(path)
    }

    /// A word of LD_PRELOAD for a process that this one becomes by execve: the path, or an inherited descriptor.
    pub fn inherited_word(&self) -> Result<Vec<u8>, nix::errno::Errno> {
        match self.word() {
            Some(path) => Ok(path.to_owned()),
            // Not closed on exec, and above the standard ones, which may be closed and are the program's.
            None => {
                Ok(format!("/proc/self/fd/{}", fcntl(self.image.file().as_fd(), FcntlArg::F_DUPFD(3))?).into_bytes())
            }
        }
    }

    /// What it takes from other objects.
    pub fn imports(&self) -> &Imports {
        &self.imports
    }

    /// Its path, for reports.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Where to look: beside the launcher, where cargo puts libraries, in the library directories of its own prefix, in
/// those of the system. Not in arbitrary directories above it, which may belong to somebody else.
fn candidates(launcher: Option<&Path>) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    if let Some(own) = launcher.and_then(Path::parent) {
        directories.extend([own.to_owned(), own.join("deps")]);
        if let (true, Some(prefix)) = (own.ends_with("bin"), own.parent()) {
            directories.extend([prefix.join("lib"), prefix.join("lib/x86_64-linux-gnu")]);
        }
    }
    directories.extend(["/usr/local/lib", "/usr/lib", "/usr/lib/x86_64-linux-gnu"].map(PathBuf::from));
    directories.into_iter().map(|directory| directory.join(NAME)).collect()
}

fn check(image: &Image) -> Result<Imports, Unfit> {
    let object = Object::read(image).map_err(Unfit::Unreadable)?;
    if object.kind() != ET_DYN || !object.is_dynamic() {
        return Err(Unfit::Unreadable(Unreadable::NotLoadable));
    }
    if !object.is_whole() {
        return Err(Unfit::Unreadable(Unreadable::Damaged("cut short")));
    }
    let after = object.find(MARK).map_err(Unfit::Unreadable)?.ok_or(Unfit::Foreign)?;
    if after.split(|&b| b == 0).next() != Some(VERSION.as_bytes()) {
        return Err(Unfit::Version);
    }
    if !object.is_init_first() {
        return Err(Unfit::NotInitFirst);
    }
    // ld.so would map it executable: EPERM on such a mount.
    match fstatvfs(image.file().as_fd()) {
        Ok(mount) if mount.flags().contains(FsFlags::ST_NOEXEC) => Err(Unfit::NoExec),
        Ok(_) => Imports::of(&object).map_err(Unfit::Unreadable),
        Err(errno) => Err(Unfit::Unopened(errno.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Directory;

    #[test]
    fn libraries_are_looked_for_where_installations_put_them_and_nowhere_above() {
        let places = |launcher: &str| candidates(Some(Path::new(launcher)));
        let has = |launcher, library| places(launcher).contains(&PathBuf::from(library));
        assert!(has("/opt/bin/sbx-launch", "/opt/lib/libsandbox.so"));
        assert!(has("/x/release/sbx-launch", "/x/release/deps/libsandbox.so"));
        assert!(!has("/tmp/x/sbx-launch", "/tmp/libsandbox.so") && !has("/tmp/x/sbx-launch", "/tmp/lib/libsandbox.so"));
        assert_eq!(places("/tmp/x/sbx-launch")[0], Path::new("/tmp/x/libsandbox.so"));
    }

    #[test]
    fn only_a_marked_library_that_comes_first_is_fit() {
        let directory = Directory::new();
        let marked = |mark: &str| format!("__attribute__((used)) static const char mark[] = \"{mark}\";");
        let ours = format!("libsandbox.so of sbx {VERSION}");
        let first: &[&str] = &["-shared", "-fPIC", "-Wl,-z,initfirst"];
        let cases = [
            (marked(&ours), first, ""),
            (marked(&ours), &first[..2], "not linked with -z initfirst"),
            (marked("libsandbox.so of sbx 0.0.0"), first, "of another version"),
            (marked(&format!("{ours}0")), first, "of another version"),
            (String::new(), first, "not the libsandbox.so of sbx"),
            ("int main(void) { return 0; }".into(), &["-no-pie"], "neither a program nor a library"),
        ];
        for (source, flags, why) in cases {
            let Some(path) = directory.compile("lib.so", &source, flags) else { return };
            match Library::find(Some(&path)) {
                Ok(library) => assert!(why.is_empty() && library.word() == Some(path.as_os_str().as_bytes())),
                Err(error) => {
                    let message = error.message();
                    assert!(!why.is_empty() && message.contains(why) && error.code() == 125, "{message}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (path, why) in
            [("/nowhere/lib.so", "not found"), ("/", "EISDIR"), ("/dev/null", "not an ELF file"), ("", "library: : ")]
        {
            let message = Library::find(Some(Path::new(path))).unwrap_err().message();
            assert!(message.starts_with(&format!("sbx: library: {path}: ")) && message.contains(why), "{message}");
        }
    }

    #[test]
    fn names_that_the_loader_would_take_apart_are_passed_as_descriptors() {
        let directory = Directory::new();
        let mark = format!("__attribute__((used)) static const char mark[] = \"libsandbox.so of sbx {VERSION}\";");
        let Some(built) = directory.compile("lib.so", &mark, &["-shared", "-fPIC", "-Wl,-z,initfirst"]) else { return };
        for name in ["a b", "a:b", "$LIB"] {
            let odd = directory.path().join(name);
            std::fs::copy(&built, &odd).unwrap();
            let library = Library::find(Some(&odd)).unwrap();
            assert_eq!(library.word(), None);
            let word = library.inherited_word().unwrap();
            let real = std::fs::canonicalize(std::ffi::OsStr::from_bytes(&word)).unwrap();
            assert_eq!(real, odd);
        }
    }
}
