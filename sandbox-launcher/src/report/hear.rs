//! The other end of the witness's channel.

use sandbox_core::exit;
use sandbox_core::sys::signal::{self, Change};
use sandbox_core::sys::socket::Channel;
use serde_json::{Value, json};

use super::{Facts, unseen, words};
use crate::error::Error;

/// The longest answer of a witness.
const LONGEST: usize = 64 << 10;

/// How an interview went.
pub struct Interview {
    /// What was tried last, without an answer.
    trying: Option<String>,
    /// Everything was tried.
    done: bool,
    /// At least one word was said.
    spoke: bool,
    end: Change,
}

impl Interview {
    /// What killed the witness, so that another one should leave it out; `None` when all is known.
    ///
    /// # Errors
    /// There was no sandbox, or none in which a word can be said.
    pub fn outcome(self) -> Result<Option<String>, Error> {
        match (self.trying, self.end) {
            _ if self.done => Ok(None),
            (Some(item), _) if item == "memory" => Ok(None),
            (Some(item), _) => Ok(Some(item)),
            (None, Change::Exited(code)) if !self.spoke && code >= exit::TIME_LIMIT => Err(Error::Said(code)),
            (None, end) => {
                Err(Error::Report { why: format!("the process inside {} before it had answered", ended(end)) })
            }
        }
    }
}

fn ended(end: Change) -> String {
    match end {
        Change::Exited(code) => format!("ended with exit code {code}"),
        Change::Killed(number) => format!("was killed by {}", signal::name(number)),
        Change::Stopped(_) | Change::Continued => "was stopped".into(),
    }
}

/// As a reason why something is not known.
fn cause(end: Change) -> String {
    match end {
        Change::Exited(exit::TIME_LIMIT) => "time-limit".into(),
        Change::Exited(code) => format!("exit code {code}"),
        Change::Killed(number) => signal::name(number),
        Change::Stopped(_) | Change::Continued => "stopped".into(),
    }
}

/// Hears the witness, which is or is in the process `pid`, to its end. When it waits, `look` looks at it.
///
/// # Errors
/// The channel's.
pub fn hear(
    channel: &Channel,
    pid: i32,
    facts: &mut Facts,
    mut look: impl FnMut(&mut Facts),
) -> sandbox_core::sys::Result<Interview> {
    let mut buffer = vec![0; LONGEST];
    let (mut trying, mut done, mut spoke) = (None, false, false);
    let (mut taken, mut refused) = (0, None);
    loop {
        let said = channel.listen(&mut buffer)?;
        let said = String::from_utf8_lossy(said);
        let (word, rest) = said.split_once(' ').unwrap_or((&said, ""));
        match word {
            "" => break,
            "try" => trying = Some(rest.to_owned()),
            "got" => {
                let (item, value) = rest.split_once(' ').unwrap_or((rest, ""));
                facts.insert(item.into(), serde_json::from_str(value).unwrap_or_else(|_| unseen("EMSGSIZE")));
                trying = None;
            }
            "ready" => {
                look(facts);
                // ignored: a witness that has ended is heard of next
                let _ = channel.say(b"go");
            }
            "taken" => taken = rest.parse().unwrap_or(taken),
            "refused" => refused = rest.parse().ok(),
            _ => done = true,
        }
        spoke = true;
    }
    let end = signal::wait_end(pid)?;
    match trying.as_deref() {
        Some("memory") => {
            facts.insert("memory".into(), memory(taken, refused, done, end));
        }
        Some(item) => {
            facts.insert(item.into(), unseen(&cause(end)));
        }
        None => {}
    }
    Ok(Interview { trying, done, spoke, end })
}

fn memory(taken: u64, refused: Option<i32>, done: bool, end: Change) -> Value {
    let stopped = match refused {
        Some(errno) => words::errno(errno),
        None if done => "enough".into(),
        None => cause(end),
    };
    json!({ "taken": taken, "stopped_by": stopped })
}
