//! Interfaces of the sandbox's own: macvlans, veth pairs, one of the host's; and loopback left down.

use crate::need;
use crate::support::nets::{WIRE, among, behind};
use crate::support::{Denial, ENTRIES, Entry, Sandbox, TempDir, denied};

const PEER: [&str; 3] = ["net", "connect", "10.166.0.1:7"];
const PEER6: [&str; 3] = ["net", "connect", "[fd00:166::1]:7"];
/// Where only a gateway leads.
const BEYOND: [&str; 3] = ["net", "connect", "10.99.0.1:7"];
const HOSTS_LOOPBACK: [&str; 3] = ["net", "connect", "127.0.0.1:7"];

#[track_caller]
fn comes_to(setup: &str, settings: &[&str], act: &[&str], outcome: &str) {
    for entry in ENTRIES {
        let ended = among(setup, &Sandbox::new(entry).with(settings)).probe(act);
        // Of the world's own ip(8), where interfaces come and go beside it.
        let said = ended.err.lines().filter(|line| !line.starts_with("Dump was interrupted")).count();
        assert_eq!((ended.code(), said), (Some(0), 0), "{ended:?}");
        assert_eq!(ended.out.trim_end(), outcome, "{settings:?}, {entry:?}");
    }
}

/// What ip(8) says inside, where it may open its sockets.
#[track_caller]
fn inside(setup: &str, settings: &[&str], words: &[&str]) -> String {
    let sandbox = Sandbox::new(Entry::Launch).with(settings).with(&["seccomp=none", "cwd=/"]);
    among(setup, &sandbox).run("ip", words).ok().to_owned()
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "'{word}' is not in: {text}");
    }
}

#[test]
fn a_macvlan_reaches_its_wire_and_nothing_else() {
    need!("userns", "ip");
    let macvlan = ["macvlan=tveth1:ip=10.166.1.2/16"];
    comes_to(WIRE, &macvlan, &PEER, "ok");
    comes_to(WIRE, &[], &PEER, "ENETUNREACH");
    comes_to(WIRE, &macvlan, &BEYOND, "ENETUNREACH");
    comes_to(WIRE, &["macvlan=tveth1:ip=10.166.1.2/16:gateway=10.166.0.1"], &BEYOND, "ok");
    comes_to(WIRE, &macvlan, &HOSTS_LOOPBACK, "ECONNREFUSED");
    comes_to(WIRE, &macvlan, &["net", "loopback", "127.0.0.1"], "ok");
}

#[test]
fn a_macvlan_has_ipv6_where_it_is_given_an_address() {
    need!("userns", "ip", "ipv6");
    comes_to(WIRE, &["macvlan=tveth1:ip=fd00:166::2/64"], &PEER6, "ok");
    comes_to(WIRE, &["macvlan=tveth1:ip=fd00:166::2/64"], &PEER, "ENETUNREACH");
    // Switched off, the interface has not even an address of its own making.
    comes_to(WIRE, &["macvlan=tveth1:ip=10.166.1.2/16"], &PEER6, "ENETUNREACH");
    let without = inside(WIRE, &["macvlan=tveth1:ip=10.166.1.2/16"], &["-6", "-o", "addr", "show", "dev", "vs"]);
    assert_eq!(without, "");
    let with = inside(WIRE, &["macvlan=tveth1:ip=fd00:166::2/64"], &["-6", "-o", "addr", "show", "dev", "vs"]);
    says(&with, &["fd00:166::2/64 scope global nodad", "fe80::"]);
    let routes = ["-6", "-o", "route", "show", "default"];
    assert_eq!(inside(WIRE, &["macvlan=tveth1:ip=fd00:166::2/64"], &routes), "");
    let gateway = inside(WIRE, &["macvlan=tveth1:ip=fd00:166::2/64:gateway=fe80::1"], &routes);
    says(&gateway, &["default via fe80::1 dev vs"]);
}

#[test]
fn a_macvlan_is_as_it_was_asked_for() {
    need!("userns", "ip");
    let link = ["-d", "-o", "link", "show", "dev", "net0"];
    for mode in ["private", "vepa", "bridge"] {
        let asked = format!("macvlan=tveth1:mac=02:00:00:00:00:07:name=net0:mode={mode}");
        let has = ["link/ether 02:00:00:00:00:07 ", &format!("macvlan mode {mode} "), ",UP,"];
        says(&inside(WIRE, &[&asked], &link), &has);
    }
    // It has the host's there, as all that comes is for it.
    let setup = format!("{WIRE}; ip link set tveth1 address 02:00:00:00:00:09");
    let has = ["link/ether 02:00:00:00:00:09 ", "macvlan mode passthru ", ",UP,"];
    says(&inside(&setup, &["macvlan=tveth1:name=net0:mode=passthru"], &link), &has);
    let usual = inside(WIRE, &["macvlan=tveth1"], &["-d", "-o", "link", "show", "dev", "vs"]);
    says(&usual, &["macvlan mode private ", ",UP,"]);
    let addresses = ["-4", "-o", "addr", "show", "dev", "vs"];
    assert_eq!(inside(WIRE, &["macvlan=tveth1"], &addresses), "");
    for (asked, has) in [
        ("ip=10.166.1.2", "10.166.1.2/24"),
        ("ip=10.166.1.2:netmask=255.255.128.0", "10.166.1.2/17"),
        ("ip=10.166.1.2/30", "10.166.1.2/30"),
    ] {
        says(&inside(WIRE, &[&format!("macvlan=tveth1:{asked}")], &addresses), &[has]);
    }
    let route = inside(WIRE, &["macvlan=tveth1:ip=10.166.1.2:gateway=10.166.1.9"], &["route"]);
    says(&route, &["default via 10.166.1.9 dev vs", "10.166.1.0/24 dev vs"]);
}

#[test]
fn routers_that_advertise_themselves_are_not_listened_to() {
    need!("userns", "ip", "ipv6", "python3");
    let dir = TempDir::new();
    let router = dir.file("advertise.py", include_str!("targets/advertise.py"));
    // Who listens has taken an address by the time the program begins.
    let taken = "until ip -6 -o addr show dev tveth1 | grep -q fd00:bad:; do sleep 0.05; done";
    let setup = format!("{WIRE}; python3 {} tpeer & router=$!; {taken}", router.display());
    let run = "\"$@\"; code=$?; kill $router; exit $code";
    for asked in ["macvlan=tveth1", "macvlan=tveth1:ip=fd00:166::2/64"] {
        let sandbox = Sandbox::new(Entry::Launch).with(&[asked, "seccomp=none", "cwd=/"]);
        let look = "sleep 1; ip -6 -o addr show dev vs; ip -6 -o route show dev vs";
        let seen = behind(&setup, run, &sandbox).run("sh", &["-c", look]);
        assert!(!seen.ok().contains("fd00:bad") && !seen.out.contains("default"), "{seen:?}");
        assert_eq!(seen.out.contains("fe80::"), asked.contains("ip="), "{seen:?}");
    }
}

#[test]
fn the_host_may_have_an_interface_of_the_name_inside() {
    need!("userns", "ip");
    let setup = format!("{WIRE}; ip link add vs type veth peer name other");
    comes_to(&setup, &["macvlan=tveth1:ip=10.166.1.2/16"], &PEER, "ok");
    comes_to(&setup, &["veth=sbx0:ip=10.9.0.2/30:host-ip=10.9.0.1/30"], &["net", "connect", "10.9.0.1:7"], "ok");
}

#[test]
fn a_veth_pair_reaches_the_host_and_nothing_else() {
    need!("userns", "ip");
    let host = ["net", "connect", "10.9.0.1:7"];
    let pair = ["veth=sbx0:ip=10.9.0.2/30:host-ip=10.9.0.1/30"];
    comes_to(WIRE, &pair, &host, "ok");
    comes_to(WIRE, &[], &host, "ENETUNREACH");
    comes_to(WIRE, &pair, &PEER, "ENETUNREACH");
    comes_to(WIRE, &["veth=sbx0:ip=10.9.0.2/30:gateway=10.9.0.1:host-ip=10.9.0.1/30"], &PEER, "ok");
}

#[test]
fn a_veth_pair_speaks_ipv6() {
    need!("userns", "ip", "ipv6");
    let pair = ["veth=sbx0:ip=fd00:9::2/64:host-ip=fd00:9::1/64"];
    comes_to(WIRE, &pair, &["net", "connect", "[fd00:9::1]:7"], "ok");
    comes_to(WIRE, &pair, &PEER6, "ENETUNREACH");
}

#[test]
fn a_veth_pair_can_be_a_port_of_a_bridge() {
    need!("userns", "ip");
    let bridged =
        "ip link add br0 address 02:00:00:00:00:08 type bridge; ip link set br0 up; ip addr add 10.8.0.1/24 dev br0";
    let act = ["net", "connect", "10.8.0.1:7"];
    comes_to(bridged, &["veth=sbx0:bridge=br0:ip=10.8.0.2/24:name=eth0"], &act, "ok");
    let sandbox = Sandbox::new(Entry::Launch).with(&["veth=sbx0:bridge=br1"]);
    among(bridged, &sandbox).probe(&act).refused_saying(&["sbx: network: ioctl(SIOCGIFINDEX) br1: ", "ENODEV"]);
}

#[test]
fn the_hosts_side_of_a_pair_is_as_it_was_asked_for() {
    need!("userns", "ip");
    let look = "\"$@\" & until ip -o link show sbx0 2>/dev/null | grep -q ,UP,; do sleep 0.01; done; \
        ip -d -o link show sbx0; ip -o addr show dev sbx0; cd /proc/sys/net/ipv6/conf/sbx0; \
        echo $(cat disable_ipv6 accept_ra); wait";
    let seen = |asked: &str| {
        let sandbox = Sandbox::new(Entry::Launch).with(&[asked]);
        behind(WIRE, look, &sandbox).probe(&["sleep", "700"]).ok().to_owned()
    };
    let four = seen("veth=sbx0:mac=02:00:00:00:00:02:host-ip=10.9.0.1/30:host-mac=02:00:00:00:00:01");
    says(&four, &["02:00:00:00:00:01", "inet 10.9.0.1/30", "\n1 1"]);
    assert!(!four.contains("inet6"), "{four}");
    let six = seen("veth=sbx0:host-ip=fd00:9::1/64");
    says(&six, &["inet6 fd00:9::1/64", "\n0 0"]);
}

#[test]
fn an_interface_of_the_hosts_is_inside_and_no_longer_outside() {
    need!("userns", "ip");
    let setup = "ip link add own0 type veth peer name own1; ip link set own1 up; ip addr add 10.7.0.1/24 dev own1";
    let look = "\"$@\" & sleep 0.4; echo outside $(ip -br link show own0 2>&1); wait";
    let own = "own-iface=own0:ip=10.7.0.2/24";
    for (settings, outside, interfaces) in [(&[own][..], "does not exist", 2), (&[], "own0@own1", 1)] {
        let sandbox = Sandbox::new(Entry::Launch).with(settings);
        let seen = behind(setup, look, &sandbox).probe(&["sleep", "900"]);
        says(seen.ok(), &["ready", outside]);
        let inside = behind(setup, "\"$@\"", &sandbox).report();
        assert_eq!(inside.all("net").iter().filter(|line| line.contains(':')).count(), interfaces, "{settings:?}");
        let reached = behind(setup, "\"$@\"", &sandbox).probe(&["net", "connect", "10.7.0.1:9"]);
        assert_eq!(reached.ok(), if settings.is_empty() { "ENETUNREACH" } else { "ECONNREFUSED" });
    }
}

#[test]
fn many_interfaces_are_there_at_once_each_by_its_name() {
    need!("userns", "ip");
    let setup = format!("{WIRE}; ip link add own0 type veth peer name own1");
    let settings = [
        "macvlan=tveth1:ip=10.166.1.2/16",
        "macvlan=tveth1:name=second:ip=10.167.1.2/16",
        "veth=sbx0:name=eth0:host-ip=10.9.0.1/30:ip=10.9.0.2/30",
        "veth=sbx1:name=eth1",
        "own-iface=own0",
    ];
    for entry in ENTRIES {
        let inside = behind(&setup, "\"$@\"", &Sandbox::new(entry).with(&settings)).report();
        let names: Vec<_> =
            inside.all("net").iter().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
        for name in ["lo", "vs", "second", "eth0", "eth1", "own0"] {
            assert!(names.contains(&name), "{name} in {names:?}");
        }
    }
    comes_to(WIRE, &settings[..4], &PEER, "ok");
}

#[test]
fn without_a_user_namespace_interfaces_are_the_same() {
    need!("root", "ip");
    comes_to(WIRE, &["share=user", "macvlan=tveth1:ip=10.166.1.2/16"], &PEER, "ok");
    comes_to(
        WIRE,
        &["share=user", "veth=sbx0:ip=10.9.0.2/30:host-ip=10.9.0.1/30"],
        &["net", "connect", "10.9.0.1:7"],
        "ok",
    );
}

#[test]
fn a_program_with_other_ids_has_its_interfaces_too() {
    need!("root", "ip");
    let maps = ["uid-map=0:1000", "uid=0", "gid-map=0:1000", "gid=0", "init", "macvlan=tveth1:ip=10.166.1.2/16"];
    comes_to(WIRE, &maps, &PEER, "ok");
}

#[test]
fn the_program_cannot_change_its_interfaces() {
    need!("userns", "ip");
    let down = |more: &[&str]| {
        let settings = [&["macvlan=tveth1", "seccomp=none", "cwd=/"], more].concat();
        among(WIRE, &Sandbox::new(Entry::Launch).with(&settings)).run("ip", &["link", "set", "vs", "down"])
    };
    assert!(down(&[]).err.contains("Operation not permitted"));
    assert_eq!(down(&["cap-keep=net_admin"]).ok(), "");
}

#[test]
fn a_name_that_was_just_used_can_be_used_again() {
    need!("userns", "ip");
    let again = "for i in 1 2 3 4; do \"$@\"; done";
    for asked in ["veth=sbx0", "macvlan=tveth1:mac=02:00:00:00:00:07"] {
        let ended = behind(WIRE, again, &Sandbox::new(Entry::Launch).with(&[asked])).probe(&["exit", "0"]);
        assert_eq!(ended.ok(), "", "{asked}");
    }
}

#[test]
fn what_cannot_be_made_is_named_and_nothing_is_left_behind() {
    need!("userns", "ip");
    let setup = format!("{WIRE}; ip link add taken type veth peer name other; ip link add br0 type bridge");
    for (settings, words) in [
        (&["macvlan=nothere"][..], &["ioctl(SIOCGIFINDEX) nothere: ", "(ENODEV)", "hint: no interface"][..]),
        (&["own-iface=nothere"], &["ioctl(SIOCGIFINDEX) nothere: ", "(ENODEV)"]),
        (&["own-iface=br0"], &["RTM_SETLINK br0 itself: ", "(EINVAL)", "hint: some interfaces cannot leave"]),
        (&["veth=taken"], &["RTM_NEWLINK vs, veth to taken: ", "(EEXIST)", "hint: an interface of this name"]),
        (&["veth=sbx0:bridge=taken"], &["RTM_NEWLINK vs, veth to sbx0 on taken: "]),
        (
            &["macvlan=tveth1:mode=passthru", "macvlan=tveth1:name=more"],
            &["RTM_NEWLINK more, macvlan on tveth1, private: "],
        ),
        (
            &["macvlan=tveth1:mac=02:00:00:00:00:07", "macvlan=tveth1:mac=02:00:00:00:00:07:name=more"],
            &["RTM_SETLINK more, macvlan on tveth1, private: ", "(EADDRINUSE)", "hint: another interface"],
        ),
        (&["veth=sbx0", "veth=sbx0:name=b"], &["would be named sbx0"]),
        (&["macvlan=tveth1", "veth=sbx0"], &["would be named vs"]),
        (&["own-iface=tveth1", "macvlan=tveth1"], &["tveth1 cannot leave"]),
        (&["macvlan=tveth1", "net=host"], &["policy: macvlan: "]),
        (&["veth=sbx0", "share=net"], &["policy: veth: "]),
        (&["no-loopback", "net=filter"], &["policy: no-loopback: "]),
        (&["veth=sbx0:ip=10.0.0.1/33"], &["'sbx0:ip=10.0.0.1/33'", "expected 1 to 32"]),
    ] {
        for entry in ENTRIES {
            let dir = TempDir::new();
            let ran = dir.join("ran");
            let sandbox = Sandbox::new(entry).with(settings).set("bind", &*dir);
            among(&setup, &sandbox).probe(&["file", "create", ran.to_str().unwrap()]).refused_saying(words);
            assert!(!ran.exists(), "{settings:?}");
        }
    }
}

#[test]
fn who_may_not_make_interfaces_is_told_what_to_do() {
    need!("user", "userns");
    for (asked, words) in [
        ("macvlan=lo", "RTM_NEWLINK vs, macvlan on lo, private: "),
        ("veth=sbx-test0", "RTM_NEWLINK vs, veth to sbx-test0: "),
    ] {
        for entry in ENTRIES {
            let refused = Sandbox::new(entry).with(&[asked]).probe(&["exit", "0"]);
            refused.refused_saying(&["sbx: network: ", words, "(EPERM)", "hint: interfaces are made", "--net pasta"]);
        }
    }
}

#[test]
fn loopback_can_stay_down() {
    denied(&Denial {
        act: &["net", "loopback", "127.0.0.1"],
        with: &["no-loopback"],
        without: &[],
        errno: "ENETUNREACH",
    });
    need!("userns", "ip");
    says(
        &inside(WIRE, &["no-loopback", "macvlan=tveth1:ip=10.166.1.2/16"], &["-br", "link"]),
        &["lo               DOWN"],
    );
    says(&inside(WIRE, &["macvlan=tveth1"], &["-o", "link", "show", "lo"]), &[",UP,"]);
    comes_to(WIRE, &["no-loopback", "macvlan=tveth1:ip=10.166.1.2/16"], &PEER, "ok");
}
