//! Spans of time, to the nanosecond.

use super::number;
use crate::setting::value::Text;

/// Units and their nanoseconds; where one's name ends another's, the longer stands first.
const UNITS: [(&[u8], u128); 6] =
    [(b"ns", 1), (b"us", 1_000), (b"ms", 1_000_000), (b"s", SECOND), (b"m", 60 * SECOND), (b"h", 3600 * SECOND)];
const SECOND: u128 = 1_000_000_000;
const EXPECTED: &str =
    "expected a duration: digits, perhaps with decimals, then h, m, s, ms, us, ns or nothing (seconds)";

/// A span of time, perhaps none: a number, decimals allowed, in `h`, `m`, `s` (the default), `ms`, `us` or `ns`.
///
/// Shown in seconds: `90s`, `1.5s`. What cannot be told in whole nanoseconds is an error, as is what 64 bits of seconds
/// cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub std::time::Duration);

impl Text for Duration {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let of = |&(name, nanos)| text.strip_suffix(name).map(|amount| (amount, nanos));
        let (amount, unit) = UNITS.iter().find_map(of).unwrap_or((text, SECOND));
        nanoseconds(amount, unit).map(Self).ok_or_else(|| EXPECTED.into())
    }
    fn show(&self) -> Vec<u8> {
        let (seconds, nanos) = (self.0.as_secs(), self.0.subsec_nanos());
        if nanos == 0 {
            return format!("{seconds}s").into();
        }
        let decimals = format!("{nanos:09}");
        format!("{seconds}.{}s", decimals.trim_end_matches('0')).into()
    }
}

/// `amount` times `unit` nanoseconds.
fn nanoseconds(amount: &[u8], unit: u128) -> Option<std::time::Duration> {
    let (whole, decimals) = match amount.iter().position(|&b| b == b'.') {
        Some(at) => (amount.get(..at)?, amount.get(at + 1..).filter(|decimals| !decimals.is_empty())?),
        None => (amount, &b""[..]),
    };
    // Finer than an hour's own nanosecond is never whole.
    let digits = u32::try_from(decimals.len()).ok().filter(|&digits| digits <= 12)?;
    let scale = 10_u128.pow(digits);
    let fraction = if decimals.is_empty() { 0 } else { number::<u64>(decimals, "").ok()?.into() };
    let scaled = (u128::from(number::<u64>(whole, "").ok()?) * scale).checked_add(fraction)?.checked_mul(unit)?;
    let nanos = if scaled % scale == 0 { scaled / scale } else { return None };
    Some(std::time::Duration::new(u64::try_from(nanos / SECOND).ok()?, u32::try_from(nanos % SECOND).ok()?))
}

/// How far a clock is ahead of the host's (`1h`, `+1h`) or behind it (`-90s`): as a timespec(3) has it, the nanoseconds
/// count forwards from the seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    pub seconds: i64,
    pub nanoseconds: u32,
}

impl Text for Offset {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let (behind, span) = match text.split_first() {
            Some((b'-', span)) => (true, span),
            Some((b'+', span)) => (false, span),
            _ => (false, text),
        };
        let Duration(span) = Duration::parse(span)?;
        let seconds = i64::try_from(span.as_secs()).map_err(|_| EXPECTED)?;
        Ok(match (behind, span.subsec_nanos()) {
            (false, nanoseconds) => Offset { seconds, nanoseconds },
            (true, 0) => Offset { seconds: -seconds, nanoseconds: 0 },
            (true, nanos) => Offset { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanos },
        })
    }
    fn show(&self) -> Vec<u8> {
        let of = |seconds: u64, nanos| Duration(std::time::Duration::new(seconds, nanos)).show();
        match (self.seconds.is_negative(), self.nanoseconds) {
            (false, nanos) => of(self.seconds.unsigned_abs(), nanos),
            (true, 0) => [b"-", &*of(self.seconds.unsigned_abs(), 0)].concat(),
            (true, nanos) => [b"-", &*of(self.seconds.unsigned_abs() - 1, 1_000_000_000 - nanos)].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<(u64, u32)> {
        Duration::parse(text.as_bytes()).ok().map(|span| (span.0.as_secs(), span.0.subsec_nanos()))
    }

    #[test]
    fn seconds_unless_a_unit_says_otherwise() {
        assert_eq!((read("90"), read("90s"), read("1.5m")), (Some((90, 0)), Some((90, 0)), Some((90, 0))));
        assert_eq!((read("2h"), read("0.001h"), read("0")), (Some((7200, 0)), Some((3, 600_000_000)), Some((0, 0))));
        assert_eq!((read("250ms"), read("1.5us")), (Some((0, 250_000_000)), Some((0, 1500))));
        assert_eq!((read("7ns"), read("0.000000007")), (Some((0, 7)), Some((0, 7))));
        assert_eq!(read("18446744073709551615s"), Some((u64::MAX, 0)));
    }

    #[test]
    fn what_no_clock_could_tell_is_an_error() {
        for bad in ["", "s", ".", ".5", "5.", "-1", "+1", "1.2.3", "1e3", "1d", "1 s", "1S", "0.5ns", "0.0000000001"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        for long in ["18446744073709551616", "18446744073709551615h", "1.0000000000000000001", "0.9999999999999h"] {
            assert_eq!(read(long), None, "{long}");
        }
    }

    #[test]
    fn a_clock_behind_counts_its_nanoseconds_forwards() {
        let of = |text: &str| Offset::parse(text.as_bytes()).map(|offset| (offset.seconds, offset.nanoseconds));
        assert_eq!((of("1h"), of("+1.5"), of("-2m")), (Ok((3600, 0)), Ok((1, 500_000_000)), Ok((-120, 0))));
        assert_eq!((of("-1.25"), of("-1ns")), (Ok((-2, 750_000_000)), Ok((-1, 999_999_999))));
        assert_eq!(of("-9223372036854775807.5"), Ok((i64::MIN, 500_000_000)));
        for bad in ["", "-", "+-1", "--1", "9223372036854775808", "-9223372036854775808"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(seconds: u64, nanos in 0..1_000_000_000_u32, behind: bool) {
            let span = Duration(std::time::Duration::new(seconds, nanos));
            prop_assert_eq!(Duration::parse(&span.show()), Ok(span));
            let seconds = i64::try_from(seconds >> 1).unwrap();
            let offset = Offset { seconds: if behind { -seconds } else { seconds }, nanoseconds: nanos };
            prop_assert_eq!(Offset::parse(&offset.show()), Ok(offset));
        }
    }
}
