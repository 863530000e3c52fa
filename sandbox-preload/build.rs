//! Link arguments of libsandbox.so.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    // Ours must be the first constructor of the process, ld.so(8) DF_1_INITFIRST.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,initfirst");
    // What is relocated is read-only before our first instruction, and nothing is bound later, when the filter is on.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,relro,-z,now");
    println!("cargo::rerun-if-changed=build.rs");
    unwinder_inside();
}

/// std asks for libgcc_s, to print the backtrace of a panic. As a shared library it is one more file for the loader to
/// find, map and relocate in every target that is not C++ (60 us); a linker script of that name found first puts the
/// archive's few functions into this library instead.
fn unwinder_inside() {
    let Some(out) = env::var_os("OUT_DIR").map(PathBuf::from) else { return };
    if fs::write(out.join("libgcc_s.so"), "GROUP ( -lgcc_eh -lgcc )\n").is_ok() {
        println!("cargo::rustc-link-search=native={}", out.display());
    }
}
