//! Setting an interface up: the same for the sandbox's side and the host's.

use std::ffi::CString;
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::links::{Kind, Link, Part, ipv6_file};
use super::request;
use crate::error::Failure;
use crate::policy::types::{Address, IfName};
use crate::sys::call::Call;
use crate::sys::netlink::{Netlink, Request};
use crate::sys::{Result, file, net, refused};

/// One side of an interface.
struct Side<'a> {
    name: &'a IfName,
    ipv6: bool,
    addresses: &'a [Address],
    gateways: &'a [IpAddr],
    /// As failures number its parts.
    whole: usize,
    file: usize,
    address: fn(usize) -> Part,
}

/// The sandbox's side of the interface at place `at`, by a process in its namespace.
pub fn inside(netlink: &Netlink, at: usize, link: &Link) -> Result<()> {
    let end = &link.end;
    let failed = |failure: Failure| failure.on(Part::Whole.of(at));
    if link.arrives != end.name {
        let index = netlink.index_of(link.arrives.padded()).map_err(failed)?;
        netlink.ask(Call::SetLink, request::rename(index, &end.name)).map_err(failed)?;
    }
    Side {
        name: &end.name,
        ipv6: end.has_ipv6(),
        addresses: &end.addresses,
        gateways: &end.gateways,
        whole: Part::Whole.of(at),
        file: Part::Ipv6.of(at),
        address: Part::Address,
    }
    .set_up(netlink, at)
}

/// The host's side, if it has one, by a process there.
pub fn outside(netlink: &Netlink, at: usize, link: &Link) -> Result<()> {
    let Kind::Veth { host, addresses, .. } = &link.kind else { return Ok(()) };
    Side {
        name: host,
        ipv6: link.host_has_ipv6(),
        addresses,
        gateways: &[],
        whole: Part::Host.of(at),
        file: Part::HostIpv6.of(at),
        address: Part::HostAddress,
    }
    .set_up(netlink, at)
}

impl Side<'_> {
    fn set_up(&self, netlink: &Netlink, at: usize) -> Result<()> {
        let whole = |failure: Failure| failure.on(self.whole);
        let index = netlink.index_of(self.name.padded()).map_err(whole)?;
        // Before it is up: the kernel makes addresses, and listens, as soon as it is.
        no_more_ipv6(self.name, self.ipv6).map_err(|failure| failure.on(self.file))?;
        for (number, address) in self.addresses.iter().enumerate() {
            let failed = |failure: Failure| failure.on((self.address)(number).of(at));
            netlink.ask(Call::NewAddr, request::address(index, address)).map_err(failed)?;
        }
        patiently(netlink, Call::SetLink, libc::EADDRINUSE, || request::up(index)).map_err(whole)?;
        for (number, gateway) in self.gateways.iter().enumerate() {
            let failed = |failure: Failure| failure.on(Part::Gateway(number).of(at));
            netlink.ask(Call::NewRoute, request::gateway(index, gateway)).map_err(failed)?;
        }
        Ok(())
    }
}

/// There is no other way to ask than these files, of the network namespace that this process is in.
fn no_more_ipv6(name: &IfName, wanted: bool) -> Result<()> {
    let (path, value) = ipv6_file(name, wanted);
    let path = CString::new(path).map_err(|_| refused(Call::Open, libc::EINVAL))?;
    match file::write_file(&path, value) {
        // Not there, because the kernel has no IPv6: only it can say so.
        Err(failure) if failure.errno == libc::ENOENT && !net::has_ipv6() => Ok(()),
        result => result,
    }
}

/// Asks again, for a second, while what is asked for is in use (`errno`): the kernel takes a moment to take away the
/// interfaces of a sandbox that has just ended, which had the same name, or the same mac.
pub fn patiently(netlink: &Netlink, call: Call, errno: i32, request: impl Fn() -> Request) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        match netlink.ask(call, request()) {
            Err(failure) if failure.errno == errno && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(2));
            }
            result => return result,
        }
    }
}
