//! What outer and the observer say to each other.

use std::os::fd::AsFd;
use std::time::Duration;

use crate::error::Failure;
use crate::sys::call::Call;
use crate::sys::socket::{Channel, Message, peer_gone};
use crate::sys::{Result, notify, refused, signal};

/// How long the observer may take to begin, or to say its last. It waits for nobody but the disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to it.
pub struct Observer {
    channel: Channel,
    /// It stays when all is said.
    goes_on: bool,
}

impl Observer {
    pub fn new(channel: Channel, goes_on: bool) -> Self {
        Self { channel, goes_on }
    }

    pub fn number(&self) -> i32 {
        self.channel.number()
    }

    /// Tells it what to observe, and waits until it does: before that nobody answers what the filter asks.
    ///
    /// # Errors
    /// That of the observer, or its end.
    pub fn begin(&self, pid: i32, init: bool, listener: Option<i32>) -> Result<()> {
        let listener = listener.ok_or_else(peer_gone)?;
        self.channel.send(&Message::Observe { pid, init, listener })?;
        match self.next()? {
            Some(Message::Observing) => Ok(()),
            Some(Message::Failed { failure, .. }) => Err(failure),
            Some(_) | None => Err(peer_gone()),
        }
    }

    /// Tells it that all is over, and waits until it has said everything and has ended. Whether it has killed the target.
    pub fn end(&self) -> bool {
        // ignored throughout: an observer that has died has nothing to say, and how the target ended stands
        let _ = self.channel.send(&Message::Over);
        let Ok(Some(Message::Said { pid, killed })) = self.next() else { return false };
        // One that goes on, for what the target has left running, is somebody else's to wait for.
        if !self.goes_on && matches!(self.next(), Ok(None)) {
            let _ = signal::wait_end(pid);
        }
        killed
    }

    /// The next message; `None`: it has ended.
    fn next(&self) -> std::result::Result<Option<Message>, Failure> {
        let [ready] = notify::wait_for([Some(self.channel.as_fd())], Some(PATIENCE))?;
        if ready.to_read || ready.over { self.channel.receive() } else { Err(refused(Call::Poll, libc::ETIMEDOUT)) }
    }
}
