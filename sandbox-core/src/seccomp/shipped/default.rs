//! For any program: allows, but for what is known to be dangerous and needless, and for what is not known.
//!
//! EPERM tells a program the truth about a call that exists. ENOSYS makes it fall back to an older one, and is the
//! answer where such a fallback exists, where EPERM is known to break one, or where kernels without the call are usual.

use super::super::ir::Action::Allow;
use super::super::ir::{Cond, EAFNOSUPPORT, ENOSYS, EPERM, Op};
use super::Answer::{Always, ByArgs};
use super::args::{
    CLONE, MODE_IS_SECOND, MODE_IS_THIRD, NODE_IS_SECOND, NODE_IS_THIRD, OPEN, OPENAT, PER_QUERY, TERMINAL, TYPES,
    UNIX_PAIR,
};
use super::{Group, Table, group, table};

pub(super) static TABLE: Table = table!(Allow, GROUPS);

/// include/uapi/linux/personality.h
const PER_LINUX32: u32 = 8;

const PR_SET_PDEATHSIG: Cond = Cond::int(0, Op::Eq, libc::PR_SET_PDEATHSIG as u32);
const PR_SET_MM: Cond = Cond::int(0, Op::Eq, libc::PR_SET_MM as u32);

#[rustfmt::skip]
pub(super) const GROUPS: &[Group] = &[
    // Other processes.
    group("reads or writes other processes of the sandbox past every other rule", Always(EPERM),
        &["ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "process_madvise", "kcmp"]),

    // Namespaces and mounts: the means to undo what the sandbox is made of.
    group("a new user namespace gives back every capability, inside it, and with them most of the kernel", CLONE,
        &["clone"]),
    group("its flags lie behind a pointer; with EPERM the C library would fail instead of using clone", Always(ENOSYS),
        &["clone3"]),
    group("makes or enters namespaces", Always(EPERM),
        &["unshare", "setns"]),
    group("changes the file tree the sandbox built", Always(EPERM),
        &["mount", "umount2", "pivot_root", "chroot"]),
    group("the new mount interface: as mount; its users fall back on ENOSYS", Always(ENOSYS),
        &["fsopen", "fsconfig", "fsmount", "fspick", "open_tree", "open_tree_attr", "move_mount", "mount_setattr"]),
    group("shows mounts and namespaces of others", Always(ENOSYS),
        &["listmount", "statmount", "listns"]),

    // Ways around other rules.
    group("does calls where no filter looks", Always(ENOSYS),
        &["io_uring_setup", "io_uring_enter", "io_uring_register"]),
    group("opens files by number, past the file tree", Always(EPERM),
        &["name_to_handle_at", "open_by_handle_at"]),
    group("its mode lies behind a pointer; its users fall back to openat", Always(ENOSYS),
        &["openat2"]),
    group("makes a file set-user-id, which is worth something to whoever else can reach it", MODE_IS_SECOND,
        &["chmod", "fchmod", "creat"]),
    group("makes a file set-user-id, from a directory", MODE_IS_THIRD,
        &["fchmodat", "fchmodat2"]),
    group("makes a file set-user-id, when it creates one", OPEN,
        &["open"]),
    group("makes a file set-user-id, when it creates one, from a directory", OPENAT,
        &["openat"]),
    group("makes devices, or set-user-id files; plain files, pipes and sockets are fine", NODE_IS_SECOND,
        &["mknod"]),
    group("makes devices, or set-user-id files, from a directory", NODE_IS_THIRD,
        &["mknodat"]),

    // Ways out through what namespaces do not cover.
    group("of the families few are isolated by a network namespace (vsock is not) or free of a history of holes",
        ByArgs(&[
            (&[Cond::int(0, Op::Eq, libc::AF_UNIX as u32)], Allow),
            (&[Cond::int(0, Op::Eq, libc::AF_INET as u32)], Allow),
            (&[Cond::int(0, Op::Eq, libc::AF_INET6 as u32)], Allow),
        ], EAFNOSUPPORT),
        &["socket"]),
    group("of the families that make pairs only AF_UNIX is known to be harmless", UNIX_PAIR,
        &["socketpair"]),
    group(TYPES, TERMINAL,
        &["ioctl"]),
    group("keyrings are not in a namespace", Always(EPERM),
        &["add_key", "request_key", "keyctl"]),
    group("pid 1 must not outlive its supervisor; PR_SET_MM forges what others read of a process. PR_SET_PTRACER \
           stays: it bares the caller only, and nobody inside may trace",
        ByArgs(&[
            (&[PR_SET_PDEATHSIG, Cond::long(1, Op::Eq, libc::SIGKILL as u64)], Allow),
            (&[PR_SET_PDEATHSIG], EPERM),
            (&[PR_SET_MM], EPERM),
        ], Allow),
        &["prctl"]),

    // Kernel surface with a history of holes and little use in a sandbox.
    group("programs in the kernel, hardware counters, page faults held open", Always(EPERM),
        &["bpf", "perf_event_open", "userfaultfd"]),
    group("lends pages to a pipe while they can still change", Always(EPERM),
        &["vmsplice"]),
    group("of the execution domains only the native one and its 32-bit look; no READ_IMPLIES_EXEC, no fixed addresses",
        ByArgs(&[
            (&[Cond::int(0, Op::Eq, 0)], Allow),
            (&[Cond::int(0, Op::Eq, PER_QUERY)], Allow),
            (&[Cond::int(0, Op::Eq, PER_LINUX32)], Allow),
        ], EPERM),
        &["personality"]),
    group("16-bit segments: a history of holes, and absent from many kernels", Always(ENOSYS),
        &["modify_ldt"]),
    group("places memory and steals it from others' nodes", Always(EPERM),
        &["mbind", "set_mempolicy", "set_mempolicy_home_node", "migrate_pages", "move_pages"]),
    group("watches whole file systems, others' included", Always(ENOSYS),
        &["fanotify_init", "fanotify_mark"]),
    group("entered by trampolines of the kernel's own making only", Always(ENOSYS),
        &["uprobe", "uretprobe"]),
    group("new, and without users that need them", Always(ENOSYS),
        &["lsm_set_self_attr", "file_setattr"]),

    // The machine: each needs a capability the target lacks, refused before the kernel has to decide.
    group("sets the clock", Always(EPERM),
        &["settimeofday", "clock_settime", "adjtimex", "clock_adjtime"]),
    group("belongs to whoever runs the machine; of the calls for modules some are gone from newer kernels", Always(EPERM),
        &["reboot", "swapon", "swapoff", "init_module", "finit_module", "delete_module", "create_module",
          "get_kernel_syms", "query_module", "nfsservctl", "kexec_load", "kexec_file_load", "acct", "quotactl",
          "quotactl_fd", "syslog", "iopl", "ioperm", "vhangup", "sethostname", "setdomainname"]),
    // Numbers that no kernel for this architecture ever served (getpmsg, security, vserver …) need no rule: the kernel's
    // own answer is ENOSYS.
    group("retired: ENOSYS as from a kernel without them", Always(ENOSYS),
        &["uselib", "lookup_dcookie", "sysfs", "ustat", "_sysctl"]),
];
