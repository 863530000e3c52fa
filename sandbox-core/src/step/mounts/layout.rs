//! What lies where: the file settings and the default profile's promises, as ops in the order of mounting. Pure.

use std::ffi::{CStr, CString};

use super::asked::{absolute, asked_for, is_given, layers};
use super::op::{Access, Base, Op, What, is_within};
use super::system::{dev, proc};
use crate::error::PolicyError;
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::{Root, c_string, normal};
use crate::setting::value::Value;
use crate::step::uplink;

/// Private in a tree that cannot be written. `/dev/shm` belongs to the private `/dev`, or is covered in the host's.
const PRIVATE: [(&CStr, &CStr); 3] = [(c"/tmp", c"1777"), (c"/var/tmp", c"1777"), (c"/run", c"755")];

/// Where homes are, besides $HOME.
const HOMES: [&CStr; 2] = [c"/home", c"/root"];

/// Directories that are some account's $HOME in /etc/passwd, and the system's own: hiding them would hide programs.
const NOT_HOMES: [&[u8]; 11] =
    [b"/bin", b"/boot", b"/dev", b"/etc", b"/lib", b"/lib64", b"/proc", b"/sbin", b"/sys", b"/usr", b"/nonexistent"];

/// Without a mount namespace nothing of these can hold.
pub fn refuse_file_settings(policy: &Policy) -> Result<(), PolicyError> {
    let given: [(&str, bool); 14] = [
        ("root", policy.root.is_some()),
        ("root-rw", policy.root_rw.on()),
        ("bind", policy.bind.given().is_some()),
        ("bind-ro", policy.bind_ro.given().is_some()),
        ("bind-try", policy.bind_try.given().is_some()),
        ("bind-ro-try", policy.bind_ro_try.given().is_some()),
        ("tmpfs", policy.tmpfs.given().is_some()),
        ("overlay", policy.overlay.given().is_some()),
        ("symlink", policy.symlink.given().is_some()),
        ("dir", policy.dir.given().is_some()),
        ("file", policy.file.given().is_some()),
        ("hide", policy.hide.given().is_some()),
        ("proc", policy.proc.is_some()),
        ("dev", policy.dev.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(PolicyError::conflict(name, "needs a new mount namespace")),
        None => Ok(()),
    }
}

/// The base and the ops, top of the tree first; at the same place a later setting holds.
pub fn decide(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<(Base, Vec<Op>), PolicyError> {
    let base = base(policy, host, wanted)?;
    let asked = asked_for(policy, host, wanted)?;
    let mut ops = Vec::new();
    proc(policy, wanted, &base, &mut ops)?;
    dev(policy, &base, &mut ops);
    if let Some(cgroups) = host.cgroups.as_ref().filter(|_| base == Base::Host && policy.root_rw.on()) {
        // The files of the limits are among them, and their owner may be the program's user.
        for point in cgroups.mount_points() {
            let at = c_string(point.to_vec()).map_err(|why| PolicyError::conflict("root-rw", why))?;
            ops.push(Op::where_present(&at, What::ReadOnly));
        }
    }
    // Another tree is what whoever named it made of it; where nothing can be written there is still room for scratch.
    if base == Base::Host {
        hide_homes(policy, host, &asked, &mut ops);
    }
    if base == Base::Host || (matches!(base, Base::Dir(_)) && !policy.root_rw.on()) {
        private(&mut ops);
    }
    if let Some(text) = uplink::resolv_conf(policy, host) {
        ops.push(Op::asked(c"/etc/resolv.conf", What::File { text, mode: 0o444 }));
    }
    ops.retain(|op| !is_given(&asked, &op.target));
    ops.extend(asked);
    ops.sort_by_cached_key(Op::depth);
    Ok((base, ops))
}

fn base(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<Base, PolicyError> {
    // Of several the last holds, as at every other place.
    let overlay = policy.overlay.items().iter().rfind(|overlay| overlay.is_root());
    Ok(match (overlay, wanted.root(policy)) {
        (Some(_), _) if policy.root.is_some() => {
            return Err(PolicyError::conflict("overlay", "at / it is the root, and the setting root names another"));
        }
        (Some(overlay), _) => Base::Overlay(layers(overlay, host, wanted)?),
        (None, Root::Host) => Base::Host,
        (None, Root::Empty) => Base::Empty,
        (None, Root::Dir(dir)) => Base::Dir(absolute(host, dir)?),
    })
}

fn private(ops: &mut Vec<Op>) {
    for (path, mode) in PRIVATE {
        let what = What::Tmpfs { size: None, mode: mode.into(), sealed: false, noexec: false };
        ops.push(Op::where_present(path, what));
    }
}

/// Hidden homes, and the current directory where these or the private directories would hide it.
fn hide_homes(policy: &Policy, host: &Host, asked: &[Op], ops: &mut Vec<Op>) {
    let homes = homes(host);
    let cwd = host.cwd.to_bytes();
    let is_private = |path: &[u8]| {
        PRIVATE.iter().map(|(dir, _)| dir.to_bytes()).chain([&b"/dev/shm"[..]]).any(|dir| is_within(path, dir))
    };
    let hidden = homes.iter().any(|home| is_within(cwd, home.to_bytes())) || is_private(cwd);
    // Whoever hides or replaces the directory itself, or one above it, means it; but a private directory of another size is
    // as private as before.
    let replaces = |op: &Op| {
        let is_private = PRIVATE.iter().any(|(dir, _)| *dir == op.target.as_c_str());
        is_within(cwd, op.target.to_bytes()) && !(is_private && matches!(op.what, What::Tmpfs { .. }))
    };
    let elsewhere = policy.cwd.as_ref().is_some_and(|asked| !is_within(asked.bytes(), cwd));
    let visible = hidden && !elsewhere && !is_kept_away(host, cwd) && !asked.iter().any(replaces);
    if visible {
        let what = What::Bind { source: host.cwd.clone(), access: Access::READ_ONLY, skip_missing_source: false };
        ops.push(Op::asked(&host.cwd, what));
    }
    for home in homes {
        let path = home.to_bytes();
        let below = |other: &[u8]| is_below(other, path);
        let has_below = (visible && below(cwd)) || asked.iter().any(|op| below(op.target.to_bytes()));
        ops.push(Op::where_present(&home, if has_below { cover() } else { What::Hide }));
    }
}

/// An empty read-only directory with room for mount points below it.
pub(super) fn cover() -> What {
    What::Tmpfs { size: None, mode: c"755".into(), sealed: true, noexec: true }
}

fn is_below(path: &[u8], of: &[u8]) -> bool {
    path != of && is_within(path, of)
}

/// Whether a directory is a home itself, private itself, or above one: what the default profile does not show because
/// somebody happens to be in it.
pub(super) fn is_kept_away(host: &Host, dir: &[u8]) -> bool {
    let own = host.home.as_ref().and_then(|home| normal(home.to_bytes()).ok());
    let homes = HOMES.iter().map(|home| home.to_bytes()).chain(own.as_deref());
    let private = PRIVATE.iter().map(|(path, _)| path.to_bytes()).chain([&b"/dev/shm"[..]]);
    let somebody = dir.strip_prefix(b"/home/").is_some_and(|rest| !rest.contains(&b'/'));
    somebody || homes.chain(private).any(|kept| is_within(kept, dir))
}

fn homes(host: &Host) -> Vec<CString> {
    let mut homes: Vec<CString> = HOMES.map(CString::from).into();
    let own = host.home.as_ref().and_then(|home| normal(home.to_bytes()).ok()).and_then(|home| c_string(home).ok());
    if let Some(home) = own {
        let path = home.to_bytes();
        let elsewhere = homes.iter().all(|known| !is_within(path, known.to_bytes()));
        let is_system = path == b"/" || NOT_HOMES.iter().any(|dir| is_within(path, dir));
        // A parent of the private directories or of other homes is nobody's home either.
        let above = PRIVATE.iter().any(|(dir, _)| is_within(dir.to_bytes(), path));
        if elsewhere && !is_system && !above {
            homes.push(home);
        }
    }
    homes
}
