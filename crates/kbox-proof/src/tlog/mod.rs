// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a transparency log says in text, by the C2SP specifications:
//! [signed-note](https://c2sp.org/signed-note), [tlog-checkpoint](https://c2sp.org/tlog-checkpoint),
//! [tlog-cosignature](https://c2sp.org/tlog-cosignature) (Ed25519 and ML-DSA-44), [tlog-proof](https://c2sp.org/tlog-proof),
//! [tlog-policy](https://c2sp.org/tlog-policy) and [tlog-witness](https://c2sp.org/tlog-witness) ([`witness`]).
//!
//! Everything that parses here is canonical: `parse` then `encode` is the identity, and what differs is refused.
//! [`VerifiedCheckpoint`] and [`VerifiedCosignature`] can be made only by checking a signature.
//!
//! Out of scope: private keys (module `key`), fetching anything, and what a cosignature's time is worth (module `verify`).

mod checkpoint;
mod cosignature;
mod note;
mod policy;
mod proof;
mod vkey;
pub mod witness;

pub use checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint};
pub use cosignature::{
    VerifiedCosignature, ed25519_cosignature_message, ml_dsa_44_cosignature_message,
    timestamped_signature,
};
pub use note::{
    KeyId, KeyName, MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES, Note, NoteError, NoteSignature,
};
pub use policy::{
    MAX_POLICY_BYTES, MAX_POLICY_ENTRIES, PolicyError, PolicyLog, PolicyWitness, TlogPolicy,
    WitnessedCheckpoint,
};
#[cfg(feature = "issue")]
pub(crate) use proof::encode as encode_proof;
pub use proof::{MAX_EXTRA_BYTES, TlogProof, TlogProofError};
pub use vkey::{SignatureType, VerifierKey, VkeyError, note_key_id};

/// Standard base64 with padding, one spelling for each value (RFC 4648 §4).
fn base64_decode(text: &str) -> Option<alloc::vec::Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

fn base64_encode(bytes: &[u8]) -> alloc::string::String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn base64_hash_onto(text: &mut alloc::string::String, hash: &[u8; 32]) {
    use base64::Engine as _;
    // A proof has tens of them, and every receipt one: the library's own way clears a kilobyte for each.
    let mut encoded = [0; 44];
    let written = base64::engine::general_purpose::STANDARD.encode_slice(hash, &mut encoded);
    debug_assert_eq!(written, Ok(encoded.len()));
    text.push_str(core::str::from_utf8(&encoded).unwrap_or_default());
}

fn base64_hash(text: &str) -> Option<[u8; 32]> {
    base64_decode(text)?.try_into().ok()
}

/// ASCII decimal without sign or leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
