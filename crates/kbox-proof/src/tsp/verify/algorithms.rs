// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The algorithms that a token rests on, judged by the dated table at its proof of existence.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::algorithm::HashAlgorithm;
use super::super::certificate::Certificate;
use super::super::strength::{Algorithm, Strength};
use super::super::token::TimeStampToken;
use super::TspRejection;
use crate::time::Time;

/// What an algorithm is used for in a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// The imprint of what was stamped.
    Imprint,
    /// The digest of the TSTInfo.
    Digest,
    /// The token's signature.
    Signature,
    /// The hash by which the token names its signer's certificate. Only a second preimage harms it, so the table does not
    /// decide on it.
    SignerName,
    /// The signature on a certificate of the chain, counted from the signer's.
    Certificate(usize),
    /// The digest under the signature on a certificate of the chain, counted from the signer's.
    CertificateDigest(usize),
}

impl Purpose {
    /// `imprint`, `digest`, `signature`, `signer_name`, `certificate` or `certificate_digest`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Imprint => "imprint",
            Self::Digest => "digest",
            Self::Signature => "signature",
            Self::SignerName => "signer_name",
            Self::Certificate(_) => "certificate",
            Self::CertificateDigest(_) => "certificate_digest",
        }
    }
}

/// An algorithm and what it is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlgorithmUse {
    /// What for.
    pub purpose: Purpose,
    /// The algorithm.
    pub algorithm: Algorithm,
}

impl AlgorithmUse {
    /// What the dated table says of it at `time`.
    #[must_use]
    pub fn strength_at(&self, time: Time) -> Strength {
        self.algorithm.strength_at(time)
    }
}

/// Everything that the proof rests on. The trusted certificate's own signature is not: it is trusted as it is.
pub(super) fn of_token(
    token: &TimeStampToken,
    imprint: HashAlgorithm,
    digest: HashAlgorithm,
    named_by_sha1: bool,
    chain: &[Arc<Certificate>],
) -> Vec<AlgorithmUse> {
    let mut found = Vec::with_capacity(4 + 2 * chain.len());
    let mut push = |purpose, algorithm| found.push(AlgorithmUse { purpose, algorithm });
    push(Purpose::Imprint, Algorithm::Hash(imprint));
    push(Purpose::Digest, Algorithm::Hash(digest));
    if named_by_sha1 {
        push(Purpose::SignerName, Algorithm::Sha1);
    }
    if let Some(signer) = chain.first()
        && let Some(scheme) = Algorithm::of_signature(signer, &token.signature_algorithm)
    {
        push(Purpose::Signature, scheme);
    }
    for (index, (certificate, issuer)) in chain.iter().zip(chain.iter().skip(1)).enumerate() {
        let identifier = certificate.signature_algorithm();
        if let Some(scheme) = Algorithm::of_signature(issuer, identifier) {
            push(Purpose::Certificate(index), scheme);
        }
        if let Some(hash) = Algorithm::hash_of_signature(identifier) {
            push(Purpose::CertificateDigest(index), hash);
        }
    }
    found
}

/// None of them had ended at `at`.
pub(super) fn check(algorithms: &[AlgorithmUse], at: Time) -> Result<(), TspRejection> {
    for one in algorithms {
        if let Strength::Ended { since } = one.strength_at(at)
            && one.purpose != Purpose::SignerName
        {
            return Err(TspRejection::AlgorithmEnded {
                algorithm: one.algorithm,
                since,
                at,
            });
        }
    }
    Ok(())
}
