//! Directories of the host's on top of each other.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::need;
use crate::support::sandbox::IntoOsString;
use crate::support::traced::traced;
use crate::support::{ENTRIES, EVERY, EXECUTING, Entry, Sandbox, TempDir, bins};

/// Two layers that both have `both`, and each a file of its own.
fn layers() -> TempDir {
    let dir = TempDir::new();
    for name in ["top", "base", "upper", "work"] {
        dir.dir(name);
    }
    for (name, text) in [("top/both", "top"), ("base/both", "base"), ("top/one", "1"), ("base/two", "2")] {
        dir.file(name, text);
    }
    dir
}

fn value(dir: &TempDir, at: &str, fields: &[&str]) -> OsString {
    fields.iter().fold(at.into(), |mut value: OsString, field| {
        let (key, name) = field.split_once('=').unwrap();
        value.push(format!(":{key}={}", dir.join(name).display()));
        value
    })
}

#[test]
fn the_first_lower_is_on_top_and_changes_vanish_at_the_end() {
    let dir = layers();
    let lowers = ["lower=top", "lower=base"];
    for entry in EXECUTING {
        let sandbox = Sandbox::new(entry).set("overlay", value(&dir, "/mnt", &lowers));
        assert_eq!(sandbox.probe(&["file", "list", "/mnt"]).ok(), "both,one,two");
        assert_eq!(sandbox.probe(&["file", "cat", "/mnt/both"]).ok(), "top");
        let script = "echo new >/mnt/new && rm /mnt/two && cat /mnt/new && ls /mnt";
        assert_eq!(sandbox.run("/bin/sh", &["-c", script]).ok(), "new\nboth\nnew\none");
        assert_eq!(sandbox.probe(&["file", "list", "/mnt"]).ok(), "both,one,two", "it has vanished");
        let turned = Sandbox::new(entry).set("overlay", value(&dir, "/mnt", &["lower=base", "lower=top"]));
        assert_eq!(turned.probe(&["file", "cat", "/mnt/both"]).ok(), "base");
    }
    assert_eq!(fs::read_to_string(dir.join("top/both")).unwrap(), "top");
    assert_eq!(fs::read_dir(dir.join("base")).unwrap().count(), 2);
}

#[test]
fn changes_are_kept_in_upper_and_nowhere_else() {
    for entry in EXECUTING {
        let dir = layers();
        let fields = ["lower=top", "lower=base", "upper=upper", "work=work"];
        let sandbox = Sandbox::new(entry).set("overlay", value(&dir, "/mnt", &fields));
        let script = "echo new >/mnt/new && echo x >/mnt/both && rm /mnt/two && mkdir /mnt/dir";
        assert_eq!(sandbox.run("/bin/sh", &["-c", script]).ok(), "");
        assert_eq!(fs::read_to_string(dir.join("upper/both")).unwrap(), "x\n");
        assert_eq!(fs::read_to_string(dir.join("upper/new")).unwrap(), "new\n");
        assert_eq!(fs::read_to_string(dir.join("top/both")).unwrap(), "top");
        assert_eq!(fs::read_to_string(dir.join("base/two")).unwrap(), "2");
        assert_eq!(sandbox.probe(&["file", "list", "/mnt"]).ok(), "both,dir,new,one", "they are there again");
        let report = sandbox.report();
        let mount = report.mount("/mnt").unwrap();
        assert!(mount.kind == "overlay" && mount.has("nosuid") && mount.has("nodev") && mount.has("rw"), "{mount:?}");
        assert!(!report.all("mount").concat().contains("/top"), "the host's names do not show");
    }
}

#[test]
fn programs_of_the_layers_run_unless_noexec() {
    let dir = layers();
    dir.install(Path::new("/bin/true"), "top/true");
    for entry in EXECUTING {
        let sandbox = Sandbox::new(entry).set("overlay", value(&dir, "/mnt", &["lower=top"]));
        assert_eq!(sandbox.run("/bin/sh", &["-c", "/mnt/true && echo ran"]).ok(), "ran");
        let mut noexec = value(&dir, "/mnt", &["lower=top"]);
        noexec.push(":noexec");
        let refused = Sandbox::new(entry).set("overlay", noexec);
        assert_eq!(refused.probe(&["exec", "/mnt/true"]).ok(), "EACCES");
    }
}

#[test]
fn any_bytes_may_be_in_the_names_of_layers() {
    let names: [&[u8]; 5] = [b"a:b", b"a,b", b"a\\b", b"upperdir=x,lowerdir=y", b"\xff\n o"];
    for entry in EVERY {
        for name in names {
            let dir = TempDir::new();
            let lower = dir.dir(OsStr::from_bytes(name));
            fs::write(lower.join("x"), "there").unwrap();
            let escaped: Vec<u8> =
                name.iter().flat_map(|&b| if b",:\\".contains(&b) { vec![b'\\', b] } else { vec![b] }).collect();
            let text = [b"/mnt:lower=", dir.as_os_str().as_bytes(), b"/", &escaped].concat();
            // Two, so that the variable's list is one.
            let sandbox = Sandbox::new(entry).set("overlay", text.into_os_string());
            let sandbox = sandbox.set("overlay", value(&dir, "/srv", &["lower=."]));
            assert_eq!(sandbox.probe(&["file", "cat", "/mnt/x"]).ok(), "there", "{}", name.escape_ascii());
        }
    }
}

#[test]
fn there_may_be_more_layers_than_one_option_holds() {
    let dir = TempDir::new();
    let names: Vec<String> = (0..60).map(|n| format!("l{n:02}")).collect();
    for name in &names {
        dir.dir(name);
        dir.file(format!("{name}/{name}"), "");
    }
    let fields: Vec<String> = names.iter().map(|name| format!("lower={name}")).collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("overlay", value(&dir, "/mnt", &fields));
        assert_eq!(sandbox.probe(&["file", "list", "/mnt"]).ok(), names.join(","));
    }
}

#[test]
fn layers_that_cannot_be_laid_are_refused_by_name() {
    let dir = layers();
    dir.dir("upper/inner");
    let cases: [(&[&str], &[&str]); 7] = [
        (&["lower=nothing"], &["openat", "/nothing", "ENOENT"]),
        (&["lower=top", "lower=top/one"], &["openat", "/top/one", "ENOTDIR"]),
        (&["lower=top", "upper=nothing", "work=work"], &["openat", "/nothing", "ENOENT"]),
        (&["lower=top", "upper=upper", "work=nothing"], &["openat", "/nothing", "ENOENT"]),
        (&["lower=top", "lower=top"], &["/mnt", "ELOOP", "hint: an overlay's directories overlap"]),
        (&["lower=top", "upper=top", "work=work"], &["/mnt", "ELOOP", "overlap"]),
        (&["lower=top", "upper=upper", "work=upper/inner"], &["/mnt", "EINVAL", "neither within the other"]),
    ];
    for entry in EVERY {
        for (fields, words) in cases {
            let sandbox = Sandbox::new(entry).set("overlay", value(&dir, "/mnt", fields));
            sandbox.probe(&["report"]).refused_saying(&[&["sbx: mounts: "], words].concat());
        }
        let mut elsewhere = value(&dir, "/mnt", &["lower=top", "upper=upper"]);
        elsewhere.push(":work=/dev/shm");
        let sandbox = Sandbox::new(entry).set("overlay", elsewhere);
        sandbox.probe(&["report"]).refused_saying(&["/dev/shm", "EXDEV", "in one file system"]);
        for half in ["upper", "work"] {
            let text = value(&dir, "/mnt", &["lower=top", &format!("{half}={half}")]);
            Sandbox::new(entry).set("overlay", text).probe(&["report"]).refused_saying(&["sbx: policy: ", half]);
        }
    }
}

#[test]
fn an_overlay_that_could_only_be_read_is_refused() {
    need!("root");
    // In the sandbox's user namespace root is nobody to another's directory.
    let dir = layers();
    for name in ["upper", "work"] {
        std::os::unix::fs::chown(dir.join(name), Some(4242), Some(4242)).unwrap();
    }
    for entry in EVERY {
        let text = value(&dir, "/mnt", &["lower=top", "upper=upper", "work=work"]);
        let sandbox = Sandbox::new(entry).set("overlay", text);
        sandbox.probe(&["report"]).refused_saying(&["/work", "EACCES", "sbx: hint: an overlay's work directory"]);
        let control = sandbox.with(&["share=user"]).probe(&["file", "list", "/mnt"]);
        assert_eq!(control.ok(), "both,one", "without a user namespace root may");
    }
}

#[test]
fn an_overlay_can_be_the_root() {
    let dir = layers();
    for name in ["home", "tmp", "proc", "dev"] {
        dir.dir(format!("base/{name}"));
    }
    dir.file("base/home/key", "x");
    for entry in ENTRIES {
        let lowers = value(&dir, "/", &["lower=top", "lower=base"]);
        let sandbox = Sandbox::new(entry).set("overlay", &lowers).cwd(Path::new("/"));
        assert_eq!(sandbox.probe(&["file", "list", "/"]).ok(), "both,dev,home,one,proc,tmp,two");
        assert_eq!(sandbox.probe(&["file", "create", "/new"]).ok(), "ok", "an overlay is for writing");
        assert_eq!(sandbox.probe(&["file", "list", "/home"]).ok(), "key", "nothing of a tree of its own is hidden");
        assert_eq!(sandbox.probe(&["file", "create", "/tmp/new"]).ok(), "ok");
        assert_eq!(sandbox.report().one("cwd"), "/");
        assert!(!dir.join("top/new").exists() && !dir.join("base/new").exists());
        // What is in memory is the sandbox's own: mount points can be made in it.
        let bound = sandbox.clone().set("bind-ro", "/usr:/deep/usr");
        assert!(bound.probe(&["file", "list", "/deep/usr"]).ok().contains("bin"));
        sandbox.with(&["root=host"]).probe(&["report"]).refused_saying(&["overlay", "root"]);

        let kept = value(&dir, "/", &["lower=top", "lower=base", "upper=upper", "work=work"]);
        let sandbox = Sandbox::new(entry).set("overlay", kept).cwd(Path::new("/"));
        assert_eq!(sandbox.probe(&["file", "write", "/new"]).ok(), "ok");
        assert!(dir.join("upper/new").exists());
        fs::remove_file(dir.join("upper/new")).unwrap();
        // What is kept is the host's: no mount points are made there.
        sandbox.set("bind-ro", "/usr:/deep/usr").probe(&["report"]).refused_saying(&["/deep/usr", "EROFS"]);
        assert_eq!(fs::read_dir(dir.join("upper")).unwrap().count(), 0);
        let missing = Sandbox::new(entry).set("overlay", value(&dir, "/", &["lower=nothing"]));
        missing.probe(&["report"]).refused_saying(&["/nothing", "ENOENT"]);
    }
}

#[test]
fn what_lies_below_an_overlay_is_mounted_where_its_links_lead_inside() {
    let (dir, victim) = (layers(), TempDir::new());
    dir.dir("top/real");
    dir.dir("top/real/usr");
    symlink("/mnt/real", dir.join("top/inside")).unwrap();
    symlink(&*victim, dir.join("top/outside")).unwrap();
    for entry in EVERY {
        let overlay = value(&dir, "/mnt", &["lower=top"]);
        let sandbox = Sandbox::new(entry).set("overlay", &overlay).set("bind-ro", "/usr:/mnt/inside/usr");
        assert!(sandbox.probe(&["file", "list", "/mnt/real/usr"]).ok().contains("bin"));
        let sandbox = Sandbox::new(entry).set("overlay", &overlay).set("bind-ro", "/usr:/mnt/outside/usr");
        let ended = sandbox.probe(&["file", "list", "/mnt"]);
        assert!([Some(0), Some(125)].contains(&ended.code()), "{ended:?}");
        assert_eq!(fs::read_dir(&*victim).unwrap().count(), 0);
        let hidden = Sandbox::new(entry).set("overlay", &overlay).set("hide", "/mnt/both");
        assert_eq!(hidden.probe(&["file", "cat", "/mnt/both"]).ok(), "");
    }
}

#[test]
fn without_mount_descriptors_overlays_are_the_same() {
    let lacking = ["mount_setattr", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount"];
    let rules: Vec<String> = lacking.iter().map(|name| format!("{name}:ENOSYS")).collect();
    let options: Vec<&str> = rules.iter().flat_map(|rule| ["--fail-all", rule]).collect();
    for entry in [Entry::Preload, Entry::Exec] {
        for at in ["/mnt", "/"] {
            for kept in [&[][..], &["upper=upper", "work=work"]] {
                if entry == Entry::Exec && at == "/" {
                    // The layers have no C library.
                    continue;
                }
                let dir = layers();
                let fields = [&["lower=top", "lower=base"], kept].concat();
                let sandbox = Sandbox::new(entry).set("overlay", value(&dir, at, &fields)).cwd(Path::new("/"));
                let old = traced(&sandbox, &options);
                let file = |name: &str| Path::new(at).join(name);
                let act = |act: &str, name: &str| old.run(bins::probe(), &["file", act, file(name).to_str().unwrap()]);
                assert_eq!(act("cat", "both").ok(), "top", "{at} {kept:?}");
                assert_eq!(act("write", "new").ok(), "ok");
                assert_eq!(dir.join("upper/new").exists(), !kept.is_empty());
            }
        }
    }
}
