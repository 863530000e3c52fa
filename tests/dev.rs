//! /dev: what programs need, and no device of the machine's.

use std::fs;
use std::os::unix::fs::FileTypeExt;

use crate::support::{EVERY, Sandbox};

#[test]
fn minimal_has_what_programs_need() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry);
        let listed = sandbox.probe(&["file", "list", "/dev"]);
        for name in ["full", "null", "ptmx", "pts", "random", "shm", "tty", "urandom", "zero"] {
            assert!(listed.ok().split(',').any(|there| there == name), "{name} is not in {listed:?}");
        }
        for name in ["/dev/zero", "/dev/random", "/dev/urandom", "/dev/full", "/dev/null"] {
            assert_eq!(sandbox.probe(&["file", "read", name]).ok(), "ok", "{name}");
        }
        for (name, answer) in [("/dev/null", "ok"), ("/dev/zero", "ok"), ("/dev/full", "ENOSPC")] {
            assert_eq!(sandbox.probe(&["file", "write", name]).ok(), answer, "{name}");
        }
        assert_eq!(sandbox.probe(&["pty"]).ok(), "ok");
        assert_eq!(sandbox.probe(&["file", "list", "/dev/pts"]).ok(), "ptmx", "the host's terminals are not there");
        for name in ["/dev/fd/0", "/dev/stdin", "/dev/stdout", "/dev/stderr"] {
            assert!(sandbox.probe(&["file", "stat", name]).ok().starts_with("mode="), "{name}");
        }
    }
}

#[test]
fn minimal_has_no_device_of_the_machines() {
    let expected = [
        "console", "core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty",
        "urandom", "zero",
    ];
    for entry in EVERY {
        let listed = Sandbox::new(entry).probe(&["file", "list", "/dev"]);
        for name in listed.ok().split(',') {
            assert!(expected.contains(&name), "/dev/{name}");
        }
    }
    let blocks = fs::read_dir("/dev").unwrap().flatten().any(|e| {
        e.file_type().is_ok_and(|kind| kind.is_block_device() || kind.is_char_device())
            && !expected.contains(&&*e.file_name().to_string_lossy())
    });
    assert!(blocks, "the control: the host has devices that are not there");
}

#[test]
fn the_directory_itself_takes_nothing_new() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry);
        assert_eq!(sandbox.probe(&["file", "create", "/dev/new"]).ok(), "EROFS");
        assert_eq!(sandbox.probe(&["file", "unlink", "/dev/none"]).ok(), "EROFS");
        assert_eq!(sandbox.probe(&["file", "create", "/dev/shm/new"]).ok(), "ok");
    }
    assert!(!std::path::Path::new("/dev/shm/new").exists(), "/dev/shm is private");
}

#[test]
fn none_is_an_empty_directory() {
    for entry in EVERY {
        assert_eq!(Sandbox::new(entry).set("dev", "none").probe(&["file", "list", "/dev"]).ok(), "");
    }
}

#[test]
fn host_is_the_hosts() {
    let mut names: Vec<_> =
        fs::read_dir("/dev").unwrap().flatten().map(|e| e.file_name().into_string().unwrap()).collect();
    names.sort();
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("dev", "host");
        assert_eq!(sandbox.probe(&["file", "list", "/dev"]).ok(), names.join(","));
        assert_eq!(sandbox.probe(&["file", "read", "/dev/zero"]).ok(), "ok");
    }
}

#[test]
fn devices_cannot_be_made() {
    for entry in EVERY {
        // A block device, a character device, and under the permissive filter what the kernel itself says.
        let acts = [
            "calls",
            "mknod:s=/tmp/b:0x61b0:0x800",
            "mknod:s=/tmp/c:0x21b0:0x103",
            "mknodat:-100:s=/tmp/d:0x21b0:0x103",
        ];
        assert_eq!(Sandbox::new(entry).probe(&acts).ok(), "EPERM\nEPERM\nEPERM");
        assert_eq!(Sandbox::new(entry).set("seccomp", "none").probe(&acts).ok(), "EPERM\nEPERM\nEPERM");
        let pipe = ["calls", "mknod:s=/tmp/p:0x11b0:0", "mknod:s=/tmp/f:0x81b0:0", "mknodat:-100:s=/tmp/s:0xc1b0:0"];
        assert_eq!(Sandbox::new(entry).probe(&pipe).ok(), "ok\nok\nok");
    }
}
