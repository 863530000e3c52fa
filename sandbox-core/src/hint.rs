//! Remedies: what to do about a step's failure, where that is known.

use crate::error::SetupError;
use crate::step::landlock;
use crate::step::rlimits::NPROC_OF_ROOT;
use crate::sys::call::Call;

/// What about this host explains a refusal. Found by the process that failed, while it can still open files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    Unknown,
    /// user.max_user_namespaces is 0.
    SwitchedOff,
    /// kernel.unprivileged_userns_clone is 0.
    RootOnly,
    /// kernel.apparmor_restrict_unprivileged_userns is 1.
    AppArmor,
    /// An AppArmor profile holds this process.
    Confined,
}

impl Cause {
    /// The cause of this number, as `as u8` gives it.
    pub fn from_number(number: u8) -> Self {
        let all = [Cause::SwitchedOff, Cause::RootOnly, Cause::AppArmor, Cause::Confined];
        all.into_iter().find(|&cause| cause as u8 == number).unwrap_or(Cause::Unknown)
    }
}

/// Looks for the cause of a refusal with `errno`.
pub fn cause(errno: i32) -> Cause {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let says = |path: &str, value: &str| read(path).trim() == value;
    let refused = matches!(errno, libc::EPERM | libc::EACCES);
    if !refused && !matches!(errno, libc::ENOSPC | libc::EUSERS) {
        return Cause::Unknown;
    }
    if says("/proc/sys/user/max_user_namespaces", "0") {
        Cause::SwitchedOff
    } else if refused && says("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        Cause::RootOnly
    } else if refused && confines(&read("/proc/self/attr/apparmor/current")) {
        Cause::Confined
    } else if refused && says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        Cause::AppArmor
    } else {
        Cause::Unknown
    }
}

/// Whether a process with this label, as AppArmor writes it, is held by a profile that somebody gave it. The kernel's
/// setting itself puts processes with a user namespace under the profile unprivileged_userns.
fn confines(label: &str) -> bool {
    let label = label.trim();
    label.ends_with(" (enforce)") && !label.starts_with("unprivileged_userns ")
}

/// One line of remedy.
pub fn for_error(error: &SetupError) -> Option<String> {
    let fixed = match (error.step, error.errno) {
        ("id maps", libc::ENOENT) if error.call == Call::Execve => {
            "install newuidmap and newgidmap: they are in the package uidmap (Debian, Ubuntu), shadow-utils (Fedora) or shadow"
        }
        ("id maps", _) if error.call == Call::Execve => {
            "newuidmap and newgidmap map what /etc/subuid and /etc/subgid give to a user of /etc/passwd in its own group; they \
             are set-user-ID, which has no effect under no_new_privs or in a file system mounted nosuid"
        }
        ("id maps", libc::EPERM) if error.object.starts_with("/proc/PID/") => {
            "ids can be mapped that the user namespace around this one has, and its id 0 only with CAP_SETFCAP"
        }
        ("user namespace" | "id maps" | "namespaces", errno) => return namespaces(error, errno),
        ("mounts", libc::EPERM) if error.object == "/proc" => {
            "a fresh procfs is refused where parts of /proc are masked, as containers do: use --proc none, or start the \
             container with an unmasked /proc (docker: --security-opt systempaths=unconfined, podman: --security-opt \
             unmask=ALL)"
        }
        ("uplink", libc::ENOENT | libc::EACCES) if error.call == Call::Execve => {
            "pasta is in the package passt, slirp4netns in the package of its name"
        }
        ("uplink", _) if error.object.contains("tun") || error.object.contains("TUN") => {
            "/dev/net/tun must be there, and be writable: modprobe tun; chmod 666 /dev/net/tun; in a container \
             --device /dev/net/tun"
        }
        ("uplink", _) if error.object.contains("bind") || error.object.contains("add_hostfwd") => {
            "a port of --publish is taken, is not of an address of this host, or lies below \
             net.ipv4.ip_unprivileged_port_start"
        }
        ("uplink", _) if error.object.contains("routable interface") => {
            "pasta takes the sandbox's address and routes from the host's interface with the default route, and there is none"
        }
        ("mounts", libc::EROFS) if error.object == "/etc/resolv.conf" => {
            "the tree has no /etc/resolv.conf to be covered: make an empty file, or leave it with --dns="
        }
        ("mounts", libc::EROFS) => {
            "mount points are only made in file systems of the sandbox's own: make the directory first, or put it below \
             one, such as /tmp, /run or a --tmpfs"
        }
        ("mounts", libc::ENOENT) if error.call.name() == "openat" => {
            "nothing is there; --bind-try and --bind-ro-try skip a missing source"
        }
        ("mounts", libc::ENOTDIR) if matches!(error.call.name(), "move_mount" | "mount") => {
            "a directory can only be put over a directory, and anything else only over what is none"
        }
        ("mounts", libc::EXDEV) => "an overlay's upper and work must lie in one file system",
        ("mounts", libc::EACCES) if error.call.name() == "fstatfs" => {
            "an overlay's work directory must be empty and belong, as upper does, to whoever starts the sandbox, in a file \
             system that is mounted writable"
        }
        ("mounts", libc::ELOOP) if is_overlay(error) => {
            "an overlay's directories overlap: each may be given once, and none may lie within upper or work"
        }
        ("mounts", libc::EBUSY) if is_overlay(error) => "another overlay that is mounted uses the same upper or work",
        ("mounts", libc::EINVAL) if is_overlay(error) => {
            "an overlay needs upper and work in one mount, neither within the other, in a file system that is writable and \
             takes attributes and whiteouts; and lowers with no mounts below them, unless root does without a user namespace"
        }
        ("mounts" | "hostname" | "network", libc::EPERM | libc::EACCES) if by_apparmor(error) => {
            return namespaces(error, error.errno);
        }
        ("mounts", libc::EPERM) => {
            "inside a container this needs a seccomp and AppArmor profile that allow mounts (docker: --security-opt \
             seccomp=unconfined --security-opt apparmor=unconfined)"
        }
        ("mounts" | "network", libc::ENOSPC) => {
            "a limit of /proc/sys/user (max_mnt_namespaces, max_net_namespaces …) or fs.mount-max is used up"
        }
        ("network", errno) if errno != libc::ENOMEM && is_of_interfaces(error) => return interfaces(error),
        ("fds", libc::EISDIR) => "an open directory leads out of the sandbox: redirect from a file, or use --bind",
        ("fds", libc::EBADF) => "a descriptor named by --keep-fd is not open",
        ("cwd", libc::ENOENT) => "the directory must exist inside: --bind or --tmpfs can put it there",
        ("environment", libc::E2BIG) => {
            "arguments and environment together are limited to a quarter of the stack's limit (ulimit -s), one variable to \
             128 KiB"
        }
        ("stats" | "log", libc::ELOOP) => "a link is not followed, as others may have made it: name the file itself",
        ("stats", libc::EINVAL) => "only a regular file can be left empty by a failure; --status-fd takes anything",
        (landlock::NAME, libc::ENOENT) => "every listed path must exist inside; leave out what this host does not have",
        (landlock::NAME, libc::E2BIG) => "Landlock domains nest 16 deep at most",
        (landlock::NAME, libc::EBADFD) => {
            "Landlock takes files that have a place in the tree: no pipe, socket or namespace"
        }
        ("seccomp", libc::EINVAL) => "this kernel was built without CONFIG_SECCOMP_FILTER",
        ("observer", libc::ENOSYS | libc::EINVAL) => "calls can be observed from Linux 5.6 on",
        ("observer" | "seccomp", libc::EBUSY) => {
            "something observes the calls of this process already, and the kernel has one \
             observer for all around it"
        }
        ("observer", libc::EPERM) if error.call == Call::Ptrace => {
            "a thread that makes a call which is to end in SIGSYS is held for a moment, which a debugger or tracer around \
             sbx, or a sandbox, forbids"
        }
        ("observer", libc::EPERM) => "a sandbox around this one, or a Yama ptrace_scope of 3, forbids to observe",
        ("ids", libc::EPERM) => "becoming another user without a user namespace needs root",
        ("cgroup", errno) => return cgroup(error, errno),
        ("rlimits", libc::EPERM) if error.object == NPROC_OF_ROOT => {
            "the kernel does not hold the machine's root to nproc: start as another user, or use --pids-max"
        }
        ("rlimits", libc::EPERM) => {
            "a hard limit can be raised only with CAP_SYS_RESOURCE outside every user namespace: stay at the caller's \
             (ulimit -H), which the value hard stands for"
        }
        ("nice", libc::EACCES | libc::EPERM) => {
            "less than the caller's own takes CAP_SYS_NICE outside every user namespace, or RLIMIT_NICE (ulimit -e)"
        }
        ("oom_score_adj", libc::EACCES | libc::EPERM) => {
            "a lower value than was set with privileges takes CAP_SYS_RESOURCE outside every user namespace"
        }
        ("affinity", libc::EINVAL) => {
            "a processor is offline, or outside the cpuset of the caller's cgroup: see Cpus_allowed_list in \
             /proc/self/status"
        }
        ("core scheduling", libc::ENODEV) => {
            "cores have one hardware thread here, so there is nothing to be kept apart"
        }
        ("core scheduling", libc::EINVAL) => "this kernel has no CONFIG_SCHED_CORE (Linux 5.14)",
        ("time offsets", libc::ERANGE) => {
            "a clock cannot be taken below zero, nor beyond 146 years: see the first number of /proc/uptime"
        }
        (_, libc::EMFILE | libc::ENFILE) => "too few files may be open: raise RLIMIT_NOFILE (ulimit -n)",
        (_, libc::ENOMEM) => "memory is short, or RLIMIT_AS (ulimit -v) or --memory-max is small",
        (_, libc::EAGAIN) => "too many processes: RLIMIT_NPROC (ulimit -u), --pids-max or a pids limit of the cgroup",
        _ => return None,
    };
    Some(fixed.into())
}

fn is_of_interfaces(error: &SetupError) -> bool {
    let of_rtnetlink =
        matches!(error.call, Call::GetIfindex | Call::NewLink | Call::SetLink | Call::NewAddr | Call::NewRoute);
    of_rtnetlink || error.object.starts_with("/proc/sys/net/")
}

fn interfaces(error: &SetupError) -> Option<String> {
    let text = match error.errno {
        _ if error.object.starts_with("/proc/sys/net/") => {
            "what nobody asked for, IPv6 or router advertisements, is switched off there: /proc/sys must be writable"
        }
        libc::EPERM => {
            "interfaces are made and moved with CAP_NET_ADMIN in the network namespace around the sandbox: run as root, or \
             use --net pasta, which needs no privileges"
        }
        libc::ENODEV => "no interface has this name in the network namespace around the sandbox: see ip link",
        libc::EEXIST => {
            "an interface of this name is there: it belongs to another, or to a sandbox that is still running"
        }
        libc::EADDRINUSE => "another interface on the same one of the host's has this mac",
        libc::EBUSY => {
            "the host's interface is in use otherwise, as a port of a bridge, or by a macvlan in mode passthru"
        }
        libc::EOPNOTSUPP => {
            "this kernel has no such interfaces (CONFIG_MACVLAN, CONFIG_VETH), or their module is not loaded"
        }
        libc::EINVAL if error.object.ends_with(" itself") => {
            "some interfaces cannot leave their network namespace, bridges and loopback among them"
        }
        libc::EACCES if error.call == Call::NewAddr => {
            "IPv6 is switched off here: see net.ipv6.conf.default.disable_ipv6"
        }
        _ => return None,
    };
    Some(text.into())
}

/// File systems are made by these for overlays, and for others whose options cannot be wrong.
fn is_overlay(error: &SetupError) -> bool {
    matches!(error.call.name(), "fsconfig" | "mount")
}

/// Files that a policy names are refused by their permissions more often than by a profile.
fn by_apparmor(error: &SetupError) -> bool {
    matches!(error.cause, Cause::AppArmor | Cause::Confined)
        && !matches!(error.call.name(), "openat" | "open_tree" | "fstatfs")
}

fn namespaces(error: &SetupError, errno: i32) -> Option<String> {
    let text = match (error.cause, errno) {
        (Cause::SwitchedOff, _) => "user namespaces are switched off: sysctl -w user.max_user_namespaces=15000",
        (Cause::RootOnly, _) => "only root may make user namespaces here: sysctl -w kernel.unprivileged_userns_clone=1",
        (Cause::AppArmor, _) => {
            "AppArmor restricts user namespaces to programs with a profile that says userns: give this program one in \
             /etc/apparmor.d, or, for all programs, sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        }
        (Cause::Confined, libc::EPERM | libc::EACCES) => {
            "an AppArmor profile holds this process, see /proc/self/attr/apparmor/current: it must allow userns, \
             capability, mount, umount and pivot_root; in a container it is the container's, as is a seccomp profile that \
             may forbid the same (docker: --security-opt apparmor=unconfined --security-opt seccomp=unconfined)"
        }
        (Cause::Unknown, libc::EPERM | libc::EACCES) => {
            "making a namespace is forbidden: by a container's seccomp profile (docker: --security-opt \
             seccomp=unconfined), by a sandbox around this one, or because this process is in a chroot"
        }
        (Cause::Unknown, libc::ENOSPC | libc::EUSERS) => {
            "a limit on namespaces is used up: see /proc/sys/user/max_*_namespaces; user namespaces nest 32 deep at most"
        }
        (Cause::Unknown, libc::EINVAL) if error.step == "user namespace" => {
            "a second thread was running, or this kernel has no CONFIG_USER_NS"
        }
        (Cause::Unknown, libc::EINVAL) => "this kernel lacks a kind of namespace; name it in --share to do without",
        _ => return None,
    };
    let without = matches!(errno, libc::EPERM | libc::EACCES | libc::ENOSPC | libc::EUSERS)
        || (error.step == "user namespace" && errno == libc::EINVAL);
    Some(if without { format!("{text}; {WITHOUT}") } else { text.into() })
}

/// What there is where user namespaces cannot be had.
pub const WITHOUT: &str =
    "or do without: --share user,mount,pid,net,ipc,uts,cgroup,time with --landlock-rx, -ro and -rw (docs/landlock.md)";

/// Control groups, cgroups(7).
fn cgroup(error: &SetupError, errno: i32) -> Option<String> {
    let ends = |names: &[&str]| names.iter().any(|name| error.object.ends_with(name));
    let text = match errno {
        libc::ENOMEM if error.call == Call::Recv => {
            "the limit is less than what setting up takes: some hundred KiB, and what the program's libraries write to as they start"
        }
        libc::EBADE => {
            "a file system of control groups could be written to inside, and with it the limits: show /sys, or what is above or \
             below it, by --bind-ro"
        }
        libc::ENOENT if ends(&["memory.swap.max", "memory.memsw.limit_in_bytes"]) => {
            "this kernel does not count swap: boot it with swapaccount=1"
        }
        libc::ENOENT if ends(&["memory.oom.group"]) => "with cgroup v2 a limit of memory takes Linux 4.19",
        libc::ENOENT if ends(&["cgroup.kill"]) => "a time limit without a pid namespace takes Linux 5.14",
        libc::EINVAL if ends(&["cpu.cfs_quota_us"]) => {
            "with cgroup v1 a group can have no more than the one above it has"
        }
        libc::EACCES | libc::EPERM => {
            "the right to write to cgroup.procs is needed in the group that the caller's and the new one lie in: systemd-run --user \
             --scope -p Delegate=yes sbx-launch …"
        }
        libc::EBUSY => {
            "a process that sits in that group has come meanwhile: groups with limits are made beside processes, not below"
        }
        libc::EOPNOTSUPP => "the group is a threaded one, whose processes cannot be limited on their own (cgroup.type)",
        libc::EWOULDBLOCK if error.call == Call::Flock => "somebody holds the lock of that directory: see lslocks(8)",
        libc::EAGAIN => {
            "the groups above allow no more groups (cgroup.max.descendants, cgroup.max.depth), or no more processes"
        }
        libc::ENOSPC => "the kernel has no room for more control groups",
        libc::EXDEV => "something else is mounted over that directory",
        _ => return None,
    };
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_confines_when_somebody_gave_it() {
        for (label, expected) in [
            ("docker-default (enforce)\n", true),
            ("/usr/bin/app//child (enforce)\n", true),
            ("unconfined\n", false),
            ("sbx-launch (unconfined)\n", false),
            ("docker-default (complain)\n", false),
            ("unprivileged_userns (enforce)\n", false),
            ("", false),
        ] {
            assert_eq!(confines(label), expected, "{label}");
        }
    }

    #[test]
    fn a_profile_is_named_where_it_can_be_the_reason() {
        let hint = |step, call, object: &str, errno, cause| {
            SetupError { step, call, object: object.into(), errno, cause }.hint().unwrap_or_default()
        };
        for (step, call, errno) in [
            ("user namespace", Call::Unshare, libc::EACCES),
            ("id maps", Call::Open, libc::EACCES),
            ("namespaces", Call::Unshare, libc::EPERM),
            ("mounts", Call::MoveMount, libc::EACCES),
            ("hostname", Call::Sethostname, libc::EPERM),
        ] {
            assert!(hint(step, call, "", errno, Cause::Confined).contains("apparmor/current"), "{step}");
            assert!(hint(step, call, "", errno, Cause::AppArmor).contains("restrict_unprivileged_userns=0"), "{step}");
        }
        assert!(!hint("mounts", Call::Open, "/root/x", libc::EACCES, Cause::Confined).contains("AppArmor"));
        assert!(hint("mounts", Call::Fsmount, "/proc", libc::EPERM, Cause::Confined).contains("--proc none"));
    }

    #[test]
    fn causes_cross_the_fork_as_numbers() {
        for cause in [Cause::Unknown, Cause::SwitchedOff, Cause::RootOnly, Cause::AppArmor, Cause::Confined] {
            assert_eq!(Cause::from_number(cause as u8), cause);
        }
    }
}
