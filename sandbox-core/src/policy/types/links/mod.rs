//! Network interfaces: what is made or moved for the sandbox, and what it has there.

mod end;
mod kinds;
mod options;

use std::fmt;
use std::net::IpAddr;

use crate::setting::text;

pub use end::End;
pub use kinds::{Macvlan, MacvlanMode, OwnIface, Veth};

/// The name of a network interface: what the kernel takes for one, and no pattern for it to number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfName([u8; Self::ROOM]);

impl IfName {
    /// IFNAMSIZ, include/uapi/linux/if.h: with the NUL.
    pub const ROOM: usize = 16;

    /// The name of an interface that is there.
    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut name = [0; Self::ROOM];
        if text.is_empty() {
            return Err("the name of an interface is missing".into());
        }
        if text.len() >= name.len() {
            return Err(format!("the interface name '{}' is longer than 15 bytes", text::show(text)));
        }
        // What the kernel's isspace takes for space.
        let space = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0x0b | 0xa0);
        let stray = text.iter().any(|byte| matches!(byte, b'/' | b':' | b'%' | 0) || space(byte));
        if stray || matches!(text, b"." | b"..") {
            return Err(format!("'{}' cannot be the name of an interface", text::show(text)));
        }
        name.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        Ok(Self(name))
    }

    /// As `parse`, of one that can stand beside loopback, and below /proc/sys/net/ipv6/conf.
    fn parse_other(text: &[u8]) -> Result<Self, String> {
        match text {
            b"lo" => Err("loopback is every namespace's own: no other interface can be 'lo'".into()),
            b"all" | b"default" => Err(format!("'{}' means something else to sysctl", text::show(text))),
            text => Self::parse(text),
        }
    }

    /// One of the sandbox's own making: `sbx.` and a number.
    pub fn numbered(number: usize) -> Self {
        let name = format!("sbx.{}", number % 1000);
        Self::parse(name.as_bytes()).unwrap_or(Self([0; Self::ROOM]))
    }

    /// With its NUL, and others after it.
    pub fn padded(&self) -> &[u8; Self::ROOM] {
        &self.0
    }

    /// Without.
    pub fn bytes(&self) -> &[u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

impl fmt::Display for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::show(self.bytes()))
    }
}

/// A hardware address of one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let wrong = || format!("'{}' is no mac: expected six bytes as 02:00:00:00:00:01", text::show(text));
        let mut mac = [0; 6];
        let mut parts = text.split(|&byte| byte == b':');
        for byte in &mut mac {
            let part = parts.next().filter(|part| part.len() == 2 && part.iter().all(u8::is_ascii_hexdigit));
            let part = part.and_then(|part| std::str::from_utf8(part).ok()).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        if parts.next().is_some() {
            return Err(wrong());
        }
        match mac {
            [first, ..] if first & 1 == 1 => Err("a mac with an odd first byte is that of a group".into()),
            [0, 0, 0, 0, 0, 0] => Err("a mac of zeroes is none".into()),
            mac => Ok(Self(mac)),
        }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// An address and how many of its bits are its network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub ip: IpAddr,
    pub prefix: u8,
}

impl Address {
    /// Whether `other` lies in its network.
    pub fn has(&self, other: IpAddr) -> bool {
        match (bits(self.ip), bits(other)) {
            ((own, true), (other, true)) => same(own, other, 96 + u32::from(self.prefix)),
            ((own, false), (other, false)) => same(own, other, u32::from(self.prefix)),
            _ => false,
        }
    }
}

/// The address as 128 bits, and whether it has 32 only.
fn bits(ip: IpAddr) -> (u128, bool) {
    match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), true),
        IpAddr::V6(ip) => (ip.to_bits(), false),
    }
}

fn same(one: u128, other: u128, leading: u32) -> bool {
    (one ^ other).leading_zeros() >= leading
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

/// An address that one host can have.
fn host_address(text: &[u8]) -> Result<IpAddr, String> {
    let ip = std::str::from_utf8(text).ok().and_then(|text| text.parse::<IpAddr>().ok());
    let ip = ip.ok_or_else(|| format!("'{}' is no IPv4 or IPv6 address", text::show(text)))?;
    let nobody = match ip {
        IpAddr::V4(ip) => ip.is_broadcast(),
        IpAddr::V6(ip) => ip.to_ipv4_mapped().is_some(),
    };
    if nobody || ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() {
        return Err(format!("{ip} is not the address of an interface"));
    }
    Ok(ip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::value::Text;

    fn refused<T: Text + fmt::Debug>(texts: &[(&str, &str)]) {
        for (text, says) in texts {
            let why = T::parse(text.as_bytes()).expect_err(text);
            assert!(why.contains(says), "{text}: {why}");
        }
    }

    fn shows<T: Text>(pairs: &[(&str, &str)]) {
        for (text, shown) in pairs {
            let read = T::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(String::from_utf8(read.show()).unwrap(), *shown, "{text}");
        }
    }

    #[test]
    fn a_macvlan_takes_options_in_any_order_and_shows_prefixes() {
        shows::<Macvlan>(&[
            ("eth0", "eth0"),
            ("eth0.5:mode=bridge", "eth0.5:mode=bridge"),
            ("eth0:mode=private", "eth0"),
            ("eth0:ip=10.0.0.2", "eth0:ip=10.0.0.2/24"),
            ("eth0:netmask=255.255.0.0:ip=10.0.0.2", "eth0:ip=10.0.0.2/16"),
            ("eth0:ip=10.0.0.2/32:ip=fd00::2/64", "eth0:ip=10.0.0.2/32:ip=fd00::2/64"),
            ("eth0:ip=fd00\\:\\:2/64:gateway=fe80::1", "eth0:ip=fd00::2/64:gateway=fe80::1"),
            ("eth0:mac=0A:00:00:00:00:01:name=net0", "eth0:mac=0a:00:00:00:00:01:name=net0"),
            ("eth0:name=vs", "eth0"),
            ("a\\,b:name=c\\\\d", "a\\,b:name=c\\\\d"),
        ]);
    }

    #[test]
    fn a_veth_has_two_sides() {
        shows::<Veth>(&[
            ("sbx0", "sbx0"),
            ("sbx0:bridge=br0:mac=02:00:00:00:00:01", "sbx0:mac=02:00:00:00:00:01:bridge=br0"),
            (
                "sbx0:host-mac=02:00:00:00:00:01:host-ip=10.0.0.1/30:gateway=10.0.0.1:ip=10.0.0.2/30",
                "sbx0:ip=10.0.0.2/30:gateway=10.0.0.1:host-ip=10.0.0.1/30:host-mac=02:00:00:00:00:01",
            ),
            ("sbx0:host-ip=fd00::1/64:host-ip=10.0.0.1", "sbx0:host-ip=fd00::1/64:host-ip=10.0.0.1/24"),
        ]);
        refused::<Veth>(&[
            ("sbx0:mode=bridge", "mode"),
            ("sbx0:host-ip=10.0.0.1:host-ip=10.0.0.1", "twice"),
            ("sbx0:host-ip=10.0.0.1:ip=10.0.0.1", "both sides"),
            ("sbx0:bridge=sbx0", "itself"),
            ("lo", "lo"),
            ("sbx0:bridge=", "missing"),
        ]);
    }

    #[test]
    fn an_interface_of_the_hosts_keeps_its_name() {
        shows::<OwnIface>(&[
            ("eth1", "eth1"),
            ("eth1:ip=10.0.0.2/8:gateway=10.9.0.1", "eth1:ip=10.0.0.2/8:gateway=10.9.0.1"),
        ]);
        refused::<OwnIface>(&[("lo", "lo"), ("eth1:name=vs", "name"), ("eth1:mac=02:00:00:00:00:01", "mac")]);
    }

    #[test]
    fn what_no_interface_can_have_is_refused_and_named() {
        refused::<Macvlan>(&[
            ("", "missing"),
            (":ip=10.0.0.1", "missing"),
            ("0123456789abcdef", "15 bytes"),
            ("a b", "'a b'"),
            ("a/b", "'a/b'"),
            ("a%d", "'a%d'"),
            ("..", "'..'"),
            ("eth0:private", "private"),
            ("eth0:", "expected"),
            ("eth0:gatway=10.0.0.1", "gatway"),
            ("eth0:mode=fast", "expected one of private, vepa, bridge, passthru"),
            ("eth0:mode=vepa:mode=vepa", "mode is given twice"),
            ("eth0:mac=02:00:00:00:00", "is no mac"),
            ("eth0:mac=02:00:00:00:00:0g", "is no mac"),
            ("eth0:mac=02:00:00:00:00:01:02", "is no mac"),
            ("eth0:mac=03:00:00:00:00:01", "group"),
            ("eth0:mac=00:00:00:00:00:00", "zeroes"),
            ("eth0:mode=passthru:mac=02:00:00:00:00:01", "passthru"),
            ("eth0:mac=02:00:00:00:00:01:mac=02:00:00:00:00:01", "mac is given twice"),
            ("eth0:ip=10.0.0.1/33", "33"),
            ("eth0:ip=fd00::1/129", "129"),
            ("eth0:ip=10.0.0.1/", "prefix"),
            ("eth0:ip=10.0.0.1/0", "prefix"),
            ("eth0:ip=10.0.0.1/+8", "prefix"),
            ("eth0:ip=10.0.0", "'10.0.0'"),
            ("eth0:ip=0.0.0.0/8", "0.0.0.0"),
            ("eth0:ip=224.0.0.1/8", "224.0.0.1"),
            ("eth0:ip=127.0.0.1/8", "127.0.0.1"),
            ("eth0:ip=::1/64", "::1"),
            ("eth0:ip=fd00::1", "/64"),
            ("eth0:ip=10.0.0.1:ip=10.0.0.1/8", "10.0.0.1 is given twice"),
            ("eth0:netmask=255.0.0.0", "netmask"),
            ("eth0:ip=fd00::1/64:netmask=255.0.0.0", "netmask"),
            ("eth0:ip=10.0.0.1/8:netmask=255.0.0.0", "netmask"),
            ("eth0:ip=10.0.0.1:netmask=255.0.255.0", "255.0.255.0"),
            ("eth0:ip=10.0.0.1:netmask=0.0.0.0", "0.0.0.0"),
            ("eth0:ip=10.0.0.1:gateway=10.0.1.1", "10.0.1.1 is in no network"),
            ("eth0:ip=10.0.0.1:gateway=10.0.0.1", "its own"),
            ("eth0:gateway=10.0.0.1", "10.0.0.1 is in no network"),
            ("eth0:ip=10.0.0.1/8:gateway=10.0.0.2:gateway=10.0.0.3", "gateway is given twice"),
            ("eth0:name=lo", "lo"),
            ("eth0:name=all", "all"),
            ("eth0:name=a\\:b", "a:b"),
        ]);
    }

    #[test]
    fn networks_hold_the_addresses_that_begin_alike() {
        let has = |network: &str, other: &str| {
            let (ip, prefix) = network.split_once('/').unwrap();
            Address { ip: ip.parse().unwrap(), prefix: prefix.parse().unwrap() }.has(other.parse().unwrap())
        };
        assert!(has("10.166.1.1/16", "10.166.0.1") && !has("10.166.1.1/24", "10.166.0.1"));
        assert!(has("10.0.0.1/32", "10.0.0.1") && !has("10.0.0.1/32", "10.0.0.0"));
        assert!(has("fd00::1/64", "fd00::ffff") && !has("fd00::1/64", "fd00:0:0:1::1"));
        assert!(!has("0.0.0.1/1", "::1") && !has("::1/1", "0.0.0.1"));
    }
}
