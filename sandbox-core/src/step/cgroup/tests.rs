//! What is decided for hosts that are only pretended.

use crate::cgroups::tests::{CONTAINER, MIXED, UNIFIED};
use crate::cgroups::{Cgroups, Dir};
use crate::error::Refusal;
use crate::host::{Host, tests::host};
use crate::policy::Policy;
use crate::setting::{Assignment, Origin, named};

const SCOPE: &str = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope";

/// A directory that the caller may use.
fn usable(path: &str) -> Dir {
    Dir { path: std::ffi::CString::new(path).unwrap(), there: true, writable: true, ..Dir::default() }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(String::from).collect()
}

/// A group of version 2 that was delegated with all controllers, and who sits in it.
fn delegated(path: &str, processes: &[i32]) -> Dir {
    Dir { controllers: words("cpu memory pids"), processes: processes.to_vec(), ..usable(path) }
}

fn with((own, mounts): (&str, &str), dirs: Vec<Dir>) -> Cgroups {
    let mut cgroups = Cgroups::read(own.as_bytes(), mounts.as_bytes());
    (cgroups.dirs, cgroups.pid, cgroups.children) = (dirs, 7, vec![8]);
    cgroups
}

fn try_plan(cgroups: Cgroups, settings: &[(&str, &str)]) -> Result<String, String> {
    let say = |&(name, text): &(&str, &str)| Assignment {
        setting: named(name).unwrap(),
        text: text.into(),
        origin: Origin::Flag,
    };
    let policy = Policy::new(&settings.iter().map(say).collect::<Vec<_>>()).unwrap();
    let host = Host { cgroups: Some(cgroups), ..host() };
    crate::plan::plan(&policy, &host).map(|plan| plan.to_string()).map_err(|error| Refusal::from(error).message())
}

/// The lines of the steps.
fn plan(cgroups: Cgroups, settings: &[(&str, &str)]) -> Vec<String> {
    let plan = try_plan(cgroups, settings).unwrap();
    plan.lines().filter(|line| line.contains(" cgroup ")).map(|line| line[24..].to_owned()).collect()
}

fn mixed() -> Cgroups {
    with(
        MIXED,
        ["memory/user.slice/a b", "cpu,cpuacct", "unified/x"]
            .map(|dir| usable(&format!("/sys/fs/cgroup/{dir}")))
            .into(),
    )
}

#[test]
fn version_2_has_one_group_for_all_and_a_caller_that_is_alone_makes_room() {
    let all = [("memory-max", "64m"), ("swap-max", "0"), ("pids-max", "32"), ("cpu-max", "150")];
    let steps = plan(with(UNIFIED, vec![delegated(SCOPE, &[8, 7])]), &all);
    let limits = "cgroup.max.depth 1, cgroup.max.descendants 1, memory.max 67108864, memory.oom.group 1, memory.swap.max 0, \
                  pids.max 32, cpu.max 150000 100000";
    assert_eq!(
        steps,
        [
            format!("below {SCOPE} (v2), the caller beside it, given memory, pids, cpu, {limits}"),
            "join".into(),
            "be sure that no control group can be written to".into()
        ]
    );
    // Who is not there need not be moved, and what is given already is not given again.
    let empty = Dir { enabled: words("memory pids"), ..delegated(SCOPE, &[]) };
    let steps = plan(with(UNIFIED, vec![empty]), &[("pids-max", "32"), ("cpu-max", "1")]);
    assert!(steps[0].starts_with(&format!("below {SCOPE} (v2), given cpu, cgroup.max.depth")), "{steps:?}");
    // At the root there may be both.
    let root = Dir { is_root: true, ..delegated("/sys/fs/cgroup", &[1, 2, 3]) };
    let steps = plan(with(UNIFIED, vec![root]), &[("pids-max", "32"), ("cgroup-parent", "/")]);
    assert!(steps[0].starts_with("below /sys/fs/cgroup (v2), given pids, "), "{steps:?}");
}

#[test]
fn version_1_has_a_group_in_each_hierarchy_and_the_same_meaning() {
    let all = [("memory-max", "64m"), ("swap-max", "16m"), ("cpu-max", "20")];
    assert_eq!(
        plan(mixed(), &all)[0],
        "below /sys/fs/cgroup/memory/user.slice/a b (v1), memory.use_hierarchy 1, memory.limit_in_bytes 67108864, \
         memory.memsw.limit_in_bytes 83886080; below /sys/fs/cgroup/cpu,cpuacct (v1), cpu.cfs_period_us 100000, \
         cpu.cfs_quota_us 20000"
    );
    let none = plan(mixed(), &[("memory-max", "64m"), ("swap-max", "0")]);
    assert!(none[0].ends_with("memory.memsw.limit_in_bytes 67108864, memory.swappiness 0"), "{none:?}");
    assert!(try_plan(mixed(), &[("swap-max", "0")]).unwrap_err().contains("together"));
}

#[test]
fn without_a_setting_there_is_no_step_and_a_parent_alone_is_none() {
    assert!(plan(mixed(), &[]).is_empty());
    assert!(try_plan(mixed(), &[("cgroup-parent", "/")]).unwrap_err().starts_with("sbx: policy: cgroup-parent: "));
    assert!(
        try_plan(mixed(), &[("memory-max", "1m"), ("share", "mount")]).unwrap_err().contains("memory-max: without")
    );
}

#[test]
fn without_a_pid_namespace_a_group_is_what_can_be_killed() {
    let shared = [("share", "pid"), ("memory-max", "1m"), ("time-limit", "5")];
    let steps = plan(mixed(), &shared);
    assert!(steps[0].contains("; below /sys/fs/cgroup/unified/x (v2), cgroup.max.depth 1"), "{steps:?}");
    let only_memory = with(MIXED, vec![usable("/sys/fs/cgroup/memory/user.slice/a b")]);
    assert!(try_plan(only_memory.clone(), &shared).unwrap_err().contains("time-limit: "));
    assert!(try_plan(only_memory.clone(), &shared[..2]).is_ok(), "there is nothing to be killed for");
    assert!(try_plan(only_memory, &shared[1..]).is_ok(), "the end of pid 1 is that of all");
    assert!(try_plan(mixed(), &[("share", "pid"), ("time-limit", "5")]).is_err());
}

#[test]
fn processor_time_is_counted_where_somebody_wants_to_know() {
    let own = "9:freezer:/\n5:cpuacct:/\n4:cpu:/\n";
    let mounts = "1 0 0:4 / /c rw - cgroup c rw,cpu\n2 0 0:5 / /a rw - cgroup c rw,cpuacct\n3 0 0:9 / /f rw - cgroup c rw,freezer\n";
    let apart = || with((own, mounts), vec![usable("/c"), usable("/a"), usable("/f")]);
    assert_eq!(plan(apart(), &[("cpu-max", "5")])[0].matches("below").count(), 1);
    let told = plan(apart(), &[("cpu-max", "5"), ("stats", "told")]);
    assert!(told[0].contains("below /c (v1)") && told[0].contains("below /a (v1)"), "{told:?}");
    let frozen = plan(apart(), &[("cpu-max", "5"), ("share", "pid"), ("time-limit", "1")]);
    assert!(frozen[0].contains("below /f (v1)"), "{frozen:?}");
}

/// The refusal and its remedy.
fn refused(cgroups: Cgroups, settings: &[(&str, &str)]) -> String {
    let message = try_plan(cgroups, settings).unwrap_err();
    assert!(message.contains("\nsbx: hint: "), "{message}");
    message
}

#[test]
fn a_group_that_cannot_be_had_is_refused_with_the_command_that_gives_it() {
    let memory = [("memory-max", "1m")];
    let systemd = |mut cgroups: Cgroups| {
        cgroups.systemd = true;
        cgroups
    };
    let run = "systemd-run --user --scope -p Delegate=yes sbx-launch";
    let not_mine = Dir { writable: false, ..delegated(SCOPE, &[7]) };
    let said = refused(systemd(with(UNIFIED, vec![not_mine.clone()])), &memory);
    assert!(
        said.starts_with(&format!("sbx: policy: memory-max: the control group {SCOPE} is not delegated to uid 1000"))
    );
    assert!(said.contains(run), "{said}");
    let said = refused(with(UNIFIED, vec![not_mine]), &memory);
    assert!(
        said.contains("chown 1000 sbx sbx/cgroup.procs") && said.contains("setpriv --reuid 1000 --regid 100"),
        "{said}"
    );

    let not_mine = Dir { writable: false, ..usable("/sys/fs/cgroup/memory/user.slice/a b") };
    let said = refused(systemd(with(MIXED, vec![not_mine])), &memory);
    assert!(said.contains("chown 1000 /sys/fs/cgroup/memory/user.slice/a b/sbx"), "{said}");
    assert!(said.contains("--cgroup-parent=/user.slice/a b/sbx"), "{said}");

    let said = refused(systemd(with(UNIFIED, vec![delegated(SCOPE, &[7, 99])])), &memory);
    assert!(said.contains("process 99 sits in the control group") && said.contains(run), "{said}");
    assert!(said.contains(&format!("mkdir {SCOPE}/sbx-shell && echo 99 >{SCOPE}/sbx-shell/cgroup.procs")), "{said}");
    assert!(refused(with(UNIFIED, vec![delegated(SCOPE, &[7, 0])]), &memory).contains("another pid namespace"));

    let poor = Dir { controllers: words("pids"), ..delegated(SCOPE, &[7]) };
    let said = refused(systemd(with(UNIFIED, vec![poor.clone()])), &memory);
    assert!(said.contains("was not given the controller memory") && said.contains("delegate.conf"), "{said}");
    assert!(refused(with(UNIFIED, vec![poor]), &memory).contains("echo +memory >"));

    assert!(refused(with(CONTAINER, vec![usable("/sys/fs/cgroup")]), &memory).contains("is mounted read-only"));
    let said = refused(with(CONTAINER, Vec::new()), &[("memory-max", "1m"), ("cgroup-parent", "/jobs")]);
    assert!(said.contains("/jobs is not within /docker/5a") && said.contains("/proc/self/cgroup"), "{said}");
    let out = ("0::/../x\n", UNIFIED.1);
    assert!(refused(with(out, Vec::new()), &memory).contains("--cgroupns=private"));
    assert!(refused(with(("0::/\n", ""), Vec::new()), &memory).contains("mount -t cgroup2 none"));
    assert!(refused(with(UNIFIED, Vec::new()), &[("net-class", "1")]).contains("mount -t cgroup -o net_cls"));
    assert!(refused(Cgroups::default(), &memory).contains("mount -t cgroup2"));
    assert!(
        refused(mixed(), &[("memory-max", "1m"), ("cgroup-parent", "/nowhere")])
            .contains("mkdir /sys/fs/cgroup/memory/nowhere")
    );
    let path = [("memory-max", "1m"), ("cgroup-parent", "/sys/fs/cgroup/memory/u")];
    assert!(refused(mixed(), &path).contains("not by its directory"));
}

#[test]
fn a_group_is_joined_before_anything_else_and_checked_after_the_mounts() {
    let plan = try_plan(mixed(), &[("memory-max", "1m"), ("root-rw", "true"), ("oom-score-adj", "1")]).unwrap();
    let steps: Vec<_> = plan.lines().map(|l| l[..23].split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let at = |step: &str| steps.iter().position(|s| s == step).unwrap_or_else(|| panic!("{step} in {steps:?}"));
    assert!(at("outer cgroup") < at("outer user namespace") && at("outer fds") < at("outer cgroup"));
    assert_eq!(at("inner cgroup"), at("both fork") + 1 + usize::from(steps.contains(&"beside network".into())));
    let check = steps.iter().rposition(|step| step == "inner cgroup").unwrap();
    assert_eq!(check, at("inner mounts") + 1);
    for point in ["/sys/fs/cgroup/memory ro", "/sys/fs/cgroup/unified ro"] {
        assert!(plan.contains(point), "{plan}");
    }
}
