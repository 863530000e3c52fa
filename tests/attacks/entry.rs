//! P: programs and callers that might keep the jail from being entered at all.

use std::path::PathBuf;

use super::probe::Act::Does;
use super::probe::{Control, Probe, probe, untried};
use super::run::{Start, said};
use crate::support::{Ended, Entry, Sandbox, TempDir, bins};

const OUTSIDER: &str = include_str!("../targets/outsider.c");
const NOBODY: [&str; 0] = [];

pub fn probes() -> Vec<Probe> {
    let programs = programs().into_iter().map(Probe::itself).collect();
    [programs, callers(), early()].concat()
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
fn by_route<'a>(start: &'a Start) -> Start<'a> {
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
        untried("P3", "a static program of Go's", "the kernel and sbx see a static ELF: P1; no Go compiler is among what the tests use"),
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

fn callers() -> Vec<Probe> {
    vec![
        probe("P8", "the library is not there, in LD_PRELOAD")
            .only(&[Entry::Preload])
            .does(|_| free_with("/nowhere/libsandbox.so"))
            .both(
                "free",
                Control::Nothing("to the loader that is a warning: threat-model.md; sbx-launch refuses, P8b"),
            ),
        probe("P8a", "the library is empty, damaged or of another word size, in LD_PRELOAD")
            .only(&[Entry::Preload])
            .does(|start| free_with(start.scene.dir.file("damaged.so", b"\x7fELF\x01\x01\x01").to_str().unwrap()))
            .both(
                "free",
                Control::Nothing("to the loader that is a warning: threat-model.md; sbx-launch refuses, P8b"),
            ),
        probe("P8b", "the library is not there, for sbx-launch")
            .only(&[Entry::Launch, Entry::Exec])
            .with(&["library=/nowhere/libsandbox.so"])
            .act(&["calls", "getpid"])
            .both(
                "125",
                Control::Other(
                    "the library beside it",
                    &[],
                    Does(|start| said(&Sandbox::new(start.route).probe(&["calls", "getpid"]))),
                    "ok",
                ),
            ),
        probe("P8c", "the library is another file, for sbx-launch")
            .only(&[Entry::Launch, Entry::Exec])
            .with(&["library=/etc/passwd"])
            .act(&["calls", "getpid"])
            .both("125", Control::Nothing("as P8b")),
        probe("P9", "no descriptor is left: `ulimit -n 3`")
            .does(|start| {
                let sandbox = start.sandbox.clone().unwrap().after_shell("ulimit -n 3");
                held_or_nothing(&sandbox.probe(&["attack", "ids"]))
            })
            .both(
                "nothing ran",
                Control::Other(
                    "ulimit -n 64",
                    &[],
                    Does(|start| {
                        let sandbox = start.sandbox.clone().unwrap().after_shell("ulimit -n 64");
                        held_or_nothing(&sandbox.probe(&["attack", "ids"]))
                    }),
                    "inside",
                ),
            ),
        probe("P9a", "few descriptors are left: `ulimit -n 4` to `16`")
            .does(|start| tightened(start, "-n", &["4", "5", "6", "8", "10", "16"]))
            .both("never outside", Control::Nothing("it runs inside, or not at all")),
        probe("P9b", "little memory is left: `ulimit -v`")
            .does(|start| tightened(start, "-v", &["1000", "4000", "6000", "8000", "12000", "20000"]))
            .both("never outside", Control::Nothing("it runs inside, or not at all")),
        probe("P9c", "no process can be made: `ulimit -u 0`")
            .does(|start| tightened(start, "-u", &["0", "1"]))
            .both("never outside", Control::Nothing("it runs inside, or not at all")),
        probe("P15", "the environment says that it is a sandbox already: SBX_INSIDE")
            .does(|start| said(&start.sandbox.clone().unwrap().env("SBX_INSIDE", "1").probe(&["attack", "ids"])))
            .both(
                "125",
                Control::Other(
                    "other words for it",
                    &[],
                    Does(|start| {
                        let sandbox = ["container", "SANDBOX", "IN_SANDBOX"]
                            .iter()
                            .fold(start.sandbox.clone().unwrap(), |sandbox, name| sandbox.env(name, "1"));
                        held_or_nothing(&sandbox.probe(&["attack", "ids"]))
                    }),
                    "inside",
                ),
            ),
        probe("P15a", "a filter answers the number by which sbx knows itself inside")
            .needs(&["cc"])
            .does(|start| {
                let forger = start
                    .scene
                    .program("forger", |dir| dir.compile("cc", "forger", include_str!("../targets/forger.c"), &[]));
                let words = |errno: &str| [forger.as_os_str().to_owned(), errno.into()];
                let all = ["0", "1", "38", "4095"].map(|errno| {
                    let sandbox = start.sandbox.clone().unwrap().wrapped(&words(errno));
                    held_or_nothing(&sandbox.probe(&["attack", "ids"]))
                });
                never_outside(&all)
            })
            .both("never outside", Control::Nothing("it runs inside, or not at all")),
        probe("P16", "LD_BIND_NOW and LD_DEBUG of the caller's")
            .does(|start| {
                held_or_nothing(
                    &start
                        .sandbox
                        .clone()
                        .unwrap()
                        .env("LD_BIND_NOW", "1")
                        .env("LD_ORIGIN_PATH", "/")
                        .probe(&["attack", "ids"]),
                )
            })
            .both("inside", Control::Nothing("it tells where it is")),
        probe("P16a", "the loader is started by hand: `ld.so PROGRAM`")
            .with(&["bind-ro={bin}"])
            .does(|start| {
                let loader = std::path::Path::new("/lib64/ld-linux-x86-64.so.2");
                held_or_nothing(&start.run(loader, &[bins::probe().to_str().unwrap(), "attack", "ids"]))
            })
            .default("inside", Control::Nothing("it tells where it is"))
            .strict("125", Control::Nothing("what the loader would load cannot be in memory first"))
            .but_strict(Entry::Preload, "inside", Control::Nothing("it tells where it is")),
        probe("P17", "standard input, output and error are closed: it writes a file")
            .with(&["bind={dir}/inner", "dev=minimal"])
            .does(|start| {
                let file = start.scene.new_path();
                let sandbox = start.sandbox.clone().unwrap().after_shell("exec 0<&- 1>&- 2>&-");
                sandbox.run(bins::probe(), &["file".as_ref(), "write".as_ref(), file.as_os_str()]);
                let shut = start.sandbox.clone().unwrap().after_shell("exec 0<&- 1>&- 2>&-");
                shut.run(bins::probe(), &["file", "write", &start.scene.fill("{dir}/beside/out")]);
                let out = start.scene.dir.join("beside/out").exists();
                format!(
                    "{}, {}",
                    if file.exists() { "written" } else { "not started" },
                    if out { "outside too" } else { "not outside" }
                )
            })
            .both("written, not outside", Control::Nothing("it tells where it is")),
    ]
}

fn held_or_nothing(ended: &Ended) -> String {
    if ended.code() == Some(125) && ended.out.is_empty() {
        return "125".into();
    }
    match ended.out.split_whitespace().next() {
        Some("1") => "inside".into(),
        Some(_) => "outside".into(),
        None => "nothing ran".into(),
    }
}

fn never_outside(all: &[String]) -> String {
    if all.iter().any(|one| one == "outside") { all.join(", ") } else { "never outside".into() }
}

/// Under limits of the shell's that starts it, none of which may make it run outside.
fn tightened(start: &Start, flag: &str, limits: &[&str]) -> String {
    let run = |limit: &&str| {
        let sandbox = start.sandbox.clone().unwrap().after_shell(&format!("ulimit {flag} {limit}"));
        held_or_nothing(&sandbox.probe(&["attack", "ids"]))
    };
    let all: Vec<_> = limits.iter().map(run).collect();
    never_outside(&all)
}

/// What the loader does without a library that it can load.
fn free_with(library: &str) -> String {
    let mut command = std::process::Command::new(bins::probe());
    crate::support::sandbox::clean_env(&mut command)
        .env("LD_PRELOAD", library)
        .env("SBX_NET", "none")
        .args(["attack", "ids"]);
    let ended = crate::support::finish(command, b"", crate::support::ended::TIMEOUT);
    if held_or_nothing(&ended) == "outside" { "free".into() } else { said(&ended) }
}

fn early() -> Vec<Probe> {
    let preload = |id, tries| probe(id, tries).needs(&["cc"]);
    vec![
        preload("P13", "another library is preloaded before")
            .only(&[Entry::Preload])
            .does(|start| preloaded(start, |own, other| format!("{other}:{own}")))
            .both("other as 1, 1 0 0 0", Control::Nothing("its constructor runs inside")),
        preload("P13a", "another library is preloaded after")
            .only(&[Entry::Preload])
            .does(|start| preloaded(start, |own, other| format!("{own}:{other}")))
            .both("other as 1, 1 0 0 0", Control::Nothing("its constructor runs inside")),
        preload("P13b", "an audit module that starts a thread: LD_AUDIT")
            .does(|start| {
                let module = start.scene.program("audit.so", |dir| dir.compile("cc", "audit.so", include_str!("../targets/audit_thread.c"), &["-shared", "-fPIC"]));
                said(&start.sandbox.clone().unwrap().env("LD_AUDIT", module).probe(&["attack", "ids"]))
            })
            .both("125", Control::Other("without one", &[], Does(|start| held_or_nothing(&start.probe(&["attack", "ids"]))), "inside")),
        preload("P14", "constructors of the program and of its libraries, one with a thread: the pids that they saw")
            .with(&["bind-ro={dir}"])
        .does(|start| {
                let library = start.scene.program("early.so", |dir| dir.compile("cc", "early.so", include_str!("../targets/early_library.c"), &["-shared", "-fPIC", "-pthread"]));
                let program = start.scene.program("early", |dir| dir.compile("cc", "early", include_str!("../targets/early.c"), &[library.to_str().unwrap()]));
                said(&by_route(start).run(&program, &NOBODY))
            })
            .both("preinit 1, library 1, thread 1, constructor 1, main 1", Control::Nothing("they tell where they are")),
        preload("P14a", "an IFUNC resolver, which runs before every constructor, writes")
            .does(|start| {
                let program = start.scene.program("resolver", |dir| dir.compile("cc", "resolver", include_str!("../targets/resolver.c"), &["-Wl,-z,now"]));
                let ended = by_route(start).run(&program, &NOBODY);
                if ended.out.starts_with("resolver ran") { "resolver ran".into() } else { said(&ended) }
            })
            .both("126", Control::Other("by the bare variable, before anything of sbx", &[], Does(|start| {
                let program = start.scene.program("resolver", |dir| dir.compile("cc", "resolver", include_str!("../targets/resolver.c"), &["-Wl,-z,now"]));
                crate::support::bare(&program, &NOBODY).out.trim().to_owned()
            }), "resolver ran"))
            .but(Entry::Preload, "resolver ran", Control::Nothing("the caller's own program is trusted until it is relocated: threat-model.md, what runs before the jail"))
            .but(Entry::Exec, "resolver ran", Control::Nothing("inside")),
        probe("P18", "the profile strict by the route exec, which must execute the program once more")
            .only(&[Entry::Exec])
            .act(&["calls", "getpid"])
            .default("ok", Control::Nothing("the route holds the default profile"))
            .strict("125", Control::Nothing("refused")),
        probe("P19", "an unknown setting, or one that is spelled wrong, is passed over")
            .does(|start| said(&start.sandbox.clone().unwrap().env("SBX_SECCOM", "none").probe(&["attack", "ids"])))
            .both("125", Control::Other("one that is known", &[], Does(|start| held_or_nothing(&start.probe(&["attack", "ids"]))), "inside")),
    ]
}

fn preloaded(start: &Start, list: fn(&str, &str) -> String) -> String {
    let other = start.scene.program("other.so", |dir| {
        dir.compile("cc", "other.so", include_str!("../targets/other.c"), &["-shared", "-fPIC"])
    });
    let list = list(bins::library().to_str().unwrap(), other.to_str().unwrap());
    let mut command = std::process::Command::new(bins::probe());
    let profile = start.profile.name();
    crate::support::sandbox::clean_env(&mut command)
        .env("LD_PRELOAD", list)
        .env("SBX_PROFILE", profile)
        .args(["attack", "ids"]);
    said(&crate::support::finish(command, b"", crate::support::ended::TIMEOUT))
}
