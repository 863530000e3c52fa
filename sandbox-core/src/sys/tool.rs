//! A program of the host's that is run to its end, with its output read.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::call::Call;
use super::process::{self, Forked};
use super::signal::{self, Change};
use super::{Result, check, file, refused};

/// The number under which the program finds the descriptor it is given.
pub const GIVEN: RawFd = 3;

/// No descriptor of ours lies where the program's own are put.
const ABOVE: RawFd = 8;

/// How a program ended, and the beginning of what it wrote to its standard output and error.
pub struct Ran {
    pub how: Change,
    pub said: Vec<u8>,
}

/// A program that runs.
pub struct Started {
    pub pid: i32,
    /// The end of the pipe that its standard output and error are.
    pub output: OwnedFd,
}

/// Runs `program` to its end with exactly these arguments and variables, `given` open under a number, standard input empty
/// unless that is it, and nothing else: all other descriptors of this process must be O_CLOEXEC. Should the other end of
/// `master` be closed meanwhile, the program is killed.
///
/// # Errors
/// It cannot be started, or `master` has ended (ECONNRESET).
pub fn run(
    program: &CStr,
    args: &[&CStr],
    env: &[&CStr],
    given: (BorrowedFd<'_>, RawFd),
    master: BorrowedFd<'_>,
) -> Result<Ran> {
    let Started { pid, output } = start(program, args, env, &[given])?;
    match listen(output.as_fd(), master) {
        Ok(said) => Ok(Ran { how: signal::wait_end(pid)?, said }),
        Err(failure) => {
            // ignored: it may have ended; a program that is set-user-ID is killed all the same, as its real id is ours
            let _ = signal::send(pid, libc::SIGKILL);
            let _ = signal::wait_end(pid);
            Err(failure)
        }
    }
}

/// As `run`, and leaves it running.
///
/// # Errors
/// It cannot be started.
pub fn start(program: &CStr, args: &[&CStr], env: &[&CStr], given: &[(BorrowedFd<'_>, RawFd)]) -> Result<Started> {
    let null = file::open(None, c"/dev/null", libc::O_RDWR, 0)?;
    let (output, written) = pipe()?;
    let mut places = vec![(file::duplicate_above(null.as_fd(), ABOVE)?, 0)];
    for to in [1, 2] {
        places.push((file::duplicate_above(written.as_fd(), ABOVE)?, to));
    }
    for &(from, to) in given {
        places.push((file::duplicate_above(from, ABOVE)?, to));
    }
    drop(null);
    // Says the errno of a failed execve(2), and is closed by one that succeeds.
    let (failure, failing) = pipe()?;
    let pointers =
        |words: &[&CStr]| -> Vec<_> { words.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect() };
    let (args, env) = (pointers(args), pointers(env));
    match process::fork()? {
        Forked::Child => {
            // SAFETY: dup2 takes numbers; `program` and both lists are live, and the lists end in a null pointer. Raw,
            // because the program around us may have an execve of its own.
            let errno = unsafe {
                if places.iter().all(|(from, to)| libc::dup2(from.as_raw_fd(), *to) == *to) {
                    libc::syscall(libc::SYS_execve, program.as_ptr(), args.as_ptr(), env.as_ptr());
                }
                nix::errno::Errno::last_raw()
            };
            // ignored: without it the parent sees an exit code that no success has
            let _ = file::write(failing.as_fd(), &errno.to_ne_bytes());
            process::exit(crate::exit::REFUSED)
        }
        Forked::Parent(pid) => {
            drop((written, failing, places));
            let mut errno = [0; 4];
            match file::read(failure.as_fd(), &mut errno) {
                Ok(0) => Ok(Started { pid, output }),
                failed => {
                    let _ = signal::send(pid, libc::SIGKILL);
                    let _ = signal::wait_end(pid);
                    failed.and_then(|_| Err(refused(Call::Execve, i32::from_ne_bytes(errno))))
                }
            }
        }
    }
}

/// A pipe, its end to read first, pipe2(2); neither where a program's own descriptors are put.
pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    let mut fds: [RawFd; 2] = [-1; 2];
    // SAFETY: the kernel fills the live array.
    check(Call::Pipe, unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) }.into())?;
    // SAFETY: the kernel has just made both, so nothing else owns them.
    let (read, write) = unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) };
    Ok((file::duplicate_above(read.as_fd(), ABOVE)?, file::duplicate_above(write.as_fd(), ABOVE)?))
}

/// Reads to the end, keeps the beginning.
fn listen(output: BorrowedFd<'_>, master: BorrowedFd<'_>) -> Result<Vec<u8>> {
    const KEPT: usize = 1024;
    let (mut said, mut buffer) = (Vec::with_capacity(KEPT), [0; 512]);
    loop {
        let poll = |fd: BorrowedFd<'_>, events| libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
        let mut both = [poll(output, libc::POLLIN), poll(master, 0)];
        // SAFETY: the kernel reads and fills the live array of two.
        match check(Call::Poll, unsafe { libc::poll(both.as_mut_ptr(), 2, -1) }.into()) {
            Err(failure) if failure.errno == libc::EINTR => continue,
            result => result.map(drop)?,
        }
        if both[1].revents != 0 {
            return Err(super::socket::peer_gone());
        }
        match file::read(output, &mut buffer)? {
            0 => return Ok(said),
            length => {
                let room = KEPT - said.len();
                said.extend_from_slice(buffer.get(..length.min(room)).unwrap_or_default());
            }
        }
    }
}
