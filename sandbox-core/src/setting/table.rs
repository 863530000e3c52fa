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
        "start from a shipped policy: default, strict or build",
        "Absent: default. Every other setting overrides or adds to the profile's.",
        ["default", "strict", "build"]),

    row!(Namespaces List "share" "LIST", share,
        "namespaces not to make new: user,mount,pid,net,ipc,uts,cgroup,time",
        "Absent: all eight are new. Without a mount namespace nothing of the file settings can hold, so none may be \
         given; without a pid namespace /proc stays the host's, read-only, and what the program leaves running outlives it.",
        ["user", "net,ipc"]),
    row!(Namespaces One "hostname" "NAME", hostname,
        "the host name inside",
        "Absent: sandbox. Needs a uts namespace.",
        ["box"]),
    row!(Namespaces One "domainname" "NAME", domainname,
        "the NIS domain name inside",
        "Absent: (none). Needs a uts namespace.",
        ["example"]),

    row!(Identity One "uid" "N", uid,
        "the user id inside",
        "Absent: the caller's. In a user namespace the caller's own id appears as N; without one, only root can set it.",
        ["0", "1000"]),
    row!(Identity One "gid" "N", gid,
        "the group id inside",
        "Absent: the caller's. Supplementary groups of a caller who is not root stay and show as 65534: the kernel lets \
         nobody drop them in a user namespace of their own.",
        ["0", "1000"]),

    row!(Files One "root" "host|empty|DIR", root,
        "what / is: the host's tree read-only, an empty tmpfs, or a directory",
        "Absent: host. With host and DIR, /tmp, /var/tmp, /dev/shm and /run are private, and /home, /root and $HOME are \
         empty; with host, a current directory that this would hide stays visible read-only, unless it is a home itself.",
        ["host", "empty", "/srv/tree"]),
    row!(Files Switch "root-rw" "", root_rw,
        "leave / writable",
        "Absent: read-only.",
        ["true", "false"]),
    row!(Files Repeat "bind" "SRC[:DST]", bind,
        "show the host's SRC at DST, writable",
        "Always nosuid and nodev. DST is SRC when absent; SRC may be relative and may be a link. Mounts are made from the \
         top of the tree down, whatever the order they are given in; for the same DST the later one holds.",
        ["/srv/data", "/a\\:b:/c", "work:/work"]),
    row!(Files Repeat "bind-ro" "SRC[:DST]", bind_ro,
        "show the host's SRC at DST, read-only",
        "As bind, read-only.",
        ["/usr", "/etc/hosts:/etc/hosts"]),
    row!(Files Repeat "bind-try" "SRC[:DST]", bind_try,
        "as --bind, skipped when SRC does not exist",
        "Every other failure is still one.",
        ["/opt/data"]),
    row!(Files Repeat "bind-ro-try" "SRC[:DST]", bind_ro_try,
        "as --bind-ro, skipped when SRC does not exist",
        "Every other failure is still one.",
        ["/opt/data:/data"]),
    row!(Files Repeat "tmpfs" "DST[:size=SIZE][:mode=MODE]", tmpfs,
        "a private, writable file system in memory at DST",
        "SIZE takes k, m, g, t (powers of 1024); absent: the kernel's default, half of the memory. MODE is octal; absent: 1777.",
        ["/scratch", "/scratch:size=1048576", "/s:size=4096:mode=700"]),
    row!(Files Repeat "hide" "PATH", hide,
        "cover a directory with an empty one, or a file with /dev/null",
        "PATH must exist inside.",
        ["/srv", "/etc/passwd"]),
    row!(Files One "proc" "rw|ro|none", proc,
        "what /proc is: a fresh procfs, the same read-only, or nothing",
        "Absent: rw, or ro with no-new-code. sys, sysrq-trigger, irq, bus and fs are read-only, and kcore, keys, timer_list \
         and the like are covered, in every mode.",
        ["rw", "ro", "none"]),
    row!(Files One "dev" "minimal|none|host", dev,
        "what /dev is",
        "Absent: minimal, which has null, zero, full, random, urandom, tty, a private devpts and a private shm.",
        ["minimal", "none", "host"]),
    row!(Files One "cwd" "DIR", cwd,
        "the current directory inside",
        "Absent: where the caller is, or / where that is not visible inside. A DIR given must exist inside.",
        ["/", "/work"]),

    row!(Network One "net" "none|host|filter", net,
        "a namespace with only loopback; the host's; the host's without sockets",
        "Absent: none. With host, abstract unix sockets of the host are reachable. With filter no socket can be made at \
         all, only pairs of connected unix sockets; it saves making a namespace.",
        ["none", "host", "filter"]),

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
         none refuses foreign architectures, x32 and numbers unknown to this build.",
        ["default", "strict", "none", "./app.kafel", "bpf:000600007fff0000"]),
    row!(Privileges One "seccomp-string" "TEXT", seccomp_string,
        "the system call filter as a policy in Kafel, instead of --seccomp",
        "For sbx-launch, which compiles it. What it does not mention gets its DEFAULT, and KILL where it has none.",
        ["ALLOW { read, write { fd == 1 }, exit_group } DEFAULT KILL"]),
    row!(Privileges List "seccomp-allow" "LIST", seccomp_allow,
        "system calls that the filter must not refuse, by name",
        "Lifts the filter's refusals of these, those of their arguments too; for shipped filters. What no-exec, no-new-code and net=filter \
         refuse stays refused.",
        ["ptrace", "mount,umount2"]),
    row!(Privileges List "seccomp-deny" "LIST", seccomp_deny,
        "system calls to refuse besides, by name",
        "Refused with EPERM, or as seccomp-action says.",
        ["symlink", "fork,vfork"]),
    row!(Privileges One "seccomp-action" "errno[:NAME]|kill|kill-thread|trap|log", seccomp_action,
        "what meets a refused system call",
        "Absent: errno, the error number the filter names; errno:NAME (or a number) is the same for all. kill is for the whole \
         process. Answers that say a call does not exist (ENOSYS) stay: programs fall back on them. log refuses \
         nothing of the filter; it is for finding out what a program needs.",
        ["errno", "errno:EACCES", "kill", "kill-thread", "trap", "log"]),
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
    row!(Process Repeat "keep-fd" "N", keep_fd,
        "leave this file descriptor open; 0, 1 and 2 always are",
        "It must be open, and not a directory, which would lead out of the sandbox.",
        ["3"]),
    row!(Process Switch "new-session" "", new_session,
        "run in a session of its own, away from the terminal's job control",
        "Absent: the caller's session. TIOCSTI and TIOCLINUX are refused either way.",
        ["true", "false"]),
    row!(Process Switch "init" "", init,
        "a reaper at pid 1; the program is pid 2",
        "Absent: the program is pid 1, to which the kernel delivers no signal that it does not handle.",
        ["true", "false"]),
    row!(Process Switch "no-die-with-parent" "", no_die_with_parent,
        "let the sandbox outlive its supervisor",
        "Absent: it is killed when its supervisor dies.",
        ["true", "false"]),

    row!(Reports One "status-fd" "N", status_fd,
        "write a JSON line of what is in force to this fd, then one of the end",
        "Read back from the kernel before the program's main runs.",
        ["3"]),
    row!(Reports One "log-level" "error|info|debug", log_level,
        "what to say on standard error: failures, each step, each step's cost",
        "Absent: error.",
        ["error", "info", "debug"]),
];
