//! The network namespace. Making it costs as much as everything else together, so outer makes it after the fork, beside
//! inner's mounts, and hands it over; inner joins it when the rest is done, and before the filter makes sure that
//! loopback, on which outer works meanwhile, is up. Interfaces besides are made by a process that stays outside, while
//! outer waits, and set up by outer.

mod links;
mod outside;
mod request;
mod setup;

use std::os::fd::AsFd;

use super::{Context, Step};
use crate::error::Failure;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::Namespace;
use crate::sys::call::Call;
use crate::sys::netlink::Netlink;
use crate::sys::socket::{Message, peer_gone};
use crate::sys::{file, net, process, refused};
use links::Link;

pub use links::{Links, decide};
pub use outside::{Maker, plan as plan_outside};

pub struct MakeNetwork {
    loopback: bool,
    links: Links,
}
pub struct JoinNetwork;
pub struct AwaitLoopback {
    /// Not for loopback alone.
    links: bool,
}

/// Outer's half.
pub fn plan_make(policy: &Policy, wanted: &Wanted, links: &Links) -> Option<MakeNetwork> {
    let loopback = !policy.no_loopback.on();
    wanted.is_new(Namespace::Net).then(|| MakeNetwork { loopback, links: links.clone() })
}

/// Inner's half.
pub fn plan_join(wanted: &Wanted) -> Option<JoinNetwork> {
    wanted.is_new(Namespace::Net).then_some(JoinNetwork)
}

/// Inner's last look at it, where there is something to wait for.
pub fn plan_await(policy: &Policy, wanted: &Wanted, links: &Links) -> Option<AwaitLoopback> {
    let links = !links.is_empty();
    (wanted.is_new(Namespace::Net) && (links || !policy.no_loopback.on())).then_some(AwaitLoopback { links })
}

/// Outer's word to inner.
fn send(context: &Context, message: &Message) -> Result<(), Failure> {
    match context.channel.as_ref().ok_or_else(peer_gone)?.send(message) {
        // Inner has ended, with nothing or with something of ours unread, and its own message says why.
        Err(failure) if matches!(failure.errno, libc::EPIPE | libc::ECONNRESET) => Ok(()),
        result => result,
    }
}

impl Step for MakeNetwork {
    fn name(&self) -> &'static str {
        "network"
    }
    fn describe(&self) -> String {
        let loopback = if self.loopback { "unshare net, loopback up" } else { "unshare net, loopback stays down" };
        [loopback.into()].into_iter().chain(self.links.iter().map(Link::set_up)).collect::<Vec<_>>().join("; ")
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        process::unshare(libc::CLONE_NEWNET).map_err(|failure| failure.on(1))?;
        let made = file::open(None, c"/proc/self/ns/net", libc::O_RDONLY, 0).map_err(|failure| failure.on(3))?;
        let others = match self.links.is_empty() {
            true => None,
            false => Some(
                made.try_clone()
                    .map_err(|error| refused(Call::Dup, error.raw_os_error().unwrap_or(libc::EIO)).on(3))?,
            ),
        };
        send(context, &Message::Network(made))?;
        if self.loopback {
            net::loopback_up().map_err(|failure| failure.on(2))?;
        }
        if let Some(others) = others {
            context.maker.take().ok_or_else(peer_gone)?.make(others)?;
            let netlink = Netlink::open()?;
            for (at, link) in self.links.iter().enumerate() {
                setup::inside(&netlink, at, link)?;
            }
        }
        if self.loopback || !self.links.is_empty() { send(context, &Message::Loopback) } else { Ok(()) }
    }
    fn object(&self, number: u32) -> String {
        match outside::object(&self.links, number) {
            Some(of_a_link) => of_a_link,
            None => ["", "net", "lo", "/proc/self/ns/net"].get(number as usize).copied().unwrap_or_default().into(),
        }
    }
}

impl Step for JoinNetwork {
    fn name(&self) -> &'static str {
        "network"
    }
    fn describe(&self) -> String {
        "join the network namespace that outer made".into()
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        let channel = context.channel.as_ref().ok_or_else(peer_gone)?;
        match channel.receive()? {
            Some(Message::Network(made)) => {
                // Outer has kept this process off its own processor before it sent this.
                if let Some(all) = context.processors.take() {
                    match all.give_to(0) {
                        // Outer could not either, then.
                        Err(_) if all.are_own() => {}
                        result => result?,
                    }
                }
                process::setns(made.as_fd(), libc::CLONE_NEWNET)
            }
            Some(_) => Err(refused(Call::Recv, libc::EBADMSG)),
            None => Err(peer_gone()),
        }
    }
    fn object(&self, _: u32) -> String {
        "net".into()
    }
}

impl Step for AwaitLoopback {
    fn name(&self) -> &'static str {
        if self.links { "interfaces" } else { "loopback" }
    }
    fn describe(&self) -> String {
        if self.links { "wait until they are up".into() } else { "wait until it is up".into() }
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        match context.channel.as_ref().ok_or_else(peer_gone)?.receive()? {
            Some(Message::Loopback) => Ok(()),
            Some(_) => Err(refused(Call::Recv, libc::EBADMSG)),
            None => Err(peer_gone()),
        }
    }
}
