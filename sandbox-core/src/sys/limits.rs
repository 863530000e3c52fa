//! What the kernel grants a process, and how it is scheduled.

use super::call::Call;
use super::{Result, check};

/// This process's limit of this number, soft and hard, getrlimit(2).
pub fn limit(number: u32) -> Result<(u64, u64)> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel fills the live structure.
    check(Call::Getrlimit, unsafe { libc::getrlimit(number, &raw mut now) }.into())?;
    Ok((now.rlim_cur, now.rlim_max))
}

/// Sets it, setrlimit(2). Raising the hard one needs CAP_SYS_RESOURCE in the first user namespace.
pub fn set_limit(number: u32, soft: u64, hard: u64) -> Result<()> {
    let new = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the kernel reads the live structure.
    check(Call::Setrlimit, unsafe { libc::setrlimit(number, &raw const new) }.into()).map(drop)
}

/// This process's nice value, getpriority(2).
pub fn nice() -> Result<i32> {
    // SAFETY: the call takes numbers only. The raw call is meant: it answers 20 minus the nice value, where libc's answers
    // -1 for both a failure and a value.
    let answer = check(Call::Getpriority, unsafe { libc::syscall(libc::SYS_getpriority, libc::PRIO_PROCESS, 0) })?;
    Ok(20 - i32::try_from(answer).unwrap_or(20))
}

/// Sets it, setpriority(2). A lower one needs CAP_SYS_NICE in the first user namespace, or RLIMIT_NICE.
pub fn set_nice(nice: i32) -> Result<()> {
    // SAFETY: the call takes numbers only.
    check(Call::Setpriority, unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) }.into()).map(drop)
}

/// Sets the execution domain: the native one, with these flags, personality(2).
pub fn set_personality(flags: i32) -> Result<()> {
    // SAFETY: the call takes a number only.
    check(Call::Personality, unsafe { libc::personality(libc::c_ulong::from(flags.cast_unsigned())) }.into()).map(drop)
}

fn prctl(call: Call, option: i32, [two, three, four, five]: [u64; 4]) -> Result<()> {
    // SAFETY: the options used in this file take numbers, and write to no address.
    check(call, unsafe { libc::prctl(option, two, three, four, five) }.into()).map(drop)
}

/// Makes reading the time stamp counter SIGSEGV, prctl(2) PR_SET_TSC.
pub fn no_tsc() -> Result<()> {
    prctl(Call::PrSetTsc, libc::PR_SET_TSC, [libc::PR_TSC_SIGSEGV.cast_unsigned().into(), 0, 0, 0])
}

/// Gives this process a core scheduling cookie of its own, prctl(2) PR_SCHED_CORE.
pub fn core_sched() -> Result<()> {
    // include/uapi/linux/prctl.h; of the process rather than of the thread, which are the same here: what children inherit.
    const SCOPE_THREAD_GROUP: u64 = 1;
    let create = libc::PR_SCHED_CORE_CREATE.cast_unsigned().into();
    prctl(Call::PrSchedCore, libc::PR_SCHED_CORE, [create, 0, SCOPE_THREAD_GROUP, 0])
}

/// Sets the permissions that new files do not get, umask(2), which cannot fail.
pub fn set_umask(mask: u32) {
    // SAFETY: the call takes a number only.
    unsafe { libc::umask(mask) };
}
