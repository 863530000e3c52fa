use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::super::{Action, Clause, Cond, EPERM, Error, Filter, Op, Rule, Width, compile};
use super::eval::{Call, check, ret};
use super::oracle::guard;
use super::{numbers, registers, word};

/// The filter read as it stands, without a program.
fn read(filter: &Filter, call: &Call) -> u32 {
    let holds = |cond: &Cond| {
        let (mut value, mut with) = (call.args[usize::from(cond.arg)], cond.value);
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
    };
    guard(call.nr).unwrap_or(action.ret())
}

fn action() -> impl Strategy<Value = Action> {
    proptest::sample::select(
        &[
            Action::Allow,
            Action::Log,
            Action::Errno(1),
            Action::Errno(38),
            Action::Trap,
            Action::KillThread,
            Action::KillProcess,
        ][..],
    )
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
    ]
}

fn known() -> impl Strategy<Value = u32> {
    prop_oneof![0u32..=336, 424u32..=470]
}

fn filter(rules: usize, clauses: usize) -> impl Strategy<Value = Filter> {
    (action(), btree_map(known(), rule(clauses), 0..rules)).prop_map(|(default, rules)| Filter { default, rules })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Argument values are drawn from those in the filter, so that comparisons do come out equal.
    #[test]
    fn programs_do_what_filters_say(filter in filter(60, 5), args in vec(proptest::array::uniform6(word()), 8)) {
        let program = compile(&filter).unwrap();
        check(&program);
        for nr in (0..=600).chain([0x3fff_5b57, 0x3fff_5b58, 0x3fff_5b59, 0x4000_0000, u32::MAX]) {
            for args in &args {
                let call = Call::new(nr, *args);
                prop_assert_eq!(ret(&program, &call), read(&filter, &call), "{:?}", call);
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
                let filter = Filter { default: Action::Allow, rules: [(1, rule)].into() };
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
    let filter = Filter { default: Action::Allow, rules };
    let program = compile(&filter).unwrap();
    check(&program);
    for nr in numbers() {
        let outcome = super::eval::run(&program, &Call::new(nr, registers()[0]));
        assert_eq!(outcome.ret, read(&filter, &Call::new(nr, [0; 6])));
        assert!(outcome.steps <= 14, "{} steps for {nr}", outcome.steps);
    }
}

#[test]
fn numbers_beyond_the_guards_take_no_rule() {
    for nr in [337, 423, 471, 512, 547, 0x3fff_5b58, 0x4000_0000, u32::MAX] {
        let filter = Filter { default: Action::Allow, rules: [(nr, Rule::Always(Action::Allow))].into() };
        assert_eq!(compile(&filter).err(), Some(Error::Unknown(nr)));
    }
}

#[test]
fn the_seventh_argument_is_an_error() {
    let clauses = vec![Clause { when: vec![Cond::int(6, Op::Eq, 0)], action: EPERM }];
    let rule = Rule::ByArgs { clauses, otherwise: Action::Allow };
    let filter = Filter { default: Action::Allow, rules: [(1, rule)].into() };
    assert!(matches!(compile(&filter), Err(Error::Argument(_))));
}
