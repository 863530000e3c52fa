//! In which order the instructions of a program are written. Pure.
//!
//! A decision may be written anywhere before those it leads to, and what it leads to right after it costs the kernel one
//! instruction less. Which jumps are short is settled turn by turn (`jit`), and there is no rule for an order that is
//! settled soon: so thousands are tried, the same ones in every build.

use std::collections::BTreeMap;

use libc::sock_filter;

use crate::graph::code;
use crate::jit;

/// How often one looks for a good order from the start, and in how many steps from there.
const STARTS: u32 = 24;
const STEPS: u32 = 1000;
/// Of how many choices one is made anew in a step.
const KEPT: u32 = 30;

/// What comes after an instruction.
#[derive(Clone, Copy)]
enum Next {
    End,
    One(usize),
    Two(usize, usize),
}

impl Next {
    fn each(self) -> impl Iterator<Item = usize> {
        let (one, two) = match self {
            Next::End => (None, None),
            Next::One(next) => (Some(next), None),
            Next::Two(yes, no) => (Some(yes), Some(no)),
        };
        one.into_iter().chain(two)
    }
}

/// The same decisions in the order with which the kernel has least work, of those tried; as given if none is better.
/// The first `fixed` stay where they are.
pub(crate) fn settle(program: Vec<sock_filter>, fixed: usize) -> Vec<sock_filter> {
    let Some(nexts) = nexts(&program) else { return program };
    let mut chance = Chance(0x9e37_79b9);
    let tried = |choices: Choices| {
        let mut choices = choices;
        let other = write(&program, &nexts, &order(&program, &nexts, fixed, &mut choices)?)?;
        Some((jit::work(&other)?, other, choices))
    };
    let mut best = jit::work(&program).map(|work| (work, program.clone()));
    for _ in 0..STARTS {
        let Some(mut here) = tried(Choices::any(program.len(), &mut chance)) else { continue };
        for _ in 0..STEPS {
            // As good is good enough: there is much to cross that makes no difference.
            match tried(here.2.other(&mut chance)) {
                Some(next) if (next.0, next.1.len()) <= (here.0, here.1.len()) => here = next,
                _ => (),
            }
        }
        let (work, found, _) = here;
        if best.as_ref().is_none_or(|(least, known)| (work, found.len()) < (*least, known.len())) {
            best = Some((work, found));
        }
    }
    best.map_or(program, |(_, best)| best)
}

/// What comes after each, past jumps that decide nothing.
fn nexts(program: &[sock_filter]) -> Option<Vec<Next>> {
    let past = |mut at: usize| loop {
        match program.get(at)? {
            i if i.code == code::JA => at += 1 + usize::try_from(i.k).ok()?,
            _ => return Some(at),
        }
    };
    let next = |(at, i): (usize, &sock_filter)| {
        Some(match i.code {
            code::RET => Next::End,
            code::JA => Next::One(past(at)?),
            _ if i.code & 7 == code::JA => {
                Next::Two(past(at + 1 + usize::from(i.jt))?, past(at + 1 + usize::from(i.jf))?)
            }
            _ => Next::One(past(at + 1)?),
        })
    };
    program.iter().enumerate().map(next).collect()
}

/// One order in which all come before what they lead to.
fn order(program: &[sock_filter], nexts: &[Next], fixed: usize, choices: &mut Choices) -> Option<Vec<usize>> {
    let mut waits_for = vec![0_u32; nexts.len()];
    let (mut order, mut ready) = (Vec::with_capacity(nexts.len()), Vec::new());
    let reached = reached(nexts)?;
    for next in nexts.iter().zip(&reached).filter(|(_, reached)| **reached).flat_map(|(next, _)| next.each()) {
        *waits_for.get_mut(next)? += 1;
    }
    let mut at = 0;
    loop {
        order.push(at);
        let before = ready.len();
        for next in nexts.get(at)?.each() {
            let waits = waits_for.get_mut(next)?;
            *waits -= 1;
            if *waits == 0 {
                ready.push(next);
            }
        }
        if ready.is_empty() {
            return Some(order);
        }
        if let Some(nth) = ready.iter().position(|at| order.len() < fixed && *at == order.len()) {
            at = ready.remove(nth);
            continue;
        }
        // Goes on with what has just become ready, or else with one of the latest; answers are mostly left for later.
        let choice = choices.next();
        let is_answer =
            |nth: &usize| ready.get(*nth).and_then(|at| program.get(*at)).is_some_and(|i| i.code == code::RET);
        let fresh: Vec<usize> = (before..ready.len()).filter(|nth| choice & 3 == 0 || !is_answer(nth)).collect();
        let nth = match fresh.as_slice() {
            [] => ready.len() - 1 - (choice.trailing_zeros() as usize).min(ready.len() - 1),
            [only] => *only,
            [first, ..] if choice & 4 == 0 => *first,
            [_, second, ..] => *second,
        };
        at = ready.remove(nth);
    }
}

fn reached(nexts: &[Next]) -> Option<Vec<bool>> {
    let mut reached = vec![false; nexts.len()];
    *reached.first_mut()? = true;
    // Everything leads forward.
    for (at, next) in nexts.iter().enumerate() {
        if *reached.get(at)? {
            for next in next.each() {
                *reached.get_mut(next)? = true;
            }
        }
    }
    Some(reached)
}

/// `None` where a jump would not reach.
fn write(program: &[sock_filter], nexts: &[Next], order: &[usize]) -> Option<Vec<sock_filter>> {
    let mut places = BTreeMap::new();
    let mut place = 0;
    for (nth, at) in order.iter().enumerate() {
        places.insert(*at, place);
        place += 1 + usize::from(!falls(nexts.get(*at)?, order.get(nth + 1)));
    }
    let mut written = Vec::with_capacity(place);
    for (nth, at) in order.iter().enumerate() {
        let i = *program.get(*at)?;
        let away = |to: usize, written: &[sock_filter]| places.get(&to)?.checked_sub(written.len() + 1);
        match *nexts.get(*at)? {
            Next::End => written.push(i),
            Next::Two(yes, no) => {
                let (jt, jf) = (away(yes, &written)?, away(no, &written)?);
                written.push(sock_filter { jt: u8::try_from(jt).ok()?, jf: u8::try_from(jf).ok()?, ..i });
            }
            next @ Next::One(to) => {
                written.push(i);
                if !falls(&next, order.get(nth + 1)) {
                    let k = u32::try_from(away(to, &written)?).ok()?;
                    written.push(sock_filter { code: code::JA, jt: 0, jf: 0, k });
                }
            }
        }
    }
    Some(written)
}

/// Whether nothing has to be written to get from an instruction to what comes after it.
fn falls(next: &Next, follows: Option<&usize>) -> bool {
    match next {
        Next::One(next) => follows == Some(next),
        Next::End | Next::Two(..) => true,
    }
}

/// What decides an order: a number for each time there is a choice.
struct Choices {
    made: Vec<u32>,
    used: usize,
}

impl Choices {
    fn any(count: usize, chance: &mut Chance) -> Choices {
        Choices { made: (0..count).map(|_| chance.next()).collect(), used: 0 }
    }

    /// The same but for a few.
    fn other(&self, chance: &mut Chance) -> Choices {
        let choice = |made: &u32| if chance.next().is_multiple_of(KEPT) { chance.next() } else { *made };
        Choices { made: self.made.iter().map(choice).collect(), used: 0 }
    }

    fn next(&mut self) -> u32 {
        self.used += 1;
        self.made.get(self.used - 1).copied().unwrap_or(0)
    }
}

/// A row of numbers that is the same each time: Marsaglia's xorshift.
struct Chance(u32);

impl Chance {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}

/// One of the orders, whatever the kernel has to do for it.
#[cfg(test)]
pub(crate) fn any(program: &[sock_filter], seed: u32) -> Option<Vec<sock_filter>> {
    let nexts = nexts(program)?;
    let mut choices = Choices::any(program.len(), &mut Chance(seed));
    write(program, &nexts, &order(program, &nexts, 0, &mut choices)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::insn;

    #[test]
    fn the_order_found_is_no_worse_and_the_same_each_time() {
        // Each way to every answer: as it stands, few of them fall through.
        let mut program = vec![insn(code::LD, 0, 0, 0)];
        program.extend((0..40).map(|nr| insn(code::JEQ, 40 - (nr % 20) as u8 * 2, u8::from(nr % 3 == 0), nr)));
        program.extend((0..82).map(|answer| insn(code::RET, 0, 0, answer)));
        let settled = settle(program.clone(), 0);
        let same = |a: &[sock_filter], b: &[sock_filter]| {
            a.iter().map(|i| (i.code, i.jt, i.jf, i.k)).eq(b.iter().map(|i| (i.code, i.jt, i.jf, i.k)))
        };
        assert!(jit::work(&settled).unwrap() < jit::work(&program).unwrap());
        assert!(same(&settled, &settle(program, 0)));
        let unknown = [insn(code::JEQ, 5, 0, 0), insn(code::RET, 0, 0, 1)];
        assert!(same(&settle(unknown.to_vec(), 0), &unknown));
    }
}
