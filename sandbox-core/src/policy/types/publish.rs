//! Ports of the host that lead inside, and the name servers that programs inside ask.

use std::net::IpAddr;

use super::names::names;
use super::number;
use crate::setting::value::Text;

names! {
    /// What a port is a port of.
    Protocol:
    Tcp = "tcp",
    Udp = "udp",
}

/// A port of the host that leads to one inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Which of the host's addresses; absent: all.
    pub address: Option<IpAddr>,
    pub host: u16,
    pub inside: u16,
    pub protocol: Protocol,
}

impl Publish {
    /// As a setting spells it.
    pub fn spelled(&self) -> String {
        let address = match self.address {
            None => String::new(),
            Some(IpAddr::V4(address)) => format!("{address}:"),
            Some(IpAddr::V6(address)) => format!("[{address}]:"),
        };
        let protocol = if self.protocol == Protocol::Udp { "/udp" } else { "" };
        format!("{address}{}:{}{protocol}", self.host, self.inside)
    }

    /// Whether both cannot be: they take the same port of the same address, or send one port to two.
    pub fn contradicts(&self, other: &Self) -> bool {
        let same_address = self.address.is_none() || other.address.is_none() || self.address == other.address;
        (self.protocol, self.host) == (other.protocol, other.host) && (same_address || self.inside != other.inside)
    }
}

impl Text for Publish {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let expected = "expected HOST:INSIDE or ADDRESS:HOST:INSIDE, ports from 1 to 65535, and an IPv6 address in []";
        let text = std::str::from_utf8(text).map_err(|_| expected)?;
        let (ports, protocol) = match text.rsplit_once('/') {
            None => (text, Protocol::Tcp),
            Some((ports, name)) => (ports, Protocol::parse(name.as_bytes())?),
        };
        let port = |text: &str| {
            number::<u16>(text.as_bytes(), expected).and_then(|n| (n > 0).then_some(n).ok_or(expected.into()))
        };
        let (rest, inside) = ports.rsplit_once(':').ok_or(expected)?;
        let (address, host) = match rest.rsplit_once(':') {
            None => (None, rest),
            Some((address, host)) => (Some(self::address(address).ok_or(expected)?), host),
        };
        Ok(Self { address, host: port(host)?, inside: port(inside)?, protocol })
    }
    fn show(&self) -> Vec<u8> {
        self.spelled().into()
    }
}

fn address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().map(IpAddr::V4),
    }
}

/// The address of a name server, resolv.conf(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameServer(pub IpAddr);

impl Text for NameServer {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let address = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        address.map(Self).ok_or_else(|| "expected an IPv4 or IPv6 address".into())
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_port_has_two_numbers_and_perhaps_an_address() {
        let udp = Publish { address: None, host: 53, inside: 5353, protocol: Protocol::Udp };
        assert_eq!(Publish::parse(b"53:5353/udp"), Ok(udp));
        assert_eq!(Publish::parse(b"8080:80/tcp").unwrap().spelled(), "8080:80");
        for good in ["8080:80", "127.0.0.1:1:65535", "[::1]:8080:80", "[2001:db8::1]:8080:80/udp"] {
            assert_eq!(Publish::parse(good.as_bytes()).unwrap().show(), good.as_bytes());
        }
        for bad in [
            "",
            "80",
            "80:",
            ":80",
            "0:80",
            "80:0",
            "65536:1",
            "80:80/",
            "80:80/icmp",
            "::1:80:80",
            "[127.0.0.1]:1:1",
            "localhost:80:80",
            "127.0.0.1:80",
            "[::1]80:80",
            "1:2:3",
            "80-81:80-81",
            " 80:80",
            "+80:80",
            ":80:80",
        ] {
            assert!(Publish::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_port_leads_to_one_place() {
        let contradict = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| Publish::parse(text.as_bytes()).unwrap());
            assert_eq!(one.contradicts(&other), other.contradicts(&one));
            one.contradicts(&other)
        };
        assert!(contradict("80:80", "80:80") && contradict("80:80", "127.0.0.1:80:80"));
        assert!(contradict("127.0.0.1:80:80", "127.0.0.2:80:81"));
        assert!(!contradict("127.0.0.1:80:80", "127.0.0.2:80:80"));
        assert!(!contradict("80:80", "80:80/udp") && !contradict("80:80", "81:80"));
    }
}
