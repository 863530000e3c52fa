//! `sbx-launch`: flags, policy files, and the checks that the library cannot make from inside the target.
//!
//! It decides and looks; the sandbox itself is built by libsandbox.so in the target.

#![cfg_attr(not(test), no_main)]

/// The C main, because the one of std would ignore SIGPIPE and open /dev/null on closed standard fds: both would be
/// handed on to the target, which must find what the caller left.
#[cfg(not(test))]
#[allow(unsafe_code)] // for the attribute: no other object of this program defines `main`
#[unsafe(no_mangle)]
extern "C" fn main() -> std::ffi::c_int {
    sandbox_launcher::launch::main()
}
