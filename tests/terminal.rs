//! The caller's terminal: shared for job control, and no way to type into it.

use crate::support::{ENTRIES, Entry, Sandbox, TempDir};
use crate::{cc, need};

#[test]
fn a_terminals_interrupt_reaches_the_program_once() {
    need!("cc", "python3");
    let dir = TempDir::new();
    let program = cc!(dir, "signals");
    let script = dir.file("terminal.py", include_str!("targets/terminal.py"));
    for entry in ENTRIES {
        for (act, expected) in
            [(&["count", "2"][..], "exit 1"), (&["leave", "2", "42"], "exit 42"), (&["default"], "signal 2")]
        {
            let sandbox = Sandbox::new(entry).wrapped(&["/usr/bin/python3".as_ref(), script.as_os_str()]);
            let ended = sandbox.run(&program, act);
            assert_eq!(ended.ok(), expected, "{act:?}");
        }
    }
}

#[test]
fn characters_cannot_be_pushed_into_the_terminal() {
    // On /dev/null's descriptor the kernel itself would say ENOTTY. The high half of the register is not looked at by it.
    for request in ["0x5412", "0x100005412", "0xffffffff00005412", "0x541c", "0x10000541c"] {
        let act = format!("ioctl:0:{request}:buf");
        for entry in ENTRIES {
            assert_eq!(Sandbox::new(entry).probe(&["calls", &act]).ok(), "EPERM", "{request}");
            assert_eq!(Sandbox::new(entry).set("seccomp", "none").probe(&["calls", &act]).ok(), "ENOTTY", "{request}");
        }
    }
    let harmless = Sandbox::new(Entry::Launch).probe(&["calls", "ioctl:0:0x5401:buf"]);
    assert_eq!(harmless.ok(), "ENOTTY", "TCGETS is let through");
}
