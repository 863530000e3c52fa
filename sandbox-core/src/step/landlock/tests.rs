//! What the rules of a policy are, on kernels that are only pretended.

use super::*;
use crate::host::tests::host;
use crate::setting::{Assignment, Origin, named};

fn rules(abi: u32, settings: &[(&str, &str)]) -> Rules {
    let say = |&(name, text): &(&str, &str)| Assignment {
        setting: named(name).unwrap(),
        text: text.into(),
        origin: Origin::Flag,
    };
    let policy = Policy::new(&settings.iter().map(say).collect::<Vec<_>>()).unwrap();
    let host = Host { landlock: Ok(abi), ..host() };
    let wanted = Wanted::new(&policy).unwrap();
    plan(&policy, &host, &wanted).unwrap().unwrap()
}

#[test]
fn bits_are_the_kernels_and_each_kind_gives_what_it_says() {
    let all = [("landlock-ro", "/a"), ("landlock-rx", "/a"), ("landlock-rw", "/a")];
    // include/uapi/linux/landlock.h: READ_FILE 1 << 2, READ_DIR 1 << 3, EXECUTE 1 << 0.
    let given = |abi| rules(abi, &all).beneath.into_iter().map(|(_, set)| set).collect::<Vec<_>>();
    // All of the version but EXECUTE, MAKE_CHAR 1 << 6 and MAKE_BLOCK 1 << 11.
    let writable = |rights: u32| ((1 << rights) - 1) & !(1 | 1 << 6 | 1 << 11);
    for (abi, rights) in [(1, 13), (2, 14), (3, 15), (4, 15), (5, 16), (7, 16), (8, 16), (9, 17), (20, 17)] {
        assert_eq!(given(abi), [0b1100, 0b1101, writable(rights)], "{abi}");
        assert_eq!(rules(abi, &all).handled.files, (1 << rights) - 1, "{abi}");
    }
    assert_eq!(
        names(rights(|right| right.of_files)),
        ["execute", "write_file", "read_file", "truncate", "ioctl_dev", "resolve_unix"]
    );
}

#[test]
fn only_what_is_named_is_handled() {
    let handled = |settings| rules(7, settings).handled;
    assert_eq!(handled(&[("landlock-ro", "none")]), Handled { files: 0xffff, ports: 0, scopes: 0 });
    assert_eq!(handled(&[("landlock-tcp-bind", "none")]), Handled { files: 0, ports: 1, scopes: 0 });
    assert_eq!(handled(&[("landlock-tcp-connect", "1")]), Handled { files: 0, ports: 2, scopes: 0 });
    assert_eq!(
        handled(&[("landlock-scope", "abstract-unix-socket,signal")]),
        Handled { files: 0, ports: 0, scopes: 3 }
    );
    assert!(rules(7, &[("landlock-ro", "none"), ("landlock-tcp-bind", "none")]).beneath.is_empty());
}

#[test]
fn failures_name_the_path_or_port() {
    let rules = rules(7, &[("landlock-ro", "/a"), ("landlock-rw", "./b"), ("landlock-tcp-bind", "80")]);
    assert_eq!([0, 1, 2, 3, 4].map(|number| rules.object(number)), ["", "/a", "/home/u/work/b", "port 80", ""]);
}

#[test]
fn paths_begin_where_the_program_is_meant_to() {
    let paths = |settings| rules(7, settings).beneath.into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    let all = "user,mount,pid,net,ipc,uts,cgroup,time";
    assert_eq!(paths(&[("landlock-rw", "."), ("landlock-rw", "/a")]), [c"/home/u/work/".to_owned(), c"/a".to_owned()]);
    assert_eq!(paths(&[("landlock-rw", "../b"), ("cwd", "/srv")]), [c"/srv/../b".to_owned()]);
    assert_eq!(paths(&[("landlock-rw", "./b"), ("root", "empty")]), [c"/b".to_owned()]);
    assert_eq!(paths(&[("landlock-rw", "./b"), ("share", all)]), [c"./b".to_owned()]);
}
