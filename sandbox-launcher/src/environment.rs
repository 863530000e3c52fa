//! The environment that the target is started with: its own, and what the library needs to know. Pure.

use std::ffi::CString;

use sandbox_core::error::PolicyError;
use sandbox_core::setting::{self, Assignment, Origin};

use crate::print::{self, Merged};

/// Settings that are in the target's environment already when it starts.
const APPLIED: &[&str] = &["env", "unset-env", "clear-env"];

/// What the variables of that name (with its `=`) say, without the empty ones, which mean nothing to ld.so.
pub fn loader_words<'a>(environment: &'a [Vec<u8>], name: &[u8]) -> Vec<&'a [u8]> {
    environment.iter().filter_map(|entry| entry.strip_prefix(name)).filter(|words| !words.is_empty()).collect()
}

/// LD_PRELOAD with the library first and what was there after it, as it was.
pub fn preload(library: &[u8], others: &[&[u8]]) -> Vec<u8> {
    let words: Vec<&[u8]> = std::iter::once(library).chain(others.iter().copied()).collect();
    [b"LD_PRELOAD=", &words.join(&b':')[..]].concat()
}

/// The target's environment with what the library needs to know, which it takes out again before main.
pub fn with_sandbox(environment: Vec<Vec<u8>>, settings: &[Merged], library: &[u8]) -> Vec<Vec<u8>> {
    let preload = preload(library, &loader_words(&environment, b"LD_PRELOAD="));
    let settings: Vec<Merged> = settings.iter().filter(|(s, _)| !APPLIED.contains(&s.name)).cloned().collect();
    let kept = environment.into_iter().filter(|entry| !entry.starts_with(b"LD_PRELOAD="));
    kept.chain(print::variables(&settings)).chain([preload]).collect()
}

/// The library hides the home that `$HOME` names when it starts, which is to be the caller's: where the target gets
/// another one, or none, the library is left to change it.
pub fn with_home(mut target: Vec<Vec<u8>>, caller: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, PolicyError> {
    let is_home = |entry: &&Vec<u8>| entry.starts_with(b"HOME=");
    let (wanted, home) = (target.iter().find(is_home).cloned(), caller.iter().find(is_home));
    if wanted.as_ref() == home {
        return Ok(target);
    }
    let (name, text) = match wanted {
        Some(entry) => ("env", entry),
        None => ("unset-env", b"HOME".to_vec()),
    };
    target.retain(|entry| !is_home(&entry));
    target.extend(home.cloned());
    let setting = setting::named(name).ok_or_else(|| PolicyError::unknown(name, Origin::Flag))?;
    target.extend(print::variables(&setting::merged(&[Assignment { setting, text, origin: Origin::Flag }])?));
    Ok(target)
}

/// Whatever came through argv, the environment or the settings table has no NUL byte; what had would be cut there.
pub fn c_strings(strings: Vec<Vec<u8>>) -> Vec<CString> {
    strings
        .into_iter()
        .map(|mut string| {
            string.truncate(string.iter().position(|&b| b == 0).unwrap_or(string.len()));
            CString::new(string).unwrap_or_default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(list: &[&str]) -> Vec<Vec<u8>> {
        list.iter().map(|entry| entry.as_bytes().to_vec()).collect()
    }

    #[test]
    fn the_library_comes_first_and_other_preloads_stay() {
        let target = entries(&["A=1", "LD_PRELOAD=/a.so /b.so", "LD_PRELOAD="]);
        let settings = [("uid", "7"), ("env", "A=1"), ("hide", "/a"), ("clear-env", "false")];
        let said: Vec<_> = settings
            .iter()
            .map(|(name, text)| Assignment {
                setting: setting::named(name).unwrap(),
                text: text.as_bytes().into(),
                origin: Origin::Flag,
            })
            .collect();
        let given = with_sandbox(target, &setting::merged(&said).unwrap(), b"/l.so");
        assert_eq!(given, entries(&["A=1", "SBX_UID=7", "SBX_HIDE=/a", "LD_PRELOAD=/l.so:/a.so /b.so"]));
    }

    #[test]
    fn the_library_sees_the_callers_home_and_the_target_its_own() {
        let home = |target: &[&str], caller: &[&str]| with_home(entries(target), &entries(caller)).unwrap();
        assert_eq!(home(&["HOME=/a", "B=2"], &["HOME=/a"]), entries(&["HOME=/a", "B=2"]));
        assert_eq!(home(&["HOME=/b"], &["HOME=/a"]), entries(&["HOME=/a", "SBX_ENV=HOME=/b"]));
        assert_eq!(home(&["B=2"], &["HOME=/a"]), entries(&["B=2", "HOME=/a", "SBX_UNSET_ENV=HOME"]));
        assert_eq!(home(&["HOME=/x,y"], &[]), entries(&["SBX_ENV=HOME=/x\\,y"]));
        assert_eq!(home(&[], &[]), entries(&[]));
    }

    #[test]
    fn strings_end_at_a_nul_as_the_kernel_would_end_them() {
        assert_eq!(c_strings(vec![b"a\0b".to_vec(), b"".to_vec()]), [c"a".to_owned(), c"".to_owned()]);
    }
}
