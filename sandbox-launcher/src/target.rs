//! The program: found as execvp(3) finds it, and looked at until it is certain what the kernel and ld.so will run first.

use std::ffi::{CString, OsStr};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, fstatvfs};
use nix::unistd::{AccessFlags, access, getegid, geteuid};
use rustix::fs::{Mode, OFlags};
use sandbox_core::error::Failure;
use sandbox_core::exit;
use sandbox_core::setting::text;

use crate::early::{self, Early, Imports};
use crate::elf::{Image, Object, Unreadable};
use crate::error::{Error, system_text};
use crate::script::{self, Line};
use crate::tree;

/// glibc's loader, by the name that every program of this system's C library asks for.
pub const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// Why a program is not run.
#[derive(Debug)]
pub enum Trouble {
    NotFound,
    /// The interpreter that a script names.
    InterpreterNotFound(String),
    Directory,
    NotRegular,
    Unusable(io::Error),
    Unreadable(io::Error),
    Damaged(Unreadable),
    /// Neither ELF nor `#!`.
    NoFormat,
    TooDeep,
    Static,
    Foreign,
    OtherLoader(String),
    SetId,
    FileCapabilities,
    /// The file, when it is not the program itself, and what it would do.
    Early(Option<String>, Early),
    /// The environment names modules that ld.so runs before anything.
    Audit,
    /// That the library is loaded could not be watched over.
    Unwatched(Failure),
    /// execve said so.
    Exec(Errno),
}

impl Trouble {
    /// Whether it is only that the library cannot be the first to run: the program can be executed in a jail that is there.
    pub fn is_about_holding(&self) -> bool {
        match self {
            Trouble::Static
            | Trouble::OtherLoader(_)
            | Trouble::SetId
            | Trouble::FileCapabilities
            | Trouble::Early(..)
            | Trouble::Unwatched(_)
            | Trouble::Audit => true,
            Trouble::Unreadable(error) => error.kind() == io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    /// The exit code: not found, or found and of no use.
    pub fn code(&self) -> i32 {
        match self {
            Trouble::NotFound | Trouble::InterpreterNotFound(_) | Trouble::Exec(Errno::ENOENT) => exit::NOT_FOUND,
            Trouble::Unwatched(_) => exit::REFUSED,
            _ => exit::CANNOT_EXECUTE,
        }
    }

    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Trouble::Static | Trouble::OtherLoader(_) | Trouble::SetId | Trouble::FileCapabilities => Some(
                "only dynamically linked programs of this system's C library can be sandboxed from inside; --route exec \
                 sandboxes from outside",
            ),
            Trouble::Unwatched(_) => Some("a traced program cannot be; --route exec needs no watching"),
            Trouble::Foreign => Some("every system call filter refuses the calls of other architectures"),
            Trouble::Early(..) | Trouble::Audit => Some(
                "only programs that run nothing before the sandbox is built can be sandboxed from inside; --route exec \
                 sandboxes from outside",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::NotFound => f.write_str("not found"),
            Trouble::InterpreterNotFound(path) => write!(f, "its interpreter {path} is not found"),
            Trouble::Directory => f.write_str("is a directory"),
            Trouble::NotRegular => f.write_str("not a regular file"),
            Trouble::Unusable(error) => f.write_str(&system_text(error)),
            Trouble::Unreadable(error) => {
                write!(f, "cannot be read to be checked: {}", system_text(error))
            }
            Trouble::Damaged(why) => write!(f, "{why}"),
            Trouble::NoFormat => f.write_str("neither an ELF file nor a script with a #! line"),
            Trouble::TooDeep => write!(f, "more than {} interpreters deep", script::DEPTH_MAX),
            Trouble::Static => f.write_str("statically linked: no library can be loaded into it"),
            Trouble::Foreign => f.write_str("not for x86-64"),
            Trouble::OtherLoader(loader) => {
                write!(f, "of another C library: its loader is {loader}")
            }
            Trouble::SetId => f.write_str("set-user-id or set-group-id"),
            Trouble::FileCapabilities => f.write_str("has file capabilities"),
            Trouble::Early(None, why) => write!(f, "{why}"),
            Trouble::Early(Some(library), why) => write!(f, "its library {library}: {why}"),
            Trouble::Audit => f.write_str("LD_AUDIT is set: its modules would run before the sandbox"),
            Trouble::Unwatched(failure) => {
                let errno = Errno::from_raw(failure.errno);
                write!(f, "ld.so cannot be watched while it loads the library: ptrace: {} ({errno:?})", errno.desc())
            }
            Trouble::Exec(errno) => write!(f, "execve: {} ({errno:?})", errno.desc()),
        }
    }
}

/// A program that was found and looked at.
#[derive(Debug)]
pub struct Target {
    /// What execve is given.
    pub path: CString,
    /// What was looked at, open: the program, and the last interpreter, where there is one.
    pub file: OwnedFd,
    pub last: Option<OwnedFd>,
    /// It was found in the tree that is to be `/`.
    pub of_tree: bool,
    /// The interpreters that the kernel starts for it, the last one an ELF program.
    pub interpreters: Vec<Interpreter>,
    /// The program interpreter that the last image names.
    pub loader: Option<PathBuf>,
    /// Why the library cannot be the first to run in it, and in which file that was found.
    pub unheld: Option<(String, Trouble)>,
}

/// One of a script's.
#[derive(Debug, PartialEq, Eq)]
pub struct Interpreter {
    pub path: PathBuf,
    pub argument: Option<Vec<u8>>,
}

impl Target {
    /// What it is called in messages.
    pub fn name(&self) -> String {
        text::show(self.path.to_bytes())
    }

    /// What is the program in the end, open: what an execve by descriptor is given.
    pub fn last_file(&self) -> &OwnedFd {
        self.last.as_ref().unwrap_or(&self.file)
    }

    /// The arguments that the kernel would make for the last interpreter (fs/binfmt_script.c).
    pub fn arguments(&self, given: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let mut script = self.path.to_bytes().to_vec();
        let mut arguments = given;
        for Interpreter { path, argument } in &self.interpreters {
            let path = path.as_os_str().as_bytes().to_vec();
            let before = [path.clone()].into_iter().chain(argument.clone()).chain([script]);
            arguments = before.chain(arguments.into_iter().skip(1)).collect();
            script = path;
        }
        arguments
    }
}

/// What decides, besides the file, what runs first.
pub struct Surroundings<'a> {
    /// PATH, where the launcher looks for the program.
    pub programs: Option<&'a OsStr>,
    /// What `/` is made of inside, where it is not the caller's.
    pub layers: &'a [PathBuf],
    /// LD_LIBRARY_PATH, as the target will have it.
    pub libraries: &'a [u8],
    /// What the library takes from other objects.
    pub imports: &'a Imports,
    /// LD_AUDIT names something.
    pub audited: bool,
}

/// Finds `name` and looks at all that runs before the library could.
///
/// # Errors
/// It is not found, or is nothing that can be executed.
pub fn examine(name: &OsStr, surroundings: &Surroundings<'_>) -> Result<Target, Error> {
    let shown = |path: &Path| text::show(path.as_os_str().as_bytes());
    let trouble = |path: &Path, why| Error::Target { path: shown(path), why };
    let (path, of_tree) = find(name, surroundings).map_err(|why| trouble(Path::new(name), why))?;
    let mut interpreters: Vec<Interpreter> = Vec::new();
    let (mut first, mut last) = (None, None);
    let (loader, unheld) = loop {
        let current = interpreters.last().map_or(&path, |interpreter| &interpreter.path);
        // The program itself was found to be executable; opening what is no regular file could wait.
        let usable = if interpreters.is_empty() { Ok(()) } else { executable(current) };
        let (file, seen) = usable.and_then(|()| inspect(current, surroundings)).map_err(|why| match why {
            Trouble::NotFound if current != &path => trouble(&path, Trouble::InterpreterNotFound(shown(current))),
            why => trouble(current, why),
        })?;
        match first {
            None => first = Some(file),
            Some(_) => last = Some(file),
        }
        match seen {
            Seen::Script(interpreter) => interpreters.push(interpreter),
            Seen::Program { loader, unheld } => break (loader, unheld.map(|why| (shown(current), why))),
        }
        if interpreters.len() > script::DEPTH_MAX {
            return Err(trouble(&path, Trouble::TooDeep));
        }
    };
    let unheld = unheld.or_else(|| surroundings.audited.then(|| (shown(&path), Trouble::Audit)));
    // Whatever came from argv or a file name has no NUL in it.
    let c_path = CString::new(path.as_os_str().as_bytes()).map_err(|_| trouble(&path, Trouble::NotFound))?;
    let file = first.ok_or_else(|| trouble(&path, Trouble::NotFound))?;
    Ok(Target { path: c_path, file, last, of_tree, interpreters, loader, unheld })
}

/// A regular file that may be executed. On a noexec mount none may.
fn executable(path: &Path) -> Result<(), Trouble> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return Err(Trouble::Directory),
        Ok(meta) if !meta.is_file() => return Err(Trouble::NotRegular),
        Ok(_) => {}
        Err(error) => return Err(absent(error)),
    }
    access(path, AccessFlags::X_OK).map_err(|errno| Trouble::Unusable(errno.into()))
}

/// As execvp: a name with a slash is a path; others are looked for in PATH, where what may not be executed is passed by.
/// With it, whether it is of the tree that is to be `/`.
fn find(name: &OsStr, surroundings: &Surroundings<'_>) -> Result<(PathBuf, bool), Trouble> {
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

fn absent(error: io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Trouble::NotFound,
        _ => Trouble::Unusable(error),
    }
}

/// What one image of the chain is.
enum Seen {
    /// A script, with its interpreter.
    Script(Interpreter),
    /// An ELF program, and why the library cannot hold it.
    Program { loader: Option<PathBuf>, unheld: Option<Trouble> },
}

fn inspect(path: &Path, surroundings: &Surroundings<'_>) -> Result<(OwnedFd, Seen), Trouble> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Directory;

    fn examined(name: impl AsRef<OsStr>, programs: &str) -> Result<Target, Error> {
        let programs = Some(OsStr::new(programs));
        let imports = Imports::default();
        let around = Surroundings { programs, layers: &[], libraries: b"", imports: &imports, audited: false };
        let target = examine(name.as_ref(), &around)?;
        // As route preload takes it.
        match target.unheld {
            Some((path, why)) => Err(Error::Target { path, why }),
            None => Ok(target),
        }
    }

    fn refused(name: impl AsRef<OsStr>, programs: &str) -> (i32, String) {
        let error = examined(name, programs).unwrap_err();
        (error.code(), error.message())
    }

    #[test]
    fn this_test_is_a_program_that_can_be_held() {
        let own = std::env::current_exe().unwrap();
        assert_eq!(examined(&own, "").unwrap().path.as_bytes(), own.as_os_str().as_bytes());
    }

    #[test]
    fn names_are_looked_for_as_execvp_does() {
        let directory = Directory::new();
        let path = |name: &str| directory.path().join(name);
        directory.file("a/tool", b"text", 0o644);
        fs::create_dir_all(path("b/tool")).unwrap();
        let script = directory.file("c/tool", b"#!/bin/sh\n", 0o755);
        let all = format!("/nowhere:{}:{}:{}", path("a").display(), path("b").display(), path("c").display());
        assert_eq!(examined("tool", &all).unwrap().path.as_bytes(), script.as_os_str().as_bytes());
        let interpreter = Interpreter { path: "/bin/sh".into(), argument: None };
        assert_eq!(examined("tool", &all).unwrap().interpreters, [interpreter]);
        assert_eq!(refused("tool", path("b").to_str().unwrap()).0, 126);
        assert_eq!(refused("tool", path("a").to_str().unwrap()).0, 126);
        for (name, programs) in [("tool", "/nowhere"), ("", "/bin"), ("./tool", &*all), ("/etc/passwd/tool", "")] {
            let (code, message) = refused(name, programs);
            assert!(code == 127 && message.ends_with("not found\n"), "{message}");
        }
    }

    #[test]
    fn interpreters_get_the_arguments_that_the_kernel_would_make() {
        let directory = Directory::new();
        let inner = directory.file("inner", b"#!/bin/sh -e\n", 0o755);
        let text = format!("#!{} a b\n", inner.display());
        let outer = directory.file("outer", text.as_bytes(), 0o755);
        let target = examined(&outer, "").unwrap();
        let (inner, outer) = (inner.as_os_str().as_bytes(), outer.as_os_str().as_bytes());
        let given = vec![b"zero".to_vec(), b"one".to_vec()];
        let wanted: [&[u8]; 6] = [b"/bin/sh", b"-e", inner, b"a b", outer, b"one"];
        assert_eq!(target.arguments(given), wanted);
    }

    #[test]
    fn what_is_no_program_is_126_with_its_reason() {
        let directory = Directory::new();
        let long = [b"#!/".to_vec(), vec![b'x'; 300]].concat();
        let cases: [(&str, &[u8], u32, &str); 8] = [
            ("text", b"echo hello\n", 0o755, "neither an ELF file"),
            ("empty", b"", 0o755, "neither an ELF file"),
            ("unmarked", b"\x7fELF", 0o755, "neither an ELF file"),
            ("long", &long, 0o755, "neither an ELF file"),
            ("plain", b"#!/bin/sh\n", 0o644, "Permission denied (EACCES)"),
            ("circle", b"#!circle\n", 0o755, "interpreters deep"),
            ("dir", b"#!/usr\n", 0o755, "is a directory"),
            ("device", b"#!/dev/null\n", 0o755, "not a regular file"),
        ];
        for (name, text, mode, why) in cases {
            let path = directory.file(name, text, mode);
            if name == "circle" {
                let text = format!("#!{}\n", path.display());
                directory.file(name, text.as_bytes(), mode);
            }
            let (code, message) = refused(&path, "");
            assert!(code == 126 && message.starts_with("sbx: target: /") && message.contains(why), "{message}");
        }
        let lost = directory.file("lost", b"#!/nowhere/sh\n", 0o755);
        let (code, message) = refused(&lost, "");
        assert!(code == 127 && message.contains("its interpreter /nowhere/sh is not found"), "{message}");
        assert_eq!(refused(directory.path(), "").0, 126);
    }

    #[test]
    fn programs_that_no_library_can_be_loaded_into_are_refused() {
        let directory = Directory::new();
        let main = "int main(void) { return 0; }";
        let cases: [(&str, &[&str], &str); 4] = [
            ("static", &["-static"], "statically linked"),
            ("static-pie", &["-static-pie"], "statically linked"),
            ("other", &["-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"], "its loader is /lib/ld-musl"),
            ("relative", &["-Wl,--dynamic-linker=lib64/ld-linux-x86-64.so.2"], "its loader is lib64/"),
        ];
        for (name, flags, why) in cases {
            let Some(path) = directory.compile(name, main, flags) else { return };
            let script = directory.file("script", format!("#!{}\n", path.display()).as_bytes(), 0o755);
            for path in [path, script] {
                let (code, message) = refused(&path, "");
                assert!(
                    code == 126 && message.contains(why) && message.contains("hint: only dynamically"),
                    "{message}"
                );
            }
        }
        let path = directory.compile("cut", main, &[]).unwrap();
        let bytes = fs::read(&path).unwrap();
        for (at, value, why) in [(4, 1, "not for x86-64"), (18, 3, "not for x86-64"), (16, 1, "neither a program")] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            let (code, message) = refused(directory.file("changed", &bytes, 0o755), "");
            assert!(code == 126 && message.contains(why), "{message}");
        }
        for length in (64..bytes.len().min(4096)).step_by(99) {
            assert_eq!(refused(directory.file("short", &bytes[..length], 0o755), "").0, 126, "{length}");
        }
    }
}
