//! From a command line to an execve: read, merge, plan, look, and only then become the target.

use std::ffi::{OsString, c_int};
use std::io::Write;

use sandbox_core::error::PolicyError;
use sandbox_core::policy::Policy;
use sandbox_core::sys::file;

use crate::asked::Asked;
use crate::cli::{self, Request};
use crate::error::Error;
use crate::filter::show;
use crate::help;
use crate::observe;
use crate::print;
use crate::report;
use crate::start::execute;

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
    let asked = Asked::read(invocation)?;
    let task = task(&asked)?;
    match asked.invocation.request {
        Request::PrintPolicy => print::policy(&asked.settings()?),
        Request::PrintEnv => print::env(&asked),
        Request::PrintFilter(form) => show::filter(&asked.policy, asked.filter.as_ref(), form),
        Request::PrintPlan => print::plan(&asked, task),
        Request::Report(form) => {
            let report = report::of(&asked)?;
            if asked.invocation.program.is_empty() {
                return Ok(report.text(form, &std::io::stdout()).into_bytes());
            }
            let mut stderr = std::io::stderr();
            let text = report.text(form, &stderr);
            stderr.write_all(text.as_bytes()).map_err(Error::Output)?;
            match execute(&asked, task)? {}
        }
        _ => match execute(&asked, task)? {},
    }
}

/// What an observer is to do beside the program, if anything.
fn task(asked: &Asked) -> Result<Option<observe::Task>, Error> {
    let invocation = &asked.invocation;
    let reports = matches!(invocation.request, Request::Report(_));
    let wish = observe::Wish {
        explain: invocation.explain,
        learn: invocation.learn.clone(),
        runs: if reports { !invocation.program.is_empty() } else { invocation.request == Request::Run },
    };
    if invocation.request == Request::PrintEnv && (wish.explain || wish.learn.is_some()) {
        let what = "--explain, --learn: only sbx-launch can do that, and variables cannot say it";
        return Err(Error::CommandLine { what: what.into(), hint: None });
    }
    if wish.runs || reports {
        // Before a file is opened here, whose descriptor could be taken for the one that is meant.
        check_descriptors(&asked.policy)?;
    }
    observe::task(&wish, &asked.policy, &asked.plan, &asked.settings()?)
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
