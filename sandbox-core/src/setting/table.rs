//! The rows.

use super::{Group, Kind, Setting};

macro_rules! row {
    ($group:ident $kind:ident $name:literal $metavar:literal, $field:ident, $help:literal, $more:literal, $samples:expr) => {
        Setting {
            name: $name,
            group: Group::$group,
            kind: Kind::$kind,
            metavar: $metavar,
            help: $help,
            more: $more,
            samples: &$samples,
            value: |policy| &mut policy.$field,
        }
    };
}

/// Every setting of the library, in the order of the documents.
#[rustfmt::skip] // a row is three lines: what it is, what it says, what it takes
pub static SETTINGS: &[Setting] = &[
    row!(Policy One "profile" "NAME", profile,
        "start from a shipped policy: default, strict, build, judge or toaster",
        "Absent: default. Every other setting overrides or adds to the profile's.",
        ["default", "strict", "build", "judge", "toaster"]),

    row!(Namespaces List "share" "LIST", share,
        "namespaces not to make new: user,mount,pid,net,ipc,uts,cgroup,time",
        "Absent: all eight are new. Without a mount namespace nothing of the file settings can hold, so none may be \
         given; without a pid namespace /proc stays the host's, read-only where mounts are new, and what the program leaves running \
         outlives it, but for --init. Sharing all of them is for hosts where none can be made: see docs/landlock.md.",
        ["user", "net,ipc"]),
    row!(Namespaces One "hostname" "NAME", hostname,
        "the host name inside",
        "Absent: sandbox. Needs a uts namespace.",
        ["box"]),
    row!(Namespaces One "domainname" "NAME", domainname,
        "the NIS domain name inside",
        "Absent: (none). Needs a uts namespace.",
        ["example"]),

    row!(Namespaces One "boottime-offset" "DURATION", boottime_offset,
        "how far the clock since boot, and /proc/uptime, is ahead; behind with -",
        "Absent: not at all. CLOCK_BOOTTIME of a time namespace: a number, decimals allowed, in h, m, s (when absent), ms, us \
         or ns. No clock can be taken below zero or beyond 146 years. The time of day cannot be changed.",
        ["3600s", "-1.5s"]),
    row!(Namespaces One "monotonic-offset" "DURATION", monotonic_offset,
        "how far the monotonic clock is ahead; behind with -",
        "As boottime-offset, for CLOCK_MONOTONIC and its kin.",
        ["3600s", "-0.000000001s"]),

    row!(Identity One "uid" "N", uid,
        "the user id inside",
        "Absent: the caller's. In a user namespace without uid-map the caller's own id appears as N; with uid-map, N is one \
         of the ids inside, which the program becomes. Without a user namespace only root can set it.",
        ["0", "1000"]),
    row!(Identity One "gid" "N", gid,
        "the group id inside",
        "Absent: the caller's; otherwise as uid. Supplementary groups of a caller who may not drop them (who has no \
         CAP_SETGID) stay and show as 65534, unless gid-map has more than the caller's own id; others are dropped.",
        ["0", "1000"]),
    row!(Identity Repeat "uid-map" "IN:OUT[:COUNT]", uid_map,
        "map COUNT user ids, IN and up inside, to the host's, OUT and up",
        "COUNT is 1 when absent. Absent: the caller's own id is the only one. Needs a user namespace. Ids other than one's \
         own need CAP_SETUID, or newuidmap and an entry of /etc/subuid. Without uid, the program keeps the caller's id \
         as the map names it.",
        ["0:100000:65536", "0:1000"]),
    row!(Identity Repeat "gid-map" "IN:OUT[:COUNT]", gid_map,
        "map COUNT group ids, IN and up inside, to the host's, OUT and up",
        "As uid-map, with CAP_SETGID, newgidmap and /etc/subgid.",
        ["0:100000:65536", "0:100"]),

    row!(Files One "root" "host|empty|DIR", root,
        "what / is: the host's tree read-only, an empty tmpfs, or a directory",
        "Absent: host. With host, /tmp, /var/tmp, /dev/shm and /run are private, and /home, /root and $HOME are empty; but a \
         current directory that this would hide stays visible read-only, unless it is a home itself or cwd names another. \
         DIR is shown as it is, but for /proc and /dev, and for private directories where it has them and is not root-rw; an \
         absolute program is looked for there first.",
        ["host", "empty", "/srv/tree"]),
    row!(Files Switch "root-rw" "", root_rw,
        "leave / writable",
        "Absent: read-only.",
        ["true", "false"]),
    row!(Files Repeat "bind" "SRC[:DST][:OPTION...]", bind,
        "show the host's SRC at DST, writable",
        "DST begins with / and is SRC when absent; SRC may be relative and may be a link. Options: exec, noexec, dev, rw, ro. \
         Always nosuid; nodev unless dev. What can be written cannot be executed unless exec is given; with ro it can be, \
         unless noexec is. Restrictions of the host's own mount stay. A missing DST is made in file systems of the \
         sandbox's own, of which a read-only root=host gets one for / where the host's root lacks its first name. Mounts \
         are made from the top of the tree down, whatever the order they are given in; for the same DST the later one holds.",
        ["/srv/data", "/a\\:b:/c", "work:/work:exec", "/dev/fuse:dev"]),
    row!(Files Repeat "bind-ro" "SRC[:DST][:OPTION...]", bind_ro,
        "show the host's SRC at DST, read-only",
        "As bind, but rw is no option, and files can be executed unless noexec is given.",
        ["/usr", "/etc/hosts:/etc/hosts", "/srv/data:noexec"]),
    row!(Files Repeat "bind-try" "SRC[:DST][:OPTION...]", bind_try,
        "as --bind, skipped when SRC does not exist",
        "A link to nothing does not exist. Every other failure is still one.",
        ["/opt/data"]),
    row!(Files Repeat "bind-ro-try" "SRC[:DST][:OPTION...]", bind_ro_try,
        "as --bind-ro, skipped when SRC does not exist",
        "A link to nothing does not exist. Every other failure is still one.",
        ["/opt/data:/data"]),
    row!(Files Repeat "overlay" "DST:lower=DIR[:lower=DIR...][:upper=DIR:work=DIR]", overlay,
        "put the host's directories on top of each other at DST, writable",
        "The first lower is the top one. Changes go to upper and are kept, or, without upper and work, to memory and end \
         with the sandbox. upper and work must lie in one file system, neither within the other, work must be empty, and \
         no two sandboxes may use them at the same time. What is mounted below a lower is not shown, and an ordinary user \
         cannot use a lower with such mounts. With DST /, the overlay is what / is; root may not be given then, and what \
         is private and hidden is as with root=DIR. Files can be executed unless noexec is given. Always nosuid and nodev.",
        ["/srv:lower=/srv", "/:lower=/opt/top:lower=/opt/base", "/o:lower=/a\\:b:upper=up:work=work:noexec"]),
    row!(Files Repeat "tmpfs" "DST[:size=SIZE][:mode=MODE][:noexec]", tmpfs,
        "a private, writable file system in memory at DST",
        "SIZE takes k, m, g, t (powers of 1024); absent: the kernel's default, half of the memory. MODE is octal; absent: \
         1777. Files in it can be executed unless noexec is given, those of the private /tmp too: compilers, installers and \
         just-in-time compilers need it; --tmpfs /tmp:noexec does without.",
        ["/scratch", "/scratch:size=1048576", "/s:size=4096:mode=700", "/tmp:noexec"]),
    row!(Files Repeat "symlink" "TARGET:LINK", symlink,
        "a symbolic link at LINK that says TARGET",
        "Made in file systems of the sandbox's own only; LINK must not exist.",
        ["usr/bin:/bin"]),
    row!(Files Repeat "dir" "DST[:mode=MODE]", dir,
        "an empty directory at DST, with the directories above it",
        "Made in file systems of the sandbox's own only; a directory that is there already is left as it is, unless MODE \
         (octal) is given. Absent: 755.",
        ["/a/b", "/tmp/run:mode=700"]),
    row!(Files Repeat "file" "DST:TEXT[:mode=MODE]", file,
        "a read-only file at DST that holds TEXT",
        "It may cover a file that is there, of the host's too; a missing DST is made in file systems of the sandbox's own \
         only. MODE is octal; absent: 444. TEXT has no newline of its own at the end, and no NUL. --file-from takes it \
         from a file.",
        ["/etc/hostname:box", "/etc/motd:a\\: b\\, c\\\\d:mode=400"]),
    row!(Files Repeat "hide" "PATH", hide,
        "cover a directory with an empty one, or a file with /dev/null",
        "PATH must exist inside.",
        ["/srv", "/etc/passwd"]),
    row!(Files One "proc" "rw|ro|none", proc,
        "what /proc is: a fresh procfs, the same read-only, or nothing",
        "Absent: rw, or ro with no-new-code. sys, sysrq-trigger, irq, bus, fs, mtrr and dynamic_debug are read-only, and kcore, \
         keys, timer_list, interrupts, kallsyms, modules and the like are covered, in every mode.",
        ["rw", "ro", "none"]),
    row!(Files One "dev" "minimal|none|host", dev,
        "what /dev is",
        "Absent: minimal, which has null, zero, full, random, urandom, tty, a private devpts and a private shm.",
        ["minimal", "none", "host"]),
    row!(Files One "cwd" "DIR", cwd,
        "the current directory inside",
        "Absent: where the caller is, or / where that is not visible inside. A DIR given must exist inside.",
        ["/", "/work"]),

    row!(Network One "net" "none|host|filter|pasta|slirp4netns", net,
        "only loopback; the host's; the host's without sockets; by a program",
        "Absent: none. With host, abstract unix sockets of the host are reachable. With filter no socket can be made at \
         all, only pairs of connected unix sockets; it saves making a namespace. With pasta or slirp4netns (packages passt \
         and slirp4netns) a namespace of its own has an interface eth0, and connections from inside are made by that program, as \
         the caller, from the host's addresses: it reaches what the caller reaches, but not the host's loopback. Nobody \
         reaches inside but by publish. Needs a new pid namespace.",
        ["none", "host", "filter", "pasta", "slirp4netns"]),
    row!(Network Switch "no-loopback" "", no_loopback,
        "leave loopback down in the network namespace",
        "Absent: it is up, with 127.0.0.1 and ::1. Needs a network namespace of its own.",
        ["true", "false"]),
    row!(Network Repeat "macvlan" "IFACE[:OPTION...]", macvlan,
        "an interface of its own on the wire of the host's IFACE",
        "Options: ip=IP[/N] and gateway=IP, any number of them, netmask=MASK, mac=MAC, mode=MODE, name=NAME. Needs \
         CAP_NET_ADMIN where IFACE is. Called vs inside unless NAME is given. Every IP is an address, IPv4 or IPv6, with the \
         length N of its network; without N, an IPv4 address takes netmask, or 255.255.255.0. gateway is where the default \
         route leads, one for each of IPv4 and IPv6. Absent, there is none of either. mac: absent, random. MODE is private \
         (when absent), vepa, bridge or passthru; in none is the host itself reached. IPv6 is off unless an IP is of it, and \
         router advertisements are not listened to. Only names need escapes.",
        ["eth0", "eth0:ip=10.166.1.1/16:gateway=10.166.0.1:mac=02:00:00:00:00:01:mode=bridge",
            "eth0:ip=10.0.0.2/24:ip=fd00::2/64:gateway=fe80::1:name=net0"]),
    row!(Network Repeat "veth" "HOST[:OPTION...]", veth,
        "a pair of interfaces: one inside, and HOST outside",
        "Options: those of macvlan but netmask and mode, host-ip=IP[/N], any number of them, host-mac=MAC, bridge=BRIDGE. \
         Needs CAP_NET_ADMIN. As macvlan, and HOST is the name of the side that the host sees, host-ip and host-mac what it \
         has, and BRIDGE a bridge of the host's of which it becomes a port. Both are gone when the sandbox is. What the host \
         forwards is the host's business.",
        ["sbx0:ip=10.0.0.2/30:gateway=10.0.0.1:host-ip=10.0.0.1/30", "sbx0:ip=fd00::2/64:name=eth0:bridge=br0",
            "sbx0:mac=02:00:00:00:00:02:host-mac=02:00:00:00:00:01"]),
    row!(Network Repeat "own-iface" "IFACE[:OPTION...]", own_iface,
        "move the host's interface IFACE into the sandbox, which alone has it",
        "Options: ip=IP[/N] and gateway=IP, any number of them, netmask=MASK. Needs CAP_NET_ADMIN where IFACE is. Its addresses do not come along; ip, netmask and gateway are as for macvlan. At \
         the end a physical interface returns to the machine's first network namespace, down; the kernel destroys a virtual \
         one (veth, macvlan, vlan, dummy …).",
        ["eth1", "eth1:ip=10.0.0.2/24:gateway=10.0.0.1"]),
    row!(Network Repeat "publish" "[ADDRESS:]HOST:INSIDE[/udp]", publish,
        "let connections to the host's port HOST reach the port INSIDE",
        "ADDRESS is one of the host's, IPv6 in []; absent: all of them. TCP, or UDP with /udp. A server inside should listen on all \
         addresses. Needs net pasta or slirp4netns; slirp4netns has IPv4 only. A port below the host's \
         net.ipv4.ip_unprivileged_port_start takes root without a user namespace.",
        ["8080:80", "127.0.0.1:5353:53/udp", "[::1]:8443:443"]),
    row!(Network List "dns" "LIST", dns,
        "the name servers that /etc/resolv.conf names inside, three at most",
        "Absent: with net pasta or slirp4netns, an address there from which the host's own name server is asked, on the host's \
         loopback too; --file /etc/resolv.conf:... says more. Empty: /etc/resolv.conf stays as it is, and the host's name \
         server is not asked. Needs net pasta or slirp4netns.",
        ["192.0.2.53", "192.0.2.53,2001:db8::53"]),

    row!(Limits Repeat "rlimit" "NAME=VALUE[:HARD]", rlimit,
        "a resource limit, soft and hard; HARD apart where it differs",
        "Absent: the caller's limits. NAME is the kernel's: as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, \
         nofile, nproc, rss, rtprio, rttime, sigpending, stack. Values are sizes with k, m, g, t where the kernel counts \
         bytes, whole seconds (also m, h) for cpu, a duration with its unit for rttime, else numbers; or soft or hard, the \
         caller's own, or inf. Of one NAME the last holds. More than the caller's hard limit takes CAP_SYS_RESOURCE outside \
         every user namespace. nproc counts the supervisor, and --init's reaper, too, and is refused for the machine's \
         root, whom the kernel does not hold to it. The program is loaded already: it may be above as or data, and then \
         gets no more, stack included; stack holds for its main thread, whose neighbours in memory and whose threads' default stacks were \
         laid out under the caller's. Pid 1 has no default effect of SIGXCPU and SIGXFSZ: it is SIGKILL at the hard limit \
         of cpu, and EFBIG for fsize; --init gives the signals. locks and rss are held by no kernel since 2.4.",
        ["nofile=64:128", "as=1073741824", "cpu=60s", "core=hard", "rttime=200000us", "stack=soft:inf"]),
    row!(Limits One "nice" "N", nice,
        "the nice value, from -20 (gets most) to 19",
        "Absent: the caller's. Below 0, --nice=-5: with a =. A lower one than the caller's takes CAP_SYS_NICE outside every user namespace, or \
         RLIMIT_NICE. Where the kernel groups sessions (sched_autogroup_enabled), it weighs only within the session.",
        ["10", "-5"]),
    row!(Limits One "oom-score-adj" "N", oom_score_adj,
        "whom the OOM killer takes first: 1000 this one, -1000 never this one",
        "Absent: the caller's. A lower one than was once set with privileges takes CAP_SYS_RESOURCE outside every user \
         namespace. Where /proc is writable inside, the program can take a raise back.",
        ["500", "-1000"]),
    row!(Limits List "cpus" "LIST", cpus,
        "processors to run on: numbers and ranges, as 0-3,5",
        "Absent: the caller's. Each must be online and in the caller's cpuset. The program can widen them again up to its \
         cpuset, as anybody can; --seccomp-deny sched_setaffinity, the filter strict or a cgroup's cpuset keep it from that.",
        ["0", "0-3,5"]),
    row!(Limits One "max-cpus" "N", max_cpus,
        "run on the first N of the processors the caller may use",
        "Absent: on all of them. Fewer are there than N: on those. Not together with cpus; else as cpus.",
        ["1", "4"]),
    row!(Limits List "personality" "LIST", personality,
        "flags of the execution domain, by name; exactly these",
        "Absent: the caller's. addr-compat-layout, mmap-page-zero, read-implies-exec, addr-limit-3gb, addr-no-randomize. All \
         but read-implies-exec take effect when a file is executed: sbx-launch sets them before it executes the program, with \
         the bare variable they hold only for what the program executes. read-implies-exec holds for the program's own new \
         mappings and is dropped by the kernel when a 64-bit file is executed; no-new-code excludes it.",
        ["addr-no-randomize", "addr-compat-layout,mmap-page-zero"]),
    row!(Limits Switch "no-tsc" "", no_tsc,
        "make reading the processor's time stamp counter SIGSEGV",
        "Absent: it can be read. clock_gettime, gettimeofday and time read it too, without a system call, where the host's \
         clock source is tsc or kvm-clock: a program that asks for the time by libc dies there. Not with log-level debug.",
        ["true", "false"]),
    row!(Limits Switch "core-sched" "", core_sched,
        "share no processor core with what is not in the sandbox",
        "Absent: hardware threads of one core are shared with anybody. Takes Linux 5.14 with CONFIG_SCHED_CORE, and hardware \
         threads: a host that has none refuses.",
        ["true", "false"]),
    row!(Limits One "time-limit" "DUR", time_limit,
        "kill everything in the sandbox this long after main may begin; exit 124",
        "Absent: no limit. DUR is in seconds, or takes ms, s, m or h; decimals are allowed. Wall clock, CLOCK_MONOTONIC: a \
         stopped program or supervisor does not stop it, a suspended machine does. Setup is not counted. There is no \
         SIGTERM before the SIGKILL; timeout(1) around sbx gives one. Needs a supervisor that is not outlived, and a new pid \
         namespace, or a control group, as pids-max and its like make one: without either the kernel has no name for \
         everything that was started. Where share keeps the pid namespace, init and landlock-scope=signal serve too.",
        ["90s", "1.5s"]),

    row!(Limits One "memory-max" "SIZE", memory_max,
        "memory of everything inside together; more is the end of it",
        "Absent: no limit. A control group's: it holds processes, files in memory (tmpfs) and what the kernel keeps for them. \
         What cannot be taken from the group's own cache or put into swap is SIGKILL for all inside at once, and told by stats \
         and status-fd. This and the next four need a control group: root, or a delegated subtree; docs/cgroups.md.",
        ["67108864", "536870912"]),
    row!(Limits One "swap-max" "SIZE", swap_max,
        "swap space of everything inside together; 0 is none",
        "Absent: as much as there is. With cgroup v1 it needs memory-max, as that kernel counts memory and swap together: \
         there, swap can be more by as much as memory is less.",
        ["0", "67108864"]),
    row!(Limits One "pids-max" "N", pids_max,
        "processes and threads inside; one more is EAGAIN",
        "Absent: no limit but nproc. --init's reaper is one of them, the supervisor is not.",
        ["32"]),
    row!(Limits One "cpu-max" "PERCENT", cpu_max,
        "processor time of all inside together; 150: one and a half processors",
        "Absent: no limit. In every tenth of a second, all inside are stopped when they have used so much of it.",
        ["20", "150"]),
    row!(Limits One "net-class" "ID", net_class,
        "the class that marks the program's packets, for tc and iptables",
        "Absent: none. net_cls.classid, which cgroup v1 alone has; a number, or 0x and hexadecimal digits: the major number of \
         the class in the upper 16 bits, the minor in the lower.",
        ["0x100001"]),
    row!(Limits One "cgroup-parent" "PATH", cgroup_parent,
        "the control group below which the sandbox's own is made",
        "Absent: the caller's own group. PATH is named as in /proc/self/cgroup: from the root of each hierarchy that is used, or, \
         without a / before it, from the caller's own group. It must exist, and be seen where the hierarchy is mounted.",
        ["/jobs", "jobs"]),

    row!(Privileges List "cap-keep" "LIST", cap_keep,
        "capabilities to keep, by name, with or without CAP_",
        "Absent: none. Kept ones are effective, inheritable and ambient, and hold in the user namespace only.",
        ["net_bind_service", "chown,sys_admin"]),
    row!(Privileges Switch "allow-new-privs" "", allow_new_privs,
        "do not set no_new_privs",
        "Absent: set. Every mount stays nosuid. Loading a filter without it needs CAP_SYS_ADMIN, which a user namespace gives.",
        ["true", "false"]),
    row!(Privileges One "seccomp" "NAME|FILE", seccomp,
        "the system call filter: a shipped one, or a policy in a file",
        "Absent: default. NAME is default, strict (for filters and converters once loaded), pure (for computing on open \
         descriptors), net-client and net-server (default without taking, or making, connections), dev (default with \
         debuggers and nested namespaces), toaster (57 calls kill), or none. What has a / or a . in it is a FILE, compiled by sbx-launch and not by the library: OCI JSON, as \
         Docker and Podman have it, when it ends in .json or begins with {, else Kafel. In a policy file FILE is relative to \
         that file's directory. The library gets what came of it as bpf: and 16 hexadecimal digits an instruction. Even \
         none refuses foreign architectures, x32, numbers unknown to this build, TIOCSTI and TIOCLINUX.",
        ["default", "strict", "none", "./app.kafel", "bpf:000600007fff0000"]),
    row!(Privileges One "seccomp-string" "TEXT", seccomp_string,
        "the system call filter as a policy in Kafel, instead of --seccomp",
        "For sbx-launch, which compiles it. What it does not mention gets its DEFAULT, and KILL where it has none.",
        ["ALLOW { read, write { fd == 1 }, exit_group } DEFAULT KILL"]),
    row!(Privileges List "seccomp-allow" "LIST", seccomp_allow,
        "system calls that the filter must not refuse, by name",
        "Lifts the filter's refusals of these, those of their arguments too; for shipped filters. What no-exec, no-new-code and net=filter \
         refuse stays refused, as do TIOCSTI and TIOCLINUX.",
        ["ptrace", "mount,umount2"]),
    row!(Privileges List "seccomp-deny" "LIST", seccomp_deny,
        "system calls to refuse besides, by name",
        "Refused with EPERM, or as seccomp-action says.",
        ["symlink", "fork,vfork"]),
    row!(Privileges One "seccomp-action" "errno[:NAME]|kill|kill-thread|trap|log", seccomp_action,
        "what meets a refused system call",
        "Absent: errno, the error number the filter names; errno:NAME (or a number) is the same for all. kill is for the whole \
         process. Answers that say a call does not exist (ENOSYS) stay: programs fall back on them. log refuses \
         nothing of the filter but TIOCSTI and TIOCLINUX; it is for finding out what a program needs.",
        ["errno", "errno:EACCES", "kill", "kill-thread", "trap", "log"]),
    row!(Privileges Repeat "landlock-ro" "PATH", landlock_ro,
        "let PATH, and what is below it, be read; of files only what is listed",
        "Absent: files are held by the mounts alone. With any landlock-ro, -rx or -rw, every access to files that Landlock knows \
         is refused but where it is listed, whatever the mounts and permissions allow. PATH is one inside, and must exist: it \
         begins with / or, from the current directory inside, with a dot; none lists nothing. A link is followed. A path may be \
         given to several: what each allows is allowed. What is open already, and what the program has mapped, stays. Needs \
         Linux 5.13; see docs/landlock.md for what later versions add.",
        ["/etc", "./data", "none"]),
    row!(Privileges Repeat "landlock-rx" "PATH", landlock_rx,
        "as --landlock-ro, and let files be executed",
        "To map a library takes only reading; to execute a program, its loader too must be listed here.",
        ["/usr"]),
    row!(Privileges Repeat "landlock-rw" "PATH", landlock_rw,
        "as --landlock-ro, and let be written, made, moved, removed; not executed",
        "Also truncate(2), ioctl(2) of devices and, from Linux 7.1 on, connecting to sockets; all but executing, and making \
         device nodes.",
        ["/tmp", ".", "/dev/null"]),
    row!(Privileges Repeat "landlock-tcp-bind" "PORT", landlock_tcp_bind,
        "let TCP sockets be bound to PORT, and to no port that is not listed",
        "Absent: to all. none lists nothing; 0 is a port that the kernel chooses. Of UDP and other sockets nothing is said. \
         Needs Linux 6.7.",
        ["8080", "0", "none"]),
    row!(Privileges Repeat "landlock-tcp-connect" "PORT", landlock_tcp_connect,
        "let TCP connections be made to PORT, and to no port that is not listed",
        "As landlock-tcp-bind; of any address.",
        ["443", "none"]),
    row!(Privileges List "landlock-scope" "LIST", landlock_scope,
        "what must not reach outside: abstract-unix-socket, signal",
        "Absent: nothing of it. abstract-unix-socket: connecting to such sockets of processes outside; signal: signals to \
         processes outside, the supervisor among them. Namespaces hold the same, where they are new. Needs Linux 6.12.",
        ["signal", "abstract-unix-socket,signal"]),
    row!(Privileges Switch "no-exec" "", no_exec,
        "refuse execve and execveat",
        "The program is loaded already and needs neither.",
        ["true", "false"]),
    row!(Privileges Switch "no-new-code" "", no_new_code,
        "refuse every new executable mapping",
        "The program's code is frozen as loaded: no mmap or mprotect with PROT_EXEC. Needs a /proc that is not rw, as \
         /proc/self/mem writes past page protections.",
        ["true", "false"]),

    row!(Process Repeat "env" "NAME[=VALUE]", env,
        "set a variable; without VALUE, keep the caller's through --clear-env",
        "Absent: the environment is kept, but for what is the sandbox's own.",
        ["LANG=C", "PATH", "A=b=c"]),
    row!(Process Repeat "unset-env" "NAME", unset_env,
        "remove a variable",
        "Removing one that is not there is no error.",
        ["DISPLAY"]),
    row!(Process Switch "clear-env" "", clear_env,
        "remove every variable that --env does not name",
        "Absent: kept.",
        ["true", "false"]),
    row!(Process One "umask" "OCTAL", umask,
        "permissions that new files do not get",
        "Absent: the caller's. With a leading 0; a string in a policy file.",
        ["0022", "0077"]),
    row!(Process Repeat "keep-fd" "N", keep_fd,
        "leave this file descriptor open; 0, 1 and 2 always are",
        "It must be open, and not a directory, which would lead out of the sandbox, nor the status-fd.",
        ["3"]),
    row!(Process Switch "stderr-null" "", stderr_null,
        "standard error of the program is /dev/null",
        "Absent: the caller's. Why it did not start is still said on the caller's.",
        ["true", "false"]),
    row!(Process Switch "silent" "", silent,
        "standard input, output and error of the program are /dev/null",
        "Absent: the caller's. Why it did not start is still said on the caller's standard error.",
        ["true", "false"]),
    row!(Process Switch "new-session" "", new_session,
        "run in a session of its own, away from the terminal's job control",
        "Absent: the caller's session, so that the terminal's Ctrl-C and Ctrl-Z reach the program and a shell's job control \
         works; in a session of its own they reach sbx, which passes them on, and the program has no controlling terminal. \
         TIOCSTI and TIOCLINUX are refused either way, by every filter, none included.",
        ["true", "false"]),
    row!(Process Switch "init" "", init,
        "a reaper at pid 1; the program is pid 2",
        "Absent: the program is pid 1, to which the kernel delivers no signal that it does not handle. Where share keeps the pid \
         namespace, the reaper is no pid 1, but orphans come back to it, and when the program, the supervisor or the time \
         ends it kills all of them; with landlock-scope=signal the program cannot end it first.",
        ["true", "false"]),
    row!(Process Switch "no-die-with-parent" "", no_die_with_parent,
        "let the sandbox outlive its supervisor",
        "Absent: it is killed when its supervisor dies.",
        ["true", "false"]),

    row!(Reports One "status-fd" "N", status_fd,
        "write a JSON line of what is in force to this fd, then one of the end",
        "Read back from the kernel before the program's main runs.",
        ["3"]),
    row!(Reports One "stats" "FILE", stats,
        "write how it ended and what it used to FILE, as a line of JSON",
        "The last line of status-fd. FILE is opened by the caller's rights before there is a sandbox; it must be a regular \
         file, or not be there, and lie where the program cannot write. It stays empty when the line cannot be written. \
         The members are in docs/reports.md.",
        ["/var/log/job.json", "job.json"]),
    row!(Reports One "log-file" "FILE", log_file,
        "append to FILE what would be said on standard error before main",
        "Absent: standard error. FILE is opened by the caller's rights and may not be a link; what is found before that, \
         mistakes in the settings and what sbx-launch finds, stays on standard error. See log-level.",
        ["/var/log/sbx.log", "sbx.log"]),
    row!(Reports One "log-level" "error|info|debug", log_level,
        "what to say on standard error: failures, each step, each step's cost",
        "Absent: error.",
        ["error", "info", "debug"]),
    row!(Reports One "observe" "kills|refusals|all", observe,
        "which calls the filter asks an observer about",
        "Absent: the library asks a process of its own about calls that kill, where the policy has any. For sbx-launch, \
         which sets it for --explain, --learn, seccomp-action=log and policies that kill. What is refused is the same. \
         Needs observer-fd.",
        ["kills", "refusals", "all"]),
    row!(Reports One "observer-fd" "N", observer_fd,
        "the descriptor that leads to the observer",
        "For sbx-launch, as observe. If the observer dies, what it would have been asked about is ENOSYS.",
        ["3"]),
];
