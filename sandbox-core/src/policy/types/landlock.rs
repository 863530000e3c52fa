//! What Landlock lets through.

use std::ffi::CString;

use super::{c_string, number};
use crate::setting::value::Text;

/// Where rights are given; giving them nowhere refuses them everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beneath {
    Nowhere,
    /// A file, or a directory and all below it: absolute, or from the current directory inside.
    Path(CString),
}

impl Text for Beneath {
    fn parse(text: &[u8]) -> Result<Self, String> {
        match text {
            b"none" => Ok(Beneath::Nowhere),
            [b'/' | b'.', ..] => Ok(Beneath::Path(c_string(text.into())?)),
            _ => Err("expected none, or a path that begins with '/' or '.'".into()),
        }
    }
    fn show(&self) -> Vec<u8> {
        match self {
            Beneath::Nowhere => b"none".into(),
            Beneath::Path(path) => path.to_bytes().into(),
        }
    }
}

/// A TCP port that may be used, or the refusal of all that are not named besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    None,
    Number(u16),
}

impl Text for Port {
    fn parse(text: &[u8]) -> Result<Self, String> {
        match text {
            b"none" => Ok(Port::None),
            text => number(text, "none, or a port from 0 to 65535").map(Port::Number),
        }
    }
    fn show(&self) -> Vec<u8> {
        match self {
            Port::None => b"none".into(),
            Port::Number(port) => port.to_string().into(),
        }
    }
}
