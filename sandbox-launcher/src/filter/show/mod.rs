//! What a filter is, to be read: its programs, or one policy in a language.

mod asm;
mod json;
mod kafel;
mod merge;

use std::ffi::OsStr;

use sandbox_core::policy::Policy;
use sandbox_core::seccomp::{self, ENOSYS, Filter, Rule};
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

/// The same filter with a default that, in a language, leaves unknown numbers what they are in it.
fn spelled_out(filter: Filter) -> Filter {
    if filter.default.for_unknown() == filter.unknown {
        return filter;
    }
    let known = (0..=seccomp::NEWEST).filter(|nr| seccomp::is_known(*nr));
    let mut rules: std::collections::BTreeMap<_, _> = known.map(|nr| (nr, Rule::Always(filter.default))).collect();
    rules.extend(filter.rules);
    Filter { default: ENOSYS, unknown: ENOSYS, rules }
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
    let filter = spelled_out(merge::merge(filters));
    let text = if form == Form::Kafel { kafel::text(&filter) } else { json::text(&filter) };
    text.map(String::into_bytes).map_err(|nr| Error::Unprintable {
        what: format!("--print-filter: {}", seccomp::name(nr).unwrap_or("a number without a name")),
        why: "what it is answered cannot be said in this language; --as asm can",
    })
}
