//! Numbers of the kernel in its own words.

use std::io;

use sandbox_core::policy::types::Capability;
use serde_json::Value;

/// The sets of capabilities(7), in the order of /proc/PID/status.
pub const CAPABILITY_SETS: [&str; 5] = ["inheritable", "permitted", "effective", "bounding", "ambient"];

/// include/uapi/linux/securebits.h, from bit 0.
const SECUREBITS: [&str; 12] = [
    "noroot",
    "noroot_locked",
    "no_setuid_fixup",
    "no_setuid_fixup_locked",
    "keep_caps",
    "keep_caps_locked",
    "no_cap_ambient_raise",
    "no_cap_ambient_raise_locked",
    "exec_restrict_file",
    "exec_restrict_file_locked",
    "exec_deny_interactive",
    "exec_deny_interactive_locked",
];

/// The name of an error number, or its digits.
pub fn errno(number: i32) -> String {
    match nix::errno::Errno::from_raw(number) {
        nix::errno::Errno::UnknownErrno => number.to_string(),
        known => format!("{known:?}"),
    }
}

/// The same of an error of std's.
pub fn io_error(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), errno)
}

/// The capabilities in a set; one that has no name here yet is told by its number.
pub fn capabilities(bits: u64) -> Vec<String> {
    let name = |number: usize| Capability::NAMES.get(number).map_or_else(|| number.to_string(), |name| (*name).into());
    (0..64).filter(|number| bits >> number & 1 == 1).map(name).collect()
}

/// The securebits that are set.
pub fn securebits(bits: u32) -> Vec<String> {
    let name = |bit: usize| SECUREBITS.get(bit).map_or_else(|| bit.to_string(), |name| (*name).into());
    (0..32).filter(|bit| bits >> bit & 1 == 1).map(name).collect()
}

/// The capabilities that a set has outside and not inside.
pub fn lost<'a>(outside: &'a Value, inside: &Value, set: &str) -> Vec<&'a str> {
    let of = |side: &'a Value| side.pointer(&format!("/capabilities/{set}")).and_then(Value::as_array);
    let has = |name: &Value| {
        let set = inside.pointer(&format!("/capabilities/{set}")).and_then(Value::as_array);
        // Where it is not known, nothing is said to be lost.
        set.is_none_or(|set| set.contains(name))
    };
    of(outside).into_iter().flatten().filter(|name| !has(name)).filter_map(Value::as_str).collect()
}

/// Bytes, in the largest unit that they are whole in, or with one decimal.
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) if bytes.is_multiple_of(*unit) => format!("{} {name}", bytes / unit),
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bits_are_told_by_name() {
        assert_eq!(capabilities(1 << 63 | 1 << 40 | 1), ["chown", "checkpoint_restore", "63"]);
        assert_eq!(securebits(0b1010_1111).len(), 6);
        assert_eq!(securebits(0b11), ["noroot", "noroot_locked"]);
    }

    #[test]
    fn what_is_lost_was_there() {
        let side = |names: &[&str]| json!({ "capabilities": { "bounding": names } });
        let both = |outside, inside: Value| lost(&side(outside), &inside, "bounding").join(" ");
        assert_eq!(both(&["a", "b"], side(&["b", "c"])), "a");
        assert_eq!(both(&["a"], json!({ "capabilities": { "unseen": "EACCES" } })), "");
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [(0, "0 bytes"), (4096, "4 KiB"), (1 << 30, "1 GiB"), (1_600_000, "1.5 MiB")] {
            assert_eq!(size(bytes), text);
        }
    }
}
