//! The shipped policies, each with the program it is for: by the launcher, and by nothing but the variables that
//! `--print-env` prints.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::need;
use crate::support::bins;
use crate::support::ended::{Ended, TIMEOUT, finish};
use crate::support::running::Running;
use crate::support::sandbox::clean_env;
use crate::support::{ENTRIES, Entry, TempDir};

/// A policy of the checkout, to be used in a directory.
struct Example<'a> {
    policy: PathBuf,
    dir: &'a Path,
}

impl<'a> Example<'a> {
    fn new(name: &str, dir: &'a Path) -> Self {
        let known = bins::examples().into_iter().find(|path| path.file_stem() == Some(OsStr::new(name)));
        Self { policy: known.unwrap_or_else(|| panic!("no example {name}")), dir }
    }

    fn command(&self, entry: Entry, words: &[&str]) -> Command {
        let mut command = match entry {
            Entry::Launch => {
                let mut command = Command::new(bins::launcher());
                command.arg("--policy").arg(&self.policy).arg("--");
                command
            }
            Entry::Preload => {
                let mut command = Command::new("sh");
                let script = "eval \"$(\"$0\" --policy \"$1\" --print-env)\"; shift; exec \"$@\"";
                command.args(["-c", script]).arg(bins::launcher()).arg(&self.policy);
                command
            }
        };
        clean_env(&mut command).current_dir(self.dir).args(words);
        command
    }

    #[track_caller]
    fn run(&self, entry: Entry, input: &str, words: &[&str]) -> Ended {
        finish(self.command(entry, words), input.as_bytes(), TIMEOUT)
    }

    /// What the launcher prints with these words before the policy.
    #[track_caller]
    fn print(&self, policy: &Path, what: &str) -> String {
        let mut command = Command::new(bins::launcher());
        clean_env(&mut command).current_dir(self.dir).arg("--policy").arg(policy).arg(what);
        finish(command, b"", TIMEOUT).ok().to_owned()
    }
}

#[test]
fn an_example_printed_as_a_policy_or_as_variables_gives_the_same_plan() {
    need!("examples");
    let (dir, elsewhere) = (TempDir::new(), TempDir::new());
    for file in bins::examples() {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let example = Example::new(&name, &dir);
        let plan = example.print(&example.policy, "--print-plan");
        let printed = elsewhere.file(format!("{name}.toml"), example.print(&example.policy, "--print-policy") + "\n");
        assert_eq!(example.print(&printed, "--print-plan"), plan, "{name}, as a policy");
        let script = "eval \"$(\"$0\" --policy \"$1\" --print-env)\"; unset LD_PRELOAD; exec \"$0\" --print-plan";
        let mut command = Command::new("sh");
        clean_env(&mut command).current_dir(&*dir).args(["-c", script]).arg(bins::launcher()).arg(&example.policy);
        assert_eq!(finish(command, b"", TIMEOUT).ok(), plan, "{name}, as variables");
    }
}

#[test]
fn every_example_has_a_test_of_its_own() {
    need!("examples");
    let tests = include_str!("examples.rs");
    for file in bins::examples() {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(tests.contains(&format!("Example::new(\"{name}\"")), "{name}");
    }
}

#[test]
fn filter_reads_standard_input_and_nothing_else() {
    need!("examples", "jq");
    let dir = TempDir::new();
    dir.file("secret", "{}");
    let example = Example::new("filter", &dir);
    for entry in ENTRIES {
        assert_eq!(example.run(entry, "{\"name\":\"a\"}", &["/usr/bin/jq", ".name"]).ok(), "\"a\"");
        let refused = example.run(entry, "", &["/usr/bin/jq", ".", "secret"]);
        assert!(!refused.status.success() && refused.err.contains("secret"), "{refused:?}");
        assert_eq!(example.run(entry, "", &["/usr/bin/jq", "-nc", "env"]).ok(), "{\"LANG\":\"C.UTF-8\"}");
    }
}

#[test]
fn python_reads_its_directory_and_writes_nothing() {
    need!("examples", "python3");
    let dir = TempDir::new();
    dir.file("helper.py", "VALUE = 6\n");
    dir.file(
        "main.py",
        "import helper, os, sys, tempfile\n\
        def tried(act):\n    try: act(); return 'done'\n    except OSError as e: return type(e).__name__\n\
        with tempfile.TemporaryFile() as f: f.write(b'scratch')\n\
        print(helper.VALUE * 7, sys.argv[1], sorted(os.environ))\n\
        print(tried(lambda: open('new', 'w')), tried(lambda: os.listdir('/root/x')), os.listdir('/home'))\n",
    );
    let example = Example::new("python", &dir);
    for entry in ENTRIES {
        let said = example.run(entry, "", &["/usr/bin/python3", "main.py", "a b"]);
        let lines: Vec<_> = said.ok().lines().collect();
        assert!(lines[0].starts_with("42 a b ['LANG', "), "{lines:?}");
        assert!(!lines[0].contains("HOME"), "{lines:?}");
        assert!(lines[1].starts_with("OSError ") && lines[1].ends_with(" []"), "{lines:?}");
        assert!(!dir.join("new").exists());
    }
}

#[test]
fn compiler_writes_its_directory_and_nothing_else() {
    need!("examples", "cc");
    for entry in ENTRIES {
        let (dir, other) = (TempDir::new(), TempDir::new());
        dir.file("main.c", "#include <stdio.h>\nint main(void) { return puts(\"built\") < 0; }\n");
        let example = Example::new("compiler", &dir);
        assert_eq!(example.run(entry, "", &["/usr/bin/cc", "-o", "main", "main.c"]).ok(), "");
        // What was built runs there, for the tests of a build.
        assert_eq!(example.run(entry, "", &["./main"]).ok(), "built");
        let outside = other.join("main").to_str().unwrap().to_owned();
        let refused = example.run(entry, "", &["/usr/bin/cc", "-o", &outside, "main.c"]);
        assert!(!refused.status.success() && !other.join("main").exists(), "{refused:?}");
    }
}

#[test]
fn image_reads_one_file_and_writes_one() {
    need!("examples", "convert-im6.q16");
    let convert = "/usr/bin/convert-im6.q16";
    for entry in ENTRIES {
        let dir = TempDir::new();
        let outside = |words: &[&str]| {
            let mut command = Command::new(convert);
            clean_env(&mut command).current_dir(&*dir).args(words);
            finish(command, b"", TIMEOUT)
        };
        assert_eq!(outside(&["-size", "40x30", "xc:red", "in.png"]).ok(), "");
        fs::copy(dir.join("in.png"), dir.join("other.png")).unwrap();
        dir.file("out.jpg", "");
        let example = Example::new("image", &dir);
        assert_eq!(example.run(entry, "", &[convert, "/in.png", "-resize", "50%", "/out.jpg"]).ok(), "");
        assert_eq!(outside(&["out.jpg", "-format", "%m %wx%h", "info:"]).ok(), "JPEG 20x15");
        for words in [["/other.png", "/out.jpg"], ["other.png", "/out.jpg"], ["/in.png", "/in.png"]] {
            let refused = example.run(entry, "", &[convert, words[0], words[1]]);
            assert!(!refused.status.success(), "{words:?}: {refused:?}");
        }
    }
}

#[test]
fn server_keeps_its_data_and_answers_only_inside() {
    need!("examples", "redis-server", "bash");
    let dir = TempDir::new();
    let example = Example::new("server", &dir);
    for entry in ENTRIES {
        let script = "redis-server --port 7778 --save '' --dir /var/tmp >/tmp/log 2>&1 & \
            for i in $(seq 200); do redis-cli -p 7778 ping 2>/dev/null | grep -q PONG && break; sleep 0.05; done; \
            redis-cli -p 7778 set key value; hostname; redis-cli -p 7778 shutdown nosave; wait";
        let ended = example.run(entry, "", &["/bin/bash", "-c", script]);
        assert_eq!(ended.out, "OK\nserver\n", "{ended:?}");
    }
}

#[test]
fn web_answers_through_one_bound_socket() {
    need!("examples", "nginx", "curl");
    for entry in ENTRIES {
        let dir = TempDir::new();
        dir.dir("www");
        dir.file("www/page", "served\n");
        dir.dir("socket");
        dir.file(
            "nginx.conf",
            "daemon off; pid /tmp/pid; error_log stderr;\nevents { }\nhttp { access_log off; \
             client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; \
             scgi_temp_path /tmp/s;\nserver { listen unix:/run/web/http.sock; listen 127.0.0.1:8081; root /run/site/www; } }\n",
        );
        let example = Example::new("web", &dir);
        let conf = "/run/site/nginx.conf";
        let server = Running::start(example.command(entry, &["/usr/sbin/nginx", "-e", "stderr", "-c", conf]));
        let socket = dir.join("socket/http.sock");
        let ask = |to: &[&str]| {
            let mut command = Command::new("/usr/bin/curl");
            clean_env(&mut command).args(["-s", "-m", "5"]).args(to);
            finish(command, b"", TIMEOUT)
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !socket.exists() {
            assert!(Instant::now() < deadline, "no socket");
            std::thread::sleep(Duration::from_millis(10));
        }
        let page = ask(&["--unix-socket", socket.to_str().unwrap(), "http://x/page"]);
        assert_eq!(page.out, "served\n", "{page:?}");
        assert_eq!(ask(&["http://127.0.0.1:8081/page"]).code(), Some(7), "its own loopback is not ours");
        drop(server);
    }
}
