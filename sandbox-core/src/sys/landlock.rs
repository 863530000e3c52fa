//! Landlock, landlock(7): what this process and its descendants may do to files, TCP ports and processes outside.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::call::Call;
use super::{Result, check, check_fd};

// include/uapi/linux/landlock.h
const CREATE_RULESET_VERSION: u32 = 1;
const RULE_PATH_BENEATH: u32 = 1;
const RULE_NET_PORT: u32 = 2;

/// What a ruleset decides about: `struct landlock_ruleset_attr`, whose members came in this order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// Rights to files; Linux 5.13.
    pub files: u64,
    /// Rights to ports; Linux 6.7.
    pub ports: u64,
    /// What ends at the domain's border; Linux 6.12.
    pub scopes: u64,
}

impl Handled {
    /// As much of the structure as says something: an older kernel takes all of it, or refuses with E2BIG.
    fn size(&self) -> usize {
        match self {
            Self { scopes: 0, ports: 0, .. } => 8,
            Self { scopes: 0, .. } => 16,
            _ => size_of::<Self>(),
        }
    }
}

/// `struct landlock_path_beneath_attr`
#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

/// `struct landlock_net_port_attr`
#[repr(C)]
struct NetPort {
    allowed: u64,
    port: u64,
}

/// The version of the kernel's Landlock, landlock_create_ruleset(2): ENOSYS where it was not built in, EOPNOTSUPP where it is
/// switched off.
pub fn abi() -> Result<u32> {
    let nothing = std::ptr::null::<Handled>();
    // SAFETY: with this flag the kernel reads no structure.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, CREATE_RULESET_VERSION) };
    check(Call::LandlockCreateRuleset, answer).map(|version| u32::try_from(version).unwrap_or(u32::MAX))
}

/// A ruleset that allows nothing of what it handles.
pub fn create(handled: &Handled) -> Result<OwnedFd> {
    // SAFETY: the kernel reads as many bytes as it is told of the live structure, and no more than that has.
    let answer =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const *handled, handled.size(), 0_u32) };
    check_fd(Call::LandlockCreateRuleset, answer)
}

/// Allows `allowed` for the file that `parent` is, or for everything below the directory, landlock_add_rule(2).
pub fn allow_beneath(ruleset: BorrowedFd<'_>, parent: BorrowedFd<'_>, allowed: u64) -> Result<()> {
    let rule = PathBeneath { allowed, parent: parent.as_raw_fd() };
    // SAFETY: the kernel reads the structure of this type of rule, which is live.
    let answer = unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, ruleset.as_raw_fd(), RULE_PATH_BENEATH, &raw const rule, 0_u32)
    };
    check(Call::LandlockAddRule, answer).map(drop)
}

/// Allows `allowed` for a port.
pub fn allow_port(ruleset: BorrowedFd<'_>, port: u16, allowed: u64) -> Result<()> {
    let rule = NetPort { allowed, port: port.into() };
    // SAFETY: the kernel reads the structure of this type of rule, which is live.
    let answer = unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, ruleset.as_raw_fd(), RULE_NET_PORT, &raw const rule, 0_u32)
    };
    check(Call::LandlockAddRule, answer).map(drop)
}

/// Holds this thread, and whatever it starts, to the rules, landlock_restrict_self(2): EPERM without no_new_privs and
/// CAP_SYS_ADMIN.
pub fn restrict_self(ruleset: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes numbers only.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32) };
    check(Call::LandlockRestrictSelf, answer).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_the_kernels_and_no_more_is_told_than_is_said() {
        assert_eq!((size_of::<Handled>(), size_of::<PathBeneath>(), size_of::<NetPort>()), (24, 12, 16));
        for (files, ports, scopes, size) in
            [(1, 0, 0, 8), (0, 0, 0, 8), (1, 1, 0, 16), (0, 2, 0, 16), (0, 0, 1, 24), (1, 1, 3, 24)]
        {
            assert_eq!(Handled { files, ports, scopes }.size(), size);
        }
    }
}
