//! The process that stays in the caller's user namespace and writes the maps there that the new one's own processes may not.
//! It is forked before anything is unshared, holds nothing but the directory of `/proc` it is to write to, and ends before
//! the next step.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::decide::{Map, Maps, Writer};
use super::ranges;
use crate::error::Failure;
use crate::hint::Cause;
use crate::policy::types::IdRange;
use crate::step::{Context, Step};
use crate::sys::call::Call;
use crate::sys::process::{self, Forked};
use crate::sys::signal::{self, Change, ChildNotices};
use crate::sys::socket::{Channel, Message, peer_gone};
use crate::sys::{Result, file, refused, tool};

/// The maps, as failures number them: after the object that is /proc/self/setgroups.
pub const UID: usize = 1;
pub const GID: usize = 2;
/// Added where it is not the process inside that meets them.
pub const OTHERS: usize = 2;

/// A map to be written.
struct Job {
    number: usize,
    file: &'static CStr,
    text: String,
    tool: Option<Tool>,
}

/// A program with its arguments; which process they are for is not known yet.
struct Tool {
    program: CString,
    ranges: Vec<CString>,
}

/// The step that leaves the process behind.
pub struct Outside {
    jobs: Vec<Job>,
}

/// What the others know of it.
pub struct Helper {
    pid: i32,
    channel: Channel,
    notices: ChildNotices,
}

/// Planned where a map has more than the caller's own id.
pub fn plan(maps: Option<&Maps>) -> Option<Outside> {
    let maps = maps?;
    let jobs: Vec<_> = [(UID, c"uid_map", &maps.uid), (GID, c"gid_map", &maps.gid)]
        .into_iter()
        .filter_map(|(number, file, map)| Job::new(number, file, map))
        .collect();
    (!jobs.is_empty()).then_some(Outside { jobs })
}

impl Job {
    fn new(number: usize, file: &'static CStr, map: &Map) -> Option<Self> {
        let tool = match &map.writer {
            Writer::Own => return None,
            Writer::Outside => None,
            Writer::Tool(program) => Some(Tool { program: program.clone(), ranges: words(&map.ranges) }),
        };
        Some(Self { number, file, text: ranges::text(&map.ranges), tool })
    }
}

fn words(ranges: &[IdRange]) -> Vec<CString> {
    let numbers = ranges.iter().flat_map(|r| [r.inside, r.outside, r.count]);
    numbers.filter_map(|number| CString::new(number.to_string()).ok()).collect()
}

impl Step for Outside {
    fn name(&self) -> &'static str {
        "id maps"
    }
    fn describe(&self) -> String {
        let who = |job: &Job| match &job.tool {
            Some(tool) => format!("run {}", tool.program.to_string_lossy()),
            None => format!("write {}", job.file.to_string_lossy()),
        };
        format!("fork: a process stays outside to {}", self.jobs.iter().map(who).collect::<Vec<_>>().join(" and "))
    }
    fn apply(&self, context: &mut Context) -> Result<()> {
        // Both lead to this process whatever happens to its number meanwhile; which number that is, is /proc's to say, which
        // may be that of another pid namespace.
        let dir = file::open(None, c"/proc/self", libc::O_PATH | libc::O_DIRECTORY, 0)?;
        let number = std::fs::read_link("/proc/self")
            .map_err(|error| refused(Call::Readlink, error.raw_os_error().unwrap_or(libc::EIO)))?;
        let (own, others) = Channel::pair()?;
        let notices = ChildNotices::expect();
        match process::fork()? {
            Forked::Parent(pid) => {
                context.helper = Some(Helper { pid, channel: own, notices });
                Ok(())
            }
            Forked::Child => {
                drop(own);
                use std::os::unix::ffi::OsStrExt;
                self.serve(&others, &dir, number.as_os_str().as_bytes())
            }
        }
    }
    fn object(&self, _: u32) -> String {
        "/proc/self".into()
    }
}

impl Outside {
    fn serve(&self, channel: &Channel, dir: &OwnedFd, pid: &[u8]) -> ! {
        let keep = [channel.number(), dir.as_raw_fd()];
        let done = file::close_all_but(keep.into_iter()).and_then(|()| match channel.receive()? {
            Some(Message::Go) => {
                let mut said = Vec::new();
                let done = self.jobs.iter().try_for_each(|job| job.run(dir.as_fd(), pid, channel, &mut said));
                done.map_err(|failure| (failure, said)).or_else(|(failure, said)| {
                    channel.send(&Message::Failed { step: 0, failure, cause: Cause::Unknown })?;
                    channel.say(&said)?;
                    Err(failure)
                })
            }
            _ => Err(peer_gone()),
        });
        // Without a word before the end of the channel the other side knows of a failure too.
        let told = done.and_then(|()| channel.send(&Message::Ready { listener: None }));
        process::exit(if told.is_ok() { 0 } else { crate::exit::REFUSED })
    }
}

impl Job {
    fn run(&self, dir: BorrowedFd<'_>, pid: &[u8], channel: &Channel, said: &mut Vec<u8>) -> Result<()> {
        let Some(tool) = &self.tool else {
            let map = file::open(Some(dir), self.file, libc::O_WRONLY, 0);
            let written = map.and_then(|map| file::write(map.as_fd(), self.text.as_bytes()));
            return written.map_err(|failure| failure.on(self.number + OTHERS));
        };
        tool.run(dir, pid, channel, said).map_err(|failure| failure.on(self.number + OTHERS))
    }
}

impl Tool {
    fn run(&self, dir: BorrowedFd<'_>, pid: &[u8], channel: &Channel, said: &mut Vec<u8>) -> Result<()> {
        let number = CString::new(pid).map_err(|_| refused(Call::Readlink, libc::EINVAL))?;
        let by_fd = CString::new(format!("fd:{}", tool::GIVEN)).map_err(|_| refused(Call::Execve, libc::EINVAL))?;
        let mut ran = self.start(&by_fd, dir, channel)?;
        // Before shadow 4.14 it knows numbers only. This process's parent has that number as long as it waits.
        if ran.how == Change::Exited(1) && ran.said.starts_with(b"usage:") {
            ran = self.start(&number, dir, channel)?;
        }
        *said = ran.said;
        match ran.how {
            Change::Exited(0) => Ok(()),
            Change::Killed(signal) => {
                *said = format!("killed by {}", signal::name(signal)).into();
                Err(refused(Call::Execve, libc::ECANCELED))
            }
            _ => Err(refused(Call::Execve, libc::EPERM)),
        }
    }

    fn start(&self, process: &CStr, dir: BorrowedFd<'_>, channel: &Channel) -> Result<tool::Ran> {
        let args: Vec<&CStr> =
            [self.program.as_c_str(), process].into_iter().chain(self.ranges.iter().map(CString::as_c_str)).collect();
        // Nothing of the caller's: above all not what loads us. What the tool says is read, so in no other language.
        let env = [c"PATH=/usr/sbin:/usr/bin:/sbin:/bin", c"LC_ALL=C"];
        tool::run(&self.program, &args, &env, (dir, tool::GIVEN), channel.fd())
    }
}

impl Helper {
    /// Lets it write the maps and waits for its end. With a failure comes what the tool has said.
    pub fn finish(self) -> std::result::Result<(), (Failure, Vec<u8>)> {
        let silent = |failure| (failure, Vec::new());
        self.channel.send(&Message::Go).map_err(silent)?;
        let answer = self.channel.receive().map_err(silent)?;
        let mut buffer = [0; 1024];
        let said = match answer {
            Some(Message::Failed { .. }) => self.channel.listen(&mut buffer).unwrap_or_default().to_vec(),
            _ => Vec::new(),
        };
        let ended = signal::wait_end(self.pid).map_err(silent)?;
        self.notices.restore();
        match (answer, ended) {
            (Some(Message::Ready { .. }), Change::Exited(0)) => Ok(()),
            (Some(Message::Failed { failure, .. }), _) => Err((failure, said)),
            _ => Err(silent(peer_gone())),
        }
    }
}
