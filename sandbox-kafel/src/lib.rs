//! Kafel, the policy language of nsjail: from a text to a filter.
//!
//! What is not mentioned gets the DEFAULT, and KILL where there is none. TRACE asks a tracer and USER_NOTIF a listener;
//! the kernel answers ENOSYS, and does not do the call, where there is none, and nobody listens to filters of ours.
//!
//! The launcher reads what users wrote with it, and the build of the engine the filters that come with sbx.

pub mod arguments;
mod include;
mod lex;
pub mod names;
mod parse;
pub mod source;

use std::collections::BTreeMap;
use std::path::Path;

use sandbox_filter::{Action, Expr, Filter};

use include::{Place, Tokens};
use parse::{Entry, Policy, Rule, parse};
pub use parse::{bits, fit};
use source::{Mistake, Source};

/// A policy that somebody wrote is shorter; one whose parts use each other again and again need not be.
const MAX_RULES: usize = 100_000;

/// How included files are read: their text, or what is wrong with them.
pub type Read<'r> = &'r dyn Fn(&Path) -> Result<String, String>;

/// The filter that a text says. Files are included relative to the current directory.
///
/// # Errors
/// What cannot be meant, and where.
pub fn compile(source: Source, read: Read) -> Result<Filter, Mistake> {
    Ok(filter(&Rules::of(&Tokens::of(source, Path::new(""), read)?)?))
}

/// The filter that this file says, whose text has been read. Files are included relative to its directory.
///
/// # Errors
/// What cannot be meant, and where.
pub fn compile_file(source: Source, path: &Path, read: Read) -> Result<Filter, Mistake> {
    Ok(filter(&Rules::of(&Tokens::of_file(source, path, read)?)?))
}

/// A filter of which every group of calls is preceded by the reason for it.
pub struct Explained<'r> {
    tokens: Tokens<'r>,
    /// By number: the reason of its first rule, and where that is.
    rules: BTreeMap<u32, (String, Place)>,
    pub filter: Filter,
}

impl<'r> Explained<'r> {
    /// As [`compile_file`].
    ///
    /// # Errors
    /// The same, and a group without a comment right above it.
    pub fn compile_file(source: Source, path: &Path, read: Read<'r>) -> Result<Self, Mistake> {
        let tokens = Tokens::of_file(source, path, read)?;
        let rules = Rules::of(&tokens)?;
        let filter = filter(&rules);
        let reason = |(nr, Answers { first, .. }): (u32, Answers)| {
            let rule = first?;
            Some(match tokens.comment_above(rule.group) {
                Some(why) => Ok((nr, (why, rule.place))),
                None => Err(tokens.mistake(rule.group, "no comment right above says why")),
            })
        };
        let rules = rules.by_number.into_iter().filter_map(reason).collect::<Result<_, _>>()?;
        Ok(Explained { tokens, rules, filter })
    }

    /// Why it has a rule for this number.
    pub fn why(&self, nr: u32) -> Option<&str> {
        self.rules.get(&nr).map(|(why, _)| why.as_str())
    }

    /// A mistake at its first rule for this number.
    pub fn mistake(&self, nr: u32, what: &str) -> Mistake {
        self.tokens.mistake(self.rules.get(&nr).map_or(self.tokens.end(), |(_, place)| *place), what)
    }
}

fn filter(rules: &Rules) -> Filter {
    let default = rules.default.unwrap_or(Action::KillThread);
    let unknown = default.for_unknown();
    let rule = |(&nr, answers): (&u32, &Answers)| {
        let otherwise = answers.always.unwrap_or(if sandbox_filter::is_known(nr) { default } else { unknown });
        let rule = if answers.arms.is_empty() {
            sandbox_filter::Rule::Always(otherwise)
        } else {
            sandbox_filter::Rule::ByExpr { arms: answers.arms.clone(), otherwise }
        };
        (nr, rule)
    };
    Filter { default, unknown, rules: rules.by_number.iter().map(rule).collect() }
}

/// Rules by number, those of each in their order.
#[derive(Default)]
struct Rules {
    default: Option<Action>,
    by_number: BTreeMap<u32, Answers>,
    count: usize,
}

#[derive(Default)]
struct Answers {
    first: Option<Found>,
    arms: Vec<(Expr, Action)>,
    /// The first without a condition: nothing after it is asked.
    always: Option<Action>,
}

/// Where a rule is, and the group it stands in.
#[derive(Clone, Copy)]
struct Found {
    place: Place,
    group: Place,
}

impl Rules {
    fn of(tokens: &Tokens) -> Result<Self, Mistake> {
        let Policy { body, default } = parse(tokens)?;
        let mut rules = Rules { default, ..Rules::default() };
        rules
            .add(&body)
            .map_err(|place| tokens.mistake(place, format!("with what it uses, it has more than {MAX_RULES} rules")))?;
        Ok(rules)
    }

    fn add(&mut self, body: &[Entry]) -> Result<(), Place> {
        for entry in body {
            self.count += 1;
            match entry {
                Entry::Use(_, place) | Entry::Rule(Rule { place, .. }) if self.count > MAX_RULES => return Err(*place),
                Entry::Use(policy, _) => self.add(policy)?,
                Entry::Rule(rule) => {
                    let answers = self.by_number.entry(rule.nr).or_default();
                    answers.first.get_or_insert(Found { place: rule.place, group: rule.group });
                    match &rule.when {
                        _ if answers.always.is_some() => {}
                        None => answers.always = Some(rule.action),
                        Some(when) => answers.arms.push((when.clone(), rule.action)),
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn explained(text: &str) -> Result<Explained<'static>, String> {
        let source = Source { name: "p".into(), text: text.into() };
        let path = Path::new("p");
        Explained::compile_file(source, path, &|_| Err("no other file".into())).map_err(|mistake| mistake.to_string())
    }

    #[test]
    fn a_reason_is_that_of_the_first_rule() {
        let text = "// debuggers\nALLOW { ptrace }\n\n/* Others. */\n\n// others\n// and more\nERRNO(1) { ptrace, kcmp }\nDEFAULT ALLOW";
        let filter = explained(text).unwrap();
        let why = |name| filter.why(sandbox_filter::number(name).unwrap());
        assert_eq!((why("ptrace"), why("kcmp"), why("read")), (Some("debuggers"), Some("others and more"), None));
        let place = filter.mistake(sandbox_filter::number("kcmp").unwrap(), "x").to_string();
        assert!(place.starts_with("p:8:20: x\n"), "{place}");
    }

    #[test]
    fn a_group_without_a_reason_is_a_mistake() {
        for (text, place) in [
            ("ALLOW { read }", "p:1:1: "),
            ("// the reads\nALLOW { read }\nALLOW { write }", "p:3:1: "),
            ("// too far above\n\nPOLICY a {\n  ALLOW { read }\n}\nUSE a", "p:4:3: "),
        ] {
            let mistake = explained(text).err().unwrap();
            assert!(mistake.starts_with(place) && mistake.contains("no comment right above"), "{mistake}");
        }
    }
}
