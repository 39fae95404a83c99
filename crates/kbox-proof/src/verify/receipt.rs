// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One event.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use super::policy::{Log, TrustPolicy};
use super::rejection::Rejection;
use super::witnesses::{Bound, Lines, Watch, Witnessing, lines};
use crate::digest::Sha256Digest;
use crate::event::{Detail, ErasablePart, EvidenceEvent, PersonalData, ShardOpening, event_digest};
use crate::merkle::{ConsistencyProof, NodeHash, hash_leaf, verify_consistency};
use crate::receipt::{Anchor, Demand, Receipt};
use crate::time::Time;
use crate::tlog::{Note, TlogProof, VerifiedCheckpoint};
use crate::tsp::certificate_name::printable;
use crate::tsp::{
    ChainCache, ChainTime, MessageImprint, Revocation, TimeStampToken, TokenTrust, TsaPolicyId,
    VerifiedTimeStamp,
};

/// An event that existed no later than the times stated here, as far as the trust policy reaches.
#[derive(Clone, Debug)]
pub struct VerifiedReceipt {
    event: EvidenceEvent,
    digest: Sha256Digest,
    personal: Option<PersonalData>,
    timestamp: VerifiedTimeStamp,
    index: u64,
    tree_size: u64,
    level: Demand,
    existed: Option<Time>,
    anchored: Option<Time>,
    anchors: Vec<VerifiedAnchor>,
    anchors_not_judged: usize,
    witnessing: Witnessing,
    revocation: Revocation,
}

/// An outside authority's token over a checkpoint of the log from which the entry follows by Merkle proof.
#[derive(Clone, Debug)]
pub struct VerifiedAnchor {
    /// The token.
    pub timestamp: VerifiedTimeStamp,
    /// Size of the checkpoint's tree.
    pub tree_size: u64,
}

impl VerifiedReceipt {
    /// What happened, as asserted.
    #[must_use]
    pub fn event(&self) -> &EvidenceEvent {
        &self.event
    }
    /// SHA-256 of the event's DER.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }
    /// Who it concerned; `None` when erased, withheld or never there.
    #[must_use]
    pub fn personal(&self) -> Option<&PersonalData> {
        self.personal.as_ref()
    }
    /// The personal part existed and is not in this receipt.
    #[must_use]
    pub fn is_personal_part_missing(&self) -> bool {
        self.event.personal.is_some() && self.personal.is_none()
    }
    /// The token: the time that its authority stated.
    #[must_use]
    pub fn timestamp(&self) -> &VerifiedTimeStamp {
        &self.timestamp
    }
    /// Index in the log.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }
    /// Size of the tree in which it was shown.
    #[must_use]
    pub fn tree_size(&self) -> u64 {
        self.tree_size
    }
    /// The level reached.
    #[must_use]
    pub fn level(&self) -> Demand {
        self.level
    }
    /// T_lo and T_hi: the witnesses saw the log without and with the entry.
    #[must_use]
    pub fn bounds(&self) -> Option<(Time, Time)> {
        let (low, high) = (self.witnessing.low?, self.witnessing.high?);
        Some((low.time, high.time))
    }
    /// Which witnesses' operators saw what, and which of them count.
    #[must_use]
    pub fn witnessing(&self) -> &Witnessing {
        &self.witnessing
    }
    /// Proof of existence: the earlier of T_hi, its quorum's accuracy added, and the anchor's time. Trusts neither the
    /// authority nor the operator.
    #[must_use]
    pub fn proof_of_existence(&self) -> Option<Time> {
        self.existed
    }
    /// By when, at the latest, a trusted outside authority had stamped a checkpoint from which the entry follows by Merkle proof.
    #[must_use]
    pub fn anchored(&self) -> Option<Time> {
        self.anchored
    }
    /// What trusted outside authorities stamped.
    #[must_use]
    pub fn anchors(&self) -> &[VerifiedAnchor] {
        &self.anchors
    }
    /// How many anchors the receipt has that were not judged, because no outside authority is trusted.
    #[must_use]
    pub fn anchors_not_judged(&self) -> usize {
        self.anchors_not_judged
    }
    /// What is known of the revocation of certificates, of the token and of all anchors together.
    #[must_use]
    pub fn revocation(&self) -> Revocation {
        self.revocation
    }
}

/// Verifies one receipt against what the auditor trusts; `now` judges certificates where there is no proof of existence.
///
/// The steps, in order: 1 the event in DER; 2 its environment and log; 3 the token's form, policy and leaf; 4 inclusion
/// under the log's signature, and where it is a log's opening, the end of the log before; 5 witnesses; 6 anchors; 7 the token's
/// signature, certificate chain and revocation at the proof of existence; 8 the witnesses' bounds; 9 the personal part, and
/// what was left undecided; 10 the level demanded.
///
/// # Errors
/// [`Rejection`] of the first step that disproves; else of the first that leaves undecided.
pub fn verify_receipt(
    receipt: &Receipt,
    policy: &TrustPolicy,
    now: Time,
) -> Result<VerifiedReceipt, Rejection> {
    check_receipt(receipt, policy, now, &mut ChainCache::new())
}

/// As [`verify_receipt`], for one of many.
pub(super) fn check_receipt(
    receipt: &Receipt,
    policy: &TrustPolicy,
    now: Time,
    chains: &mut ChainCache,
) -> Result<VerifiedReceipt, Rejection> {
    // 1, 2
    let event = EvidenceEvent::from_der(&receipt.event).map_err(Rejection::Event)?;
    let digest = event_digest(&receipt.event);
    if event.header.environment != policy.environment {
        return Err(Rejection::Environment);
    }
    let origin = &event.header.origin;
    let log = policy
        .logs
        .iter()
        .find(|log| log.origin == *origin)
        .ok_or_else(|| Rejection::LogUnknown {
            origin: origin.to_string(),
        })?;

    let mut later = Later::default();
    let personal = personal_part(receipt, &event);
    // Where nothing more can be checked, another person's part is told of first.
    let ended = |rejection: Rejection| match &personal {
        Err(other) if rejection.is_undecided() => other.clone(),
        _ => rejection,
    };
    let malformed = |error| ended(Rejection::TokenMalformed(error));

    // 3
    let token = TimeStampToken::parse(&receipt.token).map_err(malformed)?;
    let stated = token.tst_info().policy();
    let authorities: Vec<_> = policy
        .authorities
        .iter()
        .filter(|authority| authority.origin == *origin && authority.policy == *stated)
        .collect();
    if authorities.is_empty() {
        return Err(Rejection::TokenPolicy {
            policy: stated.to_string(),
        });
    }
    let leaf = hash_leaf(&token.leaf_bytes().map_err(malformed)?);
    let chain: Vec<Vec<u8>> = authorities
        .iter()
        .flat_map(|authority| authority.chain.clone())
        .collect();
    let policies: Vec<TsaPolicyId> = alloc::vec![stated.clone()];
    let imprint = MessageImprint::sha256(&digest);
    let verify_at = |time, chains: &mut ChainCache| {
        let trust = TokenTrust {
            extra_certificates: &chain,
            policies: Some(&policies),
            strict: true,
            revocation: Some(&policy.revocation),
            ..TokenTrust::new(&policy.roots, ChainTime::At(time))
        };
        let verified = chains.verify_token(&token, &imprint, &trust);
        verified.map_err(Rejection::Token)
    };

    // 4
    let proof = TlogProof::parse(receipt.proof.as_bytes()).and_then(|proof| {
        let checkpoint = proof.verify(&leaf, &log.key)?;
        Ok((checkpoint, proof.index().get()))
    });
    let (checkpoint, index) = match proof {
        Ok(proof) => proof,
        // A token that was changed is another leaf: then the token is what to name, not the proof.
        Err(error) => {
            let first = verify_at(token.tst_info().gen_time(), chains).err();
            return Err(ended(first.unwrap_or(Rejection::Proof(error))));
        }
    };
    // Which of two histories is the false one, the witnesses' cosignatures may leave open. Another log's tree says nothing of what follows.
    let mut other_history = match check_log(&checkpoint, log) {
        Err(origin @ Rejection::CheckpointOrigin { .. }) => return Err(ended(origin)),
        Err(other @ Rejection::TwoHistories { .. }) => Some(other),
        checked => {
            later.keep(checked)?;
            None
        }
    };
    if let Detail::ShardOpening(opening) = &event.body.detail {
        later.keep(check_opening(opening, policy))?;
    }

    // 5
    let mut watch = Watch::new(policy);
    watch.with_entry(watched(&checkpoint, policy, &mut later));
    let before = before(receipt, index, &checkpoint, log, &mut other_history);
    if let Some(before) = later.keep(before)?.flatten() {
        watch.without_entry(watched(&before, policy, &mut later));
    }

    // 6
    let mut anchored = None;
    let mut verified_anchors = Vec::new();
    let mut anchors_revocation: Option<Revocation> = None;
    // Without a trusted outside authority an anchor proves nothing, and is no reason to refuse what the rest proves.
    let (anchors, anchors_not_judged): (&[Anchor], usize) = match policy.anchor_roots.is_empty() {
        true => (&[], receipt.anchors.len()),
        false => (&receipt.anchors, 0),
    };
    for anchor in anchors {
        let place = (&checkpoint, log, &mut other_history);
        let checked = check_anchor(anchor, place, policy, now, chains);
        let Some((anchor, lines)) = later.keep(checked)? else {
            continue;
        };
        let time = anchor.timestamp.interval().1;
        let known = anchor.timestamp.revocation();
        verified_anchors.push(anchor);
        anchors_revocation = Some(anchors_revocation.map_or(known, |others| others.and(known)));
        anchored = Some(anchored.map_or(time, |earlier: Time| earlier.min(time)));
        watch.with_entry(lines);
    }
    let witnessing = watch.bounds();
    let (low, high) = (witnessing.low, witnessing.high);
    // No two quorums are strangers then: an honest witness in common sees one history.
    let is_one_history = high.is_some() && policy.quorum.saturating_mul(2) > policy.operators.len();
    match other_history {
        Some(_) if is_one_history => {
            later.keep(Err::<(), _>(Rejection::TwoHistories { witnessed: true }))?;
        }
        Some(other) => return Err(other),
        None => {}
    }
    // A smaller checkpoint of a closed log may be of another history than the one that was closed, unless the bundle lists it.
    let size = checkpoint.size().get();
    if let Some((final_size, _)) = log.end
        && size < final_size
        && !log.trees.iter().any(|tree| tree.size == size)
        && !is_one_history
    {
        later.keep(Err::<(), _>(Rejection::NotFinal { size, final_size }))?;
    }
    let witnessed = high.map(|high| high.time.saturating_add(high.accuracy));
    let existed = match (witnessed, anchored) {
        (Some(witnessed), Some(anchored)) => Some(witnessed.min(anchored)),
        (one, other) => one.or(other),
    };

    // 7
    let timestamp = match verify_at(existed.unwrap_or(now), chains) {
        Ok(timestamp) => timestamp,
        Err(rejection) => return Err(ended(later.or(rejection))),
    };
    if timestamp.interval().0 > now {
        later.keep(Err::<(), _>(Rejection::FromTheFuture {
            gen_time: timestamp.gen_time(),
            now,
        }))?;
    }
    let own: Vec<_> = authorities
        .iter()
        .filter(|authority| {
            authority
                .chain
                .first()
                .is_some_and(|signer| signer == timestamp.signer_certificate())
        })
        .collect();
    if own.is_empty() {
        return Err(Rejection::TokenAuthority);
    }
    // An authority that ends where its log was closed says no more than that.
    let is_end = |to| log.end.is_some_and(|(size, _)| size == to);
    if !own.iter().any(|authority| {
        index >= authority.from && authority.to.is_none_or(|to| index < to || is_end(to))
    }) {
        return Err(Rejection::AuthorityRange { index });
    }

    // 8
    let mut level = Demand::Journalise;
    let (earliest, latest) = timestamp.interval();
    let gen_time = timestamp.gen_time();
    // A witness cosigns an old tree anew for whoever asks, until it is shown a larger one, which an honest log does well within D.
    let too_early =
        |low: Bound| latest.saturating_add(policy.max_gap) < low.time.saturating_sub(low.accuracy);
    let too_late = |high: Bound| earliest > high.time.saturating_add(high.accuracy);
    if low.is_some_and(too_early) || high.is_some_and(too_late) {
        return Err(Rejection::OutsideBounds {
            gen_time,
            low: low.map(|low| low.time),
            high: high.map(|high| high.time),
        });
    }
    if let Some(anchored) = anchored
        && earliest > anchored
    {
        later.keep(Err::<(), _>(Rejection::AnchorBefore { gen_time, anchored }))?;
    }
    if let Some((low, high)) = low.zip(high) {
        let too_far = |gap: Duration, accuracy| gap > policy.max_gap.saturating_add(accuracy);
        if too_far(high.time.saturating_since(latest), high.accuracy)
            || too_far(earliest.saturating_since(low.time), low.accuracy)
        {
            later.keep(Err::<(), _>(Rejection::Gap {
                gen_time,
                low: low.time,
                high: high.time,
            }))?;
        }
        level = Demand::Temoigne;
        if anchored.is_some() {
            level = Demand::Ancre;
        }
    }

    // 9
    let personal = later.keep(personal)?.flatten();
    if let Some(rejection) = later.0 {
        return Err(rejection);
    }

    // 10
    if level < policy.demand {
        return Err(Rejection::Level {
            reached: level,
            demanded: policy.demand,
            shown: Box::new(witnessing),
        });
    }
    Ok(VerifiedReceipt {
        tree_size: checkpoint.size().get(),
        event,
        digest,
        personal,
        revocation: anchors_revocation.map_or(timestamp.revocation(), |anchors| {
            anchors.and(timestamp.revocation())
        }),
        timestamp,
        index,
        level,
        existed,
        anchored,
        anchors: verified_anchors,
        anchors_not_judged,
        witnessing,
    })
}

/// The first thing that leaves a receipt undecided. It is told once nothing disproves the receipt: whoever hands it on can add or change
/// what nobody signs, and must not hide a contradiction behind it. What it is about counts for nothing meanwhile.
#[derive(Default)]
struct Later(Option<Rejection>);

impl Later {
    /// `None` of what leaves undecided, which is kept.
    ///
    /// # Errors
    /// What disproves.
    fn keep<T>(&mut self, checked: Result<T, Rejection>) -> Result<Option<T>, Rejection> {
        match checked {
            Ok(checked) => Ok(Some(checked)),
            Err(rejection) if rejection.is_undecided() => {
                self.0.get_or_insert(rejection);
                Ok(None)
            }
            Err(rejection) => Err(rejection),
        }
    }

    /// What to tell when nothing more can be checked: this, if it disproves, else what came first.
    fn or(self, rejection: Rejection) -> Rejection {
        match self.0 {
            Some(first) if rejection.is_undecided() => first,
            _ => rejection,
        }
    }
}

/// What identifies a person, if the receipt shows it.
fn personal_part(
    receipt: &Receipt,
    event: &EvidenceEvent,
) -> Result<Option<PersonalData>, Rejection> {
    match (&receipt.personal, event.personal) {
        (None, _) => Ok(None),
        (Some(_), None) => Err(Rejection::Personal),
        (Some(bytes), Some(expected)) => {
            let part = ErasablePart::from_der(bytes).map_err(Rejection::Event)?;
            if part.digest().map_err(Rejection::Event)? != expected {
                return Err(Rejection::Personal);
            }
            Ok(Some(part.data))
        }
    }
}

/// A checkpoint of the log without the entry, if the receipt shows one.
fn before(
    receipt: &Receipt,
    index: u64,
    checkpoint: &VerifiedCheckpoint,
    log: &Log,
    other_history: &mut Option<Rejection>,
) -> Result<Option<VerifiedCheckpoint>, Rejection> {
    let Some(before) = &receipt.before else {
        return Ok(None);
    };
    let before = checkpoint_of(before, log, other_history)?;
    if before.size().get() > index {
        return Err(Rejection::BeforeContainsEntry);
    }
    consistent(&before, checkpoint, &receipt.consistency)?;
    Ok(Some(before))
}

fn check_log(checkpoint: &VerifiedCheckpoint, log: &Log) -> Result<(), Rejection> {
    if checkpoint.origin() != log.origin.as_str() {
        return Err(Rejection::CheckpointOrigin {
            found: printable(checkpoint.origin()),
        });
    }
    match log.end {
        Some((size, _)) if checkpoint.size().get() > size => Err(Rejection::BeyondEnd {
            size: checkpoint.size().get(),
            final_size: size,
        }),
        Some((size, root))
            if checkpoint.size().get() == size
                && checkpoint.root().as_bytes() != root.as_bytes() =>
        {
            Err(Rejection::TwoHistories { witnessed: false })
        }
        _ if log.trees.iter().any(|tree| {
            tree.size == checkpoint.size().get()
                && tree.root.as_bytes() != checkpoint.root().as_bytes()
        }) =>
        {
            Err(Rejection::TwoHistories { witnessed: false })
        }
        _ => Ok(()),
    }
}

/// Where the log before ended is said twice, by this leaf and by the trust bundle. A log that the bundle does not name proves nothing,
/// wherever it ended.
fn check_opening(opening: &ShardOpening, policy: &TrustPolicy) -> Result<(), Rejection> {
    let mut logs = policy.logs.iter();
    match logs.find(|log| log.origin == opening.previous) {
        Some(log) if log.end != Some((opening.size, opening.root)) => Err(Rejection::Opening {
            previous: opening.previous.to_string(),
            size: opening.size,
            closed: log.end.map(|(size, _)| size),
        }),
        _ => Ok(()),
    }
}

fn checkpoint_of(
    note: &str,
    log: &Log,
    other_history: &mut Option<Rejection>,
) -> Result<VerifiedCheckpoint, Rejection> {
    let note = Note::parse(note.as_bytes()).map_err(Rejection::Cosignature)?;
    let checkpoint = VerifiedCheckpoint::verify(&note, &log.key).map_err(Rejection::Checkpoint)?;
    match check_log(&checkpoint, log) {
        Err(other @ Rejection::TwoHistories { .. }) => {
            other_history.get_or_insert(other);
        }
        checked => checked?,
    }
    Ok(checkpoint)
}

fn consistent(
    old: &VerifiedCheckpoint,
    new: &VerifiedCheckpoint,
    hashes: &[[u8; 32]],
) -> Result<(), Rejection> {
    // Every tree extends the empty one, whose root the checkpoint's form fixes. RFC 9162 §2.1.4 defines no proof for it, and
    // C2SP tlog-witness gives the one without hashes.
    if old.size().get() == 0 && hashes.is_empty() {
        return Ok(());
    }
    let proof = ConsistencyProof::new(
        hashes
            .iter()
            .map(|hash| NodeHash::from_bytes(*hash))
            .collect(),
    );
    verify_consistency(old.size(), old.root(), new.size(), new.root(), &proof)
        .map_err(Rejection::Consistency)
}

/// What each operator's witnesses say of a checkpoint. What does not hold is told later.
fn watched(checkpoint: &VerifiedCheckpoint, policy: &TrustPolicy, later: &mut Later) -> Lines {
    let (lines, fault) = lines(checkpoint, policy);
    if let Some(error) = fault {
        later.0.get_or_insert(Rejection::Cosignature(error));
    }
    lines
}

fn check_anchor(
    anchor: &Anchor,
    (checkpoint, log, other_history): (&VerifiedCheckpoint, &Log, &mut Option<Rejection>),
    policy: &TrustPolicy,
    now: Time,
    chains: &mut ChainCache,
) -> Result<(VerifiedAnchor, Lines), Rejection> {
    let later = checkpoint_of(&anchor.checkpoint, log, other_history)?;
    consistent(checkpoint, &later, &anchor.consistency)?;
    let token = TimeStampToken::parse(&anchor.token).map_err(Rejection::AnchorMalformed)?;
    let mut trust = TokenTrust::new(&policy.anchor_roots, ChainTime::At(now));
    trust.revocation = Some(&policy.revocation);
    let imprint = token
        .tst_info()
        .message_imprint()
        .hash_algorithm()
        .map_or_else(
            || MessageImprint::sha256(&Sha256Digest::of(anchor.checkpoint.as_bytes())),
            |algorithm| MessageImprint::of(algorithm, anchor.checkpoint.as_bytes()),
        );
    let verified = chains
        .verify_token(&token, &imprint, &trust)
        .map_err(Rejection::Anchor)?;
    let inside = policy.authorities.iter().any(|authority| {
        authority.policy == *verified.policy()
            || authority
                .chain
                .first()
                .is_some_and(|signer| signer == verified.signer_certificate())
    });
    if inside {
        return Err(Rejection::AnchorNotOutside);
    }
    let mut undecided = Later::default();
    let lines = watched(&later, policy, &mut undecided);
    let anchor = VerifiedAnchor {
        timestamp: verified,
        tree_size: later.size().get(),
    };
    undecided.0.map_or(Ok((anchor, lines)), Err)
}
