//! What a program answers, found out by running it: the machine of filters, from the kernel's documentation alone.
//!
//! For whoever must know which rule met a call that has been made, for plans that depend on an answer, and for the tests.

use libc::sock_filter;

/// A call as a filter sees it: `struct seccomp_data`, include/uapi/linux/seccomp.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub nr: u32,
    pub arch: u32,
    pub ip: u64,
    pub args: [u64; 6],
}

impl Call {
    /// A call of the native architecture, from nowhere.
    pub fn new(nr: u32, args: [u64; 6]) -> Call {
        Call { nr, arch: crate::compile::ARCH, ip: 0, args }
    }

    fn word(&self, offset: u32) -> Option<u32> {
        let half = |long: u64| Some((if offset.is_multiple_of(8) { long } else { long >> 32 }) as u32);
        match offset {
            _ if !offset.is_multiple_of(4) => None,
            0 => Some(self.nr),
            4 => Some(self.arch),
            8 | 12 => half(self.ip),
            _ => half(*self.args.get((offset as usize - 16) / 8)?),
        }
    }
}

/// What a program has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub ret: u32,
    /// Whether it depends on more than the number: then the kernel cannot decide beforehand.
    pub loaded_args: bool,
    pub steps: usize,
}

/// Runs a program. `None` where it is not one that the kernel would have taken.
pub fn run(program: &[sock_filter], call: &Call) -> Option<Outcome> {
    let (mut a, mut x, mut memory) = (0_u32, 0_u32, [0_u32; 16]);
    let (mut at, mut loaded_args) = (0_usize, false);
    // Every jump goes forward, so it ends.
    for steps in 1.. {
        let i = program.get(at)?;
        at += 1;
        let operand = if i.code & 0x08 == 0 { i.k } else { x };
        let place = usize::try_from(i.k).ok()?;
        match i.code {
            0x20 => {
                loaded_args |= i.k >= 8;
                a = call.word(i.k)?;
            }
            0x00 => a = i.k,
            0x01 => x = i.k,
            0x60 => a = *memory.get(place)?,
            0x61 => x = *memory.get(place)?,
            0x02 => *memory.get_mut(place)? = a,
            0x03 => *memory.get_mut(place)? = x,
            // The length of the packet: that of the structure.
            0x80 => a = 64,
            0x81 => x = 64,
            0x07 => x = a,
            0x87 => a = x,
            0x05 => at = at.checked_add(place)?,
            0x15 | 0x1d | 0x25 | 0x2d | 0x35 | 0x3d | 0x45 | 0x4d => {
                let holds = match i.code & 0xf0 {
                    0x10 => a == operand,
                    0x20 => a > operand,
                    0x30 => a >= operand,
                    _ => a & operand != 0,
                };
                at += usize::from(if holds { i.jt } else { i.jf });
            }
            0x06 => return Some(Outcome { ret: i.k, loaded_args, steps }),
            0x16 => return Some(Outcome { ret: a, loaded_args, steps }),
            code if code & 0x07 == 0x04 => a = arithmetic(code, a, operand)?,
            _ => return None,
        }
    }
    None
}

fn arithmetic(code: u16, a: u32, operand: u32) -> Option<u32> {
    Some(match code & 0xf0 {
        0x00 => a.wrapping_add(operand),
        0x10 => a.wrapping_sub(operand),
        0x20 => a.wrapping_mul(operand),
        // Division by an index register of 0 ends the program with 0; by a number of 0 no program is taken.
        0x30 => a.checked_div(operand)?,
        0x40 => a | operand,
        0x50 => a & operand,
        0x60 => a.wrapping_shl(operand),
        0x70 => a.wrapping_shr(operand),
        0x80 => a.wrapping_neg(),
        0xa0 => a ^ operand,
        _ => return None,
    })
}

/// How strict an answer is: of several filters' the lowest wins, seccomp(2).
pub fn precedence(ret: u32) -> i32 {
    (ret & libc::SECCOMP_RET_ACTION_FULL).cast_signed()
}

/// The kernel's choice among several programs in the order of loading, and whose answer it was: the strictest, and of
/// equals the last. What cannot be run kills.
pub fn stacked<P: AsRef<[sock_filter]>>(programs: &[P], call: &Call) -> (u32, usize) {
    let mut strictest = (libc::SECCOMP_RET_ALLOW, 0);
    for (at, program) in programs.iter().enumerate() {
        let ret = run(program.as_ref(), call).map_or(libc::SECCOMP_RET_KILL_PROCESS, |outcome| outcome.ret);
        if precedence(ret) <= precedence(strictest.0) {
            strictest = (ret, at);
        }
    }
    strictest
}
