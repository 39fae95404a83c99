// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Cosignatures: a witness says that it saw this tree, that it extends what it saw before, and when.

use alloc::{format, vec::Vec};

use super::checkpoint::Checkpoint;
use super::note::{KeyId, KeyName, NoteError, NoteSignature};
use super::vkey::{SignatureType, VerifierKey};
use crate::time::Time;

/// A cosignature that holds. Made only by [`VerifiedCheckpoint::cosignatures`](super::VerifiedCheckpoint::cosignatures).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCosignature {
    name: KeyName,
    key_id: KeyId,
    time: Option<Time>,
}

impl VerifiedCosignature {
    /// Name of the witness's key.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// ID of the witness's key.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// When the witness says it signed, to the second; `None` for a zero timestamp, by which it says nothing of time.
    #[must_use]
    pub const fn time(&self) -> Option<Time> {
        self.time
    }
}

/// What an Ed25519 witness signs: two header lines, then the whole text of the checkpoint. `timestamp` in POSIX seconds.
#[must_use]
pub fn ed25519_cosignature_message(checkpoint_text: &str, timestamp: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {timestamp}\n{checkpoint_text}").into_bytes()
}

/// What an ML-DSA-44 cosigner signs for a whole tree.
///
/// ```text
/// struct {
///     uint8 label[12] = "subtree/v1\n\0";
///     opaque cosigner_name<1..2^8-1>;
///     uint64 timestamp;
///     opaque log_origin<1..2^8-1>;
///     uint64 start;
///     uint64 end;
///     uint8 hash[32];
/// } cosigned_message;
/// ```
#[must_use]
pub fn ml_dsa_44_cosignature_message(
    cosigner: &KeyName,
    checkpoint: &Checkpoint,
    timestamp: u64,
) -> Vec<u8> {
    let mut message = Vec::from(*b"subtree/v1\n\0");
    let opaque = |message: &mut Vec<u8>, bytes: &[u8]| {
        // Key names and origins have at most 255 bytes by their constructors.
        message.push(bytes.len() as u8);
        message.extend_from_slice(bytes);
    };
    opaque(&mut message, cosigner.as_str().as_bytes());
    message.extend_from_slice(&timestamp.to_be_bytes());
    opaque(&mut message, checkpoint.origin().as_bytes());
    message.extend_from_slice(&0u64.to_be_bytes());
    message.extend_from_slice(&checkpoint.size().get().to_be_bytes());
    message.extend_from_slice(checkpoint.root().as_bytes());
    message
}

/// A cosignature's bytes as [`Note::with_signature`](super::Note::with_signature) takes them: the big-endian time, then the
/// signature.
#[must_use]
pub fn timestamped_signature(timestamp: u64, signature: &[u8]) -> Vec<u8> {
    [timestamp.to_be_bytes().as_slice(), signature].concat()
}

/// Checks one signature line that names `key`, a key of a cosignature type.
pub(super) fn verify(
    checkpoint: &Checkpoint,
    text: &str,
    key: &VerifierKey,
    line: &NoteSignature,
) -> Result<VerifiedCosignature, NoteError> {
    let (timestamp, signature) = line
        .signature()
        .split_first_chunk::<8>()
        .ok_or_else(|| key.bad_signature())?;
    let timestamp = u64::from_be_bytes(*timestamp);
    let message = match key.signature_type() {
        SignatureType::MlDsa44Cosignature => {
            ml_dsa_44_cosignature_message(key.name(), checkpoint, timestamp)
        }
        _ => ed25519_cosignature_message(text, timestamp),
    };
    key.verify_raw(&message, signature)?;
    let time = match timestamp {
        0 => None,
        _ => {
            let time = i64::try_from(timestamp)
                .ok()
                .and_then(|secs| Time::from_unix_secs(secs).ok());
            Some(time.ok_or(NoteError::TimeOutOfRange { timestamp })?)
        }
    };
    Ok(VerifiedCosignature {
        name: key.name().clone(),
        key_id: key.key_id(),
        time,
    })
}
