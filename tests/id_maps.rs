//! More ids than the caller's own: mapped from outside, by root itself and for others by newuidmap(1).

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::need;
use crate::support::need::is_root;
use crate::support::subids::{self, COUNT};
use crate::support::{EVERY, Entry, Report, Sandbox, TempDir};

/// The caller as 0, and others from 1 on.
fn two_ranges(entry: Entry) -> Sandbox {
    let (own, others) = (Report::of_the_host(), subids::own().unwrap());
    Sandbox::new(entry)
        .set("uid-map", format!("0:{}", own.one("uid")))
        .set("uid-map", format!("1:{}:{COUNT}", others.uid))
        .set("gid-map", format!("0:{}", own.one("gid")))
        .set("gid-map", format!("1:{}:{COUNT}", others.gid))
}

#[test]
fn the_maps_are_those_asked_for_and_the_caller_has_its_own_id_in_them() {
    need!("subids");
    let (own, others) = (Report::of_the_host(), subids::own().unwrap());
    for entry in EVERY {
        let inside = two_ranges(entry).report();
        assert_eq!(inside.all("uid_map"), [format!("0 {} 1", own.one("uid")), format!("1 {} {COUNT}", others.uid)]);
        assert_eq!(inside.all("gid_map"), [format!("0 {} 1", own.one("gid")), format!("1 {} {COUNT}", others.gid)]);
        assert_eq!((inside.one("status.Uid"), inside.one("status.Gid")), ("0 0 0 0", "0 0 0 0"));
        assert_eq!(inside.one("status.CapEff"), "0000000000000000");
        assert_eq!(inside.one("status.NoNewPrivs"), "1");
        assert_eq!(inside.all("status.Groups"), [""]);
    }
}

#[test]
fn the_program_becomes_any_mapped_id_and_stays_master_of_its_own_process() {
    need!("subids");
    for entry in EVERY {
        for (uid, gid) in [("0", "7"), ("5", "0"), ("5", "7")] {
            let sandbox = two_ranges(entry).set("uid", uid).set("gid", gid);
            let inside = sandbox.report();
            assert_eq!(inside.one("status.Uid"), [uid; 4].join(" "));
            assert_eq!(inside.one("status.Gid"), [gid; 4].join(" "));
            for sets in ["CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb"] {
                assert_eq!(inside.one(&format!("status.{sets}")), "0000000000000000", "{sets}");
            }
            assert_eq!(inside.one("dumpable"), "1");
            let fds = sandbox.probe(&["file", "stat", "/proc/self/fd"]);
            assert!(fds.ok().contains(&format!("uid={uid} gid={gid}")), "{fds:?}");
            assert_eq!(sandbox.probe(&["file", "read", "/proc/self/environ"]).ok(), "ok");
            let keeps = sandbox.clone().set("cap-keep", "chown").report();
            assert_eq!(keeps.one("status.CapEff"), "0000000000000001");
        }
    }
}

#[test]
fn what_is_made_inside_belongs_to_the_id_outside() {
    need!("subids");
    let (own, others) = (Report::of_the_host(), subids::own().unwrap());
    for entry in EVERY {
        let dir = TempDir::new();
        fs::set_permissions(&*dir, fs::Permissions::from_mode(0o777)).unwrap();
        let make = |sandbox: Sandbox, name: &str| {
            let file = dir.join(name);
            let made = sandbox.set("bind", &*dir).probe(&["file".as_ref(), "create".as_ref(), file.as_os_str()]);
            assert_eq!(made.ok(), "ok");
            let made = fs::metadata(&file).unwrap();
            (made.uid(), made.gid())
        };
        let ids = (own.one("uid").parse().unwrap(), own.one("gid").parse().unwrap());
        assert_eq!(make(two_ranges(entry), "as-0"), ids);
        let as_5 = two_ranges(entry).with(&["uid=5", "gid=7"]);
        assert_eq!(make(as_5, "as-5"), (others.uid + 4, others.gid + 6));
        assert_eq!(make(Sandbox::new(entry).with(&["uid=5", "gid=7"]), "without-maps"), ids);
    }
}

#[test]
fn private_files_are_the_programs() {
    need!("subids");
    for entry in EVERY {
        let sandbox = two_ranges(entry).with(&["uid=5", "gid=7", "tmpfs=/mnt:mode=700"]);
        assert_eq!(sandbox.probe(&["file", "create", "/mnt/made"]).ok(), "ok");
        assert_eq!(sandbox.probe(&["file", "create", "/tmp/made"]).ok(), "ok");
        assert!(sandbox.probe(&["file", "stat", "/mnt"]).ok().contains("uid=5 gid=7"));
    }
}

#[test]
fn an_id_that_is_not_mapped_is_nobodys() {
    need!("subids");
    let others = subids::own().unwrap();
    for entry in EVERY {
        let sandbox = Sandbox::new(entry)
            .set("uid-map", format!("0:{}:{COUNT}", others.uid))
            .set("gid-map", format!("0:{}:{COUNT}", others.gid))
            .with(&["uid=0", "gid=0"]);
        let stat = sandbox.probe(&["file", "stat", "/usr"]);
        assert!(stat.ok().contains("uid=65534 gid=65534"), "{stat:?}");
        // The caller itself is nobody then.
        let dir = TempDir::new();
        let own = sandbox.set("bind", &*dir).probe(&["file".as_ref(), "stat".as_ref(), dir.as_os_str()]);
        assert!(own.ok().contains("uid=65534 gid=65534"), "{own:?}");
        if is_root() {
            let mapped = Sandbox::new(entry).with(&["uid-map=0:0:1000", "gid-map=0:0:1000"]);
            assert!(mapped.probe(&["file", "stat", "/usr"]).ok().contains("uid=0 gid=0"));
        }
    }
}

#[test]
fn maps_that_contradict_themselves_name_both_ranges() {
    let own = Report::of_the_host();
    let uid: u32 = own.one("uid").parse().unwrap();
    for entry in EVERY {
        let refuses = |settings: &[&str], words: &[&str]| {
            Sandbox::new(entry).with(settings).probe(&["report"]).refused_saying(words);
        };
        refuses(&["uid-map=0:5000:10", "uid-map=9:7000"], &["uid-map", "0:5000:10 and 9:7000", "inside"]);
        refuses(&["gid-map=0:5000:10", "gid-map=10:5009"], &["gid-map", "0:5000:10 and 10:5009", "outside"]);
        refuses(&["uid-map=0:1:0"], &["no ids"]);
        refuses(&["uid-map=1:1:4294967295"], &["4294967294"]);
        refuses(&["uid-map=0:root:1"], &["IN:OUT"]);
        refuses(&["uid-map=0:4294967295"], &["4294967294"]);
        let many: Vec<String> = (0..341).map(|n| format!("uid-map={n}:{n}")).collect();
        refuses(&many.iter().map(String::as_str).collect::<Vec<_>>(), &["341 ranges", "340"]);
        refuses(&[&format!("uid-map=0:{uid}"), "uid=1"], &["uid: uid-map maps no id to 1"]);
        let other = format!("uid-map=0:{}:10", uid + 1);
        refuses(&[&other], &[&format!("own id {uid} is not mapped"), "hint", "--uid"]);
        refuses(&["share=user", &format!("uid-map=0:{uid}")], &["uid-map", "share"]);
        refuses(&["share=user", "gid-map=0:0"], &["gid-map", "share"]);
    }
}

#[test]
fn ones_own_id_alone_needs_nobody() {
    let own = Report::of_the_host();
    for entry in EVERY {
        let sandbox = Sandbox::new(entry)
            .set("uid-map", format!("7:{}", own.one("uid")))
            .set("gid-map", format!("8:{}:1", own.one("gid")));
        let inside = sandbox.report();
        assert_eq!((inside.one("status.Uid"), inside.one("status.Gid")), ("7 7 7 7", "8 8 8 8"));
        assert_eq!(inside.all("uid_map"), [format!("7 {} 1", own.one("uid"))]);
        assert_eq!(inside.one("setgroups"), "deny");
    }
}

#[test]
fn root_leaves_its_groups_outside() {
    need!("root");
    for entry in EVERY {
        let with_groups = |sandbox: Sandbox| sandbox.wrapped(&["setpriv", "--groups", "4,6"]).report();
        let maps = ["uid-map=0:0:10", "gid-map=0:0:10"];
        for settings in [&[][..], &maps[..]] {
            let inside = with_groups(Sandbox::new(entry).with(settings));
            assert_eq!((inside.all("status.Groups"), inside.one("setgroups")), (&[String::new()][..], "deny"));
        }
        // With the capability to set groups, and more than one to set, it can; and none of the caller's is left.
        let keeps = ["cap-keep=setgid", "init"];
        let inside = with_groups(Sandbox::new(entry).with(&maps).with(&keeps));
        assert_eq!((inside.all("status.Groups"), inside.one("setgroups")), (&[String::new()][..], "allow"));
        let control = with_groups(Sandbox::new(entry).with(&["share=user"]));
        assert_eq!(control.all("status.Groups"), ["4 6"]);
    }
}

#[test]
fn who_can_change_its_ids_needs_another_at_pid_1() {
    need!("subids");
    for entry in EVERY {
        for kept in ["setuid", "setgid"] {
            let sandbox = two_ranges(entry).set("cap-keep", kept);
            sandbox.probe(&["report"]).refused_saying(&["cap-keep", "hint", "--init"]);
            for accepted in ["init", "no-die-with-parent"] {
                assert_eq!(sandbox.clone().with(&[accepted]).report().one("status.CapEff").len(), 16);
            }
        }
    }
}

#[test]
fn an_ignored_child_signal_stays_ignored() {
    need!("subids");
    for entry in EVERY {
        let ignoring = |sandbox: Sandbox| sandbox.after_shell("trap '' CHLD").report().one("status.SigIgn").to_owned();
        assert_eq!(ignoring(two_ranges(entry)), ignoring(Sandbox::new(entry)));
    }
}
