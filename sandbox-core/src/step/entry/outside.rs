//! The process that is asked: forked when the user namespace is there, before any other, so that it has every capability over
//! what is inside and none of it is over it.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use super::{Entry, NAME, NOT_LOADED};
use crate::error::Failure;
use crate::hint::Cause;
use crate::step::{Context, Step};
use crate::sys::call::Call;
use crate::sys::loader::{Place, Seen};
use crate::sys::notify::{self, Listener, Notification};
use crate::sys::process::{self, Forked};
use crate::sys::socket::{Channel, Message, peer_gone};
use crate::sys::{Result, file, mount, privilege, refused, signal};

/// The step that leaves the process behind.
pub struct Outside(Entry);

/// What outer knows of it.
pub struct Keeper {
    pid: i32,
    channel: Channel,
    /// Held until the program may begin: without anybody to answer, the call would be over, and it would go on.
    listener: Option<Listener>,
    /// It has said that the program has ended.
    is_over: bool,
}

/// Planned where entry is to be proved.
pub fn plan(entry: Option<&Entry>) -> Option<Outside> {
    entry.map(|entry| Outside(entry.clone()))
}

impl Step for Outside {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        let mut says = String::from("fork: a process stays outside to see the library in the program");
        for (number, bind) in self.0.swept.binds.iter().enumerate() {
            says.push_str(if number == 0 { ", and then to take away " } else { ", " });
            says.push_str(&bind.to_string_lossy());
        }
        says
    }
    fn apply(&self, context: &mut Context) -> Result<()> {
        let (own, others) = Channel::pair()?;
        match process::fork()? {
            Forked::Parent(pid) => {
                context.entry = Some(Keeper { pid, channel: own, listener: None, is_over: false });
                Ok(())
            }
            Forked::Child => {
                drop(own);
                self.serve(&others)
            }
        }
    }
    fn object(&self, number: u32) -> String {
        let number = number as usize;
        let bind = number.checked_sub(NOT_LOADED + 1).and_then(|number| self.0.swept.object(number));
        bind.map_or_else(|| self.0.program.clone(), |bind| bind.to_string_lossy().into_owned())
    }
}

/// How far it is with the program.
pub enum State {
    /// The program is not there yet, or held.
    Awaited,
    /// It is in, and is to be let begin under this number.
    Entered(u64),
    /// It has ended before it was held.
    Over,
    Failed(Failure),
}

impl Keeper {
    /// Hands on what it is asked on.
    ///
    /// # Errors
    /// It has ended.
    pub fn begin(&mut self, listener: OwnedFd) -> Result<()> {
        let message = Message::Listener(listener);
        if let Err(gone) = self.channel.send(&message) {
            return Err(if let State::Failed(why) = self.state() { why } else { gone });
        }
        if let Message::Listener(listener) = message {
            self.listener = Some(listener.into());
        }
        Ok(())
    }

    /// What it has said so far; to have ended without a word is a failure.
    pub fn state(&mut self) -> State {
        if self.is_over {
            return State::Over;
        }
        match notify::wait_for([Some(self.channel.fd())], Some(Duration::ZERO)) {
            Ok([ready]) if !ready.to_read && !ready.over => State::Awaited,
            _ => match self.channel.receive() {
                Ok(Some(Message::Entered(id))) => State::Entered(id),
                Ok(Some(Message::Over)) => {
                    self.is_over = true;
                    State::Over
                }
                Ok(Some(Message::Failed { failure, .. })) => State::Failed(failure),
                _ => State::Failed(peer_gone()),
            },
        }
    }

    /// Lets the program begin that was found to be in.
    ///
    /// # Errors
    /// The kernel does not.
    pub fn let_begin(&self, id: u64) -> Result<()> {
        // It has said its last, and until it is waited for it counts among the processes that the program may have.
        // ignored: who has no child of this number has waited for it
        let _ = signal::wait_end(self.pid);
        self.listener.as_ref().map_or_else(|| Err(peer_gone()), |listener| listener.let_through(id))
    }

    /// Why the program has ended without having been let begin, if it is because of that.
    pub fn last_word(mut self) -> Option<Failure> {
        // It ends when the program has. ignored: what cannot be waited for is looked at as it is
        let _ = notify::wait_for([Some(self.channel.fd())], None);
        let failure = match self.state() {
            State::Failed(failure) => Some(failure),
            State::Awaited | State::Entered(_) | State::Over => None,
        };
        self.end();
        failure
    }

    /// Lets it end, and waits until it has.
    pub fn end(self) {
        let Self { pid, channel, listener, is_over: _ } = self;
        drop((channel, listener));
        // ignored: a caller that ignores SIGCHLD has no children to wait for
        let _ = signal::wait_end(pid);
    }

    /// The numbers of what must stay open.
    pub fn descriptors(&self) -> impl Iterator<Item = i32> {
        self.listener.iter().map(|listener| listener.as_fd().as_raw_fd()).chain([self.channel.number()])
    }
}

/// To look into the program and its mounts, to change them, and to end it.
const NEEDED: u64 =
    privilege::SYS_PTRACE | privilege::SYS_ADMIN | privilege::SYS_CHROOT | privilege::DAC_OVERRIDE | privilege::KILL;

/// The call that waits.
struct Held {
    listener: Listener,
    asked: Notification,
}

impl Held {
    /// Nothing of the program is to run.
    fn end(&self) {
        if self.listener.is_waiting(self.asked.id) {
            // ignored: outer does the same, and what it is held by is not let go before it is dead
            let _ = signal::send(self.asked.thread, libc::SIGKILL);
        }
    }
}

impl Outside {
    /// Whatever the end, it is outer that lets the program begin: this process can be killed at any call.
    fn serve(&self, channel: &Channel) -> ! {
        let mut held = None;
        let message = match self.keep(channel, &mut held) {
            Ok(Some(id)) => Message::Entered(id),
            Ok(None) => Message::Over,
            Err(failure) => Message::Failed { step: 0, failure, cause: Cause::Unknown },
        };
        // Said first, so that outer knows why the program ends.
        let told = channel.send(&message);
        if let Some(held) = held
            && (told.is_err() || !matches!(message, Message::Entered(_)))
        {
            held.end();
        }
        process::exit(0)
    }

    /// The number under which the program is held, proved to be in and swept; `None` where it has ended before.
    fn keep(&self, channel: &Channel, held: &mut Option<Held>) -> Result<Option<u64>> {
        signal::block_all()?;
        process::new_session()?;
        file::close_all_but([channel.number()].into_iter())?;
        mount::chdir(c"/")?;
        // ignored: a name is a courtesy
        let _ = process::set_name(c"sbx-entry");
        process::no_core();
        privilege::not_dumpable()?;
        // In the caller's user namespace there may be none.
        privilege::set_capability_sets(privilege::permitted()? & NEEDED, 0)?;
        privilege::no_new_privs()?;
        let listener = match channel.receive()? {
            Some(Message::Listener(listener)) => Listener::new(listener),
            // No program comes to be executed.
            None => return Ok(None),
            Some(_) => return Err(refused(Call::Recv, libc::EBADMSG)),
        };
        let Some(Held { listener, asked }) = wait(listener, channel)?.map(|new| &*held.insert(new)) else {
            return Ok(None);
        };
        if asked.thread <= 0 {
            return Err(refused(Call::Ioctl, libc::ESRCH));
        }
        self.prove(asked.thread)?;
        let files = Files::of(asked.thread)?;
        // What was opened was that process's, and not a later one's of this number.
        if !listener.is_waiting(asked.id) {
            return Err(refused(Call::Ioctl, libc::ENOENT));
        }
        // Else the tree may be the caller's own.
        if !self.0.swept.binds.is_empty() {
            files.enter()?;
            self.0.swept.apply().map_err(|failure| failure.on(NOT_LOADED + failure.object as usize))?;
        }
        Ok(Some(asked.id))
    }

    fn prove(&self, pid: i32) -> Result<()> {
        let missing = refused(Call::ProcessVmReadv, libc::ENOENT).on(NOT_LOADED);
        let unreadable = refused(Call::ProcessVmReadv, libc::EIO);
        let place = Place::of(pid).ok_or(unreadable)?;
        match self.0.loader.look_early(pid, place.base, &self.0.library).ok_or(unreadable)? {
            Seen::There => Ok(()),
            Seen::Incomplete | Seen::Missing => Err(missing),
        }
    }
}

/// Waits until the program is held. `None`: it has ended before.
fn wait(listener: Listener, channel: &Channel) -> Result<Option<Held>> {
    let mut is_alone = false;
    loop {
        // Outer holds the listener too, so that its end is the program's. Without outer, which may have been killed, the
        // program is yet to come here, and to be ended.
        let outer = Some(channel.fd()).filter(|_| !is_alone);
        let [asks, outer] = notify::wait_for([Some(listener.as_fd()), outer], None)?;
        if asks.to_read
            && let Some(asked) = listener.receive()?
        {
            return Ok(Some(Held { listener, asked }));
        }
        if asks.over {
            return Ok(None);
        }
        is_alone |= outer.over;
    }
}

/// The program's mounts and its root.
struct Files {
    namespace: OwnedFd,
    root: OwnedFd,
}

impl Files {
    fn of(pid: i32) -> Result<Self> {
        let open = |name: &str, flags: i32| {
            let path = CString::new(format!("/proc/{pid}/{name}")).unwrap_or_default();
            file::open(None, &path, flags, 0)
        };
        Ok(Self { namespace: open("ns/mnt", libc::O_RDONLY)?, root: open("root", libc::O_PATH | libc::O_DIRECTORY)? })
    }

    fn enter(&self) -> Result<()> {
        process::setns(self.namespace.as_fd(), libc::CLONE_NEWNS)?;
        mount::change_root(self.root.as_fd())
    }
}
