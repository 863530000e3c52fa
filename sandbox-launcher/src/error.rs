//! Why nothing was run, with the exit code and the lines that say so.

use std::fmt;

use sandbox_core::error::{PolicyError, Refusal, SetupError};
use sandbox_core::exit;

use crate::library;
use crate::target::Trouble;

/// Every way for the launcher to end without a target.
#[derive(Debug)]
pub enum Error {
    /// The flags cannot be meant.
    CommandLine { what: String, hint: Option<&'static str> },
    /// The policy file cannot be read, or says what cannot be meant.
    PolicyFile { file: String, why: String },
    /// A filter's policy cannot be read, or says what cannot be meant: with its place, and the place shown below.
    Filter(String),
    /// A policy that this spelling cannot hold.
    Unprintable { what: String, why: &'static str },
    /// The engine's own refusal.
    Refusal(Refusal),
    /// libsandbox.so is missing or is not ours.
    Library { path: String, why: library::Unfit },
    /// The program cannot be found, executed or held.
    Target { path: String, why: Trouble },
    /// The file of what is learned cannot be opened, or is somebody else's.
    Learn { file: String, why: String },
    /// What is inside could not say what it finds there.
    Report { why: String },
    /// The library has said why there is no sandbox, and ended so.
    Said(i32),
    /// Standard output is gone.
    Output(std::io::Error),
}

impl Error {
    /// The exit code that docs promise for it.
    pub fn code(&self) -> i32 {
        match self {
            Error::Target { why, .. } => why.code(),
            Error::Said(code) => *code,
            _ => exit::REFUSED,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Error::CommandLine { hint, .. } => *hint,
            Error::Library { why, .. } => why.hint(),
            Error::Target { why, .. } => why.hint(),
            Error::Report { .. } => Some("what is to be reported on must be able to read, write and exit_group"),
            _ => None,
        }
    }

    /// The one line, and the line of remedy, each with its `sbx:`.
    pub fn message(&self) -> String {
        if let Error::Refusal(refusal) = self {
            return refusal.message();
        }
        match self.hint() {
            _ if matches!(self, Error::Said(_)) => String::new(),
            Some(hint) => format!("sbx: {self}\nsbx: hint: {hint}\n"),
            None => format!("sbx: {self}\n"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::CommandLine { what, .. } => write!(f, "command line: {what}"),
            Error::PolicyFile { file, why } => write!(f, "policy: {file}: {why}"),
            Error::Filter(what) => write!(f, "policy: {what}"),
            Error::Unprintable { what, why } => write!(f, "policy: {what}: {why}"),
            Error::Refusal(refusal) => f.write_str(refusal.message().trim_end()),
            Error::Library { path, why } => write!(f, "library: {path}: {why}"),
            Error::Target { path, why } => write!(f, "target: {path}: {why}"),
            Error::Learn { file, why } => write!(f, "learn: {file}: {why}"),
            Error::Report { why } => write!(f, "report: {why}"),
            Error::Said(_) => Ok(()),
            Error::Output(error) => write!(f, "output: {}", system_text(error)),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::Refusal(refusal)
    }
}

impl From<SetupError> for Error {
    fn from(error: SetupError) -> Self {
        Error::Refusal(error.into())
    }
}

impl From<PolicyError> for Error {
    fn from(error: PolicyError) -> Self {
        Error::Refusal(error.into())
    }
}

/// An input or output error as the engine words its own: text, then the errno's name.
pub fn system_text(error: &std::io::Error) -> String {
    match error.raw_os_error().map(nix::errno::Errno::from_raw) {
        Some(errno) => format!("{} ({errno:?})", errno.desc()),
        None => error.to_string(),
    }
}
