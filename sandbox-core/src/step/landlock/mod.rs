//! Landlock: a second layer, which does not depend on namespaces, mounts or capabilities.
//!
//! The rules are made while files can be opened, the paths meaning the new tree; they are in force once nothing has to be
//! opened or mounted any more. What a kernel's Landlock cannot hold is refused, but for rights to files that came after its
//! first version: these are told.

mod rights;
#[cfg(test)]
mod tests;

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::{Beneath, Namespace, Port, Scope, c_string};
use crate::setting::text::show;
use crate::setting::value::Text;
use crate::sys::call::Call;
use crate::sys::landlock::{self, Handled};
use crate::sys::{file, refused};
use rights::{Kind, names, rights};

/// The step's name.
pub const NAME: &str = "landlock";

/// The version that holds ports, and the one that has scopes.
const PORTS_SINCE: u32 = 4;
const SCOPES_SINCE: u32 = 6;

// LANDLOCK_ACCESS_NET_*
const BIND_TCP: u64 = 1 << 0;
const CONNECT_TCP: u64 = 1 << 1;

impl Scope {
    /// LANDLOCK_SCOPE_*
    const fn bit(self) -> u64 {
        match self {
            Scope::AbstractUnixSocket => 1 << 0,
            Scope::Signal => 1 << 1,
        }
    }
}

/// What is held of what was asked for, as reports tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub abi: u32,
    /// Rights to files, by name; and those that this kernel's version does not know.
    pub files: Vec<&'static str>,
    pub not_held: Vec<&'static str>,
    /// `bind` and `connect`.
    pub tcp: Vec<&'static str>,
    pub scopes: Vec<&'static str>,
}

/// The rules, made before limits could starve their making.
pub struct Rules {
    handled: Handled,
    beneath: Vec<(CString, u64)>,
    ports: Vec<(u16, u64)>,
    held: Held,
    says: String,
}

/// They come into force.
pub struct Enter {
    says: String,
}

/// Whether anything of it is asked for.
pub fn is_asked_for(policy: &Policy) -> bool {
    first(policy).is_some()
}

/// The first setting that asks for it, for messages.
fn first(policy: &Policy) -> Option<&'static str> {
    let files = files(policy).map(|(kind, places)| (kind.setting(), !places.is_empty()));
    let ports = ports(policy).map(|(setting, .., ports)| (setting, !ports.is_empty()));
    let scopes = [("landlock-scope", !policy.landlock_scope.items().is_empty())];
    let mut all = files.into_iter().chain(ports).chain(scopes);
    all.find(|(_, asked)| *asked).map(|(setting, _)| setting)
}

fn files(policy: &Policy) -> [(Kind, &[Beneath]); 3] {
    [
        (Kind::Ro, policy.landlock_ro.items()),
        (Kind::Rx, policy.landlock_rx.items()),
        (Kind::Rw, policy.landlock_rw.items()),
    ]
}

/// Setting, name, right and what is listed.
fn ports(policy: &Policy) -> [(&'static str, &'static str, u64, &[Port]); 2] {
    [
        ("landlock-tcp-bind", "bind", BIND_TCP, policy.landlock_tcp_bind.items()),
        ("landlock-tcp-connect", "connect", CONNECT_TCP, policy.landlock_tcp_connect.items()),
    ]
}

/// Planned when asked for.
///
/// # Errors
/// This kernel's Landlock cannot hold what is asked for.
pub fn plan(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<Option<Rules>, PolicyError> {
    let Some(first) = first(policy) else { return Ok(None) };
    let abi = host.landlock.map_err(|errno| absent(first, errno))?;
    let scopes = policy.landlock_scope.items();
    let too_old = |setting: &str, what: &str, since: u32, linux: &str| {
        let why = format!("this kernel's Landlock is of version {abi}, and {what} came with version {since}");
        PolicyError::conflict(setting, why).with_hint(format!("Linux {linux} has it; here nothing can hold it"))
    };
    let tcp = || ports(policy).into_iter().filter(|(.., ports)| !ports.is_empty());
    if let Some((setting, ..)) = tcp().next().filter(|_| abi < PORTS_SINCE) {
        return Err(too_old(setting, "ports", PORTS_SINCE, "6.7"));
    }
    if !scopes.is_empty() && abi < SCOPES_SINCE {
        return Err(too_old("landlock-scope", "scopes", SCOPES_SINCE, "6.12"));
    }
    let known = rights(|right| right.since <= abi);
    let of_files = files(policy).iter().any(|(_, places)| !places.is_empty());
    let mut beneath = Vec::new();
    for (kind, places) in files(policy) {
        let given = known & rights(|right| right.by.contains(&kind));
        for place in places {
            if let Beneath::Path(path) = place {
                beneath.push((absolute(path, policy, host, wanted)?, given));
            }
        }
    }
    let mut allowed = Vec::new();
    for (_, _, right, listed) in ports(policy) {
        for port in listed {
            if let Port::Number(number) = port {
                allowed.push((*number, right));
            }
        }
    }
    let handled = Handled {
        files: if of_files { known } else { 0 },
        ports: tcp().fold(0, |set, (_, _, right, _)| set | right),
        scopes: scopes.iter().fold(0, |set, scope| set | scope.bit()),
    };
    let held = Held {
        abi,
        files: names(handled.files),
        // Without refer the kernel refuses what it would allow.
        not_held: if of_files { names(rights(|right| right.since > abi && right.name != "refer")) } else { Vec::new() },
        tcp: tcp().map(|(_, name, ..)| name).collect(),
        scopes: scopes.iter().map(|scope| scope.name()).collect(),
    };
    Ok(Some(Rules { says: says(policy), handled, beneath, ports: allowed, held }))
}

/// The path, from where the program is meant to begin: where that is not visible it begins at `/`, and everything below `/`
/// was not meant.
fn absolute(path: &CString, policy: &Policy, host: &Host, wanted: &Wanted) -> Result<CString, PolicyError> {
    let base = match &policy.cwd {
        Some(dir) => &dir.0,
        None if !wanted.is_new(Namespace::Mount) => return Ok(path.clone()),
        None if wanted.root_is_the_hosts(policy) => &host.cwd,
        None => c"/",
    };
    let rest = match path.to_bytes() {
        [b'/', ..] => return Ok(path.clone()),
        b"." => b"",
        [b'.', b'/', rest @ ..] => rest,
        rest => rest,
    };
    let base = base.to_bytes();
    let base = base.strip_suffix(b"/").unwrap_or(base);
    c_string([base, b"/", rest].concat()).map_err(|why| PolicyError::conflict("landlock", why))
}

fn absent(setting: &str, errno: i32) -> PolicyError {
    let (why, hint) = match errno {
        libc::EOPNOTSUPP => (
            "Landlock is switched off in this kernel (EOPNOTSUPP)",
            "put landlock into the list of the boot parameter lsm=, whose present value is in /sys/kernel/security/lsm",
        ),
        libc::ENOSYS => (
            "this kernel has no Landlock (ENOSYS)",
            "Linux 5.13 with CONFIG_SECURITY_LANDLOCK has it; a container's seccomp profile may also say that it has not",
        ),
        _ => ("Landlock is refused here", "a sandbox or a container around this one refuses landlock_create_ruleset"),
    };
    PolicyError::conflict(setting, why).with_hint(hint)
}

/// What is listed, in the plan's words.
fn says(policy: &Policy) -> String {
    let mut parts = Vec::new();
    for (kind, places) in files(policy) {
        let word = kind.setting().strip_prefix("landlock-").unwrap_or_default();
        parts.extend((!places.is_empty()).then(|| format!("{word} {}", list(places))));
    }
    for (_, name, _, ports) in ports(policy) {
        parts.extend((!ports.is_empty()).then(|| format!("tcp {name} {}", list(ports))));
    }
    parts.join("; ")
}

fn list(values: &[impl Text]) -> String {
    values.iter().map(|value| show(&value.show())).collect::<Vec<_>>().join(", ")
}

impl Rules {
    /// What will be held.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// The step that puts them in force.
    pub fn enter(&self) -> Enter {
        let Held { abi, not_held, scopes, .. } = &self.held;
        let mut says = format!("ABI {abi}");
        if !scopes.is_empty() {
            says.push_str(&format!(", scope {}", scopes.join(", ")));
        }
        if !not_held.is_empty() {
            says.push_str(&format!(", not held: {}", not_held.join(", ")));
        }
        Enter { says }
    }

    fn make(&self) -> Result<OwnedFd, Failure> {
        let ruleset = landlock::create(&self.handled)?;
        for (at, (path, given)) in self.beneath.iter().enumerate() {
            let add = || {
                let place = file::open(None, path, libc::O_PATH, 0)?;
                let is_dir = file::kind(place.as_fd())? == libc::S_IFDIR;
                let given = if is_dir { *given } else { given & rights(|right| right.of_files) };
                landlock::allow_beneath(ruleset.as_fd(), place.as_fd(), given)
            };
            add().map_err(|failure| failure.on(1 + at))?;
        }
        for (at, &(port, right)) in self.ports.iter().enumerate() {
            landlock::allow_port(ruleset.as_fd(), port, right)
                .map_err(|failure| failure.on(1 + self.beneath.len() + at))?;
        }
        Ok(ruleset)
    }
}

impl Step for Rules {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        if self.says.is_empty() { "rules: none but of scope".into() } else { format!("rules: {}", self.says) }
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        context.ruleset = Some(self.make()?);
        Ok(())
    }
    /// 0 is the ruleset itself.
    fn object(&self, number: u32) -> String {
        let Some(at) = (number as usize).checked_sub(1) else { return String::new() };
        match (self.beneath.get(at), self.ports.get(at.wrapping_sub(self.beneath.len()))) {
            (Some((path, _)), _) => show(path.to_bytes()),
            (None, Some((port, _))) => format!("port {port}"),
            (None, None) => String::new(),
        }
    }
}

impl Step for Enter {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        self.says.clone()
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        let ruleset = context.ruleset.take().ok_or(refused(Call::LandlockRestrictSelf, libc::EBADF))?;
        landlock::restrict_self(ruleset.as_fd())
    }
}
