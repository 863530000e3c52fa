//! A sandbox under the probe's tracer: which calls its set-up makes, and what comes of it when one of them fails.

use std::ffi::OsString;
use std::fs;

use super::bins;
use super::ended::Ended;
use super::sandbox::{Entry, Sandbox};
use super::temp::TempDir;

/// A call of the set-up's.
#[derive(Clone, Debug)]
pub struct Call {
    /// PROCESS.IMAGE.INDEX, as the tracer has it.
    pub point: String,
    pub name: String,
    /// 0 is the process that stays outside.
    pub process: usize,
    /// 1 is env(1), which sets the variables; then the launcher if there is one; then the program.
    pub image: usize,
}

/// The sandbox started under the tracer with these options.
pub fn traced(sandbox: &Sandbox, options: &[&str]) -> Sandbox {
    let words = [&["trace"], options, &["--"]].concat();
    let wrapper: Vec<OsString> =
        [bins::probe().into()].into_iter().chain(words.into_iter().map(OsString::from)).collect();
    sandbox.clone().wrapped(&wrapper)
}

/// As `traced`, by root, of what the user `sbx-test` starts: whose set-user-ID programs keep their privileges only so.
pub fn traced_as_other(sandbox: &Sandbox, options: &[&str]) -> Sandbox {
    let user = ["--", "setpriv", "--reuid", "sbx-test", "--regid", "sbx-test", "--clear-groups"];
    let words = [&["trace"], options, &user].concat();
    let wrapper: Vec<OsString> =
        [bins::probe().into()].into_iter().chain(words.into_iter().map(OsString::from)).collect();
    sandbox.clone().wrapped(&wrapper)
}

/// A way to start a sandbox under the tracer.
pub type Tracer = fn(&Sandbox, &[&str]) -> Sandbox;

/// The image of the first process that builds the sandbox: under a tracer the launcher does, as it cannot watch ld.so.
pub fn image_of(entry: Entry) -> usize {
    match entry {
        Entry::Preload => 2,
        Entry::Launch | Entry::Exec | Entry::Layered => 2,
    }
}

/// The calls of a clean run from the constructor's first to the program's start, and those of the process outside to its
/// end; and the run.
#[track_caller]
pub fn calls(sandbox: &Sandbox, act: &[&str]) -> (Vec<Call>, Ended) {
    calls_by(traced, sandbox, act)
}

/// As `calls`, under another tracer.
#[track_caller]
pub fn calls_by(tracer: Tracer, sandbox: &Sandbox, act: &[&str]) -> (Vec<Call>, Ended) {
    let dir = TempDir::new();
    let file = dir.join("trace");
    let ended = tracer(sandbox, &["--record", file.to_str().unwrap()]).probe(act);
    let text = fs::read_to_string(file).unwrap();
    let mut calls: Vec<Call> = Vec::new();
    for line in text.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let place: Vec<usize> = words[0].split('.').map(|part| part.parse().unwrap()).collect();
        let call = Call { point: words[0].into(), name: words[2].into(), process: place[0], image: place[1] };
        if words[1] == "loader" {
            // What libc did between the loader's calls was before any constructor.
            calls.retain(|earlier| (earlier.process, earlier.image) != (call.process, call.image));
        } else if call.process > 0 || call.image > 1 {
            calls.push(call);
        }
    }
    (calls, ended)
}
