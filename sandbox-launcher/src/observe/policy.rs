//! What was learned, as a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use sandbox_core::policy::types::SeccompAction;
use sandbox_core::seccomp::{self, Denial};
use sandbox_core::setting::text;

use super::learn::{Learned, Values, pinned};

/// What a learned policy is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Toml,
    Kafel,
}

impl Form {
    /// By the name of the file.
    pub fn of(file: &Path) -> Form {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("kafel" | "policy") => Form::Kafel,
            _ => Form::Toml,
        }
    }

    fn comment(self) -> &'static str {
        match self {
            Form::Toml => "# ",
            Form::Kafel => "// ",
        }
    }
}

/// Calls that every program may come to make: at its end, after a signal or a stop, and, before its main, those by which
/// the sandbox is completed.
const ALWAYS: &[&str] = &["close", "exit", "exit_group", "read", "restart_syscall", "rt_sigreturn", "write"];

const HEAD: &str = "\
Written by sbx-launch --learn: what a program did, and nothing else, is allowed.
Not seen, and so not in it, is what other runs do; calls that the kernel does not see (of the vDSO, and of io_uring,
whose operations no filter sees); and arguments behind pointers. Calls before main are not refused by any filter of sbx.
The lines that begin with 'learned:' are read when another run is added to this file.
";

/// The whole file. `settings` are those of the run, as a policy file spells them.
pub fn text(learned: &Learned, form: Form, settings: &str, action: Option<SeccompAction>) -> String {
    let comment = form.comment();
    let mut out = String::new();
    for line in HEAD.lines() {
        let _ = writeln!(out, "{comment}{line}");
    }
    if learned.calls.contains_key(&seccomp::number("io_uring_enter").unwrap_or(u32::MAX)) {
        let _ = writeln!(out, "{comment}It uses io_uring: what it does there is not restricted by this policy.");
    }
    if learned.unresolved != 0 {
        let _ = writeln!(out, "{comment}{} paths could not be told.", learned.unresolved);
    }
    out.push_str(&learned.text(comment));
    match form {
        Form::Kafel => {
            out.push_str(&kafel(learned, action));
        }
        Form::Toml => {
            out.push('\n');
            out.push_str(settings);
            out.push_str(&binds(learned));
            let _ = write!(out, "seccomp-string = '''\n{}'''\n", kafel(learned, action));
        }
    }
    out
}

fn allowed(learned: &Learned) -> BTreeMap<u32, Values> {
    let mut calls = learned.calls.clone();
    calls.extend(ALWAYS.iter().filter_map(|name| Some((seccomp::number(name)?, Values::Any))));
    calls
}

fn kafel(learned: &Learned, action: Option<SeccompAction>) -> String {
    let mut out = String::new();
    let (mut names, mut rules): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    for (nr, values) in &allowed(learned) {
        let Some(name) = seccomp::name(*nr) else { continue };
        match (values, pinned(*nr)) {
            (Values::These(values), Some((arg, _))) => {
                let names: Vec<_> = (0..=arg).map(|at| format!("arg{at}")).collect();
                // The kernel looks at the low half of these registers.
                let any: Vec<_> = values.iter().map(|value| format!("(arg{arg} & 0xffffffff) == {value:#x}")).collect();
                rules.push(format!("{name}({}) {{ {} }}", names.join(", "), any.join(" || ")));
            }
            _ => names.push(name),
        }
    }
    names.sort_unstable();
    rules.sort_unstable();
    let lines: Vec<String> = names.into_iter().map(String::from).chain(rules).collect();
    let _ = write!(out, "POLICY learned {{\n  ALLOW {{\n    {}\n  }}", lines.join(",\n    "));
    // As they were refused: a program may have gone on by another call because of just this error.
    let mut refused: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for (nr, errno) in &learned.refused {
        if !learned.calls.contains_key(nr)
            && let Some(name) = seccomp::name(*nr)
        {
            refused.entry(*errno).or_default().push(name);
        }
    }
    for (errno, names) in refused {
        let _ = write!(out, ",\n  ERRNO({errno}) {{\n    {}\n  }}", names.join(",\n    "));
    }
    let _ = writeln!(out, "\n}}\nUSE learned DEFAULT {}", default(action));
    out
}

/// What meets the calls that were not made.
fn default(action: Option<SeccompAction>) -> String {
    match action.map(|action| action.0) {
        Some(Denial::Kill) => "KILL_PROCESS".into(),
        Some(Denial::KillThread) => "KILL".into(),
        Some(Denial::Trap) => "TRAP(0)".into(),
        Some(Denial::Always(errno)) => format!("ERRNO({errno})"),
        None | Some(Denial::Errno | Denial::Log) => format!("ERRNO({})", libc::EPERM),
    }
}

/// What an empty root would have to show: proposed, as it is for whoever reads it to say what may be read.
fn binds(learned: &Learned) -> String {
    let (mut reads, mut writes) = (BTreeSet::new(), BTreeSet::new());
    for (path, writing) in &learned.paths {
        if let Some(place) = place(path) {
            if *writing {
                writes.insert(parent(&place))
            } else {
                reads.insert(place)
            };
        }
    }
    let reads = collapsed(reads.into_iter().filter(|path| !writes.iter().any(|dir| within(path, dir))).collect());
    let writes = collapsed(writes);
    let list = |paths: &BTreeSet<Vec<u8>>| {
        paths.iter().map(|path| toml::Value::from(text::show(path)).to_string()).collect::<Vec<_>>().join(", ")
    };
    let mut out = String::from("# The files it opened: with these lines it would see no others.\n# root = \"empty\"\n");
    let _ = writeln!(out, "# bind-ro = [{}]", list(&reads));
    if !writes.is_empty() {
        let _ = writeln!(out, "# bind = [{}]", list(&writes));
    }
    out
}

/// What would be bound for a path; `None` for what the sandbox has of its own.
fn place(path: &[u8]) -> Option<Vec<u8>> {
    const OWN: [&[u8]; 6] = [b"/proc", b"/dev", b"/sys", b"/tmp", b"/var/tmp", b"/run"];
    // System trees, of which a part alone is of no use, and links into them.
    const WHOLE: [&[u8]; 5] = [b"/usr", b"/lib", b"/lib64", b"/bin", b"/sbin"];
    if path == b"/" || OWN.iter().any(|own| within(path, own)) {
        return None;
    }
    Some(WHOLE.iter().find(|whole| within(path, whole)).map_or_else(|| path.to_vec(), |whole| whole.to_vec()))
}

fn within(path: &[u8], dir: &[u8]) -> bool {
    path == dir || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with(b"/"))
}

fn parent(path: &[u8]) -> Vec<u8> {
    match path.iter().rposition(|&b| b == b'/') {
        Some(0) | None => path.to_vec(),
        Some(at) => path.get(..at).unwrap_or(path).to_vec(),
    }
}

/// Where more than a few lie in one directory, the directory; and nothing that lies in another of them.
fn collapsed(mut paths: BTreeSet<Vec<u8>>) -> BTreeSet<Vec<u8>> {
    const FEW: usize = 4;
    loop {
        let mut directories: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for path in &paths {
            // A directory of the root is not taken for a handful of files in it.
            let dir = parent(path);
            if dir.iter().filter(|&&b| b == b'/').count() > 1 {
                *directories.entry(dir).or_default() += 1;
            }
        }
        let many: Vec<_> = directories.into_iter().filter(|(_, count)| *count > FEW).map(|(dir, _)| dir).collect();
        if many.is_empty() {
            break;
        }
        paths.retain(|path| !many.iter().any(|dir| within(path, dir)));
        paths.extend(many);
    }
    let all = paths.clone();
    paths.retain(|path| !all.iter().any(|other| other != path && within(path, other)));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned() -> Learned {
        let mut text = String::from(
            "# learned: call ioctl 0x5401 0x5413\n# learned: call openat\n# learned: refused clone3 38\n\
             # learned: reads /usr/lib/x/y.so\n# learned: reads /etc/hosts\n# learned: writes /srv/d/out\n\
             # learned: reads /proc/self/maps\n",
        );
        for n in 0..9 {
            text.push_str(&format!("# learned: reads /opt/app/lib/{n}\n"));
        }
        Learned::read(&text).unwrap()
    }

    #[test]
    fn toml_reads_back_as_what_was_learned() {
        let written = text(&learned(), Form::Toml, "profile = \"default\"\n", None);
        assert_eq!(Learned::read(&written), Ok(learned()));
        let file = std::env::temp_dir().join(format!("sbx-learn-{}.toml", std::process::id()));
        std::fs::write(&file, &written).unwrap();
        let read = crate::policy_file::read(&file);
        std::fs::remove_file(&file).unwrap();
        assert!(!read.unwrap().is_empty());
        assert!(
            written.contains("# bind-ro = [\"/etc/hosts\", \"/opt/app/lib\", \"/usr\"]\n# bind = [\"/srv/d\"]\n"),
            "{written}"
        );
    }

    #[test]
    fn kafel_pins_arguments_and_refuses_what_was_refused_in_the_same_way() {
        let written = text(&learned(), Form::Kafel, "", None);
        assert_eq!(Learned::read(&written), Ok(learned()));
        assert!(
            written.contains(
                "    ioctl(arg0, arg1) { (arg1 & 0xffffffff) == 0x5401 || (arg1 & 0xffffffff) == 0x5413 }\n  },\n"
            ),
            "{written}"
        );
        assert!(written.contains("  ERRNO(38) {\n    clone3\n  }\n}\nUSE learned DEFAULT ERRNO(1)\n"), "{written}");
    }

    #[test]
    fn what_meets_other_calls_is_what_the_run_asked_for() {
        for (action, default) in [
            (None, "ERRNO(1)"),
            (Some(Denial::Errno), "ERRNO(1)"),
            (Some(Denial::Log), "ERRNO(1)"),
            (Some(Denial::Always(38)), "ERRNO(38)"),
            (Some(Denial::Trap), "TRAP(0)"),
            (Some(Denial::KillThread), "KILL"),
            (Some(Denial::Kill), "KILL_PROCESS"),
        ] {
            let written = text(&learned(), Form::Kafel, "", action.map(SeccompAction));
            assert!(written.ends_with(&format!("\nUSE learned DEFAULT {default}\n")), "{written}");
        }
    }

    #[test]
    fn a_call_that_was_let_through_once_is_not_refused_and_every_program_can_end() {
        let both = Learned::read("# learned: call socket 0x1\n# learned: refused socket 1\n").unwrap();
        let written = text(&both, Form::Kafel, "", None);
        assert!(
            written.contains("socket(arg0) { (arg0 & 0xffffffff) == 0x1 }") && !written.contains("  ERRNO("),
            "{written}"
        );
        for name in ALWAYS {
            assert!(written.contains(&format!("    {name},\n")), "{name}: {written}");
        }
    }
}
