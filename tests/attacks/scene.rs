//! What is around the sandboxes of a letter: things of the host's that an attacker would like to have.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::sandbox::clean_env;
use crate::support::{TempDir, bins, running::Running};

pub struct Scene {
    pub dir: TempDir,
    /// A process of the same user's.
    outer: Running,
    pub server: TcpListener,
    abstract_name: String,
    _sockets: [UnixListener; 2],
    made: Cell<usize>,
    built: RefCell<HashMap<&'static str, PathBuf>>,
}

impl Scene {
    pub fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let dir = TempDir::new();
        dir.file("secret", "secret\n");
        dir.file("on_terminal.py", include_str!("../targets/on_terminal.py"));
        dir.dir("inner");
        dir.file("inner/file", "file\n");
        dir.dir("beside");
        std::os::unix::fs::symlink("../beside", dir.join("inner/link")).unwrap();
        let mut sleeper = Command::new(bins::probe());
        clean_env(&mut sleeper).args(["sleep", "600000"]);
        let outer = Running::start(sleeper);
        assert_eq!(outer.line(), "ready");
        let abstract_name = format!("sbx-attack-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let sockets = [
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(&abstract_name).unwrap()).unwrap(),
            UnixListener::bind(dir.join("socket")).unwrap(),
        ];
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let (made, built) = Default::default();
        Self { dir, outer, server, abstract_name, _sockets: sockets, made, built }
    }

    pub fn terminal(&self) -> String {
        self.dir.join("on_terminal.py").display().to_string()
    }

    /// A program, built once.
    pub fn program(&self, name: &'static str, build: impl FnOnce(&TempDir) -> PathBuf) -> PathBuf {
        self.built.borrow_mut().entry(name).or_insert_with(|| build(&self.dir)).clone()
    }

    /// A path where nothing is.
    pub fn new_path(&self) -> PathBuf {
        self.made.set(self.made.get() + 1);
        self.dir.join("inner").join(format!("new-{}", self.made.get()))
    }

    pub fn fill(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        let mut text = text
            .replace("{dir}", &self.dir.display().to_string())
            .replace("{outer}", &self.outer.pid().to_string())
            .replace("{server}", &self.server.local_addr().unwrap().to_string())
            .replace("{port}", &self.server.local_addr().unwrap().port().to_string())
            .replace("{abstract}", &self.abstract_name)
            .replace("{uid}", &nix::unistd::getuid().to_string())
            .replace("{bin}", &bins::probe().parent().unwrap().display().to_string());
        if text.contains("{beside}") {
            let name = self.new_path().file_name().unwrap().to_str().unwrap().to_owned();
            text = text.replace("{beside}", &self.dir.join("beside").join(name).display().to_string());
        }
        if text.contains("{new}") {
            text = text.replace("{new}", &self.new_path().display().to_string());
        }
        text
    }
}
