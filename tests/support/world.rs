//! A small world around a sandbox: targets/world.py, in network and mount namespaces of its own.

use super::TempDir;
use super::need::is_root;
use super::sandbox::Sandbox;

pub struct World {
    dir: TempDir,
    options: Vec<String>,
}

impl World {
    /// With the options of world.py.
    pub fn new(options: &[&str]) -> Self {
        let dir = TempDir::new();
        dir.file("world.py", include_str!("../targets/world.py"));
        Self { dir, options: options.iter().map(|&option| option.into()).collect() }
    }

    /// The words that start it, to be followed by a command.
    pub fn words(&self) -> Vec<String> {
        let namespaces: &[&str] = match is_root() {
            true => &["unshare", "-nm"],
            false => &["unshare", "-U", "--map-current-user", "-nm", "--keep-caps"],
        };
        // Root starts a sandbox with its capabilities, others without.
        let caller: &[&str] = if is_root() { &[] } else { &["--caller"] };
        let script = self.dir.join("world.py").display().to_string();
        let words = |words: &[&str]| words.iter().map(|&word| String::from(word)).collect::<Vec<_>>();
        [words(namespaces), words(&["python3", &script]), self.options.clone(), words(caller), words(&["--"])].concat()
    }

    /// The sandbox started in it.
    pub fn around(&self, sandbox: Sandbox) -> Sandbox {
        sandbox.wrapped(&self.words())
    }
}
