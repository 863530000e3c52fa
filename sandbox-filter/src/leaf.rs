//! The part of a program that looks at arguments, for one rule: seccompiler's work, cut out of a program of its own.
//!
//! seccompiler knows one action per filter, checks only the architecture and chains numbers linearly, so it is given
//! one number and clauses of one action at a time; the rest is done by `compile`. Its jumps are relative and stay
//! within the clauses, so what is cut out runs anywhere.

use libc::sock_filter;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use crate::compile::ret;
use crate::graph::{Graph, code};
use crate::ir::{Action, Clause, Cond, Error, Op, Width};

/// Stands for "no clause held" in seccompiler's programs. Nothing of ours returns it, so a leaf that still does is
/// recognised as badly cut.
const NEXT: SeccompAction = SeccompAction::Trace(0);

/// What precedes the first clause: the architecture (3), the number loaded and compared (2), and a pair of jumps, over
/// the clauses when the number differs and into them when it does not.
const PROLOGUE: usize = 7;
/// Two returns of `NEXT`: no clause held, and no number was the one asked for.
const EPILOGUE: usize = 2;

/// The decisions for these clauses.
pub(crate) fn leaf(clauses: &[Clause], otherwise: Action) -> Result<Graph, Error> {
    let mut program = Vec::new();
    // Clauses of one action share a part; where no clause of a part holds it falls off its end, into the next.
    for part in clauses.chunk_by(|a, b| a.action == b.action) {
        let Some(action) = part.first().map(|clause| clause.action) else {
            continue;
        };
        if part.iter().any(|clause| clause.when.is_empty()) {
            // No condition always holds, which seccompiler does not take for a rule.
            program.push(ret(action));
            return Graph::parse(&program).ok_or(Error::Layout);
        }
        program.extend(conditions(part, action)?);
    }
    program.push(ret(otherwise));
    Graph::parse(&program).ok_or(Error::Layout)
}

fn conditions(clauses: &[Clause], action: Action) -> Result<Vec<sock_filter>, Error> {
    // Any one number does: it is only compared in the prologue.
    const NR: i64 = 0;
    let rules = clauses
        .iter()
        // It tests the last condition first.
        .map(|clause| SeccompRule::new(clause.when.iter().rev().map(condition).collect::<Result<_, _>>()?))
        .collect::<Result<Vec<_>, _>>()
        .map_err(Error::Argument)?;
    let action = seccomp_action(action).ok_or(Error::Layout)?;
    let filter = SeccompFilter::new([(NR, rules)].into(), NEXT, action, TargetArch::x86_64).map_err(Error::Argument)?;
    let program = BpfProgram::try_from(filter).map_err(Error::Argument)?;
    cut(&program)
}

fn cut(program: &[seccompiler::sock_filter]) -> Result<Vec<sock_filter>, Error> {
    let next = u32::from(NEXT);
    let end = program.len().checked_sub(EPILOGUE).ok_or(Error::Layout)?;
    let (Some(prologue), Some(body), Some(epilogue)) =
        (program.get(..PROLOGUE), program.get(PROLOGUE..end), program.get(end..))
    else {
        return Err(Error::Layout);
    };
    let is_next = |i: &seccompiler::sock_filter| i.code == code::RET && i.k == next;
    let [.., compare, enter, _] = prologue else {
        return Err(Error::Layout);
    };
    let entered = compare.code == code::JEQ && compare.jt == 0 && enter.code == code::JA && enter.k == 1;
    if !entered || body.is_empty() || body.iter().any(is_next) || !epilogue.iter().all(is_next) {
        return Err(Error::Layout);
    }
    Ok(body.iter().map(|i| sock_filter { code: i.code, jt: i.jt, jf: i.jf, k: i.k }).collect())
}

fn condition(cond: &Cond) -> Result<SeccompCondition, BackendError> {
    let len = match cond.width {
        // No table compares one; languages speak through expressions.
        Width::Short => return Err(BackendError::InvalidArgumentNumber),
        Width::Int => SeccompCmpArgLen::Dword,
        Width::Long => SeccompCmpArgLen::Qword,
    };
    let op = match cond.op {
        Op::Eq => SeccompCmpOp::Eq,
        Op::Ne => SeccompCmpOp::Ne,
        Op::Lt => SeccompCmpOp::Lt,
        Op::Le => SeccompCmpOp::Le,
        Op::Gt => SeccompCmpOp::Gt,
        Op::Ge => SeccompCmpOp::Ge,
        Op::MaskedEq(mask) => SeccompCmpOp::MaskedEq(mask),
    };
    SeccompCondition::new(cond.arg, len, op, cond.value)
}

/// `None` for what seccompiler cannot say, and what stands for something else here.
fn seccomp_action(action: Action) -> Option<SeccompAction> {
    Some(match action {
        Action::Allow => SeccompAction::Allow,
        Action::Log => SeccompAction::Log,
        Action::Errno(errno) => SeccompAction::Errno(u32::from(errno)),
        Action::Trap(0) => SeccompAction::Trap,
        Action::KillThread => SeccompAction::KillThread,
        Action::KillProcess => SeccompAction::KillProcess,
        Action::Trace(_) | Action::Notify | Action::Trap(_) => return None,
    })
}
