use std::borrow::Cow;

use libc::{SYS_clone3, SYS_execve, SYS_mmap, SYS_prctl, SYS_ptrace, SYS_seccomp, SYS_socket};
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{
    Action, Denial, Error, Filter, MARKER_NR, Request, Restrict, Rule, Shipped, around, compile, compose,
};
use super::call;
use super::eval::{Call, check, stacked};
use super::oracle::{self, ALLOW, ENOSYS, EPERM, KILL_PROCESS, KILL_THREAD, LOG, TRAP, guard};

const BASES: [Shipped; 3] = [Shipped::Default, Shipped::Strict, Shipped::None];
const NAMED: [Denial; 5] = [Denial::Errno, Denial::Kill, Denial::KillThread, Denial::Trap, Denial::Log];
const DENIALS: [Denial; 6] =
    [Denial::Errno, Denial::Always(13), Denial::Kill, Denial::KillThread, Denial::Trap, Denial::Log];

fn denied(denial: Denial, answer: u32) -> u32 {
    match denial {
        _ if answer == ALLOW => ALLOW,
        Denial::Errno => answer,
        Denial::Log => LOG,
        _ if answer == ENOSYS => ENOSYS,
        Denial::Always(errno) => 0x0005_0000 | u32::from(errno),
        Denial::Kill => KILL_PROCESS,
        Denial::KillThread => KILL_THREAD,
        Denial::Trap => TRAP,
    }
}

/// What the kernel must answer with all the programs of a request loaded.
fn expected(request: &Request, call: &Call) -> u32 {
    let (nr, args) = (call.nr, &call.args);
    if let Some(answer) = guard(nr) {
        return answer;
    }
    let shipped = match request.base {
        Shipped::Default => oracle::default(nr, args),
        Shipped::Strict => oracle::strict(nr, args),
        Shipped::None => oracle::none(nr, args),
        Shipped::Pure => oracle::pure(nr, args),
        Shipped::NetClient => oracle::net_client(nr, args),
        Shipped::NetServer => oracle::net_server(nr, args),
        Shipped::Dev => oracle::dev(nr, args),
        Shipped::Toaster => oracle::toaster(nr, args),
    };
    let restriction = oracle::restriction(request.no_exec, request.no_new_code, request.no_sockets, nr, args);
    let base = if request.allow.contains(&nr) {
        ALLOW
    } else if request.deny.contains(&nr) {
        // Always ENOSYS, that is: no argument rule of a shipped filter answers it.
        if request.action == Denial::Errno && shipped == ENOSYS { ENOSYS } else { denied(request.action, EPERM) }
    } else {
        denied(request.action, shipped)
    };
    let base = match base {
        ALLOW | LOG if oracle::reaches_the_caller(nr, args) && request.action == Denial::Log => EPERM,
        ALLOW | LOG if oracle::reaches_the_caller(nr, args) => denied(request.action, EPERM),
        base => base,
    };
    let restriction = if request.action == Denial::Log { restriction } else { denied(request.action, restriction) };
    let precedence = |ret: u32| (ret & 0xffff_0000) as i32;
    // Loaded last, the base wins where both are as strict. Strict alone stands for all three restrictions.
    let implied = request.base == Shipped::Strict && request.allow.is_empty() && request.action != Denial::Log;
    if !implied && precedence(restriction) < precedence(base) { restriction } else { base }
}

fn verify(request: &Request, calls: impl IntoIterator<Item = Call>) {
    let programs = compose(request).unwrap();
    for program in &programs {
        check(program);
    }
    for call in calls {
        assert_eq!(stacked(&programs, &call), expected(request, &call), "{request:?} {call:x?}");
    }
}

#[test]
fn what_changes_nothing_costs_nothing() {
    for base in BASES {
        let programs = compose(&Request::new(base)).unwrap();
        assert!(matches!(programs[..], [Cow::Borrowed(_)]));
        let restricted = Request { no_exec: true, no_new_code: true, no_sockets: true, ..Request::new(base) };
        let programs = compose(&restricted).unwrap();
        assert_eq!(programs.len(), if base == Shipped::Strict { 1 } else { 2 });
        assert!(programs.iter().all(|program| matches!(program, Cow::Borrowed(_))));
    }
}

#[test]
fn every_combination_answers_every_number_as_asked() {
    let lists: [(&[u32], &[u32]); 3] = [(&[], &[]), (&[101, 16, 435, 9, 59], &[]), (&[41, 257], &[0, 59, 425, 435])];
    for base in BASES {
        for action in DENIALS {
            for (allow, deny) in lists {
                for restrict in 0..8 {
                    let (no_exec, no_new_code, no_sockets) = (restrict & 1 != 0, restrict & 2 != 0, restrict & 4 != 0);
                    let request = Request { base, allow, deny, action, no_exec, no_new_code, no_sockets };
                    let calls = (0..=600).chain([0x3fff_5b57, 0x3fff_5b58, 0x4000_0000, 0x4000_0065, u32::MAX]);
                    verify(&request, calls.flat_map(|nr| [0, 0o4757, u64::MAX].map(|arg| Call::new(nr, [arg; 6]))));
                }
            }
        }
    }
}

#[test]
fn all_but_the_last_program_let_the_next_be_loaded() {
    for base in BASES {
        for action in DENIALS {
            let deny = [SYS_seccomp as u32, SYS_prctl as u32];
            let all = Request { no_exec: true, no_new_code: true, no_sockets: true, ..Request::new(base) };
            let programs = compose(&Request { action, deny: &deny, ..all }).unwrap();
            let (_, before) = programs.split_last().unwrap();
            for program in before {
                for nr in deny {
                    assert_eq!(stacked(&[program], &Call::new(nr, [22, 2, 0, 0, 0, 0])), ALLOW);
                }
            }
        }
    }
}

#[test]
fn foreign_architectures_stay_killed_with_everything_logged_and_allowed() {
    let every: Vec<u32> = (0..=470).filter(|nr| guard(*nr).is_none()).collect();
    for base in BASES {
        let programs = compose(&Request { action: Denial::Log, allow: &every, ..Request::new(base) }).unwrap();
        for nr in (0..=1024).chain([MARKER_NR]).chain(0x4000_0000..=0x4000_0400) {
            let call = Call { arch: 0x4000_0003, ..Call::new(nr, [0; 6]) };
            assert_eq!(stacked(&programs, &call), KILL_PROCESS);
            let own = if oracle::reaches_the_caller(nr, &[7; 6]) { EPERM } else { ALLOW };
            assert_eq!(stacked(&programs, &Call::new(nr, [7; 6])), guard(nr).unwrap_or(own));
        }
    }
}

#[test]
fn an_allowed_call_stays_restricted() {
    let allow = [SYS_execve, SYS_mmap, SYS_socket, SYS_ptrace].map(|nr| nr as u32);
    for base in BASES {
        let all = Request { no_exec: true, no_new_code: true, no_sockets: true, ..Request::new(base) };
        let programs = compose(&Request { allow: &allow, ..all }).unwrap();
        for nr in allow {
            let answer = stacked(&programs, &Call::new(nr, [1, 4096, 7, 0, 0, 0]));
            assert!(answer == EPERM || answer == oracle::EAFNOSUPPORT, "{base:?} {nr}: {answer:#x}");
        }
        let programs = compose(&Request { allow: &allow, ..Request::new(base) }).unwrap();
        for nr in allow {
            assert_eq!(stacked(&programs, &Call::new(nr, [1, 4096, 7, 0, 0, 0])), ALLOW);
        }
    }
}

#[test]
fn nothing_lets_anybody_type_into_a_terminal() {
    let ioctl = [libc::SYS_ioctl as u32];
    let lists: [(&[u32], &[u32]); 3] = [(&[], &[]), (&ioctl, &[]), (&[], &ioctl)];
    for base in BASES {
        for action in DENIALS {
            for (allow, deny) in lists {
                let request = Request { action, allow, deny, ..Request::new(base) };
                let requests = [0x5412, 0x541c, 0x5401, 0x1_0000_5412, 0xffff_ffff_0000_541c, 0x1_0000_5401];
                verify(&request, requests.map(|request| Call::new(ioctl[0], [0, request, 0, 0, 0, 0])));
                let programs = compose(&request).unwrap();
                for request in [0x5412, 0x541c, 0xffff_ffff_0000_5412] {
                    let answer = stacked(&programs, &Call::new(ioctl[0], [0, request, 0, 0, 0, 0]));
                    assert!(![ALLOW, LOG].contains(&answer), "{base:?} {action:?} {request:#x}");
                }
            }
        }
    }
}

#[test]
fn nothing_lets_anybody_signal_or_slow_the_callers_process_group() {
    let numbers = [libc::SYS_kill, libc::SYS_setpriority, libc::SYS_ioprio_set].map(|nr| nr as u32);
    let lists: [(&[u32], &[u32]); 3] = [(&[], &[]), (&numbers, &[]), (&[], &numbers)];
    for base in BASES {
        for action in DENIALS {
            for (allow, deny) in lists {
                let request = Request { action, allow, deny, ..Request::new(base) };
                let programs = compose(&request).unwrap();
                for high in [0, 1 << 32, 0xffff_ffff << 32] {
                    for (nr, args) in numbers.into_iter().zip([[0, 9], [1, 0], [2, 0]]) {
                        let call = Call::new(nr, [args[0] | high, args[1] | high, 0, 0, 0, 0]);
                        verify(&request, [call]);
                        assert!(![ALLOW, LOG].contains(&stacked(&programs, &call)), "{base:?} {action:?} {nr}");
                    }
                }
                let others = [[1, 9], [0, 0], [1, 7], [u64::MAX, 9]].map(|[a, b]| [a, b, 0, 0, 0, 0]);
                verify(&request, numbers.into_iter().flat_map(|nr| others.map(|args| Call::new(nr, args))));
            }
        }
    }
}

#[test]
fn mistakes_are_named() {
    let error = |allow: &[u32], deny: &[u32]| {
        compose(&Request { allow, deny, ..Request::new(Shipped::Default) }).err().map(|error| error.to_string())
    };
    assert_eq!(error(&[101], &[101]).unwrap(), "ptrace is both allowed and denied");
    assert_eq!(error(&[471], &[]).unwrap(), "471 is the number of no system call known here");
    assert_eq!(error(&[], &[337]).unwrap(), "337 is the number of no system call known here");
    for nr in [512, 547, 0x3fff_5b58, 0x4000_0065, u32::MAX] {
        let asked = Request { allow: &[nr], ..Request::new(Shipped::None) };
        assert_eq!(compose(&asked).err(), Some(Error::Unknown(nr)));
    }
    let clone3 = Request { deny: &[SYS_clone3 as u32], ..Request::new(Shipped::Default) };
    assert_eq!(stacked(&compose(&clone3).unwrap(), &Call::new(SYS_clone3 as u32, [0; 6])), ENOSYS);
}

#[test]
fn a_program_from_elsewhere_is_loaded_with_every_guard_around_it() {
    let allow = [libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: ALLOW }];
    let refusing =
        compile(&Filter { rules: [(317, Rule::Always(Action::Errno(1)))].into(), ..Filter::new(Action::Allow) });
    let refusing = refusing.unwrap();
    for restrict in (0..8).map(Restrict::nth) {
        for deny in [&[][..], &[88, 1], &[317]] {
            for program in [&allow[..], &refusing[..]] {
                let programs = match around(program, deny, restrict) {
                    Ok(programs) => programs,
                    Err(error) => {
                        // Neither would let the other be loaded.
                        assert!(error == Error::Contradiction(317) && deny == [317] && program.len() > 1);
                        continue;
                    }
                };
                for (at, loaded) in programs.iter().enumerate().skip(1) {
                    check(loaded);
                    assert_eq!(
                        stacked(&programs[..at], &Call::new(317, [1, 1, 0, 0, 0, 0])),
                        ALLOW,
                        "the next is loaded"
                    );
                }
                for nr in (0..=600).chain([0x3fff_5b57, MARKER_NR, 0x4000_0000, u32::MAX]) {
                    let call = Call::new(nr, [1, 4096, 7, 0, 0, 0]);
                    let Restrict { no_exec, no_new_code, no_sockets } = restrict;
                    let restriction = oracle::restriction(no_exec, no_new_code, no_sockets, nr, &call.args);
                    let refused = deny.contains(&nr) || nr == 317 && program.len() > 1;
                    let answer = if restriction == ALLOW && refused { EPERM } else { restriction };
                    assert_eq!(stacked(&programs, &call), guard(nr).unwrap_or(answer), "{restrict:?} {deny:?} {nr}");
                    let foreign = Call { arch: 0x4000_0003, ..call };
                    assert_eq!(stacked(&programs, &foreign), KILL_PROCESS);
                }
            }
        }
    }
}

#[test]
fn names_of_actions_are_read_as_written() {
    for denial in NAMED {
        assert_eq!(Denial::from_name(denial.name()), Some(denial));
        assert!(Denial::NAMES.contains(&denial.name()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_request_is_answered_as_asked(
        base in proptest::sample::select(&BASES[..]),
        action in proptest::sample::select(&DENIALS[..]),
        restrict in any::<[bool; 3]>(),
        allow in vec(prop_oneof![0u32..=336, 424u32..=470], 0..8),
        deny in vec(prop_oneof![0u32..=336, 424u32..=470], 0..8),
        calls in vec(call(0u32..=480), 200),
    ) {
        let allow: Vec<u32> = allow.into_iter().filter(|nr| !deny.contains(nr)).collect();
        let [no_exec, no_new_code, no_sockets] = restrict;
        verify(&Request { base, allow: &allow, deny: &deny, action, no_exec, no_new_code, no_sockets }, calls);
    }
}
