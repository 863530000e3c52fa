//! Requests to the kernel's network configuration, rtnetlink(7): built in place, without allocation, and answered at once.

use std::os::fd::{AsRawFd, OwnedFd};

use super::call::Call;
use super::{Result, check, check_fd, refused};

/// The longest request there is has less than half of it.
const ROOM: usize = 512;
/// struct nlmsghdr and struct nlattr, include/uapi/linux/netlink.h
const HEADER: usize = 16;
const ATTRIBUTE: usize = 4;

/// One request: header, the fixed part of its kind, attributes.
pub struct Request {
    bytes: [u8; ROOM],
    length: usize,
    /// It did not fit. Said when it is asked, so that building it needs no error at each attribute.
    full: bool,
}

impl Request {
    /// A request of this kind (RTM_*), with these flags (NLM_F_*) besides those of any, and its fixed part.
    pub fn new(kind: u16, flags: i32, fixed: &[u8]) -> Self {
        let mut request = Self { bytes: [0; ROOM], length: HEADER, full: false };
        let flags = u16::try_from(flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK).unwrap_or(0);
        request.write(4, &kind.to_ne_bytes());
        request.write(6, &flags.to_ne_bytes());
        request.append(fixed);
        request
    }

    /// An attribute.
    #[must_use]
    pub fn with(mut self, kind: u16, data: &[u8]) -> Self {
        self.put(kind, data);
        self
    }

    /// An attribute, where there is a value for it.
    #[must_use]
    pub fn with_some(self, kind: u16, data: Option<&[u8]>) -> Self {
        match data {
            Some(data) => self.with(kind, data),
            None => self,
        }
    }

    /// An attribute that holds others, which `fill` adds.
    #[must_use]
    pub fn nest(mut self, kind: u16, fill: impl FnOnce(Self) -> Self) -> Self {
        let start = self.length;
        self.put(kind, &[]);
        let mut filled = fill(self);
        match u16::try_from(filled.length - start) {
            Ok(length) => filled.write(start, &length.to_ne_bytes()),
            Err(_) => filled.full = true,
        }
        filled
    }

    /// Bytes that are no attribute, within one.
    #[must_use]
    pub fn with_fixed(mut self, fixed: &[u8]) -> Self {
        self.append(fixed);
        self
    }

    fn put(&mut self, kind: u16, data: &[u8]) {
        let length = u16::try_from(ATTRIBUTE + data.len()).unwrap_or(u16::MAX);
        let [[a, b], [c, d]] = [length.to_ne_bytes(), kind.to_ne_bytes()];
        self.append(&[a, b, c, d]);
        self.append(data);
    }

    /// Appends bytes, and zeroes to the next multiple of four.
    fn append(&mut self, data: &[u8]) {
        let end = self.length + data.len().next_multiple_of(4);
        match self.bytes.get_mut(self.length..end) {
            Some(place) => {
                place.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
                self.length = end;
            }
            None => self.full = true,
        }
    }

    fn write(&mut self, at: usize, data: &[u8]) {
        self.bytes.iter_mut().skip(at).zip(data).for_each(|(to, from)| *to = *from);
    }

    /// The request as it is sent.
    ///
    /// # Errors
    /// EMSGSIZE where it did not fit.
    fn finish(&mut self) -> Result<&[u8]> {
        let length = u32::try_from(self.length).unwrap_or(0);
        self.write(0, &length.to_ne_bytes());
        self.bytes.get(..self.length).filter(|_| !self.full).ok_or_else(|| refused(Call::Send, libc::EMSGSIZE))
    }
}

/// A socket to the network namespace in which it was opened, whatever its process enters later.
pub struct Netlink(OwnedFd);

impl Netlink {
    /// socket(2) of AF_NETLINK.
    pub fn open() -> Result<Self> {
        // SAFETY: the call takes numbers only.
        let answer =
            unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE) };
        check_fd(Call::Socket, answer.into()).map(Self)
    }

    /// The number of the interface of this name, netdevice(7).
    pub fn index_of(&self, name: &[u8; 16]) -> Result<u32> {
        // SAFETY: all zeroes is a valid ifreq.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name) {
            *to = from.cast_signed();
        }
        // SAFETY: SIOCGIFINDEX reads the name and writes the number of one ifreq, which is live. Any socket carries it.
        let answer = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SIOCGIFINDEX, &raw mut request) };
        check(Call::GetIfindex, answer.into())?;
        // SAFETY: the kernel has just written this member of the union.
        let index = unsafe { request.ifr_ifru.ifru_ifindex };
        u32::try_from(index).map_err(|_| refused(Call::GetIfindex, libc::ENODEV))
    }

    /// Sends a request and takes its answer; a refusal is that of `call`.
    pub fn ask(&self, call: Call, mut request: Request) -> Result<()> {
        let bytes = request.finish()?;
        let fd = self.0.as_raw_fd();
        loop {
            // SAFETY: pointer and length are those of one live slice; without an address it goes to the kernel.
            let sent = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), 0) };
            match check(Call::Send, sent as i64) {
                Err(failure) if failure.errno == libc::EINTR => {}
                Err(failure) => return Err(failure),
                Ok(_) => break,
            }
        }
        // The answer repeats the request behind what matters, and is cut off there.
        let mut answer = [0_u8; HEADER + 4];
        loop {
            // SAFETY: pointer and length are those of one live array.
            let got = unsafe { libc::recv(fd, answer.as_mut_ptr().cast(), answer.len(), 0) };
            match check(Call::Recv, got as i64) {
                Err(failure) if failure.errno == libc::EINTR => {}
                Err(failure) => return Err(failure),
                Ok(length) if length == answer.len() as i64 => return verdict(call, &answer),
                Ok(_) => return Err(refused(Call::Recv, libc::EBADMSG)),
            }
        }
    }
}

/// struct nlmsgerr: the negated error number, 0 where it was done.
fn verdict(call: Call, answer: &[u8; HEADER + 4]) -> Result<()> {
    let (words, _) = answer.as_chunks::<4>();
    let &[_, [a, b, ..], _, _, error] = words else {
        return Err(refused(Call::Recv, libc::EBADMSG));
    };
    match (i32::from(u16::from_ne_bytes([a, b])), i32::from_ne_bytes(error)) {
        (libc::NLMSG_ERROR, 0) => Ok(()),
        (libc::NLMSG_ERROR, error) if error < 0 => Err(refused(call, -error)),
        _ => Err(refused(Call::Recv, libc::EBADMSG)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes as this machine, which is little-endian, sends them.
    fn bytes(mut request: Request) -> Vec<u8> {
        request.finish().unwrap().to_vec()
    }

    #[test]
    fn a_request_is_header_fixed_part_and_attributes_each_padded() {
        let request = Request::new(20, libc::NLM_F_CREATE, &[9; 8]).with(1, &[10, 0, 0, 1]).with(3, b"vs\0");
        let header = [40, 0, 0, 0, 20, 0, 0x05, 0x04, 0, 0, 0, 0, 0, 0, 0, 0];
        let fixed = [9; 8];
        let attributes = [8, 0, 1, 0, 10, 0, 0, 1, 7, 0, 3, 0, b'v', b's', 0, 0];
        assert_eq!(bytes(request), [&header[..], &fixed, &attributes].concat());
    }

    #[test]
    fn a_nest_is_as_long_as_what_it_holds() {
        let request = Request::new(16, 0, &[]).nest(18, |linkinfo| {
            linkinfo.with(1, b"veth").nest(2, |data| data.nest(1, |peer| peer.with_fixed(&[7; 16]).with(3, b"a\0")))
        });
        let bytes = bytes(request);
        assert_eq!(bytes[16..20], [44, 0, 18, 0]);
        assert_eq!(bytes[20..28], [8, 0, 1, 0, b'v', b'e', b't', b'h']);
        assert_eq!(bytes[28..36], [32, 0, 2, 0, 28, 0, 1, 0]);
        assert_eq!(bytes[36..52], [7; 16]);
        // Its own length leaves the padding out, that of the nests around it does not.
        assert_eq!(bytes[52..], [6, 0, 3, 0, b'a', 0, 0, 0]);
    }

    #[test]
    fn what_is_absent_is_not_there_and_what_does_not_fit_is_an_error() {
        assert_eq!(bytes(Request::new(16, 0, &[]).with_some(1, None)).len(), 16);
        assert_eq!(bytes(Request::new(16, 0, &[]).with_some(1, Some(&[1]))).len(), 24);
        let all = Request::new(16, 0, &[]).with(1, &[0; ROOM - HEADER - ATTRIBUTE]);
        assert_eq!(bytes(all).len(), ROOM);
        let mut more = Request::new(16, 0, &[]).with(1, &[0; ROOM - HEADER - ATTRIBUTE + 1]).with(2, &[]);
        assert_eq!(more.finish().unwrap_err().errno, libc::EMSGSIZE);
    }

    #[test]
    fn an_answer_is_an_errno_or_none() {
        let answer = |kind: u16, error: i32| {
            let mut answer = [0; HEADER + 4];
            answer[4..6].copy_from_slice(&kind.to_ne_bytes());
            answer[16..].copy_from_slice(&error.to_ne_bytes());
            verdict(Call::NewAddr, &answer)
        };
        assert_eq!(answer(2, 0), Ok(()));
        assert_eq!(answer(2, -libc::EEXIST), Err(refused(Call::NewAddr, libc::EEXIST)));
        assert_eq!(answer(2, 5).unwrap_err().call, Call::Recv);
        assert_eq!(answer(3, 0).unwrap_err().call, Call::Recv);
    }
}
