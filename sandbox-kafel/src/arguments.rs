//! The arguments of the kernel's calls: their names, and how much of each register the kernel looks at.
//!
//! From the prototypes of SYSCALL_DEFINE, as Linux 6.18 lists them in `events/syscalls/*/format` of tracefs, and for calls
//! that it does not list there (retired ones among them) from include/linux/syscalls.h of the last kernel that had them. A
//! name alone is 64 bits wide: pointers, `long`, `size_t`, `loff_t`. `/4` is 32 bits: `int` of either sign, `pid_t`,
//! `uid_t`, `clockid_t` and such. `/2` is 16 bits: `umode_t`. The kernel drops what is above.
//!
//! Some are declared `long` and become an `int` at once, and are `/4` here: the flags of clone (kernel/fork.c), the
//! descriptors of readv and its like (fs/read_write.c) and of mmap (mm/mmap.c), the pid of ptrace (kernel/ptrace.c), the
//! mode of mbind (mm/mempolicy.c). Arguments whose meaning depends on another one (of fcntl, ioctl, prctl, keyctl) are as
//! they are declared, 64 bits, although the kernel may look at fewer of them.

use sandbox_filter::Width;

/// One argument, by the name the kernel gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    pub name: &'static str,
    pub width: Width,
}

/// The arguments of this call, in order; none where none are known.
pub fn of(nr: u32) -> Vec<Argument> {
    let row = sandbox_filter::name(nr).and_then(|name| TABLE.binary_search_by_key(&name, |(known, _)| known).ok());
    let text = row.and_then(|row| TABLE.get(row)).map_or("", |(_, arguments)| arguments);
    text.split_whitespace().map(argument).collect()
}

/// What an argument is called that had this name in earlier kernels, whose names Kafel has.
pub fn renamed(nr: u32, name: &str) -> Option<&'static str> {
    let call = sandbox_filter::name(nr)?;
    RENAMED.iter().find(|(known, before, _)| *known == call && *before == name).map(|(_, _, now)| *now)
}

const RENAMED: [(&str, &str, &str); 8] = [
    ("arch_prctl", "code", "option"),
    ("arch_prctl", "addr", "arg2"),
    ("getrandom", "buf", "ubuf"),
    ("getrandom", "count", "len"),
    ("nfsservctl", "argp", "arg"),
    ("nfsservctl", "resp", "res"),
    ("setns", "nstype", "flags"),
    ("vmsplice", "iov", "uiov"),
];

/// How much of this argument the kernel looks at; all of it where that is not known.
pub fn width(nr: u32, index: u8) -> Width {
    of(nr).get(usize::from(index)).map_or(Width::Long, |argument| argument.width)
}

fn argument(text: &'static str) -> Argument {
    match text.split_once('/') {
        Some((name, "4")) => Argument { name, width: Width::Int },
        Some((name, "2")) => Argument { name, width: Width::Short },
        _ => Argument { name: text, width: Width::Long },
    }
}

#[rustfmt::skip]
const TABLE: &[(&str, &str)] = &[
    ("_sysctl", "args"), ("accept", "fd/4 upeer_sockaddr upeer_addrlen"),
    ("accept4", "fd/4 upeer_sockaddr upeer_addrlen flags/4"), ("access", "filename mode/4"), ("acct", "name"),
    ("add_key", "_type _description _payload plen ringid/4"), ("adjtimex", "txc_p"), ("alarm", "seconds/4"),
    ("arch_prctl", "option/4 arg2"), ("bind", "fd/4 umyaddr addrlen/4"), ("bpf", "cmd/4 uattr size/4"),
    ("brk", "brk"), ("cachestat", "fd/4 cstat_range cstat flags/4"), ("capget", "header dataptr"),
    ("capset", "header data"), ("chdir", "filename"), ("chmod", "filename mode/2"),
    ("chown", "filename user/4 group/4"), ("chroot", "filename"), ("clock_adjtime", "which_clock/4 utx"),
    ("clock_getres", "which_clock/4 tp"), ("clock_gettime", "which_clock/4 tp"),
    ("clock_nanosleep", "which_clock/4 flags/4 rqtp rmtp"), ("clock_settime", "which_clock/4 tp"),
    ("clone", "clone_flags/4 newsp parent_tidptr child_tidptr tls"), ("clone3", "uargs size"), ("close", "fd/4"),
    ("close_range", "fd/4 max_fd/4 flags/4"), ("connect", "fd/4 uservaddr addrlen/4"),
    ("copy_file_range", "fd_in/4 off_in fd_out/4 off_out len flags/4"), ("creat", "pathname mode/2"),
    ("create_module", "name size"), ("delete_module", "name_user flags/4"), ("dup", "fildes/4"),
    ("dup2", "oldfd/4 newfd/4"), ("dup3", "oldfd/4 newfd/4 flags/4"), ("epoll_create", "size/4"),
    ("epoll_create1", "flags/4"), ("epoll_ctl", "epfd/4 op/4 fd/4 event"),
    ("epoll_pwait", "epfd/4 events maxevents/4 timeout/4 sigmask sigsetsize"),
    ("epoll_pwait2", "epfd/4 events maxevents/4 timeout sigmask sigsetsize"),
    ("epoll_wait", "epfd/4 events maxevents/4 timeout/4"), ("eventfd", "count/4"), ("eventfd2", "count/4 flags/4"),
    ("execve", "filename argv envp"), ("execveat", "fd/4 filename argv envp flags/4"), ("exit", "error_code/4"),
    ("exit_group", "error_code/4"), ("faccessat", "dfd/4 filename mode/4"),
    ("faccessat2", "dfd/4 filename mode/4 flags/4"), ("fadvise64", "fd/4 offset len advice/4"),
    ("fallocate", "fd/4 mode/4 offset len"), ("fanotify_init", "flags/4 event_f_flags/4"),
    ("fanotify_mark", "fanotify_fd/4 flags/4 mask dfd/4 pathname"), ("fchdir", "fd/4"), ("fchmod", "fd/4 mode/2"),
    ("fchmodat", "dfd/4 filename mode/2"), ("fchmodat2", "dfd/4 filename mode/2 flags/4"),
    ("fchown", "fd/4 user/4 group/4"), ("fchownat", "dfd/4 filename user/4 group/4 flag/4"),
    ("fcntl", "fd/4 cmd/4 arg"), ("fdatasync", "fd/4"), ("fgetxattr", "fd/4 name value size"),
    ("file_getattr", "dfd/4 filename ufattr usize at_flags/4"),
    ("file_setattr", "dfd/4 filename ufattr usize at_flags/4"), ("finit_module", "fd/4 uargs flags/4"),
    ("flistxattr", "fd/4 list size"), ("flock", "fd/4 cmd/4"), ("fremovexattr", "fd/4 name"),
    ("fsconfig", "fd/4 cmd/4 _key _value aux/4"), ("fsetxattr", "fd/4 name value size flags/4"),
    ("fsmount", "fs_fd/4 flags/4 attr_flags/4"), ("fsopen", "_fs_name flags/4"), ("fspick", "dfd/4 path flags/4"),
    ("fstat", "fd/4 statbuf"), ("fstatfs", "fd/4 buf"), ("fsync", "fd/4"), ("ftruncate", "fd/4 length"),
    ("futex", "uaddr op/4 val/4 utime uaddr2 val3/4"), ("futex_requeue", "waiters flags/4 nr_wake/4 nr_requeue/4"),
    ("futex_wait", "uaddr val mask flags/4 timeout clockid/4"),
    ("futex_waitv", "waiters nr_futexes/4 flags/4 timeout clockid/4"), ("futex_wake", "uaddr mask nr/4 flags/4"),
    ("futimesat", "dfd/4 filename utimes"), ("get_kernel_syms", "table"),
    ("get_mempolicy", "policy nmask maxnode addr flags"), ("get_robust_list", "pid/4 head_ptr len_ptr"),
    ("get_thread_area", "u_info"), ("getcpu", "cpup nodep unused"), ("getcwd", "buf size"),
    ("getdents", "fd/4 dirent count/4"), ("getdents64", "fd/4 dirent count/4"),
    ("getgroups", "gidsetsize/4 grouplist"), ("getitimer", "which/4 value"),
    ("getpeername", "fd/4 usockaddr usockaddr_len"), ("getpgid", "pid/4"), ("getpriority", "which/4 who/4"),
    ("getrandom", "ubuf len flags/4"), ("getresgid", "rgidp egidp sgidp"), ("getresuid", "ruidp euidp suidp"),
    ("getrlimit", "resource/4 rlim"), ("getrusage", "who/4 ru"), ("getsid", "pid/4"),
    ("getsockname", "fd/4 usockaddr usockaddr_len"), ("getsockopt", "fd/4 level/4 optname/4 optval optlen"),
    ("gettimeofday", "tv tz"), ("getxattr", "pathname name value size"),
    ("getxattrat", "dfd/4 pathname at_flags/4 name uargs usize"), ("init_module", "umod len uargs"),
    ("inotify_add_watch", "fd/4 pathname mask/4"), ("inotify_init1", "flags/4"), ("inotify_rm_watch", "fd/4 wd/4"),
    ("io_cancel", "ctx_id iocb result"), ("io_destroy", "ctx"), ("io_getevents", "ctx_id min_nr nr events timeout"),
    ("io_pgetevents", "ctx_id min_nr nr events timeout usig"), ("io_setup", "nr_events/4 ctxp"),
    ("io_submit", "ctx_id nr iocbpp"), ("io_uring_enter", "fd/4 to_submit/4 min_complete/4 flags/4 argp argsz"),
    ("io_uring_register", "fd/4 opcode/4 arg nr_args/4"), ("io_uring_setup", "entries/4 params"),
    ("ioctl", "fd/4 cmd/4 arg"), ("ioperm", "from num turn_on/4"), ("iopl", "level/4"),
    ("ioprio_get", "which/4 who/4"), ("ioprio_set", "which/4 who/4 ioprio/4"),
    ("kcmp", "pid1/4 pid2/4 type/4 idx1 idx2"),
    ("kexec_file_load", "kernel_fd/4 initrd_fd/4 cmdline_len cmdline_ptr flags"),
    ("kexec_load", "entry nr_segments segments flags"), ("keyctl", "option/4 arg2 arg3 arg4 arg5"),
    ("kill", "pid/4 sig/4"), ("landlock_add_rule", "ruleset_fd/4 rule_type/4 rule_attr flags/4"),
    ("landlock_create_ruleset", "attr size flags/4"), ("landlock_restrict_self", "ruleset_fd/4 flags/4"),
    ("lchown", "filename user/4 group/4"), ("lgetxattr", "pathname name value size"), ("link", "oldname newname"),
    ("linkat", "olddfd/4 oldname newdfd/4 newname flags/4"), ("listen", "fd/4 backlog/4"),
    ("listmount", "req mnt_ids nr_mnt_ids flags/4"), ("listns", "req ns_ids nr_ns_ids flags/4"),
    ("listxattr", "pathname list size"), ("listxattrat", "dfd/4 pathname at_flags/4 list size"),
    ("llistxattr", "pathname list size"), ("lookup_dcookie", "cookie64 buf len"), ("lremovexattr", "pathname name"),
    ("lseek", "fd/4 offset whence/4"), ("lsetxattr", "pathname name value size flags/4"),
    ("lsm_get_self_attr", "attr/4 ctx size flags/4"), ("lsm_list_modules", "ids size flags/4"),
    ("lsm_set_self_attr", "attr/4 ctx size/4 flags/4"), ("lstat", "filename statbuf"),
    ("madvise", "start len_in behavior/4"), ("map_shadow_stack", "addr size flags/4"),
    ("mbind", "start len mode/4 nmask maxnode flags/4"), ("membarrier", "cmd/4 flags/4 cpu_id/4"),
    ("memfd_create", "uname flags/4"), ("memfd_secret", "flags/4"),
    ("migrate_pages", "pid/4 maxnode old_nodes new_nodes"), ("mincore", "start len vec"),
    ("mkdir", "pathname mode/2"), ("mkdirat", "dfd/4 pathname mode/2"), ("mknod", "filename mode/2 dev/4"),
    ("mknodat", "dfd/4 filename mode/2 dev/4"), ("mlock", "start len"), ("mlock2", "start len flags/4"),
    ("mlockall", "flags/4"), ("mmap", "addr len prot flags fd/4 off"), ("modify_ldt", "func/4 ptr bytecount"),
    ("mount", "dev_name dir_name type flags data"), ("mount_setattr", "dfd/4 path flags/4 uattr usize"),
    ("move_mount", "from_dfd/4 from_pathname to_dfd/4 to_pathname flags/4"),
    ("move_pages", "pid/4 nr_pages pages nodes status flags/4"), ("mprotect", "start len prot"),
    ("mq_getsetattr", "mqdes/4 u_mqstat u_omqstat"), ("mq_notify", "mqdes/4 u_notification"),
    ("mq_open", "u_name oflag/4 mode/2 u_attr"),
    ("mq_timedreceive", "mqdes/4 u_msg_ptr msg_len u_msg_prio u_abs_timeout"),
    ("mq_timedsend", "mqdes/4 u_msg_ptr msg_len msg_prio/4 u_abs_timeout"), ("mq_unlink", "u_name"),
    ("mremap", "addr old_len new_len flags new_addr"), ("mseal", "start len flags"), ("msgctl", "msqid/4 cmd/4 buf"),
    ("msgget", "key/4 msgflg/4"), ("msgrcv", "msqid/4 msgp msgsz msgtyp msgflg/4"),
    ("msgsnd", "msqid/4 msgp msgsz msgflg/4"), ("msync", "start len flags/4"), ("munlock", "start len"),
    ("munmap", "addr len"), ("name_to_handle_at", "dfd/4 name handle mnt_id flag/4"), ("nanosleep", "rqtp rmtp"),
    ("newfstatat", "dfd/4 filename statbuf flag/4"), ("nfsservctl", "cmd/4 arg res"),
    ("open", "filename flags/4 mode/2"), ("open_by_handle_at", "mountdirfd/4 handle flags/4"),
    ("open_tree", "dfd/4 filename flags/4"), ("open_tree_attr", "dfd/4 filename flags/4 uattr usize"),
    ("openat", "dfd/4 filename flags/4 mode/2"), ("openat2", "dfd/4 filename how usize"),
    ("perf_event_open", "attr_uptr pid/4 cpu/4 group_fd/4 flags"), ("personality", "personality/4"),
    ("pidfd_getfd", "pidfd/4 fd/4 flags/4"), ("pidfd_open", "pid/4 flags/4"),
    ("pidfd_send_signal", "pidfd/4 sig/4 info flags/4"), ("pipe", "fildes"), ("pipe2", "fildes flags/4"),
    ("pivot_root", "new_root put_old"), ("pkey_alloc", "flags init_val"), ("pkey_free", "pkey/4"),
    ("pkey_mprotect", "start len prot pkey/4"), ("poll", "ufds nfds/4 timeout_msecs/4"),
    ("ppoll", "ufds nfds/4 tsp sigmask sigsetsize"), ("prctl", "option/4 arg2 arg3 arg4 arg5"),
    ("pread64", "fd/4 buf count pos"), ("preadv", "fd/4 vec vlen pos_l pos_h"),
    ("preadv2", "fd/4 vec vlen pos_l pos_h flags/4"), ("prlimit64", "pid/4 resource/4 new_rlim old_rlim"),
    ("process_madvise", "pidfd/4 vec vlen behavior/4 flags/4"), ("process_mrelease", "pidfd/4 flags/4"),
    ("process_vm_readv", "pid/4 lvec liovcnt rvec riovcnt flags"),
    ("process_vm_writev", "pid/4 lvec liovcnt rvec riovcnt flags"), ("pselect6", "n/4 inp outp exp tsp sig"),
    ("ptrace", "request pid/4 addr data"), ("pwrite64", "fd/4 buf count pos"), ("pwritev", "fd/4 vec vlen pos_l pos_h"),
    ("pwritev2", "fd/4 vec vlen pos_l pos_h flags/4"), ("query_module", "name which/4 buf bufsize ret"),
    ("quotactl", "cmd/4 special id/4 addr"), ("quotactl_fd", "fd/4 cmd/4 id/4 addr"), ("read", "fd/4 buf count"),
    ("readahead", "fd/4 offset count"), ("readlink", "path buf bufsiz/4"),
    ("readlinkat", "dfd/4 pathname buf bufsiz/4"), ("readv", "fd/4 vec vlen"),
    ("reboot", "magic1/4 magic2/4 cmd/4 arg"), ("recvfrom", "fd/4 ubuf size flags/4 addr addr_len"),
    ("recvmmsg", "fd/4 mmsg vlen/4 flags/4 timeout"), ("recvmsg", "fd/4 msg flags/4"),
    ("remap_file_pages", "start size prot pgoff flags"), ("removexattr", "pathname name"),
    ("removexattrat", "dfd/4 pathname at_flags/4 name"), ("rename", "oldname newname"),
    ("renameat", "olddfd/4 oldname newdfd/4 newname"), ("renameat2", "olddfd/4 oldname newdfd/4 newname flags/4"),
    ("request_key", "_type _description _callout_info destringid/4"), ("rmdir", "pathname"),
    ("rseq", "rseq rseq_len/4 flags/4 sig/4"), ("rt_sigaction", "sig/4 act oact sigsetsize"),
    ("rt_sigpending", "uset sigsetsize"), ("rt_sigprocmask", "how/4 nset oset sigsetsize"),
    ("rt_sigqueueinfo", "pid/4 sig/4 uinfo"), ("rt_sigsuspend", "unewset sigsetsize"),
    ("rt_sigtimedwait", "uthese uinfo uts sigsetsize"), ("rt_tgsigqueueinfo", "tgid/4 pid/4 sig/4 uinfo"),
    ("sched_get_priority_max", "policy/4"), ("sched_get_priority_min", "policy/4"),
    ("sched_getaffinity", "pid/4 len/4 user_mask_ptr"), ("sched_getattr", "pid/4 uattr usize/4 flags/4"),
    ("sched_getparam", "pid/4 param"), ("sched_getscheduler", "pid/4"), ("sched_rr_get_interval", "pid/4 interval"),
    ("sched_setaffinity", "pid/4 len/4 user_mask_ptr"), ("sched_setattr", "pid/4 uattr flags/4"),
    ("sched_setparam", "pid/4 param"), ("sched_setscheduler", "pid/4 policy/4 param"),
    ("seccomp", "op/4 flags/4 uargs"), ("select", "n/4 inp outp exp tvp"), ("semctl", "semid/4 semnum/4 cmd/4 arg"),
    ("semget", "key/4 nsems/4 semflg/4"), ("semop", "semid/4 tsops nsops/4"),
    ("semtimedop", "semid/4 tsops nsops/4 timeout"), ("sendfile", "out_fd/4 in_fd/4 offset count"),
    ("sendmmsg", "fd/4 mmsg vlen/4 flags/4"), ("sendmsg", "fd/4 msg flags/4"),
    ("sendto", "fd/4 buff len flags/4 addr addr_len/4"), ("set_mempolicy", "mode/4 nmask maxnode"),
    ("set_mempolicy_home_node", "start len home_node flags"), ("set_robust_list", "head len"),
    ("set_thread_area", "u_info"), ("set_tid_address", "tidptr"), ("setdomainname", "name len/4"),
    ("setfsgid", "gid/4"), ("setfsuid", "uid/4"), ("setgid", "gid/4"), ("setgroups", "gidsetsize/4 grouplist"),
    ("sethostname", "name len/4"), ("setitimer", "which/4 value ovalue"), ("setns", "fd/4 flags/4"),
    ("setpgid", "pid/4 pgid/4"), ("setpriority", "which/4 who/4 niceval/4"), ("setregid", "rgid/4 egid/4"),
    ("setresgid", "rgid/4 egid/4 sgid/4"), ("setresuid", "ruid/4 euid/4 suid/4"), ("setreuid", "ruid/4 euid/4"),
    ("setrlimit", "resource/4 rlim"), ("setsockopt", "fd/4 level/4 optname/4 optval optlen/4"),
    ("settimeofday", "tv tz"), ("setuid", "uid/4"), ("setxattr", "pathname name value size flags/4"),
    ("setxattrat", "dfd/4 pathname at_flags/4 name uargs usize"), ("shmat", "shmid/4 shmaddr shmflg/4"),
    ("shmctl", "shmid/4 cmd/4 buf"), ("shmdt", "shmaddr"), ("shmget", "key/4 size shmflg/4"),
    ("shutdown", "fd/4 how/4"), ("sigaltstack", "uss uoss"), ("signalfd", "ufd/4 user_mask sizemask"),
    ("signalfd4", "ufd/4 user_mask sizemask flags/4"), ("socket", "family/4 type/4 protocol/4"),
    ("socketpair", "family/4 type/4 protocol/4 usockvec"), ("splice", "fd_in/4 off_in fd_out/4 off_out len flags/4"),
    ("stat", "filename statbuf"), ("statfs", "pathname buf"), ("statmount", "req buf bufsize flags/4"),
    ("statx", "dfd/4 filename flags/4 mask/4 buffer"), ("swapoff", "specialfile"),
    ("swapon", "specialfile swap_flags/4"), ("symlink", "oldname newname"), ("symlinkat", "oldname newdfd/4 newname"),
    ("sync_file_range", "fd/4 offset nbytes flags/4"), ("syncfs", "fd/4"), ("sysfs", "option/4 arg1 arg2"),
    ("sysinfo", "info"), ("syslog", "type/4 buf len/4"), ("tee", "fdin/4 fdout/4 len flags/4"),
    ("tgkill", "tgid/4 pid/4 sig/4"), ("time", "tloc"),
    ("timer_create", "which_clock/4 timer_event_spec created_timer_id"), ("timer_delete", "timer_id/4"),
    ("timer_getoverrun", "timer_id/4"), ("timer_gettime", "timer_id/4 setting"),
    ("timer_settime", "timer_id/4 flags/4 new_setting old_setting"), ("timerfd_create", "clockid/4 flags/4"),
    ("timerfd_gettime", "ufd/4 otmr"), ("timerfd_settime", "ufd/4 flags/4 utmr otmr"), ("times", "tbuf"),
    ("tkill", "pid/4 sig/4"), ("truncate", "path length"), ("umask", "mask/4"), ("umount2", "name flags/4"),
    ("uname", "name"), ("unlink", "pathname"), ("unlinkat", "dfd/4 pathname flag/4"), ("unshare", "unshare_flags"),
    ("uselib", "library"), ("userfaultfd", "flags/4"), ("ustat", "dev/4 ubuf"), ("utime", "filename times"),
    ("utimensat", "dfd/4 filename utimes flags/4"), ("utimes", "filename utimes"),
    ("vmsplice", "fd/4 uiov nr_segs flags/4"), ("wait4", "upid/4 stat_addr options/4 ru"),
    ("waitid", "which/4 upid/4 infop options/4 ru"), ("write", "fd/4 buf count"), ("writev", "fd/4 vec vlen"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_of_a_call_and_in_order() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
        for (name, text) in TABLE {
            let nr = sandbox_filter::number(name).unwrap_or_else(|| panic!("{name}"));
            let arguments = of(nr);
            assert!((1..=6).contains(&arguments.len()), "{name}");
            let widths = text.split_whitespace().map(|a| a.rsplit_once('/').map_or("8", |(_, bytes)| bytes));
            assert!(widths.into_iter().all(|bytes| ["8", "4", "2"].contains(&bytes)), "{name}");
            for (at, argument) in arguments.iter().enumerate() {
                assert!(arguments[..at].iter().all(|other| other.name != argument.name), "{name}");
            }
        }
    }

    #[test]
    fn names_of_earlier_kernels_lead_to_names_of_now() {
        for (call, before, now) in RENAMED {
            let nr = sandbox_filter::number(call).unwrap();
            assert_eq!(renamed(nr, before), Some(now));
            assert!(of(nr).iter().any(|argument| argument.name == now), "{call} {now}");
            assert!(of(nr).iter().all(|argument| argument.name != before), "{call} {before}");
        }
    }

    #[test]
    fn only_calls_without_arguments_have_no_row() {
        let without = (0..=sandbox_filter::NEWEST).filter(|nr| sandbox_filter::is_known(*nr) && of(*nr).is_empty());
        let names: Vec<_> = without.filter_map(sandbox_filter::name).collect();
        assert_eq!(names, WITHOUT);
    }

    /// In the order of their numbers; the second half was never there.
    const WITHOUT: &[&str] = &[
        "rt_sigreturn",
        "sched_yield",
        "pause",
        "getpid",
        "fork",
        "vfork",
        "getuid",
        "getgid",
        "geteuid",
        "getegid",
        "getppid",
        "getpgrp",
        "setsid",
        "munlockall",
        "vhangup",
        "sync",
        "getpmsg",
        "putpmsg",
        "afs_syscall",
        "tuxcall",
        "security",
        "gettid",
        "epoll_ctl_old",
        "epoll_wait_old",
        "restart_syscall",
        "vserver",
        "inotify_init",
        "uretprobe",
        "uprobe",
    ];

    #[test]
    fn widths_are_the_kernels() {
        use Width::{Int, Long, Short};
        for (name, widths) in [
            ("write", &[Int, Long, Long][..]),
            ("openat", &[Int, Long, Int, Short]),
            ("mknod", &[Long, Short, Int]),
            ("ioctl", &[Int, Int, Long]),
            ("mmap", &[Long, Long, Long, Long, Int, Long]),
            ("writev", &[Int, Long, Long]),
            ("clone", &[Int, Long, Long, Long, Long]),
            ("socket", &[Int, Int, Int]),
            ("personality", &[Int]),
            ("prctl", &[Int, Long, Long, Long, Long]),
            ("ptrace", &[Long, Int, Long, Long]),
            ("unshare", &[Long]),
            ("kill", &[Int, Int]),
            ("preadv2", &[Int, Long, Long, Long, Long, Int]),
        ] {
            let known: Vec<_> = of(sandbox_filter::number(name).unwrap()).iter().map(|a| a.width).collect();
            assert_eq!(known, widths, "{name}");
        }
    }
}
