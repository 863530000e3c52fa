//! One decision about the tree, with everything its system calls need.

use std::ffi::{CStr, CString};

use crate::setting::text::show;

/// What the new root is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    Host,
    Empty,
    Dir(CString),
}

impl Base {
    pub fn describe(&self) -> String {
        match self {
            Base::Host => "the host's tree".into(),
            Base::Empty => "an empty tmpfs".into(),
            Base::Dir(dir) => show(dir.to_bytes()),
        }
    }
}

/// What comes to lie at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A part of the host's tree.
    Bind { source: CString, access: Access, skip_missing_source: bool },
    /// A private file system in memory; sealed: read-only once everything below it is there.
    Tmpfs { size: Option<CString>, mode: CString, sealed: bool },
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
}

/// What a bind may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    ReadOnly,
    Writable,
    /// Device nodes work; nothing can be made or changed.
    Devices,
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

    pub fn target_name(&self) -> String {
        show(self.target.to_bytes())
    }

    pub fn source_name(&self) -> String {
        match &self.what {
            What::Bind { source, .. } => show(source.to_bytes()),
            _ => self.target_name(),
        }
    }

    pub fn describe(&self) -> String {
        let target = self.target_name();
        match &self.what {
            What::Bind { source, access, skip_missing_source } => {
                let access = match access {
                    Access::ReadOnly => "ro",
                    Access::Writable => "rw",
                    Access::Devices => "dev",
                };
                let source = show(source.to_bytes());
                let from = if source == target { String::new() } else { format!(" from {source}") };
                format!("{target} {access}{from}{}", if *skip_missing_source { ", if there" } else { "" })
            }
            What::Tmpfs { size, sealed, .. } => {
                let size = size.as_ref().map(|size| format!(" of {} bytes", show(size.to_bytes())));
                format!("{target} {}tmpfs{}", if *sealed { "sealed " } else { "" }, size.unwrap_or_default())
            }
            What::Hide => format!("{target} hidden"),
            What::ReadOnly => format!("{target} ro"),
            What::Proc { writable } => {
                format!("{target} procfs{}", if *writable { "" } else { " ro" })
            }
            What::Devpts => format!("{target} devpts"),
            What::Link(text) => format!("{target} -> {}", show(text.to_bytes())),
        }
    }
}

/// Whether `path` is `of` or lies below it.
pub fn is_within(path: &[u8], of: &[u8]) -> bool {
    of == b"/" || path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
