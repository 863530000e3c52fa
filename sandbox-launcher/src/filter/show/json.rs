//! A filter as an OCI profile that means the same.
//!
//! A profile's rules have no order and no negation, and their conditions are on one argument each, so a rule of ours is
//! taken apart into alternatives (`cubes`). No two of them with different answers overlap: readers differ in which decides.

use sandbox_core::seccomp::{self, Action, Expr, Filter, Rel};
use serde_json::{Value as Json, json};

use super::cubes::{Test, alternatives};
use super::merge::arms;

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
            let before = all.iter().take(at).filter(|(_, other)| other != action);
            let before = before.map(|(when, _)| Expr::Not(Box::new(when.clone()))).collect();
            let when = Expr::All(vec![when.clone(), Expr::All(before)]);
            for tests in alternatives(nr, &when).ok_or(nr)? {
                let mut one = rule_of(&[name], *action).ok_or(nr)?;
                if !tests.is_empty() {
                    set(&mut one, "args", tests.iter().map(argument).collect());
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

fn argument(&(index, test): &(u8, Test)) -> Json {
    let (op, number) = match test {
        Test::Bits { mask, value } => {
            return json!({ "index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ" });
        }
        Test::Is(Rel::Eq, number) => ("SCMP_CMP_EQ", number),
        Test::Is(Rel::Ne, number) => ("SCMP_CMP_NE", number),
        Test::Is(Rel::Lt, number) => ("SCMP_CMP_LT", number),
        Test::Is(Rel::Le, number) => ("SCMP_CMP_LE", number),
        Test::Is(Rel::Gt, number) => ("SCMP_CMP_GT", number),
        Test::Is(Rel::Ge, number) => ("SCMP_CMP_GE", number),
    };
    json!({ "index": index, "value": number, "op": op })
}
