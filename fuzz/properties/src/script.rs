//! The first line of scripts, against the kernel's own way of reading it (load_script() of fs/binfmt_script.c).

use sandbox_launcher::script::{LINE_MAX, Line, parse};

pub fn holds(data: &[u8]) {
    let start = data.get(..LINE_MAX).unwrap_or(data);
    let expected = match kernel(start) {
        Kernel::Other => Line::Not,
        Kernel::Refused => Line::Unusable,
        Kernel::Runs(path, argument) => Line::Interpreter(path, argument),
    };
    assert_eq!(parse(start), expected);
}

enum Kernel<'a> {
    Other,
    Refused,
    Runs(&'a [u8], Option<&'a [u8]>),
}

/// The kernel's buffer has zeroes after what a shorter file fills.
fn kernel(start: &[u8]) -> Kernel<'_> {
    let mut buffer = [0; LINE_MAX];
    buffer[..start.len()].copy_from_slice(start);
    if !buffer.starts_with(b"#!") {
        return Kernel::Other;
    }
    let blank = |at: &usize| matches!(buffer[*at], b' ' | b'\t');
    // Without a newline in it, the line may go on: then it must at least be seen where the name ends.
    let end = match buffer.iter().position(|&b| b == b'\n') {
        Some(end) => end,
        None => {
            let Some(first) = (2..LINE_MAX).find(|at| !blank(at)) else { return Kernel::Refused };
            if !(first..LINE_MAX).any(|at| blank(&at) || buffer[at] == 0) {
                return Kernel::Refused;
            }
            LINE_MAX - 1
        }
    };
    // Blanks at the end are cut off: a NUL is none.
    let end = (2..=end).rev().find(|end| !blank(&(end - 1))).unwrap_or(end);
    let Some(first) = (2..end).find(|at| !blank(at)) else { return Kernel::Refused };
    let last = (first..end).find(|at| blank(at) || buffer[*at] == 0).unwrap_or(end);
    // open() of an empty name finds nothing.
    if first == last {
        return Kernel::Refused;
    }
    let shown = |from: usize, to: usize| start.get(from..to).unwrap_or_default();
    let argument = (last < end && buffer[last] != 0).then(|| {
        let from = (last..end).find(|at| !blank(at)).unwrap_or(end);
        shown(from, (from..end).find(|&at| buffer[at] == 0).unwrap_or(end))
    });
    Kernel::Runs(shown(first, last), argument)
}
