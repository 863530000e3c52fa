//! The grammar of values as text: lists separated by `,`, fields by `:`, either escaped by `\`.
//!
//! Values are bytes, not UTF-8: a file name is whatever the kernel takes.

/// Splits `text` at every unescaped `separator`; the pieces keep their escapes.
pub fn split(text: &[u8], separator: u8) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, &byte) in text.iter().enumerate() {
        if escaped {
            escaped = false;
        } else if byte == b'\\' {
            escaped = true;
        } else if byte == separator {
            pieces.push(text.get(start..at).unwrap_or_default());
            start = at + 1;
        }
    }
    pieces.push(text.get(start..).unwrap_or_default());
    pieces
}

/// Takes the escapes out of one piece.
///
/// # Errors
/// A backslash before anything but `,`, `:` or `\` is an error: guessing could change which file is meant.
pub fn unescape(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        match bytes.next() {
            Some(&next @ (b',' | b':' | b'\\')) => plain.push(next),
            _ => return Err("a backslash must stand before ',', ':' or another backslash".into()),
        }
    }
    Ok(plain)
}

/// Appends `plain` to `out` with every byte of `special`, and the backslash itself, escaped.
pub fn escape(plain: &[u8], special: &[u8], out: &mut Vec<u8>) {
    for &byte in plain {
        if byte == b'\\' || special.contains(&byte) {
            out.push(b'\\');
        }
        out.push(byte);
    }
}

/// Bytes for a message: UTF-8 where they are, `\xNN` where they are not, control bytes escaped.
pub fn show(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                shown.extend(c.escape_default());
            } else {
                shown.push(c);
            }
        }
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn splits_at_bare_separators_only() {
        assert_eq!(split(b"a,b\\,c,", b','), [&b"a"[..], b"b\\,c", b""]);
        assert_eq!(split(b"", b','), [&b""[..]]);
        assert_eq!(split(b"a\\\\,b", b','), [&b"a\\\\"[..], b"b"]);
    }

    #[test]
    fn a_stray_backslash_is_an_error() {
        assert!(unescape(b"a\\n").is_err());
        assert!(unescape(b"a\\").is_err());
        assert_eq!(unescape(b"a\\:b\\\\"), Ok(b"a:b\\".to_vec()));
    }

    #[test]
    fn shows_control_and_foreign_bytes_escaped() {
        assert_eq!(show(b"a\n\xff\xc3\xa9"), "a\\n\\xff\u{e9}");
    }

    proptest! {
        #[test]
        fn split_undoes_join(pieces in prop::collection::vec(prop::collection::vec(1u8.., 0..8), 1..6)) {
            let mut joined = Vec::new();
            for (at, piece) in pieces.iter().enumerate() {
                if at > 0 {
                    joined.push(b',');
                }
                escape(piece, b",", &mut joined);
            }
            let split: Vec<_> = split(&joined, b',').into_iter().map(|p| unescape(p).unwrap()).collect();
            prop_assert_eq!(split, pieces);
        }
    }
}
