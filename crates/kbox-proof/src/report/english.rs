// SPDX-License-Identifier: Apache-2.0 OR MIT
//! English dates, and words for events and levels; the French dates are those of `law`.

use alloc::format;
use alloc::string::String;

use crate::event::{Detail, ErasureBasis, OpeningReason};
use crate::law::{Jour, LocalDateTime};
use crate::receipt::Demand;

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

/// `Tuesday 24 November 2026 at 18:30:00`
pub(super) fn day_and_time(local: LocalDateTime) -> String {
    let (hour, minute, second) = local.hms();
    format!("{} at {hour:02}:{minute:02}:{second:02}", day(local.jour()))
}

pub(super) const fn event(detail: &Detail) -> &'static str {
    match detail {
        Detail::SubmissionAcceptance(_) => "sending sealed",
        Detail::ContentConsignment(_) => "papers put at disposal",
        Detail::ContentConsignmentFailure(_) => "papers could not be put at disposal",
        Detail::ConsignmentNotification(_) => "notice",
        Detail::ConsignmentNotificationFailure(_) => "notice could not be given",
        Detail::RelayToNonErds(_) => "notice taken by a mail relay",
        Detail::RelayToNonErdsFailure(_) => "notice refused by a mail relay",
        Detail::ContentAccessTracking(_) => "opening",
        Detail::ContentHandover(_) => "paper handed over",
        Detail::ConsignmentAcceptance(_) => "acknowledgement",
        Detail::TrustBundlePublication(_) => "trust bundle published",
        Detail::PersonalDataErasure(_) => "personal data erased",
        Detail::ShardOpening(_) => "log begun after another",
    }
}

/// With what it takes, and what JSON and trust.json call it.
pub(super) const fn level(level: Demand) -> &'static str {
    match level {
        Demand::Horodate => "timestamped (horodate: the token is valid; no log holds it)",
        Demand::Journalise => {
            "logged (journalise: in the service's log, without witness or outside authority)"
        }
        Demand::Temoigne => {
            "witnessed (temoigne: in the log, whose checkpoint independent witnesses signed)"
        }
        Demand::Ancre => {
            "anchored (ancre: in the log, whose checkpoint witnesses signed and an outside authority timestamped)"
        }
    }
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
            ("2026-11-24T18:30", "Tuesday 24 November 2026 at 18:30:00"),
            ("2027-01-03T09:05:07", "Sunday 3 January 2027 at 09:05:07"),
        ] {
            assert_eq!(day_and_time(LocalDateTime::parse(text).unwrap()), english);
        }
    }
}
