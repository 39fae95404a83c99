// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Durable receipts a second, with so many callers waiting at any moment, against the disk alone: as many bytes as the ledger's
//! commits write to RocksDB's write-ahead log, appended to a file and synced as often.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use criterion::Criterion;
use kbox_benches::{Operator, by_the_wall, compare, consignment, on_one_core, record_sending};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::ledger::{Ledger, RecordBatch};
use kbox_proof::merkle::TreeSize;

/// Receipts of the run that says what a commit is; fewer than fill one write-ahead log.
const COUNTED: u32 = 4096;

/// Callers of whom each has one request waiting at any moment.
struct Callers<'a> {
    ledger: &'a Ledger,
    sending: Sha256Digest,
    waiting: u64,
    answered: (Sender<bool>, Receiver<bool>),
}

impl<'a> Callers<'a> {
    fn new(ledger: &'a Ledger, waiting: u32) -> Self {
        Self {
            ledger,
            sending: record_sending(ledger),
            waiting: waiting.into(),
            answered: channel(),
        }
    }

    fn send_one(&self) {
        let answered = self.answered.0.clone();
        let events = vec![consignment(self.sending)];
        self.ledger
            .submit(events, RecordBatch::new(), move |answer| {
                answered.send(answer.is_ok()).unwrap();
            })
            .unwrap();
    }

    /// Has so many receipts made.
    fn obtain(&self, receipts: u64) {
        for _ in 0..receipts.min(self.waiting) {
            self.send_one();
        }
        for answered in 1..=receipts {
            assert!(self.answered.1.recv().unwrap());
            if answered + self.waiting <= receipts {
                self.send_one();
            }
        }
    }
}

/// Receipts of one commit, and its bytes in the write-ahead log.
fn count(operator: &Operator, folder: &Path, waiting: u32) -> (f64, usize) {
    let ledger = operator.ledger(folder);
    let callers = Callers::new(&ledger, waiting);
    let written = || {
        let files = std::fs::read_dir(folder.join("db")).unwrap();
        let logs: Vec<_> = files
            .map(|file| file.unwrap())
            .filter(|file| file.path().extension().is_some_and(|end| end == "log"))
            .collect();
        assert_eq!(logs.len(), 1, "the write-ahead log went on in another file");
        logs[0].metadata().unwrap().len()
    };
    let (first, before) = (ledger.size().get(), written());
    callers.obtain(COUNTED.into());
    let made = |size: &u64| {
        ledger
            .checkpoint_at(TreeSize::new(*size))
            .unwrap()
            .is_some()
    };
    let sizes = first + 1..=first + u64::from(COUNTED);
    let commits = u32::try_from(sizes.filter(made).count()).unwrap();
    let bytes = (written() - before) / u64::from(commits);
    let receipts = f64::from(COUNTED) / f64::from(commits);
    (receipts, usize::try_from(bytes).unwrap())
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .measurement_time(Duration::from_secs(8))
        .configure_from_args();
    let operator = Operator::new();
    let signer = operator.signer();
    for waiting in [1, 64, 512, 4096] {
        // Beside each other on one disk: the system's temporary folder may lie in memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (per_commit, bytes) = count(&operator, &folder.path().join("counted"), waiting);
        println!("{waiting} waiting: {per_commit:.1} receipts and {bytes} bytes a commit");
        let ledger = operator.ledger(&folder.path().join("data"));
        let callers = Callers::new(&ledger, waiting);
        let mut file = File::create(folder.path().join("appended")).unwrap();
        let (block, mut owed) = (vec![7; bytes], 0.0);
        compare(
            &mut criterion,
            &format!("durable receipts, {waiting} waiting"),
            waiting,
            &mut by_the_wall(|rounds| callers.obtain(rounds * u64::from(waiting))),
            &mut [
                (
                    "the disk alone",
                    &mut by_the_wall(|rounds| {
                        owed += rounds as f64 * f64::from(waiting) / per_commit;
                        while owed >= 1.0 {
                            file.write_all(&block).unwrap();
                            file.sync_data().unwrap();
                            owed -= 1.0;
                        }
                    }),
                ),
                (
                    "bare signatures on one core",
                    &mut on_one_core(|| {
                        for _ in 0..waiting {
                            black_box(signer.sign(black_box(&[7; 200])).unwrap());
                        }
                    }),
                ),
            ],
        );
    }
    criterion.final_summary();
}
