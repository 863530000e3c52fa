//! Networks without root: what is reached, and what is not, through pasta and slirp4netns.

use crate::need;
use crate::support::{ENTRIES, Entry, Sandbox, World};

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
fn asked(entry: Entry, settings: &[&str], act: [&str; 2], asked: &[&str]) -> Vec<String> {
    let mut options = SERVER.to_vec();
    asked.iter().for_each(|who| options.extend(["--ask", who]));
    let (_world, sandbox) = in_world(&options, entry, settings);
    let ended = sandbox.probe(&["net", act[0], act[1]]);
    // The world ends it when all have asked.
    assert_eq!((ended.code(), &*ended.err), (Some(143), ""), "{ended:?}");
    let lines =
        ended.out.lines().filter_map(|line| line.strip_prefix(&*asked[0]).or(line.split_once(": ").map(|l| l.1)));
    lines.map(|line| line.trim_start_matches(": ").into()).collect()
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
            let udp = ["publish=8080:8000/udp", "publish=127.0.0.1:9:9999"];
            let udp = if mode == "pasta" { &udp[..1] } else { &udp[..1] };
            assert_eq!(
                asked(entry, &[&[&*net], udp].concat(), server, &who),
                ["ECONNREFUSED", "ECONNREFUSED", "inside"],
                "{mode}"
            );
        }
    }
}
