//! Mounts: by descriptor where the kernel can (Linux 5.12), by path for those before it.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::null;

use nix::errno::Errno;

use super::call::Call;
use super::{Result, check, check_fd};

// include/uapi/linux/mount.h
pub const ATTR_RDONLY: u64 = 0x1;
pub const ATTR_NOSUID: u64 = 0x2;
pub const ATTR_NODEV: u64 = 0x4;
pub const ATTR_NOEXEC: u64 = 0x8;
const OPEN_TREE_CLONE: u32 = 1;
const OPEN_TREE_CLOEXEC: u32 = libc::O_CLOEXEC.cast_unsigned();
const AT_RECURSIVE: u32 = 0x8000;
const FSOPEN_CLOEXEC: u32 = 1;
const FSMOUNT_CLOEXEC: u32 = 1;
const FSCONFIG_SET_FLAG: u32 = 0;
const FSCONFIG_SET_STRING: u32 = 1;
const FSCONFIG_CMD_CREATE: u32 = 6;
const MOVE_MOUNT_F_EMPTY_PATH: u32 = 0x4;
const MOVE_MOUNT_T_EMPTY_PATH: u32 = 0x40;

/// struct mount_attr, mount_setattr(2)
#[repr(C)]
struct MountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}
const _: () = assert!(size_of::<MountAttr>() == 32);

/// Whether mounts can be made by descriptor: asked with a call that can only fail, mount_setattr(2) being the youngest.
pub fn has_fd_api() -> bool {
    // SAFETY: a null attribute of size 0 is refused by the kernel before it is read.
    let answer = unsafe { libc::syscall(libc::SYS_mount_setattr, -1, null::<u8>(), 0, null::<u8>(), 0) };
    answer != -1 || Errno::last() != Errno::ENOSYS
}

/// A private copy of the mounts at `path`, or of `dir` itself when it is empty, not attached anywhere, open_tree(2).
/// Links are followed. Always recursive:
/// in a user namespace a copy without the mounts below, which are locked together, is EINVAL.
pub fn copy_tree(dir: Option<BorrowedFd<'_>>, path: &CStr) -> Result<OwnedFd> {
    let dir = dir.map_or(libc::AT_FDCWD, |d| d.as_raw_fd());
    let empty = if path.is_empty() { libc::AT_EMPTY_PATH.cast_unsigned() } else { 0 };
    let flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | empty;
    // SAFETY: `path` is a live C string.
    check_fd(Call::OpenTree, unsafe { libc::syscall(libc::SYS_open_tree, dir, path.as_ptr(), flags) })
}

/// Adds attributes to the mount `tree` is the root of, and to all below it when `recursive`, mount_setattr(2).
pub fn set_attributes(tree: BorrowedFd<'_>, attributes: u64, recursive: bool) -> Result<()> {
    setattr(tree, &MountAttr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 }, recursive)
}

/// Makes one mount writable again, not those below it.
pub fn make_writable(tree: BorrowedFd<'_>) -> Result<()> {
    setattr(tree, &MountAttr { attr_set: 0, attr_clr: ATTR_RDONLY, propagation: 0, userns_fd: 0 }, false)
}

fn setattr(tree: BorrowedFd<'_>, attr: &MountAttr, recursive: bool) -> Result<()> {
    let flags = libc::AT_EMPTY_PATH.cast_unsigned() | if recursive { AT_RECURSIVE } else { 0 };
    let (empty, attr) = (c"".as_ptr(), std::ptr::from_ref(attr));
    // SAFETY: the path is a literal, and `attr` a live structure of the size given.
    let answer =
        unsafe { libc::syscall(libc::SYS_mount_setattr, tree.as_raw_fd(), empty, flags, attr, size_of::<MountAttr>()) };
    check(Call::MountSetattr, answer).map(drop)
}

/// Attaches what `tree` holds over the file or directory that `name` in `dir` is, or `dir` itself when it is empty,
/// move_mount(2). A link is not followed.
pub fn attach(tree: BorrowedFd<'_>, dir: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    let flags = MOVE_MOUNT_F_EMPTY_PATH | if name.is_empty() { MOVE_MOUNT_T_EMPTY_PATH } else { 0 };
    let (from, empty, to) = (tree.as_raw_fd(), c"".as_ptr(), dir.as_raw_fd());
    // SAFETY: both paths are live C strings.
    let answer = unsafe { libc::syscall(libc::SYS_move_mount, from, empty, to, name.as_ptr(), flags) };
    check(Call::MoveMount, answer).map(drop)
}

/// A new file system of `kind`, not attached anywhere: fsopen(2), fsconfig(2), fsmount(2). An option without a value
/// is a flag.
pub fn new_filesystem(kind: &CStr, options: &[(&CStr, Option<&CStr>)], attributes: u64) -> Result<OwnedFd> {
    // SAFETY: `kind` is a live C string.
    let fs = unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC) };
    let fs = check_fd(Call::Fsopen, fs)?;
    let config = |command: u32, key: *const i8, value: *const i8| {
        // SAFETY: key and value are live C strings or null where the command takes none, fsconfig(2).
        let answer = unsafe { libc::syscall(libc::SYS_fsconfig, fs.as_raw_fd(), command, key, value, 0) };
        check(Call::Fsconfig, answer).map(drop)
    };
    for (key, value) in options {
        match value {
            Some(value) => config(FSCONFIG_SET_STRING, key.as_ptr(), value.as_ptr())?,
            None => config(FSCONFIG_SET_FLAG, key.as_ptr(), null())?,
        }
    }
    config(FSCONFIG_CMD_CREATE, null(), null())?;
    // SAFETY: the call takes numbers only.
    let mount = unsafe { libc::syscall(libc::SYS_fsmount, fs.as_raw_fd(), FSMOUNT_CLOEXEC, attributes) };
    check_fd(Call::Fsmount, mount)
}

/// mount(2); absent strings are null.
pub fn mount(source: Option<&CStr>, target: &CStr, kind: Option<&CStr>, flags: u64, data: Option<&CStr>) -> Result<()> {
    let pointer = |text: Option<&CStr>| text.map_or(null(), CStr::as_ptr);
    // SAFETY: every pointer is a live C string or null; `data` is text for the file systems used here.
    let answer = unsafe { libc::mount(pointer(source), target.as_ptr(), pointer(kind), flags, pointer(data).cast()) };
    check(Call::Mount, answer.into()).map(drop)
}

/// Shows the mount that `from` in `dir` is at `to` in `dir` too, with its flags, mount(2): one call where a copy with flags
/// of its own takes four. Changes the current directory.
pub fn show_again(dir: BorrowedFd<'_>, from: &CStr, to: &CStr) -> Result<()> {
    fchdir(dir)?;
    mount(Some(from), to, None, libc::MS_BIND, None)
}

/// Makes `root`, which is mounted over `/`, the root of this process, and lets go of the old one.
pub fn replace_root(root: BorrowedFd<'_>) -> Result<()> {
    fchdir(root)?;
    match pivot_here() {
        Ok(()) => detach_here(),
        // The initial root file system (an initramfs) cannot be pivoted, nor can a root that is no mount (a chroot).
        // The new root lies over it already; what it covers can only be uncovered by unmounting, which takes a
        // capability in the namespace's owner, which nothing inside has.
        Err(failure) if failure.errno == libc::EINVAL => chroot_here(),
        Err(failure) => Err(failure),
    }
}

/// Makes the current directory, which must be a mount, the root, and stacks the old root over it, pivot_root(2).
fn pivot_here() -> Result<()> {
    // SAFETY: both paths are literals.
    check(Call::PivotRoot, unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) }).map(drop)
}

/// Detaches the mount stacked over the current directory, umount2(2).
fn detach_here() -> Result<()> {
    // SAFETY: the path is a literal.
    check(Call::Umount, unsafe { libc::umount2(c".".as_ptr(), libc::MNT_DETACH) }.into()).map(drop)
}

/// Detaches the mount at `path`, umount2(2).
pub fn detach(path: &CStr) -> Result<()> {
    // SAFETY: `path` is a live C string.
    check(Call::Umount, unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) }.into()).map(drop)
}

/// Makes `root` the root of this process and its current directory, chroot(2).
pub fn change_root(root: BorrowedFd<'_>) -> Result<()> {
    fchdir(root)?;
    chroot_here()
}

/// Makes the current directory the root, chroot(2).
fn chroot_here() -> Result<()> {
    // SAFETY: the path is a literal.
    check(Call::Chroot, unsafe { libc::chroot(c".".as_ptr()) }.into()).map(drop)
}

/// chdir(2).
pub fn chdir(path: &CStr) -> Result<()> {
    // SAFETY: `path` is a live C string.
    check(Call::Chdir, unsafe { libc::chdir(path.as_ptr()) }.into()).map(drop)
}

/// fchdir(2).
pub fn fchdir(dir: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes a number only.
    check(Call::Fchdir, unsafe { libc::fchdir(dir.as_raw_fd()) }.into()).map(drop)
}
