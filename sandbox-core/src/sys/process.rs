//! Processes and the namespaces they are in.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd};

use nix::sched::CloneFlags;

use super::call::Call;
use super::{Result, check, named, refused};
use crate::error::Failure;

/// Moves this process (for pid and time: its children) into new namespaces, unshare(2).
pub fn unshare(flags: i32) -> Result<()> {
    named(Call::Unshare, nix::sched::unshare(CloneFlags::from_bits_retain(flags)))
}

/// Whether this process has one thread. unshare(CLONE_THREAD) changes nothing and is EINVAL when there are more:
/// cheaper than reading /proc/self/task, and true without /proc.
pub fn is_single_threaded() -> bool {
    unshare(libc::CLONE_THREAD).is_ok()
}

/// Moves this process into the namespace `ns` is open on, setns(2).
pub fn setns(ns: BorrowedFd<'_>, flag: i32) -> Result<()> {
    named(Call::Setns, nix::sched::setns(ns.as_fd(), CloneFlags::from_bits_retain(flag)))
}

/// Who returned from `fork`.
pub enum Forked {
    /// The process that called; the child's pid as it sees it.
    Parent(i32),
    /// The new one.
    Child,
}

/// fork(3): libc's, because glibc caches the thread id, and the child goes on to main.
pub fn fork() -> Result<Forked> {
    // SAFETY: the guard has made sure of one thread, so no lock of another can be held in the child.
    match check(Call::Fork, unsafe { libc::fork() }.into())? {
        0 => Ok(Forked::Child),
        pid => i32::try_from(pid).map(Forked::Parent).map_err(|_| refused(Call::Fork, libc::EOVERFLOW)),
    }
}

/// Lets whoever else waits for this processor have it first, sched_yield(2).
pub fn give_way() {
    // ignored: it always succeeds
    // SAFETY: a call without arguments.
    let _ = unsafe { libc::sched_yield() };
}

/// Ends the process at once: no exit handlers, which are the target's, and no buffers, which it may share with a fork.
pub fn exit(code: i32) -> ! {
    // SAFETY: the first call does not return where it is allowed, and touches no memory; _exit(2) does not return. The
    // last register is for filters that ask about all calls, when there is nobody to answer yet.
    unsafe {
        libc::syscall(libc::SYS_exit_group, code, 0, 0, 0, 0, crate::seccomp::UNASKED);
        libc::_exit(code)
    }
}

/// Becomes the program `path`, execve(2). Returns only why that cannot be.
pub fn execute(path: &CStr, arguments: &[CString], environment: &[CString]) -> Failure {
    match nix::unistd::execve(path, arguments, environment) {
        Err(errno) => refused(Call::Execve, errno as i32),
    }
}

/// Becomes the program that `file` is open on, execveat(2) with AT_EMPTY_PATH. Returns only why that cannot be.
pub fn execute_fd(file: BorrowedFd<'_>, arguments: &[CString], environment: &[CString]) -> Failure {
    match nix::unistd::execveat(file, c"", arguments, environment, nix::fcntl::AtFlags::AT_EMPTY_PATH) {
        Err(errno) => refused(Call::Execve, errno as i32),
    }
}

/// Starts a session of its own, setsid(2).
pub fn new_session() -> Result<()> {
    named(Call::Setsid, nix::unistd::setsid()).map(drop)
}

/// Process `pid`'s process group, getpgid(2); 0 when it has ended.
pub fn group_of(pid: i32) -> i32 {
    nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(pid))).map_or(0, nix::unistd::Pid::as_raw)
}

/// sethostname(2), setdomainname(2).
pub fn set_hostname(name: &[u8]) -> Result<()> {
    // SAFETY: pointer and length are those of one live slice.
    check(Call::Sethostname, unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }.into()).map(drop)
}

/// setdomainname(2).
pub fn set_domainname(name: &[u8]) -> Result<()> {
    // SAFETY: pointer and length are those of one live slice.
    check(Call::Setdomainname, unsafe { libc::setdomainname(name.as_ptr().cast(), name.len()) }.into()).map(drop)
}

/// Whether the kernel asked the loader to distrust the environment: a set-id or file-capability program, getauxval(3).
pub fn is_secure_execution() -> bool {
    // SAFETY: the call takes a number only.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Whether the kernel has loaded the program and its loader, and not the loader as a program, getauxval(3).
pub fn has_interpreter() -> bool {
    // SAFETY: the call takes a number only.
    unsafe { libc::getauxval(libc::AT_BASE) != 0 }
}

/// The soft limit of open files, raised to the hard one where setup would not fit under it.
pub struct Headroom(Option<libc::rlimit>);

impl Headroom {
    /// Makes room for `count` more descriptors if that is possible, getrlimit(2); if it is not, opening fails by name.
    pub fn for_fds(count: usize) -> Result<Self> {
        let mut was = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the kernel fills the live structure.
        check(Call::Getrlimit, unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut was) }.into())?;
        // A caller with many descriptors of its own has a limit to match.
        const ALREADY: u64 = 256;
        if was.rlim_cur >= ALREADY.saturating_add(count as u64) || was.rlim_cur == was.rlim_max {
            return Ok(Self(None));
        }
        set_open_files(libc::rlimit { rlim_cur: was.rlim_max, ..was })?;
        Ok(Self(Some(was)))
    }

    /// Puts back what there was.
    pub fn restore(self) -> Result<()> {
        self.0.map_or(Ok(()), set_open_files)
    }
}

fn set_open_files(limit: libc::rlimit) -> Result<()> {
    // SAFETY: the kernel reads the live structure.
    check(Call::Setrlimit, unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }.into()).map(drop)
}

/// The processors a process may run on, sched_setaffinity(2).
#[derive(Clone, Copy)]
pub struct Processors(libc::cpu_set_t);

impl Processors {
    /// This process's; `None` where there is one only, or more than the set has room for.
    pub fn own() -> Option<Self> {
        // SAFETY: the call reads a live set.
        Self::allowed().ok().filter(|own| unsafe { libc::CPU_COUNT(&own.0) } > 1)
    }

    /// Those this process may run on, sched_getaffinity(2).
    pub fn allowed() -> Result<Self> {
        // SAFETY: all zeroes is a valid set.
        let mut set = unsafe { std::mem::zeroed::<libc::cpu_set_t>() };
        // SAFETY: the kernel fills the live set.
        let answer = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) };
        check(Call::Getaffinity, answer.into()).map(|_| Self(set))
    }

    /// Those of these numbers; what the set has no room for is not in it.
    pub fn of(numbers: impl Iterator<Item = u16>) -> Self {
        // SAFETY: all zeroes is a valid set.
        let mut set = unsafe { std::mem::zeroed::<libc::cpu_set_t>() };
        for number in numbers.map(usize::from).filter(|&number| number < Self::ROOM) {
            // SAFETY: the number lies within the set.
            unsafe { libc::CPU_SET(number, &mut set) };
        }
        Self(set)
    }

    /// The first `count` of them.
    pub fn first(&self, count: u16) -> Self {
        // SAFETY: the numbers lie within the set.
        let has = |&number: &u16| unsafe { libc::CPU_ISSET(number.into(), &self.0) };
        Self::of((0..u16::try_from(Self::ROOM).unwrap_or(u16::MAX)).filter(has).take(count.into()))
    }

    /// Whether these are the same.
    pub fn are(&self, others: &Self) -> bool {
        // SAFETY: both sets are live.
        unsafe { libc::CPU_EQUAL(&self.0, &others.0) }
    }

    /// How many numbers the set has room for.
    const ROOM: usize = size_of::<libc::cpu_set_t>() * 8;

    /// All of them but the one this process is running on now.
    pub fn others(&self) -> Option<Self> {
        let mut set = self.0;
        // SAFETY: the calls take numbers and a live set.
        let now = usize::try_from(unsafe { libc::sched_getcpu() }).ok()?;
        // CPU_CLR of a number outside the set would be outside its memory.
        if now >= Self::ROOM {
            return None;
        }
        // SAFETY: the number lies within the set.
        unsafe { libc::CPU_CLR(now, &mut set) };
        Some(Self(set))
    }

    /// Whether they are this process's now.
    pub fn are_own(&self) -> bool {
        Self::own().is_some_and(|own| own.are(self))
    }

    /// Lets process `pid` (0: this one) run on these only.
    pub fn give_to(&self, pid: i32) -> Result<()> {
        // SAFETY: the kernel reads the live set.
        let answer = unsafe { libc::sched_setaffinity(pid, size_of::<libc::cpu_set_t>(), &raw const self.0) };
        check(Call::Setaffinity, answer.into()).map(drop)
    }
}

/// Makes this process dump no core whatever it dies of.
pub fn no_core() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel reads the live structure.
    // ignored: lowering a limit cannot fail, and a core of the supervisor would be untidy, not unsafe
    let _ = unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
}

/// Fresh, zeroed memory of the kernel's, mmap(2): its address.
pub fn map_memory(length: usize) -> Option<usize> {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new anonymous mapping where the kernel likes overlaps nothing.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), length, access, kind, -1, 0) };
    (start != libc::MAP_FAILED).then_some(start as usize)
}

/// Reads eight bytes of process `pid` at `address`, process_vm_readv(2); `None` where that is not allowed.
pub fn read_word(pid: i32, address: usize) -> Option<u64> {
    let mut word = 0_u64;
    let here = libc::iovec { iov_base: (&raw mut word).cast(), iov_len: size_of::<u64>() };
    let there = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: size_of::<u64>() };
    // SAFETY: the kernel writes at most eight bytes to the live integer; the other address is the other process's.
    let got = unsafe { libc::process_vm_readv(pid, &raw const here, 1, &raw const there, 1, 0) };
    (got == 8).then_some(word)
}

/// This process's name in ps(1), prctl(PR_GET_NAME).
pub fn name() -> Result<Vec<u8>> {
    let mut name = [0_u8; 16];
    // SAFETY: the kernel writes at most 16 bytes, with a NUL at their end, into the live array.
    check(Call::PrGetName, unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr(), 0, 0, 0) }.into())?;
    Ok(name.split(|&byte| byte == 0).next().unwrap_or_default().to_vec())
}

/// Names this process in ps(1), prctl(PR_SET_NAME): at most 15 bytes.
pub fn set_name(name: &std::ffi::CStr) -> Result<()> {
    // SAFETY: `name` is a live C string.
    check(Call::PrSetName, unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) }.into()).map(drop)
}
