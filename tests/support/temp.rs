//! A directory for one test, gone with it; and the C programs built there.

use std::ffi::OsStr;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Readable by everybody: some tests look at it as another user.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        Self::under(Path::new("/tmp"))
    }

    pub fn under(parent: &Path) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let dir = parent.join(format!("sbx-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        Self(dir)
    }

    /// Writes a file and gives its path.
    pub fn file(&self, name: impl AsRef<OsStr>, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name.as_ref());
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes a file that can be executed.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        self.install(&self.file(format!("{name}.text"), text), name)
    }

    /// Copies a file that will be executed.
    ///
    /// Not by this process: another thread may fork while the copy is open for writing, and until that child executes
    /// something else the copy is busy, which is ETXTBSY for whoever executes it.
    pub fn install(&self, from: &Path, name: &str) -> PathBuf {
        let path = self.join(name);
        let installed = Command::new("install").args(["-m", "755"]).arg(from).arg(&path).status();
        assert!(installed.unwrap().success(), "install {}", path.display());
        path
    }

    pub fn dir(&self, name: impl AsRef<OsStr>) -> PathBuf {
        let path = self.join(name.as_ref());
        fs::create_dir(&path).unwrap();
        path
    }

    /// Builds a C program, or whatever the flags make of it.
    pub fn compile(&self, compiler: &str, name: &str, text: &str, flags: &[&str]) -> PathBuf {
        let source = self.file(format!("{name}.c"), text);
        let out = self.join(name);
        let built = Command::new(compiler).args(["-O1", "-Wall", "-o"]).arg(&out).arg(source).args(flags).output();
        let built = built.unwrap_or_else(|why| panic!("{compiler}: {why}"));
        assert!(built.status.success(), "{compiler} {name}: {}", String::from_utf8_lossy(&built.stderr));
        out
    }
}

/// Builds `targets/NAME.c` as NAME in a test's directory; further words are flags for the compiler.
#[macro_export]
macro_rules! cc {
    ($dir:expr, $name:literal $(, $flag:expr)* $(,)?) => {
        $dir.compile("cc", $name, include_str!(concat!("targets/", $name, ".c")), &[$($flag),*])
    };
}

impl Deref for TempDir {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // Ignored: what another user made inside stays, and fails no test.
        let _ = fs::remove_dir_all(&self.0);
    }
}
