//! Holding a thread for a moment, to have it make a call again, ptrace(2).

use super::call::Call;
use super::{Result, check, refused};

/// Why a thread that is held has stopped, or is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Because it was asked to.
    Asked,
    /// With all of its process, by a stop signal.
    Group,
    /// It is about to be given this signal.
    Signal(i32),
    /// It is about to end.
    Exit,
    /// It has become another program, none of whose instructions has run.
    Exec,
    /// It has ended, or is somebody else's.
    Gone,
}

fn trace(request: u32, thread: i32, address: usize, data: usize) -> Result<()> {
    // SAFETY: `address` and `data` are numbers, or the address of a live object that the request's callers below name. The
    // call is made raw, as the C library's function takes its arguments for pointers.
    check(Call::Ptrace, unsafe { libc::syscall(libc::SYS_ptrace, request, thread, address, data) }).map(drop)
}

/// Makes this process the tracer of a thread, which goes on, and is told of its end. `dies_with`: the thread's process is
/// killed if this one ends meanwhile.
pub fn seize(thread: i32, dies_with: bool) -> Result<()> {
    let options = libc::PTRACE_O_TRACEEXIT | if dies_with { libc::PTRACE_O_EXITKILL } else { 0 };
    trace(libc::PTRACE_SEIZE, thread, 0, usize::try_from(options).unwrap_or(0))
}

/// Makes this process the tracer of another, which goes on, stops when it has executed a program, and is killed if this one
/// ends meanwhile.
pub fn seize_until_exec(process: i32) -> Result<()> {
    let options = libc::PTRACE_O_TRACEEXEC | libc::PTRACE_O_EXITKILL;
    trace(libc::PTRACE_SEIZE, process, 0, usize::try_from(options).unwrap_or(0))
}

/// Lets any process trace this one, or only those that may anyway: where the Yama module is in force, prctl(PR_SET_PTRACER).
pub fn let_be_traced(by_any: bool) {
    let who = if by_any { libc::c_ulong::MAX } else { 0 };
    // ignored: EINVAL where there is no Yama
    // SAFETY: numbers only.
    let _ = unsafe { libc::prctl(libc::PR_SET_PTRACER, who, 0, 0, 0) };
}

/// Lets it go on until the next stop, and gives it the signal it is stopped for (0: none).
pub fn resume_with(thread: i32, signal: i32) -> Result<()> {
    trace(libc::PTRACE_CONT, thread, 0, usize::try_from(signal).unwrap_or(0))
}

/// Leaves it stopped with its process, for whoever continues it.
pub fn listen(thread: i32) -> Result<()> {
    trace(libc::PTRACE_LISTEN, thread, 0, 0)
}

/// A place in a process that is traced where it stops instead of going on: SIGTRAP.
///
/// In its text, as debuggers have it, in a copy that is the process's own. The processor's debug registers need none, but the
/// kernel makes them of performance counters: the first in a while takes milliseconds, in which it waits for all processors.
#[derive(Clone, Copy)]
pub struct Breakpoint {
    address: usize,
    /// What lies there.
    text: usize,
}

impl Breakpoint {
    /// int3, one byte.
    const STOP: usize = 0xcc;

    /// Sets it.
    pub fn set(thread: i32, address: usize) -> Result<Self> {
        let mut text = 0_usize;
        // The kernel fills the live integer.
        trace(libc::PTRACE_PEEKTEXT, thread, address, (&raw mut text).addr())?;
        trace(libc::PTRACE_POKETEXT, thread, address, text & !0xff | Self::STOP)?;
        Ok(Self { address, text })
    }

    /// Leaves the text as it was.
    pub fn lift(self, thread: i32) -> Result<()> {
        trace(libc::PTRACE_POKETEXT, thread, self.address, self.text)
    }

    /// Whether the thread, which has stopped with SIGTRAP and these registers, has done so here. It is then to go on with
    /// those that are returned, and the text as it was.
    pub fn met(&self, registers: Registers) -> Option<Registers> {
        let here = self.address as u64;
        (registers.ip() == here.wrapping_add(1))
            .then_some(Registers(libc::user_regs_struct { rip: here, ..registers.0 }))
    }
}

/// Has a thread that has stopped end its process with this exit code, before it runs anything else: by instructions at the
/// place where it goes on, in a copy of the text that is the process's own. Registers would not do: after execve(2) the kernel
/// has yet to write its result to one.
pub fn exit_with(thread: i32, code: u8) -> Result<()> {
    const { assert!(libc::SYS_exit_group == 0xe7) };
    // mov edi, CODE; mov eax, SYS_exit_group; syscall; and as many more as make two words, never reached.
    let text = [0xbf, code, 0, 0, 0, 0xb8, 0xe7, 0, 0, 0, SYSCALL[0], SYSCALL[1], 0xcc, 0xcc, 0xcc, 0xcc];
    let place = Registers::of(thread)?.0.rip as usize;
    for (at, word) in (place..).step_by(size_of::<usize>()).zip(text.as_chunks().0) {
        trace(libc::PTRACE_POKETEXT, thread, at, usize::from_le_bytes(*word))?;
    }
    resume(thread)
}

/// Has it stop before it runs any code of its own again.
pub fn interrupt(thread: i32) -> Result<()> {
    trace(libc::PTRACE_INTERRUPT, thread, 0, 0)
}

/// Lets it go on until the next stop.
pub fn resume(thread: i32) -> Result<()> {
    trace(libc::PTRACE_CONT, thread, 0, 0)
}

/// Lets it go on, traced no more, and gives it the signal it is stopped for (0: none).
pub fn release(thread: i32, signal: i32) -> Result<()> {
    trace(libc::PTRACE_DETACH, thread, 0, usize::try_from(signal).unwrap_or(0))
}

/// Waits for the next stop of a thread that is held, waitpid(2).
pub fn wait(thread: i32) -> Stop {
    const EVENT_STOP: i32 = 128;
    let mut status = 0;
    loop {
        // SAFETY: the kernel fills the live integer.
        match check(Call::Wait, unsafe { libc::waitpid(thread, &raw mut status, libc::__WALL) }.into()) {
            Err(failure) if failure.errno == libc::EINTR => {}
            Err(_) => return Stop::Gone,
            Ok(_) if !libc::WIFSTOPPED(status) => return Stop::Gone,
            Ok(_) => break,
        }
    }
    match (status >> 16, libc::WSTOPSIG(status)) {
        (EVENT_STOP, libc::SIGTRAP) => Stop::Asked,
        (EVENT_STOP, _) => Stop::Group,
        (libc::PTRACE_EVENT_EXIT, _) => Stop::Exit,
        (libc::PTRACE_EVENT_EXEC, _) => Stop::Exec,
        (_, signal) => Stop::Signal(signal),
    }
}

/// The registers of a thread that has stopped.
#[derive(Clone, Copy)]
pub struct Registers(libc::user_regs_struct);

impl Registers {
    /// Those it has now.
    pub fn of(thread: i32) -> Result<Self> {
        // SAFETY: all zeroes is a valid structure of numbers.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        // The kernel fills the live structure.
        trace(libc::PTRACE_GETREGS, thread, 0, (&raw mut registers).addr())?;
        Ok(Self(registers))
    }

    /// Gives it these.
    pub fn set(&self, thread: i32) -> Result<()> {
        // The kernel reads the live structure.
        trace(libc::PTRACE_SETREGS, thread, 0, (&raw const self.0).addr())
    }

    /// Where it goes on.
    pub fn ip(&self) -> u64 {
        self.0.rip
    }

    /// As when the function that it is at the beginning of has returned: `None` where its stack cannot be read.
    pub fn returned(&self, thread: i32) -> Option<Self> {
        let stack = self.0.rsp;
        let rip = super::process::read_word(thread, usize::try_from(stack).ok()?)?;
        Some(Self(libc::user_regs_struct { rip, rsp: stack.wrapping_add(size_of::<u64>() as u64), ..self.0 }))
    }

    /// Whether it comes from this call.
    pub fn is_after(&self, nr: u32) -> bool {
        // The kernel looks at these 32 bits.
        self.0.orig_rax & 0xffff_ffff == u64::from(nr)
    }

    /// As before the call that it comes from: it makes it once more.
    pub fn before(&self) -> Self {
        // An interrupted call that is to be restarted is known by this.
        const NO_CALL: u64 = u64::MAX;
        let rip = self.0.rip.wrapping_sub(SYSCALL.len() as u64);
        Self(libc::user_regs_struct { rip, rax: self.0.orig_rax, orig_rax: NO_CALL, ..self.0 })
    }

    /// The register of a call's last argument.
    pub fn last(&self) -> u64 {
        self.0.r9
    }

    /// The same with another last argument.
    pub fn with_last(&self, value: u64) -> Self {
        Self(libc::user_regs_struct { r9: value, ..self.0 })
    }
}

/// The instruction by which a call is made.
pub const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// The signals a thread that has stopped has blocked, bit n - 1 for signal n.
pub fn mask(thread: i32) -> Result<u64> {
    let mut mask = 0_u64;
    // The kernel fills the live integer.
    trace(libc::PTRACE_GETSIGMASK, thread, size_of::<u64>(), (&raw mut mask).addr())?;
    Ok(mask)
}

/// Has it block these.
pub fn set_mask(thread: i32, mask: u64) -> Result<()> {
    // The kernel reads the live integer.
    trace(libc::PTRACE_SETSIGMASK, thread, size_of::<u64>(), (&raw const mask).addr())
}

/// Whether this process may trace, and nobody traces it: who is traced already cannot be held, nor can its children.
///
/// # Errors
/// The call is forbidden; or EPERM, as it will be answered.
pub fn is_possible() -> Result<()> {
    // No process has this number.
    match trace(libc::PTRACE_CONT, 0, 0, 0) {
        Err(failure) if failure.errno == libc::ESRCH => {}
        Err(failure) => return Err(failure),
        Ok(()) => {}
    }
    let status = std::fs::read("/proc/self/status").unwrap_or_default();
    let tracer = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"TracerPid:"));
    match tracer.map(<[u8]>::trim_ascii) {
        Some(b"0") | None => Ok(()),
        Some(_) => Err(refused(Call::Ptrace, libc::EPERM)),
    }
}
