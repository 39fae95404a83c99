// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What was checked of a token, by which rule, and what could not be.

use alloc::vec::Vec;

use super::super::revocation::Revocation;
use super::super::tst_info::TstInfo;
use super::TokenTrust;

/// A step of the check, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The token answers the request: nonce, policy.
    Request,
    /// The imprint's hash algorithm and length.
    ImprintAlgorithm,
    /// The policy is one that the auditor accepts.
    Policy,
    /// No critical extension.
    Extensions,
    /// content-type and message-digest.
    Content,
    /// The signer's certificate, found by sid and bound by its hash.
    SignerName,
    /// That certificate may sign tokens and nothing else.
    SignerUsage,
    /// The signature over the signed attributes.
    Signature,
    /// The imprint is that of the auditor's own data.
    Imprint,
    /// tsa is a name of the signer's certificate.
    AuthorityName,
    /// genTime lies within the signer certificate's validity.
    GenTime,
    /// A chain leads to a trusted certificate, and was valid when the token is known to have existed.
    Chain,
    /// No algorithm had ended then.
    Algorithms,
    /// No certificate was revoked then.
    Revocation,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 14] = [
        Self::Request,
        Self::ImprintAlgorithm,
        Self::Policy,
        Self::Extensions,
        Self::Content,
        Self::SignerName,
        Self::SignerUsage,
        Self::Signature,
        Self::Imprint,
        Self::AuthorityName,
        Self::GenTime,
        Self::Chain,
        Self::Algorithms,
        Self::Revocation,
    ];

    /// Its stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::ImprintAlgorithm => "imprint_algorithm",
            Self::Policy => "policy",
            Self::Extensions => "extensions",
            Self::Content => "content",
            Self::SignerName => "signer_name",
            Self::SignerUsage => "signer_usage",
            Self::Signature => "signature",
            Self::Imprint => "imprint",
            Self::AuthorityName => "authority_name",
            Self::GenTime => "gen_time",
            Self::Chain => "chain",
            Self::Algorithms => "algorithms",
            Self::Revocation => "revocation",
        }
    }

    /// The rule that it follows.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Request => "RFC 3161 §2.2, §2.4.2",
            Self::ImprintAlgorithm => "RFC 3161 §2.4.1",
            Self::Policy => "RFC 3161 §2.4.2",
            Self::Extensions => "RFC 3161 §2.4.2, RFC 5280 §4.2",
            Self::Content => "RFC 5652 §5.4, §11.1, §11.2",
            Self::SignerName => "RFC 3161 §2.4.2, RFC 5816 §2.2.1, RFC 5035",
            Self::SignerUsage => "RFC 3161 §2.3",
            Self::Signature => "RFC 5652 §5.4",
            Self::Imprint => "RFC 3161 §2.2",
            Self::AuthorityName => "RFC 3161 §2.4.2",
            Self::GenTime => "RFC 5280 §4.1.2.5",
            Self::Chain => "RFC 5280 §6.1, RFC 3161 appendix B",
            Self::Algorithms => "ETSI TS 119 312, docs/algorithms.md",
            Self::Revocation => "RFC 3161 §4, RFC 5280 §6.3, RFC 6960",
        }
    }

    pub(super) const fn held(self) -> Check {
        Check {
            step: self,
            outcome: CheckOutcome::Held,
        }
    }
}

/// How a step came out. One that fails has no place here: then there is a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// It holds.
    Held,
    /// There was nothing to check it by, or nothing to be checked.
    NotMade,
    /// What there was to check it by does not settle it.
    Unsettled,
}

impl CheckOutcome {
    /// `held`, `not_made` or `unsettled`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::NotMade => "not_made",
            Self::Unsettled => "unsettled",
        }
    }
}

/// A step and how it came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// The step.
    pub step: Step,
    /// How it came out.
    pub outcome: CheckOutcome,
}

/// What the check of a token that passed was made of. Whether it answers a request is told by whoever has one.
pub(super) fn made(info: &TstInfo, trust: &TokenTrust<'_>, revocation: Revocation) -> Vec<Check> {
    let only_if = |made: bool| match made {
        true => CheckOutcome::Held,
        false => CheckOutcome::NotMade,
    };
    Step::ALL
        .into_iter()
        .filter(|step| *step != Step::Request)
        .map(|step| Check {
            step,
            outcome: match step {
                Step::Policy => only_if(trust.policies.is_some()),
                Step::AuthorityName => only_if(info.tsa.is_some()),
                Step::Revocation => match revocation {
                    Revocation::NotChecked => CheckOutcome::NotMade,
                    Revocation::Inconclusive { .. } => CheckOutcome::Unsettled,
                    Revocation::RevokedLater { .. }
                    | Revocation::NotRevokedAsOf { .. }
                    | Revocation::NotRevoked => CheckOutcome::Held,
                },
                _ => CheckOutcome::Held,
            },
        })
        .collect()
}
