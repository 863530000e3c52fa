//! What the kernel's translator for x86-64 has to do for a program, reckoned without running it. Pure.
//!
//! It writes the program again and again, at first with room for every jump to be a long one, until no jump has become
//! shorter: bpf_int_jit_compile, arch/x86/net/bpf_jit_comp.c. A turn costs some 14 ns an instruction, so a filter of
//! ordinary size pays 2 µs for each; four turns are the fewest, and programs of the same length take up to nine.

use libc::sock_filter;

use crate::graph::code;

/// How far a jump is looked upon as short. Kernels before 5.18 take up to 127 forward, later ones 123: what lies between
/// the two is to be avoided, as it is settled differently.
const SHORT: [i32; 2] = [123, 127];
/// What one instruction is thought to need before the first turn.
const GUESS: i32 = 64;
/// After this many the kernel gives up.
const MOST_TURNS: u32 = 20;

/// An instruction of the kernel's own machine, by what it takes of x86-64's.
#[derive(Clone, Copy)]
enum Step {
    Bytes(i32),
    /// A comparison of that many bytes, and a conditional jump to behind that step.
    Branch(i32, usize),
    Jump(usize),
    /// The first is the program's end, all others jump there.
    Exit,
}

/// What it takes, to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Work {
    /// Turns times the steps there are in each.
    pub steps: u32,
    /// How much shorter, in bytes, the program becomes after the second turn: none when there is no need for another.
    pub unsettled: u32,
}

/// `None` for what is no program of ours.
pub(crate) fn work(program: &[sock_filter]) -> Option<Work> {
    let steps = steps(program)?;
    let each = u32::try_from(steps.len()).ok()?;
    let of = |short| {
        let (turns, unsettled) = turns(&steps, short);
        Work { steps: turns * each, unsettled }
    };
    SHORT.into_iter().map(of).max()
}

/// As bpf_convert_filter of net/core/filter.c makes them.
fn steps(program: &[sock_filter]) -> Option<Vec<Step>> {
    // Two registers are cleared and one is set before all.
    let mut steps = vec![Step::Bytes(3); 3];
    let mut starts = Vec::with_capacity(program.len());
    for (at, i) in program.iter().enumerate() {
        starts.push(steps.len());
        let short = i8::try_from(i.k.cast_signed()).is_ok();
        match i.code {
            code::LD | code::ST => steps.push(Step::Bytes(3)),
            code::LDX_MEM => steps.push(Step::Bytes(4)),
            code::IMM => steps.push(Step::Bytes(5)),
            code::AND | code::OR => steps.push(Step::Bytes(if short { 3 } else { 5 })),
            code::JA => steps.push(Step::Jump(at + 1 + usize::try_from(i.k).ok()?)),
            code::RET => steps.extend([Step::Bytes(if i.k == 0 { 2 } else { 5 }), Step::Exit]),
            _ if i.code & 7 == code::JA => {
                let (yes, no) = (at + 1 + usize::from(i.jt), at + 1 + usize::from(i.jf));
                let indexed = i.code & code::X != 0;
                // Numbers are sign-extended when compared, so large ones take a register.
                let large = !indexed && i.k.cast_signed() < 0;
                if large {
                    steps.push(Step::Bytes(5));
                }
                let compared = match i.code & !code::X {
                    _ if indexed || large => 3,
                    code::JSET => 7,
                    code::JEQ if i.k == 0 => 3,
                    _ if short => 4,
                    _ => 7,
                };
                match (i.jt, i.jf) {
                    (_, 0) => steps.push(Step::Branch(compared, yes)),
                    (0, _) if i.code & !code::X != code::JSET => steps.push(Step::Branch(compared, no)),
                    _ => steps.extend([Step::Branch(compared, yes), Step::Jump(no)]),
                }
            }
            _ => return None,
        }
    }
    for step in &mut steps {
        if let Step::Branch(_, to) | Step::Jump(to) = step {
            *to = starts.get(*to)?.checked_sub(1)?;
        }
    }
    Some(steps)
}

fn turns(steps: &[Step], short: i32) -> (u32, u32) {
    let is_short = |distance: i32| (-128..=short).contains(&distance);
    let mut ends: Vec<i32> = (1..).map(|nth| nth * GUESS).take(steps.len()).collect();
    let (mut end, mut before) = (ends.last().map_or(0, |last| last + GUESS), 0);
    let mut second = 0_i32;
    for turn in 1..MOST_TURNS {
        let (mut length, mut ended) = (0, false);
        for (at, step) in steps.iter().enumerate() {
            let from = ends.get(at).copied().unwrap_or(0);
            let distance = |to: usize| ends.get(to).map_or(0, |to| to - from);
            length += match *step {
                Step::Bytes(bytes) => bytes,
                Step::Branch(compared, to) => compared + if is_short(distance(to)) { 2 } else { 6 },
                Step::Jump(to) => match distance(to) {
                    0 => 0,
                    distance => {
                        if is_short(distance) {
                            2
                        } else {
                            5
                        }
                    }
                },
                Step::Exit if ended => {
                    if is_short(end - from) {
                        2
                    } else {
                        5
                    }
                }
                Step::Exit => {
                    (end, ended) = (length, true);
                    12
                }
            };
            if let Some(known) = ends.get_mut(at) {
                *known = length;
            }
        }
        if turn == 2 {
            second = length;
        }
        if length == before {
            // Once more, to write it where it will stay.
            return (turn + 1, second.abs_diff(length));
        }
        before = length;
    }
    (MOST_TURNS, u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::insn;

    /// A jump over that many instructions of three bytes each.
    fn jumps(far: usize) -> Vec<sock_filter> {
        let mut program = vec![insn(code::LD, 0, 0, 0), insn(code::JEQ, far as u8, 0, 7)];
        program.extend((0..far).map(|_| insn(code::AND, 0, 0, 0xff)));
        program.push(insn(code::RET, 0, 0, 1));
        program
    }

    #[test]
    fn a_jump_that_turns_out_to_be_short_costs_a_turn() {
        let turns = |program: &[sock_filter]| work(program).map(|work| (work.steps, work.unsettled));
        // Nothing to settle: a second turn to see that, a third to write.
        assert_eq!(turns(&[insn(code::RET, 0, 0, 1)]), Some((3 * 5, 0)));
        // Short from the first turn on, as far as five bytes for each look.
        assert_eq!(turns(&jumps(1)), Some((3 * 8, 0)));
        // Long at first, short when all between is known to be.
        assert_eq!(turns(&jumps(20)), Some((4 * 27, 0)));
        // Never short.
        assert_eq!(turns(&jumps(60)), Some((3 * 67, 0)));
        assert_eq!(turns(&[insn(0x87, 0, 0, 0), insn(code::RET, 0, 0, 1)]), None);
    }
}
