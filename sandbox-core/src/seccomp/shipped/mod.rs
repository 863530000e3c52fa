//! The filters that come with sbx, as tables: groups of names, what they are answered, and why.
//!
//! The tables are the only place where a shipped policy is written. build.rs compiles them into programs; the packed
//! form kept in the library is for requests that change one (`compose`), and the reasons for whoever asks.

mod args;
mod default;
mod dev;
mod keeper;
mod net;
mod none;
mod pure;
mod restrict;
mod strict;
mod supervisor;
mod toaster;
mod witness;

use super::ir::{Action, Clause, Cond, EPERM, Filter, Op, Rule};
use super::syscalls::{self, number_of};

/// A filter to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shipped {
    Default,
    Strict,
    Pure,
    NetClient,
    NetServer,
    Dev,
    Toaster,
    None,
}

impl Shipped {
    pub const ALL: [Shipped; 8] = [
        Shipped::Default,
        Shipped::Strict,
        Shipped::Pure,
        Shipped::NetClient,
        Shipped::NetServer,
        Shipped::Dev,
        Shipped::Toaster,
        Shipped::None,
    ];

    pub fn from_name(name: &str) -> Option<Shipped> {
        Shipped::ALL.into_iter().find(|shipped| shipped.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Shipped::Default => "default",
            Shipped::Strict => "strict",
            Shipped::Pure => "pure",
            Shipped::NetClient => "net-client",
            Shipped::NetServer => "net-server",
            Shipped::Dev => "dev",
            Shipped::Toaster => "toaster",
            Shipped::None => "none",
        }
    }

    /// One line for help and documents.
    pub fn summary(self) -> &'static str {
        match self {
            Shipped::Default => "refuses calls known to be dangerous and calls not known at all; for any program",
            Shipped::Strict => "allows what filters and converters need once loaded; no execve, sockets or new code",
            Shipped::Pure => "allows what computing needs: open descriptors, memory and time; opens and starts nothing",
            Shipped::NetClient => "default without taking connections",
            Shipped::NetServer => "default without making connections",
            Shipped::Dev => "default with debuggers and nested namespaces",
            Shipped::Toaster => "kills at 57 calls that few programs need, and allows the rest",
            Shipped::None => "refuses only foreign architectures, x32, unknown numbers and typing into a terminal",
        }
    }

    /// What it says, to be changed or written down.
    pub fn filter(self) -> Filter {
        let Parts { table, beside, lifted } = self.parts();
        let mut filter = table.filter();
        filter.rules.extend(beside.iter().flat_map(|table| table.filter().rules));
        filter.rules.retain(|&nr, _| !syscalls::name(nr).is_some_and(|name| lifted.contains(&name)));
        keep_terminal(&mut filter, EPERM);
        filter
    }

    /// Why it says what it says about a number; `None` where its default action answers.
    pub fn why(self, nr: u32) -> Option<&'static str> {
        let name = syscalls::name(nr).filter(|name| !self.parts().lifted.contains(name))?;
        let mut groups = self.groups().into_iter().flatten();
        let every = none::GROUPS.iter();
        groups.by_ref().chain(every).find(|group| group.names.contains(&name)).map(|group| group.why)
    }

    fn parts(self) -> Parts {
        let whole = |table| Parts { table, beside: None, lifted: &[] };
        match self {
            Shipped::Default => whole(&default::TABLE),
            Shipped::Strict => whole(&strict::TABLE),
            Shipped::Pure => whole(&pure::TABLE),
            Shipped::NetClient => Parts { beside: Some(&net::CLIENT), ..whole(&default::TABLE) },
            Shipped::NetServer => Parts { beside: Some(&net::SERVER), ..whole(&default::TABLE) },
            Shipped::Dev => Parts { lifted: dev::LIFTED, ..whole(&default::TABLE) },
            Shipped::Toaster => whole(&toaster::TABLE),
            Shipped::None => whole(&none::TABLE),
        }
    }

    fn groups(self) -> [&'static [Group]; 2] {
        match self {
            Shipped::Default | Shipped::Dev => [default::GROUPS, &[]],
            Shipped::NetClient => [net::CLIENT_GROUPS, default::GROUPS],
            Shipped::NetServer => [net::SERVER_GROUPS, default::GROUPS],
            Shipped::Strict => [strict::GROUPS, &[]],
            Shipped::Pure => [pure::GROUPS, &[]],
            Shipped::Toaster => [toaster::GROUPS, &[]],
            Shipped::None => [none::GROUPS, &[]],
        }
    }
}

/// What a filter is put together from.
struct Parts {
    table: &'static Table,
    /// Rules that stand instead of the table's.
    beside: Option<&'static Table>,
    /// Calls whose rules are left out.
    lifted: &'static [&'static str],
}

/// Refuses to type into a terminal where the filter would let it through: what loosens a filter does not loosen this. A
/// session of its own would be no better: a terminal that is nobody's can be made its own, and CAP_SYS_ADMIN may type
/// into any.
pub fn keep_terminal(filter: &mut Filter, refusal: Action) {
    let nr = u32::from(number_of("ioctl"));
    let passes = |action| matches!(action, Action::Allow | Action::Log);
    let (mut clauses, otherwise) = match filter.rule(nr) {
        Rule::Always(action) if !passes(action) => return,
        Rule::Always(action) => (Vec::new(), action),
        Rule::ByArgs { clauses, otherwise } => (clauses, otherwise),
        // In no table; a policy of somebody's own is preceded by a program that has this rule.
        Rule::ByExpr { .. } => return,
    };
    // Refused already, where all that is let through are other requests.
    let is_other = |cond: &Cond, typing: &Cond| {
        (cond.arg, cond.width, cond.op) == (typing.arg, typing.width, Op::Eq) && cond.value != typing.value
    };
    let lets_through = |typing: &[Cond]| {
        let other = |clause: &Clause| clause.when.iter().any(|cond| typing.iter().any(|typing| is_other(cond, typing)));
        passes(otherwise) || clauses.iter().any(|clause| passes(clause.action) && !other(clause))
    };
    let typing: Vec<_> = args::TYPING
        .iter()
        .filter(|(when, _)| lets_through(when))
        .map(|(when, _)| Clause { when: when.to_vec(), action: refusal })
        .collect();
    clauses.retain(|clause| typing.iter().all(|other| other.when != clause.when));
    clauses.splice(0..0, typing);
    filter.rules.insert(nr, Rule::ByArgs { clauses, otherwise });
}

/// The filter of our own supervising process.
pub fn supervisor() -> Filter {
    supervisor::TABLE.filter()
}

/// The filter of our own process that is asked about calls.
pub fn witness() -> Filter {
    witness::TABLE.filter()
}

/// The filter of the process that removes control groups.
pub fn keeper() -> Filter {
    keeper::TABLE.filter()
}

/// Restrictions asked for beside a filter. They are a program of their own, so that nothing that loosens the filter
/// can loosen them: of two answers the kernel takes the stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restrict {
    pub no_exec: bool,
    pub no_new_code: bool,
    pub no_sockets: bool,
}

impl Restrict {
    /// All eight, by their index.
    pub const fn nth(index: usize) -> Restrict {
        Restrict { no_exec: index & 1 != 0, no_new_code: index & 2 != 0, no_sockets: index & 4 != 0 }
    }

    pub const fn index(self) -> usize {
        self.no_exec as usize | (self.no_new_code as usize) << 1 | (self.no_sockets as usize) << 2
    }

    pub fn filter(self) -> Filter {
        // With it stands the rule that every filter has, for programs that no filter of ours comes after.
        let mut filter = none::TABLE.filter();
        for (asked, table) in [
            (self.no_exec, &restrict::NO_EXEC),
            (self.no_new_code, &restrict::NO_NEW_CODE),
            (self.no_sockets, &restrict::NO_SOCKETS),
        ] {
            if asked {
                filter.rules.extend(table.filter().rules);
            }
        }
        filter
    }
}

/// Calls answered alike for one reason.
pub(super) struct Group {
    why: &'static str,
    answer: Answer,
    names: &'static [&'static str],
}

const fn group(why: &'static str, answer: Answer, names: &'static [&'static str]) -> Group {
    Group { why, answer, names }
}

/// A rule that fits in a table: see `ir::Rule`.
#[derive(Clone, Copy)]
enum Answer {
    Always(Action),
    /// The first of these whose conditions all hold, else the last field.
    ByArgs(&'static [(&'static [Cond], Action)], Action),
}

impl Answer {
    fn rule(self) -> Rule {
        match self {
            Answer::Always(action) => Rule::Always(action),
            Answer::ByArgs(clauses, otherwise) => {
                let clause = |&(when, action): &(&[Cond], Action)| Clause { when: when.to_vec(), action };
                Rule::ByArgs { clauses: clauses.iter().map(clause).collect(), otherwise }
            }
        }
    }
}

/// A table packed for the library: no names, and few pointers, each of which ld.so would relocate in every target.
pub(super) struct Table {
    default: Action,
    /// Number, and index of its answer.
    entries: &'static [(u16, u8)],
    answers: &'static [Answer],
}

impl Table {
    pub(super) fn filter(&self) -> Filter {
        let rule = |&(nr, answer): &(u16, u8)| {
            let answer = self.answers.get(usize::from(answer))?;
            Some((u32::from(nr), answer.rule()))
        };
        Filter { rules: self.entries.iter().filter_map(rule).collect(), ..Filter::new(self.default) }
    }
}

/// Packs groups, at compile time: a name that does not exist, or stands in two groups, does not compile.
macro_rules! table {
    ($default:expr, $groups:expr) => {{
        static ENTRIES: [(u16, u8); super::len($groups)] = super::entries($groups);
        static ANSWERS: [super::Answer; $groups.len()] = super::answers($groups);
        super::Table { default: $default, entries: &ENTRIES, answers: &ANSWERS }
    }};
}
use table;

// The functions below run in the compiler only, where an index out of range is an error of the build.

const fn len(groups: &[Group]) -> usize {
    let (mut i, mut len) = (0, 0);
    while i < groups.len() {
        len += groups[i].names.len();
        i += 1;
    }
    len
}

const fn entries<const N: usize>(groups: &[Group]) -> [(u16, u8); N] {
    let mut entries = [(0, 0); N];
    let (mut i, mut at) = (0, 0);
    while i < groups.len() {
        let names = groups[i].names;
        let mut j = 0;
        while j < names.len() {
            let nr = number_of(names[j]);
            let mut k = 0;
            while k < at {
                assert!(entries[k].0 != nr, "a system call stands twice in a shipped filter");
                k += 1;
            }
            entries[at] = (nr, i as u8);
            at += 1;
            j += 1;
        }
        i += 1;
    }
    entries
}

const fn answers<const N: usize>(groups: &[Group]) -> [Answer; N] {
    let mut answers = [Answer::Always(Action::Allow); N];
    let mut i = 0;
    while i < groups.len() {
        answers[i] = groups[i].answer;
        i += 1;
    }
    answers
}
