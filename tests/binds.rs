//! What is put into the tree: binds, file systems in memory, covers.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::{Denial, EVERY, Sandbox, TempDir, denied};

fn fielded(path: &[u8]) -> Vec<u8> {
    path.iter().flat_map(|&b| if b",:\\".contains(&b) { vec![b'\\', b] } else { vec![b] }).collect()
}

#[test]
fn a_bind_is_writable_and_the_hosts() {
    for entry in EVERY {
        let dir = TempDir::new();
        let sandbox = Sandbox::new(entry).set("bind", format!("{}:/mnt", dir.display()));
        assert_eq!(sandbox.probe(&["file", "write", "/mnt/out"]).ok(), "ok");
        assert_eq!(fs::read_to_string(dir.join("out")).unwrap(), "written\n");
        let same = Sandbox::new(entry).set("bind", &*dir);
        assert_eq!(same.probe(&["file".as_ref(), "read".as_ref(), dir.join("out").as_os_str()]).ok(), "ok");
        let mount = same.report();
        let mount = mount.mount(dir.to_str().unwrap()).unwrap();
        assert!(mount.has("nosuid") && mount.has("nodev") && mount.has("rw"), "{mount:?}");
    }
}

#[test]
fn a_read_only_bind_is_that_in_all_that_lies_below_it() {
    for entry in EVERY {
        // /dev has mounts of its own below it on every host that has terminals.
        let sandbox = Sandbox::new(entry).set("bind-ro", "/dev:/mnt");
        let inside = sandbox.report();
        let below: Vec<_> = inside.mounts().into_iter().filter(|mount| mount.at.starts_with("/mnt")).collect();
        assert!(below.len() > 1, "{below:?}");
        for mount in below {
            assert!(mount.has("ro") && mount.has("nosuid") && mount.has("nodev"), "{mount:?}");
        }
        let name = format!("shm/sbx-new-{}", std::process::id());
        let new = format!("/mnt/{name}");
        assert_eq!(sandbox.probe(&["file", "create", &new]).ok(), "EROFS");
        let control = Sandbox::new(entry).set("bind", "/dev:/mnt");
        assert_eq!(control.probe(&["file", "create", &new]).ok(), "ok");
        fs::remove_file(format!("/dev/{name}")).unwrap();
    }
}

#[test]
fn files_can_be_bound_over_files() {
    let dir = TempDir::new();
    let file = dir.file("mine", "mine\n");
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("bind-ro", format!("{}:/etc/passwd", file.display()));
        assert_eq!(sandbox.probe(&["file", "cat", "/etc/passwd"]).ok(), "mine");
        assert_eq!(sandbox.probe(&["file", "open-write", "/etc/passwd"]).ok(), "EROFS");
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "mine\n");
}

#[test]
fn a_missing_source_is_refused_unless_it_may_be_missing() {
    for entry in EVERY {
        for name in ["bind", "bind-ro"] {
            let sandbox = Sandbox::new(entry).set(name, "/nowhere/at/all:/mnt");
            sandbox.probe(&["report"]).refused_saying(&["mounts", "/nowhere/at/all", "ENOENT"]);
            let sandbox = Sandbox::new(entry).set(&format!("{name}-try"), "/nowhere/at/all:/mnt");
            assert_eq!(sandbox.report().mount("/mnt").map(|m| m.at), None);
            let there = Sandbox::new(entry).set(&format!("{name}-try"), "/usr:/mnt");
            assert!(there.probe(&["file", "list", "/mnt"]).ok().contains("bin"));
        }
        // Only a missing source: one that cannot be looked at is no missing one.
        let file = Sandbox::new(entry).set("bind-try", "/etc/passwd/x:/mnt");
        file.probe(&["report"]).refused(125);
    }
}

#[test]
fn sources_may_be_links_and_relative() {
    let dir = TempDir::new();
    let real = dir.dir("real");
    fs::write(real.join("x"), "x").unwrap();
    symlink("real", dir.join("link")).unwrap();
    for entry in EVERY {
        for source in [dir.join("link").to_str().unwrap(), "link", "./real", "real/../link"] {
            let sandbox = Sandbox::new(entry).set("bind-ro", format!("{source}:/mnt")).cwd(&dir);
            assert_eq!(sandbox.probe(&["file", "list", "/mnt"]).ok(), "x", "{source}");
        }
    }
}

#[test]
fn for_one_place_the_later_bind_holds_and_parents_come_before_children() {
    let dir = TempDir::new();
    for name in ["one", "two", "three"] {
        dir.file(name, name);
    }
    let bind = |name: &str, at: &str| format!("{}:{at}", dir.join(name).display());
    for entry in EVERY {
        let sandbox =
            Sandbox::new(entry).set("bind-ro", bind("one", "/etc/passwd")).set("bind-ro", bind("two", "/etc/passwd"));
        assert_eq!(sandbox.probe(&["file", "cat", "/etc/passwd"]).ok(), "two");
        let child_first = Sandbox::new(entry).set("bind-ro", bind("three", "/srv/deep/file")).set("tmpfs", "/srv");
        assert_eq!(child_first.probe(&["file", "cat", "/srv/deep/file"]).ok(), "three");
    }
}

#[test]
fn names_with_separators_and_bytes_that_are_not_text_are_bound() {
    let dir = TempDir::new();
    let names: [&[u8]; 6] = [b"a,b", b"a:b", b"back\\slash", b"not\xfftext", b"sp ace", b"new\nline"];
    for entry in EVERY {
        for name in names {
            let path = dir.join(OsStr::from_bytes(name));
            fs::write(&path, "there").unwrap();
            let source = fielded(path.as_os_str().as_bytes());
            let target = [b"/tmp/", &*fielded(name)].concat();
            let value = OsString::from_vec([source, b":".into(), target].concat());
            let inside = Path::new("/tmp").join(OsStr::from_bytes(name));
            // Two, so that the variable's list is one.
            let sandbox = Sandbox::new(entry).set("bind-ro", value).set("bind-ro", "/usr:/tmp/usr");
            let act = [OsStr::new("file"), OsStr::new("cat"), inside.as_os_str()];
            assert_eq!(sandbox.probe(&act).ok(), "there", "{}", name.escape_ascii());
            let hidden = Sandbox::new(entry).set("bind-ro", &*dir_value(&dir)).set("hide", path.as_os_str());
            let act = [OsStr::new("file"), OsStr::new("cat"), path.as_os_str()];
            assert_eq!(hidden.probe(&act).ok(), "", "{}", name.escape_ascii());
        }
    }
}

fn dir_value(dir: &TempDir) -> OsString {
    OsString::from_vec(fielded(dir.as_os_str().as_bytes()))
}

#[test]
fn mount_points_are_made_only_in_what_is_the_sandboxs_own() {
    for entry in EVERY {
        let name = format!("/usr/sbx-target-{}", std::process::id());
        let sandbox = Sandbox::new(entry).set("bind-ro", format!("/usr:{name}"));
        sandbox.probe(&["report"]).refused_saying(&["mounts", &name]);
        assert!(!Path::new(&name).exists(), "it was made on the host");
        let deep = Sandbox::new(entry).set("bind-ro", "/usr:/tmp/a/b/c");
        assert!(deep.probe(&["file", "list", "/tmp/a/b/c"]).ok().contains("bin"));
        assert!(!Path::new("/tmp/a/b").exists());
        // Writable or not, the host's tree gets no mount points.
        let writable = Sandbox::new(entry).with(&["root-rw"]).set("bind-ro", format!("/usr:{name}"));
        if writable.probe(&["report"]).code() == Some(0) {
            panic!("{name} was made");
        }
        assert!(!Path::new(&name).exists(), "it was made on the host");
    }
}

#[test]
fn mount_points_do_not_follow_links_out_of_the_new_root() {
    for entry in EVERY {
        let (tree, victim) = (TempDir::new(), TempDir::new());
        tree.dir("real");
        symlink(&*victim, tree.join("absolute")).unwrap();
        symlink(format!("../..{}", victim.display()), tree.join("climbing")).unwrap();
        symlink("real", tree.join("fine")).unwrap();
        for link in ["absolute", "climbing"] {
            for (name, value) in [("bind-ro", format!("/etc/passwd:/{link}/made")), ("tmpfs", format!("/{link}/made"))]
            {
                let sandbox = Sandbox::new(entry).with(&["proc=none", "dev=none"]).set("root", &*tree).set(name, value);
                let ended = sandbox.probe(&["file", "list", "/"]);
                assert_eq!(fs::read_dir(&*victim).unwrap().count(), 0, "made outside: {ended:?}");
                assert!([Some(0), Some(125)].contains(&ended.code()), "{ended:?}");
            }
        }
        // As a source inside the new root would lead out, so must a bind over a link.
        let over =
            Sandbox::new(entry).with(&["proc=none", "dev=none"]).set("root", &*tree).set("bind-ro", "/usr:/absolute");
        let ended = over.probe(&["file", "list", "/"]);
        assert!([Some(0), Some(125)].contains(&ended.code()), "{ended:?}");
        assert_eq!(fs::read_dir(&*victim).unwrap().count(), 0);
    }
}

#[test]
fn a_tmpfs_has_its_size_and_mode() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("tmpfs", "/srv:size=64k:mode=750").set("tmpfs", "/mnt");
        assert!(sandbox.probe(&["file", "stat", "/srv"]).ok().starts_with("mode=40750 "));
        assert!(sandbox.probe(&["file", "stat", "/mnt"]).ok().starts_with("mode=41777 "));
        assert_eq!(sandbox.probe(&["file", "statfs", "/srv"]).ok(), "65536");
        assert_eq!(sandbox.probe(&["file", "fill", "/srv/big"]).ok(), "ENOSPC");
        assert_eq!(sandbox.probe(&["file", "fill", "/mnt/big"]).ok(), "ok");
    }
}

#[test]
fn hidden_directories_are_empty_and_hidden_files_say_nothing() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).with(&["hide=/usr/share", "hide=/etc/passwd"]);
        assert_eq!(sandbox.probe(&["file", "list", "/usr/share"]).ok(), "");
        assert_eq!(sandbox.probe(&["file", "create", "/usr/share/x"]).ok(), "EROFS");
        assert_eq!(sandbox.probe(&["file", "cat", "/etc/passwd"]).ok(), "");
        assert!(!Sandbox::new(entry).probe(&["file", "list", "/usr/share"]).ok().is_empty(), "the control");
        Sandbox::new(entry).set("hide", "/nowhere/at/all").probe(&["report"]).refused_saying(&["/nowhere/at/all"]);
    }
}

#[test]
fn hiding_holds_through_links_and_other_names() {
    let dir = TempDir::new();
    let secret = dir.dir("secret");
    fs::write(secret.join("key"), "x").unwrap();
    symlink("secret", dir.join("link")).unwrap();
    let bind = format!("bind={}", dir.display());
    let hide = format!("hide={}", secret.display());
    let link = dir.join("link/key");
    denied(&Denial {
        act: &["file", "read", link.to_str().unwrap()],
        with: &[&bind, &hide],
        without: &[&bind],
        errno: "ENOENT",
    });
    let key = secret.join("key");
    denied(&Denial {
        act: &["file", "read", key.to_str().unwrap()],
        with: &[&bind, &hide],
        without: &[&bind],
        errno: "ENOENT",
    });
}

#[test]
fn what_was_bound_read_only_cannot_be_made_writable() {
    // Whoever kept the capability for it still has the filter in the way.
    let settings = ["bind-ro=/usr:/mnt", "cap-keep=sys_admin"];
    let remount = format!("mount:0:s=/mnt:0:{}:0", libc::MS_REMOUNT | libc::MS_BIND);
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).with(&settings);
        assert_eq!(sandbox.probe(&["calls", &remount, "umount2:s=/mnt:2"]).ok(), "EPERM\nEPERM");
        let control = sandbox.with(&["seccomp-allow=mount,umount2"]);
        assert_eq!(control.probe(&["calls", &remount, "umount2:s=/mnt:2"]).ok(), "ok\nok");
        let without = Sandbox::new(entry).with(&["bind-ro=/usr:/mnt", "seccomp-allow=mount,umount2"]);
        assert_eq!(without.probe(&["calls", &remount, "umount2:s=/mnt:2"]).ok(), "EPERM\nEPERM");
    }
}
