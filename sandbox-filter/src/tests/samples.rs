//! Numbers and arguments worth asking about.

use proptest::prelude::*;

use super::eval::Call;

/// Every number worth asking about: all known ones and as many beyond, the marker's surroundings up to the end of 64-bit
/// numbers, as many x32 ones, and the extremes.
pub fn numbers() -> impl Iterator<Item = u32> {
    (0..=1024).chain(0x3fff_0000..=0x4000_0400).chain(0x7fff_fff0..=0x8000_0010).chain(0xffff_ff00..=0xffff_ffff)
}

/// Argument registers that tell the rules apart, whichever argument they look at.
pub fn registers() -> Vec<[u64; 6]> {
    let mut all = Vec::new();
    for word in WORDS {
        for high in [0, 1 << 32, 0xffff_ffff_0000_0000] {
            all.push([word | high; 6]);
        }
        // A rule may look at two: what kind, and of whom.
        all.push([word, 0, 0, 0, 0, 0]);
    }
    all
}

/// Values that some rule compares with, and their neighbours in spirit.
const WORDS: [u64; 40] = [
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    9,
    10,
    15,
    16,
    17,
    23,
    35,
    38,
    40,
    0o100,
    0x200,
    0o644,
    0o2755,
    0o4755,
    0o6000,
    0x1000,
    0x2000_0000,
    0o10644,
    0o14644,
    0o20666,
    0o60660,
    0o100000,
    0o100644,
    0o104755,
    0o140777,
    0x5401,
    0x5412,
    0x541c,
    0x40_0000,
    0x0002_0000,
    0xffff_ffff,
    0xc018_2101,
];

/// Bits of clone, personality and PR_SET_VMA, and requests of ioctl.
const SCATTERED: [u64; 8] = [0x5356_4d41, 0x41_0000, 0x42_0000, 0x1000_0000, 0x4000_0000, 0x0200_0000, 0x5413, 0x541b];

pub fn word() -> impl Strategy<Value = u64> {
    let low = prop_oneof![
        6 => proptest::sample::select(&WORDS[..]),
        1 => any::<u32>().prop_map(u64::from),
        1 => (0u32..32).prop_map(|bit| 1 << bit),
        1 => proptest::sample::select(&SCATTERED[..]),
    ];
    let high = prop_oneof![3 => Just(0), 1 => any::<u32>().prop_map(|h| u64::from(h) << 32), 1 => Just(1 << 32)];
    (low, high).prop_map(|(low, high)| low | high)
}

pub fn call(nr: impl Strategy<Value = u32>) -> impl Strategy<Value = Call> {
    (nr, proptest::array::uniform6(word())).prop_map(|(nr, args)| Call::new(nr, args))
}

/// What every program of ours answers, whatever its policy.
pub fn guard(nr: u32) -> Option<u32> {
    match nr {
        0x3fff_5b58 => Some(0x0005_0000 | 1112),
        0..=336 | 424..=470 => None,
        _ => Some(0x0005_0026),
    }
}
