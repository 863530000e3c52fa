//! What a test cannot do without. A skip is loud and counted; what SBX_TEST_MUST names may not be missing.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::sandbox::PATH;

/// Leaves the test when something named is missing: `root`, `user` (not root), `userns`, `ipv6`, `examples`, `libseccomp` (its headers), or a program.
#[macro_export]
macro_rules! need {
    ($($what:literal),+ $(,)?) => {{
        fn here() {}
        if $crate::support::need::skip(std::any::type_name_of_val(&here), &[$($what),+]) {
            return;
        }
    }};
}

/// Whether to skip; says so if it is.
pub fn skip(function: &str, needed: &[&str]) -> bool {
    let Some(missing) = needed.iter().find(|what| !is_there(what)) else { return false };
    let must = std::env::var("SBX_TEST_MUST").unwrap_or_default();
    assert!(!must.split_whitespace().any(|word| word == *missing), "{missing} is missing, which SBX_TEST_MUST names");
    let test = function.split("::").skip(1).filter(|part| *part != "here").collect::<Vec<_>>().join("::");
    let line = format!("SKIP {test}: needs {missing}\n");
    // Not a macro of print's family: those are captured for tests that pass.
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    if let Some(file) = std::env::var_os("SBX_TEST_SKIPS") {
        OpenOptions::new().create(true).append(true).open(file).unwrap().write_all(line.as_bytes()).unwrap();
    }
    true
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn is_there(what: &str) -> bool {
    match what {
        "root" => is_root(),
        "user" => !is_root(),
        "examples" => !super::bins::examples().is_empty(),
        "libseccomp" => Path::new("/usr/include/seccomp.h").exists(),
        "ipv6" => Path::new("/proc/net/if_inet6").exists(),
        "userns" => {
            static MADE: OnceLock<bool> = OnceLock::new();
            *MADE.get_or_init(|| {
                let made = Command::new("unshare").args(["--user", "--map-current-user", "--mount", "true"]).output();
                made.is_ok_and(|made| made.status.success())
            })
        }
        program => PATH.split(':').any(|dir| Path::new(dir).join(program).exists()),
    }
}
