//! no-exec and no-new-code: the program's code is what was loaded, and nothing becomes more.

use crate::support::{Denial, ENTRIES, Sandbox, denied};

#[test]
fn execve_is_refused() {
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).set("no-exec", "true");
        assert_eq!(sandbox.probe(&["exec", "/bin/true"]).ok(), "EPERM");
        assert_eq!(sandbox.probe(&["fexec"]).ok(), "EPERM");
        assert_eq!(sandbox.probe(&["spawn", "args"]).ok(), "EPERM");
        assert_eq!(Sandbox::new(entry).probe(&["exec", "/bin/true"]).ok(), "", "the control");
        assert_eq!(Sandbox::new(entry).probe(&["fexec"]).ok(), "", "the control");
    }
}

#[test]
fn new_executable_memory_is_refused() {
    let acts = ["mmap-exec", "mmap-rwx", "mprotect-exec", "pkey-mprotect-exec"];
    for act in acts {
        denied(&Denial { act: &["calls", act], with: &["no-new-code"], without: &[], errno: "EPERM" });
    }
    denied(&Denial { act: &["calls", "file-exec"], with: &["no-new-code"], without: &[], errno: "EPERM" });
    // shmat with SHM_EXEC, and what makes every readable mapping executable.
    for entry in ENTRIES {
        let answers = Sandbox::new(entry).set("no-new-code", "true").probe(&[
            "calls",
            "shmat:-1:0:0x8000",
            "personality:0x400000",
        ]);
        assert_eq!(answers.ok(), "EPERM\nEPERM");
        let control = Sandbox::new(entry).probe(&["calls", "shmat:-1:0:0x8000"]);
        assert_eq!(control.ok(), "EINVAL");
        assert_eq!(Sandbox::new(entry).set("no-new-code", "true").probe(&["thread"]).ok(), "ok");
    }
}

#[test]
fn the_programs_memory_cannot_be_written_past_its_protections() {
    denied(&Denial {
        act: &["file", "open-write", "/proc/self/mem"],
        with: &["no-new-code"],
        without: &[],
        errno: "EROFS",
    });
    for entry in ENTRIES {
        Sandbox::new(entry).with(&["no-new-code", "proc=rw"]).probe(&["report"]).refused(125);
    }
}

#[test]
fn nothing_that_loosens_the_filter_loosens_these() {
    let loose =
        ["seccomp-allow=execve,execveat,mmap,mprotect,pkey_mprotect,shmat,personality", "no-exec", "no-new-code"];
    for entry in ENTRIES {
        for base in ["seccomp=default", "seccomp=none", "seccomp=strict"] {
            let sandbox = Sandbox::new(entry).with(&loose).with(&[base]);
            assert_eq!(sandbox.probe(&["exec", "/bin/true"]).ok(), "EPERM", "{base}");
            assert_eq!(sandbox.probe(&["calls", "mmap-exec", "mprotect-exec"]).ok(), "EPERM\nEPERM", "{base}");
        }
        let logged = Sandbox::new(entry).with(&["no-exec", "seccomp-action=log"]);
        // The launcher says so, too.
        assert_eq!(logged.probe(&["exec", "/bin/true"]).out, "EPERM\n");
    }
}

#[test]
fn asked_to_kill_they_kill() {
    for entry in ENTRIES {
        let sandbox = Sandbox::new(entry).with(&["no-exec", "no-new-code", "seccomp-action=kill"]);
        for act in [&["exec", "/bin/true"][..], &["calls", "mmap-exec"]] {
            assert_eq!(sandbox.probe(act).signal(), Some(libc::SIGSYS), "{act:?}");
        }
    }
}
