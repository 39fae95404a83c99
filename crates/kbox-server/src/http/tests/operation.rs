// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What whoever runs the service sees of it: metrics, warnings, the audit log.

use kbox_proof::key::TokenSigner;
use kbox_proof::pki::{DevAuthority, DevPki};
use kbox_proof::tsp::{PkiFailureInfo, certificate_to_pem};
use serde_json::Value;

use super::tsa::{ask, stamp};
use super::*;
use crate::audit::{FILE, read};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn bearer(key: &str) -> String {
    format!("Authorization: Bearer {key}\r\n")
}

fn metrics(server: &Server) -> String {
    scrape(server, &server.key(Role::Supervision, None))
}

/// The metrics, by a key of whoever may read them.
pub(super) fn scrape(server: &Server, key: &str) -> String {
    let reply = server.send(&Method::GET, "/metrics", &bearer(key), "");
    assert_eq!(reply.status, 200, "{}", reply.body);
    let media_type = reply.header("content-type").unwrap();
    assert!(media_type.starts_with("text/plain; version=0.0.4"));
    reply.body
}

/// The value of a series.
pub(super) fn value(text: &str, series: &str) -> Option<f64> {
    let line = |line: &str| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
    text.lines().find_map(line)
}

/// The lines of the audit log, whose chain holds.
fn audited(server: &Server) -> Vec<Value> {
    let text = std::fs::read(server.data.path().join(FILE)).unwrap();
    let mut lines = Vec::new();
    read(text.as_slice(), |_, line| {
        lines.push(serde_json::from_str(line).unwrap());
    })
    .unwrap();
    lines
}

fn of<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

#[test]
fn every_series_has_its_family_and_no_client_makes_a_new_one() {
    let server = start(false);
    let before = metrics(&server).lines().count();
    for path in ["/a", "/b?c=d", "/log/checkpoints/77", "/m/x", "/trust/9"] {
        server.send(&Method::GET, path, "X-Forwarded-For: 192.0.2.7\r\n", "");
        server.send(&Method::from_bytes(b"BREW").unwrap(), path, "", "");
    }
    let text = metrics(&server);
    // Routes and classes that were not there before, and what the second question adds itself.
    assert!(text.lines().count() <= before + 6, "{text}");
    let mut families = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind));
            assert!(!families.contains(&name), "{name} twice");
            families.push(name);
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap();
            let family = families.last().unwrap();
            assert!(series.starts_with(family), "{line}");
            assert!(
                !line.contains("192.0.2") && !line.contains("/m/x"),
                "{line}"
            );
        }
    }
    let unknown = "kbox_http_requests_total{method=\"-\",route=\"-\",status=\"4xx\"}";
    assert!(value(&text, unknown).unwrap() >= 2.0, "{text}");
}

#[test]
fn tokens_refusals_requests_and_the_log_are_counted() {
    let server = start(false);
    for _ in 0..3 {
        assert_eq!(stamp(&server), None);
    }
    assert_eq!(
        ask(&server, b"garbage"),
        Some(PkiFailureInfo::BadDataFormat)
    );
    let session = server.key(Role::Secretariat, Some(ONE));
    server.session(&session);
    let text = metrics(&server);
    let is = |series: &str, expected: f64| {
        assert_eq!(value(&text, series), Some(expected), "{series}\n{text}");
    };
    is("kbox_tokens_issued_total{authority=\"public\"}", 3.0);
    // The trust bundle's.
    is("kbox_log_entries", 1.0);
    is("kbox_tokens_issued_total{authority=\"evidence\"}", 0.0);
    is("kbox_tsa_refusals_total{reason=\"badDataFormat\"}", 1.0);
    is("kbox_tsa_refusals_total{reason=\"timeNotAvailable\"}", 0.0);
    is(
        "kbox_http_requests_total{method=\"POST\",route=\"/tsa\",status=\"2xx\"}",
        4.0,
    );
    is("kbox_clock_trusted", 1.0);
    is("kbox_clock_measured", 0.0);
    is("kbox_clock_accuracy_seconds", 0.5);
    is("kbox_clock_accuracy_stated_seconds", 1.0);
    is("kbox_sessions{holder=\"secretariat\"}", 1.0);
    is("kbox_sessions{holder=\"member\"}", 0.0);
    is("kbox_ledger_waiting_events", 0.0);
    is("kbox_audit_writable", 1.0);
    assert!(value(&text, "kbox_disk_free_bytes").unwrap() > 0.0);
    let days = value(
        &text,
        "kbox_certificate_days_remaining{authority=\"evidence\"}",
    );
    assert!((3640.0..3653.0).contains(&days.unwrap()), "{days:?}");
    let commits = value(&text, "kbox_commit_seconds_count").unwrap();
    assert!(commits >= 1.0);
    is("kbox_commit_seconds_bucket{le=\"+Inf\"}", commits);
}

#[test]
fn a_certificate_that_ends_is_warned_of_everywhere_and_one_that_ended_is_not_ready() {
    let ending = |by: fn(Time) -> Time| {
        start_with(
            false,
            |_| (),
            move |instance| {
                let now = instance.clock.read().unwrap().time;
                instance.signers[0].not_after = Some(by(now));
            },
        )
    };
    let server = ending(|now| now.saturating_add(20 * DAY + DAY / 2));
    let ready = server.send(&Method::GET, "/readyz", "", "");
    assert_eq!(ready.status, 200, "{}", ready.body);
    let ready: Value = serde_json::from_str(&ready.body).unwrap();
    let certificates = ready["certificates"].as_array().unwrap();
    assert_eq!(certificates[0]["authority"], "evidence");
    assert_eq!(certificates[0]["days_remaining"], 20);
    assert!(
        certificates[0]["warning"]
            .as_str()
            .unwrap()
            .contains("renew")
    );
    assert_eq!(certificates[1]["warning"], Value::Null);
    let days = "kbox_certificate_days_remaining{authority=\"evidence\"}";
    assert_eq!(value(&metrics(&server), days), Some(20.0));
    // In the audit log once, however often it is looked at.
    server.app.instance.warn();
    server.app.instance.warn();
    let lines = audited(&server);
    let warned = of(&lines, "certificate_ending");
    assert_eq!(warned.len(), 1);
    assert_eq!(
        (&warned[0]["name"], &warned[0]["within_days"]),
        (&"evidence".into(), &30.into())
    );

    let server = ending(|now| now.saturating_sub(DAY));
    let ended = server.send(&Method::GET, "/readyz", "", "");
    assert_eq!(ended.status, 503, "{}", ended.body);
    assert!(ended.body.contains("certificate_ended"), "{}", ended.body);
}

#[test]
fn keys_sign_ins_conflicts_and_settings_stand_in_the_audit_log_and_no_person_does() {
    let server = start(false);
    server.app.instance.log_start(&Config::default()).unwrap();
    let admin = server.key(Role::Administrateur, None);
    let json = "Content-Type: application/json\r\n";
    let made = server.send(
        &Method::POST,
        "/api/v1/keys",
        &(bearer(&admin) + json),
        &format!("{{\"role\":\"secretariat\",\"collectivite\":\"{ONE}\"}}"),
    );
    assert_eq!(made.status, 201, "{}", made.body);
    let made: Value = serde_json::from_str(&made.body).unwrap();
    let (id, key) = (&made["id"], made["key"].as_str().unwrap());
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let signed_in = server.send(&Method::POST, "/connexion", form, &format!("cle={key}"));
    assert_eq!(signed_in.status, 303, "{}", signed_in.body);
    let refused = server.send(&Method::POST, "/connexion", form, "cle=kbox_guess");
    assert_eq!(refused.status, 403);

    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/api");
    let event = std::fs::read_to_string(folder.join("submission.json")).unwrap();
    let record = |event: &str| {
        let headers = bearer(key) + json;
        server.send(&Method::POST, "/api/v1/events", &headers, event)
    };
    let recorded = record(&event);
    assert_eq!(recorded.status, 201, "{}", recorded.body);
    let mut other: Value = serde_json::from_str(&event).unwrap();
    other["body"]["detail"]["content"]["author"] = "Le premier adjoint".into();
    assert_eq!(record(&other.to_string()).status, 409);
    let path = format!("/api/v1/keys/{}", id.as_str().unwrap());
    let removed = server.send(&Method::DELETE, &path, &bearer(&admin), "");
    assert_eq!(removed.status, 204);

    let lines = audited(&server);
    let signers = of(&lines, "signer_taken_up");
    let names: Vec<&Value> = signers.iter().map(|line| &line["signer"]["name"]).collect();
    assert_eq!(names, ["evidence", "public", "log"]);
    for line in signers {
        assert_eq!(line["made_here"], true);
        assert_eq!(line["signer"]["key"].as_str().unwrap().len(), 64);
    }
    let started = of(&lines, "started");
    assert_eq!(started[0]["public_serials"].as_str().unwrap().len(), 16);
    let settings = &of(&lines, "configuration")[0]["settings"];
    assert_eq!(settings["clock"]["source"], "system");
    let by = admin.split('_').nth(1).unwrap();
    let made = of(&lines, "api_key_made");
    let last = made.last().unwrap();
    assert_eq!((&last["id"], &last["role"]), (id, &"secretariat".into()));
    assert_eq!(
        (&last["collectivite"], &last["by"]),
        (&ONE.into(), &by.into())
    );
    let signed_in = of(&lines, "signed_in");
    assert_eq!(signed_in.len(), 1);
    assert_eq!(&signed_in[0]["key"], id);
    let conflicts = of(&lines, "conflict_refused");
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0]["address"], "/api/v1/events");
    assert_eq!(&conflicts[0]["key"], id);
    assert_eq!(
        (
            &of(&lines, "api_key_removed")[0]["id"],
            &of(&lines, "api_key_removed")[0]["by"]
        ),
        (id, &by.into())
    );
    // The same settings again are no change.
    server.app.instance.log_start(&Config::default()).unwrap();
    assert_eq!(of(&audited(&server), "configuration").len(), 1);
    let changed = Config {
        token_accuracy_ms: 900,
        ..Config::default()
    };
    server.app.instance.log_start(&changed).unwrap();
    assert_eq!(of(&audited(&server), "configuration").len(), 2);

    let text = std::fs::read_to_string(server.data.path().join(FILE)).unwrap();
    for key in [key, &admin] {
        // A secret is base64url, so that it may have a `_` of its own.
        let secret = key.splitn(3, '_').nth(2).unwrap();
        assert!(secret.len() > 40 && !text.contains(secret));
    }
    for person in ["Delattre", "@", "127.0.0.1\""] {
        assert!(!text.contains(person), "{person}: {text}");
    }
    let counted = metrics(&server);
    assert_eq!(value(&counted, "kbox_conflicts_total"), Some(1.0));
    let sign_ins = |outcome| {
        value(
            &counted,
            &format!("kbox_sign_ins_total{{outcome=\"{outcome}\"}}"),
        )
    };
    assert_eq!(
        (sign_ins("accepted"), sign_ins("refused")),
        (Some(1.0), Some(1.0))
    );
}

#[test]
fn what_cannot_be_logged_is_not_done_and_is_not_ready() {
    let server = start(false);
    let key = server.key(Role::Secretariat, Some(ONE));
    let admin = server.key(Role::Administrateur, None);
    let path = server.data.path().join(FILE);
    let good = std::fs::read(&path).unwrap();
    // As after a write of unknown outcome: the file is looked at again.
    server.app.instance.audit.forget();
    std::fs::write(&path, good.repeat(2)).unwrap();
    let ready = || server.send(&Method::GET, "/readyz", "", "");
    assert!(
        ready().status == 503 && ready().body.contains("audit_log"),
        "{}",
        ready().body
    );
    let headers = bearer(&admin) + "Content-Type: application/json\r\n";
    let made = server.send(
        &Method::POST,
        "/api/v1/keys",
        &headers,
        "{\"role\":\"supervision\"}",
    );
    assert_eq!(made.status, 503, "{}", made.body);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let signed_in = server.send(&Method::POST, "/connexion", form, &format!("cle={key}"));
    assert_eq!(signed_in.status, 503);
    assert_eq!(server.app.instance.keyring.list().unwrap().len(), 3);
    std::fs::write(&path, good).unwrap();
    assert_eq!(ready().status, 200, "{}", ready().body);
    assert_eq!(
        server
            .send(&Method::POST, "/connexion", form, &format!("cle={key}"))
            .status,
        303
    );
}

/// Puts another key and certificate for the public authority in place.
fn renew(keys: &std::path::Path, authority: &DevAuthority, key: Option<&TokenSigner>) {
    let chain: String = authority
        .chain
        .iter()
        .map(|der| certificate_to_pem(der))
        .collect();
    std::fs::write(keys.join("public-chain.pem"), chain).unwrap();
    if let Some(key) = key {
        let text = key.to_pkcs8_pem();
        std::fs::write(keys.join("public-key.pem"), text.as_bytes()).unwrap();
    }
}

#[test]
fn a_key_is_changed_with_its_certificate_at_a_start_or_not_at_all() {
    let data = tempfile::tempdir().unwrap();
    let config = Config {
        data: data.path().to_path_buf(),
        ..Config::default()
    };
    let first = Instance::open(&config).unwrap();
    let now = first.clock.read().unwrap().time;
    let old = first.public.chain()[0].clone();
    // One process at a time has the keys of a data directory.
    assert!(Instance::open(&config).is_err());
    drop(first);
    let new = DevPki::generate(now, true).unwrap().public;
    let keys = data.path().join("keys");
    // A new certificate over the old key starts nothing.
    renew(&keys, &new, None);
    let refused = Instance::open(&config).err().unwrap().to_string();
    for words in ["is for another key", "EN 319 421 §7.6.2", "Give the key of"] {
        assert!(refused.contains(words), "{refused}");
    }
    renew(&keys, &new, Some(&new.signer));
    let second = Instance::open(&config).unwrap();
    assert_eq!(second.public.chain()[0], new.chain[0]);
    let text = std::fs::read(data.path().join(FILE)).unwrap();
    let mut lines: Vec<Value> = Vec::new();
    read(text.as_slice(), |_, line| {
        lines.push(serde_json::from_str(line).unwrap())
    })
    .unwrap();
    let last = *of(&lines, "signer_taken_up").last().unwrap();
    let digest = |der: &[u8]| kbox_proof::digest::Sha256Digest::of(der).to_hex();
    assert_eq!(last["made_here"], false);
    assert_eq!(last["signer"]["certificate"], digest(&new.chain[0]));
    assert_eq!(last["replaces"], digest(&old));
}
