//! Proof of entry: a program that the library is not loaded into has not begun.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::need;
use crate::support::traced::traced;
use crate::support::{Entry, Sandbox, TempDir, bare, bins, outside};

/// How much ld.so maps for the library: from its first page to its last.
pub fn extent_of_the_library() -> usize {
    let file = fs::read(bins::library()).unwrap();
    let number = |at: usize, size: usize| {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(&file[at..at + size]);
        usize::try_from(u64::from_le_bytes(bytes)).unwrap()
    };
    // e_phoff, e_phentsize and e_phnum of elf(5); then p_type, p_vaddr and p_memsz.
    let headers = (0..number(0x38, 2)).map(|n| number(0x20, 8) + n * number(0x36, 2));
    let loads = headers.filter(|&at| number(at, 4) == 1).map(|at| (number(at + 0x10, 8), number(at + 0x28, 8)));
    let ends: Vec<(usize, usize)> = loads.map(|(start, size)| (start & !0xfff, start + size)).collect();
    ends.iter().map(|&(_, end)| end).max().unwrap() - ends.iter().map(|&(start, _)| start).min().unwrap()
}

/// Where mapping so much fails, and only that.
pub fn without(length: usize, dir: &TempDir) -> Vec<OsString> {
    let unmapped = dir.compile("cc", "unmapped", include_str!("targets/unmapped.c"), &[]);
    vec![unmapped.into(), length.to_string().into()]
}

/// A program whose library has a constructor that makes a file, as its main does.
pub fn leaving(dir: &TempDir) -> (PathBuf, [PathBuf; 2]) {
    let made = ["constructor", "main"].map(|name| dir.join(name));
    let act = |path: &PathBuf| {
        format!("#include <fcntl.h>\n#define ACT open(\"{}\", O_CREAT | O_WRONLY, 0600)\n", path.display())
    };
    let text = format!("{}__attribute__((constructor)) void early(void) {{ ACT; }}\nint used;\n", act(&made[0]));
    dir.compile("cc", "libearly.so", &text, &["-shared", "-fPIC"]);
    let text = format!("{}extern int used;\nint main(void) {{ ACT; return used; }}\n", act(&made[1]));
    let place = format!("-L{}", dir.display());
    let program = dir.compile("cc", "leaving", &text, &[&place, "-learly", "-Wl,-rpath,$ORIGIN"]);
    (program, made)
}

#[test]
fn a_program_without_the_library_has_not_begun() {
    need!("cc");
    let dir = TempDir::new();
    let (program, made) = leaving(&dir);
    let bind = format!("bind={}", dir.display());
    let length = extent_of_the_library();
    let launched = Sandbox::new(Entry::Launch).with(&["route=preload", &bind]);
    let ended = launched.clone().wrapped(&without(length, &dir)).run(&program, &[""; 0]);
    assert_eq!((ended.code(), &*ended.out), (Some(125), ""), "{ended:?}");
    assert!(ended.err.contains("cannot be preloaded"), "ld.so's own word: {}", ended.err);
    let line = ended.err.lines().find(|line| line.starts_with("sbx: entry: ")).unwrap_or_default();
    assert!(line.contains("was not loaded") && line.contains("leaving"), "{}", ended.err);
    assert!(!made.iter().any(|path| path.exists()), "{:?}", fs::read_dir(&*dir).unwrap().collect::<Vec<_>>());
    // The controls: where another length fails, it runs inside; and where nobody watches, it runs outside.
    assert_eq!(launched.wrapped(&without(length + 1, &dir)).run(&program, &[""; 0]).ok(), "");
    assert!(made.iter().all(|path| path.exists()));
    made.iter().for_each(|path| fs::remove_file(path).unwrap());
    let bare = Sandbox::new(Entry::Preload).set("root", "empty").wrapped(&without(length, &dir));
    assert_eq!(bare.run(&program, &[""; 0]).code(), Some(0), "ld.so goes on without it");
    assert!(made.iter().all(|path| path.exists()), "as the documents say of the bare variable");
}

/// The requests of ptrace(2) that the watcher makes when the program is there.
const REQUESTS: [(&str, libc::c_uint); 6] = [
    ("PEEKTEXT", libc::PTRACE_PEEKTEXT),
    ("POKETEXT", libc::PTRACE_POKETEXT),
    ("GETREGS", libc::PTRACE_GETREGS),
    ("SETREGS", libc::PTRACE_SETREGS),
    ("CONT", libc::PTRACE_CONT),
    ("DETACH", libc::PTRACE_DETACH),
];
const ANY: libc::c_uint = libc::c_uint::MAX;

#[test]
fn a_watcher_that_cannot_go_on_or_is_killed_lets_nothing_run() {
    need!("cc");
    let dir = TempDir::new();
    let (program, made) = leaving(&dir);
    let refusing = dir.compile("cc", "refusing", include_str!("targets/refusing.c"), &[]);
    let sandbox = Sandbox::new(Entry::Launch).with(&["route=preload", &format!("bind={}", dir.display())]);
    let run = |call: libc::c_long, first: libc::c_uint, errno: i32| {
        let words = [call.to_string(), first.to_string(), errno.to_string()];
        let wrapper: Vec<OsString> =
            [refusing.clone().into()].into_iter().chain(words.into_iter().map(OsString::from)).collect();
        sandbox.clone().wrapped(&wrapper).run(&program, &[""; 0])
    };
    let calls = REQUESTS.map(|(name, request)| (name, libc::SYS_ptrace, request));
    // The last is how the launcher hears that it is watched.
    let others = [("process_vm_readv", libc::SYS_process_vm_readv, ANY), ("recvmsg", libc::SYS_recvmsg, ANY)];
    let calls = calls.into_iter().chain(others);
    for (name, call, first) in calls {
        for errno in [libc::EPERM, libc::ENOMEM, libc::ESRCH, 0] {
            let ended = run(call, first, errno);
            assert_eq!(ended.out, "", "{name} {errno}: {ended:?}");
            assert!(!made.iter().any(|path| path.exists()), "{name} {errno}: {ended:?}");
            // Where it cannot be made to end with 125, and where nobody is left who could, the kernel kills it.
            let killed = [Some(libc::SIGKILL), Some(libc::SIGSYS)].contains(&ended.signal());
            let told = ["sbx: entry: ptrace ", "sbx: target: "].iter().any(|start| ended.err.starts_with(start));
            assert!(ended.code() == Some(125) || killed, "{name} {errno}: {ended:?}");
            assert!(told || errno == 0, "{name} {errno}: {ended:?}");
        }
    }
    // The control.
    assert_eq!(run(libc::SYS_ptrace, libc::PTRACE_SINGLESTEP, libc::EPERM).ok(), "");
    assert!(made.iter().all(|path| path.exists()));
}

#[test]
fn a_needed_library_that_is_not_loaded_is_no_program() {
    need!("cc", "patchelf");
    let dir = TempDir::new();
    let (program, made) = leaving(&dir);
    let patched = Command::new("patchelf").arg("--add-needed").arg(bins::library()).arg(&program).status();
    assert!(patched.unwrap().success());
    let wrapper = without(extent_of_the_library(), &dir);
    let ended = bare(&wrapper[0], &[wrapper[1].as_os_str(), program.as_os_str()]);
    assert_eq!((ended.code(), &*ended.out), (Some(127), ""), "{ended:?}");
    assert!(!made.iter().any(|path| path.exists()));
    // The control: loaded, it holds the program, without any variable.
    assert_eq!(bare(&program, &[""; 0]).code(), Some(0));
    assert!(!made.iter().any(|path| path.exists()), "/tmp is private");
}

#[test]
fn what_is_traced_goes_another_way_or_is_refused() {
    let auto = Sandbox::new(Entry::Launch);
    assert_eq!(traced(&auto, &[]).report().one("pid"), "1", "it is held all the same");
    let refused = traced(&auto.clone().with(&["route=preload"]), &[]).probe(&["exit", "0"]);
    assert!(refused.refused(125).contains("cannot be watched"));
    assert_eq!(auto.with(&["route=preload"]).probe(&["exit", "0"]).code(), Some(0), "the control");
}

#[test]
fn who_has_watched_is_waited_for() {
    for settings in [&[][..], &["init"], &["status-fd=2"]] {
        let running = Sandbox::new(Entry::Launch).with(settings).spawn(bins::probe(), &["sleep", "20000"]);
        assert_eq!(running.line(), "ready");
        let ended = || {
            let children = outside::children(running.pid());
            !children.iter().any(|&pid| outside::status(pid, "State").is_some_and(|state| state.starts_with('Z')))
        };
        assert!(outside::within(Duration::from_secs(5), ended), "{settings:?}: {:?}", outside::children(running.pid()));
    }
}
