//! The process that stays where the host's interfaces are: only there can an interface be made of one, or leave. It is
//! forked before anything is unshared, holds nothing but its end of a channel, and ends when the interfaces are made.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::links::{self, Kind, Link, Links, Part};
use super::request;
use super::setup::{self, patiently};
use crate::error::Failure;
use crate::hint::Cause;
use crate::policy::types::IfName;
use crate::step::{Context, Step};
use crate::sys::call::Call;
use crate::sys::netlink::Netlink;
use crate::sys::process::{self, Forked};
use crate::sys::socket::{Channel, Message, peer_gone};
use crate::sys::{Result, file, signal};

/// The step that leaves the process behind.
pub struct Outside {
    links: Links,
}

/// What outer knows of it.
pub struct Maker {
    pid: i32,
    channel: Channel,
}

/// Planned where there are interfaces.
pub fn plan(links: &Links) -> Option<Outside> {
    (!links.is_empty()).then(|| Outside { links: links.clone() })
}

impl Step for Outside {
    fn name(&self) -> &'static str {
        "network"
    }
    fn describe(&self) -> String {
        let made: Vec<_> = self.links.iter().map(Link::made).collect();
        format!("fork: a process stays outside to make or move {}", made.join("; "))
    }
    fn apply(&self, context: &mut Context) -> Result<()> {
        let (own, others) = Channel::pair()?;
        match process::fork()? {
            Forked::Parent(pid) => {
                context.maker = Some(Maker { pid, channel: own });
                Ok(())
            }
            Forked::Child => {
                drop(own);
                let done = self.serve(&others);
                process::exit(if done.is_ok() { 0 } else { crate::exit::REFUSED })
            }
        }
    }
}

impl Outside {
    fn serve(&self, channel: &Channel) -> Result<()> {
        // A signal to the group is for outer to take; this process ends when outer does.
        signal::block_all()?;
        file::close_all_but([channel.number()].into_iter())?;
        let Some(Message::Network(ns)) = channel.receive()? else { return Err(peer_gone()) };
        match self.make(ns.as_fd()) {
            Ok(()) => channel.send(&Message::Ready { listener: None }),
            Err(failure) => channel.send(&Message::Failed { step: 0, failure, cause: Cause::Unknown }),
        }
    }

    fn make(&self, ns: BorrowedFd<'_>) -> Result<()> {
        let netlink = Netlink::open()?;
        self.links.iter().enumerate().try_for_each(|(at, link)| {
            link.make(&netlink, at, ns)?;
            setup::outside(&netlink, at, link)
        })
    }
}

impl Link {
    fn make(&self, netlink: &Netlink, at: usize, ns: BorrowedFd<'_>) -> Result<()> {
        let index = |name: &IfName| netlink.index_of(name.padded()).map_err(|failure| failure.on(Part::Base.of(at)));
        let whole = |failure: Failure| failure.on(Part::Whole.of(at));
        match &self.kind {
            Kind::Macvlan { parent, mode } => {
                let request = request::macvlan(&self.arrives, index(parent)?, *mode, self.end.mac, ns);
                netlink.ask(Call::NewLink, request).map_err(whole)
            }
            Kind::Veth { host, mac, bridge, .. } => {
                let bridge = bridge.as_ref().map(index).transpose()?;
                let request = || request::veth(host, *mac, bridge, &self.end, ns);
                patiently(netlink, Call::NewLink, libc::EEXIST, request).map_err(whole)
            }
            Kind::Own => netlink.ask(Call::SetLink, request::move_to(index(&self.end.name)?, ns)).map_err(whole),
        }
    }
}

impl Maker {
    /// Lets it make them in `ns`, and waits until it has.
    pub fn make(self, ns: OwnedFd) -> Result<()> {
        self.channel.send(&Message::Network(ns))?;
        let answer = self.channel.receive()?;
        // ignored: where the caller ignores SIGCHLD it may be gone already, and its answer is what counts
        let _ = signal::wait_end(self.pid);
        match answer {
            Some(Message::Ready { .. }) => Ok(()),
            Some(Message::Failed { failure, .. }) => Err(failure),
            _ => Err(peer_gone()),
        }
    }
}

/// The name of what its failure is about, for the process that reports it.
pub fn object(links: &[Link], number: u32) -> Option<String> {
    links::object(links, usize::try_from(number).ok()?)
}
