//! The types of the settings: what each text can mean, and the same text back.

mod duration;
mod files;
mod identity;
mod names;
mod privileges;
mod process;
mod reports;

use std::ffi::CString;

pub use duration::{Duration, Offset};
pub(crate) use files::normal;
pub use files::{Bind, Inside, Root, Tmpfs};
pub use identity::{HostName, Id};
pub use names::{DevMode, FilterName, LogLevel, Namespace, NetMode, Observe, ProcMode, Profile, SeccompAction};
pub use privileges::{Capability, Syscall};
pub use process::{EnvEntry, EnvName, Fd};
pub use reports::OutFile;

/// Bytes the kernel will take as a C string.
pub(crate) fn c_string(bytes: Vec<u8>) -> Result<CString, String> {
    CString::new(bytes).map_err(|_| "a NUL byte cannot be part of it".into())
}

fn number<T: std::str::FromStr>(text: &[u8], what: &str) -> Result<T, String> {
    let digits = std::str::from_utf8(text).ok().filter(|t| t.bytes().all(|b| b.is_ascii_digit()));
    digits.and_then(|t| t.parse().ok()).ok_or_else(|| format!("expected {what}"))
}

/// A size in bytes; `k`, `m`, `g`, `t` multiply by powers of 1024.
fn size(text: &[u8]) -> Result<u64, String> {
    let expected = "expected a size: digits, then k, m, g, t or nothing";
    let (digits, shift) = match text.split_last() {
        Some((b'k' | b'K', digits)) => (digits, 10),
        Some((b'm' | b'M', digits)) => (digits, 20),
        Some((b'g' | b'G', digits)) => (digits, 30),
        Some((b't' | b'T', digits)) => (digits, 40),
        _ => (text, 0),
    };
    let number: u64 = number(digits, "").map_err(|_| expected)?;
    match number.checked_mul(1 << shift) {
        // tmpfs(5) takes 0 as "no limit": nobody who writes a limit means that.
        Some(0) | None => Err(expected.into()),
        Some(size) => Ok(size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024_and_never_nothing() {
        assert_eq!((size(b"4096"), size(b"2k"), size(b"3G")), (Ok(4096), Ok(2048), Ok(3 << 30)));
        for bad in ["", "k", "0", "-1", "1.5m", "1kb", "18446744073709551616", "16777216t"] {
            assert!(size(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
