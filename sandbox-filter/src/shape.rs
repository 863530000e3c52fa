//! In which order numbers are compared. Pure.
//!
//! A new filter is checked and translated by the kernel instruction by instruction, and run once for every number, to
//! learn which are always allowed: both are paid at every start. A cut in the middle costs one instruction and a step for
//! every number on either side; a single number that differs from those around it costs one instruction where two cuts
//! would have it, and a step for all around it.

use std::ops::Range;

/// What one instruction costs, in steps of the kernel's trial runs: 0.45 µs and 4.4 ns were measured.
const INSTRUCTION: u32 = 100;

/// More singles one after another than this never pay.
const MOST_SINGLES: u32 = 12;

/// Without time to look for the best, as many singles as are found no deeper than by a tree for them.
const QUICK_SINGLES: u32 = 3;

/// Neighbouring numbers with one outcome.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub numbers: u32,
    /// How many of them the kernel tries.
    pub tried: u32,
    /// Equal for runs with the same outcome, different for neighbours.
    pub class: usize,
}

/// How to tell the runs of a part from each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Choice {
    /// Compare every number of the runs that are not of this class.
    Singles { surrounding: usize },
    /// Compare with the first number of this run: those from it on are in the other half.
    Cut(usize),
}

/// The choices for all parts of a sequence of runs.
pub(crate) enum Shape<'a> {
    /// Found as they are asked for: no long search in a program that is starting.
    Quick(&'a [Run]),
    /// The best.
    Best { runs: usize, choices: Vec<Choice> },
}

impl<'a> Shape<'a> {
    /// Tries every tree, shorter parts first: some hundred thousand of them for a hundred runs.
    pub(crate) fn best(runs: &'a [Run]) -> Self {
        let n = runs.len();
        let at = |part: &Range<usize>| part.start * (n + 1) + part.end;
        let mut costs = vec![0; (n + 1) * (n + 1)];
        let mut choices = vec![Choice::Cut(0); (n + 1) * (n + 1)];
        for length in 2..=n {
            for start in 0..=n - length {
                let part = start..start + length;
                let tried: u32 = runs[part.clone()].iter().map(|run| run.tried).sum();
                let cuts = (start + 1..part.end).map(|cut| {
                    let halves = costs[at(&(start..cut))] + costs[at(&(cut..part.end))];
                    (halves + INSTRUCTION + tried, Choice::Cut(cut))
                });
                let singles = singles(&runs[part.clone()], MOST_SINGLES).into_iter();
                let least = singles.chain(cuts).min_by_key(|(cost, _)| *cost);
                if let Some((cost, choice)) = least {
                    (costs[at(&part)], choices[at(&part)]) = (cost, choice);
                }
            }
        }
        Shape::Best { runs: n, choices }
    }

    /// How to tell these runs, two at the least, from each other.
    pub(crate) fn choose(&self, part: &Range<usize>) -> Option<Choice> {
        match self {
            Shape::Best { runs, choices } => choices.get(part.start * (runs + 1) + part.end).copied(),
            Shape::Quick(runs) => {
                let of = runs.get(part.clone())?;
                let singles = singles(of, QUICK_SINGLES).map(|(_, choice)| choice);
                Some(singles.unwrap_or_else(|| Choice::Cut(part.start + middle(of))))
            }
        }
    }
}

/// What it costs to compare the numbers that differ from what surrounds them, if they are few.
fn singles(runs: &[Run], most: u32) -> Option<(u32, Choice)> {
    let tried: u32 = runs.iter().map(|run| run.tried).sum();
    let costs = runs.iter().filter_map(|run| {
        let surrounding = run.class;
        let others = runs.iter().filter(|other| other.class != surrounding);
        let count = others.fold(0_u32, |count, other| count.saturating_add(other.numbers));
        // All that surrounds pays for every comparison, and of the others each for those before it.
        let cost = || INSTRUCTION * count + tried * count;
        (count <= most).then(|| (cost(), Choice::Singles { surrounding }))
    });
    costs.min_by_key(|(cost, _)| *cost)
}

/// Where to cut: with about as many numbers on either side.
fn middle(runs: &[Run]) -> usize {
    let total: u32 = runs.iter().map(|run| run.tried).sum();
    let mut below = 0;
    let cut = runs.iter().position(|run| {
        below += run.tried;
        2 * below >= total
    });
    cut.unwrap_or(0).clamp(1, runs.len().saturating_sub(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(of: &[(u32, usize)]) -> Vec<Run> {
        of.iter().map(|&(numbers, class)| Run { numbers, tried: numbers, class }).collect()
    }

    #[test]
    fn singles_among_many_are_compared_and_halves_are_cut() {
        let single = runs(&[(50, 0), (1, 1), (50, 0)]);
        assert_eq!(Shape::best(&single).choose(&(0..3)), Some(Choice::Singles { surrounding: 0 }));
        assert_eq!(Shape::Quick(&single).choose(&(0..3)), Some(Choice::Singles { surrounding: 0 }));
        let halves = runs(&[(50, 0), (50, 1)]);
        assert_eq!(Shape::best(&halves).choose(&(0..2)), Some(Choice::Cut(1)));
        assert_eq!(Shape::Quick(&halves).choose(&(0..2)), Some(Choice::Cut(1)));
        // Hardly any of them is tried, but they are many.
        let long = [Run { numbers: 300, tried: 300, class: 0 }, Run { numbers: 1 << 31, tried: 1, class: 1 }];
        assert_eq!(Shape::best(&long[..]).choose(&(0..2)), Some(Choice::Cut(1)));
    }
}
