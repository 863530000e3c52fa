//! sbx-launch around the library: help, mistakes, what it prints.

use std::path::Path;
use std::process::Command;

use crate::support::ended::TIMEOUT;
use crate::support::sandbox::clean_env;
use crate::support::{Ended, Entry, Sandbox, TempDir, bins, finish};

fn run(args: &[&str]) -> Ended {
    let mut command = Command::new(bins::launcher());
    clean_env(&mut command).args(args);
    finish(command, b"", TIMEOUT)
}

#[test]
fn help_names_every_flag_and_fits_the_terminal() {
    let (short, long) = (run(&["-h"]), run(&["--help"]));
    for flag in
        ["--bind", "--profile", "--share", "--seccomp", "--policy", "--print-plan", "--print-env", "--status-fd"]
    {
        assert!(short.ok().contains(flag) && long.ok().contains(flag), "{flag}");
    }
    assert!(long.out.len() > short.out.len());
    for line in short.out.lines() {
        assert!(line.chars().count() < 80, "{line}");
    }
}

#[test]
fn the_version_needs_nothing_else() {
    assert!(run(&["--version"]).ok().contains(env!("CARGO_PKG_VERSION")));
    // Not even a library.
    let dir = TempDir::new();
    dir.install(bins::launcher(), "sbx-launch");
    let mut alone = Command::new(dir.join("sbx-launch"));
    clean_env(&mut alone).arg("--version");
    finish(alone, b"", TIMEOUT).ok();
}

#[test]
fn help_after_the_program_is_the_programs() {
    let probe = bins::probe().to_str().unwrap();
    assert_eq!(run(&[probe, "args", "--help", "-h", "--version"]).ok(), "--help\n-h\n--version");
}

#[test]
fn mistakes_are_125_and_name_the_flag() {
    let probe = bins::probe().to_str().unwrap();
    for (args, named) in [
        (&["--bind-or", "/usr", probe, "report"][..], "--bind-or"),
        (&["--uid", "-1", probe, "report"], "-1"),
        (&["--uid", "nobody", probe, "report"], "--uid"),
        (&["--bind", "--init", probe, "report"], "--bind"),
        (&["--seccomp", "loose", probe, "report"], "--seccomp"),
        (&["--init=maybe", probe, "report"], "--init"),
        (&["-z", probe, "report"], "-z"),
        (&["--init"], "program"),
        (&[], "program"),
    ] {
        run(args).refused_saying(&[named]);
    }
}

#[test]
fn the_plan_is_printed_and_nothing_runs() {
    let probe = bins::probe().to_str().unwrap();
    let printed = run(&["--print-plan", "--hostname", "box", probe, "report"]);
    let plan = printed.ok();
    for step in [
        "guard",
        "user namespace",
        "id maps",
        "namespaces",
        "fork",
        "hostname",
        "mounts",
        "fds",
        "cwd",
        "capabilities",
        "seccomp",
    ] {
        assert!(plan.contains(step), "{step} in {plan}");
    }
    assert!(plan.contains("box") && !plan.contains("pid=1"), "{plan}");
    let lines: Vec<_> = plan.lines().collect();
    let at = |step: &str| lines.iter().rposition(|line| line.get(8..).is_some_and(|rest| rest.starts_with(step)));
    let order = ["user namespace", "id maps", "fork", "mounts", "fds", "cwd", "capabilities", "seccomp"].map(at);
    assert!(order.is_sorted() && order.iter().all(Option::is_some), "{plan}");
}

#[test]
fn contradictions_are_found_before_anything_runs() {
    let probe = bins::probe().to_str().unwrap();
    for settings in [
        &["--share", "net", "--net", "none"][..],
        &["--share", "mount", "--tmpfs", "/x"],
        &["--share", "pid", "--time-limit", "1"],
        &["--share", "uts", "--hostname", "x"],
        &["--bind", "/x/../y"],
        &["--allow-new-privs", "--no-exec"],
        &["--no-new-code", "--proc", "rw"],
    ] {
        run(&[settings, &[probe, "report"]].concat()).refused(125);
        run(&[settings, &["--print-plan"]].concat()).refused(125);
    }
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let mut command = Command::new("sh");
    clean_env(&mut command).args(["-c", "exec \"$0\" --help >/dev/full"]).arg(bins::launcher());
    assert_eq!(finish(command, b"", TIMEOUT).code(), Some(125));
}

#[test]
fn launching_adds_nothing_to_what_the_library_does() {
    let by = |entry| Sandbox::new(entry).with(&["hostname=same", "tmpfs=/mnt"]).report().without_what_varies();
    assert_eq!(by(Entry::Preload), by(Entry::Launch));
}

#[test]
fn an_absolute_program_is_one_of_the_tree_where_that_has_it() {
    let dir = TempDir::new();
    for name in ["tree", "tree/bin", "upper", "work"] {
        dir.dir(name);
    }
    dir.install(bins::probe(), "tree/bin/sh");
    let overlay = format!("/:lower={0}/tree:upper={0}/upper:work={0}/work", dir.display());
    for (name, value) in [("root", dir.join("tree").into_os_string()), ("overlay", overlay.into())] {
        let sandbox = Sandbox::new(Entry::Launch).set(name, value).cwd(Path::new("/"));
        // The caller's /bin/sh knows no such act.
        assert_eq!(sandbox.run("/bin/sh", &["file", "list", "/bin"]).ok(), "sh", "{name}");
        assert_eq!(sandbox.probe(&["file", "list", "/bin"]).ok(), "sh", "what the tree has not is the caller's");
    }
}
