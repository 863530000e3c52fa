//! How much memory is tried to be taken: never so much that the machine, or what else is in the caller's cgroup, feels it.

use super::cgroup;

const MOST: u64 = 1 << 30;
/// Where nothing is known of what there is.
const LITTLE: u64 = 64 << 20;
const PORTION: u64 = 1 << 20;

/// Bytes: at most half of what the host, and the caller's cgroup, have left.
pub fn bound() -> u64 {
    let free = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
    at_most(free, cgroup::memory_left())
}

fn at_most(free: Option<u64>, left: Option<u64>) -> u64 {
    let half = free.map_or(LITTLE, |free| free / 2).min(left.map_or(u64::MAX, |left| left / 2));
    half.min(MOST) / PORTION * PORTION
}

/// Bytes that could be had without swapping, proc_meminfo(5).
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_half_of_anything_is_taken() {
        assert_eq!(at_most(Some(64 << 30), None), MOST);
        assert_eq!(at_most(Some(100 << 20), None), 50 << 20);
        assert_eq!(at_most(Some(64 << 30), Some(31 << 20)), 15 << 20);
        assert_eq!(at_most(Some(64 << 30), Some(0)), 0);
        assert_eq!(at_most(None, None), LITTLE / 2 * 2);
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:    23 kB\n"), Some(23 << 10));
        assert_eq!(available("MemTotal: 9 kB\n"), None);
    }
}
