//! What a test cannot do without. A skip is loud and counted; what SBX_TEST_MUST names may not be missing.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::sandbox::PATH;

/// Leaves the test when something named is missing: `root`, `user` (not root), `userns`, `ipv6`, `examples`,
/// `sys_resource` (the capability), `two-processors`, `tsc-clock` (the clock source is the counter), `subids` (ids to map
/// besides one's own), `landlock`, `landlock-tcp` and `landlock-scopes` (what its versions hold), `tun` (tap interfaces can
/// be made), `cgroups` (root, and groups with memory, pids and cpu), `sbx-test` (a user who has such), `libseccomp` (its
/// headers), `tiocsti` (terminals can be typed into), `vsyscall` (the page), `ia32` (calls of i386), a file by its path, or a
/// program.
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

/// The version of this kernel's Landlock; 0 where there is none.
fn landlock() -> u32 {
    sandbox_core::sys::landlock::abi().unwrap_or(0)
}

fn is_there(what: &str) -> bool {
    match what {
        "root" => is_root(),
        "user" => !is_root(),
        "subids" => super::subids::own().is_some(),
        "sbx-test" => super::subids::of("sbx-test").is_some(),
        "cgroups" => super::groups::are_possible(),
        "examples" => !super::bins::examples().is_empty(),
        "sys_resource" => {
            let held = super::outside::status(i32::try_from(std::process::id()).unwrap(), "CapEff").unwrap();
            u64::from_str_radix(&held, 16).unwrap() & 1 << 24 != 0
        }
        "two-processors" => std::thread::available_parallelism().is_ok_and(|count| count.get() > 1),
        "tsc-clock" => std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource")
            .is_ok_and(|name| matches!(name.trim(), "tsc" | "kvm-clock")),
        "landlock" => landlock() >= 3,
        "landlock-tcp" => landlock() >= 4,
        "landlock-scopes" => landlock() >= 6,
        "tun" => OpenOptions::new().read(true).write(true).open("/dev/net/tun").is_ok(),
        "tiocsti" => std::fs::read_to_string("/proc/sys/dev/tty/legacy_tiocsti").is_ok_and(|on| on.trim() == "1"),
        "vsyscall" => std::fs::read_to_string("/proc/self/maps").is_ok_and(|maps| maps.contains("[vsyscall]")),
        "ia32" => super::bare(super::bins::probe(), &["calls", "int80:20"]).status.success(),
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
