//! Landlock: a second layer, which does not depend on namespaces, mounts or capabilities.
//!
//! The rules are made while files can be opened, the paths meaning the new tree; they are in force once nothing has to be
//! opened or mounted any more. What a kernel's Landlock cannot hold is refused, but for rights to files that came after its
//! first version: these are told.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::host::Host;
use crate::policy::Policy;
use crate::policy::types::{Beneath, Port, Scope};
use crate::setting::text::show;
use crate::setting::value::Text;
use crate::sys::call::Call;
use crate::sys::landlock::{self, Handled};
use crate::sys::{file, refused};

/// The step's name.
pub const NAME: &str = "landlock";

/// A right to files, include/uapi/linux/landlock.h: its bit is its place in the list.
struct Right {
    name: &'static str,
    /// The first version that has it.
    since: u32,
    /// It means something for what is no directory.
    of_files: bool,
    /// Which settings give it.
    by: &'static [Kind],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ro,
    Rx,
    Rw,
}

impl Kind {
    const fn setting(self) -> &'static str {
        match self {
            Kind::Ro => "landlock-ro",
            Kind::Rx => "landlock-rx",
            Kind::Rw => "landlock-rw",
        }
    }
}

const fn right(name: &'static str, since: u32, of_files: bool, by: &'static [Kind]) -> Right {
    Right { name, since, of_files, by }
}

/// Device nodes are made by no setting: what they lead to is the kernel's.
const RIGHTS: [Right; 17] = {
    use Kind::{Ro, Rw, Rx};
    [
        right("execute", 1, true, &[Rx]),
        right("write_file", 1, true, &[Rw]),
        right("read_file", 1, true, &[Ro, Rx, Rw]),
        right("read_dir", 1, false, &[Ro, Rx, Rw]),
        right("remove_dir", 1, false, &[Rw]),
        right("remove_file", 1, false, &[Rw]),
        right("make_char", 1, false, &[]),
        right("make_dir", 1, false, &[Rw]),
        right("make_reg", 1, false, &[Rw]),
        right("make_sock", 1, false, &[Rw]),
        right("make_fifo", 1, false, &[Rw]),
        right("make_block", 1, false, &[]),
        right("make_sym", 1, false, &[Rw]),
        // Before, the kernel refuses it wherever there are rules.
        right("refer", 2, false, &[Rw]),
        right("truncate", 3, true, &[Rw]),
        right("ioctl_dev", 5, true, &[Rw]),
        // Of sockets made outside.
        right("resolve_unix", 9, true, &[Rw]),
    ]
};

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

/// The rights that fit, as bits.
fn rights(fits: impl Fn(&Right) -> bool) -> u64 {
    RIGHTS.iter().enumerate().filter(|(_, right)| fits(right)).fold(0, |set, (bit, _)| set | 1 << bit)
}

/// The names of rights.
fn names(set: u64) -> Vec<&'static str> {
    RIGHTS.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, right)| right.name).collect()
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
pub fn plan(policy: &Policy, host: &Host) -> Result<Option<Rules>, PolicyError> {
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
                beneath.push((path.clone(), given));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::host;
    use crate::setting::{Assignment, Origin, named};

    fn rules(abi: u32, settings: &[(&str, &str)]) -> Rules {
        let say = |&(name, text): &(&str, &str)| Assignment {
            setting: named(name).unwrap(),
            text: text.into(),
            origin: Origin::Flag,
        };
        let policy = Policy::new(&settings.iter().map(say).collect::<Vec<_>>()).unwrap();
        plan(&policy, &Host { landlock: Ok(abi), ..host() }).unwrap().unwrap()
    }

    #[test]
    fn bits_are_the_kernels_and_each_kind_gives_what_it_says() {
        let all = [("landlock-ro", "/a"), ("landlock-rx", "/a"), ("landlock-rw", "/a")];
        // include/uapi/linux/landlock.h: READ_FILE 1 << 2, READ_DIR 1 << 3, EXECUTE 1 << 0.
        let given = |abi| rules(abi, &all).beneath.into_iter().map(|(_, set)| set).collect::<Vec<_>>();
        // All of the version but EXECUTE, MAKE_CHAR 1 << 6 and MAKE_BLOCK 1 << 11.
        let writable = |rights: u32| ((1 << rights) - 1) & !(1 | 1 << 6 | 1 << 11);
        for (abi, rights) in [(1, 13), (2, 14), (3, 15), (4, 15), (5, 16), (7, 16), (8, 16), (9, 17), (20, 17)] {
            assert_eq!(given(abi), [0b1100, 0b1101, writable(rights)], "{abi}");
            assert_eq!(rules(abi, &all).handled.files, (1 << rights) - 1, "{abi}");
        }
        assert_eq!(
            names(rights(|right| right.of_files)),
            ["execute", "write_file", "read_file", "truncate", "ioctl_dev", "resolve_unix"]
        );
    }

    #[test]
    fn only_what_is_named_is_handled() {
        let handled = |settings| rules(7, settings).handled;
        assert_eq!(handled(&[("landlock-ro", "none")]), Handled { files: 0xffff, ports: 0, scopes: 0 });
        assert_eq!(handled(&[("landlock-tcp-bind", "none")]), Handled { files: 0, ports: 1, scopes: 0 });
        assert_eq!(handled(&[("landlock-tcp-connect", "1")]), Handled { files: 0, ports: 2, scopes: 0 });
        assert_eq!(
            handled(&[("landlock-scope", "abstract-unix-socket,signal")]),
            Handled { files: 0, ports: 0, scopes: 3 }
        );
        assert!(rules(7, &[("landlock-ro", "none"), ("landlock-tcp-bind", "none")]).beneath.is_empty());
    }

    #[test]
    fn failures_name_the_path_or_port() {
        let rules = rules(7, &[("landlock-ro", "/a"), ("landlock-rw", "./b"), ("landlock-tcp-bind", "80")]);
        assert_eq!([0, 1, 2, 3, 4].map(|number| rules.object(number)), ["", "/a", "./b", "port 80", ""]);
    }
}
