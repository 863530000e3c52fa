//! The machine of filters, and what the kernel asks of a program before it runs it.

use libc::sock_filter;

use super::super::eval;
pub use super::super::eval::{Call, Outcome};

pub fn run(program: &[sock_filter], call: &Call) -> Outcome {
    eval::run(program, call).expect("not a program that the kernel takes")
}

pub fn ret(program: &[sock_filter], call: &Call) -> u32 {
    run(program, call).ret
}

/// The kernel's choice among several filters, in the order of loading.
pub fn stacked<P: AsRef<[sock_filter]>>(programs: &[P], call: &Call) -> u32 {
    eval::stacked(programs, call).0
}

/// What the kernel's checker asks of a program, and a little more.
pub fn check(program: &[sock_filter]) {
    assert!(!program.is_empty() && program.len() < 4096);
    for (at, i) in program.iter().enumerate() {
        let inside = |skip: usize| assert!(at + 1 + skip < program.len(), "jump out of the program at {at}");
        match i.code {
            0x05 => inside(i.k as usize),
            0x15 | 0x25 | 0x35 | 0x45 | 0x1d | 0x2d | 0x3d => {
                inside(usize::from(i.jt));
                inside(usize::from(i.jf));
            }
            0x20 | 0x00 | 0x54 | 0x5c | 0x44 | 0x4c => inside(0),
            0x02 | 0x61 => {
                assert!(i.k < 16);
                inside(0);
            }
            0x06 | 0x16 => (),
            other => panic!("instruction {other:#x}"),
        }
    }
    assert_eq!(program[program.len() - 1].code, 0x06, "does not end in a return");
}
