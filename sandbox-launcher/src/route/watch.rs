//! Proof of entry, route preload: a process that watches ld.so until the library is in the program.
//!
//! ld.so only warns of a library that it cannot preload (no memory, no descriptor, a security module's refusal), and goes on.
//! What else could be seen to was looked at before execve(2), and the program is executed by descriptor; this is for what
//! comes after. The watcher is ld.so's debugger for a moment: it has the kernel stop the program where ld.so tells debuggers
//! that all objects are there, before any of their constructors has run, and looks for the library among what is mapped.
//! It is let go on when it has it, and made to exit otherwise. There is no third outcome: without the watcher the kernel
//! kills the program (PTRACE_O_EXITKILL), and the program's own first instruction is watched too.

use std::fs;

use sandbox_core::error::{Failure, Refusal, SetupError};
use sandbox_core::exit;
use sandbox_core::hint::Cause;
use sandbox_core::sys::call::Call;
use sandbox_core::sys::loader::{Loader, Place, Seen};
use sandbox_core::sys::process::{self, Forked};
use sandbox_core::sys::socket::{Channel, Message, peer_gone};
use sandbox_core::sys::trace::{self, Breakpoint, Registers, Stop};
use sandbox_core::sys::{Result, file, signal};

use crate::target::Target;

/// The step's name in messages.
const NAME: &str = "entry";

/// What is looked for, and in what.
struct Sought<'a> {
    /// The library, as LD_PRELOAD names it.
    library: &'a [u8],
    /// For messages.
    program: String,
}

/// Whether it can be watched, as far as that can be told without doing it.
///
/// # Errors
/// The answer that there would be.
pub fn is_possible() -> Result<()> {
    trace::is_possible()?;
    // 2 is for CAP_SYS_PTRACE, and 3 for nobody: Documentation/admin-guide/LSM/Yama.rst.
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let least = if nix::unistd::geteuid().is_root() { 3 } else { 2 };
    let forbidden = scope.trim().parse().unwrap_or(0) >= least;
    if forbidden { Err(refuse(libc::EPERM)) } else { Ok(()) }
}

/// Has `target`, which this process executes next with `library` as LD_PRELOAD names it, watched; returns when it is, with the
/// pid of a child that is to be waited for.
///
/// # Errors
/// It cannot be: it is traced already, or tracing is forbidden.
pub fn start(library: &[u8], target: &Target) -> Result<i32> {
    let sought = Sought { library, program: target.name() };
    let loader = Loader::own().ok_or_else(|| refuse(libc::ENOSYS))?;
    let (own, theirs) = Channel::pair()?;
    trace::let_be_traced(true);
    let watched = launch(own, theirs, &sought, loader);
    trace::let_be_traced(false);
    watched
}

fn launch(own: Channel, theirs: Channel, sought: &Sought<'_>, loader: Loader) -> Result<i32> {
    let launcher = std::process::id().cast_signed();
    match process::fork()? {
        Forked::Child => {
            drop(own);
            watch(launcher, &theirs, sought, loader)
        }
        Forked::Parent(pid) => {
            drop(theirs);
            let refused = match own.receive() {
                Ok(Some(Message::Observing)) => return Ok(pid),
                Ok(Some(Message::Failed { failure, .. })) | Err(failure) => failure,
                Ok(_) => peer_gone(),
            };
            // ignored: it has ended, or cannot do anything any more
            let _ = signal::send(pid, libc::SIGKILL);
            let _ = signal::wait_end(pid);
            Err(refused)
        }
    }
}

fn failed(failure: Failure) -> Message {
    Message::Failed { step: 0, failure, cause: Cause::Unknown }
}

fn refuse(errno: i32) -> Failure {
    Failure { call: Call::Ptrace, object: 0, errno }
}

/// The watcher's life, a millisecond or so.
fn watch(launcher: i32, channel: &Channel, sought: &Sought<'_>, loader: Loader) -> ! {
    // What ends the launcher with its process group ends it; this process looks on.
    // ignored: the watched are killed when it dies
    let _ = signal::block_all();
    let seized =
        file::close_all_but([2, channel.number()].into_iter()).and_then(|()| trace::seize_until_exec(launcher));
    let told = channel.send(&seized.map_or_else(failed, |()| Message::Observing));
    if seized.is_err() || told.is_err() {
        process::exit(exit::REFUSED)
    }
    let outcome = until_loaded(launcher, sought, loader);
    let released = match outcome {
        Ok(Outcome::Entered) => trace::release(launcher, 0),
        Ok(Outcome::Ended) => Ok(()),
        Ok(Outcome::NotEntered) => {
            let program = &sought.program;
            file::complain(&format!(
                "sbx: {NAME}: {program}: the library was not loaded into it, and nothing of it has run\n\
                 sbx: hint: ld.so says why above; --route exec does without it\n"
            ));
            end(launcher);
            Ok(())
        }
        Err(failure) => Err(failure),
    };
    if let Err(failure) = released {
        file::complain(&Refusal::from(SetupError::new(NAME, failure, &*sought.program)).message());
        end(launcher);
    }
    process::exit(0)
}

/// Ends it with the exit code of what was refused. Where that cannot be, this process's own end ends it.
fn end(launcher: i32) {
    if trace::exit_with(launcher, exit::REFUSED).is_ok() {
        while trace::wait(launcher) != Stop::Gone {}
    }
}

enum Outcome {
    Entered,
    NotEntered,
    /// Before it could do either.
    Ended,
}

/// What is stopped at, in the program.
struct Places {
    base: usize,
    hook: Breakpoint,
    entry: Breakpoint,
    /// Off the hook for one instruction: ld.so goes there twice.
    stepping: bool,
}

fn until_loaded(launcher: i32, sought: &Sought<'_>, loader: Loader) -> Result<Outcome> {
    let mut places: Option<Places> = None;
    loop {
        let stop = trace::wait(launcher);
        match (stop, &mut places) {
            (Stop::Exec, _) => {
                places = Some(Places::set(launcher, loader)?);
                trace::resume(launcher)?;
            }
            (Stop::Signal(libc::SIGTRAP), Some(places)) => match places.reached(launcher, sought, loader)? {
                None => (),
                Some(outcome) => return Ok(outcome),
            },
            (Stop::Signal(signal), Some(Places { stepping: true, .. })) => trace::step(launcher, signal)?,
            (Stop::Signal(signal), _) => trace::resume_with(launcher, signal)?,
            (Stop::Group, _) => trace::listen(launcher)?,
            (Stop::Asked, Some(Places { stepping: true, .. })) => trace::step(launcher, 0)?,
            (Stop::Asked | Stop::Exit, _) => trace::resume(launcher)?,
            (Stop::Gone, _) => return Ok(Outcome::Ended),
        }
    }
}

impl Places {
    /// In a program that has just been executed.
    fn set(pid: i32, loader: Loader) -> Result<Self> {
        let Place { base, entry } = Place::of(pid).ok_or_else(|| refuse(libc::EIO))?;
        let [hook, entry] = [loader.hook(base), entry].map(|address| Breakpoint::set(pid, address));
        Ok(Self { base, hook: hook?, entry: entry?, stepping: false })
    }

    /// What comes of a stop with SIGTRAP; `None` where it goes on.
    fn reached(&mut self, launcher: i32, sought: &Sought<'_>, loader: Loader) -> Result<Option<Outcome>> {
        let registers = Registers::of(launcher)?;
        if let Some(before) = self.hook.met(registers) {
            before.set(launcher)?;
            self.hook.lift(launcher)?;
            match loader.look(launcher, self.base, sought.library).ok_or_else(|| refuse(libc::EIO))? {
                Seen::Incomplete => {
                    self.stepping = true;
                    trace::step(launcher, 0)?;
                }
                Seen::Missing => return Ok(Some(Outcome::NotEntered)),
                Seen::There => {
                    self.entry.lift(launcher)?;
                    return Ok(Some(Outcome::Entered));
                }
            }
        } else if self.entry.met(registers).is_some() {
            return Ok(Some(Outcome::NotEntered));
        } else if std::mem::take(&mut self.stepping) {
            self.hook = Breakpoint::set(launcher, loader.hook(self.base))?;
            trace::resume(launcher)?;
        } else {
            trace::resume_with(launcher, libc::SIGTRAP)?;
        }
        Ok(None)
    }
}
