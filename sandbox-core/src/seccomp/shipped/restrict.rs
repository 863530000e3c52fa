//! The restrictions that stand beside a filter: `--no-exec`, `--no-new-code` and `--net filter`.

use super::super::ir::Action::Allow;
use super::super::ir::{Cond, EAFNOSUPPORT, ENOSYS, EPERM, Op};
use super::Answer::{Always, ByArgs};
use super::args::{NOT_EXECUTABLE, PER_QUERY, SHM_NOT_EXECUTABLE, UNIX_PAIR};
use super::{Group, Table, group, table};

pub(super) static NO_EXEC: Table = table!(Allow, EXEC);
pub(super) static NO_NEW_CODE: Table = table!(Allow, NEW_CODE);
pub(super) static NO_SOCKETS: Table = table!(Allow, SOCKETS);

const EXEC: &[Group] =
    &[group("the program in memory stays the one that was started", Always(EPERM), &["execve", "execveat"])];

const READ_IMPLIES_EXEC: u32 = libc::READ_IMPLIES_EXEC as u32;

#[rustfmt::skip]
const NEW_CODE: &[Group] = &[
    group("no mapping becomes executable that is not so now", NOT_EXECUTABLE,
        &["mmap", "mprotect", "pkey_mprotect"]),
    group("a System V segment can be attached executable", SHM_NOT_EXECUTABLE,
        &["shmat"]),
    group("READ_IMPLIES_EXEC makes later readable mappings executable; the query has every bit set",
        ByArgs(&[(&[Cond::int(0, Op::Eq, PER_QUERY)], Allow), (&[Cond::without(0, READ_IMPLIES_EXEC)], Allow)], EPERM),
        &["personality"]),
    group("puts other pages of a file behind addresses that may be executable", Always(EPERM),
        &["remap_file_pages"]),
    group("maps a library executable; as unknown as on kernels without it", Always(ENOSYS),
        &["uselib"]),
    group("write into code that is mapped already, past its protection", Always(EPERM),
        &["ptrace", "process_vm_writev"]),
];

#[rustfmt::skip]
const SOCKETS: &[Group] = &[
    // Not even AF_UNIX: abstract addresses belong to the network namespace, which is the host's here.
    group("no family reaches anything outside", Always(EAFNOSUPPORT),
        &["socket"]),
    group("a pair reaches nobody but those who inherit it", UNIX_PAIR,
        &["socketpair"]),
    group("makes sockets where no filter looks", Always(ENOSYS),
        &["io_uring_setup", "io_uring_enter", "io_uring_register"]),
];
