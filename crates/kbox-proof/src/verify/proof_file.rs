// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A whole séance: every receipt, nothing missing between them, the papers, the convening period of each recipient.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec::Vec;

use super::policy::TrustPolicy;
use super::receipt::{VerifiedReceipt, check_receipt};
use super::rejection::{Finding, Rejection};
use crate::digest::Sha256Digest;
use crate::event::{Detail, Nature, PersonalDataErasure, RecipientIdentity, Reference, Submission};
use crate::law::{
    self, DelaiAnswer, DelaiRequest, Faits, Fuseau, Instance, LawError, LocalDateTime, Regle,
    Verdict,
};
use crate::receipt::{Demand, ProofFileContent};
use crate::time::Time;
use crate::tsp::certificate_name::printable;
use crate::tsp::{ChainCache, Revocation};

/// The convening period of one recipient.
///
/// Papers put at disposal without a notice that a relay or the platform took are no convocation sent: nothing says that the
/// recipient could know of them.
#[derive(Clone, Debug, Default)]
// Nearly every recipient is judged: a box would save nothing.
#[allow(clippy::large_enum_variant)]
pub enum Period {
    /// None runs: a copy for information only.
    ForInformation,
    /// Not established: no accepted notice.
    #[default]
    NoAcceptedNotice,
    /// Runs from the later of consignment and first accepted notice.
    Judged(LegalVerdict),
}

impl Period {
    /// `for_information`, `no_accepted_notice` or `judged`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ForInformation => "for_information",
            Self::NoAcceptedNotice => "no_accepted_notice",
            Self::Judged(_) => "judged",
        }
    }
    /// The verdict, where there is one.
    #[must_use]
    pub const fn verdict(&self) -> Option<&LegalVerdict> {
        match self {
            Self::Judged(verdict) => Some(verdict),
            _ => None,
        }
    }
}

/// The convening period of one recipient, judged twice.
#[derive(Clone, Debug)]
pub struct LegalVerdict {
    /// By the token's genTime and accuracy: trusts the timestamp authority.
    pub by_gen_time: DelaiAnswer,
    /// By the proof of existence: trusts neither authority nor operator. Absent without witnesses or anchor.
    pub by_existence: Option<DelaiAnswer>,
}

/// What is proven about one recipient of a sending.
#[derive(Clone, Debug, Default)]
pub struct RecipientLine {
    /// Index in the roster.
    pub recipient: u32,
    /// Who it is, opened against the roster; `None` when erased or withheld.
    pub identity: Option<RecipientIdentity>,
    /// Receives a copy for information only: no period runs.
    pub for_information: bool,
    /// *Mise à disposition*.
    pub consigned: Option<Time>,
    /// *Avis*: first one taken by a relay or delivered.
    pub notified: Option<Time>,
    /// First failure to tell the recipient.
    pub notification_failed: Option<Time>,
    /// First opening.
    pub opened: Option<Time>,
    /// *Accusé de réception*, as declared by the platform.
    pub acknowledged: Option<Time>,
    /// Papers handed over.
    pub papers: u32,
    /// The convening period.
    pub period: Period,
}

/// The convening period of a sending: the worst verdict of the recipients whom an accepted notice reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendingVerdict {
    /// By the tokens.
    pub by_gen_time: Verdict,
    /// By the proofs of existence; absent as soon as one recipient has none.
    pub by_existence: Option<Verdict>,
}

/// One sending, with all its recipients.
#[derive(Clone, Debug)]
pub struct VerifiedSending {
    /// Digest of its event.
    pub digest: Sha256Digest,
    /// When it was sealed.
    pub sealed: Time,
    /// What was fixed then.
    pub submission: Submission,
    /// In roster order.
    pub recipients: Vec<RecipientLine>,
}

impl VerifiedSending {
    /// The recipients whose period runs and whom no accepted notice reached: [`VerifiedSending::verdict`] does not cover
    /// them.
    pub fn without_notice(&self) -> impl Iterator<Item = &RecipientLine> {
        self.recipients
            .iter()
            .filter(|line| matches!(line.period, Period::NoAcceptedNotice))
    }

    /// The verdict over all others; `None` when it would cover nobody.
    #[must_use]
    pub fn verdict(&self) -> Option<SendingVerdict> {
        let judged = || {
            self.recipients
                .iter()
                .filter_map(|line| line.period.verdict())
        };
        Some(SendingVerdict {
            by_gen_time: worst(judged().map(|verdict| Some(&verdict.by_gen_time)))?,
            by_existence: worst(judged().map(|verdict| verdict.by_existence.as_ref())),
        })
    }
}

/// `None` when one is missing, or all are.
fn worst<'a>(answers: impl Iterator<Item = Option<&'a DelaiAnswer>>) -> Option<Verdict> {
    // What is not known stands before what is lost, since it may still be argued.
    let severity = |verdict: &Verdict| match verdict {
        Verdict::Respecte => 0,
        Verdict::RespecteAuTexte => 1,
        Verdict::Indetermine => 2,
        Verdict::NonRespecte => 3,
    };
    let verdicts: Option<Vec<Verdict>> = answers.map(|answer| answer?.verdict).collect();
    verdicts?.into_iter().max_by_key(severity)
}

/// An erasure of personal data that a proof file shows.
#[derive(Clone, Debug)]
pub struct VerifiedErasure {
    /// Rank of its own event.
    pub rank: u64,
    /// genTime of its token: it was decided before, and carried out after.
    pub at: Time,
    /// Why, where that is filed, and who decided.
    pub content: PersonalDataErasure,
    /// Rank of the event whose personal part it is about.
    pub erased: u64,
    /// What happened there.
    pub event: Detail,
    /// The personal part is in the file all the same: whoever made the file had kept it.
    pub still_here: bool,
}

/// A proof file of which everything demanded is proven.
#[derive(Clone, Debug)]
pub struct VerifiedProofFile {
    receipts: Vec<VerifiedReceipt>,
    erasures: Vec<VerifiedErasure>,
    sendings: Vec<VerifiedSending>,
    unjudged: Vec<VerifiedSending>,
    others: usize,
}

impl VerifiedProofFile {
    /// The receipts, by rank.
    #[must_use]
    pub fn receipts(&self) -> &[VerifiedReceipt] {
        &self.receipts
    }
    /// The erasures of personal data whose trace and event are both in the file, by rank of the trace.
    #[must_use]
    pub fn erasures(&self) -> &[VerifiedErasure] {
        &self.erasures
    }
    /// The sendings whose papers are in the file, by rank.
    #[must_use]
    pub fn sendings(&self) -> &[VerifiedSending] {
        &self.sendings
    }
    /// Other sendings of the same séances in the file, whose papers are not: another version, or another convocation. Nothing
    /// is judged about them, which is a reservation.
    #[must_use]
    pub fn unjudged(&self) -> &[VerifiedSending] {
        &self.unjudged
    }
    /// Events of other sendings of the same collectivité: they show that no rank is missing, and nothing is judged about them.
    #[must_use]
    pub fn others(&self) -> usize {
        self.others
    }
    /// The lowest level of all receipts.
    #[must_use]
    pub fn level(&self) -> Demand {
        self.receipts
            .iter()
            .map(VerifiedReceipt::level)
            .min()
            .unwrap_or(Demand::Horodate)
    }
    /// What is known of the revocation of certificates, of all receipts together.
    #[must_use]
    pub fn revocation(&self) -> Revocation {
        self.receipts
            .iter()
            .map(VerifiedReceipt::revocation)
            .reduce(Revocation::and)
            .unwrap_or(Revocation::NotChecked)
    }
    /// Somebody's period is not established for want of an accepted notice, or a sending of the same séance is not judged.
    #[must_use]
    pub fn has_reservation(&self) -> bool {
        !self.unjudged.is_empty()
            || self
                .sendings
                .iter()
                .any(|sending| sending.without_notice().next().is_some())
    }
}

/// Verifies a proof file: each receipt as [`verify_receipt`](super::verify_receipt) does, then what only the whole shows.
///
/// What it cannot show: events after the last one in the file, and assertions that were never recorded.
///
/// # Errors
/// Everything found, in the order of the file; never empty. After a hundred receipts that are rejected the rest is not judged.
pub fn verify_proof_file(
    file: &ProofFileContent<'_>,
    policy: &TrustPolicy,
    now: Time,
) -> Result<VerifiedProofFile, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut receipts = Vec::new();
    let mut chains = ChainCache::new();
    for (index, receipt) in file.receipts.iter().enumerate() {
        match check_receipt(receipt, policy, now, &mut chains) {
            Ok(verified) => receipts.push((index, verified)),
            Err(rejection) => findings.push(Finding {
                receipt: Some(index),
                rejection,
            }),
        }
        let left = file.receipts.len() - index - 1;
        if findings.len() == MAX_REJECTED && left > 0 {
            findings.push(Finding {
                receipt: None,
                rejection: Rejection::Unjudged { left },
            });
            break;
        }
    }
    receipts.sort_by_key(|(_, receipt)| receipt.event().header.rank);
    let complete = findings.is_empty();
    check_chain(&receipts, policy, complete, &mut findings);
    // What an event refers to may be what the file leaves out.
    let complete = findings.is_empty();
    let erasures = erasures(&receipts, complete, &mut findings);
    let gathered = gather(&receipts, complete, &mut findings);
    let (sendings, unjudged, others) = subjects(file, gathered, &mut findings);
    check_documents(file, &sendings, &mut findings);
    if complete && sendings.is_empty() {
        findings.push(Finding {
            receipt: None,
            rejection: Rejection::NoSubmission,
        });
    }
    if findings.is_empty() {
        Ok(VerifiedProofFile {
            receipts: receipts.into_iter().map(|(_, receipt)| receipt).collect(),
            erasures,
            sendings,
            unjudged,
            others,
        })
    } else {
        Err(findings)
    }
}

/// More than anybody reads. A receipt that is made to be rejected costs up to 64 signatures, a good one of many one or two.
const MAX_REJECTED: usize = 100;

type Numbered = (usize, VerifiedReceipt);

fn check_chain(
    receipts: &[Numbered],
    policy: &TrustPolicy,
    complete: bool,
    findings: &mut Vec<Finding>,
) {
    for pair in receipts.windows(2) {
        let [(_, before), (index, after)] = pair else {
            continue;
        };
        let (one, other) = (&before.event().header, &after.event().header);
        let mut found = |rejection| {
            findings.push(Finding {
                receipt: Some(*index),
                rejection,
            })
        };
        if one.collectivite != other.collectivite || !policy.goes_on(&one.origin, &other.origin) {
            found(Rejection::Mixed);
        } else if one.rank == other.rank {
            found(Rejection::Duplicate {
                rank: one.rank,
                same: before.digest() == after.digest(),
            });
        } else if other.rank - one.rank > 1 {
            // A receipt that was rejected above leaves a hole that is no gap of the file.
            if complete {
                found(Rejection::Gaps {
                    from: one.rank + 1,
                    to: other.rank - 1,
                });
            }
        } else if other.previous != Some(before.digest()) {
            found(Rejection::Chain { rank: other.rank });
        }
    }
}

/// What was erased of the events in the file. In a file that begins at rank 0 the event must be there.
fn erasures(
    receipts: &[Numbered],
    complete: bool,
    findings: &mut Vec<Finding>,
) -> Vec<VerifiedErasure> {
    let whole = receipts
        .first()
        .is_none_or(|(_, first)| first.event().header.rank == 0);
    let mut found = Vec::new();
    let by_digest: BTreeMap<Sha256Digest, &VerifiedReceipt> = receipts
        .iter()
        .map(|(_, other)| (other.digest(), other))
        .collect();
    for (index, receipt) in receipts {
        let event = receipt.event();
        let Detail::PersonalDataErasure(content) = &event.body.detail else {
            continue;
        };
        let rank = event.header.rank;
        let erased = event
            .body
            .refers_to
            .and_then(|digest| by_digest.get(&digest))
            .filter(|other| other.event().header.rank < rank);
        match erased {
            Some(erased) => found.push(VerifiedErasure {
                rank,
                at: receipt.timestamp().gen_time(),
                content: content.clone(),
                erased: erased.event().header.rank,
                event: erased.event().body.detail.clone(),
                still_here: erased.personal().is_some(),
            }),
            None if whole && complete => findings.push(Finding {
                receipt: Some(*index),
                rejection: Rejection::Reference { rank },
            }),
            None => {}
        }
    }
    found
}

/// All sendings of a file, before it is known which of them it is about.
#[derive(Default)]
struct Gathered {
    sendings: Vec<VerifiedSending>,
    /// Events of each of them.
    events: Vec<usize>,
    /// What speaks against each of them.
    problems: Vec<(usize, Finding)>,
    /// Events of sendings that began before the file.
    elsewhere: usize,
}

fn gather(receipts: &[Numbered], complete: bool, findings: &mut Vec<Finding>) -> Gathered {
    let mut gathered = Gathered::default();
    // Ranks are dense from 0: whatever a file from 0 refers to must be in it. Another one begins with the submission that it
    // is about, so that what it refers to outside belongs to other sendings.
    let whole = receipts
        .first()
        .is_none_or(|(_, first)| first.event().header.rank == 0);
    let Gathered {
        sendings,
        events,
        problems,
        elsewhere,
    } = &mut gathered;
    let mut places: BTreeMap<Sha256Digest, usize> = BTreeMap::new();
    let mut consignments: BTreeMap<Sha256Digest, (usize, u32)> = BTreeMap::new();
    let mut bases: BTreeMap<(usize, u32), (Instant, Option<Instant>)> = BTreeMap::new();
    for (index, receipt) in receipts {
        let event = receipt.event();
        let rank = event.header.rank;
        let mut found = |rejection| {
            findings.push(Finding {
                receipt: Some(*index),
                rejection,
            })
        };
        let refers_to = event.body.refers_to;
        if let Detail::SubmissionAcceptance(submission) = &event.body.detail {
            let known = refers_to.is_none_or(|digest| places.contains_key(&digest));
            let mut against = |rejection| {
                let finding = Finding {
                    receipt: Some(*index),
                    rejection,
                };
                problems.push((sendings.len(), finding));
            };
            if !known && complete {
                against(Rejection::Reference { rank });
            }
            if let Err(rejection) = check_rule(submission) {
                against(rejection);
            }
            events.push(1);
            places.entry(receipt.digest()).or_insert(sendings.len());
            sendings.push(VerifiedSending {
                digest: receipt.digest(),
                sealed: receipt.timestamp().gen_time(),
                recipients: (0u32..)
                    .zip(&submission.roster)
                    .map(|(recipient, entry)| RecipientLine {
                        recipient,
                        for_information: entry.for_information,
                        period: if entry.for_information {
                            Period::ForInformation
                        } else {
                            Period::NoAcceptedNotice
                        },
                        ..RecipientLine::default()
                    })
                    .collect(),
                submission: submission.clone(),
            });
            continue;
        }
        let Some(recipient) = event.body.detail.recipient() else {
            continue;
        };
        let place = match event.body.detail.refers_to() {
            Reference::Submission => refers_to.and_then(|digest| places.get(&digest).copied()),
            _ => refers_to
                .and_then(|digest| consignments.get(&digest))
                .filter(|(_, of)| *of == recipient)
                .map(|(place, _)| *place),
        };
        let Some(place) = place else {
            if !whole {
                *elsewhere += 1;
            } else if complete {
                found(Rejection::Reference { rank });
            }
            continue;
        };
        events[place] += 1;
        let sending = &mut sendings[place];
        let Some(line) = sending.recipients.get_mut(recipient as usize) else {
            found(Rejection::OutsideSending { rank });
            continue;
        };
        if let Some(opening) = receipt.personal().and_then(|data| data.recipient.as_ref()) {
            match opening.entry(line.for_information) {
                Ok(entry) if entry == sending.submission.roster[recipient as usize] => {
                    line.identity = Some(opening.identity.clone());
                }
                _ => found(Rejection::Roster { recipient }),
            }
        }
        let at = receipt.timestamp().gen_time();
        let first =
            |slot: &mut Option<Time>| *slot = Some(slot.map_or(at, |earlier| earlier.min(at)));
        match &event.body.detail {
            Detail::ContentConsignment(_) => {
                consignments.insert(receipt.digest(), (place, recipient));
                first(&mut line.consigned);
                bases
                    .entry((place, recipient))
                    .or_insert_with(|| (instant(receipt), None));
            }
            Detail::RelayToNonErds(_) | Detail::ConsignmentNotification(_) => {
                first(&mut line.notified);
                if let Some((_, notice)) = bases.get_mut(&(place, recipient)) {
                    notice.get_or_insert_with(|| instant(receipt));
                }
            }
            Detail::RelayToNonErdsFailure(_) | Detail::ConsignmentNotificationFailure(_) => {
                first(&mut line.notification_failed);
            }
            Detail::ContentAccessTracking(_) => first(&mut line.opened),
            Detail::ConsignmentAcceptance(_) => first(&mut line.acknowledged),
            Detail::ContentHandover(handover) => {
                if sending
                    .submission
                    .papers
                    .iter()
                    .any(|paper| paper.digest == handover.paper)
                {
                    line.papers = line.papers.saturating_add(1);
                } else {
                    found(Rejection::OutsideSending { rank });
                }
            }
            _ => {}
        }
    }
    for ((place, recipient), (consigned, notice)) in bases {
        let sending = &mut sendings[place];
        let line = &mut sending.recipients[recipient as usize];
        let (Some(notice), false) = (notice, line.for_information) else {
            continue;
        };
        // The later of availability and first notice: the safe reading, no decision says which is "l'envoi". A notice cites
        // its consignment, so its existence proves both.
        let later = if notice.at < consigned.at {
            consigned
        } else {
            notice
        };
        let base = Instant {
            existed: notice.existed,
            ..later
        };
        match judge(&sending.submission, &base) {
            Ok(verdict) => line.period = Period::Judged(verdict),
            Err(rejection) => {
                let finding = Finding {
                    receipt: None,
                    rejection,
                };
                problems.push((place, finding));
            }
        }
    }
    gathered
}

/// The sendings that a file is about, and how many events belong to others. A file is about the sendings whose papers it
/// holds: all of them, or else some, or else there is nothing to tell them apart by.
fn subjects(
    file: &ProofFileContent<'_>,
    gathered: Gathered,
    findings: &mut Vec<Finding>,
) -> (Vec<VerifiedSending>, Vec<VerifiedSending>, usize) {
    let digests: BTreeSet<Sha256Digest> = file
        .documents
        .iter()
        .map(|(_, bytes)| Sha256Digest::of(bytes))
        .collect();
    let held = |sending: &VerifiedSending| {
        let papers = &sending.submission.papers;
        let held = papers
            .iter()
            .filter(|paper| digests.contains(&paper.digest))
            .count();
        match held {
            0 => 0,
            some if some == papers.len() => 2,
            _ => 1,
        }
    };
    let most = gathered.sendings.iter().map(held).max().unwrap_or(0);
    let chosen: Vec<bool> = gathered
        .sendings
        .iter()
        .map(|sending| held(sending) == most)
        .collect();
    for (place, finding) in gathered.problems {
        if chosen[place] && !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    let mut others = gathered.elsewhere;
    let (mut subjects, mut rest) = (Vec::new(), Vec::new());
    for (place, sending) in gathered.sendings.into_iter().enumerate() {
        if chosen[place] {
            subjects.push(sending);
        } else {
            others += gathered.events[place];
            rest.push(sending);
        }
    }
    // A sending that is left out must not vanish when it convenes to the same séance.
    rest.retain(|sending: &VerifiedSending| {
        subjects.iter().any(|subject: &VerifiedSending| {
            subject.submission.seance.id == sending.submission.seance.id
        })
    });
    (subjects, rest, others)
}

#[derive(Clone, Copy)]
struct Instant {
    at: Time,
    precision_ms: u64,
    existed: Option<Time>,
}

fn instant(receipt: &VerifiedReceipt) -> Instant {
    let at = receipt.timestamp().gen_time();
    let precision = receipt.timestamp().interval().1.saturating_since(at);
    Instant {
        at,
        precision_ms: u64::try_from(precision.as_millis()).unwrap_or(u64::MAX),
        existed: receipt.proof_of_existence(),
    }
}

fn instance(submission: &Submission) -> Result<Instance, Rejection> {
    // The same names as in JSON.
    let name = serde_json::Value::String(submission.seance.instance.as_str().to_string());
    serde_json::from_value(name).map_err(|_| Rejection::Law {
        problem: alloc::format!(
            "no rule is known for the assembly {:?}",
            submission.seance.instance.as_str()
        ),
    })
}

fn installation(submission: &Submission) -> bool {
    submission.rule.id.as_str().starts_with("INST")
}

/// That the rule a submission declares is the law's for the facts that it declares, and that its séance has a legal time.
///
/// # Errors
/// [`Rejection::Rule`], [`Rejection::Law`].
pub fn check_rule(submission: &Submission) -> Result<(), Rejection> {
    let rule = &submission.rule;
    let selected = Regle::select(&Faits {
        instance: instance(submission)?,
        population: rule.population,
        departement: rule.departement.as_ref().map(|text| text.as_str()),
        urgence: rule.urgence.is_some(),
        seconde_convocation: rule.seconde_convocation,
        installation: installation(submission),
    })
    .map_err(|error| Rejection::Law {
        problem: error.to_string(),
    })?;
    let nature = match selected.nature {
        law::Nature::Franc => Nature::Franc,
        law::Nature::NonFranc => Nature::NonFranc,
    };
    let days = match &rule.urgence {
        Some(_) => selected.plancher_urgence.unwrap_or(selected.delai),
        None => selected.delai,
    };
    let law = |error: LawError| Rejection::Law {
        problem: error.to_string(),
    };
    let zone = Fuseau::parse(submission.seance.fuseau.as_str()).map_err(law)?;
    let start = LocalDateTime::parse(submission.seance.debut.as_str()).map_err(law)?;
    zone.instant(start).map_err(law)?;
    let declared = (
        rule.id.as_str(),
        rule.article.as_str(),
        rule.jours,
        rule.nature,
    );
    if declared == (selected.id, selected.article, days, nature) {
        Ok(())
    } else {
        Err(Rejection::Rule {
            declared: alloc::format!("{}, {} ({} days)", rule.id, rule.article, rule.jours),
            law: alloc::format!("{}, {} ({days} days)", selected.id, selected.article),
        })
    }
}

fn judge(submission: &Submission, base: &Instant) -> Result<LegalVerdict, Rejection> {
    let problem = |error: &dyn core::fmt::Display| Rejection::Law {
        problem: error.to_string(),
    };
    let request = DelaiRequest {
        instance: instance(submission)?,
        population: submission.rule.population,
        departement: submission
            .rule
            .departement
            .as_ref()
            .map(ToString::to_string),
        fuseau: Some(submission.seance.fuseau.to_string()),
        envoi: Some(base.at),
        precision_ms: base.precision_ms,
        seance: LocalDateTime::parse(submission.seance.debut.as_str())
            .map_err(|error| problem(&error))?,
        urgence: submission.rule.urgence.is_some(),
        seconde_convocation: submission.rule.seconde_convocation,
        installation: installation(submission),
    };
    let by_gen_time = law::delai(&request).map_err(|error| problem(&error))?;
    let by_existence = base
        .existed
        .map(|existed| {
            law::delai(&DelaiRequest {
                envoi: Some(existed),
                precision_ms: 0,
                ..request
            })
        })
        .transpose()
        .map_err(|error| problem(&error))?;
    Ok(LegalVerdict {
        by_gen_time,
        by_existence,
    })
}

fn check_documents(
    file: &ProofFileContent<'_>,
    sendings: &[VerifiedSending],
    findings: &mut Vec<Finding>,
) {
    let papers = || {
        sendings
            .iter()
            .flat_map(|sending| &sending.submission.papers)
    };
    let sent: BTreeSet<(Sha256Digest, u64)> =
        papers().map(|paper| (paper.digest, paper.size)).collect();
    let mut present = BTreeSet::new();
    for (name, bytes) in &file.documents {
        let digest = Sha256Digest::of(bytes);
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if sent.contains(&(digest, size)) {
            present.insert(digest);
        } else if !sendings.is_empty() {
            let rejection = Rejection::DocumentUnknown {
                name: printable(name),
            };
            findings.push(Finding {
                receipt: None,
                rejection,
            });
        }
    }
    for paper in papers() {
        if !present.contains(&paper.digest) {
            let rejection = Rejection::DocumentMissing {
                title: paper.titre.to_string(),
                digest: paper.digest,
            };
            findings.push(Finding {
                receipt: None,
                rejection,
            });
        }
    }
}
