// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What is refused because it is weak, apart from what only this program does not know: of that nothing is disproven.

use alloc::string::{String, ToString};
use core::fmt;

use super::TspError;
use super::algorithm::{AlgorithmIdentifier, HashAlgorithm};
use super::certificate::bit_string;
use super::der;
use super::oid::{Oid, known};
use super::signature::SignatureAlgorithm;

/// Digests and signatures by MD2, MD4, MD5, SHA-1 and RIPEMD-160, and curves of fewer than 224 bits (ETSI TS 119 312 lists none).
const WEAK: [&[u8]; 22] = [
    // md2, md4, md5, sha1 and sha1 of OIW, ripemd160
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 2],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 4],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5],
    known::SHA1,
    &[0x2b, 36, 3, 2, 1],
    // RSA with md2, md4, md5, sha1 (two), ripemd160
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 2],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 3],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5],
    &[0x2b, 14, 3, 2, 29],
    &[0x2b, 36, 3, 3, 1, 2],
    // DSA and ECDSA with sha1
    &[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3],
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1],
    // prime192v1, secp160r1, secp160k1, secp160r2, secp192k1
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1],
    &[0x2b, 0x81, 4, 0, 8],
    &[0x2b, 0x81, 4, 0, 9],
    &[0x2b, 0x81, 4, 0, 30],
    &[0x2b, 0x81, 4, 0, 31],
    // brainpoolP160r1, P160t1, P192r1, P192t1
    &[0x2b, 36, 3, 3, 2, 8, 1, 1, 1],
    &[0x2b, 36, 3, 3, 2, 8, 1, 1, 2],
    &[0x2b, 36, 3, 3, 2, 8, 1, 1, 3],
    &[0x2b, 36, 3, 3, 2, 8, 1, 1, 4],
];

/// What is known here, as far as its identifier goes.
const KNOWN: [&[u8]; 13] = [
    known::RSA,
    known::SHA256_RSA,
    known::SHA384_RSA,
    known::SHA512_RSA,
    known::ED25519,
    known::ECDSA_SHA256,
    known::ECDSA_SHA384,
    known::ECDSA_SHA512,
    known::P256,
    known::P384,
    known::P521,
    known::EC,
    known::MGF1,
];

/// Lengths of RSA moduli in octets: shorter ones are weak, longer ones are beyond what this program checks.
const RSA_OCTETS: core::ops::RangeInclusive<usize> = 256..=1024;

/// Why an algorithm or a key proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlgorithmFault {
    /// The algorithm or the curve is too weak.
    Weak(Oid),
    /// RSASSA-PSS that names SHA-1, for the message or the mask, or leaves it as the default (RFC 4055 §3.1).
    WeakPss,
    /// The modulus of an RSA key is too short.
    ShortRsaKey {
        /// Its length in octets.
        octets: usize,
    },
    /// The algorithm is good, but not used as its standard says: with another digest, with parameters that it does not have, or
    /// with a key that is for another.
    Misused(Oid),
    /// The same, and it is the digest: the SignerInfo names another.
    OtherDigest(Oid),
    /// The same, and it is the parameters.
    Parameters(Oid),
    /// The same, and it is the key.
    OtherKey(Oid),
}

impl fmt::Display for AlgorithmFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weak(algorithm) => write!(f, "{} is too weak", named(algorithm)),
            Self::WeakPss => f.write_str("RSASSA-PSS with SHA-1 is too weak"),
            Self::ShortRsaKey { octets } => {
                write!(f, "an RSA key of {} bits is too short", octets * 8)
            }
            Self::Misused(algorithm) => write!(
                f,
                "{} is not used as its standard says (digest, parameters or key)",
                named(algorithm)
            ),
            Self::OtherDigest(algorithm) => write!(
                f,
                "{} is used with another digest than its standard says",
                named(algorithm)
            ),
            Self::Parameters(algorithm) => write!(
                f,
                "{} has parameters that its standard does not allow",
                named(algorithm)
            ),
            Self::OtherKey(algorithm) => write!(
                f,
                "{} is used, and the key in the signer's certificate is not for it",
                named(algorithm)
            ),
        }
    }
}

/// The name by which people know the algorithm, with its identifier.
pub(crate) fn named(algorithm: &Oid) -> String {
    let name = match algorithm.as_content() {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, kind] => match kind {
            2 => "MD2",
            4 => "MD4",
            5 => "MD5",
            _ => return algorithm.to_string(),
        },
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, kind] => match kind {
            1 => "RSA",
            2 => "RSA/MD2",
            3 => "RSA/MD4",
            4 => "RSA/MD5",
            5 => "RSA/SHA-1",
            10 => "RSASSA-PSS",
            11 => "RSA/SHA-256",
            12 => "RSA/SHA-384",
            13 => "RSA/SHA-512",
            _ => return algorithm.to_string(),
        },
        known::SHA1 => "SHA-1",
        [0x2b, 14, 3, 2, 29] => "RSA/SHA-1",
        [0x2b, 36, 3, 2, 1] => "RIPEMD-160",
        [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3] => "DSA/SHA-1",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => "ECDSA/SHA-1",
        known::ECDSA_SHA256 => "ECDSA/SHA-256",
        known::ECDSA_SHA384 => "ECDSA/SHA-384",
        known::ECDSA_SHA512 => "ECDSA/SHA-512",
        known::ED25519 => "Ed25519",
        _ => return algorithm.to_string(),
    };
    alloc::format!("{name} ({algorithm})")
}

enum Judged {
    /// Known, and so refused for another reason.
    Known,
    Weak(AlgorithmFault),
    Unknown(Oid),
}

impl Judged {
    fn of(algorithm: &Oid) -> Self {
        let content = algorithm.as_content();
        if WEAK.contains(&content) {
            Self::Weak(AlgorithmFault::Weak(algorithm.clone()))
        } else if KNOWN.contains(&content) || HashAlgorithm::from_oid_content(content).is_some() {
            Self::Known
        } else {
            Self::Unknown(algorithm.clone())
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (weak @ Self::Weak(_), _) | (_, weak @ Self::Weak(_)) => weak,
            (unknown @ Self::Unknown(_), _) | (_, unknown @ Self::Unknown(_)) => unknown,
            (Self::Known, Self::Known) => Self::Known,
        }
    }

    /// Of `algorithm`, which was refused.
    fn refused(self, algorithm: &Oid) -> Refused {
        match self {
            Self::Unknown(algorithm) => Refused::Unknown(algorithm),
            Self::Weak(fault) => Refused::Fault(fault),
            Self::Known => Refused::Fault(AlgorithmFault::Misused(algorithm.clone())),
        }
    }
}

/// What is wrong with an algorithm that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Only this program does not know it.
    Unknown(Oid),
    Fault(AlgorithmFault),
}

/// Why a hash algorithm was refused.
pub(super) fn refused_hash(algorithm: &AlgorithmIdentifier) -> Refused {
    Judged::of(&algorithm.algorithm).refused(&algorithm.algorithm)
}

/// Why a key and a signature algorithm were refused: one that only this program does not know where neither is weak.
pub(super) fn refused(key: &[u8], algorithm: &AlgorithmIdentifier) -> Refused {
    // What cannot be read is not unknown, but wrong.
    let key = key_kind(key).unwrap_or(Judged::Known);
    key.and(signature_kind(algorithm))
        .refused(&algorithm.algorithm)
}

/// The same of a token's signature, with the digest algorithm beside it.
pub(super) fn refused_signature(
    key: &[u8],
    algorithm: &AlgorithmIdentifier,
    digest: HashAlgorithm,
) -> Refused {
    match refused(key, algorithm) {
        Refused::Fault(AlgorithmFault::Misused(oid)) => {
            let fits = |digest| SignatureAlgorithm::new(algorithm, digest).is_ok();
            Refused::Fault(match (fits(Some(digest)), fits(None)) {
                (true, _) => AlgorithmFault::OtherKey(oid),
                (false, true) => AlgorithmFault::OtherDigest(oid),
                (false, false) => AlgorithmFault::Parameters(oid),
            })
        }
        other => other,
    }
}

fn signature_kind(algorithm: &AlgorithmIdentifier) -> Judged {
    if algorithm.algorithm.as_content() != known::RSASSA_PSS {
        return Judged::of(&algorithm.algorithm);
    }
    // RFC 4055 §3.1: SHA-1 where nothing is said.
    let read = || -> Result<Judged, TspError> {
        let parameters = algorithm.parameters.as_deref().unwrap_or_default();
        let mut fields = der::single(parameters, der::SEQUENCE)?.elements();
        let (Some(hash), Some(mask)) = (fields.optional(0xa0)?, fields.optional(0xa1)?) else {
            return Ok(Judged::Weak(AlgorithmFault::WeakPss));
        };
        let of_hash = |identifier: &AlgorithmIdentifier| match identifier.hash() {
            Some(hash) if hash.oid_content().last().is_some_and(|kind| *kind <= 3) => Judged::Known,
            Some(_) => Judged::Unknown(identifier.algorithm.clone()),
            None => Judged::of(&identifier.algorithm),
        };
        let hash = AlgorithmIdentifier::from_element(&hash.elements().expect(der::SEQUENCE)?)?;
        let mask = AlgorithmIdentifier::from_element(&mask.elements().expect(der::SEQUENCE)?)?;
        let of_mask = match (&mask.parameters, mask.algorithm.as_content()) {
            (Some(parameters), known::MGF1) => {
                let inner = der::single(parameters, der::SEQUENCE)?;
                of_hash(&AlgorithmIdentifier::from_element(&inner)?)
            }
            _ => Judged::of(&mask.algorithm),
        };
        Ok(match of_hash(&hash).and(of_mask) {
            Judged::Weak(_) => Judged::Weak(AlgorithmFault::WeakPss),
            other => other,
        })
    };
    read().unwrap_or(Judged::Known)
}

fn key_kind(spki: &[u8]) -> Result<Judged, TspError> {
    let mut parts = der::single(spki, der::SEQUENCE)?.elements();
    let algorithm = AlgorithmIdentifier::from_element(&parts.expect(der::SEQUENCE)?)?;
    let key = bit_string(&parts.expect(der::BIT_STRING)?)?;
    Ok(match algorithm.algorithm.as_content() {
        known::RSA | known::RSASSA_PSS => {
            let mut numbers = der::single(key, der::SEQUENCE)?.elements();
            let modulus = numbers.expect(der::INTEGER)?.content;
            let octets = modulus.strip_prefix(&[0]).unwrap_or(modulus).len();
            if octets < *RSA_OCTETS.start() {
                Judged::Weak(AlgorithmFault::ShortRsaKey { octets })
            } else if octets > *RSA_OCTETS.end() {
                Judged::Unknown(algorithm.algorithm)
            } else {
                Judged::Known
            }
        }
        known::EC => {
            let curve = algorithm.parameters.as_deref().unwrap_or_default();
            Judged::of(&Oid::from_element(&der::single(curve, der::OID)?)?)
        }
        _ => Judged::of(&algorithm.algorithm),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identifier(algorithm: &[u8]) -> AlgorithmIdentifier {
        AlgorithmIdentifier::without_parameters(algorithm)
    }

    fn ec_key(curve: &[u8]) -> alloc::vec::Vec<u8> {
        let kind = der::element(der::OID, &[known::EC]);
        let curve = der::element(der::OID, &[curve]);
        let algorithm = der::element(der::SEQUENCE, &[&kind, &curve]);
        let key = der::element(der::BIT_STRING, &[&[0, 4, 1]]);
        der::element(der::SEQUENCE, &[&algorithm, &key])
    }

    #[test]
    fn what_is_weak_is_refused_and_what_is_only_unknown_is_named() {
        let brainpool: &[u8] = &[0x2b, 36, 3, 3, 2, 8, 1, 1, 7];
        let name = |found: Refused| match found {
            Refused::Unknown(oid) => Some(oid.to_string()),
            Refused::Fault(_) => None,
        };
        let judge =
            |curve: &[u8], algorithm: &[u8]| name(refused(&ec_key(curve), &identifier(algorithm)));
        assert_eq!(judge(known::P256, known::ECDSA_SHA256), None);
        assert_eq!(
            judge(brainpool, known::ECDSA_SHA256).as_deref(),
            Some("1.3.36.3.3.2.8.1.1.7")
        );
        // Ed448
        assert_eq!(
            judge(known::P256, &[0x2b, 0x65, 0x71]).as_deref(),
            Some("1.3.101.113")
        );
        // RSA with SHA3-256
        let sha3_rsa = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 14];
        assert_eq!(
            judge(known::P256, sha3_rsa).as_deref(),
            Some("2.16.840.1.101.3.4.3.14")
        );
        for weak in WEAK {
            assert_eq!(judge(brainpool, weak), None);
            assert_eq!(judge(weak, sha3_rsa), None);
            let oid = identifier(weak).algorithm;
            let fault = AlgorithmFault::Weak(oid.clone());
            assert_eq!(refused_hash(&identifier(weak)), Refused::Fault(fault));
            assert!(named(&oid).contains(&oid.to_string()));
        }
        // SHA-224
        let sha224 = identifier(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4]);
        assert_eq!(
            name(refused_hash(&sha224)).as_deref(),
            Some("2.16.840.1.101.3.4.2.4")
        );
    }

    #[test]
    fn a_short_rsa_key_is_weak_whatever_signs_with_it() {
        let judge = |octets: usize| {
            let modulus = alloc::vec![0xc1; octets];
            let modulus = der::element(der::INTEGER, &[&[0], &modulus]);
            let exponent = der::element(der::INTEGER, &[&[3]]);
            let numbers = der::element(der::SEQUENCE, &[&modulus, &exponent]);
            let kind = der::element(der::OID, &[known::RSA]);
            let algorithm = der::element(der::SEQUENCE, &[&kind, &[5, 0]]);
            let key = der::element(der::BIT_STRING, &[&[0], &numbers]);
            let spki = der::element(der::SEQUENCE, &[&algorithm, &key]);
            let sha3_rsa = identifier(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 14]);
            refused(&spki, &sha3_rsa)
        };
        let short = |octets| Refused::Fault(AlgorithmFault::ShortRsaKey { octets });
        assert_eq!([128, 255].map(judge), [128, 255].map(short));
        for octets in [256, 1025] {
            assert!(matches!(judge(octets), Refused::Unknown(_)), "{octets}");
        }
    }
}
