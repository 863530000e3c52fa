//! What lies where: the file settings and the default profile's promises, as ops in the order of mounting. Pure.

use std::ffi::{CStr, CString};

use super::op::{Access, Base, Op, What, is_within};
use crate::error::PolicyError;
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::{Bind, DevMode, Namespace, ProcMode, Root, c_string, normal};
use crate::setting::value::Value;

/// Private in every tree that is not empty. `/dev/shm` belongs to the private `/dev`, or is covered in the host's.
const PRIVATE: [(&CStr, &CStr); 3] = [(c"/tmp", c"1777"), (c"/var/tmp", c"1777"), (c"/run", c"755")];

/// Where homes are, besides $HOME.
const HOMES: [&CStr; 2] = [c"/home", c"/root"];

/// Directories that are some account's $HOME in /etc/passwd, and the system's own: hiding them would hide programs.
const NOT_HOMES: [&[u8]; 11] =
    [b"/bin", b"/boot", b"/dev", b"/etc", b"/lib", b"/lib64", b"/proc", b"/sbin", b"/sys", b"/usr", b"/nonexistent"];

/// Written to, these reach the whole kernel. Files of the mapped root are writable by their owner without a capability.
const PROC_READ_ONLY: [&CStr; 5] = [c"/proc/bus", c"/proc/fs", c"/proc/irq", c"/proc/sys", c"/proc/sysrq-trigger"];

/// Read, these tell of the whole machine; proc(5).
const PROC_HIDDEN: [&CStr; 13] = [
    c"/proc/acpi",
    c"/proc/asound",
    c"/proc/kcore",
    c"/proc/keys",
    c"/proc/kmsg",
    c"/proc/kpagecgroup",
    c"/proc/kpagecount",
    c"/proc/kpageflags",
    c"/proc/latency_stats",
    c"/proc/sched_debug",
    c"/proc/scsi",
    c"/proc/timer_list",
    c"/proc/timer_stats",
];

const NODES: [&CStr; 6] = [c"/dev/null", c"/dev/zero", c"/dev/full", c"/dev/random", c"/dev/urandom", c"/dev/tty"];

const LINKS: [(&CStr, &CStr); 5] = [
    (c"/dev/fd", c"/proc/self/fd"),
    (c"/dev/ptmx", c"pts/ptmx"),
    (c"/dev/stdin", c"/proc/self/fd/0"),
    (c"/dev/stdout", c"/proc/self/fd/1"),
    (c"/dev/stderr", c"/proc/self/fd/2"),
];

/// Without a mount namespace nothing of these can hold.
pub fn refuse_file_settings(policy: &Policy) -> Result<(), PolicyError> {
    let given: [(&str, bool); 10] = [
        ("root", policy.root.is_some()),
        ("root-rw", policy.root_rw.on()),
        ("bind", policy.bind.given().is_some()),
        ("bind-ro", policy.bind_ro.given().is_some()),
        ("bind-try", policy.bind_try.given().is_some()),
        ("bind-ro-try", policy.bind_ro_try.given().is_some()),
        ("tmpfs", policy.tmpfs.given().is_some()),
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
    let base = match wanted.root(policy) {
        Root::Host => Base::Host,
        Root::Empty => Base::Empty,
        Root::Dir(dir) => Base::Dir(absolute(host, dir)?),
    };
    let asked = asked_for(policy, host)?;
    let mut ops = Vec::new();
    proc(policy, wanted, &base, &mut ops)?;
    dev(policy, &base, &mut ops);
    if base != Base::Empty {
        private(host, &base, &asked, &mut ops);
    }
    ops.retain(|op| asked.iter().all(|other| other.target != op.target));
    ops.extend(asked);
    ops.sort_by_key(Op::depth);
    Ok((base, ops))
}

/// The ops of bind, tmpfs and hide. A later one at the same place replaces an earlier one.
fn asked_for(policy: &Policy, host: &Host) -> Result<Vec<Op>, PolicyError> {
    let mut asked: Vec<Op> = Vec::new();
    let mut put = |op: Op| {
        asked.retain(|other| other.target != op.target);
        asked.push(op);
    };
    for path in policy.hide.items() {
        put(Op::asked(&path.0, What::Hide));
    }
    for tmpfs in policy.tmpfs.items() {
        let size = tmpfs.size.map(|size| c_string(size.to_string().into_bytes())).transpose();
        let mode = c_string(format!("{:o}", tmpfs.mode.unwrap_or(0o1777)).into_bytes());
        let text = |result: Result<_, String>| result.map_err(|why| PolicyError::conflict("tmpfs", why));
        let what = What::Tmpfs {
            size: size.map_err(|why| PolicyError::conflict("tmpfs", why))?,
            mode: text(mode)?,
            sealed: false,
        };
        put(Op::asked(&tmpfs.target.0, what));
    }
    let binds = [
        ("bind-ro", policy.bind_ro.items(), Access::ReadOnly, false),
        ("bind-ro-try", policy.bind_ro_try.items(), Access::ReadOnly, true),
        ("bind", policy.bind.items(), Access::Writable, false),
        ("bind-try", policy.bind_try.items(), Access::Writable, true),
    ];
    for (name, binds, access, skip_missing_source) in binds {
        for bind in binds {
            let (source, target) = ends(bind, host, name)?;
            put(Op::asked(&target, What::Bind { source, access, skip_missing_source }));
        }
    }
    // What is hidden but for something below it needs room for that, which the shared empty directory has not.
    let targets: Vec<CString> = asked.iter().map(|op| op.target.clone()).collect();
    for op in asked.iter_mut().filter(|op| op.what == What::Hide) {
        if targets.iter().any(|other| is_below(other.to_bytes(), op.target.to_bytes())) {
            op.what = cover();
        }
    }
    Ok(asked)
}

fn ends(bind: &Bind, host: &Host, name: &str) -> Result<(CString, CString), PolicyError> {
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

fn absolute(host: &Host, path: &CStr) -> Result<CString, PolicyError> {
    let path = path.to_bytes();
    let joined = match path.first() {
        Some(b'/') => path.to_vec(),
        _ if path == b"." => host.cwd.to_bytes().to_vec(),
        _ => [host.cwd.to_bytes(), b"/", path.strip_prefix(b"./").unwrap_or(path)].concat(),
    };
    c_string(joined).map_err(|why| PolicyError::conflict("path", why))
}

fn proc(policy: &Policy, wanted: &Wanted, base: &Base, ops: &mut Vec<Op>) -> Result<(), PolicyError> {
    let default = if policy.no_new_code.on() { ProcMode::Ro } else { ProcMode::Rw };
    let mode = policy.proc.unwrap_or(default);
    if policy.no_new_code.on() && mode == ProcMode::Rw {
        return Err(PolicyError::conflict("proc", "rw and no-new-code: /proc/self/mem writes past page protections"));
    }
    // A tree without /proc gets none, unless it was asked for.
    let at_proc = |what| match (policy.proc, base) {
        (None, Base::Dir(_)) => Op::where_present(c"/proc", what),
        _ => Op::asked(c"/proc", what),
    };
    let fresh = wanted.is_new(Namespace::Pid);
    match (mode, fresh) {
        (ProcMode::None, _) if *base == Base::Empty => return Ok(()),
        (ProcMode::None, _) => {
            ops.push(Op::where_present(c"/proc", What::Hide));
            return Ok(());
        }
        (_, true) => ops.push(at_proc(What::Proc { writable: mode == ProcMode::Rw })),
        (_, false) if policy.proc.is_some() => {
            return Err(PolicyError::conflict("proc", "a fresh procfs needs a new pid namespace"));
        }
        (_, false) if *base == Base::Empty => return Ok(()),
        // The host's procfs, read-only with the rest of its tree.
        (_, false) => {}
    }
    if mode == ProcMode::Rw && fresh {
        ops.extend(PROC_READ_ONLY.map(|path| Op::where_present(path, What::ReadOnly)));
    }
    ops.extend(PROC_HIDDEN.map(|path| Op::where_present(path, What::Hide)));
    Ok(())
}

fn dev(policy: &Policy, base: &Base, ops: &mut Vec<Op>) {
    let tmpfs = |mode: &CStr, sealed| What::Tmpfs { size: None, mode: mode.into(), sealed };
    let node = |path: &CStr| What::Bind { source: path.into(), access: Access::Devices, skip_missing_source: true };
    let at_dev = |what| match (policy.dev, base) {
        (None, Base::Dir(_)) => Op::where_present(c"/dev", what),
        _ => Op::asked(c"/dev", what),
    };
    match policy.dev.unwrap_or(DevMode::Minimal) {
        DevMode::None if *base == Base::Empty => {}
        DevMode::None => ops.push(Op::where_present(c"/dev", What::Hide)),
        DevMode::Host => {
            let what = What::Bind { source: c"/dev".into(), access: Access::Devices, skip_missing_source: false };
            ops.push(at_dev(what));
            ops.push(Op::where_present(c"/dev/shm", tmpfs(c"1777", false)));
        }
        DevMode::Minimal => {
            // Below a /dev that a tree does not have nothing can be made, and nothing was promised.
            let below = |path: &CStr, what| match (policy.dev, base) {
                (None, Base::Dir(_)) => Op::where_present(path, what),
                _ => Op::asked(path, what),
            };
            ops.push(at_dev(tmpfs(c"755", true)));
            ops.extend(NODES.map(|path| below(path, node(path))));
            ops.extend(LINKS.map(|(path, text)| below(path, What::Link(text.into()))));
            ops.push(below(c"/dev/pts", What::Devpts));
            ops.push(below(c"/dev/shm", tmpfs(c"1777", false)));
        }
    }
}

/// Private directories, hidden homes, and the current directory where these would hide it.
fn private(host: &Host, base: &Base, asked: &[Op], ops: &mut Vec<Op>) {
    for (path, mode) in PRIVATE {
        let what = What::Tmpfs { size: None, mode: mode.into(), sealed: false };
        ops.push(Op::where_present(path, what));
    }
    let homes = homes(host);
    let cwd = host.cwd.to_bytes();
    let is_private = |path: &[u8]| {
        PRIVATE.iter().map(|(dir, _)| dir.to_bytes()).chain([&b"/dev/shm"[..]]).any(|dir| is_within(path, dir))
    };
    let hidden = homes.iter().any(|home| is_within(cwd, home.to_bytes())) || is_private(cwd);
    // Whoever hides or replaces the directory itself, or one above it, means it.
    let taken = asked.iter().any(|op| is_within(cwd, op.target.to_bytes()));
    let visible = *base == Base::Host && hidden && !is_kept_away(host, cwd) && !taken;
    if visible {
        let what = What::Bind { source: host.cwd.clone(), access: Access::ReadOnly, skip_missing_source: false };
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
fn cover() -> What {
    What::Tmpfs { size: None, mode: c"755".into(), sealed: true }
}

fn is_below(path: &[u8], of: &[u8]) -> bool {
    path != of && is_within(path, of)
}

/// Whether a directory is a home itself, private itself, or above one: what the default profile does not show because
/// somebody happens to be in it.
fn is_kept_away(host: &Host, dir: &[u8]) -> bool {
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
