//! Link arguments of libsandbox.so.

fn main() {
    // Ours must be the first constructor of the process, ld.so(8) DF_1_INITFIRST.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,initfirst");
    // What is relocated is read-only before our first instruction, and nothing is bound later, when the filter is on.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,relro,-z,now");
    println!("cargo::rerun-if-changed=build.rs");
}
