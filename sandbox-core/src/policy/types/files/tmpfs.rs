//! Private file systems in memory.

use super::{Inside, executable, fields, mode, not_root, once, put, size, value};
use crate::setting::value::Text;

/// A tmpfs(5): private, in memory, gone at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tmpfs {
    /// The path inside.
    pub target: Inside,
    /// Bytes it may hold; absent: the kernel's default, half of the memory.
    pub size: Option<u64>,
    /// Mode of its root directory; absent: 1777.
    pub mode: Option<u32>,
    /// Files in it cannot be executed.
    pub noexec: bool,
}

impl Text for Tmpfs {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut fields = fields(text)?.into_iter();
        let target = Inside::parse(&fields.next().unwrap_or_default()).and_then(not_root)?;
        let (mut bytes, mut bits, mut exec) = (None, None, None);
        for field in fields {
            match field.as_slice() {
                b"exec" => executable(&mut exec, true)?,
                b"noexec" => executable(&mut exec, false)?,
                field => match (value(field, "size"), value(field, "mode")) {
                    (Some(text), _) => once(&mut bytes, size(text)?, "size")?,
                    (_, Some(text)) => once(&mut bits, mode(text)?, "mode")?,
                    _ => return Err("expected DST, then size=SIZE, mode=MODE, exec or noexec".into()),
                },
            }
        }
        Ok(Tmpfs { target, size: bytes, mode: bits, noexec: exec == Some(false) })
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = Vec::new();
        put(self.target.bytes(), &mut shown);
        if let Some(size) = self.size {
            put(format!("size={size}").as_bytes(), &mut shown);
        }
        if let Some(mode) = self.mode {
            put(format!("mode={mode:o}").as_bytes(), &mut shown);
        }
        if self.noexec {
            put(b"noexec", &mut shown);
        }
        shown
    }
}
