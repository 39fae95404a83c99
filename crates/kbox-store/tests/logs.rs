// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Several write-ahead logs at once, as when one family of rows is flushed and others are not: whoever has the disk takes one
//! away or cuts it off, and processes are killed while they change from one to the next.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbox_proof::event::*;
use kbox_proof::ledger::Ledger;
use kbox_proof::ledger::fsck::fsck;
use kbox_proof::store::{Store, StoreError};
use kbox_proof::tlog::VerifierKey;
use kbox_store::RocksStore;
use support::sending::*;
use support::*;

const CHILD: &str = "KBOX_TEST_LOGS_CHILD";

/// One that fills the memtable of the service's records.
fn large(ledger: &Ledger, id: &str) {
    record_beside(ledger, id, 2 << 20).unwrap();
}

fn logs(data: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(data.join("db")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let mut logs: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "log"))
        .collect();
    logs.sort();
    logs
}

fn findings(data: &Path) -> Vec<String> {
    let store = RocksStore::open_to_read(data).unwrap();
    let key = VerifierKey::parse(&Keys::log().vkey(ORIGIN)).unwrap();
    let origin = Origin::parse(ORIGIN).unwrap();
    let environment = Environment::Demonstration;
    let report = fsck(&store, &origin, environment, &key, &[], &mut |_, _| ()).unwrap();
    report.findings.iter().map(ToString::to_string).collect()
}

fn size(store: &RocksStore) -> u64 {
    store.head().unwrap().unwrap().size.get()
}

#[test]
fn a_write_ahead_log_that_was_taken_away_or_cut_off_before_the_newest_is_refused_at_opening() {
    let folder = tempfile::tempdir().unwrap();
    let (data, base) = (folder.path().join("data"), folder.path().join("base"));
    let keys = Keys::new();
    let ledger = keys.open(&data, clock());
    let mut n = 0;
    while logs(&data).len() < 3 {
        large(&ledger, &format!("large-{n}"));
        n += 1;
        assert!(n < 100);
    }
    for n in 0..10 {
        record(&ledger, &format!("small-{n}"), 1).unwrap();
    }
    // As a power cut leaves it: closed well, a database has no write-ahead log but an empty one.
    copy_folder(&data, &base);
    std::fs::remove_file(base.join("PLACE")).unwrap();
    let whole = ledger.size().get();
    drop(ledger);
    let many = logs(&base).len();
    assert!(many > 2);

    let changed = |at: usize, change: &dyn Fn(&Path, &[u8])| {
        std::fs::remove_dir_all(&data).unwrap();
        copy_folder(&base, &data);
        let log = &logs(&data)[at];
        change(log, &std::fs::read(log).unwrap());
        RocksStore::open(&data)
    };
    let gone = |log: &Path, _: &[u8]| std::fs::remove_file(log).unwrap();
    let half = |log: &Path, bytes: &[u8]| std::fs::write(log, &bytes[..bytes.len() / 2]).unwrap();
    let short = |log: &Path, bytes: &[u8]| std::fs::write(log, &bytes[..bytes.len() - 1]).unwrap();
    let empty = |log: &Path, _: &[u8]| std::fs::write(log, b"").unwrap();
    let flipped = |log: &Path, bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(log, bytes).unwrap();
    };
    let changes: [&dyn Fn(&Path, &[u8]); 5] = [&gone, &half, &short, &empty, &flipped];
    for at in 0..many - 1 {
        for (n, change) in changes.iter().enumerate() {
            let refused = changed(at, change);
            let refused = refused.map(|store| size(&store)).unwrap_err();
            let named = matches!(&refused, StoreError::Engine(text) if text.contains("Corruption"));
            assert!(named, "log {at}, change {n}: {refused}");
        }
    }
    // The newest grows with every commit, so that nothing says how long it was: it is that of an older copy, whole up to there,
    // and only who is outside knows of more.
    for change in &changes[..4] {
        let store = changed(many - 1, change).unwrap();
        let older = size(&store);
        drop(store);
        assert!((1..whole).contains(&older), "{older}");
        assert_eq!(findings(&data), [""; 0]);
    }
    // Unchanged, it is all there.
    assert_eq!(size(&changed(0, &|_, _| ()).unwrap()), whole);
    assert_eq!(findings(&data), [""; 0]);
}

#[test]
fn a_log_whose_database_or_write_ahead_logs_are_gone_is_neither_begun_anew_nor_continued_without_them()
 {
    let folder = tempfile::tempdir().unwrap();
    let (data, base) = (folder.path().join("data"), folder.path().join("base"));
    let keys = Keys::new();
    let ledger = keys.open(&data, clock());
    for n in 0..10 {
        record(&ledger, &format!("small-{n}"), 1).unwrap();
    }
    // As a power cut leaves it, all in the write-ahead log; and closed well.
    copy_folder(&data, &base);
    drop(ledger);
    let closed = folder.path().join("closed-well");
    std::fs::rename(&data, &closed).unwrap();

    let named = |data: &Path, wanted: &str| {
        for file in std::fs::read_dir(data.join("db")).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_name().unwrap().to_str().unwrap();
            if name.contains(wanted) {
                std::fs::remove_file(&file).unwrap();
            }
        }
    };
    let folder_gone = |data: &Path| std::fs::remove_dir_all(data.join("db")).unwrap();
    let all_gone = |data: &Path| named(data, "");
    let logs_gone = |data: &Path| named(data, ".log");
    let current_and_logs_gone = |data: &Path| {
        named(data, "CURRENT");
        named(data, ".log");
    };
    let changes: [&dyn Fn(&Path); 4] =
        [&folder_gone, &all_gone, &logs_gone, &current_and_logs_gone];
    for from in [&base, &closed] {
        for (n, change) in changes.iter().enumerate() {
            copy_folder(from, &data);
            let _ = std::fs::remove_file(data.join("PLACE"));
            change(&data);
            for _ in 0..2 {
                let refused = RocksStore::open(&data).map(|store| store.head().unwrap());
                assert!(
                    matches!(refused, Err(StoreError::Gone { .. })),
                    "{n}: {refused:?}"
                );
            }
            std::fs::remove_dir_all(&data).unwrap();
        }
    }
}

#[test]
fn a_first_opening_that_was_broken_off_is_done_again_and_a_log_without_its_version_file_is_not_taken()
 {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    drop(RocksStore::open(&data).unwrap());
    // Broken off before it said that the database is there, and before the database was.
    std::fs::remove_file(data.join("VERSION")).unwrap();
    drop(RocksStore::open(&data).unwrap());
    std::fs::remove_file(data.join("VERSION")).unwrap();
    std::fs::remove_file(data.join("db/CURRENT")).unwrap();
    for log in logs(&data) {
        std::fs::remove_file(log).unwrap();
    }
    let ledger = Keys::new().open(&data, clock());
    record(&ledger, "first", 1).unwrap();
    drop(ledger);
    std::fs::remove_file(data.join("VERSION")).unwrap();
    let refused = RocksStore::open(&data).map(|_| ());
    assert!(
        matches!(refused, Err(StoreError::NotData { .. })),
        "{refused:?}"
    );
}

/// Not a test of its own: the process that the next test kills.
#[test]
fn logs_child() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let folder = Path::new(&folder);
    let round = std::fs::read_to_string(folder.join("round")).unwrap();
    let ledger = Keys::load(folder).open(&folder.join("data"), clock());
    for n in 0..40 {
        let id = format!("{round}-{n}");
        large(&ledger, &id);
        let line = format!("\nack {id}\n");
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    }
}

#[test]
fn killed_at_any_step_of_a_change_of_write_ahead_logs_a_log_is_opened_again_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let keys = Keys::new();
    keys.save(folder.path());
    let mut acknowledged = BTreeSet::new();
    let (mut round, mut killed, mut most) = (0, 0, 0);
    // The count is each thread's own.
    for (calls, whens) in [
        ("fdatasync,fsync", 1..12),
        ("unlink,rename", 1..8),
        ("openat,close", 40..48),
    ] {
        for when in whens {
            round += 1;
            std::fs::write(folder.path().join("round"), round.to_string()).unwrap();
            let inject = format!("inject={calls}:signal=KILL:when={when}");
            let trace = format!("trace={calls}");
            let output = Command::new("strace")
                .args(["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject])
                .arg(std::env::current_exe().unwrap())
                .args(["logs_child", "--exact", "--nocapture"])
                .env(CHILD, folder.path())
                .output()
                .expect("strace is missing: run the tests through `make test`");
            killed += usize::from(!output.status.success());
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let ids = said.lines().filter_map(|line| line.strip_prefix("ack "));
            acknowledged.extend(ids.map(str::to_string));
            if !data.join("VERSION").exists() {
                assert!(acknowledged.is_empty(), "{inject}");
                continue;
            }
            most = most.max(logs(&data).len());
            let ledger = keys.open(&data, clock());
            let size = ledger.size();
            for id in &acknowledged {
                large(&ledger, id);
            }
            assert_eq!(
                ledger.size(),
                size,
                "{inject}: something acknowledged was lost"
            );
            drop(ledger);
            assert_eq!(findings(&data), [""; 0], "{inject}");
        }
    }
    let acknowledged = acknowledged.len();
    println!(
        "{killed} of {round} killed, {most} logs at once, {acknowledged} acknowledged, none lost"
    );
    assert!(killed > 12 && most > 1, "{killed}, {most}");
}
