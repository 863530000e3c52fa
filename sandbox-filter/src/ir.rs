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
    /// A tracer decides, told this number; without one the call is not done, and ENOSYS.
    Trace(u16),
    /// A listener decides; nobody listens to our filters, so the call is not done, and ENOSYS.
    Notify,
    /// Not done; the caller gets this errno.
    Errno(u16),
    /// Not done; SIGSYS, which the caller may handle, with this number in its `si_errno`.
    Trap(u16),
    KillThread,
    KillProcess,
}

impl Action {
    /// The value a program returns for it (include/uapi/linux/seccomp.h).
    pub const fn ret(self) -> u32 {
        match self {
            Action::Allow => libc::SECCOMP_RET_ALLOW,
            Action::Log => libc::SECCOMP_RET_LOG,
            Action::Trace(number) => libc::SECCOMP_RET_TRACE | number as u32,
            Action::Notify => libc::SECCOMP_RET_USER_NOTIF,
            Action::Errno(errno) => libc::SECCOMP_RET_ERRNO | errno as u32,
            Action::Trap(number) => libc::SECCOMP_RET_TRAP | number as u32,
            Action::KillThread => libc::SECCOMP_RET_KILL_THREAD,
            Action::KillProcess => libc::SECCOMP_RET_KILL_PROCESS,
        }
    }

    /// Its rank in the kernel's order, which does not look at the number an action carries.
    pub const fn severity(self) -> u8 {
        match self {
            Action::Allow => 0,
            Action::Log => 1,
            Action::Trace(_) => 2,
            Action::Notify => 3,
            Action::Errno(_) => 4,
            Action::Trap(_) => 5,
            Action::KillThread => 6,
            Action::KillProcess => 7,
        }
    }

    /// What numbers that no call has are answered by a filter with this default: ENOSYS, on which programs fall back,
    /// unless the default is stricter than an error number is.
    pub const fn for_unknown(self) -> Action {
        if self.severity() > ENOSYS.severity() { self } else { ENOSYS }
    }

    /// Whether the call is not done, whoever watches.
    pub const fn refuses(self) -> bool {
        self.severity() >= ENOSYS.severity()
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
    /// 16 bits: `umode_t`.
    Short,
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
    /// The first expression that holds decides: what the languages can say and clauses cannot.
    ByExpr { arms: Vec<(Expr, Action)>, otherwise: Action },
}

impl Rule {
    /// Whether no call is done under it, whatever its arguments.
    pub fn refuses(&self) -> bool {
        match self {
            Rule::Always(action) => action.refuses(),
            Rule::ByArgs { clauses, otherwise } => otherwise.refuses() && clauses.iter().all(|c| c.action.refuses()),
            Rule::ByExpr { arms, otherwise } => otherwise.refuses() && arms.iter().all(|(_, a)| a.refuses()),
        }
    }
}

/// A question about arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// Unsigned, of 64 bits; what is narrower is extended by zeroes.
    Compare(Value, Rel, Value),
    /// All hold; so does none at all.
    All(Vec<Expr>),
    /// One of them holds.
    Any(Vec<Expr>),
    Not(Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rel {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Rel {
    /// Whether it is so of these two.
    pub fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Rel::Eq => left == right,
            Rel::Ne => left != right,
            Rel::Lt => left < right,
            Rel::Le => left <= right,
            Rel::Gt => left > right,
            Rel::Ge => left >= right,
        }
    }
}

/// A number made of numbers and arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Number(u64),
    /// Argument 0 to 5, as much of it as the kernel looks at.
    Arg(u8, Width),
    And(Box<Value>, Box<Value>),
    Or(Box<Value>, Box<Value>),
}

/// A whole filter. The guards that no filter can lift (see `compile`) are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// For known numbers without a rule.
    pub default: Action,
    /// For unknown numbers without one: ENOSYS, or something stricter.
    pub unknown: Action,
    pub rules: BTreeMap<u32, Rule>,
}

impl Filter {
    /// One that says the same about every known number.
    pub const fn new(default: Action) -> Filter {
        Filter { default, unknown: ENOSYS, rules: BTreeMap::new() }
    }

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
            Rule::ByExpr { arms, otherwise } => Rule::ByExpr {
                arms: arms.into_iter().map(|(when, action)| (when, change(action))).collect(),
                otherwise: change(otherwise),
            },
        };
        let Filter { default, unknown, rules } = self;
        Filter { default: change(default), unknown, rules: rules.into_iter().map(|(nr, r)| (nr, rule(r))).collect() }
    }
}

/// Why there is no program.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// A rule that lets a number through that is not assigned: every filter refuses it, whatever is asked.
    Unknown(u32),
    /// Both allowed and denied.
    Contradiction(u32),
    /// More instructions than the kernel takes.
    TooLong(usize),
    /// An expression with more parts waiting for each other than the machine has places for (BPF_MEMWORDS).
    TooDeep,
    /// No argument has this number.
    Index(u8),
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
                write!(f, "{} is both allowed and denied", crate::syscalls::name(*nr).unwrap_or("a system call"))
            }
            Error::TooLong(len) => {
                write!(f, "the filter needs {len} instructions, the kernel takes {}", crate::compile::MAX_LEN)
            }
            Error::TooDeep => f.write_str("an expression on arguments is nested too deeply"),
            Error::Index(index) => write!(f, "there is no argument {index}"),
            Error::Argument(error) => write!(f, "{error}"),
            Error::Layout => f.write_str("seccompiler lays out its programs in an unexpected way"),
        }
    }
}

impl std::error::Error for Error {}
