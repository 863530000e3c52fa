//! What `--learn` reads of a file it has written: nothing of it is lost or changed when it is written again, and what is
//! written is a policy.

use std::path::Path;

use sandbox_core::policy::Policy;
use sandbox_kafel::source::Source;
use sandbox_launcher::observe::learn::{Learned, Values};
use sandbox_launcher::observe::policy::{Form, text};
use sandbox_launcher::policy_file;

use crate::calls::compiled;
use crate::words::is_a_line;

pub fn holds(data: &[u8]) {
    let Ok(file) = std::str::from_utf8(data) else { return };
    let learned = match Learned::read(file) {
        Ok(learned) => learned,
        Err(why) => return is_a_line(&why),
    };
    assert_eq!(Learned::read(&learned.text("# ")).as_ref(), Ok(&learned));
    // Read with what is said twice, it says it once.
    assert_eq!(Learned::read(&[file, "\n", file].concat()).as_ref(), Ok(&learned));
    // No line takes back what another says.
    for one in file.lines().map(|line| Learned::read(line).unwrap()) {
        for (nr, values) in &one.calls {
            match (values, learned.calls.get(nr)) {
                (_, Some(Values::Any)) => {}
                (Values::These(some), Some(Values::These(all))) => assert!(some.is_subset(all), "{nr}"),
                (values, other) => panic!("{nr}: {values:?} is {other:?}"),
            }
        }
        for (path, writes) in &one.paths {
            assert!(learned.paths.get(path).is_some_and(|written| written >= writes));
        }
    }
    for form in [Form::Toml, Form::Kafel] {
        let written = text(&learned, form, "", None);
        assert_eq!(Learned::read(&written).as_ref(), Ok(&learned), "{written}");
        let kafel = match form {
            Form::Kafel => written,
            Form::Toml => {
                let said = policy_file::parse(&written).unwrap_or_else(|m| panic!("{}: {}\n{written}", m.line, m.what));
                Policy::merge(&said).unwrap();
                let kafel = said.into_iter().find(|said| said.setting.name == "seccomp-string").expect("a filter");
                String::from_utf8(kafel.text).unwrap()
            }
        };
        let source = Source { name: "p".into(), text: kafel.clone() };
        let filter = sandbox_kafel::compile(source, &|_: &Path| Err("no other file".into()));
        let filter = filter.unwrap_or_else(|mistake| panic!("{mistake}"));
        compiled(&filter);
        for nr in learned.calls.keys() {
            assert!(filter.rules.contains_key(nr), "{nr} is lost\n{kafel}");
        }
    }
}
