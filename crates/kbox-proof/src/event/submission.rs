// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A sending: which séance, under which rule, which papers, to whom.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{EventError, MAX_PAPERS, MAX_ROSTER, Text};
use crate::digest::Sha256Digest;

/// The meeting that is convened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seance {
    /// The collectivité's own identifier.
    pub id: Text,
    /// `commune`, `epci`, `departement`, … as in `law::Instance`.
    pub instance: Text,
    /// Title, for example `Conseil municipal de Doullens`.
    pub intitule: Text,
    /// Where it is held.
    pub lieu: Text,
    /// Local date and time, `2026-12-02T18:30`.
    pub debut: Text,
    /// IANA time zone of the seat, `Europe/Paris`.
    pub fuseau: Text,
    /// Offset from UTC at that time, seconds, east positive: what the zone meant then.
    pub utc_offset: i32,
    /// Version of the time zone database used, `2026b`.
    pub tzdb: Text,
}

/// Whether days are counted free (*francs*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// Day of sending and day of meeting excluded.
    Franc,
    /// "n jours au moins avant".
    NonFranc,
}

/// The rule declared at the time, with the facts it rests on: enough to select it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Row of the rule table, for example `COM-L`.
    pub id: Text,
    /// Article of law.
    pub article: Text,
    /// Days demanded.
    pub jours: u16,
    /// Free or not.
    pub nature: Nature,
    /// Legal population, where the rule depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<u32>,
    /// Département code, where local law depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departement: Option<Text>,
    /// Urgency and its reason, where declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgence: Option<Text>,
    /// Second convocation after a lacking quorum.
    #[serde(default)]
    pub seconde_convocation: bool,
}

/// What a paper is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaperNature {
    /// The convocation itself.
    Convocation,
    /// *Ordre du jour*.
    OrdreDuJour,
    /// *Note explicative de synthèse* (CGCT L.2121-12).
    NoteDeSynthese,
    /// *Rapport* or draft deliberation.
    Rapport,
    /// *Annexe*.
    Annexe,
}

/// One paper of a sending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// SHA-256 of its bytes.
    pub digest: Sha256Digest,
    /// Bytes.
    pub size: u64,
    /// Title.
    pub titre: Text,
    /// Kind.
    pub nature: PaperNature,
}

/// One recipient, hidden: the index in the list names the recipient in later events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterEntry {
    /// SHA-256(salt || DER(RecipientIdentity)).
    pub commitment: Sha256Digest,
    /// Receives a copy for information only: no legal period runs for it.
    #[serde(default)]
    pub for_information: bool,
}

/// Opens a sending and fixes all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The meeting.
    pub seance: Seance,
    /// The convening period.
    pub rule: Rule,
    /// Function of the convocation's author, for example `Le maire`.
    pub author: Text,
    /// From 1; a later version refers to the one before.
    pub version: u32,
    /// At least one.
    pub papers: Vec<Paper>,
    /// At least one.
    pub roster: Vec<RosterEntry>,
}

impl Submission {
    pub(super) fn check(&self) -> Result<(), EventError> {
        for (what, len, max) in [
            ("papers", self.papers.len(), MAX_PAPERS),
            ("recipients", self.roster.len(), MAX_ROSTER),
        ] {
            if len == 0 {
                return Err(EventError::None { what });
            }
            if len > max {
                return Err(EventError::TooMany { what, max });
            }
        }
        if self.version == 0 {
            return Err(EventError::VersionZero);
        }
        self.seance.local_start().map(|_| ())
    }
}

impl Seance {
    /// The local date and time as jiff's civil type.
    ///
    /// # Errors
    /// [`EventError::NotALocalDateTime`] unless written exactly as `2026-12-02T18:30`.
    pub fn local_start(&self) -> Result<jiff::civil::DateTime, EventError> {
        let text = self.debut.as_str();
        let parsed = jiff::civil::DateTime::strptime("%Y-%m-%dT%H:%M", text)
            .map_err(|_| EventError::NotALocalDateTime)?;
        let canonical = text.len() == 16 && text.is_ascii();
        if canonical {
            Ok(parsed)
        } else {
            Err(EventError::NotALocalDateTime)
        }
    }
}
