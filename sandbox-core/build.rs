//! Compiles the shipped filters while the library is built, with the compiler the library itself uses.

// Of each module a part is for the library only.
#[allow(dead_code)]
#[path = "src/seccomp/compile.rs"]
mod compile;
#[allow(dead_code)]
#[path = "src/seccomp/expr.rs"]
mod expr;
#[path = "src/seccomp/graph.rs"]
mod graph;
#[allow(dead_code)]
#[path = "src/seccomp/ir.rs"]
mod ir;
#[path = "src/seccomp/leaf.rs"]
mod leaf;
#[path = "src/seccomp/shape.rs"]
mod shape;
#[allow(dead_code)]
#[path = "src/seccomp/shipped/mod.rs"]
mod shipped;
#[allow(dead_code)]
#[path = "src/seccomp/syscalls.rs"]
mod syscalls;

use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use ir::Filter;
use shipped::{Restrict, Shipped};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/seccomp");

    let mut code = String::new();
    for shipped in Shipped::ALL {
        array(&mut code, &shipped.name().to_uppercase().replace('-', "_"), &shipped.filter())?;
    }
    array(&mut code, "SUPERVISOR", &shipped::supervisor())?;
    array(&mut code, "WITNESS", &shipped::witness())?;
    array(&mut code, "KEEPER", &shipped::keeper())?;
    let mut restrictions = Vec::new();
    for index in 0..8 {
        let name = format!("RESTRICTION_{index}");
        array(&mut code, &name, &Restrict::nth(index).filter())?;
        restrictions.push(format!("&{name}"));
    }
    writeln!(code, "static RESTRICTIONS: [&[sock_filter]; 8] = [{}];", restrictions.join(", "))?;

    let out = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    std::fs::write(Path::new(&out).join("programs.rs"), code)?;
    Ok(())
}

fn array(code: &mut String, name: &str, filter: &Filter) -> Result<(), Box<dyn Error>> {
    let program = compile::compile_well(filter)?;
    writeln!(code, "static {name}: [sock_filter; {}] = [", program.len())?;
    for i in program {
        writeln!(code, "    insn({:#04x}, {}, {}, {:#x}),", i.code, i.jt, i.jf, i.k)?;
    }
    writeln!(code, "];")?;
    Ok(())
}
