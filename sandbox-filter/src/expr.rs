//! The part of a program that looks at arguments, for rules that are expressions.
//!
//! The machine compares 32 bits at a time, and two things it has loaded only by way of its index register; so a
//! comparison is one or two of words, each made of loads, masks and numbers.

use crate::graph::{Graph, Node, code};
use crate::ir::{Action, Error, Expr, Rel, Value, Width};

/// BPF_MEMWORDS, include/uapi/linux/bpf_common.h
const PLACES: u32 = 16;
/// Offset of the arguments in `struct seccomp_data`.
const ARGS: u32 = 16;

/// The decisions of these arms: the first whose expression holds.
pub(crate) fn graph(arms: &[(Expr, Action)], otherwise: Action) -> Result<Graph, Error> {
    let mut nodes = Nodes(Vec::new());
    let mut next = nodes.put(Node::Ret(otherwise.ret()));
    for (when, action) in arms.iter().rev() {
        let yes = nodes.put(Node::Ret(action.ret()));
        next = nodes.expr(when, yes, next)?;
    }
    nodes.graph(next).ok_or(Error::Layout)
}

/// Nodes from the last to the first, as each must be there before what leads to it. Named by their place in that order
/// until all are there.
struct Nodes(Vec<Node>);

/// One half of a value.
#[derive(Clone, PartialEq)]
enum Word {
    Number(u32),
    Load { offset: u32, mask: u32 },
    Both(u16, Box<Word>, Box<Word>),
}

#[derive(Clone, Copy, PartialEq)]
enum Half {
    Low,
    High,
}

impl Nodes {
    fn put(&mut self, node: Node) -> usize {
        self.0.push(node);
        self.0.len() - 1
    }

    /// In the order in which they run, from this one.
    fn graph(mut self, first: usize) -> Option<Graph> {
        self.0.truncate(first + 1);
        let turn = |at: usize| first - at;
        self.0.reverse();
        for node in &mut self.0 {
            match node {
                Node::Load { next, .. } | Node::Mask { next, .. } | Node::Step { next, .. } | Node::Skip(next) => {
                    *next = turn(*next);
                }
                Node::Test { yes, no, .. } => (*yes, *no) = (turn(*yes), turn(*no)),
                Node::Ret(_) => (),
            }
        }
        Graph::new(self.0)
    }

    fn expr(&mut self, expr: &Expr, yes: usize, no: usize) -> Result<usize, Error> {
        match expr {
            Expr::Not(inner) => self.expr(inner, no, yes),
            Expr::All(parts) => parts.iter().rev().try_fold(yes, |next, part| self.expr(part, next, no)),
            Expr::Any(parts) => parts.iter().rev().try_fold(no, |next, part| self.expr(part, yes, next)),
            Expr::Compare(left, rel, right) => match rel {
                Rel::Eq => self.equal(left, right, yes, no),
                Rel::Ne => self.equal(left, right, no, yes),
                Rel::Gt => self.greater(code::JGT, left, right, yes, no),
                Rel::Le => self.greater(code::JGT, left, right, no, yes),
                Rel::Ge => self.greater(code::JGE, left, right, yes, no),
                Rel::Lt => self.greater(code::JGE, left, right, no, yes),
            },
        }
    }

    fn equal(&mut self, left: &Value, right: &Value, yes: usize, no: usize) -> Result<usize, Error> {
        let low = self.compare(code::JEQ, word(left, Half::Low)?, word(right, Half::Low)?, yes, no)?;
        self.compare(code::JEQ, word(left, Half::High)?, word(right, Half::High)?, low, no)
    }

    /// The high halves decide unless they are equal.
    fn greater(&mut self, than: u16, left: &Value, right: &Value, yes: usize, no: usize) -> Result<usize, Error> {
        let low = self.compare(than, word(left, Half::Low)?, word(right, Half::Low)?, yes, no)?;
        let (left, right) = (word(left, Half::High)?, word(right, Half::High)?);
        let same = self.compare(code::JEQ, left.clone(), right.clone(), low, no)?;
        self.compare(code::JGT, left, right, yes, same)
    }

    fn compare(&mut self, test: u16, left: Word, right: Word, yes: usize, no: usize) -> Result<usize, Error> {
        if yes == no {
            return Ok(yes);
        }
        match (left, right) {
            (Word::Number(left), Word::Number(right)) => {
                let holds = match test {
                    code::JEQ => left == right,
                    code::JGT => left > right,
                    _ => left >= right,
                };
                Ok(if holds { yes } else { no })
            }
            // n > x is not x >= n.
            (Word::Number(left), right) => match test {
                code::JEQ => self.compare(code::JEQ, right, Word::Number(left), yes, no),
                code::JGT => self.compare(code::JGE, right, Word::Number(left), no, yes),
                _ => self.compare(code::JGT, right, Word::Number(left), no, yes),
            },
            (_, Word::Number(0)) if test == code::JGE => Ok(yes),
            (_, Word::Number(u32::MAX)) if test == code::JGT => Ok(no),
            // Nothing of a mask is set: one instruction, and no need to mask.
            (Word::Load { offset, mask }, Word::Number(0)) if mask != u32::MAX && test != code::JGE => {
                let (yes, no) = if test == code::JEQ { (no, yes) } else { (yes, no) };
                let set = self.put(Node::Test { code: code::JSET, k: mask, yes, no });
                Ok(self.put(Node::Load { offset, mask: u32::MAX, next: set }))
            }
            (left, Word::Number(k)) => {
                let next = self.put(Node::Test { code: test, k, yes, no });
                self.load(&left, 0, next)
            }
            (left, right) if left == right => Ok(if test == code::JGT { no } else { yes }),
            (left, right) => {
                let test = self.put(Node::Test { code: test | code::X, k: 0, yes, no });
                self.two(&left, &right, 0, test)
            }
        }
    }

    /// The accumulator becomes this word. Places from `free` on may be written.
    fn load(&mut self, word: &Word, free: u32, next: usize) -> Result<usize, Error> {
        match word {
            &Word::Number(k) => Ok(self.put(Node::Step { code: code::IMM, k, next })),
            &Word::Load { offset, mask } => Ok(self.put(Node::Load { offset, mask, next })),
            Word::Both(op, left, right) => {
                if let Word::Number(k) = **right {
                    let next = self.put(Node::Step { code: *op, k, next });
                    return self.load(left, free, next);
                }
                let next = self.put(Node::Step { code: op | code::X, k: 0, next });
                self.two(left, right, free, next)
            }
        }
    }

    /// The accumulator becomes the left word, the index register the right one.
    fn two(&mut self, left: &Word, right: &Word, free: u32, next: usize) -> Result<usize, Error> {
        if free >= PLACES {
            return Err(Error::TooDeep);
        }
        let next = self.put(Node::Step { code: code::LDX_MEM, k: free, next });
        let next = self.load(left, free + 1, next)?;
        let next = self.put(Node::Step { code: code::ST, k: free, next });
        self.load(right, free, next)
    }
}

fn word(value: &Value, half: Half) -> Result<Word, Error> {
    Ok(match value {
        Value::Number(number) => Word::Number((if half == Half::Low { *number } else { *number >> 32 }) as u32),
        Value::Arg(index, _) if *index > 5 => return Err(Error::Index(*index)),
        Value::Arg(index, width) => {
            let offset = ARGS + 8 * u32::from(*index);
            match (width, half) {
                (Width::Short, Half::Low) => Word::Load { offset, mask: 0xffff },
                (_, Half::Low) => Word::Load { offset, mask: u32::MAX },
                (Width::Long, Half::High) => Word::Load { offset: offset + 4, mask: u32::MAX },
                (_, Half::High) => Word::Number(0),
            }
        }
        Value::And(left, right) => both(code::AND, word(left, half)?, word(right, half)?),
        Value::Or(left, right) => both(code::OR, word(left, half)?, word(right, half)?),
    })
}

fn both(op: u16, left: Word, right: Word) -> Word {
    let (neutral, absorbing) = if op == code::AND { (u32::MAX, 0) } else { (0, u32::MAX) };
    match (left, right) {
        (Word::Number(left), Word::Number(right)) => {
            Word::Number(if op == code::AND { left & right } else { left | right })
        }
        (Word::Number(number), other) | (other, Word::Number(number)) => match other {
            other if number == neutral => other,
            _ if number == absorbing => Word::Number(absorbing),
            Word::Load { offset, mask } if op == code::AND => match mask & number {
                0 => Word::Number(0),
                mask => Word::Load { offset, mask },
            },
            other => Word::Both(op, Box::new(other), Box::new(Word::Number(number))),
        },
        (left, right) => Word::Both(op, Box::new(left), Box::new(right)),
    }
}
