//! Policies in Kafel: a mistake has its place, and what is taken means what its rules say, as a program too.

use std::path::Path;

use sandbox_filter::Filter;
use sandbox_kafel::source::{Mistake, Source};
use sandbox_kafel::{Explained, compile, compile_file};

use crate::calls::compiled;
use crate::words::has_its_place;

/// Files are separated by form feeds: the policy, and what it can include as "1", "2" and so on.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut files = text.split('\x0c');
    let policy = files.next().unwrap_or_default();
    let files: Vec<(String, &str)> = (1..).map(|at: usize| at.to_string()).zip(files).collect();
    let read = |path: &Path| {
        let found = files.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| String::from("not there"))
    };
    let source = || Source { name: "0".into(), text: policy.into() };
    let mut texts: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    texts.push(("0", policy));

    let given = compile(source(), &read);
    match &given {
        Ok(filter) => {
            // Numbers that nobody knows are never let through.
            assert!(filter.unknown.refuses());
            compiled(filter);
        }
        Err(mistake) => has_its_place(mistake, &texts),
    }
    // A file is read as a text is, but for a file that includes itself.
    if files.is_empty() {
        assert_eq!(compile_file(source(), Path::new("0"), &read), given);
    }
    match (Explained::compile_file(source(), Path::new("0"), &read), given) {
        (Ok(explained), Ok(filter)) => is_explained(&explained, &filter, &texts),
        (Err(mistake), _) => has_its_place(&mistake, &texts),
        (Ok(_), Err(mistake)) => panic!("taken, and not without reasons: {mistake}"),
    }
}

fn is_explained(explained: &Explained<'_>, filter: &Filter, texts: &[(&str, &str)]) {
    assert_eq!(&explained.filter, filter);
    for nr in filter.rules.keys() {
        assert!(!explained.why(*nr).expect("a reason").is_empty());
        let mistake: Mistake = explained.mistake(*nr, "said of it");
        has_its_place(&mistake, texts);
    }
}
