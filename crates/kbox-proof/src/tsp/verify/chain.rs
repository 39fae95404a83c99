// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The way from the signer's certificate to a trusted one (RFC 5280 §6).

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::budget::Budget;
use super::super::certificate::Certificate;
use super::super::certificate_name::CertificateName;
use super::super::signature::SignatureFailure;
use super::super::token::TimeStampToken;
use super::super::unsupported::{Refused, refused};
use super::signer::EssCertificateId;
use super::{ChainRule, TokenTrust, TspRejection};
use crate::time::Time;

/// The signer's place among the certificates of a search.
const SIGNER: usize = 0;

/// A search among certificates, each known by its place: the signer's first, the trusted ones, then the others. Who signed whom is
/// found once, and all that is asked of it spends one budget.
pub(super) struct Search {
    certificates: Vec<Arc<Certificate>>,
    is_trusted: Vec<bool>,
    /// Of each, those that signed it and that a trusted certificate stands above, or is.
    issuers: Vec<Vec<usize>>,
    /// The token's signature covers its hash.
    is_bound: Vec<bool>,
    /// No way goes through it.
    is_left_out: Vec<bool>,
    /// Whether ids beside the signer's name what is not at hand.
    names_others: bool,
    /// A root stands above it, or it is one.
    is_below_root: Vec<bool>,
    at: Time,
    /// Before this the token was not made.
    made: Time,
    /// Trusted certificates that another issued are no goal, only a way.
    to_a_root: bool,
    /// Goes through issuers that break a rule, to see whether what is broken is a chain.
    only_diagnoses: bool,
    budget: Budget,
    path_steps: usize,
    signatures: usize,
    /// The most telling failure.
    failure: Option<TspRejection>,
    /// What was spent before everything was tried.
    exhausted: Option<TspRejection>,
}

/// A chain to a trusted certificate.
#[derive(Debug)]
pub(super) struct Chain {
    /// The signer's certificate first, the trusted one last.
    pub(super) path: Vec<Arc<Certificate>>,
    /// The same, in DER.
    pub(super) der: Arc<[Vec<u8>]>,
    /// Further certificates of the keys between the signer's and the trusted one, each with one that signed it.
    pub(super) others: Vec<[Arc<Certificate>; 2]>,
    /// The certificates among which it was searched. Of the instant, the search asks only which of them are valid then.
    pub(super) considered: Vec<Arc<Certificate>>,
}

/// The chain that most is checked of: one to a self-issued certificate if there is any, and otherwise as far up as trust goes.
/// Trust in an intermediate or in the signer itself so never hides what the lists of its issuer say of it.
///
/// Nobody signs a token's bag of certificates, so only what hangs by signatures from a trusted certificate tells against a token:
/// whatever else is in the bag is passed over, and without a chain nothing is decided.
///
/// Depends on the signer, the ids named beside it, the certificates of the token and of `trust`, and on `at`. The search goes on
/// where there is reason to look for another chain.
pub(super) fn find_chain(
    signer: &Arc<Certificate>,
    named: &[EssCertificateId],
    token: &TimeStampToken,
    trust: &TokenTrust<'_>,
    at: Time,
) -> Result<(Search, Chain), TspRejection> {
    let mut certificates = alloc::vec![Arc::clone(signer)];
    let mut is_trusted = alloc::vec![false];
    for (place, bytes) in trust.roots.iter().enumerate() {
        let root = Certificate::parse(bytes).map_err(|_| TspRejection::TrustMalformed { place })?;
        match root == **signer {
            true => is_trusted[SIGNER] = true,
            false => certificates.push(Arc::new(root)),
        }
    }
    is_trusted.resize(certificates.len(), true);
    // The signer is below all others, the roots are looked at before, and copies add nothing.
    let mut known: BTreeSet<&[u8]> = trust.roots.iter().map(Vec::as_slice).collect();
    known.insert(signer.to_der());
    let mut given = 0;
    for others in [trust.extra_certificates, token.certificates()] {
        given = given.max(certificates.len());
        certificates.extend(
            others
                .iter()
                .filter(|bytes| known.insert(bytes))
                .filter_map(|bytes| Certificate::parse(bytes).ok().map(Arc::new)),
        );
    }
    is_trusted.resize(certificates.len(), false);
    let mut search = Search {
        issuers: alloc::vec![Vec::new(); certificates.len()],
        is_bound: alloc::vec![false; certificates.len()],
        is_left_out: alloc::vec![false; certificates.len()],
        is_below_root: Vec::new(),
        names_others: false,
        certificates,
        is_trusted,
        at,
        made: token.tst_info().earliest(),
        to_a_root: false,
        only_diagnoses: false,
        budget: trust.budget,
        path_steps: 0,
        signatures: 0,
        failure: None,
        exhausted: None,
    };
    search.bind(named);
    search.link(given);
    search.is_below_root = search.below_roots();
    if let Some(chain) = search.find() {
        return Ok((search, chain));
    }
    if search.exhausted.is_none() {
        search.only_diagnoses = true;
        search.climb(&mut alloc::vec![SIGNER], None);
    }
    // A search that was cut short disproves nothing; a chain that only time stands against says more than either.
    Err(match (search.failure.take(), search.exhausted.take()) {
        (Some(failure @ TspRejection::ChainExpired { .. }), _) | (Some(failure), None) => failure,
        (_, Some(exhausted)) => exhausted,
        (None, None) => TspRejection::NoChain {
            certificate: search.end(),
        },
    })
}

impl Search {
    /// As [`find_chain`], through none of these certificates.
    pub(super) fn without(&mut self, left_out: &[Arc<Certificate>]) -> Option<Chain> {
        for (is_left_out, one) in self.is_left_out.iter_mut().zip(&self.certificates) {
            *is_left_out = left_out.contains(one);
        }
        self.find()
    }

    fn find(&mut self) -> Option<Chain> {
        let trusted = || (self.certificates.iter().zip(&self.is_trusted)).filter(|(_, is)| **is);
        let has_root = trusted().any(|(one, _)| one.is_self_issued());
        let has_only_roots = trusted().all(|(one, _)| one.is_self_issued());
        for to_a_root in [true, false] {
            self.to_a_root = to_a_root;
            if to_a_root && (!has_root || has_only_roots) {
                continue;
            }
            let mut path = alloc::vec![SIGNER];
            if self.climb(&mut path, None) {
                return Some(self.chain(&path));
            }
        }
        None
    }

    /// Finds the certificates that the ids name, each hashed once by each algorithm.
    fn bind(&mut self, named: &[EssCertificateId]) {
        self.is_bound[SIGNER] = true;
        let mut places = BTreeMap::new();
        for id in named {
            let hash = id.hash();
            let of_hash = places.entry(hash).or_insert_with(|| {
                let digests = self.certificates.iter().zip(0usize..);
                digests
                    .map(|(one, place)| (EssCertificateId::digest_by(hash, one.to_der()), place))
                    .collect::<BTreeMap<_, _>>()
            });
            match of_hash.get(id.value()).copied() {
                Some(place) if id.allows_name_of(&self.certificates[place]) => {
                    self.is_bound[place] = true;
                }
                _ => self.names_others = true,
            }
        }
    }

    /// Finds who signed whom, from the trusted certificates downwards: certificates that hang from none cost no more than one
    /// signature each, however they are arranged.
    ///
    /// The first `given` are the signer's and the auditor's. They are linked among themselves first: whoever fills the token's bag must not
    /// spend the budget before one of them is found, such as the revoked certificate of a stolen key.
    fn link(&mut self, given: usize) {
        let is_above = self.above_the_signer();
        let mut is_hanging = self.is_trusted.clone();
        // Only what certificates fit to issue vouch for can tell against the ones below.
        let mut is_fit = self.is_trusted.clone();
        let mut is_done = alloc::vec![false; self.certificates.len()];
        for among in [given, self.certificates.len()] {
            let hanging = (0..among).filter(|place| is_hanging[*place] && is_above[*place]);
            let mut hanging: VecDeque<usize> = hanging.collect();
            while let Some(issuer) = hanging.pop_front() {
                let from = match core::mem::replace(&mut is_done[issuer], true) {
                    true => given,
                    false => 0,
                };
                for place in from..among {
                    let (below, above) = (&self.certificates[place], &self.certificates[issuer]);
                    if place == issuer
                    || !is_above[place]
                    || below.issuer() != above.subject()
                    // Nothing is asked above a trusted root.
                    || self.is_trusted[place] && below.is_self_issued()
                    {
                        continue;
                    }
                    if self.signatures >= self.budget.signatures {
                        self.exhausted = Some(TspRejection::BudgetSignatures {
                            limit: self.budget.signatures,
                        });
                        return;
                    }
                    self.signatures += 1;
                    if let Err(rejection) = check_signature(below, above) {
                        let is_undecided = rejection.is_undecided();
                        if is_undecided
                            || self.is_bound[place] && is_fit[issuer] && below.names_key_of(above)
                        {
                            self.note(rejection);
                        }
                        continue;
                    }
                    is_fit[place] |= is_fit[issuer] && check_issuer(below, 0).is_ok();
                    self.issuers[place].push(issuer);
                    if !is_hanging[place] {
                        is_hanging[place] = true;
                        hanging.push_back(place);
                    }
                }
            }
        }
        // Trusted ones first, then in the order given.
        for issuers in &mut self.issuers {
            issuers.sort_unstable();
        }
    }

    /// Which certificates hang from a trusted root, whatever else may stand against that way: their issuer's lists have a say.
    fn below_roots(&self) -> Vec<bool> {
        let mut is_below: Vec<bool> = (0..self.certificates.len())
            .map(|place| self.is_root(place))
            .collect();
        loop {
            let found = (0..is_below.len()).find(|place| {
                !is_below[*place] && self.issuers[*place].iter().any(|issuer| is_below[*issuer])
            });
            match found {
                None => return is_below,
                Some(place) => is_below[place] = true,
            }
        }
    }

    /// Which certificates stand above the signer by their names, itself included.
    fn above_the_signer(&self) -> Vec<bool> {
        let mut is_above = alloc::vec![false; self.certificates.len()];
        is_above[SIGNER] = true;
        let mut open = alloc::vec![SIGNER];
        while let Some(place) = open.pop() {
            for (other, is_above) in is_above.iter_mut().enumerate() {
                if !*is_above
                    && self.certificates[other].subject() == self.certificates[place].issuer()
                {
                    *is_above = true;
                    open.push(other);
                }
            }
        }
        is_above
    }

    /// Certificates of the same name and key as those between the first and the last of `path`, by whomever.
    fn others(&self, path: &[usize]) -> Vec<[Arc<Certificate>; 2]> {
        let mut found = Vec::new();
        for place in path.iter().skip(1).rev().skip(1) {
            let one = &self.certificates[*place];
            for (other, issuers) in self.certificates.iter().zip(&self.issuers) {
                if other != one
                    && other.subject() == one.subject()
                    && other.public_key_info() == one.public_key_info()
                {
                    let pair =
                        |issuer: &usize| [other, &self.certificates[*issuer]].map(Arc::clone);
                    found.extend(issuers.iter().map(pair));
                }
            }
        }
        found
    }

    fn chain(&self, path: &[usize]) -> Chain {
        let others = self.others(path);
        let path: Vec<Arc<Certificate>> = path
            .iter()
            .map(|place| Arc::clone(&self.certificates[*place]))
            .collect();
        let der = path.iter().map(|certificate| certificate.to_der().to_vec());
        Chain {
            der: der.collect(),
            path,
            others,
            considered: self.certificates.clone(),
        }
    }

    /// The certificate at which the way up from the signer ends: none at hand signed it, or it is a root that is not trusted.
    fn end(&self) -> Box<CertificateName> {
        let mut path = alloc::vec![SIGNER];
        let mut left = self.budget.signatures.saturating_sub(self.signatures);
        'up: while let Some(place) = path.last().copied() {
            let below = &self.certificates[place];
            for (other, above) in self.certificates.iter().enumerate() {
                if path.contains(&other) || above.subject() != below.issuer() || left == 0 {
                    continue;
                }
                left -= 1;
                if below.verify_issued_by(above).is_ok() {
                    path.push(other);
                    continue 'up;
                }
            }
            break;
        }
        let last = path.last().copied().unwrap_or(SIGNER);
        CertificateName::boxed(&self.certificates[last])
    }

    fn is_root(&self, place: usize) -> bool {
        self.is_trusted[place] && self.certificates[place].is_self_issued()
    }

    /// Extends `path` to a trusted certificate; leaves it as it was when there is no way. `fault` is what an issuer on it breaks.
    fn climb(&mut self, path: &mut Vec<usize>, fault: Option<&TspRejection>) -> bool {
        let Some(top) = path.last().copied() else {
            return false;
        };
        if self.is_root(top) {
            return self.is_accepted(path, fault);
        }
        if self.extend(path, top, fault) {
            return true;
        }
        // Of a search that was cut short nobody knows what it would have found above.
        let is_cut_short = matches!(
            self.exhausted,
            Some(TspRejection::BudgetSignatures { .. } | TspRejection::BudgetPathSteps { .. })
        );
        self.is_trusted[top]
            && !self.to_a_root
            && !is_cut_short
            && !self.is_below_root[top]
            && self.is_accepted(path, fault)
    }

    fn is_accepted(&mut self, path: &[usize], fault: Option<&TspRejection>) -> bool {
        if let Some(fault) = fault {
            self.note(fault.clone());
            return false;
        }
        if let Some(other) = self.other_than_named(path) {
            self.note(TspRejection::ChainConstraint {
                rule: "a certificate other than those named under the signature".into(),
                certificate: other,
            });
            return false;
        }
        self.is_valid_now(path)
    }

    /// Goes on from `top`, the last of `path`.
    fn extend(&mut self, path: &mut Vec<usize>, top: usize, fault: Option<&TspRejection>) -> bool {
        let issuers: Vec<usize> = self.issuers[top]
            .iter()
            .filter(|issuer| !path.contains(issuer) && !self.is_left_out[**issuer])
            .copied()
            .collect();
        let limit = self.budget.chain_length;
        if path.len() >= limit && !issuers.is_empty() {
            self.exhausted
                .get_or_insert(TspRejection::BudgetChainLength { limit });
            return false;
        }
        for issuer in issuers {
            if !self.may_spend() {
                return false;
            }
            self.path_steps += 1;
            // Certificates with which a CA passed on to another key of its own do not count (RFC 5280 §6.1.4 (l)).
            let between = path.iter().skip(1);
            let below = between.filter(|place| !self.certificates[**place].is_self_issued());
            let broken = check_issuer(&self.certificates[issuer], below.count()).err();
            if broken.is_some() && !self.only_diagnoses {
                continue;
            }
            path.push(issuer);
            if self.climb(path, fault.or(broken.as_ref())) {
                return true;
            }
            path.pop();
        }
        false
    }

    fn may_spend(&mut self) -> bool {
        let limit = self.budget.path_steps;
        if self.path_steps < limit {
            return true;
        }
        self.exhausted = Some(TspRejection::BudgetPathSteps { limit });
        false
    }

    /// The chain holds all that is named beside the signer, or nothing else; otherwise the first that is not named. Neither alone
    /// would do: real authorities name less than a chain by a cross-certificate, and whoever trusts an intermediate has less than
    /// they name.
    fn other_than_named(&self, path: &[usize]) -> Option<Box<CertificateName>> {
        let above = path.get(1..).unwrap_or_default();
        let below_root = above.split_last().map_or(above, |(_, rest)| rest);
        let mut named = (1..self.certificates.len()).filter(|place| self.is_bound[*place]);
        if !self.names_others && named.all(|place| above.contains(&place)) {
            return None;
        }
        let mut others = below_root.iter().filter(|place| !self.is_bound[**place]);
        others
            .next()
            .map(|place| CertificateName::boxed(&self.certificates[*place]))
    }

    fn is_valid_now(&mut self, path: &[usize]) -> bool {
        let path: Vec<&Certificate> = path
            .iter()
            .map(|place| &*self.certificates[*place])
            .collect();
        let invalid = path.iter().find(|one| !one.is_valid_at(self.at));
        let Some(invalid) = invalid else {
            return true;
        };
        let last_start = path.iter().map(|one| one.not_before()).max();
        let first_end = path.iter().map(|one| one.not_after()).min();
        let expired = TspRejection::ChainExpired {
            at: self.at,
            not_before: last_start.unwrap_or(self.at),
            not_after: first_end.unwrap_or(self.at),
            made: self.made,
            certificate: CertificateName::boxed(invalid),
        };
        // One that a proof of existence can mend says more than one that none can.
        let is_known = matches!(&self.failure, Some(known @ TspRejection::ChainExpired { .. })
            if !known.is_expired_at_any_time() && expired.is_expired_at_any_time());
        if !is_known {
            self.failure = Some(expired);
        }
        false
    }

    /// An expired chain that is otherwise right says more than one that is wrong; one that cannot be judged disproves nothing.
    fn note(&mut self, rejection: TspRejection) {
        let tells_more = match &self.failure {
            None => true,
            Some(TspRejection::ChainExpired { .. }) => false,
            Some(known) => rejection.is_undecided() && !known.is_undecided(),
        };
        if tells_more {
            self.failure = Some(rejection);
        }
    }
}

/// `issuer` may issue, with `below` CA certificates between it and the signer (RFC 5280 §6.1.4).
fn check_issuer(issuer: &Certificate, below: usize) -> Result<(), TspRejection> {
    const KEY_CERT_SIGN: u8 = 0b0000_0100;
    let broken = |rule| broken(rule, issuer);
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
            certificate: CertificateName::boxed(issuer),
        });
    }
    Ok(())
}

fn broken(rule: impl Into<ChainRule>, certificate: &Certificate) -> TspRejection {
    TspRejection::ChainConstraint {
        rule: rule.into(),
        certificate: CertificateName::boxed(certificate),
    }
}

fn check_signature(subject: &Certificate, issuer: &Certificate) -> Result<(), TspRejection> {
    subject
        .verify_issued_by(issuer)
        .map_err(|failure| match failure {
            SignatureFailure::Algorithm => {
                match refused(issuer.public_key_info(), subject.signature_algorithm()) {
                    Refused::Unknown(algorithm) => TspRejection::UnsupportedAlgorithm { algorithm },
                    Refused::Fault(fault) => broken(ChainRule::Algorithm(fault), subject),
                }
            }
            SignatureFailure::Signature => TspRejection::ChainSignature {
                certificate: CertificateName::boxed(subject),
            },
        })
}
