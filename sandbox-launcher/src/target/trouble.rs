//! Why a program is not run, and what can be done about it.

use std::fmt;
use std::io;

use nix::errno::Errno;
use sandbox_core::error::Failure;
use sandbox_core::exit;

use crate::early::Early;
use crate::elf::Unreadable;
use crate::error::system_text;
use crate::script;

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
            Trouble::Unwatched(_) => Some("a program that is traced already cannot be; --route exec needs no watching"),
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
                let (call, errno) = (failure.call.name(), Errno::from_raw(failure.errno));
                write!(f, "ld.so cannot be watched while it loads the library: {call}: {} ({errno:?})", errno.desc())
            }
            Trouble::Exec(errno) => write!(f, "execve: {} ({errno:?})", errno.desc()),
        }
    }
}
