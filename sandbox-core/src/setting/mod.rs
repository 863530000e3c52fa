//! The settings table: flag, policy key, variable, help and documents are derived from these rows.

#[cfg(test)]
mod properties;
pub mod table;
pub mod text;
pub mod value;

use crate::error::PolicyError;
use crate::policy::Policy;
use value::{Given, Spelling, Value};

pub use table::SETTINGS;

/// Where a setting belongs in help and documents, in the order they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Policy,
    Namespaces,
    Identity,
    Files,
    Network,
    Limits,
    Privileges,
    Process,
    Reports,
}

impl Group {
    /// Every group, in the order of the documents.
    pub const ALL: &'static [Group] = &[
        Group::Policy,
        Group::Namespaces,
        Group::Identity,
        Group::Files,
        Group::Network,
        Group::Limits,
        Group::Privileges,
        Group::Process,
        Group::Reports,
    ];

    /// Its heading.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Policy => "Policy",
            Group::Namespaces => "Namespaces",
            Group::Identity => "Identity",
            Group::Files => "Files",
            Group::Network => "Network",
            Group::Limits => "Limits",
            Group::Privileges => "Privileges",
            Group::Process => "Process",
            Group::Reports => "Reports",
        }
    }
}

/// How often a setting can be given, and what giving it again does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false; the last one holds.
    Switch,
    /// One value; the last one holds.
    One,
    /// A list that is one value: the strongest origin that names it holds, whole.
    List,
    /// Each adds to what weaker origins gave; an empty one takes all of that back.
    Repeat,
}

/// One row of the table.
pub struct Setting {
    /// Its name: `--name`, `name =`, `SBX_NAME`.
    pub name: &'static str,
    pub group: Group,
    pub kind: Kind,
    /// The metavariable; empty for a switch.
    pub metavar: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// What absence means, and what the line leaves out.
    pub more: &'static str,
    /// Texts it takes, each equal to what it shows again.
    pub samples: &'static [&'static str],
    /// Its place in the policy: the one accessor, to write and to read.
    pub value: fn(&mut Policy) -> &mut dyn Value,
}

impl Setting {
    /// The name of its variable.
    pub fn variable(&self) -> String {
        let upper = self.name.bytes().map(|b| if b == b'-' { '_' } else { char::from(b.to_ascii_uppercase()) });
        "SBX_".chars().chain(upper).collect()
    }
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Which spelling said it. The order is that of precedence, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    Profile,
    File,
    Variable,
    Flag,
}

impl Origin {
    pub(crate) fn spelling(self) -> Spelling {
        match self {
            Origin::Variable => Spelling::Variable,
            Origin::Profile | Origin::File | Origin::Flag => Spelling::Element,
        }
    }

    /// The setting of this name as this origin spells it.
    pub fn spell(self, name: &str) -> String {
        match self {
            Origin::Profile => format!("profile's {name}"),
            Origin::File => name.into(),
            Origin::Variable => variable_of(name),
            Origin::Flag => format!("--{name}"),
        }
    }
}

fn variable_of(name: &str) -> String {
    match named(name) {
        Some(setting) => setting.variable(),
        None => name.into(),
    }
}

/// One setting said once.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub setting: &'static Setting,
    pub text: Vec<u8>,
    pub origin: Origin,
}

/// The setting of that name.
pub fn named(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|s| s.name == name)
}

/// Whether an environment entry is one of ours: what never reaches the target.
pub fn is_ours(entry: &[u8]) -> bool {
    entry.starts_with(b"SBX_")
}

/// The assignments among environment entries (`NAME=VALUE`).
///
/// # Errors
/// An `SBX_` variable that no setting has: a misspelt one would weaken the sandbox in silence.
pub fn from_environment<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Assignment>, PolicyError> {
    let mut assignments: Vec<Assignment> = Vec::new();
    for entry in entries.filter(|e| is_ours(e)) {
        let at = entry.iter().position(|&b| b == b'=').unwrap_or(entry.len());
        let (name, value) = entry.split_at(at);
        let setting = SETTINGS.iter().find(|s| s.variable().as_bytes() == name);
        let setting = setting.ok_or_else(|| PolicyError::unknown(&text::show(name), Origin::Variable))?;
        // execve(2) allows a name twice, and programs differ in which one they read.
        if assignments.iter().any(|a| a.setting.name == setting.name) {
            return Err(PolicyError::twice(setting, Origin::Variable));
        }
        let text = value.get(1..).unwrap_or_default().to_vec();
        assignments.push(Assignment { setting, text, origin: Origin::Variable });
    }
    Ok(assignments)
}

/// What assignments of any origin come to, before the profile is mixed in: the merged settings, with their texts.
///
/// # Errors
/// As `Policy::new`.
pub fn merged(assignments: &[Assignment]) -> Result<Vec<(&'static Setting, Given)>, PolicyError> {
    let mut policy = Policy::merge(assignments)?;
    Ok(SETTINGS.iter().filter_map(|s| Some((s, (s.value)(&mut policy).given()?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(setting: &'static Setting, text: &[u8], origin: Origin) -> Result<Policy, PolicyError> {
        Policy::merge(&[Assignment { setting, text: text.into(), origin }])
    }

    #[test]
    fn names_are_unique_kebab_case_and_metavariables_fit_kinds() {
        for (at, setting) in SETTINGS.iter().enumerate() {
            assert!(SETTINGS.iter().skip(at + 1).all(|s| s.name != setting.name), "{} twice", setting.name);
            assert!(setting.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", setting.name);
            assert_eq!(setting.kind == Kind::Switch, setting.metavar.is_empty(), "{}", setting.name);
            assert!(!setting.samples.is_empty() && !setting.help.is_empty() && !setting.more.is_empty());
            assert!(setting.help.len() < 76 && !setting.help.ends_with('.'), "{}", setting.name);
        }
    }

    #[test]
    fn rows_reach_fields_of_their_own() {
        for setting in SETTINGS {
            let mut policy = one(setting, setting.samples[0].as_bytes(), Origin::Flag).unwrap();
            let given: Vec<_> = SETTINGS.iter().filter(|s| (s.value)(&mut policy).given().is_some()).collect();
            assert_eq!(given.len(), 1, "{} reaches {given:?}", setting.name);
            assert_eq!(given[0].name, setting.name);
        }
    }

    #[test]
    fn every_sample_reads_back_equal_from_every_spelling() {
        for setting in SETTINGS {
            for sample in setting.samples {
                let policy = one(setting, sample.as_bytes(), Origin::Flag).unwrap();
                assert_eq!(policy, one(setting, sample.as_bytes(), Origin::File).unwrap());
                let given = (setting.value)(&mut policy.clone()).given().unwrap();
                let entry = [setting.variable().as_bytes(), b"=", &given.variable()].concat();
                let read = from_environment([&entry[..]].into_iter()).unwrap();
                assert_eq!(policy, Policy::merge(&read).unwrap(), "{} {sample}", setting.name);
                let shown = match given {
                    Given::Switch(on) => on.to_string().into_bytes(),
                    Given::One(text) => text,
                    Given::Many { elements, .. } => elements[0].clone(),
                };
                assert_eq!(shown, sample.as_bytes(), "{}", setting.name);
            }
        }
    }

    #[test]
    fn unknown_variables_and_doubled_ones_are_errors() {
        let read = |entries: &[&'static str]| from_environment(entries.iter().map(|e| e.as_bytes()));
        assert!(read(&["SBX_BIND_OR=/usr"]).unwrap_err().to_string().contains("SBX_BIND_OR"));
        assert!(read(&["SBX_"]).is_err());
        assert!(read(&["SBX_UID=1", "SBX_UID=2"]).unwrap_err().to_string().contains("SBX_UID"));
        assert!(read(&["PATH=/bin", "SBXTRA=1"]).unwrap().is_empty());
    }

    #[test]
    fn malformed_values_name_the_spelling_used() {
        for (name, bad) in [("uid", "-1"), ("root-rw", "yes"), ("net", ""), ("tmpfs", "/t:size=0"), ("bind", "/a:b")] {
            let setting = named(name).unwrap();
            for origin in [Origin::File, Origin::Variable, Origin::Flag] {
                let error = one(setting, bad.as_bytes(), origin).unwrap_err().to_string();
                assert!(error.contains(&origin.spell(name)), "{error}");
            }
        }
    }

    #[test]
    fn what_a_variable_would_cut_short_is_refused() {
        for (name, bad) in
            [("env", "A=a\0B=c"), ("hostname", "a\0"), ("seccomp-string", "ALLOW { read } // \0"), ("hide", "\0")]
        {
            for origin in [Origin::File, Origin::Flag] {
                let error = one(named(name).unwrap(), bad.as_bytes(), origin).unwrap_err().to_string();
                assert!(error.contains(&origin.spell(name)) && error.contains("NUL"), "{error}");
            }
        }
    }

    #[test]
    fn scalars_and_lists_are_replaced_and_repeated_settings_add_up() {
        let say = |name, text: &str, origin| Assignment { setting: named(name).unwrap(), text: text.into(), origin };
        let policy = Policy::merge(&[
            say("uid", "1", Origin::File),
            say("share", "net,pid", Origin::File),
            say("hide", "/a", Origin::File),
            say("uid", "2", Origin::Variable),
            say("share", "ipc", Origin::Variable),
            say("hide", "/b", Origin::Flag),
        ]);
        let policy = policy.unwrap();
        assert_eq!((policy.uid.unwrap().0, policy.share.items().len(), policy.hide.items().len()), (2, 1, 2));
        let cleared = Policy::merge(&[say("hide", "/a", Origin::File), say("hide", ",/b", Origin::Variable)]).unwrap();
        assert_eq!(cleared.hide.items().len(), 1);
    }
}
