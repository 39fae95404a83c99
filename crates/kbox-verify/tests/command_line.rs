// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The binary as an auditor runs it: files in, one verdict and exit code out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../kbox-proof/tests/support/operator.rs"]
mod operator;
#[path = "support/folder.rs"]
mod support;

use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use kbox_proof::clock::TestClock;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::pki::DevPki;
use kbox_proof::receipt::{
    Anchor, Demand, Document, ProofFile, Receipt, TrustBundle, WitnessOperator, Witnesses,
};
use kbox_proof::time::Time;
use kbox_proof::tlog::Checkpoint;
use kbox_proof::tsa::{Authority, AuthorityConfig, SerialSource};
use kbox_proof::tsp::{
    Certificate, HashAlgorithm, MessageImprint, SerialNumber, TimeStampToken, TsaPolicyId,
    certificate_to_pem,
};
use operator::{Operator, PAPER, Witness, sent};
use support::Folder;

impl Folder {
    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.0.path())
            .output()
            .expect("openssl is part of the tests' set-up, see docs/testing.md");
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {err}");
    }

    /// Exit code and JSON for `token.tst` over `data`, trusting `root.pem`.
    fn judge_token(&self, more: &[&str]) -> (i32, serde_json::Value) {
        let mut arguments = vec!["--json", "--trust", "root.pem", "--document", "data"];
        arguments.extend(more);
        arguments.push("token.tst");
        let (code, out, err) = self.run(&arguments);
        (code, serde_json::from_str(&out).expect(&err))
    }
}

fn container(receipts: Vec<Receipt>, paper: &[u8]) -> Vec<u8> {
    let documents = vec![Document {
        name: "01-convocation.pdf".to_string(),
        bytes: paper.to_vec(),
    }];
    let file = ProofFile {
        documents,
        receipts,
        ..ProofFile::default()
    };
    file.write(Cursor::new(Vec::new())).unwrap().into_inner()
}

fn folder() -> (Folder, Operator) {
    let operator = sent();
    let folder = Folder::new();
    folder.put("trust.json", operator.trust(Demand::Journalise).to_json());
    folder.put("file.asice", container(operator.receipts(), PAPER));
    folder.put("one.kbox.json", operator.receipts()[1].to_json());
    (folder, operator)
}

#[test]
fn a_good_proof_file_is_proven_in_french_and_english() {
    let (folder, _) = folder();
    let (code, out, _) = folder.run(&["--trust", "trust.json", "file.asice"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.starts_with("Dossier de preuve : PROUVÉ"), "{out}");
    assert!(
        out.contains("DÉMONSTRATION") && out.contains("Aucun témoin"),
        "{out}"
    );
    let (code, out, _) = folder.run(&["--lang", "en", "--trust", "trust.json", "one.kbox.json"]);
    assert!(code == 0 && out.starts_with("Receipt: PROVEN"), "{out}");
}

#[test]
fn an_english_report_has_english_words_beside_the_standards_names_and_times_with_seconds() {
    let (folder, _) = folder();
    let english = |arguments: &[&str]| folder.run(&[&["--lang", "en"], arguments].concat());
    let (_, out, _) = english(&["--trust", "trust.json", "one.kbox.json"]);
    for words in [
        "Event: papers put at disposal (ContentConsignment)",
        "Level reached: logged (journalise: ",
    ] {
        assert!(out.contains(words), "{out}");
    }
    let (_, out, _) = english(&["--trust", "trust.json", "file.asice"]);
    assert!(out.contains("Level reached: logged (journalise: "), "{out}");
    // Each of a day and a time.
    let times = out.split(" 2026 at ").skip(1);
    let has_seconds = |time: &str| {
        let time: Vec<&str> = time.get(..8).unwrap_or_default().split(':').collect();
        time.len() == 3 && time.iter().all(|part| part.parse::<u8>().is_ok())
    };
    assert!(
        times.clone().count() > 0 && times.clone().all(has_seconds),
        "{out}"
    );
    let (_, _, err) = english(&["missing.tst"]);
    assert!(
        err.contains("this file does not exist") && !err.contains("os error"),
        "{err}"
    );
}

#[test]
fn a_receipts_json_says_for_whom_it_is_and_whether_its_personal_part_is_there() {
    let (folder, operator) = folder();
    let receipts = operator.receipts();
    let mut without = receipts[1].clone();
    without.personal = None;
    for (receipt, personal, name) in [
        (&receipts[1], "shown", "Élue 0".into()),
        (&without, "withheld_or_erased", serde_json::Value::Null),
        (&receipts[0], "none", serde_json::Value::Null),
    ] {
        folder.put("receipt.kbox.json", receipt.to_json());
        let (code, out, _) = folder.run(&["--json", "--trust", "trust.json", "receipt.kbox.json"]);
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let facts = &json["facts"];
        assert_eq!(
            (code, &facts["personal"], &facts["recipient"]["name"]),
            (0, &personal.into(), &name),
            "{out}"
        );
    }
}

#[test]
fn the_json_of_a_witnessed_and_anchored_receipt_has_bounds_witnesses_and_authorities() {
    let (folder, operator) = folder();
    let unix = |time: Time| u64::try_from(time.unix_secs()).unwrap();
    let witnesses = [1, 2].map(Witness::new);
    let cosigned = |note, time| {
        witnesses
            .iter()
            .fold(note, |note, witness| witness.cosign(note, unix(time)))
    };
    let (low, high) = (operator::at(0), operator::at(60));
    let note = cosigned(operator.checkpoint(), high);
    let mut receipt = operator.receipt_under(1, note.clone());
    let (size, root) = operator.before[0];
    let empty = Checkpoint::new(operator.origin.clone(), size, root).unwrap();
    let empty = operator::signed(&operator.log, &operator.origin, &empty.encode());
    receipt.before = Some(cosigned(empty, low).encode());
    let outside = Operator::new();
    let imprint = MessageImprint::sha256(&Sha256Digest::of(note.encode().as_bytes()));
    let serial = SerialNumber::from_epoch_and_counter(9, 1);
    let stamped = operator::at(100);
    let token = outside.public.issue(&imprint, stamped, &serial, None, true);
    receipt.anchors.push(Anchor {
        checkpoint: note.encode(),
        consistency: vec![],
        token: token.unwrap(),
    });
    let mut trust = operator.trust(Demand::Ancre);
    trust.witnesses = Witnesses {
        operators: [(0, true), (1, false)]
            .map(|(place, independent)| WitnessOperator {
                name: format!("operator {place}"),
                keys: vec![witnesses[place].vkey()],
                accuracy_ms: 2000,
                independent,
            })
            .to_vec(),
        quorum: 1,
    };
    trust.anchor_roots = vec![certificate_to_pem(&outside.pki_root)];
    folder.put("receipt.kbox.json", receipt.to_json());
    let facts = |trust: &TrustBundle| {
        folder.put("trust.json", trust.to_json());
        let (code, out, err) =
            folder.run(&["--json", "--trust", "trust.json", "receipt.kbox.json"]);
        assert_eq!(code, 0, "{out}{err}");
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        json["facts"].clone()
    };
    let found = facts(&trust);
    let bound = |time: Time| serde_json::json!({"time": time, "accuracy_ms": 2000});
    let operators = [("operator 0", true), ("operator 1", false)].map(|(name, counts)| {
        let number = if counts { 1 } else { 2 };
        serde_json::json!({
            "name": name,
            "witnesses": [format!("witness.example/{number}")],
            "independent": counts,
            "accuracy_ms": 2000,
            "without_entry": low,
            "with_entry": high,
            "counts_for_low": counts,
            "counts_for_high": counts,
        })
    });
    assert_eq!(
        found["bounds"],
        serde_json::json!({"low": bound(low), "high": bound(high), "max_gap_s": 300})
    );
    assert_eq!(
        found["witnesses"],
        serde_json::json!({"quorum": 1, "independent": 1, "operators": operators})
    );
    let signer = &outside.public.chain()[0];
    let name = Certificate::parse(signer).unwrap().subject_common_name();
    let anchor = &found["anchors"][0];
    assert!(
        anchor["authority"]
            .as_str()
            .unwrap()
            .contains(&name.unwrap()),
        "{anchor}"
    );
    assert_eq!(anchor["sha256"], Sha256Digest::of(signer).to_hex());
    assert_eq!(anchor["policy"], outside.public.policy().to_string());
    assert_eq!(anchor["gen_time"], serde_json::json!(stamped));
    assert_eq!(anchor["tree_size"], operator.edge.size().get());
    assert_eq!(found["anchors_not_judged"], 0);

    trust.demand = Demand::Temoigne;
    trust.anchor_roots.clear();
    let found = facts(&trust);
    assert_eq!(found["anchors"], serde_json::json!([]));
    assert_eq!(found["anchors_not_judged"], 1);

    // A proof file has the same for each of its receipts.
    folder.put("trust.json", operator.trust(Demand::Journalise).to_json());
    let (_, out, _) = folder.run(&["--json", "--trust", "trust.json", "file.asice"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let times = json["facts"]["times"].as_array().unwrap();
    assert_eq!(times.len(), operator.events.len());
    for (rank, time) in times.iter().enumerate() {
        assert_eq!(
            (&time["rank"], &time["level"]),
            (&rank.into(), &"journalise".into())
        );
        assert!(time["bounds"]["high"].is_null() && time["gen_time"].is_string());
    }
}

#[test]
fn a_trust_json_whose_demand_it_cannot_meet_says_so_and_what_to_change() {
    let (folder, operator) = folder();
    folder.put("trust.json", operator.trust(Demand::Temoigne).to_json());
    for (language, words, advice) in [
        ("fr", "demand exige des témoins", "mettez demand à"),
        ("en", "demand needs witnesses", "set demand to"),
    ] {
        let arguments = ["--lang", language, "--trust", "trust.json", "one.kbox.json"];
        let (code, _, err) = folder.run(&arguments);
        assert_eq!(code, 2);
        assert!(err.contains(words) && err.contains(advice), "{err}");
        assert!(!err.contains("repris") && !err.contains("fetched"), "{err}");
    }
}

#[test]
fn a_zip_archive_that_is_no_proof_file_is_named_as_one() {
    let folder = Folder::new();
    let archive = [&b"PK\x03\x04"[..], &[0; 26], b"word/document.xml"].concat();
    folder.put("letter.docx", archive);
    for (language, words) in [("fr", "une archive ZIP"), ("en", "a ZIP archive")] {
        let (code, _, err) = folder.run(&["--lang", language, "letter.docx"]);
        assert!(code == 2 && err.contains(words), "{err}");
        assert!(err.contains(".asice"), "{err}");
    }
}

#[test]
fn a_proof_file_that_comes_through_a_pipe_is_judged_as_one_on_the_disk() {
    let (folder, _) = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_kbox-verify"))
        .args(["--json", "--trust", "trust.json", "/dev/stdin"])
        .current_dir(folder.0.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let file = fs::read(folder.0.path().join("file.asice")).unwrap();
    child.stdin.take().unwrap().write_all(&file).unwrap();
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{out}");
}

#[test]
fn a_recipient_without_accepted_notice_is_a_reservation_and_not_a_failure() {
    let (folder, _) = folder();
    let (code, out, _) = folder.run(&["--trust", "trust.json", "file.asice"]);
    assert!(code == 0 && out.contains("avec réserve"), "{out}");
    assert!(
        out.contains("aucun délai n'est établi pour Élue 1"),
        "{out}"
    );
    let (code, out, _) = folder.run(&["--json", "--trust", "trust.json", "file.asice"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let sending = &json["facts"]["sendings"][0];
    assert_eq!((code, &json["outcome"]), (0, &"proven".into()));
    assert_eq!(sending["no_accepted_notice"], serde_json::json!([1]));
    assert_eq!(sending["verdict"], "respecte");
    let [told, not_told] = [0, 1].map(|index| &sending["recipients"][index]);
    assert_eq!(
        (&told["period"], &not_told["period"]),
        (&"judged".into(), &"no_accepted_notice".into())
    );
    assert!(told["delai"]["verdict"] == "respecte" && not_told["delai"].is_null());
}

#[test]
fn without_trust_nothing_is_decided() {
    let (folder, _) = folder();
    for path in ["file.asice", "one.kbox.json"] {
        let (code, out, _) = folder.run(&[path]);
        assert!(code == 2 && out.contains("INDÉTERMINÉ"), "{out}");
    }
    let (code, out, _) = folder.run(&["--json", "file.asice"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &json["outcome"], &json["findings"][0]["code"]),
        (2, &"undecided".into(), &"trust.missing".into())
    );
}

#[test]
fn each_spoiled_copy_fails_with_its_own_reason() {
    let (folder, operator) = folder();
    let receipts = operator.receipts();
    let spoil = |change: &dyn Fn(&mut Vec<Receipt>)| {
        let mut changed = receipts.clone();
        change(&mut changed);
        container(changed, PAPER)
    };
    let swap = |list: &mut Vec<Receipt>| {
        let personal = list[1].personal.take();
        list[1].personal = list[3].personal.take();
        list[3].personal = personal;
    };
    for (name, exit, expected, bytes) in [
        (
            "paper",
            1,
            "document.unknown",
            container(receipts.clone(), b"%PDF Convocation"),
        ),
        (
            "event",
            1,
            "tsp.imprint_mismatch",
            spoil(&|list| *list[1].event.last_mut().unwrap() ^= 1),
        ),
        (
            "token",
            1,
            "tsp.signature",
            spoil(&|list| *list[1].token.last_mut().unwrap() ^= 1),
        ),
        // Of what cannot be read, and what nobody signs, it is not known who changed it.
        (
            "event-length",
            2,
            "event.malformed",
            spoil(&|list| list[1].event[1] ^= 1),
        ),
        (
            "token-length",
            2,
            "token.malformed",
            spoil(&|list| list[1].token[1] ^= 1),
        ),
        (
            "proof",
            2,
            "log.proof",
            spoil(&|list| list[1].proof = list[1].proof.replacen("index 1", "index 2", 1)),
        ),
        ("swapped", 1, "personal.mismatch", spoil(&swap)),
        (
            "left-out",
            2,
            "file.gap",
            spoil(&|list| drop(list.remove(4))),
        ),
    ] {
        folder.put(name, bytes);
        let (code, out, err) = folder.run(&["--json", "--trust", "trust.json", name]);
        assert_eq!(code, exit, "{name}: {out}{err}");
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let codes: Vec<_> = json["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| &finding["code"])
            .collect();
        assert!(codes.contains(&&expected.into()), "{name}: {codes:?}");
    }
}

#[test]
fn findings_about_a_proof_file_say_what_to_do_in_the_readers_language() {
    let (folder, operator) = folder();
    folder.put("bad.asice", container(operator.receipts(), b"changed"));
    for (language, words, advice, next) in [
        ("fr", "la pièce ", "comparez cette pièce", "Que faire : "),
        ("en", "the document ", "compare this paper", "What to do: "),
    ] {
        let arguments = ["--lang", language, "--trust", "trust.json", "bad.asice"];
        let (code, out, _) = folder.run(&arguments);
        assert_eq!(code, 1, "{out}");
        assert!(out.contains(&format!("{next}{advice}")), "{out}");
        let (_, out, _) = folder.run(&[&["--json"], arguments.as_slice()].concat());
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let findings = json["findings"].as_array().unwrap();
        let finding = findings
            .iter()
            .find(|one| one["code"] == "document.unknown");
        let told = |member: &str| finding.unwrap()[member].as_str().unwrap().to_string();
        assert!(told("message").contains(words), "{json}");
        assert!(told("advice").starts_with(advice), "{json}");
    }
}

#[test]
fn a_document_beside_a_receipt_or_a_proof_file_is_one_of_its_papers_or_the_answer_is_not_proven() {
    let (folder, operator) = folder();
    let receipts = operator.receipts();
    for (name, index) in [("sending", 0), ("consignment", 1), ("handover", 5)] {
        folder.put(format!("{name}.kbox.json"), receipts[index].to_json());
    }
    folder.put("acte.pdf", PAPER);
    folder.put("other.txt", b"nothing to do with it");
    folder.put("empty", b"");
    let named = "Le fichier « acte.pdf » est « Convocation » (convocation), version 1, séance du ";
    let (mismatch, none_named) = (Some("document.mismatch"), Some("document.none_named"));
    for (evidence, documents, exit, code, words) in [
        ("sending.kbox.json", &["acte.pdf"][..], 0, None, named),
        ("file.asice", &["acte.pdf"], 0, None, named),
        (
            "handover.kbox.json",
            &["acte.pdf"],
            0,
            None,
            "Le fichier « acte.pdf » est la pièce remise au destinataire 0",
        ),
        (
            "sending.kbox.json",
            &["other.txt"],
            1,
            mismatch,
            "le fichier « other.txt » n'est aucune des pièces",
        ),
        (
            "sending.kbox.json",
            &["empty"],
            1,
            mismatch,
            "le fichier « empty » n'est aucune des pièces",
        ),
        (
            "handover.kbox.json",
            &["other.txt"],
            1,
            mismatch,
            "tel qu'il a été reçu",
        ),
        ("file.asice", &["acte.pdf", "other.txt"], 1, mismatch, named),
        (
            "file.asice",
            &["other.txt", "acte.pdf"],
            1,
            mismatch,
            "le fichier « other.txt » n'est aucune des pièces",
        ),
        (
            "consignment.kbox.json",
            &["acte.pdf"],
            2,
            none_named,
            "ne désigne aucune pièce : elle ne dit rien du fichier « acte.pdf »",
        ),
        (
            "consignment.kbox.json",
            &["acte.pdf"],
            2,
            none_named,
            "donnez le récépissé de l'envoi",
        ),
    ] {
        let mut arguments = vec!["--trust", "trust.json"];
        for document in documents {
            arguments.extend(["--document", document]);
        }
        arguments.push(evidence);
        let (found, out, err) = folder.run(&arguments);
        assert_eq!(found, exit, "{evidence} {documents:?}: {out}{err}");
        assert!(out.contains(words), "{evidence} {documents:?}: {out}");
        let first = out.lines().next().unwrap();
        assert_eq!(first.contains("PROUVÉ"), exit == 0, "{first}");
        let (found, out, _) = folder.run(&[&["--json"], arguments.as_slice()].concat());
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(found, exit, "{json}");
        let findings = json["findings"].as_array().unwrap();
        assert_eq!(findings.len(), usize::from(exit != 0), "{json}");
        assert_eq!(json["findings"][0]["code"].as_str(), code, "{json}");
        let outcome = ["proven", "disproven", "undecided"][usize::try_from(exit).unwrap()];
        assert_eq!(json["outcome"], outcome);
        let told = json["facts"]["documents"].as_array().unwrap();
        assert_eq!(told.len(), documents.len(), "{json}");
    }
    let english = ["--lang", "en", "--trust", "trust.json", "--document"];
    for (document, words) in [
        (
            "acte.pdf",
            "The file \"acte.pdf\" is \"Convocation\" (convocation), version 1, meeting of ",
        ),
        (
            "other.txt",
            "DISPROVEN: [document.mismatch] the file \"other.txt\" is none",
        ),
    ] {
        let (_, out, _) = folder.run(&[&english[..], &[document, "file.asice"]].concat());
        assert!(out.contains(words), "{out}");
    }
    let arguments = ["--trust", "trust.json", "--json", "--document", "acte.pdf"];
    let (_, out, _) = folder.run(&[&arguments[..], &["sending.kbox.json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let paper = &json["facts"]["documents"][0]["papers"][0];
    assert_eq!(
        (&paper["title"], &paper["nature"], &paper["version"]),
        (&"Convocation".into(), &"convocation".into(), &1.into())
    );
}

#[test]
fn a_document_that_cannot_be_read_never_passes_whatever_the_evidence_is() {
    let (folder, _) = folder();
    for evidence in ["one.kbox.json", "file.asice"] {
        for document in ["absent.txt", "."] {
            let arguments = ["--trust", "trust.json", "--document", document, evidence];
            let (code, out, err) = folder.run(&arguments);
            assert!(code == 2 && out.is_empty(), "{out}");
            assert!(err.contains(document), "{err}");
            let (code, out, _) = folder.run(&[&["--json"], arguments.as_slice()].concat());
            let json: serde_json::Value = serde_json::from_str(&out).unwrap();
            let finding = &json["findings"][0];
            assert_eq!(
                (code, &finding["code"], &finding["file"]),
                (2, &"file.unreadable".into(), &document.into())
            );
        }
    }
}

#[test]
fn a_document_is_not_held_against_evidence_that_is_not_proven() {
    let (folder, operator) = folder();
    let mut receipt = operator.receipts()[0].clone();
    *receipt.token.last_mut().unwrap() ^= 1;
    folder.put("bad.kbox.json", receipt.to_json());
    folder.put("acte.pdf", PAPER);
    let arguments = ["--trust", "trust.json", "--document", "acte.pdf"];
    let (code, out, _) = folder.run(&[&arguments[..], &["bad.kbox.json"]].concat());
    assert!(code == 1 && !out.contains("acte.pdf"), "{out}");
}

#[test]
fn evidence_that_is_cut_off_or_is_a_trust_json_is_named_and_told_for_what_it_is() {
    let (folder, operator) = folder();
    let receipt = operator.receipts()[1].to_json();
    let file = container(operator.receipts(), PAPER);
    let trust = operator.trust(Demand::Journalise).to_json();
    folder.put("cut.kbox.json", &receipt[..receipt.len() / 2]);
    folder.put("cut.asice", &file[..file.len() - 30]);
    folder.put("cut.json", &trust[..trust.len() / 2]);
    folder.put("other.kbox.json", "{\"kbox\": 1}");
    let evidence = "evidence.unreadable";
    for (arguments, name, code, words, is_cut) in [
        (
            &["cut.kbox.json"][..],
            "cut.kbox.json",
            evidence,
            "coupé",
            true,
        ),
        (&["cut.asice"], "cut.asice", evidence, "coupé", true),
        (&["cut.json"], "cut.json", evidence, "coupé", true),
        (
            &["--trust", "cut.json", "one.kbox.json"],
            "cut.json",
            "trust.unusable",
            "coupé",
            true,
        ),
        (
            &["other.kbox.json"],
            "other.kbox.json",
            evidence,
            "JSON",
            false,
        ),
        (
            &["trust.json"],
            "trust.json",
            evidence,
            "c'est un trust.json",
            false,
        ),
        (
            &["trust.json"],
            "trust.json",
            evidence,
            "donnez-le avec --trust",
            false,
        ),
    ] {
        let (exit, out, err) = folder.run(&[&["--json"], arguments].concat());
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let finding = &json["findings"][0];
        assert_eq!(
            (exit, &finding["code"], &finding["file"]),
            (2, &code.into(), &name.into())
        );
        assert!(err.contains(name) && err.contains(words), "{err}");
        assert_eq!(err.contains("coupé"), is_cut, "{err}");
    }
}

#[test]
fn certificates_alone_are_not_enough_for_a_receipt_and_the_answer_says_what_is() {
    let (folder, operator) = folder();
    folder.put("tsa.pem", certificate_to_pem(&operator.pki_root));
    for evidence in ["one.kbox.json", "file.asice"] {
        let (code, out, _) = folder.run(&["--trust", "tsa.pem", evidence]);
        assert_eq!(code, 2, "{out}");
        assert!(
            out.contains("[trust.missing] --trust ne donne que des certificats"),
            "{out}"
        );
        assert!(out.contains("demande un trust.json"), "{out}");
    }
}

#[test]
fn one_flipped_bit_anywhere_in_a_proof_file_never_proves_something_else() {
    let (folder, operator) = folder();
    let good = container(operator.receipts(), PAPER);
    let (_, expected, _) = folder.run(&["--json", "--trust", "trust.json", "file.asice"]);
    for index in (0..good.len()).step_by(good.len() / 150) {
        let mut bad = good.clone();
        bad[index] ^= 4;
        folder.put("bad.asice", bad);
        let (code, out, _) = folder.run(&["--json", "--trust", "trust.json", "bad.asice"]);
        assert!(code != 0 || out == expected, "byte {index}");
    }
}

#[test]
fn unreadable_files_and_wrong_usage_exit_2_and_say_what_to_do() {
    let (folder, operator) = folder();
    folder.put("noise", b"noise");
    folder.put(
        "trust-2.json",
        operator
            .trust(Demand::Journalise)
            .to_json()
            .replace("trust/1", "trust/2"),
    );
    folder.put("broken.json", b"{\n x");
    folder.put("policy", b"log\nquorum none\n");
    folder.put("empty", b"");
    folder.put("letter.pdf", b"%PDF-1.7 \xff");
    let future = ["--existed-by", "2200-01-01T00:00:00Z", "noise"];
    let renewals = ["--renewed-by", "noise"].repeat(65);
    for (arguments, reason, french, english) in [
        (&[][..], "usage", "aucun fichier", "no file given"),
        (&["--bogus"], "usage", "option inconnue", "invalid option"),
        (
            &["--trust"],
            "usage",
            "valeur de --trust",
            "argument for option",
        ),
        (&["--policy", "x", "noise"], "usage", "1.2.3.4", "1.2.3.4"),
        (
            &["--existed-by", "x", "noise"],
            "usage",
            "instant",
            "instant",
        ),
        (
            &["a", "b"],
            "usage",
            "un seul fichier",
            "one file at a time",
        ),
        (&renewals, "usage", "64 renouvellements", "at most 64"),
        (&["missing"], "file.unreadable", "n'existe pas", "missing: "),
        (&["."], "file.unreadable", "répertoire", ".: "),
        (
            &["--trust", "absent.json", "file.asice"],
            "file.unreadable",
            "absent.json : ce fichier n'existe pas",
            "absent.json",
        ),
        (
            &["--trust", "noise", "file.asice"],
            "trust.unusable",
            "un texte",
            "a text",
        ),
        (
            &["--trust", "empty", "file.asice"],
            "trust.unusable",
            "fichier vide",
            "empty file",
        ),
        (
            &["--trust", "letter.pdf", "file.asice"],
            "trust.unusable",
            "document PDF",
            "PDF document",
        ),
        (
            &["--trust", "policy", "file.asice"],
            "trust.unusable",
            "ligne 1",
            "line 1",
        ),
        (
            &["--trust", "trust-2.json", "file.asice"],
            "trust.unusable",
            "version plus récente",
            "newer kbox-verify",
        ),
        (
            &["--trust", "broken.json", "file.asice"],
            "trust.unusable",
            "ligne 2",
            "line 2",
        ),
        (
            &["broken.json"],
            "evidence.unreadable",
            "JSON attendu",
            "expected JSON",
        ),
        (&["leaf", "noise"], "evidence.unreadable", "jeton", "token"),
        (&future, "existed_by.future", "est à venir", "future"),
    ] {
        for (language, words, foreign) in [
            ("fr", french, [" the ", " is ", "What to do", "not a"]),
            ("en", english, [" le ", " est ", "Que faire", " ou "]),
        ] {
            let arguments = [&["--json", "--lang", language][..], arguments].concat();
            let (code, out, err) = folder.run(&arguments);
            assert!(code == 2 && err.contains(words), "{arguments:?}: {err}");
            assert!(
                !foreign.iter().any(|word| err.contains(word)),
                "{arguments:?}: {err}"
            );
            let json: serde_json::Value = serde_json::from_str(&out).unwrap();
            let finding = &json["findings"][0];
            assert_eq!(
                (&json["outcome"], &finding["code"], &finding["undecided"]),
                (&"undecided".into(), &reason.into(), &true.into())
            );
            let told = |member: &str| err.contains(finding[member].as_str().unwrap());
            assert!(told("message") && told("advice"), "{err}");
            // The reason, not the whole help.
            assert!(err.lines().count() <= 3, "{err}");
        }
    }
    let (code, _, err) = folder.run(&["--lang", "de", "file.asice"]);
    assert!(code == 2 && err.contains("--lang veut fr ou en"), "{err}");
}

#[test]
fn help_is_in_the_readers_language_wherever_it_is_named() {
    let (folder, _) = folder();
    for (arguments, words) in [
        (&["--help"][..], "CHEMIN est un récépissé"),
        (&["--help", "--lang", "en"], "PATH is a receipt"),
        (&["--lang=en", "-h"], "PATH is a receipt"),
    ] {
        let (code, out, _) = folder.run(arguments);
        assert!(code == 0 && out.contains(words), "{out}");
        // The two tell of the same options.
        for option in [
            "--trust",
            "--anchor",
            "--document",
            "--request",
            "--policy",
            "--existed-by",
        ] {
            assert!(out.contains(option), "{out}");
        }
    }
}

#[test]
fn an_english_report_on_a_proof_file_has_english_dates_and_words() {
    let (folder, _) = folder();
    let (code, out, _) = folder.run(&["--lang", "en", "--trust", "trust.json", "file.asice"]);
    assert_eq!(code, 0, "{out}");
    for french in [
        " octets",
        " ; ",
        " : ",
        "n° ",
        " h ",
        "lundi ",
        "mardi ",
        "mercredi ",
        "jeudi ",
        "vendredi ",
        "samedi ",
        "dimanche ",
    ] {
        assert!(!out.contains(french), "{french:?}: {out}");
    }
    assert!(
        out.contains(" bytes, SHA-256") && out.contains("day "),
        "{out}"
    );
    let (_, out, _) = folder.run(&["--lang", "en", "--trust", "trust.json", "one.kbox.json"]);
    assert!(!out.contains("Acknowledgements"), "{out}");
}

#[test]
fn the_token_of_a_receipt_verifies_with_openssl_too() {
    let (folder, operator) = folder();
    folder.put("event.der", &operator.events[1].0);
    folder.put("token.tst", &operator.events[1].2);
    folder.put("roots.pem", certificate_to_pem(&operator.pki_root));
    let arguments = [
        "--lang",
        "en",
        "--trust",
        "roots.pem",
        "--document",
        "event.der",
        "token.tst",
    ];
    let (code, out, _) = folder.run(&arguments);
    assert!(code == 0 && out.contains("PROVEN"), "{out}");
    let (code, out, _) = folder.run(&[
        "--trust",
        "roots.pem",
        "--document",
        "roots.pem",
        "token.tst",
    ]);
    assert!(code == 1 && out.contains("tsp."), "{out}");
    let output = Command::new("openssl")
        .args("ts -verify -token_in -in token.tst -data event.der -CAfile roots.pem".split(' '))
        .current_dir(folder.0.path())
        .output()
        .expect("openssl is part of the tests' set-up, see docs/testing.md");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_leaf_of_a_receipt_is_what_the_log_hashes() {
    let (folder, operator) = folder();
    let output = Command::new(env!("CARGO_BIN_EXE_kbox-verify"))
        .args(["leaf", "one.kbox.json"])
        .current_dir(folder.0.path())
        .output()
        .unwrap();
    assert!(output.status.success());
    folder.put("leaf.der", &output.stdout);
    folder.put(
        "policy",
        format!("log {}\nquorum none\n", operator.log.vkey(&operator.origin)),
    );
    folder.put("one.tlog-proof", &operator.receipts()[1].proof);
    let (code, out, err) = folder.run(&[
        "--trust",
        "policy",
        "--document",
        "leaf.der",
        "one.tlog-proof",
    ]);
    assert!(code == 0 && out.contains("PROUVÉ"), "{out}{err}");
    // That a path does not lead there shows nothing of where the entry is, and anybody can leave a cosignature out.
    let (code, out, _) = folder.run(&[
        "--trust",
        "policy",
        "--document",
        "trust.json",
        "one.tlog-proof",
    ]);
    assert!(code == 2 && out.contains("[log.proof]"), "{out}");
}

/// Anybody can leave a cosignature out, and a policy may ask for more than there are.
#[test]
fn a_tlog_proof_under_too_few_cosignatures_is_not_called_altered_and_says_what_is_missing() {
    let (folder, operator) = folder();
    let witnesses: Vec<Witness> = (1..=3).map(Witness::new).collect();
    let mut policy = format!("log {}\n", operator.log.vkey(&operator.origin));
    for witness in &witnesses {
        let number = witness.signer.public_key()[0];
        policy.push_str(&format!("witness w{number} {}\n", witness.vkey()));
    }
    let names: Vec<&str> = policy
        .lines()
        .filter_map(|line| line.strip_prefix("witness ")?.split(' ').next())
        .collect();
    let policy = format!("{policy}group all all {}\nquorum all\n", names.join(" "));
    folder.put("policy", policy);
    let token = TimeStampToken::parse(&operator.receipts()[1].token).unwrap();
    folder.put("leaf.der", token.leaf_bytes().unwrap());
    let judge = |count: usize, document: &str, language: &str| {
        let time = 1_790_000_000;
        let cosigned = witnesses.iter().take(count);
        let note = cosigned.fold(operator.checkpoint(), |note, witness| {
            witness.cosign(note, time)
        });
        let proof = operator.receipt_under(1, note).proof;
        folder.put("one.tlog-proof", proof);
        let trust = ["--trust", "policy", "--document", document];
        let more = ["--json", "--lang", language, "one.tlog-proof"];
        let (code, out, err) = folder.run(&[trust, more].concat());
        let json: serde_json::Value = serde_json::from_str(&out).expect(&err);
        (code, json["findings"][0].clone())
    };
    for (count, english, french) in [
        (0, "no witness of the policy cosigned", "aucun témoin"),
        (1, "1 witness of the policy cosigned", "un seul témoin"),
        (2, "2 witnesses of the policy cosigned", "2 témoins"),
    ] {
        for (language, words, next, altered) in [
            ("en", english, "nothing was altered", "altered or forged"),
            ("fr", french, "rien n'est altéré", "contrefaite"),
        ] {
            let (code, finding) = judge(count, "leaf.der", language);
            assert_eq!((code, &finding["code"]), (2, &"witness.quorum".into()));
            let said = |member: &str| finding[member].as_str().unwrap().to_string();
            assert!(said("message").contains(words), "{finding}");
            let advice = said("advice");
            assert!(advice.contains(next) && !advice.contains(altered));
        }
    }
    // What another entry's proof shows is told first.
    let (code, finding) = judge(1, "trust.json", "en");
    assert_eq!((code, &finding["code"]), (2, &"log.proof".into()));
    assert_eq!(judge(3, "leaf.der", "en").0, 0);
}

fn time(text: &str) -> Time {
    Time::parse_rfc3339(text).unwrap()
}

/// `token.tst` of 15 June 2015 over `data`, under certificates that ended in 2020, with `root.pem`.
fn expired_token() -> Folder {
    let folder = Folder::new();
    let start = time("2010-06-01T00:00:00Z");
    let pki = DevPki::generate(start, true).unwrap();
    let config = AuthorityConfig::new(
        pki.public.signer,
        pki.public.chain,
        TsaPolicyId::public_policy(),
    );
    let authority = Authority::new(config, start).unwrap();
    let imprint = MessageImprint::of(HashAlgorithm::Sha256, b"convocation");
    let serial = SerialNumber::from_epoch_and_counter(1, 1);
    let made = time("2015-06-15T12:00:00Z");
    let token = authority
        .issue(&imprint, made, &serial, None, true)
        .unwrap();
    folder.put("token.tst", token);
    folder.put("root.pem", certificate_to_pem(&pki.root));
    folder.put("data", b"convocation");
    folder
}

#[test]
fn an_expired_certificate_decides_nothing_now_and_proves_by_a_time_at_which_the_token_existed() {
    let folder = expired_token();
    let (code, json) = folder.judge_token(&[]);
    assert_eq!(
        (code, &json["outcome"], &json["findings"][0]["code"]),
        (2, &"undecided".into(), &"tsp.chain_expired".into())
    );
    assert_eq!(json["facts"]["judged_by"], "now");

    let (code, json) = folder.judge_token(&["--existed-by", "2019-01-01T01:00:00+01:00"]);
    assert_eq!((code, &json["outcome"]), (0, &"proven".into()), "{json}");
    assert_eq!(json["facts"]["judged_by"], "existed_by");
    assert_eq!(json["facts"]["judged_at"], "2019-01-01T00:00:00Z");
    for (language, words) in [
        ("fr", "jugés au 2019-01-01T00:00:00Z"),
        ("en", "judged at 2019-01-01T00:00:00Z"),
    ] {
        let (_, out, _) = folder.run(&[
            "--lang",
            language,
            "--existed-by",
            "2019-01-01T00:00:00Z",
            "--trust",
            "root.pem",
            "--document",
            "data",
            "token.tst",
        ]);
        assert!(out.contains(words), "{out}");
    }

    // Too late a proof of existence is none.
    let (code, json) = folder.judge_token(&["--existed-by", "2022-01-01T00:00:00Z"]);
    assert_eq!(
        (code, &json["findings"][0]["code"]),
        (2, &"tsp.chain_expired".into())
    );
}

fn authority(start: &str) -> (Authority, Vec<u8>) {
    let pki = DevPki::generate(time(start), true).unwrap();
    let config = AuthorityConfig::new(
        pki.public.signer,
        pki.public.chain,
        TsaPolicyId::public_policy(),
    );
    (Authority::new(config, time(start)).unwrap(), pki.root)
}

#[test]
fn a_renewed_token_is_proven_after_the_end_of_its_certificates() {
    let folder = expired_token();
    let (newer, root) = authority("2018-01-01T00:00:00Z");
    let roots = fs::read_to_string(folder.0.path().join("root.pem")).unwrap();
    folder.put("root.pem", roots + &certificate_to_pem(&root));
    let first = fs::read(folder.0.path().join("token.tst")).unwrap();
    let serial = SerialNumber::from_epoch_and_counter(2, 2);
    let stamp = |bytes: &[u8], at: &str| {
        let imprint = MessageImprint::of(HashAlgorithm::Sha256, bytes);
        newer
            .issue(&imprint, time(at), &serial, None, true)
            .unwrap()
    };
    folder.put("later.tst", stamp(&first, "2019-01-01T00:00:00Z"));
    folder.put("late.tst", stamp(&first, "2022-01-01T00:00:00Z"));
    folder.put("other.tst", stamp(b"another token", "2019-01-01T00:00:00Z"));
    let (code, json) = folder.judge_token(&["--renewed-by", "later.tst"]);
    assert_eq!((code, &json["outcome"]), (0, &"proven".into()), "{json}");
    assert_eq!(json["facts"]["gen_time"], "2015-06-15T12:00:00Z");
    assert_eq!(
        json["facts"]["renewals"][0]["latest"],
        "2019-01-01T00:00:01Z"
    );
    for (name, code, renewal) in [
        ("late.tst", "tsp.chain_expired", serde_json::Value::Null),
        ("other.tst", "tsp.renewal_mismatch", 0.into()),
    ] {
        let (exit, json) = folder.judge_token(&["--renewed-by", name]);
        let finding = &json["findings"][0];
        assert_eq!(
            (exit, &finding["code"], &finding["renewal"]),
            (2, &code.into(), &renewal),
            "{name}"
        );
        // Judged at what its renewal proves; one over something else is named by its file.
        match name {
            "late.tst" => {
                assert_eq!(json["facts"]["judged_by"], "renewal");
                assert_eq!(json["facts"]["judged_at"], "2022-01-01T00:00:01Z");
                let advice = finding["advice"].as_str().unwrap();
                assert!(advice.starts_with("le renouvellement 1 est venu trop tard"));
            }
            _ => assert_eq!(finding["file"], name),
        }
    }
    let arguments = ["--trust", "root.pem", "--document", "data", "token.tst"];
    // Each token in its own block, the newest first, with what it proves of the one below.
    for (language, headings, below, at, policy) in [
        (
            "fr",
            ["\nRenouvellement 1\n", "\nJeton sur vos octets\n"],
            "le jeton sur vos octets existait au plus tard le 2019-01-01",
            "jugés au 2019-01-01",
            "Politique : ",
        ),
        (
            "en",
            ["\nRenewal 1\n", "\nToken over your bytes\n"],
            "the token over your bytes existed no later than 2019-01-01",
            "judged at 2019-01-01",
            "Policy: ",
        ),
    ] {
        let more = ["--lang", language, "--renewed-by", "later.tst"];
        let (_, out, _) = folder.run(&[&more[..], &arguments].concat());
        let [renewal, token] = headings.map(|heading| out.find(heading).expect(&out));
        assert!(renewal < token, "{out}");
        let (of_renewal, of_token) = (&out[renewal..token], &out[token..]);
        assert!(of_renewal.contains(below), "{out}");
        assert!(
            of_token.contains(at) && of_token.contains("2015-06-15"),
            "{out}"
        );
        let [own, renewed] = match language {
            "fr" => ["empreinte de vos octets", "empreinte du jeton renouvelé"],
            _ => ["imprint of your bytes", "imprint of the renewed token"],
        };
        assert!(of_renewal.contains(renewed) && !of_renewal.contains(own));
        assert!(of_token.contains(own) && !of_token.contains(renewed));
        for block in [of_renewal, of_token] {
            assert!(block.contains(policy), "{out}");
            assert!(block.contains("SHA-256"), "{out}");
        }
    }
    // What the auditor states is of the newest token.
    for (language, words) in [
        ("fr", "que le renouvellement 1 existait"),
        ("en", "that renewal 1 existed"),
    ] {
        let (code, json) = folder.judge_token(&[
            "--lang",
            language,
            "--renewed-by",
            "later.tst",
            "--existed-by",
            "2018-12-31T00:00:00Z",
        ]);
        let finding = &json["findings"][0];
        assert_eq!(
            (
                code,
                &finding["code"],
                &finding["renewal"],
                &finding["file"]
            ),
            (
                2,
                &"existed_by.before_gen_time".into(),
                &0.into(),
                &"later.tst".into()
            )
        );
        assert!(
            finding["message"].as_str().unwrap().contains(words),
            "{json}"
        );
    }
    let (_, json) = folder.judge_token(&["--renewed-by", "later.tst"]);
    let renewal = &json["facts"]["renewals"][0];
    assert_eq!(renewal["judged_by"], "now");
    assert_eq!(json["facts"]["judged_by"], "renewal");
    assert_eq!(json["facts"]["judged_at"], renewal["latest"]);
    for member in [
        "accuracy_us",
        "serial",
        "flags",
        "checks",
        "algorithms",
        "revocation",
    ] {
        assert!(!renewal[member].is_null(), "{member}: {json}");
    }
}

#[test]
fn a_file_that_is_no_renewal_is_told_for_what_it_is() {
    let folder = expired_token();
    folder.put("query.tsq", {
        folder.openssl("ts -query -data data -sha256 -out q.tsq");
        fs::read(folder.0.path().join("q.tsq")).unwrap()
    });
    let (authority, _) = authority("2026-01-01T00:00:00Z");
    let clock = TestClock::at(time("2026-01-02T00:00:00Z"));
    let serials = SerialSource::new().unwrap();
    folder.put("no.tsr", authority.respond(b"no query", &clock, &serials));
    let token = fs::read(folder.0.path().join("token.tst")).unwrap();
    folder.put("cut.tst", &token[..token.len() / 2]);
    for (name, french, english) in [
        ("query.tsq", "une requête d'horodatage", "a timestamp query"),
        (
            "no.tsr",
            "une réponse sans jeton",
            "a response without a token",
        ),
        (
            "cut.tst",
            "illisible comme jeton",
            "not readable as a timestamp token",
        ),
    ] {
        for (language, words) in [("fr", french), ("en", english)] {
            let (code, json) = folder.judge_token(&["--lang", language, "--renewed-by", name]);
            let finding = &json["findings"][0];
            assert_eq!(
                (code, &finding["code"]),
                (2, &"file.unreadable".into()),
                "{json}"
            );
            let message = finding["message"].as_str().unwrap();
            assert!(message.contains(words) && message.contains(name), "{json}");
            let advice = finding["advice"].as_str().unwrap();
            assert!(!advice.contains(".kbox.json"), "{json}");
        }
    }
}

/// What the older token proves rests on the newer one, so whose policies are accepted is asked of both.
#[test]
fn the_policies_that_are_accepted_are_asked_of_renewals_too() {
    let folder = Folder::new();
    let start = "2026-01-01T00:00:00Z";
    let pki = DevPki::generate(time(start), true).unwrap();
    let made = |signer, chain, policy| {
        Authority::new(AuthorityConfig::new(signer, chain, policy), time(start)).unwrap()
    };
    let public = TsaPolicyId::public_policy();
    let first = made(pki.public.signer, pki.public.chain, public.clone());
    let evidence = TsaPolicyId::evidence_policy();
    let second = made(pki.evidence.signer, pki.evidence.chain, evidence.clone());
    let stamp = |authority: &Authority, bytes: &[u8], at: &str| {
        let imprint = MessageImprint::of(HashAlgorithm::Sha256, bytes);
        let serial = SerialNumber::from_epoch_and_counter(2, 2);
        authority
            .issue(&imprint, time(at), &serial, None, true)
            .unwrap()
    };
    let token = stamp(&first, b"data", "2026-01-02T00:00:00Z");
    folder.put("later.tst", stamp(&second, &token, "2026-01-03T00:00:00Z"));
    folder.put("token.tst", token);
    folder.put("data", b"data");
    folder.put("root.pem", certificate_to_pem(&pki.root));
    let (public, evidence) = (public.to_string(), evidence.to_string());
    for (policies, exit, renewal) in [
        (vec![], 0, serde_json::Value::Null),
        (vec![&public, &evidence], 0, serde_json::Value::Null),
        // Anybody can add a renewal: what is wrong with one disproves nothing.
        (vec![&public], 2, 0.into()),
        (vec![&evidence], 1, serde_json::Value::Null),
    ] {
        let mut more = vec!["--renewed-by", "later.tst"];
        policies
            .iter()
            .for_each(|policy| more.extend(["--policy", policy]));
        let (code, json) = folder.judge_token(&more);
        let finding = &json["findings"][0];
        assert_eq!((code, &finding["renewal"]), (exit, &renewal), "{json}");
        if exit != 0 {
            assert_eq!(finding["code"], "tsp.policy_not_accepted");
        }
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named_whichever_it_is_in() {
    let folder = Folder::new();
    folder.put("token.tst", revocation_fixture("token.tst"));
    folder.put("root.pem", revocation_fixture("root.pem"));
    folder.put("data", revocation_fixture("data.txt"));
    for name in ["ca-good", "forged"] {
        folder.put(
            format!("{name}.crl"),
            revocation_fixture(&format!("{name}.crl")),
        );
        folder.openssl(&format!("crl -inform DER -in {name}.crl -out {name}.pem"));
    }
    let text = |name: &str| fs::read_to_string(folder.0.path().join(name)).unwrap();
    folder.put("both.pem", text("ca-good.pem") + &text("forged.pem"));
    folder.put("broken.pem", certificate_to_pem(&[0x30, 0]));
    for (given, code, file) in [
        ("forged.crl", "tsp.revocation_signature", "forged.crl"),
        ("both.pem", "tsp.revocation_signature", "both.pem, crls #2"),
        ("broken.pem", "tsp.trust_malformed", "broken.pem"),
    ] {
        let (exit, json) = folder.judge_token(&["--trust", given]);
        let finding = &json["findings"][0];
        assert_eq!((exit, &finding["code"]), (2, &code.into()), "{json}");
        assert_eq!(finding["file"], file);
        let arguments = [
            "--trust",
            "root.pem",
            "--trust",
            given,
            "--document",
            "data",
            "token.tst",
        ];
        let (_, out, _) = folder.run(&arguments);
        assert!(out.contains(&format!("Fichier : {file}.")), "{out}");
    }
}

#[test]
fn a_token_is_held_against_its_request_and_the_policies_that_are_accepted() {
    let folder = Folder::new();
    let start = "2026-01-01T00:00:00Z";
    let (authority, root) = authority(start);
    folder.put("root.pem", certificate_to_pem(&root));
    folder.put("data", b"convocation");
    folder.openssl("ts -query -data data -sha256 -cert -out q.tsq");
    folder.openssl("ts -query -data data -sha256 -cert -out other.tsq");
    let query = fs::read(folder.0.path().join("q.tsq")).unwrap();
    let clock = TestClock::at(time("2026-01-02T00:00:00Z"));
    let serials = SerialSource::new().unwrap();
    folder.put("token.tst", authority.respond(&query, &clock, &serials));
    let ours = TsaPolicyId::public_policy().to_string();
    for (more, exit, code) in [
        (&["--request", "q.tsq"][..], 0, None),
        (&["--request", "other.tsq"], 1, Some("tsp.nonce_mismatch")),
        (&["--policy", "1.2.3"], 1, Some("tsp.policy_not_accepted")),
        (&["--policy", "1.2.3", "--policy", &ours], 0, None),
    ] {
        let (found, json) = folder.judge_token(more);
        let code = code.map_or(serde_json::Value::Null, Into::into);
        assert_eq!(
            (found, &json["findings"][0]["code"]),
            (exit, &code),
            "{more:?}"
        );
        let steps = json["facts"]["checks"].as_array().into_iter().flatten();
        let outcome = |name: &str| {
            let step = steps.clone().find(|check| check["step"] == name);
            step.map(|check| check["outcome"].clone())
        };
        if exit == 0 {
            let asked = more.contains(&"--request");
            assert_eq!(outcome("request").is_some(), asked);
            let held = if asked { "not_made" } else { "held" };
            assert_eq!(outcome("policy").unwrap(), held);
        }
    }
    // The request says what is stamped, where there is no document.
    let arguments = ["--trust", "root.pem", "--request", "q.tsq", "token.tst"];
    let (code, out, err) = folder.run(&arguments);
    assert_eq!(code, 0, "{out}{err}");
    let (code, _, err) = folder.run(&["--policy", "x", "token.tst"]);
    assert!(code == 2 && err.contains("1.2.3.4"), "{err}");
}

#[test]
fn a_token_that_is_refused_says_why_by_which_rule_and_what_to_do_in_the_readers_language() {
    let folder = expired_token();
    folder.put("other", b"other");
    let say = |language: &str, document: &str| {
        let arguments = ["--lang", language, "--trust", "root.pem", "--document"];
        folder
            .run(&[&arguments[..], &[document, "token.tst"]].concat())
            .1
    };
    let french = say("fr", "data");
    for words in [
        "Horodatage : INDÉTERMINÉ",
        "[tsp.chain_expired] au ",
        "Règle : RFC 5280",
        "--existed-by",
    ] {
        assert!(french.contains(words), "{french}");
    }
    assert!(!french.contains("certificate chain"), "{french}");
    let french = say("fr", "other");
    assert!(french.starts_with("Horodatage : REJETÉ"), "{french}");
    assert!(french.contains("octet pour octet"), "{french}");
    let english = say("en", "other");
    assert!(
        english.contains("the token is over other data"),
        "{english}"
    );
    let (code, json) = folder.judge_token(&[]);
    let finding = &json["findings"][0];
    assert!(code == 2 && finding["source"].as_str().unwrap().starts_with("RFC 5280"));
    assert!(finding["advice"].as_str().unwrap().contains("--renewed-by"));
}

/// By the same bytes, proven it says all that itself.
#[test]
fn a_token_that_is_not_proven_tells_what_it_claims_and_that_nothing_shows_it() {
    let folder = expired_token();
    folder.put("other", b"other");
    for (language, document, words) in [
        ("fr", "data", "Ce que le jeton affirme (non prouvé)"),
        ("en", "data", "What the token claims (not proven)"),
        ("fr", "other", "Ce que le jeton affirme (non prouvé)"),
    ] {
        let arguments = ["--lang", language, "--trust", "root.pem", "--document"];
        let (_, out, _) = folder.run(&[&arguments[..], &[document, "token.tst"]].concat());
        let (_, claims) = out.split_once(words).expect(&out);
        let policy = TsaPolicyId::public_policy().to_string();
        for claim in ["2015-06-15T12:00:00Z", &policy, "kbox"] {
            assert!(claims.contains(claim), "{claim}: {out}");
        }
    }
    let early = ["--existed-by", "2015-01-01T00:00:00Z"];
    for more in [&[][..], &early] {
        let (code, json) = folder.judge_token(more);
        let claims = &json["facts"]["claims"];
        assert_eq!(
            (code, &claims["gen_time"]),
            (2, &"2015-06-15T12:00:00Z".into())
        );
        assert_eq!(claims["policy"], TsaPolicyId::public_policy().to_string());
        for member in ["subject", "issuer", "serial"] {
            assert!(claims["signer"][member].is_string(), "{json}");
        }
    }
    let (code, json) = folder.judge_token(&["--existed-by", "2019-01-01T00:00:00Z"]);
    assert!(code == 0 && json["facts"]["claims"].is_null(), "{json}");
}

#[test]
fn a_token_that_can_be_read_in_two_ways_is_refused_with_the_reason_and_noise_is_no_token() {
    let folder = expired_token();
    let good = fs::read(folder.0.path().join("token.tst")).unwrap();
    let mut altered = good.clone();
    // The version of SignedData is no INTEGER any more.
    let version = altered
        .windows(3)
        .position(|part| part == [2, 1, 3])
        .unwrap();
    altered[version] = 5;
    for (bytes, french) in [
        ([&good[..], &[0]].concat(), "des octets suivent le message"),
        (altered, "n'est pas le DER attendu"),
    ] {
        folder.put("token.tst", bytes);
        let (code, json) = folder.judge_token(&[]);
        let finding = &json["findings"][0];
        assert_eq!((code, &finding["code"]), (2, &"token.malformed".into()));
        let message = finding["message"].as_str().unwrap();
        assert!(message.contains(french), "{message}");
    }
    folder.put("token.tst", b"noise");
    let (code, out, _) = folder.run(&["--trust", "root.pem", "token.tst"]);
    assert!(code == 2 && out.contains("un texte"), "{out}");
}

/// What is missing of a file, and an authority that says to ask again later, tell nothing against anybody.
#[test]
fn a_file_that_is_cut_off_and_an_authority_that_says_later_disprove_nothing() {
    let folder = expired_token();
    let fault = |name: &str| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tsp-faults");
        fs::read(PathBuf::from(path).join(name)).unwrap()
    };
    let good = fs::read(folder.0.path().join("token.tst")).unwrap();
    let total = good.len();
    let status = |bytes: &[u8]| {
        let info = [&[0x30, u8::try_from(bytes.len()).unwrap()], bytes].concat();
        [&[0x30, u8::try_from(info.len()).unwrap()][..], &info].concat()
    };
    let cut = |length: usize| good[..length].to_vec();
    let bits =
        |octets: &[u8]| [&[2, 1, 2, 3, u8::try_from(octets.len()).unwrap()], octets].concat();
    for (bytes, code, words) in [
        (
            cut(total - 1),
            "token.cut_off",
            format!("{} octets sur {total}", total - 1),
        ),
        (cut(5), "token.cut_off", format!("5 octets sur {total}")),
        (cut(3), "token.not_a_token", "presque vide".into()),
        (fault("der-truncated.tsr"), "token.cut_off", "coupé".into()),
        (
            fault("query.tsq")[..20].to_vec(),
            "token.cut_off",
            "coupé".into(),
        ),
        (
            fault("status-waiting.tsr"),
            "tsp.status_not_granted",
            "pas encore traité".into(),
        ),
        // timeNotAvailable (14) and systemFailure (25).
        (
            status(&bits(&[1, 0, 2])),
            "tsp.status_not_granted",
            "timeNotAvailable".into(),
        ),
        (
            status(&bits(&[6, 0, 0, 0, 0x40])),
            "tsp.status_not_granted",
            "systemFailure".into(),
        ),
    ] {
        folder.put("token.tst", bytes);
        let (exit, json) = folder.judge_token(&[]);
        let finding = &json["findings"][0];
        assert_eq!((exit, &finding["code"]), (2, &code.into()), "{json}");
        assert_eq!(
            (&json["outcome"], &finding["undecided"]),
            (&"undecided".into(), &true.into())
        );
        assert!(
            finding["message"].as_str().unwrap().contains(&words),
            "{json}"
        );
        let (_, text, _) = folder.run(&["--trust", "root.pem", "--document", "data", "token.tst"]);
        assert!(
            text.contains("INDÉTERMINÉ") && !text.contains("REJETÉ"),
            "{text}"
        );
    }
}

/// One answer to all that is no token: cannot decide, in the language asked for, and what it looks like.
#[test]
fn what_is_no_timestamp_token_is_told_apart_from_a_token_that_was_altered() {
    let folder = expired_token();
    let faults = |name: &str| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tsp-faults");
        fs::read(PathBuf::from(path).join(name)).unwrap()
    };
    folder.openssl("x509 -in root.pem -outform DER -out root.der");
    let certificate = fs::read(folder.0.path().join("root.der")).unwrap();
    // id-data, and an EvidenceRecord as far as its algorithms.
    let data = [
        0x30, 0x0b, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1,
    ];
    let record = [0x30, 9, 2, 1, 1, 0x30, 4, 0x30, 2, 5, 0];
    for (bytes, french, english) in [
        (faults("query.tsq"), "requête", "query"),
        (
            faults("root.pem"),
            "un certificat en PEM",
            "a certificate in PEM",
        ),
        (
            b"-----BEGIN X509 CRL-----\n".to_vec(),
            "CRL) en PEM",
            "CRL) in PEM",
        ),
        (b"-----BEGIN CMS-----\n".to_vec(), "du PEM", "PEM, where"),
        (b"\x89PNG\r\n\x1a\n".to_vec(), "image PNG", "PNG image"),
        (b"\xff\xd8\xff\xe0".to_vec(), "image JPEG", "JPEG image"),
        (b"%PDF-1.7".to_vec(), "document PDF", "PDF document"),
        (certificate, "un certificat", "a certificate"),
        (revocation_fixture("tsu-good.crl"), "CRL", "CRL"),
        (revocation_fixture("tsu-good.ocsp"), "OCSP", "OCSP"),
        (data.to_vec(), "CMS", "CMS"),
        (record.to_vec(), "EvidenceRecord", "EvidenceRecord"),
        (b"Monsieur le Maire".to_vec(), "un texte", "a text"),
        (
            b"MIIFIgYJKoZIhvcN\nAQcC\n".to_vec(),
            "openssl base64 -d",
            "openssl base64 -d",
        ),
        (vec![0xff, 0], "sorte inconnue", "unknown kind"),
    ] {
        folder.put("token.tst", bytes);
        for (language, words) in [("fr", french), ("en", english)] {
            let arguments = ["--lang", language, "--trust", "root.pem", "token.tst"];
            let (code, out, err) = folder.run(&arguments);
            assert!(
                code == 2 && err.is_empty() && out.contains(words),
                "{out}{err}"
            );
            assert!(out.contains("[token.not_a_token]"), "{out}");
        }
    }
    folder.put("token.tst", faults("certificates-33.tsr"));
    let (code, json) = folder.judge_token(&[]);
    let found = &json["findings"][0]["code"];
    assert_eq!((code, found), (2, &"tsp.budget_certificates".into()));
}

#[test]
fn certificates_lists_and_responses_are_taken_in_der_too() {
    let folder = Folder::new();
    for name in [
        "token.tst",
        "ca-good.crl",
        "tsu-good.ocsp",
        "delta.crl",
        "root.pem",
    ] {
        folder.put(name, revocation_fixture(name));
    }
    folder.put("data", revocation_fixture("data.txt"));
    folder.openssl("x509 -in root.pem -outform DER -out root.der");
    let judge = |files: &[&str]| {
        let mut arguments = vec!["--json", "--document", "data", "--existed-by"];
        arguments.push("2026-03-02T00:00:00Z");
        files
            .iter()
            .for_each(|file| arguments.extend(["--trust", file]));
        arguments.push("token.tst");
        folder.run(&arguments)
    };
    let (code, out, err) = judge(&["root.der", "ca-good.crl", "tsu-good.ocsp"]);
    let json: serde_json::Value = serde_json::from_str(&out).expect(&err);
    let status = &json["facts"]["revocation"]["status"];
    assert_eq!((code, status), (0, &"not_revoked".into()), "{out}");
    let (code, _, err) = judge(&["root.der", "delta.crl"]);
    assert!(code == 2 && err.contains("2.5.29.27"), "{err}");
    let (code, _, err) = judge(&["root.der", "token.tst"]);
    assert!(code == 2 && err.contains("un jeton d'horodatage"), "{err}");
}

/// Nobody signs a refusal: anybody can put one in a good token's place.
#[test]
fn a_refusal_of_an_authority_is_read_as_one_and_disproves_nothing() {
    let folder = expired_token();
    let (authority, _) = authority("2026-01-01T00:00:00Z");
    let clock = TestClock::at(time("2026-01-02T00:00:00Z"));
    let serials = SerialSource::new().unwrap();
    folder.put(
        "token.tst",
        authority.respond(b"no query", &clock, &serials),
    );
    let (code, json) = folder.judge_token(&[]);
    assert_eq!(
        (code, &json["findings"][0]["code"]),
        (2, &"tsp.status_not_granted".into())
    );
    assert_eq!(json["outcome"], "undecided");
    let advice = json["findings"][0]["advice"].as_str().unwrap();
    assert!(advice.contains("corrigez la requête"), "{advice}");
    let message = json["findings"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("n'a pas le format voulu (badDataFormat)"),
        "{message}"
    );
    // The authority's own words.
    assert!(message.contains("Elle écrit : « "), "{message}");
}

#[test]
fn a_time_of_existence_that_the_token_contradicts_decides_nothing_and_rescues_nothing() {
    let folder = expired_token();
    let early = ["--existed-by", "2015-06-15T11:59:58Z"];
    let (code, json) = folder.judge_token(&early);
    assert_eq!(
        (code, &json["findings"][0]["code"]),
        (2, &"existed_by.before_gen_time".into())
    );
    let finding = &json["findings"][0];
    assert_eq!(finding["source"], "kbox");
    assert_eq!(finding["renewal"], serde_json::Value::Null);
    let message = finding["message"].as_str().unwrap();
    assert!(!message.contains("INDÉTERMINÉ") && !message.contains('['));
    assert!(finding["advice"].as_str().unwrap().contains("--existed-by"));
    // Within the token's accuracy of a second there is no contradiction.
    let (code, _) = folder.judge_token(&["--existed-by", "2015-06-15T11:59:59Z"]);
    assert_eq!(code, 0);
    folder.put("data", b"another convocation");
    let (code, json) = folder.judge_token(&early);
    assert_eq!(
        (code, &json["findings"][0]["code"]),
        (1, &"tsp.imprint_mismatch".into())
    );
}

#[test]
fn a_time_of_existence_is_an_instant_of_the_past_and_for_tokens_alone() {
    let (folder, _) = folder();
    for (value, path, words) in [
        ("yesterday", "one.kbox.json", "RFC 3339"),
        ("2019-01-01T00:00:00", "one.kbox.json", "RFC 3339"),
        (
            "2019-01-01T00:00:00Z",
            "one.kbox.json",
            "pour les jetons seuls",
        ),
        (
            "2019-01-01T00:00:00Z",
            "file.asice",
            "pour les jetons seuls",
        ),
    ] {
        let arguments = ["--trust", "trust.json", "--existed-by", value, path];
        let (code, _, err) = folder.run(&arguments);
        assert!(code == 2 && err.contains(words), "{value} {path}: {err}");
    }
    let folder = expired_token();
    let arguments = ["--trust", "root.pem", "--document", "data", "token.tst"];
    let (code, _, err) =
        folder.run(&[&["--existed-by", "2200-01-01T00:00:00Z"][..], &arguments].concat());
    assert!(code == 2 && err.contains("à venir"), "{err}");
}

/// A key that its certificate no longer covers still signs; OpenSSL 3.0 looks at its own clock alone.
#[test]
fn a_gen_time_outside_the_certificate_is_disproven_whenever_it_is_judged_although_openssl_accepts_it()
 {
    let folder = Folder::new();
    folder.put("data", b"convocation");
    folder.put("index", b"");
    folder.put("serial", b"01\n");
    folder.put(
        "x.cnf",
        "[req]\ndistinguished_name=dn\n[dn]\n\
         [ca]\ndefault_ca=a\n[a]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n\
         [p]\ncommonName=supplied\n\
         [root]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n\
         [tsu]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n\
         [ts]\nserial=serial\nsigner_cert=tsu.pem\nsigner_key=tsu.key\ndefault_policy=1.2.3.4\ndigests=sha256\n\
         signer_digest=sha256\ness_cert_id_alg=sha256\ncrypto_device=builtin\n",
    );
    for name in ["root", "tsu"] {
        folder.openssl(&format!(
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"
        ));
        folder.openssl(&format!(
            "req -new -config x.cnf -key {name}.key -subj /CN={name} -out {name}.csr"
        ));
    }
    folder.openssl("ca -config x.cnf -batch -notext -selfsign -keyfile root.key -in root.csr -extensions root -startdate 20100101000000Z -enddate 20600101000000Z -out root.pem");
    folder.openssl("ca -config x.cnf -batch -notext -cert root.pem -keyfile root.key -in tsu.csr -extensions tsu -startdate 20100101000000Z -enddate 20200101000000Z -out tsu.pem");
    folder.openssl("ts -query -data data -sha256 -cert -no_nonce -out q.tsq");
    folder
        .openssl("ts -reply -config x.cnf -section ts -queryfile q.tsq -token_out -out token.tst");
    folder.openssl(
        "ts -verify -token_in -in token.tst -data data -CAfile root.pem -attime 1500000000",
    );
    for more in [
        &[][..],
        &["--existed-by", "2018-01-01T00:00:00Z"],
        &["--existed-by", "2026-01-01T00:00:00Z"],
    ] {
        let (code, json) = folder.judge_token(more);
        assert_eq!(
            (code, &json["outcome"], &json["findings"][0]["code"]),
            (
                1,
                &"disproven".into(),
                &"tsp.gen_time_outside_certificate".into()
            )
        );
    }
}

fn revocation_fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/revocation");
    fs::read(folder.join(name)).unwrap()
}

#[test]
fn revocation_lists_in_pem_are_held_against_a_token_at_the_time_by_which_it_existed() {
    let folder = Folder::new();
    folder.put("token.tst", revocation_fixture("token.tst"));
    folder.put("root.pem", revocation_fixture("root.pem"));
    folder.put("data", revocation_fixture("data.txt"));
    for name in [
        "tsu-superseded",
        "tsu-keyCompromise",
        "ca-good",
        "tsu-good",
        "delta",
    ] {
        folder.put(
            format!("{name}.crl"),
            revocation_fixture(&format!("{name}.crl")),
        );
        folder.openssl(&format!("crl -inform DER -in {name}.crl -out {name}.pem"));
    }
    let judge = |lists: &[&str], existed: &str| {
        let mut more = vec!["--existed-by", existed];
        lists.iter().for_each(|list| more.extend(["--trust", list]));
        folder.judge_token(&more)
    };
    let (before, after) = ("2026-05-31T23:59:59Z", "2026-06-01T00:00:00Z");
    for (list, existed, exit, code) in [
        ("tsu-superseded.pem", before, 0, "revoked_later"),
        ("tsu-superseded.pem", after, 2, "tsp.revoked_no_poe"),
        ("tsu-keyCompromise.pem", before, 0, "revoked_later"),
        (
            "tsu-keyCompromise.pem",
            after,
            1,
            "tsp.revoked_key_compromise",
        ),
        ("tsu-good.pem", after, 0, "not_revoked"),
        ("ca-good.pem", after, 0, "inconclusive"),
    ] {
        let (found, json) = judge(&[list, "ca-good.pem"], existed);
        let reason = match exit {
            0 => &json["facts"]["revocation"]["status"],
            _ => &json["findings"][0]["code"],
        };
        assert_eq!(
            (found, reason),
            (exit, &code.into()),
            "{list} {existed}: {json}"
        );
        if code == "revoked_later" {
            assert_eq!(json["facts"]["revocation"]["revoked_at"], after);
        }
    }
    let (exit, json) = judge(&[], after);
    let status = &json["facts"]["revocation"]["status"];
    assert_eq!((exit, status), (0, &"not_checked".into()));
    let arguments = ["--trust", "root.pem", "--document", "data", "token.tst"];
    let existed = ["--existed-by", after];
    for (language, words) in [
        ("fr", "La révocation des certificats n'a pas été vérifiée"),
        ("en", "Revocation of certificates was not checked"),
    ] {
        let (_, out, _) = folder.run(&[&["--lang", language][..], &existed, &arguments].concat());
        assert!(out.contains(words), "{out}");
    }
    let (exit, _, err) = folder.run(&[&["--trust", "delta.pem"][..], &arguments].concat());
    assert!(
        exit == 2 && err.contains("delta.pem") && err.contains("2.5.29.27"),
        "{err}"
    );
}

fn fault_fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tsp-faults");
    fs::read(folder.join(name)).unwrap()
}

#[test]
fn each_option_tells_a_file_of_another_kind_for_what_it_is() {
    let folder = Folder::new();
    for (name, source) in [
        ("token.tst", "ok.tsr"),
        ("root.pem", "root.pem"),
        ("data", "data.txt"),
        ("query.tsq", "query.tsq"),
    ] {
        folder.put(name, fault_fixture(source));
    }
    folder.put("a.pdf", b"%PDF-1.7\n");
    folder.put("empty", b"");
    folder.put("words.txt", "Délibération du conseil\n");
    let root = fault_fixture("root.pem");
    folder.put("cut.pem", &root[..root.len() / 2]);
    folder.openssl("genpkey -algorithm ed25519 -out key.pem");
    // In DER: PKCS #8, the same encrypted, SEC 1 and PKCS #1.
    folder.openssl("pkey -in key.pem -outform DER -out pkcs8.der");
    folder.openssl("pkcs8 -topk8 -in key.pem -outform DER -passout pass:x -out locked.der");
    folder.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem");
    folder.openssl("ec -in ec.pem -outform DER -out sec1.der");
    folder.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem");
    folder.openssl("rsa -in rsa.pem -traditional -outform DER -out pkcs1.der");
    for name in ["pkcs8.der", "locked.der", "sec1.der", "pkcs1.der"] {
        for (language, words) in [("fr", "une clé privée"), ("en", "a private key")] {
            let (code, _, err) = folder.run(&["--lang", language, "--trust", name, "token.tst"]);
            assert!(code == 2 && err.contains(words), "{name}: {err}");
            let (code, out, _) = folder.run(&["--lang", language, "--trust", "root.pem", name]);
            assert!(code == 2 && out.contains(words), "{name}: {out}");
        }
    }
    for (option, name, french, english) in [
        ("--request", "a.pdf", "un document PDF", "a PDF document"),
        ("--request", "empty", "un fichier vide", "an empty file"),
        ("--request", "words.txt", "un texte", "a text"),
        (
            "--request",
            "token.tst",
            "la réponse d'une autorité",
            "authority's answer",
        ),
        (
            "--anchor",
            "a.pdf",
            "donnez avec --anchor un certificat",
            "give a certificate (PEM or DER) with --anchor",
        ),
        (
            "--trust",
            "key.pem",
            "une clé privée : ne la transmettez à personne",
            "a private key: hand it to nobody",
        ),
        (
            "--trust",
            "cut.pem",
            "ce PEM est coupé",
            "this PEM is cut off",
        ),
        (
            "--trust",
            "token.tst",
            "la réponse d'une autorité",
            "authority's answer",
        ),
        (
            "--trust",
            "query.tsq",
            "une requête d'horodatage",
            "a timestamp query",
        ),
        ("--trust", "words.txt", "c'est un texte", "this is a text"),
    ] {
        for (language, words) in [("fr", french), ("en", english)] {
            let (code, out, err) = folder.run(&[
                "--lang",
                language,
                "--trust",
                "root.pem",
                "--document",
                "data",
                option,
                name,
                "token.tst",
            ]);
            assert_eq!((code, out.as_str()), (2, ""), "{option} {name}");
            assert!(
                err.contains(words) && err.contains(name),
                "{option} {name}: {err}"
            );
            assert!(err.contains(option), "{option} {name}: {err}");
            assert!(!err.contains("a tlog-policy:"), "{err}");
        }
    }
}

#[test]
fn a_fault_of_a_token_is_told_apart_from_its_neighbours() {
    let folder = Folder::new();
    folder.put("root.pem", fault_fixture("root.pem"));
    folder.put("data", fault_fixture("data.txt"));
    for (name, french, english) in [
        (
            "signature-not-as-key-says",
            "n'est pas faite pour lui",
            "the key in the signer's certificate is not for it",
        ),
        (
            "signature-other-digest",
            "une autre fonction de hachage",
            "another digest",
        ),
        (
            "signature-ecdsa-null",
            "des paramètres que sa norme n'admet pas",
            "parameters that its standard does not allow",
        ),
        (
            "message-digest-missing",
            "n'est pas conforme à la norme",
            "does not follow the standard",
        ),
        (
            "message-digest-other",
            "l'empreinte signée n'est pas celle du contenu",
            "the signed digest is not the content's",
        ),
        (
            "message-digest-missing",
            "l'empreinte du contenu manque sous la signature",
            "the digest of the content is not under the signature",
        ),
        (
            "content-type-twice",
            "le type du contenu est répété",
            "the content type is under the signature twice",
        ),
        (
            "ess-twice",
            "figure deux fois",
            "is there twice, or has not exactly one value",
        ),
        ("ess-malformed", "est illisible", "cannot be read"),
        (
            "serial-zero",
            "le numéro de série est zéro",
            "the serial number is zero",
        ),
        (
            "sid-other",
            "n'importe qui a pu le changer",
            "which anybody can have changed",
        ),
        (
            "ess-twin-certificate",
            "l'empreinte signée en désigne un autre",
            "the signed hash is of another",
        ),
        (
            "chain-not-yet-valid",
            "n'était pas encore valable",
            "was not valid yet",
        ),
    ] {
        let token = format!("{name}.tsr");
        folder.put(&token, fault_fixture(&token));
        for (language, words) in [("fr", french), ("en", english)] {
            let (_, out, _) = folder.run(&[
                "--lang",
                language,
                "--trust",
                "root.pem",
                "--document",
                "data",
                &token,
            ]);
            assert!(out.contains(words), "{name}: {out}");
        }
    }
    // Both imprints, to be compared with what other programs say.
    folder.put("ok.tsr", fault_fixture("ok.tsr"));
    folder.put("other", b"other");
    for (name, digest) in [
        ("data", Sha256Digest::of(&fault_fixture("data.txt"))),
        ("other", Sha256Digest::of(b"other")),
    ] {
        let arguments = ["--trust", "root.pem", "--document", "other", "ok.tsr"];
        let (code, out, _) = folder.run(&arguments);
        assert!(code == 1 && out.contains(&digest.to_hex()), "{name}: {out}");
    }
    // The clauses are in the reader's language for programs, too.
    let trust = ["--json", "--trust", "root.pem", "--document", "data"];
    let existed = ["--existed-by", "2026-09-01T00:00:00Z", "ok.tsr"];
    for (language, has, lacks) in [
        ("fr", "annexe B", "appendix"),
        ("en", "appendix B", "annexe"),
    ] {
        let (code, out, _) = folder.run(&[&["--lang", language][..], &trust, &existed].concat());
        assert!(code == 0 && out.contains(has), "{out}");
        assert!(!out.contains(lacks), "{out}");
    }
}

#[test]
fn a_hold_a_missing_reason_and_an_old_list_are_not_told_as_a_stolen_key() {
    let folder = Folder::new();
    folder.put("token.tst", revocation_fixture("token.tst"));
    folder.put("root.pem", revocation_fixture("root.pem"));
    folder.put("data", revocation_fixture("data.txt"));
    let report = |name: &str, language: &str| {
        folder.put(name, revocation_fixture(name));
        let (_, out, err) = folder.run(&[
            "--lang",
            language,
            "--trust",
            "root.pem",
            "--trust",
            name,
            "--document",
            "data",
            "token.tst",
        ]);
        out + &err
    };
    for (name, language, said) in [
        (
            "tsu-certificateHold.crl",
            "fr",
            &["la suspension a été levée", "certificateHold"][..],
        ),
        (
            "tsu-certificateHold.crl",
            "en",
            &["whether the hold was lifted"],
        ),
        (
            "tsu-no-reason.crl",
            "fr",
            &["sans motif", "traité comme compromis (RFC 3161 §4)"],
        ),
        (
            "tsu-no-reason.crl",
            "en",
            &["no reason given", "counts as compromised (RFC 3161 §4)"],
        ),
        (
            "tsu-keyCompromise.crl",
            "fr",
            &["clé compromise, keyCompromise"],
        ),
        (
            "tsu-before-token.crl",
            "fr",
            &[
                "2026-02-01T00:00:00Z, donc avant le jeton",
                "ne couvrent pas tous les certificats.",
            ],
        ),
        (
            "tsu-before-token.crl",
            "en",
            &[
                "2026-02-01T00:00:00Z, before the token",
                "do not cover every certificate.",
            ],
        ),
        (
            "late-responder.ocsp",
            "fr",
            &["hors de la validité du certificat de son répondeur"],
        ),
        (
            "late-responder.ocsp",
            "en",
            &["outside the validity of its responder's certificate"],
        ),
        (
            "not-a-responder.ocsp",
            "en",
            &["nor by a responder that it authorised"],
        ),
        (
            "delta.crl",
            "fr",
            &["demandez à l'autorité de certification une liste complète"],
        ),
        (
            "delta.crl",
            "en",
            &["ask the certification authority for a complete list"],
        ),
    ] {
        let text = report(name, language);
        for words in said {
            assert!(text.contains(words), "{name}: {text}");
        }
    }
    // A list has no responder.
    assert!(!report("forged.crl", "fr").contains("répondeur"));
    assert!(!report("forged.crl", "en").contains("responder"));
}

/// Whoever adds the signer's certificate, as a token without certificates asks for, trusts no more than before.
#[test]
fn only_self_signed_certificates_are_anchors_and_others_must_be_named_as_such() {
    let folder = Folder::new();
    folder.put("token.tst", revocation_fixture("token.tst"));
    folder.put("root.pem", revocation_fixture("root.pem"));
    folder.put("data", revocation_fixture("data.txt"));
    folder.put(
        "revoked.crl",
        revocation_fixture("tsu-superseded-before-token.crl"),
    );
    let token = TimeStampToken::parse(&revocation_fixture("token.tst")).unwrap();
    let names: Vec<String> = (0..token.certificates().len())
        .map(|index| format!("{index}.crt"))
        .collect();
    for (name, certificate) in names.iter().zip(token.certificates()) {
        folder.put(name, certificate);
        let (code, json) = folder.judge_token(&["--trust", "revoked.crl", "--trust", name]);
        let found = &json["findings"][0]["code"];
        assert_eq!((code, found), (1, &"tsp.revoked".into()), "{json}");
        let (code, json) = folder.judge_token(&["--trust", "revoked.crl", "--anchor", name]);
        let found = &json["findings"][0]["code"];
        assert_eq!((code, found), (1, &"tsp.revoked".into()), "{json}");
        // Without the root it is no anchor, unless it is named as one; and then that is said.
        let alone = |option| {
            let arguments = ["--json", option, name, "--document", "data", "token.tst"];
            let (code, out, err) = folder.run(&arguments);
            let json: serde_json::Value = serde_json::from_str(&out).expect(&err);
            (code, json)
        };
        let (code, json) = alone("--trust");
        let found = &json["findings"][0]["code"];
        assert_eq!((code, found), (2, &"tsp.no_chain".into()), "{json}");
        let (code, json) = alone("--anchor");
        let anchored = &json["facts"]["anchored_in_a_root"];
        assert_eq!((code, anchored), (0, &false.into()), "{json}");
        let arguments = ["--anchor", name, "--document", "data", "token.tst"];
        let (_, out, _) = folder.run(&arguments);
        assert!(
            out.contains("--anchor") && out.contains("au-dessus"),
            "{out}"
        );
    }
    let (_, json) = folder.judge_token(&[]);
    assert_eq!(json["facts"]["anchored_in_a_root"], true);
}

#[test]
fn receipts_say_what_is_known_of_revocation_and_take_lists_from_pem_too() {
    let (folder, _) = folder();
    for path in ["file.asice", "one.kbox.json"] {
        let (code, out, _) = folder.run(&["--json", "--trust", "trust.json", path]);
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let status = &json["facts"]["revocation"]["status"];
        assert_eq!((code, status), (0, &"not_checked".into()), "{path}");
    }
    // Of another CA: it reaches the policy, and says nothing here.
    folder.put("other.crl", revocation_fixture("tsu-good.crl"));
    folder.openssl("crl -inform DER -in other.crl -out other.pem");
    let arguments = [
        "--trust",
        "trust.json",
        "--trust",
        "other.pem",
        "file.asice",
    ];
    let (code, out, err) = folder.run(&arguments);
    assert!(
        code == 0 && out.contains("n'a pas été vérifiée"),
        "{out}{err}"
    );
}
