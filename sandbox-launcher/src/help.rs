//! The help texts, from the same rows as the flags. clap's layout is not used: it knows no short lines of long tables.

use sandbox_core::setting::{Group, SETTINGS};

use crate::cli::OWN;

/// What a line may hold without a terminal breaking it.
const WIDTH: usize = 79;
/// Where the texts of the short help begin; a flag that reaches further has a line of its own.
const COLUMN: usize = 24;

const USAGE: &str = "Usage: sbx-launch [FLAGS] PROGRAM [ARGUMENT...]\n\
    Run a program in a sandbox that it enters before its main.\n";

/// Ends both help texts and the documents.
pub const SPELLINGS: &str = "Every --some-setting VALUE can also be written as\n    \
    some-setting = VALUE     in a policy file (--policy FILE)\n    \
    SBX_SOME_SETTING=VALUE   in the environment\n";

/// The whole text: a flag a line, or with all there is to say.
pub fn text(long: bool) -> String {
    let mut out = String::from(USAGE);
    section(&mut out, "Launcher");
    for own in OWN {
        entry(&mut out, long, own.name, own.metavar, own.help, own.more);
    }
    for group in Group::ALL {
        section(&mut out, group.name());
        for s in SETTINGS.iter().filter(|s| s.group == *group) {
            entry(&mut out, long, s.name, s.metavar, s.help, s.more);
        }
    }
    out.push('\n');
    out.push_str(SPELLINGS);
    out
}

fn section(out: &mut String, heading: &str) {
    out.push_str(&format!("\n{heading}:\n"));
}

fn entry(out: &mut String, long: bool, name: &str, metavar: &str, help: &str, more: &str) {
    let flag = format!("  --{name} {metavar}");
    let flag = flag.trim_end();
    if long {
        out.push_str(&format!("{flag}\n"));
        wrap(out, 6, help);
        wrap(out, 6, more);
    } else if flag.len() + 2 <= COLUMN {
        out.push_str(&format!("{flag:COLUMN$}"));
        let start = out.len();
        wrap(out, COLUMN, help);
        out.replace_range(start..start + COLUMN, "");
    } else {
        out.push_str(&format!("{flag}\n"));
        wrap(out, COLUMN, help);
    }
}

/// Appends `text` as lines that begin at `column` and end before `WIDTH`.
fn wrap(out: &mut String, column: usize, text: &str) {
    let mut line = " ".repeat(column);
    for word in text.split_whitespace() {
        if line.len() > column && line.len() + 1 + word.len() > WIDTH {
            out.push_str(&line);
            out.push('\n');
            line.truncate(column);
        } else if line.len() > column {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_is_in_both_texts_and_every_line_fits() {
        for long in [false, true] {
            let text = text(long);
            assert!(text.lines().all(|l| l.len() <= WIDTH && !l.ends_with(' ')), "{text}");
            assert!(text.ends_with(SPELLINGS));
            for name in SETTINGS.iter().map(|s| s.name).chain(OWN.iter().map(|o| o.name)) {
                let flag = format!("  --{name}");
                assert!(text.lines().any(|l| l.split(' ').take(3).collect::<Vec<_>>().join(" ") == flag), "{name}");
            }
        }
    }
}
