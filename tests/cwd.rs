//! The current directory: where the caller was, where that exists inside, and never outside the root.

use std::path::Path;

use crate::support::{ENTRIES, EVERY, Sandbox, TempDir};

#[test]
fn it_is_the_callers() {
    for entry in EVERY {
        for dir in ["/", "/usr/share", "/etc"] {
            assert_eq!(Sandbox::new(entry).cwd(Path::new(dir)).report().one("cwd"), dir);
        }
    }
}

#[test]
fn it_is_the_root_where_the_callers_is_not_visible() {
    for entry in ENTRIES {
        assert_eq!(Sandbox::new(entry).cwd(Path::new("/usr")).set("root", "empty").report().one("cwd"), "/");
        assert_eq!(Sandbox::new(entry).cwd(Path::new("/tmp")).report().one("cwd"), "/tmp", "another /tmp is one too");
    }
}

#[test]
fn it_can_be_chosen() {
    let dir = TempDir::new();
    let bind = format!("bind={}:/tmp/work", dir.display());
    for entry in ENTRIES {
        assert_eq!(Sandbox::new(entry).with(&["cwd=/usr"]).report().one("cwd"), "/usr");
        assert_eq!(Sandbox::new(entry).with(&[&bind, "cwd=/tmp/work"]).report().one("cwd"), "/tmp/work");
        assert_eq!(Sandbox::new(entry).with(&["root=empty", "tmpfs=/w/x", "cwd=/w/x"]).report().one("cwd"), "/w/x");
    }
}

#[test]
fn a_chosen_one_must_exist_inside() {
    let dir = TempDir::new();
    for entry in EVERY {
        Sandbox::new(entry).set("cwd", "/nowhere/at/all").probe(&["report"]).refused_saying(&[
            "cwd",
            "/nowhere/at/all",
            "ENOENT",
        ]);
        // It exists outside, and no bind shows it.
        let sandbox = Sandbox::new(entry).cwd(Path::new("/")).set("cwd", &*dir);
        sandbox.probe(&["report"]).refused(125);
        Sandbox::new(entry).set("cwd", "/etc/passwd").probe(&["report"]).refused(125);
    }
}

#[test]
fn one_that_is_gone_is_none() {
    for entry in EVERY {
        let dir = TempDir::new();
        let script = format!("mkdir '{0}/gone' && cd '{0}/gone' && rmdir '{0}/gone'", dir.display());
        let ended = Sandbox::new(entry).after_shell(&script).probe(&["report"]);
        if ended.code() == Some(0) {
            assert!(ended.out.contains("cwd=/\n"), "{ended:?}");
        } else {
            ended.refused(125);
        }
    }
}
