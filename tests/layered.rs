//! Route layered: the program is executed in its jail, and the library adds what it could not have been executed under.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::need;
use crate::proof::{extent_of_the_library, leaving, without};
use crate::support::running::Running;
use crate::support::traced::traced;
use crate::support::{Ended, Entry, Sandbox, TempDir, bare, bins};

const HELD: &str = include_str!("targets/held.c");

fn held(dir: &TempDir) -> PathBuf {
    dir.compile("cc", "held", HELD, &[])
}

fn layered(settings: &[&str]) -> Sandbox {
    Sandbox::new(Entry::Layered).with(settings)
}

fn there(ended: &Ended) -> Vec<&str> {
    ended.out.lines().filter_map(|line| line.strip_prefix("there ")).collect()
}

#[test]
fn nothing_of_what_loading_needed_is_left_and_nothing_is_executed() {
    need!("cc");
    let dir = TempDir::new();
    let program = held(&dir);
    for seccomp in ["default", "strict"] {
        let filter = format!("seccomp={seccomp}");
        let all = ["root=empty", "no-exec", "no-new-code", &*filter];
        let ended = layered(&all).run(&program, &["execute"]);
        assert_eq!(ended.code(), Some(7), "{ended:?}");
        assert_eq!(there(&ended), ["/", "/dev", "/proc"], "{seccomp}");
        for refused in ["code Operation not permitted", "execve Operation not permitted"] {
            assert!(ended.out.contains(refused), "{seccomp}: {}", ended.out);
        }
        assert!(!ended.out.contains("variable "), "{}", ended.out);
        assert!(!ended.out.contains("file works"), "it is sealed again: {}", ended.out);
    }
    // The controls: what makes code may, a root that is not sealed is not, and by route exec the program's file is there.
    let ended = layered(&["root=empty", "no-exec", "root-rw"]).run(&program, &[""; 0]);
    assert!(ended.out.contains("file works"), "{}", ended.out);
    assert_eq!(there(&ended), ["/", "/dev", "/proc"]);
    let bind = ["/lib64", "/lib", "/usr/lib"].map(|dir| format!("bind-ro={dir}"));
    let bind: Vec<&str> = bind.iter().map(String::as_str).collect();
    let ended = Sandbox::new(Entry::Exec).set("root", "empty").with(&bind).run(&program, &[""; 0]);
    assert!(there(&ended).contains(&&*program.to_string_lossy()), "{ended:?}");
    assert!(ended.out.contains("code works"));
}

#[test]
fn what_was_there_before_is_there_after() {
    need!("cc");
    let dir = TempDir::new();
    let program = held(&dir);
    let own = dir.join("own");
    fs::create_dir(&own).unwrap();
    let kept = own.join("kept");
    fs::write(&kept, "").unwrap();
    // Beside the program, in a directory of the host's; and above it, in a directory that was asked for.
    let asked = format!("dir={}", dir.join("asked").display());
    let bind = format!("bind-ro={}", own.display());
    let ended = layered(&["root=empty", "no-exec", &bind, &asked]).run(&program, &[""; 0]);
    let found = there(&ended);
    assert!(
        found.contains(&&*kept.to_string_lossy()) && found.contains(&&*dir.join("asked").to_string_lossy()),
        "{found:?}"
    );
    assert!(
        !found.contains(&&*program.to_string_lossy()) && !found.iter().any(|path| path.contains(".so")),
        "{found:?}"
    );
    assert!(program.exists() && kept.exists());
}

#[test]
fn it_ends_as_the_program_ends() {
    need!("cc");
    let dir = TempDir::new();
    let program = held(&dir);
    for settings in [
        &["no-exec", "root=empty"][..],
        &["no-exec", "root=empty", "init"],
        &["no-exec", "root=empty", "proc=none", "share=pid"],
    ] {
        assert_eq!(layered(settings).run(&program, &[""; 0]).code(), Some(7), "{settings:?}");
        // The kernel gives pid 1 no signal of its own.
        if settings.len() == 2 {
            continue;
        }
        let by_signal = layered(settings).run(&program, &["signal"]);
        let other = Sandbox::new(Entry::Launch).with(settings).run(&program, &["signal"]);
        assert_eq!((by_signal.code(), by_signal.signal()), (other.code(), other.signal()), "{settings:?}");
    }
    let script = dir.join("script");
    fs::write(&script, format!("#!{}\n", program.display())).unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let ended = layered(&["root=empty", "no-exec"]).run(&script, &[""; 0]);
    assert_eq!((ended.code(), there(&ended)), (Some(7), vec!["/", "/dev", "/proc"]), "{ended:?}");
}

#[test]
fn where_something_is_executed_inside_it_is_refused() {
    let refused = layered(&["no-exec=false"]).probe(&["exit", "0"]);
    assert!(refused.refused(125).contains("nothing is executed"), "{refused:?}");
    assert_eq!(layered(&["no-exec"]).probe(&["exit", "0"]).code(), Some(0), "the control");
    let refused = layered(&["no-exec", "explain"]).probe(&["exit", "0"]);
    assert!(refused.refused(125).contains("observe"), "{refused:?}");
}

#[test]
fn a_program_without_the_library_does_not_begin() {
    need!("cc");
    let dir = TempDir::new();
    let (program, made) = leaving(&dir);
    let bind = format!("bind={0}:{0}:exec", dir.display());
    let length = extent_of_the_library();
    let sandbox = layered(&["no-exec", &bind]);
    let ended = sandbox.clone().wrapped(&without(length, &dir)).run(&program, &[""; 0]);
    assert_eq!((ended.code(), &*ended.out), (Some(125), ""), "{ended:?}");
    let line = ended.err.lines().find(|line| line.starts_with("sbx: entry: ")).unwrap_or_default();
    assert!(line.contains("was not loaded") && line.contains("leaving"), "{}", ended.err);
    assert!(!made.iter().any(|path| path.exists()));
    // The control: where another length fails, it runs.
    assert_eq!(sandbox.wrapped(&without(length + 1, &dir)).run(&program, &[""; 0]).ok(), "");
    assert!(made.iter().all(|path| path.exists()));
}

/// The process of this name among the children of `parent`.
fn child_named(parent: u32, name: &str) -> Option<i32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    let is_named = |pid: &&str| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name);
    children.split_whitespace().find(is_named)?.parse().ok()
}

/// A program that is being loaded in its jail, and has not begun: ld.so opens a FIFO, and waits for somebody who writes to it.
struct Loading {
    running: Running,
    keeper: i32,
    fifo: PathBuf,
}

impl Loading {
    fn start(sandbox: &Sandbox, program: &Path, dir: &TempDir) -> Self {
        let fifo = dir.join("fifo.so");
        if !fifo.exists() {
            nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        }
        let sandbox = sandbox.clone().set("env", format!("LD_PRELOAD={}", fifo.display()));
        let running = sandbox.spawn(program, &[""; 0]);
        let begun = Instant::now();
        let keeper = loop {
            if let Some(pid) = child_named(running.pid().cast_unsigned(), "sbx-entry") {
                break pid;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "no keeper");
            std::thread::sleep(Duration::from_millis(5));
        };
        Self { running, keeper, fifo }
    }

    /// The end to write to, when ld.so has opened the other.
    fn fifo(&self) -> fs::File {
        let begun = Instant::now();
        loop {
            match OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&self.fifo) {
                Ok(file) => return file,
                Err(why) => assert!(begun.elapsed() < Duration::from_secs(10), "{why}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn kill(pid: i32) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    }
}

#[test]
fn nothing_begins_when_nobody_is_left_to_see_it() {
    need!("cc");
    let dir = TempDir::new();
    let (program, made) = leaving(&dir);
    let bind = format!("bind={0}:{0}:exec", dir.display());
    // Its jail outlives outer.
    let sandbox = layered(&["no-exec", &bind, "no-die-with-parent"]);
    for (outer, keeper) in [(false, true), (true, false), (true, true), (false, false)] {
        let loading = Loading::start(&sandbox, &program, &dir);
        let mut fifo = loading.fifo();
        // In this order, as outer would end the program when the keeper has ended.
        for pid in [outer.then_some(loading.running.pid()), keeper.then_some(loading.keeper)].into_iter().flatten() {
            Loading::kill(pid);
        }
        // ignored: it may have been killed by now
        let _ = fifo.write_all(b"x");
        drop(fifo);
        let ended = loading.running.wait();
        let killed = outer || keeper;
        assert_eq!(made.iter().any(|path| path.exists()), !killed, "{outer} {keeper} {ended:?}");
        match (outer, keeper) {
            (false, false) => assert!(ended.code() == Some(0) && !ended.err.contains("sbx: "), "{ended:?}"),
            (false, true) => {
                assert_eq!(ended.code(), Some(125), "{ended:?}");
                assert!(ended.err.contains("sbx: entry: recvmsg "), "{}", ended.err);
            }
            // The library in it finds out.
            (true, true) => assert!(ended.err.contains("sbx: entry: set_tid_address "), "{}", ended.err),
            // The keeper, or the library where outer has died with the keeper's word.
            (true, false) => {}
        }
    }
}

#[test]
fn a_forged_stage_loosens_nothing() {
    let outside = Sandbox::new(Entry::Preload).env("SBX_STAGE", "2").probe(&["exit", "0"]);
    assert!(outside.refused(125).contains("there is no first"), "{outside:?}");
    let launched = layered(&["no-exec"]).env("SBX_STAGE", "2").probe(&["exit", "0"]);
    assert_eq!(launched.code(), Some(125), "{launched:?}");
    // In a jail of another route nobody was asked about its beginning.
    let library = bins::library().display().to_string();
    let attempt = |words: &str| format!("LD_PRELOAD={library} {words} unshare -U true");
    let bind = format!("bind-ro={}", bins::library().parent().unwrap().display());
    let inside = Sandbox::new(Entry::Exec).with(&[&bind, "seccomp=none"]);
    let ended = inside.run("sh", &["-c", &attempt("SBX_STAGE=2 SBX_SECCOMP=none")]);
    assert!(ended.code() == Some(125) && ended.err.contains("sbx: entry: set_tid_address "), "{ended:?}");
    let control = inside.run("sh", &["-c", &attempt("")]);
    assert_eq!(control.code(), Some(0), "{control:?}");
}

#[test]
fn what_the_library_cannot_be_seen_to_enter_goes_this_way_where_it_must() {
    need!("cc", "strace");
    let dir = TempDir::new();
    let program = held(&dir);
    // Nobody can be watched who is traced already.
    let auto = Sandbox::new(Entry::Launch).with(&["root=empty", "no-exec"]);
    let traced = traced(&auto, &[]).run(&program, &["execute"]);
    assert_eq!((traced.code(), there(&traced)), (Some(7), vec!["/", "/dev", "/proc"]), "{traced:?}");
    assert!(traced.out.contains("execve Operation not permitted"));
}

#[test]
fn a_program_of_which_less_can_be_shown_is_refused_by_name() {
    need!("cc");
    let dir = TempDir::new();
    let program = held(&dir);
    let sandbox = layered(&["no-exec"]);
    let own = dir.compile("cc", "static", HELD, &["-static"]);
    assert!(sandbox.run(&own, &[""; 0]).refused(126).contains("statically linked"));
    let early = dir.compile("cc", "ifunc", include_str!("targets/resolver.c"), &[]);
    sandbox.run(&early, &[""; 0]).refused(126);
    let library = dir.join("lib with space.so");
    fs::copy(bins::library(), &library).unwrap();
    let odd = sandbox.clone().set("library", &library).run(&program, &[""; 0]);
    assert!(odd.refused(125).contains("LD_PRELOAD cannot hold"), "{odd:?}");
    let tree = dir.join("tree");
    fs::create_dir_all(tree.join("bin")).unwrap();
    fs::copy(&program, tree.join("bin/held")).unwrap();
    let other = sandbox.clone().set("root", &tree).run("/bin/held", &[""; 0]);
    assert!(other.refused(125).contains("of the tree"), "{other:?}");
    let taken = sandbox.clone().with(&["file=/etc/ld.so.cache:x", "root=empty"]).run(&program, &[""; 0]);
    assert!(taken.refused(125).contains("/etc/ld.so.cache"), "{taken:?}");
    assert_eq!(sandbox.run(&program, &[""; 0]).code(), Some(7), "the control");
}

#[test]
fn the_plan_says_what_is_taken_away_and_what_the_library_adds() {
    let probe = bins::probe().display().to_string();
    let print = |words: &[&str]| bare(bins::launcher(), &[words, &["--print-plan", "--", &probe]].concat());
    let plan = print(&["--route=layered", "--root=empty", "--no-exec"]);
    let lines: Vec<&str> = plan.ok().lines().collect();
    assert!(
        lines[0].starts_with("route   layered         ") && lines[0].ends_with(&format!(" into {probe}")),
        "{plan:?}"
    );
    let line = |start: &str| {
        lines.iter().position(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {plan:?}"))
    };
    assert!(lines[line("outer   entry ")].contains(&probe), "{plan:?}");
    let order =
        ["outer   entry ", "inner   entry ", "inner   seccomp ", "library entry ", "library seccomp "].map(line);
    assert!(order.is_sorted(), "{plan:?}");
    assert!(lines[order[4]].contains("no-exec") && !lines[order[2]].contains("no-exec"), "{plan:?}");
}
