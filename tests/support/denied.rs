//! A denial is two runs: one that must fail in exactly one way, and one that shows the act succeeding otherwise.

use super::sandbox::{ENTRIES, Sandbox};

/// An act of the probe's, the settings that refuse it, and those under which it succeeds.
pub struct Denial<'a> {
    pub act: &'a [&'a str],
    /// Settings (`name=value`) under which it is refused; none: by default.
    pub with: &'a [&'a str],
    /// Settings under which it succeeds.
    pub without: &'a [&'a str],
    pub errno: &'a str,
}

/// Tries both, by both entry points.
#[track_caller]
pub fn denied(denial: &Denial) {
    let Denial { act, with, without, errno } = denial;
    for entry in ENTRIES {
        let refused = Sandbox::new(entry).with(with).probe(act);
        assert_eq!(refused.ok(), *errno, "{act:?} with {with:?}, {entry:?}");
        let control = Sandbox::new(entry).with(without).probe(act);
        assert_eq!(control.ok(), "ok", "the control of {act:?}: {without:?}, {entry:?}");
    }
}
