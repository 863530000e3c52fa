use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::super::layout;
use super::super::{Action, Clause, Cond, EPERM, Error, Expr, Filter, Op, Rel, Rule, Value, Width, compile};
use super::eval::{Call, check, ret};
use super::samples::guard;
use super::{numbers, registers, word};

/// The filter read as it stands, without a program.
fn read(filter: &Filter, call: &Call) -> u32 {
    let holds = |cond: &Cond| {
        let (mut value, mut with) = (call.args[usize::from(cond.arg)], cond.value);
        assert_ne!(cond.width, Width::Short, "of expressions only");
        if cond.width == Width::Int {
            (value, with) = (u64::from(value as u32), u64::from(with as u32));
        }
        match cond.op {
            Op::Eq => value == with,
            Op::Ne => value != with,
            Op::Lt => value < with,
            Op::Le => value <= with,
            Op::Gt => value > with,
            Op::Ge => value >= with,
            Op::MaskedEq(mask) => value & mask == with & mask,
        }
    };
    let action = match filter.rules.get(&call.nr) {
        None => filter.default,
        Some(Rule::Always(action)) => *action,
        Some(Rule::ByArgs { clauses, otherwise }) => {
            clauses.iter().find(|clause| clause.when.iter().all(holds)).map_or(*otherwise, |clause| clause.action)
        }
        Some(Rule::ByExpr { arms, otherwise }) => {
            arms.iter().find(|(when, _)| truth(when, &call.args)).map_or(*otherwise, |(_, action)| *action)
        }
    };
    guard(call.nr).unwrap_or(action.ret())
}

fn truth(expr: &Expr, args: &[u64; 6]) -> bool {
    match expr {
        Expr::All(parts) => !parts.iter().any(|part| !truth(part, args)),
        Expr::Any(parts) => parts.iter().any(|part| truth(part, args)),
        Expr::Not(inner) => !truth(inner, args),
        Expr::Compare(left, rel, right) => {
            let order = number(left, args).cmp(&number(right, args));
            match rel {
                Rel::Eq => order.is_eq(),
                Rel::Ne => order.is_ne(),
                Rel::Lt => order.is_lt(),
                Rel::Le => order.is_le(),
                Rel::Gt => order.is_gt(),
                Rel::Ge => order.is_ge(),
            }
        }
    }
}

fn number(value: &Value, args: &[u64; 6]) -> u64 {
    match value {
        Value::Number(number) => *number,
        Value::Arg(index, width) => {
            let bits = [(Width::Short, 16), (Width::Int, 32), (Width::Long, 64)];
            let (_, bits) = bits.into_iter().find(|(known, _)| known == width).unwrap();
            args[usize::from(*index)] << (64 - bits) >> (64 - bits)
        }
        Value::And(left, right) => number(left, args) & number(right, args),
        Value::Or(left, right) => number(left, args) | number(right, args),
    }
}

fn value() -> impl Strategy<Value = Value> {
    let width = prop_oneof![Just(Width::Short), Just(Width::Int), Just(Width::Long)];
    let leaf =
        prop_oneof![word().prop_map(Value::Number), (0u8..3, width).prop_map(|(arg, width)| Value::Arg(arg, width))];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let pair = (inner.clone(), inner);
        prop_oneof![
            pair.clone().prop_map(|(left, right)| Value::And(left.into(), right.into())),
            pair.prop_map(|(left, right)| Value::Or(left.into(), right.into())),
        ]
    })
}

fn expr() -> impl Strategy<Value = Expr> {
    let rel = proptest::sample::select(&[Rel::Eq, Rel::Ne, Rel::Lt, Rel::Le, Rel::Gt, Rel::Ge][..]);
    let compare = (value(), rel, value()).prop_map(|(left, rel, right)| Expr::Compare(left, rel, right));
    compare.prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Expr::All),
            vec(inner.clone(), 0..4).prop_map(Expr::Any),
            inner.prop_map(|inner| Expr::Not(inner.into())),
        ]
    })
}

fn action() -> impl Strategy<Value = Action> {
    proptest::sample::select(
        &[
            Action::Allow,
            Action::Log,
            Action::Errno(1),
            Action::Errno(38),
            Action::Trap(0),
            Action::KillThread,
            Action::KillProcess,
        ][..],
    )
}

/// Those too that only expressions can have.
fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        action(),
        Just(Action::Notify),
        any::<u16>().prop_map(Action::Trace),
        any::<u16>().prop_map(Action::Trap)
    ]
}

fn cond() -> impl Strategy<Value = Cond> {
    let op = prop_oneof![
        Just(Op::Eq),
        Just(Op::Ne),
        Just(Op::Lt),
        Just(Op::Le),
        Just(Op::Gt),
        Just(Op::Ge),
        word().prop_map(Op::MaskedEq)
    ];
    let width = prop_oneof![Just(Width::Int), Just(Width::Long)];
    (0u8..3, width, op, word()).prop_map(|(arg, width, op, value)| Cond { arg, width, op, value })
}

fn rule(clauses: usize) -> impl Strategy<Value = Rule> {
    let clause = (vec(cond(), 0..6), action()).prop_map(|(when, action)| Clause { when, action });
    prop_oneof![
        action().prop_map(Rule::Always),
        (vec(clause, 0..clauses), action()).prop_map(|(clauses, otherwise)| Rule::ByArgs { clauses, otherwise }),
        (vec((expr(), any_action()), 0..clauses), any_action())
            .prop_map(|(arms, otherwise)| Rule::ByExpr { arms, otherwise }),
    ]
}

fn known() -> impl Strategy<Value = u32> {
    prop_oneof![0u32..=336, 424u32..=470]
}

fn filter(rules: usize, clauses: usize) -> impl Strategy<Value = Filter> {
    (action(), btree_map(known(), rule(clauses), 0..rules))
        .prop_map(|(default, rules)| Filter { rules, ..Filter::new(default) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Argument values are drawn from those in the filter, so that comparisons do come out equal.
    #[test]
    fn programs_do_what_filters_say(
        filter in filter(60, 5),
        args in vec(proptest::array::uniform6(word()), 8),
        seed in 1u32..,
    ) {
        let program = compile(&filter).unwrap();
        // In whatever order: not all have one whose jumps reach.
        let reordered = layout::any(&program, seed);
        for program in std::iter::once(&program).chain(&reordered) {
            check(program);
            for nr in (0..=600).chain([0x3fff_5b57, 0x3fff_5b58, 0x3fff_5b59, 0x4000_0000, u32::MAX]) {
                for args in &args {
                    let call = Call::new(nr, *args);
                    prop_assert_eq!(ret(program, &call), read(&filter, &call), "{:?}", call);
                }
            }
        }
    }

    /// Hundreds of numbers with long rules of their own, or clauses longer than a jump is wide.
    #[test]
    fn programs_do_what_long_filters_say(
        filter in filter(300, 2),
        rule in rule(120),
        nr in known(),
        args in vec(proptest::array::uniform6(word()), 40),
    ) {
        let mut filter = filter;
        filter.rules.insert(nr, rule);
        match compile(&filter) {
            Err(Error::TooLong(len)) => prop_assert!(len > 4095),
            program => {
                let program = program.unwrap();
                check(&program);
                for (args, nr) in args.iter().zip((0..=470).cycle().skip(nr as usize)) {
                    let call = Call::new(nr, *args);
                    prop_assert_eq!(ret(&program, &call), read(&filter, &call), "{:?}", call);
                }
            }
        }
    }
}

#[test]
fn one_clause_of_every_comparison_is_exact() {
    let values = [0, 1, 0x7fff_ffff, 0xffff_ffff, 1 << 32, (1 << 32) | 1, (7 << 32) | 5, u64::MAX - 1, u64::MAX];
    for width in [Width::Int, Width::Long] {
        for op in [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::MaskedEq(5), Op::MaskedEq(5 << 32 | 1)] {
            for value in values {
                let when = vec![Cond { arg: 5, width, op, value }];
                let rule = Rule::ByArgs { clauses: vec![Clause { when, action: EPERM }], otherwise: Action::Allow };
                let filter = Filter { rules: [(1, rule)].into(), ..Filter::new(Action::Allow) };
                let program = compile(&filter).unwrap();
                check(&program);
                for given in values {
                    let call = Call::new(1, [0, 0, 0, 0, 0, given]);
                    assert_eq!(ret(&program, &call), read(&filter, &call), "{width:?} {op:?} {value:#x} {given:#x}");
                }
            }
        }
    }
}

#[test]
fn a_filter_of_three_hundred_scattered_numbers_is_no_deeper_than_a_tree() {
    let rules: BTreeMap<_, _> = (0..=336).step_by(2).map(|nr| (nr, Rule::Always(EPERM))).collect();
    let filter = Filter { rules, ..Filter::new(Action::Allow) };
    let program = compile(&filter).unwrap();
    check(&program);
    for nr in numbers() {
        let outcome = super::eval::run(&program, &Call::new(nr, registers()[0]));
        assert_eq!(outcome.ret, read(&filter, &Call::new(nr, [0; 6])));
        assert!(outcome.steps <= 14, "{} steps for {nr}", outcome.steps);
    }
}

#[test]
fn unknown_numbers_can_be_refused_more_strictly_and_not_less() {
    let unknown = [337, 423, 471, 511, 547, 0x3fff_5b57, 0x3fff_5b59, 0x4000_0000, 0x4000_0001, u32::MAX];
    for nr in unknown {
        for action in [Action::Errno(5), Action::Trap(0), Action::KillThread, Action::KillProcess] {
            let program = compile(&Filter { rules: [(nr, Rule::Always(action))].into(), ..Filter::new(Action::Allow) });
            for call in unknown.into_iter().chain([0, 0x3fff_5b58]).map(|nr| Call::new(nr, [0; 6])) {
                let expected = if call.nr == nr { action.ret() } else { guard(call.nr).unwrap_or(0x7fff_0000) };
                assert_eq!(ret(program.as_ref().unwrap(), &call), expected, "{nr:#x} {call:?}");
            }
        }
    }
    for (action, answer) in [(Action::KillThread, 0), (Action::Errno(7), 0x5_0007), (Action::Notify, 0x5_0026)] {
        let program = compile(&Filter { unknown: action, ..Filter::new(Action::Allow) }).unwrap();
        for nr in unknown {
            assert_eq!(ret(&program, &Call::new(nr, [0; 6])), answer);
        }
        assert_eq!(ret(&program, &Call::new(0x3fff_5b58, [0; 6])), guard(0x3fff_5b58).unwrap());
    }
}

#[test]
fn what_needs_more_places_than_there_are_is_an_error() {
    let arg = || Box::new(Value::Arg(0, Width::Long));
    let deep = |depth| {
        (0..depth).fold(Value::Arg(1, Width::Long), |inner, _| Value::Or(Value::And(inner.into(), arg()).into(), arg()))
    };
    let filter = |depth| {
        let arms = vec![(Expr::Compare(deep(depth), Rel::Eq, Value::Arg(2, Width::Long)), EPERM)];
        Filter { rules: [(1, Rule::ByExpr { arms, otherwise: Action::Allow })].into(), ..Filter::new(Action::Allow) }
    };
    let (fits, args) = (filter(7), [0xf0f0, 0xf0f0, 0xf0f0, 0, 0, 0]);
    assert_eq!(ret(&compile(&fits).unwrap(), &Call::new(1, args)), EPERM.ret());
    assert_eq!(compile(&filter(40)).err(), Some(Error::TooDeep));
    let seventh = vec![(Expr::Compare(Value::Arg(6, Width::Int), Rel::Eq, Value::Number(0)), EPERM)];
    let rule = Rule::ByExpr { arms: seventh, otherwise: Action::Allow };
    assert_eq!(
        compile(&Filter { rules: [(1, rule)].into(), ..Filter::new(Action::Allow) }).err(),
        Some(Error::Index(6))
    );
}

#[test]
fn numbers_beyond_the_guards_take_no_rule() {
    for nr in [337, 423, 471, 512, 547, 0x3fff_5b58, 0x4000_0000, u32::MAX] {
        let filter = Filter { rules: [(nr, Rule::Always(Action::Allow))].into(), ..Filter::new(Action::Allow) };
        assert_eq!(compile(&filter).err(), Some(Error::Unknown(nr)));
    }
}

#[test]
fn the_seventh_argument_is_an_error() {
    let clauses = vec![Clause { when: vec![Cond::int(6, Op::Eq, 0)], action: EPERM }];
    let rule = Rule::ByArgs { clauses, otherwise: Action::Allow };
    let filter = Filter { rules: [(1, rule)].into(), ..Filter::new(Action::Allow) };
    assert!(matches!(compile(&filter), Err(Error::Argument(_))));
}
