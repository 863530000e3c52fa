//! F, continued: the tree of mounts, modes, and what is written.

use std::path::Path;

use super::probe::Act::{Does, Words};
use super::probe::{Control, Probe, hidden, probe, refused};
use super::run::{Start, said};
use crate::support::bins;

/// What makes the root writable.
const ROOT_RW: &str = "mount:0:s=/:0:0x1020:0";
const ATTR_RW: &str = "mount_setattr:-100:s=/:0x8000:u64=0,1,0,0:32";

pub fn probes() -> Vec<Probe> {
    [mounts(), modes(), writes()].concat()
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
