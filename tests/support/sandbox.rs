//! A sandbox to be started, by either entry point, with the same settings.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::bins;
use super::ended::{Ended, TIMEOUT, finish, try_finish};
use super::report::Report;
use super::running::Running;

/// Where programs are looked for: the same for every run, whatever calls the tests.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a sandbox comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// `LD_PRELOAD=libsandbox.so`, settings in SBX_ variables.
    Preload,
    /// `sbx-launch`, settings as flags.
    Launch,
    /// The same by `--route exec`: sbx-launch builds the jail, and executes the program in it.
    Exec,
    /// The same by `--route layered`: the library then adds what the program could not have been executed under. Nothing can
    /// be executed inside.
    Layered,
}

/// Those by which the program is in memory before the jail is complete: what forbids to execute or to load can hold.
pub const ENTRIES: [Entry; 2] = [Entry::Preload, Entry::Launch];
/// Those by which a program can execute others.
pub const EXECUTING: [Entry; 3] = [Entry::Preload, Entry::Launch, Entry::Exec];
pub const EVERY: [Entry; 4] = [Entry::Preload, Entry::Launch, Entry::Exec, Entry::Layered];

const SWITCHES: &[&str] = &[
    "explain",
    "print-plan",
    "root-rw",
    "no-tsc",
    "core-sched",
    "no-loopback",
    "allow-new-privs",
    "no-exec",
    "no-new-code",
    "clear-env",
    "stderr-null",
    "silent",
    "new-session",
    "init",
    "no-die-with-parent",
];
/// Settings given any number of times whose value has no fields: in a variable, their `,` and `\` are escaped.
const PLAIN: &[&str] = &[
    "hide",
    "env",
    "unset-env",
    "keep-fd",
    "publish",
    "landlock-ro",
    "landlock-rx",
    "landlock-rw",
    "landlock-tcp-bind",
    "landlock-tcp-connect",
];
const FIELDED: &[&str] = &[
    "bind",
    "bind-ro",
    "bind-try",
    "bind-ro-try",
    "tmpfs",
    "overlay",
    "symlink",
    "dir",
    "file",
    "rlimit",
    "uid-map",
    "gid-map",
    "macvlan",
    "veth",
    "own-iface",
];

#[derive(Clone, Debug)]
pub struct Sandbox {
    entry: Entry,
    settings: Vec<(String, OsString)>,
    env: Vec<(OsString, OsString)>,
    wrapper: Vec<OsString>,
    cwd: Option<PathBuf>,
    input: Vec<u8>,
    timeout: Duration,
}

impl Sandbox {
    /// The default profile.
    pub fn new(entry: Entry) -> Self {
        let (settings, env, wrapper, input) = Default::default();
        Self { entry, settings, env, wrapper, cwd: None, input, timeout: TIMEOUT }
    }

    /// A setting by its name; switches take "true".
    pub fn set(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.settings.push((name.into(), value.as_ref().into()));
        self
    }

    /// Settings, each `name=value`.
    pub fn with(self, settings: &[&str]) -> Self {
        settings.iter().fold(self, |sandbox, setting| {
            let (name, value) = setting.split_once('=').unwrap_or((setting, "true"));
            sandbox.set(name, value)
        })
    }

    /// Whether it was given this setting.
    pub fn has(&self, name: &str) -> bool {
        self.settings.iter().any(|(known, _)| known == name)
    }

    /// A variable of the caller's.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().into(), value.as_ref().into()));
        self
    }

    pub fn cwd(mut self, dir: &Path) -> Self {
        self.cwd = Some(dir.into());
        self
    }

    pub fn input(mut self, input: impl AsRef<[u8]>) -> Self {
        self.input = input.as_ref().into();
        self
    }

    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Words before the sandbox's own, of programs that are not to be sandboxed themselves: `sh -c 'exec "$@"' sh`.
    pub fn wrapped<W: AsRef<OsStr>>(mut self, words: &[W]) -> Self {
        self.wrapper = words.iter().map(|word| word.as_ref().into()).collect();
        self
    }

    /// As `wrapped`: a shell that does this before it becomes the sandbox.
    pub fn after_shell(self, script: &str) -> Self {
        self.wrapped(&["sh", "-c", &format!("{script}; exec \"$@\""), "sh"])
    }

    pub fn command<A: AsRef<OsStr>>(&self, program: impl AsRef<OsStr>, args: &[A]) -> Command {
        let (own_env, mut words) = match self.entry {
            Entry::Preload => (self.variables(), vec![program.as_ref().to_owned()]),
            Entry::Launch | Entry::Exec | Entry::Layered => (Vec::new(), self.flags(program.as_ref())),
        };
        words.extend(args.iter().map(|arg| arg.as_ref().to_owned()));
        let mut command;
        if let Some((first, rest)) = self.wrapper.split_first() {
            command = Command::new(first);
            clean_env(&mut command).args(rest).arg("env");
            for (name, value) in own_env {
                command.arg([name.as_bytes(), b"=", value.as_bytes()].concat().into_os_string());
            }
            command.args(words);
        } else {
            command = Command::new(&words[0]);
            clean_env(&mut command).args(&words[1..]).envs(own_env);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = &self.cwd {
            command.current_dir(dir);
        }
        command
    }

    #[track_caller]
    pub fn run<A: AsRef<OsStr>>(&self, program: impl AsRef<OsStr>, args: &[A]) -> Ended {
        finish(self.command(program, args), &self.input, self.timeout)
    }

    /// As `probe`; what lasts too long is told and not a panic.
    #[track_caller]
    pub fn try_probe<A: AsRef<OsStr>>(&self, act: &[A]) -> Result<Ended, String> {
        try_finish(self.command(bins::probe(), act), &self.input, self.timeout)
    }

    #[track_caller]
    pub fn probe<A: AsRef<OsStr>>(&self, act: &[A]) -> Ended {
        self.run(bins::probe(), act)
    }

    /// What the probe finds out about itself.
    #[track_caller]
    pub fn report(&self) -> Report {
        Report::parse(self.probe(&["report"]).ok())
    }

    #[track_caller]
    pub fn spawn<A: AsRef<OsStr>>(&self, program: impl AsRef<OsStr>, args: &[A]) -> Running {
        Running::start(self.command(program, args))
    }

    fn flags(&self, program: &OsStr) -> Vec<OsString> {
        let mut words = vec![bins::launcher().as_os_str().to_owned()];
        for (name, value) in &self.settings {
            let mut word = OsString::from(format!("--{name}"));
            if !SWITCHES.contains(&name.as_str()) || value == "false" {
                word.push("=");
                word.push(value);
            }
            words.push(word);
        }
        if self.entry == Entry::Exec {
            words.push("--route=exec".into());
        }
        if self.entry == Entry::Layered {
            words.push("--route=layered".into());
            // What it is for.
            let is_said = self.settings.iter().any(|(name, _)| ["no-exec", "profile"].contains(&name.as_str()));
            words.extend((!is_said).then(|| "--no-exec".into()));
        }
        words.extend(["--".into(), program.to_owned()]);
        words
    }

    /// The settings as variables, and the library.
    pub fn variables(&self) -> Vec<(OsString, OsString)> {
        let mut variables = vec![("LD_PRELOAD".into(), bins::library().as_os_str().to_owned())];
        for (name, value) in &self.settings {
            let variable = OsString::from(format!("SBX_{}", name.replace('-', "_").to_uppercase()));
            let value = if PLAIN.contains(&name.as_str()) { escape(value) } else { value.clone() };
            match variables.iter_mut().find(|(known, _)| *known == variable) {
                Some((_, all)) if PLAIN.contains(&name.as_str()) || FIELDED.contains(&name.as_str()) => {
                    all.push(",");
                    all.push(value);
                }
                Some((_, one)) => *one = value,
                None => variables.push((variable, value)),
            }
        }
        variables
    }
}

fn escape(value: &OsStr) -> OsString {
    let escaped = value.as_bytes().iter().flat_map(|&byte| match byte {
        b',' | b'\\' => vec![b'\\', byte],
        _ => vec![byte],
    });
    OsString::from_vec(escaped.collect())
}

/// Bytes as a word of a command line.
pub trait IntoOsString {
    fn into_os_string(self) -> OsString;
}

impl IntoOsString for Vec<u8> {
    fn into_os_string(self) -> OsString {
        OsString::from_vec(self)
    }
}

/// The same few variables for every run: none of cargo's, none of the tests' own.
pub fn clean_env(command: &mut Command) -> &mut Command {
    let home = std::env::var_os("HOME").unwrap_or_else(|| "/nonexistent".into());
    command.env_clear().env("PATH", PATH).env("HOME", home).env("LANG", "C")
}
