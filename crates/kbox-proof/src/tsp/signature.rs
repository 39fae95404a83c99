// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Signatures of tokens, certificates and revocation data: a public key read once ([`VerifyingKey`]), and the algorithm that
//! an AlgorithmIdentifier names ([`SignatureAlgorithm`]).

#[cfg(any(feature = "aws-lc-rs", feature = "issue"))]
mod aws;

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

/// RFC 4055 §3.1, the DEFAULT of saltLength.
const DEFAULT_SALT_BYTES: usize = 20;
/// What fits under the largest key beside the smallest hash (RFC 8017 §9.1.1: emLen - hLen - 2).
const MAX_SALT_BYTES: usize = 8192 / 8 - 32 - 2;

const PSS_HASHES: [HashAlgorithm; 3] = [
    HashAlgorithm::Sha256,
    HashAlgorithm::Sha384,
    HashAlgorithm::Sha512,
];

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
    /// RSASSA-PSS (RFC 8017 §8.1)
    RsaPss(PssParameters),
    /// ECDSA, the curve being the key's (RFC 5758 §3.2). Real authorities use any hash with any curve.
    Ecdsa(HashAlgorithm),
    /// Ed25519 (RFC 8032), not prehashed
    Ed25519,
}

/// The one hash of RSASSA-PSS, for message and mask alike, and the length of the salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PssParameters {
    pub(crate) hash: HashAlgorithm,
    pub(crate) salt_len: usize,
}

impl PssParameters {
    /// ```text
    /// RSASSA-PSS-params ::= SEQUENCE {
    ///   hashAlgorithm     [0] HashAlgorithm     DEFAULT sha1,
    ///   maskGenAlgorithm  [1] MaskGenAlgorithm  DEFAULT mgf1SHA1,
    ///   saltLength        [2] INTEGER           DEFAULT 20,
    ///   trailerField      [3] INTEGER           DEFAULT 1 }      -- RFC 4055 §3.1, tags EXPLICIT
    /// ```
    /// SHA-1 is too weak, so hash and mask must be there; RFC 4055 §3.1 has them use the same hash. A trailer or a salt length that
    /// states its default is no DER.
    fn from_der(parameters: &[u8]) -> Result<Self, TspError> {
        let mut fields = der::single(parameters, der::SEQUENCE)?.elements();
        let hash = fields.expect(0xa0)?;
        let mask = fields.expect(0xa1)?;
        let salt = fields.optional(0xa2)?;
        fields.finish()?;
        let refused = |field: &der::Element<'_>| TspError::Der {
            offset: field.offset,
        };
        let digest = AlgorithmIdentifier::from_element(&explicit(hash, der::SEQUENCE)?)?
            .hash()
            .filter(|hash| PSS_HASHES.contains(hash))
            .ok_or(refused(&hash))?;
        let generation = AlgorithmIdentifier::from_element(&explicit(mask, der::SEQUENCE)?)?;
        let mask_digest = match generation.parameters.as_deref() {
            Some(of) if generation.algorithm.as_content() == known::MGF1 => {
                AlgorithmIdentifier::from_element(&der::single(of, der::SEQUENCE)?)?.hash()
            }
            _ => None,
        };
        if mask_digest != Some(digest) {
            return Err(refused(&mask));
        }
        let salt_len = match salt {
            None => DEFAULT_SALT_BYTES,
            Some(field) => {
                let number = explicit(field, der::INTEGER)?.der;
                let length = der::Elements::new(number).small_integer()?;
                usize::try_from(length)
                    .ok()
                    .filter(|length| *length != DEFAULT_SALT_BYTES && *length <= MAX_SALT_BYTES)
                    .ok_or(refused(&field))?
            }
        };
        Ok(Self {
            hash: digest,
            salt_len,
        })
    }
}

/// The one element in an EXPLICIT field.
fn explicit(field: der::Element<'_>, tag: u8) -> Result<der::Element<'_>, TspError> {
    let mut parts = field.elements();
    let value = parts.expect(tag)?;
    parts.finish()?;
    Ok(value)
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
            known::RSASSA_PSS => {
                let parameters = algorithm.parameters.as_deref().ok_or(unsupported)?;
                Self::RsaPss(PssParameters::from_der(parameters).map_err(|_| unsupported)?)
            }
            known::ED25519 => Self::Ed25519,
            known::ECDSA_SHA256 => Self::Ecdsa(HashAlgorithm::Sha256),
            known::ECDSA_SHA384 => Self::Ecdsa(HashAlgorithm::Sha384),
            known::ECDSA_SHA512 => Self::Ecdsa(HashAlgorithm::Sha512),
            _ => return Err(unsupported),
        };
        let is_fit = match found {
            // RFC 4055 §5: NULL, and absent must be accepted as well.
            Self::RsaPkcs1(_) => algorithm.has_no_parameters(),
            Self::RsaPss(_) => true,
            // RFC 5758 §3.2, RFC 8410 §3: absent.
            Self::Ecdsa(_) | Self::Ed25519 => algorithm.parameters.is_none(),
        };
        if !is_fit || digest.is_some_and(|digest| digest != found.digest_algorithm()) {
            return Err(unsupported);
        }
        Ok(found)
    }

    /// What a SignerInfo's digest algorithm must be.
    pub(crate) const fn digest_algorithm(self) -> HashAlgorithm {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss(PssParameters { hash, .. }) | Self::Ecdsa(hash) => {
                hash
            }
            // RFC 8419 §3.1, with signed attributes.
            Self::Ed25519 => HashAlgorithm::Sha512,
        }
    }
}

/// A public key, parsed and strong enough. It verifies any number of signatures.
#[derive(Clone, Debug)]
pub(crate) struct VerifyingKey {
    key: Key,
    /// The same key for aws-lc-rs. What a usable key is, the pure crates say with this feature too.
    #[cfg(any(feature = "aws-lc-rs", feature = "issue"))]
    aws: aws::AwsKey,
}

#[derive(Clone, Debug)]
enum Key {
    Rsa(Box<rsa::PublicKey>, RsaUse),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(Box<p521::ecdsa::VerifyingKey>),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
}

/// What an RSA key's own identifier says that it is for (RFC 4055 §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RsaUse {
    /// rsaEncryption: either padding
    Any,
    /// id-RSASSA-PSS without parameters: that padding
    Pss,
    /// id-RSASSA-PSS: this hash, and no shorter salt (RFC 4055 §3.3)
    PssAs(PssParameters),
}

impl RsaUse {
    fn from_identifier(algorithm: &AlgorithmIdentifier) -> Option<Self> {
        match (algorithm.algorithm.as_content(), &algorithm.parameters) {
            (known::RSA, _) => algorithm.has_no_parameters().then_some(Self::Any),
            (known::RSASSA_PSS, None) => Some(Self::Pss),
            (known::RSASSA_PSS, Some(parameters)) => {
                PssParameters::from_der(parameters).ok().map(Self::PssAs)
            }
            _ => None,
        }
    }

    const fn allows_pkcs1(self) -> bool {
        matches!(self, Self::Any)
    }

    fn allows_pss(self, used: PssParameters) -> bool {
        match self {
            Self::Any | Self::Pss => true,
            Self::PssAs(own) => own.hash == used.hash && own.salt_len <= used.salt_len,
        }
    }
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
            .ok_or(SignatureFailure::Algorithm)
    }

    fn parse(spki: &[u8]) -> Result<Option<Self>, TspError> {
        let mut parts = der::single(spki, der::SEQUENCE)?.elements();
        let algorithm = AlgorithmIdentifier::from_element(&parts.expect(der::SEQUENCE)?)?;
        let key = bit_string(&parts.expect(der::BIT_STRING)?)?;
        parts.finish()?;
        let parsed = match algorithm.algorithm.as_content() {
            known::RSA | known::RSASSA_PSS => {
                RsaUse::from_identifier(&algorithm).and_then(|usage| {
                    let key = rsa::PublicKey::from_pkcs1_der(key).ok()?;
                    RSA_BITS
                        .contains(&key.n().bit_width())
                        .then(|| Key::Rsa(Box::new(key), usage))
                })
            }
            known::EC => match algorithm.parameters.as_deref() {
                Some(curve) => ec_key(der::single(curve, der::OID)?.content, key),
                None => None,
            },
            known::ED25519 if algorithm.parameters.is_none() => {
                let key = key.try_into().ok();
                key.and_then(|key| ed25519_dalek::VerifyingKey::from_bytes(key).ok())
                    // Of small order: it has signatures over anything that nobody needs a secret for.
                    .filter(|key| !key.is_weak())
                    .map(|key| Key::Ed25519(Box::new(key)))
            }
            _ => None,
        };
        Ok(parsed.map(|parsed| Self {
            #[cfg(any(feature = "aws-lc-rs", feature = "issue"))]
            aws: aws::AwsKey::new(match parsed {
                // It checks a bare point twice, and one with its curve once.
                Key::P256(_) | Key::P384(_) => spki.to_vec(),
                _ => key.to_vec(),
            }),
            key: parsed,
        }))
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
        match cfg!(feature = "aws-lc-rs") {
            true => self.verify_by_aws_lc_rs(algorithm, message, signature),
            false => self.verify_pure(algorithm, message, signature),
        }
    }

    /// As [`Self::verify`], by aws-lc-rs where that is linked and has the algorithm.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub(crate) fn verify_by_aws_lc_rs(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureFailure> {
        #[cfg(any(feature = "aws-lc-rs", feature = "issue"))]
        if let Some(verified) = self.aws.verify(&self.key, algorithm, message, signature) {
            return verified;
        }
        self.verify_pure(algorithm, message, signature)
    }

    fn verify_pure(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureFailure> {
        let verified = match (&self.key, algorithm) {
            (Key::Rsa(key, usage), SignatureAlgorithm::RsaPkcs1(hash)) if usage.allows_pkcs1() => {
                return verify_pkcs1(key, hash, &hash.digest(message), signature);
            }
            (Key::Rsa(key, usage), SignatureAlgorithm::RsaPss(pss)) if usage.allows_pss(pss) => {
                return verify_pss(key, pss, &pss.hash.digest(message), signature);
            }
            (Key::P256(key), SignatureAlgorithm::Ecdsa(hash)) => {
                p256::ecdsa::Signature::from_der(signature)
                    .and_then(|signature| key.verify_prehash(&hash.digest(message), &signature))
            }
            (Key::P384(key), SignatureAlgorithm::Ecdsa(hash)) => {
                p384::ecdsa::Signature::from_der(signature)
                    .and_then(|signature| key.verify_prehash(&hash.digest(message), &signature))
            }
            (Key::P521(key), SignatureAlgorithm::Ecdsa(hash)) => {
                p521::ecdsa::Signature::from_der(signature)
                    .and_then(|signature| key.verify_prehash(&hash.digest(message), &signature))
            }
            (Key::Ed25519(key), SignatureAlgorithm::Ed25519) => {
                ed25519_dalek::Signature::from_slice(signature)
                    .and_then(|signature| key.verify_strict(message, &signature))
            }
            _ => return Err(SignatureFailure::Algorithm),
        };
        verified.map_err(|_| SignatureFailure::Signature)
    }
}

/// `None` for another curve than these, or what is no point of it.
fn ec_key(curve: &[u8], point: &[u8]) -> Option<Key> {
    match curve {
        known::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()
            .map(Key::P256),
        known::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()
            .map(Key::P384),
        known::P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()
            .map(|key| Key::P521(Box::new(key))),
        _ => None,
    }
}

fn verify_pkcs1(
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

fn verify_pss(
    key: &rsa::PublicKey,
    PssParameters { hash, salt_len }: PssParameters,
    prehash: &[u8],
    signature: &[u8],
) -> Result<(), SignatureFailure> {
    use rsa::pss::VerifyingKey as Pss;
    let key = key.clone();
    let signature =
        rsa::pss::Signature::try_from(signature).map_err(|_| SignatureFailure::Signature)?;
    match hash {
        HashAlgorithm::Sha256 => Pss::<sha2::Sha256>::new_with_salt_len(key, salt_len)
            .verify_prehash(prehash, &signature),
        HashAlgorithm::Sha384 => Pss::<sha2::Sha384>::new_with_salt_len(key, salt_len)
            .verify_prehash(prehash, &signature),
        HashAlgorithm::Sha512 => Pss::<sha2::Sha512>::new_with_salt_len(key, salt_len)
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

#[cfg(all(test, feature = "issue"))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::key::{TokenKeyKind, TokenSigner};
    use crate::tsp::der::element;
    use crate::tsp::oid::Oid;

    const MESSAGE: &[u8] = b"convocation";
    const NULL: &[u8] = &[der::NULL, 0];

    fn identifier(oid: &[u8], parameters: &[u8]) -> AlgorithmIdentifier {
        AlgorithmIdentifier {
            algorithm: Oid::from_content(oid).unwrap(),
            parameters: (!parameters.is_empty()).then(|| parameters.to_vec()),
        }
    }

    fn hash_identifier(oid: &[u8], parameters: &[u8]) -> Vec<u8> {
        element(der::SEQUENCE, &[&element(der::OID, &[oid]), parameters])
    }

    fn mask(of: &[u8]) -> Vec<u8> {
        element(der::SEQUENCE, &[&element(der::OID, &[known::MGF1]), of])
    }

    /// RSASSA-PSS-params of these fields, where there is something in them.
    fn pss(fields: [&[u8]; 4]) -> Vec<u8> {
        let tagged = [0xa0, 0xa1, 0xa2, 0xa3]
            .into_iter()
            .zip(fields)
            .filter(|(_, field)| !field.is_empty())
            .map(|(tag, field)| element(tag, &[field]))
            .collect::<Vec<_>>();
        element(der::SEQUENCE, &[&tagged.concat()])
    }

    fn algorithm(parameters: &[u8]) -> Result<SignatureAlgorithm, SignatureFailure> {
        SignatureAlgorithm::new(&identifier(known::RSASSA_PSS, parameters), None)
    }

    #[test]
    fn pss_parameters_are_der_with_one_strong_hash_for_message_and_mask_and_a_bounded_salt() {
        for (oid, hash) in [
            (known::SHA256, HashAlgorithm::Sha256),
            (known::SHA384, HashAlgorithm::Sha384),
            (known::SHA512, HashAlgorithm::Sha512),
        ] {
            for parameters in [&[][..], NULL] {
                let digest = hash_identifier(oid, parameters);
                let mask = mask(&digest);
                for (salt, salt_len) in [
                    (&[][..], 20),
                    (&[2, 1, 0], 0),
                    (&[2, 1, 32], 32),
                    (&[2, 2, 0, 222], 222),
                    (&[2, 2, 3, 0xde], 990),
                ] {
                    assert_eq!(
                        algorithm(&pss([&digest, &mask, salt, &[]])),
                        Ok(SignatureAlgorithm::RsaPss(PssParameters { hash, salt_len }))
                    );
                }
            }
        }
        let sha256 = hash_identifier(known::SHA256, NULL);
        let sha384 = hash_identifier(known::SHA384, NULL);
        let sha1 = hash_identifier(known::SHA1, NULL);
        let sha3 = hash_identifier(known::SHA3_256, &[]);
        let other = element(
            der::SEQUENCE,
            &[&element(der::OID, &[known::SHA256]), sha256.as_slice()],
        );
        let good: [&[u8]; 4] = [&sha256, &mask(&sha256), &[2, 1, 32], &[]];
        assert!(algorithm(&pss(good)).is_ok());
        let with = |place: usize, field: &[u8]| {
            let mut fields = good;
            fields[place] = field;
            pss(fields)
        };
        for (what, parameters) in [
            ("none at all", vec![]),
            ("all defaults, so SHA-1", pss([&[], &[], &[], &[]])),
            ("the default hash", with(0, &[])),
            ("the default mask", with(1, &[])),
            ("SHA-1", pss([&sha1, &mask(&sha1), &[2, 1, 32], &[]])),
            ("SHA3-256", pss([&sha3, &mask(&sha3), &[2, 1, 32], &[]])),
            ("another hash in the mask", with(1, &mask(&sha384))),
            ("no mask generation known", with(1, &other)),
            ("a mask without its hash", with(1, &mask(&[]))),
            ("the default salt, stated", with(2, &[2, 1, 20])),
            ("a negative salt", with(2, &[2, 1, 0xff])),
            ("a salt in a longer form", with(2, &[2, 2, 0, 32])),
            ("a salt beyond any key", with(2, &[2, 2, 3, 0xdf])),
            ("a huge salt", with(2, &[2, 5, 0x7f, 0, 0, 0, 0])),
            ("the default trailer, stated", with(3, &[2, 1, 1])),
            ("another trailer", with(3, &[2, 1, 2])),
            ("bytes after them", [pss(good).as_slice(), &[5, 0]].concat()),
            ("two numbers for one", with(2, &[2, 1, 32, 2, 1, 32])),
        ] {
            assert_eq!(
                algorithm(&parameters),
                Err(SignatureFailure::Algorithm),
                "{what}"
            );
        }
    }

    #[test]
    fn parameters_are_what_each_algorithms_standard_says() {
        let accepts = |oid: &[u8], parameters: &[u8], digest| {
            SignatureAlgorithm::new(&identifier(oid, parameters), digest).is_ok()
        };
        for (oid, hash) in [
            (known::SHA256_RSA, HashAlgorithm::Sha256),
            (known::SHA384_RSA, HashAlgorithm::Sha384),
            (known::SHA512_RSA, HashAlgorithm::Sha512),
        ] {
            assert!(accepts(oid, NULL, Some(hash)) && accepts(oid, &[], Some(hash)));
            assert!(!accepts(oid, &[4, 0], Some(hash)));
            assert!(!accepts(oid, NULL, Some(HashAlgorithm::Sha3_256)));
        }
        assert!(accepts(known::RSA, NULL, Some(HashAlgorithm::Sha384)));
        assert!(!accepts(known::RSA, NULL, None));
        for oid in [
            known::ECDSA_SHA256,
            known::ECDSA_SHA384,
            known::ECDSA_SHA512,
        ] {
            assert!(accepts(oid, &[], None) && !accepts(oid, NULL, None));
        }
        // RFC 8419 §3.1
        assert!(accepts(known::ED25519, &[], Some(HashAlgorithm::Sha512)));
        assert!(!accepts(known::ED25519, &[], Some(HashAlgorithm::Sha256)));
        assert!(!accepts(known::ED25519, NULL, None));
        // SHA-1 with either
        assert!(!accepts(
            &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5],
            NULL,
            None
        ));
        assert!(!accepts(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1], &[], None));
    }

    fn used(signer: &TokenSigner) -> SignatureAlgorithm {
        let bytes = signer.signature_algorithm();
        let element = der::single(&bytes, der::SEQUENCE).unwrap();
        let identifier = AlgorithmIdentifier::from_element(&element).unwrap();
        SignatureAlgorithm::new(&identifier, Some(signer.hash())).unwrap()
    }

    #[test]
    fn a_signature_is_good_by_its_own_key_and_algorithm_alone() {
        let rsa = TokenKeyKind::Rsa { bits: 2048 };
        let mut signers: Vec<TokenSigner> = [
            TokenKeyKind::P256,
            TokenKeyKind::P384,
            rsa,
            TokenKeyKind::Ed25519,
        ]
        .into_iter()
        .map(|kind| TokenSigner::generate_kind(kind).unwrap())
        .collect();
        signers.push(TokenSigner::generate_kind(rsa).unwrap().with_pss().unwrap());
        for (index, signer) in signers.iter().enumerate() {
            let signature = signer.sign(MESSAGE).unwrap();
            for (other, key) in signers.iter().enumerate() {
                let key = VerifyingKey::from_public_key_info(key.public_key_info()).unwrap();
                let result = key.verify(used(signer), MESSAGE, &signature);
                assert_eq!(result.is_ok(), index == other, "{signer:?}");
                if index == other {
                    let changed = key.verify(used(signer), b"other", &signature);
                    assert_eq!(changed, Err(SignatureFailure::Signature));
                    for bit in 0..8 * signature.len() {
                        let mut bytes = signature.clone();
                        bytes[bit / 8] ^= 1 << (bit % 8);
                        // Every bit of RSA's is as many modular powers; a few will do.
                        if signature.len() < 200 || bit % 97 == 0 {
                            assert!(key.verify(used(signer), MESSAGE, &bytes).is_err());
                        }
                    }
                    for wrong in [&[][..], &signature[1..], &[&signature[..], &[0]].concat()] {
                        assert!(key.verify(used(signer), MESSAGE, wrong).is_err());
                    }
                }
            }
        }
    }

    #[test]
    fn an_rsa_key_identified_as_pss_signs_by_nothing_else_and_as_its_parameters_say() {
        let signer = TokenSigner::generate_kind(TokenKeyKind::Rsa { bits: 2048 }).unwrap();
        let bits = signer.public_key_bits();
        let key = |oid: &[u8], parameters: &[u8]| {
            let algorithm = hash_identifier(oid, parameters);
            let bits = element(der::BIT_STRING, &[&[0], &bits]);
            VerifyingKey::from_public_key_info(&element(der::SEQUENCE, &[&algorithm, &bits]))
        };
        let restricted = |hash: &[u8], salt: &[u8]| {
            let hash = hash_identifier(hash, NULL);
            key(known::RSASSA_PSS, &pss([&hash, &mask(&hash), salt, &[]]))
        };
        let pkcs1 = (used(&signer), signer.sign(MESSAGE).unwrap());
        let signer = signer.with_pss().unwrap();
        let pss = (used(&signer), signer.sign(MESSAGE).unwrap());
        let refused = Err(SignatureFailure::Algorithm);
        for (key, by_pkcs1, by_pss) in [
            (key(known::RSA, NULL), Ok(()), Ok(())),
            (key(known::RSASSA_PSS, &[]), refused, Ok(())),
            (restricted(known::SHA256, &[2, 1, 32]), refused, Ok(())),
            (restricted(known::SHA256, &[2, 1, 0]), refused, Ok(())),
            (restricted(known::SHA256, &[2, 1, 33]), refused, refused),
            (restricted(known::SHA384, &[2, 1, 32]), refused, refused),
        ] {
            let key = key.unwrap();
            assert_eq!(key.verify(pkcs1.0, MESSAGE, &pkcs1.1), by_pkcs1, "{key:?}");
            assert_eq!(key.verify(pss.0, MESSAGE, &pss.1), by_pss, "{key:?}");
        }
        for (oid, parameters) in [
            (known::RSASSA_PSS, NULL),
            (known::RSA, &[4, 0]),
            (known::EC, NULL),
            (known::ED25519, &[]),
        ] {
            assert!(key(oid, parameters).is_err(), "{oid:02x?}");
        }
        // A salt that the algorithm does not state.
        let other = SignatureAlgorithm::RsaPss(PssParameters {
            hash: HashAlgorithm::Sha256,
            salt_len: 31,
        });
        let key = key(known::RSA, NULL).unwrap();
        let found = key.verify(other, MESSAGE, &pss.1);
        assert_eq!(found, Err(SignatureFailure::Signature));
        let beyond = SignatureAlgorithm::RsaPss(PssParameters {
            hash: HashAlgorithm::Sha512,
            salt_len: MAX_SALT_BYTES,
        });
        let found = key.verify(beyond, MESSAGE, &pss.1);
        assert_eq!(found, Err(SignatureFailure::Signature));
    }

    /// One number more than another of the same length, or `None` when it needs a byte more.
    fn sum(one: &[u8], other: &[u8]) -> Option<Vec<u8>> {
        let mut carry = 0_u16;
        let mut out = vec![0; one.len()];
        for (out, (a, b)) in out.iter_mut().zip(one.iter().zip(other)).rev() {
            carry += u16::from(*a) + u16::from(*b);
            *out = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        (carry == 0).then_some(out)
    }

    #[test]
    fn nobody_makes_a_second_signature_out_of_one_by_adding_the_modulus_or_the_order() {
        // RFC 8017 §5.2.2: the representative is below n. Often s + n fits in as many bytes.
        let twin = |is_pss: bool| {
            (0..8_u8).find_map(|_| {
                let signer = TokenSigner::generate_kind(TokenKeyKind::Rsa { bits: 2048 }).unwrap();
                let signer = match is_pss {
                    true => signer.with_pss().unwrap(),
                    false => signer,
                };
                let bits = signer.public_key_bits();
                let mut parts = der::single(&bits, der::SEQUENCE).unwrap().elements();
                let modulus = parts.expect(der::INTEGER).unwrap().content[1..].to_vec();
                (0..=255_u8).find_map(|message| {
                    let signature = signer.sign(&[message]).unwrap();
                    let twin = sum(&signature, &modulus)?;
                    let key = VerifyingKey::from_public_key_info(signer.public_key_info()).unwrap();
                    key.verify(used(&signer), &[message], &signature).unwrap();
                    Some(key.verify(used(&signer), &[message], &twin))
                })
            })
        };
        assert_eq!(twin(false), Some(Err(SignatureFailure::Signature)));
        assert_eq!(twin(true), Some(Err(SignatureFailure::Signature)));

        // RFC 8032 §5.1.7: S is below L, little-endian; S + L always fits.
        let signer = TokenSigner::generate_kind(TokenKeyKind::Ed25519).unwrap();
        let signature = signer.sign(MESSAGE).unwrap();
        let order = [
            0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0xde, 0xf9, 0xde, 0xa2, 0xf7,
            0x9c, 0xd6, 0x58, 0x12, 0x63, 0x1a, 0x5c, 0xf5, 0xd3, 0xed,
        ];
        let mut number: Vec<u8> = signature[32..].to_vec();
        number.reverse();
        let mut twin = sum(&number, &order).unwrap();
        twin.reverse();
        let twin = [&signature[..32], &twin].concat();
        let key = VerifyingKey::from_public_key_info(signer.public_key_info()).unwrap();
        key.verify(SignatureAlgorithm::Ed25519, MESSAGE, &signature)
            .unwrap();
        assert_eq!(
            key.verify(SignatureAlgorithm::Ed25519, MESSAGE, &twin),
            Err(SignatureFailure::Signature)
        );
    }

    #[test]
    fn an_ed25519_key_of_small_order_or_another_length_is_no_key() {
        let info = |point: &[u8]| {
            let algorithm = hash_identifier(known::ED25519, &[]);
            let bits = element(der::BIT_STRING, &[&[0], point]);
            element(der::SEQUENCE, &[&algorithm, &bits])
        };
        let neutral = [&[1][..], &[0; 31]].concat();
        for point in [&neutral[..], &[0; 32], &[0; 31], &[0; 33]] {
            assert!(VerifyingKey::from_public_key_info(&info(point)).is_err());
        }
    }
}
