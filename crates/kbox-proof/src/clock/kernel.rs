// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The kernel's own account of its clock, kept by the time daemon (RFC 1589, adjtimex(2)).

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Moment, OffsetInterval, SourceError, SourceReport, TimeSource};

/// Asks the kernel whether its clock is synchronised, and how far off it may be: `maxerror`, which the time daemon sets and the
/// kernel lets grow by 500 ppm.
///
/// Only as honest as the daemon: chrony (with `rtcsync`) and ntpd give the root distance; systemd-timesyncd claims no error at
/// all at each correction, so it is not to be used with this source.
#[derive(Debug, Default)]
pub struct KernelSource(());

impl KernelSource {
    /// The kernel of this machine.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl TimeSource for KernelSource {
    fn measure(&mut self, _: &Moment) -> Vec<SourceReport> {
        vec![SourceReport {
            name: "kernel".into(),
            outcome: ask().and_then(|discipline| discipline.interval()),
        }]
    }
}

/// What adjtimex(2) says, in its own units.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
#[derive(Clone, Copy, Debug)]
struct Discipline {
    /// What the call returned.
    state: i64,
    status: i64,
    /// Microseconds.
    maxerror: i64,
    /// Microseconds.
    esterror: i64,
    /// What is still to be slewed: nanoseconds with `STA_NANO`, else microseconds.
    offset: i64,
}

// linux/timex.h
const STA_UNSYNC: i64 = 0x0040;
const STA_CLOCKERR: i64 = 0x1000;
const STA_NANO: i64 = 0x2000;
/// A leap second is being inserted.
const TIME_OOP: i64 = 3;
/// Not synchronised.
const TIME_ERROR: i64 = 5;

impl Discipline {
    fn interval(&self) -> Result<OffsetInterval, SourceError> {
        if self.status & (STA_UNSYNC | STA_CLOCKERR) != 0 || self.state == TIME_ERROR {
            return Err(SourceError::Unsynchronised);
        }
        // UTC's 23:59:60 has no POSIX time: nothing is stamped in it (EN 319 421 §7.7.2).
        if self.state == TIME_OOP {
            return Err(SourceError::LeapSecond);
        }
        let micros = |value: i64| {
            u64::try_from(value)
                .map(Duration::from_micros)
                .map_err(|_| SourceError::Inconsistent)
        };
        let offset = self.offset.unsigned_abs();
        let pending = if self.status & STA_NANO == 0 {
            Duration::from_micros(offset)
        } else {
            Duration::from_nanos(offset)
        };
        let error = micros(self.maxerror)?.max(micros(self.esterror)?);
        Ok(OffsetInterval::within(error.saturating_add(pending)))
    }
}

#[cfg(target_os = "linux")]
fn ask() -> Result<Discipline, SourceError> {
    // No bit of `modes` is set: this only reads, and needs no privilege.
    let mut timex = rtime_clock::adjtime::Timex::new();
    let state = rtime_clock::adjtime::adjtimex(&mut timex).map_err(|_| SourceError::System)?;
    let timex = timex.0;
    // C's long has 32 bits on some of Linux's machines.
    #[allow(clippy::useless_conversion)]
    Ok(Discipline {
        state: state.into(),
        status: timex.status.into(),
        maxerror: timex.maxerror.into(),
        esterror: timex.esterror.into(),
        offset: timex.offset.into(),
    })
}

#[cfg(not(target_os = "linux"))]
fn ask() -> Result<Discipline, SourceError> {
    Err(SourceError::Unsupported)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GOOD: Discipline = Discipline {
        state: 0,
        status: STA_NANO | 0x0001,
        maxerror: 12_000,
        esterror: 300,
        offset: -2_000_000,
    };

    #[test]
    fn the_kernels_bound_holds_its_largest_error_and_what_is_still_to_be_slewed() {
        let bound = |discipline: Discipline| discipline.interval().unwrap().bound();
        assert_eq!(bound(GOOD), Duration::from_millis(14));
        let old = Discipline {
            status: 0x0001,
            ..GOOD
        };
        assert_eq!(bound(old), Duration::from_millis(2012));
        let estimated = Discipline {
            esterror: 20_000,
            ..GOOD
        };
        assert_eq!(bound(estimated), Duration::from_millis(22));
    }

    #[test]
    fn a_kernel_that_is_not_synchronised_or_in_a_leap_second_bounds_nothing() {
        let with = |state, flag| {
            Discipline {
                state,
                status: GOOD.status | flag,
                ..GOOD
            }
            .interval()
        };
        assert_eq!(with(0, STA_UNSYNC), Err(SourceError::Unsynchronised));
        assert_eq!(with(0, STA_CLOCKERR), Err(SourceError::Unsynchronised));
        assert_eq!(with(TIME_ERROR, 0), Err(SourceError::Unsynchronised));
        assert_eq!(with(TIME_OOP, 0), Err(SourceError::LeapSecond));
        let negative = Discipline {
            maxerror: -1,
            ..GOOD
        };
        assert_eq!(negative.interval(), Err(SourceError::Inconsistent));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machines_kernel_answers() {
        let discipline = ask().unwrap();
        // The kernel's own limit, NTP_PHASE_LIMIT: beyond it, it calls itself unsynchronised.
        assert!((0..=16_000_000).contains(&discipline.maxerror));
        if discipline.maxerror == 16_000_000 {
            assert_eq!(discipline.interval(), Err(SourceError::Unsynchronised));
        }
    }
}
