// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Conversations with another witness, read where the shared vectors lie.
#![cfg(feature = "net")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)]
mod support;

use std::collections::BTreeMap;

use kbox_proof::tlog::witness::{AddCheckpoint, Refusal, judge};
use kbox_proof::tlog::{KeyName, Note, SignatureType, VerifierKey};
use serde_json::Value;

/// Number of requests in the file, to say how many were skipped without it.
const REQUESTS: usize = 11;

/// Requests that are answered otherwise than there, by file and number, and why.
const DIFFERENCES: [(&str, usize, u16); 3] = [
    // A signature whose base64 leaves bits over that are not zero (RFC 4648 §3.5): not a note, to us, so that it is malformed before it
    // is wrong.
    ("litewitness.txt", 1, 400),
    // An unknown log: 404 by C2SP tlog-witness; that witness, of an earlier draft, says 403.
    ("litewitness.txt", 2, 404),
    // A log whose key is not named as its origin, which a verifier key does not tell: none to be configured here.
    ("sumdb.txt", 0, 404),
];

#[test]
fn a_witness_answers_the_conversations_of_another_with_the_same_statuses() {
    let Some(folder) = support::vectors("witness") else {
        support::report("witness", 0, REQUESTS);
        return;
    };
    let text = std::fs::read(folder.join("conversations.json")).unwrap();
    let requests: Vec<Value> = serde_json::from_slice(&text).unwrap();
    assert_eq!(requests.len(), REQUESTS);
    let key = "ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f";
    let key = kbox_proof::digest::Sha256Digest::from_hex(key).unwrap();
    let first = requests[0]["body"].as_str().unwrap();
    let origin = first.lines().nth(2).unwrap();
    let name = KeyName::new(origin).unwrap();
    let log = VerifierKey::new(name, SignatureType::Ed25519, key.as_bytes()).unwrap();
    // Each file is a witness of its own: how many requests it had, and what it cosigned last.
    let mut witnesses: BTreeMap<&str, (usize, Option<Note>)> = BTreeMap::new();
    let mut differing = Vec::new();
    for request in &requests {
        let file = request["file"].as_str().unwrap();
        let (number, last) = witnesses.entry(file).or_default();
        let body = request["body"].as_str().unwrap().as_bytes();
        let parsed = AddCheckpoint::parse(body).map_err(Refusal::Malformed);
        let judged = parsed.and_then(|parsed| {
            assert_eq!(parsed.encode().as_bytes(), body);
            judge(&parsed, std::slice::from_ref(&log), last.as_ref())
        });
        let status = match judged {
            Ok(checkpoint) => {
                *last = Some(checkpoint.note().clone());
                200
            }
            Err(refusal) => refusal.status(),
        };
        if Some(u64::from(status)) != request["status"].as_u64() {
            differing.push((file, *number, status));
        }
        *number += 1;
    }
    assert_eq!(differing, DIFFERENCES);
    support::report("witness", REQUESTS - DIFFERENCES.len(), 0);
}
