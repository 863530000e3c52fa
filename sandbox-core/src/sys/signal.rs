//! Signals as data: all are blocked and taken one by one, so there is no handler, and nothing of the target's is touched.

use std::time::Duration;

use super::call::Call;
use super::{Result, check, refused};

/// A set of signals, saved or to be waited for.
#[derive(Clone, Copy)]
pub struct SignalSet(libc::sigset_t);

/// Blocks every signal and returns the mask there was, sigprocmask(2).
pub fn block_all() -> Result<SignalSet> {
    let mut was = std::mem::MaybeUninit::uninit();
    let all = full();
    // SAFETY: `all` is filled, and the kernel fills `was`.
    check(Call::Sigprocmask, unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const all, was.as_mut_ptr()) }.into())?;
    // SAFETY: sigprocmask has succeeded, so the set is filled.
    Ok(SignalSet(unsafe { was.assume_init() }))
}

/// Puts a saved mask back.
pub fn restore(mask: &SignalSet) -> Result<()> {
    // SAFETY: the set came from the kernel.
    let answer = unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const mask.0, std::ptr::null_mut()) };
    check(Call::Sigprocmask, answer.into()).map(drop)
}

fn full() -> libc::sigset_t {
    let mut all = std::mem::MaybeUninit::uninit();
    // SAFETY: sigfillset fills the whole set and cannot fail for a valid pointer.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        all.assume_init()
    }
}

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    pub signal: i32,
    /// The kernel sent it itself, as the terminal's driver does to the whole foreground process group, sigaction(2).
    pub from_kernel: bool,
}

/// Waits for any signal, sigwaitinfo(2). All are blocked.
pub fn take() -> Result<Taken> {
    let (all, mut info) = (full(), std::mem::MaybeUninit::<libc::siginfo_t>::zeroed());
    loop {
        // SAFETY: `all` is filled, and the kernel fills `info`.
        let signal = unsafe { libc::sigwaitinfo(&raw const all, info.as_mut_ptr()) };
        match check(Call::Wait, signal.into()) {
            // A stop and continue of this process interrupts the wait, signal(7).
            Err(failure) if failure.errno == libc::EINTR => {}
            Err(failure) => return Err(failure),
            Ok(_) => {
                // SAFETY: the structure was zeroed and then filled; every bit pattern of it is valid.
                let info = unsafe { info.assume_init() };
                return Ok(Taken { signal, from_kernel: info.si_code == libc::SI_KERNEL });
            }
        }
    }
}

/// A signal of this number that has come already, sigtimedwait(2); all are blocked.
pub fn take_one(signal: i32) -> Option<Taken> {
    let (mut only, mut info) = (std::mem::MaybeUninit::uninit(), std::mem::MaybeUninit::<libc::siginfo_t>::zeroed());
    let none = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: sigemptyset fills the set before the others read it; the kernel fills `info`, which was zeroed, and of which
    // every bit pattern is valid.
    unsafe {
        libc::sigemptyset(only.as_mut_ptr());
        libc::sigaddset(only.as_mut_ptr(), signal);
        let taken = libc::sigtimedwait(only.as_ptr(), info.as_mut_ptr(), &raw const none);
        (taken == signal).then(|| Taken { signal, from_kernel: info.assume_init().si_code == libc::SI_KERNEL })
    }
}

/// Sends a signal, kill(2).
pub fn send(pid: i32, signal: i32) -> Result<()> {
    // SAFETY: the call takes numbers only.
    check(Call::Kill, unsafe { libc::kill(pid, signal) }.into()).map(drop)
}

/// Gives a signal back its default effect, signal(2).
pub fn set_default(signal: i32) {
    // SAFETY: no handler is installed. ignored: SIGKILL and SIGSTOP have no other effect, and refuse
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// Dies of `signal`; returns when it cannot, as pid 1 of a namespace cannot.
pub fn die_of(signal: i32) {
    set_default(signal);
    let mut only = std::mem::MaybeUninit::uninit();
    // SAFETY: sigemptyset fills the set before sigaddset and sigprocmask read it; raise takes a number.
    unsafe {
        libc::sigemptyset(only.as_mut_ptr());
        libc::sigaddset(only.as_mut_ptr(), signal);
        libc::kill(libc::getpid(), signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, only.as_ptr(), std::ptr::null_mut());
    }
}

/// A change in a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Exited(i32),
    Killed(i32),
    Stopped(i32),
    Continued,
}

impl Change {
    /// Decodes what wait(2) filled in.
    pub fn from_status(status: i32) -> Self {
        if libc::WIFEXITED(status) {
            Change::Exited(libc::WEXITSTATUS(status))
        } else if libc::WIFSIGNALED(status) {
            Change::Killed(libc::WTERMSIG(status))
        } else if libc::WIFSTOPPED(status) {
            Change::Stopped(libc::WSTOPSIG(status))
        } else {
            Change::Continued
        }
    }
}

/// What a child has used, and all of its own that it has waited for, getrusage(2).
#[derive(Clone, Copy)]
pub struct Usage(libc::rusage);

impl Default for Usage {
    fn default() -> Self {
        // SAFETY: all zeroes is a valid rusage.
        Self(unsafe { std::mem::zeroed() })
    }
}

impl Usage {
    /// Time on a processor outside the kernel.
    pub fn user(&self) -> Duration {
        span(self.0.ru_utime)
    }

    /// Time on a processor in the kernel.
    pub fn system(&self) -> Duration {
        span(self.0.ru_stime)
    }

    /// The largest resident set that one of them had, in KiB.
    pub fn max_rss(&self) -> i64 {
        self.0.ru_maxrss
    }

    /// Page faults that needed no reading.
    pub fn minor_faults(&self) -> i64 {
        self.0.ru_minflt
    }

    /// Page faults that needed reading.
    pub fn major_faults(&self) -> i64 {
        self.0.ru_majflt
    }

    /// Context switches because it waited.
    pub fn voluntary_switches(&self) -> i64 {
        self.0.ru_nvcsw
    }

    /// Context switches because its turn was over.
    pub fn forced_switches(&self) -> i64 {
        self.0.ru_nivcsw
    }
}

fn span(time: libc::timeval) -> Duration {
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_micros(part(time.tv_usec))
}

/// A change in a child, as wait4(2) told it.
pub struct Reaped {
    pub pid: i32,
    pub status: i32,
    /// Filled when it has ended.
    pub usage: Usage,
}

/// The next change of child `pid` (-1: any), or `None` when there is none now, wait4(2).
pub fn reap(pid: i32) -> Result<Option<Reaped>> {
    let (mut status, mut usage) = (0, Usage::default());
    let options = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED | libc::__WALL;
    loop {
        // SAFETY: the kernel fills the live integer and the live structure.
        let answer = unsafe { libc::wait4(pid, &raw mut status, options, &raw mut usage.0) };
        match check(Call::Wait, answer.into()) {
            Err(failure) if failure.errno == libc::EINTR => {}
            Err(failure) if failure.errno == libc::ECHILD && pid == -1 => return Ok(None),
            Err(failure) => return Err(failure),
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(Reaped { pid: answer, status, usage })),
        }
    }
}

/// Waits until any child has ended; `None` when there is none, waitpid(2).
pub fn wait_any() -> Result<Option<Reaped>> {
    let mut status = 0;
    loop {
        // SAFETY: the kernel fills the live integer.
        let answer = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL) };
        match check(Call::Wait, answer.into()) {
            Err(failure) if failure.errno == libc::EINTR => {}
            Err(failure) if failure.errno == libc::ECHILD => return Ok(None),
            Err(failure) => return Err(failure),
            Ok(_) => return Ok(Some(Reaped { pid: answer, status, usage: Usage::default() })),
        }
    }
}

/// Waits until child `pid` has ended, waitpid(2).
pub fn wait_end(pid: i32) -> Result<Change> {
    let mut status = 0;
    loop {
        // SAFETY: the kernel fills the live integer.
        match check(Call::Wait, unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) }.into()) {
            Err(failure) if failure.errno == libc::EINTR => {}
            Err(failure) => return Err(failure),
            Ok(_) => return Ok(Change::from_status(status)),
        }
    }
}

/// The name of a signal, signal(7).
pub fn name(signal: i32) -> String {
    match nix::sys::signal::Signal::try_from(signal) {
        Ok(known) => known.as_str().into(),
        Err(_) => match signal.checked_sub(libc::SIGRTMIN()) {
            Some(above) if above >= 0 => format!("SIGRTMIN+{above}"),
            _ => format!("signal {signal}"),
        },
    }
}

/// The failure for a message that is none of ours.
pub(super) fn unexpected(call: Call) -> crate::error::Failure {
    refused(call, libc::EBADMSG)
}

/// SIGCHLD with its default effect, whatever the caller left it as: an ignored one makes the kernel forget how a child ended.
pub struct ChildNotices(libc::sigaction);

impl ChildNotices {
    /// Takes the default, and keeps what there was.
    pub fn expect() -> Self {
        let mut was = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: all zeroes is a valid sigaction, with SIG_DFL as its handler; the kernel fills `was`. The call cannot
        // fail for a signal that exists.
        unsafe {
            let default = std::mem::zeroed::<libc::sigaction>();
            libc::sigaction(libc::SIGCHLD, &raw const default, was.as_mut_ptr());
            Self(was.assume_init())
        }
    }

    /// Puts back what there was, in the process that becomes the target.
    pub fn restore(&self) {
        // SAFETY: the action came from the kernel.
        unsafe { libc::sigaction(libc::SIGCHLD, &raw const self.0, std::ptr::null_mut()) };
    }
}

/// Asks for SIGIO whenever something arrives at `fd`, fcntl(2) O_ASYNC.
pub fn announce(fd: i32) -> Result<()> {
    // SAFETY: the calls take numbers only.
    unsafe {
        check(Call::Ioctl, libc::fcntl(fd, libc::F_SETOWN, libc::getpid()).into())?;
        let flags = check(Call::Ioctl, libc::fcntl(fd, libc::F_GETFL).into())?;
        let flags = i32::try_from(flags).unwrap_or(0) | libc::O_ASYNC;
        check(Call::Ioctl, libc::fcntl(fd, libc::F_SETFL, flags).into()).map(drop)
    }
}
