//! `sbx-launch --report`: what a sandbox changes, as it is found out outside and inside.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::need;
use crate::support::need::is_root;
use crate::support::report::NAMESPACES;
use crate::support::sandbox::clean_env;
use crate::support::{Ended, Entry, Sandbox, TempDir, bins, finish};

/// Memory is taken, by two processes in turn: on a busy machine that lasts.
const TIMEOUT: Duration = Duration::from_secs(180);

/// With so little address space that memory, which is not what most tests are about, is soon taken.
const LITTLE: &str = "ulimit -S -v 131072";

/// A report, by a shell that does something before.
fn after(script: &str, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    clean_env(&mut command).args(["-c", &format!("{script}; exec \"$@\""), "sh"]).arg(bins::launcher());
    command.arg("--report").args(args);
    command
}

fn run(args: &[&str]) -> Ended {
    finish(after(LITTLE, args), b"", TIMEOUT)
}

/// The facts, of a report that succeeds.
#[track_caller]
fn facts(args: &[&str]) -> Value {
    facts_after(LITTLE, args)
}

#[track_caller]
fn facts_after(script: &str, args: &[&str]) -> Value {
    let ended = finish(after(script, &[args, &["--as", "json"]].concat()), b"", TIMEOUT);
    serde_json::from_str(ended.ok()).unwrap_or_else(|why| panic!("{why}: {ended:?}"))
}

fn at<'a>(facts: &'a Value, place: &str) -> &'a Value {
    facts.pointer(place).unwrap_or_else(|| panic!("no {place} in {facts:#}"))
}

/// A number in `/proc/self/status`, in its base.
fn own_status(name: &str) -> String {
    let pid = i32::try_from(std::process::id()).unwrap();
    crate::support::outside::status(pid, name).unwrap()
}

#[test]
fn outside_is_the_caller_and_inside_is_the_sandbox() {
    let facts = facts(&[]);
    let uid = nix::unistd::geteuid().as_raw();
    for side in ["outside", "inside"] {
        assert_eq!(*at(&facts, &format!("/{side}/ids/euid")), uid, "the caller's, and the map keeps it");
        assert_eq!(*at(&facts, &format!("/{side}/host_ids/uid")), uid);
    }
    assert_eq!(*at(&facts, "/inside/process"), serde_json::json!({ "pid": 1, "ppid": 0 }));
    assert_ne!(*at(&facts, "/outside/process/pid"), 1);
    assert_eq!(*at(&facts, "/inside/processes/pids"), serde_json::json!([1]));
    assert!(at(&facts, "/outside/processes/count").as_u64() > Some(1));
    assert_eq!(*at(&facts, "/inside/uid_map"), serde_json::json!([format!("{uid}:{uid}:1")]));
    assert_eq!(
        (at(&facts, "/outside/no_new_privs"), at(&facts, "/inside/no_new_privs")),
        (&false.into(), &true.into())
    );
    assert_eq!(*at(&facts, "/inside/setgroups"), "deny");
    assert_eq!(*at(&facts, "/inside/names/hostname"), "sandbox");
    assert_eq!(*at(&facts, "/outside/names/hostname"), nix_hostname());
    assert_eq!(*at(&facts, "/outside/seccomp/mode"), if own_status("Seccomp") == "2" { "filter" } else { "disabled" });
    assert_eq!(*at(&facts, "/inside/seccomp/mode"), "filter");
    let interfaces = at(&facts, "/inside/interfaces").as_array().unwrap();
    assert_eq!(interfaces.len(), 1, "{interfaces:?}");
    assert!(interfaces[0]["name"] == "lo" && interfaces[0]["addresses"][0] == "127.0.0.1/8", "{interfaces:?}");
}

fn nix_hostname() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().into()
}

#[test]
fn capabilities_are_told_by_name_with_what_was_lost() {
    let facts_of = facts(&[]);
    let bits = u64::from_str_radix(&own_status("CapBnd"), 16).unwrap();
    let bounding = at(&facts_of, "/outside/capabilities/bounding").as_array().unwrap();
    assert_eq!(bounding.len(), bits.count_ones() as usize);
    assert_eq!(bounding.contains(&"chown".into()), bits & 1 == 1);
    for set in ["inheritable", "permitted", "effective", "bounding", "ambient"] {
        assert_eq!(*at(&facts_of, &format!("/inside/capabilities/{set}")), serde_json::json!([]), "{set}");
        assert_eq!(at(&facts_of, &format!("/lost/{set}")), at(&facts_of, &format!("/outside/capabilities/{set}")));
    }
    assert!(at(&facts_of, "/inside/securebits").as_array().unwrap().contains(&"noroot_locked".into()));
    // The control: what is kept is not lost.
    let kept = facts(&["--cap-keep", "chown"]);
    assert_eq!(*at(&kept, "/inside/capabilities/effective"), serde_json::json!(["chown"]));
    assert!(!at(&kept, "/lost/bounding").as_array().unwrap().contains(&"chown".into()));
    assert!(at(&kept, "/lost/bounding").as_array().unwrap().contains(&"kill".into()));
}

#[test]
fn namespaces_are_new_or_the_callers() {
    for shared in [&[][..], &["uts", "net"]] {
        let facts = facts(&["--share", &shared.join(",")]);
        for file in NAMESPACES {
            let kind = if file == "mnt" { "mount" } else { file };
            let number = |side: &str| at(&facts, &format!("/{side}/namespaces/{kind}")).clone();
            let own = fs::read_link(format!("/proc/self/ns/{file}")).unwrap();
            assert_eq!(own.to_str().unwrap(), format!("{file}:[{}]", number("outside")));
            let is_new = at(&facts, "/new_namespaces").as_array().unwrap().contains(&kind.into());
            assert_eq!(is_new, number("outside") != number("inside"));
            assert_eq!(is_new, !shared.contains(&kind), "{kind} of {shared:?}");
        }
        let hostname = at(&facts, "/inside/names/hostname");
        assert_eq!(*hostname, if shared.is_empty() { "sandbox".to_owned() } else { nix_hostname() });
        let interfaces = |side: &str| at(&facts, &format!("/{side}/interfaces")).clone();
        assert_eq!(
            interfaces("inside") == interfaces("outside"),
            !shared.is_empty() || is_alone(&interfaces("outside"))
        );
    }
}

/// A host that has nothing but loopback itself.
fn is_alone(interfaces: &Value) -> bool {
    interfaces.as_array().unwrap().len() == 1
}

#[test]
fn the_tree_is_told_as_it_is_mounted() {
    let facts_of = facts(&["--tmpfs", "/mnt"]);
    assert_eq!(*at(&facts_of, "/inside/root/read_only"), true);
    let mounts = at(&facts_of, "/inside/mounts").as_array().unwrap();
    let of = |target: &str| {
        let mut all = mounts.iter().filter(|mount| mount["target"] == target && mount["covered"] == false);
        (all.next().unwrap_or_else(|| panic!("{target} in {mounts:#?}")), all.next())
    };
    for (target, kind, option) in
        [("/mnt", "tmpfs", "rw"), ("/", "", "ro"), ("/proc", "proc", "nosuid"), ("/dev", "tmpfs", "ro")]
    {
        let (mount, another) = of(target);
        assert!(another.is_none(), "{another:?}");
        assert!(mount["type"].as_str().unwrap().contains(kind), "{mount}");
        assert!(mount["options"].as_str().unwrap().split(',').any(|own| own == option), "{mount}");
    }
    let writable = facts(&["--root-rw"]);
    assert_eq!(*at(&writable, "/inside/root/read_only"), false);
    let empty = facts(&["--root", "empty"]);
    assert_eq!(*at(&empty, "/inside/root/type"), "tmpfs");
    assert_ne!(at(&empty, "/inside/root/device"), at(&empty, "/outside/root/device"));
    assert_eq!(at(&facts_of, "/inside/root/device"), at(&facts_of, "/outside/root/device"));
}

#[test]
fn memory_is_really_taken() {
    let facts = |args: &[&str]| facts_after("true", args);
    let free = facts(&[]);
    let taken = |facts: &Value, side: &str| at(facts, &format!("/{side}/memory/taken")).as_u64().unwrap();
    let bound = taken(&free, "outside");
    assert_eq!((taken(&free, "inside"), at(&free, "/inside/memory/stopped_by")), (bound, &"enough".into()));
    assert!(
        (32 << 20..=1 << 30).contains(&bound),
        "{bound}: this machine has too little for these tests, or it is too much"
    );
    for limit in ["as", "data"] {
        let limited = facts(&["--rlimit", &format!("{limit}=32m")]);
        assert_eq!(*at(&limited, "/inside/memory/stopped_by"), "ENOMEM", "{limit}");
        assert!((16 << 20..32 << 20).contains(&taken(&limited, "inside")), "{limit}: {limited:#}");
        assert_eq!(*at(&limited, &format!("/inside/rlimits/{limit}/soft")), 32 << 20);
        assert!(taken(&limited, "outside") > 32 << 20);
    }
}

#[test]
fn limits_are_those_of_the_kernel() {
    let facts = facts(&["--rlimit", "nofile=64:128", "--rlimit", "cpu=77s", "--nice", "11", "--time-limit", "50s"]);
    let inside = at(&facts, "/inside/rlimits").as_object().unwrap();
    assert_eq!(inside.len(), 16);
    assert_eq!(inside["nofile"], serde_json::json!({ "soft": 64, "hard": 128 }));
    assert_eq!(inside["cpu"], serde_json::json!({ "soft": 77, "hard": 77 }));
    let (soft, hard) = nix_limit();
    assert_eq!(*at(&facts, "/outside/rlimits/nofile"), serde_json::json!({ "soft": soft, "hard": hard }));
    assert_eq!((at(&facts, "/outside/nice"), at(&facts, "/inside/nice")), (&0.into(), &11.into()));
    assert_eq!((at(&facts, "/outside/time_limit"), at(&facts, "/inside/time_limit")), (&Value::Null, &50.0.into()));
    let table = run(&["--rlimit", "nofile=64:128"]);
    assert!(
        table.ok().lines().any(|line| line.starts_with("* rlimit nofile") && line.contains("64, hard 128")),
        "{table:?}"
    );
    assert!(!table.out.contains("rlimit cpu"), "it is the same on both sides");
}

fn nix_limit() -> (Option<u64>, Option<u64>) {
    let line = fs::read_to_string("/proc/self/limits").unwrap();
    let line = line.lines().find(|line| line.starts_with("Max open files")).unwrap().to_owned();
    let mut words = line.split_whitespace().skip(3).map(|word| word.parse().ok());
    (words.next().unwrap(), words.next().unwrap())
}

#[test]
fn filters_are_counted_and_what_they_refuse_is_a_finding() {
    let number = |facts: &Value| at(facts, "/inside/seccomp/filters").as_u64().unwrap();
    let default = facts(&[]);
    let outside = at(&default, "/outside/seccomp/filters").as_u64().unwrap();
    assert!(number(&default) > outside);
    assert_eq!(*at(&default, "/inside/sockets/AF_INET"), "made");
    assert_eq!(at(&default, "/inside/sockets/AF_PACKET")["unseen"], "EAFNOSUPPORT");
    // What strict and pure refuse is told, and what the kernel knows of the process is told all the same.
    for (settings, refused) in [
        (&["--profile", "strict"][..], &["/inside/sockets/AF_INET"][..]),
        (&["--seccomp", "pure", "--no-exec"], &["/inside/sockets/AF_INET", "/inside/processes", "/inside/securebits"]),
    ] {
        let facts = facts(settings);
        for place in refused {
            let answer = at(&facts, place);
            assert!(*answer == "EPERM" || answer["unseen"] == "EPERM", "{place}: {answer}");
        }
        assert_eq!(*at(&facts, "/inside/process/pid"), 1);
        assert_eq!(*at(&facts, "/inside/capabilities/bounding"), serde_json::json!([]));
        assert_eq!(*at(&facts, "/inside/names/hostname"), "sandbox");
        assert_eq!(fds(&facts, "inside"), [0, 1, 2]);
        assert!(at(&facts, "/inside/memory/taken").as_u64() > Some(0));
    }
    let strict = facts(&["--profile", "strict"]);
    assert_eq!(at(&strict, "/inside/processes")["unseen"], "ENOENT", "there is no /proc");
}

#[test]
fn what_kills_is_told_and_the_rest_is_found_out_without_it() {
    let facts = facts(&["--seccomp", "pure", "--seccomp-action", "kill"]);
    for place in ["/inside/processes", "/inside/securebits", "/inside/sockets/AF_INET", "/inside/landlock"] {
        assert_eq!(at(&facts, place)["unseen"], "SIGSYS", "{place}");
    }
    assert_eq!(*at(&facts, "/inside/process/pid"), 1);
    assert!(at(&facts, "/inside/memory/taken").as_u64() > Some(0));
    // Only the families that the filter refuses.
    let facts = self::facts(&["--seccomp-action", "kill"]);
    assert_eq!(*at(&facts, "/inside/sockets/AF_INET"), "made");
    assert_eq!(at(&facts, "/inside/sockets/AF_PACKET")["unseen"], "SIGSYS");
}

#[test]
fn a_filter_that_lets_nothing_be_said_is_a_refusal() {
    let ended = run(&["--seccomp-action", "kill", "--seccomp-deny", "write"]);
    assert_eq!((ended.code(), &*ended.out), (Some(125), ""), "{ended:?}");
    let said = ["sbx: killed by SIGSYS: ", "sbx: report: the process inside was killed by SIGSYS", "sbx: hint: "];
    assert!(ended.err.lines().zip(said).all(|(line, start)| line.starts_with(start)), "{ended:?}");
}

fn fds(facts: &Value, side: &str) -> Vec<u64> {
    let fds = at(facts, &format!("/{side}/fds")).as_array().unwrap().iter();
    fds.map(|fd| fd["fd"].as_u64().unwrap()).collect()
}

#[test]
fn descriptors_are_the_callers_and_then_the_programs() {
    let facts = facts_after("exec 7</dev/null 9>/dev/null", &["--keep-fd", "9"]);
    // Whoever runs the tests may have left more open.
    let outside = fds(&facts, "outside");
    assert!([0, 1, 2, 7, 9].iter().all(|fd| outside.contains(fd)), "{outside:?}");
    assert_eq!(fds(&facts, "inside"), [0, 1, 2, 9]);
    assert_eq!(at(&facts, "/inside/fds")[3]["what"], "/dev/null");
}

#[test]
fn closed_standard_descriptors_stay_closed() {
    let facts = facts_after("exec 0<&- 2>&-", &[]);
    assert!(fds(&facts, "outside").iter().all(|fd| *fd == 1 || *fd > 2), "{facts:#}");
    assert_eq!(fds(&facts, "inside"), [1]);
}

#[test]
fn with_a_program_the_table_comes_first_and_its_run_after() {
    let probe = bins::probe().to_str().unwrap();
    let ended = run(&["--hostname", "box", "--", probe, "exit", "7"]);
    assert_eq!((ended.code(), ended.out.as_str()), (Some(7), ""), "{ended:?}");
    assert!(ended.err.lines().any(|line| line.starts_with("* host name") && line.ends_with("box")), "{ended:?}");
    let ended = run(&["--as", "json", "--", probe, "report"]);
    assert!(ended.status.success() && ended.out.contains("hostname=sandbox"), "{ended:?}");
    let facts: Value = serde_json::from_str(&ended.err).unwrap();
    assert_eq!(*at(&facts, "/inside/process/pid"), 1);
    let killed = run(&["--", probe, "fault"]);
    assert_eq!(killed.signal(), Some(11), "{killed:?}");
}

#[test]
fn what_is_about_the_run_is_left_to_the_run() {
    let probe = bins::probe().to_str().unwrap();
    let dir = TempDir::new();
    let stats = dir.join("stats");
    let stats_name = stats.to_str().unwrap();
    let ended = run(&["--stats", stats_name, "--time-limit", "20s", "--", probe, "exit", "3"]);
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert_eq!(fs::read_to_string(&stats).unwrap().lines().count(), 1);
    fs::remove_file(&stats).unwrap();
    assert!(run(&["--stats", stats_name]).ok().contains("inside"));
    assert!(!stats.exists(), "without a program there is nothing to account for");
    // So short that the witness would not live through it.
    let facts = facts(&["--time-limit", "10ms"]);
    assert_eq!(*at(&facts, "/inside/memory/stopped_by"), "ENOMEM", "and not its end");
}

#[test]
fn a_sandbox_that_cannot_be_is_125_and_a_program_127() {
    run(&["--bind", "/nowhere/at/all:/mnt"]).refused_saying(&["mounts", "/nowhere/at/all"]);
    run(&["--share", "uts", "--hostname", "x"]).refused(125);
    run(&["--keep-fd", "77"]).refused_saying(&["77"]);
    run(&["--", "/nowhere/at/all"]).refused(127);
    for (args, said) in [
        (&["--as", "asm"][..], "expected one of table, json"),
        (&["--print-plan"], "--print-plan and --report: only one"),
        (&["--explain"], "--report has none"),
        (&["--learn", "/tmp/x"], "--report has none"),
    ] {
        run(args).refused_saying(&[said]);
    }
}

#[test]
fn the_witness_is_none_outside_and_none_by_accident() {
    need!("bash");
    // Called as it is called inside, by somebody who is not.
    let mut shell = Command::new("bash");
    clean_env(&mut shell).args(["-c", "exec -a sbx-witness \"$0\" 2 1048576"]).arg(bins::launcher());
    let ended = finish(shell, b"", TIMEOUT);
    assert_eq!(ended.code(), Some(127), "2 is a program that is not there: {ended:?}");
}

#[test]
fn nothing_but_a_terminal_gets_escape_codes() {
    let ended = run(&[]);
    let table = ended.ok();
    assert!(!table.contains('\x1b') && table.contains("outside") && table.ends_with("* differs"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 100 && line.trim_end() == line), "{table}");
}

#[test]
fn a_terminal_gets_colours_in_its_width_and_keeps_them_off_when_told() {
    need!("python3");
    let dir = TempDir::new();
    let script = dir.file("sized_terminal.py", include_str!("targets/sized_terminal.py"));
    let on_terminal = |columns: &str, env: &[(&str, &str)]| {
        let mut command = Command::new("sh");
        clean_env(&mut command).env("TERM", "xterm").envs(env.iter().copied());
        command.args(["-c", &format!("{LITTLE}; exec \"$@\""), "sh", "python3"]).arg(&script).arg(columns);
        command.arg(bins::launcher()).arg("--report");
        let ended = finish(command, b"", TIMEOUT);
        assert!(ended.status.success(), "{ended:?}");
        ended.out
    };
    let plain = |text: &str| {
        ["\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[0m"].iter().fold(text.to_owned(), |t, c| t.replace(c, ""))
    };
    for columns in [30, 60, 200] {
        let out = on_terminal(&columns.to_string(), &[]);
        assert!(out.contains("\x1b["), "{out}");
        let out = plain(&out);
        assert!(!out.contains('\x1b'), "other escape codes: {out:?}");
        for line in out.lines() {
            assert!(line.chars().count() <= columns, "{columns}: {line}");
        }
        let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in ["no_new_privs", "host name", "sandbox", "outside", "inside"] {
            assert!(words.contains(part), "{columns}: {part} in {out}");
        }
    }
    for env in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert!(!on_terminal("80", &[env]).contains('\x1b'), "{env:?}");
    }
    assert!(on_terminal("80", &[("NO_COLOR", "")]).contains('\x1b'), "an empty one says nothing, no-color.org");
}

#[test]
fn landlock_domains_are_counted() {
    let facts = facts(&[]);
    let landlock = at(&facts, "/outside/landlock");
    if landlock["unseen"].is_string() {
        assert!(["ENOSYS", "EOPNOTSUPP"].contains(&landlock["unseen"].as_str().unwrap()), "{landlock}");
        need!("landlock");
    }
    let before = landlock["domains"].as_u64().unwrap();
    // The probe puts two around itself, and becomes the launcher.
    let mut command = Command::new(bins::probe());
    clean_env(&mut command).args(["landlocked", "2"]).arg(bins::launcher()).args(["--report", "--as", "json"]);
    // Without new namespaces: Landlock refuses every mount.
    command.args(["--share", "user,mount,pid,net,ipc,uts,cgroup,time"]);
    let facts: Value = serde_json::from_str(finish(command, b"", TIMEOUT).ok()).unwrap();
    for side in ["outside", "inside"] {
        assert_eq!(*at(&facts, &format!("/{side}/landlock/domains")), before + 2, "{side}");
    }
}

#[test]
fn another_user_inside_can_be_looked_at_too() {
    for settings in [&["--uid", "0", "--gid", "7"][..], &["--uid", "5", "--init"]] {
        let facts = facts(settings);
        assert_eq!(at(&facts, "/inside/ids/uid").to_string(), settings[1]);
        assert_eq!(*at(&facts, "/inside/host_ids/uid"), nix::unistd::geteuid().as_raw());
        assert!(at(&facts, "/inside/root")["unseen"].is_null(), "{facts:#}");
        assert_eq!(*at(&facts, "/inside/process/pid"), if settings.contains(&"--init") { 2 } else { 1 });
    }
    if is_root() {
        let facts = facts(&["--share", "user", "--uid", "4321"]);
        assert_eq!(*at(&facts, "/inside/ids/uid"), 4321);
        assert_eq!(*at(&facts, "/inside/names/hostname"), "sandbox");
    }
}

#[test]
fn the_report_is_of_what_a_program_finds() {
    let settings = ["hostname=same", "rlimit=nofile=99", "cap-keep=kill"];
    let seen = Sandbox::new(Entry::Launch).with(&settings).report();
    let facts = facts(&["--hostname", "same", "--rlimit", "nofile=99", "--cap-keep", "kill"]);
    let mounts = at(&facts, "/inside/mounts").as_array().unwrap();
    let told: Vec<_> = mounts.iter().map(|mount| mount["target"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, seen.mounts().iter().map(|mount| mount.at.to_owned()).collect::<Vec<_>>());
    assert_eq!(at(&facts, "/inside/seccomp/filters").to_string(), seen.one("status.Seccomp_filters"));
    assert_eq!(at(&facts, "/inside/names/hostname").as_str(), Some(seen.one("hostname")));
    assert_eq!(at(&facts, "/inside/cwd").as_str(), Some(seen.one("cwd")));
    assert_eq!(at(&facts, "/inside/umask").as_str(), Some(format!("0{}", seen.one("umask")).as_str()));
}
