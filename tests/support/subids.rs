//! Ids that can be mapped besides one's own.

use std::fs;

use super::need::is_root;

/// The first of ids that lie together, at least this many.
pub const COUNT: u32 = 1000;

#[derive(Clone, Copy, Debug)]
pub struct SubIds {
    pub uid: u32,
    pub gid: u32,
}

/// Those of whoever runs the tests: any for root, what subuid(5) and subgid(5) give to others.
pub fn own() -> Option<SubIds> {
    if is_root() {
        return Some(SubIds { uid: 100_000, gid: 200_000 });
    }
    let uid = nix::unistd::getuid().as_raw().to_string();
    of(&passwd(|fields| fields[2] == uid)?[0])
}

/// Those of a user.
pub fn of(name: &str) -> Option<SubIds> {
    passwd(|fields| fields[0] == name)?;
    let has_tools = ["newuidmap", "newgidmap"].iter().all(|tool| std::path::Path::new("/usr/bin").join(tool).exists());
    let first = |file: &str| {
        let text = fs::read_to_string(file).ok()?;
        let fields = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        fields.into_iter().find(|f| f[0] == name && f[2].parse::<u32>().is_ok_and(|n| n >= COUNT))?[1].parse().ok()
    };
    has_tools.then_some(())?;
    Some(SubIds { uid: first("/etc/subuid")?, gid: first("/etc/subgid")? })
}

/// The line of passwd(5) that fits, in fields.
pub fn passwd(fits: impl Fn(&[String]) -> bool) -> Option<Vec<String>> {
    let text = fs::read_to_string("/etc/passwd").ok()?;
    text.lines().map(|line| line.split(':').map(String::from).collect::<Vec<_>>()).find(|fields| fits(fields))
}
