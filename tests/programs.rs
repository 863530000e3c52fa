//! Programs as they are installed, unmodified, by both entry points.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::need;
use crate::support::sandbox::clean_env;
use crate::support::{ENTRIES, Sandbox, TempDir};

fn in_dir(entry: crate::support::Entry, dir: &TempDir) -> Sandbox {
    Sandbox::new(entry).cwd(dir)
}

#[test]
fn python_runs_a_script_with_its_library() {
    need!("python3");
    let dir = TempDir::new();
    dir.file(
        "main.py",
        "import json, sys, threading, subprocess, tempfile, helper\n\
        t = threading.Thread(target=lambda: None); t.start(); t.join()\n\
        with tempfile.TemporaryFile() as f: f.write(b'x')\n\
        child = subprocess.run(['echo', 'child'], capture_output=True, text=True).stdout.strip()\n\
        print(json.dumps([helper.VALUE, child, sys.argv[1:]]))\n",
    );
    dir.file("helper.py", "VALUE = 7\n");
    for entry in ENTRIES {
        let ended = in_dir(entry, &dir).run("/usr/bin/python3", &["main.py", "-x", "a b"]);
        assert_eq!(ended.ok(), "[7, \"child\", [\"-x\", \"a b\"]]");
    }
}

#[test]
fn perl_runs() {
    need!("perl");
    for entry in ENTRIES {
        let ended =
            Sandbox::new(entry).input("b\na\n").run("/usr/bin/perl", &["-e", "print sort <STDIN>; print `echo child`"]);
        assert_eq!(ended.ok(), "a\nb\nchild");
    }
}

#[test]
fn bash_runs_pipelines() {
    need!("bash");
    for entry in ENTRIES {
        let script = "set -o pipefail; seq 1000 | sort -rn | head -n 3 | tr '\\n' ' '; (exit 3); echo $?; cat <<<\"here\"; diff <(echo a) <(echo a) && echo same";
        let ended = Sandbox::new(entry).run("/bin/bash", &["-c", script]);
        let err: Vec<_> = ended.err.lines().filter(|line| !line.contains("write error: Broken pipe")).collect();
        assert_eq!((ended.out.as_str(), err), ("1000 999 998 3\nhere\nsame\n", vec![]));
    }
}

#[test]
fn git_reads_a_repository() {
    need!("git");
    let dir = TempDir::new();
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        clean_env(&mut command)
            .current_dir(&*dir)
            .env("HOME", dir.as_os_str())
            .args(["-c", "user.name=t", "-c", "user.email=t@t"])
            .args(args);
        let done = command.output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    git(&["init", "-q"]);
    dir.file("file", "x\n");
    git(&["add", "file"]);
    git(&["commit", "-q", "-m", "the first"]);
    dir.file("file", "y\n");
    for entry in ENTRIES {
        assert_eq!(in_dir(entry, &dir).run("git", &["log", "--format=%s"]).ok(), "the first");
        let diff = in_dir(entry, &dir).run("/usr/bin/git", &["diff", "--stat"]);
        assert!(diff.ok().contains("1 insertion"), "{diff:?}");
        let commit = in_dir(entry, &dir).run("/usr/bin/git", &["commit", "-am", "second"]);
        assert!(!commit.status.success(), "the repository is read-only");
    }
}

#[test]
fn git_commits_to_a_repository_of_its_own() {
    need!("git");
    for entry in ENTRIES {
        let script = "cd /tmp && git init -q r && cd r && git config user.name t && git config user.email t@t && \
            echo x >f && git add f && git commit -qm first && git checkout -qb other && echo y >f && \
            git commit -qam second && git gc -q && git clone -q . ../copy && git -C ../copy log --format=%s";
        let ended = Sandbox::new(entry).timeout(Duration::from_secs(60)).run("/bin/sh", &["-c", script]);
        assert_eq!(ended.ok(), "second\nfirst");
    }
}

#[test]
fn a_compiler_compiles_and_what_it_made_runs() {
    need!("cc");
    for entry in ENTRIES {
        let script = "cd /tmp && printf '#include <stdio.h>\nint main(void) { puts(\"built\"); return 0; }\n' >x.c && \
            cc -O2 -pipe -o x x.c && ./x && cc -c x.c && ar rc x.a x.o && cc -g -o y x.a && ./y";
        let ended = Sandbox::new(entry).timeout(Duration::from_secs(60)).run("/bin/sh", &["-c", script]);
        assert_eq!(ended.ok(), "built\nbuilt");
    }
}

/// Answers one request over loopback and asks for it.
pub const PYTHON_SERVES: &str = "
import http.server, threading, urllib.request
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'served ' + self.path.encode())
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(urllib.request.urlopen('http://127.0.0.1:%d/page' % server.server_port).read().decode())
server.shutdown()
";

pub const NODE_SERVES: &str = "
const http = require('http');
const server = http.createServer((request, answer) => answer.end('served ' + request.url));
server.listen(0, '127.0.0.1', () => http.get({ port: server.address().port, path: '/page', agent: false }, answer => {
    answer.on('data', text => console.log(String(text)));
    answer.on('end', () => server.close());
}));
";

#[test]
fn interpreters_serve_over_loopback() {
    need!("python3", "node");
    for entry in ENTRIES {
        for (program, flag, script) in [("python3", "-c", PYTHON_SERVES), ("node", "-e", NODE_SERVES)] {
            let sandbox = Sandbox::new(entry).timeout(Duration::from_secs(60));
            assert_eq!(sandbox.run(program, &[flag, script]).ok(), "served /page", "{program}");
            // The control: without sockets neither can.
            let refused = sandbox.set("seccomp-deny", "socket").run(program, &[flag, script]);
            assert!(!refused.out.contains("served"), "{program}: {refused:?}");
        }
    }
}

#[test]
fn node_compiles_code_at_run_time() {
    need!("node");
    let dir = TempDir::new();
    dir.file("main.js", "let n = 0; for (let i = 0; i < 1e6; i++) n += i % 7;\n\
        new (require('worker_threads').Worker)('require(\"worker_threads\").parentPort.postMessage(6)', { eval: true })\n\
        .on('message', m => console.log(n, m));\n");
    for entry in ENTRIES {
        let ended = in_dir(entry, &dir).timeout(Duration::from_secs(60)).run("/usr/bin/node", &["main.js"]);
        assert_eq!(ended.ok(), "2999997 6");
    }
}

#[test]
fn sqlite_keeps_a_database_in_a_writable_directory() {
    need!("sqlite3");
    for entry in ENTRIES {
        let dir = TempDir::new();
        let sandbox = Sandbox::new(entry).set("profile", "build").cwd(&dir);
        let sql = "pragma journal_mode=wal; create table t(a); insert into t values (41);";
        assert_eq!(sandbox.run("/usr/bin/sqlite3", &["data.db", sql]).ok(), "wal");
        assert_eq!(sandbox.run("/usr/bin/sqlite3", &["data.db", "select a + 1 from t"]).ok(), "42");
        let refused = in_dir(entry, &dir).run("/usr/bin/sqlite3", &["data.db", "insert into t values (1)"]);
        assert!(!refused.status.success(), "the control: read-only it cannot");
    }
}

#[test]
fn redis_answers_its_client_in_one_sandbox() {
    need!("redis-server", "bash");
    for entry in ENTRIES {
        let script = "redis-server --port 7777 --save '' --dir /tmp >/tmp/log 2>&1 & \
            for i in $(seq 200); do redis-cli -p 7777 ping >/tmp/answer 2>&1 && grep -q PONG /tmp/answer && break; sleep 0.05; done; \
            redis-cli -p 7777 set key value; redis-cli -p 7777 get key; redis-cli -p 7777 shutdown nosave; wait";
        let ended = Sandbox::new(entry).run("/bin/bash", &["-c", script]);
        assert_eq!(ended.out, "OK\nvalue\n", "{ended:?}");
    }
}

#[test]
fn nginx_serves_its_client_in_one_sandbox() {
    need!("nginx", "curl", "bash");
    let dir = TempDir::new();
    dir.dir("www");
    dir.file("www/page", "served\n");
    let config = format!(
        "daemon off; pid /tmp/pid; error_log /tmp/log;\nevents {{ }}\nhttp {{ access_log off; client_body_temp_path /tmp/b; \
         proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;\n\
         server {{ listen 127.0.0.1:8080; root {}/www; }} }}\n",
        dir.display()
    );
    dir.file("conf", config);
    for entry in ENTRIES {
        let script = "nginx -e /tmp/log -c \"$PWD/conf\" & for i in $(seq 100); do curl -sf http://127.0.0.1:8080/page && break; sleep 0.05; done; kill %1; wait";
        // Its master becomes another user for its workers if it is root; inside there is none to become.
        let sandbox = in_dir(entry, &dir).with(&["uid=1000", "gid=1000"]);
        let ended = sandbox.run("/bin/bash", &["-c", script]);
        assert_eq!(ended.out, "served\n", "{ended:?}");
    }
}

#[test]
fn tar_packs_and_unpacks() {
    need!("tar");
    for entry in ENTRIES {
        let dir = TempDir::new();
        dir.dir("in");
        dir.file("in/a", "x");
        let sandbox = Sandbox::new(entry).set("profile", "build").cwd(&dir);
        assert_eq!(sandbox.run("/usr/bin/tar", &["czf", "out.tgz", "in"]).ok(), "");
        assert_eq!(sandbox.run("/usr/bin/tar", &["tzf", "out.tgz"]).ok(), "in/\nin/a");
        assert_eq!(sandbox.run("/usr/bin/tar", &["xzf", "out.tgz", "-C", "/tmp"]).ok(), "");
    }
}

#[test]
fn curl_reaches_nothing_unless_the_network_is_the_hosts() {
    need!("curl");
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", server.local_addr().unwrap());
    thread::spawn(move || {
        for client in server.incoming() {
            let mut client = client.unwrap();
            // Ignored: whatever was asked, this is the answer, and a client that left needs none.
            let _ = client.read(&mut [0; 1024]);
            let _ = client.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhost\n");
        }
    });
    for entry in ENTRIES {
        let refused = Sandbox::new(entry).run("/usr/bin/curl", &["-s", "-m", "5", &url]);
        assert_eq!((refused.code(), &*refused.out), (Some(7), ""), "{refused:?}");
        let reached = Sandbox::new(entry).set("net", "host").run("/usr/bin/curl", &["-s", "-m", "5", &url]);
        assert_eq!(reached.ok(), "host");
        // Nor by a name: there is nobody to ask.
        let named = Sandbox::new(entry).run("/usr/bin/curl", &["-s", "-m", "5", "http://example.invalid/"]);
        assert_eq!(named.code(), Some(6), "{named:?}");
    }
}

#[test]
fn interpreters_start_by_their_names_in_path() {
    for entry in ENTRIES {
        for program in ["ls", "id", "date", "uname", "sort", "find", "grep", "sed", "od", "env", "ps"] {
            let path =
                ["/usr/bin", "/bin"].map(|dir| Path::new(dir).join(program)).into_iter().find(|path| path.exists());
            let Some(path) = path else { continue };
            let ended = Sandbox::new(entry).cwd(Path::new("/usr")).run(&path, &["--version"]);
            assert!(ended.status.success() && !ended.out.is_empty(), "{program}: {ended:?}");
        }
    }
}

#[test]
fn programs_that_look_around_see_only_themselves() {
    need!("ps");
    for entry in ENTRIES {
        let ended = Sandbox::new(entry).run("/usr/bin/ps", &["-e", "-o", "pid="]);
        assert_eq!(ended.ok().trim(), "1");
        let shell = Sandbox::new(entry).run("/bin/sh", &["-c", "echo $$; hostname 2>/dev/null || uname -n"]);
        assert_eq!(shell.ok(), "1\nsandbox");
    }
}
