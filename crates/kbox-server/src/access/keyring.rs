// SPDX-License-Identifier: Apache-2.0 OR MIT
//! API keys: `kbox_<id>_<32 random bytes, base64url>`. Only the digest is kept: who reads the store cannot use a key.

use std::fmt;
use std::sync::Arc;

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::Collectivite;
use kbox_proof::key::random_bytes;
use kbox_proof::ledger::{Ledger, LedgerError, RecordBatch};
use kbox_proof::time::Time;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::audit::{Audit, AuditError, Event};

const PREFIX: &str = "server/key/";
/// No key is longer: `kbox_`, 16 hexadecimal digits, `_`, 43 characters.
const KEY_LEN: usize = 5 + 16 + 1 + 43;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Adds collectivités and keys; sees no personal data.
    Administrateur,
    /// A collectivité's secretariat: its pages, and all that an integration may do.
    Secretariat,
    /// Software of a collectivité: records events and runs the workflow.
    Integration,
    /// Whoever watches the service: reads the metrics, and nothing else.
    Supervision,
}

impl Role {
    /// As on the command line and in JSON.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "administrateur" => Some(Self::Administrateur),
            "secretariat" => Some(Self::Secretariat),
            "integration" => Some(Self::Integration),
            "supervision" => Some(Self::Supervision),
            _ => None,
        }
    }

    /// Belongs to no collectivité.
    fn is_the_operators(self) -> bool {
        matches!(self, Self::Administrateur | Self::Supervision)
    }
}

/// Who a key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    /// The key's public part.
    pub(crate) key_id: String,
    /// What it may do.
    pub(crate) role: Role,
    /// For whom; none for an administrator.
    pub(crate) collectivite: Option<Collectivite>,
}

/// A key as kept, and as listed (without the digest).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRecord {
    /// Public part.
    pub(crate) id: String,
    /// What it may do.
    pub(crate) role: Role,
    /// For whom.
    #[serde(default)]
    pub(crate) collectivite: Option<Collectivite>,
    /// When it was made.
    pub(crate) created: Time,
    /// Of the whole key's text.
    sha256: Sha256Digest,
}

/// Why a key could not be made or looked up.
#[derive(Debug)]
pub(crate) enum KeyringError {
    /// A key of the operator's names no collectivité, every other does.
    Collectivite,
    /// No random bytes.
    Random(String),
    /// The store.
    Ledger(LedgerError),
    /// What is done cannot be logged.
    Audit(AuditError),
    /// A stored key cannot be read.
    Record(String),
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collectivite => f.write_str(
                "a key of role secretariat or integration belongs to one collectivité (its SIREN), one of role administrateur or \
                 supervision to none",
            ),
            Self::Random(problem) => write!(f, "no key could be made: {problem}"),
            Self::Ledger(error) => error.fmt(f),
            Self::Audit(error) => write!(f, "no key was made or removed: {error}"),
            Self::Record(problem) => write!(f, "a stored key cannot be read: {problem}"),
        }
    }
}

impl std::error::Error for KeyringError {}

impl From<LedgerError> for KeyringError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

/// The keys of this server.
pub(crate) struct Keyring {
    ledger: Arc<Ledger>,
    audit: Arc<Audit>,
}

fn place(id: &str) -> String {
    format!("{PREFIX}{id}")
}

/// The key's public part, when the text has a key's shape.
fn id_of(text: &str) -> Option<&str> {
    let (id, secret) = text.strip_prefix("kbox_")?.split_once('_')?;
    let shape = text.len() == KEY_LEN
        && id.len() == 16
        && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && secret
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    shape.then_some(id)
}

fn read(bytes: &[u8]) -> Result<KeyRecord, KeyringError> {
    serde_json::from_slice(bytes).map_err(|error| KeyringError::Record(error.to_string()))
}

impl Keyring {
    pub(crate) fn new(ledger: Arc<Ledger>, audit: Arc<Audit>) -> Self {
        Self { ledger, audit }
    }

    /// Makes a key, for whoever holds the key `by`, or sits at the command line. `before` gets it before it is valid, to put it where it will be found; the text is shown once only.
    pub(crate) fn create<E: From<KeyringError>>(
        &self,
        role: Role,
        collectivite: Option<Collectivite>,
        by: Option<&str>,
        now: Time,
        before: impl FnOnce(&str) -> Result<(), E>,
    ) -> Result<(KeyRecord, Zeroizing<String>), E> {
        if role.is_the_operators() != collectivite.is_none() {
            return Err(KeyringError::Collectivite.into());
        }
        let random = |error: kbox_proof::key::KeyError| KeyringError::Random(error.to_string());
        let id = u64::from_be_bytes(random_bytes().map_err(random)?);
        let id = format!("{id:016x}");
        let secret = super::secret().map_err(random)?;
        let text = Zeroizing::new(format!("kbox_{id}_{}", secret.as_str()));
        let record = KeyRecord {
            id,
            role,
            collectivite,
            created: now,
            sha256: Sha256Digest::of(text.as_bytes()),
        };
        before(&text)?;
        let mut batch = RecordBatch::new();
        let json =
            serde_json::to_vec(&record).map_err(|error| KeyringError::Record(error.to_string()))?;
        batch.put(place(&record.id), json);
        let by = by.map(str::to_string);
        let made = Event::ApiKeyMade {
            id: record.id.clone(),
            role,
            collectivite: record.collectivite.clone(),
            by: by.clone(),
        };
        self.audit.record(made).map_err(KeyringError::Audit)?;
        if let Err(error) = self.ledger.record(Vec::new(), batch) {
            let id = record.id;
            self.audit.note(Event::ApiKeyRemoved { id, by });
            return Err(KeyringError::from(error).into());
        }
        Ok((record, text))
    }

    /// Whom the key stands for; `None` when it is none of ours.
    pub(crate) fn authenticate(&self, text: &str) -> Result<Option<Principal>, KeyringError> {
        let Some(id) = id_of(text) else {
            return Ok(None);
        };
        let stored = self.ledger.store().get(place(id).as_bytes());
        let Some(bytes) = stored.map_err(LedgerError::from)? else {
            return Ok(None);
        };
        let record = read(&bytes)?;
        let found = Sha256Digest::of(text.as_bytes());
        // Digests of secrets, compared in constant time all the same: it costs nothing.
        let same = aws_lc_rs::constant_time::verify_slices_are_equal(
            found.as_bytes(),
            record.sha256.as_bytes(),
        );
        Ok(same.is_ok().then_some(Principal {
            key_id: record.id,
            role: record.role,
            collectivite: record.collectivite,
        }))
    }

    /// All keys, without their secrets.
    pub(crate) fn list(&self) -> Result<Vec<KeyRecord>, KeyringError> {
        let stored = self.ledger.store().scan(PREFIX.as_bytes());
        stored
            .map_err(LedgerError::from)?
            .iter()
            .map(|(_, bytes)| read(bytes))
            .collect()
    }

    /// The key is no longer valid; `false` when there is none.
    pub(crate) fn remove(&self, id: &str, by: Option<&str>) -> Result<bool, KeyringError> {
        let key = place(id);
        let known = self.ledger.store().get(key.as_bytes());
        if known.map_err(LedgerError::from)?.is_none() {
            return Ok(false);
        }
        let mut batch = RecordBatch::new();
        batch.delete(key);
        self.ledger.record(Vec::new(), batch)?;
        self.audit.note(Event::ApiKeyRemoved {
            id: id.to_string(),
            by: by.map(str::to_string),
        });
        Ok(true)
    }
}

impl KeyRecord {
    /// What may be shown of a key.
    pub(crate) fn public(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id,
            "role": self.role,
            "collectivite": self.collectivite,
            "created": self.created,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_texts_of_a_keys_exact_shape_reach_the_store() {
        let good = format!("kbox_0123456789abcdef_{}", "A".repeat(43));
        assert_eq!(id_of(&good), Some("0123456789abcdef"));
        for bad in [
            String::new(),
            good.to_uppercase(),
            good.replace("kbox_", "kbox-"),
            good.replace("0123456789abcdef", "../../../../etc/"),
            format!("{good}A"),
            good.replace('A', "é"),
        ] {
            assert_eq!(id_of(&bad), None, "{bad}");
        }
    }
}
