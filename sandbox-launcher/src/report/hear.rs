//! The other end of the witness's channel.

use sandbox_core::exit;
use sandbox_core::sys::signal::{self, Change};
use sandbox_core::sys::socket::{Channel, Message};
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
            (None, Change::Exited(code)) if !self.spoke && code >= exit::REFUSED => Err(Error::Said(code)),
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
        let said = match channel.listen(&mut buffer) {
            // It has ended without reading what was said to it.
            Err(failure) if failure.errno == libc::ECONNRESET => break,
            said => said?,
        };
        let said = String::from_utf8_lossy(said);
        let (word, rest) = said.split_once(' ').unwrap_or((&said, ""));
        match word {
            "" => break,
            "try" => trying = Some(rest.to_owned()),
            "got" => {
                let (item, value) = rest.split_once(' ').unwrap_or((rest, ""));
                put(facts, item, serde_json::from_str(value).unwrap_or_else(|_| unseen("EMSGSIZE")));
                trying = None;
            }
            "ready" => {
                look(facts);
                // ignored: a witness that has ended is heard of next
                let _ = channel.send(&Message::Go);
            }
            "taken" => taken = rest.parse().unwrap_or(taken),
            "refused" => refused = rest.parse().ok(),
            _ => done = true,
        }
        spoke = true;
    }
    let end = signal::wait_end(pid)?;
    match trying.as_deref() {
        Some("memory") => put(facts, "memory", memory(taken, refused, done, end)),
        Some(item) => put(facts, item, unseen(&cause(end))),
        None => {}
    }
    Ok(Interview { trying, done, spoke, end })
}

/// Puts a fact in its place: `object/member`, or a name.
fn put(facts: &mut Facts, place: &str, value: Value) {
    match place.split_once('/') {
        None => facts.insert(place.into(), value),
        Some((object, member)) => match facts.entry(object).or_insert_with(|| json!({})) {
            Value::Object(members) => members.insert(member.into(), value),
            other => Some(std::mem::replace(other, json!({ member: value }))),
        },
    };
}

fn memory(taken: u64, refused: Option<i32>, done: bool, end: Change) -> Value {
    let stopped = match refused {
        Some(errno) => words::errno(errno),
        None if done => "enough".into(),
        None => cause(end),
    };
    json!({ "taken": taken, "stopped_by": stopped })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_with_what_ended_it() {
        let enough = Change::Exited(0);
        assert_eq!(memory(7, None, true, enough), json!({ "taken": 7, "stopped_by": "enough" }));
        assert_eq!(memory(7, Some(libc::ENOMEM), true, enough), json!({ "taken": 7, "stopped_by": "ENOMEM" }));
        let killed = Change::Killed(libc::SIGKILL);
        assert_eq!(memory(7, None, false, killed), json!({ "taken": 7, "stopped_by": "SIGKILL" }));
        let out_of_time = Change::Exited(exit::TIME_LIMIT);
        assert_eq!(memory(7, None, false, out_of_time), json!({ "taken": 7, "stopped_by": "time-limit" }));
    }

    #[test]
    fn what_kills_is_left_out_the_next_time_but_for_memory_and_silence() {
        let end = Change::Killed(libc::SIGSYS);
        let trying = |item: Option<&str>, end| {
            Interview { trying: item.map(str::to_owned), done: false, spoke: item.is_some(), end }.outcome()
        };
        assert_eq!(trying(Some("landlock"), end).unwrap().as_deref(), Some("landlock"));
        assert_eq!(trying(Some("memory"), end).unwrap(), None);
        assert!(trying(None, end).unwrap_err().message().contains("killed by SIGSYS before it had answered"));
        let refused = trying(None, Change::Exited(exit::REFUSED)).unwrap_err();
        assert_eq!((refused.code(), refused.message().as_str()), (exit::REFUSED, ""));
    }

    #[test]
    fn facts_of_one_object_are_put_together() {
        let mut facts = Facts::new();
        for place in ["a/b", "a/c", "d"] {
            put(&mut facts, place, true.into());
        }
        assert_eq!(Value::from(facts), json!({ "a": { "b": true, "c": true }, "d": true }));
    }
}
