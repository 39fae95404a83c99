// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The properties of `fuzz/` on stable: over fixtures, and over the same few thousand random changes of them in every run.
//!
//! With `KBOX_FUZZ_CORPUS` set to a folder, the seeds are written there for the real targets (`fuzz/README.md`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../fuzz/src/lib.rs"]
mod property;
#[path = "support/sending.rs"]
mod sending;
#[path = "support/mod.rs"]
#[allow(dead_code)]
mod support;

use std::io::Cursor;

use kbox_proof::event::{Environment, Origin};
use kbox_proof::receipt::{
    Anchor, Demand, Document, ProofFile, Receipt, Shard, TrustBundle, TrustedAuthority,
    WitnessOperator, Witnesses,
};
use kbox_proof::tlog::witness::{AddCheckpoint, judge};
use kbox_proof::tlog::{Note, VerifierKey};
use kbox_proof::tsp::TimeStampResp;
use sending::{ORIGIN, PAPER, every_event, personal};
use support::{files, repository};

/// Changed copies of the seeds of one target.
const CHANGES: usize = 1000;

/// SplitMix64: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// One to four changes of the kinds that fuzzers make.
    fn change(&mut self, seed: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let end = (at + 1 + self.below(16)).min(bytes.len());
            match self.below(7) {
                0 | 1 if at < end => bytes[at] ^= 1 << self.below(8),
                2 if at < end => bytes[at] = self.next() as u8,
                3 if at < end => drop(bytes.drain(at..end)),
                4 => bytes.insert(at, self.next() as u8),
                5 if at < end => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(end..end, again);
                }
                _ => {
                    let from = self.below(other.len());
                    let part = &other[from..(from + self.below(64)).min(other.len())];
                    bytes.splice(at..end, part.iter().copied());
                }
            }
        }
        bytes
    }
}

struct Target {
    name: &'static str,
    property: fn(&[u8]) -> bool,
    seeds: Vec<Vec<u8>>,
}

fn fixtures(folder: &str, endings: &[&str]) -> Vec<Vec<u8>> {
    let all = files(&repository().join("fixtures").join(folder));
    let wanted = |path: &std::path::Path| {
        let name = path.to_string_lossy().into_owned();
        endings.iter().any(|ending| name.ends_with(ending))
    };
    let found: Vec<_> = all
        .into_iter()
        .filter(|path| wanted(path))
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert!(!found.is_empty(), "{folder}");
    found
}

fn fixture(path: &str) -> String {
    std::fs::read_to_string(repository().join("fixtures").join(path)).unwrap()
}

fn events() -> Vec<Vec<u8>> {
    let events = every_event();
    let mut seeds: Vec<_> = events.iter().map(|one| one.to_der().unwrap()).collect();
    seeds.push(personal(1).to_der().unwrap());
    seeds
}

/// In form only: nothing of it verifies.
fn receipts() -> Vec<Receipt> {
    let full = Receipt {
        event: events().remove(1),
        personal: Some(personal(1).to_der().unwrap()),
        token: fixtures("tsp-synthetic", &["ok_good_v2.tst"]).remove(0),
        proof: fixture("tlog/ok/size2-index1.tlog-proof"),
        before: Some(fixture("tlog/checkpoint-1-cosigned.txt")),
        consistency: vec![[7; 32], [8; 32]],
        anchors: vec![Anchor {
            checkpoint: fixture("tlog/checkpoint-257-cosigned.txt"),
            consistency: vec![[9; 32]],
            token: fixtures("tlog/rfc3161", &["checkpoint-257.tst"]).remove(0),
        }],
    };
    let small = Receipt {
        personal: None,
        before: None,
        consistency: vec![],
        anchors: vec![],
        ..full.clone()
    };
    vec![full, small]
}

fn bundles() -> Vec<TrustBundle> {
    let origin = Origin::parse(ORIGIN).unwrap();
    let vkey = fixture("tlog/mldsa44-vkey.txt").trim_end().to_string();
    let pem = fixture("tsp-synthetic/ca.pem");
    let authority = TrustedAuthority {
        chain: vec![pem.clone()],
        policy: "1.2.3.4".to_string(),
        origin: origin.clone(),
        from: 0,
        to: Some(9),
    };
    let shard = Shard {
        origin,
        vkey: vkey.clone(),
        final_size: None,
        final_root: None,
        trees: Vec::new(),
    };
    let small = TrustBundle::new(
        Environment::Demonstration,
        authority,
        vec![pem],
        shard,
        Demand::Journalise,
    );
    let mut full = small.clone();
    full.shards[0].final_size = Some(9);
    full.shards[0].final_root = Some(kbox_proof::digest::Sha256Digest::of(b"root"));
    full.witnesses = Witnesses {
        operators: vec![WitnessOperator {
            name: "a witness".to_string(),
            keys: vec![vkey],
            accuracy_ms: 1000,
            independent: true,
        }],
        quorum: 1,
    };
    full.demand = Demand::Temoigne;
    vec![full, small]
}

fn proof_files() -> Vec<Vec<u8>> {
    let small = ProofFile {
        documents: vec![Document {
            name: "01-convocation.pdf".to_string(),
            bytes: PAPER.to_vec(),
        }],
        receipts: receipts(),
        ..ProofFile::default()
    };
    let full = ProofFile {
        trust: Some(bundles()[0].to_json().into_bytes()),
        report: Some(("<!doctype html>".to_string(), "PROUVÉ".to_string())),
        ..small.clone()
    };
    [ProofFile::default(), small, full]
        .iter()
        .map(|file| file.write(Cursor::new(Vec::new())).unwrap().into_inner())
        .collect()
}

/// The certificates that the faults carry.
fn certificates() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for bytes in fixtures("tsp-faults", &[".tsr"]) {
        let response = TimeStampResp::parse(&bytes).ok();
        if let Some(token) = response.as_ref().and_then(TimeStampResp::token) {
            all.extend(token.certificates().iter().cloned());
        }
    }
    all.sort();
    all.dedup();
    all
}

/// Requests to a witness that are cosigned: each as the log of the fixtures sends it, after no tree and after each smaller one.
fn requests_to_a_witness() -> Vec<Vec<u8>> {
    let cases: Vec<serde_json::Value> =
        serde_json::from_str(&fixture("tlog/consistency.json")).unwrap();
    let keys = fixture("tlog/keys.txt");
    let key = keys.lines().find_map(|line| line.strip_prefix("log "));
    let key = VerifierKey::parse(key.unwrap()).unwrap();
    let note = |size: u64| Note::parse(fixture(&format!("tlog/checkpoint-{size}.txt")).as_bytes());
    let sizes = [1, 2, 255, 256, 257, 300];
    let mut seeds: Vec<String> = sizes
        .iter()
        .map(|size| format!("old 0\n\n{}", note(*size).unwrap().encode()))
        .collect();
    for case in cases {
        let (old, new) = (case["Old"].as_u64().unwrap(), case["New"].as_u64().unwrap());
        if !sizes.contains(&old) || !sizes.contains(&new) {
            continue;
        }
        let mut text = format!("old {old}\n");
        for hash in case["Proof"].as_array().into_iter().flatten() {
            text += hash.as_str().unwrap();
            text.push('\n');
        }
        // With cosignatures too: they are other people's, and judged by nobody here.
        let cosigned = fixture(&format!("tlog/checkpoint-{new}-cosigned.txt"));
        seeds.push(format!("{text}\n{cosigned}"));
    }
    assert!(seeds.len() > 15, "{}", seeds.len());
    for seed in &seeds {
        let request = AddCheckpoint::parse(seed.as_bytes()).unwrap();
        let last = Some(request.old.get()).filter(|old| *old > 0);
        let last = last.map(|old| note(old).unwrap());
        judge(&request, std::slice::from_ref(&key), last.as_ref()).unwrap();
    }
    seeds.into_iter().map(String::into_bytes).collect()
}

/// For the targets that draw numbers out of any bytes.
fn noise() -> Vec<Vec<u8>> {
    let mut random = Random(7);
    (0..64)
        .map(|_| (0..96).map(|_| random.next() as u8).collect())
        .collect()
}

fn targets() -> Vec<Target> {
    let target = |name, property, seeds| Target {
        name,
        property,
        seeds,
    };
    let mut tokens = fixtures("tsp-synthetic", &[".tst", ".tsr"]);
    tokens.extend(fixtures("tlog/rfc3161", &[".tst", ".tsr"]));
    let faults = fixtures("tsp-faults", &[".tsr"]);
    tokens.extend(faults.iter().cloned());
    let mut requests = fixtures("tsp-synthetic", &[".tsq"]);
    requests.extend(fixtures("tsp-faults", &[".tsq"]));
    let mut texts = fixtures("tlog/ok", &[".tlog-proof"]);
    texts.extend(fixtures("tlog/bad", &[".tlog-proof"]));
    texts.push(fixture("tlog/checkpoint-256-cosigned.txt").into_bytes());
    texts.push(fixture("tlog/checkpoint-300-mldsa44.txt").into_bytes());
    texts.push(fixture("tlog/policy.txt").into_bytes());
    texts.push(fixture("tlog/mldsa44-vkey.txt").trim_end().into());
    let json = |text: String| text.into_bytes();
    vec![
        target("tsp_token", property::tsp_token, tokens),
        target("tsp_request", property::tsp_request, requests),
        target("tsp_verify", property::tsp_verify, faults),
        target("tsp_chain", property::tsp_chain, certificates()),
        target(
            "revocation",
            property::revocation,
            fixtures("revocation", &[".crl", ".ocsp"]),
        ),
        target("event", property::event, events()),
        target(
            "receipt",
            property::receipt,
            receipts().iter().map(|one| json(one.to_json())).collect(),
        ),
        target("proof_file", property::proof_file, proof_files()),
        target("note", property::note, texts),
        target(
            "add_checkpoint",
            property::add_checkpoint,
            requests_to_a_witness(),
        ),
        target(
            "trust",
            property::trust,
            bundles().iter().map(|one| json(one.to_json())).collect(),
        ),
        target("merkle", property::merkle, noise()),
        target("delai", property::delai, noise()),
    ]
}

#[test]
fn every_property_holds_for_the_fixtures_and_for_thousands_of_changed_ones() {
    let corpus = std::env::var_os("KBOX_FUZZ_CORPUS").map(std::path::PathBuf::from);
    for Target {
        name,
        property,
        seeds,
    } in targets()
    {
        if let Some(folder) = corpus.as_ref().map(|corpus| corpus.join(name)) {
            std::fs::create_dir_all(&folder).unwrap();
            for (index, seed) in seeds.iter().enumerate() {
                std::fs::write(folder.join(format!("seed-{index}")), seed).unwrap();
            }
        }
        // A property of what no reader takes would hold for nothing.
        let read = seeds.iter().filter(|seed| property(seed)).count();
        assert!(read >= 2, "{name}: {read} of {} seeds read", seeds.len());
        let mut random = Random(1);
        let mut read = 0;
        for _ in 0..CHANGES {
            let (seed, other) = (random.below(seeds.len()), random.below(seeds.len()));
            let changed = random.change(&seeds[seed], &seeds[other]);
            read += usize::from(property(&changed));
        }
        assert!(read > 0, "{name}: no changed seed was read");
    }
}

#[test]
fn every_target_is_replayed() {
    let names = files(&repository().join("fuzz/fuzz_targets"));
    let names = names
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_string());
    let mut replayed: Vec<_> = targets()
        .iter()
        .map(|target| target.name.to_string())
        .collect();
    replayed.sort();
    assert_eq!(names.collect::<Vec<_>>(), replayed);
}
