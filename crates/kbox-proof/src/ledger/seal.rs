// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The bytes that the ledger signs and compares: tokens, checkpoints, retries.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use aws_lc_rs::hmac;

use super::LedgerError;
use crate::clock::ClockReading;
use crate::digest::Sha256Digest;
use crate::event::Origin;
use crate::key::LogSigner;
use crate::merkle::{InclusionProof, LeafIndex, RootHash, TreeSize};
use crate::store::ContentKey;
use crate::time::Time;
use crate::tlog::{Checkpoint, KeyId, KeyName, Note, VerifierKey, encode_proof};
use crate::tsa::Authority;
use crate::tsp::token::certificates_field;
use crate::tsp::{MessageImprint, SerialNumber, TimeStampToken};

/// The authority that signs tokens and the key that signs checkpoints.
pub(super) struct Sealer {
    authority: Authority,
    chain: Vec<Vec<u8>>,
    /// The chain as tokens carry it.
    certificates: Vec<u8>,
    keys: LogKeys,
}

impl Sealer {
    pub(super) fn new(
        origin: &Origin,
        authority: Authority,
        signer: LogSigner,
    ) -> Result<Self, LedgerError> {
        authority
            .check_for_log()
            .map_err(|error| LedgerError::Signing(error.to_string()))?;
        let chain = authority.chain().to_vec();
        Ok(Self {
            authority,
            certificates: certificates_field(&chain),
            chain,
            keys: LogKeys {
                key: VerifierKey::parse(&signer.vkey(origin.as_str()))
                    .map_err(|error| LedgerError::Signing(error.to_string()))?,
                origin: origin.clone(),
                signer: Arc::new(signer),
            },
        })
    }

    /// The authority's certificates, signer first.
    pub(super) fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// The authority's certificates as a token's field.
    pub(super) fn certificates(&self) -> &[u8] {
        &self.certificates
    }

    /// The genTime of a clock's reading, if the clock is as accurate as the tokens say.
    pub(super) fn gen_time(&self, reading: &ClockReading) -> Result<Time, LedgerError> {
        self.authority
            .gen_time(reading)
            .ok_or(LedgerError::ClockInaccurate {
                clock: reading.accuracy,
                stated: self.authority.accuracy(),
            })
    }

    pub(super) fn keys(&self) -> &LogKeys {
        &self.keys
    }

    /// A token over an event's digest, in the form of a leaf: without certificates.
    pub(super) fn leaf(
        &self,
        digest: &Sha256Digest,
        gen_time: Time,
        serial: &SerialNumber,
    ) -> Result<Vec<u8>, LedgerError> {
        let imprint = MessageImprint::sha256(digest);
        self.authority
            .issue(&imprint, gen_time, serial, None, false)
            .map_err(|error| LedgerError::Signing(error.to_string()))
    }
}

/// The log's name and key.
pub(super) struct LogKeys {
    origin: Origin,
    signer: Arc<LogSigner>,
    key: VerifierKey,
}

impl LogKeys {
    /// The same key under the name of another log of this operator: every signature covers the name.
    pub(super) fn of(&self, origin: &Origin) -> Result<Self, LedgerError> {
        Ok(Self {
            key: VerifierKey::parse(&self.signer.vkey(origin.as_str()))
                .map_err(|error| LedgerError::Signing(error.to_string()))?,
            origin: origin.clone(),
            signer: Arc::clone(&self.signer),
        })
    }

    /// The public half.
    pub(super) fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// A signed checkpoint ([C2SP tlog-checkpoint](https://c2sp.org/tlog-checkpoint)). Ed25519 is deterministic: the same
    /// tree always gives the same note, so that signing twice is no second history.
    pub(super) fn checkpoint(
        &self,
        size: TreeSize,
        root: &RootHash,
    ) -> Result<String, LedgerError> {
        let origin = self.origin.as_str();
        let failed = |error: &dyn core::fmt::Display| LedgerError::Signing(error.to_string());
        let text = Checkpoint::new(origin, size, *root)
            .map_err(|error| failed(&error))?
            .encode();
        let name = KeyName::new(origin).map_err(|error| failed(&error))?;
        let key_id = KeyId::from_bytes(self.signer.key_id(origin));
        let signature = self.signer.sign(text.as_bytes()).to_vec();
        let note = Note::unsigned(text).map_err(|error| failed(&error))?;
        Ok(note.with_signature(name, key_id, signature).encode())
    }

    /// Size and root of a stored checkpoint, which must be what this key signs for this origin.
    pub(super) fn open(&self, checkpoint: &str) -> Result<(TreeSize, RootHash), LedgerError> {
        let other = |problem: String| LedgerError::OtherLog { problem };
        let unreadable = |error: &dyn core::fmt::Display| other(format!("its checkpoint: {error}"));
        let note = Note::parse(checkpoint.as_bytes()).map_err(|error| unreadable(&error))?;
        let found = Checkpoint::parse(note.text()).map_err(|error| unreadable(&error))?;
        if found.origin() != self.origin.as_str() {
            let (found, expected) = (found.origin(), self.origin.as_str());
            return Err(other(format!("its origin is {found:?}, not {expected:?}")));
        }
        let (size, root) = (found.size(), *found.root());
        if self.checkpoint(size, &root)? == checkpoint {
            Ok((size, root))
        } else {
            Err(other(
                "its checkpoint was signed by another key".to_string(),
            ))
        }
    }
}

/// A [C2SP tlog-proof](https://c2sp.org/tlog-proof) without extra data.
pub(super) fn proof_text(index: LeafIndex, proof: &InclusionProof, checkpoint: &str) -> String {
    encode_proof(None, index, proof, checkpoint)
}

/// The token that a leaf was made of, with its certificates again.
pub(super) fn token(leaf: &[u8], certificates: &[u8]) -> Result<Vec<u8>, LedgerError> {
    TimeStampToken::encode_leaf_with_certificates(leaf, certificates)
        .map_err(|error| LedgerError::ProofFailed(error.to_string()))
}

/// A serial number in 16 bytes, big-endian.
pub(super) fn serial_bytes(serial: &SerialNumber) -> [u8; 16] {
    let content = serial.as_content();
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().rev().zip(content.iter().rev()) {
        *to = *from;
    }
    bytes
}

/// What two requests must have in common to be one: the body without its claimed time, and the personal part.
pub(super) fn content(body: &[u8], personal: Option<&[u8]>) -> Vec<u8> {
    let mut content = Vec::with_capacity(body.len() + personal.map_or(0, <[u8]>::len) + 9);
    // The length keeps body and personal part apart.
    content.extend_from_slice(&u64::try_from(body.len()).unwrap_or(u64::MAX).to_be_bytes());
    content.extend_from_slice(body);
    if let Some(personal) = personal {
        content.push(1);
        content.extend_from_slice(personal);
    }
    content
}

/// Keyed, since a body alone may be guessed: the digest says nothing once its key is erased.
pub(super) fn content_key(key: [u8; 32], content: &[u8]) -> ContentKey {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), content);
    // HMAC-SHA256 gives 32 bytes.
    let digest = tag.as_ref().try_into().unwrap_or([0; 32]);
    ContentKey { key, digest }
}

pub(super) fn same_content(stored: &ContentKey, content: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &stored.key);
    hmac::verify(&key, content, &stored.digest).is_ok()
}
