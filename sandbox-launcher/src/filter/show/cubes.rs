//! Questions about arguments as alternatives of conditions, one on each argument, which is all that a profile can say.
//!
//! Of an argument that the kernel cuts, a condition is always a mask and what it leaves: whoever reads the profile may
//! compare 64 bits, as libseccomp does, and must not be escaped by those that the kernel does not see.

use sandbox_core::seccomp::{Expr, Rel, Value, Width};
use sandbox_kafel::{arguments, bits};

/// What a rule may come to.
const MOST: usize = 512;

/// What one argument must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Atom {
    pub index: u8,
    /// What is looked at of it.
    seen: u64,
    is: Is,
}

#[derive(Clone, Debug, PartialEq)]
enum Is {
    /// In one of these ranges, which are in order and do not touch.
    In(Vec<(u64, u64)>),
    Bits {
        mask: u64,
        value: u64,
    },
}

/// A condition as profiles have it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Test {
    Is(Rel, u64),
    Bits { mask: u64, value: u64 },
}

/// Alternatives, of which one holds whole where the expression does.
type Alternatives = Vec<Vec<Atom>>;

/// Alternatives of which one holds when `expr` does; they may overlap. `None` where there are none, or too many.
pub fn alternatives(nr: u32, expr: &Expr) -> Option<Vec<Vec<(u8, Test)>>> {
    let mut all = Vec::new();
    for alternative in of(nr, expr, true)? {
        // One of each argument's.
        let mut tests = vec![Vec::new()];
        for atom in &alternative {
            let choices = atom.tests();
            tests = tests
                .iter()
                .flat_map(|before: &Vec<_>| choices.iter().map(|test| [&before[..], &[(atom.index, *test)]].concat()))
                .collect();
            if tests.len() > MOST {
                return None;
            }
        }
        for test in tests {
            if !all.contains(&test) {
                all.push(test);
            }
        }
    }
    (all.len() <= MOST).then_some(all)
}

fn of(nr: u32, expr: &Expr, wanted: bool) -> Option<Alternatives> {
    match expr {
        Expr::Not(inner) => of(nr, inner, !wanted),
        Expr::All(parts) if wanted => together(nr, parts, wanted),
        Expr::Any(parts) if !wanted => together(nr, parts, wanted),
        Expr::All(parts) | Expr::Any(parts) => {
            let mut all: Alternatives = Vec::new();
            for alternative in parts.iter().map(|part| of(nr, part, wanted)).collect::<Option<Vec<_>>>()?.concat() {
                add(&mut all, alternative);
            }
            (all.len() <= MOST).then_some(all)
        }
        Expr::Compare(left, rel, right) => compare(nr, left, if wanted { *rel } else { negated(*rel) }, right),
    }
}

/// Adds an alternative, to one that speaks of the same argument alone where that can be.
fn add(all: &mut Alternatives, alternative: Vec<Atom>) {
    let one_more = |known: &mut Vec<Atom>| match (&mut known[..], &alternative[..]) {
        ([Atom { index, seen, is: Is::In(ranges) }], [Atom { index: other, seen: also, is: Is::In(more) }])
            if (&*index, &*seen) == (other, also) =>
        {
            *ranges = union(ranges, more);
            true
        }
        (known, alternative) => *known == *alternative,
    };
    if !all.iter_mut().any(one_more) {
        all.push(alternative);
    }
}

fn together(nr: u32, parts: &[Expr], wanted: bool) -> Option<Alternatives> {
    parts.iter().try_fold(vec![Vec::new()], |all, part| {
        let others = of(nr, part, wanted)?;
        let mut joined = Vec::new();
        for (one, other) in all.iter().flat_map(|one| others.iter().map(move |other| (one, other))) {
            for both in join(one, other) {
                add(&mut joined, both);
            }
            if joined.len() > MOST {
                return None;
            }
        }
        Some(joined)
    })
}

/// Both lists as one, in alternatives; none where they cannot hold together.
fn join(one: &[Atom], other: &[Atom]) -> Alternatives {
    let mut all = vec![one.to_vec()];
    for atom in other {
        all = all
            .into_iter()
            .flat_map(|list| {
                let Some(at) = list.iter().position(|known| known.index == atom.index) else {
                    return vec![[&list[..], std::slice::from_ref(atom)].concat()];
                };
                let both = list.get(at).map(|known| known.and(atom)).unwrap_or_default();
                let with = |both: Atom| {
                    list.iter()
                        .enumerate()
                        .map(|(place, known)| if place == at { both.clone() } else { known.clone() })
                        .collect()
                };
                both.into_iter().map(with).collect()
            })
            .collect();
    }
    all
}

fn compare(nr: u32, left: &Value, rel: Rel, right: &Value) -> Option<Alternatives> {
    let number = constant(right)?;
    if let Some(left) = constant(left) {
        return Some(if rel.holds(left, number) { vec![Vec::new()] } else { Vec::new() });
    }
    let (arg, mask) = match left {
        Value::And(one, other) => match (constant(one), constant(other)) {
            (Some(mask), None) => (&**other, Some(mask)),
            (None, Some(mask)) => (&**one, Some(mask)),
            _ => return None,
        },
        arg => (arg, None),
    };
    let &Value::Arg(index, width) = arg else { return None };
    let (highest, seen) = (highest(width), highest(arguments::width(nr, index)));
    // What the rule looks at and the kernel does not cannot be said.
    if highest > seen && mask.is_none_or(|mask| mask & highest & !seen != 0) {
        return None;
    }
    let atom = |is| vec![Atom { index, seen: seen & highest, is }];
    let Some(mask) = mask.map(|mask| mask & highest) else {
        let ranges = ranges(rel, number, highest);
        return Some(if ranges.is_empty() { Vec::new() } else { vec![atom(Is::In(ranges))] });
    };
    match rel {
        Rel::Eq if number & !mask != 0 => Some(Vec::new()),
        Rel::Eq => Some(vec![atom(Is::Bits { mask, value: number })]),
        Rel::Ne if number & !mask != 0 => Some(vec![Vec::new()]),
        // Not none of some bits is one of them.
        Rel::Ne => {
            let bits = (0..64).map(|bit| 1 << bit).filter(|bit| mask & bit != 0);
            Some(bits.map(|bit: u64| atom(Is::Bits { mask: bit, value: !number & bit })).collect())
        }
        _ => None,
    }
}

fn constant(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::And(left, right) => Some(constant(left)? & constant(right)?),
        Value::Or(left, right) => Some(constant(left)? | constant(right)?),
        Value::Arg(..) => None,
    }
}

fn highest(width: Width) -> u64 {
    u64::MAX >> (64 - bits(width))
}

/// The numbers up to `highest` that compare so.
fn ranges(rel: Rel, number: u64, highest: u64) -> Vec<(u64, u64)> {
    let below = number.checked_sub(1).map(|last| (0, last.min(highest)));
    let above = number.checked_add(1).filter(|first| *first <= highest).map(|first| (first, highest));
    let itself = (number <= highest).then_some((number, number));
    let all = match rel {
        Rel::Eq => vec![itself],
        Rel::Ne => return below.into_iter().chain(above).collect(),
        Rel::Lt => vec![below],
        Rel::Gt => vec![above],
        Rel::Le => return union(&below.into_iter().collect::<Vec<_>>(), &itself.into_iter().collect::<Vec<_>>()),
        Rel::Ge => return union(&itself.into_iter().collect::<Vec<_>>(), &above.into_iter().collect::<Vec<_>>()),
    };
    all.into_iter().flatten().collect()
}

fn negated(rel: Rel) -> Rel {
    match rel {
        Rel::Eq => Rel::Ne,
        Rel::Ne => Rel::Eq,
        Rel::Lt => Rel::Ge,
        Rel::Le => Rel::Gt,
        Rel::Gt => Rel::Le,
        Rel::Ge => Rel::Lt,
    }
}

fn union(one: &[(u64, u64)], other: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut all = [one, other].concat();
    all.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (first, last) in all {
        match joined.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

fn intersection(one: &[(u64, u64)], other: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a.0.max(b.0), a.1.min(b.1))));
    pairs.filter(|(first, last)| first <= last).collect()
}

impl Atom {
    /// Both, in alternatives.
    fn and(&self, other: &Atom) -> Vec<Atom> {
        if let (Is::In(one), Is::In(two), true) = (&self.is, &other.is, self.seen == other.seen) {
            let both = intersection(one, two);
            return if both.is_empty() { Vec::new() } else { vec![Atom { is: Is::In(both), ..*self }] };
        }
        let (ours, others) = (self.masks(), other.masks());
        let pairs = ours.iter().flat_map(|one| others.iter().map(move |two| (one, two)));
        let agree = pairs.filter(|((a, x), (b, y))| (x ^ y) & a & b == 0);
        let both = |((a, x), (b, y)): (&(u64, u64), &(u64, u64))| Is::Bits { mask: a | b, value: x | y };
        agree.map(|pair| Atom { index: self.index, seen: self.seen | other.seen, is: both(pair) }).collect()
    }

    /// The masks and what they must leave, one of them.
    fn masks(&self) -> Vec<(u64, u64)> {
        match &self.is {
            Is::Bits { mask, value } => vec![(*mask, *value)],
            Is::In(ranges) => ranges.iter().flat_map(|range| blocks(*range, self.seen)).collect(),
        }
    }

    /// The conditions of which one must hold.
    fn tests(&self) -> Vec<Test> {
        if let (Is::In(ranges), u64::MAX) = (&self.is, self.seen) {
            match ranges[..] {
                [(first, last)] if first == last => return vec![Test::Is(Rel::Eq, first)],
                [(0, last)] => return vec![Test::Is(Rel::Le, last)],
                [(first, u64::MAX)] => return vec![Test::Is(Rel::Ge, first)],
                [(0, before), (after, u64::MAX)] if after - before == 2 => return vec![Test::Is(Rel::Ne, before + 1)],
                _ => {}
            }
        }
        self.masks().into_iter().map(|(mask, value)| Test::Bits { mask, value }).collect()
    }
}

/// A range as blocks of numbers that begin alike: the mask of their beginning, of what is seen, and what it leaves.
fn blocks((first, last): (u64, u64), seen: u64) -> Vec<(u64, u64)> {
    let mut all = Vec::new();
    let mut next = Some(first);
    while let Some(first) = next.filter(|first| *first <= last) {
        // As large as where it begins allows, and as the range does.
        let fits = |size: &u32| {
            let within = u64::MAX.checked_shr(64 - size).unwrap_or(0);
            first & within == 0 && first.checked_add(within).is_some_and(|end| end <= last)
        };
        let size = (0..=63).rev().find(fits).unwrap_or(0);
        let within = u64::MAX.checked_shr(64 - size).unwrap_or(0);
        all.push((seen & !within, first));
        next = (first + within).checked_add(1);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOCKET: u32 = 41;
    const MMAP: u32 = 9;

    fn holds(all: &[Vec<(u8, Test)>], args: [u64; 6]) -> bool {
        all.iter().any(|tests| {
            tests.iter().all(|(index, test)| match *test {
                Test::Is(rel, number) => rel.holds(args[usize::from(*index)], number),
                Test::Bits { mask, value } => args[usize::from(*index)] & mask == value,
            })
        })
    }

    fn arg(index: u8, width: Width, rel: Rel, number: u64) -> Expr {
        Expr::Compare(Value::Arg(index, width), rel, Value::Number(number))
    }

    #[test]
    fn ranges_come_apart_into_blocks() {
        let of = |first, last| blocks((first, last), u64::from(u32::MAX));
        assert_eq!(of(3, 9), [(0xffff_ffff, 3), (0xffff_fffc, 4), (0xffff_fffe, 8)]);
        assert_eq!(of(0, 0xffff_ffff), [(0, 0)]);
        assert_eq!(blocks((1, u64::MAX), u64::MAX).len(), 64);
        assert_eq!(blocks((0, u64::MAX), u64::MAX), [(1 << 63, 0), (1 << 63, 1 << 63)]);
    }

    #[test]
    fn what_the_kernel_does_not_see_is_not_looked_at() {
        let none_of = Expr::All([1, 2, 10].map(|family| arg(0, Width::Int, Rel::Ne, family)).to_vec());
        let one_of = Expr::Not(Box::new(none_of.clone()));
        let (none_of, one_of) = (alternatives(SOCKET, &none_of).unwrap(), alternatives(SOCKET, &one_of).unwrap());
        assert_eq!(one_of.len(), 3);
        for low in (0..100).chain([0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
            for high in [0, 1 << 32, u64::MAX << 32] {
                let args = [low | high, 0, 0, 0, 0, 0];
                let is = [1, 2, 10].contains(&low);
                assert_eq!((holds(&one_of, args), holds(&none_of, args)), (is, !is), "{args:x?}");
            }
        }
    }

    #[test]
    fn every_relation_is_said() {
        let numbers = [0, 1, 2, 7, 8, 9, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
        let more = [1 << 32, u64::MAX - 1, u64::MAX];
        for rel in [Rel::Eq, Rel::Ne, Rel::Lt, Rel::Le, Rel::Gt, Rel::Ge] {
            for number in numbers {
                for value in numbers.into_iter().chain(more) {
                    let args = [value; 6];
                    let narrow = alternatives(SOCKET, &arg(0, Width::Int, rel, number)).unwrap();
                    assert_eq!(
                        holds(&narrow, args),
                        rel.holds(value & 0xffff_ffff, number),
                        "{rel:?} {number} {value}"
                    );
                    let wide = alternatives(MMAP, &arg(1, Width::Long, rel, number)).unwrap();
                    assert_eq!(holds(&wide, args), rel.holds(value, number), "{rel:?} {number} {value}");
                    assert!(rel == Rel::Ne || wide.len() <= 1, "{wide:?}");
                }
            }
        }
        // More than the kernel sees.
        assert_eq!(alternatives(SOCKET, &arg(0, Width::Long, Rel::Eq, 1)), None);
    }
}
