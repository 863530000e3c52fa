//! What is made of interfaces, and by whom.

use super::{lines, steps, try_for};
use crate::host::tests::host;

#[test]
fn interfaces_are_made_by_who_stays_outside_and_awaited_by_inner() {
    let settings = [
        ("own-iface", "eth1"),
        ("veth", "sbx0:name=e:host-ip=10.9.0.1/30:bridge=br0"),
        ("macvlan", "eth0:ip=10.0.0.2/8:gateway=10.0.0.1"),
        ("no-loopback", "true"),
    ];
    let (plan, order) = (lines(&settings), steps(&settings));
    let at = |step: &str| order.iter().position(|s| s == step).unwrap_or_else(|| panic!("{step} in {order:?}"));
    assert!(at("outer network") < at("outer user namespace") && at("both fork") < at("beside network"));
    assert!(at("inner network") < at("inner interfaces") && at("inner interfaces") < at("inner capabilities"));
    let outside = "outside to make or move vs, macvlan on eth0, private; e, veth to sbx0 on br0, 10.9.0.1/30 outside; \
        eth1 itself\n";
    let beside = "loopback stays down; vs up, 10.0.0.2/8, gateway 10.0.0.1; e up; eth1 up\n";
    assert!(plan.contains(outside) && plan.contains(beside), "{plan}");
    let alone = lines(&[("no-loopback", "true")]);
    assert!(!alone.contains("inner   loopback") && !alone.contains("inner   interfaces"), "{alone}");
    // Two families have a default route each.
    assert!(
        try_for(
            &host(),
            &[("macvlan", "e:ip=10.0.0.1:gateway=10.0.0.2"), ("veth", "a:name=b:ip=fd00::2/64:gateway=fd00::1")]
        )
        .is_ok()
    );
}

#[test]
fn without_a_network_namespace_none_is_made_or_joined() {
    for net in ["host", "filter"] {
        let plan = lines(&[("net", net)]);
        assert!(!plan.contains("beside") && !plan.contains("join"), "{plan}");
    }
    assert!(lines(&[("net", "filter")]).contains("no sockets"));
}
