//! What a program has done, as far as a filter can tell it apart: calls, the arguments worth pinning, and paths.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use sandbox_core::seccomp::{self, eval};
use sandbox_core::setting::text;

use super::decide::Answer;
use super::{decode, process};

/// The arguments worth pinning: which, and the bits of it that say what is done.
#[rustfmt::skip]
const PINNED: &[(&str, u8, u32)] = &[
    ("clone", 0, u32::MAX),
    ("fcntl", 1, u32::MAX),
    ("ioctl", 1, u32::MAX),
    ("mmap", 2, u32::MAX),
    ("mprotect", 2, u32::MAX),
    ("personality", 0, u32::MAX),
    ("pkey_mprotect", 2, u32::MAX),
    ("prctl", 0, u32::MAX),
    ("socket", 0, u32::MAX),
    ("socketpair", 0, u32::MAX),
];

/// A call with more values than these is one that takes any.
const VALUES_MAX: usize = 64;
/// As many paths are kept; what comes after is counted.
const PATHS_MAX: usize = 20_000;
/// Before each line that is read again when another run is added.
const MARK: &str = "learned: ";

/// The argument of a call that is pinned.
pub fn pinned(nr: u32) -> Option<(u8, u32)> {
    let name = seccomp::name(nr)?;
    PINNED.iter().find(|(known, ..)| *known == name).map(|&(_, arg, mask)| (arg, mask))
}

/// The values an argument had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Values {
    These(BTreeSet<u32>),
    #[default]
    Any,
}

/// What was seen, in this run and those before it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Learned {
    pub calls: BTreeMap<u32, Values>,
    /// Calls that were refused, with the error number that they met.
    pub refused: BTreeMap<u32, u16>,
    /// Whether it is written to.
    pub paths: BTreeMap<Vec<u8>, bool>,
    pub unresolved: u64,
}

impl Learned {
    /// Adds a call that waits.
    pub fn add(&mut self, call: &eval::Call, answer: Answer, thread: i32) {
        if call.arch != eval::Call::new(0, [0; 6]).arch || seccomp::name(call.nr).is_none() {
            return;
        }
        match answer {
            Answer::Errno(errno) => {
                self.refused.insert(call.nr, errno);
                return;
            }
            Answer::Trapped(_) | Answer::ThreadKilled | Answer::Killed => return,
            Answer::Allowed | Answer::Logged => {}
        }
        self.call(call.nr, pinned(call.nr).map(|(arg, mask)| value(call, arg) & mask));
        for (path, writes) in decode::paths(call) {
            self.path(call, path, writes, thread);
        }
    }

    fn call(&mut self, nr: u32, value: Option<u32>) {
        match value {
            None => *self.calls.entry(nr).or_default() = Values::Any,
            Some(value) => {
                let values = self.calls.entry(nr).or_insert_with(|| Values::These(BTreeSet::new()));
                if let Values::These(these) = values {
                    these.insert(value);
                    if these.len() > VALUES_MAX {
                        *values = Values::Any;
                    }
                }
            }
        }
    }

    fn path(&mut self, call: &eval::Call, path: decode::Path, writes: bool, thread: i32) {
        let Some(name) = process::string(thread, path.at(call)).filter(|name| !name.is_empty()) else { return };
        let whole = match (name.first(), path.directory(call)) {
            (Some(b'/'), _) => Some(name),
            (_, None) => process::link(thread, "cwd").map(|dir| [dir, b"/".to_vec(), name].concat()),
            (_, Some(fd)) => process::link(thread, &format!("fd/{fd}")).map(|dir| [dir, b"/".to_vec(), name].concat()),
        };
        match whole.filter(|whole| is_spelled(whole)) {
            // What is looked for and not there is nothing to bind.
            Some(whole) if !writes && !process::is_there(thread, &whole) => {}
            Some(whole) if self.paths.len() < PATHS_MAX || self.paths.contains_key(&normal(&whole)) => {
                *self.paths.entry(normal(&whole)).or_default() |= writes;
            }
            _ => self.unresolved += 1,
        }
    }

    /// Lines from which `read` makes the same again, each with this before it.
    pub fn text(&self, comment: &str) -> String {
        let mut out = String::new();
        let name = |nr: u32| seccomp::name(nr).unwrap_or("?");
        // ignored here and below: writing to a string does not fail
        for (&nr, values) in &self.calls {
            let _ = write!(out, "{comment}{MARK}call {}", name(nr));
            if let Values::These(values) = values {
                for value in values {
                    let _ = write!(out, " {value:#x}");
                }
            }
            out.push('\n');
        }
        for (&nr, errno) in &self.refused {
            let _ = writeln!(out, "{comment}{MARK}refused {} {errno}", name(nr));
        }
        for (path, writes) in &self.paths {
            let kind = if *writes { "writes" } else { "reads" };
            let _ = writeln!(out, "{comment}{MARK}{kind} {}", text::show(path));
        }
        out
    }

    /// What `text` wrote into a file, whatever else is in it.
    ///
    /// # Errors
    /// A line that is none of these.
    pub fn read(file: &str) -> Result<Learned, String> {
        let mut learned = Learned::default();
        for line in file.lines() {
            let line = line.trim_start_matches(['#', '/', ' ']);
            let Some(line) = line.strip_prefix(MARK) else { continue };
            learned.line(line).ok_or_else(|| {
                let shown: String = text::show(line.as_bytes()).chars().take(200).collect();
                format!("'{MARK}{shown}' is none of its lines")
            })?;
        }
        Ok(learned)
    }

    fn line(&mut self, line: &str) -> Option<()> {
        let (kind, rest) = line.split_once(' ')?;
        match kind {
            "call" => {
                let mut words = rest.split(' ');
                let nr = seccomp::number(words.next()?)?;
                let values: Option<Vec<u32>> =
                    words.map(|word| u32::from_str_radix(word.strip_prefix("0x")?, 16).ok()).collect();
                match values?.as_slice() {
                    [] => self.call(nr, None),
                    // Of two files that somebody put together, both hold.
                    values => values.iter().for_each(|&value| self.call(nr, Some(value))),
                }
            }
            "refused" => {
                let (name, errno) = rest.split_once(' ')?;
                self.refused.insert(seccomp::number(name)?, errno.parse().ok()?);
            }
            "reads" | "writes" if is_spelled(rest.as_bytes()) => {
                *self.paths.entry(rest.as_bytes().to_vec()).or_default() |= kind == "writes"
            }
            _ => return None,
        }
        Some(())
    }
}

fn value(call: &eval::Call, arg: u8) -> u32 {
    call.args.get(usize::from(arg)).map_or(0, |value| (value & 0xffff_ffff) as u32)
}

/// Whether it is a path that can be written down as it is: another would be another's when it is read again.
fn is_spelled(path: &[u8]) -> bool {
    path.first() == Some(&b'/') && text::show(path).as_bytes() == path
}

/// Without `.` and empty names; `..` takes a name away, as it would but for links.
fn normal(path: &[u8]) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|&b| b == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    [b"/", &names.join(&b'/')[..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, args: [u64; 6]) -> eval::Call {
        eval::Call::new(seccomp::number(name).unwrap(), args)
    }

    #[test]
    fn what_was_learned_reads_back_and_adds_up() {
        let own = std::process::id().cast_signed();
        let mut learned = Learned::default();
        let path = std::ffi::CString::new("/proc/./self//maps").unwrap();
        let cwd = libc::AT_FDCWD as u64;
        learned.add(&call("openat", [cwd, path.as_ptr() as u64, 0, 0, 0, 0]), Answer::Allowed, own);
        learned.add(&call("ioctl", [0, 0x5401, 0, 0, 0, 0]), Answer::Allowed, own);
        learned.add(&call("ioctl", [0, 0x5413, 0, 0, 0, 0]), Answer::Logged, own);
        learned.add(&call("clone3", [0; 6]), Answer::Errno(38), own);
        learned.add(&call("ptrace", [0; 6]), Answer::Killed, own);
        for comment in ["# ", "// "] {
            let text = learned.text(comment);
            assert!(
                text.contains("learned: call ioctl 0x5401 0x5413\n") && text.contains("learned: refused clone3 38\n")
            );
            assert!(text.contains("learned: reads /proc/self/maps\n") && !text.contains("ptrace"), "{text}");
            assert_eq!(Learned::read(&format!("uid = 1\n{text}")), Ok(Learned::read(&text).unwrap()));
            assert_eq!(Learned::read(&text).unwrap(), learned);
        }
        assert!(Learned::read("# learned: call nothing").is_err());
        assert!(Learned::read("# learned: call read 5").is_err());
    }

    #[test]
    fn a_file_that_was_written_to_once_is_written_to() {
        let own = std::process::id().cast_signed();
        let at = |flags: i32| {
            let path = c"/usr/lib".as_ptr() as u64;
            call("openat", [libc::AT_FDCWD as u64, path, flags as u64, 0, 0, 0])
        };
        for order in [[libc::O_RDONLY, libc::O_WRONLY], [libc::O_WRONLY, libc::O_RDONLY]] {
            let mut learned = Learned::default();
            order.iter().for_each(|&flags| learned.add(&at(flags), Answer::Allowed, own));
            assert_eq!(learned.paths, [(b"/usr/lib".to_vec(), true)].into());
        }
        for lines in ["# learned: reads /a\n# learned: writes /a\n", "# learned: writes /a\n# learned: reads /a\n"] {
            assert_eq!(Learned::read(lines).unwrap().paths, [(b"/a".to_vec(), true)].into());
        }
    }

    #[test]
    fn a_path_is_told_from_where_it_is_looked_for() {
        use std::os::fd::AsRawFd;
        let own = std::process::id().cast_signed();
        let dir = std::fs::File::open("/usr").unwrap();
        let under = |fd: i32, path: &std::ffi::CStr| {
            let mut learned = Learned::default();
            learned.add(&call("openat", [fd as u64, path.as_ptr() as u64, 0, 0, 0, 0]), Answer::Allowed, own);
            (learned.paths.into_keys().collect::<Vec<_>>(), learned.unresolved)
        };
        assert_eq!(under(dir.as_raw_fd(), c"./lib"), (vec![b"/usr/lib".to_vec()], 0));
        assert_eq!(under(dir.as_raw_fd(), c"/usr/bin"), (vec![b"/usr/bin".to_vec()], 0));
        let here = std::env::current_dir().unwrap().into_os_string().into_encoded_bytes();
        assert_eq!(under(libc::AT_FDCWD, c"."), (vec![here], 0));
        assert_eq!(under(-7, c"lib"), (vec![], 1), "a directory that is none");
    }

    #[test]
    fn only_paths_that_can_be_written_down_are() {
        let own = std::process::id().cast_signed();
        let mut learned = Learned::default();
        let mkdir = call("mkdir", [c"/a\nb".as_ptr() as u64, 0, 0, 0, 0, 0]);
        learned.add(&mkdir, Answer::Allowed, own);
        assert_eq!((learned.paths.len(), learned.unresolved), (0, 1));
        for line in ["reads a/b", "reads ", "writes /a\tb", "reads", "opens /a"] {
            assert!(Learned::read(&format!("# learned: {line}")).is_err(), "{line}");
        }
    }

    #[test]
    fn a_call_with_very_many_values_takes_any() {
        let mut learned = Learned::default();
        for request in 0..100 {
            learned.add(&call("ioctl", [0, request, 0, 0, 0, 0]), Answer::Allowed, 1);
        }
        assert_eq!(learned.calls.values().collect::<Vec<_>>(), [&Values::Any]);
    }
}
