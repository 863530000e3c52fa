//! The table's rows: which facts, in which order, and in which words.

use sandbox_core::policy::types::{Limit, Namespace};
use serde_json::Value;

use super::words;

/// A line of the table, before it has a width.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// The heading of what follows.
    Group(&'static str),
    Row(Row),
    /// Across both columns.
    Wide(String),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    pub label: String,
    pub outside: String,
    pub inside: String,
    pub differs: bool,
}

/// A fact, where it is, and how it is said; `side` is everything known of its side.
struct Kind {
    label: &'static str,
    at: &'static str,
    say: fn(fact: &Value, side: &Value) -> String,
    /// Its value is another one in each process, and only another namespace is a difference.
    only_by: Option<Namespace>,
    /// Left out where there is no difference.
    always: bool,
}

const fn row(label: &'static str, at: &'static str, say: fn(&Value, &Value) -> String) -> Kind {
    Kind { label, at, say, only_by: None, always: true }
}

impl Kind {
    const fn by(self, kind: Namespace) -> Self {
        Self { only_by: Some(kind), ..self }
    }

    const fn if_changed(self) -> Self {
        Self { always: false, ..self }
    }
}

const IDENTITY: &[Kind] = &[
    row("user", "/ids", |fact, side| id(fact, side, "uid", "euid")),
    row("group", "/ids", |fact, side| id(fact, side, "gid", "egid")),
    row("other groups", "/host_ids/groups", |fact, _| list(fact)),
    row("user ids", "/uid_map", |fact, _| map(fact)),
    row("group ids", "/gid_map", |fact, _| map(fact)),
    row("setgroups", "/setgroups", |fact, _| text(fact)),
];

const PRIVILEGES: &[Kind] = &[
    row("no_new_privs", "/no_new_privs", |fact, _| if *fact == true { "on".into() } else { "off".into() }),
    row("securebits", "/securebits", |fact, _| list(fact)),
    row("inheritable", "/capabilities/inheritable", |fact, _| capabilities(fact)),
    row("permitted", "/capabilities/permitted", |fact, _| capabilities(fact)),
    row("effective", "/capabilities/effective", |fact, _| capabilities(fact)),
    row("bounding", "/capabilities/bounding", |fact, _| capabilities(fact)),
    row("ambient", "/capabilities/ambient", |fact, _| capabilities(fact)),
];

const PROCESSES: &[Kind] = &[
    row("pid", "/process/pid", |fact, _| text(fact)).by(Namespace::Pid),
    row("parent", "/process/ppid", |fact, _| if *fact == 0 { "0: not visible".into() } else { text(fact) })
        .by(Namespace::Pid),
    row("visible processes", "/processes", |fact, _| text(&fact["count"])).by(Namespace::Pid),
    row("session", "/session", |fact, _| if *fact == 0 { "0: not visible".into() } else { text(fact) }).if_changed(),
];

const FILES: &[Kind] = &[
    row("root directory", "/root", |fact, _| root(fact)),
    row("in it", "/root/entries", |fact, _| entries(fact)),
    row("current directory", "/cwd", |fact, _| text(fact)),
    row("umask", "/umask", |fact, _| text(fact)).if_changed(),
    row("open descriptors", "/fds", |fact, _| list(&items(fact).iter().map(|fd| fd["fd"].clone()).collect())),
    row("mounts", "/mounts", |fact, _| {
        let seen = visible(fact);
        let covered = items(fact).len() - seen.len();
        let writable = seen.iter().filter(|mount| is_writable(mount)).count();
        format!(
            "{}, {writable} writable{}",
            seen.len(),
            if covered > 0 { format!("; {covered} covered") } else { String::new() }
        )
    }),
];

const NETWORK: &[Kind] = &[
    row("host name", "/names/hostname", |fact, _| text(fact)),
    row("domain name", "/names/domainname", |fact, _| text(fact)).if_changed(),
    row("interfaces", "/interfaces", |fact, _| interfaces(fact)),
    row("sockets", "/sockets", |fact, _| sockets(fact)),
];

const LIMITS: &[Kind] = &[
    row("memory to be had", "/memory", |fact, _| memory(fact)),
    row("time limit", "/time_limit", |fact, _| fact.as_f64().map_or("none".into(), |limit| format!("{limit} s"))),
    row("cgroup", "/cgroups/groups", |fact, _| groups(fact)),
    row("cgroup memory", "/cgroups/memory", |fact, _| fact.as_u64().map_or("no limit".into(), words::size)),
    row("cgroup swap", "/cgroups/swap", |fact, _| fact.as_u64().map_or("no limit".into(), words::size)).if_changed(),
    row("cgroup pids", "/cgroups/pids", |fact, _| fact.as_u64().map_or("no limit".into(), |pids| pids.to_string())),
    row("cgroup cpu", "/cgroups/cpu", |fact, _| fact.as_u64().map_or("no limit".into(), |share| format!("{share}%"))),
    row("processors", "/cpus", |fact, _| text(fact)).if_changed(),
    row("nice", "/nice", |fact, _| text(fact)).if_changed(),
    row("oom_score_adj", "/oom_score_adj", |fact, _| text(fact)).if_changed(),
    row("clocks ahead", "/clocks", |fact, _| clocks(fact)).if_changed(),
];

const FILTERS: &[Kind] = &[
    row("seccomp", "/seccomp", |fact, _| match fact["filters"].as_u64() {
        Some(1) => format!("{}, 1 program", text(&fact["mode"])),
        Some(count) if count > 0 => format!("{}, {count} programs", text(&fact["mode"])),
        _ => text(&fact["mode"]),
    }),
    row("landlock", "/landlock", |fact, _| match fact["domains"].as_u64() {
        Some(0) => format!("ABI {}, no domain", fact["abi"]),
        Some(1) => format!("ABI {}, 1 domain", fact["abi"]),
        _ => format!("ABI {}, domains: {}", fact["abi"], text(&fact["domains"])),
    }),
];

/// The whole table.
pub fn lines(outside: &Value, inside: &Value) -> Vec<Line> {
    let sides = Sides { outside, inside };
    let mut lines = Vec::new();
    sides.group(&mut lines, "identity", IDENTITY);
    sides.group(&mut lines, "privileges", PRIVILEGES);
    sides.lost(&mut lines);
    sides.group(&mut lines, "processes", PROCESSES);
    sides.group(&mut lines, "files", FILES);
    sides.mounts(&mut lines);
    sides.group(&mut lines, "network", NETWORK);
    sides.group(&mut lines, "namespaces", &[]);
    sides.namespaces(&mut lines);
    sides.group(&mut lines, "limits", LIMITS);
    sides.rlimits(&mut lines);
    sides.group(&mut lines, "filters", FILTERS);
    lines
}

struct Sides<'a> {
    outside: &'a Value,
    inside: &'a Value,
}

impl Sides<'_> {
    fn group(&self, lines: &mut Vec<Line>, heading: &'static str, kinds: &[Kind]) {
        lines.push(Line::Group(heading));
        for kind in kinds {
            let [outside, inside] = [self.outside, self.inside].map(|side| {
                let fact = fact(side, kind.at);
                (fact, said(fact, |fact| (kind.say)(fact, side)))
            });
            let differs = match kind.only_by {
                // What is seen of what is shared changes by itself.
                Some(namespace) => {
                    self.is_new(namespace) || outside.0.get("unseen").is_some() != inside.0.get("unseen").is_some()
                }
                None => outside.1 != inside.1,
            };
            if kind.always || differs {
                lines.push(Line::Row(Row { label: kind.label.into(), outside: outside.1, inside: inside.1, differs }));
            }
        }
    }

    fn is_new(&self, kind: Namespace) -> bool {
        let number = |side| fact(side, &format!("/namespaces/{}", kind.name()));
        number(self.outside) != number(self.inside)
    }

    /// Sets that have lost the same are named together.
    fn lost(&self, lines: &mut Vec<Line>) {
        let mut groups: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
        for set in words::CAPABILITY_SETS {
            let lost = words::lost(self.outside, self.inside, set);
            match groups.iter_mut().find(|(_, known)| *known == lost) {
                _ if lost.is_empty() => {}
                Some((sets, _)) => sets.push(set),
                None => groups.push((vec![set], lost)),
            }
        }
        for (sets, lost) in groups {
            lines.push(Line::Wide(format!("lost from {}: {}", sets.join(", "), lost.join(" "))));
        }
    }

    /// Those inside, together where they are of one kind and mounted alike; what can be written to comes first.
    fn mounts(&self, lines: &mut Vec<Line>) {
        let mut groups: Vec<(bool, String, Vec<String>)> = Vec::new();
        for mount in visible(fact(self.inside, "/mounts")) {
            let [kind, options] = ["type", "options"].map(|key| text(&mount[key]));
            // A space would look like the next one.
            let target = text(&mount["target"]).replace(' ', "\\040");
            let how = format!("{kind} {options}");
            match groups.iter_mut().find(|(_, known, _)| *known == how) {
                Some((.., targets)) => targets.push(target),
                None => groups.push((!is_writable(mount), how, vec![target])),
            }
        }
        groups.iter_mut().for_each(|(.., targets)| targets.sort());
        groups.sort_by(|a, b| (a.0, &a.2).cmp(&(b.0, &b.2)));
        lines.extend(groups.iter().map(|(_, how, targets)| Line::Wide(format!("{how}: {}", targets.join(" ")))));
    }

    fn namespaces(&self, lines: &mut Vec<Line>) {
        for kind in Namespace::ALL {
            let number = |side| said(fact(side, &format!("/namespaces/{}", kind.name())), text);
            let (outside, inside, differs) = (number(self.outside), number(self.inside), self.is_new(*kind));
            let inside = if differs { format!("{inside}, new") } else { "shared".into() };
            lines.push(Line::Row(Row { label: kind.name().into(), outside, inside, differs }));
        }
    }

    fn rlimits(&self, lines: &mut Vec<Line>) {
        for limit in Limit::ALL {
            let say = |side| said(fact(side, &format!("/rlimits/{}", limit.name())), |fact| rlimit(*limit, fact));
            let (outside, inside) = (say(self.outside), say(self.inside));
            if outside != inside {
                lines.push(Line::Row(Row {
                    label: format!("rlimit {}", limit.name()),
                    outside,
                    inside,
                    differs: true,
                }));
            }
        }
    }
}

/// What is at a place, or why nothing below its parent is known.
fn fact<'a>(side: &'a Value, at: &str) -> &'a Value {
    side.pointer(at)
        .or_else(|| side.pointer(at.rsplit_once('/')?.0).filter(|parent| parent.get("unseen").is_some()))
        .unwrap_or(&Value::Null)
}

fn said(fact: &Value, say: impl Fn(&Value) -> String) -> String {
    match fact.get("unseen") {
        Some(_) => text(fact),
        None => say(fact),
    }
}

fn text(fact: &Value) -> String {
    match (fact, fact.get("unseen").and_then(Value::as_str)) {
        (_, Some(why @ ("EPERM" | "EACCES" | "EAFNOSUPPORT"))) => format!("refused ({why})"),
        (_, Some(why @ ("ENOENT" | "ENOSYS" | "EOPNOTSUPP"))) => format!("not there ({why})"),
        (_, Some(why)) if why.starts_with("SIG") => format!("killed ({why})"),
        (_, Some(why)) => format!("not visible ({why})"),
        (Value::String(text), _) => text.clone(),
        (Value::Null, _) => "none".into(),
        (other, _) => other.to_string(),
    }
}

fn items(fact: &Value) -> &[Value] {
    fact.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The mounts of which something can be seen.
fn visible(fact: &Value) -> Vec<&Value> {
    items(fact).iter().filter(|mount| mount["covered"] != true).collect()
}

fn is_writable(mount: &Value) -> bool {
    mount["options"].as_str().is_some_and(|options| options.split(',').any(|option| option == "rw"))
}

fn list(fact: &Value) -> String {
    match items(fact) {
        [] => "none".into(),
        items => items.iter().map(text).collect::<Vec<_>>().join(" "),
    }
}

fn id(fact: &Value, side: &Value, real: &str, effective: &str) -> String {
    let mut said = text(&fact[real]);
    if fact[effective] != fact[real] {
        said.push_str(&format!(", effective {}", fact[effective]));
    }
    match side.pointer(&format!("/host_ids/{real}")) {
        Some(host) if host.is_u64() && *host != fact[effective] => format!("{said}, which is {host} outside"),
        _ => said,
    }
}

fn map(fact: &Value) -> String {
    match items(fact) {
        [only] if *only == "0:0:4294967295" => "all".into(),
        _ => list(fact),
    }
}

fn capabilities(fact: &Value) -> String {
    use sandbox_core::policy::types::Capability;
    let names = items(fact);
    let missing: Vec<_> = Capability::NAMES.iter().filter(|name| !names.iter().any(|own| own == *name)).collect();
    match (names.len(), missing.len()) {
        (count, 0) => format!("all {count}"),
        (count, missing_count) if count > missing_count => {
            format!("{count}: all but {}", missing.iter().map(|name| **name).collect::<Vec<_>>().join(" "))
        }
        _ => list(fact),
    }
}

fn root(fact: &Value) -> String {
    let options = text(&fact["options"]);
    let frozen = fact["read_only"] == true && !options.split(',').any(|option| option == "ro");
    format!("{}, inode {}, {}{options}", text(&fact["type"]), fact["inode"], if frozen { "ro " } else { "" })
}

fn entries(fact: &Value) -> String {
    match items(fact) {
        [] => "nothing".into(),
        few @ [_, ..] if few.len() <= 8 => list(fact),
        many => format!("{} entries", many.len()),
    }
}

fn interfaces(fact: &Value) -> String {
    let one = |interface: &Value| {
        let (name, addresses) = (text(&interface["name"]), list(&interface["addresses"]));
        match (interface["up"] == true, items(&interface["addresses"])) {
            (false, _) => format!("{name} (down)"),
            (true, []) => name,
            (true, _) => format!("{name} {addresses}"),
        }
    };
    match items(fact) {
        [] => "none".into(),
        all => all.iter().map(one).collect::<Vec<_>>().join("; "),
    }
}

/// The families of which a socket can be had, and what the others are answered with.
fn sockets(fact: &Value) -> String {
    let all = fact.as_object().into_iter().flatten();
    let (made, refused): (Vec<_>, Vec<_>) = all.partition(|(_, answer)| **answer == "made");
    let names = |of: &[(&String, &Value)]| of.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ");
    let mut said = if made.is_empty() { "none".into() } else { names(&made) };
    let mut answers: Vec<_> = refused.iter().map(|(_, answer)| text(answer)).collect();
    answers.sort();
    answers.dedup();
    for answer in answers {
        let alike: Vec<_> = refused.iter().filter(|(_, own)| text(own) == answer).copied().collect();
        said.push_str(&format!("; {answer}: {}", names(&alike)));
    }
    said
}

fn memory(fact: &Value) -> String {
    let taken = words::size(fact["taken"].as_u64().unwrap_or_default());
    match fact["stopped_by"].as_str() {
        Some("enough") => format!("{taken}, no more was tried"),
        _ => format!("{taken}, then {}", text(&fact["stopped_by"])),
    }
}

fn groups(fact: &Value) -> String {
    let all = fact.as_object().into_iter().flatten().filter(|(_, path)| *path != "/");
    let said: Vec<_> = all.map(|(controllers, path)| format!("{controllers} {}", text(path))).collect();
    if said.is_empty() { "/".into() } else { said.join("; ") }
}

fn clocks(fact: &Value) -> String {
    let ahead = |value: &Value| value[0] != 0 || value[1] != 0;
    let all = fact.as_object().into_iter().flatten().filter(|(_, value)| ahead(value));
    let said: Vec<_> = all.map(|(clock, value)| format!("{clock} {} s {} ns", value[0], value[1])).collect();
    if said.is_empty() { "none".into() } else { said.join(", ") }
}

fn rlimit(limit: Limit, fact: &Value) -> String {
    let say = |amount: &Value| {
        let amount = amount.as_u64().unwrap_or(libc::RLIM_INFINITY);
        if amount != libc::RLIM_INFINITY && limit.counts_bytes() { words::size(amount) } else { limit.show(amount) }
    };
    let (soft, hard) = (say(&fact["soft"]), say(&fact["hard"]));
    if soft == hard { soft } else { format!("{soft}, hard {hard}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rows(outside: Value, inside: Value) -> Vec<Row> {
        let only_rows = |line| if let Line::Row(row) = line { Some(row) } else { None };
        lines(&outside, &inside).into_iter().filter_map(only_rows).collect()
    }

    fn row_of(label: &str, outside: Value, inside: Value) -> Option<(String, String, bool)> {
        let row = rows(outside, inside).into_iter().find(|row| row.label == label)?;
        Some((row.outside, row.inside, row.differs))
    }

    #[test]
    fn what_differs_is_marked_and_nothing_else() {
        let side = |uid: u32| json!({ "ids": { "uid": uid, "euid": uid }, "host_ids": { "uid": 7 } });
        assert_eq!(row_of("user", side(7), side(7)), Some(("7".into(), "7".into(), false)));
        assert_eq!(row_of("user", side(7), side(0)), Some(("7".into(), "0, which is 7 outside".into(), true)));
        let limit = |soft: Value| json!({ "rlimits": { "as": { "soft": soft, "hard": null } } });
        assert_eq!(row_of("rlimit as", limit(json!(4096)), limit(json!(4096))), None);
        let differs = row_of("rlimit as", limit(Value::Null), limit(json!(1 << 30)));
        assert_eq!(differs, Some(("inf".into(), "1 GiB, hard inf".into(), true)));
    }

    #[test]
    fn pids_differ_only_by_their_namespace() {
        let side = |pid: u32, number: u32| json!({ "process": { "pid": pid }, "namespaces": { "pid": number } });
        assert!(!row_of("pid", side(5, 1), side(6, 1)).unwrap().2);
        assert!(row_of("pid", side(5, 1), side(5, 2)).unwrap().2);
    }

    #[test]
    fn what_is_not_known_says_why() {
        let side = |why: &str| json!({ "processes": { "unseen": why }, "capabilities": { "unseen": why } });
        for (why, said) in
            [("EPERM", "refused (EPERM)"), ("ENOENT", "not there (ENOENT)"), ("SIGSYS", "killed (SIGSYS)")]
        {
            assert_eq!(row_of("visible processes", json!({}), side(why)).unwrap().1, said);
            assert_eq!(row_of("bounding", json!({}), side(why)).unwrap().1, said);
        }
    }

    #[test]
    fn mounts_alike_are_named_together_and_covered_ones_not_at_all() {
        let mount = |target: &str, options: &str, covered: bool| json!({ "target": target, "type": "tmpfs", "options": options, "covered": covered });
        let mounts = [mount("/z", "ro", false), mount("/b c", "rw,nodev", false), mount("/a", "ro", false)];
        let all = [&mounts[..], &[mount("/d", "ro", true)]].concat();
        let inside = json!({ "mounts": all });
        let wide = |line| if let Line::Wide(text) = line { Some(text) } else { None };
        let said: Vec<_> = lines(&json!({}), &inside).into_iter().filter_map(wide).collect();
        assert_eq!(said, ["tmpfs rw,nodev: /b\\040c", "tmpfs ro: /a /z"]);
        assert_eq!(row_of("mounts", json!({}), inside).unwrap().1, "3, 1 writable; 1 covered");
    }

    #[test]
    fn long_sets_are_said_by_what_is_missing() {
        use sandbox_core::policy::types::Capability;
        let all = &Capability::NAMES[..];
        assert_eq!(capabilities(&json!(all)), "all 41");
        assert_eq!(capabilities(&json!(all[1..])), "40: all but chown");
        assert_eq!(capabilities(&json!(["chown", "kill"])), "chown kill");
        assert_eq!(capabilities(&json!([])), "none");
    }

    #[test]
    fn sets_that_lost_the_same_are_named_together() {
        let side = |set: &[&str]| json!({ "capabilities": { "permitted": set, "effective": set, "bounding": set } });
        let (outside, inside) = (side(&["chown", "kill"]), side(&["kill"]));
        assert!(
            lines(&outside, &inside).contains(&Line::Wide("lost from permitted, effective, bounding: chown".into()))
        );
    }
}
