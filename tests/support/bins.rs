//! Where the binaries under test are: beside each other in SBX_TEST_BIN_DIR, or where cargo has put them.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

fn find(name: &str) -> PathBuf {
    if let Some(dir) = std::env::var_os("SBX_TEST_BIN_DIR") {
        return Path::new(&dir).join(name);
    }
    let launcher = Path::new(env!("CARGO_BIN_EXE_sbx-launch"));
    let dir = launcher.parent().unwrap();
    let places = [dir.join("deps").join(name), dir.join("examples").join(name), dir.join(name)];
    let built = places.into_iter().filter(|place| place.is_file());
    // A binary of an earlier build may lie in another of the places: the newest is the one under test.
    built
        .max_by_key(|place| place.metadata().unwrap().modified().unwrap())
        .unwrap_or_else(|| panic!("{name} is not built"))
}

/// The shipped policies: beside the directory of the binaries, or in the checkout.
pub fn examples() -> Vec<PathBuf> {
    let dir = match std::env::var_os("SBX_TEST_BIN_DIR") {
        Some(dir) => Path::new(&dir).join("../examples"),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples"),
    };
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|file| file.path());
    files.filter(|path| path.extension().is_some_and(|kind| kind == "toml")).collect()
}

macro_rules! binaries {
    ($($(#[$doc:meta])* $function:ident = $name:literal),+ $(,)?) => {
        $($(#[$doc])* pub fn $function() -> &'static Path {
            static FOUND: OnceLock<PathBuf> = OnceLock::new();
            FOUND.get_or_init(|| find($name))
        })+
    };
}

binaries! {
    launcher = "sbx-launch",
    library = "libsandbox.so",
    /// What runs inside.
    probe = "probe",
}
