//! In which order numbers are compared. Pure.
//!
//! A new filter is checked and translated by the kernel instruction by instruction, and run once for every number, to
//! learn which are always allowed: both are paid at every start. A cut in the middle costs one instruction and a step for
//! every number on either side; a single number that differs from those around it costs one instruction where two cuts
//! would have it, and a step for all around it. Where the numbers of a few calls alternate, one look at some of their bits
//! tells apart what would take several comparisons.

use std::ops::Range;

use crate::graph::code;

/// What one conditional jump costs, in steps of the kernel's trial runs. At a start, when nothing of it is in a cache,
/// 0.45 µs and 4.4 ns were measured; 0.18 µs and 1.4 ns when all of it is.
const TEST: u32 = 100;
/// What one costs besides that goes on to neither of what it leads to: the kernel makes two of it.
const TWO_WAYS: u32 = 40;

/// More singles one after another than this never pay.
const MOST_SINGLES: u32 = 12;
/// Without time to look for the best, as many singles as are found no deeper than by a tree for them.
const QUICK_SINGLES: u32 = 3;

/// More runs than this, or over more numbers, are not told apart by their bits: such parts are cut anyhow.
const MOST_ALTERNATING: usize = 16;
const WIDEST_ALTERNATING: u32 = 64;
const MOST_MASKS: usize = 8;

/// Neighbouring numbers with one outcome.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub first: u32,
    pub last: u32,
    /// Equal for runs with the same outcome, different for neighbours.
    pub class: usize,
    /// Whether the outcome is an answer, which can stand anywhere.
    pub answered: bool,
}

/// A decision on a number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Class(usize),
    Test { code: u16, k: u32, yes: Box<Tree>, no: Box<Tree> },
}

impl Tree {
    fn test(code: u16, k: u32, yes: Tree, no: Tree) -> Tree {
        Tree::Test { code, k, yes: Box::new(yes), no: Box::new(no) }
    }
}

/// Good, found without a long search, for a program that is starting. The numbers above `newest` are not tried.
pub(crate) fn quick(runs: &[Run], newest: u32) -> Option<Tree> {
    let part = Part { runs, kept: None, newest };
    part.quick(0..runs.len())
}

/// The best there is.
pub(crate) fn best(runs: &[Run], newest: u32) -> Option<Tree> {
    let part = Part { runs, kept: None, newest };
    part.tree(&part.search(), 0..runs.len())
}

/// A test of bits that has been made, and how it came out: numbers that went the other way may be in any run.
type Kept = Option<(u32, bool)>;

fn has(kept: Kept, number: u32) -> bool {
    kept.is_none_or(|(mask, set)| (number & mask != 0) == set)
}

/// How to tell the runs of a part from each other.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Choice {
    /// Compare every number of the runs that are not of this class.
    Singles { surrounding: usize },
    /// Compare with the first number of this run: those from it on are in the other half.
    Cut(usize),
    /// Look at these bits.
    Bits(u32),
}

struct Part<'a> {
    runs: &'a [Run],
    kept: Kept,
    newest: u32,
}

/// For every stretch of runs the least cost and how it is reached.
struct Found {
    cells: Vec<(u32, Choice)>,
    width: usize,
}

impl Found {
    fn at(&self, part: &Range<usize>) -> (u32, Choice) {
        self.cells.get(part.start * self.width + part.end).copied().unwrap_or((0, Choice::Cut(0)))
    }
}

impl Part<'_> {
    /// Tries every tree, shorter stretches first: some hundred thousand of them for a hundred runs.
    fn search(&self) -> Found {
        let n = self.runs.len();
        let mut found = Found { cells: vec![(0, Choice::Cut(0)); (n + 1) * (n + 1)], width: n + 1 };
        for length in 2..=n {
            for start in 0..=n - length {
                let part = start..start + length;
                let least = self.least(&part, &found);
                if let (Some(least), Some(cell)) = (least, found.cells.get_mut(part.start * (n + 1) + part.end)) {
                    *cell = least;
                }
            }
        }
        found
    }

    fn least(&self, part: &Range<usize>, found: &Found) -> Option<(u32, Choice)> {
        let runs = self.runs.get(part.clone())?;
        let tried = self.tried(runs);
        let cuts = (part.start + 1..part.end).map(|cut| {
            let (low, high) = (part.start..cut, cut..part.end);
            let answered = self.is_answered(&low) && self.is_answered(&high);
            (found.at(&low).0 + found.at(&high).0 + cost(answered) + tried, Choice::Cut(cut))
        });
        let singles = self.singles(runs, MOST_SINGLES).into_iter();
        let bits = self.bits(runs, tried).into_iter();
        singles.chain(bits).chain(cuts).min_by_key(|(cost, _)| *cost)
    }

    /// Whether this stretch is one answer.
    fn is_answered(&self, part: &Range<usize>) -> bool {
        matches!(self.runs.get(part.clone()), Some([only]) if only.answered)
    }

    /// What it costs to compare the numbers that differ from what surrounds them, if they are few.
    fn singles(&self, runs: &[Run], most: u32) -> Option<(u32, Choice)> {
        let tried = self.tried(runs);
        let costs = runs.iter().filter_map(|run| {
            let surrounding = run.class;
            let others = runs.iter().filter(|other| other.class != surrounding);
            let count = others.fold(0_u32, |count, other| count.saturating_add(self.numbers(other)));
            // All that surrounds pays for every comparison, and of the others each for those before it.
            let cost = || TEST * count + TWO_WAYS + tried * count;
            (count <= most).then(|| (cost(), Choice::Singles { surrounding }))
        });
        costs.min_by_key(|(cost, _)| *cost)
    }

    /// What it costs to look at some bits first, where that leaves fewer runs. Tried are those bits that leave the fewest.
    fn bits(&self, runs: &[Run], tried: u32) -> Option<(u32, Choice)> {
        let (first, last) = (runs.first()?.first, runs.last()?.last);
        if runs.len() <= 2 || runs.len() > MOST_ALTERNATING || last - first >= WIDEST_ALTERNATING || self.kept.is_some()
        {
            return None;
        }
        let numbers: Vec<(u32, usize)> =
            runs.iter().flat_map(|run| (run.first..=run.last).map(|number| (number, run.class))).collect();
        // Bits that differ somewhere between them.
        let bits = (first ^ last).checked_ilog2().map_or(0, |highest| (2_u32 << highest) - 1);
        let mut masks: Vec<(usize, u32)> = (1..=bits).map(|mask| (left_by(mask, &numbers), mask)).collect();
        masks.retain(|(left, _)| *left < runs.len());
        masks.sort_unstable();
        let cost = |&(_, mask): &(usize, u32)| {
            let sides = [true, false].map(|set| (self.side(runs, mask, set), Some((mask, set))));
            let (mut sum, mut answered) = (tried, true);
            for (side, kept) in &sides {
                let part = Part { runs: side, kept: *kept, newest: self.newest };
                sum += part.search().at(&(0..side.len())).0;
                answered &= part.is_answered(&(0..side.len()));
            }
            (sum + cost(answered), Choice::Bits(mask))
        };
        masks.iter().take(MOST_MASKS).map(cost).min_by_key(|(cost, _)| *cost)
    }

    /// What remains of the runs on one side of a test of bits.
    fn side(&self, runs: &[Run], mask: u32, set: bool) -> Vec<Run> {
        let mut side: Vec<Run> = Vec::new();
        for run in runs {
            let mut numbers = (run.first..=run.last).filter(|number| has(Some((mask, set)), *number));
            let Some(first) = numbers.next() else { continue };
            let last = numbers.next_back().unwrap_or(first);
            match side.last_mut() {
                Some(before) if before.class == run.class => before.last = last,
                _ => side.push(Run { first, last, ..*run }),
            }
        }
        side
    }

    fn numbers(&self, run: &Run) -> u32 {
        match self.kept {
            None => (run.last - run.first).saturating_add(1),
            kept => (run.first..=run.last).filter(|number| has(kept, *number)).count() as u32,
        }
    }

    /// How many numbers the kernel tries.
    fn tried(&self, runs: &[Run]) -> u32 {
        let tried = |run: &Run| self.numbers(&Run { last: run.last.min(self.newest.max(run.first)), ..*run });
        runs.iter().map(tried).sum()
    }

    fn tree(&self, found: &Found, part: Range<usize>) -> Option<Tree> {
        let runs = self.runs.get(part.clone())?;
        if let [only] = runs {
            return Some(Tree::Class(only.class));
        }
        match found.at(&part).1 {
            Choice::Singles { surrounding } => Some(self.compared(runs, surrounding)),
            Choice::Cut(cut) => {
                let first = self.runs.get(cut)?.first;
                let (low, high) = (self.tree(found, part.start..cut)?, self.tree(found, cut..part.end)?);
                Some(Tree::test(code::JGE, first, high, low))
            }
            Choice::Bits(mask) => {
                let [set, clear] = [true, false].map(|set| {
                    let side = self.side(runs, mask, set);
                    let part = Part { runs: &side, kept: Some((mask, set)), newest: self.newest };
                    part.tree(&part.search(), 0..side.len())
                });
                Some(Tree::test(code::JSET, mask, set?, clear?))
            }
        }
    }

    fn quick(&self, part: Range<usize>) -> Option<Tree> {
        let runs = self.runs.get(part.clone())?;
        if let [only] = runs {
            return Some(Tree::Class(only.class));
        }
        if let Some((_, Choice::Singles { surrounding })) = self.singles(runs, QUICK_SINGLES) {
            return Some(self.compared(runs, surrounding));
        }
        let cut = part.start + self.middle(runs);
        let first = self.runs.get(cut)?.first;
        let (low, high) = (self.quick(part.start..cut)?, self.quick(cut..part.end)?);
        Some(Tree::test(code::JGE, first, high, low))
    }

    /// Every number that is not of what surrounds it, one after another.
    fn compared(&self, runs: &[Run], surrounding: usize) -> Tree {
        let others = runs.iter().filter(|run| run.class != surrounding).rev();
        others.fold(Tree::Class(surrounding), |tree, run| {
            let numbers = (run.first..=run.last).rev().filter(|number| has(self.kept, *number));
            numbers.fold(tree, |tree, number| Tree::test(code::JEQ, number, Tree::Class(run.class), tree))
        })
    }

    /// Where to cut: with about as many numbers on either side.
    fn middle(&self, runs: &[Run]) -> usize {
        let total = self.tried(runs);
        let mut below = 0;
        let cut = runs.iter().position(|run| {
            below += self.tried(std::slice::from_ref(run));
            2 * below >= total
        });
        cut.unwrap_or(0).clamp(1, runs.len().saturating_sub(1).max(1))
    }
}

/// How many runs there are on both sides of a test of these bits; more than any where one side is empty.
fn left_by(mask: u32, numbers: &[(u32, usize)]) -> usize {
    let (mut set, mut clear, mut runs) = (None, None, 0);
    for (number, class) in numbers {
        let last = if number & mask != 0 { &mut set } else { &mut clear };
        if *last != Some(*class) {
            *last = Some(*class);
            runs += 1;
        }
    }
    if set.is_none() || clear.is_none() { usize::MAX } else { runs }
}

/// Of a test, by whether both of what it leads to are answers.
fn cost(answered: bool) -> u32 {
    TEST + if answered { TWO_WAYS } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(of: &[(u32, usize)]) -> Vec<Run> {
        let mut next = 0;
        let run = |&(numbers, class): &(u32, usize)| {
            let first = next;
            next += numbers;
            Run { first, last: next - 1, class, answered: true }
        };
        of.iter().map(run).collect()
    }

    fn class(tree: &Tree, number: u32) -> usize {
        match tree {
            Tree::Class(class) => *class,
            Tree::Test { code, k, yes, no } => {
                let holds = match *code {
                    code::JEQ => number == *k,
                    code::JGE => number >= *k,
                    _ => number & k != 0,
                };
                class(if holds { yes } else { no }, number)
            }
        }
    }

    fn tests(tree: &Tree) -> usize {
        match tree {
            Tree::Class(_) => 0,
            Tree::Test { yes, no, .. } => 1 + tests(yes) + tests(no),
        }
    }

    #[test]
    fn singles_among_many_are_compared_and_halves_are_cut() {
        let single = runs(&[(50, 0), (1, 1), (50, 0)]);
        let compared = Some(Tree::test(code::JEQ, 50, Tree::Class(1), Tree::Class(0)));
        assert_eq!((best(&single, 500), quick(&single, 500)), (compared.clone(), compared));
        let halves = runs(&[(50, 0), (50, 1)]);
        let cut = Some(Tree::test(code::JGE, 50, Tree::Class(1), Tree::Class(0)));
        assert_eq!((best(&halves, 500), quick(&halves, 500)), (cut.clone(), cut));
        // Hardly any of them is tried, but they are many.
        let long = runs(&[(300, 0), (1 << 31, 1)]);
        assert_eq!(best(&long, 300), Some(Tree::test(code::JGE, 300, Tree::Class(1), Tree::Class(0))));
    }

    #[test]
    fn what_alternates_is_told_by_a_bit() {
        let alternating = runs(&[(1, 0), (1, 1), (1, 0), (1, 1), (1, 0), (1, 1)]);
        let odd = Tree::test(code::JSET, 1, Tree::Class(1), Tree::Class(0));
        assert_eq!(best(&alternating, 500), Some(odd));
    }

    #[test]
    fn every_number_finds_its_run() {
        // Lengths and classes without a pattern.
        let lengths =
            |seed: u32| (0..40_u32).map(move |at| ((at * seed) % 7 + 1, (at as usize * 5 + seed as usize) % 4));
        for seed in 1..12 {
            let mut of: Vec<(u32, usize)> = lengths(seed).collect();
            of.dedup_by_key(|(_, class)| *class);
            let runs = runs(&of);
            let trees = [best(&runs, 100).unwrap(), quick(&runs, 100).unwrap()];
            for run in &runs {
                for number in run.first..=run.last {
                    assert_eq!(trees.each_ref().map(|tree| class(tree, number)), [run.class; 2], "{seed} {number}");
                }
            }
            assert!(tests(&trees[0]) <= tests(&trees[1]));
        }
    }
}
