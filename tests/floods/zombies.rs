//! Ten thousand orphans that end at once: whoever is pid 1, the run ends as the program does, and in its time.

use std::time::{Duration, Instant};

use super::floods;
use crate::need;
use crate::support::{EVERY, EXECUTING, Sandbox, TempDir, need};

const HOW_MANY: &str = "10000";

#[test]
fn ten_thousand_orphans_are_waited_for_by_the_reaper_and_end_with_the_program() {
    need!("cc");
    let dir = TempDir::new();
    let program = floods(&dir);
    for entry in EVERY {
        let reaped = Sandbox::new(entry).with(&["init"]).run(&program, &["orphans", HOW_MANY]);
        assert_eq!((reaped.code(), &*reaped.out, &*reaped.err), (Some(7), "10000 made, 0 left\n", ""));
    }
    // The control: at pid 1 the program itself would have to. They are gone with it.
    let left = Sandbox::new(EVERY[0]).run(&program, &["orphans", HOW_MANY]);
    assert_eq!((left.code(), &*left.out, &*left.err), (Some(7), "10000 made, 10000 left\n", ""));
}

#[test]
fn a_time_limit_holds_while_orphans_are_made_for_ever() {
    need!("cc");
    let dir = TempDir::new();
    let program = floods(&dir);
    // In the host's pid namespace the reaper alone ends them all.
    for settings in [&[][..], &["init"], &["init", "share=pid", "landlock-scope=signal"]] {
        if settings.len() > 2 && need::skip("tests::floods::zombies::in_the_hosts_pid_namespace", &["landlock-scopes"])
        {
            continue;
        }
        // By route layered Landlock comes last, too late for who plans on it.
        let entries = if settings.len() > 2 { &EXECUTING[..] } else { &EVERY };
        for &entry in entries {
            let sandbox = Sandbox::new(entry).with(settings).set("time-limit", "300ms");
            let begun = Instant::now();
            // It is over when nobody holds its output.
            let ended = sandbox.run(&program, &["orphans-for-ever"]);
            assert_eq!((ended.code(), &*ended.out), (Some(124), "ready\n"), "{settings:?}: {ended:?}");
            assert!(begun.elapsed() < Duration::from_secs(10), "{settings:?}: {:?}", begun.elapsed());
        }
    }
}
