//! The policies once more, written by hand from numbers and plain comparisons: what the programs must answer.

#![allow(non_upper_case_globals)] // libc spells SYS_ numbers so, also in patterns

use libc::*;

pub use super::samples::guard;

pub const ALLOW: u32 = 0x7fff_0000;
pub const LOG: u32 = 0x7ffc_0000;
pub const TRAP: u32 = 0x0003_0000;
pub const KILL_THREAD: u32 = 0;
pub const KILL_PROCESS: u32 = 0x8000_0000;
pub const EPERM: u32 = 0x0005_0001;
pub const ENOSYS: u32 = 0x0005_0026;
pub const EAFNOSUPPORT: u32 = 0x0005_0061;
pub const MARKER: u32 = 0x0005_0000 | 1112;

fn low(register: u64) -> u64 {
    register % (1 << 32)
}

fn unless(bad: bool, refusal: u32) -> u32 {
    if bad { refusal } else { ALLOW }
}

fn suid(mode: u64) -> bool {
    mode & 0o4000 != 0 || mode & 0o2000 != 0
}

fn creates(flags: u64) -> bool {
    flags & 0o100 != 0 || flags & 0o20_000_000 != 0
}

fn new_namespace(flags: u64) -> bool {
    [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000]
        .iter()
        .any(|flag| flags & flag != 0)
}

pub fn default(nr: u32, args: &[u64; 6]) -> u32 {
    // Character and block devices are 02 and 06, links 012; that mknod makes no directories (04) is the kernel's own rule.
    let device_or_suid = |mode: u64| suid(mode) || mode >> 12 & 0o2 != 0;
    match i64::from(nr) {
        SYS_clone => unless(new_namespace(args[0]), EPERM),
        SYS_socket | SYS_socketpair => unless(![1, 2, 10].contains(&low(args[0])), EAFNOSUPPORT),
        SYS_ioctl | SYS_kill | SYS_setpriority | SYS_ioprio_set => none(nr, args),
        SYS_personality => unless(![0, 8, 0xffff_ffff].contains(&low(args[0])), EPERM),
        SYS_mknod => unless(device_or_suid(args[1]), EPERM),
        SYS_mknodat => unless(device_or_suid(args[2]), EPERM),
        SYS_chmod | SYS_fchmod | SYS_creat => unless(suid(args[1]), EPERM),
        SYS_fchmodat | 452 => unless(suid(args[2]), EPERM),
        SYS_open => unless(creates(args[1]) && suid(args[2]), EPERM),
        SYS_openat => unless(creates(args[2]) && suid(args[3]), EPERM),
        SYS_prctl => unless(low(args[0]) == 1 && low(args[1]) != 9 || low(args[0]) == 35, EPERM),

        SYS_ptrace | SYS_process_vm_readv | SYS_process_vm_writev | SYS_pidfd_getfd | SYS_process_madvise
        | SYS_kcmp | SYS_keyctl | SYS_add_key | SYS_request_key | SYS_bpf | SYS_perf_event_open
        | SYS_userfaultfd | SYS_mount | SYS_umount2 | SYS_unshare | SYS_setns | SYS_chroot | SYS_pivot_root
        | SYS_mbind | SYS_set_mempolicy | 450 | SYS_migrate_pages | SYS_move_pages | SYS_vmsplice
        | SYS_name_to_handle_at | SYS_open_by_handle_at | SYS_clock_settime | SYS_settimeofday | SYS_adjtimex
        | SYS_clock_adjtime | SYS_reboot | SYS_swapon | SYS_swapoff | SYS_init_module | SYS_finit_module
        | SYS_delete_module | SYS_kexec_load | SYS_kexec_file_load | SYS_acct | SYS_quotactl | SYS_quotactl_fd
        | SYS_syslog | SYS_iopl | SYS_ioperm | SYS_vhangup | SYS_sethostname | SYS_setdomainname
        // create_module, get_kernel_syms, query_module, nfsservctl
        | 174 | 177 | 178 | 180 => EPERM,

        SYS_clone3 | SYS_io_uring_setup | SYS_io_uring_enter | SYS_io_uring_register | SYS_fsopen | SYS_fsconfig
        | SYS_fsmount | SYS_fspick | SYS_open_tree | 467 | SYS_move_mount | SYS_mount_setattr | 457 | 458 | 470
        | SYS_openat2 | SYS_modify_ldt | SYS_fanotify_init | SYS_fanotify_mark | 335 | 336 | 460 | 469
        // uselib, lookup_dcookie, sysfs, ustat, _sysctl
        | 134 | 212 | 139 | 136 | 156 => ENOSYS,
        // epoll_*_old, *_thread_area, getpmsg, putpmsg, afs_syscall, tuxcall, security, vserver: nobody serves them
        214 | 215 | 211 | 205 | 181 | 182 | 183 | 184 | 185 | 236 => ALLOW,
        _ => ALLOW,
    }
}

/// Numbers `strict` allows whatever the arguments.
const STRICT: [&[u32]; 10] = [
    // read, write, close, stat, fstat, lstat, poll, lseek; munmap, brk, rt_sig*, pread64 … select, sched_yield, mremap
    &[0, 1, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 29, 31, 32, 33, 34, 35],
    // getitimer, alarm, setitimer, getpid, sendfile, fork, vfork, exit, wait4, kill, uname, shmdt, fcntl … ftruncate
    &[36, 37, 38, 39, 40, 57, 58, 60, 61, 62, 63, 67, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84],
    // link, unlink, symlink, readlink; chown, fchown, lchown, umask, gettimeofday, getrlimit, getrusage, sysinfo, times
    &[86, 87, 88, 89, 92, 93, 94, 95, 96, 97, 98, 99, 100, 102, 104, 107, 108, 110, 111, 115, 118, 120, 121, 124, 125],
    // rt_sigpending … sigaltstack, utime; statfs, fstatfs, getpriority, sched_get*, mlock … munlockall
    &[127, 128, 129, 130, 131, 132, 137, 138, 140, 143, 145, 146, 147, 148, 149, 150, 151, 152, 160, 186, 187],
    // getxattr … flistxattr, tkill, time, futex, sched_getaffinity, epoll_create, getdents64 … fadvise64, timers
    &[
        191, 192, 193, 194, 195, 196, 200, 201, 202, 204, 213, 217, 218, 219, 221, 222, 223, 224, 225, 226, 228, 229,
        230,
    ],
    // exit_group, epoll_wait, epoll_ctl, tgkill, utimes, waitid, ioprio_get, mkdirat, fchownat, futimesat, newfstatat …
    &[
        231, 232, 233, 234, 235, 247, 252, 258, 260, 261, 262, 263, 264, 265, 266, 267, 269, 270, 271, 273, 274, 275,
        276,
    ],
    // sync_file_range, utimensat, epoll_pwait, signalfd, timerfd_*, eventfd, fallocate, signalfd4 … preadv, pwritev …
    &[
        277, 280, 281, 282, 283, 284, 285, 286, 287, 289, 290, 291, 292, 293, 295, 296, 297, 302, 309, 315, 316, 318,
        319,
    ],
    // membarrier, mlock2, copy_file_range, preadv2, pwritev2, pkey_alloc, pkey_free, statx, rseq
    &[324, 325, 326, 327, 328, 330, 331, 332, 334],
    // close_range, faccessat2, epoll_pwait2, landlock_*, futex_waitv
    &[436, 439, 441, 444, 445, 446, 449],
    // map_shadow_stack, futex_wake, futex_wait, futex_requeue, mseal, getxattrat, listxattrat
    &[453, 454, 455, 456, 462, 464, 465],
];

pub fn strict(nr: u32, args: &[u64; 6]) -> u32 {
    match i64::from(nr) {
        SYS_clone => unless(new_namespace(args[0]), EPERM),
        SYS_mmap | SYS_mprotect | SYS_pkey_mprotect => unless(args[2] & 4 != 0, EPERM),
        SYS_shmat => unless(args[2] & 0o100_000 != 0, EPERM),
        SYS_personality => unless(low(args[0]) != 0xffff_ffff, EPERM),
        SYS_kill => unless(low(args[0]) == 0, EPERM),
        SYS_chmod | SYS_fchmod | SYS_creat => unless(suid(args[1]), EPERM),
        SYS_fchmodat | 452 => unless(suid(args[2]), EPERM),
        SYS_open => unless(creates(args[1]) && suid(args[2]), EPERM),
        SYS_openat => unless(creates(args[2]) && suid(args[3]), EPERM),
        SYS_ioctl => {
            let harmless = [0x5401, 0x802c_542a, 0x5413, 0x540f, 0x541b, 0x5421, 0x5451, 0x5450];
            unless(!harmless.contains(&low(args[1])), EPERM)
        }
        SYS_prctl => {
            let harmless = [2, 3, 15, 16, 21, 23, 27, 30, 38, 39, 0x5356_4d41];
            unless(!harmless.contains(&low(args[0])), EPERM)
        }
        SYS_clone3 | SYS_openat2 => ENOSYS,
        _ => unless(!STRICT.iter().any(|some| some.contains(&nr)), EPERM),
    }
}

pub fn witness(nr: u32, args: &[u64; 6]) -> u32 {
    match i64::from(nr) {
        SYS_mmap => unless(args[2] & 4 != 0, EPERM),
        // O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
        SYS_openat => unless(args[2] & (3 | 0o100 | 0o1000) != 0, EPERM),
        // PTRACE_CONT, GETREGS, SETREGS, DETACH, SEIZE, INTERRUPT, GETSIGMASK, SETSIGMASK
        SYS_ptrace => unless(!matches!(args[0], 7 | 12 | 13 | 17 | 0x4206 | 0x4207 | 0x420a | 0x420b), EPERM),
        SYS_ioctl
        | SYS_poll
        | SYS_recvmsg
        | SYS_sendmsg
        | SYS_write
        | SYS_close
        | SYS_pidfd_getfd
        | SYS_read
        | SYS_statx
        | SYS_process_vm_readv
        | SYS_pidfd_open
        | SYS_wait4
        | SYS_kill
        | SYS_tgkill
        | SYS_pidfd_send_signal
        | SYS_brk
        | SYS_munmap
        | SYS_mremap
        | SYS_madvise
        | SYS_futex
        | SYS_sched_yield
        | SYS_restart_syscall
        | SYS_getpid
        | SYS_gettid
        | SYS_exit
        | SYS_exit_group
        | SYS_rt_sigreturn => ALLOW,
        _ => EPERM,
    }
}

pub fn supervisor(nr: u32, args: &[u64; 6]) -> u32 {
    match i64::from(nr) {
        SYS_ioctl => unless(low(args[1]) != 0xc018_2101, EPERM),
        SYS_mmap => unless(args[2] & 4 != 0, EPERM),
        SYS_read
        | SYS_write
        | SYS_pread64
        | SYS_close
        | SYS_wait4
        | SYS_process_vm_readv
        | SYS_waitid
        | SYS_kill
        | SYS_tgkill
        | SYS_getpid
        | SYS_gettid
        | SYS_getpgid
        | SYS_getpgrp
        | SYS_getsid
        | SYS_rt_sigtimedwait
        | SYS_rt_sigprocmask
        | SYS_rt_sigreturn
        | SYS_rt_sigaction
        | SYS_restart_syscall
        | SYS_poll
        | SYS_ppoll
        | SYS_recvfrom
        | SYS_recvmsg
        | SYS_sendto
        | SYS_sendmsg
        | SYS_exit
        | SYS_exit_group
        | SYS_brk
        | SYS_munmap
        | SYS_madvise
        | SYS_clock_gettime
        | SYS_clock_nanosleep
        | SYS_nanosleep
        | SYS_gettimeofday
        | SYS_timer_settime
        | SYS_ftruncate
        | SYS_pidfd_send_signal
        | SYS_prlimit64
        | SYS_prctl
        | SYS_sched_yield
        | SYS_futex
        | SYS_mremap => ALLOW,
        _ => EPERM,
    }
}

pub fn keeper(nr: u32, args: &[u64; 6]) -> u32 {
    match i64::from(nr) {
        SYS_mmap => unless(args[2] & 4 != 0, EPERM),
        SYS_unlinkat => unless(low(args[2]) != 0x200, EPERM),
        SYS_read | SYS_write | SYS_pread64 | SYS_close | SYS_poll | SYS_recvmsg | SYS_sendmsg | SYS_flock => ALLOW,
        SYS_clock_gettime | SYS_clock_nanosleep | SYS_nanosleep | SYS_exit | SYS_exit_group => ALLOW,
        SYS_brk | SYS_munmap | SYS_mremap | SYS_madvise | SYS_futex | SYS_rt_sigreturn | SYS_restart_syscall => ALLOW,
        _ => EPERM,
    }
}

pub fn none(nr: u32, args: &[u64; 6]) -> u32 {
    unless(reaches_the_caller(nr, args), EPERM)
}

/// TIOCSTI and TIOCLINUX, and what means the caller's process group.
pub fn reaches_the_caller(nr: u32, args: &[u64; 6]) -> bool {
    match i64::from(nr) {
        SYS_ioctl => [0x5412, 0x541c].contains(&low(args[1])),
        SYS_kill => low(args[0]) == 0,
        // Of anybody but one process.
        SYS_setpriority => low(args[0]) != 0,
        SYS_ioprio_set => low(args[0]) != 1,
        _ => false,
    }
}

pub fn restriction(no_exec: bool, no_new_code: bool, no_sockets: bool, nr: u32, args: &[u64; 6]) -> u32 {
    match i64::from(nr) {
        SYS_execve | SYS_execveat if no_exec => EPERM,
        SYS_mmap | SYS_mprotect | SYS_pkey_mprotect if no_new_code => unless(args[2] & 4 != 0, EPERM),
        SYS_shmat if no_new_code => unless(args[2] & 0o100_000 != 0, EPERM),
        SYS_personality if no_new_code => unless(args[0] & 0x40_0000 != 0 && low(args[0]) != 0xffff_ffff, EPERM),
        SYS_remap_file_pages | SYS_ptrace | SYS_process_vm_writev if no_new_code => EPERM,
        134 if no_new_code => ENOSYS,
        SYS_socket if no_sockets => EAFNOSUPPORT,
        SYS_socketpair if no_sockets => unless(low(args[0]) != 1, EAFNOSUPPORT),
        SYS_io_uring_setup | SYS_io_uring_enter | SYS_io_uring_register if no_sockets => ENOSYS,
        _ => none(nr, args),
    }
}

/// What `pure` allows whatever the arguments.
#[rustfmt::skip]
const PURE: &[u32] = &[
    0, 1, 3, 5, 7, 8, 11, 12, 13, 14, 15, 17, 18, 19, 20, 23, 24, 25, 27, 28, 32, 33, 35, 39, 40, 60, 72,
    74, 75, 77, 96, 98, 100, 102, 104, 107, 108, 110, 127, 131, 186, 201, 202, 204, 218, 219, 221, 228, 229,
    230, 231, 232, 233, 234, 270, 271, 273, 275, 276, 281, 291, 292, 295, 296, 309, 318, 324, 326, 327, 328,
    334, 436, 441,
];

pub fn pure(nr: u32, args: &[u64; 6]) -> u32 {
    match nr {
        9 | 10 => unless(args[2] & 4 != 0, EPERM),
        16 => strict(nr, args),
        262 => unless(low(args[3]) != 0x1000, EPERM),
        _ => unless(!PURE.contains(&nr), EPERM),
    }
}

pub fn net_client(nr: u32, args: &[u64; 6]) -> u32 {
    // listen, accept, accept4
    if [50, 43, 288].contains(&nr) { EPERM } else { default(nr, args) }
}

pub fn net_server(nr: u32, args: &[u64; 6]) -> u32 {
    let fast = |flags: u64| unless(flags >> 29 & 1 != 0, EPERM);
    match nr {
        42 => EPERM,
        44 | 307 => fast(args[3]),
        46 => fast(args[2]),
        _ => default(nr, args),
    }
}

/// What `dev` lifts of `default`.
#[rustfmt::skip]
const LIFTED: &[u32] = &[
    56, 101, 135, 155, 161, 165, 166, 170, 171, 272, 308, 310, 311, 312, 428, 429, 430, 431, 432, 433, 435,
    438, 440, 442, 457, 458, 467, 470,
];

pub fn dev(nr: u32, args: &[u64; 6]) -> u32 {
    if LIFTED.contains(&nr) { ALLOW } else { default(nr, args) }
}

#[rustfmt::skip]
const TOASTERS: &[u32] = &[
    101, 103, 134, 135, 139, 154, 155, 159, 163, 164, 165, 166, 167, 168, 169, 172, 173, 174, 175, 176, 177,
    178, 179, 180, 205, 206, 207, 208, 209, 210, 212, 216, 227, 237, 238, 239, 246, 248, 249, 250, 256, 272,
    278, 279, 298, 303, 304, 305, 308, 310, 311, 312, 313, 317, 320, 321, 323,
];

pub fn toaster(nr: u32, args: &[u64; 6]) -> u32 {
    if TOASTERS.contains(&nr) { KILL_THREAD } else { none(nr, args) }
}
