//! libsandbox.so as a file: what rides in every program must not be noticed there.

use goblin::elf::Elf;
use goblin::elf::dynamic::{DF_1_INITFIRST, DT_FLAGS_1, DT_TEXTREL};
use goblin::elf::program_header::{PF_W, PF_X, PT_GNU_STACK, PT_LOAD};

use crate::support::bins;

fn with_library(look: impl FnOnce(&Elf)) {
    let bytes = std::fs::read(bins::library()).unwrap();
    look(&Elf::parse(&bytes).unwrap());
}

#[test]
fn exports_no_symbol() {
    with_library(|elf| {
        let exported = elf.dynsyms.iter().filter(|symbol| symbol.st_shndx != 0);
        let names: Vec<_> = exported.map(|symbol| elf.dynstrtab.get_at(symbol.st_name).unwrap_or("?")).collect();
        assert!(names.is_empty(), "it would take the place of the program's own: {names:?}");
    });
}

#[test]
fn needs_only_what_every_rust_library_needs() {
    with_library(|elf| {
        for needed in &elf.libraries {
            assert!(["libgcc_s.so.1", "libc.so.6", "ld-linux-x86-64.so.2"].contains(needed), "{needed}");
        }
        assert!(elf.rpaths.is_empty() && elf.runpaths.is_empty());
    });
}

#[test]
fn is_initialised_before_every_other_object() {
    with_library(|elf| {
        let flags = elf.dynamic.as_ref().unwrap().dyns.iter().find(|entry| entry.d_tag == DT_FLAGS_1);
        assert!(flags.is_some_and(|flags| flags.d_val & DF_1_INITFIRST != 0));
    });
}

#[test]
fn has_no_writable_code() {
    with_library(|elf| {
        let both = PF_W | PF_X;
        assert!(elf.program_headers.iter().filter(|h| h.p_type == PT_LOAD).all(|h| h.p_flags & both != both));
        let stack = elf.program_headers.iter().find(|h| h.p_type == PT_GNU_STACK);
        assert!(stack.is_some_and(|h| h.p_flags & PF_X == 0), "it would make every program's stack executable");
        assert!(elf.dynamic.as_ref().unwrap().dyns.iter().all(|entry| entry.d_tag != DT_TEXTREL));
    });
}
