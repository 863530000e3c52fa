//! What is said to somebody who made a mistake.

use sandbox_kafel::source::Mistake;

/// One line, and nothing that a terminal would obey.
pub fn is_a_line(said: &str) {
    assert!(!said.is_empty() && !said.chars().any(char::is_control), "{said:?}");
}

/// It is in one of these texts, and what is shown is its line, with the caret below the place.
pub fn has_its_place(mistake: &Mistake, texts: &[(&str, &str)]) {
    let (_, text) = texts.iter().find(|(name, _)| *name == mistake.name).expect("one of the texts");
    // Not lines(): what ends in a newline has an empty last line, where the end is.
    let mut lines = text.split('\n').skip(mistake.line.checked_sub(1).expect("counted from 1"));
    let line = lines.next().expect("a line of the text");
    let line = if lines.next().is_some() { line.strip_suffix('\r').unwrap_or(line) } else { line };
    let column = mistake.column.checked_sub(1).expect("counted from 1");
    // Or the end of the line, of which \r may be a part.
    assert!(column <= line.chars().count() + 1, "{mistake}");

    let shown = mistake.to_string();
    let lines: Vec<&str> = shown.split('\n').collect();
    let [first, line_shown, caret] = lines[..] else { panic!("{shown:?}") };
    is_a_line(first);
    let line_shown = line_shown.strip_prefix("sbx: | ").expect("the line");
    let caret = caret.strip_prefix("sbx: | ").and_then(|caret| caret.strip_suffix('^')).expect("the caret");
    assert!(caret.chars().all(|c| c == ' ' || c == '\t'), "{caret:?}");
    // The character above the caret is the one at the place.
    let there = line.chars().nth(column).map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c });
    assert_eq!(line_shown.chars().nth(caret.chars().count()), there, "{shown}");
}
