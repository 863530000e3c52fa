//! Which interfaces there are to be, decided once for the process that makes them and the one that sets them up.

use std::rc::Rc;

use crate::error::PolicyError;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::{Address, End, IfName, Mac, MacvlanMode, Namespace};

/// An interface of the sandbox.
pub struct Link {
    pub kind: Kind,
    /// Its name when it arrives in the namespace.
    pub arrives: IfName,
    pub end: End,
}

/// How it comes about.
pub enum Kind {
    Macvlan { parent: IfName, mode: MacvlanMode },
    Veth { host: IfName, addresses: Vec<Address>, mac: Option<Mac>, bridge: Option<IfName> },
    Own,
}

/// All of them.
pub type Links = Rc<[Link]>;

/// What of an interface a failure is about; with the interface's place it is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The interface itself.
    Whole,
    /// The host's interface it is made of, or a port of.
    Base,
    /// The host's side.
    Host,
    Ipv6,
    HostIpv6,
    Address(usize),
    HostAddress(usize),
    Gateway(usize),
}

/// Failures of interfaces begin here; those before are the namespace's own.
const FIRST: usize = 64;
/// As many numbers has each.
const EACH: usize = 64;

impl Part {
    /// Its number in a failure, for the interface at place `at`.
    pub fn of(self, at: usize) -> usize {
        let number = match self {
            Part::Whole => 0,
            Part::Base => 1,
            Part::Host => 2,
            Part::Ipv6 => 3,
            Part::HostIpv6 => 4,
            Part::Gateway(number) => 6 + number % 2,
            Part::Address(number) => 8 + number % 16,
            Part::HostAddress(number) => 24 + number % 16,
        };
        FIRST + at * EACH + number
    }

    fn from(number: usize) -> Option<(usize, Self)> {
        let number = number.checked_sub(FIRST)?;
        let part = match number % EACH {
            0 => Part::Whole,
            1 => Part::Base,
            2 => Part::Host,
            3 => Part::Ipv6,
            4 => Part::HostIpv6,
            gateway @ 6..8 => Part::Gateway(gateway - 6),
            address @ 8..24 => Part::Address(address - 8),
            address @ 24..40 => Part::HostAddress(address - 24),
            _ => return None,
        };
        Some((number / EACH, part))
    }
}

/// What the failure with this number is about.
pub fn object(links: &[Link], number: usize) -> Option<String> {
    let (at, part) = Part::from(number)?;
    let link = links.get(at)?;
    let end = &link.end;
    let host = match &link.kind {
        Kind::Veth { host, .. } => Some(host),
        Kind::Macvlan { .. } | Kind::Own => None,
    };
    Some(match part {
        Part::Whole => link.describe(),
        Part::Base => match &link.kind {
            Kind::Macvlan { parent, .. } => parent.to_string(),
            Kind::Veth { bridge, .. } => bridge.as_ref()?.to_string(),
            Kind::Own => end.name.to_string(),
        },
        Part::Host => host?.to_string(),
        Part::Ipv6 => ipv6_file(&end.name, end.has_ipv6()).0,
        Part::HostIpv6 => ipv6_file(host?, link.host_has_ipv6()).0,
        Part::Gateway(number) => format!("{} gateway {}", end.name, end.gateways.get(number)?),
        Part::Address(number) => format!("{} {}", end.name, end.addresses.get(number)?),
        Part::HostAddress(number) => match &link.kind {
            Kind::Veth { host, addresses, .. } => format!("{host} {}", addresses.get(number)?),
            Kind::Macvlan { .. } | Kind::Own => return None,
        },
    })
}

/// The file that keeps what was not asked for away from an interface, and what to write to it: without an address of
/// its own, IPv6 is off; with one, there is a link-local address besides, and no router is listened to.
pub fn ipv6_file(name: &IfName, wanted: bool) -> (String, &'static [u8]) {
    let (file, value): (&str, &[u8]) = if wanted { ("accept_ra", b"0") } else { ("disable_ipv6", b"1") };
    (format!("/proc/sys/net/ipv6/conf/{name}/{file}"), value)
}

impl Link {
    fn describe(&self) -> String {
        let name = &self.end.name;
        match &self.kind {
            Kind::Macvlan { parent, mode } => format!("{name}, macvlan on {parent}, {}", mode.name()),
            Kind::Veth { host, bridge: None, .. } => format!("{name}, veth to {host}"),
            Kind::Veth { host, bridge: Some(bridge), .. } => format!("{name}, veth to {host} on {bridge}"),
            Kind::Own => format!("{name} itself"),
        }
    }

    /// Whether the host's side has an IPv6 address.
    pub fn host_has_ipv6(&self) -> bool {
        matches!(&self.kind, Kind::Veth { addresses, .. } if addresses.iter().any(|address| address.ip.is_ipv6()))
    }

    /// Its line in the plan.
    pub fn made(&self) -> String {
        let mut line = self.describe();
        if let Some(mac) = self.end.mac {
            line += &format!(", {mac}");
        }
        if let Kind::Veth { addresses, mac, .. } = &self.kind {
            addresses.iter().for_each(|address| line += &format!(", {address} outside"));
            mac.iter().for_each(|mac| line += &format!(", {mac} outside"));
        }
        line
    }

    /// Its line in the plan of who sets it up.
    pub fn set_up(&self) -> String {
        let mut line = format!("{} up", self.end.name);
        self.end.addresses.iter().for_each(|address| line += &format!(", {address}"));
        self.end.gateways.iter().for_each(|gateway| line += &format!(", gateway {gateway}"));
        line
    }
}

/// Decides.
///
/// # Errors
/// Interfaces without a namespace of the sandbox's own, or that contradict each other.
pub fn decide(policy: &Policy, wanted: &Wanted) -> Result<Links, PolicyError> {
    let mut links = Vec::new();
    for asked in policy.macvlan.items() {
        let kind = Kind::Macvlan { parent: asked.parent, mode: asked.mode };
        // Under a number at first: Linux 6.1 still looks for its name among the host's interfaces, and finds it taken.
        links.push(Link { kind, arrives: IfName::numbered(links.len()), end: asked.end.clone() });
    }
    for asked in policy.veth.items() {
        let (host, addresses) = (asked.host, asked.host_addresses.clone());
        let kind = Kind::Veth { host, addresses, mac: asked.host_mac, bridge: asked.bridge };
        links.push(Link { kind, arrives: asked.end.name, end: asked.end.clone() });
    }
    // Last: it would be missed if making another failed.
    for asked in policy.own_iface.items() {
        links.push(Link { kind: Kind::Own, arrives: asked.end.name, end: asked.end.clone() });
    }
    let given = [
        ("no-loopback", policy.no_loopback.on()),
        ("macvlan", !policy.macvlan.items().is_empty()),
        ("veth", !policy.veth.items().is_empty()),
        ("own-iface", !policy.own_iface.items().is_empty()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) if !wanted.is_new(Namespace::Net) => {
            Err(PolicyError::conflict(name, "needs a network namespace of its own, which net or share does without"))
        }
        _ => contradictions(&links).map(|()| links.into()),
    }
}

fn contradictions(links: &[Link]) -> Result<(), PolicyError> {
    let setting = |link: &Link| match link.kind {
        Kind::Macvlan { .. } => "macvlan",
        Kind::Veth { .. } => "veth",
        Kind::Own => "own-iface",
    };
    for (at, link) in links.iter().enumerate() {
        let conflict = |why: String| Err(PolicyError::conflict(setting(link), why));
        for earlier in links.iter().take(at) {
            if earlier.end.name == link.end.name {
                return conflict(format!("two interfaces inside would be named {}: one needs a name=", link.end.name));
            }
            let both = |v4: bool| {
                let leads = |link: &Link| link.end.gateways.iter().any(|gateway| gateway.is_ipv4() == v4);
                leads(earlier) && leads(link)
            };
            if both(true) || both(false) {
                return conflict(format!("{} has a gateway already: there is one default route", earlier.end.name));
            }
            match (&earlier.kind, &link.kind) {
                (Kind::Veth { host: one, .. }, Kind::Veth { host: other, .. }) if one == other => {
                    return conflict(format!("two interfaces of the host's would be named {one}"));
                }
                (Kind::Macvlan { parent: base, .. } | Kind::Veth { host: base, .. }, Kind::Own)
                | (Kind::Veth { bridge: Some(base), .. }, Kind::Own)
                    if *base == link.end.name =>
                {
                    return conflict(format!("{base} cannot leave the host: {} needs it there", setting(earlier)));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_numbers_and_back() {
        let parts = [
            Part::Whole,
            Part::Base,
            Part::Host,
            Part::Ipv6,
            Part::HostIpv6,
            Part::Gateway(1),
            Part::Address(15),
            Part::HostAddress(15),
        ];
        for at in [0, 1, 70] {
            for part in parts {
                assert_eq!(Part::from(part.of(at)), Some((at, part)));
            }
        }
        assert_eq!(Part::from(FIRST - 1), None);
        assert_eq!(Part::from(FIRST + EACH - 1), None);
    }
}
