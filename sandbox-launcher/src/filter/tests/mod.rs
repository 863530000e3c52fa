//! The programs that policies compile to, run by the evaluator of the engine's tests against readings of the policies
//! that share nothing with the compiler.

mod kafel;
mod malformed;
mod oci;
mod show;

// What of it a launcher's test does not use, the engine's do.
#[allow(dead_code)]
#[path = "../../../../sandbox-filter/src/tests/eval.rs"]
mod eval;

#[path = "../../../../tests/support/dice.rs"]
mod dice;

use libc::sock_filter;
use sandbox_core::seccomp;
use sandbox_kafel::source::Source;

use super::oci::Surroundings;
use dice::Dice;
use eval::{Call, check, ret};

pub const ALLOW: u32 = 0x7fff_0000;
pub const LOG: u32 = 0x7ffc_0000;
pub const TRACE: u32 = 0x7ff0_0000;
pub const NOTIFY: u32 = 0x7fc0_0000;
pub const ERRNO: u32 = 0x0005_0000;
pub const TRAP: u32 = 0x0003_0000;
pub const KILL_THREAD: u32 = 0;
pub const KILL_PROCESS: u32 = 0x8000_0000;
const MARKER: u32 = 0x3fff_5b58;

fn source(text: &str) -> Source {
    Source { name: "p".into(), text: text.into() }
}

fn program(filter: Result<seccomp::Filter, sandbox_kafel::source::Mistake>) -> Vec<sock_filter> {
    let program = seccomp::compile(&filter.unwrap_or_else(|mistake| panic!("{mistake}"))).unwrap();
    check(&program);
    program
}

fn kafel(text: &str) -> Vec<sock_filter> {
    program(sandbox_kafel::compile(source(text), &super::read))
}

fn oci(text: &str) -> Vec<sock_filter> {
    program(super::oci::compile(&source(text), &Surroundings { kept: 0, kernel: (6, 1) }))
}

fn answer(program: &[sock_filter], name: &str, args: [u64; 6]) -> u32 {
    ret(program, &Call::new(seccomp::number(name).unwrap(), args))
}

/// Numbers that no call has, or that are not of this architecture's calls.
const UNKNOWN: [u32; 9] = [337, 423, 471, 512, 547, 0x3fff_5b57, 0x4000_0000, 0x4000_0001, u32::MAX];

/// What holds of every program: foreign architectures die, the marker is told, and unknown numbers get `unknown`.
fn guards(program: &[sock_filter], unknown: u32) {
    for nr in UNKNOWN {
        assert_eq!(ret(program, &Call::new(nr, [0; 6])), unknown, "{nr:#x}");
    }
    assert_eq!(ret(program, &Call::new(MARKER, [0; 6])), ERRNO | 1112);
    for arch in [0x4000_0003, 0xc000_00b7, 0, u32::MAX] {
        for nr in (0..=600).chain(UNKNOWN).chain([MARKER]) {
            assert_eq!(ret(program, &Call { arch, ..Call::new(nr, [0; 6]) }), KILL_PROCESS);
        }
    }
}

/// The kernel's order: the larger is the stricter.
fn severity(answer: u32) -> i64 {
    -i64::from((answer & 0xffff_0000).cast_signed())
}

/// A number near those that tell rules apart.
fn word(dice: &mut Dice) -> u64 {
    let low = match dice.roll(4) {
        0 => dice.roll(8),
        1 => 1 << dice.roll(32),
        2 => dice.pick(&[0xffff_ffff, 0xffff, 0x8000, 0x7fff_ffff, 0xff, 0o6000]),
        _ => dice.next() & 0xffff_ffff,
    };
    let high = match dice.roll(3) {
        0 => 0,
        1 => 1 << (32 + dice.roll(32)),
        _ => dice.pick(&[0xffff_ffff_0000_0000, 0x1_0000_0000, 0x7_0000_0000]),
    };
    low | high
}
