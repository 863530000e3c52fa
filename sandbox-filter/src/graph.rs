//! The decisions of a leaf as a graph, read from seccompiler's instructions or made by `expr`.
//!
//! seccompiler loads the argument anew for every clause, opens each with jumps that are never taken, and ends each in a
//! return of its own. The kernel checks and translates a new filter instruction by instruction, at 0.2 to 0.3 µs each:
//! written from the graph, the shipped filters have two thirds of them.

use libc::sock_filter;

/// The instructions in use, from include/uapi/linux/bpf_common.h.
pub(crate) mod code {
    pub const LD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    pub const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
    pub const JA: u16 = 0x05; // BPF_JMP | BPF_JA
    pub const JEQ: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    pub const JGT: u16 = 0x25; // BPF_JMP | BPF_JGT | BPF_K
    pub const JGE: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    pub const JSET: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
    pub const RET: u16 = 0x06; // BPF_RET | BPF_K
    pub const IMM: u16 = 0x00; // BPF_LD | BPF_IMM
    pub const OR: u16 = 0x44; // BPF_ALU | BPF_OR | BPF_K
    pub const ST: u16 = 0x02; // BPF_ST: the accumulator into a place of memory
    pub const LDX_MEM: u16 = 0x61; // BPF_LDX | BPF_MEM
    pub const X: u16 = 0x08; // BPF_X: with the index register instead of a number
}

/// Every bit: a load that masks nothing.
const ALL: u32 = u32::MAX;

/// One decision. Those it leads to are named by index, and come later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Node {
    Load {
        offset: u32,
        mask: u32,
        next: usize,
    },
    /// What is loaded already, masked.
    Mask {
        mask: u32,
        next: usize,
    },
    Test {
        code: u16,
        k: u32,
        yes: usize,
        no: usize,
    },
    /// Anything that goes on to the next.
    Step {
        code: u16,
        k: u32,
        next: usize,
    },
    Ret(u32),
    /// Nothing: what was here is done by the time one gets here.
    Skip(usize),
}

#[derive(Debug)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
}

/// What is known of the accumulator before a node.
#[derive(Clone, Copy, PartialEq)]
enum Held {
    /// The node is not reached.
    Never,
    Word {
        offset: u32,
        mask: u32,
    },
    /// Different words on different ways.
    Unknown,
}

impl Graph {
    /// A graph that was made node by node; the first is where it starts. `None` when it leads backwards or outside.
    pub(crate) fn new(nodes: Vec<Node>) -> Option<Graph> {
        let mut graph = Graph { nodes };
        graph.drop_loads()?;
        graph.drop_known_tests()?;
        Some(graph)
    }

    /// `None` when these are not instructions as seccompiler makes them.
    pub(crate) fn parse(program: &[sock_filter]) -> Option<Graph> {
        let mut nodes = Vec::with_capacity(program.len());
        for (at, i) in program.iter().enumerate() {
            let after = |skip: u32| at.checked_add(1)?.checked_add(usize::try_from(skip).ok()?);
            nodes.push(match i.code {
                code::LD => Node::Load { offset: i.k, mask: ALL, next: after(0)? },
                code::AND => Node::Mask { mask: i.k, next: after(0)? },
                code::JA => Node::Skip(after(i.k)?),
                code::JEQ | code::JGT | code::JGE => {
                    Node::Test { code: i.code, k: i.k, yes: after(i.jt.into())?, no: after(i.jf.into())? }
                }
                code::RET => Node::Ret(i.k),
                _ => return None,
            });
        }
        let mut graph = Graph { nodes };
        graph.drop_unreached()?;
        graph.fold_masks()?;
        graph.drop_loads()?;
        graph.drop_known_tests()?;
        Some(graph)
    }

    /// Empties what nothing leads to. That is not only waste: the jump over the last clause ends outside.
    fn drop_unreached(&mut self) -> Option<()> {
        let mut reached = vec![false; self.nodes.len()];
        *reached.first_mut()? = true;
        // Everything leads forward, so all ways to a node are known when its turn comes.
        for (node, at) in self.nodes.iter_mut().zip(0..) {
            match *node {
                _ if !*reached.get(at)? => *node = Node::Ret(0),
                Node::Load { next, .. } | Node::Mask { next, .. } | Node::Step { next, .. } | Node::Skip(next) => {
                    *reached.get_mut(next)? = true;
                }
                Node::Test { yes, no, .. } => {
                    *reached.get_mut(yes)? = true;
                    *reached.get_mut(no)? = true;
                }
                Node::Ret(_) => (),
            }
        }
        Some(())
    }

    /// Joins each load with the mask after it, and both with a comparison with zero, which is one `JSET`.
    fn fold_masks(&mut self) -> Option<()> {
        for at in 0..self.nodes.len() {
            let Node::Load { offset, next, .. } = *self.nodes.get(at)? else {
                continue;
            };
            let Some(&Node::Mask { mask, next: test }) = self.nodes.get(next) else {
                continue;
            };
            // seccompiler puts the three in a row and jumps to none but the first.
            if self.led_to(next) != 1 || self.led_to(test) != 1 {
                return None;
            }
            *self.nodes.get_mut(at)? = match self.nodes.get_mut(test)? {
                Node::Test { code, k, yes, no } if *code == code::JEQ && *k == 0 => {
                    (*code, *k) = (code::JSET, mask);
                    std::mem::swap(yes, no);
                    Node::Load { offset, mask: ALL, next: test }
                }
                _ => Node::Load { offset, mask, next: test },
            };
        }
        Some(())
    }

    fn led_to(&self, target: usize) -> usize {
        let leads = |node: &Node| match *node {
            Node::Load { next, .. } | Node::Mask { next, .. } | Node::Step { next, .. } | Node::Skip(next) => {
                usize::from(next == target)
            }
            Node::Test { yes, no, .. } => usize::from(yes == target) + usize::from(no == target),
            Node::Ret(_) => 0,
        };
        self.nodes.iter().map(leads).sum()
    }

    /// Drops loads of what is held already on every way there, and masks joined to their loads.
    fn drop_loads(&mut self) -> Option<()> {
        let mut held = vec![Held::Never; self.nodes.len()];
        *held.first_mut()? = Held::Unknown;
        for at in 0..self.nodes.len() {
            let before = *held.get(at)?;
            let node = self.nodes.get_mut(at)?;
            if before == Held::Never {
                *node = Node::Ret(0);
                continue;
            }
            match *node {
                Node::Load { offset, mask, next } => {
                    if before == (Held::Word { offset, mask }) {
                        *node = Node::Skip(next);
                    } else if before == (Held::Word { offset, mask: ALL }) {
                        *node = Node::Mask { mask, next };
                    }
                    arrive(&mut held, next, Held::Word { offset, mask })?;
                }
                Node::Mask { next, .. } => arrive(&mut held, next, Held::Unknown)?,
                // The index register and the memory are written right before they are read.
                Node::Step { code: code::LDX_MEM | code::ST, next, .. } => arrive(&mut held, next, before)?,
                Node::Step { next, .. } => arrive(&mut held, next, Held::Unknown)?,
                Node::Skip(next) => arrive(&mut held, next, before)?,
                Node::Test { yes, no, .. } => {
                    arrive(&mut held, yes, before)?;
                    arrive(&mut held, no, before)?;
                }
                Node::Ret(_) => (),
            }
        }
        Some(())
    }

    /// Leads past comparisons whose outcome the one before has settled: clauses of one rule often ask the same again.
    fn drop_known_tests(&mut self) -> Option<()> {
        for at in (0..self.nodes.len()).rev() {
            let Node::Test { code, k, yes, no } = *self.nodes.get(at)? else { continue };
            let equal = |other, number| (code == code::JEQ).then(|| holds(other, k, number)).flatten();
            let differs = |other, number| (code & code::X == 0 && (other, number) == (code, k)).then_some(false);
            let (yes, no) = (self.past(yes, equal)?, self.past(no, differs)?);
            *self.nodes.get_mut(at)? = Node::Test { code, k, yes, no };
        }
        self.drop_unreached()
    }

    /// Where one gets from a node when of some tests it is known whether they hold.
    fn past(&self, mut at: usize, known: impl Fn(u16, u32) -> Option<bool>) -> Option<usize> {
        loop {
            at = match *self.nodes.get(at)? {
                Node::Skip(next) => next,
                Node::Test { code, k, yes, no } => match known(code, k) {
                    Some(true) => yes,
                    Some(false) => no,
                    None => return Some(at),
                },
                _ => return Some(at),
            }
        }
    }

    /// The nodes, those first that nothing but returns and nodes given before can follow.
    pub(crate) fn backwards(&self) -> impl Iterator<Item = (usize, Node)> {
        self.nodes.iter().copied().enumerate().rev()
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }
}

/// Whether a comparison of this value with a number holds. `None` for one with the index register.
fn holds(code: u16, value: u32, number: u32) -> Option<bool> {
    Some(match code {
        code::JEQ => value == number,
        code::JGT => value > number,
        code::JGE => value >= number,
        code::JSET => value & number != 0,
        _ => return None,
    })
}

/// Notes one way to a node. `None` when it leads outside.
fn arrive(held: &mut [Held], at: usize, by: Held) -> Option<()> {
    let known = held.get_mut(at)?;
    *known = match *known {
        Held::Never => by,
        same if same == by => by,
        _ => Held::Unknown,
    };
    Some(())
}
