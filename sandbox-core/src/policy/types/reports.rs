//! Where reports go.

use std::ffi::CString;

use super::c_string;
use crate::setting::value::Text;

/// A file that is written outside, by the caller's rights; a relative path begins where the caller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutFile(pub CString);

impl Text for OutFile {
    fn parse(text: &[u8]) -> Result<Self, String> {
        match text.last() {
            None | Some(b'/') => Err("expected the path of a file".into()),
            Some(_) => Ok(OutFile(c_string(text.into())?)),
        }
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_bytes().into()
    }
}
