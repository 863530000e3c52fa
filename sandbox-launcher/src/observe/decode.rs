//! Arguments as a reader knows them: by the names of their flags, and the strings they point to.

use sandbox_core::seccomp::{self, eval};
use sandbox_core::setting::text;

use super::names::{self, Names};
use super::process;

/// No argument is longer in a line.
const SHOWN_MAX: usize = 100;

/// What an argument is.
#[derive(Clone, Copy)]
enum Kind {
    Int,
    Unsigned,
    Hex,
    Pointer,
    Text,
    Mode,
    Directory,
    /// One of these, or its number.
    One(&'static Names),
    /// Any of these, and the number of the rest.
    Flags(&'static Names),
    /// `socket` and `socketpair`: a type with flags beside it.
    SocketType,
    /// `clone`: flags beside a signal.
    CloneFlags,
}

use Kind::{CloneFlags, Directory, Flags, Hex, Int, Mode, One, Pointer, SocketType, Text, Unsigned};

/// The calls whose arguments are told, which are those that filters refuse, or that deal with files. Of all others the
/// name is told.
#[rustfmt::skip]
const CALLS: &[(&str, &[Kind])] = &[
    ("access", &[Text, Int]),
    ("acct", &[Text]),
    ("add_key", &[Text, Text, Pointer, Unsigned, Int]),
    ("bind", &[Int, Pointer, Unsigned]),
    ("bpf", &[One(names::BPF), Pointer, Unsigned]),
    ("chdir", &[Text]),
    ("chmod", &[Text, Mode]),
    ("chown", &[Text, Int, Int]),
    ("chroot", &[Text]),
    ("clone", &[CloneFlags, Pointer, Pointer, Pointer, Hex]),
    ("clone3", &[Pointer, Unsigned]),
    ("connect", &[Int, Pointer, Unsigned]),
    ("creat", &[Text, Mode]),
    ("delete_module", &[Text, Hex]),
    ("execve", &[Text, Pointer, Pointer]),
    ("execveat", &[Directory, Text, Pointer, Pointer, Hex]),
    ("faccessat", &[Directory, Text, Int]),
    ("fchmod", &[Int, Mode]),
    ("fchmodat", &[Directory, Text, Mode]),
    ("fcntl", &[Int, One(names::FCNTL), Hex]),
    ("finit_module", &[Int, Text, Hex]),
    ("fsopen", &[Text, Hex]),
    ("init_module", &[Pointer, Unsigned, Text]),
    ("io_uring_enter", &[Int, Unsigned, Unsigned, Hex]),
    ("io_uring_register", &[Int, Unsigned, Pointer, Unsigned]),
    ("io_uring_setup", &[Unsigned, Pointer]),
    ("ioctl", &[Int, One(names::IOCTL), Hex]),
    ("kcmp", &[Int, Int, Int, Hex, Hex]),
    ("kexec_load", &[Hex, Unsigned, Pointer, Hex]),
    ("keyctl", &[One(names::KEYCTL), Hex, Hex, Hex, Hex]),
    ("kill", &[Int, One(names::SIGNALS)]),
    ("link", &[Text, Text]),
    ("lstat", &[Text, Pointer]),
    ("madvise", &[Pointer, Unsigned, Int]),
    ("mkdir", &[Text, Mode]),
    ("mkdirat", &[Directory, Text, Mode]),
    ("mknod", &[Text, Mode, Hex]),
    ("mknodat", &[Directory, Text, Mode, Hex]),
    ("mmap", &[Pointer, Unsigned, Flags(names::PROTECTION), Flags(names::MAPPING), Int, Hex]),
    ("mount", &[Text, Text, Text, Flags(names::MOUNT), Pointer]),
    ("move_mount", &[Directory, Text, Directory, Text, Hex]),
    ("mprotect", &[Pointer, Unsigned, Flags(names::PROTECTION)]),
    ("name_to_handle_at", &[Directory, Text, Pointer, Pointer, Hex]),
    ("newfstatat", &[Directory, Text, Pointer, Hex]),
    ("open", &[Text, Flags(names::OPEN), Mode]),
    ("open_by_handle_at", &[Int, Pointer, Flags(names::OPEN)]),
    ("open_tree", &[Directory, Text, Hex]),
    ("openat", &[Directory, Text, Flags(names::OPEN), Mode]),
    ("openat2", &[Directory, Text, Pointer, Unsigned]),
    ("perf_event_open", &[Pointer, Int, Int, Int, Hex]),
    ("personality", &[Hex]),
    ("pidfd_getfd", &[Int, Int, Unsigned]),
    ("pivot_root", &[Text, Text]),
    ("pkey_mprotect", &[Pointer, Unsigned, Flags(names::PROTECTION), Int]),
    ("prctl", &[One(names::PRCTL), Hex, Hex, Hex, Hex]),
    ("process_vm_readv", &[Int, Pointer, Unsigned, Pointer, Unsigned, Hex]),
    ("process_vm_writev", &[Int, Pointer, Unsigned, Pointer, Unsigned, Hex]),
    ("ptrace", &[One(names::PTRACE), Int, Hex, Hex]),
    ("quotactl", &[Hex, Text, Int, Pointer]),
    ("readlink", &[Text, Pointer, Unsigned]),
    ("rename", &[Text, Text]),
    ("renameat2", &[Directory, Text, Directory, Text, Hex]),
    ("request_key", &[Text, Text, Text, Int]),
    ("rmdir", &[Text]),
    ("seccomp", &[Unsigned, Hex, Pointer]),
    ("setdomainname", &[Text, Unsigned]),
    ("setgid", &[Int]),
    ("sethostname", &[Text, Unsigned]),
    ("setns", &[Int, Flags(names::CLONE)]),
    ("setuid", &[Int]),
    ("shmat", &[Int, Pointer, Hex]),
    ("socket", &[One(names::DOMAIN), SocketType, Int]),
    ("socketpair", &[One(names::DOMAIN), SocketType, Int, Pointer]),
    ("stat", &[Text, Pointer]),
    ("statx", &[Directory, Text, Hex, Hex, Pointer]),
    ("swapoff", &[Text]),
    ("swapon", &[Text, Hex]),
    ("symlink", &[Text, Text]),
    ("symlinkat", &[Text, Directory, Text]),
    ("tgkill", &[Int, Int, One(names::SIGNALS)]),
    ("truncate", &[Text, Unsigned]),
    ("umount2", &[Text, Hex]),
    ("unlink", &[Text]),
    ("unlinkat", &[Directory, Text, Hex]),
    ("unshare", &[Flags(names::CLONE)]),
    ("userfaultfd", &[Flags(names::OPEN)]),
    ("vmsplice", &[Int, Pointer, Unsigned, Hex]),
];

/// The call as a reader knows it: `socket(AF_PACKET, SOCK_RAW, 0)`.
pub fn call(call: &eval::Call, thread: i32) -> String {
    if call.arch != eval::Call::new(0, [0; 6]).arch {
        return format!("call {} of architecture {:#x}", call.nr, call.arch);
    }
    let Some(name) = seccomp::name(call.nr) else {
        return match seccomp::name(call.nr & !0x4000_0000) {
            Some(name) => format!("{name} of x32"),
            None => format!("call {:#x}", call.nr),
        };
    };
    match CALLS.binary_search_by(|(known, _)| (*known).cmp(name)) {
        Ok(at) => {
            let kinds = CALLS.get(at).map_or(&[][..], |(_, kinds)| *kinds);
            let shown: Vec<_> = kinds.iter().zip(call.args).map(|(kind, value)| kind.show(value, thread)).collect();
            // Rights and modes of a file that is not made are whatever the register held.
            let shown =
                if makes_no_file(name, &call.args) { shown.get(..shown.len() - 1).unwrap_or(&shown) } else { &shown };
            format!("{name}({})", shown.join(", "))
        }
        Err(_) => format!("{name}()"),
    }
}

fn makes_no_file(name: &str, args: &[u64; 6]) -> bool {
    let flags = match name {
        "open" => args[1],
        "openat" => args[2],
        _ => return false,
    };
    flags & (libc::O_CREAT | libc::O_TMPFILE & !libc::O_DIRECTORY) as u64 == 0
}

impl Kind {
    fn show(self, value: u64, thread: i32) -> String {
        let low = (value & 0xffff_ffff) as u32;
        let number = |value: u64| if value < 10 { value.to_string() } else { format!("{value:#x}") };
        match self {
            Int => low.cast_signed().to_string(),
            Unsigned => value.to_string(),
            Hex => number(value),
            Pointer if value == 0 => "NULL".into(),
            Pointer => format!("{value:#x}"),
            Text if value == 0 => "NULL".into(),
            Text => match process::string(thread, value) {
                Some(string) => quoted(&string),
                None => format!("{value:#x}"),
            },
            Mode => format!("{:#o}", low),
            Directory if low.cast_signed() == libc::AT_FDCWD => "AT_FDCWD".into(),
            Directory => low.cast_signed().to_string(),
            One(names) => names::one(names, u64::from(low)).map_or_else(|| number(u64::from(low)), String::from),
            Flags(names) => names::flags(names, u64::from(low)),
            SocketType => {
                let flags = names::flags(names::SOCKET_FLAGS, u64::from(low & !0xf));
                let kind = names::one(names::SOCKET, u64::from(low & 0xf))
                    .map_or_else(|| number(u64::from(low & 0xf)), String::from);
                if flags == "0" { kind } else { format!("{kind}|{flags}") }
            }
            CloneFlags => {
                let flags = names::flags(names::CLONE, u64::from(low & !0xff));
                match names::one(names::SIGNALS, u64::from(low & 0xff)) {
                    Some(signal) if flags == "0" => signal.into(),
                    Some(signal) => format!("{flags}|{signal}"),
                    None => flags,
                }
            }
        }
    }
}

/// An argument that is a path, and the one that says what it is relative to.
#[derive(Clone, Copy)]
pub struct Path {
    path: usize,
    directory: Option<usize>,
}

impl Path {
    /// Where it is in the memory of the caller.
    pub fn at(self, call: &eval::Call) -> u64 {
        call.args.get(self.path).copied().unwrap_or(0)
    }

    /// The descriptor it is relative to, if that is not the current directory.
    pub fn directory(self, call: &eval::Call) -> Option<i32> {
        let fd = (call.args.get(self.directory?)? & 0xffff_ffff) as u32;
        Some(fd.cast_signed()).filter(|&fd| fd != libc::AT_FDCWD)
    }
}

/// Calls whose strings are no paths of files.
const NO_PATHS: [&str; 9] = [
    "add_key",
    "delete_module",
    "finit_module",
    "fsopen",
    "init_module",
    "request_key",
    "setdomainname",
    "sethostname",
    "mount",
];
/// Calls that change the file, or the directory it is in.
const WRITES: [&str; 16] = [
    "chmod",
    "chown",
    "creat",
    "fchmodat",
    "link",
    "mkdir",
    "mkdirat",
    "mknod",
    "mknodat",
    "rename",
    "renameat2",
    "rmdir",
    "symlink",
    "truncate",
    "unlink",
    "unlinkat",
];

/// The paths of files that a call names, and whether it writes to them.
pub fn paths(call: &eval::Call) -> Vec<(Path, bool)> {
    let Some(name) = seccomp::name(call.nr).filter(|name| !NO_PATHS.contains(name)) else { return Vec::new() };
    let kinds = CALLS.binary_search_by(|(known, _)| (*known).cmp(name)).ok().and_then(|at| CALLS.get(at));
    let kinds = kinds.map_or(&[][..], |(_, kinds)| *kinds);
    let flags = match name {
        "open" => call.args[1],
        "openat" => call.args[2],
        _ => 0,
    };
    let opens_to_write = flags & (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC) as u64 != 0;
    let writes = opens_to_write || WRITES.contains(&name);
    let before = |at: usize| at.checked_sub(1).filter(|&at| matches!(kinds.get(at), Some(Directory)));
    let texts = (0..kinds.len()).filter(|&at| matches!(kinds.get(at), Some(Text)));
    texts.map(|at| (Path { path: at, directory: before(at) }, writes)).collect()
}

/// A string of a hostile process in a line of ours: nothing of it is a control character, and it is not endless.
pub fn quoted(string: &[u8]) -> String {
    let shown = text::show(string);
    match shown.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("\"{}\"...", shown.get(..end).unwrap_or_default()),
        None => format!("\"{shown}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, args: [u64; 6]) -> String {
        call(&eval::Call::new(seccomp::number(name).unwrap(), args), std::process::id().cast_signed())
    }

    #[test]
    fn the_calls_are_in_order_and_exist() {
        assert!(CALLS.is_sorted_by(|a, b| a.0 < b.0));
        for (name, kinds) in CALLS {
            assert!(seccomp::number(name).is_some() && kinds.len() <= 6, "{name}");
        }
    }

    #[test]
    fn arguments_are_told_by_name() {
        let packet = u64::from(libc::AF_PACKET.cast_unsigned());
        let raw = u64::from((libc::SOCK_RAW | libc::SOCK_CLOEXEC).cast_unsigned());
        assert_eq!(shown("socket", [packet, raw, 3, 0, 0, 0]), "socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, 3)");
        assert_eq!(shown("ioctl", [0, 0x5412, 8, 0, 0, 0]), "ioctl(0, TIOCSTI, 8)");
        assert_eq!(shown("unshare", [0x1002_0000, 0, 0, 0, 0, 0]), "unshare(CLONE_NEWNS|CLONE_NEWUSER)");
        assert_eq!(shown("clone", [0x1000_0011, 0, 0, 0, 0, 0]), "clone(CLONE_NEWUSER|SIGCHLD, NULL, NULL, NULL, 0)");
        assert_eq!(
            shown("mprotect", [0x1000, 4096, 7, 0, 0, 0]),
            "mprotect(0x1000, 4096, PROT_READ|PROT_WRITE|PROT_EXEC)"
        );
        assert_eq!(shown("getpid", [1; 6]), "getpid()");
        let path = std::ffi::CString::new("/a\n\"b").unwrap();
        let at = path.as_ptr() as u64;
        let cwd = libc::AT_FDCWD as u64;
        let flags = u64::from(libc::O_CLOEXEC.cast_unsigned());
        let shown = shown("openat", [cwd, at, flags, 0o777, 0, 0]);
        assert!(
            shown.starts_with("openat(AT_FDCWD, \"/a") && !shown.contains('\n') && shown.ends_with(", O_CLOEXEC)"),
            "{shown}"
        );
        let x32 = eval::Call::new(0x4000_0000 + 39, [0; 6]);
        assert_eq!(call(&x32, 1), "getpid of x32");
        assert_eq!(call(&eval::Call { arch: 0x4000_0003, nr: 20, ..x32 }, 1), "call 20 of architecture 0x40000003");
    }
}
