//! `IFACE:KEY=VALUE…`, where values have colons themselves.

use super::{Address, IfName, Mac, host_address};
use crate::setting::text;

/// What stands after the interface, option by option, in the order given.
pub struct Options(Vec<(Vec<u8>, Vec<u8>)>);

impl Options {
    /// Reads them. As a key has an `=` after it, and no address has one, what has none goes on with the value before it:
    /// the colons of a mac or of an IPv6 address need no escapes.
    pub fn parse(text: &[u8]) -> Result<(Vec<u8>, Self), String> {
        let mut fields = text::split(text, b':').into_iter().map(text::unescape);
        let head = fields.next().transpose()?.unwrap_or_default();
        let mut options: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for field in fields {
            let field = field?;
            match (field.iter().position(|&byte| byte == b'='), options.last_mut()) {
                (Some(at), _) => {
                    let (key, value) = field.split_at(at);
                    options.push((key.into(), value.get(1..).unwrap_or_default().into()));
                }
                (None, Some((_, value))) => {
                    value.push(b':');
                    value.extend_from_slice(&field);
                }
                (None, None) => {
                    return Err(format!("expected KEY=VALUE after the interface, not '{}'", text::show(&field)));
                }
            }
        }
        Ok((head, Self(options)))
    }

    /// Takes the values of `key` out.
    pub fn all<T>(&mut self, key: &str, read: impl Fn(&[u8]) -> Result<T, String>) -> Result<Vec<T>, String> {
        let values: Result<Vec<T>, String> =
            self.0.iter().filter(|(k, _)| k == key.as_bytes()).map(|(_, value)| read(value)).collect();
        self.0.retain(|(k, _)| k != key.as_bytes());
        values
    }

    /// Takes the one value of `key` out, if there is one.
    pub fn one<T>(&mut self, key: &str, read: impl Fn(&[u8]) -> Result<T, String>) -> Result<Option<T>, String> {
        let mut values = self.all(key, read)?;
        let value = values.pop();
        if values.is_empty() { Ok(value) } else { Err(format!("{key} is given twice")) }
    }

    /// The addresses of `key`, with the IPv4 prefix that `netmask` stands for where they have none.
    pub fn addresses(&mut self, key: &str, netmask: Option<u8>) -> Result<Vec<Address>, String> {
        let read = self.all(key, address)?;
        let mut unused = netmask;
        let mut addresses: Vec<Address> = Vec::new();
        for (ip, prefix) in read {
            let prefix = match prefix {
                Some(prefix) => prefix,
                None if ip.is_ipv6() => return Err(format!("{ip} needs its prefix, such as {ip}/64")),
                // What nsjail takes when nothing is said.
                None => unused.take().or(netmask).unwrap_or(24),
            };
            if addresses.iter().any(|address| address.ip == ip) {
                return Err(format!("{ip} is given twice"));
            }
            addresses.push(Address { ip, prefix });
        }
        if unused.is_some() {
            return Err("netmask is for an IPv4 address without a prefix, and there is none".into());
        }
        if addresses.len() > MOST {
            return Err(format!("more than {MOST} addresses"));
        }
        Ok(addresses)
    }

    /// The error of what nobody has taken out.
    pub fn finish(self, expected: &str) -> Result<(), String> {
        match self.0.first() {
            None => Ok(()),
            Some((key, _)) => Err(format!("'{}' is no option; expected {expected}", text::show(key))),
        }
    }
}

/// More on one side of one interface are a mistake.
pub const MOST: usize = 16;

fn address(text: &[u8]) -> Result<(std::net::IpAddr, Option<u8>), String> {
    let mut parts = text.splitn(2, |&byte| byte == b'/');
    let ip = host_address(parts.next().unwrap_or_default())?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let prefix = parts.next().map(|digits| {
        let number = super::super::number::<u8>(digits, "").ok().filter(|prefix| (1..=most).contains(prefix));
        number.ok_or_else(|| format!("'{}' is no prefix of {ip}: expected 1 to {most}", text::show(digits)))
    });
    Ok((ip, prefix.transpose()?))
}

/// How many bits a netmask has.
pub fn netmask(text: &[u8]) -> Result<u8, String> {
    let mask = std::str::from_utf8(text).ok().and_then(|text| text.parse::<std::net::Ipv4Addr>().ok());
    let bits =
        mask.map(std::net::Ipv4Addr::to_bits).filter(|bits| *bits != 0 && bits.leading_ones() == bits.count_ones());
    let bits =
        bits.ok_or_else(|| format!("'{}' is no netmask: expected one such as 255.255.255.0", text::show(text)))?;
    u8::try_from(bits.leading_ones()).map_err(|_| "no netmask".into())
}

/// Appends an option as it is read back: names have their escapes, and nothing else needs any.
pub fn put(key: &str, value: &dyn std::fmt::Display, shown: &mut Vec<u8>) {
    shown.extend_from_slice(format!(":{key}={value}").as_bytes());
}

/// As `put`, of a name.
pub fn put_name(key: &str, name: &IfName, shown: &mut Vec<u8>) {
    shown.extend_from_slice(format!(":{key}=").as_bytes());
    text::escape(name.bytes(), b",:", shown);
}

/// As `put`, of what may be absent.
pub fn put_mac(key: &str, mac: Option<Mac>, shown: &mut Vec<u8>) {
    if let Some(mac) = mac {
        put(key, &mac, shown);
    }
}
