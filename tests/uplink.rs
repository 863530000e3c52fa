//! Networks without root: what is reached, and what is not, through pasta and slirp4netns.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::need;
use crate::support::need::is_root;
use crate::support::outside::{children, status, within};
use crate::support::sandbox::PATH;
use crate::support::{ENTRIES, Entry, Sandbox, TempDir, World, bins};

const MODES: [&str; 2] = ["pasta", "slirp4netns"];
/// One that both reach.
const SERVER: [&str; 2] = ["--name-server", "203.0.113.7"];

fn in_world(options: &[&str], entry: Entry, settings: &[&str]) -> (World, Sandbox) {
    let world = World::new(options);
    let sandbox = world.around(Sandbox::new(entry).with(settings));
    (world, sandbox)
}

/// What the probe says to some acts in a world, a line each.
#[track_caller]
fn inside(options: &[&str], entry: Entry, settings: &[&str], acts: &[[&str; 2]]) -> Vec<String> {
    let (_world, sandbox) = in_world(options, entry, settings);
    let ended = sandbox.probe(&[&["net"], acts.as_flattened()].concat());
    ended.ok().lines().map(String::from).collect()
}

#[test]
fn the_world_outside_is_reached_and_the_hosts_loopback_is_not() {
    need!("userns", "tun", "pasta", "slirp4netns", "python3", "ip");
    let outside = [["ask", "198.51.100.1:7003"], ["ask-udp", "198.51.100.1:7004"], ["ask", "203.0.113.7:7002"]];
    let loopback = [
        ["ask", "127.0.0.1:7001"],
        // The gateway, which both programs would make the host's loopback, and the name server, which slirp4netns would.
        ["ask", "198.51.100.1:7001"],
        ["ask", "10.0.2.2:7001"],
        ["ask", "10.0.2.3:7001"],
        ["ask", "169.254.1.1:7001"],
    ];
    let acts = [&outside[..], &loopback].concat();
    for mode in MODES {
        for entry in ENTRIES {
            let said = inside(&SERVER, entry, &[&format!("net={mode}")], &acts);
            assert_eq!(said[..3], ["peer", "peer from 198.51.100.1:7004", "host"], "{mode}");
            for (act, said) in loopback.iter().zip(&said[3..]) {
                assert!(["ECONNREFUSED", "ENETUNREACH", "TimedOut"].contains(&&**said), "{mode} {act:?}: {said}");
            }
        }
    }
    let host = inside(&SERVER, Entry::Launch, &["net=host"], &acts[..4]);
    assert_eq!(host, ["peer", "peer from 198.51.100.1:7004", "host", "loopback"], "the control");
    let none = inside(&SERVER, Entry::Launch, &["net=none"], &acts[..4]);
    assert_eq!(none, ["ENETUNREACH", "ENETUNREACH", "ENETUNREACH", "ECONNREFUSED"]);
}

#[test]
fn pasta_speaks_ipv6_too() {
    need!("userns", "tun", "pasta", "python3", "ip", "ipv6");
    let acts = [
        ["ask", "[2001:db8::1]:7003"],
        ["ask-udp", "[2001:db8::1]:7004"],
        ["ask", "[2001:db8::1]:7001"],
        ["ask", "[::1]:7001"],
    ];
    let said = inside(&SERVER, Entry::Launch, &["net=pasta"], &acts);
    assert_eq!(said[..2], ["peer", "peer from [2001:db8::1]:7004"]);
    assert!(said[2..].iter().all(|said| ["ECONNREFUSED", "TimedOut"].contains(&&**said)), "{said:?}");
}

/// What those who ask in the world hear from the server that the probe is inside.
#[track_caller]
fn asked(entry: Entry, settings: &[&str], act: [&str; 2], who: &[&str]) -> Vec<String> {
    let mut options = SERVER.to_vec();
    who.iter().for_each(|who| options.extend(["--ask", who]));
    let (_world, sandbox) = in_world(&options, entry, settings);
    let ended = sandbox.probe(&["net", act[0], act[1]]);
    // The world ends it when all have asked.
    assert_eq!((ended.code(), &*ended.err), (Some(143), ""), "{ended:?}");
    ended.out.lines().filter_map(|line| Some(line.split_once(": ")?.1.to_owned())).collect()
}

#[test]
fn a_port_is_reached_from_outside_where_it_is_published_and_only_there() {
    need!("userns", "tun", "pasta", "slirp4netns", "python3", "ip");
    let who = ["peer:tcp:198.51.100.2:8080", "host:tcp:127.0.0.1:8080", "peer:udp:198.51.100.2:8080"];
    for mode in MODES {
        let net = format!("net={mode}");
        for entry in ENTRIES {
            let server = ["serve", "0.0.0.0:8000"];
            assert_eq!(
                asked(entry, &[&net, "publish=8080:8000"], server, &who),
                ["inside", "inside", "ECONNREFUSED"],
                "{mode}"
            );
            assert_eq!(asked(entry, &[&net], server, &who), ["ECONNREFUSED"; 3], "{mode}: the control");
            let local = "publish=127.0.0.1:8080:8000";
            assert_eq!(asked(entry, &[&net, local], server, &who[..2]), ["ECONNREFUSED", "inside"], "{mode}");
            let server = ["serve-udp", "0.0.0.0:8000"];
            let udp = [&*net, "publish=8080:8000/udp"];
            assert_eq!(asked(entry, &udp, server, &who), ["ECONNREFUSED", "ECONNREFUSED", "inside"], "{mode}");
        }
    }
}

#[test]
fn pasta_publishes_ipv6_too() {
    need!("userns", "tun", "pasta", "python3", "ip", "ipv6");
    let who = ["peer:tcp:2001:db8::2:8080", "peer:tcp:198.51.100.2:8080", "host:tcp:::1:8080"];
    let serve = |publish: &str| asked(Entry::Launch, &["net=pasta", publish], ["serve", "[::]:8000"], &who);
    assert_eq!(serve("publish=8080:8000"), ["inside"; 3]);
    assert_eq!(serve("publish=[::1]:8080:8000"), ["ECONNREFUSED", "ECONNREFUSED", "inside"]);
}

#[test]
fn nothing_is_forwarded_as_it_is_bound() {
    need!("userns", "tun", "pasta", "python3", "ip");
    // pasta would look for ports once a second.
    let who = ["host:tcp:127.0.0.1:8000", "host:wait:1500", "host:tcp:127.0.0.1:8000", "peer:tcp:198.51.100.2:8000"];
    let said = asked(Entry::Launch, &["net=pasta"], ["serve", "0.0.0.0:8000"], &who);
    assert_eq!(said, ["ECONNREFUSED", "waited", "ECONNREFUSED", "ECONNREFUSED"]);
}

#[test]
fn names_are_looked_up_inside() {
    need!("userns", "tun", "pasta", "slirp4netns", "python3", "ip");
    let resolve =
        |options: &[&str], entry, settings: &[&str]| inside(options, entry, settings, &[["resolve", "a.test"]]);
    let found = ["192.0.2.77"];
    for entry in ENTRIES {
        for mode in MODES {
            let net = format!("net={mode}");
            assert_eq!(resolve(&SERVER, entry, &[&net]), found, "{mode}");
            assert_eq!(resolve(&["--link-resolv-conf", SERVER[0], SERVER[1]], entry, &[&net]), found, "{mode}: a link");
            let other = ["--name-server", "192.0.2.1"];
            assert_eq!(resolve(&other, entry, &[&net, "dns=203.0.113.7"]), found, "{mode}");
            assert_ne!(
                resolve(&SERVER, entry, &[&net, "file=/etc/resolv.conf:nameserver 127.0.0.1"]),
                found,
                "the control"
            );
        }
        // On the host's loopback, where pasta alone may ask, and that alone.
        let loopback = ["--link-resolv-conf"];
        let acts = [["resolve", "a.test"], ["ask", "198.51.100.1:7001"], ["ask", "169.254.1.1:7001"]];
        for options in [&[][..], &loopback] {
            let said = inside(options, entry, &["net=pasta"], &acts);
            assert_eq!(said[0], found[0]);
            assert!(said[1..].iter().all(|said| ["ECONNREFUSED", "TimedOut"].contains(&&**said)), "{said:?}");
            assert_ne!(resolve(options, entry, &["net=pasta", "dns="]), found, "the control");
        }
        let (_world, sandbox) = in_world(&[], entry, &["net=slirp4netns"]);
        sandbox.probe(&["report"]).refused_saying(&["sbx: policy: dns: ", "sbx: hint: --dns"]);
    }
}

#[test]
fn a_network_that_cannot_be_is_a_refusal_with_a_remedy() {
    need!("userns", "tun", "pasta", "slirp4netns", "python3", "ip");
    let server = |options: &[&'static str]| [options, &SERVER].concat();
    for entry in ENTRIES {
        for (mode, package) in [("pasta", "passt"), ("slirp4netns", "slirp4netns")] {
            let refused = |options: &[&'static str], settings: &[&str], words: &[&str]| {
                let net = format!("net={mode}");
                let (_world, sandbox) = in_world(&server(options), entry, &[&[&*net], settings].concat());
                sandbox.probe(&["report"]).refused_saying(words);
            };
            let program: &'static str = if mode == "pasta" { "/usr/bin/pasta" } else { "/usr/bin/slirp4netns" };
            let install = format!("apt install {package}");
            refused(&["--without", program], &[], &["sbx: policy: net: ", mode, "sbx: hint: ", &install]);
            let taken = "publish=127.0.0.1:7001:80";
            refused(&[], &[taken], &["sbx: uplink: execve ", "127.0.0.1", "7001:80", "sbx: hint: a port"]);
            refused(&["--without", "/dev/net/tun"], &[], &["sbx: uplink: ", "sbx: hint: /dev/net/tun"]);
        }
        let (_world, sandbox) = in_world(&["--no-route"], entry, &["net=pasta"]);
        sandbox.probe(&["report"]).refused_saying(&["sbx: uplink: ", "routable", "sbx: hint: "]);
    }
}

/// A sandbox whose pasta is this script.
fn carried_by(entry: Entry, dir: &TempDir, script: &str) -> Sandbox {
    dir.script("pasta", &format!("#!/bin/sh\n{script}\n"));
    Sandbox::new(entry).with(&["net=pasta", "dns="]).env("PATH", format!("{}:{PATH}", dir.display()))
}

#[test]
fn a_program_that_fails_in_any_way_is_the_end() {
    need!("userns");
    let dir = TempDir::new();
    let fails = |script: &str, words: &[&str]| {
        for entry in ENTRIES {
            let ended = carried_by(entry, &dir, script).probe(&["report"]);
            ended.refused_saying(&[&["sbx: uplink: "], words].concat());
        }
    };
    fails("echo 'not today' >&2; exit 1", &["execve", "pasta (not today)", "(EPERM)"]);
    fails("kill -9 $$", &["killed by SIGKILL", "(ECANCELED)"]);
    // It says that all is well.
    fails("exit 0", &["ioctl eth0", "(ENODEV)"]);
    fails("exec 0<&- 1>&- 2>&-; exit 0", &["ioctl eth0", "(ENODEV)"]);
    // Pid 1 of its namespace cannot be killed from within.
    fails("kill -9 $PPID; kill -9 -1; exit 0", &["ioctl eth0", "(ENODEV)"]);
}

#[test]
fn a_program_gets_nothing_of_the_callers() {
    need!("userns");
    let dir = TempDir::new();
    let said = dir.join("said");
    let script = format!(
        "{{ env; echo =; for fd in 0 1 2 3 4 5 6 7 8 9; do [ ! -e /proc/self/fd/$fd ] || echo $fd; done; echo =; readlink \
         /proc/self/fd/0 /proc/self/cwd; echo =; cat /proc/self/status; }} 8>{} 1>&8",
        said.display()
    );
    for entry in ENTRIES {
        carried_by(entry, &dir, &script)
            .env("SECRET", "x")
            .after_shell("exec 7</etc/hostname")
            .probe(&["report"])
            .refused(125);
        let text = fs::read_to_string(&said).unwrap();
        let parts: Vec<&str> = text.split("=\n").collect();
        for name in parts[0].lines().map(|line| line.split('=').next().unwrap()) {
            // The shell's own among them.
            assert!(["PATH", "LC_ALL", "PWD", "SHLVL", "OLDPWD", "_"].contains(&name), "{text}");
        }
        // 8 is the file.
        assert_eq!(parts[1], "0\n1\n2\n8\n", "{text}");
        assert!(parts[2].starts_with("net:[") && parts[2].ends_with("\n/\n"), "{text}");
        if !is_root() {
            // net_bind_service, net_admin and sys_admin.
            assert!(parts[3].contains("CapPrm:\t0000000000201400\n"), "{text}");
        }
        fs::remove_file(&said).unwrap();
    }
}

#[test]
fn root_without_a_user_namespace_can_have_it_too() {
    need!("root", "tun", "pasta", "slirp4netns", "python3", "ip");
    let who = ["peer:tcp:198.51.100.2:80"];
    for mode in MODES {
        let net = format!("net={mode}");
        let server = ["serve", "0.0.0.0:8000"];
        assert_eq!(asked(Entry::Launch, &[&net, "share=user", "publish=80:8000"], server, &who), ["inside"], "{mode}");
    }
}

#[test]
fn whoever_is_inside_has_the_network() {
    need!("root", "tun", "pasta", "slirp4netns", "python3", "ip");
    let ids = ["uid-map=0:100000:65536", "gid-map=0:100000:65536", "uid=7", "gid=7"];
    for mode in MODES {
        let net = format!("net={mode}");
        for settings in [&ids[..], &["uid=5", "gid=6"], &["init"]] {
            let said = inside(&SERVER, Entry::Launch, &[&[&*net], settings].concat(), &[["ask", "198.51.100.1:7003"]]);
            assert_eq!(said, ["peer"], "{mode} {settings:?}");
        }
    }
}

/// Processes with this word among their arguments.
fn with_word(word: &str) -> Vec<i32> {
    let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has = |pid: &i32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.split(|&byte| byte == 0).any(|one| one == word.as_bytes())
    };
    all.filter(has).collect()
}

fn name_of(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().into()
}

#[test]
fn of_a_sandbox_that_ends_in_whatever_way_nothing_is_left() {
    need!("userns", "tun", "pasta", "slirp4netns", "python3", "ip");
    for (number, mode) in (0..).zip(MODES) {
        for (kind, who) in (0..).zip(["outer", "inner", "waits", "keeper", "program"]) {
            // In the arguments of all of them: their own, and the program's.
            let mark = format!("127.0.0.{}:{}:9", 1 + kind, 20_000 + number + 10 * (std::process::id() % 1000));
            let (_world, sandbox) =
                in_world(&SERVER, ENTRIES[kind % 2], &[&format!("net={mode}"), &format!("publish={mark}")]);
            let mut running = sandbox.spawn(bins::probe(), &["net", "serve", "0.0.0.0:9999", &mark]);
            assert_eq!(running.line(), "listening");
            let only = |of: &dyn Fn(&i32) -> bool, among: Vec<i32>| *among.iter().find(|pid| of(pid)).unwrap();
            let is = |name: &'static str| move |pid: &i32| name_of(*pid).starts_with(name);
            // The world has the peer as a child too.
            let mut outer = None;
            // Who has watched the loader is a third until it has been waited for.
            within(Duration::from_secs(5), || {
                outer = children(running.pid()).into_iter().find(|pid| children(*pid).len() == 2);
                outer.is_some()
            });
            let outer = outer.unwrap();
            let waits = only(&is("sbx-uplink"), children(outer));
            let inner = only(&|pid| *pid != waits, children(outer));
            let keeper = children(waits)[0];
            let program = only(&is(if mode == "pasta" { "pas" } else { "slirp" }), children(keeper));
            let all = [outer, inner, waits, keeper, program];
            kill(Pid::from_raw(all[kind]), Signal::SIGKILL).unwrap();
            let gone = |pid: i32| status(pid, "State").is_none_or(|state| state.starts_with('Z'));
            if kind < 2 {
                let ended = running.wait();
                assert_eq!(ended.code(), Some(137), "{mode} {who}");
            } else {
                // The program inside goes on, without a network, or with the one that is still carried.
                assert!(within(Duration::from_secs(5), || gone(all[kind])), "{mode} {who}");
                assert!(running.is_running() && !gone(inner), "{mode} {who}");
                kill(Pid::from_raw(outer), Signal::SIGTERM).unwrap();
                assert_eq!(running.wait().code(), Some(143), "{mode} {who}");
            }
            for pid in all {
                assert!(within(Duration::from_secs(5), || gone(pid)), "{mode} {who}: {pid} is left");
            }
            let left = || with_word(&mark);
            assert!(within(Duration::from_secs(5), || left().is_empty()), "{mode} {who}: {:?}", left());
        }
    }
}

#[test]
fn a_port_is_free_when_the_sandbox_has_ended() {
    need!("userns", "tun", "pasta", "slirp4netns", "python3", "ip");
    for mode in MODES {
        let (world, sandbox) = in_world(&SERVER, Entry::Launch, &[&format!("net={mode}"), "publish=8080:80"]);
        let twice = r#""$@" && "$@""#;
        let words: Vec<String> = world.words().into_iter().chain(["sh", "-c", twice, "sh"].map(String::from)).collect();
        assert_eq!(sandbox.wrapped(&words).probe(&["net", "bind", "0.0.0.0:9999"]).ok(), "ok\nok", "{mode}");
    }
}
