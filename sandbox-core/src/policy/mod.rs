//! What was asked for: every setting as it was assigned, from all origins together.

pub mod profile;
pub mod types;

use crate::error::PolicyError;
use crate::setting::value::{List, Repeat, Switch};
use crate::setting::{self, Assignment, Origin};
use types::{
    Beneath, Bind, Capability, CpuCount, Cpus, DevMode, Directory, Duration, EnvEntry, EnvName, Fd, FilterChoice,
    FilterText, GroupName, HostName, Id, IdRange, InlineFile, Inside, Link, LogLevel, Macvlan, Memory, NameServer,
    Namespace, NetClass, NetMode, Nice, Observe, Offset, OomScoreAdj, OutFile, Overlay, OwnIface, Percent, Persona,
    Port, ProcMode, Profile, Publish, Rlimit, Root, Scope, SeccompAction, Swap, Syscall, Tasks, Tmpfs, Umask, Veth,
};

/// One field a setting; absent where nothing was said. What absence means is decided in `plan`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    pub profile: Option<Profile>,
    pub share: List<Namespace>,
    pub hostname: Option<HostName>,
    pub domainname: Option<HostName>,
    pub boottime_offset: Option<Offset>,
    pub monotonic_offset: Option<Offset>,
    pub uid: Option<Id>,
    pub gid: Option<Id>,
    pub uid_map: Repeat<IdRange>,
    pub gid_map: Repeat<IdRange>,
    pub root: Option<Root>,
    pub root_rw: Switch,
    pub bind: Repeat<Bind<true>>,
    pub bind_ro: Repeat<Bind<false>>,
    pub bind_try: Repeat<Bind<true>>,
    pub bind_ro_try: Repeat<Bind<false>>,
    pub tmpfs: Repeat<Tmpfs>,
    pub overlay: Repeat<Overlay>,
    pub symlink: Repeat<Link>,
    pub dir: Repeat<Directory>,
    pub file: Repeat<InlineFile>,
    pub hide: Repeat<Inside>,
    pub proc: Option<ProcMode>,
    pub dev: Option<DevMode>,
    pub cwd: Option<Inside>,
    pub net: Option<NetMode>,
    pub no_loopback: Switch,
    pub macvlan: Repeat<Macvlan>,
    pub veth: Repeat<Veth>,
    pub own_iface: Repeat<OwnIface>,
    pub publish: Repeat<Publish>,
    pub dns: List<NameServer>,
    pub rlimit: Repeat<Rlimit>,
    pub nice: Option<Nice>,
    pub oom_score_adj: Option<OomScoreAdj>,
    pub cpus: List<Cpus>,
    pub max_cpus: Option<CpuCount>,
    pub personality: List<Persona>,
    pub no_tsc: Switch,
    pub core_sched: Switch,
    pub time_limit: Option<Duration>,
    pub memory_max: Option<Memory>,
    pub swap_max: Option<Swap>,
    pub pids_max: Option<Tasks>,
    pub cpu_max: Option<Percent>,
    pub net_class: Option<NetClass>,
    pub cgroup_parent: Option<GroupName>,
    pub cap_keep: List<Capability>,
    pub allow_new_privs: Switch,
    pub seccomp: Option<FilterChoice>,
    pub seccomp_string: Option<FilterText>,
    pub seccomp_allow: List<Syscall>,
    pub seccomp_deny: List<Syscall>,
    pub seccomp_action: Option<SeccompAction>,
    pub landlock_ro: Repeat<Beneath>,
    pub landlock_rx: Repeat<Beneath>,
    pub landlock_rw: Repeat<Beneath>,
    pub landlock_tcp_bind: Repeat<Port>,
    pub landlock_tcp_connect: Repeat<Port>,
    pub landlock_scope: List<Scope>,
    pub no_exec: Switch,
    pub no_new_code: Switch,
    pub env: Repeat<EnvEntry>,
    pub unset_env: Repeat<EnvName>,
    pub clear_env: Switch,
    pub umask: Option<Umask>,
    pub keep_fd: Repeat<Fd>,
    pub stderr_null: Switch,
    pub silent: Switch,
    pub new_session: Switch,
    pub init: Switch,
    pub no_die_with_parent: Switch,
    pub status_fd: Option<Fd>,
    pub stats: Option<OutFile>,
    pub log_file: Option<OutFile>,
    pub log_level: Option<LogLevel>,
    pub observe: Option<Observe>,
    pub observer_fd: Option<Fd>,
}

impl Policy {
    /// Folds assignments, weakest origin first, over the profile they name.
    ///
    /// # Errors
    /// A value that cannot be meant, named in the spelling it was given in.
    pub fn new(assignments: &[Assignment]) -> Result<Self, PolicyError> {
        let mut policy = Policy::default();
        for assignment in assignments.iter().filter(|a| a.setting.name == "profile") {
            policy.assign(assignment)?;
        }
        let profile = policy.profile.unwrap_or(Profile::Default);
        for (name, text) in profile::settings(profile) {
            let setting = setting::named(name).ok_or_else(|| PolicyError::unknown(name, Origin::Profile))?;
            policy.assign(&Assignment { setting, text: text.as_bytes().into(), origin: Origin::Profile })?;
        }
        for assignment in assignments.iter().filter(|a| a.setting.name != "profile") {
            policy.assign(assignment)?;
        }
        Ok(policy)
    }

    /// Folds assignments alone, without a profile: what was said, not what it comes to.
    ///
    /// # Errors
    /// As `new`.
    pub fn merge(assignments: &[Assignment]) -> Result<Self, PolicyError> {
        let mut policy = Policy::default();
        assignments.iter().try_for_each(|assignment| policy.assign(assignment))?;
        Ok(policy)
    }

    /// Adds to what was said and what it comes to.
    ///
    /// # Errors
    /// As `new`.
    pub fn add(&mut self, assignments: &[Assignment]) -> Result<(), PolicyError> {
        assignments.iter().try_for_each(|assignment| self.assign(assignment))
    }

    fn assign(&mut self, assignment: &Assignment) -> Result<(), PolicyError> {
        let Assignment { setting, text, origin } = assignment;
        // A policy file can spell one. Handed to the library it would end the variable, and what follows would be lost.
        let assigned = match text.contains(&0) {
            true => Err("holds a NUL byte, which no variable can carry".into()),
            false => (setting.value)(self).assign(text, origin.spelling()),
        };
        assigned.map_err(|why| PolicyError::malformed(setting, *origin, text, why))
    }
}
