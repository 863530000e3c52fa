//! What a filter means, read without its compiler: the rules as they stand, one call at a time.

use std::collections::BTreeSet;

use sandbox_filter::eval::{self, Call};
use sandbox_filter::{Action, Expr, Filter, Rule, Value, Width};

const MARKER: u32 = 0x3fff_5b58;
const ENOSYS: u32 = 0x0005_0026;

/// Of how many calls with rules, and with how many words in each argument, it is asked.
const NUMBERS: usize = 24;
const WORDS: usize = 24;

/// What the kernel has to be told of this call.
pub fn answer(filter: &Filter, call: &Call) -> u32 {
    if call.nr == MARKER {
        return 0x0005_0000 | 1112;
    }
    match filter.rules.get(&call.nr) {
        Some(Rule::Always(action)) => action.ret(),
        Some(Rule::ByExpr { arms, otherwise }) => {
            arms.iter().find(|(when, _)| holds(when, call)).map_or(*otherwise, |(_, action)| *action).ret()
        }
        // Languages have none of these.
        Some(Rule::ByArgs { .. }) => panic!("a rule of clauses"),
        None if sandbox_filter::is_known(call.nr) => filter.default.ret(),
        None if severity(filter.unknown) >= 4 => filter.unknown.ret(),
        None => ENOSYS,
    }
}

fn severity(action: Action) -> u8 {
    match action {
        Action::Allow => 0,
        Action::Log => 1,
        Action::Trace(_) => 2,
        Action::Notify => 3,
        Action::Errno(_) => 4,
        Action::Trap(_) => 5,
        Action::KillThread => 6,
        Action::KillProcess => 7,
    }
}

fn holds(expr: &Expr, call: &Call) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().all(|part| holds(part, call)),
        Expr::Any(parts) => parts.iter().any(|part| holds(part, call)),
        Expr::Not(inner) => !holds(inner, call),
        Expr::Compare(left, rel, right) => rel.holds(value(left, call), value(right, call)),
    }
}

fn value(of: &Value, call: &Call) -> u64 {
    match of {
        Value::Number(number) => *number,
        Value::Arg(at, width) => {
            let register = call.args[usize::from(*at)];
            match width {
                Width::Short => register % (1 << 16),
                Width::Int => register % (1 << 32),
                Width::Long => register,
            }
        }
        Value::And(left, right) => value(left, call) & value(right, call),
        Value::Or(left, right) => value(left, call) | value(right, call),
    }
}

/// Calls by which the rules of a filter can be told apart: numbers with a rule and beside these, arguments that are
/// compared with and beside these.
pub fn telling(filter: &Filter) -> Vec<Call> {
    let mut numbers: BTreeSet<u32> = [0, 1, 336, 337, 423, 424, 470, 471, 512, MARKER, 0x4000_0000, u32::MAX].into();
    numbers.extend(filter.rules.keys().take(NUMBERS).flat_map(|&nr| [nr, nr.wrapping_add(1), nr.wrapping_sub(1)]));
    let mut calls = Vec::new();
    for nr in numbers {
        let mut words = BTreeSet::from([0, 1, u64::MAX, 0xffff_ffff, 1 << 32, 1 << 16]);
        if let Some(Rule::ByExpr { arms, .. }) = filter.rules.get(&nr) {
            arms.iter().for_each(|(when, _)| of_expr(when, &mut words));
        }
        let words: Vec<u64> = words.into_iter().take(WORDS).collect();
        for (at, &word) in words.iter().enumerate() {
            calls.push(Call::new(nr, [word; 6]));
            // Each argument another one.
            let turned = |shift: usize| words[(at + shift) % words.len()];
            calls.push(Call::new(nr, [0, 1, 2, 3, 4, 5].map(turned)));
            calls.push(Call::new(nr, [5, 3, 1, 4, 2, 0].map(turned)));
        }
    }
    calls
}

fn of_expr(expr: &Expr, words: &mut BTreeSet<u64>) {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().for_each(|part| of_expr(part, words)),
        Expr::Not(inner) => of_expr(inner, words),
        Expr::Compare(left, _, right) => [left, right].into_iter().for_each(|side| of_value(side, words)),
    }
}

fn of_value(value: &Value, words: &mut BTreeSet<u64>) {
    match value {
        Value::Number(number) => {
            // What only differs where the kernel does not look, too.
            words.extend([*number, number.wrapping_add(1), number.wrapping_sub(1), !number, number | 7 << 32]);
        }
        Value::Arg(..) => {}
        Value::And(left, right) | Value::Or(left, right) => {
            [left, right].into_iter().for_each(|side| of_value(side, words));
        }
    }
}

/// The program of a filter answers what the filter says; `None` where the filter is more than a program can be.
pub fn compiled(filter: &Filter) -> Option<Vec<libc::sock_filter>> {
    use sandbox_filter::Error;
    let program = match sandbox_filter::compile(filter) {
        Ok(program) => program,
        Err(Error::TooLong(_) | Error::TooDeep) => return None,
        Err(error) => panic!("{error}"),
    };
    sandbox_filter::check(&program).expect("a program that the kernel takes");
    for call in telling(filter) {
        let ran = eval::run(&program, &call).expect("it ends in an answer");
        assert_eq!(ran.ret, answer(filter, &call), "{call:x?}");
        // A call of another architecture has other numbers.
        let foreign = Call { arch: 0x4000_0003, ..call };
        assert_eq!(eval::run(&program, &foreign).map(|ran| ran.ret), Some(libc::SECCOMP_RET_KILL_PROCESS));
    }
    Some(program)
}
