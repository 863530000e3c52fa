//! The environment: the caller's, without what is the sandbox's own, as the policy changes it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::support::{ENTRIES, Ended, Entry, Report, Sandbox, TempDir, bins};
use crate::{cc, need};

#[test]
fn what_is_ours_is_nowhere_to_be_seen() {
    for entry in ENTRIES {
        for settings in [&[][..], &["hostname=needle", "init"], &["env=A=needle-not", "tmpfs=/mnt"]] {
            let inside = Sandbox::new(entry).with(settings).report();
            let places = ["env", "environ", "environ.1"].map(|key| inside.all(key));
            for entry in places.into_iter().flatten() {
                assert!(!entry.contains("SBX_") && !entry.contains("libsandbox"), "{entry}");
                assert!(!entry.starts_with("LD_PRELOAD="), "{entry}");
                assert!(!entry.ends_with("=needle"), "{entry}");
            }
        }
    }
}

#[test]
fn the_kernels_copy_and_the_programs_agree() {
    for entry in ENTRIES {
        let inside = Sandbox::new(entry).env("KEPT", "a=b c").env("EMPTY", "").report();
        let (mut own, mut kernels) = (inside.all("env").to_vec(), inside.all("environ").to_vec());
        own.sort();
        kernels.sort();
        assert_eq!(own, kernels);
        for expected in ["KEPT=a=b c", "EMPTY="] {
            assert!(own.iter().any(|entry| entry == expected), "{own:?}");
        }
    }
}

#[test]
fn bytes_that_are_not_text_are_kept() {
    for entry in ENTRIES {
        let inside = Sandbox::new(entry).env(OsStr::from_bytes(b"ODD\xff"), OsStr::from_bytes(b"\xfe\n")).report();
        assert!(inside.all("env").iter().any(|entry| entry == "ODD\\xff=\\xfe\\n"));
    }
}

#[test]
fn variables_are_set_removed_and_cleared() {
    let entries = |inside: &Report| {
        let mut all = inside.all("env").to_vec();
        all.sort();
        all
    };
    for entry in ENTRIES {
        let caller = Sandbox::new(entry).env("A", "caller").env("B", "caller").env("C", "caller");
        let set = caller.clone().with(&["env=A=policy", "env=NEW=x,y\\z", "unset-env=B", "unset-env=ABSENT"]).report();
        let all = entries(&set);
        for expected in ["A=policy", "NEW=x,y\\\\z", "C=caller"] {
            assert!(all.iter().any(|entry| entry == expected), "{expected} in {all:?}");
        }
        assert!(all.iter().all(|entry| !entry.starts_with("B=") && entry != "A=caller"), "{all:?}");
        let cleared = caller.clone().with(&["clear-env", "env=B", "env=NEW=n", "env=ABSENT"]).report();
        assert_eq!(entries(&cleared), ["B=caller", "NEW=n"]);
        assert_eq!(entries(&caller.with(&["clear-env"]).report()), [""; 0]);
    }
}

#[test]
fn a_long_value_is_set_in_full() {
    let long = format!("env=LONG={}", "x".repeat(20_000));
    for entry in ENTRIES {
        let inside = Sandbox::new(entry).with(&[&long]).report();
        assert!(inside.all("env").iter().any(|entry| entry.len() == 20_005));
    }
}

#[test]
fn names_of_our_own_cannot_be_given_to_the_program() {
    for entry in ENTRIES {
        Sandbox::new(entry).set("env", "SBX_NET=host").probe(&["report"]).refused(125);
    }
}

#[test]
fn children_get_the_programs_environment() {
    let shown = bins::probe().parent().unwrap();
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).set("bind-ro", shown).with(&["env=GIVEN=1"]);
        let child = Report::parse(sandbox.probe(&["spawn", "report"]).ok());
        assert!(child.all("env").iter().any(|entry| entry == "GIVEN=1"));
        assert!(child.all("env").iter().all(|entry| !entry.contains("SBX_") && !entry.contains("libsandbox")));
    }
}

/// A directory with the program that tells its environment, and the one that gives another its own.
fn tellers() -> (TempDir, PathBuf, PathBuf) {
    let dir = TempDir::new();
    let (teller, giver) = (cc!(dir, "environment"), cc!(dir, "with_environment"));
    (dir, teller, giver)
}

/// The entries that the program was given, in their order.
#[track_caller]
fn given(ended: &Ended) -> Vec<String> {
    let entries = ended.ok().strip_prefix("same").unwrap_or_else(|| panic!("main, environ and the kernel: {ended:?}"));
    entries.trim_start_matches('\n').split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn whatever_the_caller_has_is_given_as_it_is() {
    need!("cc");
    let (dir, teller, giver) = tellers();
    let many: String = (0..10_000).map(|n| format!("V{n}={n}\0")).collect();
    let long: String = (0..5).map(|n| format!("L{n}={}\0", "x".repeat(100_000))).collect();
    let odd: &[u8] =
        b"PATH=/usr/bin:/bin\0A=1\0A=2\0EMPTY=\0=C:\0no sign\0\xff\xfe=\x01\n\xff\0A=3\0SBXTRA=1\0LAST=x\0";
    for entries in [odd, &[b"PATH=/usr/bin:/bin\0", many.as_bytes()].concat(), &[odd, long.as_bytes()].concat()] {
        let file = dir.file("entries", entries);
        let wrapper = [giver.as_os_str(), file.as_os_str()];
        let env = OsStr::new("/usr/bin/env");
        let bare = crate::support::bare(&giver, &[file.as_os_str(), env, teller.as_os_str()]);
        let all = given(&bare);
        assert!(all.len() >= 10, "the control: {all:?}");
        for entry in ENTRIES {
            // The wrapper finds env(1) by its path only.
            let sandbox = Sandbox::new(entry).wrapped(&[wrapper[0], wrapper[1], env]);
            assert_eq!(given(&sandbox.run(&teller, &[""; 0])), all, "{entry:?}");
            let with = sandbox.with(&["env=NEW=1", "unset-env=A", "unset-env=LAST"]);
            let mut changed: Vec<String> =
                all.iter().filter(|e| !e.starts_with("A=") && !e.starts_with("LAST=")).cloned().collect();
            changed.push("NEW=1".into());
            assert_eq!(given(&with.run(&teller, &[""; 0])), changed, "{entry:?}");
        }
    }
}

#[test]
fn both_entries_change_the_same_names_in_the_same_order() {
    need!("cc");
    let (_dir, teller, _) = tellers();
    for (settings, expected) in [
        (&["clear-env", "env=B", "env=N=1", "env=A"][..], &["A=a", "B=b", "N=1"][..]),
        (&["clear-env", "env=A=1", "unset-env=A"], &["A=1"]),
        (&["clear-env", "unset-env=A", "env=A", "env=B"], &["B=b"]),
        (&["clear-env", "env=A=1", "env=A=2", "env=C="], &["A=2", "C="]),
        (&["clear-env"], &[]),
    ] {
        for entry in ENTRIES {
            let sandbox = Sandbox::new(entry).env("A", "a").env("B", "b").with(settings);
            assert_eq!(given(&sandbox.run(&teller, &[""; 0])), expected, "{settings:?}, {entry:?}");
        }
    }
}

#[test]
fn there_is_room_for_more_than_the_caller_had() {
    need!("cc");
    let (_dir, teller, _) = tellers();
    for entry in ENTRIES {
        for settings in [&[][..], &["init"], &["allow-new-privs"], &["root=empty", "proc=none", "dev=none"]] {
            let mut sandbox = Sandbox::new(entry).with(settings).with(&["clear-env"]);
            let mut expected = Vec::new();
            for n in 0..2000 {
                sandbox = sandbox.set("env", format!("V{n}={n}"));
                expected.push(format!("V{n}={n}"));
            }
            let long = format!("LONG={}", "x".repeat(90_000));
            expected.push(long.clone());
            let ended = sandbox.set("env", long).run(&teller, &[""; 0]);
            if settings.contains(&"proc=none") {
                assert_eq!(ended.ok().split_terminator('\0').count(), 2001, "{entry:?}");
            } else {
                assert_eq!(given(&ended), expected, "{settings:?}, {entry:?}");
            }
        }
    }
}

/// More entries than there were, so that the program is executed once more where the variable stands alone.
fn roomy(entry: Entry) -> Sandbox {
    (0..200).fold(Sandbox::new(entry), |sandbox, n| sandbox.set("env", format!("V{n}={n}")))
}

#[test]
fn a_program_executed_once_more_is_the_same_to_itself() {
    let dir = TempDir::new();
    let script =
        dir.script("a-script", "#!/bin/sh -e\necho \"$0 $*\"; cat /proc/$$/comm\ntr '\\0' ' ' </proc/$$/cmdline\n");
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).set("bind-ro", &*dir);
        let more = roomy(entry).set("bind-ro", &*dir);
        let (plain, again) = (sandbox.report(), more.report());
        for key in ["comm", "exe", "cwd", "fd", "SigBlk", "SigIgn", "pid"] {
            assert_eq!(plain.all(key), again.all(key), "{key}, {entry:?}");
        }
        assert!(again.all("env").iter().any(|entry| entry == "V199=199"));
        assert!(again.all("environ").iter().all(|entry| !entry.starts_with("SBX_")), "what took up room is gone");
        let told = more.run(&script, &["x", "y z"]);
        assert_eq!(told.ok(), sandbox.run(&script, &["x", "y z"]).ok(), "{entry:?}");
        assert!(told.out.contains("a-script x y z\na-script\n"), "{told:?}");
    }
}

#[test]
fn what_is_asked_of_the_home_and_of_preloads_is_decided_by_the_callers() {
    need!("cc");
    let dir = TempDir::new();
    let other = cc!(dir, "other", "-shared", "-fPIC");
    let home = dir.dir("home");
    for entry in ENTRIES {
        let sandbox = roomy(entry).env("HOME", &home).set("env", "HOME=/").set("bind-ro", &*dir);
        let preload = format!("LD_PRELOAD={}", other.display());
        let inside = sandbox.report();
        if entry == Entry::Preload {
            // The program's own has no part in loading it: neither the first time nor the second.
            let given = sandbox.set("env", &preload).report();
            assert!(given.all("env").contains(&preload));
        }
        assert!(inside.all("env").contains(&"HOME=/".to_owned()));
        assert!(inside.mount(home.to_str().unwrap()).is_some(), "the caller's home is hidden");
    }
}

#[test]
fn what_cannot_be_executed_once_more_is_refused() {
    let loader = "/lib64/ld-linux-x86-64.so.2";
    let by_loader = roomy(Entry::Preload).run(loader, &[bins::probe().to_str().unwrap(), "exit", "0"]);
    by_loader.refused_saying(&["environment", "ld.so"]);
    let few = Sandbox::new(Entry::Preload).run(loader, &[bins::probe().to_str().unwrap(), "exit", "4"]);
    assert_eq!(few.code(), Some(4), "the control: {few:?}");
    // What is said to have been made once is not made again.
    roomy(Entry::Preload).env("SBX_AGAIN", "x").probe(&["report"]).refused_saying(&["environment"]);
    // The launcher knows no such setting.
    Sandbox::new(Entry::Launch).env("SBX_AGAIN", "x").probe(&["report"]).refused_saying(&["SBX_AGAIN"]);
    Sandbox::new(Entry::Launch).env("SBX_ROOM", "x").probe(&["report"]).refused_saying(&["SBX_ROOM"]);
    // Arguments and environment do not fit into a quarter of the stack.
    let many = (0..9000).fold(Sandbox::new(Entry::Preload), |sandbox, n| sandbox.set("env", format!("V{n}=")));
    many.clone().probe(&["exit", "0"]).ok();
    many.after_shell("ulimit -s 512").probe(&["report"]).refused_saying(&["environment: execve", "E2BIG", "ulimit -s"]);
}
