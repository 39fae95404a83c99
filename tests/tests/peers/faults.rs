// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What OpenSSL and Bouncy Castle say of `fixtures/tsp-faults` is what its table has, and who differs from us, why.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use kbox_tests::{binary, said};
use serde_json::Value;

use super::{Folder, bouncy_castle, repository, skip};

/// The instant at which the chains of the fixtures are judged, for Java and for OpenSSL.
const AT: &str = "2026-09-01T00:00:00Z";
const AT_SECONDS: &str = "1788220800";

struct Row {
    name: String,
    /// `ok`, a code or `unread` and more; of a strict reader nothing here.
    kbox: String,
    openssl: String,
    bouncy_castle: String,
    why: Option<String>,
}

/// The versions that gave the reasons in the table, and its rows.
fn table() -> (String, String, Vec<Row>) {
    let text = std::fs::read_to_string(folder().join("verdicts.tsv")).unwrap();
    let mut lines = text.lines();
    let mut head = lines
        .next()
        .unwrap()
        .split('\t')
        .skip(2)
        .map(str::to_string);
    let rows = lines
        .map(|line| {
            let mut fields = line.split('\t').map(str::to_string);
            let mut next = || fields.next().unwrap();
            Row {
                name: next(),
                kbox: next().split(", strict").next().unwrap().to_string(),
                openssl: next(),
                bouncy_castle: next(),
                why: fields.next(),
            }
        })
        .collect();
    (head.next().unwrap(), head.next().unwrap(), rows)
}

fn folder() -> PathBuf {
    repository().join("fixtures/tsp-faults")
}

/// The root under which a fixture is judged.
fn root(name: &str) -> PathBuf {
    let own = folder().join(format!("{name}.pem"));
    match own.exists() {
        true => own,
        false => folder().join("root.pem"),
    }
}

fn openssl_says(name: &str) -> String {
    let output = Command::new("openssl")
        .args([
            "ts",
            "-verify",
            "-queryfile",
            "query.tsq",
            "-attime",
            AT_SECONDS,
        ])
        .arg("-CAfile")
        .arg(root(name))
        .arg("-in")
        .arg(format!("{name}.tsr"))
        .current_dir(folder())
        .output()
        .unwrap();
    if output.status.success() {
        return "OK".to_string();
    }
    // thread:error:code:library:function:reason:file:line:data
    let said = said(&output);
    let error = said.lines().find_map(|line| {
        let fields: Vec<&str> = line.splitn(9, ':').collect();
        let data = fields.get(8)?;
        Some(match data.split_once("Verify error:") {
            Some((_, reason)) => reason.to_string(),
            None => fields.get(5)?.to_string(),
        })
    });
    error.unwrap_or(said)
}

/// Who differs and says nothing new: accepting or refusing always counts, the words where the table's version runs.
fn compare(name: &str, expected: &str, found: &str, same_version: bool) -> Option<String> {
    let agrees = match same_version {
        true => expected == found,
        false => (expected == "OK") == (found == "OK"),
    };
    (!agrees).then(|| format!("{name}: {found}, in the table: {expected}"))
}

#[test]
fn openssl_says_of_each_fault_what_the_table_has() {
    let (version, _, rows) = table();
    let installed = said(&Command::new("openssl").arg("version").output().unwrap());
    let same_version = installed.starts_with(&format!("{version}."));
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            compare(
                &row.name,
                &row.openssl,
                &openssl_says(&row.name),
                same_version,
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{installed}{}", wrong.join("\n"));
}

#[test]
fn bouncy_castle_says_of_each_fault_what_the_table_has() {
    let Some(peer) = bouncy_castle::Peer::find() else {
        return;
    };
    let (_, version, rows) = table();
    let same_version = version == format!("Bouncy Castle {}", peer.version());
    let query = folder().join("query.tsq");
    let questions: Vec<_> = rows
        .iter()
        .map(|row| bouncy_castle::Question {
            name: row.name.clone(),
            query: query.clone(),
            response: folder().join(format!("{}.tsr", row.name)),
            roots: root(&row.name),
            further: None,
            at: AT.to_string(),
        })
        .collect();
    let found: BTreeMap<String, String> = peer.check(&questions);
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            compare(
                &row.name,
                &row.bouncy_castle,
                &found[&row.name],
                same_version,
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{version}: {}", wrong.join("\n"));
}

#[test]
fn kbox_verify_says_of_each_fault_what_the_table_has() {
    for row in table().2 {
        let output = Command::new(binary("kbox-verify"))
            .args(["--json", "--request", "query.tsq", "--document", "data.txt"])
            .args(["--existed-by", AT, "--trust"])
            .arg(root(&row.name))
            .arg(format!("{}.tsr", row.name))
            .current_dir(folder())
            .output()
            .unwrap();
        let what = format!("{}: {}", row.name, said(&output));
        let exit = output.status.code();
        let json: Value = serde_json::from_slice(&output.stdout).expect(&what);
        match row.kbox.as_str() {
            "ok" => assert_eq!(exit, Some(0), "{what}"),
            // A limit of ours, which disproves nothing.
            "unread TooManyCertificates" => {
                let code = &json["findings"][0]["code"];
                assert_eq!(code, "tsp.budget_certificates", "{what}");
                assert_eq!(exit, Some(2), "{what}");
            }
            // What is missing of a file disproves nothing.
            "unread CutOff" => {
                assert_eq!(json["findings"][0]["code"], "token.cut_off", "{what}");
                assert_eq!(exit, Some(2), "{what}");
            }
            // Nor does what anybody can write differently.
            unread if unread.starts_with("unread ") => {
                assert_eq!(json["findings"][0]["code"], "token.malformed", "{what}");
                assert_eq!(exit, Some(2), "{what}");
            }
            code => {
                assert_eq!(json["findings"][0]["code"], code, "{what}");
                let undecided = json["findings"][0]["undecided"] == true;
                assert_eq!(exit, Some(if undecided { 2 } else { 1 }), "{what}");
            }
        }
    }
}

#[test]
fn every_difference_between_a_peer_and_us_has_its_reason_and_no_reason_outlives_its_difference() {
    for row in table().2 {
        let peers_accept = [&row.openssl, &row.bouncy_castle].map(|verdict| verdict == "OK");
        let differs = peers_accept
            .iter()
            .any(|accepts| *accepts != (row.kbox == "ok"));
        assert_eq!(differs, row.why.is_some(), "{}: {:?}", row.name, row.why);
    }
}

#[test]
fn the_faults_are_byte_for_byte_what_their_generator_makes() {
    let Some(peer) = bouncy_castle::Peer::find() else {
        return;
    };
    let again = Folder::new();
    peer.run(&folder().join("Faults.java"), &[again.0.path()], "");
    let kept = |name: &str| !["README.md", "Faults.java", "verdicts.tsv"].contains(&name);
    let read = |folder: PathBuf| -> BTreeMap<String, Vec<u8>> {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
            .filter(|(name, _)| kept(name))
            .map(|(name, path)| (name, std::fs::read(path).unwrap()))
            .collect()
    };
    let (kept, made) = (read(folder()), read(again.0.path().to_path_buf()));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&kept), names(&made));
    for (name, bytes) in made {
        assert!(kept[&name] == bytes, "{name} is not what Faults.java makes");
    }
}

#[test]
fn a_missing_peer_is_said() {
    // Where all are installed, so that `make test` can rely on it.
    if std::env::var_os("KBOX_PEERS").is_none() {
        skip("KBOX_PEERS is not set, so peers may be missing");
        return;
    }
    assert!(bouncy_castle::Peer::find().is_some());
    assert!(super::rfc3161_client::python().is_some());
}
