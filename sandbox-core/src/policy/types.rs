//! The types of the settings: what each text can mean, and the same text back.

use std::ffi::CString;

use crate::seccomp;
use crate::setting::text;
use crate::setting::value::Text;

/// Bytes the kernel will take as a C string.
pub(crate) fn c_string(bytes: Vec<u8>) -> Result<CString, String> {
    CString::new(bytes).map_err(|_| "a NUL byte cannot be part of it".into())
}

fn number<T: std::str::FromStr>(text: &[u8], what: &str) -> Result<T, String> {
    let digits = std::str::from_utf8(text).ok().filter(|t| t.bytes().all(|b| b.is_ascii_digit()));
    digits.and_then(|t| t.parse().ok()).ok_or_else(|| format!("expected {what}"))
}

/// An enumeration spelled by names: the type, its `Text`, and its list of names from one table.
macro_rules! names {
    ($(#[$meta:meta])* $type:ident: $($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $type { $($(#[$doc])* $variant),+ }
        impl $type {
            /// Every value, in the order of the documents.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];
            /// The word that spells it.
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }
        }
        impl Text for $type {
            fn parse(text: &[u8]) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|v| v.name().as_bytes() == text).ok_or_else(|| {
                    let names: Vec<_> = Self::ALL.iter().map(|v| v.name()).collect();
                    format!("expected one of {}", names.join(", "))
                })
            }
            fn show(&self) -> Vec<u8> {
                self.name().into()
            }
        }
    };
}

names! {
    /// A kind of namespace, namespaces(7).
    Namespace:
    User = "user",
    Mount = "mount",
    Pid = "pid",
    Net = "net",
    Ipc = "ipc",
    Uts = "uts",
    Cgroup = "cgroup",
    Time = "time",
}

impl Namespace {
    /// Its flag for unshare(2).
    pub const fn flag(self) -> i32 {
        match self {
            Namespace::User => libc::CLONE_NEWUSER,
            Namespace::Mount => libc::CLONE_NEWNS,
            Namespace::Pid => libc::CLONE_NEWPID,
            Namespace::Net => libc::CLONE_NEWNET,
            Namespace::Ipc => libc::CLONE_NEWIPC,
            Namespace::Uts => libc::CLONE_NEWUTS,
            Namespace::Cgroup => libc::CLONE_NEWCGROUP,
            // include/uapi/linux/sched.h; not in the libc crate for every libc it serves.
            Namespace::Time => 0x80,
        }
    }

    /// Its file below `/proc/PID/ns`.
    pub const fn file(self) -> &'static str {
        match self {
            Namespace::Mount => "mnt",
            other => other.name(),
        }
    }
}

names! {
    /// A shipped starting point.
    Profile:
    /// The host's tree read-only, everything else new or private.
    Default = "default",
    /// Nothing but what is already mapped and open.
    Strict = "strict",
    /// `default` with the current directory writable.
    Build = "build",
}

names! {
    /// What `/proc` is.
    ProcMode:
    /// A fresh procfs, writable where it is harmless.
    Rw = "rw",
    /// A fresh procfs, read-only.
    Ro = "ro",
    /// An empty directory, or nothing in an empty root.
    None = "none",
}

names! {
    /// What `/dev` is.
    DevMode:
    /// null, zero, full, random, urandom, tty, a private devpts and /dev/shm.
    Minimal = "minimal",
    /// An empty directory, or nothing in an empty root.
    None = "none",
    /// The host's.
    Host = "host",
}

names! {
    /// What the network is.
    NetMode:
    /// A namespace of its own in which only loopback exists, and is up.
    None = "none",
    /// The host's.
    Host = "host",
    /// The host's namespace, but no socket can be made.
    Filter = "filter",
}

names! {
    /// How much is said on standard error.
    LogLevel:
    /// Only why it failed.
    Error = "error",
    /// And each step of the plan.
    Info = "info",
    /// And what each step took.
    Debug = "debug",
}

names! {
    /// What meets a refused system call.
    SeccompAction:
    /// The error number of the filter's rule.
    Errno = "errno",
    /// SIGSYS for the whole process, which cannot be caught.
    Kill = "kill",
    /// SIGSYS for the thread, which cannot be caught.
    KillThread = "kill-thread",
    /// SIGSYS, which can be caught.
    Trap = "trap",
    /// It is allowed and written to the kernel's log.
    Log = "log",
}

/// What `/` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// The host's tree.
    Host,
    /// A new, empty file system.
    Empty,
    /// This directory of the host's.
    Dir(CString),
}

impl Text for Root {
    fn parse(text: &[u8]) -> Result<Self, String> {
        match text {
            b"host" => Ok(Root::Host),
            b"empty" => Ok(Root::Empty),
            [b'/' | b'.', ..] => Ok(Root::Dir(c_string(text.into())?)),
            _ => Err("expected host, empty, or a directory that begins with '/' or '.'".into()),
        }
    }
    fn show(&self) -> Vec<u8> {
        match self {
            Root::Host => b"host".into(),
            Root::Empty => b"empty".into(),
            Root::Dir(dir) => dir.to_bytes().into(),
        }
    }
}

/// A user or group id: 0 to 4294967294 (the highest value means "none" to the kernel).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub u32);

impl Text for Id {
    fn parse(text: &[u8]) -> Result<Self, String> {
        number(text, "an id from 0 to 4294967294").and_then(|id| match id {
            u32::MAX => Err("expected an id from 0 to 4294967294".into()),
            id => Ok(Id(id)),
        })
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_string().into()
    }
}

/// A file descriptor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fd(pub i32);

impl Text for Fd {
    fn parse(text: &[u8]) -> Result<Self, String> {
        number(text, "a file descriptor number")
            .and_then(|fd: u32| i32::try_from(fd).map(Fd).map_err(|_| "expected a file descriptor number".into()))
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_string().into()
    }
}

/// A host or NIS domain name: at most 64 bytes, sethostname(2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(pub CString);

impl Text for HostName {
    fn parse(text: &[u8]) -> Result<Self, String> {
        // __NEW_UTS_LEN of include/uapi/linux/utsname.h
        if text.is_empty() || text.len() > 64 {
            return Err("expected a name of 1 to 64 bytes".into());
        }
        Ok(HostName(c_string(text.into())?))
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_bytes().into()
    }
}

/// A path inside: absolute, without `..`, so that where it lies cannot depend on links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside(pub CString);

impl Inside {
    /// Its bytes, normalised: one `/` between names, none at the end.
    pub fn bytes(&self) -> &[u8] {
        self.0.to_bytes()
    }
}

impl Text for Inside {
    fn parse(text: &[u8]) -> Result<Self, String> {
        if text.first() != Some(&b'/') {
            return Err("expected a path that begins with '/'".into());
        }
        Ok(Inside(c_string(normal(text)?)?))
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_bytes().into()
    }
}

/// Joins a path's names by single slashes and refuses `..`, whose meaning would depend on links.
pub(crate) fn normal(path: &[u8]) -> Result<Vec<u8>, String> {
    let mut normal = Vec::with_capacity(path.len());
    for name in path.split(|&b| b == b'/') {
        match name {
            b"" | b"." => {}
            b".." => return Err("'..' cannot be part of a path inside".into()),
            name => {
                normal.push(b'/');
                normal.extend_from_slice(name);
            }
        }
    }
    if normal.is_empty() {
        normal.push(b'/');
    }
    Ok(normal)
}

/// A bind mount: a source of the host's, and where it appears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// The host's path; relative to the caller's current directory when it does not begin with `/`.
    pub source: CString,
    /// The path inside; absent: the same as the source's.
    pub target: Option<Inside>,
}

impl Text for Bind {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut fields = text::split(text, b':').into_iter();
        let source = text::unescape(fields.next().unwrap_or_default())?;
        let target = fields.next().map(|field| Inside::parse(&text::unescape(field)?)).transpose()?;
        if source.is_empty() {
            return Err("the source is empty".into());
        }
        if fields.next().is_some() {
            return Err("expected SRC or SRC:DST; a ':' in a path is written '\\:'".into());
        }
        if target.as_ref().is_some_and(|t| t.bytes() == b"/") {
            return Err("the root itself is chosen by the setting root".into());
        }
        Ok(Bind { source: c_string(source)?, target })
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = Vec::new();
        text::escape(self.source.to_bytes(), b",:", &mut shown);
        if let Some(target) = &self.target {
            shown.push(b':');
            text::escape(target.bytes(), b",:", &mut shown);
        }
        shown
    }
}

/// A tmpfs(5): private, in memory, gone at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tmpfs {
    /// The path inside.
    pub target: Inside,
    /// Bytes it may hold; absent: the kernel's default, half of the memory.
    pub size: Option<u64>,
    /// Mode of its root directory; absent: 1777.
    pub mode: Option<u32>,
}

impl Text for Tmpfs {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut fields = text::split(text, b':').into_iter();
        let target = Inside::parse(&text::unescape(fields.next().unwrap_or_default())?)?;
        if target.bytes() == b"/" {
            return Err("the root itself is chosen by the setting root".into());
        }
        let mut tmpfs = Tmpfs { target, size: None, mode: None };
        for field in fields {
            match field.iter().position(|&b| b == b'=').map(|at| field.split_at(at)) {
                Some((b"size", value)) if tmpfs.size.is_none() => {
                    tmpfs.size = Some(size(value.get(1..).unwrap_or_default())?);
                }
                Some((b"mode", value)) if tmpfs.mode.is_none() => {
                    tmpfs.mode = Some(mode(value.get(1..).unwrap_or_default())?);
                }
                _ => {
                    return Err("expected DST, then at most one each of size=SIZE and mode=MODE".into());
                }
            }
        }
        Ok(tmpfs)
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = Vec::new();
        text::escape(self.target.bytes(), b",:", &mut shown);
        if let Some(size) = self.size {
            shown.extend_from_slice(format!(":size={size}").as_bytes());
        }
        if let Some(mode) = self.mode {
            shown.extend_from_slice(format!(":mode={mode:o}").as_bytes());
        }
        shown
    }
}

/// A size in bytes; `k`, `m`, `g`, `t` multiply by powers of 1024.
fn size(text: &[u8]) -> Result<u64, String> {
    let expected = "expected a size: digits, then k, m, g, t or nothing";
    let (digits, shift) = match text.split_last() {
        Some((b'k' | b'K', digits)) => (digits, 10),
        Some((b'm' | b'M', digits)) => (digits, 20),
        Some((b'g' | b'G', digits)) => (digits, 30),
        Some((b't' | b'T', digits)) => (digits, 40),
        _ => (text, 0),
    };
    let number: u64 = number(digits, "").map_err(|_| expected)?;
    match number.checked_mul(1 << shift) {
        // tmpfs(5) takes 0 as "no limit": nobody who writes a limit means that.
        Some(0) | None => Err(expected.into()),
        Some(size) => Ok(size),
    }
}

/// A mode of at most four octal digits.
fn mode(text: &[u8]) -> Result<u32, String> {
    let octal = std::str::from_utf8(text).ok().filter(|t| t.len() <= 4 && t.bytes().all(|b| b.is_ascii_digit()));
    octal.and_then(|t| u32::from_str_radix(t, 8).ok()).ok_or_else(|| "expected an octal mode, such as 0755".into())
}

/// An addition to the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvEntry {
    /// The variable's name.
    pub name: Vec<u8>,
    /// Its value; absent: the caller's, so that it survives clear-env.
    pub value: Option<Vec<u8>>,
}

impl Text for EnvEntry {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let (name, value) = match text.iter().position(|&b| b == b'=') {
            Some(at) => (text.get(..at), text.get(at + 1..).map(<[u8]>::to_vec)),
            None => (Some(text), None),
        };
        Ok(EnvEntry { name: EnvName::parse(name.unwrap_or_default())?.0, value })
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = self.name.clone();
        if let Some(value) = &self.value {
            shown.push(b'=');
            shown.extend_from_slice(value);
        }
        shown
    }
}

/// The name of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvName(pub Vec<u8>);

impl Text for EnvName {
    fn parse(text: &[u8]) -> Result<Self, String> {
        if text.is_empty() || text.contains(&b'=') || text.contains(&0) {
            return Err("expected the name of a variable".into());
        }
        if text.starts_with(b"SBX_") {
            return Err("names that begin with SBX_ are the sandbox's own and never reach the program".into());
        }
        Ok(EnvName(text.into()))
    }
    fn show(&self) -> Vec<u8> {
        self.0.clone()
    }
}

/// A capability, capabilities(7), by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability(pub u8);

impl Capability {
    /// Names by number, include/uapi/linux/capability.h, without `CAP_`, lower case.
    pub const NAMES: [&'static str; 41] = [
        "chown",
        "dac_override",
        "dac_read_search",
        "fowner",
        "fsetid",
        "kill",
        "setgid",
        "setuid",
        "setpcap",
        "linux_immutable",
        "net_bind_service",
        "net_broadcast",
        "net_admin",
        "net_raw",
        "ipc_lock",
        "ipc_owner",
        "sys_module",
        "sys_rawio",
        "sys_chroot",
        "sys_ptrace",
        "sys_pacct",
        "sys_admin",
        "sys_boot",
        "sys_nice",
        "sys_resource",
        "sys_time",
        "sys_tty_config",
        "mknod",
        "lease",
        "audit_write",
        "audit_control",
        "setfcap",
        "mac_override",
        "mac_admin",
        "syslog",
        "wake_alarm",
        "block_suspend",
        "audit_read",
        "perfmon",
        "bpf",
        "checkpoint_restore",
    ];
}

impl Text for Capability {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_prefix(b"cap_").unwrap_or(&lower);
        let number = Self::NAMES.iter().position(|n| n.as_bytes() == name).and_then(|n| u8::try_from(n).ok());
        number.map(Capability).ok_or_else(|| "expected capabilities by name, such as net_bind_service".into())
    }
    fn show(&self) -> Vec<u8> {
        Self::NAMES.get(usize::from(self.0)).copied().unwrap_or_default().into()
    }
}

names! {
    /// A shipped system call filter.
    FilterName:
    /// What programs need, without what attacks need.
    Default = "default",
    /// What a filter between two open files needs.
    Strict = "strict",
    /// Only what every filter refuses: foreign architectures, x32 and unknown numbers.
    None = "none",
}

/// A system call by its number on this architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syscall(pub u32);

impl Text for Syscall {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let number = std::str::from_utf8(text).ok().and_then(seccomp::number);
        number.map(Syscall).ok_or_else(|| format!("'{}' is not a system call of this architecture", text::show(text)))
    }
    fn show(&self) -> Vec<u8> {
        seccomp::name(self.0).unwrap_or_default().into()
    }
}
