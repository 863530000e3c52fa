//! The one thing every new network namespace needs, and whether there is IPv6.

use std::os::fd::AsRawFd;

use super::call::Call;
use super::{Result, check, check_fd};

/// Brings loopback up, netdevice(7). The kernel gives it 127.0.0.1 and ::1 then.
pub fn loopback_up() -> Result<()> {
    // SAFETY: the call takes numbers only. Any socket carries the ioctl; a unix one needs no protocol module.
    let socket = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    let socket = check_fd(Call::Socket, socket.into())?;
    // SAFETY: all zeroes is a valid ifreq: an empty name and no flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as i16;
    // SAFETY: SIOCSIFFLAGS reads one ifreq, which is live.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    check(Call::Ioctl, answer.into()).map(drop)
}

/// Whether the kernel has IPv6: without it, EAFNOSUPPORT.
pub fn has_ipv6() -> bool {
    // SAFETY: the call takes numbers only.
    let socket = unsafe { libc::socket(libc::AF_INET6, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    check_fd(Call::Socket, socket.into()).map_or_else(|failure| failure.errno != libc::EAFNOSUPPORT, |_| true)
}
