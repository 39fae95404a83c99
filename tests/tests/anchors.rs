// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A log that outside authorities anchor: OpenSSL's, and some that fail in each way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kbox_proof::receipt::Receipt;
use kbox_proof::verify::{TrustPolicy, verify_receipt};
use kbox_tests::outside::{Conduct, Outside, PASSWORD, USER, section};
use kbox_tests::{Answer, Server, run, said, submission};

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn until(what: &str, ask: impl Fn() -> Answer, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = ask();
        if wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: {}", answer.text());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn anchors(answer: &Answer) -> usize {
    Receipt::from_json(&answer.body).map_or(0, |receipt| receipt.anchors.len())
}

fn configure(folder: &Path, head: &str, sections: &[String]) -> PathBuf {
    let path = folder.join("kbox.toml");
    std::fs::write(&path, format!("{head}\n{}", sections.concat())).unwrap();
    path
}

fn start(data: &Path, config: &Path) -> Server {
    Server::start_with(
        data,
        &["--config", shown(config), "--listen", "127.0.0.1:0"],
    )
}

/// A server with one event, its key, and the receipt's address.
fn recorded(data: &Path, config: &Path) -> (Server, String, String) {
    let server = start(data, config);
    let key = server.key(data);
    let made = server.post("/api/v1/events", Some(&key), &submission("one"));
    assert_eq!(made.status, 201, "{}", made.text());
    (server, key, made.location.unwrap())
}

#[test]
fn authorities_that_are_down_err_or_lie_are_passed_over_and_the_next_ones_anchor_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, conduct| Outside::start(&folder.path().join(name), conduct, 0);
    let down = of("down", Conduct::Honest);
    let (down_url, down_root) = (down.url(), down.root.clone());
    drop(down);
    let (garbage, page) = (of("garbage", Conduct::Garbage), of("page", Conduct::Page));
    let nonce = of("nonce", Conduct::OtherNonce);
    let imprint = of("imprint", Conduct::OtherImprint);
    let (first, second) = (of("first", Conduct::Honest), of("second", Conduct::Honest));
    let sections = [
        section("down", &down_url, &down_root),
        garbage.section("garbage"),
        page.section("page"),
        nonce.section("nonce"),
        imprint.section("imprint"),
        // Honest, and under another root than the one that is trusted.
        section("root", &first.url(), &down_root),
        first.section("first"),
        second.section("second"),
    ];
    let config = configure(
        folder.path(),
        "anchors = 2\nanchor_interval_s = 1",
        &sections,
    );
    let data = folder.path().join("data");
    let (server, key, location) = recorded(&data, &config);
    let grown = until(
        "two anchors",
        || server.get(&location, Some(&key)),
        |answer| anchors(answer) == 2,
    );

    // Without witnesses: proof of existence by an authority that is nobody's of the log.
    let bundle = server.get("/trust", None).body;
    let bundle = kbox_proof::receipt::TrustBundle::from_json(&bundle).unwrap();
    assert!(bundle.anchor_roots.len() >= 7);
    let now = kbox_tests::now();
    let receipt = Receipt::from_json(&grown.body).unwrap();
    let policy = TrustPolicy::new(&bundle).unwrap();
    let verified = verify_receipt(&receipt, &policy, now).unwrap();
    assert!(verified.proof_of_existence().is_some());
    let mut unanchored = receipt.clone();
    unanchored.anchors.clear();
    let verified = verify_receipt(&unanchored, &policy, now).unwrap();
    assert!(verified.proof_of_existence().is_none());

    let admin = std::fs::read_to_string(data.join("admin-key")).unwrap();
    let metrics = server.get("/metrics", Some(admin.trim())).text();
    for line in [
        "kbox_anchor_up{authority=\"down\"} 0",
        "kbox_anchor_up{authority=\"second\"} 1",
        "kbox_anchor_age_seconds ",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    // Each is told of, for its own reason.
    let audit = std::fs::read_to_string(data.join("audit.jsonl")).unwrap();
    for (name, reason) in [
        ("down", "refused"),
        ("garbage", "no RFC 3161 response"),
        ("page", "text/html"),
        ("nonce", "tsp.nonce_mismatch"),
        ("imprint", "tsp.imprint_mismatch"),
        ("root", "tsp."),
    ] {
        let told = audit.lines().any(|line| {
            line.contains("anchor_failing")
                && line.contains(&format!("\"authority\":\"{name}\""))
                && line.contains(reason)
        });
        assert!(told, "{name}: {audit}");
    }
    assert_eq!(server.get("/readyz", None).status, 200);
    assert!(server.terminate().success());
    let checked = run("kbox-server", &["fsck", "--data", shown(&data)]);
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn what_was_to_be_anchored_before_a_restart_is_anchored_after_it_once_and_roots_stay_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Outside::start(&folder.path().join("a"), Conduct::Honest, 0);
    let (url, root) = (authority.url(), authority.root.clone());
    drop(authority);
    let sections = [section("a", &url, &root)];
    let config = configure(folder.path(), "anchor_interval_s = 3600", &sections);
    let data = folder.path().join("data");
    let (server, key, location) = recorded(&data, &config);
    let admin = std::fs::read_to_string(data.join("admin-key")).unwrap();
    until(
        "it fails",
        || server.get("/metrics", Some(admin.trim())),
        |answer| answer.text().contains("kbox_anchor_up{authority=\"a\"} 0"),
    );
    assert!(server.terminate().success());

    let authority = Outside::start(&folder.path().join("a"), Conduct::Honest, 0);
    let sections = [authority.section("a")];
    let config = configure(folder.path(), "anchor_interval_s = 3600", &sections);
    let server = start(&data, &config);
    until(
        "anchored",
        || server.get(&location, Some(&key)),
        |answer| anchors(answer) == 1,
    );
    assert!(server.terminate().success());
    // Within the interval no other is asked for, restart or not; and without the authority its root is still the bundle's.
    let config = configure(folder.path(), "", &[]);
    let server = start(&data, &config);
    let grown = server.get(&location, Some(&key));
    assert_eq!(anchors(&grown), 1, "{}", grown.text());
    let bundle = kbox_proof::receipt::TrustBundle::from_json(&server.get("/trust", None).body);
    let policy = TrustPolicy::new(&bundle.unwrap()).unwrap();
    let receipt = Receipt::from_json(&grown.body).unwrap();
    let verified = verify_receipt(&receipt, &policy, kbox_tests::now()).unwrap();
    assert!(verified.proof_of_existence().is_some());
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path],
        })
        .collect()
}

#[test]
fn an_authority_with_a_login_is_asked_by_it_and_the_password_is_kept_nowhere() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let authority = Outside::start(&folder.path().join("outside"), Conduct::Login, 0);
    let with = |name: &str, password: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{password}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let section = authority.section(name);
        format!("{section}user = {USER:?}\npassword_file = {path:?}\n")
    };
    let sections = [
        authority.section("stranger"),
        with("wrong", "autre mot"),
        with("known", PASSWORD),
    ];
    let config = configure(folder.path(), "anchor_interval_s = 1", &sections);
    let data = folder.path().join("data");
    let (server, key, location) = recorded(&data, &config);
    until(
        "anchored",
        || server.get(&location, Some(&key)),
        |answer| anchors(answer) == 1,
    );
    let admin = std::fs::read_to_string(data.join("admin-key")).unwrap();
    let metrics = server.get("/metrics", Some(admin.trim())).text();
    assert!(server.terminate().success());
    let audit = std::fs::read_to_string(data.join("audit.jsonl")).unwrap();
    for name in ["stranger", "wrong"] {
        let told = audit.lines().any(|line| {
            line.contains("anchor_failing")
                && line.contains(&format!("\"authority\":\"{name}\""))
                && line.contains("401")
        });
        assert!(told, "{name}: {audit}");
    }
    let held = files(&data)
        .into_iter()
        .map(|path| std::fs::read(path).unwrap());
    for bytes in held.chain([metrics.into_bytes()]) {
        for secret in [PASSWORD, "autre mot", "Y29tbXVuZTptb3QgZGUgcGFzc8Op"] {
            let found = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "{secret}");
        }
    }
}
