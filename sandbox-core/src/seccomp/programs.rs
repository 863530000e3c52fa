//! The shipped filters as programs, compiled by build.rs: a start must not wait for a compiler.

use libc::sock_filter;

use super::compile::insn;
use super::shipped::{Restrict, Shipped};

include!(concat!(env!("OUT_DIR"), "/programs.rs"));

pub(super) fn shipped(base: Shipped) -> &'static [sock_filter] {
    match base {
        Shipped::Default => &DEFAULT,
        Shipped::Strict => &STRICT,
        Shipped::Pure => &PURE,
        Shipped::NetClient => &NET_CLIENT,
        Shipped::NetServer => &NET_SERVER,
        Shipped::Dev => &DEV,
        Shipped::Toaster => &TOASTER,
        Shipped::None => &NONE,
    }
}

pub(super) fn restriction(restrict: Restrict) -> &'static [sock_filter] {
    // One for each of the eight, so the index is there; the strictest, were it not.
    RESTRICTIONS.get(restrict.index()).copied().unwrap_or(&STRICT)
}

/// The program for our own supervising process.
pub fn supervisor() -> &'static [sock_filter] {
    &SUPERVISOR
}

/// The program for our own process that is asked about calls.
pub fn witness() -> &'static [sock_filter] {
    &WITNESS
}

/// The program for the process that removes control groups.
pub fn keeper() -> &'static [sock_filter] {
    &KEEPER
}
