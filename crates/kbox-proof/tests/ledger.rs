// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The ledger over a store that fails, refuses, waits or lies when it is told to.
#![cfg(feature = "issue")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/ledger.rs"]
mod harness;
#[path = "support/sending.rs"]
mod sending;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use harness::*;
use kbox_proof::clock::{ClockError, ClockReading, TestClock};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::key::{LogSigner, TokenKeyKind, TokenSigner};
use kbox_proof::ledger::fsck::{FsckReport, Problem, fsck};
use kbox_proof::ledger::{EventRequest, HoldRelease, HoldScope, Ledger, LedgerConfig, LedgerError};
use kbox_proof::merkle::LeafIndex;
use kbox_proof::pki::DevPki;
use kbox_proof::receipt::Receipt;
use kbox_proof::store::{MemoryStore, RecordBatch, Records, Store, StoreError};
use kbox_proof::tlog::VerifierKey;
use kbox_proof::tsa::{Authority, AuthorityConfig};
use sending::{ORIGIN, PAPER, at, body, erasure, personal, start, step, submission, text};

fn reading(after: Duration, accuracy: Duration) -> Result<ClockReading, ClockError> {
    Ok(ClockReading {
        time: start().saturating_add(after),
        accuracy,
    })
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_refused_commit_answers_everyone_in_it_changes_nothing_and_the_log_goes_on() {
    let log = Log::new();
    let ledger = log.open();
    log.store.gate.shut();
    let first = submit(&ledger, vec![sending("first")], records("first"));
    log.store.gate.wait_for_commit();
    // These three wait meanwhile, and so are one commit.
    let refused = ["a", "b", "c"].map(|id| submit(&ledger, vec![sending(id)], records(id)));
    log.store.plan([Fault::None, Fault::Refuse]);
    log.store.gate.open();
    let first = first.recv().unwrap().unwrap().remove(0);
    for answer in refused {
        assert_eq!(answer.recv().unwrap(), Err(LedgerError::Store(full())));
    }
    assert_eq!(ledger.size().get(), 1);
    assert_eq!(log.store.head().unwrap().unwrap(), ledger.head());
    for id in ["a", "b", "c"] {
        assert_eq!(log.store.get(id.as_bytes()).unwrap(), None);
    }

    let again = ["c", "b", "a"].map(|id| record(&ledger, sending(id)).unwrap());
    let again = again.map(|receipt| log.verify(&receipt));
    assert_eq!(
        again.each_ref().map(|one| one.event().header.rank),
        [1, 2, 3]
    );
    // The serials of the refused tokens were drawn, and are not drawn again.
    let first = log.verify(&first);
    assert_eq!(counter(&first) + 4, counter(&again[0]));
    log.assert_whole();
    assert_eq!(log.fatal(), []);
}

/// More than one thread takes all the way.
const SOME: u64 = 20;
/// More than are built ahead of the commit before.
const MANY: u64 = 400;

/// While the commit of "first" and others waits at the gate, a group is built upon it: `again` and [`MANY`] more.
fn built_ahead(
    log: &Log,
    ledger: &Ledger,
    again: EventRequest,
) -> [std::sync::mpsc::Receiver<Answer>; 2] {
    log.store.gate.shut();
    let mut events = vec![sending("first")];
    events.extend((1..SOME).map(|number| sending(&format!("first-{number}"))));
    let first = submit(ledger, events, RecordBatch::new());
    log.store.gate.wait_for_commit();
    let sought = log.store.sought();
    let mut events = vec![again];
    events.extend((0..MANY).map(|number| sending(&format!("ahead-{number}"))));
    let ahead = submit(ledger, events, records("ahead"));
    // The retry is found without the store, which does not have it yet.
    while log.store.sought() < sought + MANY {
        std::thread::sleep(MS);
    }
    [first, ahead]
}

#[test]
fn a_group_built_ahead_follows_the_one_before_and_knows_its_requests() {
    let log = Log::new();
    let ledger = log.open();
    let [first, ahead] = built_ahead(&log, &ledger, sending("first"));
    log.store.gate.open();
    let first = first.recv().unwrap().unwrap();
    let ahead = ahead.recv().unwrap().unwrap();
    assert_eq!(ahead[0], first[0]);
    let ranks: Vec<_> = ahead
        .iter()
        .map(|receipt| log.verify(receipt).event().header.rank)
        .collect();
    assert_eq!(ranks[0], 0);
    assert_eq!(ranks[1..], (SOME..SOME + MANY).collect::<Vec<_>>());
    assert_eq!(ledger.size().get(), SOME + MANY);
    log.assert_whole();
}

#[test]
fn a_group_built_upon_a_refused_one_is_refused_with_it_and_the_log_goes_on() {
    let log = Log::new();
    let ledger = log.open();
    let [first, ahead] = built_ahead(&log, &ledger, sending("first"));
    log.store.plan([Fault::Refuse]);
    log.store.gate.open();
    assert_eq!(first.recv().unwrap(), Err(LedgerError::Store(full())));
    assert_eq!(ahead.recv().unwrap(), Err(LedgerError::Store(full())));
    assert_eq!(ledger.size().get(), 0);
    assert_eq!(log.store.get(b"ahead").unwrap(), None);
    for (rank, id) in (0..).zip(["ahead-7", "first", "ahead-0"]) {
        let receipt = record(&ledger, sending(id)).unwrap();
        assert_eq!(log.verify(&receipt).event().header.rank, rank);
    }
    log.assert_whole();
    assert_eq!(log.fatal(), []);
}

#[test]
fn nobody_is_told_of_a_conflict_with_what_was_then_refused() {
    let log = Log::new();
    let ledger = log.open();
    let mut other = sending("first");
    let mut content = submission();
    content.author = text("La première adjointe");
    other.body.detail = Detail::SubmissionAcceptance(content);
    let [first, ahead] = built_ahead(&log, &ledger, other.clone());
    log.store.plan([Fault::Refuse]);
    log.store.gate.open();
    for answer in [first, ahead] {
        assert_eq!(answer.recv().unwrap(), Err(LedgerError::Store(full())));
    }
    // Nor with an event of one's own group.
    log.store.gate.shut();
    let blocker = submit(&ledger, vec![sending("blocker")], RecordBatch::new());
    log.store.gate.wait_for_commit();
    let alike = [1, 2].map(|version| {
        submit(
            &ledger,
            vec![publication("alike", version)],
            RecordBatch::new(),
        )
    });
    log.store.plan([Fault::None, Fault::Refuse]);
    log.store.gate.open();
    blocker.recv().unwrap().unwrap();
    for answer in alike {
        assert_eq!(answer.recv().unwrap(), Err(LedgerError::Store(full())));
    }
    log.verify(&record(&ledger, other).unwrap());
    assert_eq!(ledger.size().get(), 2);
    log.assert_whole();
    assert_eq!(log.fatal(), []);
}

#[test]
fn a_group_built_upon_a_failed_one_is_never_written() {
    let log = Log::new();
    let ledger = log.open();
    let [first, ahead] = built_ahead(&log, &ledger, sending("first"));
    log.store.plan([Fault::FailKept]);
    log.store.gate.open();
    assert_eq!(first.recv().unwrap(), Err(LedgerError::Stopped));
    assert_eq!(ahead.recv().unwrap(), Err(LedgerError::Stopped));
    assert_eq!(log.fatal(), [LedgerError::Store(disk_error())]);
    drop(ledger);
    assert_eq!(log.open().size().get(), SOME);
    log.assert_whole();
}

#[test]
fn a_callback_that_drops_the_last_handle_waits_for_nobody() {
    let log = Log::new();
    // Answered by the sequencer itself, and by the thread that acknowledges.
    for events in [1, SOME] {
        let ledger = Arc::new(log.open());
        log.store.gate.shut();
        let (answer, answered) = std::sync::mpsc::channel();
        let last = Arc::clone(&ledger);
        let events = (0..events).map(|number| sending(&format!("last-{events}-{number}")));
        let on_done = move |result: Answer| {
            drop(last);
            answer.send(result).unwrap();
        };
        ledger
            .submit(events.collect(), RecordBatch::new(), on_done)
            .unwrap();
        drop(ledger);
        log.store.gate.open();
        let answered = answered.recv_timeout(Duration::from_secs(60)).unwrap();
        answered.unwrap();
    }
    assert_eq!(log.fatal(), []);
}

#[test]
fn a_refused_first_commit_leaves_the_certificates_to_the_next() {
    let log = Log::new();
    let ledger = log.open();
    log.store.plan([Fault::Refuse]);
    assert_eq!(
        record(&ledger, sending("one")),
        Err(LedgerError::Store(full()))
    );
    let receipt = record(&ledger, sending("one")).unwrap();
    let id = log.verify(&receipt).event().header.event_id;
    // Made from what is stored, not from memory.
    assert_eq!(ledger.receipt(&id).unwrap().unwrap(), receipt);
}

#[test]
fn a_failed_commit_stops_the_log_and_reopened_each_request_is_one_event_under_one_tree() {
    for fault in [Fault::FailLost, Fault::FailKept] {
        let log = Log::new();
        let ledger = log.open();
        let first = record(&ledger, sending("first")).unwrap();
        let (before, event) = (ledger.checkpoint(), log.verify(&first));
        log.store.gate.shut();
        let failing = submit(&ledger, vec![sending("failing")], records("failing"));
        log.store.gate.wait_for_commit();
        let waiting = submit(&ledger, vec![sending("waiting")], RecordBatch::new());
        log.store.plan([fault]);
        log.store.gate.open();
        assert_eq!(failing.recv().unwrap(), Err(LedgerError::Stopped));
        assert_eq!(waiting.recv().unwrap(), Err(LedgerError::Stopped));
        assert_eq!(record(&ledger, sending("later")), Err(LedgerError::Stopped));
        // Nothing of it leaves the process, and nothing more is written to that store.
        assert_eq!(ledger.checkpoint(), before);
        let id = &event.event().header.event_id;
        assert_eq!(ledger.erase(erasing(*id)), Err(LedgerError::Stopped));
        ledger.close();
        assert_eq!(log.fatal(), [LedgerError::Store(disk_error())]);
        drop(ledger);

        let ledger = log.open();
        let kept = usize::from(matches!(fault, Fault::FailKept));
        assert_eq!(ledger.size().get(), 1 + kept as u64);
        let mut left = vec![before, ledger.checkpoint()];
        let ids = ["first", "failing", "waiting", "later"];
        let receipts = ids.map(|id| record(&ledger, sending(id)).unwrap());
        assert_eq!(receipts[0].event, first.event);
        assert_eq!(
            receipts.clone(),
            ids.map(|id| record(&ledger, sending(id)).unwrap())
        );
        assert_eq!(ledger.size().get(), 4);
        left.push(ledger.checkpoint());
        left.extend(receipts.iter().map(checkpoint_of));
        left.push(checkpoint_of(&first));
        assert_one_tree(&left);
        log.assert_whole();
    }
}

#[test]
fn two_ledgers_over_one_store_do_not_fork_the_tree() {
    let log = Log::new();
    let (one, other) = (log.open(), log.open());
    let receipt = record(&one, sending("one")).unwrap();
    assert_eq!(record(&other, sending("two")), Err(LedgerError::Stopped));
    other.close();
    assert!(
        matches!(
            log.fatal().as_slice(),
            [LedgerError::Store(StoreError::HeadChanged { .. })]
        ),
        "{:?}",
        log.fatal()
    );
    let last = record(&one, sending("two")).unwrap();
    assert_one_tree(&[
        checkpoint_of(&receipt),
        checkpoint_of(&last),
        other.checkpoint(),
    ]);
    log.assert_whole();
}

#[test]
fn a_proof_that_does_not_hold_stops_the_log() {
    // So many that their proofs do not come from memory alone.
    const EVENTS: usize = 64 * 256 + 300;
    let log = Log::new();
    let ledger = log.open_with(|config| config.max_batch_events = EVENTS);
    let ids: Vec<_> = (0..EVENTS).map(|n| format!("event-{n}")).collect();
    let all = || ids.iter().map(|id| publication(id, 1)).collect();
    log.store.lie_about_tiles(true);
    assert_eq!(
        ledger.record(all(), RecordBatch::new()),
        Err(LedgerError::Stopped)
    );
    assert_eq!(
        record(&ledger, publication("later", 1)),
        Err(LedgerError::Stopped)
    );
    ledger.close();
    assert!(
        matches!(log.fatal().as_slice(), [LedgerError::ProofFailed(_)]),
        "{:?}",
        log.fatal()
    );
    drop(ledger);

    log.store.lie_about_tiles(false);
    let ledger = log.open();
    assert_eq!(ledger.size().get(), EVENTS as u64);
    let receipt = record(&ledger, publication("event-0", 1)).unwrap();
    assert_eq!(log.verify(&receipt).event().header.rank, 0);
    let later = record(&ledger, publication("later", 1)).unwrap();
    assert_eq!(log.verify(&later).event().header.rank, EVENTS as u64);
}

#[test]
fn an_old_entry_that_cannot_be_proven_is_not_handed_out_and_the_log_goes_on() {
    let log = Log::new();
    let ledger = log.open();
    let receipt = record(&ledger, sending("one")).unwrap();
    let id = log.verify(&receipt).event().header.event_id;
    log.store.lie_about_leaf(Some(0));
    let failed = |result| matches!(result, Err(LedgerError::ProofFailed(_)));
    assert!(failed(record(&ledger, sending("one"))));
    assert!(failed(ledger.receipt(&id).map(Option::unwrap)));
    log.verify(&record(&ledger, sending("two")).unwrap());
    assert_eq!(log.fatal(), []);
    log.store.lie_about_leaf(None);
    assert_eq!(record(&ledger, sending("one")).unwrap(), receipt);
}

#[test]
fn a_damaged_tree_or_the_log_of_another_origin_or_key_is_not_continued() {
    let log = Log::new();
    record(&log.open(), sending("one")).unwrap();
    let opened = |origin: &str, key: u8| log.try_open(origin, key, |_| {}).map(|_| ());
    assert_eq!(opened(ORIGIN, LOG_KEY), Ok(()));
    for (origin, key) in [(ORIGIN, LOG_KEY + 1), ("kbox.example/log/2", LOG_KEY)] {
        assert!(matches!(
            opened(origin, key),
            Err(LedgerError::OtherLog { .. })
        ));
    }
    log.store.lie_about_tiles(true);
    assert!(matches!(
        opened(ORIGIN, LOG_KEY),
        Err(LedgerError::TreeDamaged { .. })
    ));
    log.store.lie_about_tiles(false);
    log.store.lie_about_leaf(Some(0));
    assert!(matches!(
        opened(ORIGIN, LOG_KEY),
        Err(LedgerError::TreeDamaged { .. })
    ));
}

/// Such an authority could sign, and the log hold nothing of it.
#[test]
fn a_log_is_not_opened_with_an_authority_whose_tokens_have_no_leaf_whatever_its_policy() {
    let ed25519 = || TokenSigner::generate_kind(TokenKeyKind::Ed25519).unwrap();
    let pss = || {
        let kind = TokenKeyKind::Rsa { bits: 2048 };
        TokenSigner::generate_kind(kind)
            .unwrap()
            .with_pss()
            .unwrap()
    };
    for signer in [ed25519(), pss()] {
        let spare = TokenSigner::generate().unwrap();
        let pki = DevPki::with_keys(start(), true, spare, signer)
            .unwrap()
            .public;
        let policy = "1.2.3".parse().unwrap();
        let config = AuthorityConfig::new(pki.signer, pki.chain, policy);
        let authority = Authority::new(config, start()).unwrap();
        let refused = Ledger::open(
            LedgerConfig::new(Origin::parse(ORIGIN).unwrap(), Environment::Demonstration),
            Arc::new(MemoryStore::new()),
            authority,
            LogSigner::generate().unwrap(),
            Arc::new(TestClock::at(start())),
        );
        match refused.err() {
            Some(LedgerError::Signing(text)) => assert!(text.contains("one leaf"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn gen_time_never_goes_back_when_the_clock_does_within_its_accuracy() {
    let log = Log::new();
    let ledger = log.open();
    let gen_time = |id: &str, after: Duration| {
        log.clock.set(reading(after, 400 * MS));
        let receipt = record(&ledger, sending(id)).unwrap();
        log.verify(&receipt).timestamp().gen_time()
    };
    let second = Duration::from_secs(1);
    assert_eq!(gen_time("one", second), at(1));
    assert_eq!(gen_time("back", second - 400 * MS), at(1));
    assert_eq!(gen_time("still-back", second - 300 * MS), at(1));
    assert_eq!(gen_time("on", 2 * second), at(2));
    log.assert_whole();
}

#[test]
fn a_clock_further_behind_the_log_than_its_accuracy_records_nothing_even_after_a_restart() {
    let log = Log::new();
    let mut ledger = log.open();
    log.clock.set(reading(Duration::from_secs(10), 400 * MS));
    record(&ledger, sending("one")).unwrap();
    for _restart in 0..2 {
        let behind = Duration::from_secs(10) - 401 * MS;
        log.clock.set(reading(behind, 400 * MS));
        assert_eq!(
            submit(&ledger, vec![sending("two")], records("two"))
                .recv()
                .unwrap(),
            Err(LedgerError::ClockBehindLog {
                reading: start().saturating_add(behind),
                accuracy: 400 * MS,
                newest: at(10),
            })
        );
        assert_eq!(ledger.size().get(), 1);
        assert_eq!(log.store.get(b"two").unwrap(), None);
        // What was recorded before is still answered.
        record(&ledger, sending("one")).unwrap();
        drop(ledger);
        ledger = log.open();
    }
    log.clock.set(reading(Duration::from_secs(11), 400 * MS));
    let receipt = record(&ledger, sending("two")).unwrap();
    assert_eq!(log.verify(&receipt).timestamp().gen_time(), at(11));
    log.assert_whole();
}

#[test]
fn without_trusted_time_nothing_is_recorded_until_the_clock_is_well() {
    let log = Log::new();
    let ledger = log.open();
    let inaccurate = LedgerError::ClockInaccurate {
        clock: 1000 * MS,
        stated: 1000 * MS,
    };
    for (shown, expected) in [
        (
            Err(ClockError::Unsynchronised),
            LedgerError::TimeNotAvailable(ClockError::Unsynchronised),
        ),
        (
            Err(ClockError::Stepped { by: 5 * MS }),
            LedgerError::TimeNotAvailable(ClockError::Stepped { by: 5 * MS }),
        ),
        // genTime is rounded down by up to a millisecond more.
        (reading(Duration::ZERO, 1000 * MS), inaccurate),
    ] {
        log.clock.set(shown);
        let answer = submit(&ledger, vec![sending("one")], records("one"));
        assert_eq!(answer.recv().unwrap(), Err(expected));
        assert_eq!(ledger.size().get(), 0);
        assert_eq!(log.store.get(b"one").unwrap(), None);
    }
    log.clock.set(reading(Duration::ZERO, 999 * MS));
    log.verify(&record(&ledger, sending("one")).unwrap());
    assert_eq!(log.fatal(), []);
}

#[test]
fn one_request_id_sent_by_many_at_once_is_one_event_and_other_content_a_conflict() {
    let log = Log::new();
    let ledger = log.open();
    // In one batch, by the gate; then in whatever batches many threads give.
    log.store.gate.shut();
    let blocker = submit(&ledger, vec![sending("blocker")], RecordBatch::new());
    log.store.gate.wait_for_commit();
    let queued: Vec<_> = (0..16)
        .map(|n| {
            submit(
                &ledger,
                vec![publication("queued", 1 + n % 2)],
                RecordBatch::new(),
            )
        })
        .collect();
    log.store.gate.open();
    blocker.recv().unwrap().unwrap();
    let answers: Vec<_> = queued
        .into_iter()
        .map(|answer| answer.recv().unwrap().map(|mut list| list.remove(0)))
        .collect();
    assert_one_winner("queued", &answers);

    for round in 0..20 {
        let id = format!("round-{round}");
        let (ledger, id, barrier) = (&ledger, id.as_str(), &Barrier::new(8));
        let answers: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    scope.spawn(move || {
                        barrier.wait();
                        record(ledger, publication(id, 1 + thread % 2))
                    })
                })
                .collect();
            threads.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_one_winner(id, &answers);
    }
    assert_eq!(ledger.size().get(), 22);
    log.assert_whole();
}

/// Half asked for version 1, half for version 2: one half has one and the same receipt, the other is refused.
fn assert_one_winner(id: &str, answers: &[Result<Receipt, LedgerError>]) {
    let conflict = LedgerError::Conflict {
        request_id: request_id(id),
    };
    let winner = answers.iter().position(Result::is_ok).unwrap() % 2;
    let receipts: Vec<_> = answers.iter().skip(winner).step_by(2).collect();
    assert!(receipts.iter().all(|one| *one == receipts[0]));
    let others = answers.iter().skip(1 - winner).step_by(2);
    assert!(
        others
            .map(|one| one.as_ref().unwrap_err())
            .all(|error| *error == conflict)
    );
}

#[test]
fn closing_under_load_records_what_was_taken_refuses_the_rest_and_loses_no_answer() {
    let log = Log::new();
    let ledger = log.open_with(|config| config.max_waiting_events = 32);
    let taken: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let ledger = &ledger;
                scope.spawn(move || {
                    let mut taken = Vec::new();
                    for n in 0.. {
                        let id = format!("{thread}-{n}");
                        let (answer, waiting) = answer();
                        let events = vec![publication(&id, 1)];
                        match ledger.submit(events, records(&id), answer) {
                            Ok(()) => taken.push((id, waiting)),
                            Err(LedgerError::Busy) => std::thread::yield_now(),
                            Err(LedgerError::Closed) => break,
                            Err(other) => panic!("{other}"),
                        }
                    }
                    taken
                })
            })
            .collect();
        while ledger.size().get() < 100 {
            std::thread::yield_now();
        }
        ledger.close();
        threads
            .into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect()
    });
    let events = taken.len() as u64;
    let receipts: Vec<_> = taken
        .into_iter()
        .map(|(id, waiting)| (id, waiting.recv().unwrap().unwrap().remove(0)))
        .collect();
    // Closed is no failure, and stays the answer once the threads have ended.
    assert_eq!(record(&ledger, sending("late")), Err(LedgerError::Closed));
    let unknown = EventId::from_bytes([0; 16]);
    assert_eq!(ledger.erase(erasing(unknown)), Err(LedgerError::Closed));
    assert_eq!(log.fatal(), []);
    drop(ledger);

    let ledger = log.open();
    assert_eq!(ledger.size().get(), events);
    for (id, receipt) in receipts {
        assert_eq!(record(&ledger, publication(&id, 1)).unwrap(), receipt);
        assert!(log.store.get(id.as_bytes()).unwrap().is_some());
    }
    assert_eq!(ledger.size().get(), events);
    log.assert_whole();
}

#[test]
fn a_commit_that_fails_while_closing_loses_no_answer() {
    let log = Log::new();
    let ledger = log.open_with(|config| config.max_batch_events = 1);
    log.store.gate.shut();
    let waiting = ["a", "b", "c"].map(|id| submit(&ledger, vec![sending(id)], RecordBatch::new()));
    log.store.gate.wait_for_commit();
    log.store.plan([Fault::FailLost]);
    std::thread::scope(|scope| {
        scope.spawn(|| ledger.close());
        let unknown = EventId::from_bytes([0; 16]);
        while ledger.erase(erasing(unknown)) != Err(LedgerError::Closed) {
            std::thread::yield_now();
        }
        log.store.gate.open();
    });
    for answer in waiting {
        assert_eq!(answer.recv().unwrap(), Err(LedgerError::Stopped));
    }
    assert_eq!(log.fatal(), [LedgerError::Store(disk_error())]);
}

#[test]
fn an_erased_personal_part_is_gone_and_the_rest_still_verifies() {
    let log = Log::new();
    let ledger = log.open();
    let sent = record(&ledger, sending("sending")).unwrap();
    let consignment = || EventRequest {
        request_id: request_id("consignment"),
        collectivite: commune(),
        body: body(
            Detail::ContentConsignment(step(0)),
            Some(event_digest(&sent.event)),
        ),
        personal: Some(personal(0).data),
    };
    let whole = record(&ledger, consignment()).unwrap();
    let verified = log.verify(&whole);
    assert_eq!(verified.personal(), Some(&personal(0).data));
    let id = verified.event().header.event_id;
    assert_eq!(
        ledger.erase(erasing(EventId::from_bytes([0; 16]))),
        Ok(None)
    );
    assert_eq!(record(&ledger, consignment()).unwrap(), whole);

    let trace = ledger.erase(erasing(id)).unwrap().unwrap();
    let said = log.verify(&trace);
    assert_eq!(said.event().body.refers_to, Some(verified.digest()));
    assert_eq!(
        said.event().body.detail,
        Detail::PersonalDataErasure(erasure())
    );
    let check = |ledger: &Ledger| {
        let rest = ledger.receipt(&id).unwrap().unwrap();
        assert_eq!(rest.personal, None);
        assert_eq!((&rest.event, &rest.token), (&whole.event, &whole.token));
        assert!(log.verify(&rest).is_personal_part_missing());
        // Who holds the receipt with the personal part keeps a proof of both.
        assert_eq!(log.verify(&whole).personal(), Some(&personal(0).data));
        // Neither the same content nor other content is compared with anything any more.
        let gone = LedgerError::Gone {
            request_id: request_id("consignment"),
        };
        assert_eq!(record(ledger, consignment()), Err(gone.clone()));
        let mut other = consignment();
        other.personal = None;
        assert_eq!(record(ledger, other), Err(gone.clone()));
        // Nor is anything recorded beside it.
        let both = vec![sending("beside"), consignment()];
        assert_eq!(ledger.record(both, records("beside")), Err(gone));
        assert_eq!(ledger.size().get(), 3);
        assert_eq!(log.store.get(b"beside").unwrap(), None);
    };
    check(&ledger);
    let stored = log.store.entry(LeafIndex::new(1)).unwrap().unwrap();
    assert_eq!(stored.personal, None);
    let request = log.store.find(&commune(), &stored.request_id).unwrap();
    assert_eq!(request.unwrap().content, None);
    // Others' are as before, and erasing twice, for whatever reason, gives the one trace again.
    assert_eq!(record(&ledger, sending("sending")).unwrap(), sent);
    let mut again = erasing(id);
    again.content.basis = ErasureBasis::ConsentWithdrawn;
    assert_eq!(ledger.erase(again).unwrap().unwrap(), trace);
    // The trace itself cannot be erased.
    let kind = LedgerError::ReferenceKind {
        expected: "event other than PersonalDataErasure",
    };
    let itself = erasing(said.event().header.event_id);
    assert_eq!(ledger.erase(itself), Err(kind));
    drop(ledger);
    check(&log.open());
    log.assert_whole();
}

/// A consignment with a personal part, of its own sending; its event id.
fn consigned(log: &Log, ledger: &Ledger, id: &str) -> EventId {
    let sent = record(ledger, sending(&format!("{id}/sending"))).unwrap();
    let request = EventRequest {
        request_id: request_id(id),
        collectivite: commune(),
        body: body(
            Detail::ContentConsignment(step(0)),
            Some(event_digest(&sent.event)),
        ),
        personal: Some(personal(0).data),
    };
    let receipt = record(ledger, request).unwrap();
    log.verify(&receipt).event().header.event_id
}

fn part(log: &Log, id: &EventId) -> Option<Vec<u8>> {
    let index = log.store.index_of_event(id).unwrap().unwrap();
    log.store.entry(index).unwrap().unwrap().personal
}

fn check_all(log: &Log) -> FsckReport {
    let key = LogSigner::from_seed(&[LOG_KEY; 32]).unwrap().vkey(ORIGIN);
    fsck(
        log.store.as_ref(),
        &Origin::parse(ORIGIN).unwrap(),
        Environment::Demonstration,
        &VerifierKey::parse(&key).unwrap(),
        &[],
        &mut |_, _| {},
    )
    .unwrap()
}

#[test]
fn an_erasure_cannot_be_recorded_without_its_destruction() {
    let log = Log::new();
    let ledger = log.open();
    let id = consigned(&log, &ledger, "kept");
    let index = log.store.index_of_event(&id).unwrap().unwrap();
    let entry = log.store.entry(index).unwrap().unwrap();
    let mut request = sending("false-trace");
    request.body = body(
        Detail::PersonalDataErasure(erasure()),
        Some(event_digest(&entry.event)),
    );
    let alone = Err(LedgerError::ErasureAlone);
    assert_eq!(record(&ledger, request.clone()), alone);
    let (done, _) = answer();
    let submitted = ledger.submit(vec![request], RecordBatch::new(), done);
    assert_eq!(submitted, Err(LedgerError::ErasureAlone));
    // Nor is the name of a trace taken by something else.
    let taken = sending(&format!("erasure/{id}"));
    assert_eq!(record(&ledger, taken), alone);
    assert!(part(&log, &id).is_some());
    ledger.erase(erasing(id)).unwrap().unwrap();
    assert_eq!(part(&log, &id), None);
}

#[test]
fn a_destruction_that_failed_after_its_trace_is_done_by_the_next_call_or_the_next_opening() {
    let log = Log::new();
    let broken = Arc::new(AtomicBool::new(true));
    let scrub = |broken: Arc<AtomicBool>| {
        move |config: &mut LedgerConfig| {
            config.scrub = Arc::new(move |_, _, trace| {
                assert!(trace.is_some(), "the trace comes first");
                match broken.load(Ordering::SeqCst) {
                    true => Err(disk_error()),
                    false => Ok(records("scrubbed")),
                }
            });
        }
    };
    let ledger = log.open_with(scrub(Arc::clone(&broken)));
    let ids = ["one", "two"].map(|id| consigned(&log, &ledger, id));
    for id in ids {
        let pending = ledger.erase(erasing(id));
        assert!(matches!(pending, Err(LedgerError::ErasurePending(_))));
        assert!(part(&log, &id).is_some());
    }
    let report = check_all(&log);
    assert_eq!(
        (report.findings, report.erased, report.pending),
        (vec![], 0, 2)
    );

    broken.store(false, Ordering::SeqCst);
    ledger.erase(erasing(ids[0])).unwrap().unwrap();
    assert_eq!(part(&log, &ids[0]), None);
    assert!(part(&log, &ids[1]).is_some());
    drop(ledger);
    // Not opened without it.
    broken.store(true, Ordering::SeqCst);
    let refused = log.try_open(ORIGIN, LOG_KEY, scrub(Arc::clone(&broken)));
    assert!(matches!(refused, Err(LedgerError::ErasurePending(_))));
    broken.store(false, Ordering::SeqCst);
    let ledger = log.open_with(scrub(broken));
    assert_eq!(part(&log, &ids[1]), None);
    assert!(log.store.get(b"scrubbed").unwrap().is_some());
    let report = check_all(&log);
    assert_eq!(
        (report.findings, report.erased, report.pending),
        (vec![], 2, 0)
    );
    assert_eq!(log.store.scan(b"ledger/erasing/").unwrap(), []);
    // One trace each, whatever failed in between.
    assert_eq!(ledger.size().get(), 6);
    log.assert_whole();
}

#[test]
fn a_failed_destruction_ends_the_log_and_is_done_when_it_is_opened_again() {
    let log = Log::new();
    let ledger = log.open();
    let id = consigned(&log, &ledger, "one");
    log.store.erasing_fails.store(true, Ordering::SeqCst);
    assert_eq!(ledger.erase(erasing(id)), Err(LedgerError::Stopped));
    assert_eq!(log.fatal(), [LedgerError::Store(disk_error())]);
    assert_eq!(record(&ledger, sending("later")), Err(LedgerError::Stopped));
    drop(ledger);
    log.store.erasing_fails.store(false, Ordering::SeqCst);
    let ledger = log.open();
    assert_eq!(part(&log, &id), None);
    assert_eq!(ledger.size().get(), 3);
    assert_eq!(check_all(&log).findings, []);
}

#[test]
fn a_personal_part_that_vanished_without_a_trace_is_found() {
    let log = Log::new();
    let ledger = log.open();
    let id = consigned(&log, &ledger, "one");
    assert_eq!(log.store.erase(&id, &RecordBatch::new()), Ok(true));
    let report = check_all(&log);
    let [finding] = report.findings.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(finding.problem, Problem::NoTrace);
    // Nor does a record of whatever content stand for a trace.
    let mut false_trace = RecordBatch::new();
    false_trace.put(format!("ledger/erased/{id}"), "{}");
    ledger.record(vec![], false_trace).unwrap();
    assert!(!check_all(&log).is_sound());
}

#[test]
fn a_legal_hold_on_an_event_its_seance_or_its_collectivite_blocks_an_erasure_until_it_is_released()
{
    let log = Log::new();
    let ledger = log.open();
    let id = consigned(&log, &ledger, "one");
    let other = Collectivite::parse("200000172").unwrap();
    let seance = || HoldScope::Seance(text("2026-12-02"));
    let place = |whose: &Collectivite, scope: HoldScope| {
        let by = text("Tribunal administratif d'Amiens");
        let reason = text("requête n° 2604512");
        ledger.hold(whose, scope, by, reason, start()).unwrap()
    };
    // What does not concern it holds nothing up: this is asked for before each of those that do.
    place(&other, HoldScope::Collectivite);
    place(&other, seance());
    place(&commune(), HoldScope::Seance(text("2027-01-01")));
    place(&commune(), HoldScope::Event(EventId::from_bytes([1; 16])));
    for scope in [HoldScope::Event(id), seance(), HoldScope::Collectivite] {
        let hold = place(&commune(), scope);
        let held = LedgerError::Held(Box::new(hold.clone()));
        assert!(held.to_string().contains("requête n° 2604512"), "{held}");
        let before = ledger.size();
        assert_eq!(ledger.erase(erasing(id)), Err(held));
        // Not even its trace.
        assert_eq!(ledger.size(), before);
        assert!(part(&log, &id).is_some());
        let release = HoldRelease {
            by: text("Greffe"),
            reason: text("jugement définitif"),
            at: start(),
        };
        let foreign = ledger.release(&other, &hold.id, release.clone());
        assert_eq!(foreign, Ok(None));
        let released = ledger.release(&commune(), &hold.id, release).unwrap();
        assert_eq!(released.unwrap().released.unwrap().by, text("Greffe"));
    }
    drop(ledger);
    let ledger = log.open();
    // Released ones stay on record.
    assert_eq!(ledger.holds(Some(&commune())).unwrap().len(), 5);
    assert_eq!(ledger.holds(None).unwrap().len(), 7);
    ledger.erase(erasing(id)).unwrap().unwrap();
    assert_eq!(part(&log, &id), None);
}

#[test]
fn more_than_may_wait_is_refused_as_busy_and_taken_later() {
    let log = Log::new();
    let ledger = log.open_with(|config| config.max_waiting_events = 2);
    log.store.gate.shut();
    let mut taken = vec![submit(&ledger, vec![sending("a")], RecordBatch::new())];
    log.store.gate.wait_for_commit();
    for id in ["b", "c"] {
        taken.push(submit(&ledger, vec![sending(id)], RecordBatch::new()));
    }
    // Records alone weigh as one event.
    for (events, own) in [
        (vec![sending("d")], RecordBatch::new()),
        (vec![], records("d")),
    ] {
        let (answer, waiting) = answer();
        assert_eq!(ledger.submit(events, own, answer), Err(LedgerError::Busy));
        // Said once, by the call itself.
        assert!(waiting.recv().is_err());
    }
    log.store.gate.open();
    for answer in taken {
        assert!(answer.recv().unwrap().is_ok());
    }
    record(&ledger, sending("d")).unwrap();
    assert_eq!(ledger.size().get(), 4);
}

#[test]
fn more_bytes_than_may_wait_are_refused_as_busy_but_for_one_call_alone() {
    let log = Log::new();
    let ledger = log.open_with(|config| config.max_waiting_bytes = 1000);
    log.store.gate.shut();
    let first = submit(&ledger, vec![], bulk("a", 2000));
    log.store.gate.wait_for_commit();
    let second = submit(&ledger, vec![], bulk("b", 600));
    let (answer, _) = answer();
    assert_eq!(
        ledger.submit(vec![], bulk("c", 600), answer),
        Err(LedgerError::Busy)
    );
    log.store.gate.open();
    assert_eq!(first.recv().unwrap(), Ok(vec![]));
    assert_eq!(second.recv().unwrap(), Ok(vec![]));
    assert_eq!(log.store.scan(b"").unwrap().len(), 2);
}

#[test]
fn one_call_that_is_too_large_is_refused_at_once_and_changes_nothing() {
    let log = Log::new();
    let ledger = log.open_with(|config| {
        config.max_batch_events = 2;
        config.max_batch_bytes = 4000;
    });
    let refused = |events, own| {
        let (answer, waiting) = answer();
        let error = ledger.submit(events, own, answer).unwrap_err();
        assert!(waiting.recv().is_err());
        error
    };
    let three = vec![sending("a"), sending("b"), sending("c")];
    assert_eq!(
        refused(three, records("three")),
        LedgerError::TooLarge {
            what: "events",
            max: 2
        }
    );
    assert_eq!(
        refused(vec![sending("a")], bulk("bulk", 4000)),
        LedgerError::TooLarge {
            what: "bytes",
            max: 4000
        }
    );
    let mut long = sending("long");
    if let Detail::SubmissionAcceptance(submission) = &mut long.body.detail {
        let paper = Paper {
            titre: text(&"x".repeat(1024)),
            ..submission.papers[0].clone()
        };
        submission.papers = vec![paper; 1024];
    }
    assert!(matches!(
        refused(vec![long], RecordBatch::new()),
        LedgerError::Event(EventError::TooLong { .. })
    ));
    assert_eq!(ledger.size().get(), 0);
    assert_eq!(log.store.scan(b"").unwrap(), []);
    record(&ledger, sending("a")).unwrap();
}

#[test]
fn events_and_records_of_one_call_are_written_together_or_not_at_all() {
    let log = Log::new();
    let ledger = log.open();
    record(&ledger, publication("old", 1)).unwrap();
    log.store.gate.shut();
    let blocker = submit(&ledger, vec![sending("blocker")], RecordBatch::new());
    log.store.gate.wait_for_commit();
    // All in one batch: one good call, one whose last event conflicts with the log, one with an event of the good call's.
    let good = submit(&ledger, vec![sending("good")], records("good"));
    let bad = submit(
        &ledger,
        vec![sending("fresh"), publication("old", 2)],
        records("bad"),
    );
    let mut other = sending("good");
    other.body.reasons = vec![];
    other.body.claimed_time = at(3600);
    let alike = submit(&ledger, vec![sending("fresh"), other], records("alike"));
    log.store.gate.open();
    blocker.recv().unwrap().unwrap();
    let conflict = LedgerError::Conflict {
        request_id: request_id("old"),
    };
    let good = good.recv().unwrap().unwrap();
    assert_eq!(bad.recv().unwrap(), Err(conflict));
    let alike = alike.recv().unwrap().unwrap();
    // The claimed time is no part of what is compared.
    assert_eq!(alike[1], good[0]);
    let ranks = [&good[0], &alike[0]].map(|one| log.verify(one).event().header.rank);
    assert_eq!(ranks, [1, 2]);
    assert_eq!(ledger.size().get(), 4);
    let kept: BTreeSet<_> = log.store.scan(b"").unwrap().into_iter().collect();
    assert_eq!(
        kept.into_iter().map(|(key, _)| key).collect::<Vec<_>>(),
        [b"alike".to_vec(), b"good".to_vec()]
    );
    log.assert_whole();
}

#[test]
fn a_retry_does_not_write_its_records_again_in_the_same_batch_or_later() {
    let log = Log::new();
    let ledger = log.open();
    log.store.gate.shut();
    let blocker = submit(&ledger, vec![sending("blocker")], RecordBatch::new());
    log.store.gate.wait_for_commit();
    let state = |value: &str| {
        let mut batch = RecordBatch::new();
        batch.put("state", value);
        batch
    };
    let first = submit(&ledger, vec![sending("one")], state("sent"));
    let moved_on = submit(&ledger, vec![], state("opened"));
    let retry = submit(&ledger, vec![sending("one")], state("sent"));
    log.store.gate.open();
    blocker.recv().unwrap().unwrap();
    let first = first.recv().unwrap().unwrap();
    assert_eq!(moved_on.recv().unwrap(), Ok(vec![]));
    assert_eq!(retry.recv().unwrap().unwrap(), first);
    let stored = || log.store.get(b"state").unwrap().unwrap();
    assert_eq!(stored(), b"opened");
    let later = ledger.record(vec![sending("one")], state("sent")).unwrap();
    assert_eq!((later, stored()), (first, b"opened".to_vec()));
}

#[test]
fn an_event_must_follow_from_what_it_refers_to() {
    let log = Log::new();
    let ledger = log.open();
    let sending_receipt = record(&ledger, sending("sending")).unwrap();
    let sent = event_digest(&sending_receipt.event);
    let request = |id: &str, detail, refers_to| EventRequest {
        request_id: request_id(id),
        collectivite: commune(),
        body: body(detail, refers_to),
        personal: None,
    };
    let consigned = record(
        &ledger,
        request("consigned", Detail::ContentConsignment(step(0)), Some(sent)),
    );
    let consigned = event_digest(&consigned.unwrap().event);
    let nothing = Sha256Digest::of(b"nothing");
    let handover = |paper: &[u8]| {
        Detail::ContentHandover(Handover {
            recipient: 0,
            paper: Sha256Digest::of(paper),
        })
    };
    let version = |version| {
        Detail::SubmissionAcceptance(Submission {
            version,
            ..submission()
        })
    };
    let consignment = |recipient| Detail::ContentConsignment(step(recipient));
    let mut foreign = request("x", consignment(0), Some(sent));
    foreign.collectivite = Collectivite::parse("200000172").unwrap();
    let mut publication_of_a_commune = publication("x", 1);
    publication_of_a_commune.collectivite = commune();
    let mut sending_of_the_operator = sending("x");
    sending_of_the_operator.collectivite = Collectivite::operator();
    let unknown = |digest| LedgerError::ReferenceUnknown { digest };
    let kind = |expected| LedgerError::ReferenceKind { expected };
    for (bad, expected) in [
        (
            request("x", consignment(0), Some(nothing)),
            unknown(nothing),
        ),
        (foreign, unknown(sent)),
        (
            request("x", consignment(0), Some(consigned)),
            kind("SubmissionAcceptance"),
        ),
        (
            request("x", handover(PAPER), Some(sent)),
            kind("ContentConsignment"),
        ),
        (
            request("x", consignment(2), Some(sent)),
            LedgerError::RecipientOutsideRoster {
                recipient: 2,
                roster: 2,
            },
        ),
        (
            request("x", Detail::ContentAccessTracking(step(1)), Some(consigned)),
            LedgerError::RecipientDiffers {
                recipient: 1,
                consigned: 0,
            },
        ),
        (
            request("x", handover(b"another"), Some(consigned)),
            LedgerError::PaperUnknown {
                paper: Sha256Digest::of(b"another"),
            },
        ),
        (
            request("x", version(3), Some(sent)),
            LedgerError::VersionOrder {
                found: 3,
                before: 1,
            },
        ),
        (publication_of_a_commune, LedgerError::OperatorsEvent),
        (sending_of_the_operator, LedgerError::OperatorsEvent),
    ] {
        assert_eq!(record(&ledger, bad), Err(expected));
    }
    assert_eq!(ledger.size().get(), 2);
    for (id, detail, refers_to) in [
        ("opened", Detail::ContentAccessTracking(step(0)), consigned),
        ("handover", handover(PAPER), consigned),
        ("version", version(2), sent),
    ] {
        record(&ledger, request(id, detail, Some(refers_to))).unwrap();
    }
    log.assert_whole();
}
