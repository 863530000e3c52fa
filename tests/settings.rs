//! One policy, three spellings: flags, a file, variables.

use std::fs;
use std::process::Command;

use crate::need;
use crate::support::ended::TIMEOUT;
use crate::support::sandbox::{IntoOsString, clean_env};
use crate::support::{Ended, Report, TempDir, bins, finish};

fn launch(args: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = Command::new(bins::launcher());
    clean_env(&mut command).args(args).envs(variables.iter().copied());
    finish(command, b"", TIMEOUT)
}

/// A policy in its three spellings.
struct Spelled {
    flags: &'static [&'static str],
    file: &'static str,
    variables: &'static [(&'static str, &'static str)],
}

const POLICIES: &[Spelled] = &[
    Spelled { flags: &[], file: "", variables: &[] },
    Spelled {
        flags: &["--hostname", "box", "--share", "ipc,time", "--share", "cgroup", "--net=host", "--init"],
        file: "hostname = \"box\"\nshare = [\"ipc\", \"time\", \"cgroup\"]\nnet = \"host\"\ninit = true\n",
        variables: &[
            ("SBX_HOSTNAME", "box"),
            ("SBX_SHARE", "ipc,time,cgroup"),
            ("SBX_NET", "host"),
            ("SBX_INIT", "true"),
        ],
    },
    Spelled {
        flags: &[
            "--bind-ro",
            "/usr:/srv",
            "--tmpfs",
            "/mnt:size=1m:mode=700",
            "--hide",
            "/usr/share",
            "--hide",
            "/etc/passwd",
            "--uid",
            "0",
        ],
        file: "bind-ro = [\"/usr:/srv\"]\ntmpfs = [\"/mnt:size=1m:mode=700\"]\nhide = [\"/usr/share\", \"/etc/passwd\"]\nuid = 0\n",
        variables: &[
            ("SBX_BIND_RO", "/usr:/srv"),
            ("SBX_TMPFS", "/mnt:size=1m:mode=700"),
            ("SBX_HIDE", "/usr/share,/etc/passwd"),
            ("SBX_UID", "0"),
        ],
    },
    Spelled {
        flags: &[
            "--bind=/usr:/media:noexec:dev",
            "--bind-ro=/usr/share:/opt:noexec",
            "--overlay=/mnt:lower=/usr/share:lower=/usr/lib",
            "--tmpfs=/srv:noexec",
            "--dir=/srv/d:mode=700",
            "--symlink=a\\:b:/srv/l",
            "--file=/srv/f:x\\:y\\,z\\\\\nend:mode=400",
            "--file=/etc/passwd:",
        ],
        file: r#"bind = ["/usr:/media:noexec:dev"]
bind-ro = ["/usr/share:/opt:noexec"]
overlay = ["/mnt:lower=/usr/share:lower=/usr/lib"]
tmpfs = ["/srv:noexec"]
dir = ["/srv/d:mode=700"]
symlink = ['a\:b:/srv/l']
file = ["/srv/f:x\\:y\\,z\\\\\nend:mode=400", "/etc/passwd:"]
"#,
        variables: &[
            ("SBX_BIND", "/usr:/media:noexec:dev"),
            ("SBX_BIND_RO", "/usr/share:/opt:noexec"),
            ("SBX_OVERLAY", "/mnt:lower=/usr/share:lower=/usr/lib"),
            ("SBX_TMPFS", "/srv:noexec"),
            ("SBX_DIR", "/srv/d:mode=700"),
            ("SBX_SYMLINK", "a\\:b:/srv/l"),
            ("SBX_FILE", "/srv/f:x\\:y\\,z\\\\\nend:mode=400,/etc/passwd:"),
        ],
    },
    Spelled {
        flags: &["--profile", "strict", "--seccomp-deny", "getcwd,umask", "--seccomp-action", "errno", "--root-rw"],
        file: "profile = \"strict\"\nseccomp-deny = [\"getcwd\", \"umask\"]\nseccomp-action = \"errno\"\nroot-rw = true\n",
        variables: &[
            ("SBX_PROFILE", "strict"),
            ("SBX_SECCOMP_DENY", "getcwd,umask"),
            ("SBX_SECCOMP_ACTION", "errno"),
            ("SBX_ROOT_RW", "true"),
        ],
    },
    Spelled {
        flags: &[
            "--cap-keep",
            "chown,kill",
            "--env",
            "A=1,2",
            "--env=B",
            "--unset-env",
            "C",
            "--clear-env",
            "--cwd",
            "/usr",
        ],
        file: "cap-keep = [\"chown\", \"kill\"]\nenv = [\"A=1,2\", \"B\"]\nunset-env = [\"C\"]\nclear-env = true\ncwd = \"/usr\"\n",
        variables: &[
            ("SBX_CAP_KEEP", "chown,kill"),
            ("SBX_ENV", "A=1\\,2,B"),
            ("SBX_UNSET_ENV", "C"),
            ("SBX_CLEAR_ENV", "true"),
            ("SBX_CWD", "/usr"),
        ],
    },
    Spelled {
        flags: &[
            "--rlimit",
            "nofile=64:128",
            "--rlimit",
            "core=0",
            "--nice",
            "19",
            "--oom-score-adj=500",
            "--cpus",
            "0",
            "--personality",
            "addr-no-randomize,addr-compat-layout",
            "--umask",
            "0027",
            "--monotonic-offset",
            "1.5h",
            "--boottime-offset=-1.5s",
        ],
        file: "rlimit = [\"nofile=64:128\", \"core=0\"]\nnice = 19\noom-score-adj = 500\ncpus = [0]\n\
               personality = [\"addr-no-randomize\", \"addr-compat-layout\"]\numask = \"0027\"\n\
               monotonic-offset = \"1.5h\"\nboottime-offset = \"-1500ms\"\n",
        variables: &[
            ("SBX_RLIMIT", "nofile=64:128,core=0"),
            ("SBX_NICE", "19"),
            ("SBX_OOM_SCORE_ADJ", "500"),
            ("SBX_CPUS", "0"),
            ("SBX_PERSONALITY", "addr-no-randomize,addr-compat-layout"),
            ("SBX_UMASK", "0027"),
            ("SBX_MONOTONIC_OFFSET", "5400"),
            ("SBX_BOOTTIME_OFFSET", "-1.5"),
        ],
    },
];

#[test]
fn three_spellings_give_one_plan() {
    let mut plans = Vec::new();
    for spelled in POLICIES {
        let dir = TempDir::new();
        let file = dir.file("policy.toml", spelled.file);
        let by_flags = launch(&[spelled.flags, &["--print-plan"]].concat(), &[]);
        let by_file = launch(&["--policy", file.to_str().unwrap(), "--print-plan"], &[]);
        let by_variables = launch(&["--print-plan"], spelled.variables);
        assert_eq!(by_flags.ok(), by_file.ok());
        assert_eq!(by_flags.ok(), by_variables.ok());
        plans.push(by_flags.out);
    }
    plans.sort();
    plans.dedup();
    assert_eq!(plans.len(), POLICIES.len(), "each says something of its own");
}

#[test]
fn three_spellings_give_one_sandbox() {
    for spelled in POLICIES.iter().filter(|spelled| !spelled.file.contains("strict")) {
        let dir = TempDir::new();
        let file = dir.file("policy.toml", spelled.file);
        let probe = [bins::probe().to_str().unwrap(), "report"];
        let report = |ended: Ended| Report::parse(ended.ok()).without_what_varies();
        let by_flags = report(launch(&[spelled.flags, &probe].concat(), &[]));
        assert_eq!(by_flags, report(launch(&[&["--policy", file.to_str().unwrap()][..], &probe].concat(), &[])));
        assert_eq!(by_flags, report(launch(&probe, spelled.variables)));
        let mut alone = Command::new(bins::probe());
        clean_env(&mut alone).arg("report").env("LD_PRELOAD", bins::library()).envs(spelled.variables.iter().copied());
        assert_eq!(by_flags, report(finish(alone, b"", TIMEOUT)));
    }
}

#[test]
fn printed_variables_do_the_same_without_the_launcher() {
    for spelled in POLICIES {
        let printed = launch(&[spelled.flags, &["--print-env"]].concat(), &[]);
        let script = format!("{}\nexec \"$0\" \"$@\"", printed.ok());
        let strict = spelled.file.contains("strict");
        let act: &[&str] = if strict { &["file", "list", "/"] } else { &["report"] };
        let mut command = Command::new("sh");
        clean_env(&mut command).arg("-c").arg(script).arg(bins::probe()).args(act);
        let alone = finish(command, b"", TIMEOUT);
        // By a shell too: it leaves traces of its own in the environment.
        let mut command = Command::new("sh");
        clean_env(&mut command)
            .args(["-c", "exec \"$0\" \"$@\""])
            .arg(bins::launcher())
            .args(spelled.flags)
            .arg(bins::probe())
            .args(act);
        let launched = finish(command, b"", TIMEOUT);
        if strict {
            assert_eq!(alone.ok(), launched.ok());
        } else {
            assert_eq!(
                Report::parse(alone.ok()).without_what_varies(),
                Report::parse(launched.ok()).without_what_varies()
            );
        }
    }
}

#[test]
fn a_printed_policy_is_the_policy() {
    for spelled in POLICIES {
        let dir = TempDir::new();
        let printed = launch(&[spelled.flags, &["--print-policy"]].concat(), &[]);
        let file = dir.file("policy.toml", &printed.out);
        let plan = launch(&["--policy", file.to_str().unwrap(), "--print-plan"], &[]);
        assert_eq!(plan.ok(), launch(&[spelled.flags, &["--print-plan"]].concat(), &[]).ok());
    }
}

#[test]
fn flags_override_variables_and_variables_the_file() {
    let dir = TempDir::new();
    let file = dir.file("policy.toml", "hostname = \"file\"\nuid = 1\nhide = [\"/srv\"]\n");
    let (file, probe) = (file.to_str().unwrap(), bins::probe().to_str().unwrap());
    let name = |args: &[&str], variables: &[(&str, &str)]| {
        let ended = launch(&[args, &[probe, "report"]].concat(), variables);
        let inside = Report::parse(ended.ok());
        (inside.one("hostname").to_owned(), inside.one("uid").to_owned())
    };
    let own = Report::of_the_host().one("uid").to_owned();
    assert_eq!(name(&[], &[]), ("sandbox".into(), own));
    assert_eq!(name(&["--policy", file], &[]), ("file".into(), "1".into()));
    assert_eq!(name(&["--policy", file], &[("SBX_HOSTNAME", "variable")]), ("variable".into(), "1".into()));
    assert_eq!(
        name(&["--policy", file, "--hostname=flag"], &[("SBX_HOSTNAME", "variable")]),
        ("flag".into(), "1".into())
    );
    // What can be given any number of times adds up; an empty one takes back.
    let plan = launch(&["--policy", file, "--hide", "/media", "--print-plan"], &[("SBX_HIDE", "/mnt")]);
    for hidden in ["/srv hidden", "/mnt hidden", "/media hidden"] {
        assert!(plan.ok().contains(hidden), "{hidden}: {plan:?}");
    }
    let taken_back = launch(&["--policy", file, "--hide=", "--hide", "/media", "--print-plan"], &[]);
    assert!(taken_back.ok().contains("/media hidden") && !taken_back.out.contains("/srv hidden"), "{taken_back:?}");
}

#[test]
fn mistakes_in_a_policy_file_name_the_file_and_the_key() {
    let dir = TempDir::new();
    let probe = bins::probe().to_str().unwrap();
    for (text, named) in [
        ("bind-or = [\"/usr\"]\n", "bind-or"),
        ("uid = \"nobody\"\n", "uid"),
        ("init = \"yes\"\n", "init"),
        ("hostname = [\"a\", \"b\"]\n", "hostname"),
        ("bind = \n", "line 1"),
        ("uid = 1\nuid = 2\n", "line 2: duplicate"),
        ("net = \"bridge\"\n", "net"),
        ("[section]\nuid = 1\n", "section"),
        // 0o22 and 22 are numbers by then, and decimal.
        ("umask = 0o22\n", "umask"),
        ("umask = 22\n", "umask"),
        ("rlimit = [\"rttime=200\"]\n", "rlimit"),
        ("nice = -21\n", "nice"),
    ] {
        let file = dir.file("policy.toml", text);
        let message = launch(&["--policy", file.to_str().unwrap(), probe, "report"], &[]);
        let line = message.refused(125);
        assert!(line.contains(named), "{text:?}: {line}");
    }
    for file in ["/nowhere/policy.toml", "/", dir.to_str().unwrap()] {
        launch(&["--policy", file, probe, "report"], &[]).refused_saying(&[file]);
    }
    fs::write(dir.join("bytes"), b"hide = [\"/\xff\"]\n").unwrap();
    launch(&["--policy", dir.join("bytes").to_str().unwrap(), probe, "report"], &[]).refused(125);
}

#[test]
fn values_that_a_shell_would_change_survive_printing() {
    let odd = [&b"it's"[..], b"a\"b", b"$(reboot)", b"`x`", b"back\\slash", b"new\nline", b"comma,colon:", b"\xff"];
    for value in odd {
        let setting = [b"A=", value].concat().into_os_string();
        let mut print = Command::new(bins::launcher());
        clean_env(&mut print).arg("--env").arg(&setting).arg("--print-env");
        let printed = print.output().unwrap();
        assert!(printed.status.success(), "{printed:?}");
        let script = [printed.stdout, b"\nexec \"$0\" \"$@\"".to_vec()].concat().into_os_string();
        let mut command = Command::new("sh");
        clean_env(&mut command).arg("-c").arg(script).arg(bins::probe()).args(["env", "A"]);
        assert_eq!(finish(command, b"", TIMEOUT).ok(), value.escape_ascii().to_string());
    }
}

#[test]
fn examples_are_policies_that_can_be_meant() {
    need!("examples");
    let dir = TempDir::new();
    for example in bins::examples() {
        let mut command = Command::new(bins::launcher());
        // Somewhere that may be made writable, as the example of a build asks for.
        clean_env(&mut command).current_dir(&*dir).arg("--policy").arg(&example).arg("--print-plan");
        let ended = finish(command, b"", TIMEOUT);
        assert!(ended.ok().contains("seccomp"), "{}", example.display());
    }
}
