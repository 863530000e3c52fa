//! A run that is over: how it ended and what it said.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::sandbox::clean_env;

/// No run of a test may last longer: it hangs.
pub const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// The run ended well and silently; gives what it said, without the last newline.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert!(self.status.success() && self.err.is_empty(), "{self:#?}");
        self.out.trim_end_matches('\n')
    }

    /// There was no run: this exit code, nothing on standard output, one line and perhaps a hint on standard error.
    #[track_caller]
    pub fn refused(&self, code: i32) -> &str {
        assert_eq!(self.code(), Some(code), "{self:#?}");
        assert_eq!(self.out, "", "the program ran: {self:#?}");
        let lines: Vec<_> = self.err.lines().collect();
        let hinted = lines.get(1).is_none_or(|line| line.starts_with("sbx: hint: "));
        assert!(lines.len() <= 2 && hinted, "not one line and a hint: {self:#?}");
        assert!(lines.first().is_some_and(|line| line.starts_with("sbx: ")), "{self:#?}");
        &self.err
    }

    /// As `refused(125)`, with all of these in the message.
    #[track_caller]
    pub fn refused_saying(&self, words: &[&str]) {
        let message = self.refused(125);
        for word in words {
            assert!(message.contains(word), "'{word}' is not in: {message}");
        }
    }
}

/// Without a sandbox: the control.
#[track_caller]
pub fn bare<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: &[A]) -> Ended {
    let mut command = Command::new(program);
    clean_env(&mut command).args(args);
    finish(command, b"", TIMEOUT)
}

/// Runs to the end, with this input; what lasts too long is killed and fails the test.
#[track_caller]
pub fn finish(command: Command, input: &[u8], timeout: Duration) -> Ended {
    try_finish(command, input, timeout).unwrap_or_else(|hangs| panic!("{hangs}"))
}

/// As `finish`; what lasts too long is killed and told.
#[track_caller]
pub fn try_finish(mut command: Command, input: &[u8], timeout: Duration) -> Result<Ended, String> {
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Ignored: a program need not read its input, and then the pipe breaks.
    thread::spawn(move || stdin.write_all(&input));
    let (out, err) = (drain(child.stdout.take().unwrap()), drain(child.stderr.take().unwrap()));
    let deadline = Instant::now() + timeout;
    let Some(status) = wait_until(&mut child, deadline) else {
        kill_group(&child);
        return Err(format!("hangs: {command:?}\n{}{}", text(&out, deadline), text(&err, deadline)));
    };
    // A pipe that stays open although the process is gone is held by something that outlived it.
    Ok(Ended { status, out: text(&out, deadline), err: text(&err, deadline) })
}

/// Waits without blocking for ever.
pub fn wait_until(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return Some(status),
            None if Instant::now() > deadline => return None,
            None => thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// Kills the process and what it started in its group.
pub fn kill_group(child: &Child) {
    // Ignored: the group may be gone.
    let _ = killpg(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGKILL);
}

fn drain(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // Ignored: what was read before an error is what there is, and the receiver may have given up.
        let _ = pipe.read_to_end(&mut bytes);
        let _ = send.send(bytes);
    });
    receive
}

#[track_caller]
fn text(pipe: &Receiver<Vec<u8>>, deadline: Instant) -> String {
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
    let bytes = pipe.recv_timeout(left).expect("a process that outlived the sandbox holds its pipe open");
    String::from_utf8_lossy(&bytes).into_owned()
}
