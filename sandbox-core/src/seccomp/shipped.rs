//! The filters that come with sbx. What they say is written in `filters/*.kafel`, and nowhere else: build.rs compiles them
//! into programs. Their rules are kept in a few bytes besides, for requests that change one (`compose`), and their reasons
//! for whoever asks.

use libc::sock_filter;
use sandbox_filter::{Action, Clause, Cond, Filter, Op, Rule};

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
            Shipped::None => {
                "refuses only foreign architectures, x32, unknown numbers, and what reaches the caller's terminal or process group"
            }
        }
    }

    /// What it says, to be changed or written down.
    pub fn filter(self) -> Filter {
        unpack(match self {
            Shipped::Default => &data::DEFAULT_RULES,
            Shipped::Strict => &data::STRICT_RULES,
            Shipped::Pure => &data::PURE_RULES,
            Shipped::NetClient => &data::NET_CLIENT_RULES,
            Shipped::NetServer => &data::NET_SERVER_RULES,
            Shipped::Dev => &data::DEV_RULES,
            Shipped::Toaster => &data::TOASTER_RULES,
            Shipped::None => &data::NONE_RULES,
        })
    }

    /// The same as a program: a start must not wait for a compiler.
    pub(super) fn program(self) -> &'static [sock_filter] {
        match self {
            Shipped::Default => &data::DEFAULT,
            Shipped::Strict => &data::STRICT,
            Shipped::Pure => &data::PURE,
            Shipped::NetClient => &data::NET_CLIENT,
            Shipped::NetServer => &data::NET_SERVER,
            Shipped::Dev => &data::DEV,
            Shipped::Toaster => &data::TOASTER,
            Shipped::None => &data::NONE,
        }
    }

    /// Why it says what it says about a number; `None` where its default action answers.
    pub fn why(self, nr: u32) -> Option<&'static str> {
        let reasons: &[(u32, &str)] = match self {
            Shipped::Default => &data::DEFAULT_REASONS,
            Shipped::Strict => &data::STRICT_REASONS,
            Shipped::Pure => &data::PURE_REASONS,
            Shipped::NetClient => &data::NET_CLIENT_REASONS,
            Shipped::NetServer => &data::NET_SERVER_REASONS,
            Shipped::Dev => &data::DEV_REASONS,
            Shipped::Toaster => &data::TOASTER_REASONS,
            Shipped::None => &data::NONE_REASONS,
        };
        reasons.iter().find(|(known, _)| *known == nr).map(|(_, why)| *why)
    }
}

/// Refuses what every filter refuses (to type into a terminal, to signal the caller's process group) where the filter would
/// let it through: what loosens a filter does not loosen this.
pub fn keep_guards(filter: &mut Filter, refusal: Action) {
    // `none` is this and nothing else.
    let none = Shipped::None.filter().rules;
    for (nr, rule) in none {
        let Rule::ByArgs { clauses: typing, .. } = rule else { continue };
        let passes = |action| matches!(action, Action::Allow | Action::Log);
        let (mut clauses, otherwise) = match filter.rule(nr) {
            Rule::Always(action) if !passes(action) => continue,
            Rule::Always(action) => (Vec::new(), action),
            Rule::ByArgs { clauses, otherwise } => (clauses, otherwise),
            // In no filter of ours; a policy of somebody's own is preceded by a program that has this rule.
            Rule::ByExpr { .. } => continue,
        };
        // Refused already, where all that is let through are other requests.
        let is_other = |cond: &Cond, typing: &Cond| {
            (cond.arg, cond.width, cond.op) == (typing.arg, typing.width, Op::Eq) && cond.value != typing.value
        };
        let lets_through = |typing: &[Cond]| {
            let other =
                |clause: &Clause| clause.when.iter().any(|cond| typing.iter().any(|typing| is_other(cond, typing)));
            passes(otherwise) || clauses.iter().any(|clause| passes(clause.action) && !other(clause))
        };
        let typing: Vec<_> = typing
            .into_iter()
            .filter(|clause| lets_through(&clause.when))
            .map(|clause| Clause { action: refusal, ..clause })
            .collect();
        clauses.retain(|clause| typing.iter().all(|other| other.when != clause.when));
        clauses.splice(0..0, typing);
        filter.rules.insert(nr, Rule::ByArgs { clauses, otherwise });
    }
}

/// The filter of our own supervising process.
pub fn supervisor_filter() -> Filter {
    unpack(&data::SUPERVISOR_RULES)
}

/// The same as a program.
pub fn supervisor() -> &'static [sock_filter] {
    &data::SUPERVISOR
}

/// The filter of our own process that is asked about calls.
pub fn witness_filter() -> Filter {
    unpack(&data::WITNESS_RULES)
}

/// The same as a program.
pub fn witness() -> &'static [sock_filter] {
    &data::WITNESS
}

/// The filter of the process that removes control groups.
pub fn keeper_filter() -> Filter {
    unpack(&data::KEEPER_RULES)
}

/// The same as a program.
pub fn keeper() -> &'static [sock_filter] {
    &data::KEEPER
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
        let mut filter = unpack(&data::NONE_RULES);
        for (asked, rules) in [
            (self.no_exec, &data::NO_EXEC_RULES as &Rules<[u16]>),
            (self.no_new_code, &data::NO_NEW_CODE_RULES),
            (self.no_sockets, &data::NO_SOCKETS_RULES),
        ] {
            if asked {
                filter.rules.extend(unpack(rules).rules);
            }
        }
        filter
    }

    pub(super) fn program(self) -> &'static [sock_filter] {
        match self.index() {
            0 => &data::RESTRICTION_0,
            1 => &data::RESTRICTION_1,
            2 => &data::RESTRICTION_2,
            3 => &data::RESTRICTION_3,
            4 => &data::RESTRICTION_4,
            5 => &data::RESTRICTION_5,
            6 => &data::RESTRICTION_6,
            7 => &data::RESTRICTION_7,
            // There are eight; the strictest, were there more.
            _ => &data::STRICT,
        }
    }
}

/// What a filter says, packed: a rule is the number of a call and that of its answer.
struct Rules<R: ?Sized> {
    default: Action,
    rules: R,
}

/// A rule without pointers: see `ir::Rule`.
#[derive(Clone, Copy)]
enum Answer {
    Always(Action),
    /// Which of the clauses, how many, and what there is otherwise.
    ByArgs(u8, u8, Action),
}

fn unpack(packed: &Rules<[u16]>) -> Filter {
    let rule = |&packed: &u16| {
        let nr = u32::from(packed) & ((1 << data::NUMBER_BITS) - 1);
        let answer = data::ANSWERS.get(usize::from(packed >> data::NUMBER_BITS))?;
        Some((nr, answer.rule()?))
    };
    Filter { rules: packed.rules.iter().filter_map(rule).collect(), ..Filter::new(packed.default) }
}

impl Answer {
    fn rule(self) -> Option<Rule> {
        let part = |first: u8, count: u8| usize::from(first)..usize::from(first) + usize::from(count);
        Some(match self {
            Answer::Always(action) => Rule::Always(action),
            Answer::ByArgs(first, count, otherwise) => {
                let clause = |&(first, count, action): &(u8, u8, Action)| {
                    Some(Clause { when: data::CONDS.get(part(first, count))?.to_vec(), action })
                };
                let clauses = data::CLAUSES.get(part(first, count))?.iter().map(clause).collect::<Option<_>>()?;
                Rule::ByArgs { clauses, otherwise }
            }
        })
    }
}

/// What build.rs makes of the filters.
mod data {
    use libc::sock_filter;
    use sandbox_filter::Action::{self, *};
    use sandbox_filter::Op::*;
    use sandbox_filter::Width::*;
    use sandbox_filter::{Cond, insn};

    use super::{Answer, Rules};

    include!(concat!(env!("OUT_DIR"), "/filters.rs"));
}
