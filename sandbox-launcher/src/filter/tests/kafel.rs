use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::sample::Directory;

/// The 57 calls that a policy of nsjail's refuses to a program called toaster, as it was written.
const TOASTERS: &str =
    "acct, add_key, adjtimex, bpf, clock_adjtime, clock_settime, create_module, delete_module, finit_module, 
get_kernel_syms, get_mempolicy, init_module, io_cancel, io_destroy, io_getevents, io_setup, io_submit, 
ioperm, iopl, kcmp, kexec_file_load, kexec_load, keyctl, lookup_dcookie, mbind, migrate_pages, modify_ldt, 
mount, move_pages, name_to_handle_at, nfsservctl, open_by_handle_at, perf_event_open, personality, 
pivot_root, process_vm_readv, process_vm_writev, ptrace, query_module, quotactl, reboot, remap_file_pages, 
request_key, seccomp, set_mempolicy, set_thread_area, setns, settimeofday, swapoff, swapon, sysfs, syslog, 
umount, unshare, uselib, userfaultfd, vmsplice";

#[test]
fn the_toasters_policy_is_taken_as_it_was_written() {
    let program = kafel(&format!("POLICY toasters {{ KILL {{ {TOASTERS} }} }} USE toasters DEFAULT ALLOW"));
    let names: Vec<&str> = TOASTERS.split(',').map(str::trim).collect();
    assert_eq!(names.len(), 57);
    let table = |name: &str| seccomp::number(if name == "umount" { "umount2" } else { name }).unwrap();
    let killed: Vec<u32> = names.iter().map(|name| table(name)).collect();
    for nr in (0..=470).filter(|nr| seccomp::is_known(*nr)) {
        let expected = if killed.contains(&nr) { KILL_THREAD } else { ALLOW };
        assert_eq!(ret(&program, &Call::new(nr, [u64::MAX; 6])), expected, "{nr}");
    }
    guards(&program, ERRNO | 38);
}

#[test]
fn the_first_rule_that_matches_decides_and_use_pastes() {
    let program = kafel(
        "POLICY some { ERRNO(5) { write { fd == 1 } }, ALLOW { write } }
         POLICY more { USE some, KILL_PROCESS { write, read } }
         TRAP(3) { write { fd == 2 } }
         USE more, LOG { read, close }
         DEFAULT TRACE(9)",
    );
    assert_eq!(answer(&program, "write", [1, 0, 0, 0, 0, 0]), ERRNO | 5);
    assert_eq!(answer(&program, "write", [2, 0, 0, 0, 0, 0]), TRAP | 3);
    assert_eq!(answer(&program, "write", [3, 0, 0, 0, 0, 0]), ALLOW);
    assert_eq!(answer(&program, "read", [0; 6]), KILL_PROCESS);
    assert_eq!(answer(&program, "close", [0; 6]), LOG);
    assert_eq!(answer(&program, "open", [0; 6]), TRACE | 9);
    guards(&program, ERRNO | 38);
}

#[test]
fn what_is_not_mentioned_gets_the_default_and_kill_without_one() {
    for (default, answered, unknown) in [
        ("", KILL_THREAD, KILL_THREAD),
        ("DEFAULT KILL", KILL_THREAD, KILL_THREAD),
        ("DEFAULT DENY", KILL_THREAD, KILL_THREAD),
        ("DEFAULT KILL_THREAD", KILL_THREAD, KILL_THREAD),
        ("DEFAULT KILL_PROCESS", KILL_PROCESS, KILL_PROCESS),
        ("DEFAULT ERRNO(1)", ERRNO | 1, ERRNO | 38),
        ("DEFAULT TRAP(0xffff)", TRAP | 0xffff, TRAP | 0xffff),
        ("DEFAULT USER_NOTIF", NOTIFY, ERRNO | 38),
        ("DEFAULT TRACE(0)", TRACE, ERRNO | 38),
        ("DEFAULT LOG", LOG, ERRNO | 38),
        ("DEFAULT ALLOW", ALLOW, ERRNO | 38),
    ] {
        let program = kafel(&format!("ALLOW {{ read }} {default}"));
        assert_eq!(answer(&program, "read", [0; 6]), ALLOW);
        assert_eq!(answer(&program, "write", [0; 6]), answered, "{default}");
        guards(&program, unknown);
    }
}

#[test]
fn operators_bind_as_in_kafel() {
    // The comma is the weakest, then ||, &&, comparisons, | and &.
    let program = kafel(
        "ALLOW { mmap { addr == 1 && len == 1 || addr == 2, !(prot == 1 || prot == 2) && addr == 3,
                        (flags & 3 | 4) == 5, ((prot)) == (off & off), !!(addr == 9) } } DEFAULT ERRNO(1)",
    );
    let allowed = |args| answer(&program, "mmap", args) == ALLOW;
    let none = [0, 0, 1, 0, 7, 8];
    assert!(!allowed(none));
    assert!(allowed([1, 1, 1, 0, 7, 8]) && !allowed([1, 2, 1, 0, 7, 8]) && allowed([2, 2, 1, 0, 7, 8]));
    assert!(!allowed([3, 0, 1, 0, 7, 8]) && allowed([3, 0, 3, 0, 7, 8]));
    assert!(allowed([0, 0, 1, 0xff01, 7, 8]) && !allowed([0, 0, 1, 2, 7, 8]));
    assert!(allowed([0, 0, 1 << 40, 0, 7, 1 << 40]) && !allowed([0, 0, 1 << 40, 0, 7, 1 << 41]));
    assert!(allowed([9, 0, 1, 0, 7, 8]));
}

#[test]
fn comparisons_are_of_what_the_kernel_looks_at() {
    let high = 7 << 32;
    let program = kafel(
        "KILL { write { fd == 1 }, socket(a, b) { a == -1 }, chmod { mode == 04755 }, SYSCALL[3](x) { x > 5 },
                lseek { offset == -1 }, writev { fd == 1 }, mmap { fd == 7 }, getrandom { count == 9 }, pwrite64(a, b, c, d) { d < 3 } } DEFAULT ALLOW",
    );
    for (name, args, kills) in [
        ("write", [1, 0, 0, 0, 0, 0], true),
        ("write", [1 | high, 0, 0, 0, 0, 0], true),
        ("write", [2 | high, 0, 0, 0, 0, 0], false),
        ("socket", [0xffff_ffff, 0, 0, 0, 0, 0], true),
        ("socket", [u64::MAX, 0, 0, 0, 0, 0], true),
        ("chmod", [0, 0o4755 | 1 << 16 | high, 0, 0, 0, 0], true),
        ("chmod", [0, 0o755, 0, 0, 0, 0], false),
        ("close", [5 | high, 0, 0, 0, 0, 0], false),
        ("close", [6, 0, 0, 0, 0, 0], true),
        ("writev", [1 | high, 0, 0, 0, 0, 0], true),
        ("mmap", [0, 0, 0, 0, 7 | high, 0], true),
        ("getrandom", [0, 9, 0, 0, 0, 0], true),
        ("getrandom", [0, 9 | high, 0, 0, 0, 0], false),
        ("lseek", [0, u64::MAX, 0, 0, 0, 0], true),
        ("lseek", [0, 0xffff_ffff, 0, 0, 0, 0], false),
        ("pwrite64", [0, 0, 0, 2, 0, 0], true),
        ("pwrite64", [0, 0, 0, 2 | high, 0, 0], false),
    ] {
        assert_eq!(answer(&program, name, args), if kills { KILL_THREAD } else { ALLOW }, "{name} {args:x?}");
    }
}

#[test]
fn constants_and_numbers_name_calls_and_values() {
    let program = kafel(
        "#define ONE 1
         #define mine 0x2
         # define ONE 0b1 // the same again
         ERRNO(ONE) { mine, SYSCALL[mine] { 0 == 1 }, SYSCALL[500], write { fd == ONE } } DEFAULT ALLOW",
    );
    assert_eq!(answer(&program, "open", [0; 6]), ERRNO | 1);
    assert_eq!(ret(&program, &Call::new(500, [0; 6])), ERRNO | 1);
    assert_eq!((answer(&program, "write", [1; 6]), answer(&program, "write", [2; 6])), (ERRNO | 1, ALLOW));
}

#[test]
fn rules_for_other_architectures_are_read_and_left_out() {
    let program = kafel(
        "ALLOW { read ON x86_64, write ON { arm, x86_64 }, close ON arm, arm_fadvise64_64 ON arm { x == (1) },
                 open(a) ON {aarch64} { a == 1 }, lseek(a) ON amd64 { a == 1 } } DEFAULT ERRNO(1)",
    );
    for (name, allowed) in [("read", true), ("write", true), ("close", false), ("open", false), ("lseek", true)] {
        assert_eq!(answer(&program, name, [1; 6]) == ALLOW, allowed, "{name}");
    }
}

#[test]
fn policies_that_name_nothing_say_their_default() {
    for text in ["DEFAULT ALLOW", "POLICY a {} USE a DEFAULT ALLOW", "POLICY a { KILL {} } USE a, USE a DEFAULT ALLOW"]
    {
        assert_eq!(answer(&kafel(text), "read", [0; 6]), ALLOW, "{text}");
    }
}

/// The files of the filters that come with sbx are policies like any other.
#[test]
fn shipped_filters_load_as_files_of_ones_own() {
    for base in seccomp::Shipped::ALL {
        let path = format!("{}/../sandbox-core/filters/{}.kafel", env!("CARGO_MANIFEST_DIR"), base.name());
        let (path, text) = (std::path::Path::new(&path), std::fs::read_to_string(&path).unwrap());
        let own = Source { name: path.display().to_string(), text };
        let own = program(sandbox_kafel::compile_file(own, path, &super::super::read));
        let shipped = seccomp::compile(&base.filter()).unwrap();
        let dice = &mut Dice(3);
        for nr in (0..=600).chain(UNKNOWN).chain([MARKER]) {
            for _ in 0..40 {
                let call = Call::new(nr, std::array::from_fn(|_| word(dice)));
                assert_eq!(ret(&own, &call), ret(&shipped, &call), "{base:?} {call:x?}");
            }
        }
    }
}

#[test]
fn files_are_included_relative_to_the_file_that_names_them() {
    let directory = Directory::new();
    let main = "#include \"sub/a.kafel\" \"sub/b.kafel\"; USE a, USE b DEFAULT ALLOW\n#include \"end.kafel\"";
    let path = directory.file("main.kafel", main.as_bytes(), 0o644);
    directory.file("sub/a.kafel", b"#include \"../common.kafel\"\nPOLICY a { ERRNO(N) { read } }", 0o644);
    directory.file("sub/b.kafel", b"#include \"../common.kafel\"\nPOLICY b { ERRNO(N) { write } }", 0o644);
    directory.file("common.kafel", b"#define N 7", 0o644);
    directory.file("end.kafel", b"KILL { open }", 0o644);
    let compile = |path: &std::path::Path| {
        let text = std::fs::read_to_string(path).unwrap();
        sandbox_kafel::compile_file(Source { name: path.display().to_string(), text }, path, &super::super::read)
    };
    let compiled = program(compile(&path));
    assert_eq!((answer(&compiled, "read", [0; 6]), answer(&compiled, "write", [0; 6])), (ERRNO | 7, ERRNO | 7));
    assert_eq!((answer(&compiled, "open", [0; 6]), answer(&compiled, "close", [0; 6])), (KILL_THREAD, ALLOW));

    // A mistake is told with the file it is in.
    let broken = directory.file("broken.kafel", b"#include \"sub/c.kafel\"\nDEFAULT ALLOW", 0o644);
    directory.file("sub/c.kafel", b"KILL {\n  wirte\n}", 0o644);
    let mistake = compile(&broken).unwrap_err();
    assert!(mistake.name.ends_with("sub/c.kafel") && (mistake.line, mistake.column) == (2, 3), "{mistake}");

    // Circles end, by whatever name, and so does what only looks like none.
    for (name, text) in [("self.kafel", "#include \"sub/../self.kafel\""), ("x.kafel", "\n #include \"y.kafel\"")] {
        directory.file("y.kafel", b"#include \"x.kafel\"", 0o644);
        let mistake = compile(&directory.file(name, text.as_bytes(), 0o644)).unwrap_err();
        assert!(mistake.what.contains("includes itself"), "{mistake}");
    }
    for depth in 0..20 {
        directory.file(&format!("d{depth}.kafel"), format!("#include \"d{}.kafel\"", depth + 1).as_bytes(), 0o644);
    }
    directory.file("d20.kafel", b"DEFAULT ALLOW", 0o644);
    assert!(compile(&directory.path().join("d0.kafel")).unwrap_err().what.contains("more than 16 deep"));
    assert!(compile(&directory.path().join("d10.kafel")).is_ok());
    let missing = compile(&directory.file("m.kafel", b"DEFAULT ALLOW #include \"none.kafel\"", 0o644)).unwrap_err();
    assert!(missing.what.contains("ENOENT") && missing.column == 24, "{missing}");
}

/// A policy as a test knows it: nothing of the compiler's.
enum Question {
    Compare(Side, &'static str, Side),
    All(Vec<Question>),
    Any(Vec<Question>),
    Not(Box<Question>),
}

enum Side {
    Number(u64),
    Arg(usize),
    And(Box<Side>, Box<Side>),
    Or(Box<Side>, Box<Side>),
}

struct Line {
    call: usize,
    question: Option<Question>,
    action: (String, u32),
}

/// Calls with the names and the bits of their arguments.
const CALLS: [(&str, &[(&str, u32)]); 5] = [
    ("write", &[("fd", 32), ("buf", 64), ("count", 64)]),
    ("openat", &[("dfd", 32), ("filename", 64), ("flags", 32), ("mode", 16)]),
    ("socket", &[("family", 32), ("type", 32), ("protocol", 32)]),
    ("mmap", &[("addr", 64), ("len", 64), ("prot", 64), ("flags", 64), ("fd", 32), ("off", 64)]),
    ("clone", &[("clone_flags", 32), ("newsp", 64)]),
];

fn side(dice: &mut Dice, call: usize, bits: u32, depth: u32) -> Side {
    match dice.roll(if depth == 0 { 2 } else { 4 }) {
        0 => Side::Number(word(dice) & (u64::MAX >> (64 - bits))),
        1 => Side::Arg(usize::try_from(dice.roll(CALLS[call].1.len() as u64)).unwrap()),
        2 => Side::And(side(dice, call, bits, depth - 1).into(), side(dice, call, bits, depth - 1).into()),
        _ => Side::Or(side(dice, call, bits, depth - 1).into(), side(dice, call, bits, depth - 1).into()),
    }
}

/// The widest argument.
fn widest(side: &Side, call: usize) -> u32 {
    match side {
        Side::Number(_) => 0,
        Side::Arg(at) => CALLS[call].1[*at].1,
        Side::And(a, b) | Side::Or(a, b) => widest(a, call).max(widest(b, call)),
    }
}

fn question(dice: &mut Dice, call: usize, depth: u32) -> Question {
    let several = |dice: &mut Dice| (0..=dice.roll(2)).map(|_| question(dice, call, depth - 1)).collect();
    match dice.roll(if depth == 0 { 1 } else { 4 }) {
        0 => loop {
            let bits = dice.pick(&[16, 32, 64]);
            let (left, right) = (side(dice, call, bits, 2), side(dice, call, bits, 2));
            // A number that does not fit beside its arguments is an error, which other tests are for.
            let fits = widest(&left, call).max(widest(&right, call));
            if fits == 0 || fits >= bits {
                break Question::Compare(left, dice.pick(&["==", "!=", "<", "<=", ">", ">="]), right);
            }
        },
        1 => Question::All(several(dice)),
        2 => Question::Any(several(dice)),
        _ => Question::Not(Box::new(question(dice, call, depth - 1))),
    }
}

fn write_side(dice: &mut Dice, side: &Side, call: usize) -> String {
    let text = match side {
        Side::Number(number) => match dice.roll(4) {
            0 => format!("{number}"),
            1 if *number != 0 => format!("0{number:o}"),
            2 => format!("0b{number:b}"),
            _ => format!("{number:#x}"),
        },
        Side::Arg(at) => CALLS[call].1[*at].0.into(),
        Side::And(a, b) => format!("({} & {})", write_side(dice, a, call), write_side(dice, b, call)),
        Side::Or(a, b) => format!("({}|{})", write_side(dice, a, call), write_side(dice, b, call)),
    };
    if dice.roll(8) == 0 { format!("({text})") } else { text }
}

fn write_question(dice: &mut Dice, question: &Question, call: usize) -> String {
    let blank = dice.pick(&[" ", "", "\n", " /* x */ "]);
    let join = |dice: &mut Dice, parts: &[Question], sign: &str| {
        let parts: Vec<_> = parts.iter().map(|part| write_question(dice, part, call)).collect();
        format!("({})", parts.join(&format!("{blank}{sign}{blank}")))
    };
    match question {
        Question::All(parts) => join(dice, parts, "&&"),
        Question::Any(parts) => {
            let sign = dice.pick(&["||", ","]);
            join(dice, parts, sign)
        }
        Question::Not(inner) => format!("!({})", write_question(dice, inner, call)),
        Question::Compare(left, sign, right) => {
            format!("{}{blank}{sign}{blank}{}", write_side(dice, left, call), write_side(dice, right, call))
        }
    }
}

fn read_side(side: &Side, call: usize, args: &[u64; 6]) -> u64 {
    match side {
        Side::Number(number) => *number,
        Side::Arg(at) => match CALLS[call].1[*at].1 {
            16 => u64::from(args[*at] as u16),
            32 => u64::from(args[*at] as u32),
            _ => args[*at],
        },
        Side::And(a, b) => read_side(a, call, args) & read_side(b, call, args),
        Side::Or(a, b) => read_side(a, call, args) | read_side(b, call, args),
    }
}

fn holds(question: &Question, call: usize, args: &[u64; 6]) -> bool {
    match question {
        Question::All(parts) => parts.iter().all(|part| holds(part, call, args)),
        Question::Any(parts) => parts.iter().any(|part| holds(part, call, args)),
        Question::Not(inner) => !holds(inner, call, args),
        Question::Compare(left, sign, right) => {
            let (left, right) = (read_side(left, call, args), read_side(right, call, args));
            match *sign {
                "==" => left == right,
                "!=" => left != right,
                "<" => left < right,
                "<=" => left <= right,
                ">" => left > right,
                _ => left >= right,
            }
        }
    }
}

fn action(dice: &mut Dice) -> (String, u32) {
    let number = dice.roll(0x1_0000) as u32;
    let word = dice.pick(&["KILL", "KILL_THREAD", "DENY"]);
    match dice.roll(8) {
        0 => ("ALLOW".into(), ALLOW),
        1 => ("LOG".into(), LOG),
        2 => ("USER_NOTIF".into(), NOTIFY),
        3 => (word.into(), KILL_THREAD),
        4 => ("KILL_PROCESS".into(), KILL_PROCESS),
        5 => (format!("ERRNO({number})"), ERRNO | number),
        6 => (format!("TRAP({number:#x})"), TRAP | number),
        _ => (format!("TRACE({number})"), TRACE | number),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_policy_is_answered_as_it_reads(seed in any::<u64>()) {
        let dice = &mut Dice(seed);
        let default = action(dice);
        let mut text = String::new();
        // Policies of which each may use those before it.
        let mut policies: Vec<Vec<Line>> = Vec::new();
        let mut bodies: Vec<Vec<(usize, usize)>> = Vec::new();
        let count = 1 + dice.roll(4) as usize;
        for at in 0..count {
            let (mut lines, mut order, mut pieces) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..dice.roll(4) {
                if at > 0 && dice.roll(3) == 0 {
                    let used = dice.roll(at as u64) as usize;
                    pieces.push(format!("USE p{used}"));
                    order.extend(bodies[used].clone());
                    continue;
                }
                let action = action(dice);
                let mut rules = Vec::new();
                for _ in 0..dice.roll(4) {
                    let call = dice.roll(CALLS.len() as u64) as usize;
                    let asked = (dice.roll(4) != 0).then(|| question(dice, call, 3));
                    let written = asked.as_ref().map(|asked| format!(" {{ {} }}", write_question(dice, asked, call)));
                    rules.push(format!("{}{}", CALLS[call].0, written.unwrap_or_default()));
                    order.push((at, lines.len()));
                    lines.push(Line { call, question: asked, action: action.clone() });
                }
                pieces.push(format!("{} {{ {} }}", action.0, rules.join(", ")));
            }
            writeln!(text, "POLICY p{at} {{\n{}\n}}", pieces.join(",\n")).unwrap();
            policies.push(lines);
            bodies.push(order);
        }
        let used = dice.roll(count as u64) as usize;
        write!(text, "USE p{used} DEFAULT {}", default.0).unwrap();

        let program = kafel(&text);
        for _ in 0..60 {
            let call = dice.roll(CALLS.len() as u64) as usize;
            let args: [u64; 6] = std::array::from_fn(|_| word(dice));
            let first = bodies[used].iter().map(|&(policy, line)| &policies[policy][line]).find(|line| {
                line.call == call && line.question.as_ref().is_none_or(|asked| holds(asked, call, &args))
            });
            let expected = first.map_or(default.1, |line| line.action.1);
            prop_assert_eq!(answer(&program, CALLS[call].0, args), expected, "{} {} {:x?}", text, CALLS[call].0, args);
        }
        // What no rule names, on every number.
        let named: Vec<u32> = CALLS.iter().map(|(name, _)| seccomp::number(name).unwrap()).collect();
        for nr in (0..=470).filter(|nr| seccomp::is_known(*nr) && !named.contains(nr)) {
            prop_assert_eq!(ret(&program, &Call::new(nr, [0; 6])), default.1);
        }
        let stricter = severity(default.1) > severity(ERRNO);
        guards(&program, if stricter { default.1 } else { ERRNO | 38 });
    }
}
