//! What a filter is, to be read: its programs, or one policy in a language.

mod asm;
mod cubes;
mod json;
mod kafel;
mod merge;

use std::ffi::OsStr;

use sandbox_core::policy::Policy;
use sandbox_core::policy::types::{FilterChoice, FilterName};
use sandbox_core::seccomp::{self, Filter, Rule, Shipped};
use sandbox_core::step;

use crate::error::Error;

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Asm,
    Kafel,
    Json,
}

impl Form {
    pub fn named(name: &OsStr) -> Option<Form> {
        [("asm", Form::Asm), ("kafel", Form::Kafel), ("json", Form::Json)]
            .into_iter()
            .find_map(|(known, form)| (name == known).then_some(form))
    }
}

/// Why the shipped filter that is chosen has a rule for this number.
fn why(policy: &Policy, nr: u32) -> Option<&'static str> {
    let name = match policy.seccomp {
        None => FilterName::Default,
        Some(FilterChoice::Named(name)) => name,
        Some(FilterChoice::File(_) | FilterChoice::Program(_)) => return None,
    };
    Shipped::from_name(name.name())?.why(nr)
}

/// The same filter with the answer to unknown numbers as its default, where in the language that is one for them too.
fn spelled_out(filter: Filter, form: Form) -> Filter {
    let of_unknown = if form == Form::Json { filter.default } else { filter.default.for_unknown() };
    if of_unknown == filter.unknown {
        return filter;
    }
    let known = (0..=seccomp::NEWEST).filter(|nr| seccomp::is_known(*nr));
    let mut rules: std::collections::BTreeMap<_, _> = known.map(|nr| (nr, Rule::Always(filter.default))).collect();
    rules.extend(filter.rules.clone());
    Filter { default: filter.unknown, rules, ..filter }
}

/// The filter of this policy; `own` is what its text says where it has one.
///
/// # Errors
/// What cannot be said in that form.
pub fn filter(policy: &Policy, own: Option<&Filter>, form: Form) -> Result<Vec<u8>, Error> {
    if form == Form::Asm {
        return Ok(asm::programs(&step::seccomp::programs(policy)?).into_bytes());
    }
    let filters = step::seccomp::filters(policy, own)?;
    let unprintable = |why| Error::Unprintable { what: "--print-filter".into(), why };
    let filters = filters.ok_or_else(|| unprintable("a compiled filter can be printed as asm only"))?;
    let filter = spelled_out(merge::merge(filters), form);
    let text = if form == Form::Kafel { kafel::text(&filter, &|nr| why(policy, nr)) } else { json::text(&filter) };
    text.map(String::into_bytes).map_err(|nr| Error::Unprintable {
        what: format!("--print-filter: {}", seccomp::name(nr).unwrap_or("a number without a name")),
        why: "what it is answered cannot be said in this language; --as asm can",
    })
}
