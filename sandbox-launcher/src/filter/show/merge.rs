//! Several filters as one that answers what the kernel answers when all are loaded.

use sandbox_core::seccomp::{Action, Clause, Cond, ENOSYS, Expr, Filter, Op, Rel, Rule, Value};

/// Expressions in their order, and what there is otherwise.
pub type Arms = (Vec<(Expr, Action)>, Action);

/// A rule as expressions.
pub fn arms(rule: Rule) -> Arms {
    match rule {
        Rule::Always(action) => (Vec::new(), action),
        Rule::ByExpr { arms, otherwise } => (arms, otherwise),
        Rule::ByArgs { clauses, otherwise } => {
            let arm = |Clause { when, action }: Clause| (Expr::All(when.iter().map(expr).collect()), action);
            (clauses.into_iter().map(arm).collect(), otherwise)
        }
    }
}

fn expr(cond: &Cond) -> Expr {
    let (arg, number) = (Value::Arg(cond.arg, cond.width), Value::Number(cond.value));
    match cond.op {
        Op::Eq => Expr::Compare(arg, Rel::Eq, number),
        Op::Ne => Expr::Compare(arg, Rel::Ne, number),
        Op::Lt => Expr::Compare(arg, Rel::Lt, number),
        Op::Le => Expr::Compare(arg, Rel::Le, number),
        Op::Gt => Expr::Compare(arg, Rel::Gt, number),
        Op::Ge => Expr::Compare(arg, Rel::Ge, number),
        Op::MaskedEq(mask) => {
            let masked = Value::And(Box::new(arg), Box::new(Value::Number(mask)));
            Expr::Compare(masked, Rel::Eq, Value::Number(cond.value & mask))
        }
    }
}

/// All of them, in the order in which they are loaded: the strictest decides, and of equals the last.
pub fn merge(filters: Vec<Filter>) -> Filter {
    filters.into_iter().reduce(two).unwrap_or(Filter::new(Action::Allow))
}

fn two(first: Filter, last: Filter) -> Filter {
    let numbers: std::collections::BTreeSet<u32> = first.rules.keys().chain(last.rules.keys()).copied().collect();
    let rule = |nr: u32| {
        let known = sandbox_core::seccomp::is_known(nr);
        let answer = |filter: &Filter| match filter.rules.get(&nr) {
            Some(rule) => arms(rule.clone()),
            None => (Vec::new(), if known { filter.default } else { filter.unknown }),
        };
        let ((mut ours, otherwise), (theirs, others)) = (answer(&first), answer(&last));
        ours.push((Expr::All(Vec::new()), otherwise));
        // Every pair in order: of those that hold, the first is that of the first ones of either.
        let mut all = Vec::new();
        for (when, action) in &ours {
            for (other, theirs) in &theirs {
                all.push((Expr::All(vec![when.clone(), other.clone()]), stricter(*action, *theirs)));
            }
            all.push((when.clone(), stricter(*action, others)));
        }
        let (_, otherwise) = all.pop().unwrap_or((Expr::All(Vec::new()), ENOSYS));
        // At the end those that say what is said anyway.
        while all.last().is_some_and(|(_, action)| *action == otherwise) {
            all.pop();
        }
        let rule = if all.is_empty() { Rule::Always(otherwise) } else { Rule::ByExpr { arms: all, otherwise } };
        (nr, rule)
    };
    Filter {
        default: stricter(first.default, last.default),
        unknown: stricter(first.unknown, last.unknown),
        rules: numbers.into_iter().map(rule).collect(),
    }
}

fn stricter(first: Action, last: Action) -> Action {
    if first.severity() > last.severity() { first } else { last }
}
