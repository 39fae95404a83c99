// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The time that tokens state. This is the only module that reads a clock, and it refuses rather than guesses.
//!
//! Out of scope: keeping the machine's clock right. That is the time daemon's (chrony, ntpd); the accuracy given here is the one
//! that the operator vouches for.

use core::fmt;
use core::time::Duration;
use std::sync::Mutex;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::time::Time;

/// An instant, and how far off it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The instant read.
    pub time: Time,
    /// How far off it may be, to either side.
    pub accuracy: Duration,
}

/// Why there is no time to state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockError {
    /// The system clock moved against the monotonic one: it was set, or the machine slept.
    Stepped {
        /// By how much.
        by: Duration,
    },
    /// The clock stands outside the years that a timestamp can hold.
    OutOfRange,
    /// The source says that it is not synchronised.
    Unsynchronised,
}

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stepped { by } => write!(
                f,
                "the system clock moved by {} ms against the monotonic clock; check it, then restart",
                by.as_millis()
            ),
            Self::OutOfRange => {
                f.write_str("the system clock stands outside the years 1970 to 2262")
            }
            Self::Unsynchronised => f.write_str("the time source is not synchronised"),
        }
    }
}

impl core::error::Error for ClockError {}

/// A source of trusted time.
pub trait Clock: Send + Sync {
    /// The time now.
    ///
    /// # Errors
    /// [`ClockError`] when it cannot be trusted; then nothing may be issued.
    fn read(&self) -> Result<ClockReading, ClockError>;
}

/// The system clock, watched against the monotonic one. Once a step is seen, it refuses until restarted: which of the two
/// sides of the step was right, this process cannot know (EN 319 421 §7.7.2).
#[derive(Debug)]
pub struct SystemClock {
    accuracy: Duration,
    /// Where the two clocks stood at the last reading.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    monotonic: Instant,
    wall: Duration,
    /// What both clocks showed first, and the step that was seen since.
    first_monotonic: Instant,
    first_wall: Duration,
    stepped: Option<Duration>,
}

/// NTP may slew the wall clock by 500 ppm at most (RFC 5905 §11.3); over a run this much drift is no step.
const SLEW_PARTS_PER_MILLION: u32 = 500;

impl SystemClock {
    /// Watches the system clock, whose accuracy the operator vouches for.
    ///
    /// # Errors
    /// [`ClockError::OutOfRange`].
    pub fn new(accuracy: Duration) -> Result<Self, ClockError> {
        let (monotonic, wall) = (Instant::now(), wall_clock()?);
        Ok(Self {
            accuracy,
            state: Mutex::new(State {
                monotonic,
                wall,
                first_monotonic: monotonic,
                first_wall: wall,
                stepped: None,
            }),
        })
    }
}

fn wall_clock() -> Result<Duration, ClockError> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| ClockError::OutOfRange)
}

/// The step between two pairs of readings, beyond what slewing and the accuracy explain.
fn step(
    monotonic: Duration,
    wall_from: Duration,
    wall_to: Duration,
    accuracy: Duration,
) -> Option<Duration> {
    let expected = wall_from.saturating_add(monotonic);
    let by = wall_to.abs_diff(expected);
    let slew = monotonic / 1_000_000 * SLEW_PARTS_PER_MILLION;
    (by > accuracy.saturating_add(slew)).then_some(by)
}

impl Clock for SystemClock {
    fn read(&self) -> Result<ClockReading, ClockError> {
        // A panic elsewhere cannot leave these few words half written in a way that hides a step.
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (monotonic, wall) = (Instant::now(), wall_clock()?);
        if state.stepped.is_none() {
            // Against the last reading, and against the first, so that many small steps are seen too.
            state.stepped = step(
                monotonic.saturating_duration_since(state.monotonic),
                state.wall,
                wall,
                self.accuracy,
            )
            .or_else(|| {
                step(
                    monotonic.saturating_duration_since(state.first_monotonic),
                    state.first_wall,
                    wall,
                    self.accuracy,
                )
            });
        }
        if let Some(by) = state.stepped {
            return Err(ClockError::Stepped { by });
        }
        (state.monotonic, state.wall) = (monotonic, wall);
        let nanos = i64::try_from(wall.as_nanos()).map_err(|_| ClockError::OutOfRange)?;
        Ok(ClockReading {
            time: Time::from_unix_nanos(nanos),
            accuracy: self.accuracy,
        })
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
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = reading;
    }

    /// Moves on by `duration`.
    pub fn advance(&self, duration: Duration) {
        let mut reading = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Ok(reading) = reading.as_mut() {
            reading.time = reading.time.saturating_add(duration);
        }
    }
}

impl Clock for TestClock {
    fn read(&self) -> Result<ClockReading, ClockError> {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_step_of_two_seconds_either_way_is_seen_and_slewing_is_not() {
        let second = Duration::from_secs(1);
        let (start, hour) = (second * 1_000_000, second * 3600);
        assert_eq!(step(hour, start, start + hour, second), None);
        assert_eq!(
            step(second, start, start + second * 3, second),
            Some(second * 2)
        );
        assert_eq!(
            step(second, start, start - second, second),
            Some(second * 2)
        );
        assert_eq!(step(hour, start, start + hour + second, second), None);
    }

    #[test]
    fn the_system_clock_reads_and_states_its_accuracy() {
        let clock = SystemClock::new(Duration::from_millis(250)).unwrap();
        let first = clock.read().unwrap();
        assert_eq!(first.accuracy, Duration::from_millis(250));
        assert!(clock.read().unwrap().time >= first.time);
    }
}
