//! A network without root: pasta(1) or slirp4netns(1) carries what goes in and out of the new network namespace, over
//! sockets of the host's that it makes as the caller.
//!
//! `decide` says what the program is told. A process stays `outside` the namespaces but the user namespace, runs it there
//! as the child of a pid 1 of its own, and ends with outer, so that no death of any of them leaves it behind. Outer hands
//! over the network namespace when it is there and waits until it is connected; inner waits for outer's word.

mod decide;
mod outside;
mod slirp;

use std::cell::RefCell;
use std::ffi::CString;
use std::os::fd::AsFd;
use std::time::Duration;

pub use decide::{Uplink, decide, resolv_conf};
pub use outside::{Keeper, plan as plan_outside};

use super::{Context, Step};
use crate::error::Failure;
use crate::setting::text::show;
use crate::sys::call::Call;
use crate::sys::socket::{Message, peer_gone};
use crate::sys::{file, net, notify, refused};

/// The name in messages, and of the hints.
pub const NAME: &str = "uplink";

/// How long the program may take. pasta takes 30 ms.
const PATIENCE: Duration = Duration::from_secs(15);

/// Outer's half.
pub struct Connect {
    program: CString,
    /// What a program that failed had to say.
    said: RefCell<String>,
}

/// Inner's half.
pub struct Await;

/// Planned where the network is to be connected.
pub fn plan_connect(uplink: Option<&Uplink>) -> Option<Connect> {
    Some(Connect { program: uplink?.program.clone(), said: RefCell::default() })
}

/// Inner's last look at it.
pub fn plan_await(uplink: Option<&Uplink>) -> Option<Await> {
    uplink.map(|_| Await)
}

// Objects, as failures number them.
const PROGRAM: usize = 1;
const INTERFACE: usize = 2;
const OWN: usize = 3;
const SHM: usize = 4;
const ROOT: usize = 5;

impl Step for Connect {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        format!("{} connected, and up", decide::INTERFACE)
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        let keeper = context.uplink.as_ref().ok_or_else(peer_gone)?;
        // Nobody else can have the address, and looking for somebody takes a second, in which nothing is answered. ignored:
        // then it does, or there is no IPv6
        let _ = file::write_file(c"/proc/sys/net/ipv6/conf/default/accept_dad", b"0");
        let made = file::open(None, c"/proc/self/ns/net", libc::O_RDONLY, 0).map_err(|failure| failure.on(OWN))?;
        keeper.channel.send(&Message::Network(made)).map_err(|failure| failure.on(PROGRAM))?;
        let [ready] = notify::wait_for([Some(keeper.channel.as_fd())], Some(PATIENCE))?;
        if !ready.to_read && !ready.over {
            return Err(refused(Call::Execve, libc::ETIMEDOUT).on(PROGRAM));
        }
        match keeper.channel.receive()? {
            Some(Message::Ready { .. }) => {}
            Some(Message::Failed { failure, .. }) => {
                let mut buffer = [0; 1024];
                self.said.replace(telling(keeper.channel.listen(&mut buffer).unwrap_or_default()));
                return Err(failure);
            }
            Some(_) | None => return Err(peer_gone().on(PROGRAM)),
        }
        // Whatever the program says of it.
        if !net::is_up(decide::INTERFACE).map_err(|failure| failure.on(INTERFACE))? {
            return Err(refused(Call::Ioctl, libc::ENETDOWN).on(INTERFACE));
        }
        match context.channel.as_ref().ok_or_else(peer_gone)?.send(&Message::Uplink) {
            // Inner has ended, and its own message says why.
            Err(failure) if matches!(failure.errno, libc::EPIPE | libc::ECONNRESET) => Ok(()),
            result => result,
        }
    }
    fn object(&self, number: u32) -> String {
        match number as usize {
            INTERFACE => decide::INTERFACE.into(),
            OWN => "/proc/self/ns/net".into(),
            SHM => "/dev/shm".into(),
            ROOT => "/".into(),
            _ => {
                let (program, said) = (self.program.to_string_lossy(), self.said.borrow());
                if said.is_empty() { program.into_owned() } else { format!("{program} ({said})") }
            }
        }
    }
}

impl Step for Await {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        "wait until it is there".into()
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        match context.channel.as_ref().ok_or_else(peer_gone)?.receive()? {
            Some(Message::Uplink) => Ok(()),
            Some(_) => Err(refused(Call::Recv, libc::EBADMSG)),
            None => Err(peer_gone()),
        }
    }
}

/// What says why, of all that a program has said.
fn telling(said: &[u8]) -> String {
    let lines = said.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    // What both say in good times too, and pasta of a system log that it is not to write to.
    let is_noise = |line: &&[u8]| {
        let begins = [&b"WARNING"[..], b"* ", b"sent tapfd", b"received tapfd", b"Starting slirp"];
        line.ends_with(b" to syslog") || begins.iter().any(|begin| line.starts_with(begin))
    };
    let lines: Vec<_> = lines.filter(|line| !is_noise(line)).map(show).collect();
    lines.join("; ").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::telling;

    #[test]
    fn the_lines_that_tell_are_found_among_the_others() {
        assert_eq!(telling(b"Failed to send 45 bytes to syslog\nFailed to open tun\n"), "Failed to open tun");
        assert_eq!(telling(b"sent tapfd=5 for eth0\n\n* MTU: 1\nopen: no\nmore"), "open: no; more");
        assert_eq!((telling(b"WARNING: x\n"), telling(b" ")), (String::new(), String::new()));
    }
}
