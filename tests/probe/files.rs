//! `file ACT PATH…`: one act on a file, or on each of several.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::{outcome, say, sys, text};

pub fn run(args: &[OsString]) {
    let act = text(args.first());
    let path = args.get(1).map(Path::new).unwrap_or_else(|| panic!("which file?"));
    let rest = args.get(2..).unwrap_or_default();
    match act {
        "read" => outcome(read(path)),
        "cat" => cat(path),
        "write" => outcome(write(path, b"written\n")),
        "append" => outcome(OpenOptions::new().append(true).open(path).and_then(|mut f| f.write_all(b"more\n"))),
        // What writing would change in earnest is only opened for it.
        "open-write" => outcome(OpenOptions::new().write(true).open(path)),
        "create" => outcome(OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)),
        "create-suid" => outcome(OpenOptions::new().write(true).create_new(true).mode(0o4755).open(path)),
        "fill" => outcome(fill(path)),
        "mkdir" => outcome(fs::DirBuilder::new().mode(0o700).create(path)),
        "rmdir" => outcome(fs::remove_dir(path)),
        "truncate" => outcome(truncate(path)),
        "ioctl" => outcome(ioctl(path)),
        "unlink" => outcome(fs::remove_file(path)),
        "rename" => outcome(fs::rename(path, arg(rest))),
        "link" => outcome(fs::hard_link(path, arg(rest))),
        "symlink" => outcome(std::os::unix::fs::symlink(path, arg(rest))),
        "chmod" => outcome(
            u32::from_str_radix(text(rest.first()), 8)
                .map_err(io::Error::other)
                .and_then(|mode| fs::set_permissions(path, fs::Permissions::from_mode(mode))),
        ),
        "list" => list(path),
        "stat" => stat(path),
        "statfs" => statfs(path),
        "chdir" => outcome(std::env::set_current_dir(path)),
        act => panic!("no act '{act}'"),
    }
}

fn arg(rest: &[OsString]) -> &OsStr {
    rest.first().map(OsString::as_os_str).unwrap_or_else(|| panic!("which other file?"))
}

fn read(path: &Path) -> io::Result<usize> {
    File::open(path)?.read(&mut [0; 64])
}

/// The file's bytes, at most 64 KiB: some files of /dev have no end.
fn cat(path: &Path) {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(1 << 16).read_to_end(&mut bytes)) {
        Ok(_) => say(&String::from_utf8_lossy(&bytes)),
        Err(error) => outcome::<()>(Err(error)),
    }
}

fn write(path: &Path, what: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)?.write_all_at(what, 0)
}

/// truncate(2): by name, opening nothing.
fn truncate(path: &Path) -> io::Result<i64> {
    sys::call(libc::SYS_truncate, [sys::leak(path.as_os_str().as_bytes()), 0, 0, 0, 0, 0])
}

/// An ioctl(2) of a random number generator: how random it is.
fn ioctl(path: &Path) -> io::Result<i64> {
    // RNDGETENTCNT, include/uapi/linux/random.h
    const COUNT: usize = 0x8004_5200;
    let file = File::open(path)?;
    sys::call(libc::SYS_ioctl, [std::os::fd::AsRawFd::as_raw_fd(&file) as usize, COUNT, sys::buffer(4), 0, 0, 0])
}

/// Writes one MiB, in blocks, so that a small file system is full before.
fn fill(path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    (0..256).try_for_each(|_| file.write_all(&[b'x'; 4096]))
}

fn list(path: &Path) {
    match fs::read_dir(path) {
        Ok(entries) => {
            let mut names: Vec<_> =
                entries.flatten().map(|e| e.file_name().as_bytes().escape_ascii().to_string()).collect();
            names.sort();
            say(&names.join(","));
        }
        Err(error) => outcome::<()>(Err(error)),
    }
}

fn stat(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(m) => {
            say(&format!("mode={:o} uid={} gid={} size={} rdev={}", m.mode(), m.uid(), m.gid(), m.size(), m.rdev()))
        }
        Err(error) => outcome::<()>(Err(error)),
    }
}

/// Bytes the file system can hold.
fn statfs(path: &Path) {
    let held = sys::buffer(120);
    // struct statfs: type, block size, blocks, each eight bytes.
    match sys::call(libc::SYS_statfs, [sys::leak(path.as_os_str().as_bytes()), held, 0, 0, 0, 0]) {
        Ok(_) => say(&format!("{}", u64::from(sys::peek(held + 8)) * u64::from(sys::peek(held + 16)))),
        Err(error) => outcome::<()>(Err(error)),
    }
}
