// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The check of a time-stamp token (RFC 3161 §2.4.2 and appendix B, RFC 5816, RFC 5652 §5.6, RFC 5280 §6).

mod algorithms;
mod cache;
mod chain;
mod checks;
mod order;
mod profile;
mod rejection;
mod renewal;
mod signer;
mod verified;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::budget::Budget;
use super::der;
use super::oid::{TsaPolicyId, known};
use super::request::TimeStampReq;
use super::response::{PkiStatus, TimeStampResp};
use super::revocation::{RevocationEvidence, RevocationFindings, SignatureBudget};
use super::signature::{SignatureAlgorithm, SignatureFailure};
use super::token::TimeStampToken;
use super::tst_info::MessageImprint;
use super::unsupported::{Refused, refused_hash, refused_signature};
use crate::digest::hex;
use crate::time::Time;

pub use algorithms::{AlgorithmUse, Purpose};
pub use cache::ChainCache;
use chain::{Chain, Search, find_chain};
pub use checks::{Check, CheckOutcome, Step};
pub use order::{Timeliness, order};
pub use profile::{ProfileFinding, ProfileReport};
pub use rejection::{AttributeFault, ChainRule, MissingSigner, TspRejection};
pub use renewal::{RenewalRejection, StoredToken, verify_renewed_token};
use signer::find_signer;
#[cfg(feature = "issue")]
pub(crate) use signer::{check_signer_fitness, signing_certificate_v2};
pub use verified::{TokenFlag, VerifiedTimeStamp};

/// The instant at which the certificate chain is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainTime {
    /// This instant: the proof of existence where there is one, otherwise now.
    At(Time),
    /// The token's own genTime. Whoever holds the signer's key chooses that; it says nothing against them.
    GenTime,
}

/// Certificates of one key that are passed over for what stands against each; authorities have two or three.
const MAX_LEFT_OUT: usize = 8;

/// By how much a verifier's clock may be behind.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// Whom to trust, and for what. Never taken from the evidence itself.
#[derive(Clone, Copy, Debug)]
pub struct TokenTrust<'a> {
    /// Certificates trusted as they are, in DER: each of them ends a chain, whoever issued it, and of the last certificate of a
    /// chain neither revocation nor its issuer is looked at. So an intermediate or a signer's own certificate belongs here only
    /// where the caller means just that; others complete a chain as `extra_certificates`
    /// ([`Certificate::is_self_signed`](super::Certificate::is_self_signed) tells roots from them).
    pub roots: &'a [Vec<u8>],
    /// Further certificates that may complete the chain, in DER; not trusted.
    pub extra_certificates: &'a [Vec<u8>],
    /// Policies accepted; `None` accepts any.
    pub policies: Option<&'a [TsaPolicyId]>,
    /// When the chain is judged.
    pub chain_time: ChainTime,
    /// The verifier's own clock: a token dated after it, by more than its accuracy and [`CLOCK_TOLERANCE`], is not decided on.
    /// `None` asks nothing.
    pub now: Option<Time>,
    /// Also demand what RFC 3161 leaves open and our own tokens have: ESSCertIDv2 (no SHA-1) and a stated accuracy.
    pub strict: bool,
    /// Revocation lists and responses; without any, revocation is not checked, and the result says so.
    pub revocation: Option<&'a RevocationEvidence>,
    /// What the check may cost.
    pub budget: Budget,
}

impl<'a> TokenTrust<'a> {
    /// Trust in `roots`, chain judged at `chain_time`; any policy, RFC 3161 without more.
    #[must_use]
    pub fn new(roots: &'a [Vec<u8>], chain_time: ChainTime) -> Self {
        Self {
            roots,
            extra_certificates: &[],
            policies: None,
            chain_time,
            now: None,
            strict: false,
            revocation: None,
            budget: Budget::DEFAULT,
        }
    }
}

/// Checks a response against the request that it answers, then its token as [`verify_token`] does.
///
/// # Errors
/// [`TspRejection`].
pub fn verify_response(
    response: &TimeStampResp,
    request: &TimeStampReq,
    trust: &TokenTrust<'_>,
) -> Result<VerifiedTimeStamp, TspRejection> {
    let Some(token) = response.token() else {
        return Err(TspRejection::StatusNotGranted {
            status: response.status(),
            fail_info: response.fail_info(),
            texts: response.status_string().to_vec(),
        });
    };
    let mut verified = verify_requested_token(token, request, trust)?;
    if response.status() == PkiStatus::GrantedWithMods {
        verified.flags.push(TokenFlag::GrantedWithMods);
    }
    Ok(verified)
}

/// Checks a token against the request that it answers, then as [`verify_token`] does.
///
/// # Errors
/// [`TspRejection`].
pub fn verify_requested_token(
    token: &TimeStampToken,
    request: &TimeStampReq,
    trust: &TokenTrust<'_>,
) -> Result<VerifiedTimeStamp, TspRejection> {
    let info = token.tst_info();
    if request.nonce() != info.nonce() {
        return Err(TspRejection::NonceMismatch {
            sent: request.nonce().is_some(),
            returned: info.nonce().is_some(),
        });
    }
    if let Some(policy) = request.req_policy()
        && policy != info.policy()
    {
        return Err(TspRejection::PolicyNotAccepted {
            policy: info.policy().clone(),
        });
    }
    let mut verified = verify_token(token, request.message_imprint(), trust)?;
    verified.checks.insert(0, Step::Request.held());
    if request.cert_req() == token.certificates().is_empty() {
        let requested = request.cert_req();
        verified
            .flags
            .push(TokenFlag::CertificatesNotAsRequested { requested });
    }
    Ok(verified)
}

/// Checks that `token` is over `imprint` and was signed by an authority that `trust` leads to.
///
/// In this order: 1. strength of the imprint; 2. policy and extensions; 3. content-type and message-digest; 4. the signer's
/// certificate, found by sid and bound by ESSCertID(v2); 5. its fitness as a timestamp signer; 6. the signature over the
/// signed attributes; 7. imprint; 8. tsa; 9. genTime within the signer certificate's validity; 10. a chain to a trusted certificate,
/// valid at `chain_time`; 11. strength of the algorithms, as of then; 12. revocation, likewise; 13. genTime not after
/// the verifier's clock. Exactly one SignerInfo is a matter
/// of parsing.
///
/// # Errors
/// [`TspRejection`].
pub fn verify_token(
    token: &TimeStampToken,
    imprint: &MessageImprint,
    trust: &TokenTrust<'_>,
) -> Result<VerifiedTimeStamp, TspRejection> {
    check(token, imprint, trust, None)
}

fn check(
    token: &TimeStampToken,
    imprint: &MessageImprint,
    trust: &TokenTrust<'_>,
    cache: Option<&mut ChainCache>,
) -> Result<VerifiedTimeStamp, TspRejection> {
    let info = token.tst_info();
    let mut flags = Vec::new();

    // 1.
    let stamped = info.message_imprint();
    let Some(hash) = stamped.hash_algorithm() else {
        return Err(match refused_hash(stamped.algorithm()) {
            Refused::Unknown(algorithm) => TspRejection::UnsupportedAlgorithm { algorithm },
            Refused::Fault(_) => TspRejection::WeakImprint {
                algorithm: stamped.algorithm().algorithm.clone(),
            },
        });
    };
    if stamped.hashed_message().len() != hash.digest_len() {
        return Err(TspRejection::ImprintLength);
    }

    // 2.
    if let Some(policies) = trust.policies
        && !policies.contains(info.policy())
    {
        return Err(TspRejection::PolicyNotAccepted {
            policy: info.policy().clone(),
        });
    }
    if info.has_critical_extension() {
        return Err(TspRejection::CriticalExtension);
    }
    if info.accuracy().is_none() {
        if trust.strict {
            return Err(TspRejection::AccuracyMissing);
        }
        flags.push(TokenFlag::NoAccuracy);
    }
    if token.has_unsorted_certificates() {
        flags.push(TokenFlag::UnsortedCertificates);
    }

    // 3.
    let content_type = only_attribute(token, known::CONTENT_TYPE)
        .and_then(|value| value.ok_or(AttributeFault::Missing))
        .map_err(|fault| TspRejection::ContentType { fault })?;
    if content_type != der::element(der::OID, &[known::TST_INFO]) {
        return Err(TspRejection::ContentType {
            fault: AttributeFault::Other,
        });
    }
    let Some(digest) = token.digest_algorithm.hash() else {
        return Err(refused_algorithm(refused_hash(&token.digest_algorithm)));
    };
    let message_digest = only_attribute(token, known::MESSAGE_DIGEST)
        .and_then(|value| value.ok_or(AttributeFault::Missing))
        .map_err(|fault| TspRejection::MessageDigest { fault })?;
    let expected = der::element(der::OCTET_STRING, &[&digest.digest(token.tst_info_der())]);
    if message_digest != expected {
        return Err(TspRejection::MessageDigest {
            fault: AttributeFault::Other,
        });
    }

    // 4., 5.
    let found = token.certificates().len() + trust.extra_certificates.len() + trust.roots.len();
    if found > trust.budget.certificates {
        return Err(TspRejection::BudgetCertificates {
            found,
            limit: trust.budget.certificates,
        });
    }
    let at = match trust.chain_time {
        ChainTime::At(time) => time,
        ChainTime::GenTime => info.gen_time(),
    };
    let remembered = cache
        .as_deref()
        .and_then(|cache| cache.find(token, trust, at));
    let (signer, further) = match &remembered {
        Some((signer, _)) => (Arc::clone(signer), Vec::new()),
        None => {
            let (signer, further) = find_signer(token, trust)?;
            (Arc::new(signer), further)
        }
    };
    if signer.is_bound_by_sha1 {
        flags.push(TokenFlag::EssCertIdV1);
    }

    // 6.
    SignatureAlgorithm::new(&token.signature_algorithm, Some(digest))
        .and_then(|algorithm| {
            let message = token.signed_attrs_der();
            match cache.as_deref().is_some_and(|cache| cache.by_aws_lc_rs) {
                true => signer
                    .key
                    .verify_by_aws_lc_rs(algorithm, message, &token.signature),
                false => signer.key.verify(algorithm, message, &token.signature),
            }
        })
        .map_err(|failure| match failure {
            SignatureFailure::Algorithm => {
                let key = signer.certificate.public_key_info();
                refused_algorithm(refused_signature(key, &token.signature_algorithm, digest))
            }
            SignatureFailure::Signature => TspRejection::Signature,
        })?;

    // 7.
    if !stamped.means_the_same_as(imprint) {
        return Err(TspRejection::ImprintMismatch {
            stamped: hex(stamped.hashed_message()),
            given: hex(imprint.hashed_message()),
        });
    }

    // 8.
    let certificate = &signer.certificate;
    if let Some(name) = &info.tsa
        && !certificate.has_subject_name(name)
    {
        return Err(TspRejection::TsaName);
    }

    // 9. No proof of existence and no root makes this right (OpenSSL 3.0 accepts it).
    if !certificate.is_valid_at(info.gen_time()) {
        return Err(TspRejection::GenTimeOutsideCertificate {
            gen_time: info.gen_time(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
        });
    }

    // 10.
    let (mut chain, search) = match &remembered {
        Some((_, chain)) => (Arc::clone(chain), None),
        None => {
            let (search, chain) = find_chain(certificate, &further, token, trust, at)?;
            (Arc::new(chain), Some(search))
        }
    };

    // 11.
    let made = info.earliest();
    let mut signatures = SignatureBudget::new(trust.budget.revocation_signatures);
    let mut judge = |chain: &Chain| {
        let algorithms =
            algorithms::of_token(token, hash, digest, signer.is_bound_by_sha1, &chain.path);
        algorithms::check(&algorithms, at)?;
        // 12.
        let found = match trust.revocation {
            None => RevocationFindings::default(),
            Some(evidence) => evidence
                .judge(&chain.path, &chain.others, made, at, &mut signatures)
                .map_err(TspRejection::Revocation)?,
        };
        Ok::<_, TspRejection>((algorithms, found))
    };
    let (algorithms, found) = match judge(&chain) {
        Ok(found) => found,
        Err(refused) if !refused.spares_the_issuers_key() => return Err(refused),
        Err(refused) => {
            // What was remembered spends what it would have spent.
            let mut search = match search {
                Some(search) => search,
                None => {
                    let further = find_signer(token, trust)?.1;
                    find_chain(certificate, &further, token, trust, at)?.0
                }
            };
            let (other, found) = another_chain(&chain, refused, &mut search, judge)?;
            chain = Arc::new(other);
            found
        }
    };
    let revocation = found.known;

    // 13. After whatever disproves the token: a wrong clock would undo that, too.
    if let Some(now) = trust.now
        && made > now.saturating_add(CLOCK_TOLERANCE)
    {
        return Err(TspRejection::FromTheFuture {
            gen_time: info.gen_time(),
            now,
        });
    }

    if let (Some(cache), None) = (cache, &remembered) {
        cache.remember(token, trust, at, &signer, &chain);
    }
    let checks = checks::made(info, trust, revocation);
    Ok(VerifiedTimeStamp {
        tst_info: info.clone(),
        signer: Arc::clone(certificate),
        chain: Arc::clone(&chain.der),
        flags,
        revocation: found,
        algorithms,
        checks,
    })
}

/// What stands against one certificate of an issuer, and not against its key, leaves its others, in whatever order they are at hand:
/// the chain to the same trusted certificate that is left without those that are refused, and what `judge` finds of it.
fn another_chain<T>(
    chain: &Chain,
    refused: TspRejection,
    search: &mut Search,
    mut judge: impl FnMut(&Chain) -> Result<T, TspRejection>,
) -> Result<(Chain, T), TspRejection> {
    let between = chain.path.iter().skip(1).rev().skip(1).rev();
    for first in between {
        let mut left_out = alloc::vec![Arc::clone(first)];
        while left_out.len() <= MAX_LEFT_OUT {
            let Some(other) = search.without(&left_out) else {
                break;
            };
            // A shorter way to less trust would only hide what the list says.
            if other.path.last() != chain.path.last() {
                break;
            }
            match judge(&other) {
                Ok(found) => return Ok((other, found)),
                Err(refused) if !refused.spares_the_issuers_key() => break,
                Err(_) => {}
            }
            // Whichever stands where the first one stood.
            let place = chain.path.iter().position(|one| one == first);
            match place.and_then(|place| other.path.get(place)) {
                Some(next) if other.path.last() != Some(next) => left_out.push(Arc::clone(next)),
                _ => break,
            }
        }
    }
    Err(refused)
}

/// An algorithm or key was refused; as weak or misused unless it is one that only this program does not know.
fn refused_algorithm(why: Refused) -> TspRejection {
    match why {
        Refused::Unknown(algorithm) => TspRejection::UnsupportedAlgorithm { algorithm },
        Refused::Fault(fault) => TspRejection::WeakSignature { fault },
    }
}

/// The value of the attribute of this kind; an error when it is there twice or not single-valued.
fn only_attribute<'a>(
    token: &'a TimeStampToken,
    kind: &[u8],
) -> Result<Option<&'a [u8]>, AttributeFault> {
    let mut found = token.attribute_values(kind);
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.map(Some).ok_or(AttributeFault::Repeated),
        (Some(_), Some(_)) => Err(AttributeFault::Repeated),
    }
}
