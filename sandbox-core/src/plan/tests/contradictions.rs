//! What is refused.

use super::{lines, try_for};
use crate::host::Host;
use crate::host::tests::host;

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
    for (errno, word) in [(libc::EOPNOTSUPP, "switched off"), (libc::ENOSYS, "no Landlock"), (libc::EPERM, "refused")] {
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
