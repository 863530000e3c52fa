//! libsandbox.so: loaded by `LD_PRELOAD` or needed by a program, it builds the jail before anything of the program runs.
//!
//! Linked with `-z initfirst` (build.rs), so that its constructor is the first: before `preinit_array`, before the
//! constructors of the program's own libraries, and before libc's, whose `environ` is still NULL.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};

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

/// The system's allocator, but for what happens when there is no memory: std would abort, and the caller would see a
/// target that died of SIGABRT.
struct OrRefuse;

#[global_allocator]
static ALLOCATOR: OrRefuse = OrRefuse;

// SAFETY: every call is the system allocator's, with its own contract; a null result never reaches the caller.
unsafe impl GlobalAlloc for OrRefuse {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is the same.
        checked(unsafe { System.alloc(layout) })
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        checked(unsafe { System.alloc_zeroed(layout) })
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        checked(unsafe { System.realloc(pointer, layout, size) })
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn checked(pointer: *mut u8) -> *mut u8 {
    if pointer.is_null() {
        file::complain("sbx: start: mmap: Cannot allocate memory (ENOMEM)\n");
        process::exit(exit::REFUSED);
    }
    pointer
}

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
