// SPDX-License-Identifier: Apache-2.0 OR MIT
//! An operator who holds every key of its own and lies in each way that is worth lying in. What receipts and proof files show
//! offline has a code; what they cannot show is a test too, and stands in `docs/ledger.md` as a limit.
#![cfg(feature = "issue")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/operator.rs"]
mod operator;

use std::time::Duration;

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::merkle::{self, Edge, RootHash, TreeSize, hash_leaf};
use kbox_proof::receipt::*;
use kbox_proof::tlog::{Checkpoint, Note};
use kbox_proof::tsp::{MessageImprint, SerialNumber, TimeStampToken, certificate_to_pem};
use kbox_proof::verify::{
    TrustPolicy, VerifiedProofFile, VerifiedReceipt, verify_proof_file, verify_receipt,
};
use operator::*;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// The gap that the trust bundle allows.
const D: u64 = 5 * MINUTE;

/// The operator's log, guarded by three witnesses of whom two are needed; times are seconds after the log's start.
struct World {
    operator: Operator,
    witnesses: Vec<Witness>,
    trust: TrustBundle,
}

/// A checkpoint of the first entries, and when two witnesses cosigned it.
#[derive(Clone, Copy)]
struct Seen {
    size: usize,
    at: u64,
}

impl World {
    fn over(operator: Operator) -> Self {
        let witnesses: Vec<Witness> = (1..=3).map(Witness::new).collect();
        let mut trust = operator.trust(Demand::Temoigne);
        trust.witnesses = Witnesses {
            operators: witnesses
                .iter()
                .map(|witness| WitnessOperator {
                    name: witness.name.to_string(),
                    keys: vec![witness.vkey()],
                    accuracy_ms: 1000,
                    independent: true,
                })
                .collect(),
            quorum: 2,
        };
        assert_eq!(trust.max_gap_s, D);
        Self {
            operator,
            witnesses,
            trust,
        }
    }

    fn new() -> Self {
        Self::over(Operator::new())
    }

    /// Records an event whose token states this time, whatever the time is.
    fn record_stating(
        &mut self,
        time: u64,
        detail: Detail,
        refers_to: Option<Sha256Digest>,
    ) -> Sha256Digest {
        let own = self.operator.events.len() as u64;
        self.operator.delay = Duration::from_secs(time - own);
        self.operator.record(body(detail, refers_to), None)
    }

    fn tree(&self, size: usize) -> (TreeSize, RootHash) {
        let edge = &self.operator.edge;
        let before = self.operator.before.get(size).copied();
        before.unwrap_or_else(|| (edge.size(), edge.root()))
    }

    fn unsigned_by_witnesses(&self, size: usize) -> Note {
        let (size, root) = self.tree(size);
        let origin = self.operator.origin.as_str();
        let checkpoint = Checkpoint::new(origin, size, root).unwrap();
        signed(&self.operator.log, origin, &checkpoint.encode())
    }

    fn cosigned(&self, seen: Seen) -> Note {
        let time = u64::try_from(start().unix_secs()).unwrap() + seen.at;
        let witnesses = self.witnesses.iter().take(2);
        witnesses.fold(self.unsigned_by_witnesses(seen.size), |note, witness| {
            witness.cosign(note, time)
        })
    }

    /// The newest event's receipt, between two checkpoints that the operator chose to show.
    fn receipt(&self, before: Seen, after: u64) -> Receipt {
        let size = self.operator.events.len();
        let newest = Seen { size, at: after };
        let mut receipt = self.operator.receipt_under(size - 1, self.cosigned(newest));
        receipt.before = Some(self.cosigned(before).encode());
        if before.size > 0 {
            let edge = &self.operator.edge;
            let old = TreeSize::new(before.size as u64);
            let proof = merkle::consistency_proof(edge, old, edge.size()).unwrap();
            receipt.consistency = proof.hashes().iter().map(|hash| *hash.as_bytes()).collect();
        }
        receipt
    }

    fn judge(&self, receipt: &Receipt) -> Result<VerifiedReceipt, &'static str> {
        let policy = TrustPolicy::new(&self.trust).unwrap();
        verify_receipt(receipt, &policy, at(30 * DAY)).map_err(|rejection| rejection.code())
    }

    /// A convocation whose token states one time, recorded when the witnesses see another.
    fn backdated(stated: u64, before: u64, after: u64) -> Result<VerifiedReceipt, &'static str> {
        let mut world = Self::new();
        world.record_stating(stated, Detail::SubmissionAcceptance(submission()), None);
        let nothing = Seen {
            size: 0,
            at: before,
        };
        world.judge(&world.receipt(nothing, after))
    }
}

fn judge_file(operator: &Operator, receipts: &[Receipt]) -> Result<VerifiedProofFile, Vec<String>> {
    let policy = TrustPolicy::new(&operator.trust(Demand::Journalise)).unwrap();
    let content = ProofFileContent {
        documents: vec![("01.pdf", PAPER)],
        receipts,
    };
    verify_proof_file(&content, &policy, at(30 * DAY)).map_err(|findings| {
        let codes = findings.iter().map(|finding| finding.rejection.code());
        codes.map(ToString::to_string).collect()
    })
}

fn codes(operator: &Operator, receipts: &[Receipt]) -> Vec<String> {
    judge_file(operator, receipts).map_or_else(|codes| codes, |_| vec![])
}

#[test]
fn an_honest_receipt_is_witnessed() {
    let verified = World::backdated(HOUR, HOUR - 30, HOUR + 30).unwrap();
    assert_eq!(verified.level(), Demand::Temoigne);
}

#[test]
fn backdating_a_convocation_by_a_day_contradicts_the_witnesses() {
    let found = World::backdated(HOUR, HOUR + DAY - 30, HOUR + DAY + 30);
    assert_eq!(found.unwrap_err(), "witness.outside_bounds");
}

#[test]
fn postdating_contradicts_the_witnesses() {
    let found = World::backdated(DAY, HOUR, HOUR + 30);
    assert_eq!(found.unwrap_err(), "witness.outside_bounds");
}

#[test]
fn picking_an_old_checkpoint_as_the_one_before_leaves_a_gap_that_proves_nothing() {
    // The log stood still for a day, and only its last checkpoint of then is shown.
    let found = World::backdated(HOUR, HOUR - 30, DAY);
    assert_eq!(found.unwrap_err(), "witness.gap");
    let mut world = World::new();
    let sending = world.record_stating(10, Detail::SubmissionAcceptance(submission()), None);
    world.record_stating(HOUR, Detail::ContentConsignment(step(0)), Some(sending));
    for (before, code) in [
        (Seen { size: 1, at: 20 }, "witness.gap"),
        (Seen { size: 0, at: 0 }, "witness.gap"),
        (
            Seen {
                size: 2,
                at: HOUR + 10,
            },
            "log.before_contains_entry",
        ),
    ] {
        let found = world.judge(&world.receipt(before, DAY)).unwrap_err();
        assert_eq!(found, code);
    }
}

#[test]
fn withholding_checkpoints_from_the_witnesses_for_days_proves_nothing_about_the_days() {
    let found = World::backdated(HOUR, HOUR - 30, 3 * DAY);
    assert_eq!(found.unwrap_err(), "witness.gap");
}

#[test]
fn limit_backdating_by_less_than_the_gap_and_the_accuracies_is_not_caught() {
    // Recorded 5 minutes after the time that it states, between two checkpoints that are honest.
    let stated = HOUR;
    World::backdated(stated, stated - 30, stated + D).unwrap();
    let found = World::backdated(stated, stated - 30, stated + D + 3);
    assert_eq!(found.unwrap_err(), "witness.gap");
}

#[test]
fn limit_a_quorum_of_colluding_witnesses_backdates_for_the_operator() {
    // They cosign today what they say they saw a day ago.
    let verified = World::backdated(HOUR, HOUR - 30, HOUR + 30).unwrap();
    assert_eq!(verified.timestamp().gen_time(), at(HOUR));
}

#[test]
fn witnesses_of_the_operators_own_or_without_time_or_one_of_them_twice_make_no_quorum() {
    let mut world = World::new();
    world.record_stating(HOUR, Detail::SubmissionAcceptance(submission()), None);
    let before = |at| Seen { size: 0, at };
    let honest = world.receipt(before(HOUR - 30), HOUR + 30);
    world.judge(&honest).unwrap();

    world.trust.witnesses.operators[0].independent = false;
    assert_eq!(world.judge(&honest).unwrap_err(), "level.below_demand");
    world.trust.witnesses.operators[0].independent = true;

    // Two keys under one name count once.
    let second = world.trust.witnesses.operators.remove(1);
    world.trust.witnesses.operators[0].keys.extend(second.keys);
    assert_eq!(world.judge(&honest).unwrap_err(), "level.below_demand");

    let mut timeless = World::new();
    timeless.record_stating(HOUR, Detail::SubmissionAcceptance(submission()), None);
    let mut receipt = timeless.receipt(before(HOUR - 30), HOUR + 30);
    let zero = timeless
        .witnesses
        .iter()
        .take(2)
        .fold(timeless.unsigned_by_witnesses(1), |note, witness| {
            witness.cosign(note, 0)
        });
    receipt.proof = timeless.operator.receipt_under(0, zero).proof;
    assert_eq!(timeless.judge(&receipt).unwrap_err(), "level.below_demand");
}

/// Forgets everything after the first entries, and goes on with the same keys: another history.
fn rewind(operator: &mut Operator, size: usize) {
    operator.events.truncate(size);
    operator.before.truncate(size);
    operator.edge = Edge::empty();
    for (_, _, token) in &operator.events {
        let leaf = TimeStampToken::parse(token).unwrap().leaf_bytes().unwrap();
        operator.edge.append(hash_leaf(&leaf));
    }
}

fn sent_by_author(author: &str) -> Detail {
    Detail::SubmissionAcceptance(Submission {
        author: text(author),
        ..submission()
    })
}

#[test]
fn two_histories_contradict_each_other_in_one_receipt() {
    let mut world = World::new();
    world.record_stating(10, sent_by_author("L'adjoint"), None);
    let before = Seen {
        size: 1,
        at: HOUR - 30,
    };
    let other = world.cosigned(before);
    rewind(&mut world.operator, 0);
    let sending = world.record_stating(10, sent_by_author("Le maire"), None);
    world.record_stating(HOUR, Detail::ContentConsignment(step(0)), Some(sending));
    let mut receipt = world.receipt(before, HOUR + 30);
    world.judge(&receipt).unwrap();
    receipt.before = Some(other.encode());
    assert_eq!(world.judge(&receipt).unwrap_err(), "log.consistency");
}

#[test]
fn a_history_that_the_trust_bundle_did_not_close_does_not_pass() {
    let mut world = World::new();
    world.record_stating(10, sent_by_author("L'adjoint"), None);
    let (size, root) = world.tree(1);
    world.trust.shards[0].final_size = Some(size.get());
    world.trust.shards[0].final_root = Some(Sha256Digest::from_bytes(*root.as_bytes()));
    let closed = world.receipt(Seen { size: 0, at: 0 }, 20);
    world.judge(&closed).unwrap();
    rewind(&mut world.operator, 0);
    let sending = world.record_stating(10, sent_by_author("Le maire"), None);
    let found = world.judge(&world.receipt(Seen { size: 0, at: 0 }, 20));
    assert_eq!(found.unwrap_err(), "log.two_histories");
    // Nor does the closed log go on.
    world.record_stating(HOUR, Detail::ContentConsignment(step(0)), Some(sending));
    let found = world.judge(&world.receipt(Seen { size: 0, at: HOUR }, HOUR + 20));
    assert_eq!(found.unwrap_err(), "log.beyond_end");
}

/// An operator who closes the log before an entry, or at another tree, says less than the witnesses who cosigned it.
#[test]
fn closing_a_log_early_or_elsewhere_disproves_no_receipt_that_witnesses_saw_and_proves_none() {
    let mut world = World::new();
    let sending = world.record_stating(10, sent_by_author("Le maire"), None);
    world.record_stating(20, Detail::ContentConsignment(step(0)), Some(sending));
    let honest = world.receipt(Seen { size: 1, at: 15 }, 25);
    world.judge(&honest).unwrap();
    let late = world.receipt(Seen { size: 1, at: HOUR }, HOUR + 20);
    let judge = |trust: &TrustBundle, receipt: &Receipt| {
        let policy = TrustPolicy::new(trust).unwrap();
        let rejection = verify_receipt(receipt, &policy, at(30 * DAY)).unwrap_err();
        (rejection.code(), rejection.is_undecided())
    };
    let (size, root) = world.tree(1);
    let root = Sha256Digest::from_bytes(*root.as_bytes());
    let mut early = world.trust.clone();
    early.shards[0].final_size = Some(size.get());
    early.shards[0].final_root = Some(root);
    // As the bundle of a restored log says.
    early.authorities[0].to = Some(size.get());
    assert_eq!(judge(&early, &honest), ("log.beyond_end", true));
    // It is no excuse: what the witnesses contradict stays disproven.
    assert_eq!(judge(&early, &late), ("witness.outside_bounds", false));
    let mut elsewhere = world.trust.clone();
    elsewhere.shards[0].final_size = Some(2);
    elsewhere.shards[0].final_root = Some(root);
    assert_eq!(judge(&elsewhere, &honest), ("log.two_histories", true));
    assert_eq!(judge(&elsewhere, &late), ("witness.outside_bounds", false));
    // Elsewhere at the size of a part of the receipt that is not its proof.
    let mut false_root = early.clone();
    false_root.shards[0].final_root = Some(Sha256Digest::of(b"another tree"));
    assert!(judge(&false_root, &honest).1);
    let (size, root) = world.tree(2);
    let mut false_tree = elsewhere.clone();
    false_tree.shards[0].final_size = Some(size.get());
    false_tree.shards[0].final_root = Some(Sha256Digest::from_bytes(*root.as_bytes()));
    assert_eq!(false_tree.shards[0].trees.len(), 0);
    let policy = TrustPolicy::new(&false_tree).unwrap();
    verify_receipt(&honest, &policy, at(30 * DAY)).unwrap();
    false_tree.shards[0].trees.push(KnownTree {
        size: 1,
        root: Sha256Digest::of(b"another tree"),
    });
    assert_eq!(judge(&false_tree, &honest), ("log.two_histories", true));
    // Of which two quorums may be strangers, or nobody, the word is no more than the bundle's.
    let mut strangers = elsewhere.clone();
    strangers.witnesses.quorum = 1;
    assert_eq!(judge(&strangers, &honest), ("log.two_histories", false));
    let mut alone = honest.clone();
    alone.proof = world
        .operator
        .receipt_under(1, world.unsigned_by_witnesses(2))
        .proof;
    assert_eq!(judge(&elsewhere, &alone), ("log.two_histories", false));
    assert_eq!(judge(&early, &alone), ("log.beyond_end", true));
}

#[test]
fn two_histories_of_a_collectivite_do_not_fit_into_one_proof_file() {
    let mut operator = sent();
    let honest = operator.receipts();
    judge_file(&operator, &honest).unwrap();
    rewind(&mut operator, 4);
    let consignment = event_digest(&operator.events[3].0);
    let opening = Detail::ContentAccessTracking(step(1));
    operator.record(body(opening, Some(consignment)), None);
    let fork = operator.receipt_under(4, operator.checkpoint());
    let both = [honest.as_slice(), std::slice::from_ref(&fork)].concat();
    assert!(codes(&operator, &both).contains(&"file.duplicate".to_string()));
    let mut exchanged = honest;
    exchanged[4] = fork;
    assert!(codes(&operator, &exchanged).contains(&"file.chain".to_string()));
}

#[test]
fn dropping_leaving_out_or_reordering_an_event_shows_in_the_proof_file() {
    let operator = sent();
    let honest = operator.receipts();
    let without = |rank: usize| {
        let mut receipts = honest.clone();
        receipts.remove(rank);
        codes(&operator, &receipts)
    };
    // The refused relay, the other member's consignment, the opening.
    for rank in 2..=4 {
        assert_eq!(without(rank), ["file.gap"], "{rank}");
    }
    // What refers to it is left hanging too.
    assert!(without(1).contains(&"file.gap".to_string()));

    // Dropped from a log made anew: its ranks are dense, but what others hold does not follow from it.
    let mut anew = operator;
    rewind(&mut anew, 2);
    let sending = event_digest(&anew.events[0].0);
    let next = Detail::ContentConsignment(step(1));
    anew.record(body(next, Some(sending)), Some(personal(1)));
    let shown = [anew.receipts(), vec![honest[3].clone()]].concat();
    assert!(codes(&anew, &shown).contains(&"file.chain".to_string()));

    // Reordered in the log: ranks go by the events, whatever their places are.
    let mut reordered = Operator::new();
    let honest = sent();
    reordered.evidence = honest.evidence;
    reordered.pki_root = honest.pki_root;
    for place in [0, 2, 1, 3, 4, 5, 6] {
        let (event, personal, token) = honest.events[place].clone();
        reordered.push(event, personal, token);
    }
    let file = judge_file(&reordered, &reordered.receipts()).unwrap();
    let ranks = file.receipts().iter().map(|one| one.event().header.rank);
    assert!(ranks.eq(0..7));
}

#[test]
fn limit_events_after_the_last_one_shown_are_not_missed() {
    let operator = sent();
    let mut receipts = operator.receipts();
    receipts.truncate(4);
    judge_file(&operator, &receipts).unwrap();
}

#[test]
fn evidence_stamped_by_the_public_service_is_refused() {
    let mut operator = sent();
    let consignment = event_digest(&operator.events[3].0);
    let opening = Detail::ContentAccessTracking(step(1));
    let event = operator.event(body(opening, Some(consignment)), None);
    operator.append(&event, None, true);
    let found = codes(&operator, &operator.receipts());
    assert_eq!(found, ["token.policy"]);
}

#[test]
fn an_event_moved_to_another_log_or_collectivite_is_not_the_one_that_was_stamped() {
    let operator = sent();
    let moved = |change: &dyn Fn(&mut Header)| {
        let mut receipts = operator.receipts();
        let mut event = EvidenceEvent::from_der(&receipts[4].event).unwrap();
        change(&mut event.header);
        receipts[4].event = event.to_der().unwrap();
        codes(&operator, &receipts)
    };
    let to_log = moved(&|header| header.origin = Origin::parse("kbox.example/log/2").unwrap());
    assert_eq!(to_log, ["log.unknown"]);
    let to_other = moved(&|header| header.collectivite = Collectivite::parse("218000016").unwrap());
    assert_eq!(to_other, ["tsp.imprint_mismatch"]);

    // Stamped anew for the other one, it has no place among these.
    let mut operator = sent();
    let consignment = event_digest(&operator.events[3].0);
    let opening = Detail::ContentAccessTracking(step(1));
    let mut event = operator.event(body(opening, Some(consignment)), None);
    event.header.collectivite = Collectivite::parse("218000016").unwrap();
    operator.append(&event, None, false);
    assert!(codes(&operator, &operator.receipts()).contains(&"file.mixed".to_string()));
}

#[test]
fn a_recipient_is_not_swapped_for_another() {
    let operator = sent();
    let mut receipts = operator.receipts();
    receipts[1].personal = receipts[3].personal.clone();
    assert_eq!(codes(&operator, &receipts), ["personal.mismatch"]);

    // Recorded anew for recipient 0 with the name of recipient 1, whom the roster commits to otherwise.
    let mut operator = sent();
    rewind(&mut operator, 3);
    let sending = event_digest(&operator.events[0].0);
    let consignment = Detail::ContentConsignment(step(0));
    operator.record(body(consignment, Some(sending)), Some(personal(1)));
    let found = codes(&operator, &operator.receipts());
    assert!(found.contains(&"personal.roster".to_string()), "{found:?}");
}

/// Two sendings of one séance, of which the operator would show the one that suits it.
fn alternatives() -> Operator {
    let mut operator = sent();
    operator.record(body(sent_by_author("L'adjoint"), None), None);
    operator
}

#[test]
fn of_alternative_sendings_between_the_events_of_a_file_none_is_hidden() {
    let mut operator = alternatives();
    let consignment = event_digest(&operator.events[3].0);
    let opening = Detail::ContentAccessTracking(step(1));
    operator.record(body(opening, Some(consignment)), None);
    let mut receipts = operator.receipts();
    let file = judge_file(&operator, &receipts).unwrap();
    // Both have the same papers here, and both are judged.
    assert_eq!(file.sendings().len() + file.unjudged().len(), 2);
    receipts.remove(7);
    assert_eq!(codes(&operator, &receipts), ["file.gap"]);
}

#[test]
fn limit_an_alternative_sending_after_the_last_event_shown_is_not_missed() {
    let operator = alternatives();
    let mut receipts = operator.receipts();
    receipts.truncate(7);
    let file = judge_file(&operator, &receipts).unwrap();
    assert_eq!(file.sendings().len(), 1);
}

#[test]
fn a_retired_key_signs_nothing_after_its_range() {
    let operator = sent();
    let mut trust = operator.trust(Demand::Journalise);
    trust.authorities[0].to = Some(4);
    let policy = TrustPolicy::new(&trust).unwrap();
    let receipts = operator.receipts();
    for (index, receipt) in receipts.iter().enumerate() {
        let found = verify_receipt(receipt, &policy, at(DAY));
        let code = found.err().map(|rejection| rejection.code());
        assert_eq!(code, (index >= 4).then_some("token.authority_range"));
    }
}

#[test]
fn the_operators_own_authority_is_no_outside_anchor() {
    let mut world = World::new();
    world.record_stating(HOUR, Detail::SubmissionAcceptance(submission()), None);
    let mut receipt = world.receipt(
        Seen {
            size: 0,
            at: HOUR - 30,
        },
        HOUR + 30,
    );
    let note = world.unsigned_by_witnesses(1).encode();
    let imprint = MessageImprint::sha256(&Sha256Digest::of(note.as_bytes()));
    let serial = SerialNumber::from_epoch_and_counter(9, 1);
    let authority = &world.operator.evidence;
    let token = authority
        .issue(&imprint, at(20), &serial, None, true)
        .unwrap();
    receipt.anchors.push(Anchor {
        checkpoint: note,
        consistency: vec![],
        token,
    });
    // Not among the roots of outside authorities: it adds nothing, whatever it says.
    let verified = world.judge(&receipt).unwrap();
    assert_eq!(verified.level(), Demand::Temoigne);
    let witnessed = at(HOUR + 30).saturating_add(Duration::from_secs(1));
    assert_eq!(verified.proof_of_existence(), Some(witnessed));
    // Nor can it be smuggled among them.
    world.trust.anchor_roots = vec![certificate_to_pem(&world.operator.pki_root)];
    assert_eq!(
        TrustPolicy::new(&world.trust).unwrap_err().place,
        "anchor_roots"
    );
}
