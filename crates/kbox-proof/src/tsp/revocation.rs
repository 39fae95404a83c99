// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Revocation, offline: certificate revocation lists (RFC 5280 §5) and OCSP responses (RFC 6960) that the auditor gives.
//!
//! What they say is held against the token's proof of existence by the rule of RFC 3161 §4 and of EN 319 102-1. Not supported,
//! and refused rather than read half: delta lists, indirect lists, and lists of some reasons or of attribute certificates only. Nothing is fetched, and the revocation of an OCSP responder itself is not looked at: its
//! CA vouches for it for the life of its certificate.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use sha2::Digest;

use super::TspError;
use super::algorithm::AlgorithmIdentifier;
use super::certificate::{
    Certificate, Extension, bit_string, certificate_time, parse_extensions, pem_blocks,
};
use super::certificate_name::CertificateName;
use super::der::{self, Element};
use super::oid::{Oid, known};
use super::signature::verify_signature;
use super::tst_info::parse_gen_time;
use crate::time::Time;

/// Lists of authorities that issue timestamping certificates are small; larger ones are of others.
const MAX_BYTES: usize = 4 << 20;
/// Two a certificate of the longest chain, for each of several authorities.
const MAX_ITEMS: usize = 512;
/// Of all together, so that reading them stays within little memory.
const MAX_TOTAL_BYTES: usize = 16 << 20;
/// An honest response carries its responder's certificate, perhaps with its chain.
const MAX_RESPONDER_CERTIFICATES: usize = 8;
/// Responders answer about the one certificate that they are asked of, or a few.
const MAX_ANSWERS: usize = 256;
/// Authorities name one or two places of a list, by one or two protocols each. Of a certificate and of a list each; before the list's
/// signature is checked they are compared with each other.
const MAX_NAMES: usize = 64;

/// Why a certificate was revoked (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationReason {
    /// unspecified (0), written down
    Unspecified,
    /// keyCompromise (1)
    KeyCompromise,
    /// cACompromise (2)
    CaCompromise,
    /// affiliationChanged (3)
    AffiliationChanged,
    /// superseded (4)
    Superseded,
    /// cessationOfOperation (5)
    CessationOfOperation,
    /// certificateHold (6)
    CertificateHold,
    /// privilegeWithdrawn (9)
    PrivilegeWithdrawn,
    /// aACompromise (10)
    AaCompromise,
}

impl RevocationReason {
    /// `CRLReason ::= ENUMERATED`. removeFromCRL (8) is for delta lists.
    fn from_element(element: &Element<'_>) -> Result<Self, TspError> {
        Ok(match element.content {
            [0] => Self::Unspecified,
            [1] => Self::KeyCompromise,
            [2] => Self::CaCompromise,
            [3] => Self::AffiliationChanged,
            [4] => Self::Superseded,
            [5] => Self::CessationOfOperation,
            [6] => Self::CertificateHold,
            [9] => Self::PrivilegeWithdrawn,
            [10] => Self::AaCompromise,
            _ => {
                return Err(TspError::Der {
                    offset: element.offset,
                });
            }
        })
    }

    /// The key stayed its holder's alone, so that its signatures of before may still be believed: the four that RFC 3161
    /// §4 (1) lists. privilegeWithdrawn may say as much of the key (X.509), but is not one of them.
    const fn spares_the_key(self) -> bool {
        matches!(
            self,
            Self::Unspecified
                | Self::AffiliationChanged
                | Self::Superseded
                | Self::CessationOfOperation
        )
    }

    /// The key is said to be another's, and not only the certificate to be no good any more.
    pub(crate) const fn names_the_key(self) -> bool {
        matches!(
            self,
            Self::KeyCompromise | Self::CaCompromise | Self::AaCompromise
        )
    }
}

impl RevocationReason {
    const fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is known of the revocation of a token's certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Revocation {
    /// Nothing that speaks of them was given.
    NotChecked,
    /// What was given does not speak of all of them, or was no longer current at the proof of existence.
    Inconclusive {
        /// One was revoked later all the same: the earliest such date.
        revoked_later: Option<Time>,
    },
    /// One was revoked later: the token existed before.
    RevokedLater {
        /// When: the earliest such date.
        at: Time,
    },
    /// None was revoked by lists or responses that were current at the proof of existence (RFC 5280 §6.3.3, RFC 6960 §4.2.2.1),
    /// of which one at least is from before it.
    NotRevokedAsOf {
        /// thisUpdate: the earliest of them.
        as_of: Time,
        /// nextUpdate: the earliest of them.
        until: Time,
    },
    /// None was revoked at the proof of existence, by lists or responses made then or later.
    NotRevoked,
}

impl Revocation {
    /// `not_checked`, `inconclusive`, `revoked_later`, `not_revoked_as_of` or `not_revoked`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotChecked => "not_checked",
            Self::Inconclusive { .. } => "inconclusive",
            Self::RevokedLater { .. } => "revoked_later",
            Self::NotRevokedAsOf { .. } => "not_revoked_as_of",
            Self::NotRevoked => "not_revoked",
        }
    }

    /// What is known of both together: no more than of the one of which less is known.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let revoked_later = match (self.revoked_later(), other.revoked_later()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        match (self, other) {
            (Self::NotChecked, Self::NotChecked) => Self::NotChecked,
            (Self::NotChecked | Self::Inconclusive { .. }, _)
            | (_, Self::NotChecked | Self::Inconclusive { .. }) => {
                Self::Inconclusive { revoked_later }
            }
            (
                Self::NotRevokedAsOf { as_of, until },
                Self::NotRevokedAsOf {
                    as_of: other,
                    until: end,
                },
            ) => Self::NotRevokedAsOf {
                as_of: as_of.min(other),
                until: until.min(end),
            },
            (one, other) => one.min(other),
        }
    }

    /// When the first of them was revoked, after the proof of existence; whatever is not known of the others.
    #[must_use]
    pub const fn revoked_later(self) -> Option<Time> {
        match self {
            Self::RevokedLater { at } => Some(at),
            Self::Inconclusive { revoked_later } => revoked_later,
            Self::NotChecked | Self::NotRevokedAsOf { .. } | Self::NotRevoked => None,
        }
    }
}

/// What is known of the revocation of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationFindings {
    /// Of all together.
    pub known: Revocation,
    /// Of each certificate of the chain but the trusted one, the signer's first.
    pub certificates: Vec<CertificateRevocation>,
    /// How many lists and responses were given.
    pub given: usize,
    /// How many of them speak of no certificate of the chain.
    pub unrelated: usize,
}

impl Default for RevocationFindings {
    fn default() -> Self {
        Self {
            known: Revocation::NotChecked,
            certificates: Vec::new(),
            given: 0,
            unrelated: 0,
        }
    }
}

/// What is known of the revocation of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRevocation {
    /// Whether, and when.
    pub known: Revocation,
    /// Why it was revoked later; `None` also where no reason is given.
    pub reason: Option<RevocationReason>,
    /// thisUpdate of the newest list or response about it that does not settle it.
    pub stale: Option<Time>,
}

/// A list or response, by its place among those given to [`RevocationEvidence`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationItem {
    /// The list that was added so many lists after the first.
    Crl(usize),
    /// The response, likewise.
    Ocsp(usize),
}

impl fmt::Display for RevocationItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crl(index) => write!(f, "revocation list {}", index + 1),
            Self::Ocsp(index) => write!(f, "OCSP response {}", index + 1),
        }
    }
}

/// Why a list or response that was read says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnusableRevocation {
    /// RFC 5280 §5.2.4: what has changed since a whole list.
    Delta,
    /// A critical extension of a list that this program cannot process.
    Extension(Oid),
    /// The same of an OCSP response.
    ResponseExtension(Oid),
    /// RFC 5280 §5.2.5: a distribution point named relative to the issuer.
    RelativePoint,
    /// RFC 5280 §5.2.5: revocations for some reasons alone.
    SomeReasons,
    /// RFC 5280 §5.2.5: revocations by several issuers.
    Indirect,
    /// RFC 5280 §5.2.5: of attribute certificates alone.
    AttributeCertificates,
    /// RFC 6960 §4.2.1: no answer, or of another type than the basic one.
    NoAnswer,
}

impl UnusableRevocation {
    pub(crate) const fn is_of_a_response(&self) -> bool {
        matches!(self, Self::ResponseExtension(_) | Self::NoAnswer)
    }
}

impl fmt::Display for UnusableRevocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delta => {
                "it is a delta CRL (extension 2.5.29.27), with what has changed since a complete list alone"
            }
            Self::Extension(kind) | Self::ResponseExtension(kind) => {
                return write!(
                    f,
                    "it has a critical extension that this program does not know ({kind})"
                );
            }
            Self::RelativePoint => {
                "its issuingDistributionPoint (2.5.29.28) has a name relative to its issuer"
            }
            Self::SomeReasons => {
                "its issuingDistributionPoint (2.5.29.28) has onlySomeReasons: it leaves out other revocations"
            }
            Self::Indirect => {
                "its issuingDistributionPoint (2.5.29.28) has indirectCRL: it mixes several issuers"
            }
            Self::AttributeCertificates => {
                "its issuingDistributionPoint (2.5.29.28) has onlyContainsAttributeCerts: it is not about certificates like these"
            }
            Self::NoAnswer => "it has no answer, or is not of the basic type",
        })
    }
}

/// When a responder signed, and when its certificate was valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponderPeriod {
    /// When the response says that it was signed.
    pub produced_at: Time,
    /// First instant of the certificate's validity.
    pub not_before: Time,
    /// Last second of it.
    pub not_after: Time,
}

/// Why revocation stands against a token, or a list or response is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationRejection {
    /// Not a CertificateList or OCSPResponse in DER.
    Unreadable(TspError),
    /// A critical extension that nobody here can process (RFC 5280 §5.2), a delta, indirect or partial list, or an OCSP
    /// response without an answer.
    Unsupported {
        /// Why.
        what: UnusableRevocation,
    },
    /// RFC 5280 §6.3.3, RFC 6960 §4.2.2.2: signed by the certificate's issuer, or by a responder that it authorised.
    Signature {
        /// What is not.
        item: RevocationItem,
        /// An authorised responder signed, but not within the validity of its certificate.
        responder: Option<ResponderPeriod>,
        /// The certificate that it speaks of.
        certificate: Box<CertificateName>,
    },
    /// RFC 3161 §4 (2): whoever has the key can write any genTime.
    KeyCompromise {
        /// Which list or response says so.
        item: RevocationItem,
        /// The revocation date, or the invalidity date where that is earlier.
        since: Time,
        /// Why; RFC 3161 §4 (1) has no reason count as this.
        reason: Option<RevocationReason>,
        /// The token's proof of existence, or the time at which it is judged for want of one.
        existed: Time,
        /// Which certificate is revoked.
        certificate: Box<CertificateName>,
    },
    /// EN 319 102-1 TRY_LATER: held, which may be lifted. Lists of the time of a hold that was lifted are about for ever.
    OnHold {
        /// Which list or response says so.
        item: RevocationItem,
        /// Since when.
        since: Time,
        /// The token's proof of existence, or the time at which it is judged for want of one.
        existed: Time,
        /// Which certificate is held.
        certificate: Box<CertificateName>,
    },
    /// RFC 3161 §4 (1): made after the revocation.
    Revoked {
        /// Which list or response says so.
        item: RevocationItem,
        /// The revocation date, or the invalidityDate if earlier.
        at: Time,
        /// Why.
        reason: RevocationReason,
        /// Which certificate was revoked.
        certificate: Box<CertificateName>,
    },
    /// EN 319 102-1 REVOKED_NO_POE: said to be made before the revocation, but nothing shows it.
    RevokedNoPoe {
        /// Which list or response says so.
        item: RevocationItem,
        /// The revocation date, or the invalidityDate if earlier.
        at: Time,
        /// Why.
        reason: RevocationReason,
        /// Which certificate was revoked.
        certificate: Box<CertificateName>,
    },
    /// EN 319 102-1 REVOKED_CA_NO_POE: a certificate between the signer's and the trusted one, or another of its key, was revoked before the
    /// token is shown to have existed. Nothing that the token's signer signed says which certificates stand above his own, so
    /// whoever passes the token on can put a revoked one there: it disproves nothing.
    IssuerRevoked {
        /// Which list or response says so.
        item: RevocationItem,
        /// The revocation date, or the invalidityDate if earlier.
        since: Time,
        /// Why.
        reason: Option<RevocationReason>,
        /// The token's proof of existence, or the time at which it is judged for want of one.
        existed: Time,
        /// Which certificate was revoked.
        certificate: Box<CertificateName>,
    },
    /// More lists and responses, or more bytes of them, than are read.
    BudgetSize {
        /// What there are too many of.
        what: &'static str,
        /// How many are read.
        limit: usize,
    },
    /// More signatures of lists and responses than are checked.
    BudgetSignatures {
        /// How many are.
        limit: usize,
    },
}

impl RevocationRejection {
    /// Every code there is.
    pub const CODES: &'static [&'static str] = &[
        "tsp.revocation_unreadable",
        "tsp.revocation_unsupported",
        "tsp.revocation_signature",
        "tsp.revoked_key_compromise",
        "tsp.on_hold",
        "tsp.revoked",
        "tsp.revoked_no_poe",
        "tsp.issuer_revoked",
        "tsp.budget_revocation_size",
        "tsp.budget_revocation_signatures",
    ];

    /// The clause that stands against the token, or "kbox" where the rule is this program's own.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "RFC 5280 §5, RFC 6960 §4.2.1",
            Self::Unsupported { .. } => "RFC 5280 §5.2, RFC 6960 §4.1.2",
            Self::Signature { .. } => "RFC 5280 §6.3.3, RFC 6960 §4.2.2.2",
            Self::KeyCompromise { .. } => "RFC 3161 §4 (2)",
            Self::OnHold { .. } => "ETSI EN 319 102-1 §5.2.6, RFC 5280 §5.3.1",
            Self::Revoked { .. } => "RFC 3161 §4 (1)",
            Self::RevokedNoPoe { .. } => "ETSI EN 319 102-1 §5.2.6, RFC 3161 §4 (1)",
            Self::IssuerRevoked { .. } => "ETSI EN 319 102-1 §5.2.6",
            Self::BudgetSize { .. } | Self::BudgetSignatures { .. } => "kbox",
        }
    }

    /// The stable code of this cause.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "tsp.revocation_unreadable",
            Self::Unsupported { .. } => "tsp.revocation_unsupported",
            Self::Signature { .. } => "tsp.revocation_signature",
            Self::KeyCompromise { .. } => "tsp.revoked_key_compromise",
            Self::OnHold { .. } => "tsp.on_hold",
            Self::Revoked { .. } => "tsp.revoked",
            Self::RevokedNoPoe { .. } => "tsp.revoked_no_poe",
            Self::IssuerRevoked { .. } => "tsp.issuer_revoked",
            Self::BudgetSize { .. } => "tsp.budget_revocation_size",
            Self::BudgetSignatures { .. } => "tsp.budget_revocation_signatures",
        }
    }

    /// Nothing was disproven: better lists or a proof of existence could change it.
    #[must_use]
    pub const fn is_undecided(&self) -> bool {
        !matches!(self, Self::KeyCompromise { .. } | Self::Revoked { .. })
    }
}

impl fmt::Display for RevocationRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "a revocation list or response: {error}"),
            Self::Unsupported { what } => {
                let item = match what.is_of_a_response() {
                    true => "an OCSP response",
                    false => "a revocation list",
                };
                write!(f, "{item} cannot be used: {what}")
            }
            Self::Signature {
                item: item @ RevocationItem::Crl(_),
                certificate,
                ..
            } => write!(
                f,
                "{item} is not signed by the issuer of the certificate that it speaks of, or that issuer may not sign lists: {certificate}"
            ),
            Self::Signature {
                item,
                responder: Some(responder),
                certificate,
            } => write!(
                f,
                "{item} was signed at {}, outside the validity of its responder's certificate, {} to {}. It speaks of: {certificate}",
                responder.produced_at, responder.not_before, responder.not_after
            ),
            Self::Signature {
                item, certificate, ..
            } => write!(
                f,
                "{item} is signed neither by the issuer of the certificate that it speaks of nor by a responder that it authorised: {certificate}"
            ),
            Self::KeyCompromise {
                since,
                reason,
                existed,
                certificate,
                ..
            } => {
                let reason = reason.map_or("no reason given", RevocationReason::word);
                write!(
                    f,
                    "a certificate of the chain has been revoked since {since} ({reason}), and that the token existed is shown for {existed} only: its key may have signed any time: {certificate}"
                )
            }
            Self::OnHold {
                since,
                existed,
                certificate,
                ..
            } => write!(
                f,
                "a certificate of the chain has been on hold since {since} (certificateHold), which may be lifted, and that the token existed is shown for {existed} only: {certificate}"
            ),
            Self::Revoked {
                at,
                reason,
                certificate,
                ..
            } => write!(
                f,
                "the token was made after a certificate of its chain was revoked, at {at} ({reason}): {certificate}"
            ),
            Self::RevokedNoPoe {
                at,
                reason,
                certificate,
                ..
            } => write!(
                f,
                "a certificate of the chain was revoked at {at} ({reason}), and nothing shows that the token existed before: {certificate}"
            ),
            Self::IssuerRevoked {
                since,
                reason,
                existed,
                certificate,
                ..
            } => {
                let reason = reason.map_or("no reason given", RevocationReason::word);
                write!(
                    f,
                    "a certificate above the signer's has been revoked since {since} ({reason}), and that the token existed is shown for {existed} only; the authority may have another certificate, which is good: {certificate}"
                )
            }
            Self::BudgetSize { what, limit } => write!(
                f,
                "revocation lists and responses: more than {limit} {what}; give those about the chain's certificates alone"
            ),
            Self::BudgetSignatures { limit } => write!(
                f,
                "revocation lists and responses: more than {limit} signatures; give those about the chain's certificates alone"
            ),
        }
    }
}

impl core::error::Error for RevocationRejection {}

/// The lists and responses that an auditor gives: read, nothing believed before the issuer's signature is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationEvidence {
    lists: Vec<CertificateList>,
    responses: Vec<OcspResponse>,
    bytes: usize,
}

impl RevocationEvidence {
    fn make_room(&mut self, der: &[u8]) -> Result<(), RevocationRejection> {
        if self.lists.len() + self.responses.len() >= MAX_ITEMS {
            return Err(RevocationRejection::BudgetSize {
                what: "lists and responses",
                limit: MAX_ITEMS,
            });
        }
        if self.bytes + der.len() > MAX_TOTAL_BYTES {
            return Err(RevocationRejection::BudgetSize {
                what: "bytes",
                limit: MAX_TOTAL_BYTES,
            });
        }
        self.bytes += der.len();
        Ok(())
    }

    /// Adds a CertificateList in DER.
    ///
    /// # Errors
    /// [`RevocationRejection::Unreadable`], [`RevocationRejection::Unsupported`], [`RevocationRejection::BudgetSize`].
    pub fn add_crl(&mut self, der: &[u8]) -> Result<(), RevocationRejection> {
        check_size(der)?;
        self.make_room(der)?;
        self.lists.push(CertificateList::parse(der)?);
        Ok(())
    }

    /// Adds an OCSPResponse in DER.
    ///
    /// # Errors
    /// [`RevocationRejection::Unreadable`], [`RevocationRejection::Unsupported`], [`RevocationRejection::BudgetSize`].
    pub fn add_ocsp(&mut self, der: &[u8]) -> Result<(), RevocationRejection> {
        check_size(der)?;
        self.make_room(der)?;
        self.responses.push(OcspResponse::parse(der)?);
        Ok(())
    }

    /// Judges a chain, signer first and trusted certificate last, of a token made no earlier than `made` that existed at
    /// `existed`. The trusted certificate is the auditor's own choice, which no list overrules. `others` are further certificates of
    /// the keys between, each with its issuer: a list that calls one of them compromised speaks of the key.
    pub(super) fn judge(
        &self,
        chain: &[Arc<Certificate>],
        others: &[[Arc<Certificate>; 2]],
        made: Time,
        existed: Time,
        signatures: &mut SignatureBudget,
    ) -> Result<RevocationFindings, RevocationRejection> {
        let mut related = alloc::vec![false; self.lists.len() + self.responses.len()];
        let mut known: Option<Revocation> = None;
        let mut certificates = Vec::new();
        for (place, (certificate, issuer)) in chain.iter().zip(chain.iter().skip(1)).enumerate() {
            let mut best = Revocation::NotChecked;
            let mut why = None;
            let mut stale = None;
            let statements = self.statements(certificate, issuer, signatures, &mut related)?;
            // An issuer may forget certificates that have ended (RFC 5280 §5.2, RFC 6960 §4.4.4), and its own word ends
            // with its own certificate.
            let counts = |as_of| certificate.is_valid_at(as_of) && issuer.is_valid_at(as_of);
            let good = statements.iter().filter(|one| one.status == Status::Good);
            let good = good
                .map(|one| one.as_of)
                .filter(|as_of| counts(*as_of))
                .max();
            for Statement {
                item,
                status,
                as_of,
                until,
            } in statements
            {
                // A hold that a newer list or response does not know any more was lifted.
                if matches!(&status, Status::Revoked(revoked) if revoked.is_hold())
                    && good > Some(as_of)
                {
                    continue;
                }
                let counts = counts(as_of);
                let found = match status {
                    Status::Revoked(revoked) => {
                        match place {
                            0 => revoked.judge(item, made, existed, || {
                                CertificateName::boxed(certificate)
                            })?,
                            _ => revoked.judge_issuer(item, existed, certificate)?,
                        }
                        if best.revoked_later().is_none_or(|at| revoked.at <= at) {
                            why = revoked.reason;
                        }
                        Revocation::RevokedLater { at: revoked.at }
                    }
                    Status::Good if counts && as_of >= existed => Revocation::NotRevoked,
                    Status::Good => match until {
                        Some(until) if counts && existed <= until => {
                            Revocation::NotRevokedAsOf { as_of, until }
                        }
                        _ => {
                            stale = stale.max(Some(as_of));
                            Revocation::Inconclusive {
                                revoked_later: None,
                            }
                        }
                    },
                    Status::Unknown => Revocation::Inconclusive {
                        revoked_later: None,
                    },
                };
                best = match (best, found) {
                    // A revocation outweighs whatever did not know of it.
                    (Revocation::RevokedLater { at }, Revocation::RevokedLater { at: other }) => {
                        Revocation::RevokedLater { at: at.min(other) }
                    }
                    (later @ Revocation::RevokedLater { .. }, _)
                    | (_, later @ Revocation::RevokedLater { .. }) => later,
                    (one, other) => one.max(other),
                };
            }
            known = Some(known.map_or(best, |known| known.and(best)));
            certificates.push(CertificateRevocation {
                known: best,
                reason: why,
                stale,
            });
        }
        // After whatever disproves the token.
        for [other, issuer] in others {
            let statements = self.statements(other, issuer, signatures, &mut related)?;
            for statement in statements {
                if let Status::Revoked(revoked) = statement.status
                    && revoked.names_the_key()
                {
                    revoked.judge_issuer(statement.item, existed, other)?;
                }
            }
        }
        Ok(RevocationFindings {
            known: known.unwrap_or(Revocation::NotChecked),
            certificates,
            given: related.len(),
            unrelated: related.iter().filter(|related| !**related).count(),
        })
    }

    /// Everything that speaks of `certificate`, under its issuer's signature; each such list and response is marked in `related`.
    fn statements(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        signatures: &mut SignatureBudget,
        related: &mut [bool],
    ) -> Result<Vec<Statement>, RevocationRejection> {
        let mut found = Vec::new();
        let mut related = related.iter_mut();
        let unsigned = |item, responder| RevocationRejection::Signature {
            item,
            responder,
            certificate: CertificateName::boxed(certificate),
        };
        let place = Place::of(certificate);
        for ((index, list), is_related) in self.lists.iter().enumerate().zip(related.by_ref()) {
            if list.at(&list.issuer) != issuer.subject() || !list.scope.covers(&place) {
                continue;
            }
            let is_signed = signatures.of_list(index, list, issuer)?;
            if !is_signed && list.names_another_key_than(issuer) {
                continue;
            }
            if !is_signed || !issuer.may_sign_lists() {
                return Err(unsigned(RevocationItem::Crl(index), None));
            }
            *is_related = true;
            let status = list.status(certificate.serial());
            found.push(Statement {
                item: RevocationItem::Crl(index),
                status: status.map_err(RevocationRejection::Unreadable)?,
                as_of: list.this_update,
                until: Some(list.next_update),
            });
        }
        for ((index, response), is_related) in self.responses.iter().enumerate().zip(related) {
            let mut is_verified = false;
            for single in &response.singles {
                if !single.is_about(certificate, issuer) {
                    continue;
                }
                if !is_verified {
                    signatures
                        .of_response(index, response, issuer)?
                        .map_err(|responder| unsigned(RevocationItem::Ocsp(index), responder))?;
                    is_verified = true;
                }
                *is_related = true;
                found.push(Statement {
                    item: RevocationItem::Ocsp(index),
                    status: single.status.clone(),
                    as_of: single.this_update,
                    until: single.next_update,
                });
            }
        }
        Ok(found)
    }
}

/// What a list or response says of one certificate.
struct Statement {
    item: RevocationItem,
    status: Status,
    /// thisUpdate
    as_of: Time,
    /// nextUpdate. A response without one is superseded at any time (RFC 6960 §4.2.2.1).
    until: Option<Time>,
}

/// How many signatures may be checked yet for one token, and what those that were checked said: its further chains ask again.
pub(super) struct SignatureBudget {
    limit: usize,
    left: usize,
    lists: BTreeMap<(usize, Vec<u8>), bool>,
    responses: BTreeMap<(usize, Vec<u8>), Result<(), Option<ResponderPeriod>>>,
}

impl SignatureBudget {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            limit,
            left: limit,
            lists: BTreeMap::new(),
            responses: BTreeMap::new(),
        }
    }

    /// Whether the list of this place is signed by `issuer`.
    fn of_list(
        &mut self,
        place: usize,
        list: &CertificateList,
        issuer: &Certificate,
    ) -> Result<bool, RevocationRejection> {
        // Nothing else of the issuer counts: its certificates may be many.
        let key = (place, issuer.public_key_info().to_vec());
        if let Some(known) = self.lists.get(&key) {
            return Ok(*known);
        }
        self.spend()?;
        let is_signed = list.is_signed_by(issuer);
        self.lists.insert(key, is_signed);
        Ok(is_signed)
    }

    /// As [`OcspResponse::is_vouched_for_by`], of the response of this place.
    fn of_response(
        &mut self,
        place: usize,
        response: &OcspResponse,
        issuer: &Certificate,
    ) -> Result<Result<(), Option<ResponderPeriod>>, RevocationRejection> {
        let key = (place, issuer.to_der().to_vec());
        if let Some(known) = self.responses.get(&key) {
            return Ok(*known);
        }
        let found = response.is_vouched_for_by(issuer, self)?;
        self.responses.insert(key, found);
        Ok(found)
    }

    fn spend(&mut self) -> Result<(), RevocationRejection> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(RevocationRejection::BudgetSignatures { limit: self.limit })?;
        Ok(())
    }
}

/// All revocation lists in a PEM text, in DER; none when it holds none.
///
/// # Errors
/// [`TspError::Pem`] when a block is malformed.
pub fn crls_from_pem(text: &str) -> Result<Vec<Vec<u8>>, TspError> {
    const LABEL: &str = "X509 CRL";
    if text.contains("-----BEGIN X509 CRL-----") {
        pem_blocks(text, LABEL)
    } else {
        Ok(Vec::new())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Revoked {
    at: Time,
    reason: Option<RevocationReason>,
    /// invalidityDate (RFC 5280 §5.3.2): since when the key is believed to be another's, or the certificate not to be valid.
    invalid_since: Option<Time>,
}

impl Revoked {
    /// Whatever the reason: RFC 5280 §5.3.2 puts the date at which the certificate became invalid before the revocation's.
    fn since(&self) -> Time {
        self.invalid_since.map_or(self.at, |date| date.min(self.at))
    }

    /// It is said of the key itself that others have it, and so of every certificate of that key.
    fn names_the_key(&self) -> bool {
        self.reason.is_some_and(RevocationReason::names_the_key)
    }

    fn is_hold(&self) -> bool {
        self.reason == Some(RevocationReason::CertificateHold)
    }

    /// What this means for a token below `certificate`, which its signature does not name.
    fn judge_issuer(
        &self,
        item: RevocationItem,
        existed: Time,
        certificate: &Certificate,
    ) -> Result<(), RevocationRejection> {
        let since = self.since();
        if existed < since {
            return Ok(());
        }
        Err(RevocationRejection::IssuerRevoked {
            item,
            since,
            reason: self.reason,
            existed,
            certificate: CertificateName::boxed(certificate),
        })
    }

    fn judge(
        &self,
        item: RevocationItem,
        made: Time,
        existed: Time,
        certificate: impl FnOnce() -> Box<CertificateName>,
    ) -> Result<(), RevocationRejection> {
        let since = self.since();
        match self.reason {
            Some(reason) if reason.spares_the_key() => {
                let at = since;
                if existed < at {
                    Ok(())
                } else if made >= at {
                    Err(RevocationRejection::Revoked {
                        item,
                        at,
                        reason,
                        certificate: certificate(),
                    })
                } else {
                    Err(RevocationRejection::RevokedNoPoe {
                        item,
                        at,
                        reason,
                        certificate: certificate(),
                    })
                }
            }
            _ if existed < since => Ok(()),
            _ if self.is_hold() => Err(RevocationRejection::OnHold {
                item,
                since,
                existed,
                certificate: certificate(),
            }),
            reason => Err(RevocationRejection::KeyCompromise {
                item,
                since,
                reason,
                existed,
                certificate: certificate(),
            }),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Status {
    Good,
    Revoked(Revoked),
    /// The responder does not know the certificate.
    Unknown,
}

/// The magnitude of a serial number: certificates stay raw, and may write it with more zeros than DER allows.
fn magnitude(serial: &[u8]) -> &[u8] {
    let start = serial.iter().position(|byte| *byte != 0);
    serial
        .get(start.unwrap_or(serial.len())..)
        .unwrap_or_default()
}

fn check_size(bytes: &[u8]) -> Result<(), RevocationRejection> {
    if bytes.len() > MAX_BYTES {
        return Err(RevocationRejection::Unreadable(TspError::TooLarge {
            size: bytes.len(),
            limit: MAX_BYTES,
        }));
    }
    Ok(())
}

/// RFC 5280 §5.2, §5.3; RFC 6960 §4.1.2: a list or response with a critical extension that is not understood says nothing.
fn refuse_critical(
    extensions: &[Extension],
    what: fn(Oid) -> UnusableRevocation,
) -> Result<(), RevocationRejection> {
    const PROCESSED: [&[u8]; 3] = [
        known::INVALIDITY_DATE,
        known::REASON_CODE,
        known::ISSUING_DISTRIBUTION_POINT,
    ];
    match extensions
        .iter()
        .find(|extension| extension.critical && !PROCESSED.contains(&extension.kind.as_content()))
    {
        None => Ok(()),
        Some(extension) => Err(RevocationRejection::Unsupported {
            what: what(extension.kind.clone()),
        }),
    }
}

fn value_of<'a>(extensions: &'a [Extension], kind: &[u8]) -> Option<&'a [u8]> {
    extensions
        .iter()
        .find(|extension| extension.kind.as_content() == kind)
        .map(|extension| extension.value.as_slice())
}

/// reasonCode and invalidityDate (RFC 5280 §5.3.1, §5.3.2).
fn entry_facts(
    extensions: &[Extension],
) -> Result<(Option<RevocationReason>, Option<Time>), TspError> {
    let reason = value_of(extensions, known::REASON_CODE)
        .map(|value| RevocationReason::from_element(&der::single(value, der::ENUMERATED)?))
        .transpose()?;
    let invalid_since = value_of(extensions, known::INVALIDITY_DATE)
        .map(|value| parse_gen_time(der::single(value, der::GENERALIZED_TIME)?.content))
        .transpose()?;
    Ok((reason, invalid_since))
}

/// ```text
/// CertificateList ::= SEQUENCE { tbsCertList TBSCertList, signatureAlgorithm AlgorithmIdentifier, signatureValue BIT STRING }
/// TBSCertList ::= SEQUENCE { version INTEGER OPTIONAL, signature AlgorithmIdentifier, issuer Name, thisUpdate Time,
///   nextUpdate Time OPTIONAL, revokedCertificates SEQUENCE OF Entry OPTIONAL, crlExtensions [0] EXPLICIT OPTIONAL }
/// Entry ::= SEQUENCE { userCertificate INTEGER, revocationDate Time, crlEntryExtensions Extensions OPTIONAL }
/// ```
///
/// What can be large stays in the encoding, by its place there: nobody has vouched for a list when it is read, and its entries, taken
/// apart, would be many times as large as the list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CertificateList {
    der: Vec<u8>,
    scope: ListScope,
    tbs: Range<usize>,
    issuer: Range<usize>,
    this_update: Time,
    next_update: Time,
    /// The content of revokedCertificates, each entry of which has been read once.
    entries: Range<usize>,
    /// keyIdentifier of authorityKeyIdentifier: which key of this issuer signed.
    key_identifier: Option<Vec<u8>>,
    algorithm: AlgorithmIdentifier,
    /// The BIT STRING's octets.
    signature: Range<usize>,
}

/// An entry of a list, with its extensions.
struct ListEntry {
    revoked: Revoked,
    extensions: Vec<Extension>,
}

impl ListEntry {
    fn read(element: &Element<'_>) -> Result<Self, TspError> {
        let mut parts = element.elements();
        parts.expect(der::INTEGER)?;
        let at = certificate_time(&parts.any()?)?;
        let extensions = match parts.optional(der::SEQUENCE)? {
            Some(list) => parse_extensions(list.elements())?,
            None => Vec::new(),
        };
        parts.finish()?;
        let (reason, invalid_since) = entry_facts(&extensions)?;
        let revoked = Revoked {
            at,
            reason,
            invalid_since,
        };
        Ok(Self {
            revoked,
            extensions,
        })
    }
}

/// Which of its issuer's certificates a list is about (RFC 5280 §5.2.5):
///
/// ```text
/// IssuingDistributionPoint ::= SEQUENCE { distributionPoint [0] DistributionPointName OPTIONAL,
///   onlyContainsUserCerts [1] BOOLEAN DEFAULT FALSE, onlyContainsCACerts [2] BOOLEAN DEFAULT FALSE,
///   onlySomeReasons [3] ReasonFlags OPTIONAL, indirectCRL [4] BOOLEAN DEFAULT FALSE,
///   onlyContainsAttributeCerts [5] BOOLEAN DEFAULT FALSE }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ListScope {
    /// The GeneralNames of the distribution point, in DER.
    point: Option<BTreeSet<Vec<u8>>>,
    only_users: bool,
    only_cas: bool,
    /// What the list has that is refused.
    unsupported: Option<UnusableRevocation>,
}

impl ListScope {
    fn read(value: &[u8]) -> Result<Self, TspError> {
        let mut parts = der::single(value, der::SEQUENCE)?.elements();
        let mut scope = Self::default();
        if let Some(field) = parts.optional(0xa0)? {
            match full_names(&field)? {
                Some(names) => {
                    scope.point = Some(names.into_iter().map(<[u8]>::to_vec).collect());
                }
                None => scope.unsupported = Some(UnusableRevocation::RelativePoint),
            }
        }
        let mut flag = |tag| -> Result<bool, TspError> {
            Ok(parts.optional(tag)?.is_some_and(|part| part.content != [0]))
        };
        scope.only_users = flag(0x81)?;
        scope.only_cas = flag(0x82)?;
        if parts.optional(0x83)?.is_some() {
            scope.unsupported = Some(UnusableRevocation::SomeReasons);
        }
        for (tag, what) in [
            (0x84, UnusableRevocation::Indirect),
            (0x85, UnusableRevocation::AttributeCertificates),
        ] {
            if parts.optional(tag)?.is_some_and(|part| part.content != [0]) {
                scope.unsupported = Some(what);
            }
        }
        parts.finish()?;
        Ok(scope)
    }

    /// RFC 5280 §6.3.3 (b)(2): a list says nothing of certificates outside its scope.
    fn covers(&self, place: &Place<'_>) -> bool {
        if place.is_ca && self.only_users || !place.is_ca && self.only_cas {
            return false;
        }
        let Some(names) = &self.point else {
            return true;
        };
        match place {
            Place { points: None, .. } => names.contains(&place.issuer),
            Place {
                points: Some(points),
                ..
            } => points.iter().any(|name| names.contains(*name)),
        }
    }
}

/// Where lists about a certificate are looked for.
struct Place<'a> {
    is_ca: bool,
    /// The names of its distribution points; those that cannot be read are as none.
    points: Option<Vec<&'a [u8]>>,
    /// The issuer's own name as a GeneralName, for a certificate that names no distribution point.
    issuer: Vec<u8>,
}

impl<'a> Place<'a> {
    fn of(certificate: &'a Certificate) -> Self {
        Self {
            is_ca: certificate.basic_constraints().is_ok_and(|(ca, _)| ca),
            points: certificate
                .distribution_points()
                .unwrap_or(Some(Vec::new())),
            issuer: der::element(0xa4, &[certificate.issuer()]),
        }
    }
}

/// The GeneralNames of a DistributionPointName, in DER; `None` for a name relative to the issuer.
pub(super) fn full_names<'a>(field: &Element<'a>) -> Result<Option<Vec<&'a [u8]>>, TspError> {
    let mut choice = field.elements();
    let name = choice.any()?;
    choice.finish()?;
    if name.tag != 0xa0 {
        return Ok(None);
    }
    let mut list = name.elements();
    let mut names = Vec::new();
    while !list.is_empty() {
        names.push(list.any()?.der);
        check_names(names.len())?;
    }
    Ok(Some(names))
}

/// No more names, or points that names are given of, than are compared.
pub(super) fn check_names(found: usize) -> Result<(), TspError> {
    match found > MAX_NAMES {
        true => Err(TspError::TooManyNames { limit: MAX_NAMES }),
        false => Ok(()),
    }
}

impl CertificateList {
    fn parse(bytes: &[u8]) -> Result<Self, RevocationRejection> {
        let (list, extensions, of_entries) =
            Self::read(bytes).map_err(RevocationRejection::Unreadable)?;
        if let Some(what) = list.scope.unsupported {
            return Err(RevocationRejection::Unsupported { what });
        }
        // Critical or not: what is no whole list proves nothing by what it leaves out.
        if value_of(&extensions, known::DELTA_CRL_INDICATOR).is_some() {
            return Err(RevocationRejection::Unsupported {
                what: UnusableRevocation::Delta,
            });
        }
        refuse_critical(&extensions, UnusableRevocation::Extension)?;
        of_entries.map(|()| list)
    }

    /// The list, its extensions, and whether those of all its entries are understood.
    fn read(
        bytes: &[u8],
    ) -> Result<(Self, Vec<Extension>, Result<(), RevocationRejection>), TspError> {
        let mut outer = der::message(bytes, der::SEQUENCE)?.elements();
        let tbs = outer.expect(der::SEQUENCE)?;
        let algorithm = AlgorithmIdentifier::from_element(&outer.expect(der::SEQUENCE)?)?;
        let signature = outer.expect(der::BIT_STRING)?;
        let octets = bit_string(&signature)?.len();
        let end = signature.content_span().end;
        let signature = end - octets..end;
        outer.finish()?;

        let mut parts = tbs.elements();
        if parts.peek() == Some(der::INTEGER) {
            let found = parts.small_integer()?;
            if found != 1 {
                return Err(TspError::Version {
                    structure: "CertificateList",
                    found,
                });
            }
        }
        // RFC 5280 §5.1.1.2: the same as the outer one.
        if AlgorithmIdentifier::from_element(&parts.expect(der::SEQUENCE)?)? != algorithm {
            return Err(TspError::NotCanonical {
                structure: "CertificateList",
            });
        }
        let issuer = parts.expect(der::SEQUENCE)?.span();
        let this_update = certificate_time(&parts.any()?)?;
        // RFC 5280 §5.1.2.5 demands nextUpdate. That it is past says nothing against a list about the past.
        let error = parts.error();
        let next_update = certificate_time(&parts.any()?)?;
        if next_update < this_update {
            return Err(error);
        }
        let mut entries = 0..0;
        let mut of_entries = Ok(());
        if let Some(list) = parts.optional(der::SEQUENCE)? {
            entries = list.content_span();
            let mut list = list.elements();
            while !list.is_empty() {
                let entry = ListEntry::read(&list.expect(der::SEQUENCE)?)?;
                if of_entries.is_ok() {
                    of_entries = refuse_critical(&entry.extensions, UnusableRevocation::Extension);
                }
            }
        }
        let extensions = match parts.optional(0xa0)? {
            Some(field) => {
                let mut inner = field.elements();
                let list = inner.expect(der::SEQUENCE)?.elements();
                inner.finish()?;
                parse_extensions(list)?
            }
            None => Vec::new(),
        };
        parts.finish()?;
        // AuthorityKeyIdentifier ::= SEQUENCE { keyIdentifier [0] OPTIONAL, … }
        let key_identifier = match value_of(&extensions, known::AUTHORITY_KEY_IDENTIFIER) {
            Some(value) => {
                let mut parts = der::single(value, der::SEQUENCE)?.elements();
                parts.optional(0x80)?.map(|part| part.content.to_vec())
            }
            None => None,
        };
        let scope = match value_of(&extensions, known::ISSUING_DISTRIBUTION_POINT) {
            Some(value) => ListScope::read(value)?,
            None => ListScope::default(),
        };
        let list = Self {
            der: bytes.to_vec(),
            scope,
            tbs: tbs.span(),
            issuer,
            this_update,
            next_update,
            entries,
            key_identifier,
            algorithm,
            signature,
        };
        Ok((list, extensions, of_entries))
    }

    fn at(&self, place: &Range<usize>) -> &[u8] {
        self.der.get(place.clone()).unwrap_or_default()
    }

    /// By the identifiers of both. That proves nothing: two certificates of one key may name it differently, and whoever passes a
    /// token on chooses which of them is at hand.
    fn names_another_key_than(&self, issuer: &Certificate) -> bool {
        self.key_identifier
            .as_deref()
            .zip(issuer.subject_key_identifier())
            .is_some_and(|(one, other)| one != other)
    }

    fn is_signed_by(&self, issuer: &Certificate) -> bool {
        verify_signature(
            issuer.public_key_info(),
            &self.algorithm,
            None,
            self.at(&self.tbs),
            self.at(&self.signature),
        )
        .is_ok()
    }

    fn status(&self, serial: &[u8]) -> Result<Status, TspError> {
        let mut entries = der::Elements::new(self.at(&self.entries));
        while !entries.is_empty() {
            let entry = entries.expect(der::SEQUENCE)?;
            let number = entry.elements().expect(der::INTEGER)?.content;
            if magnitude(number) == magnitude(serial) {
                return Ok(Status::Revoked(ListEntry::read(&entry)?.revoked));
            }
        }
        Ok(Status::Good)
    }
}

/// ```text
/// OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED, responseBytes [0] EXPLICIT SEQUENCE { OBJECT IDENTIFIER, OCTET STRING } OPTIONAL }
/// BasicOCSPResponse ::= SEQUENCE { tbsResponseData ResponseData, signatureAlgorithm AlgorithmIdentifier, signature BIT STRING,
///   certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
/// ResponseData ::= SEQUENCE { version [0] EXPLICIT DEFAULT v1, responderID CHOICE { byName [1] Name, byKey [2] OCTET STRING },
///   producedAt GeneralizedTime, responses SEQUENCE OF SingleResponse, responseExtensions [1] EXPLICIT OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
struct OcspResponse {
    tbs: Vec<u8>,
    responder: ResponderId,
    produced_at: Time,
    singles: Vec<SingleResponse>,
    certificates: Vec<Certificate>,
    algorithm: AlgorithmIdentifier,
    signature: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ResponderId {
    /// Name in DER.
    Name(Vec<u8>),
    /// SHA-1 of the key's BIT STRING.
    Key(Vec<u8>),
}

impl ResponderId {
    fn names(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Name(name) => *name == certificate.subject(),
            Self::Key(hash) => certificate
                .public_key_bits()
                .is_ok_and(|key| sha1::Sha1::digest(key).as_slice() == hash),
        }
    }
}

/// ```text
/// SingleResponse ::= SEQUENCE { certID CertID, certStatus CertStatus, thisUpdate GeneralizedTime,
///   nextUpdate [0] EXPLICIT GeneralizedTime OPTIONAL, singleExtensions [1] EXPLICIT OPTIONAL }
/// CertID ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier, issuerNameHash, issuerKeyHash OCTET STRING, serialNumber INTEGER }
/// CertStatus ::= CHOICE { good [0] NULL, revoked [1] SEQUENCE { GeneralizedTime, [0] EXPLICIT CRLReason OPTIONAL }, unknown [2] NULL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
struct SingleResponse {
    hash: AlgorithmIdentifier,
    issuer_name: Vec<u8>,
    issuer_key: Vec<u8>,
    serial: Vec<u8>,
    status: Status,
    this_update: Time,
    next_update: Option<Time>,
}

impl SingleResponse {
    fn is_about(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        // Which certificate is meant: the signature is the issuer's, so a weak hash harms nobody.
        let digest = |bytes: &[u8]| match self.hash.hash() {
            Some(hash) => Some(hash.digest(bytes)),
            None if self.hash.algorithm.as_content() == known::SHA1 => {
                Some(sha1::Sha1::digest(bytes).to_vec())
            }
            None => None,
        };
        let key = || issuer.public_key_bits().ok().and_then(digest);
        magnitude(&self.serial) == magnitude(certificate.serial())
            && digest(issuer.subject()).as_deref() == Some(&self.issuer_name)
            && key().as_deref() == Some(&self.issuer_key)
    }

    fn read(element: &Element<'_>) -> Result<(Self, Vec<Extension>), TspError> {
        let mut parts = element.elements();
        let mut id = parts.expect(der::SEQUENCE)?.elements();
        let hash = AlgorithmIdentifier::from_element(&id.expect(der::SEQUENCE)?)?;
        let issuer_name = id.expect(der::OCTET_STRING)?.content.to_vec();
        let issuer_key = id.expect(der::OCTET_STRING)?.content.to_vec();
        let serial = id.expect(der::INTEGER)?.content.to_vec();
        id.finish()?;
        let error = parts.error();
        let status = parts.any()?;
        let this_update = generalized_time(&parts.expect(der::GENERALIZED_TIME)?)?;
        let mut next_update = None;
        if let Some(field) = parts.optional(0xa0)? {
            let mut inner = field.elements();
            let next = generalized_time(&inner.expect(der::GENERALIZED_TIME)?)?;
            inner.finish()?;
            if next < this_update {
                return Err(error);
            }
            next_update = Some(next);
        }
        let extensions = match parts.optional(0xa1)? {
            Some(field) => explicit_extensions(&field)?,
            None => Vec::new(),
        };
        parts.finish()?;
        let status = match (status.tag, status.content) {
            (0x80, []) => Status::Good,
            (0x82, []) => Status::Unknown,
            (0xa1, _) => {
                let mut info = status.elements();
                let at = generalized_time(&info.expect(der::GENERALIZED_TIME)?)?;
                let mut reason = None;
                if let Some(field) = info.optional(0xa0)? {
                    let mut inner = field.elements();
                    reason = Some(RevocationReason::from_element(
                        &inner.expect(der::ENUMERATED)?,
                    )?);
                    inner.finish()?;
                }
                info.finish()?;
                // RFC 6960 §4.4.5: entry extensions of lists may stand here too.
                let (_, invalid_since) = entry_facts(&extensions)?;
                Status::Revoked(Revoked {
                    at,
                    reason,
                    invalid_since,
                })
            }
            _ => return Err(error),
        };
        let single = Self {
            hash,
            issuer_name,
            issuer_key,
            serial,
            status,
            this_update,
            next_update,
        };
        Ok((single, extensions))
    }
}

fn generalized_time(element: &Element<'_>) -> Result<Time, TspError> {
    parse_gen_time(element.content)
}

fn explicit_extensions(field: &Element<'_>) -> Result<Vec<Extension>, TspError> {
    let mut inner = field.elements();
    let list = inner.expect(der::SEQUENCE)?.elements();
    inner.finish()?;
    parse_extensions(list)
}

impl OcspResponse {
    fn parse(bytes: &[u8]) -> Result<Self, RevocationRejection> {
        let unreadable = RevocationRejection::Unreadable;
        let basic = Self::basic(bytes).map_err(unreadable)?;
        let Some(basic) = basic else {
            return Err(RevocationRejection::Unsupported {
                what: UnusableRevocation::NoAnswer,
            });
        };
        let (response, extensions) = Self::read(basic).map_err(unreadable)?;
        refuse_critical(&extensions, UnusableRevocation::ResponseExtension)?;
        Ok(response)
    }

    /// The BasicOCSPResponse, when the status is successful and the type is that.
    fn basic(bytes: &[u8]) -> Result<Option<&[u8]>, TspError> {
        let mut outer = der::message(bytes, der::SEQUENCE)?.elements();
        let successful = outer.expect(der::ENUMERATED)?.content == [0];
        let field = outer.optional(0xa0)?;
        outer.finish()?;
        let Some(field) = field else {
            return Ok(None);
        };
        let mut inner = field.elements();
        let mut parts = inner.expect(der::SEQUENCE)?.elements();
        inner.finish()?;
        let is_basic = parts.expect(der::OID)?.content == known::OCSP_BASIC;
        let basic = parts.expect(der::OCTET_STRING)?.content;
        parts.finish()?;
        Ok((successful && is_basic).then_some(basic))
    }

    /// The response and all its extensions.
    fn read(basic: &[u8]) -> Result<(Self, Vec<Extension>), TspError> {
        let mut outer = der::single(basic, der::SEQUENCE)?.elements();
        let tbs = outer.expect(der::SEQUENCE)?;
        let algorithm = AlgorithmIdentifier::from_element(&outer.expect(der::SEQUENCE)?)?;
        let signature = bit_string(&outer.expect(der::BIT_STRING)?)?.to_vec();
        let mut certificates = Vec::new();
        if let Some(field) = outer.optional(0xa0)? {
            let mut inner = field.elements();
            let mut list = inner.expect(der::SEQUENCE)?.elements();
            inner.finish()?;
            while !list.is_empty() {
                certificates.push(Certificate::parse(list.expect(der::SEQUENCE)?.der)?);
                if certificates.len() > MAX_RESPONDER_CERTIFICATES {
                    return Err(TspError::TooManyCertificates {
                        found: certificates.len(),
                        limit: MAX_RESPONDER_CERTIFICATES,
                    });
                }
            }
        }
        outer.finish()?;

        let mut parts = tbs.elements();
        // DER leaves the default out, so any version written is another.
        if let Some(field) = parts.optional(0xa0)? {
            let mut inner = field.elements();
            let found = inner.small_integer()?;
            return Err(TspError::Version {
                structure: "ResponseData",
                found,
            });
        }
        let error = parts.error();
        let responder = parts.any()?;
        let mut inner = responder.elements();
        let responder = match responder.tag {
            0xa1 => ResponderId::Name(inner.expect(der::SEQUENCE)?.der.to_vec()),
            0xa2 => ResponderId::Key(inner.expect(der::OCTET_STRING)?.content.to_vec()),
            _ => return Err(error),
        };
        inner.finish()?;
        let produced_at = generalized_time(&parts.expect(der::GENERALIZED_TIME)?)?;
        let mut list = parts.expect(der::SEQUENCE)?.elements();
        let mut extensions = Vec::new();
        let mut singles = Vec::new();
        while !list.is_empty() {
            let (single, mut own) = SingleResponse::read(&list.expect(der::SEQUENCE)?)?;
            singles.push(single);
            extensions.append(&mut own);
            if singles.len() > MAX_ANSWERS {
                return Err(TspError::TooManyAnswers { limit: MAX_ANSWERS });
            }
        }
        if let Some(field) = parts.optional(0xa1)? {
            extensions.append(&mut explicit_extensions(&field)?);
        }
        parts.finish()?;
        let response = Self {
            tbs: tbs.der.to_vec(),
            responder,
            produced_at,
            singles,
            certificates,
            algorithm,
            signature,
        };
        Ok((response, extensions))
    }

    /// RFC 6960 §4.2.2.2: signed by the issuer, or by whom the issuer itself gave a certificate for this. The inner error has the period of
    /// a responder that lacks nothing else.
    fn is_vouched_for_by(
        &self,
        issuer: &Certificate,
        signatures: &mut SignatureBudget,
    ) -> Result<Result<(), Option<ResponderPeriod>>, RevocationRejection> {
        let is_signed_by = |signer: &Certificate| {
            verify_signature(
                signer.public_key_info(),
                &self.algorithm,
                None,
                &self.tbs,
                &self.signature,
            )
            .is_ok()
        };
        if self.responder.names(issuer) {
            signatures.spend()?;
            if is_signed_by(issuer) {
                return Ok(Ok(()));
            }
        }
        let delegated = self.certificates.iter().filter(|certificate| {
            certificate.issuer() == issuer.subject()
                && self.responder.names(certificate)
                && certificate.is_for_ocsp_signing()
                && certificate.unknown_critical_extension().is_none()
        });
        let mut outside = None;
        for certificate in delegated {
            signatures.spend()?;
            if certificate.verify_issued_by(issuer).is_ok() {
                signatures.spend()?;
                if is_signed_by(certificate) {
                    if certificate.is_valid_at(self.produced_at) {
                        return Ok(Ok(()));
                    }
                    outside = Some(ResponderPeriod {
                        produced_at: self.produced_at,
                        not_before: certificate.not_before(),
                        not_after: certificate.not_after(),
                    });
                }
            }
        }
        Ok(Err(outside))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRL: RevocationItem = RevocationItem::Crl(0);
    const AT: Time = Time::from_unix_nanos(100);

    fn name() -> Box<CertificateName> {
        Box::new(CertificateName::of_missing(&[], &[1]))
    }

    fn revoked(reason: Option<RevocationReason>) -> Revoked {
        Revoked {
            at: AT,
            reason,
            invalid_since: Some(Time::from_unix_nanos(50)),
        }
    }

    /// RFC 3161 §4: which reasons leave the key beyond suspicion. Lists by OpenSSL cannot give all of them.
    #[test]
    fn from_the_invalidity_date_on_every_reason_counts_and_all_but_four_and_none_at_all_as_a_compromise()
     {
        use RevocationReason as Reason;
        for (number, reason, spares) in [
            (0, Reason::Unspecified, true),
            (1, Reason::KeyCompromise, false),
            (2, Reason::CaCompromise, false),
            (3, Reason::AffiliationChanged, true),
            (4, Reason::Superseded, true),
            (5, Reason::CessationOfOperation, true),
            (6, Reason::CertificateHold, false),
            (9, Reason::PrivilegeWithdrawn, false),
            (10, Reason::AaCompromise, false),
        ] {
            let bytes = [der::ENUMERATED, 1, number];
            let read = der::single(&bytes, der::ENUMERATED)
                .and_then(|element| Reason::from_element(&element));
            assert_eq!(read, Ok(reason));
            let [early, middle, late] = [49, 99, 100].map(|existed| {
                let verdict = revoked(Some(reason)).judge(
                    CRL,
                    Time::from_unix_nanos(0),
                    Time::from_unix_nanos(existed),
                    name,
                );
                verdict.err().map(|rejection| rejection.code())
            });
            let distrusted = match reason {
                Reason::CertificateHold => "tsp.on_hold",
                _ => "tsp.revoked_key_compromise",
            };
            let expected = match spares {
                true => Some("tsp.revoked_no_poe"),
                false => Some(distrusted),
            };
            assert_eq!(
                [early, middle, late],
                [None, expected, expected],
                "{reason}"
            );
            // Made after that date, on its own word: nothing could save it.
            let made = Time::from_unix_nanos(50);
            let verdict = revoked(Some(reason)).judge(CRL, made, Time::from_unix_nanos(60), name);
            let expected = match spares {
                true => "tsp.revoked",
                false => distrusted,
            };
            assert_eq!(verdict.map_err(|rejection| rejection.code()), Err(expected));
            // A later date takes nothing back.
            let later = Revoked {
                invalid_since: Some(Time::from_unix_nanos(200)),
                ..revoked(Some(reason))
            };
            assert!(
                later
                    .judge(CRL, made, Time::from_unix_nanos(99), name)
                    .is_ok()
            );
            assert!(later.judge(CRL, made, AT, name).is_err());
        }
        for number in [7, 8, 11] {
            let bytes = [der::ENUMERATED, 1, number];
            let read = der::single(&bytes, der::ENUMERATED)
                .and_then(|element| Reason::from_element(&element));
            assert!(read.is_err(), "{number}");
        }
        let none = revoked(None).judge(
            CRL,
            Time::from_unix_nanos(0),
            Time::from_unix_nanos(99),
            name,
        );
        assert!(matches!(
            none,
            Err(RevocationRejection::KeyCompromise { reason: None, .. })
        ));
    }

    #[test]
    fn of_several_the_least_known_counts_and_one_unchecked_makes_the_whole_inconclusive() {
        let later = Revocation::RevokedLater { at: AT };
        for (one, other, both) in [
            (
                Revocation::NotChecked,
                Revocation::NotChecked,
                Revocation::NotChecked,
            ),
            (
                Revocation::NotChecked,
                Revocation::NotRevoked,
                Revocation::Inconclusive {
                    revoked_later: None,
                },
            ),
            (
                Revocation::Inconclusive {
                    revoked_later: None,
                },
                Revocation::NotRevoked,
                Revocation::Inconclusive {
                    revoked_later: None,
                },
            ),
            (later, Revocation::NotRevoked, later),
            (
                Revocation::NotRevoked,
                Revocation::NotRevoked,
                Revocation::NotRevoked,
            ),
        ] {
            assert_eq!((one.and(other), other.and(one)), (both, both));
        }
    }

    fn sequence(parts: &[&[u8]]) -> Vec<u8> {
        der::element(der::SEQUENCE, parts)
    }

    /// A list and a response that nobody signed, with these Extensions, or none where they are empty.
    struct Unsigned<'a> {
        entry: &'a [u8],
        whole: &'a [u8],
    }

    impl Unsigned<'_> {
        fn algorithm() -> Vec<u8> {
            sequence(&[&der::element(der::OID, &[known::ECDSA_SHA256])])
        }

        fn wrapped(tag: u8, extensions: &[u8]) -> Vec<u8> {
            match extensions {
                [] => Vec::new(),
                _ => der::element(tag, &[extensions]),
            }
        }

        fn list(&self) -> Result<(), RevocationRejection> {
            let time = der::element(der::UTC_TIME, &[b"260601000000Z"]);
            let entry = sequence(&[&der::element(der::INTEGER, &[&[3]]), &time, self.entry]);
            let tbs = sequence(&[
                &der::element(der::INTEGER, &[&[1]]),
                &Self::algorithm(),
                &sequence(&[]),
                &time,
                &time,
                &sequence(&[&entry]),
                &Self::wrapped(0xa0, self.whole),
            ]);
            let signature = der::element(der::BIT_STRING, &[&[0, 1]]);
            CertificateList::parse(&sequence(&[&tbs, &Self::algorithm(), &signature])).map(|_| ())
        }

        fn response(&self) -> Result<(), RevocationRejection> {
            let time = der::element(der::GENERALIZED_TIME, &[b"20260601000000Z"]);
            let octets = der::element(der::OCTET_STRING, &[&[5, 0]]);
            let serial = der::element(der::INTEGER, &[&[3]]);
            let id = sequence(&[&Self::algorithm(), &octets, &octets, &serial]);
            let entry = Self::wrapped(0xa1, self.entry);
            let single = sequence(&[&id, &[0x80, 0], &time, &entry]);
            let tbs = sequence(&[
                &der::element(0xa1, &[&sequence(&[])]),
                &time,
                &sequence(&[&single]),
                &Self::wrapped(0xa1, self.whole),
            ]);
            let signature = der::element(der::BIT_STRING, &[&[0, 1]]);
            let basic = sequence(&[&tbs, &Self::algorithm(), &signature]);
            let typed = sequence(&[
                &der::element(der::OID, &[known::OCSP_BASIC]),
                &der::element(der::OCTET_STRING, &[&basic]),
            ]);
            let status = der::element(der::ENUMERATED, &[&[0]]);
            OcspResponse::parse(&sequence(&[&status, &der::element(0xa0, &[&typed])])).map(|_| ())
        }

        fn both(&self) -> [Result<(), RevocationRejection>; 2] {
            [self.list(), self.response()]
        }
    }

    /// That many extensions, each of its own kind.
    fn extensions(count: u8, critical: &[u8]) -> Vec<u8> {
        let all: Vec<Vec<u8>> = (0..count)
            .map(|kind| {
                let kind = der::element(der::OID, &[&[0x2a, kind]]);
                sequence(&[
                    &kind,
                    critical,
                    &der::element(der::OCTET_STRING, &[&[5, 0]]),
                ])
            })
            .collect();
        sequence(&all.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// OpenSSL writes neither; both are refused before any signature is looked at.
    #[test]
    fn a_critical_extension_of_one_entry_or_of_the_whole_makes_a_list_or_response_unusable() {
        let harmless = extensions(1, &[]);
        let critical = extensions(1, &der::element(der::BOOLEAN, &[&[0xff]]));
        for (entry, whole, usable) in [
            (&harmless, &harmless, true),
            (&critical, &harmless, false),
            (&harmless, &critical, false),
        ] {
            for parsed in (Unsigned { entry, whole }).both() {
                let expected = match usable {
                    true => Ok(()),
                    false => Err("tsp.revocation_unsupported"),
                };
                assert_eq!(parsed.map_err(|rejection| rejection.code()), expected);
            }
        }
    }

    /// They are read before any signature is checked, and each is compared with all before it: a forged list of a megabyte of
    /// them took seconds of work.
    #[test]
    fn a_list_or_response_with_more_than_64_extensions_in_one_place_is_not_read() {
        let (most, more) = (extensions(64, &[]), extensions(65, &[]));
        let refused = || {
            Err(RevocationRejection::Unreadable(
                TspError::TooManyExtensions { limit: 64 },
            ))
        };
        for (entry, whole, expected) in [
            (&most, &most, Ok(())),
            (&more, &most, refused()),
            (&most, &more, refused()),
        ] {
            assert_eq!(
                Unsigned { entry, whole }.both(),
                [expected.clone(), expected]
            );
        }
    }

    /// Their entries, taken apart, were 15 times as large as the lists.
    #[test]
    fn what_is_kept_of_a_list_is_no_larger_than_twice_the_list_whatever_is_in_it() {
        // Whatever field is added has to be counted.
        let kept = |list: &CertificateList| {
            let CertificateList {
                der,
                scope,
                tbs: _,
                issuer: _,
                this_update: _,
                next_update: _,
                entries: _,
                key_identifier,
                algorithm,
                signature: _,
            } = list;
            let AlgorithmIdentifier {
                algorithm,
                parameters,
            } = algorithm;
            let names = scope.point.iter().flatten().map(Vec::capacity);
            der.capacity()
                + key_identifier.as_ref().map_or(0, Vec::capacity)
                + algorithm.as_content().len()
                + parameters.as_ref().map_or(0, Vec::capacity)
                + names.sum::<usize>()
        };
        let time = der::element(der::UTC_TIME, &[b"260601000000Z"]);
        let entry = sequence(&[&[2, 1, 3], &time]);
        let with_reason = sequence(&[
            &[2, 1, 3],
            &time,
            &sequence(&[&sequence(&[
                &der::element(der::OID, &[known::REASON_CODE]),
                &der::element(der::OCTET_STRING, &[&[0x0a, 1, 4]]),
            ])]),
        ]);
        let extension = |kind: &[u8], value: &[u8]| {
            let value = der::element(der::OCTET_STRING, &[value]);
            sequence(&[&sequence(&[&der::element(der::OID, &[kind]), &value])])
        };
        let names = der::element(0x86, &[&[b'a'; 10_000]]).repeat(64);
        let point = der::element(0xa0, &[&der::element(0xa0, &[&names])]);
        let identifier = sequence(&[&der::element(0x80, &[&[7; 1 << 20]])]);
        for (entries, extensions) in [
            (entry.repeat(100_000), Vec::new()),
            (with_reason.repeat(50_000), Vec::new()),
            (
                entry.clone(),
                extension(known::ISSUING_DISTRIBUTION_POINT, &sequence(&[&point])),
            ),
            (
                entry.clone(),
                extension(known::AUTHORITY_KEY_IDENTIFIER, &identifier),
            ),
        ] {
            let tbs = sequence(&[
                &[2, 1, 1],
                &Unsigned::algorithm(),
                &sequence(&[]),
                &time,
                &time,
                &sequence(&[&entries]),
                &Unsigned::wrapped(0xa0, &extensions),
            ]);
            let signature = der::element(der::BIT_STRING, &[&[0, 1]]);
            let bytes = sequence(&[&tbs, &Unsigned::algorithm(), &signature]);
            let list = CertificateList::parse(&bytes).map_err(|rejection| rejection.code());
            let Ok(list) = list else {
                unreachable!("{list:?}");
            };
            let (kept, size) = (kept(&list), bytes.len());
            assert!(kept <= 2 * size, "{kept} bytes of {size}");
            let expected = match list.status(&[0, 3]) {
                Ok(Status::Revoked(revoked)) => Some(revoked.at),
                _ => None,
            };
            assert_eq!(expected, Some(list.this_update));
            assert_eq!(list.status(&[4]), Ok(Status::Good));
        }
    }

    #[test]
    fn an_ocsp_response_with_more_than_256_answers_is_not_read() {
        let algorithm = Unsigned::algorithm();
        let time = der::element(der::GENERALIZED_TIME, &[b"20260601000000Z"]);
        let id = sequence(&[&algorithm, &[4, 0], &[4, 0], &[2, 1, 3]]);
        let single = sequence(&[&id, &[0x80, 0], &time]);
        let read = |count| {
            let singles = sequence(&[&single.repeat(count)]);
            let tbs = sequence(&[&der::element(0xa1, &[&sequence(&[])]), &time, &singles]);
            let signature = der::element(der::BIT_STRING, &[&[0, 1]]);
            OcspResponse::read(&sequence(&[&tbs, &algorithm, &signature])).map(|_| ())
        };
        assert_eq!(read(256), Ok(()));
        assert_eq!(read(257), Err(TspError::TooManyAnswers { limit: 256 }));
    }

    /// Each could cost two signatures.
    #[test]
    fn an_ocsp_response_with_more_than_eight_certificates_is_not_read() {
        let root = include_bytes!("../../../../fixtures/revocation/root.pem");
        let root = core::str::from_utf8(root).map(|text| pem_blocks(text, "CERTIFICATE"));
        let Ok(Ok(root)) = root else {
            unreachable!("the fixture is PEM")
        };
        let certificate = root.concat();
        let algorithm = sequence(&[&der::element(der::OID, &[known::ECDSA_SHA256])]);
        let time = der::element(der::GENERALIZED_TIME, &[b"20260601000000Z"]);
        let empty = sequence(&[]);
        let tbs = sequence(&[&der::element(0xa1, &[&empty]), &time, &empty]);
        let signature = der::element(der::BIT_STRING, &[&[0, 1]]);
        let read = |count| {
            let list = sequence(&alloc::vec![certificate.as_slice(); count]);
            let basic = sequence(&[&tbs, &algorithm, &signature, &der::element(0xa0, &[&list])]);
            OcspResponse::read(&basic).map(|_| ())
        };
        assert_eq!(read(8), Ok(()));
        assert_eq!(
            read(9),
            Err(TspError::TooManyCertificates { found: 9, limit: 8 })
        );
    }

    #[test]
    fn a_serial_number_written_with_leading_zeros_is_the_same_number() {
        assert_eq!(magnitude(&[0, 0, 3]), magnitude(&[3]));
        assert_ne!(magnitude(&[3, 0]), magnitude(&[3]));
        assert_eq!(magnitude(&[0]), magnitude(&[0, 0]));
    }
}
