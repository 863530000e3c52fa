use libc::sock_filter;

use super::super::{Action, Expr, Filter, Rel, Restrict, Rule, Shipped, Value, Width, compile};
use super::super::{allows, check, keeps_marker, supervisor};
use super::eval::{Call, ret, run};
use super::{numbers, registers};

fn insn(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

#[test]
fn what_is_compiled_here_passes_and_keeps_the_marker() {
    for base in Shipped::ALL {
        let program = base.program();
        assert_eq!(check(program), Ok(()));
        assert!(keeps_marker(program));
    }
    assert_eq!((check(supervisor()), keeps_marker(supervisor())), (Ok(()), true));
}

/// Against running it with many arguments: what is said to be let through is.
#[test]
fn a_call_is_let_through_when_no_argument_refuses_it() {
    let registers = registers();
    for base in Shipped::ALL {
        let (program, name) = (base.program(), base.name());
        for nr in numbers().filter(|nr| *nr < 600 || *nr > 0x3fff_ffff) {
            let done = |args: &[u64; 6]| ret(program, &Call::new(nr, *args)) >= 0x7ffc_0000;
            if allows(program, nr) {
                assert!(registers.iter().all(done), "{name} {nr}");
            } else {
                let by_args = run(program, &Call::new(nr, registers[0])).loaded_args;
                assert!(by_args || !done(&registers[0]), "{name} {nr}");
            }
        }
    }
    let restriction = Restrict { no_exec: true, ..Restrict::default() }.program();
    assert!(allows(restriction, 1) && !allows(restriction, 59));
    // write(1, …) alone is refused; so write is not let through whatever its arguments.
    let one = Expr::Compare(Value::Arg(0, Width::Int), Rel::Eq, Value::Number(1));
    let rule = Rule::ByExpr { arms: vec![(one, Action::KillThread)], otherwise: Action::Log };
    let program = compile(&Filter { rules: [(1, rule)].into(), ..Filter::new(Action::Allow) }).unwrap();
    assert!(!allows(&program, 1) && allows(&program, 0));
    for action in [Action::Trace(0), Action::Notify, Action::Errno(0), Action::Trap(0)] {
        assert!(!allows(&compile(&Filter::new(action)).unwrap(), 1), "{action:?}");
    }
}

#[test]
fn a_program_that_hides_the_marker_is_known() {
    let allow = insn(0x06, 0, 0, 0x7fff_0000);
    assert!(keeps_marker(&[allow]));
    for answer in [0, 0x8000_0000, 0x3_0000, 0x5_0026] {
        assert!(!keeps_marker(&[insn(0x06, 0, 0, answer)]), "{answer:#x}");
        // By number, and by an argument that nobody can know.
        assert!(!keeps_marker(&[insn(0x20, 0, 0, 0), insn(0x35, 0, 1, 471), insn(0x06, 0, 0, answer), allow]));
        assert!(!keeps_marker(&[insn(0x20, 0, 0, 16), insn(0x15, 0, 1, 7), insn(0x06, 0, 0, answer), allow]));
        assert!(keeps_marker(&[insn(0x20, 0, 0, 0), insn(0x35, 1, 0, 471), insn(0x06, 0, 0, answer), allow]));
    }
    // What is returned from the accumulator is followed where it can be.
    assert!(keeps_marker(&[insn(0x00, 0, 0, 0x7fff_0000), insn(0x16, 0, 0, 0)]));
    assert!(!keeps_marker(&[insn(0x20, 0, 0, 24), insn(0x16, 0, 0, 0)]));
}

#[test]
fn what_the_kernel_would_not_take_is_named() {
    let ret = insn(0x06, 0, 0, 0);
    let cases: [(&[sock_filter], &str); 9] = [
        (&[], "1 to 4095 instructions, not 0"),
        (&[insn(0x28, 0, 0, 0), ret], "instruction 0: not one"),
        (&[ret, insn(0xffff, 0, 0, 0)], "instruction 1: not one"),
        (&[insn(0x20, 0, 0, 64), ret], "loads from outside"),
        (&[insn(0x20, 0, 0, 2), ret], "loads from outside"),
        (&[insn(0x02, 0, 0, 16), ret], "16 places"),
        (&[insn(0x15, 0, 1, 0), ret], "jumps out"),
        (&[insn(0x05, 0, 0, u32::MAX), ret], "jumps out"),
        (&[ret, insn(0x20, 0, 0, 0)], "does not end"),
    ];
    for (program, part) in cases {
        let why = check(program).unwrap_err();
        assert!(why.contains(part), "{why}");
    }
    assert!(check(&vec![ret; 4095]).is_ok() && check(&vec![ret; 4096]).is_err());
}
