//! What a process that is asked gives up before anything is known of the target.

use std::ffi::CStr;
use std::os::fd::RawFd;

use libc::sock_filter;

use crate::sys::{Result, file, mount, notify, privilege, process};

/// All but these descriptors, these capabilities and the calls that `filter` allows; and being looked at. Refused as for
/// the target: where this process cannot have a listener, nor can the target, as there is one around both.
///
/// # Errors
/// Those of its calls: close_range(2), chdir(2), prctl(2), capset(2), seccomp(2).
pub fn confine(name: &CStr, keep: &[RawFd], capabilities: u64, filter: &[sock_filter]) -> Result<()> {
    file::close_all_but(keep.iter().copied())?;
    // ignored: a name is a courtesy
    let _ = process::set_name(name);
    mount::chdir(c"/")?;
    process::no_core();
    privilege::not_dumpable()?;
    privilege::set_capabilities(privilege::permitted()? & capabilities)?;
    privilege::no_new_privs()?;
    // The listener is closed at once: this filter asks nothing.
    notify::load_filter(filter).map(drop)
}
