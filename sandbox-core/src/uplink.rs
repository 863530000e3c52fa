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
}

impl Uplink {
    /// Looks for the program of this name, and reads resolv.conf(5). `path` is the caller's `$PATH`.
    pub fn probe(mode: NetMode, path: Option<&[u8]>) -> Self {
        // Without the file, as without a line in it, the host's own server is asked.
        let text = std::fs::read("/etc/resolv.conf").unwrap_or_default();
        Self { program: delegation::find(mode.name(), path), servers: servers_of(&String::from_utf8_lossy(&text)) }
    }
}

fn servers_of(text: &str) -> Vec<IpAddr> {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        // An address with a scope is a neighbour's, whom nobody knows inside.
        (words.next() == Some("nameserver")).then(|| words.next()?.parse().ok()).flatten()
    };
    let servers: Vec<_> = text.lines().filter_map(server).collect();
    if servers.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { servers }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_found_and_where_there_is_none_it_is_the_hosts_own() {
        let text = "# nameserver 192.0.2.9\nsearch example\nnameserver 127.0.0.53\n nameserver\t2001:db8::1 x\nnameserver fe80::1%eth0\n";
        assert_eq!(servers_of(text).iter().map(IpAddr::to_string).collect::<Vec<_>>(), ["127.0.0.53", "2001:db8::1"]);
        assert_eq!(servers_of("nameserver\noptions x\n"), [IpAddr::from([127, 0, 0, 1])]);
    }
}
