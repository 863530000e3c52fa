//! Remedies: what to do about a step's failure, where that is known. Looked up when it has happened, so it may read files.

use crate::error::SetupError;

/// Reads a sysctl; `None` when this kernel does not have it.
fn sysctl(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().into())
}

/// One line of remedy.
pub fn for_error(error: &SetupError) -> Option<String> {
    let fixed = match (error.step, error.errno) {
        ("user namespace" | "id maps" | "namespaces", errno) => return namespaces(error, errno),
        ("mounts", libc::EPERM) if error.object == "/proc" => {
            "a fresh procfs is refused where parts of /proc are masked, as containers do: use --proc none, or start the \
             container with an unmasked /proc (docker: --security-opt systempaths=unconfined, podman: --security-opt \
             unmask=ALL)"
        }
        ("mounts", libc::EROFS) => {
            "mount points are only made in file systems of the sandbox's own: make the directory first, or put it below \
             one, such as /tmp, /run or a --tmpfs"
        }
        ("mounts", libc::ENOENT) if error.call.name() == "openat" => {
            "nothing is there inside; --bind-try and --bind-ro-try skip a missing source"
        }
        ("mounts", libc::EPERM) => {
            "inside a container this needs a seccomp and AppArmor profile that allow mounts (docker: --security-opt \
             seccomp=unconfined --security-opt apparmor=unconfined)"
        }
        ("mounts" | "network", libc::ENOSPC) => {
            "a limit of /proc/sys/user (max_mnt_namespaces, max_net_namespaces …) or fs.mount-max is used up"
        }
        ("fds", libc::EISDIR) => "an open directory leads out of the sandbox: redirect from a file, or use --bind",
        ("fds", libc::EBADF) => "a descriptor named by --keep-fd is not open",
        ("cwd", libc::ENOENT) => "the directory must exist inside: --bind or --tmpfs can put it there",
        ("seccomp", libc::EINVAL) => "this kernel was built without CONFIG_SECCOMP_FILTER",
        ("ids", libc::EPERM) => "becoming another user without a user namespace needs root",
        (_, libc::EMFILE | libc::ENFILE) => "too few files may be open: raise RLIMIT_NOFILE (ulimit -n)",
        (_, libc::ENOMEM) => "memory is short, or RLIMIT_AS is small (ulimit -v)",
        (_, libc::EAGAIN) => "too many processes: RLIMIT_NPROC (ulimit -u) or a pids limit of the cgroup",
        _ => return None,
    };
    Some(fixed.into())
}

fn namespaces(error: &SetupError, errno: i32) -> Option<String> {
    let says = |path: &str, value: &str| sysctl(path).as_deref() == Some(value);
    if says("/proc/sys/user/max_user_namespaces", "0") {
        return Some("user namespaces are switched off: sysctl -w user.max_user_namespaces=15000".into());
    }
    match errno {
        libc::EPERM | libc::EACCES if says("/proc/sys/kernel/unprivileged_userns_clone", "0") => {
            Some("only root may make user namespaces here: sysctl -w kernel.unprivileged_userns_clone=1".into())
        }
        libc::EPERM | libc::EACCES if says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") => Some(
            "AppArmor restricts user namespaces to programs with a profile that says userns: give this program one in \
             /etc/apparmor.d, or, for all programs, sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
                .into(),
        ),
        libc::EPERM | libc::EACCES => Some(
            "making a namespace is forbidden: by a container's seccomp profile (docker: --security-opt \
             seccomp=unconfined), by a sandbox around this one, or because this process is in a chroot"
                .into(),
        ),
        libc::ENOSPC | libc::EUSERS => Some(
            "a limit on namespaces is used up: see /proc/sys/user/max_*_namespaces; user namespaces nest 32 deep at most"
                .into(),
        ),
        libc::EINVAL if error.step == "user namespace" => Some("a second thread was running, or this kernel has no CONFIG_USER_NS".into()),
        libc::EINVAL => Some("this kernel lacks a kind of namespace; name it in --share to do without".into()),
        _ => None,
    }
}
