//! libsandbox.so: loaded by `LD_PRELOAD` or needed by a program, it builds the jail before anything of the program runs.
//!
//! Linked with `-z initfirst` (build.rs), so that its constructor is the first: before `preinit_array`, before the
//! constructors of the program's own libraries, and before libc's, whose `environ` is still NULL.

#![allow(unsafe_code)]

mod memory;

use sandbox_core::exit;
use sandbox_core::sys::{file, process};

/// By which the launcher knows a library of its own version: an ELF note, elf(5), which lies at the start of the file.
#[used]
#[unsafe(link_section = ".note.sbx")]
static NOTE: Note = Note { name_size: 4, text_size: TEXT.len() as u32, kind: 1, name: *b"sbx\0", text: padded() };

const TEXT: &str = concat!("libsandbox.so of sbx ", env!("CARGO_PKG_VERSION"), "\0");

#[repr(C, align(4))]
struct Note {
    name_size: u32,
    text_size: u32,
    kind: u32,
    name: [u8; 4],
    text: [u8; TEXT.len().next_multiple_of(4)],
}

const fn padded<const N: usize>() -> [u8; N] {
    let (mut padded, mut at) = ([0; N], 0);
    while at < TEXT.len() {
        padded[at] = TEXT.as_bytes()[at];
        at += 1;
    }
    padded
}

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
