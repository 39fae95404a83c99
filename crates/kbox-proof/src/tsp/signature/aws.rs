// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Signatures checked by aws-lc-rs, for whoever audits by the million (feature `aws-lc-rs`), or a whole log (`issue`). What it has no
//! algorithm for, or a key that it does not take, is left to the pure crates.

use alloc::vec::Vec;
use std::sync::OnceLock;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, VerificationAlgorithm,
};

use super::super::algorithm::HashAlgorithm::{Sha256, Sha384, Sha512};
use super::{Key, SignatureAlgorithm, SignatureFailure};

/// The key as it stands in a SubjectPublicKeyInfo (an EC key with all of that), and once it was used, as aws-lc-rs has it for one algorithm.
#[derive(Clone, Debug)]
pub(super) struct AwsKey {
    bytes: Vec<u8>,
    parsed: OnceLock<Option<(SignatureAlgorithm, ParsedPublicKey)>>,
}

impl AwsKey {
    pub(super) const fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            parsed: OnceLock::new(),
        }
    }

    /// `None` when this is not for aws-lc-rs to decide.
    pub(super) fn verify(
        &self,
        key: &Key,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Option<Result<(), SignatureFailure>> {
        let parse = || {
            let parsed = ParsedPublicKey::new(named(key, algorithm)?, &self.bytes).ok()?;
            Some((algorithm, parsed))
        };
        let again;
        let (_, parsed) = match self.parsed.get_or_init(parse) {
            Some(first) if first.0 == algorithm => first,
            // Keys sign by one algorithm; where one does not, it is parsed each time.
            _ => {
                again = parse()?;
                &again
            }
        };
        let verified = parsed.verify_sig(message, signature);
        Some(verified.map_err(|_| SignatureFailure::Signature))
    }
}

fn named(key: &Key, algorithm: SignatureAlgorithm) -> Option<&'static dyn VerificationAlgorithm> {
    use SignatureAlgorithm::{Ecdsa, RsaPkcs1};
    Some(match (key, algorithm) {
        (Key::Rsa(_, usage), RsaPkcs1(Sha256)) if usage.allows_pkcs1() => {
            &RSA_PKCS1_2048_8192_SHA256
        }
        (Key::Rsa(_, usage), RsaPkcs1(Sha384)) if usage.allows_pkcs1() => {
            &RSA_PKCS1_2048_8192_SHA384
        }
        (Key::Rsa(_, usage), RsaPkcs1(Sha512)) if usage.allows_pkcs1() => {
            &RSA_PKCS1_2048_8192_SHA512
        }
        (Key::P256(_), Ecdsa(Sha256)) => &ECDSA_P256_SHA256_ASN1,
        (Key::P256(_), Ecdsa(Sha384)) => &ECDSA_P256_SHA384_ASN1,
        (Key::P256(_), Ecdsa(Sha512)) => &ECDSA_P256_SHA512_ASN1,
        (Key::P384(_), Ecdsa(Sha256)) => &ECDSA_P384_SHA256_ASN1,
        (Key::P384(_), Ecdsa(Sha384)) => &ECDSA_P384_SHA384_ASN1,
        (Key::P384(_), Ecdsa(Sha512)) => &ECDSA_P384_SHA512_ASN1,
        _ => return None,
    })
}

#[cfg(all(test, feature = "issue"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::VerifyingKey;
    use super::*;
    use crate::key::{TokenKeyKind, TokenSigner};
    use crate::tsp::HashAlgorithm;

    /// Every single-bit fault in signature and message, both truncations, and every other algorithm: aws-lc-rs and the pure crates
    /// accept the same and refuse the same.
    #[test]
    fn both_backends_give_the_same_verdict_on_right_and_on_wrong_signatures() {
        let signers = [
            TokenSigner::generate().unwrap(),
            TokenSigner::generate_kind(TokenKeyKind::P384).unwrap(),
            TokenSigner::generate_kind(TokenKeyKind::Rsa { bits: 2048 }).unwrap(),
        ];
        let message = b"signed attributes".to_vec();
        let mut accepted = 0;
        for signer in signers {
            let key = VerifyingKey::from_public_key_info(signer.public_key_info()).unwrap();
            let signature = signer.sign(&message).unwrap();
            let mut cases = vec![(message.clone(), signature.clone())];
            for bit in 0..signature.len() * 8 {
                let mut wrong = signature.clone();
                wrong[bit / 8] ^= 1 << (bit % 8);
                cases.push((message.clone(), wrong));
            }
            cases.push((b"other".to_vec(), signature.clone()));
            cases.push((message.clone(), [&signature[..], &[0]].concat()));
            cases.push((message.clone(), signature[..signature.len() - 1].to_vec()));
            cases.push((message.clone(), vec![]));
            // r and s of zero; r with a zero before; a length in two octets.
            cases.push((message.clone(), vec![0x30, 6, 2, 1, 0, 2, 1, 0]));
            cases.push((message.clone(), vec![0x30, 7, 2, 2, 0, 1, 2, 1, 1]));
            cases.push((message.clone(), [&[0x30, 0x81], &signature[1..]].concat()));
            for hash in [Sha256, Sha384, Sha512, HashAlgorithm::Sha3_256] {
                for algorithm in [
                    SignatureAlgorithm::Ecdsa(hash),
                    SignatureAlgorithm::RsaPkcs1(hash),
                ] {
                    for (message, signature) in &cases {
                        let pure = key.verify_pure(algorithm, message, signature);
                        assert_eq!(key.verify_by_aws_lc_rs(algorithm, message, signature), pure);
                        accepted += usize::from(pure.is_ok());
                    }
                }
            }
        }
        assert_eq!(accepted, 3);
    }
}
