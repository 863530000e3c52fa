//! The network namespace. Making it costs as much as everything else together, so outer makes it after the fork, beside
//! inner's mounts, and hands it over; inner joins it when the rest is done, and before the filter makes sure that
//! loopback, on which outer works meanwhile, is up.

use std::os::fd::AsFd;

use super::{Context, Step};
use crate::error::Failure;
use crate::plan::Wanted;
use crate::policy::types::Namespace;
use crate::sys::call::Call;
use crate::sys::socket::{Message, peer_gone};
use crate::sys::{file, net, process, refused};

pub struct MakeNetwork;
pub struct JoinNetwork;
pub struct AwaitLoopback;

/// Outer's half.
pub fn plan_make(wanted: &Wanted) -> Option<MakeNetwork> {
    wanted.is_new(Namespace::Net).then_some(MakeNetwork)
}

/// Inner's half.
pub fn plan_join(wanted: &Wanted) -> Option<JoinNetwork> {
    wanted.is_new(Namespace::Net).then_some(JoinNetwork)
}

/// Inner's last look at it.
pub fn plan_await(wanted: &Wanted) -> Option<AwaitLoopback> {
    wanted.is_new(Namespace::Net).then_some(AwaitLoopback)
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
        "unshare net, loopback up".into()
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        process::unshare(libc::CLONE_NEWNET).map_err(|failure| failure.on(1))?;
        let made = file::open(None, c"/proc/self/ns/net", libc::O_RDONLY, 0).map_err(|failure| failure.on(3))?;
        send(context, &Message::Network(made))?;
        net::loopback_up().map_err(|failure| failure.on(2))?;
        send(context, &Message::Loopback)
    }
    fn object(&self, number: u32) -> String {
        ["", "net", "lo", "/proc/self/ns/net"].get(number as usize).copied().unwrap_or_default().into()
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
        "loopback"
    }
    fn describe(&self) -> String {
        "wait until it is up".into()
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        match context.channel.as_ref().ok_or_else(peer_gone)?.receive()? {
            Some(Message::Loopback) => Ok(()),
            Some(_) => Err(refused(Call::Recv, libc::EBADMSG)),
            None => Err(peer_gone()),
        }
    }
}
