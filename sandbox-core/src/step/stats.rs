//! The file of the last line: opened by the caller's rights before there is a sandbox, held by outer alone.

use std::ffi::{CStr, CString};
use std::os::fd::AsFd;

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::host::Host;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::{Namespace, Root};
use crate::setting::text::show;
use crate::sys::call::Call;
use crate::sys::{file, refused};

pub struct OpenStats {
    path: CString,
}

/// Planned when asked for. What the program could write to, it could put another file in the place of.
pub fn plan(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<Option<OpenStats>, PolicyError> {
    let Some(path) = policy.stats.as_ref().map(|file| file.0.clone()) else { return Ok(None) };
    let conflict = |why: String| Err(PolicyError::conflict("stats", why));
    let name = show(path.to_bytes());
    if !wanted.is_new(Namespace::Mount) {
        return conflict(format!("without a mount namespace the program could write to {name}"));
    }
    if policy.root_rw.on() && *wanted.root(policy) == Root::Host {
        return conflict(format!("with a writable root the program could write to {name}"));
    }
    let lies = outright(host, &path);
    let writable = policy.bind.items().iter().chain(policy.bind_try.items());
    if let Some(bind) = writable.into_iter().find(|bind| lies.starts_with(&outright(host, &bind.source))) {
        return conflict(format!("{name} lies in {}, to which the program can write", show(bind.source.to_bytes())));
    }
    Ok(Some(OpenStats { path }))
}

/// The names of a path from the root on, `.` and `..` worked out as they are written: links are not known here.
fn outright<'a>(host: &'a Host, path: &'a CStr) -> Vec<&'a [u8]> {
    let mut names = Vec::new();
    let from = if path.to_bytes().starts_with(b"/") { &b""[..] } else { host.cwd.to_bytes() };
    for name in from.split(|&b| b == b'/').chain(path.to_bytes().split(|&b| b == b'/')) {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names
}

impl Step for OpenStats {
    fn name(&self) -> &'static str {
        "stats"
    }
    fn describe(&self) -> String {
        format!("open {}", show(self.path.to_bytes()))
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        // A link could be somebody else's, who cannot write where it leads; a pipe would wait for its reader.
        let flags =
            libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
        let opened = file::open(None, &self.path, flags, 0o666)?;
        // Only what can be emptied again can be left empty by a failure.
        if file::kind(opened.as_fd())? != libc::S_IFREG {
            return Err(refused(Call::Fstat, libc::EINVAL));
        }
        context.outputs.stats = Some(opened);
        Ok(())
    }
    fn object(&self, _: u32) -> String {
        show(self.path.to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_worked_out_as_they_are_written() {
        let host = Host { cwd: c"/home/u".into(), ..crate::host::tests::host() };
        let of = |path: &CStr| outright(&host, path).join(&b'/');
        assert_eq!(of(c"a/./b"), b"home/u/a/b");
        assert_eq!(of(c"../x//y/"), b"home/x/y");
        assert_eq!(of(c"/../etc/../var"), b"var");
    }
}
