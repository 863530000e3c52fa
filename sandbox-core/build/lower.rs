//! From expressions to clauses, which fit into tables without pointers and are what seccompiler knows.

use std::collections::BTreeMap;

use sandbox_filter::{Action, Clause, Cond, Expr, Filter, Op, Rel, Rule, Value, Width};

/// The same filter, or the number of the call whose rule no clauses say.
pub fn filter(filter: Filter) -> Result<Filter, u32> {
    let Filter { default, unknown, rules } = filter;
    let rule = |(nr, rule)| match rule {
        Rule::ByExpr { arms, otherwise } => Ok((nr, clauses(&arms, otherwise).ok_or(nr)?)),
        rule => Ok((nr, rule)),
    };
    let mut rules = rules.into_iter().map(rule).collect::<Result<BTreeMap<_, _>, u32>>()?;
    // What a filter that includes another one has lifted.
    rules.retain(|nr, rule| *rule != Rule::Always(if sandbox_filter::is_known(*nr) { default } else { unknown }));
    Ok(Filter { default, unknown, rules })
}

fn clauses(arms: &[(Expr, Action)], otherwise: Action) -> Option<Rule> {
    let clause = |action| move |when| Clause { when, action };
    let said = arms.iter().map(|(when, action)| Some((alternatives(when, true)?, *action))).collect::<Option<Vec<_>>>();
    match (said, arms) {
        (Some(said), _) => {
            let clauses = said.into_iter().flat_map(|(all, action)| all.into_iter().map(clause(action)));
            Some(Rule::ByArgs { clauses: clauses.collect(), otherwise })
        }
        // That one of several bits is set no clause says, but that none is.
        (None, [(when, action)]) => {
            let clauses = alternatives(when, false)?.into_iter().map(clause(otherwise)).collect();
            Some(Rule::ByArgs { clauses, otherwise: *action })
        }
        (None, _) => None,
    }
}

/// Lists of comparisons, of which one holds whole when the expression is as wanted.
fn alternatives(expr: &Expr, wanted: bool) -> Option<Vec<Vec<Cond>>> {
    match expr {
        Expr::Not(inner) => alternatives(inner, !wanted),
        Expr::Compare(left, rel, right) => condition(left, *rel, right, wanted).map(|cond| vec![vec![cond]]),
        Expr::All(parts) if wanted => together(parts, wanted),
        Expr::Any(parts) if !wanted => together(parts, wanted),
        Expr::All(parts) | Expr::Any(parts) => {
            let all = parts.iter().map(|part| alternatives(part, wanted)).collect::<Option<Vec<_>>>()?;
            Some(all.into_iter().flatten().collect())
        }
    }
}

fn together(parts: &[Expr], wanted: bool) -> Option<Vec<Vec<Cond>>> {
    parts.iter().try_fold(vec![Vec::new()], |all, part| {
        let other = alternatives(part, wanted)?;
        Some(all.iter().flat_map(|one| other.iter().map(|two| [&one[..], two].concat())).collect())
    })
}

fn condition(left: &Value, rel: Rel, right: &Value, wanted: bool) -> Option<Cond> {
    let (arg, width, mask) = match left {
        Value::Arg(arg, width) => (*arg, *width, None),
        Value::And(one, other) => match (&**one, &**other) {
            (Value::Arg(arg, width), mask) | (mask, Value::Arg(arg, width)) => (*arg, *width, Some(number(mask)?)),
            _ => return None,
        },
        _ => return None,
    };
    let value = number(right)?;
    let is_eq = match rel {
        Rel::Eq => wanted,
        Rel::Ne => !wanted,
        _ => return None,
    };
    // Of a masked argument only the bits of the mask are looked at, however wide it is.
    let bits = match (width, mask) {
        (Width::Short, mask) => Some(mask.unwrap_or(u64::MAX) & 0xffff),
        (_, mask) => mask,
    };
    match bits {
        None if is_eq => Some(Cond { arg, width, op: Op::Eq, value }),
        None => Some(Cond { arg, width, op: Op::Ne, value }),
        Some(mask) if !is_eq || value & !mask != 0 => None,
        Some(mask) if mask <= u64::from(u32::MAX) => {
            Some(Cond { arg, width: Width::Int, op: Op::MaskedEq(mask), value })
        }
        Some(mask) => Some(Cond { arg, width, op: Op::MaskedEq(mask), value }),
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::And(left, right) => Some(number(left)? & number(right)?),
        Value::Or(left, right) => Some(number(left)? | number(right)?),
        Value::Arg(..) => None,
    }
}
