//! The pair of sockets between outer and inner, and the messages on it.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::call::Call;
use super::signal::unexpected;
use super::{Result, check, refused};
use crate::error::Failure;
use crate::hint::Cause;

/// What one side tells the other. Fixed size and smaller than any buffer, so that it arrives whole or not at all.
#[derive(Debug)]
pub enum Message {
    /// inner → outer: step number `step` of the plan failed.
    Failed { step: u32, failure: Failure, cause: Cause },
    /// inner → outer: the jail is complete. The descriptor on which its filter asks, if it does.
    Ready { listener: Option<i32> },
    /// outer → inner: the report is written, go on to main.
    Go,
    /// outer → inner: the network namespace, open.
    Network(OwnedFd),
    /// outer → inner: loopback in it is up.
    Loopback,
    /// outer → inner: it is connected.
    Uplink,
    /// init → outer: the target's wait status.
    Ended(i32),
    /// outer → observer: what to observe: the process, or, under a reaper, its child, and the descriptor's number there.
    Observe { pid: i32, init: bool, listener: i32 },
    /// observer → outer (before it, the launcher): it does, or can. Watcher → launcher: it does.
    Observing,
    /// outer → observer, and outer → keeper of control groups: all is over.
    Over,
    /// observer → outer: all is said by process `pid`; whether it has ended the target in the filter's name.
    Said { pid: i32, killed: bool },
    /// observer → tracer: have this thread, whose call `nr` waits, make it again to be met by `ret`.
    Hold { thread: i32, nr: u32, ret: u32 },
    /// tracer → observer: whether it is held, and the call may be answered; then, whether it has been met.
    Held(bool),
    /// keeper of control groups → outer: somebody inside was killed for want of memory.
    OutOfMemory,
    /// inner → outer → keeper of entry: on what the program is asked about, open.
    Listener(OwnedFd),
    /// keeper of entry → outer: what is asked under this number may go on.
    Entered(u64),
}

const SIZE: usize = 16;

/// Both ends: SOCK_SEQPACKET keeps messages apart, and an end that dies is seen as end of file.
pub struct Channel(OwnedFd);

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Channel {
    /// A connected pair, socketpair(2).
    pub fn pair() -> Result<(Channel, Channel)> {
        let mut fds: [RawFd; 2] = [-1; 2];
        // SAFETY: the kernel fills the live array.
        let answer =
            unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC, 0, fds.as_mut_ptr()) };
        check(Call::Socketpair, answer.into())?;
        // SAFETY: the kernel has just made both, so nothing else owns them.
        Ok(unsafe { (Channel(OwnedFd::from_raw_fd(fds[0])), Channel(OwnedFd::from_raw_fd(fds[1]))) })
    }

    /// One end, inherited as descriptor `fd`, which nothing else owns.
    pub fn inherited(fd: OwnedFd) -> Self {
        Channel(fd)
    }

    /// Its descriptor's number, which stays open and is nobody's: for a process that is to inherit it.
    pub fn leak(self) -> RawFd {
        use std::os::fd::IntoRawFd;
        self.0.into_raw_fd()
    }

    /// Its descriptor's number, to be left open while others are closed.
    pub fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// It, lent.
    pub fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Sends one message, sendmsg(2).
    pub fn send(&self, message: &Message) -> Result<()> {
        let mut bytes = encode(message);
        let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: SIZE };
        let mut control = Control::default();
        // SAFETY: all zeroes is a valid msghdr: nothing to send, no control data.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        if let Message::Network(fd) | Message::Listener(fd) = message {
            control.put(fd.as_raw_fd(), &mut header);
        }
        loop {
            // SAFETY: the header points to live parts of the lengths it names. MSG_NOSIGNAL: a dead peer is EPIPE.
            let answer = unsafe { libc::sendmsg(self.number(), &raw const header, libc::MSG_NOSIGNAL) };
            match check(Call::Send, answer as i64) {
                Err(failure) if failure.errno == libc::EINTR => {}
                result => return result.map(drop),
            }
        }
    }

    /// Waits for one message, recvmsg(2). `None`: the other side has ended.
    pub fn receive(&self) -> Result<Option<Message>> {
        self.receive_with(0)
    }

    /// Sends by write(2), which the strictest filter has. The last register is for filters that ask about all calls.
    pub fn tell(&self, message: &Message) -> Result<()> {
        let bytes = encode(message);
        loop {
            // SAFETY: pointer and length are those of one live array.
            let answer = unsafe {
                libc::syscall(libc::SYS_write, self.number(), bytes.as_ptr(), SIZE, 0, 0, crate::seccomp::UNASKED)
            };
            match check(Call::Write, answer) {
                Err(failure) if failure.errno == libc::EINTR => {}
                Err(failure) => return Err(failure),
                Ok(length) if length == SIZE as i64 => return Ok(()),
                Ok(_) => return Err(refused(Call::Write, libc::EIO)),
            }
        }
    }

    /// Receives by read(2), likewise.
    pub fn hear(&self) -> Result<Option<Message>> {
        let mut bytes = [0_u8; SIZE];
        loop {
            // SAFETY: pointer and length are those of one live array.
            let answer = unsafe {
                libc::syscall(libc::SYS_read, self.number(), bytes.as_mut_ptr(), SIZE, 0, 0, crate::seccomp::UNASKED)
            };
            match check(Call::Read, answer) {
                Err(failure) if failure.errno == libc::EINTR => {}
                Err(failure) => return Err(failure),
                Ok(0) => return Ok(None),
                Ok(length) if length == SIZE as i64 => return decode(&bytes, None).map(Some),
                Ok(_) => return Err(unexpected(Call::Read)),
            }
        }
    }

    /// Sends text as a message of its own; none where there is none.
    pub fn say(&self, text: &[u8]) -> Result<()> {
        if text.is_empty() { Ok(()) } else { super::file::write(self.0.as_fd(), text) }
    }

    /// Receives text, cut to the buffer's length; none when the other side has ended.
    pub fn listen<'a>(&self, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
        let length = super::file::read(self.0.as_fd(), buffer)?;
        Ok(buffer.get(..length).unwrap_or_default())
    }

    /// A message that is there already, if any; the end of the other side is none either.
    pub fn poll(&self) -> Option<Message> {
        self.receive_with(libc::MSG_DONTWAIT).ok().flatten()
    }

    fn receive_with(&self, flags: i32) -> Result<Option<Message>> {
        let mut bytes = [0_u8; SIZE];
        let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: SIZE };
        let mut control = Control::default();
        // SAFETY: as in `send`.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        control.offer(&mut header);
        loop {
            // SAFETY: the header points to live parts of the lengths it names.
            let answer = unsafe { libc::recvmsg(self.number(), &raw mut header, libc::MSG_CMSG_CLOEXEC | flags) };
            match check(Call::Recv, answer as i64) {
                Err(failure) if failure.errno == libc::EINTR => {}
                // A peer that ended with messages of ours unread. Said once, and before what it sent is handed out.
                Err(failure) if failure.errno == libc::ECONNRESET => {}
                Err(failure) => return Err(failure),
                Ok(0) => return Ok(None),
                Ok(length) if length == SIZE as i64 => break,
                Ok(_) => return Err(unexpected(Call::Recv)),
            }
        }
        decode(&bytes, control.take(&header)).map(Some)
    }
}

/// Room for one descriptor beside a message, cmsg(3).
#[derive(Default)]
#[repr(C, align(8))]
struct Control([u8; 32]);

impl Control {
    const DATA: u32 = size_of::<RawFd>() as u32;

    fn offer(&mut self, header: &mut libc::msghdr) {
        header.msg_control = self.0.as_mut_ptr().cast();
        header.msg_controllen = self.0.len();
    }

    fn put(&mut self, fd: RawFd, header: &mut libc::msghdr) {
        self.offer(header);
        // SAFETY: CMSG_SPACE(4) is 24 bytes and fits into the aligned buffer the header now names, so CMSG_FIRSTHDR
        // and CMSG_DATA stay in it.
        unsafe {
            header.msg_controllen = libc::CMSG_SPACE(Self::DATA) as usize;
            let cmsg = libc::CMSG_FIRSTHDR(header);
            (*cmsg).cmsg_level = libc::SOL_SOCKET;
            (*cmsg).cmsg_type = libc::SCM_RIGHTS;
            (*cmsg).cmsg_len = libc::CMSG_LEN(Self::DATA) as usize;
            libc::CMSG_DATA(cmsg).cast::<RawFd>().write_unaligned(fd);
        }
    }

    fn take(&self, header: &libc::msghdr) -> Option<OwnedFd> {
        // SAFETY: the kernel filled `header` and the buffer it names; CMSG_FIRSTHDR is null when there is nothing in it,
        // and a descriptor that came is this process's own.
        unsafe {
            let cmsg = libc::CMSG_FIRSTHDR(header);
            if cmsg.is_null() || (*cmsg).cmsg_type != libc::SCM_RIGHTS {
                return None;
            }
            Some(OwnedFd::from_raw_fd(libc::CMSG_DATA(cmsg).cast::<RawFd>().read_unaligned()))
        }
    }
}

fn encode(message: &Message) -> [u8; SIZE] {
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
    let (head, step, object, number) = match message {
        Message::Failed { step, failure, cause } => {
            ([0, failure.call as u8, *cause as u8, 0], *step, failure.object, failure.errno)
        }
        Message::Ready { listener } => ([1, 0, 0, 0], 0, 0, listener.unwrap_or(-1)),
        Message::Go => ([2, 0, 0, 0], 0, 0, 0),
        Message::Network(_) => ([3, 0, 0, 0], 0, 0, 0),
        Message::Ended(status) => ([4, 0, 0, 0], 0, 0, *status),
        Message::Loopback => ([5, 0, 0, 0], 0, 0, 0),
        Message::Observe { pid, init, listener } => ([6, 0, 0, 0], listener.cast_unsigned(), u32::from(*init), *pid),
        Message::Observing => ([7, 0, 0, 0], 0, 0, 0),
        Message::Over => ([8, 0, 0, 0], 0, 0, 0),
        Message::Said { pid, killed } => ([9, 0, 0, 0], 0, u32::from(*killed), *pid),
        Message::Uplink => ([10, 0, 0, 0], 0, 0, 0),
        Message::Hold { thread, nr, ret } => ([11, 0, 0, 0], *nr, *ret, *thread),
        Message::Held(held) => ([12, 0, 0, 0], 0, u32::from(*held), 0),
        Message::OutOfMemory => ([13, 0, 0, 0], 0, 0, 0),
        Message::Listener(_) => ([14, 0, 0, 0], 0, 0, 0),
        Message::Entered(id) => ([15, 0, 0, 0], half(*id), half(id >> 32), 0),
    };
    let mut bytes = MaybeUninit::<[u8; SIZE]>::zeroed();
    // SAFETY: sixteen zero bytes are a valid array.
    let bytes = unsafe { bytes.assume_init_mut() };
    let words = [head, step.to_ne_bytes(), object.to_ne_bytes(), number.to_ne_bytes()];
    for (to, from) in bytes.iter_mut().zip(words.as_flattened()) {
        *to = *from;
    }
    *bytes
}

fn decode(bytes: &[u8; SIZE], fd: Option<OwnedFd>) -> Result<Message> {
    let (words, _) = bytes.as_chunks::<4>();
    let &[[tag, call, cause, _], step, object, number] = words else {
        return Err(unexpected(Call::Recv));
    };
    let (object, errno) = (u32::from_ne_bytes(object), i32::from_ne_bytes(number));
    match (tag, Call::from_number(call), fd) {
        (0, Some(call), _) => {
            let failure = Failure { call, object, errno };
            Ok(Message::Failed { step: u32::from_ne_bytes(step), failure, cause: Cause::from_number(cause) })
        }
        (1, ..) => Ok(Message::Ready { listener: Some(errno).filter(|&fd| fd >= 0) }),
        (2, ..) => Ok(Message::Go),
        (3, _, Some(fd)) => Ok(Message::Network(fd)),
        (4, ..) => Ok(Message::Ended(errno)),
        (5, ..) => Ok(Message::Loopback),
        (6, ..) => {
            let listener = u32::from_ne_bytes(step).cast_signed();
            Ok(Message::Observe { pid: errno, init: object != 0, listener })
        }
        (7, ..) => Ok(Message::Observing),
        (8, ..) => Ok(Message::Over),
        (9, ..) => Ok(Message::Said { pid: errno, killed: object != 0 }),
        (10, ..) => Ok(Message::Uplink),
        (11, ..) => Ok(Message::Hold { thread: errno, nr: u32::from_ne_bytes(step), ret: object }),
        (12, ..) => Ok(Message::Held(object != 0)),
        (13, ..) => Ok(Message::OutOfMemory),
        (14, _, Some(fd)) => Ok(Message::Listener(fd)),
        (15, ..) => Ok(Message::Entered(u64::from(u32::from_ne_bytes(step)) | u64::from(object) << 32)),
        _ => Err(unexpected(Call::Recv)),
    }
}

/// The failure of a side whose peer has gone.
pub fn peer_gone() -> Failure {
    refused(Call::Recv, libc::ECONNRESET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_cross_whole() {
        let (a, b) = Channel::pair().unwrap();
        let failure = Failure { call: Call::OpenTree, object: 70_000, errno: libc::ENOENT };
        a.send(&Message::Failed { step: 9, failure, cause: Cause::AppArmor }).unwrap();
        a.send(&Message::Ended(0x1234)).unwrap();
        let received = b.receive();
        let Ok(Some(Message::Failed { step: 9, failure: f, cause: Cause::AppArmor })) = received else {
            panic!("{received:?}");
        };
        assert_eq!(f, failure);
        assert!(matches!(b.receive(), Ok(Some(Message::Ended(0x1234)))));
        assert!(b.poll().is_none());
        b.send(&Message::Network(a.0.try_clone().unwrap())).unwrap();
        assert!(matches!(a.receive(), Ok(Some(Message::Network(fd))) if fd.as_raw_fd() != a.number()));
        a.send(&Message::Observe { pid: 70_000, init: true, listener: 5 }).unwrap();
        assert!(matches!(b.receive(), Ok(Some(Message::Observe { pid: 70_000, init: true, listener: 5 }))));
        a.send(&Message::Hold { thread: 70_000, nr: 101, ret: 0x8000_0000 }).unwrap();
        assert!(matches!(b.receive(), Ok(Some(Message::Hold { thread: 70_000, nr: 101, ret: 0x8000_0000 }))));
        for listener in [None, Some(0), Some(9)] {
            a.tell(&Message::Ready { listener }).unwrap();
            assert!(matches!(b.hear(), Ok(Some(Message::Ready { listener: l })) if l == listener));
        }
        drop(a);
        assert!(matches!(b.receive(), Ok(None)));
    }
}
