//! What a filter says, before it is a program: one rule for each number, in the kernel's own words.
//!
//! Front ends (the shipped tables, the launcher's languages) produce it, `compile` consumes it. It holds no
//! instruction and makes no decision.

use std::collections::BTreeMap;
use std::fmt;

/// What the kernel does with a system call, in its order of precedence: of several filters' answers the last here wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Allow,
    /// Allowed, and written to the audit log.
    Log,
    /// Not done; the caller gets this errno.
    Errno(u16),
    /// Not done; SIGSYS, which the caller may handle.
    Trap,
    KillThread,
    KillProcess,
}

impl Action {
    /// The value a program returns for it (include/uapi/linux/seccomp.h).
    pub const fn ret(self) -> u32 {
        match self {
            Action::Allow => libc::SECCOMP_RET_ALLOW,
            Action::Log => libc::SECCOMP_RET_LOG,
            Action::Errno(errno) => libc::SECCOMP_RET_ERRNO | errno as u32,
            Action::Trap => libc::SECCOMP_RET_TRAP,
            Action::KillThread => libc::SECCOMP_RET_KILL_THREAD,
            Action::KillProcess => libc::SECCOMP_RET_KILL_PROCESS,
        }
    }
}

pub const EPERM: Action = Action::Errno(libc::EPERM as u16);
pub const ENOSYS: Action = Action::Errno(libc::ENOSYS as u16);
pub const EAFNOSUPPORT: Action = Action::Errno(libc::EAFNOSUPPORT as u16);

/// How much of an argument register the kernel looks at.
///
/// A comparison of all 64 bits of an `int` can be escaped by setting a high bit the kernel then ignores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 32 bits: `int`, `unsigned int`, and `clone`'s flags.
    Int,
    /// 64 bits: pointers, sizes, `unsigned long`.
    Long,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// The bits of this mask are those of the value.
    MaskedEq(u64),
}

/// One comparison with one argument, unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cond {
    /// 0 to 5.
    pub arg: u8,
    pub width: Width,
    pub op: Op,
    pub value: u64,
}

impl Cond {
    pub const fn int(arg: u8, op: Op, value: u32) -> Cond {
        Cond { arg, width: Width::Int, op, value: value as u64 }
    }

    pub const fn long(arg: u8, op: Op, value: u64) -> Cond {
        Cond { arg, width: Width::Long, op, value }
    }

    /// None of these bits of a 32-bit argument is set.
    pub const fn without(arg: u8, bits: u32) -> Cond {
        Cond::int(arg, Op::MaskedEq(bits as u64), 0)
    }
}

/// The action to take when all conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    pub when: Vec<Cond>,
    pub action: Action,
}

/// What a filter says about one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Decided by the number alone: what the kernel can decide beforehand, once, and then answer without the program.
    Always(Action),
    /// The first clause that holds decides.
    ByArgs { clauses: Vec<Clause>, otherwise: Action },
}

/// A whole filter. The guards that no filter can lift (see `compile`) are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// For known numbers without a rule.
    pub default: Action,
    pub rules: BTreeMap<u32, Rule>,
}

impl Filter {
    /// What it says about a number.
    pub fn rule(&self, nr: u32) -> Rule {
        self.rules.get(&nr).cloned().unwrap_or(Rule::Always(self.default))
    }

    /// The same filter with every action replaced.
    pub fn map(self, change: impl Fn(Action) -> Action) -> Filter {
        let rule = |rule| match rule {
            Rule::Always(action) => Rule::Always(change(action)),
            Rule::ByArgs { clauses, otherwise } => Rule::ByArgs {
                clauses: clauses.into_iter().map(|c| Clause { action: change(c.action), ..c }).collect(),
                otherwise: change(otherwise),
            },
        };
        Filter { default: change(self.default), rules: self.rules.into_iter().map(|(nr, r)| (nr, rule(r))).collect() }
    }
}

/// Why there is no program.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// A rule for a number that is not assigned: every filter answers it with ENOSYS, whatever is asked.
    Unknown(u32),
    /// Both allowed and denied.
    Contradiction(u32),
    /// More instructions than the kernel takes.
    TooLong(usize),
    /// What seccompiler says of an argument rule.
    Argument(seccompiler::BackendError),
    /// seccompiler's program has not the form its leaves are cut from.
    Layout,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unknown(nr) => write!(f, "{nr} is the number of no system call known here"),
            Error::Contradiction(nr) => {
                write!(f, "{} is both allowed and denied", super::syscalls::name(*nr).unwrap_or("a system call"))
            }
            Error::TooLong(len) => {
                write!(f, "the filter needs {len} instructions, the kernel takes {}", super::compile::MAX_LEN)
            }
            Error::Argument(error) => write!(f, "{error}"),
            Error::Layout => f.write_str("seccompiler lays out its programs in an unexpected way"),
        }
    }
}

impl std::error::Error for Error {}
