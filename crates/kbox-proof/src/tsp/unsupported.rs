// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What is refused because it is weak, apart from what only this program does not know: of that nothing is disproven.

use super::TspError;
use super::algorithm::{AlgorithmIdentifier, HashAlgorithm};
use super::certificate::bit_string;
use super::der;
use super::oid::{Oid, known};

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

enum Judged {
    /// Known, and so refused for another reason.
    Known,
    Weak,
    Unknown(Oid),
}

impl Judged {
    fn of(algorithm: &Oid) -> Self {
        let content = algorithm.as_content();
        if WEAK.contains(&content) {
            Self::Weak
        } else if KNOWN.contains(&content) || HashAlgorithm::from_oid_content(content).is_some() {
            Self::Known
        } else {
            Self::Unknown(algorithm.clone())
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Weak, _) | (_, Self::Weak) => Self::Weak,
            (unknown @ Self::Unknown(_), _) | (_, unknown @ Self::Unknown(_)) => unknown,
            (Self::Known, Self::Known) => Self::Known,
        }
    }

    fn unknown(self) -> Option<Oid> {
        match self {
            Self::Unknown(algorithm) => Some(algorithm),
            Self::Known | Self::Weak => None,
        }
    }
}

/// The hash algorithm, where it is one that only this program does not know.
pub(super) fn unsupported_hash(algorithm: &AlgorithmIdentifier) -> Option<Oid> {
    match algorithm.hash() {
        Some(_) => None,
        None => Judged::of(&algorithm.algorithm).unknown(),
    }
}

/// Of a key and a signature algorithm that were refused: the one that only this program does not know, where neither is weak.
pub(super) fn unsupported(key: &[u8], algorithm: &AlgorithmIdentifier) -> Option<Oid> {
    // What cannot be read is not unknown, but wrong.
    let key = key_kind(key).unwrap_or(Judged::Known);
    key.and(signature_kind(algorithm)).unknown()
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
            return Ok(Judged::Weak);
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
        Ok(of_hash(&hash).and(of_mask))
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
                Judged::Weak
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
        let name = |found: Option<Oid>| found.map(|oid| alloc::format!("{oid}"));
        let judge = |curve: &[u8], algorithm: &[u8]| {
            name(unsupported(&ec_key(curve), &identifier(algorithm)))
        };
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
            assert_eq!(unsupported_hash(&identifier(weak)), None);
        }
        // SHA-224
        let sha224 = identifier(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4]);
        assert_eq!(
            name(unsupported_hash(&sha224)).as_deref(),
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
            unsupported(&spki, &sha3_rsa).is_some()
        };
        assert!(!judge(128) && !judge(255) && judge(256) && judge(1025));
    }
}
