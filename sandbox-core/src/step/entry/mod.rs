//! Entry, route layered: the program is executed in a jail that is there, and must not begin before the library is in it and
//! before what only its loading needed is gone from the tree.
//!
//! ld.so makes one call, set_tid_address(2), when all objects are mapped and before it relocates the first: before any code of
//! theirs, be it an IFUNC resolver or a constructor. A program of filter, loaded just before execve, has that call asked about.
//! A process that stays `outside` the namespaces but the user namespace is asked: it looks for the library among what is
//! mapped, sweeps the tree, and tells outer, which lets the call through. Outer holds what is asked on all the while: no death
//! of the other lets the program go on.
//!
//! When nobody holds it any more the call is ENOSYS. That is how the library, which is the first to run, knows (`begun`) that
//! nobody was there to let it begin: whoever killed both. And as ld.so of a newly executed program would make the call again,
//! this route is for policies under which nothing is executed.

mod begun;
mod outside;
mod sweep;

use std::os::fd::OwnedFd;

pub use begun::{Begun, is_possible};
pub use outside::{Keeper, State, plan as plan_outside};
pub use sweep::{Swept, plan as plan_sweep};

use super::{Context, Step};
use crate::error::Failure;
use crate::sys::loader::Loader;
use crate::sys::socket::{Message, peer_gone};
use crate::sys::{Result, notify};

/// The name in messages.
pub const NAME: &str = "entry";

/// What is to be proved of the program, and what is done then.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The library, as LD_PRELOAD names it.
    pub library: Vec<u8>,
    pub loader: Loader,
    pub swept: Swept,
    /// What the program is called in messages.
    pub program: String,
}

/// Inner's half.
pub struct Listen;

/// Planned where entry is to be proved.
pub fn plan_listen(entry: Option<&Entry>) -> Option<Listen> {
    entry.map(|_| Listen)
}

impl Step for Listen {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        "the program is held where all its objects are mapped, before any code of theirs".into()
    }
    fn apply(&self, context: &mut Context) -> Result<()> {
        let channel = context.channel.as_ref().ok_or_else(peer_gone)?;
        let listener: OwnedFd = notify::load_filter(&ASKS)?;
        channel.send(&Message::Listener(listener))
    }
}

// include/uapi/linux/bpf_common.h
const LOAD: u16 = 0x20;
const JUMP_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
/// struct seccomp_data
const NR: u32 = 0;
const ARCH: u32 = 4;
const X86_64: u32 = 0xc000_003e;

const fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

/// Asks about set_tid_address(2), and about nothing else: what else there is to refuse is for the filters beside it.
const ASKS: [libc::sock_filter; 6] = [
    instruction(LOAD, 0, 0, ARCH),
    instruction(JUMP_EQUAL, 0, 2, X86_64),
    instruction(LOAD, 0, 0, NR),
    instruction(JUMP_EQUAL, 1, 0, libc::SYS_set_tid_address as u32),
    instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    instruction(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF),
];

/// A failure of the keeper's that is no system call's: the library is not in the program.
pub const NOT_LOADED: usize = 1;

/// Whether a failure says that the library was not loaded.
pub fn is_not_loaded(failure: Failure) -> bool {
    failure.object as usize == NOT_LOADED
}
