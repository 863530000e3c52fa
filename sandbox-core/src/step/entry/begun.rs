//! The program's half: whether it was let begin.

use super::NAME;
use crate::step::{Context, Step};
use crate::sys::call::Call;
use crate::sys::{Result, loader, privilege, refused};

/// The kernel knows whether the call that was held has been made: that was for outer to say, after the sweep.
pub struct Begun;

impl Step for Begun {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        "the program was held, and was let begin".into()
    }
    fn apply(&self, _: &mut Context) -> Result<()> {
        if !privilege::has_tid_address()? {
            return Err(refused(Call::SetTidAddress, libc::ECANCELED));
        }
        // Asked about as the first was, until outer has closed what it is asked on: a process can have one such, and the program
        // may want its own. Then nobody answers, which is ENOSYS.
        match privilege::repeat_tid_address() {
            Err(failure) if failure.errno == libc::ENOSYS => Ok(()),
            Err(failure) => Err(failure),
            Ok(()) => Err(refused(Call::SetTidAddress, libc::ECANCELED)),
        }
    }
    fn object(&self, _: u32) -> String {
        "that it was let begin".into()
    }
}

/// Whether a program can be held here, asked by one that this system's ld.so has loaded.
///
/// # Errors
/// What is missing.
pub fn is_possible() -> std::result::Result<(), &'static str> {
    if !loader::asks_before_it_relocates() {
        return Err("layered takes glibc 2.34, whose ld.so can be held before any code of the program runs");
    }
    match privilege::has_tid_address() {
        Ok(true) => Ok(()),
        _ => Err("layered takes a kernel with CONFIG_CHECKPOINT_RESTORE, which tells that the program was let begin"),
    }
}
