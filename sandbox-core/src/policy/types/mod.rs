//! The types of the settings: what each text can mean, and the same text back.

mod duration;
mod files;
mod filter;
mod groups;
mod id_range;
mod identity;
mod landlock;
mod limits;
mod links;
mod names;
mod privileges;
mod process;
mod publish;
mod reports;

use std::ffi::CString;

pub use duration::{Duration, Offset};
pub(crate) use files::normal;
pub use files::{Bind, Directory, InlineFile, Inside, Link, Overlay, Root, Tmpfs, Upper};
pub use filter::{FilterChoice, FilterText, SeccompAction, errno, errno_name};
pub use groups::{GroupName, Memory, NetClass, Percent, Swap, Tasks};
pub use id_range::IdRange;
pub use identity::{HostName, Id};
pub use landlock::{Beneath, Port};
pub use limits::{ABOVE, Amount, CpuCount, Cpus, Limit, Nice, OomScoreAdj, Persona, Rlimit, Umask};
pub use links::{Address, End, IfName, Mac, Macvlan, MacvlanMode, OwnIface, Veth};
pub use names::{DevMode, FilterName, LogLevel, Namespace, NetMode, Observe, ProcMode, Profile, Scope};
pub use privileges::{Capability, Syscall};
pub use process::{EnvEntry, EnvName, Fd};
pub use publish::{NameServer, Protocol, Publish};
pub use reports::OutFile;

/// Bytes the kernel will take as a C string.
pub(crate) fn c_string(bytes: Vec<u8>) -> Result<CString, String> {
    CString::new(bytes).map_err(|_| "a NUL byte cannot be part of it".into())
}

fn number<T: std::str::FromStr>(text: &[u8], what: &str) -> Result<T, String> {
    let digits = std::str::from_utf8(text).ok().filter(|t| t.bytes().all(|b| b.is_ascii_digit()));
    digits.and_then(|t| t.parse().ok()).ok_or_else(|| format!("expected {what}"))
}

const SIZE: &str = "expected a size: digits, then k, m, g, t or nothing";

/// A size in bytes; `k`, `m`, `g`, `t` multiply by powers of 1024. Never 0.
fn size(text: &[u8]) -> Result<u64, String> {
    match bytes(text)? {
        // tmpfs(5) takes 0 as "no limit": nobody who writes a limit means that.
        0 => Err(SIZE.into()),
        size => Ok(size),
    }
}

/// As `size`, where nothing at all is a size too.
fn bytes(text: &[u8]) -> Result<u64, String> {
    let (digits, shift) = match text.split_last() {
        Some((b'k' | b'K', digits)) => (digits, 10),
        Some((b'm' | b'M', digits)) => (digits, 20),
        Some((b'g' | b'G', digits)) => (digits, 30),
        Some((b't' | b'T', digits)) => (digits, 40),
        _ => (text, 0),
    };
    let number: u64 = number(digits, "").map_err(|_| SIZE)?;
    number.checked_mul(1 << shift).ok_or_else(|| SIZE.into())
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
