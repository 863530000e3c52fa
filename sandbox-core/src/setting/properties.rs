//! What holds for every setting and whatever text somebody gives it: no panic, and what was understood is said again in
//! the same words.

use proptest::prelude::*;

use super::value::Given;
use super::{Assignment, Origin, SETTINGS, Setting, from_environment, merged};
use crate::policy::Policy;

/// Texts that are nearly right: pieces of real values, separators, units, signs and bytes that are no text.
fn texts(setting: &'static Setting) -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<Vec<u8>> = setting
        .samples
        .iter()
        .flat_map(|sample| {
            let half = sample.len() / 2;
            [&sample.as_bytes()[..half], &sample.as_bytes()[half..], sample.as_bytes()]
        })
        .chain([
            &b":"[..],
            b",",
            b"\\",
            b"\\,",
            b"\\:",
            b"\\\\",
            b"=",
            b"/",
            b"..",
            b".",
            b"-",
            b"+",
            b"0",
            b"9",
            b"k",
            b"T",
            b"s",
            b"18446744073709551615",
            b"99999999999999999999",
            b"inf",
            b":ip=",
            b":gateway=",
            b"10.0.0.1/8",
            b"fd00::1",
            b"/64",
            b"soft",
            b"\xff\xfe",
            b"\xc3\xa9",
            b"\n",
            b" ",
            b"\0",
        ])
        .map(<[u8]>::to_vec)
        .collect();
    prop::collection::vec(prop::sample::select(pieces), 0..6).prop_map(|pieces| pieces.concat())
}

fn anything() -> impl Strategy<Value = (&'static Setting, Vec<u8>, Origin)> {
    let origins = prop::sample::select(vec![Origin::File, Origin::Variable, Origin::Flag]);
    (0..SETTINGS.len(), origins).prop_flat_map(|(at, origin)| {
        let setting = &SETTINGS[at];
        texts(setting).prop_map(move |text| (setting, text, origin))
    })
}

fn read(said: &[(&'static Setting, Vec<u8>, Origin)]) -> Vec<Assignment> {
    let assignment = |(setting, text, origin): &(&'static Setting, Vec<u8>, Origin)| Assignment {
        setting,
        text: text.clone(),
        origin: *origin,
    };
    said.iter().map(assignment).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn what_is_understood_is_said_again_in_every_spelling(said in anything()) {
        let setting = said.0;
        if let Ok(mut policy) = Policy::merge(&read(&[said])) {
            let given = (setting.value)(&mut policy).given();
            let Some(given) = given else {
                // Nothing was said: only an empty element of a repeated setting may come to that.
                return Ok(());
            };
            let entry = [setting.variable().as_bytes(), b"=", &given.variable()].concat();
            prop_assert_eq!(&Policy::merge(&from_environment([&entry[..]].into_iter()).unwrap()).unwrap(), &policy);
            let elements = match given {
                Given::Switch(on) => vec![on.to_string().into_bytes()],
                Given::One(text) => vec![text],
                Given::Many { elements, .. } => elements,
            };
            for origin in [Origin::File, Origin::Flag] {
                let again: Vec<_> = elements.iter().map(|text| (setting, text.clone(), origin)).collect();
                prop_assert_eq!(&Policy::merge(&read(&again)).unwrap(), &policy);
            }
        }
    }
}

proptest! {
    #[test]
    fn settings_of_many_origins_come_to_one_environment(said in prop::collection::vec(anything(), 0..40)) {
        let understood: Vec<_> = said.into_iter().filter(|one| Policy::merge(&read(std::slice::from_ref(one))).is_ok()).collect();
        let said = read(&understood);
        let entries: Vec<_> = merged(&said)
            .unwrap()
            .iter()
            .map(|(setting, given)| [setting.variable().as_bytes(), b"=", &given.variable()].concat())
            .collect();
        let again = from_environment(entries.iter().map(Vec::as_slice)).unwrap();
        prop_assert_eq!(Policy::merge(&again).unwrap(), Policy::merge(&said).unwrap());
    }
}
