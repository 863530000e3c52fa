//! Landlock: every right that is not listed is refused, under new namespaces and without any.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;

use serde_json::Value;

use crate::need;
use crate::support::traced::{calls, traced};
use crate::support::{ENTRIES, Entry, Report, Sandbox, TempDir, bins};

/// No namespace is new.
const BARE: &str = "share=user,mount,pid,net,ipc,uts,cgroup,time";

/// A tree to act on, which nothing but Landlock keeps from being written and executed.
struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        let dir = TempDir::new();
        for name in ["a", "b", "a/empty"] {
            dir.dir(name);
        }
        dir.file("a/file", "text");
        dir.file("b/file", "text");
        dir.install(bins::probe(), "a/probe");
        Self(dir)
    }

    fn at(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// The tree as it is, in new namespaces or in none.
    fn sandbox(&self, entry: Entry, bare: bool) -> Sandbox {
        match bare {
            true => Sandbox::new(entry).with(&[BARE]),
            false => {
                Sandbox::new(entry).with(&["root=empty", "proc=none"]).set("bind", format!("{}:exec", self.at("")))
            }
        }
    }
}

/// What comes of an act on a new tree, under these settings, with `@` for the tree.
#[track_caller]
fn outcome(entry: Entry, bare: bool, settings: &[&str], act: &[&str]) -> String {
    let tree = Tree::new();
    let root = tree.at("");
    let root = root.trim_end_matches('/');
    let settings: Vec<_> = settings.iter().map(|setting| setting.replace('@', root)).collect();
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    let act: Vec<_> = act.iter().map(|word| word.replace('@', root)).collect();
    tree.sandbox(entry, bare).with(&settings).probe(&act).ok().to_owned()
}

/// Refused under the first settings and not under the second, nor without any.
#[track_caller]
fn held(act: &[&str], by: &[&str], not_by: &[&str], errno: &str) {
    for entry in ENTRIES {
        for bare in [false, true] {
            assert_eq!(outcome(entry, bare, by, act), errno, "{act:?}, {by:?}, {entry:?}, bare: {bare}");
            for control in [not_by, &[]] {
                let came = outcome(entry, bare, control, act);
                assert!(came == "ok" || came == "text" || came.is_empty(), "{act:?}, {control:?}, {entry:?}: {came}");
            }
        }
    }
}

#[test]
fn what_is_not_listed_cannot_be_read_or_executed() {
    need!("landlock");
    held(&["file", "cat", "@/a/file"], &["landlock-ro=@/b"], &["landlock-ro=@/a"], "EACCES");
    held(&["file", "cat", "@/a/file"], &["landlock-ro=none"], &["landlock-ro=@/a/file"], "EACCES");
    held(&["file", "list", "@/a/empty"], &["landlock-ro=@/b"], &["landlock-ro=@/a"], "EACCES");
    let libraries = ["landlock-rx=@/a"];
    for entry in ENTRIES {
        // Its loader and libraries are the host's.
        let probe = |kind: &str| outcome(entry, true, &[kind, "landlock-rx=/"], &["exec", "@/a/probe", "exit", "0"]);
        assert_eq!(probe(libraries[0]), "");
        let execute = |kind: &str| outcome(entry, false, &[kind], &["exec", "@/a/probe", "exit", "0"]);
        for refusing in ["landlock-ro=@/a", "landlock-rw=@/a"] {
            assert_eq!(execute(refusing), "EACCES", "{refusing}");
        }
        // With the right to it, and nothing of its loader in the empty root.
        assert_eq!(execute(libraries[0]), "ENOENT");
    }
}

#[test]
fn what_is_listed_to_be_read_cannot_be_changed() {
    need!("landlock");
    let acts: &[&[&str]] = &[
        &["file", "write", "@/a/file"],
        &["file", "append", "@/a/file"],
        &["file", "truncate", "@/a/file"],
        &["file", "create", "@/a/new"],
        &["file", "unlink", "@/a/file"],
        &["file", "mkdir", "@/a/new"],
        &["file", "rmdir", "@/a/empty"],
        &["file", "symlink", "x", "@/a/new"],
        &["file", "link", "@/a/file", "@/a/new"],
        &["file", "rename", "@/a/file", "@/a/new"],
        &["file", "rename", "@/a/file", "@/b/new"],
        &["net", "unix-bind", "@/a/new"],
    ];
    for act in acts {
        for kind in ["landlock-ro", "landlock-rx"] {
            held(act, &[&format!("{kind}=@/a"), "landlock-rw=@/b"], &["landlock-rw=@"], "EACCES");
        }
    }
}

#[test]
fn from_one_listed_directory_to_another_files_can_be_moved() {
    need!("landlock");
    let act = ["file", "rename", "@/a/file", "@/b/new"];
    held(&act, &["landlock-rw=@/a", "landlock-ro=@/b"], &["landlock-rw=@/a", "landlock-rw=@/b"], "EACCES");
}

#[test]
fn devices_take_orders_only_where_they_can_be_written() {
    need!("landlock");
    for entry in ENTRIES {
        for share in [BARE, "share=uts"] {
            let ask =
                |setting: &str| Sandbox::new(entry).with(&[share, setting]).probe(&["file", "ioctl", "/dev/urandom"]);
            assert_eq!(ask("landlock-ro=/dev").ok(), "EACCES");
            assert_eq!(ask("landlock-rw=/dev/urandom").ok(), "ok");
            assert_eq!(ask("umask=0022").ok(), "ok");
        }
    }
}

#[test]
fn a_path_in_several_lists_has_the_rights_of_all() {
    need!("landlock");
    for entry in ENTRIES {
        let both = ["landlock-rw=@/a", "landlock-rx=/"];
        assert_eq!(outcome(entry, true, &both, &["file", "write", "@/a/file"]), "ok");
        assert_eq!(outcome(entry, true, &both, &["exec", "@/a/probe", "exit", "0"]), "");
    }
}

#[test]
fn paths_mean_the_new_tree_and_may_be_relative_to_where_the_program_begins() {
    need!("landlock");
    for entry in ENTRIES {
        let tree = Tree::new();
        let show = format!("{}:/mnt", tree.at("a"));
        let sandbox = |settings: &[&str]| Sandbox::new(entry).set("bind-ro", &show).set("tmpfs", "/srv").with(settings);
        let listed = sandbox(&["landlock-ro=/mnt", "landlock-rw=/srv"]);
        assert_eq!(listed.probe(&["file", "cat", "/mnt/file"]).ok(), "text");
        assert_eq!(listed.probe(&["file", "create", "/srv/new"]).ok(), "ok");
        assert_eq!(listed.probe(&["file", "list", "/usr"]).ok(), "EACCES");
        let relative = sandbox(&["cwd=/mnt", "landlock-ro=./empty"]);
        assert_eq!(relative.probe(&["file", "list", "empty"]).ok(), "");
        assert_eq!(relative.probe(&["file", "cat", "file"]).ok(), "EACCES");
        // The host has it, but there is no such place inside.
        let place = tree.at("a/file");
        let missing = Sandbox::new(entry).with(&["root=empty", "proc=none"]).set("landlock-ro", &place);
        missing.probe(&["report"]).refused_saying(&["sbx: landlock: openat ", &place, "ENOENT", "must exist inside"]);
    }
}

#[test]
fn tcp_ports_that_are_not_listed_cannot_be_bound_or_connected_to() {
    need!("landlock-tcp");
    for entry in ENTRIES {
        let ask = |settings: &[&str], act: [&str; 2]| {
            Sandbox::new(entry).with(settings).probe(&["net", act[0], act[1]]).ok().to_owned()
        };
        let (bind, connect) = (["bind", "127.0.0.1:7001"], ["connect", "127.0.0.1:7001"]);
        for (settings, binds, connects) in [
            (&[][..], "ok", "ECONNREFUSED"),
            (&["landlock-tcp-bind=none"], "EACCES", "ECONNREFUSED"),
            (&["landlock-tcp-bind=7002"], "EACCES", "ECONNREFUSED"),
            (&["landlock-tcp-bind=7002", "landlock-tcp-bind=7001"], "ok", "ECONNREFUSED"),
            (&["landlock-tcp-connect=none"], "ok", "EACCES"),
            (&["landlock-tcp-connect=7002"], "ok", "EACCES"),
            (&["landlock-tcp-connect=none", "landlock-tcp-connect=7001"], "ok", "ECONNREFUSED"),
            (&["landlock-tcp-connect=none", "landlock-tcp-connect="], "ok", "ECONNREFUSED"),
            // Of the one and of files nothing is said.
            (&["landlock-ro=/"], "ok", "ECONNREFUSED"),
        ] {
            assert_eq!(ask(settings, bind), binds, "{settings:?}, {entry:?}");
            assert_eq!(ask(settings, connect), connects, "{settings:?}, {entry:?}");
        }
        assert_eq!(ask(&["landlock-tcp-bind=0"], ["bind", "127.0.0.1:0"]), "ok");
        assert_eq!(ask(&["landlock-tcp-bind=none"], ["bind", "127.0.0.1:0"]), "EACCES");
    }
}

#[test]
fn signals_and_abstract_sockets_end_at_the_border() {
    need!("landlock-scopes");
    let name = format!("sbx-landlock-{}", std::process::id());
    let _listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let this = std::process::id().to_string();
    for entry in ENTRIES {
        let ask = |settings: &[&str], act: &[&str]| Sandbox::new(entry).with(settings).probe(act).ok().to_owned();
        let both = "landlock-scope=abstract-unix-socket,signal";
        for (scope, signal, socket) in [
            ("umask=0022", "ok", "ok"),
            ("landlock-scope=", "ok", "ok"),
            ("landlock-scope=signal", "EPERM", "ok"),
            ("landlock-scope=abstract-unix-socket", "ok", "EPERM"),
            (both, "EPERM", "EPERM"),
        ] {
            assert_eq!(ask(&[BARE, scope], &["kill", &this, "0"]), signal, "{scope}, {entry:?}");
            assert_eq!(ask(&[BARE, scope], &["net", "abstract", &name]), socket, "{scope}, {entry:?}");
            assert_eq!(ask(&["init", scope], &["kill", "1", "0"]), signal, "{scope}, {entry:?}: the reaper");
        }
        // To itself as ever.
        assert_eq!(ask(&[both, "init"], &["kill", "2", "0"]), "ok");
    }
}

#[test]
fn it_goes_with_every_filter_and_every_way_to_load_one() {
    need!("landlock-scopes");
    let listed = ["landlock-ro=/usr", "landlock-scope=signal"];
    let read = |sandbox: &Sandbox| {
        let sandbox = sandbox.clone().with(&listed);
        [
            sandbox.probe(&["file", "list", "/etc"]).ok().to_owned(),
            sandbox.probe(&["file", "stat", "/usr"]).ok().to_owned(),
        ]
    };
    for entry in ENTRIES {
        for settings in [
            &[][..],
            &["seccomp=none"],
            &["seccomp=strict", "no-exec"],
            &["no-exec", "no-new-code"],
            &["init"],
            &["allow-new-privs"],
            &["cap-keep=chown"],
            &["uid=7", "gid=7"],
            &["rlimit=nofile=4"],
            &["time-limit=1h"],
            // Loaded after the last word.
            &["seccomp-deny=close"],
        ] {
            let [listing, found] = read(&Sandbox::new(entry).with(settings));
            assert_eq!(listing, "EACCES", "{settings:?}, {entry:?}");
            assert!(found.starts_with("mode="), "{settings:?}, {entry:?}: {found}");
        }
    }
}

#[test]
fn the_program_can_have_rules_of_its_own_besides() {
    need!("landlock");
    for entry in ENTRIES {
        for filter in ["default", "strict"] {
            let sandbox = Sandbox::new(entry).with(&["landlock-ro=/usr"]).set("seccomp", filter);
            assert_eq!(sandbox.probe(&["calls", "landlock_create_ruleset:0:0:1"]).ok(), "ok");
        }
    }
}

#[test]
fn it_comes_into_force_after_the_mounts_and_before_the_filter() {
    need!("landlock");
    let sandbox = Sandbox::new(Entry::Preload).with(&["landlock-ro=/usr", "landlock-rw=/tmp"]);
    let made = calls(&sandbox, &["exit", "0"]).0;
    let inner: Vec<_> = made.iter().filter(|call| call.process == 1).map(|call| call.name.as_str()).collect();
    let last =
        |name: &str| inner.iter().rposition(|&call| call == name).unwrap_or_else(|| panic!("no {name}: {inner:?}"));
    assert_eq!(inner.iter().filter(|call| **call == "landlock_add_rule").count(), 2);
    assert!(last("move_mount") < last("landlock_create_ruleset"), "{inner:?}");
    let order = ["landlock_add_rule", "capset", "landlock_restrict_self", "seccomp"].map(last);
    assert!(order.is_sorted(), "{order:?}: {inner:?}");
    // Who does not ask for it pays nothing.
    let without = calls(&Sandbox::new(Entry::Preload), &["exit", "0"]).0;
    assert!(without.iter().all(|call| !call.name.starts_with("landlock")), "{without:?}");
}

#[test]
fn no_failing_call_of_its_own_lets_the_program_run_with_less() {
    need!("landlock-scopes");
    let settings = ["landlock-ro=/usr", "landlock-rw=/tmp", "landlock-tcp-bind=80", "landlock-scope=signal"];
    let sandbox = Sandbox::new(Entry::Preload).with(&settings);
    let made = calls(&sandbox, &["exit", "0"]).0;
    let own: Vec<_> = made.iter().filter(|call| call.name.starts_with("landlock")).collect();
    assert_eq!(own.len(), 6, "asked which version, made, three rules, entered: {own:?}");
    for call in own {
        for errno in ["EPERM", "ENOSYS", "EINVAL", "ENOMEM", "E2BIG", "EOPNOTSUPP"] {
            let ended = traced(&sandbox, &["--fail", &format!("{}:{errno}", call.point)]).probe(&["exit", "0"]);
            let message = ended.refused(125);
            let step =
                if call.process == 0 { "sbx: policy: landlock-ro: " } else { &format!("sbx: landlock: {}", call.name) };
            assert!(message.starts_with(step), "{} {errno}: {message}", call.point);
        }
    }
}

/// The members that the first line of the status has about it.
#[track_caller]
fn told(settings: &[&str], entry: Entry) -> Value {
    let sandbox = Sandbox::new(entry).with(settings).set("status-fd", "2");
    let ended = sandbox.probe(&["exit", "0"]);
    let line = ended.err.lines().next().unwrap_or_default().to_owned();
    serde_json::from_str::<Value>(&line).unwrap_or_else(|why| panic!("{why}: {ended:?}"))["landlock"].clone()
}

#[test]
fn the_status_says_what_is_held_and_what_this_kernel_cannot_hold() {
    need!("landlock-scopes");
    for entry in ENTRIES {
        assert_eq!(told(&[], entry), Value::Null);
        let all = told(&["landlock-ro=/", "landlock-tcp-bind=none", "landlock-scope=signal", BARE], entry);
        let version = all["abi"].as_u64().unwrap();
        let (held, not_held) = (all["files"].as_array().unwrap(), all["not_held"].as_array().unwrap());
        assert!(held.contains(&"truncate".into()) && held.contains(&"execute".into()), "{all}");
        assert_eq!((held.len() + not_held.len(), not_held.is_empty()), (17, version >= 9), "{all}");
        assert_eq!((&all["tcp"], &all["scopes"]), (&serde_json::json!(["bind"]), &serde_json::json!(["signal"])));
        let ports = told(&["landlock-tcp-connect=1"], entry);
        assert_eq!((&ports["files"], &ports["not_held"]), (&serde_json::json!([]), &serde_json::json!([])));
    }
}

#[test]
fn values_that_cannot_be_meant_are_refused() {
    for entry in ENTRIES {
        for (name, value) in [
            ("landlock-ro", "usr"),
            ("landlock-tcp-bind", "65536"),
            ("landlock-tcp-bind", "-1"),
            ("landlock-tcp-connect", "http"),
            ("landlock-scope", "sockets"),
        ] {
            Sandbox::new(entry).set(name, value).probe(&["report"]).refused_saying(&["expected"]);
        }
    }
}

#[test]
fn a_domain_does_not_reach_who_supervises_it() {
    need!("landlock");
    for entry in ENTRIES {
        let ended = Sandbox::new(entry).with(&["landlock-ro=none", "init", "time-limit=1h"]).probe(&["exit", "9"]);
        assert_eq!(ended.code(), Some(9), "{ended:?}");
        let inside = Sandbox::new(entry).with(&["landlock-rx=/"]).report();
        assert_eq!((inside.one("pid"), inside.all("fd")), ("1", &["0", "1", "2"].map(String::from)[..]));
        assert_ne!(Report::of_the_host().one("ns.mnt"), inside.one("ns.mnt"));
        assert!(Path::new("/proc").exists());
    }
}
