//! Files inside whose text is read from a file outside: the launcher turns them into the setting `file`, so that whatever is
//! printed or handed on is complete.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use sandbox_core::setting::{self, Assignment, Origin, text};

use crate::error::system_text;

/// The flag, and the key of a policy file.
pub const NAME: &str = "file-from";

/// What execve(2) takes as one string (MAX_ARG_STRLEN, with pages of 4 KiB), its NUL included.
pub const LONGEST_STRING: usize = 128 << 10;

/// The assignment of `file` that `DST:FILE[:mode=MODE]` stands for; the error names the value.
pub fn assignment(value: &[u8], origin: Origin) -> Result<Assignment, String> {
    let failed = |why: String| format!("{NAME} '{}': {why}", text::show(value));
    let fields = text::split(value, b':');
    let (target, file, rest) = match fields.as_slice() {
        [target, file, rest @ ..] if !target.is_empty() && !file.is_empty() => (target, file, rest),
        _ => return Err(failed("expected DST:FILE or DST:FILE:mode=MODE".into())),
    };
    let bytes = read(&text::unescape(file).map_err(failed)?).map_err(failed)?;
    let mut said = target.to_vec();
    said.push(b':');
    text::escape(&bytes, b",:", &mut said);
    for field in rest {
        said.push(b':');
        said.extend_from_slice(field);
    }
    let setting = setting::named("file").ok_or_else(|| failed("no setting is named file".into()))?;
    Ok(Assignment { setting, text: said, origin })
}

fn read(path: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(OsStr::from_bytes(path)).map_err(|error| system_text(&error))?;
    file.take(LONGEST_STRING as u64).read_to_end(&mut bytes).map_err(|error| system_text(&error))?;
    if bytes.len() == LONGEST_STRING {
        return Err("larger than the 128 KiB that one variable holds: use bind-ro".into());
    }
    if bytes.contains(&0) {
        return Err("holds a NUL byte, which no variable can carry: use bind-ro".into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Directory;

    #[test]
    fn what_a_file_holds_becomes_the_text_of_a_setting() {
        let dir = Directory::new();
        let file = dir.file("text", b"a:b,c\\\n\xff", 0o644);
        let value = format!("/in\\:side:{}:mode=600", file.display());
        let said = assignment(value.as_bytes(), Origin::Flag).unwrap();
        assert_eq!((said.setting.name, &said.text[..]), ("file", &b"/in\\:side:a\\:b\\,c\\\\\n\xff:mode=600"[..]));
    }

    #[test]
    fn what_a_variable_cannot_hold_is_refused_with_the_remedy() {
        let dir = Directory::new();
        let nul = dir.file("nul", b"a\0b", 0o644);
        let large = dir.file("large", &[b'x'; LONGEST_STRING], 0o644);
        for (file, words) in [(nul, "NUL"), (large, "128 KiB"), ("/nowhere".into(), "ENOENT"), ("/".into(), "EISDIR")] {
            let why = assignment(format!("/x:{}", file.display()).as_bytes(), Origin::Flag).unwrap_err();
            assert!(why.starts_with("file-from '/x:") && why.contains(words), "{why}");
        }
        for value in ["", "/x", "/x:", ":/x"] {
            assert!(assignment(value.as_bytes(), Origin::File).is_err(), "{value}");
        }
    }
}
