//! How much the program may use, and how it is scheduled.

use super::names::names;
use super::{Duration, bytes, number};
use crate::setting::text;
use crate::setting::value::Text;

names! {
    /// A resource limit, getrlimit(2), by the kernel's name without `RLIMIT_`.
    Limit:
    As = "as",
    Core = "core",
    Cpu = "cpu",
    Data = "data",
    Fsize = "fsize",
    Locks = "locks",
    Memlock = "memlock",
    Msgqueue = "msgqueue",
    Nice = "nice",
    Nofile = "nofile",
    Nproc = "nproc",
    Rss = "rss",
    Rtprio = "rtprio",
    Rttime = "rttime",
    Sigpending = "sigpending",
    Stack = "stack",
}

/// What a limit counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Bytes,
    Things,
    Seconds,
    Microseconds,
}

impl Limit {
    /// Its number, include/uapi/asm-generic/resource.h
    pub const fn number(self) -> u32 {
        match self {
            Limit::As => libc::RLIMIT_AS,
            Limit::Core => libc::RLIMIT_CORE,
            Limit::Cpu => libc::RLIMIT_CPU,
            Limit::Data => libc::RLIMIT_DATA,
            Limit::Fsize => libc::RLIMIT_FSIZE,
            Limit::Locks => libc::RLIMIT_LOCKS,
            Limit::Memlock => libc::RLIMIT_MEMLOCK,
            Limit::Msgqueue => libc::RLIMIT_MSGQUEUE,
            Limit::Nice => libc::RLIMIT_NICE,
            Limit::Nofile => libc::RLIMIT_NOFILE,
            Limit::Nproc => libc::RLIMIT_NPROC,
            Limit::Rss => libc::RLIMIT_RSS,
            Limit::Rtprio => libc::RLIMIT_RTPRIO,
            Limit::Rttime => libc::RLIMIT_RTTIME,
            Limit::Sigpending => libc::RLIMIT_SIGPENDING,
            Limit::Stack => libc::RLIMIT_STACK,
        }
    }

    const fn unit(self) -> Unit {
        match self {
            Limit::As
            | Limit::Core
            | Limit::Data
            | Limit::Fsize
            | Limit::Memlock
            | Limit::Msgqueue
            | Limit::Rss
            | Limit::Stack => Unit::Bytes,
            Limit::Locks | Limit::Nice | Limit::Nofile | Limit::Nproc | Limit::Rtprio | Limit::Sigpending => {
                Unit::Things
            }
            Limit::Cpu => Unit::Seconds,
            Limit::Rttime => Unit::Microseconds,
        }
    }

    /// Whether it counts bytes.
    pub fn counts_bytes(self) -> bool {
        self.unit() == Unit::Bytes
    }

    /// An amount of what it counts, in the setting's words.
    pub fn show(self, amount: u64) -> String {
        match self.unit() {
            _ if amount == libc::RLIM_INFINITY => "inf".into(),
            Unit::Bytes | Unit::Things => amount.to_string(),
            Unit::Seconds => format!("{amount}s"),
            Unit::Microseconds => format!("{amount}us"),
        }
    }

    fn read(self, text: &[u8]) -> Result<u64, String> {
        let amount = match self.unit() {
            Unit::Bytes => bytes(text)?,
            Unit::Things => number(text, "a number, soft, hard or inf")?,
            Unit::Seconds => match Duration::parse(text)?.0 {
                span if span.subsec_nanos() == 0 => span.as_secs(),
                _ => return Err("processor time is limited in whole seconds".into()),
            },
            // The kernel's unit is the microsecond, that of every other duration here the second: a bare number could be
            // either, and a million times too much is no limit.
            Unit::Microseconds if text.last().is_some_and(u8::is_ascii_digit) => {
                return Err("expected a duration with its unit, such as 200ms or 950us".into());
            }
            Unit::Microseconds => match Duration::parse(text)?.0 {
                span if span.subsec_nanos() % 1000 == 0 => {
                    u64::try_from(span.as_micros()).map_err(|_| "expected a shorter duration, or inf")?
                }
                _ => return Err("expected whole microseconds".into()),
            },
        };
        // The highest number is how the kernel says that there is no limit.
        if amount == libc::RLIM_INFINITY { Err("no limit is written inf".into()) } else { Ok(amount) }
    }
}

/// One of a limit's two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// In the kernel's unit.
    Exactly(u64),
    /// The caller's soft limit.
    Soft,
    /// The caller's hard limit.
    Hard,
    /// No limit.
    Infinite,
}

/// A limit's new values: `NAME=VALUE`, which sets both, or `NAME=SOFT:HARD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rlimit {
    pub limit: Limit,
    pub soft: Amount,
    pub hard: Amount,
}

impl Text for Rlimit {
    const FIELDED: bool = true;
    fn parse(text: &[u8]) -> Result<Self, String> {
        let at = text.iter().position(|&b| b == b'=').ok_or("expected NAME=VALUE or NAME=SOFT:HARD")?;
        let limit = Limit::parse(text.get(..at).unwrap_or_default())?;
        let amount = |text: &[u8]| match text {
            b"soft" => Ok(Amount::Soft),
            b"hard" => Ok(Amount::Hard),
            b"inf" => Ok(Amount::Infinite),
            number => limit.read(number).map(Amount::Exactly),
        };
        let mut values = text::split(text.get(at + 1..).unwrap_or_default(), b':').into_iter();
        let soft = amount(values.next().unwrap_or_default())?;
        let hard = values.next().map_or(Ok(soft), amount)?;
        if values.next().is_some() {
            return Err("expected NAME=VALUE or NAME=SOFT:HARD".into());
        }
        match (soft, hard) {
            (Amount::Exactly(soft), Amount::Exactly(hard)) if soft > hard => Err(ABOVE.into()),
            (Amount::Infinite, Amount::Exactly(_)) => Err(ABOVE.into()),
            _ => Ok(Rlimit { limit, soft, hard }),
        }
    }
    fn show(&self) -> Vec<u8> {
        let amount = |amount| match amount {
            Amount::Exactly(amount) => self.limit.show(amount),
            Amount::Soft => "soft".into(),
            Amount::Hard => "hard".into(),
            Amount::Infinite => "inf".into(),
        };
        let (name, soft) = (self.limit.name(), amount(self.soft));
        if self.soft == self.hard {
            return format!("{name}={soft}").into();
        }
        format!("{name}={soft}:{}", amount(self.hard)).into()
    }
}

/// Why a pair of values is none.
pub const ABOVE: &str = "the soft limit would be above the hard one";

/// A nice value, -20 (gets most) to 19, sched(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nice(pub i32);

/// What the kernel adds to a process's badness when memory has run out, -1000 (never killed) to 1000, proc(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OomScoreAdj(pub i32);

/// A number with a sign, within bounds.
fn signed(text: &[u8], lowest: i32, highest: i32) -> Result<i32, String> {
    let (digits, sign) = text.strip_prefix(b"-").map_or((text, 1), |digits| (digits, -1));
    let read = number::<i32>(digits, "").ok().map(|magnitude| sign * magnitude);
    read.filter(|read| (lowest..=highest).contains(read))
        .ok_or_else(|| format!("expected a number from {lowest} to {highest}"))
}

impl Text for Nice {
    fn parse(text: &[u8]) -> Result<Self, String> {
        signed(text, -20, 19).map(Nice)
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_string().into()
    }
}

impl Text for OomScoreAdj {
    fn parse(text: &[u8]) -> Result<Self, String> {
        signed(text, -1000, 1000).map(OomScoreAdj)
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_string().into()
    }
}

/// Processors by their numbers: `N`, or `FIRST-LAST`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpus {
    pub first: u16,
    pub last: u16,
}

impl Cpus {
    /// One more than the highest number that fits sched_setaffinity(2) as libc has it.
    pub const COUNT: u16 = libc::CPU_SETSIZE as u16;
}

impl Text for Cpus {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let expected = format!("a processor from 0 to {}, or a range such as 0-3", Cpus::COUNT - 1);
        let (first, last) = match text.iter().position(|&b| b == b'-') {
            Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
            None => (text, text),
        };
        let (first, last) = (number(first, &expected)?, number(last, &expected)?);
        if first > last || last >= Cpus::COUNT { Err(format!("expected {expected}")) } else { Ok(Cpus { first, last }) }
    }
    fn show(&self) -> Vec<u8> {
        let Cpus { first, last } = self;
        if first == last { first.to_string().into() } else { format!("{first}-{last}").into() }
    }
}

/// How many processors: one at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuCount(pub u16);

impl Text for CpuCount {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let expected = format!("a number from 1 to {}", Cpus::COUNT);
        match number(text, &expected)? {
            count @ 1..=Cpus::COUNT => Ok(CpuCount(count)),
            _ => Err(format!("expected {expected}")),
        }
    }
    fn show(&self) -> Vec<u8> {
        self.0.to_string().into()
    }
}

names! {
    /// A flag of the execution domain, personality(2).
    Persona:
    AddrCompatLayout = "addr-compat-layout",
    MmapPageZero = "mmap-page-zero",
    ReadImpliesExec = "read-implies-exec",
    AddrLimit3gb = "addr-limit-3gb",
    AddrNoRandomize = "addr-no-randomize",
}

impl Persona {
    /// Its bit.
    pub const fn flag(self) -> i32 {
        match self {
            Persona::AddrCompatLayout => libc::ADDR_COMPAT_LAYOUT,
            Persona::MmapPageZero => libc::MMAP_PAGE_ZERO,
            Persona::ReadImpliesExec => libc::READ_IMPLIES_EXEC,
            Persona::AddrLimit3gb => libc::ADDR_LIMIT_3GB,
            Persona::AddrNoRandomize => libc::ADDR_NO_RANDOMIZE,
        }
    }
}

/// The permissions that new files do not get, umask(2). Written with a leading 0: where a number means a number, as in a
/// policy file, octal digits without it could be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Umask(pub u32);

impl Text for Umask {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let octal = std::str::from_utf8(text).ok().filter(|t| t.starts_with('0') && t.len() <= 4);
        let mask = octal.filter(|t| t.bytes().all(|b| b.is_ascii_digit())).and_then(|t| u32::from_str_radix(t, 8).ok());
        mask.map(Umask).ok_or_else(|| "expected an octal mask with a leading 0, 0000 to 0777".into())
    }
    fn show(&self) -> Vec<u8> {
        format!("{:04o}", self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, String> {
        Rlimit::parse(text.as_bytes()).map(|limit| String::from_utf8(limit.show()).unwrap())
    }

    #[test]
    fn a_limit_is_told_in_what_it_counts() {
        for (text, again) in [
            ("as=1g", "as=1073741824"),
            ("core=0", "core=0"),
            ("nofile=64:128", "nofile=64:128"),
            ("nofile=64:64", "nofile=64"),
            ("cpu=1m", "cpu=60s"),
            ("cpu=2:3", "cpu=2s:3s"),
            ("rttime=200ms:1s", "rttime=200000us:1000000us"),
            ("fsize=hard", "fsize=hard"),
            ("stack=8m:inf", "stack=8388608:inf"),
            ("nproc=soft:hard", "nproc=soft:hard"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(again));
        }
    }

    #[test]
    fn what_could_be_meant_in_two_ways_is_an_error() {
        for bad in [
            "as",
            "=1",
            "as=",
            "AS=1",
            "RLIMIT_AS=1",
            "nofile=1k",
            "nofile=-1",
            "cpu=1.5",
            "cpu=500ms",
            "rttime=200",
            "rttime=1.5us",
            "rttime=1ns",
            "as=2:1",
            "as=inf:1",
            "as=1:2:3",
            "as=1:",
            "as=18446744073709551615",
            "nofile=18446744073709551615",
            "cpu=18446744073709551615",
            "rttime=18446744073709551615s",
            "as=unlimited",
        ] {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_sixteen_limits_have_the_kernels_numbers() {
        let mut numbers: Vec<_> = Limit::ALL.iter().map(|limit| limit.number()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..16).collect::<Vec<_>>());
    }

    #[test]
    fn numbers_are_within_their_bounds() {
        let nice = |text: &str| Nice::parse(text.as_bytes()).map(|nice| nice.0).ok();
        assert_eq!((nice("-20"), nice("19"), nice("0"), nice("-0")), (Some(-20), Some(19), Some(0), Some(0)));
        for bad in ["", "-", "20", "-21", "+1", "--1", "1.0", "-99999999999"] {
            assert_eq!(nice(bad), None, "{bad}");
        }
        let oom = |text: &str| OomScoreAdj::parse(text.as_bytes()).map(|adj| adj.0).ok();
        assert_eq!((oom("-1000"), oom("1000"), oom("1001"), oom("-1001")), (Some(-1000), Some(1000), None, None));
        let umask = |text: &str| Umask::parse(text.as_bytes()).map(|umask| umask.0).ok();
        assert_eq!((umask("022"), umask("0777"), umask("0")), (Some(0o22), Some(0o777), Some(0)));
        for bad in ["", "22", "18", "1777", "01777", "08", "0o22", "-022"] {
            assert_eq!(umask(bad), None, "{bad}");
        }
        let count = |text: &str| CpuCount::parse(text.as_bytes()).map(|count| count.0).ok();
        assert_eq!((count("1"), count("1024"), count("0"), count("1025")), (Some(1), Some(1024), None, None));
    }

    #[test]
    fn processors_are_numbers_and_ranges() {
        let read = |text: &str| Cpus::parse(text.as_bytes()).map(|cpus| (cpus.first, cpus.last)).ok();
        assert_eq!((read("5"), read("0-3"), read("4-4")), (Some((5, 5)), Some((0, 3)), Some((4, 4))));
        for bad in ["", "-", "3-0", "0-", "-1", "1024", "0-1024", "0-3-5", "a", "70000"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
