// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `kbox-server fsck`, `backup` and `export` beside a server at work, and the exported log read by Go's own libraries.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use kbox_proof::digest::hex;
use kbox_proof::event::{EvidenceEvent, event_digest};
use kbox_proof::merkle::hash_leaf;
use kbox_proof::receipt::{Receipt, TrustBundle};
use kbox_proof::tlog::TlogProof;
use kbox_proof::tsp::TimeStampToken;
use kbox_tests::{Server, run, said, submission};
use serde_json::json;

/// The program of tests/peers/go, compiled once.
fn go() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/go");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tlogcheck");
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(folder)
        // Debian's golang-golang-x-mod-dev, without modules and so without the network.
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOFLAGS", "")
        .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go"))
        .output()
        .expect("go is missing: run the tests through `make test`");
    assert!(built.status.success(), "{}", said(&built));
    program
}

fn tool(command: &str, data: &Path, more: &[&str]) -> Output {
    let data = data.to_str().unwrap();
    run("kbox-server", &[&[command, "--data", data], more].concat())
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_log_is_checked_copied_and_exported_while_its_server_records_and_go_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |name: &str| folder.path().join(name);
    let (data, backup, exported) = (in_folder("data"), in_folder("backup"), in_folder("export"));
    let server = Server::start(&data);
    let key = server.key(&data);
    let record = |id: &str| {
        let made = server.post("/api/v1/events", Some(&key), &submission(id));
        assert_eq!(made.status, 201, "{}", made.text());
        Receipt::from_json(&made.body).unwrap()
    };
    let mut receipts: Vec<_> = (0..300).map(|n| record(&format!("before-{n}"))).collect();

    let done = AtomicBool::new(false);
    let (checked, copied, out) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut more = Vec::new();
            while !done.load(Ordering::SeqCst) {
                more.push(record(&format!("during-{}", more.len())));
            }
            more
        });
        let checked = tool("fsck", &data, &[]);
        let copied = tool("backup", &data, &["--to", shown(&backup)]);
        let out = tool("export", &data, &["--to", shown(&exported)]);
        done.store(true, Ordering::SeqCst);
        receipts.extend(writer.join().unwrap());
        (checked, copied, out)
    });
    assert!(checked.status.success(), "{}", said(&checked));
    assert!(said(&checked).contains("sound"), "{}", said(&checked));
    assert!(said(&checked).contains("100 %"), "{}", said(&checked));
    assert!(copied.status.success(), "{}", said(&copied));
    assert!(out.status.success(), "{}", said(&out));

    // The backup is a whole log of its own, which no server goes on with.
    let checked = tool("fsck", &backup, &[]);
    assert!(checked.status.success(), "{}", said(&checked));
    let refused = tool("serve", &backup, &["--listen", "127.0.0.1:0"]);
    assert!(!refused.status.success());
    for words in [
        "is a backup",
        "`kbox-server fsck` and `export` read it",
        "`kbox-server restore",
    ] {
        assert!(said(&refused).contains(words), "{}", said(&refused));
    }
    for file in std::fs::read_dir(data.join("keys")).unwrap() {
        let file = file.unwrap();
        let copy = backup.join("keys").join(file.file_name());
        assert_eq!(
            std::fs::read(file.path()).unwrap(),
            std::fs::read(&copy).unwrap()
        );
        let mode = std::os::unix::fs::PermissionsExt::mode(&copy.metadata().unwrap().permissions());
        assert_eq!(mode & 0o077, 0);
    }

    // Go's libraries find every exported entry under the exported checkpoint, and what receipts show before it.
    let trust = std::fs::read(exported.join("trust/1.json")).unwrap();
    let vkey = TrustBundle::from_json(&trust).unwrap().shards[0]
        .vkey
        .clone();
    let go = go();
    let check = |arguments: &[&str]| Command::new(&go).args(arguments).output().unwrap();
    let checkpoint = |receipt: &Receipt, name: &str| {
        let proof = TlogProof::parse(receipt.proof.as_bytes()).unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, proof.checkpoint().encode()).unwrap();
        path
    };
    let earlier = [0, 1, 255, 256, 299].map(|n| checkpoint(&receipts[n], &format!("note-{n}")));
    let all = [
        &["log", shown(&exported), &vkey][..],
        &earlier.each_ref().map(|path| shown(path)),
    ]
    .concat();
    let verified = check(&all);
    assert!(verified.status.success(), "{}", said(&verified));
    assert!(said(&verified).contains("5 earlier checkpoints"));
    let leaf = |receipt: &Receipt| {
        let token = TimeStampToken::parse(&receipt.token).unwrap();
        hex(hash_leaf(&token.leaf_bytes().unwrap()).as_bytes())
    };
    for (n, receipt) in receipts.iter().enumerate().step_by(37) {
        let path = folder.path().join("proof");
        std::fs::write(&path, &receipt.proof).unwrap();
        let own = check(&["proof", shown(&path), &leaf(receipt), &vkey]);
        assert!(own.status.success(), "{n}: {}", said(&own));
        let other = &receipts[(n + 1) % receipts.len()];
        let swapped = check(&["proof", shown(&path), &leaf(other), &vkey]);
        assert!(!swapped.status.success(), "{n}");
    }

    // Spoiled, it is not theirs any more.
    for name in ["tile/0/000", "tile/entries/000", "checkpoint"] {
        let path = exported.join(name);
        let whole = std::fs::read(&path).unwrap();
        let mut spoiled = whole.clone();
        spoiled[100] ^= 1;
        std::fs::write(&path, spoiled).unwrap();
        let refused = check(&all);
        assert!(!refused.status.success(), "{name}: {}", said(&refused));
        std::fs::write(&path, whole).unwrap();
    }
    assert!(check(&all).status.success());
}

#[test]
fn upkeep_goes_nowhere_but_into_an_empty_directory_and_says_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for command in ["fsck", "backup", "export"] {
        let none = tool(
            command,
            &data,
            &["--to", shown(folder.path())][..2 * usize::from(command != "fsck")],
        );
        assert_eq!(none.status.code(), Some(1), "{}", said(&none));
        assert!(!data.exists(), "{command} makes no data directory");
    }
    drop(Server::start(&data));
    for command in ["backup", "export"] {
        let full = tool(command, &data, &["--to", shown(&data)]);
        assert_eq!(full.status.code(), Some(1), "{}", said(&full));
        assert!(said(&full).contains("not empty"), "{}", said(&full));
        let usage = tool(command, &data, &[]);
        assert_eq!(usage.status.code(), Some(2), "{}", said(&usage));
    }
    let missing = tool("audit", &folder.path().join("nodir"), &[]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        said(&missing).contains("there is no audit log in"),
        "{}",
        said(&missing)
    );
    let bare = folder.path().join("bare");
    let copied = tool("backup", &data, &["--to", shown(&bare), "--without-keys"]);
    assert!(copied.status.success(), "{}", said(&copied));
    assert!(!bare.join("keys").exists());
}

#[test]
fn a_bundle_of_another_log_and_a_damaged_file_get_a_verdict_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let (data, other) = (folder.path().join("data"), folder.path().join("other"));
    let server = Server::start(&data);
    let key = server.key(&data);
    for n in 0..20 {
        let made = server.post("/api/v1/events", Some(&key), &submission(&n.to_string()));
        assert_eq!(made.status, 201, "{}", made.text());
    }
    let trust = |server: &Server, name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, server.get("/trust", None).body).unwrap();
        let bundle = TrustBundle::from_json(&std::fs::read(&path).unwrap()).unwrap();
        (path, bundle.shards[0].origin.to_string())
    };
    let (own, origin) = trust(&server, "own.json");
    assert!(server.terminate().success());
    let second = Server::start(&other);
    let (foreign, foreign_origin) = trust(&second, "foreign.json");
    assert!(second.terminate().success());

    let checked = tool("fsck", &data, &["--trust", shown(&own)]);
    assert!(checked.status.success(), "{}", said(&checked));
    let refused = tool("fsck", &data, &["--trust", shown(&foreign)]);
    let text = said(&refused);
    assert_eq!(refused.status.code(), Some(1), "{text}");
    let named = format!(
        "is of the log {foreign_origin}, and {} holds the log {origin}",
        data.display()
    );
    assert!(text.contains(&named), "{text}");
    // Nothing was walked.
    assert!(!text.contains("entry ") && !text.contains(" %"), "{text}");
    let one = tool("fsck", &other, &[]);
    assert!(
        said(&one).contains("1 entry of 1 collectivité, 0 erased"),
        "{}",
        said(&one)
    );

    // Whoever clears away `*.log` takes what was acknowledged last; who takes the database, everything. Nothing begins anew under that name.
    let endings = |ending: &'static str| {
        let files = std::fs::read_dir(other.join("db")).unwrap();
        let files = files.map(|file| file.unwrap().path());
        files.filter(move |path| path.to_str().unwrap().ends_with(ending))
    };
    let manifest = std::fs::read_to_string(other.join("db/CURRENT")).unwrap();
    let manifest = other.join("db").join(manifest.trim());
    let aside = folder.path().join("manifest");
    std::fs::rename(&manifest, &aside).unwrap();
    let checked = tool("fsck", &other, &[]);
    assert!(
        said(&checked).contains("If none does: NOT SOUND"),
        "{}",
        said(&checked)
    );
    std::fs::rename(&aside, &manifest).unwrap();

    for file in endings(".log") {
        std::fs::remove_file(file).unwrap();
    }
    for gone in ["/db/*.log is gone", "/db/CURRENT is gone"] {
        let checked = tool("fsck", &other, &[]);
        let text = said(&checked);
        assert_eq!(checked.status.code(), Some(1), "{text}");
        assert!(text.contains("NOT SOUND"), "{text}");
        let served = tool("serve", &other, &["--listen", "127.0.0.1:0"]);
        let text = said(&served);
        assert_eq!(served.status.code(), Some(1), "{text}");
        assert!(text.contains(gone), "{text}");
        let _ = std::fs::remove_dir_all(other.join("db"));
    }

    // A byte in the middle of every table and log of the engine.
    for file in std::fs::read_dir(data.join("db")).unwrap() {
        let path = file.unwrap().path();
        let kind = path.extension().and_then(|kind| kind.to_str());
        if matches!(kind, Some("sst" | "log")) {
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 1;
            }
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let damaged = tool("fsck", &data, &["--trust", shown(&own)]);
    let text = said(&damaged);
    assert_eq!(damaged.status.code(), Some(1), "{text}");
    assert!(
        text.contains("NOT SOUND. Do not continue this log"),
        "{text}"
    );
}

#[test]
fn personal_data_are_erased_beside_a_server_in_its_backups_and_without_one_unless_a_hold_forbids() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |name: &str| folder.path().join(name);
    let (data, backup, exported) = (in_folder("data"), in_folder("backup"), in_folder("export"));
    let server = Server::start(&data);
    let key = server.key(&data);
    let admin = std::fs::read_to_string(data.join("admin-key")).unwrap();
    let admin = admin.trim().to_string();
    let siren = "218002533";
    let made = json!({"role": "secretariat", "collectivite": siren});
    let made = server.post("/api/v1/keys", Some(&admin), &made).json();
    let secretariat = made["key"].as_str().unwrap().to_string();
    let sent = server.post("/api/v1/events", Some(&key), &submission("un"));
    let sent = event_digest(&Receipt::from_json(&sent.body).unwrap().event);
    // No four letters of one stand elsewhere, so that compression leaves each as it is.
    let addresses = ["Wq7zKx2Vm5Hb9TgR", "Yp3cNs8Ld4Fj6GwE", "Uo1aXv0Bk7Qi5MrZ"];
    let record = |n: usize| {
        server.post(
            "/api/v1/events",
            Some(&key),
            &json!({
                "request_id": format!("consigned-{n}"),
                "body": {
                    "claimed_time": "2026-11-24T09:00:00Z",
                    "refers_to": sent,
                    "detail": {"event": "ContentConsignment", "content": {"recipient": 0}}
                },
                "personal": {"address": addresses[n]}
            }),
        )
    };
    let receipts: Vec<_> = (0..3)
        .map(|n| Receipt::from_json(&record(n).body).unwrap())
        .collect();
    let ids: Vec<String> = receipts
        .iter()
        .map(|receipt| {
            let event = EvidenceEvent::from_der(&receipt.event).unwrap();
            event.header.event_id.to_string()
        })
        .collect();
    let holds_address = |path: &Path, n: usize| {
        let mut folders = vec![path.to_path_buf()];
        let wanted = addresses[n].as_bytes();
        while let Some(folder) = folders.pop() {
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if std::fs::read(&path)
                    .unwrap()
                    .windows(wanted.len())
                    .any(|window| window == wanted)
                {
                    return true;
                }
            }
        }
        false
    };
    let copied = tool("backup", &data, &["--to", shown(&backup)]);
    assert!(copied.status.success(), "{}", said(&copied));

    // Whoever may not erase does not, and a hold forbids it to whoever may.
    let decision = json!({"basis": "objection", "decision": "Registre 2026-17", "by": "DPO"});
    let erasure = |n: usize| format!("/api/v1/events/{}/erasure", ids[n]);
    assert_eq!(server.post(&erasure(0), Some(&key), &decision).status, 403);
    assert_eq!(server.post(&erasure(0), None, &decision).status, 401);
    let nobodys = format!("/api/v1/events/{}/erasure", "0".repeat(32));
    assert_eq!(server.post(&nobodys, Some(&admin), &decision).status, 404);
    let order =
        json!({"seance": "un", "by": "Tribunal administratif", "reason": "requête 2604512"});
    let hold = server.post("/api/v1/holds", Some(&secretariat), &order);
    assert_eq!(hold.status, 201, "{}", hold.text());
    let hold = hold.json()["id"].as_str().unwrap().to_string();
    let refused = server.post(&erasure(0), Some(&admin), &decision);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "legal_hold")
    );
    assert_eq!(refused.json()["hold"]["reason"], "requête 2604512");
    let release = format!("/api/v1/holds/{hold}/release");
    let end = json!({"by": "Greffe", "reason": "jugement définitif"});
    assert_eq!(server.post(&release, Some(&key), &end).status, 403);
    assert_eq!(server.post(&release, Some(&secretariat), &end).status, 200);
    let listed = server.get("/api/v1/holds", Some(&admin)).json();
    assert_eq!(listed["holds"][0]["released"]["by"], "Greffe");

    // By each of the two who may.
    for (n, who) in [(0, &admin), (1, &secretariat)] {
        let done = server.post(&erasure(n), Some(who), &decision);
        assert_eq!(done.status, 201, "{}", done.text());
        assert_eq!(server.post(&erasure(n), Some(who), &decision).status, 201);
        assert!(!holds_address(&data, n));
        assert_eq!(record(n).status, 410);
    }
    // A trace is not recorded alone.
    let alone = json!({"request_id": "trace", "body": {"claimed_time": "2026-11-24T09:00:00Z", "refers_to": sent,
        "detail": {"event": "PersonalDataErasure", "content": decision}}});
    let alone = server.post("/api/v1/events", Some(&key), &alone);
    assert_eq!(
        (alone.status, alone.code().as_str()),
        (422, "erasure_alone")
    );

    // The backup made before, while the server runs; then a third event, without it.
    assert!(holds_address(&backup, 0) && holds_address(&backup, 1));
    let erased = tool("erase", &data, &["--backup", shown(&backup)]);
    assert!(erased.status.success(), "{}", said(&erased));
    assert!(
        said(&erased).contains("2 events erased"),
        "{}",
        said(&erased)
    );
    assert!(server.terminate().success());
    let decided = [
        "--basis",
        "c",
        "--decision",
        "Registre 2026-18",
        "--by",
        "DPO",
    ];
    let third = tool("erase", &data, &[&[ids[2].as_str()][..], &decided].concat());
    assert!(third.status.success(), "{}", said(&third));
    let erased = tool("erase", &data, &["--backup", shown(&backup)]);
    assert!(
        said(&erased).contains("1 event erased"),
        "{}",
        said(&erased)
    );
    let out = tool("export", &data, &["--to", shown(&exported)]);
    assert!(out.status.success(), "{}", said(&out));
    for n in 0..3 {
        for path in [&data, &backup, &exported] {
            assert!(!holds_address(path, n), "{n} in {}", path.display());
        }
    }
    for (path, sound) in [(&data, "3 erased"), (&backup, "3 erased")] {
        let checked = tool("fsck", path, &[]);
        assert!(checked.status.success(), "{}", said(&checked));
        assert!(said(&checked).contains(sound), "{}", said(&checked));
    }
    let log = said(&tool("audit", &data, &[]));
    for (event, times) in [
        ("erasure_asked", 6),
        ("hold_placed", 1),
        ("hold_release_asked", 1),
    ] {
        assert_eq!(
            log.matches(&format!("\"event\":\"{event}\"")).count(),
            times,
            "{log}"
        );
    }

    // What somebody holds proves what it proved.
    let trust = exported.join("trust/1.json");
    let held = in_folder("held.kbox.json");
    std::fs::write(&held, receipts[0].to_json()).unwrap();
    let verified = run(
        "kbox-verify",
        &["--lang", "fr", "--trust", shown(&trust), shown(&held)],
    );
    assert!(said(&verified).contains("PROUVÉ"), "{}", said(&verified));
    assert!(receipts[0].personal.is_some());
}
