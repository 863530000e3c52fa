//! From a command line to an execve: read, merge, plan, look, and only then become the target.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString, c_int};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use sandbox_core::enter;
use sandbox_core::error::PolicyError;
use sandbox_core::host::Host;
use sandbox_core::plan::{self, Plan};
use sandbox_core::policy::Policy;
use sandbox_core::setting::{self, Assignment, Origin, text};
use sandbox_core::sys::{file, stack};

use crate::cli::{self, Invocation, Request};
use crate::environment::{self, loader_words};
use crate::error::Error;
use crate::filter::{self, show};
use crate::help;
use crate::library::Library;
use crate::observe;
use crate::policy_file;
use crate::print::{self, Merged};
use crate::report::{self, Report};
use crate::route::{Route, preload, visible, watch};
use crate::start::{Inside, Start, execute};
use crate::target::{self, Surroundings, Target, Trouble};
use crate::tree;

/// The whole program; the result is its exit code.
pub fn main() -> c_int {
    if let Some(code) = report::witness::if_called(std::env::args_os()) {
        return code;
    }
    let said = run(std::env::args_os().skip(1)).and_then(|out| {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(&out).and_then(|()| stdout.flush()).map_err(Error::Output)
    });
    match said {
        Ok(()) => 0,
        Err(error) => {
            file::complain(&error.message());
            error.code()
        }
    }
}

/// What is to be printed. Running the target ends in execve, and so never in this function's return.
fn run(arguments: impl Iterator<Item = OsString>) -> Result<Vec<u8>, Error> {
    let invocation = cli::parse(arguments)?;
    match invocation.request {
        Request::Help { long } => return Ok(help::text(long).into_bytes()),
        Request::Version => {
            return Ok(format!("sbx-launch {}\n", env!("CARGO_PKG_VERSION")).into_bytes());
        }
        _ => {}
    }
    let environment = stack::environment();
    let assignments = assignments(&invocation, &environment)?;
    let (assignments, filter) = filter::resolve(assignments, invocation.policy.as_deref().map(Path::new))?;
    let policy = Policy::new(&assignments)?;
    let home = std::env::var_os("HOME");
    let path = std::env::var_os("PATH");
    let host =
        Host::probe(home.as_deref().map(OsStr::as_bytes)).for_policy(&policy, path.as_deref().map(OsStr::as_bytes));
    let plan = plan::plan(&policy, &host)?;
    let wish = observe::Wish {
        explain: invocation.explain,
        learn: invocation.learn.clone(),
        runs: match invocation.request {
            Request::Report(_) => !invocation.program.is_empty(),
            request => request == Request::Run,
        },
    };
    if invocation.request == Request::PrintEnv && (wish.explain || wish.learn.is_some()) {
        let what = "--explain, --learn: only sbx-launch can do that, and variables cannot say it";
        return Err(Error::CommandLine { what: what.into(), hint: None });
    }
    if wish.runs || matches!(invocation.request, Request::Report(_)) {
        // Before a file is opened here, whose descriptor could be taken for the one that is meant.
        check_descriptors(&policy)?;
    }
    let task = observe::task(&wish, &policy, &plan, &setting::merged(&assignments)?)?;
    match invocation.request {
        Request::PrintPolicy => print::policy(&setting::merged(&assignments)?),
        Request::PrintEnv => print_env(&invocation, &environment, &setting::merged(&assignments)?),
        Request::PrintFilter(form) => show::filter(&policy, filter.as_ref(), form),
        Request::PrintPlan => {
            let obstacle = task.as_ref().and_then(observe::Task::obstacle);
            let observed = task.is_some();
            let policy = task.filter(|_| obstacle.is_none()).map_or(policy.clone(), |task| task.policy(&policy));
            let mut out = print_plan(&invocation, (policy, &host), &environment, &assignments, observed)?;
            if let Some(obstacle) = obstacle {
                out.extend_from_slice(format!("{:<7} {:<15} {obstacle}\n", "outer", "observer").as_bytes());
            }
            Ok(out)
        }
        Request::Report(form) => {
            let report = report(&invocation, &policy, &plan, &environment, &assignments)?;
            if invocation.program.is_empty() {
                return Ok(report.text(form, &std::io::stdout()).into_bytes());
            }
            let mut stderr = std::io::stderr();
            let text = report.text(form, &stderr);
            stderr.write_all(text.as_bytes()).map_err(Error::Output)?;
            match execute(&invocation, (&policy, &host, &plan), &environment, &assignments, task)? {}
        }
        _ => match execute(&invocation, (&policy, &host, &plan), &environment, &assignments, task)? {},
    }
}

/// Every assignment, from the weakest origin to the strongest.
fn assignments(invocation: &Invocation, environment: &[Vec<u8>]) -> Result<Vec<Assignment>, Error> {
    let mut all = match &invocation.policy {
        Some(file) => policy_file::read(Path::new(file))?,
        None => Vec::new(),
    };
    all.extend(setting::from_environment(environment.iter().map(Vec::as_slice))?);
    all.extend_from_slice(&invocation.flags);
    Ok(all)
}

fn print_plan(
    invocation: &Invocation,
    (mut policy, host): (Policy, &Host),
    caller: &[Vec<u8>],
    assignments: &[Assignment],
    observed: bool,
) -> Result<Vec<u8>, Error> {
    let mut out = String::new();
    if invocation.program.is_empty() {
        return Ok(plan::plan(&policy, host)?.to_string().into_bytes());
    }
    let library = library(invocation)?;
    let environment = target_environment(&policy, caller);
    let mut target = examine(invocation, &policy, &library, &environment)?;
    let path = |path: &Path| text::show(path.as_os_str().as_bytes());
    let program = target.name();
    if let (None, Err(failure)) = (&target.unheld, watch::is_possible()) {
        target.unheld = Some((program.clone(), Trouble::Unwatched(failure)));
    }
    let by = target
        .interpreters
        .iter()
        .map(|interpreter| format!(", run by {}", path(&interpreter.path)))
        .collect::<String>();
    // In the columns of the plan's own lines.
    let start = Start {
        invocation,
        policy: &policy,
        host,
        library: &library,
        environment: &environment,
        assignments,
        observed,
    };
    if invocation.route.is_inside(&mut target)? {
        let why = match &target.unheld {
            None => String::new(),
            Some((file, why)) => format!(": {file}: {why}"),
        };
        match start.inside(target)? {
            Inside::Exec(_, plan) => out.push_str(&format!("route   exec            {program}{by}{why}\n{plan}")),
            Inside::Layered(layered) => {
                out.push_str(&format!("route   layered         {} into {program}{by}{why}\n", path(library.path())));
                out.push_str(&layered.describe(host)?);
            }
        }
    } else {
        out.push_str(&format!("route   preload         {} into {program}{by}\n", path(library.path())));
        policy.add(&visible::settings(&target, false, &policy, host)?)?;
        out.push_str(&plan::plan(&policy, host)?.to_string());
    }
    Ok(out.into_bytes())
}

fn print_env(invocation: &Invocation, caller: &[Vec<u8>], settings: &[Merged]) -> Result<Vec<u8>, Error> {
    let library = library(invocation)?;
    let word = library.word().ok_or_else(|| {
        let what = "--print-env: the library's path has a space, ':' or '$' in it, which LD_PRELOAD cannot hold";
        Error::CommandLine { what: what.into(), hint: Some("name a copy elsewhere with --library FILE") }
    })?;
    let mut entries = print::variables(settings);
    print::can_be_handed_on(&entries)?;
    entries.push(environment::preload(word, &loader_words(caller, b"LD_PRELOAD=")));
    Ok(print::exports(entries.iter().map(Vec::as_slice)))
}

pub(crate) fn arguments(invocation: &Invocation) -> Vec<Vec<u8>> {
    invocation.program.iter().map(|argument| argument.clone().into_vec()).collect()
}

/// The launcher itself, where a program of its own is to be looked at inside.
const OWN_FILE: &str = "/proc/self/exe";
/// Settings of a run, and not of the sandbox that a program finds itself in.
const OF_THE_RUN: &[&str] = &["time-limit", "status-fd", "stats", "log-file", "log-level"];

/// What the sandbox changes, found out by the launcher in the place of the program.
fn report(
    invocation: &Invocation,
    policy: &Policy,
    plan: &Plan,
    caller: &[Vec<u8>],
    assignments: &[Assignment],
) -> Result<Report, Error> {
    let environment = target_environment(policy, caller);
    let own = OsStr::new(OWN_FILE);
    {
        // Closed again before descriptors are counted.
        let library = library(invocation)?;
        if !invocation.program.is_empty() {
            examine(invocation, policy, &library, &environment)?;
        }
        let mut witness = examine_named(own, &[], &library, &environment)?;
        Route::Preload.is_inside(&mut witness)?;
    }
    let kept = setting::named("keep-fd").ok_or_else(|| PolicyError::unknown("keep-fd", Origin::Flag))?;
    let become_witness = |number: i32, arguments: Vec<String>| -> Result<Infallible, Error> {
        let mut said: Vec<Assignment> =
            assignments.iter().filter(|said| !OF_THE_RUN.contains(&said.setting.name)).cloned().collect();
        said.push(Assignment { setting: kept, text: number.to_string().into_bytes(), origin: Origin::Flag });
        let library = library(invocation)?;
        let target = examine_named(own, &[], &library, &environment)?;
        let word = preload::word(&library, &target)?;
        let watcher = watch::start(&word, &target)
            .map_err(|failure| Error::Target { path: target.name(), why: Trouble::Unwatched(failure) })?;
        let arguments = arguments.into_iter().map(String::into_bytes).collect();
        let settings = setting::merged(&said)?;
        let who = (&*word, &target, watcher);
        preload::hand_over((policy, plan), who, &settings, arguments, (environment.clone(), caller))
    };
    let become_witness = |number, arguments| match become_witness(number, arguments) {
        Err(error) => error,
        Ok(never) => match never {},
    };
    Report::make(policy.time_limit.map(|limit| limit.0), become_witness)
}

pub(crate) fn library(invocation: &Invocation) -> Result<Library, Error> {
    Library::find(invocation.library.as_deref().map(Path::new))
}

pub(crate) fn target_environment(policy: &Policy, caller: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let entries: Vec<&[u8]> = caller.iter().map(Vec::as_slice).collect();
    enter::environment(policy, &entries)
}

pub(crate) fn examine(
    invocation: &Invocation,
    policy: &Policy,
    library: &Library,
    environment: &[Vec<u8>],
) -> Result<Target, Error> {
    let name = invocation.program.first().map(OsString::as_os_str).unwrap_or_default();
    examine_named(name, &tree::layers(policy), library, environment)
}

fn examine_named(
    name: &OsStr,
    layers: &[PathBuf],
    library: &Library,
    environment: &[Vec<u8>],
) -> Result<Target, Error> {
    let programs = std::env::var_os("PATH");
    let libraries = loader_words(environment, b"LD_LIBRARY_PATH=").join(&b':');
    let surroundings = Surroundings {
        programs: programs.as_deref(),
        layers,
        libraries: &libraries,
        imports: library.imports(),
        audited: !loader_words(environment, b"LD_AUDIT=").is_empty(),
    };
    target::examine(name, &surroundings)
}

/// Descriptors that settings name must be the caller's: the library would find whatever has that number by then.
fn check_descriptors(policy: &Policy) -> Result<(), PolicyError> {
    let status = policy.status_fd.iter().map(|fd| ("status-fd", fd));
    let keep = policy.keep_fd.items().iter().map(|fd| ("keep-fd", fd));
    for (name, fd) in status.chain(keep) {
        if !file::is_open(fd.0) {
            return Err(PolicyError::conflict(name, format!("file descriptor {} is not open", fd.0)));
        }
    }
    Ok(())
}
