//! The lines of mountinfo, proc_pid_mountinfo(5).

use sandbox_core::setting::text::show;

/// One mount.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    /// `major:minor`.
    pub device: String,
    /// What of the file system is mounted.
    pub root: Vec<u8>,
    /// Where.
    pub target: Vec<u8>,
    pub options: String,
    pub kind: String,
    pub source: Vec<u8>,
    /// Those of the file system itself.
    pub super_options: String,
}

impl Mount {
    /// Whether it is mounted so, or the file system itself is.
    pub fn has(&self, option: &str) -> bool {
        self.options.split(',').chain(self.super_options.split(',')).any(|own| own == option)
    }
}

/// All of them, in their order.
pub fn mounts(table: &[u8]) -> Vec<Mount> {
    table.split(|&b| b == b'\n').filter_map(mount).collect()
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&b| b == b' ').skip(2);
    let (device, root, target, options) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let mut fields = fields.skip_while(|field| field != b"-").skip(1);
    let (kind, source, super_options) = (fields.next()?, fields.next()?, fields.next().unwrap_or_default());
    Some(Mount {
        device: show(device),
        root: unescape(root),
        target: unescape(target),
        options: show(options),
        kind: show(kind),
        source: unescape(source),
        super_options: show(super_options),
    })
}

/// Space, tab, newline and backslash are three octal digits after a backslash.
fn unescape(field: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(field.len()), 0);
    while let Some(&byte) = field.get(at) {
        let digits = field.get(at + 1..at + 4).filter(|digits| byte == b'\\' && digits.iter().all(u8::is_ascii_digit));
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        out.push(code.unwrap_or(byte));
        at += if code.is_some() { 4 } else { 1 };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_places_and_the_dash() {
        let all = mounts(b"36 35 98:0 /a /mnt/x\\040y rw,nosuid shared:1 master:2 - ext4 /dev/root ro\n\nshort line\n");
        let [mount] = &all[..] else { panic!("{all:?}") };
        assert_eq!((mount.device.as_str(), &mount.root[..], &mount.target[..]), ("98:0", &b"/a"[..], &b"/mnt/x y"[..]));
        assert_eq!((mount.kind.as_str(), &mount.source[..]), ("ext4", &b"/dev/root"[..]));
        assert!(mount.has("ro") && mount.has("nosuid") && !mount.has("noexec"));
    }

    #[test]
    fn what_is_no_escape_stays() {
        for (field, meant) in
            [(&b"a\\134b"[..], &b"a\\b"[..]), (b"a\\", b"a\\"), (b"\\9", b"\\9"), (b"\\999", b"\\999")]
        {
            assert_eq!(unescape(field), meant);
        }
    }
}
