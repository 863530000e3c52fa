//! The two kinds of failure, for two readers: what cannot be meant, and what the kernel refused.

use std::fmt;

use crate::hint::{self, Cause};
use crate::setting::{Origin, Setting, text};
use crate::sys::call::Call;

/// Something in the settings cannot be meant. Found before any system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    what: String,
    why: String,
    hint: Option<&'static str>,
}

impl PolicyError {
    /// No setting has this name.
    pub fn unknown(name: &str, origin: Origin) -> Self {
        Self { what: origin.spell(name), why: "no setting has this name".into(), hint: None }
    }

    /// The same name more than once where once is meant.
    pub fn twice(setting: &Setting, origin: Origin) -> Self {
        Self { what: origin.spell(setting.name), why: "given twice".into(), hint: None }
    }

    /// The setting does not take this text.
    pub fn malformed(setting: &Setting, origin: Origin, text: &[u8], why: String) -> Self {
        // A value of ten megabytes is a mistake worth naming, not worth repeating.
        let shown: String = text::show(text).chars().take(200).collect();
        Self { what: format!("{} '{shown}'", origin.spell(setting.name)), why, hint: None }
    }

    /// Settings that contradict each other, or this host. `what` names the setting without a spelling.
    pub fn conflict(what: &str, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), hint: None }
    }

    /// The same with a remedy.
    #[must_use]
    pub fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy: {}: {}", self.what, self.why)
    }
}

impl std::error::Error for PolicyError {}

/// What a step's system call met: small enough to cross the fork as one message, formatted by its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub call: Call,
    /// Which of the step's objects, as the step numbers them.
    pub object: u32,
    /// The kernel's error number, or one of its own that fits a refusal of ours.
    pub errno: i32,
}

impl Failure {
    /// The same failure of a step's object number `object`.
    #[must_use]
    pub fn on(self, object: usize) -> Self {
        Self { object: u32::try_from(object).unwrap_or(u32::MAX), ..self }
    }
}

/// The kernel refused something that was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupError {
    pub step: &'static str,
    pub call: Call,
    pub object: String,
    pub errno: i32,
    /// What about this host explains it.
    pub cause: Cause,
}

impl SetupError {
    /// A failure of a step with a name but no objects.
    pub fn new(step: &'static str, failure: Failure, object: impl Into<String>) -> Self {
        let cause = hint::cause(failure.errno);
        Self { step, call: failure.call, object: object.into(), errno: failure.errno, cause }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        hint::for_error(self)
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errno = nix::errno::Errno::from_raw(self.errno);
        write!(f, "{}: {}", self.step, self.call.name())?;
        if !self.object.is_empty() {
            write!(f, " {}", self.object)?;
        }
        write!(f, ": {} ({errno:?})", errno.desc())
    }
}

impl std::error::Error for SetupError {}

/// Why there is no sandbox, and so no run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Policy(PolicyError),
    Setup(SetupError),
    /// Found by our own checks, before a call that could fail.
    Guard {
        what: String,
        hint: Option<&'static str>,
    },
}

impl Refusal {
    /// A refusal of the guard's, with a remedy.
    pub fn guard(what: impl Into<String>, hint: &'static str) -> Self {
        Refusal::Guard { what: what.into(), hint: Some(hint) }
    }

    /// The one line, and the line of remedy, as they are printed: each with its `sbx:`.
    pub fn message(&self) -> String {
        let (line, hint) = match self {
            Refusal::Policy(error) => (error.to_string(), error.hint.map(String::from)),
            Refusal::Setup(error) => (error.to_string(), error.hint()),
            Refusal::Guard { what, hint } => (format!("guard: {what}"), hint.map(String::from)),
        };
        match hint {
            Some(hint) => format!("sbx: {line}\nsbx: hint: {hint}\n"),
            None => format!("sbx: {line}\n"),
        }
    }
}

impl From<PolicyError> for Refusal {
    fn from(error: PolicyError) -> Self {
        Refusal::Policy(error)
    }
}

impl From<SetupError> for Refusal {
    fn from(error: SetupError) -> Self {
        Refusal::Setup(error)
    }
}
