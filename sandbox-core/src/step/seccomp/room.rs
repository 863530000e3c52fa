//! What setup itself does under the filter must be let through by it.

use super::Programs;
use crate::error::PolicyError;
use crate::policy::Policy;
use crate::policy::types::LogLevel;
use crate::seccomp;
use crate::seccomp::eval::{self, Call};

/// What inner does under the filter: it says that it is ready, waits for outer's word, and closes the channel.
pub const LAST_WORDS: [i64; 3] = [libc::SYS_write, libc::SYS_read, libc::SYS_close];

/// That there is room for what is done under it besides these.
pub fn check_rest(policy: &Policy, silent: bool, lets: impl Fn(i64) -> bool) -> Result<(), PolicyError> {
    let conflict = |name, why: &str| Err(PolicyError::conflict(name, why));
    if policy.status_fd.is_some() && silent {
        return conflict(
            "status-fd",
            "what is in force is read back under the filter, which refuses read, write or close",
        );
    }
    if policy.log_level == Some(LogLevel::Debug) && silent {
        return conflict(
            "log-level",
            "the last step's cost is told under the filter, which refuses read, write or close",
        );
    }
    if policy.allow_new_privs.on() && (silent || ![libc::SYS_capset, libc::SYS_prctl].into_iter().all(lets)) {
        let why = "capabilities are given up under the filter, which refuses read, write, close, capset or prctl";
        return conflict("allow-new-privs", why);
    }
    Ok(())
}

/// Until the observer has the listener nobody answers, and what is asked about waits for ever.
pub fn nothing_is_asked_too_early(
    policy: &Policy,
    programs: &Programs,
    one: &[libc::sock_filter],
) -> Result<(), PolicyError> {
    let call = |nr: i64, first: i32| {
        let nr = u32::try_from(nr).unwrap_or(u32::MAX);
        Call::new(nr, [u64::from(first.cast_unsigned()), 0, 0, 0, 0, seccomp::UNASKED])
    };
    let is_asked = |call: Call| eval::run(one, &call).is_none_or(|outcome| outcome.ret != libc::SECCOMP_RET_ALLOW);
    let conflict = |name: &str, why: &str| Err(PolicyError::conflict(name, why));
    if [libc::SYS_write, libc::SYS_read, libc::SYS_exit_group].iter().any(|&nr| is_asked(call(nr, 0))) {
        return conflict("observe", "the observer begins under the filter, which refuses read, write or exit_group");
    }
    // Whoever has the listener answers for the filter: the program must not.
    if seccomp::eval::stacked(programs, &call(libc::SYS_close, 1000)).0 != libc::SECCOMP_RET_ALLOW {
        return conflict("observe", "what the filter asks on is closed under it, and it refuses close");
    }
    if policy.allow_new_privs.on() {
        let options = [libc::PR_SET_SECUREBITS, libc::PR_CAP_AMBIENT];
        let given_up =
            options.map(|option| call(libc::SYS_prctl, option)).into_iter().chain([call(libc::SYS_capset, 0)]);
        if given_up.into_iter().any(is_asked) {
            let why =
                "capabilities are given up under the filter, when there is nobody yet to ask about capset and prctl";
            return conflict("allow-new-privs", why);
        }
    }
    if policy.log_level == Some(LogLevel::Debug) && is_asked(Call { args: [0; 6], ..call(libc::SYS_write, 0) }) {
        return conflict("log-level", "the last step's cost is told under the filter, which asks about all calls");
    }
    Ok(())
}
