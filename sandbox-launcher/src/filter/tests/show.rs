use sandbox_core::policy::Policy;
use sandbox_core::setting::{self, Assignment, Origin};

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
fn same(settings: &[(&str, &str)], printed: &[sock_filter], ours: bool) {
    let programs = sandbox_core::step::seccomp::programs(&policy(settings)).unwrap();
    let dice = &mut Dice(7);
    for nr in (0..=600).chain(UNKNOWN).chain([MARKER]) {
        for round in 0..60 {
            let mut args: [u64; 6] = std::array::from_fn(|_| word(dice));
            if round < 30 {
                // What rules compare with: families, requests, options, modes and flags.
                args[0] = dice.pick(&[0, 1, 2, 8, 10, 16, 35, 38, 0x5412, 0xffff_ffff, 0x1000_0000, 9]);
                args[1] = dice.pick(&[0, 9, 0x5401, 0x5412, 0x541c, 0o4755, 0o20666, 0o100644, 0o100, 0x40_0000]);
                args[2] = dice.pick(&[0, 1, 4, 7, 0o100, 0o6000, 0o4755, 0o100_000, 0x40_0000]);
            }
            if !ours {
                // A profile speaks of what the kernel sees.
                args = args.map(|arg| arg & 0xffff_ffff);
            }
            let call = Call::new(nr, args);
            assert_eq!(eval::stacked(&programs, &call), ret(printed, &call), "{settings:?} {call:x?}");
        }
    }
}

const SETTINGS: &[&[(&str, &str)]] = &[
    &[],
    &[("seccomp", "strict")],
    &[("seccomp", "none")],
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
        same(settings, &kafel(&text), true);
    }
}

#[test]
fn printed_profiles_mean_the_same_where_they_can_be_printed() {
    let mut printed = 0;
    for settings in SETTINGS {
        match shown(settings, Form::Json) {
            Ok(text) => {
                same(settings, &oci(&text), false);
                printed += 1;
            }
            Err(message) => assert!(message.contains("cannot be said in this language"), "{message}"),
        }
    }
    assert!(printed >= 3, "{printed}");
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
