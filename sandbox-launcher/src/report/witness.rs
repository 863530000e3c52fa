//! The process that is looked at. What it cannot find out without asking for it, it tries, and says before that it does:
//! a filter may kill it there.
//!
//! Inside, it may be able to do no more than read and write what is open. So it needs nothing else to answer.

use std::ffi::OsString;
use std::fs;
use std::io;

use sandbox_core::enter;
use sandbox_core::sys::ask;
use sandbox_core::sys::file;
use sandbox_core::sys::privilege;
use sandbox_core::sys::socket::Channel;
use serde_json::{Value, json};

use super::words;

/// What the witness is called: its first argument.
const NAME: &str = "sbx-witness";
/// Numbers of processes that are told, beside how many there are.
const PIDS_TOLD: usize = 64;

/// What it is to do.
pub struct Task {
    /// Bytes of memory to take at most.
    pub bound: u64,
    /// What it is not to try.
    pub skipped: Vec<String>,
}

/// The number of an error.
type Tried = Result<Value, i32>;

/// Something to try: where its answer goes (`/` parts an object from its member), and how it is found.
type Item = (&'static str, fn() -> Tried);

/// What it tries before it is looked at from outside. One thing each: whatever kills the process says nothing of the rest.
const BEFORE: &[Item] = &[
    ("ids", ids),
    ("process", process),
    ("securebits", securebits),
    ("processes", processes),
    ("sockets/AF_UNIX", || socket(libc::AF_UNIX)),
    ("sockets/AF_INET", || socket(libc::AF_INET)),
    ("sockets/AF_INET6", || socket(libc::AF_INET6)),
    ("sockets/AF_NETLINK", || socket(libc::AF_NETLINK)),
    ("sockets/AF_PACKET", || socket(libc::AF_PACKET)),
    ("sockets/AF_VSOCK", || socket(libc::AF_VSOCK)),
];
/// What it tries after, as it changes the process.
const AFTER: &[Item] = &[("landlock", landlock)];

/// Becomes the witness, where the arguments say so and this is a process inside a sandbox: whoever calls a program what he
/// likes outside gets an ordinary launcher.
pub fn if_called(mut arguments: impl Iterator<Item = OsString>) -> Option<i32> {
    if arguments.next()? != NAME || !enter::is_inside() {
        return None;
    }
    let mut words = arguments.map(|word| word.into_string().unwrap_or_default());
    let number = words.next()?.parse().ok()?;
    let bound = words.next()?.parse().ok()?;
    let channel = Channel::inherited(file::take(number).ok()?);
    Some(Task { bound, skipped: words.collect() }.answer(&channel))
}

impl Task {
    /// The arguments that make a launcher inside do this, speaking on that descriptor.
    pub fn arguments(&self, number: i32) -> Vec<String> {
        let own = [NAME.to_owned(), number.to_string(), self.bound.to_string()];
        own.into_iter().chain(self.skipped.iter().cloned()).collect()
    }

    /// Answers, and gives the exit code. It ends early when nobody listens any more.
    pub fn answer(&self, channel: &Channel) -> i32 {
        self.tell(channel).map_or(1, |()| 0)
    }

    fn tell(&self, channel: &Channel) -> sandbox_core::sys::Result<()> {
        let answer = |items: &[Item]| {
            items.iter().filter(|(name, _)| self.does(name)).try_for_each(|(name, find)| {
                channel.say(format!("try {name}").as_bytes())?;
                let found = find().unwrap_or_else(|errno| super::unseen(&words::errno(errno)));
                channel.say(format!("got {name} {found}").as_bytes())
            })
        };
        answer(BEFORE)?;
        channel.say(b"ready")?;
        // Whoever listens looks at this process now, and then says so.
        if channel.hear()?.is_none() {
            return Ok(());
        }
        answer(AFTER)?;
        if self.does("memory") {
            channel.say(b"try memory")?;
            self.take_memory(channel)?;
        }
        channel.say(b"done")
    }

    fn does(&self, item: &str) -> bool {
        !self.skipped.iter().any(|skipped| skipped == item)
    }

    /// Takes memory until there is no more, or enough. Nothing is allocated meanwhile.
    fn take_memory(&self, channel: &Channel) -> sandbox_core::sys::Result<()> {
        const PAGE: u64 = 4096;
        const PORTION: u64 = 1 << 20;
        let (mut step, mut total) = (16 * PORTION, 0);
        while total < self.bound {
            let length = step.min(self.bound - total);
            let taken = ask::take_memory(as_size(length), as_size(PORTION.min(length)), |bytes| {
                total += bytes as u64;
                // ignored: where nobody listens any more, this process ends of SIGPIPE
                let _ = say_number(channel, "taken", total);
            });
            match taken {
                Ok(()) => {}
                Err(_) if step > PAGE => step /= 2,
                Err(errno) => return say_number(channel, "refused", errno.unsigned_abs().into()),
            }
        }
        Ok(())
    }
}

fn as_size(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

fn say_number(channel: &Channel, word: &str, number: u64) -> sandbox_core::sys::Result<()> {
    use io::Write;
    let mut text = [0_u8; 32];
    let mut left = &mut text[..];
    // ignored: a word and twenty digits fit
    let _ = write!(left, "{word} {number}");
    let length = 32 - left.len();
    channel.say(text.get(..length).unwrap_or_default())
}

fn ids() -> Tried {
    let id = |call| ask::number(call);
    Ok(json!({
        "uid": id(libc::SYS_getuid)?, "euid": id(libc::SYS_geteuid)?,
        "gid": id(libc::SYS_getgid)?, "egid": id(libc::SYS_getegid)?,
    }))
}

fn process() -> Tried {
    Ok(json!({ "pid": ask::number(libc::SYS_getpid)?, "ppid": ask::number(libc::SYS_getppid)? }))
}

fn securebits() -> Tried {
    Ok(words::securebits(ask::securebits()?).into())
}

fn processes() -> Tried {
    let entries = fs::read_dir("/proc").map_err(errno)?;
    let mut pids = Vec::new();
    for entry in entries {
        pids.extend(entry.map_err(errno)?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    pids.sort_unstable();
    let count = pids.len();
    pids.truncate(PIDS_TOLD);
    Ok(json!({ "count": count, "pids": pids }))
}

fn socket(family: i32) -> Tried {
    ask::socket(family).map(|()| "made".into())
}

/// How many domains there are is not to be read anywhere. But there can be sixteen, landlock(7): as many as can still be
/// added are not there.
fn landlock() -> Tried {
    const MOST: u32 = 16;
    let abi = ask::landlock_abi()?;
    // ignored: where it is refused, the domain is, with the same error
    let _ = privilege::no_new_privs();
    for added in 0..=MOST {
        match ask::landlock_layer() {
            Ok(()) => {}
            Err(libc::E2BIG) => return Ok(json!({ "abi": abi, "domains": MOST.saturating_sub(added) })),
            Err(errno) => return Ok(json!({ "abi": abi, "domains": super::unseen(&words::errno(errno)) })),
        }
    }
    Ok(json!({ "abi": abi, "domains": super::unseen("E2BIG") }))
}

fn errno(error: io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}
