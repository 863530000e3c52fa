//! Who the program is, and where it says it runs.

use std::ffi::CString;

use super::{c_string, number};
use crate::setting::value::Text;

/// A user or group id: 0 to 4294967294 (the highest value means "none" to the kernel).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub u32);

impl Text for Id {
    fn parse(text: &[u8]) -> Result<Self, String> {
        number(text, "an id from 0 to 4294967294").and_then(|id| match id {
            u32::MAX => Err("expected an id from 0 to 4294967294".into()),
            id => Ok(Id(id)),
        })
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_string().into()
    }
}

/// A host or NIS domain name: at most 64 bytes, sethostname(2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(pub CString);

impl Text for HostName {
    fn parse(text: &[u8]) -> Result<Self, String> {
        // __NEW_UTS_LEN of include/uapi/linux/utsname.h
        if text.is_empty() || text.len() > 64 {
            return Err("expected a name of 1 to 64 bytes".into());
        }
        Ok(HostName(c_string(text.into())?))
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_bytes().into()
    }
}
