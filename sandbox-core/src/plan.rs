//! From what was asked for, and what the host can do, to the steps. The order of steps is `plan`, and nowhere else.

use std::fmt;
use std::time::Duration;

use crate::error::{Failure, PolicyError, SetupError};
use crate::host::Host;
use crate::policy::Policy;
use crate::policy::types::{Capability, LogLevel, Namespace, NetMode, Observe, Overlay, Root};
use crate::step::entry::Entry;
use crate::step::id_map::Maps;
use crate::step::landlock::{Held, Rules};
use crate::step::program::Image;
use crate::step::{self, Side, Step};

/// What several steps need to know of the policy, decided once.
pub struct Wanted {
    shared: Vec<Namespace>,
}

impl Wanted {
    pub(crate) fn new(policy: &Policy) -> Result<Self, PolicyError> {
        let mut shared = policy.share.items().to_vec();
        let net_is_shared = shared.contains(&Namespace::Net);
        match policy.net {
            Some(NetMode::Host | NetMode::Filter) => shared.push(Namespace::Net),
            Some(mode) if net_is_shared => {
                let why = format!("{} makes the namespace that share keeps", mode.name());
                return Err(PolicyError::conflict("net", why));
            }
            Some(_) | None => {}
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

    /// Whether `/` is the host's tree.
    pub fn root_is_the_hosts(&self, policy: &Policy) -> bool {
        *self.root(policy) == Root::Host && !policy.overlay.items().iter().any(Overlay::is_root)
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
    /// It is not pid 1, and ends the sandbox by itself.
    pub adopts: bool,
    /// The target may be another user than outer, whom only CAP_KILL lets signal it, and take it along in death.
    pub signals_others: bool,
    pub status_fd: Option<i32>,
    /// How it ended is written to a file.
    pub stats: bool,
    pub time_limit: Option<Duration>,
    /// Messages go to a file, after main too.
    pub log_file: bool,
    pub log: LogLevel,
    /// Its filter asks an observer, who is told when there is something to ask and when all is over.
    pub observed: Option<Observe>,
    /// Calls of our own architecture can end in SIGSYS, not only those of others.
    pub kills_own: bool,
}

impl Supervision {
    /// Whether outer has something to say or to begin between inner's word and its own, without which nothing of the
    /// program's runs.
    pub fn begins_on_word(&self) -> bool {
        self.status_fd.is_some() || self.stats || self.time_limit.is_some() || self.observed.is_some()
    }
}

/// The steps, in order.
pub struct Plan {
    pub steps: Vec<Planned>,
    pub supervision: Supervision,
    wanted: Wanted,
    needs_tool: bool,
    landlock: Option<Held>,
    /// What is executed when all is done; absent where the process that was planned for is the program.
    image: Option<Image>,
}

/// CAP_SETGID and CAP_SETUID, include/uapi/linux/capability.h
const CHANGES_IDS: u64 = 1 << 6 | 1 << 7;

/// Whether outer and the target are, or can come to be, two users.
fn signals_others(policy: &Policy, host: &Host, wanted: &Wanted, maps: Option<&Maps>) -> bool {
    match maps {
        Some(maps) => maps.have_others() && wanted.kept(policy) & CHANGES_IDS != 0,
        None if !host.privileged => false,
        None => policy.uid.is_some() || wanted.kept(policy) & CHANGES_IDS != 0,
    }
}

/// Decides everything. Makes no system call.
///
/// # Errors
/// Settings that contradict each other.
pub fn plan(policy: &Policy, host: &Host) -> Result<Plan, PolicyError> {
    plan_for(policy, host, None, None)
}

/// The same for a process that is to execute a program when it is inside.
///
/// # Errors
/// As `plan`; and settings under which nothing can be executed.
pub fn plan_around(policy: &Policy, host: &Host, image: Image) -> Result<Plan, PolicyError> {
    plan_for(policy, host, Some(image), None)
}

/// The same for a program in which the library goes on: it begins when `entry` is proved.
///
/// # Errors
/// As `plan_around`.
pub fn plan_layered(policy: &Policy, host: &Host, image: Image, entry: &Entry) -> Result<Plan, PolicyError> {
    plan_for(policy, host, Some(image), Some(entry))
}

/// What the library does in a program that is in a jail already: what would have kept it from being loaded. Everything else of
/// the policy is in force.
///
/// # Errors
/// As `plan`.
pub fn plan_within(policy: &Policy, host: &Host) -> Result<Vec<Box<dyn Step>>, PolicyError> {
    let wanted = Wanted::new(policy)?;
    let mut steps = Steps(Vec::new());
    let landlock = step::landlock::plan(policy, host, &wanted)?;
    let enter = landlock.as_ref().map(Rules::enter);
    // Else what is below could be added to a tree in which there is still what loading needed.
    steps.put(Side::Inner, Some(step::entry::Begun));
    steps.put(Side::Inner, landlock);
    steps.put(Side::Inner, step::personality::plan(policy)?);
    steps.put(Side::Inner, step::tsc::plan(policy)?);
    steps.put(Side::Inner, enter);
    steps.put(Side::Inner, Some(step::seccomp::plan(policy)?.within()));
    Ok(steps.0.into_iter().map(|planned| planned.step).collect())
}

fn plan_for(policy: &Policy, host: &Host, image: Option<Image>, entry: Option<&Entry>) -> Result<Plan, PolicyError> {
    let wanted = Wanted::new(policy)?;
    let maps = step::id_map::decide(policy, host, &wanted)?;
    contradictions(policy, host, &wanted)?;
    let links = step::network::decide(policy, &wanted)?;
    let uplink = step::uplink::decide(policy, host, &wanted)?;
    let signals_others = signals_others(policy, host, &wanted, maps.as_ref());
    if wanted.kept(policy) & CHANGES_IDS != 0 && signals_others && !policy.init.on() && !policy.no_die_with_parent.on()
    {
        // prctl(2): a change of ids makes the kernel forget PR_SET_PDEATHSIG.
        return Err(PolicyError::conflict("cap-keep", "with setuid or setgid the program can outlive its supervisor")
            .with_hint("--init puts a process at pid 1 that keeps its ids; or accept it with --no-die-with-parent"));
    }
    let (observer, filter) = step::observer::plan(policy, host, &wanted)?;
    let observed = observer.as_ref().map(step::observer::Observer::what);
    let groups = step::cgroup::decide(policy, host, &wanted)?;
    let mut steps = Steps(Vec::new());

    // What all others say is said there.
    steps.put(Side::Outer, step::log::plan(policy));
    // Before any other descriptor is ours.
    steps.put(Side::Outer, Some(step::fds::plan_check(policy)));
    // With the caller's rights over what the target is going to be, and outside its pid namespace.
    steps.put(Side::Outer, observer);
    // With the caller's rights; from here on it can be told what fails.
    steps.put(Side::Outer, step::stats::plan(policy, host, &wanted)?);
    steps.put(Side::Outer, step::silence::plan_open(policy));
    steps.put(Side::Outer, step::time_limit::plan(policy, &wanted, step::cgroup::can_kill(&groups))?);
    // While the caller is still who it is to the host, and before the first process that could be in them.
    steps.put(Side::Outer, step::cgroup::plan(&groups));
    // What needs privileges in the caller's user namespace, as only that one counts for the kernel.
    let rlimits = step::rlimits::plan(policy, host)?;
    steps.put(Side::Outer, step::rlimits::plan_raise(rlimits.as_ref(), policy, host, &wanted, maps.as_ref()));
    steps.put(Side::Outer, step::nice::plan(policy, host, Side::Outer));
    steps.put(Side::Outer, step::oom::plan_lower(policy));
    // While the caller is still who it is to the host.
    steps.put(Side::Outer, step::groups::plan(host, &wanted));
    steps.put(Side::Outer, step::network::plan_outside(&links));
    steps.put(Side::Outer, step::id_map::plan_outside(maps.as_ref()));
    // Grants what all others need; no id is valid until its maps are written.
    steps.put(Side::Outer, step::user::plan(&wanted));
    steps.put(Side::Outer, step::id_map::plan(maps.as_ref()));
    steps.put(Side::Outer, step::ids::plan_mapped(maps.as_ref()));
    // In no namespace but the new user namespace, whose ids it has.
    steps.put(Side::Outer, step::uplink::plan_outside(uplink.as_ref()));
    steps.put(Side::Outer, step::entry::plan_outside(entry));
    // Take effect at the fork.
    steps.put(Side::Outer, step::namespaces::plan_for_children(&wanted));
    // While nobody is in the new time namespace.
    steps.put(Side::Outer, step::time_offsets::plan(policy, &wanted)?);

    // After the fork, while inner works on the rest.
    steps.put(Side::Beside, step::network::plan_make(policy, &wanted, &links));
    steps.put(Side::Beside, step::uplink::plan_connect(uplink.as_ref()));

    // Before all that is limited, and before the namespace whose root the group becomes.
    steps.put(Side::Inner, step::cgroup::plan_join(&groups));
    // While /proc is the host's.
    steps.put(Side::Inner, step::oom::plan(policy));
    steps.put(Side::Inner, step::namespaces::plan_own(&wanted));
    steps.put(Side::Inner, step::hostname::plan(policy, &wanted)?);
    // A procfs of the new pid namespace can only be made in it: EPERM before the fork.
    steps.put(Side::Inner, step::mounts::plan(policy, host, &wanted)?);
    // When nothing is mounted any more.
    steps.put(Side::Inner, step::cgroup::plan_check(&groups));
    // After the mounts, which need descriptors of their own; the current directory is one in the new tree.
    steps.put(Side::Inner, Some(step::fds::plan_close(policy)));
    steps.put(Side::Inner, step::silence::plan_replace(policy));
    steps.put(Side::Inner, step::cwd::plan(policy, host, &wanted)?);
    if let Some(image) = &image {
        // From the current directory that it will have, and before anything that forbids to look.
        steps.put(Side::Inner, Some(step::program::plan(image, policy, filter.lets_execute())?));
    }
    steps.put(Side::Inner, step::session::plan(policy));
    steps.put(Side::Inner, step::bounding::plan(policy, host, &wanted));
    // As late as it can be: entering it needs CAP_SYS_ADMIN.
    steps.put(Side::Inner, step::network::plan_join(&wanted));
    steps.put(Side::Inner, step::ids::plan(policy, &wanted));
    steps.put(Side::Inner, step::parent::plan(policy));
    // Before init, which keeps the other end's attention from then on.
    steps.put(Side::Inner, step::network::plan_await(policy, &wanted, &links));
    steps.put(Side::Inner, step::uplink::plan_await(uplink.as_ref()));
    steps.put(Side::Inner, step::init::plan(policy, &wanted, signals_others));
    // While files can be opened; the paths mean the new tree.
    let landlock = step::landlock::plan(policy, host, &wanted)?;
    let (held, enter) = (landlock.as_ref().map(|rules| rules.held().clone()), landlock.as_ref().map(Rules::enter));
    steps.put(Side::Inner, landlock);
    // What slows or limits is the target's alone: after all that takes time, opens files or forks. The processors after the
    // network, until which inner is kept off outer's own.
    steps.put(Side::Inner, step::nice::plan(policy, host, Side::Inner));
    steps.put(Side::Inner, step::affinity::plan(policy)?);
    steps.put(Side::Inner, step::core_sched::plan(policy));
    steps.put(Side::Inner, step::umask::plan(policy));
    steps.put(Side::Inner, step::personality::plan(policy)?);
    steps.put(Side::Inner, rlimits);
    steps.put(Side::Inner, step::tsc::plan(policy)?);
    if policy.allow_new_privs.on() {
        // Without no_new_privs only CAP_SYS_ADMIN may load a filter, or enter a Landlock domain.
        steps.put(Side::Inner, enter);
        steps.put(Side::Inner, Some(filter));
        steps.put(Side::Inner, Some(step::capabilities::plan(policy, host, &wanted)));
    } else {
        // The last that needed a capability is above; the filter may forbid every call above it.
        steps.put(Side::Inner, Some(step::capabilities::plan(policy, host, &wanted)));
        steps.put(Side::Inner, step::capabilities::plan_no_new_privs(policy));
        steps.put(Side::Inner, enter);
        // Before the filter, which may forbid to send what the program is asked about on.
        steps.put(Side::Inner, step::entry::plan_listen(entry));
        steps.put(Side::Inner, Some(filter));
    }

    let target_is_pid_1 = wanted.is_new(Namespace::Pid) && !policy.init.on();
    let supervision = Supervision {
        target_is_pid_1,
        init: policy.init.on(),
        adopts: policy.init.on() && !wanted.is_new(Namespace::Pid),
        signals_others,
        status_fd: policy.status_fd.map(|fd| fd.0),
        stats: policy.stats.is_some(),
        time_limit: policy.time_limit.map(|limit| limit.0),
        log_file: policy.log_file.is_some(),
        log: policy.log_level.unwrap_or(LogLevel::Error),
        observed,
        kills_own: step::seccomp::ends_in_sigsys(policy),
    };
    let needs_tool = maps.is_some_and(|maps| maps.need_tool());
    Ok(Plan { steps: steps.0, supervision, wanted, needs_tool, landlock: held, image })
}

impl Plan {
    /// Whether this namespace is made new.
    pub fn is_new(&self, kind: Namespace) -> bool {
        self.wanted.is_new(kind)
    }

    /// Whether a set-user-ID program has to run before the sandbox is there: no_new_privs must not be set until then.
    pub fn needs_tool(&self) -> bool {
        self.needs_tool
    }

    /// What Landlock is to hold.
    pub fn landlock(&self) -> Option<&Held> {
        self.landlock.as_ref()
    }

    /// What is executed inside.
    pub fn image(&self) -> Option<&Image> {
        self.image.as_ref()
    }

    /// The number of the step of this name.
    pub fn number_of(&self, name: &str) -> u32 {
        let at = self.steps.iter().position(|planned| planned.step.name() == name);
        at.and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX)
    }

    /// The failure of step number `number`, with the names that its step knows.
    pub fn error_of(&self, number: u32, failure: Failure) -> SetupError {
        match self.steps.get(number as usize) {
            Some(Planned { step, .. }) => SetupError::new(step.name(), failure, step.object(failure.object)),
            None => SetupError::new("start", failure, "inner"),
        }
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
    if policy.allow_new_privs.on() && policy.no_exec.on() {
        return conflict("allow-new-privs", "has no meaning with no-exec: only execve grants privileges");
    }
    if !new(Namespace::User) && !host.privileged {
        let other = Namespace::ALL.iter().find(|&&kind| kind != Namespace::User && new(kind));
        if let Some(kind) = other {
            let why = format!("user, so the {} namespace needs root", kind.name());
            return Err(PolicyError::conflict("share", why)
                .with_hint("share all of them, user,mount,pid,net,ipc,uts,cgroup,time, or not user"));
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
        line(
            "both",
            "guard",
            match self.image {
                None => "first constructor, one thread, not inside already; SBX_* and our preload scrubbed",
                Some(_) => "one thread, not inside already",
            },
        )?;
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
    use crate::host::tests::host;
    use crate::setting::{Assignment, Origin, named};

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
    fn the_library_adds_its_part_after_it_has_asked_whether_it_was_let_begin() {
        let all = [
            ("no-exec", "true"),
            ("no-new-code", "true"),
            ("no-tsc", "true"),
            ("landlock-ro", "/usr"),
            ("hostname", "box"),
            ("rlimit", "nofile=5"),
        ];
        let say = |&(name, text): &(&str, &str)| Assignment {
            setting: named(name).unwrap(),
            text: text.into(),
            origin: Origin::Flag,
        };
        let policy = Policy::new(&all.iter().map(say).collect::<Vec<_>>()).unwrap();
        let steps = plan_within(&policy, &Host { landlock: Ok(5), ..Host::inside(c"/".into()) }).unwrap();
        let names: Vec<_> = steps.iter().map(|step| step.name()).collect();
        assert_eq!(names, ["entry", "landlock", "tsc", "landlock", "seccomp"]);
        assert!(steps[4].describe().contains("no-exec, no-new-code"), "{}", steps[4].describe());
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
        assert!(lines(&[("profile", "build")]).contains("/home/u/work rw exec"));
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
        let bad: &[&[(&str, &str)]] = &[
            &[("cpus", "0"), ("max-cpus", "1")],
            &[("cpus", "")],
            &[("rlimit", "as=2000:hard")],
            &[("personality", "read-implies-exec"), ("no-new-code", "true")],
            &[("no-tsc", "true"), ("log-level", "debug")],
            &[("share", "time"), ("boottime-offset", "1")],
            &[("share", "time"), ("monotonic-offset", "0")],
            &[("share", "net"), ("net", "none")],
            &[("net", "host"), ("no-loopback", "true")],
            &[("net", "filter"), ("macvlan", "eth0")],
            &[("share", "net"), ("veth", "sbx0")],
            &[("net", "host"), ("own-iface", "eth1")],
            &[("macvlan", "eth0"), ("macvlan", "eth1")],
            &[("macvlan", "eth0"), ("own-iface", "vs")],
            &[("macvlan", "eth0"), ("own-iface", "eth0")],
            &[("veth", "a:bridge=br0"), ("own-iface", "br0")],
            &[("veth", "a"), ("veth", "a:name=b")],
            &[("own-iface", "eth0"), ("own-iface", "eth0:ip=10.0.0.1")],
            &[("macvlan", "e:ip=10.0.0.1:gateway=10.0.0.2"), ("own-iface", "f:ip=10.1.0.1:gateway=10.1.0.2")],
            &[("share", "net"), ("net", "pasta")],
            &[("net", "none"), ("publish", "80:80")],
            &[("dns", "192.0.2.1")],
            &[("net", "host"), ("dns", "")],
            &[("share", "uts"), ("hostname", "x")],
            &[("share", "mount"), ("tmpfs", "/x")],
            &[("share", "mount"), ("overlay", "/x:lower=/y")],
            &[("share", "mount"), ("file", "/x:y")],
            &[("share", "mount"), ("dir", "/x")],
            &[("share", "mount"), ("symlink", "y:/x")],
            &[("root", "host"), ("overlay", "/:lower=/y")],
            &[("time-limit", "1"), ("share", "pid"), ("init", "true")],
            &[("time-limit", "1"), ("share", "pid"), ("landlock-scope", "signal")],
            &[("share", "pid"), ("proc", "ro")],
            &[("no-new-code", "true"), ("proc", "rw")],
            &[("share", "user")],
            &[("allow-new-privs", "true"), ("no-exec", "true")],
            &[("bind", "/x/../y")],
            &[("time-limit", "0")],
            &[("time-limit", "1"), ("share", "pid")],
            &[("time-limit", "1"), ("no-die-with-parent", "true")],
            &[("stats", "told"), ("profile", "build")],
            &[("stats", "/srv/a/told"), ("bind", "/srv")],
            &[("stats", "/srv/told"), ("root-rw", "true")],
            &[("keep-fd", "9"), ("status-fd", "9")],
            &[("seccomp-deny", "symlink,write"), ("status-fd", "3")],
            &[("seccomp-deny", "close"), ("log-level", "debug")],
            &[("seccomp-deny", "close"), ("allow-new-privs", "true")],
            &[("seccomp", "./policy.kafel")],
            &[("seccomp-string", "DEFAULT ALLOW")],
            &[("seccomp", "bpf:000600007fff0000"), ("seccomp-allow", "mount")],
            &[("seccomp", "bpf:000600007fff0000"), ("seccomp-action", "kill")],
            // Everything is killed, the marker too.
            &[("seccomp", "bpf:0006000000000000")],
            &[("seccomp", "bpf:0006000000050001"), ("status-fd", "3")],
        ];
        for settings in bad {
            assert!(try_for(&host(), settings).is_err(), "{settings:?}");
        }
        assert!(try_for(&Host { privileged: true, ..host() }, &[("share", "user")]).is_ok());
        let nothing_new = [("share", "user,mount,pid,net,ipc,uts,cgroup,time")];
        assert!(!lines(&nothing_new).contains("bounding"));
    }

    #[test]
    fn what_a_landlock_cannot_hold_is_refused_or_told() {
        let on = |abi, settings: &[(&str, &str)]| try_for(&Host { landlock: abi, ..host() }, settings);
        let files = [("landlock-ro", "/usr")];
        for (errno, word) in
            [(libc::EOPNOTSUPP, "switched off"), (libc::ENOSYS, "no Landlock"), (libc::EPERM, "refused")]
        {
            for setting in [("landlock-rx", "none"), ("landlock-tcp-bind", "1"), ("landlock-scope", "signal")] {
                let message = on(Err(errno), &[setting]).unwrap_err().to_string();
                assert!(message.contains(setting.0) && message.contains(word), "{message}");
            }
            assert!(on(Err(errno), &[]).is_ok() && on(Err(errno), &[("landlock-scope", "")]).is_ok());
        }
        for (abi, not_held) in [
            (1, "ABI 1, not held: truncate, ioctl_dev, resolve_unix\n"),
            (2, "ABI 2, not held: truncate, ioctl_dev, resolve_unix\n"),
            (3, "ABI 3, not held: ioctl_dev, resolve_unix\n"),
            (4, "ABI 4, not held: ioctl_dev, resolve_unix\n"),
            (8, "ABI 8, not held: resolve_unix\n"),
            (9, "ABI 9\n"),
        ] {
            let plan = on(Ok(abi), &files).unwrap();
            assert!(plan.contains(not_held), "{abi}: {plan}");
        }
        for (abi, tcp, scopes) in [(3, false, false), (4, true, false), (5, true, false), (6, true, true)] {
            assert_eq!(on(Ok(abi), &[("landlock-tcp-bind", "none")]).is_ok(), tcp, "{abi}");
            assert_eq!(on(Ok(abi), &[("landlock-tcp-connect", "443")]).is_ok(), tcp, "{abi}");
            assert_eq!(on(Ok(abi), &[("landlock-scope", "signal")]).is_ok(), scopes, "{abi}");
        }
        // Of rights to files nothing is said where none are asked for.
        assert!(on(Ok(7), &[("landlock-scope", "signal")]).unwrap().contains("ABI 7, scope signal\n"));
    }

    #[test]
    fn landlock_rules_are_made_while_files_can_be_opened_and_hold_before_the_filter() {
        let settings = [("landlock-rw", "/tmp"), ("rlimit", "nofile=3"), ("init", "true")];
        let place = |steps: &[String], name: &str| steps.iter().rposition(|step| step == name).unwrap();
        for (more, after, before) in [
            (None, "inner no_new_privs", "inner seccomp"),
            // Without no_new_privs it takes CAP_SYS_ADMIN.
            (Some(("allow-new-privs", "true")), "inner rlimits", "inner seccomp"),
        ] {
            let settings: Vec<_> = settings.iter().copied().chain(more).collect();
            let steps = steps(&settings);
            let made = steps.iter().position(|step| step == "inner landlock").unwrap();
            assert!(place(&steps, "inner mounts") < made && place(&steps, "inner init") < made);
            assert!(made < place(&steps, "inner rlimits"));
            let held = place(&steps, "inner landlock");
            assert!(place(&steps, after) < held && held < place(&steps, before), "{steps:?}");
        }
        let without_privileges = steps(&[settings[0], ("allow-new-privs", "true")]);
        assert!(place(&without_privileges, "inner landlock") < place(&without_privileges, "inner capabilities"));
    }

    /// The steps of a plan by side and name.
    fn steps(settings: &[(&str, &str)]) -> Vec<String> {
        lines(settings).lines().map(|l| l[..23].split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn what_needs_the_callers_privileges_comes_before_its_user_namespace_is_left() {
        let steps = steps(&[("rlimit", "as=5000"), ("nice", "-1"), ("oom-score-adj", "-1"), ("boottime-offset", "1")]);
        let at = |step: &str| steps.iter().position(|s| s == step).unwrap_or_else(|| panic!("{step} in {steps:?}"));
        for early in ["outer rlimits", "outer nice", "outer oom_score_adj"] {
            assert!(at(early) < at("outer user namespace"), "{early}");
        }
        assert!(!steps.contains(&"inner nice".into()));
        assert_eq!(at("outer namespaces") + 1, at("outer time offsets"));
        assert!(at("outer time offsets") < at("both fork"));
    }

    #[test]
    fn limits_come_when_nothing_is_left_that_they_could_starve() {
        let settings = [("rlimit", "nofile=3"), ("nice", "5"), ("oom-score-adj", "5"), ("init", "true"), ("cpus", "0")];
        let more = [("umask", "022"), ("personality", "addr-no-randomize"), ("no-tsc", "true"), ("core-sched", "true")];
        let steps = steps(&[&settings[..], &more].concat());
        let from = steps.iter().position(|step| step == "inner init").unwrap();
        assert_eq!(
            steps[from..],
            [
                "inner init",
                "inner nice",
                "inner affinity",
                "inner core scheduling",
                "inner umask",
                "inner personality",
                "inner rlimits",
                "inner tsc",
                "inner capabilities",
                "inner no_new_privs",
                "inner seccomp",
            ]
        );
        assert!(!steps.contains(&"outer rlimits".into()) && !steps.contains(&"outer nice".into()));
        // /proc is the host's until the mounts.
        let of = |step: &str| steps.iter().position(|s| s == step);
        assert!(of("both fork") < of("inner oom_score_adj") && of("inner oom_score_adj") < of("inner mounts"));
    }

    #[test]
    fn limits_are_what_the_callers_make_of_the_words() {
        let plan =
            lines(&[("rlimit", "as=soft"), ("rlimit", "cpu=soft:hard"), ("rlimit", "core=1"), ("rlimit", "core=hard")]);
        assert!(plan.contains("rlimits         as 100; cpu 100s, hard 1000s; core 1000\n"), "{plan}");
        assert!(lines(&[("rlimit", "as=inf")]).contains("outer   rlimits         raise as to inf"));
        let unknown = Host { limits: [None; 16], ..host() };
        assert!(try_for(&unknown, &[("rlimit", "as=hard")]).is_err());
        assert!(try_for(&unknown, &[("rlimit", "as=5")]).unwrap().contains("as 5"));
    }

    #[test]
    fn only_a_target_with_the_callers_id_can_be_root_to_nproc() {
        let early = |host: &Host, settings: &[(&str, &str)]| {
            try_for(host, settings).unwrap().contains("outer   rlimits         be sure that nproc can hold")
        };
        let root = Host { uid: 0, gid: 0, privileged: true, ..host() };
        assert!(early(&host(), &[("rlimit", "nproc=9")]) && early(&root, &[("rlimit", "nproc=9"), ("uid", "5")]));
        assert!(early(&root, &[("rlimit", "nproc=9"), ("share", "user"), ("uid", "0")]));
        assert!(!early(&root, &[("rlimit", "nproc=9"), ("share", "user"), ("uid", "5")]));
        let unlimited = Host { limits: [Some((libc::RLIM_INFINITY, libc::RLIM_INFINITY)); 16], ..host() };
        assert!(!early(&unlimited, &[("rlimit", "nproc=inf")]) && !early(&host(), &[("rlimit", "as=9")]));
    }

    #[test]
    fn a_nice_value_is_taken_early_where_it_may_take_a_privilege() {
        let side = |own: Option<i32>, nice: &str| {
            let plan = try_for(&Host { nice: own, ..host() }, &[("nice", nice)]).unwrap();
            (plan.contains("outer   nice"), plan.contains("inner   nice"))
        };
        assert_eq!(
            (side(Some(0), "0"), side(Some(10), "5"), side(Some(-5), "-3")),
            ((false, true), (true, false), (false, true))
        );
        assert_eq!(side(None, "19"), (true, false));
    }

    #[test]
    fn maps_are_written_by_who_may() {
        use crate::delegation::{Delegation, SubRange};
        let many = [("uid-map", "0:1000"), ("uid-map", "1:100000:10")];
        let root = Host { maps_any: true, leaves_groups: true, ..host() };
        let plan = try_for(&root, &many).unwrap();
        assert!(plan.contains("a process stays outside to write uid_map\n"), "{plan}");
        assert!(plan.contains("uid_map \"0 1000 1, 1 100000 10\" from outside, gid_map \"100 100 1\"\n"), "{plan}");
        assert!(plan.find("no supplementary groups").unwrap() < plan.find("stays outside").unwrap(), "{plan}");

        let given = Delegation {
            name: Some("u".into()),
            uids: vec![SubRange { first: 100_000, count: 10 }],
            newuidmap: Some(c"/opt/newuidmap".into()),
            setgroups: true,
            ..Delegation::default()
        };
        let user = Host { delegation: Some(given.clone()), ..host() };
        let plan = try_for(&user, &[&many[..], &[("uid", "5")]].concat()).unwrap();
        assert!(plan.contains("run /opt/newuidmap\n") && plan.contains("uid 5, gid as it is\n"), "{plan}");
        assert!(plan.contains("setgroups deny"), "{plan}");
        assert!(!try_for(&user, &many).unwrap().contains("ids     "), "it is the caller under another name");
        assert!(try_for(&user, &[("uid-map", "0:100000:11"), ("uid", "0")]).is_err());
        assert!(try_for(&user, &[("gid-map", "0:100000:1"), ("gid", "0")]).is_err());
        // What the files cannot tell is the tool's to say.
        for unknown in [Delegation { name: None, ..given.clone() }, Delegation { elsewhere: true, ..given }] {
            let user = Host { delegation: Some(unknown), ..host() };
            let plan = try_for(&user, &[("gid-map", "0:5:1"), ("gid", "0")]).unwrap();
            assert!(plan.contains("run /usr/bin/newgidmap\n"), "{plan}");
            assert!(plan.contains("setgroups as it is") && plan.contains("gid 0, no supplementary groups"), "{plan}");
        }
    }

    #[test]
    fn who_can_change_its_ids_is_not_the_child_that_dies_with_outer() {
        let root = Host { maps_any: true, privileged: true, ..host() };
        let keeps = [("cap-keep", "setuid"), ("uid-map", "0:0:2000")];
        assert!(try_for(&root, &keeps).is_err());
        assert!(try_for(&root, &keeps[..1]).is_ok(), "one id is mapped: there is nothing to change to");
        assert!(try_for(&root, &[&keeps[..1], &[("share", "user")]].concat()).is_err());
        assert!(try_for(&root, &[&keeps[..], &[("init", "true")]].concat()).is_ok());
        assert!(try_for(&root, &[&keeps[..], &[("no-die-with-parent", "true")]].concat()).is_ok());
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
    fn a_filter_under_which_setup_cannot_end_is_loaded_after_it() {
        for deny in ["write", "close", "read", "symlink,write"] {
            assert!(lines(&[("seccomp-deny", deny)]).contains("after the last word"), "{deny}");
        }
        for settings in [("seccomp-deny", "symlink,mkdir"), ("seccomp", "bpf:000600007fff0000")] {
            assert!(!lines(&[settings]).contains("after the last word"), "{settings:?}");
        }
    }

    #[test]
    fn interfaces_are_made_by_who_stays_outside_and_awaited_by_inner() {
        let settings = [
            ("own-iface", "eth1"),
            ("veth", "sbx0:name=e:host-ip=10.9.0.1/30:bridge=br0"),
            ("macvlan", "eth0:ip=10.0.0.2/8:gateway=10.0.0.1"),
            ("no-loopback", "true"),
        ];
        let (plan, order) = (lines(&settings), steps(&settings));
        let at = |step: &str| order.iter().position(|s| s == step).unwrap_or_else(|| panic!("{step} in {order:?}"));
        assert!(at("outer network") < at("outer user namespace") && at("both fork") < at("beside network"));
        assert!(at("inner network") < at("inner interfaces") && at("inner interfaces") < at("inner capabilities"));
        let outside = "outside to make or move vs, macvlan on eth0, private; e, veth to sbx0 on br0, 10.9.0.1/30 outside; \
            eth1 itself\n";
        let beside = "loopback stays down; vs up, 10.0.0.2/8, gateway 10.0.0.1; e up; eth1 up\n";
        assert!(plan.contains(outside) && plan.contains(beside), "{plan}");
        let alone = lines(&[("no-loopback", "true")]);
        assert!(!alone.contains("inner   loopback") && !alone.contains("inner   interfaces"), "{alone}");
        // Two families have a default route each.
        assert!(
            try_for(
                &host(),
                &[("macvlan", "e:ip=10.0.0.1:gateway=10.0.0.2"), ("veth", "a:name=b:ip=fd00::2/64:gateway=fd00::1")]
            )
            .is_ok()
        );
    }

    #[test]
    fn who_names_calls_that_end_in_sigsys_is_forked_first_and_only_where_it_is_asked() {
        let can = Host { can_tell: true, ..host() };
        let plan = |host: &Host, settings: &[(&str, &str)]| try_for(host, settings).unwrap();
        let forks = "outer   observer        fork: a process stays outside, asked about calls that kill\n";
        let killing = plan(&can, &[("seccomp-action", "kill")]);
        assert!(killing.find(forks).unwrap() < killing.find("user namespace").unwrap(), "{killing}");
        assert!(!plan(&host(), &[("seccomp-action", "kill")]).contains("observer"));
        // Nobody could be asked: the kernel does the same in silence.
        assert!(!plan(&can, &[("seccomp-action", "kill"), ("seccomp-deny", "read")]).contains("observer"));
        let given = plan(&can, &[("seccomp-action", "kill"), ("observe", "kills"), ("observer-fd", "9")]);
        assert!(given.contains("observer        asked about calls that kill\n"), "{given}");
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
