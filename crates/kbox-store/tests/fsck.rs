// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A whole log is found sound, beside its writer and in a backup, and no row of it can change or go unseen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::key::{LogSigner, WitnessSigner};
use kbox_proof::ledger::fsck::{FsckReport, Problem, fsck};
use kbox_proof::ledger::{EventRequest, Ledger, LedgerError, export};
use kbox_proof::merkle::TreeSize;
use kbox_proof::receipt::{WitnessOperator, Witnesses};
use kbox_proof::store::{RecordBatch, RequestId, Store, StoreError};
use kbox_proof::tlog::{KeyName, Note, VerifierKey};
use kbox_proof::tsa::SerialSource;
use kbox_proof::tsp::MessageImprint;
use kbox_store::RocksStore;
use support::sending::*;
use support::*;

fn check(path: &Path) -> FsckReport {
    let store = RocksStore::open_to_read(path).unwrap();
    let origin = Origin::parse(ORIGIN).unwrap();
    let key = VerifierKey::parse(&Keys::log().vkey(ORIGIN)).unwrap();
    let mut seen = (0, 0);
    let report = fsck(
        &store,
        &origin,
        Environment::Demonstration,
        &key,
        &[witness().key().clone()],
        &mut |done, of| seen = (done, of),
    )
    .unwrap();
    assert_eq!(seen, (report.size, report.size));
    report
}

/// A sending, then a consignment with a personal part; the consignment's event id.
fn convoke(ledger: &Ledger, siren: &str, id: &str) -> EventId {
    let request = |name: &str, detail, refers_to, personal| EventRequest {
        request_id: RequestId::parse(&format!("{id}/{name}")).unwrap(),
        collectivite: Collectivite::parse(siren).unwrap(),
        body: body(detail, refers_to),
        personal,
    };
    let sending = Detail::SubmissionAcceptance(submission());
    let sent = ledger
        .record(
            vec![request("sending", sending, None, None)],
            RecordBatch::new(),
        )
        .unwrap();
    let consignment = request(
        "consignment",
        Detail::ContentConsignment(step(0)),
        Some(event_digest(&sent[0].event)),
        Some(personal(0).data),
    );
    let receipts = ledger
        .record(vec![consignment], RecordBatch::new())
        .unwrap();
    EvidenceEvent::from_der(&receipts[0].event)
        .unwrap()
        .header
        .event_id
}

/// The one witness of these logs.
fn witness() -> WitnessSigner {
    let name = KeyName::new("witness.example").unwrap();
    WitnessSigner::new(name, LogSigner::from_seed(&[7; 32]).unwrap()).unwrap()
}

fn witnesses() -> Witnesses {
    Witnesses {
        operators: vec![WitnessOperator {
            name: "Commune voisine".into(),
            keys: vec![witness().key().encode()],
            accuracy_ms: 1000,
            independent: true,
        }],
        quorum: 1,
    }
}

/// Has the newest checkpoint cosigned and anchored.
fn mark(ledger: &Ledger, keys: &Keys) {
    let note = Note::parse(ledger.head().checkpoint.as_bytes()).unwrap();
    let cosigned = witness().cosign(note, 1_795_540_000).unwrap();
    let note = ledger.add_mark(&cosigned.encode()).unwrap().note;
    let imprint = MessageImprint::sha256(&Sha256Digest::of(note.as_bytes()));
    let serial = SerialSource::new().unwrap().draw();
    let token = keys
        .authority()
        .issue(&imprint, start(), &serial, None, true);
    ledger.add_anchor(&note, &token.unwrap()).unwrap();
}

/// Entries of three collectivités, two times `many` and some, written by two processes, one of them erased.
fn fill(path: &Path, keys: &Keys, many: usize) -> u64 {
    let mut erased = None;
    for round in 0..2 {
        let store = Arc::new(RocksStore::open(path).unwrap());
        let ledger = keys.open_over(store, clock(), |config| config.witnesses = witnesses());
        mark(&ledger, keys);
        for n in 0..3 {
            let id = format!("{round}/{n}");
            erased = Some(convoke(&ledger, ["218002533", "200000172"][n % 2], &id));
        }
        let many: Vec<_> = (0..many)
            .map(|n| request(&format!("{round}/{n}"), 1))
            .collect();
        ledger.record(many, RecordBatch::new()).unwrap();
        mark(&ledger, keys);
        if round == 1 {
            ledger.erase(erasing(erased.unwrap())).unwrap().unwrap();
        }
    }
    let store = RocksStore::open_to_read(path).unwrap();
    store.head().unwrap().unwrap().size.get()
}

#[test]
fn a_log_is_sound_beside_its_writer_and_in_a_backup_which_nobody_continues() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("data"), folder.path().join("backup"));
    let keys = Keys::new();
    let size = fill(&path, &keys, 150);
    let ledger = keys.open(&path, clock());
    let before = RocksStore::open_to_read(&path).unwrap();
    record(&ledger, "while-it-is-read", 1).unwrap();
    let report = check(&path);
    assert_eq!(report.findings, []);
    assert_eq!((report.size, report.erased), (size + 1, 1));
    // Of one size, before and after a restart, there are two.
    assert_eq!((report.marks, report.anchors), (4, 4));
    assert_eq!(report.collectivites, 3);

    // The reader sees the moment at which it was opened, and so does the backup.
    assert_eq!(before.head().unwrap().unwrap().size.get(), size);
    let mut copied = 0;
    before
        .copy_to(&backup, &mut |bytes| copied = bytes)
        .unwrap();
    record(&ledger, "after-the-backup", 1).unwrap();
    let report = check(&backup);
    assert_eq!(report.findings, []);
    assert_eq!((report.size, report.marks, report.anchors), (size, 4, 4));
    let refused = RocksStore::open(&backup).unwrap_err();
    assert!(matches!(refused, StoreError::Backup { .. }), "{refused}");
    assert!(refused.to_string().contains("restore"));
    // Nor does a backup go where something is, or pass for one before it is whole.
    assert!(matches!(
        before.copy_to(&path, &mut |_| ()),
        Err(StoreError::NotData { .. })
    ));
    std::fs::remove_file(backup.join("VERSION")).unwrap();
    assert!(matches!(
        RocksStore::open_to_read(&backup).unwrap_err(),
        StoreError::Directory { .. }
    ));
}

#[test]
fn a_copy_of_a_log_that_is_written_to_is_of_one_moment() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    fill(&path, &Keys::new(), 1);
    let store = Arc::new(RocksStore::open(&path).unwrap());
    let ledger = Keys::new().open_over(Arc::clone(&store), clock(), |config| {
        config.witnesses = witnesses();
    });
    let is_done = AtomicBool::new(false);
    let sizes: Vec<u64> = std::thread::scope(|scope| {
        for writer in 0..4 {
            let (ledger, is_done) = (&ledger, &is_done);
            scope.spawn(move || {
                let mut number = 0;
                while !is_done.load(Ordering::Relaxed) {
                    record(ledger, &format!("{writer}/{number}"), 1).unwrap();
                    number += 1;
                }
            });
        }
        let copies = (0..30).map(|number| {
            let copy = folder.path().join(format!("copy-{number}"));
            (store.copy_to(&copy, &mut |_| ()), copy)
        });
        let copies: Vec<_> = copies.collect();
        is_done.store(true, Ordering::Relaxed);
        let sizes = copies.iter().map(|(copied, copy)| {
            assert_eq!(*copied, Ok(()));
            let report = check(copy);
            assert_eq!(report.findings, []);
            report.size
        });
        sizes.collect()
    });
    assert!(
        sizes.is_sorted() && sizes.first() < sizes.last(),
        "{sizes:?}"
    );
}

/// A log's database as whoever has the disk may open it.
struct Raw(rocksdb::DB);

impl Raw {
    const FAMILIES: [&str; 4] = ["default", "entries", "personal", "indexes"];

    fn open(database: &Path) -> Self {
        let options = rocksdb::Options::default();
        Self(rocksdb::DB::open_cf(&options, database, Self::FAMILIES).unwrap())
    }

    fn family(&self, key: &[u8]) -> &rocksdb::ColumnFamily {
        let name = match key.first() {
            Some(b'e') => "entries",
            Some(b'p') => "personal",
            Some(b'i' | b'd' | b'x' | b'k' | b'q' | b'c') => "indexes",
            _ => "default",
        };
        self.0.cf_handle(name).unwrap()
    }

    fn put(&self, key: &[u8], value: &[u8]) {
        self.0.put_cf(self.family(key), key, value).unwrap();
    }

    fn delete(&self, key: &[u8]) {
        self.0.delete_cf(self.family(key), key).unwrap();
    }

    fn rows(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let family = |name| self.0.cf_handle(name).unwrap();
        let rows = Self::FAMILIES.into_iter().flat_map(|name| {
            self.0
                .iterator_cf(family(name), rocksdb::IteratorMode::Start)
        });
        rows.map(|row| row.unwrap())
            .map(|(key, value)| (key.into(), value.into()))
            .collect()
    }
}

#[test]
fn a_row_in_the_wrong_place_does_not_pass() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    fill(&path, &Keys::new(), 3);
    let db = Raw::open(&path.join("db"));
    let (key, value) = db
        .rows()
        .into_iter()
        .find(|(key, _)| key[0] == b'd')
        .unwrap();
    let beside = db.0.cf_handle("entries").unwrap();
    db.0.put_cf(beside, key, value).unwrap();
    drop(db);
    assert_ne!(check(&path).findings, []);
}

#[test]
fn no_row_of_a_log_can_be_changed_removed_or_added_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    fill(&path, &Keys::new(), 3);
    assert_eq!(check(&path).findings, []);
    let database = path.join("db");
    let open = || Raw::open(&database);
    let rows = open().rows();
    let mut kinds: BTreeMap<u8, Vec<_>> = BTreeMap::new();
    for row in rows {
        kinds.entry(row.0[0]).or_default().push(row);
    }
    let names: Vec<char> = kinds.keys().map(|kind| char::from(*kind)).collect();
    // Entries, personal parts, tiles, every index, chains, checkpoints, marks, anchors, head.
    assert_eq!(names.iter().collect::<String>(), "acdehikmnpqstx");
    for (kind, rows) in kinds {
        // The first, the last and some between.
        for (key, value) in rows
            .iter()
            .step_by(rows.len().div_ceil(4))
            .chain(rows.last())
        {
            // Removed, changed at either end, and one more of its kind beside it.
            for change in 0..4 {
                // An outside token's signature is held against its authority's root, which the log does not know; and nothing counts
                // the marks of a size, so that the last of them is not missed.
                let (last, next) = (key.get(..9), rows.iter().find(|(next, _)| next > key));
                let is_last = next.is_none_or(|(next, _)| next.get(..9) != last);
                match (kind, change) {
                    (b'n', 2) => continue,
                    (b'm' | b'n', 0) if is_last => continue,
                    _ => {}
                }
                let (mut changed, mut beside) = (value.clone(), key.clone());
                match change {
                    0 => changed.clear(),
                    1 => *changed.first_mut().unwrap() ^= 1,
                    2 => *changed.last_mut().unwrap() ^= 1,
                    _ => beside.push(7),
                }
                match change {
                    0 => open().delete(key),
                    _ => open().put(&beside, &changed),
                }
                let what = format!("row {:?} {key:?}, change {change}", char::from(kind));
                // Some rows cannot even be read then, which says so too.
                if let Ok(store) = RocksStore::open_to_read(&path) {
                    let key = VerifierKey::parse(&Keys::log().vkey(ORIGIN)).unwrap();
                    let origin = Origin::parse(ORIGIN).unwrap();
                    let environment = Environment::Demonstration;
                    let found = fsck(
                        &store,
                        &origin,
                        environment,
                        &key,
                        &[witness().key().clone()],
                        &mut |_, _| (),
                    );
                    assert!(
                        found.is_err() || found.is_ok_and(|report| !report.is_sound()),
                        "{what} passes"
                    );
                }
                let db = open();
                if beside != *key {
                    db.delete(&beside);
                }
                db.put(key, value);
            }
        }
    }
    assert_eq!(check(&path).findings, []);
}

/// Cores check blocks of entries side by side: what they find is told as one core would tell it.
#[test]
fn findings_all_over_a_log_come_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let size = fill(&path, &Keys::new(), 700);
    let db = Raw::open(&path.join("db"));
    let keys = db.rows().into_iter().map(|(key, _)| key);
    let entries: Vec<_> = keys.filter(|key| key[0] == b'e').collect();
    assert_eq!(entries.len() as u64, size);
    let missing: Vec<usize> = (40..entries.len()).step_by(97).collect();
    for index in &missing {
        db.delete(&entries[*index]);
    }
    drop(db);
    let report = check(&path);
    let places: Vec<u64> = report
        .findings
        .iter()
        .filter_map(|found| found.index.map(|index| index.get()))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    let found = report.findings.iter();
    let found: Vec<usize> = found
        .filter(|found| found.problem == Problem::EntryMissing)
        .filter_map(|found| usize::try_from(found.index?.get()).ok())
        .collect();
    assert_eq!(found, missing);
    // A head that is far beyond what is there ends the walk at once.
    let db = Raw::open(&path.join("db"));
    for key in &entries[256..] {
        db.delete(key);
    }
    drop(db);
    let store = RocksStore::open_to_read(&path).unwrap();
    let key = VerifierKey::parse(&Keys::log().vkey(ORIGIN)).unwrap();
    let origin = Origin::parse(ORIGIN).unwrap();
    let mut steps = Vec::new();
    let witnesses = [witness().key().clone()];
    let environment = Environment::Demonstration;
    let report = fsck(
        &store,
        &origin,
        environment,
        &key,
        &witnesses,
        &mut |done, of| steps.push((done, of)),
    );
    assert_eq!(steps, [(0, size), (256, size)]);
    let beyond = report.unwrap().findings.into_iter().find(|found| {
        found.problem == Problem::EntryMissing && found.index.is_some_and(|at| at.get() >= 256)
    });
    assert_eq!(beyond.unwrap().index.unwrap().get(), 256);
}

#[test]
fn a_log_of_another_origin_environment_or_key_is_not_sound() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    fill(&path, &Keys::new(), 150);
    let store = RocksStore::open_to_read(&path).unwrap();
    let own = VerifierKey::parse(&Keys::log().vkey(ORIGIN)).unwrap();
    let run = |origin: &str, environment, key: &VerifierKey| {
        let origin = Origin::parse(origin).unwrap();
        fsck(
            &store,
            &origin,
            environment,
            key,
            &[witness().key().clone()],
            &mut |_, _| (),
        )
        .unwrap()
    };
    let other = kbox_proof::key::LogSigner::from_seed(&[1; 32]).unwrap();
    let other = VerifierKey::parse(&other.vkey(ORIGIN)).unwrap();
    let demonstration = Environment::Demonstration;
    let report = run("kbox.example/log/2", demonstration, &own);
    let header = |field| Problem::Header { field };
    assert_eq!(report.findings[0].problem, header("origin"));
    assert_eq!(report.findings.len(), 100);
    assert_eq!(report.findings.len() as u64 + report.unlisted, report.size);
    let report = run(ORIGIN, Environment::Production, &own);
    assert_eq!(report.findings[0].problem, header("environment"));
    let report = run(ORIGIN, demonstration, &other);
    assert!(matches!(
        report.findings[0].problem,
        Problem::Checkpoint { .. }
    ));
}

#[test]
fn an_exported_log_is_the_tree_of_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let size = fill(&path, &Keys::new(), 150);
    let store = RocksStore::open_to_read(&path).unwrap();
    let mut files = BTreeMap::new();
    let mut last = String::new();
    let head = export::<StoreError>(&store, |name, bytes| {
        last = name.to_string();
        assert!(files.insert(last.clone(), bytes.to_vec()).is_none());
        Ok(())
    })
    .unwrap()
    .unwrap();
    assert_eq!(head.size, TreeSize::new(size));
    assert_eq!(last, "checkpoint");
    let partial = size - 256;
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "anchors/000000.jsonl".to_string(),
            "checkpoint".into(),
            "marks/000000.jsonl".into(),
            "tile/0/000".into(),
            format!("tile/0/001.p/{partial}"),
            "tile/1/000.p/1".into(),
            "tile/entries/000".into(),
            format!("tile/entries/001.p/{partial}"),
        ]
    );
}

/// Whoever has the disk but no key cannot make the ledger deny an event, or go on from a chain that is not there.
#[test]
fn planted_rows_are_damage_to_the_ledger_and_no_other_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let keys = Keys::new();
    let (siren, stranger) = ("218002533", "200000172");
    convoke(&keys.open(&path, clock()), siren, "first");
    let database = path.join("db");
    let plant = |key: &[u8], value: Option<&[u8]>| {
        let db = Raw::open(&database);
        match value {
            Some(value) => db.put(key, value),
            None => db.delete(key),
        }
    };
    let rows = Raw::open(&database).rows();
    let row = |kind: u8| rows.iter().find(|(key, _)| key[0] == kind).unwrap();
    let with = |kind: u8, of: &str| [&[kind], of.as_bytes()].concat();
    let digest = |kind: u8| [&[kind][..], &[0xab; 32]].concat();

    let sending = |ledger: &Ledger, siren: &str, id: &str| {
        let request = EventRequest {
            request_id: RequestId::parse(id).unwrap(),
            collectivite: Collectivite::parse(siren).unwrap(),
            body: body(Detail::SubmissionAcceptance(submission()), None),
            personal: None,
        };
        ledger.record(vec![request], RecordBatch::new())
    };
    let consignment = |ledger: &Ledger| {
        let refers_to = kbox_proof::digest::Sha256Digest::from_bytes([0xab; 32]);
        let request = EventRequest {
            request_id: RequestId::parse("of-nothing").unwrap(),
            collectivite: Collectivite::parse(siren).unwrap(),
            body: body(Detail::ContentConsignment(step(0)), Some(refers_to)),
            personal: None,
        };
        ledger.record(vec![request], RecordBatch::new())
    };
    let damaged = |result: Result<Vec<kbox_proof::receipt::Receipt>, LedgerError>| {
        assert!(
            matches!(result, Err(LedgerError::Store(StoreError::Damaged { .. }))),
            "{result:?}"
        );
    };
    let unused = [&with(b'q', siren)[..], &[0], b"unused"].concat();
    plant(&unused, Some(&row(b'q').1));
    damaged(sending(&keys.open(&path, clock()), siren, "unused"));
    plant(&unused, None);

    plant(&with(b'c', stranger), Some(&row(b'c').1));
    damaged(sending(&keys.open(&path, clock()), stranger, "one"));
    plant(&with(b'c', stranger), None);
    plant(&with(b'c', siren), None);
    damaged(sending(&keys.open(&path, clock()), siren, "second"));
    plant(&with(b'c', siren), Some(&row(b'c').1));

    plant(&digest(b'd'), Some(&row(b'd').1));
    damaged(consignment(&keys.open(&path, clock())));
    plant(&digest(b'd'), None);

    let ledger = keys.open(&path, clock());
    sending(&ledger, siren, "unused").unwrap();
    sending(&ledger, stranger, "one").unwrap();
    drop(ledger);
    assert_eq!(check(&path).findings, []);
}
