//! The caller's terminal: shared for job control, and no way to type into it.

use crate::support::{ENTRIES, EVERY, EXECUTING, Sandbox, TempDir, bins};
use crate::{cc, need};

#[test]
fn a_terminals_interrupt_reaches_the_program_once() {
    need!("cc", "python3");
    let dir = TempDir::new();
    let program = cc!(dir, "signals");
    let script = dir.file("terminal.py", include_str!("targets/terminal.py"));
    for entry in EVERY {
        for (act, expected) in
            [(&["count", "2"][..], "exit 1"), (&["leave", "2", "42"], "exit 42"), (&["default"], "signal 2")]
        {
            let sandbox = Sandbox::new(entry).wrapped(&["/usr/bin/python3".as_ref(), script.as_os_str()]);
            let ended = sandbox.run(&program, act);
            assert_eq!(ended.ok(), expected, "{act:?}");
        }
    }
}

/// TIOCSTI and TIOCLINUX; the high half of the register is not looked at by the kernel.
const TYPING: [&str; 5] = ["0x5412", "0x100005412", "0xffffffff00005412", "0x541c", "0x10000541c"];

#[test]
fn characters_cannot_be_pushed_into_the_callers_terminal_whatever_the_filter() {
    need!("python3");
    let dir = TempDir::new();
    let script = dir.file("on_terminal.py", include_str!("targets/on_terminal.py"));
    let terminal = ["/usr/bin/env".as_ref(), "python3".as_ref(), script.as_os_str()];
    let mut push = vec!["calls".to_owned()];
    push.extend(TYPING.iter().map(|request| format!("ioctl:0:{request}:s=x")));
    // Where the host lets nobody but root type, or nobody at all, the sandbox has nothing to show.
    let mut bare = terminal.map(std::ffi::OsStr::to_owned).to_vec();
    bare.extend([bins::probe().into(), "calls".into(), "ioctl:0:0x5412:s=x".into()]);
    let typed = crate::support::bare(&bare[0], &bare[1..]);
    if !typed.out.contains("ok\n") {
        crate::need!("tiocsti");
    }
    for entry in ENTRIES {
        for settings in [
            &[][..],
            &["seccomp=none"],
            &["seccomp=none", "new-session"],
            &["seccomp=none", "cap-keep=sys_admin"],
            &["seccomp-allow=ioctl"],
            &["seccomp-allow=ioctl", "cap-keep=sys_admin,sys_tty_config"],
            &["seccomp-action=log"],
            &["seccomp=none", "seccomp-action=log", "seccomp-allow=ioctl", "cap-keep=sys_admin"],
            &["seccomp=strict", "seccomp-allow=ioctl"],
            &["seccomp=strict", "seccomp-action=log"],
        ] {
            let mut said = Sandbox::new(entry).with(settings).wrapped(&terminal).probe(&push);
            // With log the launcher tells what was refused, on the same terminal.
            said.out = said.out.split_inclusive('\n').filter(|line| !line.starts_with("sbx: refused: ")).collect();
            assert_eq!(said.out, "EPERM\n".repeat(TYPING.len()), "{settings:?}, {entry:?}: {said:?}");
        }
    }
}

#[test]
fn other_requests_of_terminals_are_let_through() {
    // On /dev/null's descriptor the kernel itself says ENOTTY.
    for entry in EXECUTING {
        for settings in [&[][..], &["seccomp=none"], &["seccomp-action=log"]] {
            let sandbox = Sandbox::new(entry).with(settings);
            assert_eq!(sandbox.probe(&["calls", "ioctl:0:0x5401:buf"]).ok(), "ENOTTY", "TCGETS, {settings:?}");
        }
        assert_eq!(Sandbox::new(entry).probe(&["calls", "ioctl:0:0x5412:buf"]).ok(), "EPERM", "TIOCSTI");
    }
}

#[test]
fn the_callers_session_is_kept_unless_another_is_asked_for() {
    for entry in EVERY {
        let own = |settings: &[&str]| {
            let inside = Sandbox::new(entry).with(settings).report();
            // A session that is not of the pid namespace has no number in it.
            (inside.one("sid").to_owned(), inside.one("pid").to_owned())
        };
        assert_eq!(own(&[]).0, "0", "{entry:?}");
        let (session, pid) = own(&["new-session"]);
        assert_eq!(session, pid);
        let (session, _) = own(&["new-session", "init"]);
        assert_eq!(session, "1", "the reaper leads it");
    }
}
