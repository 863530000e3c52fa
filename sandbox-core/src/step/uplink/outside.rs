//! The process that runs the program outside: forked when the user namespace is there, before any other.
//!
//! It makes a pid namespace, whose pid 1 starts the program and then waits for outer's end. When that comes, or when it is
//! killed, the kernel ends all that is in the namespace; so there is no order of deaths after which the program is left.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use super::decide::{How, Uplink};
use super::{NAME, PROGRAM, slirp};
use crate::exit;
use crate::hint::Cause;
use crate::seccomp;
use crate::step::{Context, Step};
use crate::sys::call::Call;
use crate::sys::process::{self, Forked};
use crate::sys::signal::{self, Change, ChildNotices};
use crate::sys::socket::{Channel, Message, peer_gone};
use crate::sys::{Result, file, mount, notify, privilege, refused, tool};

/// Nothing of the caller's: above all not what loads us. What the program says is read, so in no other language.
pub const ENVIRONMENT: [&CStr; 2] = [c"PATH=/usr/sbin:/usr/bin:/sbin:/bin", c"LC_ALL=C"];

/// CAP_NET_BIND_SERVICE, CAP_NET_ADMIN and CAP_SYS_ADMIN, include/uapi/linux/capability.h: the first counts only without a
/// user namespace.
const NEEDED: [u8; 3] = [10, 12, 21];

/// The step that leaves the process behind.
pub struct Outside {
    uplink: Uplink,
}

/// What outer knows of it.
pub struct Keeper {
    pid: i32,
    pub channel: Channel,
}

/// Planned where the network is to be connected.
pub fn plan(uplink: Option<&Uplink>) -> Option<Outside> {
    Some(Outside { uplink: uplink?.clone() })
}

impl Step for Outside {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        let words = self.uplink.args.iter().skip(1).map(|arg| arg.to_string_lossy());
        let mut says = format!("fork: a process stays outside to run {}", self.uplink.program.to_string_lossy());
        for word in words {
            says.push(' ');
            says.push_str(&word);
        }
        if let How::Slirp { requests } = &self.uplink.how {
            for (port, _) in requests {
                says.push_str(&format!(", publish {port}"));
            }
        }
        says
    }
    fn apply(&self, context: &mut Context) -> Result<()> {
        let (own, others) = Channel::pair()?;
        match process::fork()? {
            Forked::Parent(pid) => {
                context.uplink = Some(Keeper { pid, channel: own });
                Ok(())
            }
            Forked::Child => {
                drop(own);
                self.stand_by(others)
            }
        }
    }
    fn object(&self, _: u32) -> String {
        self.uplink.program.to_string_lossy().into_owned()
    }
}

impl Keeper {
    /// Lets it end, and waits until the program has: its ports are free then.
    pub fn end(self) {
        let Self { pid, channel } = self;
        drop(channel);
        // ignored: one that was killed has ended
        let _ = signal::wait_end(pid);
    }
}

impl Outside {
    /// The process: waits for the network, and then for the end of all that is to do with it.
    fn stand_by(&self, channel: Channel) -> ! {
        let _notices = ChildNotices::expect();
        let code = match self.fork_keeper(&channel) {
            Ok(keeper) => {
                // It would keep outer from seeing the keeper's end.
                drop(channel);
                signal::wait_end(keeper).map(|_| 0)
            }
            Err(failure) => {
                tell(&channel, failure, &[]);
                Err(failure)
            }
        };
        process::exit(if code.is_ok() { 0 } else { exit::REFUSED })
    }

    fn fork_keeper(&self, channel: &Channel) -> Result<i32> {
        // The terminal's signals are the program's inside, which may handle them and go on.
        process::new_session()?;
        file::close_all_but([channel.number()].into_iter())?;
        mount::chdir(c"/")?;
        privilege::not_dumpable()?;
        // ignored: a name is a courtesy
        let _ = process::set_name(c"sbx-uplink");
        let network = match channel.receive()? {
            Some(Message::Network(network)) => network,
            Some(_) | None => return Err(peer_gone()),
        };
        process::unshare(libc::CLONE_NEWPID)?;
        match process::fork()? {
            Forked::Parent(keeper) => Ok(keeper),
            Forked::Child => self.keep(channel, network),
        }
    }

    /// Pid 1: starts the program, says so, and waits for the end of either.
    fn keep(&self, channel: &Channel, network: OwnedFd) -> ! {
        let mut said = Vec::new();
        let output = match self.start(channel, &network, &mut said) {
            Ok(output) => output,
            Err(failure) => {
                tell(channel, failure, &said);
                process::exit(exit::REFUSED)
            }
        };
        drop(network);
        let done = confine().and_then(|()| channel.send(&Message::Ready { listener: None }));
        if let Err(failure) = done {
            tell(channel, failure, &[]);
            process::exit(exit::REFUSED)
        }
        let mut buffer = [0; 512];
        loop {
            let wanted = [Some(channel.as_fd()), output.as_ref().map(AsFd::as_fd)];
            match notify::wait_for(wanted, None) {
                // What it says now is for nobody; but it must not wait for a reader, nor die for want of one.
                Ok([outer, program]) if !outer.over && !outer.to_read && (program.to_read || program.over) => {
                    let left = output.as_ref().map(|output| file::read(output.as_fd(), &mut buffer));
                    if !matches!(left, Some(Ok(1..))) {
                        break;
                    }
                }
                _ => break,
            }
        }
        process::exit(0)
    }

    /// Gives the end of a pipe to read, if the program goes on writing to one.
    fn start(&self, channel: &Channel, network: &OwnedFd, said: &mut Vec<u8>) -> Result<Option<OwnedFd>> {
        keep_capabilities()?;
        let Uplink { program, args, how } = &self.uplink;
        let args: Vec<&CStr> = args.iter().map(CString::as_c_str).collect();
        match how {
            How::Pasta => {
                let ran = tool::run(program, &args, &ENVIRONMENT, (network.as_fd(), 0), channel.fd())
                    .map_err(|failure| failure.on(PROGRAM))?;
                *said = ran.said;
                ended_well(ran.how, said).map(|()| None)
            }
            How::Slirp { requests } => {
                let begun = slirp::start(program, &args, network, requests, channel, said);
                begun.map(Some).map_err(|failure| if failure.object == 0 { failure.on(PROGRAM) } else { failure })
            }
        }
    }
}

/// Whether the program has ended as it does when all is well.
pub fn ended_well(how: Change, said: &mut Vec<u8>) -> Result<()> {
    match how {
        Change::Exited(0) => Ok(()),
        Change::Killed(number) => {
            *said = format!("killed by {}", signal::name(number)).into();
            Err(refused(Call::Execve, libc::ECANCELED).on(PROGRAM))
        }
        _ => Err(refused(Call::Execve, libc::EPERM).on(PROGRAM)),
    }
}

/// What the program needs in the user namespace passes its execve(2), whoever it is there; the rest goes.
fn keep_capabilities() -> Result<()> {
    let has = privilege::effective();
    let kept: Vec<u8> = NEEDED.into_iter().filter(|number| has & 1 << number != 0).collect();
    privilege::set_capabilities(kept.iter().fold(0, |set, number| set | 1 << number))?;
    kept.into_iter().try_for_each(privilege::raise_ambient)
}

/// The program runs; who keeps it has nothing left to do but to wait.
fn confine() -> Result<()> {
    privilege::clear_ambient()?;
    privilege::set_capabilities(0)?;
    privilege::no_new_privs()?;
    privilege::load_filter(seccomp::supervisor())
}

/// Tells outer of a failure, and what the program has said.
fn tell(channel: &Channel, failure: crate::error::Failure, said: &[u8]) {
    // ignored: without a word before the end of the channel the other side knows of a failure too
    let _ = channel.send(&Message::Failed { step: 0, failure, cause: Cause::Unknown });
    let _ = channel.say(if said.is_empty() { b" " } else { said });
}
