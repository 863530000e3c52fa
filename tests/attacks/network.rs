//! W: the network.

use super::probe::Act::Words;
use super::probe::{Control, Probe, probe, untried};

/// The strict filter knows no sockets; with the default one it is the namespace that holds.
pub fn probes() -> Vec<Probe> {
    let reach = |id, tries, act, expected, host| {
        probe(id, tries)
            .act(act)
            .default(expected, Control::With(&["net=host"], host))
            .strict("EPERM", Control::With(&["seccomp=default"], expected))
    };
    // The control does not leave the machine: the same means reach a server of the host's.
    let beyond = |id, tries, act| {
        probe(id, tries)
            .act(act)
            .default(
                "ENETUNREACH",
                Control::Other(
                    "W1's server with net=host",
                    &["net=host"],
                    Words(&["net", "connect", "{server}"]),
                    "ok",
                ),
            )
            .strict("EPERM", Control::With(&["seccomp=default"], "ENETUNREACH"))
    };
    vec![
        reach("W1", "TCP to a server on the host's loopback", &["net", "connect", "{server}"], "ECONNREFUSED", "ok"),
        beyond("W1a", "TCP to the address at which clouds keep credentials", &["net", "connect", "169.254.169.254:80"]),
        beyond("W1b", "TCP to a private address", &["net", "connect", "10.0.0.1:22"]),
        beyond("W1c", "UDP to a public address", &["net", "udp", "192.0.2.1:9"]),
        beyond("W1d", "TCP by IPv6", &["net", "connect", "[2001:db8::1]:80"]).needs(&["ipv6"]),
        beyond("W1e", "broadcast on the wire", &["net", "udp", "255.255.255.255:9"]),
        probe("W1f", "a raw socket, ICMP")
            .act(&["calls", "socket:2:3:1"])
            .default("EPERM", Control::With(&["cap-keep=net_raw"], "ok"))
            .strict("EPERM", Control::With(&["seccomp=default", "cap-keep=net_raw"], "ok")),
        probe("W1g", "a datagram socket that pings")
            .act(&["calls", "socket:2:2:1"])
            .default("EACCES", Control::Nothing("net.ipv4.ping_group_range of a new namespace has nobody"))
            .strict("EPERM", Control::With(&["seccomp=default"], "EACCES")),
        probe("W1h", "an interface is brought up: ioctl(2) SIOCSIFFLAGS")
            .act(&["calls", "ioctl:0:0x8914:u64=0x6f6c,0"])
            .default("ENOTTY", Control::Nothing("no socket has a capability to do it with"))
            .strict("EPERM", Control::Nothing("no such request is known")),
        reach("W2", "an abstract socket of the host's", &["net", "abstract", "{abstract}"], "ECONNREFUSED", "ok"),
        probe("W2a", "the same with `net=filter`, in the host's network")
            .by(&["net=filter"])
            .act(&["net", "abstract", "{abstract}"])
            .default("EAFNOSUPPORT", Control::With(&["net=host"], "ok"))
            .strict("EPERM", Control::With(&["net=host", "seccomp=default"], "ok")),
        beyond("W3", "a name server, by UDP", &["net", "udp", "192.0.2.53:53"]),
        beyond("W3a", "a name server, by TCP", &["net", "connect", "192.0.2.53:53"]),
        untried("W4", "a proxy's port on another host", "there is no proxy in sbx"),
        untried("W5", "a CONNECT that is relayed", "there is no proxy in sbx"),
        probe("W6", "the port of a server of the host's is taken")
            .act(&["net", "bind", "127.0.0.1:{port}"])
            .default("ok", Control::With(&["net=host"], "EADDRINUSE"))
            .strict("EPERM", Control::With(&["seccomp=default"], "ok")),
        probe("W6a", "a port is taken, where the host's network is shared and sockets are not")
            .by(&["net=filter"])
            .act(&["net", "bind", "0.0.0.0:0"])
            .default("EAFNOSUPPORT", Control::With(&[], "ok"))
            .strict("EPERM", Control::With(&["seccomp=default"], "ok")),
        reach(
            "W7",
            "TCP by sendto(2) with MSG_FASTOPEN, without connect(2)",
            &["attack", "connect-by", "fastopen", "{server}"],
            "ECONNREFUSED",
            "ok",
        ),
        reach(
            "W7a",
            "MPTCP, which rules for TCP have missed",
            &["attack", "connect-by", "mptcp", "{server}"],
            "ECONNREFUSED",
            "ok",
        )
        .needs(&["/proc/sys/net/mptcp"]),
        probe("W7b", "MSG_FASTOPEN under the filter `net-server`, which refuses connect(2)")
            .with(&["net=host"])
            .by(&["seccomp=net-server"])
            .act(&["attack", "connect-by", "fastopen", "{server}"])
            .both("EPERM", Control::With(&["seccomp=default"], "ok")),
        probe("W7c", "connect(2) under the filter `net-server`")
            .with(&["net=host"])
            .by(&["seccomp=net-server"])
            .act(&["net", "connect", "{server}"])
            .both("EPERM", Control::With(&["seccomp=default"], "ok")),
        probe("W7d", "listen(2) under the filter `net-client`")
            .by(&["seccomp=net-client"])
            .act(&["net", "bind", "127.0.0.1:0"])
            .both("EPERM", Control::With(&["seccomp=default"], "ok")),
    ]
}
