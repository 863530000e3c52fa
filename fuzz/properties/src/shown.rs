//! `--print-filter`: what it shows of a policy in a language compiles to what is loaded.

use std::path::Path;

use sandbox_core::policy::Policy;
use sandbox_core::policy::types::{FilterChoice, Syscall};
use sandbox_core::setting::value::{List, Switch};
use sandbox_core::step::seccomp::programs;
use sandbox_filter::eval::{self, Call};
use sandbox_filter::{Error, Filter};
use sandbox_kafel::source::Source;
use sandbox_launcher::filter::oci::{self, Surroundings};
use sandbox_launcher::filter::show::{Form, filter as show};

use crate::calls::telling;

const SURROUNDINGS: Surroundings = Surroundings { kept: 0, kernel: (6, 12) };

/// A policy in one of the languages.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(own) = read(text) else { return };
    let Ok(program) = sandbox_filter::compile(&own) else { return };
    // What else a policy can ask, in turns.
    let deny = [None, Some(vec![Syscall(1)]), Some(vec![Syscall(317), Syscall(0)])];
    let policy = Policy {
        seccomp: Some(FilterChoice::compiled(&program)),
        seccomp_deny: List(deny[data.len() % deny.len()].clone()),
        no_exec: Switch(Some(data.len().is_multiple_of(4))),
        ..Policy::default()
    };
    let Ok(loaded) = programs(&policy) else { return };
    let calls = telling(&own);
    let answers = |call: &Call| eval::stacked(&loaded, call).0;
    for form in [Form::Kafel, Form::Json, Form::Asm] {
        let shown = match show(&policy, Some(&own), form) {
            Ok(shown) => String::from_utf8(shown).unwrap(),
            // A profile cannot say all that Kafel can; it is refused, and never said by half.
            Err(error) if form == Form::Json => {
                assert!(error.message().contains("--as asm can"), "{}", error.message());
                continue;
            }
            Err(error) => panic!("{}", error.message()),
        };
        if form == Form::Asm {
            continue;
        }
        let again = read(&shown).unwrap_or_else(|mistake| panic!("{mistake}\n{shown}"));
        let again = match sandbox_filter::compile(&again) {
            Ok(again) => again,
            // Written out, it may be longer.
            Err(Error::TooLong(_) | Error::TooDeep) => continue,
            Err(error) => panic!("{error}\n{shown}"),
        };
        for call in &calls {
            let ran = eval::run(&again, call).unwrap();
            assert_eq!(ran.ret, answers(call), "{call:x?}\n{shown}");
        }
    }
}

fn read(text: &str) -> Result<Filter, String> {
    let source = Source { name: "p".into(), text: text.into() };
    let read = if text.trim_start().starts_with('{') {
        oci::compile(&source, &SURROUNDINGS)
    } else {
        sandbox_kafel::compile(source, &|_: &Path| Err("no other file".into()))
    };
    read.map_err(|mistake| mistake.to_string())
}
