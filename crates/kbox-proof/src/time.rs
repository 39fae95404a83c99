// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Instants. Time is an argument of everything that verifies; only `clock` reads a clock.

use alloc::string::{String, ToString};
use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant: nanoseconds since the POSIX epoch, UTC, from 1677 to 2262.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

/// A text or number that is no instant this crate can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeError {
    /// Not an RFC 3339 instant with an offset, for example `2026-11-24T18:30:00Z`.
    Rfc3339(String),
    /// Outside the years 1677 to 2262.
    OutOfRange,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rfc3339(text) => write!(
                f,
                "{text:?} is not an RFC 3339 instant; write it as 2026-11-24T18:30:00Z"
            ),
            Self::OutOfRange => f.write_str("instant outside the years 1677 to 2262"),
        }
    }
}

impl core::error::Error for TimeError {}

impl Time {
    /// From seconds since the POSIX epoch.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`].
    pub fn from_unix_secs(secs: i64) -> Result<Self, TimeError> {
        secs.checked_mul(1_000_000_000)
            .map(Self)
            .ok_or(TimeError::OutOfRange)
    }

    /// From milliseconds since the POSIX epoch.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`].
    pub fn from_unix_millis(millis: i64) -> Result<Self, TimeError> {
        millis
            .checked_mul(1_000_000)
            .map(Self)
            .ok_or(TimeError::OutOfRange)
    }

    /// From nanoseconds since the POSIX epoch.
    #[must_use]
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Whole seconds since the POSIX epoch, rounded down.
    #[must_use]
    pub const fn unix_secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Whole milliseconds since the POSIX epoch, rounded down.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Nanoseconds since the POSIX epoch.
    #[must_use]
    pub const fn unix_nanos(self) -> i64 {
        self.0
    }

    /// The same instant without the part below the millisecond: what a token's genTime holds.
    #[must_use]
    pub const fn floor_to_millis(self) -> Self {
        Self(self.0 - self.0.rem_euclid(1_000_000))
    }

    /// Reads an RFC 3339 instant; it must carry `Z` or an offset.
    ///
    /// # Errors
    /// [`TimeError::Rfc3339`], [`TimeError::OutOfRange`].
    pub fn parse_rfc3339(text: &str) -> Result<Self, TimeError> {
        let timestamp: jiff::Timestamp = text
            .parse()
            .map_err(|_| TimeError::Rfc3339(text.chars().take(40).collect()))?;
        i64::try_from(timestamp.as_nanosecond())
            .map(Self)
            .map_err(|_| TimeError::OutOfRange)
    }

    /// Later by `duration`, or the last instant there is.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// Earlier by `duration`, or the first instant there is.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(nanos))
    }

    /// How long after `earlier` this instant is; zero when it is not after.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The same instant for jiff, whose time zone rules the law needs.
    #[must_use]
    pub fn to_timestamp(self) -> jiff::Timestamp {
        // Every i64 of nanoseconds lies within jiff's years -9999 to 9999.
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

/// RFC 3339, UTC, with as many fraction digits as needed: `2026-11-24T18:30:00.123Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_timestamp().fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <alloc::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse_rfc3339(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn text_form_round_trips_and_needs_an_offset() {
        let time = Time::parse_rfc3339("2026-11-24T19:30:00.250+01:00").unwrap();
        assert_eq!(time.to_string(), "2026-11-24T18:30:00.25Z");
        assert_eq!(Time::parse_rfc3339(&time.to_string()), Ok(time));
        assert!(Time::parse_rfc3339("2026-11-24T19:30:00").is_err());
    }

    #[test]
    fn rounding_goes_down_before_the_epoch_too() {
        let time = Time::from_unix_nanos(-1);
        assert_eq!((time.unix_secs(), time.unix_millis()), (-1, -1));
        assert_eq!(time.floor_to_millis().unix_nanos(), -1_000_000);
    }
}
