// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What whoever makes or sends evidence chose, as the auditor sees it: names that would steer a terminal or pass for the verdict, and files
//! made to cost memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../kbox-proof/tests/support/operator.rs"]
mod operator;
#[path = "support/folder.rs"]
mod support;

use std::fs;
use std::io::Cursor;
use std::process::Command;

use kbox_proof::receipt::{Demand, ProofFile};
use kbox_proof::time::Time;
use kbox_proof::tsa::{Authority, AuthorityConfig};
use kbox_proof::tsp::{HashAlgorithm, MessageImprint, SerialNumber, TsaPolicyId};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use support::Folder;

impl Folder {
    /// In both languages and both forms, nothing of it steers, hides, or passes for a verdict. The codes that were found.
    fn is_harmless(&self, exit: i32, arguments: &[&str]) -> Vec<String> {
        let mut codes = Vec::new();
        for language in ["fr", "en"] {
            let all = [&["--lang", language][..], arguments].concat();
            let (code, out, err) = self.run(&all);
            assert_eq!(code, exit, "{out}{err}");
            for text in [&out, &err] {
                for line in text.lines() {
                    assert_harmless(line);
                }
            }
            let (code, out, err) = self.run(&[&["--json"][..], &all].concat());
            assert_eq!(code, exit, "{out}{err}");
            err.lines().for_each(assert_harmless);
            let json: serde_json::Value = serde_json::from_str(&out).unwrap();
            walk(&json);
            let found = json["findings"].as_array().unwrap();
            codes = found
                .iter()
                .map(|one| one["code"].as_str().unwrap().to_string())
                .collect();
        }
        codes
    }
}

/// Every text in it. None is a line of a report.
fn walk(json: &serde_json::Value) {
    match json {
        serde_json::Value::String(text) => assert_steers_nothing(text),
        serde_json::Value::Array(list) => list.iter().for_each(walk),
        serde_json::Value::Object(members) => members.iter().for_each(|(name, value)| {
            assert_steers_nothing(name);
            walk(value);
        }),
        _ => {}
    }
}

fn assert_harmless(line: &str) {
    assert_steers_nothing(line);
    for verdict in ["PROVEN: FORGED", "PROUVÉ : FORGED"] {
        assert!(!line.trim_start().starts_with(verdict), "{line:?}");
    }
}

fn assert_steers_nothing(line: &str) {
    let steers = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e0fff}')
    };
    assert!(!line.contains(steers), "{line:?}");
    assert!(line.chars().count() < 2000, "{line:?}");
    assert!(!line.contains(&" ".repeat(20)), "{line:?}");
}

/// Clears the screen, sets the title, goes to the line's start, makes lines of its own, turns the text around, hides letters.
const HOSTILE: &str = "PROVEN: FORGED PROUVÉ : FORGED\u{1b}[2J\u{1b}]0;x\u{7}\r\nPROVEN: FORGED\nPROUVÉ : FORGED\u{85}\u{9b}1A\u{202e}gnp\u{200b}\u{2066}\u{e0041}";

fn hostile(more: usize) -> String {
    [HOSTILE, &" ".repeat(300), &"é".repeat(more)].concat()
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Time::from_unix_millis(i64::try_from(since.unwrap().as_millis()).unwrap()).unwrap()
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CountryName, "FR");
    for kind in [DnType::OrganizationName, DnType::CommonName] {
        params.distinguished_name.push(kind, hostile(5_000));
    }
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2120, 1, 1);
    params
}

/// `root.der`, `token.tst` over `data`, and `revoked.crl`, on which the signer's key is compromised; every name is hostile.
fn files(folder: &Folder) {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut root = params();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let root_der = root.self_signed(&key).unwrap().der().to_vec();
    let issuer = Issuer::new(root, key);

    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut leaf = params();
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.serial_number = Some(rcgen::SerialNumber::from(vec![0x66]));
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // id-kp-timeStamping alone, critical
    let purpose = vec![0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 8];
    let mut usage = CustomExtension::from_oid_content(&[2, 5, 29, 37], purpose);
    usage.set_criticality(true);
    leaf.custom_extensions.push(usage);
    let leaf = leaf.signed_by(&key, &issuer).unwrap().der().to_vec();

    let signer = kbox_proof::key::TokenSigner::from_pkcs8_pem(&key.serialize_pem()).unwrap();
    let chain = vec![leaf, root_der.clone()];
    let config = AuthorityConfig::new(signer, chain, TsaPolicyId::public_policy());
    let authority = Authority::new(config, now()).unwrap();
    let imprint = MessageImprint::of(HashAlgorithm::Sha256, b"data");
    let serial = SerialNumber::from_epoch_and_counter(1, 1);
    let token = authority.issue(&imprint, now(), &serial, None, true);
    folder.put("token.tst", token.unwrap());
    folder.put("data", "data");
    folder.put("root.der", root_der);
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 1, 1),
        next_update: rcgen::date_time_ymd(2120, 1, 1),
        crl_number: rcgen::SerialNumber::from(vec![1]),
        issuing_distribution_point: None,
        revoked_certs: vec![rcgen::RevokedCertParams {
            serial_number: rcgen::SerialNumber::from(vec![0x66]),
            revocation_time: rcgen::date_time_ymd(2021, 1, 1),
            reason_code: Some(rcgen::RevocationReason::KeyCompromise),
            invalidity_date: None,
        }],
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&issuer).unwrap().der().to_vec();
    folder.put("revoked.crl", &list);
    let mut forged = list;
    *forged.last_mut().unwrap() ^= 1;
    folder.put("forged.crl", forged);
}

#[test]
fn names_in_certificates_and_of_the_issuer_of_a_list_steer_no_terminal_and_pass_for_no_verdict() {
    let folder = Folder::new();
    files(&folder);
    let judge = |exit: i32, more: &[&str]| {
        let own = ["--document", "data", "token.tst"];
        folder.is_harmless(exit, &[more, &own].concat())
    };
    assert!(judge(0, &["--trust", "root.der"]).is_empty());
    for (exit, list, code) in [
        (1, "revoked.crl", "tsp.revoked_key_compromise"),
        (2, "forged.crl", "tsp.revocation_signature"),
    ] {
        let codes = judge(exit, &["--trust", "root.der", "--trust", list]);
        assert_eq!(codes, [code]);
    }
    let other = Folder::new();
    files(&other);
    let stranger = other.0.path().join("root.der");
    let codes = judge(2, &["--trust", stranger.to_str().unwrap()]);
    assert_eq!(codes, ["tsp.no_chain"]);
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let start = length.iter().position(|byte| *byte != 0).unwrap_or(3);
    let mut bytes = vec![tag];
    if content.len() > 0x7f {
        bytes.push(0x80 | u8::try_from(4 - start).unwrap());
        bytes.extend_from_slice(&length[start..]);
    } else {
        bytes.push(length[3]);
    }
    bytes.extend_from_slice(content);
    bytes
}

#[test]
fn what_an_authority_says_of_a_refusal_steers_no_terminal_and_passes_for_no_verdict() {
    let folder = Folder::new();
    files(&folder);
    let words = element(0x30, &element(0x0c, hostile(5_000).as_bytes()));
    for status in [2, 4] {
        let info = element(0x30, &[&[2, 1, status][..], &words].concat());
        folder.put("refusal.tsr", element(0x30, &info));
        let arguments = ["--trust", "root.der", "--document", "data"];
        let codes = folder.is_harmless(2, &[&arguments[..], &["refusal.tsr"]].concat());
        assert_eq!(codes, ["tsp.status_not_granted"]);
        let renewed = ["--renewed-by", "refusal.tsr", "token.tst"];
        folder.is_harmless(2, &[&arguments[..], &renewed].concat());
    }
}

#[test]
fn names_of_files_steer_no_terminal_and_pass_for_no_verdict() {
    let folder = Folder::new();
    files(&folder);
    let name = HOSTILE;
    let own = ["--document", "data", "token.tst"];
    // Missing, and unreadable as each thing that it is given for.
    for present in [false, true] {
        if present {
            folder.put(name, "noise");
        }
        folder.is_harmless(2, &[name]);
        folder.is_harmless(2, &["--trust", name, "token.tst"]);
        for option in ["--trust", "--anchor", "--request", "--renewed-by"] {
            folder.is_harmless(
                2,
                &[&["--trust", "root.der", option, name][..], &own].concat(),
            );
        }
    }
    folder.is_harmless(2, &["--existed-by", name, "token.tst"]);
    folder.is_harmless(2, &["--policy", name, "token.tst"]);
    // Unknown as an option, and as a value of one that takes none.
    for argument in [format!("--{name}"), format!("--json={name}")] {
        folder.is_harmless(2, &[&argument, "token.tst"]);
    }
    // A list that is no good is named by its file.
    let list = fs::read(folder.0.path().join("forged.crl")).unwrap();
    folder.put(name, list);
    let trust = ["--trust", "root.der", "--trust", name];
    let codes = folder.is_harmless(2, &[&trust[..], &own].concat());
    assert_eq!(codes, ["tsp.revocation_signature"]);
    // So is a renewal that the time given contradicts.
    let token = fs::read(folder.0.path().join("token.tst")).unwrap();
    folder.put(name, token);
    let early = [
        "--trust",
        "root.der",
        "--existed-by",
        "2025-01-01T00:00:00Z",
    ];
    folder.is_harmless(2, &[&early[..], &["--renewed-by", name], &own].concat());
    // Of a long path the name is told.
    let deep = format!("{}/missing.tst", "folder/".repeat(60));
    let (_, _, err) = folder.run(&[&deep]);
    assert!(err.contains("…/missing.tst :"), "{err}");
}

#[test]
fn names_in_receipts_proof_files_and_checkpoints_steer_no_terminal_and_pass_for_no_verdict() {
    let folder = Folder::new();
    let operator = operator::sent();
    folder.put("trust.json", operator.trust(Demand::Journalise).to_json());
    let file = ProofFile {
        receipts: operator.receipts(),
        ..ProofFile::default()
    };
    let bytes = file.write(Cursor::new(Vec::new())).unwrap().into_inner();
    let renamed = |from: &[u8], to: &[u8]| {
        assert_eq!(from.len(), to.len());
        let mut bytes = bytes.clone();
        let mut found = 0;
        for place in 0..bytes.len() - from.len() {
            if bytes[place..].starts_with(from) {
                bytes[place..place + to.len()].copy_from_slice(to);
                found += 1;
            }
        }
        assert!(found > 1);
        bytes
    };
    let json = String::from_utf8(operator.receipts()[0].to_json().into_bytes()).unwrap();
    let member = serde_json::to_string(HOSTILE).unwrap();
    let policy = "log origin.example+4c2b2d0a+AQ==\nquorum none\n";
    folder.put("policy", policy);
    for (exit, bytes) in [
        // An entry that has no place there, in two alphabets, and one that is no receipt.
        (
            2,
            renamed(
                b"receipts/00000.kbox.json",
                b"receipts/\x1b[2J\x1b[1;31m\r\nOK",
            ),
        ),
        (
            2,
            renamed(
                b"receipts/00000.kbox.json",
                "receipts:\u{202e}nosj\u{2066}\nPROV".as_bytes(),
            ),
        ),
        (2, json.replacen("\"proof\"", &member, 1).into_bytes()),
        (2, json.replacen("\"receipt/1\"", &member, 1).into_bytes()),
    ] {
        folder.put("evidence", bytes);
        folder.is_harmless(exit, &["--trust", "trust.json", "evidence"]);
    }
    // A paper of the sending, and a file that is none, under a name that passes for a verdict.
    let name = HOSTILE.replace('/', "");
    folder.put("evidence", operator.receipts()[0].to_json());
    for (exit, bytes) in [(0, operator::PAPER), (1, b"%PDF other")] {
        folder.put(&name, bytes);
        let arguments = ["--trust", "trust.json", "--document", &name, "evidence"];
        folder.is_harmless(exit, &arguments);
    }
    // A checkpoint of a log with a name that turns the text around.
    let mut receipt = operator.receipts()[0].clone();
    let origin = receipt
        .proof
        .split("\n\n")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    receipt.proof = receipt
        .proof
        .replace(&origin.to_string(), "log\u{202e}\u{2066}x");
    folder.put("evidence", receipt.to_json());
    folder.is_harmless(2, &["--trust", "trust.json", "evidence"]);
}

/// A list of the issuer that nobody signed, of up to 4 MiB, with these revokedCertificates and Extensions.
fn list(entries: &[u8], extensions: &[u8]) -> Vec<u8> {
    let algorithm = element(0x30, &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]);
    let mut tbs = [&[2, 1, 1][..], &algorithm, &element(0x30, &[])].concat();
    for time in ["260601000000Z", "460601000000Z"] {
        tbs.extend(element(0x17, time.as_bytes()));
    }
    tbs.extend(element(0x30, entries));
    if !extensions.is_empty() {
        tbs.extend(element(0xa0, &element(0x30, extensions)));
    }
    let signature = element(3, &[0, 1]);
    element(0x30, &[element(0x30, &tbs), algorithm, signature].concat())
}

/// 32 MiB of roots, 25 seconds of signatures if each were checked before they are counted; broken JSON, of which a parser makes eighty times its size.
#[cfg(target_os = "linux")]
#[test]
fn what_is_made_to_cost_time_or_memory_before_it_is_refused_costs_neither() {
    let folder = Folder::new();
    files(&folder);
    let root = kbox_proof::tsp::certificate_to_pem(&operator::sent().pki_root);
    folder.put("many.pem", root.repeat((32 << 20) / root.len()));
    let maps = "{\"\":0},".repeat((4 << 20) / 7 - 4);
    folder.put("maps.json", format!("{{\"kbox\":[{maps}"));
    let within = |line: &str| {
        // Seconds of the processor, and KiB of memory.
        let line = format!(
            "ulimit -t 10; ulimit -v {}; exec {} {line}",
            200 << 10,
            env!("CARGO_BIN_EXE_kbox-verify"),
        );
        let output = Command::new("/bin/sh")
            .args(["-c", &line])
            .current_dir(folder.0.path())
            .output()
            .unwrap();
        let exit = output.status.code();
        assert!(exit == Some(1) || exit == Some(2), "{line}");
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    let said = within("--trust many.pem --document data token.tst");
    assert!(said.contains("[tsp.budget_certificates]"), "{said}");
    // Of zeros that take no place on the disk.
    let large = fs::File::create(folder.0.path().join("large")).unwrap();
    large.set_len(400 << 20).unwrap();
    let said = within("--trust root.der --document large token.tst");
    assert!(said.contains("[tsp.imprint_mismatch]"), "{said}");
    let said = within("--trust root.der maps.json");
    assert!(said.contains("coupé"), "{said}");
}

/// A directory of entries that nobody counted, behind one half of what says Zip64 or behind an end that readers pass over.
#[cfg(target_os = "linux")]
#[test]
fn archives_made_to_cost_memory_are_not_taken_apart() {
    const ENTRIES: u32 = 600_000;
    let folder = Folder::new();
    files(&folder);
    let mut archive = b"PK\x03\x04".to_vec();
    archive.extend([&[45, 0][..], &[0; 20], &[1, 0, 0, 0], b"a"].concat());
    let start = archive.len() as u64;
    for index in 0..ENTRIES {
        archive.extend(b"PK\x01\x02\x2d\0\x2d\0");
        archive.extend(
            [
                &[0; 20][..],
                &[7],
                &[0; 17],
                format!("{index:07}").as_bytes(),
            ]
            .concat(),
        );
    }
    let (place, count) = (archive.len() as u64, u64::from(ENTRIES));
    archive.extend([&b"PK\x06\x06"[..], &44_u64.to_le_bytes(), &[45, 0, 45, 0]].concat());
    archive.extend([0; 8]);
    for number in [count, count, place - start, start] {
        archive.extend(number.to_le_bytes());
    }
    archive.extend(
        [
            &b"PK\x06\x07"[..],
            &[0; 4],
            &place.to_le_bytes(),
            &[1, 0, 0, 0],
        ]
        .concat(),
    );
    let end = |disk: [u8; 2], all: [u8; 2], places: u8| {
        [
            &b"PK\x05\x06\0\0\0\0"[..],
            &disk,
            &all,
            &[places; 8],
            &[0; 2],
        ]
        .concat()
    };
    let (of_zip64, none) = ([0xff; 2], [0; 2]);
    for (name, ends) in [
        ("both", end(of_zip64, of_zip64, 0xff)),
        ("half", end(none, of_zip64, 0)),
        (
            "earlier",
            [end(of_zip64, of_zip64, 0xff), end([2, 0], [1, 0], 0)].concat(),
        ),
    ] {
        folder.put(name, [&archive[..], &ends].concat());
        let line = format!(
            "ulimit -v {} && exec {} --lang en --trust root.der {name}",
            128 << 10,
            env!("CARGO_BIN_EXE_kbox-verify"),
        );
        let output = Command::new("/bin/sh")
            .args(["-c", &line])
            .current_dir(folder.0.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains("Zip64"), "{name}: {said}");
    }
}

/// Four lists as large as lists may be, with as many entries, extensions or names as they hold, took 515 MiB.
#[cfg(target_os = "linux")]
#[test]
fn lists_made_to_cost_memory_are_read_within_256_mib() {
    let folder = Folder::new();
    files(&folder);
    let size = (4 << 20) - 2_000;
    let fill = |one: &[u8]| one.repeat(size / one.len());
    let time = element(0x17, b"260601000000Z");
    let entry = element(0x30, &[&[2, 1, 3][..], &time].concat());
    let reason = element(0x30, &[6, 3, 0x55, 29, 21, 4, 3, 0x0a, 1, 4]);
    let with_reason = element(
        0x30,
        &[&[2, 1, 3][..], &time, &element(0x30, &reason)].concat(),
    );
    let extensions: Vec<u8> = (0..64)
        .flat_map(|kind| element(0x30, &[6, 2, 0x2a, kind, 4, 2, 5, 0]))
        .collect();
    let many = element(
        0x30,
        &[&[2, 1, 3][..], &time, &element(0x30, &extensions)].concat(),
    );
    let names = element(0xa0, &element(0xa0, &fill(&[0x86, 0])));
    let point = element(4, &element(0x30, &names));
    let scope = element(0x30, &[&[6, 3, 0x55, 29, 28][..], &point].concat());
    for (index, list) in [
        list(&fill(&entry), &[]),
        list(&fill(&with_reason), &[]),
        list(&fill(&many), &[]),
        list(&[], &scope),
    ]
    .into_iter()
    .enumerate()
    {
        assert!(((4 << 20) - 10_000..4 << 20).contains(&list.len()));
        folder.put(format!("{index}.crl"), list);
    }
    let within = |more: &str, exit: i32| {
        let line = format!(
            "ulimit -v {} && exec {} --trust root.der {more} --document data token.tst",
            256 << 10,
            env!("CARGO_BIN_EXE_kbox-verify"),
        );
        let output = Command::new("/bin/sh")
            .args(["-c", &line])
            .current_dir(folder.0.path())
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{err}");
    };
    within("--trust 0.crl --trust 1.crl --trust 2.crl --trust 0.crl", 0);
    within("--trust 3.crl", 2);
}
