//! Files for the tests: a directory that goes when it is dropped, and programs compiled into it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("sbx-launch-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(fs::canonicalize(path).unwrap())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file with that text and mode.
    pub fn file(&self, name: &str, text: &[u8], mode: u32) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// A program or library from C, `None` (and a line that says so) where there is no compiler.
    pub fn compile(&self, name: &str, source: &str, flags: &[&str]) -> Option<PathBuf> {
        let text = self.file(&format!("{name}.c"), source.as_bytes(), 0o644);
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match Command::new("cc").arg("-o").arg(&path).arg(text).args(flags).current_dir(&self.0).status() {
            Ok(status) => assert!(status.success(), "{name} does not compile"),
            Err(error) => {
                println!("SKIP {name}: cc: {error}");
                return None;
            }
        }
        Some(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // ignored: what is left lies in the directory for such things
        let _ = fs::remove_dir_all(&self.0);
    }
}
