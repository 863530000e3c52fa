//! Filters written by the user: in Kafel, as OCI JSON, and compiled.
//!
//! What each policy means is tested beside the compilers; here is what the kernel makes of it, and of what libseccomp makes
//! of the same.

use std::fs;
use std::process::Command;

use libc::sock_filter;
use serde_json::{Value, json};

use crate::need;
use crate::support::dice::Dice;
use crate::support::ended::TIMEOUT;
use crate::support::sandbox::clean_env;
use crate::support::{ENTRIES, Ended, Entry, Sandbox, TempDir, bins, finish};

// What of it is not used here, the engine's tests use.
#[allow(dead_code)]
#[path = "../sandbox-filter/src/tests/eval.rs"]
mod eval;
use eval::{Call, ret, stacked};

const TOASTER: &str = include_str!("../examples/toaster.kafel");
const CONTAINER: &str = include_str!("policies/container.json");

fn with(policy: &str) -> Sandbox {
    Sandbox::new(Entry::Launch).set("seccomp-string", policy)
}

fn launch(args: &[&str]) -> Ended {
    let mut command = Command::new(bins::launcher());
    clean_env(&mut command).args(args);
    finish(command, b"", TIMEOUT)
}

/// The same sandbox by way of printed variables, without the launcher.
fn without_launcher(args: &[&str], act: &[&str]) -> Ended {
    let printed = launch(&[args, &["--print-env"]].concat());
    let mut command = Command::new("sh");
    clean_env(&mut command).arg("-c").arg(format!("{}\nexec \"$0\" \"$@\"", printed.ok())).arg(bins::probe()).args(act);
    finish(command, b"", TIMEOUT)
}

/// The program that a policy compiles to, from what is printed for use without the launcher.
fn compiled(args: &[&str]) -> Vec<sock_filter> {
    let printed = launch(&[args, &["--print-policy"]].concat());
    let hex = printed.ok().lines().find_map(|line| line.strip_prefix("seccomp = \"bpf:")?.strip_suffix('"')).unwrap();
    let field = |at: usize, digits: usize| u32::from_str_radix(&hex[at..at + digits], 16).unwrap();
    let insn = |at: usize| sock_filter {
        code: field(at, 4) as u16,
        jt: field(at + 4, 2) as u8,
        jf: field(at + 6, 2) as u8,
        k: field(at + 8, 8),
    };
    (0..hex.len()).step_by(16).map(insn).collect()
}

/// The numbers of the names in the toaster's policy, one of which the kernel's table spells otherwise.
fn toasters() -> Vec<String> {
    let names = TOASTER.split(['{', '}']).nth(2).unwrap().split(',').map(str::trim);
    let mut numbers: Vec<i64> = names.map(|name| number(if name == "umount" { "umount2" } else { name })).collect();
    numbers.sort_unstable();
    numbers.iter().map(i64::to_string).collect()
}

fn number(name: &str) -> i64 {
    // The names that the libc crate has no constant for are no longer made.
    let gone = [("create_module", 174), ("get_kernel_syms", 177), ("query_module", 178), ("nfsservctl", 180)];
    let gone = gone.iter().find(|(known, _)| *known == name).map(|(_, nr)| *nr);
    gone.or_else(|| crate::support::syscalls::number(name)).unwrap_or_else(|| panic!("{name}"))
}

fn strings(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

#[test]
fn the_toasters_calls_are_killed_and_no_others() {
    let expected = [toasters(), vec!["end".into()]].concat();
    assert_eq!(expected.len(), 58);
    let ended = with(TOASTER).probe(&["fates"]);
    assert_eq!((ended.code(), ended.out.lines().collect::<Vec<_>>()), (Some(0), strings(&expected)));
    let alone = without_launcher(&["--seccomp-string", TOASTER], &["fates"]);
    assert_eq!((alone.code(), alone.out.lines().collect::<Vec<_>>()), (Some(0), strings(&expected)));
    // The control: without it nothing is killed.
    assert_eq!(Sandbox::new(Entry::Launch).set("seccomp", "none").probe(&["fates"]).ok(), "end");
    // It is shipped too.
    for entry in ENTRIES {
        let shipped = Sandbox::new(entry).set("seccomp", "toaster").probe(&["fates"]);
        assert_eq!((shipped.code(), shipped.out.lines().collect::<Vec<_>>()), (Some(0), strings(&expected)));
    }
}

#[test]
fn every_action_is_seen_through_the_kernel() {
    let policy = |action: &str| format!("{action} {{ symlink }} DEFAULT ALLOW");
    let call = ["calls", "symlink:far:far"];
    for (action, answer) in [
        ("ERRNO(7)", "E2BIG"),
        ("LOG", "EFAULT"),
        ("ALLOW", "EFAULT"),
        ("TRACE(1)", "ENOSYS"),
        ("USER_NOTIF", "ENOSYS"),
    ] {
        assert_eq!(with(&policy(action)).probe(&call).ok(), answer, "{action}");
    }
    for action in ["KILL", "KILL_THREAD", "DENY", "KILL_PROCESS", "TRAP(3)"] {
        let ended = with(&policy(action)).probe(&call);
        assert_eq!((ended.signal(), &*ended.out), (Some(libc::SIGSYS), ""), "{action}: {ended:?}");
    }
    let trapped = ["trapped", "symlink:far:far"];
    assert_eq!(with(&policy("TRAP(3)")).probe(&trapped).ok(), "Some(3)");
    assert_eq!(with(&policy("ALLOW")).probe(&trapped).ok(), "None");
    // One thread dies, or all do.
    let in_thread = ["thread-call", "symlink:far:far"];
    assert_eq!(with(&policy("KILL_THREAD")).probe(&in_thread).out, "1 left\n");
    assert_eq!(with(&policy("KILL_PROCESS")).probe(&in_thread).signal(), Some(libc::SIGSYS));
    assert_eq!(with(&policy("ERRNO(1)")).probe(&in_thread).ok(), "EPERM\n1 left");
}

#[test]
fn several_actions_and_arguments_stand_in_one_policy() {
    let policy =
        "ERRNO(1) { dup { fildes == 77 } } ERRNO(2) { dup { fildes > 77 && fildes <= 80 }, lseek { offset == -1 } }
                  ERRNO(3) { lseek { offset > 0xffffffff } } DEFAULT ALLOW";
    let answers = with(policy).probe(&[
        "calls",
        "dup:77",
        "dup:0x10000004d",
        "dup:80",
        "dup:81",
        "lseek:-1:-1:0",
        "lseek:-1:0x100000000:0",
        "lseek:-1:1:0",
    ]);
    assert_eq!(answers.ok(), "EPERM\nEPERM\nENOENT\nEBADF\nENOENT\nESRCH\nEBADF");
}

/// The kernel drops the high half of these descriptors, whatever it declares them.
#[test]
fn no_high_bit_passes_a_rule_by() {
    let calls =
        ["calls", "dup:0x100000001", "writev:0x100000001:buf:0", "write:0x100000001:buf:0", "fchmod:-1:0x10000"];
    let policy =
        "ERRNO(13) { dup { fildes == 1 }, writev { fd == 1 }, write { fd == 1 && count == 0 }, fchmod { mode == 0 } }
                  DEFAULT ALLOW";
    assert_eq!(with(policy).probe(&calls).ok(), ["EACCES"; 4].join("\n"));
    assert_eq!(with("DEFAULT ALLOW").probe(&calls).ok(), "ok\nok\nok\nEBADF", "the control");
}

#[test]
fn foreign_architectures_and_unknown_numbers_stay_refused_under_any_policy() {
    let here = crate::support::bare(bins::probe(), &["calls", "int80"]);
    let dir = TempDir::new();
    let json = dir.file("all.json", r#"{"defaultAction":"SCMP_ACT_ALLOW","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"]}]}"#);
    let hand_written = "bpf:000600007fff0000";
    let all = [("seccomp-string", "DEFAULT ALLOW"), ("seccomp", json.to_str().unwrap()), ("seccomp", hand_written)];
    for (name, value) in all {
        let sandbox = Sandbox::new(Entry::Launch).set(name, value);
        let calls =
            ["calls", "x32.getpid", "x32.ioctl:0:0x5412:buf", "512:0", "547:0", "511:0", "999:0", "4294967295:0"];
        assert_eq!(sandbox.probe(&calls).ok(), ["ENOSYS"; 7].join("\n"), "{value}");
        assert_eq!(sandbox.probe(&["calls", "personality:0x400000"]).ok(), "ok", "{value}");
        if here.signal().is_none() {
            assert_eq!(sandbox.probe(&["calls", "int80"]).signal(), Some(libc::SIGSYS), "{value}");
        }
    }
}

#[test]
fn restrictions_hold_beside_a_policy_that_allows_everything() {
    let everything = with("DEFAULT ALLOW");
    assert_eq!(everything.clone().set("no-exec", "true").probe(&["exec", "/bin/true"]).ok(), "EPERM");
    assert_eq!(everything.probe(&["exec", "/bin/true"]).ok(), "", "the control");
    let no_code = everything.clone().with(&["no-new-code", "proc=ro"]);
    assert_eq!(no_code.probe(&["calls", "mmap-exec"]).ok(), "EPERM");
    assert_eq!(everything.probe(&["calls", "mmap-exec"]).ok(), "ok", "the control");
    assert_eq!(everything.clone().set("net", "filter").probe(&["calls", "socket:2:1:0"]).ok(), "EAFNOSUPPORT");
    assert_eq!(everything.clone().set("net", "host").probe(&["calls", "socket:2:1:0"]).ok(), "ok", "the control");
    assert_eq!(everything.clone().set("seccomp-deny", "symlink").probe(&["calls", "symlink:far:far"]).ok(), "EPERM");
    assert_eq!(everything.probe(&["calls", "symlink:far:far"]).ok(), "EFAULT", "the control");
}

/// The library that is loaded again inside knows that it is inside.
#[test]
fn a_process_under_any_policy_is_known_to_be_inside() {
    let (shown, probe) = (bins::library().parent().unwrap(), bins::probe().parent().unwrap());
    for policy in ["DEFAULT ALLOW", TOASTER] {
        let sandbox = with(policy).set("bind-ro", shown).set("bind-ro", probe);
        let script = format!("LD_PRELOAD={} SBX_HOSTNAME=x exec \"$0\" report", bins::library().display());
        let again = sandbox.run("sh", &["-c", &script, bins::probe().to_str().unwrap()]);
        assert_eq!(again.code(), Some(125), "{again:?}");
        assert!(again.err.contains("inside a sandbox already"), "{again:?}");
    }
}

#[test]
fn a_policy_that_refuses_what_ends_setup_is_loaded_after_it() {
    for entry in ENTRIES {
        for (deny, act, answer) in [("write", "write:1:buf:1", "EPERM"), ("close", "close:99", "EPERM")] {
            let sandbox = Sandbox::new(entry).set("seccomp-deny", deny);
            // Its outcome cannot be said where write is refused, but by its exit code.
            if deny == "close" {
                assert_eq!(sandbox.probe(&["calls", act]).ok(), answer);
            } else {
                let ended = sandbox.probe(&["exit", "7"]);
                assert_eq!((ended.code(), &*ended.out), (Some(7), ""), "{ended:?}");
                assert_eq!(sandbox.probe(&["calls", "getpid"]).out, "", "it could be written");
                let with_init = sandbox.clone().set("init", "true").probe(&["exit", "7"]);
                assert_eq!(with_init.code(), Some(7), "{with_init:?}");
            }
        }
    }
    // Killed at the first call that setup ends with, did it come after.
    for policy in [
        "KILL_PROCESS { write } DEFAULT ALLOW",
        "KILL { write { fd > 2 } } DEFAULT ALLOW",
        "ERRNO(9) { read, write, close } DEFAULT ALLOW",
    ] {
        let ended = with(policy).probe(&["exit", "7"]);
        assert_eq!(ended.code(), Some(7), "{policy}: {ended:?}");
    }
    // Programs close what they have opened; a shell that has opened nothing does not.
    let ended = with("KILL { close } DEFAULT ALLOW").run("sh", &["-c", "exit 7"]);
    assert_eq!(ended.code(), Some(7), "{ended:?}");
    let ended = with("KILL_PROCESS { write } DEFAULT ALLOW").probe(&["calls", "getpid"]);
    assert_eq!(ended.signal(), Some(libc::SIGSYS), "{ended:?}");
    with("KILL { write } DEFAULT ALLOW").set("status-fd", "2").probe(&["exit", "7"]).refused_saying(&["status-fd"]);
}

#[test]
fn a_profile_as_containers_have_it_loads() {
    let dir = TempDir::new();
    let file = dir.file("container.json", CONTAINER);
    let profile: Value = serde_json::from_str(CONTAINER).unwrap();
    let rules = profile["syscalls"].as_array().unwrap();
    assert!(rules.iter().map(|rule| rule["names"].as_array().unwrap().len()).sum::<usize>() > 350);
    let sandbox = Sandbox::new(Entry::Launch).set("seccomp", &*file);
    let calls = [
        "calls",
        "getpid",
        "mount:0:far:0:0:0",
        "ptrace:99:1",
        "clone3:far:0",
        "personality:0x400000",
        "personality:0",
        "keyctl:999",
    ];
    assert_eq!(sandbox.probe(&calls).ok(), "ok\nEPERM\nESRCH\nENOSYS\nEPERM\nok\nEPERM");
    assert_eq!(
        sandbox.probe(&["calls", "clone:0x10000000:0:0:0:0", "socket:40:1:0", "socket:0x100000028:1:0"]).ok(),
        "EPERM\nEPERM\nEPERM"
    );
    for program in ["/bin/true", "/bin/ls"] {
        assert_eq!(sandbox.run(program, &["/"]).code(), Some(0), "{program}");
    }
    // With the capability that a rule asks for the rule is there.
    let admin = sandbox.clone().set("cap-keep", "sys_admin");
    assert_eq!(admin.probe(&["calls", "mount:0:far:0:0:0"]).ok(), "EFAULT");
}

/// A filter, what the probe tries, what it is answered, and what it is answered without.
const SHIPPED: &[(&str, &str, &str, &str)] = &[
    ("pure", "openat:-100:s=/dev/null:0", "EPERM", "ok"),
    ("pure", "mmap-exec", "EPERM", "ok"),
    ("pure", "socket:2:1:0", "EPERM", "ok"),
    ("net-client", "listen:-1:1", "EPERM", "EBADF"),
    ("net-client", "accept4:-1:0:0:0", "EPERM", "EBADF"),
    ("net-server", "connect:-1:far:0", "EPERM", "EBADF"),
    ("net-server", "sendto:-1:buf:1:0x20000000:0:0", "EPERM", "EBADF"),
    ("net-server", "sendmsg:-1:far:0x20000000", "EPERM", "EBADF"),
    ("toaster", "io_setup:0:far", "killed", "EFAULT"),
];

#[test]
fn shipped_filters_refuse_what_they_are_for() {
    for entry in ENTRIES {
        for (filter, call, answer, without) in SHIPPED {
            let ended = Sandbox::new(entry).set("seccomp", filter).probe(&["calls", call]);
            match *answer {
                "killed" => assert_eq!(ended.signal(), Some(libc::SIGSYS), "{filter} {call}: {ended:?}"),
                answer => assert_eq!(ended.ok(), answer, "{filter} {call}"),
            }
            assert_eq!(Sandbox::new(entry).probe(&["calls", call]).ok(), *without, "{filter} {call}: the control");
        }
        let pure = Sandbox::new(entry).set("seccomp", "pure");
        assert_eq!(pure.clone().input("text").probe(&["copy"]).ok(), "textok");
        assert_eq!(pure.probe(&["exit", "7"]).code(), Some(7));
        // Debuggers and sandboxes inside.
        let dev = Sandbox::new(entry).set("seccomp", "dev");
        for (call, answer) in [("ptrace:99:1", "ESRCH"), ("unshare:0x10000000", "ok"), ("setns:-1:0", "EBADF")] {
            assert_eq!(Sandbox::new(entry).probe(&["calls", call]).ok(), "EPERM", "{call}: the control");
            assert_eq!(dev.probe(&["calls", call]).ok(), answer, "{call}");
        }
        assert_eq!(dev.probe(&["calls", "io_uring_setup:0:far", "keyctl:999"]).ok(), "ENOSYS\nEPERM");
    }
}

#[test]
fn the_bare_library_sends_policies_to_the_launcher() {
    for (name, value) in [("seccomp", "./policy.kafel"), ("seccomp-string", "DEFAULT ALLOW")] {
        let refused = Sandbox::new(Entry::Preload).set(name, value).probe(&["report"]);
        refused.refused_saying(&[name, "sbx-launch compiles it"]);
    }
    let bad = Sandbox::new(Entry::Preload).set("seccomp", "bpf:0006000000000000").probe(&["report"]);
    bad.refused_saying(&["by which a process inside is known"]);
    Sandbox::new(Entry::Preload)
        .set("seccomp", "bpf:00ff000000000000")
        .probe(&["report"])
        .refused_saying(&["instruction 0"]);
}

#[test]
fn mistakes_in_a_policy_are_shown_where_they_are() {
    let dir = TempDir::new();
    let file = dir.file("app.kafel", "ALLOW { read,\n\twirte }\n");
    let json = dir.file("app.json", "{\"defaultAction\": \"SCMP_ACT_KIL\"}");
    let path = file.to_str().unwrap();
    let probe = bins::probe().to_str().unwrap();
    let ended = launch(&["--seccomp", path, probe, "report"]);
    let expected = format!("sbx: policy: {path}:2:2: no system call is named wirte\nsbx: | \twirte }}\nsbx: | \t^\n");
    assert_eq!((ended.code(), &*ended.err, &*ended.out), (Some(125), &*expected, ""));
    let ended = launch(&["--seccomp", json.to_str().unwrap(), probe, "report"]);
    assert!(
        ended.code() == Some(125) && ended.err.contains("app.json:1:") && ended.err.contains("SCMP_ACT_KIL"),
        "{ended:?}"
    );
    let ended = launch(&["--seccomp-string", "ALLOW { read", probe, "report"]);
    assert!(ended.code() == Some(125) && ended.err.contains("--seccomp-string:1:13: expected '}'"), "{ended:?}");
    for missing in ["/nowhere/x.kafel", "./nowhere", dir.to_str().unwrap()] {
        let ended = launch(&["--seccomp", missing, probe, "report"]);
        assert!(ended.code() == Some(125) && ended.err.contains(missing) && ended.out.is_empty(), "{ended:?}");
    }
}

#[test]
fn the_strongest_spelling_chooses_and_one_spelling_chooses_once() {
    let dir = TempDir::new();
    let policy = dir.file("policy.toml", "seccomp = \"sub/a.kafel\"\n");
    fs::create_dir(dir.join("sub")).unwrap();
    fs::write(dir.join("sub/a.kafel"), "#include \"b.kafel\"\nDEFAULT ALLOW").unwrap();
    fs::write(dir.join("sub/b.kafel"), "ERRNO(5) { symlink }").unwrap();
    let (policy, probe) = (policy.to_str().unwrap(), bins::probe().to_str().unwrap());
    let act = [probe, "calls", "symlink:far:far"];
    let answer = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(bins::launcher());
        clean_env(&mut command).args(args).args(act).envs(variables.iter().copied());
        finish(command, b"", TIMEOUT).ok().to_owned()
    };
    let file = ["--policy", policy];
    let string = ("SBX_SECCOMP_STRING", "ERRNO(6) { symlink } DEFAULT ALLOW");
    assert_eq!(answer(&file, &[]), "EIO", "files are found beside the policy file");
    assert_eq!(answer(&file, &[string]), "ENXIO");
    assert_eq!(answer(&["--policy", policy, "--seccomp", "none"], &[string]), "EFAULT");
    assert_eq!(answer(&["--profile", "strict", "--dev=host"], &[string]), "ENXIO");
    let both = launch(&["--seccomp", "none", "--seccomp-string", "DEFAULT ALLOW", probe, "report"]);
    both.refused_saying(&["--seccomp-string", "--seccomp chooses a filter too"]);
    let ended = launch(&["--seccomp-string", "DEFAULT ALLOW", "--seccomp-allow", "mount", probe, "report"]);
    ended.refused_saying(&["seccomp-allow"]);
}

#[test]
fn a_printed_filter_is_the_filter() {
    let args = ["--seccomp-string", TOASTER, "--no-exec"];
    let asm = launch(&[&args[..], &["--print-filter"]].concat());
    assert!(asm.ok().contains("; program 1 of 2") && asm.out.contains("kill_thread"), "{asm:?}");
    let dir = TempDir::new();
    for (form, name) in [("kafel", "printed.kafel"), ("json", "printed.json")] {
        let printed = launch(&[&args[..], &["--print-filter", "--as", form]].concat());
        let file = dir.file(name, printed.ok());
        let again = compiled(&["--seccomp", file.to_str().unwrap()]);
        let loaded = [compiled(&args)];
        // execve and execveat; and setpriority(2) of a group, which what is printed refuses as every filter around it does.
        for nr in (0..=470).filter(|nr| ![59, 141, 322].contains(nr)) {
            let call = Call::new(nr, [1; 6]);
            assert_eq!(ret(&again, &call), stacked(&loaded, &call), "{form} {nr}");
        }
        assert_eq!(ret(&again, &Call::new(59, [0; 6])), 0x0005_0001, "{form}");
    }
    launch(&["--as", "asm", "--print-plan"]).refused_saying(&["--as"]);
    launch(&["--print-filter", "--as", "c"]).refused_saying(&["asm, kafel, json"]);
}

/// Where libseccomp and we read rules alike: one action beside the default's for each call, and arguments of which the
/// kernel looks at every bit that is set.
#[test]
fn profiles_are_answered_as_by_libseccomp() {
    need!("cc", "libseccomp");
    let dir = TempDir::new();
    let helper = dir.join("scmp");
    let source = dir.file("scmp.c", include_str!("targets/scmp.c"));
    let built = Command::new("cc").args(["-o", helper.to_str().unwrap()]).arg(&source).arg("-lseccomp").status();
    assert!(built.unwrap().success());
    let calls: [(&str, u32, u64); 6] =
        [("write", 1, 3), ("openat", 257, 3), ("socket", 41, 3), ("mmap", 9, 6), ("clone", 56, 2), ("ioctl", 16, 3)];
    let actions: [(&str, u32); 6] = [
        ("SCMP_ACT_ALLOW", 0x7fff_0000),
        ("SCMP_ACT_LOG", 0x7ffc_0000),
        ("SCMP_ACT_ERRNO", 0x0005_0005),
        ("SCMP_ACT_TRAP", 0x0003_0000),
        ("SCMP_ACT_KILL_THREAD", 0),
        ("SCMP_ACT_KILL_PROCESS", 0x8000_0000),
    ];
    let ops = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
    let words = [0, 1, 2, 3, 7, 8, 40, 64, 0xff, 0x1000_0000, 0x7e02_0000, 0xffff_ffff];
    let dice = &mut Dice(20_261_122);
    let index = |sides: usize, dice: &mut Dice| dice.roll(sides as u64) as usize;
    for round in 0..60 {
        let default = index(actions.len(), dice);
        let mut input = format!("default {}\n", actions[default].1);
        let mut rules = Vec::new();
        for (name, _, arguments) in calls {
            let action = index(actions.len(), dice);
            if action == default {
                continue;
            }
            let several = dice.roll(4);
            for _ in 0..several {
                let mut free: Vec<u64> = (0..arguments).collect();
                let (mut args, mut line) = (Vec::new(), String::new());
                for _ in 0..dice.roll(3).min(arguments) {
                    let arg = free.remove(index(free.len(), dice));
                    // Of several rules with negations or inequalities of one argument libseccomp 2.5.4 makes a tree in
                    // which a call that fits none gets the answer of one.
                    let op = if several == 1 { index(ops.len(), dice) } else { [3, 6][index(2, dice)] };
                    let (a, b) = (words[index(words.len(), dice)], words[index(words.len(), dice)]);
                    args.push(json!({"index": arg, "value": a, "valueTwo": b, "op": format!("SCMP_CMP_{}", ops[op])}));
                    line.push_str(&format!(" {arg} {} {a} {b}", op + 1));
                }
                input.push_str(&format!("{} {name} {}{line}\n", actions[action].1, args.len()));
                let mut rule = json!({"names": [name], "action": actions[action].0, "args": args});
                if actions[action].0 == "SCMP_ACT_ERRNO" {
                    rule["errnoRet"] = 5.into();
                }
                rules.push(rule);
            }
        }
        let mut profile = json!({"defaultAction": actions[default].0, "syscalls": rules});
        if actions[default].0 == "SCMP_ACT_ERRNO" {
            profile["defaultErrnoRet"] = 5.into();
        }
        let file = dir.file(format!("{round}.json"), profile.to_string());
        let ours = compiled(&["--seccomp", file.to_str().unwrap()]);
        let theirs = libseccomps(&helper, &input);
        for (_, nr, _) in calls {
            for _ in 0..200 {
                let args = std::array::from_fn(|_| words[index(words.len(), dice)] ^ dice.roll(2));
                let call = Call::new(nr, args);
                assert_eq!(ret(&ours, &call), ret(&theirs, &call), "{profile} {input} {call:x?}");
            }
        }
        for nr in (0..=334).filter(|nr| calls.iter().all(|(_, known, _)| known != nr)) {
            assert_eq!(ret(&ours, &Call::new(nr, [0; 6])), actions[default].1, "{nr}");
        }
        // libseccomp answers x32 with its own "bad architecture", which we do not let a policy choose.
        for nr in [0x4000_0000, 0x4000_0001, u32::MAX] {
            assert!((ret(&ours, &Call::new(nr, [0; 6])) & 0xffff_0000).cast_signed() <= 0x0005_0000);
        }
    }
}

fn libseccomps(helper: &std::path::Path, input: &str) -> Vec<sock_filter> {
    use std::io::Write;
    use std::process::Stdio;
    let mut child = Command::new(helper).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{:?} {input}", out.status);
    let insn = |bytes: &[u8]| sock_filter {
        code: u16::from_ne_bytes([bytes[0], bytes[1]]),
        jt: bytes[2],
        jf: bytes[3],
        k: u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
    };
    out.stdout.chunks_exact(8).map(insn).collect()
}
