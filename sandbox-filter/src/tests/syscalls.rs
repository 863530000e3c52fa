use super::super::{NEWEST, is_known, name, number};

#[test]
fn names_and_numbers_agree() {
    for nr in 0..=1024 {
        match name(nr) {
            Some(name) => assert_eq!(number(name), Some(nr)),
            None => assert!(!is_known(nr), "{nr}"),
        }
        assert_eq!(name(nr).is_some(), is_known(nr), "{nr}");
    }
    assert!(is_known(NEWEST) && !is_known(NEWEST + 1));
}

#[test]
fn names_are_those_of_the_kernel() {
    for (known, nr) in [
        ("read", libc::SYS_read),
        ("_sysctl", libc::SYS__sysctl),
        ("writev", libc::SYS_writev),
        ("accept", libc::SYS_accept),
        ("execveat", libc::SYS_execveat),
        ("rseq", libc::SYS_rseq),
        ("pidfd_send_signal", libc::SYS_pidfd_send_signal),
        ("landlock_restrict_self", libc::SYS_landlock_restrict_self),
        ("uprobe", 336),
        ("mseal", 462),
        ("setxattrat", 463),
        ("listns", 470),
    ] {
        assert_eq!(number(known).map(i64::from), Some(nr));
    }
    for unknown in ["", "Read", "read ", "socketcall", "mmap2", "zzz", "\0"] {
        assert_eq!(number(unknown), None, "{unknown:?}");
    }
}
