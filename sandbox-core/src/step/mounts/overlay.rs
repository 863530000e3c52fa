//! The layers of an overlay: opened before the new tree covers them, and named to the kernel by descriptor, so that no byte
//! of a path needs an escape.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::op::{LAYERS, Layers};
use super::tree::New;
use crate::error::Failure;
use crate::sys::call::Call;
use crate::sys::{Result, file, refused};

/// What fsconfig(2) takes as one string.
const LONGEST_OPTION: usize = 255;

/// The layers, open.
pub struct Opened {
    lower: Vec<OwnedFd>,
    /// And work.
    upper: Option<[OwnedFd; 2]>,
    userxattr: bool,
    attributes: u64,
}

/// Whether the file system is told all lowers in one option. fsconfig(2) takes them one by one, `lowerdir+`, since Linux
/// 6.5, and then any number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lowers {
    Joined,
    JoinedWhereShort,
}

impl Opened {
    /// Opens them. The failure's object is the part number of the directory.
    pub fn open(layers: &Layers) -> Result<Self> {
        let open = |number: usize, dir: &CStr| {
            let opened = file::open(None, dir, libc::O_PATH | libc::O_DIRECTORY, 0);
            opened.map_err(|failure| failure.on(LAYERS + number))
        };
        let lower = (0..).zip(&layers.lower).map(|(number, dir)| open(number, dir)).collect::<Result<Vec<_>>>()?;
        let upper = match &layers.upper {
            None => None,
            Some([upper, work]) => {
                let on_work = |failure: Failure| failure.on(LAYERS + lower.len() + 1);
                let (upper, work) = (open(lower.len(), upper)?, open(lower.len() + 1, work)?);
                // The kernel says EINVAL to this and to much else.
                if file::device(upper.as_fd())? != file::device(work.as_fd())? {
                    return Err(on_work(refused(Call::Open, libc::EXDEV)));
                }
                Some([upper, work])
            }
        };
        Ok(Self { lower, upper, userxattr: layers.userxattr, attributes: layers.attributes() })
    }

    /// Whether changes are to be kept in memory, in directories that are still to be made.
    pub fn needs_memory(&self) -> bool {
        self.upper.is_none()
    }

    /// Makes the upper and the work directory in a file system in memory. The overlay's root is the upper one's: it gets
    /// the mode of the top layer's.
    pub fn keep_in(&mut self, memory: BorrowedFd<'_>, names: [&CStr; 2]) -> Result<()> {
        let mode = match self.lower.first() {
            Some(top) => file::mode(top.as_fd())?,
            None => 0o755,
        };
        let [upper, work] = names.map(|name| {
            file::mkdir(memory, name, 0o700)?;
            file::open(Some(memory), name, libc::O_PATH | libc::O_DIRECTORY, 0)
        });
        file::chmod(memory, names[0], mode)?;
        self.upper = Some([upper?, work?]);
        Ok(())
    }

    /// That what was made of them can be written: where the kernel cannot use the work directory, it makes an overlay that is
    /// only read, without a word.
    pub fn is_writable(&self, made: BorrowedFd<'_>) -> Result<()> {
        let work = LAYERS + self.lower.len() + 1;
        match file::is_read_only(made)? {
            true => Err(refused(Call::Fstatfs, libc::EACCES).on(work)),
            false => Ok(()),
        }
    }

    /// The file system to be made of them.
    pub fn with<T>(&self, lowers: Lowers, make: impl FnOnce(&New<'_>) -> Result<T>) -> Result<T> {
        let name = |fd: &OwnedFd| format!("/proc/self/fd/{}", fd.as_raw_fd());
        let text = |text: String| CString::new(text).map_err(|_| refused(Call::Fsconfig, libc::EINVAL));
        let mut values: Vec<(&'static CStr, CString)> = Vec::new();
        let joined = self.lower.iter().map(name).collect::<Vec<_>>().join(":");
        if lowers == Lowers::Joined || joined.len() <= LONGEST_OPTION {
            values.push((c"lowerdir", text(joined)?));
        } else {
            for lower in &self.lower {
                values.push((c"lowerdir+", text(name(lower))?));
            }
        }
        if let Some([upper, work]) = &self.upper {
            values.push((c"upperdir", text(name(upper))?));
            values.push((c"workdir", text(name(work))?));
        }
        let mut options: Vec<(&'static CStr, Option<&CStr>)> =
            values.iter().map(|(key, value)| (*key, Some(value.as_c_str()))).collect();
        if self.userxattr {
            options.push((c"userxattr", None));
        }
        make(&New { kind: c"overlay", options: &options, attributes: self.attributes })
    }
}
