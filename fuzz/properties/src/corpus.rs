//! What is kept in `fuzz/corpus`, and what becomes of it with a few bytes changed: on every machine, without a fuzzer.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::{Property, TARGETS};

/// As many changed inputs of each target are tried: a second or two of an unoptimised build.
const CHANGED: u32 = 150;
/// Nobody reviews more, and nothing that was found needs it.
const FILES_MAX: usize = 300;
const TOTAL_MAX: u64 = 300 << 10;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files(target: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(fuzz().join("corpus").join(target)).unwrap_or_else(|error| panic!("{target}: {error}"));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Pieces that the languages are made of, from the dictionaries that libFuzzer is given.
fn words(target: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(fuzz().join(format!("dictionaries/{target}.dict"))).unwrap_or_default();
    text.lines().filter_map(word).collect()
}

/// One line of a dictionary: a string in quotes, with `\"`, `\\` and `\xNN`.
fn word(line: &str) -> Option<Vec<u8>> {
    let mut bytes = line.strip_prefix('"')?.strip_suffix('"')?.bytes();
    let mut word = Vec::new();
    while let Some(byte) = bytes.next() {
        word.push(match (byte, byte == b'\\') {
            (byte, false) => byte,
            _ => match bytes.next()? {
                b'x' => {
                    let digits = [bytes.next()?, bytes.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                byte => byte,
            },
        });
    }
    Some(word)
}

/// What is done to an input: where, how much of it is taken away, and what is put there.
type Change = (prop::sample::Index, usize, Vec<u8>);

fn change(words: Vec<Vec<u8>>) -> BoxedStrategy<Change> {
    let bytes = prop::collection::vec(any::<u8>(), 0..4);
    let put = if words.is_empty() { bytes.boxed() } else { prop_oneof![bytes, prop::sample::select(words)].boxed() };
    (any::<prop::sample::Index>(), 0..6_usize, put).boxed()
}

fn changed(mut data: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for (at, taken, put) in changes {
        let at = at.index(data.len() + 1);
        let end = data.len().min(at + taken);
        data.splice(at..end, put.iter().copied());
    }
    data
}

fn run(name: &str, holds: Property) {
    let files = files(name);
    assert!(!files.is_empty(), "{name}: no corpus");
    let kept: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    for (file, data) in files.iter().zip(&kept) {
        // What panics is the property; this says of which file.
        let held = std::panic::catch_unwind(|| holds(data));
        assert!(held.is_ok(), "{} does not hold", file.display());
    }
    // libFuzzer makes inputs smaller better, and without a panic's message for each attempt.
    let config = Config { cases: CHANGED, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let inputs = (prop::sample::select(kept), prop::collection::vec(change(words(name)), 1..6));
    let result = TestRunner::new(config).run(&inputs, |(data, changes)| {
        let data = changed(data, &changes);
        let held = std::panic::catch_unwind(|| holds(&data));
        held.map_err(|_| {
            TestCaseError::fail(format!("keep this in fuzz/corpus/{name}: {:?}", data.escape_ascii().to_string()))
        })
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, _)) => panic!("{name}: {why}"),
        Err(TestError::Abort(why)) => panic!("{name}: {why}"),
    }
}

macro_rules! targets {
    ($($name:ident),+) => {
        $(#[test]
        fn $name() {
            run(stringify!($name), crate::$name::holds);
        })+

        #[test]
        fn every_target_is_run_here_and_has_its_program() {
            let named: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(named, [$(stringify!($name)),+]);
            let mut programs: Vec<String> = fs::read_dir(fuzz().join("fuzz_targets")).unwrap()
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
            programs.sort();
            assert_eq!(programs, named);
            let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
            for name in named {
                assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
                let program = fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).unwrap();
                assert!(program.contains(&format!("ask(\"{name}\", data)")), "{name}");
            }
        }
    };
}

targets!(elf, kafel, learned, names, oci, policy_file, program, script, settings, shown, symbols);

#[test]
fn the_corpus_is_small() {
    let sizes: Vec<u64> =
        TARGETS.iter().flat_map(|(name, _)| files(name)).map(|file| fs::metadata(file).unwrap().len()).collect();
    assert!(sizes.len() <= FILES_MAX && sizes.iter().sum::<u64>() <= TOTAL_MAX, "{} files", sizes.len());
}
