//! The three ways an interface comes about.

use super::super::names::names;
use super::options::{Options, put, put_mac, put_name};
use super::{Address, End, IfName, Mac};
use crate::setting::value::Text;

names! {
    /// What a macvlan's interface can reach of the others on the same one of the host's; the host itself in none.
    MacvlanMode:
    /// None of them.
    Private = "private",
    /// What a switch outside sends back.
    Vepa = "vepa",
    /// All of them.
    Bridge = "bridge",
    /// There are no others.
    Passthru = "passthru",
}

impl MacvlanMode {
    /// MACVLAN_MODE_*, include/uapi/linux/if_link.h
    pub const fn number(self) -> u32 {
        match self {
            MacvlanMode::Private => 1,
            MacvlanMode::Vepa => 2,
            MacvlanMode::Bridge => 4,
            MacvlanMode::Passthru => 8,
        }
    }
}

/// An interface of its own on the wire of one of the host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Macvlan {
    /// The host's.
    pub parent: IfName,
    pub mode: MacvlanMode,
    pub end: End,
}

impl Text for Macvlan {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let (head, mut options) = Options::parse(text)?;
        let parent = IfName::parse(&head)?;
        let mode = options.one("mode", MacvlanMode::parse)?.unwrap_or(MacvlanMode::Private);
        let end = End::take(&mut options, None)?;
        options.finish("ip, netmask, gateway, mac, mode or name")?;
        if mode == MacvlanMode::Passthru && end.mac.is_some() {
            return Err("in mode passthru it has the mac of the host's interface".into());
        }
        Ok(Self { parent, mode, end })
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = self.end.show_named(&self.parent);
        if self.mode != MacvlanMode::Private {
            put("mode", &self.mode.name(), &mut shown);
        }
        shown
    }
}

/// A pair of interfaces, one inside and one the host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Veth {
    /// The name of the host's side.
    pub host: IfName,
    pub host_addresses: Vec<Address>,
    /// Absent: the kernel's choice.
    pub host_mac: Option<Mac>,
    /// A bridge of the host's that gets the host's side as a port.
    pub bridge: Option<IfName>,
    pub end: End,
}

impl Text for Veth {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let (head, mut options) = Options::parse(text)?;
        let host = IfName::parse_other(&head)?;
        let host_addresses = options.addresses("host-ip", None)?;
        let host_mac = options.one("host-mac", Mac::parse)?;
        let bridge = options.one("bridge", IfName::parse)?;
        let end = End::take(&mut options, None)?;
        options.finish("ip, netmask, gateway, mac, name, host-ip, host-mac or bridge")?;
        if let Some(both) = host_addresses.iter().find(|host| end.addresses.iter().any(|own| own.ip == host.ip)) {
            return Err(format!("{} cannot be on both sides", both.ip));
        }
        if bridge == Some(host) {
            return Err("it cannot be a port of itself".into());
        }
        Ok(Self { host, host_addresses, host_mac, bridge, end })
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = self.end.show_named(&self.host);
        self.host_addresses.iter().for_each(|address| put("host-ip", address, &mut shown));
        put_mac("host-mac", self.host_mac, &mut shown);
        if let Some(bridge) = &self.bridge {
            put_name("bridge", bridge, &mut shown);
        }
        shown
    }
}

/// An interface of the host's that leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnIface {
    /// Under the name it has.
    pub end: End,
}

impl Text for OwnIface {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let (head, mut options) = Options::parse(text)?;
        let end = End::take(&mut options, Some(IfName::parse_other(&head)?))?;
        options.finish("ip, netmask or gateway")?;
        Ok(Self { end })
    }
    fn show(&self) -> Vec<u8> {
        self.end.show(&self.end.name)
    }
}
