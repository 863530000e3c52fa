//! Profiles of containers: a mistake has its place, and what is taken means what its rules say, as a program too.

use sandbox_kafel::source::Source;
use sandbox_launcher::filter::oci::{Surroundings, compile, kernel};

use crate::calls::compiled;
use crate::words::has_its_place;

pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let source = Source { name: "p".into(), text: text.into() };
    let mut mistakes = Vec::new();
    for (kept, release) in [(0, (3, 0)), (0, (6, 12)), (u64::MAX, (6, 12))] {
        match compile(&source, &Surroundings { kept, kernel: release }) {
            Ok(filter) => {
                assert!(filter.unknown.refuses());
                compiled(&filter);
                mistakes.push(None);
            }
            Err(mistake) => {
                has_its_place(&mistake, &[("p", text)]);
                mistakes.push(Some(mistake));
            }
        }
    }
    // A mistake does not hide behind a condition.
    assert!(mistakes.windows(2).all(|pair| pair[0] == pair[1]), "{mistakes:?}");
    // ignored: that it ends is all
    let _ = kernel(text);
}
