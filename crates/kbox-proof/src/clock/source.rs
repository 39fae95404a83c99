// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What time sources say about the system clock, and what follows when a majority of them agrees.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::Moment;

/// Bounds of true time less the system clock, in nanoseconds. Truth lies within, if the source is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetInterval {
    low: i64,
    high: i64,
}

impl OffsetInterval {
    /// From the lower to the upper bound, or `None` when nothing lies between them.
    #[must_use]
    pub fn new(low: i64, high: i64) -> Option<Self> {
        (low <= high).then_some(Self { low, high })
    }

    /// The system clock is right, within `error`.
    #[must_use]
    pub fn within(error: Duration) -> Self {
        let error = nanos(error);
        Self {
            low: -error,
            high: error,
        }
    }

    /// Its middle, in nanoseconds: the best guess at how far the system clock is behind.
    #[must_use]
    pub fn middle(&self) -> i64 {
        self.low.midpoint(self.high)
    }

    /// How far off the system clock may be.
    #[must_use]
    pub fn bound(&self) -> Duration {
        Duration::from_nanos(self.low.unsigned_abs().max(self.high.unsigned_abs()))
    }

    /// Half of the interval's width: how much the source itself leaves open.
    #[must_use]
    pub fn uncertainty(&self) -> Duration {
        Duration::from_nanos(self.high.abs_diff(self.low) / 2)
    }

    fn contains(&self, offset: i64) -> bool {
        (self.low..=self.high).contains(&offset)
    }

    /// Some offset lies in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

/// The middle of the interval, and what it leaves open.
impl fmt::Display for OffsetInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let middle = (i128::from(self.low) + i128::from(self.high)) / 2 / 1000;
        let sign = if middle < 0 { '-' } else { '+' };
        let micros = |f: &mut fmt::Formatter<'_>, value: u128| {
            write!(f, "{}.{:03} ms", value / 1000, value % 1000)
        };
        write!(f, "{sign}")?;
        micros(f, middle.unsigned_abs())?;
        f.write_str(" ± ")?;
        micros(f, self.uncertainty().as_micros())
    }
}

pub(super) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Why a source bounds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceError {
    /// It says of itself that it is not synchronised.
    Unsynchronised,
    /// The kernel is inserting a leap second.
    LeapSecond,
    /// No answer in time.
    NoAnswer,
    /// Only packets came that answer no question of ours.
    Bogus,
    /// A kiss-o'-death packet, with its code (RFC 5905 §7.4).
    Kiss([u8; 4]),
    /// It is not asked now, because of an earlier kiss-o'-death packet.
    Resting([u8; 4]),
    /// Its timestamps contradict one another.
    Inconsistent,
    /// What it leaves open is more than any use of it allows (RFC 5905 §11.2.1).
    TooFar {
        /// The root distance.
        distance: Duration,
    },
    /// Its name has no address.
    NoAddress,
    /// It has an address of a server named before it: together they have one vote.
    SameHost,
    /// The operating system refused.
    System,
    /// This operating system has no such source.
    Unsupported,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = |f: &mut fmt::Formatter<'_>, text: &str, code: &[u8; 4]| {
            f.write_str(text)?;
            for byte in code {
                let shown = if byte.is_ascii_graphic() { *byte } else { b'?' };
                write!(f, "{}", char::from(shown))?;
            }
            Ok(())
        };
        match self {
            Self::Unsynchronised => f.write_str("not synchronised"),
            Self::LeapSecond => f.write_str("inserting a leap second"),
            Self::NoAnswer => f.write_str("no answer"),
            Self::Bogus => f.write_str("only answers to no question of ours"),
            Self::Kiss(kiss) => code(f, "does not want to be asked: ", kiss),
            Self::Resting(kiss) => code(f, "not asked, since it said ", kiss),
            Self::Inconsistent => f.write_str("its timestamps contradict one another"),
            Self::TooFar { distance } => write!(
                f,
                "too far from its reference: {} ms are left open",
                distance.as_millis()
            ),
            Self::SameHost => f.write_str(
                "the same host as a server named before it, with which it shares its vote",
            ),
            Self::NoAddress => f.write_str("its name has no address"),
            Self::System => f.write_str("the operating system refused"),
            Self::Unsupported => f.write_str("this operating system has no such source"),
        }
    }
}

impl core::error::Error for SourceError {}

/// What one source said when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReport {
    /// Its name, for the operator.
    pub name: String,
    /// What it says about the system clock.
    pub outcome: Result<OffsetInterval, SourceError>,
}

/// Whoever can say how far off the system clock is.
pub trait TimeSource: Send {
    /// Asks. Offsets are those of the timeline that starts at `base` and goes on as the monotonic clock does, so that a step of
    /// the system clock while answers are awaited cannot spoil them. One report for each configured source, answer or not.
    fn measure(&mut self, base: &Moment) -> Vec<SourceReport>;
}

/// What the reports say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A majority can be right at once.
    Agreed(OffsetInterval),
    /// A majority answered, and no majority of all can be right at once.
    Disagreement,
    /// A majority says of itself that it is not synchronised.
    Unsynchronised,
    /// Too few answered to say anything.
    Unanswered,
}

/// The interval in which truth lies if a majority of the configured sources is right: from the lowest to the highest offset
/// that a majority allows (Marzullo's intersection with a fixed number of falsetickers, RFC 5905 §11.2.1). Silent sources count
/// as configured: who silences the honest ones gains no vote.
pub(super) fn verdict(reports: &[SourceReport]) -> Verdict {
    let majority = reports.len() / 2 + 1;
    let intervals: Vec<OffsetInterval> = reports
        .iter()
        .filter_map(|report| report.outcome.ok())
        .collect();
    let allowed = |offset: &i64| {
        let votes = intervals.iter().filter(|one| one.contains(*offset)).count();
        votes >= majority
    };
    let low = intervals.iter().map(|one| one.low).filter(allowed).min();
    let high = intervals.iter().map(|one| one.high).filter(allowed).max();
    if let (Some(low), Some(high)) = (low, high) {
        return Verdict::Agreed(OffsetInterval { low, high });
    }
    let unsynchronised = reports
        .iter()
        .filter(|report| {
            matches!(
                report.outcome,
                Err(SourceError::Unsynchronised | SourceError::LeapSecond)
            )
        })
        .count();
    if unsynchronised >= majority {
        Verdict::Unsynchronised
    } else if intervals.len() >= majority {
        Verdict::Disagreement
    } else {
        Verdict::Unanswered
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use alloc::string::ToString;

    const MS: i64 = 1_000_000;

    fn says(low: i64, high: i64) -> Result<OffsetInterval, SourceError> {
        Ok(OffsetInterval::new(low * MS, high * MS).unwrap())
    }

    fn judge(outcomes: &[Result<OffsetInterval, SourceError>]) -> Verdict {
        let reports: Vec<SourceReport> = outcomes
            .iter()
            .map(|outcome| SourceReport {
                name: "one".into(),
                outcome: *outcome,
            })
            .collect();
        verdict(&reports)
    }

    fn agreed(low: i64, high: i64) -> Verdict {
        Verdict::Agreed(OffsetInterval::new(low * MS, high * MS).unwrap())
    }

    #[test]
    fn sources_that_agree_leave_open_only_what_a_majority_allows() {
        assert_eq!(judge(&[says(-3, 5)]), agreed(-3, 5));
        assert_eq!(judge(&[says(-3, 5), says(1, 9)]), agreed(1, 5));
        // Any two of the three may be the right ones: truth may lie from 1 (first and second) to 7 (second and third).
        assert_eq!(judge(&[says(-3, 5), says(1, 9), says(4, 7)]), agreed(1, 7));
    }

    #[test]
    fn a_falseticker_is_outvoted_and_two_are_not() {
        let honest = says(-5, 5);
        let false_ = says(2000, 2001);
        assert_eq!(judge(&[honest, says(-4, 6), false_]), agreed(-4, 5));
        assert_eq!(
            judge(&[honest, false_, says(-9000, -8000)]),
            Verdict::Disagreement
        );
        assert_eq!(judge(&[honest, false_]), Verdict::Disagreement);
        // Of four, two are no majority.
        assert_eq!(
            judge(&[honest, honest, false_, false_]),
            Verdict::Disagreement
        );
    }

    #[test]
    fn silencing_honest_sources_gives_the_others_no_majority() {
        let silent = Err(SourceError::NoAnswer);
        assert_eq!(
            judge(&[says(900, 901), silent, silent]),
            Verdict::Unanswered
        );
        assert_eq!(judge(&[says(-5, 5), says(-4, 6), silent]), agreed(-4, 5));
        assert_eq!(
            judge(&[says(-5, 5), says(7, 9), silent]),
            Verdict::Disagreement
        );
        assert_eq!(judge(&[]), Verdict::Unanswered);
    }

    #[test]
    fn a_majority_that_lost_its_reference_is_heard() {
        let lost = Err(SourceError::Unsynchronised);
        assert_eq!(judge(&[lost]), Verdict::Unsynchronised);
        assert_eq!(judge(&[lost, lost, says(0, 1)]), Verdict::Unsynchronised);
        assert_eq!(judge(&[lost, says(0, 1), says(0, 1)]), agreed(0, 1));
        assert_eq!(
            judge(&[lost, Err(SourceError::NoAnswer)]),
            Verdict::Unanswered
        );
    }

    #[test]
    fn intervals_that_touch_agree_and_the_bound_is_the_farther_end() {
        assert_eq!(judge(&[says(-1, 2), says(2, 3)]), agreed(2, 2));
        assert_eq!(says(-7, 3).unwrap().bound(), Duration::from_millis(7));
        assert_eq!(says(-1, 4).unwrap().bound(), Duration::from_millis(4));
        assert_eq!(OffsetInterval::new(1, 0), None);
        assert_eq!(says(-7, 3).unwrap().to_string(), "-2.000 ms ± 5.000 ms");
        assert_eq!(
            OffsetInterval::new(i64::MIN, i64::MAX).unwrap().bound(),
            Duration::from_nanos(1 << 63)
        );
    }
}
