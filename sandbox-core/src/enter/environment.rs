//! The environment that main gets. Pure.

use std::ffi::CStr;

use crate::error::Refusal;
use crate::policy::Policy;
use crate::setting::is_ours;

/// The target's environment: the caller's without `SBX_*`, changed as the policy says.
pub fn environment(policy: &Policy, entries: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut wanted: Vec<Vec<u8>> = entries.iter().filter(|entry| !is_ours(entry)).map(|entry| entry.to_vec()).collect();
    let named = |entry: &[u8], name: &[u8]| entry.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"="));
    if policy.clear_env.on() {
        wanted.retain(|entry| policy.env.items().iter().any(|kept| kept.value.is_none() && named(entry, &kept.name)));
    }
    wanted.retain(|entry| !policy.unset_env.items().iter().any(|unset| named(entry, &unset.0)));
    for addition in policy.env.items() {
        if let Some(value) = &addition.value {
            wanted.retain(|entry| !named(entry, &addition.name));
            wanted.push([addition.name.as_slice(), b"=", value].concat());
        }
    }
    wanted
}

/// The entries as they are.
pub fn owned(entries: &[&[u8]]) -> Vec<Vec<u8>> {
    entries.iter().map(|entry| entry.to_vec()).collect()
}

/// A variable's value.
pub fn value_of<'a>(entries: &[&'a [u8]], name: &[u8]) -> Option<&'a [u8]> {
    entries.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix(b"="))
}

/// Takes the library that was loaded as `own` out of LD_PRELOAD, so that children do not load it again; other preloads stay.
pub fn without_library(mut entries: Vec<Vec<u8>>, own: Option<&CStr>) -> Vec<Vec<u8>> {
    const PRELOAD: &[u8] = b"LD_PRELOAD=";
    let Some(own) = own.map(CStr::to_bytes) else {
        return entries;
    };
    entries.retain_mut(|entry| {
        let Some(list) = entry.strip_prefix(PRELOAD) else {
            return true;
        };
        // ld.so(8): separated by spaces or colons.
        let names: Vec<&[u8]> = list.split(|&b| b == b':' || b == b' ').filter(|name| !name.is_empty()).collect();
        let kept: Vec<&[u8]> = names.iter().copied().filter(|name| !is_own(name, own)).collect();
        if kept.len() == names.len() {
            return true;
        }
        let rest = [PRELOAD, &kept.join(&b':')].concat();
        let any = !kept.is_empty();
        *entry = rest;
        any
    });
    entries
}

/// Whether a name in LD_PRELOAD led to `own`: the same path, or a name the loader searched for or expanded.
fn is_own(name: &[u8], own: &[u8]) -> bool {
    let last = |path: &'_ [u8]| path.rsplit(|&b| b == b'/').next().map(<[u8]>::to_vec);
    name == own || ((!name.contains(&b'/') || name.contains(&b'$')) && last(name) == last(own))
}

/// There is no room although it was made, or where nothing was to be added.
pub fn no_room() -> Refusal {
    Refusal::guard("the initial stack has no room for the environment", "this needs glibc's loader")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::{Assignment, Origin, named};

    fn run(settings: &[(&str, &str)], entries: &[&str]) -> Vec<String> {
        let say = |&(name, text): &(&str, &str)| Assignment {
            setting: named(name).unwrap(),
            text: text.into(),
            origin: Origin::Flag,
        };
        let policy = Policy::new(&settings.iter().map(say).collect::<Vec<_>>()).unwrap();
        let entries: Vec<_> = entries.iter().map(|e| e.as_bytes()).collect();
        environment(&policy, &entries).into_iter().map(|e| String::from_utf8(e).unwrap()).collect()
    }

    #[test]
    fn ours_go_and_the_rest_stays() {
        assert_eq!(run(&[], &["A=1", "SBX_UID=0", "SBXY=2", "B="]), ["A=1", "SBXY=2", "B="]);
    }

    #[test]
    fn set_unset_and_clear() {
        let all = ["A=1", "AB=2", "C=3"];
        assert_eq!(run(&[("unset-env", "A")], &all), ["AB=2", "C=3"]);
        assert_eq!(run(&[("env", "A=9"), ("env", "N=x=y")], &all), ["AB=2", "C=3", "A=9", "N=x=y"]);
        assert_eq!(run(&[("clear-env", "true"), ("env", "AB"), ("env", "Z=1")], &all), ["AB=2", "Z=1"]);
        assert_eq!(run(&[("unset-env", "A"), ("env", "A=9")], &all), ["AB=2", "C=3", "A=9"]);
    }

    #[test]
    fn only_our_preload_goes() {
        let own = Some(c"/opt/lib/libsandbox.so");
        let cut = |value: &str| {
            let entries = without_library(vec![b"A=1".to_vec(), value.as_bytes().to_vec()], own);
            entries.get(1).map(|e| String::from_utf8(e.clone()).unwrap())
        };
        assert_eq!(cut("LD_PRELOAD=/opt/lib/libsandbox.so"), None);
        assert_eq!(cut("LD_PRELOAD=libsandbox.so"), None);
        assert_eq!(cut("LD_PRELOAD=$ORIGIN/libsandbox.so"), None);
        assert_eq!(cut("LD_PRELOAD=/a.so libsandbox.so:/b.so").as_deref(), Some("LD_PRELOAD=/a.so:/b.so"));
        assert_eq!(cut("LD_PRELOAD=/other/libsandbox.so").as_deref(), Some("LD_PRELOAD=/other/libsandbox.so"));
        assert_eq!(cut("LD_PRELOAD=/a.so /b.so").as_deref(), Some("LD_PRELOAD=/a.so /b.so"));
    }
}
