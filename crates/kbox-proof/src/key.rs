// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Private keys, held by aws-lc-rs: constant time, and erased when dropped.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, ML_DSA_44_SIGNING, PqdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::digest::Sha256Digest;
use crate::tlog::{
    Checkpoint, KeyName, Note, SignatureType, VerifierKey, ed25519_cosignature_message,
    ml_dsa_44_cosignature_message, timestamped_signature,
};
use crate::tsp::oid::known;
use crate::tsp::{HashAlgorithm, der, pem_blocks, to_pem};

/// Why a key could not be made, read or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// No PEM block `PRIVATE KEY` (PKCS#8, not encrypted).
    Pem,
    /// An encrypted key: nobody is there to type its password.
    Encrypted,
    /// A key in the form of before PKCS#8 (SEC 1, PKCS#1).
    NotPkcs8,
    /// An RSA key that is identified as one for RSASSA-PSS alone (id-RSASSA-PSS).
    PssKey,
    /// None of P-256, P-384, RSA of at least 2048 bits and Ed25519 (token keys), not an Ed25519 key (log keys), or neither that nor an
    /// ML-DSA-44 key (witness keys).
    Unsupported,
    /// RSASSA-PSS was asked of a key that is not an RSA key.
    PssWithoutRsa,
    /// The cryptographic library refused.
    Refused,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pem => "no unencrypted PKCS#8 key; write it as -----BEGIN PRIVATE KEY-----",
            Self::Encrypted => {
                "the key is encrypted, and nobody is there to type its password when the server starts; decrypt it by \
                 `openssl pkcs8 -in KEY -out NEW`, `chmod 600 NEW`, and name the new file"
            }
            Self::NotPkcs8 => {
                "the key is not in PKCS#8; write it anew by `openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW`, `chmod 600 NEW`, and \
                 name the new file"
            }
            Self::PssKey => {
                "the key is one for RSASSA-PSS alone (id-RSASSA-PSS), which is not supported; take a plain RSA key (`openssl genpkey \
                 -algorithm RSA`), and set `pss = true` to sign by RSASSA-PSS with it"
            }
            Self::Unsupported => {
                "the key's kind is not usable here: tokens need P-256, P-384, RSA of 2048 bits and more or Ed25519, the log Ed25519, a \
                 witness Ed25519 or ML-DSA-44"
            }
            Self::PssWithoutRsa => "RSASSA-PSS is a way to sign with an RSA key, and this one is of another kind",
            Self::Refused => "the cryptographic library refused the operation",
        })
    }
}

impl core::error::Error for KeyError {}

/// Random bytes from the operating system's generator.
///
/// # Errors
/// [`KeyError::Refused`] when it gives none; then nothing may be issued.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeyError::Refused)?;
    Ok(bytes)
}

/// The key that signs tokens: P-256, or another kind where a partner demands it.
pub struct TokenSigner {
    key: TokenKey,
    pkcs8: Zeroizing<Vec<u8>>,
    public_key: Vec<u8>,
}

enum TokenKey {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Rsa(RsaKeyPair, RsaPadding),
    Ed25519(Ed25519KeyPair),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RsaPadding {
    Pkcs1,
    /// The salt as long as the hash.
    Pss,
}

/// A kind of token key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenKeyKind {
    /// ECDSA on P-256 by SHA-256
    P256,
    /// ECDSA on P-384 by SHA-384
    P384,
    /// RSA by SHA-256
    Rsa {
        /// Length of the modulus.
        bits: usize,
    },
    /// Ed25519, whose tokens have SHA-512 as their digest algorithm (RFC 8419)
    Ed25519,
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSigner({:?})", self.kind())
    }
}

impl TokenSigner {
    /// A new P-256 key.
    ///
    /// # Errors
    /// [`KeyError::Refused`].
    pub fn generate() -> Result<Self, KeyError> {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
                .map_err(|_| KeyError::Refused)?;
        Self::from_pkcs8(document.as_ref())
    }

    /// A new key of this kind; RSA of 2048, 3072, 4096 or 8192 bits.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for RSA of another size, [`KeyError::Refused`].
    pub fn generate_kind(kind: TokenKeyKind) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let document = match kind {
            TokenKeyKind::P256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
            }
            TokenKeyKind::P384 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random)
            }
            TokenKeyKind::Ed25519 => Ed25519KeyPair::generate_pkcs8v1(&random),
            TokenKeyKind::Rsa { bits } => {
                let size = match bits {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    4096 => KeySize::Rsa4096,
                    8192 => KeySize::Rsa8192,
                    _ => return Err(KeyError::Unsupported),
                };
                let key = RsaKeyPair::generate(size).map_err(|_| KeyError::Refused)?;
                let document: aws_lc_rs::encoding::Pkcs8V1Der<'_> =
                    key.as_der().map_err(|_| KeyError::Refused)?;
                return Self::from_pkcs8(document.as_ref());
            }
        };
        Self::from_pkcs8(document.map_err(|_| KeyError::Refused)?.as_ref())
    }

    /// From PKCS#8 in DER.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let key = if let Ok(key) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8)
        {
            TokenKey::P256(key)
        } else if let Ok(key) = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, pkcs8) {
            TokenKey::P384(key)
        } else if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8) {
            TokenKey::Ed25519(key)
        } else {
            // Below 2048 bits the library reads none.
            let key = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| match is_pss_key(pkcs8) {
                true => KeyError::PssKey,
                false => KeyError::Unsupported,
            })?;
            TokenKey::Rsa(key, RsaPadding::Pkcs1)
        };
        let oid = |content| der::element(der::OID, &[content]);
        let (algorithm, parameters, bits) = match &key {
            TokenKey::P256(key) => (known::EC, oid(known::P256), key.public_key().as_ref()),
            TokenKey::P384(key) => (known::EC, oid(known::P384), key.public_key().as_ref()),
            TokenKey::Rsa(key, _) => (
                known::RSA,
                alloc::vec![der::NULL, 0],
                key.public_key().as_ref(),
            ),
            TokenKey::Ed25519(key) => (known::ED25519, Vec::new(), key.public_key().as_ref()),
        };
        let algorithm = der::element(der::SEQUENCE, &[&oid(algorithm), &parameters]);
        let public_key = public_key_info(&algorithm, bits);
        Ok(Self {
            key,
            pkcs8: Zeroizing::new(pkcs8.to_vec()),
            public_key,
        })
    }

    /// The same RSA key, signing by RSASSA-PSS (RFC 8017 §8.1) with SHA-256 for message and mask and a salt of 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::PssWithoutRsa`].
    pub fn with_pss(mut self) -> Result<Self, KeyError> {
        match &mut self.key {
            TokenKey::Rsa(_, padding) => *padding = RsaPadding::Pss,
            _ => return Err(KeyError::PssWithoutRsa),
        }
        Ok(self)
    }

    /// From the first `PRIVATE KEY` block of a PEM text.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyError> {
        Self::from_pkcs8(&private_key_from_pem(text)?)
    }

    /// As PKCS#8 in PEM.
    #[must_use]
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(to_pem("PRIVATE KEY", &self.pkcs8))
    }

    /// A pair that does not match, as a fault of memory would make it: no file gives one.
    #[cfg(test)]
    pub(crate) fn claiming(mut self, public_key: &[u8]) -> Self {
        self.public_key = public_key.to_vec();
        self
    }

    /// The SubjectPublicKeyInfo, in DER.
    #[must_use]
    pub fn public_key_info(&self) -> &[u8] {
        &self.public_key
    }

    /// What kind of key this is.
    #[must_use]
    pub fn kind(&self) -> TokenKeyKind {
        match &self.key {
            TokenKey::P256(_) => TokenKeyKind::P256,
            TokenKey::P384(_) => TokenKeyKind::P384,
            TokenKey::Rsa(key, _) => TokenKeyKind::Rsa {
                bits: modulus_bits(key),
            },
            TokenKey::Ed25519(_) => TokenKeyKind::Ed25519,
        }
    }

    /// A token's digest algorithm, which is also the hash by which this key signs (RFC 5754 §3, RFC 8419 §3.1).
    pub(crate) fn hash(&self) -> HashAlgorithm {
        match self.key {
            TokenKey::P256(_) | TokenKey::Rsa(..) => HashAlgorithm::Sha256,
            TokenKey::P384(_) => HashAlgorithm::Sha384,
            TokenKey::Ed25519(_) => HashAlgorithm::Sha512,
        }
    }

    /// The public key without its AlgorithmIdentifier.
    pub(crate) fn public_key_bits(&self) -> Vec<u8> {
        match &self.key {
            TokenKey::P256(key) | TokenKey::P384(key) => key.public_key().as_ref().to_vec(),
            TokenKey::Rsa(key, _) => key.public_key().as_ref().to_vec(),
            TokenKey::Ed25519(key) => key.public_key().as_ref().to_vec(),
        }
    }

    /// The signature algorithm in a token's form, parameters as the standards have them.
    pub(crate) fn signature_algorithm(&self) -> Vec<u8> {
        let null: &[u8] = &[der::NULL, 0];
        let (algorithm, parameters) = match self.key {
            TokenKey::P256(_) => (known::ECDSA_SHA256, Vec::new()),
            TokenKey::P384(_) => (known::ECDSA_SHA384, Vec::new()),
            TokenKey::Rsa(_, RsaPadding::Pkcs1) => (known::SHA256_RSA, null.to_vec()),
            TokenKey::Rsa(_, RsaPadding::Pss) => (known::RSASSA_PSS, pss_parameters()),
            TokenKey::Ed25519(_) => (known::ED25519, Vec::new()),
        };
        der::element(
            der::SEQUENCE,
            &[&der::element(der::OID, &[algorithm]), &parameters],
        )
    }

    /// Signs: P-256 and RSA by SHA-256, P-384 by SHA-384, Ed25519 as it does. ECDSA signatures are DER with low S, so that a token has
    /// one leaf.
    ///
    /// # Errors
    /// [`KeyError::Refused`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.key {
            TokenKey::P256(key) => sign_ecdsa(key, &P256_ORDER, message),
            TokenKey::P384(key) => sign_ecdsa(key, &P384_ORDER, message),
            TokenKey::Rsa(key, RsaPadding::Pkcs1) => sign_rsa(key, &RSA_PKCS1_SHA256, message),
            TokenKey::Rsa(key, RsaPadding::Pss) => sign_rsa(key, &RSA_PSS_SHA256, message),
            TokenKey::Ed25519(key) => key
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| KeyError::Refused),
        }
    }
}

fn sign_rsa(
    key: &RsaKeyPair,
    padding: &'static dyn RsaEncoding,
    message: &[u8],
) -> Result<Vec<u8>, KeyError> {
    let mut signature = alloc::vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| KeyError::Refused)?;
    Ok(signature)
}

/// Length of the modulus in bits, of which no key spares whole bytes.
fn modulus_bits(key: &RsaKeyPair) -> usize {
    let modulus = key.public_key().modulus().big_endian_without_leading_zero();
    let spare = modulus.first().map_or(0, |byte| byte.leading_zeros());
    (8 * modulus.len()).saturating_sub(usize::try_from(spare).unwrap_or(0))
}

/// RSASSA-PSS-params with SHA-256 for message and mask (its identifier has NULL, RFC 4055 §2.1), and a salt of 32 bytes.
fn pss_parameters() -> Vec<u8> {
    let sha256 = der::element(
        der::SEQUENCE,
        &[&der::element(der::OID, &[known::SHA256]), &[der::NULL, 0]],
    );
    let mask = der::element(
        der::SEQUENCE,
        &[&der::element(der::OID, &[known::MGF1]), &sha256],
    );
    let salt = [der::INTEGER, 1, 32];
    der::element(
        der::SEQUENCE,
        &[
            &der::element(0xa0, &[&sha256]),
            &der::element(0xa1, &[&mask]),
            &der::element(0xa2, &[&salt]),
        ],
    )
}

/// The group order n of P-256 (SEC 2 §2.4.2).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The group order n of P-384 (SEC 2 §2.5.1).
const P384_ORDER: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];

/// An ECDSA signature in DER, with low S, by a key of the group of this order.
fn sign_ecdsa<const N: usize>(
    key: &EcdsaKeyPair,
    order: &[u8; N],
    message: &[u8],
) -> Result<Vec<u8>, KeyError> {
    // Looked at where it lies: aws-lc-rs has it in an array that would hold the longest signature of any kind.
    match &key.sign(&SystemRandom::new(), message) {
        Ok(signature) => low_s(signature.as_ref(), order).ok_or(KeyError::Refused),
        Err(_) => Err(KeyError::Refused),
    }
}

/// The same signature with the lower of s and n - s, both of which verify; `None` when it is no ECDSA signature of this group in
/// DER. Signatures are public, so this need not be constant time.
///
/// `Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 §2.2.3)
fn low_s<const N: usize>(signature: &[u8], order: &[u8; N]) -> Option<Vec<u8>> {
    // In these groups no length takes more than one octet.
    let ([der::SEQUENCE, length], numbers) = signature.split_first_chunk()? else {
        return None;
    };
    let ([der::INTEGER, r_length], rest) = numbers.split_first_chunk()? else {
        return None;
    };
    let (_, rest) = rest.split_at_checked((*r_length).into())?;
    let ([der::INTEGER, s_length], s) = rest.split_first_chunk()? else {
        return None;
    };
    if numbers.len() != usize::from(*length) || s.len() != usize::from(*s_length) {
        return None;
    }
    let mut padded = [0; N];
    let digits = s.strip_prefix(&[0]).unwrap_or(s);
    let start = N.checked_sub(digits.len())?;
    padded.get_mut(start..)?.copy_from_slice(digits);
    // n - s, by words of 64 bits, of which these lengths are multiples.
    let mut other = [0; N];
    let mut borrow = false;
    let (words, _) = other.as_chunks_mut::<8>();
    let (n, _) = order.as_chunks::<8>();
    let (s, _) = padded.as_chunks::<8>();
    for ((out, n), s) in words.iter_mut().zip(n).zip(s).rev() {
        let (difference, under) = u64::from_be_bytes(*n).overflowing_sub(u64::from_be_bytes(*s));
        let (difference, under_again) = difference.overflowing_sub(borrow.into());
        (*out, borrow) = (difference.to_be_bytes(), under || under_again);
    }
    if padded <= other {
        return Some(signature.to_vec());
    }
    let r = numbers.get(..numbers.len() - rest.len())?;
    let s = der::unsigned_content(&other);
    let header = [der::INTEGER, u8::try_from(s.len()).ok()?];
    Some(der::element(der::SEQUENCE, &[r, &header, &s]))
}

fn public_key_info(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    der::element(
        der::SEQUENCE,
        &[algorithm, &der::element(der::BIT_STRING, &[&[0], key])],
    )
}

/// `PrivateKeyInfo ::= SEQUENCE { version, privateKeyAlgorithm, … }` (RFC 5208 §5) with id-RSASSA-PSS.
fn is_pss_key(pkcs8: &[u8]) -> bool {
    let algorithm = || {
        let mut info = der::single(pkcs8, der::SEQUENCE).ok()?.elements();
        info.expect(der::INTEGER).ok()?;
        let mut algorithm = info.expect(der::SEQUENCE).ok()?.elements();
        Some(algorithm.expect(der::OID).ok()?.content)
    };
    algorithm() == Some(known::RSASSA_PSS)
}

fn private_key_from_pem(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let found = pem_blocks(text, "PRIVATE KEY").ok();
    let first = found.and_then(|blocks| blocks.into_iter().next());
    first.map(Zeroizing::new).ok_or_else(|| {
        let begins = |label| text.contains(&alloc::format!("-----BEGIN {label}PRIVATE KEY-----"));
        match () {
            () if begins("ENCRYPTED ") => KeyError::Encrypted,
            () if begins("EC ") || begins("RSA ") => KeyError::NotPkcs8,
            () => KeyError::Pem,
        }
    })
}

/// The Ed25519 key that signs checkpoints.
pub struct LogSigner {
    key: Ed25519KeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSigner(Ed25519)")
    }
}

impl LogSigner {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::Refused`].
    pub fn generate() -> Result<Self, KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
            .map_err(|_| KeyError::Refused)?;
        Self::from_pkcs8(document.as_ref())
    }

    /// From a 32-byte seed (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// [`KeyError::Unsupported`].
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Unsupported)?;
        let document = key.to_pkcs8v1().map_err(|_| KeyError::Refused)?;
        Self::from_pkcs8(document.as_ref())
    }

    /// From PKCS#8 in DER.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let key =
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| KeyError::Unsupported)?;
        Ok(Self {
            key,
            pkcs8: Zeroizing::new(pkcs8.to_vec()),
        })
    }

    /// From the first `PRIVATE KEY` block of a PEM text.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyError> {
        Self::from_pkcs8(&private_key_from_pem(text)?)
    }

    /// As PKCS#8 in PEM.
    #[must_use]
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(to_pem("PRIVATE KEY", &self.pkcs8))
    }

    /// The 32 bytes of the public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key.public_key().as_ref().try_into().unwrap_or([0; 32])
    }

    /// The key's id under `name` (C2SP signed-note): the first four bytes of SHA-256(name, newline, type, key).
    #[must_use]
    pub fn key_id(&self, name: &str) -> [u8; 4] {
        let digest = Sha256Digest::of_parts(&[name.as_bytes(), b"\n\x01", &self.public_key()]);
        let [a, b, c, d, ..] = *digest.as_bytes();
        [a, b, c, d]
    }

    /// The verifier key under `name` as text (C2SP signed-note): name, key id, type and key.
    #[must_use]
    pub fn vkey(&self, name: &str) -> String {
        let mut typed = alloc::vec![0x01];
        typed.extend_from_slice(&self.public_key());
        alloc::format!(
            "{name}+{}+{}",
            crate::digest::hex(&self.key_id(name)),
            STANDARD.encode(typed)
        )
    }

    /// Signs a note's text.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        // An Ed25519 signature is 64 bytes (RFC 8032 §5.1.6).
        self.key
            .sign(message)
            .as_ref()
            .try_into()
            .unwrap_or([0; 64])
    }
}

/// The key by which a witness cosigns checkpoints, Ed25519 or ML-DSA-44 ([C2SP tlog-cosignature](https://c2sp.org/tlog-cosignature)).
pub struct WitnessSigner {
    signer: CosigningKey,
    key: VerifierKey,
}

enum CosigningKey {
    Ed25519(LogSigner),
    MlDsa44(PqdsaKeyPair),
}

impl fmt::Debug for WitnessSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessSigner({})", self.key.name())
    }
}

impl WitnessSigner {
    /// An Ed25519 key, under the name by which logs know the witness.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`].
    pub fn new(name: KeyName, signer: LogSigner) -> Result<Self, KeyError> {
        let kind = SignatureType::Ed25519Cosignature;
        let key = VerifierKey::new(name, kind, &signer.public_key())
            .map_err(|_| KeyError::Unsupported)?;
        let signer = CosigningKey::Ed25519(signer);
        Ok(Self { signer, key })
    }

    /// From the first `PRIVATE KEY` block of a PEM text, of an Ed25519 or an ML-DSA-44 key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs8_pem(name: KeyName, text: &str) -> Result<Self, KeyError> {
        let pkcs8 = private_key_from_pem(text)?;
        if let Ok(signer) = LogSigner::from_pkcs8(&pkcs8) {
            return Self::new(name, signer);
        }
        let pair = PqdsaKeyPair::from_pkcs8(&ML_DSA_44_SIGNING, &pkcs8)
            .map_err(|_| KeyError::Unsupported)?;
        let kind = SignatureType::MlDsa44Cosignature;
        let key = VerifierKey::new(name, kind, pair.public_key().as_ref())
            .map_err(|_| KeyError::Unsupported)?;
        let signer = CosigningKey::MlDsa44(pair);
        Ok(Self { signer, key })
    }

    /// A new ML-DSA-44 key as PKCS#8 in PEM, by its seed (RFC 9881 §6).
    ///
    /// # Errors
    /// [`KeyError::Refused`].
    pub fn generate_ml_dsa_44_pem() -> Result<Zeroizing<String>, KeyError> {
        let pair = PqdsaKeyPair::generate(&ML_DSA_44_SIGNING).map_err(|_| KeyError::Refused)?;
        let document = pair.to_pkcs8v1().map_err(|_| KeyError::Refused)?;
        Ok(Zeroizing::new(to_pem("PRIVATE KEY", document.as_ref())))
    }

    /// The public half.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The note with one more line: that this tree was seen at `timestamp`, in POSIX seconds. What a witness has to check
    /// before is its caller's.
    ///
    /// # Errors
    /// [`KeyError::Refused`]: by ML-DSA-44 a checkpoint is signed and no other text, and the library may fail.
    pub fn cosign(&self, note: Note, timestamp: u64) -> Result<Note, KeyError> {
        let (name, text) = (self.key.name(), note.text());
        let bytes = match &self.signer {
            CosigningKey::Ed25519(signer) => {
                let message = ed25519_cosignature_message(text, timestamp);
                signer.sign(&message).to_vec()
            }
            CosigningKey::MlDsa44(pair) => {
                let checkpoint = Checkpoint::parse(text).map_err(|_| KeyError::Refused)?;
                let message = ml_dsa_44_cosignature_message(name, &checkpoint, timestamp);
                let mut bytes = alloc::vec![0; ML_DSA_44_SIGNING.signature_len()];
                pair.sign(&message, &mut bytes)
                    .map_err(|_| KeyError::Refused)?;
                bytes
            }
        };
        let signature = timestamped_signature(timestamp, &bytes);
        Ok(note.with_signature(name.clone(), self.key.key_id(), signature))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Signed by aws-lc-rs, verified by the pure crate.
    #[test]
    fn a_witness_cosigns_by_the_kind_of_key_that_it_is_given() {
        use crate::tlog::VerifiedCheckpoint;

        let text = include_str!("../../../fixtures/tlog/checkpoint-300.txt");
        let keys = include_str!("../../../fixtures/tlog/keys.txt");
        let log = keys.lines().find_map(|line| line.strip_prefix("log "));
        let log = VerifierKey::parse(log.unwrap()).unwrap();
        let ed25519 = LogSigner::generate().unwrap().to_pkcs8_pem();
        let ml_dsa = WitnessSigner::generate_ml_dsa_44_pem().unwrap();
        for (pem, kind) in [
            (&ed25519, SignatureType::Ed25519Cosignature),
            (&ml_dsa, SignatureType::MlDsa44Cosignature),
        ] {
            let name = || KeyName::new("witness.example").unwrap();
            let signer = WitnessSigner::from_pkcs8_pem(name(), pem).unwrap();
            let again = WitnessSigner::from_pkcs8_pem(name(), pem).unwrap();
            assert_eq!(
                (signer.key(), kind),
                (again.key(), signer.key().signature_type())
            );
            let note = Note::parse(text.as_bytes()).unwrap();
            let cosigned = signer.cosign(note, 1_795_540_000).unwrap();
            let read = Note::parse(cosigned.encode().as_bytes()).unwrap();
            let checkpoint = VerifiedCheckpoint::verify(&read, &log).unwrap();
            let found = checkpoint.cosignatures(again.key()).unwrap();
            assert_eq!(found[0].time().unwrap().unix_secs(), 1_795_540_000);
            // Of the log's own text alone.
            let other = Note::unsigned("no checkpoint\n").unwrap();
            let by_ed25519 = kind == SignatureType::Ed25519Cosignature;
            assert_eq!(signer.cosign(other, 1).is_ok(), by_ed25519);
        }
        let rsa = TokenSigner::generate().unwrap().to_pkcs8_pem();
        let name = KeyName::new("witness.example").unwrap();
        assert!(WitnessSigner::from_pkcs8_pem(name, &rsa).is_err());
    }

    #[test]
    fn token_signatures_have_low_s_and_keys_round_trip_through_pem() {
        let signer = TokenSigner::generate().unwrap();
        let again = TokenSigner::from_pkcs8_pem(&signer.to_pkcs8_pem()).unwrap();
        assert_eq!(again.public_key_info(), signer.public_key_info());
        for round in 0..64_u8 {
            let bytes = again.sign(&[round]).unwrap();
            let signature = p256::ecdsa::Signature::from_der(&bytes).unwrap();
            assert_eq!(signature.normalize_s(), signature);
        }
    }

    #[test]
    fn the_lower_s_is_taken_on_both_sides_of_half_the_order_and_across_words() {
        let half_before_and_after = [
            "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8",
            "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9",
        ];
        let others = [
            "0000000000000000000000000000000000000000000000000000000000000001",
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
            "ffffffff00000000ffffffffffffffffbce6faada7179e83ffffffffffffffff",
            "ffffffff00000000fffffffffffffffeffffffffffffffffffffffffffffffff",
            "80000000000000000000000000000000ffffffffffffffff0000000000000000",
        ];
        let mut kept = 0;
        for s in half_before_and_after.into_iter().chain(others) {
            let s = *Sha256Digest::from_hex(s).unwrap().as_bytes();
            let signature = p256::ecdsa::Signature::from_scalars([0x81; 32], s).unwrap();
            let low = low_s(signature.to_der().as_bytes(), &P256_ORDER).unwrap();
            let expected = signature.normalize_s();
            assert_eq!(low, expected.to_der().as_bytes());
            kept += usize::from(expected == signature);
        }
        assert_eq!(kept, 2);
    }

    #[test]
    fn p384_signatures_have_low_s_too_and_are_by_sha384() {
        use p384::ecdsa::signature::hazmat::PrehashVerifier;
        let signer = TokenSigner::generate_kind(TokenKeyKind::P384).unwrap();
        let again = TokenSigner::from_pkcs8_pem(&signer.to_pkcs8_pem()).unwrap();
        assert_eq!(again.public_key_info(), signer.public_key_info());
        let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&signer.public_key_bits()).unwrap();
        for round in 0..64_u8 {
            let bytes = again.sign(&[round]).unwrap();
            let signature = p384::ecdsa::Signature::from_der(&bytes).unwrap();
            assert_eq!(signature.normalize_s(), signature);
            let digest = HashAlgorithm::Sha384.digest(&[round]);
            key.verify_prehash(&digest, &signature).unwrap();
        }
    }

    #[test]
    fn the_vkey_of_the_c2sp_example_form_is_reproduced() {
        let signer = LogSigner::from_seed(&[7; 32]).unwrap();
        let again = LogSigner::from_pkcs8_pem(&signer.to_pkcs8_pem()).unwrap();
        assert_eq!(again.public_key(), signer.public_key());
        let vkey = signer.vkey("kbox.example/log");
        let parts: Vec<&str> = vkey.split('+').collect();
        assert_eq!(parts.first(), Some(&"kbox.example/log"));
        assert_eq!(parts.get(1).map(|id| id.len()), Some(8));
    }

    #[test]
    fn what_is_no_log_key_and_what_is_no_token_key_is_refused() {
        let pem = TokenSigner::generate().unwrap().to_pkcs8_pem();
        assert_eq!(
            LogSigner::from_pkcs8_pem(&pem).err(),
            Some(KeyError::Unsupported)
        );
        assert_eq!(LogSigner::from_pkcs8_pem("").err(), Some(KeyError::Pem));
        let p521 = EcdsaKeyPair::generate_pkcs8(
            &aws_lc_rs::signature::ECDSA_P521_SHA512_FIXED_SIGNING,
            &SystemRandom::new(),
        );
        for pkcs8 in [p521.unwrap().as_ref(), &[]] {
            assert_eq!(
                TokenSigner::from_pkcs8(pkcs8).err(),
                Some(KeyError::Unsupported)
            );
        }
        let odd = TokenKeyKind::Rsa { bits: 2049 };
        assert_eq!(
            TokenSigner::generate_kind(odd).err(),
            Some(KeyError::Unsupported)
        );
    }

    #[test]
    fn each_kind_of_token_key_is_made_read_again_and_pss_is_for_rsa_alone() {
        for kind in [
            TokenKeyKind::P256,
            TokenKeyKind::P384,
            TokenKeyKind::Rsa { bits: 2048 },
            TokenKeyKind::Ed25519,
        ] {
            let signer = TokenSigner::generate_kind(kind).unwrap();
            assert_eq!(signer.kind(), kind);
            let again = TokenSigner::from_pkcs8_pem(&signer.to_pkcs8_pem()).unwrap();
            assert_eq!(again.public_key_info(), signer.public_key_info());
            let pss = again.with_pss().err();
            let is_rsa = matches!(kind, TokenKeyKind::Rsa { .. });
            assert_eq!(pss, (!is_rsa).then_some(KeyError::PssWithoutRsa));
        }
    }
}
