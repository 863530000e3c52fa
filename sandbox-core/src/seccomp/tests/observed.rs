//! The one program that asks, against the several it stands for.

use libc::sock_filter;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{
    Action, Clause, Cond, Denial, Filter, MARKER_ERRNO, MARKER_NR, Notify, Op, Request, Rule, Shipped, UNASKED,
    compile, compose, observed, sentence,
};
use super::eval::{Call, check, ret, stacked};
use super::oracle::{ALLOW, KILL_PROCESS, LOG};
use super::{call, numbers, registers};

const NOTIF: u32 = libc::SECCOMP_RET_USER_NOTIF;
const ALL: [Notify; 3] = [Notify::Kills, Notify::Refusals, Notify::All];

/// What the one program must say where the several answer `answer`.
fn expected(notify: Notify, call: &Call, answer: u32) -> u32 {
    let marker = Action::Errno(MARKER_ERRNO).ret();
    let action = answer & libc::SECCOMP_RET_ACTION_FULL;
    let by_sigsys = answer == KILL_PROCESS || matches!(action, libc::SECCOMP_RET_TRAP | libc::SECCOMP_RET_KILL_THREAD);
    let unasked = call.args[5] == UNASKED && matches!(call.nr, 0 | 1 | 231) && call.arch == Call::new(0, [0; 6]).arch;
    match notify {
        Notify::All if unasked => ALLOW,
        _ if answer == marker || (call.nr == u32::MAX && call.arch == Call::new(0, [0; 6]).arch) => answer,
        Notify::All => NOTIF,
        Notify::Refusals if answer == ALLOW => ALLOW,
        Notify::Refusals => NOTIF,
        Notify::Kills if by_sigsys => NOTIF,
        Notify::Kills => answer,
    }
}

fn verify<P: AsRef<[sock_filter]>>(programs: &[P], calls: impl Iterator<Item = Call>) {
    let ones = ALL.map(|notify| (notify, observed(programs, notify).unwrap()));
    for (_, one) in &ones {
        check(one);
    }
    for call in calls {
        let answer = stacked(programs, &call);
        for (notify, one) in &ones {
            assert_eq!(ret(one, &call), expected(*notify, &call, answer), "{notify:?} {call:x?}");
        }
    }
}

#[test]
fn every_request_is_asked_about_exactly_as_it_is_refused() {
    let registers = registers();
    for base in [Shipped::Default, Shipped::Strict, Shipped::None] {
        for action in [Denial::Errno, Denial::Kill, Denial::KillThread, Denial::Trap, Denial::Log] {
            for index in 0..8 {
                let (no_exec, no_new_code, no_sockets) = (index & 1 != 0, index & 2 != 0, index & 4 != 0);
                let request = Request { action, no_exec, no_new_code, no_sockets, deny: &[1], ..Request::new(base) };
                let programs = compose(&request).unwrap();
                let calls = numbers().filter(|nr| *nr < 600 || *nr == MARKER_NR || *nr > 0xffff_fff0);
                verify(&programs, calls.flat_map(|nr| registers.iter().map(move |args| Call::new(nr, *args))));
                let foreign = |nr| Call { arch: 0x4000_0003, ..Call::new(nr, [0, 0, 0, 0, 0, UNASKED]) };
                verify(&programs, (0..400).map(foreign));
            }
        }
    }
}

#[test]
fn what_inner_says_is_not_asked_about() {
    let one = observed(&compose(&Request::new(Shipped::Default)).unwrap(), Notify::All).unwrap();
    for (nr, last, answer) in [
        (0, UNASKED, ALLOW),
        (1, UNASKED, ALLOW),
        (1, UNASKED ^ 1, NOTIF),
        (1, UNASKED ^ 1 << 40, NOTIF),
        (3, UNASKED, NOTIF),
    ] {
        assert_eq!(ret(&one, &Call::new(nr, [0, 0, 0, 0, 0, last])), answer, "{nr} {last:x}");
    }
}

#[test]
fn a_sentence_is_carried_out_where_it_would_be_asked_about_and_is_never_mild() {
    let by_kernel = [
        KILL_PROCESS,
        libc::SECCOMP_RET_KILL_THREAD,
        libc::SECCOMP_RET_TRAP,
        libc::SECCOMP_RET_TRAP | 7,
        libc::SECCOMP_RET_TRAP | 0xffff,
    ];
    for action in [Denial::Errno, Denial::Kill, Denial::KillThread, Denial::Trap] {
        let programs = compose(&Request { action, ..Request::new(Shipped::Default) }).unwrap();
        for notify in ALL {
            let one = observed(&programs, notify).unwrap();
            for nr in ["ptrace", "getpid", "mount"].map(|name| super::super::number(name).unwrap()) {
                let met = |last| ret(&one, &Call::new(nr, [1, 2, 3, 4, 5, last]));
                let unsaid = met(0);
                for said in by_kernel {
                    assert_eq!(met(sentence(said)), if unsaid == NOTIF { said } else { unsaid }, "{said:x}");
                    assert_eq!(met(sentence(said) ^ 1 << 32), unsaid);
                }
                // Whatever else is said, the answer is no other than without it, or one that the kernel kills at.
                for said in (0..=0xffff_u32).map(|high| high << 16 | 1) {
                    let answer = met(sentence(said));
                    let kills = answer == said && said < libc::SECCOMP_RET_ERRNO;
                    assert!(answer == unsaid || (unsaid == NOTIF && kills), "{said:x} {answer:x}");
                }
            }
        }
    }
}

#[test]
fn what_is_only_logged_is_asked_about() {
    let programs = compose(&Request { action: Denial::Log, ..Request::new(Shipped::Default) }).unwrap();
    let call = Call::new(super::super::number("ptrace").unwrap(), [0; 6]);
    assert_eq!(stacked(&programs, &call), LOG);
    assert_eq!(ret(&observed(&programs, Notify::Refusals).unwrap(), &call), NOTIF);
    assert_eq!(ret(&observed(&programs, Notify::Kills).unwrap(), &call), LOG);
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => Just(Action::Allow),
        1 => Just(Action::Log),
        2 => (1u16..4).prop_map(Action::Errno),
        1 => Just(Action::Trap(0)),
        1 => Just(Action::KillThread),
        1 => Just(Action::KillProcess),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let rule = (action(), action(), 0u32..3).prop_map(|(action, otherwise, value)| Rule::ByArgs {
        clauses: vec![Clause { when: vec![Cond::int(0, Op::Eq, value)], action }],
        otherwise,
    });
    (action(), proptest::collection::btree_map(0u32..60, rule, 0..30))
        .prop_map(|(default, rules)| Filter { rules, ..Filter::new(default) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_programs_are_asked_about_exactly_as_they_refuse(
        filters in vec(filter(), 1..4),
        calls in vec(call(0u32..70), 100),
    ) {
        let programs: Vec<_> = filters.iter().map(|filter| compile(filter).unwrap()).collect();
        verify(&programs, calls.into_iter());
    }
}
