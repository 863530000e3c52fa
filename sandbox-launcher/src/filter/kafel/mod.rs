//! Kafel, the policy language of nsjail: from a text to a filter.
//!
//! What is not mentioned gets the DEFAULT, and KILL where there is none. TRACE asks a tracer and USER_NOTIF a listener;
//! the kernel answers ENOSYS, and does not do the call, where there is none, and nobody listens to filters of ours.

mod include;
mod lex;
mod parse;

use std::collections::BTreeMap;
use std::path::Path;

use sandbox_core::seccomp::{self, Action, Expr, Filter};

use super::source::{Mistake, Source};
use super::unknown;
use include::{Place, Tokens};
use parse::{Entry, Policy, Rule, parse};
pub use parse::{bits, fit};

/// A policy that somebody wrote is shorter; one whose parts use each other again and again need not be.
const MAX_RULES: usize = 100_000;

/// The filter that a text says. Files are included relative to the current directory.
///
/// # Errors
/// What cannot be meant, and where.
pub fn compile(source: Source) -> Result<Filter, Mistake> {
    let tokens = Tokens::of(source, Path::new(""))?;
    filter(&tokens)
}

/// The filter that this file says, whose text has been read. Files are included relative to its directory.
///
/// # Errors
/// What cannot be meant, and where.
pub fn compile_file(source: Source, path: &Path) -> Result<Filter, Mistake> {
    let tokens = Tokens::of_file(source, path)?;
    filter(&tokens)
}

fn filter(tokens: &Tokens) -> Result<Filter, Mistake> {
    let Policy { body, default } = parse(tokens)?;
    let mut rules = Rules::default();
    rules
        .add(&body)
        .map_err(|place| tokens.mistake(place, format!("with what it uses, it has more than {MAX_RULES} rules")))?;
    let default = default.unwrap_or(Action::KillThread);
    let unknown = unknown(default);
    let rule = |(nr, answers): (u32, Answers)| {
        let otherwise = answers.always.unwrap_or(if seccomp::is_known(nr) { default } else { unknown });
        let rule = match answers.arms {
            arms if arms.is_empty() => seccomp::Rule::Always(otherwise),
            arms => seccomp::Rule::ByExpr { arms, otherwise },
        };
        (nr, rule)
    };
    Ok(Filter { default, unknown, rules: rules.by_number.into_iter().map(rule).collect() })
}

/// Rules by number, those of each in their order.
#[derive(Default)]
struct Rules {
    by_number: BTreeMap<u32, Answers>,
    count: usize,
}

#[derive(Default)]
struct Answers {
    arms: Vec<(Expr, Action)>,
    /// The first without a condition: nothing after it is asked.
    always: Option<Action>,
}

impl Rules {
    fn add(&mut self, body: &[Entry]) -> Result<(), Place> {
        for entry in body {
            self.count += 1;
            match entry {
                Entry::Use(_, place) | Entry::Rule(Rule { place, .. }) if self.count > MAX_RULES => return Err(*place),
                Entry::Use(policy, _) => self.add(policy)?,
                Entry::Rule(rule) => {
                    let answers = self.by_number.entry(rule.nr).or_default();
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
