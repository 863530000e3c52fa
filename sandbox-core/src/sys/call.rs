//! The calls the engine makes, by name: what messages and the message across the fork speak of.

macro_rules! calls {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A system call, or the check that stands in its place in a message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Call { $($variant),+ }
        impl Call {
            const ALL: &'static [Call] = &[$(Call::$variant),+];
            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Call::$variant => $name),+ }
            }
        }
    };
}

calls! {
    Capset = "capset",
    Chdir = "chdir",
    Chmod = "fchmodat",
    Chroot = "chroot",
    Clone = "clone",
    Close = "close",
    CloseRange = "close_range",
    Dup = "dup",
    Eventfd = "eventfd2",
    Execve = "execve",
    Fchdir = "fchdir",
    Flock = "flock",
    Fork = "fork",
    Fsconfig = "fsconfig",
    Fsmount = "fsmount",
    Fsopen = "fsopen",
    Fstat = "fstat",
    Fstatfs = "fstatfs",
    Ftruncate = "ftruncate",
    Getcwd = "getcwd",
    GetIfindex = "ioctl(SIOCGIFINDEX)",
    Getdents = "getdents64",
    Getpriority = "getpriority",
    Getrlimit = "getrlimit",
    Ioctl = "ioctl",
    Kill = "kill",
    LandlockAddRule = "landlock_add_rule",
    LandlockCreateRuleset = "landlock_create_ruleset",
    LandlockRestrictSelf = "landlock_restrict_self",
    Mkdir = "mkdirat",
    Mknod = "mknodat",
    Mmap = "mmap",
    Mount = "mount",
    Mprotect = "mprotect",
    NewAddr = "RTM_NEWADDR",
    NewLink = "RTM_NEWLINK",
    NewRoute = "RTM_NEWROUTE",
    MountSetattr = "mount_setattr",
    MoveMount = "move_mount",
    Open = "openat",
    OpenTree = "open_tree",
    Personality = "personality",
    Pipe = "pipe2",
    PidfdGetfd = "pidfd_getfd",
    PidfdOpen = "pidfd_open",
    PivotRoot = "pivot_root",
    Poll = "poll",
    ProcessVmReadv = "process_vm_readv",
    PrCapAmbient = "prctl(PR_CAP_AMBIENT)",
    PrCapbsetDrop = "prctl(PR_CAPBSET_DROP)",
    PrGetTidAddress = "prctl(PR_GET_TID_ADDRESS)",
    PrSchedCore = "prctl(PR_SCHED_CORE)",
    PrGetDumpable = "prctl(PR_GET_DUMPABLE)",
    PrGetName = "prctl(PR_GET_NAME)",
    PrSetChildSubreaper = "prctl(PR_SET_CHILD_SUBREAPER)",
    PrSetName = "prctl(PR_SET_NAME)",
    PrSetDumpable = "prctl(PR_SET_DUMPABLE)",
    PrSetKeepcaps = "prctl(PR_SET_KEEPCAPS)",
    PrSetNoNewPrivs = "prctl(PR_SET_NO_NEW_PRIVS)",
    PrSetPdeathsig = "prctl(PR_SET_PDEATHSIG)",
    PrSetSecurebits = "prctl(PR_SET_SECUREBITS)",
    PrSetTsc = "prctl(PR_SET_TSC)",
    Ptrace = "ptrace",
    Read = "read",
    Readlink = "readlinkat",
    Recv = "recvmsg",
    Seccomp = "seccomp",
    Send = "sendmsg",
    Getaffinity = "sched_getaffinity",
    SetLink = "RTM_SETLINK",
    Setaffinity = "sched_setaffinity",
    SetTidAddress = "set_tid_address",
    Setdomainname = "setdomainname",
    Setgroups = "setgroups",
    Sethostname = "sethostname",
    Setns = "setns",
    Setpriority = "setpriority",
    Setresgid = "setresgid",
    Setresuid = "setresuid",
    Setrlimit = "setrlimit",
    Setsid = "setsid",
    Sigprocmask = "rt_sigprocmask",
    Socket = "socket",
    Socketpair = "socketpair",
    Symlink = "symlinkat",
    TimerCreate = "timer_create",
    TimerSettime = "timer_settime",
    Umount = "umount2",
    Unlink = "unlinkat",
    Unshare = "unshare",
    Wait = "waitid",
    Write = "write",
}

impl Call {
    /// The call of this number, as `as u8` gives it.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back() {
        for &call in Call::ALL {
            assert_eq!(Call::from_number(call as u8), Some(call));
        }
        assert_eq!(Call::from_number(u8::MAX), None);
    }
}
