// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a log's size costs: logs of several sizes are filled through the library, every token real, and then appended to, asked for
//! receipts and opened again in turns, so that whoever else uses the machine slows them alike.
//!
//! `cargo bench --bench growth -- --leaves 10000,1000000` names the sizes; `--largest DIR` has the largest log in that directory, filled
//! from where it is, and leaves it there.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use kbox_benches::{
    Bar, Operator, bytes_below, opening, processor_time, requests_from, sending, steps,
};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{Collectivite, EventId, event_digest};
use kbox_proof::ledger::{Ledger, LedgerError, RecordBatch};
use kbox_proof::merkle::LeafIndex;
use kbox_proof::receipt::Receipt;
use tempfile::TempDir;

/// Collectivités that record in turns, that papers were opened: half of all events, and the smaller half, so that a hundred million
/// take no more disk than a machine may have.
const COUNCILS: usize = 1000;
/// Events that wait at any moment while a log is filled.
const WAITING: u64 = 4096;
const ROUNDS: usize = 101;
/// The first rounds open each log again after they appended to it; the others measure an open one, which has warmed up.
const RESTARTS: usize = 9;
/// In each round: events recorded at once, events recorded one after the other, receipts asked for.
const GROUP: u64 = 512;
const ALONE: usize = 16;
const ASKED: usize = 64;
/// Events of which receipts are asked for, spread over the whole log.
const KEPT: u64 = 4096;

type Answer = Result<Vec<Receipt>, LedgerError>;

struct Log {
    leaves: u64,
    folder: PathBuf,
    _temporary: Option<TempDir>,
    ledger: Option<Ledger>,
    councils: Vec<(Collectivite, Sha256Digest)>,
    recorded: usize,
    kept: Vec<EventId>,
    asked: usize,
    answers: (Sender<Answer>, Receiver<Answer>),
}

impl Log {
    fn new(operator: &Operator, leaves: u64, kept: Option<&Path>) -> Self {
        // Beside each other on one disk: the system's temporary folder may lie in memory.
        let temporary = match kept {
            Some(_) => None,
            None => Some(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()),
        };
        let folder = kept.or(temporary.as_ref().map(TempDir::path));
        let folder = folder.unwrap().to_path_buf();
        let ledger = operator.ledger(&folder);
        // Those of earlier runs, and of the smaller logs beside it, among them.
        requests_from(4 * ledger.size().get());
        let council = |number: usize| {
            let collectivite = Collectivite::parse(&format!("9999{number:05}")).unwrap();
            let record = |events| {
                let receipts = ledger.record(events, RecordBatch::new()).unwrap();
                event_digest(&receipts[0].event)
            };
            let sent = record(vec![sending(&collectivite, 1)]);
            let consigned = record(steps(&collectivite, sent, 1));
            (collectivite, consigned)
        };
        let councils = (0..COUNCILS).map(council).collect();
        Self {
            leaves,
            folder,
            _temporary: temporary,
            ledger: Some(ledger),
            councils,
            recorded: 0,
            kept: Vec::new(),
            asked: 0,
            answers: channel(),
        }
    }

    fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap()
    }

    fn submit_one(&mut self) {
        let (collectivite, consigned) = &self.councils[self.recorded % COUNCILS];
        self.recorded += 1;
        let answers = self.answers.0.clone();
        self.ledger()
            .submit(
                vec![opening(collectivite, *consigned, 0)],
                RecordBatch::new(),
                move |answer| {
                    answers.send(answer).unwrap();
                },
            )
            .unwrap();
    }

    /// Has so many receipts made, so many waiting at any moment, and tells each of them.
    fn record(&mut self, events: u64, waiting: u64, mut each: impl FnMut(&Receipt)) {
        let mut submitted = 0;
        for _ in 0..events {
            while submitted < events.min(waiting) {
                self.submit_one();
                submitted += 1;
            }
            each(&self.answers.1.recv().unwrap().unwrap()[0]);
            if submitted < events {
                self.submit_one();
                submitted += 1;
            }
        }
    }

    fn fill(&mut self) -> Duration {
        let events = self.leaves.saturating_sub(self.ledger().size().get());
        let mut bar = Bar::new("filled", events);
        self.record(events, WAITING, |_| bar.add(1));
        let (store, size) = (self.ledger().store(), self.ledger().size().get());
        let indices = (0..KEPT).map(|number| LeafIndex::new(number * size / KEPT));
        let entries = indices.map(|index| store.entry(index).unwrap().unwrap().event_id);
        self.kept = entries.collect();
        bar.end()
    }

    fn restart(&mut self, operator: &Operator) -> Duration {
        drop(self.ledger.take());
        timed(|| self.ledger = Some(operator.ledger(&self.folder)))
    }

    fn ask(&mut self) {
        // A prime: not in the order in which they were recorded.
        self.asked += 1_000_003;
        let event = self.kept[self.asked % self.kept.len()];
        black_box(self.ledger().receipt(&event).unwrap().unwrap());
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// What is measured of each log, in microseconds, and how many times that of the smallest log it may be.
const MEASURED: [(&str, Option<f64>); 4] = [
    ("append, one of 512 at once", Some(1.1)),
    ("append, processor time of one of 512", Some(1.1)),
    ("append, one alone", Some(1.1)),
    ("receipt with its proof", None),
];

fn micros(time: Duration, of: f64) -> f64 {
    1e6 * time.as_secs_f64() / of
}

fn restart(log: &mut Log, operator: &Operator) -> f64 {
    log.record(GROUP, GROUP, |_| ());
    micros(log.restart(operator), 1.0)
}

fn round(log: &mut Log) -> [f64; 4] {
    let busy = processor_time();
    let group = timed(|| log.record(GROUP, GROUP, |_| ()));
    let busy = processor_time() - busy;
    let mut alone: Vec<_> = (0..ALONE)
        .map(|_| timed(|| log.record(1, 1, |_| ())))
        .collect();
    alone.sort_unstable();
    let asked = timed(|| (0..ASKED).for_each(|_| log.ask()));
    [
        micros(group, GROUP as f64),
        micros(busy, GROUP as f64),
        micros(alone[ALONE / 2], 1.0),
        micros(asked, ASKED as f64),
    ]
}

/// The median, and between which bounds the middle half lies.
fn middle(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    [2, 1, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name| {
        let at = arguments.iter().position(|argument| argument == name);
        at.map(|at| arguments[at + 1].as_str())
    };
    let sizes = option("--leaves").unwrap_or("10000,1000000");
    let sizes: Vec<u64> = sizes.split(',').map(|size| size.parse().unwrap()).collect();
    let kept = option("--largest").map(Path::new);
    let operator = Operator::new();
    let log = |(place, leaves): (usize, &u64)| {
        let is_largest = place + 1 == sizes.len();
        Log::new(&operator, *leaves, kept.filter(|_| is_largest))
    };
    let mut logs: Vec<Log> = sizes.iter().enumerate().map(log).collect();
    for log in &mut logs {
        log.fill();
        let first = log.restart(&operator);
        let disk = bytes_below(&log.folder) as f64 / log.ledger().size().get() as f64;
        println!(
            "{} leaves: opened in {:.3} s after it was filled; {disk:.0} bytes of disk a leaf",
            log.ledger().size().get(),
            first.as_secs_f64()
        );
    }
    let mut restarts: Vec<Vec<f64>> = Vec::new();
    for _ in 0..RESTARTS {
        restarts.push(logs.iter_mut().map(|log| restart(log, &operator)).collect());
    }
    for log in &mut logs {
        log.record(WAITING, GROUP, |_| ());
        (0..KEPT).for_each(|_| log.ask());
    }
    let mut rounds: Vec<Vec<[f64; 4]>> = Vec::new();
    let mut bar = Bar::new("rounds", ROUNDS as u64);
    for _ in 0..ROUNDS {
        rounds.push(logs.iter_mut().map(round).collect());
        bar.add(1);
    }
    bar.end();
    let leaves: Vec<u64> = logs.iter().map(|log| log.leaves).collect();
    for (kind, (what, limit)) in MEASURED.into_iter().enumerate() {
        let of = |place: usize| rounds.iter().map(|round| round[place][kind]).collect();
        tell(what, limit, &leaves, of);
    }
    let of = |place: usize| restarts.iter().map(|round| round[place]).collect();
    tell("restart", Some(2.0), &leaves, of);
}

/// The medians of each log, and of the ratios to the first one in the same rounds.
fn tell(what: &str, limit: Option<f64>, leaves: &[u64], of: impl Fn(usize) -> Vec<f64>) {
    for (place, size) in leaves.iter().enumerate() {
        let [median, low, high] = middle(of(place).into_iter());
        println!("{what}, {size} leaves: {median:.0} us ({low:.0} to {high:.0})");
        if place > 0 {
            let ratios = of(place).into_iter().zip(of(0));
            let [median, low, high] = middle(ratios.map(|(own, first)| own / first));
            let wanted = limit.map_or(String::new(), |limit| format!(", wanted {limit:.1}"));
            println!(
                "ratio  {what}, {size} against {}: {median:.2} ({low:.2} to {high:.2}){wanted}",
                leaves[0]
            );
        }
    }
}
