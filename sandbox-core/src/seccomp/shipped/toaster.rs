//! The list that a policy of nsjail's refuses to a program called toaster: everything else is allowed, and each of these
//! kills the thread that calls it.

use super::super::ir::Action::{Allow, KillThread};
use super::Answer::Always;
use super::{Group, Table, group, table};

pub(super) static TABLE: Table = table!(Allow, GROUPS);

#[rustfmt::skip]
pub(super) const GROUPS: &[Group] = &[
    group("other processes, namespaces and file trees", Always(KillThread),
        &["kcmp", "process_vm_readv", "process_vm_writev", "ptrace", "setns", "unshare", "mount", "umount2", "pivot_root",
          "name_to_handle_at", "open_by_handle_at"]),
    group("keyrings, programs in the kernel, filters of its own, page faults held open", Always(KillThread),
        &["add_key", "keyctl", "request_key", "bpf", "seccomp", "perf_event_open", "userfaultfd", "vmsplice"]),
    group("asynchronous input and output", Always(KillThread),
        &["io_cancel", "io_destroy", "io_getevents", "io_setup", "io_submit"]),
    group("where memory is, and whose", Always(KillThread),
        &["get_mempolicy", "mbind", "migrate_pages", "move_pages", "set_mempolicy", "remap_file_pages"]),
    group("execution domains and segments", Always(KillThread),
        &["modify_ldt", "personality", "set_thread_area"]),
    group("the machine", Always(KillThread),
        &["acct", "adjtimex", "clock_adjtime", "clock_settime", "settimeofday", "delete_module", "finit_module",
          "init_module", "ioperm", "iopl", "kexec_file_load", "kexec_load", "quotactl", "reboot", "swapoff", "swapon",
          "syslog"]),
    group("retired", Always(KillThread),
        &["create_module", "get_kernel_syms", "lookup_dcookie", "nfsservctl", "query_module", "sysfs", "uselib"]),
];
