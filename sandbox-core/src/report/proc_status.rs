//! The fields of `/proc/PID/status`, proc(5).

/// The file's text.
pub struct ProcStatus(pub Vec<u8>);

impl ProcStatus {
    /// A field's text; empty when the kernel does not have it.
    pub fn text(&self, name: &str) -> String {
        let line =
            self.0.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b":"));
        line.map(|text| String::from_utf8_lossy(text.trim_ascii()).into_owned()).unwrap_or_default()
    }

    /// The number at place `at` of a field.
    pub fn number(&self, name: &str, at: usize) -> Option<u64> {
        self.text(name).split_whitespace().nth(at)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let status = ProcStatus(b"Seccomp:\t2\nSeccomp_filters:\t3\nUid:\t1\t2\t3\t4\n".into());
        assert_eq!((status.number("Seccomp", 0), status.number("Seccomp_filters", 0)), (Some(2), Some(3)));
        assert_eq!((status.number("Uid", 1), status.number("Gid", 0)), (Some(2), None));
    }
}
