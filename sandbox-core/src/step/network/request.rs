//! The requests that make and set up interfaces, rtnetlink(7).

use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::policy::types::{Address, End, IfName, Mac, MacvlanMode};
use crate::sys::netlink::Request;

// include/uapi/linux/if_link.h, if_addr.h and rtnetlink.h
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_MACVLAN_MODE: u16 = 1;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_F_NODAD: u8 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTPROT_STATIC: u8 = 4;
const NEW: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;

/// struct ifinfomsg of interface `index`, with flags and which of them are meant.
fn link(index: u32, flags: u32) -> [u8; 16] {
    let mut fixed = [0; 16];
    let words = [0_u32.to_ne_bytes(), index.to_ne_bytes(), flags.to_ne_bytes(), flags.to_ne_bytes()];
    fixed.iter_mut().zip(words.as_flattened()).for_each(|(to, from)| *to = *from);
    fixed
}

fn named(request: Request, name: &IfName) -> Request {
    // With the NULs behind it, which end the name just the same.
    request.with(IFLA_IFNAME, name.padded())
}

fn with_mac(request: Request, mac: Option<Mac>) -> Request {
    request.with_some(IFLA_ADDRESS, mac.as_ref().map(|mac| &mac.0[..]))
}

fn in_namespace(request: Request, ns: BorrowedFd<'_>) -> Request {
    request.with(IFLA_NET_NS_FD, &ns.as_raw_fd().to_ne_bytes())
}

/// A macvlan on the host's interface `parent`, made in `ns`, so that it never shows outside.
pub fn macvlan(name: &IfName, parent: u32, mode: MacvlanMode, mac: Option<Mac>, ns: BorrowedFd<'_>) -> Request {
    let request = named(Request::new(libc::RTM_NEWLINK, NEW, &link(0, 0)), name).with(IFLA_LINK, &parent.to_ne_bytes());
    in_namespace(with_mac(request, mac), ns).nest(IFLA_LINKINFO, |info| {
        info.with(IFLA_INFO_KIND, b"macvlan")
            .nest(IFLA_INFO_DATA, |data| data.with(IFLA_MACVLAN_MODE, &mode.number().to_ne_bytes()))
    })
}

/// A pair: `host` here, as a port of bridge number `bridge` where there is one, and `end` in `ns`.
pub fn veth(host: &IfName, mac: Option<Mac>, bridge: Option<u32>, end: &End, ns: BorrowedFd<'_>) -> Request {
    let request = with_mac(named(Request::new(libc::RTM_NEWLINK, NEW, &link(0, 0)), host), mac);
    let bridge = bridge.map(u32::to_ne_bytes);
    request.with_some(IFLA_MASTER, bridge.as_ref().map(|bridge| &bridge[..])).nest(IFLA_LINKINFO, |info| {
        info.with(IFLA_INFO_KIND, b"veth").nest(IFLA_INFO_DATA, |data| {
            data.nest(VETH_INFO_PEER, |peer| {
                in_namespace(with_mac(named(peer.with_fixed(&link(0, 0)), &end.name), end.mac), ns)
            })
        })
    })
}

/// Moves an interface to `ns`, where it is down.
pub fn move_to(index: u32, ns: BorrowedFd<'_>) -> Request {
    in_namespace(Request::new(libc::RTM_SETLINK, 0, &link(index, 0)), ns)
}

/// Gives an interface that is down another name.
pub fn rename(index: u32, name: &IfName) -> Request {
    named(Request::new(libc::RTM_SETLINK, 0, &link(index, 0)), name)
}

/// Brings an interface up.
pub fn up(index: u32) -> Request {
    Request::new(libc::RTM_SETLINK, 0, &link(index, libc::IFF_UP as u32))
}

/// An address of interface `index`. For a second or more a new IPv6 address could not be used, while the kernel asks
/// whether anybody else has it: who gives an address knows that.
pub fn address(index: u32, address: &Address) -> Request {
    let (family, octets) = family(&address.ip);
    let flags = if address.ip.is_ipv6() { IFA_F_NODAD } else { 0 };
    let [a, b, c, d] = index.to_ne_bytes();
    let fixed = [family, address.prefix, flags, 0, a, b, c, d];
    let request = Request::new(libc::RTM_NEWADDR, NEW, &fixed);
    request.with(IFA_LOCAL, octets.bytes()).with(IFA_ADDRESS, octets.bytes())
}

/// The default route, to `gateway` over interface `index`.
pub fn gateway(index: u32, gateway: &IpAddr) -> Request {
    let (family, octets) = family(gateway);
    let fixed =
        [family, 0, 0, 0, libc::RT_TABLE_MAIN, RTPROT_STATIC, libc::RT_SCOPE_UNIVERSE, libc::RTN_UNICAST, 0, 0, 0, 0];
    let request = Request::new(libc::RTM_NEWROUTE, NEW, &fixed);
    request.with(RTA_GATEWAY, octets.bytes()).with(RTA_OIF, &index.to_ne_bytes())
}

/// An address as it is sent.
enum Octets {
    V4([u8; 4]),
    V6([u8; 16]),
}

impl Octets {
    fn bytes(&self) -> &[u8] {
        match self {
            Octets::V4(octets) => octets,
            Octets::V6(octets) => octets,
        }
    }
}

fn family(ip: &IpAddr) -> (u8, Octets) {
    match ip {
        IpAddr::V4(ip) => (libc::AF_INET as u8, Octets::V4(ip.octets())),
        IpAddr::V6(ip) => (libc::AF_INET6 as u8, Octets::V6(ip.octets())),
    }
}
