//! One file per step of the plan. `plan` is pure, `apply` makes system calls only.

pub mod affinity;
pub mod bounding;
pub mod capabilities;
pub mod cgroup;
pub mod core_sched;
pub mod cwd;
pub mod entry;
pub mod fds;
pub mod groups;
pub mod hostname;
pub mod id_map;
pub mod ids;
pub mod init;
pub mod landlock;
pub mod log;
pub mod mounts;
pub mod namespaces;
pub mod network;
pub mod nice;
pub mod observer;
pub mod oom;
pub mod parent;
pub mod personality;
pub mod program;
pub mod rlimits;
pub mod seccomp;
pub mod session;
pub mod silence;
pub mod stats;
pub mod time_limit;
pub mod time_offsets;
pub mod tsc;
pub mod umask;
pub mod uplink;
pub mod user;

use std::os::fd::{OwnedFd, RawFd};

use crate::error::Failure;
use crate::report::Outputs;
use crate::sys::process::Processors;
use crate::sys::signal::SignalSet;
use crate::sys::socket::Channel;
use crate::sys::timer::Alarm;

/// Which process applies a step, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The process the caller started, before the fork.
    Outer,
    /// The same, after the fork, while inner makes its mounts.
    Beside,
    /// The forked process, which becomes the target.
    Inner,
}

impl Side {
    /// As the plan prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Side::Outer => "outer",
            Side::Beside => "beside",
            Side::Inner => "inner",
        }
    }
}

/// What steps hand on to later ones. Nothing of it is policy.
#[derive(Default)]
pub struct Context {
    /// To the other side; there from the fork on.
    pub channel: Option<Channel>,
    /// On which the reaper says that it is confined.
    pub reaper: Option<Channel>,
    /// The signal mask the target had.
    pub mask: Option<SignalSet>,
    /// The processors the target may use, where inner is kept off outer's until the network is there.
    pub processors: Option<Processors>,
    /// The process that waits outside to write id maps.
    pub helper: Option<id_map::Helper>,
    /// Outer's alone: the process that waits outside to make interfaces.
    pub maker: Option<network::Maker>,
    /// A child from before, to be waited for.
    pub watcher: Option<i32>,
    /// Outer's alone, who keeps the network connected.
    pub uplink: Option<uplink::Keeper>,
    /// Outer's alone, who sees the library in the program and sweeps.
    pub entry: Option<entry::Keeper>,
    /// Which of 0, 1 and 2 were closed and are held by us until the jail is complete.
    pub plugged: [bool; 3],
    /// Outer's alone: who removes the control groups.
    pub keeper: Option<cgroup::Keeper>,
    /// Inner's alone: the files by which it joins them, and the host's directory of itself.
    pub join: Vec<OwnedFd>,
    pub own_proc: Option<OwnedFd>,
    /// Outer's alone: where its lines go, and the timer of the time limit.
    pub outputs: Outputs,
    pub alarm: Option<Alarm>,
    /// Outer's alone, to whom the filter asks.
    pub observer: Option<Channel>,
    /// Inner's, on which its filter asks, until the observer has it.
    pub listener: Option<OwnedFd>,
    /// Where messages before main go when that is not standard error, or when the program's is replaced.
    pub log: Option<OwnedFd>,
    /// The Landlock rules, until they are in force.
    pub ruleset: Option<OwnedFd>,
    /// `/dev/null`, to be put in the place of standard descriptors.
    pub null: Option<OwnedFd>,
    /// Open on the program to execute, for route exec, and on what tells outer that it could not be.
    pub image: Option<RawFd>,
    pub last_word: Option<Channel>,
    /// Which of the program's names leads to it inside; none where it is executed by descriptor.
    pub found: Option<usize>,
}

/// One step of a plan: everything it needs was decided and allocated when it was planned.
pub trait Step {
    /// The name in messages and in the plan.
    fn name(&self) -> &'static str;
    /// What the plan's line says.
    fn describe(&self) -> String;
    /// Does it.
    fn apply(&self, context: &mut Context) -> Result<(), Failure>;
    /// The name of the object a `Failure` of this step numbers.
    fn object(&self, _number: u32) -> String {
        String::new()
    }
}
