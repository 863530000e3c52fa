//! The command line: flags derived from the settings table, and the launcher's own.
//!
//! Values are bytes and are not looked at here: the settings table reads them, whatever spelling they came in.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};
use sandbox_core::setting::{Assignment, Kind, Origin, SETTINGS, Setting};

use crate::error::Error;
use crate::file_from;
use crate::filter::show::Form;
use crate::report;
use crate::route::Route;

/// A flag that is no setting: it is about the launcher, and has no other spelling.
pub struct Own {
    pub name: &'static str,
    /// The metavariable; empty for a switch.
    pub metavar: &'static str,
    pub help: &'static str,
    pub more: &'static str,
}

/// The launcher's own flags, in the order of the documents. `-h` and `--help` are one row: they are one question.
#[rustfmt::skip] // a row is what it is, what it says, what the line leaves out
pub const OWN: &[Own] = &[
    Own { name: "policy", metavar: "FILE",
        help: "read settings from a TOML file",
        more: "Its keys are the settings below without their dashes. Variables override the file, flags override both." },
    Own { name: file_from::NAME, metavar: "DST:FILE[:mode=MODE]",
        help: "a read-only file at DST that holds what FILE holds now",
        more: "The same as --file with the file's bytes as its text, which is what --print-policy and --print-env show; of \
               both for one DST this one holds. As a key of a policy file it is a list. FILE has no NUL and, with all other \
               texts, less than 128 KiB: what has is for --bind-ro." },
    Own { name: "route", metavar: "auto|preload|exec|layered",
        help: "who builds the sandbox",
        more: "Absent: auto. preload: libsandbox.so, inside the program, and a program of which it cannot be shown that this \
               happens before any code of its own is refused. exec: sbx-launch, which then executes the program inside: \
               whatever Linux can start, but not with settings that forbid to execute or to load code. layered: both, where \
               nothing is executed inside: the program is loaded in the sandbox, and the library then adds what would have \
               kept it from that. auto: preload where that can be shown, otherwise exec, or layered where exec cannot hold the \
               settings." },
    Own { name: "library", metavar: "FILE",
        help: "the libsandbox.so to use",
        more: "Absent: the one beside sbx-launch, or in the lib directory beside its bin directory, or the system's." },
    Own { name: "explain", metavar: "",
        help: "say on standard error, at the end, which calls were refused",
        more: "A line for each that differs: its arguments, how often, the function that made it, the rule that refused it and \
               the setting that would allow it. What is refused is the same. Answers of seccomp-action trap and kill-thread \
               are not told: only the kernel can give them. Needs Linux 5.6." },
    Own { name: "learn", metavar: "FILE",
        help: "write a policy that allows the calls the program makes, and no others",
        more: "What earlier runs wrote to FILE is kept and added to. The policy it runs under holds, so that nothing it refuses \
               is in the one that is learned; --seccomp none refuses least. Kafel, the filter alone, when FILE ends in .kafel \
               or .policy; otherwise a policy file with the settings of this run, and the files that were opened as a \
               comment. Calls before main, of the vDSO and of io_uring are not seen. Needs Linux 5.6." },
    Own { name: "print-plan", metavar: "",
        help: "print what would be done, step by step, and run nothing",
        more: "With a program, the first line says how it would be entered." },
    Own { name: "print-env", metavar: "",
        help: "print the variables that do the same without the launcher",
        more: "Lines for a shell: eval \"$(sbx-launch --print-env ...)\". What the launcher checks is then not checked." },
    Own { name: "print-policy", metavar: "",
        help: "print every setting given, from all spellings, as a policy file",
        more: "The profile is named, not spelled out." },
    Own { name: "print-filter", metavar: "",
        help: "print what the system call filter is",
        more: "In the form that --as says." },
    Own { name: "report", metavar: "",
        help: "print what the sandbox changes, outside and inside side by side",
        more: "Everything is found out in a sandbox of these settings, by trying and from the kernel, and outside it in the \
               same way; the memory that can be had is really taken, up to 1 GiB and half of what is free. A table, or, with \
               --as json, a JSON object. Without a program it goes to standard output and that is all. With one it goes to \
               standard error, and the program runs then, in another sandbox of the same settings. time-limit, status-fd, \
               stats, log-file, log-level, --explain and --learn are about that run." },
    Own { name: "as", metavar: "asm|kafel|json|table",
        help: "how --print-filter and --report print",
        more: "--print-filter: asm (when absent), every program that is loaded, in order; kafel and json are one policy that \
               says the same as all of them together; not every filter can be said in OCI JSON, and a compiled one in \
               neither. --report: table (when absent) or json." },
    Own { name: "help", metavar: "",
        help: "print this help; -h prints it in short",
        more: "After the program it is the program's." },
    Own { name: "version", metavar: "",
        help: "print the version",
        more: "The library must be of the same version." },
];

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    Help {
        long: bool,
    },
    Version,
    PrintPlan,
    PrintEnv,
    PrintPolicy,
    PrintFilter(Form),
    /// What the sandbox changes; then the program runs, if there is one.
    Report(report::Form),
    Run,
}

/// The command line, read.
#[derive(Debug)]
pub struct Invocation {
    pub request: Request,
    pub route: Route,
    pub policy: Option<OsString>,
    pub library: Option<OsString>,
    /// Refused calls are told at the end.
    pub explain: bool,
    /// Where to write the policy that is learned.
    pub learn: Option<OsString>,
    pub flags: Vec<Assignment>,
    /// The program and its arguments, untouched; may be empty unless the request is to run.
    pub program: Vec<OsString>,
}

/// Reads the arguments after the launcher's own name.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Invocation, Error> {
    let mut matches = command().try_get_matches_from(arguments).map_err(|error| in_one_line(&error))?;
    let request = request(&matches)?;
    let mut own = |name| matches.remove_one::<OsString>(name);
    let (policy, library, learn) = (own("policy"), own("library"), own("learn"));
    let request = match (request, own("as")) {
        (Request::PrintFilter(_), Some(form)) => match Form::named(&form) {
            Some(form) => Request::PrintFilter(form),
            None => return Err(mistake(format!("--as '{}': expected one of asm, kafel, json", form.display()))),
        },
        (Request::Report(_), Some(form)) if form == "json" => Request::Report(report::Form::Json),
        (Request::Report(_), Some(form)) if form == "table" => Request::Report(report::Form::Table),
        (Request::Report(_), Some(form)) => {
            return Err(mistake(format!("--as '{}': expected one of table, json", form.display())));
        }
        (_, Some(_)) => return Err(mistake("--as: says how --print-filter and --report print".into())),
        (request, None) => request,
    };
    let route = match own("route") {
        None => Route::Auto,
        Some(name) => Route::named(&name).ok_or_else(|| {
            mistake(format!("--route '{}': expected one of auto, preload, exec, layered", name.display()))
        })?,
    };
    let program: Vec<OsString> = matches.remove_many("program").into_iter().flatten().collect();
    if request == Request::Run && program.is_empty() {
        return Err(mistake("the program to run is missing".into()));
    }
    let mut flags: Vec<Assignment> = SETTINGS.iter().flat_map(|setting| assignments(setting, &mut matches)).collect();
    for value in matches.remove_many::<OsString>(file_from::NAME).into_iter().flatten().map(OsStringExt::into_vec) {
        let read = file_from::assignment(&value, Origin::Flag);
        flags.push(read.map_err(|what| Error::CommandLine { what: format!("--{what}"), hint: None })?);
    }
    let explain = matches.get_flag("explain");
    if matches!(request, Request::Report(_)) && program.is_empty() && (explain || learn.is_some()) {
        return Err(mistake("--explain, --learn: what a program does, and --report has none".into()));
    }
    Ok(Invocation { request, route, policy, library, explain, learn, flags, program })
}

/// The grammar. clap's own help, version and colours are off: they would cost start-up time and speak another style.
fn command() -> Command {
    let own = OWN.iter().map(|own| match own.metavar {
        "" => Arg::new(own.name).long(own.name).action(ArgAction::SetTrue),
        _ if own.name == file_from::NAME => {
            Arg::new(own.name).long(own.name).action(ArgAction::Append).value_parser(ValueParser::os_string())
        }
        _ => Arg::new(own.name).long(own.name).action(ArgAction::Set).value_parser(ValueParser::os_string()),
    });
    let program = Arg::new("program").num_args(1..).trailing_var_arg(true).value_parser(ValueParser::os_string());
    Command::new("sbx-launch")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(Arg::new("short-help").short('h').action(ArgAction::SetTrue))
        .args(own)
        .args(SETTINGS.iter().map(flag))
        .arg(program)
}

fn flag(setting: &'static Setting) -> Arg {
    let arg = Arg::new(setting.name).long(setting.name).value_parser(ValueParser::os_string());
    let arg = arg.action(ArgAction::Append);
    match setting.kind {
        // `--init ./app` must not take the program for its value.
        Kind::Switch => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        // A value that begins with a dash needs `=`: in `--bind --init` the value has been forgotten.
        Kind::One | Kind::List | Kind::Repeat => arg,
    }
}

fn request(matches: &ArgMatches) -> Result<Request, Error> {
    let asked = [
        ("help", Request::Help { long: true }),
        ("short-help", Request::Help { long: false }),
        ("version", Request::Version),
        ("print-plan", Request::PrintPlan),
        ("print-env", Request::PrintEnv),
        ("print-policy", Request::PrintPolicy),
        ("print-filter", Request::PrintFilter(Form::Asm)),
        ("report", Request::Report(report::Form::Table)),
    ];
    let mut asked = asked.into_iter().filter(|(name, _)| matches.get_flag(name));
    let Some((first, request)) = asked.next() else {
        return Ok(Request::Run);
    };
    // Whoever asks for help or the version gets it, whatever else there is.
    match (first, asked.next()) {
        ("print-plan" | "print-env" | "print-policy" | "print-filter", Some((second, _))) => {
            Err(mistake(format!("--{first} and --{second}: only one")))
        }
        _ => Ok(request),
    }
}

fn assignments(setting: &'static Setting, matches: &mut ArgMatches) -> Vec<Assignment> {
    let values = matches.remove_many::<OsString>(setting.name).into_iter().flatten().map(OsStringExt::into_vec);
    let mut texts: Vec<Vec<u8>> = values.collect();
    // One occurrence continues the list of another, as with every other flag of this kind.
    if setting.kind == Kind::List && texts.len() > 1 {
        texts.retain(|text| !text.is_empty());
        texts = vec![texts.join(&b',')];
    }
    texts.into_iter().map(|text| Assignment { setting, text, origin: Origin::Flag }).collect()
}

fn mistake(what: String) -> Error {
    Error::CommandLine { what, hint: Some("sbx-launch -h lists the flags") }
}

/// clap's error, which it would print over several lines, as one.
fn in_one_line(error: &clap::Error) -> Error {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.split(' ').next().unwrap_or_default(),
        _ => "",
    };
    let what = match error.kind() {
        ErrorKind::UnknownArgument => format!("{argument}: no flag has this name"),
        ErrorKind::InvalidValue => format!("{argument}: a value is missing"),
        ErrorKind::ArgumentConflict => format!("{argument}: given twice"),
        ErrorKind::TooManyValues => format!("{argument}: takes no value"),
        kind => format!("{argument}: {}", kind.as_str().unwrap_or("not understood")),
    };
    mistake(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Invocation, Error> {
        parse(arguments.iter().map(OsString::from))
    }

    fn refused(arguments: &[&str]) -> String {
        parsed(arguments).unwrap_err().message()
    }

    #[test]
    fn the_grammar_holds_together() {
        command().debug_assert();
        for own in OWN {
            assert!(SETTINGS.iter().all(|s| s.name != own.name), "{}", own.name);
            assert!(own.help.len() < 76 && !own.help.ends_with('.'), "{}", own.name);
        }
    }

    #[test]
    fn everything_from_the_program_on_is_the_programs() {
        for arguments in [
            &["--init", "./app", "-x", "--uid", "7", "--", "-h"][..],
            &["--init", "--", "./app", "-x", "--uid", "7", "--", "-h"],
        ] {
            let read = parsed(arguments).unwrap();
            assert_eq!(read.program, ["./app", "-x", "--uid", "7", "--", "-h"]);
            assert_eq!((read.request, read.flags.len()), (Request::Run, 1));
        }
        assert_eq!(parsed(&["--", "--init"]).unwrap().program, ["--init"]);
    }

    #[test]
    fn flags_become_assignments_in_their_order() {
        let read = parsed(&["--hide=/a", "--share", "net", "--hide", "/b", "--share=ipc", "--root-rw=false", "x"]);
        let said: Vec<_> = read.unwrap().flags.into_iter().map(|a| (a.setting.name, a.text)).collect();
        let text = |t: &str| t.as_bytes().to_vec();
        let meant = [("share", "net,ipc"), ("root-rw", "false"), ("hide", "/a"), ("hide", "/b")];
        assert_eq!(said, meant.map(|(name, value)| (name, text(value))));
    }

    #[test]
    fn bytes_and_empty_values_arrive_as_typed() {
        let bytes = OsString::from_vec(b"--bind=/\xff".to_vec());
        let read = parse([bytes, "--hide=".into(), "--share".into(), "".into(), "x".into()].into_iter()).unwrap();
        let said: Vec<_> = read.flags.iter().map(|a| &a.text[..]).collect();
        assert_eq!(said, [&b""[..], b"/\xff", b""]);
    }

    #[test]
    fn mistakes_are_one_line_and_name_the_flag() {
        let cases = [
            (&["--bind-or", "/usr", "x"][..], "--bind-or: no flag has this name"),
            (&["-x", "x"], "-x: no flag has this name"),
            (&["--uid"], "--uid: a value is missing"),
            (&["--bind", "--init", "x"], "--bind: a value is missing"),
            (&["--uid", "-1", "x"], "-1"),
            (&["--policy", "a", "--policy", "b", "x"], "--policy: given twice"),
            (&["--print-plan=yes"], "--print-plan: takes no value"),
            (&["--route", "none", "x"], "--route 'none': expected one of auto, preload, exec"),
            (&["--print-plan", "--print-env"], "--print-plan and --print-env: only one"),
            (&["--init"], "the program to run is missing"),
            (&[], "the program to run is missing"),
        ];
        for (arguments, part) in cases {
            let message = refused(arguments);
            let line = message.lines().next().unwrap();
            assert!(line.starts_with("sbx: command line: ") && line.contains(part), "{arguments:?}: {message}");
            assert!(message.lines().skip(1).all(|l| l.starts_with("sbx: hint: ")), "{message}");
        }
    }

    #[test]
    fn help_and_version_need_no_program() {
        for (flag, request) in [
            ("-h", Request::Help { long: false }),
            ("--help", Request::Help { long: true }),
            ("--version", Request::Version),
            ("--print-env", Request::PrintEnv),
        ] {
            assert_eq!(parsed(&[flag]).unwrap().request, request);
        }
    }
}
