//! The status descriptor: what is in force, read back from the kernel, and how it ended.

use std::fs;

use serde_json::Value;

use crate::need;
use crate::support::report::NAMESPACES;
use crate::support::{EVERY, EXECUTING, Ended, Report, Sandbox, TempDir};

/// A run of the probe that writes its status to a file; the lines, and the run.
fn status(sandbox: &Sandbox, act: &[&str]) -> (Vec<Value>, Ended) {
    let dir = TempDir::new();
    let file = dir.join("status");
    let sandbox = sandbox.clone().set("status-fd", "9");
    let ended = sandbox.after_shell(&format!("exec 9>'{}'", file.display())).probe(act);
    let lines = fs::read_to_string(&file).unwrap();
    let parsed = lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")));
    (parsed.collect(), ended)
}

#[test]
fn the_first_line_says_what_is_in_force() {
    for entry in EXECUTING {
        for settings in [
            &[][..],
            &["cap-keep=chown"],
            &["init"],
            &["net=host", "share=uts"],
            &["seccomp=none"],
            &["uid=0", "gid=7"],
        ] {
            let sandbox = Sandbox::new(entry).with(settings);
            let (lines, ended) = status(&sandbox, &["report"]);
            let inside = Report::parse(ended.ok());
            let entered = &lines[0];
            assert_eq!(entered["event"], "entered");
            for name in NAMESPACES {
                let key = if name == "mnt" { "mount" } else { name };
                let told = format!("{name}:[{}]", entered["namespaces"][key]["inode"]);
                assert_eq!(told, inside.one(&format!("ns.{name}")), "{settings:?}");
                let shared = (key == "net" && settings.contains(&"net=host"))
                    || (key == "uts" && settings.contains(&"share=uts"));
                assert_eq!(entered["namespaces"][key]["new"], !shared, "{key}, {settings:?}");
            }
            for (key, set) in [
                ("cap_eff", "CapEff"),
                ("cap_prm", "CapPrm"),
                ("cap_inh", "CapInh"),
                ("cap_bnd", "CapBnd"),
                ("cap_amb", "CapAmb"),
            ] {
                assert_eq!(entered[key].as_str().unwrap(), inside.one(&format!("status.{set}")));
            }
            assert_eq!(entered["no_new_privs"], true);
            assert_eq!(entered["seccomp"], 2);
            assert_eq!(entered["seccomp_filters"].to_string(), inside.one("status.Seccomp_filters"));
            assert_eq!(entered["uid_map"].as_str().unwrap(), inside.one("uid_map"));
            assert_eq!(entered["gid_map"].as_str().unwrap(), inside.one("gid_map"));
        }
    }
}

#[test]
fn mounts_and_descriptors_are_told_as_they_are() {
    // By route layered they are told as they are while the program is loaded.
    for entry in EXECUTING {
        let (lines, ended) = status(&Sandbox::new(entry).with(&["tmpfs=/mnt", "bind-ro=/usr:/srv"]), &["report"]);
        let inside = Report::parse(ended.ok());
        let told: Vec<_> =
            lines[0]["mounts"].as_array().unwrap().iter().map(|mount| mount["target"].as_str().unwrap()).collect();
        let seen: Vec<_> = inside.mounts().iter().map(|mount| mount.at.to_owned()).collect();
        assert_eq!(told, seen);
        let of_usr = lines[0]["mounts"].as_array().unwrap().iter().find(|mount| mount["target"] == "/srv").unwrap();
        assert!(of_usr["options"].as_str().unwrap().split(',').any(|option| option == "ro"));
        let fds: Vec<_> = lines[0]["fds"].as_array().unwrap().iter().map(Value::to_string).collect();
        assert_eq!(fds, inside.all("fd"));
    }
}

#[test]
fn the_last_line_says_how_it_ended() {
    for entry in EVERY {
        for settings in [&[][..], &["init"]] {
            let sandbox = Sandbox::new(entry).with(settings);
            let (lines, _) = status(&sandbox, &["exit", "3"]);
            assert_eq!(lines.len(), 2, "{lines:?}");
            assert_eq!((&lines[1]["event"], &lines[1]["exit_code"]), (&Value::from("ended"), &Value::from(3)));
            assert!(lines[1].get("signal").is_none());
            let (lines, _) = status(&sandbox, &["fault"]);
            assert_eq!((&lines[1]["event"], &lines[1]["signal"]), (&Value::from("ended"), &Value::from(11)));
            assert!(lines[1].get("exit_code").is_none());
        }
    }
}

#[test]
fn a_failure_is_the_only_line() {
    for entry in EVERY {
        let (lines, ended) = status(&Sandbox::new(entry).with(&["bind=/nowhere/at/all:/mnt"]), &["report"]);
        ended.refused(125);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["event"], "failed");
        assert_eq!((&lines[0]["step"], &lines[0]["error"]), (&Value::from("mounts"), &Value::from("ENOENT")));
        assert!(lines[0].to_string().contains("/nowhere/at/all"));
    }
}

#[test]
fn names_are_escaped() {
    let dir = TempDir::new();
    let odd = dir.dir("quote\"back\\slash\nline");
    let escaped = odd.to_str().unwrap().replace('\\', "\\\\");
    for entry in EVERY {
        let (lines, ended) = status(&Sandbox::new(entry).set("bind-ro", &escaped), &["exit", "0"]);
        ended.ok();
        assert!(
            lines[0]["mounts"]
                .as_array()
                .unwrap()
                .iter()
                .any(|mount| mount["target"].as_str().unwrap().contains("quote\"back"))
        );
    }
}

#[test]
fn the_descriptor_is_not_the_programs() {
    for entry in EVERY {
        let (_, ended) = status(&Sandbox::new(entry), &["report"]);
        assert_eq!(Report::parse(ended.ok()).all("fd"), ["0", "1", "2"]);
    }
}

#[test]
fn a_status_that_cannot_be_written_is_a_refusal() {
    for entry in EVERY {
        Sandbox::new(entry).set("status-fd", "77").probe(&["report"]).refused(125);
        let full = Sandbox::new(entry).set("status-fd", "9").after_shell("exec 9>/dev/full");
        full.probe(&["report"]).refused(125);
    }
}

#[test]
fn a_reader_that_went_away_harms_only_the_report() {
    need!("bash");
    for entry in EVERY {
        // The reader takes the first line and goes; SIGPIPE must not be the end of the sandbox.
        let sandbox = Sandbox::new(entry).set("status-fd", "9").wrapped(&[
            "bash",
            "-c",
            "exec 9> >(head -n 1 >/dev/null); exec \"$@\"",
            "bash",
        ]);
        let ended = sandbox.probe(&["sleep", "200", "7"]);
        assert_eq!(ended.code(), Some(7), "{ended:?}");
    }
}

#[test]
fn the_log_tells_each_step_only_when_asked() {
    for entry in EVERY {
        assert_eq!(Sandbox::new(entry).set("log-level", "error").probe(&["exit", "0"]).err, "");
        let info = Sandbox::new(entry).set("log-level", "info").probe(&["exit", "0"]);
        for step in ["namespaces", "mounts", "seccomp"] {
            assert!(info.err.contains(step), "{info:?}");
        }
        assert!(info.err.lines().all(|line| line.starts_with("sbx: ")), "{info:?}");
    }
}
