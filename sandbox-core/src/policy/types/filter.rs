//! Which system call filter, and what it answers.

use std::ffi::CString;

use nix::errno::Errno;

use super::c_string;
use super::names::FilterName;
use crate::seccomp::{self, Denial};
use crate::setting::value::Text;

/// The filter to start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterChoice {
    /// One that is shipped.
    Named(FilterName),
    /// A policy in a file, for the launcher to compile.
    File(CString),
    /// A program, compiled already.
    Program(Program),
}

/// Instructions for the kernel, one after another as in `struct sock_filter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(Vec<u64>);

const COMPILED: &[u8] = b"bpf:";

impl FilterChoice {
    /// The choice of a program that was compiled.
    pub fn compiled(program: &[libc::sock_filter]) -> Self {
        let pack = |i: &libc::sock_filter| {
            u64::from(i.code) << 48 | u64::from(i.jt) << 40 | u64::from(i.jf) << 32 | u64::from(i.k)
        };
        FilterChoice::Program(Program(program.iter().map(pack).collect()))
    }
}

impl Program {
    /// For the kernel.
    pub fn instructions(&self) -> Vec<libc::sock_filter> {
        let unpack = |&packed: &u64| {
            let [code @ .., jt, jf, k3, k2, k1, k0] = packed.to_be_bytes();
            libc::sock_filter { code: u16::from_be_bytes(code), jt, jf, k: u32::from_be_bytes([k3, k2, k1, k0]) }
        };
        self.0.iter().map(unpack).collect()
    }
}

impl Text for FilterChoice {
    fn parse(text: &[u8]) -> Result<Self, String> {
        if let Some(hex) = text.strip_prefix(COMPILED) {
            return program(hex).map(FilterChoice::Program);
        }
        if text.contains(&b'/') || text.contains(&b'.') {
            return c_string(text.into()).map(FilterChoice::File);
        }
        FilterName::parse(text)
            .map(FilterChoice::Named)
            .map_err(|why| format!("{why}, or a file (with / or . in its name)"))
    }
    fn show(&self) -> Vec<u8> {
        match self {
            FilterChoice::Named(name) => name.show(),
            FilterChoice::File(path) => path.to_bytes().into(),
            FilterChoice::Program(Program(packed)) => {
                let digits = packed.iter().map(|packed| format!("{packed:016x}"));
                COMPILED.iter().copied().chain(digits.flat_map(String::into_bytes)).collect()
            }
        }
    }
}

fn program(hex: &[u8]) -> Result<Program, String> {
    let expected = || "expected 16 hexadecimal digits an instruction after bpf:, as sbx-launch --print-env writes it";
    let digits = |chunk: &[u8]| {
        let chunk =
            std::str::from_utf8(chunk).ok().filter(|c| c.len() == 16 && c.bytes().all(|b| b.is_ascii_hexdigit()));
        chunk.and_then(|chunk| u64::from_str_radix(chunk, 16).ok())
    };
    let program = Program(hex.chunks(16).map(digits).collect::<Option<_>>().ok_or_else(expected)?);
    seccomp::check(&program.instructions())?;
    Ok(program)
}

/// The text of a policy, for the launcher to compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterText(pub Vec<u8>);

impl Text for FilterText {
    fn parse(text: &[u8]) -> Result<Self, String> {
        if text.trim_ascii().is_empty() { Err("expected a policy".into()) } else { Ok(FilterText(text.into())) }
    }
    fn show(&self) -> Vec<u8> {
        self.0.clone()
    }
}

/// What meets a refused system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeccompAction(pub Denial);

impl SeccompAction {
    pub const ERRNO: SeccompAction = SeccompAction(Denial::Errno);
}

impl Text for SeccompAction {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let known = std::str::from_utf8(text).ok().and_then(|text| match text.strip_prefix("errno:") {
            Some(which) => errno(which).map(Denial::Always),
            None => Denial::from_name(text),
        });
        known.map(SeccompAction).ok_or_else(|| {
            format!("expected one of {}, or errno: and the name or number of one", Denial::NAMES.join(", "))
        })
    }
    fn show(&self) -> Vec<u8> {
        match self.0 {
            Denial::Always(number) => format!("errno:{}", errno_name(number)).into(),
            denial => denial.name().into(),
        }
    }
}

/// An error number by its name or its digits, errno(3): 1 to 4095, which is what a filter can give.
pub fn errno(text: &str) -> Option<u16> {
    const ALIASES: [(&str, i32); 3] =
        [("EWOULDBLOCK", libc::EAGAIN), ("ENOTSUP", libc::EOPNOTSUPP), ("EDEADLOCK", libc::EDEADLK)];
    let alias = || ALIASES.iter().find(|(name, _)| *name == text).and_then(|(_, number)| u16::try_from(*number).ok());
    let named = || (1..=MAX_ERRNO).find(|number| is_named(*number) && errno_name(*number) == text);
    match text.parse::<u16>() {
        Ok(number) if text.starts_with(|c: char| c.is_ascii_digit()) => Some(number).filter(|n| (1..4096).contains(n)),
        _ => named().or_else(alias),
    }
}

/// The last of Linux, include/uapi/asm-generic/errno.h
const MAX_ERRNO: u16 = 133;

fn is_named(number: u16) -> bool {
    Errno::from_raw(number.into()) != Errno::UnknownErrno
}

/// Its name, or its digits where it has none.
pub fn errno_name(number: u16) -> String {
    if is_named(number) { format!("{:?}", Errno::from_raw(number.into())) } else { number.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::Shipped;

    #[test]
    fn a_compiled_filter_reads_back_as_it_was() {
        for base in Shipped::ALL {
            let program = seccomp::compile(&base.filter()).unwrap();
            let choice = FilterChoice::compiled(&program);
            assert_eq!(FilterChoice::parse(&choice.show()), Ok(choice.clone()));
            let FilterChoice::Program(read) = choice else { unreachable!() };
            let fields = |i: &libc::sock_filter| (i.code, i.jt, i.jf, i.k);
            assert!(read.instructions().iter().map(fields).eq(program.iter().map(fields)));
        }
        for bad in [
            "bpf:",
            "bpf:00",
            "bpf:000600007fff000",
            "bpf:000600007fff000g",
            "bpf:+006000007fff0000",
            "bpf:0020000000000000",
        ] {
            assert!(FilterChoice::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(FilterChoice::parse(b"bpf:000600007fff0000").is_ok());
    }

    #[test]
    fn names_files_and_programs_are_told_apart() {
        assert_eq!(FilterChoice::parse(b"strict"), Ok(FilterChoice::Named(FilterName::Strict)));
        for file in ["./default", "a.json", "/x", "policies/strict"] {
            assert!(matches!(FilterChoice::parse(file.as_bytes()), Ok(FilterChoice::File(_))), "{file}");
        }
        assert!(FilterChoice::parse(b"defualt").is_err() && FilterChoice::parse(b"").is_err());
    }

    #[test]
    fn error_numbers_are_named_or_numbered() {
        for (text, number) in [("EACCES", 13), ("13", 13), ("ENOTSUP", 95), ("EWOULDBLOCK", 11), ("4095", 4095)] {
            assert_eq!(errno(text), Some(number), "{text}");
        }
        for bad in ["", "0", "4096", "-1", "+1", "eacces", "EXYZ", "UnknownErrno", "1 "] {
            assert_eq!(errno(bad), None, "{bad}");
        }
        let action = SeccompAction::parse(b"errno:13").unwrap();
        assert_eq!((action, action.show()), (SeccompAction(Denial::Always(13)), b"errno:EACCES".to_vec()));
        assert!(SeccompAction::parse(b"errno:").is_err() && SeccompAction::parse(b"allow").is_err());
    }
}
