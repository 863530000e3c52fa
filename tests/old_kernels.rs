//! Kernels that lack a call, and roots that cannot be pivoted: the same sandbox by other means, or a refusal.

use crate::support::traced::{calls, traced};
use crate::support::{Entry, Report, Sandbox};

const MOUNT_API: [&str; 7] = ["mount_setattr", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick"];

fn without(sandbox: &Sandbox, names: &[&str], errno: &str) -> Sandbox {
    let rules: Vec<String> = names.iter().map(|name| format!("{name}:{errno}")).collect();
    let options: Vec<&str> = rules.iter().flat_map(|rule| ["--fail-all", rule]).collect();
    traced(sandbox, &options)
}

/// Who can be traced: a launcher that is hands nothing over to the library.
const TRACED: [Entry; 2] = [Entry::Preload, Entry::Exec];

/// What each mount refuses that is not under another: the same by whichever calls it was made.
fn restrictions(inside: &Report) -> Vec<String> {
    let mounts = inside.mounts();
    let on_top =
        mounts.iter().enumerate().filter(|(at, mount)| mounts.iter().skip(at + 1).all(|later| later.at != mount.at));
    let mut all: Vec<String> = on_top
        .map(|(_, mount)| {
            let kept: Vec<_> =
                ["ro", "nosuid", "nodev", "noexec"].into_iter().filter(|option| mount.has(option)).collect();
            format!("{} {} {}", mount.at, mount.kind, kept.join(","))
        })
        .collect();
    all.sort();
    all
}

#[test]
fn without_mount_setattr_every_mount_is_as_restricted() {
    for entry in TRACED {
        for settings in [
            &[][..],
            &["bind-ro=/dev:/mnt", "bind=/usr:/srv"],
            &["root=empty", "bind-ro=/usr", "bind-ro=/usr/lib:/lib", "bind-ro=/usr/lib64:/lib64"],
            &["proc=ro", "dev=host"],
            &["bind=/usr:/mnt:exec", "bind-ro=/usr:/srv:noexec", "bind=/dev:/media:dev", "tmpfs=/opt:noexec"],
            &["file=/tmp/x:y", "dir=/tmp/d", "symlink=a:/tmp/l", "overlay=/mnt:lower=/usr/share"],
            &["share=pid"],
        ] {
            let sandbox = Sandbox::new(entry).with(settings);
            let with = sandbox.report();
            for lacking in [&["mount_setattr"][..], &MOUNT_API] {
                let old = without(&sandbox, lacking, "ENOSYS").report();
                assert_eq!(restrictions(&with), restrictions(&old), "{settings:?} without {lacking:?}");
            }
        }
    }
    let used = calls(&Sandbox::new(TRACED[0]), &["report"]).0;
    assert!(used.iter().any(|call| call.name == "mount_setattr"), "it is not even called: this test shows nothing");
}

#[test]
fn without_another_young_call_it_is_the_same_sandbox_or_none() {
    for entry in TRACED {
        let clean = Sandbox::new(entry).report().without_what_varies();
        for name in
            ["close_range", "openat2", "pidfd_open", "pidfd_send_signal", "clone3", "faccessat2", "seccomp", "statx"]
        {
            let ended = without(&Sandbox::new(entry), &[name], "ENOSYS").probe(&["report"]);
            if ended.code() == Some(0) {
                assert_eq!(Report::parse(ended.ok()).without_what_varies(), clean, "{name}");
            } else {
                ended.refused(125);
            }
        }
    }
}

#[test]
fn a_root_that_cannot_be_pivoted_is_left_all_the_same() {
    for entry in TRACED {
        for settings in [&[][..], &["root=empty"]] {
            if entry == Entry::Exec && !settings.is_empty() {
                continue;
            }
            let sandbox = Sandbox::new(entry).with(settings);
            let inside = without(&sandbox, &["pivot_root"], "EINVAL").probe(&["report"]);
            let inside = Report::parse(inside.ok());
            assert_eq!(restrictions(&inside), restrictions(&sandbox.report()), "{settings:?}");
            let again = |act: &[&str]| without(&sandbox, &["pivot_root"], "EINVAL").probe(act).ok().to_owned();
            for path in ["/new", "/usr/new"] {
                assert!(["EROFS", "ENOENT"].contains(&&*again(&["file", "create", path])), "{path}, {settings:?}");
            }
            assert_eq!(again(&["file", "list", "/.."]), again(&["file", "list", "/"]));
            assert_eq!(again(&["calls", "chroot:s=/", "umount2:s=/:2"]), "EPERM\nEPERM");
        }
    }
}
