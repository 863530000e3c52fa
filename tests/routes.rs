//! Who builds the jail: what the library cannot hold is executed in one that is there already, with nothing less.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{EVERY, Ended, Entry, Sandbox, TempDir, bins};
use crate::{cc, need};

fn auto() -> Sandbox {
    Sandbox::new(Entry::Launch)
}

fn exec() -> Sandbox {
    Sandbox::new(Entry::Exec)
}

/// What the outsider says in a whole jail, as any caller.
#[track_caller]
fn is_held(ended: &Ended) {
    assert_eq!((ended.code(), &*ended.err), (Some(9), ""), "{ended:#?}");
    for line in [
        "pid=1",
        "CapEff=0000000000000000",
        "CapBnd=0000000000000000",
        "NoNewPrivs=1",
        "Seccomp=2",
        "unshare=Operation not permitted",
    ] {
        assert!(ended.out.lines().any(|l| l == line), "{line} is not in {}", ended.out);
    }
    let open: Vec<_> = ended.out.lines().filter_map(|line| line.strip_prefix("fd=")).collect();
    assert_eq!(open, ["0", "1", "2"], "{}", ended.out);
}

/// The routes that a plan names.
fn route(program: &Path, settings: &[&str]) -> String {
    let plan = auto().with(settings).with(&["print-plan"]).run(program, &[""; 0]);
    plan.out.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn what_the_library_cannot_hold_is_executed_inside() {
    need!("cc");
    let dir = TempDir::new();
    for (name, flags) in [("static", &["-static"][..]), ("static-pie", &["-static-pie"])] {
        let program = dir.compile("cc", name, include_str!("targets/outsider.c"), flags);
        is_held(&auto().run(&program, &[""; 0]));
        let below_a_reaper = auto().with(&["init"]).run(&program, &[""; 0]);
        assert!(below_a_reaper.code() == Some(9) && below_a_reaper.out.contains("pid=2\n"), "{below_a_reaper:?}");
    }
}

#[test]
fn programs_of_another_c_library_are_executed_inside() {
    need!("musl-gcc");
    let dir = TempDir::new();
    is_held(&auto().run(dir.compile("musl-gcc", "musl", include_str!("targets/outsider.c"), &[]), &[""; 0]));
}

/// Its runtime makes its calls itself, has threads before main, and in its static programs no C library at all.
#[test]
fn programs_of_go_run_inside() {
    need!("age", "gosu");
    let key = auto().run("age-keygen", &[""; 0]).out;
    let line = |start: &str| key.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_default().to_owned();
    let (public, secret) = (line("# public key: "), format!("AGE-SECRET-KEY-{}", line("AGE-SECRET-KEY-")));
    for entry in EVERY {
        let sealed = Sandbox::new(entry).input("of one\n").run("age", &["--armor", "-r", &public]);
        assert!(sealed.code() == Some(0) && sealed.out.starts_with("-----BEGIN AGE"), "{entry:?} {sealed:?}");
        let with_key = Sandbox::new(entry).set("file", format!("/tmp/key:{secret}"));
        let opened = with_key.input(&sealed.out).run("age", &["-d", "-i", "/tmp/key"]);
        assert_eq!((opened.code(), &*opened.out), (Some(0), "of one\n"), "{entry:?} {opened:?}");
    }
    assert!(route(Path::new("/usr/sbin/gosu"), &[]).starts_with("route   exec"));
    let version = auto().run("/usr/sbin/gosu", &["--version"]);
    assert!(version.code() == Some(0) && version.out.contains("(go1."), "{version:?}");
    // It changes who one is, which is not to be had.
    let ended = auto().run("/usr/sbin/gosu", &["0:0", "/bin/true"]);
    assert!(ended.code() == Some(1) && ended.err.contains("operation not permitted"), "{ended:?}");
}

/// AddressSanitizer ends a program in which another library was loaded first.
#[test]
fn programs_with_a_sanitizer_are_executed_inside() {
    need!("cc");
    let dir = TempDir::new();
    let program = dir.compile("cc", "sanitized", include_str!("targets/outsider.c"), &["-fsanitize=address"]);
    assert!(route(&program, &[]).contains("needs libasan.so"), "{}", route(&program, &[]));
    // It looks for leaks with ptrace(2), which no filter but `dev` lets through.
    is_held(&auto().with(&["env=ASAN_OPTIONS=detect_leaks=0"]).run(&program, &[""; 0]));
    let with_library = Sandbox::new(Entry::Preload).run(&program, &[""; 0]);
    assert!(with_library.err.contains("ASan runtime does not come first"), "{with_library:?}");
}

#[test]
fn code_that_would_run_before_the_library_runs_inside() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "resolver", "-Wl,-z,now");
    // What its resolver does is refused, or done inside, where nobody sees it.
    let ended = auto().run(&program, &[""; 0]);
    assert!(!ended.err.contains("sbx:"), "{ended:?}");
    assert!(route(&program, &[]).contains("IFUNC"));
}

#[test]
fn scripts_of_static_interpreters_run_inside() {
    need!("busybox");
    let dir = TempDir::new();
    let script = dir.script("script", "#!/bin/busybox sh\necho \"$0 $1 $$\"\nexit 3\n");
    let nested = dir.script("nested", &format!("#!{}\n", script.display()));
    let ended = auto().run(&script, &["a"]);
    assert_eq!((ended.code(), ended.out), (Some(3), format!("{} a 1\n", script.display())));
    let ended = auto().run(&nested, &["a"]);
    assert_eq!((ended.code(), ended.out), (Some(3), format!("{} {} 1\n", script.display(), nested.display())));
}

#[test]
fn privileges_of_files_are_gone() {
    need!("root", "cc", "setcap");
    let dir = TempDir::new();
    let plain = dir.compile("cc", "plain", include_str!("targets/outsider.c"), &["-static"]);
    let set = dir.install(&plain, "set");
    std::os::unix::fs::chown(&set, Some(65534), Some(65534)).unwrap();
    fs::set_permissions(&set, fs::Permissions::from_mode(0o6755)).unwrap();
    let capable = dir.install(&plain, "capable");
    assert!(Command::new("setcap").arg("cap_net_raw+ep").arg(&capable).status().unwrap().success());
    for program in [&set, &capable] {
        let ended = auto().run(program, &[""; 0]);
        is_held(&ended);
        assert!(ended.out.contains("uid=0 0\n"), "{}", ended.out);
        // Where nothing takes them away they would be real.
        auto().with(&["share=mount", "allow-new-privs"]).run(program, &[""; 0]).refused(126);
    }
    // The control: outside they are.
    let outside = Command::new("setpriv").args(["--reuid=1000", "--clear-groups"]).arg(&set).output().unwrap();
    assert!(String::from_utf8_lossy(&outside.stdout).contains("uid=1000 65534\n"));
}

#[test]
fn what_a_program_needs_to_start_is_there_and_nothing_beside_it() {
    need!("cc");
    let dir = TempDir::new();
    let program = dir.compile("cc", "hidden", include_str!("targets/outsider.c"), &["-static"]);
    let beside = dir.file("beside", "secret");
    let beside = beside.to_str().unwrap();
    // /tmp is private, and the whole of an empty root is.
    for settings in [&[][..], &["root=empty", "proc=rw"]] {
        let ended = auto().with(settings).cwd(Path::new("/")).run(&program, &[beside, program.to_str().unwrap()]);
        is_held(&ended);
        assert!(ended.out.contains(&format!("{beside}=No such file")), "{}", ended.out);
        assert!(ended.out.contains(&format!("{}=open", program.display())), "{}", ended.out);
    }
    let ended = auto().set("bind-ro", beside).cwd(Path::new("/")).run(&program, &[beside]);
    assert!(ended.out.contains(&format!("{beside}=open")), "the control: {}", ended.out);
}

#[test]
fn what_is_shown_already_is_not_mounted_again() {
    need!("cc");
    let dir = TempDir::new();
    let program = dir.compile("cc", "shown", include_str!("targets/outsider.c"), &["-static"]);
    let bind = format!("bind={}:exec", dir.display());
    let plan = auto().with(&[&bind]).with(&["print-plan"]).run(&program, &[""; 0]);
    assert!(!plan.out.contains(&format!("{} ro", program.display())), "{}", plan.out);
    // It can be replaced, as everything there can.
    let act = format!("rm {0} && echo gone", program.display());
    assert_eq!(exec().with(&[&bind]).run("/bin/sh", &["-c", &act]).ok(), "gone");
}

#[test]
fn a_program_without_a_name_is_executed() {
    need!("cc", "python3");
    let dir = TempDir::new();
    let program = dir.compile("cc", "nameless", include_str!("targets/outsider.c"), &["-static"]);
    let script = format!(
        "import os, sys\nfd = os.memfd_create('x', 0)\nos.write(fd, open('{}', 'rb').read())\nos.set_inheritable(fd, True)\n\
         os.execv('{}', ['sbx-launch', f'/proc/self/fd/{{fd}}'])",
        program.display(),
        bins::launcher().display()
    );
    is_held(&crate::support::bare("python3", &["-c", &script]));
    let by_number = format!("exec 7<{}; exec \"$@\" /proc/self/fd/7", program.display());
    is_held(&crate::support::bare("sh", &["-c", &by_number, "sh", bins::launcher().to_str().unwrap()]));
}

#[test]
fn a_program_that_cannot_be_read_is_executed() {
    need!("user", "cc");
    let dir = TempDir::new();
    let program = dir.compile("cc", "unreadable", include_str!("targets/outsider.c"), &["-static"]);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o111)).unwrap();
    is_held(&auto().run(&program, &[""; 0]));
}

#[test]
fn programs_of_another_word_size_are_refused_by_either_route() {
    need!("cc");
    let dir = TempDir::new();
    let program = dir.compile("cc", "small", "void _start(void) { for (;;) ; }\n", &["-m32", "-nostdlib", "-static"]);
    for sandbox in [auto(), exec(), exec().with(&["seccomp=none"])] {
        assert!(sandbox.run(&program, &[""; 0]).refused(126).contains("not for x86-64"));
    }
}

#[test]
fn what_cannot_hold_there_is_refused_and_not_left_out() {
    need!("busybox");
    for (setting, named) in [
        ("no-exec", "no-exec"),
        ("no-new-code", "no-new-code"),
        ("profile=strict", "no-exec"),
        ("seccomp=strict", "execve"),
        ("seccomp=pure", "execve"),
        ("seccomp-deny=execve", "execve"),
    ] {
        for sandbox in [auto(), exec()] {
            sandbox.with(&[setting]).run("/bin/busybox", &["true"]).refused_saying(&[named, "route exec"]);
        }
    }
    assert_eq!(auto().run("/bin/busybox", &["echo", "ran"]).ok(), "ran", "the control");
}

#[test]
fn what_the_kernel_does_not_execute_inside_says_so() {
    need!("busybox");
    let dir = TempDir::new();
    dir.install(Path::new("/bin/busybox"), "busybox");
    // A writable bind is noexec unless it is told otherwise.
    let bind = format!("bind={}", dir.display());
    let program: PathBuf = dir.join("busybox");
    let place = TempDir::new();
    let stats = place.join("stats");
    let with_stats = format!("stats={}", stats.display());
    let ended = auto().with(&[&bind, &with_stats]).run(&program, &["echo", "ran"]);
    let line = ended.refused(126);
    assert!(line.starts_with("sbx: program: execve ") && line.contains("(EACCES)"), "{line}");
    let stats = fs::read_to_string(stats).unwrap();
    assert!(stats.contains("\"event\":\"failed\"") && stats.contains("EACCES"), "{stats}");
    assert_eq!(auto().with(&[&format!("{bind}:exec")]).run(&program, &["echo", "ran"]).ok(), "ran", "the control");
    // An interpreter that is another file inside.
    let script = dir.script("script", "#!/bin/busybox sh\necho ran\n");
    let ended = auto().with(&["hide=/bin/busybox", "route=exec"]).run(&script, &[""; 0]);
    assert_eq!(ended.ok(), "ran", "what the program needs is shown even so");
}

#[test]
fn the_plan_says_which_route_and_why() {
    need!("cc", "busybox");
    let dir = TempDir::new();
    let own = dir.compile("cc", "own", "int main(void) { return 0; }\n", &[]);
    assert!(route(&own, &[]).contains("preload"), "{}", route(&own, &[]));
    for (program, settings, why) in [
        (Path::new("/bin/busybox"), &[][..], "statically linked"),
        (&own, &["route=exec"], "exec"),
        (&own, &["env=LD_AUDIT=/x.so"], "LD_AUDIT"),
    ] {
        let line = route(program, settings);
        assert!(line.starts_with("route   exec") && line.contains(why), "{line}");
    }
}

#[test]
fn a_script_is_seen_where_its_folder_is_hidden_by_either_route() {
    let dir = TempDir::new();
    let beside = dir.file("beside", "secret");
    let script = dir.script("script", &format!("#!/bin/sh\ncat {} 2>/dev/null || echo hidden\n", beside.display()));
    for sandbox in [auto(), exec()] {
        let sandbox = sandbox.cwd(Path::new("/"));
        assert_eq!(sandbox.run(&script, &[""; 0]).ok(), "hidden");
        assert_eq!(sandbox.set("bind-ro", &*dir).run(&script, &[""; 0]).ok(), "secret", "the control");
    }
}

#[test]
fn what_was_looked_at_is_what_runs() {
    need!("cc");
    let dir = TempDir::new();
    let program = cc!(dir, "called");
    let script = dir.script("script", &format!("#!{} -x y\n", program.display()));
    let outside = crate::support::bare(&program, &["a"]);
    for sandbox in [auto(), exec()] {
        // By descriptor or not, it is told the same of itself as without a sandbox.
        assert_eq!(sandbox.run(&program, &["a"]).ok(), outside.ok());
        assert_eq!(sandbox.run(&script, &["a"]).ok(), crate::support::bare(&script, &["a"]).ok());
    }
}

#[test]
fn a_file_that_takes_the_programs_name_meanwhile_does_not_run() {
    need!("cc", "strace");
    let dir = TempDir::new();
    let program = dir.compile("cc", "program", "#include <stdio.h>\nint main(void) { puts(\"looked at\"); }\n", &[]);
    let other = dir.compile("cc", "other", "#include <stdio.h>\nint main(void) { puts(\"other\"); }\n", &["-static"]);
    let held_up = ["strace", "-o", "/dev/null", "-e", "trace=execveat", "-e", "inject=execveat:delay_enter=1500000"];
    let running = auto().wrapped(&held_up).spawn(&program, &[""; 0]);
    std::thread::sleep(std::time::Duration::from_millis(700));
    fs::rename(&other, &program).unwrap();
    assert_eq!(running.wait().ok(), "looked at");
    assert_eq!(auto().run(&program, &[""; 0]).ok(), "other", "the control: the name leads there by now");
}
