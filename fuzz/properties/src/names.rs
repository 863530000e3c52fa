//! Names of calls, errors and capabilities: one that is taken means one thing, and is shown as a name of that.

use sandbox_core::policy::types::{Capability, SeccompAction, Syscall, errno, errno_name};
use sandbox_core::setting::value::Text;
use sandbox_kafel::names::{is_foreign, number};

/// A list of names.
pub fn holds(data: &[u8]) {
    for name in data.split(|&b| b == b',' || b == b'\n') {
        shows(name, Syscall::parse);
        shows(name, Capability::parse);
        shows(name, SeccompAction::parse);
        let Ok(name) = std::str::from_utf8(name) else { continue };
        if let Some(nr) = sandbox_filter::number(name) {
            assert_eq!((sandbox_filter::name(nr), number(name)), (Some(name), Some(nr)));
            assert!(sandbox_filter::is_known(nr) && !is_foreign(name));
        }
        if let Some(nr) = number(name) {
            assert!(!is_foreign(name) && sandbox_filter::name(nr).is_some());
        }
        if let Some(error) = errno(name) {
            assert!((1..4096).contains(&error));
            assert_eq!(errno(&errno_name(error)), Some(error));
        }
        if let Ok(nr) = name.parse() {
            assert!(sandbox_filter::name(nr).is_none_or(|name| sandbox_filter::number(name) == Some(nr)));
            assert_eq!(sandbox_filter::name(nr).is_some(), sandbox_filter::is_known(nr));
        }
    }
}

fn shows<T: Text + PartialEq + std::fmt::Debug>(name: &[u8], parse: fn(&[u8]) -> Result<T, String>) {
    if let Ok(meant) = parse(name) {
        assert_eq!(parse(&meant.show()).as_ref(), Ok(&meant));
    }
}
