//! What a control group limits, and where it is made.

use std::ffi::CString;

use super::{bytes, c_string, number, size};
use crate::setting::value::Text;

/// Memory of everything inside together, in bytes. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(pub u64);

/// Swap space of everything inside together, in bytes; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swap(pub u64);

/// How many processes and threads there may be inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tasks(pub u32);

impl Tasks {
    /// PID_MAX_LIMIT of the kernel's include/linux/threads.h: more than that pids.max does not take.
    const MOST: u32 = 4 << 20;
}

/// A share of processor time, in hundredths of one processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(pub u32);

impl Percent {
    /// Ten thousand processors, which no machine has.
    const MOST: u32 = 1_000_000;
}

/// What marks the packets of a program, for tc(8) and iptables(8): `MAJOR << 16 | MINOR` of a traffic class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetClass(pub u32);

/// A control group by its name, as /proc/self/cgroup has names: from the root of the hierarchy, or, where it does not
/// begin with `/`, from the caller's own. Nothing in it leads upwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupName(pub CString);

impl Text for Memory {
    fn parse(text: &[u8]) -> Result<Self, String> {
        size(text).map(Memory)
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_string().into()
    }
}

impl Text for Swap {
    fn parse(text: &[u8]) -> Result<Self, String> {
        bytes(text).map(Swap)
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_string().into()
    }
}

fn within(text: &[u8], most: u32, expected: &str) -> Result<u32, String> {
    let expected = format!("{expected} from 1 to {most}");
    match number(text, &expected)? {
        0 => Err(format!("expected {expected}")),
        count if count > most => Err(format!("expected {expected}")),
        count => Ok(count),
    }
}

impl Text for Tasks {
    fn parse(text: &[u8]) -> Result<Self, String> {
        within(text, Self::MOST, "a number").map(Tasks)
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_string().into()
    }
}

impl Text for Percent {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let digits = text.strip_suffix(b"%").unwrap_or(text);
        within(digits, Self::MOST, "a percentage of one processor").map(Percent)
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_string().into()
    }
}

impl Text for NetClass {
    fn parse(text: &[u8]) -> Result<Self, String> {
        const EXPECTED: &str = "a class id such as 0x100001, not 0";
        let read = match text.strip_prefix(b"0x") {
            Some(hex) => std::str::from_utf8(hex)
                .ok()
                .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
                .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                .ok_or_else(|| format!("expected {EXPECTED}"))?,
            None => number(text, EXPECTED)?,
        };
        // To the kernel it is the class of what has none.
        if read == 0 { Err(format!("expected {EXPECTED}")) } else { Ok(NetClass(read)) }
    }
    fn show(&self) -> Vec<u8> {
        format!("{:#x}", self.0).into()
    }
}

impl Text for GroupName {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let parts = || text.split(|&b| b == b'/');
        if text.is_empty() {
            return Err("expected a control group, such as /jobs".into());
        }
        if parts().any(|part| part == b"..") {
            return Err("nothing in the name of a control group leads upwards".into());
        }
        let kept: Vec<_> = parts().filter(|part| !part.is_empty() && *part != b".").collect();
        let start: &[u8] = if text.starts_with(b"/") { b"/" } else { b"" };
        let name = [start, &kept.join(&b'/')].concat();
        // What is left of "." is the caller's own group.
        Ok(GroupName(c_string(if name.is_empty() { b".".to_vec() } else { name })?))
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_within_what_the_kernel_takes() {
        let tasks = |text: &str| Tasks::parse(text.as_bytes()).map(|tasks| tasks.0).ok();
        assert_eq!((tasks("1"), tasks("4194304")), (Some(1), Some(4_194_304)));
        assert_eq!(
            (tasks("0"), tasks("4194305"), tasks("-1"), tasks("max"), tasks("")),
            (None, None, None, None, None)
        );
        let percent = |text: &str| Percent::parse(text.as_bytes()).map(|percent| percent.0).ok();
        assert_eq!((percent("1"), percent("150"), percent("20%")), (Some(1), Some(150), Some(20)));
        assert_eq!((percent("0"), percent("%"), percent("1.5"), percent("1000001")), (None, None, None, None));
        let class = |text: &str| NetClass::parse(text.as_bytes()).map(|class| class.0).ok();
        assert_eq!((class("0x100001"), class("1048577")), (Some(0x10_0001), Some(0x10_0001)));
        assert_eq!(
            (class("0"), class("0x"), class("0x+1"), class("0x100000000"), class("1:1")),
            (None, None, None, None, None)
        );
        let swap = |text: &str| Swap::parse(text.as_bytes()).map(|swap| swap.0).ok();
        assert_eq!((swap("0"), swap("1m"), swap("-1"), swap("max")), (Some(0), Some(1 << 20), None, None));
        assert!(Memory::parse(b"0").is_err());
    }

    #[test]
    fn a_group_is_named_from_the_root_or_from_the_callers() {
        let name = |text: &str| GroupName::parse(text.as_bytes()).map(|name| name.0.into_string().unwrap()).ok();
        let is = |text: &str, name_is: &str| assert_eq!(name(text).as_deref(), Some(name_is));
        is("/", "/");
        is("/a//b/", "/a/b");
        is("a/./b", "a/b");
        is(".", ".");
        for bad in ["", "..", "/..", "a/../b", "/a/..", "a\0"] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }
}
