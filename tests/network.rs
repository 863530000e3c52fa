//! The network: loopback of one's own, the host's, or no sockets at all.

use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::need;
use crate::support::{Denial, EVERY, Report, Sandbox, TempDir, denied};

#[test]
fn only_loopback_is_there_and_it_is_up() {
    for entry in EVERY {
        let inside = Sandbox::new(entry).report();
        let interfaces: Vec<_> =
            inside.all("net").iter().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
        assert_eq!(interfaces, ["lo"]);
        assert_eq!(Sandbox::new(entry).probe(&["net", "loopback", "127.0.0.1"]).ok(), "ok");
    }
}

#[test]
fn loopback_speaks_ipv6_too() {
    need!("ipv6");
    for entry in EVERY {
        assert_eq!(Sandbox::new(entry).probe(&["net", "loopback", "::1"]).ok(), "ok");
    }
}

#[test]
fn servers_of_the_host_are_out_of_reach() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    denied(&Denial { act: &["net", "connect", &address], with: &[], without: &["net=host"], errno: "ECONNREFUSED" });
}

#[test]
fn addresses_beyond_are_unreachable() {
    for entry in EVERY {
        // The address that cloud machines keep credentials at; no packet leaves the namespace.
        for act in [["net", "connect", "169.254.169.254:80"], ["net", "udp", "192.0.2.1:53"]] {
            assert_eq!(Sandbox::new(entry).probe(&act).ok(), "ENETUNREACH");
        }
    }
    // The control without sending anything: a route exists for connecting a datagram socket, or the host has none itself.
    let host = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect("127.0.0.1:9"));
    assert!(host.is_ok());
}

#[test]
fn abstract_sockets_of_the_host_are_out_of_reach() {
    let name = format!("sbx-test-{}", std::process::id());
    let _server = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    denied(&Denial { act: &["net", "abstract", &name], with: &[], without: &["net=host"], errno: "ECONNREFUSED" });
    denied(&Denial { act: &["net", "abstract", &name], with: &[], without: &["share=net"], errno: "ECONNREFUSED" });
}

#[test]
fn sockets_in_hidden_directories_are_out_of_reach() {
    let dir = TempDir::new();
    let path = dir.join("socket");
    let _server = UnixListener::bind(&path).unwrap();
    let bind = format!("bind-ro={}", dir.display());
    denied(&Denial { act: &["net", "unix", path.to_str().unwrap()], with: &[], without: &[&bind], errno: "ENOENT" });
}

#[test]
fn with_the_hosts_network_the_interfaces_are_the_hosts() {
    let host = Report::of_the_host();
    for entry in EVERY {
        for setting in ["net=host", "share=net"] {
            assert_eq!(Sandbox::new(entry).with(&[setting]).report().one("ns.net"), host.one("ns.net"));
        }
        Sandbox::new(entry).with(&["net=none", "share=net"]).probe(&["report"]).refused(125);
    }
}

#[test]
fn with_filter_no_socket_can_be_made_but_a_pair() {
    let host = Report::of_the_host();
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("net", "filter");
        assert_eq!(sandbox.report().one("ns.net"), host.one("ns.net"), "it saves the namespace");
        let sockets = [
            "calls",
            "socket:1:1:0",
            "socket:2:1:0",
            "socket:2:2:0",
            "socket:10:1:0",
            "socket:16:3:0",
            "socket:17:3:0",
        ];
        for answer in sandbox.probe(&sockets).ok().lines() {
            assert!(["EPERM", "EACCES", "EAFNOSUPPORT"].contains(&answer), "{answer}");
        }
        assert_eq!(sandbox.probe(&["net", "pair"]).ok(), "ok");
        // Nothing that loosens the filter loosens this.
        let loosened = Sandbox::new(entry).with(&["net=filter", "seccomp=none", "seccomp-allow=socket"]);
        assert_ne!(loosened.probe(&["net", "loopback", "127.0.0.1"]).ok(), "ok");
    }
    denied(&Denial {
        act: &["net", "bind", "127.0.0.1:0"],
        with: &["net=filter"],
        without: &["net=host"],
        errno: "EAFNOSUPPORT",
    });
}

#[test]
fn low_ports_need_their_capability() {
    denied(&Denial {
        act: &["net", "bind", "127.0.0.1:80"],
        with: &["uid=1000"],
        without: &["uid=1000", "cap-keep=net_bind_service"],
        errno: "EACCES",
    });
}

#[test]
fn of_socket_families_only_the_isolated_are_there() {
    let others = [
        "calls",
        "socket:16:3:0",
        "socket:17:3:0",
        "socket:38:5:0",
        "socket:40:1:0",
        "socket:44:3:0",
        "socket:31:5:0",
        "socket:0x100000010:3:0",
    ];
    for entry in EVERY {
        for answer in Sandbox::new(entry).probe(&others).ok().lines() {
            assert_eq!(answer, "EAFNOSUPPORT");
        }
        let usual = ["calls", "socket:1:1:0", "socket:2:1:0", "socket:2:2:0", "socket:10:1:0", "socketpair:1:1:0:buf"];
        assert_eq!(Sandbox::new(entry).probe(&usual).ok(), ["ok"; 5].join("\n"));
    }
    denied(&Denial {
        act: &["calls", "socket:16:3:0"],
        with: &[],
        without: &["seccomp-allow=socket"],
        errno: "EAFNOSUPPORT",
    });
}
