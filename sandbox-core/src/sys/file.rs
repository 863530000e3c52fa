//! Files and descriptors.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use super::call::Call;
use super::{Result, check, check_fd, refused};

/// openat(2) with O_CLOEXEC; `dir` absent means the current directory.
pub fn open(dir: Option<BorrowedFd<'_>>, path: &CStr, flags: i32, mode: u32) -> Result<OwnedFd> {
    let dir = dir.map_or(libc::AT_FDCWD, |d| d.as_raw_fd());
    // SAFETY: `path` is a live C string.
    check_fd(Call::Open, unsafe { libc::openat(dir, path.as_ptr(), flags | libc::O_CLOEXEC, mode) }.into())
}

/// include/uapi/linux/openat2.h
#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}
const _: () = assert!(size_of::<OpenHow>() == 24);

/// Opens `path` below `root` with O_PATH as if `root` were `/`: neither links nor `..` lead out of it, openat2(2).
///
/// Before Linux 5.6 there is no such resolution; then `path` is walked name by name and any link on it is ELOOP.
pub fn open_inside(root: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd> {
    let how = OpenHow {
        flags: u64::from((libc::O_PATH | libc::O_CLOEXEC).cast_unsigned()),
        mode: 0,
        resolve: libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS,
    };
    // SAFETY: `path` is a live C string, and `how` a live structure of the size given.
    let answer = unsafe {
        libc::syscall(libc::SYS_openat2, root.as_raw_fd(), path.as_ptr(), &raw const how, size_of::<OpenHow>())
    };
    match check_fd(Call::Open, answer) {
        Err(failure) if failure.errno == libc::ENOSYS => walk(root, path),
        result => result,
    }
}

fn walk(root: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd> {
    let mut at = open(Some(root), c".", libc::O_PATH | libc::O_DIRECTORY, 0)?;
    for name in path.to_bytes().split(|&b| b == b'/').filter(|n| !n.is_empty() && *n != b".") {
        if name == b".." {
            return Err(refused(Call::Open, libc::EXDEV));
        }
        let name = CString::new(name).map_err(|_| refused(Call::Open, libc::EINVAL))?;
        use std::os::fd::AsFd;
        at = open(Some(at.as_fd()), &name, libc::O_PATH | libc::O_NOFOLLOW, 0)?;
        if kind(at.as_fd())? == libc::S_IFLNK {
            return Err(refused(Call::Open, libc::ELOOP));
        }
    }
    Ok(at)
}

fn stat(fd: BorrowedFd<'_>) -> Result<libc::stat> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `stat` is as large as the structure the kernel fills.
    check(Call::Fstat, unsafe { libc::fstat(fd.as_raw_fd(), stat.as_mut_ptr()) }.into())?;
    // SAFETY: fstat has succeeded, so the structure is filled.
    Ok(unsafe { stat.assume_init() })
}

/// The type bits of an open file's mode (`S_IFDIR` …), fstat(2).
pub fn kind(fd: BorrowedFd<'_>) -> Result<u32> {
    Ok(stat(fd)?.st_mode & libc::S_IFMT)
}

/// Whether nothing can be written to the mount or the file system that an open file lies on, fstatvfs(3).
pub fn is_read_only(fd: BorrowedFd<'_>) -> Result<bool> {
    let mut statvfs = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `statvfs` is as large as the structure that is filled.
    check(Call::Fstatfs, unsafe { libc::fstatvfs(fd.as_raw_fd(), statvfs.as_mut_ptr()) }.into())?;
    // SAFETY: fstatvfs has succeeded, so the structure is filled.
    Ok(unsafe { statvfs.assume_init() }.f_flag & libc::ST_RDONLY != 0)
}

/// The permission bits of an open file's mode, fstat(2).
pub fn mode(fd: BorrowedFd<'_>) -> Result<u32> {
    Ok(stat(fd)?.st_mode & 0o7777)
}

/// The type bits of what `name` in `dir` is, a link itself included, or `dir` itself when it is empty, fstatat(2).
pub fn kind_at(dir: BorrowedFd<'_>, name: &CStr) -> Result<u32> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    let flags = libc::AT_EMPTY_PATH | libc::AT_SYMLINK_NOFOLLOW;
    // SAFETY: `name` is a live C string and `stat` as large as the structure the kernel fills.
    let answer = unsafe { libc::fstatat(dir.as_raw_fd(), name.as_ptr(), stat.as_mut_ptr(), flags) };
    check(Call::Fstat, answer.into())?;
    // SAFETY: fstatat has succeeded, so the structure is filled.
    Ok(unsafe { stat.assume_init() }.st_mode & libc::S_IFMT)
}

/// A second descriptor for the same open file, fcntl(2) F_DUPFD_CLOEXEC.
pub fn duplicate(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    fd.try_clone_to_owned().map_err(|error| refused(Call::Open, error.raw_os_error().unwrap_or(libc::EMFILE)))
}

/// The same under a number that is not below `least`.
pub fn duplicate_above(fd: BorrowedFd<'_>, least: RawFd) -> Result<OwnedFd> {
    // SAFETY: the call takes numbers only.
    check_fd(Call::Dup, unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) }.into())
}

/// The device number of the file system an open file lies on, fstat(2).
pub fn device(fd: BorrowedFd<'_>) -> Result<u64> {
    Ok(stat(fd)?.st_dev)
}

/// The inode number of an open file, fstat(2).
pub fn inode(fd: BorrowedFd<'_>) -> Result<u64> {
    Ok(stat(fd)?.st_ino)
}

/// By what an open file is told from all others, fstat(2): its file system's device number, and its own inode number.
pub fn identity(fd: BorrowedFd<'_>) -> Result<(u64, u64)> {
    stat(fd).map(|stat| (stat.st_dev, stat.st_ino))
}

/// The type bits of descriptor `fd`, which may not be open.
pub fn kind_of_raw(fd: RawFd) -> Result<u32> {
    // SAFETY: the borrow lasts for this call only, and fstat answers EBADF for a number that is not open.
    kind(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// Whether `fd` is open, fcntl(2).
pub fn is_open(fd: RawFd) -> bool {
    // SAFETY: F_GETFD takes no argument and changes nothing.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// Opens `/dev/null` (or anything, in a host without it) at each of 0, 1 and 2 that is closed, and says which.
///
/// # Errors
/// When a number cannot be filled: a descriptor of ours would take it, and the target would find it as its stdin.
pub fn plug_standard_fds() -> Result<[bool; 3]> {
    let mut plugged = [false; 3];
    for (fd, plugged) in (0..).zip(&mut plugged) {
        if !is_open(fd) {
            // Not O_CLOEXEC and not owned: it is closed by number, when the jail is complete.
            // SAFETY: the path is a literal C string.
            let got = unsafe { libc::open(c"/".as_ptr(), libc::O_PATH) };
            check(Call::Open, got.into())?;
            if got != fd {
                return Err(refused(Call::Open, libc::EBADF));
            }
            *plugged = true;
        }
    }
    Ok(plugged)
}

/// Lets a descriptor through execve(2), fcntl(2).
pub fn let_through_exec(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes numbers only.
    check(Call::Open, unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, 0) }.into()).map(drop)
}

/// A second descriptor for the same open file, of a number that is none of 0, 1 and 2, fcntl(2) F_DUPFD_CLOEXEC.
pub fn above_standard(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    // SAFETY: the call takes numbers only.
    check_fd(Call::Open, unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) }.into())
}

/// A descriptor that was inherited by number and is nobody's yet, from here on not inherited any further, fcntl(2).
pub fn take(fd: RawFd) -> Result<OwnedFd> {
    // SAFETY: the call takes numbers only.
    check(Call::Open, unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }.into())?;
    // SAFETY: it is open, as the call has shown, and the caller hands it over.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// close(2) by number, for descriptors that nothing owns any more.
pub fn close(fd: RawFd) -> Result<()> {
    // SAFETY: the caller hands over a number that no owned descriptor has; EBADF is an answer, not a danger.
    check(Call::Close, unsafe { libc::close(fd) }.into()).map(drop)
}

/// Closes every descriptor from `first` to `last`, close_range(2); before Linux 5.9, one by one from `/proc/self/fd`.
pub fn close_range(first: u32, last: u32) -> Result<()> {
    if first > last {
        return Ok(());
    }
    // SAFETY: the call takes numbers only; descriptors owned in this process below `first` are untouched.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    match check(Call::CloseRange, answer) {
        Err(failure) if failure.errno == libc::ENOSYS => close_listed(first, last),
        result => result.map(drop),
    }
}

/// Closes every descriptor but these.
pub fn close_all_but(keep: impl Iterator<Item = RawFd>) -> Result<()> {
    close_others(&mut keep.collect::<Vec<_>>())
}

/// As `close_all_but`; no memory is taken for it, but by kernels before 5.9.
pub fn close_others(keep: &mut [RawFd]) -> Result<()> {
    keep.sort_unstable();
    let mut first = 0;
    for fd in keep.iter().map(|fd| fd.cast_unsigned()) {
        if fd > first {
            close_range(first, fd - 1)?;
        }
        first = first.max(fd.saturating_add(1));
    }
    close_range(first, u32::MAX)
}

fn close_listed(first: u32, last: u32) -> Result<()> {
    let mut open_fds = Vec::new();
    for name in list(c"/proc/self/fd")? {
        let number = std::str::from_utf8(&name).ok().and_then(|n| n.parse::<u32>().ok());
        open_fds.extend(number.filter(|n| (first..=last).contains(n)));
    }
    for fd in open_fds {
        let fd = fd.cast_signed();
        // The descriptor of the listing itself is in the list, and gone.
        if is_open(fd) {
            close(fd)?;
        }
    }
    Ok(())
}

/// The names in a directory, `.` and `..` left out, getdents64(2). Not opendir(3): its memory is malloc's, which may be a
/// function of the program's.
pub fn list(path: &CStr) -> Result<Vec<Vec<u8>>> {
    use std::os::fd::AsFd;
    names(open(None, path, libc::O_RDONLY | libc::O_DIRECTORY, 0)?.as_fd())
}

/// As `list`, of an open directory.
pub fn names(dir: BorrowedFd<'_>) -> Result<Vec<Vec<u8>>> {
    /// Where the name begins in struct linux_dirent64: after inode, offset, length and type.
    const NAME: usize = 19;
    let (mut names, mut buffer) = (Vec::new(), [0_u8; 4096]);
    loop {
        // SAFETY: the kernel writes at most the length given into the live array.
        let answer = unsafe { libc::syscall(libc::SYS_getdents64, dir.as_raw_fd(), buffer.as_mut_ptr(), buffer.len()) };
        let filled = check(Call::Getdents, answer).map(|n| usize::try_from(n).unwrap_or(0))?;
        let mut entries = buffer.get(..filled).unwrap_or_default();
        if entries.is_empty() {
            return Ok(names);
        }
        while let Some(&[low, high]) = entries.get(16..18) {
            let (entry, rest) = entries
                .split_at_checked(usize::from(u16::from_ne_bytes([low, high])))
                .ok_or_else(|| refused(Call::Getdents, libc::EBADMSG))?;
            let name = entry.get(NAME..).and_then(|name| name.split(|&b| b == 0).next()).unwrap_or_default();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
            entries = rest;
        }
    }
}

/// getcwd(2): the kernel's words, "(unreachable)" included, which libc's getcwd hides.
pub fn getcwd() -> Result<CString> {
    let mut buffer = vec![0_u8; usize::try_from(libc::PATH_MAX).unwrap_or(4096)];
    // SAFETY: the kernel writes at most the length given into the buffer.
    let answer = unsafe { libc::syscall(libc::SYS_getcwd, buffer.as_mut_ptr(), buffer.len()) };
    check(Call::Getcwd, answer)?;
    CStr::from_bytes_until_nul(&buffer).map(CStr::to_owned).map_err(|_| refused(Call::Getcwd, libc::ERANGE))
}

/// mkdirat(2).
pub fn mkdir(dir: BorrowedFd<'_>, name: &CStr, mode: u32) -> Result<()> {
    // SAFETY: `name` is a live C string.
    check(Call::Mkdir, unsafe { libc::mkdirat(dir.as_raw_fd(), name.as_ptr(), mode) }.into()).map(drop)
}

/// fchmodat(2): the mode as it is, whatever the umask.
pub fn chmod(dir: BorrowedFd<'_>, name: &CStr, mode: u32) -> Result<()> {
    // SAFETY: `name` is a live C string.
    check(Call::Chmod, unsafe { libc::fchmodat(dir.as_raw_fd(), name.as_ptr(), mode, 0) }.into()).map(drop)
}

/// mknodat(2) of an empty regular file: unlike open(2) with O_CREAT it follows no link and fails when the name exists.
pub fn make_file(dir: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    // SAFETY: `name` is a live C string.
    let answer = unsafe { libc::mknodat(dir.as_raw_fd(), name.as_ptr(), libc::S_IFREG | 0o644, 0) };
    check(Call::Mknod, answer.into()).map(drop)
}

/// What the link `name` in `dir` says, readlinkat(2).
pub fn link_text(dir: BorrowedFd<'_>, name: &CStr) -> Result<CString> {
    let mut buffer = vec![0_u8; usize::try_from(libc::PATH_MAX).unwrap_or(4096)];
    // SAFETY: `name` is a live C string, and the kernel writes at most the length given into the buffer.
    let answer = unsafe { libc::readlinkat(dir.as_raw_fd(), name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    let length = check(Call::Readlink, answer as i64).map(|n| usize::try_from(n).unwrap_or(0))?;
    buffer.truncate(length);
    CString::new(buffer).map_err(|_| refused(Call::Readlink, libc::EBADMSG))
}

/// Takes the name `path` away; of a directory with AT_REMOVEDIR in `flags`, unlinkat(2).
pub fn unlink(path: &CStr, flags: i32) -> Result<()> {
    // SAFETY: `path` is a live C string.
    check(Call::Unlink, unsafe { libc::unlinkat(libc::AT_FDCWD, path.as_ptr(), flags) }.into()).map(drop)
}

/// symlinkat(2).
pub fn symlink(target: &CStr, dir: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    // SAFETY: both are live C strings.
    check(Call::Symlink, unsafe { libc::symlinkat(target.as_ptr(), dir.as_raw_fd(), name.as_ptr()) }.into()).map(drop)
}

/// write(2), whole or failed: what is written here is read by the kernel as one piece.
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<()> {
    loop {
        // SAFETY: pointer and length are those of one live slice.
        let answer = unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
        match check(Call::Write, answer as i64) {
            Err(failure) if failure.errno == libc::EINTR => {}
            Err(failure) => return Err(failure),
            Ok(written) if written == bytes.len() as i64 => return Ok(()),
            Ok(_) => return Err(refused(Call::Write, libc::EIO)),
        }
    }
}

/// Whether this process may write to a file, or make files in a directory, faccessat(2).
pub fn may_write(path: &CStr) -> bool {
    // SAFETY: `path` is a live C string.
    unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::W_OK, libc::AT_EACCESS) == 0 }
}

/// Leaves nothing in a file, ftruncate(2).
pub fn empty(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes numbers only.
    check(Call::Ftruncate, unsafe { libc::ftruncate(fd.as_raw_fd(), 0) }.into()).map(drop)
}

/// Opens a file of the kernel's and writes `bytes` to it.
pub fn write_file(path: &CStr, bytes: &[u8]) -> Result<()> {
    use std::os::fd::AsFd;
    let fd = open(None, path, libc::O_WRONLY, 0)?;
    write(fd.as_fd(), bytes)
}

/// read(2): how much came; 0 at the end.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    loop {
        // SAFETY: pointer and length are those of one live slice.
        let answer = unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        match check(Call::Read, answer as i64) {
            Err(failure) if failure.errno == libc::EINTR => {}
            result => return result.map(|n| usize::try_from(n).unwrap_or(0)),
        }
    }
}

/// Fills `buffer` from the start of the file, pread(2), and says how much came: a file of `/proc` renders itself anew.
pub fn read_start(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: pointer and length are those of one live slice.
    let answer = unsafe { libc::pread(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
    check(Call::Read, answer as i64).map(|n| usize::try_from(n).unwrap_or(0))
}

/// Where `complain` writes to.
static COMPLAINTS: AtomicI32 = AtomicI32::new(2);

/// Messages go to this descriptor from now on, which must stay open for them.
pub fn complain_to(fd: RawFd) {
    COMPLAINTS.store(fd, Ordering::Relaxed);
}

/// Where they go.
pub fn complaints() -> RawFd {
    COMPLAINTS.load(Ordering::Relaxed)
}

/// Writes to standard error, or to the log, what there is no better place for. A message that cannot be written is lost:
/// the exit code stands.
pub fn complain(message: &str) {
    // SAFETY: the borrow lasts for this call only; a closed descriptor is EBADF.
    let log = unsafe { BorrowedFd::borrow_raw(complaints()) };
    // ignored: there is nobody else to tell
    let _ = write(log, message.as_bytes());
}

/// Makes `number` a second descriptor for an open file, in the place of what it was, dup3(2); execve(2) leaves it open.
pub fn put_at(fd: BorrowedFd<'_>, number: RawFd) -> Result<()> {
    // SAFETY: the caller hands over a number that no owned descriptor has.
    check(Call::Dup, unsafe { libc::dup3(fd.as_raw_fd(), number, 0) }.into()).map(drop)
}

/// The device that a character device's node stands for; `None` for what is none.
pub fn character_device(fd: BorrowedFd<'_>) -> Result<Option<u64>> {
    let stat = stat(fd)?;
    Ok((stat.st_mode & libc::S_IFMT == libc::S_IFCHR).then_some(stat.st_rdev))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_listed_whole() {
        let dir = std::env::temp_dir().join(format!("sbx-list-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        // More than one buffer holds.
        let mut wanted: Vec<Vec<u8>> = (0..300).map(|n| format!("a-name-{n}").into_bytes()).collect();
        for name in &wanted {
            std::fs::write(dir.join(std::str::from_utf8(name).unwrap()), "").unwrap();
        }
        let mut found = list(&CString::new(dir.to_str().unwrap()).unwrap()).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted);
        assert_eq!(list(c"/nowhere/at/all").unwrap_err().errno, libc::ENOENT);
    }
}
