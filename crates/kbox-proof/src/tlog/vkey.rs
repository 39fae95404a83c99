// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Verifier keys and the three signature algorithms.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use ed25519_dalek::{Signature, VerifyingKey};
use ml_dsa::{EncodedVerifyingKey, MlDsa44};

use super::note::{KeyId, KeyName, Note, NoteError, NoteSignature};
use super::{base64_decode, base64_encode};
use crate::digest::Sha256Digest;

/// Bytes of an ML-DSA-44 public key (FIPS 204, table 2).
const ML_DSA_44_KEY_BYTES: usize = 1312;
/// A name of 255 bytes, 8 of ID, and the longest key in base64.
const MAX_VKEY_BYTES: usize = 2200;

/// What a key signs, and how: the identifier byte of signed-note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureType {
    /// `0x01`: Ed25519 over the note's text; what a log signs with.
    Ed25519,
    /// `0x04`: timestamped Ed25519 cosignature of a checkpoint; what a witness signs with.
    Ed25519Cosignature,
    /// `0x06`: timestamped ML-DSA-44 cosignature; witnesses, and logs too, may sign with it.
    MlDsa44Cosignature,
}

impl SignatureType {
    /// The identifier byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Ed25519Cosignature => 0x04,
            Self::MlDsa44Cosignature => 0x06,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Ed25519),
            0x04 => Some(Self::Ed25519Cosignature),
            0x06 => Some(Self::MlDsa44Cosignature),
            _ => None,
        }
    }

    const fn key_bytes(self) -> usize {
        match self {
            Self::Ed25519 | Self::Ed25519Cosignature => 32,
            Self::MlDsa44Cosignature => ML_DSA_44_KEY_BYTES,
        }
    }

    /// Whether it carries a time.
    #[must_use]
    pub const fn is_cosignature(self) -> bool {
        !matches!(self, Self::Ed25519)
    }

    /// Whether tlog-checkpoint has logs sign with it.
    #[must_use]
    pub const fn is_for_logs(self) -> bool {
        !matches!(self, Self::Ed25519Cosignature)
    }
}

/// `SHA-256(key name || 0x0A || signature type || public key)[:4]`.
#[must_use]
pub fn note_key_id(name: &KeyName, signature_type: SignatureType, public_key: &[u8]) -> KeyId {
    let digest = Sha256Digest::of_parts(&[
        name.as_str().as_bytes(),
        b"\n",
        &[signature_type.byte()],
        public_key,
    ]);
    let [a, b, c, d, ..] = *digest.as_bytes();
    KeyId::from_bytes([a, b, c, d])
}

/// Why a verifier key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VkeyError {
    /// The text is not of the form `<key name>+<hex key ID>+<base64>`.
    Form,
    /// The signature type is none that we verify.
    SignatureType {
        /// The identifier byte found.
        byte: u8,
    },
    /// The public key has the wrong length, is no point of the curve, or is a weak one.
    PublicKey,
    /// The key ID in the text is not the one that name, type and key give.
    KeyId {
        /// The ID found.
        found: KeyId,
        /// The ID that it should be.
        expected: KeyId,
    },
}

impl fmt::Display for VkeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("the verifier key is not of the form name+id+base64; copy it whole"),
            Self::SignatureType { byte } => {
                write!(f, "keys of signature type 0x{byte:02x} are not supported; use Ed25519 (0x01, 0x04) or ML-DSA-44 (0x06)")
            }
            Self::PublicKey => f.write_str("the public key has a wrong length or is not a sound key; ask its owner for it again"),
            Self::KeyId { found, expected } => {
                write!(f, "the key ID is {found} but this name and key give {expected}; the key was altered or mistyped")
            }
        }
    }
}

impl core::error::Error for VkeyError {}

/// A public key that signs notes, with its name.
///
/// ```text
/// <key name>+hex(32-bit key ID)+base64(signature type || public key)
/// ```
///
/// ```
/// use kbox_proof::tlog::{Note, VerifierKey};
///
/// let key = VerifierKey::parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")?;
/// assert_eq!(key.name().as_str(), "example.com/foo");
/// # Ok::<(), kbox_proof::tlog::VkeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: KeyName,
    key_id: KeyId,
    signature_type: SignatureType,
    public_key: Vec<u8>,
}

impl VerifierKey {
    /// A key under a name; the key ID follows from them.
    ///
    /// # Errors
    /// [`VkeyError::PublicKey`] when the bytes are no sound key of that type.
    pub fn new(
        name: KeyName,
        signature_type: SignatureType,
        public_key: &[u8],
    ) -> Result<Self, VkeyError> {
        if public_key.len() != signature_type.key_bytes() {
            return Err(VkeyError::PublicKey);
        }
        // Under a small-order key some signatures hold for every message.
        if signature_type != SignatureType::MlDsa44Cosignature
            && ed25519_key(public_key).is_none_or(|key| key.is_weak())
        {
            return Err(VkeyError::PublicKey);
        }
        let key_id = note_key_id(&name, signature_type, public_key);
        Ok(Self {
            name,
            key_id,
            signature_type,
            public_key: public_key.to_vec(),
        })
    }

    /// Reads a vkey in its one form; the key ID must be the one that name and key give.
    ///
    /// # Errors
    /// [`VkeyError`].
    pub fn parse(text: &str) -> Result<Self, VkeyError> {
        if text.len() > MAX_VKEY_BYTES {
            return Err(VkeyError::Form);
        }
        let (name, rest) = text.split_once('+').ok_or(VkeyError::Form)?;
        // The base64 part may have a plus of its own.
        let (id, encoded) = rest.split_once('+').ok_or(VkeyError::Form)?;
        let name = KeyName::new(name).map_err(|_| VkeyError::Form)?;
        let found = u32::from_str_radix(id, 16)
            .ok()
            .map(|id| KeyId::from_bytes(id.to_be_bytes()));
        let found = found
            .filter(|found| found.to_string() == id)
            .ok_or(VkeyError::Form)?;
        let bytes = base64_decode(encoded).ok_or(VkeyError::Form)?;
        let (&byte, public_key) = bytes.split_first().ok_or(VkeyError::Form)?;
        let signature_type =
            SignatureType::from_byte(byte).ok_or(VkeyError::SignatureType { byte })?;
        let key = Self::new(name, signature_type, public_key)?;
        if key.key_id != found {
            return Err(VkeyError::KeyId {
                found,
                expected: key.key_id,
            });
        }
        Ok(key)
    }

    /// The text form.
    #[must_use]
    pub fn encode(&self) -> String {
        let material = [&[self.signature_type.byte()], self.public_key.as_slice()].concat();
        format!("{}+{}+{}", self.name, self.key_id, base64_encode(&material))
    }

    /// The key's name; for a log, its origin.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's ID.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// What it signs, and how.
    #[must_use]
    pub const fn signature_type(&self) -> SignatureType {
        self.signature_type
    }

    /// The public key's bytes, without the type: 32 for Ed25519, 1,312 for ML-DSA-44.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The signature lines of `note` that name this key; none of them is verified.
    pub(super) fn lines_of<'a>(
        &'a self,
        note: &'a Note,
    ) -> impl Iterator<Item = &'a NoteSignature> {
        note.signatures()
            .iter()
            .filter(|line| *line.name() == self.name && line.key_id() == self.key_id)
    }

    /// Checks the bare signature over the bare message.
    pub(super) fn verify_raw(&self, message: &[u8], signature: &[u8]) -> Result<(), NoteError> {
        let holds = match self.signature_type {
            SignatureType::Ed25519 | SignatureType::Ed25519Cosignature => {
                let signature = Signature::from_slice(signature).ok();
                ed25519_key(&self.public_key)
                    .zip(signature)
                    .is_some_and(|(key, signature)| key.verify_strict(message, &signature).is_ok())
            }
            SignatureType::MlDsa44Cosignature => {
                let key = EncodedVerifyingKey::<MlDsa44>::try_from(self.public_key.as_slice()).ok();
                let signature = ml_dsa::Signature::<MlDsa44>::try_from(signature).ok();
                key.zip(signature).is_some_and(|(key, signature)| {
                    ml_dsa::VerifyingKey::<MlDsa44>::decode(&key).verify_with_context(
                        message,
                        &[],
                        &signature,
                    )
                })
            }
        };
        if holds {
            Ok(())
        } else {
            Err(self.bad_signature())
        }
    }

    pub(super) fn bad_signature(&self) -> NoteError {
        NoteError::BadSignature {
            name: self.name.clone(),
            key_id: self.key_id,
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.encode())
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "VerifierKey({}+{} {:?})",
            self.name, self.key_id, self.signature_type
        )
    }
}

fn ed25519_key(bytes: &[u8]) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()
}
