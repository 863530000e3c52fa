//! When the filter is loaded, and who is asked about what it answers.

use super::{lines, try_for};
use crate::host::Host;
use crate::host::tests::host;

#[test]
fn a_filter_under_which_setup_cannot_end_is_loaded_after_it() {
    for deny in ["write", "close", "read", "symlink,write"] {
        assert!(lines(&[("seccomp-deny", deny)]).contains("after the last word"), "{deny}");
    }
    for settings in [("seccomp-deny", "symlink,mkdir"), ("seccomp", "bpf:000600007fff0000")] {
        assert!(!lines(&[settings]).contains("after the last word"), "{settings:?}");
    }
}

#[test]
fn who_names_calls_that_end_in_sigsys_is_forked_first_and_only_where_it_is_asked() {
    let can = Host { can_tell: true, ..host() };
    let plan = |host: &Host, settings: &[(&str, &str)]| try_for(host, settings).unwrap();
    let forks = "outer   observer        fork: a process stays outside, asked about calls that kill\n";
    let killing = plan(&can, &[("seccomp-action", "kill")]);
    assert!(killing.find(forks).unwrap() < killing.find("user namespace").unwrap(), "{killing}");
    assert!(!plan(&host(), &[("seccomp-action", "kill")]).contains("observer"));
    // Nobody could be asked: the kernel does the same in silence.
    assert!(!plan(&can, &[("seccomp-action", "kill"), ("seccomp-deny", "read")]).contains("observer"));
    let given = plan(&can, &[("seccomp-action", "kill"), ("observe", "kills"), ("observer-fd", "9")]);
    assert!(given.contains("observer        asked about calls that kill\n"), "{given}");
}
