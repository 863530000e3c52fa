//! What a program did becomes a policy under which it can do that, and nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::need;
use crate::programs::{NODE_SERVES, PYTHON_SERVES};
use crate::support::sandbox::clean_env;
use crate::support::{Ended, Entry, Sandbox, TempDir, bins, outside};

fn learning(file: &Path) -> Sandbox {
    Sandbox::new(Entry::Launch).set("learn", file).timeout(Duration::from_secs(60))
}

fn under(file: &Path) -> Sandbox {
    Sandbox::new(Entry::Launch).set("policy", file).timeout(Duration::from_secs(60))
}

#[track_caller]
fn same(learned: &Ended, later: &Ended, what: &[&str]) {
    assert_eq!((later.status, &later.out), (learned.status, &learned.out), "{what:?}: {later:#?}");
}

/// Learns, and runs again under what was learned.
#[track_caller]
fn learned(what: &[&str]) -> String {
    let dir = TempDir::new();
    let file = dir.join("learned.toml");
    let first = learning(&file).run(what[0], &what[1..]);
    assert_eq!(first.code(), Some(0), "{what:?}: {first:#?}");
    let text = fs::read_to_string(&file).unwrap();
    same(&first, &under(&file).run(what[0], &what[1..]), what);
    text
}

#[test]
fn what_was_done_is_allowed_and_nothing_else() {
    let dir = TempDir::new();
    let file = dir.join("learned.toml");
    let act = ["calls", "getppid", "getsid:0", "ptrace:99:1"];
    let first = learning(&file).probe(&act);
    assert_eq!((first.out.as_str(), first.err.as_str()), ("ok\nok\nEPERM\n", ""), "{first:#?}");
    assert_eq!(under(&file).probe(&act).ok(), "ok\nok\nEPERM");
    // Allowed by the policy it was learned under, and not made.
    assert_eq!(under(&file).probe(&["calls", "getppid", "getpriority:0:0"]).ok(), "ok\nEPERM");
    assert_eq!(Sandbox::new(Entry::Launch).probe(&["calls", "getpriority:0:0"]).ok(), "ok");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("# learned: call getppid\n") && !text.contains("call ptrace"), "{text}");
    assert!(text.contains("# learned: refused ptrace 1\n"), "{text}");
}

#[test]
fn a_second_run_adds_to_the_first() {
    let dir = TempDir::new();
    let file = dir.join("learned.toml");
    for call in ["getppid", "getsid:0"] {
        learning(&file).probe(&["calls", call]).ok();
    }
    assert_eq!(under(&file).probe(&["calls", "getppid", "getsid:0", "getpriority:0:0"]).ok(), "ok\nok\nEPERM");
    let both = fs::read_to_string(&file).unwrap();
    learning(&file).probe(&["calls", "getppid"]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), both, "what is known is written anew");
}

#[test]
fn children_and_threads_are_learned_from() {
    let dir = TempDir::new();
    let file = dir.join("learned.toml");
    for act in [&["spawn", "spawn", "calls", "getppid"][..], &["threaded", "getsid:0"]] {
        let first = learning(&file).probe(act);
        assert_eq!(first.code(), Some(0), "{first:#?}");
        same(&first, &under(&file).probe(act), act);
    }
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("call getppid\n") && text.contains("call getsid\n"), "{text}");
}

#[test]
fn nothing_is_refused_or_let_through_that_would_not_be_without_learning() {
    let dir = TempDir::new();
    let act =
        ["calls", "ptrace:99:1", "unshare:0", "socket:17:3:0", "socket:1:1:0", "clone3:far:0", "x32.getpid", "getpid"];
    for (at, settings) in
        [&[][..], &["no-exec", "net=filter"], &["init"], &["seccomp=none"], &["seccomp-action=log"]].iter().enumerate()
    {
        let file = dir.join(format!("{at}.toml"));
        let first = learning(&file).with(settings).probe(&act);
        let control = Sandbox::new(Entry::Launch).with(settings).probe(&act);
        same(&control, &first, settings);
        // And again under what was learned, but for what cannot be said by name: a call that is refused for some arguments.
        assert_eq!(under(&file).probe(&["calls", "ptrace:99:1"]).out, first.out.split_inclusive('\n').next().unwrap());
    }
}

#[test]
fn arguments_and_files_are_recorded() {
    let dir = TempDir::new();
    let file = dir.join("learned.kafel");
    let bound = TempDir::new();
    fs::write(bound.join("in"), "x").unwrap();
    std::os::unix::fs::symlink("in", bound.join("link")).unwrap();
    let first = learning(&file)
        .set("bind", &*bound)
        .cwd(&bound)
        .run("sh", &["-c", "cat in >out; cat link >/dev/null; cat nowhere 2>/dev/null; true"]);
    assert_eq!(first.code(), Some(0), "{first:#?}");
    let text = fs::read_to_string(&file).unwrap();
    for part in [
        &format!("// learned: reads {}/in\n", bound.display())[..],
        &format!("// learned: reads {}/link\n", bound.display()),
        &format!("// learned: writes {}/out\n", bound.display()),
        "// learned: call mmap 0x",
        "mmap(arg0, arg1, arg2) { (arg2 & 0xffffffff) == 0x",
        "USE learned DEFAULT ERRNO(1)\n",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert!(!text.contains("nowhere"), "{text}");
}

#[test]
fn the_settings_of_the_run_are_those_of_the_policy() {
    let dir = TempDir::new();
    let file = dir.join("learned.toml");
    let first = learning(&file).with(&["hostname=box", "env=A=b"]).run("sh", &["-c", "uname -n; echo $A"]);
    assert_eq!(first.ok(), "box\nb");
    assert_eq!(under(&file).run("sh", &["-c", "uname -n; echo $A"]).ok(), "box\nb");
}

#[test]
fn a_file_that_is_not_ours_or_cannot_be_written_is_refused_before_main() {
    let dir = TempDir::new();
    fs::write(dir.join("theirs"), "uid = 7\n").unwrap();
    fs::write(dir.join("damaged"), "# learned: call nothing\n").unwrap();
    for (file, why) in [
        (dir.join("theirs"), "nothing that --learn has written"),
        (dir.join("damaged"), "'learned: call nothing'"),
        ("/nowhere/at/all".into(), "ENOENT"),
        ("/".into(), "EISDIR"),
        ("/dev/null".into(), "EINVAL"),
    ] {
        learning(&file).probe(&["exit", "0"]).refused_saying(&["sbx: learn: ", why]);
    }
    assert_eq!(fs::read_to_string(dir.join("theirs")).unwrap(), "uid = 7\n");
    // Its descriptor is not taken for another.
    for setting in ["status-fd=3", "keep-fd=3"] {
        let refused = learning(&dir.join("new")).with(&[setting]).after_shell("exec 3<&-").probe(&["exit", "0"]);
        refused.refused_saying(&["file descriptor 3 is not open"]);
    }
}

#[test]
fn what_would_wait_for_an_observer_that_is_not_there_yet_is_refused() {
    let dir = TempDir::new();
    for (settings, learn) in [
        (&["allow-new-privs"][..], true),
        (&["log-level=debug"], true),
        (&["allow-new-privs", "seccomp-deny=capset"], false),
    ] {
        let sandbox = if learn { learning(&dir.join("x")) } else { Sandbox::new(Entry::Launch).with(&["explain"]) };
        sandbox.with(settings).probe(&["exit", "0"]).refused_saying(&["sbx: policy: "]);
    }
    let log = dir.join("log");
    learning(&dir.join("x")).set("log-file", &log).with(&["log-level=info"]).probe(&["calls", "getpid"]).ok();
}

#[test]
fn variables_cannot_say_it() {
    for flag in ["--explain", "--learn=x"] {
        let out = clean_env(&mut Command::new(bins::launcher())).args([flag, "--print-env"]).output().unwrap();
        assert_eq!(out.status.code(), Some(125));
        assert!(String::from_utf8_lossy(&out.stderr).contains("variables cannot say it"));
    }
}

#[test]
fn a_program_that_dies_of_a_signal_has_taught_all_the_same() {
    let dir = TempDir::new();
    let file = dir.join("learned.toml");
    assert_eq!(learning(&file).probe(&["fault"]).signal(), Some(libc::SIGSEGV));
    assert!(fs::read_to_string(&file).unwrap().contains("# learned: call "));
}

#[test]
fn a_run_whose_end_nobody_saw_teaches_nothing() {
    let dir = TempDir::new();
    let file = dir.join("learned.toml");
    learning(&file).probe(&["calls", "getpid"]).ok();
    let before = fs::read_to_string(&file).unwrap();
    assert!(!before.contains("call getppid\n"));
    // The control: the supervisor hands this one on, and sees the end.
    for (signal, teaches) in [(Signal::SIGKILL, false), (Signal::SIGTERM, true)] {
        let running = learning(&file).spawn(bins::probe(), &["calls", "getppid", "pause"]);
        assert_eq!(running.line(), "ok");
        let observers = outside::children(running.pid());
        running.signal(signal);
        running.wait();
        let lives = |&pid: &i32| outside::status(pid, "State").is_some_and(|state| !state.starts_with('Z'));
        assert!(outside::within(Duration::from_secs(20), || !observers.iter().any(lives)));
        assert_eq!(fs::read_to_string(&file).unwrap().contains("call getppid\n"), teaches);
        assert!(teaches || fs::read_to_string(&file).unwrap() == before);
    }
}

#[test]
fn python_learns() {
    need!("python3");
    let script = "
import json, os, socket, subprocess, tempfile, threading
t = threading.Thread(target=lambda: None); t.start(); t.join()
print(subprocess.check_output(['echo', 'x']))
a, b = socket.socketpair(); a.send(b'1'); print(b.recv(1))
with tempfile.TemporaryDirectory() as d: open(d + '/f', 'w').write('x')
";
    let text = learned(&["python3", "-c", script]);
    assert!(text.contains("# learned: call socketpair 0x1\n"), "{text}");
    assert!(text.contains("# bind-ro = [") && text.contains("\"/usr\""), "{text}");
}

#[test]
fn git_learns() {
    need!("git");
    learned(&[
        "sh",
        "-c",
        "cd /tmp && git init -q r && cd r && echo x >f && git add f && \
        git -c user.name=a -c user.email=a@b commit -qm x && git log --format=%s",
    ]);
}

#[test]
fn a_compiler_learns() {
    need!("cc");
    learned(&["sh", "-c", "cd /tmp && echo 'int main(void) { return 0; }' >x.c && cc -o x x.c && ./x && echo built"]);
}

#[test]
fn a_server_and_its_client_learn() {
    need!("redis-server", "redis-cli");
    // No wait: whether a shell comes to sleep in it is chance, and what chance leaves out is not learned.
    learned(&[
        "sh",
        "-c",
        "redis-server --port 0 --unixsocket /tmp/s --save '' >/dev/null & \
        until redis-cli -s /tmp/s ping 2>/dev/null; do sleep 0.1; done; redis-cli -s /tmp/s set a b; \
        redis-cli -s /tmp/s get a; redis-cli -s /tmp/s shutdown nosave",
    ]);
}

#[test]
fn node_learns() {
    need!("node");
    // Where its code comes to lie is chance, and so is how it is brought there.
    learned_often(&["node", "-e", "require('fs').writeFileSync('/tmp/x', 'y'); console.log(1)"], &[]);
}

#[test]
fn servers_in_interpreters_learn() {
    need!("python3", "node");
    for what in [["python3", "-c", PYTHON_SERVES], ["node", "-e", NODE_SERVES]] {
        let text = learned_often(&what, &[]);
        assert!(text.contains("# learned: call listen") && text.contains("# learned: call socket "), "{text}");
    }
}

#[test]
fn nginx_learns() {
    need!("nginx", "curl");
    // Its master becomes another user for its workers if it is root; inside there is none to become.
    let text = learned_often(&["sh", "-c", NGINX_SERVES], &["uid=1000", "gid=1000"]);
    assert!(text.contains("# learned: call listen") && text.contains("# learned: call epoll_wait"), "{text}");
}

const NGINX_SERVES: &str = "cd /tmp && mkdir www && echo served >www/page && cat >conf <<'END'
daemon off; pid /tmp/pid; error_log /tmp/log;
events { }
http { access_log off; client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f;
    uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
    server { listen 127.0.0.1:8080; root /tmp/www; } }
END
nginx -e /tmp/log -c /tmp/conf &
until curl -sf http://127.0.0.1:8080/page; do sleep 0.1; done; nginx -e /tmp/log -c /tmp/conf -s quit
while test -e /tmp/pid; do sleep 0.1; done";

/// What is a matter of chance in one run (who waits for whom) is not in several.
#[track_caller]
fn learned_often(what: &[&str], settings: &[&str]) -> String {
    let dir = TempDir::new();
    let file = dir.join("learned.toml");
    let mut first = None;
    for _ in 0..3 {
        let ended = learning(&file).with(settings).run(what[0], &what[1..]);
        assert_eq!(ended.code(), Some(0), "{what:?}: {ended:#?}");
        first.get_or_insert(ended);
    }
    let text = fs::read_to_string(&file).unwrap();
    same(&first.unwrap(), &under(&file).run(what[0], &what[1..]), what);
    // The control: it holds this program and no other to what was learned.
    let other = under(&file).probe(&["calls", "getpriority:0:0"]);
    assert!(!other.out.contains("ok"), "{other:?}");
    text
}

#[test]
fn a_filter_alone_is_learned_in_kafel() {
    need!("git", "cc");
    let build = "cd /tmp && echo 'int main(void) { return 0; }' >x.c && cc -o x x.c && ./x && git init -q r && cd r && \
        cp ../x.c . && git add x.c && git -c user.name=a -c user.email=a@b commit -qm built && git log --format=%s";
    let dir = TempDir::new();
    let file = dir.join("learned.kafel");
    let act = ["-c", build];
    for _ in 0..2 {
        assert_eq!(learning(&file).run("sh", &act).ok(), "built");
    }
    let filter = |file: &Path| Sandbox::new(Entry::Launch).set("seccomp", file).timeout(Duration::from_secs(60));
    assert_eq!(filter(&file).run("sh", &act).ok(), "built");
    let without = fs::read_to_string(&file).unwrap().replace(" execve,", " ");
    let other = dir.file("without.kafel", without);
    assert_ne!(filter(&other).run("sh", &act).code(), Some(0), "the control");
}

#[test]
fn perl_learns() {
    need!("perl");
    learned(&["perl", "-e", "print `echo x`; opendir(my $d, '/'); my @a = readdir($d); print scalar(@a) > 0"]);
}
