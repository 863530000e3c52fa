//! From a filter to the one program the kernel runs.
//!
//! The number space is cut into ranges of equal outcome and a tree of comparisons, in an order that `shape` chooses, finds
//! the range: about ten instructions for any number (a list of 300 comparisons costs half a millisecond at every start).
//! The kernel learns which numbers are always allowed, and only an answer that depends on nothing but the number can be
//! learned: so arguments are loaded in the leaves and nowhere else.

use std::collections::BTreeMap;

use libc::sock_filter;

use crate::expr;
use crate::graph::{Node, code};
use crate::ir::{Action, ENOSYS, Error, Filter, Rule};
use crate::layout;
use crate::leaf::leaf;
use crate::shape::{self, Run, Tree};
use crate::syscalls;

/// BPF_MAXINSNS, include/uapi/linux/bpf_common.h; seccompiler stops one short of it, and so do we.
pub const MAX_LEN: usize = 4095;

/// A number that no kernel has and every filter of ours answers with [`MARKER_ERRNO`].
///
/// Whether this process is already inside one of our jails must be known before anything is believed, and a variable,
/// a file or a name could have been put there by anyone. Nobody can take a filter off or make the kernel itself answer
/// an errno it does not have.
pub const MARKER_NR: u32 = 0x3fff_5b58;
/// No errno of Linux: those end at 133 (and 512 to 531 inside the kernel). The C library passes on up to 4095.
pub const MARKER_ERRNO: u16 = 1112;

/// AUDIT_ARCH_X86_64, include/uapi/linux/audit.h. x32 has the same one: it is told by its numbers.
pub(crate) const ARCH: u32 = 0xc000_003e;

/// Offsets in `struct seccomp_data`.
const NR: u32 = 0;
const ARCH_OFFSET: u32 = 4;

/// How many instructions look at the architecture, and load the number: the first of every program.
const GUARD: usize = 4;

/// An instruction.
pub const fn insn(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

pub(crate) const fn ret(action: Action) -> sock_filter {
    insn(code::RET, 0, 0, action.ret())
}

/// The program for a filter, with the guards no filter can lift:
///
/// * a foreign architecture (`int $0x80`) kills the process: its numbers mean other calls;
/// * x32 numbers (0x4000_0000 and above, so −1 too) are ENOSYS, and so are 512 to 547, x32 calls that some kernels
///   also take without that bit;
/// * so are numbers that are not assigned, or were not when this was written: a newer kernel's call is not known to
///   be harmless, and ENOSYS is what makes a C library fall back;
/// * [`MARKER_NR`] answers [`MARKER_ERRNO`].
///
/// A filter may answer the second and third more strictly than by ENOSYS, and in no other way.
///
/// It is done while a program starts, so the order of its comparisons is good, not the best.
pub fn compile(filter: &Filter) -> Result<Vec<sock_filter>, Error> {
    compile_as(filter, false)
}

/// The same, in the best order there is: for what is compiled once and loaded often.
pub fn compile_well(filter: &Filter) -> Result<Vec<sock_filter>, Error> {
    compile_as(filter, true)
}

fn compile_as(filter: &Filter, best: bool) -> Result<Vec<sock_filter>, Error> {
    let ranges = ranges(filter)?;
    let runs = runs(&ranges);
    let shape = if best { shape::best } else { shape::quick };
    let decisions = shape(&runs, syscalls::NEWEST).ok_or(Error::Layout)?;
    let mut tree = Backwards { ranges: &ranges, code: Vec::with_capacity(4 * ranges.len()), leaves: Vec::new() };
    let root = tree.subtree(&decisions)?;
    tree.enter(root);
    tree.code.push(insn(code::LD, 0, 0, NR));
    tree.code.push(ret(Action::KillProcess));
    tree.code.push(insn(code::JEQ, 1, 0, ARCH));
    tree.code.push(insn(code::LD, 0, 0, ARCH_OFFSET));
    if tree.code.len() > MAX_LEN {
        return Err(Error::TooLong(tree.code.len()));
    }
    tree.code.reverse();
    Ok(if best { layout::settle(tree.code, GUARD) } else { tree.code })
}

#[derive(Clone, Copy, PartialEq)]
enum Outcome<'a> {
    Ret(u32),
    Args(&'a Rule),
}

struct Range<'a> {
    first: u32,
    last: u32,
    outcome: Outcome<'a>,
}

fn ranges(filter: &Filter) -> Result<Vec<Range<'_>>, Error> {
    let lax = |&(&nr, rule): &(&u32, &Rule)| !syscalls::is_known(nr) && (nr == MARKER_NR || !rule.refuses());
    if let Some((&nr, _)) = filter.rules.iter().find(lax) {
        return Err(Error::Unknown(nr));
    }
    let guard = Outcome::Ret(if filter.unknown.refuses() { filter.unknown } else { ENOSYS }.ret());
    let known = (0..=syscalls::NEWEST).map(|nr| match filter.rules.get(&nr) {
        Some(rule) => (nr, outcome(rule)),
        None if !syscalls::is_known(nr) => (nr, guard),
        None => (nr, Outcome::Ret(filter.default.ret())),
    });
    let mut above = BTreeMap::from([(syscalls::NEWEST + 1, guard), (MARKER_NR + 1, guard)]);
    for (&nr, rule) in filter.rules.range(syscalls::NEWEST + 1..) {
        above.insert(nr, outcome(rule));
        if let Some(next) = nr.checked_add(1) {
            above.entry(next).or_insert(guard);
        }
    }
    above.insert(MARKER_NR, Outcome::Ret(Action::Errno(MARKER_ERRNO).ret()));
    let mut ranges: Vec<Range> = Vec::with_capacity(128);
    for (first, outcome) in known.chain(above) {
        match ranges.last_mut() {
            Some(range) if range.outcome == outcome => continue,
            Some(range) => range.last = first - 1,
            None => (),
        }
        ranges.push(Range { first, last: u32::MAX, outcome });
    }
    Ok(ranges)
}

/// The class of a run is the first range that has its outcome.
fn runs(ranges: &[Range]) -> Vec<Run> {
    let class = |range: &Range| ranges.iter().position(|other| other.outcome == range.outcome).unwrap_or(0);
    let run = |range: &Range| {
        let answered = matches!(range.outcome, Outcome::Ret(_));
        Run { first: range.first, last: range.last, class: class(range), answered }
    };
    ranges.iter().map(run).collect()
}

fn outcome(rule: &Rule) -> Outcome<'_> {
    match rule {
        Rule::Always(action) => Outcome::Ret(action.ret()),
        // Arguments that make no difference are not looked at: the kernel can then answer without the program.
        Rule::ByArgs { clauses, otherwise } if clauses.iter().all(|c| c.action == *otherwise) => {
            Outcome::Ret(otherwise.ret())
        }
        Rule::ByExpr { arms, otherwise } if arms.iter().all(|(_, action)| action == otherwise) => {
            Outcome::Ret(otherwise.ret())
        }
        Rule::ByArgs { .. } | Rule::ByExpr { .. } => Outcome::Args(rule),
    }
}

/// Where a jump goes: to a return that can be put anywhere, or to an instruction, counted from the program's end.
#[derive(Clone, Copy)]
enum Target {
    Ret(u32),
    At(usize),
}

/// A program written from its end to its start, as jumps only go forward and their targets must have a place.
struct Backwards<'r, 'a> {
    ranges: &'r [Range<'a>],
    code: Vec<sock_filter>,
    /// Leaves already written, to be shared by calls with the same rule (chmod, fchmod).
    leaves: Vec<(&'a Rule, Target)>,
}

/// A conditional jump skips up to 255 instructions. Making room for one target may push the other two away.
const REACH: usize = 250;

impl<'a> Backwards<'_, 'a> {
    fn subtree(&mut self, tree: &Tree) -> Result<Target, Error> {
        match tree {
            Tree::Class(at) => self.outcome(self.ranges.get(*at).ok_or(Error::Layout)?.outcome),
            // What is written last is gone on to: one instruction of the kernel's instead of two.
            Tree::Test { code, k, yes, no } => {
                let yes = self.subtree(yes)?;
                let no = self.subtree(no)?;
                self.test(*code, *k, yes, no)
            }
        }
    }

    fn outcome(&mut self, outcome: Outcome<'a>) -> Result<Target, Error> {
        match outcome {
            Outcome::Ret(value) => Ok(Target::Ret(value)),
            Outcome::Args(rule) => self.leaf(rule),
        }
    }

    fn leaf(&mut self, rule: &'a Rule) -> Result<Target, Error> {
        if let Some(&(_, target)) = self.leaves.iter().find(|(known, _)| *known == rule) {
            return Ok(target);
        }
        let graph = match rule {
            Rule::Always(_) => return Err(Error::Layout),
            Rule::ByArgs { clauses, otherwise } => leaf(clauses, *otherwise)?,
            Rule::ByExpr { arms, otherwise } => expr::graph(arms, *otherwise)?,
        };
        // Each node's place; dead ones and returns have none until something jumps to them.
        let mut places = vec![Target::Ret(0); graph.len()];
        for (at, node) in graph.backwards() {
            let place = |node: usize| places.get(node).copied().ok_or(Error::Layout);
            let target = match node {
                Node::Ret(value) => Target::Ret(value),
                Node::Skip(next) => place(next)?,
                Node::Test { code, k, yes, no } => {
                    let (yes, no) = (place(yes)?, place(no)?);
                    self.test(code, k, yes, no)?
                }
                Node::Mask { mask, next } => {
                    let next = place(next)?;
                    self.step(insn(code::AND, 0, 0, mask), next)
                }
                Node::Step { code, k, next } => {
                    let next = place(next)?;
                    self.step(insn(code, 0, 0, k), next)
                }
                Node::Load { offset, mask: u32::MAX, next } => {
                    let next = place(next)?;
                    self.step(insn(code::LD, 0, 0, offset), next)
                }
                Node::Load { offset, mask, next } => {
                    let next = place(next)?;
                    let masked = self.step(insn(code::AND, 0, 0, mask), next);
                    self.step(insn(code::LD, 0, 0, offset), masked)
                }
            };
            *places.get_mut(at).ok_or(Error::Layout)? = target;
        }
        let target = places.first().copied().ok_or(Error::Layout)?;
        self.leaves.push((rule, target));
        Ok(target)
    }

    /// Writes a conditional jump, unless there is the same one already: rules often end alike.
    fn test(&mut self, code: u16, k: u32, yes: Target, no: Target) -> Result<Target, Error> {
        let same = |at: usize, i: &sock_filter| {
            let leads = |skip: u8, to: Target| self.is(at - usize::from(skip) - 1, to);
            i.code == code && i.k == k && leads(i.jt, yes) && leads(i.jf, no)
        };
        if let Some(at) = self.recent().find_map(|(at, i)| same(at, i).then_some(at)) {
            return Ok(Target::At(at));
        }
        let (yes, no) = (self.near(yes), self.near(no));
        let here = self.code.len();
        let skip = |at: usize| u8::try_from(here - at - 1).map_err(|_| Error::Layout);
        self.code.push(insn(code, skip(yes)?, skip(no)?, k));
        Ok(Target::At(here))
    }

    /// Writes an instruction that goes on to this target, unless there is the same one already.
    fn step(&mut self, insn: sock_filter, next: Target) -> Target {
        let same = |at: usize, i: &sock_filter| (i.code, i.k) == (insn.code, insn.k) && self.is(at - 1, next);
        if let Some(at) = self.recent().find_map(|(at, i)| (at > 0 && same(at, i)).then_some(at)) {
            return Target::At(at);
        }
        self.enter(next);
        self.code.push(insn);
        Target::At(self.code.len() - 1)
    }

    /// What a conditional jump written next can reach, with its places, the latest first.
    fn recent(&self) -> impl Iterator<Item = (usize, &sock_filter)> {
        self.code.iter().enumerate().skip(self.code.len().saturating_sub(REACH)).rev()
    }

    /// Whether what is written at this place is that target.
    fn is(&self, at: usize, target: Target) -> bool {
        match target {
            Target::At(other) => at == other,
            Target::Ret(value) => self.code.get(at).is_some_and(|i| i.code == code::RET && i.k == value),
        }
    }

    /// A place for this target that a conditional jump written next (or nearly) can reach: a return within reach or
    /// another one, an instruction or a jump to it.
    fn near(&mut self, target: Target) -> usize {
        let here = self.code.len();
        let bound = here.saturating_sub(REACH);
        match target {
            Target::At(at) if at >= bound => return at,
            Target::At(at) => self.code.push(insn(code::JA, 0, 0, (here - at - 1) as u32)),
            Target::Ret(value) => {
                if let Some(at) = self.recent().map(|(at, _)| at).find(|&at| self.is(at, target)) {
                    return at;
                }
                self.code.push(insn(code::RET, 0, 0, value));
            }
        }
        here
    }

    /// Makes what is written next fall into this target.
    fn enter(&mut self, target: Target) {
        match target {
            Target::At(at) if at + 1 == self.code.len() => (),
            Target::At(at) => self.code.push(insn(code::JA, 0, 0, (self.code.len() - at - 1) as u32)),
            Target::Ret(value) => self.code.push(insn(code::RET, 0, 0, value)),
        }
    }
}
