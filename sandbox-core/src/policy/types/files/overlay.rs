//! Directories of the host's on top of each other.

use std::ffi::CString;

use super::{Inside, executable, fields, once, outside, put, value};
use crate::setting::value::Text;

/// An overlay: what is read comes from the first layer that has it, what is written goes to the upper one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// The path inside; `/` makes it the root.
    pub target: Inside,
    /// Directories of the host's that are only read, the top one first; at least one.
    pub lower: Vec<CString>,
    /// Where changes are kept; absent: in memory, until the end.
    pub upper: Option<Upper>,
    /// Files in it cannot be executed.
    pub noexec: bool,
}

/// Directories of the host's in one file system, neither within the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upper {
    /// What was changed.
    pub dir: CString,
    /// Empty; the kernel prepares changes in it.
    pub work: CString,
}

impl Overlay {
    /// Whether it is what `/` is.
    pub fn is_root(&self) -> bool {
        self.target.bytes() == b"/"
    }
}

impl Text for Overlay {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut fields = fields(text)?.into_iter();
        let target = Inside::parse(&fields.next().unwrap_or_default())?;
        let (mut lower, mut dir, mut work, mut exec) = (Vec::new(), None, None, None);
        for field in fields {
            let field = field.as_slice();
            let path = |name| value(field, name).map(|path| outside(path.to_vec(), name)).transpose();
            match (path("lower")?, path("upper")?, path("work")?) {
                (Some(path), ..) => lower.push(path),
                (_, Some(path), _) => once(&mut dir, path, "upper")?,
                (.., Some(path)) => once(&mut work, path, "work")?,
                _ if field == b"exec" => executable(&mut exec, true)?,
                _ if field == b"noexec" => executable(&mut exec, false)?,
                _ => {
                    return Err(
                        "expected DST, then lower=DIR at least once, upper=DIR and work=DIR or neither, exec or \
                                noexec"
                            .into(),
                    );
                }
            }
        }
        let upper = match (dir, work) {
            (Some(dir), Some(work)) => Some(Upper { dir, work }),
            (None, None) => None,
            (Some(_), None) => return Err("upper needs work=DIR, an empty directory in the same file system".into()),
            (None, Some(_)) => return Err("work needs upper=DIR, a directory in the same file system".into()),
        };
        if lower.is_empty() {
            return Err("at least one lower=DIR is needed".into());
        }
        Ok(Overlay { target, lower, upper, noexec: exec == Some(false) })
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = Vec::new();
        put(self.target.bytes(), &mut shown);
        let mut path = |key: &[u8], path: &CString| put(&[key, path.to_bytes()].concat(), &mut shown);
        self.lower.iter().for_each(|dir| path(b"lower=", dir));
        if let Some(upper) = &self.upper {
            path(b"upper=", &upper.dir);
            path(b"work=", &upper.work);
        }
        if self.noexec {
            put(b"noexec", &mut shown);
        }
        shown
    }
}
