//! The environment: the caller's, without what is the sandbox's own, as the policy changes it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::support::{ENTRIES, Report, Sandbox, bins};

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
