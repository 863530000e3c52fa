use sandbox_core::policy::Policy;
use sandbox_core::setting::{self, Assignment, Origin};

use serde_json::Value;

use super::*;
use crate::filter::show::{Form, filter as show};

fn policy(settings: &[(&str, &str)]) -> Policy {
    let say = |&(name, text): &(&str, &str)| Assignment {
        setting: setting::named(name).unwrap(),
        text: text.into(),
        origin: Origin::Flag,
    };
    Policy::new(&settings.iter().map(say).collect::<Vec<_>>()).unwrap()
}

fn shown(settings: &[(&str, &str)], form: Form) -> Result<String, String> {
    let text = show(&policy(settings), None, form).map_err(|error| error.message())?;
    Ok(String::from_utf8(text).unwrap())
}

/// What is loaded for these settings and what the printed policy compiles to, asked the same.
fn same(settings: &[(&str, &str)], printed: &[sock_filter]) {
    let programs = sandbox_core::step::seccomp::programs(&policy(settings)).unwrap();
    let dice = &mut Dice(7);
    for nr in (0..=600).chain(UNKNOWN).chain([MARKER]) {
        for _ in 0..60 {
            let call = Call::new(nr, arguments(dice));
            assert_eq!(eval::stacked(&programs, &call), ret(printed, &call), "{settings:?} {call:x?}");
        }
    }
}

fn arguments(dice: &mut Dice) -> [u64; 6] {
    let mut args: [u64; 6] = std::array::from_fn(|_| word(dice));
    if dice.roll(2) == 0 {
        // What rules compare with: families, requests, options, modes and flags.
        args[0] = dice.pick(&[0, 1, 2, 8, 10, 16, 35, 38, 0x5412, 0xffff_ffff, 0x1000_0000, 9]);
        args[1] = dice.pick(&[0, 9, 0x5401, 0x5412, 0x541c, 0o4755, 0o20666, 0o100644, 0o100, 0x40_0000]);
        args[2] = dice.pick(&[0, 1, 4, 7, 0o100, 0o6000, 0o4755, 0o100_000, 0x40_0000]);
        // Where the kernel looks at less, what is above is nothing.
        args = args.map(|arg| arg | dice.pick(&[0, 0, 0, 1 << 32, 0xffff_ffff_0000_0000]));
    }
    args
}

const SETTINGS: &[&[(&str, &str)]] = &[
    &[],
    &[("seccomp", "strict")],
    &[("seccomp", "none")],
    &[("seccomp", "pure")],
    &[("seccomp", "net-client")],
    &[("seccomp", "net-server")],
    &[("seccomp", "dev")],
    &[("seccomp", "toaster")],
    &[("profile", "strict")],
    &[("no-exec", "true"), ("no-new-code", "true"), ("proc", "ro")],
    &[("net", "filter"), ("seccomp-allow", "ptrace,socket"), ("seccomp-deny", "symlink")],
    &[("seccomp-action", "kill"), ("seccomp-deny", "write"), ("no-exec", "true")],
    &[("seccomp-action", "errno:EACCES")],
    &[("seccomp-action", "trap"), ("seccomp", "strict")],
];

#[test]
fn printed_kafel_compiles_to_the_same() {
    for settings in SETTINGS {
        let text = shown(settings, Form::Kafel).unwrap();
        same(settings, &kafel(&text));
    }
    let text = shown(&[], Form::Kafel).unwrap();
    assert!(
        text.contains("// keyrings are not in a namespace\nERRNO(1) {\n    add_key, keyctl, request_key\n}\n"),
        "{text}"
    );
}

#[test]
fn printed_profiles_mean_the_same() {
    for settings in SETTINGS {
        same(settings, &oci(&shown(settings, Form::Json).unwrap()));
    }
}

/// Whoever reads a profile may compare 64 bits of every argument, and leave it open which of two rules decides.
#[test]
fn a_printed_profile_leaves_nothing_to_its_reader() {
    for settings in SETTINGS {
        let profile: Value = serde_json::from_str(&shown(settings, Form::Json).unwrap()).unwrap();
        let answer = |rule: &Value, action, number| (rule[action].clone(), rule[number].clone());
        let programs = sandbox_core::step::seccomp::programs(&policy(settings)).unwrap();
        let dice = &mut Dice(11);
        for nr in (0..=470).filter(|nr| seccomp::is_known(*nr)) {
            let named =
                |rule: &&Value| rule["names"].as_array().unwrap().iter().any(|name| name == seccomp::name(nr).unwrap());
            let rules: Vec<_> = profile["syscalls"].as_array().unwrap().iter().filter(named).collect();
            for _ in 0..if rules.len() > 1 { 2_000 } else { 20 } {
                let call = Call::new(nr, arguments(dice));
                let mut answers: Vec<_> = rules
                    .iter()
                    .filter(|rule| rule["args"].as_array().is_none_or(|args| args.iter().all(|arg| holds(arg, &call))))
                    .map(|rule| answer(rule, "action", "errnoRet"))
                    .collect();
                answers.dedup();
                assert!(answers.len() <= 1, "{call:x?}: {answers:?}");
                let answer = answers.pop().unwrap_or_else(|| answer(&profile, "defaultAction", "defaultErrnoRet"));
                assert_eq!(returned(&answer), eval::stacked(&programs, &call), "{settings:?} {call:x?}");
            }
        }
    }
}

/// As libseccomp compares: all 64 bits.
fn holds(arg: &Value, call: &Call) -> bool {
    let number = |key: &str| arg[key].as_u64().unwrap();
    let (given, value) = (call.args[number("index") as usize], number("value"));
    match arg["op"].as_str().unwrap() {
        "SCMP_CMP_MASKED_EQ" => given & value == number("valueTwo"),
        "SCMP_CMP_EQ" => given == value,
        "SCMP_CMP_NE" => given != value,
        "SCMP_CMP_LE" => given <= value,
        "SCMP_CMP_GE" => given >= value,
        other => panic!("{other}"),
    }
}

fn returned((action, number): &(Value, Value)) -> u32 {
    match action.as_str().unwrap() {
        "SCMP_ACT_ALLOW" => ALLOW,
        "SCMP_ACT_LOG" => LOG,
        "SCMP_ACT_ERRNO" => ERRNO | number.as_u64().unwrap() as u32,
        "SCMP_ACT_TRAP" => TRAP,
        "SCMP_ACT_KILL_THREAD" => KILL_THREAD,
        "SCMP_ACT_KILL_PROCESS" => KILL_PROCESS,
        other => panic!("{other}"),
    }
}

#[test]
fn instructions_are_printed_with_names() {
    let text = shown(&[("no-exec", "true"), ("seccomp-action", "errno")], Form::Asm).unwrap();
    for part in [
        "; program 1 of 2",
        "ld   arch",
        "ret  kill_process",
        "; ptrace",
        "ret  errno EPERM",
        "ld   arg0.low",
        "errno 1112",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(".insn"));
    let instructions = text.lines().filter(|line| !line.starts_with(';')).count();
    let programs = sandbox_core::step::seccomp::programs(&policy(&[("no-exec", "true")])).unwrap();
    assert_eq!(instructions, programs.iter().map(|program| program.len()).sum::<usize>());
}

#[test]
fn a_compiled_filter_can_only_be_printed_as_instructions() {
    let compiled = [("seccomp", "bpf:000600007fff0000")];
    assert!(shown(&compiled, Form::Asm).unwrap().contains("0  ret  allow"));
    for form in [Form::Kafel, Form::Json] {
        assert!(shown(&compiled, form).unwrap_err().contains("as asm only"));
    }
}
