//! What the program is handed: its environment and its descriptors.

use super::number;
use crate::setting::value::Text;

/// A file descriptor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fd(pub i32);

impl Text for Fd {
    fn parse(text: &[u8]) -> Result<Self, String> {
        number(text, "a file descriptor number")
            .and_then(|fd: u32| i32::try_from(fd).map(Fd).map_err(|_| "expected a file descriptor number".into()))
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_string().into()
    }
}

/// An addition to the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvEntry {
    /// The variable's name.
    pub name: Vec<u8>,
    /// Its value; absent: the caller's, so that it survives clear-env.
    pub value: Option<Vec<u8>>,
}

impl Text for EnvEntry {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let (name, value) = match text.iter().position(|&b| b == b'=') {
            Some(at) => (text.get(..at), text.get(at + 1..).map(<[u8]>::to_vec)),
            None => (Some(text), None),
        };
        Ok(EnvEntry { name: EnvName::parse(name.unwrap_or_default())?.0, value })
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = self.name.clone();
        if let Some(value) = &self.value {
            shown.push(b'=');
            shown.extend_from_slice(value);
        }
        shown
    }
}

/// The name of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvName(pub Vec<u8>);

impl Text for EnvName {
    fn parse(text: &[u8]) -> Result<Self, String> {
        if text.is_empty() || text.contains(&b'=') || text.contains(&0) {
            return Err("expected the name of a variable".into());
        }
        if text.starts_with(b"SBX_") {
            return Err("names that begin with SBX_ are the sandbox's own and never reach the program".into());
        }
        Ok(EnvName(text.into()))
    }
    fn show(&self) -> Vec<u8> {
        self.0.clone()
    }
}
