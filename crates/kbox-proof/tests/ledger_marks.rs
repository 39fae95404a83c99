// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Checkpoints that witnesses cosigned or outside authorities timestamped: what the ledger keeps, and what receipts grow by.
#![cfg(feature = "issue")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "support/ledger.rs"]
mod harness;
#[path = "support/sending.rs"]
mod sending;

use std::time::Duration;

use harness::*;
use kbox_proof::clock::ClockReading;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{Environment, EvidenceEvent, Origin};
use kbox_proof::key::{LogSigner, WitnessSigner};
use kbox_proof::ledger::fsck::{FsckReport, Problem, fsck};
use kbox_proof::ledger::{Ledger, LedgerError, MarkError, export};
use kbox_proof::merkle::{LeafHash, TreeSize, hash_leaf};
use kbox_proof::pki::DevPki;
use kbox_proof::receipt::{Demand, Receipt, WitnessOperator, Witnesses};
use kbox_proof::store::{MarkKind, Store, StoreError};
use kbox_proof::time::Time;
use kbox_proof::tlog::{KeyName, Note, TlogProof, VerifierKey};
use kbox_proof::tsa::{Authority, AuthorityConfig, SerialSource};
use kbox_proof::tsp::{MessageImprint, Oid, TimeStampToken, certificate_to_pem};
use kbox_proof::verify::{Rejection, TrustPolicy, VerifiedReceipt, verify_receipt};
use sending::{ORIGIN, at, start};

fn witness(number: u8) -> WitnessSigner {
    let name = KeyName::new(format!("witness-{number}.example")).unwrap();
    WitnessSigner::new(name, LogSigner::from_seed(&[60 + number; 32]).unwrap()).unwrap()
}

/// Three operators of a witness each, two of whom are a quorum.
fn witnesses() -> Witnesses {
    Witnesses {
        operators: [1, 2, 3]
            .map(|number| WitnessOperator {
                name: format!("Commune {number}"),
                keys: vec![witness(number).key().encode()],
                accuracy_ms: 1000,
                independent: true,
            })
            .to_vec(),
        quorum: 2,
    }
}

fn seconds(time: Time) -> u64 {
    u64::try_from(time.unix_secs()).unwrap()
}

/// The newest checkpoint, cosigned by these witnesses at these seconds after the start.
fn cosigned(ledger: &Ledger, by: &[(u8, u64)]) -> String {
    let note = Note::parse(ledger.head().checkpoint.as_bytes()).unwrap();
    let mut all = by.iter();
    all.by_ref()
        .fold(note, |note, (number, after)| {
            witness(*number).cosign(note, seconds(at(*after))).unwrap()
        })
        .encode()
}

fn witnessed(log: &Log) -> Ledger {
    log.open_with(|config| config.witnesses = witnesses())
}

fn judge(log: &Log, receipt: &Receipt, demand: Demand) -> Result<VerifiedReceipt, Rejection> {
    let mut bundle = log.bundle();
    bundle.witnesses = witnesses();
    bundle.demand = demand;
    verify_receipt(receipt, &TrustPolicy::new(&bundle).unwrap(), at(100_000))
}

fn grown(ledger: &Ledger, receipt: &Receipt) -> Receipt {
    let id = EvidenceEvent::from_der(&receipt.event)
        .unwrap()
        .header
        .event_id;
    ledger.receipt(&id).unwrap().unwrap()
}

fn leaf(receipt: &Receipt) -> LeafHash {
    let token = TimeStampToken::parse(&receipt.token).unwrap();
    hash_leaf(&token.leaf_bytes().unwrap())
}

fn size_of(note: &str) -> u64 {
    note.lines().nth(1).unwrap().parse().unwrap()
}

fn keys() -> Vec<VerifierKey> {
    [1, 2, 3]
        .map(|number| witness(number).key().clone())
        .to_vec()
}

fn check(log: &Log, witnesses: &[VerifierKey]) -> FsckReport {
    let key = LogSigner::from_seed(&[LOG_KEY; 32]).unwrap().vkey(ORIGIN);
    fsck(
        log.store.as_ref(),
        &Origin::parse(ORIGIN).unwrap(),
        Environment::Demonstration,
        &VerifierKey::parse(&key).unwrap(),
        witnesses,
        &mut |_, _| (),
    )
    .unwrap()
}

#[test]
fn nothing_is_recorded_before_a_quorum_of_witnesses_cosigned_the_empty_log() {
    let log = Log::new();
    let ledger = witnessed(&log);
    let refused = Err(LedgerError::NotWitnessed);
    assert_eq!(record(&ledger, sending("one")), refused);
    assert_eq!(ledger.check_open(), Err(LedgerError::NotWitnessed));
    // What the service keeps for itself is no evidence.
    ledger.record(Vec::new(), records("a setting")).unwrap();
    let alone = ledger.add_mark(&cosigned(&ledger, &[(2, 0)]));
    let too_few = MarkError::Quorum {
        found: 1,
        needed: 2,
    };
    assert_eq!(alone, Err(LedgerError::Mark(too_few)));
    assert_eq!(record(&ledger, sending("one")), refused);
    ledger.close();

    // The refusal outlives a restart, and so does the mark that ends it.
    let ledger = witnessed(&log);
    assert_eq!(record(&ledger, sending("one")), refused);
    ledger
        .add_mark(&cosigned(&ledger, &[(1, 0), (2, 0)]))
        .unwrap();
    ledger.close();
    let ledger = witnessed(&log);
    record(&ledger, sending("one")).unwrap();
}

#[test]
fn a_receipt_grows_to_temoigne_between_the_last_mark_without_and_the_first_with_its_entry() {
    let log = Log::new();
    let ledger = witnessed(&log);
    let mark = |by: &[(u8, u64)]| ledger.add_mark(&cosigned(&ledger, by)).unwrap();
    mark(&[(1, 0), (2, 1)]);
    log.clock.set(Ok(ClockReading {
        time: at(10),
        accuracy: Duration::from_millis(5),
    }));
    let first = record(&ledger, sending("first")).unwrap();
    assert_eq!(first.before, None);
    let early = grown(&ledger, &first);
    // Without a mark that contains it, it stands under the newest checkpoint, and has its lower bound already.
    assert_eq!(early.proof, first.proof);
    assert_eq!(size_of(early.before.as_deref().unwrap()), 0);
    assert!(matches!(
        judge(&log, &early, Demand::Temoigne),
        Err(Rejection::Level { .. })
    ));
    mark(&[(1, 60), (3, 61)]);
    mark(&[(1, 120), (2, 121), (3, 121)]);
    let last_without = mark(&[(2, 180), (3, 180)]);
    assert_eq!((last_without.size.get(), last_without.number), (1, 2));
    log.clock.set(Ok(ClockReading {
        time: at(200),
        accuracy: Duration::from_millis(5),
    }));
    let second = record(&ledger, sending("second")).unwrap();
    let third = record(&ledger, sending("third")).unwrap();
    mark(&[(1, 240), (2, 241)]);
    mark(&[(1, 300), (2, 301)]);

    let bounds = |receipt: &Receipt| {
        judge(&log, receipt, Demand::Temoigne)
            .unwrap()
            .bounds()
            .unwrap()
    };
    let first = grown(&ledger, &first);
    assert_eq!(bounds(&first), (at(0), at(61)));
    for receipt in [&second, &third] {
        let grown = grown(&ledger, receipt);
        assert_eq!(bounds(&grown), (at(180), at(241)));
        assert_eq!(grown.before.as_ref(), Some(&last_without.note));
        // The public route gives the same to whoever has the token.
        let upgrade = ledger.upgrade(&leaf(receipt)).unwrap().unwrap();
        assert_eq!(
            (&upgrade.proof, &upgrade.before),
            (&grown.proof, &grown.before)
        );
        assert_eq!(upgrade.consistency, grown.consistency);
        // The event itself names what was seen before it.
        let seen = Sha256Digest::of(last_without.note.as_bytes());
        let event = EvidenceEvent::from_der(&receipt.event).unwrap();
        assert_eq!(event.header.witnessed, Some(seen));
    }
    // A retry still gets the bytes of the first answer.
    assert_eq!(record(&ledger, sending("second")).unwrap(), second);
    let note = ledger.checkpoint_at(TreeSize::new(1)).unwrap().unwrap();
    assert_eq!(
        note,
        TlogProof::parse(first.proof.as_bytes())
            .unwrap()
            .checkpoint()
            .encode()
    );

    let report = check(&log, &keys());
    assert_eq!(report.findings, []);
    assert_eq!((report.marks, report.anchors), (6, 0));
}

#[test]
fn a_token_that_the_operator_dates_back_between_two_marks_is_outside_their_bounds() {
    let log = Log::new();
    let ledger = witnessed(&log);
    ledger
        .add_mark(&cosigned(&ledger, &[(1, 3600), (2, 3600)]))
        .unwrap();
    // The operator holds every key, and turns the clock back an hour.
    let backdated = record(&ledger, sending("backdated")).unwrap();
    ledger
        .add_mark(&cosigned(&ledger, &[(1, 3660), (2, 3660)]))
        .unwrap();
    let backdated = grown(&ledger, &backdated);
    assert!(matches!(
        judge(&log, &backdated, Demand::Journalise),
        Err(Rejection::OutsideBounds { .. })
    ));
    // Who withholds checkpoints shows marks too far apart.
    let log = Log::new();
    let ledger = witnessed(&log);
    ledger
        .add_mark(&cosigned(&ledger, &[(1, 0), (2, 0)]))
        .unwrap();
    let withheld = record(&ledger, sending("withheld")).unwrap();
    ledger
        .add_mark(&cosigned(&ledger, &[(1, 90_000), (2, 90_000)]))
        .unwrap();
    assert!(matches!(
        judge(&log, &grown(&ledger, &withheld), Demand::Temoigne),
        Err(Rejection::Gap { .. })
    ));
}

#[test]
fn only_checkpoints_of_this_tree_with_a_quorum_of_timed_cosignatures_are_kept() {
    let log = Log::new();
    let ledger = witnessed(&log);
    let other = Log::new();
    let theirs = other.open();
    record(&theirs, sending("another-history")).unwrap();
    let mark = |ledger: &Ledger, note: &str| match ledger.add_mark(note) {
        Err(LedgerError::Mark(error)) => error,
        other => panic!("{other:?}"),
    };
    // Signed by the same key, of another tree: larger than ours, then of our size.
    let foreign = cosigned(&theirs, &[(1, 5), (2, 5)]);
    let beyond = MarkError::OtherTree {
        size: TreeSize::new(1),
        ours: TreeSize::new(0),
    };
    assert_eq!(mark(&ledger, &foreign), beyond);
    ledger
        .add_mark(&cosigned(&ledger, &[(1, 0), (2, 0)]))
        .unwrap();
    record(&ledger, sending("ours")).unwrap();
    assert!(matches!(
        mark(&ledger, &foreign),
        MarkError::OtherTree { .. }
    ));
    let unsigned = foreign.replacen(ORIGIN, "kbox.example/log/2", 1);
    assert!(matches!(mark(&ledger, &unsigned), MarkError::Checkpoint(_)));
    assert!(matches!(mark(&ledger, "a letter"), MarkError::Note(_)));

    let good = cosigned(&ledger, &[(1, 5), (2, 5), (3, 5)]);
    let spoiled = good.trim_end().to_string();
    let cut = spoiled.rfind(' ').unwrap() + 9;
    let mut bytes = spoiled.into_bytes();
    bytes[cut] = if bytes[cut] == b'A' { b'B' } else { b'A' };
    bytes.push(b'\n');
    let spoiled = String::from_utf8(bytes).unwrap();
    assert!(matches!(mark(&ledger, &spoiled), MarkError::Cosignature(_)));
    // A zero timestamp says nothing of time, and one operator counts once.
    let note = || Note::parse(ledger.checkpoint().as_bytes()).unwrap();
    let zero = witness(2)
        .cosign(witness(1).cosign(note(), 0).unwrap(), seconds(at(5)))
        .unwrap()
        .encode();
    let quorum = MarkError::Quorum {
        found: 1,
        needed: 2,
    };
    assert_eq!(mark(&ledger, &zero), quorum);
    let twice = witness(1).cosign(note(), 6).unwrap();
    let twice = witness(1).cosign(twice, 7).unwrap().encode();
    assert_eq!(mark(&ledger, &twice), quorum);
    // A stranger's line is not kept: nobody checked it.
    let stranger = Note::parse(good.as_bytes()).unwrap();
    let kept = ledger
        .add_mark(&witness(9).cosign(stranger, 5).unwrap().encode())
        .unwrap();
    assert_eq!(kept.note, good);
    assert_eq!(check(&log, &keys()).findings, []);
}

#[test]
fn a_mark_that_the_disk_refuses_is_not_there_and_one_that_fails_ends_the_log() {
    let log = Log::new();
    let ledger = witnessed(&log);
    let note = cosigned(&ledger, &[(1, 0), (2, 0)]);
    log.store.plan_mark(Fault::Refuse);
    assert_eq!(ledger.add_mark(&note), Err(LedgerError::Store(full())));
    assert_eq!(
        record(&ledger, sending("one")),
        Err(LedgerError::NotWitnessed)
    );
    log.store.plan_mark(Fault::FailLost);
    assert_eq!(ledger.add_mark(&note), Err(LedgerError::Stopped));
    assert_eq!(log.fatal(), [LedgerError::Store(disk_error())]);
    assert_eq!(ledger.add_mark(&note), Err(LedgerError::Stopped));
}

#[test]
fn fsck_finds_marks_of_another_tree_of_no_witness_and_at_no_checkpoint() {
    let log = Log::new();
    let ledger = witnessed(&log);
    ledger
        .add_mark(&cosigned(&ledger, &[(1, 0), (2, 0)]))
        .unwrap();
    record(&ledger, sending("one")).unwrap();
    let good = cosigned(&ledger, &[(1, 5), (2, 5)]);
    ledger.add_mark(&good).unwrap();
    assert_eq!(check(&log, &keys()).findings, []);
    let problem = |report: &FsckReport| report.findings[0].problem.clone();
    // A key that no bundle names.
    let known = &keys()[..1];
    assert!(matches!(problem(&check(&log, known)), Problem::Mark { .. }));
    let plain = ledger.checkpoint();
    for (size, note) in [(1, plain.as_str()), (0, good.as_str()), (7, good.as_str())] {
        let log = Log::new();
        let ledger = witnessed(&log);
        ledger
            .add_mark(&cosigned(&ledger, &[(1, 0), (2, 0)]))
            .unwrap();
        record(&ledger, sending("one")).unwrap();
        log.store.add_mark(TreeSize::new(size), note, None).unwrap();
        let found = problem(&check(&log, &keys()));
        match size {
            7 => assert!(
                matches!(
                    found,
                    Problem::Rows {
                        kind: "cosigned checkpoints",
                        ..
                    }
                ),
                "{found}"
            ),
            _ => assert!(matches!(found, Problem::Mark { .. }), "{found}"),
        }
    }
}

/// An authority that is not the log's, and its root.
fn outside() -> (Authority, Vec<u8>) {
    let pki = DevPki::generate(start(), true).unwrap();
    let policy = Oid::demonstration_public_policy();
    let config = AuthorityConfig::new(pki.public.signer, pki.public.chain, policy);
    (Authority::new(config, start()).unwrap(), pki.root)
}

#[test]
fn a_receipt_grows_by_the_outside_tokens_of_the_next_anchored_checkpoint() {
    let log = Log::new();
    let ledger = witnessed(&log);
    ledger
        .add_mark(&cosigned(&ledger, &[(1, 0), (2, 0)]))
        .unwrap();
    let first = record(&ledger, sending("first")).unwrap();
    let cosigned_first = ledger
        .add_mark(&cosigned(&ledger, &[(1, 30), (2, 30)]))
        .unwrap();
    log.clock.advance(Duration::from_secs(60));
    let second = record(&ledger, sending("second")).unwrap();
    let later = ledger
        .add_mark(&cosigned(&ledger, &[(1, 90), (2, 90)]))
        .unwrap();

    let (authority, root) = outside();
    let serials = SerialSource::new().unwrap();
    let stamp = |note: &str, after: u64| {
        let imprint = MessageImprint::sha256(&Sha256Digest::of(note.as_bytes()));
        authority
            .issue(&imprint, at(after), &serials.draw(), None, true)
            .unwrap()
    };
    let token = stamp(&later.note, 100);
    // Not over this note.
    let imprint = LedgerError::Mark(MarkError::Imprint);
    assert_eq!(
        ledger.add_anchor(&cosigned_first.note, &token),
        Err(imprint)
    );
    assert!(matches!(
        ledger.add_anchor(&later.note, b"0"),
        Err(LedgerError::Mark(MarkError::Token(_)))
    ));
    ledger.add_anchor(&later.note, &token).unwrap();
    ledger
        .add_anchor(&later.note, &stamp(&later.note, 101))
        .unwrap();

    let mut bundle = log.bundle();
    bundle.witnesses = witnesses();
    bundle.demand = Demand::Ancre;
    bundle.anchor_roots = vec![certificate_to_pem(&root)];
    let policy = TrustPolicy::new(&bundle).unwrap();
    for (receipt, hashes) in [(&first, 1), (&second, 0)] {
        let grown = grown(&ledger, receipt);
        assert_eq!(grown.anchors.len(), 2);
        assert_eq!(grown.anchors[0].consistency.len(), hashes);
        verify_receipt(&grown, &policy, at(3600)).unwrap();
    }
    let report = check(&log, &keys());
    assert_eq!(report.findings, []);
    assert_eq!((report.marks, report.anchors), (3, 2));
    // An anchor over another note than its own is damage.
    log.store
        .add_mark(TreeSize::new(2), &later.note, Some(&stamp("other", 5)))
        .unwrap();
    assert!(matches!(
        check(&log, &keys()).findings[0].problem,
        Problem::Mark { size, number: 2, .. } if size == TreeSize::new(2)
    ));

    // All of it goes with an export.
    let mut files = std::collections::BTreeMap::new();
    export(
        log.store.as_ref(),
        |name, bytes| -> Result<(), StoreError> {
            files.insert(
                name.to_string(),
                String::from_utf8_lossy(bytes).into_owned(),
            );
            Ok(())
        },
    )
    .unwrap();
    let lines = |name: &str| -> Vec<serde_json::Value> {
        files[name]
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let marks = lines("marks/000000.jsonl");
    assert_eq!(marks.len(), 3);
    assert_eq!(marks[2]["note"], later.note.as_str());
    assert_eq!(marks[2]["size"], 2);
    let anchors = lines("anchors/000000.jsonl");
    assert_eq!(anchors.len(), 3);
    assert!(anchors[0]["token"].as_str().unwrap().starts_with("MI"));
    assert_eq!(
        ledger
            .last_mark(MarkKind::Anchored)
            .unwrap()
            .unwrap()
            .number,
        2
    );
}

#[test]
fn a_log_without_witnesses_has_no_marks_and_is_anchored_all_the_same() {
    let log = Log::new();
    let ledger = log.open();
    let receipt = record(&ledger, sending("one")).unwrap();
    let note = cosigned(&ledger, &[(1, 5)]);
    let none = LedgerError::Mark(MarkError::Quorum {
        found: 0,
        needed: 1,
    });
    assert_eq!(ledger.add_mark(&note), Err(none));
    let (authority, _) = outside();
    let plain = ledger.checkpoint();
    let imprint = MessageImprint::sha256(&Sha256Digest::of(plain.as_bytes()));
    let serial = SerialSource::new().unwrap().draw();
    let token = authority
        .issue(&imprint, at(9), &serial, None, true)
        .unwrap();
    ledger.add_anchor(&plain, &token).unwrap();
    record(&ledger, sending("two")).unwrap();
    let grown = grown(&ledger, &receipt);
    assert_eq!(checkpoint_of(&grown), plain);
    assert_eq!(grown.anchors.len(), 1);
    assert_eq!(grown.before, None);
    log.verify(&grown);
}

#[test]
fn a_halted_log_records_nothing_more() {
    let log = Log::new();
    let ledger = log.open();
    record(&ledger, sending("one")).unwrap();
    let why = LedgerError::RolledBack {
        witness: "witness-1.example".into(),
        seen: TreeSize::new(2),
        ours: TreeSize::new(1),
    };
    ledger.halt(why.clone());
    assert_eq!(record(&ledger, sending("two")), Err(why.clone()));
    assert_eq!(record(&ledger, sending("one")), Err(why.clone()));
    assert_eq!(ledger.check_open(), Err(why));
    ledger.record(Vec::new(), records("a setting")).unwrap();
}
