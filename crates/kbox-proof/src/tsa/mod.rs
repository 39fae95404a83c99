// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The issuing timestamp authority (RFC 3161 §2, EN 319 422).
//!
//! Everything constant of a token is encoded once; only imprint, serial, time, nonce and signature vary. Transport, the
//! log, and the choice of the clock lie elsewhere.

mod policies;
mod serial;
mod template;
#[cfg(test)]
mod tests;
mod warning;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

pub use serial::SerialSource;
pub use warning::AuthorityWarning;

use crate::clock::{Clock, ClockReading};
use crate::key::{KeyError, TokenKeyKind, TokenSigner};
use crate::time::Time;
use crate::tsp::oid::known;
use crate::tsp::{
    Accuracy, Certificate, ChainTime, HashAlgorithm, MessageImprint, Nonce, PkiFailureInfo,
    SerialNumber, TimeStampReq, TimeStampResp, TimeStampToken, TokenTrust, TsaPolicyId, TspError,
    TspRejection, verify_token,
};
use policies::{Policies, Policy};
use template::{Template, TokenParts};

/// genTime is written in whole milliseconds, rounded down.
const GEN_TIME_STEP: Duration = Duration::from_millis(1);

/// The longest nonce that is echoed. RFC 3161 §2.4.1 sets no limit and expects 64 bits; a token holds what a stranger chose, so
/// there is one. A longer nonce is refused as badRequest: well formed, and not supported.
pub const MAX_NONCE_BYTES: usize = 64;

/// EN 319 421 §7.7.2(b): no coarser accuracy may be stated.
const MAX_ACCURACY: Duration = Duration::from_secs(1);

/// What the subject of a signing unit's certificate must hold (EN 319 422 §6.2). A legal person's has an organizationIdentifier
/// too; whether it is one, nobody can tell from the certificate.
const SUBJECT: [(&[u8], &str); 3] = [
    (known::COUNTRY_NAME, "countryName"),
    (known::ORGANIZATION_NAME, "organizationName"),
    (known::COMMON_NAME, "commonName"),
];

/// What an authority is made of.
#[derive(Debug)]
#[non_exhaustive]
pub struct AuthorityConfig {
    /// The key.
    pub signer: TokenSigner,
    /// The certificates in DER: the signer's first, its root last.
    pub chain: Vec<Vec<u8>>,
    /// The policy of tokens for requests that ask for none.
    pub policy: TsaPolicyId,
    /// Further policies that a request may ask for. The policies of evidence are nobody's but its authority's: they can be none of
    /// these, and where one is the default there can be no others.
    pub further_policies: Vec<TsaPolicyId>,
    /// The hash algorithms whose imprints are stamped; others give badAlg.
    pub hashes: Vec<HashAlgorithm>,
    /// The accuracy stated in every token, at most a second. The clock's own must be at least a millisecond finer, as genTime is rounded down
    /// to milliseconds.
    pub accuracy: Duration,
}

impl AuthorityConfig {
    /// One policy, every hash algorithm, an accuracy of a second.
    #[must_use]
    pub fn new(signer: TokenSigner, chain: Vec<Vec<u8>>, policy: TsaPolicyId) -> Self {
        Self {
            signer,
            chain,
            policy,
            further_policies: Vec::new(),
            hashes: HashAlgorithm::ALL.to_vec(),
            accuracy: MAX_ACCURACY,
        }
    }
}

/// Why an authority cannot start, or a token cannot be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TsaError {
    /// The chain is empty.
    NoCertificate,
    /// A certificate cannot be read.
    Certificate(TspError),
    /// The accuracy is no coarser than genTime's own step, or coarser than the second that EN 319 421 §7.7.2(b) allows.
    Accuracy,
    /// A policy of evidence beside another one: whoever may ask for it could have a self-written event stamped.
    EvidencePolicy {
        /// The policy of evidence.
        policy: TsaPolicyId,
    },
    /// No hash algorithm is accepted.
    NoHash,
    /// The certificate is for another key.
    KeyMismatch,
    /// The key's certificate is not the first of the chain.
    ChainOrder {
        /// Where it is, counted from 1.
        position: usize,
    },
    /// The last certificate of the chain is not signed by itself: nobody who is given the chain learns which root to trust
    /// (EN 319 421 §7.6.4(c)).
    NoRoot {
        /// Certificates in the chain.
        certificates: usize,
    },
    /// The certificate may not sign tokens, or does not lead to its root; the rule is named.
    Unfit(TspRejection),
    /// The certificate has no key usage: its key would be for anything (RFC 3161 §2.1(10), EN 319 421 §7.7.1(d)).
    KeyUsageAbsent,
    /// The certificate does not say whose it is (EN 319 422 §6.2).
    Subject {
        /// The attribute of the subject that is missing.
        missing: &'static str,
    },
    /// The instant lies outside the validity of a certificate of the chain or of the private key.
    NotValid {
        /// The instant.
        at: Time,
        /// First instant at which tokens may be signed.
        not_before: Time,
        /// Last second at which tokens may be signed.
        not_after: Time,
    },
    /// The imprint's hash algorithm is unknown or too weak, or its length is wrong.
    Imprint,
    /// The key could not sign.
    Key(KeyError),
    /// Tokens by this kind of key have no leaf: they cannot be evidence.
    NoLeaf(TspError),
    /// The token just made does not pass our own check: nothing may be issued.
    SelfTest(TspError),
}

impl fmt::Display for TsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str("the authority has no certificate"),
            Self::Certificate(error) => {
                write!(f, "the authority's certificate cannot be read: {error}")
            }
            Self::Accuracy => {
                f.write_str("the accuracy must be coarser than a millisecond, and at most a second")
            }
            Self::EvidencePolicy { policy } => write!(
                f,
                "{policy} is the policy of evidence events, which their own authority alone states, and no other policy beside it"
            ),
            Self::NoHash => {
                f.write_str("the authority accepts no hash algorithm; name one or more")
            }
            Self::KeyMismatch => f.write_str(
                "the authority's certificate is for another key than the one given (EN 319 421 §7.6.2). Give the key of this certificate, or \
                 have a certificate issued for this key",
            ),
            Self::ChainOrder { position } => write!(
                f,
                "the key's certificate is number {position} of the chain: put the signer's certificate first, the root's last"
            ),
            Self::NoRoot { certificates } => write!(
                f,
                "the chain does not end in a root: the last of {} is not signed by itself. Append the certificates of the CAs above it, \
                 the self-signed root last (EN 319 421 §7.6.4(c))",
                match certificates {
                    1 => "1 certificate".to_string(),
                    more => alloc::format!("{more} certificates"),
                }
            ),
            // The verifier's words tell who received a token, not who may change the certificate.
            Self::Unfit(TspRejection::KeyUsage { .. }) => f.write_str(
                "the authority's certificate is unfit: its key usage must allow signatures (digitalSignature, nonRepudiation) and allows \
                 something else or more (RFC 3161 §2.1(10), EN 319 421 §7.7.1(d)). Have it issued with \
                 keyUsage = critical, digitalSignature",
            ),
            Self::Unfit(rejection) => {
                write!(f, "the authority's certificate is unfit: {rejection}")?;
                f.write_str(match rejection {
                    TspRejection::EkuAbsent
                    | TspRejection::EkuNotCritical
                    | TspRejection::EkuWrong
                    | TspRejection::EkuNotAlone => {
                        " (RFC 3161 §2.3). Have it issued with extendedKeyUsage = critical, timeStamping"
                    }
                    TspRejection::SignerIsCa => {
                        " (EN 319 422 §6.1). Have it issued with basicConstraints = critical, CA:FALSE"
                    }
                    TspRejection::NoChain { .. } => {
                        " (EN 319 421 §7.6.4(c)). Give each certificate up to the root: the signer's first, then its issuer's, the root last"
                    }
                    _ => "",
                })
            }
            Self::KeyUsageAbsent => f.write_str(
                "the authority's certificate has no key usage; it must allow signatures alone (RFC 3161 §2.1(10), EN 319 421 §7.7.1(d)). \
                 Have it issued with keyUsage = critical, digitalSignature",
            ),
            Self::Subject { missing } => {
                write!(
                    f,
                    "the subject of the authority's certificate has no {missing} (EN 319 422 §6.2). Have it issued to a subject with \
                     country, organisation and common name, such as -subj \"/C=FR/O=…/CN=…\""
                )
            }
            Self::NotValid { at, not_before, .. } if at < not_before => write!(
                f,
                "at {at} the authority's certificate, chain or key is not valid yet: it begins at {not_before}. Wait, or see whether the clock \
                 is right (EN 319 421 §7.6.7)"
            ),
            Self::NotValid { at, not_after, .. } => write!(
                f,
                "at {at} the authority's certificate, chain or key is not valid any more: it ended at {not_after}; renew it (EN 319 421 §7.6.7)"
            ),
            Self::Imprint => f.write_str("the imprint's hash algorithm or length is not accepted"),
            Self::Key(error) => write!(f, "the authority could not sign: {error}"),
            Self::NoLeaf(error) => write!(
                f,
                "tokens of evidence are signed by P-256, P-384 or RSA with PKCS#1 v1.5, so that one token has one leaf and OpenSSL \
                 checks it: {error}"
            ),
            Self::SelfTest(error) => write!(f, "the authority's own token is wrong: {error}"),
        }
    }
}

impl core::error::Error for TsaError {}

/// A timestamp authority: one key, one certificate, its policies.
#[derive(Debug)]
pub struct Authority {
    signer: TokenSigner,
    chain: Vec<Vec<u8>>,
    policies: Policies,
    hashes: Vec<HashAlgorithm>,
    /// Told with badAlg.
    hashes_text: String,
    accuracy: Duration,
    /// Why no log can hold its tokens.
    no_leaf: Option<TspError>,
    /// Intersection of the chain's validities and the private key's usage period.
    not_before: Time,
    not_after: Time,
    template: Template,
}

impl Authority {
    /// Makes an authority, and has it sign a token that our own verification must accept.
    ///
    /// # Errors
    /// [`TsaError`] names the rule that the certificate, chain or key breaks.
    pub fn new(config: AuthorityConfig, now: Time) -> Result<Self, TsaError> {
        let AuthorityConfig {
            signer,
            chain,
            policy,
            further_policies,
            hashes,
            accuracy,
        } = config;
        let policies = Policies::new(policy, further_policies)?;
        if hashes.is_empty() {
            return Err(TsaError::NoHash);
        }
        let (Some(first), Some(root)) = (chain.first(), chain.last().cloned()) else {
            return Err(TsaError::NoCertificate);
        };
        let certificate = Certificate::parse(first).map_err(TsaError::Certificate)?;
        let is_keys =
            |certificate: &Certificate| certificate.public_key_info() == signer.public_key_info();
        // Nobody could verify a token of outside its issuers' validity.
        let (mut chain_begins, mut chain_ends) = (
            Time::from_unix_nanos(i64::MIN),
            Time::from_unix_nanos(i64::MAX),
        );
        let mut has_root = false;
        for (position, der) in (1..).zip(&chain) {
            let one = Certificate::parse(der).map_err(TsaError::Certificate)?;
            if position > 1 && is_keys(&one) && !is_keys(&certificate) {
                return Err(TsaError::ChainOrder { position });
            }
            chain_begins = chain_begins.max(one.not_before());
            chain_ends = chain_ends.min(one.not_after());
            // Only the last one's answer stays.
            has_root = one.is_self_signed();
        }
        crate::tsp::check_signer_fitness(&certificate).map_err(TsaError::Unfit)?;
        if certificate
            .key_usage()
            .map_err(TsaError::Certificate)?
            .is_none()
        {
            return Err(TsaError::KeyUsageAbsent);
        }
        for (kind, name) in SUBJECT {
            if !certificate.subject_has(kind) {
                return Err(TsaError::Subject { missing: name });
            }
        }
        if !is_keys(&certificate) {
            return Err(TsaError::KeyMismatch);
        }
        if !has_root {
            return Err(TsaError::NoRoot {
                certificates: chain.len(),
            });
        }
        let stated = Accuracy::from_duration(accuracy).map_err(|_| TsaError::Accuracy)?;
        if accuracy <= GEN_TIME_STEP || accuracy > MAX_ACCURACY {
            return Err(TsaError::Accuracy);
        }
        let (key_from, key_to) = certificate
            .private_key_usage_period()
            .map_err(TsaError::Certificate)?;
        let (not_before, not_after) = (chain_begins.max(key_from), chain_ends.min(key_to));
        let template = Template::new(&certificate, &chain, &signer, stated);
        let names: Vec<String> = hashes.iter().map(ToString::to_string).collect();
        let mut authority = Self {
            no_leaf: None,
            signer,
            chain,
            policies,
            hashes_text: alloc::format!("accepted hash algorithms: {}", names.join(", ")),
            hashes,
            accuracy,
            not_before,
            not_after,
            template,
        };
        authority.no_leaf = authority.self_test(&root, now)?.leaf_bytes().err();
        if authority.policy().is_evidence() {
            authority.check_for_log()?;
        }
        Ok(authority)
    }

    /// The first token, which is never handed out.
    fn self_test(&self, root: &[u8], now: Time) -> Result<TimeStampToken, TsaError> {
        let hash = *self.hashes.first().ok_or(TsaError::NoHash)?;
        let imprint = MessageImprint::of(hash, b"kbox self test");
        let serial = SerialNumber::from_epoch_and_counter(0, 1);
        let der = self.issue(&imprint, now, &serial, None, true)?;
        let token = TimeStampToken::parse(&der).map_err(TsaError::SelfTest)?;
        let roots = [root.to_vec()];
        let mut trust = TokenTrust::new(&roots, ChainTime::At(now));
        trust.strict = true;
        verify_token(&token, &imprint, &trust).map_err(TsaError::Unfit)?;
        Ok(token)
    }

    /// Tokens of this authority have a leaf, so that a log can hold them.
    pub(crate) fn check_for_log(&self) -> Result<(), TsaError> {
        match &self.no_leaf {
            Some(error) => Err(TsaError::NoLeaf(error.clone())),
            None => Ok(()),
        }
    }

    /// Issues a token under the default policy. `gen_time` is rounded down to milliseconds; the caller has it from a trusted clock and sees to it that
    /// `serial` is never used again.
    ///
    /// # Errors
    /// [`TsaError::NotValid`], [`TsaError::Imprint`], [`TsaError::Key`].
    pub fn issue(
        &self,
        imprint: &MessageImprint,
        gen_time: Time,
        serial: &SerialNumber,
        nonce: Option<&Nonce>,
        certificates: bool,
    ) -> Result<Vec<u8>, TsaError> {
        let policy = &self.policies.default;
        self.issue_under(policy, imprint, gen_time, serial, nonce, certificates)
    }

    fn issue_under(
        &self,
        policy: &Policy,
        imprint: &MessageImprint,
        gen_time: Time,
        serial: &SerialNumber,
        nonce: Option<&Nonce>,
        certificates: bool,
    ) -> Result<Vec<u8>, TsaError> {
        let gen_time = gen_time.floor_to_millis();
        // EN 319 421 §7.6.7: a TSU's key signs nothing outside its validity, nor its chain's.
        if gen_time < self.not_before || gen_time.unix_secs() > self.not_after.unix_secs() {
            return Err(TsaError::NotValid {
                at: gen_time,
                not_before: self.not_before,
                not_after: self.not_after,
            });
        }
        let expected = self.accepted_hash(imprint).map(HashAlgorithm::digest_len);
        if expected != Some(imprint.hashed_message().len()) {
            return Err(TsaError::Imprint);
        }
        let parts = TokenParts {
            policy,
            imprint,
            gen_time,
            serial,
            nonce,
            certificates,
        };
        self.template
            .token(&self.signer, &parts)
            .map_err(TsaError::Key)
    }

    fn accepted_hash(&self, imprint: &MessageImprint) -> Option<HashAlgorithm> {
        imprint
            .hash_algorithm()
            .filter(|hash| self.hashes.contains(hash))
    }

    /// The genTime that a clock's reading gives, or `None` when the clock is not accurate enough for what the tokens state.
    #[must_use]
    pub fn gen_time(&self, reading: &ClockReading) -> Option<Time> {
        let worst = reading.accuracy.saturating_add(GEN_TIME_STEP);
        (worst <= self.accuracy).then(|| reading.time.floor_to_millis())
    }

    /// Answers a request: always a TimeStampResp in DER, either with a token or with the one reason for refusal.
    #[must_use]
    pub fn respond(&self, request: &[u8], clock: &dyn Clock, serials: &SerialSource) -> Vec<u8> {
        match self.answer(request, clock, serials) {
            Ok(token) => crate::tsp::granted(&token),
            Err((reason, text)) => TimeStampResp::rejection(reason, text).to_der(),
        }
    }

    fn answer(
        &self,
        request: &[u8],
        clock: &dyn Clock,
        serials: &SerialSource,
    ) -> Result<Vec<u8>, (PkiFailureInfo, &str)> {
        use PkiFailureInfo as Reason;
        let request = TimeStampReq::parse(request).map_err(|error| match error {
            TspError::Version { .. } => (Reason::BadRequest, "only version 1 is supported"),
            _ => (
                Reason::BadDataFormat,
                "the request is not a TimeStampReq in DER",
            ),
        })?;
        let imprint = request.message_imprint();
        let Some(hash) = self.accepted_hash(imprint) else {
            return Err((Reason::BadAlg, &self.hashes_text));
        };
        if imprint.hashed_message().len() != hash.digest_len() {
            return Err((
                Reason::BadDataFormat,
                "the imprint's length is not that of its hash algorithm",
            ));
        }
        let Some(policy) = self.policies.asked_for(request.req_policy()) else {
            return Err((
                Reason::UnacceptedPolicy,
                "the requested policy is not this authority's",
            ));
        };
        if request
            .nonce()
            .is_some_and(|nonce| nonce.len() > MAX_NONCE_BYTES)
        {
            return Err((
                Reason::BadRequest,
                "a nonce of more than 64 bytes is not supported",
            ));
        }
        // RFC 3161 §2.4.1: any unrecognised extension, critical or not.
        if request.has_extensions() {
            return Err((
                Reason::UnacceptedExtension,
                "no request extension is supported",
            ));
        }
        let no_time = (
            Reason::TimeNotAvailable,
            "the time source is not available within the stated accuracy",
        );
        let reading = clock.read().map_err(|_| no_time)?;
        let gen_time = self.gen_time(&reading).ok_or(no_time)?;
        self.issue_under(
            policy,
            imprint,
            gen_time,
            &serials.draw(),
            request.nonce(),
            request.cert_req(),
        )
        .map_err(|_| (Reason::SystemFailure, "the authority cannot sign"))
    }

    /// The certificates in DER: the signer's first, its root last.
    #[must_use]
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// The policy of tokens for requests that ask for none.
    #[must_use]
    pub fn policy(&self) -> &TsaPolicyId {
        self.policies.default.id()
    }

    /// The hash algorithms whose imprints are stamped.
    #[must_use]
    pub fn hashes(&self) -> &[HashAlgorithm] {
        &self.hashes
    }

    /// The accuracy that every token states.
    #[must_use]
    pub fn accuracy(&self) -> Duration {
        self.accuracy
    }

    /// First instant and last second at which this authority may sign.
    #[must_use]
    pub fn validity(&self) -> (Time, Time) {
        (self.not_before, self.not_after)
    }

    /// What the operator should see to, as of `now`.
    #[must_use]
    pub fn warnings(&self, now: Time) -> Vec<AuthorityWarning> {
        let rsa = match self.signer.kind() {
            TokenKeyKind::Rsa { bits } => AuthorityWarning::of_rsa_key(bits),
            _ => None,
        };
        rsa.into_iter()
            .chain(AuthorityWarning::of_end(self.not_after, now))
            .collect()
    }
}
