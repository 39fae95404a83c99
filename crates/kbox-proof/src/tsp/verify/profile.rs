// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The profile of EN 319 422, reported apart from validity: a token may be proven and yet not be in the profile.
//!
//! What RFC 3161 demands too (critical extensions, extended key usage, one signer) is a rejection and stands there.

use alloc::vec::Vec;
use core::time::Duration;

use super::super::der;
use super::super::oid::{TsaPolicyId, known};
use super::super::strength::{Algorithm, Strength};
use super::super::tst_info::TstInfo;
use super::{Purpose, TokenFlag, VerifiedTimeStamp};

/// EN 319 421 §7.7.2.
const MAX_ACCURACY: Duration = Duration::from_secs(1);

/// Something in which a token is not in the profile, or that its bytes do not show.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProfileFinding {
    /// The accuracy is not stated.
    AccuracyMissing,
    /// The accuracy is more than a second.
    AccuracyTooWide {
        /// As stated.
        accuracy: Duration,
    },
    /// genTime has fewer digits than the accuracy needs. By chance it may: zeros at the end are not written.
    GenTimeCoarse,
    /// ordering is TRUE.
    Ordering,
    /// The signer's certificate is named by ESSCertID, which is SHA-1.
    EssCertIdV1,
    /// An algorithm that TS 119 312 did not list at genTime.
    AlgorithmNotListed {
        /// Which.
        algorithm: Algorithm,
    },
    /// The signer's subject lacks an attribute.
    SubjectLacks {
        /// Its name in X.520.
        attribute: &'static str,
    },
    /// The signer's subject has no organizationIdentifier, which a legal person needs; what it is the certificate does not say.
    NoOrganizationIdentifier,
    /// The policy is neither BTSP nor one that the auditor knows to incorporate it.
    PolicyUnknown {
        /// The policy.
        policy: TsaPolicyId,
    },
    /// The qcStatements extension is there more than once or cannot be read.
    QcStatementsMalformed,
    /// The qcStatements extension does not hold esi4-qtstStatement-1 exactly once.
    QtstStatement {
        /// How often it does.
        found: usize,
    },
}

impl ProfileFinding {
    /// The profile is broken, not merely not shown to be kept.
    #[must_use]
    pub const fn is_deviation(&self) -> bool {
        !matches!(
            self,
            Self::GenTimeCoarse | Self::NoOrganizationIdentifier | Self::PolicyUnknown { .. }
        )
    }

    /// Its stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AccuracyMissing => "accuracy_missing",
            Self::AccuracyTooWide { .. } => "accuracy_too_wide",
            Self::GenTimeCoarse => "gen_time_coarse",
            Self::Ordering => "ordering",
            Self::EssCertIdV1 => "ess_cert_id_v1",
            Self::AlgorithmNotListed { .. } => "algorithm_not_listed",
            Self::SubjectLacks { .. } => "subject_lacks",
            Self::NoOrganizationIdentifier => "no_organization_identifier",
            Self::PolicyUnknown { .. } => "policy_unknown",
            Self::QcStatementsMalformed => "qc_statements_malformed",
            Self::QtstStatement { .. } => "qtst_statement",
        }
    }

    /// The clause.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        match self {
            Self::AccuracyMissing | Self::GenTimeCoarse | Self::Ordering => {
                "ETSI EN 319 422 §5.2.2"
            }
            Self::AccuracyTooWide { .. } => "ETSI EN 319 421 §7.7.2",
            Self::EssCertIdV1 => "RFC 5816 §2.2.1",
            Self::AlgorithmNotListed { .. } => "ETSI EN 319 422 §5.2.3, ETSI TS 119 312",
            Self::SubjectLacks { .. } | Self::NoOrganizationIdentifier => "ETSI EN 319 422 §6.2",
            Self::PolicyUnknown { .. } => "ETSI EN 319 422 §5.2.2, annex A",
            Self::QcStatementsMalformed => "ETSI EN 319 422 §9.1",
            Self::QtstStatement { .. } => "ETSI EN 319 422 §9.1, annex B",
        }
    }
}

/// How a token stands to EN 319 422.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileReport {
    findings: Vec<ProfileFinding>,
    claims_qualified: bool,
}

impl ProfileReport {
    /// Nothing breaks the profile. What its bytes do not show may stand among the findings yet.
    #[must_use]
    pub fn conforms(&self) -> bool {
        !self.findings.iter().any(ProfileFinding::is_deviation)
    }

    /// Deviations, and what is not shown.
    #[must_use]
    pub fn findings(&self) -> &[ProfileFinding] {
        &self.findings
    }

    /// The token says that it is a qualified one (esi4-qtstStatement-1). Whether its authority may is in the trusted lists of
    /// the member states, which are not consulted.
    #[must_use]
    pub fn claims_qualified(&self) -> bool {
        self.claims_qualified
    }
}

impl VerifiedTimeStamp {
    /// How it stands to EN 319 422. `incorporating` are policies that the auditor knows to incorporate BTSP.
    #[must_use]
    pub fn profile(&self, incorporating: &[TsaPolicyId]) -> ProfileReport {
        let mut findings = Vec::new();
        let info = self.tst_info();
        match self.accuracy() {
            None => findings.push(ProfileFinding::AccuracyMissing),
            Some(accuracy) => {
                let accuracy = accuracy.to_duration();
                if accuracy > MAX_ACCURACY {
                    findings.push(ProfileFinding::AccuracyTooWide { accuracy });
                }
                if resolution(info) > accuracy {
                    findings.push(ProfileFinding::GenTimeCoarse);
                }
            }
        }
        if info.ordering() {
            findings.push(ProfileFinding::Ordering);
        }
        if self.flags().contains(&TokenFlag::EssCertIdV1) {
            findings.push(ProfileFinding::EssCertIdV1);
        }
        for one in self.algorithms() {
            let listed = matches!(one.strength_at(self.gen_time()), Strength::Listed { .. });
            let finding = ProfileFinding::AlgorithmNotListed {
                algorithm: one.algorithm,
            };
            if !listed && one.purpose != Purpose::SignerName && !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        for (kind, attribute) in [
            (known::COUNTRY_NAME, "countryName"),
            (known::ORGANIZATION_NAME, "organizationName"),
            (known::COMMON_NAME, "commonName"),
        ] {
            if !self.signer().subject_has(kind) {
                findings.push(ProfileFinding::SubjectLacks { attribute });
            }
        }
        if !self.signer().subject_has(known::ORGANIZATION_IDENTIFIER) {
            findings.push(ProfileFinding::NoOrganizationIdentifier);
        }
        let policy = self.policy();
        if policy.as_content() != known::BTSP && !incorporating.contains(policy) {
            findings.push(ProfileFinding::PolicyUnknown {
                policy: policy.clone(),
            });
        }
        let mut claims_qualified = false;
        match qtst_statements(info) {
            None => findings.push(ProfileFinding::QcStatementsMalformed),
            Some(None) => {}
            Some(Some(found)) => {
                claims_qualified = found > 0;
                if found != 1 {
                    findings.push(ProfileFinding::QtstStatement { found });
                }
            }
        }
        ProfileReport {
            findings,
            claims_qualified,
        }
    }
}

/// What the last digit written of genTime counts.
fn resolution(info: &TstInfo) -> Duration {
    let nanos = info.gen_time().unix_nanos().rem_euclid(1_000_000_000);
    if nanos == 0 {
        return Duration::from_secs(1);
    }
    let mut unit = 1;
    while nanos % (unit * 10) == 0 {
        unit *= 10;
    }
    Duration::from_nanos(unit.unsigned_abs())
}

/// How often esi4-qtstStatement-1 stands in the qcStatements extension; `Some(None)` without that extension, `None` when it
/// cannot be read.
fn qtst_statements(info: &TstInfo) -> Option<Option<usize>> {
    let Some(field) = &info.extensions else {
        return Some(None);
    };
    let mut extensions = der::single(field, 0xa1).ok()?.elements();
    let mut found = None;
    while !extensions.is_empty() {
        let mut parts = extensions.expect(der::SEQUENCE).ok()?.elements();
        let kind = parts.expect(der::OID).ok()?.content;
        parts.optional(der::BOOLEAN).ok()?;
        let value = parts.expect(der::OCTET_STRING).ok()?.content;
        if kind != known::QC_STATEMENTS {
            continue;
        }
        // Twice is once too often.
        if found.is_some() {
            return None;
        }
        let mut statements = der::single(value, der::SEQUENCE).ok()?.elements();
        let mut count = 0;
        while !statements.is_empty() {
            let mut statement = statements.expect(der::SEQUENCE).ok()?.elements();
            if statement.expect(der::OID).ok()?.content == known::QTST_STATEMENT {
                count += 1;
            }
        }
        found = Some(count);
    }
    Some(found)
}
