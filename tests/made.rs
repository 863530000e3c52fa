//! Links, directories and files that are made inside.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::ended::TIMEOUT;
use crate::support::sandbox::clean_env;
use crate::support::{ENTRIES, EVERY, EXECUTING, Sandbox, TempDir, bins, finish};

#[test]
fn links_and_directories_are_made_in_what_is_the_sandboxs_own() {
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).with(&[
            "root=empty",
            "bind-ro=/usr",
            "symlink=usr/bin:/bin",
            "symlink=a\\:b\\,c:/deep/er/link",
            "dir=/work/place:mode=1770",
            "dir=/plain",
        ]);
        let sandbox = sandbox.cwd(Path::new("/"));
        assert_eq!(sandbox.probe(&["file", "list", "/"]).ok(), "bin,deep,dev,plain,proc,usr,work");
        assert_eq!(sandbox.probe(&["file", "read", "/bin/env"]).ok(), "ok", "through the link");
        assert!(sandbox.probe(&["file", "stat", "/deep/er/link"]).ok().contains(" size=5 "));
        assert!(sandbox.probe(&["file", "stat", "/work/place"]).ok().starts_with("mode=41770 "));
        assert!(sandbox.probe(&["file", "stat", "/plain"]).ok().starts_with("mode=40755 "));
        let without = Sandbox::new(entry).with(&["root=empty", "bind-ro=/usr"]);
        assert_eq!(without.probe(&["file", "read", "/bin/env"]).ok(), "ENOENT", "the control");
    }
}

#[test]
fn nothing_is_made_on_the_host() {
    for entry in EXECUTING {
        for (name, value) in [("symlink", "x:/usr/sbx-made"), ("dir", "/usr/sbx-made"), ("file", "/usr/sbx-made:x")] {
            for root in ["root=host", "root=/"] {
                let sandbox = Sandbox::new(entry).with(&[root, "root-rw"]).set(name, value);
                sandbox.probe(&["report"]).refused_saying(&["mounts", "/usr/sbx-made", "EROFS", "sbx: hint: "]);
                assert!(!Path::new("/usr/sbx-made").exists());
            }
        }
        Sandbox::new(entry).set("dir", "/usr:mode=700").probe(&["report"]).refused_saying(&["/usr", "EROFS"]);
        assert_eq!(Sandbox::new(entry).set("dir", "/usr").probe(&["file", "read", "/etc/passwd"]).ok(), "ok");
        Sandbox::new(entry).set("dir", "/etc/passwd").probe(&["report"]).refused_saying(&["/etc/passwd", "EEXIST"]);
        let twice = Sandbox::new(entry).with(&["symlink=x:/tmp/a/b", "dir=/tmp/a/b/c"]);
        twice.probe(&["report"]).refused_saying(&["/tmp/a/b"]);
    }
}

#[test]
fn a_file_holds_its_text_and_cannot_be_changed() {
    for entry in EVERY {
        let text = "a\\:b\\,c\\\\\n\u{e9}\n";
        let sandbox =
            Sandbox::new(entry).set("file", format!("/etc/passwd:{text}")).set("file", "/tmp/deep/x:y:mode=646");
        assert_eq!(sandbox.run("/bin/cat", &["/etc/passwd"]).out, "a:b,c\\\n\u{e9}\n", "it covers the host's");
        assert_eq!(sandbox.probe(&["file", "cat", "/tmp/deep/x"]).ok(), "y");
        assert!(sandbox.probe(&["file", "stat", "/etc/passwd"]).ok().starts_with("mode=100444 "));
        assert_eq!(sandbox.probe(&["file", "open-write", "/tmp/deep/x"]).ok(), "EROFS");
        for file in ["/etc/passwd", "/tmp/deep/x"] {
            assert_eq!(sandbox.probe(&["file", "chmod", file, "777"]).ok(), "EROFS", "{file}");
        }
        assert_eq!(sandbox.probe(&["file", "unlink", "/tmp/deep/x"]).ok(), "EBUSY");
        let mount = sandbox.report();
        let mount = mount.mount("/tmp/deep/x").unwrap();
        assert!(mount.has("ro") && mount.has("nosuid") && mount.has("nodev"), "{mount:?}");
        assert!(sandbox.probe(&["file", "stat", "/tmp/deep/x"]).ok().starts_with("mode=100646 "));
        assert_ne!(Sandbox::new(entry).run("/bin/cat", &["/etc/passwd"]).out, "a:b,c\\\n\u{e9}\n", "the control");
        assert_eq!(Sandbox::new(entry).set("file", "/tmp/x:").probe(&["file", "cat", "/tmp/x"]).ok(), "");
    }
}

#[test]
fn a_file_may_be_a_program() {
    for entry in EXECUTING {
        let script = "#!/bin/sh\necho ran\n";
        let run = |mode: &str| {
            let sandbox = Sandbox::new(entry).set("file", format!("/tmp/go:{script}{mode}"));
            sandbox.run("/bin/sh", &["-c", "/tmp/go 2>/dev/null || echo refused"]).ok().to_owned()
        };
        assert_eq!(run(":mode=555"), "ran");
        assert_eq!(run(""), "refused");
    }
}

#[test]
fn for_one_place_the_later_file_holds() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("file", "/tmp/x:one").set("file", "/tmp/x:two");
        assert_eq!(sandbox.probe(&["file", "cat", "/tmp/x"]).ok(), "two");
        let below = Sandbox::new(entry).set("file", "/srv/a/x:one").set("tmpfs", "/srv");
        assert_eq!(below.probe(&["file", "cat", "/srv/a/x"]).ok(), "one", "parents come first");
    }
}

fn launch(args: &[&str], dir: &Path) -> crate::support::Ended {
    let mut command = Command::new(bins::launcher());
    clean_env(&mut command).current_dir(dir).args(args);
    finish(command, b"", TIMEOUT)
}

const ODD: &str = "a\r\nb: \"c\"\t'''\\";

#[test]
fn the_text_of_a_file_may_come_from_one_outside() {
    let dir = TempDir::new();
    let bytes: Vec<u8> = (1..=255).collect();
    dir.file("bytes", &bytes);
    dir.file("text", ODD);
    let probe = bins::probe().to_str().unwrap();
    let hold = |args: &[&str]| launch(&[args, &[probe, "file", "cat", "/tmp/in"]].concat(), &dir).ok().to_owned();
    assert_eq!(hold(&["--file-from", "/tmp/in:text"]), ODD);
    assert!(hold(&["--file-from", "/tmp/in:bytes"]).contains("+,-./0123456789:;<=>?@ABC"));
    let mode = launch(&["--file-from=/tmp/in:text:mode=640", probe, "file", "stat", "/tmp/in"], &dir);
    assert!(mode.ok().starts_with("mode=100640 "));
    // By a policy file, and by what is printed of either.
    let policy = dir.file("policy.toml", "file-from = [\"/tmp/in:text\"]\n");
    let policy = ["--policy", policy.to_str().unwrap()];
    assert_eq!(hold(&policy), ODD);
    let printed = launch(&[&policy[..], &["--print-policy"]].concat(), &dir);
    assert!(printed.out.starts_with("file = ["), "{printed:?}");
    let printed = dir.file("printed.toml", printed.out);
    let variables = launch(&["--file-from", "/tmp/in:text", "--print-env"], &dir);
    fs::remove_file(dir.join("text")).unwrap();
    assert_eq!(hold(&["--policy", printed.to_str().unwrap()]), ODD);
    let script = format!("{}\nexec \"$0\" file cat /tmp/in", variables.ok());
    let mut command = Command::new("sh");
    clean_env(&mut command).arg("-c").arg(script).arg(bins::probe());
    assert_eq!(finish(command, b"", TIMEOUT).ok(), ODD);
    launch(&["--file-from", "/tmp/in:text", probe, "report"], &dir).refused_saying(&["--file-from", "text", "ENOENT"]);
    let missing = launch(&[&policy[..], &[probe, "report"]].concat(), &dir);
    missing.refused_saying(&["policy.toml: line 1: file-from '/tmp/in:text'", "ENOENT"]);
    let unprintable = launch(&["--file-from", "/tmp/in:bytes", "--print-policy"], &dir);
    unprintable.refused_saying(&["policy: file ", "not UTF-8"]);
}

#[test]
fn a_text_that_no_variable_can_carry_is_refused_with_the_remedy() {
    let dir = TempDir::new();
    dir.file("nul", b"a\0b");
    dir.file("large", vec![b'x'; 128 << 10]);
    dir.file("half", vec![b'x'; 80 << 10]);
    let probe = bins::probe().to_str().unwrap();
    for (flags, words) in [
        (&["--file-from", "/tmp/in:nul"][..], &["NUL", "bind-ro"][..]),
        (&["--file-from", "/tmp/in:large"], &["128 KiB", "bind-ro"]),
        (&["--file-from", "/tmp/in:half", "--file-from", "/tmp/on:half"], &["SBX_FILE", "128 KiB", "bind-ro"]),
        (&["--file-from", "/tmp/in"], &["DST:FILE"]),
    ] {
        launch(&[flags, &[probe, "report"]].concat(), &dir).refused_saying(words);
    }
    let control = launch(&["--file-from", "/tmp/in:half", probe, "file", "stat", "/tmp/in"], &dir);
    assert!(control.ok().contains(" size=81920 "));
}
