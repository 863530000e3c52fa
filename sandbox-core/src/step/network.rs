//! The network namespace. Making it costs as much as everything else together, so outer makes it after the fork, beside
//! inner's mounts, and hands it over; inner joins it when the rest is done.

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

/// Outer's half.
pub fn plan_make(wanted: &Wanted) -> Option<MakeNetwork> {
    wanted.is_new(Namespace::Net).then_some(MakeNetwork)
}

/// Inner's half.
pub fn plan_join(wanted: &Wanted) -> Option<JoinNetwork> {
    wanted.is_new(Namespace::Net).then_some(JoinNetwork)
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
        net::loopback_up().map_err(|failure| failure.on(2))?;
        let made = file::open(None, c"/proc/self/ns/net", libc::O_RDONLY, 0).map_err(|failure| failure.on(3))?;
        let channel = context.channel.as_ref().ok_or_else(peer_gone)?;
        match channel.send(&Message::Network(made)) {
            // Inner has ended, and its own message says why.
            Err(failure) if failure.errno == libc::EPIPE => Ok(()),
            result => result,
        }
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
            Some(Message::Network(made)) => process::setns(made.as_fd(), libc::CLONE_NEWNET),
            Some(_) => Err(refused(Call::Recv, libc::EBADMSG)),
            None => Err(peer_gone()),
        }
    }
    fn object(&self, _: u32) -> String {
        "net".into()
    }
}
