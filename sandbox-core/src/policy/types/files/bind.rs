//! What of the host's tree appears where, and what may be done with it.

use std::ffi::CString;

use super::{Inside, executable, fields, not_root, once, outside, put};
use crate::setting::value::Text;

/// A bind mount: a source of the host's, and where it appears. `WRITABLE` is what the setting's name promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind<const WRITABLE: bool> {
    /// The host's path; relative to the caller's current directory when it does not begin with `/`.
    pub source: CString,
    /// The path inside; absent: the same as the source's.
    pub target: Option<Inside>,
    /// Nothing in it can be changed.
    pub read_only: bool,
    /// Whether files may be executed; absent: where they cannot be written.
    pub exec: Option<bool>,
    /// Device nodes work.
    pub dev: bool,
}

impl<const WRITABLE: bool> Bind<WRITABLE> {
    /// Whether files may be executed: what can be written cannot be run, unless that was asked for.
    pub fn may_execute(&self) -> bool {
        self.exec.unwrap_or(self.read_only)
    }
}

impl<const WRITABLE: bool> Text for Bind<WRITABLE> {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut fields = fields(text)?.into_iter().peekable();
        let source = outside(fields.next().unwrap_or_default(), "the source")?;
        let target = fields.next_if(|field| field.first() == Some(&b'/'));
        let target = target.map(|target| Inside::parse(&target).and_then(not_root)).transpose()?;
        let (mut exec, mut dev, mut read_only) = (None, None, None);
        for field in fields {
            match field.as_slice() {
                b"exec" => executable(&mut exec, true)?,
                b"noexec" => executable(&mut exec, false)?,
                b"dev" => once(&mut dev, (), "dev")?,
                b"rw" if !WRITABLE => return Err("rw contradicts the setting's name: use bind".into()),
                b"rw" | b"ro" => once(&mut read_only, field == b"ro", "rw or ro")?,
                _ => {
                    return Err(
                        "expected SRC, SRC:DST or either with options (exec, noexec, dev, rw, ro); DST begins \
                                with '/', and a ':' in a path is written '\\:'"
                            .into(),
                    );
                }
            }
        }
        Ok(Bind { source, target, read_only: read_only.unwrap_or(!WRITABLE), exec, dev: dev.is_some() })
    }
    fn show(&self) -> Vec<u8> {
        let mut shown = Vec::new();
        put(self.source.to_bytes(), &mut shown);
        if let Some(target) = &self.target {
            put(target.bytes(), &mut shown);
        }
        let options = [
            ("ro", WRITABLE && self.read_only),
            ("exec", self.exec == Some(true)),
            ("noexec", self.exec == Some(false)),
            ("dev", self.dev),
        ];
        options.iter().filter(|(_, given)| *given).for_each(|(name, _)| put(name.as_bytes(), &mut shown));
        shown
    }
}
