//! slirp4netns(1): stays in the foreground, says on a descriptor that it is ready, and is asked for ports by a socket.

use std::ffi::CStr;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use super::PROGRAM;
use super::decide::API;
use super::outside::{ENVIRONMENT, ended_well};
use crate::sys::call::Call;
use crate::sys::socket::{Channel, peer_gone};
use crate::sys::{Result, file, mount, notify, process, refused, signal, tool};

/// What is read of its output; the rest is for nobody.
const KEPT: usize = 1024;
/// Where it looks for the descriptor to be ready on.
const READY: i32 = 3;

/// Starts it on `network`, waits until it is ready, and asks for the ports. Gives its output.
pub fn start(
    program: &CStr,
    args: &[&CStr],
    network: &OwnedFd,
    requests: &[(String, String)],
    channel: &Channel,
    said: &mut Vec<u8>,
) -> Result<OwnedFd> {
    if !requests.is_empty() {
        // For its socket alone, which so is nobody else's to find, and gone with the namespace. What is mounted here shows
        // nowhere else; what the host mounts is still seen.
        process::unshare(libc::CLONE_NEWNS)?;
        mount::mount(None, c"/", None, libc::MS_REC | libc::MS_SLAVE, None)
            .map_err(|failure| failure.on(super::ROOT))?;
        mount::mount(Some(c"tmpfs"), c"/dev/shm", Some(c"tmpfs"), NOTHING_ELSE, Some(c"mode=700,size=64k"))
            .map_err(|failure| failure.on(super::SHM))?;
    }
    let (ready, says_ready) = tool::pipe()?;
    let given = [(network.as_fd(), 0), (says_ready.as_fd(), READY)];
    let started = tool::start(program, args, &ENVIRONMENT, &given)?;
    drop(says_ready);
    let mut buffer = [0; 512];
    loop {
        let wanted = [channel.fd(), ready.as_fd(), started.output.as_fd()].map(Some);
        let [outer, is_ready, speaks] = notify::wait_for(wanted, None)?;
        if outer.over || outer.to_read {
            return Err(peer_gone());
        }
        if speaks.to_read {
            let length = file::read(started.output.as_fd(), &mut buffer)?;
            let room = KEPT.saturating_sub(said.len());
            said.extend_from_slice(buffer.get(..length.min(room)).unwrap_or_default());
            continue;
        }
        if is_ready.to_read {
            break;
        }
        if is_ready.over {
            // It has ended without having been ready, with whatever code, or is about to.
            let how = signal::wait_end(started.pid)?;
            return ended_well(how, said).and(Err(refused(Call::Execve, libc::EPERM)));
        }
    }
    for (port, request) in requests {
        if let Err(why) = ask(request) {
            *said = format!("{port}: {why}").into();
            return Err(refused(Call::Execve, libc::EPERM).on(PROGRAM));
        }
    }
    Ok(started.output)
}

const NOTHING_ELSE: u64 = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;

/// One request, one answer, one connection. The error is what it says, where it says anything.
fn ask(request: &str) -> std::result::Result<(), String> {
    let mut answer = [0; 512];
    let talk = |answer: &mut [u8]| -> std::io::Result<usize> {
        let mut stream = UnixStream::connect(API)?;
        stream.write_all(request.as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        stream.read(answer)
    };
    let length = talk(&mut answer).map_err(|error| error.to_string())?;
    let answer = String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned();
    match answer.contains("\"return\"") {
        true => Ok(()),
        // {"error":{"desc":"bad request: add_hostfwd: slirp_add_hostfwd failed"}}
        false => Err(answer.split('"').nth(5).unwrap_or(&answer).into()),
    }
}
