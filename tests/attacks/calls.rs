//! K, continued: calls that are refused as such, one by one.

use super::probe::{Control, Probe, hidden, probe, refused, untried};

pub fn probes() -> Vec<Probe> {
    [memory(), machine()].concat()
}

fn memory() -> Vec<Probe> {
    vec![
        refused("K2", "bpf(2)", "bpf", &["calls", "bpf:999:0:0"]),
        refused("K2a", "perf_event_open(2)", "perf_event_open", &["calls", "perf_event_open:far:0:0:0:0"]),
        refused("K2b", "userfaultfd(2)", "userfaultfd", &["calls", "userfaultfd:-1"]),
        refused("K3", "add_key(2)", "add_key", &["calls", "add_key:far:far:0:0:0"]),
        refused("K3a", "request_key(2)", "request_key", &["calls", "request_key:far:0:0:0"]),
        refused("K3b", "keyctl(2)", "keyctl", &["calls", "keyctl:999"]),
        refused("K2c", "vmsplice(2)", "vmsplice", &["calls", "vmsplice:-1:0:0:0"]),
        refused("K2d", "move_pages(2)", "move_pages", &["calls", "move_pages:1:0:0:0:0:0"]),
        refused("K2e", "migrate_pages(2)", "migrate_pages", &["calls", "migrate_pages:1:0:0:0"]),
        refused("K2f", "mbind(2)", "mbind", &["calls", "mbind:0:0:0:0:0:0"]),
        refused("K2g", "set_mempolicy(2)", "set_mempolicy", &["calls", "set_mempolicy:99:0:0"]),
        hidden(
            "K1",
            "io_uring_setup(2): calls where no filter looks",
            "io_uring_setup",
            &["calls", "io_uring_setup:0:far"],
            "EPERM",
        ),
        hidden("K1a", "io_uring_enter(2)", "io_uring_enter", &["calls", "io_uring_enter:-1:0:0:0:0:0"], "EPERM"),
        hidden("K1b", "io_uring_register(2)", "io_uring_register", &["calls", "io_uring_register:-1:0:0:0"], "EPERM"),
        hidden("K14", "modify_ldt(2)", "modify_ldt", &["calls", "modify_ldt:99:0:0"], "EPERM"),
        refused("K14a", "iopl(2)", "iopl", &["calls", "iopl:0"]),
        refused("K14b", "ioperm(2)", "ioperm", &["calls", "ioperm:0:0:0"]),
        untried("K14d", "vm86(2)", "a call of i386 alone, and those are killed: K7"),
        probe("K14c", "arch_prctl(2) of what no program sets: ARCH_MAP_VDSO_64")
            .act(&["calls", "arch_prctl:0x2003:0"])
            .default("EEXIST", Control::Nothing("it is mapped already: the kernel's rule"))
            .strict("EPERM", Control::Allow("arch_prctl")),
    ]
}

fn machine() -> Vec<Probe> {
    let own = |id, call, act| refused(id, call, call, act);
    vec![
        own("K17", "syslog", &["calls", "syslog:99:0:0"]),
        own("K17a", "quotactl", &["calls", "quotactl:0:0:0:0"]),
        own("K17b", "swapon", &["calls", "swapon:far:0"]),
        own("K17c", "swapoff", &["calls", "swapoff:far"]),
        own("K17d", "reboot", &["calls", "reboot:0:0:0:0"]),
        own("K17e", "kexec_load", &["calls", "kexec_load:0:0:0:0"]),
        own("K17f", "kexec_file_load", &["calls", "kexec_file_load:-1:-1:0:0:0"]),
        own("K17g", "init_module", &["calls", "init_module:far:0:far"]),
        own("K17h", "finit_module", &["calls", "finit_module:-1:far:0"]),
        own("K17i", "delete_module", &["calls", "delete_module:far:0"]),
        own("K17j", "acct", &["calls", "acct:far"]),
        own("K17k", "settimeofday", &["calls", "settimeofday:far:0"]),
        own("K17l", "clock_settime", &["calls", "clock_settime:99:far"]),
        own("K17m", "adjtimex", &["calls", "adjtimex:far"]),
        own("K17n", "clock_adjtime", &["calls", "clock_adjtime:99:far"]),
        own("K17o", "sethostname", &["calls", "sethostname:far:-1"]),
        own("K17p", "setdomainname", &["calls", "setdomainname:far:-1"]),
        own("K17q", "vhangup", &["calls", "vhangup"]),
        own("K17r", "quotactl_fd", &["calls", "quotactl_fd:-1:0:0:0"]),
        hidden("K17s", "fanotify_init", "fanotify_init", &["calls", "fanotify_init:-1:0"], "EPERM"),
        hidden("K17t", "fanotify_mark", "fanotify_mark", &["calls", "fanotify_mark:-1:0:0:0:0"], "EPERM"),
        hidden("K17u", "sysfs, retired", "sysfs", &["calls", "sysfs:3"], "EPERM"),
        hidden("K17v", "lsm_set_self_attr", "lsm_set_self_attr", &["calls", "lsm_set_self_attr:0:0:0:0"], "EPERM"),
        hidden("K17w", "file_setattr", "file_setattr", &["calls", "file_setattr:-1:far:far:0:0"], "EPERM"),
        probe("K17x", "_sysctl and uselib, retired")
            .act(&["calls", "_sysctl:0", "uselib:far"])
            .default("ENOSYS × 2", Control::Nothing("gone from kernels of today"))
            .strict("EPERM × 2", Control::Nothing("gone from kernels of today")),
    ]
}
