//! Capabilities, no_new_privs, sessions: what the program may do, and what it can never get.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::need;
use crate::support::{Denial, EVERY, EXECUTING, Report, Sandbox, TempDir, bins, denied};

const SETS: [&str; 5] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];

fn sets(inside: &Report) -> Vec<&str> {
    SETS.iter().map(|set| inside.one(&format!("status.{set}"))).collect()
}

#[test]
fn there_are_none() {
    for entry in EVERY {
        for settings in [&[][..], &["uid=0", "gid=0"], &["init"], &["net=host"]] {
            let inside = Sandbox::new(entry).with(settings).report();
            assert_eq!(sets(&inside), ["0000000000000000"; 5], "{settings:?}");
            assert_eq!((inside.one("no_new_privs"), inside.one("status.NoNewPrivs")), ("1", "1"));
            assert_eq!((inside.one("seccomp"), inside.one("status.Seccomp")), ("2", "2"));
        }
    }
}

#[test]
fn those_kept_are_in_every_set_and_no_others() {
    // chown 0, net_bind_service 10, sys_admin 21
    for entry in EVERY {
        let one = Sandbox::new(entry).set("cap-keep", "net_bind_service").report();
        assert_eq!(sets(&one), ["0000000000000400"; 5]);
        let three = Sandbox::new(entry).set("cap-keep", "CAP_CHOWN,sys_admin,cap_net_bind_service").report();
        assert_eq!(sets(&three), ["0000000000200401"; 5]);
        Sandbox::new(entry).set("cap-keep", "everything").probe(&["report"]).refused(125);
    }
}

#[test]
fn root_inside_gains_nothing_by_executing() {
    let shown = bins::probe().parent().unwrap();
    for entry in EXECUTING {
        let sandbox = Sandbox::new(entry).with(&["uid=0", "gid=0"]).set("bind-ro", shown);
        let child = Report::parse(sandbox.probe(&["spawn", "report"]).ok());
        assert_eq!(sets(&child), ["0000000000000000"; 5]);
    }
}

#[test]
fn new_privileges_can_be_allowed() {
    for entry in EXECUTING {
        let inside = Sandbox::new(entry).set("allow-new-privs", "true").report();
        assert_eq!((inside.one("no_new_privs"), inside.one("seccomp")), ("0", "2"));
        assert_eq!(sets(&inside), ["0000000000000000"; 5]);
    }
}

#[test]
fn set_user_id_files_give_nothing_even_then() {
    need!("root");
    let dir = TempDir::new();
    let program = dir.install(bins::probe(), "su");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
    for entry in EXECUTING {
        // Without a user namespace there is another user to become; only the mounts' nosuid stands in the way.
        let sandbox = Sandbox::new(entry).with(&["share=user", "uid=65534", "gid=65534", "allow-new-privs"]);
        let bind = format!("{}:exec", dir.display());
        let ended = sandbox.set("bind", bind).probe(&["exec".as_ref(), program.as_os_str(), "report".as_ref()]);
        let inside = Report::parse(ended.ok());
        assert_eq!((inside.one("euid"), inside.one("status.CapEff")), ("65534", "0000000000000000"));
    }
}

#[test]
fn set_user_id_bits_cannot_be_set() {
    let dir = TempDir::new();
    let file = dir.file("file", "x");
    let bind = format!("bind={}", dir.display());
    let allowed = [&*bind, "seccomp=none"];
    let file = file.to_str().unwrap();
    for mode in ["4755", "2755", "6755"] {
        denied(&Denial { act: &["file", "chmod", file, mode], with: &[&bind], without: &allowed, errno: "EPERM" });
    }
    for entry in EVERY {
        assert_eq!(Sandbox::new(entry).with(&[&bind]).probe(&["file", "chmod", file, "755"]).ok(), "ok");
        let new = dir.join(format!("new-{entry:?}"));
        let act = ["file", "create-suid", new.to_str().unwrap()];
        assert_eq!(Sandbox::new(entry).with(&[&bind]).probe(&act).ok(), "EPERM");
        assert_eq!(Sandbox::new(entry).with(&allowed).probe(&act).ok(), "ok");
    }
}

#[test]
fn the_session_is_the_callers_unless_a_new_one_is_asked_for() {
    for entry in EVERY {
        // The caller's session is not of this pid namespace: 0.
        assert_eq!(Sandbox::new(entry).report().one("sid"), "0");
        let own = Sandbox::new(entry).set("new-session", "true").report();
        assert_eq!((own.one("sid"), own.one("pgid")), ("1", "1"));
        assert_eq!(Sandbox::new(entry).with(&["new-session"]).probe(&["file", "open-write", "/dev/tty"]).ok(), "ENXIO");
    }
}

#[test]
fn what_the_setup_changed_for_itself_is_as_the_caller_left_it() {
    let host = Report::of_the_host();
    for entry in EVERY {
        let inside = Sandbox::new(entry).report();
        for key in ["umask", "status.SigBlk", "status.SigIgn", "status.SigCgt", "personality", "dumpable", "rlimit"] {
            assert_eq!(inside.all(key), host.all(key), "{key}, {entry:?}");
        }
        let other = Sandbox::new(entry).after_shell("umask 077; trap '' USR1; ulimit -f 12345").report();
        assert_eq!(other.one("umask"), "077");
        let ignored = u64::from_str_radix(other.one("status.SigIgn"), 16).unwrap();
        assert_ne!(ignored & 1 << (libc::SIGUSR1 - 1), 0);
    }
}

#[test]
fn the_program_dies_with_its_supervisor_unless_told_otherwise() {
    for entry in EVERY {
        assert_eq!(Sandbox::new(entry).report().one("pdeathsig"), libc::SIGKILL.to_string());
        assert_eq!(Sandbox::new(entry).set("no-die-with-parent", "true").report().one("pdeathsig"), "0");
        let renounce = format!("prctl:{}:0", libc::PR_SET_PDEATHSIG);
        assert_eq!(Sandbox::new(entry).probe(&["calls", &renounce]).ok(), "EPERM", "it cannot be renounced");
    }
}
