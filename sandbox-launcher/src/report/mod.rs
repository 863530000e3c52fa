//! What a policy changes: the same facts of a process outside and of one inside, side by side.
//!
//! A witness is started twice, once as it is and once as the program of the sandbox, by the library and in the order of
//! every other run. It tells what only it can find out, by trying; then it waits, and what the kernel knows of it is read
//! from outside, which no filter and no missing /proc can prevent. Facts are JSON values: one that could not be found out is
//! `{"unseen": "EPERM"}`. The table is a view of them.

mod cgroup;
mod hear;
mod memory;
mod mountinfo;
mod process;
mod rows;
mod sandboxed;
mod table;
mod visit;
pub mod witness;
mod words;

use std::io::{IsTerminal, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use sandbox_core::error::Failure;
use sandbox_core::policy::types::Namespace;
use sandbox_core::sys::call::Call;
use sandbox_core::sys::process::{self as processes, Forked};
use sandbox_core::sys::socket::Channel;
use sandbox_core::sys::{Result, file};
use serde_json::{Map, Value, json};

use crate::error::Error;
use hear::Interview;
pub use sandboxed::of;

/// The facts of one side.
pub type Facts = Map<String, Value>;

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Table,
    Json,
}

/// A fact that could not be found out, and why: the name of an error number or of a signal.
pub fn unseen(why: &str) -> Value {
    json!({ "unseen": why })
}

/// Both sides.
pub struct Report {
    outside: Value,
    inside: Value,
}

impl Report {
    /// Looks at both. `become_sandbox` is called in a process of its own, with the descriptor that is to stay open and the
    /// witness's arguments, and does not return but with its reason.
    ///
    /// # Errors
    /// There is no sandbox to look at, or what is in it could not say anything.
    pub fn make(
        time_limit: Option<Duration>,
        become_sandbox: impl Fn(i32, Vec<String>) -> Error,
    ) -> std::result::Result<Self, Error> {
        let bound = memory::bound();
        let mut outside = Facts::new();
        let mut skipped: Vec<String> = Vec::new();
        let failed = |failure| Error::from(sandbox_core::error::SetupError::new("report", failure, ""));
        let own = |channel: Channel, task: witness::Task| task.answer(&channel);
        while let Some(item) = interview(&mut outside, bound, &skipped, false, &own).map_err(failed)?.outcome()? {
            skipped.push(item);
        }
        let mut inside = Facts::new();
        let mut skipped: Vec<String> = Vec::new();
        let sandboxed = |channel: Channel, task: witness::Task| -> i32 {
            let number = channel.number();
            let error = match file::let_through_exec(channel.as_fd()) {
                Ok(()) => become_sandbox(number, task.arguments(number)),
                Err(failure) => sandbox_core::error::SetupError::new("report", failure, "").into(),
            };
            file::complain(&error.message());
            error.code()
        };
        while let Some(item) = interview(&mut inside, bound, &skipped, true, &sandboxed).map_err(failed)?.outcome()? {
            skipped.push(item);
        }
        // Nobody but the supervisor knows of it.
        outside.insert("time_limit".into(), Value::Null);
        inside.insert("time_limit".into(), json!(time_limit.map(|limit| limit.as_secs_f64())));
        Ok(Self { outside: outside.into(), inside: inside.into() })
    }

    /// As it is to be printed to that stream.
    pub fn text(&self, form: Form, to: &(impl AsFd + IsTerminal)) -> String {
        match form {
            Form::Json => format!("{:#}\n", self.json()),
            Form::Table => table::text(&rows::lines(&self.outside, &self.inside), &table::Style::of(to)),
        }
    }

    fn json(&self) -> Value {
        let sets = words::CAPABILITY_SETS.iter().map(|&set| (set.into(), self.lost(set).into()));
        let namespace = |side: &Value, kind: &Namespace| side.pointer(&format!("/namespaces/{}", kind.name())).cloned();
        let new = Namespace::ALL.iter().filter(|kind| namespace(&self.outside, kind) != namespace(&self.inside, kind));
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "outside": self.outside,
            "inside": self.inside,
            "lost": sets.collect::<Facts>(),
            "new_namespaces": new.map(|kind| kind.name()).collect::<Vec<_>>(),
        })
    }

    fn lost(&self, set: &str) -> Vec<&str> {
        words::lost(&self.outside, &self.inside, set)
    }
}

/// Starts a witness and hears it to its end; `role` is what its process does.
fn interview(
    facts: &mut Facts,
    bound: u64,
    skipped: &[String],
    is_sandboxed: bool,
    role: &dyn Fn(Channel, witness::Task) -> i32,
) -> Result<Interview> {
    // Where 0, 1 or 2 is closed, a number of these would be taken for the program's.
    let above = |end: Channel| file::above_standard(end.as_fd()).map(Channel::inherited);
    let (ours, theirs) = Channel::pair()?;
    let (ours, theirs) = (above(ours)?, above(theirs)?);
    let failed = |error: std::io::Error| Failure {
        call: Call::Pipe,
        object: 0,
        errno: error.raw_os_error().unwrap_or(libc::EIO),
    };
    // An end that stayed open here would keep the other from its end.
    let (said, saying) = {
        let (said, saying) = std::io::pipe().map_err(failed)?;
        (file::above_standard(said.as_fd())?, file::above_standard(saying.as_fd())?)
    };
    match processes::fork()? {
        Forked::Child => {
            drop((ours, said));
            if is_sandboxed && file::is_open(2) && file::put_at(saying.as_fd(), 2).is_err() {
                processes::exit(sandbox_core::exit::REFUSED);
            }
            drop(saying);
            processes::exit(role(theirs, witness::Task { bound, skipped: skipped.to_vec() }))
        }
        Forked::Parent(pid) => {
            let number = theirs.number();
            drop((theirs, saying));
            let heard = hear::hear(&ours, pid, facts, |facts| {
                let witness = if is_sandboxed { process::innermost(pid) } else { Some(pid) };
                match witness {
                    Some(witness) => {
                        process::look(witness, number, facts);
                        visit::visit(witness, facts);
                    }
                    None => process::unseen_all(facts),
                }
            });
            let mut text = String::new();
            std::fs::File::from(said).read_to_string(&mut text).map_err(failed)?;
            // What the filter answered to a witness is in the table.
            for line in text.lines().filter(|line| !line.starts_with("sbx: refused: ")) {
                file::complain(&format!("{line}\n"));
            }
            heard
        }
    }
}
