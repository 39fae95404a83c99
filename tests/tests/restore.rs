// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A log that was lost goes on in a new one: what others hold stays valid, and no old log is ever continued.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kbox_proof::event::{Detail, EvidenceEvent};
use kbox_proof::key::LogSigner;
use kbox_proof::merkle::RootHash;
use kbox_proof::receipt::{Receipt, TrustBundle};
use kbox_proof::tlog::{Checkpoint, KeyId, KeyName, Note, TlogProof};
use kbox_tests::{Server, binary, run, said, submission};

fn tool(command: &str, data: &Path, more: &[&str]) -> Output {
    let data = data.to_str().unwrap();
    run("kbox-server", &[&[command, "--data", data], more].concat())
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn record(server: &Server, key: &str, id: &str) -> Receipt {
    let made = server.post("/api/v1/events", Some(key), &submission(id));
    assert_eq!(made.status, 201, "{}", made.text());
    Receipt::from_json(&made.body).unwrap()
}

fn event(receipt: &Receipt) -> EvidenceEvent {
    EvidenceEvent::from_der(&receipt.event).unwrap()
}

/// A served log: a backup after the first event, a second event after it, killed. The receipts are in files.
struct Lost {
    folder: tempfile::TempDir,
    key: String,
    receipts: [Receipt; 2],
}

impl Lost {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let server = Server::start(&data);
        let key = server.key(&data);
        let first = record(&server, &key, "first");
        let copied = tool(
            "backup",
            &data,
            &["--to", shown(&folder.path().join("copy"))],
        );
        assert!(copied.status.success(), "{}", said(&copied));
        let second = record(&server, &key, "second");
        // Killed.
        drop(server);
        let lost = Self {
            folder,
            key,
            receipts: [first, second],
        };
        lost.save("first", &lost.receipts[0]);
        lost.save("second", &lost.receipts[1]);
        lost
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn save(&self, name: &str, receipt: &Receipt) -> PathBuf {
        let path = self.path(&format!("{name}.kbox.json"));
        std::fs::write(&path, receipt.to_json()).unwrap();
        path
    }

    fn restore(&self, more: &[&str]) -> Output {
        let copy = self.path("copy");
        let from = ["--backup", shown(&copy), "--reason", "restore"];
        tool("restore", &self.path("new"), &[&from[..], more].concat())
    }

    fn verify(&self, trust: &Path, receipt: &Path) -> Output {
        Command::new(binary("kbox-verify"))
            .args(["--lang", "en", "--trust"])
            .args([trust, receipt])
            .output()
            .unwrap()
    }
}

#[test]
fn a_lost_log_goes_on_in_a_new_one_that_cites_the_highest_checkpoint_anybody_holds() {
    let lost = Lost::new();
    let (data, new) = (lost.path("data"), lost.path("new"));
    let second = lost.path("second.kbox.json");
    let restored = lost.restore(&["--checkpoint", shown(&second), "--old", shown(&data)]);
    assert!(restored.status.success(), "{}", said(&restored));
    assert!(
        said(&restored).contains("1 entry from index 2 on are lost here")
            && said(&restored).contains("grow no more"),
        "{}",
        said(&restored)
    );
    // What the old directory has erased, it has told.
    assert!(
        !said(&restored).contains("Erasures made since"),
        "{}",
        said(&restored)
    );
    // Neither is ever continued, and that is said before anything about the port.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for path in [&data, &lost.path("copy")] {
        let refused = tool("serve", path, &["--listen", &taken]);
        assert!(!refused.status.success());
        assert!(
            said(&refused).contains("never continued"),
            "{}",
            said(&refused)
        );
    }

    let config = lost.path("old-name.toml");
    let before = event(&lost.receipts[0]).header.origin;
    std::fs::write(&config, format!("origin = \"{before}\"\n")).unwrap();
    let more = ["--config", shown(&config), "--listen", "127.0.0.1:0"];
    let refused = tool("serve", &new, &more);
    assert!(
        said(&refused).contains("change `origin`"),
        "{}",
        said(&refused)
    );
    let server = Server::start(&new);
    let trust = lost.path("trust.json");
    let bundle = server.get("/trust", None).body;
    std::fs::write(&trust, &bundle).unwrap();
    let bundle = TrustBundle::from_json(&bundle).unwrap();
    let [old, present] = bundle.shards.as_slice() else {
        panic!("two logs: {bundle:?}");
    };
    assert_eq!(
        (bundle.version, old.final_size, present.final_size),
        (2, Some(3), None)
    );
    let earlier = server.get("/trust/1", None);
    assert_eq!(TrustBundle::from_json(&earlier.body).unwrap().version, 1);
    // Leaf 0 says which log it goes on for.
    let bundle_leaves = server.get("/log/tile/entries/000.p/2", None);
    assert_eq!(bundle_leaves.status, 200);

    // The first request is answered by the same event, from the closed log; the receipt of the lost one stays valid.
    let again = record(&server, &lost.key, "first");
    assert_eq!(again.event, lost.receipts[0].event);
    let id = event(&again).header.event_id;
    let fetched = server.get(&format!("/api/v1/receipts/{id}"), Some(&lost.key));
    assert_eq!(fetched.status, 200, "{}", fetched.text());
    let fetched = Receipt::from_json(&fetched.body).unwrap();
    let later = record(&server, &lost.key, "third");
    let header = event(&later).header;
    assert_eq!(
        (header.origin.as_str(), header.rank),
        (present.origin.as_str(), 1)
    );
    for (name, receipt) in [("again", &again), ("fetched", &fetched), ("later", &later)] {
        let path = lost.save(name, receipt);
        let verified = lost.verify(&trust, &path);
        assert_eq!(
            verified.status.code(),
            Some(0),
            "{name}: {}",
            said(&verified)
        );
    }
    let verified = lost.verify(&trust, &second);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    assert!(server.terminate().success());

    let checked = tool("fsck", &new, &[]);
    assert!(checked.status.success(), "{}", said(&checked));
    // Copied and served again, it is still two logs.
    let copy = lost.path("copy of both");
    let copied = tool("backup", &new, &["--to", shown(&copy)]);
    assert!(copied.status.success(), "{}", said(&copied));
    let checked = tool("fsck", &copy, &[]);
    assert!(checked.status.success(), "{}", said(&checked));
    assert_eq!(said(&checked).matches(": sound").count(), 2);
    // What a closed log holds of somebody is erased by the log that goes on, and in the copy made before.
    let id = id.to_string();
    let decided = [
        "--basis",
        "c",
        "--decision",
        "Registre 2026-18",
        "--by",
        "DPO",
    ];
    let erased = tool("erase", &new, &[&[id.as_str()][..], &decided].concat());
    assert!(erased.status.success(), "{}", said(&erased));
    let erased = tool("erase", &new, &["--backup", shown(&copy)]);
    assert!(
        said(&erased).contains("1 event erased"),
        "{}",
        said(&erased)
    );
    for path in [&new, &copy] {
        let checked = tool("fsck", path, &[]);
        assert!(checked.status.success(), "{}", said(&checked));
        assert!(said(&checked).contains("1 erased"), "{}", said(&checked));
    }
    let third = lost.path("third");
    let restored = tool(
        "restore",
        &third,
        &[
            "--backup",
            shown(&copy),
            "--reason",
            "damage",
            "--old",
            shown(&new),
        ],
    );
    assert!(restored.status.success(), "{}", said(&restored));
    let server = Server::start(&third);
    assert_eq!(record(&server, &lost.key, "third").event, later.event);
    let gone = server.post("/api/v1/events", Some(&lost.key), &submission("first"));
    assert_eq!((gone.status, gone.code().as_str()), (410, "gone"));
    assert!(server.terminate().success());
    let checked = tool("fsck", &third, &[]);
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn forged_checkpoints_and_two_histories_are_refused_before_anything_is_made() {
    let lost = Lost::new();
    let second = TlogProof::parse(lost.receipts[1].proof.as_bytes()).unwrap();
    let note = second.checkpoint().encode();
    let parsed = Checkpoint::parse(second.checkpoint().text()).unwrap();
    let signed = |key: &LogSigner, size| {
        let origin = parsed.origin();
        let text = Checkpoint::new(origin, size, RootHash::from_bytes([7; 32]))
            .unwrap()
            .encode();
        let signature = key.sign(text.as_bytes()).to_vec();
        Note::unsigned(text)
            .unwrap()
            .with_signature(
                KeyName::new(origin).unwrap(),
                KeyId::from_bytes(key.key_id(origin)),
                signature,
            )
            .encode()
    };
    let pem = std::fs::read_to_string(lost.path("data/keys/log-key.pem")).unwrap();
    let own = LogSigner::from_pkcs8_pem(&pem).unwrap();
    let file = |name: &str, text: &str| {
        let path = lost.path(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let first = TlogProof::parse(lost.receipts[0].proof.as_bytes()).unwrap();
    let held = Checkpoint::parse(first.checkpoint().text()).unwrap().size();
    let newer = file("newer", &note);
    for (name, text, words) in [
        (
            "forged",
            signed(&LogSigner::generate().unwrap(), parsed.size()),
            "its key did not sign",
        ),
        // Against another receipt, and against the backup itself.
        ("other", signed(&own, parsed.size()), "two histories"),
        ("older", signed(&own, held), "two histories"),
        ("text", "rien".to_string(), "is no receipt"),
    ] {
        let shown_file = file(name, &text);
        let refused = lost.restore(&[
            "--checkpoint",
            shown(&newer),
            "--checkpoint",
            shown(&shown_file),
        ]);
        assert_eq!(refused.status.code(), Some(1), "{name}: {}", said(&refused));
        assert!(said(&refused).contains(words), "{name}: {}", said(&refused));
        assert!(!lost.path("new").join("db").exists(), "{name}");
    }
    let restored = lost.restore(&["--checkpoint", shown(&newer)]);
    assert!(restored.status.success(), "{}", said(&restored));
    // The backup does not know what was erased after it.
    assert!(
        said(&restored).contains("Erasures made since 20"),
        "{}",
        said(&restored)
    );
    // Restored again, it is another log: two of one name would be two histories.
    let name =
        |folder: &str| std::fs::read_to_string(lost.path(folder).join("keys/origin")).unwrap();
    let copy = lost.path("copy");
    let more = ["--backup", shown(&copy), "--reason", "restore"];
    let again = tool("restore", &lost.path("again"), &more);
    assert!(again.status.success(), "{}", said(&again));
    assert!(
        name("new").ends_with("/2\n") && name("again").ends_with("/3\n"),
        "{}",
        name("again")
    );
}

#[test]
fn a_database_that_was_put_back_alone_is_known_by_the_audit_log_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, older) = (folder.path().join("data"), folder.path().join("older"));
    let server = Server::start(&data);
    let key = server.key(&data);
    record(&server, &key, "first");
    assert!(server.terminate().success());
    let database = data.join("db");
    let copy = |from: &Path, to: &Path| {
        let copied = Command::new("cp").arg("-a").args([from, to]).status();
        assert!(copied.unwrap().success());
    };
    copy(&database, &older);
    // As it was is not older.
    let server = Server::start(&data);
    record(&server, &key, "second");
    assert!(server.terminate().success());
    let newer = folder.path().join("newer");
    std::fs::rename(&database, &newer).unwrap();
    copy(&older, &database);
    let refused = tool("serve", &data, &["--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("an earlier state of it was put in its place"),
        "{}",
        said(&refused)
    );
    std::fs::remove_dir_all(&database).unwrap();
    std::fs::rename(&newer, &database).unwrap();
    let server = Server::start(&data);
    record(&server, &key, "third");
}

#[test]
fn a_copied_directory_is_served_by_nobody_until_its_operator_says_which_it_is() {
    let lost = Lost::new();
    let (data, twin) = (lost.path("data"), lost.path("twin"));
    let copied = Command::new("cp")
        .args(["-a"])
        .args([&data, &twin])
        .status();
    assert!(copied.unwrap().success());
    let refused = tool("serve", &twin, &["--listen", "127.0.0.1:0"]);
    assert!(!refused.status.success());
    assert!(
        said(&refused).contains("was copied or moved"),
        "{}",
        said(&refused)
    );
    // A new log for the copy, at what the original holds.
    let restored = tool(
        "restore",
        &lost.path("new"),
        &["--backup", shown(&twin), "--reason", "copy"],
    );
    assert!(restored.status.success(), "{}", said(&restored));
    let server = Server::start(&lost.path("new"));
    let again = record(&server, &lost.key, "second");
    assert_eq!(again.event, lost.receipts[1].event);
    let later = event(&record(&server, &lost.key, "third"));
    assert_eq!(later.header.rank, 2);
    assert!(matches!(later.body.detail, Detail::SubmissionAcceptance(_)));
    drop(server);
    // Moved, it is the same log.
    let moved = lost.path("moved");
    assert!(
        Command::new("cp")
            .arg("-a")
            .args([&data, &moved])
            .status()
            .unwrap()
            .success()
    );
    std::fs::remove_dir_all(&data).unwrap();
    let confirmed = tool("moved", &moved, &[]);
    assert!(confirmed.status.success(), "{}", said(&confirmed));
    let server = Server::start(&moved);
    assert_eq!(
        record(&server, &lost.key, "second").event,
        lost.receipts[1].event
    );
}
