//! What a process that is asked gives up before anything is known of the target.

use std::os::fd::RawFd;

use crate::seccomp;
use crate::sys::{Result, file, mount, notify, privilege, process};

/// All but these descriptors and these capabilities; files but to read, programs, sockets; and being looked at. Refused as
/// for the target: where this process cannot have a listener, nor can the target, as there is one around both.
pub fn confine(name: &std::ffi::CStr, keep: &[RawFd], capabilities: u64) -> Result<()> {
    file::close_all_but(keep.iter().copied())?;
    // ignored: a name is a courtesy
    let _ = process::set_name(name);
    mount::chdir(c"/")?;
    process::no_core();
    privilege::not_dumpable()?;
    privilege::set_capabilities(privilege::permitted()? & capabilities)?;
    privilege::no_new_privs()?;
    // The listener is closed at once: this filter asks nothing.
    notify::load_filter(seccomp::witness()).map(drop)
}
