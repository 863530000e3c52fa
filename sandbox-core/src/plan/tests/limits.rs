//! Limits and priorities, for callers with others.

use super::{lines, try_for};
use crate::host::Host;
use crate::host::tests::host;

#[test]
fn limits_are_what_the_callers_make_of_the_words() {
    let plan =
        lines(&[("rlimit", "as=soft"), ("rlimit", "cpu=soft:hard"), ("rlimit", "core=1"), ("rlimit", "core=hard")]);
    assert!(plan.contains("rlimits         as 100; cpu 100s, hard 1000s; core 1000\n"), "{plan}");
    assert!(lines(&[("rlimit", "as=inf")]).contains("outer   rlimits         raise as to inf"));
    let unknown = Host { limits: [None; 16], ..host() };
    assert!(try_for(&unknown, &[("rlimit", "as=hard")]).is_err());
    assert!(try_for(&unknown, &[("rlimit", "as=5")]).unwrap().contains("as 5"));
}

#[test]
fn only_a_target_with_the_callers_id_can_be_root_to_nproc() {
    let early = |host: &Host, settings: &[(&str, &str)]| {
        try_for(host, settings).unwrap().contains("outer   rlimits         be sure that nproc can hold")
    };
    let root = Host { uid: 0, gid: 0, privileged: true, ..host() };
    assert!(early(&host(), &[("rlimit", "nproc=9")]) && early(&root, &[("rlimit", "nproc=9"), ("uid", "5")]));
    assert!(early(&root, &[("rlimit", "nproc=9"), ("share", "user"), ("uid", "0")]));
    assert!(!early(&root, &[("rlimit", "nproc=9"), ("share", "user"), ("uid", "5")]));
    let unlimited = Host { limits: [Some((libc::RLIM_INFINITY, libc::RLIM_INFINITY)); 16], ..host() };
    assert!(!early(&unlimited, &[("rlimit", "nproc=inf")]) && !early(&host(), &[("rlimit", "as=9")]));
}

#[test]
fn a_nice_value_is_taken_early_where_it_may_take_a_privilege() {
    let side = |own: Option<i32>, nice: &str| {
        let plan = try_for(&Host { nice: own, ..host() }, &[("nice", nice)]).unwrap();
        (plan.contains("outer   nice"), plan.contains("inner   nice"))
    };
    assert_eq!(
        (side(Some(0), "0"), side(Some(10), "5"), side(Some(-5), "-3")),
        ((false, true), (true, false), (false, true))
    );
    assert_eq!(side(None, "19"), (true, false));
}
