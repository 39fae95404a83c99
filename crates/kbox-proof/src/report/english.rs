// SPDX-License-Identifier: Apache-2.0 OR MIT
//! English dates; the French ones are those of `law`.

use alloc::format;
use alloc::string::String;

use crate::event::{ErasureBasis, OpeningReason};
use crate::law::{Jour, LocalDateTime};

const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `Tuesday 24 November 2026`
pub(super) fn day(day: Jour) -> String {
    let (year, month, of_month) = day.ymd();
    let name = |names: &[&'static str], index: i8| {
        let index = usize::try_from(index).ok();
        index
            .and_then(|index| names.get(index))
            .copied()
            .unwrap_or_default()
    };
    format!(
        "{} {of_month} {} {year}",
        name(&DAYS, day.days_since_monday()),
        name(&MONTHS, month - 1)
    )
}

/// `Tuesday 24 November 2026 at 18:30`
pub(super) fn day_and_time(local: LocalDateTime) -> String {
    let (hour, minute, second) = local.hms();
    let seconds = match second {
        0 => String::new(),
        second => format!(":{second:02}"),
    };
    format!("{} at {hour:02}:{minute:02}{seconds}", day(local.jour()))
}

pub(super) const fn opening(reason: OpeningReason) -> &'static str {
    match reason {
        OpeningReason::Restore => "restored from a backup",
        OpeningReason::Copy => "a copy of it went on elsewhere",
        OpeningReason::WrongClock => "a wrong clock had dated it into the future",
        OpeningReason::Damage => "it was damaged",
    }
}

pub(super) const fn basis(basis: ErasureBasis) -> &'static str {
    match basis {
        ErasureBasis::NoLongerNecessary => "no longer necessary",
        ErasureBasis::ConsentWithdrawn => "consent withdrawn",
        ErasureBasis::Objection => "the person objects",
        ErasureBasis::UnlawfulProcessing => "unlawful processing",
        ErasureBasis::LegalObligation => "legal obligation",
        ErasureBasis::ChildsData => "a child's data",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_english_date_is_the_french_one_in_other_words() {
        for (text, english) in [
            ("2026-11-24T18:30", "Tuesday 24 November 2026 at 18:30"),
            ("2027-01-03T09:05:07", "Sunday 3 January 2027 at 09:05:07"),
        ] {
            assert_eq!(day_and_time(LocalDateTime::parse(text).unwrap()), english);
        }
    }
}
