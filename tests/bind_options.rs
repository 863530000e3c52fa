//! What may be done with what is bound, and binds of everything that can be bound.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::sandbox::clean_env;
use crate::support::traced::traced;
use crate::support::{Denial, EVERY, EXECUTING, Entry, Sandbox, TempDir, bins, denied};

const LACKING: [&str; 12] = [
    "--fail-all",
    "mount_setattr:ENOSYS",
    "--fail-all",
    "open_tree:ENOSYS",
    "--fail-all",
    "move_mount:ENOSYS",
    "--fail-all",
    "fsopen:ENOSYS",
    "--fail-all",
    "fsconfig:ENOSYS",
    "--fail-all",
    "fsmount:ENOSYS",
];

#[test]
fn what_can_be_written_cannot_be_executed_unless_asked_for() {
    let dir = TempDir::new();
    dir.script("go", "#!/bin/sh\necho ok\n");
    let at = |name: &str, option: &str| format!("{name}={}:/mnt{option}", dir.display());
    for (with, without) in [
        (at("bind", ""), at("bind", ":exec")),
        (at("bind", ":noexec"), at("bind", ":ro")),
        (at("bind-try", ":rw"), at("bind-try", ":rw:exec")),
        (at("bind-ro", ":noexec"), at("bind-ro", "")),
        (at("bind-ro-try", ":noexec:ro"), at("bind-ro-try", ":exec")),
        (at("bind", ":ro:noexec"), at("bind", ":ro")),
    ] {
        let (with, without) = ([&*with], [&*without]);
        denied(&Denial { act: &["exec", "/mnt/go"], with: &with, without: &without, errno: "EACCES" });
    }
}

#[test]
fn ro_makes_a_bind_read_only() {
    let dir = TempDir::new();
    let (with, without) = (format!("bind={}:/mnt:ro", dir.display()), format!("bind={}:/mnt", dir.display()));
    denied(&Denial { act: &["file", "write", "/mnt/x"], with: &[&with], without: &[&without], errno: "EROFS" });
}

#[test]
fn device_nodes_work_only_where_dev_is() {
    for name in ["bind", "bind-ro"] {
        let (with, without) = (format!("{name}=/dev/zero:/tmp/zero"), format!("{name}=/dev/zero:/tmp/zero:dev"));
        denied(&Denial { act: &["file", "read", "/tmp/zero"], with: &[&with], without: &[&without], errno: "EACCES" });
    }
    for entry in EVERY {
        let inside = Sandbox::new(entry).with(&["bind-ro=/dev:/mnt:dev", "bind=/dev/null:/tmp/null:dev"]).report();
        for at in ["/mnt", "/tmp/null"] {
            let mount = inside.mount(at).unwrap();
            assert!(mount.has("nosuid") && !mount.has("nodev") && mount.has("noexec") == (at != "/mnt"), "{mount:?}");
        }
    }
}

#[test]
fn a_private_file_system_holds_programs_unless_noexec() {
    let script = "cp /bin/true /tmp/go && (/tmp/go && echo ran) 2>/dev/null || echo refused";
    for entry in EXECUTING {
        for (settings, answer) in [
            (&[][..], "ran"),
            (&["tmpfs=/tmp:exec"], "ran"),
            (&["tmpfs=/tmp:noexec"], "refused"),
            (&["tmpfs=/tmp:size=1m:noexec"], "refused"),
        ] {
            let sandbox = Sandbox::new(entry).with(settings).cwd(Path::new("/"));
            assert_eq!(sandbox.run("/bin/sh", &["-c", script]).ok(), answer, "{settings:?}");
            let old = traced(&sandbox, &LACKING);
            assert_eq!(old.run("/bin/sh", &["-c", script]).ok(), answer, "{settings:?} on an old kernel");
        }
    }
}

#[test]
fn options_that_contradict_are_refused() {
    for (name, value) in [
        ("bind-ro", "/usr:rw"),
        ("bind-ro-try", "/usr:/mnt:rw"),
        ("bind", "/usr:ro:rw"),
        ("bind", "/usr:exec:noexec"),
        ("bind", "/usr:dev:dev"),
        ("bind", "/usr:suid"),
        ("bind", "/usr:exec:/mnt"),
        ("tmpfs", "/mnt:exec:noexec"),
    ] {
        for entry in EVERY {
            Sandbox::new(entry).set(name, value).probe(&["report"]).refused_saying(&["sbx: policy: ", value]);
        }
    }
}

#[test]
fn the_plan_says_what_is_lifted() {
    let mut command = Command::new(bins::launcher());
    let flags = ["--bind=/a:exec", "--bind=/b:dev", "--bind-ro=/c:noexec", "--bind=/d", "--tmpfs=/e:noexec"];
    let plan = clean_env(&mut command).args(flags).arg("--print-plan").output().unwrap();
    let plan = String::from_utf8(plan.stdout).unwrap();
    for part in ["; /a rw exec;", "; /b rw dev;", "; /c ro noexec;", "; /d rw;", "; /e tmpfs noexec;"] {
        assert!(plan.contains(part), "{part} is not in {plan}");
    }
}

#[test]
fn everything_that_has_a_name_can_be_bound() {
    let dir = TempDir::new();
    let listener = UnixListener::bind(dir.join("socket")).unwrap();
    assert!(Command::new("mkfifo").arg(dir.join("fifo")).status().unwrap().success());
    dir.file("file", "x");
    dir.dir("dir");
    for entry in EXECUTING {
        for old in [false, true] {
            let sandbox = ["socket", "fifo", "file", "dir"].iter().fold(Sandbox::new(entry), |sandbox, name| {
                sandbox.set("bind", format!("{}:/tmp/in/{name}", dir.join(name).display()))
            });
            let sandbox = if old { traced(&sandbox, &LACKING) } else { sandbox };
            for (name, kind) in [("socket", "mode=140"), ("fifo", "mode=10"), ("file", "mode=100"), ("dir", "mode=40")]
            {
                let stat = sandbox.probe(&["file", "stat", &format!("/tmp/in/{name}")]);
                assert!(stat.ok().starts_with(kind), "{name}: {stat:?}");
            }
        }
        let over = Sandbox::new(entry).set("bind-ro", format!("{}:/mnt", dir.join("file").display()));
        over.probe(&["report"]).refused_saying(&["/mnt", "ENOTDIR", "hint: a directory can only"]);
        let over = Sandbox::new(entry).set("bind-ro", format!("{}:/etc/passwd", dir.join("dir").display()));
        over.probe(&["report"]).refused_saying(&["/etc/passwd", "ENOTDIR"]);
    }
    drop(listener);
}

#[test]
fn a_bind_can_lie_below_another() {
    let (outer, inner) = (TempDir::new(), TempDir::new());
    outer.dir("sub");
    outer.file("sub/x", "outer");
    inner.file("x", "inner");
    for entry in EVERY {
        let sandbox = Sandbox::new(entry)
            .set("bind-ro", format!("{}:/mnt/sub", inner.display()))
            .set("bind", format!("{}:/mnt", outer.display()));
        assert_eq!(sandbox.probe(&["file", "cat", "/mnt/sub/x"]).ok(), "inner");
        assert_eq!(sandbox.probe(&["file", "create", "/mnt/sub/y"]).ok(), "EROFS");
        // Where the outer one has no room, none is made in it.
        let missing = sandbox.set("bind-ro", format!("{}:/mnt/none", inner.display()));
        missing.probe(&["report"]).refused_saying(&["/mnt/none", "EROFS"]);
        assert!(!outer.join("none").exists());
    }
}

#[test]
fn a_link_to_nothing_is_a_missing_source() {
    let dir = TempDir::new();
    symlink("nothing", dir.join("dangling")).unwrap();
    symlink("loop", dir.join("loop")).unwrap();
    for entry in EVERY {
        let bind = |name: &str, source: &str| {
            Sandbox::new(entry)
                .set(name, format!("{}:/mnt", dir.join(source).display()))
                .probe(&["file", "list", "/mnt"])
        };
        bind("bind", "dangling").refused_saying(&["/dangling", "ENOENT"]);
        assert_eq!(bind("bind-try", "dangling").code(), Some(0));
        bind("bind-try", "loop").refused_saying(&["/loop", "ELOOP"]);
    }
}

#[test]
fn a_source_that_comes_and_goes_is_bound_or_refused() {
    let dir = TempDir::new();
    dir.dir("there");
    dir.file("there/x", "x");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // Ignored: either way round.
                let _ = fs::rename(dir.join("there"), dir.join("gone"));
                let _ = fs::rename(dir.join("gone"), dir.join("there"));
            }
        });
        for _ in 0..40 {
            let sandbox = Sandbox::new(Entry::Preload).set("bind-ro", format!("{}:/mnt", dir.join("there").display()));
            let ended = sandbox.probe(&["file", "cat", "/mnt/x"]);
            match ended.code() {
                Some(0) => assert_eq!(ended.ok(), "x"),
                _ => ended.refused_saying(&["/there", "ENOENT"]),
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_thousand_binds_are_all_there() {
    let dir = TempDir::new();
    for n in 0..1000 {
        dir.file(format!("{n}"), n.to_string());
    }
    for entry in EXECUTING {
        let sandbox = (0..1000).fold(Sandbox::new(entry), |sandbox, n| {
            sandbox.set("bind-ro", format!("{}:/tmp/in/{}", dir.join(n.to_string()).display(), 999 - n))
        });
        let sum = "cat /tmp/in/* | wc -c; cat /tmp/in/0 /tmp/in/500; ls /tmp/in | wc -l";
        let ended = sandbox.after_shell("ulimit -S -n 256").run("/bin/sh", &["-c", sum]);
        assert_eq!(ended.ok(), "2890\n9994991000");
    }
}

#[test]
fn paths_may_be_as_long_as_the_kernel_takes() {
    let dir = TempDir::new();
    let name = "n".repeat(200);
    let count = (4000 - dir.as_os_str().len()) / 201;
    let below = vec![name.as_str(); count].join("/");
    let deep = dir.join(&below);
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("x"), "x").unwrap();
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("bind-ro", format!("{}:/tmp/{below}", deep.display()));
        assert_eq!(sandbox.probe(&["file", "cat", &format!("/tmp/{below}/x")]).ok(), "x");
        let long = format!("/{}", vec![name.as_str(); 21].join("/"));
        let sandbox = Sandbox::new(entry).set("bind-ro", format!("/usr:{long}"));
        sandbox.probe(&["report"]).refused_saying(&["sbx: mounts: ", "ENAMETOOLONG"]);
        let sandbox = Sandbox::new(entry).set("bind-ro", format!("{long}:/mnt"));
        sandbox.probe(&["report"]).refused_saying(&["sbx: mounts: ", "ENAMETOOLONG"]);
    }
}

#[test]
fn what_a_link_leads_to_is_hidden_by_the_links_name() {
    let dir = TempDir::new();
    dir.file("key", "x");
    dir.dir("private");
    dir.file("private/key", "x");
    symlink("key", dir.join("link")).unwrap();
    symlink("private", dir.join("way")).unwrap();
    let listener = UnixListener::bind(dir.join("socket")).unwrap();
    let bind = format!("bind={}:/mnt:ro", dir.display());
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).with(&[&bind, "hide=/mnt/link", "hide=/mnt/way", "hide=/mnt/socket"]);
        for name in ["key", "link"] {
            assert_eq!(sandbox.probe(&["file", "cat", &format!("/mnt/{name}")]).ok(), "", "{name}");
        }
        for name in ["private", "way"] {
            assert_eq!(sandbox.probe(&["file", "list", &format!("/mnt/{name}")]).ok(), "", "{name}");
        }
        assert!(sandbox.probe(&["file", "stat", "/mnt/socket"]).ok().starts_with("mode=20"), "it is /dev/null");
        let control = Sandbox::new(entry).with(&[&bind]);
        assert_eq!(control.probe(&["file", "cat", "/mnt/link"]).ok(), "x");
        // In what is the sandbox's own as well.
        let own = Sandbox::new(entry).with(&["dir=/tmp/d", "file=/tmp/d/key:x", "hide=/tmp/d"]);
        assert_eq!(own.probe(&["file", "cat", "/tmp/d/key"]).ok(), "x", "what is put below a hidden place is there");
    }
    drop(listener);
}

#[test]
fn mounts_are_locked_for_namespaces_that_are_made_inside() {
    let dir = TempDir::new();
    let bind = format!("bind={}:/mnt:ro", dir.display());
    let (all, kept) = (libc::MS_REMOUNT | libc::MS_BIND, libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV);
    let remount = |flags: u64| format!("mount:0:s=/mnt:0:{flags}:0");
    let (free, exec) = (remount(all), remount(all | kept | libc::MS_NOEXEC));
    let unshare = format!("unshare:{}", libc::CLONE_NEWUSER | libc::CLONE_NEWNS);
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).with(&[&bind, "seccomp=none", "file=/etc/passwd:x"]);
        let answers =
            sandbox.probe(&["calls", &free, "umount2:s=/mnt:2", &unshare, &free, "umount2:s=/etc/passwd:2", &exec]);
        // The last is the control: what only adds to the restrictions is allowed there.
        assert_eq!(answers.ok(), "EPERM\nEPERM\nok\nEPERM\nEINVAL\nok");
    }
}

#[test]
fn a_place_that_the_hosts_root_does_not_have_is_made_in_a_new_one() {
    let dir = TempDir::new();
    dir.file("x", "x");
    let name = format!("/sbx-new-{}", std::process::id());
    for entry in EXECUTING {
        let plain = Sandbox::new(entry).cwd(Path::new("/"));
        let sandbox = plain.clone().set("bind", format!("{}:{name}/deep", dir.display()));
        assert_eq!(sandbox.probe(&["file", "cat", &format!("{name}/deep/x")]).ok(), "x");
        assert_eq!(sandbox.probe(&["file", "create", &format!("{name}/deep/new")]).ok(), "ok");
        fs::remove_file(dir.join("new")).unwrap();
        // All else is as it was, and where it was.
        let host = plain.probe(&["file", "list", "/"]).ok().to_owned();
        let listed = sandbox.probe(&["file", "list", "/"]).ok().to_owned();
        assert_eq!(listed.replace(&format!("{},", &name[1..]), ""), host);
        let stat = |sandbox: &Sandbox, path: &str| sandbox.probe(&["file", "stat", path]).ok().to_owned();
        assert_eq!(sandbox.probe(&["file", "read", "/bin/sh"]).ok(), "ok");
        for at in ["/usr", "/etc/passwd", "/home", "/tmp"] {
            assert_eq!(stat(&sandbox, at), stat(&plain, at), "{at}");
        }
        for at in ["/new", "/usr/new", "/etc/new", "/home/new", &format!("{name}/new")] {
            assert_eq!(sandbox.probe(&["file", "create", at]).ok(), "EROFS", "{at}");
        }
        for mount in sandbox.report().mounts() {
            let device = mount.at.starts_with("/dev/") || mount.root == "/null";
            assert!(mount.has("nosuid") && (mount.has("nodev") || device), "{mount:?}");
            let private = ["/tmp", "/var/tmp", "/run", "/proc"].contains(&mount.at) || mount.at.starts_with(&name);
            assert!(mount.has("ro") || device || private, "{mount:?}");
        }
        for (setting, value) in [("dir", name.clone()), ("symlink", format!("x:{name}")), ("file", format!("{name}:x"))]
        {
            let made = plain.clone().set(setting, value).probe(&["file", "stat", &name]);
            assert!(made.ok().starts_with("mode="), "{made:?}");
        }
        let old = traced(&sandbox, &LACKING);
        assert_eq!(old.probe(&["file", "cat", &format!("{name}/deep/x")]).ok(), "x");
        assert_eq!(old.probe(&["file", "create", "/usr/new"]).ok(), "EROFS");
        // Where / itself is to be written to, it is the host's.
        let writable = sandbox.with(&["root-rw"]).probe(&["report"]);
        writable.refused_saying(&["EROFS", &name]);
        assert!(!Path::new(&name).exists());
    }
}
