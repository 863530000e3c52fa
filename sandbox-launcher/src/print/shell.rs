//! `--print-env`: lines for a shell, by which the library does the same without the launcher.

use crate::asked::Asked;
use crate::environment::{self, loader_words};
use crate::error::Error;

use super::{can_be_handed_on, variables};

/// The variables that say all settings, and LD_PRELOAD.
///
/// # Errors
/// What no variable can hold.
pub fn env(asked: &Asked) -> Result<Vec<u8>, Error> {
    let library = asked.library()?;
    let word = library.word().ok_or_else(|| {
        let what = "--print-env: the library's path has a space, ':' or '$' in it, which LD_PRELOAD cannot hold";
        Error::CommandLine { what: what.into(), hint: Some("name a copy elsewhere with --library FILE") }
    })?;
    let mut entries = variables(&asked.settings()?);
    can_be_handed_on(&entries)?;
    entries.push(environment::preload(word, &loader_words(&asked.caller, b"LD_PRELOAD=")));
    Ok(exports(entries.iter().map(Vec::as_slice)))
}

/// `entries` as lines that a shell's eval exports.
pub(super) fn exports<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let at = entry.iter().position(|&b| b == b'=').unwrap_or(entry.len());
        let (name, value) = entry.split_at(at);
        out.extend_from_slice(&[b"export ", name, b"="].concat());
        quote(value.get(1..).unwrap_or_default(), &mut out);
        out.push(b'\n');
    }
    out
}

/// Between single quotes nothing means anything to sh but the quote that ends them.
fn quote(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    for &byte in value {
        match byte {
            b'\'' => out.extend_from_slice(b"'\\''"),
            _ => out.push(byte),
        }
    }
    out.push(b'\'');
}
