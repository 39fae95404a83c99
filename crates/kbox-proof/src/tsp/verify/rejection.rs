// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Why a token is not accepted: each cause with its stable code.

use core::fmt;

use super::super::oid::{Oid, TsaPolicyId};
use super::super::response::{PkiFailureInfo, PkiStatus};
use super::super::revocation::RevocationRejection;
use crate::time::Time;

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
