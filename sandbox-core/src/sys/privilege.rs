//! Capabilities, securebits, no_new_privs, ids and filters.

use super::call::Call;
use super::{Result, check};

// include/uapi/linux/securebits.h: each bit and the bit that locks it.
const SECBIT_NOROOT: u64 = 0b11;
const SECBIT_NO_SETUID_FIXUP: u64 = 0b11 << 2;
const SECBIT_KEEP_CAPS_LOCKED: u64 = 0b10 << 4;
const SECBIT_NO_CAP_AMBIENT_RAISE: u64 = 0b11 << 6;

/// CAP_KILL, include/uapi/linux/capability.h
pub const KILL: u64 = 1 << 5;
/// CAP_DAC_OVERRIDE
pub const DAC_OVERRIDE: u64 = 1 << 1;
/// CAP_SYS_CHROOT
pub const SYS_CHROOT: u64 = 1 << 18;
/// CAP_SYS_PTRACE
pub const SYS_PTRACE: u64 = 1 << 19;
/// CAP_SYS_ADMIN
pub const SYS_ADMIN: u64 = 1 << 21;

fn prctl(call: Call, option: i32, two: u64, three: u64) -> Result<()> {
    // SAFETY: every option used in this file takes numbers, not pointers, prctl(2).
    check(call, unsafe { libc::prctl(option, two, three, 0_u64, 0_u64) }.into()).map(drop)
}

/// Removes capability `number` from the bounding set. EINVAL is the kernel's word for one it does not have.
pub fn drop_bounding(number: u8) -> Result<()> {
    prctl(Call::PrCapbsetDrop, libc::PR_CAPBSET_DROP, number.into(), 0)
}

/// Makes a change of ids leave the permitted set as it is, prctl(2) PR_SET_KEEPCAPS.
pub fn keep_permitted() -> Result<()> {
    prctl(Call::PrSetKeepcaps, libc::PR_SET_KEEPCAPS, 1, 0)
}

/// The permitted set, capget(2).
pub fn permitted() -> Result<u64> {
    let (header, mut data) = (Header { version: VERSION_3, pid: 0 }, [half(0), half(0)]);
    // SAFETY: version 3 fills two data structures, which are live.
    check(Call::Capset, unsafe { libc::syscall(libc::SYS_capget, &raw const header, data.as_mut_ptr()) })?;
    Ok(u64::from(data[0].permitted) | u64::from(data[1].permitted) << 32)
}

/// Makes effective whatever is permitted, which a change of ids has not left so.
pub fn raise_permitted() -> Result<()> {
    set_capability_sets(permitted()?, 0)
}

/// The caller's effective capabilities, capget(2); all where that cannot be asked: what is tried without one then fails,
/// and nothing is left out that should have been tried.
pub fn effective() -> u64 {
    let (header, mut data) = (Header { version: VERSION_3, pid: 0 }, [half(0), half(0)]);
    // SAFETY: version 3 fills two data structures, which are live.
    let answer = unsafe { libc::syscall(libc::SYS_capget, &raw const header, data.as_mut_ptr()) };
    if answer == 0 { u64::from(data[0].effective) | u64::from(data[1].effective) << 32 } else { u64::MAX }
}

/// struct __user_cap_header_struct, include/uapi/linux/capability.h
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// struct __user_cap_data_struct
#[repr(C)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

const VERSION_3: u32 = 0x2008_0522;

fn half(bits: u64) -> Data {
    let bits = u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
    Data { effective: bits, permitted: bits, inheritable: bits }
}

/// Sets permitted, effective and inheritable to exactly `set`, capset(2).
pub fn set_capabilities(set: u64) -> Result<()> {
    set_capability_sets(set, set)
}

/// Sets permitted and effective to `permitted`, and inheritable, which cannot exceed the bounding set, to `inheritable`.
pub fn set_capability_sets(permitted: u64, inheritable: u64) -> Result<()> {
    let halves = |shift: u32| Data { inheritable: half(inheritable >> shift).permitted, ..half(permitted >> shift) };
    let (header, data) = (Header { version: VERSION_3, pid: 0 }, [halves(0), halves(32)]);
    // SAFETY: version 3 reads one header and two data structures, which are live.
    let answer = unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) };
    check(Call::Capset, answer).map(drop)
}

/// Raises capability `number` in the ambient set, so that it survives execve(2) of an ordinary file.
pub fn raise_ambient(number: u8) -> Result<()> {
    prctl(Call::PrCapAmbient, libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE.cast_unsigned().into(), number.into())
}

/// Empties the ambient set.
pub fn clear_ambient() -> Result<()> {
    prctl(Call::PrCapAmbient, libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL.cast_unsigned().into(), 0)
}

/// Locks the securebits: uid 0 means nothing, and nothing can be raised into the ambient set any more.
pub fn lock_securebits() -> Result<()> {
    let bits = SECBIT_NOROOT | SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE;
    prctl(Call::PrSetSecurebits, libc::PR_SET_SECUREBITS, bits, 0)
}

/// Sets no_new_privs: execve(2) grants nothing from here on.
pub fn no_new_privs() -> Result<()> {
    prctl(Call::PrSetNoNewPrivs, libc::PR_SET_NO_NEW_PRIVS, 1, 0)
}

/// Makes the process readable to nobody: no ptrace, no core, `/proc/PID` owned by root.
pub fn not_dumpable() -> Result<()> {
    prctl(Call::PrSetDumpable, libc::PR_SET_DUMPABLE, 0, 0)
}

/// Makes set_tid_address(2) once more, with the address that it has been made with.
pub fn repeat_tid_address() -> Result<()> {
    let mut address: *mut libc::c_int = std::ptr::null_mut();
    // SAFETY: the kernel fills the live pointer.
    let answer = unsafe { libc::prctl(libc::PR_GET_TID_ADDRESS, &raw mut address, 0_u64, 0_u64, 0_u64) };
    check(Call::PrGetTidAddress, answer.into())?;
    // SAFETY: what the kernel has already is what it is given.
    check(Call::SetTidAddress, unsafe { libc::syscall(libc::SYS_set_tid_address, address) }).map(drop)
}

/// Whether this thread has made set_tid_address(2) since it was executed, PR_GET_TID_ADDRESS of prctl(2). EINVAL: the kernel
/// is built without CONFIG_CHECKPOINT_RESTORE.
pub fn has_tid_address() -> Result<bool> {
    let mut address = 0_usize;
    // SAFETY: the kernel writes one pointer to the live word.
    let answer = unsafe { libc::prctl(libc::PR_GET_TID_ADDRESS, &raw mut address, 0_u64, 0_u64, 0_u64) };
    check(Call::PrGetTidAddress, answer.into())?;
    Ok(address != 0)
}

/// Asks for SIGKILL when the thread that made this process dies.
pub fn die_with_parent() -> Result<()> {
    prctl(Call::PrSetPdeathsig, libc::PR_SET_PDEATHSIG, libc::SIGKILL.cast_unsigned().into(), 0)
}

/// Asks for another signal in its place.
pub fn told_of_parents_death(signal: i32) -> Result<()> {
    prctl(Call::PrSetPdeathsig, libc::PR_SET_PDEATHSIG, signal.cast_unsigned().into(), 0)
}

/// Makes this process the parent of its descendants' orphans, prctl(2) PR_SET_CHILD_SUBREAPER.
pub fn adopt_orphans() -> Result<()> {
    prctl(Call::PrSetChildSubreaper, libc::PR_SET_CHILD_SUBREAPER, 1, 0)
}

/// Loads a filter for the whole process, seccomp(2).
pub fn load_filter(program: &[libc::sock_filter]) -> Result<()> {
    let len = u16::try_from(program.len()).map_err(|_| super::refused(Call::Seccomp, libc::E2BIG))?;
    let filter = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel copies `len` instructions from the live slice and writes nothing.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_TSYNC,
            &raw const filter,
        )
    };
    match check(Call::Seccomp, answer)? {
        0 => Ok(()),
        // With TSYNC a positive answer is the thread that could not take the filter.
        _ => Err(super::refused(Call::Seccomp, libc::ESRCH)),
    }
}

/// What system call `number` without arguments answers: an error number, or 0. For the marker of our own filters.
pub fn errno_of(number: i64) -> i32 {
    // SAFETY: the number is one that no kernel has, so the call can only fail.
    match unsafe { libc::syscall(number) } {
        -1 => nix::errno::Errno::last_raw(),
        _ => 0,
    }
}

/// Whether other processes of the same user may look into this one, prctl(2) PR_GET_DUMPABLE.
pub fn is_dumpable() -> Result<bool> {
    // SAFETY: the option takes nothing and changes nothing.
    let answer = unsafe { libc::prctl(libc::PR_GET_DUMPABLE, 0_u64, 0_u64, 0_u64, 0_u64) };
    check(Call::PrGetDumpable, answer.into()).map(|is| is == 1)
}

/// Makes the process an ordinary one again, whose `/proc/PID` is its own: a change of ids has made it root's.
pub fn dumpable() -> Result<()> {
    prctl(Call::PrSetDumpable, libc::PR_SET_DUMPABLE, 1, 0)
}

/// Whether there are supplementary groups, getgroups(2), or it cannot be asked.
pub fn has_groups() -> bool {
    // SAFETY: with a size of 0 nothing is written.
    unsafe { libc::getgroups(0, std::ptr::null_mut()) != 0 }
}

// The raw calls are meant: libc's would signal other threads, of which there are none.

/// Leaves every supplementary group, setgroups(2).
pub fn leave_groups() -> Result<()> {
    // SAFETY: an empty list is read nowhere.
    check(Call::Setgroups, unsafe { libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<u32>()) }).map(drop)
}

/// Becomes a group: real, effective and saved, setresgid(2).
pub fn become_group(gid: u32) -> Result<()> {
    // SAFETY: the call takes numbers only.
    check(Call::Setresgid, unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) }).map(drop)
}

/// Becomes a user: real, effective and saved, setresuid(2).
pub fn become_user(uid: u32) -> Result<()> {
    // SAFETY: the call takes numbers only.
    check(Call::Setresuid, unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) }).map(drop)
}
