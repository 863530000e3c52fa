//! The file tree: a new root is put together beside the old one, takes its place, and the old one is detached.
//!
//! `layout` decides what lies where, from what was `asked` and from what programs need of the `system`; `op` is one such
//! decision. `tree` applies them, through `by_fd` or, before Linux 5.12, through `by_path`; `target` finds and makes mount
//! points, `store` holds what is private, `overlay` the layers of overlays.

mod asked;
mod by_fd;
mod by_path;
mod layout;
mod op;
mod overlay;
mod store;
mod system;
mod target;
mod tree;

use std::ffi::CString;

use crate::error::{Failure, PolicyError};
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::Namespace;
use crate::setting::text::show;
use crate::step::{Context, Step};
use op::{Base, Op, What, is_within};

pub struct Mounts {
    base: Base,
    writable: bool,
    ops: Vec<Op>,
    by_fd: bool,
}

/// Planned with a new mount namespace.
///
/// # Errors
/// File settings without one: nothing could hold what they ask for.
pub fn plan(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<Option<Mounts>, PolicyError> {
    if !wanted.is_new(Namespace::Mount) {
        return layout::refuse_file_settings(policy).map(|()| None);
    }
    let (base, ops) = layout::decide(policy, host, wanted)?;
    Ok(Some(Mounts { base, writable: policy.root_rw.on(), ops, by_fd: host.mount_fds }))
}

/// Whether what lies at `path` of the host's, absolute and normal, lies there inside too.
///
/// # Errors
/// As `plan`.
pub fn shows(policy: &Policy, host: &Host, path: &[u8]) -> Result<bool, PolicyError> {
    let wanted = Wanted::new(policy)?;
    if !wanted.is_new(Namespace::Mount) {
        return Ok(true);
    }
    let (base, ops) = layout::decide(policy, host, &wanted)?;
    // What is deepest was mounted last, and at one place there is one.
    let over = ops.iter().rev().find(|op| op.what != What::ReadOnly && is_within(path, op.target.to_bytes()));
    Ok(match over.map(|op| (&op.what, op.target.to_bytes())) {
        Some((What::Bind { source, .. }, target)) => source.to_bytes() == target,
        Some(_) => false,
        None => matches!(base, Base::Host | Base::HostBelow),
    })
}

/// On what a place lies to which something is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lies {
    /// On what was there.
    OnWhatIsThere,
    /// In a file system of the sandbox's own: the name was made, and above it these directories that nobody else asked for.
    InOurs { mount: CString, directories: Vec<CString> },
}

/// On what these places (absolute, normal) lie in a tree of `policy`, which is `without` and binds something to each of them.
///
/// # Errors
/// As `plan`; and a place that is not free, or from which what was made cannot be taken again.
pub fn lie(without: &Policy, policy: &Policy, host: &Host, places: &[CString]) -> Result<Vec<Lies>, PolicyError> {
    let wanted = Wanted::new(policy)?;
    let conflict = |place: &CString, why: &str| {
        PolicyError::conflict("route", format!("{}, which the program needs to load, {why}", show(place.to_bytes())))
    };
    if let Some(op) = layout::decide(without, host, &wanted)?.1.into_iter().find(|op| places.contains(&op.target)) {
        return Err(conflict(&op.target, "is where the policy puts something else"));
    }
    let (base, ops) = layout::decide(policy, host, &wanted)?;
    let others: Vec<&Op> = ops.iter().filter(|op| !places.contains(&op.target)).collect();
    // What is no mount has its names in the one below it.
    let is_mount = |op: &Op| !matches!(op.what, What::ReadOnly | What::Directory { .. });
    let below = |op: &&&Op, place: &CString| is_mount(op) && is_within(place.to_bytes(), op.target.to_bytes());
    let lies = |place: &CString| {
        let mut at = place.clone();
        for _ in 0..LINKS_MAX {
            let mount = match others.iter().rev().find(|op| below(op, &at)).map(|op| (&op.what, &op.target)) {
                Some((What::Tmpfs { .. }, target)) => target.clone(),
                Some((What::Bind { .. }, _)) => return Ok(Lies::OnWhatIsThere),
                // What is below a link's name is where the link leads.
                Some((What::Link(text), target)) => match through(text, target, &at) {
                    Some(path) => {
                        at = path;
                        continue;
                    }
                    None => break,
                },
                None if base == Base::Empty => c"/".into(),
                None if !matches!(base, Base::Overlay(_)) => return Ok(Lies::OnWhatIsThere),
                _ => break,
            };
            let slashes = (1..at.count_bytes()).filter(|&end| at.to_bytes().get(end) == Some(&b'/'));
            let above = slashes.filter_map(|end| CString::new(at.to_bytes().get(..end)?).ok());
            let is_asked_for =
                |path: &CString| others.iter().any(|op| is_within(op.target.to_bytes(), path.to_bytes()));
            let inside = |path: &CString| path != &mount && is_within(path.to_bytes(), mount.to_bytes());
            let directories = above.filter(|path| inside(path) && !is_asked_for(path)).collect();
            return Ok(Lies::InOurs { mount, directories });
        }
        Err(conflict(place, "could not be taken from the tree again"))
    };
    places.iter().map(lies).collect()
}

/// As the kernel follows them, path_resolution(7).
const LINKS_MAX: usize = 40;

/// Where `path` leads, which is below the link `target` with this text.
fn through(text: &CString, target: &CString, path: &CString) -> Option<CString> {
    let rest = path.to_bytes().get(target.count_bytes()..)?;
    let above = target.to_bytes().rsplitn(2, |&byte| byte == b'/').nth(1)?;
    let start = if text.to_bytes().starts_with(b"/") { &b""[..] } else { above };
    let slash = if text.to_bytes().starts_with(b"/") { &b""[..] } else { b"/" };
    let path = [start, slash, text.to_bytes(), rest].concat();
    let is_plain = path.split(|&byte| byte == b'/').skip(1).all(|name| !matches!(name, b"" | b"." | b".."));
    is_plain.then(|| CString::new(path).ok()).flatten()
}

impl Step for Mounts {
    fn name(&self) -> &'static str {
        "mounts"
    }
    fn describe(&self) -> String {
        let read_only = !self.writable && !matches!(self.base, Base::Overlay(_));
        let mut says = format!("/ is {}{}", self.base.describe(), if read_only { ", read-only" } else { "" });
        for op in &self.ops {
            says.push_str("; ");
            says.push_str(&op.describe());
        }
        says
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        if self.by_fd {
            tree::build::<by_fd::ByFd>(&self.base, self.writable, &self.ops)
        } else {
            tree::build::<by_path::ByPath>(&self.base, self.writable, &self.ops)
        }
    }
    fn object(&self, number: u32) -> String {
        let number = number as usize;
        let (op, part) = (number / tree::PARTS, number % tree::PARTS);
        match (op.checked_sub(1).and_then(|op| self.ops.get(op)), &self.base) {
            (Some(op), _) => op.part_name(part),
            (None, Base::Overlay(layers)) if part >= op::LAYERS => {
                layers.dir(part - op::LAYERS).map_or_else(|| "/".into(), |dir| show(dir.to_bytes()))
            }
            (None, base) if part == tree::BASE => base.describe(),
            (None, _) => "/".into(),
        }
    }
}
