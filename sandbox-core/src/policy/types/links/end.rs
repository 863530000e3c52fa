//! The side of an interface that the sandbox sees.

use std::net::IpAddr;

use super::options::{self, Options, put, put_mac, put_name};
use super::{Address, IfName, Mac, host_address};

/// What an interface is called inside, and what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub name: IfName,
    /// Each once.
    pub addresses: Vec<Address>,
    /// Where the default route leads; at most one of a family.
    pub gateways: Vec<IpAddr>,
    /// Absent: the kernel's choice.
    pub mac: Option<Mac>,
}

impl End {
    /// The name of nsjail's interface.
    fn usual_name() -> Result<IfName, String> {
        IfName::parse_other(b"vs")
    }

    /// What every kind has. `named`: it keeps this name, and its mac.
    pub(super) fn take(options: &mut Options, named: Option<IfName>) -> Result<Self, String> {
        let netmask = options.one("netmask", options::netmask)?;
        let addresses = options.addresses("ip", netmask)?;
        let gateways = options.all("gateway", host_address)?;
        for (at, gateway) in gateways.iter().enumerate() {
            let twice = gateways.iter().take(at).any(|other| other.is_ipv4() == gateway.is_ipv4());
            let link_local = matches!(gateway, IpAddr::V6(ip) if ip.is_unicast_link_local());
            let has_ipv6 = addresses.iter().any(|address| address.ip.is_ipv6());
            if twice {
                return Err("gateway is given twice".into());
            }
            if addresses.iter().any(|address| address.ip == *gateway) {
                return Err(format!("the gateway {gateway} is its own address"));
            }
            if !(addresses.iter().any(|address| address.has(*gateway)) || link_local && has_ipv6) {
                return Err(format!("the gateway {gateway} is in no network of an ip"));
            }
        }
        let (name, mac) = match named {
            Some(name) => (name, None),
            None => {
                let name = options.one("name", IfName::parse_other)?;
                (name.map_or_else(Self::usual_name, Ok)?, options.one("mac", Mac::parse)?)
            }
        };
        Ok(Self { name, addresses, gateways, mac })
    }

    /// Whether any of it is IPv6.
    pub fn has_ipv6(&self) -> bool {
        self.addresses.iter().any(|address| address.ip.is_ipv6())
    }

    /// `head` with all of it but the name.
    pub(super) fn show(&self, head: &IfName) -> Vec<u8> {
        let mut shown = Vec::new();
        crate::setting::text::escape(head.bytes(), b",:", &mut shown);
        self.addresses.iter().for_each(|address| put("ip", address, &mut shown));
        self.gateways.iter().for_each(|gateway| put("gateway", gateway, &mut shown));
        put_mac("mac", self.mac, &mut shown);
        shown
    }

    /// And with the name, unless it is the usual one.
    pub(super) fn show_named(&self, head: &IfName) -> Vec<u8> {
        let mut shown = self.show(head);
        if Self::usual_name() != Ok(self.name) {
            put_name("name", &self.name, &mut shown);
        }
        shown
    }
}
