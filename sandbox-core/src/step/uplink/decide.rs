//! Which program connects the network namespace, what it is told, and who answers for names inside. Pure.

use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::PolicyError;
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::{Namespace, NetMode, Protocol, Publish, c_string};

/// The interface inside.
pub const INTERFACE: &str = "eth0";

/// Where a program finds the namespace: a path that is its own, whatever it may see of /proc and close of descriptors.
const NAMESPACE: &str = "/proc/self/fd/0";

/// Where pasta takes questions for the host's name server: addresses that lead nowhere else.
const ASKED_AT: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(169, 254, 1, 1)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0x5b78, 0, 0, 0, 0, 0, 0x53))];
/// MAXNS of resolv.h: what a C library reads of resolv.conf(5).
const MOST_SERVERS: usize = 3;

/// The program and what it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    pub program: CString,
    pub args: Vec<CString>,
    pub how: How,
}

/// How the two programs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// Ends when the network is there, and leaves a process behind.
    Pasta,
    /// Stays, says on a descriptor that the network is there, and is asked for each port.
    Slirp { requests: Vec<(String, String)> },
}

/// The mode, where it is one of the two.
fn mode(policy: &Policy) -> Option<NetMode> {
    policy.net.filter(|mode| matches!(mode, NetMode::Pasta | NetMode::Slirp4netns))
}

/// Absent unless the network is to be connected.
///
/// # Errors
/// Settings that contradict each other, or a program that is not there.
pub fn decide(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<Option<Uplink>, PolicyError> {
    let Some(mode) = mode(policy) else {
        let needless = [("publish", !policy.publish.items().is_empty()), ("dns", policy.dns.0.is_some())];
        return match needless.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(PolicyError::conflict(name, "needs net pasta or slirp4netns")),
            None => Ok(None),
        };
    };
    let name = mode.name();
    let conflict = |why: String| Err(PolicyError::conflict("net", why));
    if !wanted.is_new(Namespace::Pid) {
        return conflict(format!(
            "{name} runs as the caller, and without a new pid namespace the program could signal it"
        ));
    }
    if !wanted.is_new(Namespace::Mount) && resolv_conf(policy, host).is_some() {
        let why = format!("{name} comes with a resolv.conf(5) of its own, which needs a new mount namespace");
        return Err(PolicyError::conflict("net", why).with_hint("--dns= leaves the one that is there"));
    }
    if policy.dns.items().len() > MOST_SERVERS {
        return Err(PolicyError::conflict("dns", format!("programs ask the first {MOST_SERVERS} servers only")));
    }
    check_ports(mode, policy.publish.items())?;
    let Some(program) = host.uplink.as_ref().and_then(|uplink| uplink.program.clone()) else {
        let package = if mode == NetMode::Pasta { "passt" } else { name };
        return Err(PolicyError::conflict("net", format!("{name}: there is no program of this name"))
            .with_hint(format!("install the package {package}: apt install {package}")));
    };
    if policy.dns.0.is_none() && resolv_conf(policy, host).is_none() {
        let why = format!("no name server of this host that {name} could ask");
        return Err(PolicyError::conflict("dns", why).with_hint("--dns ADDRESS names one, --dns= does without"));
    }
    let (args, how) = if mode == NetMode::Pasta {
        (pasta(policy, host, wanted), How::Pasta)
    } else {
        let requests = policy.publish.items().iter().map(|port| (port.spelled(), request(port))).collect();
        (slirp(policy), How::Slirp { requests })
    };
    let args = args.into_iter().map(|arg| c_string(arg.into_bytes())).collect::<Result<_, _>>();
    Ok(Some(Uplink { program, args: args.map_err(|why| PolicyError::conflict("net", why))?, how }))
}

fn check_ports(mode: NetMode, ports: &[Publish]) -> Result<(), PolicyError> {
    for (at, port) in ports.iter().enumerate() {
        if let Some(other) = ports.iter().skip(at + 1).find(|other| port.contradicts(other)) {
            let why = format!("{} and {} take the same port", port.spelled(), other.spelled());
            return Err(PolicyError::conflict("publish", why));
        }
        if mode == NetMode::Slirp4netns && matches!(port.address, Some(IpAddr::V6(_))) {
            let why = format!("{}: slirp4netns has IPv4 only", port.spelled());
            return Err(PolicyError::conflict("publish", why).with_hint("--net pasta has both"));
        }
    }
    Ok(())
}

/// The host's servers that pasta forwards questions to, with the addresses inside where it takes them: the first of either
/// kind, as it knows no more.
fn forwarded(policy: &Policy, host: &Host) -> Vec<(IpAddr, IpAddr)> {
    let (None, Some(uplink)) = (&policy.dns.0, &host.uplink) else { return Vec::new() };
    let first = |at: IpAddr| uplink.servers.iter().copied().find(|server| server.is_ipv4() == at.is_ipv4());
    let asked = |at: IpAddr| match first(at)? {
        // What comes from loopback has the gateway's address inside, in old versions whatever was asked; so that is asked.
        IpAddr::V4(server) if server.is_loopback() => Some((server.into(), uplink.gateway.map_or(at, IpAddr::V4))),
        // There is no such way round with IPv6, whose gateway is mostly known by an address of the link alone.
        IpAddr::V6(server) if server.is_loopback() => None,
        server => Some((server, at)),
    };
    ASKED_AT.into_iter().filter_map(asked).collect()
}

/// The host's servers that slirp4netns reaches. It would forward questions too, but old versions forward with them whatever
/// else is sent to the address for that: with a server on the host's loopback, to all of the host's loopback.
fn beyond(host: &Host) -> impl Iterator<Item = &IpAddr> {
    let known = host.uplink.iter().flat_map(|uplink| uplink.servers.iter().chain(&uplink.upstream));
    known.filter(|server| server.is_ipv4() && !server.is_loopback())
}

/// What resolv.conf(5) is to say inside; absent where it is left as it is.
pub fn resolv_conf(policy: &Policy, host: &Host) -> Option<CString> {
    let mut servers: Vec<String> = match (mode(policy)?, &policy.dns.0) {
        (_, Some(servers)) => servers.iter().map(|server| server.0.to_string()).collect(),
        (NetMode::Pasta, None) => {
            let asked_at = forwarded(policy, host).into_iter().map(|(_, at)| at.to_string());
            // Behind them the host's own: pasta forwards UDP alone, and programs ask the next one where an answer needs TCP.
            let known = host.uplink.iter().flat_map(|uplink| &uplink.servers);
            asked_at.chain(known.filter(|server| !server.is_loopback()).map(IpAddr::to_string)).collect()
        }
        (_, None) => beyond(host).map(|server| server.to_string()).collect(),
    };
    servers.truncate(MOST_SERVERS);
    let text: String = servers.iter().map(|server| format!("nameserver {server}\n")).collect();
    (!text.is_empty()).then(|| CString::new(text).ok())?
}

/// Of this process's own environment pasta reads nothing that matters, and of its defaults nothing that opens a way may stay:
/// the gateway's address would be the host's loopback, and ports would be forwarded on both sides as they are bound.
fn pasta(policy: &Policy, host: &Host, wanted: &Wanted) -> Vec<String> {
    let mut args: Vec<String> =
        ["pasta", "--quiet", "--config-net", "--ns-ifname", INTERFACE, "--no-map-gw", "--no-netns-quit"]
            .map(String::from)
            .into();
    // Otherwise it becomes nobody, who may not enter the namespace. It confines itself all the same.
    if host.uid == 0 && !wanted.is_new(Namespace::User) {
        args.extend(["--runas", "0:0"].map(String::from));
    }
    for (flag, protocol) in [("--tcp-ports", Protocol::Tcp), ("--udp-ports", Protocol::Udp)] {
        let ports: Vec<_> = policy.publish.items().iter().filter(|port| port.protocol == protocol).collect();
        for port in &ports {
            let address = port.address.map(|address| format!("{address}/")).unwrap_or_default();
            args.extend([flag.into(), format!("{address}{}:{}", port.host, port.inside)]);
        }
        if ports.is_empty() {
            args.extend([flag, "none"].map(String::from));
        }
    }
    args.extend(["--tcp-ns", "none", "--udp-ns", "none"].map(String::from));
    let forwarded = forwarded(policy, host);
    for (server, at) in &forwarded {
        args.extend(["--dns".into(), server.to_string(), "--dns-forward".into(), at.to_string()]);
    }
    if forwarded.is_empty() {
        args.extend(["--dns", "none"].map(String::from));
    }
    args.extend(["--netns", NAMESPACE].map(String::from));
    args
}

/// The host's loopback would be the gateway's address there too, and the name server's. The descriptors are those that `outside` gives it.
fn slirp(policy: &Policy) -> Vec<String> {
    let mut args: Vec<String> = [
        "slirp4netns",
        "--configure",
        "--mtu=65520",
        "--disable-host-loopback",
        "--disable-dns",
        "--enable-seccomp",
        "--ready-fd=3",
        "--netns-type=path",
    ]
    .map(String::from)
    .into();
    if !policy.publish.items().is_empty() {
        args.push(format!("--api-socket={API}"));
    }
    args.extend([NAMESPACE, INTERFACE].map(String::from));
    args
}

/// Where slirp4netns listens: in a file system that only it and its keeper see.
pub const API: &str = "/dev/shm/slirp4netns";

/// What asks slirp4netns for a port.
fn request(port: &Publish) -> String {
    let address = port.address.map_or_else(|| "0.0.0.0".into(), |address| address.to_string());
    format!(
        "{{\"execute\":\"add_hostfwd\",\"arguments\":{{\"proto\":\"{}\",\"host_addr\":\"{address}\",\"host_port\":{},\
         \"guest_port\":{}}}}}",
        port.protocol.name(),
        port.host,
        port.inside
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::host;
    use crate::plan::plan;
    use crate::setting::{Assignment, Origin, named};
    use crate::uplink::Uplink as Facts;

    fn connected(servers: &[&str]) -> Host {
        let facts = Facts {
            program: Some(c"/opt/it".into()),
            servers: servers.iter().map(|server| server.parse().unwrap()).collect(),
            upstream: Vec::new(),
            gateway: Some(Ipv4Addr::new(198, 51, 100, 1)),
        };
        Host { uplink: Some(facts), ..host() }
    }

    /// The plan, or the error with its hint.
    fn planned(host: &Host, settings: &[(&str, &str)]) -> Result<String, String> {
        let say = |&(name, text): &(&str, &str)| Assignment {
            setting: named(name).unwrap(),
            text: text.into(),
            origin: Origin::Flag,
        };
        let policy = Policy::new(&settings.iter().map(say).collect::<Vec<_>>()).unwrap();
        plan(&policy, host).map(|plan| plan.to_string()).map_err(|error| crate::error::Refusal::from(error).message())
    }

    #[test]
    fn nothing_is_open_but_what_is_asked_for() {
        let plan = planned(&connected(&["192.0.2.1"]), &[("net", "pasta")]).unwrap();
        for closed in
            ["run /opt/it --", "--no-map-gw", "--tcp-ports none", "--udp-ports none", "--tcp-ns none", "--udp-ns none"]
        {
            assert!(plan.contains(closed), "{closed}: {plan}");
        }
        assert!(!plan.contains("--runas"));
        let ports = [("net", "pasta"), ("publish", "8080:80"), ("publish", "[::1]:1:2"), ("publish", "5:6/udp")];
        let plan = planned(&connected(&["192.0.2.1"]), &ports).unwrap();
        assert!(plan.contains(" --tcp-ports 8080:80 --tcp-ports ::1/1:2 --udp-ports 5:6 --tcp-ns none"), "{plan}");
        assert!(!plan.contains("ports none"));
        let slirp = [("net", "slirp4netns"), ("publish", "8080:80")];
        let plan = planned(&connected(&["192.0.2.1"]), &slirp).unwrap();
        assert!(plan.contains("--disable-host-loopback --disable-dns ") && plan.contains("publish 8080:80"), "{plan}");
    }

    #[test]
    fn the_helper_is_there_before_the_namespaces_and_main_waits_for_it() {
        let plan = planned(&connected(&["192.0.2.1"]), &[("net", "pasta"), ("init", "true")]).unwrap();
        let at = |line: &str| plan.find(line).unwrap_or_else(|| panic!("{line} is not in {plan}"));
        assert!(at("outer   user namespace") < at("outer   uplink") && at("outer   uplink") < at("outer   namespaces"));
        assert!(at("beside  network") < at("beside  uplink"));
        assert!(at("inner   loopback") < at("inner   uplink") && at("inner   uplink") < at("inner   init"));
        assert!(!planned(&connected(&[]), &[]).unwrap().contains("uplink"));
    }

    #[test]
    fn root_without_a_user_namespace_stays_root() {
        let root = Host { uid: 0, privileged: true, ..connected(&["192.0.2.1"]) };
        assert!(planned(&root, &[("net", "pasta"), ("share", "user")]).unwrap().contains("--runas 0:0"));
        assert!(!planned(&root, &[("net", "pasta")]).unwrap().contains("--runas"));
    }

    #[test]
    fn what_contradicts_is_refused_with_a_remedy() {
        let refused = |host: &Host, settings: &[(&str, &str)], words: &[&str]| {
            let said = planned(host, settings).unwrap_err();
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
        };
        let there = connected(&["192.0.2.1"]);
        refused(&there, &[("net", "pasta"), ("share", "pid")], &["policy: net", "pid namespace"]);
        refused(&there, &[("net", "pasta"), ("share", "mount")], &["mount namespace", "hint: --dns="]);
        assert!(planned(&there, &[("net", "pasta"), ("share", "mount"), ("dns", "")]).is_ok());
        refused(&there, &[("net", "pasta"), ("publish", "1:1"), ("publish", "1:2")], &["1:1 and 1:2"]);
        refused(&there, &[("net", "slirp4netns"), ("publish", "[::1]:1:1")], &["IPv4", "hint: --net pasta"]);
        refused(&there, &[("net", "pasta"), ("dns", "192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4")], &["policy: dns"]);
        let missing = Host { uplink: Some(Facts::default()), ..host() };
        refused(
            &missing,
            &[("net", "pasta")],
            &["policy: net: pasta", "hint: install the package passt: apt install passt"],
        );
        refused(&missing, &[("net", "slirp4netns"), ("dns", "")], &["apt install slirp4netns"]);
        refused(&connected(&["127.0.0.53"]), &[("net", "slirp4netns")], &["policy: dns", "hint: --dns"]);
        refused(&connected(&["::1"]), &[("net", "pasta")], &["policy: dns", "hint: --dns"]);
    }

    #[test]
    fn the_name_server_inside_is_one_that_answers_there() {
        let text = |net: &str, servers: &[&str], dns: Option<&str>| {
            let mut settings = vec![("net", net)];
            settings.extend(dns.map(|dns| ("dns", dns)));
            let say = |&(name, text): &(&str, &str)| Assignment {
                setting: named(name).unwrap(),
                text: text.into(),
                origin: Origin::Flag,
            };
            let policy = Policy::new(&settings.iter().map(say).collect::<Vec<_>>()).unwrap();
            let text = resolv_conf(&policy, &connected(servers));
            text.map(|text| text.into_string().unwrap().replace("nameserver ", "").trim_end().replace('\n', " "))
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(text("pasta", &["192.0.2.1"], None), is("169.254.1.1 192.0.2.1"));
        assert_eq!(text("pasta", &["127.0.0.53"], None), is("198.51.100.1"));
        assert_eq!(text("pasta", &["127.0.0.1", "192.0.2.1"], None), is("198.51.100.1 192.0.2.1"));
        assert_eq!(text("pasta", &["2001:db8::1"], None), is("fd00:5b78::53 2001:db8::1"));
        assert_eq!(text("pasta", &["::1"], None), None, "which is refused");
        assert_eq!(text("pasta", &["192.0.2.1"], Some("192.0.2.9,2001:db8::9")), is("192.0.2.9 2001:db8::9"));
        assert_eq!(text("pasta", &["192.0.2.1"], Some("")), None);
        assert_eq!(text("slirp4netns", &["127.0.0.1", "192.0.2.1", "2001:db8::1"], None), is("192.0.2.1"));
        assert_eq!(text("none", &["192.0.2.1"], None), None);
        let plan = planned(&connected(&["127.0.0.53"]), &[("net", "pasta")]).unwrap();
        assert!(plan.contains("--dns 127.0.0.53 --dns-forward 198.51.100.1 "), "{plan}");
        // A file of the same place is what it says.
        let own = planned(&connected(&["192.0.2.1"]), &[("net", "pasta"), ("file", "/etc/resolv.conf:x")]).unwrap();
        assert_eq!(own.matches("/etc/resolv.conf").count(), 1, "{own}");
    }
}
