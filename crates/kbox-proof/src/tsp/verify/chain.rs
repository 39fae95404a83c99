// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The way from the signer's certificate to a trusted one (RFC 5280 §6).

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::budget::Budget;
use super::super::certificate::Certificate;
use super::super::signature::SignatureFailure;
use super::super::token::TimeStampToken;
use super::super::unsupported::unsupported;
use super::signer::EssCertificateId;
use super::{TokenTrust, TspRejection};
use crate::time::Time;

/// One step of the search: the certificates so far, from the signer upwards.
struct Search<'a> {
    roots: Vec<Certificate>,
    candidates: Vec<Certificate>,
    /// The certificates named beside the signer's.
    named: &'a [EssCertificateId],
    at: Time,
    /// Trusted certificates that another issued are no goal, only a way.
    to_a_root: bool,
    budget: Budget,
    path_steps: usize,
    signatures: usize,
    /// The most telling failure of a chain that reached a root or broke.
    failure: TspRejection,
    /// What was spent before everything was tried.
    exhausted: Option<TspRejection>,
}

/// A chain to a trusted certificate.
#[derive(Debug)]
pub(super) struct Chain {
    /// The signer's certificate first, the trusted one last.
    pub(super) path: Vec<Certificate>,
    /// The same, in DER.
    pub(super) der: Arc<[Vec<u8>]>,
    /// The certificates among which it was searched. Of the instant, the search asks only which of them are valid then.
    pub(super) considered: Vec<Certificate>,
}

/// The chain that most is checked of: one to a self-issued certificate if there is any, and otherwise as far up as trust goes.
/// Trust in an intermediate or in the signer itself so never hides what the lists of its issuer say of it.
///
/// Depends on the signer, the ids named beside it, the certificates of the token and of `trust`, and on `at`.
pub(super) fn find_chain(
    signer: &Certificate,
    named: &[EssCertificateId],
    token: &TimeStampToken,
    trust: &TokenTrust<'_>,
    at: Time,
) -> Result<Chain, TspRejection> {
    let mut roots = Vec::new();
    for bytes in trust.roots {
        roots.push(Certificate::parse(bytes).map_err(|_| TspRejection::TrustMalformed)?);
    }
    let candidates = token
        .certificates()
        .iter()
        .chain(trust.extra_certificates)
        // The signer is below all others, and the roots are looked at before.
        .filter(|bytes| *bytes != signer.to_der() && !trust.roots.contains(bytes))
        .filter_map(|bytes| Certificate::parse(bytes).ok())
        .collect();
    let mut search = Search {
        roots,
        candidates,
        named,
        at,
        to_a_root: false,
        budget: trust.budget,
        path_steps: 0,
        signatures: 0,
        failure: TspRejection::NoChain,
        exhausted: None,
    };
    let mut path = alloc::vec![signer.clone()];
    search.to_a_root = search.roots.iter().any(Certificate::is_self_issued)
        && !search.roots.iter().all(Certificate::is_self_issued);
    let mut is_found = search.climb(&mut path);
    if !is_found && search.to_a_root {
        search.to_a_root = false;
        is_found = search.climb(&mut path);
    }
    if is_found {
        let mut considered = search.roots;
        considered.append(&mut search.candidates);
        let der = path.iter().map(|certificate| certificate.to_der().to_vec());
        return Ok(Chain {
            der: der.collect(),
            path,
            considered,
        });
    }
    // A search that was cut short disproves nothing; a chain that only time stands against says more than either.
    Err(match (search.failure, search.exhausted) {
        (failure @ TspRejection::ChainExpired { .. }, _) | (failure, None) => failure,
        (_, Some(exhausted)) => exhausted,
    })
}

impl Search<'_> {
    /// Extends `path` to a root; leaves it as it was when there is no way.
    fn climb(&mut self, path: &mut Vec<Certificate>) -> bool {
        let Some(top) = path.last().cloned() else {
            return false;
        };
        let is_trusted = self.roots.contains(&top);
        if is_trusted && top.is_self_issued() {
            return self.is_accepted(path);
        }
        if self.extend(path, &top) {
            return true;
        }
        // Of a search that was cut short nobody knows what it would have found above.
        let is_cut_short = matches!(
            self.exhausted,
            Some(TspRejection::BudgetSignatures { .. } | TspRejection::BudgetPathSteps { .. })
        );
        is_trusted && !self.to_a_root && !is_cut_short && self.is_accepted(path)
    }

    fn is_accepted(&mut self, path: &[Certificate]) -> bool {
        if !self.is_as_named(path) {
            self.note(TspRejection::ChainConstraint {
                rule: "a certificate other than those named under the signature",
            });
            return false;
        }
        self.is_valid_now(path)
    }

    /// Goes on from `top`, the last of `path`.
    fn extend(&mut self, path: &mut Vec<Certificate>, top: &Certificate) -> bool {
        let limit = self.budget.chain_length;
        if path.len() >= limit {
            self.exhausted
                .get_or_insert(TspRejection::BudgetChainLength { limit });
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
            if !self.may_spend() {
                return false;
            }
            self.path_steps += 1;
            if let Err(rejection) = check_issuer(&issuer, path.len() - 1) {
                self.note(rejection);
                continue;
            }
            self.signatures += 1;
            if let Err(rejection) = check_signature(top, &issuer) {
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

    fn may_spend(&mut self) -> bool {
        let spent = if self.signatures >= self.budget.signatures {
            TspRejection::BudgetSignatures {
                limit: self.budget.signatures,
            }
        } else if self.path_steps >= self.budget.path_steps {
            TspRejection::BudgetPathSteps {
                limit: self.budget.path_steps,
            }
        } else {
            return true;
        };
        self.exhausted = Some(spent);
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

    /// An expired chain that is otherwise right says more than one that is wrong; one that cannot be judged disproves nothing.
    fn note(&mut self, rejection: TspRejection) {
        let undecided = |one: &TspRejection| {
            matches!(
                one,
                TspRejection::ChainUnsupported { .. } | TspRejection::UnsupportedAlgorithm { .. }
            )
        };
        let is_first = self.failure == TspRejection::NoChain;
        let tells_more = undecided(&rejection)
            && !undecided(&self.failure)
            && !matches!(self.failure, TspRejection::ChainExpired { .. });
        if is_first || tells_more {
            self.failure = rejection;
        }
    }
}

/// `issuer` may issue, with `below` CA certificates between it and the signer (RFC 5280 §6.1.4).
fn check_issuer(issuer: &Certificate, below: usize) -> Result<(), TspRejection> {
    const KEY_CERT_SIGN: u8 = 0b0000_0100;
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
    if let Some(extension) = issuer.unprocessed_extension() {
        return Err(TspRejection::ChainUnsupported {
            extension: extension.clone(),
        });
    }
    Ok(())
}

fn broken(rule: &'static str) -> TspRejection {
    TspRejection::ChainConstraint { rule }
}

fn check_signature(subject: &Certificate, issuer: &Certificate) -> Result<(), TspRejection> {
    subject
        .verify_issued_by(issuer)
        .map_err(|failure| match failure {
            SignatureFailure::Algorithm => {
                match unsupported(issuer.public_key_info(), subject.signature_algorithm()) {
                    Some(algorithm) => TspRejection::UnsupportedAlgorithm { algorithm },
                    None => broken("signature algorithm too weak"),
                }
            }
            SignatureFailure::Signature => TspRejection::ChainSignature,
        })
}
