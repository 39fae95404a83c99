// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What is known of a token that passed every check.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::certificate::Certificate;
use super::super::oid::TsaPolicyId;
use super::super::revocation::{Revocation, RevocationFindings};
use super::super::tst_info::{Accuracy, SerialNumber, TstInfo};
use super::algorithms::AlgorithmUse;
use super::checks::Check;
use crate::time::Time;

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
    CertificatesNotAsRequested {
        /// Which of the two.
        requested: bool,
    },
}

impl TokenFlag {
    /// Its stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::EssCertIdV1 => "ess_cert_id_v1",
            Self::UnsortedCertificates => "unsorted_certificates",
            Self::NoAccuracy => "no_accuracy",
            Self::GrantedWithMods => "granted_with_mods",
            Self::CertificatesNotAsRequested { .. } => "certificates_not_as_requested",
        }
    }
}

/// A token that passed every check of [`verify_token`](super::verify_token).
///
/// It proves that the authority's key stated: this imprint existed no later than [`interval`](Self::interval)'s end. It does
/// not prove that the statement was made at that time; the log and its witnesses limit that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedTimeStamp {
    pub(super) tst_info: TstInfo,
    /// Shared with the other tokens of the same authority.
    pub(super) signer: Arc<Certificate>,
    pub(super) chain: Arc<[Vec<u8>]>,
    pub(super) flags: Vec<TokenFlag>,
    pub(super) revocation: RevocationFindings,
    pub(super) algorithms: Vec<AlgorithmUse>,
    pub(super) checks: Vec<Check>,
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

    /// The trusted certificate is self-issued. Otherwise another issued it, and neither that one nor the revocation of the
    /// trusted certificate was looked at.
    #[must_use]
    pub fn ends_in_a_root(&self) -> bool {
        let last = self.chain.last().map(|der| Certificate::parse(der));
        matches!(last, Some(Ok(last)) if last.is_self_issued())
    }

    /// What is known of the revocation of the chain's certificates.
    #[must_use]
    pub fn revocation(&self) -> Revocation {
        self.revocation.known
    }

    /// The same, certificate by certificate, and how much of what was given speaks of none of them.
    #[must_use]
    pub fn revocation_findings(&self) -> &RevocationFindings {
        &self.revocation
    }

    /// What a reader should know.
    #[must_use]
    pub fn flags(&self) -> &[TokenFlag] {
        &self.flags
    }

    /// The algorithms that its proof rests on.
    #[must_use]
    pub fn algorithms(&self) -> &[AlgorithmUse] {
        &self.algorithms
    }

    /// What was checked, in order, and what could not be for want of anything to check it by.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }
}
