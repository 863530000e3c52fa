//! Hosts that are only pretended, as their kernels would tell of them.

use super::*;
use crate::setting::value::Text;

/// A host of today: everything in version 2, the caller in a scope.
pub(crate) const UNIFIED: (&str, &str) = (
    "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope\n",
    "22 1 0:20 / /proc rw - proc proc rw\n\
     33 22 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n",
);
/// One of yesterday: most controllers in version 1, some of them together, and version 2 for systemd.
pub(crate) const MIXED: (&str, &str) = (
    "12:pids:/user.slice\n5:cpu,cpuacct:/\n3:memory:/user.slice/a b\n1:name=systemd:/x\n0::/x\n",
    "33 22 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
     34 22 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
     35 22 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
     36 22 0:33 / /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n",
);
/// A container whose host's names are seen (docker --cgroupns=host).
pub(crate) const CONTAINER: (&str, &str) =
    ("0::/docker/5a\n", "40 39 0:26 /docker/5a /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n");

fn host((own, mounts): (&str, &str)) -> Cgroups {
    Cgroups::read(own.as_bytes(), mounts.as_bytes())
}

fn dir(place: Result<Place, NoPlace>) -> String {
    place.map(|place| place.dir.into_string().unwrap()).unwrap_or_else(|why| format!("{why:?}"))
}

fn named(name: &str) -> GroupName {
    GroupName::parse(name.as_bytes()).unwrap()
}

#[test]
fn a_controller_is_in_version_1_or_else_in_version_2() {
    let (unified, mixed) = (host(UNIFIED), host(MIXED));
    let scope = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope";
    for controller in [Controller::Memory, Controller::Pids, Controller::Cpu] {
        assert_eq!(dir(unified.place(controller, None)), scope);
        assert_eq!(unified.place(controller, None).unwrap().version, Version::V2);
    }
    assert_eq!(dir(mixed.place(Controller::Memory, None)), "/sys/fs/cgroup/memory/user.slice/a b");
    assert_eq!(dir(mixed.place(Controller::Cpu, None)), "/sys/fs/cgroup/cpu,cpuacct");
    assert_eq!(dir(mixed.place(Controller::Cpuacct, None)), "/sys/fs/cgroup/cpu,cpuacct");
    assert!(mixed.place(Controller::Pids, None).unwrap().read_only);
    assert_eq!(dir(mixed.unified(None)), "/sys/fs/cgroup/unified/x");
    // What no hierarchy has.
    assert_eq!(mixed.place(Controller::NetCls, None), Err(NoPlace::NoHierarchy));
    assert_eq!(unified.place(Controller::Freezer, None), Err(NoPlace::NoHierarchy));
    assert_eq!(Cgroups::default().place(Controller::Memory, None), Err(NoPlace::NoHierarchy));
}

#[test]
fn a_group_is_found_below_what_is_mounted_and_nowhere_else() {
    let container = host(CONTAINER);
    assert_eq!(dir(container.unified(None)), "/sys/fs/cgroup");
    assert_eq!(dir(container.unified(Some(&named("jobs")))), "/sys/fs/cgroup/jobs");
    assert_eq!(dir(container.unified(Some(&named("/docker/5a/jobs")))), "/sys/fs/cgroup/jobs");
    for outside in ["/", "/docker", "/docker/5", "/docker/5ab", "/jobs"] {
        let place = container.unified(Some(&named(outside)));
        assert!(matches!(place, Err(NoPlace::OutOfSight { .. })), "{outside}: {place:?}");
    }
    // The caller's own group cannot be named in its namespace, or is not what is mounted.
    for (own, root) in [("/../x", "/"), ("/..", "/"), ("/", "/../y"), ("/a", "/b"), ("/ab", "/a"), ("/..", "/..")] {
        let mounts = format!("40 39 0:26 {root} /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
        let place = Cgroups::read(format!("0::{own}\n").as_bytes(), mounts.as_bytes()).unified(None);
        assert!(matches!(place, Err(NoPlace::OutOfSight { .. })), "{own} {root}: {place:?}");
    }
    assert_eq!(Cgroups::read(b"0::/\n", b"").unified(None), Err(NoPlace::NotMounted(Version::V2)));
}

#[test]
fn of_several_mounts_one_that_can_be_written_to_and_shows_the_group_is_taken() {
    let mounts =
        "1 0 0:26 / /ro ro - cgroup2 x rw\n2 0 0:26 /b /b rw - cgroup2 x rw\n3 0 0:26 /a /a\\040b rw - cgroup2 x rw\n";
    let place = |own: &str| Cgroups::read(format!("0::{own}\n").as_bytes(), mounts.as_bytes()).unified(None).unwrap();
    assert_eq!((place("/a/c").dir.as_c_str(), place("/a/c").read_only), (c"/a b/c", false));
    assert_eq!((place("/c").dir.as_c_str(), place("/c").read_only), (c"/ro/c", true));
    assert_eq!(place("/").dir.as_c_str(), c"/ro");
    assert_eq!(place("/a").device, libc::makedev(0, 26));
}

#[test]
fn a_parent_is_named_from_the_root_or_from_the_own_group() {
    let mixed = host(MIXED);
    let memory = |name: &str| dir(mixed.place(Controller::Memory, Some(&named(name))));
    assert_eq!(memory("/jobs/1"), "/sys/fs/cgroup/memory/jobs/1");
    assert_eq!(memory("jobs"), "/sys/fs/cgroup/memory/user.slice/a b/jobs");
    assert_eq!(
        (memory("."), memory("/")),
        ("/sys/fs/cgroup/memory/user.slice/a b".into(), "/sys/fs/cgroup/memory".into())
    );
    assert_eq!(dir(mixed.place(Controller::Cpu, Some(&named("jobs")))), "/sys/fs/cgroup/cpu,cpuacct/jobs");
}

#[test]
fn nonsense_is_no_group() {
    for text in ["", "\n\n", "0", "0:", "a b c", "1 2 x:y / / rw - cgroup c rw,memory", "1 2 0:1 / /x rw - cgroup2"] {
        assert_eq!(Cgroups::read(text.as_bytes(), text.as_bytes()).mounts, []);
    }
    assert!(text::writable(UNIFIED.1.as_bytes()) && !text::writable(CONTAINER.1.as_bytes()) && !text::writable(b""));
    assert!(!text::writable(b"1 0 0:26 / /x rw - cgroup2 x ro\n1 0 0:27 / /y rw - tmpfs x rw\n"));
}

#[test]
fn what_is_covered_cannot_be_written_to() {
    let root =
        "1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / /sys rw - sysfs x rw\n3 2 0:3 / /sys/fs/cgroup rw - cgroup2 x rw\n";
    let writable = |more: &str| text::writable(format!("{root}{more}").as_bytes());
    assert!(writable(""));
    // The same, read-only, over itself.
    assert!(!writable("4 3 0:3 / /sys/fs/cgroup ro - cgroup2 x rw\n"));
    // And writable again over that.
    assert!(writable("4 3 0:3 / /sys/fs/cgroup ro - cgroup2 x rw\n5 4 0:3 / /sys/fs/cgroup rw - cgroup2 x rw\n"));
    // A directory on the way is covered, on either mount; or the mount that it lies on.
    assert!(!writable("4 2 0:4 / /sys/fs rw - tmpfs x rw\n"));
    assert!(!writable("4 2 0:4 / /sys rw - tmpfs x rw\n"));
    // Elsewhere it covers nothing.
    for other in ["/sys/fs/cgroups", "/sys/fs/cgroup/a", "/proc", "/sys/f"] {
        assert!(writable(&format!("4 2 0:4 / {other} rw - tmpfs x rw\n")), "{other}");
    }
    // The root lies over another root, and what is seen may lie over what is not.
    let over = "0 0 0:9 / / rw - rootfs x rw\n4 3 0:3 / /sys/fs/cgroup ro - cgroup2 x rw\n5 4 0:3 / /sys/fs/cgroup ro - cgroup2 x rw\n";
    assert!(!writable(over) && writable(&format!("{over}6 5 0:3 /a /sys/fs/cgroup/a rw - cgroup2 x rw\n")));
    // One that is its own parent, as an initramfs is, covers nothing.
    let rootfs = "1 1 0:2 / / rw - rootfs x rw\n";
    assert!(text::writable(format!("{rootfs}30 1 0:3 / /mnt rw - cgroup2 x rw\n").as_bytes()));
    assert!(writable("0 0 0:9 / / rw - rootfs x rw\n"));
    // A second one that is seen.
    assert!(writable("4 3 0:3 / /sys/fs/cgroup ro - cgroup2 x rw\n5 1 0:3 / /mnt rw - cgroup2 x rw\n"));
    // Lines that lead in a circle, or nowhere, are no excuse.
    assert!(text::writable(b"3 3 0:3 / / rw - cgroup2 x rw\n") && text::writable(b"3 9 0:3 / /a rw - cgroup2 x rw\n"));
    assert!(text::writable(b"3 4 0:3 / /a rw - cgroup2 x rw\n4 3 0:3 / /b rw - cgroup2 x rw\n"));
}
