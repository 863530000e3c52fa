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

    row!(Limits One "time-limit" "DUR", time_limit,
        "kill everything in the sandbox this long after main may begin; exit 124",
        "Absent: no limit. DUR is in seconds, or takes ms, s, m or h; decimals are allowed. Wall clock, CLOCK_MONOTONIC: a \
         stopped program or supervisor does not stop it, a suspended machine does. Setup is not counted. There is no \
         SIGTERM before the SIGKILL; timeout(1) around sbx gives one. Needs a new pid namespace, as without one the kernel \
         has no name for everything that was started, and a supervisor that is not outlived.",
        ["90s", "1.5s"]),

    row!(Privileges List "cap-keep" "LIST", cap_keep,
        "capabilities to keep, by name, with or without CAP_",
        "Absent: none. Kept ones are effective, inheritable and ambient, and hold in the user namespace only.",
        ["net_bind_service", "chown,sys_admin"]),
    row!(Privileges Switch "allow-new-privs" "", allow_new_privs,
        "do not set no_new_privs",
        "Absent: set. Every mount stays nosuid. Loading a filter without it needs CAP_SYS_ADMIN, which a user namespace gives.",
        ["true", "false"]),
    row!(Privileges One "seccomp" "NAME", seccomp,
        "the system call filter: default, strict or none",
        "Absent: default. Even none refuses foreign architectures, x32, numbers unknown to this build, TIOCSTI and \
         TIOCLINUX.",
        ["default", "strict", "none"]),
    row!(Privileges List "seccomp-allow" "LIST", seccomp_allow,
        "system calls that the filter must not refuse, by name",
        "Lifts the filter's refusals of these, those of their arguments too. What no-exec, no-new-code and net=filter \
         refuse stays refused, as do TIOCSTI and TIOCLINUX.",
        ["ptrace", "mount,umount2"]),
    row!(Privileges List "seccomp-deny" "LIST", seccomp_deny,
        "system calls to refuse besides, by name",
        "Refused with EPERM, or as seccomp-action says.",
        ["symlink", "fork,vfork"]),
    row!(Privileges One "seccomp-action" "errno|kill|kill-thread|trap|log", seccomp_action,
        "what meets a refused system call",
        "Absent: errno. Answers that say a call does not exist (ENOSYS) stay: programs fall back on them. log refuses \
         nothing of the filter but TIOCSTI and TIOCLINUX; it is for finding out what a program needs.",
        ["errno", "kill", "kill-thread", "trap", "log"]),
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
        "Absent: none. For sbx-launch, which sets it for --explain, --learn, seccomp-action=log and policies that kill. \
         What is refused is the same. Answers of trap and kill-thread are the kernel's alone, and not asked about. Needs \
         observer-fd.",
        ["kills", "refusals", "all"]),
    row!(Reports One "observer-fd" "N", observer_fd,
        "the descriptor that leads to the observer",
        "For sbx-launch, as observe. If the observer dies, what it would have been asked about is ENOSYS.",
        ["3"]),
];
