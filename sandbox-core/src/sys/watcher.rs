//! A process that traces this one from its next execve(2) on.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use super::call::Call;
use super::socket::{Channel, Message, peer_gone};
use super::trace::{self, Stop};
use super::{Result, check, file, process, signal};
use crate::error::Failure;
use crate::hint::Cause;

/// What the watcher is made of, in memory that is its own only after the other's execve.
struct Watcher {
    watched: i32,
    /// Its end of the channel, by number: what owns it is the other's.
    channel: RawFd,
    watch: Option<Box<dyn FnOnce(i32)>>,
    stack: Stack,
}

/// Has this process, which executes a program next, traced by a new one, which begins with `watch`, given this process's pid,
/// when that program is there and has stopped before its first instruction. If the new one ends before that, nothing comes of
/// it; if it does while it traces, the kernel kills this process. It is a child, and to be waited for; its pid is returned.
///
/// It is made in this process's memory, clone(2) with CLONE_VM: nothing is copied, and neither waits for the kernel to do
/// that. Until execve takes this process out of that memory the two share nothing that either changes, nor does the new one take
/// memory: this process waits until it is traced, and the other then sleeps until this one has stopped.
///
/// # Errors
/// It cannot be traced, and there is no new process; or, of `recvmsg`, that is not known, and this process had better end.
pub fn start(watch: impl FnOnce(i32) + 'static) -> Result<i32> {
    let (own, theirs) = Channel::pair()?;
    let watcher = Box::into_raw(Box::new(Watcher {
        watched: std::process::id().cast_signed(),
        channel: theirs.number(),
        watch: Some(Box::new(watch)),
        stack: Stack::new()?,
    }));
    // SAFETY: what it is given lives until this process executes a program, or its child has been waited for (below). The
    // stack is a mapping of its own. The guard in `Stack` keeps it from growing into anything else.
    let made = unsafe { libc::clone(begin, (*watcher).stack.top(), libc::CLONE_VM | libc::SIGCHLD, watcher.cast()) };
    let said = check(Call::Clone, made.into()).and_then(|_| {
        drop(theirs);
        own.receive()
    });
    let refused = match said {
        Ok(Some(Message::Observing)) => return Ok(made),
        Ok(Some(Message::Failed { failure, .. })) => failure,
        Ok(_) => peer_gone(),
        // It may well trace, and then sleeps, in this memory, until this process has ended.
        Err(failure) if made > 0 => return Err(failure),
        Err(failure) => failure,
    };
    if made > 0 {
        // It has said so, and ends; or it has ended.
        // ignored: nobody else waits for it
        let _ = signal::wait_end(made);
    }
    // SAFETY: nobody else has it any more.
    drop(unsafe { Box::from_raw(watcher) });
    Err(refused)
}

/// The new process.
extern "C" fn begin(watcher: *mut libc::c_void) -> libc::c_int {
    // SAFETY: it is what `start` has made, who looks at it again only when this process has ended.
    let watcher = unsafe { &mut *watcher.cast::<Watcher>() };
    // What ends the other with its process group ends it; this one looks on.
    // ignored: the watched are killed when it dies
    let _ = signal::block_all();
    let seized = file::close_others(&mut [2, watcher.channel]).and_then(|()| trace::seize_until_exec(watcher.watched));
    // SAFETY: of this process's descriptors, which are its own, nothing else owns this one.
    let channel = Channel::inherited(unsafe { OwnedFd::from_raw_fd(watcher.channel) });
    let told = channel.send(&seized.map_or_else(failed, |()| Message::Observing));
    if seized.is_ok() && told.is_ok() && is_another(watcher.watched) {
        drop(channel);
        if let Some(watch) = watcher.watch.take() {
            watch(watcher.watched);
            // The other, which this process has woken on its own processor, need not wait for the memory to be taken down.
            process::give_way();
        }
    }
    process::exit(0)
}

fn failed(failure: Failure) -> Message {
    Message::Failed { step: 0, failure, cause: Cause::Unknown }
}

/// Waits until the process has executed a program; `false` where it has ended instead.
fn is_another(process: i32) -> bool {
    loop {
        let gone_on = match trace::wait(process) {
            Stop::Exec => return true,
            Stop::Gone => return false,
            Stop::Signal(signal) => trace::resume_with(process, signal),
            Stop::Group => trace::listen(process),
            Stop::Asked | Stop::Exit => trace::resume(process),
        };
        // Killed meanwhile.
        if gone_on.is_err() {
            return false;
        }
    }
}

/// Memory for a process to run in.
struct Stack(*mut libc::c_void);

impl Stack {
    const SIZE: usize = 256 << 10;
    /// Below it, never written to.
    const GUARD: usize = 4 << 10;

    fn new() -> Result<Self> {
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK);
        // SAFETY: a new mapping, anywhere.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), Self::SIZE, access, kind, -1, 0) };
        // MAP_FAILED is -1.
        check(Call::Mmap, start.addr().cast_signed() as i64)?;
        let stack = Self(start);
        // SAFETY: the mapping's first page, which nobody uses yet.
        check(Call::Mprotect, unsafe { libc::mprotect(start, Self::GUARD, libc::PROT_NONE) }.into())?;
        Ok(stack)
    }

    fn top(&self) -> *mut libc::c_void {
        self.0.wrapping_byte_add(Self::SIZE)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // ignored: unmapping a whole mapping cannot fail
        // SAFETY: its own mapping, in which no process runs any more.
        let _ = unsafe { libc::munmap(self.0, Self::SIZE) };
    }
}
