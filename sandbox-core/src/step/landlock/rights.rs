//! The rights to files that Landlock has, and which settings give them.

/// A right to files, include/uapi/linux/landlock.h: its bit is its place in the list.
pub struct Right {
    pub name: &'static str,
    /// The first version that has it.
    pub since: u32,
    /// It means something for what is no directory.
    pub of_files: bool,
    /// Which settings give it.
    pub by: &'static [Kind],
}

/// A setting that lists paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ro,
    Rx,
    Rw,
}

impl Kind {
    /// Its name.
    pub const fn setting(self) -> &'static str {
        match self {
            Kind::Ro => "landlock-ro",
            Kind::Rx => "landlock-rx",
            Kind::Rw => "landlock-rw",
        }
    }
}

const fn right(name: &'static str, since: u32, of_files: bool, by: &'static [Kind]) -> Right {
    Right { name, since, of_files, by }
}

/// Device nodes are made by no setting: what they lead to is the kernel's.
const RIGHTS: [Right; 17] = {
    use Kind::{Ro, Rw, Rx};
    [
        right("execute", 1, true, &[Rx]),
        right("write_file", 1, true, &[Rw]),
        right("read_file", 1, true, &[Ro, Rx, Rw]),
        right("read_dir", 1, false, &[Ro, Rx, Rw]),
        right("remove_dir", 1, false, &[Rw]),
        right("remove_file", 1, false, &[Rw]),
        right("make_char", 1, false, &[]),
        right("make_dir", 1, false, &[Rw]),
        right("make_reg", 1, false, &[Rw]),
        right("make_sock", 1, false, &[Rw]),
        right("make_fifo", 1, false, &[Rw]),
        right("make_block", 1, false, &[]),
        right("make_sym", 1, false, &[Rw]),
        // Before, the kernel refuses it wherever there are rules.
        right("refer", 2, false, &[Rw]),
        right("truncate", 3, true, &[Rw]),
        right("ioctl_dev", 5, true, &[Rw]),
        // Of sockets made outside.
        right("resolve_unix", 9, true, &[Rw]),
    ]
};

/// The rights that fit, as bits.
pub fn rights(fits: impl Fn(&Right) -> bool) -> u64 {
    RIGHTS.iter().enumerate().filter(|(_, right)| fits(right)).fold(0, |set, (bit, _)| set | 1 << bit)
}

/// The names of rights.
pub fn names(set: u64) -> Vec<&'static str> {
    RIGHTS.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, right)| right.name).collect()
}
