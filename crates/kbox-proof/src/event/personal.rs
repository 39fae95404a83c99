// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What identifies a person, apart from the event and erasable alone (RGPD art. 17).

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::encoded::EncodedPersonal;
use super::{EventError, RosterEntry, Salt, Text, wire};
use crate::digest::Sha256Digest;

/// Longest personal part in DER.
const MAX_PERSONAL_BYTES: usize = 64 * 1024;

/// Who a recipient is, as the roster commits to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipientIdentity {
    /// The collectivité's own stable identifier of the person.
    pub id: Text,
    /// Name as the convocation writes it.
    pub name: Text,
    /// Function in the assembly, for example `conseiller municipal`.
    pub function: Text,
}

impl RecipientIdentity {
    /// SHA-256(salt || DER(RecipientIdentity)): what the roster holds.
    ///
    /// # Errors
    /// Never for checked texts; the encoder's error otherwise.
    pub fn commitment(&self, salt: &Salt) -> Result<Sha256Digest, EventError> {
        Ok(Sha256Digest::of_parts(&[
            salt.as_bytes(),
            &wire::encode_identity(self)?,
        ]))
    }
}

/// Opens one commitment of a roster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterOpening {
    /// The person.
    pub identity: RecipientIdentity,
    /// The commitment's salt.
    pub salt: Salt,
}

impl RosterOpening {
    /// The roster entry that this opens.
    ///
    /// # Errors
    /// As [`RecipientIdentity::commitment`].
    pub fn entry(&self, for_information: bool) -> Result<RosterEntry, EventError> {
        Ok(RosterEntry {
            commitment: self.identity.commitment(&self.salt)?,
            for_information,
        })
    }
}

/// How the recipient chose to be convened (CGCT L.2121-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Dematerialised, on the platform and by e-mail.
    Dematerialise,
    /// In writing, at home or another address.
    Papier,
}

/// What an event says of a person. Every part is optional: an event states what it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonalData {
    /// Who it is, against the roster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<RosterOpening>,
    /// E-mail or postal address used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Text>,
    /// The channel chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Local date of that choice, `2026-03-21`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_chosen_on: Option<Text>,
    /// The relay's exact answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay_answer: Option<Text>,
    /// RFC 5322 Message-ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Text>,
    /// Network address seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_address: Option<Text>,
}

impl PersonalData {
    /// The DER form, for the idempotency digest.
    ///
    /// # Errors
    /// The encoder's.
    pub fn to_der(&self) -> Result<Vec<u8>, EventError> {
        Ok(EncodedPersonal::new(self)?.as_bytes().to_vec())
    }
}

/// A personal part with its salt: `SEQUENCE { salt OCTET STRING (SIZE (32)), data PersonalData }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasablePart {
    /// The ledger's, one a personal part.
    pub salt: Salt,
    /// What it says.
    pub data: PersonalData,
}

impl ErasablePart {
    /// SHA-256(salt || DER(PersonalData)): `EvidenceEvent.personal`.
    ///
    /// # Errors
    /// The encoder's.
    pub fn digest(&self) -> Result<Sha256Digest, EventError> {
        Ok(EncodedPersonal::new(&self.data)?.digest(&self.salt))
    }

    /// The DER form, as stored and as in a receipt's `personal`.
    ///
    /// # Errors
    /// The encoder's.
    pub fn to_der(&self) -> Result<Vec<u8>, EventError> {
        Ok(EncodedPersonal::new(&self.data)?.erasable(&self.salt))
    }

    /// Reads the DER form strictly.
    ///
    /// # Errors
    /// [`EventError`].
    pub fn from_der(bytes: &[u8]) -> Result<Self, EventError> {
        if bytes.len() > MAX_PERSONAL_BYTES {
            return Err(EventError::TooLong {
                found: bytes.len(),
                max: MAX_PERSONAL_BYTES,
            });
        }
        let part = wire::decode_erasable(bytes)?;
        if part.to_der()? == bytes {
            Ok(part)
        } else {
            Err(EventError::NotDer)
        }
    }
}
