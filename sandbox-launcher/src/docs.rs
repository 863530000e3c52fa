//! docs/settings.md, written from the same rows as everything else and kept equal to them by a test.

use sandbox_core::policy::profile;
use sandbox_core::policy::types::Profile;
use sandbox_core::setting::{self, Assignment, Group, Kind, Origin, SETTINGS, Setting};

use crate::cli::OWN;
use crate::help::SPELLINGS;
use crate::policy_file;

const HEAD: &str = "\
# Settings

This page is generated from the settings table; `SBX_BLESS=1 cargo test -p sandbox-launcher docs` rewrites it.

Every setting has one name and three spellings: a flag, a key of a policy file, a variable. A policy file is overridden
by variables, and variables by flags. An unknown name or a malformed value is an error in every spelling.

* *once*: the last value holds.
* *list*: one value that is a list; the strongest spelling that names it replaces the list whole. Given several times
  as a flag, the lists are joined.
* *repeated*: each value adds to what weaker spellings and the profile gave; an empty one takes all of that back.
* *switch*: `--name`, or `--name=false` to take back what a weaker spelling said.

In a variable, values of a repeated setting are separated by `,`. Fields within a value are separated by `:`. A
backslash before `,`, `:` or a backslash takes its meaning away. Sizes take k, m, g or t, powers of 1024. Values are
bytes, not text; only a policy file, being TOML, is limited to UTF-8. The samples below are what the program sees: a shell
may want quotes around them.

";

fn settings_page() -> String {
    let mut out = String::from(HEAD);
    out.push_str(&format!("```text\n{SPELLINGS}```\n\n## Profiles\n\n"));
    for &chosen in Profile::ALL {
        out.push_str(&format!("* `{}`: {}", chosen.name(), profile::summary(chosen)));
        let settings = profile::settings(chosen).iter().map(|(name, text)| profile_line(name, text));
        let settings: Vec<String> = settings.collect();
        if !settings.is_empty() {
            out.push_str(&format!(".\n  As a policy: {}", settings.join(", ")));
        }
        out.push_str(".\n");
    }
    for group in Group::ALL {
        out.push_str(&format!("\n## {}\n", group.name()));
        for setting in SETTINGS.iter().filter(|s| s.group == *group) {
            section(&mut out, setting);
        }
    }
    out.push_str("\n## Flags of the launcher\n\nThey are no settings and have no other spelling.\n");
    for own in OWN {
        let flag = format!("--{} {}", own.name, own.metavar);
        let (name, flag, help, more) = (own.name, flag.trim_end(), own.help, own.more);
        out.push_str(&format!("\n### {name}\n\n`{flag}`: {help}.\n{more}\n"));
    }
    out
}

fn section(out: &mut String, setting: &'static Setting) {
    let kind = match setting.kind {
        Kind::Switch => "switch",
        Kind::One => "once",
        Kind::List => "list",
        Kind::Repeat => "repeated",
    };
    let flag = format!("--{} {}", setting.name, setting.metavar);
    let (name, flag, help, more) = (setting.name, flag.trim_end(), setting.help, setting.more);
    out.push_str(&format!("\n### {name}\n\n`{flag}` ({kind}): {help}.\n{more}\n\n"));
    out.push_str("| flag | policy file | variable |\n| --- | --- | --- |\n");
    for sample in setting.samples {
        let [flag, key, variable] = spellings(setting, sample).map(|s| s.replace('|', "\\|"));
        out.push_str(&format!("| `{flag}` | `{key}` | `{variable}` |\n"));
    }
}

/// A sample in the three spellings.
fn spellings(setting: &'static Setting, sample: &str) -> [String; 3] {
    let said = [Assignment { setting, text: sample.into(), origin: Origin::Flag }];
    let given = setting::merged(&said).unwrap().remove(0).1;
    let flag = match (setting.kind, sample) {
        (Kind::Switch, "true") => format!("--{}", setting.name),
        (Kind::Switch, _) => format!("--{}={sample}", setting.name),
        _ => format!("--{} {sample}", setting.name),
    };
    let key = format!("{} = {}", setting.name, policy_file::spell(setting, &given).unwrap());
    let variable = format!("{}={}", setting.variable(), String::from_utf8(given.variable()).unwrap());
    [flag, key, variable]
}

fn profile_line(name: &str, text: &str) -> String {
    format!("`{}`", spellings(setting::named(name).unwrap(), text)[1])
}

#[test]
fn docs_settings_page_is_what_the_table_says() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/settings.md");
    if std::env::var_os("SBX_BLESS").is_some() {
        std::fs::write(page, settings_page()).unwrap();
    }
    let written = std::fs::read_to_string(page).unwrap_or_default();
    assert!(written == settings_page(), "docs/settings.md is not what the table says: SBX_BLESS=1 rewrites it");
}
