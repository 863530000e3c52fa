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
    row!(Privileges One "seccomp" "NAME", seccomp,
        "the system call filter: default, strict or none",
        "Absent: default. Even none refuses foreign architectures, x32 and numbers unknown to this build.",
        ["default", "strict", "none"]),
    row!(Privileges List "seccomp-allow" "LIST", seccomp_allow,
        "system calls that the filter must not refuse, by name",
        "Lifts the filter's refusals of these, those of their arguments too. What no-exec, no-new-code and net=filter \
         refuse stays refused.",
        ["ptrace", "mount,umount2"]),
    row!(Privileges List "seccomp-deny" "LIST", seccomp_deny,
        "system calls to refuse besides, by name",
        "Refused with EPERM, or as seccomp-action says.",
        ["symlink", "fork,vfork"]),
    row!(Privileges One "seccomp-action" "errno|kill|kill-thread|trap|log", seccomp_action,
        "what meets a refused system call",
        "Absent: errno. Answers that say a call does not exist (ENOSYS) stay: programs fall back on them. log refuses \
         nothing of the filter; it is for finding out what a program needs.",
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
