// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Why a token is not accepted: each cause with its stable code.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::super::certificate_name::{CertificateName, printable};
use super::super::oid::{Oid, TsaPolicyId};
use super::super::response::{PkiFailureInfo, PkiStatus};
use super::super::revocation::{RevocationReason, RevocationRejection};
use super::super::strength::Algorithm;
use super::super::unsupported::AlgorithmFault;
use crate::time::Time;

macro_rules! rejections {
    ($($(#[$doc:meta])* $name:ident $({ $($(#[$field_doc:meta])* $field:ident: $kind:ty),+ $(,)? })? = $code:literal, $source:literal, $text:literal;)+) => {
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

            const fn clause(&self) -> &'static str {
                match self {
                    $(Self::$name $({ $($field: _),+ })? => $source,)+
                    Self::Revocation(cause) => cause.source(),
                }
            }

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
        /// What the authority says in words; nobody vouches for it.
        texts: Vec<String>,
    } = "tsp.status_not_granted", "RFC 3161 §2.4.2", "the authority refused: {status:?}, {fail_info:?}, {texts:?}";
    /// RFC 3161 §2.4.2: the nonce must be the request's.
    NonceMismatch {
        /// The request has one.
        sent: bool,
        /// The token has one.
        returned: bool,
    } = "tsp.nonce_mismatch", "RFC 3161 §2.4.2", "the token's nonce is not the request's (sent: {sent}, returned: {returned})";
    /// RFC 3161 §2.4.2: the imprint must be of the data.
    ImprintMismatch {
        /// The token's, in hexadecimal.
        stamped: String,
        /// That of the data, likewise.
        given: String,
    } = "tsp.imprint_mismatch", "RFC 3161 §2.2", "the token is over other data: its imprint is {stamped}, that of the data is {given}";
    /// The imprint's hash algorithm is unknown or too weak.
    WeakImprint {
        /// The algorithm.
        algorithm: Oid,
    } = "tsp.weak_imprint", "RFC 3161 §2.4.1, ETSI TS 119 312", "the imprint's hash algorithm {algorithm} is unknown or too weak to prove anything";
    /// The imprint's length is not its algorithm's.
    ImprintLength = "tsp.imprint_length", "RFC 3161 §2.4.1", "the imprint's length is not that of its hash algorithm";
    /// The policy is not one of those accepted.
    PolicyNotAccepted {
        /// The token's policy.
        policy: TsaPolicyId,
    } = "tsp.policy_not_accepted", "RFC 3161 §2.4.2", "policy {policy} is not one of those accepted";
    /// A critical extension in the TSTInfo, which nobody knows how to process.
    CriticalExtension = "tsp.critical_extension", "RFC 3161 §2.4.2, RFC 5280 §4.2", "the token has a critical extension";
    /// RFC 5652 §5.3: content-type, once, naming TSTInfo.
    ContentType {
        /// What is wrong with it.
        fault: AttributeFault,
    } = "tsp.content_type", "RFC 5652 §5.3, §11.1", "the signed content type {fault}";
    /// RFC 5652 §5.3: message-digest, once, over the TSTInfo.
    MessageDigest {
        /// What is wrong with it.
        fault: AttributeFault,
    } = "tsp.message_digest", "RFC 5652 §5.4, §11.2", "the signed digest of the TSTInfo {fault}";
    /// RFC 3161 §2.4.2: ESSCertID or ESSCertIDv2 must be signed, once.
    EssMissing = "tsp.ess_missing", "RFC 3161 §2.4.2, RFC 5816 §2.2.1", "the token does not name its signer's certificate under its signature";
    /// The signing-certificate attribute cannot be read.
    EssMalformed {
        /// It is there twice, or has not exactly one value.
        repeated: bool,
    } = "tsp.ess_malformed", "RFC 5035 §3, §4", "the signed name of the signer's certificate cannot be read (repeated: {repeated})";
    /// RFC 5816 §2.2.1: SHA-1 no longer binds a certificate.
    EssSha1 = "tsp.ess_sha1", "RFC 5816 §2.2.1", "the signer's certificate is bound by SHA-1 alone";
    /// RFC 5035 §4: the certificate's hash must be the one signed.
    EssMismatch = "tsp.ess_mismatch", "RFC 5035 §4", "the signer's certificate is not the one named under the signature";
    /// sid, which the signature does not cover, names another certificate than the signed attributes do.
    SidMismatch {
        /// The one named under the signature.
        certificate: Box<CertificateName>,
    } = "tsp.sid_mismatch", "RFC 5652 §5.3, RFC 5035 §4", "outside its signature the token names another certificate as its signer's than under it, which anybody can have changed; under it: {certificate}";
    /// No certificate with the signer's issuer and serial number is at hand.
    SignerCertificateMissing {
        /// By what the token names it.
        named: Box<MissingSigner>,
    } = "tsp.signer_certificate_missing", "RFC 3161 §2.4.1", "the signer's certificate is neither in the token nor given: {named}";
    /// The signer's certificate cannot be read.
    SignerCertificateMalformed = "tsp.signer_certificate_malformed", "RFC 5280 §4", "the signer's certificate cannot be read";
    /// RFC 3161 §2.3: the extended key usage must be there.
    EkuAbsent = "tsp.eku_absent", "RFC 3161 §2.3", "the signer's certificate has no extended key usage";
    /// RFC 3161 §2.3: it must be timeStamping.
    EkuWrong = "tsp.eku_wrong", "RFC 3161 §2.3", "the signer's certificate is not for timestamping";
    /// RFC 3161 §2.3: it must be timeStamping alone.
    EkuNotAlone = "tsp.eku_not_alone", "RFC 3161 §2.3", "the signer's certificate is not for timestamping alone";
    /// RFC 3161 §2.3: it must be critical.
    EkuNotCritical = "tsp.eku_not_critical", "RFC 3161 §2.3", "the signer's certificate does not mark its extended key usage critical";
    /// TSA keys sign tokens only.
    SignerIsCa = "tsp.signer_is_ca", "ETSI EN 319 422 §6.1", "the signer's certificate is a CA's";
    /// RFC 5280 §4.2.1.3: keyUsage must allow signatures, and nothing else.
    KeyUsage {
        /// It allows signatures, but something else too.
        signs: bool,
    } = "tsp.key_usage", "RFC 5280 §4.2.1.3, ETSI EN 319 421 §7.7.1", "the signer's key usage does not allow signatures and nothing else (signatures: {signs})";
    /// An algorithm or a size of key that this program does not know, and that is not known to be weak.
    UnsupportedAlgorithm {
        /// The algorithm, or the curve.
        algorithm: Oid,
    } = "tsp.unsupported_algorithm", "kbox", "this program does not know the algorithm {algorithm}, which is not weak for all that it knows";
    /// The digest or signature algorithm or the key is too weak, or not used as its standard says.
    WeakSignature {
        /// Which, and why.
        fault: AlgorithmFault,
    } = "tsp.weak_signature", "ETSI EN 319 422 §5.2.3, ETSI TS 119 312", "the token's signature proves nothing: {fault}";
    /// The signature does not verify.
    Signature = "tsp.signature", "RFC 5652 §5.4", "the token's signature does not verify";
    /// RFC 3161 §2.4.2: tsa must be one of the certificate's names.
    TsaName = "tsp.tsa_name", "RFC 3161 §2.4.2", "the authority's name in the token is not in its certificate";
    /// The signer's certificate was not valid at genTime.
    GenTimeOutsideCertificate {
        /// The token's time.
        gen_time: Time,
        /// First instant of validity.
        not_before: Time,
        /// Last second of validity.
        not_after: Time,
    } = "tsp.gen_time_outside_certificate", "RFC 5280 §4.1.2.5", "genTime {gen_time} lies outside the signer's certificate's validity, {not_before} to {not_after}";
    /// No chain leads to a trusted certificate.
    NoChain {
        /// Where the way up from the signer's certificate ends: nothing at hand signed this one, or it is a root that is not trusted.
        certificate: Box<CertificateName>,
    } = "tsp.no_chain", "RFC 5280 §6.1", "no chain leads from the signer's certificate to a trusted one: it ends at {certificate}";
    /// A certificate of the chain is not valid at the instant that counts.
    ChainExpired {
        /// The instant at which the chain was judged.
        at: Time,
        /// First instant at which the whole chain is valid.
        not_before: Time,
        /// Last second at which the whole chain is valid.
        not_after: Time,
        /// By its own word the token did not exist before: genTime less its accuracy.
        made: Time,
        /// The first that is not, from the signer upwards.
        certificate: Box<CertificateName>,
    } = "tsp.chain_expired", "RFC 5280 §6.1.3, RFC 3161 appendix B", "at {at} a certificate of the chain is not valid: {certificate}. The chain is valid from {not_before} to {not_after}, and nothing shows that the token, made at {made} by its own word, existed then";
    /// The signer's certificate, or one that the token names beside it, was not signed by the key that it names as its issuer's,
    /// and from there a chain leads to a trusted certificate.
    ChainSignature {
        /// The certificate that was not.
        certificate: Box<CertificateName>,
    } = "tsp.chain_signature", "RFC 5280 §6.1.3", "a certificate of the chain is not signed by its issuer: {certificate}";
    /// A certificate of the chain has an extension that must be processed, and that this program cannot process.
    ChainUnsupported {
        /// The extension.
        extension: Oid,
        /// The certificate that has it.
        certificate: Box<CertificateName>,
    } = "tsp.chain_unsupported", "RFC 5280 §4.2, §6.1.5", "a certificate of the chain limits what it is good for by the extension {extension}, which this program cannot process: {certificate}";
    /// The token is dated after the verifier's own clock.
    FromTheFuture {
        /// The token's.
        gen_time: Time,
        /// The verifier's.
        now: Time,
    } = "tsp.from_the_future", "kbox", "the token is dated {gen_time}, and the verifier's clock says {now}: one of them is wrong";
    /// A chain exists, but breaks a rule; which one's clause, [`source`](Self::source) says.
    ChainConstraint {
        /// The rule.
        rule: ChainRule,
        /// The certificate that breaks it.
        certificate: Box<CertificateName>,
    } = "tsp.chain_constraint", "RFC 5280 §6.1.4", "the certificate chain breaks a rule: {rule}. Certificate: {certificate}";
    /// A trusted or given certificate cannot be read.
    TrustMalformed {
        /// Its place among [`TokenTrust::roots`](super::TokenTrust::roots), from 0.
        place: usize,
    } = "tsp.trust_malformed", "RFC 5280 §4", "a trusted certificate cannot be read: number {place}, counted from 0";
    /// Strict: the accuracy must be stated.
    AccuracyMissing = "tsp.accuracy_missing", "ETSI EN 319 422 §5.2.2", "the token does not state its accuracy";
    /// An algorithm had ended, by the dated table, when the token is first known to have existed.
    AlgorithmEnded {
        /// The algorithm.
        algorithm: Algorithm,
        /// Since when it proves nothing.
        since: Time,
        /// The token's proof of existence, or the time at which it is judged for want of one.
        at: Time,
    } = "tsp.algorithm_ended", "ETSI EN 319 102-1 §5.2.5, ETSI TS 119 312", "{algorithm} proves nothing since {since}, and nothing shows that the token existed before {at}";
    /// More certificates at hand than are looked at.
    BudgetCertificates {
        /// Number given.
        found: usize,
        /// Number allowed.
        limit: usize,
    } = "tsp.budget_certificates", "kbox", "{found} certificates are at hand, more than the {limit} that are looked at: give fewer";
    /// The chain was not found within the signatures that may be checked.
    BudgetSignatures {
        /// Number allowed.
        limit: usize,
    } = "tsp.budget_signatures", "kbox", "no chain was found within {limit} signatures: leave out the certificates that do not belong to it";
    /// The chain was not found within the steps that may be taken.
    BudgetPathSteps {
        /// Number allowed.
        limit: usize,
    } = "tsp.budget_path_steps", "kbox", "no chain was found within {limit} steps: leave out the certificates that do not belong to it";
    /// A chain goes on beyond the length that is followed.
    BudgetChainLength {
        /// Number of certificates allowed.
        limit: usize,
    } = "tsp.budget_chain_length", "kbox", "the chain has more than {limit} certificates: trust one nearer to the signer's";
    /// What is said to renew a token is over other bytes.
    RenewalMismatch = "tsp.renewal_mismatch", "RFC 4998 §5.2", "the later token is not over the earlier one";
    /// A token is said to be made after the one that renews it.
    RenewalOrder {
        /// The earlier token's time.
        earlier: Time,
        /// The time of the one that renews it.
        later: Time,
    } = "tsp.renewal_order", "RFC 4998 §5.3", "the token says that it was made at {earlier}, after the one over it, at {later}: one of the clocks was wrong";
}

impl core::error::Error for TspRejection {}

/// The signer's certificate, by what a token names it where it is not at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingSigner {
    /// By issuer and serial number.
    Certificate(CertificateName),
    /// The same; one of that name is at hand, but the token's signed hash is of another.
    Twin(CertificateName),
    /// By its subject key identifier, in hexadecimal.
    KeyIdentifier(String),
}

impl fmt::Display for MissingSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(name) => name.fmt(f),
            Self::Twin(name) => write!(
                f,
                "{name}. A certificate of this issuer and serial number is at hand, but the signed hash is of another"
            ),
            Self::KeyIdentifier(identifier) => {
                write!(f, "subject key identifier {}", printable(identifier))
            }
        }
    }
}

/// What is wrong with a signed attribute that there must be once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeFault {
    /// It is not there.
    Missing,
    /// It is there twice, or has not exactly one value.
    Repeated,
    /// It says something else.
    Other,
}

impl fmt::Display for AttributeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::Repeated => "is there twice, or has not exactly one value",
            Self::Other => "is another",
        })
    }
}

/// What a chain of certificates must keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainRule {
    /// In words.
    Named(&'static str),
    /// A certificate's signature proves nothing.
    Algorithm(AlgorithmFault),
}

impl From<&'static str> for ChainRule {
    fn from(rule: &'static str) -> Self {
        Self::Named(rule)
    }
}

impl fmt::Display for ChainRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(rule) => f.write_str(rule),
            Self::Algorithm(fault) => fault.fmt(f),
        }
    }
}

/// Not all that a chain can break is RFC 5280's.
fn rule_source(rule: &ChainRule) -> &'static str {
    let rule = match rule {
        ChainRule::Named(rule) => *rule,
        ChainRule::Algorithm(_) => return "ETSI TS 119 312",
    };
    match rule {
        "a certificate other than those named under the signature" => "RFC 5035 §3, §4",
        "the issuer's extended key usage excludes timestamping" => "kbox",
        "unreadable extension" => "RFC 5280 §4.2",
        _ => "RFC 5280 §6.1.4",
    }
}

impl TspRejection {
    /// The clause that the token breaks, or "kbox" where the rule is this program's own.
    #[must_use]
    pub fn source(&self) -> &'static str {
        match self {
            Self::ChainConstraint { rule, .. } => rule_source(rule),
            other => other.clause(),
        }
    }

    /// The certificates of the chain were never valid together, or not any more when the token was made: whenever it existed, this chain
    /// does not prove it.
    #[must_use]
    pub fn is_expired_at_any_time(&self) -> bool {
        matches!(
            self,
            Self::ChainExpired { not_before, not_after, made, .. }
                if not_before > not_after || made.unix_secs() > not_after.unix_secs()
        )
    }

    /// It stands against a certificate between the signer's and the trusted one, and not against the key in it.
    pub(super) fn spares_the_issuers_key(&self) -> bool {
        match self {
            Self::Revocation(RevocationRejection::IssuerRevoked { reason, .. }) => {
                !reason.is_some_and(RevocationReason::names_the_key)
            }
            Self::AlgorithmEnded { .. } => true,
            _ => false,
        }
    }

    /// Nothing was disproven: something to decide by is missing.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        match self {
            Self::Revocation(cause) => cause.is_undecided(),
            _ => matches!(
                self,
                // Nobody signs a refusal: anybody can have put one in a token's place.
                Self::StatusNotGranted { .. }
                    | Self::SignerCertificateMissing { .. }
                    | Self::SidMismatch { .. }
                    | Self::NoChain { .. }
                    // Another certificate of that issuer may be right.
                    | Self::ChainConstraint { .. }
                    | Self::ChainUnsupported { .. }
                    | Self::UnsupportedAlgorithm { .. }
                    | Self::FromTheFuture { .. }
                    | Self::ChainExpired { .. }
                    | Self::TrustMalformed { .. }
                    | Self::AlgorithmEnded { .. }
                    | Self::BudgetCertificates { .. }
                    | Self::BudgetSignatures { .. }
                    | Self::BudgetPathSteps { .. }
                    | Self::BudgetChainLength { .. }
                    | Self::RenewalMismatch
                    | Self::RenewalOrder { .. }
            ),
        }
    }
}
