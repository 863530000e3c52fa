//! One decision about the tree, with everything its system calls need.

use std::ffi::{CStr, CString};

use crate::setting::text::show;
use crate::sys::mount::{ATTR_NODEV, ATTR_NOEXEC, ATTR_NOSUID, ATTR_RDONLY};

/// What the new root is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    Host,
    /// The same below a new root, for names that the host's root does not have.
    HostBelow,
    Empty,
    Dir(CString),
    Overlay(Layers),
}

/// Directories of the host's to be laid on top of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers {
    /// The top one first.
    pub lower: Vec<CString>,
    /// Where changes are kept, and where they are prepared; absent: in memory.
    pub upper: Option<[CString; 2]>,
    /// Marks are user.overlay.* attributes: trusted.* ones take a capability of the host's.
    pub userxattr: bool,
    pub noexec: bool,
}

impl Layers {
    pub fn describe(&self) -> String {
        let mut says = String::from("overlay of ");
        says.push_str(&self.lower.iter().map(|dir| show(dir.to_bytes())).collect::<Vec<_>>().join(" over "));
        if let Some([upper, _]) = &self.upper {
            says.push_str(&format!(", changes kept in {}", show(upper.to_bytes())));
        }
        says + if self.noexec { ", noexec" } else { "" }
    }

    /// The directory of this number: the lowers in order, then upper and work.
    pub fn dir(&self, number: usize) -> Option<&CString> {
        self.lower.iter().chain(self.upper.iter().flatten()).nth(number)
    }

    pub fn attributes(&self) -> u64 {
        ATTR_NOSUID | ATTR_NODEV | if self.noexec { ATTR_NOEXEC } else { 0 }
    }
}

impl Base {
    pub fn describe(&self) -> String {
        match self {
            Base::Host | Base::HostBelow => "the host's tree".into(),
            Base::Empty => "an empty tmpfs".into(),
            Base::Dir(dir) => show(dir.to_bytes()),
            Base::Overlay(layers) => format!("an {}", layers.describe()),
        }
    }
}

/// What comes to lie at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A part of the host's tree.
    Bind { source: CString, access: Access, skip_missing_source: bool },
    /// The host's device node of the same path, where it has one.
    Node,
    /// A private file system in memory; sealed: read-only once everything below it is there.
    Tmpfs { size: Option<CString>, mode: CString, sealed: bool, noexec: bool },
    /// Directories of the host's on top of each other.
    Overlay(Layers),
    /// An empty directory, or /dev/null over a file.
    Hide,
    /// What lies there already, read-only.
    ReadOnly,
    /// A fresh procfs of the new pid namespace.
    Proc { writable: bool },
    /// A private instance of devpts.
    Devpts,
    /// A symbolic link with this text.
    Link(CString),
    /// An empty directory; without a mode, whatever is there serves.
    Directory { mode: Option<u32> },
    /// A read-only file.
    File { text: CString, mode: u32 },
}

/// What a bind may be used for. Nothing takes its set-id bits from the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    pub writable: bool,
    pub exec: bool,
    /// Device nodes work.
    pub dev: bool,
}

impl Access {
    pub const READ_ONLY: Self = Self { writable: false, exec: true, dev: false };
    /// Device nodes work; nothing can be made or changed.
    pub const DEVICES: Self = Self { writable: false, exec: false, dev: true };

    pub fn attributes(self) -> u64 {
        let refused = [(!self.writable, ATTR_RDONLY), (!self.dev, ATTR_NODEV), (!self.exec, ATTR_NOEXEC)];
        refused.iter().filter(|(refused, _)| *refused).fold(ATTR_NOSUID, |all, (_, attribute)| all | attribute)
    }

    fn describe(self) -> &'static str {
        match (self.writable, self.exec, self.dev) {
            (false, true, false) => "ro",
            (false, false, false) => "ro noexec",
            (true, false, false) => "rw",
            (true, true, false) => "rw exec",
            (false, true, true) => "ro dev",
            (false, false, true) => "ro noexec dev",
            (true, false, true) => "rw dev",
            (true, true, true) => "rw exec dev",
        }
    }
}

/// Where, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// Absolute and normal.
    pub target: CString,
    pub what: What,
    /// Nobody asked for this place by name: where the tree does not have it, there is nothing to do.
    pub skip_missing_target: bool,
}

impl Op {
    /// An op the policy asked for.
    pub fn asked(target: &CStr, what: What) -> Self {
        Self { target: target.into(), what, skip_missing_target: false }
    }

    /// An op of the profile's for trees that have the place.
    pub fn where_present(target: &CStr, what: What) -> Self {
        Self { skip_missing_target: true, ..Self::asked(target, what) }
    }

    /// How deep the target lies: what is deeper is mounted later, or it would be covered.
    pub fn depth(&self) -> usize {
        self.target.to_bytes().iter().filter(|&&byte| byte == b'/').count()
    }

    /// The name in the root that the target lies at or below.
    pub fn top(&self) -> &[u8] {
        self.target.to_bytes().split(|&byte| byte == b'/').nth(1).unwrap_or_default()
    }

    pub fn target_name(&self) -> String {
        show(self.target.to_bytes())
    }

    /// The name of a part of the op: 0 is the target, 1 the source, what follows the layers.
    pub fn part_name(&self, part: usize) -> String {
        let outside = match (part, &self.what) {
            (0, _) => None,
            (_, What::Bind { source, .. }) => Some(source),
            (_, What::Overlay(layers)) => part.checked_sub(LAYERS).and_then(|number| layers.dir(number)),
            _ => None,
        };
        outside.map_or_else(|| self.target_name(), |path| show(path.to_bytes()))
    }

    pub fn describe(&self) -> String {
        let target = self.target_name();
        match &self.what {
            What::Bind { source, access, skip_missing_source } => {
                let access = access.describe();
                let source = show(source.to_bytes());
                let from = if source == target { String::new() } else { format!(" from {source}") };
                format!("{target} {access}{from}{}", if *skip_missing_source { ", if there" } else { "" })
            }
            What::Node => format!("{target} dev, if there"),
            What::Tmpfs { size, sealed, noexec, .. } => {
                let size = size.as_ref().map(|size| format!(" of {} bytes", show(size.to_bytes())));
                let (sealed, noexec) = (if *sealed { "sealed " } else { "" }, if *noexec { " noexec" } else { "" });
                format!("{target} {sealed}tmpfs{noexec}{}", size.unwrap_or_default())
            }
            What::Overlay(layers) => format!("{target} {}", layers.describe()),
            What::Hide => format!("{target} hidden"),
            What::ReadOnly => format!("{target} ro"),
            What::Proc { writable } => {
                format!("{target} procfs{}", if *writable { "" } else { " ro" })
            }
            What::Devpts => format!("{target} devpts"),
            What::Link(text) => format!("{target} -> {}", show(text.to_bytes())),
            What::Directory { mode: Some(mode) } => format!("{target} directory, mode {mode:o}"),
            What::Directory { mode: None } => format!("{target} directory"),
            What::File { text, mode } => {
                format!("{target} file of {} bytes, mode {mode:o}", text.to_bytes().len())
            }
        }
    }
}

/// The part number of an op's first layer.
pub const LAYERS: usize = 2;

/// Whether `path` is `of` or lies below it.
pub fn is_within(path: &[u8], of: &[u8]) -> bool {
    of == b"/" || path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
