//! What a program can answer, whatever the arguments: for programs that were not compiled here.

use libc::sock_filter;

use crate::compile::{ARCH, MARKER_ERRNO, MARKER_NR, MAX_LEN};
use crate::ir::{Action, ENOSYS};

/// What the kernel takes of classic BPF in a filter (seccomp_check_filter and bpf_check_classic), by what it does to the
/// accumulator.
#[derive(Clone, Copy)]
enum Kind {
    Load,
    Immediate,
    /// The accumulator becomes what is not followed here.
    Unknown,
    /// It stays.
    Keep,
    Place,
    Jump,
    Test,
    Return,
}

fn kind(i: &sock_filter) -> Option<Kind> {
    Some(match i.code {
        0x20 => Kind::Load,                       // BPF_LD | BPF_W | BPF_ABS
        0x00 => Kind::Immediate,                  // BPF_LD | BPF_IMM
        0x80 | 0x87 => Kind::Unknown,             // BPF_LD | BPF_W | BPF_LEN, BPF_MISC | BPF_TXA
        0x81 | 0x01 | 0x07 => Kind::Keep,         // BPF_LDX | BPF_W | BPF_LEN, BPF_LDX | BPF_IMM, BPF_MISC | BPF_TAX
        0x60 | 0x61 | 0x02 | 0x03 => Kind::Place, // BPF_LD and BPF_LDX | BPF_MEM, BPF_ST, BPF_STX
        0x05 => Kind::Jump,                       // BPF_JMP | BPF_JA
        0x15 | 0x1d | 0x25 | 0x2d | 0x35 | 0x3d | 0x45 | 0x4d => Kind::Test,
        0x06 | 0x16 => Kind::Return, // BPF_RET | BPF_K, BPF_RET | BPF_A
        // BPF_ALU with ADD, SUB, MUL, DIV, OR, AND, LSH, RSH and XOR, and BPF_NEG, which has no operand.
        code if code & 0x07 == 0x04 && matches!(code & 0xf0, 0x00..=0x70 | 0xa0) && code <= 0xff => Kind::Unknown,
        0x84 => Kind::Unknown,
        _ => return None,
    })
}

/// BPF_ALU | BPF_DIV | BPF_X
const DIVIDE_BY_X: u16 = 0x3c;

/// Whether the kernel can take it, as far as that can be seen without asking.
///
/// # Errors
/// What is wrong with it, and where: instructions are counted from 0.
pub fn check(program: &[sock_filter]) -> Result<(), String> {
    if program.is_empty() || program.len() > MAX_LEN {
        return Err(format!("a filter has 1 to {MAX_LEN} instructions, not {}", program.len()));
    }
    for (at, i) in program.iter().enumerate() {
        let wrong = |what: &str| Err(format!("instruction {at}: {what}"));
        let ends =
            |skip: u32| u32::try_from(at + 1).map_or(true, |next| next.saturating_add(skip) as usize >= program.len());
        match kind(i) {
            None => return wrong("not one that a filter can have"),
            Some(Kind::Load) if !i.k.is_multiple_of(4) || i.k >= 64 => return wrong("loads from outside of a call"),
            Some(_) if i.code == 0x34 && i.k == 0 => return wrong("divides by zero"),
            Some(_) if matches!(i.code, 0x64 | 0x74) && i.k >= 32 => return wrong("shifts by more than there is"),
            Some(Kind::Place) if i.k >= 16 => return wrong("there are 16 places of memory"),
            Some(Kind::Jump) if ends(i.k) => return wrong("jumps out of the filter"),
            Some(Kind::Test) if ends(i.jt.into()) || ends(i.jf.into()) => return wrong("jumps out of the filter"),
            Some(Kind::Return | Kind::Jump | Kind::Test) => {}
            Some(_) if ends(0) => return wrong("the filter does not end in a return"),
            Some(_) => {}
        }
    }
    Ok(())
}

/// Every value it can return for this number on our architecture. `None` where that cannot be told.
fn answers(program: &[sock_filter], nr: u32) -> Option<Vec<u32>> {
    let mut answers = Vec::new();
    // Everything leads forward, so the states at a place are all known when its turn comes: what the accumulator may
    // hold there, `None` for anything.
    let mut states: Vec<Vec<Option<u32>>> = vec![Vec::new(); program.len()];
    states.first_mut()?.push(None);
    for (at, i) in program.iter().enumerate() {
        for held in std::mem::take(states.get_mut(at)?) {
            let mut go = |skip: u32, held: Option<u32>| {
                let known = states.get_mut(at.checked_add(1)?.checked_add(usize::try_from(skip).ok()?)?)?;
                // Not to be held up by a program that makes many: anything stands for them all.
                if known.len() >= 64 {
                    *known = vec![None];
                } else if !known.contains(&held) && !known.contains(&None) {
                    known.push(held);
                }
                Some(())
            };
            match kind(i)? {
                Kind::Load if i.k == 0 => go(0, Some(nr))?,
                Kind::Load if i.k == 4 => go(0, Some(ARCH))?,
                Kind::Immediate => go(0, Some(i.k))?,
                Kind::Load | Kind::Unknown => {
                    // Where the index register is 0, a division by it ends the program with 0.
                    if i.code == DIVIDE_BY_X && !answers.contains(&0) {
                        answers.push(0);
                    }
                    go(0, None)?;
                }
                Kind::Keep => go(0, held)?,
                Kind::Place if i.code == 0x60 => go(0, None)?,
                Kind::Place => go(0, held)?,
                Kind::Jump => go(i.k, held)?,
                Kind::Test => {
                    let holds = held.filter(|_| i.code & 0x08 == 0).map(|held| match i.code {
                        0x15 => held == i.k,
                        0x25 => held > i.k,
                        0x35 => held >= i.k,
                        _ => held & i.k != 0,
                    });
                    if holds != Some(false) {
                        go(i.jt.into(), held)?;
                    }
                    if holds != Some(true) {
                        go(i.jf.into(), held)?;
                    }
                }
                Kind::Return => {
                    let answer = if i.code == 0x06 { i.k } else { held? };
                    if !answers.contains(&answer) {
                        answers.push(answer);
                    }
                }
            }
        }
    }
    Some(answers)
}

/// The kernel's order: the smaller is the stricter.
fn rank(answer: u32) -> i32 {
    (answer & 0xffff_0000).cast_signed()
}

/// Whether it lets this call through, whatever its arguments.
pub fn allows(program: &[sock_filter], nr: u32) -> bool {
    let done = |answer: &u32| rank(*answer) >= rank(Action::Log.ret());
    answers(program, nr).is_some_and(|answers| answers.iter().all(done))
}

/// Whether a process under it can still be known by [`MARKER_NR`] when a filter of ours stands beside it.
pub fn keeps_marker(program: &[sock_filter]) -> bool {
    let kept = |answer: &u32| *answer == Action::Errno(MARKER_ERRNO).ret() || rank(*answer) > rank(ENOSYS.ret());
    answers(program, MARKER_NR).is_some_and(|answers| answers.iter().all(kept))
}
