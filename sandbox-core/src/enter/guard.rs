//! Before anything is believed.

use crate::error::Refusal;
use crate::seccomp::{MARKER_ERRNO, MARKER_NR};
use crate::sys::{privilege, process, stack};

/// AT_SECURE: a set-id or file-capability program has more privileges than the caller, whose environment must not
/// decide then.
pub fn environment_can_be_trusted() -> Result<(), Refusal> {
    if process::is_secure_execution() {
        return Err(Refusal::guard(
            "a set-id or file-capability program does not take its sandbox from the environment",
            "start it with no_new_privs set, as setpriv --no-new-privs does",
        ));
    }
    Ok(())
}

/// Whether one of our filters is in force: they all answer one number, which no kernel has, with an error number of
/// their own. A variable could be forged, and a process that merely looks confined may be in somebody else's sandbox.
pub fn is_inside() -> bool {
    privilege::errno_of(MARKER_NR.into()) == i32::from(MARKER_ERRNO)
}

/// Nothing of the target's has run, and nothing else is running.
pub fn is_first_and_alone() -> Result<(), Refusal> {
    is_first()?;
    is_alone()
}

/// Nothing of the target's has run.
pub fn is_first() -> Result<(), Refusal> {
    if stack::libc_has_started() {
        return Err(Refusal::guard(
            "another constructor ran first",
            "another object of this program is linked with -z initfirst, of which a process can have one",
        ));
    }
    Ok(())
}

/// Nothing else is running.
pub fn is_alone() -> Result<(), Refusal> {
    if !process::is_single_threaded() {
        return Err(Refusal::guard(
            "a second thread is running, or unshare is forbidden",
            "an IFUNC resolver or an audit module started it; inside a container allow unshare (docker: --security-opt \
             seccomp=unconfined)",
        ));
    }
    Ok(())
}
