//! Nice value, processors, the OOM killer's favour, execution domain, time stamps, umask.

use nix::sys::signal::Signal;

use crate::need;
use crate::support::{Denial, ENTRIES, EVERY, EXECUTING, Entry, Report, Sandbox, bare, bins, denied, outside};

/// A field of the caller's report and the program's.
fn both(sandbox: &Sandbox, key: &str) -> (String, String) {
    (sandbox.report().one(key).to_owned(), Report::of_the_host().one(key).to_owned())
}

#[test]
fn without_a_setting_all_is_the_callers() {
    for entry in EVERY {
        for key in ["nice", "oom_score_adj", "status.Cpus_allowed_list", "personality", "tsc", "umask"] {
            let (inside, callers) = both(&Sandbox::new(entry), key);
            assert_eq!(inside, callers, "{key}, {entry:?}");
        }
    }
}

#[test]
fn a_higher_nice_value_is_the_programs_alone() {
    let own: i32 = Report::of_the_host().one("nice").parse().unwrap();
    let more = (own + 7).min(19).to_string();
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("nice", &more);
        assert_eq!(sandbox.report().one("nice"), more);
        let running = sandbox.spawn(bins::probe(), &["sleep", "5000"]);
        assert_eq!(running.line(), "ready");
        let nice = |pid: i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            stat.rsplit(')').next().unwrap().split_whitespace().nth(16).unwrap().to_owned()
        };
        assert_eq!(nice(running.pid()), own.to_string(), "the process outside has the caller's");
        assert_eq!(nice(outside::inner(running.pid())), more);
        let under = Sandbox::new(entry).set("nice", "19").wrapped(&["nice", "-n", "5"]);
        assert_eq!(under.report().one("nice"), "19");
    }
}

#[test]
fn a_lower_nice_value_takes_a_privilege_outside() {
    for entry in EVERY {
        let negative = Sandbox::new(entry).set("nice", "-5");
        // The caller's is 10: 5 is less.
        let less = Sandbox::new(entry).set("nice", "5").wrapped(&["nice", "-n", "10"]);
        if crate::support::need::is_root() {
            assert_eq!((negative.report().one("nice"), less.report().one("nice")), ("-5", "5"));
        } else {
            for sandbox in [negative, less] {
                let said = ["sbx: nice: setpriority ", "(EACCES)", "hint: ", "CAP_SYS_NICE"];
                sandbox.probe(&["report"]).refused_saying(&said);
            }
        }
    }
}

#[test]
fn a_higher_oom_score_is_the_programs_alone() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("oom-score-adj", "500");
        assert_eq!(sandbox.report().one("oom_score_adj"), "500");
        let running = sandbox.spawn(bins::probe(), &["sleep", "5000"]);
        assert_eq!(running.line(), "ready");
        let own = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap();
        assert_eq!(std::fs::read_to_string(format!("/proc/{}/oom_score_adj", running.pid())).unwrap(), own);
    }
}

#[test]
fn oom_score_is_set_without_a_proc_inside() {
    for entry in ENTRIES {
        let running = Sandbox::new(entry)
            .with(&["oom-score-adj=300", "root=empty", "proc=none", "dev=none"])
            .spawn(bins::probe(), &["sleep", "5000"]);
        assert_eq!(running.line(), "ready");
        let adj = std::fs::read_to_string(format!("/proc/{}/oom_score_adj", outside::inner(running.pid()))).unwrap();
        assert_eq!(adj, "300\n");
    }
}

#[test]
fn a_lower_oom_score_takes_a_privilege_outside() {
    for entry in EVERY {
        let sandbox = Sandbox::new(entry).set("oom-score-adj", "-500");
        if bare("sh", &["-c", "echo -500 > /proc/self/oom_score_adj"]).status.success() {
            assert_eq!(sandbox.report().one("oom_score_adj"), "-500");
        } else {
            let said = ["sbx: oom_score_adj: write /proc/self/oom_score_adj", "(EACCES)", "CAP_SYS_RESOURCE"];
            sandbox.probe(&["report"]).refused_saying(&said);
        }
    }
}

/// Two processors that this process may use, or none.
fn two() -> Option<[String; 2]> {
    let list = Report::of_the_host().one("status.Cpus_allowed_list").to_owned();
    let mut all = list.split(',').flat_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        first.parse::<u32>().unwrap()..=last.parse().unwrap()
    });
    Some([all.next()?.to_string(), all.next()?.to_string()])
}

#[test]
fn the_program_runs_on_the_processors_of_the_list() {
    need!("two-processors");
    let [first, second] = two().unwrap();
    for entry in EVERY {
        // With a network of its own the program is moved away from outer's processor, and back.
        for net in ["none", "host"] {
            for cpu in [&first, &second] {
                let inside = Sandbox::new(entry).set("cpus", cpu).set("net", net).report();
                assert_eq!(inside.one("status.Cpus_allowed_list"), cpu, "{entry:?}, {net}");
            }
        }
        let inside = Sandbox::new(entry).set("cpus", format!("{second},{first}")).report();
        assert_eq!(inside.one("status.Cpus_allowed_list"), format!("{first}-{second}"));
        let running = Sandbox::new(entry).set("cpus", &second).spawn(bins::probe(), &["sleep", "5000"]);
        assert_eq!(running.line(), "ready");
        let outer = outside::status(running.pid(), "Cpus_allowed_list").unwrap();
        assert_eq!(outer, Report::of_the_host().one("status.Cpus_allowed_list"));
    }
}

#[test]
fn max_cpus_are_the_first_of_the_callers() {
    need!("two-processors");
    let [first, second] = two().unwrap();
    for entry in EVERY {
        let of = |sandbox: Sandbox| sandbox.report().one("status.Cpus_allowed_list").to_owned();
        assert_eq!(of(Sandbox::new(entry).set("max-cpus", "1")), first);
        assert_eq!(of(Sandbox::new(entry).set("max-cpus", "1").wrapped(&["taskset", "-c", &second])), second);
        let all = Report::of_the_host().one("status.Cpus_allowed_list").to_owned();
        assert_eq!(of(Sandbox::new(entry).set("max-cpus", "1024")), all, "more than there are");
    }
}

#[test]
fn a_processor_that_is_not_there_is_refused() {
    for entry in EVERY {
        for cpus in ["0-1023", "1023"] {
            let refused = Sandbox::new(entry).set("cpus", cpus).probe(&["report"]);
            refused.refused_saying(&["sbx: affinity: sched_setaffinity", cpus, "(EINVAL)", "hint: ", "cpuset"]);
        }
        Sandbox::new(entry).with(&["cpus=0", "max-cpus=1"]).probe(&["report"]).refused_saying(&["max-cpus"]);
        Sandbox::new(entry).with(&["cpus="]).probe(&["report"]).refused_saying(&["cpus"]);
    }
}

#[test]
fn the_programs_own_addresses_are_not_random_with_the_launcher() {
    let vdso = |sandbox: &Sandbox| {
        let maps = sandbox.probe(&["file", "cat", "/proc/self/maps"]).ok().to_owned();
        maps.lines().find(|line| line.ends_with("[vdso]")).unwrap().to_owned()
    };
    let fixed = Sandbox::new(Entry::Launch).set("personality", "addr-no-randomize");
    assert_eq!(vdso(&fixed), vdso(&fixed));
    let random = Sandbox::new(Entry::Launch);
    assert_ne!(vdso(&random), vdso(&random), "the control");
}

#[test]
fn what_the_program_executes_has_no_random_addresses() {
    for entry in EXECUTING {
        let maps = ["-c", "cat /proc/self/maps | grep vdso"];
        let vdso = |sandbox: &Sandbox| sandbox.run("sh", &maps).ok().to_owned();
        let fixed = Sandbox::new(entry).set("personality", "addr-no-randomize");
        assert_eq!(vdso(&fixed), vdso(&fixed), "{entry:?}");
        let random = Sandbox::new(entry);
        assert_ne!(vdso(&random), vdso(&random), "the control");
    }
}

#[test]
fn personality_is_exactly_the_flags_named() {
    for entry in ENTRIES {
        let of = |list: &str| Sandbox::new(entry).set("personality", list).report().one("personality").to_owned();
        // include/uapi/linux/personality.h
        for (list, flags) in [
            ("addr-compat-layout", 0x020_0000),
            ("mmap-page-zero", 0x010_0000),
            ("read-implies-exec", 0x040_0000),
            ("addr-limit-3gb", 0x800_0000),
            ("addr-no-randomize", 0x004_0000),
            ("addr-no-randomize,addr-compat-layout", 0x024_0000),
        ] {
            assert_eq!(of(list), flags.to_string(), "{list}, {entry:?}");
        }
        let inherited = Sandbox::new(entry).set("personality", "").wrapped(&["setarch", "-R"]);
        assert_eq!(inherited.report().one("personality"), "0");
    }
}

#[test]
fn read_implies_exec_makes_new_mappings_executable_and_contradicts_no_new_code() {
    need!("python3");
    for entry in ENTRIES {
        let executable = |sandbox: &Sandbox| sandbox.run("python3", &["-c", PYTHON_MAPS]).ok().to_owned();
        assert_eq!(executable(&Sandbox::new(entry).set("personality", "read-implies-exec")), "r-xp");
        assert_eq!(executable(&Sandbox::new(entry)), "r--p");
        let both = Sandbox::new(entry).with(&["personality=read-implies-exec", "no-new-code"]);
        both.probe(&["report"]).refused_saying(&["personality", "no-new-code"]);
        Sandbox::new(entry)
            .with(&["profile=strict", "personality=read-implies-exec"])
            .probe(&["exit", "0"])
            .refused(125);
        let other = Sandbox::new(entry).with(&["personality=addr-no-randomize", "no-new-code"]);
        assert_eq!(other.report().one("personality"), "262144");
    }
}

/// Maps memory readable and says how they are mapped.
const PYTHON_MAPS: &str = "\
import ctypes
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
at = libc.mmap(None, ctypes.c_size_t(12345 * 4096), 1, 0x22, -1, ctypes.c_long(0))
print([line.split()[1] for line in open('/proc/self/maps') if int(line.split('-')[0], 16) <= at < int(line.split('-')[1].split()[0], 16)][0])";

#[test]
fn the_time_stamp_counter_faults_and_cannot_be_had_back() {
    for entry in ENTRIES {
        let read = ["limit", "rdtsc"];
        let with = Sandbox::new(entry).with(&["no-tsc"]).probe(&read);
        assert_eq!(with.signal(), Some(Signal::SIGSEGV as i32), "{with:?}");
        assert_eq!(Sandbox::new(entry).probe(&read).ok(), "true");
        // A program that does not ask for the time knows nothing of it, nor does set-up, a reaper included.
        for more in [&["no-tsc"][..], &["no-tsc", "init"], &["no-tsc", "log-level=error", "status-fd=2"]] {
            assert_eq!(Sandbox::new(entry).with(more).probe(&["exit", "7"]).code(), Some(7), "{more:?}");
        }
        Sandbox::new(entry).with(&["no-tsc", "log-level=debug"]).probe(&["report"]).refused_saying(&["no-tsc"]);
    }
    // prctl(PR_SET_TSC, PR_TSC_ENABLE), past what loosens the filter too.
    for loosened in [&["no-tsc"][..], &["no-tsc", "seccomp=none"], &["no-tsc", "seccomp-allow=prctl"]] {
        denied(&Denial { act: &["calls", "prctl:26:1"], with: loosened, without: &loosened[1..], errno: "EPERM" });
    }
}

#[test]
fn a_time_that_is_read_from_the_counter_faults_too() {
    need!("tsc-clock");
    for entry in ENTRIES {
        let with = Sandbox::new(entry).with(&["no-tsc"]).probe(&["limit", "time"]);
        assert_eq!(with.signal(), Some(Signal::SIGSEGV as i32), "{with:?}");
        // Asked of the kernel, it is told.
        assert_eq!(Sandbox::new(entry).with(&["no-tsc"]).probe(&["calls", "clock_gettime:1:buf"]).ok(), "ok");
        assert_eq!(Sandbox::new(entry).probe(&["limit", "time"]).ok(), "true");
    }
}

#[test]
fn core_scheduling_is_had_or_refused() {
    for entry in EVERY {
        let ended = Sandbox::new(entry).with(&["core-sched"]).probe(&["exit", "7"]);
        if ended.code() != Some(7) {
            ended.refused_saying(&["sbx: core scheduling: prctl(PR_SCHED_CORE)", "hint: "]);
        }
    }
}

#[test]
fn new_files_lack_the_umasks_permissions() {
    for entry in EXECUTING {
        for (mask, mode) in [("0077", "600"), ("0", "666"), ("0022", "644")] {
            let sandbox = Sandbox::new(entry).set("umask", mask);
            assert_eq!(sandbox.report().one("umask"), &format!("{mask:0>4}")[1..]);
            let made = sandbox.run("sh", &["-c", "> /tmp/new; stat -c %a /tmp/new"]);
            assert_eq!(made.ok(), mode, "{mask}, {entry:?}");
        }
        let callers = Sandbox::new(entry).set("umask", "0077").after_shell("umask 022");
        assert_eq!(callers.report().one("umask"), "077");
        // The tree is what it is under any umask.
        let dir =
            Sandbox::new(entry).with(&["umask=0777", "tmpfs=/tmp/a/b"]).run("stat", &["-c", "%a", "/tmp", "/tmp/a"]);
        let control = Sandbox::new(entry).with(&["tmpfs=/tmp/a/b"]).run("stat", &["-c", "%a", "/tmp", "/tmp/a"]);
        assert_eq!(dir.ok(), control.ok());
    }
}
