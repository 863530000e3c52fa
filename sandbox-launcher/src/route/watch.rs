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
use sandbox_core::sys::call::Call;
use sandbox_core::sys::loader::{Loader, Place, Seen};
use sandbox_core::sys::trace::{self, Breakpoint, Registers, Stop};
use sandbox_core::sys::{Result, file, watcher};

use crate::target::Target;

/// The step's name in messages.
const NAME: &str = "entry";

/// What is looked for, and in what.
struct Sought {
    /// The library, as LD_PRELOAD names it.
    library: Vec<u8>,
    /// For messages.
    program: String,
}

/// Whether it can be watched, as far as that can be told without doing it.
///
/// # Errors
/// The answer that there would be.
pub fn is_possible() -> Result<()> {
    loader()?;
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
    let sought = Sought { library: library.to_vec(), program: target.name() };
    let loader = loader()?;
    trace::let_be_traced(true);
    let watched = watcher::start(move |program| watch(program, &sought, loader));
    trace::let_be_traced(false);
    watched
}

/// This system's, which a program by this route has too.
fn loader() -> Result<Loader> {
    Loader::own().ok_or_else(|| refuse(libc::ENOSYS))
}

fn refuse(errno: i32) -> Failure {
    Failure { call: Call::Ptrace, object: 0, errno }
}

/// The watcher's life, from the moment that the program is there.
fn watch(program: i32, sought: &Sought, loader: Loader) {
    let seen = match until_loaded(program, sought, loader) {
        Ok(Outcome::Entered) => trace::release(program, 0),
        Ok(Outcome::Ended) => Ok(()),
        Ok(Outcome::NotEntered) => {
            let name = &sought.program;
            file::complain(&format!(
                "sbx: {NAME}: {name}: the library was not loaded into it, and nothing of it has run\n\
                 sbx: hint: ld.so says why above; --route exec does without it\n"
            ));
            end(program);
            Ok(())
        }
        Err(failure) => Err(failure),
    };
    if let Err(failure) = seen {
        file::complain(&Refusal::from(SetupError::new(NAME, failure, &*sought.program)).message());
        end(program);
    }
}

/// Ends it with the exit code of what was refused. Where that cannot be, this process's own end ends it.
fn end(program: i32) {
    // Whatever comes in between, a signal perhaps, is not for it.
    let mut going = trace::exit_with(program, exit::REFUSED as u8);
    while going.is_ok() && trace::wait(program) != Stop::Gone {
        going = trace::resume(program);
    }
}

enum Outcome {
    Entered,
    NotEntered,
    /// Before it could do either.
    Ended,
}

fn until_loaded(program: i32, sought: &Sought, loader: Loader) -> Result<Outcome> {
    let places = Places::set(program, loader)?;
    trace::resume(program)?;
    loop {
        match trace::wait(program) {
            Stop::Signal(libc::SIGTRAP) => {
                if let Some(outcome) = places.reached(program, sought, loader)? {
                    return Ok(outcome);
                }
            }
            Stop::Signal(signal) => trace::resume_with(program, signal)?,
            Stop::Group => trace::listen(program)?,
            Stop::Asked | Stop::Exec | Stop::Exit => trace::resume(program)?,
            Stop::Gone => return Ok(Outcome::Ended),
        }
    }
}

/// What is stopped at, in the program.
struct Places {
    base: usize,
    hook: Breakpoint,
    entry: Breakpoint,
}

impl Places {
    /// In a program that has just been executed.
    fn set(program: i32, loader: Loader) -> Result<Self> {
        let Place { base, entry } = Place::of(program).ok_or_else(|| refuse(libc::EIO))?;
        let [hook, entry] = [loader.hook(base), entry].map(|address| Breakpoint::set(program, address));
        Ok(Self { base, hook: hook?, entry: entry? })
    }

    /// What comes of a stop with SIGTRAP; `None` where it goes on.
    fn reached(&self, program: i32, sought: &Sought, loader: Loader) -> Result<Option<Outcome>> {
        let unread = || refuse(libc::EIO);
        let registers = Registers::of(program)?;
        if let Some(before) = self.hook.met(registers) {
            match loader.look(program, self.base, &sought.library).ok_or_else(unread)? {
                // ld.so comes here twice. The function is nothing but its return (`Loader::own`), which is made here. Shadow
                // stacks, which would tell, are turned on later.
                Seen::Incomplete => before.returned(program).ok_or_else(unread)?.set(program)?,
                Seen::Missing => return Ok(Some(Outcome::NotEntered)),
                Seen::There => {
                    before.set(program)?;
                    self.hook.lift(program)?;
                    self.entry.lift(program)?;
                    return Ok(Some(Outcome::Entered));
                }
            }
            trace::resume(program)?;
        } else if self.entry.met(registers).is_some() {
            return Ok(Some(Outcome::NotEntered));
        } else {
            trace::resume_with(program, libc::SIGTRAP)?;
        }
        Ok(None)
    }
}
