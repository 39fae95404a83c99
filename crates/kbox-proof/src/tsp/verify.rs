// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The check of a time-stamp token (RFC 3161 §2.4.2 and appendix B, RFC 5816, RFC 5652 §5.6, RFC 5280 §6).

use alloc::vec::Vec;
use core::fmt;

use sha2::Digest;

use super::algorithm::{AlgorithmIdentifier, HashAlgorithm};
use super::certificate::{Certificate, SignatureFailure, TimeStampingUsage, verify_signature};
use super::der;
use super::oid::{Oid, TsaPolicyId, known};
use super::request::TimeStampReq;
use super::response::{PkiFailureInfo, PkiStatus, TimeStampResp};
use super::revocation::{Revocation, RevocationEvidence, RevocationRejection};
use super::token::{SignerIdentifier, TimeStampToken};
use super::tst_info::{Accuracy, MessageImprint, SerialNumber, TstInfo};
#[cfg(feature = "issue")]
use crate::digest::Sha256Digest;
use crate::time::Time;

/// Longest chain, signer and root included; real ones have up to four.
const MAX_CHAIN: usize = 8;
/// Signatures checked while looking for a chain, so that a bag of like-named certificates costs little.
const MAX_CHAIN_SIGNATURES: usize = 64;

/// The instant at which the certificate chain is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainTime {
    /// This instant: the proof of existence where there is one, otherwise now.
    At(Time),
    /// The token's own genTime. Whoever holds the signer's key chooses that; it says nothing against them.
    GenTime,
}

/// Whom to trust, and for what. Never taken from the evidence itself.
#[derive(Clone, Copy, Debug)]
pub struct TokenTrust<'a> {
    /// Certificates trusted as they are, in DER: roots, or a signer's own certificate.
    pub roots: &'a [Vec<u8>],
    /// Further certificates that may complete the chain, in DER; not trusted.
    pub extra_certificates: &'a [Vec<u8>],
    /// Policies accepted; `None` accepts any.
    pub policies: Option<&'a [TsaPolicyId]>,
    /// When the chain is judged.
    pub chain_time: ChainTime,
    /// Also demand what RFC 3161 leaves open and our own tokens have: ESSCertIDv2 (no SHA-1) and a stated accuracy.
    pub strict: bool,
    /// Revocation lists and responses; without any, revocation is not checked, and the result says so.
    pub revocation: Option<&'a RevocationEvidence>,
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
            strict: false,
            revocation: None,
        }
    }
}

/// Something that does not make a token wrong, but that a reader should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenFlag {
    /// The signer's certificate is bound by SHA-1 (ESSCertID, RFC 2634), not by ESSCertIDv2 (RFC 5816).
    EssCertIdV1,
    /// The certificate SET is not in DER order.
    UnsortedCertificates,
    /// No accuracy is stated: the interval of genTime is unknown, and taken as a point.
    NoAccuracy,
    /// The status was grantedWithMods.
    GrantedWithMods,
    /// The request asked for certificates and got none, or the other way round.
    CertificatesNotAsRequested,
}

/// A token that passed every check of [`verify_token`].
///
/// It proves that the authority's key stated: this imprint existed no later than [`interval`](Self::interval)'s end. It does
/// not prove that the statement was made at that time; the log and its witnesses limit that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedTimeStamp {
    tst_info: TstInfo,
    signer: Certificate,
    chain: Vec<Vec<u8>>,
    flags: Vec<TokenFlag>,
    revocation: Revocation,
}

impl VerifiedTimeStamp {
    /// The instant that the authority stated.
    #[must_use]
    pub fn gen_time(&self) -> Time {
        self.tst_info.gen_time()
    }

    /// genTime less and plus the stated accuracy.
    #[must_use]
    pub fn interval(&self) -> (Time, Time) {
        let accuracy = self
            .accuracy()
            .map_or(core::time::Duration::ZERO, Accuracy::to_duration);
        (
            self.gen_time().saturating_sub(accuracy),
            self.gen_time().saturating_add(accuracy),
        )
    }

    /// The accuracy stated.
    #[must_use]
    pub fn accuracy(&self) -> Option<Accuracy> {
        self.tst_info.accuracy()
    }

    /// Under which policy.
    #[must_use]
    pub fn policy(&self) -> &TsaPolicyId {
        self.tst_info.policy()
    }

    /// The token's number at its authority.
    #[must_use]
    pub fn serial(&self) -> &SerialNumber {
        self.tst_info.serial_number()
    }

    /// Everything that was signed.
    #[must_use]
    pub fn tst_info(&self) -> &TstInfo {
        &self.tst_info
    }

    /// The certificate of the key that signed.
    #[must_use]
    pub fn signer(&self) -> &Certificate {
        &self.signer
    }

    /// The certificate of the key that signed, in DER.
    #[must_use]
    pub fn signer_certificate(&self) -> &[u8] {
        self.signer.to_der()
    }

    /// The chain, from the signer to the trusted certificate, in DER.
    #[must_use]
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// What is known of the revocation of the chain's certificates.
    #[must_use]
    pub fn revocation(&self) -> Revocation {
        self.revocation
    }

    /// What a reader should know.
    #[must_use]
    pub fn flags(&self) -> &[TokenFlag] {
        &self.flags
    }
}

macro_rules! rejections {
    ($($(#[$doc:meta])* $name:ident $({ $($(#[$field_doc:meta])* $field:ident: $kind:ty),+ $(,)? })? = $code:literal, $text:literal;)+) => {
        /// Why a token or response is not accepted.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum TspRejection {
            $($(#[$doc])* $name $({ $($(#[$field_doc])* $field: $kind),+ })?,)+
            /// Revocation stands against the token.
            Revocation(RevocationRejection),
        }

        impl TspRejection {
            /// Every code there is, without those of revocation.
            pub const CODES: &'static [&'static str] = &[$($code),+];

            /// The stable code of this cause.
            #[must_use]
            pub fn code(&self) -> &'static str {
                match self {
                    $(Self::$name $({ $($field: _),+ })? => $code,)+
                    Self::Revocation(cause) => cause.code(),
                }
            }
        }

        impl fmt::Display for TspRejection {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name $({ $($field),+ })? => write!(f, $text $($(, $field = $field)+)?),)+
                    Self::Revocation(cause) => cause.fmt(f),
                }
            }
        }
    };
}

rejections! {
    /// RFC 3161 §2.2: the status must be granted.
    StatusNotGranted {
        /// The status.
        status: PkiStatus,
        /// The reason given.
        fail_info: Option<PkiFailureInfo>,
    } = "tsp.status_not_granted", "the authority refused: {status:?}, {fail_info:?}";
    /// RFC 3161 §2.4.2: the nonce must be the request's.
    NonceMismatch = "tsp.nonce_mismatch", "the token's nonce is not the request's";
    /// RFC 3161 §2.4.2: the imprint must be of the data.
    ImprintMismatch = "tsp.imprint_mismatch", "the token is over other data";
    /// The imprint's hash algorithm is unknown or too weak.
    WeakImprint {
        /// The algorithm.
        algorithm: Oid,
    } = "tsp.weak_imprint", "the imprint's hash algorithm {algorithm} is unknown or too weak to prove anything";
    /// The imprint's length is not its algorithm's.
    ImprintLength = "tsp.imprint_length", "the imprint's length is not that of its hash algorithm";
    /// The policy is not one of those accepted.
    PolicyNotAccepted {
        /// The token's policy.
        policy: TsaPolicyId,
    } = "tsp.policy_not_accepted", "policy {policy} is not one of those accepted";
    /// A critical extension in the TSTInfo, which nobody knows how to process.
    CriticalExtension = "tsp.critical_extension", "the token has a critical extension";
    /// RFC 5652 §5.3: content-type, once, naming TSTInfo.
    ContentType = "tsp.content_type", "the signed content type is missing or is not TSTInfo";
    /// RFC 5652 §5.3: message-digest, once, over the TSTInfo.
    MessageDigest = "tsp.message_digest", "the signed digest is missing or is not that of the TSTInfo";
    /// RFC 3161 §2.4.2: ESSCertID or ESSCertIDv2 must be signed, once.
    EssMissing = "tsp.ess_missing", "the token does not name its signer's certificate under its signature";
    /// The signing-certificate attribute cannot be read.
    EssMalformed = "tsp.ess_malformed", "the signed name of the signer's certificate cannot be read";
    /// RFC 5816 §2.2.1: SHA-1 no longer binds a certificate.
    EssSha1 = "tsp.ess_sha1", "the signer's certificate is bound by SHA-1 alone";
    /// RFC 5035 §4: the certificate's hash must be the one signed.
    EssMismatch = "tsp.ess_mismatch", "the signer's certificate is not the one named under the signature";
    /// No certificate with the signer's issuer and serial number is at hand.
    SignerCertificateMissing = "tsp.signer_certificate_missing", "the signer's certificate is neither in the token nor given; give it with the trusted certificates";
    /// The signer's certificate cannot be read.
    SignerCertificateMalformed = "tsp.signer_certificate_malformed", "the signer's certificate cannot be read";
    /// RFC 3161 §2.3: the extended key usage must be there.
    EkuAbsent = "tsp.eku_absent", "the signer's certificate has no extended key usage";
    /// RFC 3161 §2.3: it must be timeStamping.
    EkuWrong = "tsp.eku_wrong", "the signer's certificate is not for timestamping";
    /// RFC 3161 §2.3: it must be timeStamping alone.
    EkuNotAlone = "tsp.eku_not_alone", "the signer's certificate is not for timestamping alone";
    /// RFC 3161 §2.3: it must be critical.
    EkuNotCritical = "tsp.eku_not_critical", "the signer's certificate does not mark its extended key usage critical";
    /// TSA keys sign tokens only.
    SignerIsCa = "tsp.signer_is_ca", "the signer's certificate is a CA's";
    /// RFC 5280 §4.2.1.3: keyUsage must allow signatures.
    KeyUsage = "tsp.key_usage", "the signer's key usage does not allow signatures";
    /// The digest or signature algorithm or the key is unknown or too weak.
    WeakSignature = "tsp.weak_signature", "the token's signature algorithm, digest or key is unknown or too weak";
    /// The signature does not verify.
    Signature = "tsp.signature", "the token's signature does not verify";
    /// RFC 3161 §2.4.2: tsa must be one of the certificate's names.
    TsaName = "tsp.tsa_name", "the authority's name in the token is not in its certificate";
    /// The signer's certificate was not valid at genTime.
    GenTimeOutsideCertificate {
        /// The token's time.
        gen_time: Time,
        /// First instant of validity.
        not_before: Time,
        /// Last second of validity.
        not_after: Time,
    } = "tsp.gen_time_outside_certificate", "genTime {gen_time} lies outside the signer's certificate's validity, {not_before} to {not_after}";
    /// No chain leads to a trusted certificate.
    NoChain = "tsp.no_chain", "no chain leads from the signer's certificate to a trusted one";
    /// A certificate of the chain is not valid at the instant that counts.
    ChainExpired {
        /// The instant at which the chain was judged.
        at: Time,
        /// First instant at which the whole chain is valid.
        not_before: Time,
        /// Last second at which the whole chain is valid.
        not_after: Time,
    } = "tsp.chain_expired", "at {at} the certificate chain is not valid ({not_before} to {not_after}) and nothing shows that the token existed before";
    /// A chain exists, but one of its signatures is false.
    ChainSignature = "tsp.chain_signature", "a certificate of the chain is not signed by its issuer";
    /// A chain exists, but breaks a rule of RFC 5280 §6.
    ChainConstraint {
        /// The rule.
        rule: &'static str,
    } = "tsp.chain_constraint", "the certificate chain breaks a rule: {rule}";
    /// A trusted or given certificate cannot be read.
    TrustMalformed = "tsp.trust_malformed", "a trusted certificate cannot be read";
    /// Strict: the accuracy must be stated.
    AccuracyMissing = "tsp.accuracy_missing", "the token does not state its accuracy";
}

impl core::error::Error for TspRejection {}

impl TspRejection {
    /// Nothing was disproven: something to decide by is missing.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        match self {
            Self::Revocation(cause) => cause.is_undecided(),
            _ => matches!(
                self,
                Self::SignerCertificateMissing
                    | Self::NoChain
                    | Self::ChainExpired { .. }
                    | Self::TrustMalformed
            ),
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
        });
    };
    let info = token.tst_info();
    if request.nonce() != info.nonce() {
        return Err(TspRejection::NonceMismatch);
    }
    if let Some(policy) = request.req_policy()
        && policy != info.policy()
    {
        return Err(TspRejection::PolicyNotAccepted {
            policy: info.policy().clone(),
        });
    }
    let mut verified = verify_token(token, request.message_imprint(), trust)?;
    if response.status() == PkiStatus::GrantedWithMods {
        verified.flags.push(TokenFlag::GrantedWithMods);
    }
    if request.cert_req() == token.certificates().is_empty() {
        verified.flags.push(TokenFlag::CertificatesNotAsRequested);
    }
    Ok(verified)
}

/// Checks that `token` is over `imprint` and was signed by an authority that `trust` leads to.
///
/// In this order: 1. strength of the imprint; 2. policy and extensions; 3. content-type and message-digest; 4. the signer's
/// certificate, found by sid and bound by ESSCertID(v2); 5. its fitness as a timestamp signer; 6. the signature over the
/// signed attributes; 7. imprint; 8. tsa; 9. a chain to a trusted certificate; 10. genTime within the signer
/// certificate's validity; 11. the chain's validity at `chain_time`; 12. revocation, as of then. Exactly one SignerInfo is a matter of parsing.
///
/// # Errors
/// [`TspRejection`].
pub fn verify_token(
    token: &TimeStampToken,
    imprint: &MessageImprint,
    trust: &TokenTrust<'_>,
) -> Result<VerifiedTimeStamp, TspRejection> {
    let info = token.tst_info();
    let mut flags = Vec::new();

    // 1.
    let stamped = info.message_imprint();
    let Some(hash) = stamped.hash_algorithm() else {
        return Err(TspRejection::WeakImprint {
            algorithm: stamped.algorithm().algorithm.clone(),
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
        .map_err(|_| TspRejection::ContentType)?
        .ok_or(TspRejection::ContentType)?;
    if content_type != der::element(der::OID, &[known::TST_INFO]) {
        return Err(TspRejection::ContentType);
    }
    let digest = token
        .digest_algorithm
        .hash()
        .ok_or(TspRejection::WeakSignature)?;
    let message_digest = only_attribute(token, known::MESSAGE_DIGEST)
        .map_err(|_| TspRejection::MessageDigest)?
        .ok_or(TspRejection::MessageDigest)?;
    let expected = der::element(der::OCTET_STRING, &[&digest.digest(token.tst_info_der())]);
    if message_digest != expected {
        return Err(TspRejection::MessageDigest);
    }

    // 4.
    let (signer, further) = find_signer(token, trust, &mut flags)?;

    // 5.
    check_signer_fitness(&signer)?;

    // 6.
    verify_signature(
        &signer.public_key,
        &token.signature_algorithm,
        Some(digest),
        &token.signed_attrs_der(),
        &token.signature,
    )
    .map_err(|failure| match failure {
        SignatureFailure::Algorithm => TspRejection::WeakSignature,
        SignatureFailure::Signature => TspRejection::Signature,
    })?;

    // 7.
    if !stamped.means_the_same_as(imprint) {
        return Err(TspRejection::ImprintMismatch);
    }

    // 8.
    if let Some(name) = &info.tsa
        && !signer.has_subject_name(name)
    {
        return Err(TspRejection::TsaName);
    }

    // 9. to 11.
    let at = match trust.chain_time {
        ChainTime::At(time) => time,
        ChainTime::GenTime => info.gen_time(),
    };
    let chain = match find_chain(&signer, &further, token, trust, at) {
        Err(rejection) if !matches!(rejection, TspRejection::ChainExpired { .. }) => {
            return Err(rejection);
        }
        found => found,
    };
    // No proof of existence makes this right (OpenSSL 3.0 accepts it).
    if !signer.is_valid_at(info.gen_time()) {
        return Err(TspRejection::GenTimeOutsideCertificate {
            gen_time: info.gen_time(),
            not_before: signer.not_before(),
            not_after: signer.not_after(),
        });
    }
    let chain = chain?;

    // 12.
    let accuracy = info.accuracy().map(Accuracy::to_duration);
    let made = info.gen_time().saturating_sub(accuracy.unwrap_or_default());
    let revocation = match trust.revocation {
        None => Revocation::NotChecked,
        Some(evidence) => evidence
            .judge(&chain, made, at)
            .map_err(TspRejection::Revocation)?,
    };

    Ok(VerifiedTimeStamp {
        tst_info: info.clone(),
        signer,
        chain: chain
            .into_iter()
            .map(|certificate| certificate.to_der().to_vec())
            .collect(),
        flags,
        revocation,
    })
}

/// The value of the attribute of this kind; an error when it is there twice or not single-valued.
fn only_attribute<'a>(token: &'a TimeStampToken, kind: &[u8]) -> Result<Option<&'a [u8]>, ()> {
    let mut found = token
        .attributes
        .iter()
        .filter(|attribute| attribute.kind.as_content() == kind);
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(attribute), None) => attribute.value.as_deref().map(Some).ok_or(()),
        (Some(_), Some(_)) => Err(()),
    }
}

/// What an ESSCertID(v2) says of the signer's certificate.
struct EssCertificateId {
    /// `None` is SHA-1.
    hash: Option<HashAlgorithm>,
    value: Vec<u8>,
    /// Issuer's Name in DER, and content of the serial number.
    issuer_serial: Option<(Vec<u8>, Vec<u8>)>,
}

impl EssCertificateId {
    fn matches(&self, certificate: &Certificate) -> bool {
        let digest = match self.hash {
            Some(hash) => hash.digest(certificate.to_der()),
            None => sha1::Sha1::digest(certificate.to_der()).to_vec(),
        };
        let names_it = self.issuer_serial.as_ref().is_none_or(|(issuer, serial)| {
            *issuer == certificate.issuer && *serial == certificate.serial
        });
        digest == self.value && names_it
    }
}

/// ```text
/// SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2, policies SEQUENCE OF PolicyInformation OPTIONAL }
/// ESSCertIDv2 ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier DEFAULT {sha256}, certHash, issuerSerial OPTIONAL }
/// IssuerSerial ::= SEQUENCE { issuer GeneralNames, serialNumber INTEGER }
/// ```
/// The first id is the signer's; further ones limit the certificates of its chain (RFC 5035 §3).
fn parse_ess(value: &[u8], v2: bool) -> Result<Vec<EssCertificateId>, TspRejection> {
    let read = || {
        let mut attribute = der::single(value, der::SEQUENCE)?.elements();
        let mut ids = attribute.expect(der::SEQUENCE)?.elements();
        attribute.optional(der::SEQUENCE)?;
        attribute.finish()?;
        let mut found = Vec::new();
        while !ids.is_empty() {
            found.push(parse_ess_id(&ids.expect(der::SEQUENCE)?, v2)?);
        }
        Ok(found)
    };
    let found = read().map_err(|_: super::TspError| TspRejection::EssMalformed)?;
    match found.is_empty() {
        true => Err(TspRejection::EssMalformed),
        false => Ok(found),
    }
}

fn parse_ess_id(element: &der::Element<'_>, v2: bool) -> Result<EssCertificateId, super::TspError> {
    let mut id = element.elements();
    let error = id.error();
    let hash = match (v2, id.peek()) {
        (true, Some(der::SEQUENCE)) => {
            let algorithm = AlgorithmIdentifier::from_element(&id.any()?)?;
            Some(algorithm.hash().ok_or(error)?)
        }
        _ => v2.then_some(HashAlgorithm::Sha256),
    };
    let value = id.expect(der::OCTET_STRING)?.content.to_vec();
    let mut issuer_serial = None;
    if let Some(part) = id.optional(der::SEQUENCE)? {
        let mut parts = part.elements();
        let mut names = parts.expect(der::SEQUENCE)?.elements();
        let issuer = names.expect(0xa4)?.content.to_vec();
        names.finish()?;
        let serial = parts.expect(der::INTEGER)?.content.to_vec();
        parts.finish()?;
        issuer_serial = Some((issuer, serial));
    }
    id.finish()?;
    Ok(EssCertificateId {
        hash,
        value,
        issuer_serial,
    })
}

/// The signer's certificate, and the ids beside its own that limit its chain.
fn find_signer(
    token: &TimeStampToken,
    trust: &TokenTrust<'_>,
    flags: &mut Vec<TokenFlag>,
) -> Result<(Certificate, Vec<EssCertificateId>), TspRejection> {
    let attribute = |kind| only_attribute(token, kind).map_err(|()| TspRejection::EssMalformed);
    let v2 = attribute(known::SIGNING_CERTIFICATE_V2)?
        .map(|value| parse_ess(value, true))
        .transpose()?;
    let v1 = attribute(known::SIGNING_CERTIFICATE)?
        .map(|value| parse_ess(value, false))
        .transpose()?;
    if v1.is_none() && v2.is_none() {
        return Err(TspRejection::EssMissing);
    }
    if v2.is_none() {
        if trust.strict {
            return Err(TspRejection::EssSha1);
        }
        flags.push(TokenFlag::EssCertIdV1);
    }
    // By sid first: position in the bag says nothing.
    let mut missing = TspRejection::SignerCertificateMissing;
    let everywhere = token
        .certificates()
        .iter()
        .chain(trust.extra_certificates)
        .chain(trust.roots);
    for bytes in everywhere {
        let Ok(certificate) = Certificate::parse(bytes) else {
            continue;
        };
        let named = match &token.sid {
            SignerIdentifier::IssuerAndSerial { issuer, serial } => {
                *issuer == certificate.issuer && *serial == certificate.serial
            }
            SignerIdentifier::SubjectKeyIdentifier(identifier) => {
                certificate.subject_key_identifier() == Some(identifier)
            }
        };
        if !named {
            continue;
        }
        // Where both are present, both name the same certificate (RFC 5816 §2.2.1).
        let is_bound = [&v1, &v2]
            .into_iter()
            .flatten()
            .filter_map(|ids| ids.first())
            .all(|id| id.matches(&certificate));
        if is_bound {
            let ids = v2.or(v1).unwrap_or_default();
            return Ok((certificate, ids.into_iter().skip(1).collect()));
        }
        missing = TspRejection::EssMismatch;
    }
    Err(missing)
}

/// A certificate may sign tokens (RFC 3161 §2.3).
pub(crate) fn check_signer_fitness(signer: &Certificate) -> Result<(), TspRejection> {
    let malformed = |_| TspRejection::SignerCertificateMalformed;
    match signer.time_stamping_usage().map_err(malformed)? {
        TimeStampingUsage::Absent => return Err(TspRejection::EkuAbsent),
        TimeStampingUsage::NotIncluded => return Err(TspRejection::EkuWrong),
        TimeStampingUsage::NotAlone { .. } => return Err(TspRejection::EkuNotAlone),
        TimeStampingUsage::Alone { critical: false } => return Err(TspRejection::EkuNotCritical),
        TimeStampingUsage::Alone { critical: true } => {}
    }
    if signer.basic_constraints().map_err(malformed)?.0 {
        return Err(TspRejection::SignerIsCa);
    }
    // digitalSignature or nonRepudiation (contentCommitment), and nothing else.
    const SIGNING: u8 = 0b1100_0000;
    if let Some(usage) = signer.key_usage().map_err(malformed)?
        && (usage & SIGNING == 0 || usage & !SIGNING != 0)
    {
        return Err(TspRejection::KeyUsage);
    }
    if signer.unknown_critical_extension().is_some() {
        return Err(TspRejection::ChainConstraint {
            rule: "unknown critical extension",
        });
    }
    Ok(())
}

/// One step of the search: the certificates so far, from the signer upwards.
struct Search<'a> {
    roots: Vec<Certificate>,
    candidates: Vec<Certificate>,
    /// The certificates named beside the signer's.
    named: &'a [EssCertificateId],
    at: Time,
    signatures: usize,
    /// The most telling failure of a chain that reached a root or broke.
    failure: TspRejection,
}

fn find_chain(
    signer: &Certificate,
    named: &[EssCertificateId],
    token: &TimeStampToken,
    trust: &TokenTrust<'_>,
    at: Time,
) -> Result<Vec<Certificate>, TspRejection> {
    let mut roots = Vec::new();
    for bytes in trust.roots {
        roots.push(Certificate::parse(bytes).map_err(|_| TspRejection::TrustMalformed)?);
    }
    let candidates = token
        .certificates()
        .iter()
        .chain(trust.extra_certificates)
        .filter_map(|bytes| Certificate::parse(bytes).ok())
        .collect();
    let mut search = Search {
        roots,
        candidates,
        named,
        at,
        signatures: 0,
        failure: TspRejection::NoChain,
    };
    let mut path = alloc::vec![signer.clone()];
    if search.climb(&mut path) {
        Ok(path)
    } else {
        Err(search.failure)
    }
}

impl Search<'_> {
    /// Extends `path` to a root; leaves it as it was when there is no way.
    fn climb(&mut self, path: &mut Vec<Certificate>) -> bool {
        let Some(top) = path.last().cloned() else {
            return false;
        };
        if self.roots.contains(&top) {
            if !self.is_as_named(path) {
                self.note(TspRejection::ChainConstraint {
                    rule: "a certificate other than those named under the signature",
                });
                return false;
            }
            return self.is_valid_now(path);
        }
        if path.len() >= MAX_CHAIN {
            return false;
        }
        let issuers: Vec<Certificate> = self
            .roots
            .iter()
            .chain(&self.candidates)
            .filter(|issuer| issuer.subject == top.issuer && !path.contains(issuer))
            .cloned()
            .collect();
        for issuer in issuers {
            if self.signatures >= MAX_CHAIN_SIGNATURES {
                return false;
            }
            self.signatures += 1;
            if let Err(rejection) = check_issuer(&top, &issuer, path.len() - 1) {
                self.note(rejection);
                continue;
            }
            path.push(issuer);
            if self.climb(path) {
                return true;
            }
            path.pop();
        }
        false
    }

    /// The chain holds all that is named beside the signer, or nothing else. Neither alone would do: real authorities name
    /// less than a chain by a cross-certificate, and whoever trusts an intermediate has less than they name.
    fn is_as_named(&self, path: &[Certificate]) -> bool {
        let above = path.get(1..).unwrap_or_default();
        let below_root = above.split_last().map_or(above, |(_, rest)| rest);
        let is_in_chain = |id: &EssCertificateId| above.iter().any(|other| id.matches(other));
        self.named.iter().all(is_in_chain)
            || below_root
                .iter()
                .all(|other| self.named.iter().any(|id| id.matches(other)))
    }

    fn is_valid_now(&mut self, path: &[Certificate]) -> bool {
        if path
            .iter()
            .all(|certificate| certificate.is_valid_at(self.at))
        {
            return true;
        }
        let last_start = path.iter().map(Certificate::not_before).max();
        let first_end = path.iter().map(Certificate::not_after).min();
        self.failure = TspRejection::ChainExpired {
            at: self.at,
            not_before: last_start.unwrap_or(self.at),
            not_after: first_end.unwrap_or(self.at),
        };
        false
    }

    /// An expired chain that is otherwise right says more than one that is wrong.
    fn note(&mut self, rejection: TspRejection) {
        if self.failure == TspRejection::NoChain {
            self.failure = rejection;
        }
    }
}

/// `issuer` may have issued `subject`, with `below` CA certificates between it and the signer (RFC 5280 §6.1.4).
fn check_issuer(
    subject: &Certificate,
    issuer: &Certificate,
    below: usize,
) -> Result<(), TspRejection> {
    const KEY_CERT_SIGN: u8 = 0b0000_0100;
    let broken = |rule| TspRejection::ChainConstraint { rule };
    let malformed = |_| broken("unreadable extension");
    let (is_ca, path_len) = issuer.basic_constraints().map_err(malformed)?;
    if !is_ca {
        return Err(broken("the issuer is not a CA"));
    }
    if path_len.is_some_and(|limit| usize::try_from(limit).is_ok_and(|limit| below > limit)) {
        return Err(broken("path length"));
    }
    if issuer
        .key_usage()
        .map_err(malformed)?
        .is_some_and(|usage| usage & KEY_CERT_SIGN == 0)
    {
        return Err(broken("the issuer's key may not sign certificates"));
    }
    if !issuer.allows_time_stamping_below().map_err(malformed)? {
        return Err(broken(
            "the issuer's extended key usage excludes timestamping",
        ));
    }
    if issuer.unknown_critical_extension().is_some() {
        return Err(broken("unknown critical extension"));
    }
    subject
        .verify_issued_by(issuer)
        .map_err(|failure| match failure {
            SignatureFailure::Algorithm => broken("signature algorithm unknown or too weak"),
            SignatureFailure::Signature => TspRejection::ChainSignature,
        })
}

/// The ESSCertIDv2 attribute's value for a signer's certificate, by SHA-256 (the default, so left out, RFC 5035 §4).
#[cfg(feature = "issue")]
pub(crate) fn signing_certificate_v2(certificate: &Certificate) -> Vec<u8> {
    let digest = Sha256Digest::of(certificate.to_der());
    let issuer_serial = der::element(
        der::SEQUENCE,
        &[
            &der::element(
                der::SEQUENCE,
                &[&der::element(0xa4, &[&certificate.issuer])],
            ),
            &der::element(der::INTEGER, &[&certificate.serial]),
        ],
    );
    let id = der::element(
        der::SEQUENCE,
        &[
            &der::element(der::OCTET_STRING, &[digest.as_bytes()]),
            &issuer_serial,
        ],
    );
    der::element(der::SEQUENCE, &[&der::element(der::SEQUENCE, &[&id])])
}
