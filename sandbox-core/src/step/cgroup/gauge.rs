//! What a group has used and what was done to it, from files that are opened when it is made: when they are read, nobody is
//! left who could open any.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use crate::sys::file;

/// What a file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gauge {
    /// Bytes, a number.
    MemoryPeak,
    /// `oom_kill N` among other lines.
    OomKills,
    /// Tasks, a number.
    PidsPeak,
    /// Lines of names and numbers, in microseconds (version 2).
    CpuStat,
    /// The same, in nanoseconds (version 1).
    CpuStatV1,
    /// Nanoseconds, a number.
    CpuUsage,
}

/// A gauge, and its file in the group's directory.
pub type Place = (Gauge, &'static CStr);

/// What it comes to; absent is what this kernel does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Bytes.
    pub memory_peak: Option<u64>,
    /// Processes that were killed for want of memory.
    pub oom_kills: Option<u64>,
    pub pids_peak: Option<u64>,
    pub cpu: Option<Duration>,
    /// How often all inside were stopped until the next period, and how long in all, each processor on its own.
    pub throttled: Option<u64>,
    pub throttled_time: Option<Duration>,
}

impl Used {
    /// Reads them now.
    pub fn read(gauges: &[(Gauge, OwnedFd)]) -> Self {
        let mut used = Self::default();
        for (gauge, fd) in gauges {
            let mut buffer = [0; 4096];
            // What cannot be read is not told.
            let length = file::read_start(fd.as_fd(), &mut buffer).unwrap_or(0);
            used.take(*gauge, &String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()));
        }
        used
    }

    fn take(&mut self, gauge: Gauge, text: &str) {
        let number = || text.trim().parse().ok();
        let named = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse::<u64>().ok())
        };
        match gauge {
            Gauge::MemoryPeak => self.memory_peak = number(),
            Gauge::OomKills => self.oom_kills = named("oom_kill"),
            Gauge::PidsPeak => self.pids_peak = number(),
            Gauge::CpuUsage => self.cpu = number().map(Duration::from_nanos),
            Gauge::CpuStat => {
                self.cpu = named("usage_usec").map(Duration::from_micros);
                // Without the controller there are no such lines, or they are of another hierarchy's.
                self.throttled = named("nr_throttled").or(self.throttled);
                self.throttled_time = named("throttled_usec").map(Duration::from_micros).or(self.throttled_time);
            }
            Gauge::CpuStatV1 => {
                self.throttled = named("nr_throttled");
                self.throttled_time = named("throttled_time").map(Duration::from_nanos);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(Gauge, &str)]) -> Used {
        let mut used = Used::default();
        files.iter().for_each(|(gauge, text)| used.take(*gauge, text));
        used
    }

    #[test]
    fn both_versions_are_read_in_their_units() {
        let v2 = read(&[
            (Gauge::MemoryPeak, "67108864\n"),
            (Gauge::OomKills, "low 0\nhigh 0\nmax 9\noom 2\noom_kill 3\noom_group_kill 1\n"),
            (Gauge::PidsPeak, "32\n"),
            (Gauge::CpuStat, "usage_usec 1500000\nuser_usec 1\nnr_periods 9\nnr_throttled 4\nthrottled_usec 20\n"),
        ]);
        assert_eq!((v2.memory_peak, v2.oom_kills, v2.pids_peak), (Some(64 << 20), Some(3), Some(32)));
        assert_eq!((v2.cpu, v2.throttled), (Some(Duration::from_millis(1500)), Some(4)));
        assert_eq!(v2.throttled_time, Some(Duration::from_micros(20)));
        let v1 = read(&[
            (Gauge::OomKills, "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
            (Gauge::CpuStatV1, "nr_periods 9\nnr_throttled 4\nthrottled_time 20000\n"),
            (Gauge::CpuUsage, "1500000000\n"),
            (Gauge::CpuStat, "usage_usec 1600000\n"),
        ]);
        assert_eq!((v1.oom_kills, v1.throttled), (Some(1), Some(4)));
        assert_eq!((v1.throttled_time, v1.cpu), (v2.throttled_time, Some(Duration::from_millis(1600))));
    }

    #[test]
    fn what_is_not_told_is_absent_and_not_zero() {
        let all =
            [Gauge::MemoryPeak, Gauge::OomKills, Gauge::PidsPeak, Gauge::CpuStat, Gauge::CpuStatV1, Gauge::CpuUsage];
        for text in ["", "max\n", "oom_kill\n", "oom_kill_disable 0\nunder_oom 0\n", "-1\n"] {
            assert_eq!(read(&all.map(|gauge| (gauge, text))), Used::default(), "{text}");
        }
    }
}
