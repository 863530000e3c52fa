//! What `/` is, and what of the host's tree is private, hidden or kept.

use std::fs;
use std::path::Path;

use crate::need;
use crate::support::{Denial, ENTRIES, EVERY, Entry, Sandbox, TempDir, bins, denied};

#[test]
fn the_hosts_tree_is_there_and_read_only() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry);
        assert_eq!(sandbox.probe(&["file", "read", "/etc/passwd"]).ok(), "ok");
        for path in ["/sbx-new", "/usr/sbx-new", "/etc/sbx-new"] {
            assert_eq!(sandbox.probe(&["file", "create", path]).ok(), "EROFS");
        }
        assert_eq!(sandbox.probe(&["file", "chmod", "/etc/passwd", "644"]).ok(), "EROFS");
    }
}

#[test]
fn root_rw_leaves_the_tree_to_the_hosts_permissions() {
    // A place where the caller may write and that no default hides: root has /opt, others need one that is theirs.
    need!("root");
    let dir = TempDir::under(Path::new("/opt"));
    let file = dir.join("new");
    let act = ["file", "create", file.to_str().unwrap()];
    for entry in EVERY {
        assert_eq!(Sandbox::new(entry).probe(&act).ok(), "EROFS");
        assert_eq!(Sandbox::new(entry).set("root-rw", "true").probe(&act).ok(), "ok");
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn every_mount_is_read_only_nosuid_and_nodev_but_for_what_is_meant_to_be_otherwise() {
    let writable = ["/tmp", "/var/tmp", "/run", "/dev/shm", "/proc", "/dev/pts"];
    for entry in EVERY {
        for settings in [&[][..], &["proc=ro"], &["uid=0"]] {
            let inside = Sandbox::new(entry).with(settings).report();
            for mount in inside.mounts() {
                // A device bound alone, in /dev or as a cover, would be of no use under nodev.
                let device = ["/null", "/zero", "/full", "/random", "/urandom", "/tty"].contains(&mount.root);
                assert!(mount.has("nosuid"), "{mount:?}");
                assert!(mount.has("nodev") || device || mount.at == "/dev/pts", "{mount:?}");
                assert!(mount.has("ro") || device || writable.contains(&mount.at), "{mount:?}");
            }
        }
    }
}

#[test]
fn no_mount_leads_back_to_the_hosts() {
    for entry in EVERY {
        let inside = Sandbox::new(entry).report();
        for line in inside.all("mount") {
            assert!(!line.contains(" shared:"), "what is mounted on the host would appear: {line}");
        }
        assert_eq!(inside.mounts().iter().filter(|mount| mount.at == "/").count(), 1, "the old root is gone");
    }
}

#[test]
fn temporary_directories_are_private_empty_and_writable() {
    let host = TempDir::new();
    host.file("secret", "x");
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).cwd(Path::new("/"));
        for dir in ["/tmp", "/var/tmp", "/run", "/dev/shm"] {
            assert_eq!(sandbox.probe(&["file", "list", dir]).ok(), "", "{dir}");
            let new = format!("{dir}/sbx-new-{}", std::process::id());
            assert_eq!(sandbox.probe(&["file", "create", &new]).ok(), "ok");
            assert!(!Path::new(&new).exists(), "it is on the host");
        }
        assert!(sandbox.probe(&["file", "stat", "/tmp"]).ok().starts_with("mode=41777 "));
        let secret = host.join("secret");
        assert_eq!(sandbox.probe(&["file", "read", secret.to_str().unwrap()]).ok(), "ENOENT");
    }
    assert!(host.join("secret").exists());
}

#[test]
fn homes_are_hidden() {
    for entry in EVERY {
        for dir in ["/home", "/root"] {
            let sandbox = Sandbox::new(entry).cwd(Path::new("/"));
            assert_eq!(sandbox.probe(&["file", "list", dir]).ok(), "", "{dir}");
            assert_eq!(sandbox.probe(&["file", "create", &format!("{dir}/x")]).ok(), "EROFS", "{dir}");
        }
    }
}

#[test]
fn a_home_in_an_unusual_place_is_hidden_too() {
    need!("root");
    // Where nothing else would hide it.
    let home = TempDir::under(Path::new("/opt"));
    let key = home.file("key", "x");
    for entry in EVERY {
        let act = ["file", "read", key.to_str().unwrap()];
        let sandbox = Sandbox::new(entry).cwd(Path::new("/"));
        assert_eq!(sandbox.clone().env("HOME", home.as_os_str()).probe(&act).ok(), "ENOENT");
        assert_eq!(sandbox.env("HOME", "/nonexistent").probe(&act).ok(), "ok", "the control");
    }
}

#[test]
fn a_current_directory_that_would_be_hidden_stays_visible_read_only() {
    let dir = TempDir::new();
    dir.file("input", "x");
    let sub = dir.dir("sub");
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).cwd(&dir);
        assert_eq!(sandbox.report().one("cwd"), dir.to_str().unwrap());
        assert_eq!(sandbox.probe(&["file", "read", "input"]).ok(), "ok");
        assert_eq!(sandbox.probe(&["file", "create", "output"]).ok(), "EROFS");
        assert_eq!(sandbox.probe(&["file", "append", "input"]).ok(), "EROFS");
        let below = Sandbox::new(entry).cwd(&sub);
        assert_eq!(below.probe(&["file", "read", "../input"]).ok(), "ENOENT", "its neighbours are not there");
        assert_eq!(sandbox.probe(&["file", "list", "/tmp"]).ok(), dir.file_name().unwrap().to_str().unwrap());
    }
}

#[test]
fn a_home_stays_hidden_even_as_the_current_directory() {
    let home = TempDir::new();
    home.file("key", "x");
    let work = home.dir("work");
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).env("HOME", home.as_os_str());
        assert_eq!(sandbox.clone().cwd(&home).probe(&["file", "read", "key"]).ok(), "ENOENT");
        let inside = sandbox.clone().cwd(&work).report();
        assert_eq!(inside.one("cwd"), work.to_str().unwrap(), "but a directory in it is fine");
        assert_eq!(sandbox.cwd(&work).probe(&["file", "read", "../key"]).ok(), "ENOENT");
    }
}

#[test]
fn an_empty_root_is_empty_and_read_only() {
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).with(&["root=empty", "proc=none", "dev=none"]).cwd(Path::new("/"));
        assert_eq!(sandbox.probe(&["file", "list", "/"]).ok(), "");
        assert_eq!(sandbox.probe(&["file", "create", "/new"]).ok(), "EROFS");
        let open = Sandbox::new(entry).with(&["root=empty", "proc=none", "dev=none", "root-rw"]);
        assert_eq!(open.probe(&["file", "create", "/new"]).ok(), "ok", "the control");
        let usual = Sandbox::new(entry).set("root", "empty").cwd(Path::new("/"));
        assert_eq!(usual.probe(&["file", "list", "/"]).ok(), "dev,proc");
    }
    assert!(!Path::new("/new").exists());
}

#[test]
fn an_empty_root_takes_what_is_bound_into_it() {
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).with(&[
            "root=empty",
            "bind-ro=/usr",
            "bind-ro=/etc/passwd:/a/b/c/passwd",
            "tmpfs=/scratch",
        ]);
        let sandbox = sandbox.cwd(Path::new("/"));
        assert_eq!(sandbox.probe(&["file", "list", "/"]).ok(), "a,dev,proc,scratch,usr");
        assert_eq!(sandbox.probe(&["file", "read", "/a/b/c/passwd"]).ok(), "ok");
        assert_eq!(sandbox.probe(&["file", "create", "/scratch/x"]).ok(), "ok");
        for path in ["/x", "/a/x", "/a/b/c/x", "/usr/x"] {
            assert_eq!(sandbox.probe(&["file", "create", path]).ok(), "EROFS");
        }
    }
}

#[test]
fn a_directory_can_be_the_root() {
    let dir = TempDir::new();
    for name in ["bin", "tmp", "proc", "dev", "home"] {
        dir.dir(name);
    }
    dir.file("bin/tool", "x");
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).set("root", &*dir).cwd(Path::new("/"));
        let listed = sandbox.probe(&["file", "list", "/"]);
        assert_eq!(listed.ok(), "bin,dev,home,proc,tmp");
        assert_eq!(sandbox.probe(&["file", "list", "/bin"]).ok(), "tool");
        assert_eq!(sandbox.probe(&["file", "create", "/bin/new"]).ok(), "EROFS");
        assert_eq!(sandbox.probe(&["file", "create", "/tmp/new"]).ok(), "ok");
        assert_eq!(sandbox.report().one("pid"), "1", "/proc is there");
    }
    assert_eq!(fs::read_dir(dir.join("tmp")).unwrap().count(), 0, "/tmp was private");
    for name in ["/nowhere/at/all", bins::probe().to_str().unwrap()] {
        Sandbox::new(Entry::Launch).set("root", name).probe(&["report"]).refused(125);
    }
}

#[test]
fn binding_over_a_private_directory_replaces_it() {
    let dir = TempDir::new();
    dir.file("x", "x");
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).set("bind-ro", format!("{}:/tmp", dir.display())).cwd(Path::new("/"));
        assert_eq!(sandbox.probe(&["file", "list", "/tmp"]).ok(), "x");
    }
    let bind = format!("bind={}", dir.display());
    let file = dir.join("new");
    let read_only = format!("bind-ro={}", dir.display());
    denied(&Denial {
        act: &["file", "write", file.to_str().unwrap()],
        with: &[&read_only],
        without: &[&bind],
        errno: "EROFS",
    });
}
