//! Who writes the maps, and who the program can become.

use super::try_for;
use crate::host::Host;
use crate::host::tests::host;

#[test]
fn maps_are_written_by_who_may() {
    use crate::delegation::{Delegation, SubRange};
    let many = [("uid-map", "0:1000"), ("uid-map", "1:100000:10")];
    let root = Host { maps_any: true, leaves_groups: true, ..host() };
    let plan = try_for(&root, &many).unwrap();
    assert!(plan.contains("a process stays outside to write uid_map\n"), "{plan}");
    assert!(plan.contains("uid_map \"0 1000 1, 1 100000 10\" from outside, gid_map \"100 100 1\"\n"), "{plan}");
    assert!(plan.find("no supplementary groups").unwrap() < plan.find("stays outside").unwrap(), "{plan}");

    let given = Delegation {
        name: Some("u".into()),
        uids: vec![SubRange { first: 100_000, count: 10 }],
        newuidmap: Some(c"/opt/newuidmap".into()),
        setgroups: true,
        ..Delegation::default()
    };
    let user = Host { delegation: Some(given.clone()), ..host() };
    let plan = try_for(&user, &[&many[..], &[("uid", "5")]].concat()).unwrap();
    assert!(plan.contains("run /opt/newuidmap\n") && plan.contains("uid 5, gid as it is\n"), "{plan}");
    assert!(plan.contains("setgroups deny"), "{plan}");
    assert!(!try_for(&user, &many).unwrap().contains("ids     "), "it is the caller under another name");
    assert!(try_for(&user, &[("uid-map", "0:100000:11"), ("uid", "0")]).is_err());
    assert!(try_for(&user, &[("gid-map", "0:100000:1"), ("gid", "0")]).is_err());
    // What the files cannot tell is the tool's to say.
    for unknown in [Delegation { name: None, ..given.clone() }, Delegation { elsewhere: true, ..given }] {
        let user = Host { delegation: Some(unknown), ..host() };
        let plan = try_for(&user, &[("gid-map", "0:5:1"), ("gid", "0")]).unwrap();
        assert!(plan.contains("run /usr/bin/newgidmap\n"), "{plan}");
        assert!(plan.contains("setgroups as it is") && plan.contains("gid 0, no supplementary groups"), "{plan}");
    }
}

#[test]
fn who_can_change_its_ids_is_not_the_child_that_dies_with_outer() {
    let root = Host { maps_any: true, privileged: true, ..host() };
    let keeps = [("cap-keep", "setuid"), ("uid-map", "0:0:2000")];
    assert!(try_for(&root, &keeps).is_err());
    assert!(try_for(&root, &keeps[..1]).is_ok(), "one id is mapped: there is nothing to change to");
    assert!(try_for(&root, &[&keeps[..1], &[("share", "user")]].concat()).is_err());
    assert!(try_for(&root, &[&keeps[..], &[("init", "true")]].concat()).is_ok());
    assert!(try_for(&root, &[&keeps[..], &[("no-die-with-parent", "true")]].concat()).is_ok());
}
