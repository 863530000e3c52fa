//! Calls that wait for an observer's answer, seccomp_unotify(2); and what an observer needs to look at who makes them.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use super::call::Call;
use super::{Result, check, check_fd, refused};

/// Loads a filter that asks, and gives the descriptor on which it does, seccomp(2).
pub fn load_filter(program: &[libc::sock_filter]) -> Result<OwnedFd> {
    let len = u16::try_from(program.len()).map_err(|_| refused(Call::Seccomp, libc::E2BIG))?;
    let filter = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    let load = |flags: libc::c_ulong| {
        // SAFETY: the kernel copies `len` instructions from the live slice and writes nothing.
        check_fd(Call::Seccomp, unsafe {
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const filter)
        })
    };
    // Without it a signal ends the wait, and a call that cannot be interrupted would be. Since Linux 5.19; before that,
    // the kernel answers EINVAL to the flag.
    match load(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
        Err(failure) if failure.errno == libc::EINVAL => load(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER),
        result => result,
    }
}

/// A call that waits.
#[derive(Clone, Copy, Debug)]
pub struct Notification {
    pub id: u64,
    /// The thread, as this process sees it; 0 when it does not.
    pub thread: i32,
    pub nr: u32,
    pub arch: u32,
    /// Where it returns to.
    pub ip: u64,
    pub args: [u64; 6],
}

/// The descriptor on which calls are asked about.
pub struct Listener(OwnedFd);

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for Listener {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl Listener {
    /// Whoever asks has nothing to do until it is answered: both take turns on one processor where the kernel can do that
    /// (Linux 6.6), SECCOMP_IOCTL_NOTIF_SET_FLAGS.
    pub fn new(fd: OwnedFd) -> Self {
        const SYNC_WAKE_UP: u64 = 1;
        // SAFETY: the call takes numbers only. ignored: without it an answer takes longer
        let _ = unsafe { libc::ioctl(fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
        Self(fd)
    }

    /// The next call that waits, SECCOMP_IOCTL_NOTIF_RECV. `None`: it has been given up meanwhile.
    pub fn receive(&self) -> Result<Option<Notification>> {
        // The kernel writes its own structure, which may have grown since.
        let mut room = [0_u64; 64];
        const _: () = assert!(size_of::<libc::seccomp_notif>() <= 512);
        // SAFETY: the kernel writes struct seccomp_notif, for which there is ample and aligned room, and demands zeroes.
        let answer = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, room.as_mut_ptr()) };
        match check(Call::Ioctl, answer.into()) {
            Err(failure) if matches!(failure.errno, libc::ENOENT | libc::EINTR) => return Ok(None),
            Err(failure) => return Err(failure),
            Ok(_) => {}
        }
        // SAFETY: the structure was zeroed and then filled, lies at the start of the room, and is numbers only.
        let told = unsafe { room.as_ptr().cast::<libc::seccomp_notif>().read() };
        Ok(Some(Notification {
            id: told.id,
            thread: told.pid.cast_signed(),
            nr: told.data.nr.cast_unsigned(),
            arch: told.data.arch,
            ip: told.data.instruction_pointer,
            args: told.data.args,
        }))
    }

    /// Whether the call still waits: what was read of its process meanwhile was that process's,
    /// SECCOMP_IOCTL_NOTIF_ID_VALID.
    pub fn is_waiting(&self, id: u64) -> bool {
        // SAFETY: the kernel reads the live number.
        unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) == 0 }
    }

    /// Ends the wait: the call is not made and seems to have returned `errno`, SECCOMP_IOCTL_NOTIF_SEND.
    pub fn refuse(&self, id: u64, errno: u16) -> Result<()> {
        self.send(libc::seccomp_notif_resp { id, val: 0, error: -i32::from(errno), flags: 0 })
    }

    /// Ends the wait: the kernel makes the call. What is behind its pointers may have changed since it was looked at, so
    /// this is no way to permit anything: it is for calls that a program, which sees registers only, has let through.
    pub fn let_through(&self, id: u64) -> Result<()> {
        let flags = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or(1);
        self.send(libc::seccomp_notif_resp { id, val: 0, error: 0, flags })
    }

    fn send(&self, response: libc::seccomp_notif_resp) -> Result<()> {
        // SAFETY: the kernel reads the live structure.
        let answer = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const response) };
        match check(Call::Ioctl, answer.into()) {
            // It has been killed, or a signal has ended its wait.
            Err(failure) if failure.errno == libc::ENOENT => Ok(()),
            result => result.map(drop),
        }
    }
}

/// A descriptor for process `pid`, pidfd_open(2).
pub fn open_process(pid: i32) -> Result<OwnedFd> {
    // SAFETY: the call takes numbers only.
    check_fd(Call::PidfdOpen, unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// A second descriptor for what that process has open as `number`, pidfd_getfd(2).
pub fn fetch_fd(process: BorrowedFd<'_>, number: RawFd) -> Result<OwnedFd> {
    // SAFETY: the call takes numbers only.
    check_fd(Call::PidfdGetfd, unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0) })
}

/// Sends that process a signal, pidfd_send_signal(2).
pub fn signal_process(process: BorrowedFd<'_>, signal: i32) -> Result<()> {
    // SAFETY: no siginfo is given, the rest is numbers.
    let answer = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, std::ptr::null::<libc::siginfo_t>(), 0)
    };
    check(Call::Kill, answer).map(drop)
}

/// Sends a signal to one thread of a process, tgkill(2).
pub fn signal_thread(pid: i32, thread: i32, signal: i32) -> Result<()> {
    // SAFETY: the call takes numbers only.
    check(Call::Kill, unsafe { libc::syscall(libc::SYS_tgkill, pid, thread, signal) }).map(drop)
}

/// Whether each descriptor has something to read, and whether it is over, within `timeout` (absent: whenever), poll(2).
pub fn wait_for<const N: usize>(fds: [Option<BorrowedFd<'_>>; N], timeout: Option<Duration>) -> Result<[Ready; N]> {
    // A negative number is passed over.
    let mut all =
        fds.map(|fd| libc::pollfd { fd: fd.map_or(-1, |fd| fd.as_raw_fd()), events: libc::POLLIN, revents: 0 });
    let timeout = timeout.map_or(-1, |time| i32::try_from(time.as_millis()).unwrap_or(i32::MAX));
    loop {
        // SAFETY: pointer and length are those of one live array.
        let answer = unsafe { libc::poll(all.as_mut_ptr(), N as libc::nfds_t, timeout) };
        match check(Call::Poll, answer.into()) {
            Err(failure) if failure.errno == libc::EINTR => {}
            Err(failure) => return Err(failure),
            Ok(_) => break,
        }
    }
    Ok(all.map(|fd| Ready {
        to_read: fd.revents & libc::POLLIN != 0,
        over: fd.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0,
    }))
}

/// What poll(2) says of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    pub to_read: bool,
    pub over: bool,
}

/// Reads what there is of process `pid` at `address`, at most one buffer, process_vm_readv(2): how much came.
pub fn read_memory(pid: i32, address: u64, buffer: &mut [u8]) -> usize {
    let here = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let there = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: buffer.len() };
    // SAFETY: the kernel writes at most the length given into the live buffer; the other address is the other process's.
    let got = unsafe { libc::process_vm_readv(pid, &raw const here, 1, &raw const there, 1, 0) };
    usize::try_from(got).unwrap_or(0)
}

/// Whether this kernel can ask: notifications (Linux 5.0), letting calls through (5.5), fetching descriptors (5.6).
///
/// # Errors
/// The first of the calls that is missing or forbidden.
pub fn is_possible() -> Result<()> {
    let action = libc::SECCOMP_RET_USER_NOTIF;
    // SAFETY: the kernel reads the live number.
    check(Call::Seccomp, unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action)
    })?;
    let own = open_process(std::process::id().cast_signed())?;
    match fetch_fd(own.as_fd(), own.as_raw_fd()) {
        Ok(_) => Ok(()),
        Err(failure) => Err(failure),
    }
}
