//! newuidmap(1) and newgidmap(1), which are run before the sandbox is there: what they are given, and what comes of it when
//! they refuse, fail, lie, hang or are not there.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::need;
use crate::support::outside::{children, within};
use crate::support::sandbox::PATH;
use crate::support::subids::{self, COUNT};
use crate::support::{ENTRIES, Entry, Sandbox, TempDir, bins};

/// Other ids than the caller's own, mapped by a newuidmap that is this script.
fn mapped_by(entry: Entry, dir: &TempDir, script: &str) -> Sandbox {
    let interpreter = if script.starts_with("#!") { "" } else { "#!/bin/sh\n" };
    dir.script("newuidmap", &format!("{interpreter}{script}\n"));
    mapped(entry).env("PATH", format!("{}:{PATH}", dir.display()))
}

fn mapped(entry: Entry) -> Sandbox {
    let others = subids::own().unwrap();
    Sandbox::new(entry).set("uid-map", format!("0:{}:{COUNT}", others.uid)).set("uid", "0")
}

#[test]
fn a_tool_that_fails_in_any_way_is_the_end() {
    need!("user", "subids");
    for entry in ENTRIES {
        let dir = TempDir::new();
        let fails = |script: &str, words: &[&str]| {
            mapped_by(entry, &dir, script).probe(&["report"]).refused_saying(&[&["sbx: id maps: "], words].concat());
        };
        fails("echo 'not today' >&2; exit 1", &["execve", "newuidmap (not today)", "(EPERM)", "hint"]);
        fails("exit 77", &["execve", "newuidmap:", "(EPERM)"]);
        fails("kill -9 $$", &["killed by SIGKILL", "(ECANCELED)"]);
        fails("yes | head -c 1000000; exit 3", &["newuidmap (y)", "(EPERM)"]);
        // It says that it has written the map.
        fails("exit 0", &["read /proc/self/uid_map", "(EBADE)"]);
        let others = subids::own().unwrap();
        let less = format!("exec /usr/bin/newuidmap $1 0 {} 1", others.uid);
        let by_number = format!("case $1 in fd:*) echo usage: >&2; exit 1;; esac; {less}");
        fails(&by_number, &["read /proc/self/uid_map", "(EBADE)"]);
        fails("#!/nowhere/at/all", &["execve", "(ENOENT)", "hint: install newuidmap"]);
        assert_eq!(mapped(entry).report().one("uid"), "0", "the control");
    }
}

#[test]
fn a_tool_gets_nothing_of_the_callers() {
    need!("user", "subids");
    for entry in ENTRIES {
        let dir = TempDir::new();
        let script = format!(
            "env >{0}/env; ls /proc/$$/fd >{0}/fds; readlink /proc/$$/fd/3 >{0}/three; grep NoNewPrivs /proc/$$/status \
             >{0}/status; exec /usr/bin/newuidmap \"$@\"",
            dir.display()
        );
        let sandbox = mapped_by(entry, &dir, &script).env("LD_LIBRARY_PATH", "/nowhere").env("SECRET", "x");
        assert_eq!(sandbox.after_shell("exec 7</etc/hostname").report().one("uid"), "0");
        let said = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
        let names: Vec<_> = said("env").lines().map(|line| line.split('=').next().unwrap().to_owned()).collect();
        for name in &names {
            // The shell's own among them.
            assert!(["PATH", "LC_ALL", "PWD", "SHLVL", "OLDPWD", "_"].contains(&&**name), "{names:?}");
        }
        let fds: Vec<_> = said("fds").lines().map(String::from).collect();
        // From 10 on they are the shell's own.
        assert!(fds.iter().all(|fd| ["0", "1", "2", "3"].contains(&&**fd) || fd.len() > 1), "{fds:?}");
        assert!(said("three").starts_with("/proc/"), "{}", said("three"));
        assert!(said("status").contains('0'), "{}", said("status"));
    }
}

#[test]
fn a_tool_that_hangs_ends_with_the_supervisor() {
    need!("user", "subids");
    for entry in ENTRIES {
        let dir = TempDir::new();
        let script = format!("echo $$ >{0}/pid.part; mv {0}/pid.part {0}/pid; exec sleep 50", dir.display());
        let running = mapped_by(entry, &dir, &script).spawn(bins::probe(), &["report"]);
        let pid = || fs::read_to_string(dir.join("pid")).ok()?.trim().parse::<i32>().ok();
        assert!(within(Duration::from_secs(5), || pid().is_some()));
        let (tool, helper) = (pid().unwrap(), children(running.pid())[0]);
        running.signal(Signal::SIGTERM);
        let ended = running.wait();
        assert_eq!((ended.signal(), &*ended.out), (Some(Signal::SIGTERM as i32), ""));
        for pid in [tool, helper] {
            assert!(within(Duration::from_secs(5), || !is_alive(pid)), "{pid} is left");
        }
    }
}

fn is_alive(pid: i32) -> bool {
    crate::support::outside::status(pid, "State").is_some_and(|state| !state.starts_with('Z'))
}

#[test]
fn ids_that_are_not_given_are_refused_with_the_command_that_gives_them() {
    need!("user", "subids");
    let others = subids::own().unwrap();
    let name = nix::unistd::getuid().as_raw().to_string();
    let name = subids::passwd(|fields| fields[2] == name).unwrap()[0].clone();
    let before = others.uid - 1;
    for entry in ENTRIES {
        for (kind, option, file) in [("uid", "--add-subuids", "/etc/subuid"), ("gid", "--add-subgids", "/etc/subgid")] {
            let sandbox = Sandbox::new(entry).with(&[&format!("{kind}-map=0:{before}:3"), &format!("{kind}=0")]);
            let message = sandbox.probe(&["report"]);
            let last = before + 2;
            assert_eq!(
                message.refused(125),
                format!(
                    "sbx: policy: {kind}-map: 0:{before}:3: {file} does not give {name} all of the ids {before} to {last}\n\
                     sbx: hint: as root: usermod {option} {before}-{last} {name}\n"
                )
            );
        }
    }
}

#[test]
fn a_user_without_any_is_told_so() {
    need!("root");
    let Some(nobody) = subids::passwd(|fields| fields[2] == "65534") else { return };
    for entry in ENTRIES {
        let as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
        let sandbox = Sandbox::new(entry).with(&["uid-map=0:100000:10", "uid=0"]);
        let hint = format!("usermod --add-subuids 100000-100009 {}", nobody[0]);
        sandbox.clone().wrapped(&as_nobody).probe(&["report"]).refused_saying(&["/etc/subuid", &hint]);
        assert_eq!(sandbox.report().one("uid"), "0", "the control: root needs no entry");
        // Who has no name has no entries; that is the tool's to say.
        let nameless = ["setpriv", "--reuid", "4242", "--regid", "4242", "--clear-groups"];
        sandbox.wrapped(&nameless).probe(&["report"]).refused_saying(&["sbx: id maps: execve", "hint"]);
    }
}
