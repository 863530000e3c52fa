//! The program once more, with room for the environment that was asked for.
//!
//! main's environment is the initial stack, and what lies behind it is the auxiliary vector: it cannot grow. Where more is
//! asked for than there was, the same file is executed once more, with the same arguments and the same environment, and
//! variables that do nothing but take up room. The constructor runs again, as it did, and they are gone with all others of
//! ours. Nothing else is handed on, so the second run decides what the first did.

use std::ffi::CString;

use crate::error::{Refusal, SetupError};
use crate::sys::call::Call;
use crate::sys::stack::{Initial, Overflow};
use crate::sys::{privilege, process, refused};

/// Says that this is the second run; its value is what the first was called in ps(1), which execve(2) changes.
const AGAIN: &[u8] = b"SBX_AGAIN=";
const ROOM: &[u8] = b"SBX_ROOM=";
/// The kernel takes 128 KiB in one string.
const LONGEST: usize = 100_000;

/// Whether an entry is of this module's.
pub fn is_padding(entry: &[u8]) -> bool {
    entry.starts_with(AGAIN) || entry.starts_with(ROOM)
}

/// The name that the first run had; absent in it.
pub fn name(entries: &[&[u8]]) -> Option<Vec<u8>> {
    entries.iter().find_map(|entry| entry.strip_prefix(AGAIN)).map(<[u8]>::to_vec)
}

/// Gives this process, the second run, the name of the first.
pub fn rename(name: Vec<u8>) -> Result<(), SetupError> {
    let failed = |failure| SetupError::new("environment", failure, "");
    let name = CString::new(name).map_err(|_| failed(refused(Call::PrSetName, libc::EINVAL)))?;
    process::set_name(&name).map_err(failed)
}

/// Executes this program again; returns only why that cannot be.
pub fn execute(initial: &Initial, overflow: &Overflow, allow_new_privs: bool) -> Refusal {
    let failed = |failure| Refusal::from(SetupError::new("environment", failure, "/proc/self/exe"));
    if !process::has_interpreter() {
        return Refusal::guard(
            format!("the environment asked for has {} entries too many", overflow.entries),
            "a program that is an argument of ld.so cannot be executed again: start it by its name",
        );
    }
    // As the launcher does before its execve: a file that has become set-id meanwhile would not load this library.
    if !allow_new_privs && let Err(failure) = privilege::no_new_privs() {
        return failed(failure);
    }
    match process::name() {
        Ok(name) => failed(initial.execute_again(&padding(&name, overflow))),
        Err(failure) => failed(failure),
    }
}

/// Entries that make as much room as was missing.
fn padding(name: &[u8], overflow: &Overflow) -> Vec<Vec<u8>> {
    let mut entries = vec![[AGAIN, name].concat()];
    let mut bytes = overflow.bytes;
    while bytes > 0 || entries.len() < overflow.entries {
        let part = bytes.min(LONGEST);
        entries.push([ROOM, &vec![b'x'; part]].concat());
        bytes -= part;
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_makes_the_room_that_was_missing() {
        for (entries, bytes) in [(1, 0), (0, 1), (7, 3), (2, 250_000), (10_000, 0)] {
            let made = padding(b"app", &Overflow { entries, bytes });
            assert!(made.len() >= entries && made.iter().map(|entry| entry.len() + 1).sum::<usize>() >= bytes);
            assert!(made.iter().all(|entry| is_padding(entry) && entry.len() < 128 << 10));
            let made: Vec<&[u8]> = made.iter().map(Vec::as_slice).collect();
            assert_eq!(name(&made).unwrap(), b"app");
        }
        assert!(!is_padding(b"SBX_ROOMS=1") && !is_padding(b"SBX_AGAIN"));
        assert_eq!(name(&[b"SBX_UID=1"]), None);
    }
}
