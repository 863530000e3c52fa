//! A classic BPF machine with what seccomp allows of it, written from the kernel's documentation alone.

use libc::sock_filter;

pub const X86_64: u32 = 0xc000_003e;

/// `struct seccomp_data`.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub nr: u32,
    pub arch: u32,
    pub args: [u64; 6],
}

impl Call {
    pub fn new(nr: u32, args: [u64; 6]) -> Call {
        Call { nr, arch: X86_64, args }
    }

    fn word(&self, offset: u32) -> u32 {
        assert!(offset.is_multiple_of(4) && offset < 64, "load of offset {offset}");
        match offset {
            0 => self.nr,
            4 => self.arch,
            8 | 12 => panic!("load of the instruction pointer"),
            _ => {
                let arg = self.args[(offset as usize - 16) / 8];
                (if offset.is_multiple_of(8) { arg } else { arg >> 32 }) as u32
            }
        }
    }
}

pub struct Outcome {
    pub ret: u32,
    /// Whether it depends on more than the number: then the kernel cannot decide beforehand.
    pub loaded_args: bool,
    pub steps: usize,
}

pub fn run(program: &[sock_filter], call: &Call) -> Outcome {
    let (mut accumulator, mut index, mut at, mut loaded_args) = (None, None, 0, false);
    let mut memory = [None; 16];
    for steps in 1.. {
        let i = program[at];
        at += 1;
        let value = || accumulator.expect("nothing is loaded");
        let with = || if i.code & 0x08 == 0 { i.k } else { index.expect("nothing is in the index register") };
        match i.code {
            0x20 => {
                loaded_args |= i.k >= 8;
                accumulator = Some(call.word(i.k));
            }
            0x00 => accumulator = Some(i.k),
            0x02 => memory[i.k as usize] = Some(value()),
            0x61 => index = Some(memory[i.k as usize].expect("nothing was stored there")),
            0x54 | 0x5c => accumulator = Some(value() & with()),
            0x44 | 0x4c => accumulator = Some(value() | with()),
            0x05 => at += i.k as usize,
            0x15 | 0x25 | 0x35 | 0x45 | 0x1d | 0x2d | 0x3d => {
                let holds = match i.code & !0x08 {
                    0x15 => value() == with(),
                    0x25 => value() > with(),
                    0x35 => value() >= with(),
                    _ => value() & with() != 0,
                };
                at += usize::from(if holds { i.jt } else { i.jf });
            }
            0x06 => return Outcome { ret: i.k, loaded_args, steps },
            other => panic!("instruction {other:#x}"),
        }
    }
    unreachable!()
}

pub fn ret(program: &[sock_filter], call: &Call) -> u32 {
    run(program, call).ret
}

/// The kernel's choice among several filters, in the order of loading: the strictest, and of equals the last.
pub fn stacked<P: AsRef<[sock_filter]>>(programs: &[P], call: &Call) -> u32 {
    let precedence = |ret: u32| (ret & 0xffff_0000) as i32;
    let newest_first = programs.iter().rev().map(|program| ret(program.as_ref(), call));
    newest_first.reduce(|a, b| if precedence(b) < precedence(a) { b } else { a }).unwrap()
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
            0x06 => (),
            other => panic!("instruction {other:#x}"),
        }
    }
    assert_eq!(program[program.len() - 1].code, 0x06, "does not end in a return");
}
