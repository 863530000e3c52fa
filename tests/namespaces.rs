//! The namespaces: all eight are new, and each can be kept.

use crate::need;
use crate::support::report::NAMESPACES;
use crate::support::{ENTRIES, EVERY, Report, Sandbox};

/// The setting's word for a namespace's file.
fn word(file: &str) -> &str {
    if file == "mnt" { "mount" } else { file }
}

#[test]
fn all_eight_are_new() {
    let host = Report::of_the_host();
    for entry in EVERY {
        let inside = Sandbox::new(entry).report();
        for name in NAMESPACES {
            let key = format!("ns.{name}");
            assert_ne!(inside.one(&key), host.one(&key), "{entry:?}");
        }
    }
}

#[test]
fn two_sandboxes_share_none() {
    let (one, other) = (Sandbox::new(ENTRIES[0]).report(), Sandbox::new(ENTRIES[0]).report());
    for name in NAMESPACES {
        let key = format!("ns.{name}");
        // Numbers are used again once a namespace is gone, but not all eight of them by chance.
        if one.one(&key) != other.one(&key) {
            return;
        }
    }
    panic!("both had {:?}", NAMESPACES.map(|name| one.one(&format!("ns.{name}")).to_owned()));
}

#[test]
fn each_kind_that_is_shared_is_the_callers_and_the_others_are_new() {
    let host = Report::of_the_host();
    for entry in EVERY {
        for shared in NAMESPACES.into_iter().filter(|name| *name != "user") {
            let inside = Sandbox::new(entry).set("share", word(shared)).report();
            for name in NAMESPACES {
                let key = format!("ns.{name}");
                assert_eq!(inside.one(&key) == host.one(&key), name == shared, "{name}, sharing {shared}, {entry:?}");
            }
        }
    }
}

#[test]
fn root_can_do_without_a_user_namespace() {
    need!("root");
    let host = Report::of_the_host();
    for entry in EVERY {
        let inside = Sandbox::new(entry).set("share", "user").report();
        assert_eq!(inside.one("ns.user"), host.one("ns.user"));
        assert_ne!(inside.one("ns.mnt"), host.one("ns.mnt"));
        assert_eq!((inside.one("pid"), inside.one("status.CapEff")), ("1", "0000000000000000"));
        assert_eq!(inside.one("bounding"), "0");
    }
}

#[test]
fn a_user_needs_a_user_namespace_for_the_others() {
    need!("user");
    for entry in EVERY {
        Sandbox::new(entry).set("share", "user").probe(&["report"]).refused(125);
    }
}

#[test]
fn with_every_namespace_shared_the_rest_still_holds() {
    let all = "user,mount,pid,net,ipc,uts,cgroup,time";
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("share", all);
        let inside = sandbox.report();
        assert_ne!(inside.one("pid"), "1");
        assert_eq!((inside.one("no_new_privs"), inside.one("seccomp")), ("1", "2"));
        assert_eq!(inside.one("status.CapEff"), "0000000000000000");
        assert_eq!(inside.all("fd"), ["0", "1", "2"]);
        assert_eq!(sandbox.probe(&["calls", "unshare:0x10000000"]).ok(), "EPERM");
    }
}

#[test]
fn without_a_mount_namespace_file_settings_are_refused() {
    for entry in EVERY {
        for (name, value) in
            [("bind", "/usr:/mnt"), ("tmpfs", "/mnt"), ("root", "empty"), ("hide", "/usr"), ("proc", "ro")]
        {
            Sandbox::new(entry).set("share", "mount").set(name, value).probe(&["report"]).refused(125);
        }
    }
}

#[test]
fn the_program_is_pid_1_and_sees_no_other() {
    for entry in EVERY {
        let inside = Sandbox::new(entry).report();
        assert_eq!((inside.one("pid"), inside.one("ppid")), ("1", "0"));
        assert_eq!(inside.all("process"), ["1"], "{entry:?}");
    }
    assert!(Report::of_the_host().all("process").len() > 1);
}

#[test]
fn with_init_the_program_is_pid_2() {
    for entry in EVERY {
        let inside = Sandbox::new(entry).set("init", "true").report();
        assert_eq!((inside.one("pid"), inside.one("ppid")), ("2", "1"));
        assert_eq!(inside.all("process"), ["1", "2"]);
    }
}

#[test]
fn with_the_pid_namespace_shared_proc_is_the_hosts_and_read_only() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("share", "pid");
        let inside = sandbox.report();
        assert_ne!(inside.one("pid"), "1");
        assert!(inside.all("process").len() > 1);
        assert_eq!(sandbox.probe(&["file", "open-write", "/proc/self/comm"]).ok(), "EROFS");
    }
}

#[test]
fn host_names_are_the_sandboxs_own() {
    let host = Report::of_the_host();
    for entry in EVERY {
        let inside = Sandbox::new(entry).report();
        assert_eq!((inside.one("hostname"), inside.one("domainname")), ("sandbox", "(none)"));
        let named = Sandbox::new(entry).with(&["hostname=box.example", "domainname=example"]).report();
        assert_eq!((named.one("hostname"), named.one("domainname")), ("box.example", "example"));
        let shared = Sandbox::new(entry).set("share", "uts").report();
        assert_eq!(shared.one("hostname"), host.one("hostname"));
        Sandbox::new(entry).with(&["share=uts", "hostname=x"]).probe(&["report"]).refused(125);
    }
    assert_eq!(Report::of_the_host().one("hostname"), host.one("hostname"), "the host has kept its own");
}

#[test]
fn the_cgroup_namespace_hides_where_the_sandbox_lies() {
    for entry in EVERY {
        for line in Sandbox::new(entry).report().all("cgroup") {
            assert!(line.ends_with(":/"), "{line}");
        }
    }
}
