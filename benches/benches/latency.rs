// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How long callers wait: one alone, against a synced append and a signature; and the last percent of 512 at once, against
//! three synced appends and 512 signatures on all cores. Everything by the wall clock, in turns, in one run.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use kbox_benches::{Operator, consignment, record_sending};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::ledger::{Ledger, RecordBatch};

const ROUNDS: u32 = 200;
const CALLERS: usize = 512;
/// Receipts of each caller in a round; the first of each is made while the others still begin.
const EACH: usize = 4;
/// What a lone consignment, and a group of half the callers, add to the write-ahead log; `receipts` counts them.
const BYTES: [usize; 2] = [6_200, 430_000];

/// The value below which this part of them lies.
fn quantile(values: &mut [Duration], part: f64) -> Duration {
    values.sort_unstable();
    values[((values.len() - 1) as f64 * part).round() as usize]
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn synced_append(file: &mut File, bytes: usize) -> Duration {
    let block = vec![7; bytes];
    timed(|| {
        file.write_all(&block).unwrap();
        file.sync_data().unwrap();
    })
}

/// So many signatures, shared by all cores.
fn sign(operator: &Operator, signatures: usize) -> Duration {
    let cores = std::thread::available_parallelism().unwrap().get();
    let signer = operator.signer();
    timed(|| {
        std::thread::scope(|scope| {
            for _ in 0..cores.min(signatures) {
                scope.spawn(|| {
                    for _ in 0..signatures.div_ceil(cores) {
                        black_box(signer.sign(black_box(&[7; 200])).unwrap());
                    }
                });
            }
        });
    })
}

/// How long each of the receipts of one round took, with so many callers waiting at any moment.
fn together(ledger: &Ledger, sending: Sha256Digest, waits: &mut Vec<Duration>) {
    let (answers, answered) = channel();
    let send = |turn: usize| {
        let answers = answers.clone();
        let event = consignment(sending);
        let begun = Instant::now();
        let on_done = move |answer: Result<Vec<_>, _>| {
            assert!(answer.is_ok());
            answers.send((turn, begun.elapsed())).unwrap();
        };
        ledger
            .submit(vec![event], RecordBatch::new(), on_done)
            .unwrap();
    };
    (0..CALLERS).for_each(|_| send(1));
    for _ in 0..CALLERS * EACH {
        let (turn, waited) = answered.recv().unwrap();
        waits.push(waited);
        if turn < EACH {
            send(turn + 1);
        }
    }
}

fn micros(duration: Duration) -> f64 {
    1e6 * duration.as_secs_f64()
}

fn main() {
    let operator = Operator::new();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let ledger = operator.ledger(&folder.path().join("data"));
    let sending = record_sending(&ledger);
    let mut file = File::create(folder.path().join("appended")).unwrap();

    let (mut waits, mut syncs, mut signatures) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        waits.push(timed(|| {
            let event = vec![consignment(sending)];
            ledger.record(event, RecordBatch::new()).unwrap();
        }));
        syncs.push(synced_append(&mut file, BYTES[0]));
        signatures.push(sign(&operator, 1));
    }
    let [wait, sync, signature] =
        [&mut waits, &mut syncs, &mut signatures].map(|values| quantile(values, 0.5));
    let in_syncs = (micros(wait) - micros(signature)) / micros(sync);
    println!(
        "ratio  one alone: {:.0} us, a signature of {:.0} us and {in_syncs:.2} synced appends of {:.0} us (medians)",
        micros(wait),
        micros(signature),
        micros(sync)
    );

    let (mut waits, mut syncs, mut signatures) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS / 4 {
        together(&ledger, sending, &mut waits);
        for _ in 0..4 {
            syncs.push(synced_append(&mut file, BYTES[1]));
        }
        signatures.push(sign(&operator, CALLERS));
    }
    let (slow, usual) = (quantile(&mut waits, 0.99), quantile(&mut waits, 0.5));
    let (sync, signature) = (quantile(&mut syncs, 0.5), quantile(&mut signatures, 0.5));
    let bound = 3.0 * micros(sync) + micros(signature);
    println!(
        "ratio  {CALLERS} at once: p99 {:.0} us (median {:.0} us), {:.2} of three synced appends of {:.0} us and {CALLERS} signatures in {:.0} us",
        micros(slow),
        micros(usual),
        micros(slow) / bound,
        micros(sync),
        micros(signature)
    );
}
