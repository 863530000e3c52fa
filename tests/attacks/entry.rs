//! P: programs and callers that might keep the jail from being entered at all.

use std::path::PathBuf;

use super::callers;
use super::probe::Act::Does;
use super::probe::{Control, Probe, probe, untried};
use super::run::{Start, said};
use crate::support::{Ended, Entry, TempDir};

const OUTSIDER: &str = include_str!("../targets/outsider.c");
pub const NOBODY: [&str; 0] = [];

pub fn probes() -> Vec<Probe> {
    let programs = programs().into_iter().map(Probe::itself).collect();
    [programs, callers::probes()].concat()
}

/// What the outsider, or another program, says of where it is.
fn held(ended: &Ended) -> String {
    let has = |line: &str| ended.out.lines().any(|l| l == line);
    if has("pid=1") && has("unshare=Operation not permitted") {
        return "held".into();
    }
    match () {
        () if ended.out.contains("pid=") => "free".into(),
        () if ended.code() == Some(127) && ended.out.is_empty() => "exit 127".into(),
        () => said(ended),
    }
}

/// Preload and launch say what the library holds: nothing else helps it.
pub fn by_route<'a>(start: &'a Start) -> Start<'a> {
    if start.route == Entry::Launch { start.with(&["route=preload"]) } else { start.with(&[]) }
}

fn run(start: &Start, program: PathBuf) -> String {
    held(&by_route(start).run(&program, &NOBODY))
}

fn plain(start: &Start) -> String {
    run(start, start.scene.program("plain", |dir| dir.compile("cc", "plain", OUTSIDER, &[])))
}

fn outsider(start: &Start, name: &'static str, flags: &'static [&'static str]) -> String {
    run(start, start.scene.program(name, |dir| dir.compile("cc", name, OUTSIDER, flags)))
}

/// By the bare variable nobody looks at the program first, and the loader is never asked; sbx-launch looks.
fn unasked(probe: Probe) -> Probe {
    let control = Control::Other("the program, linked dynamically", &[], Does(plain), "held");
    probe
        .needs(&["cc"])
        .both("126", control)
        .but(
            Entry::Preload,
            "free",
            Control::Nothing("the bare variable is the caller's to use for what asks for it: threat-model.md"),
        )
        .but(Entry::Exec, "held", Control::Outside("free"))
}

fn programs() -> Vec<Probe> {
    vec![
        unasked(probe("P1", "a static program").does(|start| outsider(start, "static", &["-static"]))),
        unasked(probe("P2", "a static-pie program").does(|start| outsider(start, "static-pie", &["-static-pie"]))),
        probe("P1a", "a static program, the route left to sbx")
            .needs(&["cc"])
            .only(&[Entry::Launch])
            .does(|start| held(&start.run(&start.scene.program("static", |dir| dir.compile("cc", "static", OUTSIDER, &["-static"])), &NOBODY)))
            .default("held", Control::Outside("free"))
            .strict("125", Control::Other("the program, linked dynamically", &[], Does(plain), "held")),
        untried("P3", "a static program of Go's", "the kernel and sbx see a static ELF: P1; tests/routes.rs runs some"),
        unasked(probe("P4", "a script of a static interpreter").does(|start| {
            let script = |dir: &TempDir| dir.script("static-script", "#!/bin/busybox sh\necho pid=$$\n[ $$ != 1 ] || echo 'unshare=Operation not permitted'\n");
            run(start, start.scene.program("static-script", script))
        }))
        .needs(&["cc", "busybox"])
        .but(Entry::Exec, "held", Control::Outside("free")),
        probe("P5", "a script by `#!/usr/bin/env`, which executes the interpreter")
            .does(|start| {
                let text = "#!/usr/bin/env sh\necho pid=$$\n[ $$ != 1 ] || echo 'unshare=Operation not permitted'\n";
                run(start, start.scene.program("env-script", |dir| dir.script("env-script", text)))
            })
            .with(&["bind-ro={dir}"])
            .default("held", Control::Outside("free"))
            .strict("exit 126, error: /usr/bin/env: 'sh': Operation not permitted", Control::Other("a program", &[], Does(plain), "held"))
            .needs(&["cc"]),
        probe("P6", "a set-user-id program")
            .needs(&["cc", "root"])
            .does(|start| run(start, start.scene.program("suid", |dir| {
                let program = dir.compile("cc", "suid", OUTSIDER, &[]);
                std::os::unix::fs::chown(&program, Some(65534), Some(65534)).unwrap();
                std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o4755)).unwrap();
                program
            })))
            .both("126", Control::Other("without the bit", &[], Does(plain), "held"))
            .but(Entry::Preload, "free", Control::Nothing("the loader drops the variable: AT_SECURE; name the library in the program, and it is refused: tests/guard.rs"))
            .but_strict(Entry::Layered, "held", Control::Outside("free"))
            .but(Entry::Exec, "held", Control::Outside("free")),
        probe("P7", "a program with file capabilities, `cap_net_raw+ep`")
            .needs(&["cc", "root", "setcap"])
            .does(|start| run(start, start.scene.program("capable", |dir| {
                let program = dir.compile("cc", "capable", OUTSIDER, &[]);
                assert!(std::process::Command::new("setcap").arg("cap_net_raw+ep").arg(&program).status().unwrap().success());
                program
            })))
            .both("126", Control::Other("without them", &[], Does(plain), "held"))
            .but(Entry::Preload, "held", Control::Outside("free"))
            .but_strict(Entry::Layered, "held", Control::Outside("free"))
            .but(Entry::Exec, "held", Control::Outside("free")),
        unasked(probe("P10", "a program of musl's").does(|start| run(start, start.scene.program("musl", |dir| dir.compile("musl-gcc", "musl", OUTSIDER, &[])))))
            .needs(&["cc", "musl-gcc"])
            .but(Entry::Preload, "exit 127", Control::Nothing("musl's loader does not run a program whose preload does not fit"))
            .but(Entry::Exec, "held", Control::Outside("free")),
        probe("P11", "a program with its own `_start`, which no libc starts: its exit code is its pid")
            .needs(&["cc"])
            .does(|start| said(&by_route(start).run(&start.scene.program("own_start", |dir| dir.compile("cc", "own_start", include_str!("../targets/own_start.c"), &["-nostartfiles"])), &NOBODY)))
            .both("exit 1", Control::Nothing("its pid is 1: inside")),
        probe("P12", "a program that exports what the set-up calls: unshare, mount, prctl, syscall …")
            .needs(&["cc"])
            .does(|start| said(&by_route(start).run(&start.scene.program("interposer", |dir| dir.compile("cc", "interposer", include_str!("../targets/interposer.c"), &["-rdynamic"])), &NOBODY)))
            .both("126", Control::Other("the program without them", &[], Does(plain), "held"))
            .but(Entry::Preload, "125", Control::Other("the program without them", &[], Does(plain), "held"))
            .but(Entry::Exec, "pid 1 no_new_privs 1 seccomp 2 root read-only", Control::Nothing("it tells where it is"))]
}
