//! The library as the launcher finds it: ld.so would only warn about one that it cannot load, and run the program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::ended::TIMEOUT;
use crate::support::sandbox::clean_env;
use crate::support::{Ended, TempDir, bins, finish};
use crate::{cc, need};

/// The launcher alone in a directory, started there.
fn alone(dir: &TempDir, args: &[&str]) -> Ended {
    let launcher = dir.join("sbx-launch");
    if !launcher.exists() {
        dir.install(bins::launcher(), "sbx-launch");
    }
    let mut command = Command::new(launcher);
    clean_env(&mut command).args(args).arg(bins::probe()).arg("report");
    finish(command, b"", TIMEOUT)
}

fn library_there(dir: &TempDir) -> std::path::PathBuf {
    dir.install(bins::library(), "libsandbox.so")
}

fn installed() -> bool {
    ["/usr/local/lib", "/usr/lib", "/usr/lib/x86_64-linux-gnu"]
        .iter()
        .any(|dir| Path::new(dir).join("libsandbox.so").exists())
}

#[test]
fn one_beside_the_launcher_is_used() {
    let dir = TempDir::new();
    library_there(&dir);
    assert!(alone(&dir, &[]).ok().contains("pid=1\n"), "the control of the tests below");
}

#[test]
fn a_missing_one_is_refused() {
    let dir = TempDir::new();
    if !installed() {
        alone(&dir, &[]).refused_saying(&["libsandbox.so"]);
    }
    alone(&dir, &["--library", "/nowhere/libsandbox.so"]).refused_saying(&["/nowhere/libsandbox.so"]);
    alone(&dir, &["--library", ""]).refused(125);
}

#[test]
fn a_foreign_one_is_refused() {
    need!("cc");
    let dir = TempDir::new();
    let other = cc!(dir, "other", "-shared", "-fPIC", "-Wl,-z,initfirst");
    for foreign in [
        other.to_str().unwrap(),
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/etc/passwd",
        "/dev/null",
        "/usr",
        bins::probe().to_str().unwrap(),
    ] {
        alone(&dir, &["--library", foreign]).refused_saying(&[foreign]);
    }
}

#[test]
fn a_damaged_one_is_refused() {
    let dir = TempDir::new();
    let path = library_there(&dir);
    let whole = fs::read(&path).unwrap();
    for (what, bytes) in [
        ("empty", vec![]),
        ("cut in its header", whole[..40].to_vec()),
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("32-bit", {
            let mut bytes = whole.clone();
            bytes[4] = 1;
            bytes
        }),
    ] {
        fs::write(&path, bytes).unwrap();
        let ended = alone(&dir, &[]);
        assert_eq!((ended.code(), &*ended.out), (Some(125), ""), "{what}: {ended:?}");
    }
}

#[test]
fn an_unreadable_one_is_refused() {
    need!("user");
    let dir = TempDir::new();
    let path = library_there(&dir);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    alone(&dir, &[]).refused_saying(&["EACCES"]);
}

#[test]
fn one_on_a_noexec_mount_is_refused() {
    need!("root");
    let dir = TempDir::new();
    library_there(&dir);
    let mounted = dir.dir("mounted");
    dir.install(bins::launcher(), "sbx-launch");
    let script = format!(
        "mount -t tmpfs -o noexec none '{0}' && cp '{1}/libsandbox.so' '{0}/' && exec '{1}/sbx-launch' --library '{0}/libsandbox.so' '{2}' report",
        mounted.display(),
        dir.display(),
        bins::probe().display()
    );
    let mut command = Command::new("unshare");
    clean_env(&mut command).args(["--mount", "sh", "-c", &script]);
    finish(command, b"", TIMEOUT).refused_saying(&["noexec"]);
}

#[test]
fn a_path_that_the_loader_would_split_is_loaded_all_the_same() {
    for name in ["a:b", "a b", "$LIB", "not\u{e9}ascii"] {
        let dir = TempDir::new();
        let odd = dir.dir(name);
        let path = odd.join("libsandbox.so");
        fs::copy(bins::library(), &path).unwrap();
        let ended = alone(&dir, &["--library", path.to_str().unwrap()]);
        if ended.code() == Some(0) {
            assert!(
                ended.out.contains("pid=1\n") && ended.out.contains("seccomp=2\n") && ended.err.is_empty(),
                "{name}: {ended:?}"
            );
            assert!(!ended.out.contains("fd=3"), "{name}: a descriptor is left");
        } else {
            ended.refused(125);
        }
    }
}

#[test]
fn nothing_in_the_callers_environment_keeps_it_from_being_loaded() {
    for (name, value) in [
        ("LD_PRELOAD", "/nowhere/other.so"),
        ("LD_PRELOAD", ""),
        ("LD_LIBRARY_PATH", "/nowhere"),
        ("LD_BIND_NOW", "1"),
        ("GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=4096"),
        ("LD_ORIGIN_PATH", "/nowhere"),
        ("MALLOC_PERTURB_", "165"),
    ] {
        let mut command = Command::new(bins::launcher());
        clean_env(&mut command).env(name, value).arg(bins::probe()).arg("report");
        let ended = finish(command, b"", TIMEOUT);
        if ended.code() == Some(0) {
            assert!(ended.out.contains("pid=1\n") && ended.out.contains("seccomp=2\n"), "{name}: {ended:?}");
        } else {
            assert_eq!((ended.code(), &*ended.out), (Some(125), ""), "{name}={value}: {ended:?}");
        }
    }
}

#[test]
fn an_audit_module_that_runs_before_it_is_refused_or_harmless() {
    need!("cc");
    let dir = TempDir::new();
    let audit = cc!(dir, "audit_thread", "-shared", "-fPIC");
    let mut command = Command::new(bins::launcher());
    clean_env(&mut command).env("LD_AUDIT", audit).arg(bins::probe()).arg("report");
    finish(command, b"", TIMEOUT).refused(125);
}
