//! P, continued: what the caller has around the program, and code that runs before main.

use super::entry::{NOBODY, by_route};
use super::probe::Act::Does;
use super::probe::{Control, Probe, probe, untried};
use super::run::{Start, said};
use crate::support::{Ended, Entry, Sandbox, bins};

pub fn probes() -> Vec<Probe> {
    [callers(), early()].concat()
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
        untried(
            "P9d",
            "the machine's table of files is full, ENFILE",
            "it is everybody's; the failure of each call of the set-up is injected: tests/failures/",
        ),
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
            .but_strict(Entry::Preload, "inside", Control::Nothing("it tells where it is"))
            .but_strict(
                Entry::Layered,
                "nothing ran",
                Control::Nothing("the loader is a program that no library is loaded into"),
            ),
        untried("P16b", "a prelinked program", "prelink is gone from distributions, and the loader relocates as ever"),
        untried("P16c", "a program without a name, by descriptor", "it cannot be named in a table: tests/routes.rs"),
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
            .both("125", Control::Other("without one", &[], Does(|start| held_or_nothing(&start.probe(&["attack", "ids"]))), "inside"))
            .but_strict(Entry::Layered, "126", Control::Other("without one", &[], Does(|start| held_or_nothing(&start.probe(&["attack", "ids"]))), "inside")),
        untried("P13c", "the library in /etc/ld.so.preload", "the file is the whole host's; a library loaded again inside does nothing, or refuses: tests/guard.rs"),
        untried("P13d", "a program built with a sanitizer, whose library wants to be first", "it is executed inside, as no library may be before that one: tests/routes.rs; another library that is first is P13"),
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
