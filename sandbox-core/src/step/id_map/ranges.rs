//! The ranges of one map, and whether the kernel will take them. Pure.

use crate::error::PolicyError;
use crate::policy::types::IdRange;

/// UID_GID_MAP_MAX_EXTENTS of the kernel's include/linux/user_namespace.h, since Linux 4.15.
const MOST: usize = 340;
/// map_write() of kernel/user_namespace.c takes less than a page.
const LONGEST: usize = 4095;

/// Refuses what the kernel would, by the name of the setting.
///
/// # Errors
/// Two ranges that have an id in common, inside or outside, or more than fit.
pub fn check(setting: &str, ranges: &[IdRange]) -> Result<(), PolicyError> {
    if let Some(beyond) = ranges.get(MOST) {
        let why = format!("{} ranges, from {} on more than the {MOST} that fit", ranges.len(), beyond.spelled());
        return Err(PolicyError::conflict(setting, why));
    }
    for (place, first) in [("inside", (|r| r.inside) as fn(&IdRange) -> u32), ("outside", |r| r.outside)] {
        let mut sorted = ranges.to_vec();
        sorted.sort_by_key(first);
        let meet = |pair: &&[IdRange]| matches!(pair, [a, b] if first(b) - first(a) < a.count);
        if let Some([a, b]) = sorted.windows(2).find(meet) {
            let why = format!("{} and {} have ids {place} in common", a.spelled(), b.spelled());
            return Err(PolicyError::conflict(setting, why));
        }
    }
    let length = text(ranges).len();
    if length > LONGEST {
        let why = format!("{} ranges make {length} bytes, and the kernel takes {LONGEST}", ranges.len());
        return Err(PolicyError::conflict(setting, why));
    }
    Ok(())
}

/// As the kernel reads it.
pub fn text(ranges: &[IdRange]) -> String {
    ranges.iter().map(|r| format!("{} {} {}\n", r.inside, r.outside, r.count)).collect()
}

/// What the kernel shows, in its order; nothing where it cannot be read as ranges.
pub fn parse(text: &str) -> Vec<IdRange> {
    let range = |line: &str| {
        let mut numbers = line.split_whitespace().map(|word| word.parse().ok());
        Some(IdRange { inside: numbers.next()??, outside: numbers.next()??, count: numbers.next()?? })
    };
    text.lines().map(range).collect::<Option<_>>().unwrap_or_default()
}

/// Whether both are the same map: the kernel sorts.
pub fn same(one: &[IdRange], other: &[IdRange]) -> bool {
    let sorted = |ranges: &[IdRange]| {
        let mut ranges = ranges.to_vec();
        ranges.sort();
        ranges
    };
    sorted(one) == sorted(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(inside: u32, outside: u32, count: u32) -> IdRange {
        IdRange { inside, outside, count }
    }

    #[test]
    fn ranges_that_meet_are_both_named() {
        let ranges = [range(100, 0, 10), range(0, 100, 10), range(5, 200, 1)];
        let error = check("uid-map", &ranges).unwrap_err().to_string();
        assert_eq!(error, "policy: uid-map: 0:100:10 and 5:200 have ids inside in common");
        let error = check("gid-map", &[range(0, 100, 10), range(50, 109, 2)]).unwrap_err().to_string();
        assert_eq!(error, "policy: gid-map: 0:100:10 and 50:109:2 have ids outside in common");
        assert!(check("uid-map", &[range(0, 100, 10), range(0, 100, 10)]).is_err());
        assert!(check("uid-map", &[range(0, 100, 10), range(10, 90, 10), range(20, 110, 1)]).is_ok());
        let end = u32::MAX - 1;
        assert!(check("uid-map", &[range(end, 0, 1), range(0, end, 1), range(1, 1, end - 1)]).is_ok());
    }

    #[test]
    fn no_more_ranges_than_fit_into_the_kernel() {
        let many = |count| (0..count).map(|n| range(n, n, 1)).collect::<Vec<_>>();
        assert!(check("uid-map", &many(340)).is_ok());
        assert!(check("uid-map", &many(341)).unwrap_err().to_string().contains("340:340 on"));
        let long: Vec<_> = (0..200).map(|n| range(1_000_000_000 + n, 2_000_000_000 + n, 1)).collect();
        assert!(check("uid-map", &long).unwrap_err().to_string().contains("4095"));
    }

    #[test]
    fn what_the_kernel_shows_reads_back() {
        let ranges = [range(1, 100_000, 9), range(0, 1000, 1)];
        assert_eq!(parse("         1     100000          9\n         0       1000          1\n"), ranges);
        assert!(same(&ranges, &parse(&text(&[ranges[1], ranges[0]]))));
        assert!(!same(&ranges, &ranges[..1]) && parse("0 1\n").is_empty() && parse("").is_empty());
    }
}
