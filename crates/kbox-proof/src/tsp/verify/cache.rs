// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Many tokens of few authorities: the signer and its chain judged once.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::budget::Budget;
use super::super::token::{SignerIdentifier, TimeStampToken};
use super::super::tst_info::MessageImprint;
use super::chain::Chain;
use super::signer::{ESS_ATTRIBUTES, Signer};
use super::{TokenTrust, TspRejection, VerifiedTimeStamp, check, only_attribute};
use crate::time::Time;

/// More authorities than any proof file has; the oldest is forgotten for one more.
const MAX_KNOWN: usize = 16;

/// Checks tokens as [`verify_token`](super::verify_token) does, and remembers what their certificates said: for the next token
/// of the same authority, one signature is left to check.
///
/// A result is remembered only when the whole token was accepted, and only used where everything that it followed from
/// is the same to the byte: the certificates of the token and of the trust, what the token names its signer by, and which
/// certificates are valid at the instant that counts. So the verdict is the one that it would be without. Policies,
/// imprint, signature, genTime and revocation are judged for each token.
#[derive(Debug, Default)]
pub struct ChainCache {
    known: Vec<Known>,
    pub(super) by_aws_lc_rs: bool,
}

#[derive(Debug)]
struct Known {
    roots: Vec<Vec<u8>>,
    extra_certificates: Vec<Vec<u8>>,
    strict: bool,
    budget: Budget,
    certificates: Vec<Vec<u8>>,
    sid: SignerIdentifier,
    ess: [Option<Vec<u8>>; 2],
    at: Time,
    signer: Arc<Signer>,
    chain: Arc<Chain>,
}

impl ChainCache {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            known: Vec::new(),
            by_aws_lc_rs: false,
        }
    }

    /// An empty one. The tokens' own signatures are checked by aws-lc-rs where it has their algorithm, P-256 five times as fast as by
    /// the pure crates; the verdicts are the same.
    #[cfg(feature = "issue")]
    #[must_use]
    pub const fn by_aws_lc_rs() -> Self {
        Self {
            known: Vec::new(),
            by_aws_lc_rs: true,
        }
    }

    /// As [`verify_token`](super::verify_token).
    ///
    /// # Errors
    /// [`TspRejection`].
    pub fn verify_token(
        &mut self,
        token: &TimeStampToken,
        imprint: &MessageImprint,
        trust: &TokenTrust<'_>,
    ) -> Result<VerifiedTimeStamp, TspRejection> {
        check(token, imprint, trust, Some(self))
    }

    pub(super) fn find(
        &self,
        token: &TimeStampToken,
        trust: &TokenTrust<'_>,
        at: Time,
    ) -> Option<(Arc<Signer>, Arc<Chain>)> {
        let ess = ess(token)?;
        // All of them are named, so that whoever adds a field decides whether a signer and its chain depend on it.
        let TokenTrust {
            roots,
            extra_certificates,
            policies: _,
            chain_time: _,
            now: _,
            strict,
            revocation: _,
            budget,
        } = trust;
        let known = self.known.iter().find(|known| {
            known.strict == *strict
                && known.budget == *budget
                && known.sid == token.sid
                && known.certificates == token.certificates()
                && known.ess.each_ref().map(Option::as_deref) == ess
                && known.roots == *roots
                && known.extra_certificates == *extra_certificates
                && known.has_the_same_valid_certificates_at(at)
        })?;
        Some((Arc::clone(&known.signer), Arc::clone(&known.chain)))
    }

    pub(super) fn remember(
        &mut self,
        token: &TimeStampToken,
        trust: &TokenTrust<'_>,
        at: Time,
        signer: &Arc<Signer>,
        chain: &Arc<Chain>,
    ) {
        let Some(ess) = ess(token) else {
            return;
        };
        if self.known.len() >= MAX_KNOWN {
            self.known.remove(0);
        }
        self.known.push(Known {
            roots: trust.roots.to_vec(),
            extra_certificates: trust.extra_certificates.to_vec(),
            strict: trust.strict,
            budget: trust.budget,
            certificates: token.certificates().to_vec(),
            sid: token.sid.clone(),
            ess: ess.map(|value| value.map(<[u8]>::to_vec)),
            at,
            signer: Arc::clone(signer),
            chain: Arc::clone(chain),
        });
    }
}

impl Known {
    fn has_the_same_valid_certificates_at(&self, at: Time) -> bool {
        let mut considered = self.chain.considered.iter().chain(&self.chain.path);
        considered
            .all(|certificate| certificate.is_valid_at(self.at) == certificate.is_valid_at(at))
    }
}

/// The values of the attributes that name the signer's certificate; `None` when one of them is malformed.
fn ess(token: &TimeStampToken) -> Option<[Option<&[u8]>; 2]> {
    let [v1, v2] = ESS_ATTRIBUTES.map(|kind| only_attribute(token, kind));
    Some([v1.ok()?, v2.ok()?])
}

#[cfg(all(test, feature = "issue"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{ChainTime, verify_token};
    use super::*;
    use crate::pki::DevPki;
    use crate::tsa::{Authority, AuthorityConfig};
    use crate::tsp::{HashAlgorithm, SerialNumber, TsaPolicyId};

    fn authority() -> (Authority, Vec<Vec<u8>>) {
        let pki = DevPki::generate(now(), false).unwrap();
        let evidence = pki.evidence;
        let policy = TsaPolicyId::evidence_policy();
        let config = AuthorityConfig::new(evidence.signer, evidence.chain, policy);
        (
            Authority::new(config, now()).unwrap(),
            alloc::vec![pki.root],
        )
    }

    fn now() -> Time {
        Time::parse_rfc3339("2026-11-24T18:30:00.123Z").unwrap()
    }

    fn imprint() -> MessageImprint {
        MessageImprint::of(HashAlgorithm::Sha256, b"event")
    }

    fn token(authority: &Authority, number: u64) -> TimeStampToken {
        let serial = SerialNumber::from_epoch_and_counter(1, number);
        let der = authority.issue(&imprint(), now(), &serial, None, true);
        TimeStampToken::parse(&der.unwrap()).unwrap()
    }

    #[test]
    fn many_tokens_of_one_authority_are_remembered_once_and_by_all_later_instants_of_its_validity()
    {
        let (authority, roots) = authority();
        let mut cache = ChainCache::new();
        for number in 0..3 {
            let later = now().saturating_add(core::time::Duration::from_secs(number));
            let trust = TokenTrust::new(&roots, ChainTime::At(later));
            let token = token(&authority, number);
            assert_eq!(cache.find(&token, &trust, later).is_some(), number > 0);
            cache.verify_token(&token, &imprint(), &trust).unwrap();
        }
        assert_eq!(cache.known.len(), 1);
    }

    #[test]
    fn a_refused_token_is_not_remembered() {
        let (authority, roots) = authority();
        let mut cache = ChainCache::new();
        let trust = TokenTrust::new(&roots, ChainTime::At(now()));
        let other = MessageImprint::of(HashAlgorithm::Sha256, b"other");
        let token = token(&authority, 1);
        assert!(cache.verify_token(&token, &other, &trust).is_err());
        assert!(cache.known.is_empty());
    }

    #[test]
    fn authorities_without_end_are_remembered_within_bounds() {
        let mut cache = ChainCache::new();
        for number in 0..MAX_KNOWN + 4 {
            let (authority, roots) = authority();
            let trust = TokenTrust::new(&roots, ChainTime::At(now()));
            let token = token(&authority, 1);
            cache.verify_token(&token, &imprint(), &trust).unwrap();
            assert_eq!(cache.known.len(), MAX_KNOWN.min(number + 1));
            assert!(verify_token(&token, &imprint(), &trust).is_ok());
        }
    }
}
