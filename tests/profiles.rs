//! The shipped starting points, and that settings change them.

use std::fs;
use std::path::Path;

use crate::need;
use crate::support::{ENTRIES, Entry, Sandbox, TempDir};

fn strict(entry: Entry) -> Sandbox {
    Sandbox::new(entry).set("profile", "strict")
}

#[test]
fn strict_is_an_empty_read_only_root() {
    for entry in ENTRIES {
        assert_eq!(strict(entry).probe(&["file", "list", "/"]).ok(), "");
        for (path, answer) in [("/new", "EROFS"), ("/etc/passwd", "ENOENT"), ("/proc/self/status", "ENOENT")] {
            let act = if answer == "EROFS" { "create" } else { "read" };
            let said = strict(entry).probe(&["file", act, path]);
            assert!([answer, "EPERM"].contains(&said.ok()), "{path}: {said:?}");
        }
    }
    assert!(!Path::new("/new").exists());
}

#[test]
fn strict_freezes_the_code() {
    for entry in ENTRIES {
        let answers = strict(entry).probe(&[
            "calls",
            "mmap-exec",
            "mmap-rwx",
            "mprotect-exec",
            "pkey-mprotect-exec",
            "socket:2:1:0",
        ]);
        for answer in answers.ok().lines() {
            assert!(["EPERM", "EAFNOSUPPORT"].contains(&answer), "{answer}");
        }
        assert_eq!(strict(entry).probe(&["exec", "/bin/true"]).ok(), "EPERM");
        assert_eq!(
            strict(entry).probe(&["calls", "x32.getpid", "mount:0:far:0:0:0", "ptrace:99:1"]).ok(),
            "ENOSYS\nEPERM\nEPERM"
        );
        assert_eq!(strict(entry).probe(&["exit", "7"]).code(), Some(7));
    }
}

#[test]
fn filters_and_converters_work_in_strict() {
    let text = "pear\napple\nfig\n";
    let sorted = "apple\nfig\npear\n";
    let cases: [(&str, &[&str], &str, &str); 9] = [
        ("cat", &[], text, text),
        ("sort", &[], text, sorted),
        ("sha256sum", &[], "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  -\n"),
        ("awk", &["{ n += length } END { print n }"], text, "12\n"),
        ("sed", &["s/a/A/g"], text, "peAr\nApple\nfig\n"),
        ("jq", &["-c", ".b"], "{\"a\":1,\"b\":[2,3]}", "[2,3]\n"),
        ("sqlite3", &[":memory:"], "create table t(a); insert into t values (6),(7); select sum(a) from t;", "13\n"),
        ("bc", &[], "2^100\n", "1267650600228229401496703205376\n"),
        (
            "openssl",
            &["dgst", "-sha256", "-r"],
            "",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 *stdin\n",
        ),
    ];
    for entry in ENTRIES {
        for (program, args, input, output) in cases {
            let path = format!("/usr/bin/{program}");
            if !Path::new(&path).exists() {
                need!("jq", "sqlite3", "bc", "openssl");
            }
            let ended = strict(entry).input(input).run(&path, args);
            assert!(ended.status.success() && ended.err.is_empty(), "{program}: {ended:?}");
            assert_eq!(ended.out, output, "{program}");
        }
    }
}

#[test]
fn compressors_work_in_strict() {
    let dir = TempDir::new();
    let text = "a line that repeats\n".repeat(20_000);
    for entry in ENTRIES {
        for program in ["gzip", "xz"] {
            // Through a file: what is packed is no text.
            let packed = dir.join(format!("{program}-{entry:?}"));
            let script = format!("exec >'{}'", packed.display());
            let path = Path::new("/usr/bin").join(program);
            assert_eq!(strict(entry).input(&text).after_shell(&script).run(&path, &["-c"]).ok(), "");
            assert!(fs::metadata(&packed).unwrap().len() < 5000);
            let script = format!("exec <'{}'", packed.display());
            let unpacked = strict(entry).after_shell(&script).run(&path, &["-dc"]);
            assert!(unpacked.status.success() && unpacked.out == text, "{program}: {}", unpacked.err);
        }
    }
}

#[test]
fn settings_loosen_strict_one_by_one() {
    for entry in ENTRIES {
        let seen = strict(entry).with(&["bind-ro=/usr/share:/share", "seccomp=default"]);
        assert!(!seen.probe(&["file", "list", "/share"]).ok().is_empty());
        assert_eq!(seen.probe(&["exec", "/bin/true"]).ok(), "EPERM");
        let null = strict(entry).with(&["dev=minimal", "seccomp=default"]);
        assert_eq!(null.probe(&["file", "write", "/dev/null"]).ok(), "ok");
    }
}

#[test]
fn build_makes_the_current_directory_writable_and_no_other() {
    for entry in ENTRIES {
        let (dir, other) = (TempDir::new(), TempDir::new());
        let sandbox = Sandbox::new(entry).set("profile", "build").cwd(&dir);
        assert_eq!(sandbox.probe(&["file", "write", "made"]).ok(), "ok");
        assert!(dir.join("made").exists());
        assert_eq!(sandbox.probe(&["file".as_ref(), "create".as_ref(), other.join("x").as_os_str()]).ok(), "ENOENT");
        assert_eq!(sandbox.probe(&["file", "create", "/usr/x"]).ok(), "EROFS");
        let control = Sandbox::new(entry).cwd(&dir).probe(&["file", "write", "made"]);
        assert_eq!(control.ok(), "EROFS", "by default it is not");
    }
}

#[test]
fn build_refuses_a_directory_that_is_no_place_to_work() {
    for entry in ENTRIES {
        let home = TempDir::new();
        let sandbox = Sandbox::new(entry).set("profile", "build").env("HOME", home.as_os_str());
        sandbox.clone().cwd(Path::new("/")).probe(&["report"]).refused(125);
        sandbox.cwd(&home).probe(&["report"]).refused(125);
    }
}

#[test]
fn a_compiler_compiles_and_links_in_build() {
    need!("gcc");
    for entry in ENTRIES {
        let dir = TempDir::new();
        dir.file("hello.c", "#include <stdio.h>\nint main(void) { return puts(\"hello\") < 0; }\n");
        let sandbox = Sandbox::new(entry).set("profile", "build").cwd(&dir);
        assert_eq!(sandbox.run("/usr/bin/gcc", &["-O2", "-o", "hello", "hello.c"]).ok(), "");
        assert_eq!(crate::support::bare(dir.join("hello"), &[""; 0]).ok(), "hello");
        let refused = Sandbox::new(entry).cwd(&dir).run("/usr/bin/gcc", &["-o", "other", "hello.c"]);
        assert!(!refused.status.success() && !dir.join("other").exists(), "the control");
    }
}

#[test]
fn an_unknown_profile_is_refused() {
    for entry in ENTRIES {
        Sandbox::new(entry).set("profile", "loose").probe(&["report"]).refused(125);
    }
}
