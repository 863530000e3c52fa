//! What is made in the sandbox's own file systems, and files that come with the settings.

use std::ffi::CString;

use super::{Inside, c_string, fields, mode, not_root, once, outside, put, value};
use crate::setting::value::Text;

/// A symbolic link, symlink(7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its text, as it is.
    pub text: CString,
    /// The path inside.
    pub target: Inside,
}

impl Text for Link {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let [text, target] = <[Vec<u8>; 2]>::try_from(fields(text)?).map_err(|_| "expected TARGET:LINK")?;
        Ok(Link { text: outside(text, "the target")?, target: Inside::parse(&target).and_then(not_root)? })
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = Vec::new();
        put(self.text.to_bytes(), &mut shown);
        put(self.target.bytes(), &mut shown);
        shown
    }
}

/// An empty directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The path inside.
    pub target: Inside,
    /// Its mode; absent: 755.
    pub mode: Option<u32>,
}

impl Text for Directory {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut fields = fields(text)?.into_iter();
        let target = Inside::parse(&fields.next().unwrap_or_default()).and_then(not_root)?;
        Ok(Directory { target, mode: only_mode(fields, "expected DST or DST:mode=MODE")? })
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = Vec::new();
        put(self.target.bytes(), &mut shown);
        put_mode(self.mode, &mut shown);
        shown
    }
}

/// A read-only file with this text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlineFile {
    /// The path inside.
    pub target: Inside,
    /// What it holds: no NUL, which no variable can carry.
    pub text: CString,
    /// Its mode; absent: 444.
    pub mode: Option<u32>,
}

impl Text for InlineFile {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let expected = "expected DST:TEXT or DST:TEXT:mode=MODE; a ':' in a text is written '\\:'";
        let mut fields = fields(text)?.into_iter();
        let target = Inside::parse(&fields.next().unwrap_or_default()).and_then(not_root)?;
        let text = fields.next().ok_or(expected)?;
        Ok(InlineFile { target, text: c_string(text)?, mode: only_mode(fields, expected)? })
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = Vec::new();
        put(self.target.bytes(), &mut shown);
        put(self.text.to_bytes(), &mut shown);
        put_mode(self.mode, &mut shown);
        shown
    }
}

fn only_mode(fields: impl Iterator<Item = Vec<u8>>, expected: &str) -> Result<Option<u32>, String> {
    let mut bits = None;
    for field in fields {
        once(&mut bits, mode(value(&field, "mode").ok_or(expected)?)?, "mode")?;
    }
    Ok(bits)
}

fn put_mode(mode: Option<u32>, shown: &mut Vec<u8>) {
    if let Some(mode) = mode {
        put(format!("mode={mode:o}").as_bytes(), shown);
    }
}
