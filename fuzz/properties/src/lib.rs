//! What holds for whatever bytes sbx is given to read: a function a reader, which panics where it does not hold.
//!
//! `fuzz/fuzz_targets` hands them what libFuzzer comes up with, the tests here what is kept in `fuzz/corpus`.

// To panic is what they are for.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

mod calls;
#[cfg(test)]
mod corpus;
mod elf;
mod kafel;
mod learned;
mod names;
mod oci;
mod policy_file;
mod program;
mod script;
mod settings;
mod shown;
mod symbols;
mod words;

/// A property of any bytes.
pub type Property = fn(&[u8]);

/// By the names of their corpora and of their programs in `fuzz/fuzz_targets`.
pub const TARGETS: [(&str, Property); 11] = [
    ("elf", elf::holds),
    ("kafel", kafel::holds),
    ("learned", learned::holds),
    ("names", names::holds),
    ("oci", oci::holds),
    ("policy_file", policy_file::holds),
    ("program", program::holds),
    ("script", script::holds),
    ("settings", settings::holds),
    ("shown", shown::holds),
    ("symbols", symbols::holds),
];

/// Asks the property of that name about these bytes.
///
/// # Panics
/// It does not hold, or none has this name.
pub fn ask(name: &str, data: &[u8]) {
    let (_, holds) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    holds(data);
}
