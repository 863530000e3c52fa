//! The process that is asked: forked when the user namespace is there, before any other, so that it has every capability over
//! what is inside and none of it is over it.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use super::{Entry, NAME, NOT_LOADED};
use crate::hint::Cause;
use crate::step::{Context, Step};
use crate::sys::call::Call;
use crate::sys::loader::{Place, Seen};
use crate::sys::notify::{self, Listener};
use crate::sys::process::{self, Forked};
use crate::sys::socket::{Channel, Message, peer_gone};
use crate::sys::{Result, file, mount, privilege, refused, signal};

/// The step that leaves the process behind.
pub struct Outside(Entry);

/// What outer knows of it.
pub struct Keeper {
    pid: i32,
    channel: Channel,
    /// Held until it has answered: without anybody to answer, the call would be over, and the program would go on.
    listener: Option<OwnedFd>,
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
                context.entry = Some(Keeper { pid, channel: own, listener: None });
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
    Entered,
    /// The program has ended before it was held.
    Over,
    Failed(crate::error::Failure),
}

impl Keeper {
    /// Hands on what it is asked on.
    ///
    /// # Errors
    /// It has ended.
    pub fn begin(&mut self, listener: OwnedFd) -> Result<()> {
        let message = Message::Listener(listener);
        self.channel.send(&message)?;
        if let Message::Listener(listener) = message {
            self.listener = Some(listener);
        }
        Ok(())
    }

    /// What it has said so far; to have ended without a word is a failure.
    pub fn state(&self) -> State {
        match notify::wait_for([Some(self.channel.fd())], Some(std::time::Duration::ZERO)) {
            Ok([ready]) if !ready.to_read && !ready.over => State::Awaited,
            _ => match self.channel.receive() {
                Ok(Some(Message::Ready { .. })) => State::Entered,
                Ok(Some(Message::Over)) => State::Over,
                Ok(Some(Message::Failed { failure, .. })) => State::Failed(failure),
                _ => State::Failed(peer_gone()),
            },
        }
    }

    /// Lets it end, and waits until it has.
    pub fn end(self) {
        let Self { pid, channel, listener } = self;
        drop((channel, listener));
        // ignored: a caller that ignores SIGCHLD has no children to wait for
        let _ = signal::wait_end(pid);
    }

    /// The numbers of what must stay open.
    pub fn descriptors(&self) -> impl Iterator<Item = i32> {
        self.listener.iter().map(AsRawFd::as_raw_fd).chain([self.channel.number()])
    }
}

impl Outside {
    fn serve(&self, channel: &Channel) -> ! {
        let message = match self.keep(channel) {
            Ok(true) => Message::Ready { listener: None },
            // The program has ended before, which says all there is to say.
            Ok(false) => Message::Over,
            Err(failure) => Message::Failed { step: 0, failure, cause: Cause::Unknown },
        };
        // ignored: without outer there is nobody to tell; the end of the channel says as much as a failure
        let _ = channel.send(&message);
        process::exit(0)
    }

    /// Whether the program was there, and goes on.
    fn keep(&self, channel: &Channel) -> Result<bool> {
        signal::block_all()?;
        process::new_session()?;
        file::close_all_but([channel.number()].into_iter())?;
        mount::chdir(c"/")?;
        // ignored: a name is a courtesy
        let _ = process::set_name(c"sbx-entry");
        process::no_core();
        privilege::not_dumpable()?;
        let listener = match channel.receive()? {
            Some(Message::Listener(listener)) => Listener::new(listener),
            // No program comes to be executed.
            None => return Ok(false),
            Some(_) => return Err(refused(Call::Recv, libc::EBADMSG)),
        };
        let asked = loop {
            // Outer holds the listener too, so that the end of the program is not the end of it: then outer's word ends this.
            let [asks, outer] = notify::wait_for([Some(listener.as_fd()), Some(channel.fd())], None)?;
            if outer.over || asks.over {
                return Ok(false);
            }
            if asks.to_read
                && let Some(asked) = listener.receive()?
            {
                break asked;
            }
        };
        if asked.thread <= 0 {
            return Err(refused(Call::Ptrace, libc::ESRCH));
        }
        self.prove(asked.thread)?;
        let files = Files::of(asked.thread)?;
        // What was opened was that process's, and not a later one's of this number.
        if !listener.is_waiting(asked.id) {
            return Ok(false);
        }
        files.enter()?;
        self.0.swept.apply().map_err(|failure| failure.on(NOT_LOADED + failure.object as usize))?;
        // Before the program goes on, so that outer knows of it before it can see an end of the program's.
        channel.send(&Message::Ready { listener: None })?;
        listener.let_through(asked.id)?;
        process::exit(0)
    }

    fn prove(&self, pid: i32) -> Result<()> {
        let missing = refused(Call::ProcessVmReadv, libc::ENOENT).on(NOT_LOADED);
        let unreadable = refused(Call::ProcessVmReadv, libc::EIO).on(NOT_LOADED);
        let place = Place::of(pid).ok_or(unreadable)?;
        match self.0.loader.find(pid, place.base, &self.0.library).ok_or(unreadable)? {
            Seen::There => Ok(()),
            Seen::Incomplete | Seen::Missing => Err(missing),
        }
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
