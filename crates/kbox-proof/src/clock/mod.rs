// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The time that tokens state. This is the only module that reads a clock, and it refuses rather than guesses.
//!
//! The instant is always the system clock's. How far off it may be is measured ([`MeasuredClock`]) by asking the kernel
//! ([`KernelSource`]) or NTP servers ([`SntpSource`]), or, for demonstrations, what the operator declares ([`SystemClock`]).
//!
//! Out of scope: keeping the machine's clock right. That is the time daemon's (chrony, ntpd).

mod kernel;
mod measured;
mod sntp;
mod source;
mod system;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub use kernel::KernelSource;
pub use measured::{ClockEvent, MeasuredClock, MeasuredConfig};
pub use sntp::{ServerAddressError, SntpSource};
pub use source::{OffsetInterval, SourceError, SourceReport, TimeSource};
pub use system::SystemClock;

use crate::time::Time;

/// An instant, and how far off it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The instant read.
    pub time: Time,
    /// How far off it may be, to either side.
    pub accuracy: Duration,
}

impl ClockReading {
    /// How far off it may be, in whole milliseconds, rounded up.
    #[must_use]
    pub fn accuracy_millis(&self) -> u64 {
        millis_up(self.accuracy)
    }
}

/// Whole milliseconds, rounded up: no clock is exact to 0 ms.
pub(crate) fn millis_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Why there is no time to state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockError {
    /// The system clock moved against the monotonic one: it was set, a leap second was inserted, or the machine slept.
    Stepped {
        /// By how much.
        by: Duration,
    },
    /// The clock stands outside the years that a timestamp can hold.
    OutOfRange,
    /// The sources say that they are not synchronised.
    Unsynchronised,
    /// No measurement has succeeded yet: no majority of the sources answered.
    Unmeasured,
    /// The sources answer, and no majority of them can be right at once.
    Disagreement,
    /// The last measurement is too old (EN 319 421 §7.7.2: a clock's status expires).
    Stale {
        /// How old.
        age: Duration,
    },
    /// The clock is measured, and further off than tokens may be.
    Inaccurate {
        /// How far off it may be.
        accuracy: Duration,
        /// How far off is allowed.
        limit: Duration,
    },
}

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stepped { by } => write!(
                f,
                "the system clock moved by {} ms against the monotonic clock; it is trusted again once it is measured again, or, \
                 where nothing measures it, after a restart",
                by.as_millis()
            ),
            Self::OutOfRange => {
                f.write_str("the system clock stands outside the years 1970 to 2262")
            }
            Self::Unsynchronised => f.write_str("the time source is not synchronised"),
            Self::Unmeasured => f.write_str("no majority of the time sources has answered yet"),
            Self::Disagreement => f.write_str("no majority of the time sources agrees"),
            Self::Stale { age } => write!(
                f,
                "the clock was last measured {} s ago, and no majority of the time sources has answered since",
                age.as_secs()
            ),
            Self::Inaccurate { accuracy, limit } => write!(
                f,
                "the system clock may be off by {} ms, more than the {} ms that are allowed",
                millis_up(*accuracy),
                limit.as_millis()
            ),
        }
    }
}

impl core::error::Error for ClockError {}

/// What the sources last agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// Where true time lay, less the system clock.
    pub offset: OffsetInterval,
    /// How long ago.
    pub age: Duration,
}

/// A source of trusted time.
pub trait Clock: Send + Sync {
    /// The time now.
    ///
    /// # Errors
    /// [`ClockError`] when it cannot be trusted; then nothing may be issued.
    fn read(&self) -> Result<ClockReading, ClockError>;

    /// What each time source last said, in a line for the operator.
    fn sources(&self) -> Vec<String>;

    /// The last measurement; `None` where nothing was measured, or nothing measures.
    fn measurement(&self) -> Option<Measurement> {
        None
    }
}

/// Where the system clock stood between two readings of the monotonic one.
///
/// A thread may be suspended between any two readings: the width of the pair says for how long, so that it is no step.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    before: Instant,
    wall: Duration,
    after: Instant,
}

impl Moment {
    /// Reads both clocks.
    ///
    /// # Errors
    /// [`ClockError::OutOfRange`].
    pub fn now() -> Result<Self, ClockError> {
        let before = Instant::now();
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|_| ClockError::OutOfRange)?;
        Ok(Self {
            before,
            wall,
            after: Instant::now(),
        })
    }

    /// The system clock's instant, right or wrong: nothing is stamped with it.
    ///
    /// # Errors
    /// [`ClockError::OutOfRange`].
    pub fn time(&self) -> Result<Time, ClockError> {
        i64::try_from(self.wall.as_nanos())
            .map(Time::from_unix_nanos)
            .map_err(|_| ClockError::OutOfRange)
    }

    /// How far the system clock moved against the monotonic one until `later`, beyond what the pairs' widths explain.
    fn moved(&self, later: &Self) -> Duration {
        let least = self.wall + later.before.saturating_duration_since(self.after);
        let most = self.wall + later.after.saturating_duration_since(self.before);
        least
            .saturating_sub(later.wall)
            .max(later.wall.saturating_sub(most))
    }
}

/// A clock for tests: it shows what it is told.
#[derive(Debug)]
pub struct TestClock(Mutex<Result<ClockReading, ClockError>>);

impl TestClock {
    /// Shows `time`, accurate to a millisecond.
    #[must_use]
    pub fn at(time: Time) -> Self {
        Self(Mutex::new(Ok(ClockReading {
            time,
            accuracy: Duration::from_millis(1),
        })))
    }

    /// Shows this from now on.
    pub fn set(&self, reading: Result<ClockReading, ClockError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }

    /// Moves on by `duration`.
    pub fn advance(&self, duration: Duration) {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(reading) = reading.as_mut() {
            reading.time = reading.time.saturating_add(duration);
        }
    }
}

impl Clock for TestClock {
    fn read(&self) -> Result<ClockReading, ClockError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sources(&self) -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_clock_is_told_to_be_exact_to_nothing() {
        for (nanos, millis) in [(1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] {
            assert_eq!(millis_up(Duration::from_nanos(nanos)), millis);
        }
    }
}
