//! Settings as text: what is understood is said again in every spelling, and what is handed to the library is all that
//! was said.

use sandbox_core::policy::Policy;
use sandbox_core::setting::value::Given;
use sandbox_core::setting::{Assignment, Origin, from_environment, merged, named};
use sandbox_launcher::policy_file;

use crate::words::is_a_line;

/// A line each: `SBX_NAME=VALUE`, `--NAME=VALUE` or, as in a policy file, `NAME=VALUE`.
pub fn holds(data: &[u8]) {
    let lines: Vec<&[u8]> = data.split(|&b| b == b'\n').collect();
    let mut said = match from_environment(lines.iter().copied()) {
        Ok(variables) => variables,
        Err(error) => return is_a_line(&error.to_string()),
    };
    said.extend(lines.iter().filter(|line| !line.starts_with(b"SBX_")).filter_map(|line| assignment(line)));
    said.retain(|one| match Policy::merge(std::slice::from_ref(one)) {
        Ok(policy) => {
            reads_back(one, &policy);
            true
        }
        Err(error) => {
            is_a_line(&error.to_string());
            assert!(error.to_string().contains(&one.origin.spell(one.setting.name)), "{error}");
            false
        }
    });
    // From the weakest origin to the strongest, as the launcher has them.
    said.sort_by_key(|one| one.origin);
    let handed_on: Vec<Vec<u8>> = merged(&said).unwrap().iter().map(|(s, given)| entry(&s.variable(), given)).collect();
    let received = from_environment(handed_on.iter().map(Vec::as_slice)).unwrap();
    assert_eq!(Policy::merge(&received).unwrap(), Policy::merge(&said).unwrap());
    assert_eq!(Policy::new(&received).unwrap(), Policy::new(&said).unwrap());
}

fn assignment(line: &[u8]) -> Option<Assignment> {
    let at = line.iter().position(|&b| b == b'=')?;
    let (name, text) = (std::str::from_utf8(&line[..at]).ok()?, line[at + 1..].to_vec());
    let (name, origin) = name.strip_prefix("--").map_or((name, Origin::File), |name| (name, Origin::Flag));
    named(name).map(|setting| Assignment { setting, text, origin })
}

fn entry(variable: &str, given: &Given) -> Vec<u8> {
    [variable.as_bytes(), b"=", &given.variable()].concat()
}

fn reads_back(one: &Assignment, policy: &Policy) {
    let setting = one.setting;
    let Some(given) = (setting.value)(&mut policy.clone()).given() else { panic!("{} is lost", setting.name) };
    let said = entry(&setting.variable(), &given);
    // execve(2) could not hand it on.
    assert!(!said.contains(&0), "{}", setting.name);
    let read = from_environment([&said[..]].into_iter()).unwrap();
    assert_eq!(&Policy::merge(&read).unwrap(), policy);
    let elements = match &given {
        Given::Switch(on) => vec![on.to_string().into_bytes()],
        Given::One(text) => vec![text.clone()],
        Given::Many { elements, .. } => elements.clone(),
    };
    for origin in [Origin::File, Origin::Flag] {
        let again: Vec<_> = elements.iter().map(|text| Assignment { setting, text: text.clone(), origin }).collect();
        assert_eq!(&Policy::merge(&again).unwrap(), policy);
    }
    match policy_file::spell(setting, &given) {
        Some(value) => {
            let line = format!("{} = {value}", setting.name);
            let read = policy_file::parse(&line).unwrap_or_else(|mistake| panic!("{}: {line}", mistake.what));
            assert_eq!(&Policy::merge(&read).unwrap(), policy, "{line}");
        }
        None => assert!(std::str::from_utf8(&said).is_err(), "{}", setting.name),
    }
}
