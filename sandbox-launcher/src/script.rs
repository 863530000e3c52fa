//! The first line of a script, read as the kernel reads it (fs/binfmt_script.c).

/// BINPRM_BUF_SIZE: what the kernel looks at of any file.
pub const LINE_MAX: usize = 256;

/// How many interpreters the kernel goes through before it answers ELOOP.
pub const DEPTH_MAX: usize = 5;

/// What the start of a file says about its interpreter.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// No `#!`.
    Not,
    /// `#!`, but the kernel will not take it.
    Unusable,
    /// The interpreter's path, and the one argument that may follow it.
    Interpreter(&'a [u8], Option<&'a [u8]>),
}

/// Reads the first `LINE_MAX` bytes of a file (fewer if it is shorter).
pub fn parse(start: &[u8]) -> Line<'_> {
    let Some(rest) = start.strip_prefix(b"#!") else {
        return Line::Not;
    };
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let newline = rest.iter().position(|&b| b == b'\n');
    let line = rest.get(..newline.unwrap_or(rest.len())).unwrap_or_default();
    let from = line.iter().position(|b| !blank(b)).unwrap_or(line.len());
    let line = line.get(from..).unwrap_or_default();
    let end = line.iter().position(|b| blank(b) || *b == 0);
    // A path that the kernel's buffer may have cut short must not be taken for another.
    if newline.is_none() && end.is_none() && start.len() >= LINE_MAX {
        return Line::Unusable;
    }
    let (path, rest) = line.split_at(end.unwrap_or(line.len()));
    if path.is_empty() {
        return Line::Unusable;
    }
    // What the kernel's buffer has of it: its last byte is the kernel's own.
    let lost = if newline.is_none() { start.len().saturating_sub(LINE_MAX - 1) } else { 0 };
    let rest = rest.get(..rest.len().saturating_sub(lost)).unwrap_or_default();
    // Blanks before a newline are no argument; before the file's end there is a NUL, and they are followed by one.
    let ended = rest.iter().rposition(|b| !blank(b)).map_or(0, |last| last + 1);
    let has_end = newline.is_some() || start.len() >= LINE_MAX - 1;
    let rest = if has_end { rest.get(..ended).unwrap_or_default() } else { rest };
    // A NUL ends the name, and then nothing follows it; or it ends the argument, which may be empty.
    let argument = match rest.first() {
        None | Some(0) => None,
        Some(_) => {
            let from = rest.iter().position(|b| !blank(b)).unwrap_or(rest.len());
            rest.get(from..).and_then(|text| text.split(|&b| b == 0).next())
        }
    };
    Line::Interpreter(path, argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_kernel_reads_them() {
        let long = [b"#!/".to_vec(), vec![b'a'; LINE_MAX]].concat();
        let fits = [b"#!/bin/sh ".to_vec(), vec![b'a'; LINE_MAX]].concat();
        let cut = vec![b'a'; LINE_MAX - 1 - b"#!/bin/sh ".len()];
        let cases: [(&[u8], Line<'_>); 18] = [
            (b"#!/bin/sh\n", Line::Interpreter(b"/bin/sh", None)),
            (b"#! \t/bin/sh -e -x\n", Line::Interpreter(b"/bin/sh", Some(b"-e -x"))),
            (b"#!/bin/sh \t -e \t\nnext", Line::Interpreter(b"/bin/sh", Some(b"-e"))),
            (b"#!/bin/sh", Line::Interpreter(b"/bin/sh", None)),
            (b"#!/bin/sh \t", Line::Interpreter(b"/bin/sh", Some(b""))),
            (b"#!/bin/sh -e ", Line::Interpreter(b"/bin/sh", Some(b"-e "))),
            (b"#!/bin/sh -e  \0-x \n", Line::Interpreter(b"/bin/sh", Some(b"-e  "))),
            (b"#!/bin/sh \0-x\n", Line::Interpreter(b"/bin/sh", Some(b""))),
            (b"#!/bin/sh -e\0-x\n", Line::Interpreter(b"/bin/sh", Some(b"-e"))),
            (b"#!sh\n", Line::Interpreter(b"sh", None)),
            (b"#!/usr/bin/env python3\necho", Line::Interpreter(b"/usr/bin/env", Some(b"python3"))),
            (b"#!/bin/sh\r\n", Line::Interpreter(b"/bin/sh\r", None)),
            (b"#!\n/bin/sh", Line::Unusable),
            (b"#!  \t\n", Line::Unusable),
            (b"#!", Line::Unusable),
            (b" #!/bin/sh\n", Line::Not),
            (&long[..LINE_MAX], Line::Unusable),
            (&fits[..LINE_MAX], Line::Interpreter(b"/bin/sh", Some(&cut))),
        ];
        for (start, line) in cases {
            assert_eq!(parse(start), line, "{}", String::from_utf8_lossy(start));
        }
    }
}
