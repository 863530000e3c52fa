//! From what was asked for, and what the host can do, to the steps. The order of steps is `plan`, and nowhere else.

use std::fmt;
use std::time::Duration;

use crate::error::PolicyError;
use crate::host::Host;
use crate::policy::Policy;
use crate::policy::types::{Capability, LogLevel, Namespace, NetMode, Observe, Root};
use crate::step::{self, Side, Step};

/// What several steps need to know of the policy, decided once.
pub struct Wanted {
    shared: Vec<Namespace>,
}

impl Wanted {
    fn new(policy: &Policy) -> Result<Self, PolicyError> {
        let mut shared = policy.share.items().to_vec();
        let net_is_shared = shared.contains(&Namespace::Net);
        match policy.net {
            Some(NetMode::None) if net_is_shared => {
                return Err(PolicyError::conflict("net", "none makes the namespace that share keeps"));
            }
            Some(NetMode::Host | NetMode::Filter) => shared.push(Namespace::Net),
            Some(NetMode::None) | None => {}
        }
        Ok(Self { shared })
    }

    /// Whether this namespace is made new.
    pub fn is_new(&self, kind: Namespace) -> bool {
        !self.shared.contains(&kind)
    }

    /// What `/` is to be.
    pub fn root<'a>(&self, policy: &'a Policy) -> &'a Root {
        policy.root.as_ref().unwrap_or(&Root::Host)
    }

    /// The capabilities to keep, as bits.
    pub fn kept(&self, policy: &Policy) -> u64 {
        policy.cap_keep.items().iter().fold(0, |set, Capability(number)| set | 1 << number)
    }

    /// Whether setup has capabilities: a new user namespace gives all, without one there are the caller's.
    pub fn has_capabilities(&self, host: &Host) -> bool {
        self.is_new(Namespace::User) || host.privileged
    }
}

/// The names of a set of capabilities.
pub(crate) fn names_of(set: u64) -> String {
    let names: Vec<_> = (0..).zip(Capability::NAMES).filter(|(number, _)| set & (1 << number) != 0).collect();
    if names.is_empty() { "none".into() } else { names.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ") }
}

/// One step, and who takes it.
pub struct Planned {
    pub side: Side,
    pub step: Box<dyn Step>,
}

/// How outer supervises: everything about it that is policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supervision {
    /// The target is pid 1 of a namespace, to whom the kernel delivers no signal without a handler.
    pub target_is_pid_1: bool,
    /// A reaper is, and passes signals on.
    pub init: bool,
    pub status_fd: Option<i32>,
    /// How it ended is written to a file.
    pub stats: bool,
    pub time_limit: Option<Duration>,
    /// Messages go to a file, after main too.
    pub log_file: bool,
    pub log: LogLevel,
    /// Its filter asks an observer, who is told when there is something to ask and when all is over.
    pub observed: Option<Observe>,
}

impl Supervision {
    /// Whether inner waits for outer's word before main, as something is to be said or to run before that.
    pub fn begins_on_word(&self) -> bool {
        self.status_fd.is_some() || self.stats || self.time_limit.is_some() || self.observed.is_some()
    }
}

/// The steps, in order.
pub struct Plan {
    pub steps: Vec<Planned>,
    pub supervision: Supervision,
    wanted: Wanted,
}

/// Decides everything. Makes no system call.
///
/// # Errors
/// Settings that contradict each other.
pub fn plan(policy: &Policy, host: &Host) -> Result<Plan, PolicyError> {
    let wanted = Wanted::new(policy)?;
    contradictions(policy, host, &wanted)?;
    let mut steps = Steps(Vec::new());

    // What all others say is said there.
    steps.put(Side::Outer, step::log::plan(policy));
    // Before any other descriptor is ours.
    steps.put(Side::Outer, Some(step::fds::plan_check(policy)));
    steps.put(Side::Outer, step::observer::plan(policy)?);
    // With the caller's rights; from here on it can be told what fails.
    steps.put(Side::Outer, step::stats::plan(policy, host, &wanted)?);
    steps.put(Side::Outer, step::silence::plan_open(policy));
    steps.put(Side::Outer, step::time_limit::plan(policy, &wanted)?);
    // Grants what all others need; no id is valid until its maps are written.
    steps.put(Side::Outer, step::user::plan(&wanted));
    steps.put(Side::Outer, step::id_map::plan(policy, host, &wanted));
    // Take effect at the fork.
    steps.put(Side::Outer, step::namespaces::plan_for_children(&wanted));

    // After the fork, while inner works on the rest.
    steps.put(Side::Beside, step::network::plan_make(&wanted));

    steps.put(Side::Inner, step::namespaces::plan_own(&wanted));
    steps.put(Side::Inner, step::hostname::plan(policy, &wanted)?);
    // A procfs of the new pid namespace can only be made in it: EPERM before the fork.
    steps.put(Side::Inner, step::mounts::plan(policy, host, &wanted)?);
    // After the mounts, which need descriptors of their own; the current directory is one in the new tree.
    steps.put(Side::Inner, Some(step::fds::plan_close(policy)));
    steps.put(Side::Inner, step::silence::plan_replace(policy));
    steps.put(Side::Inner, step::cwd::plan(policy, host, &wanted)?);
    steps.put(Side::Inner, step::session::plan(policy));
    steps.put(Side::Inner, step::bounding::plan(policy, host, &wanted));
    // As late as it can be: entering it needs CAP_SYS_ADMIN.
    steps.put(Side::Inner, step::network::plan_join(&wanted));
    steps.put(Side::Inner, step::ids::plan(policy, &wanted));
    steps.put(Side::Inner, step::parent::plan(policy));
    // Before init, which keeps the other end's attention from then on.
    steps.put(Side::Inner, step::network::plan_await(&wanted));
    steps.put(Side::Inner, step::init::plan(policy));
    if policy.allow_new_privs.on() {
        // Without no_new_privs only CAP_SYS_ADMIN may load a filter.
        steps.put(Side::Inner, Some(step::seccomp::plan(policy)?));
        steps.put(Side::Inner, Some(step::capabilities::plan(policy, host, &wanted)));
    } else {
        // The last that needed a capability is above; the filter may forbid every call above it.
        steps.put(Side::Inner, Some(step::capabilities::plan(policy, host, &wanted)));
        steps.put(Side::Inner, step::capabilities::plan_no_new_privs(policy));
        steps.put(Side::Inner, Some(step::seccomp::plan(policy)?));
    }

    let target_is_pid_1 = wanted.is_new(Namespace::Pid) && !policy.init.on();
    let supervision = Supervision {
        target_is_pid_1,
        init: policy.init.on(),
        status_fd: policy.status_fd.map(|fd| fd.0),
        stats: policy.stats.is_some(),
        time_limit: policy.time_limit.map(|limit| limit.0),
        log_file: policy.log_file.is_some(),
        log: policy.log_level.unwrap_or(LogLevel::Error),
        observed: policy.observe,
    };
    Ok(Plan { steps: steps.0, supervision, wanted })
}

impl Plan {
    /// Whether this namespace is made new.
    pub fn is_new(&self, kind: Namespace) -> bool {
        self.wanted.is_new(kind)
    }

    /// The number of the step of this name.
    pub fn number_of(&self, name: &str) -> u32 {
        let at = self.steps.iter().position(|planned| planned.step.name() == name);
        at.and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX)
    }

    /// Whether a step of this name is planned.
    pub fn has_step(&self, name: &str) -> bool {
        self.steps.iter().any(|planned| planned.step.name() == name)
    }
}

struct Steps(Vec<Planned>);

impl Steps {
    fn put(&mut self, side: Side, step: Option<impl Step + 'static>) {
        if let Some(step) = step {
            self.0.push(Planned { side, step: Box::new(step) });
        }
    }
}

/// What no single step can see.
fn contradictions(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<(), PolicyError> {
    let conflict = |name: &str, why: &str| Err(PolicyError::conflict(name, why));
    let new = |kind| wanted.is_new(kind);
    if policy.init.on() && !new(Namespace::Pid) {
        return conflict("init", "a reaper is pid 1, which needs a new pid namespace");
    }
    if policy.allow_new_privs.on() && policy.no_exec.on() {
        return conflict("allow-new-privs", "has no meaning with no-exec: only execve grants privileges");
    }
    if !new(Namespace::User) && !host.privileged {
        let other = Namespace::ALL.iter().find(|&&kind| kind != Namespace::User && new(kind));
        if let Some(kind) = other {
            return conflict("share", &format!("user, so the {} namespace needs root", kind.name()));
        }
        if wanted.kept(policy) != 0 {
            return conflict("cap-keep", "there is nothing to keep without a user namespace or root");
        }
        if policy.allow_new_privs.on() {
            return conflict("allow-new-privs", "a filter needs no_new_privs without a user namespace or root");
        }
    }
    let status = policy.status_fd.filter(|fd| policy.keep_fd.items().contains(fd));
    if let Some(fd) = status {
        return conflict(
            "keep-fd",
            &format!("{} is the status-fd, to which the program could write lines of its own", fd.0),
        );
    }
    // Under the filter inner still says that it is ready, hears that it may go on, and lets go of the channel.
    for needed in ["write", "read", "close"] {
        if policy.seccomp_deny.items().iter().any(|call| Some(call.0) == crate::seccomp::number(needed)) {
            return conflict("seccomp-deny", &format!("{needed} is needed to end setup under the filter"));
        }
    }
    let other = |id: Option<crate::policy::types::Id>, own: u32| id.is_some_and(|id| id.0 != own);
    let becomes_another = other(policy.uid, host.uid) || other(policy.gid, host.gid);
    if becomes_another && !new(Namespace::User) && !host.privileged {
        return conflict("uid", "only root can become another without a user namespace");
    }
    Ok(())
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |side: &str, name: &str, says: &str| writeln!(f, "{side:<7} {name:<15} {says}");
        line("both", "guard", "first constructor, one thread, not inside already; SBX_* and our preload scrubbed")?;
        let mut forked = false;
        for Planned { side, step } in &self.steps {
            if *side != Side::Outer && !forked {
                forked = true;
                line("both", "fork", if self.supervision.target_is_pid_1 { "inner is pid 1" } else { "inner" })?;
            }
            line(side.name(), step.name(), &step.describe())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::{Assignment, Origin, named};

    fn host() -> Host {
        Host {
            uid: 1000,
            gid: 100,
            cwd: c"/home/u/work".into(),
            home: Some(c"/home/u".into()),
            mount_fds: true,
            privileged: false,
        }
    }

    fn try_for(host: &Host, settings: &[(&str, &str)]) -> Result<String, PolicyError> {
        let say = |&(name, text): &(&str, &str)| Assignment {
            setting: named(name).unwrap(),
            text: text.into(),
            origin: Origin::Flag,
        };
        let policy = Policy::new(&settings.iter().map(say).collect::<Vec<_>>())?;
        plan(&policy, host).map(|plan| plan.to_string())
    }

    fn lines(settings: &[(&str, &str)]) -> String {
        try_for(&host(), settings).unwrap()
    }

    #[test]
    fn the_default_plan_is_in_the_order_of_the_design() {
        let plan = lines(&[]);
        let names: Vec<_> = plan.lines().map(|l| l[8..23].trim_end()).collect();
        assert_eq!(
            names,
            [
                "guard",
                "fds",
                "user namespace",
                "id maps",
                "namespaces",
                "fork",
                "network",
                "namespaces",
                "hostname",
                "mounts",
                "fds",
                "cwd",
                "bounding set",
                "network",
                "die with parent",
                "loopback",
                "capabilities",
                "no_new_privs",
                "seccomp",
            ]
        );
        assert!(plan.contains("uid_map \"1000 1000 1\""));
        assert!(plan.contains("unshare pid, time") && plan.contains("unshare mount, ipc, uts, cgroup"));
    }

    #[test]
    fn the_current_directory_stays_visible_unless_it_is_a_home() {
        assert!(lines(&[]).contains("/home/u/work ro"));
        for cwd in [c"/home/u", c"/", c"/home", c"/root", c"/tmp", c"/usr/src"] {
            let host = Host { cwd: cwd.into(), ..host() };
            let plan = try_for(&host, &[]).unwrap();
            assert!(!plan.contains(&format!("{} ro", cwd.to_str().unwrap())), "{plan}");
            assert!(plan.contains("/home hidden") && plan.contains("/root hidden"), "{plan}");
        }
        let host = Host { cwd: c"/tmp/a/b".into(), ..host() };
        assert!(try_for(&host, &[]).unwrap().contains("/tmp/a/b ro"));
    }

    #[test]
    fn a_home_elsewhere_is_hidden_and_a_system_directory_is_no_home() {
        let with = |home: &std::ffi::CStr| {
            try_for(&Host { home: Some(home.into()), cwd: c"/".into(), ..host() }, &[]).unwrap()
        };
        assert!(with(c"/var/lib/ci").contains("/var/lib/ci hidden"));
        for home in [c"/", c"/usr/sbin", c"/bin", c"/var", c"/tmp"] {
            assert!(!with(home).contains(&format!("; {} hidden", home.to_str().unwrap())), "{home:?}");
        }
    }

    #[test]
    fn mounts_go_from_the_top_down_and_a_later_one_replaces_an_earlier() {
        let plan = lines(&[("bind", "/d:/srv/a/b"), ("tmpfs", "/srv"), ("hide", "/srv/a"), ("bind-ro", "/x:/tmp")]);
        let at = |what: &str| plan.find(what).unwrap_or_else(|| panic!("{what} in {plan}"));
        assert!(at("/srv tmpfs") < at("/srv/a sealed tmpfs") && at("/srv/a sealed") < at("/srv/a/b rw from /d"));
        assert!(plan.contains("/tmp ro from /x") && !plan.contains("; /tmp tmpfs"));
    }

    #[test]
    fn build_makes_only_a_working_directory_writable() {
        assert!(lines(&[("profile", "build")]).contains("/home/u/work rw"));
        for cwd in [c"/home/u", c"/", c"/tmp", c"/home"] {
            let host = Host { cwd: cwd.into(), ..host() };
            assert!(try_for(&host, &[("profile", "build")]).is_err(), "{cwd:?}");
        }
    }

    #[test]
    fn strict_has_an_empty_tree_and_nothing_mounted_in_it() {
        let plan = lines(&[("profile", "strict")]);
        assert!(plan.contains("/ is an empty tmpfs, read-only\n"), "{plan}");
        assert!(plan.contains("filter strict, no-exec, no-new-code"), "{plan}");
    }

    #[test]
    fn contradictions_are_errors() {
        let bad: [&[(&str, &str)]; 17] = [
            &[("share", "net"), ("net", "none")],
            &[("share", "uts"), ("hostname", "x")],
            &[("share", "mount"), ("tmpfs", "/x")],
            &[("share", "pid"), ("init", "true")],
            &[("share", "pid"), ("proc", "ro")],
            &[("no-new-code", "true"), ("proc", "rw")],
            &[("share", "user")],
            &[("allow-new-privs", "true"), ("no-exec", "true")],
            &[("bind", "/x/../y")],
            &[("seccomp-deny", "symlink,write")],
            &[("time-limit", "0")],
            &[("time-limit", "1"), ("share", "pid")],
            &[("time-limit", "1"), ("no-die-with-parent", "true")],
            &[("stats", "told"), ("profile", "build")],
            &[("stats", "/srv/a/told"), ("bind", "/srv")],
            &[("stats", "/srv/told"), ("root-rw", "true")],
            &[("keep-fd", "9"), ("status-fd", "9")],
        ];
        for settings in bad {
            assert!(try_for(&host(), settings).is_err(), "{settings:?}");
        }
        assert!(try_for(&Host { privileged: true, ..host() }, &[("share", "user")]).is_ok());
        let nothing_new = [("share", "user,mount,pid,net,ipc,uts,cgroup,time")];
        assert!(!lines(&nothing_new).contains("bounding"));
    }

    #[test]
    fn what_is_outers_is_there_before_anything_is_changed() {
        let plan = lines(&[
            ("log-file", "log"),
            ("stats", "told"),
            ("silent", "true"),
            ("time-limit", "1.5m"),
            ("bind", "/srv"),
            ("bind-ro", "."),
        ]);
        let steps: Vec<_> = plan.lines().skip(1).take(5).collect();
        assert_eq!(
            steps,
            [
                "outer   log             append to log",
                "outer   fds             no directory at 0-2",
                "outer   stats           open told",
                "outer   silence         open /dev/null",
                "outer   time limit      SIGKILL for all inside 90s after main may begin",
            ],
            "{plan}"
        );
        assert!(plan.contains("inner   silence         /dev/null at 0, 1, 2\n"), "{plan}");
        assert!(lines(&[("stderr-null", "true")]).contains("/dev/null at 2\n"));
    }

    #[test]
    fn without_a_network_namespace_none_is_made_or_joined() {
        for net in ["host", "filter"] {
            let plan = lines(&[("net", net)]);
            assert!(!plan.contains("beside") && !plan.contains("join"), "{plan}");
        }
        assert!(lines(&[("net", "filter")]).contains("no sockets"));
    }
}
