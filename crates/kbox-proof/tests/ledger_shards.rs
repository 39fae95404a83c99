// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A log that goes on for a closed one: nothing is forked, and nothing that was answered is forgotten.
#![cfg(feature = "issue")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)]
#[path = "support/ledger.rs"]
mod harness;
#[path = "support/sending.rs"]
mod sending;

use std::sync::Arc;
use std::time::Duration;

use harness::*;
use kbox_proof::clock::ClockReading;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::key::LogSigner;
use kbox_proof::ledger::fsck::{fsck, fsck_after};
use kbox_proof::ledger::{ClosedLog, EventRequest, Ledger, LedgerError};
use kbox_proof::merkle::hash_leaf;
use kbox_proof::receipt::*;
use kbox_proof::store::{Head, Store};
use kbox_proof::tlog::VerifierKey;
use kbox_proof::tsp::TimeStampToken;
use kbox_proof::verify::{TrustPolicy, verify_proof_file, verify_receipt};
use sending::{ORIGIN, PAPER, body, personal, start, step};

const NEXT: &str = "kbox.example/log/2";

fn origin(text: &str) -> Origin {
    Origin::parse(text).unwrap()
}

/// The old log, the new one, and the new one's ledger, not opened yet.
fn closed(old: &Log) -> (Log, Ledger) {
    let next = old.successor();
    let ledger = reopen(old, &next);
    (next, ledger)
}

fn reopen(old: &Log, next: &Log) -> Ledger {
    let store: Arc<dyn Store> = old.store.clone();
    let opened = next.try_open(NEXT, LOG_KEY, |config| {
        config.closed = vec![ClosedLog {
            origin: origin(ORIGIN),
            store,
        }];
    });
    opened.unwrap()
}

fn opening(head: &Head) -> EventRequest {
    EventRequest {
        request_id: request_id("opening/2"),
        collectivite: Collectivite::operator(),
        body: body(
            Detail::ShardOpening(ShardOpening {
                previous: origin(ORIGIN),
                size: head.size.get(),
                root: Sha256Digest::from_bytes(*head.root.as_bytes()),
                checkpoint: Sha256Digest::of(head.checkpoint.as_bytes()),
                reason: OpeningReason::Restore,
            }),
            None,
        ),
        personal: None,
    }
}

fn consignment(sent: &Receipt) -> EventRequest {
    EventRequest {
        request_id: request_id("consignment"),
        collectivite: commune(),
        body: body(
            Detail::ContentConsignment(step(0)),
            Some(event_digest(&sent.event)),
        ),
        personal: Some(personal(0).data),
    }
}

/// Trust in both, the old one closed at `head`.
fn trust(old: &Log, head: &Head) -> TrustBundle {
    let mut bundle = old.bundle();
    let mut authority = bundle.authorities[0].clone();
    bundle.authorities[0].to = Some(head.size.get());
    bundle.shards[0].final_size = Some(head.size.get());
    bundle.shards[0].final_root = Some(Sha256Digest::from_bytes(*head.root.as_bytes()));
    authority.origin = origin(NEXT);
    bundle.authorities.push(authority);
    bundle.shards.push(Shard {
        origin: origin(NEXT),
        vkey: LogSigner::from_seed(&[LOG_KEY; 32]).unwrap().vkey(NEXT),
        final_size: None,
        final_root: None,
        trees: Vec::new(),
    });
    bundle
}

fn now() -> kbox_proof::time::Time {
    start().saturating_add(Duration::from_secs(3600))
}

fn codes(receipts: &[Receipt], bundle: &TrustBundle) -> Vec<&'static str> {
    let content = ProofFileContent {
        documents: vec![("01.pdf", PAPER)],
        receipts,
    };
    match verify_proof_file(&content, &TrustPolicy::new(bundle).unwrap(), now()) {
        Ok(_) => vec![],
        Err(findings) => findings
            .iter()
            .map(|finding| finding.rejection.code())
            .collect(),
    }
}

fn code(receipt: &Receipt, bundle: &TrustBundle) -> Option<&'static str> {
    let policy = TrustPolicy::new(bundle).unwrap();
    let verified = verify_receipt(receipt, &policy, now());
    verified.err().map(|rejection| rejection.code())
}

fn vkey(name: &str) -> VerifierKey {
    VerifierKey::parse(&LogSigner::from_seed(&[LOG_KEY; 32]).unwrap().vkey(name)).unwrap()
}

fn assert_sound(old: &Log, next: &Log) {
    let environment = Environment::Demonstration;
    let report = fsck(
        old.store.as_ref(),
        &origin(ORIGIN),
        environment,
        &vkey(ORIGIN),
        &[],
        &mut |_, _| {},
    );
    assert_eq!(report.unwrap().findings, []);
    let earlier: Vec<Arc<dyn Store>> = vec![old.store.clone()];
    let report = fsck_after(
        &earlier,
        next.store.as_ref(),
        &origin(NEXT),
        environment,
        &vkey(NEXT),
        &[],
        &mut |_, _| {},
    );
    assert_eq!(report.unwrap().findings, []);
}

#[test]
fn a_log_that_goes_on_for_another_says_so_before_anything_else_and_once() {
    let old = Log::new();
    let head = {
        let ledger = old.open();
        record(&ledger, sending("sending")).unwrap();
        // A log that goes on for none does not say that it did.
        let mut early = opening(&ledger.head());
        early.request_id = request_id("early");
        assert_eq!(record(&ledger, early), Err(LedgerError::NotOpened));
        ledger.head()
    };
    let (next, ledger) = closed(&old);
    assert_eq!(
        record(&ledger, sending("other")),
        Err(LedgerError::NotOpened)
    );
    let both = vec![opening(&head), publication("trust/2", 2)];
    let receipts = ledger.record(both, Default::default()).unwrap();
    let event = EvidenceEvent::from_der(&receipts[0].event).unwrap();
    assert_eq!(event.header.origin.as_str(), NEXT);
    assert_eq!(code(&receipts[0], &trust(&old, &head)), None);
    let mut again = opening(&head);
    again.request_id = request_id("again");
    assert_eq!(record(&ledger, again), Err(LedgerError::NotOpened));
    record(&ledger, sending("other")).unwrap();
    drop(ledger);
    // Opened again, it goes on.
    record(&reopen(&old, &next), sending("third")).unwrap();
    assert_sound(&old, &next);
}

/// Where the old log ended, its successor's first leaf and the trust bundle say alike, in a receipt alone and in a file.
#[test]
fn a_log_that_goes_on_from_elsewhere_than_where_the_trust_bundle_closes_the_old_one_is_refused() {
    let old = Log::new();
    let (head, beyond) = {
        let ledger = old.open();
        record(&ledger, sending("sending")).unwrap();
        let head = ledger.head();
        record(&ledger, sending("beyond")).unwrap();
        (head, ledger.head())
    };
    let (_, ledger) = closed(&old);
    let receipt = record(&ledger, opening(&head)).unwrap();
    let found = |bundle: &TrustBundle| {
        let in_a_file = codes(std::slice::from_ref(&receipt), bundle);
        let policy = TrustPolicy::new(bundle).unwrap();
        match verify_receipt(&receipt, &policy, now()) {
            Ok(_) => None,
            Err(rejection) => {
                assert_eq!(in_a_file[0], rejection.code());
                Some((rejection.code(), rejection.is_undecided()))
            }
        }
    };
    assert_eq!(found(&trust(&old, &head)), None);
    // Another size; the same with another root; and none at all, by a bundle that may be older.
    assert_eq!(found(&trust(&old, &beyond)), Some(("log.opening", false)));
    let mut bundle = trust(&old, &head);
    bundle.shards[0].final_root = Some(Sha256Digest::from_bytes(*beyond.root.as_bytes()));
    assert_eq!(found(&bundle), Some(("log.opening", false)));
    (bundle.shards[0].final_size, bundle.shards[0].final_root) = (None, None);
    assert_eq!(found(&bundle), Some(("log.opening", true)));
    // A log that is not trusted proves nothing, wherever it ended.
    bundle.shards.remove(0);
    assert_eq!(found(&bundle), None);
}

#[test]
fn what_a_closed_log_answered_is_answered_again_and_its_chains_and_references_go_on() {
    let old = Log::new();
    let (sent, head) = {
        let ledger = old.open();
        (record(&ledger, sending("sending")).unwrap(), ledger.head())
    };
    let (next, ledger) = closed(&old);
    record(&ledger, opening(&head)).unwrap();
    // The same request is answered by the same event, other content is refused, and nothing is recorded.
    let again = record(&ledger, sending("sending")).unwrap();
    assert_eq!((&again.event, &again.token), (&sent.event, &sent.token));
    let mut other = sending("sending");
    other.body.detail = Detail::SubmissionAcceptance(Submission {
        author: Text::new("Le premier adjoint").unwrap(),
        ..sending::submission()
    });
    assert_eq!(
        record(&ledger, other),
        Err(LedgerError::Conflict {
            request_id: request_id("sending")
        })
    );
    assert_eq!(ledger.size().get(), 1);
    // An event follows from one of the closed log, and its rank and digest go on.
    let consigned = record(&ledger, consignment(&sent)).unwrap();
    let header = EvidenceEvent::from_der(&consigned.event).unwrap().header;
    assert_eq!(
        (header.rank, header.previous, header.origin.as_str()),
        (1, Some(event_digest(&sent.event)), NEXT)
    );
    // By id, by rank, and by leaf alone.
    let id = EvidenceEvent::from_der(&sent.event)
        .unwrap()
        .header
        .event_id;
    let fetched = ledger.receipt(&id).unwrap().unwrap();
    assert_eq!(fetched.event, sent.event);
    let entry = ledger.entry_of_rank(&commune(), 0).unwrap().unwrap();
    assert_eq!(entry.event, sent.event);
    assert_eq!(ledger.entry(&id).unwrap(), Some(entry));
    let leaf = TimeStampToken::parse(&sent.token)
        .unwrap()
        .leaf_bytes()
        .unwrap();
    let upgrade = ledger.upgrade(&hash_leaf(&leaf)).unwrap().unwrap();
    assert_eq!(upgrade.proof, fetched.proof);
    let bundle = trust(&old, &head);
    for receipt in [&sent, &fetched, &again, &consigned] {
        assert_eq!(code(receipt, &bundle), None);
    }
    // A proof file over both is whole; not with a hole, nor with a log that nobody closed, nor in the other order.
    let whole = [sent.clone(), consigned.clone()];
    assert_eq!(codes(&whole, &bundle), [""; 0]);
    let mut open = bundle.clone();
    (open.shards[0].final_size, open.shards[0].final_root) = (None, None);
    assert_eq!(codes(&whole, &open), ["file.mixed"]);
    let mut swapped = bundle.clone();
    swapped.shards.swap(0, 1);
    assert_eq!(codes(&whole, &swapped), ["file.mixed"]);
    let mut access = consignment(&sent);
    access.request_id = request_id("access");
    access.body = body(
        Detail::ContentAccessTracking(step(0)),
        Some(event_digest(&consigned.event)),
    );
    let access = record(&ledger, access).unwrap();
    assert_eq!(codes(&[sent, access], &bundle)[0], "file.gap");
    drop(ledger);
    assert_sound(&old, &next);
}

#[test]
fn an_event_of_a_closed_log_is_erased_by_a_trace_in_the_one_that_goes_on() {
    let old = Log::new();
    let (sent, consigned, head) = {
        let ledger = old.open();
        let sent = record(&ledger, sending("sending")).unwrap();
        let consigned = record(&ledger, consignment(&sent)).unwrap();
        (sent, consigned, ledger.head())
    };
    let (next, ledger) = closed(&old);
    record(&ledger, opening(&head)).unwrap();
    let id = EvidenceEvent::from_der(&consigned.event)
        .unwrap()
        .header
        .event_id;
    // Broken off between trace and destruction, it is completed when the log is opened again.
    old.store
        .erasing_fails
        .store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(ledger.erase(erasing(id)).is_err());
    drop(ledger);
    old.store
        .erasing_fails
        .store(false, std::sync::atomic::Ordering::SeqCst);
    let ledger = reopen(&old, &next);
    let trace = ledger.erase(erasing(id)).unwrap().unwrap();
    assert_eq!(ledger.size().get(), 2);
    let bundle = trust(&old, &head);
    assert_eq!(code(&trace, &bundle), None);
    let rest = ledger.receipt(&id).unwrap().unwrap();
    assert_eq!(rest.personal, None);
    assert_eq!(code(&rest, &bundle), None);
    assert_eq!(
        record(&ledger, consignment(&sent)),
        Err(LedgerError::Gone {
            request_id: request_id("consignment")
        })
    );
    drop(ledger);
    assert_sound(&old, &next);
}

#[test]
fn nothing_beyond_the_end_of_a_closed_log_is_evidence_and_what_lies_before_stands_under_a_tree_that_is_known()
 {
    let old = Log::new();
    let ledger = old.open();
    let early = record(&ledger, sending("early")).unwrap();
    let between = ledger.head();
    let last = record(&ledger, sending("last")).unwrap();
    let head = ledger.head();
    let beyond = record(&ledger, sending("beyond")).unwrap();
    let mut bundle = trust(&old, &head);
    assert_eq!(code(&last, &bundle), None);
    assert_eq!(code(&beyond, &bundle), Some("log.beyond_end"));
    // Its tree may be of another history than the one that was closed, until the bundle says that it is not.
    assert_eq!(code(&early, &bundle), Some("log.not_final"));
    let tree = |root| KnownTree {
        size: between.size.get(),
        root,
    };
    let root = Sha256Digest::from_bytes(*between.root.as_bytes());
    bundle.shards[0].trees = vec![tree(root)];
    assert_eq!(code(&early, &bundle), None);
    bundle.shards[0].trees = vec![tree(Sha256Digest::of(b"another"))];
    assert_eq!(code(&early, &bundle), Some("log.two_histories"));
    bundle.shards[0].trees = vec![KnownTree {
        size: head.size.get(),
        root,
    }];
    assert!(TrustBundle::from_json(bundle.to_json().as_bytes()).is_err());
}

#[test]
fn a_log_that_a_wrong_clock_dated_into_the_future_is_left_by_a_new_one_that_goes_on_at_the_right_time()
 {
    let old = Log::new();
    let reading = |after| {
        Ok(ClockReading {
            time: start().saturating_add(after),
            accuracy: Duration::from_millis(400),
        })
    };
    let year = Duration::from_secs(365 * 86_400);
    let (sent, head) = {
        let ledger = old.open();
        old.clock.set(reading(year));
        let sent = record(&ledger, sending("sending")).unwrap();
        old.clock.set(reading(Duration::from_secs(60)));
        let behind = record(&ledger, consignment(&sent)).unwrap_err();
        assert!(matches!(behind, LedgerError::ClockBehindLog { .. }));
        assert!(
            behind
                .to_string()
                .contains("kbox-server restore --reason wrong-clock")
        );
        (sent, ledger.head())
    };
    let (next, ledger) = closed(&old);
    record(&ledger, opening(&head)).unwrap();
    let consigned = record(&ledger, consignment(&sent)).unwrap();
    let policy = TrustPolicy::new(&trust(&old, &head)).unwrap();
    let verified = verify_receipt(&consigned, &policy, now()).unwrap();
    assert_eq!(
        verified.timestamp().gen_time(),
        start().saturating_add(Duration::from_secs(60))
    );
    // The wrong date proves nothing to a verifier whose clock is right.
    assert_eq!(
        code(&sent, &trust(&old, &head)),
        Some("token.from_the_future")
    );
    drop(ledger);
    assert_sound(&old, &next);
}
