//! What belongs to a namespace and is read in it only: its names and its network. A process of its own joins them.

use std::ffi::CString;
use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;
use sandbox_core::policy::types::Namespace;
use sandbox_core::setting::text::show;
use sandbox_core::sys::process::{self as processes, Forked};
use sandbox_core::sys::socket::Channel;
use sandbox_core::sys::{Result, file, signal};
use serde_json::{Value, json};

use super::process::namespace;
use super::{Facts, unseen, words};

/// The user namespace first: it grants what joining the others takes.
const JOINED: [Namespace; 3] = [Namespace::User, Namespace::Net, Namespace::Uts];
const LONGEST: usize = 64 << 10;

/// Visits process `pid`'s namespaces.
pub fn visit(pid: i32, facts: &mut Facts) {
    let why = match send(pid) {
        Ok(answer) => match serde_json::from_slice::<Facts>(&answer) {
            Ok(found) => return facts.extend(found),
            Err(_) => String::from_utf8_lossy(&answer).into_owned(),
        },
        Err(failure) => words::errno(failure.errno),
    };
    for name in ["names", "interfaces"] {
        facts.insert(name.into(), unseen(&why));
    }
}

fn send(pid: i32) -> Result<Vec<u8>> {
    let (ours, theirs) = Channel::pair()?;
    match processes::fork()? {
        Forked::Child => {
            let answer = match join(pid) {
                Ok(()) => Value::from(found()).to_string(),
                Err(errno) => words::errno(errno),
            };
            processes::exit(i32::from(theirs.say(answer.as_bytes()).is_err()))
        }
        Forked::Parent(visitor) => {
            drop(theirs);
            let mut buffer = vec![0; LONGEST];
            let answer = ours.listen(&mut buffer).map(<[u8]>::to_vec);
            signal::wait_end(visitor)?;
            answer
        }
    }
}

fn join(pid: i32) -> std::result::Result<(), i32> {
    let own = std::process::id().cast_signed();
    for kind in JOINED {
        let theirs = namespace(pid, kind).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
        if namespace(own, kind).is_ok_and(|own| own == theirs) {
            continue;
        }
        let path = CString::new(format!("/proc/{pid}/ns/{}", kind.file())).map_err(|_| libc::EINVAL)?;
        let joined = file::open(None, &path, libc::O_RDONLY | libc::O_CLOEXEC, 0)
            .and_then(|ns| processes::setns(std::os::fd::AsFd::as_fd(&ns), kind.flag()));
        joined.map_err(|failure| failure.errno)?;
    }
    Ok(())
}

fn found() -> Facts {
    let uname = rustix::system::uname();
    let names = json!({
        "hostname": show(uname.nodename().to_bytes()), "domainname": show(uname.domainname().to_bytes()),
    });
    let interfaces = interfaces().map_or_else(|errno| unseen(&words::errno(errno as i32)), Value::from);
    [("names".to_owned(), names), ("interfaces".to_owned(), interfaces)].into_iter().collect()
}

/// The interfaces in the kernel's order, each with its addresses.
fn interfaces() -> nix::Result<Vec<Value>> {
    let mut all: Vec<(String, bool, Vec<String>)> = Vec::new();
    for entry in getifaddrs()? {
        let up = entry.flags.contains(InterfaceFlags::IFF_UP);
        let at = all.iter().position(|(name, ..)| *name == entry.interface_name).unwrap_or_else(|| {
            all.push((entry.interface_name.clone(), up, Vec::new()));
            all.len() - 1
        });
        let address = entry.address.as_ref().and_then(ip).map(|address| match entry.netmask.as_ref().and_then(ip) {
            Some(mask) => format!("{address}/{}", prefix(mask)),
            None => address.to_string(),
        });
        if let Some((_, _, addresses)) = all.get_mut(at) {
            addresses.extend(address);
        }
    }
    let one = |(name, up, addresses): (String, bool, Vec<String>)| json!({ "name": show(name.as_bytes()), "up": up, "addresses": addresses });
    Ok(all.into_iter().map(one).collect())
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}

fn prefix(mask: IpAddr) -> u32 {
    match mask {
        IpAddr::V4(mask) => mask.to_bits().count_ones(),
        IpAddr::V6(mask) => mask.to_bits().count_ones(),
    }
}
