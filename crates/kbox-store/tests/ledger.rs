// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The ledger over RocksDB: what is acknowledged verifies, stays, and continues after a restart or a SIGKILL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use kbox_proof::clock::ClockReading;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::ledger::fsck::fsck;
use kbox_proof::ledger::{Ledger, LedgerError, Scrub, replay_erasures};
use kbox_proof::receipt::*;
use kbox_proof::store::{RecordBatch, RequestId, Store, StoreError};
use kbox_proof::tlog::{Checkpoint, Note, TlogProof, VerifierKey};
use kbox_store::RocksStore;
use support::sending::*;
use support::*;

const CHILD: &str = "KBOX_TEST_CRASH_CHILD";

#[test]
fn every_receipt_verifies_ranks_are_dense_and_a_restart_continues_the_same_tree() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let keys = Keys::new();
    let mut receipts = Vec::new();
    for round in 0..3u64 {
        let ledger = keys.open(&path, clock());
        assert_eq!(round * 200, ledger.size().get());
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    let ledger = &ledger;
                    let one = move |n| record(ledger, &format!("{round}-{thread}-{n}"), 1).unwrap();
                    scope.spawn(move || (0..25).map(one).collect::<Vec<_>>())
                })
                .collect();
            for thread in threads {
                receipts.extend(thread.join().unwrap());
            }
        });
        ledger.close();
    }
    let mut verified: Vec<_> = receipts
        .iter()
        .map(|receipt| keys.verify(receipt))
        .collect();
    verified.sort_by_key(|one| one.event().header.rank);
    let ranks: Vec<_> = verified.iter().map(|one| one.event().header.rank).collect();
    assert_eq!(ranks, (0..600).collect::<Vec<_>>());
    let serials: std::collections::BTreeSet<_> = verified
        .iter()
        .map(|one| one.timestamp().serial().as_content().to_vec())
        .collect();
    assert_eq!(serials.len(), 600);
    for pair in verified.windows(2) {
        assert_eq!(pair[1].event().header.previous, Some(pair[0].digest()));
        assert!(pair[1].timestamp().gen_time() >= pair[0].timestamp().gen_time());
    }
}

#[test]
fn one_request_id_is_one_receipt_across_restarts_and_other_content_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let keys = Keys::new();
    let ledger = keys.open(&path, clock());
    let first = record(&ledger, "one", 1).unwrap();
    assert_eq!(record(&ledger, "one", 1).unwrap(), first);
    assert!(record(&ledger, "one", 2).is_err());
    assert_eq!(ledger.size().get(), 1);
    drop(ledger);
    let ledger = keys.open(&path, clock());
    assert_eq!(record(&ledger, "one", 1).unwrap(), first);
    assert_eq!(ledger.size().get(), 1);
}

#[test]
fn without_trusted_time_nothing_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let clock = clock();
    let ledger = keys.open(&folder.path().join("data"), clock.clone());
    // Less accurate than the tokens would say.
    clock.set(Ok(ClockReading {
        time: start(),
        accuracy: Duration::from_secs(5),
    }));
    assert!(record(&ledger, "one", 1).is_err());
    assert_eq!(ledger.size().get(), 0);
    clock.set(Ok(ClockReading {
        time: start(),
        accuracy: Duration::from_millis(10),
    }));
    assert!(record(&ledger, "one", 1).is_ok());
}

#[test]
fn a_directory_held_by_another_ledger_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let _held = RocksStore::open(&path).unwrap();
    assert!(RocksStore::open(&path).is_err());
}

fn files_with(folder: &Path, wanted: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, wanted));
        } else if std::fs::read(&path)
            .unwrap()
            .windows(wanted.len())
            .any(|window| window == wanted)
        {
            found.push(path.display().to_string());
        }
    }
    found
}

/// The nth address. No four letters of one stand elsewhere, so that compression leaves each as it is.
fn address(n: usize) -> &'static str {
    ["Wq7zKx2Vm5Hb9TgR", "Yp3cNs8Ld4Fj6GwE", "Uo1aXv0Bk7Qi5MrZ"][n]
}

/// The personal data of the nth event.
fn persons(n: usize) -> PersonalData {
    PersonalData {
        address: Some(text(address(n))),
        ..personal(0).data
    }
}

/// Where a service keeps a copy of an address.
fn beside(n: usize) -> String {
    format!("service/person/{n}")
}

fn consign(ledger: &Ledger, sent: &Receipt, n: usize) -> Result<Vec<Receipt>, LedgerError> {
    let mut request = request(&format!("consigned-{n}"), 1);
    request.collectivite = Collectivite::parse("218002533").unwrap();
    let detail = Detail::ContentConsignment(step(0));
    request.body = body(detail, Some(event_digest(&sent.event)));
    request.personal = Some(persons(n));
    let mut records = RecordBatch::new();
    records.put(beside(n), address(n));
    ledger.record(vec![request], records)
}

/// A sending and the consignments of it with these numbers.
fn consignments<const N: usize>(
    ledger: &Ledger,
    keys: &Keys,
    numbers: [usize; N],
) -> (Receipt, [EventId; N]) {
    let mut sending = request("sending", 1);
    sending.collectivite = Collectivite::parse("218002533").unwrap();
    sending.body = body(Detail::SubmissionAcceptance(submission()), None);
    let sent = ledger.record(vec![sending], RecordBatch::new()).unwrap();
    let ids = numbers.map(|n| {
        let receipt = consign(ledger, &sent[0], n).unwrap().remove(0);
        keys.verify(&receipt).event().header.event_id
    });
    (sent[0].clone(), ids)
}

/// What a service does that keeps copies of addresses.
fn scrub() -> Scrub {
    Arc::new(|_, erased, _| {
        let mut records = RecordBatch::new();
        if let Some(n) = erased.request_id.as_str().strip_prefix("consigned-") {
            records.put(format!("service/person/{n}"), "erased");
        }
        Ok(records)
    })
}

fn open(keys: &Keys, path: &Path) -> Ledger {
    let store = Arc::new(RocksStore::open(path).unwrap());
    keys.open_over(store, clock(), |config| config.scrub = scrub())
}

/// Neither the address, nor what identifies by comparison: digests of the address, of the person and of the data without their
/// salt, as bytes and in letters.
fn assert_gone(folder: &Path, n: usize) {
    assert_eq!(files_with(folder, address(n).as_bytes()), [""; 0]);
    let data = persons(n);
    let identity = data.recipient.as_ref().unwrap().identity.name.as_str();
    for guess in [
        address(n).as_bytes().to_vec(),
        identity.as_bytes().to_vec(),
        data.to_der().unwrap(),
    ] {
        let digest = Sha256Digest::of(&guess);
        for form in [digest.as_bytes().to_vec(), digest.to_hex().into_bytes()] {
            assert_eq!(files_with(folder, &form), [""; 0]);
        }
    }
}

#[test]
fn erased_personal_data_are_in_no_file_of_the_data_directory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let keys = Keys::new();
    let ledger = open(&keys, &path);
    let (sent, [in_a_table, kept]) = consignments(&ledger, &keys, [0, 1]);
    let held = ledger.receipt(&in_a_table).unwrap().unwrap();
    drop(ledger);
    // What the write-ahead log held is in a table once it is opened again.
    let ledger = open(&keys, &path);
    let in_the_log = consign(&ledger, &sent, 2).unwrap().remove(0);
    let in_the_log = keys.verify(&in_the_log).event().header.event_id;
    let stored = |id| {
        let index = ledger.store().index_of_event(&id).unwrap().unwrap();
        ledger.store().entry(index).unwrap().unwrap()
    };
    for (n, erased) in [(0, in_a_table), (2, in_the_log)] {
        assert!(!files_with(&path, address(n).as_bytes()).is_empty());
        let request_id = RequestId::parse(&format!("consigned-{n}")).unwrap();
        let owner = Collectivite::parse("218002533").unwrap();
        let compared = ledger.store().find(&owner, &request_id).unwrap().unwrap();
        let compared = compared.content.unwrap();
        let part = ErasablePart::from_der(&stored(erased).personal.unwrap()).unwrap();
        let salt = part.salt.as_bytes();
        for secret in [salt, &compared.key, &compared.digest] {
            assert!(!files_with(&path, secret).is_empty());
        }
        ledger.erase(erasing(erased)).unwrap().unwrap();
        assert_gone(&path, n);
        for secret in [salt, &compared.key, &compared.digest] {
            assert_eq!(files_with(&path, secret), [""; 0]);
        }
    }
    drop(ledger);

    let ledger = open(&keys, &path);
    for (n, erased) in [(0, in_a_table), (2, in_the_log)] {
        assert_gone(&path, n);
        let rest = ledger.receipt(&erased).unwrap().unwrap();
        assert!(keys.verify(&rest).is_personal_part_missing());
        let request_id = RequestId::parse(&format!("consigned-{n}")).unwrap();
        let gone = Err(LedgerError::Gone { request_id });
        assert_eq!(consign(&ledger, &sent, n), gone);
    }
    // The receipt that somebody holds proves what it proved.
    assert_eq!(keys.verify(&held).personal(), Some(&persons(0)));
    let other = keys.verify(&ledger.receipt(&kept).unwrap().unwrap());
    let expected = text(address(1));
    assert_eq!(other.personal().unwrap().address, Some(expected));
}

#[test]
fn a_backup_of_another_version_is_neither_read_nor_erased_in_nor_continued() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("data"), folder.path().join("backup"));
    drop(open(&Keys::new(), &path));
    let store = RocksStore::open_to_read(&path).unwrap();
    store.copy_to(&backup, &mut |_| ()).unwrap();
    std::fs::write(backup.join("VERSION"), "kbox-backup 2\n").unwrap();
    for opened in [
        RocksStore::open_to_read(&backup),
        RocksStore::open_backup(&backup),
        RocksStore::open(&backup),
    ] {
        assert!(
            matches!(&opened, Err(StoreError::Version { found, .. }) if found == "kbox-backup 2"),
            "{opened:?}"
        );
    }
}

#[test]
fn backups_hold_nothing_erased_before_and_an_older_one_loses_it_when_the_erasures_are_applied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let (older, newer) = (folder.path().join("older"), folder.path().join("newer"));
    let keys = Keys::new();
    let ledger = open(&keys, &path);
    let (_, [erased, kept]) = consignments(&ledger, &keys, [0, 1]);
    let copy = |to: &Path| {
        let store = RocksStore::open_to_read(&path).unwrap();
        store.copy_to(to, &mut |_| ()).unwrap();
    };
    copy(&older);
    ledger.erase(erasing(erased)).unwrap().unwrap();
    copy(&newer);
    assert_gone(&newer, 0);
    assert!(!files_with(&older, address(0).as_bytes()).is_empty());

    // Applied twice, the second time finds nothing more to destroy.
    for destroyed in [1, 0] {
        let known = RocksStore::open_to_read(&path).unwrap();
        let backup = RocksStore::open_backup(&older).unwrap();
        assert!(matches!(
            RocksStore::open_backup(&older),
            Err(StoreError::Held { .. })
        ));
        let done = replay_erasures(&known, &backup, &scrub(), &mut |_, _| ()).unwrap();
        assert_eq!(done, destroyed);
        drop(backup);
        assert_gone(&older, 0);
    }
    assert!(!files_with(&older, address(1).as_bytes()).is_empty());
    // It is still a backup, sound, and says by whose decision something is missing.
    let store = RocksStore::open_to_read(&older).unwrap();
    let key = VerifierKey::parse(&Keys::log().vkey(ORIGIN)).unwrap();
    let origin = Origin::parse(ORIGIN).unwrap();
    let report = fsck(
        &store,
        &origin,
        Environment::Demonstration,
        &key,
        &[],
        &mut |_, _| (),
    )
    .unwrap();
    assert_eq!((report.findings, report.erased), (vec![], 1));
    assert!(matches!(
        RocksStore::open(&older),
        Err(StoreError::Backup { .. })
    ));
    // No erasure is applied to a log that goes on, nor is a backup continued.
    drop(ledger);
    assert!(matches!(
        RocksStore::open_backup(&path),
        Err(StoreError::NoBackup { .. })
    ));
    let ledger = open(&keys, &path);
    let other = keys.verify(&ledger.receipt(&kept).unwrap().unwrap());
    assert!(!other.is_personal_part_missing());
}

const ERASING_CHILD: &str = "KBOX_TEST_ERASING_CHILD";

/// Not a test of its own: the process that the next test kills between trace and destruction.
#[test]
fn erasing_child() {
    let Some(folder) = std::env::var_os(ERASING_CHILD) else {
        return;
    };
    let folder = Path::new(&folder);
    let keys = Keys::load(folder);
    let store = Arc::new(RocksStore::open(folder.join("data")).unwrap());
    let waits = folder.join("wait").exists();
    let scrub = scrub();
    let ledger = keys.open_over(store, clock(), |config| {
        config.scrub = Arc::new(move |store, erased, trace| {
            assert!(trace.is_some());
            println!("the trace is durable");
            if waits {
                loop {
                    std::thread::park();
                }
            }
            scrub(store, erased, trace)
        });
    });
    let id = std::fs::read_to_string(folder.join("erase")).unwrap();
    let id = EventId::parse(&id).unwrap();
    if ledger.erase(erasing(id)).unwrap().is_some() {
        println!("\nerased");
    }
}

#[test]
fn an_erasure_that_sigkill_broke_off_after_its_trace_is_completed_when_the_log_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let keys = Keys::new();
    keys.save(folder.path());
    let ledger = open(&keys, &path);
    let (_, [id]) = consignments(&ledger, &keys, [0]);
    drop(ledger);
    std::fs::write(folder.path().join("erase"), id.to_string()).unwrap();
    std::fs::write(folder.path().join("wait"), "").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["erasing_child", "--exact", "--nocapture"])
        .env(ERASING_CHILD, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("the trace is durable")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!files_with(&path, address(0).as_bytes()).is_empty());

    let ledger = open(&keys, &path);
    assert_gone(&path, 0);
    let rest = ledger.receipt(&id).unwrap().unwrap();
    assert!(keys.verify(&rest).is_personal_part_missing());
    // Sending, consignment, one trace.
    assert_eq!(ledger.size().get(), 3);
    let trace = ledger.erase(erasing(id)).unwrap().unwrap();
    assert_eq!(keys.verify(&trace).event().header.rank, 2);
    assert_eq!(ledger.size().get(), 3);
}

#[test]
fn an_erasure_killed_at_any_sync_deletion_or_renaming_of_a_file_leaves_nothing_once_it_is_completed()
 {
    let folder = tempfile::tempdir().unwrap();
    let (made, path) = (folder.path().join("made"), folder.path().join("data"));
    let keys = Keys::new();
    keys.save(folder.path());
    let ledger = open(&keys, &made);
    let (_, [id]) = consignments(&ledger, &keys, [0]);
    drop(ledger);
    // So that what is erased is in a table.
    drop(open(&keys, &made));
    std::fs::write(folder.path().join("erase"), id.to_string()).unwrap();
    let (mut killed, mut pending) = (0, 0);
    for calls in ["fdatasync,fsync", "unlink,rename"] {
        // The count is each thread's own: the run that nothing kills any more is the last.
        for when in 1..=60 {
            copy_folder(&made, &path);
            // As if it had been there all along.
            std::fs::remove_file(path.join("PLACE")).unwrap();
            let inject = format!("inject={calls}:signal=KILL:when={when}");
            let trace = format!("trace={calls}");
            let output = Command::new("strace")
                .args(["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject])
                .arg(std::env::current_exe().unwrap())
                .args(["erasing_child", "--exact", "--nocapture"])
                .env(ERASING_CHILD, folder.path())
                .output()
                .expect("strace is missing: run the tests through `make test`");
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let (traced, done) = (said.contains("durable"), said.contains("\nerased"));
            if done {
                assert_gone(&path, 0);
            }
            let ledger = open(&keys, &path);
            assert!(!traced || ledger.size().get() == 3, "{inject}: {said}");
            if ledger.size().get() == 3 {
                // Completed, without anybody asking.
                assert_gone(&path, 0);
                pending += u64::from(!done);
            } else {
                ledger.erase(erasing(id)).unwrap().unwrap();
                assert_gone(&path, 0);
            }
            assert_eq!(ledger.size().get(), 3, "{inject}");
            drop(ledger);
            std::fs::remove_dir_all(&path).unwrap();
            if output.status.success() {
                break;
            }
            killed += 1;
        }
    }
    assert!(
        killed > 5 && pending > 2,
        "{killed} killed, {pending} after the trace"
    );
    println!("{killed} killed, {pending} after the trace");
}

fn still_there(file: &Path) -> String {
    let file = file.display().to_string();
    StoreError::StillThere { file }.to_string()
}

/// A compaction that failed is told to nobody, and a disk that was full for a moment lets the log go on.
#[test]
fn an_erasure_on_a_disk_that_was_full_or_kept_an_old_file_is_not_done_until_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (made, path) = (folder.path().join("made"), folder.path().join("data"));
    let keys = Keys::new();
    keys.save(folder.path());
    let ledger = open(&keys, &made);
    let (_, [id]) = consignments(&ledger, &keys, [0]);
    drop(ledger);
    drop(open(&keys, &made));
    std::fs::write(folder.path().join("erase"), id.to_string()).unwrap();
    let numbers = std::fs::read_dir(made.join("db")).unwrap();
    let numbers = numbers.map(|file| file.unwrap().path());
    let number = |path: PathBuf| path.file_stem()?.to_str()?.parse::<u32>().ok();
    let last = numbers.filter_map(number).max().unwrap();
    let mut failed = [0, 0];
    // Each table that the erasure writes, and those that it replaces.
    for (kind, calls, error, tables) in [
        (0, "openat", "ENOSPC", last + 1..last + 20),
        (1, "unlink", "EIO", 1..last + 1),
    ] {
        for table in tables {
            copy_folder(&made, &path);
            // As if it had been there all along.
            std::fs::remove_file(path.join("PLACE")).unwrap();
            let table = path.join(format!("db/{table:06}.sst"));
            let holding = files_with(&path, address(0).as_bytes());
            if kind == 1 && !holding.contains(&table.display().to_string()) {
                std::fs::remove_dir_all(&path).unwrap();
                continue;
            }
            let inject = format!("inject={calls}:error={error}");
            // The second finds what the first could not remove, which its engine knows no more.
            for _ in 0..2 {
                let output = Command::new("strace")
                    .args(["-f", "-qq", "-o", "/dev/null", "-e", &inject, "-P"])
                    .arg(&table)
                    .arg(std::env::current_exe().unwrap())
                    .args(["erasing_child", "--exact", "--nocapture"])
                    .env(ERASING_CHILD, folder.path())
                    .output()
                    .expect("strace is missing: run the tests through `make test`");
                let said = String::from_utf8_lossy(&output.stdout).into_owned();
                if said.contains("\nerased") {
                    assert_gone(&path, 0);
                    break;
                }
                failed[kind] += 1;
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(kind == 0 || said.contains(&still_there(&table)), "{said}");
            }
            let ledger = open(&keys, &path);
            ledger.erase(erasing(id)).unwrap().unwrap();
            assert_gone(&path, 0);
            drop(ledger);
            std::fs::remove_dir_all(&path).unwrap();
        }
    }
    assert!(failed.iter().all(|failed| *failed > 0), "{failed:?}");
}

#[test]
fn two_ledgers_over_one_database_do_not_fork_the_tree() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let store = Arc::new(RocksStore::open(folder.path().join("data")).unwrap());
    let fatal = Arc::new(std::sync::Mutex::new(Vec::new()));
    let [one, other] = [(), ()].map(|()| {
        let fatal = Arc::clone(&fatal);
        keys.open_over(store.clone(), clock(), |config| {
            config.on_fatal = Arc::new(move |error| fatal.lock().unwrap().push(error.clone()));
        })
    });
    record(&one, "one", 1).unwrap();
    assert_eq!(record(&other, "two", 1), Err(LedgerError::Stopped));
    assert!(
        matches!(
            fatal.lock().unwrap().as_slice(),
            [LedgerError::Store(StoreError::HeadChanged { .. })]
        ),
        "{fatal:?}"
    );
    keys.verify(&record(&one, "two", 1).unwrap());
    assert_eq!(store.head().unwrap().unwrap(), one.head());
}

/// Not a test of its own: the process that the next test kills.
#[test]
fn crash_child() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let folder = Path::new(&folder);
    let round = std::fs::read_to_string(folder.join("round")).unwrap();
    let ledger = Keys::load(folder).open(&folder.join("data"), clock());
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (ledger, round) = (&ledger, &round);
            scope.spawn(move || {
                for n in 0u64.. {
                    let id = format!("{round}-{thread}-{n}");
                    let receipt = record(ledger, &id, 1).unwrap();
                    let line =
                        format!("\nack {id} {}\n", Sha256Digest::of(&receipt.event).to_hex());
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
}

#[test]
fn sigkill_at_random_moments_loses_no_acknowledged_receipt_and_keeps_one_tree() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    keys.save(folder.path());
    let (mut acknowledged, mut heads) = (Vec::new(), Vec::new());
    // `KBOX_KILLS=1000` for a long run.
    let rounds = std::env::var("KBOX_KILLS").map_or(20, |text| text.parse().unwrap());
    for round in 0..rounds {
        std::fs::write(folder.path().join("round"), round.to_string()).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash_child", "--exact", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Killed after so many acknowledgements, in the middle of whatever it does then.
        let random = kbox_proof::key::random_bytes::<2>().unwrap();
        let wanted = 100 + u64::from(u16::from_be_bytes(random) % 400);
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut seen = 0;
        for line in output.lines().map_while(Result::ok) {
            let mut words = line.split(' ');
            // The last line may be cut off by the kill; what is cut off was not acknowledged.
            if let (Some("ack"), Some(id), Some(digest)) = (
                words.next(),
                words.next(),
                words.next().and_then(Sha256Digest::from_hex),
            ) {
                acknowledged.push((id.to_string(), digest));
                seen += 1;
                if seen == wanted {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
        assert!(seen >= wanted, "round {round} ended by itself");
        let ledger = keys.open(&folder.path().join("data"), clock());
        heads.push(Note::parse(ledger.checkpoint().as_bytes()).unwrap());
        ledger.close();
    }
    let ledger = keys.open(&folder.path().join("data"), clock());
    let size = ledger.size();
    for (id, digest) in &acknowledged {
        // The same request again gives the receipt that is there; a lost one would be recorded anew.
        let receipt = record(&ledger, id, 1).unwrap();
        assert_eq!(Sha256Digest::of(&receipt.event), *digest, "{id}");
    }
    assert_eq!(ledger.size(), size);
    let last = record(&ledger, "last", 1).unwrap();
    keys.verify(&last);
    let head = TlogProof::parse(last.proof.as_bytes()).unwrap();
    assert!(head.index().get() == size.get());
    for pair in heads.windows(2) {
        let one = Checkpoint::parse(pair[0].text()).unwrap();
        let other = Checkpoint::parse(pair[1].text()).unwrap();
        let proof = ledger.consistency(one.size(), other.size()).unwrap();
        kbox_proof::merkle::verify_consistency(
            one.size(),
            one.root(),
            other.size(),
            other.root(),
            &proof,
        )
        .unwrap();
    }
}
