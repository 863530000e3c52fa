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
