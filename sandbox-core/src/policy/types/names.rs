//! The settings whose values are words.

use crate::setting::value::Text;

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
pub(super) use names;

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
    /// `strict` for one process, with limits of what it may use.
    Judge = "judge",
    /// What an nsjail call for an untrusted program in a tree of its own asks for.
    Toaster = "toaster",
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
    /// A namespace of its own that pasta(1) connects.
    Pasta = "pasta",
    /// A namespace of its own that slirp4netns(1) connects.
    Slirp4netns = "slirp4netns",
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
    /// What an observer is asked about.
    Observe:
    /// Calls that kill the process.
    Kills = "kills",
    /// Calls that are refused, or would be but for seccomp-action=log.
    Refusals = "refusals",
    /// All calls.
    All = "all",
}

names! {
    /// A shipped system call filter.
    FilterName:
    /// What programs need, without what attacks need.
    Default = "default",
    /// What a filter between two open files needs.
    Strict = "strict",
    /// What computing on open descriptors needs.
    Pure = "pure",
    /// `default` without taking connections.
    NetClient = "net-client",
    /// `default` without making connections.
    NetServer = "net-server",
    /// `default` with debuggers and nested namespaces.
    Dev = "dev",
    /// What a policy of nsjail's calls toasters: 57 calls kill.
    Toaster = "toaster",
    /// Only what every filter refuses: foreign architectures, x32, unknown numbers, typing into a terminal.
    None = "none",
}

names! {
    /// What ends at the border of a Landlock domain.
    Scope:
    /// Connecting to an abstract unix socket of a process outside.
    AbstractUnixSocket = "abstract-unix-socket",
    /// Signals to a process outside.
    Signal = "signal",
}
