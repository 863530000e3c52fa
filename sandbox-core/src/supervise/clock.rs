//! The time a run takes, and the time it may take: CLOCK_MONOTONIC, outer's own.

use std::time::{Duration, Instant};

use crate::sys::Result;
use crate::sys::timer::Alarm;

/// Runs from the moment main may begin.
pub struct Clock {
    limit: Option<(Alarm, Duration)>,
    begun: Option<Instant>,
}

impl Clock {
    pub fn new(limit: Option<(Alarm, Duration)>) -> Self {
        Self { limit, begun: None }
    }

    /// Starts it. The moment is taken before the timer is set: when its signal comes, the time is over.
    pub fn start(&mut self) -> Result<()> {
        self.begun = Some(Instant::now());
        match &self.limit {
            Some((alarm, limit)) => alarm.start(*limit),
            None => Ok(()),
        }
    }

    /// How long it has run; `None` before main.
    pub fn elapsed(&self) -> Option<Duration> {
        self.begun.map(|begun| begun.elapsed())
    }

    /// Whether the limit has passed. Asked of the clock and not of the signal, which others can send too.
    pub fn is_over(&self) -> bool {
        match (&self.limit, self.elapsed()) {
            (Some((_, limit)), Some(elapsed)) => elapsed >= *limit,
            _ => false,
        }
    }
}
