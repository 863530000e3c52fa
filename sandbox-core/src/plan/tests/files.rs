//! What is to be seen of the host's files, and how they are put together.

use super::{lines, try_for};
use crate::host::Host;
use crate::host::tests::host;

#[test]
fn the_current_directory_stays_visible_unless_it_is_a_home() {
    assert!(lines(&[]).contains("/home/u/work ro"));
    for cwd in [c"/home/u", c"/", c"/home", c"/root", c"/tmp", c"/usr/src"] {
        let host = Host { cwd: cwd.into(), ..host() };
        let plan = try_for(&host, &[]).unwrap();
        assert!(!plan.contains(&format!("{} ro", cwd.to_str().unwrap())), "{plan}");
        assert!(plan.contains("/home hidden") && plan.contains("/root hidden"), "{plan}");
    }
    let host = Host { cwd: c"/tmp/a/b".into(), ..host() };
    assert!(try_for(&host, &[]).unwrap().contains("/tmp/a/b ro"));
}

#[test]
fn a_home_elsewhere_is_hidden_and_a_system_directory_is_no_home() {
    let with =
        |home: &std::ffi::CStr| try_for(&Host { home: Some(home.into()), cwd: c"/".into(), ..host() }, &[]).unwrap();
    assert!(with(c"/var/lib/ci").contains("/var/lib/ci hidden"));
    for home in [c"/", c"/usr/sbin", c"/bin", c"/var", c"/tmp"] {
        assert!(!with(home).contains(&format!("; {} hidden", home.to_str().unwrap())), "{home:?}");
    }
}

#[test]
fn mounts_go_from_the_top_down_and_a_later_one_replaces_an_earlier() {
    let plan = lines(&[("bind", "/d:/srv/a/b"), ("tmpfs", "/srv"), ("hide", "/srv/a"), ("bind-ro", "/x:/tmp")]);
    let at = |what: &str| plan.find(what).unwrap_or_else(|| panic!("{what} in {plan}"));
    assert!(at("/srv tmpfs") < at("/srv/a sealed tmpfs") && at("/srv/a sealed") < at("/srv/a/b rw from /d"));
    assert!(plan.contains("/tmp ro from /x") && !plan.contains("; /tmp tmpfs"));
}

#[test]
fn build_makes_only_a_working_directory_writable() {
    assert!(lines(&[("profile", "build")]).contains("/home/u/work rw exec"));
    for cwd in [c"/home/u", c"/", c"/tmp", c"/home"] {
        let host = Host { cwd: cwd.into(), ..host() };
        assert!(try_for(&host, &[("profile", "build")]).is_err(), "{cwd:?}");
    }
}

#[test]
fn strict_has_an_empty_tree_and_nothing_mounted_in_it() {
    let plan = lines(&[("profile", "strict")]);
    assert!(plan.contains("/ is an empty tmpfs, read-only\n"), "{plan}");
    assert!(plan.contains("filter strict, no-exec, no-new-code"), "{plan}");
}
