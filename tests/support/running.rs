//! A run that is not over yet.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::ended::{Ended, TIMEOUT, kill_group, wait_until};

pub struct Running {
    child: Child,
    pub stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    err: Receiver<String>,
}

impl Running {
    #[track_caller]
    pub fn start(mut command: Command) -> Self {
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|why| panic!("{command:?}: {why}"));
        let stdin = child.stdin.take();
        let (out, err) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, stdin, lines: out, err }
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// The next line of standard output.
    #[track_caller]
    pub fn line(&self) -> String {
        match self.lines.recv_timeout(TIMEOUT) {
            Ok(line) => line,
            Err(why) => panic!("no line of output: {why}; {:?}", self.err.try_iter().collect::<Vec<_>>()),
        }
    }

    /// Whether standard output is closed by everybody within this time; lines are passed over.
    pub fn output_ends_within(&self, time: Duration) -> bool {
        ends_within(&self.lines, time)
    }

    /// As `output_ends_within`, for standard error.
    pub fn errors_end_within(&self, time: Duration) -> bool {
        ends_within(&self.err, time)
    }

    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end; the rest of the output is in it.
    #[track_caller]
    pub fn wait(mut self) -> Ended {
        drop(self.stdin.take());
        let status = wait_until(&mut self.child, Instant::now() + TIMEOUT).expect("it does not end");
        let rest = |lines: &Receiver<String>| {
            let mut text = String::new();
            while let Ok(line) = lines.recv_timeout(TIMEOUT) {
                text.push_str(&line);
                text.push('\n');
            }
            text
        };
        Ended { status, out: rest(&self.lines), err: rest(&self.err) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_running() {
            kill_group(&self.child);
            // Ignored: it was killed, how it ended says nothing.
            let _ = self.child.wait();
        }
    }
}

fn lines(pipe: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            if send.send(line.unwrap_or_else(|why| why.to_string())).is_err() {
                return;
            }
        }
    });
    receive
}

fn ends_within(lines: &Receiver<String>, time: Duration) -> bool {
    let deadline = Instant::now() + time;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(_) => {}
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}
