//! Before anything is believed: who is asking, what runs already, and what of it is a kernel's fact.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::ended::TIMEOUT;
use crate::support::sandbox::clean_env;
use crate::support::{ENTRIES, Entry, Report, Sandbox, TempDir, bins, finish};
use crate::{cc, need};

fn preload() -> Sandbox {
    Sandbox::new(Entry::Preload)
}

/// The probe and the library, where a sandbox with another /tmp or home can show them.
fn shown() -> (Sandbox, Sandbox) {
    let both = |sandbox: Sandbox| {
        let dirs = [bins::probe(), bins::library()].map(|file| file.parent().unwrap());
        dirs.into_iter().fold(sandbox, |sandbox, dir| sandbox.set("bind-ro", dir))
    };
    (both(preload()), both(Sandbox::new(Entry::Launch)))
}

/// A copy of the probe that names the library among those it needs.
fn linked(dir: &TempDir) -> PathBuf {
    let program = dir.install(bins::probe(), "linked");
    let patched = Command::new("patchelf").arg("--add-needed").arg(bins::library()).arg(&program).status();
    assert!(patched.unwrap().success());
    program
}

#[test]
fn an_unknown_variable_is_refused_by_name() {
    preload().env("SBX_BIND_OR", "/usr").probe(&["report"]).refused_saying(&["SBX_BIND_OR"]);
    preload().env("SBX_", "").probe(&["report"]).refused_saying(&["SBX_"]);
    // The launcher's variables are the library's.
    Sandbox::new(Entry::Launch).env("SBX_BIND_OR", "/usr").probe(&["report"]).refused_saying(&["SBX_BIND_OR"]);
}

#[test]
fn a_broken_value_is_refused_by_its_spelling() {
    for (name, value) in
        [("net", "maybe"), ("uid", "-1"), ("bind", "/a:/b:/c"), ("share", "everything"), ("init", "yes")]
    {
        for entry in ENTRIES {
            let spelled = match entry {
                Entry::Preload => format!("SBX_{}", name.to_uppercase()),
                Entry::Launch | Entry::Exec | Entry::Layered => format!("--{name}"),
            };
            let sandbox = Sandbox::new(entry);
            // A switch takes its value only in a variable.
            let sandbox = if name == "init" { sandbox.env("SBX_INIT", value) } else { sandbox.set(name, value) };
            let spelled = if name == "init" { "SBX_INIT".to_owned() } else { spelled };
            sandbox.probe(&["report"]).refused_saying(&[&spelled]);
        }
    }
}

#[test]
fn a_variable_given_twice_is_refused() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "twice");
    let mut command = Command::new(program);
    clean_env(&mut command).arg(bins::library()).arg(bins::probe());
    finish(command, b"", TIMEOUT).refused_saying(&["SBX_UID"]);
}

#[test]
fn a_second_thread_is_refused() {
    need!("cc");
    let dir = TempDir::new();
    let audit = cc!(dir, "audit_thread", "-shared", "-fPIC");
    // Where no namespace is made, the kernel itself would not mind.
    for settings in [&[][..], &["share=user,mount,pid,net,ipc,uts,cgroup,time"]] {
        let ended = preload().env("LD_AUDIT", &audit).with(settings).probe(&["report"]);
        ended.refused_saying(&["thread"]);
    }
}

#[test]
fn a_program_with_more_privileges_than_its_caller_is_refused() {
    need!("root", "patchelf", "setpriv");
    let dir = TempDir::new();
    let program = linked(&dir);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
    let mut command = Command::new("setpriv");
    clean_env(&mut command)
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&program)
        .arg("report");
    finish(command, b"", TIMEOUT).refused(125);
}

#[test]
fn a_program_linked_with_the_library_needs_no_variable() {
    need!("patchelf");
    let dir = TempDir::new();
    let mut command = Command::new(linked(&dir));
    clean_env(&mut command).arg("report");
    let report = Report::parse(finish(command, b"", TIMEOUT).ok());
    assert_eq!((report.one("pid"), report.one("seccomp")), ("1", "2"));
}

#[test]
fn nothing_in_the_environment_passes_for_a_sandbox() {
    let library = bins::library();
    for name in ["SANDBOX", "container", "IN_SANDBOX", "LIBSANDBOX", "sbx", "_SBX"] {
        for value in ["1", "sbx", "entered", library.to_str().unwrap()] {
            let report = preload().env(name, value).report();
            assert_eq!((report.one("pid"), report.one("seccomp")), ("1", "2"), "{name}={value}");
        }
    }
    for name in ["SBX_INSIDE", "SBX_ENTERED", "SBX_SKIP", "SBX_DISABLE", "SBX_ACTIVE"] {
        preload().env(name, "1").probe(&["report"]).refused(125);
    }
}

#[test]
fn other_filters_do_not_pass_for_a_sandbox() {
    need!("cc");
    // A filter that answers every unknown call as the marker might be answered: with success, and with errors of all kinds.
    let dir = TempDir::new();
    let program = cc!(dir, "forger");
    for errno in ["0", "1", "9", "22", "38", "95", "113", "133", "4095"] {
        let mut command = Command::new(&program);
        clean_env(&mut command)
            .arg(errno)
            .args(["env".as_ref(), preload_word().as_os_str(), bins::probe().as_os_str()])
            .arg("report");
        let ended = finish(command, b"", TIMEOUT);
        if ended.code() == Some(0) {
            assert_eq!(Report::parse(ended.ok()).one("pid"), "1", "answered {errno}");
        } else {
            ended.refused(125);
        }
    }
}

fn preload_word() -> std::ffi::OsString {
    let mut word = std::ffi::OsString::from("LD_PRELOAD=");
    word.push(bins::library());
    word
}

#[test]
fn children_inherit_the_sandbox_and_do_not_load_the_library_again() {
    let parent = preload().report();
    for sandbox in [shown().0, shown().1] {
        let child = Report::parse(sandbox.probe(&["spawn", "report"]).ok());
        assert_ne!(child.one("pid"), "1");
        for key in ["status.CapEff", "status.CapBnd", "no_new_privs", "seccomp", "status.Seccomp_filters", "hostname"] {
            assert_eq!(child.one(key), parent.one(key), "{key}");
        }
        assert!(!child.all("env").iter().any(|entry| entry.contains("LD_PRELOAD")));
    }
}

#[test]
fn the_library_loaded_again_inside_does_nothing_without_settings() {
    let library = bins::library().to_str().unwrap();
    let probe = bins::probe().to_str().unwrap();
    for sandbox in [shown().0, shown().1] {
        let again = format!("LD_PRELOAD={library}");
        let once = Report::parse(sandbox.run("/usr/bin/env", &["A=b", probe, "report"]).ok());
        let twice = Report::parse(sandbox.run("/usr/bin/env", &[&again, probe, "report"]).ok());
        assert_eq!(twice.one("seccomp"), "2");
        assert_eq!(twice.one("status.Seccomp_filters"), once.one("status.Seccomp_filters"));
        assert!(!twice.all("env").iter().any(|entry| entry.starts_with("LD_PRELOAD")), "{:?}", twice.all("env"));
    }
}

#[test]
fn the_library_loaded_again_inside_with_settings_is_refused() {
    let library = bins::library().to_str().unwrap();
    let probe = bins::probe().to_str().unwrap();
    for sandbox in [shown().0, shown().1] {
        let again = format!("LD_PRELOAD={library}");
        sandbox.run("/usr/bin/env", &[&again, "SBX_NET=host", probe, "report"]).refused(125);
        // A sandbox that was never entered is not asked either, but one that asks for nothing new is no exception.
        sandbox.run("/usr/bin/env", &[&again, "SBX_PROFILE=default", probe, "report"]).refused(125);
    }
}

#[test]
fn other_preloaded_libraries_stay_and_come_after() {
    need!("cc");
    let dir = TempDir::new();
    let other = cc!(dir, "other", "-shared", "-fPIC");
    let (library, other) = (bins::library().to_str().unwrap(), other.to_str().unwrap());
    for list in [format!("{library}:{other}"), format!("{other}:{library}"), format!(" {other}  {library}:")] {
        let mut command = Command::new(bins::probe());
        clean_env(&mut command).env("LD_PRELOAD", &list).args(["env", "LD_PRELOAD"]);
        let ended = finish(command, b"", TIMEOUT);
        assert_eq!(ended.ok(), format!("other as 1\n{other}"), "{list}");
    }
    // The launcher, a program like any other, has it preloaded as well.
    let ended = Sandbox::new(Entry::Launch).env("LD_PRELOAD", other).probe(&["env", "LD_PRELOAD"]);
    assert!(ended.ok().ends_with(&format!("\nother as 1\n{other}")), "{ended:?}");
}

#[test]
fn our_entry_is_found_under_any_name() {
    let dir = TempDir::new();
    dir.install(bins::library(), "own.so");
    std::os::unix::fs::symlink(bins::library(), dir.join("link.so")).unwrap();
    for name in ["./own.so", "./link.so", "././own.so"] {
        let mut command = Command::new(bins::probe());
        clean_env(&mut command).env("LD_PRELOAD", name).current_dir(&*dir).args(["env", "LD_PRELOAD"]);
        assert_eq!(finish(command, b"", TIMEOUT).ok(), "absent", "{name}");
    }
}

#[test]
fn the_programs_own_early_code_is_inside() {
    need!("cc");
    let dir = TempDir::new();
    let library = cc!(dir, "early_library", "-shared", "-fPIC", "-pthread");
    let program = cc!(dir, "early", library.to_str().unwrap());
    for entry in ENTRIES {
        let ended = Sandbox::new(entry).run(&program, &[""; 0]);
        assert_eq!(ended.ok(), "preinit 1\nlibrary 1\nthread 1\nconstructor 1\nmain 1");
    }
}

#[test]
fn a_program_that_defines_the_calls_of_the_setup_is_held() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "interposer", "-rdynamic");
    for entry in ENTRIES {
        let ended = Sandbox::new(entry).run(&program, &[""; 0]);
        if ended.code() == Some(0) {
            assert_eq!(ended.ok(), "pid 1 no_new_privs 1 seccomp 2 root read-only");
        } else {
            assert!([125, 126].contains(&ended.code().unwrap()) && ended.out.is_empty(), "{ended:?}");
        }
    }
}

#[test]
fn names_that_are_not_text_are_shown_and_refused() {
    let mut name = b"SBX_".to_vec();
    name.push(0xff);
    let ended = preload().env(OsStr::from_bytes(&name), "x").probe(&["report"]);
    ended.refused_saying(&["SBX_\\xff"]);
}

#[test]
fn the_loader_started_by_hand_loads_it_too() {
    let loader = Path::new("/lib64/ld-linux-x86-64.so.2");
    let ended = preload().run(loader, &[bins::probe().as_os_str(), OsStr::new("report")]);
    assert_eq!(Report::parse(ended.ok()).one("pid"), "1");
}
