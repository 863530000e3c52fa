//! A filter as an OCI profile that means the same.
//!
//! A profile's rules have no order and no negation, and their conditions are on one argument each, so a rule of ours is
//! taken apart into alternatives, which the strictest decides among. Not every one can be: two conditions on one argument cannot
//! stand in one rule.

use sandbox_core::seccomp::{self, Action, Expr, Filter, Rel, Value};
use sandbox_kafel::{arguments, bits};
use serde_json::{Value as Json, json};

use super::merge::arms;

/// What a rule may come to.
const MAX_ALTERNATIVES: usize = 256;

/// The profile, or the number of the call whose rule it cannot say.
pub fn text(filter: &Filter) -> Result<String, u32> {
    let mut groups: Vec<(Action, Vec<&str>)> = Vec::new();
    let mut rules = Vec::new();
    for (&nr, rule) in &filter.rules {
        let standing = if seccomp::is_known(nr) { filter.default } else { filter.unknown };
        let (arms, otherwise) = arms(rule.clone());
        if arms.is_empty() && otherwise == standing {
            continue;
        }
        if !arms.iter().all(|(when, _)| is_as_wide(nr, when)) {
            return Err(nr);
        }
        let name = seccomp::name(nr).ok_or(nr)?;
        if arms.is_empty() {
            match groups.iter_mut().find(|(known, _)| *known == otherwise) {
                Some((_, names)) => names.push(name),
                None => groups.push((otherwise, vec![name])),
            }
            continue;
        }
        let last = (Expr::All(Vec::new()), otherwise);
        let all: Vec<_> = arms.iter().chain([&last]).collect();
        for (at, (when, action)) in all.iter().enumerate().filter(|(_, (_, action))| *action != filter.default) {
            // What came before decides, unless it is stricter, which decides anyway, or the same. The default is no rule.
            let before = all.iter().take(at).filter(|(_, other)| {
                *other == filter.default
                    || other.severity() < action.severity()
                    || other.severity() == action.severity() && other != action
            });
            let before = before.map(|(when, _)| Expr::Not(Box::new(when.clone()))).collect();
            let when = Expr::All(vec![when.clone(), Expr::All(before)]);
            for alternative in alternatives(&when, true).ok_or(nr)? {
                let mut one = rule_of(&[name], *action).ok_or(nr)?;
                let args = alternative.iter().map(argument).collect::<Option<Vec<_>>>().ok_or(nr)?;
                if !args.is_empty() {
                    set(&mut one, "args", Json::from(args));
                }
                rules.push(one);
            }
        }
    }
    let mut all = Vec::new();
    for (action, names) in groups {
        all.push(rule_of(&names, action).ok_or(u32::MAX)?);
    }
    all.extend(rules);
    let (default, number) = action(filter.default).ok_or(u32::MAX)?;
    let mut profile = json!({ "defaultAction": default, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": all });
    if let Some(number) = number {
        set(&mut profile, "defaultErrnoRet", number.into());
    }
    serde_json::to_string_pretty(&profile).map(|text| text + "\n").map_err(|_| u32::MAX)
}

/// Whether it looks at as much of each argument as a profile would.
fn is_as_wide(nr: u32, expr: &Expr) -> bool {
    fn value(nr: u32, value_: &Value, of: u64) -> bool {
        match value_ {
            Value::Number(_) => true,
            Value::Arg(index, width) => {
                let (looked_at, meant) = (bits(arguments::width(nr, *index)), bits(*width));
                looked_at == meant || of <= u64::MAX >> (64 - looked_at.min(meant))
            }
            Value::And(left, right) => {
                let only = |other: &Value| if let Value::Number(number) = other { of & number } else { of };
                value(nr, left, only(right)) && value(nr, right, only(left))
            }
            Value::Or(left, right) => value(nr, left, of) && value(nr, right, of),
        }
    }
    match expr {
        Expr::Not(inner) => is_as_wide(nr, inner),
        Expr::All(parts) | Expr::Any(parts) => parts.iter().all(|part| is_as_wide(nr, part)),
        Expr::Compare(left, _, right) => value(nr, left, u64::MAX) && value(nr, right, u64::MAX),
    }
}

fn set(object: &mut Json, key: &str, value: Json) {
    if let Some(map) = object.as_object_mut() {
        map.insert(key.into(), value);
    }
}

fn rule_of(names: &[&str], answer: Action) -> Option<Json> {
    let (action, number) = action(answer)?;
    let mut rule = json!({ "names": names, "action": action });
    if let Some(number) = number {
        set(&mut rule, "errnoRet", number.into());
    }
    Some(rule)
}

fn action(action: Action) -> Option<(&'static str, Option<u16>)> {
    Some(match action {
        Action::Allow => ("SCMP_ACT_ALLOW", None),
        Action::Log => ("SCMP_ACT_LOG", None),
        Action::Trace(number) => ("SCMP_ACT_TRACE", Some(number)),
        Action::Notify => ("SCMP_ACT_NOTIFY", None),
        Action::Errno(number) if number < 4096 => ("SCMP_ACT_ERRNO", Some(number)),
        Action::Trap(0) => ("SCMP_ACT_TRAP", None),
        Action::KillThread => ("SCMP_ACT_KILL_THREAD", None),
        Action::KillProcess => ("SCMP_ACT_KILL_PROCESS", None),
        Action::Errno(_) | Action::Trap(_) => return None,
    })
}

/// A condition on one argument, masked or not.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Atom {
    index: u8,
    mask: Option<u64>,
    rel: Rel,
    number: u64,
}

fn argument(atom: &Atom) -> Option<Json> {
    let Atom { index, mask, rel, number } = *atom;
    let op = match (mask, rel) {
        (Some(mask), Rel::Eq) => {
            return Some(json!({ "index": index, "value": mask, "valueTwo": number, "op": "SCMP_CMP_MASKED_EQ" }));
        }
        (Some(_), _) => return None,
        (None, Rel::Eq) => "SCMP_CMP_EQ",
        (None, Rel::Ne) => "SCMP_CMP_NE",
        (None, Rel::Lt) => "SCMP_CMP_LT",
        (None, Rel::Le) => "SCMP_CMP_LE",
        (None, Rel::Gt) => "SCMP_CMP_GT",
        (None, Rel::Ge) => "SCMP_CMP_GE",
    };
    Some(json!({ "index": index, "value": number, "op": op }))
}

/// Alternatives of which one holds when `expr` is as wanted, each a list of what holds together. Those of one expression
/// may overlap: they have one answer.
fn alternatives(expr: &Expr, wanted: bool) -> Option<Vec<Vec<Atom>>> {
    match expr {
        Expr::Not(inner) => alternatives(inner, !wanted),
        Expr::All(parts) if wanted => together(parts, wanted),
        Expr::Any(parts) if !wanted => together(parts, wanted),
        Expr::All(parts) | Expr::Any(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(alternatives(part, wanted)?);
            }
            (all.len() <= MAX_ALTERNATIVES).then_some(all)
        }
        Expr::Compare(left, rel, right) => compare(left, *rel, right, wanted),
    }
}

fn together(parts: &[Expr], wanted: bool) -> Option<Vec<Vec<Atom>>> {
    parts.iter().try_fold(vec![Vec::new()], |all, part| product(&all, &alternatives(part, wanted)?))
}

fn compare(left: &Value, rel: Rel, right: &Value, wanted: bool) -> Option<Vec<Vec<Atom>>> {
    let rel = if wanted { rel } else { negated(rel) };
    let (index, mask, number) = match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            return Some(if rel.holds(*left, *right) { vec![Vec::new()] } else { Vec::new() });
        }
        (Value::Arg(index, _), Value::Number(number)) => (*index, None, *number),
        (Value::And(arg, mask), Value::Number(number)) => match (&**arg, &**mask) {
            (Value::Arg(index, _), Value::Number(mask)) | (Value::Number(mask), Value::Arg(index, _)) => {
                (*index, Some(*mask), *number)
            }
            _ => return None,
        },
        _ => return None,
    };
    // Not none of some bits is one of them.
    if let (Some(mask), Rel::Ne) = (mask, rel) {
        let bits = (0..64).map(|bit| 1 << bit).filter(|bit| mask & bit != 0);
        let differs = |bit: u64| vec![Atom { index, mask: Some(bit), rel: Rel::Eq, number: !number & bit }];
        return Some(if number & !mask != 0 { vec![Vec::new()] } else { bits.map(differs).collect() });
    }
    Some(vec![vec![Atom { index, mask, rel, number }]])
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

/// One of either, together. `None` where two that differ would be on one argument.
fn product(left: &[Vec<Atom>], right: &[Vec<Atom>]) -> Option<Vec<Vec<Atom>>> {
    let mut all = Vec::new();
    for one in left {
        for other in right {
            if let Some(both) = join(one, other)?
                && !all.contains(&both)
            {
                all.push(both);
            }
        }
    }
    (all.len() <= MAX_ALTERNATIVES).then_some(all)
}

/// Both lists as one; nothing where they cannot hold together.
#[allow(clippy::option_option, reason = "what cannot be said and what never holds are two things")]
fn join(one: &[Atom], other: &[Atom]) -> Option<Option<Vec<Atom>>> {
    let mut all = one.to_vec();
    for atom in other {
        match all.iter_mut().find(|known| known.index == atom.index) {
            None => all.push(*atom),
            Some(known) => match both(*known, *atom)? {
                Some(joined) => *known = joined,
                None => return Some(None),
            },
        }
    }
    Some(Some(all))
}

#[allow(clippy::option_option, reason = "as for join")]
fn both(one: Atom, other: Atom) -> Option<Option<Atom>> {
    let holds = |atom: Atom, number: u64| match atom {
        Atom { mask: Some(mask), number: wanted, .. } => number & mask == wanted,
        Atom { rel, number: wanted, .. } => rel.holds(number, wanted),
    };
    let exact = |atom: Atom| atom.mask.is_none() && atom.rel == Rel::Eq;
    match (one, other) {
        (one, other) if one == other => Some(Some(one)),
        (one, other) if exact(one) => Some(holds(other, one.number).then_some(one)),
        (one, other) if exact(other) => Some(holds(one, other.number).then_some(other)),
        (Atom { mask: Some(a), rel: Rel::Eq, number: x, .. }, Atom { mask: Some(b), rel: Rel::Eq, number: y, .. }) => {
            let agree = (x ^ y) & a & b == 0;
            Some(agree.then_some(Atom { mask: Some(a | b), number: x | y, ..one }))
        }
        _ => None,
    }
}
