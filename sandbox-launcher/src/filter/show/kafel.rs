//! A filter as a policy in Kafel that compiles to the same.

use std::fmt::Write;

use sandbox_core::seccomp::{self, Action, Expr, Filter, Rel, Value};
use sandbox_kafel::{arguments, bits};

use super::merge::arms;

/// Why there is a rule for a number, where that is known.
pub type Why<'w> = &'w dyn Fn(u32) -> Option<&'static str>;

/// The policy, or the number of the call whose rule it cannot say.
pub fn text(filter: &Filter, why: Why) -> Result<String, u32> {
    let mut out = String::new();
    // ignored here and below: writing to a string does not fail
    let _ = writeln!(out, "DEFAULT {}", action(filter.default));
    // What is answered by the number alone, for one reason at a time.
    let mut groups: Vec<(Action, Option<&str>, Vec<String>)> = Vec::new();
    for (&nr, rule) in &filter.rules {
        let (arms, otherwise) = arms(rule.clone());
        if let Some(why) = why(nr).filter(|_| !arms.is_empty()) {
            let _ = writeln!(out, "// {why}");
        }
        for (when, then) in &arms {
            let _ = writeln!(out, "{} {{ {} {{ {} }} }}", action(*then), call(nr, true), expr(nr, when)?);
        }
        let standing = if seccomp::is_known(nr) { filter.default } else { filter.unknown };
        if otherwise != standing {
            let why = why(nr).filter(|_| arms.is_empty());
            match groups.iter_mut().find(|(action, known, _)| (*action, *known) == (otherwise, why)) {
                Some((.., names)) => names.push(call(nr, false)),
                None => groups.push((otherwise, why, vec![call(nr, false)])),
            }
        }
    }
    for (answer, why, mut names) in groups {
        names.sort();
        if let Some(why) = why {
            let _ = writeln!(out, "// {why}");
        }
        let _ = writeln!(out, "{} {{", action(answer));
        let mut line = String::new();
        for (at, name) in (1..).zip(&names) {
            let piece = if at == names.len() { name.clone() } else { format!("{name},") };
            if !line.is_empty() && line.len() + piece.len() > 110 {
                let _ = writeln!(out, "   {line}");
                line.clear();
            }
            line.push(' ');
            line.push_str(&piece);
        }
        let _ = writeln!(out, "   {line}\n}}");
    }
    Ok(out)
}

fn action(action: Action) -> String {
    match action {
        Action::Allow => "ALLOW".into(),
        Action::Log => "LOG".into(),
        Action::Trace(number) => format!("TRACE({number})"),
        Action::Notify => "USER_NOTIF".into(),
        Action::Errno(number) => format!("ERRNO({number})"),
        Action::Trap(number) => format!("TRAP({number})"),
        Action::KillThread => "KILL".into(),
        Action::KillProcess => "KILL_PROCESS".into(),
    }
}

/// A call, with names for all six registers where its rule may look at one that has none.
fn call(nr: u32, declared: bool) -> String {
    let name = seccomp::name(nr).map_or_else(|| format!("SYSCALL[{nr:#x}]"), String::from);
    if declared {
        format!("{name}({})", (0..6).map(|at| argument(nr, at)).collect::<Vec<_>>().join(", "))
    } else {
        name
    }
}

fn argument(nr: u32, at: u8) -> String {
    arguments::of(nr).get(usize::from(at)).map_or_else(|| format!("_{at}"), |argument| argument.name.into())
}

fn expr(nr: u32, when: &Expr) -> Result<String, u32> {
    let parts = |parts: &[Expr], sign: &str| {
        let parts = parts.iter().map(|part| expr(nr, part)).collect::<Result<Vec<_>, _>>()?;
        Ok(format!("({})", parts.join(sign)))
    };
    match when {
        // No word of the language is true or false.
        Expr::All(all) if all.is_empty() => Ok("0 == 0".into()),
        Expr::Any(any) if any.is_empty() => Ok("0 != 0".into()),
        Expr::All(all) => parts(all, " && "),
        Expr::Any(any) => parts(any, " || "),
        Expr::Not(inner) => Ok(format!("!({})", expr(nr, inner)?)),
        Expr::Compare(left, rel, right) => {
            let sign = match rel {
                Rel::Eq => "==",
                Rel::Ne => "!=",
                Rel::Lt => "<",
                Rel::Le => "<=",
                Rel::Gt => ">",
                Rel::Ge => ">=",
            };
            Ok(format!("{} {sign} {}", value(nr, left, u64::MAX)?, value(nr, right, u64::MAX)?))
        }
    }
}

/// A value of which only the bits in `of` matter.
fn value(nr: u32, value_: &Value, of: u64) -> Result<String, u32> {
    match value_ {
        Value::Number(number) => Ok(format!("{number:#x}")),
        Value::Arg(index, width) => {
            let (looked_at, meant) = (bits(arguments::width(nr, *index)), bits(*width));
            let mask = |bits: u32| u64::MAX >> (64 - bits);
            match argument(nr, *index) {
                // The kernel sees less than the rule does.
                _ if meant > looked_at && of & mask(meant) & !mask(looked_at) != 0 => Err(nr),
                name if meant < looked_at => Ok(format!("({name} & {:#x})", mask(meant))),
                name => Ok(name),
            }
        }
        Value::And(left, right) => {
            let only = |other: &Value| if let Value::Number(number) = other { of & number } else { of };
            Ok(format!("({} & {})", value(nr, left, only(right))?, value(nr, right, only(left))?))
        }
        Value::Or(left, right) => Ok(format!("({} | {})", value(nr, left, of)?, value(nr, right, of)?)),
    }
}
