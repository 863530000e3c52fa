//! The library's own memory. malloc may be the program's: a function of an executable takes the place of libc's, and would
//! run before the jail is there. Setup needs little, once: memory is taken from the kernel and never given back.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr::null_mut;

use sandbox_core::exit;
use sandbox_core::sys::{file, process};

/// Bytes asked of the kernel at a time; only what is touched costs memory.
const CHUNK: usize = 1 << 20;

pub struct Arena {
    next: Cell<usize>,
    end: Cell<usize>,
}

impl Arena {
    pub const fn new() -> Self {
        Self { next: Cell::new(0), end: Cell::new(0) }
    }

    fn take(&self, layout: Layout) -> *mut u8 {
        loop {
            let start = self.next.get().next_multiple_of(layout.align());
            match start.checked_add(layout.size()) {
                Some(stop) if start != 0 && stop <= self.end.get() => {
                    self.next.set(stop);
                    return start as *mut u8;
                }
                _ => self.grow(layout),
            }
        }
    }

    fn grow(&self, layout: Layout) {
        let wanted = layout.size().saturating_add(layout.align()).max(CHUNK);
        match process::map_memory(wanted) {
            Some(start) => {
                self.next.set(start);
                self.end.set(start + wanted);
            }
            // std would abort, and the caller would see a target that died of SIGABRT.
            None => {
                file::complain("sbx: start: mmap: Cannot allocate memory (ENOMEM)\n");
                process::exit(exit::REFUSED);
            }
        }
    }
}

// SAFETY: the constructor runs in a process of one thread, which the guard makes sure of, and nothing of the library's runs
// after it but in outer and init, which have one thread.
unsafe impl Sync for Arena {}

// SAFETY: every block is a part of a mapping that is never unmapped, aligned as asked, and handed out once. Fresh memory of
// the kernel's is zero.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take(layout)
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.take(layout)
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let end = old as usize + layout.size();
        // The last block grows where it is, as strings and vectors do while they are built.
        if end == self.next.get() && old as usize + size <= self.end.get() {
            self.next.set(old as usize + size);
            return old;
        }
        let Ok(new_layout) = Layout::from_size_align(size, layout.align()) else { return null_mut() };
        let new = self.take(new_layout);
        // SAFETY: both blocks are live and apart, and at least this long.
        unsafe { new.copy_from_nonoverlapping(old, layout.size().min(size)) };
        new
    }
}
