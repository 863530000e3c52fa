//! The only unsafe code of the probe: raw calls, and what they need.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char};
use std::io;

use libc::c_long;

/// A system call by number, past every wrapper of libc's.
pub fn call(nr: i64, args: [usize; 6]) -> io::Result<i64> {
    let [a, b, c, d, e, f] = args;
    // SAFETY: the acts pass no pointers but to memory that is never freed, or ones meant to be refused with EFAULT.
    let result = unsafe { libc::syscall(nr as c_long, a, b, c, d, e, f) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A C string that lives as long as the process.
pub fn leak(text: &[u8]) -> usize {
    CString::new(text).expect("no NUL").into_raw() as usize
}

/// Zeroed memory that lives as long as the process.
pub fn buffer(len: usize) -> usize {
    Box::leak(vec![0u8; len].into_boxed_slice()).as_ptr() as usize
}

/// A number in memory that lives as long as the process.
pub fn word(number: u64) -> usize {
    std::ptr::from_ref(Box::leak(Box::new(number))) as usize
}

/// Numbers in memory that lives as long as the process.
pub fn words(numbers: Vec<u64>) -> usize {
    numbers.leak().as_ptr() as usize
}

/// The first byte of memory that `buffer` gave, or that a call filled.
pub fn peek(address: usize) -> u32 {
    // SAFETY: the callers pass what `buffer` gave, at least four bytes.
    unsafe { (address as *const u32).read_unaligned() }
}

/// The C string at an address in memory that `buffer` gave.
pub fn string(address: usize) -> String {
    // SAFETY: the buffer is larger than what the kernel wrote, and began as zeroes: a NUL follows.
    unsafe { CStr::from_ptr(address as *const c_char) }.to_string_lossy().into_owned()
}

/// A call of the i386 table, through its own gate, with no arguments.
pub fn int80(nr: i32) -> i32 {
    let result: i32;
    // SAFETY: int 0x80 clobbers no register but eax (and r8-r11, said below), and with addresses of 0 no memory is touched.
    unsafe {
        std::arch::asm!("push rbx", "xor ebx, ebx", "int 0x80", "pop rbx", inlateout("eax") nr => result, in("ecx") 0,
            in("edx") 0, in("esi") 0, in("edi") 0, out("r8") _, out("r9") _, out("r10") _, out("r11") _);
    }
    result
}

/// time(2) of the vsyscall page, which is at the same address in every process.
pub fn vsyscall_time() -> i64 {
    // SAFETY: where the page is, the kernel does the call for whoever jumps there; elsewhere it is SIGSEGV.
    unsafe {
        let time: extern "C" fn(usize) -> i64 = std::mem::transmute(0xffff_ffff_ff60_0400_usize);
        time(0)
    }
}

/// Forks; the child runs `act` and ends with its result.
pub fn in_child(act: impl FnOnce() -> i32) -> io::Result<i32> {
    // SAFETY: the probe has one thread.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let code = act();
            // SAFETY: ends this process without running what its parent registered.
            unsafe { libc::_exit(code) }
        }
        child => Ok(child),
    }
}

/// waitpid(2): the raw status.
pub fn wait(pid: i32, options: i32) -> io::Result<(i32, i32)> {
    let mut status = 0;
    // SAFETY: the kernel writes one int.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, options) };
    if waited == -1 { Err(io::Error::last_os_error()) } else { Ok((waited, status)) }
}

/// Why a traced process stands still.
pub enum Stop {
    Signal(i32),
    /// It makes a call: the number, where from, and its first argument.
    Entry {
        nr: i64,
        ip: u64,
        first: u64,
    },
    Exit,
    /// It has made this process.
    Child(i32),
    Exec,
    Other,
}

fn ptrace(request: u32, pid: i32, address: usize, data: usize) -> io::Result<i64> {
    // SAFETY: the only requests that write here are given structures of the size the kernel is told.
    let result = unsafe { libc::ptrace(request, pid, address, data) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Asks to be traced by the parent, which will see the exec.
pub fn trace_me() {
    ptrace(libc::PTRACE_TRACEME, 0, 0, 0).expect("PTRACE_TRACEME");
    // SAFETY: waits for the tracer.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// What a wait status of a traced process means.
pub fn stop(pid: i32, status: i32) -> Stop {
    let options = libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_EXITKILL;
    match (libc::WSTOPSIG(status), status >> 16) {
        (libc::SIGTRAP, libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE) => {
            let child = buffer(8);
            ptrace(libc::PTRACE_GETEVENTMSG, pid, 0, child).map_or(Stop::Other, |_| Stop::Child(peek(child) as i32))
        }
        (libc::SIGTRAP, libc::PTRACE_EVENT_EXEC) => Stop::Exec,
        (signal, 0) if signal == libc::SIGTRAP | 0x80 => syscall_stop(pid),
        (signal, 0) => {
            // Ignored: a process that is gone needs no options, and setting them again changes nothing.
            let _ = ptrace(libc::PTRACE_SETOPTIONS, pid, 0, options as usize);
            Stop::Signal(signal)
        }
        _ => Stop::Other,
    }
}

fn syscall_stop(pid: i32) -> Stop {
    let mut info = std::mem::MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
    let size = size_of::<libc::ptrace_syscall_info>();
    if ptrace(libc::PTRACE_GET_SYSCALL_INFO, pid, size, info.as_mut_ptr() as usize).is_err() {
        return Stop::Other;
    }
    // SAFETY: the kernel filled it, and all bytes zero are a value of it too.
    let info = unsafe { info.assume_init() };
    if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
        return Stop::Exit;
    }
    // SAFETY: `op` says that this member of the union is the one filled.
    let entry = unsafe { info.u.entry };
    Stop::Entry { nr: entry.nr as i64, ip: info.instruction_pointer, first: entry.args[0] }
}

/// Lets it go on, with this signal or 0.
pub fn resume(pid: i32, signal: i32) {
    // Ignored: it may have been killed meanwhile.
    let _ = ptrace(libc::PTRACE_SYSCALL, pid, 0, signal as usize);
}

/// Offsets of ORIG_RAX and RAX in struct user.
const ORIG_RAX: usize = 15 * 8;
const RAX: usize = 10 * 8;

/// At a call's entry: it is not made.
pub fn skip_call(pid: i32) {
    ptrace(libc::PTRACE_POKEUSER, pid, ORIG_RAX, usize::MAX).expect("PTRACE_POKEUSER");
}

/// At a call's exit: what it seems to have returned.
pub fn set_result(pid: i32, errno: i32) {
    ptrace(libc::PTRACE_POKEUSER, pid, RAX, -(errno as isize) as usize).expect("PTRACE_POKEUSER");
}

/// SIGKILL.
pub fn kill(pid: i32) {
    call(libc::SYS_kill, [pid as usize, libc::SIGKILL as usize, 0, 0, 0, 0]).expect("kill");
}

/// clock_gettime(3): by libc, which asks the vDSO.
pub fn clock(id: i32) -> (i64, i64) {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills the live structure.
    assert_eq!(unsafe { libc::clock_gettime(id, &raw mut time) }, 0);
    (time.tv_sec, time.tv_nsec)
}

/// Reads the time stamp counter.
pub fn rdtsc() -> u64 {
    // SAFETY: the instruction touches two registers; where it is forbidden it is SIGSEGV.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// Goes down the stack, a page a step.
#[inline(never)]
pub fn descend(depth: u64) -> u64 {
    let mut page = [0u8; 4096];
    // SAFETY: the page is this frame's; volatile, so that it is really there.
    unsafe { page.as_mut_ptr().add((depth % 4096) as usize).write_volatile(1) };
    let below = if depth == 0 { 0 } else { descend(depth - 1) };
    // SAFETY: the same.
    below + u64::from(unsafe { page.as_ptr().read_volatile() })
}

/// Writes to the null page: the kernel's own SIGSEGV.
pub fn fault() -> ! {
    // SAFETY: none, on purpose: this must fault.
    unsafe { std::ptr::null_mut::<u8>().write_volatile(1) };
    std::process::exit(99)
}

/// The one call whose arguments nobody else uses: it tells a tracer that the loader has handed over to the program.
pub const MARK: (i64, usize) = (libc::SYS_getpgid, 0x5b_5b5b);

/// Runs before every constructor but one of a library linked `-z initfirst`.
#[used]
#[unsafe(link_section = ".preinit_array")]
static HANDOVER: extern "C" fn() = {
    extern "C" fn mark() {
        // Ignored: refused or not, the tracer has seen it.
        let _ = call(MARK.0, [MARK.1, 0, 0, 0, 0, 0]);
    }
    mark
};

macro_rules! errnos {
    ($($name:ident),+ $(,)?) => {
        /// The name of an error number, or `ERRNO` and the number.
        pub fn errno_name(errno: i32) -> String {
            match errno { $(libc::$name => stringify!($name).into(),)+ other => format!("ERRNO{other}") }
        }
        /// The number of an error's name.
        pub fn errno_number(name: &str) -> Option<i32> {
            match name { $(stringify!($name) => Some(libc::$name),)+ _ => None }
        }
    };
}

errnos! {
    E2BIG, EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EBADF, EBUSY, ECANCELED, ECHILD, ECONNREFUSED,
    EDOM, EEXIST, EFAULT, EFBIG, EHOSTUNREACH, EINPROGRESS, EINTR, EINVAL, EIO, EISDIR, ELOOP, EMFILE, EMLINK,
    EMSGSIZE, ENAMETOOLONG, ENETUNREACH, ENFILE, ENODEV, ENOENT, ENOEXEC, ENOKEY, ENOMEM, ENOPROTOOPT, ENOSPC,
    ENOSYS, ENOTCONN, ENOTDIR, ENOTEMPTY, ENOTSOCK, ENOTTY, ENXIO, EOPNOTSUPP, EOVERFLOW, EPERM, EPIPE, EPROTO,
    EPROTONOSUPPORT, ERANGE, EROFS, ESPIPE, ESRCH, ETIMEDOUT, ETXTBSY, EUSERS, EXDEV,
}

static CAUGHT: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(-1);

extern "C" fn on_sigsys(_: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: with SA_SIGINFO the kernel passes a siginfo that is live while the handler runs.
    CAUGHT.store(unsafe { (*info).si_errno }, std::sync::atomic::Ordering::Relaxed);
}

/// Handles SIGSYS, sigaction(2).
pub fn catch_sigsys() {
    // SAFETY: all zeroes is a valid sigaction, and the handler has the type that SA_SIGINFO asks for.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_sigsys as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()), 0);
    }
}

/// Blocks SIGSYS in this thread.
pub fn block_sigsys() {
    // SAFETY: the set is filled before it is read.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigaddset(&raw mut set, libc::SIGSYS);
        assert_eq!(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()), 0);
    }
}

/// The number that came with the last SIGSYS.
pub fn caught() -> Option<i32> {
    Some(CAUGHT.load(std::sync::atomic::Ordering::Relaxed)).filter(|number| *number >= 0)
}

/// What handlers have seen.
#[derive(Default)]
pub struct Storm {
    /// SIGSYS, with all that the kernel says of such a call, and with the registers of it.
    pub right: std::sync::atomic::AtomicU32,
    pub wrong: std::sync::atomic::AtomicU32,
    pub alarms: std::sync::atomic::AtomicU32,
}

const STORMY: [usize; 6] = [16, 1, 3, 4, 5, 6];
pub static STORM: Storm = Storm {
    right: std::sync::atomic::AtomicU32::new(0),
    wrong: std::sync::atomic::AtomicU32::new(0),
    alarms: std::sync::atomic::AtomicU32::new(0),
};

extern "C" fn on_stormy_sigsys(_: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: with SA_SIGINFO the kernel passes both, live while the handler runs; sigaction(2) has the layout of the first.
    let (info, context) = unsafe { (&*info.cast::<[u32; 8]>(), &*context.cast::<libc::ucontext_t>()) };
    let of = |register: i32| context.uc_mcontext.gregs[register as usize] as usize;
    let registers = [libc::REG_RDI, libc::REG_RSI, libc::REG_RDX, libc::REG_R10, libc::REG_R8, libc::REG_R9].map(of);
    let at = u64::from(info[4]) | u64::from(info[5]) << 32;
    let right = (info[0], info[2], info[6]) == (libc::SIGSYS as u32, 1, libc::SYS_ptrace as u32)
        && registers == STORMY
        && of(libc::REG_RAX) == libc::SYS_ptrace as usize
        && at == of(libc::REG_RIP) as u64
        // SAFETY: the kernel has filled the set.
        && (1..64).all(|signal| unsafe { libc::sigismember(&raw const context.uc_sigmask, signal) } == 0);
    let count = if right { &STORM.right } else { &STORM.wrong };
    count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}

extern "C" fn on_alarm(_: i32) {
    STORM.alarms.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}

/// Makes ptrace(2) so many times, with all six arguments, while alarms come every so many microseconds (0: none).
pub fn storm(times: u32, micros: i64) {
    // SAFETY: as in `catch_sigsys`; the timer is a live structure.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_stormy_sigsys as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()), 0);
        action.sa_sigaction = on_alarm as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        assert_eq!(libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut()), 0);
        let interval = libc::timeval { tv_sec: 0, tv_usec: micros };
        let timer = libc::itimerval { it_interval: interval, it_value: interval };
        assert_eq!(libc::syscall(libc::SYS_setitimer, 0, &raw const timer, 0), 0);
    }
    for _ in 0..times {
        // Ignored: what the handlers have seen tells.
        let _ = call(libc::SYS_ptrace, STORMY);
    }
}
