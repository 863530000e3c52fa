//! Files and where they appear.

mod bind;
mod made;
mod overlay;
mod tmpfs;

use std::ffi::CString;

use super::{c_string, size};
use crate::setting::text;
use crate::setting::value::Text;

pub use bind::Bind;
pub use made::{Directory, InlineFile, Link};
pub use overlay::{Overlay, Upper};
pub use tmpfs::Tmpfs;

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

/// The fields of a value, without their escapes.
fn fields(text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    text::split(text, b':').into_iter().map(text::unescape).collect()
}

/// Appends a field with its escapes, after a `:` where it is not the first.
fn put(field: &[u8], shown: &mut Vec<u8>) {
    if !shown.is_empty() {
        shown.push(b':');
    }
    text::escape(field, b",:", shown);
}

/// What stands after `key=`.
fn value<'a>(field: &'a [u8], key: &str) -> Option<&'a [u8]> {
    field.strip_prefix(key.as_bytes())?.strip_prefix(b"=")
}

/// Puts a value where none is yet.
fn once<T>(place: &mut Option<T>, value: T, name: &str) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{name} is given twice")),
    }
}

/// As `once`, for the two options that exclude each other: whether files may be executed.
fn executable(place: &mut Option<bool>, exec: bool) -> Result<(), String> {
    match place.replace(exec) {
        None => Ok(()),
        Some(was) if was == exec => Err(format!("{} is given twice", if exec { "exec" } else { "noexec" })),
        Some(_) => Err("exec and noexec exclude each other".into()),
    }
}

/// The root cannot be covered by something that is put into it.
fn not_root(target: Inside) -> Result<Inside, String> {
    if target.bytes() == b"/" { Err("the root itself is chosen by the setting root".into()) } else { Ok(target) }
}

/// A path of the host's.
fn outside(path: Vec<u8>, name: &str) -> Result<CString, String> {
    if path.is_empty() { Err(format!("{name} is empty")) } else { c_string(path) }
}

/// A mode of at most four octal digits.
fn mode(text: &[u8]) -> Result<u32, String> {
    let octal = std::str::from_utf8(text).ok().filter(|t| t.len() <= 4 && t.bytes().all(|b| b.is_ascii_digit()));
    octal.and_then(|t| u32::from_str_radix(t, 8).ok()).ok_or_else(|| "expected an octal mode, such as 0755".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: Text + std::fmt::Debug>(texts: &[&str]) {
        for text in texts {
            assert!(T::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    fn shows<T: Text>(pairs: &[(&str, &str)]) {
        for (text, shown) in pairs {
            let read = T::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(String::from_utf8(read.show()).unwrap(), *shown, "{text}");
        }
    }

    #[test]
    fn a_bind_takes_options_in_any_order_and_none_twice() {
        shows::<Bind<true>>(&[
            ("/a", "/a"),
            ("/a:/b:dev:exec", "/a:/b:exec:dev"),
            ("/a:exec", "/a:exec"),
            ("/a:rw", "/a"),
            ("a:ro", "a:ro"),
            ("/a:noexec", "/a:noexec"),
            ("/a\\:/b\\:/c", "/a\\:/b\\:/c"),
        ]);
        shows::<Bind<false>>(&[("/a:ro", "/a"), ("/a:/b:noexec", "/a:/b:noexec"), ("/a:dev", "/a:dev")]);
        refused::<Bind<true>>(&[
            "",
            ":/a",
            "/a:b",
            "/a:/b:/c",
            "/a:/",
            "/a:exec:/b",
            "/a:exec:noexec",
            "/a:exec:exec",
            "/a:dev:dev",
            "/a:ro:rw",
            "/a:rw:rw",
            "/a:",
            "/a::exec",
            "/a:EXEC",
            "/a:suid",
        ]);
        refused::<Bind<false>>(&["/a:rw", "/a:/b:rw", "/a:rw:ro"]);
    }

    #[test]
    fn an_overlay_has_lowers_and_both_or_neither_of_upper_and_work() {
        shows::<Overlay>(&[
            ("/o:lower=/a", "/o:lower=/a"),
            ("/:lower=a:lower=/b\\:c", "/:lower=a:lower=/b\\:c"),
            ("/o:work=/w:upper=/u:noexec:lower=/a", "/o:lower=/a:upper=/u:work=/w:noexec"),
        ]);
        refused::<Overlay>(&[
            "",
            "/o",
            "o:lower=/a",
            "/o:upper=/u:work=/w",
            "/o:lower=/a:upper=/u",
            "/o:lower=/a:work=/w",
            "/o:lower=",
            "/o:lower=/a:upper=:work=/w",
            "/o:lower=/a:upper=/u:upper=/u:work=/w",
            "/o:lower=/a:ro",
            "/../o:lower=/a",
        ]);
    }

    #[test]
    fn what_is_made_has_a_place_of_its_own() {
        shows::<Link>(&[("usr/bin:/bin", "usr/bin:/bin"), ("../a\\:b:/c/", "../a\\:b:/c")]);
        refused::<Link>(&["", "a", ":/a", "a:b", "a:/", "a:/b:c"]);
        shows::<Directory>(&[("/a//b", "/a/b"), ("/a:mode=0700", "/a:mode=700")]);
        refused::<Directory>(&["", "a", "/", "/a:700", "/a:mode=8", "/a:mode=700:mode=700"]);
        shows::<InlineFile>(&[("/a:", "/a:"), ("/a:x\\:y\\,:mode=0555", "/a:x\\:y\\,:mode=555")]);
        refused::<InlineFile>(&["", "/a", "/:x", "a:x", "/a:x:y", "/a:x:mode=9", "/a:x:mode=1:mode=1"]);
        shows::<Tmpfs>(&[("/t:exec", "/t"), ("/t:noexec:size=1k", "/t:size=1024:noexec")]);
        refused::<Tmpfs>(&["/t:exec:noexec", "/t:noexec:noexec", "/t:ro", "/"]);
    }
}
