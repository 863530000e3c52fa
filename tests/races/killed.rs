//! A supervisor that is killed at any moment, five hundred times: its program has not begun, or has run held; it does not
//! outlive the supervisor, and nothing is left.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{SHORTLY, mounts, no_mount_is_new, nobody_has};
use crate::need;
use crate::support::dice::Dice;
use crate::support::groups::Groups;
use crate::support::need::skip;
use crate::support::outside::within;
use crate::support::{EVERY, Entry, Sandbox, TempDir, bins, nets};

const TIMES: u64 = 500;
/// A moment is at most so far from the start, in microseconds: the program runs for about the half of it.
const LATEST: u64 = 24_000;

/// What the runs are taken from. The first three are for every entry.
const SETTINGS: [&[&str]; 8] = [
    &[],
    &["init"],
    &["init", "new-session", "time-limit=1h", "hide=/usr/share"],
    &["overlay=/srv:lower=/usr/share", "tmpfs=/mnt", "status-fd=2"],
    &["seccomp=none", "net=host"],
    &["uid=7", "gid=7", "cap-keep=chown"],
    &["rlimit=nofile=64", "nice=5", "share=time"],
    &["explain"],
];

/// The observer of `explain` is the launcher's, and by route layered there is none.
fn fits(entry: Entry, settings: &[&str]) -> bool {
    matches!(entry, Entry::Launch | Entry::Exec) || settings != ["explain"]
}

/// Whether it has begun; all that it has written is that it is held.
#[track_caller]
fn has_run_held(file: &Path, settings: &[&str]) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let wrong = text.split_inclusive('\n').find(|line| *line != "21\n");
    assert!(wrong.is_none(), "{settings:?}: it has written {wrong:?}");
    !text.is_empty()
}

/// What lies in a directory.
fn names(dir: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    names
}

/// A start of the program that is killed later, and then all that is to hold of it.
#[track_caller]
fn killed_after(moment: Duration, sandbox: &Sandbox, settings: &[&str], dir: &TempDir, number: u64) -> bool {
    let file = dir.join("shown").join(format!("ticks-{number}"));
    let words = ["held-tick".into(), file.clone().into_os_string(), "300".into()];
    let begun = Instant::now();
    let running = sandbox.spawn(bins::probe(), &words);
    while begun.elapsed() < moment {
        thread::sleep(Duration::from_micros(50));
    }
    running.signal(Signal::SIGKILL);
    let ended = running.wait();
    assert_eq!(ended.signal(), Some(libc::SIGKILL), "{settings:?} after {moment:?}: {ended:?}");
    // The name of the file is among the arguments of all that were forked.
    nobody_has(file.to_str().unwrap());
    has_run_held(&file, settings)
}

#[test]
fn nothing_is_left_of_a_sandbox_whose_supervisor_is_killed_at_any_moment() {
    let seed = u64::from(std::process::id());
    let mut dice = Dice(seed);
    let dir = TempDir::new();
    for name in ["shown", "temporary"] {
        dir.dir(name);
    }
    let before = mounts();
    let groups = (!skip("tests::races::killed::with_cgroups", &["root", "cgroups"])).then(Groups::new);
    let mut ran = 0;
    for number in 0..TIMES {
        let (entry, settings) = loop {
            let drawn = (dice.pick(&EVERY), dice.pick(&SETTINGS));
            if fits(drawn.0, drawn.1) {
                break drawn;
            }
        };
        let mut sandbox = Sandbox::new(entry).with(settings).set("bind", dir.join("shown"));
        sandbox = sandbox.env("TMPDIR", dir.join("temporary")).cwd(&dir.join("temporary"));
        if let Some(groups) = groups.as_ref().filter(|_| number % 4 == 0) {
            sandbox = sandbox.set("cgroup-parent", &groups.name).with(&["pids-max=50"]);
        }
        let moment = Duration::from_micros(dice.roll(LATEST));
        ran += u64::from(killed_after(moment, &sandbox, settings, &dir, number));
    }
    println!("seed {seed}: {ran} of {TIMES} programs had begun");
    // Or the moments were not at the start and after it.
    assert!(ran > TIMES / 20 && ran < TIMES - TIMES / 20, "{ran} of {TIMES}");
    assert_eq!(names(&dir.join("temporary")), Vec::<std::ffi::OsString>::new());
    assert!(names(&dir.join("shown")).len() as u64 <= ran + TIMES);
    no_mount_is_new(&before);
    if let Some(groups) = groups {
        // Of one that was killed while it made them, the next run takes them away.
        println!("{} control groups are left for the next run", groups.left().len() / 2);
        Sandbox::new(EVERY[0]).set("cgroup-parent", &groups.name).with(&["pids-max=50"]).probe(&["exit", "0"]).ok();
        assert!(within(SHORTLY, || groups.left().is_empty()), "{:?}", groups.left());
    }
}

#[test]
fn no_interface_is_left_of_a_sandbox_whose_supervisor_is_killed_at_any_moment() {
    need!("userns", "ip");
    let seed = u64::from(std::process::id());
    let mut dice = Dice(seed);
    let dir = TempDir::new();
    let settings = ["macvlan=tveth1:ip=10.166.1.2/16", "veth=sbx0:ip=10.9.0.2/30:host-ip=10.9.0.1/30:name=eth0"];
    let moments: Vec<String> = (0..40).map(|_| format!("{:.4}", dice.roll(80_000) as f64 / 1e6)).collect();
    // In one namespace, one after the other; the same interfaces are there afterwards, each time, within three seconds.
    let script = format!(
        "links() {{ ip -br link | awk '{{ print $1, $3 }}'; }}; before=$(links); \
        for moment in {}; do \"$@\" & sleep $moment; kill -9 $! 2>/dev/null || true; wait $! 2>/dev/null || true; \
        for i in $(seq 300); do [ \"$(links)\" = \"$before\" ] && break; sleep 0.01; done; \
        [ \"$(links)\" = \"$before\" ] || {{ echo \"after $moment: $(links)\"; exit 99; }}; done; echo none",
        moments.join(" ")
    );
    let file = dir.join("ticks");
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).with(&settings).set("bind", &*dir).timeout(Duration::from_secs(60));
        let sandbox = nets::behind(nets::WIRE, &script, &sandbox);
        let ended = sandbox.probe(&["held-tick".as_ref(), file.as_os_str(), "300".as_ref()]);
        assert_eq!(ended.out, "none\n", "seed {seed}, {ended:?}");
        nobody_has(file.to_str().unwrap());
        assert!(has_run_held(&file, &settings), "{entry:?}: none of them had begun");
        fs::remove_file(&file).unwrap();
    }
}

/// What makes all this so: the control.
#[test]
fn where_it_is_to_outlive_its_supervisor_it_does() {
    let dir = TempDir::new();
    for entry in EVERY {
        let file = dir.join(format!("{entry:?}"));
        let running = Sandbox::new(entry).with(&["no-die-with-parent"]).set("bind", &*dir);
        let words = ["held-tick".into(), file.clone().into_os_string(), "300".into()];
        let running = running.spawn(bins::probe(), &words);
        assert!(within(SHORTLY, || file.exists()));
        running.signal(Signal::SIGKILL);
        assert!(within(SHORTLY, || super::who_has(file.to_str().unwrap()).len() == 1));
        let length = fs::metadata(&file).unwrap().len();
        assert!(within(SHORTLY, || fs::metadata(&file).unwrap().len() > length), "{entry:?}");
        for pid in super::who_has(file.to_str().unwrap()) {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        }
        drop(running);
    }
}
