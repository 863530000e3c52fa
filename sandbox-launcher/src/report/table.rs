//! The rows as text, in the width there is.

use std::io::IsTerminal;
use std::os::fd::AsFd;

use super::rows::{Line, Row};

/// What it is printed to.
pub struct Style {
    /// Columns.
    pub width: usize,
    pub colour: bool,
}

impl Style {
    /// Where it is no terminal: no escape codes, and a line that fits most places.
    const PLAIN: Style = Style { width: 100, colour: false };
    const NARROWEST: usize = 24;

    /// That of a stream: a terminal's width, and colours unless NO_COLOR is set or the terminal knows none.
    pub fn of(to: &(impl AsFd + IsTerminal)) -> Self {
        if !to.is_terminal() {
            return Self::PLAIN;
        }
        let columns = rustix::termios::tcgetwinsize(to).map_or(0, |size| usize::from(size.ws_col));
        let is = |name: &str, wanted: fn(&str) -> bool| std::env::var(name).is_ok_and(|value| wanted(&value));
        Self {
            width: if columns == 0 { 80 } else { columns.max(Self::NARROWEST) },
            colour: !is("NO_COLOR", |value| !value.is_empty()) && !is("TERM", |value| value == "dumb"),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }
}

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";

/// Columns of labels, with the mark and a gap. Below the narrowest table, each side has lines of its own.
const LABELS: usize = 21;
const NARROWEST_TABLE: usize = 60;
const GAP: usize = 2;

/// The table.
pub fn text(lines: &[Line], style: &Style) -> String {
    let mut out = String::new();
    let is_table = style.width >= NARROWEST_TABLE;
    let cell = (style.width - GAP).saturating_sub(LABELS + GAP) / 2;
    if is_table {
        let (left, right) = (format!("{:cell$}", "outside"), "inside");
        out.push_str(&format!("{:LABELS$}{}{:GAP$}{}\n", "", style.paint(BOLD, &left), "", style.paint(BOLD, right)));
    }
    for line in lines {
        match line {
            Line::Group(heading) => out.push_str(&format!("{}\n", style.paint(BOLD, heading))),
            Line::Row(row) if is_table => side_by_side(&mut out, row, cell, style),
            Line::Row(row) => stacked(&mut out, row, style),
            Line::Wide(text) => indented(&mut out, &wrap(text, style.width.saturating_sub(6)), style),
        }
    }
    out.push_str(&style.paint(DIM, "* differs"));
    out.push('\n');
    out
}

fn mark(row: &Row) -> &'static str {
    if row.differs { "* " } else { "  " }
}

/// What is the same is only there to be complete.
fn code(row: &Row) -> &'static str {
    if row.differs { GREEN } else { DIM }
}

fn side_by_side(out: &mut String, row: &Row, cell: usize, style: &Style) {
    let (outside, inside) = (wrap(&row.outside, cell), wrap(&row.inside, cell));
    let labels = wrap(&row.label, LABELS - 3);
    for at in 0..outside.len().max(inside.len()).max(labels.len()) {
        let part = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
        let mark = if at == 0 { mark(row) } else { "  " };
        let label = format!("{mark}{:1$}", part(&labels), LABELS - 2);
        let (left, right) = (part(&outside), part(&inside));
        let left = if right.is_empty() { left } else { format!("{left:cell$}{:GAP$}", "") };
        let (label, left) = match row.differs {
            true => (label, left),
            false => (style.paint(DIM, &label), style.paint(DIM, &left)),
        };
        out.push_str(&format!("{label}{left}{}\n", style.paint(code(row), &right)));
    }
}

fn stacked(out: &mut String, row: &Row, style: &Style) {
    out.push_str(&format!("{}{}\n", mark(row), row.label));
    for (name, text, code) in [("outside", &row.outside, DIM), ("inside", &row.inside, code(row))] {
        let width = style.width.saturating_sub(12);
        for (at, line) in wrap(text, width).into_iter().enumerate() {
            let name = if at == 0 { name } else { "" };
            out.push_str(&format!("    {name:8}{}\n", style.paint(code, &line)));
        }
    }
}

/// At the depth of what belongs to a row; what continues a line is deeper.
fn indented(out: &mut String, lines: &[String], style: &Style) {
    for (at, line) in lines.iter().enumerate() {
        let depth = if at == 0 { 4 } else { 6 };
        out.push_str(&format!("{:depth$}{}\n", "", style.paint(DIM, line.trim_end())));
    }
}

/// Lines of at most `width` characters, broken at spaces where there are any; at least one.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split(' ') {
        for (at, piece) in cut(word, width).into_iter().enumerate() {
            let piece_length = piece.chars().count();
            let Some(line) = lines.last_mut() else { continue };
            if at == 0 && length + usize::from(length > 0) + piece_length <= width {
                if length > 0 {
                    line.push(' ');
                    length += 1;
                }
                line.push_str(&piece);
                length += piece_length;
            } else {
                length = piece_length;
                lines.push(piece);
            }
        }
    }
    lines
}

/// Lines of `width` characters, whatever they are.
fn cut(text: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    match characters.len() {
        0 => vec![String::new()],
        _ => characters.chunks(width.max(1)).map(|piece| piece.iter().collect()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(outside: &str, inside: &str) -> Line {
        let differs = outside != inside;
        Line::Row(Row { label: "a label".into(), outside: outside.into(), inside: inside.into(), differs })
    }

    #[test]
    fn columns_stand_under_each_other() {
        let lines = [Line::Group("group"), row("one", "two words"), row("same", "same")];
        let said = text(&lines, &Style { width: 80, colour: false });
        let mut said = said.lines();
        let head = said.next().unwrap();
        let (left, right) = (head.find("outside").unwrap(), head.find("inside").unwrap());
        assert_eq!(said.next(), Some("group"));
        let differs = said.next().unwrap();
        assert!(differs.starts_with("* a label") && differs[left..].starts_with("one"));
        assert_eq!(&differs[right..], "two words");
        assert!(said.next().unwrap().starts_with("  a label"));
    }

    #[test]
    fn only_colours_are_escape_codes() {
        let lines = [Line::Group("group"), row("one", "two"), row("same", "same"), Line::Wide("wide".into())];
        let said = |colour| text(&lines, &Style { width: 80, colour });
        assert!(!said(false).contains('\x1b') && said(true).contains("\x1b[32mtwo\x1b[0m"));
        let mut stripped = said(true);
        for code in ["\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[0m"] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, said(false));
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_there_is_room_and_nothing_is_lost(
            width in Style::NARROWEST..200_usize,
            outside in "[a-z ]{0,90}",
            inside in "[a-z]{0,90}",
            colour in any::<bool>(),
        ) {
            let lines = [row(&outside, &inside), Line::Wide(outside.clone())];
            let said = text(&lines, &Style { width, colour: false });
            for line in said.lines() {
                prop_assert!(line.chars().count() <= width, "{width}: {line}");
            }
            let letters = |text: &str| text.chars().filter(char::is_ascii_lowercase).count();
            let rest = letters("outside") + letters("inside") + letters("a label") + letters("differs");
            prop_assert_eq!(letters(&said), rest + 2 * letters(&outside) + letters(&inside));
            let coloured = text(&lines, &Style { width, colour });
            prop_assert_eq!(coloured.lines().count(), said.lines().count());
        }
    }
}
