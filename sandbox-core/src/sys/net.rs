//! Interfaces of the network namespace this process is in, netdevice(7), and whether there is IPv6.

use std::os::fd::AsRawFd;

use super::call::Call;
use super::{Result, check, check_fd};

/// Brings loopback up. The kernel gives it 127.0.0.1 and ::1 then.
pub fn loopback_up() -> Result<()> {
    let mut request = request("lo");
    request.ifr_ifru.ifru_flags = libc::IFF_UP as i16;
    ask(libc::SIOCSIFFLAGS, &mut request)
}

/// Whether an interface is up and can carry something.
///
/// # Errors
/// ENODEV: there is none of this name.
pub fn is_up(name: &str) -> Result<bool> {
    let mut request = request(name);
    ask(libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: the kernel has filled in the flags; every bit pattern of them is valid.
    let flags = i32::from(unsafe { request.ifr_ifru.ifru_flags });
    Ok(flags & (libc::IFF_UP | libc::IFF_RUNNING) == libc::IFF_UP | libc::IFF_RUNNING)
}

/// About an interface, with nothing asked.
fn request(name: &str) -> libc::ifreq {
    // SAFETY: all zeroes is a valid ifreq: an empty name and no flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    request
}

fn ask(what: libc::Ioctl, request: &mut libc::ifreq) -> Result<()> {
    // SAFETY: the call takes numbers only. Any socket carries the ioctl; a unix one needs no protocol module.
    let socket = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    let socket = check_fd(Call::Socket, socket.into())?;
    // SAFETY: these requests read or fill one ifreq, which is live.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), what, &raw mut *request) };
    check(Call::Ioctl, answer.into()).map(drop)
}

/// Whether the kernel has IPv6: without it, EAFNOSUPPORT.
pub fn has_ipv6() -> bool {
    // SAFETY: the call takes numbers only.
    let socket = unsafe { libc::socket(libc::AF_INET6, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    check_fd(Call::Socket, socket.into()).map_or_else(|failure| failure.errno != libc::EAFNOSUPPORT, |_| true)
}
