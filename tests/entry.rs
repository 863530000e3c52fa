//! Becoming the program: it is found, it is itself, and what cannot be held is refused.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::ended::TIMEOUT;
use crate::support::sandbox::clean_env;
use crate::support::{ENTRIES, Entry, Sandbox, TempDir, bins, finish};
use crate::{cc, need};

fn launch() -> Sandbox {
    Sandbox::new(Entry::Launch)
}

/// By the library alone.
fn held() -> Sandbox {
    launch().set("route", "preload")
}

#[test]
fn exit_codes_are_the_programs() {
    for entry in ENTRIES {
        for code in ["0", "3", "124", "125", "255"] {
            let ended = Sandbox::new(entry).probe(&["exit", code]);
            assert_eq!(ended.code().unwrap().to_string(), code, "{ended:?}");
            assert_eq!((&*ended.out, &*ended.err), ("", ""));
        }
    }
}

#[test]
fn arguments_arrive_as_they_are() {
    let odd = ["args", "", "a b", "--init", "--", "$HOME", "\n", "-x"];
    for entry in ENTRIES {
        let ended = Sandbox::new(entry).probe(&odd);
        assert_eq!(ended.ok(), "\na b\n--init\n--\n$HOME\n\\n\n-x");
        let bytes = Sandbox::new(entry).probe(&[OsStr::new("args"), OsStr::from_bytes(b"\xff\xfe")]);
        assert_eq!(bytes.ok(), "\\xff\\xfe");
    }
}

#[test]
fn input_and_output_are_the_callers() {
    for entry in ENTRIES {
        let long = "line\n".repeat(100_000);
        let ended = Sandbox::new(entry).input(&long).probe(&["copy"]);
        assert!(ended.status.success() && ended.out == format!("{long}ok\n"));
    }
}

#[test]
fn the_process_keeps_its_name() {
    for entry in ENTRIES {
        let report = Sandbox::new(entry).report();
        assert_eq!(report.one("comm"), "probe");
    }
}

#[test]
fn the_launcher_needs_no_dashes_before_the_program() {
    let mut command = Command::new(bins::launcher());
    clean_env(&mut command).arg(bins::probe()).args(["args", "-x", "--uid", "--", "-h"]);
    assert_eq!(finish(command, b"", TIMEOUT).ok(), "-x\n--uid\n--\n-h");
}

#[test]
fn programs_are_looked_for_in_path() {
    assert_eq!(launch().run("true", &[""; 0]).ok(), "");
    let dir = TempDir::new();
    dir.install(bins::probe(), "a-probe");
    let path = format!("{}:/usr/bin", dir.display());
    assert_eq!(launch().env("PATH", &path).run("a-probe", &["args", "x"]).ok(), "x");
    assert_eq!(launch().cwd(&dir).run("./a-probe", &["args", "x"]).ok(), "x");
    launch().cwd(&dir).run("a-probe", &["args"]).refused(127);
}

#[test]
fn what_is_not_there_is_127() {
    for name in ["/nowhere/at/all", "no-such-program", "./none", ""] {
        launch().run(name, &["x"]).refused(127);
    }
    let dir = TempDir::new();
    let script = dir.script("script", "#!/nowhere/interpreter\n");
    assert!(launch().run(script, &[""; 0]).refused(127).contains("/nowhere/interpreter"));
}

#[test]
fn what_cannot_be_executed_is_126() {
    let dir = TempDir::new();
    let plain = dir.file("plain", "#!/bin/sh\nexit 0\n");
    let text = dir.script("text", "echo this is no program\n");
    let broken = dir.script("broken", "\x7fELF\x02\x01\x01");
    for path in [&*dir, &plain, &text, &broken, "/dev/null".as_ref()] {
        launch().run(path, &[""; 0]).refused(126);
    }
}

#[test]
fn scripts_run_by_their_interpreter() {
    need!("perl");
    let dir = TempDir::new();
    let shell = dir.script("shell", "#!/bin/sh\necho \"$0 $1 $$\"\n");
    let perl = dir.script("perl", "#!/usr/bin/env perl\nprint \"$ARGV[0] $$\\n\";\n");
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).cwd(&dir);
        assert_eq!(sandbox.run(&shell, &["x"]).ok(), format!("{} x 1", shell.display()));
        assert_eq!(sandbox.run(&perl, &["y"]).ok(), "y 1");
    }
}

#[test]
fn static_programs_are_refused() {
    need!("cc");
    let dir = TempDir::new();
    let text = "#include <stdio.h>\nint main(void) { return puts(\"ran\") < 0; }\n";
    for flags in [&["-static"][..], &["-static-pie"]] {
        let program = dir.compile("cc", "static", text, flags);
        assert!(held().run(&program, &[""; 0]).refused(126).contains("static"));
    }
}

#[test]
fn scripts_of_static_interpreters_are_refused() {
    need!("busybox");
    let dir = TempDir::new();
    let script = dir.script("script", "#!/bin/busybox sh\necho ran\n");
    held().run(&script, &[""; 0]).refused(126);
    let nested = dir.script("nested", &format!("#!{}\n", script.display()));
    held().run(nested, &[""; 0]).refused(126);
}

#[test]
fn programs_of_another_c_library_are_refused() {
    need!("musl-gcc");
    let dir = TempDir::new();
    let text = "#include <stdio.h>\nint main(void) { return puts(\"ran\") < 0; }\n";
    let program = dir.compile("musl-gcc", "musl", text, &[]);
    assert!(held().run(&program, &[""; 0]).refused(126).contains("ld-musl"));
    // By the variable alone, its own loader finds that the library does not fit, and does not run it either.
    let alone = Sandbox::new(Entry::Preload).run(&program, &[""; 0]);
    assert!(!alone.status.success() && alone.out.is_empty(), "{alone:?}");
}

#[test]
fn programs_of_another_word_size_are_refused() {
    need!("cc");
    let dir = TempDir::new();
    // No C library of that size is needed to be refused, nor to be built.
    let program = dir.compile("cc", "small", "void _start(void) { for (;;) ; }\n", &["-m32", "-nostdlib", "-static"]);
    held().run(&program, &[""; 0]).refused(126);
}

#[test]
fn set_user_id_programs_are_refused() {
    let dir = TempDir::new();
    let program = dir.join("su");
    if crate::support::need::is_root() {
        dir.install(bins::probe(), "su");
        std::os::unix::fs::chown(&program, Some(65534), Some(65534)).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
    } else {
        std::os::unix::fs::symlink("/usr/bin/su", &program).unwrap();
    }
    assert!(held().run(&program, &["report"]).refused(126).contains("set-user-id"));
}

#[test]
fn programs_with_file_capabilities_are_refused() {
    need!("root", "setcap");
    let dir = TempDir::new();
    let program = dir.install(bins::probe(), "capable");
    assert!(Command::new("setcap").arg("cap_net_raw+ep").arg(&program).status().unwrap().success());
    assert!(held().run(&program, &["report"]).refused(126).contains("capabilities"));
}

#[test]
fn programs_with_code_before_every_constructor_are_refused() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "resolver", "-Wl,-z,now");
    held().run(&program, &[""; 0]).refused(126);
    let initfirst = dir.compile("cc", "initfirst.so", "int x;\n", &["-shared", "-fPIC", "-Wl,-z,initfirst"]);
    let text = "extern int x;\nint main(void) { return x; }\n";
    let program = dir.compile("cc", "user", text, &[initfirst.to_str().unwrap()]);
    let ended = held().run(&program, &[""; 0]);
    // Whichever of the two libraries the loader takes for the first: the other is no sandbox.
    assert!([125, 126].contains(&ended.code().unwrap()), "{ended:?}");
}

#[test]
fn a_program_without_libcs_start_is_held() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "own_start", "-nostartfiles");
    for entry in ENTRIES {
        let ended = Sandbox::new(entry).run(&program, &[""; 0]);
        assert_eq!(ended.code(), Some(1), "its pid is its code: {ended:?}");
    }
}
