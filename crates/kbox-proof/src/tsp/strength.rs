// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Which algorithms prove something, and until when: one dated table, docs/algorithms.md, which a test holds against this.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::algorithm::{AlgorithmIdentifier, HashAlgorithm};
use super::certificate::Certificate;
use super::der;
use super::oid::known;
use crate::time::Time;

/// A hash function, or a signature scheme with the size of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-1, only ever met where it names a certificate (ESSCertID): read nowhere else, whatever the date.
    Sha1,
    /// A hash function.
    Hash(HashAlgorithm),
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
    RsaPkcs1 {
        /// Length of the modulus, in bits.
        bits: u32,
    },
    /// RSASSA-PSS (RFC 8017 §8.1).
    RsaPss {
        /// Length of the modulus, in bits.
        bits: u32,
    },
    /// ECDSA on a NIST curve.
    Ecdsa {
        /// Length of the order, in bits: 256, 384 or 521.
        bits: u32,
    },
    /// Ed25519 (RFC 8032).
    Ed25519,
}

/// What the table says of an algorithm at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// ETSI TS 119 312 lists it, as recommended or as legacy.
    Listed {
        /// First instant at which it no longer does; `None` while no end is known.
        until: Option<Time>,
    },
    /// ETSI TS 119 312 no longer lists it, but it is not broken: what it signed is to be renewed before it ends.
    Outgoing {
        /// First instant at which it proves nothing.
        until: Time,
    },
    /// It proves nothing by itself, only that what is known to have existed before is unchanged.
    Ended {
        /// Since when.
        since: Time,
    },
}

impl Strength {
    /// `listed`, `outgoing` or `ended`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Listed { .. } => "listed",
            Self::Outgoing { .. } => "outgoing",
            Self::Ended { .. } => "ended",
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrengthRule {
    /// Its stable name.
    pub name: &'static str,
    /// First instant at which ETSI TS 119 312 no longer lists it.
    pub listed_until: Option<Time>,
    /// First instant at which it proves nothing.
    pub ends: Option<Time>,
    /// Whose dates these are.
    pub source: &'static str,
}

const fn at(unix_seconds: i64) -> Option<Time> {
    Some(Time::from_unix_nanos(unix_seconds * 1_000_000_000))
}

const SHA1: StrengthRule = StrengthRule {
    name: "sha1",
    listed_until: at(1_343_779_200),
    ends: at(1_343_779_200),
    source: "EU DSS 6.3, default cryptographic suite",
};
const SHA2_SHA3: StrengthRule = StrengthRule {
    name: "sha2_sha3",
    listed_until: None,
    ends: None,
    source: "ETSI TS 119 312 V2.1.1",
};
const RSA_BELOW_3000: StrengthRule = StrengthRule {
    name: "rsa_below_3000",
    listed_until: at(1_775_001_600),
    ends: at(1_924_992_000),
    source: "ETSI TS 119 312 V2.1.1; ANSSI, RègleFactorisation",
};
const RSA_PKCS1: StrengthRule = StrengthRule {
    name: "rsa_pkcs1",
    listed_until: at(2_019_686_400),
    ends: at(2_019_686_400),
    source: "ETSI TS 119 312 V2.1.1",
};
const RSA_PSS: StrengthRule = StrengthRule {
    name: "rsa_pss",
    ..SHA2_SHA3
};
const ECDSA: StrengthRule = StrengthRule {
    name: "ecdsa_nist",
    ..SHA2_SHA3
};
const ED25519: StrengthRule = StrengthRule {
    name: "ed25519",
    ..SHA2_SHA3
};

/// RSA moduli below this are of the shorter kind (SOG-IS, TS 119 312).
const LONG_RSA_BITS: u32 = 3000;

impl StrengthRule {
    /// The whole table.
    pub const ALL: [Self; 7] = [
        SHA1,
        SHA2_SHA3,
        RSA_BELOW_3000,
        RSA_PKCS1,
        RSA_PSS,
        ECDSA,
        ED25519,
    ];

    /// What it says at `time`.
    #[must_use]
    pub fn strength_at(&self, time: Time) -> Strength {
        match (self.listed_until, self.ends) {
            (_, Some(since)) if time >= since => Strength::Ended { since },
            (Some(listed), Some(until)) if time >= listed => Strength::Outgoing { until },
            (until, _) => Strength::Listed { until },
        }
    }
}

impl Algorithm {
    /// The row of the table that this is judged by.
    #[must_use]
    pub const fn rule(self) -> StrengthRule {
        match self {
            Self::Sha1 => SHA1,
            Self::Hash(_) => SHA2_SHA3,
            Self::RsaPkcs1 { bits } | Self::RsaPss { bits } if bits < LONG_RSA_BITS => {
                RSA_BELOW_3000
            }
            Self::RsaPkcs1 { .. } => RSA_PKCS1,
            Self::RsaPss { .. } => RSA_PSS,
            Self::Ecdsa { .. } => ECDSA,
            Self::Ed25519 => ED25519,
        }
    }

    /// What the table says of it at `time`.
    #[must_use]
    pub fn strength_at(self, time: Time) -> Strength {
        self.rule().strength_at(time)
    }

    /// The scheme by which the key of `issuer` made a signature under `identifier`; `None` for what is not accepted anyway.
    pub(super) fn of_signature(
        issuer: &Certificate,
        identifier: &AlgorithmIdentifier,
    ) -> Option<Self> {
        let mut parts = der::single(issuer.public_key_info(), der::SEQUENCE)
            .ok()?
            .elements();
        let key = AlgorithmIdentifier::from_element(&parts.expect(der::SEQUENCE).ok()?).ok()?;
        match key.algorithm.as_content() {
            known::EC => match der::single(&key.parameters?, der::OID).ok()?.content {
                known::P256 => Some(Self::Ecdsa { bits: 256 }),
                known::P384 => Some(Self::Ecdsa { bits: 384 }),
                known::P521 => Some(Self::Ecdsa { bits: 521 }),
                _ => None,
            },
            known::ED25519 => Some(Self::Ed25519),
            known::RSA | known::RSASSA_PSS => {
                let bits = rsa_bits(issuer.public_key_bits().ok()?)?;
                match identifier.algorithm.as_content() {
                    known::RSASSA_PSS => Some(Self::RsaPss { bits }),
                    _ => Some(Self::RsaPkcs1 { bits }),
                }
            }
            _ => None,
        }
    }
}

impl Algorithm {
    /// The hash under a signature; `None` where the scheme has its own, or for what is not accepted anyway.
    pub(super) fn hash_of_signature(identifier: &AlgorithmIdentifier) -> Option<Self> {
        let hash = match identifier.algorithm.as_content() {
            known::SHA256_RSA | known::ECDSA_SHA256 => HashAlgorithm::Sha256,
            known::SHA384_RSA | known::ECDSA_SHA384 => HashAlgorithm::Sha384,
            known::SHA512_RSA | known::ECDSA_SHA512 => HashAlgorithm::Sha512,
            known::RSASSA_PSS => {
                // RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0] EXPLICIT AlgorithmIdentifier DEFAULT sha1, … }
                let parameters = identifier.parameters.as_deref()?;
                let mut parts = der::single(parameters, der::SEQUENCE).ok()?.elements();
                let mut field = parts.expect(0xa0).ok()?.elements();
                AlgorithmIdentifier::from_element(&field.expect(der::SEQUENCE).ok()?)
                    .ok()?
                    .hash()?
            }
            _ => return None,
        };
        Some(Self::Hash(hash))
    }
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }`: the modulus's length.
fn rsa_bits(key: &[u8]) -> Option<u32> {
    let mut parts = der::single(key, der::SEQUENCE).ok()?.elements();
    let modulus = parts.expect(der::INTEGER).ok()?.content;
    let digits = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let first = digits.first()?;
    u32::try_from(digits.len())
        .ok()?
        .checked_mul(8)?
        .checked_sub(first.leading_zeros())
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = match self {
            Self::Sha1 => "SHA-1".into(),
            Self::Hash(hash) => return hash.fmt(f),
            Self::RsaPkcs1 { bits } => format!("RSA-{bits} (PKCS #1 v1.5)"),
            Self::RsaPss { bits } => format!("RSA-{bits} (PSS)"),
            Self::Ecdsa { bits } => format!("ECDSA P-{bits}"),
            Self::Ed25519 => "Ed25519".into(),
        };
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn time(text: &str) -> Time {
        Time::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn each_row_of_the_table_changes_on_its_dates_and_not_a_nanosecond_before() {
        let rsa = Algorithm::RsaPkcs1 { bits: 2048 };
        let (listed, ends) = (time("2026-04-01T00:00:00Z"), time("2031-01-01T00:00:00Z"));
        let long = time("2034-01-01T00:00:00Z");
        let sha1 = time("2012-08-01T00:00:00Z");
        for (algorithm, edge, before, from) in [
            (
                rsa,
                listed,
                Strength::Listed {
                    until: Some(listed),
                },
                Strength::Outgoing { until: ends },
            ),
            (
                rsa,
                ends,
                Strength::Outgoing { until: ends },
                Strength::Ended { since: ends },
            ),
            (
                Algorithm::RsaPss { bits: 2999 },
                ends,
                Strength::Outgoing { until: ends },
                Strength::Ended { since: ends },
            ),
            (
                Algorithm::RsaPkcs1 { bits: 3000 },
                long,
                Strength::Listed { until: Some(long) },
                Strength::Ended { since: long },
            ),
            (
                Algorithm::Sha1,
                sha1,
                Strength::Listed { until: Some(sha1) },
                Strength::Ended { since: sha1 },
            ),
        ] {
            let just_before = Time::from_unix_nanos(edge.unix_nanos() - 1);
            assert_eq!(algorithm.strength_at(just_before), before, "{algorithm}");
            assert_eq!(algorithm.strength_at(edge), from, "{algorithm}");
        }
        let far = time("2200-01-01T00:00:00Z");
        for endless in [
            Algorithm::Hash(HashAlgorithm::Sha256),
            Algorithm::Hash(HashAlgorithm::Sha3_512),
            Algorithm::RsaPss { bits: 3000 },
            Algorithm::Ecdsa { bits: 256 },
            Algorithm::Ed25519,
        ] {
            assert_eq!(endless.strength_at(far), Strength::Listed { until: None });
        }
        // Nothing ends before it is no longer listed.
        for rule in StrengthRule::ALL {
            assert!(
                rule.ends.is_none() || rule.listed_until <= rule.ends,
                "{}",
                rule.name
            );
        }
    }

    #[test]
    fn the_length_of_a_modulus_is_counted_in_bits_whatever_its_leading_zero() {
        let key = |modulus: &[u8]| {
            let number = |content| der::element(der::INTEGER, &[content]);
            der::element(der::SEQUENCE, &[&number(modulus), &number(&[3])])
        };
        assert_eq!(rsa_bits(&key(&[0, 0x80, 0])), Some(16));
        assert_eq!(rsa_bits(&key(&[0x7f, 0xff])), Some(15));
        assert_eq!(rsa_bits(&key(&[])), None);
        assert_eq!(rsa_bits(&[]), None);
    }
}
