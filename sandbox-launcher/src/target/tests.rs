//! Programs of every kind, made for it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use super::{Interpreter, Surroundings, Target, examine};
use crate::early::Imports;
use crate::error::Error;
use crate::sample::Directory;

fn examined(name: impl AsRef<OsStr>, programs: &str) -> Result<Target, Error> {
    let programs = Some(OsStr::new(programs));
    let imports = Imports::default();
    let around = Surroundings { programs, layers: &[], libraries: b"", imports: &imports, audited: false };
    let target = examine(name.as_ref(), &around)?;
    // As route preload takes it.
    match target.unheld {
        Some((path, why)) => Err(Error::Target { path, why }),
        None => Ok(target),
    }
}

fn refused(name: impl AsRef<OsStr>, programs: &str) -> (i32, String) {
    let error = examined(name, programs).unwrap_err();
    (error.code(), error.message())
}

#[test]
fn this_test_is_a_program_that_can_be_held() {
    let own = std::env::current_exe().unwrap();
    assert_eq!(examined(&own, "").unwrap().path.as_bytes(), own.as_os_str().as_bytes());
}

#[test]
fn names_are_looked_for_as_execvp_does() {
    let directory = Directory::new();
    let path = |name: &str| directory.path().join(name);
    directory.file("a/tool", b"text", 0o644);
    fs::create_dir_all(path("b/tool")).unwrap();
    let script = directory.file("c/tool", b"#!/bin/sh\n", 0o755);
    let all = format!("/nowhere:{}:{}:{}", path("a").display(), path("b").display(), path("c").display());
    assert_eq!(examined("tool", &all).unwrap().path.as_bytes(), script.as_os_str().as_bytes());
    let interpreter = Interpreter { path: "/bin/sh".into(), argument: None };
    assert_eq!(examined("tool", &all).unwrap().interpreters, [interpreter]);
    assert_eq!(refused("tool", path("b").to_str().unwrap()).0, 126);
    assert_eq!(refused("tool", path("a").to_str().unwrap()).0, 126);
    for (name, programs) in [("tool", "/nowhere"), ("", "/bin"), ("./tool", &*all), ("/etc/passwd/tool", "")] {
        let (code, message) = refused(name, programs);
        assert!(code == 127 && message.ends_with("not found\n"), "{message}");
    }
}

#[test]
fn interpreters_get_the_arguments_that_the_kernel_would_make() {
    let directory = Directory::new();
    let inner = directory.file("inner", b"#!/bin/sh -e\n", 0o755);
    let text = format!("#!{} a b\n", inner.display());
    let outer = directory.file("outer", text.as_bytes(), 0o755);
    let target = examined(&outer, "").unwrap();
    let (inner, outer) = (inner.as_os_str().as_bytes(), outer.as_os_str().as_bytes());
    let given = vec![b"zero".to_vec(), b"one".to_vec()];
    let wanted: [&[u8]; 6] = [b"/bin/sh", b"-e", inner, b"a b", outer, b"one"];
    assert_eq!(target.arguments(given), wanted);
}

#[test]
fn what_is_no_program_is_126_with_its_reason() {
    let directory = Directory::new();
    let long = [b"#!/".to_vec(), vec![b'x'; 300]].concat();
    let cases: [(&str, &[u8], u32, &str); 8] = [
        ("text", b"echo hello\n", 0o755, "neither an ELF file"),
        ("empty", b"", 0o755, "neither an ELF file"),
        ("unmarked", b"\x7fELF", 0o755, "neither an ELF file"),
        ("long", &long, 0o755, "neither an ELF file"),
        ("plain", b"#!/bin/sh\n", 0o644, "Permission denied (EACCES)"),
        ("circle", b"#!circle\n", 0o755, "interpreters deep"),
        ("dir", b"#!/usr\n", 0o755, "is a directory"),
        ("device", b"#!/dev/null\n", 0o755, "not a regular file"),
    ];
    for (name, text, mode, why) in cases {
        let path = directory.file(name, text, mode);
        if name == "circle" {
            let text = format!("#!{}\n", path.display());
            directory.file(name, text.as_bytes(), mode);
        }
        let (code, message) = refused(&path, "");
        assert!(code == 126 && message.starts_with("sbx: target: /") && message.contains(why), "{message}");
    }
    let lost = directory.file("lost", b"#!/nowhere/sh\n", 0o755);
    let (code, message) = refused(&lost, "");
    assert!(code == 127 && message.contains("its interpreter /nowhere/sh is not found"), "{message}");
    assert_eq!(refused(directory.path(), "").0, 126);
}

#[test]
fn programs_that_no_library_can_be_loaded_into_are_refused() {
    let directory = Directory::new();
    let main = "int main(void) { return 0; }";
    let cases: [(&str, &[&str], &str); 4] = [
        ("static", &["-static"], "statically linked"),
        ("static-pie", &["-static-pie"], "statically linked"),
        ("other", &["-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"], "its loader is /lib/ld-musl"),
        ("relative", &["-Wl,--dynamic-linker=lib64/ld-linux-x86-64.so.2"], "its loader is lib64/"),
    ];
    for (name, flags, why) in cases {
        let Some(path) = directory.compile(name, main, flags) else { return };
        let script = directory.file("script", format!("#!{}\n", path.display()).as_bytes(), 0o755);
        for path in [path, script] {
            let (code, message) = refused(&path, "");
            assert!(code == 126 && message.contains(why) && message.contains("hint: only dynamically"), "{message}");
        }
    }
    let path = directory.compile("cut", main, &[]).unwrap();
    let bytes = fs::read(&path).unwrap();
    for (at, value, why) in [(4, 1, "not for x86-64"), (18, 3, "not for x86-64"), (16, 1, "neither a program")] {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        let (code, message) = refused(directory.file("changed", &bytes, 0o755), "");
        assert!(code == 126 && message.contains(why), "{message}");
    }
    for length in (64..bytes.len().min(4096)).step_by(99) {
        assert_eq!(refused(directory.file("short", &bytes[..length], 0o755), "").0, 126, "{length}");
    }
}
