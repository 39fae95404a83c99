// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `kbox-server serve` as a process: what programs get from it, and what it says when something is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{RosterOpening, event_digest};
use kbox_proof::merkle::hash_leaf;
use kbox_proof::pki::DevPki;
use kbox_proof::receipt::{Receipt, TrustBundle};
use kbox_proof::time::Time;
use kbox_proof::tlog::{Note, VerifiedCheckpoint, VerifierKey};
use kbox_proof::tsp::{
    HashAlgorithm, MessageImprint, TimeStampReq, TimeStampResp, TimeStampToken, certificate_to_pem,
};
use kbox_tests::ntp::{self, Chronyd};
use kbox_tests::{Server, authority_pem, binary, now, provide_keys, run, said, submission};
use serde_json::json;

const PRODUCTION: &str = "environment = \"production\"\nbase_url = \"https://kbox.example.fr\"\n";

fn save(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_string()
}

fn openssl(arguments: &[&str]) -> std::process::Output {
    Command::new("openssl").args(arguments).output().unwrap()
}

#[test]
fn an_embedding_program_gets_a_receipt_that_verifies_and_can_ask_again() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let key = server.key(data.path());
    let key = Some(key.as_str());

    let made = server.post("/api/v1/events", key, &submission("conseil-1"));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.media_type, "application/vnd.kbox.receipt+json");
    let again = server.post("/api/v1/events", key, &submission("conseil-1"));
    assert_eq!(
        (again.status, &again.body),
        (201, &made.body),
        "the same receipt, byte for byte"
    );
    let mut other = submission("conseil-1");
    other["body"]["detail"]["content"]["author"] = json!("Le premier adjoint");
    let conflict = server.post("/api/v1/events", key, &other);
    assert_eq!(
        (conflict.status, conflict.code().as_str()),
        (409, "conflict")
    );
    assert_eq!(conflict.media_type, "application/problem+json");
    // Under the name that was sent.
    assert!(
        conflict.text().contains("request id conseil-1 was"),
        "{}",
        conflict.text()
    );

    let fetched = server.get(&made.location.unwrap(), key);
    assert_eq!(fetched.status, 200);
    let receipt = Receipt::from_json(&fetched.body).unwrap();
    assert_eq!(receipt.event, Receipt::from_json(&made.body).unwrap().event);

    let away = tempfile::tempdir().unwrap();
    let trust = save(away.path(), "trust.json", &server.get("/trust", None).body);
    let path = save(away.path(), "preuve.kbox.json", &fetched.body);
    let verified = run("kbox-verify", &["--trust", &trust, &path]);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));

    // The bare token, too, says that nobody measured the clock.
    let token = save(away.path(), "token.tst", &receipt.token);
    let event = save(away.path(), "event.bin", &receipt.event);
    for (language, words) in [("fr", "horloge non vérifiée"), ("en", "unverified clock")] {
        let arguments = [
            "--lang",
            language,
            "--trust",
            &trust,
            "--document",
            &event,
            &token,
        ];
        let verified = run("kbox-verify", &arguments);
        assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
        assert!(said(&verified).contains(words), "{}", said(&verified));
    }

    // OpenSSL reads the same token over the same event.
    let bundle = TrustBundle::from_json(&std::fs::read(&trust).unwrap()).unwrap();
    let roots = save(away.path(), "roots.pem", bundle.roots.concat().as_bytes());
    let token = save(away.path(), "token.der", &receipt.token);
    let event = save(away.path(), "event.der", &receipt.event);
    let output = openssl(&[
        "ts",
        "-verify",
        "-data",
        &event,
        "-token_in",
        "-in",
        &token,
        "-CAfile",
        &roots,
    ]);
    assert!(
        said(&output).contains("Verification: OK"),
        "{}",
        said(&output)
    );

    // Whoever holds a token alone finds its place in the log without asking anyone.
    let leaf = Command::new(binary("kbox-verify"))
        .args(["leaf", &path])
        .output()
        .unwrap();
    let hash = hash_leaf(&leaf.stdout).to_string();
    let proof = server.get(&format!("/log/proof/{hash}"), None);
    assert!(
        proof.text().starts_with("c2sp.org/tlog-proof@v1\n"),
        "{}",
        proof.text()
    );
}

#[test]
fn the_requests_of_the_embedding_guide_are_taken_as_they_stand() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let key = server.key(data.path());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/api");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let json = |name: &str| serde_json::from_slice::<serde_json::Value>(&read(name)).unwrap();

    let submission = read("submission.json");
    let made = server
        .try_post(
            "/api/v1/events",
            Some(&key),
            "application/json",
            &submission,
        )
        .unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let first = Receipt::from_json(&made.body).unwrap();
    let mut consignment = json("consignment.json");
    consignment["body"]["refers_to"] = json!(event_digest(&first.event));
    let second = server.post("/api/v1/events", Some(&key), &consignment);
    assert_eq!(second.status, 201, "{}", second.text());

    // What the guide says of digests and commitments.
    let content = &json("submission.json")["body"]["detail"]["content"];
    let paper = read("convocation.txt");
    assert_eq!(
        content["papers"][0]["digest"],
        json!(Sha256Digest::of(&paper))
    );
    assert_eq!(content["papers"][0]["size"], json!(paper.len()));
    let opening: RosterOpening =
        serde_json::from_value(consignment["personal"]["recipient"].clone()).unwrap();
    assert_eq!(content["roster"][0], json!(opening.entry(false).unwrap()));

    let away = tempfile::tempdir().unwrap();
    let trust = save(away.path(), "trust.json", &server.get("/trust", None).body);
    let path = save(away.path(), "second.kbox.json", &second.body);
    let verified = run("kbox-verify", &["--trust", &trust, &path]);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    assert!(
        said(&verified).contains("Camille Delattre"),
        "{}",
        said(&verified)
    );
}

#[test]
fn a_page_that_is_not_there_leads_a_secretariat_back_and_a_member_nowhere() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    for (path, leads_back) in [
        ("/nulle-part", true),
        ("/m/inconnu", false),
        ("/m/a/b/c", false),
    ] {
        let answer = server.get(path, None);
        assert_eq!(answer.status, 404, "{path}");
        let text = answer.text();
        assert_eq!(text.contains("href=\"/seances\""), leads_back, "{text}");
        assert_eq!(text.contains("liste des séances"), leads_back, "{text}");
    }
}

#[test]
fn the_log_is_public_and_its_tiles_hold_the_tree_of_its_checkpoint() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let key = server.key(data.path());
    for number in 0..3 {
        let made = server.post(
            "/api/v1/events",
            Some(&key),
            &submission(&format!("conseil-{number}")),
        );
        assert_eq!(made.status, 201);
    }
    let text = server.get("/log/checkpoint", None).text();
    let bundle = TrustBundle::from_json(&server.get("/trust", None).body).unwrap();
    let note = Note::parse(text.as_bytes()).unwrap();
    let vkey = VerifierKey::parse(&bundle.shards[0].vkey).unwrap();
    let checkpoint = VerifiedCheckpoint::verify(&note, &vkey).unwrap();
    assert_eq!(
        checkpoint.size().get(),
        4,
        "the trust bundle and three events"
    );
    assert_eq!(server.get("/log/checkpoints/4", None).text(), text);
    let tile = server.get("/log/tile/0/000.p/4", None).body;
    assert_eq!(tile.len(), 4 * 32);
    let entries = server.get("/log/tile/entries/000.p/4", None).body;
    let mut rest = entries.as_slice();
    for hash in tile.chunks(32) {
        let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        let (leaf, after) = rest[2..].split_at(length);
        assert_eq!(hash_leaf(leaf).as_bytes().as_slice(), hash);
        rest = after;
    }
    assert!(rest.is_empty());
    // The trust bundle of each version is the one whose digest is the log's first event.
    assert_eq!(
        server.get("/trust/1", None).body,
        server.get("/trust", None).body
    );
    for absent in [
        "/trust/2",
        "/trust/01",
        "/log/checkpoints/9",
        "/log/checkpoints/04",
        "/log/tile/0/000",
        "/log/tile/0/000.p/5",
        "/log/tile/0/0",
        "/log/tile/entries/001.p/1",
        "/log/tile/../checkpoint",
        &format!("/log/proof/{}", "0".repeat(64)),
    ] {
        let answer = server.get(absent, None);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "not_found"),
            "{absent}"
        );
    }
}

#[test]
fn the_public_timestamp_service_answers_openssl_and_refuses_in_its_own_language() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let away = tempfile::tempdir().unwrap();
    let document = save(away.path(), "document.txt", b"bonjour");
    let query = away.path().join("query.tsq");
    let query = query.to_str().unwrap();
    assert!(
        openssl(&[
            "ts", "-query", "-data", &document, "-sha256", "-cert", "-out", query
        ])
        .status
        .success()
    );
    let request = std::fs::read(query).unwrap();
    let stamp = |body: &[u8]| {
        let answer = server
            .try_post("/tsa", None, "application/timestamp-query", body)
            .unwrap();
        assert_eq!(
            (answer.status, answer.media_type.as_str()),
            (200, "application/timestamp-reply")
        );
        answer.body
    };
    let reply = save(away.path(), "reply.tsr", &stamp(&request));
    let bundle = TrustBundle::from_json(&server.get("/trust", None).body).unwrap();
    let roots = save(away.path(), "roots.pem", bundle.roots.concat().as_bytes());
    let output = openssl(&[
        "ts",
        "-verify",
        "-queryfile",
        query,
        "-in",
        &reply,
        "-CAfile",
        &roots,
    ]);
    assert!(
        said(&output).contains("Verification: OK"),
        "{}",
        said(&output)
    );

    for (name, body, reason) in [
        (
            "garbage",
            vec![0xff; 40],
            "the data submitted has the wrong format",
        ),
        (
            "cut",
            request[..request.len() - 1].to_vec(),
            "the data submitted has the wrong format",
        ),
    ] {
        let path = save(away.path(), &format!("{name}.tsr"), &stamp(&body));
        let text = said(&openssl(&["ts", "-reply", "-in", &path, "-text"]));
        assert!(text.contains("Rejected"), "{name}: {text}");
        assert!(text.contains(reason), "{name}: {text}");
    }
    let long = server
        .try_post(
            "/tsa",
            None,
            "application/timestamp-query",
            &[0x30; 16 * 1024 + 1],
        )
        .unwrap();
    assert_eq!(
        (long.status, long.media_type.as_str()),
        (413, "application/timestamp-reply")
    );
    let path = save(away.path(), "long.tsr", &long.body);
    let text = said(&openssl(&["ts", "-reply", "-in", &path, "-text"]));
    assert!(
        text.contains("the data submitted has the wrong format"),
        "{text}"
    );
    let wrong = server
        .try_post("/tsa", None, "application/json", &request)
        .unwrap();
    assert_eq!((wrong.status, wrong.code().as_str()), (415, "media_type"));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => {
                std::fs::copy(entry.path(), to).unwrap();
            }
        }
    }
}

/// A restored backup, a cloned machine: the same keys and the same state, at work twice at once.
#[test]
fn a_copied_data_directory_draws_no_serial_number_that_its_original_draws() {
    let away = tempfile::tempdir().unwrap();
    let [data, twin] = ["data", "twin"].map(|name| away.path().join(name));
    let request = TimeStampReq::new(MessageImprint::of(HashAlgorithm::Sha256, b"bonjour")).to_der();
    let mut serials = Vec::new();
    let mut work = |server: &Server, key: &str, run: &str| {
        for number in 0..5 {
            let answer = server.try_post("/tsa", None, "application/timestamp-query", &request);
            let response = TimeStampResp::parse(&answer.unwrap().body).unwrap();
            let info = response.token().unwrap().tst_info();
            serials.push(("public", info.serial_number().clone()));
            let event = submission(&format!("{run}-{number}"));
            let made = server.post("/api/v1/events", Some(key), &event);
            assert_eq!(made.status, 201, "{}", made.text());
            let token = Receipt::from_json(&made.body).unwrap().token;
            let token = TimeStampToken::parse(&token).unwrap();
            serials.push(("evidence", token.tst_info().serial_number().clone()));
        }
    };
    let server = Server::start(&data);
    let key = server.key(&data);
    work(&server, &key, "before");
    assert!(server.terminate().success());
    copy(&data, &twin);
    // As if its operator had said that the original is gone.
    let moved = run("kbox-server", &["moved", "--data", twin.to_str().unwrap()]);
    assert!(moved.status.success(), "{}", said(&moved));
    let servers = [&data, &twin].map(|data| Server::start(data));
    for server in &servers {
        work(server, &key, "after");
    }
    assert_eq!(serials.len(), 30);
    for authority in ["public", "evidence"] {
        let own = serials.iter().filter(|(name, _)| *name == authority);
        let distinct: std::collections::BTreeSet<_> = own.map(|(_, serial)| serial).collect();
        assert_eq!(distinct.len(), 15, "{authority}");
    }
}

#[test]
fn the_law_is_asked_without_a_key() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let mut question = json!({"instance": "commune", "population": 12000, "departement": "80", "fuseau": "Europe/Paris",
        "envoi": "2026-11-18T21:00:00Z", "precision_ms": 1000, "seance": "2026-11-24T18:30", "urgence": false,
        "seconde_convocation": false});
    let answer = server.post("/api/v1/delai", None, &question).json();
    assert_eq!(
        (
            &answer["regle"],
            &answer["delai"],
            &answer["verdict"],
            &answer["envoyer_avant"],
            &answer["jours"][0]
        ),
        (
            &json!("CGCT L.2121-12"),
            &json!(5),
            &json!("respecte"),
            &json!("2026-11-18T23:00:00Z"),
            &json!("2026-11-19")
        )
    );
    question["instance"] = json!("senat");
    let refused = server.post("/api/v1/delai", None, &question);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "malformed")
    );
    question["instance"] = json!("commune");
    question["population"] = json!(null);
    question["departement"] = json!("999");
    let refused = server.post("/api/v1/delai", None, &question);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (422, "law"),
        "{}",
        refused.text()
    );
}

#[test]
fn bad_input_gets_a_typed_refusal_and_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let key = server.key(data.path());
    let key = Some(key.as_str());
    assert_eq!(
        server
            .post("/api/v1/events", key, &submission("conseil-1"))
            .status,
        201
    );
    let before = server.get("/log/checkpoint", None).text();
    let step = |detail: serde_json::Value| json!({"request_id": "x", "body": {"claimed_time": "2026-11-24T09:00:00Z", "detail": detail}});
    let changed = |path: &str, value: serde_json::Value| {
        let mut event = submission("conseil-2");
        *event.pointer_mut(path).unwrap() = value;
        event
    };
    for (event, status, code) in [
        (json!({}), 400, "malformed"),
        (json!([]), 400, "malformed"),
        (changed("/request_id", json!("")), 422, "request_id"),
        (changed("/request_id", json!("é\n")), 422, "request_id"),
        (
            changed("/body/claimed_time", json!("hier")),
            400,
            "malformed",
        ),
        (
            changed("/body/detail/content/version", json!(0)),
            422,
            "event",
        ),
        (
            changed("/body/detail/content/papers", json!([])),
            422,
            "event",
        ),
        (
            changed("/body/detail/content/roster", json!([])),
            422,
            "event",
        ),
        (
            changed("/body/detail/content/rule/jours", json!(3)),
            422,
            "rule",
        ),
        (
            changed(
                "/body/detail/content/rule/article",
                json!("Constitution, art. 1"),
            ),
            422,
            "rule",
        ),
        (
            changed("/body/detail/content/seance/fuseau", json!("Mars/Base")),
            422,
            "rule",
        ),
        (
            changed("/body/detail/content/seance/instance", json!("royaume")),
            422,
            "rule",
        ),
        (
            changed("/body/detail/content/seance/debut", json!("demain")),
            422,
            "rule",
        ),
        (
            changed("/body/detail/content/author", json!("Le maire\u{202e}")),
            400,
            "malformed",
        ),
        (
            step(json!({"event": "ContentConsignment", "content": {"recipient": 0}})),
            422,
            "event",
        ),
        (
            step(
                json!({"event": "TrustBundlePublication", "content": {"version": 2, "bundle": format!("{}=", "A".repeat(43))}}),
            ),
            403,
            "operators_event",
        ),
        (
            step(
                json!({"event": "ShardOpening", "content": {"previous": "kbox.example/log/1", "size": 9, "reason": "damage",
                    "root": format!("{}=", "A".repeat(43)), "checkpoint": format!("{}=", "A".repeat(43))}}),
            ),
            403,
            "operators_event",
        ),
        (
            step(json!({"event": "Nothing", "content": {}})),
            400,
            "malformed",
        ),
    ] {
        let refused = server.post("/api/v1/events", key, &event);
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (status, code),
            "{event}\n{}",
            refused.text()
        );
        assert!(!refused.json()["detail"].as_str().unwrap().is_empty());
    }
    let typed = server
        .try_post("/api/v1/events", key, "text/plain", b"{}")
        .unwrap();
    assert_eq!((typed.status, typed.code().as_str()), (415, "media_type"));
    let other = json!({"role": "integration", "collectivite": "999999999"});
    let admin = std::fs::read_to_string(data.path().join("admin-key")).unwrap();
    let unknown = server.post("/api/v1/keys", Some(admin.trim()), &other);
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (404, "unknown_collectivite")
    );
    // A paper whose bytes differ from its digest.
    let seance = json!({"id": "un", "intitule": "Conseil", "lieu": "Mairie", "debut": "2099-12-02T18:30", "auteur": "Le maire"});
    assert_eq!(server.post("/api/v1/seances", key, &seance).status, 201);
    let path = format!(
        "/api/v1/seances/un/pieces?nom=a.pdf&titre=A&nature=convocation&sha256={}",
        "0".repeat(64)
    );
    let paper = server
        .try_post(&path, key, "application/pdf", b"%PDF-")
        .unwrap();
    assert_eq!(
        (paper.status, paper.code().as_str()),
        (422, "digest_mismatch"),
        "{}",
        paper.text()
    );
    // Without a relay nothing is sealed either.
    let convened = server
        .try_post(
            "/api/v1/seances/un/convocation",
            key,
            "application/json",
            b"",
        )
        .unwrap();
    assert_eq!(
        (convened.status, convened.code().as_str()),
        (503, "no_relay")
    );
    assert_eq!(server.get("/log/checkpoint", None).text(), before);
}

#[test]
fn starting_says_what_is_wrong_and_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let folder = data.path().to_str().unwrap();
    let address = server.url.strip_prefix("http://").unwrap().to_string();
    let fails = |arguments: &[&str], words: &str| {
        let output = run("kbox-server", arguments);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(words), "{words}: {text}");
    };
    let empty = tempfile::tempdir().unwrap();
    let elsewhere = empty.path().join("new");
    fails(
        &[
            "serve",
            "--data",
            elsewhere.to_str().unwrap(),
            "--listen",
            &address,
        ],
        "--listen",
    );
    assert!(
        !elsewhere.exists(),
        "nothing is made when the port is taken"
    );
    fails(
        &["serve", "--data", folder, "--listen", "127.0.0.1:0"],
        "in use by another kbox process",
    );
    fails(
        &["keys", "list", "--data", folder],
        "in use by another kbox process",
    );
    fails(
        &["serve", "--data", folder, "--listen", "0.0.0.0:0"],
        "--behind-proxy",
    );
    assert!(server.terminate().success());

    let keys = data.path().join("keys");
    std::fs::rename(&keys, data.path().join("gone")).unwrap();
    fails(
        &["serve", "--data", folder, "--listen", "127.0.0.1:0"],
        "backup",
    );
    std::fs::rename(data.path().join("gone"), &keys).unwrap();
    let config = save(
        empty.path(),
        "kbox.toml",
        b"origin = \"other.example/log/1\"",
    );
    fails(
        &[
            "serve",
            "--config",
            &config,
            "--data",
            folder,
            "--listen",
            "127.0.0.1:0",
        ],
        "other.example/log/1",
    );
    let config = save(empty.path(), "wrong.toml", b"datta = \"x\"");
    fails(&["serve", "--config", &config], "datta");
    fails(
        &["serve", "--config", "/does/not/exist.toml"],
        "/does/not/exist.toml",
    );
    let version = data.path().join("VERSION");
    std::fs::write(&version, "kbox-data 9\n").unwrap();
    fails(
        &["serve", "--data", folder, "--listen", "127.0.0.1:0"],
        "kbox-data 9",
    );
    std::fs::write(&version, "kbox-data 3\n").unwrap();
    let unmeasured = save(empty.path(), "unmeasured.toml", PRODUCTION.as_bytes());
    fails(
        &["serve", "--config", &unmeasured],
        "a clock that is measured",
    );
    let ntp: Vec<Chronyd> = (1..=3).map(Chronyd::start_at).collect();
    let production = save(
        empty.path(),
        "production.toml",
        format!("{PRODUCTION}{}", ntp::clock_of(&ntp)).as_bytes(),
    );
    let new = empty.path().join("production");
    fails(
        &[
            "serve",
            "--config",
            &production,
            "--data",
            new.to_str().unwrap(),
            "--listen",
            "127.0.0.1:0",
        ],
        "evidence-key.pem",
    );

    // The administrator's key of the first start still opens; keys can be made while nothing runs.
    let made = run(
        "kbox-server",
        &["keys", "add", "--role", "administrateur", "--data", folder],
    );
    assert!(made.status.success(), "{}", said(&made));
    let key = String::from_utf8(made.stdout).unwrap();
    // A mistyped directory stays what it is, and so does a SIREN that nobody added.
    for command in [&["list"][..], &["add", "--role", "administrateur"]] {
        let nowhere = empty.path().join("nowhere");
        let mut arguments = vec!["keys"];
        arguments.extend(command);
        arguments.extend(["--data", nowhere.to_str().unwrap()]);
        fails(&arguments, "is not a data directory");
        assert!(!nowhere.exists());
    }
    fails(
        &[
            "keys",
            "add",
            "--role",
            "secretariat",
            "--collectivite",
            "218002533",
            "--data",
            folder,
        ],
        "unknown collectivité",
    );
    let server = Server::start(data.path());
    assert_eq!(server.get("/api/v1/keys", Some(key.trim())).status, 200);
    assert_eq!(server.get("/readyz", None).json()["status"], "ready");
    let usage = run("kbox-server", &["serve", "--frobnicate"]);
    assert_eq!(usage.status.code(), Some(2));
}

/// kbox-server where so many files may be open at once.
#[cfg(unix)]
fn limited(soft: u32, hard: u32) -> Command {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            &format!("ulimit -Sn {soft}; ulimit -Hn {hard}; exec \"$@\""),
            "sh",
        ])
        .arg(binary("kbox-server"));
    command
}

#[cfg(target_os = "linux")]
#[test]
fn a_flood_of_half_open_connections_leaves_the_store_its_descriptors() {
    use std::io::Write;
    use std::net::TcpStream;
    const LIMIT: usize = 1024;
    let data = tempfile::tempdir().unwrap();
    // The soft limit is raised: it alone would not let the server start.
    let server = Server::start_by(limited(100, 1024), data.path(), &["--behind-proxy"]);
    let key = server.key(data.path());
    let descriptors = || {
        let folder = format!("/proc/{}/fd", server.child.id());
        std::fs::read_dir(folder).unwrap().count()
    };
    let address = server.url.strip_prefix("http://").unwrap();
    let mut flood: Vec<TcpStream> = Vec::new();
    let mut most = descriptors();
    let calm = most;
    // The agent keeps its connection; the others wait in the kernel's queue, or for their heads.
    for round in 0..5 {
        for _ in 0..120 {
            let mut stream = TcpStream::connect(address).unwrap();
            // One that was cut off meanwhile.
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX");
            flood.push(stream);
        }
        let id = format!("conseil-{round}");
        let made = server.post("/api/v1/events", Some(&key), &submission(&id));
        assert_eq!(made.status, 201, "{}", made.text());
        most = most.max(descriptors());
    }
    // All that clients may have is taken, and not more.
    assert!(most > calm + 100, "{calm} {most}");
    assert!(most <= LIMIT - 600, "{most}");
    let ready = server.get("/readyz", None);
    assert_eq!(ready.status, 200, "{}", ready.text());
    drop(flood);
    assert!(server.terminate().success());
}

#[cfg(unix)]
#[test]
fn without_descriptors_for_the_store_nothing_starts() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("data");
    let output = limited(256, 256)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&folder)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("LimitNOFILE"), "{}", said(&output));
    assert!(!folder.exists());
}

#[cfg(unix)]
#[test]
fn whoever_may_not_open_all_files_of_a_log_is_told_which_limit_to_raise() {
    let data = tempfile::tempdir().unwrap();
    // The second start makes tables of what the first wrote.
    for _ in 0..2 {
        assert!(Server::start(data.path()).terminate().success());
    }
    let check = |hard| {
        let mut command = limited(4, hard);
        let command = command.args(["fsck", "--data"]).arg(data.path());
        command.output().unwrap()
    };
    let output = check(5);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("LimitNOFILE"), "{}", said(&output));
    // The soft limit is raised.
    let output = check(1024);
    assert!(output.status.success(), "{}", said(&output));
}

#[cfg(unix)]
#[test]
fn secrets_are_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let only_ours = |folder: &Path| {
        assert_eq!(mode(&folder.join("db")), 0o700, "{}", folder.display());
        let files = std::fs::read_dir(folder.join("db")).unwrap();
        let files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() > 3);
        for path in files {
            assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
        }
    };
    // Others may look into these; not into what is made in them.
    let copy = tempfile::tempdir().unwrap();
    for folder in [data.path(), copy.path()] {
        set(folder, 0o755);
    }
    drop(Server::start(data.path()));
    only_ours(data.path());
    // As an older version left it.
    set(&data.path().join("db"), 0o755);
    drop(Server::start(data.path()));
    only_ours(data.path());
    let (from, to) = (data.path().to_str().unwrap(), copy.path().to_str().unwrap());
    let copied = run("kbox-server", &["backup", "--data", from, "--to", to]);
    assert!(copied.status.success(), "{}", said(&copied));
    only_ours(copy.path());
    assert_eq!(mode(&data.path().join("admin-key")), 0o600);
    assert_eq!(mode(&data.path().join("keys")), 0o700);
    for entry in std::fs::read_dir(data.path().join("keys")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[cfg(unix)]
#[test]
fn a_first_start_in_production_takes_the_keys_that_the_operator_put_there() {
    use std::os::unix::fs::PermissionsExt;
    let away = tempfile::tempdir().unwrap();
    let ntp: Vec<Chronyd> = (1..=3).map(Chronyd::start_at).collect();
    let config = format!("{PRODUCTION}{}", ntp::clock_of(&ntp));
    let config = save(away.path(), "kbox.toml", config.as_bytes());
    let pki = DevPki::generate(now(), false).unwrap();
    let (evidence, public) = (authority_pem(&pki.evidence), authority_pem(&pki.public));
    let evidence = (evidence.0.as_str(), evidence.1.as_str());
    let public = (public.0.as_str(), public.1.as_str());
    let refused = |data: &Path, words: &str| {
        let output = run(
            "kbox-server",
            &[
                "serve",
                "--config",
                &config,
                "--data",
                data.to_str().unwrap(),
                "--listen",
                "127.0.0.1:0",
            ],
        );
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(words), "{words}: {text}");
    };
    let one_key = away.path().join("one-key");
    provide_keys(&one_key.join("keys"), evidence, evidence);
    refused(&one_key, "the same key");

    let data = away.path().join("data");
    let keys = data.join("keys");
    provide_keys(&keys, evidence, public);
    let open = |name: &str, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(keys.join(name), mode).unwrap();
    };
    for name in ["evidence-key.pem", "public-key.pem", "log-key.pem"] {
        for mode in [0o640, 0o604] {
            open(name, mode);
            refused(&data, &format!("chmod 600 {}", keys.join(name).display()));
        }
        open(name, 0o600);
    }
    for _ in 0..2 {
        let mut server = Server::start_with(&data, &["--config", &config]);
        // What it says is the public address, which no test can reach.
        assert_eq!(server.url, "https://kbox.example.fr");
        assert!(server.child.try_wait().unwrap().is_none());
        assert!(server.terminate().success());
    }
}

#[test]
fn a_server_stops_issuing_when_its_ntp_servers_fall_silent_and_goes_on_when_they_answer() {
    let away = tempfile::tempdir().unwrap();
    let mut ntp = vec![Chronyd::start()];
    let address = ntp[0].address();
    let config = save(away.path(), "kbox.toml", ntp::clock_of(&ntp).as_bytes());
    let data = away.path().join("data");
    let server = Server::start_with(&data, &["--config", &config]);
    let key = server.key(&data);
    let ready = |status| {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let answer = server.get("/readyz", None);
            if answer.status == status {
                return answer.json();
            }
            assert!(Instant::now() < patience, "{}", answer.text());
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let names = |state: &serde_json::Value| {
        let mut names: Vec<String> = state.as_object().unwrap().keys().cloned().collect();
        names
            .retain(|name| !["status", "type", "title", "code", "detail"].contains(&name.as_str()));
        names
    };
    let well = ready(200);
    let source = address.to_string();
    assert_eq!(well["time_sources"][0]["name"], source.as_str());
    assert_eq!(well["clock_trusted"], true);
    assert!(well["accuracy_ms"].as_u64().unwrap() >= 1, "{well}");
    ntp.clear();
    let ill = ready(503);
    assert_eq!(names(&ill), names(&well));
    assert_eq!(ill["code"], "time_not_available");
    assert_eq!(ill["time_sources"][0]["report"], "no answer");
    assert_eq!(ill["clock_trusted"], false);
    assert_eq!(ill["certificates"].as_array().unwrap().len(), 2);
    let detail = ill["detail"].as_str().unwrap();
    assert!(
        detail.contains("no majority of the time sources has answered since"),
        "{detail}"
    );
    let refused = server.post("/api/v1/events", Some(&key), &submission("conseil-1"));
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "time_not_available")
    );
    ntp.push(Chronyd::start_on(address));
    ready(200);
    let made = server.post("/api/v1/events", Some(&key), &submission("conseil-1"));
    assert_eq!(made.status, 201, "{}", made.text());
}

#[test]
fn the_audit_log_is_checked_while_the_server_runs_after_a_crash_and_when_somebody_changed_it() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let path = data.path().join("audit.jsonl");
    let audit = || {
        let output = run("kbox-server", &["audit", "--data", folder]);
        (output.status.code(), said(&output))
    };
    let mut server = Server::start(data.path());
    let (code, text) = audit();
    assert_eq!(code, Some(0), "{text}");
    for event in [
        "started",
        "configuration",
        "signer_taken_up",
        "api_key_made",
    ] {
        assert!(text.contains(&format!("\"event\":\"{event}\"")), "{text}");
    }
    assert!(text.contains("the chain holds; its head is "), "{text}");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    // Killed in the middle of a line.
    let mut whole = std::fs::read_to_string(&path).unwrap();
    assert!(!whole.contains("\"stopped\""));
    whole.push_str("{\"number\":99,\"prev");
    std::fs::write(&path, &whole).unwrap();
    let (code, text) = audit();
    assert!(
        code == Some(0) && text.contains("18 bytes behind the last line"),
        "{text}"
    );
    assert!(Server::start(data.path()).terminate().success());
    let (code, text) = audit();
    assert!(
        code == Some(0) && text.contains("\"torn_line\"") && text.contains("\"stopped\""),
        "{text}"
    );

    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        good.replacen("\"made_here\":true", "\"made_here\":false", 1),
    )
    .unwrap();
    let (code, text) = audit();
    assert!(
        code == Some(1) && text.contains("line 2 names another line"),
        "{text}"
    );
    let refused = run(
        "kbox-server",
        &["serve", "--data", folder, "--listen", "127.0.0.1:0"],
    );
    assert!(
        said(&refused).contains("line 2 names another line"),
        "{}",
        said(&refused)
    );
    std::fs::write(&path, good).unwrap();
    assert!(Server::start(data.path()).terminate().success());
}

/// A policy that a demonstration may state.
const POLICY: &str = "2.25.51118242154837226066215980302773697965.9.2.7";

/// Key and chain of an authority in a folder, and a configuration that names them.
#[cfg(unix)]
fn tsa_config(folder: &Path, key: &str, chain: &str, more: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let key = save(folder, "tsa-key.pem", key.as_bytes());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let chain = save(folder, "tsa-chain.pem", chain.as_bytes());
    let config = format!("[tsa]\nkey = {key:?}\nchain = {chain:?}\n{more}\n");
    save(folder, "kbox.toml", config.as_bytes())
}

fn pem_of(chain: &[Vec<u8>]) -> String {
    chain.iter().map(|der| certificate_to_pem(der)).collect()
}

#[cfg(unix)]
#[test]
fn a_public_authority_of_the_operators_own_states_the_policies_and_takes_the_hashes_of_its_configuration()
 {
    use kbox_proof::key::{TokenKeyKind, TokenSigner};
    use kbox_proof::tsp::{
        ChainTime, HashAlgorithm, MessageImprint, PkiFailureInfo, TimeStampReq, TimeStampResp,
        TokenTrust, TsaPolicyId, verify_response,
    };
    let own: TsaPolicyId = POLICY.parse().unwrap();
    let default = TsaPolicyId::demonstration_public_policy();
    for (kind, pss) in [
        (TokenKeyKind::P384, false),
        (TokenKeyKind::Rsa { bits: 2048 }, false),
        (TokenKeyKind::Rsa { bits: 3072 }, true),
        (TokenKeyKind::Ed25519, false),
    ] {
        let away = tempfile::tempdir().unwrap();
        let signer = TokenSigner::generate_kind(kind).unwrap();
        let pki = DevPki::with_keys(now(), true, TokenSigner::generate().unwrap(), signer).unwrap();
        let config = tsa_config(
            away.path(),
            &pki.public.signer.to_pkcs8_pem(),
            &pem_of(&pki.public.chain),
            &format!("further_policies = [\"{POLICY}\"]\nhashes = [\"sha384\"]\npss = {pss}"),
        );
        let server = Server::start_with(&away.path().join("data"), &["--config", &config]);
        let ask = |request: &TimeStampReq| {
            let answer = server
                .try_post(
                    "/tsa",
                    None,
                    "application/timestamp-query",
                    &request.to_der(),
                )
                .unwrap();
            TimeStampResp::parse(&answer.body).unwrap()
        };
        let imprint = MessageImprint::of(HashAlgorithm::Sha384, b"convocation");
        let request = TimeStampReq::new(imprint).with_certificates();
        let roots = [pki.root.clone()];
        for (asked, stated) in [
            (request.clone(), &default),
            (request.clone().with_policy(own.clone()), &own),
            (request.clone().with_policy(default.clone()), &default),
        ] {
            let mut trust = TokenTrust::new(&roots, ChainTime::At(now()));
            trust.strict = true;
            let verified = verify_response(&ask(&asked), &asked, &trust).unwrap();
            assert_eq!(verified.policy(), stated, "{kind:?}");
        }
        let evidence = TsaPolicyId::demonstration_evidence_policy();
        let refused = ask(&request.with_policy(evidence));
        assert_eq!(refused.fail_info(), Some(PkiFailureInfo::UnacceptedPolicy));
        let sha256 = MessageImprint::of(HashAlgorithm::Sha256, b"convocation");
        let refused = ask(&TimeStampReq::new(sha256));
        assert_eq!(refused.fail_info(), Some(PkiFailureInfo::BadAlg));
    }
}

#[test]
fn a_client_gets_the_public_authoritys_root_from_the_server_and_openssl_verifies_by_it() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let answer = server.get("/tsa/certificates", None);
    assert_eq!(answer.status, 200);
    let file = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    let certificates = save(data.path(), "tsa.pem", &answer.body);
    assert_eq!(answer.text().matches("BEGIN CERTIFICATE").count(), 2);
    let letter = save(data.path(), "letter.txt", b"convocation");
    let (query, reply) = (file("query.tsq"), file("reply.tsr"));
    let asked = openssl(&[
        "ts", "-query", "-data", &letter, "-sha256", "-cert", "-out", &query,
    ]);
    assert!(asked.status.success(), "{}", said(&asked));
    let request = std::fs::read(&query).unwrap();
    let stamped = server.try_post("/tsa", None, "application/timestamp-query", &request);
    std::fs::write(&reply, stamped.unwrap().body).unwrap();
    let verified = openssl(&[
        "ts",
        "-verify",
        "-queryfile",
        &query,
        "-in",
        &reply,
        "-CAfile",
        &certificates,
    ]);
    assert!(
        said(&verified).contains("Verification: OK"),
        "{}",
        said(&verified)
    );
}

#[cfg(unix)]
#[test]
fn a_first_start_that_is_refused_leaves_nothing_and_keys_that_an_earlier_configuration_spared_are_made()
 {
    let away = tempfile::tempdir().unwrap();
    let data = away.path().join("data");
    let pki = DevPki::generate(now(), true).unwrap();
    let public = tsa_config(
        away.path(),
        &pki.public.signer.to_pkcs8_pem(),
        &pem_of(&pki.public.chain[..1]),
        "",
    );
    let arguments = [
        "serve",
        "--config",
        &public,
        "--listen",
        "127.0.0.1:0",
        "--data",
        data.to_str().unwrap(),
    ];
    let refused = run("kbox-server", &arguments);
    assert!(
        said(&refused).contains("does not end in a root"),
        "{}",
        said(&refused)
    );
    assert!(!data.exists());
    // The operator mends the chain, starts, and later leaves the section out.
    std::fs::write(away.path().join("tsa-chain.pem"), pem_of(&pki.public.chain)).unwrap();
    let server = Server::start_with(&data, &["--config", &public]);
    assert!(!data.join("keys/public-key.pem").exists());
    assert!(server.terminate().success());
    let server = Server::start(&data);
    assert!(data.join("keys/public-key.pem").exists());
    assert!(server.terminate().success());
    // What signs evidence is never made anew under a log.
    std::fs::remove_file(data.join("keys/evidence-key.pem")).unwrap();
    let refused = run(
        "kbox-server",
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data",
            data.to_str().unwrap(),
        ],
    );
    assert!(said(&refused).contains("put"), "{}", said(&refused));
    assert!(
        said(&refused).contains("evidence-key.pem back"),
        "{}",
        said(&refused)
    );
}

/// A key and a certificate that OpenSSL signed itself, with these extensions.
fn self_signed(folder: &Path, extensions: &[&str]) -> (String, String) {
    let (key, certificate) = (folder.join("own.key"), folder.join("own.pem"));
    let mut arguments = vec![
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-noenc",
        "-days",
        "30",
        "-subj",
        "/C=FR/O=Test/CN=TSU",
        "-keyout",
    ];
    arguments.push(key.to_str().unwrap());
    arguments.extend(["-out", certificate.to_str().unwrap()]);
    for extension in extensions {
        arguments.extend(["-addext", extension]);
    }
    let output = openssl(&arguments);
    assert!(output.status.success(), "{}", said(&output));
    (
        std::fs::read_to_string(key).unwrap(),
        std::fs::read_to_string(certificate).unwrap(),
    )
}

#[cfg(unix)]
#[test]
fn a_server_does_not_start_on_an_unfit_certificate_and_names_the_rule_and_the_file() {
    use kbox_proof::key::{TokenKeyKind, TokenSigner};
    let away = tempfile::tempdir().unwrap();
    let folder = away.path();
    let data = folder.join("data");
    let refused = |key: &str, chain: &str, more: &str, words: &[&str]| {
        let config = tsa_config(folder, key, chain, more);
        let arguments = [
            "serve",
            "--config",
            &config,
            "--listen",
            "127.0.0.1:0",
            "--data",
        ];
        let mut arguments = arguments.to_vec();
        arguments.push(data.to_str().unwrap());
        let output = run("kbox-server", &arguments);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        for word in words {
            assert!(text.contains(word), "{word}: {text}");
        }
    };
    let pki = DevPki::generate(now(), true).unwrap();
    let (key, chain) = (pki.public.signer.to_pkcs8_pem(), pem_of(&pki.public.chain));
    let usage = "keyUsage=critical,digitalSignature";
    let purpose = "extendedKeyUsage=critical,timeStamping";
    let no_ca = "basicConstraints=critical,CA:FALSE";
    for (extensions, words) in [
        (&[usage, no_ca][..], "no extended key usage"),
        (
            &[usage, no_ca, "extendedKeyUsage=timeStamping"],
            "extended key usage critical",
        ),
        (
            &[usage, no_ca, "extendedKeyUsage=critical,serverAuth"],
            "not for timestamping",
        ),
        (
            &[
                usage,
                no_ca,
                "extendedKeyUsage=critical,timeStamping,serverAuth",
            ],
            "not for timestamping alone",
        ),
        (
            &[usage, purpose, "basicConstraints=critical,CA:TRUE"],
            "is a CA's",
        ),
        (
            &[
                "keyUsage=critical,digitalSignature,keyEncipherment",
                no_ca,
                purpose,
            ],
            "key usage",
        ),
        (&[no_ca, purpose], "no key usage"),
    ] {
        let (key, certificate) = self_signed(folder, extensions);
        refused(&key, &certificate, "", &["tsa-chain.pem", words]);
    }
    // Twenty years ago, for ten.
    let old = Time::from_unix_secs(now().unix_secs() - 20 * 365 * 86_400).unwrap();
    let old = DevPki::generate(old, true).unwrap().public;
    refused(
        &old.signer.to_pkcs8_pem(),
        &pem_of(&old.chain),
        "",
        &["tsa-chain.pem", "is not valid", "renew it"],
    );
    refused(
        &pki.evidence.signer.to_pkcs8_pem(),
        &chain,
        "",
        &["tsa-key.pem", "for another key"],
    );
    let other = DevPki::generate(now(), true).unwrap();
    let broken = [pki.public.chain[0].clone(), other.root];
    refused(
        &key,
        &pem_of(&broken),
        "",
        &["tsa-chain.pem", "no chain leads"],
    );
    refused(
        "",
        &chain,
        "",
        &["tsa-key.pem", "no unencrypted PKCS#8 key"],
    );
    refused(&key, "", "", &["tsa-chain.pem", "in PEM are expected"]);
    let leaf = &pki.public.chain[..1];
    refused(
        &key,
        &pem_of(leaf),
        "",
        &[
            "tsa-chain.pem",
            "does not end in a root",
            "EN 319 421 §7.6.4(c)",
        ],
    );
    let reversed: Vec<Vec<u8>> = pki.public.chain.iter().rev().cloned().collect();
    refused(
        &key,
        &pem_of(&reversed),
        "",
        &["tsa-chain.pem", "signer's certificate first"],
    );
    let config = tsa_config(folder, &key, &chain, "");
    std::fs::write(folder.join("tsa-chain.pem"), &pki.public.chain[0]).unwrap();
    let arguments = [
        "serve",
        "--config",
        &config,
        "--listen",
        "127.0.0.1:0",
        "--data",
        data.to_str().unwrap(),
    ];
    let der = run("kbox-server", &arguments);
    assert!(
        said(&der).contains("openssl x509 -inform DER"),
        "{}",
        said(&der)
    );
    // None of these refusals left anything behind that a later start would stumble over.
    assert!(!data.exists());
    refused(&key, &chain, "pss = true", &["tsa-key.pem", "RSASSA-PSS"]);
    let evidence = "policy = \"2.25.51118242154837226066215980302773697965.9.1\"";
    refused(&key, &chain, evidence, &["[tsa]", "policy of evidence"]);

    // Evidence is signed by keys whose tokens have one leaf.
    let signer = TokenSigner::generate_kind(TokenKeyKind::Ed25519).unwrap();
    let pki = DevPki::with_keys(now(), true, signer, TokenSigner::generate().unwrap()).unwrap();
    let config = tsa_config(
        folder,
        &pki.evidence.signer.to_pkcs8_pem(),
        &pem_of(&pki.evidence.chain),
        "",
    );
    let text = std::fs::read_to_string(&config).unwrap();
    let config = save(
        folder,
        "evidence.toml",
        text.replace("[tsa]", "[evidence]").as_bytes(),
    );
    let arguments = [
        "serve",
        "--config",
        &config,
        "--listen",
        "127.0.0.1:0",
        "--data",
    ];
    let mut arguments = arguments.to_vec();
    let folder = folder.join("evidence");
    arguments.push(folder.to_str().unwrap());
    let output = run("kbox-server", &arguments);
    assert!(said(&output).contains("one leaf"), "{}", said(&output));
}
