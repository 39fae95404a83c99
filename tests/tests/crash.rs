// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Servers that are killed, and servers that are asked to stop, while many programs record: nothing that was acknowledged
//! is lost, and there is one tree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use kbox_proof::receipt::{Receipt, TrustBundle};
use kbox_proof::time::Time;
use kbox_proof::tlog::{Checkpoint, Note, TlogProof};
use kbox_proof::verify::{TrustPolicy, verify_receipt};
use kbox_tests::{Server, submission};

const CLIENTS: usize = 8;

/// Acknowledged receipts by request id.
type Acknowledged = Mutex<BTreeMap<String, Vec<u8>>>;

/// Records until the server no longer answers; gives it the signal once `until` answers of this round are there.
fn record(
    server: &Server,
    key: &str,
    round: usize,
    until: usize,
    signal: &str,
    all: &Acknowledged,
) {
    let count = AtomicUsize::new(0);
    let pid = server.child.id().to_string();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (count, pid) = (&count, &pid);
            scope.spawn(move || {
                for number in 0.. {
                    let id = format!("r{round}-c{client}-{number}");
                    let body = submission(&id).to_string();
                    let path = "/api/v1/events";
                    let answer =
                        server.try_post(path, Some(key), "application/json", body.as_bytes());
                    match answer {
                        Some(answer) if answer.status == 201 => {
                            all.lock().unwrap().insert(id, answer.body);
                        }
                        // Told to come back later, or cut off: not acknowledged.
                        Some(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                        None => break,
                    }
                    if count.fetch_add(1, Ordering::SeqCst) + 1 == until {
                        Command::new("kill").args([signal, pid]).status().unwrap();
                    }
                }
            });
        }
    });
}

fn head(receipt: &Receipt) -> Checkpoint {
    let proof = TlogProof::parse(receipt.proof.as_bytes()).unwrap();
    Checkpoint::parse(proof.checkpoint().text()).unwrap()
}

fn check(data: &Path, key: &str, all: &BTreeMap<String, Vec<u8>>) -> u64 {
    let server = Server::start(data);
    let bundle = TrustBundle::from_json(&server.get("/trust", None).body).unwrap();
    let policy = TrustPolicy::new(&bundle).unwrap();
    let now = Time::parse_rfc3339("2036-01-01T00:00:00Z").unwrap();
    let mut roots = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (id, bytes) in all {
        let receipt = Receipt::from_json(bytes).unwrap();
        let verified = verify_receipt(&receipt, &policy, now).unwrap();
        assert!(
            places.insert(verified.index(), id).is_none(),
            "two events at one place"
        );
        let head = head(&receipt);
        let root = *roots.entry(head.size()).or_insert(*head.root());
        assert_eq!(root, *head.root(), "two trees of size {}", head.size());
    }
    // Each is still there: the same request gives the same receipt, byte for byte.
    let step = (all.len() / 200).max(1);
    for (id, bytes) in all.iter().step_by(step) {
        let again = server.post("/api/v1/events", Some(key), &submission(id));
        assert_eq!((again.status, &again.body), (201, bytes), "{id}");
    }
    // And each earlier root is that of the tree which stands now.
    let step = (roots.len() / 200).max(1);
    for (size, root) in roots.iter().step_by(step) {
        let note = server.get(&format!("/log/checkpoints/{size}"), None).text();
        let note = Note::parse(note.as_bytes()).unwrap();
        assert_eq!(
            Checkpoint::parse(note.text()).unwrap().root(),
            root,
            "size {size}"
        );
    }
    let size = server.get("/readyz", None).json()["log_size"]
        .as_u64()
        .unwrap();
    assert!(server.terminate().success());
    size
}

#[test]
fn servers_killed_and_stopped_under_load_lose_no_acknowledged_receipt_and_keep_one_tree() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let key = server.key(data.path());
    assert!(server.terminate().success());
    let all = Acknowledged::default();
    let mut before = 0;
    // Even rounds are killed, odd ones asked to stop, each at another count.
    for (round, until) in [701, 313, 997, 150, 1234, 512, 853, 89]
        .into_iter()
        .enumerate()
    {
        let signal = if round.is_multiple_of(2) {
            "-KILL"
        } else {
            "-TERM"
        };
        let mut server = Server::start(data.path());
        record(&server, &key, round, until, signal, &all);
        let ended = server.child.wait().unwrap();
        assert_eq!(ended.success(), signal == "-TERM", "{ended}");
        let acknowledged = all.lock().unwrap();
        let size = check(data.path(), &key, &acknowledged);
        // The trust bundle is the first leaf; what was not acknowledged may be there or not.
        let least = u64::try_from(acknowledged.len()).unwrap() + 1;
        let most = least + u64::try_from(CLIENTS * (round + 1)).unwrap();
        assert!(
            (least..=most).contains(&size) && size > before,
            "{size} not in {least}..={most}"
        );
        before = size;
    }
    assert!(all.into_inner().unwrap().len() > 4000);
}
