//! Policy files: TOML whose keys are the names of settings.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sandbox_core::policy::Policy;
use sandbox_core::setting::{self, Assignment, Kind, Origin, Setting, text};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, system_text};
use crate::file_from;

/// No policy that somebody wrote is larger; what is was not meant as one.
const MAX_SIZE: u64 = 1 << 20;

/// What is wrong with a file, and in which of its lines, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    pub line: usize,
    pub what: String,
}

/// The settings of the file.
pub fn read(path: &Path) -> Result<Vec<Assignment>, Error> {
    let failed = |why: String| Error::PolicyFile { file: path.display().to_string(), why };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| failed(system_text(&e)))?;
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|e| failed(system_text(&e)))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(failed("larger than 1 MiB".into()));
    }
    let text = String::from_utf8(bytes).map_err(|_| failed("not UTF-8".into()))?;
    parse(&text).map_err(|Mistake { line, what }| failed(format!("line {line}: {what}")))
}

/// The settings that a file of this text makes; files that it names are read.
///
/// # Errors
/// The first mistake in it.
pub fn parse(source: &str) -> Result<Vec<Assignment>, Mistake> {
    let line = |at: usize| source.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
    let table = DeTable::parse(source).map_err(|error| {
        let what = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        Mistake { line: line(error.span().map_or(0, |span| span.start)), what }
    })?;
    // The table is sorted by name; mistakes are reported from the top of the file.
    let mut entries: Vec<(&Spanned<_>, &Spanned<DeValue<'_>>)> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut assignments = Vec::new();
    for (key, value) in entries {
        let mistake = |what| Mistake { line: line(key.span().start), what };
        let name: &str = key.get_ref();
        if name == file_from::NAME {
            let values =
                elements(value.get_ref()).ok_or_else(|| mistake(format!("{name}: expected an array of strings")))?;
            for value in values {
                let assignment = file_from::assignment(&value, Origin::File).map_err(mistake)?;
                check(&assignment).map_err(mistake)?;
                assignments.push(assignment);
            }
            continue;
        }
        let setting = setting::named(name);
        let setting =
            setting.ok_or_else(|| mistake(format!("{}: no setting has this name", text::show(name.as_bytes()))))?;
        let texts = texts(setting.kind, value.get_ref());
        for text in texts.map_err(|expected| mistake(format!("{name}: expected {expected}")))? {
            let assignment = Assignment { setting, text, origin: Origin::File };
            check(&assignment).map_err(mistake)?;
            assignments.push(assignment);
        }
    }
    Ok(assignments)
}

/// A malformed value is found here too, where its line is known.
fn check(assignment: &Assignment) -> Result<(), String> {
    let read = Policy::merge(std::slice::from_ref(assignment));
    read.map(drop).map_err(|error| error.to_string().trim_start_matches("policy: ").to_owned())
}

/// The texts that a value stands for, one an assignment; the error says which type the setting takes.
fn texts(kind: Kind, value: &DeValue<'_>) -> Result<Vec<Vec<u8>>, &'static str> {
    match (kind, value) {
        (Kind::Switch, DeValue::Boolean(on)) => Ok(vec![on.to_string().into_bytes()]),
        (Kind::Switch, _) => Err("true or false"),
        (Kind::One, value) => Ok(vec![scalar(value).ok_or("a string or an integer")?]),
        (Kind::List, DeValue::String(list)) => Ok(vec![list.as_bytes().into()]),
        (Kind::List, value) => {
            let mut joined = Vec::new();
            for (at, item) in elements(value).ok_or("an array of strings")?.iter().enumerate() {
                if at > 0 {
                    joined.push(b',');
                }
                text::escape(item, b",", &mut joined);
            }
            Ok(vec![joined])
        }
        (Kind::Repeat, value) => {
            let elements = elements(value).ok_or("an array of strings")?;
            // Absent is not empty: the empty array takes back what the profile gave, as an empty variable does.
            Ok(if elements.is_empty() { vec![Vec::new()] } else { elements })
        }
    }
}

fn elements(value: &DeValue<'_>) -> Option<Vec<Vec<u8>>> {
    match value {
        DeValue::Array(items) => items.iter().map(|item| scalar(item.get_ref())).collect(),
        _ => None,
    }
}

fn scalar(value: &DeValue<'_>) -> Option<Vec<u8>> {
    match value {
        DeValue::String(text) => Some(text.as_bytes().into()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n.to_string().into_bytes())
        }
        _ => None,
    }
}

/// A value of the setting as a policy file spells it, `None` where bytes are not UTF-8.
pub fn spell(setting: &Setting, given: &setting::value::Given) -> Option<String> {
    use setting::value::Given;
    let quoted = |bytes: &[u8]| Some(toml::Value::from(std::str::from_utf8(bytes).ok()?).to_string());
    let array = |items: &[Vec<u8>]| {
        Some(format!("[{}]", items.iter().map(|i| quoted(i)).collect::<Option<Vec<_>>>()?.join(", ")))
    };
    match given {
        Given::Switch(on) => Some(on.to_string()),
        Given::One(joined) if setting.kind == Kind::List => {
            let pieces = text::split(joined, b',').into_iter().filter(|_| !joined.is_empty());
            array(&pieces.map(text::unescape).collect::<Result<Vec<_>, _>>().ok()?)
        }
        // As anybody would write it; it reads back as the same text.
        Given::One(one) if number(one).is_some() => number(one),
        Given::One(one) => quoted(one),
        Given::Many { elements, .. } => array(elements),
    }
}

/// The text of a number that TOML would give back unchanged.
fn number(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let number: u32 = text.parse().ok()?;
    Some(number.to_string()).filter(|canonical| canonical == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandbox_core::setting::SETTINGS;

    fn mistake(source: &str) -> String {
        let Mistake { line, what } = parse(source).unwrap_err();
        format!("{line}: {what}")
    }

    #[test]
    fn values_of_every_kind_become_assignments() {
        let source = "uid = 0x10\nshare = [\"net\", \"pid\"]\nroot-rw = true\nbind = [\"/a\", \"/b:/c\"]\nkeep-fd = [3]\nhide = []\n";
        let said: Vec<_> = parse(source).unwrap().into_iter().map(|a| (a.setting.name, a.text)).collect();
        let meant = [
            ("uid", "16"),
            ("share", "net,pid"),
            ("root-rw", "true"),
            ("bind", "/a"),
            ("bind", "/b:/c"),
            ("keep-fd", "3"),
            ("hide", ""),
        ];
        assert_eq!(said, meant.map(|(name, text)| (name, text.as_bytes().to_vec())));
        assert_eq!(parse("share = \"net,pid\"").unwrap()[0].text, b"net,pid");
        assert_eq!(parse("share = []").unwrap()[0].text, b"");
        assert!(parse("# nothing\n").unwrap().is_empty());
    }

    #[test]
    fn mistakes_name_their_line_and_key() {
        let cases = [
            ("uid = 1\nbind-or = []", "2: bind-or: no setting has this name"),
            ("\n[files]\nbind = []", "2: files: no setting has this name"),
            ("[bind]\nx = 1", "1: bind: expected an array of strings"),
            ("uid.x = 1", "1: uid: expected a string or an integer"),
            ("root-rw = \"true\"", "1: root-rw: expected true or false"),
            ("root-rw = 1", "1: root-rw: expected true or false"),
            ("uid = 1.5", "1: uid: expected a string or an integer"),
            ("uid = true", "1: uid: expected a string or an integer"),
            ("uid = 99999999999999999999", "1: uid: expected a string or an integer"),
            ("bind = \"/usr\"", "1: bind: expected an array of strings"),
            ("bind = [[\"/usr\"]]", "1: bind: expected an array of strings"),
            ("share = true", "1: share: expected an array of strings"),
            ("\nuid = -1", "2: uid '-1': "),
            ("share = [\"net,pid\"]", "1: share 'net\\,pid': "),
            ("net = \"non\"", "1: net 'non': "),
            ("policy = \"x\"", "1: policy: no setting has this name"),
        ];
        for (source, start) in cases {
            assert!(mistake(source).starts_with(start), "{source}: {}", mistake(source));
        }
    }

    #[test]
    fn syntax_errors_and_doubled_keys_are_one_line() {
        for (source, line) in
            [("uid = 1\nuid = 2", "2: "), ("uid", "1: "), ("a\n= 1", "1: "), ("bind = [\"a\",\n", ""), ("\0", "1: ")]
        {
            let mistake = mistake(source);
            assert!(mistake.starts_with(line) && !mistake.contains('\n'), "{mistake}");
        }
    }

    #[test]
    fn files_that_cannot_be_policies_are_refused() {
        for (path, part) in [("/", "EISDIR"), ("/dev/zero", "1 MiB"), ("/nowhere/at/all", "ENOENT")] {
            let message = read(Path::new(path)).unwrap_err().message();
            assert!(message.starts_with(&format!("sbx: policy: {path}: ")) && message.contains(part), "{message}");
        }
    }

    #[test]
    fn every_sample_reads_back_from_what_is_spelled() {
        for setting in SETTINGS {
            for sample in setting.samples {
                let said = [Assignment { setting, text: sample.as_bytes().into(), origin: Origin::Flag }];
                let merged = setting::merged(&said).unwrap();
                let line = format!("{} = {}", setting.name, spell(setting, &merged[0].1).unwrap());
                assert_eq!(Policy::new(&parse(&line).unwrap()), Policy::new(&said), "{line}");
            }
        }
    }
}
