// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A clock that nobody measures, for demonstrations and tests.

use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::{Clock, ClockError, ClockReading};
use crate::time::Time;

/// The system clock, whose accuracy is declared and not measured, watched against the monotonic one. Once a step is seen, it refuses until restarted: which of the two
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
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
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

    fn sources(&self) -> Vec<String> {
        vec![format!(
            "system clock: unverified; declared exact to {} ms",
            self.accuracy.as_millis()
        )]
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
