//! F: the host's files.

use super::mounts;
use super::probe::Act::Does;
use super::probe::{Control, Probe, probe, refused, untried};
use super::run::{Start, said};
use crate::support::bins;

pub fn probes() -> Vec<Probe> {
    [inherited(), proc(), mounts::probes(), rest()].concat()
}

fn inherited() -> Vec<Probe> {
    vec![
        probe("F1", "fchdir(2) to a directory that the caller left open, and `..`")
            .before("exec 9</")
            .act(&["calls", "fchdir:9", "chdir:s=.."])
            .both("EBADF, ok", Control::Outside("ok × 2")),
        probe("F1a", "a directory is to be kept open: `keep-fd`")
            .before("exec 9</")
            .with(&["keep-fd=9"])
            .act(&["calls", "fchdir:9"])
            .both("125", Control::Other("a file can be kept", &[], Does(kept_file), "ok")),
        probe("F1b", "a directory is the standard input")
            .before("exec 0<{dir}")
            .act(&["calls", "fchdir:0"])
            .both("125", Control::Outside("ok")),
        probe("F1c", "a directory that was opened for its path alone, O_PATH, is the standard error")
            .act(&["calls", "fchdir:2"])
            .does(path_descriptor)
            .needs(&["python3"])
            .both("125", Control::Outside("ok")),
        probe("F2", "from a directory opened inside, through /proc/self/fd/N, up and to a file of the host's")
            .act(&["all", "calls", "open:s=/usr:0", "+", "file", "read", "/proc/self/fd/3/../../../../../{dir}/secret"])
            .default("ok, ENOENT", Control::Outside("ok × 2"))
            .strict("ENOENT × 2", Control::Outside("ok × 2")),
        probe("F2a", "from a directory that is bound, by `..` of its descriptor, to its neighbour")
            .with(&["bind={dir}/inner:/shown"])
            .act(&[
                "all",
                "calls",
                "open:s=/shown:0",
                "+",
                "calls",
                "openat:3:s=../secret:0",
                "openat:3:s=../../../..{dir}/secret:0",
            ])
            .both("ok, ENOENT × 2", Control::Other("outside, from the same place", &[], Does(neighbour), "ok × 2")),
        probe("F4", "the current directory is one that is not shown")
            .before("cd {dir}")
            .act(&["file", "read", "secret"])
            .default("ok", Control::Nothing("it stays visible, read-only, unless it is a home: settings.md, root"))
            .strict("ENOENT", Control::With(&["bind-ro={dir}", "cwd={dir}"], "ok")),
        probe("F4a", "`cwd` leads through a descriptor of the caller's")
            .before("exec 9<{dir}")
            .with(&["cwd=/proc/self/fd/9"])
            .act(&["file", "read", "secret"])
            .both("125", Control::Other("a directory that is shown", &[], Does(cwd_shown), "ok")),
        probe("F12", "a file that the caller left open for writing is written to")
            .before("exec 9>>{dir}/inner/file")
            .act(&["calls", "write:9:s=x:1"])
            .both("EBADF", Control::With(&["keep-fd=9"], "ok")),
    ]
}

fn neighbour(start: &Start) -> String {
    let open = start.scene.fill("open:s={dir}/inner:0");
    said(&crate::support::bare(bins::probe(), &["calls", &open, "openat:3:s=../secret:0"]))
}

fn kept_file(start: &Start) -> String {
    let sandbox = start.sandbox.clone().unwrap().after_shell(&start.scene.fill("exec 9<{dir}/secret"));
    said(&sandbox.probe(&["calls", "read:9:buf:1"]))
}

fn cwd_shown(start: &Start) -> String {
    let scene = start.scene;
    let settings = [scene.fill("bind-ro={dir}"), scene.fill("cwd={dir}")];
    let sandbox = start.sandbox.clone().unwrap().with(&[&settings[0], &settings[1]]);
    said(&sandbox.probe(&["file", "read", "secret"]))
}

/// No shell opens with O_PATH.
fn path_descriptor(start: &Start) -> String {
    let script = "import os, sys\nos.dup2(os.open('/', os.O_PATH), 2)\nos.execvp(sys.argv[1], sys.argv[1:])";
    let opener = ["python3", "-c", script];
    let act = ["calls", "fchdir:2"];
    match &start.sandbox {
        Some(sandbox) => {
            // Standard error is not there to say why.
            let ended = sandbox.clone().wrapped(&opener).probe(&act);
            if ended.out.is_empty() { ended.code().unwrap_or(-1).to_string() } else { said(&ended) }
        }
        None => {
            let words = [&opener[1..], &[bins::probe().to_str().unwrap()], &act].concat();
            said(&crate::support::bare(opener[0], &words))
        }
    }
}

fn proc() -> Vec<Probe> {
    let outer = |id, tries, act| {
        probe(id, tries)
            .act(act)
            .default("ENOENT", Control::With(&["share=pid"], "EACCES"))
            .strict("ENOENT", Control::Outside("ok"))
    };
    let machine = |id, tries, act, outside| {
        probe(id, tries).act(act).default("EROFS; a user: EACCES", outside).strict("ENOENT", outside)
    };
    vec![
        probe("F3", "a file of the host's through /proc/1/root")
            .act(&["file", "read", "/proc/1/root{dir}/secret"])
            .both("ENOENT", Control::With(&["bind-ro={dir}", "proc=rw", "no-new-code=false"], "ok")),
        outer("F3a", "the root of a process outside", &["file", "list", "/proc/{outer}/root/"])
            .strict("ENOENT", Control::Nothing("there is no /proc")),
        outer("F3b", "the current directory of a process outside", &["file", "chdir", "/proc/{outer}/cwd"]),
        outer("F3c", "the program's file of a process outside", &["file", "read", "/proc/{outer}/exe"]),
        outer("F3d", "the memory of a process outside", &["file", "open-write", "/proc/{outer}/mem"])
            .default("ENOENT", Control::Outside("ok")),
        outer("F3e", "the mapped files of a process outside", &["file", "chdir", "/proc/{outer}/map_files"])
            .default("ENOENT", Control::Outside("ok")),
        outer("F3f", "the environment of a process outside", &["file", "read", "/proc/{outer}/environ"]),
        outer("F3g", "the descriptors of a process outside", &["file", "chdir", "/proc/{outer}/fd"])
            .default("ENOENT", Control::Outside("ok")),
        probe("F15", "/proc/sysrq-trigger, where the kernel has it, is opened for writing")
            .does(|start| match &*said(&start.probe(&["file", "open-write", "/proc/sysrq-trigger"])) {
                "EROFS" | "EACCES" | "ENOENT" => "refused".into(),
                other => other.to_owned(),
            })
            .both("refused", Control::Other("as F15a, outside", &[], Does(core_pattern), "ok; a user: EACCES")),
        machine(
            "F15a",
            "/proc/sys/kernel/core_pattern, which the kernel executes, is opened for writing",
            &["file", "open-write", "/proc/sys/kernel/core_pattern"],
            Control::Outside("ok; a user: EACCES"),
        ),
        machine(
            "F15b",
            "a file below /sys is opened for writing",
            &["file", "open-write", "/sys/kernel/profiling"],
            Control::Outside("ok; a user: EACCES"),
        )
        .needs(&["/sys/kernel/profiling"]),
        probe("F15c", "the keys that /proc/keys lists")
            .act(&["file", "cat", "/proc/keys"])
            .default("", Control::Nothing("covered by an empty file"))
            .strict("ENOENT", Control::Nothing("there is no /proc")),
        probe("F15d", "the timers that /proc/timer_list lists")
            .act(&["file", "cat", "/proc/timer_list"])
            .default("", Control::Nothing("covered by an empty file"))
            .strict("ENOENT", Control::Nothing("there is no /proc")),
        probe("F19", "a namespace's file is entered: setns(2) of /proc/self/ns/net")
            .act(&["all", "calls", "open:s=/proc/self/ns/net:0", "+", "calls", "setns:3:0"])
            .default("ok, EPERM", Control::Nothing("as N2"))
            .strict("ENOENT, EPERM", Control::Nothing("as N2")),
        probe("F13", "the program's file is written through /proc/self/exe when the program has become another")
            .with(&["bind-ro={bin}"])
            .by(&["bind-ro={dir}"])
            .does(rewrite)
            .default("ETXTBSY", Control::Nothing("the supervisor runs it still; otherwise F20a"))
            .strict("ENOENT", Control::Nothing("there is no /proc"))
            .but(crate::support::Entry::Exec, "EROFS", Control::With(&["bind={dir}:exec"], "ok")),
    ]
}

fn core_pattern(_: &Start) -> String {
    said(&crate::support::bare(bins::probe(), &["file", "open-write", "/proc/sys/kernel/core_pattern"]))
}

/// A copy of the probe that becomes the probe.
fn rewrite(start: &Start) -> String {
    let copy = start.scene.program("copy", |dir| dir.install(bins::probe(), "copy"));
    let probe = bins::probe().to_str().unwrap();
    said(&start.run(&copy, &["attack", "exe", probe, "file", "open-write", "/proc/self/fd/9"]))
}

fn rest() -> Vec<Probe> {
    vec![
        refused("F14", "open_by_handle_at(2)", "open_by_handle_at", &["calls", "open_by_handle_at:-1:far:0"]),
        refused("F14a", "name_to_handle_at(2)", "name_to_handle_at", &["calls", "name_to_handle_at:-1:far:far:far:0"]),
        untried(
            "F5",
            "links in a bind's source or destination, swapped in a race",
            "a race takes time, and tests of its own: tests/races/; F17 and F17a are the same without one",
        ),
        untried(
            "F16",
            "locks, leases and inotify(7) on files of the host's as a channel",
            "not refused: whoever shows a file shows its locks; threat-model.md, side channels",
        ),
    ]
}
