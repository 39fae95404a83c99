// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The client of witnesses against witnesses that cosign, err, lie, or say nothing.
#![cfg(feature = "net")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "support/ledger.rs"]
mod harness;
#[path = "support/sending.rs"]
mod sending;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use harness::*;
use kbox_proof::anchor::{
    WitnessClient, WitnessClientConfig, WitnessEndpoint, WitnessEvent, WitnessProblem,
};
use kbox_proof::event::EvidenceEvent;
use kbox_proof::key::{LogSigner, WitnessSigner};
use kbox_proof::ledger::{Ledger, LedgerError};
use kbox_proof::merkle::TreeSize;
use kbox_proof::receipt::{Demand, WitnessOperator, Witnesses};
use kbox_proof::store::MarkKind;
use kbox_proof::time::Time;
use kbox_proof::tlog::witness::{AddCheckpoint, judge};
use kbox_proof::tlog::{
    KeyName, Note, SignatureType, VerifierKey, ml_dsa_44_cosignature_message, timestamped_signature,
};
use kbox_proof::verify::{TrustPolicy, verify_receipt};
use ml_dsa::{MlDsa44, SigningKey as MlDsaSigningKey};
use sending::ORIGIN;

/// What a witness does with a request: status, media type and body.
type Answer = (u16, &'static str, String);
type Behaviour = Box<dyn FnMut(&AddCheckpoint) -> Answer + Send>;

const TEXT: &str = "text/plain";
const SIZE: &str = "text/x.tlog.size";

struct Peer {
    url: String,
    ended: Arc<AtomicBool>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.strip_prefix("http://").unwrap());
    }
}

fn serve(mut behaviour: Behaviour) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if end.load(Ordering::SeqCst) {
                return;
            }
            let mut stream = BufReader::new(stream.unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            if stream.read_exact(&mut body).is_err() {
                continue;
            }
            let (status, media_type, text) = behaviour(&AddCheckpoint::parse(&body).unwrap());
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                text.len()
            );
            let _ = stream.get_mut().write_all((head + &text).as_bytes());
        }
    });
    Peer { url, ended }
}

fn signer(number: u8) -> WitnessSigner {
    let name = KeyName::new(format!("witness-{number}.example")).unwrap();
    WitnessSigner::new(name, LogSigner::from_seed(&[60 + number; 32]).unwrap()).unwrap()
}

fn log_key() -> VerifierKey {
    VerifierKey::parse(&LogSigner::from_seed(&[LOG_KEY; 32]).unwrap().vkey(ORIGIN)).unwrap()
}

/// A witness that does what the specification says, by the time of the tests; `last` is what it cosigned.
fn honest(number: u8, last: Option<Note>) -> Behaviour {
    let (mut last, mut seconds) = (last, sending::start().unix_secs().unsigned_abs());
    Box::new(
        move |request| match judge(request, &[log_key()], last.as_ref()) {
            Ok(checkpoint) => {
                last = Some(checkpoint.note().clone());
                seconds += 1;
                let note = signer(number)
                    .cosign(request.note.clone(), seconds)
                    .unwrap();
                (200, TEXT, note.signatures().last().unwrap().encode())
            }
            Err(refusal) => match refusal.size() {
                Some(size) => (409, SIZE, format!("{size}\n")),
                None => (refusal.status(), TEXT, refusal.to_string()),
            },
        },
    )
}

fn witnesses(numbers: &[u8], quorum: u32) -> Witnesses {
    Witnesses {
        operators: numbers
            .iter()
            .map(|number| WitnessOperator {
                name: format!("Commune {number}"),
                keys: vec![signer(*number).key().encode()],
                accuracy_ms: 1000,
                independent: true,
            })
            .collect(),
        quorum,
    }
}

struct Running {
    ledger: Arc<Ledger>,
    events: Arc<Mutex<Vec<WitnessEvent>>>,
    client: WitnessClient,
    peers: Vec<Peer>,
}

impl Running {
    fn start(log: &Log, quorum: u32, behaviours: Vec<Behaviour>) -> Self {
        let numbers: Vec<u8> = (1..=u8::try_from(behaviours.len()).unwrap()).collect();
        let ledger =
            Arc::new(log.open_with(|config| config.witnesses = witnesses(&numbers, quorum)));
        let peers: Vec<Peer> = behaviours.into_iter().map(serve).collect();
        let endpoints = peers
            .iter()
            .zip(numbers)
            .map(|(peer, number)| WitnessEndpoint {
                name: format!("w{number}"),
                url: peer.url.clone(),
                keys: vec![signer(number).key().clone()],
            });
        let events: Arc<Mutex<Vec<WitnessEvent>>> = Arc::default();
        let told = Arc::clone(&events);
        let mut config = WitnessClientConfig::new(
            endpoints.collect(),
            Arc::new(move |event| told.lock().unwrap().push(event.clone())),
        );
        config.interval = Duration::from_millis(200);
        config.timeout = Duration::from_secs(2);
        let client = WitnessClient::start(Arc::clone(&ledger), config).unwrap();
        Self {
            ledger,
            events,
            client,
            peers,
        }
    }

    /// Waits until something was told.
    fn told(&self, what: impl Fn(&WitnessEvent) -> bool) -> WitnessEvent {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let found = self
                .events
                .lock()
                .unwrap()
                .iter()
                .find(|event| what(event))
                .cloned();
            if let Some(found) = found {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "{:?}",
                self.events.lock().unwrap()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn marked(&self, size: u64) {
        self.told(
            |event| matches!(event, WitnessEvent::Marked { mark } if mark.size.get() == size),
        );
    }

    fn failing(&self, problem: impl Fn(&WitnessProblem) -> bool) {
        self.told(
            |event| matches!(event, WitnessEvent::Failing { problem: found, .. } if problem(found)),
        );
    }
}

fn silent() -> Behaviour {
    Box::new(|_| {
        std::thread::sleep(Duration::from_secs(5));
        (200, TEXT, String::new())
    })
}

#[test]
fn receipts_reach_temoigne_although_one_of_three_witnesses_says_nothing() {
    let log = Log::new();
    let running = Running::start(&log, 2, vec![honest(1, None), honest(2, None), silent()]);
    running.marked(0);
    let receipt = record(&running.ledger, sending("one")).unwrap();
    running.marked(1);
    let id = EvidenceEvent::from_der(&receipt.event)
        .unwrap()
        .header
        .event_id;
    let grown = running.ledger.receipt(&id).unwrap().unwrap();
    let mut bundle = log.bundle();
    bundle.witnesses = witnesses(&[1, 2, 3], 2);
    bundle.demand = Demand::Temoigne;
    let now = Time::parse_rfc3339("2027-01-01T00:00:00Z").unwrap();
    verify_receipt(&grown, &TrustPolicy::new(&bundle).unwrap(), now).unwrap();
    let status = running.client.status();
    assert_eq!(status[0].size, Some(TreeSize::new(1)));
    assert!(status[2].problem.is_some());
    // The tree does not grow, and is cosigned again.
    running.told(|event| matches!(event, WitnessEvent::Marked { mark } if mark.size.get() == 1 && mark.number == 1));
}

#[test]
fn a_witness_by_ml_dsa_44_alone_makes_receipts_temoigne() {
    let secret = MlDsaSigningKey::<MlDsa44>::from_seed(&[9; 32].into());
    let public = secret.expanded_key().verifying_key().encode();
    let name = KeyName::new("pq.example/1").unwrap();
    let key = VerifierKey::new(name, SignatureType::MlDsa44Cosignature, &public).unwrap();
    let (own, mut seconds) = (key.clone(), sending::start().unix_secs().unsigned_abs());
    let mut last: Option<Note> = None;
    let peer = serve(Box::new(move |request| {
        let checkpoint = match judge(request, &[log_key()], last.as_ref()) {
            Ok(checkpoint) => checkpoint,
            Err(refusal) => {
                let size = refusal.size().map_or(0, |size| size.get());
                return (409, SIZE, format!("{size}\n"));
            }
        };
        last = Some(checkpoint.note().clone());
        seconds += 1;
        let message = ml_dsa_44_cosignature_message(own.name(), checkpoint.checkpoint(), seconds);
        let signature = secret
            .expanded_key()
            .sign_deterministic(&message, &[])
            .unwrap();
        let signature = timestamped_signature(seconds, &signature.encode());
        let note = request
            .note
            .clone()
            .with_signature(own.name().clone(), own.key_id(), signature);
        (200, TEXT, note.signatures().last().unwrap().encode())
    }));
    let log = Log::new();
    let mut trusted = witnesses(&[1], 1);
    trusted.operators[0].keys = vec![key.encode()];
    let ledger = Arc::new(log.open_with(|config| config.witnesses = trusted.clone()));
    let endpoint = WitnessEndpoint {
        name: "pq".into(),
        url: peer.url.clone(),
        keys: vec![key],
    };
    let (told, marks) = std::sync::mpsc::channel();
    let mut config = WitnessClientConfig::new(
        vec![endpoint],
        Arc::new(move |event| {
            if let WitnessEvent::Marked { mark } = event {
                let _ = told.send(mark.size.get());
            }
        }),
    );
    config.interval = Duration::from_millis(200);
    let _client = WitnessClient::start(Arc::clone(&ledger), config).unwrap();
    let marked = |size| while marks.recv_timeout(Duration::from_secs(60)).unwrap() != size {};
    marked(0);
    let receipt = record(&ledger, sending("one")).unwrap();
    marked(1);
    let id = EvidenceEvent::from_der(&receipt.event)
        .unwrap()
        .header
        .event_id;
    let grown = ledger.receipt(&id).unwrap().unwrap();
    let mut bundle = log.bundle();
    bundle.witnesses = trusted;
    bundle.demand = Demand::Temoigne;
    let now = Time::parse_rfc3339("2027-01-01T00:00:00Z").unwrap();
    verify_receipt(&grown, &TrustPolicy::new(&bundle).unwrap(), now).unwrap();
}

#[test]
fn a_tree_is_not_marked_again_by_what_was_cosigned_before() {
    let log = Log::new();
    let asked = Arc::new(Mutex::new(0_u32));
    let (count, mut once) = (Arc::clone(&asked), honest(1, None));
    let behaviour: Behaviour = Box::new(move |request| {
        let mut count = count.lock().unwrap();
        *count += 1;
        match *count {
            1 => once(request),
            _ => (500, TEXT, "out of order".into()),
        }
    });
    let running = Running::start(&log, 1, vec![behaviour]);
    running.failing(|problem| matches!(problem, WitnessProblem::Refused { status: 500, .. }));
    let deadline = Instant::now() + Duration::from_secs(60);
    while *asked.lock().unwrap() < 5 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
    let last = running
        .ledger
        .last_mark(MarkKind::Cosigned)
        .unwrap()
        .unwrap();
    assert_eq!((last.size.get(), last.number), (0, 0));
}

#[test]
fn a_witness_that_knows_an_earlier_size_gets_the_proof_from_there() {
    let log = Log::new();
    let before = log.open();
    for id in ["one", "two", "three"] {
        record(&before, sending(id)).unwrap();
    }
    let third = Note::parse(before.checkpoint().as_bytes()).unwrap();
    for id in ["four", "five"] {
        record(&before, sending(id)).unwrap();
    }
    before.close();
    let running = Running::start(&log, 1, vec![honest(1, Some(third))]);
    running.marked(5);
    assert_eq!(
        running
            .ledger
            .last_mark(MarkKind::Cosigned)
            .unwrap()
            .unwrap()
            .size
            .get(),
        5
    );
}

#[test]
fn a_witness_that_has_seen_a_larger_tree_ends_the_recording() {
    let log = Log::new();
    let before = log.open();
    record(&before, sending("one")).unwrap();
    before.close();
    let larger: Behaviour = Box::new(|_| (409, SIZE, "7\n".into()));
    let running = Running::start(&log, 1, vec![larger]);
    let (seen, ours) = (TreeSize::new(7), TreeSize::new(1));
    let rolled_back = WitnessEvent::RolledBack {
        witness: "w1".into(),
        seen,
        ours,
    };
    running.told(|event| *event == rolled_back);
    let why = LedgerError::RolledBack {
        witness: "w1".into(),
        seen,
        ours,
    };
    assert_eq!(record(&running.ledger, sending("two")), Err(why));
}

#[test]
fn a_witness_of_another_tree_of_our_size_or_before_is_told_with_what_was_said() {
    let log = Log::new();
    let before = log.open();
    record(&before, sending("one")).unwrap();
    record(&before, sending("two")).unwrap();
    before.close();
    // The same key has signed another history elsewhere.
    let other = Log::new();
    let elsewhere = other.open();
    record(&elsewhere, sending("another")).unwrap();
    let smaller = Note::parse(elsewhere.checkpoint().as_bytes()).unwrap();
    record(&elsewhere, sending("one-more")).unwrap();
    let same = Note::parse(elsewhere.checkpoint().as_bytes()).unwrap();
    for (last, size) in [(same, 2), (smaller, 1)] {
        let running = Running::start(&log, 1, vec![honest(1, Some(last))]);
        let event = running.told(|event| matches!(event, WitnessEvent::OtherView { .. }));
        let WitnessEvent::OtherView {
            size: found,
            request,
            answer,
            ..
        } = event
        else {
            unreachable!("it was looked for");
        };
        assert_eq!(found, TreeSize::new(size));
        assert!(request.contains(&running.ledger.checkpoint()));
        assert!(
            answer.starts_with(if size == 2 { "409" } else { "422" }),
            "{answer}"
        );
        assert_eq!(running.ledger.last_mark(MarkKind::Cosigned), Ok(None));
        running.ledger.close();
    }
}

#[test]
fn answers_that_are_no_cosignature_of_the_witness_are_not_kept() {
    type Check = fn(&WitnessProblem) -> bool;
    let cases: Vec<(Behaviour, Check)> = vec![
        // By another's key.
        (honest(9, None), |problem| {
            *problem == WitnessProblem::NoCosignature
        }),
        // Over another text.
        (
            Box::new(|_| {
                let other = Note::unsigned("other\n").unwrap();
                let line = signer(1).cosign(other, 5).unwrap().signatures()[0].encode();
                (200, TEXT, line)
            }),
            |problem| matches!(problem, WitnessProblem::Cosignature(_)),
        ),
        // At no time.
        (
            Box::new(|request| {
                let note = signer(1).cosign(request.note.clone(), 0).unwrap();
                (200, TEXT, note.signatures().last().unwrap().encode())
            }),
            |problem| *problem == WitnessProblem::NoCosignature,
        ),
        (Box::new(|_| (200, TEXT, "thank you\n".into())), |problem| {
            matches!(problem, WitnessProblem::Answer(_))
        }),
        // A text of its own before the lines.
        (
            Box::new(|_| (200, TEXT, "\n\u{2014} x AAAAAAAA\n".into())),
            |problem| matches!(problem, WitnessProblem::Answer(_)),
        ),
        (Box::new(|_| (200, TEXT, "x".repeat(1 << 17))), |problem| {
            matches!(problem, WitnessProblem::Http(_))
        }),
        (Box::new(|_| (404, TEXT, "unknown".into())), |problem| {
            matches!(problem, WitnessProblem::Refused { status: 404, .. })
        }),
        (Box::new(|_| (409, TEXT, "7\n".into())), |problem| {
            matches!(problem, WitnessProblem::Answer(_))
        }),
        (Box::new(|_| (409, SIZE, "07\n".into())), |problem| {
            matches!(problem, WitnessProblem::Answer(_))
        }),
    ];
    for (behaviour, check) in cases {
        let log = Log::new();
        let running = Running::start(&log, 1, vec![behaviour]);
        running.failing(check);
        assert_eq!(running.ledger.last_mark(MarkKind::Cosigned), Ok(None));
        assert_eq!(
            record(&running.ledger, sending("one")),
            Err(LedgerError::NotWitnessed)
        );
    }
}
