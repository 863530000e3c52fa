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
use crate::support::nets;
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
            Entry::Launch | Entry::Exec | Entry::Layered => {
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
fn landlock_holds_a_script_without_any_namespace() {
    need!("examples", "python3", "landlock-scopes");
    for entry in ENTRIES {
        let (dir, other) = (TempDir::new(), TempDir::new());
        dir.file(
            "main.py",
            "import os, socket, subprocess, sys, tempfile\n\
            def tried(act):\n    try: act(); return 'done'\n    except OSError as e: return type(e).__name__\n\
            with tempfile.TemporaryFile() as f: f.write(b'scratch')\n\
            open('made', 'w').write('text')\n\
            print(subprocess.run(['cat', 'made'], capture_output=True, text=True).stdout, os.environ.get('HOME'))\n\
            print(tried(lambda: open(sys.argv[1] + '/new', 'w')), tried(lambda: os.listdir('/proc')),\n\
                tried(lambda: os.kill(os.getppid(), 0)), tried(lambda: os.chmod('made', 0)), tried(lambda: socket.socket()))\n",
        );
        let example = Example::new("landlock", &dir);
        let said = example.run(entry, "", &["/usr/bin/python3", "main.py", other.to_str().unwrap()]);
        let denied = ["PermissionError"; 4].join(" ");
        assert_eq!(said.ok(), format!("text None\n{denied} OSError"));
        assert!(dir.join("made").exists() && !other.join("new").exists());
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

/// A solution for a grader, by what it does.
const SOLUTION: &str = r#"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
    const char *act = argc > 1 ? argv[1] : "";
    long a, b;
    if (scanf("%ld %ld", &a, &b) != 2) return 9;
    if (!strcmp(act, "spin")) for (;;) ;
    if (!strcmp(act, "sleep")) { signal(SIGTERM, SIG_IGN); for (;;) pause(); }
    if (!strcmp(act, "abort")) abort();
    if (!strcmp(act, "memory")) {
        for (int i = 0; i < 1024; i++) {
            char *p = malloc(1 << 20);
            if (!p) return 7;
            memset(p, 1, 1 << 20);
        }
        return 0;
    }
    if (!strcmp(act, "write")) { char page[1 << 16] = {0}; for (;;) if (write(1, page, sizeof page) < 0) return 8; }
    if (!strcmp(act, "fork")) return fork() < 0 ? 6 : 0;
    if (!strcmp(act, "open")) return fopen("/etc/passwd", "r") ? 0 : 5;
    printf("%ld\n", a + b);
    return 0;
}
"#;

#[test]
fn judge_tells_every_kind_of_end_apart() {
    need!("examples", "cc");
    let dir = TempDir::new();
    dir.compile("cc", "solution", SOLUTION, &[]);
    let example = Example::new("judge", &dir);
    let run = |entry, act: &str| {
        let verdict = dir.join("verdict.json");
        let mut command = example.command(entry, &["./solution", act]);
        if entry == Entry::Launch {
            command = Command::new(bins::launcher());
            clean_env(&mut command).current_dir(&*dir).arg("--policy").arg(&example.policy);
            command.arg("--stats").arg(&verdict).args(["--", "./solution", act]);
        }
        if act == "spin" {
            // A second of the processor's may take a busy machine more than the example's three.
            command.env("SBX_TIME_LIMIT", "50s");
        }
        let ended = finish(command, b"40 2\n", TIMEOUT);
        let told = fs::read_to_string(&verdict).unwrap_or_default();
        (ended, told)
    };
    for entry in ENTRIES {
        assert_eq!(run(entry, "add").0.ok(), "42");
        for (act, code) in [("memory", 7), ("fork", 6), ("open", 5)] {
            assert_eq!(run(entry, act).0.code(), Some(code), "{act}");
        }
        assert_eq!(run(entry, "abort").0.signal(), Some(libc::SIGABRT));
        assert_eq!(run(entry, "sleep").0.code(), Some(124));
        assert_eq!(run(entry, "spin").0.signal(), Some(libc::SIGXCPU));
    }
    let (_, told) = run(Entry::Launch, "spin");
    for member in ["\"exitsig\":24", "\"status\":\"SG\"", "\"max-rss\":"] {
        assert!(told.contains(member), "{member}: {told}");
    }
    let (_, told) = run(Entry::Launch, "sleep");
    assert!(told.contains("\"status\":\"TO\"") && told.contains("\"killed-by\":\"time\""), "{told}");
    // Its standard output is a file, and no larger than it may be.
    let mut command = Command::new(bins::launcher());
    clean_env(&mut command).current_dir(&*dir).arg("--policy").arg(&example.policy).args(["--", "./solution", "write"]);
    command.stdin(fs::File::open(dir.file("test", "1 1")).unwrap());
    command.stdout(fs::File::create(dir.join("out")).unwrap());
    let status = command.status().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGXFSZ));
    assert_eq!(fs::metadata(dir.join("out")).unwrap().len(), 16 << 20);
}

/// The files of a few Debian packages, enough for a shell and its tools.
fn debian_tree(dir: &Path) {
    let script = "mkdir -p usr/bin usr/sbin usr/lib usr/lib64 etc proc dev tmp root opt && \
        ln -s usr/bin usr/sbin usr/lib usr/lib64 . && \
        dpkg -L base-files bash coreutils libc6 libtinfo6 libselinux1 libpcre2-8-0 libacl1 libattr1 libgmp10 | \
        while read -r file; do if [ -f \"$file\" ] || [ -h \"$file\" ]; then echo \"$file\"; fi; done | \
        grep -v -e ^/usr/share/doc -e ^/usr/share/locale -e ^/usr/share/man | \
        tar -C / -cf - --ignore-failed-read -T - 2>/dev/null | tar --keep-directory-symlink -xf -";
    let made = Command::new("sh").args(["-ec", script]).current_dir(dir).status().unwrap();
    assert!(made.success());
}

#[test]
fn toaster_writes_to_its_upper_directory_only() {
    need!("examples", "dpkg", "bash", "userns", "ip");
    // The kernel holds the machine's root to no limit of processes: as root, the program is somebody else outside.
    let somebody = ["--uid-map=0:1000", "--gid-map=0:1000", "--uid=0", "--gid=0"];
    let flags: &[&str] = if crate::support::need::is_root() { &somebody } else { &[] };
    let dir = TempDir::new();
    for name in ["lower", "upper", "upper/root", "work"] {
        dir.dir(name);
    }
    debian_tree(&dir.join("lower"));
    dir.install(Path::new("/bin/bash"), "upper/root/toaster");
    dir.file("upper/root/here", "");
    if crate::support::need::is_root() {
        let owned = Command::new("chown").args(["-R", "1000:1000"]).arg(&*dir).status().unwrap();
        assert!(owned.success());
    }
    let example = Example::new("toaster", &dir);
    let toast = |script: &str| {
        // Where tveth1 is, with a server at the other end.
        let mut command = Command::new("env");
        clean_env(&mut command).current_dir(&*dir).args(nets::leaving_nothing(nets::WIRE));
        command.arg(bins::probe()).args(["net", "beside", "10.166.0.1:7"]);
        command.arg(bins::launcher()).arg("--policy").arg(&example.policy).args(flags);
        command.args(["--", "/root/toaster", "-c", script]);
        finish(command, b"", TIMEOUT)
    };
    let script = "pwd; ls; env | sort; hostname 2>/dev/null || uname -n; nice; ulimit -n; ulimit -u; ulimit -c; \
        ls /proc/self/fd | wc -l; echo new > made; echo changed > /etc/issue; rm /etc/debian_version; mkdir /opt/toast; \
        while read -r name to gateway _ _ _ _ mask _; do [ $name = vs ] && echo \"$name $to $gateway $mask\"; done </proc/net/route; \
        (: </dev/tcp/10.166.0.1/7) && echo reached; \
        echo x 2>/dev/null > /proc/sys/kernel/hostname || echo proc is read-only";
    let said = toast(script);
    assert_eq!(
        said.out,
        "/root\nhere\ntoaster\nPATH=/bin:/usr/bin:/usr/sbin\nPWD=/root\nSHLVL=1\n_=/bin/env\nNSJAIL\n19\n128\n132\n0\n4\n\
         vs 00000000 0100A60A 00000000\nvs 0000A60A 00000000 0000FFFF\nreached\nproc is read-only\n",
        "{said:?}"
    );
    assert_eq!(fs::read_to_string(dir.join("upper/root/made")).unwrap(), "new\n");
    assert_eq!(fs::read_to_string(dir.join("upper/etc/issue")).unwrap(), "changed\n");
    assert!(dir.join("upper/opt/toast").is_dir() && dir.join("lower/etc/debian_version").exists());
    assert_eq!(
        fs::read("/etc/issue").unwrap(),
        fs::read(dir.join("lower/etc/issue")).unwrap(),
        "the lower one is as it was"
    );
    assert!(!dir.join("lower/opt/toast").exists() && !dir.join("lower/root/made").exists());
    // What was written is there the next time; what was deleted is not.
    assert_eq!(toast("cat made /etc/issue; ls /etc/debian_version 2>/dev/null").out, "new\nchanged\n");
}

#[test]
fn toaster_is_the_profile_of_that_name() {
    need!("examples");
    let dir = TempDir::new();
    let example = Example::new("toaster", &dir);
    let profile = dir.file("profile.toml", "profile = \"toaster\"\n");
    // The one filter is compiled from its text, the other with the library; and the one has an interface besides.
    let differs = |line: &&str| ["network", "loopback", "interfaces", "seccomp"].contains(&line[8..23].trim_end());
    let plan = |policy: &Path| {
        let plan = example.print(policy, "--print-plan");
        plan.lines().filter(|line| !differs(line)).map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(plan(&profile), plan(&example.policy));
    assert_eq!(plan(&profile).len() + 4, example.print(&profile, "--print-plan").lines().count());
}
