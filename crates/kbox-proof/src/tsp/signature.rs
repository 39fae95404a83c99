// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Signatures of tokens, certificates and revocation data: a public key read once ([`VerifyingKey`]), and the algorithm that
//! an AlgorithmIdentifier names ([`SignatureAlgorithm`]).

use alloc::boxed::Box;

use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use signature::hazmat::PrehashVerifier;

use super::TspError;
use super::algorithm::{AlgorithmIdentifier, HashAlgorithm};
use super::certificate::bit_string;
use super::der;
use super::oid::known;

/// Weaker keys no longer prove anything (TS 119 312); larger ones only cost time.
const RSA_BITS: core::ops::RangeInclusive<u32> = 2048..=8192;

/// Why a signature was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureFailure {
    /// The algorithm, key type or key size is unknown or too weak.
    Algorithm,
    /// It does not verify.
    Signature,
}

/// What an AlgorithmIdentifier of a signature says, its parameters checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2)
    RsaPkcs1(HashAlgorithm),
    /// ECDSA, the curve being the key's (RFC 5758 §3.2)
    Ecdsa(HashAlgorithm),
}

impl SignatureAlgorithm {
    /// `digest` is the SignerInfo's digest algorithm, which the signature algorithm must agree with; certificates and
    /// revocation data have none.
    pub(crate) fn new(
        algorithm: &AlgorithmIdentifier,
        digest: Option<HashAlgorithm>,
    ) -> Result<Self, SignatureFailure> {
        let unsupported = SignatureFailure::Algorithm;
        let found = match algorithm.algorithm.as_content() {
            // RFC 3370 §3.2: the key's own identifier, the digest named apart.
            known::RSA => Self::RsaPkcs1(digest.ok_or(unsupported)?),
            known::SHA256_RSA => Self::RsaPkcs1(HashAlgorithm::Sha256),
            known::SHA384_RSA => Self::RsaPkcs1(HashAlgorithm::Sha384),
            known::SHA512_RSA => Self::RsaPkcs1(HashAlgorithm::Sha512),
            known::ECDSA_SHA256 => Self::Ecdsa(HashAlgorithm::Sha256),
            known::ECDSA_SHA384 => Self::Ecdsa(HashAlgorithm::Sha384),
            known::ECDSA_SHA512 => Self::Ecdsa(HashAlgorithm::Sha512),
            _ => return Err(unsupported),
        };
        if !algorithm.has_no_parameters() || digest.is_some_and(|digest| digest != found.hash()) {
            return Err(unsupported);
        }
        Ok(found)
    }

    const fn hash(self) -> HashAlgorithm {
        match self {
            Self::RsaPkcs1(hash) | Self::Ecdsa(hash) => hash,
        }
    }
}

/// A public key, parsed and strong enough. It verifies any number of signatures.
#[derive(Clone, Debug)]
pub(crate) struct VerifyingKey(Key);

#[derive(Clone, Debug)]
enum Key {
    Rsa(Box<rsa::PublicKey>),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
}

impl VerifyingKey {
    /// From a SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// [`SignatureFailure::Algorithm`] when the key is of an unknown kind, too weak or malformed.
    pub(crate) fn from_public_key_info(spki: &[u8]) -> Result<Self, SignatureFailure> {
        Self::parse(spki)
            .ok()
            .flatten()
            .map(Self)
            .ok_or(SignatureFailure::Algorithm)
    }

    fn parse(spki: &[u8]) -> Result<Option<Key>, TspError> {
        let mut parts = der::single(spki, der::SEQUENCE)?.elements();
        let algorithm = AlgorithmIdentifier::from_element(&parts.expect(der::SEQUENCE)?)?;
        let key = bit_string(&parts.expect(der::BIT_STRING)?)?;
        parts.finish()?;
        Ok(
            match (algorithm.algorithm.as_content(), &algorithm.parameters) {
                (known::RSA, _) => rsa::PublicKey::from_pkcs1_der(&key)
                    .ok()
                    .filter(|key| RSA_BITS.contains(&key.n().bit_width()))
                    .map(|key| Key::Rsa(Box::new(key))),
                (known::EC, Some(curve)) => match der::single(curve, der::OID)?.content {
                    known::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(&key)
                        .ok()
                        .map(Key::P256),
                    known::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(&key)
                        .ok()
                        .map(Key::P384),
                    _ => None,
                },
                _ => None,
            },
        )
    }

    /// Verifies this key's signature over `message`.
    ///
    /// # Errors
    /// [`SignatureFailure`]; `Algorithm` when the algorithm is not one of this kind of key.
    pub(crate) fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureFailure> {
        let verified = match (&self.0, algorithm) {
            (Key::Rsa(key), SignatureAlgorithm::RsaPkcs1(hash)) => {
                return verify_rsa(key, hash, &hash.digest(message), signature);
            }
            (Key::P256(key), SignatureAlgorithm::Ecdsa(hash)) => {
                p256::ecdsa::Signature::from_der(signature)
                    .and_then(|signature| key.verify_prehash(&hash.digest(message), &signature))
            }
            (Key::P384(key), SignatureAlgorithm::Ecdsa(hash)) => {
                p384::ecdsa::Signature::from_der(signature)
                    .and_then(|signature| key.verify_prehash(&hash.digest(message), &signature))
            }
            _ => return Err(SignatureFailure::Algorithm),
        };
        verified.map_err(|_| SignatureFailure::Signature)
    }
}

fn verify_rsa(
    key: &rsa::PublicKey,
    hash: HashAlgorithm,
    prehash: &[u8],
    signature: &[u8],
) -> Result<(), SignatureFailure> {
    let key = key.clone();
    let signature =
        rsa::pkcs1v15::Signature::try_from(signature).map_err(|_| SignatureFailure::Signature)?;
    match hash {
        HashAlgorithm::Sha256 => rsa::pkcs1v15::VerifyingKey::<sha2::Sha256>::new(key)
            .verify_prehash(prehash, &signature),
        HashAlgorithm::Sha384 => rsa::pkcs1v15::VerifyingKey::<sha2::Sha384>::new(key)
            .verify_prehash(prehash, &signature),
        HashAlgorithm::Sha512 => rsa::pkcs1v15::VerifyingKey::<sha2::Sha512>::new(key)
            .verify_prehash(prehash, &signature),
        _ => return Err(SignatureFailure::Algorithm),
    }
    .map_err(|_| SignatureFailure::Signature)
}

/// Verifies one signature by the key in a SubjectPublicKeyInfo; for many by one key, keep its [`VerifyingKey`].
pub(crate) fn verify_signature(
    public_key: &[u8],
    algorithm: &AlgorithmIdentifier,
    digest: Option<HashAlgorithm>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureFailure> {
    let algorithm = SignatureAlgorithm::new(algorithm, digest)?;
    VerifyingKey::from_public_key_info(public_key)?.verify(algorithm, message, signature)
}
