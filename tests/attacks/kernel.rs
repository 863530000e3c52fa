//! K: the kernel's surface, and ways around the filter.

use super::probe::Act::{Does, Words};
use super::probe::{Control, Probe, probe, refused};
use crate::support::Entry;

pub fn probes() -> Vec<Probe> {
    [sockets(), numbers(), own_process(), code()].concat()
}

fn sockets() -> Vec<Probe> {
    let family = |id, tries, act| {
        probe(id, tries)
            .act(act)
            .default("EAFNOSUPPORT", Control::Allow("socket"))
            .strict("EPERM", Control::Allow("socket"))
    };
    vec![
        family("K4", "AF_ALG, whose splice(2) wrote into any file that can be read", &["calls", "socket:38:5:0"]),
        family("K5", "AF_VSOCK, which no network namespace holds", &["calls", "socket:40:1:0"]),
        family("K6", "AF_NETLINK, NETLINK_ROUTE", &["calls", "socket:16:3:0"]),
        family("K6a", "AF_NETLINK, NETLINK_NETFILTER", &["calls", "socket:16:3:12"]),
        family("K6b", "AF_NETLINK, NETLINK_XFRM", &["calls", "socket:16:3:6"]),
        family("K6c", "AF_NETLINK, NETLINK_AUDIT", &["calls", "socket:16:3:9"]),
        family("K6d", "AF_PACKET", &["calls", "socket:17:3:0"]),
        family("K6e", "AF_XDP", &["calls", "socket:44:3:0"]),
        family("K6f", "AF_ALG with bit 32 of the register set", &["calls", "socket:0x100000026:5:0"]),
        probe("K6g", "every family from 0 to 46, in every kind")
            .act(&["attack", "families", "0"])
            .default(
                "families 1 2 10: ok; 44 EAFNOSUPPORT",
                Control::Other(
                    "AF_NETLINK with seccomp-allow=socket",
                    &["seccomp-allow=socket"],
                    Words(&["calls", "socket:16:3:0"]),
                    "ok",
                ),
            )
            .strict(
                "families none: ok; 47 EPERM",
                Control::With(&["seccomp=default"], "families 1 2 10: ok; 44 EAFNOSUPPORT"),
            ),
        probe("K6h", "the same with bit 32 of the register set")
            .act(&["attack", "families", "0x100000000"])
            .default("families 1 2 10: ok; 44 EAFNOSUPPORT", Control::Nothing("as K6g"))
            .strict("families none: ok; 47 EPERM", Control::Nothing("as K6g")),
        probe("K6i", "socketpair(2) of AF_TIPC and AF_VSOCK")
            .act(&["calls", "socketpair:30:1:0:buf", "socketpair:40:1:0:buf"])
            .default(
                "EAFNOSUPPORT × 2",
                Control::Other("of AF_UNIX", &[], Words(&["calls", "socketpair:1:1:0:buf"]), "ok"),
            )
            .strict("EPERM × 2", Control::Allow("socketpair")),
        probe("K6j", "a socket of the host's by its path")
            .act(&["net", "unix", "{dir}/socket"])
            .default("ENOENT", Control::With(&["bind-ro={dir}"], "ok"))
            .strict("EPERM", Control::With(&["seccomp=default", "bind-ro={dir}"], "ok")),
        probe("K18", "a descriptor is sent out: sendmsg(2) with SCM_RIGHTS")
            .act(&["attack", "pass-fd"])
            .default("ok", Control::Nothing("by sockets that lead somewhere, and none does: K6j, W2"))
            .strict("EPERM", Control::With(&["seccomp=default"], "ok")),
        probe("K18a", "a directory is taken in by SCM_RIGHTS from a socket that the caller kept open")
            .with(&["keep-fd=9"])
            .does(take_directory)
            .needs(&["python3"])
            .default(
                "ok",
                Control::Nothing(
                    "whoever keeps a socket open answers for what comes by it: threat-model.md, descriptors",
                ),
            )
            .strict("EPERM", Control::With(&["seccomp=default"], "ok")),
        probe("K18b", "the same from a socket that was not to be kept")
            .does(take_directory)
            .needs(&["python3"])
            .default("EBADF", Control::With(&["keep-fd=9"], "ok"))
            .strict("EPERM", Control::With(&["seccomp=default", "keep-fd=9"], "ok")),
    ]
}

/// The caller sends `/` before the sandbox begins.
fn take_directory(start: &super::run::Start) -> String {
    let script = "import os, socket, sys\nown, other = socket.socketpair()\n\
        socket.send_fds(own, [b'x'], [os.open('/', os.O_RDONLY)])\nos.dup2(other.fileno(), 9)\nos.execvp(sys.argv[1], sys.argv[1:])";
    let sandbox = start.sandbox.clone().unwrap().wrapped(&["python3", "-c", script]);
    super::run::said(&sandbox.probe(&["attack", "take-fd", "9"]))
}

fn numbers() -> Vec<Probe> {
    let hidden = |id, tries, act, expected| probe(id, tries).act(act).both(expected, Control::Nothing(""));
    let mine = Control::Other("getpid without the bit", &[], Words(&["calls", "getpid"]), "ok");
    let x32 = |id, tries, act, expected| hidden(id, tries, act, expected).both(expected, mine);
    let i386 =
        |id, tries, act, outside| probe(id, tries).act(act).needs(&["ia32"]).both("SIGSYS", Control::Outside(outside));
    vec![
        x32(
            "K8",
            "every number of the 64-bit table with the bit of x32",
            &["attack", "numbers", "0", "470", "0x40000000"],
            "471 ENOSYS",
        ),
        x32(
            "K8a",
            "the numbers 512 to 547, x32's own, without the bit",
            &["attack", "numbers", "512", "547", "0"],
            "36 ENOSYS",
        ),
        x32("K8b", "the same with the bit", &["attack", "numbers", "512", "547", "0x40000000"], "36 ENOSYS"),
        x32("K8c", "the same under the filter `none`", &["attack", "numbers", "512", "547", "0x40000000"], "36 ENOSYS")
            .with(&["seccomp=none"]),
        x32("K9", "numbers above the newest: 471 to 511", &["attack", "numbers", "471", "511", "0"], "41 ENOSYS")
            .strict("41 ENOSYS", mine),
        x32(
            "K9a",
            "548 to 1100, and up to the bit of x32",
            &[
                "all",
                "attack",
                "numbers",
                "548",
                "1100",
                "0",
                "+",
                "attack",
                "numbers",
                "1073741800",
                "1073741823",
                "0",
            ],
            "553 ENOSYS, 24 ENOSYS",
        ),
        x32("K9b", "-1 and what else has the sign", &["attack", "numbers", "-16", "-1", "0"], "16 ENOSYS"),
        x32(
            "K9c",
            "numbers with bits above the 32 that are looked at: getpid",
            &["attack", "numbers", "39", "39", "0x100000000"],
            "1 ok",
        ),
        probe("K9d", "restart_syscall(2) with nothing to restart")
            .act(&["calls", "restart_syscall"])
            .both("EINTR", Control::Nothing("it restarts what the kernel has interrupted, and nothing else")),
        i386(
            "K7",
            "a call of the i386 table, `int $0x80`: getpid",
            &["all", "calls", "int80:20", "+", "args", "lived"],
            "lived",
        )
        .does(lives::<20>),
        i386("K7a", "socketcall(2) of i386, whose arguments no filter sees", &["calls", "int80:102"], "lived")
            .does(lives::<102>),
        i386("K7b", "execve(2) of i386", &["calls", "int80:11"], "lived").does(lives::<11>),
        i386("K7c", "the same under the filter `none`", &["calls", "int80:11"], "lived")
            .does(lives::<11>)
            .with(&["seccomp=none"]),
        probe("K16", "time(2) by the vsyscall page, when it is refused by name")
            .needs(&["vsyscall"])
            .with(&["seccomp-deny=time"])
            .act(&["attack", "vsyscall"])
            .both("refused", Control::Outside("the time")),
    ]
}

/// Whether it survives a call of i386's.
fn lives<const NR: i32>(start: &super::run::Start) -> String {
    let ended = start.probe(&["calls", &format!("int80:{NR}")]);
    if ended.status.success() { "lived".into() } else { super::run::said(&ended) }
}

fn own_process() -> Vec<Probe> {
    let prctl = |id, tries, act| refused(id, tries, "prctl", act);
    vec![
        prctl("K10", "prctl(2) PR_SET_MM forges what others read of the process", &["calls", "prctl:35:1:0:0:0"]),
        probe("K10a", "PR_SET_NO_NEW_PRIVS takes it back")
            .act(&["calls", "prctl:38:0:0:0:0"])
            .both("EINVAL", Control::Nothing("nothing does: the kernel's rule")),
        probe("K10b", "PR_CAP_AMBIENT raises a capability")
            .act(&["calls", "prctl:47:2:12:0:0"])
            .both("EPERM", Control::Nothing("the permitted set is empty, and strict knows no such prctl")),
        probe("K10c", "PR_SET_SECUREBITS unlocks what root inside would get")
            .act(&["calls", "prctl:28:0:0:0:0"])
            .both("EPERM", Control::Nothing("they are locked, and strict knows no such prctl")),
        probe("K10d", "PR_SET_SECCOMP goes back to mode 0")
            .act(&["calls", "prctl:22:0:0:0:0"])
            .default("EINVAL", Control::Nothing("nothing does: the kernel's rule"))
            .strict("EPERM", Control::Allow("prctl")),
        probe("K10e", "PR_SET_DUMPABLE opens the process to tracers")
            .act(&["calls", "prctl:4:1:0:0:0"])
            .default("ok", Control::Nothing("of itself only, and nobody inside may trace"))
            .strict("EPERM", Control::Allow("prctl")),
        probe("K10f", "PR_SET_PTRACER, where Yama is, lets anybody trace; then ptrace(2) of a child")
            .does(|start| {
                let ended = start.probe(&["calls", "prctl:0x59616d61:-1:0:0:0", "ptrace:0x4206:child:0:0"]);
                ended.out.lines().last().unwrap_or_default().into()
            })
            .with(&["no-new-code=false"])
            .both("EPERM", Control::With(&["seccomp-allow=ptrace"], "ok")),
        probe("K10g", "with `no-tsc`, PR_SET_TSC takes it back")
            .with(&["no-tsc"])
            .in_memory()
            .act(&["calls", "prctl:26:1:0:0:0"])
            .both("EPERM", Control::Nothing("beside every filter; without no-tsc there is nothing to take back")),
        probe("K12", "a filter of one's own asks a listener of one's own what becomes of ptrace(2)")
            .act(&["attack", "listener"])
            .default("ok, EPERM", Control::With(&["seccomp-allow=ptrace"], "ok, ENOSYS"))
            .strict("EPERM × 2", Control::With(&["seccomp-allow=seccomp,ptrace", "no-new-code=false"], "ok, ENOSYS")),
        probe("K12a", "the listener of the sandbox's observer is taken: with `seccomp-action=log`")
            .with(&["seccomp-action=log", "seccomp=default"])
            .only(&[crate::support::Entry::Launch, crate::support::Entry::Exec])
            .does(|start| start.probe(&["attack", "listener"]).out.lines().next().unwrap_or_default().into())
            .both("EBUSY", Control::With(&["seccomp-action=errno"], "ok")),
        probe("K12b", "filters are stacked until the kernel takes no more; then ptrace(2)")
            .act(&["attack", "filters"])
            .default("ENOMEM, EPERM", Control::With(&["seccomp-allow=ptrace"], "ENOMEM, ESRCH"))
            .strict(
                "EPERM × 2",
                Control::With(&["seccomp-allow=seccomp,ptrace", "no-new-code=false"], "ENOMEM, ESRCH"),
            ),
        probe("K13", "personality(2) READ_IMPLIES_EXEC makes all memory code")
            .act(&["calls", "personality:0x400000"])
            .both("EPERM", Control::With(&["seccomp-allow=personality", "no-new-code=false"], "ok")),
        refused("K13a", "ADDR_NO_RANDOMIZE", "personality", &["calls", "personality:0x40000"]),
        refused("K13b", "MMAP_PAGE_ZERO", "personality", &["calls", "personality:0x100000"]),
        probe("K19", "a SIGSYS that the program sends itself says to the log that ptrace(2) was refused")
            .with(&["seccomp-action=log", "seccomp=default"])
            .only(&[crate::support::Entry::Launch, crate::support::Entry::Exec])
            .does(|start| told(start, "rt_sigqueueinfo:1:31:u64=0x1f,1,0x6500000065,0,0"))
            .both(
                "nothing told",
                Control::Other(
                    "ptrace(2) itself",
                    &["no-new-code=false"],
                    Does(|start| told(start, "ptrace:99:1")),
                    "told",
                ),
            ),
    ]
}

/// Whether the observer says that ptrace(2) was refused.
fn told(start: &super::run::Start, call: &str) -> String {
    let ended = start.probe(&["calls", call]);
    if ended.err.contains("ptrace") { "told".into() } else { "nothing told".into() }
}

fn code() -> Vec<Probe> {
    let frozen = |id, tries, act| {
        probe(id, tries)
            .act(act)
            .by(&["no-new-code"])
            .in_memory()
            .default("EPERM", Control::With(&[], "ok"))
            .strict("EPERM", Control::With(&["no-new-code=false", "seccomp=default"], "ok"))
    };
    vec![
        frozen("K15", "with `no-new-code`, mmap(2) with PROT_EXEC", &["calls", "mmap-exec"]),
        frozen("K15a", "mmap(2) writable and executable", &["calls", "mmap-rwx"]),
        frozen("K15b", "mprotect(2) with PROT_EXEC", &["calls", "mprotect-exec"]),
        frozen("K15c", "pkey_mprotect(2) with PROT_EXEC", &["calls", "pkey-mprotect-exec"]),
        frozen("K15d", "mmap(2) of a file of memfd_create(2)", &["attack", "memfd-exec"]),
        frozen("K15e", "mmap(2) with a high bit set in the register", &["calls", "mmap:0:4096:0x100000005:0x22:-1:0"])
            .default("EPERM", Control::Nothing("as K15"))
            .strict("EPERM", Control::Nothing("as K15")),
        frozen("K15f", "shmat(2) with SHM_EXEC", &["calls", "shmat:-1:0:0x8000"])
            .default("EPERM", Control::With(&[], "EINVAL"))
            .strict("EPERM", Control::With(&["no-new-code=false", "seccomp=default"], "EINVAL")),
        frozen("K15g", "remap_file_pages(2)", &["calls", "remap_file_pages:0:0:0:0:0"])
            .default("EPERM", Control::With(&[], "EINVAL"))
            .strict("EPERM", Control::With(&["no-new-code=false", "seccomp=default"], "EINVAL")),
        frozen("K15h", "/proc/self/mem is opened for writing", &["file", "open-write", "/proc/self/mem"])
            .default("EROFS", Control::With(&[], "ok"))
            .strict("ENOENT", Control::With(&["no-new-code=false", "proc=rw"], "ok")),
        frozen("K15i", "with `no-exec`, execve(2)", &["exec", "/bin/true"])
            .by(&["no-exec"])
            .default("EPERM", Control::With(&[], ""))
            .strict("EPERM", Control::With(&["no-exec=false", "no-new-code=false", "seccomp=default", "root=host"], ""))
            .but(Entry::Layered, "EPERM", Control::Nothing("where it is let through, layered is refused")),
        frozen("K15j", "execveat(2) of a file of memfd_create(2)", &["fexec"])
            .by(&["no-exec"])
            .default("EPERM", Control::With(&[], ""))
            .strict("EPERM", Control::With(&["no-exec=false", "no-new-code=false", "seccomp=default", "root=host"], ""))
            .but(Entry::Layered, "EPERM", Control::Nothing("where it is let through, layered is refused")),
        frozen("K15k", "what is refused is let through by name", &["calls", "mmap-exec", "mprotect-exec"])
            .with(&["seccomp-allow=mmap,mprotect,execve"])
            .default("EPERM × 2", Control::With(&[], "ok × 2"))
            .strict("EPERM × 2", Control::With(&["no-new-code=false"], "ok × 2")),
        probe("K15l", "mmap(2) of the page at 0")
            .act(&["calls", "mmap:0:4096:3:0x32:-1:0"])
            .both("EPERM", Control::Nothing("vm.mmap_min_addr: the kernel's rule")),
    ]
}
