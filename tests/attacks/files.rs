//! F: the host's files.

use std::path::Path;

use super::probe::Act::{Does, Words};
use super::probe::{Control, Probe, hidden, probe, refused, untried};
use super::run::{Start, said};
use crate::support::bins;

/// Capabilities and calls that make the kernel decide by its own rules.
const ROOT_RW: &str = "mount:0:s=/:0:0x1020:0";
const ATTR_RW: &str = "mount_setattr:-100:s=/:0x8000:u64=0,1,0,0:32";

pub fn probes() -> Vec<Probe> {
    [inherited(), proc(), mounts(), modes(), writes(), rest()].concat()
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

fn mounts() -> Vec<Probe> {
    const CAPABLE: &[&str] = &["cap-keep=sys_admin"];
    vec![
        refused("F6", "umount2(2) uncovers what lies below", "umount2", &["calls", "umount2:s=/dev:2"]),
        refused("F6a", "pivot_root(2)", "pivot_root", &["calls", "pivot_root:far:far"]),
        refused("F6b", "chroot(2), and out of it by `..`", "chroot", &["calls", "chroot:s=/"]),
        hidden("F6c", "open_tree(2) clones a mount", "open_tree", &["calls", "open_tree:-100:s=/:1"], "EPERM"),
        hidden("F6d", "move_mount(2)", "move_mount", &["calls", "move_mount:-1:far:-1:far:0"], "EPERM"),
        hidden("F6e", "fsopen(2)", "fsopen", &["calls", "fsopen:s=tmpfs:0"], "EPERM"),
        hidden("F6f", "fsconfig(2)", "fsconfig", &["calls", "fsconfig:-1:0:0:0:0"], "EPERM"),
        hidden("F6g", "fsmount(2)", "fsmount", &["calls", "fsmount:-1:0:0"], "EPERM"),
        hidden("F6h", "fspick(2) of the root, to reconfigure it", "fspick", &["calls", "fspick:-100:s=/:0"], "EPERM"),
        hidden("F6i", "mount_setattr(2)", "mount_setattr", &["calls", ATTR_RW], "EPERM"),
        hidden("F6j", "open_tree_attr(2)", "open_tree_attr", &["calls", "open_tree_attr:-100:s=/:0:0:0"], "EPERM"),
        refused("F7", "the root is made writable: mount(2) with MS_REMOUNT and MS_BIND", "mount", &["calls", ROOT_RW]),
        probe("F7a", "the same without a filter, and without a capability")
            .with(&["seccomp=none"])
            .act(&["calls", ROOT_RW])
            .both("EPERM", Control::With(CAPABLE, "ok")),
        probe("F7b", "the same by mount_setattr(2)")
            .with(&["seccomp=none"])
            .act(&["calls", ATTR_RW])
            .both("EPERM", Control::With(CAPABLE, "ok")),
        probe("F7c", "the same by fspick(2) and fsconfig(2)")
            .with(&["seccomp=none"])
            .act(&["calls", "fspick:-100:s=/:0"])
            .both(
                "EPERM",
                Control::Nothing("the file system is of the host's user namespace; of the sandbox's own see F7a"),
            ),
        probe("F7d", "a copy of the root by open_tree(2), OPEN_TREE_CLONE")
            .with(&["seccomp=none"])
            .act(&["calls", "open_tree:-100:s=/:0x8001"])
            .both("EPERM", Control::With(CAPABLE, "ok")),
        probe("F7e", "in a nested namespace with all capabilities, the root is made writable: filter `dev`")
            .with(&["seccomp=dev"])
            .act(&["all", "calls", "unshare:0x10020000", "+", "calls", ROOT_RW, ATTR_RW])
            .both("ok, EPERM × 2", Control::Nothing("locked by the kernel: the flags are of a namespace above")),
        probe("F7f", "in a nested namespace, what was covered is uncovered: filter `dev`")
            .with(&["seccomp=dev", "tmpfs=/mnt", "root=host"])
            .act(&["all", "calls", "unshare:0x10020000", "+", "calls", "umount2:s=/mnt:2"])
            .both("ok, EINVAL", Control::Nothing("locked by the kernel: the mounts are of a namespace above")),
        probe("F8", "a file system is mounted over what others trust")
            .with(&["seccomp=none"])
            .act(&["calls", "mount:s=none:s=/:s=tmpfs:0:0"])
            .both("EPERM", Control::With(CAPABLE, "ok")),
        hidden("F18", "listmount(2)", "listmount", &["calls", "listmount:far:far:0:0"], "EPERM"),
        hidden("F18a", "statmount(2)", "statmount", &["calls", "statmount:far:far:0:0"], "EPERM"),
        hidden("F18b", "listns(2)", "listns", &["calls", "listns:far:far:0:0"], "EPERM"),
    ]
}

fn modes() -> Vec<Probe> {
    let bound: &[&str] = &["bind={dir}/inner"];
    let own = |id, tries, call, act| refused(id, tries, call, act).with(bound);
    vec![
        refused("F9", "mknod(2) makes the device of /dev/mem", "mknod", &["calls", "mknod:s=/dev/shm/m:0x2180:0x101"]),
        refused(
            "F9a",
            "mknodat(2) makes a block device",
            "mknodat",
            &["calls", "mknodat:-100:s=/dev/shm/m:0x6180:0x800:0"],
        ),
        probe("F9b", "a device of the host's is opened in a bind")
            .with(&["bind=/dev:/shown/dev"])
            .act(&["file", "read", "/shown/dev/zero"])
            .both(
                "EACCES",
                Control::Other(
                    "the same bind with `dev`",
                    &["bind=/dev:/shown/other:dev"],
                    Words(&["file", "read", "/shown/other/zero"]),
                    "ok",
                ),
            ),
        own(
            "F10",
            "chmod(2) makes a file of the caller's set-user-id",
            "chmod",
            &["calls", "chmod:s={dir}/inner/file:0xfff"],
        ),
        own("F10a", "fchmod(2) does", "fchmod", &["calls", "fchmod:-1:0x9ff"]),
        own("F10b", "fchmodat(2) does", "fchmodat", &["calls", "fchmodat:-100:s={dir}/inner/file:0x9ff"]),
        own("F10c", "fchmodat2(2) does", "fchmodat2", &["calls", "fchmodat2:-100:s={dir}/inner/file:0x5ff:0"]),
        own("F10d", "open(2) creates one", "open", &["calls", "open:s={new}:0x41:0x9ff"]),
        own("F10e", "openat(2) creates one", "openat", &["calls", "openat:-100:s={new}:0x41:0x9ff"]),
        own(
            "F10f",
            "openat(2) with O_TMPFILE creates one",
            "openat",
            &["calls", "openat:-100:s={dir}/inner:0x410002:0x9ff"],
        ),
        own("F10g", "creat(2) creates one", "creat", &["calls", "creat:s={new}:0x9ff"]),
        own("F10h", "mknod(2) creates one", "mknod", &["calls", "mknod:s={new}:0x89ff:0"]),
        own(
            "F10i",
            "chmod(2) with high bits set in the register",
            "chmod",
            &["calls", "chmod:s={dir}/inner/file:0xffffffff000009ff"],
        ),
        hidden(
            "F10j",
            "openat2(2), whose mode lies behind a pointer, creates one",
            "openat2",
            &["calls", "openat2:-100:s={new}:u64=0x41,0x9ff,0:24"],
            "ENOSYS",
        )
        .with(bound),
        probe("F10k", "a file is given capabilities: setxattr(2) of security.capability")
            .with(bound)
            .act(&["calls", "setxattr:s={dir}/inner/file:s=security.capability:u64=0x200002000001,0,0:20:0"])
            .both("EPERM", Control::Nothing("the kernel asks for CAP_SETFCAP, and strict knows no setxattr")),
        probe("F10l", "a set-user-id program of another user's is executed")
            .needs(&["root"])
            .with(&["bind-ro={dir}", "allow-new-privs", "share=user", "uid=65533", "gid=65533"])
            .does(set_user_id)
            .default("65533", Control::Other("outside", &[], Does(set_user_id_outside), "65534")),
        probe("F11", "a hard link leads out of a bind")
            .with(&["bind={dir}/inner", "tmpfs=/out"])
            .act(&["file", "link", "{dir}/inner/file", "/out/link"])
            .both(
                "EXDEV",
                Control::Other("within the bind", &[], Words(&["file", "link", "{dir}/inner/file", "{new}"]), "ok"),
            ),
        probe("F11a", "a hard link leads from one bind of a file system to another")
            .with(&["bind={dir}/inner", "bind={dir}/beside"])
            .act(&["file", "link", "{dir}/inner/file", "{beside}"])
            .both("EXDEV", Control::Outside("ok")),
        probe("F11b", "rename(2) moves a directory out of a bind")
            .with(&["bind={dir}/inner", "bind={dir}/beside"])
            .act(&["file", "rename", "{dir}/inner/file", "{beside}"])
            .both(
                "EXDEV",
                Control::Other(
                    "within the bind",
                    &[],
                    Words(&["file", "rename", "{dir}/inner/file", "{dir}/inner/file"]),
                    "ok",
                ),
            ),
    ]
}

/// Who a program of another user's is when it runs.
fn set_user_id(start: &Start) -> String {
    let program = owned_by_another(start);
    let first = start.scene.program("copy", |dir| dir.install(bins::probe(), "copy"));
    let ended = start.run(&first, &["exec".as_ref(), program.as_os_str(), "report".as_ref()]);
    euid(&ended)
}

fn set_user_id_outside(start: &Start) -> String {
    let program = owned_by_another(start);
    let drop = ["--reuid=65533", "--regid=65533", "--clear-groups", program.to_str().unwrap(), "report"];
    euid(&crate::support::bare("setpriv", &drop))
}

fn owned_by_another(start: &Start) -> std::path::PathBuf {
    start.scene.program("su", |dir| {
        let program = dir.install(bins::probe(), "su");
        std::os::unix::fs::chown(&program, Some(65534), Some(65534)).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o4755)).unwrap();
        program
    })
}

fn euid(ended: &crate::support::Ended) -> String {
    let line = ended.out.lines().find_map(|line| line.strip_prefix("euid="));
    line.map_or_else(|| said(ended), str::to_owned)
}

fn writes() -> Vec<Probe> {
    vec![
        probe("F20", "a file is created in the host's root").act(&["file", "create", "/sbx-must-not-appear"]).both(
            "EROFS",
            Control::Other("in a private file system", &["tmpfs=/made"], Words(&["file", "create", "/made/x"]), "ok"),
        ),
        probe("F20a", "a file of a read-only bind is written to")
            .by(&["bind-ro={dir}/inner"])
            .act(&["file", "append", "{dir}/inner/file"])
            .both("EROFS", Control::With(&["bind={dir}/inner"], "ok")),
        probe("F20b", "a file of a read-only bind is truncated by its name")
            .by(&["bind-ro={dir}/inner"])
            .act(&["file", "truncate", "{dir}/inner/file"])
            .both("EROFS", Control::With(&["bind={dir}/inner"], "ok")),
        probe("F20c", "its modes are changed")
            .by(&["bind-ro={dir}/inner"])
            .act(&["file", "chmod", "{dir}/inner/file", "600"])
            .both("EROFS", Control::With(&["bind={dir}/inner"], "ok")),
        probe("F20d", "a program is executed that was written to a bind")
            .by(&["bind={dir}"])
            .does(executes_what_is_written)
            .default("EACCES", Control::With(&["bind={dir}:exec"], "")),
        probe("F20e", "a hidden file is read")
            .with(&["bind-ro={dir}", "hide={dir}/secret"])
            .does(|start| said(&start.probe(&["attack", "has", &start.scene.fill("{dir}/secret"), "secret"])))
            .both("no", Control::Outside("yes")),
        probe("F20f", "the caller's home directory is listed")
            .act(&["attack", "count", "/root"])
            .default("0", Control::Nothing("a directory of the sandbox's own lies over it"))
            .strict("ENOENT", Control::Nothing("there is none")),
        probe("F17", "the place of a mount is made behind a link in a writable bind: `dir` at inner/link/new")
            .with(&["bind={dir}/inner:/shown", "dir=/shown/link/new"])
            .does(made_behind_a_link)
            .both("125, nothing outside", Control::Nothing("the sandbox makes places in file systems of its own only")),
        probe("F17a", "a mount over a place behind a link that leads out of a bind")
            .with(&["bind={dir}/inner:/shown", "tmpfs=/shown/link"])
            .does(made_behind_a_link)
            .both(
                "1 0 0 0, nothing outside",
                Control::Nothing("the link is followed inside, and leads to a place of the sandbox's own"),
            ),
    ]
}

fn executes_what_is_written(start: &Start) -> String {
    let script = start.scene.program("script", |dir| dir.script("script", "#!/bin/true\n"));
    said(&start.probe(&["exec", script.to_str().unwrap()]))
}

fn made_behind_a_link(start: &Start) -> String {
    let ended = start.probe(&["attack", "ids"]);
    let beside = std::fs::read_dir(Path::new(&start.scene.fill("{dir}/beside"))).unwrap();
    let made = beside.flatten().any(|entry| entry.file_name() == "new");
    format!("{}, {}", said(&ended), if made { "new outside" } else { "nothing outside" })
}

fn rest() -> Vec<Probe> {
    vec![
        refused("F14", "open_by_handle_at(2)", "open_by_handle_at", &["calls", "open_by_handle_at:-1:far:0"]),
        refused("F14a", "name_to_handle_at(2)", "name_to_handle_at", &["calls", "name_to_handle_at:-1:far:far:far:0"]),
        untried(
            "F5",
            "links in a bind's source or destination, swapped in a race",
            "tried with time to race: tests/binds.rs, and F17 without a race",
        ),
        untried(
            "F16",
            "locks, leases and inotify(7) on files of the host's as a channel",
            "not refused: whoever shows a file shows its locks; threat-model.md, side channels",
        ),
    ]
}
