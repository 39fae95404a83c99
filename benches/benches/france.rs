// SPDX-License-Identifier: Apache-2.0 OR MIT
//! All of France convenes at once: the 34,969 communes and their 510,495 councillors, a sending each, put at the disposal of
//! every member and opened by all of them, through the library, and then checked whole: by `fsck`, and receipt by receipt
//! as an auditor would.
//!
//! `cargo bench --bench france -- --communes 1000` takes the first thousand alone; `--only-record` leaves the checks out.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::VecDeque;
use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use kbox_benches::{Bar, Operator, bytes_below, now, opening, processor_time, sending, steps};
use kbox_council::communes;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{Collectivite, event_digest};
use kbox_proof::ledger::{EventRequest, Ledger, LedgerError, RecordBatch, fsck::fsck};
use kbox_proof::merkle::LeafIndex;
use kbox_proof::receipt::Receipt;
use kbox_proof::verify::verify_receipt;

/// Events that wait at any moment; a council's members are recorded in one call.
const WAITING: usize = 8192;

struct Council {
    collectivite: Collectivite,
    members: u32,
    submission: Option<Sha256Digest>,
    consignments: Vec<Sha256Digest>,
}

/// Every commune; those that the source gives no SIREN get one that nobody has.
fn councils(most: usize) -> Vec<Council> {
    communes::all()
        .take(most)
        .enumerate()
        .map(|(number, commune)| {
            let siren = commune
                .siren
                .map_or_else(|| format!("9999{number:05}"), ToString::to_string);
            Council {
                collectivite: Collectivite::parse(&siren).unwrap(),
                members: commune.conseillers().into(),
                submission: None,
                consignments: Vec::new(),
            }
        })
        .collect()
}

type Answer = (usize, Result<Vec<Receipt>, LedgerError>);

/// Has the events of one call for each council made, as many waiting at a time as [`WAITING`] allows.
struct Round<'a> {
    ledger: &'a Ledger,
    answers: (Sender<Answer>, Receiver<Answer>),
    waiting: usize,
}

impl<'a> Round<'a> {
    fn new(ledger: &'a Ledger) -> Self {
        Self {
            ledger,
            answers: channel(),
            waiting: 0,
        }
    }

    fn submit(&mut self, council: usize, events: Vec<EventRequest>) {
        self.waiting += events.len();
        let answers = self.answers.0.clone();
        self.ledger
            .submit(events, RecordBatch::new(), move |answer| {
                answers.send((council, answer)).unwrap();
            })
            .unwrap();
    }

    fn answer(&mut self) -> (usize, Vec<Receipt>) {
        let (council, answer) = self.answers.1.recv().unwrap();
        let receipts = answer.unwrap();
        self.waiting -= receipts.len();
        (council, receipts)
    }
}

fn digests(receipts: &[Receipt]) -> Vec<Sha256Digest> {
    receipts
        .iter()
        .map(|receipt| event_digest(&receipt.event))
        .collect()
}

/// Every sending, and every member's consignment of it as soon as the sending has its receipt.
fn send(ledger: &Ledger, councils: &mut [Council], bar: &mut Bar) {
    let mut round = Round::new(ledger);
    let mut unsent = 0..councils.len();
    let mut sealed = VecDeque::new();
    let mut left = 2 * councils.len();
    while left > 0 {
        while round.waiting < WAITING {
            let (place, events) = if let Some(place) = sealed.pop_front() {
                let council: &Council = &councils[place];
                let sending = council.submission.unwrap();
                let events = steps(&council.collectivite, sending, council.members);
                (place, events)
            } else if let Some(place) = unsent.next() {
                let council = &councils[place];
                let event = sending(&council.collectivite, council.members);
                (place, vec![event])
            } else {
                break;
            };
            round.submit(place, events);
        }
        let (place, receipts) = round.answer();
        left -= 1;
        bar.add(receipts.len());
        let council = &mut councils[place];
        if council.submission.is_some() {
            council.consignments = digests(&receipts);
        } else {
            council.submission = digests(&receipts).first().copied();
            sealed.push_back(place);
        }
    }
}

/// Every member opens, each by a call of its own, council after council in another order than they were convened in.
fn open(ledger: &Ledger, councils: &[Council], bar: &mut Bar) {
    let mut round = Round::new(ledger);
    // Coprime to any number of communes below it: each comes once.
    let order = (0..councils.len()).map(|place| place * 1_000_003 % councils.len());
    let mut openings = order.flat_map(|place| {
        let council = &councils[place];
        let members = council.consignments.iter().zip(0u32..);
        members.map(move |(consignment, member)| {
            (place, opening(&council.collectivite, *consignment, member))
        })
    });
    let mut left: usize = councils.iter().map(|one| one.consignments.len()).sum();
    while left > 0 {
        while round.waiting < WAITING
            && let Some((place, event)) = openings.next()
        {
            round.submit(place, vec![event]);
        }
        let (_, receipts) = round.answer();
        left -= receipts.len();
        bar.add(receipts.len());
        black_box(receipts);
    }
}

/// The most memory that this process had, in MiB.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() >> 10
}

/// What the cores sign bare in a second, all of them at once, and the processor time of one signature then.
fn bare_signatures(operator: &Operator) -> (f64, Duration) {
    let cores = std::thread::available_parallelism().unwrap().get();
    let signed = AtomicU64::new(0);
    let (begun, busy) = (Instant::now(), processor_time());
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let signer = operator.signer();
                while begun.elapsed() < Duration::from_secs(2) {
                    for _ in 0..100 {
                        black_box(signer.sign(black_box(&[7; 200])).unwrap());
                    }
                    signed.fetch_add(100, Ordering::Relaxed);
                }
            });
        }
    });
    let signed = signed.into_inner();
    let each = (processor_time() - busy) / u32::try_from(signed).unwrap();
    (signed as f64 / begun.elapsed().as_secs_f64(), each)
}

/// Every receipt, on all cores, as whoever holds it alone verifies it.
fn verify_all(operator: &Operator, ledger: &Ledger, size: u64) {
    let policy = operator.policy();
    let bar = Bar::new("every receipt verified by itself", size);
    let next = AtomicU64::new(0);
    let cores = std::thread::available_parallelism().unwrap().get();
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= size {
                        break;
                    }
                    let entry = ledger.store().entry(LeafIndex::new(index)).unwrap();
                    let receipt = ledger.receipt(&entry.unwrap().event_id).unwrap();
                    verify_receipt(&receipt.unwrap(), &policy, now()).unwrap();
                }
            });
        }
    });
    bar.end();
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let given = |name: &str| arguments.iter().position(|argument| argument == name);
    let most = given("--communes").map_or(usize::MAX, |at| arguments[at + 1].parse().unwrap());
    let operator = Operator::new();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut councils = councils(most);
    let members: u64 = councils.iter().map(|one| u64::from(one.members)).sum();
    let sent = councils.len() as u64 + members;
    println!("{} councils, {members} members", councils.len());

    let (bare, signature) = bare_signatures(&operator);
    let ledger = operator.ledger(folder.path());
    let busy = processor_time();
    let mut bar = Bar::new("sent", sent);
    send(&ledger, &mut councils, &mut bar);
    let mut took = bar.end();
    let mut bar = Bar::new("opened", members);
    open(&ledger, &councils, &mut bar);
    took += bar.end();
    let size = ledger.size().get();
    assert_eq!(size, sent + members);
    let rate = size as f64 / took.as_secs_f64();
    println!(
        "{size} receipts in {:.1} s: {rate:.0}/s, {:.2} of the {bare:.0} signatures/s of all cores; {} MiB at most",
        took.as_secs_f64(),
        rate / bare,
        most_memory()
    );
    // Whoever else uses the machine counts in neither.
    let each = (processor_time() - busy).as_secs_f64() / size as f64;
    println!(
        "processor time: {:.1} us a receipt, of which a bare signature is {:.2}",
        1e6 * each,
        signature.as_secs_f64() / each
    );
    drop(ledger);
    let begun = Instant::now();
    let ledger = operator.ledger(folder.path());
    let disk = bytes_below(folder.path()) as f64 / size as f64;
    println!(
        "opened again in {:.2} s; {disk:.0} bytes of disk a receipt",
        begun.elapsed().as_secs_f64()
    );
    if given("--only-record").is_some() {
        return;
    }
    let mut bar = Bar::new("fsck", size);
    let store: Arc<_> = Arc::clone(ledger.store());
    let (origin, key) = operator.log();
    let report = fsck(
        store.as_ref(),
        &origin,
        ledger.environment(),
        &key,
        &[],
        &mut |done, _| bar.at(done),
    );
    let report = report.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!(report.size, size);
    bar.end();
    verify_all(&operator, &ledger, size);
    println!("{} MiB at most", most_memory());
}
