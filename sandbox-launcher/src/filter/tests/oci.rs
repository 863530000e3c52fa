use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const RULES: &str = r#"{
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS",
    "archMap": [{ "architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] }],
    "flags": ["SECCOMP_FILTER_FLAG_TSYNC"], "comment": "c",
    "syscalls": [
        { "names": ["read", "socketcall", "a_call_of_next_year"], "action": "SCMP_ACT_ALLOW", "args": [], "comment": "", "includes": {}, "excludes": {} },
        { "name": "write", "action": "SCMP_ACT_ALLOW", "args": null },
        { "names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{ "index": 0, "value": 0, "op": "SCMP_CMP_EQ" }] },
        { "names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{ "index": 0, "value": 4294967295, "valueTwo": 0, "op": "SCMP_CMP_EQ" }] },
        { "names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{ "index": 0, "value": 40, "op": "SCMP_CMP_NE" }] },
        { "names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{ "index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" }], "excludes": { "caps": ["CAP_SYS_ADMIN"], "arches": ["s390", "s390x"] } },
        { "names": ["clone"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_SYS_ADMIN"] } },
        { "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "errno": "EPERM", "excludes": { "caps": ["CAP_SYS_ADMIN"] } },
        { "names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": { "minKernel": "4.8" } },
        { "names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": { "minKernel": "6.2" } },
        { "names": ["open"], "action": "SCMP_ACT_ALLOW", "excludes": { "minKernel": "4.8" } },
        { "names": ["mmap"], "action": "SCMP_ACT_ALLOW", "includes": { "arches": ["amd64"] } },
        { "names": ["brk"], "action": "SCMP_ACT_ALLOW", "includes": { "arches": ["arm64"] } },
        { "names": ["reboot"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_SYS_BOOT", "CAP_KILL"] } },
        { "names": ["mount"], "action": "SCMP_ACT_KILL_PROCESS" },
        { "names": ["setns"], "action": "SCMP_ACT_KILL" },
        { "names": ["dup"], "action": "SCMP_ACT_TRAP" },
        { "names": ["dup2"], "action": "SCMP_ACT_TRACE", "errnoRet": 5 },
        { "names": ["dup3"], "action": "SCMP_ACT_LOG" },
        { "names": ["pipe"], "action": "SCMP_ACT_NOTIFY" },
        { "names": ["pipe2"], "action": "SCMP_ACT_ERRNO" }
    ]
}"#;

#[test]
fn a_profile_means_what_docker_and_runc_take_it_for() {
    let compile = |kept| program(super::super::oci::compile(&source(RULES), &Surroundings { kept, kernel: (6, 1) }));
    let plain = compile(0);
    let enosys = ERRNO | 38;
    let first = |arg| [arg, 0, 0, 0, 0, 0];
    for (name, arg, expected) in [
        ("read", 0, ALLOW),
        ("write", 0, ALLOW),
        ("close", 0, enosys),
        ("personality", 0, ALLOW),
        ("personality", 0xffff_ffff, ALLOW),
        ("personality", 8, enosys),
        ("socket", 2, ALLOW),
        ("socket", 40, enosys),
        // Here libseccomp's 64 bits are passed by.
        ("socket", 40 | 1 << 32, enosys),
        ("clone", 0x11, ALLOW),
        ("clone", 0x1000_0000, enosys),
        ("clone", 0x1000_0000 | 1 << 40, enosys),
        ("clone3", 0, ERRNO | 1),
        ("ptrace", 0, ALLOW),
        ("bpf", 0, enosys),
        ("open", 0, enosys),
        ("mmap", 0, ALLOW),
        ("brk", 0, enosys),
        ("reboot", 0, enosys),
        ("mount", 0, KILL_PROCESS),
        ("setns", 0, KILL_THREAD),
        ("dup", 0, TRAP),
        ("dup2", 0, TRACE | 5),
        ("dup3", 0, LOG),
        ("pipe", 0, NOTIFY),
        ("pipe2", 0, ERRNO | 1),
    ] {
        assert_eq!(answer(&plain, name, first(arg)), expected, "{name} {arg:#x}");
    }
    guards(&plain, enosys);
    let admin = compile(1 << 21);
    assert_eq!((answer(&admin, "clone", first(0x1000_0000)), answer(&admin, "clone3", [0; 6])), (ALLOW, enosys));
    assert_eq!(answer(&compile(1 << 22), "reboot", [0; 6]), enosys, "all of several capabilities are needed");
    assert_eq!(answer(&compile(1 << 22 | 1 << 5), "reboot", [0; 6]), ALLOW);
}

#[test]
fn conditions_on_one_argument_twice_are_rules_of_their_own() {
    let text = r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
        {"names":["write"],"action":"SCMP_ACT_ALLOW","args":[
            {"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":0,"value":2,"op":"SCMP_CMP_EQ"},{"index":2,"value":9,"op":"SCMP_CMP_LT"}]},
        {"names":["read"],"action":"SCMP_ACT_ALLOW","args":[
            {"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":2,"value":9,"op":"SCMP_CMP_LT"}]}]}"#;
    let program = oci(text);
    for (args, write, read) in [
        ([1, 0, 50, 0, 0, 0], true, false),
        ([2, 0, 50, 0, 0, 0], true, false),
        ([1, 0, 5, 0, 0, 0], true, true),
        ([3, 0, 50, 0, 0, 0], false, false),
    ] {
        assert_eq!((answer(&program, "write", args) == ALLOW, answer(&program, "read", args) == ALLOW), (write, read));
    }
}

#[test]
fn a_refusal_is_never_lost_with_its_name() {
    let profile = |action: &str, name: &str| {
        let text = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [name], "action": action}]});
        super::super::oci::compile(&source(&text.to_string()), &Surroundings { kept: 0, kernel: (6, 1) })
    };
    for action in ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_TRAP", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY"] {
        assert!(profile(action, "wirte").is_err(), "{action}");
        // Calls of architectures that are killed, and what the kernel calls umount2.
        assert!(profile(action, "socketcall").is_ok() && profile(action, "waitpid").is_ok(), "{action}");
        assert_ne!(answer(&program(profile(action, "umount")), "umount2", [0; 6]), ALLOW, "{action}");
    }
    assert!(profile("SCMP_ACT_ALLOW", "wirte").is_ok());
}

#[test]
fn of_rules_that_overlap_the_strictest_decides() {
    let rules = |rules: Value| oci(&json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}).to_string());
    let (all, one) = (json!([]), json!([{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]));
    for turned in [false, true] {
        let mut both = [
            json!({"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": all}),
            json!({"names": ["read"], "action": "SCMP_ACT_KILL", "args": one}),
        ];
        if turned {
            both.reverse();
        }
        let program = rules(json!(both));
        assert_eq!((answer(&program, "read", [1; 6]), answer(&program, "read", [2; 6])), (KILL_THREAD, ALLOW));
    }
}

const NAMES: [(&str, &[u32]); 4] = [
    ("write", &[32, 64, 64]),
    ("openat", &[32, 64, 32, 16]),
    ("socket", &[32, 32, 32]),
    ("mremap", &[64, 64, 64, 64, 64]),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_profile_is_answered_as_it_reads(seed in any::<u64>()) {
        let dice = &mut Dice(seed);
        let actions = [
            ("SCMP_ACT_ALLOW", ALLOW), ("SCMP_ACT_LOG", LOG), ("SCMP_ACT_TRACE", TRACE), ("SCMP_ACT_NOTIFY", NOTIFY),
            ("SCMP_ACT_ERRNO", ERRNO), ("SCMP_ACT_TRAP", TRAP), ("SCMP_ACT_KILL", KILL_THREAD),
            ("SCMP_ACT_KILL_THREAD", KILL_THREAD), ("SCMP_ACT_KILL_PROCESS", KILL_PROCESS),
        ];
        let action = |dice: &mut Dice| {
            let (name, answer) = dice.pick(&actions);
            let number = (dice.roll(2) == 0).then(|| dice.roll(4096) as u32);
            let carries = answer == ERRNO || answer == TRACE;
            (name, number, if carries { answer | number.unwrap_or(1) } else { answer })
        };
        let (default_name, default_number, default) = action(dice);
        let mut profile = json!({ "defaultAction": default_name });
        if let Some(number) = default_number {
            profile["defaultErrnoRet"] = number.into();
        }
        // The call, its conditions, and what is answered when they hold.
        type Condition = (usize, u64, u64, &'static str);
        let mut rules: Vec<(usize, Vec<Condition>, u32)> = Vec::new();
        let mut written = Vec::new();
        for _ in 0..dice.roll(8) {
            let call = dice.roll(4) as usize;
            let (name, number, answer) = action(dice);
            let mut conditions: Vec<Condition> = Vec::new();
            for _ in 0..dice.roll(4) {
                let index = dice.roll(NAMES[call].1.len() as u64) as usize;
                let mask = u64::MAX >> (64 - NAMES[call].1[index]);
                let ops = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
                conditions.push((index, word(dice) & mask, word(dice) & mask, dice.pick(&ops)));
            }
            let args: Vec<Value> = conditions.iter().map(|(index, value, two, op)| {
                json!({ "index": index, "value": value, "valueTwo": two, "op": format!("SCMP_CMP_{op}") })
            }).collect();
            let mut rule = json!({ "names": [NAMES[call].0], "action": name, "args": args });
            if let Some(number) = number {
                rule["errnoRet"] = number.into();
            }
            written.push(rule);
            rules.push((call, conditions, answer));
        }
        profile["syscalls"] = written.into();
        let text = profile.to_string();
        let program = oci(&text);
        for _ in 0..60 {
            let call = dice.roll(4) as usize;
            let args: [u64; 6] = std::array::from_fn(|_| word(dice));
            let holds = |&(index, value, two, op): &Condition| {
                let arg = args[index] & (u64::MAX >> (64 - NAMES[call].1[index]));
                match op {
                    "NE" => arg != value,
                    "LT" => arg < value,
                    "LE" => arg <= value,
                    "EQ" => arg == value,
                    "GE" => arg >= value,
                    "GT" => arg > value,
                    _ => arg & value == two & value,
                }
            };
            let matches = |conditions: &[Condition]| {
                let twice = conditions.iter().enumerate().any(|(at, one)| conditions[..at].iter().any(|o| o.0 == one.0));
                if twice { conditions.iter().any(holds) } else { conditions.iter().all(holds) }
            };
            // What says the default is no rule. Equally strict ones with different numbers: either may decide.
            let found: Vec<u32> = rules.iter()
                .filter(|(known, conditions, answer)| *known == call && *answer != default && matches(conditions))
                .map(|(_, _, answer)| *answer)
                .collect();
            let strictest = found.iter().copied().max_by_key(|answer| severity(*answer));
            let got = answer(&program, NAMES[call].0, args);
            match strictest {
                None => prop_assert_eq!(got, default, "{} {} {:x?}", text, NAMES[call].0, args),
                Some(strictest) => prop_assert!(
                    found.contains(&got) && severity(got) == severity(strictest),
                    "{} {} {:x?}: {:#x}", text, NAMES[call].0, args, got
                ),
            }
        }
        let stricter = severity(default) > severity(ERRNO);
        guards(&program, if stricter { default } else { ERRNO | 38 });
    }
}
