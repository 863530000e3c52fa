//! libsandbox.so: loaded by `LD_PRELOAD` or needed by a program, it builds the jail before anything of the program runs.
//!
//! Linked with `-z initfirst` (build.rs), so that its constructor is the first: before `preinit_array`, before the
//! constructors of the program's own libraries, and before libc's, whose `environ` is still NULL.

#![allow(unsafe_code)]

mod memory;

use sandbox_core::exit;
use sandbox_core::sys::{file, process};

/// By which the launcher knows a library of its own version: a section of its own, found without reading the file.
#[used]
#[unsafe(link_section = ".sbx.version")]
static MARK: [u8; MARK_TEXT.len()] = {
    let mut mark = [0; MARK_TEXT.len()];
    let mut at = 0;
    while at < mark.len() {
        mark[at] = MARK_TEXT.as_bytes()[at];
        at += 1;
    }
    mark
};
const MARK_TEXT: &str = concat!("libsandbox.so of sbx ", env!("CARGO_PKG_VERSION"), "\0");

#[global_allocator]
static MEMORY: memory::Arena = memory::Arena::new();

#[ctor::ctor(unsafe)]
fn construct() {
    // A panic would abort, which looks like the target's own death; none is known, and none may let main run.
    std::panic::set_hook(Box::new(|panic| {
        file::complain(&format!("sbx: start: {panic}\n"));
        process::exit(exit::REFUSED);
    }));
    // SAFETY: this is the library's only constructor, the first of the process to run, or the guard refuses.
    unsafe { sandbox_core::enter::from_constructor() }
}
