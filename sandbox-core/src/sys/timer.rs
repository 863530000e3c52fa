//! A timer that wakes its process even where that is stopped.

use std::ptr::null_mut;
use std::time::Duration;

use super::call::Call;
use super::{Result, check, refused};

/// Sends this process SIGCONT when a time is over, and again a second later, timer_create(2).
///
/// SIGCONT continues a stopped process although it is blocked, and is then there to be taken. A stop signal takes away a
/// SIGCONT that has come and is not taken yet, and a timer that repeats waits for that to be taken: so there are two. The
/// clock is CLOCK_MONOTONIC of this process's own time namespace, which stands still while the machine is suspended.
pub struct Alarm([libc::c_int; 2]);

impl Alarm {
    /// Makes it, not running. Children do not inherit it.
    pub fn new() -> Result<Self> {
        let mut timers = [0; 2];
        // SAFETY: all zeroes is a valid sigevent.
        let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = libc::SIGCONT;
        for timer in &mut timers {
            // Not libc's function, which is in another library before glibc 2.34.
            // SAFETY: the kernel reads the live event, and fills the live number.
            let answer = unsafe {
                libc::syscall(libc::SYS_timer_create, libc::CLOCK_MONOTONIC, &raw const event, &raw mut *timer)
            };
            check(Call::TimerCreate, answer)?;
        }
        Ok(Self(timers))
    }

    /// Starts it, timer_settime(2).
    pub fn start(&self, after: Duration) -> Result<()> {
        for (timer, later) in self.0.into_iter().zip([Duration::ZERO, Duration::from_secs(1)]) {
            let when = after.saturating_add(later);
            let seconds = i64::try_from(when.as_secs()).map_err(|_| refused(Call::TimerSettime, libc::EINVAL))?;
            let when = libc::itimerspec {
                it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
                it_value: libc::timespec { tv_sec: seconds, tv_nsec: when.subsec_nanos().into() },
            };
            let old = null_mut::<libc::itimerspec>();
            // SAFETY: the kernel reads the live structure.
            let answer = unsafe { libc::syscall(libc::SYS_timer_settime, timer, 0, &raw const when, old) };
            check(Call::TimerSettime, answer)?;
        }
        Ok(())
    }
}
