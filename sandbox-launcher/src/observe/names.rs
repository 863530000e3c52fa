//! Numbers of the kernel's interface and their names, as the headers below include/uapi have them.

/// Numbers with their names.
pub type Names = [(u64, &'static str)];

/// The name of a number.
pub fn one(names: &Names, value: u64) -> Option<&'static str> {
    names.iter().find(|(known, _)| *known == value).map(|(_, name)| *name)
}

/// The names of the bits that are set, and the number of those that have none.
pub fn flags(names: &Names, value: u64) -> String {
    let mut left = value;
    let mut all: Vec<String> = Vec::new();
    for &(bits, name) in names {
        if bits != 0 && left & bits == bits {
            left &= !bits;
            all.push(name.into());
        }
    }
    if left != 0 {
        all.push(format!("{left:#x}"));
    }
    if !all.is_empty() {
        return all.join("|");
    }
    one(names, 0).map_or_else(|| "0".into(), String::from)
}

macro_rules! names {
    ($($(#[$doc:meta])* $table:ident: $($name:ident = $value:expr),+ $(,)?;)+) => {
        $($(#[$doc])* pub const $table: &Names = &[$(($value as u64, stringify!($name))),+];)+
    };
    }

macro_rules! of_libc {
    ($($(#[$doc:meta])* $table:ident: $($name:ident),+ $(,)?;)+) => {
        $($(#[$doc])* pub const $table: &Names = &[$((libc::$name as u64, stringify!($name))),+];)+
    };
}

of_libc! {
    DOMAIN: AF_UNSPEC, AF_UNIX, AF_INET, AF_AX25, AF_IPX, AF_APPLETALK, AF_NETROM, AF_BRIDGE, AF_ATMPVC, AF_X25, AF_INET6,
        AF_ROSE, AF_DECnet, AF_SECURITY, AF_KEY, AF_NETLINK, AF_PACKET, AF_ECONET, AF_ATMSVC, AF_RDS, AF_IRDA, AF_PPPOX,
        AF_WANPIPE, AF_LLC, AF_IB, AF_MPLS, AF_CAN, AF_TIPC, AF_BLUETOOTH, AF_IUCV, AF_RXRPC, AF_ISDN, AF_PHONET,
        AF_IEEE802154, AF_CAIF, AF_ALG, AF_NFC, AF_VSOCK, AF_XDP;
    SOCKET: SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_DCCP;
    SOCKET_FLAGS: SOCK_CLOEXEC, SOCK_NONBLOCK;
    PROTECTION: PROT_NONE, PROT_READ, PROT_WRITE, PROT_EXEC, PROT_GROWSDOWN, PROT_GROWSUP;
    MAPPING: MAP_SHARED_VALIDATE, MAP_SHARED, MAP_PRIVATE, MAP_FIXED_NOREPLACE, MAP_FIXED, MAP_ANONYMOUS, MAP_GROWSDOWN,
        MAP_DENYWRITE, MAP_EXECUTABLE, MAP_LOCKED, MAP_NORESERVE, MAP_POPULATE, MAP_NONBLOCK, MAP_STACK, MAP_HUGETLB,
        MAP_SYNC;
    OPEN: O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC, O_APPEND, O_NONBLOCK, O_SYNC, O_DSYNC, O_TMPFILE,
        O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC, O_PATH, O_NOATIME, O_DIRECT, O_ASYNC;
    MOUNT: MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_NOATIME, MS_BIND, MS_MOVE, MS_REC, MS_SILENT,
        MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_RELATIME, MS_STRICTATIME;
    FCNTL: F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_SETOWN, F_GETOWN, F_SETLEASE, F_GETLEASE,
        F_NOTIFY, F_DUPFD_CLOEXEC, F_SETPIPE_SZ, F_GETPIPE_SZ, F_ADD_SEALS, F_GET_SEALS;
    SIGNALS: SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE,
        SIGALRM, SIGTERM, SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU, SIGXFSZ, SIGVTALRM,
        SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS;
    PTRACE: PTRACE_TRACEME, PTRACE_PEEKTEXT, PTRACE_PEEKDATA, PTRACE_PEEKUSER, PTRACE_POKETEXT, PTRACE_POKEDATA,
        PTRACE_POKEUSER, PTRACE_CONT, PTRACE_KILL, PTRACE_SINGLESTEP, PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_ATTACH,
        PTRACE_DETACH, PTRACE_SYSCALL, PTRACE_SETOPTIONS, PTRACE_GETEVENTMSG, PTRACE_GETSIGINFO, PTRACE_SETSIGINFO,
        PTRACE_GETREGSET, PTRACE_SETREGSET, PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_LISTEN;
    PRCTL: PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_GET_KEEPCAPS, PR_SET_KEEPCAPS, PR_SET_NAME,
        PR_GET_NAME, PR_GET_SECCOMP, PR_SET_SECCOMP, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_GET_TSC, PR_SET_TSC,
        PR_GET_SECUREBITS, PR_SET_SECUREBITS, PR_SET_TIMERSLACK, PR_GET_TIMERSLACK, PR_MCE_KILL, PR_SET_MM, PR_SET_PTRACER,
        PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_THP_DISABLE,
        PR_GET_THP_DISABLE, PR_CAP_AMBIENT, PR_SET_FP_MODE, PR_SET_VMA;
}

/// The flags that clone(2), unshare(2) and setns(2) have in common; libc lacks that of time namespaces.
pub const CLONE: &Names = {
    macro_rules! flags {
        ($($name:ident),+) => { &[(0x80, "CLONE_NEWTIME"), $((libc::$name as u64, stringify!($name))),+] };
    }
    flags!(
        CLONE_VM,
        CLONE_FS,
        CLONE_FILES,
        CLONE_SIGHAND,
        CLONE_PIDFD,
        CLONE_PTRACE,
        CLONE_VFORK,
        CLONE_PARENT,
        CLONE_THREAD,
        CLONE_NEWNS,
        CLONE_SYSVSEM,
        CLONE_SETTLS,
        CLONE_PARENT_SETTID,
        CLONE_CHILD_CLEARTID,
        CLONE_UNTRACED,
        CLONE_CHILD_SETTID,
        CLONE_NEWCGROUP,
        CLONE_NEWUTS,
        CLONE_NEWIPC,
        CLONE_NEWUSER,
        CLONE_NEWPID,
        CLONE_NEWNET,
        CLONE_IO
    )
};

names! {
    /// include/uapi/asm-generic/ioctls.h, and what programs ask of files, block devices, networks and kvm.
    IOCTL: TCGETS = 0x5401, TCSETS = 0x5402, TCSETSW = 0x5403, TCSETSF = 0x5404, TCGETA = 0x5405, TCSBRK = 0x5409,
        TCXONC = 0x540a, TCFLSH = 0x540b, TIOCEXCL = 0x540c, TIOCSCTTY = 0x540e, TIOCGPGRP = 0x540f, TIOCSPGRP = 0x5410,
        TIOCOUTQ = 0x5411, TIOCSTI = 0x5412, TIOCGWINSZ = 0x5413, TIOCSWINSZ = 0x5414, TIOCMGET = 0x5415,
        FIONREAD = 0x541b, TIOCLINUX = 0x541c, TIOCCONS = 0x541d, TIOCPKT = 0x5420, FIONBIO = 0x5421, TIOCNOTTY = 0x5422,
        TIOCSETD = 0x5423, TIOCGETD = 0x5424, TIOCGSID = 0x5429, TCGETS2 = 0x802c542a, TIOCGPTN = 0x80045430,
        TIOCSPTLCK = 0x40045431, TIOCGPTPEER = 0x5441, FIONCLEX = 0x5450, FIOCLEX = 0x5451, FIOASYNC = 0x5452,
        SIOCGIFCONF = 0x8912, SIOCGIFFLAGS = 0x8913, SIOCGIFADDR = 0x8915, SIOCGIFMTU = 0x8921, SIOCGIFHWADDR = 0x8927,
        SIOCGIFINDEX = 0x8933, BLKGETSIZE64 = 0x80081272, FS_IOC_GETFLAGS = 0x80086601, FS_IOC_SETFLAGS = 0x40086602,
        FICLONE = 0x40049409, FIEMAP = 0xc020660b, KVM_CREATE_VM = 0xae01, USERFAULTFD_IOC_NEW = 0xaa00,
        UFFDIO_API = 0xc018aa3f, RNDADDENTROPY = 0x40085203;
    /// include/uapi/linux/bpf.h
    BPF: BPF_MAP_CREATE = 0, BPF_MAP_LOOKUP_ELEM = 1, BPF_MAP_UPDATE_ELEM = 2, BPF_MAP_DELETE_ELEM = 3,
        BPF_MAP_GET_NEXT_KEY = 4, BPF_PROG_LOAD = 5, BPF_OBJ_PIN = 6, BPF_OBJ_GET = 7, BPF_PROG_ATTACH = 8,
        BPF_PROG_DETACH = 9, BPF_BTF_LOAD = 18, BPF_LINK_CREATE = 28;
    /// include/uapi/linux/keyctl.h
    KEYCTL: KEYCTL_GET_KEYRING_ID = 0, KEYCTL_JOIN_SESSION_KEYRING = 1, KEYCTL_UPDATE = 2, KEYCTL_REVOKE = 3,
        KEYCTL_CHOWN = 4, KEYCTL_SETPERM = 5, KEYCTL_DESCRIBE = 6, KEYCTL_CLEAR = 7, KEYCTL_LINK = 8, KEYCTL_UNLINK = 9,
        KEYCTL_SEARCH = 10, KEYCTL_READ = 11, KEYCTL_INSTANTIATE = 12, KEYCTL_SET_TIMEOUT = 15;
}
