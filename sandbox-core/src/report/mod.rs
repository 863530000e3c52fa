//! What is really in force, read back from the kernel, and how it ended: a line of JSON each.

mod json;
mod last;
mod outputs;
mod proc_status;

use json::Json;
pub use last::{By, Ended, ended, failed};
pub use outputs::Outputs;
pub use proc_status::ProcStatus;

use crate::plan::Plan;
use crate::policy::types::Namespace;
use crate::setting::text::show;
use crate::step::landlock::Held;
use crate::sys::call::Call;
use crate::sys::{Result, file, refused};

fn unreadable(error: &std::io::Error) -> crate::error::Failure {
    refused(Call::Read, error.raw_os_error().unwrap_or(libc::EIO))
}

/// The first line: `inner` as the kernel sees it, everything applied and main not begun. `ours` are its descriptors that it
/// closes before main: what leads to outer, and what its filter asks on.
///
/// # Errors
/// Something cannot be read back, or is less than was planned (EBADE): nobody should be told of a jail that is not there.
pub fn entered(inner: i32, ours: &[i32], plan: &Plan) -> Result<String> {
    let pid = match plan.supervision.init {
        true => only_child(inner)?,
        false => inner,
    };
    let dir = format!("/proc/{pid}");
    let read = |name: &str| std::fs::read(format!("{dir}/{name}")).map_err(|error| unreadable(&error));
    let status = ProcStatus(read("status")?);
    let mut json = Json::event("entered");
    json.string("version", env!("CARGO_PKG_VERSION"));
    json.plain("pid", pid);
    let mut missing = false;
    json.object("namespaces", |json| {
        for &kind in Namespace::ALL {
            let (inside, outside) = (inode(&dir, kind), inode("/proc/self", kind));
            // Outer is in the new user and network namespaces itself; these are told apart from the caller's by the plan.
            let is_new = match kind {
                Namespace::User | Namespace::Net => plan.is_new(kind),
                _ => inside != outside,
            };
            missing |= inside.is_none() || (plan.is_new(kind) && !is_new);
            json.object(kind.name(), |json| {
                json.plain("inode", inside.unwrap_or(0));
                json.plain("new", is_new);
            });
        }
    });
    for (key, name, at) in [("uid", "Uid", 1), ("gid", "Gid", 1)] {
        json.plain(key, status.number(name, at).unwrap_or(0));
    }
    for key in ["uid_map", "gid_map"] {
        let map = read(key)?;
        let words: Vec<_> = map.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(show).collect();
        json.string(key, &words.join(" "));
    }
    for (key, name) in [
        ("cap_inh", "CapInh"),
        ("cap_prm", "CapPrm"),
        ("cap_eff", "CapEff"),
        ("cap_bnd", "CapBnd"),
        ("cap_amb", "CapAmb"),
    ] {
        json.string(key, &status.text(name));
    }
    let privileges = status.number("NoNewPrivs", 0) == Some(1);
    json.plain("no_new_privs", privileges);
    let mode = status.number("Seccomp", 0).unwrap_or(0);
    json.plain("seccomp", mode);
    json.plain("seccomp_filters", status.number("Seccomp_filters", 0).unwrap_or(0));
    missing |= mode != 2 || (plan.has_step("no_new_privs") && !privileges);
    landlock(&mut json, plan.landlock());
    json.objects("mounts", mounts(&read("mountinfo")?).into_iter(), |json, mount| {
        json.string("target", &mount.target);
        json.string("type", &mount.kind);
        json.string("options", &mount.options);
    });
    let fds = file::list(&std::ffi::CString::new(format!("{dir}/fd")).map_err(|_| refused(Call::Open, libc::EINVAL))?)?;
    let mut fds: Vec<u64> = fds.iter().filter_map(|name| std::str::from_utf8(name).ok()?.parse().ok()).collect();
    // Still open for the one word that lets inner go on.
    fds.retain(|&fd| !i32::try_from(fd).is_ok_and(|fd| ours.contains(&fd)));
    fds.sort_unstable();
    json.numbers("fds", fds.into_iter());
    if missing { Err(refused(Call::Read, libc::EBADE)) } else { Ok(json.line()) }
}

/// The kernel does not tell: this is what it has accepted.
fn landlock(json: &mut Json, held: Option<&Held>) {
    let Some(held) = held else { return json.plain("landlock", "null") };
    json.object("landlock", |json| {
        json.plain("abi", held.abi);
        for (key, names) in
            [("files", &held.files), ("not_held", &held.not_held), ("tcp", &held.tcp), ("scopes", &held.scopes)]
        {
            json.strings(key, names);
        }
    });
}

fn inode(dir: &str, kind: Namespace) -> Option<u64> {
    let link = std::fs::read_link(format!("{dir}/ns/{}", kind.file())).ok()?;
    link.to_str()?.split(['[', ']']).nth(1)?.parse().ok()
}

fn only_child(pid: i32) -> Result<i32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).map_err(|e| unreadable(&e))?;
    children.split_whitespace().next().and_then(|child| child.parse().ok()).ok_or(refused(Call::Read, libc::ESRCH))
}

struct Mount {
    target: String,
    kind: String,
    options: String,
}

/// The lines of mountinfo, proc(5).
fn mounts(table: &[u8]) -> Vec<Mount> {
    let parse = |line: &[u8]| {
        let mut fields = line.split(|&b| b == b' ').map(show);
        let (target, options) = (fields.nth(4)?, fields.next()?);
        let kind = fields.skip_while(|field| field != "-").nth(1)?;
        Some(Mount { target, kind, options })
    };
    table.split(|&b| b == b'\n').filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_its_place_type_and_options() {
        let all = mounts(b"36 35 98:0 / / ro,nosuid shared:1 master:2 - ext4 /dev/root rw\n\nshort line\n");
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].target.as_str(), all[0].kind.as_str(), all[0].options.as_str()), ("/", "ext4", "ro,nosuid"));
    }
}
