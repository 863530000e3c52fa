//! Programs, an instruction a line.

use std::borrow::Cow;
use std::fmt::Write;

use libc::sock_filter;
use sandbox_core::policy::types::errno_name;
use sandbox_core::seccomp;

/// All programs, with a line before each.
pub fn programs(programs: &[Cow<'static, [sock_filter]>]) -> String {
    let mut out = String::new();
    for (at, program) in (1..).zip(programs) {
        // ignored here and below: writing to a string does not fail
        let _ = writeln!(out, "; program {at} of {}, {} instructions", programs.len(), program.len());
        for (at, i) in program.iter().enumerate() {
            let _ = writeln!(out, "{at:4}  {}", line(program, at, i));
        }
    }
    out
}

fn line(program: &[sock_filter], at: usize, i: &sock_filter) -> String {
    let to = |skip: u32| at + 1 + skip as usize;
    let with = || if i.code & 0x08 == 0 { format!("{:#x}", i.k) } else { "x".into() };
    match i.code {
        0x20 => format!("ld   {}", place(i.k)),
        0x00 => format!("ld   #{:#x}", i.k),
        0x60 => format!("ld   m[{}]", i.k),
        0x61 => format!("ldx  m[{}]", i.k),
        0x02 => format!("st   m[{}]", i.k),
        0x54 | 0x5c => format!("and  {}", with()),
        0x44 | 0x4c => format!("or   {}", with()),
        0x05 => format!("jmp  {}", to(i.k)),
        0x06 => format!("ret  {}", answer(i.k)),
        0x15 | 0x1d | 0x25 | 0x2d | 0x35 | 0x3d | 0x45 | 0x4d => {
            let name = ["jeq", "jgt", "jge", "jset"].get(usize::from(i.code >> 4) - 1).copied().unwrap_or_default();
            let comment = if is_number(program, at) { name_of(i.k) } else { String::new() };
            format!("{name:4} {}, {}, {}{comment}", with(), to(i.jt.into()), to(i.jf.into()))
        }
        // Only in a program that was not compiled here.
        code => format!(".insn {code:#06x}, {}, {}, {:#x}", i.jt, i.jf, i.k),
    }
}

fn place(offset: u32) -> String {
    match offset {
        0 => "nr".into(),
        4 => "arch".into(),
        8 => "ip.low".into(),
        12 => "ip.high".into(),
        _ => format!("arg{}.{}", (offset - 16) / 8, if offset.is_multiple_of(8) { "low" } else { "high" }),
    }
}

/// Whether a test is of the number: the last load before it is that of the number. Loads of arguments are in leaves, which
/// come before the tests that lead to them, so what precedes in the program need not precede when it runs.
fn is_number(program: &[sock_filter], at: usize) -> bool {
    // From each instruction on, along the first way found backwards.
    let mut at = at;
    for _ in 0..program.len() {
        let Some(by) = (0..at).rev().find(|by| leads(program, *by, at)) else { return false };
        match program.get(by) {
            Some(i) if i.code == 0x20 => return i.k == 0,
            Some(i) if i.code & 0x07 == 0x05 => at = by,
            _ => return false,
        }
    }
    false
}

fn leads(program: &[sock_filter], by: usize, at: usize) -> bool {
    program.get(by).is_some_and(|i| match i.code {
        0x06 => false,
        0x05 => by + 1 + i.k as usize == at,
        code if code & 0x07 == 0x05 => by + 1 + usize::from(i.jt) == at || by + 1 + usize::from(i.jf) == at,
        _ => by + 1 == at,
    })
}

fn name_of(nr: u32) -> String {
    match seccomp::name(nr) {
        Some(name) => format!("  ; {name}"),
        None if nr == seccomp::MARKER_NR => "  ; the marker".into(),
        None if nr == 0x4000_0000 => "  ; x32".into(),
        None => String::new(),
    }
}

fn answer(value: u32) -> String {
    let data = (value & 0xffff) as u16;
    match value & 0xffff_0000 {
        0x7fff_0000 => "allow".into(),
        0x7ffc_0000 => "log".into(),
        0x7ff0_0000 => format!("trace {data}"),
        0x7fc0_0000 => "notify".into(),
        0x0005_0000 if data == seccomp::MARKER_ERRNO => format!("errno {data}  ; the marker"),
        0x0005_0000 => format!("errno {}", errno_name(data)),
        0x0003_0000 => format!("trap {data}"),
        0x0000_0000 => "kill_thread".into(),
        0x8000_0000 => "kill_process".into(),
        _ => format!("{value:#x}"),
    }
}
