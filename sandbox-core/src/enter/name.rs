//! What the program is called where the launcher executes it by descriptor, so that what runs is what was looked at.
//!
//! The kernel then takes `/dev/fd/N` for the file's name, which it gives to the program (AT_EXECFN, getauxval(3)), and `N`
//! for the name of the process. The launcher says what they would be.

use std::ffi::CString;

use crate::error::{Refusal, SetupError};
use crate::sys::process;
use crate::sys::stack::Initial;

/// Its value is what execve(2) would have been given.
const NAME: &[u8] = b"SBX_EXECFN=";

/// The entry that says so.
pub fn named(path: &[u8]) -> Vec<u8> {
    [NAME, path].concat()
}

/// Whether an entry is this module's.
pub fn is_name(entry: &[u8]) -> bool {
    entry.starts_with(NAME)
}

/// Gives process and file the name that the environment has for them, if it has one.
///
/// # Errors
/// None that is known: PR_SET_NAME takes any name.
pub fn restore(initial: &mut Initial) -> Result<(), Refusal> {
    let entries = initial.entries();
    let Some(path) = entries.iter().find_map(|entry| entry.strip_prefix(NAME)) else { return Ok(()) };
    let last = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    // Entries are C strings, and have no NUL.
    let (path, last) = (CString::new(path).unwrap_or_default(), CString::new(last).unwrap_or_default());
    process::set_name(&last).map_err(|failure| Refusal::from(SetupError::new("start", failure, "")))?;
    initial.set_file_name(path);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_an_entry_of_its_own() {
        assert_eq!(named(b"/bin/x"), b"SBX_EXECFN=/bin/x");
        assert!(is_name(&named(b"")) && !is_name(b"SBX_EXECFNS=x"));
    }
}
