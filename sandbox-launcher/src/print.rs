//! The same settings in another spelling: a policy file, or variables for a shell.

use sandbox_core::error::PolicyError;
use sandbox_core::setting::value::Given;
use sandbox_core::setting::{self, Setting, text};

use crate::error::Error;
use crate::file_from::LONGEST_STRING;
use crate::policy_file;

/// A merged setting with its value.
pub type Merged = (&'static Setting, Given);

/// A policy file that says all of `settings`.
pub fn policy(settings: &[Merged]) -> Result<Vec<u8>, Error> {
    let mut out = String::new();
    for (setting, given) in settings {
        let value = policy_file::spell(setting, given).ok_or_else(|| Error::Unprintable {
            what: format!("{} '{}'", setting.name, text::show(&given.variable())),
            why: "a policy file cannot hold bytes that are not UTF-8",
        })?;
        out.push_str(&format!("{} = {value}\n", setting.name));
    }
    Ok(out.into_bytes())
}

/// The environment entries (`NAME=VALUE`) that assign `settings`.
pub fn variables(settings: &[Merged]) -> Vec<Vec<u8>> {
    settings.iter().map(|(setting, given)| [setting.variable().as_bytes(), b"=", &given.variable()].concat()).collect()
}

/// That execve(2) takes each of the entries that hold settings.
pub fn can_be_handed_on(entries: &[Vec<u8>]) -> Result<(), PolicyError> {
    match entries.iter().find(|entry| setting::is_ours(entry) && entry.len() >= LONGEST_STRING) {
        None => Ok(()),
        Some(entry) => {
            let name = entry.split(|&b| b == b'=').next().unwrap_or_default();
            let why = format!("{} bytes, and a variable holds less than 128 KiB", entry.len());
            let remedy = if name == b"SBX_FILE" { "; bind-ro takes a file of any size" } else { "" };
            Err(PolicyError::conflict(&text::show(name), why + remedy))
        }
    }
}

/// `entries` as lines that a shell's eval exports.
pub fn exports<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let at = entry.iter().position(|&b| b == b'=').unwrap_or(entry.len());
        let (name, value) = entry.split_at(at);
        out.extend_from_slice(&[b"export ", name, b"="].concat());
        quote(value.get(1..).unwrap_or_default(), &mut out);
        out.push(b'\n');
    }
    out
}

/// Between single quotes nothing means anything to sh but the quote that ends them.
fn quote(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    for &byte in value {
        match byte {
            b'\'' => out.extend_from_slice(b"'\\''"),
            _ => out.push(byte),
        }
    }
    out.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::process::Command;

    use sandbox_core::policy::Policy;
    use sandbox_core::setting::{Assignment, Origin, SETTINGS};

    /// Every setting at once, with values that quoting could break.
    fn everything() -> Vec<Assignment> {
        let say = |setting, text: &[u8]| Assignment { setting, text: text.into(), origin: Origin::Flag };
        let samples = SETTINGS.iter().flat_map(|s| s.samples.iter().map(move |sample| say(s, sample.as_bytes())));
        let hide = setting::named("hide").unwrap();
        let hostile: [&[u8]; 4] = [b"", b"/it's \"$(here)\" `x`\\", b"/new\nline,comma", b"/tab\tand\x01"];
        samples.chain(hostile.map(|text| say(hide, text))).collect()
    }

    #[test]
    fn a_printed_policy_reads_back_equal() {
        let said = everything();
        let printed = policy(&setting::merged(&said).unwrap()).unwrap();
        let file = std::env::temp_dir().join(format!("sbx-print-{}.toml", std::process::id()));
        std::fs::write(&file, printed).unwrap();
        let read = policy_file::read(&file);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(Policy::new(&read.unwrap()), Policy::new(&said));
    }

    #[test]
    fn bytes_that_toml_cannot_hold_are_an_error() {
        let setting = setting::named("hide").unwrap();
        let said = [Assignment { setting, text: b"/\xff".to_vec(), origin: Origin::Flag }];
        let message = policy(&setting::merged(&said).unwrap()).unwrap_err().message();
        assert!(message.starts_with("sbx: policy: hide '/\\xff': "), "{message}");
    }

    #[test]
    fn exported_variables_survive_a_shell_and_read_back_equal() {
        let mut said = everything();
        let setting = setting::named("hide").unwrap();
        said.push(Assignment { setting, text: b"/\xff".to_vec(), origin: Origin::Flag });
        let lines = exports(variables(&setting::merged(&said).unwrap()).iter().map(Vec::as_slice));
        let mut script = OsString::from_vec(lines);
        script.push("exec env -0");
        let out = Command::new("sh").env_clear().env("PATH", "/usr/bin:/bin").arg("-c").arg(script).output().unwrap();
        let entries = out.stdout.split(|&b| b == 0).filter(|e| !e.is_empty());
        let read = setting::from_environment(entries).unwrap();
        assert_eq!(Policy::new(&read), Policy::new(&said));
    }
}
