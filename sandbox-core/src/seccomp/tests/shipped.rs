use libc::sock_filter;
use proptest::prelude::*;

use super::super::{
    MARKER_NR, Restrict, Shipped, compile_well, keeper, keeper_filter, supervisor, supervisor_filter, witness,
    witness_filter,
};
use super::eval::{Call, check, ret, run};
use super::oracle::{self, ALLOW, EAFNOSUPPORT, EPERM, KILL_PROCESS, MARKER, guard};
use super::{call, numbers, registers};

type Policy = Box<dyn Fn(u32, &[u64; 6]) -> u32>;

/// Everything build.rs compiled, with what it must answer.
fn all() -> Vec<(String, &'static [sock_filter], Policy)> {
    let mut all: Vec<(String, &'static [sock_filter], Policy)> = vec![
        ("default".into(), Shipped::Default.program(), Box::new(oracle::default)),
        ("strict".into(), Shipped::Strict.program(), Box::new(oracle::strict)),
        ("pure".into(), Shipped::Pure.program(), Box::new(oracle::pure)),
        ("net-client".into(), Shipped::NetClient.program(), Box::new(oracle::net_client)),
        ("net-server".into(), Shipped::NetServer.program(), Box::new(oracle::net_server)),
        ("dev".into(), Shipped::Dev.program(), Box::new(oracle::dev)),
        ("toaster".into(), Shipped::Toaster.program(), Box::new(oracle::toaster)),
        ("none".into(), Shipped::None.program(), Box::new(oracle::none)),
        ("supervisor".into(), supervisor(), Box::new(oracle::supervisor)),
        ("witness".into(), witness(), Box::new(oracle::witness)),
        ("keeper".into(), keeper(), Box::new(oracle::keeper)),
    ];
    for index in 0..8 {
        let it = Restrict::nth(index);
        assert_eq!(it.index(), index);
        let policy = move |nr, args: &_| oracle::restriction(it.no_exec, it.no_new_code, it.no_sockets, nr, args);
        all.push((format!("{it:?}"), it.program(), Box::new(policy)));
    }
    all
}

#[test]
fn every_number_is_answered_as_the_policy_says() {
    let registers = registers();
    for (name, program, policy) in all() {
        for nr in numbers() {
            // Beyond the known numbers no argument is loaded, as another test shows.
            let registers = if nr <= 1024 { &registers[..] } else { &registers[..1] };
            for args in registers {
                let expected = guard(nr).unwrap_or_else(|| policy(nr, args));
                assert_eq!(ret(program, &Call::new(nr, *args)), expected, "{name}: {nr:#x} {args:x?}");
            }
        }
    }
}

#[test]
fn foreign_architectures_are_killed_whatever_the_number() {
    // i386, arm, aarch64, riscv64, ia64's, and none.
    for arch in [0x4000_0003, 0x4000_0028, 0xc000_00b7, 0xc000_00f3, 0xc000_0032, 0, u32::MAX] {
        for (name, program, _) in all() {
            for nr in numbers().filter(|nr| *nr <= 1024 || *nr >= 0x3fff_ff00 || *nr == MARKER_NR) {
                let call = Call { arch, ..Call::new(nr, [0; 6]) };
                assert_eq!(ret(program, &call), KILL_PROCESS, "{name}: {arch:#x} {nr:#x}");
            }
        }
    }
}

#[test]
fn arguments_are_loaded_only_where_they_matter() {
    let registers = registers();
    for (name, program, policy) in all() {
        for nr in numbers() {
            if guard(nr).is_some() {
                assert!(!run(program, &Call::new(nr, [0; 6])).loaded_args, "{name}: {nr:#x}");
                continue;
            }
            let answer = |args| policy(nr, args);
            let matters = registers.iter().any(|args| answer(args) != answer(&registers[0]));
            let loaded = run(program, &Call::new(nr, [0; 6])).loaded_args;
            assert_eq!(loaded, matters, "{name}: {nr:#x}");
        }
    }
}

#[test]
fn programs_are_well_formed_and_shallow() {
    for (name, program, _) in all() {
        check(program);
        assert!(program.len() < 200, "{name}: {} instructions", program.len());
        for nr in numbers() {
            let outcome = run(program, &Call::new(nr, [0; 6]));
            if !outcome.loaded_args {
                // Architecture, number and return; a tree over fewer than 2^9 numbers; up to three single ones last.
                assert!(outcome.steps <= 4 + 9 + 3, "{name}: {} steps for {nr:#x}", outcome.steps);
            }
        }
    }
}

#[test]
fn precompiled_programs_are_what_the_library_would_compile() {
    let same = |a: &[sock_filter], b: &[sock_filter]| {
        let bytes = |p: &[sock_filter]| p.iter().map(|i| (i.code, i.jt, i.jf, i.k)).collect::<Vec<_>>();
        assert_eq!(bytes(a), bytes(b));
    };
    for base in Shipped::ALL {
        assert_eq!(Shipped::from_name(base.name()), Some(base));
        assert!(!base.summary().is_empty());
        same(base.program(), &compile_well(&base.filter()).unwrap());
    }
    for index in 0..8 {
        same(Restrict::nth(index).program(), &compile_well(&Restrict::nth(index).filter()).unwrap());
    }
    same(supervisor(), &compile_well(&supervisor_filter()).unwrap());
    same(witness(), &compile_well(&witness_filter()).unwrap());
    same(keeper(), &compile_well(&keeper_filter()).unwrap());
}

#[test]
fn every_rule_has_its_reason() {
    for base in Shipped::ALL {
        for (nr, _) in base.filter().rules {
            assert!(base.why(nr).is_some_and(|why| !why.is_empty()), "{nr}");
        }
    }
    assert_eq!(Shipped::Default.why(0), None);
}

/// The holes other sandboxes have had, by name.
#[test]
fn known_ways_around_are_shut() {
    let default = |nr: i64, args: [u64; 6]| ret(Shipped::Default.program(), &Call::new(nr as u32, args));
    let strict = |nr: i64, args: [u64; 6]| ret(Shipped::Strict.program(), &Call::new(nr as u32, args));
    let high = 1u64 << 32;
    // A high bit of an int, which the kernel ignores and a 64-bit comparison does not.
    assert_eq!(default(libc::SYS_ioctl, [0, 0x5412, 0, 0, 0, 0]), EPERM);
    assert_eq!(default(libc::SYS_ioctl, [0, 0x5412 | high, 0, 0, 0, 0]), EPERM);
    assert_eq!(default(libc::SYS_ioctl, [0, 0x541c | high, 0, 0, 0, 0]), EPERM);
    assert_eq!(default(libc::SYS_ioctl, [0, 0x5401, 0, 0, 0, 0]), ALLOW);
    assert_eq!(default(libc::SYS_socket, [38 | high, 5, 0, 0, 0, 0]), EAFNOSUPPORT);
    assert_eq!(default(libc::SYS_clone, [0x1000_0000 | high, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(default(libc::SYS_prctl, [1 | high, 0, 0, 0, 0, 0]), EPERM);
    // pid 0 is the caller's process group.
    for filter in [&default as &dyn Fn(i64, [u64; 6]) -> u32, &strict] {
        assert_eq!(filter(libc::SYS_kill, [high, 9, 0, 0, 0, 0]), EPERM);
        assert_eq!(filter(libc::SYS_setpriority, [1 | high, high, 19, 0, 0, 0]), EPERM);
    }
    // What is SIGKILL in the low half alone is no signal to the kernel.
    assert_eq!(default(libc::SYS_prctl, [1, 9 | high, 0, 0, 0, 0]), ALLOW);
    assert_eq!(default(libc::SYS_prctl, [1, 9, 0, 0, 0, 0]), ALLOW);
    assert_eq!(default(libc::SYS_prctl, [1, 15, 0, 0, 0, 0]), EPERM);
    assert_eq!(default(libc::SYS_prctl, [1, high, 0, 0, 0, 0]), EPERM);
    assert_eq!(strict(libc::SYS_mmap, [0, 4096, 7 | high, 0x22, 0, 0]), EPERM);
    // x32: every number of the 64-bit table with bit 30, and -1.
    assert_eq!(default(0x4000_0000 | libc::SYS_mount, [0; 6]), oracle::ENOSYS);
    assert_eq!(default(0xffff_ffff, [0; 6]), oracle::ENOSYS);
    // x32's own execve and ptrace, without bit 30.
    assert_eq!(strict(520, [0; 6]), oracle::ENOSYS);
    assert_eq!(default(521, [0; 6]), oracle::ENOSYS);
    assert_eq!(default(i64::from(MARKER_NR), [0; 6]), MARKER);
}

/// Numbers that some shipped program answers by arguments.
const BY_ARGS: [u32; 26] =
    [2, 9, 10, 16, 30, 41, 44, 46, 53, 56, 62, 85, 90, 91, 133, 135, 141, 157, 251, 257, 259, 262, 268, 307, 329, 452];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn any_arguments_are_answered_as_the_policy_says(call in call(0u32..=470)) {
        for (name, program, policy) in all() {
            let expected = guard(call.nr).unwrap_or_else(|| policy(call.nr, &call.args));
            prop_assert_eq!(ret(program, &call), expected, "{}", name);
        }
    }

    #[test]
    fn arguments_that_matter_are_answered_as_the_policy_says(
        call in call(proptest::sample::select(&BY_ARGS[..]))
    ) {
        for (name, program, policy) in all() {
            prop_assert_eq!(ret(program, &call), policy(call.nr, &call.args), "{}", name);
        }
    }
}
