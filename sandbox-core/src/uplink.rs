//! What a network without root needs of the host: the program that carries it, and who answers for names there. Looked for
//! only where a policy asks for such a network.

use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr};

use crate::delegation;
use crate::policy::types::NetMode;

/// What the host has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uplink {
    /// pasta(1) or slirp4netns(1), where it was found.
    pub program: Option<CString>,
    /// The host's name servers, in their order.
    pub servers: Vec<IpAddr>,
    /// Those that systemd-resolved(8) asks in turn, where the host asks that.
    pub upstream: Vec<IpAddr>,
    /// The gateway of the first default route, which pasta takes its own from.
    pub gateway: Option<Ipv4Addr>,
}

impl Uplink {
    /// Looks for the program of this name, and reads resolv.conf(5). `path` is the caller's `$PATH`.
    pub fn probe(mode: NetMode, path: Option<&[u8]>) -> Self {
        let read = |file: &str| String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned();
        let mut servers = servers_of(&read("/etc/resolv.conf"));
        // Without a line of it, or the file, the host's own is asked.
        if servers.is_empty() {
            servers.push(Ipv4Addr::LOCALHOST.into());
        }
        Self {
            program: delegation::find(mode.name(), path),
            upstream: match servers.iter().all(IpAddr::is_loopback) {
                true => servers_of(&read("/run/systemd/resolve/resolv.conf")),
                false => Vec::new(),
            },
            servers,
            gateway: gateway_of(&read("/proc/net/route")),
        }
    }
}

/// What a resolv.conf(5) names.
fn servers_of(text: &str) -> Vec<IpAddr> {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        // An address with a scope is a neighbour's, whom nobody knows inside.
        (words.next() == Some("nameserver")).then(|| words.next()?.parse().ok()).flatten()
    };
    text.lines().filter_map(server).collect()
}

/// From /proc/net/route: addresses are hexadecimal numbers in the order of this machine's bytes, proc(5).
fn gateway_of(routes: &str) -> Option<Ipv4Addr> {
    let gateway = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let address = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok();
        let (destination, gateway, mask) = (address(1)?, address(2)?, address(7)?);
        (destination == 0 && mask == 0 && gateway != 0).then(|| Ipv4Addr::from(gateway.to_ne_bytes()))
    };
    routes.lines().skip(1).find_map(gateway)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_found() {
        let text = "# nameserver 192.0.2.9\nsearch example\nnameserver 127.0.0.53\n nameserver\t2001:db8::1 x\nnameserver fe80::1%eth0\n";
        assert_eq!(servers_of(text).iter().map(IpAddr::to_string).collect::<Vec<_>>(), ["127.0.0.53", "2001:db8::1"]);
        assert!(servers_of("nameserver\noptions x\n").is_empty());
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_gateway_is_that_of_the_default_route() {
        let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
        let on_link = "ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n";
        let default = "eth0\t00000000\t016433C6\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
        let subnet = "eth0\t006433C6\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(gateway_of(&[head, on_link, subnet, default].concat()), Some(Ipv4Addr::new(198, 51, 100, 1)));
        assert_eq!((gateway_of(&[head, subnet].concat()), gateway_of("")), (None, None));
    }
}
