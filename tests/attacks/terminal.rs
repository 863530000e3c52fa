//! T: the caller's terminal.

use super::probe::{Control, Probe, probe, untried};

pub fn probes() -> Vec<Probe> {
    let typing = |id, tries, act| {
        // The kernel's own answer where there is no terminal: no setting lifts the rule.
        probe(id, tries).act(act).both("EPERM", Control::Outside("ENOTTY"))
    };
    vec![
        probe("T1", "ioctl(2) TIOCSTI types into the terminal that is the controlling one")
            .on_terminal()
            .act(&["calls", "ioctl:0:0x5412:s=x"])
            .needs(&["python3", "tiocsti"])
            .both("EPERM", Control::Outside("xok")),
        typing("T1a", "TIOCSTI with `seccomp=none`, on any descriptor", &["calls", "ioctl:0:0x5412:s=x"])
            .with(&["seccomp=none"]),
        typing("T2", "TIOCSTI with bit 32 of the register set", &["calls", "ioctl:0:0x100005412:s=x"]),
        typing("T2a", "TIOCSTI with all high bits set", &["calls", "ioctl:0:0xffffffff00005412:s=x"]),
        typing("T2b", "TIOCSTI that `seccomp-allow=ioctl` lets through", &["calls", "ioctl:0:0x5412:s=x"])
            .with(&["seccomp-allow=ioctl"]),
        typing("T3", "TIOCLINUX pastes into a virtual console", &["calls", "ioctl:0:0x541c:s=x"]),
        typing("T3a", "TIOCLINUX with bit 32 of the register set", &["calls", "ioctl:0:0x10000541c:s=x"]),
        probe("T4", "with `new-session`, /dev/tty is opened")
            .on_terminal()
            .with(&["new-session"])
            .act(&["file", "open-write", "/dev/tty"])
            .default("ENXIO", Control::Outside("ok"))
            .strict("ENOENT", Control::Outside("ok")),
        probe("T5", "with `new-session`, TIOCSCTTY makes the caller's terminal one's own")
            .on_terminal()
            .with(&["new-session"])
            .act(&["calls", "ioctl:0:0x540e:0"])
            .both(
                "EPERM",
                Control::Nothing("the terminal is the controlling one of the caller's session: the kernel's rule"),
            ),
        probe("T5a", "with `new-session`, TIOCSPGRP puts a group of one's own into the foreground")
            .on_terminal()
            .with(&["new-session"])
            .act(&["calls", "ioctl:0:0x5410:u64=1"])
            .default(
                "ENOTTY",
                Control::Other(
                    "without new-session it is the caller's job control",
                    &[],
                    super::probe::Act::Words(&["calls", "ioctl:0:0x5401:buf"]),
                    "ok",
                ),
            )
            .strict("EPERM", Control::Allow("ioctl")),
        untried(
            "T6",
            "escape sequences",
            "what is written to a terminal is the terminal's to judge: threat-model.md, side channels",
        ),
    ]
}
