//! Who the program is, inside and to the host.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::need;
use crate::support::{EVERY, Report, Sandbox, TempDir};

#[test]
fn the_program_is_the_caller() {
    let host = Report::of_the_host();
    for entry in EVERY {
        let inside = Sandbox::new(entry).report();
        for key in ["uid", "euid", "gid", "egid"] {
            assert_eq!(inside.one(key), host.one(key), "{entry:?}");
        }
        let (uid, gid) = (host.one("uid"), host.one("gid"));
        assert_eq!(inside.all("uid_map"), [format!("{uid} {uid} 1")]);
        assert_eq!(inside.all("gid_map"), [format!("{gid} {gid} 1")]);
    }
}

#[test]
fn ids_inside_can_be_chosen() {
    let host = Report::of_the_host();
    for entry in EVERY {
        for (uid, gid) in [("0", "0"), ("1234", "0"), ("4294967294", "77")] {
            let inside = Sandbox::new(entry).set("uid", uid).set("gid", gid).report();
            assert_eq!(inside.one("status.Uid"), [uid; 4].join(" "));
            assert_eq!(inside.one("status.Gid"), [gid; 4].join(" "));
            assert_eq!(inside.all("uid_map"), [format!("{uid} {} 1", host.one("uid"))]);
            assert_eq!(inside.one("status.CapEff"), "0000000000000000");
        }
    }
}

#[test]
fn what_is_made_inside_belongs_to_the_caller() {
    for entry in EVERY {
        let dir = TempDir::new();
        let file = dir.join("made");
        let made = Sandbox::new(entry).with(&["uid=4321", "gid=4321"]).set("bind", &*dir).probe(&[
            "file".as_ref(),
            "create".as_ref(),
            file.as_os_str(),
        ]);
        assert_eq!(made.ok(), "ok");
        let made = fs::metadata(&file).unwrap();
        let own = fs::metadata(&*dir).unwrap();
        assert_eq!((made.uid(), made.gid()), (own.uid(), own.gid()));
    }
}

#[test]
fn groups_cannot_be_dropped_to_gain_access() {
    need!("user");
    for entry in EVERY {
        let inside = Sandbox::new(entry).report();
        assert_eq!(inside.one("setgroups"), "deny");
    }
}

#[test]
fn root_without_a_user_namespace_becomes_whom_it_names() {
    need!("root");
    let dir = TempDir::new();
    let secret = dir.file("secret", "x");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(&*dir, fs::Permissions::from_mode(0o777)).unwrap();
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).with(&["share=user", "uid=65534", "gid=65533"]).set("bind", &*dir);
        let inside = sandbox.report();
        assert_eq!(inside.one("status.Uid"), ["65534"; 4].join(" "));
        assert_eq!(inside.one("status.Gid"), ["65533"; 4].join(" "));
        assert_eq!(inside.all("status.Groups"), [""], "root's groups are gone");
        let made = dir.join(format!("{entry:?}"));
        assert_eq!(sandbox.probe(&["file".as_ref(), "create".as_ref(), made.as_os_str()]).ok(), "ok");
        assert_eq!(fs::metadata(&made).unwrap().uid(), 65534);
        assert_eq!(sandbox.probe(&["file".as_ref(), "read".as_ref(), secret.as_os_str()]).ok(), "EACCES");
        let control = Sandbox::new(entry).set("share", "user").set("bind", &*dir);
        assert_eq!(control.probe(&["file".as_ref(), "read".as_ref(), secret.as_os_str()]).ok(), "ok");
    }
}

#[test]
fn a_user_without_a_user_namespace_cannot_become_another() {
    need!("user");
    let all = "user,mount,pid,net,ipc,uts,cgroup,time";
    for entry in EVERY {
        Sandbox::new(entry).set("share", all).set("uid", "0").probe(&["report"]).refused(125);
    }
}

#[test]
fn files_of_others_are_nobodys() {
    need!("user");
    for entry in EVERY {
        let stat = Sandbox::new(entry).probe(&["file", "stat", "/usr"]);
        assert!(stat.ok().contains("uid=65534 gid=65534"), "{stat:?}");
    }
}
