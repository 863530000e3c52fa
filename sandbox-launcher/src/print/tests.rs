//! What is printed reads back as what was said.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::Command;

use sandbox_core::policy::Policy;
use sandbox_core::setting::{self, Assignment, Origin, SETTINGS};

use super::shell::exports;
use super::{policy, variables};
use crate::policy_file;

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
