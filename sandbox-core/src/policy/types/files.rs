//! Files and where they appear.

use std::ffi::CString;

use super::{c_string, size};
use crate::setting::text;
use crate::setting::value::Text;

/// What `/` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// The host's tree.
    Host,
    /// A new, empty file system.
    Empty,
    /// This directory of the host's.
    Dir(CString),
}

impl Text for Root {
    fn parse(text: &[u8]) -> Result<Self, String> {
        match text {
            b"host" => Ok(Root::Host),
            b"empty" => Ok(Root::Empty),
            [b'/' | b'.', ..] => Ok(Root::Dir(c_string(text.into())?)),
            _ => Err("expected host, empty, or a directory that begins with '/' or '.'".into()),
        }
    }
    fn show(&self) -> Vec<u8> {
        match self {
            Root::Host => b"host".into(),
            Root::Empty => b"empty".into(),
            Root::Dir(dir) => dir.to_bytes().into(),
        }
    }
}

/// A path inside: absolute, without `..`, so that where it lies cannot depend on links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside(pub CString);

impl Inside {
    /// Its bytes, normalised: one `/` between names, none at the end.
    pub fn bytes(&self) -> &[u8] {
        self.0.to_bytes()
    }
}

impl Text for Inside {
    fn parse(text: &[u8]) -> Result<Self, String> {
        if text.first() != Some(&b'/') {
            return Err("expected a path that begins with '/'".into());
        }
        Ok(Inside(c_string(normal(text)?)?))
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_bytes().into()
    }
}

/// Joins a path's names by single slashes and refuses `..`, whose meaning would depend on links.
pub(crate) fn normal(path: &[u8]) -> Result<Vec<u8>, String> {
    let mut normal = Vec::with_capacity(path.len());
    for name in path.split(|&b| b == b'/') {
        match name {
            b"" | b"." => {}
            b".." => return Err("'..' cannot be part of a path inside".into()),
            name => {
                normal.push(b'/');
                normal.extend_from_slice(name);
            }
        }
    }
    if normal.is_empty() {
        normal.push(b'/');
    }
    Ok(normal)
}

/// A bind mount: a source of the host's, and where it appears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// The host's path; relative to the caller's current directory when it does not begin with `/`.
    pub source: CString,
    /// The path inside; absent: the same as the source's.
    pub target: Option<Inside>,
}

impl Text for Bind {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut fields = text::split(text, b':').into_iter();
        let source = text::unescape(fields.next().unwrap_or_default())?;
        let target = fields.next().map(|field| Inside::parse(&text::unescape(field)?)).transpose()?;
        if source.is_empty() {
            return Err("the source is empty".into());
        }
        if fields.next().is_some() {
            return Err("expected SRC or SRC:DST; a ':' in a path is written '\\:'".into());
        }
        if target.as_ref().is_some_and(|t| t.bytes() == b"/") {
            return Err("the root itself is chosen by the setting root".into());
        }
        Ok(Bind { source: c_string(source)?, target })
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = Vec::new();
        text::escape(self.source.to_bytes(), b",:", &mut shown);
        if let Some(target) = &self.target {
            shown.push(b':');
            text::escape(target.bytes(), b",:", &mut shown);
        }
        shown
    }
}

/// A tmpfs(5): private, in memory, gone at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tmpfs {
    /// The path inside.
    pub target: Inside,
    /// Bytes it may hold; absent: the kernel's default, half of the memory.
    pub size: Option<u64>,
    /// Mode of its root directory; absent: 1777.
    pub mode: Option<u32>,
}

impl Text for Tmpfs {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut fields = text::split(text, b':').into_iter();
        let target = Inside::parse(&text::unescape(fields.next().unwrap_or_default())?)?;
        if target.bytes() == b"/" {
            return Err("the root itself is chosen by the setting root".into());
        }
        let mut tmpfs = Tmpfs { target, size: None, mode: None };
        for field in fields {
            match field.iter().position(|&b| b == b'=').map(|at| field.split_at(at)) {
                Some((b"size", value)) if tmpfs.size.is_none() => {
                    tmpfs.size = Some(size(value.get(1..).unwrap_or_default())?);
                }
                Some((b"mode", value)) if tmpfs.mode.is_none() => {
                    tmpfs.mode = Some(mode(value.get(1..).unwrap_or_default())?);
                }
                _ => {
                    return Err("expected DST, then at most one each of size=SIZE and mode=MODE".into());
                }
            }
        }
        Ok(tmpfs)
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = Vec::new();
        text::escape(self.target.bytes(), b",:", &mut shown);
        if let Some(size) = self.size {
            shown.extend_from_slice(format!(":size={size}").as_bytes());
        }
        if let Some(mode) = self.mode {
            shown.extend_from_slice(format!(":mode={mode:o}").as_bytes());
        }
        shown
    }
}

/// A mode of at most four octal digits.
fn mode(text: &[u8]) -> Result<u32, String> {
    let octal = std::str::from_utf8(text).ok().filter(|t| t.len() <= 4 && t.bytes().all(|b| b.is_ascii_digit()));
    octal.and_then(|t| u32::from_str_radix(t, 8).ok()).ok_or_else(|| "expected an octal mode, such as 0755".into())
}
