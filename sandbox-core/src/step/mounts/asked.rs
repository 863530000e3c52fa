//! The file settings as ops. Pure.

use std::ffi::{CStr, CString};

use super::layout::{cover, is_kept_away};
use super::op::{Access, Layers, Op, What};
use crate::error::PolicyError;
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::{Bind, Namespace, Overlay, Tmpfs, c_string, normal};

/// The ops of all settings that name a place, sorted by it. Of those for one place the last holds, in the order below.
pub fn asked_for(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<Vec<Op>, PolicyError> {
    let mut asked: Vec<Op> = Vec::new();
    asked.extend(policy.hide.items().iter().map(|path| Op::asked(&path.0, What::Hide)));
    for dir in policy.dir.items() {
        asked.push(Op::asked(&dir.target.0, What::Directory { mode: dir.mode }));
    }
    for link in policy.symlink.items() {
        asked.push(Op::asked(&link.target.0, What::Link(link.text.clone())));
    }
    for tmpfs in policy.tmpfs.items() {
        asked.push(Op::asked(&tmpfs.target.0, memory(tmpfs)?));
    }
    for overlay in policy.overlay.items().iter().filter(|overlay| !overlay.is_root()) {
        asked.push(Op::asked(&overlay.target.0, What::Overlay(layers(overlay, host, wanted)?)));
    }
    for file in policy.file.items() {
        let what = What::File { text: file.text.clone(), mode: file.mode.unwrap_or(0o444) };
        asked.push(Op::asked(&file.target.0, what));
    }
    binds("bind-ro", policy.bind_ro.items(), host, &mut asked)?;
    binds("bind-ro-try", policy.bind_ro_try.items(), host, &mut asked)?;
    binds("bind", policy.bind.items(), host, &mut asked)?;
    binds("bind-try", policy.bind_try.items(), host, &mut asked)?;

    // The sort is stable, so that the last of each place comes to be its first.
    asked.reverse();
    asked.sort_by(|one, other| one.target.cmp(&other.target));
    asked.dedup_by(|later, first| later.target == first.target);
    // What is hidden but for something below it needs room for that, which the shared empty directory has not.
    let room: Vec<bool> = asked.iter().map(|op| op.what == What::Hide && has_below(&asked, &op.target)).collect();
    for (op, _) in asked.iter_mut().zip(room).filter(|(_, room)| *room) {
        op.what = cover();
    }
    Ok(asked)
}

/// Whether something is asked for at this place.
pub fn is_given(sorted: &[Op], target: &CStr) -> bool {
    sorted.binary_search_by(|op| op.target.as_c_str().cmp(target)).is_ok()
}

/// Whether something is asked for below this place.
fn has_below(sorted: &[Op], target: &CStr) -> bool {
    let below = [target.to_bytes(), b"/"].concat();
    let next = sorted.partition_point(|op| op.target.to_bytes() < below.as_slice());
    sorted.get(next).is_some_and(|op| op.target.to_bytes().starts_with(&below))
}

fn memory(tmpfs: &Tmpfs) -> Result<What, PolicyError> {
    let text = |text: String| c_string(text.into_bytes()).map_err(|why| PolicyError::conflict("tmpfs", why));
    Ok(What::Tmpfs {
        size: tmpfs.size.map(|size| text(size.to_string())).transpose()?,
        mode: text(format!("{:o}", tmpfs.mode.unwrap_or(0o1777)))?,
        sealed: false,
        noexec: tmpfs.noexec,
    })
}

/// An overlay's directories as the kernel is to find them.
pub fn layers(overlay: &Overlay, host: &Host, wanted: &Wanted) -> Result<Layers, PolicyError> {
    let lower = overlay.lower.iter().map(|dir| absolute(host, dir)).collect::<Result<_, _>>()?;
    let upper = match &overlay.upper {
        Some(upper) => Some([absolute(host, &upper.dir)?, absolute(host, &upper.work)?]),
        None => None,
    };
    Ok(Layers { lower, upper, userxattr: wanted.is_new(Namespace::User), noexec: overlay.noexec })
}

fn binds<const WRITABLE: bool>(
    name: &str,
    binds: &[Bind<WRITABLE>],
    host: &Host,
    asked: &mut Vec<Op>,
) -> Result<(), PolicyError> {
    let skip_missing_source = name.ends_with("-try");
    for bind in binds {
        let (source, target) = ends(bind, host, name)?;
        let access = Access { writable: !bind.read_only, exec: bind.may_execute(), dev: bind.dev };
        asked.push(Op::asked(&target, What::Bind { source, access, skip_missing_source }));
    }
    Ok(())
}

fn ends<const WRITABLE: bool>(
    bind: &Bind<WRITABLE>,
    host: &Host,
    name: &str,
) -> Result<(CString, CString), PolicyError> {
    let source = absolute(host, &bind.source)?;
    let target = match &bind.target {
        Some(target) => target.0.clone(),
        None => {
            let failed = |why| PolicyError::conflict(name, format!("{why}; give the target after a ':'"));
            c_string(normal(source.to_bytes()).map_err(failed)?).map_err(failed)?
        }
    };
    // `build` binds the current directory, which may be one that the default profile keeps away on purpose.
    if bind.target.is_none() && bind.source.as_c_str() == c"." {
        let dir = target.to_bytes();
        if is_kept_away(host, dir) {
            let dir = crate::setting::text::show(dir);
            return Err(PolicyError::conflict(
                &format!("{name} ."),
                format!("the current directory is {dir}; change to one made for the work, or name it: --{name} {dir}"),
            ));
        }
    }
    if target.to_bytes() == b"/" {
        return Err(PolicyError::conflict(name, "the root itself is chosen by the setting root"));
    }
    Ok((source, target))
}

/// A path of the host's, from the caller's current directory.
pub fn absolute(host: &Host, path: &CStr) -> Result<CString, PolicyError> {
    let path = path.to_bytes();
    let joined = match path.first() {
        Some(b'/') => path.to_vec(),
        _ if path == b"." => host.cwd.to_bytes().to_vec(),
        _ => [host.cwd.to_bytes(), b"/", path.strip_prefix(b"./").unwrap_or(path)].concat(),
    };
    c_string(joined).map_err(|why| PolicyError::conflict("path", why))
}
