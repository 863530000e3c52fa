//! What `probe report` said.

use std::collections::HashMap;

use super::bins;
use super::ended::bare;

/// Values by key, in the order they were said.
#[derive(Debug, Clone, PartialEq)]
pub struct Report(pub HashMap<String, Vec<String>>);

/// The eight namespaces, by their file in /proc/self/ns.
pub const NAMESPACES: [&str; 8] = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"];

impl Report {
    pub fn parse(text: &str) -> Self {
        let mut values: HashMap<String, Vec<String>> = HashMap::new();
        for line in text.lines() {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("not of a report: {line}"));
            values.entry(key.into()).or_default().push(value.into());
        }
        Self(values)
    }

    /// What the probe finds out without a sandbox.
    pub fn of_the_host() -> Self {
        Self::parse(bare(bins::probe(), &["report"]).ok())
    }

    pub fn all(&self, key: &str) -> &[String] {
        self.0.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    #[track_caller]
    pub fn one(&self, key: &str) -> &str {
        match self.all(key) {
            [value] => value,
            values => panic!("{key} is {values:?}"),
        }
    }

    /// The mount at a path that is on top there: its fields as in proc_pid_mountinfo(5).
    pub fn mount(&self, at: &str) -> Option<Mount<'_>> {
        self.mounts().into_iter().rfind(|mount| mount.at == at)
    }

    pub fn mounts(&self) -> Vec<Mount<'_>> {
        self.all("mount").iter().map(|line| Mount::parse(line)).collect()
    }

    /// Whether nothing is in it that is not in the other; its last line may be cut.
    pub fn is_part_of(&self, other: &Report) -> bool {
        let has = |key: &str, value: &str| other.all(key).iter().any(|entry| entry.starts_with(value));
        self.0.iter().all(|(key, values)| values.iter().all(|value| has(key, value)))
    }

    pub fn without(mut self, key: &str) -> Self {
        self.0.remove(key);
        self
    }

    /// What must be the same in two runs of one policy: all but what is counted up, or named after the run.
    pub fn without_what_varies(mut self) -> Self {
        // In the host's pid namespace every run has its own numbers.
        let outside = self.all("ppid").iter().any(|pid| pid != "0" && pid != "1");
        let numbers: &[&str] = if outside { &["ppid", "pgid", "sid"] } else { &[] };
        self.0.retain(|key, _| {
            !key.starts_with("ns.") && key != "pid" && key != "cgroup" && !numbers.contains(&key.as_str())
        });
        // Each mount has new numbers: its own, its parent's, its device's.
        for line in self.0.get_mut("mount").into_iter().flatten() {
            *line = line.split(' ').skip(3).filter(|word| !word.starts_with("master:")).collect::<Vec<_>>().join(" ");
            // An overlay shows its layers as they were named, by descriptors that are closed.
            let pieces =
                line.split("/proc/self/fd/").map(|piece| piece.trim_start_matches(|c: char| c.is_ascii_digit()));
            *line = pieces.collect();
        }
        // Behind the names is what was sent and received.
        for line in self.0.get_mut("net").into_iter().flatten() {
            line.truncate(line.find(':').unwrap_or(line.len()));
        }
        for entries in self.0.values_mut() {
            entries.sort();
        }
        self
    }
}

#[derive(Debug)]
pub struct Mount<'a> {
    /// What of its file system is mounted: of a bound file, its name there.
    pub root: &'a str,
    pub at: &'a str,
    pub options: Vec<&'a str>,
    pub kind: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Self {
        let (own, rest) = line.split_once(" - ").unwrap();
        let own: Vec<_> = own.split(' ').collect();
        Self { root: own[3], at: own[4], options: own[5].split(',').collect(), kind: rest.split(' ').next().unwrap() }
    }

    pub fn has(&self, option: &str) -> bool {
        self.options.contains(&option)
    }
}
