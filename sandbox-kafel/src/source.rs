//! The text of a policy and the places in it, for messages that show where.

use std::fmt;

/// What of a line is shown around a mistake.
const AROUND: usize = 60;

/// One text: a file, or a setting's value.
#[derive(Debug)]
pub struct Source {
    /// As it is called in messages.
    pub name: String,
    pub text: String,
}

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    pub name: String,
    /// Counted from 1, columns in characters.
    pub line: usize,
    pub column: usize,
    pub what: String,
    /// The line, and what to put under it so that the last character of that is below the place.
    shown: String,
    under: String,
}

impl Source {
    /// A mistake at this byte.
    pub fn mistake(&self, at: usize, what: impl Into<String>) -> Mistake {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let left: Vec<char> = before.get(start..).unwrap_or_default().chars().collect();
        let right = self.text.get(before.len()..).unwrap_or_default().lines().next().unwrap_or_default();
        let shown: Vec<char> = left.iter().copied().skip(left.len().saturating_sub(AROUND)).collect();
        // A tab stays one, so that the caret comes to stand below whatever its width.
        let blank = |c: &char| if *c == '\t' { '\t' } else { ' ' };
        let (under, shown): (String, String) = (shown.iter().map(blank).collect(), shown.iter().collect());
        Mistake {
            name: self.name.clone(),
            line: before.matches('\n').count() + 1,
            column: left.len() + 1,
            what: what.into(),
            shown: printable(shown + &right.chars().take(AROUND).collect::<String>()),
            under: under + "^",
        }
    }

    /// What the lines of comment say that end right above the line of this byte, on which nothing precedes it.
    pub fn comment_above(&self, at: usize) -> Option<String> {
        let mut lines = self.text.get(..at)?.rsplit('\n');
        if !lines.next()?.trim().is_empty() {
            return None;
        }
        let comment = lines.map_while(|line| line.trim().strip_prefix("//")).map(str::trim);
        let mut comment: Vec<_> = comment.collect();
        comment.reverse();
        Some(comment.join(" ")).filter(|text| !text.is_empty())
    }

    /// A mistake at a line and a column, as serde_json counts them: columns in bytes, from 1, and 0 for before the line.
    pub fn mistake_at(&self, line: usize, column: usize, what: impl Into<String>) -> Mistake {
        let start: usize = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let mut at = (start + column.saturating_sub(1)).min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        self.mistake(at, what)
    }
}

/// A policy may come from anywhere, and a terminal obeys what it is shown.
fn printable(text: String) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mistake { name, line, column, what, shown, under } = self;
        let (name, what) = (printable(name.replace(['\n', '\t'], " ")), printable(what.replace(['\n', '\t'], " ")));
        write!(f, "{name}:{line}:{column}: {what}\nsbx: | {shown}\nsbx: | {under}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { name: "p".into(), text: text.into() }
    }

    #[test]
    fn the_caret_is_below_the_place() {
        let message = source("one\n\ttwo three\nfour").mistake(9, "why").to_string();
        assert_eq!(message, "p:2:6: why\nsbx: | \ttwo three\nsbx: | \t    ^");
        assert_eq!(source("").mistake(0, "why").to_string(), "p:1:1: why\nsbx: | \nsbx: | ^");
        assert_eq!(source("ab\n").mistake(3, "why").to_string(), "p:2:1: why\nsbx: | \nsbx: | ^");
        assert_eq!(source("é é").mistake(3, "why").column, 3);
    }

    #[test]
    fn a_comment_belongs_to_the_line_below_it() {
        let above = |text: &str| source(text).comment_above(text.find("ALLOW").unwrap());
        assert_eq!(above("// a\n\n// b\n  // c \n  ALLOW"), Some("b c".into()));
        for none in ["ALLOW", "// a\n\nALLOW", "// a\nx, ALLOW", "//\nALLOW", "/* a */\nALLOW"] {
            assert_eq!(above(none), None, "{none}");
        }
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let line = "x".repeat(5000);
        let Mistake { shown, under, column, .. } = source(&line).mistake(2500, "why");
        assert_eq!((shown.len(), under.len(), column), (2 * AROUND, AROUND + 1, 2501));
    }

    #[test]
    fn a_terminal_is_not_told_what_to_do() {
        let message = source("\u{1b}[2J x").mistake(5, "'\u{1b}[2J'").to_string();
        assert!(!message.contains('\u{1b}'), "{message:?}");
    }

    #[test]
    fn lines_and_columns_of_others_are_places() {
        let source = source("{\n \"é\": 1,\n}");
        assert_eq!((source.mistake_at(2, 6, "").line, source.mistake_at(2, 6, "").column), (2, 5));
        assert_eq!((source.mistake_at(9, 9, "").line, source.mistake_at(1, 0, "").column), (3, 1));
    }
}
